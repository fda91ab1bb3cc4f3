//! The thread that looks: it owns the models, takes the newest frame, and tells the desk what it saw.
//!
//! Always holds: it looks only while a capture is under way; a new order replaces the present one before the next frame;
//! its answers carry the capture's number.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::EngineError;
use super::desk::Order;
use crate::camera::Camera;
use crate::imaging::Frame;
use crate::liveness::{Challenge, FeedMonitor, FlashChallenge};
use crate::privacy::Personal;
use crate::run::capture::{DocumentCapture, FaceCapture, FlashCapture, FlashShown, Look, PassesSeen};
use crate::run::fleet::Fleet;
use crate::run::vision::{Vision, VisionError};
use crate::run::worker::WorkerError;
use crate::session::machine::{CaptureId, CaptureTask, Event, FlashAsked};
use crate::session::{DeviceFault, Hint, Screen};

/// Longest wait for a frame before the orders are looked at again.
const FRAME_WITHIN: Duration = Duration::from_millis(200);
/// Rest after a decoder that failed again and again.
const DECODER_REST: Duration = Duration::from_secs(3);

/// What the desk wants.
pub(super) enum EyesOrder {
    /// Look, for this.
    Look { capture: CaptureId, task: CaptureTask, look: Box<Look> },
    /// Do not look.
    Rest,
}

/// What a person before the camera is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ShownStep {
    /// A step of the head turn.
    Turn(u8),
    /// A part of the flash.
    Flash(FlashShown),
}

impl ShownStep {
    fn of(screen: Screen) -> Option<Self> {
        match screen {
            Screen::Face { done, .. } => Some(Self::Turn(done)),
            Screen::FlashNotice => Some(Self::Flash(FlashShown::Notice)),
            Screen::Flash { step, .. } => Some(Self::Flash(FlashShown::Colour(step))),
            Screen::Idle
            | Screen::Consent
            | Screen::Document { .. }
            | Screen::Deciding
            | Screen::Review
            | Screen::Verified
            | Screen::NotVerified { .. }
            | Screen::Canceled { .. }
            | Screen::Expired
            | Screen::Fault { .. } => None,
        }
    }
}

/// Which step of the challenge is on the screen, and since when on the camera's clock.
#[derive(Default)]
pub(super) struct Shown(Mutex<Option<(CaptureId, ShownStep, Duration)>>);

impl Shown {
    /// Notes that a prompt was published to every screen, where it is a step of what a capture asks for.
    pub(super) fn set(&self, capture: CaptureId, screen: Screen, at: Duration) {
        let Some(step) = ShownStep::of(screen) else { return };
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.is_none_or(|(known, done, _)| (known, done) != (capture, step)) {
            *shown = Some((capture, step, at));
        }
    }

    fn of_turn(&self, capture: CaptureId) -> Option<(u8, Duration)> {
        match self.of(capture)? {
            (ShownStep::Turn(step), at) => Some((step, at)),
            (ShownStep::Flash(_), _) => None,
        }
    }

    fn of_flash(&self, capture: CaptureId) -> Option<(FlashShown, Duration)> {
        match self.of(capture)? {
            (ShownStep::Flash(shown), at) => Some((shown, at)),
            (ShownStep::Turn(_), _) => None,
        }
    }

    fn of(&self, capture: CaptureId) -> Option<(ShownStep, Duration)> {
        let shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shown.filter(|(known, ..)| *known == capture).map(|(_, step, at)| (step, at))
    }
}

/// One place for the newest order: an older one that was not taken yet is not wanted any more.
#[derive(Default)]
struct Mailbox {
    mail: Mutex<Mail>,
    news: Condvar,
}

#[derive(Default)]
struct Mail {
    order: Option<EyesOrder>,
    closed: bool,
}

impl Mailbox {
    fn put(&self, change: impl FnOnce(&mut Mail)) {
        change(&mut self.mail.lock().unwrap_or_else(PoisonError::into_inner));
        self.news.notify_all();
    }

    /// The newest order, waiting for one for up to `wait`, or for ever.
    fn take(&self, wait: Option<Duration>) -> Result<Option<EyesOrder>, DeskGone> {
        let until = wait.map(|wait| Instant::now() + wait);
        let mut mail = self.mail.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if mail.closed {
                return Err(DeskGone);
            }
            if let Some(order) = mail.order.take() {
                return Ok(Some(order));
            }
            mail = match until.map(|until| until.saturating_duration_since(Instant::now())) {
                None => self.news.wait(mail).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => return Ok(None),
                Some(left) => self.news.wait_timeout(mail, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }
}

/// A way to the thread, which ends when this is dropped.
pub(super) struct Eyes(Arc<Mailbox>);

impl Drop for Eyes {
    fn drop(&mut self) {
        self.0.put(|mail| mail.closed = true);
    }
}

impl Eyes {
    /// Starts the thread; it ends with a reason, or without one when the desk is gone. `origin` is the camera's.
    pub(super) fn start(
        vision: Vision,
        feed: FeedMonitor,
        camera: Arc<Camera>,
        desk: mpsc::Sender<Order>,
        shown: Arc<Shown>,
        fleet: Option<Arc<Fleet>>,
        origin: Instant,
    ) -> Result<(Self, JoinHandle<Result<(), EngineError>>), EngineError> {
        let orders = Arc::new(Mailbox::default());
        let taken = Arc::clone(&orders);
        let mut looker = Looker {
            vision,
            feed,
            camera,
            desk,
            shown,
            fleet,
            orders: taken,
            origin,
            not_before: Duration::ZERO,
            last_frame: None,
        };
        let thread = std::thread::Builder::new().name("eyes".to_owned()).spawn(move || looker.run());
        Ok((Self(orders), thread.map_err(EngineError::Thread)?))
    }

    /// Gives an order, in the place of one that was not taken yet.
    pub(super) fn order(&self, order: EyesOrder) {
        self.0.put(|mail| mail.order = Some(order));
    }
}

enum Watching {
    Nothing,
    Document { capture: CaptureId, look: Box<Look>, reading: Box<DocumentCapture> },
    Face { capture: CaptureId, turn: Box<FaceCapture>, told: Option<u8>, next: Box<Next> },
    Flash { capture: CaptureId, flash: Box<FlashCapture>, told: Option<FlashAsked> },
}

/// What comes after a head turn that has passed.
struct Next {
    look: Look,
    challenge: FlashChallenge,
    /// Passes that are shown when the face is asked for already.
    passes: PassesSeen,
}

struct Looker {
    vision: Vision,
    /// Sees every frame that is looked at.
    feed: FeedMonitor,
    camera: Arc<Camera>,
    desk: mpsc::Sender<Order>,
    shown: Arc<Shown>,
    fleet: Option<Arc<Fleet>>,
    orders: Arc<Mailbox>,
    origin: Instant,
    /// Frames that were taken before the order to look are nobody's: they may show the person before.
    not_before: Duration,
    last_frame: Option<u64>,
}

/// The desk is gone: the engine is stopping.
struct DeskGone;

impl Looker {
    fn run(&mut self) -> Result<(), EngineError> {
        let mut watching = Watching::Nothing;
        loop {
            let wait = if matches!(watching, Watching::Nothing) { None } else { Some(Duration::ZERO) };
            match self.orders.take(wait) {
                Err(DeskGone) => return Ok(()),
                Ok(Some(order)) => watching = self.begin(order)?,
                Ok(None) => {}
            }
            if matches!(watching, Watching::Nothing) {
                continue;
            }
            let Some(frame) = self.camera.newest(self.last_frame, FRAME_WITHIN) else { continue };
            self.last_frame = Some(frame.sequence);
            if frame.captured_at < self.not_before {
                continue;
            }
            // The flash makes pictures come again that are not the same, and is itself what a frozen feed cannot follow.
            if !matches!(watching, Watching::Flash { .. }) {
                self.feed.observe(&frame);
            }
            watching = match self.look(watching, &frame) {
                Ok(Ok(next)) => next,
                Ok(Err(DeskGone)) => return Ok(()),
                Err(VisionError::Model(error)) => return Err(error.into()),
                Err(VisionError::Decoder(error)) => match self.sit_out(&error) {
                    Ok(Some(order)) => self.begin(order)?,
                    Ok(None) => Watching::Nothing,
                    Err(DeskGone) => return Ok(()),
                },
            };
        }
    }

    fn begin(&mut self, order: EyesOrder) -> Result<Watching, EngineError> {
        self.vision.forget_document();
        let EyesOrder::Look { capture, task, look } = order else {
            self.camera.set_wanted(false);
            self.vision.forget_face();
            self.feed.forget();
            return Ok(Watching::Nothing);
        };
        self.not_before = self.origin.elapsed();
        self.camera.set_wanted(true);
        self.feed.begin();
        Ok(match task {
            CaptureTask::Document => Watching::Document { capture, look, reading: Box::new(DocumentCapture::new()) },
            CaptureTask::Face { portrait, age } => {
                let mut nonce = [0; Challenge::NONCE_BYTES];
                getrandom::fill(&mut nonce).map_err(EngineError::Random)?;
                let turn = FaceCapture::new(
                    Challenge::from_nonce(&nonce),
                    portrait.map(|portrait| *portrait),
                    age,
                    &mut self.vision,
                )
                .before(look.policy.camera_mount);
                let challenge = FlashChallenge::from_nonce(&nonce);
                let next = Next { look: *look, challenge, passes: PassesSeen::default() };
                Watching::Face { capture, turn: Box::new(turn), told: None, next: Box::new(next) }
            }
        })
    }

    fn look(&mut self, watching: Watching, frame: &Frame) -> Result<Result<Watching, DeskGone>, VisionError> {
        match watching {
            Watching::Nothing => Ok(Ok(Watching::Nothing)),
            Watching::Document { capture, look, mut reading } => {
                let step = reading.observe(frame, &mut self.vision, &look, || {
                    hint(&self.desk, capture, Some(Hint::Reading));
                })?;
                hint(&self.desk, capture, step.hint);
                if self.tell_passes(capture, &step.passes, frame).is_err() {
                    return Ok(Err(DeskGone));
                }
                // With the whole document there is nothing left to ask for.
                if let (Some(side), None) = (step.side, &step.seen)
                    && self.tell(Event::SideRead { capture, side }).is_err()
                {
                    return Ok(Err(DeskGone));
                }
                Ok(match step.seen {
                    Some(mut seen) => {
                        seen.feed = Some(self.feed.report());
                        let fleet = self.fleet.as_ref().filter(|fleet| fleet.accepts());
                        seen.pass_anchor = fleet.and_then(|fleet| fleet.anchor(&seen.evidence.fields));
                        self.tell(Event::DocumentRead { capture, seen }).map(|()| Watching::Nothing)
                    }
                    None => Ok(Watching::Document { capture, look, reading }),
                })
            }
            Watching::Face { capture, mut turn, told, mut next } => {
                let had_begun = turn.has_begun();
                if next.look.accepts_passes && !had_begun {
                    let passes = next.passes.look(&frame.image.to_gray(), &mut self.vision, &next.look)?;
                    if self.tell_passes(capture, &passes, frame).is_err() {
                        return Ok(Err(DeskGone));
                    }
                }
                let step = turn.observe(frame, &mut self.vision, self.shown.of_turn(capture))?;
                hint(&self.desk, capture, step.hint);
                if turn.has_begun() && !had_begun {
                    // Nobody was there before: a still room is no frozen picture.
                    self.feed.begin();
                }
                if step.ended {
                    let templates = turn.templates();
                    let mut seen = turn.finish(&self.vision);
                    seen.feed = Some(self.feed.report());
                    if FlashCapture::is_due(&next.look.policy, &seen) {
                        let flash = Box::new(FlashCapture::new(next.challenge, seen, &templates));
                        return Ok(Ok(Watching::Flash { capture, flash, told: None }));
                    }
                    return Ok(self.tell(Event::FaceRead { capture, seen }).map(|()| Watching::Nothing));
                }
                let (direction, done) = step.asked;
                if told != Some(done) {
                    let event = Event::FaceProgress { capture, direction, done, steps: turn.steps() };
                    if self.tell(event).is_err() {
                        return Ok(Err(DeskGone));
                    }
                }
                Ok(Ok(Watching::Face { capture, turn, told: Some(done), next }))
            }
            Watching::Flash { capture, mut flash, told } => {
                let step = flash.observe(frame, &mut self.vision, self.shown.of_flash(capture))?;
                hint(&self.desk, capture, step.hint);
                let Some(asked) = step.asked else {
                    let seen = flash.finish();
                    return Ok(self.tell(Event::FaceRead { capture, seen }).map(|()| Watching::Nothing));
                };
                if told != Some(asked) && self.tell(Event::FlashProgress { capture, asked }).is_err() {
                    return Ok(Err(DeskGone));
                }
                Ok(Ok(Watching::Flash { capture, flash, told: Some(asked) }))
            }
        }
    }

    /// Tells of what says that it is a pass, with the box that has signed it if that is trusted.
    fn tell_passes(&self, capture: CaptureId, texts: &[Personal<String>], frame: &Frame) -> Result<(), DeskGone> {
        for text in texts {
            let pass = self.fleet.as_ref().and_then(|fleet| fleet.trusted(text.reveal(), frame.provenance));
            self.tell(Event::PassShown { capture, pass: pass.map(Box::new) })?;
        }
        Ok(())
    }

    fn tell(&self, event: Event) -> Result<(), DeskGone> {
        self.say(Order::Event(event))
    }

    fn say(&self, order: Order) -> Result<(), DeskGone> {
        self.desk.blocking_send(order).map_err(|_| DeskGone)
    }

    /// Tells of a decoder that fails again and again, gives it time, and lets the session go on. What the desk orders in
    /// the meantime is not lost.
    fn sit_out(&mut self, error: &WorkerError) -> Result<Option<EyesOrder>, DeskGone> {
        tracing::warn!("{error}");
        self.say(Order::Decoder(Some(DeviceFault::Decoder)))?;
        let until = Instant::now() + DECODER_REST;
        let mut newest = None;
        while Instant::now() < until {
            newest = self.orders.take(Some(until.saturating_duration_since(Instant::now())))?.or(newest);
        }
        self.say(Order::Decoder(None))?;
        Ok(newest)
    }
}

/// A hint that finds the desk busy is dropped: the next frame has another.
fn hint(desk: &mpsc::Sender<Order>, capture: CaptureId, hint: Option<Hint>) {
    let _ = desk.try_send(Order::Event(Event::Hinted { capture, hint }));
}
