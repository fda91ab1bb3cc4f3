//! Which line stands to the left of, or above, a place on the front: that is where its label is.

use crate::document::read_text::TextLine;
use crate::imaging::Rect;

/// A label stands at most this far to the left of its value, in heights of the value.
const MAX_LEFT_GAP: f32 = 5.0;
/// A label stands at most this far above its value, in heights of the value.
const MAX_ABOVE_GAP: f32 = 1.2;

/// The part of a line's box that some of its characters take up, as if all were equally wide.
pub(super) fn part_of(line: &TextLine, characters: std::ops::Range<usize>) -> Rect {
    let count = line.text.reveal().chars().count().max(1) as f32;
    let step = line.bounds.width / count;
    let width = step * characters.len() as f32;
    Rect::new(line.bounds.x + step * characters.start as f32, line.bounds.y, width, line.bounds.height)
}

/// The nearest line that ends to the left of a box, on its row.
pub(super) fn left_of(lines: &[TextLine], value: Rect) -> Option<&TextLine> {
    let gap = |line: &TextLine| value.x - line.bounds.right();
    let on_row = |line: &&TextLine| {
        let common = line.bounds.bottom().min(value.bottom()) - line.bounds.y.max(value.y);
        common > 0.4 * line.bounds.height.min(value.height)
            && (-0.7 * value.height..MAX_LEFT_GAP * value.height).contains(&gap(line))
            && line.bounds.x < value.x
            && line.text.reveal().chars().count() > 1
    };
    lines.iter().filter(on_row).min_by(|a, b| gap(a).total_cmp(&gap(b)))
}

/// The nearest line above a box that begins about where the box does, or covers it.
pub(super) fn above(lines: &[TextLine], value: Rect) -> Option<&TextLine> {
    let gap = |line: &TextLine| value.y - line.bounds.bottom();
    let over = |line: &&TextLine| {
        let common = line.bounds.right().min(value.right()) - line.bounds.x.max(value.x);
        common > 0.3 * line.bounds.width.min(value.width)
            && (-0.5 * value.height..MAX_ABOVE_GAP * value.height).contains(&gap(line))
            && line.bounds.centre().y < value.y
            && line.text.reveal().chars().count() > 1
    };
    lines.iter().filter(over).min_by(|a, b| gap(a).total_cmp(&gap(b)))
}
