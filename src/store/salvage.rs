//! Reads rows out of a damaged database, past the places that cannot be read.
//!
//! Always holds: the file that is read is a copy; every row comes once; reading ends, however the pages lead astray. Does not
//! judge what the rows say, and does not look for rows that no table's tree leads to.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Row};

use super::error::StoreError;

/// The beginning of every database of this program: SQLite's name, pages of 4,096 bytes, the write-ahead log, and the
/// fractions of a page that a row may fill (the file format's sections 1.3.1 to 1.3.5).
const HEADER: [u8; 24] = *b"SQLite format 3\0\x10\x00\x02\x02\x00\x40\x20\x20";
/// How often reading begins again behind a place that cannot be read, in one table.
const MOST_PLACES: usize = 4096;

/// Rows of one table.
#[derive(Debug, Default)]
pub(super) struct Salvaged {
    /// The columns that were read.
    pub columns: Vec<String>,
    /// Their values, in no order.
    pub rows: Vec<Vec<Value>>,
    /// Places that could not be read; of how many rows is not known.
    pub unreadable: usize,
}

/// Opens a copy of a damaged file. Its beginning is mended where it is not that of a database.
pub(super) fn open(copy: &Path) -> Result<Connection, StoreError> {
    mend_header(copy).map_err(|error| StoreError::from_io(&error))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(copy, flags)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}

fn mend_header(copy: &Path) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(copy)?;
    let mut header = [0; HEADER.len()];
    // A file that is shorter has no page that could be read.
    let _ = file.read_at(&mut header, 0)?;
    if header == HEADER { Ok(()) } else { file.write_all_at(&HEADER, 0) }
}

/// Everything of a table that can be read: of those columns that both it and `wanted` have.
pub(super) fn table(damaged: &Connection, table: &str, wanted: &[String]) -> Salvaged {
    let mut salvaged = Salvaged::default();
    let Ok(there) = columns(damaged, table) else {
        salvaged.unreadable = 1;
        return salvaged;
    };
    salvaged.columns = wanted.iter().filter(|column| there.contains(column)).cloned().collect();
    if salvaged.columns.is_empty() {
        return salvaged;
    }
    let list = salvaged.columns.iter().map(|column| format!("\"{column}\"")).collect::<Vec<_>>().join(", ");
    let read = if has_row_numbers(damaged, table) { by_number } else { from_both_ends };
    read(damaged, table, &list, &mut salvaged);
    salvaged
}

/// The columns of a table, in the order of its schema; none of a table that is not there.
pub(super) fn columns(connection: &Connection, table: &str) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
    Ok(statement.query_map([table], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

fn has_row_numbers(connection: &Connection, table: &str) -> bool {
    connection.prepare(&format!("SELECT rowid FROM \"{table}\" LIMIT 0")).is_ok()
}

/// Reads forwards by number until a place that cannot be read, then leaps ever farther until something can be, and reads
/// backwards from there to the place.
fn by_number(damaged: &Connection, table: &str, list: &str, salvaged: &mut Salvaged) {
    let mut seen = BTreeSet::new();
    let (forwards, backwards) = (
        format!("SELECT rowid, {list} FROM \"{table}\" NOT INDEXED WHERE rowid >= ?1 ORDER BY rowid"),
        format!(
            "SELECT rowid, {list} FROM \"{table}\" NOT INDEXED WHERE rowid < ?1 AND rowid >= ?2 ORDER BY rowid DESC"
        ),
    );
    let mut from = 0;
    for _ in 0..MOST_PLACES {
        let (end, whole) = run(damaged, &forwards, &[from], &mut seen, salvaged);
        if whole {
            return;
        }
        salvaged.unreadable += 1;
        let behind = end.map_or(from, |last| last + 1);
        let Some(found) = leap(damaged, table, behind) else {
            // Nothing forwards: what is left is at the very end, if anything is.
            run(damaged, &backwards, &[i64::MAX, behind], &mut seen, salvaged);
            return;
        };
        run(damaged, &backwards, &[found, behind], &mut seen, salvaged);
        from = found;
    }
}

/// The first number beyond a place that cannot be read from which something can be.
fn leap(damaged: &Connection, table: &str, behind: i64) -> Option<i64> {
    let first = format!("SELECT rowid FROM \"{table}\" NOT INDEXED WHERE rowid >= ?1 ORDER BY rowid LIMIT 1");
    (0..62).map(|power| behind.saturating_add(1 << power)).find_map(|number| {
        damaged.query_row(&first, [number], |row| row.get::<_, i64>(0)).ok().filter(|found| *found >= number)
    })
}

/// Reads rows that begin with their number until the end or an error. Returns the last number, and whether it was the end.
fn run(
    damaged: &Connection,
    query: &str,
    bounds: &[i64],
    seen: &mut BTreeSet<i64>,
    salvaged: &mut Salvaged,
) -> (Option<i64>, bool) {
    let Ok(mut statement) = damaged.prepare(query) else { return (None, false) };
    let Ok(mut rows) = statement.query(rusqlite::params_from_iter(bounds)) else { return (None, false) };
    let mut last: Option<i64> = None;
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => return (last, true),
            Err(_) => return (last, false),
        };
        let Ok(number) = row.get::<_, i64>(0) else { return (last, false) };
        // Pages that lead back to where they came from would lead on for ever.
        if !seen.insert(number) {
            return (last, false);
        }
        last = Some(number);
        take(row, 1, salvaged);
    }
}

/// Of a table without row numbers: from the first row and from the last, each until a place that cannot be read.
fn from_both_ends(damaged: &Connection, table: &str, list: &str, salvaged: &mut Salvaged) {
    let columns: Vec<usize> = (1..=salvaged.columns.len()).collect();
    let order = |direction: &str| columns.iter().map(|at| format!("{at} {direction}")).collect::<Vec<_>>().join(", ");
    for direction in ["ASC", "DESC"] {
        let query = format!("SELECT {list} FROM \"{table}\" ORDER BY {}", order(direction));
        let whole = damaged.prepare(&query).and_then(|mut statement| {
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                take(row, 0, salvaged);
            }
            Ok(())
        });
        if whole.is_ok() {
            return;
        }
        salvaged.unreadable = 1;
    }
}

/// Keeps a row whose values can be read.
fn take(row: &Row<'_>, first: usize, salvaged: &mut Salvaged) {
    let values: Result<Vec<Value>, _> =
        (first..first + salvaged.columns.len()).map(|column| row.get::<_, Value>(column)).collect();
    match values {
        Ok(values) => salvaged.rows.push(values),
        Err(_) => salvaged.unreadable += 1,
    }
}
