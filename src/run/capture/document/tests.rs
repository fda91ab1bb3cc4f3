//! Hints, the choice of frames, and the portrait.

use std::time::Duration;

use jiff::civil::date;

use super::*;
use crate::compliance::{AgeTier, PlaceDays};
use crate::run::test_support::runtime;
use crate::run::vision::Decoder;
use crate::session::Policy;
use crate::tools::specimen::document::licence_front;
use crate::tools::specimen::{PersonName, Portrait as Face, SpecimenLicence, View, photograph};

fn look() -> Look {
    let days = PlaceDays::single(date(2026, 11, 22));
    Look { policy: Policy::for_tier(AgeTier::Over21), days, accepts_passes: false }
}

fn frame(image: Rgb, sequence: u64) -> Frame {
    Frame { image, captured_at: Duration::from_millis(66 * sequence), sequence, provenance: Provenance::Simulated }
}

/// The hint for a picture that was held up for some frames.
fn last_hint(picture: &Rgb, vision: &mut Vision) -> Option<Hint> {
    let mut capture = DocumentCapture::new();
    let step = |sequence| capture.observe(&frame(picture.clone(), sequence), vision, &look(), || {}).unwrap();
    (0..3).map(step).last().and_then(|step| step.hint)
}

/// A front whose portrait is smaller than most.
fn small_portrait() -> Rgb {
    let licence = SpecimenLicence::genuine(PersonName::Collins, date(2026, 11, 22));
    let mut card = licence_front(&licence).unwrap();
    let face = resize(&Face::EileenCollins.for_document().unwrap(), 200, 250);
    for y in 0..420 {
        for x in 0..336 {
            let pixel = if x < 200 && y < 250 { face.pixel(x, y) } else { [228, 236, 238] };
            card.set_pixel(45 + x, 154 + y, pixel);
        }
    }
    card
}

fn front_in(view: View) -> Rgb {
    let licence = SpecimenLicence::genuine(PersonName::Collins, date(2026, 11, 22));
    photograph(&licence_front(&licence).unwrap(), &view, 4).unwrap().image
}

#[test]
fn what_is_wrong_with_the_view_is_what_the_hint_mends() {
    let Some(runtime) = runtime() else { return };
    let mut vision = Vision::open(&runtime, Decoder::Inside).unwrap();
    let good = front_in(View::default());
    let mut last = |picture: &Rgb| last_hint(picture, &mut vision);
    assert_eq!(last(&front_in(View { fill: 0.27, ..View::default() })), Some(Hint::DocumentCloser));
    // The print could be read there, but the portrait is small and the picture has room.
    let far = View { fill: 0.31, ..View::default() };
    let small = photograph(&small_portrait(), &far, 4).unwrap().image;
    assert_eq!(last(&small), Some(Hint::DocumentCloser));
    assert_eq!(
        last(&front_in(View { tilt_degrees: 0.0, yaw_degrees: 38.0, ..View::default() })),
        Some(Hint::DocumentFlat)
    );
    assert_eq!(last(&front_in(View { blur: 7.0, noise: 0.0, ..View::default() })), Some(Hint::OutOfFocus));
    let shaded = |share: f32| Rgb::from_fn(1920, 1080, |x, y| good.pixel(x, y).map(|v| (f32::from(v) * share) as u8));
    assert_eq!(last(&shaded(0.15)), Some(Hint::MoreLight));
    assert_eq!(last(&Rgb::filled(1920, 1080, [246; 3])), Some(Hint::LessLight));
    let lamp = Rgb::from_fn(1920, 1080, |x, y| {
        let lit = (x as f32 - 1100.0).hypot(y as f32 - 500.0) < 170.0;
        if lit { [255; 3] } else { good.pixel(x, y) }
    });
    assert_eq!(last(&lamp), Some(Hint::AvoidGlare));
    // Its left edge lies at the border of the picture: more of it may lie outside.
    let left = locate_card(&good.to_gray()).unwrap().outline.bounds().x;
    let aside = Rgb::from_fn(1920, 1080, |x, y| good.pixel((x + left as usize).saturating_sub(1).min(1919), y));
    assert_eq!(last(&aside), Some(Hint::DocumentInFrame));
    assert_eq!(last(&good), None);
    let mut capture = DocumentCapture::new();
    let other = front_in(View { fill: 0.5, turn_degrees: -3.0, ..View::default() });
    for (sequence, picture) in [&good, &other, &good].into_iter().enumerate() {
        let step = capture.observe(&frame(picture.clone(), sequence as u64), &mut vision, &look(), || {}).unwrap();
        assert_eq!(step.hint, Some(Hint::HoldStill));
    }
}

#[test]
fn of_a_few_frames_the_sharpest_is_read() {
    let Some(runtime) = runtime() else { return };
    let mut vision = Vision::open(&runtime, Decoder::Inside).unwrap();
    let mut capture = DocumentCapture::new();
    let (sharp, soft) = (front_in(View::default()), front_in(View { blur: 2.2, ..View::default() }));
    let mut read_at = Vec::new();
    for (sequence, picture) in [&soft, &soft, &sharp, &soft].into_iter().enumerate() {
        capture
            .observe(&frame(picture.clone(), sequence as u64), &mut vision, &look(), || read_at.push(sequence))
            .unwrap();
    }
    let kept = capture.front.as_ref().expect("the front is read").quality.detail.reveal().clone();
    assert_eq!(read_at, [3], "three frames are compared");
    let quality = |picture: &Rgb, vision: &mut Vision| {
        let card = locate_card(&picture.to_gray()).unwrap();
        let flat = card_laid_flat(picture, &card, ID1_ASPECT).unwrap();
        let portrait = vision.portrait(&flat).unwrap().unwrap();
        portrait.check(card.outline.mean_width() / FLAT_WIDTH as f32).detail.reveal().clone()
    };
    assert_eq!(kept, quality(&sharp, &mut vision));
    assert_ne!(kept, quality(&soft, &mut vision));
    assert!(capture.best.is_none(), "no frame is kept once it was read");
}

#[test]
fn a_portrait_that_the_camera_cannot_show_larger_is_taken_and_said() {
    let Some(runtime) = runtime() else { return };
    let mut vision = Vision::open(&runtime, Decoder::Inside).unwrap();
    let view = View {
        width: 640,
        height: 420,
        fill: 0.9,
        turn_degrees: 1.0,
        yaw_degrees: 0.0,
        tilt_degrees: 2.0,
        ..View::default()
    };
    let picture = photograph(&small_portrait(), &view, 4).unwrap().image;
    let mut capture = DocumentCapture::new();
    for sequence in 0..4 {
        let step = capture.observe(&frame(picture.clone(), sequence), &mut vision, &look(), || {}).unwrap();
        assert_ne!(step.hint, Some(Hint::DocumentCloser));
    }
    let quality = &capture.front.as_ref().expect("the front is read").quality;
    assert_eq!(quality.result, crate::document::CheckResult::Flag, "{}", quality.detail.reveal());
}

#[test]
fn a_ghost_image_is_not_the_portrait_even_where_it_is_larger() {
    let Some(runtime) = runtime() else { return };
    let mut vision = Vision::open(&runtime, Decoder::Inside).unwrap();
    let licence = SpecimenLicence::genuine(PersonName::Collins, date(2026, 11, 22));
    let plain = licence_front(&licence).unwrap();
    let own = vision.template_of(&plain);
    // Somebody else's face, so that the two can be told apart, a little larger and faint.
    let ghost = resize(&Face::GraceHopper.for_document().unwrap(), 360, 450);
    let mut card = plain;
    for y in 0..450 {
        for x in 0..360 {
            let (under, over) = (card.pixel(780 + x, 190 + y), ghost.pixel(x, y));
            let mixed =
                [0, 1, 2].map(|k| (f32::from(under[k]) * 0.65 + (105.0 + 0.5 * f32::from(over[k])) * 0.35) as u8);
            card.set_pixel(780 + x, 190 + y, mixed);
        }
    }
    let found = vision.template_of(&card);
    assert!(found.similarity(&own).0 > 0.8, "{}", found.similarity(&own).0);
}
