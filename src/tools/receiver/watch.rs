//! The receiver's database, as far as it watches over the device: heartbeats, and what is wrong.
//!
//! Always holds: what was found stays until somebody has acknowledged it; outcomes that a heartbeat names and that are not here
//! are an alarm when they are late, whatever came meanwhile.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::alarms::{Alarm, AlarmKind, Finding, Last, left_out, silence};
use super::attestation::Attested;
use super::database::{Database, DatabaseError};
use super::heartbeat::{Beat, compare};
use crate::session::Heartbeat;

/// Heartbeats that are kept: about a week of them, and the first.
const KEPT_HEARTBEATS: i64 = 2_000;

/// When this receiver alarms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Watching {
    /// Since when it listens, in Unix milliseconds.
    pub since_ms: i64,
    /// How long an outcome may be behind a heartbeat that names it, and the first heartbeat behind the start.
    pub grace: Duration,
}

impl Database {
    /// Takes a heartbeat, and notes what it gives away.
    pub(super) fn beat(&mut self, beat: &Beat, received_at_ms: i64) -> Result<(), DatabaseError> {
        let Beat { said, jws_sha256 } = beat;
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (before, highest) = (latest(&transaction)?, "SELECT 1 FROM heartbeats WHERE jws_sha256 = ?1");
        let known = transaction.query_row(highest, [jws_sha256], |_| Ok(())).optional()?.is_some();
        // One that was overtaken by a later one says nothing new.
        if known || before.as_ref().is_some_and(|(before, _)| before.at >= said.at) {
            return Ok(());
        }
        let mut found = before.map(|(before, _)| compare(&before, said)).unwrap_or_default();
        let sequence = said.outcomes.sequence.cast_signed();
        let other = "SELECT 1 FROM attestations WHERE sequence = ?1 AND jws_sha256 IS NOT ?2";
        if transaction.query_row(other, params![sequence, said.outcomes.hash], |_| Ok(())).optional()?.is_some() {
            found.push(exchanged(sequence));
        }
        transaction.execute(
            "INSERT INTO heartbeats (jws_sha256, at_ms, received_at_ms, sequence, hash, audit_sequence, audit_hash, payload)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                jws_sha256,
                said.at.as_millisecond(),
                received_at_ms,
                sequence,
                said.outcomes.hash,
                said.audit.sequence.cast_signed(),
                said.audit.hash,
                serde_json::to_string(said).map_err(|_| rusqlite::Error::InvalidQuery)?,
            ],
        )?;
        transaction.execute(
            "DELETE FROM heartbeats WHERE number > (SELECT min(number) FROM heartbeats)
                AND number <= (SELECT max(number) FROM heartbeats) - ?1",
            [KEPT_HEARTBEATS],
        )?;
        note(&transaction, &found, received_at_ms)?;
        Ok(transaction.commit()?)
    }

    /// What is wrong now, the worst first.
    pub(super) fn alarms(&self, watching: Watching, now: Timestamp) -> Result<Vec<Alarm>, DatabaseError> {
        let latest = latest(&self.0)?;
        let last = latest.as_ref().map(|(said, received_at_ms)| Last { said, received_at_ms: *received_at_ms });
        let silence = silence(last, watching.since_ms, watching.grace, now);
        let missing = match &latest {
            Some((said, _)) if !said.withholds_live => missing(&self.0, said, watching.grace, now)?,
            _ => None,
        };
        let mut statement = self.0.prepare_cached(
            "SELECT kind, what, found_at_ms FROM findings WHERE acknowledged = 0 ORDER BY found_at_ms",
        )?;
        let found = statement.query_map([], |row| {
            let kind: String = row.get(0)?;
            let kind = AlarmKind::ALL.into_iter().find(|known| known.as_str() == kind);
            Ok(kind.map(|kind| (kind, row.get(1), row.get(2))))
        })?;
        let mut alarms: Vec<Alarm> = silence.into_iter().chain(missing).collect();
        for (kind, what, since_ms) in found.collect::<Result<Vec<_>, _>>()?.into_iter().flatten() {
            alarms.push(Alarm { kind, what: what?, since_ms: since_ms? });
        }
        alarms.sort_by_key(|alarm| (alarm.kind, alarm.since_ms));
        Ok(alarms)
    }

    /// The last heartbeat, and when it came, in Unix milliseconds.
    pub(super) fn last_heartbeat(&self) -> Result<Option<(Heartbeat, i64)>, DatabaseError> {
        latest(&self.0)
    }

    /// Somebody has seen what was found. Returns how much that was.
    pub(super) fn acknowledge(&mut self) -> Result<usize, DatabaseError> {
        Ok(self.0.execute("UPDATE findings SET acknowledged = 1 WHERE acknowledged = 0", [])?)
    }
}

/// Notes what an outcome gives away that has just been stored: of itself, and of the one that follows it.
pub(super) fn note_link(transaction: &Transaction<'_>, link: &Attested, at_ms: i64) -> Result<(), DatabaseError> {
    let broken = "SELECT DISTINCT sequence FROM chain WHERE sequence BETWEEN ?1 AND ?1 + 1 AND state = 'broken'";
    let broken: Vec<i64> =
        transaction.prepare_cached(broken)?.query_map([link.sequence], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut found: Vec<Finding> = broken.into_iter().map(exchanged).collect();
    let other = "SELECT 1 FROM heartbeats WHERE sequence = ?1 AND hash IS NOT ?2";
    let differs = transaction.query_row(other, params![link.sequence, link.jws_sha256], |_| Ok(())).optional()?;
    if differs.is_some() && link.sequence > 0 {
        found.push(exchanged(link.sequence));
    }
    note(transaction, &found, at_ms)
}

fn exchanged(sequence: i64) -> Finding {
    let what =
        format!("outcome {sequence} does not follow from the one before, or is there twice; compare with the device");
    Finding { kind: AlarmKind::ChainBroken, what }
}

fn note(transaction: &Transaction<'_>, found: &[Finding], at_ms: i64) -> Result<(), DatabaseError> {
    let insert = "INSERT INTO findings (kind, what, found_at_ms) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    for Finding { kind, what } in found {
        transaction.prepare_cached(insert)?.execute(params![kind.as_str(), what, at_ms])?;
    }
    Ok(())
}

/// The one that was signed last, and when it came.
fn latest(connection: &Connection) -> Result<Option<(Heartbeat, i64)>, DatabaseError> {
    let newest = "SELECT payload, received_at_ms FROM heartbeats ORDER BY number DESC LIMIT 1";
    let found: Option<(String, i64)> =
        connection.prepare_cached(newest)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let read = |(payload, at): (String, i64)| {
        let said = serde_json::from_str(&payload).map_err(|_| rusqlite::Error::InvalidQuery)?;
        Ok((said, at))
    };
    found.map(read).transpose()
}

/// Outcomes that the device says it has signed, and that have not come although there was time.
fn missing(
    connection: &Connection,
    said: &Heartbeat,
    grace: Duration,
    now: Timestamp,
) -> Result<Option<Alarm>, DatabaseError> {
    let number = |sql: &str| -> Result<Option<i64>, DatabaseError> {
        Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?.flatten())
    };
    // What was before this receiver's time is not missed: it begins with what it heard of first.
    let first_told = number("SELECT sequence FROM heartbeats ORDER BY number LIMIT 1")?;
    let first_held = number("SELECT min(sequence) FROM attestations WHERE sequence > 0")?.map(|first| first - 1);
    let base = first_told.into_iter().chain(first_held).min().unwrap_or_default();
    let top = said.outcomes.sequence.cast_signed();
    let void = left_out(&said.gaps, base.unsigned_abs(), said.outcomes.sequence);
    let in_void = |number: i64| void.iter().find(|(first, last)| (*first..=*last).contains(&number.unsigned_abs()));
    let held = "SELECT DISTINCT sequence FROM attestations WHERE sequence > ?1 AND sequence <= ?2 ORDER BY sequence";
    let mut statement = connection.prepare_cached(held)?;
    let mut held = statement.query([base, top])?;
    let (mut expected, mut first_missing, mut count) = (base + 1, None, 0_u64);
    // Goes from link to link, over what is void, to the end that the device names.
    loop {
        let next: Option<i64> = held.next()?.map(|row| row.get(0)).transpose()?;
        let until = next.unwrap_or(top + 1);
        while expected < until {
            if let Some((_, last)) = in_void(expected) {
                expected = last.cast_signed() + 1;
                continue;
            }
            let firsts = void.iter().map(|(first, _)| first.cast_signed());
            let end = firsts.filter(|first| *first > expected).fold(until, i64::min);
            first_missing.get_or_insert(expected);
            count += (end - expected).unsigned_abs();
            expected = end;
        }
        if next.is_none() {
            break;
        }
        expected = expected.max(until + 1);
    }
    let Some(first) = first_missing else { return Ok(None) };
    let told = "SELECT min(received_at_ms) FROM heartbeats WHERE sequence >= ?1";
    let since_ms: Option<i64> = connection.prepare_cached(told)?.query_row([first], |row| row.get(0))?;
    let late = since_ms.and_then(|since_ms| {
        let since = Timestamp::from_millisecond(since_ms).ok()?;
        let grace = SignedDuration::try_from(grace).unwrap_or(SignedDuration::MAX);
        (now.duration_since(since) > grace).then_some(since_ms)
    });
    Ok(late.map(|since_ms| Alarm {
        kind: AlarmKind::OutcomesMissing,
        what: format!(
            "{count} of the device's outcomes have not come, from number {first} on; {} wait there for this endpoint and {} are \
             dead letters: see 'carded outbox list', and who stands between",
            said.waiting, said.dead,
        ),
        since_ms,
    }))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::heartbeat::example;
    use super::*;
    use crate::session::LeftOut;

    const GRACE: Duration = Duration::from_mins(1);

    /// A receiver that hears of a device, second by second.
    struct Watch {
        database: Database,
        second: i64,
    }

    impl Watch {
        fn new() -> Self {
            Self { database: Database::open(Path::new(":memory:")).unwrap(), second: 0 }
        }

        fn now(&self) -> Timestamp {
            Timestamp::from_second(1_790_000_000 + self.second).unwrap()
        }

        fn hear(&mut self, said: Heartbeat) {
            self.second += 1;
            let at = self.now();
            let beat = Beat { said: Heartbeat { at, ..said }, jws_sha256: format!("{:064x}", self.second) };
            self.database.beat(&beat, at.as_millisecond()).unwrap();
        }

        fn get(&mut self, sequence: i64) {
            self.get_as(sequence, &format!("{sequence:064x}"));
        }

        fn get_as(&mut self, sequence: i64, hash: &str) {
            let previous_hash = (sequence > 1).then(|| format!("{:064x}", sequence - 1));
            let link = Attested {
                sequence,
                previous_hash,
                jws_sha256: hash.to_owned(),
                key_id: "k".repeat(43),
                payload: serde_json::Map::new(),
            };
            let transaction = self.database.0.transaction().unwrap();
            let insert = "INSERT INTO attestations (sequence, jws_sha256, previous_hash) VALUES (?1, ?2, ?3)";
            transaction.execute(insert, params![link.sequence, link.jws_sha256, link.previous_hash]).unwrap();
            note_link(&transaction, &link, 0).unwrap();
            transaction.commit().unwrap();
        }

        /// What is wrong after so many more seconds.
        fn after(&mut self, seconds: i64) -> Vec<AlarmKind> {
            self.second += seconds;
            let watching = Watching { since_ms: 0, grace: GRACE };
            self.database.alarms(watching, self.now()).unwrap().into_iter().map(|alarm| alarm.kind).collect()
        }
    }

    #[test]
    fn outcomes_that_the_device_tells_of_and_that_do_not_come_are_missed() {
        let mut watch = Watch::new();
        (1..=3).for_each(|number| watch.get(number));
        watch.hear(example(3, 1));
        assert!(watch.after(100).is_empty());
        watch.hear(example(5, 1));
        assert!(watch.after(30).is_empty(), "they may be on their way");
        assert_eq!(watch.after(40), [AlarmKind::OutcomesMissing]);
        watch.get(5);
        watch.hear(example(5, 1));
        assert_eq!(watch.after(0), [AlarmKind::OutcomesMissing], "one is still missing");
        watch.get(4);
        assert!(watch.after(0).is_empty());
        assert_eq!(watch.after(2 * 300 + 61), [AlarmKind::HeartbeatMissing]);
    }

    #[test]
    fn a_receiver_that_comes_later_misses_nothing_of_before() {
        let mut watch = Watch::new();
        watch.hear(example(40, 1));
        assert!(watch.after(200).is_empty());
        watch.get(41);
        watch.get(42);
        watch.hear(example(42, 1));
        assert!(watch.after(200).is_empty());
        let mut watch = Watch::new();
        watch.get(41);
        watch.hear(example(42, 1));
        assert_eq!(watch.after(200), [AlarmKind::OutcomesMissing]);
    }

    #[test]
    fn numbers_that_no_outcome_has_are_not_missed_and_are_told_of_once() {
        let mut watch = Watch::new();
        (1..=4).for_each(|number| watch.get(number));
        watch.hear(example(4, 1));
        // Restored to number 2: 3 and 4 are here, and 1,000,000,001 comes next.
        let gap = LeftOut { last_before: 2, first_behind: 1_000_000_001, reason: "restored".to_owned() };
        let leapt = |last| Heartbeat { gaps: vec![gap.clone()], ..example(last, 2) };
        watch.hear(leapt(1_000_000_002));
        assert_eq!(watch.after(100), [AlarmKind::OutcomesMissing, AlarmKind::NumbersLeftOut]);
        watch.get(1_000_000_001);
        watch.get(1_000_000_002);
        watch.hear(leapt(1_000_000_002));
        assert_eq!(watch.after(100), [AlarmKind::NumbersLeftOut]);
        assert_eq!(watch.database.acknowledge().unwrap(), 1);
        watch.hear(leapt(1_000_000_002));
        assert!(watch.after(100).is_empty(), "what was seen is not told again");
    }

    #[test]
    fn a_tail_that_is_another_one_and_numbers_that_fall_are_found_whichever_comes_first() {
        let mut watch = Watch::new();
        watch.get(1);
        watch.hear(example(2, 5));
        watch.get_as(2, &"e".repeat(64));
        assert_eq!(watch.after(0), [AlarmKind::ChainBroken]);
        let mut watch = Watch::new();
        watch.get(1);
        watch.get_as(2, &"e".repeat(64));
        watch.hear(example(2, 5));
        watch.hear(example(1, 5));
        assert_eq!(watch.after(0), [AlarmKind::ChainBroken, AlarmKind::RolledBack]);
    }

    #[test]
    fn heartbeats_that_are_repeated_or_overtaken_change_nothing_and_old_ones_go() {
        let mut watch = Watch::new();
        watch.hear(example(2, 5));
        let late = Beat { said: Heartbeat { at: watch.now(), ..example(1, 1) }, jws_sha256: "a".repeat(64) };
        watch.hear(example(3, 6));
        watch.database.beat(&late, 0).unwrap();
        let (latest, _) = watch.database.last_heartbeat().unwrap().unwrap();
        assert_eq!((latest.outcomes.sequence, watch.after(0)), (3, Vec::new()));
        watch.hear(example(4, 6));
        let later = "UPDATE heartbeats SET number = number + ?1 WHERE number = 3";
        watch.database.0.execute(later, [KEPT_HEARTBEATS]).unwrap();
        watch.hear(example(5, 6));
        let mut kept = watch.database.0.prepare("SELECT sequence FROM heartbeats ORDER BY number").unwrap();
        let kept: Vec<i64> = kept.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(kept, [2, 4, 5], "the first, and those of the last days");
    }

    #[test]
    fn where_live_outcomes_are_withheld_no_number_is_missed() {
        let mut watch = Watch::new();
        watch.get(1);
        watch.hear(Heartbeat { withholds_live: true, ..example(9, 1) });
        assert!(watch.after(100).is_empty());
    }
}
