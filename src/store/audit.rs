//! The audit chain: who did what, when, to which session; appended only, each entry hashed over the one before.

use jiff::Timestamp;
use rusqlite::{Row, Transaction};
use sha2::{Digest, Sha256};

use super::error::StoreError;
use super::{Store, rows};
use crate::privacy::hexadecimal;
use crate::session::{CanceledBy, SessionId, SessionState};

/// Names version and purpose of the hash.
const LABEL: &str = "carded/audit/v1";

/// Who did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// The engine by itself.
    Engine,
    /// The person, on the screen.
    Person,
    /// The staff.
    Staff,
    /// The shop's till or backend.
    Till,
    /// Who delivers events.
    Sync,
    /// Who looks after the device, at its command line.
    Operator,
}

impl Actor {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Person => "person",
            Self::Staff => "staff",
            Self::Till => "till",
            Self::Sync => "sync",
            Self::Operator => "operator",
        }
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditAction {
    /// The device began to exist: its keys and its store were made.
    DeviceMade,
    /// The engine was ready.
    EngineStarted,
    /// The engine was stopped in order.
    EngineStopped,
    /// A session ended: the person is verified.
    SessionVerified,
    /// A session ended: the person is not.
    SessionNotVerified,
    /// A session was ended by the actor.
    SessionCanceled,
    /// A session ended because nobody went on.
    SessionExpired,
    /// What the integrator sent with a session and what recognises its person was erased.
    SessionRedacted,
    /// One of the staff set an outcome over the one that ended a session.
    OutcomeOverridden,
    /// A receiver refused an event for good.
    DeliveryDead,
    /// An event that a receiver had refused for good is sent again.
    DeliveryReplayed,
    /// An endpoint was added, to which outcomes go.
    EndpointAdded,
    /// An endpoint got a new secret, or its old one was dropped.
    EndpointRotated,
    /// An endpoint was disabled.
    EndpointDisabled,
    /// An endpoint was enabled again.
    EndpointEnabled,
    /// A key of the API was made.
    ApiKeyMade,
    /// A key of the API took the place of another.
    ApiKeyRotated,
    /// A key of the API was revoked.
    ApiKeyRevoked,
    /// One of the staff was given a code.
    StaffAdded,
    /// One of the staff was removed.
    StaffRemoved,
    /// So many codes of the staff were wrong that none is looked at for a while.
    StaffLocked,
    /// A signed rule table was installed.
    RulesInstalled,
    /// The rule table that was installed last was taken away.
    RulesRolledBack,
    /// The clock was set back.
    ClockSetBack,
    /// The latest time that was trusted was forgotten.
    ClockReset,
    /// Another key signs outcomes from now on.
    DeviceKeyRotated,
    /// A backup took the place of the store.
    StoreRestored,
    /// The store was made anew of what a damaged file still held.
    StoreRescued,
    /// Entries of the damaged file did not hold and were left out; which numbers they had, the gaps say.
    AuditEntriesLeftOut,
}

impl AuditAction {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeviceMade => "device_made",
            Self::EngineStarted => "engine_started",
            Self::EngineStopped => "engine_stopped",
            Self::SessionVerified => "session_verified",
            Self::SessionNotVerified => "session_not_verified",
            Self::SessionCanceled => "session_canceled",
            Self::SessionExpired => "session_expired",
            Self::SessionRedacted => "session_redacted",
            Self::OutcomeOverridden => "outcome_overridden",
            Self::DeliveryDead => "delivery_dead",
            Self::DeliveryReplayed => "delivery_replayed",
            Self::EndpointAdded => "endpoint_added",
            Self::EndpointRotated => "endpoint_rotated",
            Self::EndpointDisabled => "endpoint_disabled",
            Self::EndpointEnabled => "endpoint_enabled",
            Self::ApiKeyMade => "api_key_made",
            Self::ApiKeyRotated => "api_key_rotated",
            Self::ApiKeyRevoked => "api_key_revoked",
            Self::StaffAdded => "staff_added",
            Self::StaffRemoved => "staff_removed",
            Self::StaffLocked => "staff_locked",
            Self::RulesInstalled => "rules_installed",
            Self::RulesRolledBack => "rules_rolled_back",
            Self::ClockSetBack => "clock_set_back",
            Self::ClockReset => "clock_reset",
            Self::DeviceKeyRotated => "device_key_rotated",
            Self::StoreRestored => "store_restored",
            Self::StoreRescued => "store_rescued",
            Self::AuditEntriesLeftOut => "audit_entries_left_out",
        }
    }
}

/// One entry, without its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// What was done.
    pub action: AuditAction,
    /// To which session.
    pub session: Option<SessionId>,
}

impl AuditEntry {
    /// The entry of a session's end; none while it is open.
    pub(super) fn of_end(session: &SessionId, state: SessionState, at: Timestamp) -> Option<Self> {
        let (actor, action) = match state {
            SessionState::Verified => (Actor::Engine, AuditAction::SessionVerified),
            SessionState::NotVerified => (Actor::Engine, AuditAction::SessionNotVerified),
            SessionState::Expired => (Actor::Engine, AuditAction::SessionExpired),
            SessionState::Canceled(by) => {
                let actor = match by {
                    CanceledBy::Person => Actor::Person,
                    CanceledBy::Staff => Actor::Staff,
                    CanceledBy::Till => Actor::Till,
                    CanceledBy::Device => Actor::Engine,
                };
                (actor, AuditAction::SessionCanceled)
            }
            SessionState::Created
            | SessionState::AwaitingConsent
            | SessionState::AwaitingDocument
            | SessionState::AwaitingFace
            | SessionState::Deciding
            | SessionState::AwaitingReview => return None,
        };
        Some(Self { at, actor, action, session: Some(session.clone()) })
    }
}

impl Store {
    /// Appends an entry.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub fn audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.transact(|transaction| append(transaction, entry))
    }
}

/// Appends an entry within somebody's transaction.
pub(super) fn append(transaction: &Transaction<'_>, entry: &AuditEntry) -> Result<(), StoreError> {
    let (last, previous): (i64, Option<String>) = transaction
        .prepare_cached("SELECT last_audit_sequence, last_audit_hash FROM device")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let row = AuditRow {
        sequence: last + 1,
        at: rows::millis(entry.at)?,
        actor: entry.actor.as_str().to_owned(),
        action: entry.action.as_str().to_owned(),
        session: entry.session.as_ref().map(|id| id.as_str().to_owned()),
        previous,
    };
    let hash = row.hash();
    transaction
        .prepare_cached(
            "INSERT INTO audit (sequence, at, actor, action, session, previous_hash, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute((row.sequence, row.at, &row.actor, &row.action, &row.session, &row.previous, &hash))?;
    transaction
        .prepare_cached("UPDATE device SET last_audit_sequence = ?1, last_audit_hash = ?2")?
        .execute((row.sequence, &hash))?;
    Ok(())
}

/// An entry as it stands in the table.
pub(super) struct AuditRow {
    pub sequence: i64,
    pub at: i64,
    pub actor: String,
    pub action: String,
    pub session: Option<String>,
    pub previous: Option<String>,
}

impl AuditRow {
    pub(super) const COLUMNS: &str = "sequence, at, actor, action, session, previous_hash, hash";

    /// An entry, and the hash that was written with it.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<(Self, String)> {
        let entry = Self {
            sequence: row.get(0)?,
            at: row.get(1)?,
            actor: row.get(2)?,
            action: row.get(3)?,
            session: row.get(4)?,
            previous: row.get(5)?,
        };
        Ok((entry, row.get(6)?))
    }

    /// SHA-256 over the label and every part, each behind its length, in lower-case hexadecimal.
    pub(super) fn hash(&self) -> String {
        let (sequence, at) = (self.sequence.to_string(), self.at.to_string());
        let session = self.session.as_deref().unwrap_or_default();
        let previous = self.previous.as_deref().unwrap_or_default();
        let mut hasher = Sha256::new();
        for part in [LABEL, previous, &sequence, &at, &self.actor, &self.action, session] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        hexadecimal(&hasher.finalize())
    }
}
