//! What a camera is to the rest of the house: something that gives one picture after the other, or says why not.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::sequence::SequenceError;
use crate::imaging::{Provenance, Rgb};
use crate::session::DeviceFault;

/// One picture out of a source; the camera thread adds when and which.
#[derive(Debug)]
pub struct Capture {
    /// The picture, upright, not mirrored.
    pub image: Rgb,
    /// Where it came from.
    pub provenance: Provenance,
}

/// Something that gives pictures: a device, a recording, a simulated person.
pub trait FrameSource: Send {
    /// Waits for the next picture. May block for as long as it likes: whoever calls it can leave it behind.
    ///
    /// # Errors
    /// Any [`CameraError`]. After one that is [passing](CameraError::is_passing) the source is asked again, after any
    /// other it is dropped and opened anew.
    fn next(&mut self) -> Result<Capture, CameraError>;

    /// Waits for the next picture and does without it, so that a camera at rest is watched without being looked through.
    ///
    /// # Errors
    /// As [`FrameSource::next`].
    fn skip(&mut self) -> Result<(), CameraError> {
        self.next().map(drop)
    }
}

/// Opens a source; called again after every fault, on a thread that may block.
pub type OpenSource = Arc<dyn Fn() -> Result<Box<dyn FrameSource>, CameraError> + Send + Sync>;

/// Decodes the bytes of one JPEG that nobody vouches for.
pub type PictureDecoder = Arc<dyn Fn(&[u8]) -> Result<Rgb, CameraError> + Send + Sync>;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum CameraError {
    /// The device is not there or cannot be opened.
    #[error("cannot open the camera {device}: {reason}; plug it in, or name another one in the configuration", device = device.display())]
    Missing {
        /// What the configuration names.
        device: PathBuf,
        /// Why it cannot be opened.
        reason: String,
    },
    /// The device is made of software.
    #[error("the camera {device} is a virtual one (driver {driver}); name a real camera in the configuration", device = device.display())]
    Virtual {
        /// What the configuration names.
        device: PathBuf,
        /// Its driver.
        driver: String,
    },
    /// A real camera, and not the one that it has to be.
    #[error(
        "the camera is another one: expected {expected}, found {found}; connect the expected one, or pin the one that is there (`carded inspect camera --pin`) and restart the device"
    )]
    Other {
        /// Which one was expected.
        expected: String,
        /// Which one is there.
        found: String,
    },
    /// The driver agreed to something else than was asked for, or the pictures are not what was agreed.
    #[error("the camera was asked for {wanted} and gives {given}; name a format that it has, or replace it")]
    Format {
        /// What was asked for or agreed on.
        wanted: String,
        /// What came.
        given: String,
    },
    /// It was there and is gone.
    #[error("the camera was disconnected: {0}; check its cable")]
    Disconnected(String),
    /// No picture came in time.
    #[error("the camera gave no picture for {0:.1?}; check its cable, then restart the device")]
    Silent(Duration),
    /// One picture came damaged; the next one may be whole.
    #[error("a picture came damaged: {0}; if this goes on, check the camera's cable")]
    Picture(String),
    /// The decoder of pictures failed; it is started again by itself.
    #[error("the picture decoder failed: {0}; it is started again, restart the device if this goes on")]
    Decoder(String),
    /// A recording cannot be read.
    #[error(transparent)]
    Recording(#[from] SequenceError),
    /// A recording is over.
    #[error("the recording is over; start it again, or let it loop")]
    Ended,
    /// The code of the source failed.
    #[error("the camera's driver code failed; report it with the version")]
    Crashed,
}

impl CameraError {
    /// Whether the same source may well give the next picture.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Picture(_) | Self::Decoder(_) => true,
            Self::Missing { .. }
            | Self::Virtual { .. }
            | Self::Other { .. }
            | Self::Format { .. }
            | Self::Disconnected(_)
            | Self::Silent(_)
            | Self::Recording(_)
            | Self::Ended
            | Self::Crashed => false,
        }
    }

    /// What this means for a session.
    #[must_use]
    pub fn fault(&self) -> DeviceFault {
        match self {
            Self::Missing { .. } | Self::Virtual { .. } | Self::Disconnected(_) | Self::Recording(_) | Self::Ended => {
                DeviceFault::CameraMissing
            }
            Self::Other { .. } => DeviceFault::CameraOther,
            Self::Format { .. } => DeviceFault::CameraFormat,
            Self::Silent(_) | Self::Picture(_) | Self::Crashed => DeviceFault::CameraSilent,
            Self::Decoder(_) => DeviceFault::Decoder,
        }
    }
}
