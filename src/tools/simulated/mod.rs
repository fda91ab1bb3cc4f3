//! A simulated person before a simulated camera: reads the prompts that the screen shows and does what they ask, or
//! cheats in one known way.
//!
//! For the demonstration, for tests of the running engine, and for screens without a camera. Always holds: the person
//! knows only what the screen shows, never a challenge or its nonce; every picture has [`WIDTH`] by [`HEIGHT`] pixels
//! and shows the sign or the mark that says 'specimen'; the same part, seed, prompts and times give the same pixels.
//! Pacing belongs to the caller: no clock and no sleep in here. What is rendered exercises code, and a rate measured on
//! it says nothing about people. Limits: no hand or finger is drawn, a card has no glare, and the person never talks,
//! blinks, gives up or reads a hint.

mod card;
mod conduct;
mod light;
mod part;
mod person;
mod scene;
mod sensor;

pub use part::{Part, PartError};
pub use person::SimulatedPerson;

/// Width of every picture in pixels.
pub const WIDTH: usize = 1280;
/// Height of every picture in pixels.
pub const HEIGHT: usize = 720;
/// Horizontal field of view of the camera in degrees.
const FIELD_DEGREES: f32 = 60.0;
