//! How many requests a key may make: so many within any window of time, counted exactly.
//!
//! Always holds: within any half-open window `[t, t + window)` no more than the limit are admitted, and a request is
//! refused only if admitting it would break that. What is refused does not count. Time is handed in, counted from any
//! fixed moment, and one that goes backwards counts as standing still. Does not know the keys, nor what is asked.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// The window of every limit.
pub const RATE_WINDOW: Duration = Duration::from_mins(1);
/// Requests within [`RATE_WINDOW`] with a test key.
pub const TEST_RATE: u32 = 100;
/// Requests within [`RATE_WINDOW`] with a live key.
pub const LIVE_RATE: u32 = 1_000;
/// Most keys whose requests are counted at a time.
const MAX_KEYS: usize = 1_024;

/// Whether a request is admitted, and what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Admission {
    /// Whether it is.
    pub admitted: bool,
    /// Requests that a window admits.
    pub limit: u32,
    /// Requests that would be admitted right after this one.
    pub remaining: u32,
    /// Until the oldest request that counts does not any more.
    pub reset_after: Duration,
    /// Of a refused request: after which wait one is admitted again.
    pub retry_after: Option<Duration>,
}

/// The moments of one key's requests.
#[derive(Debug, Clone)]
pub struct SlidingLog {
    limit: u32,
    window: Duration,
    /// Those that count, the oldest first: at most `limit`.
    admitted: VecDeque<Duration>,
    latest: Duration,
}

impl SlidingLog {
    /// A log of nothing. A limit of 0 admits nothing.
    #[must_use]
    pub fn new(limit: u32, window: Duration) -> Self {
        Self { limit, window, admitted: VecDeque::new(), latest: Duration::ZERO }
    }

    /// Asks for a request to be admitted at a moment.
    pub fn admit(&mut self, now: Duration) -> Admission {
        let now = self.advance(now);
        let admitted = self.admitted.len() < self.limit as usize;
        if admitted {
            self.admitted.push_back(now);
        }
        let oldest = self.admitted.front();
        let reset_after = oldest.map_or(self.window, |oldest| (*oldest + self.window).saturating_sub(now));
        Admission {
            admitted,
            limit: self.limit,
            remaining: self.limit.saturating_sub(self.admitted.len() as u32),
            reset_after,
            retry_after: (!admitted).then_some(reset_after),
        }
    }

    /// Forgets what does not count any more, and answers the moment that counts as now.
    fn advance(&mut self, now: Duration) -> Duration {
        self.latest = self.latest.max(now);
        while self.admitted.front().is_some_and(|oldest| *oldest + self.window <= self.latest) {
            self.admitted.pop_front();
        }
        self.latest
    }

    fn is_idle(&mut self, now: Duration) -> bool {
        self.advance(now);
        self.admitted.is_empty()
    }
}

/// The limits of all keys.
#[derive(Debug, Clone, Default)]
pub struct RateLimits {
    logs: BTreeMap<String, SlidingLog>,
}

impl RateLimits {
    /// Asks for a request with a live or test key to be admitted. `now` is time since any fixed moment. Where more keys are in
    /// use than can be counted, the request of one more is refused rather than not counted.
    pub fn admit(&mut self, key_id: &str, livemode: bool, now: Duration) -> Admission {
        let limit = if livemode { LIVE_RATE } else { TEST_RATE };
        if !self.logs.contains_key(key_id) && self.logs.len() >= MAX_KEYS {
            self.logs.retain(|_, log| !log.is_idle(now));
            if self.logs.len() >= MAX_KEYS {
                let wait = RATE_WINDOW;
                return Admission { admitted: false, limit, remaining: 0, reset_after: wait, retry_after: Some(wait) };
            }
        }
        let log = self.logs.entry(key_id.to_owned()).or_insert_with(|| SlidingLog::new(limit, RATE_WINDOW));
        log.admit(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn second(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_last_request_of_a_window_is_admitted_and_the_next_is_told_when_to_come_again() {
        let mut log = SlidingLog::new(3, second(60));
        for (at, remaining) in [(0, 2), (10, 1), (20, 0)] {
            let admission = log.admit(second(at));
            assert_eq!((admission.admitted, admission.remaining, admission.retry_after), (true, remaining, None));
            assert_eq!(admission.reset_after, second(60 - at));
        }
        let refused = log.admit(second(59));
        assert_eq!((refused.admitted, refused.limit, refused.remaining), (false, 3, 0));
        assert_eq!((refused.reset_after, refused.retry_after), (second(1), Some(second(1))));
        let after = log.admit(second(60));
        assert_eq!((after.admitted, after.remaining, after.reset_after), (true, 0, second(10)));
        assert!(!log.admit(second(69)).admitted && log.admit(second(70)).admitted);
    }

    #[test]
    fn what_is_refused_does_not_count() {
        let mut log = SlidingLog::new(1, second(60));
        assert!(log.admit(second(0)).admitted);
        for at in 1..60 {
            assert_eq!(log.admit(second(at)).retry_after, Some(second(60 - at)));
        }
        assert!(log.admit(second(60)).admitted);
    }

    #[test]
    fn time_that_goes_backwards_stands_still() {
        let mut log = SlidingLog::new(2, second(60));
        assert!(log.admit(second(100)).admitted && log.admit(second(30)).admitted);
        assert_eq!(log.admit(second(0)).retry_after, Some(second(60)));
        assert!(log.admit(second(160)).admitted);
    }

    #[test]
    fn nothing_is_admitted_where_nothing_may_be() {
        let admission = SlidingLog::new(0, second(60)).admit(second(5));
        assert_eq!((admission.admitted, admission.retry_after), (false, Some(second(60))));
    }

    #[test]
    fn each_key_has_the_limit_of_its_mode_for_itself() {
        let mut limits = RateLimits::default();
        for (key, livemode, limit) in [("key_test", false, 100), ("key_live", true, 1_000)] {
            for left in (0..limit).rev() {
                let admission = limits.admit(key, livemode, second(7));
                assert_eq!((admission.admitted, admission.remaining), (true, left));
            }
            assert!(!limits.admit(key, livemode, second(7)).admitted);
        }
    }

    #[test]
    fn idle_keys_are_forgotten_and_busy_ones_are_not() {
        let mut limits = RateLimits::default();
        let name = |number: usize| format!("key_{number}");
        for number in 0..MAX_KEYS {
            assert!(limits.admit(&name(number), false, second(number as u64 / 64)).admitted);
        }
        // All of them count until a minute after the first.
        assert!(!limits.admit("one more", false, second(59)).admitted);
        assert_eq!(limits.admit(&name(0), false, second(59)).remaining, 98);
        // The other 63 of the first second do not count any more.
        assert!(limits.admit("one more", false, second(60)).admitted);
        assert_eq!(limits.logs.len(), MAX_KEYS - 63 + 1);
        assert_eq!(limits.admit(&name(MAX_KEYS - 1), false, second(60)).remaining, 98);
    }

    proptest! {
        #[test]
        fn it_admits_what_the_definition_does(
            limit in 0u32..6, window in 1u64..20, steps in prop::collection::vec(0u64..8, 0..200)
        ) {
            let mut log = SlidingLog::new(limit, Duration::from_millis(window));
            let (mut now, mut admitted) = (0u64, Vec::<u64>::new());
            for step in steps {
                now += step;
                // Admitting now breaks the limit if the window that ends with now holds it already.
                let counting = admitted.iter().filter(|at| **at + window > now).count();
                let expected = counting < limit as usize;
                let admission = log.admit(Duration::from_millis(now));
                prop_assert_eq!(admission.admitted, expected);
                if expected {
                    admitted.push(now);
                }
                let counting: Vec<u64> = admitted.iter().copied().filter(|at| at + window > now).collect();
                prop_assert_eq!(admission.remaining as usize, limit as usize - counting.len());
                let reset = counting.first().map_or(window, |oldest| oldest + window - now);
                prop_assert_eq!(admission.reset_after, Duration::from_millis(reset));
                prop_assert_eq!(admission.retry_after.is_some(), !expected);
            }
            for start in &admitted {
                let within = admitted.iter().filter(|at| (*start..start + window).contains(at)).count();
                prop_assert!(within <= limit as usize);
            }
        }
    }
}
