//! The store's folder: made private, locked by one engine, and its files opened without following links.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use super::error::StoreError;

const LOCK: &str = "engine.lock";

/// Makes the folder if it is not there and locks it for as long as the file stays open. The kernel lets go of the lock
/// when the process ends, however it ends.
pub(super) fn claim(folder: &Path) -> Result<File, StoreError> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| StoreError::from_io(&error))?;
    let metadata = folder.metadata().map_err(|error| StoreError::from_io(&error))?;
    if metadata.mode() & 0o022 != 0 {
        return Err(StoreError::FolderShared(folder.to_owned()));
    }
    let lock = private().create(true).truncate(false).open(folder.join(LOCK));
    let lock = lock.map_err(|error| StoreError::from_io(&error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(StoreError::from_io(&error)),
    }
}

/// Locks the folder of a store that is to be read: `None` where an engine has it, beside which it can be read.
pub(super) fn claim_or_join(folder: &Path) -> Result<Option<File>, StoreError> {
    match claim(folder) {
        Ok(lock) => Ok(Some(lock)),
        Err(StoreError::InUse(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes a folder for the owner alone; there must be none of that name.
pub(super) fn make_private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(folder)
}

/// Writes a new file for the owner alone, and puts it on disk.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = private().create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Copies a file to a new one for the owner alone.
pub(super) fn copy_private(mut from: File, to: &Path) -> io::Result<()> {
    let mut file = private().create_new(true).open(to)?;
    io::copy(&mut from, &mut file).map(drop)
}

/// Makes the database's file, empty, if it is not there: SQLite would let others read it, and gives its journals the
/// same mode.
pub(super) fn make_private(path: &Path) -> Result<(), StoreError> {
    let made = private().create(true).truncate(false).open(path).map_err(|error| StoreError::from_io(&error))?;
    let readable = made.metadata().map_err(|error| StoreError::from_io(&error))?.mode() & 0o077 != 0;
    if readable {
        let narrowed = made.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600));
        narrowed.map_err(|error| StoreError::from_io(&error))?;
    }
    Ok(())
}

/// Puts the folder's entries on disk.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Opens for reading and writing with mode 0600; a link or a pipe in the file's place is an error.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    options
}
