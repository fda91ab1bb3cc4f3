//! `carded store` at the command line: beside a running engine, and on a store that its engine refuses.

use std::fs;
use std::process::Output;

use serde_json::Value;

use crate::site::{Site, alone, words};

fn store(site: &Site, arguments: &[&str]) -> Output {
    let mut command = site.command("store");
    command.args(arguments);
    command.output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_store_is_checked_and_backed_up_beside_its_engine_and_restored_without() {
    let _alone = alone();
    let site = Site::simulated();
    let none = store(&site, &["check"]);
    assert_eq!(none.status.code(), Some(2), "{}", words(&none));
    let engine = site.ready("engine");
    let check = store(&site, &["--json", "check"]);
    assert_eq!(check.status.code(), Some(0), "{}{}", told(&check), words(&check));
    let report: Value = serde_json::from_str(&told(&check)).unwrap();
    assert!(report["sound"] == true && report["engine_runs"] == true && report["outcomes"] == 0, "{report}");
    let backup = site.path("backup").to_string_lossy().into_owned();
    let made = store(&site, &["backup", &backup]);
    assert!(made.status.success() && told(&made).contains("keys"), "{}", words(&made));
    let again = store(&site, &["backup", &backup]);
    assert_eq!(again.status.code(), Some(2), "{}", words(&again));
    let busy = store(&site, &["restore", &backup, "--replace"]);
    assert!(busy.status.code() == Some(3) && words(&busy).contains("another engine"), "{}", words(&busy));
    engine.stop(crate::site::STOP_WITHIN);
    let present = store(&site, &["restore", &backup]);
    assert!(present.status.code() == Some(2) && words(&present).contains("--replace"), "{}", words(&present));
    let restored = store(&site, &["restore", &backup, "--replace"]);
    assert!(restored.status.success() && told(&restored).contains("replaced-"), "{}", words(&restored));
    drop(site.ready("engine"));
    let check = store(&site, &["check"]);
    assert!(check.status.success() && told(&check).contains("gap"), "{}", told(&check));
}

#[test]
fn a_damaged_store_is_refused_with_the_command_that_helps_and_goes_on_after_it() {
    let _alone = alone();
    let site = Site::simulated();
    drop(site.ready("engine"));
    let sound = store(&site, &["rescue"]);
    assert_eq!(sound.status.code(), Some(2), "{}", words(&sound));
    // The journal of the killed engine is written back first.
    drop(carded::store::Store::open(&site.path("state")).unwrap());
    let file = site.path("state").join("store.db");
    let mut bytes = fs::read(&file).unwrap();
    bytes[8192..].fill(0xa5);
    fs::write(&file, &bytes).unwrap();
    let refused = site.command("engine").output().unwrap();
    assert_eq!(refused.status.code(), Some(3), "{}", words(&refused));
    assert!(words(&refused).contains("carded store rescue"), "{}", words(&refused));
    let check = store(&site, &["check"]);
    assert!(check.status.code() == Some(1) && told(&check).contains("NOT"), "{}{}", told(&check), words(&check));
    assert_eq!(fs::read(&file).unwrap(), bytes, "it was left as it is");
    let rescued = store(&site, &["rescue"]);
    assert!(rescued.status.success() && told(&rescued).contains("damaged-"), "{}{}", told(&rescued), words(&rescued));
    drop(site.ready("engine"));
    assert!(store(&site, &["check"]).status.success());
}

#[test]
fn commands_say_what_is_not_examined_what_comes_back_and_why_a_kept_audit_entry_is_gone() {
    let site = Site::simulated();
    let state = site.path("state");
    let count = |note: u32| {
        let mut opened = carded::store::Store::open(&state).unwrap();
        let (actor, action) = (carded::store::Actor::Engine, carded::store::AuditAction::EngineStarted);
        let entry = carded::store::AuditEntry { at: jiff::Timestamp::now(), actor, action, session: None };
        (0..note).for_each(|_| opened.audit(&entry).unwrap());
    };
    count(2);
    let backup = site.path("backup").to_string_lossy().into_owned();
    assert!(store(&site, &["backup", &backup]).status.success());
    count(3);
    let verified = site.told("audit", &["verify"]);
    let head = format!("{}:{}", verified["head"]["sequence"], verified["head"]["hash"].as_str().unwrap());
    assert_eq!(site.told("audit", &["verify", "--head", &head])["holds"], true);
    let restored = site.told("store", &["restore", &backup, "--replace"]);
    let nothing: [Value; 0] = [];
    assert_eq!(
        restored["since"],
        serde_json::json!({ "known": true, "redacted": nothing, "keys": nothing, "staff": nothing })
    );
    count(3);
    let (status, told, _) = site.operate("audit", &["verify", "--head", &head]);
    assert_eq!(
        (status, &told["holds"], &told["left_out"]["reason"]),
        (Some(1), &Value::from(false), &"restored".into())
    );
    assert!(told["why"].as_str().unwrap().contains("a backup was restored at"), "{told}");
    // A database that holds nothing is not called sound.
    for file in ["store.db", "store.db-wal", "store.db-shm"] {
        let _ = fs::remove_file(state.join(file));
    }
    fs::write(state.join("store.db"), "").unwrap();
    let check = store(&site, &["check"]);
    assert!(check.status.code() == Some(1) && is_called_empty(&check), "{}", self::told(&check));
    let refused = store(&site, &["backup", &format!("{backup}-2")]);
    assert!(refused.status.code() == Some(2) && words(&refused).contains("is empty"), "{}", words(&refused));
}

fn is_called_empty(check: &Output) -> bool {
    told(check).contains("is empty") && told(check).contains("was NOT examined")
}
