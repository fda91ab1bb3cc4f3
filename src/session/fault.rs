//! What can be wrong with the device. Never a reason against a person.

use serde::{Deserialize, Serialize};

/// A fault of the device that stops a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum DeviceFault {
    /// The camera gives no frames.
    #[error("the camera gives no pictures; check its cable, then restart the device")]
    CameraSilent,
    /// The camera cannot be opened.
    #[error("the camera is not there; plug it in, or name another one in the configuration")]
    CameraMissing,
    /// Another camera is there than the one that is pinned, or that was there before.
    #[error(
        "another camera is connected than the one that was set up; look who changed it and connect the right one, or pin this one: the log names both"
    )]
    CameraOther,
    /// The camera gives another format than it promised.
    #[error("the camera gives pictures of another form than agreed; replace it by a supported one")]
    CameraFormat,
    /// The worker that decodes pictures and barcodes does not answer.
    #[error("the picture decoder does not answer; it is being restarted")]
    Decoder,
    /// A model fails.
    #[error("a recognition model fails; restart the device, and install it again if that does not help")]
    Model,
    /// The store cannot be written.
    #[error("the store cannot be written; free space on the device's disk")]
    Store,
    /// The clock is wrong.
    #[error("the clock is wrong; set it, or let the device reach a time server")]
    Clock,
}
