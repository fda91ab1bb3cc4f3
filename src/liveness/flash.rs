//! The screen flash: the display lights the face with colours that nobody can know before, and the skin has to follow.
//!
//! A recorded or injected face does not change with the light of this very moment. What is measured is how much more the
//! skin follows the shown colours than the wall behind it, so that a camera that adjusts exposure and white balance
//! changes nothing. Always holds: times are those of the engine's own frames and of its own prompts; a colour is asked for
//! only when the one before has stood for [`FlashTracker::HOLD`]; what could not be measured is never followed. Does not
//! look at a clock, find faces or draw on a screen, and cannot tell a face from a mask: both reflect.

mod challenge;
mod light;
mod report;
mod response;
#[cfg(test)]
mod tests;
mod tracker;

pub use challenge::{FlashChallenge, FlashColour};
pub use light::FlashLight;
pub use report::{FlashGain, FlashReason, FlashReport, FlashScore, FlashVerdict, Latency};
pub use tracker::{FlashFace, FlashObservation, FlashStage, FlashTracker};
