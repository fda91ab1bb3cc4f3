//! YUYV 4:2:2, the uncompressed format of webcams, to RGB.

use crate::imaging::Rgb;

/// The bytes do not hold a picture of the stated size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes are no YUYV picture of {width}x{height} pixels with {stride} bytes a row")]
pub struct YuyvError {
    /// Stated width in pixels.
    pub width: usize,
    /// Stated height in pixels.
    pub height: usize,
    /// Stated bytes from one row to the next.
    pub stride: usize,
    /// Bytes that were given.
    pub bytes: usize,
}

/// Converts packed Y U Y V (two pixels in four bytes, rows `stride` bytes apart) by ITU-R BT.601 in its limited range
/// (luma 16 to 235, chroma 16 to 240), as the USB video class uses it unless told otherwise. Each chroma sample serves both of its pixels.
///
/// # Errors
/// [`YuyvError`] when the width is odd, a side is zero, the stride is shorter than a row, or bytes are missing.
pub fn yuyv_to_rgb(bytes: &[u8], width: usize, height: usize, stride: usize) -> Result<Rgb, YuyvError> {
    let error = YuyvError { width, height, stride, bytes: bytes.len() };
    let row = width.checked_mul(2).filter(|&row| row <= stride).ok_or(error)?;
    // The last row need not be padded.
    let needed = height.checked_sub(1).and_then(|rows| rows.checked_mul(stride)?.checked_add(row)).ok_or(error)?;
    if width == 0 || width % 2 == 1 || bytes.len() < needed {
        return Err(error);
    }
    let mut samples = Vec::with_capacity(width * height * 3);
    for line in bytes.chunks(stride).take(height) {
        for &[first, u, second, v] in line[..row].as_chunks::<4>().0 {
            let chroma = Chroma::of(u, v);
            samples.extend_from_slice(&chroma.with(first));
            samples.extend_from_slice(&chroma.with(second));
        }
    }
    Rgb::from_raw(width, height, samples).map_err(|_| error)
}

/// What two pixels have in common, in 1/65536.
struct Chroma {
    red: i32,
    green: i32,
    blue: i32,
}

impl Chroma {
    fn of(u: u8, v: u8) -> Self {
        let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
        Self { red: 104_597 * v, green: -25_675 * u - 53_279 * v, blue: 132_201 * u }
    }

    fn with(&self, luma: u8) -> [u8; 3] {
        let luma = (i32::from(luma) - 16) * 76_309 + (1 << 15);
        [self.red, self.green, self.blue].map(|part| ((luma + part) >> 16).clamp(0, 255) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// BT.601 limited range, in the floating point of the standard's own formula.
    fn reference(y: u8, u: u8, v: u8) -> [u8; 3] {
        let (y, u, v) = (f64::from(y) - 16.0, f64::from(u) - 128.0, f64::from(v) - 128.0);
        let (y, u, v) = (y / 219.0, u / 224.0, v / 224.0);
        let rgb = [y + 1.402 * v, y - 0.344_136 * u - 0.714_136 * v, y + 1.772 * u];
        rgb.map(|part| (part * 255.0).round().clamp(0.0, 255.0) as u8)
    }

    #[test]
    fn every_colour_is_that_of_the_standard_within_rounding() {
        for (y, u, v) in (0..=255).step_by(5).flat_map(|y| (0..=255).map(move |u| (y, u, u ^ 0xA5))) {
            let picture = yuyv_to_rgb(&[y, u, y, v], 2, 1, 4).unwrap();
            let off = picture.pixel(0, 0).into_iter().zip(reference(y, u, v)).map(|(a, b)| a.abs_diff(b)).max();
            assert!(off <= Some(1), "{y} {u} {v}: {:?} for {:?}", picture.pixel(0, 0), reference(y, u, v));
        }
    }

    #[test]
    fn padding_between_rows_is_left_out() {
        let bytes = [16, 128, 235, 128, 99, 99, 235, 128, 16, 128];
        let picture = yuyv_to_rgb(&bytes, 2, 2, 6).unwrap();
        assert_eq!(picture.data(), &[0, 0, 0, 255, 255, 255, 255, 255, 255, 0, 0, 0]);
    }

    proptest! {
        #[test]
        fn bytes_of_any_length_give_a_picture_of_the_stated_size_or_none(
            bytes in proptest::collection::vec(any::<u8>(), 0..600),
            width in 0_usize..20,
            height in 0_usize..20,
            stride in 0_usize..50,
        ) {
            let fits = width > 0 && width % 2 == 0 && height > 0 && stride >= 2 * width
                && bytes.len() >= (height - 1) * stride + 2 * width;
            match yuyv_to_rgb(&bytes, width, height, stride) {
                Ok(picture) => prop_assert!(fits && picture.width() == width && picture.height() == height),
                Err(_) => prop_assert!(!fits),
            }
        }

        #[test]
        fn sizes_beyond_memory_are_refused(width in any::<usize>(), height in any::<usize>(), stride in any::<usize>()) {
            prop_assume!(width > 64);
            prop_assert!(yuyv_to_rgb(&[0; 64], width, height, stride).is_err());
        }
    }
}
