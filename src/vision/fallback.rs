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

use super::barcode::{Format, Symbol};
use super::erase::erase;
use crate::imaging::{
    BullsEye, Deskewed, Gray, LatticeAngle, Point, Quad, Rect, Similarity, count_corner_squares, count_rings, crop,
    deskew, filled_parts, find_bulls_eyes, lattice_angle, resize, shows_linear_stop,
};
use crate::privacy::Personal;

/// The matrix symbols that are read, in the order in which they are looked for.
const MATRIX: [BarcodeFormat; 3] = [BarcodeFormat::QR_CODE, BarcodeFormat::DATA_MATRIX, BarcodeFormat::AZTEC];
/// Symbols of one kind that are read out of one picture, at most.
const MAX_FINDS: usize = 3;
/// Share of an area's edges that must have one direction, or one at right angles to it, for it to be searched.
const MIN_LATTICE: f32 = 0.08;
/// The same share for a Data Matrix symbol.
const MIN_DATA_MATRIX_LATTICE: f32 = 0.22;
/// The same share for a Data Matrix symbol that is worth being laid level.
const MIN_LEVEL_LATTICE: f32 = 0.35;
/// By how much one of both directions may be the more frequent in a Data Matrix symbol: its modules are as often beside as
/// above each other, where print has more upright strokes.
const MAX_DATA_MATRIX_ONE_SIDED: f32 = 0.33;
/// By how much one of both directions may be the more frequent.
const MAX_ONE_SIDED: f32 = 0.6;
/// Parts of a picture that are searched, at most.
const MAX_PARTS: usize = 10;
/// Turn up to which an area is as good as level.
const LEVEL_DEGREES: f32 = 2.0;
/// Size in pixels to which a small area is enlarged when it is turned.
const TURNED_SIZE: f32 = 500.0;
/// Modules from the middle of an Aztec symbol to where the view of it ends.
const AZTEC_MODULES: f32 = 24.0;
/// Pixels a module to which an Aztec symbol of smaller ones is enlarged.
const AZTEC_PIXELS: f32 = 6.0;
/// By how much it is enlarged, at most.
const MAX_AZTEC_SCALE: f32 = 4.0;
/// Corner squares of a QR code, of three, that must show.
const MIN_CORNER_SQUARES: usize = 2;

/// PDF417 or Code 128 in a level view that the house could not read, each where an end of it shows.
pub fn read_level(view: &Deskewed, shows_start: bool) -> Option<Symbol> {
    let to_picture = |p| view.corner_in_picture(p);
    let stacked = if shows_start { stacked(&view.image) } else { None };
    stacked.and_then(|result| symbol(&result, to_picture)).or_else(|| {
        let linear = shows_linear_stop(&view.image);
        let found = if linear { find(&view.image, BarcodeFormat::CODE_128, HybridBinarizer::new) } else { None };
        found.and_then(|result| symbol(&result, to_picture))
    })
}

/// PDF417 anywhere in a picture, by whichever binariser.
pub fn read_stacked(picture: &Gray) -> Option<Symbol> {
    stacked(picture).and_then(|result| symbol(&result, |p| p))
}

fn stacked(picture: &Gray) -> Option<RXingResult> {
    find(picture, BarcodeFormat::PDF_417, HybridBinarizer::new)
        .or_else(|| find(picture, BarcodeFormat::PDF_417, GlobalHistogramBinarizer::new))
}

/// QR codes anywhere in a picture, and nothing else: what has no corner squares costs no search. One that is close falls into
/// parts by its large modules; in a picture of half the size it does not.
pub fn read_qr_codes(picture: &Gray) -> Vec<Symbol> {
    let found = read_filled(picture, &[BarcodeFormat::QR_CODE]);
    if found.is_empty() { read_close_qr_codes(picture) } else { found }
}

/// QR codes whose modules are so large that they fall into parts.
fn read_close_qr_codes(picture: &Gray) -> Vec<Symbol> {
    let mut found = read_filled(&resize(picture, picture.width() / 2, picture.height() / 2), &[BarcodeFormat::QR_CODE]);
    for symbol in &mut found {
        symbol.corners = Quad(symbol.corners.0.map(|corner| corner * 2.0));
    }
    found
}

/// Matrix symbols anywhere in a picture. Nothing is searched but what is filled as such a symbol is.
pub fn read_matrix(picture: &Gray) -> Vec<Symbol> {
    let found = read_filled(picture, &MATRIX);
    if found.is_empty() { read_close_qr_codes(picture) } else { found }
}

/// Matrix symbols of some kinds in what is filled as they are.
fn read_filled(picture: &Gray, wanted: &[BarcodeFormat]) -> Vec<Symbol> {
    let mut symbols: Vec<Symbol> = Vec::new();
    for part in filled_parts(picture, MAX_PARTS) {
        if symbols.iter().all(|symbol| symbol.corners.bounds().intersection(part).area() < 0.5 * part.area()) {
            symbols.extend(read_part(picture, part, wanted));
        }
    }
    symbols
}

/// Matrix symbols as they lie, then laid level by the direction of the edges; of each kind only what shows its mark.
fn read_part(picture: &Gray, area: Rect, wanted: &[BarcodeFormat]) -> Vec<Symbol> {
    let Some(mut part) = crop(picture, area) else { return Vec::new() };
    let Some(lattice) = lattice_angle(&part) else { return Vec::new() };
    // Where edges have no direction in common, or all the same one, there are no squares.
    if lattice.strength < MIN_LATTICE || lattice.one_sided > MAX_ONE_SIDED {
        return Vec::new();
    }
    let kinds = kinds_shown(&part, &lattice, wanted);
    if kinds.is_empty() {
        return Vec::new();
    }
    let origin = Point::new(area.x, area.y);
    let as_it_lies = read_others(&mut part, &kinds, |p| p + origin);
    if !as_it_lies.is_empty() {
        return as_it_lies;
    }
    // Print is as square as a Data Matrix symbol that blur has weakened, and rxing reads most of these as they lie.
    if kinds == [BarcodeFormat::DATA_MATRIX] && lattice.strength < MIN_LEVEL_LATTICE {
        return as_it_lies;
    }
    let Some(mut view) = level_by(picture, area, lattice.degrees) else { return as_it_lies };
    let to_picture = view.to_picture;
    if kinds.contains(&BarcodeFormat::AZTEC) {
        let eyes = find_bulls_eyes(&view.image, MAX_FINDS);
        let aztec: Vec<Symbol> = eyes.iter().filter_map(|eye| read_aztec(&view, eye)).collect();
        if !aztec.is_empty() {
            return aztec;
        }
    }
    if lattice.degrees.abs() < LEVEL_DEGREES {
        return as_it_lies;
    }
    read_others(&mut view.image, &kinds, |p| to_picture.apply(p))
}

/// The kinds of matrix symbols, among those that are wanted, that a part may hold. Data Matrix has no mark that is quicker
/// found than the symbol itself, but nothing in it that is not square.
fn kinds_shown(part: &Gray, lattice: &LatticeAngle, wanted: &[BarcodeFormat]) -> Vec<BarcodeFormat> {
    let shows = |kind: &BarcodeFormat| match kind {
        BarcodeFormat::QR_CODE => count_corner_squares(part) >= MIN_CORNER_SQUARES,
        BarcodeFormat::DATA_MATRIX => {
            lattice.strength > MIN_DATA_MATRIX_LATTICE && lattice.one_sided < MAX_DATA_MATRIX_ONE_SIDED
        }
        BarcodeFormat::AZTEC => count_rings(part) > 0,
        _ => false,
    };
    wanted.iter().filter(|kind| shows(kind)).copied().collect()
}

/// An Aztec symbol around its rings: rxing begins in the middle of what it is given.
fn read_aztec(view: &Deskewed, eye: &BullsEye) -> Option<Symbol> {
    let mut reach = AZTEC_MODULES * eye.module;
    for edge in [eye.middle.x, eye.middle.y] {
        reach = reach.min(edge);
    }
    reach = reach.min(view.image.width() as f32 - eye.middle.x).min(view.image.height() as f32 - eye.middle.y);
    let origin = Point::new((eye.middle.x - reach).round(), (eye.middle.y - reach).round());
    let side = 2.0 * reach.floor();
    let part = crop(&view.image, Rect::new(origin.x, origin.y, side, side))?;
    // The decoder takes one pixel for a module, and finds the corners of the rings by whole pixels.
    let times = (AZTEC_PIXELS / eye.module).ceil().clamp(1.0, MAX_AZTEC_SCALE);
    let part = resize(&part, part.width() * times as usize, part.height() * times as usize);
    let result = find(&part, BarcodeFormat::AZTEC, HybridBinarizer::new)
        .or_else(|| find(&part, BarcodeFormat::AZTEC, GlobalHistogramBinarizer::new))?;
    symbol(&result, |p| view.corner_in_picture(p * (1.0 / times) + origin))
}

/// An area turned about its middle, and enlarged where it is small.
fn level_by(picture: &Gray, area: Rect, degrees: f32) -> Option<Deskewed> {
    let middle = area.centre();
    let turn = Similarity::about(middle, degrees, 1.0, middle);
    let outline = Quad(Quad::from_rect(area).0.map(|corner| turn.apply(corner)));
    let scale = (TURNED_SIZE / area.width.max(area.height)).clamp(1.0, 2.0);
    deskew(picture, outline, scale, scale)
}

fn read_others(part: &mut Gray, kinds: &[BarcodeFormat], to_picture: impl Fn(Point) -> Point) -> Vec<Symbol> {
    let mut symbols = Vec::new();
    let Some(mut bitmap) = binarised(part, HybridBinarizer::new) else { return symbols };
    for &format in kinds {
        for _ in 0..MAX_FINDS {
            let Some(found) = decode(&mut bitmap, format).and_then(|result| symbol(&result, |p| p)) else { break };
            erase(part, found.corners, 1.1);
            symbols.push(Symbol { corners: Quad(found.corners.0.map(&to_picture)), ..found });
            let Some(rest) = binarised(part, HybridBinarizer::new) else { return symbols };
            bitmap = rest;
        }
    }
    symbols
}

fn find<B: Binarizer>(
    picture: &Gray,
    format: BarcodeFormat,
    binarizer: impl FnOnce(Luma8LuminanceSource) -> B,
) -> Option<RXingResult> {
    decode(&mut binarised(picture, binarizer)?, format)
}

/// A picture as rxing takes it; black and white are told apart once, whatever is looked for.
fn binarised<B: Binarizer>(
    picture: &Gray,
    binarizer: impl FnOnce(Luma8LuminanceSource) -> B,
) -> Option<BinaryBitmap<B>> {
    let (width, height) = (u32::try_from(picture.width()).ok()?, u32::try_from(picture.height()).ok()?);
    let source = Luma8LuminanceSource::new(picture.data().to_vec(), width, height).ok()?;
    Some(BinaryBitmap::new(binarizer(source)))
}

fn decode<B: Binarizer>(bitmap: &mut BinaryBitmap<B>, format: BarcodeFormat) -> Option<RXingResult> {
    let hints = DecodeHints { PossibleFormats: Some([format].into()), TryHarder: Some(true), ..DecodeHints::default() };
    let mut reader = MultiFormatReader::default();
    reader.set_hints(&hints);
    reader.decode_with_state(bitmap).ok()
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

/// The outline, clockwise from the symbol's own top-left, out of the points that rxing gives; checked against drawn
/// symbols. For a linear symbol it gives a line, which is made a tenth as high as it is long.
fn corners_of(format: Format, points: &[Point]) -> Option<Quad> {
    match (format, points) {
        // Centres of the finder patterns: bottom-left, top-left, top-right.
        (Format::QrCode, &[d, a, b]) => Some(Quad([a, b, b + d - a, d])),
        // PDF417 has the corners of its codewords after its own.
        (Format::Pdf417, &[a, d, b, c, ..])
        | (Format::QrCode, &[a, b, d, c, ..])
        | (Format::DataMatrix, &[a, b, c, d, ..])
        | (Format::Aztec, &[b, c, d, a, ..]) => Some(Quad([a, b, c, d])),
        (Format::Code128, &[first, .., last]) => {
            let along = last - first;
            let up = Point::new(along.y, -along.x) * 0.05;
            Some(Quad([first + up, last + up, last - up, first - up]))
        }
        (Format::Pdf417 | Format::QrCode | Format::DataMatrix | Format::Aztec | Format::Code128, _) => None,
    }
}
