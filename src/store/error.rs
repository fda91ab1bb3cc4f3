//! What can go wrong with the store, and what to do then.
//!
//! Always holds: no message quotes a row, because SQLite's own messages are not passed on.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::chain::ChainBreak;
use super::keys::KeyError;

/// The store cannot do what was asked. Nothing of it was done, unless a variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No space is left.
    #[error("no space is left for the store; free some on its disk, then what failed can be done again")]
    Full,
    /// The folder or a file in it cannot be written.
    #[error(
        "the store cannot be written; give the engine's user write access to its folder, on a disk that is mounted for writing"
    )]
    ReadOnly,
    /// Another engine has it open.
    #[error(
        "the store in {0} is in use by another engine; stop that one first: a store belongs to one engine at a time"
    )]
    InUse(PathBuf),
    /// Somebody reads it, and it was to be replaced.
    #[error("the store in {0} is being read by another command; wait until that has ended, or stop it, and try again")]
    BeingRead(PathBuf),
    /// Somebody replaces it, and it was to be read.
    #[error("the store in {0} is just being restored or rescued; wait until that has ended, and try again")]
    BeingReplaced(PathBuf),
    /// A restore or a rescue ended before its files were in their places, and cannot be finished.
    #[error(
        "a restore or a rescue of the store in {0} was broken off, and how far it had come cannot be read any more; put one whole store into the folder, the new one out of incoming/ or the old one out of replaced-…/ or damaged-…/ (store.db with its journals, device.key, anchor.key), then delete incoming/, 'replacing' and 'placing'"
    )]
    BrokenOff(PathBuf),
    /// Nothing was ever written into the database.
    #[error(
        "the database in {0} is empty: where the engine was never ready, start it, and it makes a new store; otherwise what the database held is gone, and 'carded store restore' puts a backup in its place"
    )]
    Empty(PathBuf),
    /// An earlier version of the program wrote it.
    #[error(
        "the database has schema {found} and this program works with {known}, so that it cannot be examined; start the engine of this version once, which brings it up, and try again"
    )]
    Older {
        /// The file's schema.
        found: i64,
        /// The one of this program.
        known: i64,
    },
    /// The file is damaged, or not a database.
    #[error(
        "the database is damaged and was left as it is ({what}); stop the engine and run 'carded store rescue', which sets the file aside and goes on with what can be read of it, or restore a backup with 'carded store restore'"
    )]
    Corrupt {
        /// What was seen.
        what: &'static str,
    },
    /// A later version of the program wrote it.
    #[error(
        "the database has schema {found} and this program knows {known}; start a program that is at least as new as the one that wrote it"
    )]
    Newer {
        /// The file's schema.
        found: i64,
        /// The latest that this program knows.
        known: i64,
    },
    /// The keys are there and the database is not.
    #[error(
        "{0} holds keys but no database, so outcomes were signed that are gone; restore a backup with 'carded store restore --replace', or move the keys aside to begin as a new device"
    )]
    DatabaseMissing(PathBuf),
    /// There is no store.
    #[error("there is no store in {0}; check device.state in the configuration, or start the engine, which makes one")]
    NoStore(PathBuf),
    /// A backup was to be restored over a store.
    #[error("there is a store in {0} already; give --replace to set it aside and go on with the backup")]
    Present(PathBuf),
    /// There is nothing to rescue.
    #[error("the store holds, so there is nothing to rescue; 'carded store check' says what it holds")]
    Sound,
    /// A backup was to be written where something is.
    #[error("{0} is there already; name a folder that is not")]
    BackupExists(PathBuf),
    /// A backup would lie open.
    #[error(
        "the disk of {0} does not keep a file to its owner, and a backup holds the device's keys; use a disk that does"
    )]
    BackupExposed(PathBuf),
    /// What is in the folder is not a whole backup.
    #[error("{0} is not a backup, or not the one that was written ({1}); use another backup")]
    BackupAltered(PathBuf, &'static str),
    /// Its keys were credentials, and those that are here are not they.
    #[error(
        "{0} has no keys with it, because they were systemd credentials, and its keys are not here; restore it with those of the engine's unit, on the machine that sealed them"
    )]
    BackupWithoutKeys(PathBuf),
    /// Other people may write to the folder.
    #[error("{0} can be written by others, who could replace the keys; run chmod 700 on it and look who did")]
    FolderShared(PathBuf),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The session has ended, and an end never changes; or an end was to be saved by itself; or it was redacted.
    #[error("the session has ended, and an end never changes; start a new session")]
    Terminal,
    /// The session has not ended.
    #[error("the session has not ended; cancel it first")]
    Open,
    /// The API key was replaced or revoked.
    #[error("the key was replaced or revoked; use the one that took its place, or make a new one")]
    KeySpent,
    /// There is no such session, no such delivery, no such key, or nobody of that name.
    #[error("the store does not hold what was asked for; create it first")]
    Missing,
    /// The delivery is not leased by this holder.
    #[error("the delivery is not leased by this connection; lease it again before it is settled")]
    NotLeased,
    /// The clock says a time before 1970.
    #[error("the clock says a time before 1970; set the device's clock")]
    Clock,
    /// Values that contradict each other or a constraint of the schema: a defect of the program.
    #[error("the store refused values that do not fit ({what}); report this, nothing was written")]
    Refused {
        /// What did not fit.
        what: &'static str,
    },
    /// A chain does not hold.
    #[error(transparent)]
    Chain(#[from] ChainBreak),
    /// A setting on which durability rests could not be made.
    #[error("the database does not accept the setting {0}; put the store on a local disk")]
    Setting(&'static str),
    /// The disk or the system failed. Whether a commit that failed so was written shows when it is done again.
    #[error(
        "the disk failed to read or write the store (SQLite code {code}); check the disk and the system's log, then start again"
    )]
    Io {
        /// SQLite's extended result code, or the system's error number below zero.
        code: i32,
    },
}

impl StoreError {
    /// Gives an error of the file system its meaning.
    pub(super) fn from_io(error: &io::Error) -> Self {
        use io::ErrorKind as K;
        match error.kind() {
            K::StorageFull | K::QuotaExceeded => Self::Full,
            K::ReadOnlyFilesystem | K::PermissionDenied => Self::ReadOnly,
            _ => Self::Io { code: -error.raw_os_error().unwrap_or(1) },
        }
    }

    /// Names the store where SQLite could only say that it is busy.
    pub(super) fn at(self, folder: &Path) -> Self {
        match self {
            Self::InUse(_) => Self::InUse(folder.to_owned()),
            other => other,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error as E;
        let failure = match error {
            E::SqliteFailure(failure, _) => failure,
            E::QueryReturnedNoRows => return Self::Missing,
            E::FromSqlConversionFailure(..) | E::IntegralValueOutOfRange(..) | E::InvalidColumnType(..) => {
                return Self::Corrupt { what: "a value of another kind" };
            }
            _ => return Self::Refused { what: "a statement" },
        };
        match failure.code {
            ErrorCode::DiskFull => Self::Full,
            ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied => Self::ReadOnly,
            ErrorCode::DatabaseCorrupt => Self::Corrupt { what: "pages that do not fit together" },
            ErrorCode::NotADatabase => Self::Corrupt { what: "not a database" },
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::InUse(PathBuf::new()),
            // A trigger is the schema's way to say that something never changes.
            ErrorCode::ConstraintViolation if failure.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_TRIGGER => {
                Self::Refused { what: "a change to what never changes" }
            }
            ErrorCode::ConstraintViolation => Self::Refused { what: "a constraint" },
            _ => Self::Io { code: failure.extended_code },
        }
    }
}
