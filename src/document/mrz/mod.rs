//! Machine-readable zones by ICAO Doc 9303: TD1, TD2 and TD3 documents, MRV-A and MRV-B visas.
//!
//! Always holds: any text gives a document or a typed error and never a panic, in time linear in its length; a document is
//! `valid` only when every check digit that its format has is right and no character that none vouches for is in doubt; a
//! field that is not stated, or is in doubt, is absent. Does not decide whether an expired document is accepted, and does
//! not undo transliteration.

mod align;
mod check_digit;
mod doubt;
mod interpret;
mod layout;
mod names;
mod repair;
mod states;

use jiff::civil::Date;

use super::check::{Check, CheckResult};
use super::fields::{DocumentKind, Fields};
use crate::privacy::Personal;

pub use align::align_line;
pub use check_digit::check_digit;
pub use doubt::{Place, doubtful_places};
pub use layout::MrzFormat;
pub use repair::{Repaired, repair};
pub use states::{ISSUING_STATE, NATIONALITY, SPECIMEN};

/// The check that says whether characters which no check digit vouches for were read with certainty.
pub const UNCHECKED_CHARACTERS: &str = "unchecked_characters";

/// A machine-readable zone that was taken apart.
#[derive(Debug, Clone, PartialEq)]
pub struct MrzDocument {
    /// Which of the formats it has.
    pub format: MrzFormat,
    /// Its lines, as given but without surrounding blanks.
    pub lines: Vec<Personal<String>>,
    /// What it states.
    pub fields: Fields,
    /// Every check digit, then the sense of the dates, then whose document it is.
    pub checks: Vec<Check>,
    /// Whether every check digit is right, and no character that none vouches for is in doubt.
    pub valid: bool,
    /// Whether every check digit is right: what they cover can be relied on.
    pub check_digits_right: bool,
}

/// Why lines are no machine-readable zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MrzError {
    /// Neither two nor three lines.
    #[error("a machine-readable zone has 2 or 3 lines, not {0}; capture all of its lines")]
    LineCount(usize),
    /// The lines' lengths are no format's.
    #[error("line {line} has {length} characters, which no format with {count} lines has; capture the whole line")]
    LineLength {
        /// Which line, from 1.
        line: usize,
        /// Its length.
        length: usize,
        /// How many lines there are.
        count: usize,
    },
    /// A character that is not A–Z, 0–9 or `<`.
    #[error("line {line}, column {column} holds a character outside A-Z, 0-9 and <; read the line again")]
    Character {
        /// Which line, from 1.
        line: usize,
        /// Which column, from 1.
        column: usize,
    },
    /// The first character is no letter, as every document code's is.
    #[error("the first line does not begin with a document code; check the order of the lines")]
    DocumentCode,
}

impl MrzDocument {
    /// Takes lines apart; `today` settles the century of two-digit years.
    ///
    /// # Errors
    /// [`MrzError`] when the lines have no format's shape. Wrong check digits are no error: they make the document not
    /// `valid`.
    pub fn parse<Line: AsRef<str>>(lines: &[Line], today: Date) -> Result<Self, MrzError> {
        let lines: Vec<&str> = lines.iter().map(|line| line.as_ref().trim()).collect();
        let format = MrzFormat::of(&lines)?;
        let bytes: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        let number = interpret::document_number(format, &bytes);
        let mut checks = interpret::check_digits(format, &bytes, &number);
        let right = checks.iter().all(|check| check.result == CheckResult::Pass);
        let fields = interpret::fields(format, &bytes, &number, today);
        checks.extend(interpret::date_checks(format, &bytes, &fields, today));
        checks.extend(states::state_checks(&fields));
        let lines = lines.into_iter().map(Personal::from).collect();
        Ok(Self { format, lines, fields, checks, valid: right, check_digits_right: right })
    }

    /// Notes which places were not read with certainty (see [`doubtful_places`]): the fields that they belong to are not
    /// stated any more, and the zone as a whole is not valid.
    #[must_use]
    pub fn with_doubts(mut self, doubtful: &[Place]) -> Self {
        let in_doubt = |spans: &[layout::Span]| {
            doubtful.iter().any(|place| spans.iter().any(|s| s.line == place.0 && s.columns.contains(&place.1)))
        };
        let layout = self.format.layout();
        let fields = &mut self.fields;
        if in_doubt(&layout.names) {
            (fields.last_name, fields.first_name, fields.middle_name) = (None, None, None);
        }
        if in_doubt(std::slice::from_ref(&layout.birth)) {
            fields.date_of_birth = None;
        }
        if layout.expiry.as_ref().is_some_and(|span| in_doubt(std::slice::from_ref(span))) {
            fields.expiration_date = None;
        }
        if in_doubt(&[layout.issuer]) {
            (fields.country, fields.issuing_state) = (None, None);
        }
        if layout.nationality.is_some_and(|span| in_doubt(&[span])) {
            fields.nationality = None;
        }
        if in_doubt(&[layout::span(layout.sex.0, layout.sex.1..layout.sex.1 + 1)]) {
            fields.sex = None;
        }
        let number = [Some(layout.number), layout.long_number].into_iter().flatten().collect::<Vec<_>>();
        if in_doubt(&number) {
            (fields.id_number, fields.document_number) = (None, None);
        }
        let shown: Vec<String> =
            doubtful.iter().map(|(line, column)| format!("line {} column {}", line + 1, column + 1)).collect();
        let (result, detail) = match shown.as_slice() {
            [] => (CheckResult::Pass, "all were read with certainty".to_owned()),
            shown => (CheckResult::Flag, format!("not read with certainty: {}", shown.join(", "))),
        };
        // What is in doubt is not judged by its likeliest reading.
        let judged_anew = [ISSUING_STATE, NATIONALITY, SPECIMEN, UNCHECKED_CHARACTERS];
        self.checks.retain(|check| !judged_anew.contains(&check.name));
        self.checks.extend(states::state_checks(&self.fields));
        self.checks.push(Check::new(UNCHECKED_CHARACTERS, result, detail));
        self.valid &= doubtful.is_empty();
        self
    }

    /// Whether its issuer was read with certainty, and is none that there is.
    #[must_use]
    pub fn has_unknown_issuer(&self) -> bool {
        self.fields.issuing_state.as_deref().is_some_and(|code| !states::is_issuer(code))
    }

    /// What kind of document such a zone is on; `None` where its first letter is none that such documents begin with.
    #[must_use]
    pub fn kind(&self) -> Option<DocumentKind> {
        let letter = self.lines.first()?.reveal().chars().next()?;
        self.format.begins_with(letter).then_some(match self.format {
            MrzFormat::Td1 | MrzFormat::Td2 | MrzFormat::FrenchId => DocumentKind::IdCard,
            MrzFormat::Td3 => DocumentKind::Passport,
            MrzFormat::MrvA | MrzFormat::MrvB => DocumentKind::Visa,
        })
    }
}

#[cfg(test)]
mod tests;
