//! Whether a store holds: pages, references, keys and both chains. Reads a store that is stopped, or one beside its engine.
//!
//! Always holds: nothing is changed; what is said is of one moment, because all of it is read in one transaction.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::Connection;
use serde::Serialize;

use super::chain::{self, Chain};
use super::error::StoreError;
use super::folder::{self, Reading};
use super::gaps::{self, Gap};
use super::handover::Keyring;
use super::key_files::KeyPlaces;
use super::keys::Keys;
use super::{DATABASE, replace, rotation, rows, schema};

/// What was found.
#[derive(Debug, Default)]
pub struct StoreReport {
    /// Whether an engine had the store open.
    pub engine_runs: bool,
    /// The schema's number.
    pub schema: i64,
    /// The device's identifier.
    pub device: Option<String>,
    /// Outcomes whose chain holds.
    pub outcomes: Option<u64>,
    /// Audit entries whose chain holds.
    pub audit_entries: Option<u64>,
    /// Numbers that were left out, and why.
    pub gaps: Vec<Gap>,
    /// What the outbox holds.
    pub outbox: Option<OutboxReport>,
    /// What does not hold; the store is sound when this is empty.
    pub faults: Vec<StoreError>,
}

/// What the outbox holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OutboxReport {
    /// Deliveries that wait.
    pub waiting: u64,
    /// When the oldest that waits was written.
    pub oldest: Option<Timestamp>,
    /// Deliveries that were refused for good.
    pub dead: u64,
    /// Deliveries that were acknowledged.
    pub delivered: u64,
}

/// Examines the store in a folder.
///
/// # Errors
/// [`StoreError`] when it cannot be read at all. What is wrong with it is in the report.
pub fn check(place: impl Into<KeyPlaces>) -> Result<StoreReport, StoreError> {
    let places = place.into();
    let state = places.state();
    let reading = enter(state)?;
    let mut report = StoreReport { engine_runs: reading.engine_runs, ..StoreReport::default() };
    if let Some(connection) = report.note(schema::open_to_read(&state.join(DATABASE)))? {
        examine(&connection, &places, &mut report)?;
    }
    Ok(report)
}

/// Locks a store's folder to read it. A folder without a store is left as it is, but for what a command has left there that was
/// broken off.
pub(super) fn enter(state: &Path) -> Result<Reading, StoreError> {
    if replace::is_left(state) {
        match folder::claim(state) {
            Ok(_lock) => replace::finish(state)?,
            // Whoever has it finishes it, or is in the midst of it.
            Err(StoreError::InUse(_)) => {}
            Err(error) => return Err(error),
        }
    }
    if !replace::is_occupied(state) {
        return Err(StoreError::NoStore(state.to_owned()));
    }
    let reading = folder::join(state)?;
    if replace::is_under_way(state) {
        return Err(StoreError::BeingReplaced(state.to_owned()));
    }
    if state.join(DATABASE).exists() { Ok(reading) } else { Err(StoreError::DatabaseMissing(state.to_owned())) }
}

impl StoreReport {
    /// Keeps what says that the store does not hold, and passes on what kept it from being read.
    pub(super) fn note<T>(&mut self, found: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match found {
            Ok(found) => Ok(Some(found)),
            Err(fault @ (StoreError::Corrupt { .. } | StoreError::Chain(_) | StoreError::Keys(_))) => {
                self.faults.push(fault);
                Ok(None)
            }
            // A statement that does not fit the schema: a table or a column of it is gone.
            Err(
                StoreError::Io { code: rusqlite::ffi::SQLITE_ERROR } | StoreError::Missing | StoreError::Refused { .. },
            ) => {
                self.faults.push(StoreError::Corrupt { what: "its tables are not those of its schema" });
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }
}

/// Examines an open database.
pub(super) fn examine(connection: &Connection, places: &KeyPlaces, report: &mut StoreReport) -> Result<(), StoreError> {
    let moment = connection.unchecked_transaction()?;
    report.note(pages(&moment))?;
    report.note(references(&moment))?;
    report.schema = report.note(schema::version(&moment))?.unwrap_or_default();
    // Chains and gaps are tables of this program's schema; the engine brings an older one to it when it starts.
    match report.schema {
        0 => report.faults.push(StoreError::Empty(places.state().to_owned())),
        found if found < schema::known() => report.faults.push(StoreError::Older { found, known: schema::known() }),
        _ => return contents(&moment, places, report),
    }
    Ok(())
}

/// What the tables of this program's schema hold.
fn contents(moment: &Connection, places: &KeyPlaces, report: &mut StoreReport) -> Result<(), StoreError> {
    let named = match rotation::named(moment) {
        Err(StoreError::Missing) => Err(StoreError::Corrupt { what: "it names no device" }),
        named => named,
    };
    let Some((device, names)) = report.note(named)? else { return Ok(()) };
    if let Some(keys) = report.note(Keys::find(places, &names).map_err(StoreError::from))?
        && let Some(keyring) = report.note(Keyring::read(moment, &device, keys.device.public()))?
    {
        report.outcomes = report.note(chain::outcomes(moment, &device, &keyring))?;
    }
    report.device = Some(device);
    report.audit_entries = report.note(chain::audit(moment))?;
    for chain in [Chain::Outcomes, Chain::Audit] {
        let gaps = report.note(gaps::of_chain(moment, chain))?;
        report.gaps.extend(gaps.unwrap_or_default());
    }
    report.outbox = report.note(outbox(moment))?;
    Ok(())
}

fn pages(connection: &Connection) -> Result<(), StoreError> {
    let verdict: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(StoreError::Corrupt { what: "the integrity check failed" }) }
}

fn references(connection: &Connection) -> Result<(), StoreError> {
    let broken = connection.prepare("PRAGMA foreign_key_check")?.exists([])?;
    if broken { Err(StoreError::Corrupt { what: "rows that refer to nothing" }) } else { Ok(()) }
}

fn outbox(connection: &Connection) -> Result<OutboxReport, StoreError> {
    let count = |state: &str| -> Result<u64, StoreError> {
        let count = "SELECT count(*) FROM outbox WHERE state = ?1";
        Ok(connection.query_row(count, [state], |row| row.get::<_, i64>(0))?.unsigned_abs())
    };
    let oldest = "SELECT min(created_at) FROM outbox WHERE state = 'waiting'";
    let oldest: Option<i64> = connection.query_row(oldest, [], |row| row.get(0))?;
    Ok(OutboxReport {
        waiting: count("waiting")?,
        oldest: oldest.map(rows::timestamp).transpose()?,
        dead: count("dead")?,
        delivered: count("delivered")?,
    })
}
