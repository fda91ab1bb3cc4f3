//! People who come again: what they have left, and how often a code for it may be asked for and entered.
//!
//! Always holds: a contact is a keyed hash, and goes with its credential, which goes when its session is redacted or overridden;
//! of one address [`MOST_CODES_SENT`] codes are sent and [`MOST_CODES_ENTERED`] entered within [`CODE_WINDOW`] of running time at
//! most, over all sessions, whatever was restarted and whichever clock was set; an attempt is on disk before its code is looked
//! at. Does not hold codes or addresses, and does not say what a credential answers.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction};

use super::attempts::{advance, millis, until_free, window_begins};
use super::error::StoreError;
use super::{Store, rows};
use crate::document::Fields;
use crate::privacy::{ContactKind, document_anchor};
use crate::session::{Credential, SessionId};

/// For how long an attempt counts, in running time.
pub const CODE_WINDOW: Duration = Duration::from_mins(15);
/// Codes that may be entered for one address within [`CODE_WINDOW`], right or wrong.
pub const MOST_CODES_ENTERED: u16 = 5;
/// Codes that are sent to one address within [`CODE_WINDOW`].
pub const MOST_CODES_SENT: u16 = 3;
/// Codes that are sent by the whole device within [`CODE_WINDOW`], so that it floods nobody's mail.
pub const MOST_CODES_SENT_IN_ALL: u16 = 30;

/// Most credentials that are found by one contact, the newest first.
const MOST_FOUND: u16 = 50;

/// What is to be done with a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeAttempt {
    /// To send one.
    Send,
    /// To compare one that was entered.
    Enter,
}

impl CodeAttempt {
    fn as_str(self) -> &'static str {
        match self {
            Self::Send => "sent",
            Self::Enter => "entered",
        }
    }

    fn most(self) -> u16 {
        match self {
            Self::Send => MOST_CODES_SENT,
            Self::Enter => MOST_CODES_ENTERED,
        }
    }
}

/// Whether an attempt may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum CodeBudget {
    /// It is charged, and on disk.
    Charged {
        /// How many more there are.
        left: u16,
    },
    /// There were too many.
    Spent {
        /// When the next one is free, in running time from now.
        again_after: Duration,
    },
}

impl Store {
    /// Charges an attempt with an address, whose anchor is `contact`. `uptime` is the time since this engine started.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written; nothing may be sent or compared then.
    pub fn charge_code(
        &mut self,
        contact: &str,
        attempt: CodeAttempt,
        uptime: Duration,
    ) -> Result<CodeBudget, StoreError> {
        let (mark, ran) = (self.api_secrets().address_mark(contact), self.ran_before + uptime);
        self.transact(|transaction| {
            advance(transaction, ran)?;
            purge(transaction, ran)?;
            let of_address =
                "SELECT at_ms FROM code_attempt WHERE kind = ?1 AND address = ?2 ORDER BY at_ms DESC LIMIT 1 OFFSET ?3";
            let oldest = oldest(transaction, of_address, (attempt.as_str(), &mark, attempt.most() - 1))?;
            let of_all =
                "SELECT at_ms FROM code_attempt WHERE kind = ?1 AND ?2 <> '' ORDER BY at_ms DESC LIMIT 1 OFFSET ?3";
            let in_all = match attempt {
                CodeAttempt::Send => self::oldest(transaction, of_all, ("sent", &mark, MOST_CODES_SENT_IN_ALL - 1))?,
                CodeAttempt::Enter => None,
            };
            if let Some(began) = oldest.max(in_all) {
                return Ok(CodeBudget::Spent { again_after: until_free(began, CODE_WINDOW, ran) });
            }
            transaction
                .prepare_cached("INSERT INTO code_attempt (address, kind, at_ms) VALUES (?1, ?2, ?3)")?
                .execute((&mark, attempt.as_str(), millis(ran)))?;
            let made: u16 = transaction
                .prepare_cached("SELECT count(*) FROM code_attempt WHERE kind = ?1 AND address = ?2")?
                .query_row((attempt.as_str(), &mark), |row| row.get(0))?;
            Ok(CodeBudget::Charged { left: attempt.most().saturating_sub(made) })
        })
    }

    /// What a person has who can be written to so, the newest first; not what is over at `now`.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn credentials_of(
        &self,
        kind: ContactKind,
        contact: &str,
        now: Timestamp,
    ) -> Result<Vec<Credential>, StoreError> {
        let found = "SELECT id, outcome, tier, method, strength, rule_version, verified_at, expires_at, livemode
             FROM credential JOIN contact ON contact.credential = credential.id
             WHERE contact.value = ?1 AND contact.kind = ?2 AND expires_at > ?4
             ORDER BY verified_at DESC, id LIMIT ?3";
        let mut statement = self.connection.prepare_cached(found)?;
        statement.query_and_then((contact, kind.as_str(), MOST_FOUND, rows::millis(now)?), credential)?.collect()
    }

    /// Gives the newest letter to an address back, which was not sent.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written; it counts as sent then.
    pub fn give_back_code(&mut self, contact: &str) -> Result<(), StoreError> {
        let mark = self.api_secrets().address_mark(contact);
        self.transact(|transaction| {
            transaction
                .prepare_cached(
                    "DELETE FROM code_attempt WHERE number =
                        (SELECT max(number) FROM code_attempt WHERE kind = 'sent' AND address = ?1)",
                )?
                .execute([&mark])?;
            Ok(())
        })
    }

    /// Whether what an outcome has earned is still there.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn has_credential(&self, outcome: &str) -> Result<bool, StoreError> {
        let there = "SELECT EXISTS (SELECT 1 FROM credential WHERE outcome = ?1)";
        Ok(self.connection.prepare_cached(there)?.query_row([outcome], |row| row.get(0))?)
    }

    /// Keeps by what a person who was verified in a session can be found again, in the place of what was kept of that kind.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when that session has left nothing: nobody was verified, or it was erased.
    pub fn leave_contact(&mut self, session: &SessionId, kind: ContactKind, contact: &str) -> Result<(), StoreError> {
        self.transact(|transaction| {
            let earned: String = transaction
                .prepare_cached("SELECT id FROM credential WHERE session = ?1")?
                .query_row([session.as_str()], |row| row.get(0))?;
            keep(transaction, kind, contact, &earned)
        })
    }

    /// How often a document was used for a verification since a moment, in live sessions or in others.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn document_uses(&self, fields: &Fields, since: Timestamp, livemode: bool) -> Result<u32, StoreError> {
        let Some(anchor) = document_anchor(&self.keys.anchor, fields) else { return Ok(0) };
        let uses = "SELECT count(*) FROM credential JOIN anchor ON anchor.credential = credential.id
             WHERE anchor.value = ?1 AND anchor.kind = ?2 AND verified_at >= ?3 AND livemode = ?4";
        let since = rows::millis(since)?;
        let mut statement = self.connection.prepare_cached(uses)?;
        Ok(statement.query_row((anchor.as_str(), anchor.kind().as_str(), since, livemode), |row| row.get(0))?)
    }
}

/// Keeps the contacts that were given with a session with what the person has earned in it.
pub(super) fn keep_given(transaction: &Transaction<'_>, session: &SessionId, earned: &str) -> Result<(), StoreError> {
    let given: Option<[Option<String>; 2]> = transaction
        .prepare_cached("SELECT email_anchor, phone_anchor FROM request WHERE session = ?1")?
        .query_row([session.as_str()], |row| Ok([row.get(0)?, row.get(1)?]))
        .optional()?;
    for (kind, contact) in [ContactKind::Email, ContactKind::Phone].into_iter().zip(given.into_iter().flatten()) {
        contact.map_or(Ok(()), |contact| keep(transaction, kind, &contact, earned))?;
    }
    Ok(())
}

fn keep(transaction: &Transaction<'_>, kind: ContactKind, contact: &str, earned: &str) -> Result<(), StoreError> {
    // One of each kind: the next one takes the place of a wrong one, and nobody ties theirs beside it.
    transaction
        .prepare_cached("DELETE FROM contact WHERE credential = ?1 AND kind = ?2")?
        .execute((earned, kind.as_str()))?;
    transaction.prepare_cached("INSERT INTO contact (value, kind, credential) VALUES (?1, ?2, ?3)")?.execute((
        contact,
        kind.as_str(),
        earned,
    ))?;
    Ok(())
}

/// Deletes the attempts that no longer count.
pub(super) fn purge(transaction: &Transaction<'_>, ran: Duration) -> Result<(), StoreError> {
    let over = window_begins(ran, CODE_WINDOW);
    transaction.prepare_cached("DELETE FROM code_attempt WHERE at_ms <= ?1")?.execute([over])?;
    Ok(())
}

/// The oldest of the newest attempts that a budget has room for, while it has none.
fn oldest(connection: &Connection, newest: &str, whose: (&str, &str, u16)) -> Result<Option<i64>, StoreError> {
    Ok(connection.prepare_cached(newest)?.query_row(whose, |row| row.get(0)).optional()?)
}

fn credential(row: &Row<'_>) -> Result<Credential, StoreError> {
    Ok(Credential {
        id: row.get(0)?,
        outcome: row.get(1)?,
        tier: rows::named(&row.get::<_, String>(2)?)?,
        method: row.get(3)?,
        strength: rows::named(&row.get::<_, String>(4)?)?,
        rule_version: row.get(5)?,
        verified_at: rows::timestamp(row.get(6)?)?,
        expires_at: rows::timestamp(row.get(7)?)?,
        livemode: row.get(8)?,
    })
}
