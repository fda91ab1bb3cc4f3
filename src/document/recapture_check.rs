//! What signs of a recapture mean for a document.
//!
//! Always holds: the check is advisory. It flags, and a policy may refuse on the flag; what could not be measured is not
//! applicable, never passed. The measure itself is [`crate::imaging::recapture`].

use super::check::{Check, CheckResult, CheckStrength};
use crate::imaging::RecaptureScore;

/// Name of the check.
pub const RECAPTURE: &str = "recapture";
/// Most scores of one side that are kept.
const MOST_SCORES: usize = 8;

/// The scores of every frame of one document that was read, by side.
#[derive(Debug, Clone, Default)]
pub struct RecaptureScores {
    front: Vec<f32>,
    back: Vec<f32>,
}

impl RecaptureScores {
    /// Takes in a front.
    pub fn note_front(&mut self, score: Option<RecaptureScore>) {
        note(&mut self.front, score);
    }

    /// Takes in a back.
    pub fn note_back(&mut self, score: Option<RecaptureScore>) {
        note(&mut self.back, score);
    }

    /// The score of the document: of the median frame of each side, the side that looks worse. One frame that blurs or
    /// glares decides nothing.
    #[must_use]
    pub fn fused(&self) -> Option<RecaptureScore> {
        let sides = [&self.front, &self.back].into_iter().filter_map(|side| median(side));
        sides
            .fold(None, |worst: Option<f32>, side| Some(worst.map_or(side, |worst| worst.max(side))))
            .map(RecaptureScore)
    }

    /// The check: strong against photocopies, weak against prints and screens (`docs/documents/recapture.md`).
    pub fn check(&self) -> Check {
        let Some(score) = self.fused() else {
            return Check::new(RECAPTURE, CheckResult::NotApplicable, "the card is too small in the picture to tell");
        };
        let result = if score >= RecaptureScore::ATTACK_AT_LEAST { CheckResult::Flag } else { CheckResult::Pass };
        let limit = RecaptureScore::ATTACK_AT_LEAST.0;
        // Weak: the policy decides on it by itself, and it adds nothing to what was said about the encoded part.
        let seen = format!("score {:.2}, flagged from {limit:.2}", score.0);
        Check::new(RECAPTURE, result, seen).with_strength(CheckStrength::Weak)
    }
}

fn note(scores: &mut Vec<f32>, score: Option<RecaptureScore>) {
    if scores.len() == MOST_SCORES {
        scores.remove(0);
    }
    scores.extend(score.map(|score| score.0));
}

fn median(scores: &[f32]) -> Option<f32> {
    let mut sorted = scores.to_vec();
    sorted.sort_by(f32::total_cmp);
    // Of two the higher: there is no third that could say which of them is the odd one.
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_frame_among_several_flags_nothing_and_one_side_does() {
        let mut scores = RecaptureScores::default();
        for score in [0.1, 0.9, 0.2] {
            scores.note_front(Some(RecaptureScore(score)));
        }
        assert_eq!(scores.check().result, CheckResult::Pass);
        let mut two = RecaptureScores::default();
        two.note_front(Some(RecaptureScore(0.1)));
        two.note_front(Some(RecaptureScore(0.9)));
        assert_eq!(two.check().result, CheckResult::Flag);
        scores.note_back(Some(RecaptureScore(0.8)));
        assert_eq!(scores.check().result, CheckResult::Flag);
    }

    #[test]
    fn what_was_not_measured_is_never_passed() {
        let mut scores = RecaptureScores::default();
        assert_eq!(scores.check().result, CheckResult::NotApplicable);
        scores.note_front(None);
        assert_eq!(scores.check().result, CheckResult::NotApplicable);
    }

    #[test]
    fn scores_are_bounded_and_the_newest_stay() {
        let mut scores = RecaptureScores::default();
        for k in 0..100_u8 {
            scores.note_front(Some(RecaptureScore(f32::from(k) / 100.0)));
        }
        assert_eq!(scores.front.len(), MOST_SCORES);
        assert!(scores.fused().is_some_and(|score| score.0 > 0.9));
    }
}
