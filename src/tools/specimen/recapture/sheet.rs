//! A flat picture in linear light.

use crate::imaging::{Rect, Rgb};

/// A picture of three planes, each value in linear light: 0 none, 1 what a white paper reflects.
#[derive(Debug, Clone)]
pub struct Sheet {
    pub width: usize,
    pub height: usize,
    /// Red, green and blue, row by row.
    pub planes: [Vec<f32>; 3],
}

/// The light of an sRGB value of 0…1 (IEC 61966-2-1).
pub fn linear(value: f32) -> f32 {
    let value = value.clamp(0.0, 1.0);
    if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

/// The sRGB value of a light.
pub fn encoded(light: f32) -> f32 {
    let light = light.clamp(0.0, 1.0);
    if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

impl Sheet {
    /// The light of a drawn picture.
    pub fn of(picture: &Rgb) -> Self {
        let table: [f32; 256] = std::array::from_fn(|value| linear(value as f32 / 255.0));
        let plane = |channel: usize| picture.data().iter().skip(channel).step_by(3).map(|&v| table[usize::from(v)]);
        Self {
            width: picture.width(),
            height: picture.height(),
            planes: [0, 1, 2].map(|channel| plane(channel).collect()),
        }
    }

    /// One colour throughout.
    pub fn filled(width: usize, height: usize, colour: [f32; 3]) -> Self {
        Self { width, height, planes: colour.map(|value| vec![value; width * height]) }
    }

    /// All of it.
    pub fn bounds(&self) -> Rect {
        Rect::new(0.0, 0.0, self.width as f32, self.height as f32)
    }

    /// Gaussian blur with a deviation in pixels.
    pub fn blur(&mut self, deviation: f32) {
        if deviation < 0.15 {
            return;
        }
        let radius = (deviation * 3.0).ceil() as usize;
        let weight = |k: usize| (-0.5 * ((k as f32 - radius as f32) / deviation).powi(2)).exp();
        let total: f32 = (0..=2 * radius).map(weight).sum();
        let kernel: Vec<f32> = (0..=2 * radius).map(|k| weight(k) / total).collect();
        for plane in &mut self.planes {
            for row in plane.chunks_exact_mut(self.width) {
                let padded = padded(row, radius);
                for (x, value) in row.iter_mut().enumerate() {
                    *value = padded[x..].iter().zip(&kernel).map(|(v, w)| v * w).sum();
                }
            }
            let source = plane.clone();
            for (y, row) in plane.chunks_exact_mut(self.width).enumerate() {
                row.fill(0.0);
                for (k, &w) in kernel.iter().enumerate() {
                    let from = (y + k).saturating_sub(radius).min(self.height - 1) * self.width;
                    for (value, &s) in row.iter_mut().zip(&source[from..from + self.width]) {
                        *value += w * s;
                    }
                }
            }
        }
    }

    /// The bilinear light at a place in pixels; the border continues outside.
    pub fn at(&self, x: f32, y: f32) -> [f32; 3] {
        let x = (x - 0.5).clamp(0.0, self.width as f32 - 1.001);
        let y = (y - 0.5).clamp(0.0, self.height as f32 - 1.001);
        let (i, j) = (x as usize, y as usize);
        let (fx, fy) = (x - i as f32, y - j as f32);
        let (upper, lower) = (j * self.width + i, (j + 1) * self.width + i);
        [0, 1, 2].map(|k| {
            let plane = &self.planes[k];
            let above = plane[upper] + (plane[upper + 1] - plane[upper]) * fx;
            let below = plane[lower] + (plane[lower + 1] - plane[lower]) * fx;
            above + (below - above) * fy
        })
    }
}

fn padded(row: &[f32], radius: usize) -> Vec<f32> {
    let (first, last) = (row.first().copied().unwrap_or(0.0), row.last().copied().unwrap_or(0.0));
    let mut wide = vec![first; radius];
    wide.extend_from_slice(row);
    wide.extend(std::iter::repeat_n(last, radius));
    wide
}
