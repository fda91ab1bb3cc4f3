//! Puts a store that was made ready in the place of the one that is there, which is set aside.
//!
//! On disk: `incoming/` holds the files that are to come, whole and synced. `replacing`, a file with the name of the folder
//! for the old ones, says that these are on their way there; renamed to `placing` it says that they are all there and the
//! new ones on their way to their places. `incoming/` without either is what a command has left that ended before.
//!
//! Always holds: what was begun is finished by whoever opens the folder next, so that a power cut at any moment leaves the
//! old store or the new one, and never half of each or nothing; no file of a store is deleted or changed, only moved, but for
//! what was made ready and never came to its place, keys and all; a folder that is there is never taken. Does not judge what
//! comes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::error::StoreError;
use super::keys::{ANCHOR, DEVICE, NEXT};
use super::rotation::{HANDOVER, NEXT_PUBLIC_KEY};
use super::{DATABASE, PUBLIC_KEY, folder};

/// Where the new files wait.
const INCOMING: &str = "incoming";
/// Says that the old files are on their way aside.
const REPLACING: &str = "replacing";
/// `replacing` while it is written.
const DRAFT: &str = "replacing.new";
/// Says that the new files are on their way to their places.
const PLACING: &str = "placing";
/// Says what was done; it goes into the folder with what was there before.
pub(super) const REPORT: &str = "report.json";
/// What a database leaves beside itself, and has to be taken with it.
const JOURNALS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// What is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replaced {
    /// The database; the keys stay.
    Database,
    /// The database and the keys.
    DatabaseAndKeys,
}

impl Replaced {
    /// The beginning of the name of the folder for what was there.
    fn aside(self) -> &'static str {
        match self {
            Self::Database => "damaged",
            Self::DatabaseAndKeys => "replaced",
        }
    }

    fn names(self) -> Vec<String> {
        // The journals first: a database without its journal would be an older one.
        let journals = JOURNALS.map(|ending| format!("{DATABASE}{ending}"));
        let mut names: Vec<String> = journals.into_iter().chain([DATABASE.to_owned()]).collect();
        if self == Self::DatabaseAndKeys {
            names.extend([DEVICE, ANCHOR, PUBLIC_KEY, NEXT, NEXT_PUBLIC_KEY, HANDOVER].map(str::to_owned));
        }
        names
    }

    fn of_aside(name: &str) -> Option<Self> {
        [Self::Database, Self::DatabaseAndKeys].into_iter().find(|known| {
            let rest = name.strip_prefix(known.aside()).and_then(|rest| rest.strip_prefix('-'));
            // The name is made here, and read back from a file: it leads nowhere else.
            rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
        })
    }
}

/// Whether a file of a store is in the folder, or one is on its way there.
pub(super) fn is_occupied(state: &Path) -> bool {
    let names = Replaced::DatabaseAndKeys.names();
    names.iter().any(|name| state.join(name).symlink_metadata().is_ok()) || is_under_way(state)
}

/// Whether the files of a store are on their way to their places.
pub(super) fn is_under_way(state: &Path) -> bool {
    [REPLACING, PLACING].iter().any(|name| state.join(name).symlink_metadata().is_ok())
}

/// Whether there is anything that [`finish`] would finish or throw away.
pub(super) fn is_left(state: &Path) -> bool {
    is_under_way(state) || state.join(INCOMING).symlink_metadata().is_ok()
}

/// An empty folder in which the new files are made ready; what an earlier run left there is thrown away.
pub(super) fn prepare(state: &Path) -> Result<PathBuf, StoreError> {
    let incoming = state.join(INCOMING);
    let made = remove(&incoming).and_then(|()| folder::make_private_folder(&incoming));
    made.map_err(|error| StoreError::from_io(&error))?;
    Ok(incoming)
}

/// Throws away what was made ready.
pub(super) fn abandon(state: &Path) {
    if let Err(error) = remove(&state.join(INCOMING)) {
        tracing::warn!("{} could not be removed ({}); remove it", state.join(INCOMING).display(), error.kind());
    }
}

fn remove(incoming: &Path) -> io::Result<()> {
    match fs::remove_dir_all(incoming) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Makes the folder for what is there before. Returns its place.
pub(super) fn make_room(state: &Path, what: Replaced, at: Timestamp) -> Result<PathBuf, StoreError> {
    let aside = make_aside(state, what, at).map_err(|error| StoreError::from_io(&error))?;
    Ok(state.join(aside))
}

/// Puts what was made ready in its place, and what was there before into a folder of [`make_room`].
pub(super) fn replace(state: &Path, aside: &Path) -> Result<(), StoreError> {
    let name = aside.file_name().unwrap_or_default();
    let begun = (|| {
        for file in fs::read_dir(state.join(INCOMING))? {
            fs::File::open(file?.path())?.sync_all()?;
        }
        folder::sync(&state.join(INCOMING))?;
        let draft = state.join(DRAFT);
        remove_file(&draft)?;
        folder::write_private(&draft, name.as_encoded_bytes())?;
        folder::sync(state)?;
        fs::rename(&draft, state.join(REPLACING))?;
        folder::sync(state)
    })();
    begun.map_err(|error: io::Error| {
        if !is_under_way(state) {
            let _ = fs::remove_dir(aside);
        }
        StoreError::from_io(&error)
    })?;
    finish(state)
}

fn make_aside(state: &Path, what: Replaced, at: Timestamp) -> io::Result<String> {
    let moment = at.strftime("%Y%m%dT%H%M%SZ").to_string();
    let base = format!("{}-{moment}", what.aside());
    for number in 1..100 {
        let name = if number == 1 { base.clone() } else { format!("{base}-{number}") };
        match folder::make_private_folder(&state.join(&name)) {
            Ok(()) => return Ok(name),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Finishes what was begun, if anything was, and throws away what was made ready and not begun. The folder has to be locked.
pub(super) fn finish(state: &Path) -> Result<(), StoreError> {
    let (replacing, placing) = (state.join(REPLACING), state.join(PLACING));
    let done = (|| {
        if replacing.exists() {
            let (aside, names) = begun(state, &replacing)?;
            for name in &names {
                // What is aside already was moved before the power cut.
                if !aside.join(name).exists() {
                    rename(&state.join(name), &aside.join(name))?;
                }
            }
            folder::sync(&aside)?;
            folder::sync(state)?;
            fs::rename(&replacing, &placing)?;
            folder::sync(state)?;
        }
        if placing.exists() {
            let (aside, names) = begun(state, &placing)?;
            for name in &names {
                rename(&state.join(INCOMING).join(name), &state.join(name))?;
            }
            rename(&state.join(INCOMING).join(REPORT), &aside.join(REPORT))?;
            folder::sync(&aside)?;
            folder::sync(state)?;
            fs::remove_file(&placing)?;
            folder::sync(state)?;
        }
        if is_left(state) {
            remove(&state.join(INCOMING))?;
            remove_file(&state.join(DRAFT))?;
            folder::sync(state)?;
        }
        Ok(())
    })();
    done.map_err(|error: io::Error| match error.kind() {
        io::ErrorKind::InvalidData => StoreError::BrokenOff(state.to_owned()),
        _ => StoreError::from_io(&error),
    })
}

fn begun(state: &Path, marker: &Path) -> io::Result<(PathBuf, Vec<String>)> {
    let aside = fs::read_to_string(marker)?;
    let what = Replaced::of_aside(&aside).filter(|_| state.join(&aside).is_dir());
    let what = what.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
    Ok((state.join(aside), what.names()))
}

/// Moves a file that may not be there.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
