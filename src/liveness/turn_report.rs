//! What a scored head turn comes out as.
//!
//! Always holds: `live` is given only by [`super::TurnTracker::finish`], and only when nothing is missing. The codes of
//! [`TurnReason`] are stable; the words for people are kept elsewhere.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::challenge::Direction;
use super::parallax::ParallaxScore;
use super::passive::{LiveScore, PassiveReport};
use super::relief::ReliefScore;
use super::template::Similarity;

/// Outcome of a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[must_use]
pub enum TurnVerdict {
    /// Every step was done, the face moved like a head, and it stayed the same person.
    Live,
    /// There is evidence of an attack: it moved like a sheet, the person changed, or a pattern lies over the face.
    Attack,
    /// Neither: something is missing or was done wrongly. Never a pass.
    Incomplete,
}

/// Why a turn is not live. Ordered by what the person should mend first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnReason {
    /// No face was seen at all.
    NoFace,
    /// A second face of like size is in the picture: step aside, please.
    SeveralFaces,
    /// The face left the picture during the challenge.
    FaceLost,
    /// The person never looked into the camera when asked.
    NotFrontal,
    /// A turn did not reach the angle that is needed: turn further.
    TurnTooSmall,
    /// A turn went to the other side than asked.
    WrongSide,
    /// A turn was there before it was asked for.
    TurnBeforePrompt,
    /// A step or the whole took too long.
    TimedOut,
    /// Between two frames the head moved faster than heads do, or the picture was cut: turn more slowly.
    PoseJump,
    /// The same frame came again and again: the camera stalled, or a picture was shown.
    FrozenFrames,
    /// A part of the motion was shown before.
    ShownAgain,
    /// Frames came out of order of time.
    TimeWentBack,
    /// Too few sharp frames of the turn to judge its shape: more light, turn more slowly.
    TooFewFrames,
    /// The shape of the motion is between that of a head and that of a sheet.
    ShapeUnclear,
    /// The face moved like a flat or bent sheet.
    MovesLikeASheet,
    /// There was no template to tell that the person stayed the same.
    IdentityNotMeasured,
    /// The turned face resembles the frontal one too little to be sure.
    IdentityUnclear,
    /// Another person turned than looked into the camera.
    IdentityChanged,
    /// The face is inside a frame that cuts the body off, as the bezel of a screen does: come out from behind it.
    FrameAroundFace,
    /// Several passive cues together speak against a live capture: keep the camera still and stand freely before the room.
    PassiveSigns,
    /// A regular pattern lies over the face, as of a screen or a halftone print.
    PatternOverFace,
}

/// The name that `Serialize` gives.
impl std::fmt::Display for TurnReason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(formatter)
    }
}

impl TurnReason {
    /// Whether this is evidence of an attack, and not merely a lack of evidence for a person.
    #[must_use]
    pub fn is_attack(self) -> bool {
        matches!(self, Self::MovesLikeASheet | Self::IdentityChanged | Self::PatternOverFace | Self::ShownAgain)
    }
}

/// One step as it went.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StepReport {
    /// Where the person was asked to look.
    pub direction: Direction,
    /// Whether they did.
    pub reached: bool,
    /// When they did, in milliseconds from the first frame.
    #[serde(rename = "reached_ms", serialize_with = "milliseconds")]
    pub reached_at: Option<Duration>,
    /// The largest yaw to that side while it was asked, in degrees from where the person looked ahead; the smallest, of
    /// either sign, for the centre.
    pub yaw_degrees: Option<f32>,
    /// Shape of the turn by the landmarks; `None` for the centre and without frames.
    pub parallax_score: Option<ParallaxScore>,
    /// What of the shape a bent sheet cannot do, by the face's texture; `None` for the centre and where too little could
    /// be followed.
    pub texture_score: Option<ReliefScore>,
    /// How much the face resembles the one that looked ahead first, −1…1; `None` for the first look, and without templates.
    pub identity_similarity: Option<Similarity>,
}

/// A whole challenge as it went.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[must_use]
pub struct TurnReport {
    /// What follows.
    pub verdict: TurnVerdict,
    /// Every step of the challenge.
    pub steps: Vec<StepReport>,
    /// Smallest and largest yaw that was seen; `None` without a face.
    pub yaw_range_degrees: Option<[f32; 2]>,
    /// Depth in the motion of the poorest turn that was made; `None` when nothing turned.
    pub parallax_score: Option<ParallaxScore>,
    /// Passive cues and shape in one number, 0…1, 1 is live; at most 0.5 as long as nothing turned.
    pub pad_score: Option<LiveScore>,
    /// What the pictures show without asking the person for anything.
    pub passive: PassiveReport,
    /// Whether the turned faces were measured to be the person who looked into the camera.
    pub identity_held: bool,
    /// Why it is not live; empty when it is.
    pub reasons: Vec<TurnReason>,
}

impl TurnReport {
    /// Whether a live person was shown.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.verdict == TurnVerdict::Live
    }
}

/// The lowest of the passive scores, of pictures and of the sequence, and where the shape lies between a sheet and a head.
pub(super) fn fused(
    pattern: Option<LiveScore>,
    sequence: &PassiveReport,
    parallax: Option<ParallaxScore>,
) -> Option<LiveScore> {
    let passive = pattern.map(|score| LiveScore(score.0.min(sequence.score.0)));
    let (none, full) = (ParallaxScore::SHEET_AT_MOST.0, ParallaxScore::HEAD_AT_LEAST.0);
    let shape = parallax.map(|score| ((score.0 - none) / (full - none)).clamp(0.0, 1.0));
    match (passive, shape) {
        (Some(passive), Some(shape)) => Some(LiveScore(passive.0.min(shape))),
        (Some(passive), None) => Some(LiveScore(passive.0.min(0.5))),
        (None, shape) => shape.map(|shape| LiveScore(shape.min(sequence.score.0))),
    }
}

#[allow(clippy::ref_option, reason = "the signature is serde's")]
fn milliseconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_millis() as u64).serialize(serializer)
}
