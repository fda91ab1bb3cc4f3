//! The card in the person's hand: held before the camera, with a little tremor, turned over and lowered.
//!
//! Always holds: the same card every time it is shown. A flat card in plain perspective; what moves fast is blurred.

use jiff::civil::Date;

use super::conduct::Stance;
use super::part::Part;
use super::{FIELD_DEGREES, HEIGHT, WIDTH};
use crate::imaging::{Homography, Point, Quad, Rect, Rgb, resize};
use crate::tools::specimen::document::{CARD_MM, licence_back, licence_front};
use crate::tools::specimen::head::Sway;
use crate::tools::specimen::random::Random;
use crate::tools::specimen::{SpecimenError, blur};

/// Share of the picture's width that the held card spans.
const FILL: f32 = 0.75;
/// How far below its place a lowered card is, in millimetres: out of the picture.
const LOWERED_MM: f32 = 75.0;
/// How much farther from the camera a card is while it is turned over, in millimetres.
const TURNING_MM: f32 = 70.0;
/// Tremor of the hand: shift in millimetres and rotation in degrees.
const TREMOR: (f32, f32) = (0.35, 0.4);
/// Most that a card is held turned and tilted, in degrees.
const HELD_ASKEW: f32 = 4.0;
/// Deviation of the lens's blur, and of that of motion, in pixels.
const LENS_BLUR: f32 = 0.6;
const MOTION_BLUR: f32 = 5.0;

/// One side, as large as the held card appears.
#[derive(Debug)]
struct Side {
    still: Rgb,
    moving: Rgb,
}

impl Side {
    fn new(drawn: &Rgb, lamp: (f32, f32)) -> Self {
        let width = WIDTH as f32 * FILL;
        let mut still = resize(drawn, width as usize, (width * CARD_MM.1 / CARD_MM.0) as usize);
        let (columns, rows) = (still.width(), still.height());
        for y in 0..rows {
            for x in 0..columns {
                let (dx, dy) = (x as f32 / columns as f32 - lamp.0, y as f32 / columns as f32 - lamp.1);
                let gain = 1.03 - 0.2 * dx.hypot(dy);
                let lit = still.pixel(x, y).map(|value| (f32::from(value) * gain + 0.5).min(255.0) as u8);
                still.set_pixel(x, y, lit);
            }
        }
        blur(&mut still, LENS_BLUR);
        let mut moving = still.clone();
        blur(&mut moving, MOTION_BLUR);
        Self { still, moving }
    }
}

/// Attitude of a card in degrees, and its shift in millimetres.
struct Placement {
    roll: f32,
    yaw: f32,
    tilt: f32,
    shift: [f32; 3],
}

/// A card in a hand.
#[derive(Debug)]
pub struct Card {
    front: Side,
    back: Side,
    /// Roll, yaw and tilt at which it is held, in degrees.
    askew: [f32; 3],
    /// Of roll, yaw, tilt, and of the shift to image-right, down and away.
    tremor: [Sway; 6],
}

impl Card {
    /// The card of a part; `None` when there is nobody to hold one.
    ///
    /// # Errors
    /// [`SpecimenError`] when a bundled file is damaged.
    pub fn of(part: Part, today: Date, seed: u64) -> Result<Option<Self>, SpecimenError> {
        let Some(licence) = part.licence(today) else { return Ok(None) };
        let mut random = Random::new(seed, 42);
        let lamp = (random.between(0.2, 0.8), random.between(-0.1, 0.4));
        let askew = [(); 3].map(|()| random.between(-HELD_ASKEW, HELD_ASKEW));
        let tremor = [TREMOR.1, TREMOR.1, TREMOR.1, TREMOR.0, TREMOR.0, TREMOR.0].map(|a| Sway::new(a, &mut random));
        let (front, back) = (licence_front(&licence)?, licence_back(&licence)?);
        Ok(Some(Self { front: Side::new(&front, lamp), back: Side::new(&back, lamp), askew, tremor }))
    }

    /// Draws the card over a picture, where it is at a time in seconds.
    pub fn draw(&self, picture: &mut Rgb, stance: &Stance, time_s: f32) {
        if stance.held <= 0.0 {
            return;
        }
        let tremor: [f32; 6] = std::array::from_fn(|k| self.tremor[k].at(time_s));
        let placement = Placement {
            roll: self.askew[0] + tremor[0],
            yaw: self.askew[1] + tremor[1] + 180.0 * stance.turned,
            tilt: self.askew[2] + tremor[2],
            shift: [
                tremor[3],
                tremor[4] + LOWERED_MM * (1.0 - stance.held),
                tremor[5] + TURNING_MM * (std::f32::consts::PI * stance.turned).sin().max(0.0),
            ],
        };
        let shows_front = placement.yaw.to_radians().cos() > 0.0;
        let side = if shows_front { &self.front } else { &self.back };
        let surface = if stance.card_is_fast { &side.moving } else { &side.still };
        paste(picture, surface, placement.project(shows_front));
    }
}

impl Placement {
    /// Where the corners of a side go, from the side's own top-left, clockwise.
    fn project(&self, shows_front: bool) -> Quad {
        let focal = WIDTH as f32 / (2.0 * (FIELD_DEGREES / 2.0).to_radians().tan());
        let distance = focal * CARD_MM.0 / (FILL * WIDTH as f32);
        let [roll, yaw, tilt] = [self.roll, self.yaw, self.tilt].map(|degrees| degrees.to_radians().sin_cos());
        // The left edge of the back is the right edge of the front.
        let (half_width, half_height) = (CARD_MM.0 / if shows_front { 2.0 } else { -2.0 }, CARD_MM.1 / 2.0);
        Quad([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)].map(|(x, y): (f32, f32)| {
            let (x, y) = (x * half_width, y * half_height);
            let (x, z) = (yaw.1 * x, yaw.0 * x);
            let (y, z) = (tilt.1 * y + tilt.0 * z, tilt.1 * z - tilt.0 * y);
            let (x, y) = (roll.1 * x - roll.0 * y, roll.0 * x + roll.1 * y);
            let scale = focal / (distance + z + self.shift[2]);
            Point::new(
                WIDTH as f32 / 2.0 + scale * (x + self.shift[0]),
                HEIGHT as f32 / 2.0 + scale * (y + self.shift[1]),
            )
        }))
    }
}

/// Draws a flat picture so that its corners lie at `corners`, its edges soft over one pixel.
fn paste(picture: &mut Rgb, surface: &Rgb, corners: Quad) {
    let (width, height) = (surface.width() as f32, surface.height() as f32);
    // Seen from its edge a card has no surface.
    let Some(unproject) = Homography::between(corners, Quad::from_rect(Rect::new(0.0, 0.0, width, height))) else {
        return;
    };
    let m = unproject.coefficients().map(|value| value as f32);
    let bounds = corners.bounds();
    let clip = |low: f32, high: f32, limit: usize| {
        let from = (low - 1.0).clamp(0.0, limit as f32) as usize;
        from..((high + 2.0).clamp(0.0, limit as f32) as usize).max(from)
    };
    let (columns, rows) =
        (clip(bounds.x, bounds.right(), picture.width()), clip(bounds.y, bounds.bottom(), picture.height()));
    let stride = 3 * picture.width();
    let lines = picture.data_mut().chunks_exact_mut(stride).enumerate().skip(rows.start).take(rows.len());
    for (y, line) in lines {
        let py = y as f32 + 0.5;
        let row = [m[1] * py + m[2], m[4] * py + m[5], m[7] * py + m[8]];
        for (x, pixel) in columns.clone().zip(line[3 * columns.start..].chunks_exact_mut(3)) {
            let px = x as f32 + 0.5;
            let nearness = 1.0 / (m[6] * px + row[2]);
            let (u, v) = ((m[0] * px + row[0]) * nearness, (m[3] * px + row[1]) * nearness);
            let cover = u.min(v).min(width - u).min(height - v) + 0.5;
            if cover >= 1.0 {
                pixel.copy_from_slice(&sample(surface, u, v));
            } else if cover > 0.0 {
                for (value, card) in pixel.iter_mut().zip(sample(surface, u, v)) {
                    *value = (f32::from(*value) * (1.0 - cover) + f32::from(card) * cover + 0.5) as u8;
                }
            }
        }
    }
}

/// The colour at a place in pixels, bilinear with weights of eight bits; the border continues outside.
#[inline]
fn sample(surface: &Rgb, u: f32, v: f32) -> [u8; 3] {
    let place = |along: f32, limit: usize| {
        let fixed = ((along - 0.5) * 256.0).clamp(0.0, (limit * 256 - 257) as f32) as usize;
        (fixed >> 8, (fixed & 255) as u32)
    };
    let ((column, right), (row, down)) = (place(u, surface.width()), place(v, surface.height()));
    let stride = 3 * surface.width();
    let start = row * stride + 3 * column;
    let data = surface.data();
    let (upper, lower) = (&data[start..start + 6], &data[start + stride..start + stride + 6]);
    std::array::from_fn(|k| {
        let across = |line: &[u8]| u32::from(line[k]) * (256 - right) + u32::from(line[k + 3]) * right;
        ((across(upper) * (256 - down) + across(lower) * down + 32_768) >> 16) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn card() -> Card {
        Card::of(Part::Genuine, date(2026, 11, 22), 1).unwrap().unwrap()
    }

    fn drawn(card: &Card, stance: Stance) -> Rgb {
        let mut picture = Rgb::filled(WIDTH, HEIGHT, [60, 70, 80]);
        card.draw(&mut picture, &stance, 1.0);
        picture
    }

    fn covered(picture: &Rgb) -> f32 {
        let changed = picture.data().chunks_exact(3).filter(|p| **p != [60, 70, 80]).count();
        changed as f32 / (WIDTH * HEIGHT) as f32
    }

    #[test]
    fn a_held_card_fills_the_picture_and_lies_wholly_inside() {
        for seed in 0..6 {
            let card = Card::of(Part::Genuine, date(2026, 11, 22), seed).unwrap().unwrap();
            let picture = drawn(&card, Stance { held: 1.0, ..Stance::default() });
            assert!((0.45..0.65).contains(&covered(&picture)), "{seed}: {}", covered(&picture));
            let at_edge = |x: usize, y: usize| picture.pixel(x, y) == [60, 70, 80];
            assert!((0..WIDTH).all(|x| at_edge(x, 4) && at_edge(x, HEIGHT - 5)), "{seed}");
        }
    }

    #[test]
    fn a_lowered_card_is_out_of_sight_and_a_card_on_its_edge_almost() {
        let card = card();
        assert!(covered(&drawn(&card, Stance { held: 0.02, ..Stance::default() })) < 0.01);
        let edge = (90.0 - card.askew[1] - card.tremor[1].at(1.0)) / 180.0;
        assert!(covered(&drawn(&card, Stance { held: 1.0, turned: edge, ..Stance::default() })) < 0.06);
    }

    #[test]
    fn both_sides_are_seen_the_right_way_round() {
        let card = card();
        // The magnetic stripe is at the top of the back, the coloured band at the top of the front; the portrait is on
        // the left.
        let mean = |picture: &Rgb, columns: std::ops::Range<usize>, y: usize| {
            let sum: u32 = columns.clone().map(|x| u32::from(picture.pixel(x, y)[0])).sum();
            sum / columns.len() as u32
        };
        let back = drawn(&card, Stance { held: 1.0, turned: 1.0, ..Stance::default() });
        assert!(mean(&back, 600..680, 125) < 80, "{}", mean(&back, 600..680, 125));
        let front = drawn(&card, Stance { held: 1.0, ..Stance::default() });
        assert!(mean(&front, 250..350, 330) < mean(&front, 950..1100, 330));
    }
}
