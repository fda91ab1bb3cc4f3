//! The row indicators beside both guards: how many rows and columns a symbol has, and where each row lies.
//!
//! ISO/IEC 15438, 5.11.3: a left and a right indicator in every row carry the row's group of three and, by turns, the
//! number of rows, the error correction level and the number of columns.

use crate::imaging::{GuardLine, Guards};

use super::codebook::{Darkness, MODULES, Match, match_any};
use super::sampler::Sampler;

/// Scan lines looked at, at most.
const MAX_LINES: usize = 240;
/// Likeness and margin from which an indicator counts.
const CLEAR: (f32, f32) = (0.6, 0.03);
/// Grey levels that bars must differ from spaces.
const MIN_CONTRAST: f32 = 12.0;

/// The plan of a symbol.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layout {
    /// Rows, 3…90.
    pub rows: usize,
    /// Data columns, 1…30.
    pub columns: usize,
    /// Error correction level, 0…8.
    pub level: usize,
    /// Where rows lie along the start guard.
    pub start: RowScale,
    /// Where rows lie along the stop guard.
    pub stop: RowScale,
}

impl Layout {
    /// Check codewords of the symbol.
    pub fn checks(&self) -> usize {
        2 << self.level
    }
}

/// Where a row boundary lies: `y = top + pitch * row` in the level view. A mirrored symbol has a negative pitch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RowScale {
    /// Upper edge of row 0.
    pub top: f32,
    /// From one row to the next.
    pub pitch: f32,
}

impl RowScale {
    /// Height of the upper edge of a row.
    pub fn y_at(self, row: f32) -> f32 {
        self.top + self.pitch * row
    }
}

/// One indicator seen on one scan line.
struct Seen {
    y: f32,
    row: f32,
    weight: f32,
}

/// Votes for each value that indicators can carry.
struct Votes {
    row_groups: [f32; 30],
    level: [f32; 30],
    columns: [f32; 30],
}

/// Reads the indicators of both sides; `None` when they do not tell a possible layout.
pub fn read_layout(sampler: &Sampler<'_>, guards: &Guards) -> Option<Layout> {
    let mut votes = Votes { row_groups: [0.0; 30], level: [0.0; 30], columns: [0.0; 30] };
    let outline = guards.outline();
    let (top, bottom) = (outline.0[0].y, outline.0[2].y);
    let start = scan_side(sampler, &guards.start, false, (top, bottom), &mut votes);
    let stop = scan_side(sampler, &guards.stop, true, (top, bottom), &mut votes);
    let (groups, level) = (most(&votes.row_groups)?, most(&votes.level)?);
    let rows = groups * 3 + level % 3 + 1;
    let columns = most(&votes.columns).map_or_else(|| columns_by_width(guards), |value| value + 1);
    if !(3..=90).contains(&rows) || !(1..=30).contains(&columns) || rows * columns > 928 || level / 3 > 8 {
        return None;
    }
    let (start, stop) = match (fit_rows(&start, rows), fit_rows(&stop, rows)) {
        (Some(start), Some(stop)) if start.pitch * stop.pitch > 0.0 => (start, stop),
        (Some(one), None) | (None, Some(one)) => (one, one),
        (Some(_), Some(_)) | (None, None) => return None,
    };
    let layout = Layout { rows, columns, level: level / 3, start, stop };
    (layout.checks() < rows * columns).then_some(layout)
}

fn columns_by_width(guards: &Guards) -> usize {
    let outline = guards.outline();
    let modules = outline.mean_width() / guards.module();
    ((modules - 69.0) / MODULES as f32).round().max(0.0) as usize
}

fn scan_side(
    sampler: &Sampler<'_>,
    guard: &GuardLine,
    is_stop: bool,
    (top, bottom): (f32, f32),
    votes: &mut Votes,
) -> Vec<Seen> {
    // A few rows may lie beyond the scan lines that showed the guard.
    let reach = 8.0 * guard.module;
    let (top, bottom) = (top - reach, bottom + reach);
    let step = ((bottom - top) / MAX_LINES as f32).max(0.2);
    let mut seen = Vec::new();
    let mut y = top;
    while y < bottom {
        let first = if is_stop { guard.x_at(y) - 35.0 * guard.module } else { guard.x_at(y) + 17.0 * guard.module };
        if let Some(found) = indicator(sampler, first, y, guard.module) {
            let (value, cluster) = (usize::from(found.codeword % 30), usize::from(found.cluster));
            // Left indicators begin their cycle with the row groups, right ones with the columns.
            match (cluster + if is_stop { 2 } else { 0 }) % 3 {
                0 => votes.row_groups[value] += found.margin,
                1 => votes.level[value] += found.margin,
                _ => votes.columns[value] += found.margin,
            }
            let row = usize::from(found.codeword / 30) * 3 + cluster;
            seen.push(Seen { y, row: row as f32 + 0.5, weight: found.margin });
        }
        y += step;
    }
    seen
}

fn indicator(sampler: &Sampler<'_>, first: f32, y: f32, module: f32) -> Option<Match> {
    // One module more at each side, for the sharpening.
    let samples: [f32; MODULES + 2] = std::array::from_fn(|k| {
        let at = |t: f32| sampler.at(first + (k as f32 - 1.0 + t) * module, y);
        (at(0.25) + at(0.5) + at(0.75)) / 3.0
    });
    let darkness = darkness(&samples, 0.25)?;
    let found = match_any(&darkness);
    (found.score > CLEAR.0 && found.margin > CLEAR.1).then_some(found)
}

/// Brightness of a codeword's modules (with one more at each side) as darkness, with `sharpening` times the second
/// difference added; `None` where there is no contrast.
pub fn darkness(samples: &[f32; MODULES + 2], sharpening: f32) -> Option<Darkness> {
    let sharp: Darkness =
        std::array::from_fn(|k| samples[k + 1] + sharpening * (2.0 * samples[k + 1] - samples[k] - samples[k + 2]));
    let (low, high) = sharp.iter().fold((f32::MAX, f32::MIN), |(low, high), &v| (low.min(v), high.max(v)));
    let (middle, half) = (f32::midpoint(low, high), (high - low) / 2.0);
    (half * 2.0 >= MIN_CONTRAST).then(|| sharp.map(|value| (middle - value) / half))
}

fn most(votes: &[f32; 30]) -> Option<usize> {
    let (value, weight) = votes.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
    (*weight > 0.0).then_some(value)
}

/// The straight scale that most of the seen rows agree with, to within most of a row.
fn fit_rows(seen: &[Seen], rows: usize) -> Option<RowScale> {
    let seen: Vec<&Seen> = seen.iter().filter(|one| one.row < rows as f32).collect();
    let near = |one: &Seen, scale: RowScale| (one.y - scale.y_at(one.row)).abs() < 0.8 * scale.pitch.abs();
    let mut best: Option<(f32, RowScale)> = None;
    let mut random = 99_u32;
    let mut pick = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 8) as usize
    };
    for _ in 0..128 {
        let (a, b) = (seen.get(pick() % seen.len().max(1))?, seen[pick() % seen.len()]);
        if (a.row - b.row).abs() < 1.5 || (a.y - b.y).abs() < 1.0 {
            continue;
        }
        let pitch = (a.y - b.y) / (a.row - b.row);
        let scale = RowScale { top: a.y - pitch * a.row, pitch };
        let support: f32 = seen.iter().filter(|one| near(one, scale)).map(|one| one.weight).sum();
        if best.is_none_or(|(weight, _)| support > weight) {
            best = Some((support, scale));
        }
    }
    let mut scale = best?.1;
    for _ in 0..3 {
        scale = refine(seen.iter().copied().filter(|one| near(one, scale)))?;
    }
    Some(scale)
}

fn refine<'a>(seen: impl Iterator<Item = &'a Seen> + Clone) -> Option<RowScale> {
    let total: f32 = seen.clone().map(|one| one.weight).sum();
    let (row, y) = seen
        .clone()
        .fold((0.0, 0.0), |(row, y), one| (row + one.row * one.weight / total, y + one.y * one.weight / total));
    let (mut across, mut down) = (0.0, 0.0);
    let mut count = 0;
    for one in seen {
        across += one.weight * (one.row - row) * (one.y - y);
        down += one.weight * (one.row - row) * (one.row - row);
        count += 1;
    }
    let pitch = across / down;
    (count >= 4 && pitch.is_finite() && pitch.abs() > 0.3).then_some(RowScale { top: y - pitch * row, pitch })
}
