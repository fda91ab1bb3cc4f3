//! What the engine keeps: sessions and what was asked of them, signed outcomes, credentials with anchors and what finds them
//! again, the outbox, the API's keys and answers, the staff, and the audit chain; and, in files beside it, the rule tables that
//! were installed.
//!
//! Always holds: the engine alone opens the store; what a call has answered is on disk; an end is written in one
//! transaction with its outcome, credential, anchors, audit entry and outbox rows, or not at all; an end, an outcome, an
//! event and an audit entry never change; outcomes and audit entries are chained by hashes. No personal data enters the
//! file, not even for a moment: a document's fields become keyed anchors before anything is written. Every call blocks: the
//! engine gives the store a thread of its own. Does not deliver, and does not render what is delivered. The schema is
//! described beside it, in `migrations/`; start-up and recovery in `docs/store.md`.

mod api_keys;
mod attempts;
mod attestation;
mod audit;
mod audit_reader;
mod backup;
mod carry;
mod chain;
mod clock;
mod error;
mod examine;
mod finish;
mod folder;
mod gaps;
mod handover;
mod heartbeat;
mod idempotency;
mod journal;
mod key_files;
mod keys;
mod links;
mod listing;
mod outbox;
mod outcomes;
mod passes;
mod replace;
mod requests;
mod rescue;
mod returning;
mod rotation;
mod rows;
mod rules;
mod salvage;
mod schema;
mod seal;
mod sessions;
mod staff;
#[cfg(test)]
pub(crate) mod tests;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior};

pub use attempts::{ATTEMPT_WINDOW, AttemptKind, AttemptLimits, AttemptNumber, Begun, Budget, NewAttempt, Spent};
pub use attestation::{AttestationError, MAX_JWS_BYTES, hash as attestation_hash, verify as verify_attestation};
pub use audit::{Actor, AuditAction, AuditEntry};
pub use audit_reader::{AuditHead, AuditHeadError, AuditLine, AuditReader, AuditVerified};
pub use backup::{BackupFile, BackupManifest, Restored, backup, restore};
pub use carry::Since;
pub use chain::{Chain, ChainBreak};
pub use clock::KeptClock;
pub use error::StoreError;
pub use examine::{OutboxReport, StoreReport, check};
pub use finish::{EventFacts, Finish, Finished, FinishedOutcome, MAX_ENDPOINTS, OutboxBody, OutcomeDraft};
pub use gaps::{Gap, GapReason};
pub use handover::{HANDOVER_TYPE, Handover};
pub use heartbeat::HeartbeatSeed;
pub use key_files::{KeyFile, KeyPlaces};
pub use keys::{DeviceKey, DevicePublicKey, KEY_BYTES, KeyError};
pub use listing::SessionPage;
pub use outbox::{LeaseHolder, LetterPage, MAX_LEASED, MAX_RETRY, OutboxCounts, QueueCounts, Replayed};
pub use outcomes::{Override, OverrideFacts, OverrideRefusal};
pub use passes::load_fleet_key;
pub use requests::{NewEvent, Requested};
pub use rescue::{Rescued, RescuedTable, rescue};
pub use returning::{
    CODE_WINDOW, CodeAttempt, CodeBudget, MOST_CODES_ENTERED, MOST_CODES_SENT, MOST_CODES_SENT_IN_ALL,
};
pub use rotation::{ShownKey, ShownKeys, abandon_rotation, begin_rotation, finish_rotation, show_keys};
pub use rules::installed_rules;
pub use seal::{SealError, SealOrder, Sealed, seal_keys};
pub use staff::{MOST_WRONG_CODES, StaffCheck, WRONG_CODE_WINDOW};

use handover::Keyring;
use keys::Keys;
use outbox::Leases;

const DATABASE: &str = "store.db";
/// The first page of a database, in bytes.
const SMALLEST_DATABASE: u64 = 4096;
/// The device's public key, for receivers: base64url of 32 bytes.
const PUBLIC_KEY: &str = "device.pub";

/// The store of one engine.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    keys: Keys,
    /// All public keys that it has had.
    keyring: Keyring,
    device: String,
    leases: Leases,
    /// For how long engines had run on it when it was opened.
    ran_before: Duration,
    /// Whether the journal may still hold what was erased.
    owes_emptying: bool,
    /// Whether what is started on the device itself is live.
    site_is_live: bool,
    folder: PathBuf,
    /// Held until everything above is closed.
    _lock: File,
}

impl Store {
    /// Opens the store in a folder, or makes one in an empty folder; its keys are files in it or credentials.
    ///
    /// In this order: the folder and its lock, a restore or a rescue that a power cut broke off, the database with its settings
    /// and integrity, the schema, the keys, a journal that was left. A first start or a rotation that is interrupted anywhere goes
    /// on where it was.
    ///
    /// # Errors
    /// [`StoreError`], which says what to do. What cannot be opened is left as it is.
    pub fn open(place: impl Into<KeyPlaces>) -> Result<Self, StoreError> {
        let places = place.into();
        let folder = places.state();
        let lock = folder::claim(folder)?;
        replace::finish(folder)?;
        let file = folder.join(DATABASE);
        // SQLite would take less than a page for a new database, and write to it.
        match file.metadata().map_or(0, |found| found.len()) {
            _ if !places.tell_of_a_device() => {}
            0 => return Err(StoreError::DatabaseMissing(folder.to_owned())),
            1..SMALLEST_DATABASE => return Err(StoreError::Corrupt { what: "less than a page of it is there" }),
            _ => {}
        }
        folder::make_private(&file)?;
        let journal_was_left = journal::is_left(folder);
        let mut connection = schema::open(&file).map_err(|error| error.at(folder))?;
        if places.tell_of_a_device() && schema::version(&connection)? == 0 {
            return Err(StoreError::DatabaseMissing(folder.to_owned()));
        }
        schema::migrate(&mut connection)?;
        folder::sync(folder).map_err(|error| StoreError::from_io(&error))?;
        let (device, keys) = identify(&mut connection, &places)?;
        let keyring = Keyring::read(&connection, &device, keys.device.public())?;
        let ran_before = attempts::ran_before(&connection)?;
        let (leases, folder) = (Leases::default(), folder.to_owned());
        let mut store = Self {
            connection,
            keys,
            keyring,
            device,
            leases,
            ran_before,
            owes_emptying: journal_was_left,
            site_is_live: false,
            folder,
            _lock: lock,
        };
        store.settle_keys(&places)?;
        // What was erased before a crash may be in it.
        store.empty_journal_if_owed();
        Ok(store)
    }

    /// Whether a folder holds a store, or one is on its way there.
    #[must_use]
    pub fn is_in(folder: &Path) -> bool {
        folder.join(DATABASE).exists() || replace::is_under_way(folder)
    }

    /// Says in which mode sessions are that were started on the device itself; test mode, where nothing is said.
    pub fn set_site_mode(&mut self, livemode: bool) {
        self.site_is_live = livemode;
    }

    /// The device's identifier, as its outcomes carry it.
    #[must_use]
    pub fn device(&self) -> &str {
        &self.device
    }

    /// The key by which its outcomes are verified.
    #[must_use]
    pub fn public_key(&self) -> DevicePublicKey {
        self.keys.device.public()
    }

    /// Writes something that changes nothing, to learn whether the disk takes it again.
    ///
    /// # Errors
    /// [`StoreError`], the reason why it does not.
    pub fn probe(&mut self) -> Result<(), StoreError> {
        let unchanged = "UPDATE device SET last_sequence = last_sequence";
        self.transact(|transaction| Ok(transaction.execute(unchanged, []).map(drop)?))
    }

    /// Does something wholly or not at all.
    fn transact<T>(&mut self, work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        transact(&mut self.connection, &self.folder, work)
    }
}

/// Does something wholly or not at all. A panic inside counts as not at all.
fn transact<T>(
    connection: &mut Connection,
    folder: &Path,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let done = (|| {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&transaction)?;
        transaction.commit()?;
        Ok(done)
    })();
    done.map_err(|error: StoreError| error.at(folder))
}

/// Who this device is: as the database says, with the keys that belong to it; or a new one.
fn identify(connection: &mut Connection, places: &KeyPlaces) -> Result<(String, Keys), StoreError> {
    match rotation::named(connection) {
        Err(StoreError::Missing) => {}
        named => {
            let (device, names) = named?;
            return Ok((device, Keys::find(places, &names)?));
        }
    }
    let keys = Keys::load_or_make(places)?;
    if keys.device_file.is_credential {
        tracing::warn!("there was no store in {}; a new device begins with the unit's keys", places.state().display());
    }
    let device = rows::new_id("dev")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute(
        "INSERT INTO device (only_row, id, key_id, anchor_key_id) VALUES (1, ?1, ?2, ?3)",
        (&device, keys.device.public().key_id(), keys.anchor.check_value()),
    )?;
    let made =
        AuditEntry { at: Timestamp::now(), actor: Actor::Engine, action: AuditAction::DeviceMade, session: None };
    audit::append(&transaction, &made)?;
    transaction.commit()?;
    Ok((device, keys))
}
