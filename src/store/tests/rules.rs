//! The rule tables that were installed.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use super::*;
use crate::compliance::{Held, HeldBundles, MAX_BUNDLE_BYTES};

fn held(current: Option<&str>, previous: Option<&str>) -> HeldBundles {
    let of = |text: Option<&str>| text.map_or(Held::Absent, |text| Held::Bytes(text.as_bytes().to_vec()));
    HeldBundles { current: of(current), previous: of(previous) }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn noted(folder: &Path) -> Vec<(String, String)> {
    let database = Connection::open(folder.join("store.db")).unwrap();
    let mut rows =
        database.prepare("SELECT actor, action FROM audit WHERE action GLOB 'rules_*' ORDER BY sequence").unwrap();
    rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_table_is_installed_over_another_and_rolled_back_to_it_and_then_to_none_and_each_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    assert_eq!(store.installed_rules(), held(None, None));
    assert!(matches!(store.roll_back_rules(later(0)), Err(StoreError::Missing)));
    store.install_rules(b"a", true, later(1)).unwrap();
    assert_eq!(store.installed_rules(), held(Some("a"), None));
    store.install_rules(b"b", true, later(2)).unwrap();
    assert_eq!(store.installed_rules(), held(Some("b"), Some("a")));
    store.install_rules(b"c", true, later(3)).unwrap();
    assert_eq!(store.installed_rules(), held(Some("c"), Some("b")));
    let rules = folder.path().join("rules");
    assert_eq!(names(&rules), ["current.json", "previous.json"], "nothing else is left behind");
    assert_eq!(rules.metadata().unwrap().mode() & 0o777, 0o700);
    assert_eq!(rules.join("current.json").metadata().unwrap().mode() & 0o777, 0o600);
    store.roll_back_rules(later(4)).unwrap();
    assert_eq!(store.installed_rules(), held(Some("b"), None));
    store.roll_back_rules(later(5)).unwrap();
    assert_eq!(store.installed_rules(), held(None, None));
    assert!(matches!(store.roll_back_rules(later(6)), Err(StoreError::Missing)));
    drop(store);
    let of = |action: &str, times| vec![("operator".to_owned(), format!("rules_{action}")); times];
    assert_eq!(noted(folder.path()), [of("installed", 3), of("rolled_back", 2)].concat());
    Store::open(folder.path()).unwrap();
}

#[test]
fn a_table_that_is_no_good_is_not_kept_in_the_place_of_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    store.install_rules(b"a", true, later(1)).unwrap();
    store.install_rules(b"b", true, later(2)).unwrap();
    store.install_rules(b"c", false, later(3)).unwrap();
    assert_eq!(store.installed_rules(), held(Some("c"), Some("a")));
}

/// The steps of an installation, in their order: a power cut may come after each.
#[test]
fn an_installation_that_is_cut_off_anywhere_leaves_a_table_that_was_installed_and_is_done_again() {
    let cut_after: [&dyn Fn(&Path); 5] = [
        &|rules| fs::write(rules.join("previous.json.new"), b"o").unwrap(),
        &|rules| fs::write(rules.join("previous.json.new"), b"old").unwrap(),
        &|rules| fs::rename(rules.join("previous.json.new"), rules.join("previous.json")).unwrap(),
        &|rules| fs::write(rules.join("current.json.new"), b"ne").unwrap(),
        &|rules| fs::write(rules.join("current.json.new"), b"new").unwrap(),
    ];
    for steps in 1..=cut_after.len() {
        let folder = tempfile::tempdir().unwrap();
        let rules = folder.path().join("rules");
        let mut store = Store::open(folder.path()).unwrap();
        store.install_rules(b"older", true, later(1)).unwrap();
        store.install_rules(b"old", true, later(2)).unwrap();
        cut_after.iter().take(steps).for_each(|cut| cut(&rules));
        let found = store.installed_rules();
        assert_eq!(found.current, held(Some("old"), None).current, "{steps}");
        assert_eq!(found.previous, held(Some(if steps < 3 { "older" } else { "old" }), None).current, "{steps}");
        store.install_rules(b"new", true, later(3)).unwrap();
        assert_eq!(store.installed_rules(), held(Some("new"), Some("old")), "{steps}");
        assert_eq!(names(&rules), ["current.json", "previous.json"], "{steps}");
    }
}

#[test]
fn rolling_back_an_installation_that_was_cut_off_leaves_none_of_the_one_bundle_in_both_places() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    store.install_rules(b"a", true, later(1)).unwrap();
    let rules = folder.path().join("rules");
    fs::copy(rules.join("current.json"), rules.join("previous.json")).unwrap();
    store.roll_back_rules(later(2)).unwrap();
    assert_eq!(store.installed_rules(), held(None, None));
}

#[test]
fn what_cannot_be_written_changes_nothing_and_is_not_noted() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    // No folder can be made where a file is.
    fs::write(folder.path().join("rules"), b"").unwrap();
    assert!(store.install_rules(b"a", true, later(1)).is_err());
    drop(store);
    assert_eq!(noted(folder.path()), []);
}

#[test]
fn a_link_a_folder_and_a_file_without_end_are_no_tables() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    store.install_rules(b"a", true, later(1)).unwrap();
    let current = folder.path().join("rules/current.json");
    fs::remove_file(&current).unwrap();
    symlink("/dev/zero", &current).unwrap();
    assert!(matches!(store.installed_rules().current, Held::Unreadable(_)));
    fs::remove_file(&current).unwrap();
    fs::create_dir(&current).unwrap();
    assert!(matches!(store.installed_rules().current, Held::Unreadable(_)));
    fs::remove_dir(&current).unwrap();
    fs::write(&current, vec![b' '; MAX_BUNDLE_BYTES + 100]).unwrap();
    assert!(matches!(store.installed_rules().current, Held::Bytes(bytes) if bytes.len() == MAX_BUNDLE_BYTES + 1));
}
