//! The fields of a document, whichever of its parts they were read from.

use serde::Serialize;

use crate::privacy::{Personal, PersonalDate};

/// What kind of document it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// A driving licence, of the AAMVA kind or printed only.
    DrivingLicense,
    /// An identity card.
    IdCard,
    /// A passport.
    Passport,
    /// A visa (MRV-A, MRV-B): read, never accepted as proof of identity.
    Visa,
}

/// Sex as documents state it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Sex {
    /// Male.
    M,
    /// Female.
    F,
    /// Not specified, or neither.
    X,
}

/// Every field that `carded` reads from a document; absent when it is not there or was not readable.
///
/// The names are those of AAMVA's parsed elements; `nationality`, `issuing_state` and `document_number` come from
/// machine-readable zones (ICAO Doc 9303), where names are upper case and transliterated.
#[derive(Clone, Default, PartialEq)]
pub struct Fields {
    /// Given name (DAC, DCT), or the first word of a machine-readable zone's secondary identifier.
    pub first_name: Option<Personal<String>>,
    /// Middle names (DAD), or the further words of the secondary identifier.
    pub middle_name: Option<Personal<String>>,
    /// Family name (DCS, DAB), or the primary identifier.
    pub last_name: Option<Personal<String>>,
    /// Whether the code says that a name was cut off (AAMVA: DDE, DDF, DDG), or had no room for more of it.
    pub name_is_cut_off: bool,
    /// Whether names are written as in a machine-readable zone: two letters may stand for one with a diacritic.
    pub names_are_transliterated: bool,
    /// Suffix such as JR (DCU).
    pub suffix: Option<Personal<String>>,
    /// Date of birth (DBB).
    pub date_of_birth: Option<PersonalDate>,
    /// Last day of validity (DBA).
    pub expiration_date: Option<PersonalDate>,
    /// Day of issue (DBD).
    pub issue_date: Option<PersonalDate>,
    /// Sex (DBC).
    pub sex: Option<Sex>,
    /// Height in centimetres (DAU).
    pub height_cm: Option<u16>,
    /// First line of the address (DAG).
    pub street: Option<Personal<String>>,
    /// Second line of the address (DAH).
    pub street_2: Option<Personal<String>>,
    /// City (DAI).
    pub city: Option<Personal<String>>,
    /// Two-letter code of the state or province in the address (DAJ).
    pub jurisdiction_code: Option<String>,
    /// Postal code (DAK), without padding.
    pub postal_code: Option<Personal<String>>,
    /// Country of issue (DCG), or the issuing state of a machine-readable zone: three letters.
    pub country: Option<String>,
    /// Number of the licence or card (DAQ), or the document number of a machine-readable zone.
    pub id_number: Option<Personal<String>>,
    /// Nationality of the holder, three letters.
    pub nationality: Option<Personal<String>>,
    /// Issuing state or organisation, three letters.
    pub issuing_state: Option<String>,
    /// Document number as the machine-readable zone states it.
    pub document_number: Option<Personal<String>>,
}

/// Whether two statements of a field do not contradict each other: one that is missing contradicts nothing.
pub(crate) fn none_contradicts<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
    one.zip(other).is_none_or(|(one, other)| one == other)
}

/// Shows nothing: also what is not wrapped by itself, such as the sex, says something about the holder.
impl std::fmt::Debug for Fields {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}
