//! `carded`: an age and identity verification appliance that decides on the device.
//!
//! The map of the house, in the order in which one frame becomes one verdict. CORE rooms are pure: they take bytes,
//! values and `now`, and return values; they never open, sleep, spawn or read a clock. SHELL rooms touch the world.
//! `tests/house.rs` holds the rule.

pub mod compliance;
pub mod document; // CORE   text and fields in, document out: AAMVA, MRZ, printed fields, cross-reference
pub mod imaging; // CORE   pixels in, values out: images, geometry, warps, quality, localisers
pub mod liveness; // CORE   faces over time in, scores out: pose, challenge, parallax, passive cues, matching
pub mod privacy; // CORE   personal values that wipe themselves and never print
pub mod session; // CORE   evidence and policy in, decision and outcome out // CORE   use case and jurisdiction in, rule out

pub mod api; // SHELL  local HTTP API
pub mod camera; // SHELL  where frames come from: files, and the devices to come
pub mod run; // SHELL  wiring of each role
pub mod store; // SHELL  the database
pub mod sync; // SHELL  signing and delivery
pub mod tools; // SHELL  verify, inspect, specimen and the operator's commands
pub mod ui; // SHELL  screens
pub mod vision; // SHELL  model sessions and decoders, one a file
