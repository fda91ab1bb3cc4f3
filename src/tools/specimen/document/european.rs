//! The front of a driving licence of the European model (Directive 2006/126/EC, annex I), with a title in English.

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::super::SpecimenError;
use super::super::assets::Portrait;
use super::super::draw::{Area, Canvas, Fonts, Typeface};
use super::super::person::{PersonName, SpecimenPerson, plus_years};
use super::front::CARD_MM;
use super::{Entry, INK, LABEL, SCALE, framed_picture, ground, mark_specimen};
use crate::document::Sex;
use crate::imaging::Rgb;

/// A driving licence that has neither barcode nor machine-readable zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecimenEuropeanLicence {
    /// The holder.
    pub person: SpecimenPerson,
    /// The face on it.
    pub portrait: Portrait,
    /// Field 5.
    pub number: String,
    /// Field 4c.
    pub authority: String,
    /// First day of validity.
    pub issue_date: Date,
    /// Last day of validity.
    pub expiration_date: Date,
}

impl SpecimenEuropeanLicence {
    /// A licence that is good on `today`, with a number as Great Britain's authority composes it: issued two years before,
    /// good for ten.
    #[must_use]
    pub fn genuine(name: PersonName, today: Date) -> Self {
        let person = name.person(today);
        let issue_date = plus_years(today, -2);
        Self {
            number: driver_number(&person),
            portrait: name.portrait(),
            person,
            authority: "DVLA".to_owned(),
            issue_date,
            expiration_date: plus_years(issue_date, 10).saturating_sub(1.day()),
        }
    }
}

/// Surname, year's tens, month (50 more for a woman), day, year's units, initials; the rest is arbitrary here.
fn driver_number(person: &SpecimenPerson) -> String {
    let filled = |text: &str, length: usize| format!("{text:9<length$.length$}");
    let initial = |name: &str| name.chars().next().map(String::from).unwrap_or_default();
    let birth = person.date_of_birth;
    let month = birth.month() + if person.sex == Sex::F { 50 } else { 0 };
    format!(
        "{}{}{month:02}{:02}{}{}9XX",
        filled(&person.last_name, 5),
        birth.year() / 10 % 10,
        birth.day(),
        birth.year() % 10,
        filled(&(initial(&person.first_name) + &initial(&person.middle_name)), 2),
    )
}

/// Draws the front. Its back has nothing that a machine reads.
///
/// # Errors
/// [`SpecimenError`] when an asset is damaged or a character has no glyph.
pub fn european_front(licence: &SpecimenEuropeanLicence) -> Result<Rgb, SpecimenError> {
    let fonts = Fonts::bundled()?;
    let mut canvas = Canvas::new(CARD_MM.0, CARD_MM.1, SCALE);
    ground(&mut canvas, [244.0, 234.0, 238.0], [232.0, 226.0, 242.0]);
    canvas.text(&fonts, Typeface::Bold, (24.0, 6.8), 3.0, LABEL, "DRIVING LICENCE")?;
    canvas.text(&fonts, Typeface::Regular, (64.0, 9.8), 1.7, LABEL, "SAMPLE STATE")?;
    let portrait = licence.portrait.for_document()?;
    framed_picture(&mut canvas, &portrait, Area::new(3.2, 12.0, 23.0, 29.0));
    mark_specimen(&mut canvas, &fonts, (3.2, 49.0), 3.0, (24.0, 49.0, 9.5))?;
    for (y, label, value, size) in entries(licence) {
        Entry { place: (30.0, y), label, value: &value, size }.draw(&mut canvas, &fonts)?;
    }
    let authority = Entry { place: (56.0, 28.0), label: "4c.", value: &licence.authority, size: 2.1 };
    authority.draw(&mut canvas, &fonts)?;
    canvas.text(&fonts, Typeface::Bold, (62.0, 50.6), 1.9, INK, "AM/B/f/k/q")?;
    Ok(canvas.into_image())
}

fn entries(licence: &SpecimenEuropeanLicence) -> Vec<(f32, &'static str, String, f32)> {
    let person = &licence.person;
    let given = [person.first_name.as_str(), person.middle_name.as_str()].join(" ");
    vec![
        (13.6, "1.", person.last_name.clone(), 2.3),
        (18.4, "2.", given.trim().to_owned(), 2.3),
        (23.2, "3.", format!("{} {}", dotted(person.date_of_birth), person.place_of_birth), 2.3),
        (28.0, "4a.", dotted(licence.issue_date), 2.3),
        (32.8, "4b.", dotted(licence.expiration_date), 2.3),
        (37.6, "5.", licence.number.clone(), 2.3),
        (43.6, "8.", format!("{}, {}", person.street, person.city), 1.8),
    ]
}

/// `DD.MM.CCYY`
fn dotted(date: Date) -> String {
    format!("{:02}.{:02}.{:04}", date.day(), date.month(), date.year())
}
