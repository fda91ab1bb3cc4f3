//! Frames in order of time, from a folder of images or a video file.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::files::{ImageError, load_image};
use super::video::Video;
use crate::imaging::{Frame, Provenance, Rgb};

/// Longest sequence that is read: five minutes at 30 frames a second. A head turn takes about 300 frames.
pub const MAX_FRAMES: usize = 9000;
/// Beside the frames of a folder: when each was captured, in seconds, one a line, in the order of their names.
const TIMES_FILE: &str = "times.txt";
/// Longest such file: 9000 lines of 20 characters are less.
const MAX_TIMES_BYTES: u64 = 1 << 18;

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
    /// The times beside the frames do not fit them.
    #[error("{path} does not fit the frames beside it; give one time in seconds a line, rising, for each frame", path = path.display())]
    Times {
        /// Which file.
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
    /// When each frame was captured, if that is known.
    times: Option<Vec<Duration>>,
    next: u64,
}

#[derive(Debug)]
enum Source {
    Folder(std::vec::IntoIter<PathBuf>),
    Video(Box<Video>),
}

impl FrameSequence {
    /// Opens a folder of frames in name order, or a video file, which states its own rate. Frames of a folder were captured
    /// when its `times.txt` says (seconds, one a line), and `fps` a second if there is none.
    ///
    /// # Errors
    /// Any [`SequenceError`]; what is found only while decoding comes with the frame.
    pub fn open(path: &Path, fps: f64) -> Result<Self, SequenceError> {
        let unreadable = |source| SequenceError::Read { path: path.to_owned(), source };
        let kind = std::fs::metadata(path).map_err(unreadable)?;
        if kind.is_dir() {
            let files = list_frames(path)?;
            let times = read_times(&path.join(TIMES_FILE), files.len())?;
            let frame_time = Duration::from_secs_f64(1.0 / fps.clamp(0.1, 1000.0));
            let frame_time = times.as_deref().and_then(mean_distance).unwrap_or(frame_time);
            return Ok(Self { source: Source::Folder(files.into_iter()), frame_time, times, next: 0 });
        }
        if !kind.is_file() {
            return Err(unreadable(std::io::Error::new(std::io::ErrorKind::InvalidInput, "not a file or folder")));
        }
        let video = Video::open(path)?;
        Ok(Self { frame_time: video.frame_time(), source: Source::Video(Box::new(video)), times: None, next: 0 })
    }

    /// From one frame to the next, in the mean.
    pub(super) fn frame_time(&self) -> Duration {
        self.frame_time
    }

    fn captured_at(&self, sequence: u64) -> Duration {
        let known = self.times.as_ref().and_then(|times| times.get(usize::try_from(sequence).ok()?).copied());
        known.unwrap_or_else(|| self.frame_time * u32::try_from(sequence).unwrap_or(u32::MAX))
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

/// The times of `frames` frames, counted from the first; `None` without such a file.
fn read_times(path: &Path, frames: usize) -> Result<Option<Vec<Duration>>, SequenceError> {
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(SequenceError::Read { path: path.to_owned(), source }),
    };
    let mut text = String::new();
    let read = file.take(MAX_TIMES_BYTES).read_to_string(&mut text);
    read.map_err(|source| SequenceError::Read { path: path.to_owned(), source })?;
    let misfit = || SequenceError::Times { path: path.to_owned() };
    let parse = |line: &str| Duration::try_from_secs_f64(line.trim().parse().ok()?).ok();
    let times = text.lines().map(parse).collect::<Option<Vec<_>>>().ok_or_else(misfit)?;
    if times.len() != frames || !times.is_sorted_by(|a, b| a < b) {
        return Err(misfit());
    }
    let first = times.first().copied().unwrap_or_default();
    Ok(Some(times.into_iter().map(|time| time.saturating_sub(first)).collect()))
}

fn mean_distance(times: &[Duration]) -> Option<Duration> {
    let distances = u32::try_from(times.len()).ok()?.checked_sub(1).filter(|&count| count > 0)?;
    Some(*times.last()? / distances)
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
        let captured_at = self.captured_at(sequence);
        Some(image.map(|image| Frame { image, captured_at, sequence, provenance: Provenance::Files }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with_times(times: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for frame in ["a.png", "b.png", "c.png"] {
            image::RgbImage::new(2, 2).save(folder.path().join(frame)).unwrap();
        }
        std::fs::write(folder.path().join(TIMES_FILE), times).unwrap();
        folder
    }

    #[test]
    fn frames_are_captured_when_the_folder_says() {
        let folder = folder_with_times("10.0\n10.04\n10.5\n");
        let frames = FrameSequence::open(folder.path(), 1.0).unwrap();
        let times: Vec<u128> = frames.map(|frame| frame.unwrap().captured_at.as_millis()).collect();
        assert_eq!(times, [0, 40, 500]);
    }

    #[test]
    fn times_that_do_not_fit_the_frames_are_refused() {
        for times in ["", "0\n1", "0\n1\n2\n3", "0\n2\n1", "0\n0\n1", "0\n1\nlater", "-1\n0\n1", "0\n1\ninf"] {
            let folder = folder_with_times(times);
            assert!(matches!(FrameSequence::open(folder.path(), 1.0), Err(SequenceError::Times { .. })), "{times}");
        }
    }
}
