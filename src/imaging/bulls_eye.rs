//! Finds the rings in the middle of an Aztec symbol in a level view.
//!
//! ISO/IEC 24778, 5.2: a line through the middle crosses at least seven spaces and bars of one module each before data may
//! widen the next ring, and so does the line at right angles to it. Always holds: the search is bounded by the view's size and [`MAX_CHECKS`].

use super::edges::{Edge, EdgeFinder};
use super::geometry::Point;
use super::raster::Gray;

/// Spaces and bars of one module through the middle of the smaller kind.
const RUNS: usize = 7;
/// Share of a module by which each of them may be off.
const TOLERANCE: f32 = 0.45;
/// Narrowest and widest module in pixels.
const MODULES: std::ops::Range<f32> = 1.8..16.0;
/// Rows whose find is checked down the column, at most.
const MAX_CHECKS: usize = 400;
/// Lines that must show one.
const MIN_LINES: usize = 2;

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
    let mut found: Vec<BullsEye> = Vec::new();
    let (mut across, mut down) = (EdgeFinder::default(), EdgeFinder::default());
    let mut checks = 0;
    for y in 0..view.height() {
        let line: Vec<u16> = view.row(y).iter().map(|&value| 2 * u16::from(value)).collect();
        for (x, module) in rings(across.find(&line, 40, 12.0)) {
            if checks == MAX_CHECKS {
                break;
            }
            checks += 1;
            let column = (x as usize).min(view.width() - 1);
            let line: Vec<u16> = (0..view.height()).map(|row| 2 * u16::from(view.pixel(column, row)[0])).collect();
            let crossing = rings(down.find(&line, 40, 12.0)).find(|(middle, other)| {
                (middle - y as f32).abs() < 1.5 * module && (0.6..1.7).contains(&(other / module))
            });
            let Some((middle, _)) = crossing else { continue };
            let middle = Point::new(x, middle);
            match found.iter_mut().find(|known| known.middle.distance(middle) < 2.0 * module) {
                Some(known) => known.lines += 1,
                None => found.push(BullsEye { middle, module, lines: 1 }),
            }
        }
    }
    found.retain(|one| one.lines >= MIN_LINES);
    found.sort_by_key(|one| std::cmp::Reverse(one.lines));
    found.truncate(limit);
    found
}

/// The middles of spaces and bars of one width in a row, which begin with a space, and that width.
fn rings(edges: &[Edge]) -> impl Iterator<Item = (f32, f32)> {
    edges.windows(RUNS + 1).filter(|window| !window[0].falls).filter_map(|window| {
        let module = (window[RUNS].at - window[0].at) / RUNS as f32;
        let even = window.windows(2).all(|run| (run[1].at - run[0].at - module).abs() < TOLERANCE * module);
        (even && MODULES.contains(&module)).then(|| (f32::midpoint(window[0].at, window[RUNS].at), module))
    })
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
    fn views_without_rings_have_none() {
        assert!(find_bulls_eyes(&Gray::from_fn(300, 300, |x, _| [if x / 5 % 2 == 0 { 0 } else { 255 }]), 3).is_empty());
        assert!(find_bulls_eyes(&Gray::filled(0, 0, [0]), 3).is_empty());
    }
}
