//! The receiver's database: one SQLite file.
//!
//! Opening: the file is made if it is not there, the write-ahead log and full synchronisation are switched on, and the
//! schema is brought up to date. [`Database::store`] returns only when the event is on disk.

use std::path::Path;
use std::time::Duration;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use rusqlite_migration::{M, Migrations};
use serde::Serialize;

use super::attestation::Attested;
use super::event::{Attestation, ReceivedEvent};
use super::watch;

/// How long another process may hold the database.
const BUSY_LIMIT: Duration = Duration::from_secs(2);
/// Most events that are listed.
pub(super) const MAX_LISTED: i64 = 1000;

/// How an attestation hangs together with the others of its device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Chain {
    /// The device does not chain it.
    Unchained,
    /// It follows the one before, or is the first.
    Linked,
    /// The one before has not come yet.
    Waiting,
    /// Something was altered, left out or put elsewhere.
    Broken,
}

impl FromSql for Chain {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "unchained" => Ok(Self::Unchained),
            "linked" => Ok(Self::Linked),
            "waiting" => Ok(Self::Waiting),
            "broken" => Ok(Self::Broken),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

impl FromSql for Attestation {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        let all = [Self::None, Self::NotChecked, Self::Verified];
        all.into_iter().find(|attestation| attestation.as_str() == text).ok_or(FromSqlError::InvalidType)
    }
}

/// Why nothing can be stored.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The file cannot be opened, or holds something else.
    #[error("cannot open the receiver's database: {0}; name another file, or check its rights")]
    Open(rusqlite::Error),
    /// The schema cannot be brought up to date.
    #[error("cannot prepare the receiver's database: {0}; it may come from a newer version")]
    Schema(#[from] rusqlite_migration::Error),
    /// A statement failed.
    #[error("the receiver's database failed: {0}; check the disk")]
    Statement(#[from] rusqlite::Error),
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stored {
    /// It is new, and on disk.
    New(Option<Chain>),
    /// The very same was stored before.
    Duplicate,
    /// Another one was stored under its identifier.
    Other,
}

/// The open database.
#[derive(Debug)]
pub(super) struct Database(pub(super) Connection);

fn migrations() -> Migrations<'static> {
    Migrations::from_iter([
        M::up(include_str!("migrations/1-events.sql")),
        M::up(include_str!("migrations/2-heartbeats.sql")),
        M::up(include_str!("migrations/3-keys.sql")),
    ])
}

impl Database {
    pub(super) fn open(path: &Path) -> Result<Self, DatabaseError> {
        let mut connection = Connection::open(path).map_err(DatabaseError::Open)?;
        connection.busy_timeout(BUSY_LIMIT).map_err(DatabaseError::Open)?;
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
            .map_err(DatabaseError::Open)?;
        migrations().to_latest(&mut connection)?;
        Ok(Self(connection))
    }

    /// Stores an event, once.
    pub(super) fn store(
        &mut self,
        event: &ReceivedEvent,
        attested: Option<&Attested>,
        body: &[u8],
    ) -> Result<Stored, DatabaseError> {
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before = transaction
            .query_row("SELECT body FROM events WHERE id = ?1", [&event.id], |row| row.get::<_, Vec<u8>>(0))
            .optional()?;
        if let Some(before) = before {
            return Ok(if before == body { Stored::Duplicate } else { Stored::Other });
        }
        transaction.execute(
            "INSERT INTO events (id, type, session, result, reason, livemode, created, received_at_ms, attestation,
                                 sequence, jws_sha256, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                event.id,
                event.name,
                event.session,
                event.result,
                event.reason,
                event.livemode,
                event.created,
                event.received_at_ms,
                event.attestation.as_str(),
                attested.map(|attested| attested.sequence),
                attested.map(|attested| &attested.jws_sha256),
                body,
            ],
        )?;
        let mut chain = None;
        if let Some(link @ Attested { sequence, previous_hash, jws_sha256, key_id, .. }) = attested {
            transaction.execute(
                "INSERT INTO attestations (sequence, jws_sha256, previous_hash, key_id) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO NOTHING",
                params![sequence, jws_sha256, previous_hash, key_id],
            )?;
            let state = "SELECT state FROM chain WHERE sequence = ?1 AND jws_sha256 = ?2";
            watch::note_link(&transaction, link, event.received_at_ms)?;
            chain = Some(transaction.query_row(state, params![sequence, jws_sha256], |row| row.get(0))?);
        }
        transaction.commit()?;
        Ok(Stored::New(chain))
    }

    /// The newest events, the oldest of them first.
    pub(super) fn list(&self) -> Result<Vec<ReceivedEvent>, DatabaseError> {
        let mut statement = self.0.prepare_cached(
            "SELECT id, type, session, result, reason, livemode, created, attestation, e.sequence, state, received_at_ms, a.key_id
             FROM events e LEFT JOIN chain c ON c.sequence = e.sequence AND c.jws_sha256 = e.jws_sha256
             LEFT JOIN attestations a ON a.sequence = e.sequence AND a.jws_sha256 = e.jws_sha256
             ORDER BY received_at_ms DESC, id DESC LIMIT ?1",
        )?;
        let rows = statement.query_map([MAX_LISTED], |row| {
            Ok(ReceivedEvent {
                id: row.get(0)?,
                name: row.get(1)?,
                session: row.get(2)?,
                result: row.get(3)?,
                reason: row.get(4)?,
                livemode: row.get(5)?,
                created: row.get(6)?,
                attestation: row.get(7)?,
                sequence: row.get(8)?,
                chain: row.get(9)?,
                received_at_ms: row.get(10)?,
                key_id: row.get(11)?,
            })
        })?;
        let mut events = rows.collect::<Result<Vec<_>, _>>()?;
        events.reverse();
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, sequence: i64) -> ReceivedEvent {
        ReceivedEvent {
            id: id.to_owned(),
            name: "verification_session.verified".to_owned(),
            session: "vks_1".to_owned(),
            result: "verified".to_owned(),
            reason: None,
            livemode: false,
            created: 1,
            attestation: Attestation::Verified,
            sequence: Some(sequence),
            key_id: Some("k".repeat(43)),
            chain: None,
            received_at_ms: sequence,
        }
    }

    fn attested(sequence: i64, previous: Option<&str>, own: &str) -> Attested {
        Attested {
            sequence,
            previous_hash: previous.map(|digit| digit.repeat(64)),
            jws_sha256: own.repeat(64),
            key_id: "k".repeat(43),
            payload: serde_json::Map::new(),
        }
    }

    #[test]
    fn the_schema_is_valid() {
        migrations().validate().unwrap();
    }

    #[test]
    fn what_is_stored_is_there_after_a_restart_with_full_synchronisation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("receiver.db");
        let mut database = Database::open(&path).unwrap();
        let pragma = |name| database.0.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, String>(0));
        assert_eq!(pragma("journal_mode").unwrap(), "wal");
        let synchronous: i64 = database.0.query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap();
        assert_eq!(synchronous, 2, "FULL");
        let first = attested(1, None, "a");
        assert_eq!(database.store(&event("evt_1", 1), Some(&first), b"x").unwrap(), Stored::New(Some(Chain::Linked)));
        drop(database);
        let mut database = Database::open(&path).unwrap();
        assert_eq!(database.store(&event("evt_1", 1), Some(&first), b"x").unwrap(), Stored::Duplicate);
        assert_eq!(database.store(&event("evt_1", 1), Some(&first), b"y").unwrap(), Stored::Other);
        assert_eq!(database.list().unwrap().len(), 1);
    }

    #[test]
    fn the_chain_heals_when_the_missing_one_comes_and_shows_forks_and_gaps() {
        let mut database = Database::open(Path::new(":memory:")).unwrap();
        let mut store = |id: &str, attested: &Attested| match database
            .store(&event(id, attested.sequence), Some(attested), id.as_bytes())
            .unwrap()
        {
            Stored::New(chain) => chain.unwrap(),
            other => panic!("{other:?}"),
        };
        assert_eq!(store("evt_1", &attested(1, None, "a")), Chain::Linked);
        assert_eq!(store("evt_3", &attested(3, Some("b"), "c")), Chain::Waiting);
        assert_eq!(store("evt_2", &attested(2, Some("a"), "b")), Chain::Linked);
        assert_eq!(store("evt_2b", &attested(2, Some("a"), "b")), Chain::Linked, "the same in the other dialect");
        assert_eq!(store("evt_4", &attested(4, Some("e"), "d")), Chain::Broken, "one before was exchanged");
        assert_eq!(store("evt_1f", &attested(1, None, "f")), Chain::Broken, "two firsts");
        assert_eq!(store("evt_0", &attested(0, None, "0")), Chain::Unchained);
        let chains: Vec<_> =
            database.list().unwrap().into_iter().map(|event| (event.id, event.chain.unwrap())).collect();
        let of = |id: &str| chains.iter().find(|(known, _)| known == id).unwrap().1;
        assert_eq!((of("evt_3"), of("evt_4"), of("evt_1")), (Chain::Linked, Chain::Broken, Chain::Broken));
    }
}
