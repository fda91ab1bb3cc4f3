//! `inspect match`: how often strangers match and how often the same person does not.
//!
//! Every picture is a probe, and a reference: as it is, or as the portrait of a document that is simulated from it, found,
//! gated and embedded as in a session. Probes are compared alone and several at a time. Always holds: whoever cannot be
//! found on a portrait counts as a false non-match. Prints rates alone, no names.

mod rates;
mod templates;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use self::rates::{Comparisons, Impostor, Rates};
use self::templates::{People, Seen};
use super::pair_list::Pair;
use super::{Assets, Common};
use crate::liveness::{MatchThreshold, Template, compare};
use crate::tools::exit::{CommandError, Exit};

/// Probes that are compared at once, where a person has so many pictures beside the reference.
const PROBES: usize = 3;

/// Measures error rates of comparisons over all pictures of a list. The folder of a picture says who is in it.
#[derive(Debug, Clone, Args)]
pub struct MatchArgs {
    /// CSV with a header: `first`, `second`, and `same` with 1 for the same person.
    pub csv: PathBuf,
    /// Folder that the names are relative to.
    #[arg(long)]
    pub root: PathBuf,
    /// The pictures are aligned 112 by 112 pixel faces already.
    #[arg(long)]
    pub aligned: bool,
    /// References are portraits on a document whose face has so many pixels across [default: the pictures as they are].
    #[arg(long)]
    pub portrait: Option<f32>,
    /// Only the people of this half.
    #[arg(long, value_enum, default_value = "all")]
    pub half: Half,
}

/// Half of the people, by the last bit of SHA-256 of their names: thresholds are chosen on one and reported on the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Half {
    /// Everybody.
    All,
    /// To choose on.
    Tune,
    /// To report on.
    Report,
}

#[derive(Debug, Serialize)]
struct MatchLine {
    half: Half,
    portrait_px: Option<f32>,
    /// Probes of each comparison.
    probes: usize,
    pictures: usize,
    /// Pictures that gave no reference.
    without_reference: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    folds: Option<[Fold; 2]>,
    #[serde(flatten)]
    rates: Rates,
}

/// Half of the list, judged with the threshold that errs least on the other.
#[derive(Debug, Serialize)]
struct Fold {
    threshold: f32,
    wrong: usize,
    pairs: usize,
}

/// Measures error rates.
///
/// # Errors
/// [`CommandError`] when list or pictures cannot be read, it cannot start or a model fails.
pub fn matching(args: &MatchArgs, common: &Common, assets: &Assets) -> Result<Exit, CommandError> {
    let mut pairs = Pair::read_list(&args.csv)?;
    pairs.retain(|pair| args.half.has(&pair.first) && args.half.has(&pair.second));
    let people = People::of(&pairs);
    let seen = templates::look(args, &people, common, assets)?;
    let folds = (args.portrait.is_none() && args.half == Half::All).then(|| folds(&pairs, &people, &seen)).flatten();
    let several = several(&people, &seen);
    let single = single(args, &pairs, &people, &seen);
    let mut output = std::io::stdout().lock();
    for (probes, folds, comparisons) in [(1, folds, single), (PROBES, None, several)] {
        let line = MatchLine {
            half: args.half,
            portrait_px: args.portrait,
            probes,
            pictures: seen.len(),
            without_reference: seen.iter().filter(|seen| seen.reference().is_none()).count(),
            folds,
            rates: comparisons.rates(),
        };
        writeln!(output, "{}", serde_json::to_string(&line).map_err(|error| CommandError::System(error.to_string()))?)?;
    }
    Ok(Exit::Success)
}

/// Similarity of a live probe and a reference; −∞ without one of them.
fn similarity(probes: &[Template], reference: Option<&Template>) -> f32 {
    let Some(reference) = reference else { return f32::NEG_INFINITY };
    compare(probes, reference, MatchThreshold::SHIPPED).similarity.map_or(f32::NEG_INFINITY, |value| value.0)
}

/// Each probe with each reference of strangers; of the same person the pairs of the list.
fn single(args: &MatchArgs, pairs: &[Pair], people: &People, seen: &[Seen]) -> Comparisons {
    let symmetric = args.portrait.is_none();
    let alike = |probe: usize, reference: usize| similarity(seen[probe].probe.as_slice(), seen[reference].reference());
    let mut all = Comparisons { symmetric, ..Comparisons::new(people.count()) };
    for (at, picture) in seen.iter().enumerate() {
        all.probes[people.person(at)] += u32::from(picture.probe.is_some());
        all.references[people.person(at)] += u32::from(picture.reference().is_some());
    }
    for pair in pairs.iter().filter(|pair| pair.same == Some(true)) {
        let [first, second] = people.pictures(pair);
        all.genuine.push((people.person(first), alike(first, second)));
        if !symmetric {
            all.genuine.push((people.person(first), alike(second, first)));
        }
    }
    for probe in (0..seen.len()).filter(|&probe| seen[probe].probe.is_some()) {
        let from = if symmetric { probe + 1 } else { 0 };
        all.impostors.extend(strangers(people, seen, people.person(probe), from, |at| alike(probe, at)));
    }
    all
}

/// Several pictures of a person with each reference, as frames of a turn are compared.
fn several(people: &People, seen: &[Seen]) -> Comparisons {
    let mut all = Comparisons::new(people.count());
    for (at, picture) in seen.iter().enumerate() {
        all.references[people.person(at)] += u32::from(picture.reference().is_some());
    }
    for person in 0..people.count() {
        let own: Vec<usize> = people.of_person(person).filter(|&at| seen[at].probe.is_some()).collect();
        if own.len() <= PROBES {
            continue;
        }
        let probes = |without: usize| -> Vec<Template> {
            own.iter().filter(|&&at| at != without).take(PROBES).filter_map(|&at| seen[at].probe.clone()).collect()
        };
        all.probes[person] = 1;
        // A crowd of pictures of one person would outweigh everybody else's.
        for &at in own.iter().take(PROBES + 1) {
            all.genuine.push((person, similarity(&probes(at), seen[at].reference())));
        }
        let group = probes(usize::MAX);
        all.impostors.extend(strangers(people, seen, person, 0, |at| similarity(&group, seen[at].reference())));
    }
    all
}

/// Comparisons with all references but a person's own, from a picture on.
fn strangers<'a>(
    people: &'a People,
    seen: &'a [Seen],
    person: usize,
    from: usize,
    alike: impl Fn(usize) -> f32 + 'a,
) -> impl Iterator<Item = Impostor> + 'a {
    let others = (from..seen.len()).filter(move |&at| people.person(at) != person && seen[at].reference().is_some());
    others.map(move |at| Impostor { people: [person, people.person(at)], similarity: alike(at) })
}

/// The list as it is, in two folds; `None` when it does not say who is the same.
fn folds(pairs: &[Pair], people: &People, seen: &[Seen]) -> Option<[Fold; 2]> {
    let scored: Option<Vec<(f32, bool)>> = pairs
        .iter()
        .map(|pair| {
            let [first, second] = people.pictures(pair);
            Some((similarity(seen[first].probe.as_slice(), seen[second].reference()), pair.same?))
        })
        .collect();
    let scored = scored?;
    let wrong = |pairs: &[(f32, bool)], threshold: f32| {
        pairs.iter().filter(|(similarity, same)| (*similarity >= threshold) != *same).count()
    };
    let (first, second) = scored.split_at(scored.len() / 2);
    let fold = |judged: &[(f32, bool)], other: &[(f32, bool)]| {
        let threshold = other.iter().map(|pair| pair.0).min_by_key(|&level| wrong(other, level)).unwrap_or(f32::NAN);
        Fold { threshold, wrong: wrong(judged, threshold), pairs: judged.len() }
    };
    Some([fold(first, second), fold(second, first)])
}
