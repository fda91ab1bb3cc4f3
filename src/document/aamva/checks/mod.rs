//! Stub.
use super::AamvaDocument;
use crate::document::Check;
/// Stub.
pub fn checks(_document: &AamvaDocument, _today: jiff::civil::Date) -> Vec<Check> {
    Vec::new()
}
