//! Signs that a card in a picture is a screen, a photocopy or a print of a card.
//!
//! The grid of a screen beats with the camera's pixels and leaves regular patterns (moiré), in colour more than in
//! brightness, because its colours shine from different places; halftone leaves its dots; copies lose colour, and screens
//! never get black. Each cue is weak, and cards have fine lines of their own; the score fuses them.
//!
//! Always holds: bounded work however large the picture is; a card of which too little can be seen has no score, which is
//! never a sign of being genuine. In the terms of ISO/IEC 30107-3 this is a PAD subsystem for documents, which that
//! standard leaves out of its scope: its APCER and BPCER on rendered presentations are in `docs/documents/recapture.md`, those
//! on real ones are unknown. Does not see a print without dots on glossy stock, a screen of high density out of focus, or a
//! forged card.

use serde::Serialize;

use super::geometry::{Quad, Rect};
use super::raster::{Gray, Rgb};
use super::spectrum::PowerSpectrum;
use super::transform::Homography;
use super::warp::{project, resize};

/// Widths to which a card is laid flat, in pixels; it keeps its own width between them, so that the pixels of the camera
/// and what they make of a grid stay what they are.
const WIDTH: std::ops::RangeInclusive<usize> = 560..=1536;
/// Side of the tiles whose spectra are averaged, in pixels.
const TILE: usize = 256;
/// How far from the card's edges is looked at, as a share of its width and height.
const MARGIN: f32 = 0.03;
/// Side of the blocks over which contrast is evened out, in pixels.
const BLOCK: usize = 8;
/// Contrast in grey levels that is not evened out: rounding to whole levels.
const LEAST_CONTRAST: f32 = 0.6;
/// Places at which colours are looked at, along and down.
const PLACES: (usize, usize) = (160, 100);
/// Frequencies in which a grid is looked for, in cycles a pixel: coarser ones are letters and lines, finer ones are made
/// by the camera.
const BAND: std::ops::Range<f32> = 0.16..0.48;
/// Bins about the card's own axes, where the modules of a barcode and the stripes of a screen peak.
const AXIS_BINS: i32 = 2;
/// Bins about a peak that belong to it, and up to which its surroundings reach.
const NEAR: i32 = 2;
const FAR: i32 = 7;

/// Where each cue begins to count, and where it counts in full: above what the cards of the tuning set reach in bona fide
/// presentations (`docs/documents/recapture.md`).
const GRID: (f32, f32) = (1.4, 2.1);
const GRID_AXIS: (f32, f32) = (1.7, 2.5);
const FRINGES: (f32, f32) = (1.5, 2.3);
const GAMUT: (f32, f32) = (-1.5, -1.8);

/// How much a card in a picture looks like a picture of a card: 0 no sign of it, 1 clear signs. Not a probability.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct RecaptureScore(pub f32);

impl RecaptureScore {
    /// At or above: an attack presentation.
    pub const ATTACK_AT_LEAST: Self = Self(0.5);
}

/// What was measured. Logarithms are decimal.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RecaptureCues {
    /// Logarithm of the strongest peak in the mean spectrum of brightness over what is usual at the same fineness and
    /// near it, off the card's axes: below about 1.5 for cards, 2 and more for halftone.
    pub grid: f32,
    /// The same on the axes: below about 1.8 for cards, whose barcode peaks there.
    pub grid_axis: f32,
    /// As `grid`, of colour.
    pub fringes: f32,
    /// Logarithm of how much the hue differs over the card, its white balanced: about −1 for colour, −2 for grey.
    pub gamut: f32,
}

/// Score and what it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[must_use]
pub struct RecaptureResult {
    /// 0…1.
    pub score: RecaptureScore,
    /// The measures.
    pub cues: RecaptureCues,
}

/// Measures the card inside `outline`; `None` when it is too small in the picture, or black.
#[must_use]
pub fn recapture(picture: &Rgb, outline: Quad) -> Option<RecaptureResult> {
    let cues = cues(picture, outline)?;
    // Any one cue is enough, and two that are in doubt count for more than one.
    let clear = [(cues.grid, GRID), (cues.grid_axis, GRID_AXIS), (cues.fringes, FRINGES), (cues.gamut, GAMUT)]
        .map(|(value, (none, full))| ((value - none) / (full - none)).clamp(0.0, 1.0))
        .iter()
        .fold(1.0, |clear, sign| clear * (1.0 - sign));
    Some(RecaptureResult { score: RecaptureScore(1.0 - clear), cues })
}

fn cues(picture: &Rgb, outline: Quad) -> Option<RecaptureCues> {
    let seen = outline.mean_width();
    if seen.is_nan() || seen < *WIDTH.start() as f32 {
        return None;
    }
    let width = (seen as usize).min(*WIDTH.end());
    let height = ((width as f32 * outline.mean_height() / seen) as usize).min(*WIDTH.end());
    let flat = Quad::from_rect(Rect::new(0.0, 0.0, width as f32, height as f32));
    let flat = project(picture, width, height, [0; 3], &Homography::between(flat, outline)?);
    // Red against the other two: what grids and fringes differ in most.
    let difference = Gray::from_fn(width, height, |x, y| {
        let [r, g, b] = flat.pixel(x, y).map(i32::from);
        [((2 * r - g - b) / 4 + 128).clamp(0, 255) as u8]
    });
    let (grid, grid_axis) = peaks(&evened(&flat.to_gray()))?;
    let (fringes, _) = peaks(&evened(&difference))?;
    Some(RecaptureCues { grid, grid_axis, fringes, gamut: gamut(&flat)? })
}

/// The fine part of a picture with the same contrast everywhere, so that print does not outweigh what lies beneath it.
fn evened(picture: &Gray) -> Gray {
    let (width, height) = (picture.width(), picture.height());
    let soft = resize(&resize(picture, (width / 4).max(1), (height / 4).max(1)), width, height);
    let fine = |x: usize, y: usize| f32::from(picture.row(y)[x]) - f32::from(soft.row(y)[x]);
    let (columns, rows) = ((width / BLOCK).max(1), (height / BLOCK).max(1));
    let mut contrast = vec![LEAST_CONTRAST; columns * rows];
    for (at, contrast) in contrast.iter_mut().enumerate() {
        let (left, top) = (at % columns * BLOCK, at / columns * BLOCK);
        let squares = (0..BLOCK * BLOCK).map(|k| fine(left + k % BLOCK, top + k / BLOCK).powi(2)).sum::<f32>();
        *contrast = (squares / (BLOCK * BLOCK) as f32).sqrt().max(LEAST_CONTRAST);
    }
    Gray::from_fn(width, height, |x, y| {
        let block = (y / BLOCK).min(rows - 1) * columns + (x / BLOCK).min(columns - 1);
        [(128.0 + 30.0 * fine(x, y) / contrast[block]).clamp(0.0, 255.0) as u8]
    })
}

/// Logarithms of the strongest peaks off and on the axes of the mean spectrum of the tiles.
fn peaks(picture: &Gray) -> Option<(f32, f32)> {
    let inner = |length: usize| {
        let margin = (length as f32 * MARGIN) as usize;
        length.checked_sub(2 * margin + TILE).map(|room| (margin, room))
    };
    let ((left, across), (top, down)) = (inner(picture.width())?, inner(picture.height())?);
    let mut spectrum = PowerSpectrum::new(TILE);
    let steps = |room: usize| (room * 3 / (2 * TILE)).clamp(1, 6);
    for row in 0..=steps(down) {
        for column in 0..=steps(across) {
            let (x, y) = (left + across * column / steps(across), top + down * row / steps(down));
            spectrum.add(picture, x, y);
        }
    }
    let power = spectrum.power();
    let mut rings = vec![Vec::new(); TILE];
    let radius = |fx: i32, fy: i32| (fx as f32).hypot(fy as f32);
    for (k, &value) in power.iter().enumerate() {
        rings[radius(frequency(k % TILE), frequency(k / TILE)) as usize / 4].push(value);
    }
    let usual: Vec<f32> = rings.into_iter().map(|ring| quantile(ring, 0.5).max(1.0)).collect();
    let (mut off_axis, mut on_axis): (f32, f32) = (1.0, 1.0);
    // The spectrum of a real picture is symmetric: half of it is enough.
    for k in 0..TILE * TILE / 2 {
        let (fx, fy) = (frequency(k % TILE), frequency(k / TILE));
        let radius = radius(fx, fy);
        let ratio = power[k] / usual[radius as usize / 4];
        let on = fx.abs() <= AXIS_BINS || fy.abs() <= AXIS_BINS;
        let most = if on { &mut on_axis } else { &mut off_axis };
        // What it is compared with near it costs more, and is not needed where it is no peak at all.
        if BAND.contains(&(radius / TILE as f32)) && ratio > *most {
            *most = most.max(power[k] / usual[radius as usize / 4].max(nearby(power, k)));
        }
    }
    Some((off_axis.log10(), on_axis.log10()))
}

/// What is usual near a bin but not right beside it: waving lines fill their neighbourhood, a grid does not.
fn nearby(power: &[f32], at: usize) -> f32 {
    let (x, y) = ((at % TILE) as i32, (at / TILE) as i32);
    let place = |value: i32| value.rem_euclid(TILE as i32) as usize;
    let mut values = Vec::with_capacity(225);
    for dy in -FAR..=FAR {
        for dx in -FAR..=FAR {
            if dx.abs().max(dy.abs()) > NEAR {
                values.push(power[place(y + dy) * TILE + place(x + dx)]);
            }
        }
    }
    quantile(values, 0.9)
}

/// Signed frequency of a bin.
fn frequency(bin: usize) -> i32 {
    let half = TILE as i32 / 2;
    (bin as i32 + half) % TILE as i32 - half
}

/// Logarithm of how much the hue differs over the card that is laid flat; `None` when it is black.
fn gamut(flat: &Rgb) -> Option<f32> {
    let small = resize(flat, PLACES.0, PLACES.1);
    let (left, top) = ((PLACES.0 as f32 * MARGIN) as usize, (PLACES.1 as f32 * MARGIN) as usize);
    let colours: Vec<[f32; 3]> = (top..PLACES.1 - top)
        .flat_map(|y| (left..PLACES.0 - left).map(move |x| (x, y)))
        .map(|(x, y)| small.pixel(x, y).map(f32::from))
        .collect();
    if colours.iter().flatten().all(|&value| value < 8.0) {
        return None;
    }
    let white = [0, 1, 2].map(|k| quantile(colours.iter().map(|colour| colour[k]).collect(), 0.9).max(1.0));
    let spread = |k: usize| {
        let values = colours.iter().map(|colour| colour[k] / white[k] - colour[1] / white[1]);
        let mean = values.clone().sum::<f32>() / colours.len() as f32;
        values.map(|value| (value - mean).powi(2)).sum::<f32>() / colours.len() as f32
    };
    Some((spread(0) + spread(2)).sqrt().max(1e-3).log10())
}

/// The value below which a share of the values lies; 0 when there are none.
fn quantile(mut values: Vec<f32>, share: f32) -> f32 {
    let at = (values.len().saturating_sub(1) as f32 * share).round() as usize;
    if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(at, f32::total_cmp).1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A coloured card with print, and grain.
    fn card(x: usize, y: usize) -> [f32; 3] {
        let grain =
            ((x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503).wrapping_mul(x + 7)) >> 7 & 15) as f32 * 0.4;
        let wave = (x as f32 / 90.0).sin() * 12.0;
        let print = if y % 60 < 12 && !(x / 9 + y / 60 * 3).is_multiple_of(4) && x > 400 { -150.0 } else { 0.0 };
        let band = if y < 100 { [-150.0, -90.0, -40.0] } else { [0.0; 3] };
        [0, 1, 2].map(|k| 215.0 + wave * (k as f32 - 1.0) + print + band[k] + grain)
    }

    fn result(pixel: impl Fn(usize, usize) -> [f32; 3]) -> Option<RecaptureResult> {
        let picture = Rgb::from_fn(1000, 640, |x, y| pixel(x, y).map(|value| value.clamp(0.0, 255.0) as u8));
        recapture(&picture, Quad::from_rect(Rect::new(0.0, 0.0, 1000.0, 640.0)))
    }

    #[test]
    fn a_coloured_card_without_a_grid_shows_no_sign() {
        let seen = result(card).unwrap();
        assert!(seen.score < RecaptureScore::ATTACK_AT_LEAST, "{seen:?}");
    }

    #[test]
    fn the_dots_of_a_halftone_are_an_attack() {
        let dots = |x: usize, y: usize| {
            let (a, b) = ((x as f32 * 0.8 + y as f32 * 0.6) * 1.8, (y as f32 * 0.8 - x as f32 * 0.6) * 1.8);
            card(x, y).map(|value| value + 6.0 * (a.cos() + b.cos()))
        };
        let seen = result(dots).unwrap();
        assert!(seen.score >= RecaptureScore::ATTACK_AT_LEAST, "{seen:?}");
    }

    #[test]
    fn a_grey_copy_is_an_attack_in_light_of_any_colour() {
        for light in [[1.0, 1.0, 1.0], [1.0, 0.85, 0.6]] {
            let grey = |x: usize, y: usize| light.map(|share| card(x, y)[1] * share);
            let seen = result(grey).unwrap();
            assert!(seen.score >= RecaptureScore::ATTACK_AT_LEAST, "{seen:?}");
        }
    }

    #[test]
    fn a_card_too_small_or_black_or_degenerate_has_no_score() {
        let picture = Rgb::filled(900, 600, [0; 3]);
        let square = |side: f32| Quad::from_rect(Rect::new(0.0, 0.0, side, side * 0.6));
        assert!(recapture(&picture, square(300.0)).is_none());
        assert!(recapture(&picture, square(900.0)).is_none());
        assert!(recapture(&picture, Quad::from_rect(Rect::new(0.0, 0.0, 900.0, 0.0))).is_none());
        assert!(recapture(&picture, Quad::from_rect(Rect::new(0.0, 0.0, f32::NAN, 3.0))).is_none());
    }
}
