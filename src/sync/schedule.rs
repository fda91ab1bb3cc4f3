//! What an answer means and when to try again: pure, the random value is passed in.
//!
//! | answer | meaning |
//! |---|---|
//! | 2xx, read to its end or to the limit | acknowledged |
//! | 2xx whose body is a web page | no acknowledgement: a portal, a maintenance page or a wrong address answers so |
//! | 410, or an event that is longer than any receiver takes | to the dead letters |
//! | 4xx but 408, 425 and 429 | refused: tried again, and to the dead letters after [`RetryBounds::refusals`] over [`RetryBounds::refused_for`] |
//! | anything else, and no answer | tried again without end |
//!
//! Always holds: nothing but 2xx acknowledges, nothing is given up because of its age or because a receiver cannot be
//! reached, and a pause is never shorter than [`RetryBounds::least`] nor longer than the longer of [`RetryBounds::longest`]
//! and [`RetryBounds::longest_retry_after`]. Does not read a clock or draw a random number. When a whole receiver is left alone
//! is `circuit`'s matter.

mod circuit;

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

pub use self::circuit::{Change, CircuitBounds, Circuits, Flow};
use crate::session::protocol::Settlement;

/// Deliveries whose refusals are remembered at once. Those beyond it are only tried for longer.
const MAX_REMEMBERED: usize = 4096;

/// How long to wait, and when a refusal is final.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryBounds {
    /// Shortest pause.
    pub least: Duration,
    /// Longest pause after the first attempt; it doubles with each one.
    pub first: Duration,
    /// Longest pause of all, but for what a receiver asks.
    pub longest: Duration,
    /// Longest `Retry-After` that is obeyed in full; a longer one counts as this.
    pub longest_retry_after: Duration,
    /// So many refusals in a row, and
    pub refusals: u32,
    /// for so long, make a dead letter.
    pub refused_for: Duration,
}

impl Default for RetryBounds {
    fn default() -> Self {
        Self {
            least: Duration::from_millis(500),
            first: Duration::from_secs(2),
            longest: Duration::from_hours(1),
            longest_retry_after: Duration::from_hours(24),
            refusals: 20,
            refused_for: Duration::from_hours(72),
        }
    }
}

impl RetryBounds {
    /// Exponential back-off with full jitter: anything up to `first` doubled `attempts` times, so that many devices that
    /// lost the same receiver don't come back together. `random` lies in 0 to 1; `asked` is the receiver's `Retry-After`,
    /// which is never undercut.
    #[must_use]
    pub fn pause(&self, attempts: u32, random: f64, asked: Option<Duration>) -> Duration {
        let doubled = 2_u32.checked_pow(attempts).and_then(|factor| self.first.checked_mul(factor));
        let ceiling = doubled.unwrap_or(self.longest).min(self.longest);
        let jittered = ceiling.mul_f64(if random.is_finite() { random.clamp(0.0, 1.0) } else { 1.0 });
        jittered.max(self.least).max(asked.unwrap_or_default().min(self.longest_retry_after))
    }
}

/// Why there was no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NoAnswer {
    /// No connection: the name, the network or the receiver.
    #[error("the receiver cannot be reached; check the network and the endpoint's address")]
    Connect,
    /// The other end is not who it should be.
    #[error("no safe connection to the receiver; check its certificate, and whether a login page stands in between")]
    Tls,
    /// It took longer than the limit.
    #[error("the receiver did not answer in time; it has to answer before it works on an event")]
    Timeout,
    /// The connection ended before the answer did, or what came was no HTTP.
    #[error("the receiver's answer ended early or was no HTTP; look at its log, and check the endpoint's address")]
    Interrupted,
    /// The clock is before 1970, so that nothing can be signed.
    #[error("the clock is wrong, so that nothing can be signed; set it")]
    Clock,
    /// The configuration has no such endpoint.
    #[error("no endpoint of this name is configured; add it again, or see 'carded outbox list' for what waits for it")]
    UnknownEndpoint,
    /// A live event would go over plain HTTP.
    #[error(
        "a live event never goes over plain http://, not even on this machine; give the endpoint an https:// address"
    )]
    LiveOverHttp,
    /// The event is longer than any receiver takes.
    #[error("the event is longer than any receiver takes; look at what the shop put into the session")]
    EventTooLong,
}

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// An answer, read to its end or to the limit.
    Status {
        /// HTTP status.
        code: u16,
        /// What `Retry-After` asked for.
        retry_after: Option<Duration>,
        /// Whether the body is a web page.
        web_page: bool,
    },
    /// None.
    Nothing(NoAnswer),
}

impl Answer {
    /// Whether the next event for the same receiver would fare alike.
    #[must_use]
    pub fn concerns_the_receiver(&self) -> bool {
        match self {
            Self::Status { code, web_page, .. } => matches!(code, 429 | 502..=504) || *web_page && *code < 300,
            Self::Nothing(NoAnswer::EventTooLong | NoAnswer::LiveOverHttp) => false,
            Self::Nothing(_) => true,
        }
    }
}

/// How long `Retry-After` asks to wait: seconds, or an HTTP date (RFC 9110, 10.2.3). `None` when it is neither.
#[must_use]
pub fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a very long time.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// Refusals of one delivery in a row.
#[derive(Debug, Clone, Copy)]
struct Refusals {
    count: u32,
    since: Duration,
}

/// What answers mean for each delivery, over time.
///
/// Refusals are counted for as long as this lives, and no further than the attempts that the delivery itself counts, which a
/// replay and a restored store begin anew: a restart makes a dead letter later, never sooner.
#[derive(Debug)]
pub struct Schedule {
    bounds: RetryBounds,
    refused: HashMap<i64, Refusals>,
}

impl Schedule {
    /// Without any history.
    #[must_use]
    pub fn new(bounds: RetryBounds) -> Self {
        Self { bounds, refused: HashMap::new() }
    }

    /// Settles one attempt. `attempts` were made before it; `uptime` never goes backwards; `random` lies in 0 to 1.
    pub fn settle(
        &mut self,
        delivery: i64,
        attempts: u32,
        answer: &Answer,
        uptime: Duration,
        random: f64,
    ) -> Settlement {
        let (asked, why) = match *answer {
            Answer::Status { code: 200..=299, web_page: false, .. } => {
                self.refused.remove(&delivery);
                return Settlement::Acknowledged;
            }
            Answer::Status { code: 410, .. } => return self.dead(delivery, "the receiver says that it is gone (410)"),
            Answer::Nothing(why @ NoAnswer::EventTooLong) => return self.dead(delivery, &why.to_string()),
            Answer::Status { code, retry_after, web_page: true } if code < 300 => {
                (retry_after, format!("the receiver answered {code} with a web page; check the endpoint's address"))
            }
            Answer::Status { code, retry_after, .. } if is_refusal(code) => {
                if self.refused_for_good(delivery, attempts, uptime) {
                    return self.dead(delivery, &format!("the receiver refused it over days (last: {code})"));
                }
                return self.retry(attempts, random, retry_after, refusal(code));
            }
            Answer::Status { code, retry_after, .. } => (retry_after, format!("the receiver answered {code}")),
            Answer::Nothing(why) => (None, why.to_string()),
        };
        // Something else than a refusal lies in between: what comes is not "in a row".
        self.refused.remove(&delivery);
        self.retry(attempts, random, asked, why)
    }

    fn retry(&self, attempts: u32, random: f64, asked: Option<Duration>, why: String) -> Settlement {
        let pause = self.bounds.pause(attempts, random, asked);
        Settlement::Retry { after_ms: u64::try_from(pause.as_millis()).unwrap_or(u64::MAX), why }
    }

    fn dead(&mut self, delivery: i64, why: &str) -> Settlement {
        self.refused.remove(&delivery);
        Settlement::Dead { why: why.to_owned() }
    }

    /// Counts a refusal; whether it was one too many.
    fn refused_for_good(&mut self, delivery: i64, attempts: u32, uptime: Duration) -> bool {
        if self.refused.len() >= MAX_REMEMBERED && !self.refused.contains_key(&delivery) {
            return false;
        }
        let none = Refusals { count: 0, since: uptime };
        let refusals = self.refused.entry(delivery).or_insert(none);
        // More refusals than attempts were those of another event that had this number before.
        if refusals.count > attempts {
            *refusals = none;
        }
        refusals.count = refusals.count.saturating_add(1);
        refusals.count >= self.bounds.refusals && uptime.saturating_sub(refusals.since) >= self.bounds.refused_for
    }
}

/// Whether the receiver has understood the request and does not want it.
fn is_refusal(code: u16) -> bool {
    matches!(code, 400..=499) && !matches!(code, 408 | 425 | 429)
}

fn refusal(code: u16) -> String {
    let help = match code {
        400 => "the secrets or clocks of both ends may differ",
        401 | 403 => "check its access rules and both ends' secrets",
        404 | 405 => "check the endpoint's address",
        413 => "raise its limit for bodies",
        _ => "look at its log",
    };
    format!("the receiver refused it with {code}; {help}")
}

#[cfg(test)]
mod tests;
