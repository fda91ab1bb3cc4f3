//! Programs of different versions: roles that refuse each other in words, and stores that are older or newer.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use carded::session::protocol::{PROTOCOL_VERSION, encode};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::site::{PATIENCE, Running, STOP_WITHIN, Site, alone, wait_for, words};
use crate::support::display::Xvfb;
use crate::support::skip;

/// A message, whoever says it: its bytes are those of every version.
fn say(stream: &mut UnixStream, message: &Value) {
    stream.write_all(&encode(message).unwrap()).unwrap();
}

fn hear(stream: &mut UnixStream) -> Value {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut header = [0; 5];
    stream.read_exact(&mut header).unwrap();
    let [a, b, c, d, _kind] = header;
    let mut body = vec![0; u32::from_be_bytes([a, b, c, d]) as usize - 1];
    stream.read_exact(&mut body).unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// With its log in a file.
fn logging(site: &Site, role: &str, command: &mut Command) -> PathBuf {
    let log = site.path(&format!("{role}.log"));
    command.stderr(fs::File::create(&log).unwrap());
    log
}

#[test]
fn a_sync_and_a_ui_of_another_version_are_told_by_both_ends_which_one_to_update() {
    let _alone = alone();
    let site = Site::simulated();
    let mut engine = site.command("engine");
    let log = logging(&site, "engine", &mut engine);
    let _engine = Site::until_ready(&site.path("engine.notify"), engine);
    for role in ["sync", "display"] {
        for (protocol, remedy) in [
            (PROTOCOL_VERSION - 1, format!("update the program that runs as carded {role}")),
            (PROTOCOL_VERSION + 1, "update the program that runs as carded engine".to_owned()),
        ] {
            let mut stream = UnixStream::connect(site.path("engine.sock")).unwrap();
            let hello = json!({ "ask": "hello", "protocol": protocol, "program": "9.8.7", "role": role, "new": true });
            say(&mut stream, &hello);
            let answer = hear(&mut stream);
            let why = answer["why"].as_str().unwrap();
            assert_eq!(answer["say"], "refused");
            assert!(why.contains(&remedy) && why.contains("9.8.7"), "{why}");
            let both = format!("protocol {protocol}, and this engine");
            assert!(why.contains(&both) && why.contains(&format!("protocol {PROTOCOL_VERSION}")), "{why}");
            wait_for("the engine's log", || {
                let said = fs::read_to_string(&log).unwrap();
                said.lines().any(|line| line.contains(&remedy) && line.contains(&both)).then_some(())
            });
        }
    }
    // Those of its own version are served.
    site.till();
}

/// An engine of another version: it refuses everybody, and counts them.
fn refusing(site: &Site, times: usize) -> Vec<Instant> {
    let socket = site.path("engine.sock");
    let _ = fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket).unwrap();
    let refused = (0..times).map(|_| {
        let (mut stream, _) = listener.accept().unwrap();
        assert_eq!(hear(&mut stream)["protocol"], PROTOCOL_VERSION);
        say(&mut stream, &json!({ "say": "refused", "why": "carded speaks another protocol: update it" }));
        Instant::now()
    });
    refused.collect()
}

/// What a role does whom an engine of another version refuses: it goes on, says so once, and asks ever more rarely.
fn is_patient(site: &Site, role: &str, mut command: Command) {
    let log = logging(site, role, &mut command);
    let mut running = Running(command.spawn().unwrap());
    let at = refusing(site, 4);
    assert!(at[3] - at[2] > at[1] - at[0], "{role} waits longer each time: {at:?}");
    assert_eq!(running.0.try_wait().unwrap(), None, "{role} goes on, so that nobody starts it again and again");
    let said = wait_for("its log", || fs::read_to_string(&log).ok().filter(|said| said.contains("update it")));
    assert_eq!(said.matches("update it").count(), 1, "{said}");
    running.stop(STOP_WITHIN);
}

#[test]
fn a_sync_that_an_engine_of_another_version_refuses_goes_on_and_asks_ever_more_rarely() {
    let site = Site::simulated();
    let command = site.command("sync");
    is_patient(&site, "sync", command);
}

#[test]
fn a_ui_that_an_engine_of_another_version_refuses_goes_on_and_asks_ever_more_rarely() {
    let _alone = alone();
    let server = match Xvfb::start("800x600x24", &[]) {
        Ok(server) => server,
        Err(error) => return skip(&format!("the window was not started: Xvfb does not start ({error})")),
    };
    let site = Site::simulated();
    let mut command = site.command("ui");
    command.env("DISPLAY", &server.display).env("LIBGL_ALWAYS_SOFTWARE", "1");
    is_patient(&site, "ui", command);
}

/// The files of a store but those that SQLite makes anew at every start, by their digests.
fn digests(state: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(state).unwrap().map(|file| file.unwrap().path()).filter(|path| path.is_file());
    let named = files.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path));
    let remade = |name: &str| name.ends_with("-shm") || Path::new(name).extension().is_some_and(|kind| kind == "lock");
    let kept = named.filter(|(name, _)| !remade(name));
    kept.map(|(name, path)| (name, Sha256::digest(fs::read(path).unwrap()).to_vec())).collect()
}

/// Opened without being tidied up when it is closed, as by a program that is killed.
fn opened(state: &Path) -> Connection {
    let connection = Connection::open(state.join("store.db")).unwrap();
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    connection
}

fn version(connection: &Connection) -> i64 {
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

#[test]
fn a_program_that_is_older_than_the_store_changes_no_byte_of_it_and_the_newer_one_goes_on() {
    let _alone = alone();
    let site = Site::simulated();
    let state = site.path("state");
    site.told("keys", &["create", "--label", "till"]);
    let known = version(&opened(&state));
    // A newer program has added a table, and was killed before its journal was written back.
    let newer = format!("CREATE TABLE of_the_future (line TEXT) STRICT; PRAGMA user_version = {}", known + 1);
    opened(&state).execute_batch(&newer).unwrap();
    let before = digests(&state);
    assert!(before.keys().any(|name| name.ends_with("-wal")), "{before:?}");
    for (command, arguments) in [
        ("engine", &[][..]),
        ("keys", &["list"]),
        ("outbox", &["list"]),
        ("store", &["check"]),
        ("store", &["rescue"]),
        ("audit", &["verify"]),
    ] {
        let output = site.command_of(command, arguments).stdout(Stdio::null()).output().unwrap();
        let said = words(&output);
        assert!(!output.status.success(), "{command} {arguments:?}: {said}");
        assert!(said.contains("start a program that is at least as new"), "{command} {arguments:?}: {said}");
        assert_eq!(digests(&state), before, "{command} {arguments:?} changed it");
    }
    opened(&state).execute_batch(&format!("DROP TABLE of_the_future; PRAGMA user_version = {known}")).unwrap();
    let listed = site.told("keys", &["list"]);
    assert!(listed.to_string().contains("till"), "{listed}");
}

/// The schema's files, in their order.
fn migrations() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/migrations");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

/// Puts a store of the first schema, with many events, in the place of a present one.
fn make_old(state: &Path, events: usize) {
    let present = state.join("present.db");
    opened(state).execute("VACUUM INTO ?1", [present.to_str().unwrap()]).unwrap();
    for name in ["store.db", "store.db-wal", "store.db-shm"] {
        let _ = fs::remove_file(state.join(name));
    }
    let old = Connection::open(state.join("store.db")).unwrap();
    old.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; BEGIN; {} PRAGMA user_version = 1; COMMIT",
        migrations()[0]
    ))
    .unwrap();
    old.execute("ATTACH ?1 AS present", [present.to_str().unwrap()]).unwrap();
    for table in ["device", "audit"] {
        let own = format!("SELECT group_concat(name, ', ') FROM pragma_table_info('{table}', 'main')");
        let own: String = old.query_row(&own, [], |row| row.get(0)).unwrap();
        old.execute(&format!("INSERT INTO main.{table} ({own}) SELECT {own} FROM present.{table}"), []).unwrap();
    }
    old.execute_batch("BEGIN").unwrap();
    for number in 0..events {
        let id = format!("{number:024}");
        old.execute(
            "INSERT INTO session VALUES (?1, 'alcohol_in_person', 'US-CA', 'awaiting_face', NULL, 1, 1, NULL, 0, 1, NULL, NULL)",
            [&id],
        )
        .unwrap();
        old.execute(
            "INSERT INTO outbox (event, session, endpoint, body, created_at, next_attempt_at) VALUES (?1, ?2, 'shop', ?3, 1, 1)",
            (format!("evt_{id}"), &id, "x".repeat(200)),
        )
        .unwrap();
    }
    old.execute_batch("COMMIT").unwrap();
    drop(old);
    fs::remove_file(present).unwrap();
    fs::set_permissions(state.join("store.db"), fs::Permissions::from_mode(0o600)).unwrap();
}

fn copy_of(folder: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).unwrap();
    for file in fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).filter(|path| path.is_file()) {
        fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
    }
}

#[test]
fn a_migration_that_is_killed_anywhere_leaves_a_whole_store_of_one_schema_and_goes_on() {
    const EVENTS: usize = 5_000;
    const KILLS: u32 = 16;
    let site = Site::simulated();
    let (state, old) = (site.path("state"), site.path("old"));
    site.told("keys", &["list"]);
    make_old(&state, EVENTS);
    copy_of(&state, &old);
    let began = Instant::now();
    site.told("keys", &["list"]);
    let took = began.elapsed();
    let known = migrations().len() as i64;
    let mut seen = BTreeMap::new();
    for kill in 0..KILLS {
        copy_of(&old, &state);
        let mut command = site.command_of("keys", &["list"]);
        let mut running = Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        // Spread over the whole of it, and a little further where the machine is slow now.
        std::thread::sleep(took * kill / KILLS + Duration::from_millis(1));
        let _ = running.0.kill();
        let _ = running.0.wait();
        let found = opened(&state);
        let count = |table: &str| -> usize {
            found.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0)).unwrap() as usize
        };
        let whole: String = found.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        let schema = version(&found);
        assert!((1..=known).contains(&schema) && whole == "ok", "{kill}: {schema} {whole}");
        assert_eq!((count("session"), count("outbox")), (EVENTS, EVENTS), "{kill}: schema {schema}");
        *seen.entry(schema).or_insert(0) += 1;
        drop(found);
        site.told("keys", &["list"]);
        assert_eq!(version(&opened(&state)), known);
        // They have waited since 1970, which is an alarm.
        let (_, listed, words) = site.operate("outbox", &["list"]);
        assert_eq!(listed["endpoints"][0]["waiting"], EVENTS, "{kill}: {words}");
    }
    println!("killed {KILLS} times over {took:?}; schemas found: {seen:?}");
}
