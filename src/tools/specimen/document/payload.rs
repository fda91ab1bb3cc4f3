//! The barcode's bytes: AAMVA DL/ID Card Design Standard 2020, annex D, version number 10.

use jiff::civil::Date;

use super::super::person::{SpecimenLicence, plus_years};
use crate::document::Sex;

/// Bytes of the header up to the first subfile designator (D.12.3).
const HEADER: usize = 21;
/// Bytes of one subfile designator (D.12.4).
const DESIGNATOR: usize = 10;

/// The data string of a licence: header, designators, one `DL` subfile with every mandatory element, and one `ZC`
/// subfile as a state's own data. Offsets count bytes from the start, lengths include the subfile's type and its closing
/// carriage return.
#[must_use]
pub fn aamva_payload(licence: &SpecimenLicence) -> String {
    let subfiles = [("DL", licence_subfile(licence)), ("ZC", state_subfile(licence))];
    let mut payload = format!("@\n\u{1e}\rANSI {}1000{:02}", licence.issuer, subfiles.len());
    let mut offset = HEADER + DESIGNATOR * subfiles.len();
    for (kind, subfile) in &subfiles {
        let designator = format!("{kind}{offset:04}{:04}", subfile.len());
        payload.push_str(&designator);
        offset += subfile.len();
    }
    payload.extend(subfiles.map(|(_, subfile)| subfile));
    payload
}

fn licence_subfile(licence: &SpecimenLicence) -> String {
    let person = &licence.person;
    let middle = if person.middle_name.is_empty() { "NONE" } else { &person.middle_name };
    let mut elements = vec![
        ("DAQ", licence.id_number.clone()),
        ("DCS", person.last_name.clone()),
        ("DDE", "N".to_owned()),
        ("DAC", person.first_name.clone()),
        ("DDF", "N".to_owned()),
        ("DAD", middle.to_owned()),
        ("DDG", "N".to_owned()),
        ("DCA", "C".to_owned()),
        ("DCB", "NONE".to_owned()),
        ("DCD", "NONE".to_owned()),
        ("DBD", month_day_year(licence.issue_date)),
        ("DBB", month_day_year(person.date_of_birth)),
        ("DBA", month_day_year(licence.expiration_date)),
        ("DBC", sex_code(person.sex).to_owned()),
        ("DAU", format!("{:03} in", person.height_inches)),
        ("DAY", person.eyes.to_owned()),
        ("DAG", person.street.clone()),
        ("DAI", person.city.clone()),
        ("DAJ", licence.state.clone()),
        ("DAK", format!("{:<11}", person.postal_code)),
        ("DCF", document_discriminator(licence)),
        ("DCG", "USA".to_owned()),
        ("DAZ", person.hair.to_owned()),
        ("DAW", format!("{:03}", person.weight_pounds)),
        ("DDA", "F".to_owned()),
        ("DDB", "01012024".to_owned()),
    ];
    for (element, years) in [("DDH", 18), ("DDJ", 21)] {
        let reached = plus_years(person.date_of_birth, years);
        if reached > licence.issue_date {
            elements.push((element, month_day_year(reached)));
        }
    }
    let joined: Vec<String> = elements.into_iter().map(|(id, value)| format!("{id}{value}")).collect();
    format!("DL{}\r", joined.join("\n"))
}

fn state_subfile(licence: &SpecimenLicence) -> String {
    format!("ZCZCASPECIMEN\nZCB{}\r", licence.person.hair)
}

/// `MMDDCCYY`, as the United States writes dates in the barcode (D.12.5).
fn month_day_year(date: Date) -> String {
    format!("{:02}{:02}{:04}", date.month(), date.day(), date.year())
}

/// ANSI D-20 codes (D.12.5, element DBC).
fn sex_code(sex: Sex) -> &'static str {
    match sex {
        Sex::M => "1",
        Sex::F => "2",
        Sex::X => "9",
    }
}

/// Unique to one issue of one card, at most 25 characters (element DCF).
pub(super) fn document_discriminator(licence: &SpecimenLicence) -> String {
    let issued = licence.issue_date;
    format!("{:02}/{:02}/{:04}/SPEC/{}", issued.month(), issued.day(), issued.year(), licence.id_number)
}

#[cfg(test)]
mod tests {
    use super::super::super::person::PersonName;
    use super::*;
    use jiff::civil::date;

    fn subfile(payload: &str, designator: usize) -> &str {
        let start = HEADER + designator * DESIGNATOR;
        let number = |at: usize| payload[at..at + 4].parse::<usize>().unwrap();
        &payload[number(start + 2)..number(start + 2) + number(start + 6)]
    }

    #[test]
    fn offsets_and_lengths_point_at_the_subfiles() {
        let payload = aamva_payload(&SpecimenLicence::genuine(PersonName::Collins, date(2026, 3, 1)));
        assert_eq!(&payload[..21], "@\n\u{1e}\rANSI 636014100002");
        for (k, kind) in ["DL", "ZC"].into_iter().enumerate() {
            let body = subfile(&payload, k);
            assert!(body.starts_with(kind) && body.ends_with('\r') && body.matches('\r').count() == 1, "{body:?}");
        }
        assert_eq!(payload.len(), HEADER + 2 * DESIGNATOR + subfile(&payload, 0).len() + subfile(&payload, 1).len());
        assert!(payload.is_ascii());
    }

    #[test]
    fn every_mandatory_element_of_version_10_is_there_once() {
        let payload = aamva_payload(&SpecimenLicence::genuine(PersonName::Hopper, date(2026, 3, 1)));
        let elements: Vec<&str> = subfile(&payload, 0)[2..].trim_end().split('\n').map(|line| &line[..3]).collect();
        for element in [
            "DCA", "DCB", "DCD", "DBA", "DCS", "DAC", "DAD", "DBD", "DBB", "DBC", "DAY", "DAU", "DAG", "DAI", "DAJ",
            "DAK", "DAQ", "DCF", "DCG", "DDE", "DDF", "DDG",
        ] {
            assert_eq!(elements.iter().filter(|e| **e == element).count(), 1, "{element}");
        }
    }

    #[test]
    fn a_minor_carries_the_days_of_turning_18_and_21() {
        let today = date(2026, 3, 1);
        let adult = SpecimenLicence::genuine(PersonName::Collins, today);
        let minor = adult.clone().of_age(17, today);
        assert!(aamva_payload(&minor).contains("\nDDH03012027\nDDJ03012030\r"));
        assert!(!aamva_payload(&adult).contains("DDH"));
    }

    #[test]
    fn an_altered_front_leaves_the_barcode_alone() {
        let licence = SpecimenLicence::genuine(PersonName::Collins, date(2026, 3, 1));
        let altered = licence.clone().altered(super::super::super::person::AlteredField::DateOfBirth);
        assert_eq!(aamva_payload(&licence), aamva_payload(&altered));
    }
}
