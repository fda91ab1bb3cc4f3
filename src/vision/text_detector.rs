//! Where lines of text stand in a picture: PP-OCRv4 detection.
//!
//! Always holds: outlines are in pixels of the picture that was given, in reading order, and no longer side than asked for
//! goes through the model. Does not read the text, and does not try other turns of the picture.

use ort::session::Session;

use super::runtime::{Digest, ModelError, Runtime};
use super::text_boxes::{ProbabilityMap, TextBox};
use super::text_tensor::infer;
use crate::imaging::{Quad, Rgb, resize};

/// Length of the longer side at which a picture goes through the detector, in pixels: text of 12 px and more is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LongSide(pub usize);

impl LongSide {
    /// A whole document that fills the picture.
    pub const DOCUMENT: Self = Self(1120);
    /// Small print: slower, for a second look.
    pub const FINE: Self = Self(1600);
    /// Bounds of what is sensible: below, nothing is legible; above, inference takes seconds.
    const RANGE: std::ops::RangeInclusive<usize> = 320..=1920;
}

/// The model makes its map in steps of this many pixels.
const STEP: usize = 32;
const MODEL: &str = "text_detection";

/// PP-OCRv4 mobile detection (differentiable binarization; `PaddleOCR` model card, Apache-2.0).
pub struct TextDetector {
    session: Session,
    digest: Digest,
}

impl TextDetector {
    /// Opens the model.
    ///
    /// # Errors
    /// Any [`ModelError`].
    pub fn open(runtime: &Runtime) -> Result<Self, ModelError> {
        let (session, digest) = runtime.open(MODEL)?;
        Ok(Self { session, digest })
    }

    /// Digest of the model.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Finds lines of text.
    ///
    /// # Errors
    /// [`ModelError::Inference`], or [`ModelError::Shape`] when the map has not the size of the input.
    pub fn detect(&mut self, image: &Rgb, long_side: LongSide) -> Result<Vec<TextBox>, ModelError> {
        let (width, height) = (image.width(), image.height());
        if width == 0 || height == 0 {
            return Ok(Vec::new());
        }
        let side = long_side.0.clamp(*LongSide::RANGE.start(), *LongSide::RANGE.end());
        let scale = side as f32 / width.max(height) as f32;
        let fit = |length: usize| ((length as f32 * scale / STEP as f32).round() as usize).max(1) * STEP;
        let (map_width, map_height) = (fit(width), fit(height));
        let (shape, data) = infer(&mut self.session, MODEL, &resize(image, map_width, map_height), map_width)?;
        if shape != [1, 1, map_height, map_width] || data.len() != map_width * map_height {
            return Err(ModelError::Shape { model: MODEL.to_owned(), shape });
        }
        let map = ProbabilityMap { width: map_width, height: map_height, data: &data };
        let (x, y) = (width as f32 / map_width as f32, height as f32 / map_height as f32);
        Ok(map.boxes().into_iter().map(|found| TextBox { outline: stretched(found.outline, x, y), ..found }).collect())
    }
}

fn stretched(outline: Quad, x: f32, y: f32) -> Quad {
    Quad(outline.0.map(|mut p| {
        (p.x, p.y) = (p.x * x, p.y * y);
        p
    }))
}
