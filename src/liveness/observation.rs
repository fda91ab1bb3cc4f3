//! What one frame shows of a person, and how the camera that took it is held.

use std::time::Duration;

use serde::Deserialize;

use super::face::{MeshFace, Pose};
use super::passive::{LiveScore, PadScore, Scene};
use super::template::Template;
use super::texture::FaceTexture;

/// One frame's face.
#[derive(Debug, Clone)]
pub struct ObservedFace {
    /// The landmarks.
    pub mesh: MeshFace,
    /// Rotation of the head.
    pub pose: Pose,
    /// Whether the detector found the face when it was last asked. Otherwise the mesh was followed without it, as through a
    /// wide turn, and may have drifted.
    pub found: bool,
    /// Its template, where [`wants_template`](super::TurnTracker::wants_template) asked for one.
    pub template: Option<Template>,
    /// Score of the passive cue, where it could be measured.
    pub passive: Option<LiveScore>,
    /// Whether a frame encloses the face, where that was looked at.
    pub framed: Option<bool>,
    /// What an operator's model says, where there is one and it was asked.
    pub pad: Option<PadScore>,
    /// The frame, shrunk, for the cues that need more than the face; `None` where the picture is too small.
    pub scene: Option<Scene>,
    /// The levelled face, where it lies within the picture.
    pub texture: Option<FaceTexture>,
}

/// What one frame shows.
#[derive(Debug, Clone)]
pub struct FaceObservation {
    /// Time of the frame since the capture began.
    pub at: Duration,
    /// The largest face; `None` when there is none.
    pub face: Option<ObservedFace>,
    /// Whether a second face of like size is there.
    pub rival: bool,
    /// A number that only equal pictures share.
    pub fingerprint: Option<u64>,
}

/// How the camera is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CameraMount {
    /// It stands still, as in a counter kiosk: what is behind a person does not move.
    #[default]
    Mounted,
    /// Somebody holds it: the background moves for every person, so that the passive cues of a sequence are measured and
    /// count for nothing.
    InHand,
}
