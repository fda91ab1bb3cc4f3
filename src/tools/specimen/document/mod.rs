//! Specimen documents: a driving licence's two sides and a passport's data page, drawn flat at about 356 dpi.
//!
//! Always holds: every side carries the word SPECIMEN in large red letters, the layout is nobody's, and the same data
//! gives the same pixels. The payload and the machine-readable zone are made here without the reader's code, so that a
//! shared mistake cannot hide. No security feature is imitated.

mod back;
mod european;
mod front;
mod mrz;
mod passport;
mod payload;
mod zone;

pub use back::{licence_back, pdf417_modules};
pub use european::{SpecimenEuropeanLicence, european_front};
pub use front::{CARD_MM, licence_front};
pub use mrz::td3_lines;
pub use passport::{PAGE_MM, passport_page};
pub use payload::aamva_payload;
pub use zone::{SpecimenZone, ZoneFormat, zone_page};

use super::SpecimenError;
use super::draw::{Area, Canvas, Fonts, Typeface};

/// Pixels a millimetre of a drawn document: 355.6 dpi.
pub const SCALE: f32 = 14.0;

const INK: [u8; 3] = [24, 26, 34];
const LABEL: [u8; 3] = [30, 84, 138];
const MARK: [u8; 3] = [204, 22, 32];

/// Draws the mark that makes a picture unmistakably a specimen: solid letters in one place, and a translucent word
/// across the whole.
fn mark_specimen(
    canvas: &mut Canvas,
    fonts: &Fonts,
    solid: (f32, f32),
    size: f32,
    across: (f32, f32, f32),
) -> Result<(), SpecimenError> {
    canvas.stamp(fonts, (across.0, across.1), across.2, -24.0, (MARK, 0.10), "SPECIMEN")?;
    canvas.text(fonts, Typeface::Bold, solid, size, MARK, "SPECIMEN").map(drop)
}

/// A tinted ground with fine waves, so that readers have a pattern behind the text to cope with.
fn ground(canvas: &mut Canvas, light: [f32; 3], dark: [f32; 3]) {
    canvas.paint(|x, y| {
        let slope = (x * 0.011 + y * 0.004).min(1.0);
        let wave = ((x * 0.9 + 2.2 * (y * 0.35).sin()).sin() * (y * 1.1 + 1.7 * (x * 0.21).sin()).sin()) * 5.0;
        [0, 1, 2].map(|k| (light[k] + (dark[k] - light[k]) * slope + wave).clamp(0.0, 255.0) as u8)
    });
}

/// One labelled value: a small label and the value beside it.
struct Entry<'a> {
    place: (f32, f32),
    label: &'a str,
    value: &'a str,
    size: f32,
}

impl Entry<'_> {
    fn draw(&self, canvas: &mut Canvas, fonts: &Fonts) -> Result<(), SpecimenError> {
        let width = canvas.text(fonts, Typeface::Regular, self.place, 1.35, LABEL, self.label)?;
        let place = (self.place.0 + width + 1.0, self.place.1);
        canvas.text(fonts, Typeface::Bold, place, self.size, INK, self.value).map(drop)
    }
}

/// A thin frame with a picture in it.
fn framed_picture(canvas: &mut Canvas, picture: &crate::imaging::Rgb, area: Area) {
    canvas.picture(picture, area, 1.0);
    canvas.frame(area, 0.2, LABEL);
}

#[cfg(test)]
pub(super) mod tests {
    use crate::imaging::Rgb;

    /// Pixels in the colour of the solid mark.
    pub fn mark_pixels(image: &Rgb) -> usize {
        let is_mark = |p: &[u8]| p[0] > 170 && p[1] < 60 && p[2] < 70;
        image.data().chunks_exact(3).filter(|p| is_mark(p)).count()
    }
}
