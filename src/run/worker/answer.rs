//! What the worker says, and how its word is checked.

use std::io::{self, Read, Write};

use zeroize::{Zeroize, Zeroizing};

use super::client::Refusal;
use super::frame::{ANSWER, Fields, Header, invalid};
use crate::camera::{ImageError, MAX_PIXELS};
use crate::imaging::{Point, Quad, Rgb};
use crate::privacy::Personal;
use crate::vision::{Format, Symbol};

const PICTURE: u8 = 1;
const SYMBOLS: u8 = 2;
const REFUSED: u8 = 3;
/// Bytes ahead of the samples of a picture: width and height.
const PICTURE_FIELDS: usize = 8;
/// Most symbols in one answer.
pub(super) const MAX_SYMBOLS: usize = 32;
/// Most bytes of what one symbol says, as text and as bytes each; the densest QR code says 7089.
pub(super) const MAX_SYMBOL_BYTES: usize = 1 << 14;
/// Most bytes of an answer with symbols.
const MAX_SYMBOLS_BODY: usize = 1 + MAX_SYMBOLS * (2 * MAX_SYMBOL_BYTES + 41);
/// A corner lies no further from the origin than this, in pixels.
const FARTHEST_CORNER: f32 = 1e6;

/// Writes a decoded picture.
pub(super) fn write_picture(number: u32, picture: &Rgb, output: &mut impl Write) -> io::Result<()> {
    let size = |size: usize| u32::try_from(size).map(u32::to_le_bytes).map_err(|_| invalid());
    Header { number, kind: PICTURE, length: PICTURE_FIELDS + picture.data().len() }.write(ANSWER, output)?;
    output.write_all(&size(picture.width())?)?;
    output.write_all(&size(picture.height())?)?;
    output.write_all(picture.data())?;
    output.flush()
}

/// Writes why there is no picture.
pub(super) fn write_refusal(number: u32, refusal: Refusal, output: &mut impl Write) -> io::Result<()> {
    Header { number, kind: REFUSED, length: 1 }.write(ANSWER, output)?;
    output.write_all(&[refusal.code()])?;
    output.flush()
}

/// Writes symbols; what is beyond the limits is left out.
pub(super) fn write_symbols(number: u32, symbols: &[Symbol], output: &mut impl Write) -> io::Result<()> {
    let fits = |symbol: &&Symbol| {
        symbol.text.reveal().len() <= MAX_SYMBOL_BYTES && symbol.bytes.reveal().len() <= MAX_SYMBOL_BYTES
    };
    let kept: Vec<&Symbol> = symbols.iter().filter(fits).take(MAX_SYMBOLS).collect();
    let contents = kept.iter().map(|symbol| symbol.text.reveal().len() + symbol.bytes.reveal().len() + 41);
    // Enough from the start: a vector that grows leaves its bytes behind unwiped.
    let mut body = Zeroizing::new(Vec::with_capacity(1 + contents.sum::<usize>()));
    body.push(kept.len() as u8);
    for symbol in kept {
        body.push(format_code(symbol.format));
        for corner in symbol.corners.0 {
            body.extend_from_slice(&corner.x.to_le_bytes());
            body.extend_from_slice(&corner.y.to_le_bytes());
        }
        for content in [symbol.text.reveal().as_bytes(), symbol.bytes.reveal()] {
            body.extend_from_slice(&(content.len() as u32).to_le_bytes());
            body.extend_from_slice(content);
        }
    }
    Header { number, kind: SYMBOLS, length: body.len() }.write(ANSWER, output)?;
    output.write_all(&body)?;
    output.flush()
}

/// The header of the answer to request `number`.
fn read_header(number: u32, input: &mut impl Read) -> io::Result<Header> {
    match Header::read(ANSWER, input)? {
        Some(header) if header.number == number => Ok(header),
        Some(_) => Err(invalid()),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Reads the answer about a picture.
pub(super) fn read_picture(number: u32, input: &mut impl Read) -> io::Result<Result<Rgb, Refusal>> {
    let header = read_header(number, input)?;
    match header.kind {
        REFUSED => {
            let body = header.body(1, input)?;
            Ok(Err(body.first().and_then(|&code| Refusal::of_code(code)).ok_or_else(invalid)?))
        }
        PICTURE => {
            let mut size = [0; PICTURE_FIELDS];
            input.read_exact(&mut size)?;
            let mut fields = Fields(&size);
            let (width, height) = fields.size().zip(fields.size()).ok_or_else(invalid)?;
            let pixels = width.checked_mul(height).filter(|&pixels| pixels as u64 <= MAX_PIXELS).ok_or_else(invalid)?;
            if pixels == 0 || header.length != PICTURE_FIELDS + pixels * 3 {
                return Err(invalid());
            }
            let mut samples = vec![0; pixels * 3];
            if let Err(error) = input.read_exact(&mut samples) {
                samples.zeroize();
                return Err(error);
            }
            Rgb::from_raw(width, height, samples).map(Ok).map_err(|_| invalid())
        }
        _ => Err(invalid()),
    }
}

/// Reads the answer about barcodes.
pub(super) fn read_symbols(number: u32, input: &mut impl Read) -> io::Result<Vec<Symbol>> {
    let header = read_header(number, input)?;
    if header.kind != SYMBOLS {
        return Err(invalid());
    }
    let body = header.body(MAX_SYMBOLS_BODY, input)?;
    let mut fields = Fields(&body);
    let count = fields.byte().map(usize::from).filter(|&count| count <= MAX_SYMBOLS).ok_or_else(invalid)?;
    let symbols = (0..count).map(|_| symbol(&mut fields)).collect::<Option<Vec<_>>>().ok_or_else(invalid)?;
    if fields.0.is_empty() { Ok(symbols) } else { Err(invalid()) }
}

fn symbol(fields: &mut Fields<'_>) -> Option<Symbol> {
    let format = format_of_code(fields.byte()?)?;
    let mut corners = [Point::default(); 4];
    for corner in &mut corners {
        *corner = Point { x: fields.coordinate()?, y: fields.coordinate()? };
        if !(corner.x.abs() <= FARTHEST_CORNER && corner.y.abs() <= FARTHEST_CORNER) {
            return None;
        }
    }
    let text = Personal::new(std::str::from_utf8(content(fields)?).ok()?.to_owned());
    let bytes = Personal::new(content(fields)?.to_vec());
    Some(Symbol { format, text, bytes, corners: Quad(corners) })
}

fn content<'a>(fields: &mut Fields<'a>) -> Option<&'a [u8]> {
    let length = fields.size().filter(|&length| length <= MAX_SYMBOL_BYTES)?;
    fields.bytes(length)
}

const FORMATS: [Format; 5] = [Format::Pdf417, Format::QrCode, Format::DataMatrix, Format::Aztec, Format::Code128];

fn format_code(format: Format) -> u8 {
    FORMATS.iter().position(|&other| other == format).unwrap_or(usize::MAX) as u8
}

fn format_of_code(code: u8) -> Option<Format> {
    FORMATS.get(usize::from(code)).copied()
}

impl Refusal {
    const ALL: [Self; 6] =
        [Self::Empty, Self::TooManyBytes, Self::TooManyPixels, Self::Animated, Self::UnknownFormat, Self::Damaged];

    fn code(self) -> u8 {
        Self::ALL.iter().position(|&other| other == self).unwrap_or(usize::MAX) as u8
    }

    fn of_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The same without the decoder's own words, which may come from the bytes.
    pub(super) fn of(error: &ImageError) -> Self {
        match error {
            ImageError::Empty => Self::Empty,
            ImageError::TooManyBytes => Self::TooManyBytes,
            ImageError::TooManyPixels { .. } => Self::TooManyPixels,
            ImageError::Animated => Self::Animated,
            ImageError::UnknownFormat => Self::UnknownFormat,
            ImageError::Damaged(_) | ImageError::Read { .. } => Self::Damaged,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::Rect;
    use proptest::prelude::*;

    fn symbols_of(contents: &[(String, Vec<u8>)]) -> Vec<Symbol> {
        let symbol = |(n, (text, bytes)): (usize, &(String, Vec<u8>))| Symbol {
            format: FORMATS[n % FORMATS.len()],
            text: Personal::new(text.clone()),
            bytes: Personal::new(bytes.clone()),
            corners: Quad::from_rect(Rect::new(n as f32, 2.5, 30.0, 7.0)),
        };
        contents.iter().enumerate().map(symbol).collect()
    }

    proptest! {
        #[test]
        fn symbols_come_back_as_they_were(
            contents in proptest::collection::vec((".{0,40}", proptest::collection::vec(any::<u8>(), 0..60)), 0..MAX_SYMBOLS),
            number in any::<u32>(),
        ) {
            let symbols = symbols_of(&contents);
            let mut bytes = Vec::new();
            write_symbols(number, &symbols, &mut bytes).unwrap();
            let read = read_symbols(number, &mut bytes.as_slice()).unwrap();
            prop_assert_eq!(read.len(), symbols.len());
            for (one, other) in read.iter().zip(&symbols) {
                prop_assert!(one.format == other.format && one.text == other.text && one.bytes == other.bytes);
                prop_assert!(one.corners.0 == other.corners.0);
            }
        }

        #[test]
        fn pictures_come_back_as_they_were(width in 1_usize..40, height in 1_usize..40, seed in any::<u8>()) {
            let picture = Rgb::from_fn(width, height, |x, y| [seed, x as u8, y as u8]);
            let mut bytes = Vec::new();
            write_picture(7, &picture, &mut bytes).unwrap();
            prop_assert!(read_picture(7, &mut bytes.as_slice()).unwrap().unwrap() == picture);
            prop_assert!(read_picture(8, &mut bytes.as_slice()).is_err(), "the answer to another request");
            bytes.pop();
            prop_assert!(read_picture(7, &mut bytes.as_slice()).is_err(), "cut short");
        }

        #[test]
        fn bytes_of_any_kind_are_an_answer_or_an_error(
            head in prop_oneof![Just(ANSWER.to_vec()), proptest::collection::vec(any::<u8>(), 0..5)],
            kind in 0_u8..5,
            length in prop_oneof![0_u32..200, any::<u32>()],
            tail in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let bytes = [head, 1_u32.to_le_bytes().to_vec(), vec![kind], length.to_le_bytes().to_vec(), tail].concat();
            let _ = read_picture(1, &mut bytes.as_slice());
            let _ = read_symbols(1, &mut bytes.as_slice());
        }

        #[test]
        fn one_changed_byte_never_makes_more_symbols_than_the_limit(at in any::<prop::sample::Index>(), to in any::<u8>()) {
            let mut bytes = Vec::new();
            write_symbols(1, &symbols_of(&[("A".into(), vec![1, 2]), ("BC".into(), vec![3])]), &mut bytes).unwrap();
            let at = at.index(bytes.len());
            bytes[at] = to;
            if let Ok(symbols) = read_symbols(1, &mut bytes.as_slice()) {
                prop_assert!(symbols.len() <= MAX_SYMBOLS);
            }
        }
    }

    #[test]
    fn every_refusal_and_format_has_a_code_of_its_own() {
        for refusal in Refusal::ALL {
            assert_eq!(Refusal::of_code(refusal.code()), Some(refusal));
        }
        for format in FORMATS {
            assert_eq!(format_of_code(format_code(format)), Some(format));
        }
        assert_eq!((Refusal::of_code(6), format_of_code(5)), (None, None));
    }

    #[test]
    fn a_symbol_that_says_more_than_any_can_is_left_out() {
        let contents = [("x".repeat(MAX_SYMBOL_BYTES + 1), vec![]), ("y".to_owned(), vec![1])];
        let mut bytes = Vec::new();
        write_symbols(1, &symbols_of(&contents), &mut bytes).unwrap();
        assert_eq!(read_symbols(1, &mut bytes.as_slice()).unwrap().len(), 1);
    }

    #[test]
    fn an_endless_answer_is_refused_by_its_length() {
        let mut bytes = Vec::new();
        Header { number: 1, kind: SYMBOLS, length: u32::MAX as usize }.write(ANSWER, &mut bytes).unwrap();
        assert_eq!(read_symbols(1, &mut bytes.as_slice()).unwrap_err().kind(), io::ErrorKind::InvalidData);
        bytes.clear();
        Header { number: 1, kind: PICTURE, length: u32::MAX as usize }.write(ANSWER, &mut bytes).unwrap();
        bytes.extend_from_slice(&[0xFF; PICTURE_FIELDS]);
        assert_eq!(read_picture(1, &mut bytes.as_slice()).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
