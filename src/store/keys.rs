//! The device's two keys: one signs outcomes, one makes anchors. 32 bytes each, in files that only the engine may read: in the
//! store's folder, or in the folder of credentials that systemd lends to a service.
//!
//! Always holds: a key is made once, and put on disk whole under its name or not at all; nothing is ever written among the
//! credentials, and no key of theirs anywhere else; of several keys that one is in use which the database names; a file that
//! is a link, of another length, or open to others is refused, because somebody else may know or have chosen the key; keys
//! are wiped from memory. Which key takes the place of which is in `rotation`, what binds them to hardware in `seal`.

use std::io;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use super::PUBLIC_KEY;
use super::key_files::{KeyFile, KeyPlaces, make};
use crate::privacy::AnchorKey;

/// Length of each key in bytes.
pub const KEY_BYTES: usize = 32;
/// The file of the key that signs.
pub(super) const DEVICE: &str = "device.key";
/// The file of the key that makes anchors.
pub(super) const ANCHOR: &str = "anchor.key";
/// The file of the key that is to sign next.
pub(super) const NEXT: &str = "device.key.next";

/// A key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Others may read or write it.
    #[error("{0} is open to others and may be known to them; replace the key, and give its file mode 0600")]
    Exposed(PathBuf),
    /// It belongs to another user.
    #[error("{0} belongs to another user; run the engine as the user who made it")]
    Owner(PathBuf),
    /// Not a file of its own.
    #[error("{0} is a link or no plain file; put the key's file itself there")]
    NoFile(PathBuf),
    /// Not 32 bytes.
    #[error("{0} does not have the 32 bytes of a key; restore it from its backup")]
    Length(PathBuf),
    /// It is gone, and the database was written with it.
    #[error(
        "{0} is missing, and the database was written with it; restore it from its backup, or, where the keys are systemd credentials, run this with those of the engine's unit"
    )]
    Missing(PathBuf),
    /// Of the two keys of a new device only one is a credential.
    #[error("{0} is missing beside the other credentials; add its LoadCredentialEncrypted= line to the unit")]
    NoCredential(PathBuf),
    /// There is no key to go on with.
    #[error("there is no next key; make one with 'carded device-key rotate', and tell receivers of it first")]
    NoNext,
    /// A key comes back that was handed over.
    #[error(
        "{0} has signed before and was handed over; make another with 'carded device-key rotate --abandon' and 'rotate'"
    )]
    Retired(PathBuf),
    /// An unfinished rotation cannot be dropped from here.
    #[error("{0} is a credential; take its LoadCredentialEncrypted= line out of the unit, and delete the sealed file")]
    InCredentials(PathBuf),
    /// Who runs this would leave files that the engine cannot read.
    #[error("{0} belongs to another user; run this as the engine's user")]
    Folder(PathBuf),
    /// The key that the boxes of the fleet share is not there.
    #[error("{0}, the fleet's key, is missing; copy it there from another box of the fleet, or take [fleet] out")]
    NoFleet(PathBuf),
    /// It is not the one that the database was written with.
    #[error("{0} is not the key that the database was written with; restore the one that belongs to it")]
    Other(PathBuf),
    /// The file could not be read or made.
    #[error("{0} cannot be read or written: {1}; see to its folder's disk and owner")]
    Io(PathBuf, io::ErrorKind),
}

/// The key that signs this device's outcomes (Ed25519, RFC 8032). Wiped on drop.
pub struct DeviceKey(SigningKey);

impl DeviceKey {
    pub(super) fn from_bytes(seed: &[u8; KEY_BYTES]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The part that anybody may know.
    #[must_use]
    pub fn public(&self) -> DevicePublicKey {
        DevicePublicKey(self.0.verifying_key())
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl std::fmt::Debug for DeviceKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// The public part of a device's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DevicePublicKey(VerifyingKey);

impl DevicePublicKey {
    /// Reads a public key; `None` when these bytes are none.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Option<Self> {
        VerifyingKey::from_bytes(bytes).ok().filter(|key| !key.is_weak()).map(Self)
    }

    /// Its 32 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; KEY_BYTES] {
        self.0.to_bytes()
    }

    /// The JWK thumbprint (RFC 7638, of the members that RFC 8037 names): 43 characters.
    #[must_use]
    pub fn key_id(&self) -> String {
        let x = URL_SAFE_NO_PAD.encode(self.to_bytes());
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        URL_SAFE_NO_PAD.encode(Sha256::digest(members))
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

/// The keys that a database names.
#[derive(Debug, Clone)]
pub(super) struct KeyNames {
    /// Thumbprint of the key that signs.
    pub device: String,
    /// Check value of the key that makes anchors.
    pub anchor: String,
}

/// Both keys.
#[derive(Debug)]
pub struct Keys {
    /// Signs outcomes.
    pub device: DeviceKey,
    /// Makes anchors.
    pub anchor: AnchorKey,
    /// Where the one that signs was found.
    pub device_file: KeyFile,
    /// Where the other was.
    pub anchor_file: KeyFile,
}

impl Keys {
    /// The keys that a database names, wherever they lie.
    pub(super) fn find(places: &KeyPlaces, names: &KeyNames) -> Result<Self, KeyError> {
        let is_device = |key: &DeviceKey| key.public().key_id() == names.device;
        let (device_file, device) = seek(places.candidates(&[DEVICE, NEXT]), DeviceKey::from_bytes, is_device)?;
        let is_anchor = |key: &AnchorKey| key.check_value() == names.anchor;
        let (anchor_file, anchor) = seek(places.candidates(&[ANCHOR]), AnchorKey::from_bytes, is_anchor)?;
        Ok(Self { device, anchor, device_file, anchor_file })
    }

    /// The keys of a device whose database does not say which: the one whose public part was published, or the first.
    pub(super) fn likeliest(places: &KeyPlaces) -> Result<Self, KeyError> {
        let published = std::fs::read_to_string(places.state().join(PUBLIC_KEY)).unwrap_or_default();
        let published = DevicePublicKey::parse(published.trim());
        let is_published = |key: &DeviceKey| Some(key.public()) == published;
        let device = seek(places.candidates(&[DEVICE, NEXT]), DeviceKey::from_bytes, is_published)
            .or_else(|_| seek(places.candidates(&[DEVICE, NEXT]), DeviceKey::from_bytes, |_| true));
        let ((device_file, device), (anchor_file, anchor)) =
            (device?, seek(places.candidates(&[ANCHOR]), AnchorKey::from_bytes, |_| true)?);
        Ok(Self { device, anchor, device_file, anchor_file })
    }

    /// The keys of a new device: the credentials, or else files, of which those that are not there yet are made.
    pub(super) fn load_or_make(places: &KeyPlaces) -> Result<Self, KeyError> {
        let of = |name: &str| places.credential(name);
        let (device_file, anchor_file) = match (of(DEVICE), of(ANCHOR), places.credentials()) {
            (Some(device), Some(anchor), _) => (device, anchor),
            (None, None, _) | (_, _, None) => {
                [DEVICE, ANCHOR].iter().try_for_each(|name| make(places.state(), name))?;
                (places.file(DEVICE), places.file(ANCHOR))
            }
            (Some(_), None, Some(folder)) => return Err(KeyError::NoCredential(folder.join(ANCHOR))),
            (None, Some(_), Some(folder)) => return Err(KeyError::NoCredential(folder.join(DEVICE))),
        };
        let device = DeviceKey::from_bytes(&*device_file.load()?);
        let anchor = AnchorKey::from_bytes(&*anchor_file.load()?);
        Ok(Self { device, anchor, device_file, anchor_file })
    }
}

/// The first of several keys that is the right one. Otherwise what is wrong with the first that is there.
fn seek<K>(
    files: Vec<KeyFile>,
    key: impl Fn(&[u8; KEY_BYTES]) -> K,
    is_right: impl Fn(&K) -> bool,
) -> Result<(KeyFile, K), KeyError> {
    let mut wrong = None;
    for file in files {
        let found = file.load().map(|bytes| key(&bytes));
        let why = match found {
            Ok(key) if is_right(&key) => return Ok((file, key)),
            Ok(_) => KeyError::Other(file.path),
            Err(error) => error,
        };
        if wrong
            .as_ref()
            .is_none_or(|known| matches!(known, KeyError::Missing(_)) && !matches!(why, KeyError::Missing(_)))
        {
            wrong = Some(why);
        }
    }
    Err(wrong.unwrap_or_else(|| KeyError::Missing(DEVICE.into())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::folder;
    use crate::store::key_files::wipe;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::path::Path;

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn load_or_make(folder: &Path) -> Result<Keys, KeyError> {
        Keys::load_or_make(&folder.into())
    }

    fn find_any(folder: &Path) -> Result<Keys, KeyError> {
        Keys::likeliest(&folder.into())
    }

    /// A folder as systemd lends it, with keys of these bytes.
    fn credentials(keys: &[(&str, u8)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, byte) in keys {
            std::fs::write(folder.path().join(name), [*byte; KEY_BYTES]).unwrap();
            set_mode(&folder.path().join(name), 0o400);
        }
        folder
    }

    #[test]
    fn credentials_are_used_as_systemd_makes_them_and_nothing_is_written() {
        let (state, lent) = (tempfile::tempdir().unwrap(), credentials(&[(DEVICE, 1), (ANCHOR, 2)]));
        let places = KeyPlaces::new(state.path(), Some(lent.path()));
        let keys = Keys::load_or_make(&places).unwrap();
        assert!(keys.device_file.is_credential && keys.anchor_file.is_credential);
        assert_eq!(std::fs::read_dir(state.path()).unwrap().count(), 0, "no key is copied");
        let names = KeyNames { device: keys.device.public().key_id(), anchor: keys.anchor.check_value() };
        let device = lent.path().join(DEVICE);
        // Root's, with an access list for the service's user.
        let is_root = rustix::process::geteuid().is_root();
        set_mode(&device, 0o440);
        assert_eq!(Keys::find(&places, &names).is_ok(), is_root);
        for mode in [0o444, 0o420, 0o401] {
            set_mode(&device, mode);
            assert!(matches!(Keys::find(&places, &names), Err(KeyError::Exposed(_))), "{mode:o}");
        }
        std::fs::remove_file(&device).unwrap();
        assert!(matches!(Keys::load_or_make(&places), Err(KeyError::NoCredential(path)) if path == device));
        // Without credentials of these names the files are used as ever.
        std::fs::remove_file(lent.path().join(ANCHOR)).unwrap();
        assert!(!Keys::load_or_make(&places).unwrap().device_file.is_credential);
    }

    #[test]
    fn of_several_keys_the_one_that_the_database_names_is_used_wherever_it_lies() {
        let (state, lent) = (tempfile::tempdir().unwrap(), credentials(&[(DEVICE, 1), (NEXT, 3), (ANCHOR, 2)]));
        let places = KeyPlaces::new(state.path(), Some(lent.path()));
        for (name, byte) in [(DEVICE, 4), (NEXT, 5), (ANCHOR, 2)] {
            folder::write_private(&state.path().join(name), &[byte; KEY_BYTES]).unwrap();
        }
        let anchor = AnchorKey::from_bytes(&[2; KEY_BYTES]).check_value();
        let names = |byte: u8| KeyNames {
            device: DeviceKey::from_bytes(&[byte; KEY_BYTES]).public().key_id(),
            anchor: anchor.clone(),
        };
        for (byte, file) in [
            (1, lent.path().join(DEVICE)),
            (3, lent.path().join(NEXT)),
            (4, state.path().join(DEVICE)),
            (5, state.path().join(NEXT)),
        ] {
            let found = Keys::find(&places, &names(byte)).unwrap();
            assert_eq!((found.device_file.path, found.anchor_file.is_credential), (file, true));
        }
        let first = lent.path().join(DEVICE);
        assert!(matches!(Keys::find(&places, &names(6)), Err(KeyError::Other(path)) if path == first));
        let empty = tempfile::tempdir().unwrap();
        assert!(matches!(Keys::find(&empty.path().into(), &names(1)), Err(KeyError::Missing(_))));
    }

    #[test]
    fn a_key_that_is_wiped_is_gone_and_a_link_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (key, link) = (folder.path().join(DEVICE), folder.path().join("link"));
        folder::write_private(&key, &[1; KEY_BYTES]).unwrap();
        symlink(&key, &link).unwrap();
        assert!(wipe(&link).is_err());
        assert_eq!(std::fs::read(&key).unwrap(), [1; KEY_BYTES]);
        wipe(&key).unwrap();
        assert!(!key.exists());
        wipe(&key).unwrap();
    }

    #[test]
    fn keys_are_made_once_for_the_engine_alone_and_stay_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let first = load_or_make(folder.path()).unwrap();
        let bytes = [DEVICE, ANCHOR].map(|name| std::fs::read(folder.path().join(name)).unwrap());
        assert_ne!(bytes[0], bytes[1]);
        let again = load_or_make(folder.path()).unwrap();
        assert_eq!(again.device.public(), first.device.public());
        assert_eq!(again.anchor.check_value(), first.anchor.check_value());
        let mut names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [ANCHOR, DEVICE], "nothing else is left behind");
        for (name, bytes) in [DEVICE, ANCHOR].iter().zip(bytes) {
            let path = folder.path().join(name);
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
            assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o600);
        }
        assert_eq!(format!("{:?} {:?}", first.device, first.anchor), "[redacted] [redacted]");
    }

    #[test]
    fn a_draft_that_a_power_cut_left_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("device.key.new"), b"half").unwrap();
        load_or_make(folder.path()).unwrap();
        assert!(!folder.path().join("device.key.new").exists());
    }

    #[test]
    fn a_key_that_is_exposed_linked_short_long_or_gone_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join(DEVICE);
        load_or_make(folder.path()).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o700 | 0o001] {
            set_mode(&key, mode);
            assert!(matches!(load_or_make(folder.path()), Err(KeyError::Exposed(_))), "{mode:o}");
        }
        set_mode(&key, 0o600);
        for length in [0, 31, 33, 4096] {
            std::fs::write(&key, vec![1; length]).unwrap();
            assert!(matches!(load_or_make(folder.path()), Err(KeyError::Length(_))), "{length}");
            assert_eq!(std::fs::read(&key).unwrap().len(), length);
        }
        std::fs::remove_file(&key).unwrap();
        assert!(matches!(find_any(folder.path()), Err(KeyError::Missing(_))));
        symlink(ANCHOR, &key).unwrap();
        assert!(matches!(load_or_make(folder.path()), Err(KeyError::NoFile(_))));
        std::fs::remove_file(&key).unwrap();
        std::fs::create_dir(&key).unwrap();
        set_mode(&key, 0o700);
        assert!(matches!(load_or_make(folder.path()), Err(KeyError::NoFile(_))));
    }

    #[test]
    fn the_key_id_is_the_thumbprint_of_rfc_8037() {
        let x = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let key = DevicePublicKey::from_bytes(&x.try_into().unwrap()).unwrap();
        assert_eq!(key.key_id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
