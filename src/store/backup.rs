//! Backups: a folder with a copy of the database, both keys, and a manifest with their digests; and how one is restored.
//!
//! A backup holds the device's keys and is as secret as they are: its folder has mode 0700 and its files 0600. The database
//! is copied by `VACUUM INTO`, in one read transaction and without free pages, so that nothing that was deleted is in it.
//! The rule tables are not: their publisher signs them, and they are installed again. Keys that are systemd's credentials are
//! not either: a backup of them restores on the machine that has them.
//!
//! Always holds: a folder of the given name is a whole backup that was examined, or there is none; a restored store goes on
//! with numbers that no outcome and no audit entry has had (see `gaps`), names the last outcome of the backup before it, and says
//! in its audit chain what was done; what the store that was there says of redactions, revoked keys and removed staff is in force
//! again (see `carry`). Sessions that were open are cancelled without an event, because they may have ended after the
//! backup and a session has one end; events that are owed are delivered again, under the identifiers that they had.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::audit::{self, Actor, AuditAction, AuditEntry};
use super::carry::{Present, Since};
use super::chain::Chain;
use super::error::StoreError;
use super::examine::{self, StoreReport};
use super::gaps::{self, GapReason};
use super::key_files::KeyPlaces;
use super::keys::{ANCHOR, DEVICE, Keys, NEXT};
use super::replace::{self, Replaced};
use super::{DATABASE, folder, rotation, rows, schema};
use crate::privacy::hexadecimal;
use crate::session::{CanceledBy, SessionId, SessionState};

const MANIFEST: &str = "manifest.json";
/// The form of backups that this program writes and reads.
const FORMAT: u32 = 1;
/// Most bytes of a manifest.
const MAX_MANIFEST: u64 = 16 << 10;
/// The files that a backup may have. Keys that are credentials are not in it: what binds them to the device would be lost.
const FILES: [&str; 4] = [DATABASE, DEVICE, ANCHOR, NEXT];

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupManifest {
    /// Its form.
    pub format: u32,
    /// When it was made.
    pub made_at: Timestamp,
    /// The device's identifier.
    pub device: String,
    /// The database's schema.
    pub schema: i64,
    /// How many outcomes it holds.
    pub outcomes: u64,
    /// Its files.
    pub files: BTreeMap<String, BackupFile>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupFile {
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

/// What a restore has done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// What was restored.
    pub backup: BackupManifest,
    /// Where the store is that was there before.
    pub set_aside: Option<PathBuf>,
    /// The number of the next outcome.
    pub next_outcome: i64,
    /// Sessions that were open and are cancelled.
    pub canceled: Vec<SessionId>,
    /// Deliveries that are owed, and sent again if they were sent after the backup.
    pub waiting: u64,
    /// What was done after the backup and is in force again.
    pub since: Since,
    /// Thumbprint of the key that signs now.
    pub key_id: String,
    /// Thumbprint of the one that signed in the store that was there, where that was another: the backup is older than a
    /// rotation.
    pub key_before: Option<String>,
}

/// Writes a backup into a new folder, also while the engine runs.
///
/// # Errors
/// [`StoreError`] when the store does not hold, or the backup cannot be written; there is no folder of that name then.
pub fn backup(place: impl Into<KeyPlaces>, into: &Path, at: Timestamp) -> Result<BackupManifest, StoreError> {
    let places = place.into();
    let state = places.state();
    let _reading = examine::enter(state)?;
    let into = std::path::absolute(into).map_err(|error| StoreError::from_io(&error))?;
    if into.symlink_metadata().is_ok() {
        return Err(StoreError::BackupExists(into));
    }
    let parent = into.parent().unwrap_or(&into);
    let failed = |error: io::Error| StoreError::from_io(&error);
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    let draft = tempfile::Builder::new().prefix(".carded-backup-").permissions(private).tempdir_in(parent);
    let draft = draft.map_err(failed)?;
    let copy = draft.path().join(DATABASE);
    folder::make_private(&copy)?;
    if is_exposed(&copy).map_err(failed)? {
        return Err(StoreError::BackupExposed(into));
    }
    let database = schema::open_to_read(&state.join(DATABASE))?;
    let path = copy.to_str().ok_or(StoreError::Refused { what: "a path that is not UTF-8" })?;
    database.execute("VACUUM INTO ?1", [path]).map_err(|error| StoreError::from(error).at(state))?;
    drop(database);
    let copied = schema::open_to_read(&copy)?;
    let report = sound(&copied, &places)?;
    copy_keys(&copied, &places, draft.path())?;
    drop(copied);
    for ending in ["-wal", "-shm"] {
        // An empty journal of the look at the copy.
        let _ = std::fs::remove_file(draft.path().join(format!("{DATABASE}{ending}")));
    }
    let there = FILES.into_iter().filter(|name| draft.path().join(name).exists());
    let files = there.map(|name| Ok((name.to_owned(), digest(&draft.path().join(name))?)));
    let manifest = BackupManifest {
        format: FORMAT,
        made_at: at,
        device: report.device.unwrap_or_default(),
        schema: report.schema,
        outcomes: report.outcomes.unwrap_or_default(),
        files: files.collect::<io::Result<_>>().map_err(failed)?,
    };
    let written = (|| {
        let text = serde_json::to_vec_pretty(&manifest).map_err(io::Error::from)?;
        folder::write_private(&draft.path().join(MANIFEST), &text)?;
        File::open(&copy)?.sync_all()?;
        folder::sync(draft.path())?;
        std::fs::rename(draft.path(), &into)?;
        folder::sync(parent)
    })();
    written.map_err(failed)?;
    Ok(manifest)
}

/// Copies the keys that a database names, as far as they are files, and the one that waits.
fn copy_keys(copied: &Connection, places: &KeyPlaces, into: &Path) -> Result<(), StoreError> {
    let keys = Keys::find(places, &rotation::named(copied)?.1)?;
    let next = rotation::next_key(places, &keys.device.public())?.map(|(file, _)| (NEXT, file));
    for (name, file) in [(DEVICE, keys.device_file), (ANCHOR, keys.anchor_file)].into_iter().chain(next) {
        if !file.is_credential {
            let bytes = file.load()?;
            folder::write_private(&into.join(name), bytes.as_ref()).map_err(|error| StoreError::from_io(&error))?;
        }
    }
    Ok(())
}

/// Puts a backup in the place of a store.
///
/// # Errors
/// [`StoreError`] when an engine runs, a store is there and `replace` does not say that it may be set aside, or the backup is
/// not whole; the store that is there stays as it is then.
pub fn restore(place: impl Into<KeyPlaces>, from: &Path, replace: bool, at: Timestamp) -> Result<Restored, StoreError> {
    let places = place.into();
    let state = places.state();
    let manifest = read_manifest(from)?;
    let _alone = folder::claim_alone(state)?;
    replace::finish(state)?;
    if replace::is_occupied(state) && !replace {
        return Err(StoreError::Present(state.to_owned()));
    }
    let incoming = replace::prepare(state)?;
    let restored = prepare(&places, &incoming, from, manifest, at);
    if restored.is_err() {
        replace::abandon(state);
    }
    let mut restored = restored?;
    let aside = replace::make_room(state, Replaced::DatabaseAndKeys, at)?;
    replace::replace(state, &aside)?;
    // Where there was nothing, there is nothing in it.
    restored.set_aside = std::fs::remove_dir(&aside).is_err().then_some(aside);
    Ok(restored)
}

fn prepare(
    places: &KeyPlaces,
    incoming: &Path,
    from: &Path,
    manifest: BackupManifest,
    at: Timestamp,
) -> Result<Restored, StoreError> {
    for (name, file) in &manifest.files {
        let source = File::open(from.join(name)).map_err(|_| altered(from, "a file cannot be read"))?;
        let copied = folder::copy_private(source, &incoming.join(name)).and_then(|()| digest(&incoming.join(name)));
        if copied.map_err(|error| StoreError::from_io(&error))? != *file {
            return Err(altered(from, "a file has another digest"));
        }
    }
    // Whatever is wrong with it is wrong with the backup, and not with the store that is there.
    let to_come = places.beside(incoming);
    let examined = (|| {
        let mut connection = schema::open(&incoming.join(DATABASE))?;
        schema::migrate(&mut connection)?;
        let report = sound(&connection, &to_come)?;
        Ok((connection, report))
    })();
    let has_keys = manifest.files.contains_key(DEVICE) && manifest.files.contains_key(ANCHOR);
    let (mut connection, report) = examined.map_err(|error| of_backup(error, from, has_keys))?;
    let present = Present::read(places.state(), report.device.as_deref().unwrap_or_default());
    let key_id = rotation::named(&connection)?.1.device;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let reason = GapReason::Restored;
    let next_outcome = gaps::leap(&transaction, Chain::Outcomes, present.reached.0, reason, at)?;
    gaps::leap(&transaction, Chain::Audit, present.reached.1, reason, at)?;
    let entry = AuditEntry { at, actor: Actor::Operator, action: AuditAction::StoreRestored, session: None };
    audit::append(&transaction, &entry)?;
    let canceled = cancel_open(&transaction, at)?;
    let since = present.carry_over(&transaction, at)?;
    transaction.commit()?;
    sound(&connection, &to_come)?;
    connection.close().map_err(|(_, error)| StoreError::from(error))?;
    let waiting = report.outbox.map_or(0, |outbox| outbox.waiting);
    let key_before = present.signed_by.filter(|before| *before != key_id);
    Ok(Restored { backup: manifest, set_aside: None, next_outcome, canceled, waiting, since, key_id, key_before })
}

/// An error of a backup that is examined, which must not speak of the store that is there.
fn of_backup(error: StoreError, from: &Path, has_keys: bool) -> StoreError {
    match error {
        StoreError::Corrupt { what } => altered(from, what),
        StoreError::Chain(_) => altered(from, "a chain in it does not hold"),
        StoreError::Keys(_) if !has_keys => StoreError::BackupWithoutKeys(from.to_owned()),
        StoreError::Keys(_) => altered(from, "its keys are not those of its database"),
        StoreError::Empty(_) => altered(from, "its database is empty"),
        other => other,
    }
}

/// A session that was open may have ended since, and whoever heard of that end must not hear of another.
fn cancel_open(transaction: &Transaction<'_>, at: Timestamp) -> Result<Vec<SessionId>, StoreError> {
    let mut open = transaction.prepare("SELECT id FROM session WHERE ended_at IS NULL ORDER BY created_at, id")?;
    let open: Vec<String> = open.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut canceled = Vec::with_capacity(open.len());
    for id in open {
        transaction.execute(
            "UPDATE session SET state = 'canceled', canceled_by = 'device', ended_at = ?2, event = ?3 WHERE id = ?1",
            (&id, rows::millis(at)?, rows::new_id("evt")?),
        )?;
        let id = SessionId::try_from(id).map_err(|_| rows::UNKNOWN)?;
        let entry = AuditEntry::of_end(&id, SessionState::Canceled(CanceledBy::Device), at);
        entry.map(|entry| audit::append(transaction, &entry)).transpose()?;
        canceled.push(id);
    }
    Ok(canceled)
}

/// Examines, and takes the first fault for an error.
pub(super) fn sound(connection: &Connection, places: &KeyPlaces) -> Result<StoreReport, StoreError> {
    let mut report = StoreReport::default();
    examine::examine(connection, places, &mut report)?;
    if report.faults.is_empty() { Ok(report) } else { Err(report.faults.swap_remove(0)) }
}

fn read_manifest(from: &Path) -> Result<BackupManifest, StoreError> {
    let unreadable = |_| altered(from, "its manifest cannot be read");
    let file = File::open(from.join(MANIFEST)).map_err(unreadable)?;
    let mut text = Vec::new();
    file.take(MAX_MANIFEST).read_to_end(&mut text).map_err(unreadable)?;
    let manifest: BackupManifest =
        serde_json::from_slice(&text).map_err(|_| altered(from, "its manifest is of another form"))?;
    let complete =
        manifest.files.contains_key(DATABASE) && manifest.files.keys().all(|name| FILES.contains(&name.as_str()));
    if manifest.format != FORMAT || !complete {
        return Err(altered(from, "its manifest is of another form"));
    }
    match manifest.schema {
        found if found > schema::known() => Err(StoreError::Newer { found, known: schema::known() }),
        _ => Ok(manifest),
    }
}

fn altered(from: &Path, what: &'static str) -> StoreError {
    StoreError::BackupAltered(from.to_owned(), what)
}

fn digest(path: &Path) -> io::Result<BackupFile> {
    let mut hasher = Sha256::new();
    let (mut file, mut buffer, mut bytes) = (File::open(path)?, vec![0; 64 << 10], 0);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(BackupFile { bytes, sha256: hexadecimal(&hasher.finalize()) });
        }
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
}

/// Whether others may read a file that was made for its owner alone: some file systems keep no modes.
fn is_exposed(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    Ok(path.metadata()?.mode() & 0o077 != 0)
}
