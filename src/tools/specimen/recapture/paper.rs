//! Photocopies and prints, dot by dot at 600 dots an inch.
//!
//! Laser printers and copiers make shades by clustered dots on a screen of lines, one screen and angle a toner; inkjet
//! printers scatter single dots (error diffusion, Floyd and Steinberg 1976). Paper is duller than a card's plastic, black
//! toner is darker than most of what a card prints, and what is cut out by hand has no exact edges.

use super::super::document::CARD_MM;
use super::super::draw::blur;
use super::super::random::{Random, lattice, smooth_noise};
use super::sheet::encoded;
use super::{Sheet, Subject};
use crate::imaging::{Rect, Rgb, resize};

/// Dots a millimetre.
const DOTS: f32 = 600.0 / 25.4;
/// What each ink lets through of red, green and blue: cyan, magenta, yellow, black.
const INKS: [[f32; 3]; 4] = [[0.10, 0.52, 0.74], [0.70, 0.10, 0.34], [0.92, 0.80, 0.12], [0.05, 0.05, 0.055]];
/// Angles of the screens of the four inks in degrees (ISO 12647 keeps them 30 degrees apart, yellow between).
const ANGLES: [f32; 4] = [15.0, 75.0, 0.0, 45.0];

/// How shades are made.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Shades {
    /// Clustered dots, with the pitch of the screen in dots and its turn in degrees.
    Screen { pitch: f32, turn: f32 },
    /// Scattered dots.
    Scattered,
}

/// A photocopy in shades of grey.
pub fn photocopy(card: &Rgb, seed: u64) -> Subject {
    let mut random = Random::new(seed, 80);
    let lines_per_inch = random.between(75.0, 141.0);
    let shades = Shades::Screen { pitch: 600.0 / lines_per_inch, turn: random.between(-8.0, 8.0) };
    let contrast = random.between(1.0, 1.7);
    copied(card, true, shades, contrast, 0.0, &mut random)
}

/// A colour copy, by laser or inkjet.
pub fn print(card: &Rgb, seed: u64) -> Subject {
    let mut random = Random::new(seed, 81);
    let shades = if random.below(2) == 0 {
        Shades::Screen { pitch: 600.0 / random.between(90.0, 170.0), turn: random.between(-4.0, 4.0) }
    } else {
        Shades::Scattered
    };
    let contrast = random.between(0.95, 1.3);
    // Photo paper is glossy, and a print may be laminated.
    let gloss = if random.below(2) == 0 { random.between(0.0, 0.14) } else { 0.0 };
    copied(card, false, shades, contrast, gloss, &mut random)
}

fn copied(card: &Rgb, grey: bool, shades: Shades, contrast: f32, gloss: f32, random: &mut Random) -> Subject {
    let (wide, high) = ((CARD_MM.0 * DOTS) as usize, (CARD_MM.1 * DOTS) as usize);
    let mut scanned = resize(card, wide, high);
    blur(&mut scanned, random.between(0.4, 2.2));
    // How much of the paper around the card is left after cutting, in dots.
    let [left, top] = [(); 2].map(|()| (random.between(0.0, 0.8) * DOTS) as usize);
    let (width, height) = (wide + 2 * left, high + 2 * top);
    let paper = random.between(0.74, 0.9);
    let tint = [paper * random.between(0.97, 1.01), paper, paper * random.between(0.93, 1.03)];
    let noise = random.below(u32::MAX);
    let amounts = coverages(&scanned, grey, contrast);
    let band = (random.between(0.0, 0.05), random.between(30.0, 220.0));
    let scatter = random.between(0.02, 0.14);
    let mut sheet = Sheet::filled(width, height, tint);
    let used: &[usize] = if grey { &[3] } else { &[0, 1, 2, 3] };
    for &ink in used {
        let dots = match shades {
            Shades::Screen { pitch, turn } => {
                clustered(&amounts[ink], (wide, high), pitch, ANGLES[ink] + turn, scatter, noise ^ ink as u32)
            }
            Shades::Scattered => diffused(&amounts[ink], (wide, high), noise ^ ink as u32),
        };
        for y in 0..high {
            // Toner or nozzles deliver unevenly along the way of the paper.
            let strength = 1.0 - band.0 * (0.5 + 0.5 * smooth_noise(y as f32 / band.1, ink as f32, noise));
            for x in 0..wide {
                let amount = dots[y * wide + x] * strength;
                for (plane, colour) in sheet.planes.iter_mut().zip(INKS[ink]) {
                    let value = &mut plane[(y + top) * width + x + left];
                    *value *= 1.0 - amount * (1.0 - colour);
                }
            }
        }
    }
    // Fibres, and light that spreads in the paper below the dots (Yule and Nielsen 1951).
    for plane in &mut sheet.planes {
        for (at, value) in plane.iter_mut().enumerate() {
            let fibre = smooth_noise((at % width) as f32 / 5.0, (at / width) as f32 / 5.0, noise ^ 9);
            *value *= 1.0 + 0.012 * fibre;
        }
    }
    sheet.blur(random.between(0.5, 1.1));
    Subject {
        card: Rect::new(left as f32, top as f32, wide as f32, high as f32),
        sheet,
        corner: if random.below(2) == 0 { 3.18 * DOTS } else { 0.0 },
        ragged: random.between(0.0, 0.25) * DOTS,
        gloss,
        lit: 1.0,
        around: 1.0,
        grid: None,
    }
}

/// How much of each ink a picture asks for, 0…1: black takes over half of what the three colours share.
fn coverages(picture: &Rgb, grey: bool, contrast: f32) -> [Vec<f32>; 4] {
    let count = picture.width() * picture.height();
    let mut inks = [(); 4].map(|()| Vec::with_capacity(if grey { 0 } else { count }));
    let curve: [f32; 256] = std::array::from_fn(|value| {
        let value = value as f32 / 255.0;
        (0.5 + (value - 0.5) * contrast).clamp(0.0, 1.0)
    });
    // A dot covers in proportion to the light that it takes away.
    let light: [f32; 256] = std::array::from_fn(|value| super::sheet::linear(curve[value]));
    for pixel in picture.data().chunks_exact(3) {
        let [r, g, b] = [light[usize::from(pixel[0])], light[usize::from(pixel[1])], light[usize::from(pixel[2])]];
        if grey {
            inks[3].push(1.0 - (0.3 * r + 0.59 * g + 0.11 * b));
            continue;
        }
        let black = (1.0 - encoded(r.max(g).max(b))).powi(2);
        let rest = (1.0 - black).max(1e-3);
        for (ink, light) in inks.iter_mut().zip([r, g, b]) {
            ink.push(((1.0 - light - black) / rest).clamp(0.0, 1.0) * 0.92);
        }
        inks[3].push(black);
    }
    inks
}

/// Dots of one screen: 1 where toner lies.
fn clustered(
    amounts: &[f32],
    (wide, high): (usize, usize),
    pitch: f32,
    degrees: f32,
    scatter: f32,
    seed: u32,
) -> Vec<f32> {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let turn = 2.0 * std::f32::consts::PI / pitch;
    let mut dots = Vec::with_capacity(wide * high);
    for y in 0..high {
        for x in 0..wide {
            let amount = amounts[y * wide + x];
            let (a, b) = ((x as f32 * cos + y as f32 * sin) * turn, (y as f32 * cos - x as f32 * sin) * turn);
            // Between 0 and 1, evenly spread to within a few hundredths.
            let spot = 0.5 + 0.25 * (a.cos() + b.cos());
            let spot = 0.5 + (spot - 0.5) * 0.94;
            let stray = scatter * lattice(x as i32, y as i32, seed);
            dots.push(if amount + stray * (amount * (1.0 - amount) * 4.0).min(1.0) > spot { 1.0 } else { 0.0 });
        }
    }
    dots
}

/// Dots by error diffusion, each row the other way than the one before.
fn diffused(amounts: &[f32], (wide, high): (usize, usize), seed: u32) -> Vec<f32> {
    let mut dots = vec![0.0; wide * high];
    let (mut here, mut next) = (vec![0.0f32; wide + 2], vec![0.0f32; wide + 2]);
    for y in 0..high {
        next.fill(0.0);
        for step in 0..wide {
            let x = if y % 2 == 0 { step } else { wide - 1 - step };
            let wanted = amounts[y * wide + x] + here[x + 1];
            let put = if wanted > 0.5 + 0.08 * lattice(x as i32, y as i32, seed) { 1.0 } else { 0.0 };
            dots[y * wide + x] = put;
            let error = wanted - put;
            let (ahead, behind) = if y % 2 == 0 { (x + 2, x) } else { (x, x + 2) };
            here[ahead] += error * 7.0 / 16.0;
            next[behind] += error * 3.0 / 16.0;
            next[x + 1] += error * 5.0 / 16.0;
            next[ahead] += error / 16.0;
        }
        std::mem::swap(&mut here, &mut next);
    }
    dots
}
