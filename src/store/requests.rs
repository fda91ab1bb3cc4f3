//! What was asked for over the API: sessions with their integrator's texts, further events, and redaction.
//!
//! Always holds: a session, its request and the event of its making are on disk together or not at all; what is redacted
//! has none of the integrator's texts left in any table, nor in the journal, nor anything by which the person is known
//! again; a redacted request never changes. An event that is still owed to a receiver keeps its body until it was
//! delivered or refused for good. Does not decide who may ask, or what may be redacted when.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, named_params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::audit::{self, Actor, AuditAction, AuditEntry};
use super::error::StoreError;
use super::finish::OutboxBody;
use super::{Store, outbox, rows, sessions};
use crate::privacy::ApiSecrets;
use crate::session::{Dialect, SessionDetails, SessionId, SessionRecord};

/// The columns that [`details_of`] reads, in its order. None is of the name of a session's.
pub(super) const DETAILS: &str =
    "dialect, request.livemode, asks_identity, client_reference_id, metadata, options, return_url, redacted_at";

/// An event that is to be delivered, beside the one of a session's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Its identifier, as [`Store::event_id`] draws it.
    pub event: String,
    /// Its body for every endpoint that wants it: at most [`MAX_ENDPOINTS`](super::MAX_ENDPOINTS).
    pub bodies: Vec<OutboxBody>,
    /// When it happened.
    pub at: Timestamp,
}

/// A session that was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Requested<'a> {
    /// The session.
    pub record: &'a SessionRecord,
    /// What was said of it.
    pub details: &'a SessionDetails,
    /// Identifier of the API key that asked.
    pub key: Option<&'a str>,
    /// Keyed hash of an e-mail address, from [`ApiSecrets::contact`].
    pub email: Option<&'a str>,
    /// Keyed hash of a telephone number, from the same.
    pub phone: Option<&'a str>,
    /// The event of its making.
    pub event: Option<&'a NewEvent>,
}

impl Store {
    /// Makes the keyed hashes of the API under this device's key.
    #[must_use]
    pub fn api_secrets(&self) -> ApiSecrets {
        self.keys.anchor.api_secrets()
    }

    /// Draws the identifier of an event, `evt_…`.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the system has no randomness.
    pub fn event_id() -> Result<String, StoreError> {
        rows::new_id("evt")
    }

    /// Writes a session that was asked for, with everything that was said of it, and its event.
    ///
    /// # Errors
    /// As [`Store::create_session`]; [`StoreError::Refused`] also when the details are redacted. Nothing is written then.
    pub fn create_requested(&mut self, requested: &Requested<'_>) -> Result<(), StoreError> {
        if requested.details.redacted_at.is_some() {
            return Err(StoreError::Refused { what: "a new session that is redacted" });
        }
        self.transact(|transaction| {
            sessions::insert(transaction, requested.record)?;
            insert(transaction, requested)?;
            let event = requested.event;
            event.map_or(Ok(()), |event| outbox::insert_event(transaction, &requested.record.id, event))
        })
    }

    /// What was said of a session; none where it was not asked for over the API.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn details(&self, session: &SessionId) -> Result<Option<SessionDetails>, StoreError> {
        of_session(&self.connection, session)
    }

    /// Writes what may change of that: reference, notes, options and return address.
    ///
    /// # Errors
    /// [`StoreError::Terminal`] when it was redacted, [`StoreError::Missing`] when the session was not asked for,
    /// [`StoreError::Refused`] when the rest is another.
    pub fn update_details(&mut self, session: &SessionId, details: &SessionDetails) -> Result<(), StoreError> {
        self.transact(|transaction| {
            let known = of_session(transaction, session)?.ok_or(StoreError::Missing)?;
            if known.redacted_at.is_some() {
                return Err(StoreError::Terminal);
            }
            let origin = |details: &SessionDetails| (details.dialect, details.livemode, details.asks_identity);
            if origin(&known) != origin(details) || details.redacted_at.is_some() {
                return Err(StoreError::Refused { what: "who asked for a session" });
            }
            update(transaction, session, details)
        })
    }

    /// Erases what the integrator sent and what recognises the person: texts, anchors of contacts, bodies of events and
    /// of answers, the credential and its anchors. Where the session was not asked for over the API, it notes that.
    /// Answers whether anything was left to erase; done again, it only makes sure that the journal holds nothing either.
    ///
    /// # Errors
    /// [`StoreError::Open`] when the session has not ended, [`StoreError::Missing`] when there is none.
    pub fn redact(
        &mut self,
        session: &SessionId,
        at: Timestamp,
        actor: Actor,
        event: Option<&NewEvent>,
    ) -> Result<bool, StoreError> {
        let site_is_live = self.site_is_live;
        let newly = self.transact(|transaction| {
            let ended = "SELECT ended_at IS NOT NULL FROM session WHERE id = ?1";
            if !transaction.prepare_cached(ended)?.query_row([session.as_str()], |row| row.get::<_, bool>(0))? {
                return Err(StoreError::Open);
            }
            if of_session(transaction, session)?.is_some_and(|details| details.redacted_at.is_some()) {
                return Ok(false);
            }
            erase(transaction, session, at, site_is_live)?;
            let action = AuditAction::SessionRedacted;
            audit::append(transaction, &AuditEntry { at, actor, action, session: Some(session.clone()) })?;
            event.map_or(Ok(()), |event| outbox::insert_event(transaction, session, event))?;
            Ok(true)
        })?;
        self.empty_journal()?;
        Ok(newly)
    }
}

/// What was said of a session, within somebody's transaction.
pub(super) fn of_session(
    connection: &rusqlite::Connection,
    session: &SessionId,
) -> Result<Option<SessionDetails>, StoreError> {
    let one = format!("SELECT {DETAILS} FROM request WHERE session = ?1");
    let mut statement = connection.prepare_cached(&one)?;
    let details = statement.query_and_then([session.as_str()], |row| details_of(row, 0))?.next().transpose()?;
    Ok(details.flatten())
}

/// What was said of a session, out of the columns of [`DETAILS`] from one on; none where a join found no request.
pub(super) fn details_of(row: &Row<'_>, first: usize) -> Result<Option<SessionDetails>, StoreError> {
    let Some(dialect) = row.get::<_, Option<String>>(first)? else { return Ok(None) };
    let dialects = [Dialect::Stripe, Dialect::Stile];
    let dialect = dialects.into_iter().find(|known| known.as_str() == dialect).ok_or(rows::UNKNOWN)?;
    Ok(Some(SessionDetails {
        dialect,
        livemode: row.get(first + 1)?,
        asks_identity: row.get(first + 2)?,
        client_reference_id: row.get(first + 3)?,
        metadata: of_json(&row.get::<_, String>(first + 4)?)?,
        options: of_json(&row.get::<_, String>(first + 5)?)?,
        return_url: row.get(first + 6)?,
        redacted_at: row.get::<_, Option<i64>>(first + 7)?.map(rows::timestamp).transpose()?,
    }))
}

fn of_json<T: DeserializeOwned>(json: &str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|_| rows::UNKNOWN)
}

fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Refused { what: "a value that is no JSON" })
}

fn insert(transaction: &Transaction<'_>, requested: &Requested<'_>) -> Result<(), StoreError> {
    let details = requested.details;
    transaction
        .prepare_cached(
            "INSERT INTO request (session, dialect, livemode, asks_identity, client_reference_id, metadata, options,
                return_url, email_anchor, phone_anchor, redacted_at, key)
             VALUES (:session, :dialect, :livemode, :asks_identity, :reference, :metadata, :options,
                :return_url, :email, :phone, NULL, :key)",
        )?
        .execute(named_params! {
            ":session": requested.record.id.as_str(),
            ":dialect": details.dialect.as_str(),
            ":livemode": details.livemode,
            ":asks_identity": details.asks_identity,
            ":reference": details.client_reference_id,
            ":metadata": json(&details.metadata)?,
            ":options": json(&details.options)?,
            ":return_url": details.return_url,
            ":email": requested.email,
            ":phone": requested.phone,
            ":key": requested.key,
        })?;
    Ok(())
}

fn update(transaction: &Transaction<'_>, session: &SessionId, details: &SessionDetails) -> Result<(), StoreError> {
    transaction
        .prepare_cached(
            "UPDATE request SET client_reference_id = ?2, metadata = ?3, options = ?4, return_url = ?5
             WHERE session = ?1",
        )?
        .execute((
            session.as_str(),
            &details.client_reference_id,
            json(&details.metadata)?,
            json(&details.options)?,
            &details.return_url,
        ))?;
    Ok(())
}

/// Everything that redaction erases.
pub(super) fn erase(
    transaction: &Transaction<'_>,
    session: &SessionId,
    at: Timestamp,
    site_is_live: bool,
) -> Result<(), StoreError> {
    let (id, at) = (session.as_str(), rows::millis(at)?);
    let redacted = transaction
        .prepare_cached(
            "UPDATE request SET client_reference_id = NULL, metadata = '{}', return_url = NULL, email_anchor = NULL,
                phone_anchor = NULL, redacted_at = ?2
             WHERE session = ?1",
        )?
        .execute((id, at))?;
    if redacted == 0 {
        // The device's own session.
        transaction
            .prepare_cached(
                "INSERT INTO request (session, dialect, livemode, asks_identity, metadata, options, redacted_at)
                 VALUES (?1, ?2, coalesce(nullif((SELECT livemode FROM outcome WHERE session = ?1 AND overrides IS NULL), 0), ?4), 0, '{}', '{}', ?3)",
            )?
            .execute((id, Dialect::Stripe.as_str(), at, site_is_live))?;
    }
    for erasing in [
        "DELETE FROM credential WHERE session = ?1",
        "UPDATE idempotency SET status = NULL, body = NULL WHERE object = ?1 AND status IS NOT NULL",
        outbox::ERASE_BODIES,
    ] {
        transaction.prepare_cached(erasing)?.execute([id])?;
    }
    Ok(())
}

/// Whether a session was redacted.
pub(super) fn is_redacted(transaction: &Transaction<'_>, session: &str) -> Result<bool, StoreError> {
    let redacted = "SELECT redacted_at IS NOT NULL FROM request WHERE session = ?1";
    let redacted = transaction.prepare_cached(redacted)?.query_row([session], |row| row.get(0)).optional()?;
    Ok(redacted.unwrap_or(false))
}
