//! How an area of small squares is turned: the direction of its edges, where those at right angles count as one.
//!
//! Always holds: time is linear in the number of pixels. Does not tell squares from print, whose strokes have two such
//! directions too.

use super::raster::Gray;

/// The direction of an area's edges.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LatticeAngle {
    /// Turn clockwise in degrees, -45…45.
    pub degrees: f32,
    /// Share of the edges that have it, 0…1: 1 for squares, about 0 where edges have all directions.
    pub strength: f32,
    /// How much more edges have one of its two directions than the other, 0…1: 1 for stripes, about 0 for squares.
    pub one_sided: f32,
}

/// Takes the mean direction of an area's gradients, each counted four times around, so that opposite and perpendicular
/// ones add up. `None` where there are none.
#[must_use]
pub fn lattice_angle(area: &Gray) -> Option<LatticeAngle> {
    let (width, height) = (area.width(), area.height());
    if width < 3 || height < 3 {
        return None;
    }
    let (mut re, mut im, mut total) = (0.0_f64, 0.0_f64, 0.0_f64);
    let (mut two_re, mut two_im) = (0.0_f64, 0.0_f64);
    for y in 1..height - 1 {
        let (above, row, below) = (area.row(y - 1), area.row(y), area.row(y + 1));
        let (mut line_re, mut line_im, mut line_total) = (0.0_f32, 0.0_f32, 0.0_f32);
        let (mut line_square, mut line_double) = (0.0_f32, 0.0_f32);
        for x in 1..width - 1 {
            let value = |line: &[u8], x: usize| i32::from(line[x]);
            // The Scharr operator, whose direction is true to a fraction of a degree.
            let across = |line: &[u8]| value(line, x + 1) - value(line, x - 1);
            let down = |x: usize| value(below, x) - value(above, x);
            let gx = (3 * (across(above) + across(below)) + 10 * across(row)) as f32 / 32.0;
            let gy = (3 * (down(x - 1) + down(x + 1)) + 10 * down(x)) as f32 / 32.0;
            let (square, double) = (gx * gx - gy * gy, 2.0 * gx * gy);
            let energy = gx * gx + gy * gy;
            if energy > 16.0 {
                line_re += (square * square - double * double) / energy;
                line_im += 2.0 * square * double / energy;
                line_total += energy;
                line_square += square;
                line_double += double;
            }
        }
        re += f64::from(line_re);
        im += f64::from(line_im);
        total += f64::from(line_total);
        two_re += f64::from(line_square);
        two_im += f64::from(line_double);
    }
    let strength = (re.hypot(im) / total) as f32;
    let one_sided = (two_re.hypot(two_im) / total) as f32;
    (total > 0.0).then(|| LatticeAngle { degrees: (im.atan2(re) / 4.0).to_degrees() as f32, strength, one_sided })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::{Point, Similarity, warp};

    #[test]
    fn the_turn_of_squares_is_found_within_a_degree() {
        let flat = Gray::from_fn(300, 300, |x, y| {
            [if (x / 9 * 7 + y / 9 * 5 + (x / 9) * (y / 9)) % 3 == 0 { 20 } else { 230 }]
        });
        for degrees in (-44..45).step_by(8) {
            let middle = Point::new(150.0, 150.0);
            let to_flat = Similarity::about(Point::new(100.0, 100.0), -(degrees as f32), 1.0, middle);
            let turned = warp(&flat, 200, 200, [230], |p| to_flat.apply(p));
            let found = lattice_angle(&turned).unwrap();
            assert!((found.degrees - degrees as f32).abs() < 1.0 && found.strength > 0.3, "{degrees}: {found:?}");
            assert!(found.one_sided < 0.2, "{degrees}: {found:?}");
        }
    }

    #[test]
    fn stripes_are_one_sided() {
        let stripes = lattice_angle(&Gray::from_fn(90, 90, |x, _| [if x / 5 % 2 == 0 { 20 } else { 230 }])).unwrap();
        assert!(stripes.strength > 0.9 && stripes.one_sided > 0.9, "{stripes:?}");
    }

    #[test]
    fn a_blank_or_tiny_area_has_no_direction() {
        assert_eq!(lattice_angle(&Gray::filled(40, 40, [9])), None);
        assert_eq!(lattice_angle(&Gray::filled(2, 40, [9])), None);
    }
}
