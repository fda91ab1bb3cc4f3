//! The edge of a display or of a print along the sides of the picture.
//!
//! A display that fills the picture but for a little shows its bezel along a side: a straight edge over the whole length
//! of the picture, and beyond it a strip that is even from end to end. `surround` looks for a whole frame within the
//! picture; here single sides are told, because a display that is held moves in and out of the picture.
//!
//! Always holds: an edge has a step of the same sign over nearly all of its length, so that noise and texture are none.
//! A wall's corner or the jamb of a door can look so: one side says nothing.

use super::scene::Scene;
use crate::imaging::Gray;

/// How far from a side its edge is looked for, in shares of the picture.
const MARGIN: f32 = 0.13;
/// Slants that are tried, in pixels a pixel.
const SLANTS: [f32; 7] = [-0.045, -0.03, -0.015, 0.0, 0.015, 0.03, 0.045];
/// Least step of an edge, in grey levels between the second pixels to either side.
const STEP: i32 = 8;
/// Share of the length that has to have the step.
const SHARE: f32 = 0.88;
/// Share of the length at either end that is left out.
const ENDS: f32 = 0.08;
/// Most deviation of the strip beyond an edge, along it, in grey levels.
const EVEN: f32 = 7.0;

/// Which sides show an edge: left, right, top, bottom.
pub(super) fn sides(scene: &Scene) -> [bool; 4] {
    let picture = &scene.picture;
    [(true, false), (true, true), (false, false), (false, true)]
        .map(|(upright, far)| View { picture, upright, far }.has_edge())
}

/// A picture as seen from one side: `across` counts from that side inwards.
#[derive(Clone, Copy)]
struct View<'a> {
    picture: &'a Gray,
    upright: bool,
    far: bool,
}

impl View<'_> {
    fn lengths(&self) -> (i32, i32) {
        let (width, height) = (self.picture.width() as i32, self.picture.height() as i32);
        if self.upright { (width, height) } else { (height, width) }
    }

    fn at(&self, across: i32, along: i32) -> i32 {
        let (depth, _) = self.lengths();
        let across = if self.far { depth - 1 - across } else { across };
        let (x, y) = if self.upright { (across, along) } else { (along, across) };
        i32::from(self.picture.data()[y as usize * self.picture.width() + x as usize])
    }

    fn has_edge(&self) -> bool {
        let (depth, length) = self.lengths();
        let last = (depth as f32 * MARGIN) as i32;
        (3..=last).any(|place| SLANTS.iter().any(|&slant| self.is_edge(place, slant, (depth, length))))
    }

    fn is_edge(&self, place: i32, slant: f32, (depth, length): (i32, i32)) -> bool {
        let (from, to) = ((length as f32 * ENDS) as i32, (length as f32 * (1.0 - ENDS)) as i32);
        let (mut up, mut down, mut count) = (0, 0, 0);
        let (mut sum, mut squares, mut beyond) = (0.0, 0.0, 0);
        for along in (from..to).step_by(2) {
            let across = place + (slant * (along as f32 - length as f32 / 2.0)).round() as i32;
            count += 1;
            if across < 3 || across + 2 >= depth {
                continue;
            }
            let step = self.at(across + 2, along) - self.at(across - 2, along);
            up += i32::from(step >= STEP);
            down += i32::from(step <= -STEP);
            let strip = f32::from(self.at(across - 3, along) as i16);
            (sum, squares, beyond) = (sum + strip, squares + strip * strip, beyond + 1);
        }
        if (up.max(down) as f32) < SHARE * count as f32 {
            return false;
        }
        let mean = sum / beyond.max(1) as f32;
        (squares / beyond.max(1) as f32 - mean * mean).max(0.0).sqrt() <= EVEN
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::Rect;

    /// A room with a shelf and a floor, and a dark border of some pixels to the left and the right.
    fn seen(border: usize) -> [bool; 4] {
        let picture = Gray::from_fn(640, 480, |x, y| {
            let shelf = x > 560 && y > 90 && y / 30 % 2 == 0;
            let person = (250..390).contains(&x) && y > 120;
            let grain = ((x * 31 + y * 57) ^ (x * y)) as u8 % 7;
            let shade = if x < border || x >= 640 - border {
                30
            } else if person {
                100
            } else if shelf || y > 430 {
                120
            } else {
                180
            };
            [shade + grain]
        });
        sides(&Scene::of(&picture, Rect::new(270.0, 130.0, 100.0, 120.0)).unwrap())
    }

    #[test]
    fn a_bezel_along_two_sides_is_seen_and_furniture_is_not() {
        assert_eq!(seen(24), [true, true, false, false]);
        assert_eq!(seen(0), [false; 4]);
    }
}
