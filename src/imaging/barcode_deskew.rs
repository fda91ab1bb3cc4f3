//! Lays a region of bars level, at a scale at which its narrowest bars span some pixels.
//!
//! Always holds: the result is never larger than [`MAX_WIDTH`] by [`MAX_HEIGHT`] pixels, and a point of it can be taken
//! back to the picture. Does not sharpen: what the picture does not hold is not made up.

use super::geometry::{Point, Quad, Rect};
use super::raster::Gray;
use super::transform::Homography;
use super::warp::{QuarterTurns, project, rotate_quarter};

/// Widest level picture, in pixels.
pub const MAX_WIDTH: usize = 2400;
/// Highest level picture, in pixels.
pub const MAX_HEIGHT: usize = 1600;

/// A level view of a part of a picture.
#[derive(Debug, Clone)]
pub struct Deskewed {
    /// The level view.
    pub image: Gray,
    /// From its pixels to those of the picture.
    pub to_picture: Homography,
}

impl Deskewed {
    /// The same view upside down.
    #[must_use]
    pub fn turned(&self) -> Option<Self> {
        let whole = Rect::new(0.0, 0.0, self.image.width() as f32, self.image.height() as f32);
        let [a, b, c, d] = Quad::from_rect(whole).0;
        let turn = Homography::between(Quad([a, b, c, d]), Quad([c, d, a, b]))?;
        let image = rotate_quarter(&self.image, QuarterTurns::Two);
        Some(Self { image, to_picture: turn.then(&self.to_picture) })
    }

    /// Where a corner of the level view lies in the picture.
    #[must_use]
    pub fn corner_in_picture(&self, point: Point) -> Point {
        self.to_picture.apply(point)
    }
}

/// Lays `outline` level, `across` times as large along its top edge and `down` times along its sides, both reduced where
/// the result would get too large. Outside the picture it is white, as a quiet zone is. `None` for a degenerate outline.
#[must_use]
pub fn deskew(picture: &Gray, outline: Quad, across: f32, down: f32) -> Option<Deskewed> {
    let (width, height) = (outline.mean_width() * across, outline.mean_height() * down);
    if !(width >= 1.0 && height >= 1.0) {
        return None;
    }
    let (width, height) = ((width as usize).min(MAX_WIDTH), (height as usize).min(MAX_HEIGHT));
    let level = Quad::from_rect(Rect::new(0.0, 0.0, width as f32, height as f32));
    let to_picture = Homography::between(level, outline)?;
    Some(Deskewed { image: project(picture, width, height, [255], &to_picture), to_picture })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> Gray {
        Gray::from_fn(60, 40, |x, y| [(x * 3 + y) as u8])
    }

    #[test]
    fn a_turned_view_leads_back_to_the_same_pixels() {
        let level = deskew(&ramp(), Quad::from_rect(Rect::new(10.0, 10.0, 20.0, 10.0)), 2.0, 2.0).unwrap();
        let turned = level.turned().unwrap();
        let back = turned.corner_in_picture(Point::new(0.0, 0.0));
        assert!(back.distance(Point::new(30.0, 20.0)) < 1e-3, "{back:?}");
        assert_eq!(turned.image.pixel(0, 0), level.image.pixel(39, 19));
    }

    #[test]
    fn a_level_view_is_bounded() {
        let level = deskew(&ramp(), Quad::from_rect(Rect::new(0.0, 0.0, 60.0, 40.0)), 1e6, 1e6).unwrap();
        assert_eq!((level.image.width(), level.image.height()), (MAX_WIDTH, MAX_HEIGHT));
    }

    #[test]
    fn an_outline_without_area_gives_nothing() {
        assert!(deskew(&ramp(), Quad([Point::new(5.0, 5.0); 4]), 2.0, 2.0).is_none());
        assert!(deskew(&ramp(), Quad([Point::new(f32::NAN, 5.0); 4]), 2.0, 2.0).is_none());
    }
}
