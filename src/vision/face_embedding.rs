//! Faces to templates: `MobileFaceNet` on 112-pixel `ArcFace` chips.
//!
//! Always holds: a template has unit length and comes from the five-point alignment that the network was trained with.
//! What is to be compared is looked at twice, and the mean counts. A live face: in colour and in grey, because many
//! portraits are grey. A portrait, which is small and flat: enlarged smoothly, with its levels spread, as it is and
//! mirrored. Does not compare: `liveness::compare` does.

use super::face_crop::{smooth_square_crop, square_crop};
use super::face_model::{FaceModel, Scaling};
use super::runtime::{Digest, ModelError, Runtime};
use crate::imaging::{Point, Rgb, Similarity};
use crate::liveness::{MeshFace, Template};

/// Side of an aligned face in pixels.
pub const ALIGNED_SIDE: usize = 112;

/// Right eye, left eye, nose tip, right and left mouth corner in the chip (`ArcFace`, 112-pixel template). The
/// published numbers count from pixel centres, hence the half pixel.
const CHIP_POINTS: [Point; 5] = [
    Point::new(38.2946 + 0.5, 51.6963 + 0.5),
    Point::new(73.5318 + 0.5, 51.5014 + 0.5),
    Point::new(56.0252 + 0.5, 71.7366 + 0.5),
    Point::new(41.5493 + 0.5, 92.3655 + 0.5),
    Point::new(70.7299 + 0.5, 92.2041 + 0.5),
];

/// Mean and deviation of the levels of a portrait's chip: about those of a photo in good light.
const PORTRAIT_LEVELS: (f32, f32) = (120.0, 55.0);
/// A chip whose levels deviate less shows nothing that could be spread.
const LEAST_DEVIATION: f32 = 1.0;

/// Why a face gave no template.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddingError {
    /// The landmarks lie on one spot, outside the picture, or the aligned crop has another size.
    #[error("the face cannot be aligned; take a sharper picture with the whole face in it")]
    NotAlignable,
    /// A fault of the device.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// Makes templates. One input at a time; every thread opens its own.
pub struct FaceEmbedder {
    model: FaceModel,
}

impl FaceEmbedder {
    /// Opens the model `face_embedding`.
    ///
    /// # Errors
    /// Any [`ModelError`].
    pub fn open(runtime: &Runtime) -> Result<Self, ModelError> {
        Ok(Self { model: FaceModel::open(runtime, "face_embedding", Scaling { mean: [127.5; 3], deviation: 128.0 })? })
    }

    /// SHA-256 of the model file.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        self.model.digest()
    }

    /// Template of a face whose landmarks are known, in one look: enough to see whether it stays the same person.
    ///
    /// # Errors
    /// [`EmbeddingError::NotAlignable`] when the landmarks do not span a face inside the picture, else a
    /// [`ModelError`].
    pub fn embed(&mut self, picture: &Rgb, face: &MeshFace) -> Result<Template, EmbeddingError> {
        let to_chip = to_chip(face).ok_or(EmbeddingError::NotAlignable)?;
        let chip = square_crop(picture, &to_chip, ALIGNED_SIDE).ok_or(EmbeddingError::NotAlignable)?;
        self.embed_aligned(&chip)
    }

    /// Template of a live face that is to be compared with a portrait. Costs as much as two.
    ///
    /// # Errors
    /// As [`Self::embed`].
    pub fn embed_probe(&mut self, picture: &Rgb, face: &MeshFace) -> Result<Template, EmbeddingError> {
        let to_chip = to_chip(face).ok_or(EmbeddingError::NotAlignable)?;
        let chip = square_crop(picture, &to_chip, ALIGNED_SIDE).ok_or(EmbeddingError::NotAlignable)?;
        self.embed_aligned_probe(&chip)
    }

    /// What [`Self::embed_probe`] gives for a chip that is aligned already.
    ///
    /// # Errors
    /// As [`Self::embed_aligned`].
    pub fn embed_aligned_probe(&mut self, chip: &Rgb) -> Result<Template, EmbeddingError> {
        let looks = [self.embed_aligned(chip)?, self.embed_aligned(&chip.to_gray().to_rgb())?];
        Template::mean(&looks).ok_or(EmbeddingError::NotAlignable)
    }

    /// Template of a portrait on a document. Costs as much as two.
    ///
    /// # Errors
    /// As [`Self::embed`].
    pub fn embed_portrait(&mut self, picture: &Rgb, face: &MeshFace) -> Result<Template, EmbeddingError> {
        let to_chip = to_chip(face).ok_or(EmbeddingError::NotAlignable)?;
        let mut chip = smooth_square_crop(picture, &to_chip, ALIGNED_SIDE).ok_or(EmbeddingError::NotAlignable)?;
        spread_levels(&mut chip);
        let mirrored = Rgb::from_fn(ALIGNED_SIDE, ALIGNED_SIDE, |x, y| chip.pixel(ALIGNED_SIDE - 1 - x, y));
        let looks = [self.embed_aligned(&chip)?, self.embed_aligned(&mirrored)?];
        Template::mean(&looks).ok_or(EmbeddingError::NotAlignable)
    }

    /// Template of a chip that is aligned already: 112 by 112 pixels.
    ///
    /// # Errors
    /// [`EmbeddingError::NotAlignable`] when the chip has another size, else a [`ModelError`].
    pub fn embed_aligned(&mut self, chip: &Rgb) -> Result<Template, EmbeddingError> {
        if (chip.width(), chip.height()) != (ALIGNED_SIDE, ALIGNED_SIDE) {
            return Err(EmbeddingError::NotAlignable);
        }
        let [raw] = self.model.run(chip, [Template::LENGTH])?;
        Template::from_embedding(&raw).map_err(|_| {
            EmbeddingError::Model(ModelError::Shape { model: "face_embedding".to_owned(), shape: vec![raw.len()] })
        })
    }
}

/// From the picture to the chip; `None` when the landmarks lie on one spot.
fn to_chip(face: &MeshFace) -> Option<Similarity> {
    let points = five_points(face);
    Similarity::fit(&std::array::from_fn::<_, 5, _>(|k| (points[k], CHIP_POINTS[k])))
}

/// Brings the levels of a chip to [`PORTRAIT_LEVELS`], all channels alike.
fn spread_levels(chip: &mut Rgb) {
    let count = chip.data().len().max(1) as f32;
    let mean = chip.data().iter().map(|&value| f32::from(value)).sum::<f32>() / count;
    let variance = chip.data().iter().map(|&value| (f32::from(value) - mean).powi(2)).sum::<f32>() / count;
    let gain = PORTRAIT_LEVELS.1 / variance.sqrt().max(LEAST_DEVIATION);
    for value in chip.data_mut() {
        *value = ((f32::from(*value) - mean) * gain + PORTRAIT_LEVELS.0 + 0.5).clamp(0.0, 255.0) as u8;
    }
}

/// Right eye, left eye, nose tip, right and left mouth corner of a mesh: the person's own sides.
#[must_use]
pub fn five_points(face: &MeshFace) -> [Point; 5] {
    let at = |k: usize| face.landmarks[k].xy();
    [at(33).lerp(at(133), 0.5), at(362).lerp(at(263), 0.5), at(1), at(61), at(291)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_chip_is_spread_and_a_spread_one_stays() {
        let mut flat = Rgb::from_fn(ALIGNED_SIDE, ALIGNED_SIDE, |x, _| [90 + (x % 20) as u8; 3]);
        spread_levels(&mut flat);
        let (low, high) = (flat.data().iter().min().unwrap(), flat.data().iter().max().unwrap());
        assert!(*low < 60 && *high > 180);
        let before = flat.clone();
        spread_levels(&mut flat);
        assert!(flat.data().iter().zip(before.data()).all(|(a, b)| a.abs_diff(*b) <= 3));
    }

    #[test]
    fn a_chip_of_one_level_stays_one() {
        let mut blank = Rgb::filled(ALIGNED_SIDE, ALIGNED_SIDE, [7; 3]);
        spread_levels(&mut blank);
        assert!(blank.data().iter().all(|&value| value == blank.data()[0]));
    }
}
