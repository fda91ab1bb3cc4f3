//! Seeded randomness for noise, jitter and textures.
//!
//! The same seed gives the same specimens on every run; nothing here reads a clock or the system's entropy.

/// A seeded generator with the few distributions that the specimens need.
#[derive(Debug, Clone)]
pub struct Random(fastrand::Rng);

impl Random {
    /// A generator that `seed` determines; `stream` keeps parts of one specimen independent of each other.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed ^ stream.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }

    /// Evenly distributed in `low..high`.
    #[must_use]
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.0.f32()
    }

    /// A whole number below `limit`, which is at least one.
    #[must_use]
    pub fn below(&mut self, limit: u32) -> u32 {
        self.0.u32(0..limit.max(1))
    }

    /// Mean 0, deviation 1, never beyond ±3.47: the sum of four even deviates (Irwin–Hall), which is near enough to a
    /// Gaussian for sensor noise and costs one draw.
    #[must_use]
    #[inline]
    pub fn gaussian(&mut self) -> f32 {
        let bits = self.0.u64(..);
        let sum = (bits & 0xFFFF) + ((bits >> 16) & 0xFFFF) + ((bits >> 32) & 0xFFFF) + (bits >> 48);
        (sum as f32 / 65_536.0 - 2.0) * 1.732_050_8
    }
}

/// A value in −1…1 that only `(x, y, seed)` determine: lattice noise for procedural textures.
#[must_use]
pub fn lattice(x: i32, y: i32, seed: u32) -> f32 {
    let mut h =
        (x as u32).wrapping_mul(0x85EB_CA6B) ^ (y as u32).wrapping_mul(0xC2B2_AE35) ^ seed.wrapping_mul(0x27D4_EB2F);
    h ^= h >> 15;
    h = h.wrapping_mul(0x2C1B_3C6D);
    h ^= h >> 12;
    h = h.wrapping_mul(0x297A_2D39);
    h ^= h >> 15;
    h as f32 / (u32::MAX as f32) * 2.0 - 1.0
}

/// Smooth noise in about −1…1 with features one unit wide.
#[must_use]
pub fn smooth_noise(x: f32, y: f32, seed: u32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (fx, fy) = (ease(x - left), ease(y - top));
    let (i, j) = (left as i32, top as i32);
    let row = |j: i32| {
        let (a, b) = (lattice(i, j, seed), lattice(i + 1, j, seed));
        a + (b - a) * fx
    };
    let (upper, lower) = (row(j), row(j + 1));
    upper + (lower - upper) * fy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_noise_and_another_stream_gives_another() {
        let draw = |seed, stream| {
            let mut random = Random::new(seed, stream);
            [random.gaussian(), random.gaussian(), random.between(0.0, 1.0)].map(f32::to_bits)
        };
        assert_eq!(draw(7, 1), draw(7, 1));
        assert_ne!(draw(7, 1), draw(7, 2));
    }

    #[test]
    fn noise_has_mean_zero_and_deviation_one() {
        let mut random = Random::new(1, 0);
        let values: Vec<f32> = (0..20_000).map(|_| random.gaussian()).collect();
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / values.len() as f32;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }
}
