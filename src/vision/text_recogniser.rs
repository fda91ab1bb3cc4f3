//! What one line of text says: PP-OCRv5 recognition.
//!
//! Always holds: the character set belongs to the model (both are checked against the manifest, and their sizes against
//! each other). Does not find lines, and does not read text that runs upwards or downwards.

use std::sync::Arc;

use ort::session::Session;

use super::runtime::{Digest, ModelError, Runtime};
use super::text_lattice::Lattice;
use super::text_tensor::infer;
use crate::imaging::{Homography, Point, Quad, Rect, Rgb, resize, warp};

const MODEL: &str = "text_recognition";
const CHARSET: &str = "text_charset";
/// Height of a line in the model, in pixels.
const HEIGHT: usize = 48;
/// Narrowest input, and the step between widths: few shapes let the runtime reuse its plans.
const WIDTH_STEP: usize = 320;
/// Widest input: 53 times the height, more than any line of a document.
const MAX_WIDTH: usize = 2560;
/// Pixels a side above which a line is not copied out of the picture at full size.
const MAX_STRIP: f32 = 4096.0;

/// PP-OCRv5 mobile recognition, pruned to Latin (`PaddleOCR` model card, Apache-2.0).
pub struct TextRecogniser {
    session: Session,
    digest: Digest,
    charset: Arc<[char]>,
}

/// How much more may be read, in pixels of the recogniser's input width: what a picture full of text costs is bounded by it.
#[derive(Debug, Clone, Copy)]
pub(super) struct WidthBudget(usize);

impl WidthBudget {
    /// As much as this.
    pub fn new(width: usize) -> Self {
        Self(width)
    }

    /// Takes off what one more reading costs; `false`, and nothing is taken off, where too little is left for it.
    pub fn spend(&mut self, width: usize) -> bool {
        let left = self.0.checked_sub(width);
        self.0 = left.unwrap_or(self.0);
        left.is_some()
    }
}

impl TextRecogniser {
    /// Opens the model and its character set.
    ///
    /// # Errors
    /// Any [`ModelError`].
    pub fn open(runtime: &Runtime) -> Result<Self, ModelError> {
        let (session, digest) = runtime.open(MODEL)?;
        let (bytes, _) = runtime.read(CHARSET)?;
        let charset = String::from_utf8_lossy(&bytes).lines().filter_map(|line| line.chars().next()).collect();
        Ok(Self { session, digest, charset })
    }

    /// Digest of the model.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// How wide the model's input is for a line, in pixels, which is what reading it costs.
    #[must_use]
    pub fn input_width(outline: Quad) -> usize {
        padded(input_width(outline.mean_width(), outline.mean_height()))
    }

    /// Reads the line inside an outline.
    ///
    /// # Errors
    /// [`ModelError::Inference`], or [`ModelError::Shape`] when the classes are not those of the character set.
    pub fn recognise(&mut self, image: &Rgb, outline: Quad) -> Result<Lattice, ModelError> {
        match straightened(image, outline) {
            Some(strip) => self.recognise_strip(&strip),
            None => Ok(Lattice::new(Vec::new(), Arc::clone(&self.charset), 0)),
        }
    }

    /// Reads a picture that is one line of text.
    ///
    /// # Errors
    /// As [`recognise`](Self::recognise).
    pub fn recognise_strip(&mut self, strip: &Rgb) -> Result<Lattice, ModelError> {
        let classes = self.charset.len() + 1;
        let width = input_width(strip.width() as f32, strip.height() as f32);
        let padded = padded(width);
        let (shape, data) = infer(&mut self.session, MODEL, &resize(strip, width, HEIGHT), padded)?;
        let &[1, steps, found] = shape.as_slice() else {
            return Err(ModelError::Shape { model: MODEL.to_owned(), shape });
        };
        if found != classes || steps == 0 || data.len() != steps * classes {
            return Err(ModelError::Shape { model: MODEL.to_owned(), shape });
        }
        let used = (steps * width).div_ceil(padded);
        Ok(Lattice::new(data, Arc::clone(&self.charset), used))
    }
}

/// Width of a line at the model's height.
fn input_width(width: f32, height: f32) -> usize {
    ((HEIGHT as f32 * width / height.max(1.0)).round() as usize).clamp(HEIGHT / 3, MAX_WIDTH)
}

/// The next width that the model gets.
fn padded(width: usize) -> usize {
    width.div_ceil(WIDTH_STEP) * WIDTH_STEP
}

/// Copies the line out of the picture, level, at the picture's own resolution.
pub(super) fn straightened(image: &Rgb, outline: Quad) -> Option<Rgb> {
    let (width, height) = (outline.mean_width().round(), outline.mean_height().round());
    if !(2.0..=MAX_STRIP).contains(&width) || !(2.0..=MAX_STRIP).contains(&height) {
        return None;
    }
    let upright = Quad::from_rect(Rect::new(0.0, 0.0, width, height));
    let map = Homography::between(upright, outline)?;
    let (right, bottom) = (image.width() as f32, image.height() as f32);
    // Past the picture's edge its last pixels are repeated: a hard border would look like a stroke.
    let inside = |p: Point| Point::new(p.x.clamp(0.0, right), p.y.clamp(0.0, bottom));
    Some(warp(image, width as usize, height as usize, [127; 3], |p| inside(map.apply(p))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_more_is_spent_than_there_was() {
        let mut budget = WidthBudget::new(1000);
        let spent: Vec<bool> = [600, 500, 400, 1, 0].map(|width| budget.spend(width)).into();
        assert_eq!(spent, [true, false, true, false, true]);
    }
}
