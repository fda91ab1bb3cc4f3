//! The journal, which is emptied when something was erased, so that no file holds it any more.
//!
//! Always holds: nobody waits for it: where a reader of the file keeps the journal from being emptied, it is owed, and done
//! when the reader has gone; a journal that a crash left is emptied, or owed, when the store is opened. Does not know what
//! was erased, and does not look at a clock: whoever has the store says when it is tried again.

use std::path::Path;
use std::time::Duration;

use super::error::StoreError;
use super::{DATABASE, Store, schema};

/// Whether a journal is beside the database that holds anything.
pub(super) fn is_left(folder: &Path) -> bool {
    folder.join(format!("{DATABASE}-wal")).metadata().is_ok_and(|journal| journal.len() > 0)
}

impl Store {
    /// Whether the journal may still hold what was erased, because somebody was reading when it was to be emptied.
    #[must_use]
    pub fn owes_emptying(&self) -> bool {
        self.owes_emptying
    }

    /// Empties the journal if that is owed. What keeps it from that now is tried again by the next call.
    pub fn empty_journal_if_owed(&mut self) {
        if self.owes_emptying
            && let Err(error) = self.empty_journal()
        {
            tracing::warn!("the store's journal cannot be emptied, and may hold what was erased: {error}");
        }
    }

    /// Moves everything from the journal into the database and leaves the journal empty. While somebody reads, it is owed.
    pub(super) fn empty_journal(&mut self) -> Result<(), StoreError> {
        self.owes_emptying = true;
        // A reader may take hours, and so nothing waits for it.
        self.connection.busy_timeout(Duration::ZERO)?;
        let busy = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        self.connection.busy_timeout(schema::BUSY_TIMEOUT)?;
        self.owes_emptying = busy? != 0;
        Ok(())
    }
}
