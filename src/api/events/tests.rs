use jiff::civil::date;

use super::*;
use crate::document::{Fields, Sex};
use crate::imaging::Provenance;
use crate::privacy::{Personal, PersonalDate, StaffId};
use crate::session::{
    AttemptsLeft, CanceledBy, CaptureEvidence, Evidence, KeptOutcome, Outcome, OutcomeResult, OutcomeSeed,
    SessionDetails, SessionId, SessionRecord,
};
use crate::verified;

const DIALECTS: [Dialect; 2] = [Dialect::Stripe, Dialect::Stile];
/// Every personal value of the evidence holds this, so that one search finds any of them.
const PERSONAL: &str = "ZZPERSONALZZ";

fn record(state: SessionState) -> SessionRecord {
    let id = SessionId::from_random(&[2; SessionId::CHARACTERS]);
    SessionRecord {
        attempts: AttemptsLeft { document: 0, face: 0 },
        ..verified::record(id, state, "2026-11-22T12:00:00Z".parse().unwrap())
    }
}

fn personal() -> Personal<String> {
    PERSONAL.into()
}

/// An outcome from evidence in which every field of a person is filled.
fn outcome() -> Outcome {
    let fields = Fields {
        name_is_cut_off: true,
        names_are_transliterated: true,
        first_name: Some(personal()),
        middle_name: Some(personal()),
        last_name: Some(personal()),
        suffix: Some(personal()),
        date_of_birth: Some(PersonalDate::new(date(1987, 3, 14))),
        expiration_date: Some(PersonalDate::new(date(2031, 7, 19))),
        issue_date: Some(PersonalDate::new(date(2022, 8, 23))),
        sex: Some(Sex::X),
        height_cm: Some(183),
        street: Some(personal()),
        street_2: Some(personal()),
        city: Some(personal()),
        jurisdiction_code: Some(PERSONAL.to_owned()),
        postal_code: Some(personal()),
        country: Some(PERSONAL.to_owned()),
        id_number: Some(personal()),
        nationality: Some(personal()),
        issuing_state: Some(PERSONAL.to_owned()),
        document_number: Some(personal()),
    };
    let capture = Some(CaptureEvidence { provenance: Provenance::Files });
    let evidence = Evidence { capture, ..verified::evidence(fields, PERSONAL) };
    let (decision, rule) = (verified::decision_on(&evidence), verified::rule());
    let seed = OutcomeSeed {
        id: "out_1".to_owned(),
        session: "222222222222222222222222".to_owned(),
        device: "dev_1".to_owned(),
        sequence: 1,
        previous_hash: None,
        decided_at: "2026-11-22T12:01:00Z".parse().unwrap(),
        expires_at: "2026-12-22T12:01:00Z".parse().unwrap(),
        consent: None,
        live_session: false,
    };
    Outcome::new(seed, &decision, &evidence, &rule)
}

fn event(dialect: Dialect, kind: EventKind, state: SessionState, outcome: Option<&Outcome>) -> Option<Value> {
    let kept = |outcome: &Outcome| KeptOutcome { outcome: outcome.clone(), attestation: "e30.e30.AA".to_owned() };
    let details = SessionDetails::new(dialect, false);
    let snapshot = SessionSnapshot { record: record(state), details, outcome: outcome.map(kept), overriding: None };
    let event = SessionEvent {
        id: "evt_222222222222222222222222",
        kind,
        snapshot: &snapshot,
        camera_is_live: true,
        at: "2026-11-22T12:01:01Z".parse().unwrap(),
    };
    event_body(dialect, Vocabulary::Real, &event).map(|body| serde_json::from_str(&body).unwrap())
}

fn body(dialect: Dialect, state: SessionState, outcome: Option<&Outcome>) -> Option<Value> {
    event(dialect, EventKind::Ended, state, outcome)
}

fn name(dialect: Dialect, state: SessionState) -> Option<&'static str> {
    event_name(dialect, Vocabulary::Real, EventKind::Ended, state)
}

#[test]
fn every_end_has_the_event_that_the_dialect_has_for_it() {
    use SessionState as S;
    let by = CanceledBy::Person;
    for (state, stripe, stile) in [
        (S::Verified, "identity.verification_session.verified", "verification_session.verified"),
        (S::NotVerified, "identity.verification_session.requires_input", "verification_session.failed"),
        (S::Canceled(by), "identity.verification_session.canceled", "verification_session.cancelled"),
        (S::Expired, "identity.verification_session.canceled", "verification_session.expired"),
    ] {
        assert_eq!(name(Dialect::Stripe, state), Some(stripe));
        assert_eq!(name(Dialect::Stile, state), Some(stile));
        assert_eq!(body(Dialect::Stripe, state, None).unwrap()["type"], stripe);
        assert_eq!(body(Dialect::Stile, state, None).unwrap()["type"], stile);
    }
}

#[test]
fn a_session_that_goes_on_has_no_event() {
    use SessionState as S;
    for state in [S::Created, S::AwaitingConsent, S::AwaitingDocument, S::AwaitingFace, S::Deciding, S::AwaitingReview]
    {
        for dialect in DIALECTS {
            assert!(!state.is_terminal());
            assert_eq!(name(dialect, state), None, "{state:?}");
            assert_eq!(body(dialect, state, None), None, "{state:?}");
        }
    }
}

#[test]
fn stripe_hears_of_beginning_and_redaction_too_and_guides_have_a_name_of_their_own() {
    for (kind, stripe) in [
        (EventKind::Created, "identity.verification_session.created"),
        (EventKind::Redacted, "identity.verification_session.redacted"),
    ] {
        assert_eq!(event(Dialect::Stripe, kind, SessionState::Created, None).unwrap()["type"], stripe);
        assert_eq!(event(Dialect::Stile, kind, SessionState::Created, None), None);
    }
    let guide = event_name(Dialect::Stripe, Vocabulary::Guide, EventKind::Ended, SessionState::NotVerified);
    assert_eq!(guide, Some("identity.verification_session.not_verified"));
}

#[test]
fn the_envelope_has_the_fields_of_the_reference() {
    for dialect in DIALECTS {
        let event = body(dialect, SessionState::Verified, Some(&outcome())).unwrap();
        let keys: Vec<_> = event.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            keys,
            ["api_version", "created", "data", "id", "livemode", "object", "pending_webhooks", "request", "type"]
        );
        assert_eq!(event["object"], "event");
        assert_eq!(event["id"], "evt_222222222222222222222222");
        assert_eq!(event["created"], 1_795_348_861);
        assert_eq!(event["request"], json!({ "id": null, "idempotency_key": null }));
        assert_eq!(event["data"].as_object().unwrap().keys().collect::<Vec<_>>(), ["object"]);
        assert_eq!(event["livemode"], event["data"]["object"]["livemode"]);
    }
    let of = |dialect| body(dialect, SessionState::Verified, None).unwrap()["api_version"].clone();
    assert_eq!((of(Dialect::Stripe), of(Dialect::Stile)), (json!("2026-10-28.endive"), Value::Null));
}

#[test]
fn the_outcome_and_its_attestation_stand_beside_the_session_s_own_fields() {
    for dialect in DIALECTS {
        let decided = body(dialect, SessionState::Verified, Some(&outcome())).unwrap();
        let carded = &decided["data"]["object"]["carded"];
        assert_eq!(carded["outcome"]["result"], "verified");
        assert_eq!(carded["outcome"]["id"], "out_1");
        assert_eq!(carded["attestation"], "e30.e30.AA");
        assert_eq!(decided["data"]["object"]["status"], "verified");
        let canceled = body(dialect, SessionState::Expired, None).unwrap();
        assert_eq!(
            canceled["data"]["object"]["carded"],
            json!({ "outcome": null, "attestation": null, "overridden_by": null })
        );
    }
}

#[test]
fn both_dialects_hear_under_one_name_that_the_staff_have_overridden_an_outcome() {
    let first = outcome();
    let seed = OutcomeSeed {
        id: "out_2".to_owned(),
        session: first.session().to_owned(),
        device: "dev_1".to_owned(),
        sequence: 2,
        previous_hash: None,
        decided_at: "2026-11-22T12:05:00Z".parse().unwrap(),
        expires_at: first.expires_at(),
        consent: None,
        live_session: false,
    };
    let staff = StaffId::from_random(&[5; SessionId::CHARACTERS]);
    let new = Outcome::overriding(&first, seed, staff, OutcomeResult::NotVerified);
    let kept = |outcome: &Outcome| KeptOutcome { outcome: outcome.clone(), attestation: "e30.e30.AA".to_owned() };
    for dialect in DIALECTS {
        let snapshot = SessionSnapshot {
            record: record(SessionState::Verified),
            details: SessionDetails::new(dialect, false),
            outcome: Some(kept(&first)),
            overriding: Some(kept(&new)),
        };
        let at = "2026-11-22T12:05:00Z".parse().unwrap();
        let event =
            SessionEvent { id: "evt_1", kind: EventKind::Overridden, snapshot: &snapshot, camera_is_live: true, at };
        let body: Value = serde_json::from_str(&event_body(dialect, Vocabulary::Real, &event).unwrap()).unwrap();
        assert_eq!(
            (&body["type"], &body["data"]["object"]["status"]),
            (&json!("carded.outcome.overridden"), &json!("verified"))
        );
        let carded = &body["data"]["object"]["carded"];
        assert_eq!((&carded["outcome"]["id"], &carded["outcome"]["result"]), (&json!("out_1"), &json!("verified")));
        let new = &carded["overridden_by"]["outcome"];
        assert_eq!((&new["result"], &new["reason"]), (&json!("not_verified"), &json!("staff_refused")));
        assert_eq!(new["overrides"], json!({ "outcome": "out_1", "staff": format!("stf_{}", "5".repeat(24)) }));
        assert_eq!((&new["strength"], &new["checks"], &new["model_digests"]), (&Value::Null, &json!([]), &json!({})));
    }
}

#[test]
fn an_event_is_as_live_as_the_outcome_that_it_tells_of() {
    let seed = |id: &str, live_session| OutcomeSeed {
        id: id.to_owned(),
        session: "222222222222222222222222".to_owned(),
        device: "dev_1".to_owned(),
        sequence: 1,
        previous_hash: None,
        decided_at: "2026-11-22T12:01:00Z".parse().unwrap(),
        expires_at: "2026-12-22T12:01:00Z".parse().unwrap(),
        consent: None,
        live_session,
    };
    // Nobody was seen: refused, in the session's mode.
    let (decision, rule) = (verified::decision_on(&Evidence::default()), verified::rule());
    let refused = |live| Outcome::new(seed("out_1", live), &decision, &Evidence::default(), &rule);
    assert_eq!((refused(true).livemode(), refused(false).livemode()), (true, false));
    let kept = |outcome: &Outcome| KeptOutcome { outcome: outcome.clone(), attestation: "e30.e30.AA".to_owned() };
    for dialect in DIALECTS {
        for result in [OutcomeResult::Verified, OutcomeResult::NotVerified] {
            let staff = StaffId::from_random(&[5; SessionId::CHARACTERS]);
            let new = Outcome::overriding(&refused(true), seed("out_2", true), staff, result);
            // What no pinned camera saw is verified by nobody in live mode.
            assert_eq!(new.livemode(), result == OutcomeResult::NotVerified);
            let snapshot = SessionSnapshot {
                record: record(SessionState::NotVerified),
                details: SessionDetails::new(dialect, true),
                outcome: Some(kept(&refused(true))),
                overriding: Some(kept(&new)),
            };
            for (kind, livemode) in [(EventKind::Ended, true), (EventKind::Overridden, new.livemode())] {
                let at = "2026-11-22T12:05:00Z".parse().unwrap();
                let event = SessionEvent { id: "evt_1", kind, snapshot: &snapshot, camera_is_live: true, at };
                let body: Value =
                    serde_json::from_str(&event_body(dialect, Vocabulary::Real, &event).unwrap()).unwrap();
                assert_eq!(body["livemode"], livemode, "{dialect:?} {kind:?} {result:?}");
            }
        }
    }
}

#[test]
fn stripe_hears_that_the_staff_are_asked_to_look() {
    let asked = |dialect| event(dialect, EventKind::Processing, SessionState::AwaitingReview, None);
    let stripe = asked(Dialect::Stripe).unwrap();
    assert_eq!(stripe["type"], "identity.verification_session.processing");
    assert_eq!(stripe["data"]["object"]["status"], "processing");
    assert_eq!(asked(Dialect::Stile), None);
}

#[test]
fn no_event_holds_anything_of_the_person() {
    let outcome = outcome();
    for dialect in DIALECTS {
        let event = body(dialect, SessionState::Verified, Some(&outcome)).unwrap();
        let session = &event["data"]["object"];
        assert!(["verified_outputs", "client_secret", "url"].into_iter().all(|field| session[field].is_null()));
        let text = event.to_string();
        for personal in [PERSONAL, "1987", "2031", "2022-08", "183", "0.8"] {
            assert!(!text.contains(personal), "{personal} in {text}");
        }
    }
}
