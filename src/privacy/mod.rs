//! Personal values: they wipe themselves when dropped, print as `[redacted]` and cannot be serialised.
//!
//! Always holds: to look at a personal value one has to write `reveal`, so that every such place can be found.
//! Does not decide what is personal: the rooms that read documents and faces do.

mod personal;

pub use personal::{Personal, PersonalDate};
