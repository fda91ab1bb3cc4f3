//! What lies around the card: soft light and dark, lines, stripes, print, and a portrait.

use super::super::draw::{Area, Canvas, Fonts, Typeface};
use super::super::random::{Random, smooth_noise};
use super::super::{Portrait, SpecimenError};
use super::FRAME;
use super::card::words;
use crate::imaging::Gray;

/// Draws a background of a frame's size.
///
/// # Errors
/// [`SpecimenError::Asset`] when a bundled file is damaged.
pub fn background(seed: u64) -> Result<Gray, SpecimenError> {
    let mut random = Random::new(seed, 35);
    let (width, height) = (FRAME.0 as f32, FRAME.1 as f32);
    let mut canvas = Canvas::new(width, height, 1.0);
    let noise = random.below(u32::MAX);
    let (middle, contrast) = (random.between(70.0, 170.0), random.between(10.0, 60.0));
    canvas.paint(|x, y| {
        let soft = smooth_noise(x / 260.0, y / 200.0, noise);
        let grain = smooth_noise(x / 9.0, y / 60.0, noise ^ 1);
        [(middle + contrast * soft + 5.0 * grain).clamp(0.0, 255.0) as u8; 3]
    });
    for _ in 0..20 {
        let from = (random.between(0.0, width), random.between(0.0, height));
        let to = (from.0 + random.between(-300.0, 300.0), from.1 + random.between(-300.0, 300.0));
        let shade = [random.below(256) as u8; 3];
        canvas.line(from, to, random.between(1.0, 12.0), shade, 1.0);
    }
    if random.below(3) == 0 {
        stripes(&mut canvas, &mut random);
    }
    let fonts = Fonts::bundled()?;
    for _ in 0..3 + random.below(8) {
        let (size, degrees) = (random.between(6.0, 26.0), random.between(-90.0, 90.0));
        let place = (random.between(0.0, width), random.between(0.0, height));
        canvas.stamp(&fonts, place, size, degrees, ([random.below(100) as u8; 3], 0.9), &words(&mut random, 30))?;
    }
    if random.below(2) == 0 {
        let size = random.between(120.0, 320.0);
        let place = (random.between(0.0, width - size), random.between(0.0, height - size));
        let portrait = Portrait::EileenCollins.for_document()?;
        canvas.picture(&portrait, Area::new(place.0, place.1, size * 0.8, size), 1.0);
    }
    canvas.text(&fonts, Typeface::Bold, (20.0, height - 20.0), 12.0, [90; 3], "SPECIMEN")?;
    Ok(canvas.into_image().to_gray())
}

/// Parallel lines, which look like bars and are none.
fn stripes(canvas: &mut Canvas, random: &mut Random) {
    let (pitch, length) = (random.between(6.0, 20.0), random.between(60.0, 260.0));
    let start = (random.between(0.0, FRAME.0 as f32 - 300.0), random.between(0.0, FRAME.1 as f32 - 300.0));
    let (sin, cos) = random.between(0.0, std::f32::consts::TAU).sin_cos();
    for k in 0..12 {
        let along = pitch * k as f32;
        let from = (start.0 + along * cos, start.1 + along * sin);
        canvas.line(from, (from.0 - length * sin, from.1 + length * cos), pitch * 0.4, [40; 3], 1.0);
    }
}
