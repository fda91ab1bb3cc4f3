//! What the engine remembers of endpoints whose files were good: one file in its own folder.
//!
//! Always holds: it is written whole or not at all, for its owner alone; what cannot be read in it is no memory. No secret is in
//! it, only the paths of files that hold one. Does not decide which endpoint is taken from it.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::{EndpointConfig, MAX_ENDPOINTS, MAX_FILE_BYTES};

/// Most bytes of the whole memory.
const MAX_BYTES: u64 = MAX_ENDPOINTS as u64 * MAX_FILE_BYTES;

/// The file.
#[derive(Debug)]
pub(super) struct Memory(PathBuf);

impl Memory {
    pub(super) fn new(file: PathBuf) -> Self {
        Self(file)
    }

    /// What was good last; nothing where nothing is known.
    pub(super) fn recall(&self) -> Vec<EndpointConfig> {
        let mut text = Vec::new();
        let read = std::fs::File::open(&self.0).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut text));
        read.ok().and_then(|_| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    /// Keeps what is good now.
    pub(super) fn remember(&self, endpoints: &[EndpointConfig]) {
        if self.recall() == endpoints {
            return;
        }
        if let Err(error) = self.write(endpoints) {
            tracing::warn!(
                "{} cannot be written: {error}; free space, or give it to the engine's user",
                self.0.display()
            );
        }
    }

    fn write(&self, endpoints: &[EndpointConfig]) -> std::io::Result<()> {
        let mut draft = tempfile::NamedTempFile::new_in(self.0.parent().unwrap_or(Path::new("")))?;
        draft.write_all(&serde_json::to_vec(endpoints)?)?;
        draft.as_file().set_permissions(std::fs::Permissions::from_mode(0o600))?;
        draft.as_file().sync_all()?;
        draft.persist(&self.0)?;
        Ok(())
    }
}
