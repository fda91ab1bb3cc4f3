//! The 468 landmarks of one face: `MediaPipe` face mesh at 192 pixels.
//!
//! Always holds: landmarks are in pixels of the picture that was given, depth in the same unit; `presence` says how
//! sure the network is that it looked at a face, and a low one means that the landmarks are fiction. Does not measure
//! pose or liveness: `liveness` does.

use super::face_crop::square_crop;
use super::face_model::{FaceModel, Scaling, sigmoid};
use super::runtime::{Digest, ModelError, Runtime};
use crate::imaging::{Point, Point3, Rect, Rgb, Similarity};
use crate::liveness::{DetectedFace, MeshFace};

/// Side of the model's input in pixels.
const SIDE: usize = 192;
/// Points a face.
const POINTS: usize = 468;
/// The crop is this much wider than the box (`MediaPipe`, `face_detection_front_detection_to_roi.pbtxt`).
const CROP_FACTOR: f32 = 1.5;
/// Once from the detector's box, once more from the landmarks' own box.
const ROUNDS: usize = 2;
/// Outer corners of the right and left eye.
const EYE_CORNERS: [usize; 2] = [33, 263];

/// Finds the landmarks of detected faces. One input at a time; every thread opens its own.
pub struct FaceMesher {
    model: FaceModel,
}

/// Where to look: an upright square turned by `degrees` clockwise.
#[derive(Debug, Clone, Copy)]
struct Region {
    centre: Point,
    side: f32,
    degrees: f32,
}

impl FaceMesher {
    /// Opens the model `face_mesh`.
    ///
    /// # Errors
    /// Any [`ModelError`].
    pub fn open(runtime: &Runtime) -> Result<Self, ModelError> {
        Ok(Self { model: FaceModel::open(runtime, "face_mesh", Scaling { mean: 0.0, deviation: 255.0 })? })
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
        self.refine(picture, Region::around(face.bounds, face.keypoints[0], face.keypoints[1]), ROUNDS)
    }

    /// Landmarks of a face that was at `previous` a moment ago, for frames in which the detector misses it.
    ///
    /// # Errors
    /// [`ModelError`] when the model fails.
    pub fn follow(&mut self, picture: &Rgb, previous: &MeshFace) -> Result<MeshFace, ModelError> {
        self.refine(picture, Region::of_landmarks(&previous.landmarks), 1)
    }

    fn refine(&mut self, picture: &Rgb, mut region: Region, rounds: usize) -> Result<MeshFace, ModelError> {
        let mut face = MeshFace { landmarks: Box::new([Point3::default(); POINTS]), presence: 0.0 };
        for _ in 0..rounds {
            let to_crop = region.to_crop();
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
            region = Region::of_landmarks(&face.landmarks);
        }
        Ok(face)
    }
}

impl Region {
    fn around(bounds: Rect, right_eye: Point, left_eye: Point) -> Self {
        let line = left_eye - right_eye;
        Self {
            centre: bounds.centre(),
            side: bounds.width.max(bounds.height) * CROP_FACTOR,
            degrees: line.y.atan2(line.x).to_degrees(),
        }
    }

    fn of_landmarks(landmarks: &[Point3; POINTS]) -> Self {
        let [right_eye, left_eye] = EYE_CORNERS.map(|k| landmarks[k].xy());
        Self::around(Rect::around(landmarks.iter().map(|p| p.xy())), right_eye, left_eye)
    }

    fn to_crop(self) -> Similarity {
        let middle = SIDE as f32 / 2.0;
        Similarity::about(self.centre, -self.degrees, SIDE as f32 / self.side, Point::new(middle, middle))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilted_face_is_upright_in_its_crop() {
        let (right_eye, left_eye) = (Point::new(100.0, 100.0), Point::new(150.0, 130.0));
        let region = Region::around(Rect::new(80.0, 80.0, 90.0, 90.0), right_eye, left_eye);
        let to_crop = region.to_crop();
        assert!((to_crop.apply(right_eye).y - to_crop.apply(left_eye).y).abs() < 0.01);
        assert!(to_crop.apply(region.centre).distance(Point::new(96.0, 96.0)) < 0.01);
    }
}
