//! Colours of surfaces: a portrait or a sheet with the parts that it does not show filled in.

use crate::imaging::Rgb;

/// A picture with a cover per pixel; sampled in its own pixels.
#[derive(Debug)]
pub struct Texture {
    width: usize,
    height: usize,
    /// Red, green, blue and cover.
    pixels: Vec<[u8; 4]>,
}

impl Texture {
    /// A picture that covers everything.
    pub fn opaque(image: &Rgb) -> Self {
        Self::new(image, |_, _| 1.0)
    }

    /// A picture with a cover of 0…1 asked with the pixel's column and row; from a half it hides what is behind.
    pub fn new(image: &Rgb, cover: impl Fn(usize, usize) -> f32) -> Self {
        let (width, height) = (image.width(), image.height());
        let at = |k: usize| {
            let [r, g, b] = image.pixel(k % width, k / width);
            [r, g, b, (cover(k % width, k / width).clamp(0.0, 1.0) * 255.0) as u8]
        };
        Self { width, height, pixels: (0..width * height).map(at).collect() }
    }

    /// Bilinear colour and cover at a place in pixels; the border repeats.
    #[inline]
    pub fn sample(&self, x: f32, y: f32) -> [f32; 4] {
        let x = (x - 0.5).clamp(0.0, (self.width - 1) as f32);
        let y = (y - 0.5).clamp(0.0, (self.height - 1) as f32);
        let (i, j) = (x as usize, y as usize);
        let (right, down) = (usize::from(i + 1 < self.width), if j + 1 < self.height { self.width } else { 0 });
        let (fx, fy) = (x - i as f32, y - j as f32);
        let start = j * self.width + i;
        let (upper, lower) = (start, start + down);
        let corners = [self.pixels[upper], self.pixels[upper + right], self.pixels[lower], self.pixels[lower + right]];
        let weights = [(1.0 - fx) * (1.0 - fy), fx * (1.0 - fy), (1.0 - fx) * fy, fx * fy];
        let mut mixed = [0.0; 4];
        for (corner, weight) in corners.iter().zip(weights) {
            for (sum, value) in mixed.iter_mut().zip(corner) {
                *sum += f32::from(*value) * weight;
            }
        }
        mixed
    }
}

/// Replaces the pixels that are not `known` by a smooth continuation of those that are: averages over ever larger
/// neighbourhoods, the nearest that hold anything known (push–pull, Gortler et al. 1996).
pub fn fill_unknown(image: &Rgb, known: impl Fn(usize, usize) -> bool) -> Rgb {
    let (width, height) = (image.width(), image.height());
    let mut levels = vec![Level::of(width, height, |x, y| {
        let weight = if known(x, y) { 1.0 } else { 0.0 };
        let [r, g, b] = image.pixel(x, y).map(f32::from);
        [r * weight, g * weight, b * weight, weight]
    })];
    while let Some(last) = levels.last().filter(|level| level.width > 1 || level.height > 1) {
        let halved = last.halved();
        levels.push(halved);
    }
    let mut filled = levels.pop();
    while let (Some(coarse), Some(fine)) = (filled.take(), levels.pop()) {
        filled = Some(fine.completed_from(&coarse));
        if levels.is_empty() {
            break;
        }
    }
    let pixel = |x: usize, y: usize| match &filled {
        Some(level) => level.colour(x, y),
        None => image.pixel(x, y),
    };
    Rgb::from_fn(width, height, pixel)
}

/// One level of the pyramid: colours times weight, and weight.
struct Level {
    width: usize,
    height: usize,
    cells: Vec<[f32; 4]>,
}

impl Level {
    fn of(width: usize, height: usize, cell: impl Fn(usize, usize) -> [f32; 4]) -> Self {
        Self { width, height, cells: (0..width * height).map(|k| cell(k % width, k / width)).collect() }
    }

    fn at(&self, x: usize, y: usize) -> [f32; 4] {
        self.cells[y.min(self.height - 1) * self.width + x.min(self.width - 1)]
    }

    fn halved(&self) -> Self {
        Self::of(self.width.div_ceil(2), self.height.div_ceil(2), |x, y| {
            let sum = [(0, 0), (1, 0), (0, 1), (1, 1)].into_iter().fold([0.0; 4], |sum: [f32; 4], (i, j)| {
                let inside = 2 * x + i < self.width && 2 * y + j < self.height;
                let cell = if inside { self.at(2 * x + i, 2 * y + j) } else { [0.0; 4] };
                std::array::from_fn(|k| sum[k] + cell[k])
            });
            // A cell is as sure as its surest child, so that a few known pixels speak for an empty neighbourhood.
            let scale = if sum[3] > 1.0 { 1.0 / sum[3] } else { 1.0 };
            sum.map(|v| v * scale)
        })
    }

    fn completed_from(&self, coarse: &Self) -> Self {
        Self::of(self.width, self.height, |x, y| {
            let own = self.at(x, y);
            let missing = 1.0 - own[3];
            if missing <= 0.0 {
                return own;
            }
            let guess = coarse.smooth(x as f32 / 2.0 - 0.25, y as f32 / 2.0 - 0.25);
            let scale = missing / guess[3].max(1e-6);
            std::array::from_fn(|k| own[k] + guess[k] * scale)
        })
    }

    fn smooth(&self, x: f32, y: f32) -> [f32; 4] {
        let (x, y) = (x.max(0.0), y.max(0.0));
        let (i, j) = (x as usize, y as usize);
        let (fx, fy) = (x - i as f32, y - j as f32);
        let weighted =
            [(0, 0, (1.0 - fx) * (1.0 - fy)), (1, 0, fx * (1.0 - fy)), (0, 1, (1.0 - fx) * fy), (1, 1, fx * fy)];
        weighted.into_iter().fold([0.0; 4], |sum: [f32; 4], (di, dj, weight)| {
            let cell = self.at(i + di, j + dj);
            std::array::from_fn(|k| sum[k] + cell[k] * weight)
        })
    }

    fn colour(&self, x: usize, y: usize) -> [u8; 3] {
        let cell = self.at(x, y);
        [0, 1, 2].map(|k| (cell[k] / cell[3].max(1e-6) + 0.5).clamp(0.0, 255.0) as u8)
    }
}

/// Whether a place lies in a polygon (even–odd rule).
pub fn inside(polygon: &[(f32, f32)], x: f32, y: f32) -> bool {
    let mut within = false;
    let mut before = polygon.last().copied().unwrap_or_default();
    for &corner in polygon {
        if (corner.1 > y) != (before.1 > y)
            && x < (before.0 - corner.0) * (y - corner.1) / (before.1 - corner.1) + corner.0
        {
            within = !within;
        }
        before = corner;
    }
    within
}

/// How deep a place lies inside a polygon, below zero outside.
pub fn depth_inside(polygon: &[(f32, f32)], x: f32, y: f32) -> f32 {
    let mut nearest = f32::INFINITY;
    let mut before = polygon.last().copied().unwrap_or_default();
    for &corner in polygon {
        let (dx, dy) = (corner.0 - before.0, corner.1 - before.1);
        let along = (((x - before.0) * dx + (y - before.1) * dy) / (dx * dx + dy * dy).max(1e-9)).clamp(0.0, 1.0);
        nearest = nearest.min((x - before.0 - dx * along).hypot(y - before.1 - dy * along));
        before = corner;
    }
    if inside(polygon, x, y) { nearest } else { -nearest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_takes_the_colour_of_its_surroundings_and_the_rest_stays() {
        let image = Rgb::from_fn(40, 30, |x, y| {
            if (10..20).contains(&x) && (5..20).contains(&y) { [255, 0, 0] } else { [20, 90, 160] }
        });
        let filled = fill_unknown(&image, |x, y| !((10..20).contains(&x) && (5..20).contains(&y)));
        assert!(filled == Rgb::filled(40, 30, [20, 90, 160]));
    }
}
