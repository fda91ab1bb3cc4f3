//! A store made anew of what a damaged file still holds. The operator orders it; no engine does it by itself.
//!
//! Always holds: the damaged file is set aside as it is, journal and all; only a row that fits into this program's schema is
//! taken over, an outcome only with a signature that holds and an audit entry only with its hash; an event that is owed is
//! taken over even where nothing else of its session is left; what is missing from the chains is written down as a gap; the
//! next outcome has a number that none has had (see `gaps`). What is made ready is examined as a whole before it takes its
//! place. Rows may be lost, and the report says where; a value that was damaged into another that fits is not noticed.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use serde::Serialize;

use super::audit::{self, Actor, AuditAction, AuditEntry, AuditRow};
use super::backup::sound;
use super::chain::{Chain, OutcomeRow};
use super::error::StoreError;
use super::gaps::{self, Gap, GapReason};
use super::handover::{self, HandoverRow, Keyring};
use super::key_files::KeyPlaces;
use super::keys::Keys;
use super::replace::{self, Replaced};
use super::salvage::{self, Salvaged};
use super::{DATABASE, attestation, examine, folder, rotation, rows, schema};
use crate::compliance::{Jurisdiction, UseCase};

/// The copy that is read.
const COPY: &str = "reading.db";
/// Tables in the order in which rows may refer to rows; all others come behind.
const FIRST: [&str; 4] = ["session", "request", "outcome", "credential"];
/// Tables that are not taken over row by row.
const OWN_WAY: [&str; 3] = ["device", "attempt_clock", "gap"];

/// What was rescued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rescued {
    /// Where the damaged file is.
    pub set_aside: PathBuf,
    /// By table.
    pub tables: BTreeMap<String, RescuedTable>,
    /// Events that are owed and will be delivered.
    pub owed: u64,
    /// Sessions of which nothing but the name was left, in an outcome or an event.
    pub only_names: u64,
    /// Numbers that are missing from the chains.
    pub gaps: Vec<Gap>,
    /// The number of the next outcome.
    pub next_outcome: i64,
    /// The device's identifier, where it was lost and had to be made anew.
    pub new_device: Option<String>,
}

/// What was rescued of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RescuedTable {
    /// Rows that were taken over.
    pub rows: u64,
    /// Rows that could be read and do not fit.
    pub refused: u64,
    /// Places that could not be read; of how many rows is not known.
    pub unreadable: u64,
}

/// Makes the store anew of what its damaged file still holds. A session of which only the name is left gets the place and
/// the use case of `site`.
///
/// # Errors
/// [`StoreError::Sound`] when nothing is wrong with it, [`StoreError`] when an engine runs, a key is missing, or the new file
/// cannot be made; everything stays as it is then.
pub fn rescue(
    place: impl Into<KeyPlaces>,
    site: (UseCase, &Jurisdiction),
    at: Timestamp,
) -> Result<Rescued, StoreError> {
    let places = place.into();
    let state = places.state();
    let Some(_lock) = examine::enter(state)? else {
        return Err(StoreError::InUse(state.to_owned()));
    };
    Keys::likeliest(&places)?;
    let incoming = replace::prepare(state)?;
    let rescued = copy(state, &incoming).and_then(|copied| {
        refuse_sound(&places, &copied)?;
        let keys = keys_of(&places, &copied)?;
        make((&places, &incoming), &copy(state, &incoming)?, &keys, site, at)
    });
    for ending in ["", "-wal", "-shm", "-journal"] {
        let _ = std::fs::remove_file(incoming.join(format!("{COPY}{ending}")));
    }
    if rescued.is_err() {
        replace::abandon(state);
    }
    let mut rescued = rescued?;
    rescued.set_aside = replace::replace(state, Replaced::Database, at)?;
    Ok(rescued)
}

/// Copies the database and its journal.
fn copy(state: &Path, incoming: &Path) -> Result<PathBuf, StoreError> {
    let copied = incoming.join(COPY);
    for ending in ["-shm", "-journal", "-wal", ""] {
        let (from, to) = (state.join(format!("{DATABASE}{ending}")), incoming.join(format!("{COPY}{ending}")));
        let done = (|| {
            match std::fs::remove_file(&to) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
            // The shared memory is made anew from the journal.
            if ending != "-shm" && from.exists() { folder::copy_private(File::open(&from)?, &to) } else { Ok(()) }
        })();
        done.map_err(|error| StoreError::from_io(&error))?;
    }
    Ok(copied)
}

/// Refuses what an engine would open and what holds.
fn refuse_sound(places: &KeyPlaces, copied: &Path) -> Result<(), StoreError> {
    let examined = schema::open(copied).and_then(|mut connection| {
        schema::migrate(&mut connection)?;
        sound(&connection, places)
    });
    match examined {
        Ok(_) => Err(StoreError::Sound),
        // None of these says anything of the pages.
        Err(
            other @ (StoreError::Keys(_)
            | StoreError::Newer { .. }
            | StoreError::Full
            | StoreError::ReadOnly
            | StoreError::Setting(_)),
        ) => Err(other),
        Err(_) => Ok(()),
    }
}

/// The keys that the damaged file names, or else the likeliest.
fn keys_of(places: &KeyPlaces, copied: &Path) -> Result<Keys, StoreError> {
    let named = schema::open_to_read(copied).and_then(|connection| rotation::named(&connection));
    let found = named.ok().and_then(|(_, names)| Keys::find(places, &names).ok());
    Ok(found.map_or_else(|| Keys::likeliest(places), Ok)?)
}

fn make(
    (places, incoming): (&KeyPlaces, &Path),
    copied: &Path,
    keys: &Keys,
    site: (UseCase, &Jurisdiction),
    at: Timestamp,
) -> Result<Rescued, StoreError> {
    let damaged = salvage::open(copied)?;
    let file = incoming.join(DATABASE);
    folder::make_private(&file)?;
    let mut connection = schema::open(&file)?;
    schema::migrate(&mut connection)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let keyring = keyring_of(&damaged, keys);
    let mut work = Work { damaged: &damaged, transaction: &transaction, keys, keyring, site, at, only_names: 0 };
    let old = work.old_device();
    let (device, is_new) = work.device(old.as_ref())?;
    let mut tables = BTreeMap::new();
    for table in work.tables()? {
        tables.insert(table.clone(), work.take_over(&table, &device)?);
    }
    let only_names = work.only_names;
    work.running_time()?;
    work.link(old.as_ref())?;
    let known = old.map_or(0, |old| old.last_sequence);
    let next_outcome = gaps::leap(&transaction, known, GapReason::Rescued, at)?;
    let entry = AuditEntry { at, actor: Actor::Operator, action: AuditAction::StoreRescued, session: None };
    audit::append(&transaction, &entry)?;
    transaction.commit()?;
    let report = sound(&connection, places)?;
    connection.close().map_err(|(_, error)| StoreError::from(error))?;
    Ok(Rescued {
        set_aside: PathBuf::new(),
        tables,
        owed: report.outbox.map_or(0, |outbox| outbox.waiting),
        only_names,
        gaps: report.gaps,
        next_outcome,
        new_device: is_new.then_some(device),
    })
}

/// The key in use, and those before it as far back as the handovers that are left lead.
fn keyring_of(damaged: &Connection, keys: &Keys) -> Keyring {
    let salvaged = salvage::table(damaged, "handover", &handover::COLUMNS.map(str::to_owned));
    let rows = if salvaged.columns.len() == handover::COLUMNS.len() { salvaged.rows } else { Vec::new() };
    let rows = rows.iter().filter_map(|row| HandoverRow::of(row)).collect();
    Keyring::walk(rows, None, keys.device.public())
}

/// The row of the device, as far as it was left.
struct OldDevice {
    id: String,
    last_sequence: i64,
    last_audit_sequence: i64,
}

struct Work<'a> {
    damaged: &'a Connection,
    transaction: &'a Transaction<'a>,
    keys: &'a Keys,
    keyring: Keyring,
    site: (UseCase, &'a Jurisdiction),
    at: Timestamp,
    only_names: u64,
}

impl Work<'_> {
    fn old_device(&self) -> Option<OldDevice> {
        let row = "SELECT id, last_sequence, last_audit_sequence FROM device WHERE key_id = ?1";
        let read = |row: &rusqlite::Row<'_>| {
            Ok(OldDevice { id: row.get(0)?, last_sequence: row.get(1)?, last_audit_sequence: row.get(2)? })
        };
        self.damaged.query_row(row, [self.keys.device.public().key_id()], read).ok()
    }

    /// Writes the device's row: with its own identifier, where its row or a signed outcome still says it.
    fn device(&self, old: Option<&OldDevice>) -> Result<(String, bool), StoreError> {
        let known = old.map(|old| old.id.clone()).or_else(|| self.device_of_outcomes());
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
    fn tables(&self) -> Result<Vec<String>, StoreError> {
        let mut statement =
            self.transaction.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid")?;
        let all: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let rest = all.into_iter().filter(|name| {
            !name.starts_with("sqlite_") && !OWN_WAY.contains(&name.as_str()) && !FIRST.contains(&name.as_str())
        });
        Ok(FIRST.map(str::to_owned).into_iter().chain(rest).collect())
    }

    /// Takes the rows of a table over that fit.
    fn take_over(&mut self, table: &str, device: &str) -> Result<RescuedTable, StoreError> {
        let wanted = salvage::columns(self.transaction, table)?;
        let Salvaged { columns, rows, unreadable } = salvage::table(self.damaged, table, &wanted);
        let mut taken = RescuedTable { unreadable: unreadable as u64, ..RescuedTable::default() };
        if columns.is_empty() {
            return Ok(taken);
        }
        let mut waiting: Vec<Vec<Value>> = match table {
            "outcome" => rows.into_iter().filter(|row| self.is_signed(&columns, row, device)).collect(),
            "handover" => rows.into_iter().filter(|row| self.leads_to_the_key(row, device)).collect(),
            _ => rows,
        };
        let places = vec!["?"; columns.len()].join(", ");
        let mut insert =
            self.transaction.prepare(&format!("INSERT INTO \"{table}\" ({}) VALUES ({places})", columns.join(", ")))?;
        // Rows that refer to others of their table may have to wait for them.
        loop {
            let before = waiting.len();
            let mut refused = Vec::new();
            for row in waiting {
                if matches!(table, "outcome" | "outbox") {
                    self.only_names += u64::from(name_session(self.transaction, self.site, &columns, &row)?);
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

    /// Whether an outcome is signed by this device and says what its row says.
    fn is_signed(&self, columns: &[String], row: &[Value], device: &str) -> bool {
        let text = |name: &str| match value(columns, row, name) {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let number = |name: &str| match value(columns, row, name) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        };
        let outcome = (|| {
            Some(OutcomeRow {
                sequence: number("sequence")?,
                id: text("id")?,
                session: text("session")?,
                result: text("result")?,
                reason: text("reason"),
                livemode: number("livemode")? != 0,
                decided_at: number("decided_at")?,
                jws: text("jws")?,
                overrides: text("overrides"),
            })
        })();
        outcome.is_some_and(|outcome| outcome.payload(device, self.keyring.of(outcome.sequence)).is_some())
    }

    /// Whether a handover is one of those that lead to the key in use.
    fn leads_to_the_key(&self, row: &[Value], device: &str) -> bool {
        HandoverRow::of(row).is_some_and(|row| self.keyring.has(&row, device))
    }

    /// The running time, by which attempts are counted.
    fn running_time(&self) -> Result<(), StoreError> {
        let ran = self.damaged.query_row("SELECT ran_ms FROM attempt_clock", [], |row| row.get::<_, i64>(0));
        if let Some(ran) = ran.ok().filter(|ran| *ran >= 0) {
            self.transaction.execute("UPDATE attempt_clock SET ran_ms = max(ran_ms, ?1)", [ran])?;
        }
        Ok(())
    }

    /// Writes down what is missing from the chains, and their heads.
    fn link(&self, old: Option<&OldDevice>) -> Result<(), StoreError> {
        let known = self.known_gaps();
        let mut last = (0, None);
        let mut outcomes = self.transaction.prepare("SELECT sequence, jws FROM outcome ORDER BY sequence")?;
        let mut outcomes = outcomes.query([])?;
        while let Some(row) = outcomes.next()? {
            let (sequence, jws): (i64, String) = (row.get(0)?, row.get(1)?);
            self.leave_out(&known, Chain::Outcomes, last.0, sequence)?;
            last = (sequence, Some(attestation::hash(&jws)));
        }
        self.transaction.execute("UPDATE device SET last_sequence = ?1, last_hash = ?2", last)?;

        let mut last = (0, None);
        let mut entries =
            self.transaction.prepare(&format!("SELECT {} FROM audit ORDER BY sequence", AuditRow::COLUMNS))?;
        let mut entries = entries.query([])?;
        while let Some(row) = entries.next()? {
            let (entry, hash) = AuditRow::read(row)?;
            if entry.hash() != hash {
                return Err(StoreError::Corrupt { what: "an audit entry that was altered" });
            }
            self.leave_out(&known, Chain::Audit, last.0, entry.sequence)?;
            last = (entry.sequence, Some(hash));
        }
        let reached = old.map_or(0, |old| old.last_audit_sequence);
        if last.1.is_some() && reached > last.0 {
            self.leave_out(&known, Chain::Audit, last.0, reached + 1)?;
            last.0 = reached;
        }
        self.transaction.execute("UPDATE device SET last_audit_sequence = ?1, last_audit_hash = ?2", last)?;
        Ok(())
    }

    fn known_gaps(&self) -> Vec<Gap> {
        let of_chain = |chain| gaps::of_chain(self.damaged, chain).unwrap_or_default();
        [Chain::Outcomes, Chain::Audit].into_iter().flat_map(of_chain).collect()
    }

    fn leave_out(&self, known: &[Gap], chain: Chain, last_before: i64, first_behind: i64) -> Result<(), StoreError> {
        if first_behind == last_before + 1 {
            return Ok(());
        }
        let new = Gap { chain, last_before, first_behind, reason: GapReason::Rescued, at: self.at };
        let same = |gap: &&Gap| (gap.chain, gap.last_before, gap.first_behind) == (chain, last_before, first_behind);
        gaps::write(self.transaction, known.iter().find(same).unwrap_or(&new))
    }
}

/// Makes a session for an outcome or an event whose own is lost. Answers whether it had to.
fn name_session(
    transaction: &Transaction<'_>,
    (use_case, jurisdiction): (UseCase, &Jurisdiction),
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
    let when = value(columns, row, "decided_at").or_else(|| value(columns, row, "created_at"));
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

/// Whether the schema refuses a row, as it does what was damaged.
fn does_not_fit(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig)
    )
}
