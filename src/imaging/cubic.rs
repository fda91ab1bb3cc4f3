//! Enlarging by a smooth curve through the pixels instead of straight lines between them.
//!
//! For pictures whose pixels are few, such as a small portrait: straight lines lose what little detail there is. Not for
//! shrinking, which would skip pixels.

use super::geometry::Point;
use super::raster::Image;

/// How far a sample reaches to each side of its place, in pixels.
const REACH: isize = 2;

/// What [`super::warp`] does, by Catmull and Rom's curve (1974) instead of bilinear interpolation; pixels beyond the edge are
/// the edge's, and places outside the image take `border`.
#[must_use]
pub fn warp_smooth<const C: usize>(
    image: &Image<C>,
    width: usize,
    height: usize,
    border: [u8; C],
    source_of: impl Fn(Point) -> Point,
) -> Image<C> {
    let inside = |p: &Point| (0.0..image.width() as f32).contains(&p.x) && (0.0..image.height() as f32).contains(&p.y);
    Image::from_fn(width, height, |x, y| {
        let source = source_of(Point::new(x as f32 + 0.5, y as f32 + 0.5));
        if inside(&source) { sample(image, source) } else { border }
    })
}

fn sample<const C: usize>(image: &Image<C>, at: Point) -> [u8; C] {
    let (x, y) = (at.x - 0.5, at.y - 0.5);
    let (left, top) = (x.floor() as isize, y.floor() as isize);
    let (across, down) = (weights(x - x.floor()), weights(y - y.floor()));
    let within = |place: isize, length: usize| place.clamp(0, length as isize - 1) as usize;
    let mut sums = [0.0; C];
    for (j, vertical) in (1 - REACH..).zip(down) {
        for (i, horizontal) in (1 - REACH..).zip(across) {
            let pixel = image.pixel(within(left + i, image.width()), within(top + j, image.height()));
            for (sum, value) in sums.iter_mut().zip(pixel) {
                *sum += vertical * horizontal * f32::from(value);
            }
        }
    }
    sums.map(|sum| (sum + 0.5) as u8)
}

/// Shares of the four pixels around a place that lies `t` beyond the second of them.
fn weights(t: f32) -> [f32; 4] {
    let (t2, t3) = (t * t, t * t * t);
    [-0.5 * t + t2 - 0.5 * t3, 1.0 - 2.5 * t2 + 1.5 * t3, 0.5 * t + 2.0 * t2 - 1.5 * t3, -0.5 * t2 + 0.5 * t3]
}

#[cfg(test)]
mod tests {
    use super::super::raster::Gray;
    use super::super::warp::warp;
    use super::*;

    #[test]
    fn warping_by_nothing_changes_nothing() {
        let ramp = Gray::from_fn(7, 5, |x, y| [(x * 20 + y * 3) as u8]);
        assert_eq!(warp_smooth(&ramp, 7, 5, [0], |p| p), ramp);
    }

    #[test]
    fn a_wave_is_enlarged_with_less_error_than_by_straight_lines() {
        let wave = |x: f32| 128.0 + 100.0 * (x * 1.1).sin();
        let few = Gray::from_fn(20, 4, |x, _| [wave(x as f32 + 0.5) as u8]);
        let error = |many: &Gray| -> f32 {
            let off = |x: usize| (f32::from(many.pixel(x, 6)[0]) - wave((x as f32 + 0.5) / 3.0)).abs();
            (9..51).map(off).sum()
        };
        let back = |p: Point| Point::new(p.x / 3.0, p.y / 3.0);
        assert!(error(&warp_smooth(&few, 60, 12, [0], back)) < 0.6 * error(&warp(&few, 60, 12, [0], back)));
    }

    #[test]
    fn a_place_outside_takes_the_border() {
        let white = Gray::filled(4, 4, [255]);
        assert_eq!(warp_smooth(&white, 2, 1, [9], |p| Point::new(p.x * 10.0 - 20.0, p.y)).data(), [9, 9]);
    }
}
