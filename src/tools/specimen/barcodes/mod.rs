//! Frames with a barcode as a camera sees it: turned, tilted, bent, unevenly lit, blurred, noisy and compressed, on a card
//! among clutter.
//!
//! Always holds: the seed and the sweep give the same frame and the same truth, and every name, number and date is
//! invented. Does not share code with the reader that it is there to test, but for rxing's encoders and plain geometry.

mod card;
mod clutter;
mod parameters;
mod scene;
mod sensor;

use std::io::Cursor;

use image::ImageEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use serde::Serialize;

use super::SpecimenError;
use super::files::Folder;
use super::random::Random;
use crate::imaging::{Gray, Quad};
use crate::tools::exit::CommandError;

pub use card::SymbolKind;
pub use parameters::{FrameParameters, Sweep};

/// Size of a frame in pixels.
pub const FRAME: (usize, usize) = (1920, 1080);

/// A frame and what it holds.
#[derive(Debug)]
pub struct BarcodeFrame {
    /// The picture.
    pub image: Gray,
    /// What the symbol says; `None` in a frame without one.
    pub payload: Option<Vec<u8>>,
    /// Where the symbol's corners are, clockwise from its own top-left.
    pub corners: Option<Quad>,
    /// How it was made.
    pub parameters: FrameParameters,
}

/// One line of `frames.jsonl`.
#[derive(Serialize)]
struct FrameLine<'a> {
    file: &'a str,
    #[serde(flatten)]
    parameters: &'a FrameParameters,
    payload_bytes: usize,
    corners: Option<Quad>,
}

/// Makes the frame that a seed stands for; `take` counts the photographs of the same card.
///
/// # Errors
/// [`SpecimenError`] when a bundled file is damaged or a symbol cannot be made.
pub fn barcode_frame(seed: u64, take: u32, sweep: Sweep, kind: SymbolKind) -> Result<BarcodeFrame, SpecimenError> {
    let (drawn, parameters) = parameters::draw(seed, sweep, kind)?;
    let parameters = parameters.shaken(seed, take);
    let scene = scene::Scene::new(&parameters, drawn.as_ref(), &mut Random::new(seed, 40));
    let background = clutter::background(seed)?;
    let light = sensor::Light::new(seed, &parameters);
    let mut picture = scene.photograph(drawn.as_ref(), &background, |at| light.gain(at));
    let (payload, corners) = drawn.as_ref().map(|card| (card.payload.clone(), scene.corners(card))).unzip();
    match (parameters.glare_at, corners) {
        (Some([across, down]), Some(Quad([a, b, c, d]))) => {
            let (top, bottom) = (a + (b - a) * across, d + (c - d) * across);
            light.add_glare(&mut picture, top + (bottom - top) * down);
        }
        _ => light.add_glare(&mut picture, light.beside(scene.centre())),
    }
    let image = sensor::expose(picture, &parameters, &mut Random::new(seed, 41 + u64::from(take)))?;
    Ok(BarcodeFrame { image, payload, corners, parameters })
}

/// Writes `count` frames from `seed` on, `takes` of each card: PNG, what the symbol says beside it, and a line each.
///
/// # Errors
/// [`CommandError::Usage`] when a file is there already or cannot be written.
pub fn write_frames(
    folder: &Folder,
    (seed, count, takes): (u64, u32, u32),
    sweep: Sweep,
    kind: SymbolKind,
) -> Result<(), CommandError> {
    let mut lines = Vec::new();
    for seed in (seed..).take(count as usize) {
        for take in 0..takes {
            let frame = barcode_frame(seed, take, sweep, kind)?;
            let name = if takes > 1 { format!("{seed:08}-{take:02}") } else { format!("{seed:08}") };
            let file = format!("{name}.png");
            folder.file(&file, &encode_png(&frame.image)?)?;
            if let Some(payload) = &frame.payload {
                folder.file(&format!("{name}.bin"), payload)?;
            }
            let line = FrameLine {
                file: &file,
                parameters: &frame.parameters,
                payload_bytes: frame.payload.as_ref().map_or(0, Vec::len),
                corners: frame.corners,
            };
            serde_json::to_writer(&mut lines, &line).map_err(|error| SpecimenError::Encode(error.to_string()))?;
            lines.push(b'\n');
        }
    }
    folder.file("frames.jsonl", &lines)
}

fn encode_png(image: &Gray) -> Result<Vec<u8>, SpecimenError> {
    let mut bytes = Cursor::new(Vec::new());
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Up)
        .write_image(image.data(), image.width() as u32, image.height() as u32, image::ExtendedColorType::L8)
        .map_err(|error| SpecimenError::Encode(error.to_string()))?;
    Ok(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_frame_and_another_take_does_not() {
        let make = |seed, take| barcode_frame(seed, take, Sweep::Goal, SymbolKind::Pdf417).unwrap();
        let (first, again, moved) = (make(3, 0), make(3, 0), make(3, 1));
        assert!(first.image == again.image && first.image != moved.image);
        assert!(first.payload == moved.payload && first.payload.is_some());
    }

    #[test]
    fn the_corners_lie_in_the_frame() {
        for (seed, sweep) in [(5, Sweep::Goal), (6, Sweep::Bending), (7, Sweep::Perspective)] {
            let (drawn, parameters) = parameters::draw(seed, sweep, SymbolKind::Pdf417).unwrap();
            let scene = scene::Scene::new(&parameters, drawn.as_ref(), &mut Random::new(seed, 40));
            let bounds = scene.corners(&drawn.unwrap()).bounds();
            assert!(
                bounds.x > 0.0 && bounds.right() < 1920.0 && bounds.y > 0.0 && bounds.bottom() < 1080.0,
                "{bounds:?}"
            );
        }
    }
}
