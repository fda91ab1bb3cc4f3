//! The bar patterns of PDF417 codewords and the most likely codeword for a measured one.
//!
//! ISO/IEC 15438, annex A: each of the 929 codewords has one pattern of 17 modules in each of three clusters; row `r` uses
//! cluster `r mod 3`.

use std::sync::LazyLock;

use rxing::pdf417::pdf_417_common::{CODEWORD_TABLE, NUMBER_OF_CODEWORDS, SYMBOL_TABLE};

/// Modules of a codeword.
pub const MODULES: usize = 17;
/// Modules looked up in one table; the rest in the other.
const LOW: usize = 9;

/// How dark each module of a codeword is: 1 for a bar, -1 for a space, between them when it is not clear.
pub type Darkness = [f32; MODULES];

/// The most likely codeword for a measured pattern.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// The codeword, 0…928.
    pub codeword: u16,
    /// The cluster it was found in, 0…2.
    pub cluster: u8,
    /// Likeness to the pattern: 1 when every module agrees.
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

/// Sums of a pattern's agreement with a measurement, for both parts of the pattern.
struct Agreement {
    high: [f32; 1 << (MODULES - LOW)],
    low: [f32; 1 << LOW],
    most: f32,
}

impl Agreement {
    fn with(darkness: &Darkness) -> Self {
        let mut agreement = Self { high: [0.0; 1 << (MODULES - LOW)], low: [0.0; 1 << LOW], most: 0.0 };
        let (first, second) = darkness.split_at(MODULES - LOW);
        fill(&mut agreement.high, first);
        fill(&mut agreement.low, second);
        agreement.most = darkness.iter().map(|value| value.abs()).sum::<f32>().max(1e-3);
        agreement
    }

    fn search(&self, cluster: usize) -> Match {
        let (mut best, mut second, mut codeword) = (f32::MIN, f32::MIN, 0);
        for pattern in &CLUSTERS[cluster] {
            let modules = pattern.modules as usize;
            let score = self.high[modules >> LOW] + self.low[modules & ((1 << LOW) - 1)];
            if score > best {
                (second, best, codeword) = (best, score, pattern.codeword);
            } else if score > second {
                second = score;
            }
        }
        Match { codeword, cluster: cluster as u8, score: best / self.most, margin: (best - second) / self.most }
    }
}

/// For every set of bars among some modules: the darkness of the bars less that of the spaces.
fn fill(table: &mut [f32], darkness: &[f32]) {
    table[0] = -darkness.iter().sum::<f32>();
    for set in 1..table.len() {
        let lowest = set.trailing_zeros() as usize;
        table[set] = table[set & (set - 1)] + 2.0 * darkness[darkness.len() - 1 - lowest];
    }
}

/// The most likely codeword of one cluster.
pub fn match_in(cluster: usize, darkness: &Darkness) -> Match {
    Agreement::with(darkness).search(cluster)
}

/// The most likely codeword of any cluster; the margin is that to the second best of all.
pub fn match_any(darkness: &Darkness) -> Match {
    let agreement = Agreement::with(darkness);
    let found = [0, 1, 2].map(|cluster| agreement.search(cluster));
    let mut best = found[0];
    for other in &found[1..] {
        let (winner, loser) = if other.score > best.score { (*other, best) } else { (best, *other) };
        best = Match { margin: winner.margin.min(winner.score - loser.score), ..winner };
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn darkness_of(modules: u32) -> Darkness {
        std::array::from_fn(|k| if modules >> (MODULES - 1 - k) & 1 == 1 { 1.0 } else { -1.0 })
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
    fn every_pattern_is_its_own_best_match() {
        for (number, cluster) in CLUSTERS.iter().enumerate() {
            for pattern in cluster {
                let found = match_any(&darkness_of(pattern.modules));
                assert_eq!((found.codeword, usize::from(found.cluster)), (pattern.codeword, number));
                assert!((found.score - 1.0).abs() < 1e-4 && found.margin > 0.0);
            }
        }
    }

    #[test]
    fn an_unclear_module_does_not_change_the_match() {
        let pattern = &CLUSTERS[1][400];
        let mut darkness = darkness_of(pattern.modules);
        darkness[5] *= -0.3;
        assert_eq!(match_in(1, &darkness).codeword, pattern.codeword);
    }
}
