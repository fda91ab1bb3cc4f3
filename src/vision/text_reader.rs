//! Every line of text in a picture, found and read.
//!
//! Always holds: lines come in reading order and are never empty; what a picture full of text costs is bounded. Does not
//! know what a line means.

use super::runtime::{Digest, ModelError, Runtime};
use super::text_boxes::TextBox;
use super::text_detector::{LongSide, TextDetector};
use super::text_recogniser::{TextRecogniser, WidthBudget};
use crate::document::TextLine;
use crate::imaging::{Quad, Rgb};
use crate::privacy::text_of;

/// Lines read with a lower mean confidence are no text.
const MIN_CONFIDENCE: f32 = 0.35;
/// A box that is this many times as high as wide holds text that runs upwards, which the recogniser does not read.
const MAX_HEIGHT_SHARE: f32 = 2.0;
/// Most of the recogniser's input that one picture is worth, in pixels of width: about twice the fullest document. The rest
/// of a picture that is full of text is not read.
const MOST_WIDTH: usize = 40_000;

/// Detector and recogniser together.
pub struct TextReader {
    pub(super) detector: TextDetector,
    pub(super) recogniser: TextRecogniser,
    /// What the zone that is being looked for may still cost.
    pub(super) zone_budget: WidthBudget,
}

impl TextReader {
    /// Opens both models.
    ///
    /// # Errors
    /// Any [`ModelError`].
    pub fn open(runtime: &Runtime) -> Result<Self, ModelError> {
        Ok(Self {
            detector: TextDetector::open(runtime)?,
            recogniser: TextRecogniser::open(runtime)?,
            zone_budget: WidthBudget::new(0),
        })
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
        for outline in worth_reading(&self.detector.detect(image, LongSide::DOCUMENT)?) {
            let characters = self.recogniser.recognise(image, outline)?.read(|_| true);
            let text = text_of(characters.iter().map(|c| c.best().0), characters.len());
            let confidences: Vec<f32> = characters.iter().map(|c| c.best().1).collect();
            let confidence = confidences.iter().sum::<f32>() / confidences.len().max(1) as f32;
            if !text.reveal().trim().is_empty() && confidence >= MIN_CONFIDENCE {
                let bounds = outline.bounds();
                lines.push(TextLine { text, confidence, character_confidences: confidences, bounds, outline });
            }
        }
        Ok(lines)
    }
}

/// The lines that are read, in their order: those that run across, the surest first as far as the width goes.
fn worth_reading(found: &[TextBox]) -> Vec<Quad> {
    let across = |line: &&TextBox| line.outline.mean_height() <= MAX_HEIGHT_SHARE * line.outline.mean_width();
    let mut kept: Vec<(usize, &TextBox)> = found.iter().filter(across).enumerate().collect();
    kept.sort_by(|a, b| b.1.score.total_cmp(&a.1.score));
    let mut budget = WidthBudget::new(MOST_WIDTH);
    kept.retain(|(_, line)| budget.spend(TextRecogniser::input_width(line.outline)));
    kept.sort_by_key(|(place, _)| *place);
    kept.into_iter().map(|(_, line)| line.outline).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::Rect;

    fn line(row: usize, width: f32, score: f32) -> TextBox {
        TextBox { outline: Quad::from_rect(Rect::new(0.0, row as f32 * 30.0, width, 20.0)), score }
    }

    #[test]
    fn of_a_picture_full_of_text_the_surest_lines_are_read_in_their_order() {
        let found: Vec<TextBox> = (0..400).map(|row| line(row, 100.0, if row % 4 == 0 { 0.9 } else { 0.6 })).collect();
        let read = worth_reading(&found);
        assert_eq!(read.len(), MOST_WIDTH / 320);
        assert!(read.is_sorted_by(|a, b| a.bounds().y < b.bounds().y));
        assert!((0..400).step_by(4).all(|row| read.contains(&found[row].outline)));
    }

    #[test]
    fn a_document_is_read_whole_but_for_what_runs_upwards() {
        let mut found: Vec<TextBox> = (0..60).map(|row| line(row, 240.0, 0.8)).collect();
        assert_eq!(worth_reading(&found).len(), 60);
        found.push(line(60, 8.0, 0.9));
        assert_eq!(worth_reading(&found).len(), 60);
    }
}
