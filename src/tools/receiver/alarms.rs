//! What is wrong with a device, as its receiver sees it.
//!
//! Always holds: what is judged are signed numbers and this receiver's own clock, so that whoever carries the events cannot
//! silence an alarm, only raise one. Does not read the database or a clock.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::session::{Heartbeat, LeftOut};

/// Shortest time that a heartbeat may be late.
const LEAST_LATENESS: Duration = Duration::from_mins(1);

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmKind {
    /// The device, or who carries its events, has been silent for too long.
    HeartbeatMissing,
    /// The device has signed outcomes that did not come here.
    OutcomesMissing,
    /// Outcomes do not hang together: one was altered, left out or exchanged.
    ChainBroken,
    /// A device signs smaller numbers than it did: its disk was set back, or copied.
    RolledBack,
    /// A link of one of its chains is not what it was.
    Rewritten,
    /// Another device uses the key: the store was wiped, or the key was copied.
    DeviceChanged,
    /// Its store was restored from a backup, or rescued.
    NumbersLeftOut,
}

impl AlarmKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::HeartbeatMissing,
        Self::OutcomesMissing,
        Self::ChainBroken,
        Self::RolledBack,
        Self::Rewritten,
        Self::DeviceChanged,
        Self::NumbersLeftOut,
    ];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HeartbeatMissing => "heartbeat_missing",
            Self::OutcomesMissing => "outcomes_missing",
            Self::ChainBroken => "chain_broken",
            Self::RolledBack => "rolled_back",
            Self::Rewritten => "rewritten",
            Self::DeviceChanged => "device_changed",
            Self::NumbersLeftOut => "numbers_left_out",
        }
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alarm {
    /// What.
    pub kind: AlarmKind,
    /// In words, with what to do.
    pub what: String,
    /// Since when, in Unix milliseconds by this receiver's clock.
    pub since_ms: i64,
}

/// What was found once and does not pass by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// What.
    pub kind: AlarmKind,
    /// In words.
    pub what: String,
}

/// The last heartbeat, and when it came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Last<'h> {
    /// What it said.
    pub said: &'h Heartbeat,
    /// In Unix milliseconds.
    pub received_at_ms: i64,
}

/// Whether the device has been silent for too long. Before the first heartbeat it is waited for as long as for a late one.
pub(super) fn silence(
    last: Option<Last<'_>>,
    listening_since_ms: i64,
    grace: Duration,
    now: Timestamp,
) -> Option<Alarm> {
    let (since_ms, allowed) = match last {
        Some(last) => {
            let every = Duration::from_secs(last.said.every_s.into());
            // One may be lost on its way, and two in a row are not.
            (last.received_at_ms.max(listening_since_ms), every * 2 + LEAST_LATENESS.min(grace))
        }
        None => (listening_since_ms, grace),
    };
    let silent = Timestamp::from_millisecond(since_ms).ok().map(|since| now.duration_since(since));
    let allowed = SignedDuration::try_from(allowed).unwrap_or(SignedDuration::MAX);
    let late = silent.is_some_and(|silent| silent > allowed);
    late.then(|| {
        let what =
            "no heartbeat has come in time; look at the device, at 'carded sync' and at the network between them";
        Alarm { kind: AlarmKind::HeartbeatMissing, what: what.to_owned(), since_ms }
    })
}

/// Numbers that no outcome can come for, between two numbers (the first excluded, the second included).
pub(super) fn left_out(gaps: &[LeftOut], above: u64, up_to: u64) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = gaps
        .iter()
        .map(|gap| ((gap.last_before + 1).max(above + 1), (gap.first_behind - 1).min(up_to)))
        .filter(|(first, last)| first <= last)
        .collect();
    ranges.sort_unstable();
    // Two gaps may share numbers: one that was restored lies inside one that was restored later.
    let mut joined: Vec<(u64, u64)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match joined.last_mut() {
            Some(before) if first <= before.1 + 1 => before.1 = before.1.max(last),
            _ => joined.push((first, last)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_left_out_is_every_number_of_a_gap_and_no_other(
            gaps in prop::collection::vec((0u64..60, 1u64..30), 0..6), above in 0u64..40, length in 0u64..80,
        ) {
            let gaps: Vec<LeftOut> = gaps
                .into_iter()
                .map(|(last_before, width)| LeftOut { last_before, first_behind: last_before + width, reason: String::new() })
                .collect();
            let up_to = above + length;
            let ranges = left_out(&gaps, above, up_to);
            for number in 0..200 {
                let inside = gaps.iter().any(|gap| gap.last_before < number && number < gap.first_behind);
                let expected = inside && above < number && number <= up_to;
                let times = ranges.iter().filter(|(first, last)| (*first..=*last).contains(&number)).count();
                prop_assert_eq!(times, usize::from(expected), "{}", number);
            }
        }
    }

    #[test]
    fn silence_is_told_after_two_heartbeats_are_late_and_from_the_start_where_none_ever_came() {
        let at = |seconds: i64| Timestamp::from_second(1_790_000_000 + seconds).unwrap();
        let grace = Duration::from_mins(10);
        let alarm = |last: Option<Last<'_>>, seconds| silence(last, at(0).as_millisecond(), grace, at(seconds));
        assert_eq!(
            (alarm(None, 600), alarm(None, 601).map(|alarm| alarm.kind)),
            (None, Some(AlarmKind::HeartbeatMissing))
        );
        let said = super::super::heartbeat::example(0, 1);
        let last = Some(Last { said: &said, received_at_ms: at(1000).as_millisecond() });
        assert_eq!(
            (alarm(last, 1660), alarm(last, 1661).map(|alarm| alarm.since_ms)),
            (None, Some(at(1000).as_millisecond()))
        );
        // A receiver that was off has heard nothing meanwhile.
        let old = Some(Last { said: &said, received_at_ms: at(-90_000).as_millisecond() });
        assert!(alarm(old, 660).is_none() && alarm(old, 661).is_some());
    }
}
