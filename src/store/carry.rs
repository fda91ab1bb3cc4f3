//! What was done after a backup, as far as the store says that the backup is to replace: numbers that were reached, sessions that
//! were redacted, keys that were revoked or run out sooner, and staff who were removed.
//!
//! Always holds: what can be read of that is in force again in the restored store, and stands in its audit chain; what was
//! redacted is erased in the same transaction that makes the rest ready. Where the store cannot be read, or belongs to another
//! device, it says that it knows nothing. Does not bring anything over that was added.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};
use serde::Serialize;

use super::audit::{self, Actor, AuditAction, AuditEntry};
use super::error::StoreError;
use super::{DATABASE, requests, schema};
use crate::session::SessionId;

/// What was done after a backup and is in force again after its restore.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Since {
    /// Whether the store that was there could be read. Otherwise nobody here knows what was redacted, revoked or removed after
    /// the backup, and all that is as it was then.
    pub known: bool,
    /// Sessions that were redacted.
    pub redacted: Vec<SessionId>,
    /// Keys of the API that were revoked, or run out sooner.
    pub keys: Vec<String>,
    /// Staff who were removed.
    pub staff: Vec<String>,
}

/// What the store that is there says.
#[derive(Debug, Default)]
pub(super) struct Present {
    /// The last numbers of outcomes and audit entries.
    pub reached: (i64, i64),
    /// Thumbprint of the key that signs.
    pub signed_by: Option<String>,
    /// Whether the rest could be read.
    known: bool,
    /// When, and whether in live mode, by session.
    redacted: BTreeMap<String, (i64, bool)>,
    revoked: Vec<(String, i64)>,
    run_out: Vec<(String, i64)>,
    removed: Vec<(String, i64)>,
}

impl Present {
    /// Reads what can be read. A store of another device says nothing.
    pub(super) fn read(state: &Path, device: &str) -> Self {
        let mut present = Self::default();
        let file = state.join(DATABASE);
        let Some(connection) = file.exists().then(|| schema::open_to_read(&file).ok()).flatten() else {
            return present;
        };
        let reached = "SELECT last_sequence, last_audit_sequence, key_id FROM device WHERE id = ?1";
        let read = |row: &rusqlite::Row<'_>| Ok(((row.get(0)?, row.get(1)?), row.get(2)?));
        let Ok(Some(reached)) = connection.query_row(reached, [device], read).optional() else { return present };
        (present.reached, present.signed_by) = reached;
        present.known = present.read_the_rest(&connection).is_ok();
        present
    }

    fn read_the_rest(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        // The chain is kept apart from the requests: one of them may be damaged.
        let redacted = connection
            .prepare("SELECT session, redacted_at, livemode FROM request WHERE redacted_at IS NOT NULL")
            .and_then(|mut all| {
                let mut all = all.query([])?;
                while let Some(row) = all.next()? {
                    self.redacted.insert(row.get(0)?, (row.get(1)?, row.get(2)?));
                }
                Ok(())
            });
        let audited = "SELECT session, at FROM audit WHERE action = ?1 AND session IS NOT NULL";
        let mut audited = connection.prepare(audited)?;
        let mut audited = audited.query([AuditAction::SessionRedacted.as_str()])?;
        while let Some(row) = audited.next()? {
            self.redacted.entry(row.get(0)?).or_insert((row.get(1)?, false));
        }
        self.revoked = named(connection, "SELECT id, revoked_at FROM api_key WHERE revoked_at IS NOT NULL")?;
        self.run_out = named(connection, "SELECT id, expires_at FROM api_key WHERE expires_at IS NOT NULL")?;
        self.removed = named(connection, "SELECT id, removed_at FROM staff WHERE removed_at IS NOT NULL")?;
        redacted
    }

    /// Puts it in force in a backup that is made ready. Its sessions have to have ended.
    pub(super) fn carry_over(&self, transaction: &Transaction<'_>, at: Timestamp) -> Result<Since, StoreError> {
        let mut since = Since { known: self.known, ..Since::default() };
        for (session, (redacted_at, livemode)) in &self.redacted {
            let there = transaction.prepare_cached("SELECT 1 FROM session WHERE id = ?1")?.exists([session])?;
            let Ok(id) = SessionId::try_from(session.clone()) else { continue };
            if !there || requests::is_redacted(transaction, session)? {
                continue;
            }
            let redacted_at = Timestamp::from_millisecond(*redacted_at).unwrap_or(at);
            requests::erase(transaction, &id, redacted_at, *livemode)?;
            note(transaction, AuditAction::SessionRedacted, Some(id.clone()), at)?;
            since.redacted.push(id);
        }
        let revoke = "UPDATE api_key SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL";
        let run_out = "UPDATE api_key SET expires_at = ?2 WHERE id = ?1 AND revoked_at IS NULL
            AND (expires_at IS NULL OR expires_at > ?2)";
        let remove = "UPDATE staff SET removed_at = ?2 WHERE id = ?1 AND removed_at IS NULL";
        let change = |change: &str, these: &[(String, i64)], action: AuditAction| -> Result<Vec<String>, StoreError> {
            let mut changed = Vec::new();
            for (id, when) in these {
                if transaction.prepare_cached(change)?.execute((id, when))? > 0 {
                    note(transaction, action, None, at)?;
                    changed.push(id.clone());
                }
            }
            Ok(changed)
        };
        since.keys = change(revoke, &self.revoked, AuditAction::ApiKeyRevoked)?;
        since.keys.extend(change(run_out, &self.run_out, AuditAction::ApiKeyRotated)?);
        since.staff = change(remove, &self.removed, AuditAction::StaffRemoved)?;
        Ok(since)
    }
}

fn named(connection: &Connection, query: &str) -> rusqlite::Result<Vec<(String, i64)>> {
    connection.prepare(query)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn note(
    transaction: &Transaction<'_>,
    action: AuditAction,
    session: Option<SessionId>,
    at: Timestamp,
) -> Result<(), StoreError> {
    audit::append(transaction, &AuditEntry { at, actor: Actor::Operator, action, session })
}
