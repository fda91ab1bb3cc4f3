//! `carded`: an age and identity verification appliance that decides on the device.
//!
//! The map of the house, in the order in which one frame becomes one verdict:
//!
//! | room | kind | what comes in, what goes out |
//! |---|---|---|
//! | [`camera`] | shell | where frames come from: V4L2, recordings, anything that gives pictures; newest frame wins |
//! | [`imaging`] | core | pixels in, values out: images, geometry, warps, quality, localisers |
//! | [`vision`] | shell | models and decoders: pixels to observations, one model a file |
//! | [`document`] | core | text and fields in, document out: AAMVA, MRZ, printed fields, cross-reference |
//! | [`liveness`] | core | faces over time in, scores out: pose, challenge, parallax, passive cues, matching |
//! | [`compliance`] | core | use case and jurisdiction in, rule out |
//! | [`session`] | core | events and evidence in, prompts, decision and outcome out |
//! | [`privacy`] | core | personal values that wipe themselves and never print; anchors, their keyed hashes |
//! | [`store`] | shell | SQLite: sessions, signed outcomes, credentials, outbox, audit |
//! | [`sync`] | shell | signing, schedule and delivery of events |
//! | [`api`] | shell | a session as each dialect's systems see it; the HTTP routes are still to come |
//! | [`ui`] | shell | the window: words, view model, screens |
//! | [`run`] | shell | wiring: the engine and the other roles, the socket, supervision, the decoder worker |
//! | [`tools`] | shell | `demo`, `verify`, `inspect`, `specimen`, `receiver`, and the roles as commands |
//!
//! CORE rooms are pure: they take bytes, values and `now`, and return values; they never open, sleep, spawn or read a
//! clock. SHELL rooms touch the world. `tests/house.rs` holds the rule.

// What the tests of the rooms and of the program share names the library as others do.
#[cfg(test)]
extern crate self as carded;
#[cfg(test)]
#[path = "../tests/support/verified.rs"]
mod verified;

pub mod api;
pub mod camera;
pub mod compliance;
pub mod document;
pub mod imaging;
pub mod liveness;
pub mod privacy;
pub mod run;
pub mod session;
pub mod store;
pub mod sync;
pub mod tools;
pub mod ui;
pub mod vision;
