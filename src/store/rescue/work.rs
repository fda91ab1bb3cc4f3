//! The rows of a damaged database, taken over into a new one within one transaction; see `rescue`.
//!
//! Always holds: what does not fit is counted and left out, and ends nothing. Does not open files, and does not judge the whole.

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, Transaction};

use super::RescuedTable;
use crate::compliance::{Jurisdiction, UseCase};
use crate::session::SessionId;
use crate::store::audit::{AuditAction, AuditRow};
use crate::store::chain::{Chain, OutcomeRow};
use crate::store::error::StoreError;
use crate::store::gaps::{self, Gap, GapReason, HIGHEST};
use crate::store::handover::{self, HandoverRow, Keyring};
use crate::store::keys::Keys;
use crate::store::links::{self, KnownGaps, Link};
use crate::store::salvage::{self, Salvaged};
use crate::store::{attestation, requests, rows};

/// Tables in the order in which rows may refer to rows, or name sessions that are lost; all others come behind.
const FIRST: [&str; 5] = ["session", "outcome", "outbox", "request", "credential"];
/// Tables that are not taken over row by row.
const OWN_WAY: [&str; 3] = ["device", "attempt_clock", "gap"];

/// The end of a chain as the device's row names it: its number, and the hash of what is there.
type Head = (i64, Option<String>);

/// The row of the device, as far as it was left.
struct OldDevice {
    id: String,
    outcomes: Head,
    audit: Head,
}

impl OldDevice {
    fn read(damaged: &Connection, keys: &Keys) -> Option<Self> {
        let row =
            "SELECT id, last_sequence, last_hash, last_audit_sequence, last_audit_hash FROM device WHERE key_id = ?1";
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Self { id: row.get(0)?, outcomes: (row.get(1)?, row.get(2)?), audit: (row.get(3)?, row.get(4)?) })
        };
        damaged.query_row(row, [keys.device.public().key_id()], read).ok()
    }
}

/// A rescue while it is made.
pub(super) struct Work<'a> {
    damaged: &'a Connection,
    transaction: &'a Transaction<'a>,
    keys: &'a Keys,
    keyring: Keyring,
    site: (UseCase, &'a Jurisdiction),
    at: Timestamp,
    old: Option<OldDevice>,
    known: [(Chain, KnownGaps); 2],
    only_names: u64,
}

impl<'a> Work<'a> {
    pub(super) fn begin(
        damaged: &'a Connection,
        transaction: &'a Transaction<'a>,
        keys: &'a Keys,
        site: (UseCase, &'a Jurisdiction),
        at: Timestamp,
    ) -> Self {
        let known = [Chain::Outcomes, Chain::Audit]
            .map(|chain| (chain, KnownGaps::new(gaps::of_chain(damaged, chain).unwrap_or_default())));
        let (old, keyring) = (OldDevice::read(damaged, keys), keyring_of(damaged, keys));
        Self { damaged, transaction, keys, keyring, site, at, old, known, only_names: 0 }
    }

    /// Sessions of which only the name was left.
    pub(super) fn only_names(&self) -> u64 {
        self.only_names
    }

    /// The last numbers of outcomes and of audit entries that the device's row names.
    pub(super) fn reached(&self) -> (i64, i64) {
        self.old.as_ref().map_or((0, 0), |old| (old.outcomes.0, old.audit.0))
    }

    fn known(&self, chain: Chain) -> &KnownGaps {
        match chain {
            Chain::Outcomes => &self.known[0].1,
            Chain::Audit => &self.known[1].1,
        }
    }

    /// Writes the device's row: with its own identifier, where its row or a signed outcome still says it. Answers whether that
    /// had to be made anew.
    pub(super) fn device(&self) -> Result<(String, bool), StoreError> {
        let known = self.old.as_ref().map(|old| old.id.clone()).or_else(|| self.device_of_outcomes());
        let (device, is_new) = match known {
            Some(known) => (known, false),
            None => (rows::new_id("dev")?, true),
        };
        self.transaction.execute(
            "INSERT INTO device (only_row, id, key_id, anchor_key_id) VALUES (1, ?1, ?2, ?3)",
            (&device, self.keys.device.public().key_id(), self.keys.anchor.check_value()),
        )?;
        Ok((device, is_new))
    }

    fn device_of_outcomes(&self) -> Option<String> {
        let salvaged = salvage::table(self.damaged, "outcome", &["jws".to_owned()]);
        salvaged.rows.iter().flatten().find_map(|value| {
            let Value::Text(jws) = value else { return None };
            let payload = self.keyring.verify(jws)?;
            payload["device"].as_str().map(str::to_owned)
        })
    }

    /// The tables of this program's schema that are taken over row by row, in order.
    pub(super) fn tables(&self) -> Result<Vec<String>, StoreError> {
        let mut statement =
            self.transaction.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid")?;
        let all: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let rest = all.into_iter().filter(|name| {
            !name.starts_with("sqlite_") && !OWN_WAY.contains(&name.as_str()) && !FIRST.contains(&name.as_str())
        });
        Ok(FIRST.map(str::to_owned).into_iter().chain(rest).collect())
    }

    /// Takes the rows of a table over that fit.
    pub(super) fn take_over(&mut self, table: &str, device: &str) -> Result<RescuedTable, StoreError> {
        let wanted = salvage::columns(self.transaction, table)?;
        let Salvaged { columns, rows, unreadable } = salvage::table(self.damaged, table, &wanted);
        let mut taken = RescuedTable { unreadable: unreadable as u64, ..RescuedTable::default() };
        if columns.is_empty() {
            return Ok(taken);
        }
        let read = rows.len();
        let mut waiting = match table {
            "outcome" => self.hanging_together(Chain::Outcomes, rows, |row| self.outcome(&columns, row, device)),
            "audit" => self.hanging_together(Chain::Audit, rows, |row| audit_entry(&columns, row)),
            "handover" => rows.into_iter().filter(|row| self.leads_to_the_key(row, device)).collect(),
            _ => rows,
        };
        taken.refused = (read - waiting.len()) as u64;
        let places = vec!["?"; columns.len()].join(", ");
        let mut insert =
            self.transaction.prepare(&format!("INSERT INTO \"{table}\" ({}) VALUES ({places})", columns.join(", ")))?;
        // Rows that refer to others of their table may have to wait for them.
        loop {
            let before = waiting.len();
            let mut refused = Vec::new();
            for row in waiting {
                if matches!(table, "outcome" | "outbox" | "request") {
                    self.only_names += u64::from(name_session(self.transaction, (self.site, self.at), &columns, &row)?);
                }
                match insert.execute(rusqlite::params_from_iter(&row)) {
                    Ok(_) => taken.rows += 1,
                    Err(error) if does_not_fit(&error) => refused.push(row),
                    Err(error) => return Err(error.into()),
                }
            }
            waiting = refused;
            if waiting.is_empty() || waiting.len() == before {
                taken.refused += waiting.len() as u64;
                return Ok(taken);
            }
        }
    }

    /// The rows whose links hold, without those that what comes behind them contradicts.
    fn hanging_together(
        &self,
        chain: Chain,
        rows: Vec<Vec<Value>>,
        link: impl Fn(&[Value]) -> Option<Link>,
    ) -> Vec<Vec<Value>> {
        let mut linked: Vec<(Link, Vec<Value>)> = rows
            .into_iter()
            .filter_map(|row| Some((link(&row).filter(|link| link.sequence <= HIGHEST)?, row)))
            .collect();
        linked.sort_by_key(|(link, _)| link.sequence);
        let (links, mut rows): (Vec<Link>, Vec<Vec<Value>>) = linked.into_iter().unzip();
        let head = self.old.as_ref().and_then(|old| {
            let (sequence, hash) = match chain {
                Chain::Outcomes => &old.outcomes,
                Chain::Audit => &old.audit,
            };
            Some((*sequence, hash.as_deref()?))
        });
        let loose = links::loose(&links, head, self.known(chain));
        let mut kept = links.iter().map(|link| !loose.contains(&link.sequence));
        rows.retain(|_| kept.next().unwrap_or(true));
        rows
    }

    /// An outcome that is signed by this device and says what its row says.
    fn outcome(&self, columns: &[String], row: &[Value], device: &str) -> Option<Link> {
        let outcome = OutcomeRow {
            sequence: number(columns, row, "sequence")?,
            id: text(columns, row, "id")?,
            session: text(columns, row, "session")?,
            result: text(columns, row, "result")?,
            reason: text(columns, row, "reason"),
            livemode: number(columns, row, "livemode")? != 0,
            decided_at: number(columns, row, "decided_at")?,
            jws: text(columns, row, "jws")?,
            overrides: text(columns, row, "overrides"),
        };
        let payload = outcome.payload(device, self.keyring.of(outcome.sequence))?;
        let previous = payload["previous_hash"].as_str().map(str::to_owned);
        Some(Link { sequence: outcome.sequence, previous, hash: attestation::hash(&outcome.jws) })
    }

    /// Whether a handover is one of those that lead to the key in use.
    fn leads_to_the_key(&self, row: &[Value], device: &str) -> bool {
        HandoverRow::of(row).is_some_and(|row| self.keyring.has(&row, device))
    }

    /// Redacts again what the audit chain says was redacted, where the request that said it is lost. An entry that was left out
    /// counts too: what was erased wrongly is still in the damaged file.
    pub(super) fn redact_again(&self) -> Result<u64, StoreError> {
        let columns = ["action", "session"].map(str::to_owned);
        let mut again = 0;
        for row in salvage::table(self.damaged, "audit", &columns).rows {
            let [Value::Text(action), Value::Text(session)] = row.as_slice() else { continue };
            let Ok(id) = SessionId::try_from(session.clone()) else { continue };
            let ended = "SELECT 1 FROM session WHERE id = ?1 AND ended_at IS NOT NULL";
            if action == AuditAction::SessionRedacted.as_str()
                && self.transaction.prepare_cached(ended)?.exists([session])?
                && !requests::is_redacted(self.transaction, session)?
            {
                requests::erase(self.transaction, &id, self.at, false)?;
                again += 1;
            }
        }
        Ok(again)
    }

    /// The running time, by which attempts are counted.
    pub(super) fn running_time(&self) -> Result<(), StoreError> {
        let ran = self.damaged.query_row("SELECT ran_ms FROM attempt_clock", [], |row| row.get::<_, i64>(0));
        if let Some(ran) = ran.ok().filter(|ran| *ran >= 0) {
            self.transaction.execute("UPDATE attempt_clock SET ran_ms = max(ran_ms, ?1)", [ran])?;
        }
        Ok(())
    }

    /// Writes down what is missing from the chains, and their heads.
    pub(super) fn link(&self) -> Result<(), StoreError> {
        let mut last = (0, None);
        let mut outcomes = self.transaction.prepare("SELECT sequence, jws FROM outcome ORDER BY sequence")?;
        let mut outcomes = outcomes.query([])?;
        while let Some(row) = outcomes.next()? {
            let (sequence, jws): (i64, String) = (row.get(0)?, row.get(1)?);
            self.leave_out(Chain::Outcomes, last.0, sequence)?;
            last = (sequence, Some(attestation::hash(&jws)));
        }
        self.transaction.execute("UPDATE device SET last_sequence = ?1, last_hash = ?2", last)?;

        let mut last = (0, None);
        let mut entries = self.transaction.prepare("SELECT sequence, hash FROM audit ORDER BY sequence")?;
        let mut entries = entries.query([])?;
        while let Some(row) = entries.next()? {
            let (sequence, hash): (i64, String) = (row.get(0)?, row.get(1)?);
            self.leave_out(Chain::Audit, last.0, sequence)?;
            last = (sequence, Some(hash));
        }
        self.transaction.execute("UPDATE device SET last_audit_sequence = ?1, last_audit_hash = ?2", last)?;
        Ok(())
    }

    fn leave_out(&self, chain: Chain, last_before: i64, first_behind: i64) -> Result<(), StoreError> {
        let new = Gap { chain, last_before, first_behind, reason: GapReason::Rescued, at: self.at };
        let gaps = self.known(chain).between(last_before, first_behind).unwrap_or_else(|| vec![new]);
        gaps.iter().try_for_each(|gap| gaps::write(self.transaction, gap))
    }
}

/// The key in use, and those before it as far back as the handovers that are left lead.
fn keyring_of(damaged: &Connection, keys: &Keys) -> Keyring {
    let salvaged = salvage::table(damaged, "handover", &handover::COLUMNS.map(str::to_owned));
    let rows = if salvaged.columns.len() == handover::COLUMNS.len() { salvaged.rows } else { Vec::new() };
    let rows = rows.iter().filter_map(|row| HandoverRow::of(row)).collect();
    Keyring::walk(rows, None, keys.device.public())
}

/// An audit entry that is as it was written.
fn audit_entry(columns: &[String], row: &[Value]) -> Option<Link> {
    let entry = AuditRow {
        sequence: number(columns, row, "sequence")?,
        at: number(columns, row, "at")?,
        actor: text(columns, row, "actor")?,
        action: text(columns, row, "action")?,
        session: text(columns, row, "session"),
        previous: text(columns, row, "previous_hash"),
    };
    let hash = text(columns, row, "hash").filter(|hash| *hash == entry.hash())?;
    Some(Link { sequence: entry.sequence, previous: entry.previous, hash })
}

/// Makes a session for an outcome, a delivery or a request whose own is lost. Answers whether it had to.
fn name_session(
    transaction: &Transaction<'_>,
    ((use_case, jurisdiction), at): ((UseCase, &Jurisdiction), Timestamp),
    columns: &[String],
    row: &[Value],
) -> Result<bool, StoreError> {
    let Some(Value::Text(session)) = value(columns, row, "session") else { return Ok(false) };
    let there = transaction.prepare_cached("SELECT 1 FROM session WHERE id = ?1")?.exists([session])?;
    let owed = value(columns, row, "state") != Some(&Value::Text("delivered".to_owned()));
    if there || !owed {
        return Ok(false);
    }
    let state = match value(columns, row, "result") {
        Some(Value::Text(result)) => (result.as_str(), None),
        _ => ("canceled", Some("device")),
    };
    let when = ["decided_at", "created_at", "redacted_at"].into_iter().find_map(|name| number(columns, row, name));
    let when = when.map_or_else(|| rows::millis(at), Ok)?;
    let event = match value(columns, row, "event") {
        Some(Value::Text(event)) => event.clone(),
        _ => rows::new_id("evt")?,
    };
    let made = transaction
        .prepare_cached(
            "INSERT INTO session (id, use_case, jurisdiction, state, canceled_by, document_attempts, face_attempts,
                created_at, expires_at, ended_at, event)
             VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, ?6, ?6, ?6, ?7)",
        )?
        .execute((session, use_case.as_str(), jurisdiction.as_str(), state.0, state.1, when, event));
    match made {
        Ok(_) => Ok(true),
        // The row itself will not fit either.
        Err(error) if does_not_fit(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn value<'a>(columns: &[String], row: &'a [Value], name: &str) -> Option<&'a Value> {
    columns.iter().position(|column| column == name).and_then(|at| row.get(at))
}

fn text(columns: &[String], row: &[Value], name: &str) -> Option<String> {
    match value(columns, row, name) {
        Some(Value::Text(text)) => Some(text.clone()),
        _ => None,
    }
}

fn number(columns: &[String], row: &[Value], name: &str) -> Option<i64> {
    match value(columns, row, name) {
        Some(Value::Integer(number)) => Some(*number),
        _ => None,
    }
}

/// Whether the schema refuses a row, as it does what was damaged.
fn does_not_fit(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig)
    )
}
