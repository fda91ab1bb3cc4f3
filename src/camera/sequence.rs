//! Frames in order of time, from a folder of images or a video file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::files::{ImageError, load_image};
use super::video::Video;
use crate::imaging::{Frame, Provenance, Rgb};

/// Longest sequence that is read: five minutes at 30 frames a second. A head turn takes about 300 frames.
pub const MAX_FRAMES: usize = 9000;

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
    source: Source,
    frame_time: Duration,
    next: u64,
}

#[derive(Debug)]
enum Source {
    Folder(std::vec::IntoIter<PathBuf>),
    Video(Box<Video>),
}

impl FrameSequence {
    /// Opens a folder of frames in name order, `fps` frames a second, or a video file, which states its own rate.
    ///
    /// # Errors
    /// Any [`SequenceError`]; what is found only while decoding comes with the frame.
    pub fn open(path: &Path, fps: f64) -> Result<Self, SequenceError> {
        let unreadable = |source| SequenceError::Read { path: path.to_owned(), source };
        let kind = std::fs::metadata(path).map_err(unreadable)?;
        if kind.is_dir() {
            let files = list_frames(path)?.into_iter();
            let frame_time = Duration::from_secs_f64(1.0 / fps.clamp(0.1, 1000.0));
            return Ok(Self { source: Source::Folder(files), frame_time, next: 0 });
        }
        if !kind.is_file() {
            return Err(unreadable(std::io::Error::new(std::io::ErrorKind::InvalidInput, "not a file or folder")));
        }
        let video = Video::open(path)?;
        Ok(Self { frame_time: video.frame_time(), source: Source::Video(Box::new(video)), next: 0 })
    }
}

fn list_frames(folder: &Path) -> Result<Vec<PathBuf>, SequenceError> {
    let unreadable = |source| SequenceError::Read { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        let extension = file.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        if matches!(extension.as_str(), "jpg" | "jpeg" | "png") {
            files.push(file);
        }
        if files.len() > MAX_FRAMES {
            return Err(SequenceError::TooManyFrames { path: folder.to_owned() });
        }
    }
    if files.is_empty() {
        return Err(SequenceError::NoFrames { path: folder.to_owned() });
    }
    files.sort();
    Ok(files)
}

impl Source {
    fn next(&mut self) -> Option<Result<Rgb, SequenceError>> {
        match self {
            Self::Video(video) => video.next(),
            Self::Folder(files) => {
                let path = files.next()?;
                Some(load_image(&path).map_err(|source| SequenceError::Frame { path, source }))
            }
        }
    }
}

impl Iterator for FrameSequence {
    type Item = Result<Frame, SequenceError>;

    fn next(&mut self) -> Option<Self::Item> {
        let image = self.source.next()?;
        let sequence = self.next;
        self.next += 1;
        let captured_at = self.frame_time * u32::try_from(sequence).unwrap_or(u32::MAX);
        Some(image.map(|image| Frame { image, captured_at, sequence, provenance: Provenance::Files }))
    }
}
