//! Frames in order of time, from a folder of images or a video file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::files::{ImageError, load_image};
use crate::imaging::{Frame, Provenance};

/// Longest sequence that is read; a head turn at 30 frames a second takes about 300.
pub const MAX_FRAMES: usize = 1800;

/// Why a sequence cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SequenceError {
    /// The path cannot be opened.
    #[error("cannot read {path}: {source}; check the path and its permissions", path = path.display())]
    Read {
        /// Which path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A folder without JPEG or PNG files.
    #[error("{path} holds no .jpg, .jpeg or .png file; name the frames so that their names sort in order of time", path = path.display())]
    NoFrames {
        /// Which folder.
        path: PathBuf,
    },
    /// More frames than [`MAX_FRAMES`].
    #[error("{path} holds more than {MAX_FRAMES} frames; cut it to the head turn", path = path.display())]
    TooManyFrames {
        /// Which path.
        path: PathBuf,
    },
    /// One of the frames cannot be used.
    #[error("frame {path}: {source}", path = path.display())]
    Frame {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: ImageError,
    },
    /// A video, but no ffmpeg on this machine.
    #[error("{path} is a video and ffmpeg is not installed; install ffmpeg, or give a folder of frames with --fps", path = path.display())]
    NoFfmpeg {
        /// Which file.
        path: PathBuf,
    },
    /// ffmpeg could not read the video.
    #[error("ffmpeg cannot decode {path}: {message}; check that it is a video", path = path.display())]
    Video {
        /// Which file.
        path: PathBuf,
        /// The last line that ffmpeg said.
        message: String,
    },
}

/// A lazily read sequence of frames with provenance [`Provenance::Files`].
#[derive(Debug)]
pub struct FrameSequence {
    files: std::vec::IntoIter<PathBuf>,
    frame_time: Duration,
    next: u64,
}

impl FrameSequence {
    /// Opens a folder of frames in name order, `fps` frames a second.
    ///
    /// # Errors
    /// Any [`SequenceError`].
    pub fn open(path: &Path, fps: f64) -> Result<Self, SequenceError> {
        let unreadable = |source| SequenceError::Read { path: path.to_owned(), source };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(path).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            let extension = file.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
            if matches!(extension.as_str(), "jpg" | "jpeg" | "png") {
                files.push(file);
            }
            if files.len() > MAX_FRAMES {
                return Err(SequenceError::TooManyFrames { path: path.to_owned() });
            }
        }
        if files.is_empty() {
            return Err(SequenceError::NoFrames { path: path.to_owned() });
        }
        files.sort();
        Ok(Self { files: files.into_iter(), frame_time: Duration::from_secs_f64(1.0 / fps), next: 0 })
    }
}

impl Iterator for FrameSequence {
    type Item = Result<Frame, SequenceError>;

    fn next(&mut self) -> Option<Self::Item> {
        let path = self.files.next()?;
        let sequence = self.next;
        self.next += 1;
        let captured_at = self.frame_time * u32::try_from(sequence).unwrap_or(u32::MAX);
        Some(match load_image(&path) {
            Ok(image) => Ok(Frame { image, captured_at, sequence, provenance: Provenance::Files }),
            Err(source) => Err(SequenceError::Frame { path, source }),
        })
    }
}
