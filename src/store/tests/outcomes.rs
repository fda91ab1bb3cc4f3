//! Outcomes of the staff: new ones over those that ended a session, which stay.

use std::cell::RefCell;

use super::requests::{ask, details};
use super::*;
use crate::privacy::StaffId;
use crate::session::{KeptOutcome, OutcomeResult, ReasonCode};
use crate::store::{Actor, Override, OverrideFacts, OverrideRefusal};

fn staff(number: u8) -> StaffId {
    StaffId::from_random(&[number; SessionId::CHARACTERS])
}

fn by(
    store: &mut Store,
    session: &SessionRecord,
    who: u8,
    result: OutcomeResult,
    at: Timestamp,
) -> Result<Result<KeptOutcome, OverrideRefusal>, StoreError> {
    let bodies = |facts: &OverrideFacts<'_>| {
        let body = serde_json::json!({ "id": facts.event, "first": facts.first.outcome, "new": facts.new.outcome });
        vec![OutboxBody { endpoint: "shop".to_owned(), body: body.to_string() }]
    };
    let staff = staff(who);
    store.override_outcome(&Override { session: &session.id, result, staff: &staff, at, again: false, bodies: &bodies })
}

/// Makes a session and refuses it.
fn refuse_one(store: &mut Store) -> SessionRecord {
    let session = record(SessionState::AwaitingFace);
    store.create_session(&session).unwrap();
    end(store, &session, Some(&Evidence { face_match: None, ..evidence() }), &no_bodies).unwrap();
    SessionRecord { state: SessionState::NotVerified, ..session }
}

#[test]
fn the_staff_s_outcome_refers_to_the_first_and_the_session_stays() {
    let (_folder, mut store) = fresh();
    let session = refuse_one(&mut store);
    let before = counts(&store);
    let new = by(&mut store, &session, 1, OutcomeResult::Verified, later(60)).unwrap().unwrap();
    let first = store.kept_outcome(&session.id).unwrap().unwrap();
    let overrides = new.outcome.overrides().unwrap();
    assert_eq!((overrides.outcome.as_str(), &overrides.staff), (first.outcome.id(), &staff(1)));
    assert_eq!((new.outcome.sequence(), new.outcome.result()), (2, OutcomeResult::Verified));
    assert_eq!((new.outcome.method(), new.outcome.strength()), (Some("staff"), None));
    assert_eq!(new.outcome.expires_at(), first.outcome.expires_at(), "it grants nothing for longer");
    assert_eq!(store.overriding(&session.id).unwrap(), Some(new));
    assert_eq!(store.session(&session.id).unwrap(), Some(session));
    // An outcome, an event and an audit entry more, and neither credential nor anchors: nothing was shown to the device.
    let after: Vec<_> = counts(&store).iter().zip(&before).map(|(after, before)| after - before).collect();
    assert_eq!(after, [1, 0, 0, 1, 1]);
    assert_eq!((store.verify_outcomes().unwrap(), store.verify_audit().is_ok()), (2, true));
}

#[test]
fn with_a_person_who_is_verified_no_more_go_credential_and_anchors() {
    let (_folder, mut store) = fresh();
    let (session, _) = verify_one(&mut store);
    let (other, _) = verify_one(&mut store);
    assert_eq!((count(&store, "credential"), count(&store, "anchor")), (2, 4));
    let new = by(&mut store, &session, 1, OutcomeResult::NotVerified, later(60)).unwrap().unwrap();
    assert_eq!(new.outcome.reason(), Some(ReasonCode::StaffRefused));
    assert_eq!((count(&store, "credential"), count(&store, "anchor")), (1, 2));
    // Another of them takes that back: what would know the person again is gone all the same.
    let back = by(&mut store, &session, 2, OutcomeResult::Verified, later(90)).unwrap().unwrap();
    assert_eq!(store.overriding(&session.id).unwrap(), Some(back.clone()));
    assert_eq!(back.outcome.overrides().unwrap().outcome, new.outcome.overrides().unwrap().outcome);
    assert_eq!(count(&store, "credential"), 1);
    assert_eq!(store.overriding(&other.id).unwrap(), None);
    assert_eq!(store.verify_outcomes().unwrap(), 4);
}

#[test]
fn an_override_that_is_asked_for_again_is_answered_the_same() {
    let (_folder, mut store) = fresh();
    let session = refuse_one(&mut store);
    let first = by(&mut store, &session, 1, OutcomeResult::Verified, later(60)).unwrap().unwrap();
    let before = counts(&store);
    assert_eq!(by(&mut store, &session, 1, OutcomeResult::Verified, later(99)).unwrap(), Ok(first));
    assert_eq!(by(&mut store, &session, 2, OutcomeResult::Verified, later(99)).unwrap(), Err(OverrideRefusal::Same));
    assert_eq!(counts(&store), before);
}

#[test]
fn a_try_that_was_cut_off_is_not_done_again_over_what_came_after_it() {
    let (_folder, mut store) = fresh();
    let session = refuse_one(&mut store);
    let first = by(&mut store, &session, 1, OutcomeResult::Verified, later(60)).unwrap().unwrap();
    let back = by(&mut store, &session, 2, OutcomeResult::NotVerified, later(70)).unwrap().unwrap();
    let (result, staff) = (OutcomeResult::Verified, staff(1));
    let bodies = |_: &OverrideFacts<'_>| panic!("nothing is told again");
    let wish = Override { session: &session.id, result, staff: &staff, at: later(80), again: true, bodies: &bodies };
    assert_eq!(store.override_outcome(&wish).unwrap(), Ok(first));
    assert_eq!(store.overriding(&session.id).unwrap(), Some(back));
    // A clock that was set back before the decision overrides nothing.
    let early = by(&mut store, &session, 3, OutcomeResult::Verified, later(-60));
    assert!(matches!(early, Err(StoreError::Clock)));
}

#[test]
fn what_was_not_decided_is_over_or_was_redacted_is_not_overridden() {
    let (_folder, mut store) = fresh();
    let open = record(SessionState::Created);
    store.create_session(&open).unwrap();
    let expired = record(SessionState::Created);
    store.create_session(&expired).unwrap();
    end(&mut store, &expired, None, &no_bodies).unwrap();
    let old = refuse_one(&mut store);
    let redacted = ask(&mut store, &details("mark"));
    end(&mut store, &redacted, Some(&Evidence { face_match: None, ..evidence() }), &no_bodies).unwrap();
    store.redact(&redacted.id, later(1), Actor::Till, None).unwrap();
    let before = counts(&store);
    for (session, at, refusal) in [
        (&open, 1, OverrideRefusal::Undecided),
        (&expired, 1, OverrideRefusal::Undecided),
        (&old, 86_400, OverrideRefusal::Over),
        (&redacted, 2, OverrideRefusal::Redacted),
    ] {
        let refused = by(&mut store, session, 1, OutcomeResult::Verified, later(at)).unwrap();
        assert_eq!(refused, Err(refusal));
    }
    let same = by(&mut store, &old, 1, OutcomeResult::NotVerified, later(1)).unwrap();
    assert_eq!(same, Err(OverrideRefusal::Same));
    let unknown = record(SessionState::Created);
    assert!(matches!(by(&mut store, &unknown, 1, OutcomeResult::Verified, later(1)), Err(StoreError::Missing)));
    assert_eq!(counts(&store), before);
}

#[test]
fn an_override_whose_event_cannot_be_written_is_none() {
    let (_folder, mut store) = fresh();
    let (session, _) = verify_one(&mut store);
    let before = counts(&store);
    let seen = RefCell::new(None);
    let huge = |facts: &OverrideFacts<'_>| {
        seen.replace(Some(facts.new.outcome.sequence()));
        vec![OutboxBody { endpoint: "shop".to_owned(), body: "x".repeat(65_537) }]
    };
    let (result, staff) = (OutcomeResult::NotVerified, staff(1));
    let wish = Override { session: &session.id, result, staff: &staff, at: later(1), again: false, bodies: &huge };
    assert!(matches!(store.override_outcome(&wish), Err(StoreError::Refused { .. })));
    assert_eq!((seen.into_inner(), counts(&store)), (Some(2), before));
    assert_eq!(store.verify_outcomes().unwrap(), 1);
}

#[test]
fn the_schema_takes_no_second_end_and_no_override_of_another_session() {
    let (_folder, mut store) = fresh();
    let (session, _) = verify_one(&mut store);
    let other = refuse_one(&mut store);
    by(&mut store, &other, 1, OutcomeResult::Verified, later(1)).unwrap().unwrap();
    let (ended, overridden) =
        (store.kept_outcome(&session.id).unwrap().unwrap(), store.overriding(&other.id).unwrap().unwrap());
    let insert = "INSERT INTO outcome (sequence, id, session, result, livemode, jws, decided_at, overrides)
        VALUES (9, ?1, ?2, 'verified', 0, 'a.b.c', 1, ?3)";
    let id = format!("out_{}", "2".repeat(24));
    for overrides in [None, Some(ended.outcome.id()), Some(overridden.outcome.id()), Some("out_")] {
        let refused = store.connection.execute(insert, (&id, other.id.as_str(), overrides));
        assert!(refused.is_err(), "{overrides:?}");
    }
}
