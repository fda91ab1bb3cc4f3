//! The scorer on made-up lights: what follows, what does not, and what cannot be told. Rendered faces are in
//! `tools::specimen::clip`.

use std::time::Duration;

use proptest::prelude::*;

use super::tracker::{FlashFace, FlashObservation, FlashStage, FlashTracker};
use super::*;
use crate::liveness::template::Template;

/// Between two frames.
const FRAME_MS: u64 = 100;
/// From a frame to the colour that it made the engine send.
const ENGINE_MS: u64 = 20;

/// A face in numbers.
#[derive(Debug, Clone, Copy)]
struct Face {
    /// The screen's light on the skin, on its sides and on the room, in shares of the rest.
    skin: f32,
    sides: f32,
    room: f32,
    latency_ms: u64,
    /// Deviation of a frame's light, as a share.
    noise: f32,
    clipped: f32,
    /// Whose face it is.
    person: u8,
}

const HONEST: Face =
    Face { skin: 0.15, sides: 0.09, room: 0.02, latency_ms: 120, noise: 0.004, clipped: 0.0, person: 1 };

fn template(person: u8) -> Template {
    let raw: Vec<f32> = (0..Template::LENGTH).map(|k| (k as f32 * f32::from(person) * 0.7).sin()).collect();
    Template::from_embedding(&raw).unwrap()
}

/// Deviates that the number of a frame and a channel determine, in about −1.7…1.7.
fn deviate(seed: u64, frame: u64, channel: u64) -> f32 {
    let mut bits = (seed << 40 ^ frame << 8 ^ channel).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits ^= bits >> 29;
    bits = bits.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    ((bits >> 40) as f32 / (1u64 << 24) as f32 - 0.5) * 3.46
}

/// What is changed between the colours that are sent and those that light the face.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Change {
    None,
    /// Another nonce's colours.
    Order,
}

/// Plays a flash; `seen` may change each observation, and `frame_ms` is the time between two frames.
fn play(
    face: Face,
    seed: u32,
    change: Change,
    frame_ms: u64,
    mut seen: impl FnMut(u64, &mut FlashObservation),
) -> (FlashReport, Vec<Duration>) {
    let drawn = |seed: u32| FlashChallenge::from_nonce(&u128::from(seed).to_le_bytes());
    let challenge = drawn(seed);
    let lights = match change {
        Change::None => challenge.clone(),
        Change::Order => drawn(seed + 1_000_000),
    };
    let mut tracker = FlashTracker::new(challenge, &[template(1)]);
    let mut sent: Vec<Duration> = Vec::new();
    for frame in 0..2000u64 {
        let at = Duration::from_millis(500 + frame * frame_ms);
        let shown = sent.iter().rposition(|since| at >= *since + Duration::from_millis(face.latency_ms));
        let light = shown.map_or([0.5; 3], |k| lights.colours()[k].light());
        let lit = |albedo: [f32; 3], share: f32, place: u64| -> [f32; 3] {
            std::array::from_fn(|k| {
                let noise = 1.0 + face.noise * deviate(u64::from(seed), frame, 3 * place + k as u64);
                albedo[k] * (1.0 + share * light[k]) * noise
            })
        };
        let measured = FlashLight {
            skin: lit([0.5, 0.3, 0.22], face.skin, 0),
            sides: Some(lit([0.4, 0.25, 0.2], face.sides, 1)),
            room: Some(lit([0.4, 0.4, 0.4], face.room, 2)),
            clipped: face.clipped,
        };
        let template = tracker.wants_template().then(|| template(face.person));
        let mut observation =
            FlashObservation { at, face: Some(FlashFace { frontal: true, light: Some(measured), template }) };
        seen(frame, &mut observation);
        match tracker.observe(observation) {
            FlashStage::Over => return (tracker.finish(), sent),
            FlashStage::Show { step, .. } if usize::from(step) == sent.len() => {
                let at = at + Duration::from_millis(ENGINE_MS);
                sent.push(at);
                tracker.shown(step, at);
            }
            FlashStage::Show { .. } => {}
        }
    }
    panic!("the flash does not end");
}

fn played(face: Face, seed: u32) -> FlashReport {
    play(face, seed, Change::None, FRAME_MS, |_, _| ()).0
}

fn reason(report: &FlashReport) -> Option<FlashReason> {
    assert_eq!(report.verdict, report.reason.map_or(FlashVerdict::Followed, FlashReason::verdict));
    report.reason
}

#[test]
fn skin_that_follows_the_colours_in_time_is_followed_for_every_order() {
    for seed in 0..200 {
        for (skin, latency_ms) in [(0.06, 40), (0.15, 120), (0.4, 260)] {
            let face = Face { skin, sides: 0.6 * skin, room: 0.1 * skin, latency_ms, ..HONEST };
            let report = played(face, seed);
            assert_eq!(report.verdict, FlashVerdict::Followed, "seed {seed}, gain {skin}: {report:?}");
            let latency = report.latency.unwrap().ms;
            assert!((latency - latency_ms as i32).abs() <= 80, "seed {seed}: {latency} for {latency_ms}");
            assert!(report.side_share.unwrap() < 0.85);
        }
    }
}

#[test]
fn what_does_not_answer_or_answers_otherwise_is_not_followed_and_says_why() {
    for seed in 0..200 {
        let report = played(Face { skin: 0.0, sides: 0.0, room: 0.0, ..HONEST }, seed);
        assert_eq!(report.verdict, FlashVerdict::NotFollowed, "seed {seed}: {report:?}");
        assert_eq!(reason(&report), Some(FlashReason::NoResponse), "seed {seed}: {report:?}");
        let report = played(Face { latency_ms: 600, ..HONEST }, seed);
        assert_eq!(reason(&report), Some(FlashReason::OutOfTime), "seed {seed}: {report:?}");
        let report = play(HONEST, seed, Change::Order, FRAME_MS, |_, _| ()).0;
        assert_eq!(report.verdict, FlashVerdict::NotFollowed, "seed {seed}: {report:?}");
        let report = played(Face { room: 0.14, ..HONEST }, seed);
        assert_eq!(reason(&report), Some(FlashReason::NotOnFace), "seed {seed}: {report:?}");
        let report = played(Face { person: 3, ..HONEST }, seed);
        assert_eq!(reason(&report), Some(FlashReason::IdentityChanged), "seed {seed}: {report:?}");
    }
}

#[test]
fn what_cannot_be_measured_is_never_followed_and_says_what_to_mend() {
    for seed in 0..40 {
        let report = played(Face { clipped: 0.6, skin: 0.005, sides: 0.0, room: 0.0, ..HONEST }, seed);
        assert_eq!(reason(&report), Some(FlashReason::TooBright));
        let report = played(Face { skin: 0.03, sides: 0.02, room: 0.0, noise: 0.08, ..HONEST }, seed);
        assert_eq!(reason(&report), Some(FlashReason::Unsteady), "{report:?}");
        let changed = |change: fn(u64, &mut FlashObservation)| {
            let report = play(HONEST, seed, Change::None, FRAME_MS, change).0;
            assert_eq!(report.verdict, FlashVerdict::NotMeasurable, "{report:?}");
            reason(&report)
        };
        assert_eq!(changed(|_, seen| seen.face = None), Some(FlashReason::FaceLost));
        let lost = |frame, seen: &mut FlashObservation| {
            if (20..32).contains(&frame) {
                seen.face = None;
            }
        };
        assert_eq!(changed(lost), Some(FlashReason::FaceLost));
        let turned = |_, seen: &mut FlashObservation| seen.face.iter_mut().for_each(|face| face.frontal = false);
        assert_eq!(changed(turned), Some(FlashReason::TooFewFrames));
        assert_eq!(
            changed(|_, seen| seen.face.iter_mut().filter_map(|f| f.light.as_mut()).for_each(|l| l.room = None)),
            Some(FlashReason::FillsPicture)
        );
        assert_eq!(
            changed(|_, seen| seen.face.iter_mut().for_each(|face| face.template = None)),
            Some(FlashReason::IdentityNotMeasured)
        );
    }
}

#[test]
fn a_device_that_is_slow_shows_each_colour_for_longer_instead_of_failing_the_person() {
    let (report, sent) = play(HONEST, 3, Change::None, 260, |_, _| ());
    assert_eq!(report.verdict, FlashVerdict::Followed, "{report:?}");
    assert!(sent.windows(2).all(|pair| pair[1] > pair[0] + FlashTracker::HOLD));
    // So slow that nothing can be told: it ends by itself all the same.
    let (report, _) = play(HONEST, 3, Change::None, 1500, |_, _| ());
    assert_eq!(report.verdict, FlashVerdict::NotMeasurable, "{report:?}");
}

#[test]
fn a_camera_that_hunts_for_exposure_and_white_balance_changes_nothing() {
    for seed in 0..40 {
        // The same factor on everything, another for each channel and frame.
        let hunting = |frame: u64, seen: &mut FlashObservation| {
            let gain: [f32; 3] = std::array::from_fn(|k| 1.0 + 0.2 * ((frame as f32 / 7.0) + k as f32).sin());
            let light = seen.face.as_mut().and_then(|face| face.light.as_mut()).unwrap();
            let hunt = |light: &mut [f32; 3]| light.iter_mut().zip(gain).for_each(|(value, gain)| *value *= gain);
            hunt(&mut light.skin);
            light.sides.iter_mut().for_each(hunt);
            light.room.iter_mut().for_each(hunt);
        };
        let report = play(HONEST, seed, Change::None, FRAME_MS, hunting).0;
        assert!(report.score.unwrap() > FlashScore::FOLLOWS, "seed {seed}: {report:?}");
    }
}

proptest! {
    #[test]
    fn a_colour_stands_for_its_time_whatever_frames_come(
        seed: u8,
        gaps in prop::collection::vec(1..900u64, 1..400),
        faces in prop::collection::vec(any::<bool>(), 400),
    ) {
        let mut tracker = FlashTracker::new(FlashChallenge::from_nonce(&[seed; 16]), &[template(1)]);
        let (mut clock, mut sent) = (0, Vec::<Duration>::new());
        for (gap, has_face) in gaps.into_iter().zip(faces) {
            clock += gap;
            let at = Duration::from_millis(clock);
            let light = FlashLight { skin: [0.4; 3], sides: None, room: Some([0.3; 3]), clipped: 0.0 };
            let face = has_face.then_some(FlashFace { frontal: true, light: Some(light), template: None });
            if let FlashStage::Show { step, .. } = tracker.observe(FlashObservation { at, face })
                && usize::from(step) == sent.len()
            {
                sent.push(at);
                tracker.shown(step, at);
            }
        }
        for pair in sent.windows(2) {
            prop_assert!(pair[1] >= pair[0] + FlashTracker::HOLD);
        }
        let _ = tracker.finish();
    }
}
