//! What the worker is asked.

use std::io::{self, Read, Write};

use super::frame::{Fields, Header, REQUEST, invalid};
use crate::camera::{MAX_FILE_BYTES, MAX_PIXELS};
use crate::imaging::Gray;
use crate::vision::BarcodeOptions;

const PICTURE: u8 = 1;
const BARCODES: u8 = 2;
const FORGET: u8 = 3;
/// Bytes ahead of the samples of a grey picture: width, height, regions, and how else to look.
const BARCODE_FIELDS: usize = 10;
/// Most bytes of a request.
const MAX_BODY: usize =
    if MAX_FILE_BYTES > MAX_PIXELS { MAX_FILE_BYTES as usize } else { MAX_PIXELS as usize } + BARCODE_FIELDS;

/// One request, as the worker has it.
pub(super) enum Request {
    /// Decode these bytes.
    Picture(zeroize::Zeroizing<Vec<u8>>),
    /// Read the barcodes of this picture.
    Barcodes(Gray, BarcodeOptions),
    /// Forget what frames so far have shown of a barcode. Has no answer.
    Forget,
}

/// Writes a request for the picture in `bytes`.
pub(super) fn write_picture(number: u32, bytes: &[u8], output: &mut impl Write) -> io::Result<()> {
    Header { number, kind: PICTURE, length: bytes.len() }.write(REQUEST, output)?;
    output.write_all(bytes)?;
    output.flush()
}

/// Writes a request for the barcodes in `picture`.
pub(super) fn write_barcodes(
    number: u32,
    picture: &Gray,
    options: BarcodeOptions,
    output: &mut impl Write,
) -> io::Result<()> {
    let size = |size: usize| u32::try_from(size).map(u32::to_le_bytes).map_err(|_| invalid());
    Header { number, kind: BARCODES, length: BARCODE_FIELDS + picture.data().len() }.write(REQUEST, output)?;
    output.write_all(&size(picture.width())?)?;
    output.write_all(&size(picture.height())?)?;
    let regions = u8::try_from(options.regions).unwrap_or(u8::MAX);
    let ways = u8::from(options.whole_picture) | u8::from(options.qr_codes) << 1;
    output.write_all(&[regions, ways])?;
    output.write_all(picture.data())?;
    output.flush()
}

/// Writes the order to forget.
pub(super) fn write_forget(number: u32, output: &mut impl Write) -> io::Result<()> {
    Header { number, kind: FORGET, length: 0 }.write(REQUEST, output)?;
    output.flush()
}

/// Reads the next request and its number; `None` when there is none any more.
pub(super) fn read(input: &mut impl Read) -> io::Result<Option<(u32, Request)>> {
    let Some(header) = Header::read(REQUEST, input)? else { return Ok(None) };
    let body = header.body(MAX_BODY, input)?;
    let request = match header.kind {
        PICTURE => Request::Picture(body),
        BARCODES => barcodes(&body).ok_or_else(invalid)?,
        FORGET if body.is_empty() => Request::Forget,
        _ => return Err(invalid()),
    };
    Ok(Some((header.number, request)))
}

fn barcodes(body: &[u8]) -> Option<Request> {
    let mut fields = Fields(body);
    let (width, height) = (fields.size()?, fields.size()?);
    let (regions, ways) = (usize::from(fields.byte()?), fields.byte().filter(|ways| *ways < 4)?);
    if width.checked_mul(height)? != fields.0.len() {
        return None;
    }
    let picture = Gray::from_raw(width, height, fields.0.to_vec()).ok()?;
    Some(Request::Barcodes(picture, BarcodeOptions { regions, whole_picture: ways & 1 != 0, qr_codes: ways & 2 != 0 }))
}
