//! The room behind the person: one far wall with plain furniture and the sign that says what the picture is.

use super::super::SpecimenError;
use super::super::draw::{Area, Canvas, Fonts, Typeface, blur};
use super::super::random::{Random, smooth_noise};
use super::raster::Camera;
use crate::imaging::Rgb;

/// Distance of the wall from the camera in millimetres.
const WALL_MM: f32 = 1900.0;
/// Size of the wall in millimetres: more than a wide lens sees of it.
const SIZE_MM: (f32, f32) = (3600.0, 2700.0);
/// Pixels a millimetre of the wall.
const SCALE: f32 = 0.4;

/// The wall, drawn once.
#[derive(Debug)]
pub struct Room {
    wall: Rgb,
}

impl Room {
    /// A wall that `seed` furnishes.
    ///
    /// # Errors
    /// [`SpecimenError::Asset`] when a font is damaged.
    pub fn new(seed: u64) -> Result<Self, SpecimenError> {
        let fonts = Fonts::bundled()?;
        let mut random = Random::new(seed, 20);
        let mut wall = Canvas::new(SIZE_MM.0, SIZE_MM.1, SCALE);
        let warm = random.between(-10.0, 10.0);
        wall.paint(|x, y| {
            let stain = 5.0 * smooth_noise(x / 260.0, y / 260.0, seed as u32) + 18.0 * (x / SIZE_MM.0 - 0.5);
            [172.0 + warm + stain, 174.0 + stain, 170.0 - warm + stain].map(|v| v as u8)
        });
        wall.rectangle(Area::new(0.0, 2050.0, SIZE_MM.0, 650.0), [112, 98, 86], 1.0);
        let shelf = random.between(2150.0, 2350.0);
        for (row, top) in [700.0, 1050.0, 1400.0, 1750.0].into_iter().enumerate() {
            wall.rectangle(Area::new(shelf, top, 760.0, 26.0), [122, 88, 58], 1.0);
            let mut left = shelf + 10.0;
            while left < shelf + 640.0 && row > 0 {
                let (width, height) = (random.between(22.0, 60.0), random.between(150.0, 270.0));
                let colour = [0; 3].map(|_: i32| random.between(50.0, 200.0) as u8);
                wall.rectangle(Area::new(left, top - height, width, height), colour, 1.0);
                left += width + random.between(2.0, 30.0);
            }
        }
        let door = random.between(620.0, 760.0);
        wall.rectangle(Area::new(door, 1000.0, 420.0, 1400.0), [196, 190, 178], 1.0);
        wall.frame(Area::new(door, 1000.0, 420.0, 1400.0), 26.0, [146, 134, 118]);
        let sign = Area::new(1080.0, 760.0, 420.0, 150.0);
        wall.rectangle(sign, [250, 250, 246], 1.0);
        wall.frame(sign, 8.0, [60, 60, 66]);
        wall.text(&fonts, Typeface::Bold, (1108.0, 822.0), 38.0, [196, 24, 34], "SPECIMEN")?;
        wall.text(&fonts, Typeface::Bold, (1108.0, 886.0), 38.0, [40, 40, 46], "RENDERED")?;
        let mut wall = wall.into_image();
        blur(&mut wall, 0.7);
        Ok(Self { wall })
    }

    /// What a camera sees of the room alone; its axis meets the wall `centre` millimetres from the wall's middle.
    pub fn picture(&self, camera: &Camera, centre: (f32, f32)) -> Rgb {
        let taps = |pixels: usize, centre: f32, size: f32, limit: usize| -> Vec<(usize, f32)> {
            let off_axis = |pixel: usize| (pixel as f32 + 0.5 - pixels as f32 / 2.0) / camera.focal * WALL_MM;
            let place =
                |pixel| ((off_axis(pixel) + centre + size / 2.0) * SCALE - 0.5).clamp(0.0, limit as f32 - 1.001);
            (0..pixels).map(|pixel| (place(pixel) as usize, place(pixel).fract())).collect()
        };
        let columns = taps(camera.width, centre.0, SIZE_MM.0, self.wall.width());
        let rows = taps(camera.height, centre.1, SIZE_MM.1, self.wall.height());
        let mut picture = Rgb::filled(camera.width, camera.height, [0; 3]);
        for ((row, down), line) in rows.into_iter().zip(picture.data_mut().chunks_exact_mut(camera.width * 3)) {
            let (upper, lower) = (self.wall.row(row), self.wall.row(row + 1));
            for (&(column, right), pixel) in columns.iter().zip(line.chunks_exact_mut(3)) {
                for (k, value) in pixel.iter_mut().enumerate() {
                    let tap = |line: &[u8], k: usize| f32::from(line[column * 3 + k]);
                    let above = tap(upper, k) * (1.0 - right) + tap(upper, k + 3) * right;
                    let below = tap(lower, k) * (1.0 - right) + tap(lower, k + 3) * right;
                    *value = (above * (1.0 - down) + below * down + 0.5) as u8;
                }
            }
        }
        picture
    }
}
