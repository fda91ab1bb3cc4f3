//! Passes: what they stand in for, and what they never do.

use super::*;
use crate::document::RECAPTURE;
use crate::privacy::PassAnchor;
use crate::session::pass::pass_for_tests;
use crate::session::{PassNote, ReturnProof, Strength, TrustedPass};

/// The document of these tests, and another one.
pub(super) const ANCHOR: PassAnchor = PassAnchor::from_bytes([7; 16]);
pub(super) const OTHER: PassAnchor = PassAnchor::from_bytes([8; 16]);

/// The hour in which the sessions of these tests are.
fn hour() -> u32 {
    (at(0).wall.as_second() / 3_600) as u32
}

pub(super) fn pass_of(anchor: PassAnchor) -> TrustedPass {
    pass_for_tests(anchor, AgeTier::Over21, hour() - 1, Provenance::Simulated)
}

fn shown(capture: CaptureId, pass: TrustedPass) -> Event {
    Event::PassShown { capture, pass: Some(Box::new(pass)) }
}

/// A session under a policy to which a pass and then a document was shown.
fn after(policy: Policy, pass: TrustedPass, seen: Box<DocumentSeen>) -> (Session, Vec<Effect>) {
    let mut session = Session::new(record(), policy, CaptureId(7), at(0));
    let _ = session.step(Event::Opened, at(1));
    let capture = capture_of(&session.step(answered(true), at(2)));
    assert!(session.step(shown(capture, pass), at(3)).is_empty());
    let effects = session.step(Event::DocumentRead { capture, seen }, at(4));
    (session, effects)
}

fn usual() -> Policy {
    Policy::for_tier(AgeTier::Over21)
}

fn asks_for_the_face(policy: Policy, pass: TrustedPass, seen: Box<DocumentSeen>) -> bool {
    let (session, effects) = after(policy, pass, seen);
    ending_of(&effects).is_none() && session.record().state == SessionState::AwaitingFace
}

fn rule() -> crate::compliance::Rule {
    RuleBook::built_in().unwrap().resolve(UseCase::AlcoholInPerson, &"US-CA".parse().unwrap(), at(0).days).unwrap()
}

fn outcome(ending: &Ending) -> Outcome {
    let Ending::Decided { decision, evidence } = ending else { panic!("{ending:?}") };
    let seed = OutcomeSeed {
        id: "out_1".to_owned(),
        session: "vks_1".to_owned(),
        device: "dev_1".to_owned(),
        sequence: 1,
        previous_hash: None,
        decided_at: at(5).wall,
        expires_at: at(5 + 24 * 3_600).wall,
        consent: None,
        live_session: true,
    };
    Outcome::new(seed, decision, evidence, &rule())
}

#[test]
fn a_pass_with_its_own_document_verifies_without_a_face_and_the_outcome_says_what_it_rests_on() {
    let (session, effects) = after(usual(), pass_of(ANCHOR), document(Card::Good));
    let ending = ending_of(&effects).expect("an end");
    assert_eq!((ending.state(), session.record().state), (SessionState::Verified, SessionState::Deciding));
    let outcome = outcome(ending);
    assert_eq!((outcome.method(), outcome.strength()), (Some("returning_pass"), Some(Strength::DocumentFace)));
    let result_of = |name| outcome.checks().iter().find(|check| check.name == name).map(|check| check.result);
    assert_eq!(result_of("pass"), Some(CheckResult::Pass));
    assert_eq!(result_of("expiry"), Some(CheckResult::Pass), "the document is checked in full");
    assert_eq!(result_of("liveness"), Some(CheckResult::NotApplicable));
    assert_eq!(result_of("face_match"), Some(CheckResult::NotApplicable));
    let reused = outcome.reuses().expect("it says what it rests on");
    assert_eq!((reused.proof, reused.outcome.as_deref()), (ReturnProof::Pass, None));
    assert_eq!(reused.device_key.as_deref(), Some("other-box"));
    assert_eq!(reused.verified_at.as_second(), i64::from(hour() - 1) * 3_600);
    // An hour of its day is over: the outcome lasts no longer than it.
    assert_eq!(outcome.expires_at().as_second(), i64::from(hour() + 23) * 3_600);
    assert!(!outcome.livemode());
}

#[test]
fn a_pass_that_is_shown_while_the_face_is_asked_for_counts_too() {
    let (mut session, capture) = awaiting_face();
    let effects = session.step(shown(capture, pass_of(ANCHOR)), at(5));
    assert_eq!(ending_of(&effects).map(Ending::state), Some(SessionState::Verified));
    let (mut session, capture) = awaiting_face();
    assert!(session.step(shown(capture, pass_of(OTHER)), at(5)).is_empty());
    assert_eq!(session.prompt().pass_note, Some(PassNote::NotUsed));
    let effects = session.step(Event::FaceRead { capture, seen: live() }, at(9));
    assert_eq!(
        ending_of(&effects).map(|ending| outcome(ending).reuses().is_none()),
        Some(true),
        "the face, not the pass"
    );
}

#[test]
fn with_another_document_or_none_that_says_enough_the_face_is_asked_for() {
    assert!(asks_for_the_face(usual(), pass_of(OTHER), document(Card::Good)));
    let mut unknown = document(Card::Good);
    unknown.pass_anchor = None;
    assert!(asks_for_the_face(usual(), pass_of(ANCHOR), unknown));
    let (session, _) = after(usual(), pass_of(OTHER), document(Card::Good));
    assert_eq!(session.prompt().pass_note, Some(PassNote::NotUsed), "the person is told");
}

#[test]
fn an_expired_pass_one_of_another_mode_or_tier_and_one_where_identity_is_asked_are_ignored() {
    let old = pass_for_tests(ANCHOR, AgeTier::Over21, hour() - 24, Provenance::Simulated);
    let to_come = pass_for_tests(ANCHOR, AgeTier::Over21, hour() + 1, Provenance::Simulated);
    let lower = pass_for_tests(ANCHOR, AgeTier::Over18, hour() - 1, Provenance::Simulated);
    for pass in [old, to_come, lower] {
        assert!(asks_for_the_face(usual(), pass.clone(), document(Card::Good)), "{pass:?}");
    }
    // A live pass beside a document that no pinned camera saw.
    let live = pass_for_tests(ANCHOR, AgeTier::Over21, hour() - 1, Provenance::PinnedCamera);
    assert!(asks_for_the_face(usual(), live.clone(), document(Card::Good)));
    let mut before_camera = document(Card::Good);
    before_camera.provenance = Provenance::PinnedCamera;
    // One picture that is not the pinned camera's makes all of it a test.
    let (_, effects) = after(usual(), pass_of(ANCHOR), before_camera.clone());
    assert!(ending_of(&effects).is_some_and(|ending| !outcome(ending).livemode()));
    let (_, effects) = after(usual(), live.clone(), before_camera.clone());
    assert!(ending_of(&effects).is_some_and(|ending| outcome(ending).livemode()));
    before_camera.feed = None;
    assert!(asks_for_the_face(usual(), live, before_camera), "frames that nobody watched");
    let identity = Policy { asks_identity: true, ..usual() };
    assert!(asks_for_the_face(identity, pass_of(ANCHOR), document(Card::Good)));
}

#[test]
fn a_clock_that_is_set_back_makes_no_pass_valid_again() {
    let last_hour = || pass_for_tests(ANCHOR, AgeTier::Over21, hour() - 23, Provenance::Simulated);
    let set_back = |seconds| Now { expiry: at(seconds + 3_600).wall, ..at(seconds) };
    let (_, effects) = after(usual(), last_hour(), document(Card::Good));
    assert!(ending_of(&effects).is_some(), "it has an hour left");
    let (mut session, capture) = awaiting_document();
    assert!(session.step(shown(capture, last_hour()), set_back(3)).is_empty());
    assert_eq!(session.prompt().pass_note, Some(PassNote::NotUsed));
    // One that was taken before the clock was found to be wrong.
    let (mut session, capture) = awaiting_document();
    let _ = session.step(shown(capture, last_hour()), at(3));
    let effects = session.step(Event::DocumentRead { capture, seen: document(Card::Good) }, set_back(4));
    assert!(ending_of(&effects).is_none() && session.record().state == SessionState::AwaitingFace);
}

#[test]
fn a_pass_that_no_trusted_box_has_signed_is_told_to_be_of_no_use_and_changes_nothing() {
    let (mut session, capture) = awaiting_document();
    assert!(session.step(Event::PassShown { capture, pass: None }, at(3)).is_empty());
    assert_eq!(session.prompt().pass_note, Some(PassNote::NotUsed));
    // The right one takes its place.
    let _ = session.step(shown(capture, pass_of(ANCHOR)), at(4));
    assert_eq!(session.prompt().pass_note, Some(PassNote::Seen));
    assert_eq!(session.prompt().new_pass, None);
}

#[test]
fn a_document_that_fails_its_checks_is_no_better_for_a_pass() {
    for (card, reason) in [
        (Card::Expired, ReasonCode::DocumentExpired),
        (Card::UnderAge, ReasonCode::UnderAge),
        (Card::Altered, ReasonCode::DocumentFieldsDiffer),
        (Card::Unread, ReasonCode::DocumentUnreadable),
    ] {
        let (session, effects) = after(usual(), pass_of(ANCHOR), document(card));
        assert_ne!(ending_of(&effects).map(Ending::state), Some(SessionState::Verified), "{card:?}");
        let told = match ending_of(&effects) {
            Some(Ending::Decided { decision, .. }) => decision.reasons.first().copied(),
            _ => session.prompt().last_error,
        };
        assert_eq!(told, Some(reason), "{card:?}");
    }
}

#[test]
fn a_document_that_looks_like_a_copy_or_an_odd_feed_needs_the_face_whatever_pass_there_is() {
    let mut copy = document(Card::Good);
    copy.evidence.checks.push(Check::new(RECAPTURE, CheckResult::Flag, String::new()));
    assert!(asks_for_the_face(usual(), pass_of(ANCHOR), copy));
    let mut odd = document(Card::Good);
    odd.feed = Some(FeedReport::from_iter([FeedSign::Frozen]));
    assert!(asks_for_the_face(usual(), pass_of(ANCHOR), odd));
}

#[test]
fn a_face_that_did_not_match_is_not_mended_by_a_pass() {
    let (mut session, capture) = awaiting_face();
    let other = face(TurnVerdict::Live, MatchDecision::NonMatch, Some(Provenance::PinnedCamera));
    let again = capture_of(&session.step(Event::FaceRead { capture, seen: other }, at(9)));
    assert!(session.step(shown(again, pass_of(ANCHOR)), at(10)).is_empty());
    assert_eq!(session.record().state, SessionState::AwaitingFace);
}

#[test]
fn a_pass_alone_verifies_nobody_and_what_was_shown_to_another_camera_is_forgotten() {
    let (mut session, capture) = awaiting_document();
    let _ = session.step(shown(capture, pass_of(ANCHOR)), at(3));
    let effects = session.step(Event::TimePassed, at(2 + DOCUMENT_WITHIN.as_secs()));
    assert_eq!(ending_of(&effects).map(Ending::state), Some(SessionState::Expired));

    let (mut session, capture) = awaiting_document();
    let _ = session.step(shown(capture, pass_of(ANCHOR)), at(3));
    let _ = session.step(Event::Faulted { fault: DeviceFault::CameraOther }, at(4));
    let capture = capture_of(&session.step(Event::Recovered, at(5)));
    let _ = session.step(Event::DocumentRead { capture, seen: document(Card::Good) }, at(6));
    assert_eq!(session.record().state, SessionState::AwaitingFace);
}

#[test]
fn a_required_flash_is_part_of_the_look_at_the_face_that_a_pass_stands_in_for() {
    let (_, effects) = after(Policy { require_flash: true, ..usual() }, pass_of(ANCHOR), document(Card::Good));
    assert_eq!(ending_of(&effects).map(Ending::state), Some(SessionState::Verified));
}
