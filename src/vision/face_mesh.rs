//! The 468 landmarks of one face: `MediaPipe` face mesh at 192 pixels.
//!
//! Always holds: landmarks are in pixels of the picture that was given, depth in the same unit; `presence` says how
//! sure the network is that it looked at a face, and a low one means that the landmarks are fiction. Does not measure
//! pose or liveness: `liveness` does.

use super::face_crop::{FaceRegion, square_crop};
use super::face_model::{FaceModel, Scaling, sigmoid};
use super::runtime::{Digest, ModelError, Runtime};
use crate::imaging::{Point, Point3, Rgb};
use crate::liveness::{DetectedFace, MeshFace};

/// Side of the model's input in pixels.
const SIDE: usize = 192;
/// Points a face.
const POINTS: usize = 468;
/// The crop is this much wider than the box (`MediaPipe`, `face_detection_front_detection_to_roi.pbtxt`).
const CROP_FACTOR: f32 = 1.5;
/// Once from the detector's box, once more from the landmarks' own box.
const ROUNDS: usize = 2;

/// Finds the landmarks of detected faces. One input at a time; every thread opens its own.
pub struct FaceMesher {
    model: FaceModel,
}

impl FaceMesher {
    /// Opens the model `face_mesh`.
    ///
    /// # Errors
    /// Any [`ModelError`].
    pub fn open(runtime: &Runtime) -> Result<Self, ModelError> {
        Ok(Self { model: FaceModel::open(runtime, "face_mesh", Scaling { mean: [0.0; 3], deviation: 255.0 })? })
    }

    /// SHA-256 of the model file.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        self.model.digest()
    }

    /// Landmarks of a detected face.
    ///
    /// # Errors
    /// [`ModelError`] when the model fails.
    pub fn mesh(&mut self, picture: &Rgb, face: &DetectedFace) -> Result<MeshFace, ModelError> {
        self.refine(picture, FaceRegion::around(face.bounds, face.keypoints[0], face.keypoints[1], CROP_FACTOR), ROUNDS)
    }

    /// Landmarks of a face that was at `previous` a moment ago, for frames in which the detector misses it.
    ///
    /// # Errors
    /// [`ModelError`] when the model fails.
    pub fn follow(&mut self, picture: &Rgb, previous: &MeshFace) -> Result<MeshFace, ModelError> {
        self.refine(picture, FaceRegion::of_landmarks(&previous.landmarks, CROP_FACTOR), 1)
    }

    fn refine(&mut self, picture: &Rgb, mut region: FaceRegion, rounds: usize) -> Result<MeshFace, ModelError> {
        let mut face = MeshFace { landmarks: Box::new([Point3::default(); POINTS]), presence: 0.0 };
        for _ in 0..rounds {
            let to_crop = region.to_crop(SIDE);
            let (Some(crop), Some(back)) = (square_crop(picture, &to_crop, SIDE), to_crop.inverse()) else {
                break;
            };
            let [values, presence] = self.model.run(&crop, [POINTS * 3, 1])?;
            let scale = region.side / SIDE as f32;
            for (landmark, v) in face.landmarks.iter_mut().zip(values.chunks_exact(3)) {
                let at = back.apply(Point::new(v[0], v[1]));
                *landmark = Point3 { x: at.x, y: at.y, z: v[2] * scale };
            }
            let finite = values.iter().all(|v| v.is_finite());
            face.presence = if finite { sigmoid(presence[0]) } else { 0.0 };
            region = FaceRegion::of_landmarks(&face.landmarks, CROP_FACTOR);
        }
        Ok(face)
    }
}
