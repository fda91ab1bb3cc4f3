//! Whether a face is good enough to be compared.
//!
//! Always holds: the measures are of the picture alone and do not depend on who is shown; a gate says which measure
//! failed, so that the person can be told what to do. Does not judge liveness.

use serde::Serialize;

use super::face::{MeshFace, Pose};
use crate::imaging::{Rect, Rgb, crop, resize};

/// Side to which a face is brought before its sharpness is measured, in pixels.
const MEASURING_SIDE: usize = 96;

/// Overall fitness for comparison, 0…1. Not a similarity, a detection or a liveness score.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct QualityScore(pub f32);

/// What was measured of one face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaceQuality {
    /// Distance between the outer eye corners in pixels, foreshortening undone.
    pub eye_distance: f32,
    /// Root-mean-square Laplacian over the standard deviation of luma, of the face at 96 pixels: about 0.1 for a badly
    /// blurred face, 0.5 and more for a sharp one.
    pub sharpness: f32,
    /// Standard deviation of luma within the face, 0…128.
    pub contrast: f32,
    /// Pose of the head.
    pub pose: Pose,
    /// Probability that it is a face at all, 0…1.
    pub presence: f32,
}

/// Least values that a face needs for a purpose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QualityGate {
    /// In pixels between the outer eye corners.
    pub least_eye_distance: f32,
    /// See [`FaceQuality::sharpness`].
    pub least_sharpness: f32,
    /// See [`FaceQuality::contrast`].
    pub least_contrast: f32,
    /// In degrees, either side.
    pub most_yaw_degrees: f32,
    /// In degrees, up or down.
    pub most_pitch_degrees: f32,
    /// 0…1.
    pub least_presence: f32,
}

/// Why a face is not fit, in the order in which a person should mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QualityFault {
    /// The network does not see a face there.
    NotAFace,
    /// Come closer.
    TooSmall,
    /// Look at the camera.
    TurnedAway,
    /// More light, or less of it from behind.
    TooFlat,
    /// Hold still.
    TooBlurred,
}

impl QualityGate {
    /// For a live face in front of the camera.
    pub const PROBE: Self = Self {
        least_eye_distance: 40.0,
        least_sharpness: 0.12,
        least_contrast: 10.0,
        most_yaw_degrees: 20.0,
        most_pitch_degrees: 25.0,
        least_presence: 0.8,
    };
    /// For a portrait on a document or in a file: small and soft, but worth a comparison.
    pub const REFERENCE: Self = Self {
        least_eye_distance: 14.0,
        least_sharpness: 0.03,
        least_contrast: 6.0,
        most_yaw_degrees: 60.0,
        most_pitch_degrees: 50.0,
        least_presence: 0.5,
    };
}

impl FaceQuality {
    /// Measures the face with these landmarks.
    #[must_use]
    pub fn measure(picture: &Rgb, face: &MeshFace, pose: Pose) -> Self {
        let eyes = face.landmarks[33].xy().distance(face.landmarks[263].xy());
        let eye_distance = eyes / pose.yaw_degrees.to_radians().cos().max(0.3);
        let bounds = Rect::around(face.landmarks.iter().map(|p| p.xy()));
        let (sharpness, contrast) = texture(picture, bounds);
        Self { eye_distance, sharpness, contrast, pose, presence: face.presence }
    }

    /// What keeps the face from passing a gate; `None` when it passes.
    #[must_use]
    pub fn fault(&self, gate: &QualityGate) -> Option<QualityFault> {
        // A value that is not a number passes no gate.
        let below = |value: f32, least: f32| value.is_nan() || value < least;
        let beyond = |angle: f32, most: f32| angle.is_nan() || angle.abs() > most;
        if below(self.presence, gate.least_presence) {
            return Some(QualityFault::NotAFace);
        }
        if below(self.eye_distance, gate.least_eye_distance) {
            return Some(QualityFault::TooSmall);
        }
        if beyond(self.pose.yaw_degrees, gate.most_yaw_degrees)
            || beyond(self.pose.pitch_degrees, gate.most_pitch_degrees)
        {
            return Some(QualityFault::TurnedAway);
        }
        if below(self.contrast, gate.least_contrast) {
            return Some(QualityFault::TooFlat);
        }
        below(self.sharpness, gate.least_sharpness).then_some(QualityFault::TooBlurred)
    }

    /// One number for lists and progress bars: the product of how far each measure is towards an ideal live face.
    #[must_use]
    pub fn score(&self) -> QualityScore {
        let towards = |value: f32, none: f32, ideal: f32| ((value - none) / (ideal - none)).clamp(0.0, 1.0);
        let turn = self.pose.yaw_degrees.abs().max(self.pose.pitch_degrees.abs() * 0.8);
        let product = towards(self.eye_distance, 8.0, 60.0).sqrt()
            * towards(self.sharpness, 0.02, 0.3).sqrt()
            * towards(self.contrast, 4.0, 25.0).sqrt()
            * (1.0 - 0.9 * towards(turn, 10.0, 60.0))
            * self.presence.clamp(0.0, 1.0);
        QualityScore(if product.is_finite() { product } else { 0.0 })
    }
}

/// Sharpness and contrast of a part of a picture; zeros when it lies outside.
fn texture(picture: &Rgb, bounds: Rect) -> (f32, f32) {
    let Some(part) = crop(picture, bounds) else { return (0.0, 0.0) };
    let gray = resize(&part, MEASURING_SIDE, MEASURING_SIDE).to_gray();
    let at = |x: usize, y: usize| f32::from(gray.data()[y * MEASURING_SIDE + x]);
    let count = gray.data().len() as f32;
    let mean = gray.data().iter().map(|&v| f32::from(v)).sum::<f32>() / count;
    let contrast = (gray.data().iter().map(|&v| (f32::from(v) - mean).powi(2)).sum::<f32>() / count).sqrt();
    let mut energy = 0.0;
    for y in 1..MEASURING_SIDE - 1 {
        for x in 1..MEASURING_SIDE - 1 {
            let laplacian = at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1) - 4.0 * at(x, y);
            energy += laplacian * laplacian;
        }
    }
    let inner = (MEASURING_SIDE - 2).pow(2) as f32;
    ((energy / inner).sqrt() / contrast.max(1.0), contrast)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::liveness::test_faces::head;

    fn measured(picture: &Rgb) -> FaceQuality {
        FaceQuality::measure(picture, &head(), Pose::default())
    }

    #[test]
    fn a_blurred_face_is_told_to_hold_still() {
        let smooth = Rgb::from_fn(400, 400, |x, y| [(((x + y) as f32 / 60.0).sin() * 60.0 + 128.0) as u8; 3]);
        assert_eq!(measured(&smooth).fault(&QualityGate::PROBE), Some(QualityFault::TooBlurred));
    }

    #[test]
    fn a_sharp_face_passes_and_scores_higher() {
        let busy = Rgb::from_fn(400, 400, |x, y| [if (x / 6 + y / 6) % 2 == 0 { 60 } else { 180 }; 3]);
        assert_eq!(measured(&busy).fault(&QualityGate::PROBE), None);
        assert!(measured(&busy).score() > measured(&Rgb::filled(400, 400, [90; 3])).score());
    }

    #[test]
    fn measures_that_are_not_numbers_never_pass() {
        let mut quality = measured(&Rgb::filled(400, 400, [90; 3]));
        quality.presence = f32::NAN;
        assert_eq!(quality.fault(&QualityGate::REFERENCE), Some(QualityFault::NotAFace));
        assert_eq!(quality.score(), QualityScore(0.0));
    }
}
