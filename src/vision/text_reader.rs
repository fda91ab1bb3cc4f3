//! Every line of text in a picture, found and read.
//!
//! Always holds: lines come in reading order and are never empty. Does not know what a line means.

use super::runtime::{Digest, ModelError, Runtime};
use super::text_detector::{LongSide, TextDetector};
use super::text_recogniser::TextRecogniser;
use crate::document::TextLine;
use crate::imaging::Rgb;
use crate::privacy::Personal;

/// Lines read with a lower mean confidence are no text.
const MIN_CONFIDENCE: f32 = 0.35;
/// A box that is this many times as high as wide holds text that runs upwards, which the recogniser does not read.
const MAX_HEIGHT_SHARE: f32 = 2.0;

/// Detector and recogniser together.
pub struct TextReader {
    pub(super) detector: TextDetector,
    pub(super) recogniser: TextRecogniser,
}

impl TextReader {
    /// Opens both models.
    ///
    /// # Errors
    /// Any [`ModelError`].
    pub fn open(runtime: &Runtime) -> Result<Self, ModelError> {
        Ok(Self { detector: TextDetector::open(runtime)?, recogniser: TextRecogniser::open(runtime)? })
    }

    /// Digests of the two models, detection first.
    #[must_use]
    pub fn digests(&self) -> [&Digest; 2] {
        [self.detector.digest(), self.recogniser.digest()]
    }

    /// Reads every line of text.
    ///
    /// # Errors
    /// [`ModelError`] when a model fails.
    pub fn read(&mut self, image: &Rgb) -> Result<Vec<TextLine>, ModelError> {
        let mut lines = Vec::new();
        for found in self.detector.detect(image, LongSide::DOCUMENT)? {
            if found.outline.mean_height() > MAX_HEIGHT_SHARE * found.outline.mean_width() {
                continue;
            }
            let characters = self.recogniser.recognise(image, found.outline)?.read(|_| true);
            let text: String = characters.iter().map(|c| c.best().0).collect();
            let confidences: Vec<f32> = characters.iter().map(|c| c.best().1).collect();
            let confidence = confidences.iter().sum::<f32>() / confidences.len().max(1) as f32;
            if !text.trim().is_empty() && confidence >= MIN_CONFIDENCE {
                let bounds = found.outline.bounds();
                lines.push(TextLine {
                    text: Personal::new(text),
                    confidence,
                    character_confidences: confidences,
                    bounds,
                });
            }
        }
        Ok(lines)
    }
}
