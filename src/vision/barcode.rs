//! Barcodes out of a picture: PDF417 by the house's own localiser and reader, everything else (and what they miss) by
//! rxing.
//!
//! The order is that of cost and of likelihood: regions of bars, laid level, guards found, codewords read; then the same
//! views and the whole picture through rxing. Always holds: a panic inside a decoder is 'not read', the number of views
//! and attempts is capped whatever the picture, and what a symbol says is personal. Does not judge what it says, and
//! cannot stop a decoder that hangs: the worker process that it is meant to run in can.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Serialize;

use super::erase::erase;
use super::fallback;
use super::pdf417::{self, Finding, Partial};
use crate::imaging::{
    BarRegion, Deskewed, Gray, Guards, Point, Quad, QuarterTurns, Rect, deskew, find_bars, find_guards,
    find_soft_guards, module_width, rotate_quarter, shows_start,
};
use crate::privacy::Personal;

pub use super::pdf417::SymbolVotes;

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
    /// Its outline in the picture's pixels, clockwise from its own top-left; of an Aztec symbol from any corner, and of a
    /// linear one a band of a tenth of its length.
    pub corners: Quad,
}

/// How much to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BarcodeOptions {
    /// Regions of bars that are looked into, best first.
    pub regions: usize,
    /// Whether rxing searches too: for matrix symbols what is filled as they are, for Code 128 and PDF417 bars that show an end
    /// of one and were not read. Costs little where there is nothing like a symbol.
    pub whole_picture: bool,
    /// Whether QR codes are looked for, and no other matrix symbols, where the whole picture is not searched anyway.
    pub qr_codes: bool,
}

impl BarcodeOptions {
    /// For frames of a running camera, where the next frame is another chance.
    #[must_use]
    pub const fn live() -> Self {
        Self { regions: 3, whole_picture: false, qr_codes: false }
    }

    /// For frames of a running camera in which only a QR code matters.
    #[must_use]
    pub const fn live_qr_codes() -> Self {
        Self { regions: 0, whole_picture: false, qr_codes: true }
    }

    /// For a still picture.
    #[must_use]
    pub const fn thorough() -> Self {
        Self { regions: 6, whole_picture: true, qr_codes: true }
    }
}

/// Symbols that are read in one view, at most.
const MAX_SYMBOLS_A_VIEW: usize = 4;
/// Width in pixels that a view of the whole picture aims at.
const WHOLE_VIEW_WIDTH: f32 = 1600.0;
/// Pictures up to this many pixels are searched as a whole where they show an end of a symbol: one may fill them.
const SMALL_PICTURE: usize = 300_000;
/// Pictures up to this many pixels are searched as a whole, whatever they show: a symbol of a few rows shows no more.
const TINY_PICTURE: usize = 10_000;
/// Share of a picture from which bars are searched as a whole as well: their ends may have been cut off.
const LARGE_SYMBOL: f32 = 0.25;
/// Pixels a module of a level view: rxing reads best at 3, and more only costs time.
const LEVEL_MODULE: f32 = 4.0;
/// Scan lines of a level view that find the guards of a symbol.
const LEVEL_LINES: f32 = 140.0;

/// Reads the barcodes of a picture, each once, in no promised order.
#[must_use]
pub fn read_barcodes(picture: &Gray, options: &BarcodeOptions) -> Vec<Symbol> {
    read_first(picture, options).symbols
}

/// Reads the barcodes of the next frame of a stream. A PDF417 symbol that no frame alone lets read is read out of several
/// together; `votes` holds what there is of it.
#[must_use]
pub fn read_barcodes_of_stream(picture: &Gray, options: &BarcodeOptions, votes: &mut SymbolVotes) -> Vec<Symbol> {
    let Looked { mut symbols, partly } = read_first(picture, options);
    if symbols.iter().any(|symbol| symbol.format == Format::Pdf417) {
        votes.forget();
    } else if let Some((partial, corners)) = partly {
        let message = guarded(|| votes.add(&partial)).flatten();
        symbols.extend(message.map(|message| pdf417_symbol(message, corners)));
    } else {
        votes.miss();
    }
    symbols
}

/// What one look at a picture gave.
#[derive(Default)]
struct Looked {
    symbols: Vec<Symbol>,
    /// The clearest symbol that could not be read.
    partly: Option<(Partial, Quad)>,
}

impl Looked {
    fn note(&mut self, partial: Partial, corners: Quad) {
        if self.partly.as_ref().is_none_or(|(before, _)| before.margin() < partial.margin()) {
            self.partly = Some((partial, corners));
        }
    }
}

fn read_first(picture: &Gray, options: &BarcodeOptions) -> Looked {
    let mut looked = Looked::default();
    let mut unread = Vec::new();
    let bars = if options.regions > 0 { find_bars(picture, options.regions) } else { Vec::new() };
    for BarRegion { outline, .. } in bars {
        if is_read(outline, &looked.symbols) {
            continue;
        }
        let Some(view) = level(picture, outline) else { continue };
        let found = read_view(picture, &view, &mut looked);
        if found.is_empty() {
            unread.push((outline, view));
        }
        looked.symbols = with(found, looked.symbols);
    }
    if options.whole_picture {
        return read_thoroughly(picture, &unread, looked);
    }
    if options.qr_codes {
        let found = guarded(|| fallback::read_qr_codes(picture)).unwrap_or_default();
        looked.symbols = with(found, looked.symbols);
    }
    looked
}

/// What the first look left, in the order of cost.
fn read_thoroughly(picture: &Gray, unread: &[(Quad, Deskewed)], mut looked: Looked) -> Looked {
    let pixels = picture.width() * picture.height();
    let (small, tiny) = (pixels <= SMALL_PICTURE, pixels <= TINY_PICTURE);
    let starts: Vec<bool> = unread.iter().map(|(_, view)| shows_start(&view.image)).collect();
    let filled =
        |(outline, _): &(Quad, Deskewed)| outline.mean_width() * outline.mean_height() > LARGE_SYMBOL * pixels as f32;
    let promising = looked.partly.is_some()
        || starts.contains(&true)
        || unread.iter().any(filled)
        || looked.symbols.is_empty() && (tiny || small && shows_end(picture));
    if looked.symbols.is_empty() && promising {
        let found = whole_views(picture).flat_map(|view| read_view(picture, &view, &mut looked)).collect();
        looked.symbols = with(found, looked.symbols);
    }
    let mut symbols = std::mem::take(&mut looked.symbols);
    for ((outline, view), &shows_start) in unread.iter().zip(&starts) {
        if !is_read(*outline, &symbols) {
            let found = guarded(|| fallback::read_level(view, shows_start)).flatten();
            symbols = with(found.into_iter().collect(), symbols);
        }
    }
    if symbols.is_empty() && promising {
        symbols.extend(guarded(|| fallback::read_stacked(picture)).flatten());
    }
    let mut rest = Cow::Borrowed(picture);
    for symbol in &symbols {
        erase(rest.to_mut(), symbol.corners, 1.05);
    }
    let symbols = with(guarded(|| fallback::read_matrix(&rest)).unwrap_or_default(), symbols);
    Looked { symbols, ..looked }
}

/// Whether the picture itself shows an end of a symbol, as it is or turned by a quarter: one that fills a small picture has
/// nothing around it that a region of bars would stand out from.
fn shows_end(picture: &Gray) -> bool {
    shows_start(picture) || shows_start(&rotate_quarter(picture, QuarterTurns::One))
}

/// Whether the middle of an outline lies in a symbol that was read.
fn is_read(outline: Quad, symbols: &[Symbol]) -> bool {
    let middle = outline.bounds().centre();
    symbols.iter().any(|symbol| {
        let [a, b, c, d] = symbol.corners.0;
        let side = |p: Point, q: Point| (q.x - p.x) * (middle.y - p.y) - (q.y - p.y) * (middle.x - p.x) >= 0.0;
        side(a, b) && side(b, c) && side(c, d) && side(d, a)
    })
}

/// A region laid level at about [`LEVEL_MODULE`] pixels a module; `None` when there are too few bars for a symbol.
fn level(picture: &Gray, outline: Quad) -> Option<Deskewed> {
    const PROBE_LINES: f32 = 24.0;
    let probe = deskew(picture, outline, 1.5, PROBE_LINES / outline.mean_height())?;
    let module = module_width(&probe.image)? / 1.5;
    let across = (LEVEL_MODULE / module).clamp(0.5, 2.0);
    deskew(picture, outline, across, (LEVEL_LINES / outline.mean_height()).clamp(0.2, 0.75))
}

/// The whole picture, as it is and turned by a quarter; upside down is found in the same views. A margin stands in for a
/// quiet zone that was cut off.
fn whole_views(picture: &Gray) -> impl Iterator<Item = Deskewed> {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let margin = width.max(height) * 0.02;
    let whole = Rect::new(-margin, -margin, width + 2.0 * margin, height + 2.0 * margin);
    let [a, b, c, d] = Quad::from_rect(whole).0;
    [Quad([a, b, c, d]), Quad([b, c, d, a])].into_iter().filter_map(|outline| {
        let across = (WHOLE_VIEW_WIDTH / outline.mean_width()).clamp(0.5, 4.0);
        deskew(picture, outline, across, across.min(1.5))
    })
}

fn read_view(picture: &Gray, view: &Deskewed, looked: &mut Looked) -> Vec<Symbol> {
    let mut symbols = Vec::new();
    let mut view = Cow::Borrowed(view);
    for _ in 0..MAX_SYMBOLS_A_VIEW {
        let Some(Some((reading, outline))) = guarded(|| read_guarded(picture, &view, looked)) else { break };
        symbols.push(pdf417_symbol(reading.message, reading.corners));
        if outline.area() > 0.4 * (view.image.width() * view.image.height()) as f32 {
            break;
        }
        // The next search in this view is for another symbol.
        erase(&mut view.to_mut().image, Quad::from_rect(outline), 1.0);
    }
    symbols
}

fn pdf417_symbol(message: pdf417::Message, corners: Quad) -> Symbol {
    Symbol { format: Format::Pdf417, text: message.text, bytes: message.bytes, corners }
}

/// A reading, and the symbol's outline in the view: by guards that edges show, or else by those that sums of lines show.
fn read_guarded(picture: &Gray, view: &Deskewed, looked: &mut Looked) -> Option<(pdf417::Reading, Rect)> {
    let sharp = find_guards(&view.image).and_then(|guards| read_between(picture, view, &guards, looked));
    sharp.or_else(|| find_soft_guards(&view.image).and_then(|guards| read_between(picture, view, &guards, looked)))
}

fn read_between(
    picture: &Gray,
    view: &Deskewed,
    guards: &Guards,
    looked: &mut Looked,
) -> Option<(pdf417::Reading, Rect)> {
    let outline = guards.outline().bounds();
    let (finding, outline) = if guards.turned {
        let (width, height) = (view.image.width() as f32, view.image.height() as f32);
        let upright = Rect::new(width - outline.right(), height - outline.bottom(), outline.width, outline.height);
        (pdf417::read(picture, &view.turned()?, guards)?, upright)
    } else {
        (pdf417::read(picture, view, guards)?, outline)
    };
    match finding {
        Finding::Read(reading) => Some((reading, outline)),
        Finding::Partly(partial, corners) => {
            looked.note(partial, corners);
            None
        }
    }
}

/// Adds what is not there yet. The same bytes at another place are another symbol.
fn with(found: Vec<Symbol>, mut symbols: Vec<Symbol>) -> Vec<Symbol> {
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
    symbols
}

/// Runs a decoder; a panic in it is `None`.
fn guarded<T>(decode: impl FnOnce() -> T) -> Option<T> {
    let result = catch_unwind(AssertUnwindSafe(decode));
    if result.is_err() {
        tracing::warn!("a barcode decoder panicked; the picture is taken as not read, report it with the version");
    }
    result.ok()
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
        assert_eq!(with(vec![at(0.0), at(3.0), at(200.0)], Vec::new()).len(), 2);
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

    /// A card of modules of `module` pixels, light on a grey ground, as a telephone shows a code.
    fn with_qr_code(text: &str, module: usize) -> Gray {
        use rxing::Writer as _;
        let made = rxing::qrcode::QRCodeWriter.encode(text, &rxing::BarcodeFormat::QR_CODE, 0, 0).unwrap();
        let side = made.getWidth() as usize * module;
        Gray::from_fn(1920, 1080, |x, y| {
            let (x, y) = (x.wrapping_sub(700), y.wrapping_sub(200));
            match x < side && y < side {
                true if made.get((x / module) as u32, (y / module) as u32) => [20],
                true => [235],
                false => [110 + ((x ^ y) & 7) as u8],
            }
        })
    }

    #[test]
    fn a_pass_on_a_telephone_is_read_in_a_frame_of_a_running_camera_where_it_is_looked_for() {
        let text = format!("{}{}", crate::session::PASS_PREFIX, "7K".repeat(79) + "0");
        assert_eq!(text.len(), crate::session::PASS_CHARACTERS);
        for module in 3..=16 {
            let picture = with_qr_code(&text, module);
            let live_and_qr_codes = BarcodeOptions { qr_codes: true, ..BarcodeOptions::live() };
            for options in [BarcodeOptions::live_qr_codes(), live_and_qr_codes, BarcodeOptions::thorough()] {
                let read = read_barcodes(&picture, &options);
                assert!(read.iter().any(|symbol| *symbol.text.reveal() == text), "{module} {options:?}");
            }
            assert!(read_barcodes(&picture, &BarcodeOptions::live()).is_empty(), "nobody looks for it");
        }
    }
}
