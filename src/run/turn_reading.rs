//! Frames of a head turn to evidence about liveness, and templates to be matched.

use std::time::Duration;

use super::stages::Stages;
use super::verification::VerifyError;
use crate::camera::SequenceError;
use crate::imaging::{Frame, Provenance};
use crate::liveness::{Challenge, LeastYaw, QualityGate, Template, TurnReport, TurnTracker, TurnVerdict};
use crate::vision::{EmbeddingError, FaceObserver, FaceSighting, ModelError};

/// Most live frames that are compared with the portrait.
const MAX_PROBES: usize = 9;
/// Least time between two of them: neighbouring frames are nearly the same picture.
const PROBE_SPACING: Duration = Duration::from_millis(250);

/// What was seen of the person.
#[derive(Debug)]
pub struct TurnReading {
    /// The judged head turn.
    pub report: TurnReport,
    /// Templates of live frontal frames.
    pub probes: Vec<Template>,
    /// The least trusted source among the frames; `None` without frames.
    pub provenance: Option<Provenance>,
}

/// Scores all frames against the challenge.
pub(super) fn read_turn(
    observer: &mut FaceObserver,
    frames: impl Iterator<Item = Result<Frame, SequenceError>>,
    challenge: &Challenge,
    stages: &mut Stages<'_>,
) -> Result<TurnReading, VerifyError> {
    stages.run("head_turn", || {
        let total = challenge.total();
        let mut tracker = TurnTracker::new(challenge.clone(), LeastYaw::SHIPPED);
        let mut probes = Probes::default();
        let (mut provenance, mut count) = (None, 0);
        observer.reset();
        for frame in frames {
            let frame = frame?;
            let sighting = observer.observe(&frame, &tracker)?;
            tracker.observe(&sighting.observation);
            probes.consider(observer, &frame, &sighting)?;
            provenance = Some(least_trusted(provenance, frame.provenance));
            count += 1;
            // What comes after the deadline of the whole challenge cannot change the verdict.
            if frame.captured_at > total {
                break;
            }
        }
        let report = tracker.finish();
        let seen = describe(&report, count);
        Ok((TurnReading { report, probes: probes.templates, provenance }, seen))
    })
}

/// Live frontal frames, spread over the turn.
#[derive(Default)]
struct Probes {
    templates: Vec<Template>,
    last: Option<Duration>,
}

impl Probes {
    fn consider(
        &mut self,
        observer: &mut FaceObserver,
        frame: &Frame,
        sighting: &FaceSighting,
    ) -> Result<(), ModelError> {
        let early = self.last.is_some_and(|last| frame.captured_at < last + PROBE_SPACING);
        let Some(face) = &sighting.reading else { return Ok(()) };
        // With somebody else as near to the camera, the largest face may not be the one that turns.
        if early || self.templates.len() >= MAX_PROBES || sighting.observation.rival {
            return Ok(());
        }
        if face.quality.fault(&QualityGate::PROBE).is_some() {
            return Ok(());
        }
        match observer.parts().1.embed(&frame.image, &face.mesh) {
            Ok(template) => {
                self.templates.push(template);
                self.last = Some(frame.captured_at);
                Ok(())
            }
            Err(EmbeddingError::NotAlignable) => Ok(()),
            Err(EmbeddingError::Model(fault)) => Err(fault),
        }
    }
}

/// One frame that is not from the pinned camera makes the whole capture so.
fn least_trusted(so_far: Option<Provenance>, next: Provenance) -> Provenance {
    match so_far {
        Some(known) if !known.is_live() => known,
        Some(_) | None => next,
    }
}

fn describe(report: &TurnReport, frames: usize) -> String {
    let verdict = match report.verdict {
        TurnVerdict::Live => "live",
        TurnVerdict::Attack => "ATTACK",
        TurnVerdict::Incomplete => "INCOMPLETE",
    };
    let range = report
        .yaw_range_degrees
        .map_or("no face".to_owned(), |[low, high]| format!("yaw {low:.0} to {high:.0} degrees"));
    let parallax = report.parallax_score.map_or(String::new(), |score| format!(", parallax {:.4} a degree", score.0));
    let reasons: Vec<String> = report.reasons.iter().map(ToString::to_string).collect();
    let reasons = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
    format!("{verdict}: {frames} frames, {range}{parallax}{reasons}")
}
