//! Brightness of a picture at places given in the coordinates of something that lies in it.

use crate::imaging::{Gray, Homography};

/// Reads a picture through a map.
pub struct Sampler<'a> {
    picture: &'a Gray,
    map: [f32; 9],
}

impl<'a> Sampler<'a> {
    /// Reads `picture` at `to_picture` of the places asked for.
    pub fn new(picture: &'a Gray, to_picture: &Homography) -> Self {
        Self { picture, map: to_picture.coefficients().map(|value| value as f32) }
    }

    /// Bilinear brightness, 0…255. Outside the picture the nearest pixel counts.
    pub fn at(&self, u: f32, v: f32) -> f32 {
        let m = &self.map;
        let scale = 1.0 / (m[6] * u + m[7] * v + m[8]);
        let (width, height) = (self.picture.width(), self.picture.height());
        let x = ((m[0] * u + m[1] * v + m[2]) * scale - 0.5).clamp(0.0, (width - 1) as f32);
        let y = ((m[3] * u + m[4] * v + m[5]) * scale - 0.5).clamp(0.0, (height - 1) as f32);
        let (left, top) = (x as usize, y as usize);
        let (fx, fy) = (x - left as f32, y - top as f32);
        let step = usize::from(left + 1 < width);
        let start = top * width + left;
        let below = if top + 1 < height { start + width } else { start };
        let data = self.picture.data();
        let [a, b, c, d] = [start, start + step, below, below + step].map(|index| f32::from(data[index]));
        let (upper, lower) = (a + (b - a) * fx, c + (d - c) * fx);
        upper + (lower - upper) * fy
    }
}
