//! The device's keys for its operator: which one signs, how another takes its place, and what of both is published.
//!
//! On disk: `device.key.next` waits in the store's folder or among the credentials. When it takes over, one commit names it in
//! the database with a handover that both keys have signed; from then on it is the one in use, under whichever name it lies.
//! Afterwards the old key's file is overwritten and the new one gets its name; whoever opens the store next finishes that.
//!
//! Always holds: at any moment exactly one key signs, and a store opens wherever a power cut broke this off; a key that was
//! handed over never signs again; nothing but public parts is published: `device.pub`, `device.next.pub` and, signed by the
//! old key, `device.handover`.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::Timestamp;
use rusqlite::Connection;
use serde::Serialize;

use super::audit::{self, Actor, AuditAction, AuditEntry};
use super::error::StoreError;
use super::handover::{self, Handover, Keyring};
use super::key_files::{KeyFile, KeyPlaces, make, wipe};
use super::keys::{DEVICE, DeviceKey, DevicePublicKey, KeyError, KeyNames, Keys, NEXT};
use super::{DATABASE, PUBLIC_KEY, Store, examine, folder, schema};

/// The public part of the key that is to sign next.
pub(super) const NEXT_PUBLIC_KEY: &str = "device.next.pub";
/// The last handover, signed by the old key.
pub(super) const HANDOVER: &str = "device.handover";

/// A key as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownKey {
    /// Base64url of its 32 bytes, for receivers.
    pub public_key: String,
    /// RFC 7638 thumbprint.
    pub key_id: String,
    /// Where the key itself lies.
    pub path: std::path::PathBuf,
    /// Whether it is a credential of systemd; else a file.
    pub is_credential: bool,
}

impl ShownKey {
    fn of(key: &DevicePublicKey, file: &KeyFile) -> Self {
        let KeyFile { path, is_credential } = file.clone();
        Self { public_key: key.text(), key_id: key.key_id(), path, is_credential }
    }
}

/// What is shown of a device's keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownKeys {
    /// The device's identifier.
    pub device: String,
    /// The key that signs.
    pub key: ShownKey,
    /// The number of the first outcome that it signs.
    pub since_sequence: i64,
    /// The key that waits to take its place.
    pub next: Option<ShownKey>,
    /// Handovers before, from the first on, each signed by its old key.
    pub handovers: Vec<String>,
}

/// Shows which keys there are; also beside an engine.
///
/// # Errors
/// [`StoreError`] when there is no store, or its keys cannot be used.
pub fn show_keys(place: impl Into<KeyPlaces>) -> Result<ShownKeys, StoreError> {
    let places = place.into();
    let _lock = examine::enter(places.state())?;
    shown(&places)
}

fn shown(places: &KeyPlaces) -> Result<ShownKeys, StoreError> {
    let connection = schema::open_to_read(&places.state().join(DATABASE))?;
    let (device, names) = named(&connection)?;
    let keys = Keys::find(places, &names)?;
    let (mut since_sequence, mut handovers) = (1, Vec::new());
    // A schema before handovers has none; the engine brings it up to date when it starts.
    if schema::version(&connection)? == schema::known() {
        since_sequence = Keyring::read(&connection, &device, keys.device.public())?.current_since();
        handovers = handover::read_rows(&connection)?.into_iter().map(|row| row.by_old).collect();
    }
    let next = next_key(places, &keys.device.public())?;
    Ok(ShownKeys {
        device,
        key: ShownKey::of(&keys.device.public(), &keys.device_file),
        since_sequence,
        next: next.map(|(file, key)| ShownKey::of(&key.public(), &file)),
        handovers,
    })
}

/// The device's identifier, and the keys that its database names.
pub(super) fn named(connection: &Connection) -> Result<(String, KeyNames), StoreError> {
    let named = "SELECT id, key_id, anchor_key_id FROM device";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, KeyNames { device: row.get(1)?, anchor: row.get(2)? }));
    Ok(connection.query_row(named, [], read)?)
}

/// The key that waits: a credential before a file, and never the one in use.
pub(super) fn next_key(
    places: &KeyPlaces,
    current: &DevicePublicKey,
) -> Result<Option<(KeyFile, DeviceKey)>, KeyError> {
    for file in places.candidates(&[NEXT]) {
        match file.load() {
            Ok(bytes) => {
                let key = DeviceKey::from_bytes(&bytes);
                if key.public() != *current {
                    return Ok(Some((file, key)));
                }
            }
            Err(KeyError::Missing(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Makes the next key, where there is none yet, and publishes its public part; also beside an engine. Nothing is signed by it.
///
/// # Errors
/// [`StoreError`] when there is no store, its keys cannot be used, or this is not the engine's user.
pub fn begin_rotation(place: impl Into<KeyPlaces>) -> Result<ShownKeys, StoreError> {
    let places = place.into();
    let _lock = examine::enter(places.state())?;
    let before = shown(&places)?;
    expect_owner(places.state())?;
    if before.next.is_none() {
        make(places.state(), NEXT)?;
    }
    let after = shown(&places)?;
    let next = after.next.as_ref().map(|next| next.public_key.as_str());
    publish(places.state(), NEXT_PUBLIC_KEY, next).map_err(|error| StoreError::from_io(&error))?;
    Ok(after)
}

/// Drops a next key that has not taken over.
///
/// # Errors
/// [`StoreError`] when an engine runs, or the key is a credential.
pub fn abandon_rotation(place: impl Into<KeyPlaces>) -> Result<ShownKeys, StoreError> {
    let places = place.into();
    // What a rotation that was finished has left behind is put in its place first: it is not for dropping.
    drop(Store::open(places.clone())?);
    let _lock = folder::claim(places.state())?;
    let next = shown(&places)?.next.ok_or(KeyError::NoNext)?;
    if next.is_credential {
        return Err(KeyError::InCredentials(next.path).into());
    }
    let dropped = wipe(&next.path)
        .and_then(|()| publish(places.state(), NEXT_PUBLIC_KEY, None))
        .and_then(|()| folder::sync(places.state()));
    dropped.map_err(|error| StoreError::from_io(&error))?;
    shown(&places)
}

/// Has the next key take over. The old key is removed where it lies in the store's folder.
///
/// # Errors
/// [`StoreError`] when an engine runs, or there is no next key.
pub fn finish_rotation(place: impl Into<KeyPlaces>, at: Timestamp) -> Result<(Handover, ShownKeys), StoreError> {
    let places = place.into();
    let mut store = Store::open(places.clone())?;
    expect_owner(places.state())?;
    let handover = store.hand_over(&places, at)?;
    store.settle_keys(&places)?;
    drop(store);
    Ok((handover, shown(&places)?))
}

impl Store {
    /// Has the next key sign from the next outcome on.
    pub(super) fn hand_over(&mut self, places: &KeyPlaces, at: Timestamp) -> Result<Handover, StoreError> {
        let (file, next) = next_key(places, &self.public_key())?.ok_or(KeyError::NoNext)?;
        if self.keyring.knows(&next.public()) {
            return Err(KeyError::Retired(file.path).into());
        }
        let (device, old) = (&self.device, &self.keys.device);
        let handover = super::transact(&mut self.connection, &self.folder, |transaction| {
            let handover = handover::write(transaction, device, (old, &next), at)?;
            let entry = AuditEntry { at, actor: Actor::Operator, action: AuditAction::DeviceKeyRotated, session: None };
            audit::append(transaction, &entry)?;
            Ok(handover)
        })?;
        (self.keys.device, self.keys.device_file) = (next, file);
        self.keyring = Keyring::read(&self.connection, &self.device, self.public_key())?;
        Ok(handover)
    }

    /// Puts the key in use in its place where it lies in the folder under another name, removes what was handed over, and
    /// publishes what receivers need. Does nothing where all that is done.
    pub(super) fn settle_keys(&mut self, places: &KeyPlaces) -> Result<(), StoreError> {
        let (first, waiting) = (places.file(DEVICE), places.file(NEXT));
        let settled = (|| {
            if self.keys.device_file.is_credential {
                if self.was_handed_over(&first) {
                    wipe(&first.path)?;
                }
                warn_of_plain_files(places);
            } else if self.keys.device_file == waiting && self.was_handed_over(&first) {
                wipe(&first.path)?;
                std::fs::rename(&waiting.path, &first.path)?;
                folder::sync(places.state())?;
                self.keys.device_file = first;
            }
            Ok(())
        })();
        settled.map_err(|error: io::Error| StoreError::from_io(&error))?;
        let next = next_key(places, &self.public_key()).unwrap_or_else(|error| {
            tracing::warn!("{error}");
            None
        });
        let handover = handover::read_rows(&self.connection)?.pop();
        let (public, next) = (self.public_key().text(), next.map(|(_, key)| key.public().text()));
        let published = publish(places.state(), PUBLIC_KEY, Some(&public))
            .and_then(|()| publish(places.state(), NEXT_PUBLIC_KEY, next.as_deref()))
            .and_then(|()| publish(places.state(), HANDOVER, handover.as_ref().map(|row| row.by_old.as_str())));
        published.map_err(|error| StoreError::from_io(&error))
    }

    /// Whether a file holds nothing but an earlier key, or what is left of one. A key that is unknown here is never removed.
    fn was_handed_over(&self, file: &KeyFile) -> bool {
        match file.load() {
            Ok(bytes) => {
                let key = DeviceKey::from_bytes(&bytes).public();
                bytes.iter().all(|byte| *byte == 0) || (key != self.public_key() && self.keyring.knows(&key))
            }
            Err(error) => matches!(error, KeyError::Missing(_)),
        }
    }
}

fn warn_of_plain_files(places: &KeyPlaces) {
    for name in [DEVICE, super::keys::ANCHOR] {
        let file = places.file(name);
        if places.credential(name).is_some() && file.path.exists() {
            tracing::warn!(
                "{} lies beside the credential of this name; remove it with 'carded device-key seal --remove-files'",
                file.path.display()
            );
        }
    }
}

/// Refuses to write as another user than the engine's.
fn expect_owner(state: &Path) -> Result<(), StoreError> {
    let owner = state.metadata().map_err(|error| StoreError::from_io(&error))?.uid();
    let this = rustix::process::geteuid().as_raw();
    if owner == this { Ok(()) } else { Err(KeyError::Folder(state.to_owned()).into()) }
}

/// Puts a text for whoever sets up a receiver beside the keys, or takes it away.
pub(super) fn publish(folder: &Path, name: &str, text: Option<&str>) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let file = folder.join(name);
    let Some(text) = text else {
        return match std::fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        };
    };
    if std::fs::read_to_string(&file).is_ok_and(|known| known == text) {
        return Ok(());
    }
    let new = folder.join(format!("{name}.new"));
    let mut options = std::fs::OpenOptions::new();
    let mut writer = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    writer.write_all(text.as_bytes())?;
    std::fs::rename(new, file)
}
