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

    /// Puts a difference that was seen before, at least so often, where the kept reading could not compare.
    pub fn carry_over(&self, comparisons: &mut [FieldComparison], least: usize) {
        for comparison in comparisons.iter_mut().filter(|one| one.result == Agreement::NotCompared) {
            if self.0.iter().any(|(field, count)| *field == comparison.field && *count >= least) {
                comparison.result = Agreement::Differs;
            }
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

    fn carried(seen: &[Agreement], kept: Agreement) -> (Agreement, bool) {
        let mut differences = Differences::default();
        for &result in seen {
            differences.note(&number(result));
        }
        let mut comparisons = number(kept);
        differences.carry_over(&mut comparisons, 1);
        (comparisons[0].result, differences.are_settled())
    }

    #[test]
    fn a_difference_stays_until_the_field_is_seen_to_agree() {
        use Agreement::{Agrees, Differs, NotCompared};
        assert_eq!(carried(&[Differs, NotCompared], NotCompared), (Differs, false));
        assert_eq!(carried(&[Differs, Differs], Differs), (Differs, true));
        assert_eq!(carried(&[Differs, Agrees], Agrees), (Agrees, true));
        assert_eq!(carried(&[Differs, Agrees, NotCompared], NotCompared), (NotCompared, true));
        assert_eq!(carried(&[NotCompared], NotCompared), (NotCompared, true));
        let mut once = Differences::default();
        once.note(&number(Differs));
        let mut comparisons = number(NotCompared);
        once.carry_over(&mut comparisons, READINGS_AGAINST);
        assert_eq!(comparisons[0].result, NotCompared, "one difference alone refuses nobody");
    }
}
