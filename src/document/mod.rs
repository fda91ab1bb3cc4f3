//! Documents: text and fields in, a judged document out.
//!
//! Always holds: every field is a [`Personal`](crate::privacy::Personal) value; a parser never panics and takes time
//! linear in its input; a field that could not be read is absent, never guessed. Does not look at pixels, and does not
//! decide whether a person passes: `session` does.

pub mod aamva;
mod check;
mod cross_reference;
mod date_order;
mod european;
mod fields;
mod issuer_reference;
pub mod mrz;
mod name_reference;
mod number_reference;
mod read_text;
mod recapture_check;
mod similarity;
mod standing;
mod two_codes;
mod visual;
mod zone_rows;

pub use check::{Check, CheckResult, CheckStrength, PORTRAIT_QUALITY};
pub use cross_reference::{Agreement, FieldComparison, cross_reference};
pub use european::{EuropeanLicence, read_european_licence};
pub(crate) use fields::none_contradicts;
pub use fields::{DocumentKind, Fields, Sex};
pub use issuer_reference::{ISSUER, compare_issuer};
pub use read_text::{Candidate, Candidates, ReadCharacter, TextLine};
pub use recapture_check::{RECAPTURE, RecaptureScores};
pub(crate) use similarity::transliterated;
pub use standing::{REFUSAL_POINTS, Standing, points, standing};
pub use two_codes::{may_have_zone, single_payload, zone_beside_barcode};
pub use visual::{DateLabel, PrintedDate, VisualFields, read_visual_fields};
pub use zone_rows::ZoneRows;
