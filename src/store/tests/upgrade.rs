//! Stores of every schema that there ever was, opened by this program.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::store::schema;

/// Rows by table: each as the text of its columns.
type Rows = BTreeMap<String, Vec<String>>;

fn names(connection: &Connection, query: &str) -> Vec<String> {
    let mut statement = connection.prepare(query).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn tables(connection: &Connection, database: &str) -> Vec<String> {
    let wanted = "AND type = 'table' AND name NOT GLOB 'sqlite_*' ORDER BY name";
    names(connection, &format!("SELECT name FROM pragma_table_list WHERE schema = '{database}' {wanted}"))
}

fn columns(connection: &Connection, database: &str, table: &str) -> Vec<String> {
    names(connection, &format!("SELECT name FROM pragma_table_info('{table}', '{database}')"))
}

/// What stands in the columns that a schema had.
fn rows(connection: &Connection, of: &BTreeMap<String, Vec<String>>) -> Rows {
    let of_table = |(table, columns): (&String, &Vec<String>)| {
        let quoted: Vec<String> = columns.iter().map(|column| format!("quote({column})")).collect();
        let found =
            names(connection, &format!("SELECT {} AS line FROM {table} ORDER BY line", quoted.join(" || ',' || ")));
        (table.clone(), found)
    };
    of.iter().map(of_table).collect()
}

/// Makes a database of an old schema with all that a present one holds and the old one has a place for; which tables and columns
/// these are.
fn older(present: &Path, file: &Path, version: usize) -> BTreeMap<String, Vec<String>> {
    let mut old = Connection::open(file).unwrap();
    old.pragma_update(None, "journal_mode", "WAL").unwrap_or_default();
    schema::MIGRATIONS.to_version(&mut old, version).unwrap();
    old.pragma_update(None, "foreign_keys", false).unwrap();
    old.execute("ATTACH ?1 AS present", [present.to_str().unwrap()]).unwrap();
    let mut of = BTreeMap::new();
    for table in tables(&old, "main") {
        let own = columns(&old, "main", &table);
        let there = columns(&old, "present", &table);
        let both: Vec<String> = own.iter().filter(|column| there.contains(column)).cloned().collect();
        let list = both.join(", ");
        if table == "attempt_clock" {
            old.execute("UPDATE attempt_clock SET ran_ms = (SELECT ran_ms FROM present.attempt_clock)", []).unwrap();
        } else {
            let copy = format!("INSERT INTO main.{table} ({list}) SELECT {list} FROM present.{table}");
            old.execute(&copy, []).unwrap_or_else(|error| panic!("schema {version}, {table}: {error}"));
        }
        of.insert(table, own);
    }
    let broken: i64 = old.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0)).unwrap();
    assert_eq!(broken, 0, "schema {version}");
    of
}

#[test]
fn a_store_of_every_schema_that_there_was_is_opened_with_nothing_lost() {
    let (present, mut store) = fresh();
    for _ in 0..3 {
        verify_one(&mut store);
    }
    store.create_session(&record(SessionState::Created)).unwrap();
    drop(store);
    for version in 1..=schema::known() as usize {
        let folder = tempfile::tempdir().unwrap();
        for key in ["device.key", "anchor.key"] {
            std::fs::copy(present.path().join(key), folder.path().join(key)).unwrap();
        }
        let file = folder.path().join("store.db");
        let of = older(&present.path().join("store.db"), &file, version);
        let before = rows(&tamperer(&folder), &of);
        for table in ["session", "outcome", "credential", "anchor", "outbox", "audit", "device"] {
            assert!(!before[table].is_empty(), "schema {version} has something in {table}");
        }
        let mut store = Store::open(folder.path()).unwrap_or_else(|error| panic!("schema {version}: {error}"));
        assert_eq!(schema::version(&store.connection).unwrap(), schema::known());
        assert_eq!(rows(&store.connection, &of), before, "schema {version}");
        assert_eq!(store.verify_outcomes().unwrap(), 3, "schema {version}");
        store.verify_audit().unwrap();
        // It goes on where it was.
        verify_one(&mut store);
        assert_eq!(store.verify_outcomes().unwrap(), 4);
        assert_eq!(store.outbox_counts().unwrap().waiting as usize, before["outbox"].len() + 2);
    }
}
