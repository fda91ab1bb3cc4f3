//! Two machine-readable parts of one side against each other: barcodes beside barcodes, and a zone beside a barcode.
//!
//! Enhanced licences of the border states have a TD1 zone beside their barcode. Always holds: a part that does not state a
//! field contradicts nothing by it. Does not compare the numbers of a zone and a barcode: the zone has the card's, the
//! barcode the licence's.

use super::aamva::AamvaDocument;
use super::check::{Check, CheckResult, CheckStrength};
use super::fields::{Fields, none_contradicts};
use super::similarity::transliterated;
use crate::privacy::{Personal, PersonalDate};

/// Two-letter codes of the states whose enhanced cards have a zone (source: Department of Homeland Security, 'Enhanced
/// Drivers Licenses: What Are They?').
const WITH_ZONE: [&str; 5] = ["MI", "MN", "NY", "VT", "WA"];

/// Shortest name that another may begin with and be the same, cut off.
const LEAST_BEGINNING: usize = 3;

/// Whether the back of such a card may have a zone.
#[must_use]
pub fn may_have_zone(document: &AamvaDocument) -> bool {
    document.issuer.and_then(|issuer| issuer.code).is_some_and(|code| WITH_ZONE.contains(&code))
}

/// Whether all payloads on one side are the same person's card: a card has one, or the same one twice.
pub fn single_payload<'a>(first: &Fields, others: impl Iterator<Item = &'a Fields>) -> Check {
    let differing = others.filter(|other| !is_same_card(first, other)).count();
    let result = if differing == 0 { CheckResult::Pass } else { CheckResult::Fail };
    Check::new("single_payload", result, format!("{differing} payloads that say something else than the first"))
}

/// Whether nothing is stated otherwise, and at least one of what tells one card from another is stated by both.
fn is_same_card(first: &Fields, other: &Fields) -> bool {
    let texts = |fields: &Fields| {
        [&fields.id_number, &fields.last_name, &fields.first_name, &fields.middle_name].map(Clone::clone)
    };
    let days = |fields: &Fields| {
        [&fields.date_of_birth, &fields.expiration_date, &fields.issue_date]
            .map(|day| day.as_ref().map(PersonalDate::reveal))
    };
    let is_told = first.id_number.is_some() && other.id_number.is_some()
        || first.date_of_birth.is_some() && other.date_of_birth.is_some();
    is_told
        && texts(first).iter().zip(&texts(other)).all(|(a, b)| none_contradicts(a.as_ref(), b.as_ref()))
        && days(first).iter().zip(&days(other)).all(|(a, b)| none_contradicts(a.as_ref(), b.as_ref()))
        && none_contradicts(first.sex.as_ref(), other.sex.as_ref())
}

/// Holds a zone whose check digits are right against the barcode beside it: birth, expiry, family name.
pub fn zone_beside_barcode(barcode: &Fields, zone: Option<&Fields>) -> Check {
    const NAME: &str = "zone_beside_barcode";
    let Some(zone) = zone else {
        let unread = Check::new(NAME, CheckResult::NotApplicable, "no machine-readable zone was read beside it");
        return unread.with_strength(CheckStrength::Weak);
    };
    let day = |one: &Option<PersonalDate>, other: &Option<PersonalDate>| {
        one.as_ref().zip(other.as_ref()).map(|(one, other)| one.reveal() == other.reveal())
    };
    let compared = [
        ("date_of_birth", day(&barcode.date_of_birth, &zone.date_of_birth)),
        ("expiration_date", day(&barcode.expiration_date, &zone.expiration_date)),
        ("last_name", barcode.last_name.as_ref().zip(zone.last_name.as_ref()).map(|(one, other)| is_name(one, other))),
    ];
    let with = |wanted| compared.iter().filter(move |(_, same)| *same == Some(wanted)).map(|(field, _)| *field);
    let (same, other) = (with(true).collect::<Vec<_>>().join(", "), with(false).collect::<Vec<_>>().join(", "));
    match (same.is_empty(), other.is_empty()) {
        (_, false) => Check::new(NAME, CheckResult::Fail, format!("the zone states another {other}")),
        (false, true) => Check::new(NAME, CheckResult::Pass, format!("the same {same}")),
        (true, true) => {
            Check::new(NAME, CheckResult::NotApplicable, "nothing that both state").with_strength(CheckStrength::Weak)
        }
    }
}

/// Whether two family names are the same as a zone writes them, or the one the beginning of the other: both are cut off.
fn is_name(one: &Personal<String>, other: &Personal<String>) -> bool {
    let [one, other] = [one, other].map(|name| transliterated(name.reveal()));
    let shorter = one.len().min(other.len());
    one == other || (shorter >= LEAST_BEGINNING && one[..shorter] == other[..shorter])
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn card() -> Fields {
        Fields {
            id_number: Some("WDLEXAM123AB".into()),
            last_name: Some("MÜLLER-EXEMPLAR".into()),
            first_name: Some("ADA".into()),
            date_of_birth: Some(PersonalDate::new(date(1981, 1, 31))),
            expiration_date: Some(PersonalDate::new(date(2029, 1, 31))),
            issue_date: Some(PersonalDate::new(date(2023, 3, 4))),
            ..Fields::default()
        }
    }

    /// The card with one field changed.
    fn other(change: impl FnOnce(&mut Fields)) -> Fields {
        let mut card = card();
        change(&mut card);
        card
    }

    /// The same card with one field changed, for every field that says whose it is.
    fn others() -> [Fields; 6] {
        [
            other(|card| card.id_number = Some("WDLEXAM123AC".into())),
            other(|card| card.last_name = Some("SPECIMEN".into())),
            other(|card| card.first_name = Some("OTHER".into())),
            other(|card| card.date_of_birth = Some(PersonalDate::new(date(1971, 1, 31)))),
            other(|card| card.expiration_date = Some(PersonalDate::new(date(2033, 1, 31)))),
            other(|card| card.issue_date = Some(PersonalDate::new(date(2025, 3, 4)))),
        ]
    }

    #[test]
    fn a_second_payload_that_says_anything_else_of_the_holder_fails_and_the_same_one_twice_does_not() {
        assert_eq!(single_payload(&card(), [].iter()).result, CheckResult::Pass);
        assert_eq!(single_payload(&card(), [card(), card()].iter()).result, CheckResult::Pass);
        // Names left out or written in another element contradict nothing; a payload that says nothing of the holder does.
        let shorter = other(|card| (card.first_name, card.issue_date) = (None, None));
        assert_eq!(single_payload(&card(), [shorter].iter()).result, CheckResult::Pass);
        assert_eq!(single_payload(&card(), [Fields::default()].iter()).result, CheckResult::Fail);
        for (at, other) in others().iter().enumerate() {
            assert_eq!(single_payload(&card(), [&card(), other].into_iter()).result, CheckResult::Fail, "{at}");
        }
    }

    #[test]
    fn a_zone_of_somebody_else_beside_the_barcode_fails() {
        let result = |zone: Option<&Fields>| zone_beside_barcode(&card(), zone).result;
        // The zone writes letters otherwise, cuts names off, and has a number of its own.
        let zone = |birth, last: &str| Fields {
            id_number: Some("Y12345678".into()),
            last_name: Some(last.into()),
            date_of_birth: Some(PersonalDate::new(birth)),
            ..Fields::default()
        };
        assert_eq!(result(Some(&zone(date(1981, 1, 31), "MUELLER EXEMP"))), CheckResult::Pass);
        assert_eq!(result(Some(&zone(date(1981, 1, 30), "MUELLER EXEMP"))), CheckResult::Fail);
        assert_eq!(result(Some(&zone(date(1981, 1, 31), "SPECIMEN"))), CheckResult::Fail);
        assert_eq!(result(Some(&Fields::default())), CheckResult::NotApplicable);
        assert_eq!(result(None), CheckResult::NotApplicable);
        let expired = Fields { expiration_date: Some(PersonalDate::new(date(2024, 1, 31))), ..Fields::default() };
        assert_eq!(result(Some(&expired)), CheckResult::Fail);
    }
}
