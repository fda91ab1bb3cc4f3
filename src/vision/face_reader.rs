//! Pictures to faces with landmarks, pose and quality.
//!
//! Always holds: every reading was confirmed by the mesh network; readings come largest first. Does not compare or
//! judge faces.

use super::face_detector::FaceDetector;
use super::face_mesh::FaceMesher;
use super::runtime::{Digest, ModelError, Runtime};
use crate::imaging::{Rect, Rgb};
use crate::liveness::{DetectedFace, FaceQuality, MeshFace, Pose};

/// Below this the mesh network does not see a face where the detector did.
const LEAST_PRESENCE: f32 = 0.5;
/// Most faces in one picture that are read; a queue at the counter is shorter.
const MAX_FACES: usize = 16;

/// What is known of one face.
#[derive(Debug, Clone)]
pub struct FaceReading {
    /// Box, score and key points of the detector.
    pub detection: DetectedFace,
    /// The landmarks.
    pub mesh: MeshFace,
    /// Rotation of the head.
    pub pose: Pose,
    /// Fitness for comparison.
    pub quality: FaceQuality,
}

/// Detector and mesh, one picture at a time.
pub struct FaceReader {
    detector: FaceDetector,
    mesher: FaceMesher,
}

impl FaceReader {
    /// Opens the models `face_detection` and `face_mesh`.
    ///
    /// # Errors
    /// Any [`ModelError`].
    pub fn open(runtime: &Runtime) -> Result<Self, ModelError> {
        Ok(Self { detector: FaceDetector::open(runtime)?, mesher: FaceMesher::open(runtime)? })
    }

    /// SHA-256 of the detector and of the mesh model.
    #[must_use]
    pub fn digests(&self) -> [&Digest; 2] {
        [self.detector.digest(), self.mesher.digest()]
    }

    /// All faces that detector and mesh agree on, largest first. When they agree on none, the picture is looked at once
    /// more for a face that fills it.
    ///
    /// # Errors
    /// [`ModelError`] when a model fails; a picture without faces gives an empty list.
    pub fn read(&mut self, picture: &Rgb) -> Result<Vec<FaceReading>, ModelError> {
        let found = self.detector.detect(picture)?;
        let readings = self.confirm(picture, found)?;
        if !readings.is_empty() {
            return Ok(readings);
        }
        let found = self.detector.detect_close_up(picture)?;
        self.confirm(picture, found)
    }

    /// The face that was at `previous` a moment ago, where the detector misses it, as it may in a wide turn.
    ///
    /// # Errors
    /// [`ModelError`] when a model fails.
    pub fn follow(&mut self, picture: &Rgb, previous: &FaceReading) -> Result<Option<FaceReading>, ModelError> {
        let mesh = self.mesher.follow(picture, &previous.mesh)?;
        let mut detection = previous.detection.clone();
        detection.bounds = Rect::around(mesh.landmarks.iter().map(|p| p.xy()));
        Ok(reading(picture, detection, mesh))
    }

    fn confirm(&mut self, picture: &Rgb, found: Vec<DetectedFace>) -> Result<Vec<FaceReading>, ModelError> {
        let mut readings: Vec<FaceReading> = Vec::new();
        for detection in found.into_iter().take(MAX_FACES) {
            let mesh = self.mesher.mesh(picture, &detection)?;
            readings.extend(reading(picture, detection, mesh));
        }
        Ok(readings)
    }
}

fn reading(picture: &Rgb, detection: DetectedFace, mesh: MeshFace) -> Option<FaceReading> {
    let pose = Pose::of(&mesh).filter(|_| mesh.presence >= LEAST_PRESENCE)?;
    let quality = FaceQuality::measure(picture, &mesh, pose);
    Some(FaceReading { detection, mesh, pose, quality })
}
