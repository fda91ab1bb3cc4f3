//! The row indicators beside both guards: how many rows and columns a symbol has, and where each row lies.
//!
//! ISO/IEC 15438, 5.11.3: a left and a right indicator in every row carry the row's group of three and, by turns, the
//! number of rows, the error correction level and the number of columns.

use crate::imaging::{GuardLine, Guards, Point, Quad};

use super::codebook::{Darkness, Lens, MODULES, Match};
use super::sampler::Sampler;

/// Scan lines looked at, at most.
const MAX_LINES: usize = 200;
/// Modules from the outer edge of the start pattern to the middle of the left indicator.
const START_TO_INDICATOR: f32 = 25.5;
/// Modules from the outer edge of the stop pattern to the middle of the right indicator.
const STOP_TO_INDICATOR: f32 = 26.5;
/// Modules from the outer edge of the start pattern to its middle.
const START_TO_MIDDLE: f32 = 8.5;
/// Share of a row by which an indicator may run askew unnoticed.
const SMEAR: f32 = 0.3;
/// Likeness and margin from which an indicator counts.
const CLEAR: (f32, f32) = (0.75, 0.02);
/// Scan lines that tell how blurred a symbol is.
const LENS_LINES: usize = 24;
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
    /// Where rows lie in the middle of the left indicator.
    pub start: RowScale,
    /// Where rows lie in the middle of the right indicator.
    pub stop: RowScale,
}

impl Layout {
    /// Check codewords of the symbol.
    pub fn checks(&self) -> usize {
        2 << self.level
    }

    /// How far the middle row falls for each pixel to the right.
    fn row_slope(&self, guards: &Guards) -> f32 {
        let middle = self.rows as f32 / 2.0;
        let (left, right) = self.row(guards, middle);
        (right.y - left.y) / (right.x - left.x)
    }

    /// The middles of both indicators at a height counted in rows.
    fn row(&self, guards: &Guards, row: f32) -> (Point, Point) {
        let at = |side: &Side<'_>, y: f32| Point::new(side.middle(y, 0.0), y);
        (at(&Side::start(guards), self.start.y_at(row)), at(&Side::stop(guards), self.stop.y_at(row)))
    }

    /// The symbol's corners in the level view: start guard at row 0, stop guard at row 0, stop guard at the end, start
    /// guard at the end.
    pub fn corners(&self, guards: &Guards) -> Quad {
        let ends = |row: f32| {
            let (left, right) = self.row(guards, row);
            let slope = (right.y - left.y) / (right.x - left.x);
            [&guards.start, &guards.stop].map(|guard| {
                // Where the row's line meets the guard's.
                let base = guard.x_at(left.y - slope * left.x);
                let x = base / (1.0 - guard.slope * slope);
                Point::new(x, left.y + slope * (x - left.x))
            })
        };
        let ([a, b], [d, c]) = (ends(0.0), ends(self.rows as f32));
        Quad([a, b, c, d])
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
pub fn read_layout(sampler: &Sampler<'_>, guards: &Guards, lens: &Lens) -> Option<Layout> {
    let guess = guards.row_slope();
    let layout = read_along(sampler, guards, lens, guess);
    // Rows that run askew smear the indicators: once the slope is known better, they are read again.
    let slope = layout.map_or(0.0, |layout| layout.row_slope(guards));
    let pitch = layout.map_or(0.0, |layout| layout.start.pitch.abs().min(layout.stop.pitch.abs()));
    if (slope - guess).abs() * MODULES as f32 * guards.module() > SMEAR * pitch {
        return read_along(sampler, guards, lens, slope).or(layout);
    }
    layout
}

/// Reads the indicators on lines that fall by `slope` pixels for each pixel to the right.
fn read_along(sampler: &Sampler<'_>, guards: &Guards, lens: &Lens, slope: f32) -> Option<Layout> {
    let mut votes = Votes { row_groups: [0.0; 30], level: [0.0; 30], columns: [0.0; 30] };
    let start = scan_side(sampler, &Side::start(guards), slope, lens, &mut votes);
    let stop = scan_side(sampler, &Side::stop(guards), slope, lens, &mut votes);
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

/// One end of a symbol with its indicator.
struct Side<'a> {
    guard: &'a GuardLine,
    is_stop: bool,
    /// From the outer edge to the middle of the indicator, in pixels.
    to_middle: f32,
    top: f32,
    bottom: f32,
}

impl<'a> Side<'a> {
    fn start(guards: &'a Guards) -> Self {
        Self::new(guards, &guards.start, false, START_TO_INDICATOR * guards.start.module)
    }

    fn stop(guards: &'a Guards) -> Self {
        Self::new(guards, &guards.stop, true, -STOP_TO_INDICATOR * guards.stop.module)
    }

    fn new(guards: &Guards, guard: &'a GuardLine, is_stop: bool, to_middle: f32) -> Self {
        let outline = guards.outline();
        // A few rows may lie beyond the scan lines that showed the guard.
        let reach = 8.0 * guard.module;
        Self { guard, is_stop, to_middle, top: outline.0[0].y - reach, bottom: outline.0[2].y + reach }
    }

    /// The middle of the indicator of a row that is at a height there.
    fn middle(&self, y: f32, slope: f32) -> f32 {
        self.guard.x_at(y - slope * self.to_middle) + self.to_middle
    }
}

fn scan_side(sampler: &Sampler<'_>, side: &Side<'_>, slope: f32, lens: &Lens, votes: &mut Votes) -> Vec<Seen> {
    let step = ((side.bottom - side.top) / MAX_LINES as f32).max(0.2);
    let mut seen = Vec::new();
    let mut y = side.top;
    while y < side.bottom {
        let first = Point::new(side.middle(y, slope), y);
        if let Some(found) = indicator(sampler, first, slope, side.guard.module, lens) {
            let (value, cluster) = (usize::from(found.codeword % 30), usize::from(found.cluster));
            // Left indicators begin their cycle with the row groups, right ones with the columns.
            match (cluster + if side.is_stop { 2 } else { 0 }) % 3 {
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

/// The codeword around a place, if it looks like one.
fn indicator(sampler: &Sampler<'_>, middle: Point, slope: f32, module: f32, lens: &Lens) -> Option<Match> {
    let found = lens.match_any(&darkness(sampler, middle, slope, module)?);
    (found.score > CLEAR.0 && found.margin > CLEAR.1).then_some(found)
}

/// The darkness of the 17 modules around a place; `None` where there is no contrast.
fn darkness(sampler: &Sampler<'_>, middle: Point, slope: f32, module: f32) -> Option<Darkness> {
    let samples: Darkness = std::array::from_fn(|k| {
        let at = |t: f32| {
            let along = (k as f32 + t - MODULES as f32 / 2.0) * module;
            sampler.at(middle.x + along, middle.y + slope * along)
        };
        -(at(0.17) + at(0.5) + at(0.83)) / 3.0
    });
    let (low, high) = samples.iter().fold((f32::MAX, f32::MIN), |(low, high), &v| (low.min(v), high.max(v)));
    (high - low >= MIN_CONTRAST).then_some(samples)
}

/// How blurred a symbol is, by its start pattern.
pub fn read_lens(sampler: &Sampler<'_>, guards: &Guards) -> &'static Lens {
    let (start, step) = (&guards.start, (guards.start.bottom - guards.start.top) / LENS_LINES as f32);
    let heights = (0..LENS_LINES).map(|line| start.top + (line as f32 + 0.5) * step);
    let starts: Vec<Darkness> = heights
        .map(|y| Point::new(start.x_at(y) + START_TO_MIDDLE * start.module, y))
        .filter_map(|middle| darkness(sampler, middle, 0.0, start.module))
        .collect();
    Lens::of_starts(&starts)
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
