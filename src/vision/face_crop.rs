//! Upright square crops around a face, without aliasing.

use crate::imaging::{Point, Point3, Rect, Rgb, Similarity, crop, resize, warp, warp_smooth};

/// Outer corners of the right and left eye.
const EYE_CORNERS: [usize; 2] = [33, 263];

/// Where to look for a face: an upright square turned by `degrees` clockwise.
#[derive(Debug, Clone, Copy)]
pub(super) struct FaceRegion {
    pub centre: Point,
    pub side: f32,
    pub degrees: f32,
}

impl FaceRegion {
    /// The square around a box that is `factor` times as wide, with the eyes level.
    pub fn around(bounds: Rect, right_eye: Point, left_eye: Point, factor: f32) -> Self {
        let line = left_eye - right_eye;
        Self {
            centre: bounds.centre(),
            side: bounds.width.max(bounds.height) * factor,
            degrees: line.y.atan2(line.x).to_degrees(),
        }
    }

    /// The same around the landmarks of the face mesh.
    pub fn of_landmarks(landmarks: &[Point3; 468], factor: f32) -> Self {
        let [right_eye, left_eye] = EYE_CORNERS.map(|k| landmarks[k].xy());
        Self::around(Rect::around(landmarks.iter().map(|p| p.xy())), right_eye, left_eye, factor)
    }

    /// The map of the picture to a crop of `side` pixels.
    pub fn to_crop(self, side: usize) -> Similarity {
        let middle = side as f32 / 2.0;
        Similarity::about(self.centre, -self.degrees, side as f32 / self.side, Point::new(middle, middle))
    }
}

/// Shrinking by more than this in one bilinear step would skip pixels.
const LEAST_SCALE: f32 = 0.6;

/// What [`square_crop`] gives, but a face of few pixels is enlarged smoothly.
pub(super) fn smooth_square_crop(picture: &Rgb, to_crop: &Similarity, side: usize) -> Option<Rgb> {
    if to_crop.cos.hypot(to_crop.sin) <= 1.0 {
        return square_crop(picture, to_crop, side);
    }
    let back = to_crop.inverse()?;
    Some(warp_smooth(picture, side, side, [0; 3], |p| back.apply(p)))
}

/// The `side` by `side` pixels that `to_crop` makes of the picture; black where it reaches outside.
///
/// `None` when the map cannot be undone or nothing of the picture lies inside the crop.
pub(super) fn square_crop(picture: &Rgb, to_crop: &Similarity, side: usize) -> Option<Rgb> {
    let back = to_crop.inverse()?;
    let scale = to_crop.cos.hypot(to_crop.sin);
    if scale >= LEAST_SCALE {
        return Some(warp(picture, side, side, [0; 3], |p| back.apply(p)));
    }
    // Area-average the part that is needed down to about the crop's own resolution first.
    let length = side as f32;
    let corners = [(0.0, 0.0), (length, 0.0), (length, length), (0.0, length)];
    let reach = Rect::around(corners.map(|(x, y)| back.apply(Point::new(x, y))));
    // Two pixels of the result more on each side, so that the averaging is not cut off at the crop's own edge.
    let margin = 2.0 / scale;
    let (left, top) = ((reach.x - margin).floor().max(0.0), (reach.y - margin).floor().max(0.0));
    let area = Rect::new(left, top, (reach.right() + margin).ceil() - left, (reach.bottom() + margin).ceil() - top);
    let part = crop(picture, area)?;
    let fit = |length: usize| ((length as f32 * scale).round() as usize).max(1);
    let small = resize(&part, fit(part.width()), fit(part.height()));
    let (kx, ky) = (small.width() as f32 / part.width() as f32, small.height() as f32 / part.height() as f32);
    Some(warp(&small, side, side, [0; 3], |p| {
        let source = back.apply(p);
        Point::new((source.x - left) * kx, (source.y - top) * ky)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilted_face_is_upright_in_its_crop() {
        let (right_eye, left_eye) = (Point::new(100.0, 100.0), Point::new(150.0, 130.0));
        let region = FaceRegion::around(Rect::new(80.0, 80.0, 90.0, 90.0), right_eye, left_eye, 1.5);
        let to_crop = region.to_crop(192);
        assert!((to_crop.apply(right_eye).y - to_crop.apply(left_eye).y).abs() < 0.01);
        assert!(to_crop.apply(region.centre).distance(Point::new(96.0, 96.0)) < 0.01);
    }

    #[test]
    fn a_shrunk_crop_shows_the_mean_of_what_it_covers() {
        let stripes = Rgb::from_fn(400, 400, |x, _| [if x % 2 == 0 { 0 } else { 255 }; 3]);
        let to_crop = Similarity::about(Point::new(200.0, 200.0), 0.0, 0.2, Point::new(20.0, 20.0));
        let shrunk = square_crop(&stripes, &to_crop, 40).unwrap();
        assert!(shrunk.data().iter().all(|&v| (118..=138).contains(&v)));
    }

    #[test]
    fn a_crop_beside_the_picture_is_none_or_black() {
        let white = Rgb::filled(50, 50, [255; 3]);
        for scale in [0.1, 1.0] {
            let beside = Similarity::about(Point::new(5000.0, 5000.0), 10.0, scale, Point::new(8.0, 8.0));
            assert!(square_crop(&white, &beside, 16).is_none_or(|c| c.data().iter().all(|&v| v == 0)));
        }
    }
}
