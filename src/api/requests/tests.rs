use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn create(form: &str) -> Result<CreateRequest, ApiError> {
    CreateRequest::read(Params::form(form.as_bytes()).unwrap(), Dialect::Stripe, false)
}

fn stile(json: &str) -> Result<CreateRequest, ApiError> {
    CreateRequest::read(Params::json(json.as_bytes()).unwrap(), Dialect::Stile, false)
}

fn refusal<T: std::fmt::Debug>(result: Result<T, ApiError>) -> (ErrorCode, String) {
    let error = result.unwrap_err();
    (error.code, error.param.unwrap_or_default())
}

#[test]
fn what_cannot_be_carried_out_is_refused_by_its_name() {
    use ErrorCode as C;
    for (form, code, param) in [
        ("type=id_number", C::NotSupported, "type"),
        ("type=selfie", C::ParameterInvalid, "type"),
        ("options[document][require_id_number]=true", C::NotSupported, "options[document][require_id_number]"),
        (
            "options[document][allowed_types][1]=x&options[document][allowed_types][0]=passport",
            C::ParameterInvalid,
            "options[document][allowed_types][1]",
        ),
        ("options[document][colour]=red", C::ParameterUnknown, "options[document][colour]"),
        ("options[id_number]=1", C::ParameterUnknown, "options[id_number]"),
        ("return_url=nowhere", C::ParameterInvalid, "return_url"),
        ("carded[use_case]=parachuting", C::ParameterInvalid, "carded[use_case]"),
        ("carded[jurisdiction]=Nevada", C::JurisdictionUnresolvable, "carded[jurisdiction]"),
        ("metadata[carded_test_outcome]=perhaps", C::ParameterInvalid, "metadata[carded_test_outcome]"),
        ("expand[0]=customer", C::ParameterInvalid, "expand[0]"),
        ("related_person[account]=x", C::ParameterUnknown, "related_person[account]"),
    ] {
        assert_eq!(refusal(create(form)), (code, param.to_owned()), "{form}");
    }
    for (json, code, param) in [
        (r#"{"type":"document"}"#, C::ParameterInvalid, "type"),
        (r#"{"jurisdiction":"US-CA","delivery_jurisdiction":"US-NV"}"#, C::ParameterInvalid, "delivery_jurisdiction"),
        (r#"{"metadata":{"a":1}}"#, C::ParameterInvalid, "metadata[a]"),
        (r#"{"use_case":7}"#, C::ParameterInvalid, "use_case"),
    ] {
        assert_eq!(refusal(stile(json)), (code, param.to_owned()), "{json}");
    }
}

#[test]
fn both_dialects_ask_for_the_same_in_their_own_words() {
    let form =
        create("carded[use_case]=firearms&carded[jurisdiction]=US-TX&client_reference_id=a&metadata[k]=v").unwrap();
    let json = stile(
        r#"{"use_case":"firearms","delivery_jurisdiction":"US-TX","client_reference_id":"a","metadata":{"k":"v"}}"#,
    );
    let json = json.unwrap();
    assert_eq!((form.use_case, &form.jurisdiction), (json.use_case, &json.jurisdiction));
    assert_eq!(form.details.metadata, json.details.metadata);
    assert_eq!(form.details.client_reference_id, json.details.client_reference_id);
    assert!(stile(r#"{"type":"identity"}"#).unwrap().details.asks_identity);
}

#[test]
fn words_of_guides_are_taken_for_kinds_of_documents() {
    let form = "options[document][allowed_types][]=drivers_license&options[document][allowed_types][]=national_id_card";
    let types = create(form).unwrap().details.options.allowed_types;
    assert_eq!(types, [AllowedType::DrivingLicense, AllowedType::IdCard]);
}

#[test]
fn every_reason_can_be_chosen_by_our_code_and_every_reachable_code_of_stripe_s_too() {
    let chosen = |value: &str| {
        let request = create(&format!("metadata[{TEST_OUTCOME}]={value}")).unwrap();
        test_outcome(&request.details).unwrap().unwrap()
    };
    for code in ReasonCode::all() {
        assert_eq!(chosen(code.as_str()), TestOutcome::NotVerified(code));
        let by_stripe = chosen(code.entry().stripe);
        let TestOutcome::NotVerified(same) = by_stripe else { panic!("{by_stripe:?}") };
        assert_eq!(same.entry().stripe, code.entry().stripe);
    }
    assert_eq!(chosen("verified"), TestOutcome::Verified);
    assert_eq!(chosen("abandoned"), TestOutcome::Expired);
}

/// All that Stripe's API has.
const STRIPE: [&str; 19] = [
    "abandoned",
    "consent_declined",
    "country_not_supported",
    "device_not_supported",
    "document_expired",
    "document_type_not_supported",
    "document_unverified_other",
    "email_unverified_other",
    "email_verification_declined",
    "id_number_insufficient_document_data",
    "id_number_mismatch",
    "id_number_unverified_other",
    "phone_unverified_other",
    "phone_verification_declined",
    "selfie_document_missing_photo",
    "selfie_face_mismatch",
    "selfie_manipulated",
    "selfie_unverified_other",
    "under_supported_age",
];

#[test]
fn every_code_of_stripe_s_can_be_reached_or_the_documentation_says_why_not() {
    let mut reachable: BTreeSet<&str> = ReasonCode::all().map(|code| code.entry().stripe).collect();
    reachable.insert("abandoned");
    let page = include_str!("../../../docs/api.md");
    let table = page.split("### Stripe's nineteen").nth(1).unwrap();
    for code in STRIPE {
        let row = table.lines().find(|line| line.contains(&format!("`{code}`"))).unwrap_or_else(|| panic!("{code}"));
        assert_eq!(row.contains("never:"), !reachable.contains(code), "{code}");
    }
    assert!(reachable.iter().all(|code| STRIPE.contains(code)));
}

fn snapshot(state: SessionState, details: SessionDetails) -> SessionSnapshot {
    let record = crate::session::SessionRecord {
        id: SessionId::from_random(&[1; SessionId::CHARACTERS]),
        use_case: UseCase::AlcoholInPerson,
        jurisdiction: "US-CA".parse().unwrap(),
        state,
        attempts: crate::session::AttemptsLeft { document: 1, face: 1 },
        consent: None,
        last_error: None,
        created_at: jiff::Timestamp::UNIX_EPOCH,
        expires_at: jiff::Timestamp::UNIX_EPOCH,
    };
    SessionSnapshot { record, details, outcome: None, overriding: None }
}

#[test]
fn a_change_keeps_what_it_does_not_name_and_unsets_what_it_empties() {
    let details = create("metadata[a]=1&metadata[b]=2&options[document][allowed_types][]=passport").unwrap().details;
    let session = |state| snapshot(state, details.clone());
    let open = session(SessionState::Created);
    let change = |form: &str| UpdateRequest::read(Params::form(form.as_bytes()).unwrap()).unwrap();
    let changed = change("metadata[a]=&metadata[c]=3").made_to(&open).unwrap();
    assert_eq!(changed.metadata.iter().collect::<Vec<_>>(), [("b", "2"), ("c", "3")]);
    assert_eq!(changed.options, details.options);
    assert!(change("metadata=").made_to(&open).unwrap().metadata.is_empty());
    // While the person is checked by the options these stay; what was said beside them may change.
    let shown = session(SessionState::AwaitingDocument);
    assert!(change("metadata[a]=x").made_to(&shown).is_ok());
    let options = change("options[document][allowed_types][]=id_card");
    assert!(options.made_to(&open).is_ok());
    assert_eq!(refusal(options.made_to(&shown)).0, ErrorCode::SessionNotOpen);
    for ended in [SessionState::Deciding, SessionState::Verified, SessionState::NotVerified, SessionState::Expired] {
        assert_eq!(refusal(change("metadata[a]=x").made_to(&session(ended))).0, ErrorCode::SessionNotOpen);
    }
}

#[test]
fn a_page_has_one_cursor_and_1_to_100_entries_and_statuses_are_the_dialect_s() {
    let list = |form: &str| ListRequest::sessions(Params::form(form.as_bytes()).unwrap(), Dialect::Stripe, false);
    let id = format!("vs_{}", "0".repeat(24));
    assert_eq!(list("").unwrap().limit, 10);
    for (form, param) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
        ("starting_after=vks_0", "starting_after"),
        ("status=failed", "status"),
        ("created[after]=5", "created[after]"),
    ] {
        assert_eq!(refusal(list(form)).1, param, "{form}");
    }
    assert_eq!(refusal(list(&format!("starting_after={id}&ending_before={id}"))).1, "ending_before");
    let exact = list("created=5").unwrap().filter.created;
    assert_eq!((exact.gte, exact.lte), (Some(5), Some(5)));
    assert_eq!(list("created[gt]=5").unwrap().filter.created.gt, Some(5));
}

proptest! {
    #[test]
    fn no_form_and_no_json_makes_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), live: bool) {
        for params in [Params::form(&bytes), Params::json(&bytes)].into_iter().flatten() {
            for dialect in [Dialect::Stripe, Dialect::Stile] {
                let _ = CreateRequest::read(params.clone(), dialect, live);
                let _ = ListRequest::sessions(params.clone(), dialect, live);
            }
            let _ = UpdateRequest::read(params.clone());
            let _ = ListRequest::reports(params, live);
        }
    }
}

#[test]
fn what_the_staff_say_is_taken_by_its_own_word_and_no_other() {
    let read = |operation: fn(Params) -> Result<StaffRequest, ApiError>, form: &str| {
        operation(Params::form(form.as_bytes()).unwrap())
            .map(|request| request.good)
            .map_err(|error| error.param.unwrap())
    };
    let code = "staff_code=1234+5678";
    assert_eq!(read(StaffRequest::review, &format!("{code}&decision=accepted")), Ok(true));
    assert_eq!(read(StaffRequest::review, &format!("{code}&decision=refused")), Ok(false));
    assert_eq!(read(StaffRequest::overriding, &format!("{code}&result=verified")), Ok(true));
    assert_eq!(read(StaffRequest::overriding, &format!("{code}&result=not_verified")), Ok(false));
    for (form, param) in [
        ("decision=accepted".to_owned(), "staff_code"),
        ("staff_code=12345&decision=accepted".to_owned(), "staff_code"),
        (code.to_owned(), "decision"),
        (format!("{code}&decision=verified"), "decision"),
        (format!("{code}&decision=accepted&result=verified"), "result"),
    ] {
        assert_eq!(read(StaffRequest::review, &form), Err(param.to_owned()), "{form}");
    }
    let cancel = CancelRequest::read(Params::form(code.as_bytes()).unwrap(), "x").unwrap();
    assert!(cancel.code.is_some() && !cancel.expand);
}
