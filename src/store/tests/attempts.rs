//! Budgets over sessions, hours, restarts and clocks.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::document::Fields;
use crate::store::{ATTEMPT_WINDOW, AttemptKind, AttemptLimits, AttemptNumber, Begun, Budget, NewAttempt, Spent};

const LIMITS: AttemptLimits = AttemptLimits { per_device: 4, per_document: 2 };
const SECOND: Duration = Duration::from_secs(1);

fn document(number: &str) -> Fields {
    Fields {
        document_number: Some(number.into()),
        country: Some("USA".to_owned()),
        jurisdiction_code: Some("CA".to_owned()),
        ..Fields::default()
    }
}

fn begin(store: &mut Store, kind: AttemptKind, number: Option<&str>, uptime: Duration) -> Result<AttemptNumber, Spent> {
    let fields = number.map(document);
    let attempt = NewAttempt { kind, document: fields.as_ref(), passed: None };
    match store.begin_attempt(&attempt, LIMITS, uptime).unwrap() {
        Begun::Charged(number) => Ok(number),
        Begun::Spent(spent) => Err(spent),
    }
}

#[test]
fn a_document_that_failed_too_often_is_refused_until_its_hour_is_over_and_others_are_not() {
    let (_folder, mut store) = fresh();
    let face = AttemptKind::Face;
    begin(&mut store, face, Some("P1"), 10 * SECOND).unwrap();
    begin(&mut store, face, Some("P1"), 70 * SECOND).unwrap();
    let refused = begin(&mut store, face, Some("p-1"), 100 * SECOND).unwrap_err();
    assert_eq!(refused, Spent { budget: Budget::Document, again_after: ATTEMPT_WINDOW.saturating_sub(90 * SECOND) });
    begin(&mut store, face, Some("P2"), 100 * SECOND).unwrap();
    begin(&mut store, face, Some("P1"), ATTEMPT_WINDOW + 10 * SECOND).unwrap();
}

#[test]
fn the_device_s_budget_counts_each_kind_by_itself_and_is_told_before_a_session_starts() {
    let (_folder, mut store) = fresh();
    for k in 0..4 {
        assert_eq!(store.attempts_spent(LIMITS, k * SECOND).unwrap(), None);
        begin(&mut store, AttemptKind::Document, None, k * SECOND).unwrap();
    }
    let spent = Spent { budget: Budget::Device, again_after: ATTEMPT_WINDOW.saturating_sub(10 * SECOND) };
    assert_eq!(begin(&mut store, AttemptKind::Document, None, 10 * SECOND), Err(spent));
    assert_eq!(store.attempts_spent(LIMITS, 10 * SECOND).unwrap(), Some(spent));
    begin(&mut store, AttemptKind::Face, None, 10 * SECOND).unwrap();
    assert_eq!(store.attempts_spent(LIMITS, ATTEMPT_WINDOW).unwrap(), None);
}

#[test]
fn an_attempt_that_succeeds_or_that_the_device_breaks_off_is_given_back() {
    let (_folder, mut store) = fresh();
    let mut passed = None;
    for k in 0..20 {
        let kind = if k % 2 == 0 { AttemptKind::Document } else { AttemptKind::Face };
        let fields = document("P1");
        let attempt = NewAttempt { kind, document: Some(&fields), passed };
        let Begun::Charged(number) = store.begin_attempt(&attempt, LIMITS, SECOND).unwrap() else { panic!("{k}") };
        passed = Some(number);
    }
    store.give_back_attempt(passed.unwrap()).unwrap();
    assert_eq!(count(&store, "attempt"), 0);
}

#[test]
fn neither_a_restart_nor_a_clock_that_was_set_gives_new_attempts() {
    let (folder, mut store) = fresh();
    let face = AttemptKind::Face;
    begin(&mut store, face, Some("P1"), 1000 * SECOND).unwrap();
    begin(&mut store, face, Some("P1"), 1001 * SECOND).unwrap();
    for _ in 0..3 {
        drop(store);
        store = Store::open(folder.path()).unwrap();
        // Another engine counts from zero again; the wall clock is asked by nobody.
        let refused = begin(&mut store, face, Some("P1"), SECOND).unwrap_err();
        assert_eq!(refused.budget, Budget::Document);
        assert!(refused.again_after > ATTEMPT_WINDOW.saturating_sub(10 * SECOND), "{refused:?}");
    }
    // An hour of running, and not an hour on a clock, makes it free.
    begin(&mut store, face, Some("P1"), ATTEMPT_WINDOW).unwrap();
}

#[test]
fn what_is_kept_of_a_document_is_a_keyed_hash_that_is_purged_after_an_hour() {
    let (folder, mut store) = fresh();
    begin(&mut store, AttemptKind::Face, Some("P99887766"), SECOND).unwrap();
    begin(&mut store, AttemptKind::Document, Some("P99887766"), SECOND).unwrap();
    let marks = "SELECT kind, document FROM attempt WHERE document IS NOT NULL";
    let (kind, mark): (String, String) =
        store.connection.query_row(marks, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!((kind.as_str(), mark.len()), ("face", 64));
    let anchor = crate::privacy::document_anchor(&store.keys.anchor, &document("P99887766")).unwrap();
    assert_ne!(anchor.as_str(), mark, "it meets no anchor");
    assert_eq!(count(&store, "anchor"), 0);
    store.purge_attempts(ATTEMPT_WINDOW).unwrap();
    assert_eq!(count(&store, "attempt"), 2, "a second is left");
    store.purge_attempts(ATTEMPT_WINDOW + SECOND).unwrap();
    assert_eq!(count(&store, "attempt"), 0);
    drop(store);
    // What was deleted is overwritten, and the journal is taken up when the store closes.
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(mark.len()).any(|window| window == mark.as_bytes()));
    }
}

#[derive(Debug, Clone)]
enum Happening {
    Begin { face: bool, document: u8 },
    Succeed,
    Wait(u64),
    Purge,
    Restart,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => (any::<bool>(), 0_u8..3).prop_map(|(face, document)| Happening::Begin { face, document }),
        2 => Just(Happening::Succeed),
        3 => (1_u64..2400).prop_map(Happening::Wait),
        1 => Just(Happening::Purge),
        1 => Just(Happening::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_no_hour_of_running_has_more_failed_attempts_than_the_budget(
        happenings in prop::collection::vec(happening(), 1..60),
    ) {
        let (folder, mut store) = fresh();
        // Both in seconds: since the first engine started, and since the present one did.
        let (mut ran, mut uptime, mut restarted) = (0, 0, false);
        let mut failed: Vec<(bool, u8, u64, AttemptNumber)> = Vec::new();
        for happening in happenings {
            match happening {
                Happening::Begin { face, document } => {
                    let kind = if face { AttemptKind::Face } else { AttemptKind::Document };
                    let within = |face: bool, of: Option<u8>| failed.iter().filter(|(is_face, which, at, _)| {
                        *is_face == face && of.is_none_or(|of| of == *which) && at + 3600 > ran
                    }).count();
                    let free = within(face, None) < 4 && (!face || within(true, Some(document)) < 2);
                    let begun = begin(&mut store, kind, Some(&format!("P{document}")), Duration::from_secs(uptime));
                    prop_assert!(free || begun.is_err(), "more than the budget");
                    prop_assert!(!free || begun.is_ok() || restarted, "less than the budget, and no restart");
                    failed.extend(begun.map(|number| (face, document, ran, number)));
                }
                Happening::Succeed => {
                    if let Some((.., number)) = failed.pop() {
                        store.give_back_attempt(number).unwrap();
                    }
                }
                Happening::Wait(seconds) => {
                    ran += seconds;
                    uptime += seconds;
                }
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
