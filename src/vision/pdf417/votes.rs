//! Several frames of one symbol, none of which could be read alone, read together.
//!
//! Each frame gives the brightness of every codeword's modules. What is the same in all of them is the symbol; noise, a
//! reflection that wanders and a blur that comes and goes are not. The frames are added up, each codeword by how sure it
//! was, and the sum is read.
//!
//! Always holds: frames are added only when their plan is the same and most codewords that are clear in both agree, so
//! that two cards never make one; memory is that of one symbol of at most 928 codewords, however many frames come; what is
//! held is wiped when it is forgotten. Does not keep time: whoever holds it forgets it when the person is gone.

use zeroize::Zeroize;

use super::codebook::{Darkness, Lens, MODULES};
use super::grid::{Cell, Codeword, Plan, correct};
use super::message::{Message, decode};

/// Margin from which a codeword is clear enough to tell one symbol from another.
const CLEAR: f32 = 0.08;
/// Codewords that are clear in both which two frames need to be compared at all.
const MIN_COMPARED: usize = 12;
/// Share of them that must agree.
const MIN_AGREEING: f32 = 0.8;
/// What a codeword counts that is not sure at all.
const LEAST_WEIGHT: f32 = 0.02;
/// What earlier frames still count when another one comes: the last ten or so decide.
const FADING: f32 = 0.9;
/// Frames without this symbol after which it is forgotten.
const MOST_MISSES: u32 = 15;

/// What one frame shows of a symbol that it does not let read.
pub struct Partial {
    pub(super) plan: Plan,
    pub(super) checks: usize,
    pub(super) cells: Vec<Cell>,
}

impl Partial {
    /// How sure its codewords are, 0…1, on average.
    #[must_use]
    pub fn margin(&self) -> f32 {
        self.cells.iter().map(|cell| cell.codeword.margin).sum::<f32>() / self.cells.len().max(1) as f32
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        self.cells.zeroize();
    }
}

/// The frames of one symbol, added up.
#[derive(Default)]
pub struct SymbolVotes {
    held: Option<Held>,
}

struct Held {
    plan: Plan,
    checks: usize,
    sums: Vec<Darkness>,
    /// The codeword of each sum.
    codewords: Vec<Codeword>,
    misses: u32,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.sums.zeroize();
        self.codewords.zeroize();
    }
}

impl SymbolVotes {
    /// Adds a frame; what the symbol says, once that can be told. Another symbol takes the place of the one before.
    pub fn add(&mut self, partial: &Partial) -> Option<Message> {
        let cells = partial.plan.rows * partial.plan.columns;
        if partial.cells.len() != cells {
            return None;
        }
        let same = self.held.take().filter(|held| held.is_of(partial));
        let alone = same.is_none();
        let mut held = same.unwrap_or_else(|| Held::empty(partial));
        held.add(partial);
        // A frame that could not be read alone is not tried alone again.
        let message = if alone { None } else { correct(&held.codewords, held.checks).and_then(|data| decode(&data)) };
        if message.is_none() {
            self.held = Some(held);
        }
        message
    }

    /// A frame in which the symbol was not seen.
    pub fn miss(&mut self) {
        if let Some(held) = &mut self.held {
            held.misses += 1;
            if held.misses > MOST_MISSES {
                self.forget();
            }
        }
    }

    /// Wipes what is held.
    pub fn forget(&mut self) {
        self.held = None;
    }

    /// Whether anything is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_none()
    }
}

impl Held {
    fn empty(partial: &Partial) -> Self {
        let cells = partial.cells.len();
        let (plan, checks) = (partial.plan, partial.checks);
        let codewords = vec![Codeword { value: 0, margin: 0.0 }; cells];
        Self { plan, checks, sums: vec![[0.0; MODULES]; cells], codewords, misses: 0 }
    }

    fn is_of(&self, partial: &Partial) -> bool {
        let pairs = self.codewords.iter().zip(partial.cells.iter().map(|cell| &cell.codeword));
        let clear: Vec<bool> = pairs
            .filter(|(held, seen)| held.margin > CLEAR && seen.margin > CLEAR)
            .map(|(held, seen)| held.value == seen.value)
            .collect();
        let agreeing = clear.iter().filter(|&&agrees| agrees).count();
        self.plan == partial.plan
            && self.checks == partial.checks
            && clear.len() >= MIN_COMPARED
            && agreeing as f32 >= MIN_AGREEING * clear.len() as f32
    }

    fn add(&mut self, partial: &Partial) {
        self.misses = 0;
        for (sum, cell) in self.sums.iter_mut().zip(&partial.cells) {
            let mean = cell.darkness.iter().sum::<f32>() / MODULES as f32;
            let size = cell.darkness.iter().map(|v| (v - mean).powi(2)).sum::<f32>().sqrt().max(1e-3);
            let weight = cell.codeword.margin.max(LEAST_WEIGHT) / size;
            for (sum, value) in sum.iter_mut().zip(cell.darkness) {
                *sum = *sum * FADING + weight * (value - mean);
            }
        }
        let columns = self.plan.columns;
        let some = self.sums.iter().enumerate().step_by(self.sums.len().div_ceil(48).max(1));
        let lens = Lens::best(|lens| some.clone().map(|(k, sum)| lens.match_in(k / columns % 3, sum).score).sum());
        for (k, (sum, codeword)) in self.sums.iter().zip(&mut self.codewords).enumerate() {
            *codeword = lens.match_in(k / columns % 3, sum).into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::codebook::tests::shown;
    use super::super::reed_solomon::tests::encode;
    use super::*;

    const PLAN: Plan = Plan { rows: 12, columns: 6 };
    const CHECKS: usize = 16;

    /// Noise in -1…1 that a number determines.
    fn noise(seed: u32) -> f32 {
        let mixed = seed.wrapping_mul(0x9E37_79B9) ^ (seed.wrapping_mul(0x85EB_CA6B) >> 13);
        (mixed.wrapping_mul(0xC2B2_AE35) >> 8) as f32 / (1 << 23) as f32 - 1.0
    }

    fn codewords(first: u16) -> Vec<u16> {
        let count = PLAN.rows * PLAN.columns - CHECKS;
        let data = (0..count).map(|k| if k == 0 { count as u16 } else { (first * 30 + (k as u16 * 7) % 26) % 780 });
        encode(&data.collect::<Vec<_>>(), CHECKS)
    }

    /// A frame whose codewords from `hidden` on, a third of all, are covered, with some noise everywhere.
    fn frame(codewords: &[u16], hidden: usize, seed: u32) -> Partial {
        let cells = codewords.iter().enumerate().map(|(k, &codeword)| {
            let cluster = k / PLAN.columns % 3;
            let covered = (k + codewords.len() - hidden) % codewords.len() < codewords.len() / 3;
            let mut darkness = shown(cluster, codeword);
            for (at, value) in darkness.iter_mut().enumerate() {
                let noise = noise(seed * 100_000 + (k * MODULES + at) as u32);
                *value = if covered { noise } else { *value + 0.25 * noise };
            }
            let found = Lens::of_starts(&[]).match_in(cluster, &darkness);
            Cell { darkness, codeword: found.into() }
        });
        Partial { plan: PLAN, checks: CHECKS, cells: cells.collect() }
    }

    #[test]
    fn frames_that_each_lack_a_third_are_read_together() {
        let sent = codewords(3);
        let mut votes = SymbolVotes::default();
        let read: Vec<bool> = (0..4).map(|k| votes.add(&frame(&sent, k as usize % 3 * 24, k + 1)).is_some()).collect();
        assert!(!read[0] && read.contains(&true), "{read:?}");
    }

    #[test]
    fn two_cards_never_make_one() {
        let mut votes = SymbolVotes::default();
        for k in 0..12 {
            let other = codewords(if k % 2 == 0 { 3 } else { 11 });
            assert!(votes.add(&frame(&other, k as usize % 3 * 24, k + 1)).is_none());
        }
    }

    #[test]
    fn a_symbol_that_is_gone_for_long_is_forgotten() {
        let mut votes = SymbolVotes::default();
        votes.add(&frame(&codewords(3), 0, 1));
        for _ in 0..MOST_MISSES {
            votes.miss();
        }
        assert!(!votes.is_empty());
        votes.miss();
        assert!(votes.is_empty());
    }

    #[test]
    fn what_was_read_is_no_longer_held() {
        let sent = codewords(3);
        let mut votes = SymbolVotes::default();
        let read = (0..4).any(|k| votes.add(&frame(&sent, k as usize % 3 * 24, k + 1)).is_some());
        assert!(read && votes.is_empty());
    }
}
