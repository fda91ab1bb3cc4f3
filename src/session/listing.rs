//! What a list of sessions is asked for by, and what a page of it holds.

use super::dialect::Dialect;
use super::id::SessionId;
use super::outcome::Outcome;
use super::record::{CanceledBy, SessionState};

/// A decision that is on disk.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptOutcome {
    /// The outcome.
    pub outcome: Outcome,
    /// The same, signed: a compact JWS.
    pub attestation: String,
}

/// Bounds on when a session was made, in seconds since 1970; absent ones bound nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CreatedRange {
    /// Later than.
    pub gt: Option<i64>,
    /// At or later than.
    pub gte: Option<i64>,
    /// Earlier than.
    pub lt: Option<i64>,
    /// At or earlier than.
    pub lte: Option<i64>,
}

impl CreatedRange {
    /// The same in milliseconds: from the first on, and before the second. A moment counts by its whole second.
    #[must_use]
    pub fn millis(self) -> (i64, i64) {
        let begin = |second: i64| second.saturating_mul(1_000);
        let after = |second: i64| begin(second.saturating_add(1));
        let from = [self.gt.map(after), self.gte.map(begin)].into_iter().flatten().max();
        let until = [self.lt.map(begin), self.lte.map(after)].into_iter().flatten().min();
        (from.unwrap_or(i64::MIN), until.unwrap_or(i64::MAX))
    }
}

/// The states that one status of a dialect stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionStates {
    dialect: Dialect,
    status: &'static str,
}

impl SessionStates {
    /// Those of Stripe's status; `None` when there is no such status.
    #[must_use]
    pub fn of_stripe(status: &str) -> Option<Self> {
        Self::of(Dialect::Stripe, &["requires_input", "processing", "verified", "canceled"], status)
    }

    /// Those of Stile's status; `None` when there is no such status.
    #[must_use]
    pub fn of_stile(status: &str) -> Option<Self> {
        let known =
            ["created", "pending", "processing", "requires_input", "verified", "failed", "cancelled", "expired"];
        Self::of(Dialect::Stile, &known, status)
    }

    fn of(dialect: Dialect, known: &[&'static str], status: &str) -> Option<Self> {
        let status = known.iter().find(|known| **known == status)?;
        Some(Self { dialect, status })
    }

    /// Every state, where it matters not who canceled.
    const ALL: [SessionState; 10] = [
        SessionState::Created,
        SessionState::AwaitingConsent,
        SessionState::AwaitingDocument,
        SessionState::AwaitingFace,
        SessionState::Deciding,
        SessionState::AwaitingReview,
        SessionState::Verified,
        SessionState::NotVerified,
        SessionState::Canceled(CanceledBy::Till),
        SessionState::Expired,
    ];

    /// Each of them, with whether an attempt has failed before.
    pub fn iter(self) -> impl Iterator<Item = (SessionState, bool)> {
        let both = Self::ALL.into_iter().flat_map(|state| [(state, false), (state, true)]);
        both.filter(move |(state, failed)| self.contain(*state, *failed))
    }

    /// Whether a session of this state is among them. `failed_before` tells whether an attempt has failed.
    #[must_use]
    pub fn contain(self, state: SessionState, failed_before: bool) -> bool {
        let status = match self.dialect {
            Dialect::Stripe => state.stripe_status(),
            Dialect::Stile => state.stile_status(failed_before),
        };
        status == self.status
    }
}

/// Which sessions a list has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFilter {
    /// Those made with live keys, or the others.
    pub livemode: bool,
    /// Those of one status.
    pub states: Option<SessionStates>,
    /// Those of one reference.
    pub client_reference_id: Option<String>,
    /// Those made in a span of time.
    pub created: CreatedRange,
    /// Only this one.
    pub session: Option<SessionId>,
    /// Only those that were decided.
    pub decided: bool,
    /// None at all: what was asked for does not exist on this device.
    pub nothing: bool,
}

impl SessionFilter {
    /// All of one mode.
    #[must_use]
    pub fn new(livemode: bool) -> Self {
        Self {
            livemode,
            states: None,
            client_reference_id: None,
            created: CreatedRange::default(),
            session: None,
            decided: false,
            nothing: false,
        }
    }
}

/// Which part of a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// At most so many: 1 to 100.
    pub limit: u8,
    /// Those after this one.
    pub starting_after: Option<SessionId>,
    /// Those before this one.
    pub ending_before: Option<SessionId>,
}

impl Page {
    /// The first page.
    #[must_use]
    pub fn first(limit: u8) -> Self {
        Self { limit, starting_after: None, ending_before: None }
    }
}

/// What is known of a request with an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Idempotency {
    /// Nothing: it has begun now.
    New,
    /// It began and was never answered: it still runs, the device was cut off, or what it answered was redacted. If the
    /// session is there, the request was carried out.
    Unfinished {
        /// The session that it makes or changes.
        object: Option<SessionId>,
    },
    /// The key belongs to another request.
    Other,
    /// It was answered.
    Answered {
        /// The status of the answer.
        status: u16,
        /// Its exact body.
        body: String,
    },
}
