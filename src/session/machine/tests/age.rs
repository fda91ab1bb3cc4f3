//! Whether a document is needed at all.

use super::*;
use crate::liveness::{AgeBuffer, AgeFrames, AgeTriage, DocumentNeed, EstimatedAge};
use crate::session::Strength;

pub(super) fn policy() -> Policy {
    Policy { age_triage: AgeBuffer::from_years(9), ..Policy::for_tier(AgeTier::Over21) }
}

/// A live face whose frames gave these estimates; nothing is compared with it, because there is no portrait.
fn aged(years: &[f32]) -> FaceSeen {
    let mut frames = AgeFrames::default();
    for &years in years {
        frames.add(EstimatedAge::from_years(years));
    }
    of_triage(frames.triage(policy().age_threshold().unwrap()))
}

pub(super) fn of_triage(triage: AgeTriage) -> FaceSeen {
    let models = [("age_estimation".to_owned(), "ab".repeat(32))].into();
    FaceSeen { face_match: None, age: Some(AgeSeen { triage, models }), ..live() }
}

/// A session that has begun with a policy, and the effects of the consent.
fn begun(policy: Policy) -> (Session, Vec<Effect>) {
    let told = policy.age_threshold().is_some();
    let mut session = Session::new(record(), policy, CaptureId(7), at(0));
    let _ = session.step(Event::Opened, at(1));
    assert_eq!(session.prompt().estimates_age, told);
    let effects = session.step(answered(true), at(2));
    (session, effects)
}

fn read(session: &mut Session, effects: &[Effect], seen: FaceSeen) -> Vec<Effect> {
    session.step(Event::FaceRead { capture: capture_of(effects), seen }, at(10))
}

fn outcome_of(effects: &[Effect]) -> Outcome {
    let Some(Ending::Decided { decision, evidence }) = ending_of(effects) else { panic!("{effects:?}") };
    let rule = RuleBook::built_in()
        .unwrap()
        .resolve(UseCase::AlcoholInPerson, &"US-CA".parse().unwrap(), PlaceDays::single(date(2026, 11, 23)))
        .unwrap();
    let seed = OutcomeSeed {
        id: "out_1".to_owned(),
        session: "vks_1".to_owned(),
        device: "dev_1".to_owned(),
        sequence: 1,
        previous_hash: None,
        decided_at: at(10).wall,
        expires_at: at(20).wall,
        consent: None,
        live_session: false,
    };
    Outcome::new(seed, decision, evidence, &rule)
}

#[test]
fn a_live_face_that_is_clearly_above_is_verified_without_a_document_and_the_outcome_says_how() {
    let (mut session, effects) = begun(policy());
    assert_eq!(session.record().state, SessionState::AwaitingFace, "the face comes first");
    assert!(!session.prompt().estimates_age, "told where the person agrees, and only there");
    let effects = read(&mut session, &effects, aged(&[40.0, 41.0, 42.0, 43.0]));
    let outcome = outcome_of(&effects);
    assert_eq!(outcome.result(), OutcomeResult::Verified);
    assert_eq!((outcome.method(), outcome.strength()), (Some("age_estimate"), Some(Strength::AgeEstimate)));
    assert!(Strength::AgeEstimate < Strength::FrontOnly, "it is the weakest");
    let result = |name: &str| outcome.checks().iter().find(|check| check.name == name).unwrap().result;
    assert_eq!((result("age_estimate"), result("liveness")), (CheckResult::Pass, CheckResult::Pass));
    assert_eq!((result("face_match"), result("expiry")), (CheckResult::NotApplicable, CheckResult::NotApplicable));
}

#[test]
fn anyone_else_goes_the_document_way_with_every_attempt_and_without_a_reproach() {
    for years in [&[29.9; 8][..], &[60.0; 3], &[25.0, 35.0, 45.0, 55.0, 65.0], &[]] {
        let (mut session, effects) = begun(policy());
        let effects = read(&mut session, &effects, aged(years));
        assert!(ending_of(&effects).is_none());
        assert_eq!((session.record().state, session.record().last_error), (SessionState::AwaitingDocument, None));
        assert_eq!(session.record().attempts, AttemptsLeft { document: BUDGET.document - 1, face: BUDGET.face });
        let seen = document(Card::Good);
        let effects = session.step(Event::DocumentRead { capture: capture_of(&effects), seen }, at(20));
        // Whoever looks older with the document in hand is not asked that again.
        assert!(effects.iter().any(|effect| matches!(
            effect,
            Effect::Capture { task: CaptureTask::Face { age: None, portrait: Some(_) }, .. }
        )));
        let outcome = outcome_of(&read(&mut session, &effects, live()));
        assert_eq!(
            (outcome.method(), outcome.strength()),
            (Some("driving_license_barcode_face"), Some(Strength::DocumentFace))
        );
    }
}

#[test]
fn a_face_that_is_not_shown_to_be_alive_is_never_clearly_above() {
    let seen = |verdict| FaceSeen { liveness: LivenessEvidence { verdict }, ..aged(&[70.0; 8]) };
    let (mut session, effects) = begun(policy());
    let effects = read(&mut session, &effects, seen(TurnVerdict::Incomplete));
    assert!(ending_of(&effects).is_none());
    assert_eq!(session.record().state, SessionState::AwaitingDocument);
    assert_eq!(session.record().attempts.face, BUDGET.face - 1, "it counts as a head turn that failed");
    assert_eq!(session.record().last_error, Some(ReasonCode::LivenessIncomplete));
    // What looks like an attack ends the session, as it does with a document.
    let (mut session, effects) = begun(policy());
    let outcome = outcome_of(&read(&mut session, &effects, seen(TurnVerdict::Attack)));
    assert_eq!(outcome.reason(), Some(ReasonCode::LivenessAttack));
}

#[test]
fn a_face_of_unknown_source_or_from_a_suspect_feed_is_never_clearly_above() {
    let odd = FeedReport::from_iter([FeedSign::Frozen]);
    assert!(odd.refuses());
    for seen in [
        FaceSeen { provenance: None, ..aged(&[70.0; 8]) },
        FaceSeen { feed: None, ..aged(&[70.0; 8]) },
        FaceSeen { feed: Some(odd), ..aged(&[70.0; 8]) },
    ] {
        let (mut session, effects) = begun(policy());
        let effects = read(&mut session, &effects, seen);
        assert!(ending_of(&effects).is_none());
        assert_eq!(session.record().state, SessionState::AwaitingDocument);
    }
}

#[test]
fn the_last_head_turn_that_fails_before_any_document_ends_the_session() {
    let attempts = AttemptsLeft { document: 2, face: 1 };
    let mut session = Session::new(SessionRecord { attempts, ..record() }, policy(), CaptureId(7), at(0));
    let _ = session.step(Event::Opened, at(1));
    let effects = session.step(answered(true), at(2));
    let seen = FaceSeen { liveness: LivenessEvidence { verdict: TurnVerdict::Incomplete }, ..aged(&[70.0; 8]) };
    let outcome = outcome_of(&read(&mut session, &effects, seen));
    assert_eq!(outcome.reason(), Some(ReasonCode::LivenessIncomplete));
}

#[test]
fn who_asks_who_somebody_is_or_does_not_ask_for_life_always_asks_for_the_document() {
    for policy in [
        Policy { age_triage: None, ..policy() },
        Policy { asks_identity: true, ..policy() },
        Policy { require_liveness: false, ..policy() },
    ] {
        let (mut session, effects) = begun(policy);
        assert_eq!(session.record().state, SessionState::AwaitingDocument);
        // Nor does an answer count that nobody asked for.
        let seen = document(Card::Good);
        let effects = session.step(Event::DocumentRead { capture: capture_of(&effects), seen }, at(9));
        if let Some(Effect::Capture { task: CaptureTask::Face { age, .. }, .. }) = effects.get(1) {
            assert_eq!(*age, None);
        }
    }
}

#[test]
fn a_fault_while_the_face_is_looked_at_asks_for_the_same_again() {
    let (mut session, _) = begun(policy());
    let _ = session.step(Event::Faulted { fault: DeviceFault::CameraSilent }, at(5));
    let effects = session.step(Event::Recovered, at(6));
    assert_eq!(session.record().attempts, AttemptsLeft { face: BUDGET.face - 1, ..BUDGET });
    assert!(matches!(
        effects[..],
        [Effect::Save, Effect::Capture { task: CaptureTask::Face { age: Some(_), .. }, .. }]
    ));
}

#[test]
fn a_face_that_runs_out_of_time_goes_the_document_way() {
    let (mut session, _) = begun(policy());
    let _ = session.step(Event::TimePassed, at(2 + FACE_WITHIN.as_secs()));
    assert_eq!(session.record().state, SessionState::AwaitingDocument);
    assert_eq!(session.record().last_error, Some(ReasonCode::LivenessIncomplete));
}

#[test]
fn what_is_written_and_told_is_the_same_whatever_the_estimates_were() {
    let told = |years: &[f32]| {
        let (mut session, effects) = begun(policy());
        let effects = read(&mut session, &effects, aged(years));
        (serde_json::to_string(&outcome_of(&effects)).unwrap(), format!("{effects:?}{session:?}"))
    };
    assert_eq!(told(&[31.0; 5]), told(&[77.5, 78.5, 79.5, 78.0, 77.0, 79.0]));
    // Of those who need a document not even the reason is kept.
    let kept = |need| {
        let (mut session, effects) = begun(policy());
        let effects = read(&mut session, &effects, of_triage(AgeTriage::DocumentNeeded(need)));
        format!("{effects:?}{session:?}")
    };
    let other = [DocumentNeed::Unsteady, DocumentNeed::OutOfRange, DocumentNeed::NotClearlyAbove].map(kept);
    assert!(other.iter().all(|other| *other == kept(DocumentNeed::TooFewFrames)));
}
