//! Age as triage: whether a live face is so clearly old enough that no document is needed.
//!
//! Always holds: a face is clearly above only when enough estimates of it agree and their median is at or above the
//! threshold; whatever is missing, odd or out of range leads to the document, and never to a refusal. An estimate is wiped
//! on drop, shows nothing when printed and cannot be serialised, and a [`AgeTriage`] holds none. Does not tell whether the
//! face is live: an estimate of anything else counts for nothing, and the caller makes sure of that.

use zeroize::{Zeroize, ZeroizeOnDrop};

/// Fewest estimates of one face.
const LEAST_ESTIMATES: usize = 4;
/// Most estimates that are kept of one face.
const MOST_ESTIMATES: usize = 32;
/// The middle half of the estimates may lie so many years apart. That of one photo, mirrored and cropped in twelve ways,
/// lies 1.6 years apart in the middle of the tuning half and 6.0 at the 99th centile.
const MOST_SPREAD_YEARS: f32 = 6.0;
/// What an estimate can be: outside of it the model has not seen a face.
const YEARS: std::ops::RangeInclusive<f32> = 1.0..=99.0;

/// How old a face looks, in years. Personal data.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct EstimatedAge(f32);

impl EstimatedAge {
    /// An estimate in years; `None` for what is not a number or no age.
    #[must_use]
    pub fn from_years(years: f32) -> Option<Self> {
        YEARS.contains(&years).then_some(Self(years))
    }

    /// The years: only for the measuring verbs.
    #[must_use]
    pub fn reveal(&self) -> f32 {
        self.0
    }
}

impl std::fmt::Debug for EstimatedAge {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// Years that a face has to look older than the rule asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AgeBuffer(u8);

impl AgeBuffer {
    /// The widest buffer, in years.
    pub const MOST_YEARS: u8 = 20;

    /// A buffer of 0 to [`Self::MOST_YEARS`] years; `None` beyond.
    #[must_use]
    pub fn from_years(years: u8) -> Option<Self> {
        (years <= Self::MOST_YEARS).then_some(Self(years))
    }

    /// The least estimate that counts as clearly above an age in whole years.
    #[must_use]
    pub fn above(self, required_years: i16) -> AgeThreshold {
        AgeThreshold(f32::from(required_years) + f32::from(self.0))
    }
}

/// The least median estimate that needs no document, in years.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct AgeThreshold(f32);

/// Where the person goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub enum AgeTriage {
    /// The face looks older than the threshold, in frame after frame.
    ClearlyAbove,
    /// The document says how old the person is.
    DocumentNeeded(DocumentNeed),
}

/// Why the document is needed. Not an outcome: it is neither stored nor told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DocumentNeed {
    /// Too few frames were fit for an estimate.
    TooFewFrames,
    /// Most frames gave no age.
    OutOfRange,
    /// The frames do not agree.
    Unsteady,
    /// The face does not look clearly old enough.
    NotClearlyAbove,
}

/// Estimates of one face in one head turn.
#[derive(Debug, Default)]
pub struct AgeFrames {
    estimates: Vec<EstimatedAge>,
    /// Frames that were fit and gave no age.
    out_of_range: usize,
}

impl AgeFrames {
    /// Takes in what one frame gave; beyond the most that are kept it changes nothing. Only frames in which the face was
    /// fit to be compared, and whose template holds it to the rest of the turn, may come here.
    pub fn add(&mut self, estimate: Option<EstimatedAge>) {
        if self.estimates.len() + self.out_of_range >= MOST_ESTIMATES {
            return;
        }
        match estimate {
            Some(estimate) => self.estimates.push(estimate),
            None => self.out_of_range += 1,
        }
    }

    /// Whether the face is clearly above a threshold.
    pub fn triage(&self, threshold: AgeThreshold) -> AgeTriage {
        use DocumentNeed as Need;
        if self.out_of_range > self.estimates.len() {
            return AgeTriage::DocumentNeeded(Need::OutOfRange);
        }
        if self.estimates.len() < LEAST_ESTIMATES {
            return AgeTriage::DocumentNeeded(Need::TooFewFrames);
        }
        let mut years: Vec<f32> = self.estimates.iter().map(EstimatedAge::reveal).collect();
        years.sort_by(f32::total_cmp);
        let last = years.len() - 1;
        let (low, median, high) = (years[last / 4], years[last / 2], years[last - last / 4]);
        years.zeroize();
        if high - low > MOST_SPREAD_YEARS {
            return AgeTriage::DocumentNeeded(Need::Unsteady);
        }
        if median >= threshold.0 { AgeTriage::ClearlyAbove } else { AgeTriage::DocumentNeeded(Need::NotClearlyAbove) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames(years: &[f32]) -> AgeFrames {
        let mut frames = AgeFrames::default();
        for &years in years {
            frames.add(EstimatedAge::from_years(years));
        }
        frames
    }

    fn buffer(years: u8) -> AgeBuffer {
        AgeBuffer::from_years(years).unwrap()
    }

    fn threshold() -> AgeThreshold {
        buffer(7).above(18)
    }

    #[test]
    fn a_face_at_the_threshold_is_clearly_above_and_one_below_needs_a_document() {
        assert_eq!(frames(&[25.0; 4]).triage(threshold()), AgeTriage::ClearlyAbove);
        let below = AgeTriage::DocumentNeeded(DocumentNeed::NotClearlyAbove);
        assert_eq!(frames(&[24.99; 4]).triage(threshold()), below);
    }

    #[test]
    fn too_few_frames_need_a_document_however_old_the_face_looks() {
        let too_few = AgeTriage::DocumentNeeded(DocumentNeed::TooFewFrames);
        assert_eq!(AgeFrames::default().triage(threshold()), too_few);
        assert_eq!(frames(&[80.0; 3]).triage(threshold()), too_few);
    }

    #[test]
    fn frames_that_do_not_agree_need_a_document() {
        let unsteady = AgeTriage::DocumentNeeded(DocumentNeed::Unsteady);
        assert_eq!(frames(&[30.0, 31.0, 45.0, 46.0, 60.0]).triage(threshold()), unsteady);
    }

    #[test]
    fn one_odd_frame_of_five_changes_nothing() {
        assert_eq!(frames(&[30.0, 31.0, 9.0, 30.0, 32.0]).triage(threshold()), AgeTriage::ClearlyAbove);
        let below = AgeTriage::DocumentNeeded(DocumentNeed::NotClearlyAbove);
        assert_eq!(frames(&[17.0, 18.0, 70.0, 17.0, 18.0]).triage(threshold()), below);
    }

    #[test]
    fn what_is_no_age_is_no_estimate() {
        for years in [f32::NAN, f32::INFINITY, -1.0, 0.5, 100.0] {
            assert!(EstimatedAge::from_years(years).is_none(), "{years}");
        }
        let mostly_none = frames(&[f32::NAN, f32::NAN, f32::NAN, f32::NAN, f32::NAN, 40.0, 40.0, 40.0, 40.0]);
        assert_eq!(mostly_none.triage(threshold()), AgeTriage::DocumentNeeded(DocumentNeed::OutOfRange));
    }

    #[test]
    fn a_buffer_has_at_most_twenty_years() {
        assert!(AgeBuffer::from_years(20).is_some() && AgeBuffer::from_years(21).is_none());
    }

    #[test]
    fn an_estimate_shows_nothing_of_itself() {
        assert_eq!(format!("{:?}", EstimatedAge::from_years(37.25).unwrap()), "[redacted]");
        assert!(!format!("{:?}", frames(&[37.25; 5])).contains("37"));
    }

    proptest! {
        #[test]
        fn whoever_is_clearly_above_is_so_in_most_frames_and_with_any_smaller_buffer(
            years in prop::collection::vec(-5.0_f32..110.0, 0..40),
            (small, large) in (0_u8..=20, 0_u8..=20).prop_map(|(a, b)| (a.min(b), a.max(b))),
            required in 16_i16..=25,
        ) {
            let frames = frames(&years);
            if frames.triage(buffer(large).above(required)) == AgeTriage::ClearlyAbove {
                prop_assert_eq!(frames.triage(buffer(small).above(required)), AgeTriage::ClearlyAbove);
                let least = f32::from(required) + f32::from(large);
                let kept = &years[..years.len().min(MOST_ESTIMATES)];
                let above = kept.iter().filter(|&&years| YEARS.contains(&years) && years >= least).count();
                prop_assert!(above >= 2 && above * 4 >= kept.len(), "{above} of {}", kept.len());
            }
        }

        #[test]
        fn no_minority_of_odd_frames_makes_a_young_face_clearly_above(
            young in prop::collection::vec(10.0_f32..24.9, 5..20),
            odd in prop::collection::vec(1.0_f32..99.0, 0..5),
        ) {
            let odd = &odd[..odd.len().min(young.len() - 1)];
            let mut mixed = frames(odd);
            for &years in &young {
                mixed.add(EstimatedAge::from_years(years));
            }
            prop_assert_ne!(mixed.triage(threshold()), AgeTriage::ClearlyAbove);
        }

        #[test]
        fn the_order_of_the_frames_does_not_matter(mut years in prop::collection::vec(1.0_f32..99.0, 0..30)) {
            let before = frames(&years).triage(threshold());
            years.reverse();
            prop_assert_eq!(frames(&years).triage(threshold()), before);
        }
    }
}
