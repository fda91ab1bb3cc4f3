//! Rotation of the device's key, and keys that are credentials: what signs, what opens, and what is left where.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;
use crate::compliance::{Jurisdiction, UseCase};
use crate::store::{
    KeyError, KeyPlaces, SealError, SealOrder, abandon_rotation, backup, begin_rotation, check, finish_rotation,
    rescue, restore, seal_keys, show_keys,
};

fn read(folder: &TempDir, name: &str) -> Option<String> {
    std::fs::read_to_string(folder.path().join(name)).ok()
}

fn signer(finished: &Finished) -> String {
    use base64::Engine;
    let jws = &finished.outcome.as_ref().unwrap().attestation;
    let header = jws.split('.').next().unwrap();
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header).unwrap();
    serde_json::from_slice::<serde_json::Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

/// A store whose key was rotated so often, with one outcome by each key.
fn rotated(times: usize) -> TempDir {
    let (folder, mut store) = fresh();
    verify_one(&mut store);
    drop(store);
    for _ in 0..times {
        begin_rotation(folder.path()).unwrap();
        finish_rotation(folder.path(), now()).unwrap();
        verify_one(&mut Store::open(folder.path()).unwrap());
    }
    folder
}

#[test]
fn the_next_key_is_published_beforehand_and_signs_nothing_until_it_takes_over() {
    let (folder, mut store) = fresh();
    let old = signer(&verify_one(&mut store).1);
    // Beside the engine.
    let begun = begin_rotation(folder.path()).unwrap();
    assert_eq!(begin_rotation(folder.path()).unwrap(), begun, "once");
    let next = begun.next.unwrap();
    assert_eq!((read(&folder, "device.next.pub"), begun.since_sequence), (Some(next.public_key.clone()), 1));
    assert_eq!(signer(&verify_one(&mut store).1), old);
    assert!(matches!(finish_rotation(folder.path(), now()), Err(StoreError::InUse(_))));
    drop(store);
    let old_bytes = std::fs::read(folder.path().join("device.key")).unwrap();
    let (handover, shown) = finish_rotation(folder.path(), now()).unwrap();
    assert_eq!((handover.first_sequence, handover.old_key_id, &handover.new_key_id), (3, old, &next.key_id));
    assert_eq!((shown.since_sequence, shown.next, &shown.key.key_id), (3, None, &next.key_id));
    assert_eq!(read(&folder, "device.pub"), Some(next.public_key));
    assert_eq!(read(&folder, "device.handover").as_ref(), shown.handovers.first());
    assert!(read(&folder, "device.next.pub").is_none() && !folder.path().join("device.key.next").exists());
    assert_ne!(std::fs::read(folder.path().join("device.key")).unwrap(), old_bytes);
    let mut store = Store::open(folder.path()).unwrap();
    assert_eq!(signer(&verify_one(&mut store).1), next.key_id);
    assert_eq!(store.verify_outcomes().unwrap(), 3);
    store.verify_audit().unwrap();
    drop(store);
    assert!(matches!(finish_rotation(folder.path(), now()), Err(StoreError::Keys(KeyError::NoNext))));
    assert!(check(folder.path()).unwrap().faults.is_empty());
}

#[test]
fn a_rotation_is_dropped_and_another_begun() {
    let (folder, store) = fresh();
    drop(store);
    assert!(matches!(abandon_rotation(folder.path()), Err(StoreError::Keys(KeyError::NoNext))));
    let first = begin_rotation(folder.path()).unwrap();
    let dropped = abandon_rotation(folder.path()).unwrap();
    assert_eq!((dropped.next, dropped.key), (None, first.key));
    assert!(read(&folder, "device.next.pub").is_none());
    assert_ne!(begin_rotation(folder.path()).unwrap().next, first.next);
}

#[test]
fn a_rotation_that_is_cut_off_anywhere_leaves_a_store_that_opens_with_one_key() {
    let path = |folder: &TempDir, name: &str| folder.path().join(name);
    // After the commit, in the order of what follows: nothing yet, the old key overwritten, it is gone, the new one in place.
    for step in 0..4 {
        let (folder, mut store) = fresh();
        verify_one(&mut store);
        drop(store);
        begin_rotation(folder.path()).unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        let places = KeyPlaces::from(folder.path());
        let handover = store.hand_over(&places, now()).unwrap();
        drop(store);
        match step {
            1 => std::fs::write(path(&folder, "device.key"), [0; 32]).unwrap(),
            2 => std::fs::remove_file(path(&folder, "device.key")).unwrap(),
            3 => std::fs::rename(path(&folder, "device.key.next"), path(&folder, "device.key")).unwrap(),
            _ => {}
        }
        // Whoever looks first sees the new key, and whoever would drop it is told that there is none.
        assert_eq!(show_keys(folder.path()).unwrap().key.key_id, handover.new_key_id, "{step}");
        assert!(check(folder.path()).unwrap().faults.is_empty(), "{step}");
        assert!(abandon_rotation(folder.path()).is_err(), "{step}");
        let mut store = Store::open(folder.path()).unwrap();
        assert_eq!(signer(&verify_one(&mut store).1), handover.new_key_id);
        assert_eq!(store.verify_outcomes().unwrap(), 2);
        assert!(path(&folder, "device.key").exists() && !path(&folder, "device.key.next").exists(), "{step}");
        assert_eq!(read(&folder, "device.pub").unwrap(), store.public_key().text());
    }
    // Before it: a draft, or the next key without its public part.
    let (folder, store) = fresh();
    drop(store);
    std::fs::write(path(&folder, "device.key.next.new"), b"half").unwrap();
    drop(Store::open(folder.path()).unwrap());
    let next = begin_rotation(folder.path()).unwrap().next.unwrap();
    std::fs::remove_file(path(&folder, "device.next.pub")).unwrap();
    drop(Store::open(folder.path()).unwrap());
    assert_eq!(read(&folder, "device.next.pub"), Some(next.public_key));
}

#[test]
fn a_handover_that_was_altered_or_is_by_other_keys_is_found() {
    let folder = rotated(2);
    let triggers = "DROP TRIGGER handover_stays; DROP TRIGGER handover_is_kept;";
    tamperer(&folder).execute_batch(triggers).unwrap();
    let whole = std::fs::read(folder.path().join("store.db")).unwrap();
    for change in [
        "UPDATE handover SET first_sequence = first_sequence + 1 WHERE number = 1",
        "UPDATE handover SET by_old = by_new",
        "UPDATE handover SET by_new = by_old",
        "UPDATE handover SET old_key_id = replace(old_key_id, substr(old_key_id, 1, 1), '_')",
        "DELETE FROM handover WHERE number = 2",
    ] {
        std::fs::write(folder.path().join("store.db"), &whole).unwrap();
        tamperer(&folder).execute_batch(change).unwrap();
        assert!(matches!(Store::open(folder.path()), Err(StoreError::Corrupt { .. })), "{change}");
        assert!(!check(folder.path()).unwrap().faults.is_empty(), "{change}");
    }
    // Without the first one the outcomes before it are by a key that nobody knows.
    std::fs::write(folder.path().join("store.db"), &whole).unwrap();
    tamperer(&folder).execute_batch("DELETE FROM handover WHERE number = 1").unwrap();
    assert!(matches!(Store::open(folder.path()).unwrap().verify_outcomes(), Err(StoreError::Chain(_))));
}

#[test]
fn a_rescue_keeps_the_outcomes_of_every_key_and_finds_the_key_in_use() {
    let folder = rotated(2);
    let keys = show_keys(folder.path()).unwrap();
    tamperer(&folder).execute_batch("PRAGMA wal_checkpoint(TRUNCATE); DROP TABLE clock_step").unwrap();
    tamperer(&folder).execute_batch("DROP TABLE staff_refusal").unwrap();
    let place: Jurisdiction = "US-CA".parse().unwrap();
    tamperer(&folder)
        .execute_batch(
            "DROP TRIGGER outcome_is_kept; PRAGMA foreign_keys = OFF; DELETE FROM outcome WHERE sequence = 2",
        )
        .unwrap();
    let rescued = rescue(folder.path(), (UseCase::AlcoholInPerson, &place), later(60)).unwrap();
    assert_eq!((rescued.tables["outcome"].rows, rescued.tables["handover"].rows), (2, 2), "{rescued:?}");
    let mut store = Store::open(folder.path()).unwrap();
    assert_eq!((store.verify_outcomes().unwrap(), store.public_key().key_id()), (2, keys.key.key_id));
    verify_one(&mut store);
    assert_eq!(store.verify_outcomes().unwrap(), 3);
}

#[test]
fn a_backup_carries_handovers_and_the_next_key_and_one_from_before_a_rotation_says_so() {
    let folder = rotated(1);
    let (elsewhere, before) = (tempfile::tempdir().unwrap(), show_keys(folder.path()).unwrap());
    let begun = begin_rotation(folder.path()).unwrap();
    let into = folder.path().join("backup");
    backup(folder.path(), &into, now()).unwrap();
    let state = elsewhere.path().join("state");
    let restored = restore(&state, &into, false, now()).unwrap();
    assert_eq!((&restored.key_id, restored.key_before), (&before.key.key_id, None));
    let shown = show_keys(&state).unwrap();
    assert_eq!((shown.handovers, shown.next.unwrap().key_id), (before.handovers, begun.next.unwrap().key_id));
    assert_eq!(Store::open(&state).unwrap().verify_outcomes().unwrap(), 2);
    // The rotation is finished, and then the backup comes back: its key signs again, and whoever restored is told.
    let (handover, _) = finish_rotation(folder.path(), now()).unwrap();
    let restored = restore(folder.path(), &into, true, later(9)).unwrap();
    assert_eq!((restored.key_id, restored.key_before), (handover.old_key_id.clone(), Some(handover.new_key_id)));
    let mut store = Store::open(folder.path()).unwrap();
    assert_eq!(signer(&verify_one(&mut store).1), handover.old_key_id);
    assert_eq!(store.verify_outcomes().unwrap(), 3);
}

/// A folder as systemd lends it, with the keys of a store that are in its folder; these are gone there then.
fn lent(state: &Path) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["device.key", "anchor.key", "device.key.next"] {
        if std::fs::rename(state.join(name), folder.path().join(name)).is_ok() {
            std::fs::set_permissions(folder.path().join(name), PermissionsExt::from_mode(0o400)).unwrap();
        }
    }
    folder
}

#[test]
fn with_credentials_the_same_device_goes_on_rotates_and_leaves_no_key_in_its_folder_or_backups() {
    let (folder, mut store) = fresh();
    verify_one(&mut store);
    drop(store);
    begin_rotation(folder.path()).unwrap();
    let lent = lent(folder.path());
    let places = KeyPlaces::new(folder.path(), Some(lent.path()));
    assert!(matches!(Store::open(folder.path()), Err(StoreError::Keys(KeyError::Missing(_)))));
    let plain = || {
        std::fs::read_dir(folder.path())
            .unwrap()
            .filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().contains(".key"))
            .count()
    };
    verify_one(&mut Store::open(places.clone()).unwrap());
    assert!(matches!(abandon_rotation(places.clone()), Err(StoreError::Keys(KeyError::InCredentials(_)))));
    let (handover, shown) = finish_rotation(places.clone(), now()).unwrap();
    assert!(shown.key.is_credential && shown.key.path.ends_with("device.key.next"));
    let mut store = Store::open(places.clone()).unwrap();
    assert_eq!(signer(&verify_one(&mut store).1), handover.new_key_id);
    assert_eq!((store.verify_outcomes().unwrap(), plain()), (3, 0));
    drop(store);
    let into = folder.path().join("backup");
    let manifest = backup(places.clone(), &into, now()).unwrap();
    assert_eq!(manifest.files.keys().collect::<Vec<_>>(), ["store.db"]);
    assert!(matches!(restore(folder.path(), &into, true, now()), Err(StoreError::BackupWithoutKeys(_))));
    restore(places.clone(), &into, true, now()).unwrap();
    assert_eq!(Store::open(places.clone()).unwrap().verify_outcomes().unwrap(), 3);
    // The database is gone, and what was published says that there was one.
    std::fs::remove_file(folder.path().join("store.db")).unwrap();
    assert!(matches!(Store::open(places.clone()), Err(StoreError::DatabaseMissing(_))));
    // In an empty folder a new device begins.
    let empty = tempfile::tempdir().unwrap();
    let store = Store::open(KeyPlaces::new(empty.path(), Some(lent.path()))).unwrap();
    assert_eq!(store.verify_audit().unwrap(), 1);
}

/// Whether this machine's systemd-creds seals anything.
fn can_seal() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let order = SealOrder {
        into: &folder.path().join("to"),
        next: false,
        replace: false,
        remove_files: false,
        with_key: "auto",
    };
    match seal_keys(&folder.path().join("state"), order) {
        Ok(_) => true,
        Err(error) => {
            #[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
            {
                eprintln!("skipped: {error}");
            }
            false
        }
    }
}

#[test]
fn keys_are_sealed_by_the_real_systemd_creds_proved_and_only_then_removed() {
    if !can_seal() {
        return;
    }
    let (folder, store) = fresh();
    let public = store.public_key();
    let into = folder.path().join("sealed");
    let order = SealOrder { into: &into, next: false, replace: false, remove_files: false, with_key: "auto" };
    assert!(matches!(seal_keys(folder.path(), order), Err(SealError::Store(StoreError::InUse(_)))));
    drop(store);
    let bytes = std::fs::read(folder.path().join("device.key")).unwrap();
    let sealed = seal_keys(folder.path(), order).unwrap();
    assert_eq!(sealed.iter().map(|sealed| sealed.name).collect::<Vec<_>>(), ["device.key", "anchor.key"]);
    assert!(folder.path().join("device.key").exists(), "nobody said that it should go");
    assert!(matches!(seal_keys(folder.path(), order), Err(SealError::Exists(_))));
    let removed = seal_keys(folder.path(), SealOrder { replace: true, remove_files: true, ..order }).unwrap();
    assert!(removed.iter().all(|sealed| sealed.removed.as_ref().is_some_and(|plain| !plain.exists())));
    // As systemd does it for the service.
    let lent = tempfile::tempdir().unwrap();
    for sealed in &removed {
        assert!(!std::fs::read(&sealed.file).unwrap().windows(32).any(|window| window == bytes));
        let to = lent.path().join(sealed.name);
        let opened = std::process::Command::new("systemd-creds")
            .args(["decrypt", &format!("--name={}", sealed.name)])
            .args([&sealed.file, &to])
            .status();
        assert!(opened.unwrap().success());
        std::fs::set_permissions(&to, PermissionsExt::from_mode(0o400)).unwrap();
    }
    let places = KeyPlaces::new(folder.path(), Some(lent.path()));
    assert_eq!(Store::open(places.clone()).unwrap().public_key(), public);
    // A next key, which is sealed alone, and one that is refused because there is none.
    let next = SealOrder { next: true, remove_files: true, ..order };
    assert!(matches!(seal_keys(places.clone(), next), Err(SealError::Store(StoreError::Keys(KeyError::NoNext)))));
    begin_rotation(places.clone()).unwrap();
    assert_eq!(seal_keys(places, next).unwrap()[0].name, "device.key.next");
    assert!(!folder.path().join("device.key.next").exists());
}

#[test]
fn the_migration_of_handovers_constrains_them_and_keeps_them() {
    let folder = rotated(1);
    let connection = tamperer(&folder);
    for change in ["UPDATE handover SET at = 1", "DELETE FROM handover"] {
        assert!(connection.execute(change, []).is_err(), "{change}");
    }
    let row = "INSERT INTO handover VALUES (?1, ?2, ?3, ?4, 5, 'a.b.c', 'a.b.c')";
    let (a, b) = ("a".repeat(43), "b".repeat(43));
    for (number, old, new, first) in [(0, &a, &b, 1), (2, &a, &a, 1), (2, &a, &b, 0)] {
        assert!(connection.execute(row, (number, old, new, first)).is_err(), "{number} {first}");
    }
}
