//! How a pass is written.

#[path = "../../src/session/pass/code.rs"]
pub mod pass_code;
