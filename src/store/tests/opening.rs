//! Start-up: what is made, what is refused, and what is left alone.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use super::*;
use crate::store::{Actor, AuditAction, AuditEntry, KeyError, schema};

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_new_store_is_private_and_the_same_device_when_opened_again() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("state").join("carded");
    let mut store = Store::open(&folder).unwrap();
    store.create_session(&record(SessionState::Created)).unwrap();
    assert_eq!(folder.metadata().unwrap().mode() & 0o7777, 0o700);
    for file in std::fs::read_dir(&folder).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().mode() & 0o7777, 0o600, "{:?}", file.file_name());
    }
    let (device, public) = (store.device().to_owned(), store.public_key());
    drop(store);
    let store = Store::open(&folder).unwrap();
    assert_eq!((store.device(), store.public_key()), (device.as_str(), public));
    assert_eq!(store.open_sessions().unwrap().len(), 1);
}

#[test]
fn a_second_engine_is_told_that_the_store_is_in_use() {
    let (folder, first) = fresh();
    let refused = Store::open(folder.path()).unwrap_err();
    assert!(matches!(&refused, StoreError::InUse(path) if path == folder.path()), "{refused}");
    drop(first);
    Store::open(folder.path()).unwrap();
}

#[test]
fn a_folder_that_others_may_write_to_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    set_mode(folder.path(), 0o770);
    assert!(matches!(Store::open(folder.path()), Err(StoreError::FolderShared(_))));
    set_mode(folder.path(), 0o755);
    Store::open(folder.path()).unwrap();
}

#[test]
fn every_setting_that_durability_rests_on_is_made() {
    let (_folder, store) = fresh();
    let setting = |name: &str| -> String {
        let text = |row: &rusqlite::Row<'_>| row.get_ref(0).map(|value| format!("{value:?}"));
        store.connection.pragma_query_value(None, name, text).unwrap()
    };
    assert!(setting("journal_mode").contains(&format!("{:?}", b"wal")) || setting("journal_mode").contains("wal"));
    assert_eq!(
        ["synchronous", "foreign_keys", "secure_delete", "busy_timeout"].map(setting),
        ["Integer(2)", "Integer(1)", "Integer(1)", "Integer(5000)"]
    );
}

#[test]
fn the_first_migration_makes_the_schema_out_of_an_empty_file() {
    let mut connection = Connection::open_in_memory().unwrap();
    schema::MIGRATIONS.validate().unwrap();
    schema::MIGRATIONS.to_version(&mut connection, 1).unwrap();
    let tables =
        "SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT GLOB 'sqlite_*' ORDER BY name";
    let mut statement = connection.prepare(tables).unwrap();
    let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let found: Vec<(String, bool)> = found.collect::<Result<_, _>>().unwrap();
    let expected = ["anchor", "audit", "credential", "device", "outbox", "outcome", "session"];
    assert_eq!(found, expected.map(|name| (name.to_owned(), true)));
}

#[test]
fn the_second_migration_keeps_credentials_and_anchors_and_takes_print_alone() {
    keeps_credentials_and_anchors_and_takes("front_only", 2);
}

#[test]
fn the_fourth_migration_keeps_credentials_and_anchors_and_takes_an_age_estimate() {
    keeps_credentials_and_anchors_and_takes("age_estimate", 4);
}

fn keeps_credentials_and_anchors_and_takes(strength: &str, migration: usize) {
    let mut connection = Connection::open_in_memory().unwrap();
    connection.pragma_update(None, "foreign_keys", true).unwrap();
    schema::MIGRATIONS.to_version(&mut connection, migration - 1).unwrap();
    let (session, outcome, event) =
        ("2".repeat(24), format!("out_{}", "2".repeat(24)), format!("evt_{}", "2".repeat(24)));
    let insert = |connection: &Connection, number: u8, strength: &str| {
        let row = "INSERT INTO credential VALUES (?1, ?2, ?3, 'over_21', 'id_card_mrz', ?4, 1, 2, 0)";
        let id = format!("cred_{}", number.to_string().repeat(24));
        connection.execute(row, [&id, &session, &outcome, strength])
    };
    connection
        .execute(
            "INSERT INTO session VALUES (?1, 'alcohol_in_person', 'US-CA', 'verified', NULL, 1, 1, NULL, 0, 1, 1, ?2)",
            [&session, &event],
        )
        .unwrap();
    connection
        .execute("INSERT INTO outcome VALUES (1, ?1, ?2, 'verified', NULL, 0, 'a.b.c', 1)", [&outcome, &session])
        .unwrap();
    assert!(insert(&connection, 2, strength).is_err());
    insert(&connection, 2, "document").unwrap();
    let anchor = "INSERT INTO anchor VALUES (?1, 'person', ?2)";
    connection.execute(anchor, ["a".repeat(64), format!("cred_{}", "2".repeat(24))]).unwrap();

    schema::MIGRATIONS.to_version(&mut connection, migration).unwrap();
    let joined = "SELECT count(*) FROM anchor JOIN credential ON credential.id = anchor.credential";
    let count = |connection: &Connection| connection.query_row(joined, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count(&connection), 1);
    connection.execute("UPDATE credential SET strength = ?1", [strength]).unwrap();
    // What refers to the table still does.
    assert!(connection.execute(anchor, ["b".repeat(64), "cred_nobody".to_owned()]).is_err());
    connection.execute("DELETE FROM credential", []).unwrap();
    assert_eq!(count(&connection), 0);
    assert_eq!(connection.query_row("SELECT count(*) FROM anchor", [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

#[test]
fn the_third_migration_begins_to_count_attempts_and_leaves_sessions_as_they_are() {
    let mut connection = Connection::open_in_memory().unwrap();
    connection.pragma_update(None, "foreign_keys", true).unwrap();
    schema::MIGRATIONS.to_version(&mut connection, 2).unwrap();
    let session = "INSERT INTO session VALUES (?1, 'alcohol_in_person', 'US-CA', 'awaiting_face', NULL, 1, 1, NULL, 0, 1, NULL, NULL)";
    connection.execute(session, ["2".repeat(24)]).unwrap();
    schema::MIGRATIONS.to_version(&mut connection, 3).unwrap();
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(number("SELECT count(*) FROM session WHERE state = 'awaiting_face'"), 1);
    assert_eq!((number("SELECT count(*) FROM attempt"), number("SELECT ran_ms FROM attempt_clock")), (0, 0));
    connection.execute("UPDATE attempt_clock SET ran_ms = 5", []).unwrap();
    assert!(connection.execute("UPDATE attempt_clock SET ran_ms = 4", []).is_err(), "it never goes backwards");
    let mark = "a".repeat(64);
    let attempt = "INSERT INTO attempt (kind, began_ms, document) VALUES (?1, 7, ?2)";
    connection.execute(attempt, ["face", &mark]).unwrap();
    for (kind, mark) in [("document", mark.as_str()), ("face", "D8675309Q"), ("voice", &mark)] {
        assert!(connection.execute(attempt, [kind, mark]).is_err(), "{kind} {mark}");
    }
    assert!(connection.execute("UPDATE attempt SET began_ms = 0", []).is_err());
}

#[test]
fn the_fifth_migration_leaves_sessions_and_events_as_they_are_and_goes_on_keeping_them() {
    let mut connection = Connection::open_in_memory().unwrap();
    connection.pragma_update(None, "foreign_keys", true).unwrap();
    schema::MIGRATIONS.to_version(&mut connection, 4).unwrap();
    let (id, event) = ("2".repeat(24), format!("evt_{}", "2".repeat(24)));
    let session =
        "INSERT INTO session VALUES (?1, 'alcohol_in_person', 'US-CA', 'expired', NULL, 1, 1, NULL, 0, 1, 1, ?2)";
    connection.execute(session, [&id, &event]).unwrap();
    let sent = "INSERT INTO outbox (event, session, endpoint, body, created_at, next_attempt_at, state, delivered_at)
        VALUES (?1, ?2, ?3, 'body', 1, 1, ?4, ?5)";
    connection.execute(sent, (&event, &id, "shop", "delivered", 1)).unwrap();
    connection.execute(sent, (&event, &id, "till", "waiting", None::<i64>)).unwrap();
    schema::MIGRATIONS.to_version(&mut connection, 5).unwrap();
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(
        number("SELECT count(*) FROM outbox JOIN session ON session.id = outbox.session WHERE body = 'body'"),
        2
    );
    assert_eq!(
        ["request", "api_key", "idempotency"].map(|table| number(&format!("SELECT count(*) FROM {table}"))),
        [0; 3]
    );
    for change in [
        "UPDATE outbox SET body = '{}'",
        "UPDATE outbox SET event = 'evt_'",
        "UPDATE outbox SET attempts = 2 WHERE state = 'delivered'",
        "DELETE FROM outbox WHERE state = 'waiting'",
    ] {
        assert!(connection.execute(change, []).is_err(), "{change}");
    }
    connection.execute("UPDATE outbox SET attempts = 2 WHERE state = 'waiting'", []).unwrap();
}

#[test]
fn the_sixth_migration_leaves_keys_and_attempts_as_they_are_and_keeps_the_staff() {
    let mut connection = Connection::open_in_memory().unwrap();
    schema::MIGRATIONS.to_version(&mut connection, 5).unwrap();
    connection
        .execute_batch("INSERT INTO attempt (kind, began_ms) VALUES ('face', 7); UPDATE attempt_clock SET ran_ms = 9")
        .unwrap();
    schema::MIGRATIONS.to_version(&mut connection, 6).unwrap();
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!((number("SELECT count(*) FROM attempt"), number("SELECT ran_ms FROM attempt_clock")), (1, 9));
    assert_eq!(["staff", "staff_refusal"].map(|table| number(&format!("SELECT count(*) FROM {table}"))), [0; 2]);
    let add = |id: &str, hash: &str, label: &str| {
        connection.execute("INSERT INTO staff (id, hash, label, created_at) VALUES (?1, ?2, ?3, 1)", [id, hash, label])
    };
    let (id, hash) = (format!("stf_{}", "2".repeat(24)), "a".repeat(64));
    let other = (format!("stf_{}", "3".repeat(24)), "b".repeat(64));
    add(&id, &hash, "counter 2").unwrap();
    for (id, hash, label) in [
        (other.0.as_str(), "1234 5678", "counter 3"),
        (&other.0, &hash, "counter 3"),
        ("Ada Lovelace", &other.1, "counter 3"),
        (&other.0, &other.1, ""),
    ] {
        assert!(add(id, hash, label).is_err(), "{id} {label}");
    }
    connection.execute_batch("UPDATE staff SET removed_at = 5; INSERT INTO staff_refusal (at_ms) VALUES (3)").unwrap();
    for change in [
        "UPDATE staff SET removed_at = NULL",
        "UPDATE staff SET hash = replace(hash, 'a', 'b')",
        "UPDATE staff SET label = 'counter 3'",
        "DELETE FROM staff",
        "UPDATE staff_refusal SET at_ms = 0",
        "INSERT INTO staff_refusal (at_ms) VALUES (-1)",
    ] {
        assert!(connection.execute(change, []).is_err(), "{change}");
    }
}

#[test]
fn the_seventh_migration_leaves_sessions_and_outcomes_as_they_are() {
    let mut connection = Connection::open_in_memory().unwrap();
    connection.pragma_update(None, "foreign_keys", true).unwrap();
    schema::MIGRATIONS.to_version(&mut connection, 6).unwrap();
    let (id, event) = ("2".repeat(24), format!("evt_{}", "2".repeat(24)));
    let session =
        "INSERT INTO session VALUES (?1, 'alcohol_in_person', 'US-CA', 'verified', NULL, 1, 1, NULL, 0, 1, 1, ?2)";
    connection.execute(session, [&id, &event]).unwrap();
    let outcome = "INSERT INTO outcome VALUES (1, ?1, ?2, 'verified', NULL, 0, 'a.b.c', 1)";
    connection.execute(outcome, [&format!("out_{}", "2".repeat(24)), &id]).unwrap();
    schema::MIGRATIONS.to_version(&mut connection, 7).unwrap();
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(number("SELECT count(*) FROM session WHERE state = 'verified' AND consent_at IS NULL"), 1);
    assert_eq!(number("SELECT count(*) FROM outcome WHERE overrides IS NULL AND jws = 'a.b.c'"), 1);
}

#[test]
fn the_eighth_migration_knows_no_time_yet_and_constrains_what_it_will_know() {
    let mut connection = Connection::open_in_memory().unwrap();
    schema::MIGRATIONS.to_version(&mut connection, 7).unwrap();
    schema::MIGRATIONS.to_version(&mut connection, 8).unwrap();
    let rows = connection.query_row("SELECT count(*) FROM clock", [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(rows, 0);
    let boot = "0f0e0d0c-0b0a-0908-0706-050403020100";
    let insert = "INSERT INTO clock VALUES (?1, ?2, ?3, ?4, 5, ?5, ?6, ?7)";
    for (only, floor, at, by, wall, since, id) in [
        (2, 5, Some(5), Some("ntp"), 5, 5, boot),
        (1, -1, Some(5), Some("ntp"), 5, 5, boot),
        (1, 5, None, Some("ntp"), 5, 5, boot),
        (1, 5, Some(5), None, 5, 5, boot),
        (1, 5, Some(5), Some("sundial"), 5, 5, boot),
        (1, 5, Some(5), Some("ntp"), 5, -5, boot),
        (1, 5, Some(5), Some("ntp"), 5, 5, "Ada Lovelace"),
    ] {
        assert!(
            connection.execute(insert, (only, floor, at, by, wall, since, id)).is_err(),
            "{only} {floor} {by:?} {id}"
        );
    }
    connection.execute(insert, (1, 5, Some(5), Some("gnss"), 5, 5, boot)).unwrap();
    connection.execute_batch("INSERT INTO clock_step (from_at, to_at) VALUES (9, 3)").unwrap();
    assert!(connection.execute("UPDATE clock_step SET to_at = 10", []).is_err(), "a step never changes");
}

#[test]
fn every_column_is_commented_in_the_schema() {
    let (_folder, store) = fresh();
    let mut tables =
        store.connection.prepare("SELECT sql FROM sqlite_schema WHERE type = 'table' AND sql GLOB '*STRICT*'").unwrap();
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
    for table in tables.map(Result::unwrap) {
        let lines: Vec<&str> = table.lines().map(str::trim).collect();
        for pair in lines.windows(2) {
            let declares = pair[1].split(' ').nth(1).is_some_and(|kind| ["TEXT", "INTEGER"].contains(&kind));
            assert!(!declares || pair[0].starts_with("--"), "{}", pair[1]);
        }
    }
}

#[test]
fn the_schema_of_a_newer_program_is_refused_and_left_alone() {
    let (folder, store) = fresh();
    drop(store);
    tamperer(&folder).pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(Store::open(folder.path()), Err(StoreError::Newer { found: 99, .. })));
    tamperer(&folder).pragma_update(None, "user_version", -1).unwrap();
    assert!(matches!(Store::open(folder.path()), Err(StoreError::Corrupt { .. })));
}

#[test]
fn a_damaged_database_is_refused_and_left_as_it_is() {
    let (folder, mut store) = fresh();
    for _ in 0..5 {
        verify_one(&mut store);
    }
    drop(store);
    let file = folder.path().join("store.db");
    let whole = std::fs::read(&file).unwrap();
    let damaged = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        change(&mut bytes);
        std::fs::write(&file, &bytes).unwrap();
        let refused = Store::open(folder.path()).unwrap_err();
        assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused:?}");
        assert_eq!(std::fs::read(&file).unwrap(), bytes);
    };
    damaged(&|bytes| bytes[..16].fill(b'x'));
    damaged(&|bytes| bytes.truncate(whole.len() / 2));
    damaged(&|bytes| bytes[4096..].fill(0xa5));
    std::fs::write(&file, &whole).unwrap();
    assert_eq!(Store::open(folder.path()).unwrap().verify_outcomes().unwrap(), 5);
}

#[test]
fn keys_without_their_database_and_a_database_without_its_keys_are_refused() {
    let (folder, store) = fresh();
    drop(store);
    let (file, aside) = (folder.path().join("store.db"), folder.path().join("aside.db"));
    std::fs::rename(&file, &aside).unwrap();
    assert!(matches!(Store::open(folder.path()), Err(StoreError::DatabaseMissing(_))));
    assert!(!file.exists(), "no new one is made");
    std::fs::write(&file, "").unwrap();
    assert!(matches!(Store::open(folder.path()), Err(StoreError::DatabaseMissing(_))));
    std::fs::rename(&aside, &file).unwrap();
    for name in ["device.key", "anchor.key"] {
        let key = folder.path().join(name);
        let bytes = std::fs::read(&key).unwrap();
        std::fs::remove_file(&key).unwrap();
        assert!(matches!(Store::open(folder.path()), Err(StoreError::Keys(KeyError::Missing(_)))));
        assert!(!key.exists(), "no new one is made");
        std::fs::write(&key, [9; 32]).unwrap();
        set_mode(&key, 0o600);
        assert!(matches!(Store::open(folder.path()), Err(StoreError::Keys(KeyError::Other(_)))));
        std::fs::write(&key, bytes).unwrap();
    }
    Store::open(folder.path()).unwrap();
}

#[test]
fn a_first_start_that_was_cut_short_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("store.db"), "").unwrap();
    drop(Store::open(folder.path()).unwrap());
    // The schema and the keys are there, and the device has no row yet.
    let connection = tamperer_without_device(&folder);
    drop(connection);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.verify_audit().unwrap(), 1);
}

fn tamperer_without_device(folder: &TempDir) -> Connection {
    let connection = tamperer(folder);
    connection.execute_batch("DROP TRIGGER audit_is_kept; DELETE FROM audit; DELETE FROM device").unwrap();
    connection
}

#[test]
fn a_link_in_the_place_of_the_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    symlink("/dev/null", folder.path().join("store.db")).unwrap();
    assert!(Store::open(folder.path()).is_err());
}

#[test]
fn a_clock_before_1970_is_an_error_and_no_row() {
    let (_folder, mut store) = fresh();
    let at = Timestamp::from_millisecond(-1).unwrap();
    let entry = AuditEntry { at, actor: Actor::Operator, action: AuditAction::EngineStarted, session: None };
    assert!(matches!(store.audit(&entry), Err(StoreError::Clock)));
    let early = SessionRecord { created_at: at, ..record(SessionState::Created) };
    assert!(matches!(store.create_session(&early), Err(StoreError::Clock)));
    assert_eq!((count(&store, "audit"), count(&store, "session")), (1, 0));
}

#[test]
fn the_tenth_migration_keeps_the_outbox_and_finds_the_newest_and_the_dead_of_an_endpoint_by_an_index() {
    let mut connection = Connection::open_in_memory().unwrap();
    connection.pragma_update(None, "foreign_keys", true).unwrap();
    schema::MIGRATIONS.to_version(&mut connection, 9).unwrap();
    let session = "INSERT INTO session (id, use_case, jurisdiction, state, document_attempts, face_attempts, created_at, expires_at)
         VALUES (?1, 'alcohol_in_person', 'US-CA', 'awaiting_face', 1, 1, 0, 1)";
    let id = "2".repeat(24);
    connection.execute(session, [&id]).unwrap();
    let event = "INSERT INTO outbox (event, session, endpoint, body, created_at, next_attempt_at) VALUES (?1, ?2, 'shop', 'x', 0, 0)";
    connection.execute(event, [&format!("evt_{id}"), &id]).unwrap();
    schema::MIGRATIONS.to_version(&mut connection, 10).unwrap();
    assert_eq!(connection.query_row("SELECT count(*) FROM outbox", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
    for (state, order, index) in
        [("waiting", "delivery DESC", "outbox_newest_of_endpoint"), ("dead", "delivery", "outbox_dead_of_endpoint")]
    {
        let plan = format!(
            "EXPLAIN QUERY PLAN SELECT delivery FROM outbox WHERE state = '{state}' AND endpoint = 'shop' ORDER BY {order} LIMIT 9"
        );
        let plan: String = connection.query_row(&plan, [], |row| row.get(3)).unwrap();
        assert!(plan.contains(index), "{plan}");
    }
}

#[test]
fn the_migration_of_gaps_leaves_the_device_as_it_is_and_constrains_what_is_left_out() {
    let mut connection = Connection::open_in_memory().unwrap();
    let before = 10;
    schema::MIGRATIONS.to_version(&mut connection, before).unwrap();
    let device = "INSERT INTO device VALUES (1, 'dev_1', ?1, ?2, 3, ?2, 4, ?2)";
    connection.execute(device, ["a".repeat(43), "b".repeat(64)]).unwrap();
    schema::MIGRATIONS.to_version(&mut connection, before + 1).unwrap();
    let heads = "SELECT last_sequence, last_audit_sequence FROM device WHERE id = 'dev_1' AND last_hash IS NOT NULL";
    let heads = connection.query_row(heads, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))).unwrap();
    assert_eq!(heads, (3, 4));
    // A device may go on without an outcome before, and has no hash before its first.
    connection.execute("UPDATE device SET last_hash = NULL", []).unwrap();
    connection.execute("UPDATE device SET last_sequence = 0", []).unwrap();
    assert!(connection.execute("UPDATE device SET last_hash = ?1", ["b".repeat(64)]).is_err());
    let gap = "INSERT INTO gap (chain, last_before, first_behind, reason, at) VALUES (?1, ?2, ?3, ?4, 5)";
    for (chain, from, to, why) in [
        ("outbox", 3, 9, "restored"),
        ("audit", -1, 9, "restored"),
        ("audit", 3, 4, "restored"),
        ("audit", 3, 9, "lost"),
    ] {
        assert!(connection.execute(gap, (chain, from, to, why)).is_err(), "{chain} {from} {to} {why}");
    }
    connection.execute(gap, ("outcomes", 3, 9, "rescued")).unwrap();
    for change in ["UPDATE gap SET first_behind = 10", "DELETE FROM gap"] {
        assert!(connection.execute(change, []).is_err(), "{change}");
    }
}
