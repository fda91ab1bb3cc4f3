//! Power spectrum of a small patch of luma.
//!
//! Always holds: a patch is square, its side a power of two (of [`SIDE`] pixels for faces), its mean is taken out and its edges are faded, so that neither
//! shows as a frequency. Does not interpret.

use std::f32::consts::PI;

use super::raster::Gray;

/// Side of a patch in pixels.
pub const SIDE: usize = 128;

/// Adds the power at each frequency of one patch to `power`, row by row from frequency 0 upwards.
pub fn add_power(picture: &Gray, left: usize, top: usize, power: &mut [f32]) {
    add_power_of(SIDE, picture, left, top, power);
}

/// The same of a patch of `side` pixels, a power of two.
pub fn add_power_of(side: usize, picture: &Gray, left: usize, top: usize, power: &mut [f32]) {
    let window: Vec<f32> = (0..side).map(|k| 0.5 - 0.5 * (2.0 * PI * k as f32 / side as f32).cos()).collect();
    let at = |x: usize, y: usize| f32::from(picture.data()[(top + y) * picture.width() + left + x]);
    let mean = (0..side * side).map(|k| at(k % side, k / side)).sum::<f32>() / (side * side) as f32;
    let mut re = vec![0.0; side * side];
    let mut im = vec![0.0; side * side];
    for (k, value) in re.iter_mut().enumerate() {
        let (x, y) = (k % side, k / side);
        *value = (at(x, y) - mean) * window[x] * window[y];
    }
    for _ in 0..2 {
        for row in 0..side {
            transform(&mut re[row * side..(row + 1) * side], &mut im[row * side..(row + 1) * side]);
        }
        transpose(&mut re, side);
        transpose(&mut im, side);
    }
    for (sum, (a, b)) in power.iter_mut().zip(re.iter().zip(&im)) {
        *sum += a * a + b * b;
    }
}

fn transpose(square: &mut [f32], side: usize) {
    for y in 0..side {
        for x in y + 1..side {
            square.swap(y * side + x, x * side + y);
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
