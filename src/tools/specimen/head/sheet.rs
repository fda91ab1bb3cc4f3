//! Attacks with a printed portrait: a sheet of paper, flat or bent, that is held up and turned.

use super::super::SpecimenError;
use super::super::draw::{Area, Canvas, Fonts, Typeface};
use super::mesh::Mesh;
use super::sitter::Sitter;
use super::texture::Texture;
use crate::imaging::{Point, warp};

/// The sheet in millimetres: A4 (ISO 216).
const SHEET_MM: (f32, f32) = (210.0, 297.0);
/// White border around the print, in millimetres.
const BORDER_MM: f32 = 10.0;
/// Pixels a millimetre of the print.
const SCALE: f32 = 3.0;
/// Size of the print relative to the living head.
const PRINTED_SIZE: f32 = 0.86;

/// The sheet's surface; `radius_mm` is that of the cylinder about the vertical that it is bent to, towards the camera.
pub fn sheet(radius_mm: Option<f32>) -> Mesh {
    let (columns, rows) = (64, 48);
    Mesh::new(columns + 1, rows + 1, false, |column, row| {
        let (s, t) = (column as f32 / columns as f32, row as f32 / rows as f32);
        let (along, y) = ((s - 0.5) * SHEET_MM.0, (t - 0.5) * SHEET_MM.1);
        let position = match radius_mm {
            None => [along, y, 0.0],
            Some(radius) => [radius * (along / radius).sin(), y, radius * ((along / radius).cos() - 1.0)],
        };
        (position, [s * SHEET_MM.0 * SCALE, t * SHEET_MM.1 * SCALE])
    })
}

/// The print: the portrait with its own background, a white border, and the word SPECIMEN on the border; or cut along
/// the outline of the head.
///
/// # Errors
/// [`SpecimenError::Asset`] when a font is damaged.
pub fn print(sitter: &Sitter, cut_out: bool) -> Result<Texture, SpecimenError> {
    let (portrait, fit) = (&sitter.picture, &sitter.fit);
    let fonts = Fonts::bundled()?;
    let (width, height) = (SHEET_MM.0 - 2.0 * BORDER_MM, SHEET_MM.1 - 2.0 * BORDER_MM);
    let pixels = |mm: f32| (mm * SCALE) as usize;
    let picture = warp(portrait, pixels(width), pixels(height), [200; 3], |p| {
        let (x, y) = face_place(p.x / SCALE, p.y / SCALE);
        let [u, v] = fit.pixel_of(x, y);
        Point::new(u.clamp(0.5, portrait.width() as f32 - 0.5), v.clamp(0.5, portrait.height() as f32 - 0.5))
    });
    if cut_out {
        let border = BORDER_MM * SCALE;
        let sheet = warp(&picture, (SHEET_MM.0 * SCALE) as usize, (SHEET_MM.1 * SCALE) as usize, [200; 3], |p| {
            Point::new(p.x - border, p.y - border)
        });
        return Ok(Texture::new(&sheet, |x, y| {
            let (x, y) = face_place(x as f32 / SCALE - BORDER_MM, y as f32 / SCALE - BORDER_MM);
            if fit.shows_head(x, y) { 1.0 } else { 0.0 }
        }));
    }
    let mut canvas = Canvas::new(SHEET_MM.0, SHEET_MM.1, SCALE);
    canvas.paint(|_, _| [244, 244, 240]);
    canvas.picture(&picture, Area::new(BORDER_MM, BORDER_MM, width, height), 1.0);
    canvas.text(&fonts, Typeface::Bold, (BORDER_MM, SHEET_MM.1 - 2.6), 5.0, [196, 24, 34], "SPECIMEN")?;
    Ok(Texture::opaque(&canvas.into_image()))
}

/// The place of the levelled face at a place of the printed part, in millimetres.
fn face_place(x: f32, y: f32) -> (f32, f32) {
    let (width, height) = (SHEET_MM.0 - 2.0 * BORDER_MM, SHEET_MM.1 - 2.0 * BORDER_MM);
    ((x - width / 2.0) / PRINTED_SIZE, (y - 0.44 * height) / PRINTED_SIZE)
}
