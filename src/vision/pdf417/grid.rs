//! Reads every codeword of a symbol whose frame is known, each by its likeness to all patterns of its cluster.
//!
//! The brightness of a row is averaged over its height and sampled several times a module, so that blur and noise cost
//! little; a codeword that fits badly where it should be is tried a little to either side.

use crate::imaging::{Gray, Homography, Point, Quad, Rect};

use super::codebook::{MODULES, match_in};
use super::columns::{Boundaries, FINE};
use super::indicators::{Layout, darkness};
use super::reed_solomon;
use super::sampler::Sampler;

/// Codewords left of the first data codeword: the start pattern and the left indicator.
const BEFORE: usize = 2;
/// Modules of a symbol beside its data columns.
const FRAME: usize = 69;

/// Likeness and margin from which a reading needs no other place to be tried.
const CLEAR: f32 = 0.9;
const CLEAR_MARGIN: f32 = 0.15;

/// How to read the codewords; later ones cost more and read harder symbols.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Share of the second difference added, against blur.
    pub sharpening: f32,
    /// Samples to either side at which a codeword is tried.
    pub shifts: isize,
}

/// The efforts in the order in which they are made.
pub const EFFORTS: [Effort; 4] = [
    Effort { sharpening: 0.2, shifts: 0 },
    Effort { sharpening: 0.2, shifts: 2 },
    Effort { sharpening: 0.45, shifts: 2 },
    Effort { sharpening: 0.0, shifts: 3 },
];

/// The rows of a symbol as lines of brightness.
pub struct Grid {
    layout: Layout,
    /// [`FINE`] samples a module, all rows one after the other.
    lines: Vec<f32>,
    boundaries: Boundaries,
}

impl Grid {
    /// Samples a symbol whose corners in the picture are `corners`: start guard at row 0, stop guard at row 0, stop
    /// guard at the end, start guard at the end.
    pub fn sample(picture: &Gray, layout: Layout, corners: Quad) -> Option<Self> {
        let modules = FRAME + MODULES * layout.columns;
        let plan = Quad::from_rect(Rect::new(0.0, 0.0, modules as f32, layout.rows as f32));
        let to_picture = Homography::between(plan, corners)?;
        let sampler = Sampler::new(picture, &to_picture);
        let pitch = corners.mean_height() / layout.rows as f32;
        let taps = (pitch * 0.6).round().clamp(1.0, 5.0) as usize;
        let mut lines = Vec::with_capacity(layout.rows * modules * FINE);
        for row in 0..layout.rows {
            for sample in 0..modules * FINE {
                let u = (sample as f32 + 0.5) / FINE as f32;
                // The outer fifths of a row hold some of its neighbours.
                let sum: f32 = (0..taps)
                    .map(|tap| row as f32 + 0.2 + 0.6 * (tap as f32 + 0.5) / taps as f32)
                    .map(|v| sampler.at(u, v))
                    .sum();
                lines.push(sum / taps as f32);
            }
        }
        let boundaries = Boundaries::find(&lines, modules * FINE);
        Some(Self { layout, lines, boundaries })
    }

    /// The symbol's data codewords after error correction; `None` when they cannot be had.
    pub fn codewords(&self, effort: Effort) -> Option<Vec<u16>> {
        let Layout { rows, columns, .. } = self.layout;
        let mut cells = Vec::with_capacity(rows * columns);
        for row in 0..rows {
            for column in 0..columns {
                cells.push(self.cell(row, column, effort));
            }
        }
        let mut order: Vec<usize> = (0..cells.len()).collect();
        order.sort_by(|&a, &b| cells[a].1.total_cmp(&cells[b].1));
        let checks = self.layout.checks();
        let doubtful = cells.iter().filter(|cell| cell.1 < 0.05).count();
        let mut tried = usize::MAX;
        for erasures in [0, doubtful, checks / 4, checks / 2, checks * 3 / 4] {
            let erasures = erasures.min(checks.saturating_sub(2));
            if erasures == tried {
                continue;
            }
            tried = erasures;
            let mut codewords: Vec<u16> = cells.iter().map(|cell| cell.0).collect();
            if reed_solomon::correct(&mut codewords, checks, &order[..erasures]).is_some() {
                codewords.truncate(cells.len() - checks);
                return Some(codewords);
            }
        }
        None
    }

    /// The likeliest codeword of a cell and how sure it is. Only where that is doubtful are the other places tried.
    fn cell(&self, row: usize, column: usize, effort: Effort) -> (u16, f32) {
        let mut best = (0, -1.0, f32::MIN);
        let farthest = 2 * effort.shifts;
        for shift in (0..=farthest).map(|step| if step % 2 == 0 { step / 2 } else { -(step + 1) / 2 }) {
            let samples = self.modules(row, column, shift);
            let Some(darkness) = darkness(&samples, effort.sharpening) else { continue };
            let found = match_in(row % 3, &darkness);
            // Being where it should be speaks for a reading.
            let score = found.score - 0.02 * shift.unsigned_abs() as f32;
            if score > best.2 {
                best = (found.codeword, found.margin, score);
            }
            if found.score > CLEAR && found.margin > CLEAR_MARGIN {
                break;
            }
        }
        (best.0, best.1)
    }

    /// Brightness of a codeword's modules and one more at each side.
    fn modules(&self, row: usize, column: usize, shift: isize) -> [f32; MODULES + 2] {
        let length = (FRAME + MODULES * self.layout.columns) * FINE;
        let line = &self.lines[row * length..(row + 1) * length];
        let word = BEFORE + column;
        let (left, right) = (self.boundaries.shift(row, word), self.boundaries.shift(row, word + 1));
        let first = (word * MODULES * FINE) as f32 + left + shift as f32;
        let pitch = FINE as f32 + (right - left) / MODULES as f32;
        std::array::from_fn(|k| {
            let at = (first + (k as f32 - 1.0) * pitch).round().max(0.0) as usize;
            let at = at.min(length - FINE);
            line[at..at + FINE].iter().sum::<f32>() / FINE as f32
        })
    }
}

/// The corners of a symbol in the level view, in the order that [`Grid::sample`] takes them.
pub fn corners(layout: &Layout, start: impl Fn(f32) -> f32, stop: impl Fn(f32) -> f32) -> Quad {
    let at = |line: &dyn Fn(f32) -> f32, y: f32| Point::new(line(y), y);
    let (end, from, to) = (layout.rows as f32, layout.start, layout.stop);
    Quad([at(&start, from.y_at(0.0)), at(&stop, to.y_at(0.0)), at(&stop, to.y_at(end)), at(&start, from.y_at(end))])
}
