//! Passive cues of a presentation attack: what pictures show without asking the person for anything.
//!
//! Single pictures have [`passive`], a regular pattern. A sequence has `PassiveTrack`: each frame is shrunk to a [`Scene`],
//! from which it is followed how the background moves, whether the edge of a display runs along the picture's sides, how
//! soft the face is against what surrounds it, and how much of the tones is used. `PassiveReport` names what was seen.
//!
//! What an operator's model says of a frame ([`PadScore`]) is one more cue; running it is not for this room.
//!
//! Always holds: no model, no clock; what cannot be measured has no cue and speaks neither for nor against the person; no
//! cue of this room calls anything an attack but the regular pattern. Does not see a display that stands still and fills
//! the picture, or a mask.

mod background;
mod fusion;
mod pattern;
mod scene;
mod sides;
mod softness;
mod track;

pub use fusion::{PadScore, PassiveReport, PassiveSign};
pub use pattern::{LiveScore, PassiveCues, PassiveResult, PassiveVerdict, passive};
pub use scene::Scene;
pub(super) use track::PassiveTrack;
