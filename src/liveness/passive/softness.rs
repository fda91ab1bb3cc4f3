//! How soft the face is against what surrounds it: the focus of two places in one picture.
//!
//! The structure function of luma (Kolmogorov's, as it is used for images): the mean square of differences two pixels apart
//! over that of neighbours, after the sensor's noise is taken off both. A sharp step has 2, whatever its contrast; a
//! slope has 4. A lens or a display that lies between blurs both places alike; a sharp frame around a soft
//! face, or the other way round, is what a picture in a room looks like.
//!
//! Always holds: a place without contrast above the noise has no softness. A background out of focus is usual with good
//! lenses, so that the difference alone says little.

use serde::Serialize;

use crate::imaging::{Gray, Rect};

/// Side of the blocks that the noise is estimated in, in pixels.
const BLOCK: usize = 8;
/// Share of the blocks that is flat.
const FLAT: f32 = 0.15;
/// Least mean square of neighbours' differences above the noise.
const LEAST_CONTRAST: f32 = 1.5;
/// Rows of a place that are looked at: one of so many.
const ROWS: usize = 2;

/// 2 for sharp edges to 4 for slopes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Softness {
    /// Inside the face's box.
    pub face: f32,
    /// In a band around it, above the shoulders.
    pub around: f32,
    /// Deviation of the sensor's noise in grey levels.
    pub noise: f32,
}

/// Measures both places; `None` where either has too little contrast.
pub(super) fn softness(picture: &Gray, face: Rect) -> Option<Softness> {
    let noise = noise(picture)?;
    let inside = Rect::new(face.x, face.y, face.width, face.height);
    let beside = |x: f32| Rect::new(x, face.y - face.height, 1.6 * face.width, 2.0 * face.height);
    let around = [beside(face.x - 2.2 * face.width), beside(face.right() + 0.6 * face.width)];
    Some(Softness { face: of(picture, &[inside], noise)?, around: of(picture, &around, noise)?, noise: noise.sqrt() })
}

/// Differences to the right and downwards, one and two pixels away, over some places.
fn of(picture: &Gray, places: &[Rect], noise: f32) -> Option<f32> {
    let (width, height) = (picture.width() as i32, picture.height() as i32);
    let (mut near, mut far, mut count) = (0.0f64, 0.0f64, 0u32);
    for place in places {
        let (left, right) = ((place.x as i32).max(0), (place.right() as i32).min(width - 2));
        let (top, bottom) = ((place.y as i32).max(0), (place.bottom() as i32).min(height - 2));
        for y in (top..bottom).step_by(ROWS) {
            let at = |x: i32, y: i32| i32::from(picture.data()[(y * width + x) as usize]);
            for x in left..right {
                let here = at(x, y);
                let square = |other: i32| f64::from((other - here).pow(2));
                near += square(at(x + 1, y)) + square(at(x, y + 1));
                far += square(at(x + 2, y)) + square(at(x, y + 2));
                count += 2;
            }
        }
    }
    let mean = |sum: f64| (sum / f64::from(count.max(1))) as f32 - 2.0 * noise;
    let (near, far) = (mean(near), mean(far));
    (count > 500 && near >= LEAST_CONTRAST).then(|| (far / near).clamp(1.0, 4.0))
}

/// Variance of the noise: what differs between neighbours in the flattest blocks.
fn noise(picture: &Gray) -> Option<f32> {
    let mut blocks = Vec::new();
    for top in (0..picture.height().saturating_sub(BLOCK)).step_by(2 * BLOCK) {
        for left in (0..picture.width().saturating_sub(BLOCK)).step_by(2 * BLOCK) {
            let mut sum = 0i32;
            for y in top..top + BLOCK {
                let row = &picture.row(y)[left..=left + BLOCK];
                sum += row.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).pow(2)).sum::<i32>();
            }
            blocks.push(sum as f32 / (2 * BLOCK * BLOCK) as f32);
        }
    }
    blocks.sort_by(f32::total_cmp);
    blocks.get((blocks.len() as f32 * FLAT) as usize).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACE: Rect = Rect { x: 260.0, y: 180.0, width: 120.0, height: 150.0 };

    /// Stripes of which those of the face are softer by some pixels.
    fn picture(face: f32, around: f32) -> Gray {
        Gray::from_fn(640, 480, |x, y| {
            let inside = (260..380).contains(&x) && (180..330).contains(&y);
            let width = if inside { face } else { around };
            let from = ((x as f32 + 0.37 * y as f32).rem_euclid(40.0) - 20.0).abs() - 10.0;
            let grain = ((x * 7919 + y * 104_729) ^ (x * y * 31)) % 4;
            [(100.0 + 60.0 / (1.0 + (-from / width).exp()) + grain as f32) as u8]
        })
    }

    #[test]
    fn a_soft_face_in_a_sharp_room_is_softer_than_what_surrounds_it() {
        let seen = softness(&picture(3.0, 0.3), FACE).unwrap();
        assert!(seen.face > seen.around + 0.5, "{seen:?}");
        let alike = softness(&picture(0.8, 0.8), FACE).unwrap();
        assert!((alike.face - alike.around).abs() < 0.4, "{alike:?}");
    }

    #[test]
    fn a_blank_place_has_no_softness() {
        assert!(softness(&Gray::filled(640, 480, [90]), FACE).is_none());
    }
}
