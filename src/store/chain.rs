//! Walks the two chains from their first link to the head that the device row names.
//!
//! Does not notice when rows and head are cut together: whoever can write the file can do that. A receiver that holds
//! later outcomes can, and a signed heartbeat will.

use rusqlite::Row;

use super::attestation::{self, verify};
use super::audit::AuditRow;
use super::error::StoreError;
use super::{Store, rows};

/// Which chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// Signed outcomes.
    Outcomes,
    /// Audit entries.
    Audit,
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
#[derive(Default)]
struct Walk {
    sequence: i64,
    hash: Option<String>,
}

impl Walk {
    /// Makes sure that a link has the next number.
    fn expect_next(&self, chain: Chain, sequence: i64) -> Result<(), StoreError> {
        let expected = self.sequence + 1;
        if sequence == expected { Ok(()) } else { Err(ChainBreak::Gap { chain, expected }.into()) }
    }

    /// Makes sure that the chain ends where the device's row says.
    fn expect_head(self, chain: Chain, expected: i64, hash: Option<&str>) -> Result<u64, StoreError> {
        if self.sequence != expected {
            return Err(ChainBreak::Cut { chain, expected, found: self.sequence }.into());
        }
        if self.hash.as_deref() != hash {
            return Err(ChainBreak::Altered { chain, sequence: expected }.into());
        }
        Ok(self.sequence.unsigned_abs())
    }
}

impl Store {
    /// Verifies every outcome's signature and place, and that its row says what it says. Returns how many there are.
    ///
    /// # Errors
    /// [`StoreError::Chain`] at the first that does not hold.
    pub fn verify_outcomes(&self) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT sequence, id, session, result, reason, livemode, decided_at, jws, overrides FROM outcome
             ORDER BY sequence",
        )?;
        let mut outcomes = statement.query([])?;
        let mut walk = Walk::default();
        while let Some(row) = outcomes.next()? {
            let sequence: i64 = row.get(0)?;
            walk.expect_next(Chain::Outcomes, sequence)?;
            let jws: String = row.get(7)?;
            if !self.says_what_its_row_says(row, &jws, walk.hash.as_deref())? {
                return Err(ChainBreak::Altered { chain: Chain::Outcomes, sequence }.into());
            }
            walk = Walk { sequence, hash: Some(attestation::hash(&jws)) };
        }
        let (sequence, hash) = self.head("SELECT last_sequence, last_hash FROM device")?;
        walk.expect_head(Chain::Outcomes, sequence, hash.as_deref())
    }

    fn says_what_its_row_says(&self, row: &Row<'_>, jws: &str, previous: Option<&str>) -> Result<bool, StoreError> {
        let Ok(payload) = verify(jws, &self.public_key()) else { return Ok(false) };
        let text = |name: &str| payload[name].as_str();
        let decided_at = text("decided_at").and_then(|at| at.parse().ok()).map(rows::millis).transpose()?;
        let session: String = row.get(2)?;
        Ok(text("device") == Some(self.device())
            && payload["sequence"].as_i64() == Some(row.get(0)?)
            && text("previous_hash") == previous
            && text("id") == Some(row.get::<_, String>(1)?.as_str())
            && text("session") == Some(session.as_str())
            && text("result") == Some(row.get::<_, String>(3)?.as_str())
            && text("reason") == row.get::<_, Option<String>>(4)?.as_deref()
            && payload["overrides"]["outcome"].as_str() == row.get::<_, Option<String>>(8)?.as_deref()
            && payload["livemode"].as_bool() == Some(row.get(5)?)
            && decided_at == Some(row.get(6)?))
    }

    /// Verifies every audit entry's hash and place. Returns how many there are.
    ///
    /// # Errors
    /// [`StoreError::Chain`] at the first that does not hold.
    pub fn verify_audit(&self) -> Result<u64, StoreError> {
        let mut statement = self
            .connection
            .prepare("SELECT sequence, at, actor, action, session, previous_hash, hash FROM audit ORDER BY sequence")?;
        let mut entries = statement.query([])?;
        let mut walk = Walk::default();
        while let Some(row) = entries.next()? {
            let entry = AuditRow {
                sequence: row.get(0)?,
                at: row.get(1)?,
                actor: row.get(2)?,
                action: row.get(3)?,
                session: row.get(4)?,
                previous: row.get(5)?,
            };
            walk.expect_next(Chain::Audit, entry.sequence)?;
            let hash: String = row.get(6)?;
            if entry.previous != walk.hash || entry.hash() != hash {
                return Err(ChainBreak::Altered { chain: Chain::Audit, sequence: entry.sequence }.into());
            }
            walk = Walk { sequence: entry.sequence, hash: Some(hash) };
        }
        let (sequence, hash) = self.head("SELECT last_audit_sequence, last_audit_hash FROM device")?;
        walk.expect_head(Chain::Audit, sequence, hash.as_deref())
    }

    fn head(&self, query: &str) -> Result<(i64, Option<String>), StoreError> {
        Ok(self.connection.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }
}
