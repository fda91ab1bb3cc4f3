//! The budget of attempts over all sessions of an hour: charged when an attempt begins, given back when it succeeds.
//!
//! Always holds: an hour is an hour of running time, counted by a clock that never goes backwards and that nobody can set,
//! so that neither a restart nor a wrong clock gives new attempts (time in which the device was off does not count); what
//! tells of a document is a keyed hash under a label of its own, and goes with its row. Does not know why an attempt failed.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction};

use super::error::StoreError;
use super::{Store, returning, staff};
use crate::document::Fields;
use crate::privacy::{AttemptMark, attempt_mark};

/// For how long an attempt counts, in running time.
pub const ATTEMPT_WINDOW: Duration = Duration::from_hours(1);

/// What an attempt is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptKind {
    /// A document.
    Document,
    /// The head turn and the comparison.
    Face,
}

impl AttemptKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Document, Self::Face];

    fn as_str(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Face => "face",
        }
    }
}

/// How many attempts may fail within [`ATTEMPT_WINDOW`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptLimits {
    /// On the device, at documents and at head turns each.
    pub per_device: u16,
    /// At head turns with one document.
    pub per_document: u16,
}

/// An attempt that was charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptNumber {
    number: i64,
    kind: AttemptKind,
}

impl AttemptNumber {
    /// What it is at.
    #[must_use]
    pub fn kind(self) -> AttemptKind {
        self.kind
    }
}

/// Which budget is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// That of the device.
    Device,
    /// That of the document.
    Document,
}

/// Too many attempts have failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// Of what.
    pub budget: Budget,
    /// When the next one is free, in running time from now.
    pub again_after: Duration,
}

/// Whether an attempt may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Begun {
    /// It is charged, and on disk.
    Charged(AttemptNumber),
    /// It may not.
    Spent(Spent),
}

/// An attempt that is to begin.
#[derive(Debug, Clone, Copy)]
pub struct NewAttempt<'a> {
    /// At what.
    pub kind: AttemptKind,
    /// Of a head turn: what its document says.
    pub document: Option<&'a Fields>,
    /// The attempt before, if it has succeeded.
    pub passed: Option<AttemptNumber>,
}

impl Store {
    /// Charges an attempt, if one is left. `uptime` is the time since this engine started.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written; it must not begin then.
    pub fn begin_attempt(
        &mut self,
        attempt: &NewAttempt<'_>,
        limits: AttemptLimits,
        uptime: Duration,
    ) -> Result<Begun, StoreError> {
        let NewAttempt { kind, document, passed } = *attempt;
        let mark =
            document.filter(|_| kind == AttemptKind::Face).and_then(|said| attempt_mark(&self.keys.anchor, said));
        let now = self.ran_before + uptime;
        self.transact(|transaction| {
            advance(transaction, now)?;
            if let Some(number) = passed {
                forget(transaction, number)?;
            }
            purge(transaction, now)?;
            let mut spent = spent(transaction, kind, limits, now)?;
            if let Some(mark) = &mark
                && let Some(of_document) = spent_by(transaction, mark, limits, now)?
            {
                spent = Some(of_document);
            }
            if let Some(spent) = spent {
                return Ok(Begun::Spent(spent));
            }
            transaction
                .prepare_cached("INSERT INTO attempt (kind, began_ms, document) VALUES (?1, ?2, ?3)")?
                .execute((kind.as_str(), millis(now), mark.as_ref().map(AttemptMark::as_str)))?;
            Ok(Begun::Charged(AttemptNumber { number: transaction.last_insert_rowid(), kind }))
        })
    }

    /// Gives an attempt back that succeeded, or that the device broke off.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written; it counts as failed then.
    pub fn give_back_attempt(&mut self, number: AttemptNumber) -> Result<(), StoreError> {
        self.transact(|transaction| forget(transaction, number))
    }

    /// Whether the device's budget for either kind is spent.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn attempts_spent(&self, limits: AttemptLimits, uptime: Duration) -> Result<Option<Spent>, StoreError> {
        let now = self.ran_before + uptime;
        let [document, face] = AttemptKind::ALL.map(|kind| spent(&self.connection, kind, limits, now));
        Ok([document?, face?].into_iter().flatten().max_by_key(|spent| spent.again_after))
    }

    /// Deletes what no longer counts, of codes of the staff and of those that were sent too, and writes how long the device has run. Writes nothing
    /// when nothing is counted.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub fn purge_attempts(&mut self, uptime: Duration) -> Result<(), StoreError> {
        let now = self.ran_before + uptime;
        let counted = "SELECT EXISTS (SELECT 1 FROM attempt) OR EXISTS (SELECT 1 FROM staff_refusal)
            OR EXISTS (SELECT 1 FROM code_attempt)";
        let any: bool = self.connection.query_row(counted, [], |row| row.get(0))?;
        if !any {
            return Ok(());
        }
        self.transact(|transaction| {
            advance(transaction, now)?;
            purge(transaction, now)?;
            staff::purge(transaction, now)?;
            returning::purge(transaction, now)
        })
    }
}

/// For how long engines have run on this store before.
pub(super) fn ran_before(connection: &Connection) -> Result<Duration, StoreError> {
    let ran: i64 = connection.query_row("SELECT ran_ms FROM attempt_clock", [], |row| row.get(0))?;
    Ok(Duration::from_millis(ran.unsigned_abs()))
}

/// Writes for how long engines have run; it never goes backwards.
pub(super) fn advance(transaction: &Transaction<'_>, now: Duration) -> Result<(), StoreError> {
    transaction.prepare_cached("UPDATE attempt_clock SET ran_ms = max(ran_ms, ?1)")?.execute([millis(now)])?;
    Ok(())
}

fn forget(transaction: &Transaction<'_>, number: AttemptNumber) -> Result<(), StoreError> {
    transaction.prepare_cached("DELETE FROM attempt WHERE number = ?1")?.execute([number.number])?;
    Ok(())
}

fn purge(transaction: &Transaction<'_>, now: Duration) -> Result<(), StoreError> {
    transaction
        .prepare_cached("DELETE FROM attempt WHERE began_ms <= ?1")?
        .execute([window_begins(now, ATTEMPT_WINDOW)])?;
    Ok(())
}

fn spent(
    connection: &Connection,
    kind: AttemptKind,
    limits: AttemptLimits,
    now: Duration,
) -> Result<Option<Spent>, StoreError> {
    let newest =
        "SELECT began_ms FROM attempt WHERE kind = ?1 AND began_ms > ?2 ORDER BY began_ms DESC LIMIT 1 OFFSET ?3";
    spent_of(connection, Budget::Device, newest, kind.as_str(), limits.per_device, now)
}

fn spent_by(
    connection: &Connection,
    mark: &AttemptMark,
    limits: AttemptLimits,
    now: Duration,
) -> Result<Option<Spent>, StoreError> {
    let newest =
        "SELECT began_ms FROM attempt WHERE document = ?1 AND began_ms > ?2 ORDER BY began_ms DESC LIMIT 1 OFFSET ?3";
    spent_of(connection, Budget::Document, newest, mark.as_str(), limits.per_document, now)
}

/// A budget is spent while as many attempts as it allows count; the oldest of those frees the next one.
fn spent_of(
    connection: &Connection,
    budget: Budget,
    newest: &str,
    whose: &str,
    limit: u16,
    now: Duration,
) -> Result<Option<Spent>, StoreError> {
    let oldest: Option<i64> = connection
        .prepare_cached(newest)?
        .query_row((whose, window_begins(now, ATTEMPT_WINDOW), i64::from(limit) - 1), |row| row.get(0))
        .optional()?;
    Ok(oldest.map(|began| Spent { budget, again_after: until_free(began, ATTEMPT_WINDOW, now) }))
}

/// What began then or earlier does not count any more; below zero while the device has not run for so long.
pub(super) fn window_begins(now: Duration, window: Duration) -> i64 {
    millis(now) - millis(window)
}

/// How long it takes from now until what began then does not count any more.
pub(super) fn until_free(began: i64, window: Duration, now: Duration) -> Duration {
    (Duration::from_millis(began.unsigned_abs()) + window).saturating_sub(now)
}

/// A time of the clock as a column holds it.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
