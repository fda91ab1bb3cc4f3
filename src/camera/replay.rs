//! A recording that behaves like a camera: paced in real time, at rest while nobody looks, and as faulty as a test asks.
//!
//! Always holds: its frames are [`Provenance::Files`](crate::imaging::Provenance), whatever they show. A machine that is
//! too slow for the recording plays it slower, and never in bursts. Does not keep decoded frames, but for one that is frozen.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::sequence::FrameSequence;
use super::source::{CameraError, Capture, FrameSource};
use crate::imaging::{Frame, Rgb, resize};

/// What comes after the last frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AtEnd {
    /// The first one again.
    #[default]
    Loop,
    /// [`CameraError::Ended`].
    End,
}

/// Something that goes wrong at a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayFault {
    /// Nothing comes any more and the source never returns.
    Stall,
    /// The frame is late by this much.
    Spike(Duration),
    /// The cable is pulled.
    Disconnect,
    /// This picture comes so many times more, instead of those that would follow at that time.
    Freeze(u32),
    /// This frame has another size.
    Resize {
        /// Its width in pixels.
        width: usize,
        /// Its height in pixels.
        height: usize,
    },
}

/// Faults by the number of the frame that they befall, counted from 0 over everything that was played. Each happens once;
/// clones share what is left, so that a recording that is opened again goes on to the next one.
#[derive(Debug, Clone, Default)]
pub struct ReplayFaults(Arc<Mutex<Plan>>);

#[derive(Debug, Default)]
struct Plan {
    played: u64,
    faults: BTreeMap<u64, ReplayFault>,
}

impl ReplayFaults {
    /// Adds one.
    #[must_use]
    pub fn at(self, frame: u64, fault: ReplayFault) -> Self {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).faults.insert(frame, fault);
        self
    }

    /// Counts one frame, and gives what befalls it.
    fn next(&self) -> Option<ReplayFault> {
        let mut plan = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let frame = plan.played;
        plan.played += 1;
        plan.faults.remove(&frame)
    }
}

/// Which recording, and how it is played.
#[derive(Debug, Clone)]
pub struct ReplaySettings {
    /// A folder of frames (with `times.txt` or at `frames_per_second`) or a video.
    pub path: PathBuf,
    /// Rate of a folder without times.
    pub frames_per_second: f64,
    /// What comes after the last frame.
    pub at_end: AtEnd,
    /// What goes wrong.
    pub faults: ReplayFaults,
}

/// A recording that is being played.
#[derive(Debug)]
pub struct Replay {
    settings: ReplaySettings,
    frames: FrameSequence,
    /// When the first frame of this round was due.
    started: Option<Instant>,
    /// When the last frame was due, from `started`.
    played: Duration,
    frame_time: Duration,
    in_this_round: u64,
    /// The picture that stands, and how many times more it comes.
    frozen: Option<(Rgb, u32)>,
}

impl Replay {
    /// Opens the recording; the first frame is due when it is asked for.
    ///
    /// # Errors
    /// [`CameraError::Recording`].
    pub fn open(settings: &ReplaySettings) -> Result<Self, CameraError> {
        let frames = FrameSequence::open(&settings.path, settings.frames_per_second)?;
        let frame_time = frames.frame_time();
        Ok(Self {
            settings: settings.clone(),
            frames,
            started: None,
            played: Duration::ZERO,
            frame_time,
            in_this_round: 0,
            frozen: None,
        })
    }

    /// The next frame, of the next round if need be.
    fn frame(&mut self) -> Result<Frame, CameraError> {
        if let Some(frame) = self.frames.next() {
            self.in_this_round += 1;
            return Ok(frame?);
        }
        if self.settings.at_end == AtEnd::End || self.in_this_round == 0 {
            return Err(CameraError::Ended);
        }
        self.frames = FrameSequence::open(&self.settings.path, self.settings.frames_per_second)?;
        self.started = self.started.map(|started| started + self.played + self.frame_time);
        self.in_this_round = 0;
        self.frames.next().map_or(Err(CameraError::Ended), |frame| {
            self.in_this_round = 1;
            Ok(frame?)
        })
    }

    /// Waits until the frame is due. A frame that is late already is due now, and moves all that follow.
    fn pace(&mut self, captured_at: Duration) {
        let now = Instant::now();
        self.played = captured_at;
        let due = self.started.map_or(now, |started| started + captured_at);
        if due > now {
            std::thread::sleep(due - now);
        } else {
            self.started = now.checked_sub(captured_at).or(self.started);
        }
    }
}

impl FrameSource for Replay {
    fn next(&mut self) -> Result<Capture, CameraError> {
        let Frame { mut image, captured_at, provenance, .. } = self.frame()?;
        self.pace(captured_at);
        if let Some((picture, times)) = self.frozen.take().filter(|(_, times)| *times > 0) {
            self.frozen = Some((picture.clone(), times - 1));
            return Ok(Capture { image: picture, provenance });
        }
        match self.settings.faults.next() {
            None => {}
            Some(ReplayFault::Stall) => stall(),
            Some(ReplayFault::Spike(late)) => std::thread::sleep(late),
            Some(ReplayFault::Disconnect) => {
                return Err(CameraError::Disconnected("the recording's cable was pulled".to_owned()));
            }
            Some(ReplayFault::Freeze(times)) => self.frozen = Some((image.clone(), times)),
            Some(ReplayFault::Resize { width, height }) => image = resize(&image, width, height),
        }
        Ok(Capture { image, provenance })
    }

    /// At rest the recording stands still, so that nobody misses its beginning.
    fn skip(&mut self) -> Result<(), CameraError> {
        std::thread::sleep(self.frame_time);
        self.started = Instant::now().checked_sub(self.played);
        Ok(())
    }
}

fn stall() -> ! {
    loop {
        std::thread::park();
    }
}
