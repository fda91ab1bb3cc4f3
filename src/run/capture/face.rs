//! Following a person through a fresh challenge, frame by frame.
//!
//! The clock of the challenge starts when a face first looks into the camera: somebody who still puts the card away has
//! not begun. Always holds: each challenge comes from a nonce of its own; probes are the very templates by which the turn
//! was followed; a frame that came before a prompt cannot answer it.

use std::time::Duration;

use crate::imaging::{Frame, Provenance, Rect};
use crate::liveness::{
    Challenge, Direction, FaceObservation, LeastYaw, MatchThreshold, Template, TurnProgress, TurnTracker, compare_each,
};
use crate::run::vision::{Vision, VisionError};
use crate::session::machine::FaceSeen;
use crate::session::{Hint, LivenessEvidence};

/// A face narrower than this is too small to compare, in pixels: about 40 between the eyes.
const LEAST_FACE_WIDTH: f32 = 85.0;
/// Time in a turn after which the person is asked to go further.
const SLOW_TURN: Duration = Duration::from_millis(2500);

/// One attempt at a challenge.
pub(in crate::run) struct FaceCapture {
    tracker: TurnTracker,
    portrait: Option<Template>,
    steps: u8,
    total: Duration,
    began: Option<Duration>,
    prompted: Option<(usize, Duration)>,
    provenance: Option<Provenance>,
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
    /// Begins an attempt with a challenge that nobody has seen.
    pub(in crate::run) fn new(challenge: Challenge, portrait: Option<Template>, vision: &mut Vision) -> Self {
        vision.forget_face();
        Self {
            steps: u8::try_from(challenge.steps().len()).unwrap_or(u8::MAX),
            total: challenge.total(),
            tracker: TurnTracker::new(challenge, LeastYaw::SHIPPED),
            portrait,
            began: None,
            prompted: None,
            provenance: None,
        }
    }

    /// Steps of the challenge.
    pub(in crate::run) fn steps(&self) -> u8 {
        self.steps
    }

    /// Looks at one frame. `shown` is the latest step whose prompt is on the screen, and since when.
    pub(in crate::run) fn observe(
        &mut self,
        frame: &Frame,
        vision: &mut Vision,
        shown: Option<(u8, Duration)>,
    ) -> Result<FaceStep, VisionError> {
        let done = self.tracker.progress().done;
        if let Some((step, since)) = shown
            && usize::from(step) == done
            && self.prompted.is_none_or(|(before, _)| before != done)
            && self.began.is_some()
        {
            self.tracker.prompted(since);
            self.prompted = Some((done, since));
        }
        let observation = vision.observe_face(frame, &self.tracker)?;
        let frontal = observation.face.as_ref().is_some_and(|face| face.pose.is_frontal());
        if self.began.is_none() && !frontal {
            let hint = if observation.face.is_none() { Hint::ShowFace } else { Hint::FaceCamera };
            return Ok(self.step(self.tracker.progress(), Some(hint), false));
        }
        let began = *self.began.get_or_insert(frame.captured_at);
        self.provenance = Some(self.provenance.map_or(frame.provenance, |known| known.least_trusted(frame.provenance)));
        let progress = self.tracker.observe(&observation);
        let late = frame.captured_at.saturating_sub(began) > self.total;
        let hint = self.hint(&observation, progress, frame.captured_at);
        Ok(self.step(progress, hint, progress.failed || progress.step.is_none() || late))
    }

    fn step(&self, progress: TurnProgress, hint: Option<Hint>, ended: bool) -> FaceStep {
        let direction = progress.step.map_or(Direction::Centre, |step| step.direction);
        FaceStep { hint, asked: (direction, u8::try_from(progress.done).unwrap_or(u8::MAX)), ended }
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

    /// Judges the turn and compares the face.
    pub(in crate::run) fn finish(self, vision: &Vision) -> FaceSeen {
        let probes: Vec<Vec<Template>> = self.tracker.frontal_templates().collect();
        let report = self.tracker.finish();
        tracing::debug!(verdict = ?report.verdict, reasons = ?report.reasons, "head turn");
        FaceSeen {
            liveness: LivenessEvidence { verdict: report.verdict },
            face_match: self.portrait.as_ref().map(|portrait| compare_each(&probes, portrait, MatchThreshold::SHIPPED)),
            provenance: self.provenance,
            models: vision.face_models(),
        }
    }
}
