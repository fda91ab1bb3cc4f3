//! What a lens, a sensor and a compressor do to a picture.

use std::io::Cursor;

use image::ImageEncoder;
use image::codecs::jpeg::JpegEncoder;

use super::super::SpecimenError;
use super::super::random::Random;
use crate::camera::decode_image;
use crate::imaging::Rgb;

/// Gaussian blur with a deviation in pixels; nothing happens below 0.2.
pub fn blur(image: &mut Rgb, deviation: f32) {
    if deviation < 0.2 {
        return;
    }
    let radius = (deviation * 3.0).ceil() as i32;
    let weight = |k: i32| (-0.5 * (k as f32 / deviation).powi(2)).exp();
    let total: f32 = (-radius..=radius).map(weight).sum();
    let kernel: Vec<f32> = (-radius..=radius).map(|k| weight(k) / total).collect();
    let (w, h) = (image.width(), image.height());
    let across = convolve(image.data(), &kernel, h, w * 3, w, 3);
    let down = convolve(&across, &kernel, w, 3, h, w * 3);
    image.data_mut().copy_from_slice(&down);
}

/// Convolves `lines` lines of `length` RGB pixels; a line's pixels lie `step` bytes apart, the lines `stride` apart.
fn convolve(data: &[u8], kernel: &[f32], lines: usize, stride: usize, length: usize, step: usize) -> Vec<u8> {
    let radius = kernel.len() / 2;
    let mut out = vec![0; data.len()];
    for line in 0..lines {
        let start = line * stride;
        for at in 0..length {
            let mut sum = [0.5; 3];
            for (k, weight) in kernel.iter().enumerate() {
                let source = start + (at + k).saturating_sub(radius).min(length - 1) * step;
                for channel in 0..3 {
                    sum[channel] += weight * f32::from(data[source + channel]);
                }
            }
            for channel in 0..3 {
                out[start + at * step + channel] = sum[channel] as u8;
            }
        }
    }
    out
}

/// Adds sensor noise: `deviation` grey levels of read noise, and shot noise that grows with the root of the light and
/// has the same deviation at mid grey.
pub fn add_noise(image: &mut Rgb, deviation: f32, random: &mut Random) {
    if deviation <= 0.0 {
        return;
    }
    let strength: [f32; 256] = std::array::from_fn(|v| deviation * (0.5 + 0.5 * v as f32 / 128.0).sqrt());
    for value in image.data_mut() {
        *value = (f32::from(*value) + strength[usize::from(*value)] * random.gaussian() + 0.5).clamp(0.0, 255.0) as u8;
    }
}

/// Encodes a picture as JPEG with a quality of 1…100.
///
/// # Errors
/// [`SpecimenError::Encode`] when the encoder refuses the picture.
pub fn encode_jpeg(image: &Rgb, quality: u8) -> Result<Vec<u8>, SpecimenError> {
    let mut bytes = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .write_image(image.data(), image.width() as u32, image.height() as u32, image::ExtendedColorType::Rgb8)
        .map_err(|error| SpecimenError::Encode(error.to_string()))?;
    Ok(bytes.into_inner())
}

/// The picture as it looks after JPEG compression.
///
/// # Errors
/// [`SpecimenError::Encode`] when it cannot be encoded and read back.
pub fn recompress(image: &Rgb, quality: u8) -> Result<Rgb, SpecimenError> {
    decode_image(&encode_jpeg(image, quality)?).map_err(|error| SpecimenError::Encode(error.to_string()))
}
