//! Behaviour of the turn tracker on made-up heads and photos.

use std::time::Duration;

use proptest::prelude::*;

use super::test_faces::{head, photographed, turned};
use super::*;
use crate::imaging::{Gray, Point3, Rect};

const FRAME: Duration = Duration::from_millis(33);

/// The template of a person, a little different in every frame.
fn template(person: f32, frame: usize) -> Template {
    let value = |k: usize| (k as f32 * person).sin() + 0.2 * ((k * (frame + 3)) as f32).cos();
    let raw: Vec<f32> = (0..Template::LENGTH).map(value).collect();
    Template::from_embedding(&raw).unwrap()
}

fn face(mesh: MeshFace, person: f32, frame: usize) -> ObservedFace {
    let pose = Pose::of(&mesh).unwrap();
    ObservedFace {
        mesh,
        pose,
        found: true,
        template: Some(template(person, frame)),
        passive: Some(LiveScore(1.0)),
        texture: None,
        framed: None,
        pad: None,
        scene: None,
    }
}

fn shown(frame: usize, face: Option<ObservedFace>) -> FaceObservation {
    FaceObservation { at: FRAME * frame as u32, face, rival: false, fingerprint: None }
}

/// Yaws of a head that swings through the given angles, 4 degrees a frame.
fn swing(through: &[f32]) -> Vec<f32> {
    let mut yaws = vec![0.0, 0.5, -0.4, 0.2];
    for &target in through {
        while (yaws[yaws.len() - 1] - target).abs() > 0.1 {
            let last = yaws[yaws.len() - 1];
            yaws.push(last + (target - last).clamp(-4.0, 4.0));
        }
        yaws.extend([target + 0.3, target - 0.3, target]);
    }
    yaws
}

fn honest(yaws: &[f32]) -> Vec<FaceObservation> {
    let one = |(k, &yaw): (usize, &f32)| shown(k, Some(face(swaying(turned(&head(), yaw, 1.0), k), 0.7, k)));
    yaws.iter().enumerate().map(one).collect()
}

/// Nobody holds so still as to be in the same place twice.
fn swaying(mut mesh: MeshFace, frame: usize) -> MeshFace {
    for p in mesh.landmarks.iter_mut() {
        p.x += 6.0 * (frame as f32 * 0.21).sin();
        p.y += 5.0 * (frame as f32 * 0.13).cos();
    }
    mesh
}

fn report(challenge: Challenge, frames: &[FaceObservation]) -> TurnReport {
    report_of(TurnTracker::new(challenge, LeastYaw::SHIPPED), frames)
}

fn report_of(mut tracker: TurnTracker, frames: &[FaceObservation]) -> TurnReport {
    for frame in frames {
        tracker.observe(frame);
    }
    tracker.finish()
}

fn left_then_right() -> Challenge {
    Challenge::fixed(&[Side::Left, Side::Right]).unwrap()
}

#[test]
fn an_honest_turn_to_both_sides_is_live() {
    let report = report(left_then_right(), &honest(&swing(&[36.0, 0.0, -36.0, 0.0])));
    assert_eq!(report.verdict, TurnVerdict::Live, "{report:?}");
    assert!(report.reasons.is_empty() && report.identity_held);
    assert!(report.steps.iter().all(|step| step.reached));
}

#[test]
fn without_listed_steps_either_order_will_do_but_one_side_will_not() {
    for order in [[36.0, 0.0, -36.0], [-36.0, 0.0, 36.0]] {
        assert!(report(Challenge::both_sides(), &honest(&swing(&order))).is_live());
    }
    for order in [[36.0, 0.0, 36.0], [-36.0, 0.0, -36.0]] {
        let report = report(Challenge::both_sides(), &honest(&swing(&order)));
        assert_eq!((report.verdict, report.reasons), (TurnVerdict::Incomplete, vec![TurnReason::TurnTooSmall]));
    }
}

#[test]
fn who_made_the_last_turn_has_to_look_ahead_after_it() {
    let challenge = || left_then_right().ending_ahead();
    let yaws = swing(&[36.0, 0.0, -36.0, 0.0]);
    let frames = honest(&yaws);
    let seen = report(challenge(), &frames);
    assert!(seen.is_live() && seen.steps.len() == 5 && seen.steps[4].identity_similarity.is_some(), "{seen:?}");
    let turned_last = yaws.iter().rposition(|yaw| *yaw < -35.0).unwrap();
    let cut_short = report(challenge(), &frames[..=turned_last]);
    assert_eq!((cut_short.verdict, cut_short.reasons), (TurnVerdict::Incomplete, vec![TurnReason::NotFrontal]));
    let exchanged = |k: usize| if k > turned_last { 1.9 } else { 0.7 };
    let one = |(k, &yaw): (usize, &f32)| shown(k, Some(face(swaying(turned(&head(), yaw, 1.0), k), exchanged(k), k)));
    let other = report(challenge(), &yaws.iter().enumerate().map(one).collect::<Vec<_>>());
    assert!(other.reasons.contains(&TurnReason::IdentityChanged) && !other.is_live(), "{other:?}");
    let mut unknown = frames;
    unknown.iter_mut().skip(turned_last).for_each(|frame| frame.face.as_mut().unwrap().template = None);
    assert!(!report(challenge(), &unknown).is_live());
}

#[test]
fn a_turn_that_is_shown_a_second_time_is_an_attack() {
    let mut frames = honest(&swing(&[36.0, 0.0, -36.0, 0.0]));
    let (from, count) = (frames.len() / 2 + 2, frames.len());
    for k in from..count {
        let again = shown(frames.len(), frames[k].face.clone());
        frames.push(again);
    }
    let challenge = Challenge::fixed(&[Side::Left, Side::Right, Side::Right]).unwrap();
    let report = report(challenge, &frames);
    assert_eq!(report.verdict, TurnVerdict::Attack, "{report:?}");
    assert!(report.reasons.contains(&TurnReason::ShownAgain));
}

#[test]
fn a_picture_that_stands_still_fails_and_one_that_is_doubled_does_not() {
    for (doubled, live) in [(1, true), (25, false)] {
        let honest = honest(&swing(&[36.0, 0.0, -36.0, 0.0]));
        let mut frames = Vec::new();
        for (k, frame) in honest.iter().enumerate() {
            for _ in 0..if k == 9 { 1 + doubled } else { 1 } {
                let fingerprint = Some(k as u64);
                frames.push(FaceObservation { fingerprint, ..shown(frames.len(), frame.face.clone()) });
            }
        }
        let report = report(left_then_right(), &frames);
        assert_eq!((report.is_live(), report.reasons.contains(&TurnReason::FrozenFrames)), (live, !live));
    }
}

#[test]
fn whoever_looks_ahead_a_little_aside_has_to_turn_as_far_to_both_sides_from_there() {
    let aside = |yaws: &[f32]| yaws.iter().map(|yaw| yaw + 6.0).collect::<Vec<f32>>();
    assert!(report(left_then_right(), &honest(&aside(&swing(&[33.0, 0.0, -33.0, 0.0])))).is_live());
    let short = report(left_then_right(), &honest(&aside(&swing(&[25.0, 0.0, -33.0, 0.0]))));
    assert!(
        !short.is_live() && short.reasons.contains(&TurnReason::TurnTooSmall)
            || short.reasons.contains(&TurnReason::WrongSide)
    );
}

#[test]
fn a_frame_around_the_face_is_no_pass() {
    let mut frames = honest(&swing(&[36.0, 0.0, -36.0, 0.0]));
    for frame in &mut frames {
        frame.face.as_mut().unwrap().framed = Some(true);
    }
    let report = report(left_then_right(), &frames);
    assert_eq!((report.verdict, report.reasons), (TurnVerdict::Incomplete, vec![TurnReason::FrameAroundFace]));
}

/// A frame of a room with a shelf, of which everything is shifted by some pixels, as on a display in a hand.
fn room(shift: f32) -> Scene {
    let picture = Gray::from_fn(320, 240, |x, y| {
        let (u, v) = (x as f32 - shift, y as f32 + 0.6 * shift);
        let wave = |a: f32, b: f32| (u * a + v * b).sin();
        let person = (x as f32 - 160.0).abs() < 45.0 && y > 60;
        [if person { 60 } else { (120.0 + 50.0 * wave(0.17, 0.05) * wave(-0.04, 0.21)) as u8 }]
    });
    Scene::of(&picture, Rect::new(130.0, 80.0, 60.0, 75.0)).unwrap()
}

#[test]
fn a_turn_whose_background_sways_along_is_no_pass_and_one_before_a_room_at_rest_is() {
    let frames = |sway: f32| {
        let mut frames = honest(&swing(&[36.0, 0.0, -36.0, 0.0]));
        for (k, frame) in frames.iter_mut().enumerate() {
            frame.face.as_mut().unwrap().scene = Some(room(sway * (k as f32 * 0.3).sin()));
        }
        frames
    };
    let with = |sway: f32| report(left_then_right(), &frames(sway));
    assert!(with(0.0).is_live());
    let swaying = with(4.0);
    assert_eq!((swaying.verdict, swaying.reasons), (TurnVerdict::Incomplete, vec![TurnReason::PassiveSigns]));
    assert_eq!(swaying.passive.signs, [PassiveSign::BackgroundMoves]);
    let held = TurnTracker::new(left_then_right(), LeastYaw::SHIPPED).before(CameraMount::InHand);
    let held = report_of(held, &frames(4.0));
    assert!(held.is_live(), "a camera in a hand moves every background");
    assert_eq!(held.passive.signs, [PassiveSign::BackgroundMoves], "and says so");
}

#[test]
fn a_small_first_turn_does_not_settle_the_order() {
    assert!(report(Challenge::both_sides(), &honest(&swing(&[26.0, 0.0, -36.0, 0.0, 36.0]))).is_live());
}

#[test]
fn turning_to_the_wrong_side_fails() {
    let report = report(left_then_right(), &honest(&swing(&[-36.0, 0.0, 36.0, 0.0, -36.0])));
    assert_eq!(report.verdict, TurnVerdict::Incomplete);
    assert!(report.reasons.contains(&TurnReason::WrongSide));
}

#[test]
fn a_mesh_that_drifts_while_the_detector_has_lost_a_turned_face_ends_no_turn() {
    let yaws = swing(&[40.0, 5.0, 40.0, 0.0, -40.0, 0.0]);
    let turned = |yaw: &f32| *yaw > 39.9;
    let lost = yaws.iter().position(turned).unwrap()..yaws.iter().rposition(turned).unwrap();
    let with = |found: bool| {
        let mut frames = honest(&yaws);
        for frame in &mut frames[lost.clone()] {
            frame.face.iter_mut().for_each(|face| face.found = found);
        }
        report(left_then_right(), &frames)
    };
    assert!(with(false).is_live(), "{:?}", with(false).reasons);
    assert!(with(true).reasons.contains(&TurnReason::WrongSide), "who does look ahead and turns back is told so");
}

#[test]
fn a_turn_that_is_too_small_is_told_so() {
    let report = report(left_then_right(), &honest(&swing(&[25.0, 0.0, -36.0])));
    assert_ne!(report.verdict, TurnVerdict::Live);
    assert!(report.reasons.contains(&TurnReason::TurnTooSmall) || report.reasons.contains(&TurnReason::WrongSide));
}

#[test]
fn a_photo_whose_depths_claim_a_turn_is_an_attack() {
    let yaws = swing(&[40.0, 0.0, -40.0, 0.0]);
    let frames: Vec<_> = yaws
        .iter()
        .enumerate()
        .map(|(k, &yaw)| shown(k, Some(face(photographed(&head(), yaw, yaw), 0.7, k))))
        .collect();
    let report = report(left_then_right(), &frames);
    assert_eq!(report.verdict, TurnVerdict::Attack);
    assert!(report.reasons.contains(&TurnReason::MovesLikeASheet));
    assert_eq!(report.pad_score, Some(LiveScore(0.0)));
}

#[test]
fn another_person_who_does_the_turning_is_an_attack() {
    let mut frames = honest(&swing(&[36.0, 0.0, -36.0, 0.0]));
    for (k, frame) in frames.iter_mut().enumerate() {
        let face = frame.face.as_mut().unwrap();
        if face.pose.yaw_degrees < -15.0 {
            face.template = Some(template(2.9, k));
        }
    }
    let report = report(left_then_right(), &frames);
    assert_eq!((report.verdict, report.identity_held), (TurnVerdict::Attack, false));
    assert_eq!(report.reasons, [TurnReason::IdentityChanged]);
}

#[test]
fn a_turn_without_templates_is_never_live() {
    let mut frames = honest(&swing(&[36.0, 0.0, -36.0, 0.0]));
    for frame in &mut frames {
        frame.face.as_mut().unwrap().template = None;
    }
    assert_eq!(report(left_then_right(), &frames).reasons, [TurnReason::IdentityNotMeasured]);
}

#[test]
fn a_cut_from_the_frontal_to_the_turned_pose_fails() {
    let yaws: Vec<f32> =
        swing(&[36.0, 0.0, -36.0, 0.0]).into_iter().filter(|y| !(8.0..30.0).contains(&y.abs())).collect();
    let report = report(left_then_right(), &honest(&yaws));
    assert_eq!((report.verdict, report.reasons), (TurnVerdict::Incomplete, vec![TurnReason::PoseJump]));
}

#[test]
fn a_face_that_leaves_for_a_second_fails() {
    let mut frames = honest(&swing(&[36.0, 0.0, -36.0, 0.0]));
    let later: Vec<_> =
        frames.split_off(10).into_iter().map(|f| FaceObservation { at: f.at + Duration::from_secs(1), ..f }).collect();
    frames.push(shown(11, None));
    frames.extend(later);
    assert!(report(left_then_right(), &frames).reasons.contains(&TurnReason::FaceLost));
}

#[test]
fn a_second_face_of_like_size_fails() {
    let mut frames = honest(&swing(&[36.0, 0.0, -36.0, 0.0]));
    for frame in frames.iter_mut().skip(5).take(4) {
        frame.rival = true;
    }
    assert_eq!(report(left_then_right(), &frames).reasons, [TurnReason::SeveralFaces]);
}

#[test]
fn a_turn_before_its_prompt_fails_and_after_it_does_not() {
    for (delay, live) in [(0, true), (40, false)] {
        let mut tracker = TurnTracker::new(left_then_right(), LeastYaw::SHIPPED);
        let (mut done, mut asked_at) = (usize::MAX, 0);
        for (k, frame) in honest(&swing(&[36.0, 0.0, -36.0, 0.0])).iter().enumerate() {
            if tracker.progress().done != done {
                (done, asked_at) = (tracker.progress().done, k);
            }
            if k >= asked_at + delay || done == 0 {
                tracker.prompted(frame.at);
            }
            tracker.observe(frame);
        }
        let report = tracker.finish();
        assert_eq!(report.is_live(), live, "{report:?}");
        assert_eq!(report.reasons.contains(&TurnReason::TurnBeforePrompt), !live);
    }
}

#[test]
fn a_challenge_that_takes_too_long_fails() {
    let challenge = Challenge::from_nonce(&[0; 16]);
    let mut frames = honest(&swing(&[36.0, 0.0, -36.0, 0.0]));
    for frame in frames.iter_mut().skip(6) {
        frame.at += Duration::from_mins(1);
    }
    assert!(report(challenge, &frames).reasons.contains(&TurnReason::TimedOut));
}

#[test]
fn a_pattern_over_the_face_is_an_attack() {
    let mut frames = honest(&swing(&[36.0, 0.0, -36.0, 0.0]));
    for frame in &mut frames {
        frame.face.as_mut().unwrap().passive = Some(LiveScore(0.1));
    }
    let report = report(left_then_right(), &frames);
    assert_eq!((report.verdict, report.reasons), (TurnVerdict::Attack, vec![TurnReason::PatternOverFace]));
}

#[test]
fn nothing_is_incomplete_and_says_that_no_face_was_seen() {
    let empty = report(left_then_right(), &[]);
    assert_eq!((empty.verdict, empty.reasons), (TurnVerdict::Incomplete, vec![TurnReason::NoFace]));
    assert_eq!((empty.pad_score, empty.parallax_score, empty.identity_held), (None, None, false));
}

#[test]
fn reasons_have_stable_codes() {
    let code = |reason| serde_json::to_value(reason).unwrap();
    assert_eq!(code(TurnReason::MovesLikeASheet), "moves_like_a_sheet");
    assert_eq!(code(TurnReason::TurnBeforePrompt), "turn_before_prompt");
}

fn noisy(mesh: &MeshFace, noise: &[f32]) -> MeshFace {
    let mut mesh = mesh.clone();
    for (k, p) in mesh.landmarks.iter_mut().enumerate() {
        let n = noise[k % noise.len()];
        *p = Point3 { x: p.x + n, y: p.y - n, z: p.z + 2.0 * n };
    }
    mesh
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn one_frame_again_and_again_is_never_live(yaw in -50.0f32..50.0, count in 0usize..60) {
        let frames: Vec<_> = (0..count).map(|k| shown(k, Some(face(turned(&head(), yaw, 0.0), 0.7, k)))).collect();
        prop_assert!(!report(Challenge::both_sides(), &frames).is_live());
        prop_assert!(!report(left_then_right(), &frames).is_live());
    }

    #[test]
    fn any_beginning_of_an_honest_turn_is_incomplete(share in 0.0f32..0.7) {
        let frames = honest(&swing(&[36.0, 0.0, -36.0]));
        let kept = (frames.len() as f32 * share) as usize;
        prop_assert_eq!(report(left_then_right(), &frames[..kept]).verdict, TurnVerdict::Incomplete);
    }

    #[test]
    fn frames_in_any_order_or_with_any_noise_never_panic(
        yaws in proptest::collection::vec(-90.0f32..90.0, 0..40),
        times in proptest::collection::vec(0u64..5000, 40),
        noise in proptest::collection::vec(prop_oneof![-300.0f32..300.0, Just(f32::NAN), Just(f32::INFINITY)], 1..50),
    ) {
        let frames: Vec<_> = yaws.iter().enumerate().map(|(k, &yaw)| FaceObservation {
            at: Duration::from_millis(times[k]),
            face: Some(ObservedFace {
                mesh: noisy(&turned(&head(), yaw, 0.0), &noise),
                pose: Pose { yaw_degrees: yaw, ..Pose::default() },
                found: k % 3 > 0,
                template: None,
                passive: None,
                texture: None,
                framed: None,
                pad: None,
                scene: None,
            }),
            rival: k % 7 == 0,
            fingerprint: None,
        }).collect();
        prop_assert!(!report(left_then_right(), &frames).is_live());
    }
}
