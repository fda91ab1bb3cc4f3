//! Numbers that are left out of a chain, and why: written by a restore and by a rescue, and by nothing else.
//!
//! Always holds: a device never signs two outcomes with one number, as long as it signs less than one a second and its clock
//! is right. Where it cannot know its last number any more, it goes on with the seconds since 1970, which it cannot have
//! reached by counting, also not from an earlier leap. A clock that is behind the numbers does not count: then it leaps a
//! million. The first outcome behind a gap names the last that is known before it, so that a receiver sees both the gap and
//! where the device went on.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};
use serde::Serialize;

use super::chain::Chain;
use super::error::StoreError;
use super::rows;

/// Numbers that are left out where the clock is no help.
const LEAP: i64 = 1_000_000;

/// Why numbers are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// A backup was restored: what has these numbers was written after the backup.
    Restored,
    /// They were lost with a damaged file, or may have been.
    Rescued,
}

impl GapReason {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Restored => "restored",
            Self::Rescued => "rescued",
        }
    }
}

/// Numbers that are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// In which chain.
    pub chain: Chain,
    /// The last number before it; 0 where it is the beginning.
    pub last_before: i64,
    /// The first number behind it.
    pub first_behind: i64,
    /// Why.
    pub reason: GapReason,
    /// When it was written.
    pub at: Timestamp,
}

/// The gaps of a chain, from the first on.
pub(super) fn of_chain(connection: &Connection, chain: Chain) -> Result<Vec<Gap>, StoreError> {
    let mut statement = connection
        .prepare("SELECT last_before, first_behind, reason, at FROM gap WHERE chain = ?1 ORDER BY last_before")?;
    let found = statement.query_and_then([chain.as_str()], |row| {
        let reason: String = row.get(2)?;
        let known = [GapReason::Restored, GapReason::Rescued].into_iter().find(|known| known.as_str() == reason);
        Ok(Gap {
            chain,
            last_before: row.get(0)?,
            first_behind: row.get(1)?,
            reason: known.ok_or(rows::UNKNOWN)?,
            at: rows::timestamp(row.get(3)?)?,
        })
    })?;
    found.collect()
}

/// Writes one.
pub(super) fn write(transaction: &Transaction<'_>, gap: &Gap) -> Result<(), StoreError> {
    transaction
        .prepare_cached("INSERT INTO gap (chain, last_before, first_behind, reason, at) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute((gap.chain.as_str(), gap.last_before, gap.first_behind, gap.reason.as_str(), rows::millis(gap.at)?))?;
    Ok(())
}

/// Has the outcomes go on with a number that this device has never used. `known` is the highest that is known from
/// elsewhere. Returns the number.
pub(super) fn leap(
    transaction: &Transaction<'_>,
    known: i64,
    reason: GapReason,
    at: Timestamp,
) -> Result<i64, StoreError> {
    let last_before: i64 = transaction.query_row("SELECT last_sequence FROM device", [], |row| row.get(0))?;
    // A clock that was set back is no way to an old number.
    let latest: Option<i64> =
        transaction.query_row("SELECT max(max(floor_at, decided_at, wall_at)) FROM clock", [], |row| row.get(0))?;
    let seconds = rows::millis(at)?.max(latest.unwrap_or_default()) / 1000;
    let reached = last_before.max(known);
    let first_behind = match seconds - reached {
        ahead if ahead > 1 => seconds,
        // It has leapt a moment ago.
        behind if behind > -LEAP => reached + 2,
        _ => reached + LEAP,
    };
    write(transaction, &Gap { chain: Chain::Outcomes, last_before, first_behind, reason, at })?;
    transaction.execute("UPDATE device SET last_sequence = ?1", [first_behind - 1])?;
    Ok(first_behind)
}
