//! From a text probability map to outlines of text lines (Liao et al. 2020, "Real-time scene text detection with
//! differentiable binarization", post-processing).
//!
//! Always holds: every outline has its top edge within 45° of horizontal, a score above the threshold, and the list is in
//! reading order. Time is linear in the map, apart from the sort. Does not read text, and does not find curved lines.

use crate::imaging::{Point, Quad, Rect};

/// Where one line of text stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TextBox {
    /// Its outline, clockwise from the top-left corner of the text as it reads.
    pub outline: Quad,
    /// Mean text probability inside, 0…1.
    pub score: f32,
}

/// Pixels above this probability are text (the model's own setting).
const PIXEL_THRESHOLD: f32 = 0.3;
/// Boxes of a lower mean probability are dropped.
const BOX_THRESHOLD: f32 = 0.45;
/// How far the model shrank the outlines it was trained on: the distance is this times area over perimeter.
const UNCLIP_RATIO: f32 = 1.6;
/// Shortest side of a component that can be text, in pixels of the map.
const MIN_SIDE: f32 = 3.0;
/// More boxes than any document has; the rest are dropped.
const MAX_BOXES: usize = 400;

/// A row-major probability map.
pub(super) struct ProbabilityMap<'a> {
    pub width: usize,
    pub height: usize,
    pub data: &'a [f32],
}

/// One connected set of text pixels: its outline row by row and its summed probability.
struct Component {
    border: Vec<Point>,
    probability: f32,
}

impl ProbabilityMap<'_> {
    /// Every line of text in the map, in pixels of the map, in reading order.
    pub fn boxes(&self) -> Vec<TextBox> {
        let mut seen = vec![false; self.data.len()];
        let mut boxes = Vec::new();
        for start in 0..self.data.len() {
            if seen[start] || self.data[start] <= PIXEL_THRESHOLD || boxes.len() >= MAX_BOXES {
                continue;
            }
            boxes.extend(self.component(start, &mut seen).outline());
        }
        in_reading_order(boxes)
    }

    /// Collects the component around `start` and marks it as seen (8-neighbourhood).
    fn component(&self, start: usize, seen: &mut [bool]) -> Component {
        let mut stack = vec![start];
        let mut rows: std::collections::BTreeMap<usize, (usize, usize)> = std::collections::BTreeMap::new();
        let mut probability = 0.0;
        seen[start] = true;
        while let Some(at) = stack.pop() {
            let (x, y) = (at % self.width, at / self.width);
            probability += self.data[at];
            let row = rows.entry(y).or_insert((x, x));
            *row = (row.0.min(x), row.1.max(x));
            for ny in y.saturating_sub(1)..=(y + 1).min(self.height - 1) {
                for nx in x.saturating_sub(1)..=(x + 1).min(self.width - 1) {
                    let next = ny * self.width + nx;
                    if !seen[next] && self.data[next] > PIXEL_THRESHOLD {
                        seen[next] = true;
                        stack.push(next);
                    }
                }
            }
        }
        let corners = |(y, (left, right)): (usize, (usize, usize))| {
            let (left, right, top) = (left as f32, right as f32 + 1.0, y as f32);
            [Point::new(left, top), Point::new(left, top + 1.0), Point::new(right, top), Point::new(right, top + 1.0)]
        };
        Component { border: rows.into_iter().flat_map(corners).collect(), probability }
    }
}

impl Component {
    /// The smallest rectangle around it, grown back to the size of the text.
    fn outline(self) -> Option<TextBox> {
        let (centre, along, width, height) = smallest_rectangle(&convex_hull(self.border))?;
        let area = width * height;
        let score = (self.probability / area).min(1.0);
        if width.min(height) < MIN_SIDE || score < BOX_THRESHOLD {
            return None;
        }
        let grow = 2.0 * area * UNCLIP_RATIO / (2.0 * (width + height));
        let half = along * f32::midpoint(width, grow);
        let down = Point::new(-along.y, along.x) * f32::midpoint(height, grow);
        let outline = Quad([centre - half - down, centre + half - down, centre + half + down, centre - half + down]);
        Some(TextBox { outline, score })
    }
}

/// Andrew's monotone chain; the hull runs anticlockwise in mathematical axes, without its first point repeated.
fn convex_hull(mut points: Vec<Point>) -> Vec<Point> {
    points.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
    let cross = |o: Point, a: Point, b: Point| (a.x - o.x) * (b.y - o.y) - (a.y - o.y) * (b.x - o.x);
    let chain = |points: &mut dyn Iterator<Item = Point>| {
        let mut hull: Vec<Point> = Vec::new();
        for p in points {
            while hull.len() >= 2 && cross(hull[hull.len() - 2], hull[hull.len() - 1], p) <= 0.0 {
                hull.pop();
            }
            hull.push(p);
        }
        hull.pop();
        hull
    };
    let mut hull = chain(&mut points.iter().copied());
    hull.extend(chain(&mut points.iter().rev().copied()));
    hull
}

/// Centre, unit vector along the line (within 45° of horizontal), width and height of the smallest enclosing rectangle:
/// one of its sides lies on an edge of the hull (Freeman and Shapira 1975).
fn smallest_rectangle(hull: &[Point]) -> Option<(Point, Point, f32, f32)> {
    let mut best: Option<(f32, Point, Rect)> = None;
    for (k, &from) in hull.iter().enumerate() {
        let edge = hull[(k + 1) % hull.len()] - from;
        let length = edge.x.hypot(edge.y);
        if length <= 0.0 {
            continue;
        }
        let along = level(edge * (1.0 / length));
        let bounds = Rect::around(hull.iter().map(|p| {
            Point::new(p.x * along.x + p.y * along.y, p.y * along.x - p.x * along.y) // in the axes of the edge
        }));
        if best.is_none_or(|(area, ..)| bounds.area() < area) {
            best = Some((bounds.area(), along, bounds));
        }
    }
    let (_, along, bounds) = best?;
    let c = bounds.centre();
    let centre = Point::new(c.x * along.x - c.y * along.y, c.x * along.y + c.y * along.x);
    Some((centre, along, bounds.width, bounds.height))
}

/// Turns a direction by quarters until it points to the right, within 45°.
fn level(mut direction: Point) -> Point {
    for _ in 0..3 {
        if direction.x >= direction.y.abs() {
            break;
        }
        direction = Point::new(-direction.y, direction.x);
    }
    direction
}

/// Rows from top to bottom, each from left to right; boxes share a row when their middles are closer than half a height.
fn in_reading_order(mut boxes: Vec<TextBox>) -> Vec<TextBox> {
    let middle = |b: &TextBox| b.outline.bounds().centre();
    boxes.sort_by(|a, b| middle(a).y.total_cmp(&middle(b).y));
    let mut row_start = 0;
    for k in 1..=boxes.len() {
        let breaks = boxes.get(k).is_none_or(|b| {
            let first = &boxes[row_start];
            middle(b).y - middle(first).y > 0.5 * first.outline.mean_height().min(b.outline.mean_height())
        });
        if breaks {
            boxes[row_start..k].sort_by(|a, b| middle(a).x.total_cmp(&middle(b).x));
            row_start = k;
        }
    }
    boxes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(width: usize, height: usize, text: impl Fn(f32, f32) -> bool) -> Vec<TextBox> {
        let data: Vec<f32> = (0..width * height)
            .map(|k| if text((k % width) as f32 + 0.5, (k / width) as f32 + 0.5) { 0.9 } else { 0.0 })
            .collect();
        ProbabilityMap { width, height, data: &data }.boxes()
    }

    #[test]
    fn an_empty_map_has_no_boxes() {
        assert!(map(32, 32, |_, _| false).is_empty());
    }

    #[test]
    fn boxes_come_row_by_row_from_left_to_right() {
        let boxes = map(200, 100, |x, y| {
            (20.0..30.0).contains(&y) && x % 100.0 < 60.0 && x % 100.0 > 20.0
                || (70.0..80.0).contains(&y) && x > 50.0 && x < 90.0
        });
        let places: Vec<_> =
            boxes.iter().map(|b| b.outline.bounds().centre()).map(|c| (c.x.round(), c.y.round())).collect();
        assert_eq!(places, [(40.0, 25.0), (140.0, 25.0), (70.0, 75.0)]);
    }

    #[test]
    fn a_tilted_line_gets_a_tilted_box_that_is_larger_than_its_core() {
        let (sin, cos) = 10_f32.to_radians().sin_cos();
        let boxes = map(300, 150, |x, y| {
            let (x, y) = (x - 150.0, y - 75.0);
            (x * cos + y * sin).abs() < 100.0 && (y * cos - x * sin).abs() < 8.0
        });
        let [a, b, ..] = boxes[0].outline.0;
        let angle = (b.y - a.y).atan2(b.x - a.x).to_degrees();
        assert!((angle - 10.0).abs() < 1.0, "{angle}");
        assert!(boxes.len() == 1 && boxes[0].outline.mean_height() > 24.0 && boxes[0].outline.mean_width() > 200.0);
    }
}
