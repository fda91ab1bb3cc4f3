//! Where frames come from.
//!
//! Always holds: every frame says its provenance; bytes from outside are bounded in size before they are decoded. Does
//! not judge what a frame shows.

mod files;
mod sequence;
mod video;

pub use files::{ImageError, MAX_FILE_BYTES, MAX_PIXELS, decode_image, load_image};
pub use sequence::{FrameSequence, MAX_FRAMES, SequenceError};
