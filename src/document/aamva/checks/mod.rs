//! Judges a payload: is it as genuine cards are?
//!
//! Always holds: the same checks come in the same order for every document. `fail` is kept for what no issuer's system
//! produces; what genuine cards or scanners are known to get wrong is a `flag`, with how seldom they do. One flag never
//! refuses; the last check says what all of them amount to. Does not decide on expiry or age: an expired card is still
//! genuine, and both depend on the policy of the place.

mod dates;
mod discriminator;
mod edition;
mod elements;
mod issuer;
mod number;
mod stripe;
mod structure;
#[cfg(test)]
mod tests;
mod values;

use jiff::civil::Date;

use super::AamvaDocument;
use crate::document::CheckStrength::{self, Strong, Weak};
use crate::document::{Check, CheckResult, REFUSAL_POINTS, Standing, points, standing};

/// How a payload came here, which says what may have been changed on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadOrigin {
    /// Read here out of a picture of the symbol: error correction gives the payload as it was made, or not at all, so that
    /// whatever is odd about its form is the maker's.
    Symbol,
    /// From elsewhere, such as a scanner that types what it reads, or a file: separators and line endings may have been
    /// lost or replaced.
    Elsewhere,
}

/// Runs every check; `today` is the calendar day of the place.
///
/// | name | looks at |
/// |---|---|
/// | `header` | compliance indicator, separators and file type before the issuer |
/// | `version` | whether the header version is a known edition |
/// | `subfile_table` | count, offsets and lengths that the header declares |
/// | `separators` | whether elements stand on lines of their own |
/// | `element_order` | which element comes first, and whose subfile elements stand in |
/// | `stripe_tracks` | whether the text of a stripe is laid out as in the one issuer's barcode that holds it |
/// | `mandatory_elements` | what the edition demands |
/// | `stated_values` | whether the elements that every card fills have a value |
/// | `edition_elements` | elements that only other editions have |
/// | `element_formats` | lengths and characters of the elements that the standard fixes |
/// | `letter_case` | small letters where the standard has capitals |
/// | `repeated_elements` | elements that come again, with the same value or another |
/// | `issuer_known`, `issuer_address`, `issuer_country`, `issuer_subfile` | the issuer's number against the rest |
/// | `number_format` | the number against the forms of its issuer |
/// | `number_holder` | name, birth and check digit that the issuer encodes in the number |
/// | `discriminator` | document discriminator and inventory number: form, and values of templates |
/// | `document_type` | the subfile's type against the elements |
/// | `truncation` | the flags that say whether names were cut |
/// | `date_format` | the edition's order of day, month and year |
/// | `date_order`, `date_of_birth`, `issue_date`, `validity` | whether the dates can be |
/// | `edition_date` | the date of issue against the years of the edition and of the one that followed it |
/// | `under_age_dates` | whether the under-18, 19 and 21 dates are those birthdays |
/// | `flags_together` | what the flags of all others amount to |
#[must_use]
pub fn checks(document: &AamvaDocument, origin: PayloadOrigin, today: Date) -> Vec<Check> {
    let mut checks = vec![
        structure::header(document, origin),
        structure::version(document),
        structure::subfile_table(document, origin),
        structure::separators(document),
        structure::element_order(document),
        stripe::stripe_tracks(document, origin),
        elements::mandatory_elements(document),
        values::stated_values(document),
        edition::edition_elements(document),
        elements::element_formats(document),
        elements::letter_case(document),
        elements::repeated_elements(document, origin),
        issuer::issuer_known(document),
        issuer::issuer_address(document),
        issuer::issuer_country(document),
        issuer::issuer_subfile(document),
        number::number_format(document),
        number::number_holder(document),
        discriminator::discriminator(document),
        elements::document_type(document),
        elements::truncation(document),
        dates::date_format(document),
        dates::date_order(document),
        dates::date_of_birth(document, today),
        dates::issue_date(document, today),
        dates::validity(document),
        edition::edition_date(document),
        dates::under_age_dates(document),
    ];
    checks.push(flags_together(&checks));
    checks
}

/// The rule of [`standing`] over the flags, so that a refusal by many flags names them all.
fn flags_together(checks: &[Check]) -> Check {
    const NAME: &str = "flags_together";
    let flags: Vec<&Check> = checks.iter().filter(|check| check.result == CheckResult::Flag).collect();
    let counted: Vec<String> =
        flags.iter().filter(|flag| points(flag) > 0).map(|flag| format!("{} ({})", flag.name, points(flag))).collect();
    let sum: u32 = flags.iter().map(|flag| points(flag)).sum();
    let seen = format!("{sum} points of {REFUSAL_POINTS} that refuse: {}", counted.join(", "));
    match standing(flags.iter().copied()) {
        Standing::Refused => fail(NAME, seen),
        Standing::Odd => pass(NAME, Weak, seen),
        Standing::Sound => pass(NAME, Strong, "no flag that counts"),
    }
}

fn pass(name: &'static str, strength: CheckStrength, detail: impl Into<String>) -> Check {
    Check::new(name, CheckResult::Pass, detail).with_strength(strength)
}

fn flag(name: &'static str, strength: CheckStrength, detail: impl Into<String>) -> Check {
    Check::new(name, CheckResult::Flag, detail).with_strength(strength)
}

/// A failure is always strong.
fn fail(name: &'static str, detail: impl Into<String>) -> Check {
    Check::new(name, CheckResult::Fail, detail)
}

fn not_applicable(name: &'static str, detail: impl Into<String>) -> Check {
    Check::new(name, CheckResult::NotApplicable, detail).with_strength(Weak)
}

/// What was seen of several odd things: the strongest of them is how much the flag says.
#[derive(Debug, Default)]
struct Oddities {
    seen: Vec<String>,
    strongest: Option<CheckStrength>,
}

impl Oddities {
    fn add(&mut self, strength: CheckStrength, seen: impl Into<String>) {
        self.seen.push(seen.into());
        self.strongest = self.strongest.max(Some(strength));
    }

    /// Passes when nothing odd was seen, else flags all of it.
    fn into_check(self, name: &'static str, pass_strength: CheckStrength, otherwise: impl Into<String>) -> Check {
        match self.strongest {
            None => pass(name, pass_strength, otherwise),
            Some(strength) => flag(name, strength, self.seen.join("; ")),
        }
    }
}
