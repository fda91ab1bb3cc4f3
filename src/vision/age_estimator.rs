//! Faces to ages: the age output of an optional network on 224-pixel crops. Only age triage uses it.
//!
//! Always holds: the model's distribution is wiped after use, and what leaves is an estimate that shows nothing of itself.
//! Does not judge: `liveness::AgeFrames` does.

use super::face_crop::{FaceRegion, square_crop};
use super::face_model::{FaceModel, Scaling};
use super::runtime::{Digest, ModelError, Runtime};
use crate::imaging::Rgb;
use crate::liveness::{EstimatedAge, MeshFace};

/// Side of the model's input in pixels.
const SIDE: usize = 224;
/// Years that the model tells apart, from 0.
const YEARS: usize = 100;
/// The crop is this much wider than the box of the landmarks: chosen among 1.0 to 1.7 on the tuning half, where they
/// differed little.
const CROP_FACTOR: f32 = 1.3;
/// Mean of the training pictures (`VGGFace2`), blue, green and red.
const MEAN: [f32; 3] = [103.939, 116.779, 123.68];

/// Estimates ages. One input at a time; every thread opens its own.
pub struct AgeEstimator {
    model: FaceModel,
}

impl AgeEstimator {
    /// Name of the model in the manifest.
    pub const MODEL: &str = "age_estimation";

    /// Opens the model `age_estimation`.
    ///
    /// # Errors
    /// Any [`ModelError`]; [`ModelError::NotInstalled`] where nobody has built it.
    pub fn open(runtime: &Runtime) -> Result<Self, ModelError> {
        Ok(Self { model: FaceModel::open(runtime, Self::MODEL, Scaling { mean: MEAN, deviation: 1.0 })? })
    }

    /// SHA-256 of the model file.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        self.model.digest()
    }

    /// How old a face looks whose landmarks are known; `None` where it lies outside the picture or the model gives no age.
    ///
    /// # Errors
    /// [`ModelError`] when the model fails.
    pub fn estimate(&mut self, picture: &Rgb, face: &MeshFace) -> Result<Option<EstimatedAge>, ModelError> {
        let to_crop = FaceRegion::of_landmarks(&face.landmarks, CROP_FACTOR).to_crop(SIDE);
        let Some(mut crop) = square_crop(picture, &to_crop, SIDE) else { return Ok(None) };
        // The network was trained on blue first.
        for pixel in crop.data_mut().chunks_exact_mut(3) {
            pixel.swap(0, 2);
        }
        let [distribution] = self.model.run(&crop, [YEARS])?;
        let expected = distribution.iter().enumerate().map(|(years, share)| years as f32 * share).sum();
        Ok(EstimatedAge::from_years(expected))
    }
}
