//! A store made anew of what a damaged file still holds. The operator orders it; no engine does it by itself.
//!
//! Always holds: the damaged file is set aside as it is, journal and all, with a report; only a row that fits into this program's
//! schema is taken over, an outcome only with a signature that holds, an audit entry only with its hash, and neither where what
//! comes behind it says otherwise (see `links`); an event that is owed is taken over even where nothing else of its session is
//! left; a session that was redacted stays so where its request or the audit chain still says it; what is missing from the
//! chains is written down as a gap; both go on with a number that none has had (see `gaps`). What is made ready is examined as a
//! whole before it takes its place. Rows may be lost, and the report says where; a value that was damaged into another that fits
//! is not noticed.

mod work;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::TransactionBehavior;
use serde::Serialize;

use self::work::Work;
use super::audit::{self, Actor, AuditAction, AuditEntry};
use super::backup::sound;
use super::chain::Chain;
use super::error::StoreError;
use super::gaps::{self, Gap, GapReason};
use super::key_files::KeyPlaces;
use super::keys::Keys;
use super::replace::{self, Replaced};
use super::{DATABASE, examine, folder, rotation, salvage, schema};
use crate::compliance::{Jurisdiction, UseCase};

/// The copy that is read.
const COPY: &str = "reading.db";
/// What was rescued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rescued {
    /// Where the damaged file is.
    pub set_aside: PathBuf,
    /// By table.
    pub tables: BTreeMap<String, RescuedTable>,
    /// Deliveries that are owed and will be made.
    pub owed: u64,
    /// Sessions of which nothing but the name was left, in an outcome, a delivery or a request.
    pub only_names: u64,
    /// Sessions that are redacted again, because only the audit chain still said that they were.
    pub redacted_again: u64,
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
    // A folder without a store is left as it is.
    drop(examine::enter(state)?);
    let _alone = folder::claim_alone(state)?;
    replace::finish(state)?;
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
    rescued.set_aside = replace::make_room(state, Replaced::Database, at)?;
    let report = serde_json::to_vec_pretty(&rescued).map_err(std::io::Error::from);
    let written = report.and_then(|report| folder::write_private(&incoming.join(replace::REPORT), &report));
    if let Err(error) = written {
        let _ = std::fs::remove_dir(&rescued.set_aside);
        return Err(StoreError::from_io(&error));
    }
    replace::replace(state, &rescued.set_aside)?;
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
    let mut work = Work::begin(&damaged, &transaction, keys, site, at);
    let (device, is_new) = work.device()?;
    let mut tables = BTreeMap::new();
    for table in work.tables()? {
        tables.insert(table.clone(), work.take_over(&table, &device)?);
    }
    let redacted_again = work.redact_again()?;
    work.running_time()?;
    work.link()?;
    let (only_names, (outcomes, entries)) = (work.only_names(), work.reached());
    let next_outcome = gaps::leap(&transaction, Chain::Outcomes, outcomes, GapReason::Rescued, at)?;
    gaps::leap(&transaction, Chain::Audit, entries, GapReason::Rescued, at)?;
    let left_out = tables.get("audit").is_some_and(|audit| audit.refused > 0);
    let actions = [AuditAction::StoreRescued].into_iter().chain(left_out.then_some(AuditAction::AuditEntriesLeftOut));
    for action in actions {
        audit::append(&transaction, &AuditEntry { at, actor: Actor::Operator, action, session: None })?;
    }
    transaction.commit()?;
    let report = sound(&connection, places)?;
    connection.close().map_err(|(_, error)| StoreError::from(error))?;
    Ok(Rescued {
        set_aside: PathBuf::new(),
        tables,
        owed: report.outbox.map_or(0, |outbox| outbox.waiting),
        only_names,
        redacted_again,
        gaps: report.gaps,
        next_outcome,
        new_device: is_new.then_some(device),
    })
}
