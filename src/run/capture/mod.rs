//! From frames to what a session's capture asked for.
//!
//! Always holds: one capture at a time; what an ended capture still says carries its number, so that the session ignores
//! it. Does not judge a person.

mod document;
mod face;
mod flash;
mod outline;
mod passes;
mod readings;
#[cfg(test)]
mod tests;

use crate::compliance::PlaceDays;
use crate::session::Policy;

pub(super) use document::DocumentCapture;
pub(super) use face::FaceCapture;
pub(super) use flash::{FlashCapture, FlashShown};
pub(super) use passes::PassesSeen;

/// What a capture needs to know to tell whether looking on can help.
#[derive(Debug, Clone)]
pub(super) struct Look {
    /// What the session asks for.
    pub policy: Policy,
    /// The calendar days of its place.
    pub days: PlaceDays,
    /// Whether a pass may stand in for the face.
    pub accepts_passes: bool,
}
