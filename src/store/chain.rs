//! Walks the two chains from their first link to the head that the device row names. A number may be left out only where
//! the table of gaps says so, and each gap is reported.
//!
//! Does not notice when rows and head are cut together: whoever can write the file can do that. A receiver that holds
//! later outcomes can, and one that gets signed heartbeats.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row};
use serde::Serialize;

use super::attestation::{self, verify};
use super::audit::AuditRow;
use super::error::StoreError;
use super::gaps::{self, GapReason};
use super::handover::Keyring;
use super::keys::DevicePublicKey;
use super::{Store, rows};

/// Which chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Chain {
    /// Signed outcomes.
    Outcomes,
    /// Audit entries.
    Audit,
}

impl Chain {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Outcomes => "outcomes",
            Self::Audit => "audit",
        }
    }
}

impl std::fmt::Display for Chain {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Outcomes => "outcomes",
            Self::Audit => "audit entries",
        })
    }
}

/// Where a chain does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainBreak {
    /// A link is missing, or there twice.
    #[error(
        "of the {chain} number {expected} is missing; somebody changed the database: keep a copy of it, and compare with what receivers have"
    )]
    Gap {
        /// Of which chain.
        chain: Chain,
        /// The number that should have come.
        expected: i64,
    },
    /// A link is not as it was written, or does not follow from the one before.
    #[error(
        "of the {chain} number {sequence} was altered or put elsewhere; somebody changed the database: keep a copy of it, and compare with what receivers have"
    )]
    Altered {
        /// Of which chain.
        chain: Chain,
        /// The link's number.
        sequence: i64,
    },
    /// The chain ends elsewhere than the device's row says.
    #[error(
        "the {chain} end with number {found} instead of {expected}; somebody changed the database: keep a copy of it, and compare with what receivers have"
    )]
    Cut {
        /// Of which chain.
        chain: Chain,
        /// Where it should end.
        expected: i64,
        /// Where it does.
        found: i64,
    },
}

/// The end of the part that was walked.
struct Walk {
    chain: Chain,
    /// Links that were there.
    links: u64,
    /// The number of the last one, or of the last that a gap leaves out.
    sequence: i64,
    /// Hash of the last one.
    hash: Option<String>,
    /// Whether the next one may name another link before it, because the one that it names is lost.
    lost: bool,
    /// By the last number before each.
    gaps: BTreeMap<i64, (i64, GapReason)>,
}

impl Walk {
    fn begin(connection: &Connection, chain: Chain) -> Result<Self, StoreError> {
        let gaps = gaps::of_chain(connection, chain)?;
        let gaps = gaps.into_iter().map(|gap| (gap.last_before, (gap.first_behind, gap.reason))).collect();
        let mut walk = Self { chain, links: 0, sequence: 0, hash: None, lost: false, gaps };
        walk.leap();
        Ok(walk)
    }

    /// Goes over the gaps that begin here. Each leads on, so that this ends.
    fn leap(&mut self) {
        while let Some((first_behind, reason)) = self.gaps.get(&self.sequence).copied() {
            self.sequence = first_behind - 1;
            self.lost |= reason == GapReason::Rescued;
        }
    }

    /// Makes sure that a link has the next number.
    fn expect_next(&self, sequence: i64) -> Result<(), StoreError> {
        let expected = self.sequence + 1;
        if sequence == expected { Ok(()) } else { Err(ChainBreak::Gap { chain: self.chain, expected }.into()) }
    }

    /// Whether a link that names this one before it follows.
    fn is_followed_by(&self, previous: Option<&str>) -> bool {
        self.lost || self.hash.as_deref() == previous
    }

    fn step(&mut self, sequence: i64, hash: String) {
        (self.sequence, self.hash, self.lost, self.links) = (sequence, Some(hash), false, self.links + 1);
        self.leap();
    }

    fn altered(&self, sequence: i64) -> StoreError {
        ChainBreak::Altered { chain: self.chain, sequence }.into()
    }

    /// Makes sure that the chain ends where the device's row says. Returns how many links there are.
    fn expect_head(self, connection: &Connection, head: &str) -> Result<u64, StoreError> {
        let (expected, hash): (i64, Option<String>) =
            connection.query_row(head, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if self.sequence != expected {
            return Err(ChainBreak::Cut { chain: self.chain, expected, found: self.sequence }.into());
        }
        if self.hash != hash {
            return Err(self.altered(expected));
        }
        Ok(self.links)
    }
}

/// An outcome as its row has it.
pub(super) struct OutcomeRow {
    pub sequence: i64,
    pub id: String,
    pub session: String,
    pub result: String,
    pub reason: Option<String>,
    pub livemode: bool,
    pub decided_at: i64,
    pub jws: String,
    pub overrides: Option<String>,
}

impl OutcomeRow {
    pub(super) const COLUMNS: &str = "sequence, id, session, result, reason, livemode, decided_at, jws, overrides";

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sequence: row.get(0)?,
            id: row.get(1)?,
            session: row.get(2)?,
            result: row.get(3)?,
            reason: row.get(4)?,
            livemode: row.get(5)?,
            decided_at: row.get(6)?,
            jws: row.get(7)?,
            overrides: row.get(8)?,
        })
    }

    /// What it is signed to say, if that is what its row says.
    pub(super) fn payload(&self, device: &str, key: &DevicePublicKey) -> Option<serde_json::Value> {
        let payload = verify(&self.jws, key).ok()?;
        let text = |name: &str| payload[name].as_str();
        let decided_at = text("decided_at").and_then(|at| at.parse().ok()).and_then(|at| rows::millis(at).ok());
        let holds = text("device") == Some(device)
            && payload["sequence"].as_i64() == Some(self.sequence)
            && text("id") == Some(self.id.as_str())
            && text("session") == Some(self.session.as_str())
            && text("result") == Some(self.result.as_str())
            && text("reason") == self.reason.as_deref()
            && payload["overrides"]["outcome"].as_str() == self.overrides.as_deref()
            && payload["livemode"].as_bool() == Some(self.livemode)
            && decided_at == Some(self.decided_at);
        holds.then_some(payload)
    }
}

/// Verifies every outcome's signature and place, and that its row says what it says. Returns how many there are.
pub(super) fn outcomes(connection: &Connection, device: &str, keys: &Keyring) -> Result<u64, StoreError> {
    let mut walk = Walk::begin(connection, Chain::Outcomes)?;
    let mut statement =
        connection.prepare(&format!("SELECT {} FROM outcome ORDER BY sequence", OutcomeRow::COLUMNS))?;
    let mut outcomes = statement.query([])?;
    while let Some(row) = outcomes.next()? {
        let outcome = OutcomeRow::read(row)?;
        walk.expect_next(outcome.sequence)?;
        let payload =
            outcome.payload(device, keys.of(outcome.sequence)).ok_or_else(|| walk.altered(outcome.sequence))?;
        if !walk.is_followed_by(payload["previous_hash"].as_str()) {
            return Err(walk.altered(outcome.sequence));
        }
        walk.step(outcome.sequence, attestation::hash(&outcome.jws));
    }
    walk.expect_head(connection, "SELECT last_sequence, last_hash FROM device")
}

/// Verifies every audit entry's hash and place. Returns how many there are.
pub(super) fn audit(connection: &Connection) -> Result<u64, StoreError> {
    let mut walk = Walk::begin(connection, Chain::Audit)?;
    let mut statement = connection.prepare(&format!("SELECT {} FROM audit ORDER BY sequence", AuditRow::COLUMNS))?;
    let mut entries = statement.query([])?;
    while let Some(row) = entries.next()? {
        let (entry, hash) = AuditRow::read(row)?;
        walk.expect_next(entry.sequence)?;
        if !walk.is_followed_by(entry.previous.as_deref()) || entry.hash() != hash {
            return Err(walk.altered(entry.sequence));
        }
        walk.step(entry.sequence, hash);
    }
    walk.expect_head(connection, "SELECT last_audit_sequence, last_audit_hash FROM device")
}

impl Store {
    /// Verifies every outcome's signature and place, and that its row says what it says. Returns how many there are.
    ///
    /// # Errors
    /// [`StoreError::Chain`] at the first that does not hold.
    pub fn verify_outcomes(&self) -> Result<u64, StoreError> {
        outcomes(&self.connection, &self.device, &self.keyring)
    }

    /// Verifies every audit entry's hash and place. Returns how many there are.
    ///
    /// # Errors
    /// [`StoreError::Chain`] at the first that does not hold.
    pub fn verify_audit(&self) -> Result<u64, StoreError> {
        audit(&self.connection)
    }
}
