//! Many cards out of one design: other people, values, colours and background lines.
//!
//! A card's fine background lines (guilloche) are periodic too. They are drawn here so that a detector of screens and
//! halftone has something to be wrong about.

use clap::ValueEnum;
use jiff::ToSpan;
use jiff::civil::Date;

use super::super::SpecimenError;
use super::super::document::{SCALE, licence_back, licence_front};
use super::super::person::{PersonName, SpecimenLicence};
use super::super::random::Random;
use crate::imaging::Rgb;

const FIRST: [&str; 8] = ["EILEEN", "GRACE", "MARIA", "JOAN", "ADA", "RUTH", "LENA", "CLARA"];
const LAST: [&str; 8] = ["SAMPLE", "SPECIMAN", "EXEMPLAR", "TESTER", "MODELL", "PATTERN", "SHOWCASE", "DEMOTT"];
const CITY: [&str; 5] = ["SACRAMENTO", "FRESNO", "OAKLAND", "SAN DIEGO", "EUREKA"];
/// The layer of lines ends above the barcode of a back, in millimetres: standards ask for a quiet ground there.
const LINES_UNTIL: f32 = 20.5;

/// A side of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub enum CardSide {
    /// With the portrait.
    Front,
    /// With the barcode.
    Back,
}

/// A licence with the portrait of `name` and particulars that `seed` determines.
#[must_use]
pub fn varied_licence(name: PersonName, today: Date, seed: u64) -> SpecimenLicence {
    let mut random = Random::new(seed, 90);
    let mut licence = SpecimenLicence::genuine(name, today);
    let pick = |list: &[&str], random: &mut Random| list[random.below(list.len() as u32) as usize].to_owned();
    licence.person.first_name = pick(&FIRST, &mut random);
    licence.person.last_name = pick(&LAST, &mut random);
    licence.person.city = pick(&CITY, &mut random);
    licence.person.street = format!("{} EXAMPLE AVE", 100 + random.below(9000));
    licence.person.height_inches = 58 + random.below(18) as u16;
    licence.person.weight_pounds = 100 + random.below(120) as u16;
    licence.person.date_of_birth = licence.person.date_of_birth.saturating_add(i64::from(random.below(3000)).days());
    licence.id_number = format!("{}{:07}", char::from(b'A' + random.below(26) as u8), random.below(10_000_000));
    licence
}

/// One side of a card of a design of its own.
///
/// # Errors
/// [`SpecimenError`] when a bundled file is damaged.
pub fn varied_card(licence: &SpecimenLicence, side: CardSide, seed: u64) -> Result<Rgb, SpecimenError> {
    let mut drawn = match side {
        CardSide::Front => licence_front(licence)?,
        CardSide::Back => licence_back(licence)?,
    };
    let until = match side {
        CardSide::Front => f32::MAX,
        CardSide::Back => LINES_UNTIL,
    };
    let mut random = Random::new(seed, 91);
    let pastel = |random: &mut Random| [(); 3].map(|()| 1.0 - random.between(0.0, 0.22));
    let (from, to) = (pastel(&mut random), pastel(&mut random));
    let layers: Vec<Lines> = (0..=random.below(3)).map(|_| Lines::drawn(&mut random)).collect();
    let (width, height) = (drawn.width(), drawn.height());
    for y in 0..height {
        for x in 0..width {
            let (mx, my) = (x as f32 / SCALE, y as f32 / SCALE);
            let share = f32::midpoint(mx / 85.6, my / 54.0);
            let mut pixel = drawn.pixel(x, y).map(f32::from);
            for k in 0..3 {
                pixel[k] *= if my < until { from[k] + (to[k] - from[k]) * share } else { 1.0 };
            }
            for lines in layers.iter().filter(|_| my < until) {
                let ink = lines.at(mx, my);
                for (value, colour) in pixel.iter_mut().zip(lines.colour) {
                    *value *= 1.0 - ink * (1.0 - colour);
                }
            }
            drawn.set_pixel(x, y, pixel.map(|value| (value + 0.5).clamp(0.0, 255.0) as u8));
        }
    }
    Ok(drawn)
}

/// A family of fine waving lines.
struct Lines {
    colour: [f32; 3],
    opacity: f32,
    /// Distance of two lines and width of one, in millimetres.
    pitch: f32,
    width: f32,
    direction: (f32, f32),
    /// Height and length of the waves, in millimetres.
    wave: (f32, f32),
}

impl Lines {
    fn drawn(random: &mut Random) -> Self {
        let direction = random.between(0.0, std::f32::consts::PI).sin_cos();
        let pitch = random.between(0.3, 1.1);
        Self {
            colour: [(); 3].map(|()| random.between(0.1, 0.8)),
            opacity: random.between(0.1, 0.45),
            pitch,
            width: random.between(0.08, 0.16).min(0.5 * pitch),
            direction,
            wave: (random.between(0.3, 3.0), random.between(6.0, 40.0)),
        }
    }

    /// How much ink lies at a place, soft over one pixel of the drawing.
    fn at(&self, x: f32, y: f32) -> f32 {
        let (sin, cos) = self.direction;
        let (along, across) = (x * cos + y * sin, y * cos - x * sin);
        let wave = self.wave.0 * (along * 2.0 * std::f32::consts::PI / self.wave.1).sin();
        let turns = (across + wave) / self.pitch;
        let distance = (turns - turns.round()).abs() * self.pitch;
        self.opacity * ((self.width / 2.0 - distance) * SCALE + 0.5).clamp(0.0, 1.0)
    }
}
