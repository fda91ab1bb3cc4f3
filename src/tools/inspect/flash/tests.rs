//! Rendered flashes, on seeds that no constant was chosen on (those are 1 to 999). Each prints what it measured.

use super::*;
use crate::liveness::{FlashReason, FlashVerdict};
use crate::run::test_support::runtime;
use crate::tools::specimen::Portrait;

const REPORTED: std::ops::Range<u64> = 750_001..750_004;

/// The reports on a species before a display of some strength; none, said aloud, without the models.
fn reports(species: FlashSpecies, strength: f32) -> Vec<(FlashTruth, FlashReport)> {
    let Some(runtime) = runtime() else { return Vec::new() };
    let mut observer = FaceObserver::open(&runtime).unwrap();
    let portraits = [Portrait::EileenCollins, Portrait::GraceHopper].into_iter().cycle();
    let scored = REPORTED.zip(portraits).map(|(seed, portrait)| {
        let scene = FlashScene::drawn(species, &Sitter::bundled(portrait).unwrap(), seed).unwrap();
        let Scored { truth, report } = score(&mut observer, scene.with_strength(strength), seed).unwrap();
        eprintln!("{species:?}, {portrait:?}, light {strength}, {:.0} ms: {report:?}", truth.latency_ms);
        (truth, report)
    });
    scored.collect()
}

fn nobody_follows(species: FlashSpecies, strength: f32) {
    for (truth, report) in reports(species, strength) {
        assert_ne!(report.verdict, FlashVerdict::Followed, "{report:?} {truth:?}");
    }
}

#[test]
fn rendered_people_follow_the_screen_and_their_latency_is_found() {
    for (truth, report) in reports(FlashSpecies::Honest, 0.2) {
        assert_eq!(report.verdict, FlashVerdict::Followed, "{report:?} {truth:?}");
        assert!((report.latency.unwrap().ms as f32 - truth.latency_ms).abs() < 100.0, "{report:?} {truth:?}");
    }
}

#[test]
fn rendered_people_before_a_weak_display_follow_it_or_are_told_that_it_is_too_bright() {
    for (truth, report) in reports(FlashSpecies::Honest, 0.08) {
        // One of them stands in light that clips half of the skin.
        let expected = [None, Some(FlashReason::TooBright)];
        assert!(expected.contains(&report.reason), "{report:?} {truth:?}");
    }
}

#[test]
fn a_recording_that_the_screen_does_not_light_never_follows() {
    nobody_follows(FlashSpecies::Unlit, 0.2);
}

#[test]
fn a_recording_that_is_given_the_colours_late_never_follows() {
    nobody_follows(FlashSpecies::Late, 0.3);
}

#[test]
fn a_recording_that_is_given_other_colours_never_follows() {
    nobody_follows(FlashSpecies::OtherOrder, 0.3);
}

#[test]
fn glass_that_reflects_the_colours_over_the_whole_picture_never_follows() {
    nobody_follows(FlashSpecies::Glass, 0.3);
}

#[test]
fn a_filter_that_gives_the_whole_picture_the_colours_never_follows() {
    nobody_follows(FlashSpecies::Filter, 0.3);
}

#[test]
fn a_print_follows_as_a_face_does_but_for_its_sides_and_is_left_to_the_head_turn() {
    for (truth, report) in reports(FlashSpecies::Print, 0.2) {
        assert_eq!(report.verdict, FlashVerdict::Followed, "{report:?} {truth:?}");
        assert!(report.side_share.unwrap() > 0.85, "{report:?} {truth:?}");
    }
}
