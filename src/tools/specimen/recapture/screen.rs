//! A photo of the card on a screen.
//!
//! The screen shows a picture of its own resolution through red, green and blue subpixels. The light of such a grid is
//! periodic, so that it is given as a Fourier series whose terms a lens (Gaussian) and a sensor pixel (box) weaken each by
//! its own frequency; sampled by the camera's pixels, what is left of them makes the moiré that a camera sees.

use std::f32::consts::PI;

use super::super::SpecimenError;
use super::super::document::CARD_MM;
use super::super::draw::{blur, recompress};
use super::super::random::{Random, smooth_noise};
use super::{Sheet, Subject};
use crate::imaging::{Homography, Point, Rect, Rgb, resize};

/// Terms of the series along one axis.
const TERMS: usize = 3;
/// Side of the parts of the picture within which the strength of the terms is the same, in pixels.
const TILE: usize = 32;

/// Arrangement of the subpixels.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Layout {
    /// Three upright stripes side by side, the first at this share of the pixel.
    Stripes { first: f32, reversed: bool, upright: bool },
    /// Green at every pixel, red and blue at every other, as OLED panels of phones have them.
    Diamond,
}

/// The grid of a screen, in the pixels of the sheet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PixelGrid {
    layout: Layout,
    /// Share of the pitch that a subpixel shines over, along and across the stripes.
    open: (f32, f32),
}

/// The card on a screen.
pub fn shown(card: &Rgb, seed: u64) -> Result<Subject, SpecimenError> {
    let mut random = Random::new(seed, 70);
    // Pixels of the screen that the card spans: phones and tablets at their full width, monitors at a part of theirs.
    let device = random.below(3);
    let across = match device {
        0 => random.between(1000.0, 1700.0),
        1 => random.between(900.0, 1500.0),
        _ => random.between(450.0, 1100.0),
    };
    let (wide, high) = (across as usize, (across * CARD_MM.1 / CARD_MM.0) as usize);
    // The photo that is shown was itself taken with a camera and compressed.
    let mut photo = resize(card, wide, high);
    blur(&mut photo, random.between(0.3, 1.1));
    let photo = recompress(&photo, 78 + random.below(18) as u8)?;
    let margin = |random: &mut Random| (random.between(0.02, 0.45) * across) as usize;
    let [left, right, top, bottom] = [(); 4].map(|()| margin(&mut random));
    let bezel = (random.between(0.02, 0.07) * across) as usize;
    let (width, height) = (wide + left + right + 2 * bezel, high + top + bottom + 2 * bezel);
    let ambient = random.between(0.004, 0.045);
    let black = random.between(0.000_5, 0.003) + ambient;
    let behind = match random.below(3) {
        0 => [0.0; 3],
        1 => [random.between(0.75, 1.0); 3],
        _ => [random.between(0.02, 0.5), random.between(0.02, 0.5), random.between(0.02, 0.5)],
    };
    let white = [random.between(0.90, 1.05), 1.0, random.between(0.96, 1.14)];
    let shading = random.between(0.0, 0.14);
    let noise = random.below(u32::MAX);
    let source = Sheet::of(&photo);
    let mut sheet = Sheet::filled(width, height, [ambient; 3]);
    for y in bezel..height - bezel {
        for x in bezel..width - bezel {
            let (i, j) = (x.wrapping_sub(left + bezel), y.wrapping_sub(top + bezel));
            let (dx, dy) = (x as f32 / width as f32 - 0.5, y as f32 / height as f32 - 0.5);
            let even = 1.0 - shading * 2.0 * (dx * dx + dy * dy);
            // What the glass reflects of the room.
            let room = ambient * 0.7 * smooth_noise(x as f32 / 300.0, y as f32 / 300.0, noise);
            for k in 0..3 {
                let content = if i < wide && j < high { source.planes[k][j * wide + i] } else { behind[k] };
                sheet.planes[k][y * width + x] = (content * even * white[k] + black + room).max(0.0);
            }
        }
    }
    let grid = PixelGrid::drawn(device, &mut random);
    Ok(Subject {
        card: Rect::new((left + bezel) as f32, (top + bezel) as f32, wide as f32, high as f32),
        sheet,
        corner: bezel as f32,
        ragged: 0.0,
        gloss: random.between(0.0, 0.05),
        lit: 0.0,
        around: random.between(0.15, 0.9),
        grid: Some(grid),
    })
}

/// The terms of one axis: twice the amplitude of each harmonic, weakened for where the camera looks.
type Terms = [f32; TERMS];

impl PixelGrid {
    /// The grid of a phone (0), a tablet (1) or a monitor.
    pub fn drawn(device: u32, random: &mut Random) -> Self {
        let layout = if device == 0 && random.below(2) == 0 {
            Layout::Diamond
        } else {
            let upright = device == 2 || random.below(2) == 0;
            Layout::Stripes { first: 1.0 / 6.0, reversed: random.below(5) == 0, upright }
        };
        Self { layout, open: (random.between(0.22, 0.30), random.between(0.70, 0.92)) }
    }

    /// Lays the pattern over the light that falls on the sensor. `to_sheet` takes the camera's pixels to the screen's,
    /// `blur` is the deviation of the lens in the camera's pixels.
    pub fn cover(&self, light: &mut Sheet, to_sheet: &Homography, sheet: (f32, f32), blur: f32) {
        let m = to_sheet.coefficients().map(|value| value as f32);
        let place = |x: f32, y: f32| {
            let nearness = 1.0 / (m[6] * x + m[7] * y + m[8]);
            ((m[0] * x + m[1] * y + m[2]) * nearness, (m[3] * x + m[4] * y + m[5]) * nearness)
        };
        for top in (0..light.height).step_by(TILE) {
            for left in (0..light.width).step_by(TILE) {
                let (cx, cy) = (left as f32 + TILE as f32 / 2.0, top as f32 + TILE as f32 / 2.0);
                let (here, right, below) = (place(cx, cy), place(cx + 1.0, cy), place(cx, cy + 1.0));
                let u = Point::new(right.0 - here.0, below.0 - here.0);
                let v = Point::new(right.1 - here.1, below.1 - here.1);
                let pattern = self.pattern(u, v, blur);
                for y in top..(top + TILE).min(light.height) {
                    for x in left..(left + TILE).min(light.width) {
                        let (u, v) = place(x as f32 + 0.5, y as f32 + 0.5);
                        if u < 0.0 || v < 0.0 || u > sheet.0 || v > sheet.1 {
                            continue;
                        }
                        for k in 0..3 {
                            light.planes[k][y * light.width + x] *= pattern.at(k, u, v).max(0.0);
                        }
                    }
                }
            }
        }
    }

    fn pattern(&self, u: Point, v: Point, blur: f32) -> Pattern {
        let weakened = |gradient: Point, open: f32| -> Terms {
            std::array::from_fn(|k| {
                let harmonic = (k + 1) as f32;
                let (fx, fy) = (gradient.x * harmonic, gradient.y * harmonic);
                let lens = (-2.0 * (PI * blur).powi(2) * (fx * fx + fy * fy)).exp();
                2.0 * sinc(harmonic * open) * lens * sinc(fx) * sinc(fy)
            })
        };
        match self.layout {
            Layout::Stripes { first, reversed, upright } => {
                let (along, across) = if upright { (u, v) } else { (v, u) };
                let terms = [weakened(along, self.open.0), weakened(across, self.open.1)];
                Pattern { terms, green: terms, layout: Layout::Stripes { first, reversed, upright } }
            }
            Layout::Diamond => {
                let (p, q) = ((u + v) * 0.5, (u - v) * 0.5);
                Pattern {
                    terms: [weakened(p, 0.5), weakened(q, 0.5)],
                    green: [weakened(u, 0.5), weakened(v, 0.5)],
                    layout: Layout::Diamond,
                }
            }
        }
    }
}

/// The pattern of a grid near one place of the picture.
struct Pattern {
    terms: [Terms; 2],
    green: [Terms; 2],
    layout: Layout,
}

impl Pattern {
    /// The light of one colour relative to its mean.
    fn at(&self, colour: usize, u: f32, v: f32) -> f32 {
        match self.layout {
            Layout::Stripes { first, reversed, upright } => {
                let stripe = if reversed { 2 - colour } else { colour };
                let centre = first + stripe as f32 / 3.0;
                let (along, across) = if upright { (u, v) } else { (v, u) };
                series(&self.terms[0], along - centre) * series(&self.terms[1], across - 0.5)
            }
            Layout::Diamond if colour == 1 => series(&self.green[0], u) * series(&self.green[1], v),
            Layout::Diamond => {
                let shift = if colour == 0 { 0.5 } else { 1.5 };
                let (p, q) = ((u - shift + v - 0.5) * 0.5, (u - shift - v + 0.5) * 0.5);
                series(&self.terms[0], p) * series(&self.terms[1], q)
            }
        }
    }
}

fn series(terms: &Terms, phase: f32) -> f32 {
    let term = |(k, &amplitude): (usize, &f32)| {
        if amplitude.abs() < 1e-3 { 0.0 } else { amplitude * (2.0 * PI * (k + 1) as f32 * phase.fract()).cos() }
    };
    1.0 + terms.iter().enumerate().map(term).sum::<f32>()
}

fn sinc(x: f32) -> f32 {
    if x.abs() < 1e-4 { 1.0 } else { (PI * x).sin() / (PI * x) }
}
