//! The room that is searched.

#[path = "../../src/document/aamva/mod.rs"]
pub mod aamva;
#[path = "../../src/document/check.rs"]
mod check;
#[path = "../../src/document/date_order.rs"]
mod date_order;
#[path = "../../src/document/fields.rs"]
mod fields;
#[path = "../../src/document/mrz/mod.rs"]
pub mod mrz;
#[path = "../../src/document/read_text.rs"]
mod read_text;
#[path = "../../src/document/standing.rs"]
mod standing;

pub use check::{Check, CheckResult, CheckStrength};
pub use fields::{DocumentKind, Fields, Sex};
pub use read_text::{Candidate, Candidates, ReadCharacter, TextLine};
pub use standing::{REFUSAL_POINTS, Standing, points, standing};
