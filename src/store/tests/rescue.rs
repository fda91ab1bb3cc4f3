//! A damaged database: refused by the engine, set aside by the operator's order, and gone on with as far as it can be read.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::compliance::{Jurisdiction, UseCase};
use crate::session::{CanceledBy, SessionDetails, protocol::Settlement};
use crate::store::audit::AuditRow;
use crate::store::{Actor, Chain, GapReason, LeaseHolder, Rescued, attestation, check, rescue};

const PAGE: usize = 4096;

fn rescued(folder: &TempDir) -> Result<Rescued, StoreError> {
    let place: Jurisdiction = "US-CA".parse().unwrap();
    rescue(folder.path(), (UseCase::AlcoholInPerson, &place), later(60))
}

/// A store with verified sessions, closed; with the events that are owed, by endpoint, and their bodies.
fn closed(sessions: usize) -> (TempDir, BTreeSet<(String, String, String)>) {
    let (folder, mut store) = fresh();
    for _ in 0..sessions {
        verify_one(&mut store);
    }
    let owed = owed(&store);
    assert_eq!(owed.len(), 2 * sessions);
    (folder, owed)
}

fn owed(store: &Store) -> BTreeSet<(String, String, String)> {
    let mut statement =
        store.connection.prepare("SELECT event, endpoint, body FROM outbox WHERE state = 'waiting'").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn a_store_that_holds_is_not_rescued_and_neither_is_one_in_use() {
    let (folder, store) = fresh();
    assert!(matches!(rescued(&folder), Err(StoreError::InUse(_))));
    drop(store);
    let before = std::fs::read(folder.path().join("store.db")).unwrap();
    assert!(matches!(rescued(&folder), Err(StoreError::Sound)));
    assert_eq!(std::fs::read(folder.path().join("store.db")).unwrap(), before);
    assert!(!folder.path().join("incoming").exists());
}

#[test]
fn a_page_that_is_lost_costs_its_rows_alone_and_the_damaged_file_is_kept_as_it_was() {
    let (folder, owed_before) = closed(24);
    let file = folder.path().join("store.db");
    let whole = std::fs::read(&file).unwrap();
    let pages = whole.len() / PAGE;
    let (mut kept_most, mut damaged_ones) = (0, 0);
    for page in 0..pages {
        let mut bytes = whole.clone();
        bytes[page * PAGE..(page + 1) * PAGE].fill(0xa5);
        std::fs::write(&file, &bytes).unwrap();
        let rescued = match rescued(&folder) {
            Ok(rescued) => rescued,
            // A free page holds nothing.
            Err(StoreError::Sound) => continue,
            Err(error) => panic!("page {page}: {error}"),
        };
        damaged_ones += 1;
        // The first page and a few more say where the tables are: without one of them nothing is found, and the report says so.
        let found = rescued.tables.values().any(|table| table.rows > 0);
        assert!((page > 0 || !found) && found == rescued.new_device.is_none(), "page {page}: {rescued:?}");
        assert_eq!(std::fs::read(rescued.set_aside.join("store.db")).unwrap(), bytes);
        let mut store = Store::open(folder.path()).unwrap();
        let outcomes = store.verify_outcomes().unwrap();
        store.verify_audit().unwrap();
        let left = owed(&store);
        assert!(left.is_subset(&owed_before), "page {page}");
        // A leaf holds some rows of one table; nothing else is touched.
        kept_most += usize::from(outcomes >= 16 && left.len() >= 36);
        let next = verify_one(&mut store).1.outcome.unwrap();
        assert!(next.sequence > 1_000_000, "page {page}");
        assert_eq!(store.verify_outcomes().unwrap(), outcomes + 1);
        assert_eq!(rescued.owed, left.len() as u64);
        drop(store);
        std::fs::remove_dir_all(rescued.set_aside).unwrap();
    }
    assert!(damaged_ones > 20, "{damaged_ones}");
    // All but the roots of the two tables and the page that names them.
    assert!(kept_most * 10 >= damaged_ones * 9, "{kept_most} of {damaged_ones}");
}

#[test]
fn what_is_left_of_a_rescued_store_is_checked_delivered_and_shown_as_a_gap() {
    let (folder, _) = closed(60);
    // One leaf of the outcomes: their table's rows are the only ones that begin with a number and a name like this.
    let file = folder.path().join("store.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let leaf = leaf_of(&folder, "outcome");
    bytes[leaf * PAGE + 8..leaf * PAGE + 64].fill(0xff);
    std::fs::write(&file, &bytes).unwrap();
    assert!(
        matches!(Store::open(folder.path()), Err(StoreError::Corrupt { .. })),
        "the engine does not go on by itself"
    );
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
    let rescued = rescued(&folder).unwrap();
    assert!(rescued.gaps.iter().any(|gap| gap.reason == GapReason::Rescued && gap.first_behind < 100), "{rescued:?}");
    assert_eq!((rescued.owed, rescued.new_device.as_ref()), (120, None), "every event is there");
    let report = check(folder.path()).unwrap();
    assert!(report.faults.is_empty() && report.gaps == rescued.gaps, "{report:?}");
    let mut store = Store::open(folder.path()).unwrap();
    assert_eq!(store.lease(LeaseHolder(1), 500, later(90)).unwrap().len(), 120.min(2 * crate::store::MAX_LEASED));
    // A second rescue of what holds now is refused, and a restart changes nothing.
    drop(store);
    assert!(matches!(self::rescued(&folder), Err(StoreError::Sound)));
}

/// Changes what never changes.
fn alter(folder: &TempDir, sql: &str) {
    tamperer(folder).execute_batch(&format!("DROP TRIGGER IF EXISTS audit_stays; {sql}")).unwrap();
}

/// Alters an audit entry and writes the hash that it has now.
fn forge(folder: &TempDir, sequence: i64) {
    let columns = format!("SELECT {} FROM audit WHERE sequence = ?1", AuditRow::COLUMNS);
    let (mut entry, _) = tamperer(folder).query_row(&columns, [sequence], AuditRow::read).unwrap();
    entry.at += 1;
    let (at, hash) = (entry.at, entry.hash());
    alter(folder, &format!("UPDATE audit SET at = {at}, hash = '{hash}' WHERE sequence = {sequence}"));
}

#[test]
fn audit_entries_that_were_altered_are_left_out_and_all_else_is_rescued() {
    type Change = fn(&TempDir);
    let changes: [(Change, u64); 6] = [
        (|folder| alter(folder, "UPDATE audit SET actor = 'staff' WHERE sequence = 3"), 1),
        (|folder| alter(folder, "UPDATE audit SET actor = 'staff' WHERE sequence IN (1, 4)"), 2),
        // As the one behind it, or the device's row, says what it was.
        (|folder| forge(folder, 3), 1),
        (|folder| forge(folder, 6), 1),
        (|folder| alter(folder, "UPDATE audit SET previous_hash = hash WHERE sequence = 4"), 1),
        (|folder| alter(folder, "UPDATE audit SET at = at + 1"), 6),
    ];
    for (number, (change, left_out)) in changes.into_iter().enumerate() {
        let (folder, owed_before) = closed(5);
        change(&folder);
        let damaged = std::fs::read(folder.path().join("store.db")).unwrap();
        assert!(matches!(check(folder.path()).unwrap().faults[..], [StoreError::Chain(_)]));
        let rescued = rescued(&folder).unwrap();
        let audit = rescued.tables["audit"];
        assert_eq!((audit.rows, audit.refused), (6 - left_out, left_out), "{number}");
        // Where the damaged file lies, what was left out is said.
        assert_eq!(std::fs::read(rescued.set_aside.join("store.db")).unwrap(), damaged);
        let report = std::fs::read_to_string(rescued.set_aside.join("report.json")).unwrap();
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report, serde_json::to_value(&rescued).unwrap());
        assert_eq!(report["tables"]["audit"]["refused"], left_out);
        assert!(rescued.gaps.iter().any(|gap| gap.chain == Chain::Audit && gap.reason == GapReason::Rescued));
        let store = Store::open(folder.path()).unwrap();
        assert_eq!((store.verify_outcomes().unwrap(), store.verify_audit().unwrap()), (5, 6 - left_out + 2));
        assert_eq!(owed(&store), owed_before);
        let newest = "SELECT group_concat(action) FROM (SELECT action FROM audit ORDER BY sequence DESC LIMIT 2)";
        let newest: String = store.connection.query_row(newest, [], |row| row.get(0)).unwrap();
        assert_eq!(newest, "audit_entries_left_out,store_rescued");
        let again = "SELECT count(*) FROM audit WHERE sequence BETWEEN 7 AND 1000000";
        assert_eq!(store.connection.query_row(again, [], |row| row.get::<_, i64>(0)).unwrap(), 0, "no number again");
    }
}

/// Overwrites the first page of a table.
fn lose(folder: &TempDir, table: &str) {
    let root = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
    let root: i64 = tamperer(folder).query_row(root, [table], |row| row.get(0)).unwrap();
    let file = folder.path().join("store.db");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[(root as usize - 1) * PAGE..][..PAGE].fill(0xa5);
    std::fs::write(&file, bytes).unwrap();
}

/// A closed store with three sessions that were asked for: one ended, one ended and redacted while an event of it was owed, and
/// one open.
fn with_requests() -> (TempDir, [SessionRecord; 3]) {
    let (folder, mut store) = fresh();
    let asked = ["plain", "redacted", "open"].map(|mark| requests::ask(&mut store, &requests::details(mark)));
    end(&mut store, &asked[0], Some(&evidence()), &no_bodies).unwrap();
    end(&mut store, &asked[1], Some(&evidence()), &two_bodies).unwrap();
    assert!(store.redact(&asked[1].id, later(5), Actor::Till, None).unwrap());
    (folder, asked)
}

/// Delivers what is owed, and answers what is left of its bodies.
fn bodies_when_delivered(store: &mut Store) -> Vec<String> {
    let holder = LeaseHolder(1);
    for delivery in store.lease(holder, 64, later(90)).unwrap() {
        store.settle(holder, delivery.delivery, &Settlement::Acknowledged, later(90)).unwrap();
    }
    let mut bodies = store.connection.prepare("SELECT DISTINCT body FROM outbox").unwrap();
    bodies.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn what_was_asked_for_and_what_was_redacted_outlive_their_sessions() {
    let (folder, [plain, redacted, open]) = with_requests();
    lose(&folder, "session");
    let rescued = rescued(&folder).unwrap();
    assert_eq!((rescued.only_names, rescued.redacted_again), (3, 0), "{rescued:?}");
    assert_eq!((rescued.tables["request"].rows, rescued.tables["request"].refused), (3, 0));
    let mut store = Store::open(folder.path()).unwrap();
    let details =
        |store: &Store, session: &SessionRecord| -> SessionDetails { store.details(&session.id).unwrap().unwrap() };
    assert_eq!(details(&store, &plain), requests::details("plain"));
    assert_eq!(details(&store, &redacted), requests::details("redacted").redacted(later(5)));
    assert_eq!(details(&store, &open), requests::details("open"));
    let by_the_device = SessionState::Canceled(CanceledBy::Device);
    assert_eq!(store.session(&open.id).unwrap().unwrap().state, by_the_device);
    assert_eq!(bodies_when_delivered(&mut store), ["{}"]);
}

#[test]
fn a_redaction_is_in_force_after_a_rescue_where_the_audit_chain_alone_still_says_it() {
    let (folder, [plain, redacted, open]) = with_requests();
    lose(&folder, "request");
    let rescued = rescued(&folder).unwrap();
    assert_eq!((rescued.tables["request"].rows, rescued.redacted_again), (0, 1), "{rescued:?}");
    let mut store = Store::open(folder.path()).unwrap();
    assert!(store.details(&redacted.id).unwrap().unwrap().redacted_at.is_some());
    assert_eq!(store.details(&plain.id).unwrap(), None);
    assert_eq!(store.open_sessions().unwrap()[0].id, open.id);
    assert_eq!(count(&store, "credential"), 1, "the other one's");
    assert_eq!(bodies_when_delivered(&mut store), ["{}"]);
}

/// The number of a leaf page of a table, from 0.
fn leaf_of(folder: &TempDir, table: &str) -> usize {
    let connection = tamperer(folder);
    let root: usize = connection
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = ?1", [table], |row| row.get::<_, i64>(0))
        .unwrap() as usize;
    let bytes = std::fs::read(folder.path().join("store.db")).unwrap();
    let page = &bytes[(root - 1) * PAGE..root * PAGE];
    assert_eq!(page[0], 5, "the root has children");
    let cell = usize::from(u16::from_be_bytes([page[12], page[13]]));
    u32::from_be_bytes(page[cell..cell + 4].try_into().unwrap()) as usize - 1
}

#[test]
fn an_event_that_is_owed_outlives_its_session_and_its_outcome() {
    let (folder, owed_before) = closed(40);
    let file = folder.path().join("store.db");
    let mut bytes = std::fs::read(&file).unwrap();
    for table in ["session", "outcome"] {
        let connection = tamperer(&folder);
        let root = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
        let root: i64 = connection.query_row(root, [table], |row| row.get(0)).unwrap();
        let at = (root as usize - 1) * PAGE;
        bytes[at..at + PAGE].fill(0xa5);
    }
    std::fs::write(&file, &bytes).unwrap();
    let rescued = rescued(&folder).unwrap();
    assert_eq!((rescued.owed, rescued.only_names), (80, 40), "{rescued:?}");
    let mut store = Store::open(folder.path()).unwrap();
    assert_eq!(owed(&store), owed_before);
    assert!(store.open_sessions().unwrap().is_empty());
    let next = verify_one(&mut store).1.outcome.unwrap();
    assert!(next.sequence > 1_000_040);
    assert_eq!(store.verify_outcomes().unwrap(), 1);
}

#[test]
fn a_journal_is_read_with_its_damaged_file_and_set_aside_with_it() {
    let (folder, _) = closed(40);
    let mut store = Store::open(folder.path()).unwrap();
    let last = verify_one(&mut store).1;
    // As a power cut would leave it: the last visit is in the journal alone.
    let copy = tempfile::tempdir().unwrap();
    for name in ["store.db", "store.db-wal", "device.key", "anchor.key"] {
        std::fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
    }
    let wal = std::fs::read(copy.path().join("store.db-wal")).unwrap();
    assert!(wal.len() > PAGE);
    let mut bytes = std::fs::read(copy.path().join("store.db")).unwrap();
    let leaf = leaf_of(&folder, "session");
    bytes[leaf * PAGE..(leaf + 1) * PAGE].fill(0xa5);
    std::fs::write(copy.path().join("store.db"), &bytes).unwrap();
    let rescued = rescued(&copy).unwrap();
    assert_eq!(std::fs::read(rescued.set_aside.join("store.db-wal")).unwrap(), wal);
    assert_eq!(std::fs::read(rescued.set_aside.join("store.db")).unwrap(), bytes);
    let store = Store::open(copy.path()).unwrap();
    assert!(owed(&store).iter().any(|(event, _, _)| *event == last.event), "what the journal alone held");
    store.verify_outcomes().unwrap();
}

#[test]
fn of_a_file_in_which_nothing_can_be_read_the_device_goes_on_under_a_new_name() {
    let (folder, _) = closed(3);
    let old: String = tamperer(&folder).query_row("SELECT id FROM device", [], |row| row.get(0)).unwrap();
    for bytes in [Vec::new(), b"x".to_vec(), vec![0xa5; 40 * PAGE]] {
        std::fs::write(folder.path().join("store.db"), &bytes).unwrap();
        assert!(Store::open(folder.path()).is_err(), "the engine begins nothing anew by itself");
        let rescued = rescued(&folder).unwrap();
        assert_eq!(std::fs::read(rescued.set_aside.join("store.db")).unwrap(), bytes);
        assert!(rescued.new_device.is_some_and(|new| new != old));
        let mut store = Store::open(folder.path()).unwrap();
        assert_eq!(store.verify_outcomes().unwrap(), 0);
        let next = verify_one(&mut store).1.outcome.unwrap();
        assert!(next.sequence > 1_000_000);
        assert!(attestation::verify(&next.attestation, &store.public_key()).is_ok());
        drop(store);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 24 } else { 64 }))]

    /// Whatever is overwritten: the engine refuses or goes on, and the rescue refuses or leaves a store that holds.
    #[test]
    fn any_damage_is_refused_or_rescued_and_never_ends_in_a_panic(
        damages in prop::collection::vec((0_usize..400_000, prop::collection::vec(any::<u8>(), 1..600)), 1..6),
        cut in prop::option::of(0_usize..400_000),
    ) {
        let (folder, owed_before) = closed(12);
        let file = folder.path().join("store.db");
        let mut bytes = std::fs::read(&file).unwrap();
        for (at, noise) in &damages {
            let at = at % bytes.len();
            let end = (at + noise.len()).min(bytes.len());
            bytes[at..end].copy_from_slice(&noise[..end - at]);
        }
        if let Some(cut) = cut {
            bytes.truncate(cut % bytes.len());
        }
        std::fs::write(&file, &bytes).unwrap();
        let _ = check(folder.path());
        let opened = Store::open(folder.path()).map(drop);
        match rescued(&folder) {
            Ok(rescued) => {
                let store = Store::open(folder.path()).unwrap();
                store.verify_outcomes().unwrap();
                store.verify_audit().unwrap();
                prop_assert!(owed(&store).len() <= owed_before.len());
                prop_assert_eq!(rescued.owed, owed(&store).len() as u64);
            }
            Err(StoreError::Sound) => prop_assert!(opened.is_ok()),
            // A row may name another key now; and a later schema is a later program's.
            Err(StoreError::Keys(_) | StoreError::Newer { .. }) => {}
            Err(other) => prop_assert!(false, "{other:?}"),
        }
    }
}
