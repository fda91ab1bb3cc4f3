//! Named fields found by content among the lines of text printed on a document's front.

use super::read_text::TextLine;
use crate::privacy::{Personal, PersonalDate};

/// What a front says, as far as it could be told by content.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VisualFields {
    /// Date of birth.
    pub date_of_birth: Option<PersonalDate>,
    /// Last day of validity.
    pub expiration_date: Option<PersonalDate>,
    /// Number of the document.
    pub id_number: Option<Personal<String>>,
    /// Words that may be names, in reading order.
    pub names: Vec<Personal<String>>,
}

/// Finds the named fields among lines of text.
#[must_use]
pub fn read_visual_fields(lines: &[TextLine]) -> VisualFields {
    let _ = lines;
    VisualFields::default()
}
