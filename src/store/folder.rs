//! The store's folder: made private, locked by one engine, and its files opened without following links.
//!
//! There are two locks. `engine.lock` is the engine's, or that of a command which writes. `readers.lock` is held together by all
//! commands that read from outside, beside an engine or without, and alone by one that replaces the store. So a reader keeps no
//! engine from starting, and nobody replaces what is being read.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use super::error::StoreError;

const LOCK: &str = "engine.lock";
const READERS: &str = "readers.lock";
/// For how long a lock is waited for: a command that reads looks for a moment whether an engine has its own.
const PATIENCE: Duration = Duration::from_millis(300);
/// How often it is looked at meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A store's folder while it is read: nobody replaces the store.
#[derive(Debug)]
pub(super) struct Reading {
    /// Whether an engine had the store when this began.
    pub engine_runs: bool,
    _lock: File,
}

/// A store's folder while the store is replaced: nobody else has it.
#[derive(Debug)]
pub(super) struct Replacing {
    _engine: File,
    _readers: File,
}

/// Makes the folder if it is not there and locks it for as long as the file stays open. The kernel lets go of the lock
/// when the process ends, however it ends.
pub(super) fn claim(folder: &Path) -> Result<File, StoreError> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| StoreError::from_io(&error))?;
    let lock = open_lock(folder, LOCK)?;
    if held(&lock, File::try_lock)? { Ok(lock) } else { Err(StoreError::InUse(folder.to_owned())) }
}

/// Locks the folder of a store that is to be read, beside an engine or without.
pub(super) fn join(folder: &Path) -> Result<Reading, StoreError> {
    let lock = open_lock(folder, READERS)?;
    if !held(&lock, File::try_lock_shared)? {
        return Err(StoreError::BeingReplaced(folder.to_owned()));
    }
    let engine = open_lock(folder, LOCK)?.try_lock_shared();
    let engine_runs = match engine {
        Ok(()) => false,
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(error)) => return Err(StoreError::from_io(&error)),
    };
    Ok(Reading { engine_runs, _lock: lock })
}

/// Locks the folder of a store that is to be replaced.
pub(super) fn claim_alone(folder: &Path) -> Result<Replacing, StoreError> {
    let engine = claim(folder)?;
    let readers = open_lock(folder, READERS)?;
    if !held(&readers, File::try_lock)? {
        return Err(StoreError::BeingRead(folder.to_owned()));
    }
    Ok(Replacing { _engine: engine, _readers: readers })
}

fn open_lock(folder: &Path, name: &str) -> Result<File, StoreError> {
    let metadata = folder.metadata().map_err(|error| StoreError::from_io(&error))?;
    if metadata.mode() & 0o022 != 0 {
        return Err(StoreError::FolderShared(folder.to_owned()));
    }
    private().create(true).truncate(false).open(folder.join(name)).map_err(|error| StoreError::from_io(&error))
}

/// Tries to lock, and again for a moment. Answers whether it was.
fn held(lock: &File, how: fn(&File) -> Result<(), TryLockError>) -> Result<bool, StoreError> {
    let began = Instant::now();
    loop {
        match how(lock) {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if began.elapsed() >= PATIENCE => return Ok(false),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK_AGAIN),
            Err(TryLockError::Error(error)) => return Err(StoreError::from_io(&error)),
        }
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
