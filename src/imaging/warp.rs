//! Moving pixels: crops, resizing, letterboxing and warps.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x3};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

use super::geometry::{Point, Rect};
use super::raster::Image;
use super::transform::Homography;

/// A turn by whole quarters, clockwise in the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuarterTurns {
    /// As it is.
    None,
    /// 90 degrees clockwise.
    One,
    /// Upside down.
    Two,
    /// 90 degrees anticlockwise.
    Three,
}

impl QuarterTurns {
    /// All four.
    pub const ALL: [Self; 4] = [Self::None, Self::One, Self::Two, Self::Three];

    /// Where a point of the turned image lies in the image that was turned, whose size is given.
    #[must_use]
    pub fn to_original(self, point: Point, width: usize, height: usize) -> Point {
        let (width, height) = (width as f32, height as f32);
        match self {
            Self::None => point,
            Self::One => Point::new(point.y, height - point.x),
            Self::Two => Point::new(width - point.x, height - point.y),
            Self::Three => Point::new(width - point.y, point.x),
        }
    }
}

/// Turns an image by quarters without resampling.
#[must_use]
pub fn rotate_quarter<const C: usize>(image: &Image<C>, turns: QuarterTurns) -> Image<C> {
    let (w, h) = (image.width(), image.height());
    match turns {
        QuarterTurns::None => image.clone(),
        QuarterTurns::One => Image::from_fn(h, w, |x, y| image.pixel(y, h - 1 - x)),
        QuarterTurns::Two => Image::from_fn(w, h, |x, y| image.pixel(w - 1 - x, h - 1 - y)),
        QuarterTurns::Three => Image::from_fn(h, w, |x, y| image.pixel(w - 1 - y, x)),
    }
}

/// The part of an image inside `area`, clipped to the image; `None` when nothing of it lies inside.
#[must_use]
pub fn crop<const C: usize>(image: &Image<C>, area: Rect) -> Option<Image<C>> {
    let left = area.x.round().max(0.0) as usize;
    let top = area.y.round().max(0.0) as usize;
    let right = (area.right().round().max(0.0) as usize).min(image.width());
    let bottom = (area.bottom().round().max(0.0) as usize).min(image.height());
    if left >= right || top >= bottom {
        return None;
    }
    let mut data = Vec::with_capacity((right - left) * (bottom - top) * C);
    for y in top..bottom {
        data.extend_from_slice(&image.row(y)[left * C..right * C]);
    }
    Image::from_raw(right - left, bottom - top, data).ok()
}

/// Resizes by area averaging when it shrinks and by bilinear interpolation when it grows.
#[must_use]
pub fn resize<const C: usize>(image: &Image<C>, width: usize, height: usize) -> Image<C> {
    if (width, height) == (image.width(), image.height()) {
        return image.clone();
    }
    if width == 0 || height == 0 || image.data().is_empty() {
        return Image::filled(width, height, [0; C]);
    }
    let resized = match C {
        1 => resize_typed::<U8>(image.data(), image.width(), image.height(), width, height),
        3 => resize_typed::<U8x3>(image.data(), image.width(), image.height(), width, height),
        _ => None,
    };
    resized.and_then(|data| Image::from_raw(width, height, data).ok()).unwrap_or_else(|| nearest(image, width, height))
}

fn resize_typed<P: PixelTrait>(
    data: &[u8],
    width: usize,
    height: usize,
    to_width: usize,
    to_height: usize,
) -> Option<Vec<u8>> {
    let source = TypedImageRef::<P>::from_buffer(width as u32, height as u32, data).ok()?;
    let mut target = vec![0; to_width * to_height * size_of::<P>()];
    let mut view = TypedImage::<P>::from_buffer(to_width as u32, to_height as u32, &mut target).ok()?;
    // Bilinear convolution widens its support when it shrinks, so that nothing aliases.
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new().resize_typed(&source, &mut view, &options).ok()?;
    Some(target)
}

fn nearest<const C: usize>(image: &Image<C>, width: usize, height: usize) -> Image<C> {
    Image::from_fn(width, height, |x, y| image.pixel(x * image.width() / width, y * image.height() / height))
}

/// How an image was fitted into a frame: `fitted = original * scale + offset`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Letterbox {
    /// Scale from the original to the fitted picture.
    pub scale: f32,
    /// Where the original's top-left corner lies in the fitted picture.
    pub offset: Point,
}

impl Letterbox {
    /// From the fitted picture back to the original.
    #[must_use]
    pub fn to_original(self, point: Point) -> Point {
        (point - self.offset) * (1.0 / self.scale)
    }
}

/// Fits an image into `width` by `height` with its aspect kept, centred, the rest filled with `border`.
#[must_use]
pub fn letterbox<const C: usize>(
    image: &Image<C>,
    width: usize,
    height: usize,
    border: [u8; C],
) -> (Image<C>, Letterbox) {
    let scale = (width as f32 / image.width() as f32).min(height as f32 / image.height() as f32);
    let fit = |length: usize, limit: usize| ((length as f32 * scale).round() as usize).clamp(1, limit);
    let (fitted_width, fitted_height) = (fit(image.width(), width), fit(image.height(), height));
    let (left, top) = ((width - fitted_width) / 2, (height - fitted_height) / 2);
    let fitted = resize(image, fitted_width, fitted_height);
    let mut boxed = Image::filled(width, height, border);
    for y in 0..fitted_height {
        let start = ((top + y) * width + left) * C;
        boxed.data_mut()[start..start + fitted_width * C].copy_from_slice(fitted.row(y));
    }
    (boxed, Letterbox { scale, offset: Point::new(left as f32, top as f32) })
}

/// Computes each pixel of a new image by bilinear interpolation at the place `source_of` names for its centre; places
/// outside the image take `border`.
#[must_use]
pub fn warp<const C: usize>(
    image: &Image<C>,
    width: usize,
    height: usize,
    border: [u8; C],
    source_of: impl Fn(Point) -> Point,
) -> Image<C> {
    Image::from_fn(width, height, |x, y| {
        let source = source_of(Point::new(x as f32 + 0.5, y as f32 + 0.5));
        sample(image, source).unwrap_or(border)
    })
}

/// What [`warp`] does for a plane-to-plane map, in a fraction of the time: along a row only two sums grow.
#[must_use]
pub fn project<const C: usize>(
    image: &Image<C>,
    width: usize,
    height: usize,
    border: [u8; C],
    to_source: &Homography,
) -> Image<C> {
    let mut projected = Image::filled(width, height, border);
    let m = to_source.coefficients();
    let rows = projected.data_mut().chunks_exact_mut((width * C).max(1)).enumerate();
    // Over the whole picture the divisor changes by less than what moves a place by a hundredth of a pixel.
    let reach = (image.width() + image.height()) as f64;
    let has_no_perspective = (m[6].abs() * width as f64 + m[7].abs() * height as f64) * reach < 0.01 * m[8].abs();
    if has_no_perspective {
        let m = m.map(|value| value / m[8]);
        for (y, row) in rows {
            let v = y as f64 + 0.5;
            let step = [m[0], m[3]];
            // The place of the row's first pixel, whose centre is half a step in.
            let start = [m[1] * v + m[2] + 0.5 * m[0], m[4] * v + m[5] + 0.5 * m[3]];
            sample_along(image, row, start, step);
        }
        return projected;
    }
    let m = m.map(|value| value as f32);
    for (y, row) in rows {
        let v = y as f32 + 0.5;
        let start = [m[1] * v + m[2], m[4] * v + m[5], m[7] * v + m[8]];
        for (x, pixel) in row.chunks_exact_mut(C).enumerate() {
            let u = x as f32 + 0.5;
            let scale = 1.0 / (m[6] * u + start[2]);
            let at = Point::new((m[0] * u + start[0]) * scale, (m[3] * u + start[1]) * scale);
            if let Some(value) = sample(image, at) {
                pixel.copy_from_slice(&value);
            }
        }
    }
    projected
}

/// Fills a row of pixels from places that lie in equal steps on a line; those outside the image are left as they are.
fn sample_along<const C: usize>(image: &Image<C>, row: &mut [u8], start: [f64; 2], step: [f64; 2]) {
    let count = row.len() / C;
    let inside = steps_inside(start, step, [image.width(), image.height()], count);
    for (x, pixel) in row.chunks_exact_mut(C).enumerate() {
        if inside.contains(&x) {
            continue;
        }
        let at = Point::new((start[0] + step[0] * x as f64) as f32, (start[1] + step[1] * x as f64) as f32);
        if let Some(value) = sample(image, at) {
            pixel.copy_from_slice(&value);
        }
    }
    let (stride, data) = (image.width() * C, image.data());
    let fixed = |value: f64| (value * FIXED_ONE) as i64;
    let first = |axis: usize| fixed(start[axis] - 0.5 + step[axis] * inside.start as f64);
    let (mut x, mut y, across, down) = (first(0), first(1), fixed(step[0]), fixed(step[1]));
    for pixel in row[inside.start * C..inside.end * C].chunks_exact_mut(C) {
        let (fx, fy) = (parts_of_256(x), parts_of_256(y));
        let corner = (y >> FIXED_BITS) as usize * stride + (x >> FIXED_BITS) as usize * C;
        let (above, below) = (&data[corner..corner + 2 * C], &data[corner + stride..corner + stride + 2 * C]);
        for (channel, value) in pixel.iter_mut().enumerate() {
            let [a, b] = [above[channel], above[C + channel]].map(u32::from);
            let [c, d] = [below[channel], below[C + channel]].map(u32::from);
            // At most 255 times 2^16, and half of that for rounding.
            let upper = a.wrapping_mul(256_u32.wrapping_sub(fx)).wrapping_add(b.wrapping_mul(fx));
            let lower = c.wrapping_mul(256_u32.wrapping_sub(fx)).wrapping_add(d.wrapping_mul(fx));
            let sum = upper.wrapping_mul(256_u32.wrapping_sub(fy)).wrapping_add(lower.wrapping_mul(fy));
            *value = (sum.wrapping_add(1 << 15) >> 16) as u8;
        }
        (x, y) = (x.wrapping_add(across), y.wrapping_add(down));
    }
}

/// Places are counted in parts of a pixel of which there are 2 to this power: over a thousand steps nothing adds up.
const FIXED_BITS: u32 = 32;
const FIXED_ONE: f64 = (1_u64 << FIXED_BITS) as f64;

/// How far a place lies beyond its pixel, in 256ths.
fn parts_of_256(fixed: i64) -> u32 {
    (fixed >> (FIXED_BITS - 8)) as u32 & 0xff
}

/// The steps along a line, of `count`, at which all four neighbours of a place lie in an image of this size: one range, as
/// the image is convex.
fn steps_inside(start: [f64; 2], step: [f64; 2], size: [usize; 2], count: usize) -> std::ops::Range<usize> {
    // A hundredth of a pixel is kept from the edge, more than rounding moves a place.
    const KEPT: f64 = 0.01;
    let (mut from, mut to) = (0.0_f64, count as f64);
    for axis in 0..2 {
        let (low, high) = (0.5 + KEPT - start[axis], size[axis] as f64 - 0.5 - KEPT - start[axis]);
        if step[axis].abs() < f64::EPSILON {
            if low > 0.0 || high < 0.0 {
                return 0..0;
            }
            continue;
        }
        let (a, b) = (low / step[axis], high / step[axis]);
        (from, to) = (from.max(a.min(b).ceil()), to.min(a.max(b).floor()));
    }
    // `to` and `from` are NaN only where the map is, which has no place inside.
    if to > from { from as usize..to as usize } else { 0..0 }
}

/// The bilinear value at a place; `None` outside the image. Within half a pixel of the edge the edge pixel is repeated.
#[inline]
fn sample<const C: usize>(image: &Image<C>, at: Point) -> Option<[u8; C]> {
    let (w, h) = (image.width() as f32, image.height() as f32);
    if at.x >= 0.5 && at.y >= 0.5 && at.x < w - 0.5 && at.y < h - 0.5 {
        // All four neighbours are there: nearly every pixel comes this way.
        let (x, y) = (at.x - 0.5, at.y - 0.5);
        let (left, top) = (x as usize, y as usize);
        let (fx, fy) = (x - left as f32, y - top as f32);
        let start = (top * image.width() + left) * C;
        let (above, below) = (&image.data()[start..][..2 * C], &image.data()[start + image.width() * C..][..2 * C]);
        let mut value = [0; C];
        for (channel, value) in value.iter_mut().enumerate() {
            let [a, b] = [above[channel], above[C + channel]].map(f32::from);
            let [c, d] = [below[channel], below[C + channel]].map(f32::from);
            *value = mixed([a, b, c, d], fx, fy);
        }
        return Some(value);
    }
    if !(at.x >= 0.0 && at.y >= 0.0 && at.x <= w && at.y <= h) || image.data().is_empty() {
        return None;
    }
    let (x, y) = ((at.x - 0.5).clamp(0.0, w - 1.0), (at.y - 0.5).clamp(0.0, h - 1.0));
    let (left, top) = (x as usize, y as usize);
    let (right, bottom) = ((left + 1).min(image.width() - 1), (top + 1).min(image.height() - 1));
    let (fx, fy) = (x - left as f32, y - top as f32);
    let corners =
        [image.pixel(left, top), image.pixel(right, top), image.pixel(left, bottom), image.pixel(right, bottom)];
    Some(std::array::from_fn(|channel| mixed(corners.map(|pixel| f32::from(pixel[channel])), fx, fy)))
}

/// The value between four, the upper two first.
fn mixed([a, b, c, d]: [f32; 4], fx: f32, fy: f32) -> u8 {
    let upper = a + (b - a) * fx;
    let lower = c + (d - c) * fx;
    (upper + (lower - upper) * fy + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::super::geometry::Quad;
    use super::super::raster::Gray;
    use super::super::transform::Similarity;
    use super::*;

    fn ramp() -> Gray {
        Gray::from_fn(7, 5, |x, y| [(x * 20 + y * 3) as u8])
    }

    #[test]
    fn warping_by_nothing_changes_nothing() {
        assert_eq!(warp(&ramp(), 7, 5, [0], |p| p), ramp());
    }

    #[test]
    fn projecting_is_warping_by_the_same_map() {
        let corners = |points: [(f32, f32); 4]| Quad(points.map(|(x, y)| Point::new(x, y)));
        let from = corners([(0.0, 0.0), (9.0, 0.0), (9.0, 6.0), (0.0, 6.0)]);
        let map = Homography::between(from, corners([(1.0, 0.5), (6.5, 1.0), (6.0, 4.0), (-1.0, 4.5)])).unwrap();
        assert_eq!(project(&ramp(), 9, 6, [1], &map), warp(&ramp(), 9, 6, [1], |p| map.apply(p)));
    }

    #[test]
    fn projecting_without_perspective_is_warping_to_a_level() {
        let picture = Gray::from_fn(90, 60, |x, y| [((x * 37 + y * 91 + x * y) % 251) as u8]);
        for degrees in [0.0, 0.01, 7.0, 45.0, 90.0, 133.0, 180.0] {
            let turn = Similarity::about(Point::new(40.0, 30.0), degrees, 1.3, Point::new(45.0, 33.0));
            let from = Quad::from_rect(Rect::new(0.0, 0.0, 100.0, 80.0));
            let map = Homography::between(from, Quad(from.0.map(|corner| turn.apply(corner)))).unwrap();
            let (fast, slow) = (project(&picture, 100, 80, [1], &map), warp(&picture, 100, 80, [1], |p| turn.apply(p)));
            let apart = fast.data().iter().zip(slow.data()).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(apart <= Some(2), "{degrees} degrees: {apart:?}");
        }
    }

    #[test]
    fn four_quarter_turns_come_back() {
        let turned = (0..4).fold(ramp(), |image, _| rotate_quarter(&image, QuarterTurns::One));
        assert_eq!(turned, ramp());
        assert_eq!(rotate_quarter(&rotate_quarter(&ramp(), QuarterTurns::One), QuarterTurns::Three), ramp());
    }

    #[test]
    fn a_point_of_a_turned_image_finds_its_way_back() {
        for turns in QuarterTurns::ALL {
            let turned = rotate_quarter(&ramp(), turns);
            for (x, y) in [(0, 0), (3, 1), (4, 4)] {
                let back = turns.to_original(Point::new(x as f32 + 0.5, y as f32 + 0.5), 7, 5);
                assert_eq!(turned.pixel(x, y), ramp().pixel(back.x as usize, back.y as usize), "{turns:?}");
            }
        }
    }

    #[test]
    fn a_crop_outside_the_image_is_none() {
        assert!(crop(&ramp(), Rect::new(10.0, 0.0, 4.0, 4.0)).is_none());
        assert_eq!(crop(&ramp(), Rect::new(-3.0, -3.0, 5.0, 5.0)).map(|c| (c.width(), c.height())), Some((2, 2)));
    }

    #[test]
    fn a_letterboxed_point_finds_its_way_back() {
        let (boxed, fit) = letterbox(&Gray::filled(100, 50, [9]), 64, 64, [0]);
        assert_eq!((boxed.width(), boxed.height()), (64, 64));
        assert!(fit.to_original(Point::new(0.0, 16.0)).distance(Point::new(0.0, 0.0)) < 0.01);
        assert_eq!((boxed.pixel(5, 2), boxed.pixel(5, 30)), ([0], [9]));
    }
}
