//! The thread that watches a source, leaves it behind when it hangs, and opens it again.
//!
//! Always holds: what a source thread does counts only while its generation is the current one, and both are compared
//! under the same lock that admits the frame. The number of threads left behind is bounded; above it the camera is
//! dead. Does not know what kind of source it is.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::capture::{CameraLimits, CameraStatus};
use super::slot::FrameSlot;
use super::source::{CameraError, Capture, FrameSource, OpenSource};
use crate::imaging::Frame;
use crate::session::DeviceFault;

/// How long a stop waits for the source to close.
const CLOSING: Duration = Duration::from_millis(300);
/// Damaged pictures in a row after which the source is opened again.
const DAMAGED_IN_A_ROW: u32 = 30;
/// How often the frame rate is measured.
const MEASURED_EVERY: Duration = Duration::from_secs(1);
/// Two frames are at least this far apart.
const TICK: Duration = Duration::from_micros(1);

/// What the camera, its watchdog and its source threads have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub slot: FrameSlot,
    pub status: watch::Sender<CameraStatus>,
    origin: Instant,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    stopping: bool,
    wanted: bool,
    /// The source thread that counts; rises when one is started and when one is left behind.
    generation: u64,
    /// Source threads that exist, those left behind included.
    threads: usize,
    next_sequence: u64,
    last_captured: Option<Duration>,
    run: Run,
}

/// The source thread that counts.
#[derive(Debug)]
struct Run {
    started: Instant,
    last_sign: Option<Instant>,
    size: Option<(usize, usize)>,
    damaged_in_a_row: u32,
    damage: Option<DeviceFault>,
    measured_from: Instant,
    measured_frames: u32,
    ended: Option<CameraError>,
}

impl Run {
    fn starting(now: Instant) -> Self {
        Self {
            started: now,
            last_sign: None,
            size: None,
            damaged_in_a_row: 0,
            damage: None,
            measured_from: now,
            measured_frames: 0,
            ended: None,
        }
    }

    /// When it counts as silent.
    fn patience_ends(&self, limits: &CameraLimits) -> Instant {
        self.last_sign.map_or(self.started + limits.opening, |sign| sign + limits.silent_after)
    }

    /// Notes a whole picture, and gives the frame rate when it was measured anew.
    fn sign(&mut self, now: Instant) -> Option<f32> {
        self.damaged_in_a_row = 0;
        self.damage = None;
        if self.last_sign.replace(now).is_none() {
            self.measured_from = now;
            return Some(0.0);
        }
        self.measured_frames += 1;
        let passed = now.duration_since(self.measured_from);
        if passed < MEASURED_EVERY {
            return None;
        }
        let rate = self.measured_frames as f32 / passed.as_secs_f32();
        self.measured_from = now;
        self.measured_frames = 0;
        Some(rate)
    }
}

/// Whether a source thread goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Go {
    On,
    Away,
}

impl Shared {
    pub fn new(origin: Instant) -> Self {
        let state = State {
            stopping: false,
            wanted: false,
            generation: 0,
            threads: 0,
            next_sequence: 0,
            last_captured: None,
            run: Run::starting(Instant::now()),
        };
        Self {
            slot: FrameSlot::default(),
            status: watch::Sender::new(CameraStatus::Starting),
            origin,
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The code of a source never runs under the lock, so that nothing can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change until `until`; false when that time has come.
    fn wait<'a>(&self, state: MutexGuard<'a, State>, until: Instant) -> (MutexGuard<'a, State>, bool) {
        let Some(rest) = until.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero()) else {
            return (state, false);
        };
        (self.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0, true)
    }

    pub fn set_wanted(&self, wanted: bool) {
        let mut state = self.state();
        state.wanted = wanted;
        if !wanted {
            self.slot.clear();
        }
    }

    pub fn stop(&self) {
        let mut state = self.state();
        state.stopping = true;
        state.generation += 1;
        self.slot.close();
        self.changed.notify_all();
    }

    pub fn die(&self) {
        self.slot.close();
        self.status.send_replace(CameraStatus::Dead);
    }

    /// Whether this source thread counts, and then whether its pictures are wanted.
    fn wanted_of(&self, generation: u64) -> Option<bool> {
        let state = self.state();
        (state.generation == generation).then_some(state.wanted)
    }

    /// Takes what a source gave: a picture, or (at rest) only its sign of life.
    fn admit(&self, generation: u64, given: Result<Option<Capture>, CameraError>) -> Go {
        let now = Instant::now();
        let mut guard = self.state();
        let state = &mut *guard;
        if state.generation != generation {
            return Go::Away;
        }
        let sequence = state.next_sequence;
        state.next_sequence += 1;
        let capture = match given {
            Ok(capture) => capture,
            Err(error) => return self.refuse(&mut state.run, error),
        };
        if let Some(Capture { image, .. }) = &capture {
            let given = (image.width(), image.height());
            let agreed = *state.run.size.get_or_insert(given);
            if given != agreed {
                let text = |(width, height): (usize, usize)| format!("{width}x{height} pixels");
                let error = CameraError::Format { wanted: text(agreed), given: text(given) };
                return self.refuse(&mut state.run, error);
            }
        }
        if state.run.last_sign.is_none() {
            // From here on less patience is due than the watchdog went to sleep with.
            self.changed.notify_all();
        }
        if let Some(frames_per_second) = state.run.sign(now) {
            self.status.send_replace(CameraStatus::Live { frames_per_second });
        }
        if let Some(Capture { image, provenance }) = capture.filter(|_| state.wanted) {
            let passed = now.saturating_duration_since(self.origin);
            let captured_at = state.last_captured.map_or(passed, |last| passed.max(last + TICK));
            state.last_captured = Some(captured_at);
            self.slot.put(Frame { image, captured_at, sequence, provenance });
        }
        Go::On
    }

    /// Takes why a source gives nothing more.
    fn end(&self, generation: u64, error: CameraError) {
        let mut state = self.state();
        if state.generation == generation {
            state.run.ended = Some(error);
            self.changed.notify_all();
        }
    }

    fn refuse(&self, run: &mut Run, error: CameraError) -> Go {
        run.damaged_in_a_row += 1;
        if error.is_passing() && run.damaged_in_a_row < DAMAGED_IN_A_ROW {
            run.damage = Some(error.fault());
            tracing::debug!("{error}");
            return Go::On;
        }
        run.ended = Some(error);
        self.changed.notify_all();
        Go::Away
    }
}

/// How one opening of the source ended.
enum End {
    Stopped,
    TooManyLeftBehind,
    Fault { lived: Duration },
}

/// Runs until the camera is stopped or dead.
pub(super) fn watch(shared: &Arc<Shared>, open: &OpenSource, limits: &CameraLimits) {
    let mut pause = limits.retry_first;
    loop {
        match watch_once(shared, open, limits) {
            End::Fault { lived } if lived > pause => pause = limits.retry_first,
            End::Fault { .. } => {}
            End::TooManyLeftBehind => {
                tracing::error!("too many threads hang in the camera's driver; the process has to be started again");
                return shared.die();
            }
            End::Stopped => return wait_for_threads(shared),
        }
        let until = Instant::now() + pause;
        pause = (pause * 2).min(limits.retry_most);
        let mut state = shared.state();
        let mut waiting = true;
        while waiting && !state.stopping {
            (state, waiting) = shared.wait(state, until);
        }
    }
}

fn wait_for_threads(shared: &Shared) {
    let until = Instant::now() + CLOSING;
    let mut state = shared.state();
    let mut waiting = true;
    while waiting && state.threads > 0 {
        (state, waiting) = shared.wait(state, until);
    }
}

fn watch_once(shared: &Arc<Shared>, open: &OpenSource, limits: &CameraLimits) -> End {
    let started = Instant::now();
    let mut state = shared.state();
    if state.stopping {
        return End::Stopped;
    }
    if state.threads > limits.left_behind {
        return End::TooManyLeftBehind;
    }
    state.generation += 1;
    state.threads += 1;
    state.run = Run::starting(started);
    let generation = state.generation;
    // A thread that cannot be started counts itself out, which needs the lock.
    drop(state);
    if let Err(error) = start_source(shared, generation, open) {
        shared.end(generation, CameraError::Disconnected(format!("no thread can be started for it: {error}")));
    }
    let mut state = shared.state();
    loop {
        if state.stopping {
            return End::Stopped;
        }
        let (fault, error) = if let Some(error) = state.run.ended.take() {
            (error.fault(), error)
        } else {
            let until = state.run.patience_ends(limits);
            let waiting;
            (state, waiting) = shared.wait(state, until);
            // A picture or an end may have come between the last moment and the lock.
            if waiting || state.run.ended.is_some() || Instant::now() < state.run.patience_ends(limits) {
                continue;
            }
            let silence = state.run.last_sign.unwrap_or(started).elapsed();
            (state.run.damage.unwrap_or(DeviceFault::CameraSilent), CameraError::Silent(silence))
        };
        state.generation += 1;
        shared.slot.clear();
        shared.status.send_replace(CameraStatus::Faulted(fault));
        tracing::warn!("{error}");
        return End::Fault { lived: state.run.last_sign.map_or(Duration::ZERO, |sign| sign - started) };
    }
}

fn start_source(shared: &Arc<Shared>, generation: u64, open: &OpenSource) -> std::io::Result<()> {
    let counted = Counted(Arc::clone(shared));
    let open = Arc::clone(open);
    let run = move || {
        let shared = &counted.0;
        if catch_unwind(AssertUnwindSafe(|| ask(shared, generation, &open))).is_err() {
            shared.end(generation, CameraError::Crashed);
        }
    };
    std::thread::Builder::new().name("camera-source".to_owned()).spawn(run).map(drop)
}

/// One source thread in the count; counts itself out when the thread ends, however it ends.
struct Counted(Arc<Shared>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.state().threads -= 1;
        self.0.changed.notify_all();
    }
}

/// Opens the source and asks it until it fails or does not count any more. Runs code that may block or panic.
fn ask(shared: &Shared, generation: u64, open: &OpenSource) {
    let mut source: Box<dyn FrameSource> = match open() {
        Ok(source) => source,
        Err(error) => return shared.end(generation, error),
    };
    while let Some(wanted) = shared.wanted_of(generation) {
        let given = if wanted { source.next().map(Some) } else { source.skip().map(|()| None) };
        if shared.admit(generation, given) == Go::Away {
            return;
        }
    }
}
