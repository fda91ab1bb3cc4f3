use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::session::{AllowedType, DocumentOptions};

const HOUR: i64 = 3_600;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(497_000 * HOUR + second).unwrap()
}

fn body() -> Body {
    Body {
        livemode: true,
        tier_years: 21,
        kind: 1,
        strength: 2,
        issued_hour: 497_000,
        hours: 24,
        device: [1; 8],
        anchor: [2; 16],
        rules: [3; 8],
    }
}

/// A pass as it comes from a QR code before the pinned camera.
fn shown(body: &Body) -> TrustedPass {
    let text = code::text_of(body, &[9; 64]);
    SignedPass::parse(&text).unwrap().trusted("key".to_owned(), Provenance::PinnedCamera)
}

fn answer(body: &Body, policy: &Policy, second: i64) -> Result<(), NoAnswer> {
    let anchor = Some(PassAnchor::from_bytes([2; 16]));
    shown(body).answers(anchor, Provenance::PinnedCamera, policy, at(second))
}

#[test]
fn a_pass_answers_for_its_tier_and_lower_ones_within_its_hours() {
    for has in TIERS {
        for asked in TIERS {
            let body = Body { tier_years: has.years() as u8, ..body() };
            let expected = if has >= asked { Ok(()) } else { Err(NoAnswer::Tier) };
            assert_eq!(answer(&body, &Policy::for_tier(asked), 60), expected, "{has:?} for {asked:?}");
        }
    }
    let policy = Policy::for_tier(AgeTier::Over21);
    // The other box's clock may be five minutes ahead, and no more.
    for (second, valid) in [(-301, false), (-300, true), (0, true), (24 * HOUR - 1, true), (24 * HOUR, false)] {
        let expected = if valid { Ok(()) } else { Err(NoAnswer::Expired) };
        assert_eq!(answer(&body(), &policy, second), expected, "{second}");
    }
}

#[test]
fn a_pass_is_worth_nothing_beside_another_document_or_none() {
    let policy = Policy::for_tier(AgeTier::Over21);
    for anchor in [None, Some(PassAnchor::from_bytes([3; 16]))] {
        let said = shown(&body()).answers(anchor, Provenance::PinnedCamera, &policy, at(60));
        assert_eq!(said, Err(NoAnswer::Document));
    }
}

#[test]
fn the_mode_of_a_pass_is_that_of_the_pictures_of_both_pass_and_document() {
    let policy = Policy::for_tier(AgeTier::Over21);
    let anchor = Some(PassAnchor::from_bytes([2; 16]));
    let said = shown(&body()).answers(anchor, Provenance::Simulated, &policy, at(60));
    assert_eq!(said, Err(NoAnswer::Mode), "a replayed document");
    let replayed = TrustedPass { provenance: Provenance::Files, ..shown(&body()) };
    assert_eq!(replayed.answers(anchor, Provenance::PinnedCamera, &policy, at(60)), Err(NoAnswer::Mode));
    let test = shown(&Body { livemode: false, ..body() });
    assert_eq!(test.answers(anchor, Provenance::PinnedCamera, &policy, at(60)), Err(NoAnswer::Mode));
    assert_eq!(test.answers(anchor, Provenance::Simulated, &policy, at(60)), Ok(()));
}

#[test]
fn who_somebody_is_other_kinds_and_weaker_evidence_are_not_answered() {
    let usual = Policy::for_tier(AgeTier::Over21);
    assert_eq!(answer(&body(), &Policy { asks_identity: true, ..usual.clone() }, 60), Err(NoAnswer::Identity));
    let passports = DocumentOptions { allowed_types: vec![AllowedType::Passport], ..DocumentOptions::default() };
    assert_eq!(answer(&body(), &usual.clone().narrowed_by(&passports, false), 60), Err(NoAnswer::Kind));
    assert_eq!(answer(&Body { strength: 1, ..body() }, &usual, 60), Err(NoAnswer::Strength));
}

#[test]
fn a_number_that_means_nothing_is_refused() {
    let read = |body: Body| SignedPass::parse(&code::text_of(&body, &[9; 64])).is_ok();
    assert!(read(body()));
    for wrong in [
        Body { tier_years: 17, ..body() },
        Body { tier_years: 0, ..body() },
        Body { kind: 0, ..body() },
        Body { kind: 6, ..body() },
        Body { strength: 0, ..body() },
        Body { strength: 3, ..body() },
        Body { issued_hour: u32::MAX, ..body() },
    ] {
        assert!(!read(wrong.clone()), "{wrong:?}");
    }
}

#[test]
fn a_pass_and_its_text_show_nothing_of_the_document() {
    let text = Pass::of(&body()).unwrap().signed(&[9; 64]);
    assert_eq!(format!("{text:?}"), "[redacted]");
    assert!(format!("{:?}", shown(&body())).contains("anchor: [redacted]"));
}

proptest! {
    #[test]
    fn what_a_pass_says_is_said_again_and_signed_in_one_way(
        livemode: bool, tier in 0usize..6, kind in 1u8..=5, strength in 1u8..=2, hours in 1u16..=168, hour in 0u32..1_000_000,
    ) {
        let tier_years = TIERS[tier].years() as u8;
        let body = Body { livemode, tier_years, kind, strength, hours, issued_hour: hour, ..body() };
        let pass = Pass::of(&body).unwrap();
        prop_assert_eq!(pass.body(), body.clone());
        prop_assert_eq!(pass.message(), body.message());
        let text = pass.signed(&[9; 64]);
        prop_assert_eq!(SignedPass::parse(text.as_str()).unwrap().pass, pass);
    }
}
