//! Where the codewords of a symbol begin, when a lens, a curved card or a frame that is a little off shifts them.
//!
//! Every codeword begins with a bar and ends with a space, in every row: summed over rows, the step from bright to dark
//! at a boundary stands out, and nothing else does. The boundaries are found together, as the strongest chain of steps
//! whose shifts change little from one to the next (dynamic programming).

use super::codebook::MODULES;

/// Samples a module.
pub const FINE: usize = 4;
/// Samples by which a boundary may lie off its place to either side: five modules.
const REACH: isize = 20;
/// Cost of a change of one sample from a boundary to the next, squared; the best step of a boundary is worth 1.
const BEND: f32 = 0.02;
/// Cost of a shift of one sample, squared, at the guards, which are known well.
const ANCHOR: f32 = 0.05;
/// Rows that share one set of boundaries.
const BAND: usize = 12;

const STATES: usize = 2 * REACH as usize + 1;

/// Shifts of all boundaries in samples, by band of rows.
pub struct Boundaries {
    bands: Vec<Vec<f32>>,
    rows: usize,
}

impl Boundaries {
    /// No shifts.
    pub fn none() -> Self {
        Self { bands: vec![vec![0.0]], rows: 1 }
    }

    /// Finds the boundaries in lines of `length` samples each.
    pub fn find(lines: &[f32], length: usize) -> Self {
        let rows = lines.len() / length;
        let count = (rows / BAND).max(1);
        let band = |k: usize| &lines[k * rows / count * length..(k + 1) * rows / count * length];
        Self { bands: (0..count).map(|k| chain(band(k), length)).collect(), rows }
    }

    /// Shift of the boundary ahead of a codeword, counted from the start pattern, in samples.
    pub fn shift(&self, row: usize, boundary: usize) -> f32 {
        let band = &self.bands[(row * self.bands.len() / self.rows).min(self.bands.len() - 1)];
        band[boundary.min(band.len() - 1)]
    }
}

/// The steps from bright to dark at every place, summed over some rows.
fn steps(lines: &[f32], length: usize) -> Vec<f32> {
    let mut sum = vec![0.0; length];
    for line in lines.chunks_exact(length) {
        for (sum, value) in sum.iter_mut().zip(line) {
            *sum += value;
        }
    }
    let side = |from: usize| sum[from..from + FINE].iter().sum::<f32>();
    (0..length)
        .map(|at| if at < FINE || at + FINE > length { 0.0 } else { (side(at - FINE) - side(at)).max(0.0) })
        .collect()
}

fn chain(lines: &[f32], length: usize) -> Vec<f32> {
    let steps = steps(lines, length);
    let count = length / (MODULES * FINE);
    let gain = |boundary: usize| -> [f32; STATES] {
        let place = boundary * MODULES * FINE;
        let raw: [f32; STATES] = std::array::from_fn(|state| {
            let at = place as isize + state as isize - REACH;
            usize::try_from(at).ok().and_then(|at| steps.get(at)).copied().unwrap_or(0.0)
        });
        let most = raw.iter().copied().fold(1e-3, f32::max);
        raw.map(|value| value / most)
    };
    let square = |distance: f32| distance * distance;
    let from_middle = |state: usize| state as f32 - REACH as f32;
    let mut best: [f32; STATES] = std::array::from_fn(|state| -ANCHOR * square(from_middle(state)));
    let mut came_from = Vec::with_capacity(count);
    // The first boundary is the end of the start pattern, the last one the beginning of the stop pattern.
    for boundary in 1..count {
        let gain = gain(boundary);
        let mut next = [f32::MIN; STATES];
        let mut origin = [0; STATES];
        for (state, (next, origin)) in next.iter_mut().zip(&mut origin).enumerate() {
            for (before, value) in best.iter().enumerate() {
                let total = value - BEND * square(state as f32 - before as f32);
                if total > *next {
                    (*next, *origin) = (total, before);
                }
            }
            *next += gain[state];
        }
        best = next;
        came_from.push(origin);
    }
    let at_end = |state: usize| best[state] - ANCHOR * square(from_middle(state));
    let mut state = (0..STATES).max_by(|&a, &b| at_end(a).total_cmp(&at_end(b))).unwrap_or(0);
    let mut shifts = vec![from_middle(state)];
    for origin in came_from.iter().rev() {
        state = origin[state];
        shifts.push(from_middle(state));
    }
    shifts.reverse();
    shifts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifted_boundaries_are_found() {
        // Ten codewords in twelve rows, each a bar and a space of changing lengths, bent by up to one module.
        let length = 10 * MODULES * FINE + FINE;
        let bend = |boundary: usize| (4.0 * (std::f32::consts::PI * boundary as f32 / 10.0).sin()).round();
        let mut lines = vec![220.0; 12 * length];
        for (row, line) in lines.chunks_exact_mut(length).enumerate() {
            for word in 0..10 {
                let start = word * MODULES * FINE + bend(word) as usize;
                let bar = FINE * (3 + (row * 5 + word * 3) % 9);
                line[start..(start + bar).min(length)].fill(30.0);
            }
        }
        let found = Boundaries::find(&lines, length);
        for boundary in 1..10 {
            let off = found.shift(3, boundary) - bend(boundary);
            assert!(off.abs() <= 1.0, "{boundary}: {off}");
        }
    }
}
