//! The running camera: newest frame, state, rest and stop, whatever its source does.
//!
//! Two threads: the source is opened and asked on one that may block for ever, and the [watchdog](super::watchdog) leaves
//! that one behind when nothing comes, and opens the source again. Always holds: capture times and sequence numbers rise
//! strictly over all reopenings, all frames of one opening have one size, a source that was left behind supplies nothing any more,
//! and no call here waits for a source. Does not notice a frozen picture, and cannot end a thread that hangs in a driver.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::source::OpenSource;
use super::watchdog::{self, Shared};
use crate::imaging::Frame;
use crate::session::DeviceFault;

/// How much patience a camera is met with.
#[derive(Debug, Clone, Copy)]
pub struct CameraLimits {
    /// Opening, to the first picture.
    pub opening: Duration,
    /// From one picture to the next.
    pub silent_after: Duration,
    /// Before the first attempt to open it again; doubles with each further one.
    pub retry_first: Duration,
    /// Before any attempt to open it again, at most.
    pub retry_most: Duration,
    /// Threads that hang in a source and are left behind, at most; with one more the camera is dead.
    pub left_behind: usize,
}

impl Default for CameraLimits {
    /// For a USB camera: it needs a few seconds to start, and ten frames a second are slow.
    fn default() -> Self {
        Self {
            opening: Duration::from_secs(10),
            silent_after: Duration::from_secs(3),
            retry_first: Duration::from_millis(500),
            retry_most: Duration::from_secs(10),
            left_behind: 3,
        }
    }
}

/// How the camera is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CameraStatus {
    /// Nothing came yet.
    Starting,
    /// Pictures come, also while it rests.
    Live {
        /// Measured over about a second, and again every second; 0 before the first measurement.
        frames_per_second: f32,
    },
    /// No pictures; it is opened again by itself.
    Faulted(DeviceFault),
    /// No pictures, and too many threads hang in its source to try again: only a new process helps.
    Dead,
}

impl CameraStatus {
    /// What keeps it from giving pictures, if anything does.
    #[must_use]
    pub fn fault(self) -> Option<DeviceFault> {
        match self {
            Self::Starting | Self::Live { .. } => None,
            Self::Faulted(fault) => Some(fault),
            Self::Dead => Some(DeviceFault::CameraSilent),
        }
    }
}

/// A camera that runs until it is dropped. It begins at rest.
#[derive(Debug)]
pub struct Camera {
    shared: Arc<Shared>,
    watchdog: Option<JoinHandle<()>>,
}

impl Camera {
    /// Starts it. Capture times count from `origin`, which should not lie in the future.
    ///
    /// What is wrong with the source shows in the [status](Self::status).
    #[must_use]
    pub fn start(open: OpenSource, origin: Instant, limits: CameraLimits) -> Self {
        let shared = Arc::new(Shared::new(origin));
        let watched = Arc::clone(&shared);
        let run = move || watchdog::watch(&watched, &open, &limits);
        let watchdog = std::thread::Builder::new().name("camera-watchdog".to_owned()).spawn(run);
        if let Err(error) = &watchdog {
            tracing::error!("the camera's watchdog cannot be started: {error}; restart the device");
            shared.die();
        }
        Self { shared, watchdog: watchdog.ok() }
    }

    /// The newest frame with a sequence number above `after`, waiting for up to `wait`. `None` when none came, and
    /// always while the camera rests.
    #[must_use]
    pub fn newest(&self, after: Option<u64>, wait: Duration) -> Option<Arc<Frame>> {
        self.shared.slot.take_newer(after, wait)
    }

    /// Whether anybody wants frames now. At rest the camera goes on and is watched, but nothing is decoded or kept.
    pub fn set_wanted(&self, wanted: bool) {
        self.shared.set_wanted(wanted);
    }

    /// How it is now.
    #[must_use]
    pub fn status(&self) -> CameraStatus {
        *self.shared.status.borrow()
    }

    /// Tells of every change of the [status](Self::status); closes when the camera is dropped.
    #[must_use]
    pub fn status_changes(&self) -> watch::Receiver<CameraStatus> {
        self.shared.status.subscribe()
    }

    /// How many frames were replaced by newer ones before anybody looked at them.
    #[must_use]
    pub fn dropped_frames(&self) -> u64 {
        self.shared.slot.dropped()
    }

    /// Ends it and wipes the newest frame. Waits a moment for the source to close, and leaves it behind otherwise.
    pub fn stop(&mut self) {
        self.shared.stop();
        if let Some(watchdog) = self.watchdog.take()
            && watchdog.join().is_err()
        {
            tracing::error!("the camera's watchdog failed; report it with the version");
        }
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.stop();
    }
}
