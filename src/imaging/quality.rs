//! Cheap measures of how good a picture is, for hints to the person and for choosing frames.
//!
//! Always holds: at most about [`MAX_SAMPLES`] pixels are looked at however large the picture is, and every measure has a
//! stated range. Does not set thresholds: what is good enough depends on what the picture is for.

use super::geometry::Rect;
use super::raster::Gray;
use super::warp::resize;

/// Pixels that a measure looks at, at most.
pub const MAX_SAMPLES: usize = 120_000;
/// Brightness up to which a pixel counts as lost in the dark.
pub const DARK: u8 = 8;
/// Brightness from which a pixel counts as blown out.
pub const BRIGHT: u8 = 250;
/// Size to which pictures are reduced for [`motion`].
const MOTION_SIZE: (usize, usize) = (64, 48);

/// How sharp a picture is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Focus {
    /// Variance of the Laplacian over the variance of the brightness: 0 for a flat picture, below about 0.02 when it is
    /// blurred, up to 20 for noise. Does not change with exposure or contrast (Pech-Pacheco et al. 2000, normalised).
    pub sharpness: f32,
    /// Root of the mean squared gradient in grey levels a pixel, 0…181: tells a blurred picture from an empty one.
    pub gradient: f32,
}

/// How a picture is lit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exposure {
    /// Mean brightness, 0 (black) to 1 (white).
    pub mean: f32,
    /// Share (0…1) of pixels of at most [`DARK`].
    pub dark_share: f32,
    /// Share (0…1) of pixels of at least [`BRIGHT`].
    pub bright_share: f32,
}

/// Reflections within a region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Glare {
    /// Share (0…1) of the region's pixels that are blown out.
    pub share: f32,
    /// Share (0…1) of the region that the largest connected patch of them covers.
    pub largest_share: f32,
}

/// The distance between looked-at pixels that keeps to [`MAX_SAMPLES`].
fn stride(width: usize, height: usize) -> usize {
    let mut stride = 1;
    while width.div_ceil(stride) * height.div_ceil(stride) > MAX_SAMPLES {
        stride += 1;
    }
    stride
}

/// Measures sharpness by the brightness of pixels and their direct neighbours.
#[must_use]
pub fn focus(picture: &Gray) -> Focus {
    let (width, height) = (picture.width(), picture.height());
    let (mut laplacian, mut brightness, mut gradient) = (Moments::default(), Moments::default(), 0.0);
    if width > 2 && height > 2 {
        let stride = stride(width, height);
        for y in (1..height - 1).step_by(stride) {
            let [above, row, below] = [y - 1, y, y + 1].map(|y| picture.row(y));
            for x in (1..width - 1).step_by(stride) {
                let [up, left, here, right, down] = [above[x], row[x - 1], row[x], row[x + 1], below[x]].map(f64::from);
                laplacian.add(up + left + right + down - 4.0 * here);
                brightness.add(here);
                gradient += ((right - left) / 2.0).powi(2) + ((down - up) / 2.0).powi(2);
            }
        }
    }
    // One squared grey level keeps the rounding of a flat picture from looking sharp.
    let sharpness = laplacian.variance() / (brightness.variance() + 1.0);
    Focus { sharpness: sharpness as f32, gradient: (gradient / brightness.count.max(1.0)).sqrt() as f32 }
}

#[derive(Default)]
struct Moments {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        self.sum += value;
        self.squares += value * value;
    }

    fn variance(&self) -> f64 {
        let count = self.count.max(1.0);
        (self.squares / count - (self.sum / count).powi(2)).max(0.0)
    }
}

/// Measures the exposure of a whole picture; an empty one is black.
#[must_use]
pub fn exposure(picture: &Gray) -> Exposure {
    let stride = stride(picture.width(), picture.height());
    let (mut count, mut sum, mut dark, mut bright) = (0_u32, 0_u64, 0_u32, 0_u32);
    for y in (0..picture.height()).step_by(stride) {
        for &value in picture.row(y).iter().step_by(stride) {
            count += 1;
            sum += u64::from(value);
            dark += u32::from(value <= DARK);
            bright += u32::from(value >= BRIGHT);
        }
    }
    let count = count.max(1) as f32;
    Exposure { mean: sum as f32 / count / 255.0, dark_share: dark as f32 / count, bright_share: bright as f32 / count }
}

/// Measures blown-out patches within `region`, clipped to the picture; none where nothing of it lies inside.
#[must_use]
pub fn glare(picture: &Gray, region: Rect) -> Glare {
    let clip = |value: f32, limit: usize| (value.max(0.0) as usize).min(limit);
    let (left, right) = (clip(region.x, picture.width()), clip(region.right(), picture.width()));
    let (top, bottom) = (clip(region.y, picture.height()), clip(region.bottom(), picture.height()));
    if left >= right || top >= bottom {
        return Glare { share: 0.0, largest_share: 0.0 };
    }
    let stride = stride(right - left, bottom - top);
    let columns = (right - left).div_ceil(stride);
    let mut blown: Vec<bool> = (top..bottom)
        .step_by(stride)
        .flat_map(|y| picture.row(y)[left..right].iter().step_by(stride).map(|&value| value >= BRIGHT))
        .collect();
    let total = blown.len() as f32;
    let share = blown.iter().filter(|&&one| one).count() as f32 / total;
    Glare { share, largest_share: largest_patch(&mut blown, columns) as f32 / total }
}

/// Size of the largest patch of neighbours; empties the mask.
fn largest_patch(mask: &mut [bool], columns: usize) -> usize {
    let (mut largest, mut stack) = (0, Vec::new());
    for start in 0..mask.len() {
        if !std::mem::take(&mut mask[start]) {
            continue;
        }
        stack.push(start);
        let mut size = 0;
        while let Some(at) = stack.pop() {
            size += 1;
            let x = at % columns;
            let near = [
                (x > 0).then(|| at - 1),
                (x + 1 < columns).then_some(at + 1),
                at.checked_sub(columns),
                Some(at + columns).filter(|&below| below < mask.len()),
            ];
            stack.extend(near.into_iter().flatten().filter(|&next| std::mem::take(&mut mask[next])));
        }
        largest = largest.max(size);
    }
    largest
}

/// Mean change of brightness between two frames at low resolution, 0 (none) to 1 (black to white); `None` when their
/// shapes differ or there is nothing in them.
#[must_use]
pub fn motion(before: &Gray, after: &Gray) -> Option<f32> {
    if (before.width(), before.height()) != (after.width(), after.height()) || before.data().is_empty() {
        return None;
    }
    let [before, after] = [before, after].map(|frame| resize(frame, MOTION_SIZE.0, MOTION_SIZE.1));
    let change: u32 = before.data().iter().zip(after.data()).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum();
    Some(change as f32 / (before.data().len() as f32 * 255.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripes(width: usize) -> Gray {
        Gray::from_fn(1280, 720, |x, _| [if (x / width).is_multiple_of(2) { 60 } else { 190 }])
    }

    fn softened(picture: &Gray, factor: usize) -> Gray {
        resize(&resize(picture, 1280 / factor, 720 / factor), 1280, 720)
    }

    #[test]
    fn a_blurred_picture_is_less_sharp_than_the_same_in_focus() {
        let sharp = stripes(20);
        let blurred = softened(&sharp, 8);
        assert!(focus(&sharp).sharpness > 5.0 * focus(&blurred).sharpness);
        assert!(focus(&blurred).gradient > 1.0);
    }

    #[test]
    fn sharpness_does_not_change_with_contrast() {
        let strong = stripes(20);
        let weak = Gray::from_fn(1280, 720, |x, y| [100 + strong.pixel(x, y)[0] / 4]);
        let (strong, weak) = (focus(&strong).sharpness, focus(&weak).sharpness);
        assert!((strong / weak - 1.0).abs() < 0.05, "{strong} {weak}");
    }

    #[test]
    fn a_flat_picture_has_no_sharpness() {
        let flat = focus(&Gray::filled(640, 480, [120]));
        assert!(flat.sharpness.abs() < 1e-6 && flat.gradient.abs() < 1e-6);
    }

    #[test]
    fn clipped_shares_are_counted() {
        let picture = Gray::from_fn(1000, 600, |x, _| {
            [if x < 250 {
                0
            } else if x < 500 {
                255
            } else {
                128
            }]
        });
        let lit = exposure(&picture);
        assert!((lit.dark_share - 0.25).abs() < 0.01 && (lit.bright_share - 0.25).abs() < 0.01, "{lit:?}");
        assert!((lit.mean - 0.5).abs() < 0.01);
    }

    #[test]
    fn the_largest_reflection_is_told_from_scattered_ones() {
        let picture = Gray::from_fn(400, 200, |x, y| {
            let patch = (100..140).contains(&x) && (50..90).contains(&y);
            [if patch || (x % 20 == 0 && y % 20 == 0) { 255 } else { 100 }]
        });
        let found = glare(&picture, Rect::new(0.0, 0.0, 400.0, 200.0));
        assert!((found.largest_share - 0.02).abs() < 0.003, "{found:?}");
        assert!(found.share > found.largest_share);
        let aside = glare(&picture, Rect::new(200.5, 101.0, 15.0, 15.0));
        assert!(aside.share.abs() < 1e-6, "{aside:?}");
    }

    #[test]
    fn a_region_outside_has_no_glare() {
        assert!(glare(&Gray::filled(10, 10, [255]), Rect::new(50.0, 0.0, 10.0, 10.0)).share.abs() < 1e-6);
    }

    #[test]
    fn a_moved_picture_differs_and_the_same_one_does_not() {
        let still = stripes(160);
        let moved = Gray::from_fn(1280, 720, |x, y| still.pixel((x + 80) % 1280, y));
        assert!(motion(&still, &still).unwrap().abs() < 1e-6);
        assert!(motion(&still, &moved).unwrap() > 0.1);
        assert_eq!(motion(&still, &Gray::filled(10, 10, [0])), None);
    }

    #[test]
    fn tiny_pictures_are_measured_too() {
        for (width, height) in [(0, 0), (1, 1), (2, 2), (1, 5000)] {
            let picture = Gray::filled(width, height, [255]);
            assert!(focus(&picture).sharpness.abs() < 1e-6);
            assert!(exposure(&picture).mean >= 0.0);
            assert!(glare(&picture, Rect::new(0.0, 0.0, 9e9, 9e9)).share >= 0.0);
        }
    }
}
