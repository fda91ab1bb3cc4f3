//! The one pixel container of the house.

use zeroize::Zeroize;

/// An 8-bit image with `CHANNELS` interleaved channels, row by row without padding, wiped on drop.
pub struct Image<const CHANNELS: usize> {
    width: usize,
    height: usize,
    data: Vec<u8>,
}

/// Interleaved red, green, blue.
pub type Rgb = Image<3>;
/// One channel of luma.
pub type Gray = Image<1>;

/// The buffer's length does not fit the stated width and height.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a {width}x{height} image of {channels} channels needs {} bytes, not {bytes}", width * height * channels)]
pub struct ImageShapeError {
    /// Stated width in pixels.
    pub width: usize,
    /// Stated height in pixels.
    pub height: usize,
    /// Channels a pixel.
    pub channels: usize,
    /// Bytes that were given.
    pub bytes: usize,
}

impl<const CHANNELS: usize> Image<CHANNELS> {
    /// Takes over `data`, which must hold exactly `width * height * CHANNELS` bytes.
    ///
    /// # Errors
    /// [`ImageShapeError`] when the length is another; the bytes are wiped then too.
    pub fn from_raw(width: usize, height: usize, mut data: Vec<u8>) -> Result<Self, ImageShapeError> {
        if data.len() == width * height * CHANNELS {
            return Ok(Self { width, height, data });
        }
        let bytes = data.len();
        data.zeroize();
        Err(ImageShapeError { width, height, channels: CHANNELS, bytes })
    }

    /// An image of one colour.
    #[must_use]
    pub fn filled(width: usize, height: usize, colour: [u8; CHANNELS]) -> Self {
        Self { width, height, data: colour.repeat(width * height) }
    }

    /// Computes every pixel from its column and row.
    #[must_use]
    pub fn from_fn(width: usize, height: usize, mut pixel: impl FnMut(usize, usize) -> [u8; CHANNELS]) -> Self {
        let mut data = Vec::with_capacity(width * height * CHANNELS);
        for y in 0..height {
            for x in 0..width {
                data.extend_from_slice(&pixel(x, y));
            }
        }
        Self { width, height, data }
    }

    /// Width in pixels.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// All samples, row by row.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// All samples, to be changed in place.
    #[must_use]
    pub fn data_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }

    /// One row of samples.
    ///
    /// # Panics
    /// When `y` is not below the height, as a slice does.
    #[must_use]
    pub fn row(&self, y: usize) -> &[u8] {
        let stride = self.width * CHANNELS;
        &self.data[y * stride..(y + 1) * stride]
    }

    /// One pixel.
    ///
    /// # Panics
    /// When the pixel lies outside, as a slice does.
    #[must_use]
    pub fn pixel(&self, x: usize, y: usize) -> [u8; CHANNELS] {
        let start = (y * self.width + x) * CHANNELS;
        std::array::from_fn(|channel| self.data[start + channel])
    }

    /// Sets one pixel.
    ///
    /// # Panics
    /// When the pixel lies outside, as a slice does.
    pub fn set_pixel(&mut self, x: usize, y: usize, colour: [u8; CHANNELS]) {
        let start = (y * self.width + x) * CHANNELS;
        self.data[start..start + CHANNELS].copy_from_slice(&colour);
    }
}

impl Rgb {
    /// Luma by ITU-R BT.601 (`0.299 R + 0.587 G + 0.114 B`), rounded.
    #[must_use]
    pub fn to_gray(&self) -> Gray {
        let luma = |p: &[u8]| (u32::from(p[0]) * 77 + u32::from(p[1]) * 150 + u32::from(p[2]) * 29 + 128) >> 8;
        Gray {
            width: self.width,
            height: self.height,
            data: self.data.chunks_exact(3).map(|p| luma(p) as u8).collect(),
        }
    }
}

impl Gray {
    /// The same luma in all three channels.
    #[must_use]
    pub fn to_rgb(&self) -> Rgb {
        Rgb { width: self.width, height: self.height, data: self.data.iter().flat_map(|&v| [v, v, v]).collect() }
    }
}

impl<const CHANNELS: usize> Clone for Image<CHANNELS> {
    fn clone(&self) -> Self {
        Self { width: self.width, height: self.height, data: self.data.clone() }
    }
}

impl<const CHANNELS: usize> PartialEq for Image<CHANNELS> {
    fn eq(&self, other: &Self) -> bool {
        self.width == other.width && self.data == other.data
    }
}

impl<const CHANNELS: usize> Drop for Image<CHANNELS> {
    fn drop(&mut self) {
        self.data.zeroize();
    }
}

/// Shows the shape and never a pixel.
impl<const CHANNELS: usize> std::fmt::Debug for Image<CHANNELS> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Image<{CHANNELS}>({}x{})", self.width, self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_of_another_length_is_refused() {
        let refused = Rgb::from_raw(2, 2, vec![0; 11]).unwrap_err();
        assert_eq!(refused, ImageShapeError { width: 2, height: 2, channels: 3, bytes: 11 });
    }

    #[test]
    fn printing_an_image_shows_no_pixel() {
        assert_eq!(format!("{:?}", Gray::filled(3, 2, [77])), "Image<1>(3x2)");
    }

    #[test]
    fn luma_of_white_is_white_and_of_black_is_black() {
        assert_eq!(Rgb::filled(1, 1, [255; 3]).to_gray().pixel(0, 0), [255]);
        assert_eq!(Rgb::filled(1, 1, [0; 3]).to_gray().pixel(0, 0), [0]);
    }
}
