//! The worker's own side: one request after the other.

use std::io::{BufReader, BufWriter, Read, Write};

use super::client::Refusal;
use super::request::{self, Request};
use super::{answer, confine};
use crate::camera::decode_image;
use crate::vision::{SymbolVotes, read_barcodes, read_barcodes_of_stream};

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
    let mut votes = SymbolVotes::default();
    while let Some((number, request)) = request::read(&mut input)? {
        match request {
            Request::Picture(bytes) => match decode_image(&bytes) {
                Ok(picture) => answer::write_picture(number, &picture, &mut output)?,
                Err(error) => answer::write_refusal(number, Refusal::of(&error), &mut output)?,
            },
            Request::Barcodes(picture, options) => {
                // A still picture is no part of a stream.
                let symbols = if options.whole_picture {
                    read_barcodes(&picture, &options)
                } else {
                    read_barcodes_of_stream(&picture, &options, &mut votes)
                };
                answer::write_symbols(number, &symbols, &mut output)?;
            }
            Request::Forget => votes.forget(),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::frame::{Header, REQUEST};
    use super::*;
    use crate::imaging::{Gray, Rgb};
    use crate::vision::BarcodeOptions;
    use proptest::prelude::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(width, height).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn requests_in_a_row_are_answered_in_their_order() {
        let (mut requests, mut answers) = (Vec::new(), Vec::new());
        request::write_picture(5, &png(3, 2), &mut requests).unwrap();
        request::write_barcodes(6, &Gray::filled(40, 30, [255]), BarcodeOptions::live(), &mut requests).unwrap();
        request::write_forget(8, &mut requests).unwrap();
        request::write_picture(7, b"noise", &mut requests).unwrap();
        serve(requests.as_slice(), &mut answers).unwrap();
        let mut answers = answers.as_slice();
        assert!(answer::read_picture(5, &mut answers).unwrap().unwrap() == Rgb::filled(3, 2, [0; 3]));
        assert!(answer::read_symbols(6, &mut answers).unwrap().is_empty());
        assert_eq!(answer::read_picture(7, &mut answers).unwrap().unwrap_err(), Refusal::UnknownFormat);
        assert!(answers.is_empty());
    }

    #[test]
    fn a_request_that_announces_too_much_is_refused_before_it_is_read() {
        let mut request = Vec::new();
        Header { number: 1, kind: 1, length: u32::MAX as usize }.write(REQUEST, &mut request).unwrap();
        assert!(serve(request.as_slice(), &mut Vec::new()).is_err());
    }

    proptest! {
        #[test]
        fn bytes_of_any_kind_end_the_worker_or_are_answered(
            kind in 0_u8..4,
            length in prop_oneof![0_u32..120, any::<u32>()],
            body in proptest::collection::vec(any::<u8>(), 0..120),
        ) {
            let head = [REQUEST.to_vec(), 9_u32.to_le_bytes().to_vec(), vec![kind], length.to_le_bytes().to_vec()];
            let _ = serve([head.concat(), body].concat().as_slice(), &mut Vec::new());
        }

        #[test]
        fn a_picture_of_another_size_than_stated_is_refused(width in any::<u32>(), height in any::<u32>(), samples in 0_usize..60) {
            prop_assume!(u64::from(width) * u64::from(height) != samples as u64);
            let mut request = Vec::new();
            Header { number: 1, kind: 2, length: 10 + samples }.write(REQUEST, &mut request).unwrap();
            request.extend([width.to_le_bytes(), height.to_le_bytes()].concat());
            request.extend(vec![3; 2 + samples]);
            prop_assert!(serve(request.as_slice(), &mut Vec::new()).is_err());
        }
    }
}
