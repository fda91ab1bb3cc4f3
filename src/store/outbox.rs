//! The outbox: events that wait until a receiver has acknowledged them.
//!
//! Always holds: an event is never dropped before it is acknowledged, by age, number or clock; a delivery is leased to one
//! holder at a time; leases live in memory only, so that a restart or a lost connection frees them. Endpoints take turns,
//! and no endpoint's leases keep another's events waiting; of one endpoint what has been due longest takes turns with what is
//! newest, so that neither a backlog holds up what is new nor the other way round. An event of a redacted session loses its
//! body once it is owed to nobody any more. Does not send, and does not choose when to try again.

mod letters;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction};

use super::audit::{self, Actor, AuditAction, AuditEntry};
use super::error::StoreError;
use super::finish::{MAX_ENDPOINTS, OutboxBody};
use super::requests::{self, NewEvent};
use super::{Store, rows};
use crate::session::SessionId;
use crate::session::protocol::{Delivery, LeaseWish, MAX_JSON_BYTES, Settlement};

pub use letters::{LetterPage, QueueCounts, Replayed};

/// Most deliveries of one endpoint that are leased at a time.
pub const MAX_LEASED: usize = 64;
/// Longest wait before a delivery is tried again. A row that is due later was written before the clock was set back, and
/// is due now.
pub const MAX_RETRY: Duration = Duration::from_hours(24);
/// Longest note on a failed attempt, in characters.
const MAX_WHY: usize = 200;
/// Room for deliveries in one message, in bytes of JSON; a single one always fits.
const MAX_LEASE_BYTES: usize = MAX_JSON_BYTES - (64 << 10);
/// So many of an endpoint's newest are looked through for one that is due.
const NEWEST_LOOKED_AT: usize = 256;
/// Bytes of JSON around a body at most.
const DELIVERY_BYTES: usize = 1 << 10;

/// Numbers the connections that lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseHolder(pub u64);

/// What the outbox holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxCounts {
    /// Deliveries that wait, leased or not.
    pub waiting: u64,
    /// Deliveries that were refused for good.
    pub dead: u64,
    /// When the oldest that waits was written.
    pub oldest: Option<Timestamp>,
}

/// Who has what.
#[derive(Debug, Default)]
pub(super) struct Leases {
    held: BTreeMap<i64, (LeaseHolder, String)>,
    /// The endpoint whose turn was last.
    last: Option<String>,
    /// Endpoints whose newest is next, and not what has been due longest.
    newest_next: BTreeSet<String>,
    /// Endpoints of which nothing is leased.
    withheld: BTreeSet<String>,
}

impl Leases {
    fn of_endpoint(&self, endpoint: &str) -> usize {
        self.held.values().filter(|(_, leased)| leased == endpoint).count()
    }
}

impl Store {
    /// Leases deliveries that are due, whosever they are: at most `most`.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn lease(&mut self, holder: LeaseHolder, most: usize, now: Timestamp) -> Result<Vec<Delivery>, StoreError> {
        self.lease_as_wished(holder, &LeaseWish::up_to(u16::try_from(most).unwrap_or(u16::MAX)), now)
    }

    /// Leases deliveries that are due: the endpoints in turns, and of each in turns what has been due longest and what is
    /// newest. No more than is wished, and than fits into one message.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn lease_as_wished(
        &mut self,
        holder: LeaseHolder,
        wish: &LeaseWish,
        now: Timestamp,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.pull_back(now)?;
        let now = rows::millis(now)?;
        let mut endpoints = self.waiting_endpoints()?;
        let after_last = self.leases.last.as_ref().map_or(0, |last| endpoints.partition_point(|name| name <= last));
        endpoints.rotate_left(after_last);
        let mut due = Vec::with_capacity(endpoints.len());
        for endpoint in &endpoints {
            due.push(self.due(endpoint, self.room(endpoint, wish), now)?.into_iter());
        }
        let (mut leased, mut room) = (Vec::new(), MAX_LEASE_BYTES);
        // One of each endpoint in every round, until a round brings nothing.
        'rounds: loop {
            let before = leased.len();
            for number in due.iter_mut().filter_map(Iterator::next) {
                let delivery = self.delivery(number)?;
                let bytes =
                    DELIVERY_BYTES + serde_json::to_string(&delivery.body).map_or(usize::MAX, |json| json.len());
                if leased.len() >= usize::from(wish.most) || (bytes > room && !leased.is_empty()) {
                    break 'rounds;
                }
                room = room.saturating_sub(bytes);
                leased.push(delivery);
            }
            if leased.len() == before {
                break;
            }
        }
        for Delivery { delivery, endpoint, .. } in &leased {
            self.leases.held.insert(*delivery, (holder, endpoint.clone()));
            // After an odd number it is the other kind's turn.
            if !self.leases.newest_next.remove(endpoint) {
                self.leases.newest_next.insert(endpoint.clone());
            }
        }
        self.leases.last = leased.last().map(|delivery| delivery.endpoint.clone()).or(self.leases.last.take());
        Ok(leased)
    }

    /// Says of which endpoints nothing is leased from now on, and of all others something. What was leased before stays so.
    pub fn withhold(&mut self, endpoints: BTreeSet<String>) {
        self.leases.withheld = endpoints;
    }

    /// How many deliveries of an endpoint may be leased.
    fn room(&self, endpoint: &str, wish: &LeaseWish) -> usize {
        let free = MAX_LEASED.saturating_sub(self.leases.of_endpoint(endpoint));
        if self.leases.withheld.contains(endpoint) { 0 } else { usize::from(wish.room(endpoint)).min(free) }
    }

    /// Frees what a lost connection had leased.
    pub fn release(&mut self, holder: LeaseHolder) {
        self.leases.held.retain(|_, (held_by, _)| *held_by != holder);
    }

    /// Writes how a delivery went. A settlement that repeats one whose answer was lost is answered the same; of one that was
    /// not tried nothing is written.
    ///
    /// # Errors
    /// [`StoreError::NotLeased`] when it is not this holder's.
    pub fn settle(
        &mut self,
        holder: LeaseHolder,
        delivery: i64,
        how: &Settlement,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if self.leases.held.get(&delivery).is_none_or(|(held_by, _)| *held_by != holder) {
            let state = self.state(delivery)?;
            let repeats = matches!(
                (how, state.as_str()),
                (Settlement::Acknowledged, "delivered")
                    | (Settlement::Dead { .. }, "dead")
                    | (Settlement::Untried, "waiting")
            );
            return if repeats { Ok(()) } else { Err(StoreError::NotLeased) };
        }
        let erased = *how != Settlement::Untried
            && self.transact(|transaction| match how {
                Settlement::Acknowledged => acknowledge(transaction, delivery, now),
                Settlement::Retry { after_ms, why } => {
                    let wait = Duration::from_millis(*after_ms).min(MAX_RETRY);
                    retry(transaction, delivery, rows::millis(now)? + wait.as_millis() as i64, why).map(|()| false)
                }
                Settlement::Dead { why } => bury(transaction, delivery, why, now),
                Settlement::Untried => Ok(false),
            })?;
        self.leases.held.remove(&delivery);
        if erased { self.empty_journal() } else { Ok(()) }
    }

    /// Time until something is due that is not leased: zero when it is now, none when nothing waits.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn next_due(&self, now: Timestamp) -> Result<Option<Duration>, StoreError> {
        self.next_due_as_wished(&LeaseWish::up_to(u16::MAX), now)
    }

    /// The same of what could be leased by a wish.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn next_due_as_wished(&self, wish: &LeaseWish, now: Timestamp) -> Result<Option<Duration>, StoreError> {
        let mut earliest: Option<Duration> = None;
        for endpoint in self.waiting_endpoints()? {
            if self.room(&endpoint, wish) > 0
                && let Some(wait) = self.next_due_of(&endpoint, now)?
            {
                earliest = Some(earliest.map_or(wait, |known| known.min(wait)));
            }
        }
        Ok(earliest)
    }

    fn next_due_of(&self, endpoint: &str, now: Timestamp) -> Result<Option<Duration>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT delivery, next_attempt_at FROM outbox WHERE state = 'waiting' AND endpoint = ?1
             ORDER BY next_attempt_at, delivery",
        )?;
        // No more are passed over than are leased.
        let mut waiting = statement.query([endpoint])?;
        while let Some(row) = waiting.next()? {
            if !self.leases.held.contains_key(&row.get(0)?) {
                let wait = (row.get::<_, i64>(1)? - now.as_millisecond()).max(0).unsigned_abs();
                // What is due later than that was written before the clock was set back.
                let wait = Duration::from_millis(wait);
                return Ok(Some(if wait > MAX_RETRY { Duration::ZERO } else { wait }));
            }
        }
        Ok(None)
    }

    /// What the outbox holds.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn outbox_counts(&self) -> Result<OutboxCounts, StoreError> {
        let count = |query: &str| -> Result<u64, StoreError> {
            Ok(self.connection.prepare_cached(query)?.query_row([], |row| row.get::<_, i64>(0))?.unsigned_abs())
        };
        let oldest: Option<i64> = self
            .connection
            .prepare_cached("SELECT min(created_at) FROM outbox WHERE state = 'waiting'")?
            .query_row([], |row| row.get(0))?;
        Ok(OutboxCounts {
            waiting: count("SELECT count(*) FROM outbox WHERE state = 'waiting'")?,
            dead: count("SELECT count(*) FROM outbox WHERE state = 'dead'")?,
            oldest: oldest.map(rows::timestamp).transpose()?,
        })
    }

    /// Makes due what a clock that was set back would keep waiting for longer than any retry may.
    fn pull_back(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let now = rows::millis(now)?;
        let latest = now + MAX_RETRY.as_millis() as i64;
        self.connection
            .prepare_cached("UPDATE outbox SET next_attempt_at = ?1 WHERE state = 'waiting' AND next_attempt_at > ?2")?
            .execute((now, latest))?;
        Ok(())
    }

    /// Endpoints with anything waiting, by name. Steps from name to name, because a backlog may have very many rows.
    fn waiting_endpoints(&self) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "WITH RECURSIVE name (endpoint) AS (
                SELECT min(endpoint) FROM outbox WHERE state = 'waiting'
                UNION ALL
                SELECT (SELECT min(endpoint) FROM outbox WHERE state = 'waiting' AND endpoint > name.endpoint)
                FROM name WHERE name.endpoint IS NOT NULL)
             SELECT endpoint FROM name WHERE endpoint IS NOT NULL",
        )?;
        let names = statement.query_map([], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }

    /// Numbers of what is due for one endpoint and free, at most `most`: in turns what has been due longest and the newest.
    fn due(&self, endpoint: &str, most: usize, now: i64) -> Result<Vec<i64>, StoreError> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let held = self.leases.of_endpoint(endpoint);
        let mut oldest = self.connection.prepare_cached(
            "SELECT delivery FROM outbox WHERE state = 'waiting' AND endpoint = ?1 AND next_attempt_at <= ?2
             ORDER BY next_attempt_at, delivery LIMIT ?3",
        )?;
        // Those that are leased are among the first, and there are so many at most.
        let oldest = self.free(oldest.query_map((endpoint, now, (most + held) as i64), |row| row.get(0))?)?;
        let mut newest = self.connection.prepare_cached(
            "SELECT delivery FROM (
                SELECT delivery, next_attempt_at FROM outbox WHERE state = 'waiting' AND endpoint = ?1
                ORDER BY delivery DESC LIMIT ?3)
             WHERE next_attempt_at <= ?2 ORDER BY delivery DESC",
        )?;
        let looked_at = (most + held + NEWEST_LOOKED_AT) as i64;
        let newest = self.free(newest.query_map((endpoint, now, looked_at), |row| row.get(0))?)?;
        let begins_with_newest = self.leases.newest_next.contains(endpoint);
        Ok(in_turns(&oldest, &newest, begins_with_newest, most))
    }

    /// Those that nobody has leased.
    fn free(&self, numbers: impl Iterator<Item = rusqlite::Result<i64>>) -> Result<Vec<i64>, StoreError> {
        let mut free = numbers.collect::<Result<Vec<i64>, _>>()?;
        free.retain(|number| !self.leases.held.contains_key(number));
        Ok(free)
    }

    fn delivery(&self, number: i64) -> Result<Delivery, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT delivery, event, endpoint, body, attempts FROM outbox WHERE delivery = ?1")?;
        Ok(statement.query_row([number], |row| {
            Ok(Delivery {
                delivery: row.get(0)?,
                event: row.get(1)?,
                endpoint: row.get(2)?,
                body: row.get(3)?,
                attempts: row.get(4)?,
            })
        })?)
    }

    fn state(&self, delivery: i64) -> Result<String, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT state FROM outbox WHERE delivery = ?1")?;
        statement.query_row([delivery], |row| row.get(0)).optional()?.ok_or(StoreError::Missing)
    }
}

/// One of either in turns, none twice, until there are `most`.
fn in_turns(oldest: &[i64], newest: &[i64], begins_with_newest: bool, most: usize) -> Vec<i64> {
    let (mut oldest, mut newest) = (oldest.iter(), newest.iter());
    let mut chosen: Vec<i64> = Vec::with_capacity(most);
    let mut is_newest = begins_with_newest;
    let mut dry = 0;
    while chosen.len() < most && dry < 2 {
        let queue = if is_newest { &mut newest } else { &mut oldest };
        match queue.find(|number| !chosen.contains(number)) {
            Some(number) => {
                chosen.push(*number);
                dry = 0;
            }
            None => dry += 1,
        }
        is_newest = !is_newest;
    }
    chosen
}

/// Erases the bodies of a redacted session's events that are owed to nobody any more.
pub(super) const ERASE_BODIES: &str = "UPDATE outbox SET body = '{}' WHERE session = ?1 AND state <> 'waiting'";

/// Writes an event of a session, due at once.
pub(super) fn insert_event(
    transaction: &Transaction<'_>,
    session: &SessionId,
    event: &NewEvent,
) -> Result<(), StoreError> {
    insert_bodies(transaction, (session, &event.event, event.at), &event.bodies)
}

/// Writes the bodies of an event, of which session, name and time are given.
pub(super) fn insert_bodies(
    transaction: &Transaction<'_>,
    (session, event, at): (&SessionId, &str, Timestamp),
    bodies: &[OutboxBody],
) -> Result<(), StoreError> {
    if bodies.len() > MAX_ENDPOINTS {
        return Err(StoreError::Refused { what: "too many endpoints for one event" });
    }
    let at = rows::millis(at)?;
    let mut insert = transaction.prepare_cached(
        "INSERT INTO outbox (event, session, endpoint, body, created_at, next_attempt_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
    )?;
    for body in bodies {
        insert.execute((event, session.as_str(), &body.endpoint, &body.body, at))?;
    }
    Ok(())
}

/// Erases the body of a delivery that is owed no more, if its session was redacted. Answers whether it was.
fn erase_if_redacted(transaction: &Transaction<'_>, session: &str) -> Result<bool, StoreError> {
    let redacted = requests::is_redacted(transaction, session)?;
    if redacted {
        transaction.prepare_cached(ERASE_BODIES)?.execute([session])?;
    }
    Ok(redacted)
}

/// Answers whether its body was erased.
fn acknowledge(transaction: &Transaction<'_>, delivery: i64, now: Timestamp) -> Result<bool, StoreError> {
    let session: String = transaction
        .prepare_cached(
            "UPDATE outbox SET state = 'delivered', attempts = min(attempts + 1, 4294967295), delivered_at = ?2
             WHERE delivery = ?1 RETURNING session",
        )?
        .query_row((delivery, rows::millis(now)?), |row| row.get(0))?;
    erase_if_redacted(transaction, &session)
}

fn retry(transaction: &Transaction<'_>, delivery: i64, at: i64, why: &str) -> Result<(), StoreError> {
    transaction
        .prepare_cached(
            "UPDATE outbox SET attempts = min(attempts + 1, 4294967295), next_attempt_at = ?2, last_error = ?3
             WHERE delivery = ?1",
        )?
        .execute((delivery, at, note(why)))?;
    Ok(())
}

/// To the dead letters, with an entry for whoever has to look. Answers whether its body was erased.
fn bury(transaction: &Transaction<'_>, delivery: i64, why: &str, now: Timestamp) -> Result<bool, StoreError> {
    let session: String = transaction
        .prepare_cached(
            "UPDATE outbox SET state = 'dead', attempts = min(attempts + 1, 4294967295), last_error = ?2
             WHERE delivery = ?1 RETURNING session",
        )?
        .query_row((delivery, note(why)), |row| row.get(0))?;
    let erased = erase_if_redacted(transaction, &session)?;
    let session = SessionId::try_from(session).ok();
    audit::append(
        transaction,
        &AuditEntry { at: now, actor: Actor::Sync, action: AuditAction::DeliveryDead, session },
    )?;
    Ok(erased)
}

/// A note of bounded length on one line.
fn note(why: &str) -> String {
    why.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_WHY).collect()
}
