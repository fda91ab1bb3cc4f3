//! Rendered flashes, on seeds that no constant was chosen on (those are 1 to 999).

use super::*;
use crate::liveness::{FlashReason, FlashVerdict};
use crate::run::test_support::runtime;
use crate::tools::specimen::Portrait;

const REPORTED: std::ops::Range<u64> = 750_001..750_003;

/// The reports on a species before a display of some strength; `None`, said aloud, without the models.
fn reports(species: FlashSpecies, strength: f32) -> Option<Vec<(FlashTruth, FlashReport)>> {
    let runtime = runtime()?;
    let mut observer = FaceObserver::open(&runtime).unwrap();
    let portraits = [Portrait::EileenCollins, Portrait::GraceHopper];
    let scored = REPORTED.zip(portraits).map(|(seed, portrait)| {
        let scene = FlashScene::drawn(species, &Sitter::bundled(portrait).unwrap(), seed).unwrap();
        let scored = score(&mut observer, scene.with_strength(strength), seed).unwrap();
        (scored.truth, scored.report)
    });
    Some(scored.collect())
}

#[test]
fn rendered_people_follow_the_screen_and_their_latency_is_found() {
    for (truth, report) in reports(FlashSpecies::Honest, 0.2).into_iter().flatten() {
        assert_eq!(report.verdict, FlashVerdict::Followed, "{report:?} {truth:?}");
        assert!((report.latency.unwrap().ms as f32 - truth.latency_ms).abs() < 100.0, "{report:?} {truth:?}");
    }
}

#[test]
fn a_recording_that_the_screen_does_not_light_never_follows() {
    for (truth, report) in reports(FlashSpecies::Unlit, 0.2).into_iter().flatten() {
        assert_ne!(report.verdict, FlashVerdict::Followed, "{report:?} {truth:?}");
        assert!(report.score.unwrap().0 < 0.6, "{report:?} {truth:?}");
    }
}

#[test]
fn a_recording_that_is_given_the_colours_late_or_others_never_follows() {
    for species in [FlashSpecies::Late, FlashSpecies::OtherOrder] {
        for (truth, report) in reports(species, 0.3).into_iter().flatten() {
            assert_eq!(report.verdict, FlashVerdict::NotFollowed, "{report:?} {truth:?}");
            let late = report.reason == Some(FlashReason::OutOfTime);
            assert!(late || species == FlashSpecies::OtherOrder, "{report:?} {truth:?}");
        }
    }
}

#[test]
fn glass_and_filters_that_light_the_whole_picture_never_follow() {
    for species in [FlashSpecies::Glass, FlashSpecies::Filter] {
        for (truth, report) in reports(species, 0.3).into_iter().flatten() {
            assert_ne!(report.verdict, FlashVerdict::Followed, "{report:?} {truth:?}");
        }
    }
}
