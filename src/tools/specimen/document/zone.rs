//! A machine-readable zone with random content, in each of the five formats of ICAO Doc 9303, on a plain card or page.
//!
//! For measuring the reader: names of random letters, so that nothing but the print tells one from another; long numbers,
//! unknown parts of dates and optional data in their share. Always holds: the same format and seed give the same lines, and
//! every check digit is right. The lines are made without the reader's code.

use clap::ValueEnum;

use super::super::SpecimenError;
use super::super::draw::{Area, Canvas, Fonts, Typeface};
use super::super::random::Random;
use super::mrz::{check_digit, filled};
use super::passport::{CAP, PITCH};
use super::{INK, LABEL, SCALE, ground, mark_specimen};
use crate::imaging::Rgb;

/// Formats of a zone (Doc 9303 parts 4 to 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ZoneFormat {
    /// Three lines of 30.
    Td1,
    /// Two lines of 36.
    Td2,
    /// Two lines of 44.
    Td3,
    /// Two lines of 44, a visa.
    MrvA,
    /// Two lines of 36, a visa.
    MrvB,
}

impl ZoneFormat {
    /// All five.
    pub const ALL: [Self; 5] = [Self::Td1, Self::Td2, Self::Td3, Self::MrvA, Self::MrvB];

    /// Characters in a line.
    fn length(self) -> usize {
        match self {
            Self::Td1 => 30,
            Self::Td2 | Self::MrvB => 36,
            Self::Td3 | Self::MrvA => 44,
        }
    }

    /// Size in millimetres (ISO/IEC 7810 ID-1, ID-2, ID-3; Doc 9303-7 for visas).
    fn size(self) -> (f32, f32) {
        match self {
            Self::Td1 => (85.60, 53.98),
            Self::Td2 | Self::MrvB => (105.0, 74.0),
            Self::Td3 => (125.0, 88.0),
            Self::MrvA => (120.0, 80.0),
        }
    }
}

/// What a zone says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecimenZone {
    /// Its format.
    pub format: ZoneFormat,
    /// Its lines, each of the format's length.
    pub lines: Vec<String>,
    /// The document number that it states, wherever it stands.
    pub number: String,
}

/// Distance of the last baseline from the lower edge, in millimetres.
const LAST_BASELINE: f32 = 7.4;
/// The same on a TD1 card, and its lines' distance: three lines share the height that two have elsewhere.
const LAST_BASELINE_TD1: f32 = 5.4;
const STEP_TD1: f32 = 4.25;
/// Distance of two lines, in millimetres.
const STEP: f32 = 6.4;

impl SpecimenZone {
    /// A zone that `seed` determines.
    #[must_use]
    pub fn random(format: ZoneFormat, seed: u64) -> Self {
        let mut random = Random::new(seed, 21 + format as u64);
        let length = format.length();
        let state = ["UTO", "D<<", "XXA", "GBR", "CHE", "QZV"][random.below(6) as usize];
        let nationality = ["UTO", "D<<", "XXX", "MWN"][random.below(4) as usize];
        let (family, given) = (words(&mut random, 2, 11), words(&mut random, 3, 8));
        let names = format!("{family}<<{given}");
        let (born, expires) = (birth(&mut random), expiry(&mut random));
        let (born, expires) = (checked(&born), checked(&expires));
        let sex = ['M', 'F', '<'][random.below(3) as usize];
        let long = matches!(format, ZoneFormat::Td1 | ZoneFormat::Td2) && random.below(4) == 0;
        let number_length = if long { 10 + random.below(3) as usize } else { 6 + random.below(4) as usize };
        let whole = number_of(&mut random, number_length);
        // A number that is too long goes on, with its check digit, in the optional data (Doc 9303-5 and -6, note j).
        let (number, rest) = match whole.split_at_checked(9) {
            Some((head, tail)) if long => (format!("{head}<"), format!("{tail}{}<", check_digit(&whole))),
            _ => (checked(&filled(&whole, 9)), String::new()),
        };
        let room = if format == ZoneFormat::Td2 { 7 } else { 14 };
        let optional = match random.below(3) {
            0 => number_of(&mut random, 5),
            _ => String::new(),
        };
        let optional = filled(&format!("{rest}{optional}"), room);
        let lines = match format {
            ZoneFormat::Td1 => {
                let upper = filled(&format!("I<{state}{number}{optional}"), length);
                let middle = format!("{born}{sex}{expires}{nationality}{}", filled("", 11));
                let composite = check_digit(&format!("{}{born}{expires}{}", &upper[5..], &middle[18..]));
                vec![upper, format!("{middle}{composite}"), filled(&names, length)]
            }
            ZoneFormat::Td2 => {
                let composite = check_digit(&format!("{number}{born}{expires}{optional}"));
                let lower = format!("{number}{nationality}{born}{sex}{expires}{optional}{composite}");
                vec![filled(&format!("I<{state}{names}"), length), lower]
            }
            ZoneFormat::Td3 => {
                let optional = checked(&optional);
                let composite = check_digit(&format!("{number}{born}{expires}{optional}"));
                let lower = format!("{number}{nationality}{born}{sex}{expires}{optional}{composite}");
                vec![filled(&format!("P<{state}{names}"), length), lower]
            }
            ZoneFormat::MrvA | ZoneFormat::MrvB => {
                let lower = format!("{number}{nationality}{born}{sex}{expires}{optional}");
                vec![filled(&format!("V<{state}{names}"), length), filled(&lower, length)]
            }
        };
        Self { format, lines, number: whole }
    }
}

/// Draws a card or page that has nothing on it but a few words and the zone.
///
/// # Errors
/// [`SpecimenError`] when an asset is damaged.
pub fn zone_page(zone: &SpecimenZone) -> Result<Rgb, SpecimenError> {
    let fonts = Fonts::bundled()?;
    let (width, height) = zone.format.size();
    let mut canvas = Canvas::new(width, height, SCALE);
    ground(&mut canvas, [244.0, 241.0, 232.0], [228.0, 234.0, 242.0]);
    canvas.rectangle(Area::new(0.0, height - 20.0, width, 20.0), [250, 249, 246], 0.85);
    canvas.text(&fonts, Typeface::Bold, (5.0, 8.0), 2.6, LABEL, "UTOPIA (A STATE THAT DOES NOT EXIST)")?;
    canvas.text(&fonts, Typeface::Regular, (5.0, 13.0), 1.6, INK, "Every name, date and number is invented")?;
    mark_specimen(&mut canvas, &fonts, (5.0, 21.0), 3.0, (width * 0.3, height * 0.55, 9.0))?;
    let (last, step) = match zone.format {
        ZoneFormat::Td1 => (height - LAST_BASELINE_TD1, STEP_TD1),
        ZoneFormat::Td2 | ZoneFormat::Td3 | ZoneFormat::MrvA | ZoneFormat::MrvB => (height - LAST_BASELINE, STEP),
    };
    let left = (width - PITCH * zone.format.length() as f32) / 2.0;
    for (above, line) in zone.lines.iter().rev().enumerate() {
        canvas.monospaced(&fonts, (left, last - step * above as f32), CAP, PITCH, INK, line)?;
    }
    Ok(canvas.into_image())
}

/// One to three words of random letters.
fn words(random: &mut Random, shortest: u32, longest: u32) -> String {
    let count = 1 + random.below(6) / 3 + random.below(6) / 5;
    let mut word = |_| {
        let length = shortest + random.below(longest - shortest + 1);
        (0..length).map(|_| letter(random)).collect::<String>()
    };
    (0..count).map(&mut word).collect::<Vec<_>>().join("<")
}

fn letter(random: &mut Random) -> char {
    char::from(b'A' + random.below(26) as u8)
}

fn digit(random: &mut Random) -> char {
    char::from(b'0' + random.below(10) as u8)
}

/// A number that begins with up to two letters, or mixes letters and digits.
fn number_of(random: &mut Random, length: usize) -> String {
    let mixed = random.below(4) == 0;
    let letters = random.below(3) as usize;
    let is_letter = |at: usize, random: &mut Random| at < letters || mixed && random.below(3) == 0;
    (0..length).map(|at| if is_letter(at, random) { letter(random) } else { digit(random) }).collect()
}

/// One birth in ten has an unknown day, or month and day (Doc 9303-3, 4.8).
fn birth(random: &mut Random) -> String {
    let year = random.below(100);
    let (month, day) = (1 + random.below(12), 1 + random.below(28));
    match random.below(20) {
        0 => format!("{year:02}{month:02}<<"),
        1 => format!("{year:02}<<<<"),
        _ => format!("{year:02}{month:02}{day:02}"),
    }
}

fn expiry(random: &mut Random) -> String {
    let (year, month, day) = (20 + random.below(20), 1 + random.below(12), 1 + random.below(28));
    format!("{year:02}{month:02}{day:02}")
}

fn checked(field: &str) -> String {
    format!("{field}{}", check_digit(field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::mrz::MrzDocument;
    use jiff::civil::date;

    #[test]
    fn every_zone_has_its_format_s_lines_and_right_check_digits() {
        for format in ZoneFormat::ALL {
            for seed in 0..300 {
                let zone = SpecimenZone::random(format, seed);
                assert!(zone.lines.iter().all(|line| line.len() == format.length()), "{zone:?}");
                let document = MrzDocument::parse(&zone.lines, date(2026, 3, 1)).unwrap();
                assert!(document.valid, "{zone:?}: {:?}", document.checks);
                let number = document.fields.document_number.map(|number| number.reveal().clone());
                assert_eq!(number.as_ref(), Some(&zone.number), "{zone:?}");
            }
        }
    }
}
