//! The screen flash after the head turn.

use super::*;
use crate::liveness::{FlashColour, FlashReason, FlashVerdict};
use crate::session::FlashEvidence;

fn policy() -> Policy {
    Policy { require_flash: true, ..Policy::for_tier(AgeTier::Over21) }
}

pub(super) fn flash(reason: Option<FlashReason>) -> FlashEvidence {
    FlashEvidence {
        verdict: reason.map_or(FlashVerdict::Followed, FlashReason::verdict),
        reason,
        score_percent: Some(97),
        changes: 7,
        followed_changes: 7,
        latency_ms: Some(120),
        side_percent: Some(60),
        simulated: true,
    }
}

/// A session that asks for a flash and waits for the head turn, and its capture.
fn awaiting_turn() -> (Session, CaptureId) {
    let mut session = Session::new(record(), policy(), CaptureId(7), at(0));
    let _ = session.step(Event::Opened, at(1));
    let effects = session.step(answered(true), at(2));
    let effects =
        session.step(Event::DocumentRead { capture: capture_of(&effects), seen: document(Card::Good) }, at(3));
    (session, capture_of(&effects))
}

fn read(session: &mut Session, capture: CaptureId, flash: Option<FlashEvidence>) -> Vec<Effect> {
    session.step(Event::FaceRead { capture, seen: FaceSeen { flash, ..live() } }, at(20))
}

#[test]
fn a_notice_with_a_way_out_comes_first_and_then_one_colour_at_a_time() {
    let (mut session, capture) = awaiting_turn();
    let asked = FlashAsked::Notice;
    assert!(session.step(Event::FlashProgress { capture, asked }, at(10)).is_empty());
    assert_eq!(session.prompt().screen, Screen::FlashNotice);
    let asked = FlashAsked::Colour { step: 0, colour: FlashColour::Cyan };
    let _ = session.step(Event::FlashProgress { capture, asked }, at(15));
    assert_eq!(session.prompt().screen, Screen::Flash { colour: FlashColour::Cyan, step: 0 });
    // What is sent to the display: this colour, and nothing of those to come.
    let sent = serde_json::to_value(session.prompt()).unwrap();
    assert_eq!((&sent["screen"], &sent["colour"], &sent["step"]), (&"flash".into(), &"cyan".into(), &0.into()));
    assert_eq!(sent.as_object().unwrap().len(), 6, "{sent}");
    let effects = session.step(Event::Cancel { by: CanceledBy::Person }, at(16));
    assert_eq!(ending_of(&effects).map(Ending::state), Some(SessionState::Canceled(CanceledBy::Person)));
}

#[test]
fn nobody_is_verified_without_a_flash_that_was_followed_where_one_is_asked_for() {
    let (mut session, capture) = awaiting_turn();
    let effects = read(&mut session, capture, Some(flash(None)));
    let Some(Ending::Decided { decision, .. }) = ending_of(&effects) else { panic!("{effects:?}") };
    assert_eq!(decision.verdict, Verdict::Verified);
    assert_eq!(decision.flags, ["screen_flash_simulated"], "the outcome says that the light was only simulated");
    let check = decision.checks.iter().find(|check| check.name == "screen_flash").unwrap();
    assert_eq!(check.result, CheckResult::Pass);
    for (seen, reason) in [
        (None, ReasonCode::FlashNotMeasured),
        (Some(flash(Some(FlashReason::TooBright))), ReasonCode::FlashNotMeasured),
        (Some(flash(Some(FlashReason::NoResponse))), ReasonCode::FlashNotFollowed),
        (Some(flash(Some(FlashReason::OutOfTime))), ReasonCode::FlashNotFollowed),
    ] {
        let (mut session, capture) = awaiting_turn();
        let again = capture_of(&read(&mut session, capture, seen));
        assert_eq!(session.prompt().last_error, Some(reason), "it may be tried again");
        let effects = read(&mut session, again, seen);
        let Some(Ending::Decided { decision, .. }) = ending_of(&effects) else { panic!("{effects:?}") };
        assert_eq!((decision.verdict, &decision.reasons[..]), (Verdict::NotVerified, &[reason][..]));
    }
}

#[test]
fn time_that_runs_out_during_the_flash_is_told_as_that() {
    let (mut session, capture) = awaiting_turn();
    let _ = session.step(Event::FlashProgress { capture, asked: FlashAsked::Notice }, at(30));
    assert!(session.step(Event::TimePassed, at(3 + FACE_WITHIN.as_secs())).is_empty(), "the flash has time of its own");
    let _ = session.step(Event::TimePassed, at(3 + (FACE_WITHIN + FLASH_WITHIN).as_secs()));
    assert_eq!(session.prompt().last_error, Some(ReasonCode::FlashNotMeasured));
}

#[test]
fn no_screen_flashes_where_the_policy_does_not_ask_for_it() {
    let (mut session, capture) = awaiting_face();
    let asked = FlashAsked::Colour { step: 0, colour: FlashColour::White };
    let _ = session.step(Event::FlashProgress { capture, asked }, at(10));
    assert!(matches!(session.prompt().screen, Screen::Face { .. }));
    // A flash that was not followed counts all the same.
    let effects = read(&mut session, capture, Some(flash(Some(FlashReason::OtherOrder))));
    assert!(ending_of(&effects).is_none());
    assert_eq!(session.prompt().last_error, Some(ReasonCode::FlashNotFollowed));
}
