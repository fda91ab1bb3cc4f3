//! Reads every codeword of a symbol whose frame is known, each by its likeness to all patterns of its cluster.
//!
//! The symbol is sampled in thin stripes, some a row and several samples a module, so that blur and noise cost little and
//! rows can be followed where a bent card bows them; a codeword that fits badly where it should be is tried a little to
//! either side.

use zeroize::{Zeroize, Zeroizing};

use crate::imaging::{Gray, Homography, Quad, Rect};

use super::codebook::{Darkness, Lens, MODULES, Match};
use super::columns::{Boundaries, FINE};
use super::indicators::Layout;
use super::reed_solomon;
use super::rows::{REACH_ROWS, RowShifts};
use super::sampler::Sampler;

/// Codewords left of the first data codeword: the start pattern and the left indicator.
pub const BEFORE: usize = 2;
/// Stripes of a row.
pub const STRIPES: usize = 4;
/// Modules of a symbol beside its data columns.
const FRAME: usize = 69;

/// Likeness and margin from which a reading needs no other place to be tried.
const CLEAR: f32 = 0.93;
const CLEAR_MARGIN: f32 = 0.1;
/// Margin below which a codeword is as good as unread.
const DOUBTFUL_MARGIN: f32 = 0.03;
/// Samples to either side at which a codeword that is not clear is tried.
const SHIFTS: isize = 3;
/// Cells that tell how blurred a symbol is.
const LENS_CELLS: usize = 48;

/// How many rows and columns of codewords a symbol has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Rows, 3…90.
    pub rows: usize,
    /// Data columns, 1…30.
    pub columns: usize,
}

impl Plan {
    /// Modules of a row.
    pub fn modules(self) -> usize {
        FRAME + MODULES * self.columns
    }

    /// Samples of a row.
    pub fn samples(self) -> usize {
        self.modules() * FINE
    }
}

/// A codeword as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Zeroize)]
pub struct Codeword {
    /// The likeliest one.
    pub value: u16,
    /// How sure that is, 0…1.
    pub margin: f32,
}

impl From<Match> for Codeword {
    fn from(found: Match) -> Self {
        Self { value: found.codeword, margin: found.margin }
    }
}

/// A codeword and what it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Zeroize)]
pub struct Cell {
    /// Its brightness by module, darker is larger, where it was most like a codeword.
    pub darkness: Darkness,
    /// What it most likely is.
    pub codeword: Codeword,
}

/// The rows of a symbol as lines of brightness.
pub struct Grid {
    plan: Plan,
    /// [`FINE`] samples a module and [`STRIPES`] a row, from [`REACH_ROWS`] rows above the symbol to as many below.
    stripes: Vec<f32>,
    /// One line a row.
    lines: Vec<f32>,
    boundaries: Boundaries,
}

/// What it holds is as good as the picture of the symbol.
impl Drop for Grid {
    fn drop(&mut self) {
        self.stripes.zeroize();
        self.lines.zeroize();
    }
}

impl Grid {
    /// Samples a symbol whose corners in the picture are `corners`: start guard at row 0, stop guard at row 0, stop
    /// guard at the end, start guard at the end.
    pub fn sample(picture: &Gray, layout: &Layout, corners: Quad) -> Option<Self> {
        let plan = Plan { rows: layout.rows, columns: layout.columns };
        let flat = Quad::from_rect(Rect::new(0.0, 0.0, plan.modules() as f32, plan.rows as f32));
        let to_picture = Homography::between(flat, corners)?;
        let sampler = Sampler::new(picture, &to_picture);
        let count = (plan.rows + 2 * REACH_ROWS) * STRIPES;
        let mut stripes = Vec::with_capacity(count * plan.samples());
        for stripe in 0..count {
            let v = (stripe as f32 + 0.5) / STRIPES as f32 - REACH_ROWS as f32;
            stripes.extend((0..plan.samples()).map(|sample| sampler.at((sample as f32 + 0.5) / FINE as f32, v)));
        }
        let mut grid = Self { plan, stripes, lines: Vec::new(), boundaries: Boundaries::none() };
        grid.lines = (0..plan.rows).flat_map(|row| grid.straight_line(row)).collect();
        grid.boundaries = Boundaries::find(&grid.lines, plan.samples());
        Some(grid)
    }

    /// How many codewords there are.
    pub fn plan(&self) -> Plan {
        self.plan
    }

    /// The middle half of a row.
    fn straight_line(&self, row: usize) -> impl Iterator<Item = f32> {
        let first = stripe_at(row, 0);
        let (upper, lower) = (self.stripe(first), self.stripe(first + 1));
        upper.iter().zip(lower).map(|(a, b)| f32::midpoint(*a, *b))
    }

    fn stripe(&self, number: usize) -> &[f32] {
        let length = self.plan.samples();
        &self.stripes[number * length..(number + 1) * length]
    }

    /// How blurred the symbol is, by what its codewords are most like.
    pub fn lens(&self) -> &'static Lens {
        let cells = self.plan.rows * self.plan.columns;
        let chosen: Vec<(usize, Darkness)> = (0..cells)
            .step_by(cells.div_ceil(LENS_CELLS))
            .map(|cell| {
                let (row, column) = (cell / self.plan.columns, cell % self.plan.columns);
                (row % 3, self.darkness(&self.lines, row, column + BEFORE, 0))
            })
            .collect();
        Lens::best(|lens| chosen.iter().map(|(cluster, darkness)| lens.match_in(*cluster, darkness).score).sum())
    }

    /// Follows the rows where they are bowed; whether they are.
    pub fn follow_rows(&mut self, lens: &Lens) -> bool {
        let word = |row: usize, word: usize, below: isize| {
            let first = stripe_at(row, below) * self.plan.samples();
            let pair = &self.stripes[first..first + 2 * self.plan.samples()];
            let (upper, lower) = pair.split_at(self.plan.samples());
            let place = self.place(row, word, 0);
            place.modules(|at| upper[at] + lower[at], self.plan.samples())
        };
        let shifts = RowShifts::find(&self.plan, lens, word);
        if shifts.is_straight() {
            return false;
        }
        self.lines = (0..self.plan.rows).flat_map(|row| self.bowed_line(row, &shifts)).collect();
        self.boundaries = Boundaries::find(&self.lines, self.plan.samples());
        true
    }

    fn bowed_line(&self, row: usize, shifts: &RowShifts) -> Vec<f32> {
        let length = self.plan.samples();
        let last = self.stripes.len() / length - 3;
        let shifts = shifts.of_row(&self.plan, row);
        let value = |(sample, shift): (usize, f32)| {
            let place = (stripe_at(row, 0) as f32 + shift).clamp(0.0, last as f32);
            let (first, share) = (place as usize, place.fract());
            let at = |stripe: usize| self.stripes[stripe * length + sample];
            ((1.0 - share) * at(first) + at(first + 1) + share * at(first + 2)) / 2.0
        };
        shifts.into_iter().enumerate().map(value).collect()
    }

    /// All codewords, row by row.
    pub fn cells(&self, lens: &Lens) -> Vec<Cell> {
        let Plan { rows, columns } = self.plan;
        (0..rows * columns).map(|cell| self.cell(cell / columns, cell % columns, lens)).collect()
    }

    /// The likeliest codeword of a cell and how sure it is. Only where that is doubtful are the other places tried.
    fn cell(&self, row: usize, column: usize, lens: &Lens) -> Cell {
        let mut best: Option<(f32, Cell)> = None;
        for shift in (0..=2 * SHIFTS).map(|step| if step % 2 == 0 { step / 2 } else { -(step + 1) / 2 }) {
            let darkness = self.darkness(&self.lines, row, column + BEFORE, shift);
            let found = lens.match_in(row % 3, &darkness);
            // Being where it should be speaks for a reading.
            let score = found.score - 0.02 * shift.unsigned_abs() as f32;
            if best.is_none_or(|(before, _)| score > before) {
                best = Some((score, Cell { darkness, codeword: found.into() }));
            }
            if found.score > CLEAR && found.margin > CLEAR_MARGIN {
                break;
            }
        }
        let unread = Cell { darkness: [0.0; MODULES], codeword: Codeword { value: 0, margin: 0.0 } };
        best.map_or(unread, |(_, cell)| cell)
    }

    fn darkness(&self, lines: &[f32], row: usize, word: usize, shift: isize) -> Darkness {
        let length = self.plan.samples();
        let line = &lines[row * length..(row + 1) * length];
        self.place(row, word, shift).modules(|at| line[at], length)
    }

    fn place(&self, row: usize, word: usize, shift: isize) -> Place {
        let (left, right) = (self.boundaries.shift(row, word), self.boundaries.shift(row, word + 1));
        Place {
            first: (word * MODULES * FINE) as f32 + left + shift as f32,
            pitch: FINE as f32 + (right - left) / MODULES as f32,
        }
    }
}

/// The first of the two stripes in the middle of a row, some stripes below its place.
fn stripe_at(row: usize, below: isize) -> usize {
    (STRIPES * (row + REACH_ROWS) + 1).saturating_add_signed(below)
}

/// Where the modules of a word lie on a line of samples.
struct Place {
    first: f32,
    pitch: f32,
}

impl Place {
    fn modules(&self, brightness: impl Fn(usize) -> f32, length: usize) -> Darkness {
        std::array::from_fn(|k| {
            let at = ((self.first + k as f32 * self.pitch + 0.5).max(0.0) as usize).min(length - FINE);
            -(at..at + FINE).map(&brightness).sum::<f32>()
        })
    }
}

/// The data codewords out of all that were read; `None` when the error correction cannot tell them.
pub fn correct(read: &[Codeword], checks: usize) -> Option<Zeroizing<Vec<u16>>> {
    let mut order: Vec<usize> = (0..read.len()).collect();
    order.sort_by(|&a, &b| read[a].margin.total_cmp(&read[b].margin));
    let doubtful = read.iter().filter(|codeword| codeword.margin < DOUBTFUL_MARGIN).count();
    let mut tried = usize::MAX;
    for erasures in [0, doubtful, checks / 4, checks / 2, checks * 3 / 4] {
        let erasures = erasures.min(checks.saturating_sub(2));
        if erasures == tried {
            continue;
        }
        tried = erasures;
        let mut codewords: Zeroizing<Vec<u16>> = Zeroizing::new(read.iter().map(|codeword| codeword.value).collect());
        if reed_solomon::correct(&mut codewords, checks, &order[..erasures]).is_some() {
            codewords.truncate(read.len() - checks);
            return Some(codewords);
        }
    }
    None
}
