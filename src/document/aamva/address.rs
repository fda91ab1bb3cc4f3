//! Addresses: which lines are the address, and postal codes and countries without their padding.
//!
//! DL/ID-2000 has a mailing address (DAG to DAK) and a residence address (DAL to DAP); issuers fill one or both. Later
//! editions have one address. Always holds: the mailing address is taken where it is there, as its letters are those of
//! the later editions' address.

use super::elements::Elements;
use super::issuers::Issuer;
use crate::privacy::Personal;

/// An address, each part absent when the card has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Address<'a> {
    pub street: Option<&'a str>,
    pub street_2: Option<&'a str>,
    pub city: Option<&'a str>,
    pub jurisdiction_code: Option<String>,
    pub postal_code: Option<Personal<String>>,
}

/// Reads the address from the elements.
pub(super) fn address(elements: &Elements) -> Address<'_> {
    let either = |mailing, residence| elements.stated(mailing).or_else(|| elements.stated(residence));
    let city = either("DAI", "DAN");
    let street_2 = if elements.stated("DAG").is_some() { elements.stated("DAH") } else { either("DAH", "DAM") };
    Address {
        street: either("DAG", "DAL"),
        // Some issuers repeat city, state and postal code as the second line.
        street_2: street_2.filter(|line| !city.is_some_and(|city| line.starts_with(city))),
        city,
        jurisdiction_code: either("DAJ", "DAO").map(str::to_ascii_uppercase).filter(|code| is_code(code)),
        postal_code: either("DAK", "DAP").and_then(postal_code),
    }
}

fn is_code(code: &str) -> bool {
    (2..=3).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// A postal code without padding: letters and digits only, a ZIP+4 whose last four digits are unknown without them.
pub(super) fn postal_code(text: &str) -> Option<Personal<String>> {
    // The capacity is taken at once: a string that grows leaves copies of itself behind that are not wiped.
    let mut code = String::with_capacity(text.len());
    code.extend(text.chars().filter(char::is_ascii_alphanumeric));
    code.make_ascii_uppercase();
    if code.len() == 9 && code.bytes().all(|byte| byte.is_ascii_digit()) && code.ends_with("0000") {
        code.truncate(5);
    }
    if is_canadian(&code) {
        code.truncate(6);
    }
    (!code.is_empty()).then(|| Personal::new(code))
}

/// Letter, digit, letter, digit, letter, digit; the element is wider than that and some issuers fill it with zeros.
fn is_canadian(code: &str) -> bool {
    let bytes = code.as_bytes();
    bytes.len() >= 6
        && bytes[..6]
            .iter()
            .enumerate()
            .all(|(at, byte)| if at % 2 == 0 { byte.is_ascii_uppercase() } else { byte.is_ascii_digit() })
        && bytes[6..].iter().all(|byte| *byte == b'0')
}

/// The country in three letters, from the element or else the issuer: DL/ID-2000 has no element for it.
pub(super) fn country(elements: &Elements, issuer: Option<&Issuer>, code: Option<&str>) -> Option<String> {
    let stated = elements.stated("DCG").and_then(country_code);
    let issuer = issuer.or_else(|| Issuer::by_code(code?));
    stated.or_else(|| issuer.map(|issuer| issuer.country.to_owned()))
}

/// The three letters of a country as cards write it.
pub(super) fn country_code(text: &str) -> Option<String> {
    match text.trim().to_ascii_uppercase().as_str() {
        "US" | "U.S." | "U.S.A." => Some("USA".to_owned()),
        "CA" | "CDN" | "CANADA" => Some("CAN".to_owned()),
        "MX" | "MEXICO" => Some("MEX".to_owned()),
        code if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()) => Some(code.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::elements::ElementId;
    use super::*;

    #[test]
    fn postal_codes_lose_their_padding() {
        for (text, code) in [
            ("232690000  ", "23269"),
            ("23269-1234", "232691234"),
            ("71901 4455", "719014455"),
            ("23269-    ", "23269"),
            ("C0A 2B4    ", "C0A2B4"),
            ("C0A2B400000", "C0A2B4"),
        ] {
            assert_eq!(postal_code(text), Some(code.into()));
        }
        assert_eq!(postal_code("  -  "), None);
    }

    #[test]
    fn a_residence_address_is_taken_when_there_is_no_mailing_address() {
        let mut elements = Elements::default();
        for (id, value) in [("DAG", ""), ("DAL", "1 ROAD"), ("DAN", "TOWN"), ("DAO", "NC"), ("DAP", "27713-9722")] {
            elements.add(ElementId::known(id), value);
        }
        let address = address(&elements);
        assert_eq!((address.street, address.city), (Some("1 ROAD"), Some("TOWN")));
        assert_eq!(address.jurisdiction_code.as_deref(), Some("NC"));
        assert_eq!(country(&elements, None, Some("NC")).as_deref(), Some("USA"));
    }

    #[test]
    fn a_second_line_that_repeats_the_city_is_dropped() {
        let mut elements = Elements::default();
        for (id, value) in [("DAG", "1 ROAD"), ("DAH", "TOWN, WY  82930"), ("DAI", "TOWN")] {
            elements.add(ElementId::known(id), value);
        }
        assert_eq!(address(&elements).street_2, None);
    }

    #[test]
    fn countries_are_three_letters() {
        assert_eq!(
            ["USA", "CDN", "us"].map(country_code),
            [Some("USA"), Some("CAN"), Some("USA")].map(|c| c.map(str::to_owned))
        );
        assert_eq!(country_code("EARTH"), None);
    }
}
