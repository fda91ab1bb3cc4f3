//! Is the live person the one in the portrait?
//!
//! Always holds: no probe is no match; one number decides: how alike the mean of the probes is to the reference, but never
//! more than [`MOST_ABOVE_MEDIAN`] above what the median probe says, so that one odd frame can neither carry a match nor
//! lose one. Does not choose the frames: the caller passes templates of faces that are fit to be compared.

use serde::Serialize;

use super::template::{Similarity, Template};

/// The mean of several frames of one person is more like the reference than each frame is, by up to about so much; where it
/// is by more, the frames are not of one person.
const MOST_ABOVE_MEDIAN: f32 = 0.1;

/// Least similarity that counts as the same person. Not a detection or quality score.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct MatchThreshold(pub Similarity);

impl MatchThreshold {
    /// The shipped operating point for a live face against a portrait: fewer than 1 in 10,000 comparisons of strangers match
    /// (FMR below 1e-4). Chosen on half of the people of LFW, folds 1 and 2, where 0.533 gives that rate, and rounded up;
    /// docs/faces/match.md has what it does on the other half, and how many small and grey portraits it turns away.
    pub const SHIPPED: Self = Self(Similarity(0.54));
    /// Below this a turned head is not the person that looked into the camera before. It is lower than
    /// [`Self::SHIPPED`] because a turned face resembles its frontal self less, and because continuous tracking
    /// already ties the frames together. Chosen on rendered turns of one half of the people: theirs were at 0.37 or above, and of
    /// 80 exchanged faces 79 at 0.30 or below (docs/faces/turns.md).
    pub const HELD_THROUGH_TURN: Self = Self(Similarity(0.34));
    /// Below this who looks ahead later is not who looked ahead first: two looks of one person into one camera within seconds
    /// are more alike than a portrait and a person, so that the threshold of that is asked at least. On the same turns they were
    /// at 0.91 or above, and those of exchanged faces at 0.52 or below.
    pub const HELD_BETWEEN_LOOKS: Self = Self::SHIPPED;
}

/// Outcome of a comparison (ISO/IEC 19795-1: probe against reference).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[must_use]
pub enum MatchDecision {
    /// At or above the threshold.
    Match,
    /// Below it.
    NonMatch,
    /// Nothing to compare; never a match.
    NoProbe,
}

/// A comparison with what it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[must_use]
pub struct MatchResult {
    /// What follows.
    pub decision: MatchDecision,
    /// Similarity of the probes together, see [`compare`]; `None` without probes.
    pub similarity: Option<Similarity>,
    /// Threshold it was held against.
    pub threshold: MatchThreshold,
    /// Number of probes.
    pub probes: usize,
}

impl MatchResult {
    /// Whether the person is the one in the reference.
    #[must_use]
    pub fn is_match(&self) -> bool {
        self.decision == MatchDecision::Match
    }
}

/// Compares live probes with one reference: by their mean, in which noise, expression and light of single frames weigh
/// less, as far as the median probe bears it out.
pub fn compare(probes: &[Template], reference: &Template, threshold: MatchThreshold) -> MatchResult {
    let similarity = median_similarity(probes, reference).map(|median| {
        let together = Template::mean(probes).map_or(median, |mean| mean.similarity(reference));
        Similarity(together.0.min(median.0 + MOST_ABOVE_MEDIAN))
    });
    let decision = match similarity {
        None => MatchDecision::NoProbe,
        Some(similarity) if similarity >= threshold.0 => MatchDecision::Match,
        Some(_) => MatchDecision::NonMatch,
    };
    MatchResult { decision, similarity, threshold, probes: probes.len() }
}

/// Compares each group of probes, such as those of one look ahead, and gives the poorest result: everybody who looked
/// into the camera has to be the one in the reference.
pub fn compare_each(groups: &[Vec<Template>], reference: &Template, threshold: MatchThreshold) -> MatchResult {
    let results = groups.iter().map(|probes| compare(probes, reference, threshold));
    let similarity = |result: &MatchResult| result.similarity.map_or(f32::NEG_INFINITY, |value| value.0);
    results.min_by(|a, b| similarity(a).total_cmp(&similarity(b))).unwrap_or_else(|| compare(&[], reference, threshold))
}

/// Lower median of the similarities of some templates to one; `None` without templates.
pub(super) fn median_similarity(probes: &[Template], reference: &Template) -> Option<Similarity> {
    let mut values: Vec<f32> = probes.iter().map(|probe| probe.similarity(reference).0).collect();
    values.sort_by(f32::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().map(Similarity)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(seed: f32) -> Template {
        let raw: Vec<f32> = (0..Template::LENGTH).map(|k| (k as f32 * seed).sin()).collect();
        Template::from_embedding(&raw).unwrap()
    }

    #[test]
    fn one_look_ahead_of_another_person_or_without_a_face_is_no_match() {
        let (holder, other) = (template(0.7), template(1.9));
        let compared = |groups: &[Vec<Template>]| compare_each(groups, &holder, MatchThreshold::SHIPPED).decision;
        assert_eq!(compared(&[vec![holder.clone()], vec![holder.clone()]]), MatchDecision::Match);
        assert_eq!(compared(&[vec![holder.clone(); 5], vec![other]]), MatchDecision::NonMatch);
        assert_eq!(compared(&[vec![holder.clone()], vec![]]), MatchDecision::NoProbe);
        assert_eq!(compared(&[]), MatchDecision::NoProbe);
    }

    #[test]
    fn no_probe_is_no_match() {
        let result = compare(&[], &template(0.7), MatchThreshold::SHIPPED);
        assert_eq!((result.decision, result.similarity), (MatchDecision::NoProbe, None));
        assert!(!result.is_match());
    }

    #[test]
    fn one_frame_of_the_right_person_among_strangers_is_no_match() {
        let probes = [template(0.7), template(1.9), template(2.6)];
        assert_eq!(compare(&probes, &template(0.7), MatchThreshold::SHIPPED).decision, MatchDecision::NonMatch);
    }

    #[test]
    fn one_odd_frame_does_not_lose_a_match() {
        let probes = [template(0.7), template(0.7), template(2.6)];
        assert!(compare(&probes, &template(0.7), MatchThreshold::SHIPPED).is_match());
    }

    #[test]
    fn frames_of_one_person_count_together() {
        let noisy = |shift: f32| {
            let raw = (0..Template::LENGTH).map(|k| (k as f32 * 0.7).sin() + 1.2 * (k as f32 * shift).cos());
            Template::from_embedding(&raw.collect::<Vec<f32>>()).unwrap()
        };
        let (holder, probes) = (template(0.7), [noisy(1.7), noisy(2.3), noisy(2.9)]);
        let together = compare(&probes, &holder, MatchThreshold::SHIPPED).similarity.unwrap();
        assert!(probes.iter().all(|probe| probe.similarity(&holder) < together));
    }

    #[test]
    fn two_frames_of_the_holder_do_not_lift_three_of_a_stranger() {
        // The mean of these five is as like the holder as two fifths of it and chance make it.
        let [holder, other] = [template(0.7), template(1.9)];
        let probes = [holder.clone(), holder.clone(), other.clone(), other.clone(), other];
        assert!(Template::mean(&probes).unwrap().similarity(&holder) > MatchThreshold::SHIPPED.0);
        assert!(!compare(&probes, &holder, MatchThreshold::SHIPPED).is_match());
    }

    #[test]
    fn two_probes_that_disagree_take_the_lower() {
        let probes = [template(0.7), template(2.6)];
        assert!(!compare(&probes, &template(0.7), MatchThreshold::SHIPPED).is_match());
    }
}
