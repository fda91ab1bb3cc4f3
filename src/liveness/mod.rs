//! Liveness and identity: faces over time in, scores and verdicts out.
//!
//! Always holds: a verdict needs evidence, so an empty or broken sequence is `incomplete` and never `live`; templates
//! are wiped on drop and cannot be serialised. Signs, once and for all: yaw is positive when the nose points to the
//! right edge of the unmirrored picture (the person's own left), pitch when the person looks up, roll when the head is
//! tilted clockwise in the picture. Does not run a model: `vision` does.

mod age;
mod challenge;
mod face;
mod feed;
mod flash;
mod matching;
mod observation;
mod parallax;
mod passive;
mod pose;
mod quality;
mod relief;
mod repeats;
mod surround;
mod template;
#[cfg(test)]
mod test_faces;
mod texture;
mod turn;
mod turn_evidence;
mod turn_report;
#[cfg(test)]
mod turn_tests;

pub use age::{AgeBuffer, AgeFrames, AgeThreshold, AgeTriage, DocumentNeed, EstimatedAge};
pub use challenge::{Challenge, ChallengeError, Direction, Side, SideError, Step, TurnOrder};
pub use face::{DetectedFace, DetectionScore, MeshFace, Pose};
pub use feed::{FeedMonitor, FeedReport, FeedSign};
pub use flash::{
    FlashChallenge, FlashColour, FlashFace, FlashGain, FlashLight, FlashObservation, FlashReason, FlashReport,
    FlashScore, FlashStage, FlashTracker, FlashVerdict, Latency,
};
pub use matching::{MatchDecision, MatchResult, MatchThreshold, compare, compare_each};
pub use observation::{CameraMount, FaceObservation, ObservedFace};
pub use parallax::{ParallaxSample, ParallaxScore, median_sample, median_score};
pub use passive::{
    LiveScore, PadScore, PassiveCues, PassiveReport, PassiveResult, PassiveSign, PassiveVerdict, Scene, passive,
};
pub use quality::{FaceQuality, QualityFault, QualityGate, QualityScore};
pub use relief::ReliefScore;
pub use surround::framed;
pub use template::{Similarity, Template, TemplateShapeError};
pub use texture::FaceTexture;
pub(crate) use texture::SIDE as TEXTURE_SIDE;
pub use turn::{LeastYaw, TurnProgress, TurnTracker};
pub use turn_report::{StepReport, TurnReason, TurnReport, TurnVerdict};
