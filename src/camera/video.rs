//! Video files through an `ffmpeg` child process.
//!
//! Always holds: the child reads one regular local file and nothing else, its output is bounded in frames and in size,
//! pictures pass through a pipe and never through a disk, and the child is killed when it gives nothing for
//! [`SILENT_AFTER`] and when the reader is dropped. Does not need `ffmpeg` to be installed: without it, opening says so. Frames of a recording with uneven frame times are
//! spaced by its mean rate.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::pipe::TimedPipe;
use super::sequence::{MAX_FRAMES, SequenceError};
use crate::imaging::Rgb;

/// Longer side to which larger video is scaled down, in pixels.
const MAX_SIDE: usize = 1280;
/// Faster video is thinned to this many frames a second.
const MAX_RATE: f64 = 30.0;
/// Rate that is assumed when the file states none.
const ASSUMED_RATE: f64 = 25.0;
/// Longest header of one picture in the pipe.
const MAX_HEADER_BYTES: u64 = 64;
/// A child that gives no picture for this long hangs.
const SILENT_AFTER: Duration = Duration::from_secs(20);
/// Longest answer about a file's frame rate.
const MAX_ANSWER_BYTES: u64 = 4096;
/// Containers that are opened: none of them can name other files.
const CONTAINERS: &str = "mov,matroska,avi,gif,apng,mpegts,mpeg,mpegvideo,ogg,flv,asf,h264,hevc,mjpeg,yuv4mpegpipe";

/// A video that is being decoded.
#[derive(Debug)]
pub(super) struct Video {
    path: PathBuf,
    child: Child,
    pictures: BufReader<TimedPipe<ChildStdout>>,
    patience: Duration,
    complaint: Option<JoinHandle<String>>,
    frame_time: Duration,
    delivered: usize,
    ended: bool,
}

impl Video {
    pub fn open(path: &Path) -> Result<Self, SequenceError> {
        let rate = frame_rate(path)?;
        let mut filter =
            format!("scale='min({MAX_SIDE},iw)':'min({MAX_SIDE},ih)':force_original_aspect_ratio=decrease");
        if rate > MAX_RATE + 1.0 {
            filter = format!("fps={MAX_RATE},{filter}");
        }
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "error"]).args(input(path)).args(["-an", "-sn", "-dn", "-vf", &filter]);
        command.args(["-fps_mode", "passthrough", "-frames:v", &(MAX_FRAMES + 1).to_string()]);
        command.args(["-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24", "pipe:1"]);
        Self::start(path, command, rate, SILENT_AFTER)
    }

    /// Starts the child, whose pictures come within `patience` each.
    fn start(path: &Path, mut command: Command, rate: f64, patience: Duration) -> Result<Self, SequenceError> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|source| not_started(path, source))?;
        let complaint = child.stderr.take().map(|stderr| std::thread::spawn(move || last_line(stderr)));
        let Some(pictures) = child.stdout.take() else {
            return Err(SequenceError::Video { path: path.to_owned(), message: "it gave no pipe".to_owned() });
        };
        Ok(Self {
            path: path.to_owned(),
            child,
            pictures: BufReader::with_capacity(1 << 16, TimedPipe::new(pictures, patience)),
            patience,
            complaint,
            frame_time: Duration::from_secs_f64(1.0 / rate.min(MAX_RATE)),
            delivered: 0,
            ended: false,
        })
    }

    pub fn frame_time(&self) -> Duration {
        self.frame_time
    }

    /// The next picture; `None` at the end of the video and after an error.
    pub fn next(&mut self) -> Option<Result<Rgb, SequenceError>> {
        if self.ended {
            return None;
        }
        self.pictures.get_mut().until = Instant::now() + self.patience;
        let result = match read_ppm(&mut self.pictures) {
            Ok(Some(_)) if self.delivered == MAX_FRAMES => {
                Some(Err(SequenceError::TooManyFrames { path: self.path.clone() }))
            }
            Ok(Some(picture)) => {
                self.delivered += 1;
                return Some(Ok(picture));
            }
            Ok(None) => self.finish().map(Err),
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                // It may still hold the file and a processor; nothing depends on whether it was already gone.
                let _ = self.child.kill();
                Some(Err(self.failure(format!("it gave no picture for {:?} and was stopped", self.patience))))
            }
            Err(error) => Some(Err(self.failure(error.to_string()))),
        };
        self.ended = true;
        result
    }

    /// What went wrong, if anything, once the pipe is empty.
    fn finish(&mut self) -> Option<SequenceError> {
        let succeeded = self.child.wait().is_ok_and(|status| status.success());
        let message = self.complaint.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        if succeeded && self.delivered > 0 {
            return None;
        }
        Some(self.failure(if message.is_empty() { "it holds no picture".to_owned() } else { message }))
    }

    fn failure(&self, message: String) -> SequenceError {
        SequenceError::Video { path: self.path.clone(), message }
    }
}

impl Drop for Video {
    fn drop(&mut self) {
        // Both fail only when the child has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Arguments that name one local file and let it name no other.
fn input(path: &Path) -> [OsString; 6] {
    let mut url = OsString::from("file:");
    url.push(path);
    ["-protocol_whitelist".into(), "file,pipe".into(), "-format_whitelist".into(), CONTAINERS.into(), "-i".into(), url]
}

fn not_started(path: &Path, source: std::io::Error) -> SequenceError {
    if source.kind() == ErrorKind::NotFound {
        return SequenceError::NoFfmpeg { path: path.to_owned() };
    }
    SequenceError::Read { path: path.to_owned(), source }
}

/// Mean frames a second, as `ffprobe` reads it.
fn frame_rate(path: &Path) -> Result<f64, SequenceError> {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-select_streams", "v:0", "-show_entries", "stream=avg_frame_rate", "-of", "csv=p=0"]);
    command.args(input(path)).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|source| not_started(path, source))?;
    let complaint = child.stderr.take().map(|stderr| std::thread::spawn(move || last_line(stderr)));
    let answer = answer_of(&mut child);
    if answer.is_err() {
        // Fails only when it has ended by itself meanwhile.
        let _ = child.kill();
    }
    let succeeded = child.wait().is_ok_and(|status| status.success());
    let message = complaint.and_then(|thread| thread.join().ok()).unwrap_or_default();
    let failed = |message| SequenceError::Video { path: path.to_owned(), message };
    let answer = answer.map_err(|error| failed(format!("ffprobe does not answer: {error}")))?;
    if !succeeded {
        return Err(failed(message));
    }
    Ok(parse_rate(&answer).unwrap_or(ASSUMED_RATE))
}

/// All that a child says until it ends, which has to be soon and short.
fn answer_of(child: &mut Child) -> std::io::Result<String> {
    let mut answer = String::new();
    if let Some(pipe) = child.stdout.take() {
        TimedPipe::new(pipe, SILENT_AFTER).take(MAX_ANSWER_BYTES).read_to_string(&mut answer)?;
    }
    if answer.len() as u64 == MAX_ANSWER_BYTES { Err(ErrorKind::FileTooLarge.into()) } else { Ok(answer) }
}

/// `30000/1001` as a number; `None` for `0/0` and what no camera does.
fn parse_rate(text: &str) -> Option<f64> {
    let (frames, seconds) = text.lines().next()?.trim().trim_end_matches(',').split_once('/')?;
    let rate = frames.parse::<f64>().ok()? / seconds.parse::<f64>().ok()?;
    (0.1..=1000.0).contains(&rate).then_some(rate)
}

/// The last line that is not empty, without the rest being kept.
fn last_line(output: impl Read) -> String {
    let mut last = String::new();
    for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        if !line.trim().is_empty() {
            last = line.trim().chars().take(300).collect();
        }
    }
    last
}

/// One binary PPM out of a row of them; `None` at the end.
fn read_ppm(pipe: &mut impl BufRead) -> std::io::Result<Option<Rgb>> {
    let invalid = || std::io::Error::new(ErrorKind::InvalidData, "the decoder's output is damaged");
    let mut header = Vec::new();
    for _ in 0..3 {
        pipe.take(MAX_HEADER_BYTES).read_until(b'\n', &mut header)?;
    }
    if header.is_empty() {
        return Ok(None);
    }
    let text = std::str::from_utf8(&header).map_err(|_| invalid())?;
    let mut words = text.split_ascii_whitespace();
    let (magic, width, height, depth) = (words.next(), words.next(), words.next(), words.next());
    let side = |word: Option<&str>| word.and_then(|w| w.parse::<usize>().ok()).filter(|s| (1..=MAX_SIDE).contains(s));
    let (Some("P6"), Some(width), Some(height), Some("255")) = (magic, side(width), side(height), depth) else {
        return Err(invalid());
    };
    let mut samples = vec![0; width * height * 3];
    pipe.read_exact(&mut samples)?;
    Rgb::from_raw(width, height, samples).map(Some).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_in_a_row_are_read_one_by_one() {
        let bytes = b"P6\n2 1\n255\nabcdefP6\n1 1\n255\nxyz";
        let mut pipe = bytes.as_slice();
        assert_eq!(read_ppm(&mut pipe).unwrap().unwrap().pixel(1, 0), *b"def");
        assert_eq!(read_ppm(&mut pipe).unwrap().unwrap().pixel(0, 0), *b"xyz");
        assert!(read_ppm(&mut pipe).unwrap().is_none());
    }

    #[test]
    fn a_picture_larger_than_the_bound_or_cut_short_is_refused() {
        for bytes in [b"P6\n99999 9\n255\n".as_slice(), b"P6\n2 1\n255\nabc", b"P5\n1 1\n255\na", b"\n\n\n"] {
            assert!(read_ppm(&mut &*bytes).is_err());
        }
    }

    #[test]
    fn a_child_that_hangs_is_stopped_and_its_video_refused() {
        let mut command = Command::new("sleep");
        command.arg("1000");
        let mut video = Video::start(Path::new("film.mp4"), command, 25.0, Duration::from_millis(20)).unwrap();
        let refused = video.next().unwrap().unwrap_err();
        assert!(refused.to_string().contains("no picture for 20ms"), "{refused}");
        assert!(!video.child.wait().unwrap().success(), "it was killed");
        assert!(video.next().is_none());
    }

    #[test]
    fn rates_are_read_and_nonsense_is_not() {
        assert!((parse_rate("30000/1001\n").unwrap() - 29.97).abs() < 0.01);
        assert_eq!(parse_rate("0/0"), None);
        assert_eq!(parse_rate(""), None);
    }
}
