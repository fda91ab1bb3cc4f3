//! Driving licences of the European model, read from their front alone.
//!
//! Licences of the European Union, the European Economic Area and the United Kingdom (Directive 2006/126/EC, annex I) have
//! neither a barcode that says who the holder is nor a machine-readable zone that every issuer prints: all that can be read
//! stands on the front, behind the numbers 1 to 9. What is read here was compared with nothing: policy may refuse it.
//!
//! Always holds: a front counts as one of these only by its title in one of the model's languages together with its
//! numbered fields in their order, and never when it says that it is American; a field that was not found is absent. Does
//! not know security features, and cannot tell a good print from the card.

mod checks;
mod layout;
mod number;
mod titles;

use jiff::civil::Date;

use super::check::Check;
use super::fields::Fields;
use super::read_text::TextLine;
use super::visual::{DateLabel, day_first};
use crate::privacy::{Personal, PersonalDate};

use layout::{FieldNumber, Layout};
use number::LicenceNumber;

/// A front of the European model.
#[derive(Debug, Clone)]
pub struct EuropeanLicence {
    /// What the numbered fields say.
    pub fields: Fields,
    /// Whether the fields agree with each other and with the model.
    pub checks: Vec<Check>,
}

/// Forms of address that British licences print before the given names.
const TITLES_OF_ADDRESS: [&str; 7] = ["MR", "MRS", "MISS", "MS", "MX", "DR", "REV"];

/// Reads a front; `today` settles two-digit years. `None` when it is not of this model.
#[must_use]
pub fn read_european_licence(lines: &[TextLine], today: Date) -> Option<EuropeanLicence> {
    let layout = Layout::of(lines)?;
    let heading = layout.heading(lines);
    let all: Vec<&str> = lines.iter().map(|line| line.text.reveal().as_str()).collect();
    if !titles::is_european(&heading) || titles::is_american(&all, &layout.outside_of_fields(lines)) {
        return None;
    }
    let text = |number| layout.text(number);
    let date = |number, label| {
        text(number).and_then(|text| day_first(text, label, today).into_iter().next()).map(PersonalDate::new)
    };
    let country = titles::country(&heading, text(FieldNumber::Authority));
    let number = text(FieldNumber::Number).and_then(|text| LicenceNumber::read(text, country));
    let given = text(FieldNumber::GivenNames).map(given_names).unwrap_or_default();
    let fields = Fields {
        last_name: text(FieldNumber::Surname).and_then(name),
        first_name: given.first().map(|name| Personal::from(*name)),
        middle_name: (given.len() > 1).then(|| Personal::new(given[1..].join(" "))),
        date_of_birth: date(FieldNumber::Birth, DateLabel::Birth),
        issue_date: date(FieldNumber::Issue, DateLabel::Issue),
        expiration_date: date(FieldNumber::Expiry, DateLabel::Expiry),
        country: country.map(str::to_owned),
        issuing_state: country.map(str::to_owned),
        id_number: number.as_ref().map(|number| number.text.clone()),
        ..Fields::default()
    };
    let checks = checks::all(&layout, &fields, number.as_ref(), today);
    Some(EuropeanLicence { fields, checks })
}

/// A name as it is printed, without what is no name.
fn name(text: &str) -> Option<Personal<String>> {
    let is_name = |c: char| c.is_alphabetic() || matches!(c, ' ' | '-' | '\'' | '’' | '.');
    let text = text.trim().trim_end_matches(['.', ',']);
    (text.chars().any(char::is_alphabetic) && text.chars().all(is_name)).then(|| Personal::from(text))
}

fn given_names(text: &str) -> Vec<&str> {
    if name(text).is_none() {
        return Vec::new();
    }
    let words = text.split_whitespace().map(|word| word.trim_end_matches(['.', ',']));
    words.filter(|word| !word.is_empty() && !TITLES_OF_ADDRESS.contains(word)).collect()
}

#[cfg(test)]
mod tests;
