//! The room behind the person: one far wall with plain furniture and the sign that says what the picture is.

use super::super::SpecimenError;
use super::super::draw::{Area, Canvas, Fonts, Typeface, blur};
use super::super::random::{Random, smooth_noise};
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

    /// The colour of a pixel of a camera with a focal length in pixels, whose axis meets the wall `centre` millimetres
    /// from the wall's middle and which is aimed `aim` pixels off.
    pub fn colour(&self, x: f32, y: f32, focal: f32, camera: (f32, f32)) -> [u8; 3] {
        let at =
            |pixel: f32, shift: f32, size: f32| ((pixel / focal * WALL_MM + shift + size / 2.0) * SCALE - 0.5).max(0.0);
        let u = at(x, camera.0, SIZE_MM.0).min(self.wall.width() as f32 - 1.001);
        let v = at(y, camera.1, SIZE_MM.1).min(self.wall.height() as f32 - 1.001);
        let (i, j) = (u as usize, v as usize);
        let (fx, fy) = (u - i as f32, v - j as f32);
        let (upper, lower) = (self.wall.row(j), self.wall.row(j + 1));
        [0, 1, 2].map(|k| {
            let mix = |row: &[u8]| f32::from(row[i * 3 + k]) * (1.0 - fx) + f32::from(row[i * 3 + 3 + k]) * fx;
            (mix(upper) * (1.0 - fy) + mix(lower) * fy + 0.5) as u8
        })
    }
}
