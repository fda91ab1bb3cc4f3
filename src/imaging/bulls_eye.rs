//! Finds what matrix symbols are found by in a picture: the rings in the middle of an Aztec symbol, and the squares in three
//! corners of a QR code.
//!
//! ISO/IEC 24778, 5.2: a line through the middle of the rings crosses at least seven spaces and bars of one module each
//! before data may widen the next ring. ISO/IEC 18004, 6.3.3: a line through the middle of a corner's square crosses bars and
//! spaces of 1 1 3 1 1 modules. So does the line at right angles, and, wider by the same factor, any line at less than 45
//! degrees. Always holds: the search is bounded by the picture's size and [`MAX_CHECKS`].

use super::edges::{Edge, EdgeFinder};
use super::geometry::Point;
use super::raster::Gray;

/// Modules of the bars and spaces through the rings of the smaller kind, which begin with a space.
const RINGS: [f32; 7] = [1.0; 7];
/// The same through a QR code's square, which begin with a bar.
const SQUARE: [f32; 5] = [1.0, 1.0, 3.0, 1.0, 1.0];
/// Modules by which each bar and space of the rings may be off.
const RING_TOLERANCE: f32 = 0.45;
/// The same of a square, which its wide middle tells as well.
const SQUARE_TOLERANCE: f32 = 0.7;
/// Narrowest and widest module in pixels.
const MODULES: std::ops::Range<f32> = 1.6..16.0;
/// Rows whose find is checked down the column, at most.
const MAX_CHECKS: usize = 400;
/// Lines that must show the rings of one symbol.
const MIN_LINES: usize = 2;
/// Modules of a column that are looked at to either side, and the fewest pixels: edges must have something to differ from.
const COLUMN: (f32, f32) = (12.0, 24.0);

/// The middle of an Aztec symbol.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BullsEye {
    /// Where it is.
    pub middle: Point,
    /// Width of a module in pixels.
    pub module: f32,
    lines: usize,
}

/// The rings of a view, at most `limit`, those seen on most lines first.
#[must_use]
pub fn find_bulls_eyes(view: &Gray, limit: usize) -> Vec<BullsEye> {
    let mut found = centres(view, 1, rings);
    found.retain(|one| one.lines >= MIN_LINES);
    found.sort_by_key(|one| std::cmp::Reverse(one.lines));
    found.truncate(limit);
    found
}

/// How many places look like the rings of an Aztec symbol on a line and a column.
#[must_use]
pub fn count_rings(view: &Gray) -> usize {
    centres(view, 1, rings).len()
}

/// How many places look like the squares in the corners of a QR code.
#[must_use]
pub fn count_corner_squares(view: &Gray) -> usize {
    centres(view, 2, squares).len()
}

/// Middles that a row and the column through it both show, each once.
fn centres(view: &Gray, step: usize, shown: fn(&[Edge]) -> Vec<(f32, f32)>) -> Vec<BullsEye> {
    let mut found: Vec<BullsEye> = Vec::new();
    let (mut across, mut down) = (EdgeFinder::default(), EdgeFinder::default());
    let mut line = Vec::new();
    let mut checks = 0;
    for y in (0..view.height()).step_by(step) {
        line.clear();
        line.extend(view.row(y).iter().map(|&value| 2 * u16::from(value)));
        for (x, module) in shown(across.find(&line, 40, 12.0)) {
            if checks == MAX_CHECKS {
                return found;
            }
            checks += 1;
            let reach = (COLUMN.0 * module).max(COLUMN.1) as usize;
            let (top, bottom) = (y.saturating_sub(reach), (y + reach).min(view.height()));
            let column = (x as usize).min(view.width() - 1);
            let line: Vec<u16> = (top..bottom).map(|row| 2 * u16::from(view.pixel(column, row)[0])).collect();
            let crossing = shown(down.find(&line, 40, 12.0)).into_iter().find(|(middle, other)| {
                (middle + top as f32 - y as f32).abs() < 1.5 * module && (0.6..1.7).contains(&(other / module))
            });
            let Some((middle, _)) = crossing else { continue };
            let middle = Point::new(x, middle + top as f32);
            match found.iter_mut().find(|known| known.middle.distance(middle) < 2.0 * module) {
                Some(known) => known.lines += 1,
                None => found.push(BullsEye { middle, module, lines: 1 }),
            }
        }
    }
    found
}

fn rings(edges: &[Edge]) -> Vec<(f32, f32)> {
    runs_like(edges, &RINGS, false, RING_TOLERANCE)
}

fn squares(edges: &[Edge]) -> Vec<(f32, f32)> {
    runs_like(edges, &SQUARE, true, SQUARE_TOLERANCE)
}

/// The middles of all bars and spaces in a row that are like a pattern, and the width of a module there.
fn runs_like(edges: &[Edge], pattern: &[f32], begins_with_bar: bool, tolerance: f32) -> Vec<(f32, f32)> {
    let (count, total) = (pattern.len(), pattern.iter().sum::<f32>());
    let windows = edges.windows(count + 1).filter(|window| window[0].falls == begins_with_bar);
    windows
        .filter_map(|window| {
            let module = (window[count].at - window[0].at) / total;
            let off = |(run, modules): (&[Edge], &f32)| (run[1].at - run[0].at - modules * module).abs();
            let alike = window.windows(2).zip(pattern).all(|pair| off(pair) < tolerance * module);
            (alike && MODULES.contains(&module)).then(|| (f32::midpoint(window[0].at, window[count].at), module))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_are_found_beside_print_and_stripes() {
        let view = Gray::from_fn(400, 300, |x, y| {
            let (u, v) = ((x / 5).abs_diff(50), (y / 5).abs_diff(30));
            let ring = u.max(v);
            let stripe = y > 220 && x / 5 % 2 == 0;
            [if (ring <= 4 && ring % 2 == 0) || stripe { 30 } else { 220 }]
        });
        let found = find_bulls_eyes(&view, 3);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].middle.distance(Point::new(252.5, 152.5)) < 2.0 && (found[0].module - 5.0).abs() < 0.3);
    }

    #[test]
    fn the_squares_of_a_qr_code_are_found_turned_too() {
        let dark = |x: f32, y: f32| {
            let ring = [(0.0, 0.0), (14.0, 0.0), (0.0, 14.0)].map(|(a, b)| (x - a).abs().max((y - b).abs()));
            ring.iter().any(|&ring| ring < 1.5 || (2.5..3.5).contains(&ring))
        };
        for (sin, cos) in [0.0_f32, 0.4, 2.0].map(f32::sin_cos) {
            let view = Gray::from_fn(300, 300, |x, y| {
                let (u, v) = ((x as f32 - 150.0) / 4.0, (y as f32 - 150.0) / 4.0);
                [if dark(u * cos + v * sin, v * cos - u * sin) { 30 } else { 220 }]
            });
            assert_eq!((count_corner_squares(&view), count_rings(&view)), (3, 0));
        }
    }

    #[test]
    fn views_without_rings_have_none() {
        assert!(find_bulls_eyes(&Gray::from_fn(300, 300, |x, _| [if x / 5 % 2 == 0 { 0 } else { 255 }]), 3).is_empty());
        assert!(find_bulls_eyes(&Gray::filled(0, 0, [0]), 3).is_empty());
    }
}
