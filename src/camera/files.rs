//! Still images from files, with everything about them bounded before they are decoded.

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use crate::imaging::{Gray, Rgb};

/// Largest file that is read, in bytes.
pub const MAX_FILE_BYTES: u64 = 32 << 20;
/// Largest picture that is decoded, in pixels: beyond any camera that fits on a counter.
pub const MAX_PIXELS: u64 = 32_000_000;
/// Memory that a decoder may take for itself and its output.
const MAX_DECODE_BYTES: u64 = 256 << 20;

/// Why an image file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The file cannot be opened or read.
    #[error("cannot read {path}: {source}; check the path and its permissions", path = path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is nothing in it.
    #[error("the file is empty; take the picture again")]
    Empty,
    /// More bytes than [`MAX_FILE_BYTES`].
    #[error("the file is larger than {} MiB; save it smaller", MAX_FILE_BYTES >> 20)]
    TooManyBytes,
    /// More pixels than [`MAX_PIXELS`].
    #[error("the picture has {width}x{height} pixels, the limit is {} megapixels; scale it down", MAX_PIXELS / 1_000_000)]
    TooManyPixels {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// Several pictures in one file.
    #[error("the file is animated; give one still picture as JPEG or PNG")]
    Animated,
    /// Neither JPEG nor PNG.
    #[error("the file is neither JPEG nor PNG; save it as one of them")]
    UnknownFormat,
    /// Truncated or damaged.
    #[error("the picture cannot be decoded: {0}; take or copy it again")]
    Damaged(String),
}

/// Reads and decodes one still image, turned upright as its EXIF orientation says.
///
/// # Errors
/// Any [`ImageError`].
pub fn load_image(path: &Path) -> Result<Rgb, ImageError> {
    let unreadable = |source| ImageError::Read { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    decode_image(&bytes)
}

/// Decodes one still image out of memory, turned upright as its EXIF orientation says.
///
/// # Errors
/// Any [`ImageError`] but [`ImageError::Read`].
pub fn decode_image(bytes: &[u8]) -> Result<Rgb, ImageError> {
    if bytes.is_empty() {
        return Err(ImageError::Empty);
    }
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(ImageError::TooManyBytes);
    }
    match image::guess_format(bytes) {
        // The decoder fills what is missing with grey, and a half-seen document must not be judged.
        Ok(ImageFormat::Jpeg) if is_whole_jpeg(bytes) => {}
        Ok(ImageFormat::Jpeg) => return Err(ImageError::Damaged("it ends too early".to_owned())),
        Ok(ImageFormat::Png) if !is_animated_png(bytes) => {}
        Ok(ImageFormat::Png | ImageFormat::Gif) => return Err(ImageError::Animated),
        Ok(_) | Err(_) => return Err(ImageError::UnknownFormat),
    }
    let damaged = |error: image::ImageError| ImageError::Damaged(error.to_string());
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut decoder =
        reader.map_err(|error| ImageError::Damaged(error.to_string()))?.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(ImageError::TooManyPixels { width, height });
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODE_BYTES);
    decoder.set_limits(limits).map_err(damaged)?;
    // A damaged orientation tag is no reason to refuse a picture that decodes.
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    picture.apply_orientation(orientation);
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    match picture {
        // What the library does for grey pictures takes longer than decoding them.
        DynamicImage::ImageLuma8(grey) => Gray::from_raw(width, height, grey.into_raw()).map(|grey| grey.to_rgb()),
        picture => Rgb::from_raw(width, height, picture.into_rgb8().into_raw()),
    }
    .map_err(|error| ImageError::Damaged(error.to_string()))
}

/// Whether a JPEG reaches its end marker (ISO/IEC 10918-1, B.1.1): behind the first scan header, where a thumbnail's own
/// end marker cannot stand and every 0xFF of the data is followed by a stuffed zero.
fn is_whole_jpeg(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(2..).unwrap_or_default();
    while let Some((&[0xFF, marker, high, low], _)) = rest.split_first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([high, low]));
        // A marker may be preceded by any number of fill bytes.
        let skip = if marker == 0xFF { 1 } else { 2 + length };
        rest = rest.get(skip..).unwrap_or_default();
        if marker == 0xDA {
            return rest.windows(2).any(|pair| pair == [0xFF, 0xD9]);
        }
    }
    false
}

/// Whether a PNG announces an animation: an `acTL` chunk ahead of the first `IDAT` (PNG, third edition, 11.3.6).
fn is_animated_png(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some((header, tail)) = rest.split_at_checked(8) {
        match &header[4..8] {
            b"acTL" => return true,
            b"IDAT" => return false,
            _ => {}
        }
        let length = u32::from_be_bytes([header[0], header[1], header[2], header[3]]) as usize;
        rest = tail.get(length.saturating_add(4)..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::new_luma8(width, height).write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn an_empty_file_is_refused() {
        assert!(matches!(decode_image(&[]), Err(ImageError::Empty)));
    }

    #[test]
    fn a_truncated_picture_is_refused() {
        let bytes = png(64, 64);
        assert!(matches!(decode_image(&bytes[..bytes.len() / 2]), Err(ImageError::Damaged(_))));
    }

    #[test]
    fn a_jpeg_that_ends_too_early_is_refused_wherever_it_ends() {
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::new_rgb8(64, 48).write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
        let whole = bytes.into_inner();
        assert!(decode_image(&whole).is_ok());
        for end in 3..whole.len() {
            assert!(decode_image(&whole[..end]).is_err(), "{end} of {} bytes", whole.len());
        }
    }

    #[test]
    fn a_forty_megapixel_picture_is_refused_before_it_is_decoded() {
        assert!(matches!(decode_image(&png(8000, 5000)), Err(ImageError::TooManyPixels { width: 8000, height: 5000 })));
    }

    #[test]
    fn an_animated_picture_is_refused() {
        assert!(matches!(decode_image(b"GIF89a\x01\x00\x01\x00"), Err(ImageError::Animated)));
        let still = png(2, 2);
        let mut animated = still[..33].to_vec();
        animated.extend_from_slice(&[0, 0, 0, 8]);
        animated.extend_from_slice(b"acTL");
        animated.extend_from_slice(&[0; 12]);
        animated.extend_from_slice(&still[33..]);
        assert!(matches!(decode_image(&animated), Err(ImageError::Animated)));
    }

    #[test]
    fn text_is_not_a_picture() {
        assert!(matches!(decode_image(b"hello, world"), Err(ImageError::UnknownFormat)));
    }
}
