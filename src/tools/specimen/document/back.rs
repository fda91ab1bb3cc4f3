//! The back of the driving licence, with its PDF417 symbol.

use rxing::pdf417::PDF417Writer;
use rxing::pdf417::encoder::Dimensions;
use rxing::{BarcodeFormat, EncodeHints, Writer};

use super::super::SpecimenError;
use super::super::draw::{Area, Canvas, Fonts, Typeface};
use super::super::person::SpecimenLicence;
use super::front::CARD_MM;
use super::payload::{aamva_payload, document_discriminator};
use super::{INK, SCALE, ground, mark_specimen};
use crate::imaging::Rgb;

/// Data columns of the symbol.
const COLUMNS: usize = 12;
/// Error correction level; the AAMVA standard asks for at least 3 (D.5).
const CORRECTION: u8 = 5;
/// Pixels of one module: 0.286 mm, within the standard's 0.170 to 0.380 mm (D.6).
const MODULE: usize = 4;
/// Pixels of one row: three modules, the least that the standard allows (D.6).
const ROW: usize = 3 * MODULE;
/// Rows of pixels that the writer makes of one row of modules at scale one.
const WRITER_ROW: usize = 4;

/// Draws the back.
///
/// # Errors
/// [`SpecimenError`] when an asset is damaged or the payload is too long for one symbol.
pub fn licence_back(licence: &SpecimenLicence) -> Result<Rgb, SpecimenError> {
    let fonts = Fonts::bundled()?;
    let mut canvas = Canvas::new(CARD_MM.0, CARD_MM.1, SCALE);
    ground(&mut canvas, [242.0, 243.0, 240.0], [228.0, 234.0, 238.0]);
    canvas.rectangle(Area::new(0.0, 2.6, CARD_MM.0, 8.4), [46, 44, 48], 1.0);
    mark_specimen(&mut canvas, &fonts, (3.2, 15.6), 3.0, (18.0, 26.0, 6.0))?;
    canvas.text(&fonts, Typeface::Regular, (31.0, 15.6), 1.5, INK, "CLASS C   END NONE   REST NONE   SAMPLE ISSUER")?;
    canvas.text(&fonts, Typeface::Regular, (3.2, 19.4), 1.4, INK, &document_discriminator(licence))?;
    let grid = pdf417_modules(&aamva_payload(licence), COLUMNS, CORRECTION)?;
    let width = grid.first().map_or(0, Vec::len) * MODULE;
    let (width, height) = (width as f32 / SCALE, (grid.len() * ROW) as f32 / SCALE);
    let (left, top) = ((CARD_MM.0 - width) / 2.0, 22.4);
    let quiet = 2.0 * MODULE as f32 / SCALE;
    canvas.rectangle(
        Area::new(left - 3.0 * quiet, top - quiet, width + 6.0 * quiet, height + 2.0 * quiet),
        [255; 3],
        1.0,
    );
    canvas.modules((left, top), MODULE, ROW, &grid, INK);
    canvas.text(
        &fonts,
        Typeface::Regular,
        (3.2, 52.6),
        1.2,
        INK,
        "SPECIMEN - INVENTED DATA - NOT VALID AS IDENTIFICATION",
    )?;
    Ok(canvas.into_image())
}

/// The modules of a symbol with `columns` data columns and an error correction level of `correction`, `true` dark, one row
/// of the symbol a line, without a quiet zone.
///
/// # Errors
/// [`SpecimenError::Barcode`] when the text does not fit into one symbol.
pub fn pdf417_modules(text: &str, columns: usize, correction: u8) -> Result<Vec<Vec<bool>>, SpecimenError> {
    let hints = EncodeHints {
        ErrorCorrection: Some(correction.to_string()),
        Margin: Some("0".to_owned()),
        Pdf417Dimensions: Some(Dimensions::new(columns, columns, 3, 90)),
        ..EncodeHints::default()
    };
    let refused = |error: rxing::Exceptions| SpecimenError::Barcode(error.to_string());
    let matrix = PDF417Writer::new().encode_with_hints(text, &BarcodeFormat::PDF_417, 4, 1, &hints).map_err(refused)?;
    let (width, rows) = (matrix.getWidth(), matrix.getHeight() as usize / WRITER_ROW);
    let middle = |row: usize| (row * WRITER_ROW + WRITER_ROW / 2) as u32;
    Ok((0..rows).map(|row| (0..width).map(|x| matrix.get(x, middle(row))).collect()).collect())
}

#[cfg(test)]
mod tests {
    use super::super::super::person::PersonName;
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_symbol_on_the_back_is_read_back_byte_for_byte() {
        let licence = SpecimenLicence::genuine(PersonName::Collins, date(2026, 3, 1));
        let back = licence_back(&licence).unwrap().to_gray();
        let (width, height) = (back.width() as u32, back.height() as u32);
        let format = Some(BarcodeFormat::PDF_417);
        let read = rxing::helpers::detect_in_luma(back.data().to_vec(), width, height, format).unwrap();
        assert_eq!(read.getText(), aamva_payload(&licence));
    }
}
