//! Where keys lie, and their files: in the store's folder, or among the credentials that systemd lends to a service.
//!
//! Always holds: a file is whole under its name or not there; a link, a pipe or what is open to others is refused; nothing is
//! written among the credentials. Does not know which key is in use.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use zeroize::Zeroizing;

use super::keys::{ANCHOR, DEVICE, KEY_BYTES, KeyError, NEXT};
use super::{PUBLIC_KEY, folder};

/// Where the keys of a store may lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPlaces {
    state: PathBuf,
    credentials: Option<PathBuf>,
}

impl KeyPlaces {
    /// The store's folder, and the folder of the service's credentials where there is one (systemd's
    /// `$CREDENTIALS_DIRECTORY`). The caller has read the environment.
    #[must_use]
    pub fn new(state: &Path, credentials: Option<&Path>) -> Self {
        Self { state: state.to_owned(), credentials: credentials.map(Path::to_owned) }
    }

    /// The store's folder.
    #[must_use]
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The folder of the credentials.
    pub(super) fn credentials(&self) -> Option<&Path> {
        self.credentials.as_deref()
    }

    /// The same credentials beside another folder.
    pub(super) fn beside(&self, folder: &Path) -> Self {
        Self::new(folder, self.credentials.as_deref())
    }

    /// The credential of a name, where there is one.
    pub(super) fn credential(&self, name: &str) -> Option<KeyFile> {
        let path = self.credentials.as_ref()?.join(name);
        path.symlink_metadata().is_ok().then_some(KeyFile { path, is_credential: true })
    }

    /// The file of a name in the store's folder, whether or not it is there.
    pub(super) fn file(&self, name: &str) -> KeyFile {
        KeyFile { path: self.state.join(name), is_credential: false }
    }

    /// Where keys of these names may be, the likeliest first.
    pub(super) fn candidates(&self, names: &[&str]) -> Vec<KeyFile> {
        let credentials = names.iter().filter_map(|name| self.credential(name));
        credentials.chain(names.iter().map(|name| self.file(name))).collect()
    }

    /// Whether a device was made here before: a key is in the store's folder, or the public part of one from elsewhere.
    pub(super) fn tell_of_a_device(&self) -> bool {
        let there = |name: &str| self.state.join(name).symlink_metadata().is_ok();
        [DEVICE, ANCHOR, NEXT].into_iter().any(there)
            || ([DEVICE, NEXT].into_iter().any(|name| self.credential(name).is_some()) && there(PUBLIC_KEY))
    }
}

impl<P: AsRef<Path> + ?Sized> From<&P> for KeyPlaces {
    fn from(state: &P) -> Self {
        Self::new(state.as_ref(), None)
    }
}

/// A key's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile {
    /// Where it is.
    pub path: PathBuf,
    /// Whether systemd has put it there.
    pub is_credential: bool,
}

impl KeyFile {
    pub(super) fn load(&self) -> Result<Zeroizing<[u8; KEY_BYTES]>, KeyError> {
        load_from(&self.path, if self.is_credential { Owners::Systemd } else { Owners::This })
    }

    /// The same for root, who seals what belongs to the engine's user.
    pub(super) fn load_to_seal(&self) -> Result<Zeroizing<[u8; KEY_BYTES]>, KeyError> {
        let owners = if self.is_credential { Owners::Systemd } else { Owners::ThisOrItsFolder };
        load_from(&self.path, owners)
    }
}

/// Whose a key's file may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owners {
    /// The user's who runs this.
    This,
    /// The same; or, where that is root, of the owner of the folder that it lies in.
    ThisOrItsFolder,
    /// That user's or root's, as systemd makes credentials: of mode 0400, or 0440 where an access list lets the user read what
    /// is root's (the bits of the group are that list's mask then).
    Systemd,
}

/// Reads a key that is for this user alone.
pub(super) fn load(path: &Path) -> Result<Zeroizing<[u8; KEY_BYTES]>, KeyError> {
    load_from(path, Owners::This)
}

fn load_from(path: &Path, owners: Owners) -> Result<Zeroizing<[u8; KEY_BYTES]>, KeyError> {
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
    let (mode, owner) = (metadata.mode(), metadata.uid());
    let of_root = owner == 0 && metadata.gid() == 0;
    let open_to = if owners == Owners::Systemd && of_root { 0o037 } else { 0o077 };
    if mode & open_to != 0 {
        return Err(KeyError::Exposed(path.to_owned()));
    }
    let this = rustix::process::geteuid().as_raw();
    let folder = || path.parent().and_then(|folder| folder.metadata().ok()).map(|folder| folder.uid());
    let is_right = owner == this
        || match owners {
            Owners::This => false,
            Owners::ThisOrItsFolder => this == 0 && folder() == Some(owner),
            Owners::Systemd => owner == 0,
        };
    if !is_right {
        return Err(KeyError::Owner(path.to_owned()));
    }
    if metadata.len() != KEY_BYTES as u64 {
        return Err(KeyError::Length(path.to_owned()));
    }
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    file.read_exact(key.as_mut()).map_err(|error| failed(&error))?;
    Ok(key)
}

/// Random bytes for a new key.
pub(super) fn draw() -> io::Result<Zeroizing<[u8; KEY_BYTES]>> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    getrandom::fill(key.as_mut()).map_err(io::Error::other)?;
    Ok(key)
}

/// Overwrites a key's file and removes it, if it is there. What a disk keeps of what was overwritten is its own affair.
pub(super) fn wipe(path: &Path) -> io::Result<()> {
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    match OpenOptions::new().write(true).custom_flags(flags).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(mut file) => {
            file.write_all(&[0; KEY_BYTES])?;
            file.sync_all()?;
        }
    }
    std::fs::remove_file(path)
}

/// Makes a key unless one is there. It is written under another name and linked to its own only when it is on disk, so that
/// a power cut leaves a whole key or none.
pub(super) fn make(folder: &Path, name: &str) -> Result<(), KeyError> {
    let (path, draft) = (folder.join(name), folder.join(format!("{name}.new")));
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    let made = (|| {
        let key = draw()?;
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
