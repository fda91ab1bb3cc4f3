//! How the background moves: still behind a live head, with the face where both are shown by one thing that is held.
//!
//! The background of the first frame is aligned with that of each later one by shift, scale and roll (Lucas and Kanade
//! 1981, over the whole background instead of patches, with the reference's own gradients; Baker and Matthews 2004), with
//! Huber's weights, so that somebody who walks behind the person does not carry it along, and with gain and offset, so
//! that changing exposure does not either.
//!
//! Always holds: a background without texture has no motion rather than none; motion counts only where most textured
//! parts of the background, on both sides of the face, fit it better than rest. Says nothing of who moved, the
//! camera or the picture: a camera that is held in a hand moves its background as well, and has to be told to be still.

use nalgebra::{SMatrix, SVector};

use super::scene::Scene;
use crate::imaging::{Gray, Rect};

/// Unknowns: shift to the right and downwards, scale, roll, offset, gain.
const TERMS: usize = 6;
/// Least gradient of a pixel that is aligned, in grey levels a pixel.
const LEAST_GRADIENT: f32 = 4.0;
/// Most and fewest pixels that are aligned.
const MOST_PIXELS: usize = 5000;
const LEAST_PIXELS: usize = 120;
/// Rounds of the fit.
const ROUNDS: usize = 5;
/// Residual at which a pixel's weight begins to fall, in grey levels.
const HUBER: f32 = 6.0;
/// Furthest that is followed from frame to frame together, in pixels of the scene.
const FURTHEST: f32 = 24.0;
/// Where scale and roll count: their unit is the displacement so far from the picture's middle, in pixels.
const LEVER: f32 = 100.0;
/// Side of the parts that vote, in pixels.
const PART: usize = 32;
/// A part votes with at least so many pixels.
const PART_PIXELS: usize = 8;
/// Fewest parts, and the share of them that has to fit the motion better than rest.
const LEAST_PARTS: usize = 5;
const MOVED_SHARE: f32 = 0.6;
/// A part moved when motion leaves this share of the squares that rest leaves.
const FITS_BETTER: f32 = 0.7;

/// Where the background is, in relation to the first frame: pixels of the scene; scale and roll as displacements at the lever.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Motion {
    pub x: f32,
    pub y: f32,
    pub scale: f32,
    pub roll: f32,
    /// Whether most of the background fits this motion better than rest.
    pub agreed: bool,
}

impl Motion {
    /// Length of the way between two places, in pixels of the scene.
    pub fn distance(&self, other: &Self) -> f32 {
        let parts = [self.x - other.x, self.y - other.y, self.scale - other.scale, self.roll - other.roll];
        parts.iter().map(|part| part * part).sum::<f32>().sqrt()
    }
}

/// A pixel of the first frame's background.
#[derive(Debug, Clone, Copy)]
struct Pixel {
    /// From the middle of the picture.
    x: f32,
    y: f32,
    value: f32,
    row: [f32; TERMS],
    part: usize,
}

/// The background of the first frame and where it was last found.
#[derive(Debug)]
pub(super) struct Background {
    pixels: Vec<Pixel>,
    middle: (f32, f32),
    columns: usize,
    last: SVector<f32, TERMS>,
}

impl Background {
    /// The background of a scene; `None` when there is too little to follow on both sides of the face.
    pub fn of(scene: &Scene) -> Option<Self> {
        let (width, height) = (scene.picture.width(), scene.height());
        let middle = (width as f32 / 2.0, height as f32 / 2.0);
        let hidden = Hidden::behind(scene.face);
        let columns = width.div_ceil(PART);
        let value = |x: usize, y: usize| f32::from(scene.picture.data()[y * width + x]);
        let mut pixels = Vec::new();
        for y in 3..height.saturating_sub(3) {
            for x in 3..width - 3 {
                let gx = (value(x + 1, y) - value(x - 1, y)) / 2.0;
                let gy = (value(x, y + 1) - value(x, y - 1)) / 2.0;
                if gx.hypot(gy) < LEAST_GRADIENT || hidden.covers(x as f32, y as f32) {
                    continue;
                }
                let (u, v) = (x as f32 - middle.0, y as f32 - middle.1);
                let row =
                    [gx, gy, (gx * u + gy * v) / LEVER, (gy * u - gx * v) / LEVER, -1.0, (128.0 - value(x, y)) / 64.0];
                pixels.push(Pixel { x: u, y: v, value: value(x, y), row, part: y / PART * columns + x / PART });
            }
        }
        let step = pixels.len().div_ceil(MOST_PIXELS).max(1);
        let pixels: Vec<Pixel> = pixels.into_iter().step_by(step).collect();
        let face = scene.face.centre().x - middle.0;
        let beside = |left: bool| pixels.iter().filter(|pixel| (pixel.x < face) == left).count();
        let enough = beside(true).min(beside(false)) >= LEAST_PIXELS / 4 && pixels.len() >= LEAST_PIXELS;
        (enough && is_firm(&pixels)).then(|| Self { pixels, middle, columns, last: SVector::zeros() })
    }

    /// Finds it in another frame; `None` where it is lost.
    pub fn find(&mut self, scene: &Scene) -> Option<Motion> {
        let mut at = self.last;
        for _ in 0..ROUNDS {
            let mut normal = SMatrix::<f32, TERMS, TERMS>::zeros();
            let mut right = SVector::<f32, TERMS>::zeros();
            for pixel in &self.pixels {
                let Some(left_over) = self.left_over(&scene.picture, pixel, &at) else { continue };
                let row = SVector::from(pixel.row);
                let weight = (HUBER / left_over.abs().max(HUBER)).min(1.0);
                normal += row * row.transpose() * weight;
                right += row * (left_over * weight);
            }
            for k in 0..TERMS {
                normal[(k, k)] += 1.0;
            }
            at += normal.cholesky()?.solve(&right);
        }
        let far = at.rows(0, 4).iter().any(|part| !part.is_finite() || part.abs() > FURTHEST);
        if far {
            self.last = SVector::zeros();
            return None;
        }
        self.last = at;
        Some(Motion { x: at[0], y: at[1], scale: at[2], roll: at[3], agreed: self.agrees(&scene.picture, &at) })
    }

    /// What a motion leaves over at a pixel, in grey levels.
    fn left_over(&self, picture: &Gray, pixel: &Pixel, at: &SVector<f32, TERMS>) -> Option<f32> {
        let (scale, roll) = (at[2] / LEVER, at[3] / LEVER);
        let x = pixel.x + at[0] + scale * pixel.x - roll * pixel.y + self.middle.0;
        let y = pixel.y + at[1] + scale * pixel.y + roll * pixel.x + self.middle.1;
        let seen = between(picture, x, y)?;
        Some(pixel.value - at[4] * pixel.row[4] - at[5] * pixel.row[5] - seen)
    }

    /// Whether most parts fit the motion better than rest under the same light.
    fn agrees(&self, picture: &Gray, at: &SVector<f32, TERMS>) -> bool {
        let mut rest = *at;
        rest.rows_mut(0, 4).fill(0.0);
        let parts = self.pixels.iter().map(|pixel| pixel.part + 1).max().unwrap_or(0).max(self.columns);
        let mut squares = vec![(0usize, 0.0f32, 0.0f32); parts];
        for pixel in &self.pixels {
            let moved = self.left_over(picture, pixel, at);
            let still = self.left_over(picture, pixel, &rest);
            if let (Some(moved), Some(still)) = (moved, still) {
                let part = &mut squares[pixel.part];
                *part = (part.0 + 1, part.1 + moved * moved, part.2 + still * still);
            }
        }
        let voting = || squares.iter().filter(|part| part.0 >= PART_PIXELS);
        let moved = voting().filter(|part| part.1 < FITS_BETTER * part.2).count();
        voting().count() >= LEAST_PARTS && moved as f32 >= MOVED_SHARE * voting().count() as f32
    }
}

/// Where the person is, and what moves with the person.
struct Hidden {
    head: Rect,
    shoulders: f32,
    centre: f32,
    reach: f32,
}

impl Hidden {
    fn behind(face: Rect) -> Self {
        let head =
            Rect::new(face.x - 0.55 * face.width, face.y - 0.75 * face.height, face.width * 2.1, face.height * 1.9);
        let centre = face.centre().x;
        Self { head, shoulders: face.bottom() + 0.05 * face.height, centre, reach: 0.9 * face.width }
    }

    /// The head, and a body that widens below the chin by more than it falls.
    fn covers(&self, x: f32, y: f32) -> bool {
        let head = x > self.head.x && x < self.head.right() && y > self.head.y && y < self.head.bottom();
        let below = y - self.shoulders;
        head || (below > 0.0 && (x - self.centre).abs() < self.reach + 3.0 * below)
    }
}

/// Whether shift in both directions can be told from the gradients: neither a blank wall nor edges of one direction alone.
fn is_firm(pixels: &[Pixel]) -> bool {
    let sum = |f: fn(&Pixel) -> f32| pixels.iter().map(f).sum::<f32>();
    let (xx, xy, yy) = (sum(|p| p.row[0].powi(2)), sum(|p| p.row[0] * p.row[1]), sum(|p| p.row[1].powi(2)));
    let smaller = f32::midpoint(xx, yy) - ((xx - yy) / 2.0).hypot(xy);
    smaller >= LEAST_GRADIENT.powi(2) * LEAST_PIXELS as f32 / 4.0
}

fn between(picture: &Gray, x: f32, y: f32) -> Option<f32> {
    let (width, height) = (picture.width(), picture.height());
    if !(x >= 1.0 && y >= 1.0 && x < width as f32 - 2.0 && y < height as f32 - 2.0) {
        return None;
    }
    let (left, top) = (x as usize, y as usize);
    let (fx, fy) = (x - left as f32, y - top as f32);
    let row = |y: usize| {
        let at = y * width + left;
        f32::from(picture.data()[at]) * (1.0 - fx) + f32::from(picture.data()[at + 1]) * fx
    };
    Some(row(top) * (1.0 - fy) + row(top + 1) * fy)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACE: Rect = Rect { x: 280.0, y: 190.0, width: 90.0, height: 110.0 };

    /// A room that is shifted and turned by some pixels of the scene, and a person who stands elsewhere.
    fn scene(shift: (f32, f32), degrees: f32, gain: f32, person: f32) -> Scene {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let picture = Gray::from_fn(640, 480, |x, y| {
            let (u, v) = (x as f32 - 320.0 - 2.0 * shift.0, y as f32 - 240.0 - 2.0 * shift.1);
            let (u, v) = (cos * u + sin * v, cos * v - sin * u);
            let soft = |from: f32| 1.0 / (1.0 + (-from / 1.2).exp());
            let door = soft(60.0 - (u + 210.0).abs()) * soft(v + 130.0);
            let shelf = soft(70.0 - (u - 220.0).abs()) * soft(9.0 - (v.rem_euclid(60.0) - 30.0).abs());
            let near = ((x as f32 - 325.0 - person) / 65.0).powi(2) + ((y as f32 - 245.0) / 90.0).powi(2);
            let grain = ((x * 31 + y * 57) ^ (x * y)) % 7;
            let shade = if near < 1.0 { 190.0 } else { 150.0 - 60.0 * door - 70.0 * shelf };
            [(shade * gain + grain as f32) as u8]
        });
        Scene::of(&picture, Rect { x: FACE.x + person, ..FACE }).unwrap()
    }

    #[test]
    fn a_background_that_moves_is_found_where_it_is() {
        let mut background = Background::of(&scene((0.0, 0.0), 0.0, 1.0, 0.0)).unwrap();
        let motion = background.find(&scene((3.0, -2.0), 0.5, 1.0, 8.0)).unwrap();
        let wanted = Motion { x: 3.0, y: -2.0, scale: 0.0, roll: 0.87, agreed: true };
        assert!(motion.distance(&wanted) < 0.35 && motion.agreed, "{motion:?}");
    }

    #[test]
    fn a_background_at_rest_has_no_motion_though_the_person_moves_and_the_light_changes() {
        let mut background = Background::of(&scene((0.0, 0.0), 0.0, 1.0, 0.0)).unwrap();
        let motion = background.find(&scene((0.0, 0.0), 0.0, 0.9, 25.0)).unwrap();
        assert!(motion.distance(&Motion::default()) < 0.2 && !motion.agreed, "{motion:?}");
    }

    #[test]
    fn a_blank_wall_cannot_be_followed() {
        let wall = Scene::of(&Gray::filled(640, 480, [140]), FACE).unwrap();
        assert!(Background::of(&wall).is_none());
    }
}
