//! What the device knows about itself.

use super::*;
use crate::compliance::{ClockTrust, PlaceAgreement, PlaceEvidence, PlaceSource, TunnelKind};
use crate::session::ReviewFlag;

#[test]
fn what_is_odd_about_the_device_itself_flags_and_refuses_nobody_but_may_be_a_matter_for_the_staff() {
    let place = PlaceEvidence { source: PlaceSource::Gnss, agrees: PlaceAgreement::No, age: None, accuracy: None };
    let odd = Surroundings {
        place: Some(place),
        address: Some(PlaceAgreement::No),
        tunnel: Some(TunnelKind::Wireguard),
        clock: Some(ClockTrust::HeldOver),
    };
    let there = Surroundings {
        address: Some(PlaceAgreement::Yes),
        place: Some(PlaceEvidence { agrees: PlaceAgreement::Yes, ..place }),
        tunnel: None,
        clock: Some(ClockTrust::Trusted),
    };
    let flags = ["geolocation_mismatch", "ip_location_mismatch", "vpn_suspected", "clock_holdover"];
    for (surroundings, told) in [(odd, &flags[..]), (there, &[])] {
        let (mut session, capture) = awaiting_face();
        let effects = session.step(Event::FaceRead { capture, seen: live() }, Now { surroundings, ..at(9) });
        let Some(Ending::Decided { decision, evidence }) = ending_of(&effects) else { panic!("{effects:?}") };
        assert_eq!((decision.verdict, evidence.surroundings), (Verdict::Verified, surroundings));
        assert_eq!(decision.flags, told);
    }
    for flag in [
        ReviewFlag::GeolocationMismatch,
        ReviewFlag::IpLocationMismatch,
        ReviewFlag::VpnSuspected,
        ReviewFlag::ClockHoldover,
    ] {
        let policy = Policy { review_flags: vec![flag.as_str()], ..Policy::for_tier(AgeTier::Over21) };
        let mut session = Session::new(record(), policy, CaptureId(7), at(0));
        let _ = session.step(Event::Opened, at(1));
        let effects = session.step(answered(true), at(2));
        let seen = document(Card::Good);
        let effects = session.step(Event::DocumentRead { capture: capture_of(&effects), seen }, at(3));
        let now = Now { surroundings: odd, ..at(9) };
        let _ = session.step(Event::FaceRead { capture: capture_of(&effects), seen: live() }, now);
        assert_eq!(session.prompt().screen, Screen::Review, "{flag:?}");
    }
}
