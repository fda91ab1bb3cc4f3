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
