//! A head that turns in front of a camera, rendered, and the attacks that imitate it.
//!
//! The head is a textured analytic shape: a skull and face with an adult's typical depths, and a volume
//! of hair or a hat around it, both cut to outlines that were measured in the portrait. The body is a flat cut-out
//! behind it, the room a plane behind that. What comes out is *rendered*, is labelled so by a sign on the room's wall,
//! and exercises code: rates measured on it say nothing about people. Limits: no expression, no blink, no gaze, glasses
//! and fringe are painted on, the light does not cast shadows, hair and ears do not move on their own.
//!
//! Units are millimetres in the head's own frame: x to image-right, y down, z towards the camera, the origin between the
//! ears at the height of the eyes.

mod curve;
mod fit;
mod mesh;
mod motion;
mod raster;
mod room;
mod shape;
mod sheet;
mod sitter;
mod texture;
mod turn;

pub use motion::{Pose, TurnScript, TurnSide};
pub(in crate::tools) use motion::{Sway, eased};
pub use raster::ScreenLight;
pub use sitter::Sitter;
pub(in crate::tools) use turn::Stage;
pub use turn::{Attack, Subject, TurnFrame, TurnFrames, TurnOptions};
