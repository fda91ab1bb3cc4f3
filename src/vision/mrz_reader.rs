//! Finds and reads the machine-readable zone in a picture.
//!
//! Always holds: what is returned as valid has every check digit right after no more than a few look-alikes were settled;
//! the other three turns of the picture, and then the page laid flat, are tried only when it shows no zone with right check
//! digits as it is. Does not read a zone that is cut off.

use jiff::civil::Date;

use super::mrz_rows::{RowGroup, row_groups};
use super::runtime::ModelError;
use super::text_detector::LongSide;
use super::text_reader::TextReader;
use super::text_recogniser::{TextRecogniser, WidthBudget};
use crate::document::mrz::{MrzDocument, MrzFormat, Repaired, align_line, doubtful_places, repair};
use crate::document::{Candidates, CheckResult, ReadCharacter};
use crate::imaging::{Homography, Point, Quad, QuarterTurns, Rect, Rgb, lay_flat, locate_card, rotate_quarter};
use crate::privacy::text_of;

/// More check digits than this cannot have overruled the recogniser in a zone that was read well.
const MAX_SUBSTITUTIONS: usize = 3;
/// Fewer characters than this in a line are no zone.
const MIN_CHARACTERS: usize = 20;
/// Mean probability below which a line was not read.
const MIN_CONFIDENCE: f32 = 0.6;
/// A zone whose check digits are wrong after this many looks at this mean probability is a wrong zone.
const MIN_READINGS: usize = 2;
const CERTAIN: f32 = 0.93;
/// Fillers that a zone has at least: text in capitals has none.
const MIN_FILLERS: usize = 3;

/// A page that covers more of the picture than this is not looked for.
const MOST_SHARE: f32 = 0.85;
/// Bounds of the width at which a page is laid flat, in pixels: from what can be read to what the search looks at.
const LEAST_FLAT_WIDTH: f32 = 640.0;
const MOST_FLAT_WIDTH: f32 = 1600.0;

/// Most of the recogniser's input that the search for one zone is worth, in pixels of width: about ten looks at a zone of
/// three rows in each turn of the picture. A picture full of rows costs no more.
const MOST_WIDTH: usize = 120_000;

/// Share of its width by which a row is made longer to see whether it goes on.
const LENGTHENED_BY: f32 = 0.3;

/// How rows are cut out, tried in this order until the check digits are right: height as a share of the box, and where
/// the row's middle lies below the box's, in heights.
const CUTS: [(f32, f32); 4] = [(1.0, 0.0), (1.2, 0.0), (0.85, 0.0), (1.0, 0.08)];

/// What one look at a group of rows read, line by line.
type Reading = Vec<Vec<ReadCharacter>>;

/// A zone that was found in a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundZone {
    /// What it says.
    pub document: MrzDocument,
    /// Where its rows stand, from top to bottom, in pixels of the picture; each reaches as far as the widest.
    pub rows: Vec<Quad>,
}

/// A zone and how well it was read.
struct Attempt {
    document: MrzDocument,
    /// Where it was read.
    rows: Vec<Quad>,
    /// Mean probability of the characters.
    confidence: f32,
    /// How many looks it rests on.
    readings: usize,
}

impl Attempt {
    /// The same zone in a picture of which this one was made: `back` takes its points there.
    fn carried_back(mut self, back: impl Fn(Point) -> Point) -> Self {
        self.rows.iter_mut().for_each(|row| *row = Quad(row.0.map(&back)));
        self
    }

    fn is_certain(&self) -> bool {
        self.readings >= MIN_READINGS && self.confidence >= CERTAIN
    }

    /// Whether another look cannot help: nothing is in doubt, or what was read with certainty is wrong in print. An issuer
    /// that there is none of may be misread, and is looked at again.
    fn is_done(&self) -> bool {
        let wrong = !self.document.check_digits_right || self.document.has_unknown_issuer();
        if wrong { self.is_certain() } else { self.document.valid }
    }

    /// Valid ones first, then those with right check digits, then by how many are right, then by certainty.
    fn rank(&self) -> (bool, bool, usize, f32) {
        let passed = self.document.checks.iter().filter(|check| check.result == CheckResult::Pass).count();
        (self.document.valid, self.document.check_digits_right, passed, self.confidence)
    }
}

impl TextReader {
    /// Reads the zone; `None` when the picture shows none. `today` settles the century of two-digit years.
    ///
    /// # Errors
    /// [`ModelError`] when a model fails.
    pub fn read_mrz(&mut self, image: &Rgb, today: Date) -> Result<Option<FoundZone>, ModelError> {
        self.zone_budget = WidthBudget::new(MOST_WIDTH);
        let mut best = self.read_turns(image, &QuarterTurns::ALL, today)?;
        // In a large scene the page may be too small for the search, or stand askew: laid flat it is neither.
        if !best.as_ref().is_some_and(|attempt| attempt.document.check_digits_right || attempt.is_done())
            && let Some((flat, back)) = laid_flat(image)
        {
            let found = self.read_turns(&flat, &[QuarterTurns::None, QuarterTurns::Two], today)?;
            best = better(best, found.map(|attempt| attempt.carried_back(|point| back.apply(point))));
        }
        Ok(best.map(|Attempt { document, rows, .. }| FoundZone { document, rows }))
    }

    /// The best reading of any of some turns; the first one with right check digits is taken.
    fn read_turns(&mut self, image: &Rgb, turns: &[QuarterTurns], today: Date) -> Result<Option<Attempt>, ModelError> {
        let mut best: Option<Attempt> = None;
        for &turn in turns {
            let found = self.read_upright(&rotate_quarter(image, turn), today)?;
            let back = |point| turn.to_original(point, image.width(), image.height());
            best = better(best, found.map(|attempt| attempt.carried_back(back)));
            if best.as_ref().is_some_and(|attempt| attempt.document.check_digits_right || attempt.is_done()) {
                break;
            }
        }
        Ok(best)
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
            let rows: RowGroup = group.iter().map(|row| recut(*row, height, shift)).collect();
            let Some(lines) = self.read_rows(image, &rows)? else { break };
            readings.push(lines);
            best = better(best, interpret(&readings, group, today));
            if best.as_ref().is_none_or(Attempt::is_done) {
                break;
            }
        }
        match best {
            Some(attempt) if attempt.document.check_digits_right && attempt.document.format.ends_openly() => {
                self.with_ends_seen(image, group, attempt, today).map(Some)
            }
            best => Ok(best),
        }
    }

    /// Reads rows; `None` where one does not look like a row of a zone, or what a picture is worth was spent. The one place
    /// in the search at which the recogniser is asked.
    fn read_rows(&mut self, image: &Rgb, rows: &RowGroup) -> Result<Option<Reading>, ModelError> {
        if !self.zone_budget.spend(rows.iter().map(|row| TextRecogniser::input_width(*row)).sum()) {
            return Ok(None);
        }
        let mut lines = Reading::new();
        for row in rows {
            let lattice = self.recogniser.recognise(image, *row)?;
            let line = lattice.read(|c| c == '<' || c.is_ascii_uppercase() || c.is_ascii_digit());
            if !looks_like_a_zone(&line) {
                return Ok(None);
            }
            lines.push(line);
        }
        Ok(Some(lines))
    }

    /// Makes sure that no line of a zone goes on to the right of where it was cut: nothing but its end tells a large visa's
    /// from a small one's, and fillers at the end are the first that a search misses. Reads the rows once more, made longer;
    /// unless that says the same, the longer reading counts, or the ends are in doubt.
    fn with_ends_seen(
        &mut self,
        image: &Rgb,
        group: &RowGroup,
        attempt: Attempt,
        today: Date,
    ) -> Result<Attempt, ModelError> {
        let rows: RowGroup = group.iter().map(|row| lengthened(*row)).collect();
        let longer = self.read_rows(image, &rows)?.and_then(|lines| interpret(&[lines], &rows, today));
        Ok(match longer.filter(|longer| longer.document.check_digits_right) {
            Some(longer) if longer.document.lines == attempt.document.lines => attempt,
            Some(longer) if longer.document.format.shape() > attempt.document.format.shape() => longer,
            Some(_) | None => {
                let last = attempt.document.format.shape().1 - 1;
                let document = attempt.document.with_doubts(&[(0, last), (1, last)]);
                Attempt { document, ..attempt }
            }
        })
    }
}

/// The card or page in a picture as if it were scanned, with a long side on top, and the way back into the picture; `None`
/// when none was found, or when it fills the picture as it is.
fn laid_flat(image: &Rgb) -> Option<(Rgb, Homography)> {
    let outline = locate_card(&image.to_gray())?.outline;
    let (width, height) = (outline.mean_width(), outline.mean_height());
    let share = width * height / (image.width() * image.height()).max(1) as f32;
    let flat_width = width.clamp(LEAST_FLAT_WIDTH, MOST_FLAT_WIDTH).round();
    let flat_height = (flat_width * height / width.max(1.0)).round();
    let back = Homography::between(Quad::from_rect(Rect::new(0.0, 0.0, flat_width, flat_height)), outline)?;
    let flat = (share < MOST_SHARE).then(|| lay_flat(image, outline, flat_width as usize, flat_height as usize))??;
    Some((flat, back))
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

/// A row with more of the picture at its right end: more than the share by which a large visa is wider than a small one.
fn lengthened(row: Quad) -> Quad {
    let [a, b, c, d] = row.0;
    Quad([a, b + (b - a) * LENGTHENED_BY, c + (c - d) * LENGTHENED_BY, d])
}

fn looks_like_a_zone(line: &[ReadCharacter]) -> bool {
    line.len() >= MIN_CHARACTERS && mean_confidence(line) >= MIN_CONFIDENCE
}

fn mean_confidence(line: &[ReadCharacter]) -> f32 {
    line.iter().map(|character| character.best().1).sum::<f32>() / line.len().max(1) as f32
}

/// The formats that lines of these lengths can have, the nearest first.
fn formats(lines: &Reading) -> Vec<MrzFormat> {
    let first = text_of(lines[0].iter().map(|character| character.best().0), 5);
    let lengths: &[usize] = if lines.len() == 3 { &[30] } else { &[44, 36] };
    let longest = lines.iter().map(Vec::len).max().unwrap_or(0);
    let mut lengths: Vec<usize> = lengths.iter().copied().filter(|length| length.abs_diff(longest) <= 6).collect();
    lengths.sort_by_key(|length| length.abs_diff(longest));
    lengths.into_iter().filter_map(|length| MrzFormat::for_lines_of(first.reveal(), length)).collect()
}

/// Places, repairs and parses what was read in some rows, in the format that suits the first reading best.
fn interpret(readings: &[Reading], rows: &RowGroup, today: Date) -> Option<Attempt> {
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
        let doubtful = doubtful_places(format, &placed, &lines);
        let mut document = MrzDocument::parse(&lines, today).ok()?.with_doubts(&doubtful);
        document.check_digits_right &= substitutions <= MAX_SUBSTITUTIONS;
        document.valid &= document.check_digits_right;
        let certainty = placed.iter().flatten().map(|place| place.first().map_or(0.0, |best| best.1));
        let confidence = certainty.sum::<f32>() / placed.iter().flatten().count().max(1) as f32;
        Some(Attempt { document, rows: rows.clone(), confidence, readings: readings.len() })
    };
    formats(first).into_iter().map(attempt).fold(None, better)
}

/// One line in its places, with the mean of what the readings say that fit it.
fn placed(format: MrzFormat, line: usize, readings: &[Reading]) -> Option<Vec<Candidates>> {
    let fitting: Vec<_> = readings.iter().filter_map(|reading| align_line(format, line, &reading[line])).collect();
    let share = 1.0 / fitting.len() as f32;
    let mut places = fitting.first()?.clone();
    for (index, place) in places.iter_mut().enumerate() {
        place.clear();
        for &(character, probability) in fitting.iter().flat_map(|reading| reading[index].iter()) {
            match place.iter_mut().find(|candidate| candidate.0 == character) {
                Some(candidate) => candidate.1 += probability * share,
                None => place.push((character, probability * share)),
            }
        }
        place.sort_by(|a, b| b.1.total_cmp(&a.1));
    }
    Some(places)
}
