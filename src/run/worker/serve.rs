//! The worker's own side: one request after the other.

use std::io::{BufReader, BufWriter, Read, Write};

use super::client::Refusal;
use super::request::{self, Request};
use super::{answer, confine};
use crate::camera::decode_image;
use crate::vision::read_barcodes;

/// Why a worker ended before its input did.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Requests cannot be read or answers not be written.
    #[error("the decoder worker's pipes fail: {0}; it is started by the engine, not by hand")]
    Pipe(#[from] std::io::Error),
    /// It cannot give up what it must.
    #[error("the decoder worker cannot be confined: {0}; check the limits it is started under")]
    Confine(std::io::Error),
}

/// Serves the standard streams of this process, confined. Ends without an error when the input does.
///
/// # Errors
/// Any [`ServeError`].
pub fn serve_standard_streams() -> Result<(), ServeError> {
    confine::confine().map_err(ServeError::Confine)?;
    serve(BufReader::new(std::io::stdin()), BufWriter::new(std::io::stdout()))
}

/// Answers requests until the input ends.
///
/// # Errors
/// [`ServeError::Pipe`], also when the input breaks the protocol.
pub fn serve(mut input: impl Read, mut output: impl Write) -> Result<(), ServeError> {
    while let Some((number, request)) = request::read(&mut input)? {
        match request {
            Request::Picture(bytes) => match decode_image(&bytes) {
                Ok(picture) => answer::write_picture(number, &picture, &mut output)?,
                Err(error) => answer::write_refusal(number, Refusal::of(&error), &mut output)?,
            },
            Request::Barcodes(picture, options) => {
                answer::write_symbols(number, &read_barcodes(&picture, &options), &mut output)?;
            }
        }
    }
    Ok(())
}
