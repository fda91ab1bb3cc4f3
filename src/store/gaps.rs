//! Numbers that are left out of a chain, and why: written by a restore and by a rescue, and by nothing else.
//!
//! Always holds: a device never signs two outcomes with one number, and never numbers two audit entries alike. Where it cannot
//! know its last number any more, it goes on with the seconds since 1970 times 2^20, which it cannot have reached by counting,
//! also not from an earlier leap, and adds a random number below that. A clock that is not beyond what the store knows says
//! nothing: then the latest time that is known stands in its place, and the random number is below 2^44, so that two goings-on
//! from one backup do not meet. All numbers stay below 2^53, so that every language reads them exactly. The first outcome
//! behind a gap names the last that is known before it, so that a receiver sees both the gap and where the device went on.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};
use serde::Serialize;

use super::chain::Chain;
use super::error::StoreError;
use super::rows;

/// Numbers to each second; those of one are in an order that nobody can know.
const TO_A_SECOND: i64 = 1 << 20;
/// Numbers among which one is drawn where the clock is no help.
const TO_A_CLOCK_THAT_IS_BEHIND: i64 = 1 << 44;
/// Times from 2106 on are no clock's that is right.
const MOST_SECONDS: i64 = 1 << 32;
/// The highest number that a device can have reached.
pub(super) const HIGHEST: i64 = (1 << 53) - (1 << 45);
/// What the first audit entry names before it where every one before it is lost.
const LOST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

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

/// Has a chain go on with a number that this device has never used in it. `known` is the highest that is known from
/// elsewhere. Returns the number.
pub(super) fn leap(
    transaction: &Transaction<'_>,
    chain: Chain,
    known: i64,
    reason: GapReason,
    at: Timestamp,
) -> Result<i64, StoreError> {
    let last = match chain {
        Chain::Outcomes => "SELECT last_sequence FROM device",
        Chain::Audit => "SELECT last_audit_sequence FROM device",
    };
    let last_before: i64 = transaction.query_row(last, [], |row| row.get(0))?;
    // A clock that was set back is no way to an old number.
    let latest = "SELECT max(coalesce((SELECT max(floor_at, decided_at, wall_at) FROM clock), 0),
        coalesce((SELECT max(decided_at) FROM outcome), 0), coalesce((SELECT max(at) FROM audit), 0))";
    let latest: i64 = transaction.query_row(latest, [], |row| row.get(0))?;
    let (seconds, latest) = (rows::millis(at)? / 1000, latest / 1000);
    let reached = if known <= HIGHEST { last_before.max(known) } else { last_before };
    let first_behind = first_behind(seconds, latest, reached, random()?);
    write(transaction, &Gap { chain, last_before, first_behind, reason, at })?;
    match chain {
        Chain::Outcomes => transaction.execute("UPDATE device SET last_sequence = ?1", [first_behind - 1])?,
        Chain::Audit => transaction.execute(
            "UPDATE device SET last_audit_sequence = ?1, last_audit_hash = coalesce(last_audit_hash, ?2)",
            (first_behind - 1, LOST),
        )?,
    };
    Ok(first_behind)
}

/// The number to go on with, from the clock, the latest time and the highest number that are known, and something random.
fn first_behind(seconds: i64, latest: i64, reached: i64, random: u64) -> i64 {
    let moved_on = seconds > latest && seconds < MOST_SECONDS;
    let among = if moved_on { TO_A_SECOND } else { TO_A_CLOCK_THAT_IS_BEHIND };
    let second = [seconds, latest].into_iter().filter(|&second| second < MOST_SECONDS).max().unwrap_or_default();
    let least = (second * TO_A_SECOND).max(reached.saturating_add(2));
    least.saturating_add((random % among.unsigned_abs()).cast_signed())
}

fn random() -> Result<u64, StoreError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|_| StoreError::Io { code: -1 })?;
    Ok(u64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_leap_is_beyond_all_that_is_known_and_read_exactly_by_every_language(
            seconds in 0..1_i64 << 38, latest in 0..1_i64 << 38, reached in 0..=HIGHEST, random: u64,
        ) {
            let first = first_behind(seconds, latest, reached, random);
            prop_assert!(first > reached + 1);
            prop_assert!(first <= 1 << 53);
        }

        #[test]
        fn a_clock_that_is_right_leads_to_a_higher_number_each_second(
            second in 1_700_000_000..4_000_000_000_i64, earlier: u64, later: u64,
        ) {
            prop_assert!(first_behind(second, 0, 9, earlier) < first_behind(second + 1, 0, 9, later));
        }
    }
}
