//! Lighting a person's face with the screen after the head turn, frame by frame.
//!
//! Always holds: the notice stands for [`NOTICE_FOR`] before the first colour; the next colour is asked for only after the
//! one before was sent and seen; only the times of frames and of the engine's own prompts count; whoever failed the turn,
//! is not the one in the portrait or has to show a document first is spared.

use std::time::Duration;

use crate::imaging::{Frame, Provenance};
use crate::liveness::{
    AgeTriage, FlashChallenge, FlashFace, FlashLight, FlashObservation, FlashStage, FlashTracker, MatchResult,
    Template, TurnVerdict,
};
use crate::run::vision::{Vision, VisionError};
use crate::session::machine::{FaceSeen, FlashAsked};
use crate::session::{FlashEvidence, Hint, Policy};

/// How long the notice stands, so that it can be read and the check be left.
const NOTICE_FOR: Duration = Duration::from_secs(5);

/// What of a flash is on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::run) enum FlashShown {
    /// The notice.
    Notice,
    /// A colour, by its number.
    Colour(u8),
}

/// One flash.
pub(in crate::run) struct FlashCapture {
    tracker: FlashTracker,
    /// What the head turn before it has shown.
    turn: FaceSeen,
    notice_is_over: bool,
    provenance: Option<Provenance>,
}

/// What one frame brought.
pub(in crate::run) struct FlashStep {
    /// What would help.
    pub hint: Option<Hint>,
    /// What has to be on the screen; `None` when the flash has ended.
    pub asked: Option<FlashAsked>,
}

impl FlashCapture {
    /// Whether a flash can still change how the attempt ends.
    pub(in crate::run) fn is_due(policy: &Policy, turn: &FaceSeen) -> bool {
        let matches = turn.face_match.as_ref().is_some_and(MatchResult::is_match);
        let settled = match &turn.age {
            Some(age) => age.triage == AgeTriage::ClearlyAbove,
            None => matches || !policy.require_face_match,
        };
        policy.require_flash && turn.liveness.verdict == TurnVerdict::Live && settled
    }

    /// Begins a flash of the person who has just made the turn, of whom `templates` are.
    pub(in crate::run) fn new(challenge: FlashChallenge, turn: FaceSeen, templates: &[Template]) -> Self {
        let tracker = FlashTracker::new(challenge, templates);
        Self { tracker, turn, notice_is_over: false, provenance: None }
    }

    /// Looks at one frame. `shown` is what of this flash is on the screen, and since when.
    pub(in crate::run) fn observe(
        &mut self,
        frame: &Frame,
        vision: &mut Vision,
        shown: Option<(FlashShown, Duration)>,
    ) -> Result<FlashStep, VisionError> {
        match shown {
            Some((FlashShown::Colour(step), since)) => self.tracker.shown(step, since),
            Some((FlashShown::Notice, since)) => {
                self.notice_is_over |= frame.captured_at.saturating_sub(since) >= NOTICE_FOR;
            }
            None => {}
        }
        if !self.notice_is_over {
            return Ok(FlashStep { hint: None, asked: Some(FlashAsked::Notice) });
        }
        self.provenance = Some(self.provenance.map_or(frame.provenance, |known| known.least_trusted(frame.provenance)));
        let observation = vision.observe_lit_face(frame, &self.tracker)?;
        let frontal = observation.face.as_ref().is_some_and(|face| face.pose.is_frontal());
        let hint = match &observation.face {
            None => Some(Hint::ShowFace),
            Some(_) if observation.rival => Some(Hint::OnePerson),
            Some(_) => (!frontal).then_some(Hint::FaceCamera),
        };
        // Of two people nobody knows whose skin is measured.
        let face = observation.face.filter(|_| !observation.rival).map(|face| FlashFace {
            frontal,
            light: FlashLight::measure(&frame.image, &face.mesh),
            template: face.template,
        });
        let stage = self.tracker.observe(FlashObservation { at: observation.at, face });
        let asked = match stage {
            FlashStage::Show { step, colour } => Some(FlashAsked::Colour { step, colour }),
            FlashStage::Over => None,
        };
        Ok(FlashStep { hint, asked })
    }

    /// Judges the flash, beside what the turn has shown.
    pub(in crate::run) fn finish(self) -> FaceSeen {
        let report = self.tracker.finish();
        tracing::debug!(verdict = ?report.verdict, reason = ?report.reason, score = ?report.score, "screen flash");
        let least = |a: Option<Provenance>, b: Option<Provenance>| match (a, b) {
            (Some(a), Some(b)) => Some(a.least_trusted(b)),
            (one, other) => one.or(other),
        };
        let flash = Some(FlashEvidence::of(&report, self.provenance));
        FaceSeen { flash, provenance: least(self.turn.provenance, self.provenance), ..self.turn }
    }
}
