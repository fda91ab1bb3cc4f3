//! Paints over what was read, so that the next search finds something else.

use crate::imaging::{Gray, Point, Quad};

/// Fills a convex outline, `grow` times as large about its middle, with white.
pub fn erase(picture: &mut Gray, outline: Quad, grow: f32) {
    let middle = outline.bounds().centre();
    let corners = outline.0.map(|corner| middle + (corner - middle) * grow);
    let (width, height) = (picture.width(), picture.height());
    let (top, bottom) = corners.iter().fold((f32::MAX, f32::MIN), |(top, bottom), p| (top.min(p.y), bottom.max(p.y)));
    let rows = top.max(0.0) as usize..(bottom.max(0.0).ceil() as usize).min(height);
    for y in rows {
        let Some((left, right)) = span(corners, y as f32 + 0.5) else { continue };
        let left = (left.max(0.0) as usize).min(width);
        let right = (right.max(0.0).ceil() as usize).min(width);
        picture.data_mut()[y * width + left..y * width + right.max(left)].fill(255);
    }
}

/// Where a row crosses the outline first and last.
fn span(corners: [Point; 4], y: f32) -> Option<(f32, f32)> {
    let crossings = (0..4).filter_map(|k| {
        let (a, b) = (corners[k], corners[(k + 1) % 4]);
        let share = (y - a.y) / (b.y - a.y);
        (0.0..=1.0).contains(&share).then_some(a.x + (b.x - a.x) * share)
    });
    crossings.fold(None, |span, x| Some(span.map_or((x, x), |(left, right): (f32, f32)| (left.min(x), right.max(x)))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::Rect;

    #[test]
    fn only_the_outline_is_painted_over() {
        let mut picture = Gray::filled(20, 10, [0]);
        erase(&mut picture, Quad::from_rect(Rect::new(5.0, 2.0, 10.0, 4.0)), 1.0);
        assert_eq!(picture.data().iter().map(|&value| usize::from(value / 255)).sum::<usize>(), 40);
        assert_eq!((picture.pixel(5, 2), picture.pixel(4, 2), picture.pixel(14, 5)), ([255], [0], [255]));
    }

    #[test]
    fn an_outline_outside_the_picture_changes_nothing() {
        let mut picture = Gray::filled(20, 10, [0]);
        erase(&mut picture, Quad::from_rect(Rect::new(-50.0, -50.0, 10.0, 4.0)), 2.0);
        erase(&mut picture, Quad([Point::new(f32::NAN, 0.0); 4]), 1.0);
        assert!(picture.data().iter().all(|&value| value == 0));
    }
}
