//! Recaptures of a document, and bona fide photos of the same document by the same cameras.
//!
//! A recapture is a photo of something that shows the document without being it: a screen, a photocopy, a print (in the
//! terms of ISO/IEC 30107-3 a presentation attack instrument). Always holds: the same seed gives the same picture; all
//! media are lit, framed and photographed by the same [`camera`], which the seed alone determines, so that nothing but
//! the medium tells two pictures of one seed apart. The models are of light, ink and pixels, and are stated where they are
//! made; a rate that was measured on them says how well these models are told apart, and not how well real ones are.

mod camera;
mod card;
mod paper;
#[cfg(test)]
mod report;
mod screen;
mod sheet;

use clap::ValueEnum;

use super::SpecimenError;
use super::random::{Random, smooth_noise};
use crate::imaging::{Quad, Rect, Rgb};
use camera::Camera;
pub(super) use screen::PixelGrid;
pub(super) use sheet::{Sheet, encoded, linear};

pub use card::{CardSide, varied_card, varied_licence};

/// What is held before the camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum Medium {
    /// The card itself: the bona fide presentation.
    Genuine,
    /// A photo of the card on a phone, a tablet or a monitor.
    Screen,
    /// A photocopy in shades of grey.
    Photocopy,
    /// A colour copy, by laser or inkjet.
    Print,
}

/// A picture that the camera gave.
#[derive(Debug)]
pub struct Presentation {
    /// The picture as it was compressed.
    pub jpeg: Vec<u8>,
    /// The corners of the shown card in it, clockwise from the card's own top-left.
    pub corners: Quad,
}

/// What is in the picture, in linear light.
struct Subject {
    /// The thing itself; 1 is what a white paper reflects.
    sheet: Sheet,
    /// Where the card is on the sheet, in its pixels.
    card: Rect,
    /// Radius of the corners of the sheet, in its pixels.
    corner: f32,
    /// How ragged its edges are, in its pixels.
    ragged: f32,
    /// Strength of the reflection of a lamp.
    gloss: f32,
    /// How much of what is seen is the room's light and not its own, 0…1.
    lit: f32,
    /// Brightness of what is around it.
    around: f32,
    /// The pattern of a screen.
    grid: Option<PixelGrid>,
}

/// Photographs a flat drawn card, shown by `medium`.
///
/// # Errors
/// [`SpecimenError`] when the view does not show it or it cannot be compressed.
pub fn present(card: &Rgb, medium: Medium, seed: u64) -> Result<Presentation, SpecimenError> {
    let camera = Camera::drawn(seed);
    let subject = match medium {
        Medium::Genuine => genuine(card, seed),
        Medium::Screen => screen::shown(card, seed)?,
        Medium::Photocopy => paper::photocopy(card, seed),
        Medium::Print => paper::print(card, seed),
    };
    let corners = camera.view.project((card.width(), card.height()));
    let jpeg = camera.take(subject, corners, seed)?;
    Ok(Presentation { jpeg, corners })
}

/// The card itself: a laminate over a continuous tone.
fn genuine(card: &Rgb, seed: u64) -> Subject {
    let mut random = Random::new(seed, 60);
    let sheet = Sheet::of(card);
    let scale = card.width() as f32 / super::document::CARD_MM.0;
    Subject {
        card: sheet.bounds(),
        sheet,
        corner: 3.18 * scale,
        ragged: 0.0,
        gloss: random.between(0.0, 0.16),
        lit: 1.0,
        around: 1.0,
        grid: None,
    }
}

/// The table or counter around, in linear light: wood, cloth or plain.
struct Ground {
    kind: u32,
    colour: [f32; 3],
    seed: u32,
}

impl Ground {
    fn drawn(seed: u64) -> Self {
        let mut random = Random::new(seed, 61);
        let level = random.between(30.0, 165.0);
        let tint = [random.between(0.85, 1.15), 1.0, random.between(0.75, 1.1)];
        let colour = tint.map(|share| level * share);
        Self { kind: random.below(3), colour, seed: random.below(u32::MAX) }
    }

    fn at(&self, x: f32, y: f32) -> [f32; 3] {
        let texture = match self.kind {
            0 => {
                smooth_noise(x / 160.0, y / 9.0, self.seed) * 9.0 + smooth_noise(x / 40.0, y / 2.5, self.seed ^ 1) * 5.0
            }
            1 => {
                smooth_noise(x / 3.0, y / 3.0, self.seed) * 6.0 + smooth_noise(x / 50.0, y / 50.0, self.seed ^ 1) * 6.0
            }
            _ => smooth_noise(x / 200.0, y / 200.0, self.seed) * 5.0,
        };
        self.colour.map(|value| linear((value + texture) / 255.0))
    }
}
