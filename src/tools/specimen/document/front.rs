//! The front of the driving licence.

use jiff::civil::Date;

use super::super::SpecimenError;
use super::super::draw::{Area, Canvas, Fonts, Typeface};
use super::super::person::SpecimenLicence;
use super::payload::document_discriminator;
use super::{Entry, INK, LABEL, SCALE, framed_picture, ground, mark_specimen};
use crate::document::Sex;
use crate::imaging::Rgb;

/// Size of an ID-1 card in millimetres (ISO/IEC 7810).
pub const CARD_MM: (f32, f32) = (85.60, 53.98);

/// Draws the front: what [`SpecimenLicence::as_printed`] says, labelled by the numbers of the AAMVA standard (annex A).
///
/// # Errors
/// [`SpecimenError`] when an asset is damaged or a character has no glyph.
pub fn licence_front(licence: &SpecimenLicence) -> Result<Rgb, SpecimenError> {
    let printed = licence.as_printed();
    let fonts = Fonts::bundled()?;
    let mut canvas = Canvas::new(CARD_MM.0, CARD_MM.1, SCALE);
    ground(&mut canvas, [240.0, 244.0, 236.0], [222.0, 232.0, 240.0]);
    canvas.rectangle(Area::new(0.0, 0.0, CARD_MM.0, 8.6), [52, 92, 120], 1.0);
    canvas.text(&fonts, Typeface::Bold, (3.2, 5.9), 3.0, [246, 248, 250], "DRIVER LICENSE")?;
    canvas.text(&fonts, Typeface::Regular, (46.0, 5.8), 1.8, [226, 236, 242], "SAMPLE ISSUER")?;
    canvas.text(&fonts, Typeface::Bold, (70.0, 5.9), 2.4, [246, 248, 250], &format!("{} USA", printed.state))?;
    let portrait = licence.portrait.for_document()?;
    framed_picture(&mut canvas, &portrait, Area::new(3.2, 11.0, 24.0, 30.0));
    canvas.picture(&portrait, Area::new(71.0, 34.4, 10.4, 13.0), 0.45);
    mark_specimen(&mut canvas, &fonts, (3.2, 50.2), 3.0, (24.0, 49.0, 9.5))?;
    for entry in entries(&printed, &document_discriminator(licence)) {
        let (x, y, label, value, size) = (entry.x, entry.y, entry.label, &entry.value, entry.size);
        Entry { place: (x, y), label, value, size }.draw(&mut canvas, &fonts)?;
    }
    canvas.line((31.0, 36.2), (69.0, 36.2), 0.15, LABEL, 0.6);
    canvas.text(&fonts, Typeface::Regular, (3.2, 45.0), 1.3, INK, "NOT AN IDENTIFICATION")?;
    Ok(canvas.into_image())
}

struct Row {
    x: f32,
    y: f32,
    label: &'static str,
    value: String,
    size: f32,
}

fn entries(printed: &SpecimenLicence, discriminator: &str) -> Vec<Row> {
    let person = &printed.person;
    let given = [person.first_name.as_str(), person.middle_name.as_str()].join(" ");
    let row = |x, y, label, value: String, size| Row { x, y, label, value, size };
    let address =
        format!("{}, {} {}", person.city, printed.state, &person.postal_code[..person.postal_code.len().min(5)]);
    let height = format!("{}'-{:02}\"", person.height_inches / 12, person.height_inches % 12);
    let sex = match person.sex {
        Sex::M => "M",
        Sex::F => "F",
        Sex::X => "X",
    };
    vec![
        row(30.0, 13.6, "4d DLN", printed.id_number.clone(), 2.5),
        row(59.0, 13.6, "9 CLASS", "C".to_owned(), 2.1),
        row(30.0, 18.0, "4b EXP", slashed(printed.expiration_date), 2.3),
        row(59.0, 18.0, "4a ISS", slashed(printed.issue_date), 1.9),
        row(30.0, 22.2, "1 LN", person.last_name.clone(), 2.1),
        row(30.0, 26.0, "2 FN", given.trim().to_owned(), 2.1),
        row(30.0, 29.8, "8", person.street.clone(), 1.8),
        row(32.4, 33.0, "", address, 1.8),
        row(30.0, 40.2, "3 DOB", slashed(person.date_of_birth), 2.5),
        row(30.0, 44.2, "15 SEX", sex.to_owned(), 1.8),
        row(44.0, 44.2, "16 HGT", height, 1.8),
        row(30.0, 47.6, "18 EYES", person.eyes.to_owned(), 1.8),
        row(49.0, 47.6, "17 WGT", format!("{} lb", person.weight_pounds), 1.8),
        row(30.0, 51.6, "5 DD", discriminator.to_owned(), 1.4),
    ]
}

/// `MM/DD/CCYY`, as cards of the United States print dates.
fn slashed(date: Date) -> String {
    format!("{:02}/{:02}/{:04}", date.month(), date.day(), date.year())
}
