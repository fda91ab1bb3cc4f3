//! What several readings of one document say together.
//!
//! Always holds: a verdict that rests on what a recogniser read rests on two readings that say the same, and what one
//! reading saw to differ is not forgotten because the next one could not see it.

use crate::document::{Agreement, FieldComparison};
use crate::run::document_reading::Encoded;

/// Readings that a verdict against the document needs.
pub(super) const READINGS_AGAINST: usize = 2;
/// Readings of a zone after which no more of it are asked for.
const MOST_ZONE_READINGS: usize = 4;

/// The machine-readable zone, as often as it was read.
#[derive(Default)]
pub(super) struct ZoneReadings {
    /// How often it was read.
    made: usize,
    /// How many of the readings said what the kept one says.
    alike: usize,
}

impl ZoneReadings {
    /// Takes in a reading, and says whether it is to be kept instead of the one before: where that was in doubt and this one
    /// is not, or where both are as good and the later one has yet to be confirmed.
    pub fn take(&mut self, read: &Encoded, kept: Option<&Encoded>) -> bool {
        self.made += 1;
        match kept {
            Some(kept) if kept.says_the_same_as(read) => {
                self.alike += 1;
                read.is_sure() && !kept.is_sure()
            }
            Some(kept) if self.is_confirmed() || kept.is_sure() && !read.is_sure() => false,
            Some(_) | None => {
                self.alike = 1;
                true
            }
        }
    }

    /// Whether it was read at all.
    pub fn is_there(&self) -> bool {
        self.made > 0
    }

    /// Whether enough readings say the same for a verdict against the document.
    pub fn is_confirmed(&self) -> bool {
        self.alike >= READINGS_AGAINST
    }

    /// Whether another reading is worth its time: it was read, not confirmed, and not too often.
    pub fn is_open(&self) -> bool {
        self.is_there() && !self.is_confirmed() && self.made < MOST_ZONE_READINGS
    }
}

/// How often each field was seen to differ and was never seen to agree after that.
#[derive(Default)]
pub(super) struct Differences(Vec<(&'static str, usize)>);

impl Differences {
    /// Takes in what one reading of the front says.
    pub fn note(&mut self, comparisons: &[FieldComparison]) {
        for comparison in comparisons {
            let known = self.0.iter().position(|(field, _)| *field == comparison.field);
            match (comparison.result, known) {
                (Agreement::Differs, Some(at)) => self.0[at].1 += 1,
                (Agreement::Differs, None) => self.0.push((comparison.field, 1)),
                (Agreement::Agrees, Some(at)) => drop(self.0.swap_remove(at)),
                (Agreement::Agrees, None) | (Agreement::NotCompared, _) => {}
            }
        }
    }

    /// Forgets all: the other side of the comparison is another one now.
    pub fn forget(&mut self) {
        self.0.clear();
    }

    /// What all readings say of the fields of the kept one. A difference that was seen before stands where the kept reading
    /// could not compare, and one that a later reading took back does not stand. While there is a reading to come, having
    /// seen it once is enough to keep it; in the end it takes two, for one alone refuses nobody.
    pub fn settle(&self, comparisons: &mut [FieldComparison], is_last: bool) {
        let least = if is_last { READINGS_AGAINST } else { 1 };
        for comparison in comparisons {
            let known = self.0.iter().find(|(field, _)| *field == comparison.field);
            let stands = known.is_some_and(|(_, count)| *count >= least);
            comparison.result = match comparison.result {
                Agreement::NotCompared if stands => Agreement::Differs,
                Agreement::Differs if !stands => Agreement::NotCompared,
                result => result,
            };
        }
    }

    /// Whether no field differs, or one was seen to differ as often as a verdict needs.
    pub fn are_settled(&self) -> bool {
        self.0.is_empty() || self.0.iter().any(|(_, count)| *count >= READINGS_AGAINST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(result: Agreement) -> Vec<FieldComparison> {
        vec![FieldComparison { field: "id_number", printed: None, encoded: None, result }]
    }

    fn settled(seen: &[Agreement], kept: Agreement, is_last: bool) -> (Agreement, bool) {
        let mut differences = Differences::default();
        for &result in seen {
            differences.note(&number(result));
        }
        let mut comparisons = number(kept);
        differences.settle(&mut comparisons, is_last);
        (comparisons[0].result, differences.are_settled())
    }

    #[test]
    fn a_difference_stays_until_the_field_is_seen_to_agree() {
        use Agreement::{Agrees, Differs, NotCompared};
        let carried = |seen: &[Agreement], kept| settled(seen, kept, false);
        assert_eq!(carried(&[Differs, NotCompared], NotCompared), (Differs, false));
        assert_eq!(carried(&[Differs, Differs], Differs), (Differs, true));
        assert_eq!(carried(&[Differs, Agrees], Agrees), (Agrees, true));
        assert_eq!(carried(&[Differs, Agrees, NotCompared], NotCompared), (NotCompared, true));
        assert_eq!(carried(&[NotCompared], NotCompared), (NotCompared, true));
    }

    #[test]
    fn a_difference_that_a_later_reading_took_back_does_not_stand_though_the_first_reading_is_kept() {
        use Agreement::{Agrees, Differs, NotCompared};
        for is_last in [false, true] {
            assert_eq!(settled(&[Differs, Agrees], Differs, is_last), (NotCompared, true));
        }
    }

    #[test]
    fn in_the_end_one_difference_alone_refuses_nobody_and_two_do() {
        use Agreement::{Differs, NotCompared};
        let unread = [Differs, NotCompared, NotCompared, NotCompared];
        assert_eq!(settled(&unread, Differs, false), (Differs, false));
        for kept in [Differs, NotCompared] {
            assert_eq!(settled(&unread, kept, true).0, NotCompared, "{kept:?}");
            assert_eq!(settled(&[Differs, NotCompared, Differs], kept, true), (Differs, true), "{kept:?}");
        }
    }
}
