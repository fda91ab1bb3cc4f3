//! The database: opened, set up so that a commit is on disk when it returns, checked, and brought to this program's schema.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};

use super::error::StoreError;

/// How long a statement waits for a backup that holds a lock.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// One file each; a number, once released, never changes.
static STEPS: [M<'static>; 12] = [
    M::up(include_str!("migrations/0001_initial.sql")).foreign_key_check(),
    M::up(include_str!("migrations/0002_front_only.sql")).foreign_key_check(),
    M::up(include_str!("migrations/0003_attempts.sql")).foreign_key_check(),
    M::up(include_str!("migrations/0004_age_estimate.sql")).foreign_key_check(),
    M::up(include_str!("migrations/0005_api.sql")).foreign_key_check(),
    M::up(include_str!("migrations/0006_staff.sql")).foreign_key_check(),
    M::up(include_str!("migrations/0007_consent_and_override.sql")).foreign_key_check(),
    M::up(include_str!("migrations/0008_clock.sql")).foreign_key_check(),
    M::up(include_str!("migrations/0009_returning.sql")).foreign_key_check(),
    M::up(include_str!("migrations/0010_outbox.sql")).foreign_key_check(),
    M::up(include_str!("migrations/0011_gaps.sql")).foreign_key_check(),
    M::up(include_str!("migrations/0012_handover.sql")).foreign_key_check(),
];
pub(super) static MIGRATIONS: Migrations<'static> = Migrations::from_slice(&STEPS);

/// Settings on which durability and privacy rest, and what SQLite answers when they hold. `secure_delete` overwrites what
/// is deleted, `temp_store` keeps sorting out of temporary files, `trusted_schema` distrusts functions in an altered file.
const SETTINGS: [(&str, &str, &str); 6] = [
    ("journal_mode", "WAL", "wal"),
    ("synchronous", "FULL", "2"),
    ("foreign_keys", "ON", "1"),
    ("secure_delete", "ON", "1"),
    ("temp_store", "MEMORY", "2"),
    ("trusted_schema", "OFF", "0"),
];

/// Opens a file that exists, without changing its schema.
pub(super) fn open(file: &Path) -> Result<Connection, StoreError> {
    // Without the URI flag no part of a path can be taken for an option.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // The journal of a newer program is not written back by looking at it: not a byte of its database changes.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    refuse_newer(&connection)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    for (name, value, answer) in SETTINGS {
        connection.pragma_update_and_check(None, name, value, |_| Ok(())).or_else(|error| match error {
            // Most settings answer nothing when they are made.
            rusqlite::Error::QueryReturnedNoRows => Ok(()),
            other => Err(other),
        })?;
        if setting(&connection, name)? != answer {
            return Err(StoreError::Setting(name));
        }
    }
    check(&connection)?;
    Ok(connection)
}

/// Opens a file that exists to read it, also beside an engine. Neither its integrity nor its schema is looked at, but that it
/// is not newer than this program.
pub(super) fn open_to_read(file: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    refuse_newer(&connection)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

/// The schema that this program knows.
pub(super) const fn known() -> i64 {
    STEPS.len() as i64
}

/// The schema's number; 0 for an empty file.
pub(super) fn version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Brings the schema to this program's.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    use rusqlite_migration::Error as E;
    MIGRATIONS.to_latest(connection).map_err(|error| match error {
        E::RusqliteError { err, .. } => err.into(),
        E::InvalidUserVersion => StoreError::Corrupt { what: "an impossible schema number" },
        E::ForeignKeyCheck(_) => StoreError::Corrupt { what: "rows that refer to nothing" },
        _ => StoreError::Refused { what: "a migration" },
    })
}

fn refuse_newer(connection: &Connection) -> Result<(), StoreError> {
    let (found, known) = (version(connection)?, known());
    match found {
        ..0 => Err(StoreError::Corrupt { what: "an impossible schema number" }),
        _ if found > known => Err(StoreError::Newer { found, known }),
        _ => Ok(()),
    }
}

fn setting(connection: &Connection, name: &'static str) -> Result<String, StoreError> {
    let value: rusqlite::types::Value = connection.pragma_query_value(None, name, |row| row.get(0))?;
    match value {
        rusqlite::types::Value::Integer(number) => Ok(number.to_string()),
        rusqlite::types::Value::Text(text) => Ok(text),
        _ => Err(StoreError::Setting(name)),
    }
}

fn check(connection: &Connection) -> Result<(), StoreError> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(StoreError::Corrupt { what: "the integrity check failed" }) }
}
