//! Sessions while they are open. Their end is written in `finish`.

use jiff::Timestamp;
use rusqlite::{Transaction, named_params};

use super::error::StoreError;
use super::requests::NewEvent;
use super::{Store, outbox, rows};
use crate::session::{ReasonCode, SessionId, SessionRecord};

impl Store {
    /// Sessions that [`Store::expire_waiting`] answers at most: each is then ended in a transaction of its own.
    pub const MOST_EXPIRED: usize = 8;

    /// Writes a session that was just made. Its times are kept to the millisecond.
    ///
    /// # Errors
    /// [`StoreError::Terminal`] when it has ended already, [`StoreError::Refused`] when there is one of that name.
    pub fn create_session(&mut self, record: &SessionRecord) -> Result<(), StoreError> {
        self.transact(|transaction| insert(transaction, record))
    }

    /// Writes where an open session stands: its state, attempts, last error, and what the person answered.
    ///
    /// # Errors
    /// [`StoreError::Terminal`] when it has ended or is to end, which is [`Store::finish`]'s work.
    pub fn save_session(&mut self, record: &SessionRecord) -> Result<(), StoreError> {
        self.save_and_tell(record, None)
    }

    /// The same, with an event of it.
    ///
    /// # Errors
    /// As [`Store::save_session`]; neither is written then.
    pub fn save_and_tell(&mut self, record: &SessionRecord, event: Option<&NewEvent>) -> Result<(), StoreError> {
        let values = OpenSession::of(record)?;
        self.transact(|transaction| {
            let ended = "SELECT ended_at IS NOT NULL FROM session WHERE id = ?1";
            if transaction.prepare_cached(ended)?.query_row([record.id.as_str()], |row| row.get(0))? {
                return Err(StoreError::Terminal);
            }
            transaction
                .prepare_cached(
                    "UPDATE session SET state = ?2, document_attempts = ?3, face_attempts = ?4, last_error = ?5
                     WHERE id = ?1",
                )?
                .execute((
                    record.id.as_str(),
                    values.state,
                    record.attempts.document,
                    record.attempts.face,
                    values.last_error,
                ))?;
            rows::write_consent(transaction, record)?;
            event.map_or(Ok(()), |event| outbox::insert_event(transaction, &record.id, event))
        })
    }

    /// Every session that has not ended, the oldest first: after a restart each is taken up or ended.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn open_sessions(&self) -> Result<Vec<SessionRecord>, StoreError> {
        let open = format!("SELECT {} FROM session WHERE ended_at IS NULL ORDER BY created_at, id", rows::RECORD);
        let mut statement = self.connection.prepare_cached(&open)?;
        statement.query_and_then([], rows::record)?.collect()
    }

    /// Sessions that no screen has shown and whose time has passed, the longest ago made first. Ending them is
    /// [`Store::finish`]'s work.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn expire_waiting(&self, now: Timestamp) -> Result<Vec<SessionRecord>, StoreError> {
        let waiting = format!(
            "SELECT {} FROM session WHERE ended_at IS NULL AND state = 'created' AND expires_at <= ?1
             ORDER BY created_at, id LIMIT {}",
            rows::RECORD,
            Self::MOST_EXPIRED
        );
        let mut statement = self.connection.prepare_cached(&waiting)?;
        statement.query_and_then([rows::millis(now)?], rows::record)?.collect()
    }

    /// A session, ended or not; none when there is none of that name.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn session(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let one = format!("SELECT {} FROM session WHERE id = ?1", rows::RECORD);
        let mut statement = self.connection.prepare_cached(&one)?;
        statement.query_and_then([id.as_str()], rows::record)?.next().transpose()
    }
}

/// Writes a session that was just made.
pub(super) fn insert(transaction: &Transaction<'_>, record: &SessionRecord) -> Result<(), StoreError> {
    let values = OpenSession::of(record)?;
    transaction
        .prepare_cached(
            "INSERT INTO session (id, use_case, jurisdiction, state, document_attempts, face_attempts, last_error,
                created_at, expires_at)
             VALUES (:id, :use_case, :jurisdiction, :state, :document, :face, :last_error, :created_at, :expires_at)",
        )?
        .execute(named_params! {
            ":id": record.id.as_str(),
            ":use_case": record.use_case.as_str(),
            ":jurisdiction": record.jurisdiction.as_str(),
            ":state": values.state,
            ":document": record.attempts.document,
            ":face": record.attempts.face,
            ":last_error": values.last_error,
            ":created_at": rows::millis(record.created_at)?,
            ":expires_at": rows::millis(record.expires_at)?,
        })?;
    rows::write_consent(transaction, record)
}

/// What of a record is turned into names before it is written.
struct OpenSession {
    state: &'static str,
    last_error: Option<&'static str>,
}

impl OpenSession {
    fn of(record: &SessionRecord) -> Result<Self, StoreError> {
        if record.state.is_terminal() {
            return Err(StoreError::Terminal);
        }
        let (state, _) = rows::state_columns(record.state);
        Ok(Self { state, last_error: record.last_error.map(ReasonCode::as_str) })
    }
}
