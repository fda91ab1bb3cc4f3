//! Which table a command reads when it asks no engine.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;

use super::super::exit::CommandError;
use crate::compliance::{MAX_BUNDLE_BYTES, PublisherKey, RuleBook, Slot, open_bundle};
use crate::run::{Config, accepts, table_of_device};

/// Which table is read.
#[derive(Debug, Default, Args)]
pub struct TableArgs {
    /// The table in this bundle instead of the built-in one; its key has to be trusted by the configuration, or by --key.
    #[arg(long, conflicts_with = "installed")]
    bundle: Option<PathBuf>,
    /// A publisher's public key that is trusted for --bundle, instead of those of the configuration.
    #[arg(long, requires = "bundle")]
    key: Vec<PublisherKey>,
    /// The table that the device of the configuration uses, instead of the built-in one; for who may read its state folder.
    #[arg(long)]
    installed: bool,
}

/// A table, and where it is from.
pub struct OpenTable {
    pub book: RuleBook,
    /// In words.
    pub from: String,
}

impl TableArgs {
    /// Reads it.
    pub fn open(&self, config: &Path) -> Result<OpenTable, CommandError> {
        if let Some(file) = &self.bundle {
            let bytes = read(file, MAX_BUNDLE_BYTES)?;
            let trusted = if self.key.is_empty() { Config::load(config)?.rules.trusted_keys } else { self.key.clone() };
            let book =
                open_bundle(&bytes, accepts(&trusted)).map_err(|error| CommandError::Usage(error.to_string()))?;
            let from = format!("the bundle {}, {}", file.display(), signer(book.signed_by()));
            return Ok(OpenTable { book, from });
        }
        if !self.installed {
            return Ok(OpenTable { book: RuleBook::built_in()?, from: "built into this program".to_owned() });
        }
        let choice = table_of_device(&Config::load(config)?)?;
        for why in [&choice.current, &choice.previous].into_iter().flatten().filter_map(|judged| judged.as_ref().err())
        {
            tracing::warn!("a table that is installed is not used: {why}; see 'carded rules status'");
        }
        let from = match choice.slot {
            Some(Slot::Current) => format!("installed on this device, {}", signer(choice.book.signed_by())),
            Some(Slot::Previous) => format!("installed before the last, {}", signer(choice.book.signed_by())),
            None => "built into this program".to_owned(),
        };
        Ok(OpenTable { book: choice.book, from })
    }
}

fn signer(key: Option<&str>) -> String {
    format!("signed by {}", key.unwrap_or("nobody"))
}

/// Reads a file of some bytes at most.
pub fn read(file: &Path, most: usize) -> Result<Vec<u8>, CommandError> {
    let unreadable =
        |error| CommandError::Usage(format!("{} cannot be read: {error}; give another path", file.display()));
    let mut bytes = Vec::new();
    File::open(file).map_err(unreadable)?.take(most as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > most {
        return Err(CommandError::Usage(format!("{} has more than {most} bytes; give another file", file.display())));
    }
    Ok(bytes)
}
