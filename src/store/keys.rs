//! The device's two keys: one signs outcomes, one makes anchors. 32 bytes each, in files that only the engine may read.
//!
//! Always holds: a key is made once, put on disk whole under its name or not at all, and never overwritten; a file that is
//! a link, of another length, or open to others is refused, because somebody else may know or have chosen the key; keys are
//! wiped from memory. Does not rotate keys or bind them to hardware.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rustix::fs::OFlags;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::folder;
use crate::privacy::AnchorKey;

/// Length of each key in bytes.
pub const KEY_BYTES: usize = 32;
/// The file of the key that signs.
pub(super) const DEVICE: &str = "device.key";
/// The file of the key that makes anchors.
pub(super) const ANCHOR: &str = "anchor.key";

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
    #[error("{0} is missing, and the database was written with it; restore it from its backup")]
    Missing(PathBuf),
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
    fn from_bytes(seed: &[u8; KEY_BYTES]) -> Self {
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

/// Both keys.
#[derive(Debug)]
pub struct Keys {
    /// Signs outcomes.
    pub device: DeviceKey,
    /// Makes anchors.
    pub anchor: AnchorKey,
}

impl Keys {
    /// Whether any key is there, usable or not.
    pub(super) fn any_in(folder: &Path) -> bool {
        [DEVICE, ANCHOR].iter().any(|name| folder.join(name).symlink_metadata().is_ok())
    }

    /// The keys of a device that has both.
    pub(super) fn load(folder: &Path) -> Result<Self, KeyError> {
        let (device, anchor) = (load(&folder.join(DEVICE))?, load(&folder.join(ANCHOR))?);
        Ok(Self { device: DeviceKey::from_bytes(&device), anchor: AnchorKey::from_bytes(&anchor) })
    }

    /// The keys of a new device: those that are not there yet are made.
    pub(super) fn load_or_make(folder: &Path) -> Result<Self, KeyError> {
        [DEVICE, ANCHOR].iter().try_for_each(|name| make(folder, name))?;
        Self::load(folder)
    }

    /// Refuses keys other than those that the database names.
    pub(super) fn expect(&self, folder: &Path, key_id: &str, anchor_key_id: &str) -> Result<(), KeyError> {
        if self.device.public().key_id() != key_id {
            return Err(KeyError::Other(folder.join(DEVICE)));
        }
        if self.anchor.check_value() != anchor_key_id {
            return Err(KeyError::Other(folder.join(ANCHOR)));
        }
        Ok(())
    }
}

pub(super) fn load(path: &Path) -> Result<Zeroizing<[u8; KEY_BYTES]>, KeyError> {
    let failed = |error: &io::Error| match error.kind() {
        io::ErrorKind::NotFound => KeyError::Missing(path.to_owned()),
        _ if rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::LOOP) => {
            KeyError::NoFile(path.to_owned())
        }
        kind => KeyError::Io(path.to_owned(), kind),
    };
    // Without NONBLOCK a pipe in the key's place would hold up the start for ever.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let mut file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|error| failed(&error))?;
    let metadata = file.metadata().map_err(|error| failed(&error))?;
    if !metadata.is_file() {
        return Err(KeyError::NoFile(path.to_owned()));
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(KeyError::Exposed(path.to_owned()));
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(KeyError::Owner(path.to_owned()));
    }
    if metadata.len() != KEY_BYTES as u64 {
        return Err(KeyError::Length(path.to_owned()));
    }
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    file.read_exact(key.as_mut()).map_err(|error| failed(&error))?;
    Ok(key)
}

/// Makes a key unless one is there. It is written under another name and linked to its own only when it is on disk, so that
/// a power cut leaves a whole key or none.
fn make(folder: &Path, name: &str) -> Result<(), KeyError> {
    let (path, draft) = (folder.join(name), folder.join(format!("{name}.new")));
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    let made = (|| {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        getrandom::fill(key.as_mut()).map_err(io::Error::other)?;
        if draft.symlink_metadata().is_ok() {
            std::fs::remove_file(&draft)?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(key.as_ref())?;
        file.sync_all()?;
        // A link, unlike a rename, never takes the place of what is there.
        std::fs::hard_link(&draft, &path)?;
        std::fs::remove_file(&draft)?;
        folder::sync(folder)
    })();
    made.map_err(|error: io::Error| KeyError::Io(path, error.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn keys_are_made_once_for_the_engine_alone_and_stay_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let first = Keys::load_or_make(folder.path()).unwrap();
        let bytes = [DEVICE, ANCHOR].map(|name| std::fs::read(folder.path().join(name)).unwrap());
        assert_ne!(bytes[0], bytes[1]);
        let again = Keys::load_or_make(folder.path()).unwrap();
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
        assert!(!format!("{first:?}").contains(char::is_numeric), "{first:?}");
    }

    #[test]
    fn a_draft_that_a_power_cut_left_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("device.key.new"), b"half").unwrap();
        Keys::load_or_make(folder.path()).unwrap();
        assert!(!folder.path().join("device.key.new").exists());
    }

    #[test]
    fn a_key_that_is_exposed_linked_short_long_or_gone_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join(DEVICE);
        Keys::load_or_make(folder.path()).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o700 | 0o001] {
            set_mode(&key, mode);
            assert!(matches!(Keys::load_or_make(folder.path()), Err(KeyError::Exposed(_))), "{mode:o}");
        }
        set_mode(&key, 0o600);
        for length in [0, 31, 33, 4096] {
            std::fs::write(&key, vec![1; length]).unwrap();
            assert!(matches!(Keys::load_or_make(folder.path()), Err(KeyError::Length(_))), "{length}");
            assert_eq!(std::fs::read(&key).unwrap().len(), length);
        }
        std::fs::remove_file(&key).unwrap();
        assert!(matches!(Keys::load(folder.path()), Err(KeyError::Missing(_))));
        symlink(ANCHOR, &key).unwrap();
        assert!(matches!(Keys::load_or_make(folder.path()), Err(KeyError::NoFile(_))));
        std::fs::remove_file(&key).unwrap();
        std::fs::create_dir(&key).unwrap();
        set_mode(&key, 0o700);
        assert!(matches!(Keys::load_or_make(folder.path()), Err(KeyError::NoFile(_))));
    }

    #[test]
    fn the_key_id_is_the_thumbprint_of_rfc_8037() {
        let x = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let key = DevicePublicKey::from_bytes(&x.try_into().unwrap()).unwrap();
        assert_eq!(key.key_id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
