//! The staff: added, removed, and known by their codes; and the wrong codes, which are counted.
//!
//! Always holds: no code is stored; who was removed stays removed; on the whole device [`MOST_WRONG_CODES`] are refused in
//! [`WRONG_CODE_WINDOW`] at most, and then every code is, whatever was restarted and whichever clock was set; a wrong code
//! is on disk before it is answered. Does not draw codes, and does not say what the staff may do.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction};

use super::attempts::{advance, millis, until_free, window_begins};
use super::audit::{self, Actor, AuditAction, AuditEntry};
use super::error::StoreError;
use super::{Store, rows};
use crate::privacy::{ApiKeyRecord, KeyHash, StaffCode, StaffId, StaffRecord};

/// For how long a wrong code counts, in running time.
pub const WRONG_CODE_WINDOW: Duration = Duration::from_mins(15);
/// Wrong codes on the whole device within [`WRONG_CODE_WINDOW`], after which none is looked at.
pub const MOST_WRONG_CODES: u16 = 10;

const COLUMNS: &str = "id, label, created_at, removed_at, last_used_at";

/// What a code says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum StaffCheck {
    /// It is the code of one of the staff.
    Known(StaffId),
    /// It is nobody's, or somebody's who was removed. It was counted.
    Unknown {
        /// How many more may be wrong before every code is refused.
        left: u16,
    },
    /// Too many were wrong: this one was not looked at, and not counted.
    Locked {
        /// When a code is looked at again, in running time from now.
        again_after: Duration,
    },
}

impl Store {
    /// Writes one of the staff who was just given a code.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when the name or the code was ever somebody's, or the label is none: draw another.
    pub fn add_staff(&mut self, new: &StaffRecord, hash: &KeyHash) -> Result<(), StoreError> {
        if !ApiKeyRecord::is_label(&new.label) {
            return Err(StoreError::Refused { what: "the label of one of the staff" });
        }
        let optional = |at: Option<Timestamp>| at.map(rows::millis).transpose();
        let (created, removed, used) =
            (rows::millis(new.created_at)?, optional(new.removed_at)?, optional(new.last_used_at)?);
        self.transact(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO staff (id, hash, label, created_at, removed_at, last_used_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute((new.id.as_str(), hash.as_str(), &new.label, created, removed, used))?;
            note(transaction, Actor::Operator, AuditAction::StaffAdded, new.created_at)
        })
    }

    /// Everybody who was ever added, the first one first.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn staff(&self) -> Result<Vec<StaffRecord>, StoreError> {
        let all = format!("SELECT {COLUMNS} FROM staff ORDER BY created_at, id");
        let mut statement = self.connection.prepare_cached(&all)?;
        statement.query_and_then([], record)?.collect()
    }

    /// Removes one of the staff, at once and for good. Who is removed already stays as they are.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is nobody of that name.
    pub fn remove_staff(&mut self, id: &StaffId, at: Timestamp) -> Result<(), StoreError> {
        self.transact(|transaction| {
            let removed: Option<i64> = transaction
                .prepare_cached("SELECT removed_at FROM staff WHERE id = ?1")?
                .query_row([id.as_str()], |row| row.get(0))?;
            if removed.is_some() {
                return Ok(());
            }
            let remove = "UPDATE staff SET removed_at = ?2 WHERE id = ?1";
            transaction.prepare_cached(remove)?.execute((id.as_str(), rows::millis(at)?))?;
            note(transaction, Actor::Operator, AuditAction::StaffRemoved, at)
        })
    }

    /// Whose code it is. A wrong one is counted, and a right one, which is noted as used, clears no wrong one.
    ///
    /// `uptime` is the time since this engine started: wrong codes are counted by the clock of attempts, which nobody can set.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written; nobody may do anything by this code then.
    pub fn staff_of(&mut self, code: &StaffCode, now: Timestamp, uptime: Duration) -> Result<StaffCheck, StoreError> {
        let (hash, ran) = (self.api_secrets().staff_hash(code), self.ran_before + uptime);
        // Before the code is looked at: right and wrong ones are refused alike while the clock is wrong.
        let used_at = rows::millis(now)?;
        self.transact(|transaction| {
            if let Some(again_after) = locked(transaction, ran)? {
                return Ok(StaffCheck::Locked { again_after });
            }
            advance(transaction, ran)?;
            purge(transaction, ran)?;
            if let Some(id) = known(transaction, &hash)? {
                let used = "UPDATE staff SET last_used_at = ?2 WHERE id = ?1";
                transaction.prepare_cached(used)?.execute((id.as_str(), used_at))?;
                return Ok(StaffCheck::Known(id));
            }
            transaction.prepare_cached("INSERT INTO staff_refusal (at_ms) VALUES (?1)")?.execute([millis(ran)])?;
            let wrong: u16 =
                transaction.prepare_cached("SELECT count(*) FROM staff_refusal")?.query_row([], |row| row.get(0))?;
            let left = MOST_WRONG_CODES.saturating_sub(wrong);
            if left == 0 {
                note(transaction, Actor::Engine, AuditAction::StaffLocked, now)?;
            }
            Ok(StaffCheck::Unknown { left })
        })
    }
}

/// Deletes the wrong codes that no longer count.
pub(super) fn purge(transaction: &Transaction<'_>, ran: Duration) -> Result<(), StoreError> {
    let over = window_begins(ran, WRONG_CODE_WINDOW);
    transaction.prepare_cached("DELETE FROM staff_refusal WHERE at_ms <= ?1")?.execute([over])?;
    Ok(())
}

/// When a code is looked at again, while none is: the oldest of the newest wrong ones makes room for the next.
fn locked(transaction: &Transaction<'_>, ran: Duration) -> Result<Option<Duration>, StoreError> {
    let newest = "SELECT at_ms FROM staff_refusal WHERE at_ms > ?1 ORDER BY at_ms DESC LIMIT 1 OFFSET ?2";
    let oldest: Option<i64> = transaction
        .prepare_cached(newest)?
        .query_row((window_begins(ran, WRONG_CODE_WINDOW), MOST_WRONG_CODES - 1), |row| row.get(0))
        .optional()?;
    Ok(oldest.map(|at| until_free(at, WRONG_CODE_WINDOW, ran)))
}

/// Who has that code now.
fn known(transaction: &Transaction<'_>, hash: &KeyHash) -> Result<Option<StaffId>, StoreError> {
    let id: Option<String> = transaction
        .prepare_cached("SELECT id FROM staff WHERE hash = ?1 AND removed_at IS NULL")?
        .query_row([hash.as_str()], |row| row.get(0))
        .optional()?;
    id.map(|id| StaffId::try_from(id).map_err(|_| rows::UNKNOWN)).transpose()
}

/// One of the staff out of the columns of [`COLUMNS`].
fn record(row: &Row<'_>) -> Result<StaffRecord, StoreError> {
    let time = |index: usize| row.get::<_, Option<i64>>(index)?.map(rows::timestamp).transpose();
    Ok(StaffRecord {
        id: StaffId::try_from(row.get::<_, String>(0)?).map_err(|_| rows::UNKNOWN)?,
        label: row.get(1)?,
        created_at: rows::timestamp(row.get(2)?)?,
        removed_at: time(3)?,
        last_used_at: time(4)?,
    })
}

fn note(transaction: &Transaction<'_>, actor: Actor, action: AuditAction, at: Timestamp) -> Result<(), StoreError> {
    audit::append(transaction, &AuditEntry { at, actor, action, session: None })
}
