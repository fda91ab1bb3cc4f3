//! The bar patterns of PDF417 codewords, and the most likely codeword for a measured one.
//!
//! ISO/IEC 15438, annex A: each of the 929 codewords has one pattern of 17 modules in each of three clusters; row `r` uses
//! cluster `r mod 3`. A measurement is compared with every pattern as a lens would show it, by the correlation
//! coefficient: with white noise, unknown brightness and unknown contrast that is the most likely one, where sharpening
//! the measurement instead would also sharpen its noise. What stands to either side is known: every codeword begins with
//! a bar and ends with a space.

use std::sync::LazyLock;

use rxing::pdf417::pdf_417_common::{CODEWORD_TABLE, NUMBER_OF_CODEWORDS, SYMBOL_TABLE};

/// Modules of a codeword.
pub const MODULES: usize = 17;
/// Modules looked up in one table; the rest in the other.
const LOW: usize = 9;
/// Modules to either side that a lens spreads light to.
const REACH: usize = 2;
/// Deviations in modules of the blurs that are told apart. What is taken as the mean of a module has the module's own
/// width on top.
const BLURS: [f32; 5] = [0.15, 0.4, 0.55, 0.7, 0.9];

/// How dark each module is, on any scale; larger is darker.
pub type Darkness = [f32; MODULES];

/// Bars (1) and spaces (-1) of the start pattern, the first 17 modules of every row (5.3.1).
const START: Darkness = [1., 1., 1., 1., 1., 1., 1., 1., -1., 1., -1., 1., -1., 1., -1., -1., -1.];

/// The most likely codeword for a measured pattern.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// The codeword, 0…928.
    pub codeword: u16,
    /// The cluster it was found in, 0…2.
    pub cluster: u8,
    /// Correlation with the pattern: 1 when it explains all that was measured.
    pub score: f32,
    /// Distance of the score to that of the second best.
    pub margin: f32,
}

struct Pattern {
    modules: u32,
    codeword: u16,
}

static CLUSTERS: LazyLock<[Vec<Pattern>; 3]> = LazyLock::new(|| {
    let mut clusters = [const { Vec::new() }; 3];
    for (modules, number) in SYMBOL_TABLE.into_iter().zip(CODEWORD_TABLE) {
        let modules = modules & ((1 << MODULES) - 1);
        let codeword = ((number + NUMBER_OF_CODEWORDS - 1) % NUMBER_OF_CODEWORDS) as u16;
        clusters[cluster_of(modules)].push(Pattern { modules, codeword });
    }
    clusters
});

static LENSES: LazyLock<[Lens; BLURS.len()]> = LazyLock::new(|| BLURS.map(Lens::new));

/// Cluster number by the widths of the four bars (ISO/IEC 15438, 5.3.1).
fn cluster_of(modules: u32) -> usize {
    let mut widths = Vec::with_capacity(8);
    let mut last = None;
    for bit in (0..MODULES).rev().map(|at| modules >> at & 1) {
        if last == Some(bit) {
            if let Some(width) = widths.last_mut() {
                *width += 1;
            }
        } else {
            widths.push(1_i32);
        }
        last = Some(bit);
    }
    let bar = |k: usize| widths.get(2 * k).copied().unwrap_or(0);
    ((bar(0) - bar(1) + bar(2) - bar(3)).rem_euclid(9) / 3) as usize
}

/// A blur, and all patterns as it shows them.
pub struct Lens {
    /// Light that a module sends to itself and to each of its neighbours.
    taps: [f32; 2 * REACH + 1],
    /// One over the deviation of each pattern after the blur, in the order of the clusters.
    scales: [Vec<f32>; 3],
}

impl Lens {
    fn new(deviation: f32) -> Self {
        let mut lens = Self { taps: taps(deviation), scales: [const { Vec::new() }; 3] };
        lens.scales = std::array::from_fn(|cluster| {
            let scale = |pattern: &Pattern| 1.0 / norm(&centred(&lens.shown(&bars_of(pattern.modules))));
            CLUSTERS[cluster].iter().map(scale).collect()
        });
        lens
    }

    /// The lens that shows the start pattern most like some measurements of it. Start patterns are followed by a bar.
    pub fn of_starts(starts: &[Darkness]) -> &'static Self {
        let likeness = |lens: &Lens| -> f32 {
            let shown = centred(&lens.shown(&START));
            starts.iter().map(|start| correlation(&centred(start), &shown)).sum()
        };
        Self::best(likeness)
    }

    /// The lens with the greatest likeness.
    pub fn best(likeness: impl Fn(&Self) -> f32) -> &'static Self {
        let mut best = (&LENSES[1], f32::MIN);
        for lens in LENSES.iter() {
            let found = likeness(lens);
            if found > best.1 {
                best = (lens, found);
            }
        }
        best.0
    }

    /// A pattern behind this lens, with a space before it and a bar after it.
    fn shown(&self, pattern: &Darkness) -> Darkness {
        std::array::from_fn(|k| {
            (0..=2 * REACH)
                .map(|tap| {
                    let at = (k + tap).checked_sub(REACH);
                    self.taps[tap] * at.map_or(-1.0, |at| pattern.get(at).copied().unwrap_or(1.0))
                })
                .sum()
        })
    }

    /// The likeliest codeword of one cluster.
    pub fn match_in(&self, cluster: usize, darkness: &Darkness) -> Match {
        Agreement::new(self, darkness).search(self, cluster)
    }

    /// The likeliest codeword of any cluster; the margin is that to the second best of all.
    pub fn match_any(&self, darkness: &Darkness) -> Match {
        let agreement = Agreement::new(self, darkness);
        let found = [0, 1, 2].map(|cluster| agreement.search(self, cluster));
        let mut best = found[0];
        for other in &found[1..] {
            let (winner, loser) = if other.score > best.score { (*other, best) } else { (best, *other) };
            best = Match { margin: winner.margin.min(winner.score - loser.score), ..winner };
        }
        best
    }
}

/// The share of a module's light that falls on each neighbour, averaged over the neighbour.
fn taps(deviation: f32) -> [f32; 2 * REACH + 1] {
    const STEPS: usize = 12;
    let place = |k: usize| (k as f32 + 0.5) / STEPS as f32 - 0.5;
    let taps: [f32; 2 * REACH + 1] = std::array::from_fn(|tap| {
        let apart = tap as f32 - REACH as f32;
        let pairs = (0..STEPS * STEPS).map(|k| (place(k % STEPS) + apart - place(k / STEPS)) / deviation);
        pairs.map(|distance| (-0.5 * distance * distance).exp()).sum()
    });
    let total: f32 = taps.iter().sum();
    taps.map(|tap| tap / total)
}

fn bars_of(modules: u32) -> Darkness {
    std::array::from_fn(|k| if modules >> (MODULES - 1 - k) & 1 == 1 { 1.0 } else { -1.0 })
}

fn centred(values: &Darkness) -> Darkness {
    let mean = values.iter().sum::<f32>() / MODULES as f32;
    values.map(|value| value - mean)
}

fn norm(values: &Darkness) -> f32 {
    values.iter().map(|value| value * value).sum::<f32>().sqrt().max(1e-6)
}

/// Correlation coefficient of two centred patterns.
fn correlation(a: &Darkness, b: &Darkness) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>() / (norm(a) * norm(b))
}

/// Sums of a pattern's agreement with a measurement, for both parts of the pattern.
struct Agreement {
    high: [f32; 1 << (MODULES - LOW)],
    low: [f32; 1 << LOW],
}

impl Agreement {
    fn new(lens: &Lens, darkness: &Darkness) -> Self {
        let measured = centred(darkness);
        let size = norm(&measured);
        let at = |k: isize| usize::try_from(k).ok().and_then(|k| measured.get(k)).copied().unwrap_or(0.0) / size;
        // What a module's own bar or space adds to the agreement, all that it shines on taken together.
        let spread =
            |k: isize| -> f32 { lens.taps.iter().zip(-(REACH as isize)..).map(|(tap, step)| tap * at(k + step)).sum() };
        let weights: Darkness = std::array::from_fn(|k| spread(k as isize));
        let before: f32 = (1..=REACH as isize).map(|k| spread(-k)).sum();
        let after: f32 = (0..REACH as isize).map(|k| spread(MODULES as isize + k)).sum();
        let mut agreement = Self { high: [0.0; 1 << (MODULES - LOW)], low: [0.0; 1 << LOW] };
        let (first, second) = weights.split_at(MODULES - LOW);
        fill(&mut agreement.high, first);
        fill(&mut agreement.low, second);
        for sum in &mut agreement.high {
            *sum += after - before;
        }
        agreement
    }

    fn search(&self, lens: &Lens, cluster: usize) -> Match {
        let (mut best, mut second, mut codeword) = (f32::MIN, f32::MIN, 0);
        for (pattern, scale) in CLUSTERS[cluster].iter().zip(&lens.scales[cluster]) {
            let modules = pattern.modules as usize;
            let score = (self.high[modules >> LOW] + self.low[modules & ((1 << LOW) - 1)]) * scale;
            if score > best {
                (second, best, codeword) = (best, score, pattern.codeword);
            } else if score > second {
                second = score;
            }
        }
        Match { codeword, cluster: cluster as u8, score: best, margin: best - second }
    }
}

/// For every set of bars among some modules: the weight of the bars less that of the spaces.
fn fill(table: &mut [f32], weights: &[f32]) {
    table[0] = -weights.iter().sum::<f32>();
    for set in 1..table.len() {
        let lowest = set.trailing_zeros() as usize;
        table[set] = table[set & (set - 1)] + 2.0 * weights[weights.len() - 1 - lowest];
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A codeword's modules behind a lens.
    pub fn shown(cluster: usize, codeword: u16) -> Darkness {
        let pattern = CLUSTERS[cluster].iter().find(|pattern| pattern.codeword == codeword).unwrap();
        LENSES[1].shown(&bars_of(pattern.modules))
    }

    #[test]
    fn every_cluster_has_every_codeword() {
        for cluster in CLUSTERS.iter() {
            let mut codewords: Vec<u16> = cluster.iter().map(|pattern| pattern.codeword).collect();
            codewords.sort_unstable();
            assert!(codewords.iter().copied().eq(0..929));
        }
    }

    #[test]
    fn every_pattern_is_its_own_best_match_behind_every_lens() {
        for lens in LENSES.iter() {
            for (number, cluster) in CLUSTERS.iter().enumerate() {
                for pattern in cluster.iter().step_by(7) {
                    let found = lens.match_any(&lens.shown(&bars_of(pattern.modules)));
                    assert_eq!((found.codeword, usize::from(found.cluster)), (pattern.codeword, number));
                    assert!((found.score - 1.0).abs() < 1e-3 && found.margin > 0.0, "{found:?}");
                }
            }
        }
    }

    #[test]
    fn brightness_and_contrast_do_not_matter() {
        let shown = LENSES[2].shown(&bars_of(CLUSTERS[1][400].modules));
        let found = LENSES[2].match_in(1, &shown.map(|value| 7.0 * value - 90.0));
        assert!(found.codeword == CLUSTERS[1][400].codeword && found.score > 0.999);
    }

    #[test]
    fn the_lens_is_told_by_the_start_pattern() {
        for lens in LENSES.iter() {
            assert!(std::ptr::eq(Lens::of_starts(&[lens.shown(&START)]), lens));
        }
    }

    #[test]
    fn an_unclear_module_does_not_change_the_match() {
        let pattern = &CLUSTERS[1][400];
        let mut darkness = bars_of(pattern.modules);
        darkness[5] *= -0.3;
        assert_eq!(LENSES[0].match_in(1, &darkness).codeword, pattern.codeword);
    }

    #[test]
    fn a_flat_measurement_is_like_nothing() {
        assert!(LENSES[1].match_any(&[3.0; MODULES]).score.abs() < 0.1);
    }
}
