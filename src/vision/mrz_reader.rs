//! Finds and reads the machine-readable zone in a picture.
//!
//! Always holds: what is returned as valid has every check digit right after no more than a few look-alikes were settled;
//! the other three turns of the picture are tried only when it shows no zone as it is. Does not read a zone that is cut off.

use jiff::civil::Date;

use super::mrz_rows::{RowGroup, row_groups};
use super::runtime::ModelError;
use super::text_detector::LongSide;
use super::text_reader::TextReader;
use crate::document::mrz::{MrzDocument, MrzFormat, Repaired, align_line, repair};
use crate::document::{Candidate, CheckResult, ReadCharacter};
use crate::imaging::{Point, Quad, QuarterTurns, Rgb, rotate_quarter};

/// More check digits than this cannot have overruled the recogniser in a zone that was read well.
const MAX_SUBSTITUTIONS: usize = 3;
/// Fewer characters than this in a line are no zone.
const MIN_CHARACTERS: usize = 20;
/// Mean probability below which a line was not read.
const MIN_CONFIDENCE: f32 = 0.6;
/// A character below this probability is looked at again, also where no check digit covers it.
const MIN_CERTAINTY: f32 = 0.6;
/// A zone whose check digits are wrong after this many looks at this mean probability is a wrong zone.
const MIN_READINGS: usize = 2;
const CERTAIN: f32 = 0.93;
/// Fillers that a zone has at least: text in capitals has none.
const MIN_FILLERS: usize = 3;

/// How rows are cut out, tried in this order until the check digits are right: height as a share of the box, and where
/// the row's middle lies below the box's, in heights.
const CUTS: [(f32, f32); 4] = [(1.0, 0.0), (1.2, 0.0), (0.85, 0.0), (1.0, 0.08)];

/// What one look at a group of rows read, line by line.
type Reading = Vec<Vec<ReadCharacter>>;

/// A zone and how well it was read.
struct Attempt {
    document: MrzDocument,
    /// Mean probability of the characters.
    confidence: f32,
    /// Probability of the least certain character.
    weakest: f32,
    /// How many looks it rests on.
    readings: usize,
}

impl Attempt {
    fn is_certain(&self) -> bool {
        self.readings >= MIN_READINGS && self.confidence >= CERTAIN
    }

    /// Valid ones first, then by right check digits, then by certainty.
    fn rank(&self) -> (bool, usize, f32) {
        let passed = self.document.checks.iter().filter(|check| check.result == CheckResult::Pass).count();
        (self.document.valid, passed, self.confidence)
    }
}

impl TextReader {
    /// Reads the zone; `None` when the picture shows none. `today` settles the century of two-digit years.
    ///
    /// # Errors
    /// [`ModelError`] when a model fails.
    pub fn read_mrz(&mut self, image: &Rgb, today: Date) -> Result<Option<MrzDocument>, ModelError> {
        for turns in QuarterTurns::ALL {
            let turned = rotate_quarter(image, turns);
            if let Some(attempt) = self.read_upright(&turned, today)? {
                return Ok(Some(attempt.document));
            }
        }
        Ok(None)
    }

    /// The best reading of any group of rows.
    fn read_upright(&mut self, image: &Rgb, today: Date) -> Result<Option<Attempt>, ModelError> {
        let mut best: Option<Attempt> = None;
        for long_side in [LongSide::DOCUMENT, LongSide::FINE] {
            let boxes = self.detector.detect(image, long_side)?;
            for group in row_groups(&boxes) {
                best = better(best, self.read_group(image, &group, today)?);
                if best.as_ref().is_some_and(|attempt| attempt.document.valid || attempt.is_certain()) {
                    return Ok(best);
                }
            }
            // What was read with certainty is what is printed, right or wrong.
            if best.as_ref().is_none_or(Attempt::is_certain) {
                break;
            }
        }
        Ok(best)
    }

    /// Reads rows as they were cut, then cut otherwise as well, until the check digits are right and no name is in doubt.
    fn read_group(&mut self, image: &Rgb, group: &RowGroup, today: Date) -> Result<Option<Attempt>, ModelError> {
        let mut readings: Vec<Reading> = Vec::new();
        let mut best: Option<Attempt> = None;
        for (height, shift) in CUTS {
            let mut lines = Vec::new();
            for row in group {
                let lattice = self.recogniser.recognise(image, recut(*row, height, shift))?;
                lines.push(lattice.read(|c| c == '<' || c.is_ascii_uppercase() || c.is_ascii_digit()));
                if !lines.last().is_some_and(|line| looks_like_a_zone(line)) {
                    return Ok(best);
                }
            }
            readings.push(lines);
            best = better(best, interpret(&readings, today));
            if best.as_ref().is_none_or(|attempt| {
                attempt.is_certain() || attempt.document.valid && attempt.weakest >= MIN_CERTAINTY
            }) {
                break;
            }
        }
        Ok(best)
    }
}

fn better(a: Option<Attempt>, b: Option<Attempt>) -> Option<Attempt> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.rank() > a.rank() { b } else { a }),
        (a, b) => a.or(b),
    }
}

fn recut(row: Quad, height: f32, shift: f32) -> Quad {
    let [a, b, c, d] = row.0;
    let (left, right) = (d - a, c - b);
    let edge = |top: Point, down: Point, share: f32| top + down * (0.5 + shift + share * height / 2.0);
    Quad([edge(a, left, -1.0), edge(b, right, -1.0), edge(b, right, 1.0), edge(a, left, 1.0)])
}

fn looks_like_a_zone(line: &[ReadCharacter]) -> bool {
    line.len() >= MIN_CHARACTERS && mean_confidence(line) >= MIN_CONFIDENCE
}

fn mean_confidence(line: &[ReadCharacter]) -> f32 {
    line.iter().map(|character| character.best().1).sum::<f32>() / line.len().max(1) as f32
}

/// The formats that lines of these lengths can have, the nearest first.
fn formats(lines: &Reading) -> Vec<MrzFormat> {
    let first: String = lines[0].iter().take(5).map(|character| character.best().0).collect();
    let lengths: &[usize] = if lines.len() == 3 { &[30] } else { &[44, 36] };
    let longest = lines.iter().map(Vec::len).max().unwrap_or(0);
    let mut lengths: Vec<usize> = lengths.iter().copied().filter(|length| length.abs_diff(longest) <= 6).collect();
    lengths.sort_by_key(|length| length.abs_diff(longest));
    lengths.into_iter().filter_map(|length| MrzFormat::for_lines_of(&first, length)).collect()
}

/// Places, repairs and parses what was read, in the format that suits the first reading best.
fn interpret(readings: &[Reading], today: Date) -> Option<Attempt> {
    let first = readings.first()?;
    let fillers = first.iter().flatten().filter(|character| character.best().0 == '<').count();
    if fillers < MIN_FILLERS {
        return None;
    }
    let attempt = |format: MrzFormat| {
        let placed: Option<Vec<_>> = (0..first.len()).map(|line| placed(format, line, readings)).collect();
        let placed = placed?;
        let Repaired { lines, substitutions } = repair(format, &placed)?;
        let lines: Vec<&str> = lines.iter().map(|line| line.reveal().as_str()).collect();
        let mut document = MrzDocument::parse(&lines, today).ok()?;
        document.valid &= substitutions <= MAX_SUBSTITUTIONS;
        let certainty = placed.iter().flatten().map(|place| place.first().map_or(0.0, |best| best.1));
        let (weakest, sum) = certainty.fold((1.0_f32, 0.0), |(low, sum), p| (low.min(p), sum + p));
        Some(Attempt {
            document,
            weakest,
            readings: readings.len(),
            confidence: sum / placed.iter().flatten().count().max(1) as f32,
        })
    };
    formats(first).into_iter().map(attempt).fold(None, better)
}

/// One line in its places, with the mean of what the readings say that fit it.
fn placed(format: MrzFormat, line: usize, readings: &[Reading]) -> Option<Vec<Vec<Candidate>>> {
    let fitting: Vec<_> = readings.iter().filter_map(|reading| align_line(format, line, &reading[line])).collect();
    let share = 1.0 / fitting.len() as f32;
    let mut places = fitting.first()?.clone();
    for (index, place) in places.iter_mut().enumerate() {
        place.clear();
        for &(character, probability) in fitting.iter().flat_map(|reading| &reading[index]) {
            match place.iter_mut().find(|candidate| candidate.0 == character) {
                Some(candidate) => candidate.1 += probability * share,
                None => place.push((character, probability * share)),
            }
        }
        place.sort_by(|a, b| b.1.total_cmp(&a.1));
    }
    Some(places)
}
