use serde_json::json;

use super::*;
use crate::compliance::UseCase;
use crate::session::{
    AllowedType, AttemptsLeft, CanceledBy, ReasonCode, SessionDetails, SessionId, SessionRecord, SessionState,
};

fn snapshot(state: SessionState, last_error: Option<ReasonCode>) -> SessionSnapshot {
    let record = SessionRecord {
        id: SessionId::from_random(&[1; SessionId::CHARACTERS]),
        use_case: UseCase::AlcoholInPerson,
        jurisdiction: "US-CA".parse().unwrap(),
        state,
        attempts: AttemptsLeft { document: 1, face: 1 },
        consent: None,
        last_error,
        created_at: "2026-11-22T12:00:00Z".parse().unwrap(),
        expires_at: "2026-11-23T12:00:00Z".parse().unwrap(),
    };
    SessionSnapshot { record, details: SessionDetails::new(Dialect::Stripe, true), outcome: None, overriding: None }
}

fn shown(dialect: Dialect, snapshot: &SessionSnapshot) -> Value {
    session_view(snapshot, Showing { with_outcome: false, ..Showing::of_event(dialect, true) })
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn a_stripe_session_has_the_fields_of_the_sdk_s_type() {
    let view = shown(Dialect::Stripe, &snapshot(SessionState::Verified, None));
    // VerificationSession of npm stripe 23.1.0; its optional related_person and verification_flow are left out.
    assert_eq!(
        keys(&view),
        [
            "client_reference_id",
            "client_secret",
            "created",
            "id",
            "last_error",
            "last_verification_report",
            "livemode",
            "metadata",
            "object",
            "options",
            "provided_details",
            "redaction",
            "related_customer",
            "related_customer_account",
            "status",
            "type",
            "url",
            "verified_outputs",
        ]
    );
    assert_eq!(view["object"], "identity.verification_session");
    assert_eq!(view["id"], "vs_111111111111111111111111");
    assert_eq!(view["created"], 1_795_348_800);
    assert_eq!(
        (&view["type"], &view["status"], &view["livemode"]),
        (&json!("document"), &json!("verified"), &json!(true))
    );
    for absent in ["client_secret", "url", "verified_outputs", "provided_details", "last_error", "redaction"] {
        assert!(view[absent].is_null(), "{absent}");
    }
}

#[test]
fn a_failed_session_names_its_reason_in_each_dialect_s_words() {
    let session = snapshot(SessionState::NotVerified, Some(ReasonCode::DocumentCheckFailed));
    let stripe = shown(Dialect::Stripe, &session);
    assert_eq!(stripe["status"], "requires_input");
    assert_eq!(stripe["last_error"]["code"], "document_unverified_other");
    assert_eq!(stripe["last_error"]["reason"], "We could not confirm this document");
    let stile = shown(Dialect::Stile, &session);
    assert_eq!(stile["status"], "failed");
    assert_eq!(stile["last_error"]["code"], "document_invalid");
}

#[test]
fn a_session_that_ran_out_is_abandoned_to_stripe_and_expired_to_stile() {
    let session = snapshot(SessionState::Expired, None);
    let stripe = shown(Dialect::Stripe, &session);
    assert_eq!((&stripe["status"], &stripe["last_error"]["code"]), (&json!("canceled"), &json!("abandoned")));
    let stile = shown(Dialect::Stile, &session);
    assert_eq!((&stile["status"], &stile["last_error"]), (&json!("expired"), &Value::Null));
}

#[test]
fn an_attempt_that_failed_before_leaves_no_error_on_a_verified_session() {
    let session = snapshot(SessionState::Verified, Some(ReasonCode::FaceNotCompared));
    for dialect in [Dialect::Stripe, Dialect::Stile] {
        assert_eq!(shown(dialect, &session)["last_error"], Value::Null, "{dialect:?}");
    }
}

#[test]
fn a_stile_session_says_what_for_where_and_until_when() {
    let view = shown(Dialect::Stile, &snapshot(SessionState::Canceled(CanceledBy::Till), None));
    assert_eq!(view["id"], "vks_111111111111111111111111");
    assert_eq!(view["object"], "verification_session");
    assert_eq!(view["status"], "cancelled");
    assert_eq!((&view["use_case"], &view["jurisdiction"]), (&json!("alcohol_in_person"), &json!("US-CA")));
    assert_eq!(view["expires_at"], 1_795_435_200);
    assert!(view["client_secret"].is_null() && view["url"].is_null());
}

#[test]
fn only_what_a_live_key_made_before_a_pinned_camera_is_live() {
    let live = snapshot(SessionState::Created, None);
    let details = SessionDetails::new(Dialect::Stripe, false);
    let test = SessionSnapshot { details, ..live.clone() };
    for (session, camera, expected) in [(&live, true, true), (&live, false, false), (&test, true, false)] {
        for dialect in [Dialect::Stripe, Dialect::Stile] {
            let view = session_view(session, Showing::of_event(dialect, camera));
            assert_eq!(view["livemode"], expected, "{dialect:?}");
        }
    }
}

#[test]
fn words_of_guides_are_there_for_those_who_ask_for_them_and_for_nobody_else() {
    let session = snapshot(SessionState::NotVerified, Some(ReasonCode::DocumentExpired));
    let showing = Showing { vocabulary: Vocabulary::Guide, ..Showing::of_event(Dialect::Stripe, true) };
    let guide = session_view(&session, showing);
    assert_eq!(guide["verification_outcome"], "not_verified");
    assert_eq!(guide["last_verification_error"], guide["last_error"]);
    assert_eq!(guide["expires_at"], 1_795_435_200);
    let real = shown(Dialect::Stripe, &session);
    for field in ["verification_outcome", "last_verification_error", "expires_at"] {
        assert!(real.get(field).is_none(), "{field}");
    }
}

#[test]
fn options_are_echoed_and_live_capture_is_always_in_force() {
    let mut session = snapshot(SessionState::Created, None);
    let none = shown(Dialect::Stripe, &session);
    assert_eq!(none["options"], json!({ "document": { "require_live_capture": true } }));
    session.details.options.allowed_types = vec![AllowedType::Passport];
    session.details.options.require_matching_selfie = Some(true);
    let some = shown(Dialect::Stripe, &session);
    assert_eq!(some["options"]["document"]["allowed_types"], json!(["passport"]));
    assert_eq!(some["options"]["document"]["require_matching_selfie"], true);
}
