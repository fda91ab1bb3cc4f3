mod age;
mod flash;
mod passes;
mod properties;
mod returning;
mod surroundings;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, civil::date};

use super::*;
use crate::compliance::{AgeTier, PlaceDays, RuleBook, UseCase};
use crate::document::{Agreement, Check, CheckResult, DocumentKind, FieldComparison, Fields};
use crate::imaging::Provenance;
use crate::liveness::{
    FeedReport, FeedSign, MatchDecision, MatchResult, MatchThreshold, Similarity, Template, TurnVerdict,
};
use crate::privacy::{PersonalDate, StaffId};
use crate::session::{
    AttemptsLeft, ConsentText, DocumentEvidence, EncodedSource, Evidence, Hint, LivenessEvidence, ModelDigests,
    Outcome, OutcomeResult, OutcomeSeed, Review, SessionId, ShownBy, Surroundings, Verdict, decide,
};

const BUDGET: AttemptsLeft = AttemptsLeft { document: 2, face: 2 };

fn at(seconds: u64) -> Now {
    let start: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    let wall = start + SignedDuration::from_secs(seconds as i64);
    Now {
        uptime: Duration::from_secs(seconds),
        wall,
        expiry: wall,
        days: PlaceDays::single(date(2026, 11, 22)),
        surroundings: Surroundings::default(),
    }
}

fn record() -> SessionRecord {
    let now = at(0).wall;
    SessionRecord {
        id: SessionId::from_random(&[3; SessionId::CHARACTERS]),
        use_case: UseCase::AlcoholInPerson,
        jurisdiction: "US-CA".parse().unwrap(),
        state: SessionState::Created,
        attempts: BUDGET,
        consent: None,
        last_error: None,
        created_at: now,
        expires_at: now + SignedDuration::from_hours(24),
    }
}

/// The person's answer to the device's own text.
fn answered(given: bool) -> Event {
    Event::ConsentAnswered { given, text: ConsentText::own(false), shown_by: ShownBy::Display }
}

fn session() -> Session {
    Session::new(record(), Policy::for_tier(AgeTier::Over21), CaptureId(7), at(0))
}

/// What can be wrong with a document of the tests.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Card {
    Good,
    Expired,
    UnderAge,
    Altered,
    Unread,
}

fn document(card: Card) -> Box<DocumentSeen> {
    let day = |year| Some(PersonalDate::new(date(year, 1, 1)));
    let fields = Fields {
        date_of_birth: day(if card == Card::UnderAge { 2010 } else { 1980 }),
        expiration_date: day(if card == Card::Expired { 2020 } else { 2030 }),
        ..Fields::default()
    };
    let agreement = if card == Card::Altered { Agreement::Differs } else { Agreement::Agrees };
    let compared = ["date_of_birth", "expiration_date", "family_name"];
    let compared = compared.map(|field| FieldComparison { field, printed: None, encoded: None, result: agreement });
    let encoded = (card != Card::Unread).then_some(EncodedSource::Barcode);
    let evidence = DocumentEvidence {
        encoded,
        kind: Some(DocumentKind::DrivingLicense),
        fields,
        checks: vec![Check::new("structure", CheckResult::Pass, String::new())],
        comparisons: compared.to_vec(),
        portrait_found: true,
    };
    let portrait = Template::from_embedding(&[1.0; Template::LENGTH]).ok();
    Box::new(DocumentSeen {
        evidence,
        portrait,
        provenance: Provenance::Simulated,
        feed: Some(clean_feed()),
        models: ModelDigests::new(),
        pass_anchor: Some(passes::ANCHOR),
    })
}

fn face(verdict: TurnVerdict, decision: MatchDecision, provenance: Option<Provenance>) -> FaceSeen {
    let compared =
        MatchResult { similarity: Some(Similarity(0.7)), threshold: MatchThreshold::SHIPPED, decision, probes: 2 };
    FaceSeen {
        liveness: LivenessEvidence { verdict },
        flash: None,
        face_match: Some(compared),
        age: None,
        provenance,
        feed: Some(clean_feed()),
        models: ModelDigests::new(),
    }
}

fn clean_feed() -> FeedReport {
    FeedReport::from_iter([])
}

fn live() -> FaceSeen {
    face(TurnVerdict::Live, MatchDecision::Match, Some(Provenance::PinnedCamera))
}

fn capture_of(effects: &[Effect]) -> CaptureId {
    let found = effects.iter().find_map(|effect| match effect {
        Effect::Capture { capture, .. } => Some(*capture),
        Effect::Save | Effect::Rest | Effect::Commit { .. } => None,
    });
    found.expect("an effect asks for a capture")
}

fn ending_of(effects: &[Effect]) -> Option<&Ending> {
    effects.iter().find_map(|effect| match effect {
        Effect::Commit { ending, .. } => Some(ending.as_ref()),
        Effect::Save | Effect::Rest | Effect::Capture { .. } => None,
    })
}

/// A session that waits for a document, and its capture.
fn awaiting_document() -> (Session, CaptureId) {
    let mut session = session();
    assert!(matches!(session.step(Event::Opened, at(1))[..], [Effect::Save]));
    let effects = session.step(answered(true), at(2));
    // The charged attempt is on disk before the camera is used.
    assert!(matches!(effects[..], [Effect::Save, Effect::Capture { .. }]), "{effects:?}");
    (session, capture_of(&effects))
}

/// A session that waits for a head turn, and its capture.
fn awaiting_face() -> (Session, CaptureId) {
    let (mut session, capture) = awaiting_document();
    let effects = session.step(Event::DocumentRead { capture, seen: document(Card::Good) }, at(3));
    assert_eq!(session.record().state, SessionState::AwaitingFace);
    (session, capture_of(&effects))
}

#[test]
fn a_good_document_and_its_live_holder_are_verified_once_the_end_is_on_disk() {
    let (mut session, capture) = awaiting_face();
    let effects = session.step(Event::FaceRead { capture, seen: live() }, at(10));
    assert!(matches!(effects[..], [Effect::Rest, Effect::Commit { .. }]));
    assert_eq!((session.record().state, session.prompt().screen), (SessionState::Deciding, Screen::Deciding));
    assert!(session.step(Event::Committed, at(11)).is_empty());
    assert_eq!((session.record().state, session.prompt().screen), (SessionState::Verified, Screen::Verified));
    assert_eq!(session.deadline(), None);
}

#[test]
fn an_expired_document_may_be_replaced_until_the_attempts_are_spent() {
    let (mut session, capture) = awaiting_document();
    let effects = session.step(Event::DocumentRead { capture, seen: document(Card::Expired) }, at(3));
    assert_eq!(session.record().state, SessionState::AwaitingDocument);
    assert_eq!(session.prompt().last_error, Some(ReasonCode::DocumentExpired));
    let again = capture_of(&effects);
    // The answer of the first capture comes once more, late, and counts for nothing.
    assert!(session.step(Event::DocumentRead { capture, seen: document(Card::Good) }, at(4)).is_empty());
    let effects = session.step(Event::DocumentRead { capture: again, seen: document(Card::Expired) }, at(5));
    let Some(Ending::Decided { decision, .. }) = ending_of(&effects) else { panic!("{effects:?}") };
    assert_eq!(decision.reasons, [ReasonCode::DocumentExpired]);
    // What was never asked for does not count as failed.
    let liveness = decision.checks.iter().find(|check| check.name == "liveness").unwrap();
    assert_eq!(liveness.result, CheckResult::NotApplicable);
    let _ = session.step(Event::Committed, at(6));
    assert_eq!(session.prompt().screen, Screen::NotVerified { reason: ReasonCode::DocumentExpired });
}

#[test]
fn what_cannot_be_tried_again_ends_at_once() {
    let (mut session, capture) = awaiting_document();
    let effects = session.step(Event::DocumentRead { capture, seen: document(Card::UnderAge) }, at(3));
    assert_eq!(ending_of(&effects).map(Ending::state), Some(SessionState::NotVerified));
    let (mut session, capture) = awaiting_face();
    let attack = face(TurnVerdict::Attack, MatchDecision::Match, Some(Provenance::PinnedCamera));
    let effects = session.step(Event::FaceRead { capture, seen: attack }, at(9));
    assert_eq!(ending_of(&effects).map(Ending::state), Some(SessionState::NotVerified));
}

#[test]
fn a_face_that_does_not_match_gets_a_second_try_with_the_same_document() {
    let (mut session, capture) = awaiting_face();
    let other = || face(TurnVerdict::Live, MatchDecision::NonMatch, Some(Provenance::PinnedCamera));
    let effects = session.step(Event::FaceRead { capture, seen: other() }, at(9));
    assert_eq!(session.record().state, SessionState::AwaitingFace);
    assert_eq!(session.prompt().last_error, Some(ReasonCode::FaceMismatch));
    let capture = capture_of(&effects);
    let effects = session.step(Event::FaceRead { capture, seen: other() }, at(19));
    assert_eq!(ending_of(&effects).map(Ending::state), Some(SessionState::NotVerified));
}

#[test]
fn a_feed_that_no_camera_gives_fails_the_attempt_and_an_odd_one_flags() {
    for sign in FeedSign::ALL {
        let (mut session, capture) = awaiting_face();
        let seen = FaceSeen { feed: Some(FeedReport::from_iter([sign])), ..live() };
        let effects = session.step(Event::FaceRead { capture, seen }, at(9));
        if sign.refuses() {
            assert_eq!(session.prompt().last_error, Some(ReasonCode::CameraFeedSuspect), "{sign:?}");
            assert_eq!(session.record().state, SessionState::AwaitingFace, "{sign:?}: it may be tried again");
            continue;
        }
        let Some(Ending::Decided { decision, .. }) = ending_of(&effects) else { panic!("{effects:?}") };
        assert_eq!(decision.verdict, Verdict::Verified, "{sign:?}");
        assert_eq!(decision.flags, ["injection_suspected"], "{sign:?}");
    }
}

#[test]
fn an_odd_feed_may_be_made_a_matter_for_the_staff_and_while_the_document_is_read_it_only_flags() {
    let policy = Policy { review_flags: vec!["injection_suspected"], ..Policy::for_tier(AgeTier::Over21) };
    let mut session = Session::new(record(), policy, CaptureId(7), at(0));
    let _ = session.step(Event::Opened, at(1));
    let effects = session.step(answered(true), at(2));
    let mut seen = document(Card::Good);
    seen.feed = Some(FeedReport::from_iter([FeedSign::Frozen]));
    let effects = session.step(Event::DocumentRead { capture: capture_of(&effects), seen }, at(3));
    let _ = session.step(Event::FaceRead { capture: capture_of(&effects), seen: live() }, at(9));
    assert_eq!(session.prompt().screen, Screen::Review);
}

#[test]
fn frames_of_the_pinned_camera_that_nobody_watched_never_verify() {
    let (mut session, capture) = awaiting_document();
    let mut seen = document(Card::Good);
    seen.provenance = Provenance::PinnedCamera;
    let effects = session.step(Event::DocumentRead { capture, seen }, at(3));
    let seen = FaceSeen { feed: None, ..live() };
    let _ = session.step(Event::FaceRead { capture: capture_of(&effects), seen }, at(9));
    assert_eq!(session.record().last_error, Some(ReasonCode::CaptureUnknown));
}

#[test]
fn a_document_that_was_tried_too_often_is_refused_before_the_head_turn_and_not_tried_again() {
    let (mut session, capture) = awaiting_face();
    let earlier = CaptureId(capture.0 - 1);
    assert!(session.step(Event::AttemptsSpent { capture: earlier }, at(4)).is_empty());
    let effects = session.step(Event::AttemptsSpent { capture }, at(4));
    let Some(Ending::Decided { decision, evidence }) = ending_of(&effects) else { panic!("{effects:?}") };
    assert_eq!(decision.reasons, [ReasonCode::TooManyAttempts]);
    assert!(evidence.liveness.is_none());
    let _ = session.step(Event::Committed, at(5));
    assert_eq!(session.prompt().screen, Screen::NotVerified { reason: ReasonCode::TooManyAttempts });
}

#[test]
fn who_used_up_the_last_attempt_hears_why_it_failed() {
    let (mut session, capture) = awaiting_face();
    let other = face(TurnVerdict::Live, MatchDecision::NonMatch, Some(Provenance::PinnedCamera));
    let capture = capture_of(&session.step(Event::FaceRead { capture, seen: other }, at(9)));
    let effects = session.step(Event::AttemptsSpent { capture }, at(9));
    let Some(Ending::Decided { decision, .. }) = ending_of(&effects) else { panic!("{effects:?}") };
    assert_eq!(decision.reasons, [ReasonCode::FaceMismatch]);
}

#[test]
fn declined_consent_is_refused_without_any_capture() {
    let mut session = session();
    let _ = session.step(Event::Opened, at(1));
    let effects = session.step(answered(false), at(2));
    let Some(Ending::Decided { decision, evidence }) = ending_of(&effects) else { panic!("{effects:?}") };
    assert_eq!(decision.reasons, [ReasonCode::ConsentDeclined]);
    assert!(evidence.document.is_none() && evidence.capture.is_none());
}

#[test]
fn nobody_there_expires_and_a_document_without_its_code_is_an_attempt() {
    let (mut session, _) = awaiting_document();
    let effects = session.step(Event::TimePassed, at(2 + DOCUMENT_WITHIN.as_secs()));
    assert_eq!(ending_of(&effects).map(Ending::state), Some(SessionState::Expired));
    let (mut session, capture) = awaiting_document();
    let _ = session.step(Event::SideRead { capture, side: DocumentSide::Front }, at(5));
    assert_eq!(session.prompt().screen, Screen::Document { side: DocumentSide::Back });
    assert!(session.step(Event::TimePassed, at(30)).is_empty(), "too early");
    let effects = session.step(Event::TimePassed, at(2 + DOCUMENT_WITHIN.as_secs()));
    assert!(ending_of(&effects).is_none());
    assert_eq!(session.record().last_error, Some(ReasonCode::DocumentUnreadable));
    assert_eq!(session.prompt().screen, Screen::Document { side: DocumentSide::Front });
}

#[test]
fn a_fault_of_the_device_costs_the_person_no_attempt_and_never_reads_as_their_failure() {
    let (mut session, capture) = awaiting_document();
    let left = session.record().attempts;
    let fault = DeviceFault::CameraSilent;
    assert!(matches!(session.step(Event::Faulted { fault }, at(10))[..], [Effect::Rest]));
    assert_eq!(session.prompt().screen, Screen::Fault { fault });
    assert!(session.step(Event::DocumentRead { capture, seen: document(Card::Good) }, at(11)).is_empty());
    let effects = session.step(Event::Recovered, at(20));
    let _ = capture_of(&effects);
    assert_eq!((session.record().attempts, session.record().last_error), (left, None));
    let _ = session.step(Event::Faulted { fault }, at(30));
    let effects = session.step(Event::TimePassed, at(30 + FAULT_WITHIN.as_secs()));
    assert_eq!(ending_of(&effects).map(Ending::state), Some(SessionState::Canceled(CanceledBy::Device)));
}

#[test]
fn what_was_seen_before_another_camera_was_connected_counts_for_nothing() {
    for first in [DeviceFault::CameraMissing, DeviceFault::CameraOther] {
        let (mut session, capture) = awaiting_face();
        let _ = session.step(Event::Faulted { fault: first }, at(10));
        let _ = session.step(Event::Faulted { fault: DeviceFault::CameraOther }, at(11));
        assert_eq!(session.prompt().screen, Screen::Fault { fault: DeviceFault::CameraOther });
        let again = capture_of(&session.step(Event::Recovered, at(20)));
        assert_eq!(session.record().state, SessionState::AwaitingDocument, "the document has to be shown again");
        // It cost the person nothing: one attempt at the document is under way, as it was before.
        assert_eq!(session.record().attempts, AttemptsLeft { document: BUDGET.document - 1, face: BUDGET.face });
        assert!(session.step(Event::FaceRead { capture, seen: live() }, at(21)).is_empty());
        let effects = session.step(Event::DocumentRead { capture: again, seen: document(Card::Good) }, at(22));
        assert!(capture_of(&effects) > again);
    }
}

#[test]
fn a_device_that_fails_again_and_again_ends_the_session_and_consent_waits_for_it() {
    let (mut session, _) = awaiting_document();
    let fault = DeviceFault::Decoder;
    for round in 0..u64::from(MOST_FAULTS) {
        assert!(matches!(session.step(Event::Faulted { fault }, at(10 + 2 * round))[..], [Effect::Rest]));
        let _ = session.step(Event::Recovered, at(11 + 2 * round));
    }
    let effects = session.step(Event::Faulted { fault }, at(40));
    assert_eq!(ending_of(&effects).map(Ending::state), Some(SessionState::Canceled(CanceledBy::Device)));

    let mut session = self::session();
    let _ = session.step(Event::Opened, at(1));
    let _ = session.step(Event::Faulted { fault }, at(2));
    assert!(session.step(answered(true), at(3)).is_empty());
    assert_eq!(session.record().attempts, BUDGET);
}

#[test]
fn an_answer_to_an_earlier_session_s_capture_counts_for_nothing() {
    let (_, earlier) = awaiting_document();
    let mut session = Session::new(record(), Policy::for_tier(AgeTier::Over21), earlier, at(0));
    let _ = session.step(Event::Opened, at(1));
    let _ = session.step(answered(true), at(2));
    assert!(session.step(Event::DocumentRead { capture: earlier, seen: document(Card::Good) }, at(3)).is_empty());
    assert_eq!(session.record().state, SessionState::AwaitingDocument);
}

#[test]
fn an_end_that_cannot_be_written_is_shown_as_a_fault_and_written_later() {
    let (mut session, capture) = awaiting_face();
    let _ = session.step(Event::FaceRead { capture, seen: live() }, at(10));
    assert!(session.step(Event::CommitFailed, at(11)).is_empty());
    assert_eq!(session.prompt().screen, Screen::Fault { fault: DeviceFault::Store });
    assert!(session.step(Event::Cancel { by: CanceledBy::Person }, at(12)).is_empty(), "decided is decided");
    let effects = session.step(Event::TimePassed, at(13));
    assert_eq!(ending_of(&effects).map(Ending::state), Some(SessionState::Verified));
    let _ = session.step(Event::Committed, at(14));
    assert_eq!(session.prompt().screen, Screen::Verified);
}

#[test]
fn a_review_ends_as_the_staff_say_or_as_not_verified_and_the_outcome_has_who_and_what_was_seen() {
    let someone = StaffId::from_random(&[3; SessionId::CHARACTERS]);
    let reviewed = |answer: Option<bool>| {
        let mut session = in_review();
        let effects = match answer {
            Some(accepted) => session.step(Event::ReviewAnswered { accepted, staff: someone.clone() }, at(20)),
            None => session.step(Event::TimePassed, at(9 + REVIEW_WITHIN.as_secs())),
        };
        let Some(Ending::Decided { decision, evidence }) = ending_of(&effects).cloned() else {
            panic!("a review ends with a decision")
        };
        assert!(evidence.document.is_some() && evidence.face_match.is_some(), "what was seen stays");
        assert!(decision.flags.contains(&"odd".into()));
        (
            Ending::Decided { decision: decision.clone(), evidence: evidence.clone() }.state(),
            decision.reasons,
            evidence.review,
        )
    };
    let found = |accepted, staff| Some(Review { accepted, staff });
    let refused = vec![ReasonCode::ReviewRefused];
    assert_eq!(reviewed(Some(true)), (SessionState::Verified, vec![], found(true, Some(someone.clone()))));
    assert_eq!(
        reviewed(Some(false)),
        (SessionState::NotVerified, refused.clone(), found(false, Some(someone.clone())))
    );
    assert_eq!(reviewed(None), (SessionState::NotVerified, refused, found(false, None)));
}

#[test]
fn a_review_is_written_again_after_a_fault_not_answered_during_one_and_ended_by_whoever_may() {
    let someone = StaffId::from_random(&[3; SessionId::CHARACTERS]);
    let mut session = in_review();
    let _ = session.step(Event::Faulted { fault: DeviceFault::Store }, at(10));
    assert!(session.step(Event::ReviewAnswered { accepted: true, staff: someone.clone() }, at(11)).is_empty());
    assert!(matches!(session.step(Event::Recovered, at(12))[..], [Effect::Save]));
    // The staff have their whole time again.
    let last = 12 + REVIEW_WITHIN.as_secs();
    assert!(session.step(Event::TimePassed, at(last - 1)).is_empty());
    let effects = session.step(Event::ReviewAnswered { accepted: true, staff: someone }, at(last - 1));
    assert_eq!(ending_of(&effects).map(Ending::state), Some(SessionState::Verified));
    for by in [CanceledBy::Staff, CanceledBy::Person, CanceledBy::Till] {
        let effects = in_review().step(Event::Cancel { by }, at(20));
        assert_eq!(ending_of(&effects).map(Ending::state), Some(SessionState::Canceled(by)));
    }
}

/// A session whose document and face are good, and odd.
fn in_review() -> Session {
    let policy = Policy { review_flags: vec!["odd"], ..Policy::for_tier(AgeTier::Over21) };
    let mut session = Session::new(record(), policy, CaptureId(7), at(0));
    let _ = session.step(Event::Opened, at(1));
    let effects = session.step(answered(true), at(2));
    let mut seen = document(Card::Good);
    seen.evidence.checks.push(Check::new("odd", CheckResult::Flag, String::new()));
    let effects = session.step(Event::DocumentRead { capture: capture_of(&effects), seen }, at(3));
    let effects = session.step(Event::FaceRead { capture: capture_of(&effects), seen: live() }, at(9));
    assert!(matches!(effects[..], [Effect::Rest, Effect::Save]));
    assert_eq!(session.prompt().screen, Screen::Review);
    session
}

#[test]
fn what_the_person_answered_is_in_the_record_before_the_camera_is_used_and_a_restart_asks_anew() {
    let mut session = session();
    let _ = session.step(Event::Opened, at(1));
    assert_eq!(session.record().consent, None);
    let effects = session.step(answered(true), at(2));
    assert!(matches!(effects[..], [Effect::Save, Effect::Capture { .. }]));
    let consent = session.record().consent.clone().unwrap();
    assert!(consent.given && consent.shown_by == ShownBy::Display && consent.at == at(2).wall);
    assert_eq!(consent.text, ConsentText::own(false));
    let again = Session::resume(session.record().clone(), session.policy().clone(), CaptureId(9), at(60));
    let (resumed, _) = again.unwrap();
    assert_eq!((resumed.record().consent.clone(), resumed.record().state), (None, SessionState::AwaitingConsent));
    let mut declined = self::session();
    let _ = declined.step(Event::Opened, at(1));
    let _ = declined.step(answered(false), at(2));
    assert!(!declined.record().consent.clone().unwrap().given);
}

#[test]
fn a_restart_in_any_open_state_starts_over_with_the_attempts_that_are_left() {
    use SessionState as S;
    let open = [S::Created, S::AwaitingConsent, S::AwaitingDocument, S::AwaitingFace, S::Deciding, S::AwaitingReview];
    for state in open {
        let attempts = AttemptsLeft { document: 1, face: 2 };
        let interrupted = SessionRecord { state, attempts, ..record() };
        let policy = Policy::for_tier(AgeTier::Over21);
        let (session, effects) = Session::resume(interrupted, policy, CaptureId(7), at(100)).unwrap();
        assert_eq!(session.prompt().screen, Screen::Consent, "{state:?}");
        assert_eq!(session.record().attempts, attempts);
        assert!(ending_of(&effects).is_none());
    }
}

#[test]
fn a_restart_gives_up_without_attempts_expires_the_old_and_leaves_the_ended() {
    let policy = || Policy::for_tier(AgeTier::Over21);
    let resumed = |record, now| Session::resume(record, policy(), CaptureId(7), now).map(|(_, effects)| effects);
    let spent = SessionRecord {
        state: SessionState::AwaitingFace,
        attempts: AttemptsLeft { document: 1, face: 0 },
        ..record()
    };
    let effects = resumed(spent, at(100)).unwrap();
    assert_eq!(ending_of(&effects).map(Ending::state), Some(SessionState::Canceled(CanceledBy::Device)));
    let old = SessionRecord { state: SessionState::AwaitingConsent, ..record() };
    let effects = resumed(old, at(25 * 3600)).unwrap();
    assert_eq!(ending_of(&effects).map(Ending::state), Some(SessionState::Expired));
    for state in [SessionState::Verified, SessionState::NotVerified, SessionState::Expired] {
        assert!(resumed(SessionRecord { state, ..record() }, at(1)).is_none());
    }
}
