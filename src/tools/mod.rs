//! What a person or a test calls by hand: `verify`, `inspect`, `specimen`, and the operator's commands.
//!
//! Every command ends with one of the four statuses of [`Exit`]. Does not decide anything itself.

mod exit;
pub mod inspect;
pub mod specimen;

pub use exit::{CommandError, Exit};
