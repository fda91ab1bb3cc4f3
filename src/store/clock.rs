//! What is known of the time over restarts, and when the clock was set.
//!
//! Always holds: the floor, below which nothing is decided, never falls but by an operator's order, which the audit chain
//! shows; of steps the newest [`MOST_STEPS`] are kept, and a step back is in the audit chain for good. Does not judge a time.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Transaction;

use super::attempts::millis;
use super::audit::{self, Actor, AuditAction, AuditEntry};
use super::error::StoreError;
use super::{Store, rows};
use crate::compliance::{ClockMark, ClockStep, Confirmed, TimeSource};

/// Steps that are kept.
const MOST_STEPS: u32 = 100;

/// What was kept of the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptClock {
    /// The times.
    pub mark: ClockMark,
    /// The kernel's name of the boot in which they were written.
    pub boot_id: Option<String>,
}

impl Store {
    /// What was kept of the time; `None` before it was ever written.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn clock(&self) -> Result<Option<KeptClock>, StoreError> {
        let kept = "SELECT floor_at, confirmed_at, confirmed_by, wall_at, boot_ms, boot_id, decided_at FROM clock";
        let mut statement = self.connection.prepare_cached(kept)?;
        let mut found = statement.query([])?;
        let Some(row) = found.next()? else { return Ok(None) };
        let (floor, wall, boot): (i64, i64, i64) = (row.get(0)?, row.get(3)?, row.get(4)?);
        let (confirmed_at, confirmed_by): (Option<i64>, Option<String>) = (row.get(1)?, row.get(2)?);
        let boot_id = row.get(5)?;
        let confirmed = match (confirmed_at, confirmed_by) {
            (Some(at), Some(by)) => {
                let by = TimeSource::ALL.into_iter().find(|source| source.as_str() == by).ok_or(rows::UNKNOWN)?;
                Some(Confirmed { at: rows::timestamp(at)?, by })
            }
            _ => None,
        };
        let mark = ClockMark {
            floor: rows::timestamp(floor)?,
            confirmed,
            decided: rows::timestamp(row.get(6)?)?,
            wall: rows::timestamp(wall)?,
            boot: Duration::from_millis(boot.unsigned_abs()),
        };
        Ok(Some(KeptClock { mark, boot_id }))
    }

    /// Writes what is known of the time, and a step of the clock where there was one. A floor that is there already never falls.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub fn keep_clock(&mut self, kept: &KeptClock, step: Option<ClockStep>) -> Result<(), StoreError> {
        self.transact(|transaction| {
            keep(transaction, kept)?;
            if let Some(step) = step {
                note(transaction, step)?;
            }
            Ok(())
        })
    }

    /// Forgets the floor and every confirmation, on an operator's order at `at`.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub fn reset_clock(&mut self, at: Timestamp) -> Result<(), StoreError> {
        self.transact(|transaction| {
            transaction.execute("DELETE FROM clock", [])?;
            let (actor, action) = (Actor::Operator, AuditAction::ClockReset);
            audit::append(transaction, &AuditEntry { at, actor, action, session: None })
        })
    }

    /// When the clock was set, the newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn clock_steps(&self, most: u32) -> Result<Vec<ClockStep>, StoreError> {
        let newest = "SELECT from_at, to_at FROM clock_step ORDER BY number DESC LIMIT ?1";
        let mut statement = self.connection.prepare_cached(newest)?;
        let steps = statement.query_and_then([most], |row| {
            Ok(ClockStep { from: rows::timestamp(row.get(0)?)?, to: rows::timestamp(row.get(1)?)? })
        })?;
        steps.collect()
    }
}

fn keep(transaction: &Transaction<'_>, kept: &KeptClock) -> Result<(), StoreError> {
    let mark = &kept.mark;
    let confirmed_at = mark.confirmed.map(|confirmed| rows::millis(confirmed.at)).transpose()?;
    let confirmed_by = mark.confirmed.map(|confirmed| confirmed.by.as_str());
    transaction
        .prepare_cached(
            "INSERT INTO clock (only_row, floor_at, confirmed_at, confirmed_by, wall_at, boot_ms, boot_id, decided_at)
             VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (only_row) DO UPDATE SET floor_at = max(floor_at, excluded.floor_at),
                 confirmed_at = excluded.confirmed_at, confirmed_by = excluded.confirmed_by,
                 wall_at = excluded.wall_at, boot_ms = excluded.boot_ms, boot_id = excluded.boot_id,
                 decided_at = excluded.decided_at",
        )?
        .execute((
            rows::millis(mark.floor)?,
            confirmed_at,
            confirmed_by,
            rows::millis(mark.wall)?,
            millis(mark.boot),
            kept.boot_id.as_deref(),
            rows::millis(mark.decided)?,
        ))?;
    Ok(())
}

fn note(transaction: &Transaction<'_>, step: ClockStep) -> Result<(), StoreError> {
    transaction
        .prepare_cached("INSERT INTO clock_step (from_at, to_at) VALUES (?1, ?2)")?
        .execute((rows::millis(step.from)?, rows::millis(step.to)?))?;
    transaction
        .prepare_cached("DELETE FROM clock_step WHERE number <= (SELECT max(number) FROM clock_step) - ?1")?
        .execute([MOST_STEPS])?;
    if step.is_back() {
        let (actor, action) = (Actor::Engine, AuditAction::ClockSetBack);
        audit::append(transaction, &AuditEntry { at: step.to, actor, action, session: None })?;
    }
    Ok(())
}
