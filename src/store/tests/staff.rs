//! The staff and their codes: who is known, and how many wrong codes are looked at.

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::privacy::{KeyHash, StaffCode, StaffId, StaffRecord};
use crate::store::{MOST_WRONG_CODES, StaffCheck, WRONG_CODE_WINDOW};

const SECOND: Duration = Duration::from_secs(1);

/// One of the staff of the store's device, with the code's hash.
pub(super) fn member(store: &Store, number: u8) -> (StaffCode, StaffRecord, KeyHash) {
    let code = StaffCode::parse(&format!("7000 00{number:02}")).unwrap();
    let record = StaffRecord {
        id: StaffId::from_random(&[number; SessionId::CHARACTERS]),
        label: format!("counter {number}"),
        created_at: later(number.into()),
        removed_at: None,
        last_used_at: None,
    };
    let hash = store.api_secrets().staff_hash(&code);
    (code, record, hash)
}

/// A store with one of the staff in it.
fn staffed() -> (TempDir, Store, StaffCode, StaffRecord) {
    let (folder, mut store) = fresh();
    let (code, record, hash) = member(&store, 1);
    store.add_staff(&record, &hash).unwrap();
    (folder, store, code, record)
}

fn wrong() -> StaffCode {
    StaffCode::parse("0000 0000").unwrap()
}

fn check(store: &mut Store, code: &StaffCode, uptime: Duration) -> StaffCheck {
    store.staff_of(code, now(), uptime).unwrap()
}

/// Wrong codes until none is looked at.
fn lock(store: &mut Store, uptime: Duration) {
    for left in (0..MOST_WRONG_CODES).rev() {
        assert_eq!(check(store, &wrong(), uptime), StaffCheck::Unknown { left });
    }
}

fn last_actions(store: &Store, most: u8) -> Vec<(String, String)> {
    let newest = "SELECT actor, action FROM audit ORDER BY sequence DESC LIMIT ?1";
    let mut statement = store.connection.prepare(newest).unwrap();
    let found = statement.query_map([most], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    found.collect::<Result<_, _>>().unwrap()
}

#[test]
fn one_of_the_staff_is_known_by_the_code_alone_also_after_a_restart() {
    let (folder, mut store, code, first) = staffed();
    let (_, second, second_hash) = member(&store, 2);
    store.add_staff(&second, &second_hash).unwrap();
    drop(store);
    let mut store = Store::open(folder.path()).unwrap();
    assert_eq!(store.staff().unwrap(), [first.clone(), second.clone()]);
    assert_eq!(store.staff_of(&code, later(50), SECOND).unwrap(), StaffCheck::Known(first.id.clone()));
    assert_eq!(store.staff().unwrap(), [StaffRecord { last_used_at: Some(later(50)), ..first }, second.clone()]);
    // A code that is somebody's, a name that is somebody's, and a label that is none.
    let (_, third, third_hash) = member(&store, 3);
    for (record, hash) in [
        (third.clone(), &second_hash),
        (StaffRecord { id: second.id, ..third.clone() }, &third_hash),
        (StaffRecord { label: " ".to_owned(), ..third.clone() }, &third_hash),
    ] {
        assert!(matches!(store.add_staff(&record, hash), Err(StoreError::Refused { .. })), "{record:?}");
    }
    assert_eq!((store.staff().unwrap().len(), store.verify_audit().unwrap()), (2, 3));
    store.add_staff(&third, &third_hash).unwrap();
    assert_eq!(last_actions(&store, 1), [("operator".to_owned(), "staff_added".to_owned())]);
}

#[test]
fn who_was_removed_stays_removed_and_the_code_is_wrong_from_then_on_and_never_given_again() {
    let (_folder, mut store, code, record) = staffed();
    store.remove_staff(&record.id, later(5)).unwrap();
    store.remove_staff(&record.id, later(9)).unwrap();
    assert_eq!(store.staff().unwrap()[0].removed_at, Some(later(5)));
    assert_eq!(store.verify_audit().unwrap(), 3, "it is noted once");
    assert_eq!(last_actions(&store, 1), [("operator".to_owned(), "staff_removed".to_owned())]);
    assert_eq!(check(&mut store, &code, SECOND), StaffCheck::Unknown { left: MOST_WRONG_CODES - 1 });
    let (_, next, _) = member(&store, 2);
    let again = store.add_staff(&next, &store.api_secrets().staff_hash(&code));
    assert!(matches!(again, Err(StoreError::Refused { .. })));
    let nobody = StaffId::from_random(&[30; SessionId::CHARACTERS]);
    assert!(matches!(store.remove_staff(&nobody, later(5)), Err(StoreError::Missing)));
}

#[test]
fn after_ten_wrong_codes_even_the_right_one_is_refused_until_the_first_of_them_is_a_quarter_of_an_hour_old() {
    let (_folder, mut store, code, record) = staffed();
    assert_eq!(check(&mut store, &wrong(), 10 * SECOND), StaffCheck::Unknown { left: 9 });
    for left in (0..9).rev() {
        // A right code in between clears nothing.
        assert_eq!(check(&mut store, &code, 50 * SECOND), StaffCheck::Known(record.id.clone()));
        assert_eq!(check(&mut store, &wrong(), 60 * SECOND), StaffCheck::Unknown { left });
    }
    assert_eq!(last_actions(&store, 2)[0], ("engine".to_owned(), "staff_locked".to_owned()));
    let entries = store.verify_audit().unwrap();
    for uptime in [60 * SECOND, 300 * SECOND, WRONG_CODE_WINDOW + 9 * SECOND] {
        let again_after = (WRONG_CODE_WINDOW + 10 * SECOND).saturating_sub(uptime);
        for tried in [&code, &wrong()] {
            assert_eq!(check(&mut store, tried, uptime), StaffCheck::Locked { again_after });
        }
    }
    assert_eq!(
        (count(&store, "staff_refusal"), store.verify_audit().unwrap()),
        (10, entries),
        "nothing more is counted"
    );
    let free = WRONG_CODE_WINDOW + 10 * SECOND;
    assert_eq!(check(&mut store, &code, free), StaffCheck::Known(record.id));
    // One was wrong long enough ago, and nine still count.
    assert_eq!(check(&mut store, &wrong(), free), StaffCheck::Unknown { left: 0 });
    assert!(matches!(check(&mut store, &code, free), StaffCheck::Locked { .. }));
}

#[test]
fn neither_a_restart_nor_a_wall_clock_that_was_set_opens_the_lock() {
    let (folder, mut store, code, record) = staffed();
    lock(&mut store, 1000 * SECOND);
    for set in [0, -86_400, 365 * 86_400] {
        let checked = store.staff_of(&code, later(set), 1001 * SECOND).unwrap();
        assert_eq!(checked, StaffCheck::Locked { again_after: WRONG_CODE_WINDOW.saturating_sub(SECOND) });
    }
    for _ in 0..3 {
        drop(store);
        store = Store::open(folder.path()).unwrap();
        // Another engine counts from zero again, from where the clock of attempts was last written.
        let again_after = WRONG_CODE_WINDOW.saturating_sub(SECOND);
        assert_eq!(check(&mut store, &code, SECOND), StaffCheck::Locked { again_after });
    }
    assert_eq!(check(&mut store, &code, WRONG_CODE_WINDOW), StaffCheck::Known(record.id));
}

#[test]
fn time_that_ran_before_a_restart_counts_as_far_as_it_was_written_and_what_is_over_is_purged() {
    let (folder, mut store, code, record) = staffed();
    lock(&mut store, SECOND);
    // No attempt is there: the wrong codes alone make the clock go on.
    store.purge_attempts(601 * SECOND).unwrap();
    drop(store);
    let mut store = Store::open(folder.path()).unwrap();
    let again_after = WRONG_CODE_WINDOW.saturating_sub(600 * SECOND);
    assert_eq!(check(&mut store, &code, Duration::ZERO), StaffCheck::Locked { again_after });
    store.purge_attempts(again_after.saturating_sub(SECOND)).unwrap();
    assert_eq!(count(&store, "staff_refusal"), 10, "a second is left");
    store.purge_attempts(again_after).unwrap();
    assert_eq!(count(&store, "staff_refusal"), 0);
    assert_eq!(check(&mut store, &code, again_after), StaffCheck::Known(record.id));
}

#[test]
fn a_clock_before_1970_refuses_right_and_wrong_codes_alike() {
    let (_folder, mut store, code, _) = staffed();
    let early = Timestamp::from_millisecond(-1).unwrap();
    for tried in [&code, &wrong()] {
        assert!(matches!(store.staff_of(tried, early, SECOND), Err(StoreError::Clock)));
    }
}

#[test]
fn a_wrong_code_that_cannot_be_written_is_an_error_and_no_answer() {
    let (folder, mut store, code, _) = staffed();
    tamperer(&folder)
        .execute_batch("CREATE TRIGGER full BEFORE INSERT ON staff_refusal BEGIN SELECT RAISE(ABORT, 'full'); END")
        .unwrap();
    assert!(store.staff_of(&wrong(), now(), SECOND).is_err());
    assert!(matches!(check(&mut store, &code, SECOND), StaffCheck::Known(_)));
}

#[test]
fn no_code_enters_any_file_and_no_hash_the_audit() {
    let (folder, mut store, code, record) = staffed();
    lock(&mut store, SECOND);
    store.remove_staff(&record.id, later(5)).unwrap();
    let audit = "SELECT group_concat(coalesce(actor, '') || action || coalesce(session, '')) FROM audit";
    let told: String = store.connection.query_row(audit, [], |row| row.get(0)).unwrap();
    let hash = store.api_secrets().staff_hash(&code);
    assert!(told.contains("staff_locked") && !told.contains(record.id.as_str()) && !told.contains(hash.as_str()));
    let holds = |folder: &Path, text: &str| {
        let mut files = std::fs::read_dir(folder).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
        files.any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    };
    assert!(holds(folder.path(), hash.as_str()), "the control: the hash is found");
    for text in ["70000001", "7000 0001", "7000-0001"] {
        assert!(!holds(folder.path(), text), "{text}");
    }
    drop(store);
    assert!(!holds(folder.path(), "70000001") && !holds(folder.path(), "7000 0001"));
}

#[derive(Debug, Clone)]
enum Happening {
    Try { right: bool },
    Wait(u64),
    SetClock(i64),
    Purge,
    Restart,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        9 => prop::bool::weighted(0.2).prop_map(|right| Happening::Try { right }),
        3 => (1_u64..400).prop_map(Happening::Wait),
        1 => (0_i64..1_000_000).prop_map(Happening::SetClock),
        1 => Just(Happening::Purge),
        1 => Just(Happening::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_no_quarter_of_an_hour_of_running_has_more_than_ten_wrong_codes(
        happenings in prop::collection::vec(happening(), 1..80),
    ) {
        let (folder, mut store, code, record) = staffed();
        // In seconds: since the first engine started, since the present one did, and what the wall clock says.
        let (mut ran, mut uptime, mut clock, mut restarted) = (0, 0, 0, false);
        let mut refused: Vec<u64> = Vec::new();
        for happening in happenings {
            match happening {
                Happening::Try { right } => {
                    let counting = refused.iter().filter(|at| **at + WRONG_CODE_WINDOW.as_secs() > ran).count();
                    let code = if right { code.clone() } else { wrong() };
                    match store.staff_of(&code, later(clock), Duration::from_secs(uptime)).unwrap() {
                        StaffCheck::Known(id) => prop_assert!(right && id == record.id && counting < 10),
                        StaffCheck::Unknown { left } => {
                            prop_assert!(!right && counting < 10, "more than ten");
                            prop_assert!(restarted || usize::from(left) == 9 - counting);
                            refused.push(ran);
                        }
                        StaffCheck::Locked { again_after } => {
                            prop_assert!(restarted || counting == 10, "fewer than ten, and no restart");
                            prop_assert!(again_after <= WRONG_CODE_WINDOW);
                        }
                    }
                }
                Happening::Wait(seconds) => {
                    ran += seconds;
                    uptime += seconds;
                }
                Happening::SetClock(to) => clock = to,
                Happening::Purge => store.purge_attempts(Duration::from_secs(uptime)).unwrap(),
                Happening::Restart => {
                    drop(store);
                    store = Store::open(folder.path()).unwrap();
                    (uptime, restarted) = (0, true);
                }
            }
        }
    }
}
