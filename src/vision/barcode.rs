//! Barcodes out of a picture: PDF417 by the house's own localiser and reader, everything else (and what they miss) by
//! rxing.
//!
//! The order is that of cost and of likelihood: regions of bars, laid level, guards found, codewords read; then the same
//! views and the whole picture through rxing. Always holds: a panic inside a decoder is 'not read', the number of views
//! and attempts is capped whatever the picture, and what a symbol says is personal. Does not judge what it says, and
//! cannot stop a decoder that hangs: the worker process that it is meant to run in can.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Serialize;

use super::fallback;
use super::pdf417;
use crate::imaging::{BarRegion, Deskewed, Gray, Point, Quad, Rect, deskew, find_guards, locate_bars};
use crate::privacy::Personal;

/// A kind of barcode, by its usual name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// ISO/IEC 15438: on the back of North American licences.
    Pdf417,
    /// ISO/IEC 18004.
    QrCode,
    /// ISO/IEC 16022.
    DataMatrix,
    /// ISO/IEC 24778.
    Aztec,
    /// ISO/IEC 15417.
    #[serde(rename = "code_128")]
    Code128,
}

/// A barcode that was read.
#[derive(Debug, Clone)]
pub struct Symbol {
    /// Its kind.
    pub format: Format,
    /// What it says, as text.
    pub text: Personal<String>,
    /// The bytes that it encodes.
    pub bytes: Personal<Vec<u8>>,
    /// Its outline in the picture's pixels, from its own top-left.
    pub corners: Quad,
}

/// How much to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BarcodeOptions {
    /// Regions of bars that are looked into, best first.
    pub regions: usize,
    /// Whether the whole picture is searched by rxing too, for all kinds of symbols and for PDF417 that the localiser
    /// missed: about 100 ms on a picture of two megapixels.
    pub whole_picture: bool,
}

impl BarcodeOptions {
    /// For frames of a running camera, where the next frame is another chance.
    #[must_use]
    pub const fn live() -> Self {
        Self { regions: 3, whole_picture: false }
    }

    /// For a still picture.
    #[must_use]
    pub const fn thorough() -> Self {
        Self { regions: 6, whole_picture: true }
    }
}

/// Symbols that are read in one view, at most.
const MAX_SYMBOLS_A_VIEW: usize = 4;
/// Pixels in which the width of a view of the whole picture is aimed at.
const WHOLE_VIEW_WIDTH: f32 = 1600.0;

/// Reads the barcodes of a picture, each once, in no promised order.
#[must_use]
pub fn read_barcodes(picture: &Gray, options: &BarcodeOptions) -> Vec<Symbol> {
    let mut symbols = Vec::new();
    let regions = locate_bars(picture, options.regions);
    for region in &regions {
        read_region(picture, region, &mut symbols);
    }
    if symbols.is_empty() && options.whole_picture {
        for view in whole_views(picture) {
            read_view(picture, view, &mut symbols);
        }
    }
    if symbols.is_empty() {
        let most = if options.whole_picture { regions.len() } else { 1 };
        for region in regions.iter().take(most) {
            if let Some(view) = level(picture, region.outline) {
                keep(guarded(|| fallback::read_level(&view)).into_iter().flatten(), &mut symbols);
            }
        }
    }
    if options.whole_picture {
        keep(guarded(|| fallback::read_whole(picture, symbols.is_empty())).into_iter().flatten(), &mut symbols);
    }
    symbols
}

fn read_region(picture: &Gray, region: &BarRegion, symbols: &mut Vec<Symbol>) {
    if let Some(view) = level(picture, region.outline) {
        read_view(picture, view, symbols);
    }
}

/// A region laid level, with fine modules spread over more pixels; upright it may be coarser, since rows are higher.
fn level(picture: &Gray, outline: Quad) -> Option<Deskewed> {
    let across = match outline.mean_width() {
        width if width < 1000.0 => 2.0,
        width if width < 1500.0 => 1.5,
        _ => 1.0,
    };
    deskew(picture, outline, across, 0.75)
}

/// The whole picture, as it is and turned by a quarter; upside down is found in the same views.
fn whole_views(picture: &Gray) -> impl Iterator<Item = Deskewed> {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let [a, b, c, d] = Quad::from_rect(Rect::new(0.0, 0.0, width, height)).0;
    [Quad([a, b, c, d]), Quad([b, c, d, a])].into_iter().filter_map(|outline| {
        let across = (WHOLE_VIEW_WIDTH / outline.mean_width()).clamp(0.5, 4.0);
        deskew(picture, outline, across, across.min(1.5))
    })
}

fn read_view(picture: &Gray, mut view: Deskewed, symbols: &mut Vec<Symbol>) {
    for _ in 0..MAX_SYMBOLS_A_VIEW {
        let Some(Some((reading, outline))) = guarded(|| read_guarded(picture, &view)) else { return };
        let symbol = Symbol {
            format: Format::Pdf417,
            text: Personal::new(reading.message.text),
            bytes: Personal::new(reading.message.bytes),
            corners: reading.corners,
        };
        keep(std::iter::once(symbol), symbols);
        // The next search in this view is for another symbol.
        erase(&mut view.image, outline);
    }
}

/// A reading, and the symbol's outline in the view.
fn read_guarded(picture: &Gray, view: &Deskewed) -> Option<(pdf417::Reading, Rect)> {
    let guards = find_guards(&view.image)?;
    let outline = guards.outline().bounds();
    if guards.turned {
        let (width, height) = (view.image.width() as f32, view.image.height() as f32);
        let upright = Rect::new(width - outline.right(), height - outline.bottom(), outline.width, outline.height);
        Some((pdf417::read(picture, &view.turned()?, &guards)?, upright))
    } else {
        Some((pdf417::read(picture, view, &guards)?, outline))
    }
}

fn erase(image: &mut Gray, area: Rect) {
    let (left, right) = (area.x.max(0.0) as usize, (area.right().max(0.0) as usize).min(image.width()));
    let (top, bottom) = (area.y.max(0.0) as usize, (area.bottom().max(0.0) as usize).min(image.height()));
    let width = image.width();
    for row in image.data_mut().chunks_exact_mut(width.max(1)).take(bottom).skip(top) {
        row[left.min(right)..right].fill(255);
    }
}

/// Adds what is not there yet. The same bytes at another place are another symbol.
fn keep(found: impl Iterator<Item = Symbol>, symbols: &mut Vec<Symbol>) {
    for symbol in found {
        let middle = |one: &Symbol| one.corners.bounds().centre();
        let known = symbols.iter().any(|other| {
            let reach = other.corners.mean_width().max(other.corners.mean_height()) / 2.0;
            other.format == symbol.format
                && other.bytes == symbol.bytes
                && middle(other).distance(middle(&symbol)) < reach.max(1.0)
        });
        if !known {
            symbols.push(symbol);
        }
    }
}

/// Runs a decoder; a panic in it is `None`.
fn guarded<T>(decode: impl FnOnce() -> T) -> Option<T> {
    let result = catch_unwind(AssertUnwindSafe(decode));
    if result.is_err() {
        tracing::warn!("a barcode decoder panicked; the picture is taken as not read, report it with the version");
    }
    result.ok()
}

/// Four corners out of the points that rxing gives for a symbol.
pub(super) fn corners_of(format: Format, points: &[Point]) -> Option<Quad> {
    match (format, points) {
        // Top-left, bottom-left, top-right, bottom-right, then the same of the codewords.
        (Format::Pdf417, &[a, d, b, c, ..]) => Some(Quad([a, b, c, d])),
        // Centres of the finder patterns: bottom-left, top-left, top-right.
        (Format::QrCode, &[d, a, b]) => Some(Quad([a, b, b + d - a, d])),
        (Format::QrCode | Format::DataMatrix | Format::Aztec, &[a, b, c, d, ..]) => Some(Quad([a, b, c, d])),
        (
            Format::Pdf417 | Format::QrCode | Format::DataMatrix | Format::Aztec | Format::Code128,
            &[first, .., last],
        ) => Some(Quad([first, last, last, first])),
        (Format::Pdf417 | Format::QrCode | Format::DataMatrix | Format::Aztec | Format::Code128, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_a_decoder_is_not_read() {
        assert_eq!(guarded(|| -> u8 { panic!("as a decoder might") }), None);
        assert_eq!(guarded(|| 7), Some(7));
    }

    #[test]
    fn the_same_symbol_is_kept_once_and_its_twin_elsewhere_too() {
        let at = |x: f32| Symbol {
            format: Format::Pdf417,
            text: Personal::from("A"),
            bytes: Personal::new(vec![65]),
            corners: Quad::from_rect(Rect::new(x, 0.0, 100.0, 30.0)),
        };
        let mut symbols = Vec::new();
        keep([at(0.0), at(3.0), at(200.0)].into_iter(), &mut symbols);
        assert_eq!(symbols.len(), 2);
    }

    #[test]
    fn a_printed_symbol_shows_nothing_of_what_it_says() {
        let symbol = Symbol {
            format: Format::QrCode,
            text: Personal::from("SECRET"),
            bytes: Personal::new(b"SECRET".to_vec()),
            corners: Quad::from_rect(Rect::default()),
        };
        assert!(!format!("{symbol:?}").contains("SECRET") && !format!("{symbol:?}").contains("83"));
    }
}
