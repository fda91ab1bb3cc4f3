//! rxing, behind the house's types: for the kinds of symbols that the house does not read itself, and as a second chance
//! for PDF417.
//!
//! Always holds: each picture costs at most [`MAX_FINDS`] finds a kind and binariser. May panic where rxing does: callers
//! catch it.

use rxing::common::{GlobalHistogramBinarizer, HybridBinarizer};
use rxing::{
    BarcodeFormat, Binarizer, BinaryBitmap, DecodeHints, Luma8LuminanceSource, MultiFormatReader, RXingResult,
};
use rxing::{RXingResultMetadataType, RXingResultMetadataValue};

use super::barcode::{Format, Symbol, corners_of};
use crate::imaging::{Deskewed, Gray, Point, Quad, QuarterTurns, rotate_quarter};
use crate::privacy::Personal;

/// Symbols of one kind that are read out of one picture, at most.
const MAX_FINDS: usize = 3;
/// The kinds that are looked for in a whole picture, beside PDF417.
const OTHERS: [BarcodeFormat; 4] =
    [BarcodeFormat::QR_CODE, BarcodeFormat::DATA_MATRIX, BarcodeFormat::AZTEC, BarcodeFormat::CODE_128];

/// PDF417 in a level view that the house could not read, upright and on its head.
pub fn read_level(view: &Deskewed) -> Vec<Symbol> {
    let found = find(&view.image, BarcodeFormat::PDF_417, HybridBinarizer::new)
        .or_else(|| find(&view.image, BarcodeFormat::PDF_417, GlobalHistogramBinarizer::new));
    found.and_then(|result| symbol(&result, |p| view.corner_in_picture(p))).into_iter().collect()
}

/// All kinds in a whole picture; PDF417 only when `stacked`.
pub fn read_whole(picture: &Gray, stacked: bool) -> Vec<Symbol> {
    let mut symbols = Vec::new();
    let mut canvas = picture.clone();
    for format in OTHERS {
        for _ in 0..MAX_FINDS {
            let Some(result) = find(&canvas, format, HybridBinarizer::new) else { break };
            let Some(found) = symbol(&result, |p| p) else { break };
            erase(&mut canvas, found.corners);
            symbols.push(found);
        }
    }
    if symbols.is_empty() {
        symbols.extend(turned_code_128(picture));
    }
    if stacked && symbols.is_empty() {
        let found = find(picture, BarcodeFormat::PDF_417, HybridBinarizer::new)
            .or_else(|| find(picture, BarcodeFormat::PDF_417, GlobalHistogramBinarizer::new));
        symbols.extend(found.and_then(|result| symbol(&result, |p| p)));
    }
    symbols
}

/// rxing reads linear symbols only where rows cross them.
fn turned_code_128(picture: &Gray) -> Option<Symbol> {
    let turned = rotate_quarter(picture, QuarterTurns::One);
    let height = picture.height() as f32;
    let result = find(&turned, BarcodeFormat::CODE_128, HybridBinarizer::new)?;
    symbol(&result, |p| Point::new(p.y, height - p.x))
}

fn find<B: Binarizer>(
    picture: &Gray,
    format: BarcodeFormat,
    binarizer: impl FnOnce(Luma8LuminanceSource) -> B,
) -> Option<RXingResult> {
    let (width, height) = (u32::try_from(picture.width()).ok()?, u32::try_from(picture.height()).ok()?);
    let source = Luma8LuminanceSource::new(picture.data().to_vec(), width, height).ok()?;
    let hints = DecodeHints { PossibleFormats: Some([format].into()), TryHarder: Some(true), ..DecodeHints::default() };
    let mut reader = MultiFormatReader::default();
    reader.set_hints(&hints);
    reader.decode_with_state(&mut BinaryBitmap::new(binarizer(source))).ok()
}

fn symbol(result: &RXingResult, to_picture: impl Fn(Point) -> Point) -> Option<Symbol> {
    let format = match result.getBarcodeFormat() {
        BarcodeFormat::PDF_417 => Format::Pdf417,
        BarcodeFormat::QR_CODE => Format::QrCode,
        BarcodeFormat::DATA_MATRIX => Format::DataMatrix,
        BarcodeFormat::AZTEC => Format::Aztec,
        BarcodeFormat::CODE_128 => Format::Code128,
        _ => return None,
    };
    let points: Vec<Point> = result.getPoints().iter().map(|p| to_picture(Point::new(p.x, p.y))).collect();
    Some(Symbol {
        format,
        text: Personal::from(result.getText()),
        bytes: Personal::new(bytes_of(result)),
        corners: corners_of(format, &points)?,
    })
}

/// The encoded bytes: the byte segments where the symbol has nothing else, else the text's characters. rxing decodes
/// bytes without a named character set as ISO/IEC 8859-1, so that characters below 256 are the bytes.
fn bytes_of(result: &RXingResult) -> Vec<u8> {
    let text = result.getText();
    let segments = result.getRXingResultMetadata().get(&RXingResultMetadataType::BYTE_SEGMENTS);
    if let Some(RXingResultMetadataValue::ByteSegments(segments)) = segments {
        let bytes = segments.concat();
        if String::from_utf8_lossy(&bytes) == text || bytes.len() == text.chars().count() {
            return bytes;
        }
    }
    let narrow: Result<Vec<u8>, _> = text.chars().map(|c| u8::try_from(u32::from(c))).collect();
    narrow.unwrap_or_else(|_| text.as_bytes().to_vec())
}

fn erase(canvas: &mut Gray, corners: Quad) {
    let area = corners.bounds().scaled(1.05);
    let (left, right) = (area.x.max(0.0) as usize, (area.right().max(0.0) as usize).min(canvas.width()));
    let (top, bottom) = (area.y.max(0.0) as usize, (area.bottom().max(0.0) as usize).min(canvas.height()));
    let width = canvas.width().max(1);
    for row in canvas.data_mut().chunks_exact_mut(width).take(bottom).skip(top) {
        row[left.min(right)..right].fill(255);
    }
}
