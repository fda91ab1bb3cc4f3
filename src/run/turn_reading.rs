//! Frames of a head turn to evidence about liveness, and templates to be matched.

use super::stages::Stages;
use super::verification::VerifyError;
use crate::camera::SequenceError;
use crate::imaging::{Frame, Provenance};
use crate::liveness::{Challenge, LeastYaw, Template, TurnReport, TurnTracker, TurnVerdict};
use crate::vision::FaceObserver;

/// What was seen of the person.
#[derive(Debug)]
pub struct TurnReading {
    /// The judged head turn.
    pub report: TurnReport,
    /// Templates of live frontal frames, for each look ahead.
    pub probes: Vec<Vec<Template>>,
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
        let (mut provenance, mut count): (Option<Provenance>, usize) = (None, 0);
        observer.reset();
        for frame in frames {
            let frame = frame?;
            let observation = observer.observe(&frame, &tracker)?;
            tracker.observe(&observation);
            provenance = Some(provenance.map_or(frame.provenance, |known| known.least_trusted(frame.provenance)));
            count += 1;
            // What comes after the deadline of the whole challenge cannot change the verdict.
            if frame.captured_at > total {
                break;
            }
        }
        // The very templates by which the tracker makes sure that who looks into the camera is who turns: a face that
        // was only shown for the comparison is not among them, or breaks the turn.
        let probes = tracker.frontal_templates().collect();
        let report = tracker.finish();
        let seen = describe(&report, count);
        Ok((TurnReading { report, probes, provenance }, seen))
    })
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
