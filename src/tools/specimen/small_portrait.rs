//! A photo as the portrait of a document would show it: small, grey, flat, under a wavy print, blurred, noisy, compressed.
//!
//! Always holds: the same photo, scale and seed give the same pixels. One fixed recipe stands for all documents, which it
//! cannot: no halftone, no lamination, no hologram, no years between the two photos.

use super::SpecimenError;
use super::draw::{blur, recompress};
use super::random::Random;
use crate::imaging::{Rgb, resize};

/// What ink and scan leave of the photo's contrast, and the grey level that black becomes.
const CONTRAST: (f32, f32) = (0.7, 50.0);
/// Grey levels by which the wavy print changes the portrait.
const WAVES: f32 = 8.0;
/// Deviation of the blur in pixels of the portrait.
const BLUR: f32 = 0.7;
/// Deviation of the noise in grey levels, in each channel.
const NOISE: f32 = 5.0;
/// Quality of the JPEG file.
const QUALITY: u8 = 70;

/// The photo at `scale` of its size, as a portrait.
///
/// # Errors
/// [`SpecimenError::Encode`] when it cannot be compressed.
pub(in crate::tools) fn small_portrait(photo: &Rgb, scale: f32, random: &mut Random) -> Result<Rgb, SpecimenError> {
    let fit = |length: usize| ((length as f32 * scale).round() as usize).max(1);
    let grey = resize(photo, fit(photo.width()), fit(photo.height())).to_gray();
    let mut portrait = Rgb::from_fn(grey.width(), grey.height(), |x, y| {
        let wave = (x as f32 / 2.3 + 3.0 * (y as f32 / 9.0).sin()).sin();
        [(f32::from(grey.pixel(x, y)[0]) * CONTRAST.0 + CONTRAST.1 + WAVES * wave + 0.5) as u8; 3]
    });
    blur(&mut portrait, BLUR);
    for value in portrait.data_mut() {
        *value = (f32::from(*value) + NOISE * random.gaussian() + 0.5).clamp(0.0, 255.0) as u8;
    }
    recompress(&portrait, QUALITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portrait_is_smaller_greyer_and_flatter_than_its_photo() {
        let photo =
            Rgb::from_fn(160, 160, |x, y| if (x / 40 + y / 40) % 2 == 0 { [250, 40, 10] } else { [10, 20, 90] });
        let portrait = small_portrait(&photo, 0.5, &mut Random::new(1, 0)).unwrap();
        assert_eq!((portrait.width(), portrait.height()), (80, 80));
        assert!(portrait.data().chunks_exact(3).all(|p| p.iter().max().unwrap() - p.iter().min().unwrap() < 60));
        assert!(portrait.to_gray().data().iter().all(|&v| (30..=170).contains(&v)));
    }

    #[test]
    fn the_same_seed_gives_the_same_portrait() {
        let photo = Rgb::from_fn(60, 60, |x, y| [(x * 4) as u8, (y * 4) as u8, 99]);
        let made = |seed| small_portrait(&photo, 0.8, &mut Random::new(seed, 0)).unwrap();
        assert_eq!(made(3), made(3));
        assert_ne!(made(3), made(4));
    }
}
