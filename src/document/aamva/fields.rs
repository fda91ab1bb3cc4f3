//! The fields of a document, out of its elements.

use super::address::{address, country};
use super::dates::parse_date;
use super::elements::Elements;
use super::issuers::Issuer;
use super::measures::{height_cm, sex};
use super::names::name;
use crate::document::Fields;
use crate::privacy::{Personal, PersonalDate};

/// Reads the fields; one that is missing or not readable is absent.
pub(super) fn fields(elements: &Elements, issuer: Option<&Issuer>) -> Fields {
    let name = name(elements);
    let address = address(elements);
    let personal = |text: Option<&str>| text.map(Personal::from);
    // DAV is for centimetres in DL/ID-2000, though some issuers put feet and inches there.
    let height = elements.text("DAU").and_then(height_cm).or_else(|| elements.text("DAV").and_then(height_cm));
    // The longest name that DL/ID-2000 has room for; later editions hold 40 characters of each name.
    let is_long = |text: &str| text.len() >= 35;
    let name_is_cut_off = ["DDE", "DDF", "DDG"].into_iter().any(|id| elements.text(id) == Some("T"))
        || ["DAA", "DCS", "DCT", "DAC", "DAD"].into_iter().filter_map(|id| elements.text(id)).any(is_long);
    Fields {
        name_is_cut_off,
        first_name: personal(name.first),
        middle_name: personal(name.middle),
        last_name: personal(name.last),
        suffix: personal(name.suffix),
        date_of_birth: day(elements, "DBB"),
        expiration_date: day(elements, "DBA"),
        issue_date: day(elements, "DBD"),
        sex: elements.text("DBC").and_then(sex),
        height_cm: height,
        street: personal(address.street),
        street_2: personal(address.street_2),
        city: personal(address.city),
        country: country(elements, issuer, address.jurisdiction_code.as_deref()),
        jurisdiction_code: address.jurisdiction_code,
        postal_code: address.postal_code,
        id_number: personal(elements.stated("DAQ")),
        ..Fields::default()
    }
}

fn day(elements: &Elements, id: &'static str) -> Option<PersonalDate> {
    elements.text(id).and_then(parse_date).map(|(date, _)| PersonalDate::new(date))
}
