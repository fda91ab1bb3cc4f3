//! Mean power spectrum of small patches of luma.
//!
//! Always holds: the mean of a patch is taken out and its edges are faded, so that neither shows as a frequency. Does not
//! interpret.

use std::f32::consts::PI;
use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

use super::raster::Gray;

/// The power at each frequency of square patches, summed.
pub struct PowerSpectrum {
    side: usize,
    transform: Arc<dyn Fft<f32>>,
    /// Hann's window.
    window: Vec<f32>,
    patch: Vec<Complex<f32>>,
    turned: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    power: Vec<f32>,
}

impl PowerSpectrum {
    /// Of patches of `side` pixels, at least 2.
    #[must_use]
    pub fn new(side: usize) -> Self {
        let transform = FftPlanner::new().plan_fft_forward(side);
        let zeros = || vec![Complex::default(); side * side];
        Self {
            side,
            window: (0..side).map(|k| 0.5 - 0.5 * (2.0 * PI * k as f32 / side as f32).cos()).collect(),
            patch: zeros(),
            turned: zeros(),
            scratch: vec![Complex::default(); transform.get_inplace_scratch_len()],
            power: vec![0.0; side * side],
            transform,
        }
    }

    /// Adds the patch whose first pixel is at (`left`, `top`); it must lie inside the picture.
    pub fn add(&mut self, picture: &Gray, left: usize, top: usize) {
        let side = self.side;
        let row = |y: usize| &picture.row(top + y)[left..left + side];
        let sum: u64 = (0..side).map(|y| row(y).iter().map(|&value| u64::from(value)).sum::<u64>()).sum();
        let mean = sum as f32 / (side * side) as f32;
        for (y, line) in self.patch.chunks_exact_mut(side).enumerate() {
            for ((place, &value), across) in line.iter_mut().zip(row(y)).zip(&self.window) {
                *place = Complex::new((f32::from(value) - mean) * across * self.window[y], 0.0);
            }
        }
        for _ in 0..2 {
            self.transform.process_with_scratch(&mut self.patch, &mut self.scratch);
            for (k, place) in self.turned.iter_mut().enumerate() {
                *place = self.patch[k % side * side + k / side];
            }
            std::mem::swap(&mut self.patch, &mut self.turned);
        }
        for (sum, value) in self.power.iter_mut().zip(&self.patch) {
            *sum += value.norm_sqr();
        }
    }

    /// The summed power, row by row, from frequency 0 upwards in both directions.
    #[must_use]
    pub fn power(&self) -> &[f32] {
        &self.power
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 128;

    fn loudest(wave: impl Fn(usize, usize) -> f32) -> usize {
        let picture = Gray::from_fn(SIDE + 9, SIDE + 9, |x, y| [(wave(x, y) * 99.0 + 128.0) as u8]);
        let mut spectrum = PowerSpectrum::new(SIDE);
        spectrum.add(&picture, 9, 4);
        let power = spectrum.power();
        (0..power.len()).max_by(|&a, &b| power[a].total_cmp(&power[b])).unwrap()
    }

    #[test]
    fn a_wave_shows_at_its_frequency_and_direction() {
        let wave = |at: usize, count: f32| (2.0 * PI * count * at as f32 / SIDE as f32).sin();
        assert!([10, SIDE - 10].contains(&loudest(|x, _| wave(x, 10.0))));
        assert!([7 * SIDE, (SIDE - 7) * SIDE].contains(&loudest(|_, y| wave(y, 7.0))));
    }
}
