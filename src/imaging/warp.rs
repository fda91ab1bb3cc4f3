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
    let m = to_source.coefficients().map(|value| value as f32);
    let mut projected = Image::filled(width, height, border);
    for (y, row) in projected.data_mut().chunks_exact_mut((width * C).max(1)).enumerate() {
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
