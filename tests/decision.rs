//! No set of evidence with anything required missing verifies.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use carded::compliance::{AgeTier, PlaceDays, RuleBook, UseCase, reaches_age_on};
use carded::document::{Agreement, Check, CheckResult, CheckStrength, DocumentKind, FieldComparison, Fields};
use carded::imaging::Provenance;
use carded::liveness::{
    AgeBuffer, AgeTriage, DocumentNeed, MatchDecision, MatchResult, MatchThreshold, Similarity, TurnVerdict,
};
use carded::privacy::PersonalDate;
use carded::session::{
    AllowedType, CaptureEvidence, DocumentEvidence, DocumentOptions, EncodedSource, Evidence, LivenessEvidence,
    Outcome, OutcomeResult, OutcomeSeed, Policy, ReasonCode, Strength, Surroundings, Verdict, decide,
};
use jiff::ToSpan;
use jiff::civil::{Date, date};
use proptest::option;
use proptest::prelude::*;

const TODAY: Date = date(2026, 11, 22);

fn today() -> PlaceDays {
    PlaceDays::single(TODAY)
}

/// Evidence that verifies under the default policy for 21.
fn complete() -> Evidence {
    let agrees = |field| FieldComparison { field, printed: None, encoded: None, result: Agreement::Agrees };
    Evidence {
        capture: Some(CaptureEvidence { provenance: Provenance::Files }),
        feed: None,
        document: Some(DocumentEvidence {
            encoded: Some(EncodedSource::Barcode),
            kind: Some(DocumentKind::DrivingLicense),
            fields: Fields {
                date_of_birth: Some(PersonalDate::new(date(1990, 5, 17))),
                expiration_date: Some(PersonalDate::new(date(2030, 5, 17))),
                ..Fields::default()
            },
            checks: vec![Check::new("date_order", CheckResult::Pass, "")],
            comparisons: vec![
                agrees("id_number"),
                agrees("date_of_birth"),
                agrees("last_name"),
                agrees("expiration_date"),
            ],
            portrait_found: true,
        }),
        liveness: Some(LivenessEvidence { verdict: TurnVerdict::Live }),
        flash: None,
        age: None,
        surroundings: Surroundings::default(),
        review: None,
        returned: None,
        pass: None,
        face_match: Some(matched(MatchDecision::Match)),
        models: std::collections::BTreeMap::new(),
    }
}

fn matched(decision: MatchDecision) -> MatchResult {
    MatchResult { decision, similarity: Some(Similarity(0.8)), threshold: MatchThreshold::SHIPPED, probes: 5 }
}

fn policy() -> Policy {
    Policy::for_tier(AgeTier::Over21)
}

fn reasons_after(change: impl FnOnce(&mut Evidence)) -> Vec<ReasonCode> {
    let mut evidence = complete();
    change(&mut evidence);
    decide(&evidence, &policy(), today()).reasons
}

fn document(evidence: &mut Evidence) -> &mut DocumentEvidence {
    evidence.document.as_mut().unwrap()
}

#[test]
fn complete_evidence_verifies() {
    assert_eq!(reasons_after(|_| {}), []);
}

#[test]
fn each_missing_or_wrong_piece_is_refused_for_its_own_reason() {
    use ReasonCode as R;
    assert_eq!(reasons_after(|e| e.capture = None), [R::CaptureUnknown]);
    assert_eq!(reasons_after(|e| e.document = None), [R::DocumentMissing]);
    assert_eq!(reasons_after(|e| document(e).encoded = None), [R::DocumentUnreadable]);
    assert_eq!(reasons_after(|e| document(e).checks.clear()), [R::DocumentUnreadable]);
    assert_eq!(reasons_after(|e| document(e).kind = Some(DocumentKind::Visa)), [R::DocumentTypeNotSupported]);
    assert_eq!(
        reasons_after(|e| document(e).checks.push(Check::new("x", CheckResult::Fail, ""))),
        [R::DocumentCheckFailed]
    );
    assert_eq!(reasons_after(|e| document(e).comparisons[2].result = Agreement::Differs), [R::DocumentFieldsDiffer]);
    assert_eq!(reasons_after(|e| document(e).comparisons.truncate(2)), [R::DocumentFrontUnreadable]);
    let birth_unread = |e: &mut Evidence| document(e).comparisons[1].result = Agreement::NotCompared;
    assert_eq!(reasons_after(birth_unread), [R::DocumentFrontUnreadable]);
    assert_eq!(reasons_after(|e| document(e).portrait_found = false), [R::PortraitMissing]);
    assert_eq!(reasons_after(|e| document(e).fields.expiration_date = None), [R::DocumentExpiryUnknown]);
    assert_eq!(reasons_after(|e| document(e).fields.date_of_birth = None), [R::AgeUnknown]);
    assert_eq!(reasons_after(|e| e.liveness = None), [R::LivenessIncomplete]);
    assert_eq!(
        reasons_after(|e| e.liveness = Some(LivenessEvidence { verdict: TurnVerdict::Attack })),
        [R::LivenessAttack]
    );
    assert_eq!(reasons_after(|e| e.face_match = None), [R::FaceNotCompared]);
    assert_eq!(reasons_after(|e| e.face_match = Some(matched(MatchDecision::NonMatch))), [R::FaceMismatch]);
    assert_eq!(reasons_after(|e| e.face_match = Some(matched(MatchDecision::NoProbe))), [R::FaceNotCompared]);
}

#[test]
fn a_flagged_check_alone_never_refuses() {
    let mut evidence = complete();
    document(&mut evidence).checks.push(Check::new("subfile_offsets", CheckResult::Flag, "off by one"));
    let decision = decide(&evidence, &policy(), today());
    assert_eq!((decision.verdict, decision.flags), (Verdict::Verified, vec!["subfile_offsets".into()]));
}

#[test]
fn flags_that_add_up_refuse_however_many_weak_ones_do_not() {
    let reasons = |strengths: &[CheckStrength]| {
        reasons_after(|e| {
            let flags = strengths.iter().map(|s| Check::new("odd", CheckResult::Flag, "").with_strength(*s));
            document(e).checks.extend(flags);
        })
    };
    assert_eq!(reasons(&[CheckStrength::Weak; 9]), []);
    assert_eq!(reasons(&[CheckStrength::Strong]), []);
    assert_eq!(reasons(&[CheckStrength::Moderate, CheckStrength::Moderate]), []);
    assert_eq!(reasons(&[CheckStrength::Strong, CheckStrength::Moderate]), [ReasonCode::DocumentCheckFailed]);
}

#[test]
fn expired_licence_is_refused_on_the_day_after() {
    let on = |day| {
        let mut evidence = complete();
        document(&mut evidence).fields.expiration_date = Some(PersonalDate::new(date(2026, 11, 22)));
        decide(&evidence, &policy(), PlaceDays::single(day)).reasons
    };
    assert_eq!(on(date(2026, 11, 22)), []);
    assert_eq!(on(date(2026, 11, 23)), [ReasonCode::DocumentExpired]);
}

#[test]
fn a_person_born_on_a_leap_day_is_of_age_on_the_first_of_march() {
    let on = |day| {
        let mut evidence = complete();
        document(&mut evidence).fields.date_of_birth = Some(PersonalDate::new(date(2004, 2, 29)));
        decide(&evidence, &policy(), PlaceDays::single(day)).reasons
    };
    assert_eq!(on(date(2025, 2, 28)), [ReasonCode::UnderAge]);
    assert_eq!(on(date(2025, 3, 1)), []);
}

#[test]
fn around_midnight_the_stricter_of_the_place_s_days_counts() {
    let days = PlaceDays { earliest: date(2026, 11, 21), latest: date(2026, 11, 22) };
    let with = |birth, expiry| {
        let mut evidence = complete();
        document(&mut evidence).fields.date_of_birth = Some(PersonalDate::new(birth));
        document(&mut evidence).fields.expiration_date = Some(PersonalDate::new(expiry));
        decide(&evidence, &policy(), days).reasons
    };
    assert_eq!(with(date(2005, 11, 22), date(2030, 1, 1)), [ReasonCode::UnderAge]);
    assert_eq!(with(date(2000, 1, 1), date(2026, 11, 21)), [ReasonCode::DocumentExpired]);
}

fn result() -> impl Strategy<Value = CheckResult> {
    prop_oneof![
        4 => Just(CheckResult::Pass),
        1 => Just(CheckResult::Fail),
        1 => Just(CheckResult::Flag),
        1 => Just(CheckResult::NotApplicable)
    ]
}

fn agreement() -> impl Strategy<Value = Agreement> {
    prop_oneof![4 => Just(Agreement::Agrees), 1 => Just(Agreement::Differs), 2 => Just(Agreement::NotCompared)]
}

fn day() -> impl Strategy<Value = Date> {
    (-40_000i32..6_000).prop_map(|offset| TODAY + offset.days())
}

fn named_fields([id_number, last_name, first_name]: [Option<&str>; 3]) -> Fields {
    let [id_number, last_name, first_name] = [id_number, last_name, first_name].map(|text| text.map(Into::into));
    Fields { id_number, last_name, first_name, ..Fields::default() }
}

prop_compose! {
    fn any_document()(
        encoded in option::weighted(0.8, prop_oneof![Just(EncodedSource::Barcode), Just(EncodedSource::Mrz), Just(EncodedSource::Front)]),
        kind in option::weighted(0.8, prop_oneof![3 => Just(DocumentKind::DrivingLicense), 1 => Just(DocumentKind::Passport), 1 => Just(DocumentKind::Visa)]),
        birth in option::weighted(0.8, day()),
        expiry in option::weighted(0.8, (-100i32..4_000).prop_map(|offset| TODAY + offset.days())),
        checks in prop::collection::vec(result(), 0..3),
        agreements in prop::collection::vec((prop::sample::select(vec!["id_number", "date_of_birth", "last_name"]), agreement()), 0..6),
        portrait_found in prop::bool::weighted(0.8),
        named in prop::array::uniform3(option::weighted(0.9, Just("NAME"))),
    ) -> DocumentEvidence {
        DocumentEvidence {
            encoded,
            kind,
            fields: Fields { date_of_birth: birth.map(PersonalDate::new), expiration_date: expiry.map(PersonalDate::new), ..named_fields(named) },
            checks: checks.into_iter().map(|result| Check::new("check", result, "")).collect(),
            comparisons: agreements.into_iter().map(|(field, result)| FieldComparison { field, printed: None, encoded: None, result }).collect(),
            portrait_found,
        }
    }
}

prop_compose! {
    fn any_evidence()(
        capture in option::weighted(0.8, Just(CaptureEvidence { provenance: Provenance::Files })),
        document in option::weighted(0.9, any_document()),
        liveness in option::weighted(0.8, prop_oneof![3 => Just(TurnVerdict::Live), 1 => Just(TurnVerdict::Attack), 1 => Just(TurnVerdict::Incomplete)]),
        age in option::of(prop_oneof![Just(AgeTriage::ClearlyAbove), Just(AgeTriage::DocumentNeeded(DocumentNeed::Unsteady))]),
        compared in option::weighted(0.8, prop_oneof![3 => Just(MatchDecision::Match), 1 => Just(MatchDecision::NonMatch), 1 => Just(MatchDecision::NoProbe)]),
    ) -> Evidence {
        Evidence {
            capture,
            feed: None,
            document,
            liveness: liveness.map(|verdict| LivenessEvidence { verdict }),
            flash: None,
            age,
            surroundings: Surroundings::default(),
            review: None,
            returned: None,
            pass: None,
            face_match: compared.map(matched),
            models: std::collections::BTreeMap::new(),
        }
    }
}

prop_compose! {
    fn any_policy()(liveness in any::<bool>(), accept_front_only in any::<bool>(), face in any::<bool>(), fields in 0usize..4, required in option::of(Just("date_of_birth")), buffer in option::of(0_u8..=20), asks_identity in any::<bool>()) -> Policy {
        Policy { age_triage: buffer.and_then(AgeBuffer::from_years), asks_identity, accept_front_only, require_liveness: liveness, require_face_match: face, min_agreeing_fields: fields, required_fields: required.into_iter().collect(), ..policy() }
    }
}

prop_compose! {
    fn any_options()(
        allowed_types in prop::collection::vec(prop::sample::select(AllowedType::ALL.to_vec()), 0..4),
        require_live_capture in any::<Option<bool>>(), require_matching_selfie in any::<Option<bool>>(),
        require_id_number in any::<Option<bool>>(),
    ) -> DocumentOptions {
        DocumentOptions { allowed_types, require_live_capture, require_matching_selfie, require_id_number }
    }
}

/// Points of a flag: three of them refuse.
fn weight(flag: &Check) -> u32 {
    [CheckStrength::Weak, CheckStrength::Moderate, CheckStrength::Strong]
        .iter()
        .position(|s| *s == flag.strength)
        .unwrap() as u32
}

/// What the policy requires, written down a second time and independently of the decision.
fn everything_required_is_there(evidence: &Evidence, policy: &Policy) -> bool {
    let Some(document) = &evidence.document else {
        return policy.age_triage.is_some()
            && !policy.asks_identity
            && policy.require_liveness
            && evidence.age == Some(AgeTriage::ClearlyAbove)
            && evidence.capture.is_some()
            && evidence.liveness.is_some_and(|liveness| liveness.verdict == TurnVerdict::Live)
            && evidence.face_match.is_none_or(|compared| match compared.decision {
                MatchDecision::Match => true,
                MatchDecision::NonMatch => false,
                MatchDecision::NoProbe => !policy.require_face_match,
            });
    };
    let date = |value: &Option<PersonalDate>| value.as_ref().map(PersonalDate::reveal);
    let mut agreeing: Vec<&str> =
        document.comparisons.iter().filter(|c| c.result == Agreement::Agrees).map(|c| c.field).collect();
    agreeing.sort_unstable();
    agreeing.dedup();
    let liveness = evidence.liveness.map(|liveness| liveness.verdict);
    evidence.capture.is_some()
        && document.encoded.is_some()
        && document.kind.is_some_and(|kind| kind != DocumentKind::Visa)
        && date(&document.fields.expiration_date).is_some_and(|last| last >= TODAY)
        && date(&document.fields.date_of_birth).is_some_and(|birth| reaches_age_on(birth, 21) <= TODAY)
        && document.checks.iter().all(|check| check.result != CheckResult::Fail)
        && document.checks.iter().filter(|check| check.result == CheckResult::Flag).map(weight).sum::<u32>() < 3
        && document.checks.iter().any(|check| check.result == CheckResult::Pass)
        && if document.encoded == Some(EncodedSource::Front) {
            let fields = &document.fields;
            let named = [&fields.id_number, &fields.last_name, &fields.first_name].iter().all(|field| field.is_some());
            policy.accept_front_only && named
        } else {
            document.comparisons.iter().all(|c| c.result != Agreement::Differs)
                && agreeing.len() >= policy.min_agreeing_fields
                && policy.required_fields.iter().all(|field| {
                    document.comparisons.iter().any(|c| c.field == *field && c.result == Agreement::Agrees)
                })
        }
        && liveness != Some(TurnVerdict::Attack)
        && (!policy.require_liveness || liveness == Some(TurnVerdict::Live))
        && (!policy.require_face_match
            || (document.portrait_found && evidence.face_match.is_some_and(|m| m.decision == MatchDecision::Match)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]
    #[test]
    fn nothing_verifies_with_anything_required_missing(evidence in any_evidence(), policy in any_policy()) {
        let decision = decide(&evidence, &policy, today());
        let verified = decision.verdict == Verdict::Verified;
        prop_assert!(!verified || everything_required_is_there(&evidence, &policy));
        prop_assert_eq!(verified, decision.reasons.is_empty());
    }

    #[test]
    fn a_narrowed_policy_verifies_nothing_that_the_place_s_own_does_not(
        evidence in any_evidence(), policy in any_policy(), options in any_options(), asks_identity in any::<bool>()
    ) {
        let narrowed = policy.clone().narrowed_by(&options, asks_identity);
        let verified = decide(&evidence, &narrowed, today()).verdict == Verdict::Verified;
        prop_assert!(!verified || decide(&evidence, &policy, today()).verdict == Verdict::Verified);
        let kind = evidence.document.as_ref().and_then(|document| document.kind);
        let allowed = options.allowed_types.iter().map(|allowed| allowed.kind()).collect::<Vec<_>>();
        prop_assert!(!verified || allowed.is_empty() || kind.is_none_or(|kind| allowed.contains(&kind)));
        let matched = evidence.face_match.is_some_and(|compared| compared.decision == MatchDecision::Match);
        prop_assert!(!verified || options.require_matching_selfie != Some(true) || (matched && kind.is_some()));
    }

    #[test]
    fn taking_evidence_away_never_turns_a_refusal_into_a_pass(evidence in any_evidence(), which in 0usize..4) {
        let before = decide(&evidence, &policy(), today()).verdict;
        let mut less = evidence;
        match which {
            0 => less.capture = None,
            1 => less.document = None,
            2 => less.liveness = None,
            _ => less.face_match = None,
        }
        let after = decide(&less, &policy(), today()).verdict;
        prop_assert!(before == Verdict::Verified || after == Verdict::NotVerified);
    }

    #[test]
    fn reasons_are_named_once_and_in_the_table_s_order(evidence in any_evidence(), policy in any_policy()) {
        let reasons = decide(&evidence, &policy, today()).reasons;
        let in_order: Vec<ReasonCode> = ReasonCode::all().filter(|code| reasons.contains(code)).collect();
        prop_assert_eq!(reasons, in_order);
    }
}

#[test]
fn a_card_that_only_its_print_speaks_for_verifies_where_policy_says_so_and_is_never_called_strong() {
    let rule = RuleBook::built_in()
        .unwrap()
        .resolve(UseCase::AlcoholInPerson, &"US-CA".parse().unwrap(), PlaceDays::single(date(2026, 11, 23)))
        .unwrap();
    let mut evidence = complete();
    if let Some(document) = &mut evidence.document {
        document.encoded = Some(EncodedSource::Front);
        document.comparisons.clear();
        let (birth, expiry) = (document.fields.date_of_birth.clone(), document.fields.expiration_date.clone());
        document.fields = Fields {
            date_of_birth: birth,
            expiration_date: expiry,
            ..named_fields([Some("X1"), Some("A"), Some("B")])
        };
    }
    assert_eq!(decide(&evidence, &policy(), today()).reasons, [ReasonCode::DocumentFrontOnly]);
    let accepting = Policy { accept_front_only: true, ..policy() };
    let decision = decide(&evidence, &accepting, today());
    let outcome = Outcome::new(seed(), &decision, &evidence, &rule);
    assert_eq!((outcome.result(), outcome.strength()), (OutcomeResult::Verified, Some(Strength::FrontOnly)));
    assert_eq!(outcome.method(), Some("driving_license_front_face"));
}

fn seed() -> OutcomeSeed {
    let now: jiff::Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    OutcomeSeed {
        id: "out_1".to_owned(),
        session: "vks_1".to_owned(),
        device: "dev_1".to_owned(),
        sequence: 0,
        previous_hash: None,
        decided_at: now,
        expires_at: now,
        consent: None,
        live_session: false,
    }
}

#[test]
fn an_outcome_from_files_is_never_live_and_names_no_person() {
    let rule = RuleBook::built_in()
        .unwrap()
        .resolve(UseCase::AlcoholInPerson, &"US-CA".parse().unwrap(), PlaceDays::single(date(2026, 11, 23)))
        .unwrap();
    let evidence = complete();
    let decision = decide(&evidence, &policy(), today());
    let outcome = Outcome::new(seed(), &decision, &evidence, &rule);
    assert_eq!((outcome.result(), outcome.livemode()), (OutcomeResult::Verified, false));
    let json = serde_json::to_string(&outcome).unwrap();
    for part in
        ["\"livemode\":false", "\"provenance\":\"files\"", "\"tier\":\"over_21\"", "\"strength\":\"document_face\""]
    {
        assert!(json.contains(part), "{part} in {json}");
    }
    assert!(!json.contains("1990"), "{json}");
}
