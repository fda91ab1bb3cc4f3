//! Named fields found by content among the lines of text printed on a document's front.
//!
//! Fronts differ by state, province, country and year: nothing here knows a layout. Fields are told by their labels (in the
//! words and by the numbers of ISO/IEC 18013-1 and the AAMVA card design standard, annex A: 1 and 2 names, 3 birth, 4a issue,
//! 4b expiry, 4d number, 5 document discriminator), by what stands beside or below a label, and by order in time.
//!
//! Always holds: a field that was not found is absent, and all lines are kept, so that a later comparison can look for a
//! value itself. Does not judge, and does not know what is encoded.

mod dates;
mod labels;
mod names;
mod neighbours;
mod number;

use jiff::civil::Date;

use super::read_text::TextLine;
use crate::privacy::{Personal, PersonalDate};

pub use dates::DateLabel;
pub(in crate::document) use dates::day_first;
pub(in crate::document) use labels::{LONGEST_VOCABULARY, glued_number_label, is_vocabulary};

/// A date that is printed somewhere on the front.
#[derive(Debug, Clone, PartialEq)]
pub struct PrintedDate {
    /// The day.
    pub date: PersonalDate,
    /// The day if day and month stand the other way round, where nothing on the front tells.
    pub other: Option<PersonalDate>,
    /// What its label says it is, if it has one.
    pub label: Option<DateLabel>,
}

/// What a front says, as far as it could be told by content.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VisualFields {
    /// Date of birth.
    pub date_of_birth: Option<PersonalDate>,
    /// Last day of validity.
    pub expiration_date: Option<PersonalDate>,
    /// Number of the document, with its separators.
    pub id_number: Option<Personal<String>>,
    /// Whether a label says that it is the number; otherwise it is the likeliest one.
    pub id_number_is_labelled: bool,
    /// The family name, where a label says that it is one.
    pub family_name: Option<Personal<String>>,
    /// The given names, where a label says that they are.
    pub given_names: Option<Personal<String>>,
    /// Words that may be names, in reading order.
    pub names: Vec<Personal<String>>,
    /// Which of the lines these words stand in.
    pub name_lines: Vec<usize>,
    /// Every date, in reading order.
    pub dates: Vec<PrintedDate>,
    /// Every line that was read.
    pub lines: Vec<TextLine>,
}

/// Finds the named fields among lines of text in reading order; `today` settles the century of two-digit years.
#[must_use]
pub fn read_visual_fields(lines: &[TextLine], today: Date) -> VisualFields {
    let found = dates::find(lines, today);
    let (birth, expiry) = dates::birth_and_expiry(&found);
    let number = number::find(lines, &found);
    let (family_name, given_names) = names::labelled(lines);
    let name_lines = names::find(lines);
    let printed = |found: &dates::FoundDate| PrintedDate {
        date: PersonalDate::new(found.date),
        other: found.other.map(PersonalDate::new),
        label: found.label,
    };
    VisualFields {
        date_of_birth: birth.map(PersonalDate::new),
        expiration_date: expiry.map(PersonalDate::new),
        id_number_is_labelled: number.as_ref().is_some_and(|number| number.labelled),
        id_number: number.map(|number| number.text),
        family_name,
        given_names,
        names: name_lines.iter().flat_map(|&index| names::words_of(&lines[index])).collect(),
        name_lines,
        dates: found.iter().map(printed).collect(),
        lines: lines.to_vec(),
    }
}

#[cfg(test)]
mod tests;
