//! Checks, backups and restores: what is found, what is refused, and that nothing that was decided is decided again.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::*;
use crate::store::{BackupManifest, GapReason, KeyError, attestation, backup, check, restore};

fn modes(folder: &Path) -> Vec<u32> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().mode() & 0o7777);
    files.collect()
}

/// A store with verified sessions, and a backup of it beside.
fn backed_up(sessions: usize) -> (TempDir, Store, std::path::PathBuf) {
    let (folder, mut store) = fresh();
    for _ in 0..sessions {
        verify_one(&mut store);
    }
    let into = folder.path().join("backup");
    backup(folder.path(), &into, now()).unwrap();
    (folder, store, into)
}

#[test]
fn a_store_is_checked_stopped_and_beside_its_engine_and_is_left_as_it_is() {
    let (folder, mut store) = fresh();
    for _ in 0..3 {
        verify_one(&mut store);
    }
    let beside = check(folder.path()).unwrap();
    assert!(beside.engine_runs && beside.faults.is_empty(), "{beside:?}");
    assert_eq!((beside.outcomes, beside.audit_entries), (Some(3), Some(4)));
    assert_eq!(beside.outbox.map(|outbox| outbox.waiting), Some(6));
    assert_eq!(beside.device.as_deref(), Some(store.device()));
    // The engine goes on beside it.
    verify_one(&mut store);
    drop(store);
    let file = folder.path().join("store.db");
    let before = std::fs::read(&file).unwrap();
    let stopped = check(folder.path()).unwrap();
    assert!(!stopped.engine_runs && stopped.faults.is_empty(), "{stopped:?}");
    assert_eq!((stopped.outcomes, stopped.gaps.len()), (Some(4), 0));
    assert_eq!(std::fs::read(&file).unwrap(), before);
    assert_eq!(Store::open(folder.path()).unwrap().verify_outcomes().unwrap(), 4);
}

#[test]
fn a_check_finds_damaged_pages_broken_chains_and_other_keys() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(check(&folder.path().join("none")), Err(StoreError::NoStore(_))));
    assert!(!folder.path().join("none").exists(), "a look makes nothing");
    let (folder, mut store) = fresh();
    for _ in 0..5 {
        verify_one(&mut store);
    }
    drop(store);
    let file = folder.path().join("store.db");
    let whole = std::fs::read(&file).unwrap();
    let faults = || check(folder.path()).unwrap().faults;
    for change in [|bytes: &mut Vec<u8>| bytes[..16].fill(b'x'), |bytes: &mut Vec<u8>| bytes[8192..].fill(0xa5)] {
        let mut bytes = whole.clone();
        change(&mut bytes);
        std::fs::write(&file, &bytes).unwrap();
        assert!(matches!(faults()[0], StoreError::Corrupt { .. }));
        assert_eq!(std::fs::read(&file).unwrap(), bytes);
    }
    std::fs::write(&file, &whole).unwrap();
    let key = folder.path().join("device.key");
    let bytes = std::fs::read(&key).unwrap();
    std::fs::write(&key, [9; 32]).unwrap();
    assert!(matches!(faults()[..], [StoreError::Keys(KeyError::Other(_))]));
    std::fs::write(&key, bytes).unwrap();
    tamperer(&folder).execute_batch("DROP TRIGGER outcome_stays; UPDATE outcome SET livemode = 1").unwrap();
    assert!(matches!(faults()[..], [StoreError::Chain(_)]));
    tamperer(&folder).execute_batch("DROP TABLE clock_step; DROP TABLE audit").unwrap();
    assert!(faults().iter().any(|fault| matches!(fault, StoreError::Corrupt { .. })));
}

#[test]
fn a_backup_beside_the_engine_is_whole_private_and_restores_to_the_same_device() {
    let (folder, mut store, into) = backed_up(3);
    assert_eq!(into.metadata().unwrap().mode() & 0o7777, 0o700);
    assert_eq!(modes(&into), [0o600; 4]);
    let text = std::fs::read_to_string(into.join("manifest.json")).unwrap();
    let manifest: BackupManifest = serde_json::from_str(&text).unwrap();
    assert_eq!((manifest.outcomes, manifest.device.as_str()), (3, store.device()));
    assert!(matches!(backup(folder.path(), &into, now()), Err(StoreError::BackupExists(_))));
    // Nothing else is left behind, and the engine goes on.
    verify_one(&mut store);
    let elsewhere = tempfile::tempdir().unwrap();
    let state = elsewhere.path().join("state");
    let restored = restore(&state, &into, false, now()).unwrap();
    assert_eq!((restored.set_aside, restored.waiting), (None, 6));
    let second = Store::open(&state).unwrap();
    assert_eq!((second.device(), second.public_key()), (store.device(), store.public_key()));
    assert_eq!(second.verify_outcomes().unwrap(), 3);
    assert!(modes(&state).iter().all(|mode| [0o600, 0o700].contains(mode)), "{:?}", modes(&state));
}

#[test]
fn a_restored_device_never_signs_a_number_again_and_names_where_it_went_on() {
    let (folder, mut store, into) = backed_up(2);
    let (_, last) = verify_one(&mut store);
    let lost = last.outcome.unwrap();
    assert_eq!(lost.sequence, 3);
    drop(store);
    assert!(matches!(restore(folder.path(), &into, false, now()), Err(StoreError::Present(_))));
    assert_eq!(Store::open(folder.path()).unwrap().verify_outcomes().unwrap(), 3, "nothing was changed");

    // Beyond all that is in the store.
    let clock = Timestamp::now() + SignedDuration::from_secs(60);
    let mut numbers = vec![lost.sequence];
    for again in 0..3 {
        // Where the store that is there cannot be read, time alone keeps the numbers apart.
        if again == 2 {
            std::fs::write(folder.path().join("store.db"), "x").unwrap();
        }
        let restored = restore(folder.path(), &into, true, clock + SignedDuration::from_secs(again * 10)).unwrap();
        assert!(restored.set_aside.unwrap().join("store.db").exists());
        let mut store = Store::open(folder.path()).unwrap();
        let next = verify_one(&mut store).1.outcome.unwrap();
        assert!(numbers.iter().all(|number| *number < next.sequence), "{numbers:?} {}", next.sequence);
        assert_eq!(next.sequence, restored.next_outcome.unsigned_abs());
        numbers.push(next.sequence);
        // Its first outcome names the last one of the backup, for a receiver to see.
        let payload = attestation::verify(&next.attestation, &store.public_key()).unwrap();
        let second: String =
            store.connection.query_row("SELECT jws FROM outcome WHERE sequence = 2", [], |row| row.get(0)).unwrap();
        assert_eq!(payload["previous_hash"].as_str(), Some(attestation::hash(&second).as_str()));
        assert_eq!(store.verify_outcomes().unwrap(), 3);
        store.verify_audit().unwrap();
        drop(store);
        let gaps = check(folder.path()).unwrap().gaps;
        assert_eq!((gaps.len(), gaps[0].last_before, gaps[0].reason), (2, 2, GapReason::Restored));
    }
}

#[test]
fn a_restore_before_the_first_outcome_and_two_without_one_between_hold_as_well() {
    let (folder, store, into) = backed_up(0);
    drop(store);
    restore(folder.path(), &into, true, now()).unwrap();
    let second = folder.path().join("second");
    backup(folder.path(), &second, now()).unwrap();
    restore(folder.path(), &second, true, later(9)).unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    assert_eq!(store.verify_outcomes().unwrap(), 0);
    let first = verify_one(&mut store).1.outcome.unwrap();
    let payload = attestation::verify(&first.attestation, &store.public_key()).unwrap();
    assert!(payload["previous_hash"].is_null() && first.sequence > 1_000_000);
    assert_eq!(store.verify_outcomes().unwrap(), 1);
    assert_eq!(check(folder.path()).unwrap().gaps.len(), 4, "of outcomes and of audit entries");
}

#[test]
fn a_session_that_was_open_in_the_backup_is_cancelled_and_no_event_tells_of_it() {
    let (folder, mut store) = fresh();
    let open = record(SessionState::AwaitingFace);
    store.create_session(&open).unwrap();
    let into = folder.path().join("backup");
    backup(folder.path(), &into, now()).unwrap();
    // It ends after the backup, and the shop hears of it.
    end(&mut store, &open, Some(&evidence()), &two_bodies).unwrap();
    drop(store);
    let restored = restore(folder.path(), &into, true, now()).unwrap();
    assert_eq!((restored.canceled.as_slice(), restored.waiting), ([open.id.clone()].as_slice(), 0));
    let store = Store::open(folder.path()).unwrap();
    assert!(store.open_sessions().unwrap().is_empty());
    assert_eq!((count(&store, "outbox"), count(&store, "outcome")), (0, 0));
}

#[test]
fn a_backup_that_was_altered_cut_or_is_of_a_newer_program_is_refused_and_nothing_is_touched() {
    let (folder, store, into) = backed_up(2);
    assert!(matches!(restore(folder.path(), &into, true, now()), Err(StoreError::InUse(_))), "an engine runs");
    drop(store);
    let before = std::fs::read(folder.path().join("store.db")).unwrap();
    for name in ["store.db", "device.key", "anchor.key", "manifest.json"] {
        let file = into.join(name);
        let bytes = std::fs::read(&file).unwrap();
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 1;
        for altered in [flipped, bytes[..bytes.len() - 1].to_vec()] {
            std::fs::write(&file, altered).unwrap();
            let refused = restore(folder.path(), &into, true, now());
            assert!(matches!(refused, Err(StoreError::BackupAltered(..))), "{name}: {refused:?}");
        }
        std::fs::write(&file, bytes).unwrap();
    }
    let manifest = into.join("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let newer = text.replace(&format!("\"schema\": {}", crate::store::schema::known()), "\"schema\": 99");
    assert_ne!(newer, text);
    std::fs::write(&manifest, newer).unwrap();
    assert!(matches!(restore(folder.path(), &into, true, now()), Err(StoreError::Newer { found: 99, .. })));
    assert_eq!(std::fs::read(folder.path().join("store.db")).unwrap(), before);
    assert!(!folder.path().join("incoming").exists());
    assert_eq!(Store::open(folder.path()).unwrap().verify_outcomes().unwrap(), 2);
}

#[test]
fn a_damaged_store_is_not_backed_up() {
    let (folder, mut store) = fresh();
    for _ in 0..5 {
        verify_one(&mut store);
    }
    drop(store);
    let file = folder.path().join("store.db");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[8192..].fill(0xa5);
    std::fs::write(&file, bytes).unwrap();
    let into = folder.path().join("backup");
    assert!(matches!(backup(folder.path(), &into, now()), Err(StoreError::Corrupt { .. })));
    let mut left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.retain(|name| name.to_string_lossy().contains("backup"));
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_replacement_that_a_power_cut_broke_off_anywhere_is_finished_by_the_next_start() {
    let (folder, mut store, into) = backed_up(2);
    verify_one(&mut store);
    drop(store);
    let old: Vec<(String, Vec<u8>)> = ["store.db", "device.key", "anchor.key", "device.pub"]
        .map(|name| (name.to_owned(), std::fs::read(folder.path().join(name)).unwrap()))
        .into();
    // Everything up to the marker, as the restore leaves it; then every number of the moves that follow.
    let names =
        ["store.db-wal", "store.db-shm", "store.db-journal", "store.db", "device.key", "anchor.key", "device.pub"];
    for (aside_moves, placed_moves) in (0..=7).map(|moves| (moves, 0)).chain((0..=7).map(|moves| (7, moves))) {
        let cut = tempfile::tempdir().unwrap();
        let state = cut.path();
        std::fs::set_permissions(state, PermissionsExt::from_mode(0o700)).unwrap();
        for (name, bytes) in &old {
            std::fs::write(state.join(name), bytes).unwrap();
            std::fs::set_permissions(state.join(name), PermissionsExt::from_mode(0o600)).unwrap();
        }
        let (incoming, aside) = (state.join("incoming"), state.join("replaced-20261122T120000Z"));
        std::fs::create_dir(&incoming).unwrap();
        std::fs::create_dir(&aside).unwrap();
        for name in ["store.db", "device.key", "anchor.key"] {
            std::fs::copy(into.join(name), incoming.join(name)).unwrap();
        }
        let marker = if placed_moves == 0 && aside_moves < 7 { "replacing" } else { "placing" };
        std::fs::write(state.join(marker), "replaced-20261122T120000Z").unwrap();
        let go = |from: &Path, to: &Path, moves: usize| {
            for name in &names[..moves] {
                let _ = std::fs::rename(from.join(name), to.join(name));
            }
        };
        go(state, &aside, aside_moves);
        go(&incoming, state, placed_moves);
        let store = Store::open(state).unwrap();
        assert_eq!(store.verify_outcomes().unwrap(), 2, "{aside_moves} {placed_moves}");
        for (name, bytes) in &old {
            assert_eq!(&std::fs::read(aside.join(name)).unwrap(), bytes, "{name} {aside_moves} {placed_moves}");
        }
        assert!(!incoming.exists() && !state.join("placing").exists() && !state.join("replacing").exists());
    }
}
