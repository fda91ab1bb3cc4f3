//! An identity card with a machine-readable zone: ICAO Doc 9303-5, TD1. The portrait and the print are on the front, the
//! zone is on the back.

use super::super::SpecimenError;
use super::super::draw::{Area, Canvas, Fonts, Typeface};
use super::super::person::SpecimenPassport;
use super::front::CARD_MM;
use super::passport::{CAP, PITCH, sex_letter, worded};
use super::{INK, LABEL, SCALE, framed_picture, ground, mark_specimen, td1_lines};
use crate::imaging::Rgb;

/// Baselines of the three lines; the zone is the lowest 23.2 mm of the card (Doc 9303-5, figure 4).
const BASELINES: [f32; 3] = [40.0, 44.3, 48.6];

/// Draws the front of an identity card with the data of a passport.
///
/// # Errors
/// [`SpecimenError`] when an asset is damaged or a character has no glyph.
pub fn identity_card_front(card: &SpecimenPassport) -> Result<Rgb, SpecimenError> {
    let fonts = Fonts::bundled()?;
    let mut canvas = Canvas::new(CARD_MM.0, CARD_MM.1, SCALE);
    ground(&mut canvas, [236.0, 242.0, 238.0], [226.0, 234.0, 244.0]);
    canvas.text(&fonts, Typeface::Bold, (4.0, 6.8), 2.8, LABEL, "IDENTITY CARD")?;
    canvas.text(&fonts, Typeface::Regular, (44.0, 6.8), 1.7, LABEL, "UTOPIA (A STATE THAT DOES NOT EXIST)")?;
    framed_picture(&mut canvas, &card.portrait.for_document()?, Area::new(4.0, 11.0, 25.0, 31.25));
    mark_specimen(&mut canvas, &fonts, (4.0, 49.0), 3.0, (24.0, 47.0, 9.5))?;
    for (x, y, label, value) in entries(card) {
        canvas.text(&fonts, Typeface::Regular, (x, y), 1.25, LABEL, label)?;
        canvas.text(&fonts, Typeface::Bold, (x, y + 3.5), 2.0, INK, &value)?;
    }
    Ok(canvas.into_image())
}

fn entries(card: &SpecimenPassport) -> Vec<(f32, f32, &'static str, String)> {
    let person = &card.person;
    let given = [person.first_name.as_str(), person.middle_name.as_str()].join(" ");
    vec![
        (33.0, 12.0, "Surname", person.last_name.clone()),
        (33.0, 18.6, "Given names", given.trim().to_owned()),
        (33.0, 25.2, "Date of birth", worded(person.date_of_birth)),
        (62.0, 25.2, "Sex", sex_letter(person.sex).to_owned()),
        (33.0, 31.8, "Document No.", card.document_number.clone()),
        (33.0, 38.4, "Date of issue", worded(card.issue_date)),
        (58.0, 38.4, "Date of expiry", worded(card.expiration_date)),
    ]
}

/// Draws its back.
///
/// # Errors
/// As of [`identity_card_front`].
pub fn identity_card_back(card: &SpecimenPassport) -> Result<Rgb, SpecimenError> {
    let fonts = Fonts::bundled()?;
    let mut canvas = Canvas::new(CARD_MM.0, CARD_MM.1, SCALE);
    ground(&mut canvas, [238.0, 240.0, 232.0], [230.0, 236.0, 242.0]);
    canvas.rectangle(Area::new(0.0, CARD_MM.1 - 23.2, CARD_MM.0, 23.2), [250, 249, 246], 0.85);
    mark_specimen(&mut canvas, &fonts, (4.0, 8.0), 3.0, (24.0, 28.0, 9.5))?;
    canvas.text(&fonts, Typeface::Regular, (4.0, 16.0), 1.4, LABEL, "Place of birth")?;
    canvas.text(&fonts, Typeface::Bold, (4.0, 19.6), 2.0, INK, &card.person.place_of_birth)?;
    for (baseline, line) in BASELINES.into_iter().zip(td1_lines(card)) {
        canvas.monospaced(&fonts, (4.6, baseline), CAP, PITCH, INK, &line)?;
    }
    Ok(canvas.into_image())
}
