//! The camera that takes bona fide and attack presentations alike.
//!
//! Lens (Gaussian), box-shaped sensor pixels behind a Bayer filter, shot and read noise, clipping, bilinear
//! interpolation of the missing colours, white balance, a tone curve, sharpening, JPEG. No lens distortion, no rolling
//! shutter (so that the flicker of a screen never shows), no temporal noise reduction.

use super::super::SpecimenError;
use super::super::draw::encode_jpeg;
use super::super::photograph::View;
use super::super::random::Random;
use super::sheet::encoded;
use super::{Ground, Sheet, Subject};
use crate::imaging::{Homography, Point, Quad, Rgb};

/// Deviation of a box of one pixel, in pixels: what a sensor pixel blurs by itself.
const PIXEL_DEVIATION: f32 = 0.29;

/// One camera, how it is set and how it is held.
#[derive(Debug)]
pub struct Camera {
    /// Size of the picture, place and turn of the card.
    pub view: View,
    /// Deviation of the lens's blur in pixels.
    lens: f32,
    /// Deviation of the noise at white, of 1.
    noise: f32,
    quality: u8,
    /// What the white balance gets wrong.
    white: [f32; 3],
    /// How much more contrast than sRGB the tone curve has, 0…1.
    contrast: f32,
    /// How much more colour.
    saturation: f32,
    sharpening: f32,
    /// The light of the brightest parts that the exposure aims at.
    exposure: f32,
    /// The lamp, in shares of the picture's width, and how uneven its light is.
    lamp: (f32, f32),
    falloff: f32,
}

impl Camera {
    /// The camera of a seed.
    pub fn drawn(seed: u64) -> Self {
        let mut random = Random::new(seed, 62);
        let (width, height) = if random.below(4) == 0 { (1280, 720) } else { (1920, 1080) };
        let most = if width == 1280 { 0.82 } else { 0.76 };
        let view = View {
            width,
            height,
            fill: random.between(if width == 1280 { 0.62 } else { 0.48 }, most),
            turn_degrees: random.between(-7.0, 7.0),
            yaw_degrees: random.between(-9.0, 9.0),
            tilt_degrees: random.between(-9.0, 9.0),
            blur: 0.0,
            noise: 0.0,
            jpeg_quality: None,
        };
        Self {
            view,
            lens: random.between(0.45, 1.15),
            noise: random.between(0.006, 0.028),
            quality: 74 + random.below(22) as u8,
            white: [random.between(0.92, 1.08), 1.0, random.between(0.90, 1.10)],
            contrast: random.between(0.0, 0.5),
            saturation: random.between(0.9, 1.25),
            sharpening: random.between(0.0, 0.7),
            exposure: random.between(0.62, 0.95),
            lamp: (random.between(0.1, 0.9), random.between(-0.2, 0.5)),
            falloff: random.between(0.1, 0.5),
        }
    }

    /// Takes the picture, as JPEG. `corners` is where the card goes.
    pub fn take(&self, subject: Subject, corners: Quad, seed: u64) -> Result<Vec<u8>, SpecimenError> {
        let light = self.focus(subject, corners, seed)?;
        let mosaic = self.expose(&light, seed);
        let picture = self.develop(&mosaic);
        encode_jpeg(&picture, self.quality)
    }

    /// The light that falls on the sensor.
    fn focus(&self, mut subject: Subject, corners: Quad, seed: u64) -> Result<Sheet, SpecimenError> {
        let to_sheet = Homography::between(corners, Quad::from_rect(subject.card)).ok_or(SpecimenError::View)?;
        let magnification = corners.mean_width() / subject.card.width;
        // Blurred before it is sampled, as by a lens: what is finer than the pixels aliases no more than it would.
        subject.sheet.blur(self.lens.hypot(PIXEL_DEVIATION) / magnification);
        let ground = Ground::drawn(seed);
        let (width, height) = (self.view.width, self.view.height);
        let mut light = Sheet::filled(width, height, [0.0; 3]);
        let mut random = Random::new(seed, 63);
        let highlight = (random.between(0.1, 0.9), random.between(0.1, 0.9), random.between(0.12, 0.45));
        let m = to_sheet.coefficients().map(|value| value as f32);
        let (sheet_width, sheet_height) = (subject.sheet.width as f32, subject.sheet.height as f32);
        for y in 0..height {
            for x in 0..width {
                let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
                let nearness = 1.0 / (m[6] * px + m[7] * py + m[8]);
                let u = (m[0] * px + m[1] * py + m[2]) * nearness;
                let v = (m[3] * px + m[4] * py + m[5]) * nearness;
                let (lx, ly) = (px / width as f32 - self.lamp.0, py / width as f32 - self.lamp.1);
                let lamp = 1.05 - self.falloff * lx.hypot(ly);
                let cover = cover(u, v, &subject, magnification);
                let mut colour = [0.0; 3];
                if cover < 1.0 {
                    // A card and its hand keep some of the light from what lies under them.
                    let (dx, dy) = ((-u).max(u - sheet_width).max(0.0), (-v).max(v - sheet_height).max(0.0));
                    let shade = 1.0 - 0.4 * (-dx.hypot(dy) * magnification / 12.0).exp();
                    colour = ground.at(px, py).map(|value| value * lamp * shade * subject.around * (1.0 - cover));
                }
                if cover > 0.0 {
                    let own = subject.sheet.at(u, v);
                    let (gx, gy) = (u / sheet_width - highlight.0, (v / sheet_height - highlight.1) * 0.6);
                    let gloss = subject.gloss * (-(gx * gx + gy * gy) / (2.0 * highlight.2 * highlight.2)).exp();
                    let lit = 1.0 + (lamp - 1.0) * subject.lit;
                    for (value, own) in colour.iter_mut().zip(own) {
                        *value += (own * lit + gloss) * cover;
                    }
                }
                for (plane, value) in light.planes.iter_mut().zip(colour) {
                    plane[y * width + x] = value;
                }
            }
        }
        if let Some(grid) = &subject.grid {
            let (sheet, blur) = ((sheet_width, sheet_height), self.lens);
            grid.cover(&mut light, &to_sheet, sheet, blur);
        }
        Ok(light)
    }

    /// What the sensor counts, one colour a pixel: red, green / green, blue.
    fn expose(&self, light: &Sheet, seed: u64) -> Vec<f32> {
        let mut sorted: Vec<f32> = light.planes[1].iter().copied().step_by(97).collect();
        sorted.sort_by(f32::total_cmp);
        let bright = sorted[sorted.len() * 96 / 100].max(0.01);
        let gain = self.exposure / bright;
        let mut random = Random::new(seed, 64);
        (0..light.width * light.height)
            .map(|at| {
                let value = light.planes[filter(at % light.width, at / light.width)][at] * gain;
                let noise = self.noise * (0.04 + value.max(0.0)).sqrt() * random.gaussian();
                // Ten bits.
                ((value + noise).clamp(0.0, 1.0) * 1023.0).round() / 1023.0
            })
            .collect()
    }

    /// The picture: colours interpolated, balanced, through the tone curve, sharpened.
    fn develop(&self, mosaic: &[f32]) -> Rgb {
        let (width, height) = (self.view.width, self.view.height);
        let tone: Vec<f32> = (0..=4096).map(|k| self.tone(k as f32 / 4096.0)).collect();
        let mut picture = Sheet::filled(width, height, [0.0; 3]);
        for y in 0..height {
            for x in 0..width {
                let colour = interpolated(mosaic, width, height, x, y);
                let balanced = [0, 1, 2].map(|k| colour[k] * self.white[k]);
                let grey = 0.3 * balanced[0] + 0.59 * balanced[1] + 0.11 * balanced[2];
                for (plane, level) in picture.planes.iter_mut().zip(balanced) {
                    let value = grey + (level - grey) * self.saturation;
                    plane[y * width + x] = tone[(value.clamp(0.0, 1.0) * 4096.0) as usize];
                }
            }
        }
        let mut soft = picture.clone();
        soft.blur(1.0);
        let finished = |k: usize, at: usize| {
            let (value, soft) = (picture.planes[k][at], soft.planes[k][at]);
            ((value + self.sharpening * (value - soft)) * 255.0 + 0.5).clamp(0.0, 255.0) as u8
        };
        Rgb::from_fn(width, height, |x, y| [0, 1, 2].map(|k| finished(k, y * width + x)))
    }

    /// sRGB with an S-shaped curve over it.
    fn tone(&self, light: f32) -> f32 {
        let value = encoded(light);
        value + self.contrast * (value * value * (3.0 - 2.0 * value) - value)
    }
}

/// Which colour a pixel of the sensor sees.
fn filter(x: usize, y: usize) -> usize {
    match (x % 2, y % 2) {
        (0, 0) => 0,
        (1, 1) => 2,
        _ => 1,
    }
}

/// The three colours of a pixel: the mean of the nearest that see each.
fn interpolated(mosaic: &[f32], width: usize, height: usize, x: usize, y: usize) -> [f32; 3] {
    let (mut sums, mut weights) = ([0.0f32; 3], [0.0f32; 3]);
    let own = filter(x, y);
    for j in y.saturating_sub(1)..=(y + 1).min(height - 1) {
        for i in x.saturating_sub(1)..=(x + 1).min(width - 1) {
            let colour = filter(i, j);
            // Green has four direct neighbours; diagonal ones would only blur it.
            let counts = if colour == own { i == x && j == y } else { colour != 1 || i == x || j == y };
            if counts {
                sums[colour] += mosaic[j * width + i];
                weights[colour] += 1.0;
            }
        }
    }
    [0, 1, 2].map(|k| sums[k] / weights[k].max(1.0))
}

/// How much of a pixel of the camera the sheet covers, 0…1.
fn cover(u: f32, v: f32, subject: &Subject, magnification: f32) -> f32 {
    let (width, height) = (subject.sheet.width as f32, subject.sheet.height as f32);
    let (mut dx, mut dy) = (u.min(width - u), v.min(height - v));
    if subject.ragged > 0.0 && dx.min(dy) < 4.0 * subject.ragged {
        use super::smooth_noise;
        dx -= subject.ragged * (1.0 + smooth_noise(v * 0.004, u.signum(), 5));
        dy -= subject.ragged * (1.0 + smooth_noise(u * 0.004, v.signum(), 6));
    }
    let radius = subject.corner;
    let inside = if dx < radius && dy < radius {
        radius - Point::new(dx, dy).distance(Point::new(radius, radius))
    } else {
        dx.min(dy)
    };
    (inside * magnification + 0.5).clamp(0.0, 1.0)
}
