//! Where frames come from.
//!
//! Three kinds of source give pictures: a device ([`V4l2Source`]), a recording ([`Replay`]) and, elsewhere, a simulated
//! person. [`Camera`] runs any of them behind a watchdog and keeps the newest frame; [`FrameSequence`] reads a recording
//! at once, without a clock.
//!
//! Always holds: every frame says its provenance; bytes from outside are bounded in size before they are decoded; no
//! source can hold up whoever wants frames. Does not judge what a frame shows.

mod capture;
mod files;
mod identity;
mod pin;
pub(crate) mod pipe;
mod replay;
mod sequence;
mod slot;
mod source;
mod v4l2;
mod video;
mod watchdog;
mod yuyv;

pub use capture::{Camera, CameraLimits, CameraStatus};
pub use files::{ImageError, MAX_FILE_BYTES, MAX_PIXELS, decode_image, load_image};
pub use identity::{CameraIdentity, DeviceNumber, UsbId, UsbIdError};
pub use pin::{CameraPin, PinError, SeenCamera};
pub use replay::{AtEnd, Replay, ReplayFault, ReplayFaults, ReplaySettings};
pub use sequence::{FrameSequence, MAX_FRAMES, SequenceError};
pub use slot::FrameSlot;
pub use source::{CameraError, Capture, FrameSource, OpenSource, PictureDecoder};
pub use v4l2::{PixelFormat, V4l2Settings, V4l2Source, identify};
pub use yuyv::{YuyvError, yuyv_to_rgb};
