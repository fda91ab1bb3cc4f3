//! The audit chain, read by an auditor: from a store that is stopped, or beside its engine.
//!
//! Always holds: nothing is changed; what is verified is of one moment; entries are handed on a few at a time, so that whoever
//! takes long over them keeps nobody from anything: they never change, and so that is the same; while a reader is there, nobody
//! replaces the store; an entry has no place for personal data.
//! That rows and the head are cut off together shows only against a head that somebody else has kept.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;

use super::audit::AuditRow;
use super::chain::{self, Chain, ChainBreak};
use super::error::StoreError;
use super::folder::Reading;
use super::gaps::{self, Gap};
use super::{DATABASE, examine, rows, schema};

/// An entry as it is exported: with its place in the chain, so that whoever has it can check that again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditLine {
    /// Number in the chain, from 1.
    pub sequence: i64,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// To which session.
    pub session: Option<String>,
    /// Hash of the entry before.
    pub previous_hash: Option<String>,
    /// SHA-256 of this one, in hexadecimal; of what, `docs/store.md` says.
    pub hash: String,
}

/// An entry that somebody knows to have been there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditHead {
    /// Its number.
    pub sequence: i64,
    /// Its hash.
    pub hash: String,
}

/// Not the form of an [`AuditHead`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an entry of the audit chain is named by its number, a colon and its hash of 64 digits, as 'carded audit verify' prints it"
)]
pub struct AuditHeadError;

impl std::str::FromStr for AuditHead {
    type Err = AuditHeadError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (sequence, hash) = text.split_once(':').ok_or(AuditHeadError)?;
        let sequence = sequence.parse().ok().filter(|&number: &i64| number > 0).ok_or(AuditHeadError)?;
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if is_hash { Ok(Self { sequence, hash: hash.to_owned() }) } else { Err(AuditHeadError) }
    }
}

impl std::fmt::Display for AuditHead {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.sequence, self.hash)
    }
}

/// Entries that are read at a time.
const AT_A_TIME: usize = 1000;

/// A chain that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditVerified {
    /// How many entries it has.
    pub entries: u64,
    /// The last one: kept elsewhere, it shows later whether the end was cut off.
    pub head: Option<AuditHead>,
    /// Numbers that a restore or a rescue has left out.
    pub gaps: Vec<Gap>,
    /// The one of them in which the entry is that somebody has kept.
    pub left_out: Option<Gap>,
}

/// Reads the audit chain of a store.
#[derive(Debug)]
pub struct AuditReader {
    connection: Connection,
    /// Keeps the store from being replaced meanwhile.
    _reading: Reading,
}

impl AuditReader {
    /// Opens the store in a folder for reading.
    ///
    /// # Errors
    /// [`StoreError`] when there is none, or it cannot be read.
    pub fn open(state: &Path) -> Result<Self, StoreError> {
        let reading = examine::enter(state)?;
        let connection = schema::open_to_read(&state.join(DATABASE))?;
        match schema::version(&connection)? {
            0 => Err(StoreError::Empty(state.to_owned())),
            found if found < schema::known() => Err(StoreError::Older { found, known: schema::known() }),
            _ => Ok(Self { connection, _reading: reading }),
        }
    }

    /// Verifies every entry's hash and place, and that what somebody has kept is among them or left out by a gap.
    ///
    /// # Errors
    /// [`StoreError::Chain`] at the first that does not hold.
    pub fn verify(&self, kept: Option<&AuditHead>) -> Result<AuditVerified, StoreError> {
        let moment = self.connection.unchecked_transaction()?;
        let entries = chain::audit(&moment)?;
        let gaps = gaps::of_chain(&moment, Chain::Audit)?;
        let last = "SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1";
        let read = |row: &rusqlite::Row<'_>| Ok(AuditHead { sequence: row.get(0)?, hash: row.get(1)? });
        let head = moment.query_row(last, [], read).optional()?;
        let mut left_out = None;
        if let Some(kept) = kept {
            let of = "SELECT sequence, hash FROM audit WHERE sequence = ?1";
            let within = |gap: &&Gap| (gap.last_before + 1..gap.first_behind).contains(&kept.sequence);
            left_out = gaps.iter().find(within).copied();
            match moment.query_row(of, [kept.sequence], read).optional()? {
                Some(found) if found == *kept => {}
                Some(_) => return Err(ChainBreak::Altered { chain: Chain::Audit, sequence: kept.sequence }.into()),
                None if left_out.is_some() => {}
                None => {
                    let found = head.map_or(0, |head| head.sequence);
                    return Err(ChainBreak::Cut { chain: Chain::Audit, expected: kept.sequence, found }.into());
                }
            }
        }
        Ok(AuditVerified { entries, head, gaps, left_out })
    }

    /// The number of the entry behind which the newest so many begin.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn before_newest(&self, most: u32) -> Result<i64, StoreError> {
        let before = "SELECT sequence FROM audit ORDER BY sequence DESC LIMIT 1 OFFSET ?1";
        Ok(self.connection.query_row(before, [most], |row| row.get(0)).optional()?.unwrap_or(0))
    }

    /// Hands on each entry behind a number, in order.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read, or what `each` ends with.
    pub fn each_after<E: From<StoreError>>(
        &self,
        mut after: i64,
        mut each: impl FnMut(&AuditLine) -> Result<(), E>,
    ) -> Result<u64, E> {
        let mut count = 0;
        loop {
            let lines = self.some_after(after)?;
            for line in &lines {
                each(line)?;
                after = line.sequence;
            }
            count += lines.len() as u64;
            if lines.len() < AT_A_TIME {
                return Ok(count);
            }
        }
    }

    fn some_after(&self, after: i64) -> Result<Vec<AuditLine>, StoreError> {
        let lines =
            format!("SELECT {} FROM audit WHERE sequence > ?1 ORDER BY sequence LIMIT {AT_A_TIME}", AuditRow::COLUMNS);
        let mut statement = self.connection.prepare_cached(&lines)?;
        let found = statement.query_and_then([after], |row| {
            let (entry, hash) = AuditRow::read(row)?;
            Ok(AuditLine {
                sequence: entry.sequence,
                at: rows::timestamp(entry.at)?,
                actor: entry.actor,
                action: entry.action,
                session: entry.session,
                previous_hash: entry.previous,
                hash,
            })
        })?;
        found.collect()
    }
}
