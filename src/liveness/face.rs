//! What is known of one face in one picture.

use serde::Serialize;

use crate::imaging::{Point, Point3, Rect};

/// How sure the detector is that this is a face, 0…1. Not a similarity and not a liveness score.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct DetectionScore(pub f32);

/// A face as the detector saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct DetectedFace {
    /// Upright box in the picture.
    pub bounds: Rect,
    /// Confidence of the detection.
    pub score: DetectionScore,
    /// Right eye, left eye, nose tip, mouth centre, right ear, left ear: the person's own sides (BlazeFace).
    pub keypoints: [Point; 6],
}

/// The dense landmarks of one face.
#[derive(Clone, PartialEq)]
pub struct MeshFace {
    /// The 468 points of the MediaPipe face mesh, in pixels of the picture.
    pub landmarks: Box<[Point3; 468]>,
    /// Probability that the crop holds a face at all, 0…1.
    pub presence: f32,
}

/// Shows nothing of the face: its landmarks are biometric.
impl std::fmt::Debug for MeshFace {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// Rotation of the head in degrees; signs as the room's page has them.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Pose {
    /// Positive when the nose points to the right edge of the unmirrored picture.
    pub yaw_degrees: f32,
    /// Positive when the person looks up.
    pub pitch_degrees: f32,
    /// Positive when the head is tilted clockwise in the picture.
    pub roll_degrees: f32,
}
