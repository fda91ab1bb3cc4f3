//! The keys of the API: made, replaced, revoked and looked up by their hash.
//!
//! Always holds: no text of a key is stored; what a key is never changes, its end only ever moves closer, and a revoked
//! key stays revoked. Does not draw keys, and does not say what they open.

use jiff::Timestamp;
use rusqlite::{Row, Transaction, named_params};

use super::audit::{self, Actor, AuditAction, AuditEntry};
use super::error::StoreError;
use super::{Store, rows};
use crate::privacy::{ApiKeyKind, ApiKeyRecord, KeyHash, Scopes, Vocabulary};

const COLUMNS: &str =
    "id, kind, livemode, label, scopes, vocabulary, created_at, expires_at, revoked_at, last_used_at, replaced_by";
/// A key's last use is written at most so often, in milliseconds.
const USE_NOTED_EVERY_MS: i64 = 60_000;

impl Store {
    /// Draws the identifier of an API key, `key_…`.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the system has no randomness.
    pub fn api_key_id() -> Result<String, StoreError> {
        rows::new_id("key")
    }

    /// Writes a key that was just made.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when there is one of that name or hash.
    pub fn add_api_key(&mut self, key: &ApiKeyRecord, hash: &KeyHash) -> Result<(), StoreError> {
        self.transact(|transaction| {
            insert(transaction, key, hash)?;
            note(transaction, AuditAction::ApiKeyMade, key.created_at)
        })
    }

    /// The key of a hash, valid or not.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn api_key(&self, hash: &KeyHash) -> Result<Option<ApiKeyRecord>, StoreError> {
        let one = format!("SELECT {COLUMNS} FROM api_key WHERE hash = ?1");
        let mut statement = self.connection.prepare_cached(&one)?;
        statement.query_and_then([hash.as_str()], key)?.next().transpose()
    }

    /// Every key that there ever was, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn api_keys(&self) -> Result<Vec<ApiKeyRecord>, StoreError> {
        let all = format!("SELECT {COLUMNS} FROM api_key ORDER BY created_at, id");
        let mut statement = self.connection.prepare_cached(&all)?;
        statement.query_and_then([], key)?.collect()
    }

    /// Writes a key that takes the place of another, which opens nothing any more from a moment on, or from its own end
    /// where that is sooner.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such key, [`StoreError::KeySpent`] when it was replaced or revoked,
    /// [`StoreError::Refused`] when the new one is of another kind or mode.
    pub fn rotate_api_key(
        &mut self,
        id: &str,
        new: &ApiKeyRecord,
        hash: &KeyHash,
        old_expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.transact(|transaction| {
            let old = of_id(transaction, id)?;
            if old.revoked_at.is_some() || old.replaced_by.is_some() {
                return Err(StoreError::KeySpent);
            }
            if (old.kind, old.livemode) != (new.kind, new.livemode) {
                return Err(StoreError::Refused { what: "a key in the place of one of another kind" });
            }
            insert(transaction, new, hash)?;
            let ends = old.expires_at.map_or(old_expires_at, |own| own.min(old_expires_at));
            transaction
                .prepare_cached("UPDATE api_key SET replaced_by = ?2, expires_at = ?3 WHERE id = ?1")?
                .execute((id, &new.id, rows::millis(ends)?))?;
            note(transaction, AuditAction::ApiKeyRotated, new.created_at)
        })
    }

    /// Revokes a key, at once and for good. One that is revoked already stays as it is.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such key.
    pub fn revoke_api_key(&mut self, id: &str, at: Timestamp) -> Result<(), StoreError> {
        self.transact(|transaction| {
            if of_id(transaction, id)?.revoked_at.is_some() {
                return Ok(());
            }
            let revoke = "UPDATE api_key SET revoked_at = ?2 WHERE id = ?1";
            transaction.prepare_cached(revoke)?.execute((id, rows::millis(at)?))?;
            note(transaction, AuditAction::ApiKeyRevoked, at)
        })
    }

    /// Notes that a key was used: at most once a minute, and again when the clock was set back.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub fn note_api_key_used(&mut self, id: &str, at: Timestamp) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE api_key SET last_used_at = ?2
                 WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at NOT BETWEEN ?2 - ?3 + 1 AND ?2)",
            )?
            .execute((id, rows::millis(at)?, USE_NOTED_EVERY_MS))?;
        Ok(())
    }
}

fn insert(transaction: &Transaction<'_>, key: &ApiKeyRecord, hash: &KeyHash) -> Result<(), StoreError> {
    let optional = |at: Option<Timestamp>| at.map(rows::millis).transpose();
    if !ApiKeyRecord::is_label(&key.label) {
        return Err(StoreError::Refused { what: "the label of a key" });
    }
    transaction
        .prepare_cached(
            "INSERT INTO api_key (id, hash, kind, livemode, label, scopes, vocabulary, created_at, expires_at, revoked_at,
                last_used_at, replaced_by)
             VALUES (:id, :hash, :kind, :livemode, :label, :scopes, :vocabulary, :created_at, :expires_at, :revoked_at,
                :last_used_at, :replaced_by)",
        )?
        .execute(named_params! {
            ":id": key.id,
            ":hash": hash.as_str(),
            ":kind": key.kind.as_str(),
            ":livemode": key.livemode,
            ":label": key.label,
            ":scopes": key.scopes.to_string(),
            ":vocabulary": key.vocabulary.as_str(),
            ":created_at": rows::millis(key.created_at)?,
            ":expires_at": optional(key.expires_at)?,
            ":revoked_at": optional(key.revoked_at)?,
            ":last_used_at": optional(key.last_used_at)?,
            ":replaced_by": key.replaced_by,
        })?;
    Ok(())
}

fn of_id(transaction: &Transaction<'_>, id: &str) -> Result<ApiKeyRecord, StoreError> {
    let one = format!("SELECT {COLUMNS} FROM api_key WHERE id = ?1");
    let mut statement = transaction.prepare_cached(&one)?;
    statement.query_and_then([id], key)?.next().unwrap_or(Err(StoreError::Missing))
}

/// A key out of the columns of [`COLUMNS`].
fn key(row: &Row<'_>) -> Result<ApiKeyRecord, StoreError> {
    let text = |index: usize| row.get::<_, String>(index).map_err(StoreError::from);
    let time = |index: usize| row.get::<_, Option<i64>>(index)?.map(rows::timestamp).transpose();
    let (kind, vocabulary) = (text(1)?, text(5)?);
    let kind = ApiKeyKind::ALL.into_iter().find(|known| known.as_str() == kind).ok_or(rows::UNKNOWN)?;
    let vocabulary = Vocabulary::ALL.into_iter().find(|known| known.as_str() == vocabulary).ok_or(rows::UNKNOWN)?;
    Ok(ApiKeyRecord {
        id: text(0)?,
        kind,
        livemode: row.get(2)?,
        label: text(3)?,
        scopes: Scopes::parse(kind, &text(4)?).ok_or(rows::UNKNOWN)?,
        vocabulary,
        created_at: rows::timestamp(row.get(6)?)?,
        expires_at: time(7)?,
        revoked_at: time(8)?,
        last_used_at: time(9)?,
        replaced_by: row.get(10)?,
    })
}

/// The operator alone handles keys.
fn note(transaction: &Transaction<'_>, action: AuditAction, at: Timestamp) -> Result<(), StoreError> {
    audit::append(transaction, &AuditEntry { at, actor: Actor::Operator, action, session: None })
}
