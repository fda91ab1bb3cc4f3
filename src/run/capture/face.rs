//! Following a person through a fresh challenge, frame by frame.
//!
//! The clock of the challenge starts when a face first looks into the camera: somebody who still puts the card away has
//! not begun. Always holds: each challenge comes from a nonce of its own; probes are the very templates by which the turn
//! was followed; a frame that came before a prompt cannot answer it.

use std::time::Duration;

use crate::imaging::{Frame, Provenance, Rect, locate_card};
use crate::liveness::{
    AgeFrames, AgeThreshold, CameraMount, Challenge, Direction, FaceObservation, LeastYaw, MatchThreshold, Template,
    TurnProgress, TurnTracker, compare_each,
};
use crate::run::vision::{Vision, VisionError};
use crate::session::machine::{AgeSeen, FaceSeen};
use crate::session::{Hint, LivenessEvidence};

/// A face narrower than this is too small to compare, in pixels: about 40 between the eyes.
const LEAST_FACE_WIDTH: f32 = 85.0;
/// How many times the area of its portrait's face a card or passport page has. A photo that is held up as an attack has
/// less, and has to be judged; a wall has more.
const CARD_FACES: std::ops::Range<f32> = 12.0..120.0;
/// Frames that are looked at after the last step: its turn is judged by frames around its peak, of which some come later.
const FRAMES_AFTER: u32 = 5;
/// Time that they may take altogether.
const AFTER_WITHIN: Duration = Duration::from_millis(1500);
/// Frames in which somebody has to look into the camera before the challenge begins.
const FRAMES_BEFORE: u32 = 2;
/// Time in a turn after which the person is asked to go further.
const SLOW_TURN: Duration = Duration::from_millis(2500);

/// One attempt at a challenge.
pub(in crate::run) struct FaceCapture {
    tracker: TurnTracker,
    portrait: Option<Template>,
    /// Where it is asked whether a document is needed: from which age on not, and the estimates.
    age: Option<(AgeThreshold, AgeFrames)>,
    steps: u8,
    total: Duration,
    began: Option<Duration>,
    looked: u32,
    done_at: Option<Duration>,
    frames_after: u32,
    prompted: Option<(usize, Duration)>,
    provenance: Option<Provenance>,
}

/// Whether the challenge begins with a frame.
enum Beginning {
    Now,
    Waits(Option<Hint>),
}

/// What one frame brought.
pub(in crate::run) struct FaceStep {
    /// What would help.
    pub hint: Option<Hint>,
    /// Where the person has to look now, and how many steps are done.
    pub asked: (Direction, u8),
    /// Whether the turn has ended.
    pub ended: bool,
}

impl FaceCapture {
    /// Begins an attempt with a challenge that nobody has seen. With `age` it also finds out whether the face looks that old.
    pub(in crate::run) fn new(
        challenge: Challenge,
        portrait: Option<Template>,
        age: Option<AgeThreshold>,
        vision: &mut Vision,
    ) -> Self {
        vision.forget_face();
        Self {
            steps: u8::try_from(challenge.steps().len()).unwrap_or(u8::MAX),
            total: challenge.total(),
            tracker: TurnTracker::new(challenge, LeastYaw::SHIPPED),
            portrait,
            age: age.map(|threshold| (threshold, AgeFrames::default())),
            began: None,
            looked: 0,
            done_at: None,
            frames_after: 0,
            prompted: None,
            provenance: None,
        }
    }

    /// Steps of the challenge.
    pub(in crate::run) fn steps(&self) -> u8 {
        self.steps
    }

    /// Whether the challenge has begun.
    pub(in crate::run) fn has_begun(&self) -> bool {
        self.began.is_some()
    }

    /// Looks at one frame. `shown` is the latest step whose prompt is on the screen, and since when.
    pub(in crate::run) fn observe(
        &mut self,
        frame: &Frame,
        vision: &mut Vision,
        shown: Option<(u8, Duration)>,
    ) -> Result<FaceStep, VisionError> {
        let done = self.tracker.progress().done;
        if let (Some((step, since)), Some(began)) = (shown, self.began)
            && usize::from(step) == done
            && self.prompted.is_none_or(|(before, _)| before != done)
        {
            // The first prompt stood before the person was there: its time counts from when they first looked.
            let since = since.max(began);
            self.tracker.prompted(since);
            self.prompted = Some((done, since));
        }
        let observation = vision.observe_face(frame, &self.tracker)?;
        if self.began.is_none()
            && let Beginning::Waits(hint) = self.beginning(frame, &observation)
        {
            return Ok(step(self.tracker.progress(), hint, false));
        }
        let began = *self.began.get_or_insert(frame.captured_at);
        self.provenance = Some(self.provenance.map_or(frame.provenance, |known| known.least_trusted(frame.provenance)));
        let progress = self.follow(frame, &observation, vision)?;
        let late = frame.captured_at.saturating_sub(began) > self.total;
        let hint = self.hint(&observation, progress, frame.captured_at);
        let over = progress.step.is_none() && self.was_followed_up(frame.captured_at);
        Ok(step(progress, hint, progress.failed || over || late))
    }

    /// Takes a frame into the turn. Where its template is among those that hold the face to the rest of the turn, and only
    /// there, its age counts, too: nobody else's can.
    fn follow(
        &mut self,
        frame: &Frame,
        observation: &FaceObservation,
        vision: &mut Vision,
    ) -> Result<TurnProgress, VisionError> {
        let Some((_, ages)) = &mut self.age else { return Ok(self.tracker.observe(observation)) };
        let before = self.tracker.frontal_templates().flatten().count();
        let progress = self.tracker.observe(observation);
        let is_held = self.tracker.frontal_templates().flatten().count() > before;
        if let Some(face) = observation.face.as_ref().filter(|_| is_held) {
            ages.add(vision.estimate_age(&frame.image, &face.mesh)?);
        }
        Ok(progress)
    }

    /// The same with a camera that is held so.
    pub(in crate::run) fn before(self, mount: CameraMount) -> Self {
        Self { tracker: self.tracker.before(mount), ..self }
    }

    /// Whether the challenge begins: not while nobody looks into the camera, or what does is a portrait on a card.
    fn beginning(&mut self, frame: &Frame, observation: &FaceObservation) -> Beginning {
        let Some(face) = &observation.face else {
            self.looked = 0;
            return Beginning::Waits(Some(Hint::ShowFace));
        };
        let bounds = Rect::around(face.mesh.landmarks.iter().map(|p| p.xy()));
        let hint = if locate_card(&frame.image.to_gray()).is_some_and(|card| holds(card.outline.bounds(), bounds)) {
            Hint::PutCardAway
        } else if bounds.width < LEAST_FACE_WIDTH {
            Hint::FaceCloser
        } else if !face.pose.is_frontal() {
            Hint::FaceCamera
        } else {
            self.looked += 1;
            return if self.looked < FRAMES_BEFORE { Beginning::Waits(None) } else { Beginning::Now };
        };
        self.looked = 0;
        Beginning::Waits(Some(hint))
    }

    /// Whether enough was seen after the last step.
    fn was_followed_up(&mut self, at: Duration) -> bool {
        let done_at = *self.done_at.get_or_insert(at);
        self.frames_after += 1;
        self.frames_after > FRAMES_AFTER || at.saturating_sub(done_at) > AFTER_WITHIN
    }

    fn hint(&self, observation: &FaceObservation, progress: TurnProgress, at: Duration) -> Option<Hint> {
        let Some(face) = &observation.face else { return Some(Hint::ShowFace) };
        if observation.rival {
            return Some(Hint::OnePerson);
        }
        if Rect::around(face.mesh.landmarks.iter().map(|p| p.xy())).width < LEAST_FACE_WIDTH {
            return Some(Hint::FaceCloser);
        }
        let turning = progress.step.is_some_and(|step| step.direction != Direction::Centre);
        let since = self.prompted.map_or(at, |(_, since)| since);
        (turning && at.saturating_sub(since) > SLOW_TURN).then_some(Hint::TurnFurther)
    }

    /// Templates of the person who looked ahead during the turn.
    pub(in crate::run) fn templates(&self) -> Vec<Template> {
        self.tracker.frontal_templates().flatten().collect()
    }

    /// Judges the turn and compares the face.
    pub(in crate::run) fn finish(self, vision: &Vision) -> FaceSeen {
        let probes: Vec<Vec<Template>> = self.tracker.frontal_templates().collect();
        let report = self.tracker.finish();
        let signs = &report.passive.signs;
        tracing::debug!(verdict = ?report.verdict, reasons = ?report.reasons, ?signs, "head turn");
        FaceSeen {
            liveness: LivenessEvidence { verdict: report.verdict },
            flash: None,
            age: self
                .age
                .map(|(threshold, frames)| AgeSeen { triage: frames.triage(threshold), models: vision.age_models() }),
            face_match: self.portrait.as_ref().map(|portrait| compare_each(&probes, portrait, MatchThreshold::SHIPPED)),
            provenance: self.provenance,
            feed: None,
            models: vision.face_models(),
        }
    }
}

fn step(progress: TurnProgress, hint: Option<Hint>, ended: bool) -> FaceStep {
    let direction = progress.step.map_or(Direction::Centre, |step| step.direction);
    FaceStep { hint, asked: (direction, u8::try_from(progress.done).unwrap_or(u8::MAX)), ended }
}

/// Whether a face is a portrait within the outline of a card.
fn holds(card: Rect, face: Rect) -> bool {
    let within = card.intersection(face).area() >= 0.9 * face.area();
    within && CARD_FACES.contains(&(card.area() / face.area().max(1.0)))
}
