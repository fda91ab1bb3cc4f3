//! Licence numbers: the forms that issuers give them, and what some issuers encode in them.
//!
//! Always holds: a number is compared only with what has a public source, which is named beside it; what no source
//! describes is not compared. Does not judge: the checks do.

mod formats;
mod holder;
mod soundex;
mod washington;

pub(super) use formats::NumberFormat;
pub(super) use holder::{Holder, compare};

use crate::privacy::Personal;

/// A number in capitals and without the blanks, hyphens and dots that issuers print between its groups.
pub(super) fn bare(number: &str) -> Personal<String> {
    // The capacity is taken at once: a string that grows leaves copies of itself behind that are not wiped.
    let mut text = String::with_capacity(number.len());
    text.extend(number.chars().filter(|c| !matches!(c, ' ' | '-' | '.')));
    text.make_ascii_uppercase();
    Personal::new(text)
}
