//! What the delivering role, an operator and the engine say about the outbox.

use serde::{Deserialize, Serialize};

/// How many deliveries of one endpoint are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointRoom {
    /// Its name.
    pub endpoint: String,
    /// At most so many.
    pub most: u16,
}

/// How many deliveries are wanted now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseWish {
    /// At most so many,
    pub most: u16,
    /// of each endpoint at most so many,
    pub each: u16,
    /// and of these at most as many as stand with them: none of one whose receiver is left alone for now.
    pub except: Vec<EndpointRoom>,
}

impl LeaseWish {
    /// Whosever they are.
    #[must_use]
    pub fn up_to(most: u16) -> Self {
        Self { most, each: most, except: Vec::new() }
    }

    /// How many of an endpoint are wanted at most.
    #[must_use]
    pub fn room(&self, endpoint: &str) -> u16 {
        let excepted = self.except.iter().find(|room| room.endpoint == endpoint);
        excepted.map_or(self.each, |room| room.most).min(self.most)
    }
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterState {
    /// It waits for its receiver.
    Waiting,
    /// The receiver has acknowledged it.
    Delivered,
    /// The receiver has refused it for good.
    Dead,
}

impl LetterState {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}

/// What is to be done about the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "order")]
pub enum OutboxOrder {
    /// Say how much waits for whom, and since when.
    Summary,
    /// Show deliveries, by their numbers.
    Letters {
        /// Those that stand so.
        state: LetterState,
        /// Those of one endpoint; of all, where nothing is said.
        endpoint: Option<String>,
        /// Those behind this number; from the first, with 0.
        after: i64,
        /// At most so many; fewer where the bodies are long.
        most: u16,
        /// Whether the bodies are wanted.
        bodies: bool,
    },
    /// Show the deliveries of one event, or the one of a number, with bodies.
    Find {
        /// `evt_…`, or the number in digits.
        id: String,
    },
    /// Have dead letters sent again: one, or those of an endpoint, or all; in turns of a bounded number.
    Replay {
        /// The number of one;
        delivery: Option<i64>,
        /// or the name of an endpoint.
        endpoint: Option<String>,
        /// Those behind this number; from the first, with 0.
        after: i64,
    },
    /// Write down that an operator has changed where outcomes go; the change itself is in the configuration.
    Note {
        /// What was done.
        deed: EndpointDeed,
    },
}

/// What an operator did about where outcomes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointDeed {
    /// An endpoint was added.
    Added,
    /// It got a new secret, or the old one was dropped.
    Rotated,
    /// It gets no new events.
    Disabled,
    /// It gets them again.
    Enabled,
}

/// What waits for one endpoint. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointQueue {
    /// Its name.
    pub endpoint: String,
    /// Whether the configuration has it.
    pub configured: bool,
    /// Whether it was disabled: what waits for it is kept, and not sent.
    pub disabled: bool,
    /// Deliveries that wait.
    pub waiting: u64,
    /// Deliveries that the receiver has refused for good.
    pub dead: u64,
    /// When the oldest that waits was written.
    pub oldest: Option<i64>,
    /// When the next one is due.
    pub next_attempt: Option<i64>,
    /// What went wrong last with one that waits, or else with a dead letter.
    pub last_error: Option<String>,
}

/// Why somebody has to look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxAlarm {
    /// `age`, `size` or `dead_letters`.
    pub alarm: String,
    /// What it is, and what to do.
    pub why: String,
}

/// The whole outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxSummary {
    /// Each endpoint that is configured or has something waiting or dead, by name.
    pub endpoints: Vec<EndpointQueue>,
    /// Why somebody has to look; empty when nobody has.
    pub alarms: Vec<OutboxAlarm>,
}

/// One event for one endpoint. Times are seconds since 1970.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxLetter {
    /// The delivery's number.
    pub delivery: i64,
    /// The event's identifier.
    pub event: String,
    /// The session that it speaks of.
    pub session: String,
    /// The endpoint.
    pub endpoint: String,
    /// Where it stands.
    pub state: LetterState,
    /// When it was written.
    pub created: i64,
    /// Attempts since it was written or last replayed.
    pub attempts: u32,
    /// When it is due, while it waits.
    pub next_attempt: Option<i64>,
    /// What went wrong in the last attempt that failed.
    pub last_error: Option<String>,
    /// When the receiver acknowledged it.
    pub delivered: Option<i64>,
    /// Whether its body is gone because its session was redacted.
    pub redacted: bool,
    /// The exact body, where it was asked for and is still there.
    pub body: Option<String>,
}

/// Shows no body: it may hold what the integrator wrote.
impl std::fmt::Debug for OutboxLetter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { delivery, event, endpoint, state, .. } = self;
        write!(formatter, "OutboxLetter({delivery} {event} for {endpoint}, {})", state.as_str())
    }
}

/// An answer about the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
pub enum OutboxAnswer {
    /// The whole outbox.
    Summary(OutboxSummary),
    /// Deliveries.
    Letters {
        /// In the order of their numbers.
        letters: Vec<OutboxLetter>,
        /// Whether there are more behind them.
        more: bool,
    },
    /// It is in the audit chain.
    Noted,
    /// Dead letters wait again.
    Replayed {
        /// So many.
        replayed: u64,
        /// So many do not, because their bodies are gone.
        redacted: u64,
        /// The last number that was looked at.
        last: i64,
        /// Whether there are more behind it.
        more: bool,
    },
}
