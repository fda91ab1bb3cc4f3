//! The data page of the passport: ICAO Doc 9303-4, TD3.

use jiff::civil::Date;

use super::super::SpecimenError;
use super::super::draw::{Area, Canvas, Fonts, Typeface};
use super::super::person::SpecimenPassport;
use super::{INK, LABEL, SCALE, framed_picture, ground, mark_specimen, td3_lines};
use crate::document::Sex;
use crate::imaging::Rgb;

/// Size of a TD3 page in millimetres (ISO/IEC 7810 ID-3).
pub const PAGE_MM: (f32, f32) = (125.0, 88.0);
/// Step from one character of OCR-B size 1 to the next, in millimetres (Doc 9303-3, 4.4).
pub(super) const PITCH: f32 = 2.54;
/// Height of a capital letter of OCR-B size 1, in millimetres.
pub(super) const CAP: f32 = 2.4;
/// Baselines of the two lines; the zone is the lowest 23.2 mm of the page (Doc 9303-4, figure 4).
const BASELINES: [f32; 2] = [74.2, 80.6];

/// Draws the page.
///
/// # Errors
/// [`SpecimenError`] when an asset is damaged or a character has no glyph.
pub fn passport_page(passport: &SpecimenPassport) -> Result<Rgb, SpecimenError> {
    let fonts = Fonts::bundled()?;
    let mut canvas = Canvas::new(PAGE_MM.0, PAGE_MM.1, SCALE);
    ground(&mut canvas, [246.0, 240.0, 230.0], [232.0, 236.0, 244.0]);
    canvas.rectangle(Area::new(0.0, PAGE_MM.1 - 23.2, PAGE_MM.0, 23.2), [250, 249, 246], 0.85);
    canvas.text(&fonts, Typeface::Bold, (5.0, 8.4), 2.8, LABEL, "PASSPORT")?;
    canvas.text(&fonts, Typeface::Regular, (48.0, 8.4), 2.0, LABEL, "UTOPIA (A STATE THAT DOES NOT EXIST)")?;
    let portrait = passport.portrait.for_document()?;
    framed_picture(&mut canvas, &portrait, Area::new(5.0, 15.0, 35.0, 43.75));
    mark_specimen(&mut canvas, &fonts, (5.0, 63.2), 3.0, (34.0, 62.0, 13.0))?;
    for (x, y, label, value) in entries(passport) {
        canvas.text(&fonts, Typeface::Regular, (x, y), 1.3, LABEL, label)?;
        canvas.text(&fonts, Typeface::Bold, (x, y + 3.7), 2.1, INK, &value)?;
    }
    for (baseline, line) in BASELINES.into_iter().zip(td3_lines(passport)) {
        canvas.monospaced(&fonts, (6.6, baseline), CAP, PITCH, INK, &line)?;
    }
    Ok(canvas.into_image())
}

fn entries(passport: &SpecimenPassport) -> Vec<(f32, f32, &'static str, String)> {
    let person = &passport.person;
    let given = [person.first_name.as_str(), person.middle_name.as_str()].join(" ");
    vec![
        (45.0, 14.0, "Type", "P".to_owned()),
        (60.0, 14.0, "Code", passport.issuing_state.clone()),
        (84.0, 14.0, "Passport No.", passport.document_number.clone()),
        (45.0, 21.6, "Surname", person.last_name.clone()),
        (45.0, 29.2, "Given names", given.trim().to_owned()),
        (45.0, 36.8, "Nationality", "UTOPIAN".to_owned()),
        (84.0, 36.8, "Sex", sex_letter(person.sex).to_owned()),
        (45.0, 44.4, "Date of birth", worded(person.date_of_birth)),
        (84.0, 44.4, "Place of birth", person.place_of_birth.clone()),
        (45.0, 52.0, "Date of issue", worded(passport.issue_date)),
        (84.0, 52.0, "Date of expiry", worded(passport.expiration_date)),
    ]
}

pub(super) fn sex_letter(sex: Sex) -> &'static str {
    match sex {
        Sex::M => "M",
        Sex::F => "F",
        Sex::X => "X",
    }
}

/// `DD MMM YYYY`, the way Doc 9303-3, 3.8 recommends for the visual zone.
pub(super) fn worded(date: Date) -> String {
    const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    let month = MONTHS[usize::from(date.month().unsigned_abs()).clamp(1, 12) - 1];
    format!("{:02} {month} {:04}", date.day(), date.year())
}

#[cfg(test)]
mod tests {
    use super::super::super::person::{PersonName, SpecimenLicence};
    use super::super::tests::mark_pixels;
    use super::super::{identity_card_back, identity_card_front, licence_back, licence_front};
    use super::*;
    use jiff::civil::date;

    #[test]
    fn every_document_carries_the_mark_and_is_drawn_alike_twice() {
        let today = date(2026, 3, 1);
        for name in [PersonName::Collins, PersonName::Hopper] {
            let licence = SpecimenLicence::genuine(name, today);
            let page = passport_page(&SpecimenPassport::genuine(name, today)).unwrap();
            let card = SpecimenPassport::genuine(name, today);
            let (front, back) = (identity_card_front(&card).unwrap(), identity_card_back(&card).unwrap());
            let sides = [licence_front(&licence).unwrap(), licence_back(&licence).unwrap(), page, front, back];
            assert!(sides.iter().all(|side| mark_pixels(side) > 3000));
            assert_eq!(sides[0], licence_front(&licence).unwrap());
        }
    }
}
