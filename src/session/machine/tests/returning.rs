//! Somebody who was verified before.

use super::*;
use crate::session::{Credential, ReturnProof, Returned, Strength};

fn returned(tier: AgeTier) -> Event {
    let credential = Credential {
        id: "cred_1".to_owned(),
        outcome: "out_1".to_owned(),
        tier,
        method: "driving_license_barcode_face".to_owned(),
        strength: Strength::DocumentFace,
        rule_version: "1".to_owned(),
        verified_at: at(0).wall,
        expires_at: at(3_600).wall,
        livemode: false,
    };
    Event::Returned { returned: Box::new(Returned { credential, proof: ReturnProof::EmailCode }), livemode: false }
}

fn asked() -> Session {
    let mut session = Session::new(record(), Policy::for_tier(AgeTier::Over21), CaptureId(7), at(0));
    let _ = session.step(Event::Opened, at(1));
    session
}

#[test]
fn what_they_have_ends_a_session_before_anybody_is_looked_at() {
    let mut session = asked();
    let effects = session.step(returned(AgeTier::Over21), at(5));
    let Some(Ending::Decided { decision, evidence }) = ending_of(&effects) else { panic!("{effects:?}") };
    assert!(decision.verdict == Verdict::Verified && evidence.document.is_none() && evidence.capture.is_none());
    assert!(decision.checks.iter().any(|check| check.name == "email_code"));
    let _ = session.step(Event::Committed, at(6));
    assert_eq!(session.record().state, SessionState::Verified);
}

#[test]
fn what_is_not_enough_or_comes_too_late_changes_nothing() {
    let mut session = asked();
    assert!(session.step(returned(AgeTier::Over18), at(5)).is_empty());
    assert_eq!(session.record().state, SessionState::AwaitingConsent);
    let _ = session.step(answered(true), at(6));
    assert!(session.step(returned(AgeTier::Over21), at(7)).is_empty());
    assert_eq!(session.record().state, SessionState::AwaitingDocument);
}

#[test]
fn a_clock_that_is_set_back_makes_nothing_valid_again_that_is_over() {
    for (expiry, ends) in [(3_599, true), (3_600, false)] {
        let mut session = asked();
        let effects = session.step(returned(AgeTier::Over21), Now { expiry: at(expiry).wall, ..at(5) });
        assert_eq!(ending_of(&effects).is_some(), ends, "{expiry}");
    }
}

#[test]
fn somebody_who_types_an_address_or_waits_for_a_letter_has_longer_to_agree() {
    let mut session = asked();
    let before = session.deadline().unwrap();
    let _ = session.step(Event::Returning { step: ReturnStep::Address }, at(20));
    assert_eq!(session.deadline().unwrap(), at(20).uptime + ADDRESS_WITHIN);
    let _ = session.step(Event::Returning { step: ReturnStep::Code }, at(30));
    assert_eq!(session.deadline().unwrap(), at(30).uptime + RETURN_WITHIN);
    assert!(session.deadline().unwrap() > before);
    // Another look at the address takes nothing away.
    let _ = session.step(Event::Returning { step: ReturnStep::Address }, at(31));
    assert_eq!(session.deadline().unwrap(), at(30).uptime + RETURN_WITHIN);
    let late = at(u64::from(RETURN_WITHIN.as_secs() as u32) + 31);
    let effects = session.step(Event::TimePassed, late);
    assert!(matches!(ending_of(&effects), Some(Ending::Expired)), "{effects:?}");
}
