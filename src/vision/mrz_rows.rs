//! Which boxes of text may be the lines of a machine-readable zone, by shape and place alone.
//!
//! Always holds: rows come from top to bottom. Does not read them: what looks like a zone need not be one.

use super::text_boxes::TextBox;
use crate::imaging::{Point, Quad};

/// A row is at least this many times as wide as high; a name line whose fillers were not found still is.
const MIN_ASPECT: f32 = 7.0;
/// Neighbouring boxes belong to one row when their heights differ by no more than this factor.
const MAX_HEIGHT_RATIO: f32 = 1.7;
/// The widest gap inside a row, in heights: a run of fillers that was not found.
const MAX_GAP: f32 = 14.0;
/// Distance between the middles of neighbouring lines, in heights of a box (Doc 9303: 6.35 mm at about 3 mm of print).
const SPACING: std::ops::RangeInclusive<f32> = 0.8..=3.6;
/// How far the left ends of neighbouring lines may lie apart, in heights.
const MAX_INDENT: f32 = 2.5;
/// Groups that are read at most.
const MAX_GROUPS: usize = 6;

/// Two or three rows that stand like a zone, all stretched to the same width.
pub(super) type RowGroup = Vec<Quad>;

/// Every group of rows that may be a zone, the most likely first.
pub(super) fn row_groups(boxes: &[TextBox]) -> Vec<RowGroup> {
    let rows: Vec<Quad> =
        rows(boxes).into_iter().filter(|row| row.mean_width() >= MIN_ASPECT * row.mean_height()).collect();
    let mut groups: Vec<RowGroup> = Vec::new();
    for size in [3, 2] {
        for window in rows.windows(size) {
            if window.windows(2).all(|pair| stand_together(pair[0], pair[1])) {
                groups.push(window.to_vec());
            }
        }
    }
    // A zone is the widest text of a document, and its last.
    let weight = |group: &RowGroup| {
        let width = group.iter().map(|row| row.mean_width()).sum::<f32>() / group.len() as f32;
        let bottom = group.last().map_or(0.0, |row| row.bounds().bottom());
        width * 1.5 + bottom + group.len() as f32
    };
    groups.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
    groups.truncate(MAX_GROUPS);
    groups.iter().map(|group| stretched_alike(group)).collect()
}

/// Joins boxes that lie on one line.
fn rows(boxes: &[TextBox]) -> Vec<Quad> {
    let mut rows: Vec<Quad> = Vec::new();
    let mut parts: Vec<Quad> = boxes.iter().map(|found| found.outline).collect();
    parts.sort_by(|a, b| a.0[0].x.total_cmp(&b.0[0].x));
    for part in parts {
        match rows
            .iter_mut()
            .filter(|row| continues(**row, part))
            .min_by(|a, b| off_line(**a, part).total_cmp(&off_line(**b, part)))
        {
            Some(row) => *row = Quad([row.0[0], part.0[1], part.0[2], row.0[3]]),
            None => rows.push(part),
        }
    }
    // From top to bottom as the widest text runs: in a tilted picture a short line stands beside others' heights.
    let widest = rows.iter().copied().max_by(|a, b| a.mean_width().total_cmp(&b.mean_width()));
    let Some(along) = widest.map(|row| middle_right(row) - middle_left(row)) else { return rows };
    let across = |row: &Quad| {
        let middle = middle_left(*row).lerp(middle_right(*row), 0.5);
        middle.y * along.x - middle.x * along.y
    };
    rows.sort_by(|a, b| across(a).total_cmp(&across(b)));
    rows
}

fn middle_left(quad: Quad) -> Point {
    quad.0[0].lerp(quad.0[3], 0.5)
}

fn middle_right(quad: Quad) -> Point {
    quad.0[1].lerp(quad.0[2], 0.5)
}

/// How far the left end of `part` lies off the middle line of `row`, in heights of the row.
fn off_line(row: Quad, part: Quad) -> f32 {
    let (from, to) = (middle_left(row), middle_right(row));
    let (along, offset) = (to - from, middle_left(part) - from);
    let length = from.distance(to).max(1.0);
    (along.x * offset.y - along.y * offset.x).abs() / length / row.mean_height().max(1.0)
}

fn continues(row: Quad, part: Quad) -> bool {
    let (a, b) = (row.mean_height(), part.mean_height());
    let gap = (middle_left(part).x - middle_right(row).x) / a.max(1.0);
    a.max(b) <= MAX_HEIGHT_RATIO * a.min(b) && off_line(row, part) < 0.4 && (-1.5..=MAX_GAP).contains(&gap)
}

fn stand_together(upper: Quad, lower: Quad) -> bool {
    let height = f32::midpoint(upper.mean_height(), lower.mean_height()).max(1.0);
    let (a, b) = (middle_left(upper), middle_left(lower));
    let similar =
        upper.mean_height().max(lower.mean_height()) <= MAX_HEIGHT_RATIO * upper.mean_height().min(lower.mean_height());
    // Across the direction of the text, so that a tilted zone stands like an upright one.
    let along = middle_right(lower) - b;
    let along = along * (1.0 / along.x.hypot(along.y).max(1.0));
    let step = b - a;
    let (across, indent) = (step.y * along.x - step.x * along.y, step.x * along.x + step.y * along.y);
    similar && SPACING.contains(&(across / height)) && indent.abs() <= MAX_INDENT * height
}

/// Gives every row the left and right ends of the row that reaches farthest: fillers at the end of a line are often not
/// found.
fn stretched_alike(rows: &[Quad]) -> RowGroup {
    let widest = rows.iter().copied().max_by(|a, b| a.mean_width().total_cmp(&b.mean_width()));
    let Some(widest) = widest else { return Vec::new() };
    let height = rows.iter().map(|row| row.mean_height()).sum::<f32>() / rows.len() as f32;
    let along = (middle_right(widest) - middle_left(widest)) * (1.0 / widest.mean_width().max(1.0));
    let project = |p: Point| p.x * along.x + p.y * along.y;
    let left = rows.iter().map(|row| project(middle_left(*row))).fold(f32::INFINITY, f32::min);
    let right = rows.iter().map(|row| project(middle_right(*row))).fold(f32::NEG_INFINITY, f32::max);
    let down = Point::new(-along.y, along.x) * (height / 2.0);
    let stretch = |row: &Quad| {
        let (from, to) = (middle_left(*row), middle_right(*row));
        let own = (to - from) * (1.0 / from.distance(to).max(1.0));
        let (from, to) = (from + own * (left - project(from)), to + own * (right - project(to)));
        Quad([from - down, to - down, to + down, from + down])
    };
    rows.iter().map(stretch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::Rect;

    fn boxes(rects: &[(f32, f32, f32, f32)]) -> Vec<TextBox> {
        let found = |&(x, y, width, height): &_| TextBox {
            outline: Quad::from_rect(Rect::new(x, y, width, height)),
            score: 0.9,
        };
        rects.iter().map(found).collect()
    }

    #[test]
    fn a_short_line_beside_a_tilted_zone_does_not_part_its_lines() {
        let (sin, cos) = 20_f32.to_radians().sin_cos();
        let turned = |x: f32, y: f32| Point::new(300.0 + x * cos - y * sin, 200.0 + x * sin + y * cos);
        let line = |x: f32, y: f32, width: f32| {
            let corners = [(x, y), (x + width, y), (x + width, y + 18.0), (x, y + 18.0)];
            TextBox { outline: Quad(corners.map(|(x, y)| turned(x, y))), score: 0.9 }
        };
        let found =
            [line(0.0, 0.0, 150.0), line(0.0, 300.0, 600.0), line(0.0, 340.0, 600.0), line(700.0, 120.0, 140.0)];
        let groups = row_groups(&found);
        let zone = |group: &RowGroup| group.iter().all(|row| row.mean_width() > 500.0) && group.len() == 2;
        assert!(groups.first().is_some_and(zone), "{groups:?}");
    }

    #[test]
    fn two_wide_lines_at_the_bottom_are_the_likeliest_zone() {
        let groups = row_groups(&boxes(&[
            (50.0, 20.0, 200.0, 15.0),
            (50.0, 40.0, 210.0, 15.0),
            (20.0, 300.0, 300.0, 18.0),
            (21.0, 330.0, 500.0, 18.0),
        ]));
        let bounds: Vec<Rect> = groups[0].iter().map(|row| row.bounds()).collect();
        assert_eq!(bounds, [Rect::new(20.0, 300.0, 501.0, 18.0), Rect::new(20.0, 330.0, 501.0, 18.0)]);
    }

    #[test]
    fn a_line_that_was_found_in_pieces_is_joined() {
        let groups =
            row_groups(&boxes(&[(20.0, 300.0, 200.0, 18.0), (260.0, 301.0, 240.0, 18.0), (20.0, 330.0, 480.0, 18.0)]));
        assert_eq!(groups[0].len(), 2);
        assert!((groups[0][0].mean_width() - 480.0).abs() < 2.0);
    }

    #[test]
    fn short_text_is_no_zone() {
        assert!(row_groups(&boxes(&[(20.0, 20.0, 50.0, 18.0), (20.0, 50.0, 60.0, 18.0)])).is_empty());
    }
}
