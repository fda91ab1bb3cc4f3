//! The outbox as an operator sees it: how much waits for whom, each delivery with its body, and dead letters sent again.
//!
//! Always holds: an answer is bounded; a dead letter that is sent again keeps its event's identifier and body, and stands in the
//! audit chain; one whose body was erased is never sent. Nothing is deleted here.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row};

use super::{MAX_LEASE_BYTES, Store};
use crate::session::SessionId;
use crate::session::protocol::{LetterState, OutboxLetter};
use crate::store::audit::{self, Actor, AuditAction, AuditEntry};
use crate::store::error::StoreError;
use crate::store::rows;

/// What stands in the place of an erased body.
const ERASED: &str = "{}";
/// Most deliveries of one answer.
const MAX_LETTERS: usize = 200;
/// Most dead letters that one transaction has sent again.
const MAX_REPLAYED: usize = 200;

/// How much waits for one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueCounts {
    /// Its name.
    pub endpoint: String,
    /// Deliveries that wait.
    pub waiting: u64,
    /// Deliveries that were refused for good.
    pub dead: u64,
    /// When the oldest that waits was written.
    pub oldest: Option<Timestamp>,
    /// When the next one is due.
    pub next_attempt: Option<Timestamp>,
    /// What went wrong last with one that waits, or else with a dead letter.
    pub last_error: Option<String>,
}

/// Some deliveries, in the order of their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterPage {
    /// What is on it.
    pub letters: Vec<OutboxLetter>,
    /// Whether there are more behind them.
    pub more: bool,
}

/// What became of dead letters that were to be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replayed {
    /// So many wait again.
    pub replayed: u64,
    /// So many do not, because their bodies were erased.
    pub redacted: u64,
    /// The last number that was looked at.
    pub last: i64,
    /// Whether there are more behind it.
    pub more: bool,
}

impl Store {
    /// How much waits for whom: every endpoint with something waiting or dead, by name.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn outbox_queues(&self) -> Result<Vec<QueueCounts>, StoreError> {
        let mut names = self.connection.prepare_cached(
            "SELECT DISTINCT endpoint FROM outbox WHERE state = 'waiting'
             UNION SELECT DISTINCT endpoint FROM outbox WHERE state = 'dead' ORDER BY endpoint",
        )?;
        let names = names.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
        names.into_iter().map(|endpoint| self.queue(endpoint)).collect()
    }

    fn queue(&self, endpoint: String) -> Result<QueueCounts, StoreError> {
        let mut waiting = self.connection.prepare_cached(
            "SELECT count(*), min(created_at), min(next_attempt_at) FROM outbox WHERE state = 'waiting' AND endpoint = ?1",
        )?;
        let counted = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let (waiting, oldest, next): (i64, Option<i64>, Option<i64>) = waiting.query_row([&endpoint], counted)?;
        let mut dead =
            self.connection.prepare_cached("SELECT count(*) FROM outbox WHERE state = 'dead' AND endpoint = ?1")?;
        let dead: i64 = dead.query_row([&endpoint], |row| row.get(0))?;
        let last_of = |query: &str| -> Result<Option<String>, StoreError> {
            Ok(self.connection.prepare_cached(query)?.query_row([&endpoint], |row| row.get(0)).optional()?)
        };
        // What failed last is due last, as near as can be told.
        let of_waiting = last_of(
            "SELECT last_error FROM outbox WHERE state = 'waiting' AND endpoint = ?1 AND last_error IS NOT NULL
             ORDER BY next_attempt_at DESC LIMIT 1",
        )?;
        let of_dead = last_of(
            "SELECT last_error FROM outbox WHERE state = 'dead' AND endpoint = ?1 ORDER BY delivery DESC LIMIT 1",
        )?;
        Ok(QueueCounts {
            endpoint,
            waiting: waiting.unsigned_abs(),
            dead: dead.unsigned_abs(),
            oldest: oldest.map(rows::timestamp).transpose()?,
            next_attempt: next.map(rows::timestamp).transpose()?,
            last_error: of_waiting.or(of_dead),
        })
    }

    /// Deliveries in one state, of one endpoint or of all, behind a number: at most `most`, and no more than fit into one
    /// message.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn letters(
        &self,
        (state, endpoint): (LetterState, Option<&str>),
        after: i64,
        most: usize,
        bodies: bool,
    ) -> Result<LetterPage, StoreError> {
        let most = most.clamp(1, MAX_LETTERS);
        let behind = "delivery > ?2 ORDER BY delivery LIMIT ?3";
        let limit = most as i64 + 1;
        // The state is written out, so that the index of what is in it is used.
        let state = state.as_str();
        if let Some(endpoint) = endpoint {
            let query = format!("{LETTER} WHERE state = '{state}' AND endpoint = ?1 AND {behind}");
            let mut found = self.connection.prepare_cached(&query)?;
            return page(found.query_map((endpoint, after, limit), letter)?, most, bodies);
        }
        let query = format!("{LETTER} WHERE state = '{state}' AND ?1 IS NULL AND {behind}");
        let mut found = self.connection.prepare_cached(&query)?;
        page(found.query_map((None::<&str>, after, limit), letter)?, most, bodies)
    }

    /// The delivery of a number, or those of an event.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn find_letters(&self, id: &str) -> Result<Vec<OutboxLetter>, StoreError> {
        let query = format!("{LETTER} WHERE event = ?1 OR delivery = ?2 ORDER BY delivery LIMIT {MAX_LETTERS}");
        let mut found = self.connection.prepare_cached(&query)?;
        Ok(page(found.query_map((id, id.parse::<i64>().ok()), letter)?, MAX_LETTERS, true)?.letters)
    }

    /// Has dead letters sent again, at once and as if for the first time: one, or those of an endpoint, or all, behind a number.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the one is no dead letter; [`StoreError`] when nothing can be written.
    pub fn replay(
        &mut self,
        delivery: Option<i64>,
        endpoint: Option<&str>,
        after: i64,
        now: Timestamp,
    ) -> Result<Replayed, StoreError> {
        let at = rows::millis(now)?;
        self.transact(|transaction| {
            let mut found = transaction.prepare_cached(
                "SELECT delivery, session, body = ?4 FROM outbox WHERE state = 'dead' AND (?1 IS NULL OR delivery = ?1)
                 AND (?2 IS NULL OR endpoint = ?2) AND delivery > ?3 ORDER BY delivery LIMIT ?5",
            )?;
            let limit = MAX_REPLAYED as i64 + 1;
            let found = found.query_map((delivery, endpoint, after, ERASED, limit), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
            let mut found = found.collect::<Result<Vec<(i64, String, bool)>, _>>()?;
            if delivery.is_some() && found.is_empty() {
                return Err(StoreError::Missing);
            }
            let more = found.len() > MAX_REPLAYED;
            found.truncate(MAX_REPLAYED);
            let last = found.last().map_or(after, |(delivery, ..)| *delivery);
            let mut again = transaction.prepare_cached(
                "UPDATE outbox SET state = 'waiting', attempts = 0, next_attempt_at = ?2 WHERE delivery = ?1",
            )?;
            let mut done = Replayed { replayed: 0, redacted: 0, last, more };
            for (delivery, session, erased) in found {
                if erased {
                    done.redacted += 1;
                    continue;
                }
                again.execute((delivery, at))?;
                done.replayed += 1;
                let session = SessionId::try_from(session).ok();
                let (actor, action) = (Actor::Operator, AuditAction::DeliveryReplayed);
                audit::append(transaction, &AuditEntry { at: now, actor, action, session })?;
            }
            Ok(done)
        })
    }
}

const LETTER: &str =
    "SELECT delivery, event, session, endpoint, state, created_at, attempts, next_attempt_at, last_error,
    delivered_at, body FROM outbox";

/// As it stands in the table, with its body.
fn letter(row: &Row<'_>) -> rusqlite::Result<OutboxLetter> {
    let state = match row.get_ref(4)?.as_str()? {
        "waiting" => LetterState::Waiting,
        "delivered" => LetterState::Delivered,
        _ => LetterState::Dead,
    };
    let seconds = |millis: i64| millis.div_euclid(1000);
    let body: String = row.get(10)?;
    let redacted = body == ERASED;
    Ok(OutboxLetter {
        delivery: row.get(0)?,
        event: row.get(1)?,
        session: row.get(2)?,
        endpoint: row.get(3)?,
        state,
        created: seconds(row.get(5)?),
        attempts: row.get(6)?,
        next_attempt: (state == LetterState::Waiting).then(|| row.get(7).map(seconds)).transpose()?,
        last_error: row.get(8)?,
        delivered: row.get::<_, Option<i64>>(9)?.map(seconds),
        redacted,
        body: (!redacted).then_some(body),
    })
}

/// As many as fit.
fn page(
    found: impl Iterator<Item = rusqlite::Result<OutboxLetter>>,
    most: usize,
    bodies: bool,
) -> Result<LetterPage, StoreError> {
    let (mut letters, mut room) = (Vec::new(), MAX_LEASE_BYTES);
    for letter in found {
        let mut letter = letter?;
        if !bodies {
            letter.body = None;
        }
        let bytes = serde_json::to_string(&letter).map_or(usize::MAX, |json| json.len());
        if letters.len() == most || (bytes > room && !letters.is_empty()) {
            return Ok(LetterPage { letters, more: true });
        }
        room = room.saturating_sub(bytes);
        letters.push(letter);
    }
    Ok(LetterPage { letters, more: false })
}
