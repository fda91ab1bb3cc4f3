//! Judges a payload: is it as genuine cards are?
//!
//! Always holds: the same checks come in the same order for every document. `fail` is kept for what no issuer's system
//! produces; what genuine cards or scanners are known to get wrong is a `flag`. Does not decide on expiry or age: an
//! expired card is still genuine, and both depend on the policy of the place.

mod dates;
mod elements;
mod issuer;
mod structure;

use jiff::civil::Date;

use super::AamvaDocument;
use crate::document::{Check, CheckResult};

/// Runs every check; `today` is the calendar day of the place.
///
/// | name | looks at |
/// |---|---|
/// | `header` | compliance indicator, separators and file type before the issuer |
/// | `version` | whether the header version is a known edition |
/// | `subfile_table` | count, offsets and lengths that the header declares |
/// | `separators` | whether elements stand on lines of their own |
/// | `mandatory_elements` | what the edition demands |
/// | `element_formats` | lengths and characters of the elements that the standard fixes |
/// | `repeated_elements` | elements that come again with another value |
/// | `issuer_known`, `issuer_address`, `issuer_country`, `issuer_subfile` | the issuer's number against the rest |
/// | `document_type` | the subfile's type against the elements |
/// | `truncation` | the flags that say whether names were cut |
/// | `date_format` | the edition's order of day, month and year |
/// | `date_order`, `date_of_birth`, `issue_date`, `validity` | whether the dates can be |
/// | `under_age_dates` | whether the under-18, 19 and 21 dates are those birthdays |
#[must_use]
pub fn checks(document: &AamvaDocument, today: Date) -> Vec<Check> {
    vec![
        structure::header(document),
        structure::version(document),
        structure::subfile_table(document),
        structure::separators(document),
        elements::mandatory_elements(document),
        elements::element_formats(document),
        elements::repeated_elements(document),
        issuer::issuer_known(document),
        issuer::issuer_address(document),
        issuer::issuer_country(document),
        issuer::issuer_subfile(document),
        elements::document_type(document),
        elements::truncation(document),
        dates::date_format(document),
        dates::date_order(document),
        dates::date_of_birth(document, today),
        dates::issue_date(document, today),
        dates::validity(document),
        dates::under_age_dates(document),
    ]
}

fn pass(name: &'static str, detail: impl Into<String>) -> Check {
    Check::new(name, CheckResult::Pass, detail)
}

fn flag(name: &'static str, detail: impl Into<String>) -> Check {
    Check::new(name, CheckResult::Flag, detail)
}

fn fail(name: &'static str, detail: impl Into<String>) -> Check {
    Check::new(name, CheckResult::Fail, detail)
}

fn not_applicable(name: &'static str, detail: impl Into<String>) -> Check {
    Check::new(name, CheckResult::NotApplicable, detail)
}

/// Passes when nothing odd was seen, else flags all of it.
fn flag_each(name: &'static str, odd: &[String], otherwise: &str) -> Check {
    if odd.is_empty() { pass(name, otherwise) } else { flag(name, odd.join("; ")) }
}
