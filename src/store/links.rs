//! Which links of a damaged chain hang together, and what is missing between them.
//!
//! Always holds: a link that another contradicts, because that one names another before it, is loose, and so is the last one
//! where the device's row names another head; what nothing contradicts stays. Pure: links come in, numbers go out. Does not look
//! at what a link says: whoever brings it has made sure that its hash or its signature holds.

use std::collections::{BTreeMap, BTreeSet};

use super::gaps::{Gap, GapReason};

/// A link of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub sequence: i64,
    /// The hash that it names before it.
    pub previous: Option<String>,
    pub hash: String,
}

/// Gaps of one chain that are known, by the last number before each.
#[derive(Debug, Default)]
pub(super) struct KnownGaps(BTreeMap<i64, Gap>);

impl KnownGaps {
    /// Those that leave anything out.
    pub(super) fn new(gaps: impl IntoIterator<Item = Gap>) -> Self {
        let real = gaps.into_iter().filter(|gap| gap.last_before >= 0 && gap.first_behind - 1 > gap.last_before);
        Self(real.map(|gap| (gap.last_before, gap)).collect())
    }

    /// The gaps that lead from one number to the next that is there; none where they lead elsewhere.
    pub(super) fn between(&self, last_before: i64, first_behind: i64) -> Option<Vec<Gap>> {
        let (mut way, mut at) = (Vec::new(), last_before);
        while at + 1 < first_behind {
            let gap = self.0.get(&at)?;
            at = gap.first_behind - 1;
            way.push(*gap);
        }
        (at + 1 == first_behind).then_some(way)
    }

    /// Whether a link has to name the one before it: nothing between them is lost.
    fn is_next(&self, before: i64, behind: i64) -> bool {
        let way = self.between(before, behind);
        before < behind && way.is_some_and(|way| way.iter().all(|gap| gap.reason != GapReason::Rescued))
    }
}

/// The numbers of links that do not hang together with the others. `links` are in order; `head` is the end that the device's row
/// names, where it can be read.
pub(super) fn loose(links: &[Link], head: Option<(i64, &str)>, known: &KnownGaps) -> BTreeSet<i64> {
    let mut loose = BTreeSet::new();
    // What comes behind the one that is looked at, and what that names before it.
    let mut behind = head.map(|(sequence, hash)| (sequence.saturating_add(1), Some(hash)));
    for link in links.iter().rev() {
        match behind {
            Some((next, previous)) if known.is_next(link.sequence, next) && previous != Some(&link.hash) => {
                loose.insert(link.sequence);
            }
            _ => behind = Some((link.sequence, link.previous.as_deref())),
        }
    }
    // The first of all names none.
    if let Some((first, Some(_))) = behind.filter(|(first, _)| known.is_next(0, *first)) {
        loose.insert(first);
    }
    loose
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::store::chain::Chain;

    fn chain(numbers: impl IntoIterator<Item = i64>) -> Vec<Link> {
        let mut previous = None;
        let link = |sequence: i64| {
            let hash = format!("hash of {sequence}");
            Link { sequence, previous: previous.replace(hash.clone()), hash }
        };
        numbers.into_iter().map(link).collect()
    }

    fn gap(last_before: i64, first_behind: i64, reason: GapReason) -> Gap {
        Gap { chain: Chain::Audit, last_before, first_behind, reason, at: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn a_link_over_a_restore_has_to_name_the_one_before_it_and_over_a_rescue_it_has_not() {
        let mut links = chain([1, 2, 900, 901]);
        let restored = KnownGaps::new([gap(2, 500, GapReason::Restored), gap(499, 900, GapReason::Restored)]);
        assert_eq!(restored.between(2, 900).map(|way| way.len()), Some(2));
        assert_eq!(restored.between(2, 901), None);
        let head = |links: &[Link]| links.last().map(|last| (last.sequence, last.hash.clone())).unwrap();
        let (number, hash) = head(&links);
        assert!(loose(&links, Some((number, &hash)), &restored).is_empty());
        links[1].hash = "another".to_owned();
        assert_eq!(loose(&links, Some((number, &hash)), &restored), [2].into());
        let rescued = KnownGaps::new([gap(2, 900, GapReason::Rescued)]);
        assert!(loose(&links, Some((number, &hash)), &rescued).is_empty());
        assert_eq!(loose(&links, Some((number, "another")), &rescued), [901].into());
        // Numbers that no device has are no gap, and the walk ends.
        assert_eq!(
            KnownGaps::new([gap(2, 3, GapReason::Restored), gap(2, 1, GapReason::Restored)]).between(2, 9),
            None
        );
    }

    proptest! {
        #[test]
        fn of_a_chain_with_one_altered_link_that_one_alone_is_loose(length in 2..40_i64, which: prop::sample::Index) {
            let mut links = chain(1..=length);
            let (head, altered) = (links[links.len() - 1].hash.clone(), which.index(links.len()));
            prop_assert!(loose(&links, Some((length, &head)), &KnownGaps::default()).is_empty());
            links[altered].hash = "another".to_owned();
            let found = loose(&links, Some((length, &head)), &KnownGaps::default());
            prop_assert_eq!(found, BTreeSet::from([altered as i64 + 1]));
        }

        #[test]
        fn links_that_are_missing_make_none_of_the_others_loose(length in 1..40_i64, kept: Vec<bool>) {
            let links = chain(1..=length);
            let head = links[links.len() - 1].hash.clone();
            let left: Vec<Link> =
                links.into_iter().zip(kept.into_iter().chain(std::iter::repeat(true))).filter(|(_, kept)| *kept).map(|(link, _)| link).collect();
            prop_assert!(loose(&left, Some((length, &head)), &KnownGaps::default()).is_empty());
        }
    }
}
