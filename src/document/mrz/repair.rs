//! Chooses among what the recogniser proposed for each place, by the alphabet of the place and the check digits.
//!
//! Always holds: a place that no check digit covers keeps its most probable character that its alphabet admits; a covered
//! place takes only what was proposed or the classic confusion of it, and only when the check digits then are right and no
//! other choice is about as good. Nothing is made valid by inventing characters. Does not decide whether the result is
//! valid: parsing it does.

use super::check_digit::check_digit;
use super::layout::{CheckSpec, Class, Layout, MrzFormat, NUMBER_CHECK, Span};
use crate::document::read_text::{Candidate, Candidates};
use crate::privacy::{Personal, text_of};

/// Letters and digits that print alike: one stands for the other where the alphabet of a place admits only one of them.
const LOOK_ALIKES: [(char, &[char]); 6] =
    [('0', &['O', 'Q', 'D']), ('1', &['I', 'L']), ('2', &['Z']), ('5', &['S']), ('6', &['G']), ('8', &['B'])];
/// The pairs that a recogniser confuses without a doubt, so that a check digit may settle them unproposed. One digit
/// guards against one error in ten only: a longer list would make wrong zones valid.
const CONFUSIONS: [(char, char); 2] = [('0', 'O'), ('1', 'I')];
/// Probability that is given to a confusion which was not proposed.
const CONFUSION_PROBABILITY: f32 = 0.01;
/// A choice may be this much less probable than the first reading, as a difference of natural logarithms.
const MAX_COST: f32 = 7.5;
/// Another choice that fits must be less probable by this much, or neither is taken.
const MIN_MARGIN: f32 = 1.0;
/// Alternatives that are tried in one field; pairs of them are tried too.
const MAX_ALTERNATIVES: usize = 20;
/// Choices that are kept for one field.
const MAX_CHOICES: usize = 4;

/// Lines that fit the alphabet of their format as well as what was read allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// One line each.
    pub lines: Vec<Personal<String>>,
    /// Places where a check digit overruled the most probable character.
    pub substitutions: usize,
}

/// A place's admissible characters with their costs, cheapest first; never empty.
type Options = Candidates;
type Place = (usize, usize);

/// A change of some places (to the given option) and what it costs.
#[derive(Debug, Clone, Default)]
struct Choice {
    changes: Vec<(Place, usize)>,
    cost: f32,
}

struct Grid {
    options: Vec<Vec<Options>>,
}

/// Chooses a character for every place; `None` when the lines have not the format's shape.
#[must_use]
pub fn repair(format: MrzFormat, lines: &[Vec<Candidates>]) -> Option<Repaired> {
    let (count, length) = format.shape();
    if lines.len() != count || lines.iter().any(|line| line.len() != length) {
        return None;
    }
    let per_line = |(index, line): (usize, &Vec<Candidates>)| {
        line.iter().zip(format.classes(index)).map(|(place, class)| admissible(place, class)).collect()
    };
    let grid = Grid { options: lines.iter().enumerate().map(per_line).collect() };
    let choice = grid.best_choice(&format.layout()).unwrap_or_default();
    let line = |line| text_of((0..length).map(|column| grid.character((line, column), &choice)), length);
    Some(Repaired { lines: (0..count).map(line).collect(), substitutions: choice.changes.len() })
}

/// What a place may hold. A first reading outside the alphabet gives way to the most probable one inside, or to its classic
/// confusion; when there is neither it stays, and the zone will not be valid.
fn admissible(candidates: &[Candidate], class: Class) -> Options {
    let first = candidates.first().copied().unwrap_or(('<', 0.0));
    // A place for each proposal and each look-alike, so that the buffer never moves.
    let mut options = Options::new(Vec::with_capacity(candidates.len() + LOOK_ALIKES.len() + CONFUSIONS.len()));
    let mut propose = |character: char, probability: f32| {
        if class.admits(character) && !options.iter().any(|option| option.0 == character) {
            options.push((character, -probability.max(1e-4).ln()));
        }
    };
    propose(first.0, first.1);
    if class.admits(first.0) {
        CONFUSIONS.iter().filter(|pair| pair.0 == first.0).for_each(|pair| propose(pair.1, CONFUSION_PROBABILITY));
        CONFUSIONS.iter().filter(|pair| pair.1 == first.0).for_each(|pair| propose(pair.0, CONFUSION_PROBABILITY));
    } else {
        // Where the reading itself cannot stand, its look-alike is what was printed.
        look_alikes(first.0).for_each(|character| propose(character, first.1));
    }
    candidates.iter().skip(1).for_each(|&(character, probability)| propose(character, probability));
    options.sort_by(|a, b| a.1.total_cmp(&b.1));
    if options.is_empty() { vec![(first.0, 0.0)].into() } else { options }
}

pub(super) fn look_alikes(character: char) -> impl Iterator<Item = char> {
    LOOK_ALIKES.iter().filter_map(move |&(digit, letters)| {
        if digit == character {
            return letters.first().copied();
        }
        letters.contains(&character).then_some(digit)
    })
}

fn places(span: &Span) -> impl Iterator<Item = Place> {
    let line = span.line;
    span.columns.clone().map(move |column| (line, column))
}

impl Grid {
    fn character(&self, place: Place, choice: &Choice) -> char {
        let option = choice.changes.iter().find(|change| change.0 == place).map_or(0, |change| change.1);
        self.options[place.0][place.1][option].0
    }

    fn is_right(&self, check: &CheckSpec, choice: &Choice) -> bool {
        let covered = || check.covers.iter().flat_map(places).map(|place| self.character(place, choice));
        let digit = self.character(check.digit, choice);
        let empty = covered().all(|character| character == '<');
        check_digit(covered().map(|character| u8::try_from(character).unwrap_or(0))) == u8::try_from(digit).ok()
            || (check.filler_when_empty && empty && digit == '<')
    }

    /// The cheapest change after which every check digit is right; `None` when there is none, or when it is not clear.
    fn best_choice(&self, layout: &Layout) -> Option<Choice> {
        let last = layout.checks.last()?;
        let composite = (last.covers.len() > 1).then_some(last);
        let fields = &layout.checks[..layout.checks.len() - usize::from(composite.is_some())];
        let mut combined = vec![Choice::default()];
        for check in fields {
            // A long number has its check digit elsewhere: only the composite one covers it here.
            let long = check.name == NUMBER_CHECK
                && layout.long_number.is_some()
                && self.character(check.digit, &Choice::default()) == '<';
            let choices = if long { vec![Choice::default()] } else { self.choices(check, layout) };
            combined = combined.iter().flat_map(|a| choices.iter().map(move |b| a.with(b))).collect();
            combined.sort_by(|a, b| a.cost.total_cmp(&b.cost));
            combined.truncate(4 * MAX_CHOICES * MAX_CHOICES);
        }
        let Some(composite) = composite else { return clear_winner(combined) };
        let agreeing: Vec<Choice> =
            combined.iter().filter(|choice| self.is_right(composite, choice)).cloned().collect();
        if !agreeing.is_empty() {
            return clear_winner(agreeing);
        }
        // The fields are right by themselves: what only the composite digit covers must be wrong, or the digit itself.
        let covered_elsewhere: Vec<Place> = fields.iter().flat_map(|check| &check.covers).flat_map(places).collect();
        let own = self.alternatives(composite, |place| !covered_elsewhere.contains(&place));
        let base = combined.first()?;
        let singles = own.into_iter().map(|alternative| base.with(&alternative));
        clear_winner(singles.filter(|choice| self.is_right(composite, choice)).collect())
    }

    /// Changes of one field that make its own check digit right, cheapest first: of none, one or two places.
    fn choices(&self, check: &CheckSpec, layout: &Layout) -> Vec<Choice> {
        let alternatives = self.alternatives(check, |_| true);
        let pairs = alternatives.iter().enumerate().flat_map(|(index, a)| {
            let apart = move |b: &&Choice| b.changes[0].0 != a.changes[0].0;
            alternatives[index + 1..].iter().filter(apart).map(move |b| a.with(b))
        });
        let all = std::iter::once(Choice::default()).chain(alternatives.iter().cloned()).chain(pairs);
        let is_date = check.covers.first() == Some(&layout.birth) || check.covers.first() == layout.expiry.as_ref();
        let fits = |choice: &Choice| {
            self.is_right(check, choice)
                && (choice.changes.is_empty() || !is_date || self.is_calendar_like(&check.covers[0], choice))
        };
        let mut right: Vec<Choice> = all.filter(|choice| choice.cost <= MAX_COST).filter(fits).collect();
        right.sort_by(|a, b| a.cost.total_cmp(&b.cost));
        right.truncate(MAX_CHOICES);
        right
    }

    /// Every other admissible character of the places that a check digit covers, and of the digit, cheapest first.
    fn alternatives(&self, check: &CheckSpec, wanted: impl Fn(Place) -> bool) -> Vec<Choice> {
        let all = check.covers.iter().flat_map(places).chain([check.digit]).filter(|&place| wanted(place));
        let mut alternatives: Vec<Choice> = all
            .flat_map(|place| {
                let options = &self.options[place.0][place.1];
                let first = options[0].1;
                let change = move |(index, option): (usize, &(char, f32))| Choice {
                    changes: vec![(place, index)],
                    cost: option.1 - first,
                };
                options.iter().enumerate().skip(1).map(change).collect::<Vec<_>>()
            })
            .filter(|choice| choice.cost <= MAX_COST)
            .collect();
        alternatives.sort_by(|a, b| a.cost.total_cmp(&b.cost));
        alternatives.truncate(MAX_ALTERNATIVES);
        alternatives
    }

    /// Whether a changed date still has a month and a day.
    fn is_calendar_like(&self, span: &Span, choice: &Choice) -> bool {
        let digits: Vec<u32> = places(span).filter_map(|place| self.character(place, choice).to_digit(10)).collect();
        let [_, _, m, n, d, e] = digits[..] else { return false };
        (1..=12).contains(&(10 * m + n)) && (1..=31).contains(&(10 * d + e))
    }
}

impl Choice {
    fn with(&self, other: &Self) -> Self {
        Self { changes: [self.changes.as_slice(), &other.changes].concat(), cost: self.cost + other.cost }
    }
}

/// The cheapest choice, unless another one is about as cheap. Changing nothing always wins.
fn clear_winner(mut choices: Vec<Choice>) -> Option<Choice> {
    choices.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    let clear = match choices.as_slice() {
        [] => false,
        [first, second, ..] => first.changes.is_empty() || second.cost - first.cost >= MIN_MARGIN,
        [_] => true,
    };
    clear.then(|| choices.swap_remove(0))
}
