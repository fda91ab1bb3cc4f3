//! Text from the bundled fonts.

use ab_glyph::{Font, FontRef, ScaleFont, point};

use super::super::SpecimenError;

/// The bundled fonts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typeface {
    /// `DejaVu` Sans.
    Regular,
    /// `DejaVu` Sans Bold.
    Bold,
    /// OCR-B, for machine-readable zones.
    OcrB,
}

/// The fonts, parsed once.
#[derive(Debug)]
pub struct Fonts {
    regular: FontRef<'static>,
    bold: FontRef<'static>,
    ocr_b: FontRef<'static>,
}

impl Fonts {
    /// Parses the bundled fonts.
    ///
    /// # Errors
    /// [`SpecimenError::Asset`] when the program was built with a damaged file.
    pub fn bundled() -> Result<Self, SpecimenError> {
        let parse = |name, bytes| FontRef::try_from_slice(bytes).map_err(|_| SpecimenError::Asset { name });
        Ok(Self {
            regular: parse("DejaVuSans-latin1.ttf", include_bytes!("../assets/DejaVuSans-latin1.ttf"))?,
            bold: parse("DejaVuSans-Bold-latin1.ttf", include_bytes!("../assets/DejaVuSans-Bold-latin1.ttf"))?,
            ocr_b: parse("OCRB.otf", include_bytes!("../assets/OCRB.otf"))?,
        })
    }

    fn face(&self, face: Typeface) -> &FontRef<'static> {
        match face {
            Typeface::Regular => &self.regular,
            Typeface::Bold => &self.bold,
            Typeface::OcrB => &self.ocr_b,
        }
    }

    /// Hands every covered pixel of a line of text to `mark` with its cover 0…1, and gives the line's width in pixels.
    ///
    /// `cap_height` is the height of a capital letter in pixels, `origin` the left end of the baseline, about which the
    /// line is turned by `degrees` clockwise.
    ///
    /// # Errors
    /// [`SpecimenError::Character`] when the font lacks one of the characters.
    pub fn draw(
        &self,
        face: Typeface,
        cap_height: f32,
        origin: (f32, f32),
        degrees: f32,
        text: &str,
        mut mark: impl FnMut(i32, i32, f32),
    ) -> Result<f32, SpecimenError> {
        let font = self.face(face);
        let em = font.height_unscaled();
        let cap = font.outline(font.glyph_id('H')).map_or(em, |outline| outline.bounds.height().abs());
        let scaled = font.as_scaled(cap_height * em / cap);
        let mut pen = 0.0;
        let mut previous = None;
        for character in text.chars() {
            let id = font.glyph_id(character);
            if id.0 == 0 {
                return Err(SpecimenError::Character { character });
            }
            pen += previous.map_or(0.0, |before| scaled.kern(before, id));
            let glyph = id.with_scale_and_position(scaled.scale(), point(0.0, 0.0));
            if let Some(outlined) = font.outline_glyph(glyph) {
                let bounds = outlined.px_bounds();
                let tile = Tile::of(&outlined, bounds.width() as usize, bounds.height() as usize);
                tile.place(origin, degrees, (pen + bounds.min.x, bounds.min.y), &mut mark);
            }
            pen += scaled.h_advance(id);
            previous = Some(id);
        }
        Ok(pen)
    }
}

/// The cover of one glyph, resampled to wherever it goes, so that turned text and sub-pixel places look alike.
struct Tile {
    width: usize,
    height: usize,
    cover: Vec<f32>,
}

impl Tile {
    fn of(outlined: &ab_glyph::OutlinedGlyph, width: usize, height: usize) -> Self {
        let mut cover = vec![0.0; width * height];
        outlined.draw(|x, y, c| {
            if let Some(cell) = cover.get_mut(y as usize * width + x as usize) {
                *cell = c;
            }
        });
        Self { width, height, cover }
    }

    fn at(&self, x: i32, y: i32) -> f32 {
        let inside = x >= 0 && y >= 0 && (x as usize) < self.width && (y as usize) < self.height;
        if inside { self.cover[y as usize * self.width + x as usize] } else { 0.0 }
    }

    /// `offset` is the tile's top-left corner relative to `origin` before the turn.
    fn place(&self, origin: (f32, f32), degrees: f32, offset: (f32, f32), mark: &mut impl FnMut(i32, i32, f32)) {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let turned = |x: f32, y: f32| (origin.0 + cos * x - sin * y, origin.1 + sin * x + cos * y);
        let (w, h) = (self.width as f32, self.height as f32);
        let corners = [(0.0, 0.0), (w, 0.0), (w, h), (0.0, h)].map(|(x, y)| turned(offset.0 + x, offset.1 + y));
        let (mut low, mut high) = (corners[0], corners[0]);
        for (x, y) in corners {
            low = (low.0.min(x), low.1.min(y));
            high = (high.0.max(x), high.1.max(y));
        }
        for y in low.1.floor() as i32 - 1..=high.1.ceil() as i32 {
            for x in low.0.floor() as i32 - 1..=high.0.ceil() as i32 {
                let (dx, dy) = (x as f32 + 0.5 - origin.0, y as f32 + 0.5 - origin.1);
                let (u, v) = (cos * dx + sin * dy - offset.0 - 0.5, -sin * dx + cos * dy - offset.1 - 0.5);
                let (i, j) = (u.floor(), v.floor());
                let (fu, fv) = (u - i, v - j);
                let row = |j: i32| self.at(i as i32, j) * (1.0 - fu) + self.at(i as i32 + 1, j) * fu;
                let cover = row(j as i32) * (1.0 - fv) + row(j as i32 + 1) * fv;
                if cover > 0.002 {
                    mark(x, y, cover);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capital_letter_is_as_high_as_asked() {
        let fonts = Fonts::bundled().unwrap();
        for face in [Typeface::Regular, Typeface::Bold, Typeface::OcrB] {
            let (mut top, mut bottom) = (i32::MAX, i32::MIN);
            fonts
                .draw(face, 40.0, (10.0, 100.0), 0.0, "H", |_, y, cover| {
                    if cover > 0.5 {
                        (top, bottom) = (top.min(y), bottom.max(y));
                    }
                })
                .unwrap();
            assert!((bottom + 1 - top - 40).abs() <= 1 && (bottom + 1 - 100).abs() <= 1, "{face:?} {top} {bottom}");
        }
    }

    #[test]
    fn a_character_that_the_font_lacks_is_named() {
        let fonts = Fonts::bundled().unwrap();
        let refused = fonts.draw(Typeface::Regular, 10.0, (0.0, 0.0), 0.0, "Łódź", |_, _, _| ()).unwrap_err();
        assert!(matches!(refused, SpecimenError::Character { character: 'Ł' }));
    }
}
