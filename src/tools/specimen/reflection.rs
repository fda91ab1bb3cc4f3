//! A lamp's reflection on a document's surface: the print under it fades towards white.

use crate::imaging::{Point, Rgb};

/// A soft, bright ellipse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reflection {
    /// Its middle in the picture, in pixels.
    pub centre: Point,
    /// Half its width and half its height, in pixels, both more than zero.
    pub radii: (f32, f32),
    /// How much of the picture it hides in its middle, 0…1.
    pub strength: f32,
}

impl Reflection {
    /// Lays the reflection over a picture.
    pub fn add_to(&self, image: &mut Rgb) {
        for y in 0..image.height() {
            for x in 0..image.width() {
                let (dx, dy) = ((x as f32 - self.centre.x) / self.radii.0, (y as f32 - self.centre.y) / self.radii.1);
                let veil = self.strength * (1.0 - dx.hypot(dy)).clamp(0.0, 1.0);
                if veil > 0.0 {
                    let under = image.pixel(x, y);
                    image.set_pixel(x, y, under.map(|v| (f32::from(v) + (255.0 - f32::from(v)) * veil + 0.5) as u8));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reflection_is_brightest_in_its_middle_and_nowhere_outside() {
        let mut image = Rgb::filled(60, 40, [50; 3]);
        Reflection { centre: Point::new(20.0, 20.0), radii: (10.0, 5.0), strength: 1.0 }.add_to(&mut image);
        assert_eq!((image.pixel(20, 20), image.pixel(31, 20), image.pixel(20, 26)), ([255; 3], [50; 3], [50; 3]));
        assert!(image.pixel(24, 20)[0] > 50);
    }
}
