//! What a list of sessions is asked for by, and what a page of it holds.

use super::dialect::Dialect;
use super::id::SessionId;
use super::outcome::Outcome;
use super::record::SessionState;

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
        let known = [
            "created", "pending", "processing", "requires_input", "verified", "failed", "cancelled", "expired",
        ];
        Self::of(Dialect::Stile, &known, status)
    }

    fn of(dialect: Dialect, known: &[&'static str], status: &str) -> Option<Self> {
        let status = known.iter().find(|known| **known == status)?;
        Some(Self { dialect, status })
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

/// Whether a request with an idempotency key was seen before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Idempotency {
    /// It was not.
    New,
    /// It was begun, and has not been answered: it is still running, or a crash cut it off.
    Unfinished {
        /// The session that it makes or changes.
        object: Option<SessionId>,
    },
    /// It came with other parameters.
    Other,
    /// It was answered.
    Answered {
        /// The status of the answer.
        status: u16,
        /// Its body.
        body: String,
    },
}
