//! Anchors: HMAC-SHA256 of what a document says, under a key that only this device has.
//!
//! Always holds: no anchor comes of a missing or empty value; the parts of a value are framed by their lengths, so that
//! two different values never give the same bytes; the label names kind and version, so that a later way to normalise
//! never meets an earlier one by accident. Does not store anything.
//!
//! **Normalisation, version 1.** Text: letters and digits only, upper case, transliterated as a machine-readable zone
//! writes them (Doc 9303 part 3, section 6.A): `Müller-Lüdenscheidt` and `MUELLER LUEDENSCHEIDT` are one name. A card that
//! writes `MULLER` is another: nothing tells which letters have lost a diacritic. Given names are the first and the middle
//! ones in a row. Dates: `YYYY-MM-DD`. The issuer is the issuing state of a machine-readable zone, or else the country with
//! the state or province of the card.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::api_secrets::ApiSecrets;
use crate::document::{Fields, transliterated};
use crate::privacy::Personal;

/// What an anchor recognises again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnchorKind {
    /// A document: its number and its issuer.
    Document,
    /// A person: family name, given names and date of birth.
    Person,
}

impl AnchorKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Document, Self::Person];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Person => "person",
        }
    }

    /// The domain that is hashed before the value.
    fn label(self) -> &'static str {
        match self {
            Self::Document => "carded/anchor/document/v1",
            Self::Person => "carded/anchor/person/v1",
        }
    }
}

/// The key of all anchors of a device or fleet.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct AnchorKey([u8; AnchorKey::BYTES]);

impl AnchorKey {
    /// Length in bytes.
    pub const BYTES: usize = 32;
    const CHECK_LABEL: &'static str = "carded/anchor-key/v1";

    /// Takes a key into keeping. The caller wipes its own copy.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        Self(*bytes)
    }

    /// A public name of the key: 64 lower-case hexadecimal digits that tell one key from another and nothing else.
    #[must_use]
    pub fn check_value(&self) -> String {
        self.hash(Self::CHECK_LABEL, &[])
    }

    /// What the API's secrets and keyed hashes are made with.
    #[must_use]
    pub fn api_secrets(&self) -> ApiSecrets {
        ApiSecrets::under(&keyed_hash(&self.0, ApiSecrets::LABEL, &[]))
    }

    /// 64 lower-case hexadecimal digits.
    fn hash(&self, label: &str, parts: &[&str]) -> String {
        hexadecimal(&*keyed_hash(&self.0, label, parts))
    }
}

/// HMAC-SHA256 (RFC 2104) of a label and parts, each behind its length, so that no two rows of parts give the same bytes.
pub(super) fn keyed_hash(key: &[u8; AnchorKey::BYTES], label: &str, parts: &[&str]) -> Zeroizing<[u8; 32]> {
    // A key that is shorter than the hash's block is filled up with zeros, here as in the HMAC itself.
    let mut block = Zeroizing::new([0; 64]);
    block[..key.len()].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    for part in std::iter::once(&label).chain(parts) {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}

impl std::fmt::Debug for AnchorKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// A keyed hash that recognises a document or a person again.
#[derive(Clone, PartialEq, Eq)]
pub struct Anchor {
    kind: AnchorKind,
    value: String,
}

impl Anchor {
    /// What it recognises.
    #[must_use]
    pub fn kind(&self) -> AnchorKind {
        self.kind
    }

    /// 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.value
    }

    fn new(key: &AnchorKey, kind: AnchorKind, parts: &[&str]) -> Option<Self> {
        let whole = parts.iter().all(|part| !part.is_empty());
        whole.then(|| Self { kind, value: key.hash(kind.label(), parts) })
    }
}

/// Shows the kind only: an anchor in a log would tie its line to a person.
impl std::fmt::Debug for Anchor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:[redacted]", self.kind.as_str())
    }
}

/// A keyed hash by which a document is known again among attempts that failed. It is under a label of its own, so that it
/// meets no [`Anchor`]: who was never verified leaves none.
#[derive(Clone, PartialEq, Eq)]
pub struct AttemptMark(String);

impl AttemptMark {
    const LABEL: &'static str = "carded/attempt/document/v1";

    /// 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for AttemptMark {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// The mark of what a document says: of its number, or of its holder where no number was read.
#[must_use]
pub fn attempt_mark(key: &AnchorKey, fields: &Fields) -> Option<AttemptMark> {
    let anchor = document_anchor(key, fields).or_else(|| person_anchor(key, fields))?;
    Some(AttemptMark(key.hash(AttemptMark::LABEL, &[anchor.kind.as_str(), anchor.as_str()])))
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|half| char::from_digit(half.into(), 16)).collect()
}

/// The anchors that these fields are enough for.
#[must_use]
pub fn anchors(key: &AnchorKey, fields: &Fields) -> Vec<Anchor> {
    [document_anchor(key, fields), person_anchor(key, fields)].into_iter().flatten().collect()
}

/// The anchor of a document, if number and issuer are known.
#[must_use]
pub fn document_anchor(key: &AnchorKey, fields: &Fields) -> Option<Anchor> {
    let [country, part, number] = document_parts(fields)?;
    Anchor::new(key, AnchorKind::Document, &[&country, &part, &number])
}

/// What a document is known by, normalised: country, part of it, number. Any of them may be empty.
pub(super) fn document_parts(fields: &Fields) -> Option<[Zeroizing<String>; 3]> {
    let number = plain(fields.document_number.as_ref().or(fields.id_number.as_ref())?);
    let (country, part) = match &fields.issuing_state {
        // A machine-readable zone names no part of a country; the frame keeps the place for it.
        Some(state) => (state.as_str(), "-"),
        None => (fields.country.as_deref()?, fields.jurisdiction_code.as_deref()?),
    };
    let issuer = |text: &str| Zeroizing::new(text.trim().to_uppercase());
    Some([issuer(country), issuer(part), number])
}

/// The anchor of a person, if family name, given name and date of birth are known.
#[must_use]
pub fn person_anchor(key: &AnchorKey, fields: &Fields) -> Option<Anchor> {
    let family = plain(fields.last_name.as_ref()?);
    let given = plain(fields.first_name.as_ref()?);
    let middle = fields.middle_name.as_ref().map(plain).unwrap_or_default();
    if given.is_empty() {
        return None;
    }
    let mut all_given = Zeroizing::new(String::with_capacity(given.len() + middle.len()));
    all_given.push_str(&given);
    all_given.push_str(&middle);
    let birth = Zeroizing::new(fields.date_of_birth.as_ref()?.reveal().to_string());
    Anchor::new(key, AnchorKind::Person, &[&family, &all_given, &birth])
}

fn plain(text: &Personal<String>) -> Zeroizing<String> {
    transliterated(text.reveal())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::privacy::PersonalDate;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn key() -> AnchorKey {
        AnchorKey::from_bytes(&[7; 32])
    }

    fn fields(last: &str, first: &str, number: &str) -> Fields {
        Fields {
            last_name: Some(last.into()),
            first_name: Some(first.into()),
            date_of_birth: Some(PersonalDate::new(date(1990, 5, 17))),
            id_number: Some(number.into()),
            country: Some("USA".to_owned()),
            jurisdiction_code: Some("CA".to_owned()),
            ..Fields::default()
        }
    }

    #[test]
    fn an_anchor_is_the_hmac_of_its_framed_parts() {
        // printf '\0\0\0\0\0\0\0\x19carded/anchor/document/v1\0\0\0\0\0\0\0\x03USA\0\0\0\0\0\0\0\x02CA\0\0\0\0\0\0\0\x05D1234' |
        // openssl dgst -sha256 -mac HMAC -macopt hexkey:0707…07
        let anchor = document_anchor(&key(), &fields("A", "B", "d-1234")).unwrap();
        assert_eq!(anchor.as_str(), "457da73d88c9461a1a8fbab88dba30fe80b965d0cbc7cfd6ca9f45ed2bb228aa");
    }

    #[test]
    fn a_mark_knows_a_document_again_and_meets_no_anchor() {
        let whole = fields("DIAZ", "ANA", "D123");
        let mark = attempt_mark(&key(), &whole).unwrap();
        assert_eq!(Some(&mark), attempt_mark(&key(), &fields("DIAZ", "ANA", "d-123")).as_ref());
        assert_ne!(Some(&mark), attempt_mark(&key(), &fields("DIAZ", "ANA", "D124")).as_ref());
        assert_ne!(Some(&mark), attempt_mark(&AnchorKey::from_bytes(&[8; 32]), &whole).as_ref());
        assert!(anchors(&key(), &whole).iter().all(|anchor| anchor.as_str() != mark.as_str()));
        let unnumbered = Fields { id_number: None, ..whole };
        assert!(attempt_mark(&key(), &unnumbered).is_some_and(|of_holder| of_holder != mark));
        assert_eq!(attempt_mark(&key(), &Fields::default()), None);
        assert_eq!(format!("{mark:?}"), "[redacted]");
    }

    #[test]
    fn one_person_has_one_anchor_however_the_document_writes_the_name() {
        let of = |last: &str, first: &str| person_anchor(&key(), &fields(last, first, "1"));
        assert_eq!(of("Müller-Lüdenscheidt", "José María"), of("MUELLER LUEDENSCHEIDT", "JOSE MARIA"));
        assert_eq!(of("O’Brien", "Zoë"), of("OBRIEN", "ZOE"));
        let split = Fields { middle_name: Some("María".into()), ..fields("Diaz", "José", "1") };
        assert_eq!(person_anchor(&key(), &split), of("DIAZ", "JOSE MARIA"));
    }

    #[test]
    fn no_anchor_comes_of_a_missing_or_empty_field() {
        let whole = fields("Diaz", "Ana", "D123");
        assert_eq!(anchors(&key(), &whole).len(), 2);
        let without = |change: fn(&mut Fields)| {
            let mut fields = whole.clone();
            change(&mut fields);
            anchors(&key(), &fields).iter().map(Anchor::kind).collect::<Vec<_>>()
        };
        assert_eq!(without(|f| f.last_name = None), [AnchorKind::Document]);
        assert_eq!(without(|f| f.first_name = None), [AnchorKind::Document]);
        assert_eq!(without(|f| f.first_name = Some(" -".into())), [AnchorKind::Document]);
        assert_eq!(without(|f| f.date_of_birth = None), [AnchorKind::Document]);
        assert_eq!(without(|f| f.id_number = None), [AnchorKind::Person]);
        assert_eq!(without(|f| f.id_number = Some("***".into())), [AnchorKind::Person]);
        assert_eq!(without(|f| f.country = None), [AnchorKind::Person]);
        assert_eq!(without(|f| f.jurisdiction_code = None), [AnchorKind::Person]);
        assert_eq!(anchors(&key(), &Fields::default()), []);
    }

    #[test]
    fn another_key_issuer_date_or_kind_is_another_anchor() {
        let whole = fields("DIAZ", "ANA", "D123");
        let mut seen: Vec<String> = anchors(&key(), &whole).iter().map(|a| a.as_str().to_owned()).collect();
        seen.extend(anchors(&AnchorKey::from_bytes(&[8; 32]), &whole).iter().map(|a| a.as_str().to_owned()));
        let elsewhere = Fields { jurisdiction_code: Some("NV".to_owned()), ..whole.clone() };
        let passport = Fields { issuing_state: Some("USA".to_owned()), ..whole.clone() };
        let born_later = Fields { date_of_birth: Some(PersonalDate::new(date(1990, 5, 18))), ..whole };
        let others = [document_anchor(&key(), &elsewhere), document_anchor(&key(), &passport)];
        seen.extend(others.into_iter().chain([person_anchor(&key(), &born_later)]).map(|a| a.unwrap().value));
        seen.push(key().check_value());
        seen.sort();
        let count = seen.len();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }

    #[test]
    fn keys_and_anchors_print_as_redacted() {
        let anchor = document_anchor(&key(), &fields("A", "B", "D123")).unwrap();
        assert_eq!(format!("{:?} {anchor:?}", key()), "[redacted] document:[redacted]");
    }

    proptest! {
        #[test]
        fn case_spaces_and_punctuation_never_change_an_anchor(
            name in "[a-zäöüéèñçßøåæ]{1,12}", number in "[a-z0-9]{1,12}", gap in "[ .,'’/*<-]{0,3}", at in 0usize..12
        ) {
            let spread = |text: &str| {
                let (head, tail): (Vec<_>, Vec<_>) = text.chars().enumerate().partition(|(index, _)| *index < at);
                let half = |part: Vec<(usize, char)>| part.into_iter().map(|(_, c)| c).collect::<String>();
                format!("{gap}{}{gap}{}", half(head), half(tail)).to_uppercase()
            };
            let (plain, odd) = (fields(&name, &name, &number), fields(&spread(&name), &spread(&name), &spread(&number)));
            prop_assert_eq!(anchors(&key(), &plain), anchors(&key(), &odd));
        }

        #[test]
        fn any_text_normalises_to_letters_and_digits_and_then_stays(text: String) {
            let once = transliterated(&text);
            prop_assert!(once.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()));
            prop_assert_eq!(transliterated(&once), once);
        }

        #[test]
        fn moving_letters_between_the_names_is_another_person(name in "[A-Z]{2,12}", a in 1usize..11, b in 1usize..11) {
            let (a, b) = (a.min(name.len() - 1), b.min(name.len() - 1));
            let of = |at: usize| person_anchor(&key(), &fields(&name[..at], &name[at..], "1"));
            prop_assert_eq!(of(a) == of(b), a == b);
        }
    }
}
