//! Sessions and their ends: one transaction, once, for ever.

use proptest::prelude::*;
use rusqlite::types::Value;

use super::*;
use crate::session::{CanceledBy, Consent, ConsentText, ReasonCode, ShownBy};
use crate::store::verify_attestation;

#[test]
fn a_session_comes_back_as_it_was_saved() {
    let (_folder, mut store) = fresh();
    let mut session = record(SessionState::Created);
    store.create_session(&session).unwrap();
    assert_eq!(store.session(&session.id).unwrap(), Some(session.clone()));
    for state in [
        SessionState::AwaitingConsent,
        SessionState::AwaitingDocument,
        SessionState::AwaitingFace,
        SessionState::Deciding,
        SessionState::AwaitingReview,
    ] {
        session.state = state;
        session.attempts.document -= u8::from(state == SessionState::AwaitingDocument);
        session.last_error = ReasonCode::all().nth(session.attempts.document.into());
        store.save_session(&session).unwrap();
        assert_eq!(store.session(&session.id).unwrap(), Some(session.clone()));
        assert_eq!(store.open_sessions().unwrap(), [session.clone()]);
    }
    assert_eq!(store.session(&record(SessionState::Created).id).unwrap(), None);
    assert!(matches!(store.save_session(&record(SessionState::Created)), Err(StoreError::Missing)));
    assert!(matches!(store.create_session(&session), Err(StoreError::Refused { .. })));
}

#[test]
fn what_the_person_answered_is_kept_with_the_session_and_in_its_outcome() {
    let (_folder, mut store) = fresh();
    let mut session = record(SessionState::AwaitingConsent);
    store.create_session(&session).unwrap();
    for (given, shown_by, language) in [(true, ShownBy::Display, "en"), (false, ShownBy::Till, "de-CH")] {
        let text = ConsentText::new("check-1", language).unwrap();
        session.consent = Some(Consent { given, text, shown_by, at: later(3) });
        store.save_session(&session).unwrap();
        assert_eq!(store.session(&session.id).unwrap(), Some(session.clone()));
    }
    // A restart asks anew.
    let asked = std::mem::take(&mut session.consent);
    store.save_session(&session).unwrap();
    assert_eq!(store.session(&session.id).unwrap().unwrap().consent, None);
    // Whoever says no ends the session in the same moment.
    session.consent = asked;
    end(&mut store, &session, Some(&Evidence { face_match: None, ..evidence() }), &no_bodies).unwrap();
    assert_eq!(store.session(&session.id).unwrap().unwrap().consent, session.consent);
    let kept = store.kept_outcome(&session.id).unwrap().unwrap();
    assert_eq!(kept.outcome.consent(), session.consent.as_ref());
    for change in ["consent_version = 'Jane Doe'", "consent_language = 'x y'", "consent_at = NULL", "consent_given = 2"]
    {
        let change = format!("UPDATE session SET {change} WHERE ended_at IS NULL");
        store.create_session(&record(SessionState::Created)).unwrap();
        let open = SessionRecord { consent: session.consent.clone(), ..record(SessionState::Created) };
        store.create_session(&open).unwrap();
        assert!(store.connection.execute(&change, []).is_err(), "{change}");
    }
}

#[test]
fn every_end_comes_back_and_is_open_no_more() {
    let (_folder, mut store) = fresh();
    let canceled =
        [CanceledBy::Person, CanceledBy::Staff, CanceledBy::Till, CanceledBy::Device].map(SessionState::Canceled);
    for state in canceled.into_iter().chain([SessionState::Expired]) {
        let session = record(SessionState::AwaitingConsent);
        store.create_session(&session).unwrap();
        let ended = SessionRecord { state, ..session };
        let finished = end(&mut store, &ended, None, &two_bodies).unwrap();
        assert_eq!((finished.outcome, finished.ended_at), (None, now()));
        assert_eq!(store.session(&ended.id).unwrap(), Some(ended));
    }
    assert_eq!(store.open_sessions().unwrap(), []);
    // Each leaves an event for both endpoints and an audit entry after the device's own.
    assert_eq!(counts(&store), [0, 0, 0, 10, 6]);
    assert_eq!(store.verify_audit().unwrap(), 6);
}

#[test]
fn a_verified_end_is_signed_chained_and_written_with_all_that_belongs_to_it() {
    let (_folder, mut store) = fresh();
    let (session, first) = verify_one(&mut store);
    let (_, second) = verify_one(&mut store);
    let (first, second) = (first.outcome.unwrap(), second.outcome.unwrap());
    assert_eq!((first.sequence, second.sequence), (1, 2));
    let payload = verify_attestation(&first.attestation, &store.public_key()).unwrap();
    assert_eq!(payload["device"], store.device());
    assert_eq!(payload["session"], session.id.as_str());
    assert_eq!((&payload["result"], &payload["livemode"]), (&"verified".into(), &false.into()));
    assert_eq!(payload["previous_hash"], serde_json::Value::Null);
    let payload = verify_attestation(&second.attestation, &store.public_key()).unwrap();
    assert_eq!(payload["previous_hash"], crate::store::attestation_hash(&first.attestation));
    assert_eq!(counts(&store), [2, 2, 4, 4, 3]);
    let row = "SELECT tier, method, strength, livemode FROM credential LIMIT 1";
    let row = store.connection.query_row(row, [], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?, row.get::<_, bool>(3)?))
    });
    let strong = ("over_21", "driving_license_barcode_face", "document_face", false);
    assert_eq!(row.unwrap(), (strong.0.to_owned(), strong.1.to_owned(), strong.2.to_owned(), strong.3));
    // One person, verified twice, has the same two anchors twice.
    let distinct = "SELECT count(DISTINCT value) FROM anchor";
    assert_eq!(store.connection.query_row(distinct, [], |row| row.get::<_, i64>(0)).unwrap(), 2);
}

#[test]
fn a_refused_person_leaves_no_credential_and_no_anchor() {
    let (_folder, mut store) = fresh();
    let session = record(SessionState::AwaitingFace);
    store.create_session(&session).unwrap();
    let refused = Evidence { face_match: None, ..evidence() };
    end(&mut store, &session, Some(&refused), &two_bodies).unwrap();
    assert_eq!(counts(&store), [1, 0, 0, 2, 2]);
    assert_eq!(store.verify_outcomes().unwrap(), 1);
}

#[test]
fn an_end_that_is_written_again_is_answered_the_same() {
    let (folder, mut store) = fresh();
    let (session, first) = verify_one(&mut store);
    let before = counts(&store);
    assert_eq!(end(&mut store, &session, Some(&evidence()), &two_bodies).unwrap(), first);
    drop(store);
    let mut store = Store::open(folder.path()).unwrap();
    assert_eq!(end(&mut store, &session, Some(&evidence()), &|_| panic!("nothing is rendered again")).unwrap(), first);
    assert_eq!(counts(&store), before);
    // Another end of the same session is none.
    let canceled = SessionRecord { state: SessionState::Canceled(CanceledBy::Till), ..session };
    assert!(matches!(end(&mut store, &canceled, None, &no_bodies), Err(StoreError::Terminal)));
}

#[test]
fn an_end_that_fails_halfway_leaves_nothing() {
    let (_folder, mut store) = fresh();
    let session = record(SessionState::AwaitingFace);
    store.create_session(&session).unwrap();
    let before = counts(&store);
    let twice = |facts: &EventFacts<'_>| [two_bodies(facts), two_bodies(facts)].concat();
    let empty = |_: &EventFacts<'_>| vec![OutboxBody { endpoint: "shop".to_owned(), body: String::new() }];
    let huge = |_: &EventFacts<'_>| vec![OutboxBody { endpoint: "shop".to_owned(), body: "x".repeat(65_537) }];
    let many = |facts: &EventFacts<'_>| two_bodies(facts).into_iter().cycle().take(17).collect();
    let failing: [Bodies<'_>; 4] = [&twice, &empty, &huge, &many];
    for bodies in failing {
        let failed = end(&mut store, &session, Some(&evidence()), bodies);
        assert!(matches!(failed, Err(StoreError::Refused { .. })), "{failed:?}");
        assert_eq!((counts(&store), store.session(&session.id).unwrap()), (before.clone(), Some(session.clone())));
    }
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = end(&mut store, &session, Some(&evidence()), &|_| panic!("a defect while rendering"));
    }));
    assert!(panicked.is_err());
    assert_eq!((counts(&store), store.session(&session.id).unwrap()), (before, Some(session.clone())));
    let finished = end(&mut store, &session, Some(&evidence()), &two_bodies).unwrap();
    assert_eq!(finished.outcome.unwrap().sequence, 1, "the numbers have no gap");
    store.verify_outcomes().unwrap();
}

#[test]
fn an_end_that_contradicts_its_decision_is_refused() {
    let (_folder, mut store) = fresh();
    let session = record(SessionState::AwaitingFace);
    store.create_session(&session).unwrap();
    let (good, rule) = (evidence(), rule());
    let bad = Evidence { liveness: None, ..evidence() };
    for state in [
        SessionState::Verified,
        SessionState::NotVerified,
        SessionState::Expired,
        SessionState::Canceled(CanceledBy::Person),
        SessionState::Deciding,
    ] {
        for evidence in [Some(&good), Some(&bad), None] {
            let decision = evidence.map(decision_on);
            let verdict = decision.as_ref().map(|decision| decision.verdict);
            let fits = match state {
                SessionState::Verified => verdict == Some(Verdict::Verified),
                SessionState::NotVerified => verdict == Some(Verdict::NotVerified),
                SessionState::Deciding => false,
                _ => verdict.is_none(),
            };
            let draft = decision.as_ref().zip(evidence).map(|(decision, evidence)| OutcomeDraft {
                decision,
                evidence,
                rule: &rule,
                decided_at: now(),
                expires_at: later(1),
            });
            let record = SessionRecord { state, ..session.clone() };
            let finish = Finish { record: &record, ended_at: now(), outcome: draft, bodies: &no_bodies };
            if !fits {
                assert!(matches!(store.finish(&finish), Err(StoreError::Refused { .. })), "{state:?} {verdict:?}");
            }
        }
    }
    assert_eq!(store.open_sessions().unwrap(), [session]);
    let unknown = record(SessionState::Created);
    assert!(matches!(end(&mut store, &unknown, None, &no_bodies), Err(StoreError::Missing)));
}

/// Every column of every row that a session's end has.
fn rows_of(store: &Store, session: &SessionRecord) -> Vec<Vec<Value>> {
    let queries = [
        "SELECT * FROM session WHERE id = ?1",
        "SELECT * FROM outcome WHERE session = ?1",
        "SELECT * FROM credential WHERE session = ?1",
        "SELECT anchor.* FROM anchor JOIN credential ON credential.id = anchor.credential WHERE session = ?1",
        "SELECT * FROM outbox WHERE session = ?1",
        "SELECT * FROM audit WHERE session = ?1",
    ];
    let mut rows = Vec::new();
    for query in queries {
        let mut statement = store.connection.prepare(query).unwrap();
        let columns = statement.column_count();
        let found = statement.query_map([session.id.as_str()], |row| (0..columns).map(|at| row.get(at)).collect());
        rows.extend(found.unwrap().map(Result::unwrap));
    }
    rows
}

#[derive(Debug, Clone)]
enum Call {
    Create,
    Save(SessionState),
    End(SessionState),
    Decide { verified: bool },
}

fn call() -> impl Strategy<Value = Call> {
    use SessionState as S;
    let state = prop::sample::select(vec![
        S::Created,
        S::AwaitingConsent,
        S::AwaitingDocument,
        S::AwaitingFace,
        S::Deciding,
        S::AwaitingReview,
        S::Verified,
        S::NotVerified,
        S::Canceled(CanceledBy::Person),
        S::Canceled(CanceledBy::Device),
        S::Expired,
    ]);
    prop_oneof![
        Just(Call::Create),
        state.clone().prop_map(Call::Save),
        state.prop_map(Call::End),
        any::<bool>().prop_map(|verified| Call::Decide { verified }),
    ]
}

#[test]
fn an_end_stays_through_any_calls() {
    let store = std::cell::RefCell::new(fresh());
    proptest!(ProptestConfig::with_cases(24), |(calls in prop::collection::vec(call(), 1..12))| {
        let (_, store) = &mut *store.borrow_mut();
        let mut session = record(SessionState::Created);
        let mut ended: Option<Vec<Vec<Value>>> = None;
        for call in calls {
            let done = match &call {
                Call::Create => store.create_session(&session).is_ok(),
                Call::Save(state) => {
                    session.state = *state;
                    store.save_session(&session).is_ok()
                }
                Call::End(state) => {
                    let record = SessionRecord { state: *state, ..session.clone() };
                    store.finish(&Finish { record: &record, ended_at: now(), outcome: None, bodies: &two_bodies }).is_ok()
                }
                Call::Decide { verified } => {
                    let refused = Evidence { face_match: None, ..evidence() };
                    let evidence = if *verified { evidence() } else { refused };
                    end(store, &session, Some(&evidence), &two_bodies).is_ok()
                }
            };
            if let Some(rows) = &ended {
                prop_assert_eq!(rows, &rows_of(store, &session), "{:?}", call);
                let saved = matches!(call, Call::Create | Call::Save(_));
                prop_assert!(!(done && saved), "{:?} succeeded after the end", call);
            } else if store.session(&session.id).unwrap().is_some_and(|found| found.state.is_terminal()) {
                ended = Some(rows_of(store, &session));
            }
            session.state = SessionState::Created;
        }
    });
    let (_, store) = &*store.borrow();
    store.verify_outcomes().unwrap();
    store.verify_audit().unwrap();
}

#[test]
fn the_schema_itself_refuses_to_change_what_never_changes() {
    let (_folder, mut store) = fresh();
    verify_one(&mut store);
    for change in [
        "UPDATE session SET state = 'expired'",
        "UPDATE session SET last_error = 'under_age'",
        "UPDATE session SET created_at = 0",
        "UPDATE outcome SET result = 'not_verified'",
        "DELETE FROM outcome",
        "UPDATE audit SET actor = 'staff'",
        "DELETE FROM audit",
        "UPDATE outbox SET body = 'x'",
        "DELETE FROM outbox",
    ] {
        let refused = StoreError::from(store.connection.execute(change, []).unwrap_err());
        assert!(
            matches!(refused, StoreError::Refused { what: "a change to what never changes" }),
            "{change}: {refused}"
        );
    }
    // A value in the wrong place is refused by its form.
    for name in ["Ada", "ada lovelace", "1987-03-29", "D8675309"] {
        let insert =
            "INSERT INTO audit (sequence, at, actor, action, previous_hash, hash) VALUES (9, 0, 'staff', ?1, ?2, ?2)";
        assert!(store.connection.execute(insert, (name, "a".repeat(64))).is_err(), "{name}");
    }
}
