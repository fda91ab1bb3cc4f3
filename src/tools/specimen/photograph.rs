//! A document as a camera sees it: on a table, turned and tilted, unevenly lit, blurred, noisy and compressed.
//!
//! Plain perspective of a flat card and simple sensor effects. No glare, no fingers, no bent card.

use super::SpecimenError;
use super::draw::{add_noise, blur, recompress};
use super::random::{Random, smooth_noise};
use crate::imaging::{Homography, Point, Quad, Rect, Rgb, resize};

/// How a document is photographed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// Width of the picture in pixels.
    pub width: usize,
    /// Height of the picture in pixels.
    pub height: usize,
    /// Share of the picture's width that the document spans when it faces the camera, 0…1.
    pub fill: f32,
    /// Turn in the picture's plane, clockwise, in degrees.
    pub turn_degrees: f32,
    /// Turn about the document's vertical axis, right edge away from the camera, in degrees.
    pub yaw_degrees: f32,
    /// Turn about the document's horizontal axis, top edge away from the camera, in degrees.
    pub tilt_degrees: f32,
    /// Deviation of the blur in pixels.
    pub blur: f32,
    /// Deviation of the sensor noise at mid grey, in grey levels.
    pub noise: f32,
    /// JPEG quality 1…100; `None` leaves the picture uncompressed.
    pub jpeg_quality: Option<u8>,
}

impl Default for View {
    /// A held-steady 1080p picture: turned by 4 degrees, tilted by 8 and 5.
    fn default() -> Self {
        Self {
            width: 1920,
            height: 1080,
            fill: 0.66,
            turn_degrees: 4.0,
            yaw_degrees: 5.0,
            tilt_degrees: 8.0,
            blur: 0.6,
            noise: 3.0,
            jpeg_quality: Some(88),
        }
    }
}

/// A photographed document and where its corners went.
#[derive(Debug)]
pub struct Photograph {
    /// The picture.
    pub image: Rgb,
    /// The document's corners in it, from its own top-left, clockwise.
    pub corners: Quad,
}

/// Photographs a flat document on a table; `seed` gives the table, the light and the noise.
///
/// # Errors
/// [`SpecimenError::View`] when the view does not show the document, [`SpecimenError::Encode`] when it cannot be compressed.
pub fn photograph(document: &Rgb, view: &View, seed: u64) -> Result<Photograph, SpecimenError> {
    let corners = view.project((document.width(), document.height()));
    let flat = Quad::from_rect(Rect::new(0.0, 0.0, document.width() as f32, document.height() as f32));
    let unproject = Homography::between(corners, flat).ok_or(SpecimenError::View)?;
    // Shrinking first keeps fine print from aliasing where the card is smaller in the picture than as drawn.
    let shrink = (corners.mean_width() / document.width() as f32).clamp(0.05, 1.0);
    let source = resize(document, scaled(document.width(), shrink), scaled(document.height(), shrink));
    let (sx, sy) = (source.width() as f32 / document.width() as f32, source.height() as f32 / document.height() as f32);
    let bounds = corners.bounds();
    let light = Light::new(seed, view);
    let mut image = Rgb::from_fn(view.width, view.height, |x, y| {
        let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
        let near =
            px > bounds.x - 12.0 && py > bounds.y - 12.0 && px < bounds.right() + 12.0 && py < bounds.bottom() + 12.0;
        let mut colour = light.table(px, py);
        if near {
            let at = unproject.apply(Point::new(px, py));
            let (cover, shadow) = cover_of(&flat.bounds(), at);
            let card = sample(&source, at.x * sx, at.y * sy);
            colour = [0, 1, 2].map(|k| colour[k] * (1.0 - 0.35 * shadow) * (1.0 - cover) + card[k] * cover);
        }
        let gain = light.gain(px, py);
        colour.map(|v| (v * gain + 0.5).clamp(0.0, 255.0) as u8)
    });
    blur(&mut image, view.blur);
    add_noise(&mut image, view.noise, &mut Random::new(seed, 11));
    if let Some(quality) = view.jpeg_quality {
        image = recompress(&image, quality)?;
    }
    Ok(Photograph { image, corners })
}

impl View {
    /// Where the document's corners go: a pinhole camera with a horizontal field of 54 degrees, aimed at its middle.
    pub(super) fn project(&self, (width, height): (usize, usize)) -> Quad {
        let focal = self.width as f32 / (2.0 * 27.0f32.to_radians().tan());
        let half = (width as f32 / 2.0, height as f32 / 2.0);
        let distance = focal * width as f32 / (self.fill.max(0.01) * self.width as f32);
        let [turn, yaw, tilt] =
            [self.turn_degrees, self.yaw_degrees, self.tilt_degrees].map(|d| d.to_radians().sin_cos());
        Quad([(-half.0, -half.1), (half.0, -half.1), (half.0, half.1), (-half.0, half.1)].map(|(x, y)| {
            let (x, y) = (turn.1 * x - turn.0 * y, turn.0 * x + turn.1 * y);
            let (x, z) = (yaw.1 * x, yaw.0 * x);
            let (y, z) = (tilt.1 * y, z - tilt.0 * y);
            let depth = (distance + z).max(1.0);
            Point::new(self.width as f32 / 2.0 + focal * x / depth, self.height as f32 / 2.0 + focal * y / depth)
        }))
    }
}

/// How much of a pixel the document covers (soft over one of its pixels) and how deep the shadow around it is.
fn cover_of(flat: &Rect, at: Point) -> (f32, f32) {
    let inside = at.x.min(at.y).min(flat.right() - at.x).min(flat.bottom() - at.y);
    ((inside + 0.5).clamp(0.0, 1.0), (1.0 + inside / 14.0).clamp(0.0, 1.0))
}

fn sample(image: &Rgb, x: f32, y: f32) -> [f32; 3] {
    let (x, y) =
        ((x - 0.5).clamp(0.0, image.width() as f32 - 1.001), (y - 0.5).clamp(0.0, image.height() as f32 - 1.001));
    let (i, j) = (x as usize, y as usize);
    let (fx, fy) = (x - i as f32, y - j as f32);
    let corners = [image.pixel(i, j), image.pixel(i + 1, j), image.pixel(i, j + 1), image.pixel(i + 1, j + 1)];
    [0, 1, 2].map(|k| {
        let [a, b, c, d] = corners.map(|p| f32::from(p[k]));
        (a * (1.0 - fx) + b * fx) * (1.0 - fy) + (c * (1.0 - fx) + d * fx) * fy
    })
}

fn scaled(length: usize, factor: f32) -> usize {
    ((length as f32 * factor).round() as usize).max(2)
}

/// The table and the lamp.
struct Light {
    seed: u32,
    lamp: (f32, f32),
    span: f32,
}

impl Light {
    fn new(seed: u64, view: &View) -> Self {
        let mut random = Random::new(seed, 10);
        let (w, h) = (view.width as f32, view.height as f32);
        let lamp = (random.between(0.2, 0.8) * w, random.between(-0.1, 0.5) * h);
        Self { seed: random.below(u32::MAX), lamp, span: w }
    }

    /// Wood: stretched noise in rings.
    fn table(&self, x: f32, y: f32) -> [f32; 3] {
        let grain =
            smooth_noise(x / 160.0, y / 9.0, self.seed) * 9.0 + smooth_noise(x / 40.0, y / 2.5, self.seed ^ 1) * 5.0;
        let ring = (y / 26.0 + 2.0 * smooth_noise(x / 300.0, y / 120.0, self.seed ^ 2)).sin() * 7.0;
        let v = grain + ring;
        [128.0 + v, 98.0 + 0.9 * v, 72.0 + 0.7 * v]
    }

    fn gain(&self, x: f32, y: f32) -> f32 {
        let distance = (x - self.lamp.0).hypot(y - self.lamp.1) / self.span;
        1.06 - 0.28 * distance
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::{aamva_payload, licence_back, licence_front};
    use super::super::person::{PersonName, SpecimenLicence};
    use super::*;
    use crate::imaging::warp;
    use jiff::civil::date;

    fn front() -> Rgb {
        licence_front(&SpecimenLicence::genuine(PersonName::Collins, date(2026, 3, 1))).unwrap()
    }

    #[test]
    fn the_same_seed_gives_the_same_picture_and_another_does_not() {
        let view = View { width: 480, height: 270, ..View::default() };
        let take = |seed| photograph(&front(), &view, seed).unwrap().image;
        assert_eq!(take(1), take(1));
        assert_ne!(take(1), take(2));
    }

    #[test]
    fn the_corners_are_where_the_card_is() {
        let view = View { fill: 0.5, turn_degrees: 20.0, noise: 0.0, blur: 0.0, jpeg_quality: None, ..View::default() };
        let taken = photograph(&Rgb::filled(856, 540, [255; 3]), &view, 3).unwrap();
        let middle = taken.corners.bounds().centre();
        for corner in taken.corners.0 {
            let brightness = |t: f32| {
                let at = corner.lerp(middle, t);
                taken.image.pixel(at.x as usize, at.y as usize)[2]
            };
            assert!(brightness(0.02) > 180 && brightness(-0.03) < 130);
        }
    }

    #[test]
    fn a_photographed_barcode_is_readable_once_it_is_straightened() {
        let licence = SpecimenLicence::genuine(PersonName::Hopper, date(2026, 3, 1));
        let taken = photograph(&licence_back(&licence).unwrap(), &View::default(), 7).unwrap();
        let straight = Quad::from_rect(Rect::new(0.0, 0.0, 1198.0, 756.0));
        let source = Homography::between(straight, taken.corners).unwrap();
        let back = warp(&taken.image.to_gray(), 1198, 756, [255], |p| source.apply(p));
        let format = Some(rxing::BarcodeFormat::PDF_417);
        let read = rxing::helpers::detect_in_luma(back.data().to_vec(), 1198, 756, format).unwrap();
        assert_eq!(read.getText(), aamva_payload(&licence));
    }
}
