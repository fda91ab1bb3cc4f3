//! The engine's side of the worker: start, ask, kill.

use std::ffi::OsString;
use std::io::{self, BufReader, ErrorKind};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{answer, request};
use crate::camera::pipe::TimedPipe;
use crate::camera::{CameraError, MAX_FILE_BYTES, MAX_PIXELS, PictureDecoder};
use crate::imaging::{Gray, Rgb};
use crate::session::DeviceFault;
use crate::vision::{BarcodeOptions, Symbol};

/// Limit for one picture. One of 1080p takes about 25 ms.
pub const PICTURE_LIMIT: Duration = Duration::from_secs(2);
/// Limit for the barcodes of a frame of a running camera, which take some 10 ms.
pub const BARCODE_LIVE_LIMIT: Duration = Duration::from_secs(2);
/// Limit for the barcodes of a still picture.
pub const BARCODE_THOROUGH_LIMIT: Duration = Duration::from_secs(15);
/// Limit for starting the process.
const START_LIMIT: Duration = Duration::from_secs(5);
/// A worker that dies at once is not started more often than this.
const RESTART_INTERVAL: Duration = Duration::from_millis(100);

/// Why bytes are no picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No bytes.
    #[error("the picture is empty; take it again")]
    Empty,
    /// More than [`MAX_FILE_BYTES`].
    #[error("the picture is larger than {} MiB; save it smaller", MAX_FILE_BYTES >> 20)]
    TooManyBytes,
    /// More than [`MAX_PIXELS`].
    #[error("the picture has more than {} megapixels; scale it down", MAX_PIXELS / 1_000_000)]
    TooManyPixels,
    /// Several pictures in one.
    #[error("the picture is animated; give one still picture")]
    Animated,
    /// Neither JPEG nor PNG.
    #[error("the picture is neither JPEG nor PNG; save it as one of them")]
    UnknownFormat,
    /// Truncated or damaged.
    #[error("the picture cannot be decoded; take it again")]
    Damaged,
}

/// Why the worker gave no result.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// It cannot be started.
    #[error("the decoder worker cannot be started: {0}; install the program again")]
    Start(io::Error),
    /// It took too long and was killed.
    #[error("the decoder worker gave no answer within {0:?} and was killed; it is started again with the next picture")]
    TimedOut(Duration),
    /// It ended in the middle of a request.
    #[error("the decoder worker ended while it worked; it is started again with the next picture")]
    Died,
    /// Its answer broke the protocol, and it was killed.
    #[error("the decoder worker gave a senseless answer and was killed; it is started again with the next picture")]
    Nonsense,
    /// It works, and the bytes are no picture.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl WorkerError {
    /// The fault of the device, or `None` where only the picture is at fault.
    #[must_use]
    pub fn fault(&self) -> Option<DeviceFault> {
        match self {
            Self::Start(_) | Self::TimedOut(_) | Self::Died | Self::Nonsense => Some(DeviceFault::Decoder),
            Self::Refused(_) => None,
        }
    }
}

impl From<WorkerError> for CameraError {
    fn from(error: WorkerError) -> Self {
        match error {
            WorkerError::Refused(refusal) => Self::Picture(refusal.to_string()),
            WorkerError::Start(_) | WorkerError::TimedOut(_) | WorkerError::Died | WorkerError::Nonsense => {
                Self::Decoder(error.to_string())
            }
        }
    }
}

/// One worker process, asked by any number of threads in turn.
#[derive(Debug)]
pub struct DecoderWorker {
    keeper: Sender<SyncSender<io::Result<Child>>>,
    place: Mutex<Place>,
}

#[derive(Debug, Default)]
struct Place {
    running: Option<Running>,
    last_start: Option<Instant>,
    number: u32,
}

impl DecoderWorker {
    /// A worker that is `program worker`, started with the first request.
    ///
    /// # Errors
    /// [`WorkerError::Start`] when there is no thread to start it from.
    pub fn spawn(program: &Path) -> Result<Self, WorkerError> {
        Self::of(program, &["worker".into()])
    }

    /// The same with any program and arguments.
    ///
    /// # Errors
    /// [`WorkerError::Start`].
    pub fn of(program: &Path, arguments: &[OsString]) -> Result<Self, WorkerError> {
        let (keeper, orders) = channel();
        let (program, arguments) = (program.to_owned(), arguments.to_owned());
        // A child is told to die with the thread that started it, so that one thread starts them all and outlives them.
        let keep = move || keep(&program, &arguments, &orders);
        let thread = std::thread::Builder::new().name("decoder-keeper".to_owned()).spawn(keep);
        thread.map_err(WorkerError::Start)?;
        Ok(Self { keeper, place: Mutex::default() })
    }

    /// Decodes one JPEG or PNG, within [`PICTURE_LIMIT`].
    ///
    /// # Errors
    /// Any [`WorkerError`].
    pub fn decode_picture(&self, bytes: &[u8]) -> Result<Rgb, WorkerError> {
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(Refusal::TooManyBytes.into());
        }
        let picture = self.ask(PICTURE_LIMIT, |number, running| {
            request::write_picture(number, bytes, &mut running.requests)?;
            answer::read_picture(number, &mut running.answers)
        })?;
        Ok(picture?)
    }

    /// Reads barcodes, within [`BARCODE_LIVE_LIMIT`] or, where the whole picture is searched, [`BARCODE_THOROUGH_LIMIT`].
    ///
    /// # Errors
    /// Any [`WorkerError`].
    pub fn read_barcodes(&self, picture: &Gray, options: &BarcodeOptions) -> Result<Vec<Symbol>, WorkerError> {
        if picture.data().len() as u64 > MAX_PIXELS {
            return Err(Refusal::TooManyPixels.into());
        }
        let limit = if options.whole_picture { BARCODE_THOROUGH_LIMIT } else { BARCODE_LIVE_LIMIT };
        self.ask(limit, |number, running| {
            request::write_barcodes(number, picture, *options, &mut running.requests)?;
            answer::read_symbols(number, &mut running.answers)
        })
    }

    /// Has the process forget what frames so far have shown of a barcode: the next frame is of another person. One that
    /// cannot be told is ended, which forgets too.
    pub fn forget(&self) {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut running) = place.running.take() else { return };
        place.number = place.number.wrapping_add(1);
        running.give_up_at(Instant::now() + PICTURE_LIMIT);
        if request::write_forget(place.number, &mut running.requests).is_ok() {
            place.running = Some(running);
        }
    }

    /// The process that runs now, if one does.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner).running.as_ref().map(|running| running.child.id())
    }

    /// One request and its answer; a worker that fails is killed and reaped before this returns.
    fn ask<T>(
        &self,
        limit: Duration,
        exchange: impl FnOnce(u32, &mut Running) -> io::Result<T>,
    ) -> Result<T, WorkerError> {
        // Whatever panicked here has dropped its worker: what is in the place is whole.
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        let mut running = match place.running.take().and_then(Running::if_alive) {
            Some(running) => running,
            None => self.start(&mut place)?,
        };
        place.number = place.number.wrapping_add(1);
        running.give_up_at(Instant::now() + limit);
        match exchange(place.number, &mut running) {
            Ok(answer) => {
                place.running = Some(running);
                Ok(answer)
            }
            Err(error) => {
                drop(running);
                Err(match error.kind() {
                    ErrorKind::TimedOut => WorkerError::TimedOut(limit),
                    ErrorKind::InvalidData => WorkerError::Nonsense,
                    _ => WorkerError::Died,
                })
            }
        }
    }

    fn start(&self, place: &mut Place) -> Result<Running, WorkerError> {
        let rest = place.last_start.map(|last| RESTART_INTERVAL.saturating_sub(last.elapsed()));
        std::thread::sleep(rest.unwrap_or_default());
        place.last_start = Some(Instant::now());
        let gone = || WorkerError::Start(io::Error::other("the thread that starts it is gone"));
        let (hand, started) = sync_channel(1);
        self.keeper.send(hand).map_err(|_| gone())?;
        let child = started.recv_timeout(START_LIMIT).map_err(|_| gone())?;
        Running::of(child.map_err(WorkerError::Start)?)
    }
}

/// Starts a process for every order until nobody can order any more.
fn keep(program: &PathBuf, arguments: &[OsString], orders: &Receiver<SyncSender<io::Result<Child>>>) {
    while let Ok(hand) = orders.recv() {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().current_dir("/").process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        if let Err(refused) = hand.send(command.spawn())
            && let Ok(mut child) = refused.0
        {
            end(&mut child);
        }
    }
}

/// Kills and reaps; both only fail where that has happened.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// A worker process and its pipes; ends with this value.
#[derive(Debug)]
struct Running {
    child: Child,
    requests: TimedPipe<ChildStdin>,
    answers: BufReader<TimedPipe<ChildStdout>>,
}

impl Running {
    fn of(mut child: Child) -> Result<Self, WorkerError> {
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            end(&mut child);
            return Err(WorkerError::Start(io::Error::other("it has no pipes")));
        };
        let requests = TimedPipe::new(requests, Duration::ZERO);
        let answers = BufReader::with_capacity(1 << 16, TimedPipe::new(answers, Duration::ZERO));
        Ok(Self { child, requests, answers })
    }

    /// None when it ended since it was last asked, which is nobody's failure.
    fn if_alive(mut self) -> Option<Self> {
        matches!(self.child.try_wait(), Ok(None)).then_some(self)
    }

    fn give_up_at(&mut self, until: Instant) {
        self.requests.until = until;
        self.answers.get_mut().until = until;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Lets cameras decode their pictures in this worker.
#[must_use]
pub fn picture_decoder(worker: Arc<DecoderWorker>) -> PictureDecoder {
    Arc::new(move |bytes| Ok(worker.decode_picture(bytes)?))
}
