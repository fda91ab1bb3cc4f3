//! Wiring: the only room besides `tools` that puts several shells together.
//!
//! Always holds: a fault of the device is an error here and never evidence against a person. Does not judge: it collects
//! evidence and hands it to `session`.

mod document_reading;
mod stages;
mod turn_reading;
mod verification;
pub mod worker;

pub use document_reading::{DocumentPictures, DocumentReading, DocumentSides};
pub use stages::{StageReport, Stages};
pub use turn_reading::TurnReading;
pub use verification::{Request, RequestError, Verification, Verifier, VerifyError};
