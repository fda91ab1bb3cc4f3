//! The signed rule tables that were installed: two files beside the database, `rules/current.json` and `rules/previous.json`.
//!
//! Always holds: a file appears under its name whole and on disk, or not at all; the old table is in both places before the new
//! one takes the first, so that a power cut at any moment leaves a table that was installed; who did it is in the audit
//! chain, or it was not done. Does not judge what is in the files: whoever reads them does.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::OFlags;

use super::audit::{Actor, AuditAction, AuditEntry};
use super::error::StoreError;
use super::{Store, audit, folder, transact};
use crate::compliance::{Held, HeldBundles, MAX_BUNDLE_BYTES};

const FOLDER: &str = "rules";
const CURRENT: &str = "current.json";
const PREVIOUS: &str = "previous.json";

impl Store {
    /// What is installed, unjudged.
    #[must_use]
    pub fn installed_rules(&self) -> HeldBundles {
        installed_rules(&self.folder)
    }

    /// Puts a bundle in the first place. The one that is there goes into the second where `keep` says so, and is forgotten
    /// where it is no use.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written. The table that was in use before is still there then.
    pub fn install_rules(&mut self, bundle: &[u8], keep: bool, at: Timestamp) -> Result<(), StoreError> {
        self.with_entry(AuditAction::RulesInstalled, at, |rules| {
            DirBuilder::new().recursive(true).mode(0o700).create(rules)?;
            folder::sync(rules.parent().unwrap_or(rules))?;
            if let (true, Held::Bytes(old)) = (keep, read(&rules.join(CURRENT))) {
                write_whole(rules, PREVIOUS, &old)?;
            }
            write_whole(rules, CURRENT, bundle)
        })
    }

    /// Takes the bundle in the first place away, and puts the one in the second there.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is none in either; [`StoreError`] when the folder cannot be written.
    pub fn roll_back_rules(&mut self, at: Timestamp) -> Result<(), StoreError> {
        let HeldBundles { current, previous } = self.installed_rules();
        if (&current, &previous) == (&Held::Absent, &Held::Absent) {
            return Err(StoreError::Missing);
        }
        self.with_entry(AuditAction::RulesRolledBack, at, |rules| {
            let (first, second) = (rules.join(CURRENT), rules.join(PREVIOUS));
            match (&current, &previous) {
                (Held::Absent, _) => std::fs::remove_file(second)?,
                (_, Held::Absent) => std::fs::remove_file(first)?,
                // One bundle in both places, after an installation that was cut off: there is none before it.
                (first_held, second_held) if first_held == second_held => {
                    std::fs::remove_file(second)?;
                    std::fs::remove_file(first)?;
                }
                _ => std::fs::rename(second, first)?,
            }
            folder::sync(rules)
        })
    }

    /// Does something to the files, and writes who did it, both or neither. Only a database that fails at its very last step
    /// leaves files without their entry.
    fn with_entry(
        &mut self,
        action: AuditAction,
        at: Timestamp,
        work: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<(), StoreError> {
        let rules = self.folder.join(FOLDER);
        transact(&mut self.connection, &self.folder, |transaction| {
            let entry = AuditEntry { at, actor: Actor::Operator, action, session: None };
            audit::append(transaction, &entry)?;
            work(&rules).map_err(|error| StoreError::from_io(&error))
        })
    }
}

/// What is installed in a state folder, unjudged. It can be read beside an engine that runs: files change as wholes.
#[must_use]
pub fn installed_rules(state: &Path) -> HeldBundles {
    let rules = state.join(FOLDER);
    HeldBundles { current: read(&rules.join(CURRENT)), previous: read(&rules.join(PREVIOUS)) }
}

/// Reads one byte more than a bundle may have at most, so that a longer one is known as such.
fn read(path: &Path) -> Held {
    let read = || {
        let mut bytes = Vec::new();
        let file = quiet().read(true).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is no plain file"));
        }
        file.take(MAX_BUNDLE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Ok(bytes) => Held::Bytes(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Held::Absent,
        Err(error) => Held::Unreadable(error.to_string()),
    }
}

/// Without NONBLOCK a pipe in a bundle's place would hold up the start for ever.
fn quiet() -> OpenOptions {
    let mut options = File::options();
    options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    options
}

/// Writes under another name, and gives it its own when it is on disk.
fn write_whole(rules: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let draft: PathBuf = rules.join(format!("{name}.new"));
    match std::fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = quiet().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&draft, rules.join(name))?;
    folder::sync(rules)
}
