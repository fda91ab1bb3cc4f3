//! Readers, replacements that were broken off, and what a restore knows of what was done after the backup.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rusqlite::OptionalExtension;
use sha2::{Digest, Sha256};

use super::*;
use crate::compliance::{Jurisdiction, UseCase};
use crate::privacy::hexadecimal;
use crate::store::folder::claim_alone;
use crate::store::{
    Actor, AuditReader, BackupManifest, Chain, ChainBreak, GapReason, Restored, backup, check, rescue, restore, schema,
};

fn rescued(state: &Path) -> Result<(), StoreError> {
    let place: Jurisdiction = "US-CA".parse().unwrap();
    rescue(state, (UseCase::AlcoholInPerson, &place), later(60)).map(drop)
}

/// What is done with a store and a backup.
type Command = fn(&Path, &Path) -> Result<(), StoreError>;
/// What is done to a file.
type Spoil = Box<dyn Fn(&Path)>;

/// A store with a verified session, and a backup of it beside.
fn backed_up() -> (TempDir, Store, std::path::PathBuf) {
    let (folder, mut store) = fresh();
    verify_one(&mut store);
    let into = folder.path().join("backup");
    backup(folder.path(), &into, now()).unwrap();
    (folder, store, into)
}

/// Writes a private file.
fn put(file: &Path, bytes: &[u8]) {
    std::fs::write(file, bytes).unwrap();
    std::fs::set_permissions(file, PermissionsExt::from_mode(0o600)).unwrap();
}

#[test]
fn a_reader_keeps_no_engine_from_starting_and_nobody_replaces_what_is_read() {
    let (folder, store, into) = backed_up();
    drop(store);
    let reader = AuditReader::open(folder.path()).unwrap();
    let mut lines = 0;
    let count = reader.each_after(0, |_| -> Result<(), StoreError> {
        lines += 1;
        // In the midst of it an engine starts, works, and reads its own file back.
        let mut store = Store::open(folder.path())?;
        verify_one(&mut store);
        assert!(check(folder.path())?.engine_runs);
        Ok(())
    });
    assert_eq!((count.unwrap(), lines), (2, 2));
    assert!(!check(folder.path()).unwrap().engine_runs);
    assert!(matches!(restore(folder.path(), &into, true, later(9)), Err(StoreError::BeingRead(_))));
    tamperer(&folder).execute_batch("DROP TABLE clock_step").unwrap();
    assert!(matches!(rescued(folder.path()), Err(StoreError::BeingRead(_))));
    drop(reader);
    let alone = claim_alone(folder.path()).unwrap();
    assert!(matches!(AuditReader::open(folder.path()), Err(StoreError::BeingReplaced(_))));
    assert!(matches!(check(folder.path()), Err(StoreError::BeingReplaced(_))));
    assert!(matches!(Store::open(folder.path()), Err(StoreError::InUse(_))));
    drop(alone);
    restore(folder.path(), &into, true, later(9)).unwrap();
    assert!(check(folder.path()).unwrap().faults.is_empty());
}

#[test]
fn an_empty_database_and_one_of_an_older_program_are_not_called_sound_and_not_backed_up() {
    let (folder, store) = fresh();
    drop(store);
    let file = folder.path().join("store.db");
    let into = folder.path().join("backup");
    for (version, empty) in [(None, true), (Some(0), true), (Some(1), false), (Some(10), false)] {
        std::fs::remove_file(&file).unwrap();
        put(&file, b"");
        if let Some(version) = version {
            let mut connection = Connection::open(&file).unwrap();
            connection.pragma_update(None, "journal_mode", "WAL").unwrap();
            connection.execute_batch("CREATE TABLE passing (x); DROP TABLE passing").unwrap();
            schema::MIGRATIONS.to_version(&mut connection, version).unwrap();
        }
        let is_meant = |error: &StoreError| match error {
            StoreError::Empty(state) => empty && state == folder.path(),
            StoreError::Older { found, known } => {
                !empty && Some(*found as usize) == version && *known == schema::known()
            }
            _ => false,
        };
        let report = check(folder.path()).unwrap();
        assert!(matches!(&report.faults[..], [fault] if is_meant(fault)), "{version:?} {report:?}");
        assert!(backup(folder.path(), &into, now()).is_err_and(|error| is_meant(&error)), "{version:?}");
        assert!(AuditReader::open(folder.path()).is_err_and(|error| is_meant(&error)), "{version:?}");
        assert!(!into.exists());
    }
}

#[test]
fn keys_that_a_killed_restore_has_left_are_gone_after_the_next_start_or_command() {
    let (folder, store, into) = backed_up();
    drop(store);
    let state = folder.path();
    let leave = |state: &Path| {
        std::fs::create_dir(state.join("incoming")).unwrap();
        for name in ["store.db", "device.key", "anchor.key"] {
            std::fs::copy(into.join(name), state.join("incoming").join(name)).unwrap();
        }
        put(&state.join("replacing.new"), b"repl");
    };
    let is_clean = |state: &Path| !state.join("incoming").exists() && !state.join("replacing.new").exists();
    leave(state);
    drop(Store::open(state).unwrap());
    assert!(is_clean(state));
    leave(state);
    assert!(check(state).unwrap().faults.is_empty() && is_clean(state));
    // A restore to a new disk: there is no store yet.
    let elsewhere = tempfile::tempdir().unwrap();
    leave(elsewhere.path());
    assert!(matches!(check(elsewhere.path()), Err(StoreError::NoStore(_))) && is_clean(elsewhere.path()));
    // While one is at it, nothing is taken from under it.
    leave(elsewhere.path());
    let alone = claim_alone(elsewhere.path()).unwrap();
    assert!(check(elsewhere.path()).is_err() && !is_clean(elsewhere.path()));
    drop(alone);
}

#[test]
fn after_a_restore_that_was_broken_off_every_command_finishes_it_or_says_what_to_do() {
    let (folder, store, into) = backed_up();
    let state = folder.path();
    drop(store);
    let aside = "replaced-20261122T120000Z";
    let break_off = |marker: &str, says: &str| {
        let _ = std::fs::create_dir(state.join(aside));
        std::fs::create_dir(state.join("incoming")).unwrap();
        for name in ["store.db-wal", "store.db-shm", "store.db", "device.key", "anchor.key", "device.pub"] {
            let _ = std::fs::rename(state.join(name), state.join(aside).join(name));
        }
        for name in ["store.db", "device.key", "anchor.key"] {
            std::fs::copy(into.join(name), state.join("incoming").join(name)).unwrap();
        }
        put(&state.join(marker), says.as_bytes());
    };
    let commands: [Command; 4] = [
        |state, _| check(state).map(drop),
        |state, into| backup(state, &into.with_extension("again"), now()).map(drop),
        |state, _| AuditReader::open(state).map(drop),
        |state, _| Store::open(state).map(drop),
    ];
    for command in commands {
        break_off("placing", aside);
        assert!(Store::is_in(state), "endpoints are told of it");
        command(state, &into).unwrap();
        assert!(check(state).unwrap().faults.is_empty() && !state.join("placing").exists());
    }
    // Nobody is taken for a device without a store, and no file for one that is not whole.
    for (marker, says) in [("placing", ""), ("replacing", "../elsewhere"), ("placing", "damaged-none")] {
        break_off(marker, says);
        let refusals = [rescued(state), restore(state, &into, true, now()).map(drop)];
        for refused in commands.map(|command| command(state, &into)).into_iter().chain(refusals) {
            let error = refused.unwrap_err();
            assert!(matches!(&error, StoreError::BrokenOff(of) if of == state), "{error:?}");
        }
        std::fs::write(state.join(marker), aside).unwrap();
        drop(Store::open(state).unwrap());
    }
}

#[test]
fn two_restores_of_one_backup_by_one_clock_go_on_with_different_numbers() {
    let (_folder, store, into) = backed_up();
    drop(store);
    for at in [now(), Timestamp::now() + SignedDuration::from_secs(60)] {
        let mut numbers = Vec::new();
        for _ in 0..2 {
            let new = tempfile::tempdir().unwrap();
            let restored = restore(new.path(), &into, true, at).unwrap();
            let mut store = Store::open(new.path()).unwrap();
            let next = verify_one(&mut store).1.outcome.unwrap().sequence;
            assert_eq!(next, restored.next_outcome.unsigned_abs());
            assert!(next > 1_000_000 && next < 1 << 53);
            let gaps = check(new.path()).unwrap().gaps;
            assert_eq!((gaps[0].last_before, gaps[0].first_behind), (1, restored.next_outcome));
            let audited: i64 =
                store.connection.query_row("SELECT last_audit_sequence FROM device", [], |row| row.get(0)).unwrap();
            numbers.extend([next, audited.unsigned_abs()]);
        }
        assert_ne!((numbers[0], numbers[1]), (numbers[2], numbers[3]));
        assert!(numbers[0] != numbers[2] && numbers[1] != numbers[3], "{numbers:?}");
    }
}

#[test]
fn an_audit_entry_that_a_restore_has_left_out_is_explained_and_its_number_never_used_again() {
    let (folder, mut store, into) = backed_up();
    verify_one(&mut store);
    verify_one(&mut store);
    drop(store);
    let kept = AuditReader::open(folder.path()).unwrap().verify(None).unwrap().head.unwrap();
    restore(folder.path(), &into, true, later(9)).unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    for _ in 0..5 {
        verify_one(&mut store);
    }
    let reader = AuditReader::open(folder.path()).unwrap();
    let verified = reader.verify(Some(&kept)).unwrap();
    let gap = verified.left_out.unwrap();
    assert_eq!((gap.chain, gap.reason, gap.at), (Chain::Audit, GapReason::Restored, later(9)));
    assert!(gap.last_before < kept.sequence && kept.sequence < gap.first_behind);
    assert_eq!((verified.entries, verified.gaps.len()), (2 + 1 + 5, 1));
    let reused = "SELECT 1 FROM audit WHERE sequence > ?1 AND sequence < ?2";
    let reused: Option<i64> =
        store.connection.query_row(reused, [2, gap.first_behind], |row| row.get(0)).optional().unwrap();
    assert_eq!(reused, None);
    // What is really cut off is still said.
    let last = verified.head.unwrap();
    let beyond = crate::store::AuditHead { sequence: last.sequence + 1, hash: last.hash.clone() };
    assert!(matches!(reader.verify(Some(&beyond)), Err(StoreError::Chain(ChainBreak::Cut { .. }))));
    assert_eq!(reader.verify(Some(&last)).unwrap().left_out, None);
}

/// Changes a file of a backup, and what the manifest says of it.
fn change(into: &Path, name: &str, change: impl FnOnce(&Path)) {
    let file = into.join(name);
    change(&file);
    let text = std::fs::read_to_string(into.join("manifest.json")).unwrap();
    let mut manifest: BackupManifest = serde_json::from_str(&text).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    let of = manifest.files.get_mut(name).unwrap();
    (of.bytes, of.sha256) = (bytes.len() as u64, hexadecimal(&Sha256::digest(&bytes)));
    std::fs::write(into.join("manifest.json"), serde_json::to_vec(&manifest).unwrap()).unwrap();
}

#[test]
fn what_is_wrong_with_a_backup_is_said_of_the_backup_and_not_of_the_store() {
    let sql = |text: &'static str| move |file: &Path| Connection::open(file).unwrap().execute_batch(text).unwrap();
    let spoil: [(&str, Spoil); 4] = [
        ("store.db", Box::new(sql("DROP TRIGGER outcome_stays; UPDATE outcome SET livemode = 1"))),
        ("store.db", Box::new(sql("DROP TABLE clock_step; DROP TABLE audit"))),
        ("store.db", Box::new(|file| std::fs::write(file, [0xa5; 8192]).unwrap())),
        ("device.key", Box::new(|file| std::fs::write(file, [9; 32]).unwrap())),
    ];
    for (name, spoil) in spoil {
        let (folder, store, into) = backed_up();
        drop(store);
        change(&into, name, spoil);
        let error = restore(folder.path(), &into, true, now()).unwrap_err();
        assert!(matches!(&error, StoreError::BackupAltered(of, _) if *of == into), "{error:?}");
        assert!(!error.to_string().contains("rescue"), "{error}");
        assert!(check(folder.path()).unwrap().faults.is_empty());
    }
}

/// A store with a backup, after which a session was redacted, a key revoked and one of the staff removed.
fn changed_since() -> (TempDir, std::path::PathBuf, [SessionRecord; 2], [String; 2]) {
    let (folder, mut store) = fresh();
    let sessions = ["since", "stays"].map(|mark| requests::ask(&mut store, &requests::details(mark)));
    for session in &sessions {
        end(&mut store, session, Some(&evidence()), &no_bodies).unwrap();
    }
    let (_, key, key_hash) = api_keys::key(&store, 7);
    store.add_api_key(&key, &key_hash).unwrap();
    let (_, one, code_hash) = staff::member(&store, 1);
    store.add_staff(&one, &code_hash).unwrap();
    let into = folder.path().join("backup");
    backup(folder.path(), &into, now()).unwrap();
    store.redact(&sessions[0].id, later(5), Actor::Till, None).unwrap();
    store.revoke_api_key(&key.id, later(6)).unwrap();
    store.remove_staff(&one.id, later(7)).unwrap();
    (folder, into, sessions, [key.id, one.id.as_str().to_owned()])
}

fn restored(folder: &TempDir, into: &Path) -> (Restored, Store) {
    let restored = restore(folder.path(), into, true, later(60)).unwrap();
    (restored, Store::open(folder.path()).unwrap())
}

#[test]
fn what_was_redacted_revoked_and_removed_since_the_backup_stays_so_where_that_can_be_read() {
    let (folder, into, [since, stays], [key, one]) = changed_since();
    let (restored, store) = restored(&folder, &into);
    let since_backup = &restored.since;
    assert!(since_backup.known);
    assert_eq!(since_backup.redacted, std::slice::from_ref(&since.id));
    assert_eq!((&since_backup.keys, &since_backup.staff), (&vec![key.clone()], &vec![one.clone()]));
    assert_eq!(store.details(&since.id).unwrap().unwrap(), requests::details("since").redacted(later(5)));
    assert_eq!(store.details(&stays.id).unwrap().unwrap(), requests::details("stays"));
    assert_eq!(count(&store, "credential"), 1);
    assert_eq!(store.api_keys().unwrap()[0].revoked_at, Some(later(6)));
    assert_eq!(store.staff().unwrap()[0].removed_at, Some(later(7)));
    let actions = "SELECT count(*) FROM audit WHERE action IN ('session_redacted', 'api_key_revoked', 'staff_removed')";
    assert_eq!(store.connection.query_row(actions, [], |row| row.get::<_, i64>(0)).unwrap(), 3);
    store.verify_audit().unwrap();
    // And nowhere in the files that are in use.
    drop(store);
    let text = String::from_utf8_lossy(&std::fs::read(folder.path().join("store.db")).unwrap()).into_owned();
    assert!(text.contains("reference stays") && !text.contains("reference since"));
}

#[test]
fn a_restore_that_cannot_read_what_was_done_since_the_backup_says_so() {
    let (folder, into, [since, _], _) = changed_since();
    std::fs::write(folder.path().join("store.db"), [0xa5; 8192]).unwrap();
    let (restored, store) = restored(&folder, &into);
    assert_eq!(restored.since, crate::store::Since::default());
    assert_eq!(store.details(&since.id).unwrap().unwrap().redacted_at, None);
    assert_eq!(serde_json::to_value(&restored).unwrap()["since"]["known"], false);
    let (_folder, into, _, _) = changed_since();
    let new = tempfile::tempdir().unwrap();
    assert!(!restore(new.path(), &into, false, later(60)).unwrap().since.known, "there was no store");
}
