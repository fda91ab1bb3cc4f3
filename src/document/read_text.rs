//! Text as it was read off a picture, with how sure the reading is.
//!
//! Always holds: personal text is wiped on drop and never printed. Does not say what the text means.

use zeroize::Zeroizing;

use crate::imaging::{Quad, Rect};
use crate::privacy::Personal;

/// A character and its probability, 0…1.
pub type Candidate = (char, f32);

/// What one place of a text may hold, most probable first.
pub type Candidates = Zeroizing<Vec<Candidate>>;

/// One line of recognised text and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct TextLine {
    /// The text as recognised.
    pub text: Personal<String>,
    /// Mean confidence of its characters, 0…1.
    pub confidence: f32,
    /// Confidence of each character of `text`, 0…1; empty when it is not known, and then `confidence` holds for each.
    pub character_confidences: Vec<f32>,
    /// Upright box around it in the picture.
    pub bounds: Rect,
    /// The box itself, tilted as the text is.
    pub outline: Quad,
}

#[cfg(test)]
impl TextLine {
    /// A level line, each character of it as sure as the whole.
    pub(crate) fn level(text: &str, confidence: f32, bounds: Rect) -> Self {
        let outline = Quad::from_rect(bounds);
        Self { text: text.into(), confidence, character_confidences: Vec::new(), bounds, outline }
    }
}

/// One character that was read.
#[derive(Clone, PartialEq)]
pub struct ReadCharacter {
    /// What it may be, most probable first; never empty.
    pub candidates: Candidates,
    /// Middle of the character along its line, 0 at the line's left end and 1 at its right end.
    pub position: f32,
}

impl ReadCharacter {
    /// The most probable character.
    #[must_use]
    pub fn best(&self) -> Candidate {
        self.candidates.first().copied().unwrap_or((char::REPLACEMENT_CHARACTER, 0.0))
    }
}

impl std::fmt::Debug for ReadCharacter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}
