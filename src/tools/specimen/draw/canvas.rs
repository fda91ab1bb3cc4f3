//! A picture that is drawn on in millimetres.

use super::super::SpecimenError;
use super::text::{Fonts, Typeface};
use crate::imaging::{Rgb, resize};

/// An upright box in millimetres from the top-left corner of the canvas.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

impl Area {
    /// A box from its left, top, width and height in millimetres.
    #[must_use]
    pub const fn new(x: f32, y: f32, width: f32, height: f32) -> Self {
        Self { x, y, width, height }
    }
}

/// A picture with a scale.
#[derive(Debug)]
pub struct Canvas {
    image: Rgb,
    scale: f32,
}

impl Canvas {
    /// A white sheet of a size in millimetres at `scale` pixels a millimetre.
    #[must_use]
    pub fn new(width_mm: f32, height_mm: f32, scale: f32) -> Self {
        let pixels = |mm: f32| (mm * scale).round() as usize;
        Self { image: Rgb::filled(pixels(width_mm), pixels(height_mm), [255; 3]), scale }
    }

    /// The finished picture.
    #[must_use]
    pub fn into_image(self) -> Rgb {
        self.image
    }

    /// Sets every pixel from its place in millimetres.
    pub fn paint(&mut self, colour: impl Fn(f32, f32) -> [u8; 3]) {
        let scale = self.scale;
        let at = |pixel: usize| (pixel as f32 + 0.5) / scale;
        self.image = Rgb::from_fn(self.image.width(), self.image.height(), |x, y| colour(at(x), at(y)));
    }

    /// Fills a box; `opacity` 0…1.
    pub fn rectangle(&mut self, area: Area, colour: [u8; 3], opacity: f32) {
        let (left, top, right, bottom) = self.pixels_of(area);
        for y in top..bottom {
            for x in left..right {
                self.blend(x as i32, y as i32, colour, opacity);
            }
        }
    }

    /// Draws a line `width` millimetres wide between two places in millimetres, with soft edges.
    pub fn line(&mut self, from: (f32, f32), to: (f32, f32), width: f32, colour: [u8; 3], opacity: f32) {
        let s = self.scale;
        let (ax, ay, bx, by, half) = (from.0 * s, from.1 * s, to.0 * s, to.1 * s, width * s / 2.0);
        let length_squared = ((bx - ax).powi(2) + (by - ay).powi(2)).max(1e-6);
        let (left, right) = (ax.min(bx) - half - 1.0, ax.max(bx) + half + 1.0);
        let (top, bottom) = (ay.min(by) - half - 1.0, ay.max(by) + half + 1.0);
        for y in top as i32..=bottom as i32 {
            for x in left as i32..=right as i32 {
                let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
                let along = (((px - ax) * (bx - ax) + (py - ay) * (by - ay)) / length_squared).clamp(0.0, 1.0);
                let distance = (px - ax - (bx - ax) * along).hypot(py - ay - (by - ay) * along);
                self.blend(x, y, colour, opacity * (half + 0.5 - distance).clamp(0.0, 1.0));
            }
        }
    }

    /// Draws the outline of a box.
    pub fn frame(&mut self, area: Area, width: f32, colour: [u8; 3]) {
        let (x, y, right, bottom) = (area.x, area.y, area.x + area.width, area.y + area.height);
        for (from, to) in
            [((x, y), (right, y)), ((right, y), (right, bottom)), ((right, bottom), (x, bottom)), ((x, bottom), (x, y))]
        {
            self.line(from, to, width, colour, 1.0);
        }
    }

    /// Pastes a picture, stretched to a box; `opacity` 0…1.
    pub fn picture(&mut self, picture: &Rgb, area: Area, opacity: f32) {
        let (left, top, right, bottom) = self.pixels_of(area);
        let fitted = resize(picture, right - left, bottom - top);
        for y in top..bottom {
            for x in left..right {
                self.blend(x as i32, y as i32, fitted.pixel(x - left, y - top), opacity);
            }
        }
    }

    /// Pastes a grid of dark modules, each `module` by `row` whole pixels, with its top-left corner at a place in
    /// millimetres rounded to a pixel.
    pub fn modules(&mut self, place: (f32, f32), module: usize, row: usize, grid: &[Vec<bool>], ink: [u8; 3]) {
        let (left, top) = ((place.0 * self.scale).round() as usize, (place.1 * self.scale).round() as usize);
        for (j, line) in grid.iter().enumerate() {
            for i in line.iter().enumerate().filter(|(_, dark)| **dark).map(|(i, _)| i) {
                for y in 0..row {
                    for x in 0..module {
                        self.blend((left + i * module + x) as i32, (top + j * row + y) as i32, ink, 1.0);
                    }
                }
            }
        }
    }

    /// Writes a line of text with its baseline's left end at a place in millimetres; `size` is the height of a capital
    /// letter in millimetres. Gives the width in millimetres.
    ///
    /// # Errors
    /// [`SpecimenError::Character`] when the font lacks one of the characters.
    pub fn text(
        &mut self,
        fonts: &Fonts,
        face: Typeface,
        place: (f32, f32),
        size: f32,
        ink: [u8; 3],
        text: &str,
    ) -> Result<f32, SpecimenError> {
        let origin = (place.0 * self.scale, place.1 * self.scale);
        let width =
            fonts.draw(face, size * self.scale, origin, 0.0, text, |x, y, cover| self.blend(x, y, ink, cover))?;
        Ok(width / self.scale)
    }

    /// Writes OCR-B with one fixed step a character, as a machine-readable zone needs it.
    ///
    /// # Errors
    /// [`SpecimenError::Character`] when the font lacks one of the characters.
    pub fn monospaced(
        &mut self,
        fonts: &Fonts,
        place: (f32, f32),
        size: f32,
        pitch: f32,
        ink: [u8; 3],
        text: &str,
    ) -> Result<(), SpecimenError> {
        let mut buffer = [0; 4];
        for (k, character) in text.chars().enumerate() {
            let left = place.0 + pitch * k as f32;
            self.text(fonts, Typeface::OcrB, (left, place.1), size, ink, character.encode_utf8(&mut buffer))?;
        }
        Ok(())
    }

    /// Writes a translucent line of text turned by `degrees` clockwise about its start.
    ///
    /// # Errors
    /// [`SpecimenError::Character`] when the font lacks one of the characters.
    pub fn stamp(
        &mut self,
        fonts: &Fonts,
        place: (f32, f32),
        size: f32,
        degrees: f32,
        ink: ([u8; 3], f32),
        text: &str,
    ) -> Result<(), SpecimenError> {
        let origin = (place.0 * self.scale, place.1 * self.scale);
        let ((colour, opacity), cap_height) = (ink, size * self.scale);
        let mark = |x, y, cover: f32| self.blend(x, y, colour, cover * opacity);
        fonts.draw(Typeface::Bold, cap_height, origin, degrees, text, mark).map(drop)
    }

    fn pixels_of(&self, area: Area) -> (usize, usize, usize, usize) {
        let clip = |mm: f32, limit: usize| ((mm * self.scale).round().max(0.0) as usize).min(limit);
        let (w, h) = (self.image.width(), self.image.height());
        (clip(area.x, w), clip(area.y, h), clip(area.x + area.width, w), clip(area.y + area.height, h))
    }

    fn blend(&mut self, x: i32, y: i32, colour: [u8; 3], opacity: f32) {
        let (w, h) = (self.image.width() as i32, self.image.height() as i32);
        if x < 0 || y < 0 || x >= w || y >= h || opacity <= 0.0 {
            return;
        }
        let under = self.image.pixel(x as usize, y as usize);
        let mix = |k: usize| f32::from(under[k]) + (f32::from(colour[k]) - f32::from(under[k])) * opacity.min(1.0);
        self.image.set_pixel(x as usize, y as usize, [0, 1, 2].map(|k| (mix(k) + 0.5) as u8));
    }
}
