//! A card with a symbol on it, drawn flat.

use clap::ValueEnum;
use jiff::civil::date;
use rxing::aztec::AztecWriter;
use rxing::datamatrix::DataMatrixWriter;
use rxing::qrcode::QRCodeWriter;
use rxing::{BarcodeFormat, EncodeHints, Writer};
use serde::Serialize;

use super::super::SpecimenError;
use super::super::document::{CARD_MM, aamva_payload, pdf417_modules};
use super::super::draw::{Area, Canvas, Fonts, Typeface};
use super::super::person::{PersonName, SpecimenLicence};
use super::super::random::Random;
use super::parameters::FrameParameters;
use crate::imaging::{Gray, Rect};

/// Which kind of symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SymbolKind {
    /// ISO/IEC 15438.
    Pdf417,
    /// ISO/IEC 18004.
    QrCode,
    /// ISO/IEC 16022.
    DataMatrix,
    /// ISO/IEC 24778.
    Aztec,
}

/// What a symbol is like.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SymbolPlan {
    /// Its kind.
    pub format: SymbolKind,
    /// Data columns of a PDF417 symbol.
    pub columns: usize,
    /// Error correction level of a PDF417 symbol.
    pub correction: u8,
    /// Modules that a row of a PDF417 symbol is high.
    pub row_height: usize,
    /// Share of the card's width that it spans.
    pub share: f32,
}

/// Data columns as issuers use them.
const COLUMNS: [usize; 7] = [8, 10, 11, 12, 13, 15, 17];
/// Pixels of a module of the drawn card.
const MODULE: usize = 6;

impl SymbolPlan {
    pub fn draw(format: SymbolKind, random: &mut Random) -> Self {
        Self {
            format,
            columns: COLUMNS[random.below(COLUMNS.len() as u32) as usize],
            // The AAMVA standard asks for at least 3 (D.5).
            correction: 3 + random.below(3) as u8,
            row_height: 3 + usize::from(random.below(4) == 0),
            share: match format {
                SymbolKind::Pdf417 => random.between(0.72, 0.9),
                SymbolKind::QrCode | SymbolKind::DataMatrix | SymbolKind::Aztec => random.between(0.2, 0.4),
            },
        }
    }
}

/// A drawn card.
#[derive(Debug)]
pub struct DrawnCard {
    /// The card without margin.
    pub image: Gray,
    /// What its symbol says.
    pub payload: Vec<u8>,
    /// What its symbol is like.
    pub plan: SymbolPlan,
    /// Width and height of the symbol in modules.
    pub symbol_modules: (f32, f32),
    /// Where the symbol lies on the card, in pixels of the drawing.
    pub symbol: Rect,
}

impl DrawnCard {
    /// Draws a card for a plan.
    ///
    /// # Errors
    /// [`SpecimenError`] when a bundled file is damaged or the symbol cannot be made.
    pub fn new(plan: SymbolPlan, parameters: &FrameParameters, random: &mut Random) -> Result<Self, SpecimenError> {
        let text = payload(plan.format, random);
        let (grid, row) = match plan.format {
            SymbolKind::Pdf417 => (pdf417_modules(&text, plan.columns, plan.correction)?, plan.row_height),
            SymbolKind::QrCode | SymbolKind::DataMatrix | SymbolKind::Aztec => (matrix(plan.format, &text)?, 1),
        };
        let modules = (grid.first().map_or(1, Vec::len) as f32, (grid.len() * row) as f32);
        // Millimetres of a module: the planned share of the width, unless the symbol were too high for the card.
        let module = (plan.share * CARD_MM.0 / modules.0).min(38.0 / modules.1);
        let scale = MODULE as f32 / module;
        let mut canvas = Canvas::new(CARD_MM.0, CARD_MM.1, scale);
        let (width, height) = (modules.0 * module, modules.1 * module);
        let (left, top) = ((CARD_MM.0 - width) / 2.0, CARD_MM.1 - height - random.between(3.0, 8.0));
        let paper = [parameters.paper as u8; 3];
        let (ink, tint) = ([parameters.ink as u8; 3], (parameters.paper - 14.0) as u8);
        let wave = random.between(0.4, 1.4);
        canvas.paint(|x, y| if ((x * wave).sin() * (y * 0.9).sin()) > 0.4 { [tint; 3] } else { paper });
        print_around(&mut canvas, top, ink, random)?;
        let quiet = 2.0 * module;
        canvas.rectangle(
            Area::new(left - 3.0 * quiet, top - quiet, width + 6.0 * quiet, height + 2.0 * quiet),
            paper,
            1.0,
        );
        canvas.modules((left, top), MODULE, MODULE * row, &grid, ink);
        damage(&mut canvas, (left, top, width, height), parameters, random);
        let image = canvas.into_image().to_gray();
        let origin = ((left * scale).round(), (top * scale).round());
        let symbol = Rect::new(origin.0, origin.1, modules.0 * MODULE as f32, modules.1 * MODULE as f32);
        Ok(Self { image, payload: text.into_bytes(), plan, symbol_modules: modules, symbol })
    }

    /// Pixels of a module of the drawing.
    pub const fn module() -> f32 {
        MODULE as f32
    }
}

/// Lines of print above the symbol, a magnetic stripe on some cards.
fn print_around(canvas: &mut Canvas, top: f32, ink: [u8; 3], random: &mut Random) -> Result<(), SpecimenError> {
    let fonts = Fonts::bundled()?;
    let mut y = 3.0;
    if random.below(3) == 0 && top > 16.0 {
        canvas.rectangle(Area::new(0.0, 2.0, CARD_MM.0, 8.0), [40; 3], 1.0);
        y = 12.0;
    }
    while y < top - 3.0 {
        let size = random.between(1.1, 2.2);
        canvas.text(&fonts, Typeface::Regular, (3.0, y + size), size, ink, &words(random, 52))?;
        y += 1.7 * size;
    }
    Ok(())
}

/// A stain or a scratch of the planned share of the symbol.
fn damage(
    canvas: &mut Canvas,
    (left, top, width, height): (f32, f32, f32, f32),
    parameters: &FrameParameters,
    random: &mut Random,
) {
    if parameters.damage <= 0.0 {
        return;
    }
    let colour = [if random.below(2) == 0 { parameters.paper } else { 110.0 } as u8; 3];
    let area = parameters.damage * width * height;
    match random.below(3) {
        0 => {
            let from = (left + random.between(0.0, width), top);
            let to = (left + random.between(0.0, width), top + height);
            let length = (from.0 - to.0).hypot(from.1 - to.1);
            canvas.line(from, to, area / length, colour, 1.0);
        }
        1 => {
            // One end of the symbol, as a thumb covers it.
            let covered = area / height;
            let x = if random.below(2) == 0 { left } else { left + width - covered };
            canvas.rectangle(Area::new(x, top - 1.0, covered, height + 2.0), colour, 1.0);
        }
        _ => {
            let side = area.sqrt();
            let (x, y) = (random.between(0.0, width - side), random.between(0.0, (height - side).max(0.1)));
            canvas.rectangle(Area::new(left + x, top + y, side, side.min(height)), colour, 1.0);
        }
    }
}

/// What the symbol says: licence-like for PDF417, short for the others.
fn payload(format: SymbolKind, random: &mut Random) -> String {
    if format != SymbolKind::Pdf417 {
        return format!("CARDED-{}-{}", letters(random, 10, 30), random.below(1_000_000));
    }
    let mut licence = SpecimenLicence::genuine(PersonName::Collins, date(2026, 3, 1));
    let person = &mut licence.person;
    person.first_name = letters(random, 4, 10);
    person.middle_name = letters(random, 3, 9);
    person.last_name = letters(random, 5, 16);
    person.street = format!("{} {} AVE APT {}", random.below(9999), letters(random, 6, 12), random.below(99));
    person.city = letters(random, 5, 14);
    person.postal_code = format!("{:05}0000", random.below(99_999));
    person.date_of_birth = date(1940 + random.below(66) as i16, 1 + random.below(12) as i8, 1 + random.below(28) as i8);
    licence.id_number = format!("{}{:07}", letters(random, 1, 2), random.below(10_000_000));
    aamva_payload(&licence)
}

fn letters(random: &mut Random, least: u32, limit: u32) -> String {
    (0..least + random.below(limit - least)).map(|_| char::from(b'A' + random.below(26) as u8)).collect()
}

/// Made-up capitals in groups, to a number of characters.
pub fn words(random: &mut Random, length: usize) -> String {
    let mut text = String::new();
    while text.len() < length {
        text.push_str(&letters(random, 2, 9));
        text.push(' ');
    }
    text
}

fn matrix(format: SymbolKind, text: &str) -> Result<Vec<Vec<bool>>, SpecimenError> {
    let hints = EncodeHints { Margin: Some("0".to_owned()), ..EncodeHints::default() };
    let made = match format {
        SymbolKind::QrCode => QRCodeWriter.encode_with_hints(text, &BarcodeFormat::QR_CODE, 0, 0, &hints),
        SymbolKind::DataMatrix => DataMatrixWriter.encode_with_hints(text, &BarcodeFormat::DATA_MATRIX, 0, 0, &hints),
        SymbolKind::Aztec | SymbolKind::Pdf417 => {
            AztecWriter.encode_with_hints(text, &BarcodeFormat::AZTEC, 0, 0, &hints)
        }
    };
    let matrix = made.map_err(|error| SpecimenError::Barcode(error.to_string()))?;
    Ok((0..matrix.getHeight()).map(|y| (0..matrix.getWidth()).map(|x| matrix.get(x, y)).collect()).collect())
}
