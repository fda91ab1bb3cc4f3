//! Noise of the simulated camera's sensor, new in every picture.

use crate::imaging::Rgb;
use crate::tools::specimen::random::Random;

/// Deviation in grey levels.
const DEVIATION: f32 = 2.5;
/// Noise that is drawn once; every row of a picture takes a stretch of it from another place.
const POOL: usize = 1 << 17;

/// A source of noise.
#[derive(Debug)]
pub struct Sensor {
    pool: Vec<i8>,
    random: Random,
}

impl Sensor {
    /// A sensor that `seed` determines.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed, 41);
        let pool = (0..POOL).map(|_| (DEVIATION * random.gaussian()).round() as i8).collect();
        Self { pool, random }
    }

    /// Adds noise to a picture of at most `POOL` samples a row.
    pub fn expose(&mut self, picture: &mut Rgb) {
        let length = (picture.width() * 3).clamp(1, POOL);
        for row in picture.data_mut().chunks_exact_mut(length) {
            let start = self.random.below((POOL - length + 1) as u32) as usize;
            for (value, noise) in row.iter_mut().zip(&self.pool[start..]) {
                *value = value.saturating_add_signed(*noise);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_picture_has_noise_of_its_own_of_the_stated_deviation() {
        let mut sensor = Sensor::new(1);
        let mut expose = || {
            let mut picture = Rgb::filled(640, 120, [128; 3]);
            sensor.expose(&mut picture);
            picture
        };
        let (first, second) = (expose(), expose());
        assert_ne!(first, second);
        let squares: f32 = first.data().iter().map(|&v| (f32::from(v) - 128.0).powi(2)).sum();
        let deviation = (squares / first.data().len() as f32).sqrt();
        assert!((deviation - DEVIATION).abs() < 0.2, "{deviation}");
    }
}
