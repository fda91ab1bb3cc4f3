//! Power spectrum of a small patch of luma.
//!
//! Always holds: the patch is [`SIDE`] pixels square, its mean is taken out and its edges are faded, so that neither
//! shows as a frequency. Does not interpret.

use std::f32::consts::PI;

use crate::imaging::Gray;

/// Side of a patch in pixels.
pub const SIDE: usize = 128;

/// Adds the power at each frequency of one patch to `power`, row by row from frequency 0 upwards.
pub fn add_power(picture: &Gray, left: usize, top: usize, power: &mut [f32]) {
    let window: Vec<f32> = (0..SIDE).map(|k| 0.5 - 0.5 * (2.0 * PI * k as f32 / SIDE as f32).cos()).collect();
    let at = |x: usize, y: usize| f32::from(picture.data()[(top + y) * picture.width() + left + x]);
    let mean = (0..SIDE * SIDE).map(|k| at(k % SIDE, k / SIDE)).sum::<f32>() / (SIDE * SIDE) as f32;
    let mut re = vec![0.0; SIDE * SIDE];
    let mut im = vec![0.0; SIDE * SIDE];
    for (k, value) in re.iter_mut().enumerate() {
        let (x, y) = (k % SIDE, k / SIDE);
        *value = (at(x, y) - mean) * window[x] * window[y];
    }
    for _ in 0..2 {
        for row in 0..SIDE {
            transform(&mut re[row * SIDE..(row + 1) * SIDE], &mut im[row * SIDE..(row + 1) * SIDE]);
        }
        transpose(&mut re);
        transpose(&mut im);
    }
    for (sum, (a, b)) in power.iter_mut().zip(re.iter().zip(&im)) {
        *sum += a * a + b * b;
    }
}

fn transpose(square: &mut [f32]) {
    for y in 0..SIDE {
        for x in y + 1..SIDE {
            square.swap(y * SIDE + x, x * SIDE + y);
        }
    }
}

/// Fourier transform in place, radix 2 (Cooley and Tukey 1965); the length is a power of two.
fn transform(re: &mut [f32], im: &mut [f32]) {
    let count = re.len();
    let bits = count.trailing_zeros();
    for k in 0..count {
        let mirrored = k.reverse_bits() >> (usize::BITS - bits);
        if k < mirrored {
            re.swap(k, mirrored);
            im.swap(k, mirrored);
        }
    }
    let mut half = 1;
    while half < count {
        for k in 0..half {
            let (sin, cos) = (-PI * k as f32 / half as f32).sin_cos();
            for start in (k..count).step_by(2 * half) {
                let other = start + half;
                let (a, b) = (re[other] * cos - im[other] * sin, re[other] * sin + im[other] * cos);
                (re[other], im[other]) = (re[start] - a, im[start] - b);
                re[start] += a;
                im[start] += b;
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_shows_at_its_frequency() {
        let wave =
            Gray::from_fn(SIDE, SIDE, |x, _| [((2.0 * PI * 10.0 * x as f32 / SIDE as f32).sin() * 99.0 + 128.0) as u8]);
        let mut power = vec![0.0; SIDE * SIDE];
        add_power(&wave, 0, 0, &mut power);
        let loudest = power.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
        assert!(loudest == 10 || loudest == SIDE - 10, "{loudest}");
    }
}
