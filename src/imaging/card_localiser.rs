//! A first finder of a card or passport page in a picture, by its four straight edges.
//!
//! The picture is reduced to [`WORK_SIZE`] pixels, its strongest lines are paired to four-cornered outlines of a
//! plausible shape, and the outline whose sides lie best on edges wins. Always holds: bounded work, the same answer for
//! the same picture. Does not read the card or tell which way up it is, and does not find a card of which a side is
//! hidden or lies outside the picture.

use super::geometry::{Point, Quad, Rect};
use super::line_search::{Gradients, Line};
use super::raster::{Gray, Image};
use super::transform::Homography;
use super::warp::{project, resize};

/// Longer side of the picture that is worked on, in pixels.
const WORK_SIZE: usize = 320;
/// Lines that are paired.
const LINES: usize = 24;
/// Long side over short side that a card (ID-1: 1.586) or page (TD3: 1.42) may have when it is tilted.
const ASPECT: std::ops::Range<f32> = 1.15..2.0;
/// Share of the picture that it must cover.
const MIN_AREA: f32 = 0.06;
/// Share of every side that must lie on an edge.
const MIN_SIDE: f32 = 0.55;
/// Places at which a side is compared with the edges.
const PROBES: usize = 48;

/// Width over height of an ID-1 card (ISO/IEC 7810: 85.60 mm by 53.98 mm).
pub const ID1_ASPECT: f32 = 85.60 / 53.98;
/// Width over height of a passport's data page (ICAO 9303-4, TD3: 125 mm by 88 mm).
pub const TD3_ASPECT: f32 = 125.0 / 88.0;

/// A found card.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CardOutline {
    /// Its corners in the picture's pixels, clockwise; the first edge is a long one, and of the two that which is higher
    /// up (for an upright card further right) in the picture. Which edge is the card's own top is not known.
    pub outline: Quad,
    /// Share of the sides that lie on edges, 0…1.
    pub score: f32,
}

/// Looks for the outline of a card or page.
#[must_use]
pub fn locate_card(picture: &Gray) -> Option<CardOutline> {
    let longer = picture.width().max(picture.height());
    if picture.width().min(picture.height()) < 32 {
        return None;
    }
    let scale = (WORK_SIZE as f32 / longer as f32).min(1.0);
    let reduced = |length: usize| ((length as f32 * scale).round() as usize).max(1);
    let small = resize(picture, reduced(picture.width()), reduced(picture.height()));
    let gradients = Gradients::of(&small);
    let lines = gradients.lines(LINES);
    let least = MIN_AREA * (small.width() * small.height()) as f32;
    let mut best: Option<(f32, CardOutline)> = None;
    for (first, second) in opposite_pairs(&lines) {
        for (third, fourth) in opposite_pairs(&lines) {
            // Each outline comes up twice; the order of its pairs tells which one to take.
            if first.votes < third.votes || first.alignment(third) > 0.4 {
                continue;
            }
            let Some(outline) = outline_of([first, third, second, fourth]) else { continue };
            let Some(score) = judge(&gradients, outline, least, (small.width(), small.height())) else { continue };
            // What is printed on a card has straight edges too: of two good outlines the larger one is the card.
            let merit = score * area(outline).powf(0.25);
            if best.as_ref().is_none_or(|(most, _)| merit > *most) {
                best = Some((merit, CardOutline { outline, score }));
            }
        }
    }
    best.map(|(_, card)| {
        let exact = refined(&gradients, card.outline).unwrap_or(card.outline);
        CardOutline { outline: Quad(exact.0.map(|p| p * (1.0 / scale))), ..card }
    })
}

/// What lies inside an outline as if it were scanned, `width` by `height` pixels; `None` when the outline has no inside.
#[must_use]
pub fn lay_flat<const C: usize>(picture: &Image<C>, outline: Quad, width: usize, height: usize) -> Option<Image<C>> {
    let flat = Quad::from_rect(Rect::new(0.0, 0.0, width as f32, height as f32));
    let to_picture = Homography::between(flat, outline)?;
    Some(project(picture, width, height, [0; C], &to_picture))
}

/// The outline with its sides fitted to the edges that they lie on.
fn refined(gradients: &Gradients, outline: Quad) -> Option<Quad> {
    let side = |k: usize| gradients.fit_side(outline.0[k], outline.0[(k + 1) % 4]);
    let [top, right, bottom, left] = [side(0)?, side(1)?, side(2)?, side(3)?];
    let exact = Quad([left.crossing(top)?, top.crossing(right)?, right.crossing(bottom)?, bottom.crossing(left)?]);
    let moved = exact.0.iter().zip(outline.0).map(|(p, q)| p.distance(q)).fold(0.0, f32::max);
    (moved < 12.0).then_some(exact)
}

/// Pairs of lines that may be opposite sides: within 25 degrees of parallel and apart.
fn opposite_pairs(lines: &[Line]) -> impl Iterator<Item = (Line, Line)> {
    lines.iter().enumerate().flat_map(move |(k, &first)| {
        lines[k + 1..].iter().filter_map(move |&second| {
            let same_way = (first.cos * second.cos + first.sin * second.sin).signum();
            let apart = (first.distance - same_way * second.distance).abs();
            (first.alignment(second) > 0.906 && apart > 16.0).then_some((first, second))
        })
    })
}

/// The four crossings of lines in order around, clockwise, with a long edge first.
fn outline_of(lines: [Line; 4]) -> Option<Quad> {
    let [a, b, c, d] = lines;
    let mut corners = [d.crossing(a)?, a.crossing(b)?, b.crossing(c)?, c.crossing(d)?];
    if signed_area(corners) < 0.0 {
        corners.reverse();
    }
    if !(0..4).all(|k| turn(corners[k], corners[(k + 1) % 4], corners[(k + 2) % 4]) > 0.0) {
        return None;
    }
    let quad = Quad(corners);
    if quad.mean_width() < quad.mean_height() {
        corners.rotate_left(1);
    }
    let [a, b, c, d] = corners;
    let (one, other) = (a + b, c + d);
    let steep = (b.y - a.y).abs() > (b.x - a.x).abs();
    let turned = if steep { other.x > one.x } else { other.y < one.y };
    Some(Quad(if turned { [c, d, a, b] } else { [a, b, c, d] }))
}

fn turn(a: Point, b: Point, c: Point) -> f32 {
    (b.x - a.x) * (c.y - b.y) - (b.y - a.y) * (c.x - b.x)
}

/// Positive when clockwise in a picture.
fn signed_area(corners: [Point; 4]) -> f32 {
    (0..4).map(|k| (corners[k], corners[(k + 1) % 4])).map(|(p, q)| p.x * q.y - q.x * p.y).sum::<f32>() / 2.0
}

fn area(quad: Quad) -> f32 {
    signed_area(quad.0).abs()
}

/// The share of the sides on edges, when the shape is plausible and no side is bare.
fn judge(gradients: &Gradients, outline: Quad, least: f32, (width, height): (usize, usize)) -> Option<f32> {
    let aspect = outline.mean_width() / outline.mean_height();
    let inside = |p: &Point| (-2.0..width as f32 + 2.0).contains(&p.x) && (-2.0..height as f32 + 2.0).contains(&p.y);
    if !ASPECT.contains(&aspect) || area(outline) < least || !outline.0.iter().all(inside) {
        return None;
    }
    let mut sum = 0.0;
    for k in 0..4 {
        let (from, to) = (outline.0[k], outline.0[(k + 1) % 4]);
        let length = from.distance(to).max(1.0);
        let normal = ((from.y - to.y) / length, (to.x - from.x) / length);
        // Corners are rounded.
        let on = (0..PROBES)
            .map(|probe| from.lerp(to, 0.06 + 0.88 * probe as f32 / (PROBES - 1) as f32))
            .filter(|&at| gradients.edge_at(at, normal))
            .count();
        let share = on as f32 / PROBES as f32;
        if share < MIN_SIDE {
            return None;
        }
        sum += share;
    }
    Some(sum / 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::{Homography, Rect, Similarity, project};

    const SIZE: (usize, usize) = (1280, 720);

    /// A light card with a portrait and lines of print, 600 pixels wide.
    fn card() -> Gray {
        Gray::from_fn(600, 378, |x, y| {
            let portrait = (40..190).contains(&x) && (90..290).contains(&y);
            let print = x > 230 && x < 540 && y > 90 && y % 40 < 12 && (x / 7 + y / 40) % 3 != 0;
            [if portrait {
                120
            } else if print {
                60
            } else {
                215
            }]
        })
    }

    fn background(kind: usize) -> Gray {
        Gray::from_fn(SIZE.0, SIZE.1, |x, y| {
            [match kind {
                0 => 40,
                1 => (30 + x / 12) as u8,
                _ => (90 + (x * 7 + y * 13 + x * y / 31) % 24) as u8,
            }]
        })
    }

    /// A picture of the card at `corners`.
    fn picture(kind: usize, corners: Quad) -> Gray {
        let card = card();
        let plan = Quad::from_rect(Rect::new(0.0, 0.0, 600.0, 378.0));
        let to_card = Homography::between(corners, plan).unwrap();
        let laid = project(&card, SIZE.0, SIZE.1, [0], &to_card);
        let mask = project(&Gray::filled(600, 378, [255]), SIZE.0, SIZE.1, [0], &to_card);
        let behind = background(kind);
        Gray::from_fn(
            SIZE.0,
            SIZE.1,
            |x, y| if mask.pixel(x, y)[0] > 0 { laid.pixel(x, y) } else { behind.pixel(x, y) },
        )
    }

    fn turned(degrees: f32, scale: f32) -> Quad {
        let place = Similarity::about(Point::new(300.0, 189.0), degrees, scale, Point::new(640.0, 360.0));
        Quad(Quad::from_rect(Rect::new(0.0, 0.0, 600.0, 378.0)).0.map(|p| place.apply(p)))
    }

    fn worst_corner(found: Quad, truth: Quad) -> f32 {
        let nearest = |p: &Point| truth.0.iter().map(|q| p.distance(*q)).fold(f32::MAX, f32::min);
        found.0.iter().map(nearest).fold(0.0, f32::max)
    }

    #[test]
    fn a_card_is_found_at_any_turn_on_any_background() {
        for kind in 0..3 {
            for degrees in [0.0, 7.0, 20.0, 45.0, 70.0, 90.0, 135.0] {
                let truth = turned(degrees, 1.0);
                let found = locate_card(&picture(kind, truth));
                let off = found.map_or(f32::MAX, |card| worst_corner(card.outline, truth));
                assert!(off < 8.0, "background {kind}, {degrees} degrees: {off} pixels off");
            }
        }
    }

    #[test]
    fn a_tilted_card_is_found() {
        let points = [(330.0, 190.0), (900.0, 140.0), (960.0, 560.0), (300.0, 520.0)];
        let truth = Quad(points.map(|(x, y)| Point::new(x, y)));
        let card = locate_card(&picture(1, truth)).unwrap();
        assert!(worst_corner(card.outline, truth) < 8.0, "{card:?}");
        assert!(card.score > 0.7);
    }

    #[test]
    fn the_long_edge_comes_first_and_corners_run_clockwise() {
        for degrees in [0.0, 30.0, 90.0, 150.0] {
            let card = locate_card(&picture(0, turned(degrees, 0.9))).unwrap();
            assert!(card.outline.mean_width() > card.outline.mean_height());
            assert!(signed_area(card.outline.0) > 0.0);
        }
    }

    #[test]
    fn pictures_without_a_card_have_none() {
        let mut state = 1_u32;
        let noise = Gray::from_fn(640, 480, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            [(state >> 24) as u8]
        });
        assert!(locate_card(&noise).is_none());
        assert!(locate_card(&background(2)).is_none());
        for (width, height) in [(0, 0), (1, 1), (1, 10_000), (640, 480)] {
            assert!(locate_card(&Gray::filled(width, height, [255])).is_none());
        }
    }
}
