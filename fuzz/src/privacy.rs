//! Personal values, as the program keeps them.

#[path = "../../src/privacy/personal.rs"]
mod personal;

pub use personal::{Personal, PersonalDate};
pub(crate) use personal::{characters_of, text_of};
