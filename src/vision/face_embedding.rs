//! Faces to templates: `MobileFaceNet` on 112-pixel `ArcFace` chips.
//!
//! Always holds: a template has unit length and comes from the five-point alignment that the network was trained with.
//! Does not compare: `liveness::compare` does.

use super::face_crop::square_crop;
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

    /// Template of a face whose landmarks are known.
    ///
    /// # Errors
    /// [`EmbeddingError::NotAlignable`] when the landmarks do not span a face inside the picture, else a
    /// [`ModelError`].
    pub fn embed(&mut self, picture: &Rgb, face: &MeshFace) -> Result<Template, EmbeddingError> {
        let points = five_points(face);
        let pairs: [(Point, Point); 5] = std::array::from_fn(|k| (points[k], CHIP_POINTS[k]));
        let to_chip = Similarity::fit(&pairs).ok_or(EmbeddingError::NotAlignable)?;
        let chip = square_crop(picture, &to_chip, ALIGNED_SIDE).ok_or(EmbeddingError::NotAlignable)?;
        self.embed_aligned(&chip)
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

/// Right eye, left eye, nose tip, right and left mouth corner of a mesh: the person's own sides.
#[must_use]
pub fn five_points(face: &MeshFace) -> [Point; 5] {
    let at = |k: usize| face.landmarks[k].xy();
    [at(33).lerp(at(133), 0.5), at(362).lerp(at(263), 0.5), at(1), at(61), at(291)]
}
