//! What the recogniser saw, step by step, and how to turn it into characters (connectionist temporal classification,
//! Graves et al. 2006).
//!
//! Always holds: the alphabet can be narrowed after the fact, and each character keeps what else it could be. Wiped on
//! drop. Does not correct anything: grammar and check digits are the document room's.

use zeroize::{Zeroize, Zeroizing};

use crate::document::ReadCharacter;

/// Fewer than this share of probability is no alternative worth keeping.
const MIN_ALTERNATIVE: f32 = 0.002;
/// Alternatives kept for a character, itself included.
const MAX_ALTERNATIVES: usize = 6;

/// The probabilities of every class at every step along one line of text.
#[derive(Clone)]
pub struct Lattice {
    /// Row-major, steps by classes; class 0 is the blank.
    probabilities: Vec<f32>,
    charset: std::sync::Arc<[char]>,
    /// Share of the steps that lie on the picture and not on its padding.
    used_steps: usize,
}

impl Lattice {
    /// Takes probabilities of `charset.len() + 1` classes a step, of which the first `used_steps` lie on the picture.
    pub(super) fn new(probabilities: Vec<f32>, charset: std::sync::Arc<[char]>, used_steps: usize) -> Self {
        Self { probabilities, charset, used_steps }
    }

    /// The best path over the characters that `allowed` admits.
    #[must_use]
    pub fn read(&self, allowed: impl Fn(char) -> bool) -> Vec<ReadCharacter> {
        let classes = self.charset.len() + 1;
        let open: Vec<bool> =
            std::iter::once(true).chain(self.charset.iter().map(|&character| allowed(character))).collect();
        let mut characters: Vec<ReadCharacter> = Vec::new();
        let mut run: Option<(usize, usize)> = None; // class, first step
        let steps = self.used_steps.min(self.probabilities.len() / classes);
        for step in 0..=steps {
            let class = (step < steps).then(|| best_class(self.step(step), &open));
            if let Some((running, first)) = run
                && class != Some(running)
            {
                characters.extend((running != 0).then(|| self.character(running, first..step, &open)));
                run = None;
            }
            if let (None, Some(class)) = (run, class) {
                run = Some((class, step));
            }
        }
        characters
    }

    fn step(&self, step: usize) -> &[f32] {
        let classes = self.charset.len() + 1;
        &self.probabilities[step * classes..(step + 1) * classes]
    }

    /// The character of a run of steps, with the alternatives at the step where it is surest.
    fn character(&self, class: usize, steps: std::ops::Range<usize>, open: &[bool]) -> ReadCharacter {
        let position = (steps.start + steps.end) as f32 / 2.0 / self.used_steps.max(1) as f32;
        // One for each character that may be kept, so that the buffer never moves.
        let mut candidates = Zeroizing::new(Vec::with_capacity(self.charset.len() + 1));
        candidates.push((self.charset[class - 1], 0.0_f32));
        for (other, &character) in self.charset.iter().enumerate() {
            let probability = steps.clone().map(|step| self.step(step)[other + 1]).fold(0.0, f32::max);
            if other + 1 == class {
                candidates[0].1 = probability;
            } else if open[other + 1] && probability >= MIN_ALTERNATIVE {
                candidates.push((character, probability));
            }
        }
        candidates[1..].sort_by(|a, b| b.1.total_cmp(&a.1));
        candidates.truncate(MAX_ALTERNATIVES);
        ReadCharacter { candidates, position }
    }
}

fn best_class(probabilities: &[f32], open: &[bool]) -> usize {
    let best = probabilities.iter().zip(open).enumerate().filter(|(_, (_, open))| **open);
    best.max_by(|(_, (a, _)), (_, (b, _))| a.total_cmp(b)).map_or(0, |(class, _)| class)
}

impl Drop for Lattice {
    fn drop(&mut self) {
        self.probabilities.zeroize();
    }
}

impl std::fmt::Debug for Lattice {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Lattice({} steps)", self.used_steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lattice(steps: &[[f32; 4]]) -> Lattice {
        Lattice::new(steps.concat(), ['0', 'O', 'a'].into(), steps.len())
    }

    fn text(characters: &[ReadCharacter]) -> String {
        characters.iter().map(|c| c.best().0).collect()
    }

    #[test]
    fn repeats_need_a_blank_between_them() {
        let zero = [0.1, 0.9, 0.0, 0.0];
        let blank = [0.9, 0.1, 0.0, 0.0];
        assert_eq!(text(&lattice(&[zero, zero]).read(|_| true)), "0");
        assert_eq!(text(&lattice(&[zero, blank, zero]).read(|_| true)), "00");
    }

    #[test]
    fn a_narrowed_alphabet_takes_the_next_best_character() {
        let lattice = lattice(&[[0.1, 0.2, 0.3, 0.4], [0.9, 0.1, 0.0, 0.0]]);
        assert_eq!(text(&lattice.read(|_| true)), "a");
        let upper = lattice.read(|c| !c.is_lowercase());
        assert_eq!(*upper[0].candidates, [('O', 0.3), ('0', 0.2)]);
        assert!((upper[0].position - 0.25).abs() < 1e-6);
    }
}
