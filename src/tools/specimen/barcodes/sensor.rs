//! Light, lens, sensor and compressor.

use std::io::Cursor;

use image::ImageEncoder;
use image::codecs::jpeg::JpegEncoder;

use super::super::SpecimenError;
use super::super::random::Random;
use super::FRAME;
use super::parameters::FrameParameters;
use crate::camera::decode_image;
use crate::imaging::{Gray, Point};

/// A lamp to one side and, on some frames, its reflection.
pub struct Light {
    slope: f32,
    direction: (f32, f32),
    glare: f32,
    stretch: f32,
}

impl Light {
    pub fn new(seed: u64, parameters: &FrameParameters) -> Self {
        let mut random = Random::new(seed, 36);
        let direction = random.between(0.0, std::f32::consts::TAU).sin_cos();
        Self { slope: parameters.light_slope, direction, glare: parameters.glare, stretch: random.between(0.5, 2.0) }
    }

    /// Brightness at a place, 1 in the middle.
    pub fn gain(&self, at: Point) -> f32 {
        let along = (at.x / FRAME.0 as f32 - 0.5) * self.direction.1 + (at.y / FRAME.1 as f32 - 0.5) * self.direction.0;
        1.0 + self.slope * along
    }

    /// A place near another, as far off as a reflection reaches.
    pub fn beside(&self, near: Point) -> Point {
        near + Point::new(self.direction.0, self.direction.1) * (3.0 * self.glare * FRAME.0 as f32)
    }

    /// Adds a reflection, if there is one.
    pub fn add_glare(&self, picture: &mut [f32], middle: Point) {
        if self.glare <= 0.0 {
            return;
        }
        let radius = self.glare * FRAME.0 as f32;
        for (k, value) in picture.iter_mut().enumerate() {
            let (x, y) = ((k % FRAME.0) as f32 - middle.x, (k / FRAME.0) as f32 - middle.y);
            let distance = (x * x * self.stretch + y * y / self.stretch) / (radius * radius);
            if distance < 9.0 {
                *value += 300.0 * (-distance).exp();
            }
        }
    }
}

/// The picture as the sensor and the compressor leave it.
///
/// # Errors
/// [`SpecimenError::Encode`] when it cannot be compressed.
pub fn expose(mut picture: Vec<f32>, parameters: &FrameParameters, random: &mut Random) -> Result<Gray, SpecimenError> {
    if parameters.blur_px > 0.1 {
        let deviation = parameters.blur_px;
        let radius = (deviation * 3.0).ceil() as i32;
        let kernel: Vec<f32> = (-radius..=radius).map(|k| (-0.5 * (k as f32 / deviation).powi(2)).exp()).collect();
        let total: f32 = kernel.iter().sum();
        for (right, down) in [(1.0, 0.0), (0.0, 1.0)] {
            let taps = kernel.iter().zip(-radius..).map(|(w, k)| (k as f32 * right, k as f32 * down, w / total));
            picture = convolve(&picture, &taps.collect::<Vec<_>>());
        }
    }
    if parameters.motion_px > 0.1 {
        let (sin, cos) = parameters.motion_degrees.to_radians().sin_cos();
        let count = (parameters.motion_px * 2.0).ceil() as i32 + 1;
        let place = |k: i32| ((k as f32 + 0.5) / count as f32 - 0.5) * parameters.motion_px;
        picture = convolve(
            &picture,
            &(0..count).map(|k| (place(k) * cos, place(k) * sin, 1.0 / count as f32)).collect::<Vec<_>>(),
        );
    }
    let image = Gray::from_fn(FRAME.0, FRAME.1, |x, y| {
        let value = picture[y * FRAME.0 + x].clamp(0.0, 255.0);
        // Read noise, and shot noise that grows with the light.
        let strength = parameters.noise * (0.5 + 0.5 * value / 128.0).sqrt();
        [(value + strength * random.gaussian() + 0.5).clamp(0.0, 255.0) as u8]
    });
    let Some(quality) = parameters.jpeg_quality else { return Ok(image) };
    let mut bytes = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .write_image(image.data(), FRAME.0 as u32, FRAME.1 as u32, image::ExtendedColorType::L8)
        .map_err(|error| SpecimenError::Encode(error.to_string()))?;
    let decoded = decode_image(&bytes.into_inner()).map_err(|error| SpecimenError::Encode(error.to_string()))?;
    Ok(decoded.to_gray())
}

/// Sums shifted copies, each `(right, down, weight)`; shifts between pixels are shared out among their neighbours.
fn convolve(picture: &[f32], taps: &[(f32, f32, f32)]) -> Vec<f32> {
    let mut sum = vec![0.0; picture.len()];
    for &(right, down, weight) in taps {
        let (x, y) = (right.floor(), down.floor());
        let (fx, fy) = (right - x, down - y);
        for (dx, dy, share) in
            [(0, 0, (1.0 - fx) * (1.0 - fy)), (1, 0, fx * (1.0 - fy)), (0, 1, (1.0 - fx) * fy), (1, 1, fx * fy)]
        {
            if share * weight > 1e-6 {
                add_shifted(&mut sum, picture, (x as isize + dx, y as isize + dy), share * weight);
            }
        }
    }
    sum
}

fn add_shifted(sum: &mut [f32], picture: &[f32], (dx, dy): (isize, isize), weight: f32) {
    let width = FRAME.0;
    for (row, line) in sum.chunks_exact_mut(width).enumerate() {
        let source = (row as isize + dy).clamp(0, FRAME.1 as isize - 1) as usize;
        let source = &picture[source * width..(source + 1) * width];
        // Columns whose neighbour lies in the frame; the few others take the edge.
        let from = (-dx).max(0) as usize;
        let to = (width as isize - dx.max(0)) as usize;
        let start = (from as isize + dx) as usize;
        for (value, other) in line[from..to].iter_mut().zip(&source[start..]) {
            *value += weight * other;
        }
        for value in &mut line[..from] {
            *value += weight * source[0];
        }
        for value in &mut line[to..] {
            *value += weight * source[width - 1];
        }
    }
}
