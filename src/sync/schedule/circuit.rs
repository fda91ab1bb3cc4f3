//! When a receiver is left alone for a while: pure, the random value is passed in.
//!
//! A circuit is closed while its receiver answers. It opens after [`CircuitBounds::failures`] answers in a row that concern the
//! receiver itself, after refusals or errors for [`CircuitBounds::events`] different events in a row, and at once where the
//! receiver asks for a pause. While it is open nothing is sent; afterwards one event at a time is a probe, until the receiver
//! acknowledges one or the circuit opens again, for longer.
//!
//! Always holds: a circuit is open for no longer than [`CircuitBounds::longest`], than the receiver asked for, or, where the
//! configuration has to change first, than [`CircuitBounds::unchanged`]; one acknowledgement closes it; what one event meets
//! never opens it. Keeps no delivery back for good: it is only a matter of when.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::{Answer, NoAnswer};

/// When a circuit opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CircuitBounds {
    /// So many failures of the receiver in a row open it;
    pub failures: u32,
    /// or so many different events that it did not take, in a row.
    pub events: usize,
    /// How long it is open the first time; twice as long each further time,
    pub first: Duration,
    /// and never longer, but for what the receiver asks.
    pub longest: Duration,
    /// Longest `Retry-After` that is obeyed in full.
    pub longest_retry_after: Duration,
    /// How long it is open where nothing can be sent until the configuration is another.
    pub unchanged: Duration,
}

impl Default for CircuitBounds {
    fn default() -> Self {
        Self {
            failures: 3,
            events: 5,
            first: Duration::from_secs(5),
            longest: Duration::from_mins(5),
            longest_retry_after: Duration::from_hours(24),
            unchanged: Duration::from_hours(1),
        }
    }
}

/// How many events of an endpoint may be under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// As many as there is room for.
    Free,
    /// One, which is a probe.
    Probe,
    /// None.
    Shut,
}

/// What an answer did to a circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// It was open before, and the receiver is back.
    Closed,
    /// It is open for so long.
    Opened(Duration),
}

#[derive(Debug, Default)]
struct Circuit {
    /// Failures of the receiver in a row.
    failures: u32,
    /// Different events in a row that it did not take; no more than it takes to open.
    events: BTreeSet<i64>,
    /// How often it has opened in a row.
    opened: u32,
    /// Until when it is open.
    until: Option<Duration>,
}

/// The circuits of all endpoints. Times are of a clock that never goes backwards.
#[derive(Debug)]
pub struct Circuits {
    bounds: CircuitBounds,
    /// Those that are not plainly closed.
    troubled: HashMap<String, Circuit>,
}

impl Circuits {
    /// All closed.
    #[must_use]
    pub fn new(bounds: CircuitBounds) -> Self {
        Self { bounds, troubled: HashMap::new() }
    }

    /// How many events of an endpoint may be under way now.
    #[must_use]
    pub fn flow(&self, endpoint: &str, uptime: Duration) -> Flow {
        match self.troubled.get(endpoint).and_then(|circuit| circuit.until) {
            None => Flow::Free,
            Some(until) if uptime < until => Flow::Shut,
            Some(_) => Flow::Probe,
        }
    }

    /// Endpoints of which not as many as there is room for may be under way.
    pub fn held_back(&self) -> impl Iterator<Item = &str> {
        self.troubled.iter().filter(|(_, circuit)| circuit.until.is_some()).map(|(endpoint, _)| endpoint.as_str())
    }

    /// Endpoints of which anything is remembered.
    pub fn troubled(&self) -> impl Iterator<Item = &str> {
        self.troubled.keys().map(String::as_str)
    }

    /// When the next open circuit lets a probe through.
    #[must_use]
    pub fn next_probe(&self, uptime: Duration) -> Option<Duration> {
        self.troubled.values().filter_map(|circuit| circuit.until).filter(|until| *until > uptime).min()
    }

    /// Opens a circuit because nothing can be sent as the endpoint is configured; gives back for how long.
    pub fn shut(&mut self, endpoint: &str, uptime: Duration) -> Duration {
        let circuit = self.troubled.entry(endpoint.to_owned()).or_default();
        let until = uptime.saturating_add(self.bounds.unchanged).max(circuit.until.unwrap_or_default());
        circuit.until = Some(until);
        until.saturating_sub(uptime)
    }

    /// Closes a circuit: its endpoint is another receiver now, or gone.
    pub fn forget(&mut self, endpoint: &str) {
        self.troubled.remove(endpoint);
    }

    /// Notes what a receiver answered to a delivery; `random` lies in 0 to 1.
    pub fn note(&mut self, endpoint: &str, delivery: i64, answer: &Answer, uptime: Duration, random: f64) -> Change {
        let asked = match *answer {
            Answer::Status { code: 200..=299, web_page: false, .. } => {
                let was_open = self.troubled.remove(endpoint).is_some_and(|circuit| circuit.until.is_some());
                return if was_open { Change::Closed } else { Change::None };
            }
            // These say something of the event alone.
            Answer::Status { code: 410, .. } | Answer::Nothing(NoAnswer::EventTooLong | NoAnswer::LiveOverHttp) => {
                return Change::None;
            }
            Answer::Status { code: 429 | 503, retry_after, .. } => retry_after,
            Answer::Status { .. } | Answer::Nothing(_) => None,
        };
        let asked = asked.filter(|asked| !asked.is_zero());
        let CircuitBounds { failures, events, .. } = self.bounds;
        let circuit = self.troubled.entry(endpoint.to_owned()).or_default();
        if answer.concerns_the_receiver() {
            circuit.failures = circuit.failures.saturating_add(1);
        }
        if circuit.events.len() < events {
            circuit.events.insert(delivery);
        }
        let is_probe = circuit.until.is_some_and(|until| uptime >= until);
        let opens = circuit.failures >= failures || circuit.events.len() >= events || is_probe;
        if !opens && asked.is_none() {
            return Change::None;
        }
        let pause = self.bounds.pause(circuit.opened, random);
        let pause = if opens { pause } else { Duration::ZERO };
        let pause = pause.max(asked.unwrap_or_default().min(self.bounds.longest_retry_after));
        circuit.opened = circuit.opened.saturating_add(u32::from(opens));
        let until = uptime.saturating_add(pause).max(circuit.until.unwrap_or_default());
        circuit.until = Some(until);
        Change::Opened(until.saturating_sub(uptime))
    }
}

impl CircuitBounds {
    /// Between half of what it would be and all of it, so that many devices don't come back together.
    fn pause(&self, opened: u32, random: f64) -> Duration {
        let doubled = 2_u32.checked_pow(opened).and_then(|factor| self.first.checked_mul(factor));
        let ceiling = doubled.unwrap_or(self.longest).min(self.longest);
        let random = if random.is_finite() { random.clamp(0.0, 1.0) } else { 1.0 };
        ceiling.mul_f64(random.mul_add(0.5, 0.5))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn status(code: u16) -> Answer {
        Answer::Status { code, retry_after: None, web_page: false }
    }

    fn circuits() -> Circuits {
        Circuits::new(CircuitBounds::default())
    }

    #[test]
    fn three_failures_in_a_row_open_it_and_one_acknowledgement_closes_it() {
        let mut circuits = circuits();
        let down = Answer::Nothing(NoAnswer::Connect);
        assert_eq!(circuits.note("shop", 1, &down, SECOND, 1.0), Change::None);
        assert_eq!(circuits.note("shop", 1, &down, SECOND, 1.0), Change::None);
        assert_eq!(circuits.flow("shop", SECOND), Flow::Free);
        assert_eq!(circuits.note("shop", 1, &down, SECOND, 1.0), Change::Opened(SECOND * 5));
        assert_eq!((circuits.flow("shop", SECOND * 5), circuits.flow("till", SECOND)), (Flow::Shut, Flow::Free));
        assert_eq!(circuits.next_probe(SECOND), Some(SECOND * 6));
        assert_eq!(circuits.held_back().collect::<Vec<_>>(), ["shop"]);
        assert_eq!(circuits.flow("shop", SECOND * 6), Flow::Probe);
        // The probe fails: open for twice as long. Then one gets through.
        assert_eq!(circuits.note("shop", 2, &down, SECOND * 6, 1.0), Change::Opened(SECOND * 10));
        assert_eq!(circuits.note("shop", 2, &status(204), SECOND * 16, 1.0), Change::Closed);
        assert_eq!(circuits.flow("shop", SECOND * 16), Flow::Free);
        assert_eq!(circuits.note("shop", 3, &down, SECOND * 17, 1.0), Change::None, "it begins anew");
    }

    #[test]
    fn what_one_event_meets_never_opens_it_and_what_every_event_meets_does() {
        let mut circuits = circuits();
        for attempt in 0..100 {
            assert_eq!(circuits.note("shop", 7, &status(500), SECOND * attempt, 0.5), Change::None);
        }
        for (delivery, code) in [(8, 401), (9, 500), (10, 404)] {
            assert_eq!(circuits.note("shop", delivery, &status(code), SECOND, 0.5), Change::None);
        }
        assert!(matches!(circuits.note("shop", 11, &status(401), SECOND, 0.5), Change::Opened(_)));
        // Gone, and too long, say nothing of the receiver.
        for _ in 0..100 {
            assert_eq!(circuits.note("till", 1, &status(410), SECOND, 0.5), Change::None);
            let long = Answer::Nothing(NoAnswer::EventTooLong);
            assert_eq!(circuits.note("till", 2, &long, SECOND, 0.5), Change::None);
        }
    }

    #[test]
    fn a_receiver_that_asks_for_a_pause_gets_it_at_once() {
        let mut circuits = circuits();
        let asks =
            |code, seconds| Answer::Status { code, retry_after: Some(Duration::from_secs(seconds)), web_page: false };
        assert_eq!(circuits.note("shop", 1, &asks(429, 90), SECOND, 0.5), Change::Opened(SECOND * 90));
        assert_eq!(circuits.note("till", 1, &asks(503, u64::MAX), SECOND, 0.5), Change::Opened(SECOND * 86_400));
        assert_eq!(circuits.note("desk", 1, &asks(400, 90), SECOND, 0.5), Change::None, "that is about the event");
    }

    #[test]
    fn what_only_another_configuration_can_mend_shuts_it_for_an_hour_and_another_receiver_begins_anew() {
        let mut circuits = circuits();
        assert_eq!(circuits.shut("shop", SECOND), SECOND * 3_600);
        assert_eq!(circuits.flow("shop", SECOND * 3_600), Flow::Shut);
        assert_eq!(circuits.flow("shop", SECOND * 3_601), Flow::Probe);
        circuits.shut("shop", SECOND * 3_601);
        circuits.forget("shop");
        assert_eq!((circuits.flow("shop", SECOND * 3_601), circuits.held_back().count()), (Flow::Free, 0));
    }

    proptest! {
        #[test]
        fn it_is_never_open_for_longer_than_it_may_be_and_always_closes(
            answers in proptest::collection::vec((0_u8..6, 0_i64..9, 0_u64..200, 0_u64..200_000, 0.0_f64..=1.0), 0..60),
        ) {
            let (mut circuits, mut now) = (circuits(), Duration::ZERO);
            let bounds = CircuitBounds::default();
            for (kind, delivery, wait, asked, random) in answers {
                now += Duration::from_secs(wait);
                let retry_after = Some(Duration::from_secs(asked));
                let answer = match kind {
                    0 => status(200),
                    1 => status(500),
                    2 => Answer::Status { code: 429, retry_after, web_page: false },
                    3 => Answer::Nothing(NoAnswer::Timeout),
                    4 => status(404),
                    _ => Answer::Status { code: 200, retry_after: None, web_page: true },
                };
                let before = circuits.next_probe(now).unwrap_or(now).saturating_sub(now);
                match circuits.note("shop", delivery, &answer, now, random) {
                    Change::Opened(pause) => {
                        let asked = if kind == 2 { Duration::from_secs(asked) } else { Duration::ZERO };
                        let most = bounds.longest.max(asked.min(bounds.longest_retry_after)).max(before);
                        prop_assert!(pause <= most, "{pause:?} of {most:?}");
                        prop_assert_eq!(circuits.flow("shop", now + pause), Flow::Probe);
                    }
                    Change::None | Change::Closed => {}
                }
                if kind == 0 {
                    prop_assert_eq!(circuits.flow("shop", now), Flow::Free);
                }
                prop_assert_eq!(circuits.flow("till", now), Flow::Free);
            }
            circuits.note("shop", 1, &status(200), now, 0.5);
            prop_assert_eq!(circuits.next_probe(Duration::ZERO), None);
        }
    }
}
