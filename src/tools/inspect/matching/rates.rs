//! Error rates of comparisons (ISO/IEC 19795-1), with intervals that do not take comparisons for independent.
//!
//! Always holds: an interval comes from drawing *people* with replacement, so that everything one person is part of comes
//! or goes together; a genuine comparison that could not be made counts as a false non-match. Two copies of a drawn person
//! are never compared with each other as strangers.

use serde::Serialize;

use crate::tools::specimen::random::Random;

/// False match rates at which thresholds are asked for.
const RATES: [f64; 3] = [1e-2, 1e-3, 1e-4];
/// Thresholds at which error rates are asked for.
const THRESHOLDS: [f32; 10] = [0.40, 0.44, 0.47, 0.50, 0.52, 0.53, 0.54, 0.56, 0.58, 0.60];
/// Draws behind an interval.
const DRAWS: usize = 1000;
/// What lies outside an interval of 95 %, on each side.
const TAIL: f64 = 0.025;

/// A comparison of two strangers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Impostor {
    /// Whose probe and whose reference, by number.
    pub people: [usize; 2],
    pub similarity: f32,
}

/// All comparisons of one kind.
#[derive(Debug, Default)]
pub(super) struct Comparisons {
    /// How many probes each person gives.
    pub probes: Vec<u32>,
    /// How many references each person gives.
    pub references: Vec<u32>,
    /// Whether probes and references are the same templates, so that each two are compared once.
    pub symmetric: bool,
    /// Person and similarity of each genuine comparison, −∞ where there was nothing to compare.
    pub genuine: Vec<(usize, f32)>,
    pub impostors: Vec<Impostor>,
}

/// A value with its interval of 95 %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Bounded {
    value: f64,
    low: f64,
    high: f64,
}

/// Where the false match rate is as asked.
#[derive(Debug, Serialize)]
pub(super) struct AtRate {
    fmr: f64,
    /// More than this is a match.
    threshold: Bounded,
    /// TAR, the share of genuine comparisons above it; its interval follows the threshold's.
    true_match_rate: Bounded,
}

/// What a threshold does.
#[derive(Debug, Serialize)]
pub(super) struct AtThreshold {
    threshold: f32,
    false_matches: usize,
    /// Pairs of people among them.
    false_match_people: usize,
    fmr: Bounded,
    fnmr: Bounded,
}

/// Rates of one kind of comparisons.
#[derive(Debug, Serialize)]
pub(super) struct Rates {
    people: usize,
    genuine: usize,
    not_comparable: usize,
    impostors: usize,
    at_rate: Vec<AtRate>,
    at_threshold: Vec<AtThreshold>,
}

/// What one draw of people gives.
struct Draw {
    thresholds: [f64; RATES.len()],
    true_match_rates: [f64; RATES.len()],
    fmr: [f64; THRESHOLDS.len()],
    fnmr: [f64; THRESHOLDS.len()],
}

impl Comparisons {
    /// None yet, of so many people.
    pub fn new(people: usize) -> Self {
        Self { probes: vec![0; people], references: vec![0; people], ..Self::default() }
    }

    /// Everything about these comparisons.
    pub fn rates(mut self) -> Rates {
        let impostors = self.impostors.len();
        // What lies far below every threshold counts in the number of comparisons alone.
        self.impostors.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        let kept = self.impostors.partition_point(|impostor| impostor.similarity >= THRESHOLDS[0]).max(impostors / 40);
        self.impostors.truncate(kept);
        let people = self.probes.len();
        let measured = self.draw(&vec![1; people]);
        let mut random = Random::new(1, 19_795);
        let draws: Vec<Draw> = (0..DRAWS)
            .map(|_| {
                let mut weights = vec![0; people];
                (0..people).for_each(|_| weights[random.below(people as u32) as usize] += 1);
                self.draw(&weights)
            })
            .collect();
        let bounded = |of: &dyn Fn(&Draw) -> f64| bounded(of(&measured), draws.iter().map(of).collect());
        let at_rate = |k: usize| AtRate {
            fmr: RATES[k],
            threshold: bounded(&|draw| draw.thresholds[k]),
            true_match_rate: bounded(&|draw| draw.true_match_rates[k]),
        };
        let at_threshold = |k: usize| {
            let matches = self.impostors.iter().take_while(|impostor| impostor.similarity >= THRESHOLDS[k]);
            let pairs = matches.clone().map(|impostor| {
                let [a, b] = impostor.people;
                (a.min(b), a.max(b))
            });
            AtThreshold {
                threshold: THRESHOLDS[k],
                false_matches: matches.count(),
                false_match_people: pairs.collect::<std::collections::BTreeSet<_>>().len(),
                fmr: bounded(&|draw| draw.fmr[k]),
                fnmr: bounded(&|draw| draw.fnmr[k]),
            }
        };
        Rates {
            people,
            genuine: self.genuine.len(),
            not_comparable: self.genuine.iter().filter(|(_, similarity)| !similarity.is_finite()).count(),
            impostors,
            at_rate: (0..RATES.len()).map(at_rate).collect(),
            at_threshold: (0..THRESHOLDS.len()).map(at_threshold).collect(),
        }
    }

    /// Rates where each person is there as often as `weights` says.
    fn draw(&self, weights: &[u32]) -> Draw {
        let total = self.compared(weights);
        let mut draw = Draw {
            thresholds: [f64::NAN; RATES.len()],
            true_match_rates: [0.0; RATES.len()],
            fmr: [0.0; THRESHOLDS.len()],
            fnmr: [0.0; THRESHOLDS.len()],
        };
        let mut above = 0.0;
        for impostor in &self.impostors {
            let [probe, reference] = impostor.people;
            let weight = f64::from(weights[probe]) * f64::from(weights[reference]);
            above += weight;
            for (rate, threshold) in RATES.iter().zip(&mut draw.thresholds) {
                if threshold.is_nan() && above > rate * total {
                    *threshold = f64::from(impostor.similarity);
                }
            }
            for (level, fmr) in THRESHOLDS.iter().zip(&mut draw.fmr) {
                *fmr += if impostor.similarity >= *level { weight / total } else { 0.0 };
            }
        }
        let missed = |is_match: &dyn Fn(f64) -> bool| self.missed(weights, is_match);
        draw.true_match_rates = draw.thresholds.map(|threshold| 1.0 - missed(&|similarity| similarity > threshold));
        draw.fnmr = THRESHOLDS.map(|level| missed(&|similarity| similarity >= f64::from(level)));
        draw
    }

    /// Comparisons of strangers.
    fn compared(&self, weights: &[u32]) -> f64 {
        let both = weights.iter().zip(&self.probes).zip(&self.references);
        let (mut probes, mut references, mut own) = (0.0, 0.0, 0.0);
        for ((&weight, &of_probes), &of_references) in both {
            let (p, r) = (f64::from(weight * of_probes), f64::from(weight * of_references));
            (probes, references, own) = (probes + p, references + r, own + p * r);
        }
        (probes * references - own) * if self.symmetric { 0.5 } else { 1.0 }
    }

    fn missed(&self, weights: &[u32], is_match: &dyn Fn(f64) -> bool) -> f64 {
        let (mut missed, mut all) = (0.0, 0.0);
        for &(person, similarity) in &self.genuine {
            let weight = f64::from(weights[person]);
            all += weight;
            missed += if is_match(f64::from(similarity)) { 0.0 } else { weight };
        }
        missed / f64::max(all, 1.0)
    }
}

fn bounded(value: f64, mut drawn: Vec<f64>) -> Bounded {
    drawn.sort_by(f64::total_cmp);
    let at = |share: f64| drawn.get((share * drawn.len() as f64) as usize).copied().unwrap_or(value);
    Bounded { value, low: at(TAIL), high: at(1.0 - TAIL) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten people with three templates each, compared once each; person 9 looks like person 8.
    fn comparisons() -> Comparisons {
        let mut all =
            Comparisons { probes: vec![3; 10], references: vec![3; 10], symmetric: true, ..Comparisons::default() };
        for (a, b) in (0..30).flat_map(|a| (a + 1..30).map(move |b| (a, b))) {
            let people = [a / 3, b / 3];
            match people {
                [one, other] if one == other => all.genuine.push((one, 0.75)),
                [8, 9] => all.impostors.push(Impostor { people, similarity: 0.575 }),
                _ => all.impostors.push(Impostor { people, similarity: 0.1 }),
            }
        }
        all
    }

    #[test]
    fn rates_are_shares_of_all_comparisons() {
        let rates = comparisons().rates();
        assert_eq!((rates.genuine, rates.impostors), (30, 405));
        let at = rates.at_threshold.iter().find(|at| (at.threshold - 0.56).abs() < 1e-6).unwrap();
        assert_eq!((at.false_matches, at.false_match_people), (9, 1));
        assert!((at.fmr.value - 9.0 / 405.0).abs() < 1e-12 && at.fnmr.value == 0.0);
        assert!((rates.at_rate[1].threshold.value - 0.575).abs() < 1e-6);
    }

    #[test]
    fn nine_matches_of_one_pair_of_people_are_no_certain_rate() {
        let rates = comparisons().rates();
        let at = rates.at_threshold.iter().find(|at| (at.threshold - 0.56).abs() < 1e-6).unwrap();
        assert!(at.fmr.low == 0.0 && at.fmr.high > 2.5 * at.fmr.value, "{:?}", at.fmr);
    }

    #[test]
    fn what_could_not_be_compared_is_a_false_non_match() {
        let mut some = comparisons();
        some.genuine.iter_mut().take(6).for_each(|(_, similarity)| *similarity = f32::NEG_INFINITY);
        let rates = some.rates();
        assert_eq!(rates.not_comparable, 6);
        assert!((rates.at_threshold[0].fnmr.value - 0.2).abs() < 1e-12);
        assert!((rates.at_rate[2].true_match_rate.value - 0.8).abs() < 1e-12);
    }
}
