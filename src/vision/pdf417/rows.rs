//! Where the rows of a symbol run between its two ends, when a bent card bows them.
//!
//! The codewords of a row all belong to one cluster, and those of its neighbours to the two others: a codeword read in
//! the right row is more like a pattern of its cluster than one that is read half a row off. For every word of a row the
//! likeness is measured at a ladder of heights, and the chain of heights that is most like codewords while changing little
//! from word to word is taken (dynamic programming). Clusters repeat after three rows, which is further than is looked.

use super::codebook::{Lens, MODULES};
use super::columns::FINE;
use super::grid::{BEFORE, Plan, STRIPES};

/// Rows above and below at which a word is looked for.
pub const REACH_ROWS: usize = 3;
/// Heights to either side, in stripes: two and a half rows.
const REACH: usize = 10;
const STATES: usize = 2 * REACH + 1;
/// Cost of a change by one stripe from word to word, squared; a word that is like its codewords is worth 1.
const BEND: f32 = 0.012;
/// Cost of a stripe at the guards, squared, where the heights are known.
const ANCHOR: f32 = 0.02;
/// Rows that are followed together, about; each such band for itself.
const BAND: usize = 10;
/// Rows of a word that are looked at in a band, at most.
const LOOKS: usize = 6;
/// Likeness that noise has to some codeword anyway.
const FLOOR: f32 = 0.55;

/// How far rows lie below their straight place, in stripes, by band of rows and by word.
pub struct RowShifts {
    bands: Vec<Vec<f32>>,
}

impl RowShifts {
    /// Follows the rows of a symbol. `words` hands out the darkness of a word of a row, `stripes` below its place.
    pub fn find(plan: &Plan, lens: &Lens, words: impl Fn(usize, usize, isize) -> [f32; MODULES]) -> Self {
        let bands = plan.rows.div_ceil(BAND);
        let part = |band: usize| {
            let (from, to) = (band * plan.rows / bands, (band + 1) * plan.rows / bands);
            let step = (to - from).div_ceil(LOOKS).max(1);
            let likeness = |word: usize| -> [f32; STATES] {
                let mut sums = [0.0; STATES];
                let mut count = 0.0;
                for row in (from..to).step_by(step) {
                    count += 1.0;
                    for (state, sum) in sums.iter_mut().enumerate() {
                        let found = lens.match_in(row % 3, &words(row, word, state as isize - REACH as isize));
                        *sum += (found.score - FLOOR).max(0.0) / (1.0 - FLOOR);
                    }
                }
                sums.map(|sum| sum / count)
            };
            chain(&(1..=plan.columns + BEFORE).map(likeness).collect::<Vec<_>>())
        };
        Self { bands: (0..bands).map(part).collect() }
    }

    /// Whether nothing is bowed at all.
    pub fn is_straight(&self) -> bool {
        self.bands.iter().flatten().all(|shift| shift.abs() < 0.5)
    }

    /// Shifts of a row at every sample, in stripes.
    pub fn of_row(&self, plan: &Plan, row: usize) -> Vec<f32> {
        let count = self.bands.len();
        // Between the middles of two bands both count.
        let place = ((row as f32 + 0.5) * count as f32 / plan.rows as f32 - 0.5).clamp(0.0, (count - 1) as f32);
        let (upper, weight) = (place as usize, place.fract());
        let at_word = |word: usize| {
            let of = |band: usize| self.bands[band.min(count - 1)].get(word).copied().unwrap_or(0.0);
            of(upper) + weight * (of(upper + 1) - of(upper))
        };
        let last = self.bands[0].len() - 1;
        (0..plan.samples())
            .map(|sample| {
                // The first word of the chain is the left indicator, one codeword after the start pattern.
                let word = (sample as f32 / (MODULES * FINE) as f32 - 1.5).clamp(0.0, last as f32);
                let (left, share) = (word as usize, word.fract());
                at_word(left) + share * (at_word((left + 1).min(last)) - at_word(left))
            })
            .collect()
    }
}

fn chain(gains: &[[f32; STATES]]) -> Vec<f32> {
    let from_middle = |state: usize| state as f32 - REACH as f32;
    let square = |distance: f32| distance * distance;
    let mut best: [f32; STATES] = std::array::from_fn(|state| -ANCHOR * square(from_middle(state)));
    let mut came_from = Vec::with_capacity(gains.len());
    for gain in gains {
        let (mut next, mut origin) = ([f32::MIN; STATES], [0; STATES]);
        for state in 0..STATES {
            for (before, value) in best.iter().enumerate() {
                let total = value - BEND * square(state as f32 - before as f32);
                if total > next[state] {
                    (next[state], origin[state]) = (total, before);
                }
            }
            next[state] += gain[state];
        }
        best = next;
        came_from.push(origin);
    }
    let at_end = |state: usize| best[state] - ANCHOR * square(from_middle(state));
    let mut state = (0..STATES).max_by(|&a, &b| at_end(a).total_cmp(&at_end(b))).unwrap_or(REACH);
    let mut shifts = Vec::with_capacity(gains.len());
    for origin in came_from.iter().rev() {
        shifts.push(from_middle(state));
        state = origin[state];
    }
    shifts.reverse();
    shifts
}

// A stripe is what the shifts count in; a row has a whole number of them.
const _: () = assert!(REACH < REACH_ROWS * STRIPES - 1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bow_is_followed_and_an_unread_word_is_bridged() {
        let bow = |word: usize| (6.0 * (std::f32::consts::PI * (word as f32 + 0.5) / 14.0).sin()).round() as isize;
        let gains: Vec<[f32; STATES]> = (0..14)
            .map(|word| {
                std::array::from_fn(|state| {
                    let off = (state as isize - REACH as isize - bow(word)).unsigned_abs();
                    if word == 6 { 0.4 } else { (1.0 - 0.3 * off as f32).max(0.3) }
                })
            })
            .collect();
        for (word, shift) in chain(&gains).into_iter().enumerate() {
            assert!((shift - bow(word) as f32).abs() <= 1.0, "{word}: {shift} instead of {}", bow(word));
        }
    }

    #[test]
    fn nothing_to_follow_stays_straight() {
        assert!(chain(&[[0.3; STATES]; 9]).iter().all(|shift| shift.abs() < 0.5));
    }
}
