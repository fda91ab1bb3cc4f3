//! One passive cue of a presentation attack in a single picture: a regular pattern over the face.
//!
//! The grid of a screen, its moiré with the sensor, and the dots of a halftone print put narrow peaks into the spectrum;
//! skin does not. The cue is weak, and it is meant as a warning light: a sharp print on photo paper, a screen of high
//! density, a screen slightly out of focus and any mask show no pattern and pass as `live`. In the terms of ISO/IEC
//! 30107-3 its APCER is unknown and certainly high: of two real samples, a print and a tablet, it finds neither. Of the
//! 119 genuine photos that it was set with, it calls none an attack. It is never a gate alone.
//!
//! Always holds: a face too small or too blurred to show a pattern is `undecided`, never `live`. Uses no model.

use serde::Serialize;

use crate::imaging::{Gray, PowerSpectrum, Rect, Rgb, crop, resize};

/// Side of the patches whose spectra are averaged, in pixels.
const SIDE: usize = 128;
/// The face's box is widened by this before it is cut out.
const WIDENING: f32 = 1.3;
/// A larger cut-out is shrunk to this side, in pixels.
const MOST_SIDE: usize = 320;
/// Frequencies looked at, in cycles a pixel: coarser ones are features, finer ones the demosaicing.
const BAND: std::ops::Range<f32> = 0.10..0.48;
/// Bins beside the axes that are left out: the blocks of JPEG and video peak there.
const AXIS_BINS: i32 = 2;
/// Decimal logarithm of peak over surroundings at which the score leaves 1, and at which it reaches 0. The
/// 95th centile of 119 genuine photos is 1.8.
const PATTERN_FROM: f32 = 1.9;
const PATTERN_TO: f32 = 2.9;
/// Decimal logarithm of fine over coarse power below which the picture is too blurred for a pattern to survive.
const LEAST_FOCUS: f32 = -3.0;

/// How much a picture looks like a live capture: 0 an attack, 1 no sign of one. Not a similarity, not a probability.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct LiveScore(pub f32);

impl LiveScore {
    /// At or below: attack.
    pub const ATTACK_AT_MOST: Self = Self(0.25);
    /// At or above: live, as far as this cue can tell.
    pub const LIVE_AT_LEAST: Self = Self(0.7);
}

/// What follows from one picture (ISO/IEC 30107-3: attack presentation or bona fide presentation).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[must_use]
pub enum PassiveVerdict {
    /// No sign of an attack.
    Live,
    /// A pattern that skin does not have.
    Attack,
    /// Not enough to see, or a weak pattern.
    Undecided,
}

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PassiveCues {
    /// Decimal logarithm of the strongest spectral peak over the median at the same fineness: about 1 for skin.
    pub pattern: f32,
    /// Decimal logarithm of fine over coarse power: about −1.5 for a sharp face, −3 for a blurred one.
    pub focus: f32,
    /// Side of the face in pixels.
    pub face_pixels: f32,
}

/// Score, verdict and what they rest on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[must_use]
pub struct PassiveResult {
    /// 0…1, 1 is live.
    pub live_score: LiveScore,
    /// The measures.
    pub cues: PassiveCues,
    /// What follows.
    pub verdict: PassiveVerdict,
}

/// Scores the face inside `bounds`; `None` when it has fewer than 128 pixels a side with its surroundings.
#[must_use]
pub fn passive(picture: &Rgb, bounds: Rect) -> Option<PassiveResult> {
    let part = crop(picture, bounds.scaled(WIDENING))?;
    let shorter = part.width().min(part.height());
    if shorter < SIDE {
        return None;
    }
    let scale = (MOST_SIDE as f32 / shorter as f32).min(1.0);
    let fit = |length: usize| ((length as f32 * scale).round() as usize).max(SIDE);
    let gray = resize(&part, fit(part.width()), fit(part.height())).to_gray();
    let spectrum = spectrum_of(&gray);
    let power = spectrum.power();
    let cues =
        PassiveCues { pattern: pattern(power), focus: focus(power), face_pixels: bounds.width.max(bounds.height) };
    let towards = (cues.pattern - PATTERN_FROM) / (PATTERN_TO - PATTERN_FROM);
    let live_score = LiveScore(1.0 - towards.clamp(0.0, 1.0));
    let verdict = if live_score <= LiveScore::ATTACK_AT_MOST {
        PassiveVerdict::Attack
    } else if live_score >= LiveScore::LIVE_AT_LEAST && cues.focus >= LEAST_FOCUS {
        PassiveVerdict::Live
    } else {
        PassiveVerdict::Undecided
    };
    Some(PassiveResult { live_score, cues, verdict })
}

/// Power over the four corner patches and the middle one.
fn spectrum_of(gray: &Gray) -> PowerSpectrum {
    let (right, bottom) = (gray.width() - SIDE, gray.height() - SIDE);
    let mut spectrum = PowerSpectrum::new(SIDE);
    for (left, top) in [(0, 0), (right, 0), (0, bottom), (right, bottom), (right / 2, bottom / 2)] {
        spectrum.add(gray, left, top);
    }
    spectrum
}

/// Signed frequency of a bin.
fn frequency(bin: usize) -> i32 {
    let half = SIDE as i32 / 2;
    (bin as i32 + half) % SIDE as i32 - half
}

fn rings(power: &[f32]) -> Vec<Vec<f32>> {
    let mut rings = vec![Vec::new(); SIDE];
    for (k, &value) in power.iter().enumerate() {
        let (fx, fy) = (frequency(k % SIDE), frequency(k / SIDE));
        let radius = (fx as f32).hypot(fy as f32);
        if BAND.contains(&(radius / SIDE as f32)) && fx.abs() > AXIS_BINS && fy.abs() > AXIS_BINS {
            rings[radius.round() as usize].push(value);
        }
    }
    rings
}

/// Logarithm of the strongest peak over the median of its ring.
fn pattern(power: &[f32]) -> f32 {
    let mut strongest: f32 = 1.0;
    for mut ring in rings(power).into_iter().filter(|ring| ring.len() >= 8) {
        ring.sort_by(f32::total_cmp);
        // The floor is about the power of rounding to whole grey levels, so that a blank patch has no pattern.
        let median = ring[ring.len() / 2].max(100.0);
        strongest = strongest.max(ring[ring.len() - 1] / median);
    }
    strongest.log10()
}

/// Logarithm of the power above a quarter cycle a pixel over that below.
fn focus(power: &[f32]) -> f32 {
    // The floor is the power of a contrast of two grey levels: a blank patch has no focus to speak of.
    let (mut fine, mut coarse) = (1.0f32, 1e9f32);
    for (k, &value) in power.iter().enumerate() {
        let radius = (frequency(k % SIDE) as f32).hypot(frequency(k / SIDE) as f32) / SIDE as f32;
        if (0.25..0.5).contains(&radius) {
            fine += value;
        } else if (0.02..0.25).contains(&radius) {
            coarse += value;
        }
    }
    (fine / coarse).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something as irregular as skin: the sum of many waves with falling strength, and grain.
    fn skin(x: usize, y: usize) -> f32 {
        let wave = |k: f32| ((x as f32 * (k * 1.7).sin() + y as f32 * (k * 2.3).cos()) * 0.03 * k).sin() * 20.0 / k;
        let grain = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503).wrapping_mul(x + 7)) >> 7 & 15;
        130.0 + (1..12).map(|k| wave(k as f32)).sum::<f32>() + grain as f32 * 0.5
    }

    fn result(pixel: impl Fn(usize, usize) -> f32) -> PassiveResult {
        let picture = Rgb::from_fn(300, 300, |x, y| [pixel(x, y).clamp(0.0, 255.0) as u8; 3]);
        passive(&picture, Rect::new(60.0, 60.0, 180.0, 180.0)).unwrap()
    }

    #[test]
    fn skin_without_a_pattern_is_not_called_an_attack() {
        assert_ne!(result(skin).verdict, PassiveVerdict::Attack);
    }

    #[test]
    fn the_grid_of_a_screen_is_an_attack() {
        let grid = |x: usize, y: usize| skin(x, y) + (x as f32 * 1.5).sin() * (y as f32 * 1.1).sin() * 14.0;
        let seen = result(grid);
        assert_eq!(seen.verdict, PassiveVerdict::Attack, "{seen:?}");
    }

    #[test]
    fn a_blank_or_tiny_face_is_not_called_live() {
        assert_ne!(result(|_, _| 128.0).verdict, PassiveVerdict::Live);
        assert!(passive(&Rgb::filled(90, 90, [1; 3]), Rect::new(0.0, 0.0, 80.0, 80.0)).is_none());
        assert!(passive(&Rgb::filled(90, 90, [1; 3]), Rect::new(900.0, 0.0, 80.0, 80.0)).is_none());
    }
}
