//! Where a picture holds anything filled as a matrix symbol is.
//!
//! About half of a matrix symbol is dark, everywhere in it, and no part of it is plain: lines of print leave gaps, portraits
//! have no contrast in small parts, lines and frames fill little. Small cells are looked at for contrast and ink, and square
//! windows of cells that all have both are taken as filled. Always holds: time is linear in the number of pixels. Does not
//! tell a symbol from a chequered cloth: whoever searches the part then does.

use super::geometry::Rect;
use super::raster::Gray;

/// How an area is cut into cells.
#[derive(Debug, Clone, Copy)]
struct Scale {
    /// Side of a cell in pixels.
    side: usize,
    /// Range in grey levels that a cell's surroundings must have: more than noise has.
    min_range: u8,
    /// Share of that range that the cell itself must have.
    busy_share: f32,
}

/// For modules of up to about 5 pixels, which blur may leave little contrast.
const SMALL: Scale = Scale { side: 8, min_range: 60, busy_share: 0.4 };
/// For larger ones, which show all of theirs.
const LARGE: Scale = Scale { side: 24, min_range: 80, busy_share: 0.75 };
/// Cells along the side of a window: a symbol of 40 pixels, turned by 45 degrees, holds one.
const WINDOW: usize = 4;
/// Cells to either side whose range of brightness a cell is compared with.
const REACH: usize = 1;
/// Cells of a window that must be busy, of 16: finder patterns and bars are plain inside.
const MIN_BUSY: usize = 14;
/// Share of a window that is dark.
const INK: std::ops::Range<f32> = 0.31..0.68;
/// Steps from one window to another of the same part.
const STEP: usize = 2;
/// Share of a part's box that its windows take: a slanting line of heavy print takes less.
const MIN_FILL: f32 = 0.3;
/// Longer side of a part by its shorter one, at most, in windows; 2 is added to both.
const MAX_ASPECT: f32 = 3.0;
/// Cells around the windows that belong to a part: a window leaves out the corners of a turned symbol and its quiet zone.
const MARGIN: f32 = 3.0;

/// Boxes around what is filled as a matrix symbol is, at most `limit`, those of most windows first.
#[must_use]
pub fn filled_parts(area: &Gray, limit: usize) -> Vec<Rect> {
    let small = Cells::of(area, SMALL);
    let mut parts = small.parts();
    for (count, part) in small.joined(LARGE).parts() {
        if parts.iter().all(|(_, other)| other.intersection(part).area() <= 0.0) {
            parts.push((count, part));
        }
    }
    parts.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    parts.truncate(limit);
    let whole = Rect::new(0.0, 0.0, area.width() as f32, area.height() as f32);
    parts.into_iter().map(|(_, part)| part.intersection(whole)).collect()
}

/// The darkest and the brightest pixel of one cell of an area, or of several.
#[derive(Debug, Clone, Copy)]
struct Cell {
    low: u8,
    high: u8,
}

impl Cell {
    /// The range of no pixel at all.
    const NOTHING: Self = Self { low: u8::MAX, high: 0 };

    fn with(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    fn range(self) -> u8 {
        self.high.saturating_sub(self.low)
    }
}

/// An area cut into square cells; a rest narrower than one at the right and bottom is left out.
struct Cells<'a> {
    area: &'a Gray,
    scale: Scale,
    columns: usize,
    rows: usize,
    ranges: Vec<Cell>,
}

impl<'a> Cells<'a> {
    fn of(area: &'a Gray, scale: Scale) -> Self {
        let side = scale.side;
        let (columns, rows) = (area.width() / side, area.height() / side);
        let mut ranges = Vec::with_capacity(columns * rows);
        // First down each column of pixels, which is quick, then across those of a cell.
        let (mut lows, mut highs) = (vec![0; columns * side], vec![0; columns * side]);
        for row in 0..rows {
            lows.fill(u8::MAX);
            highs.fill(0);
            for y in row * side..(row + 1) * side {
                for ((low, high), &value) in lows.iter_mut().zip(&mut highs).zip(area.row(y)) {
                    (*low, *high) = ((*low).min(value), (*high).max(value));
                }
            }
            ranges.extend(lows.chunks_exact(side).zip(highs.chunks_exact(side)).map(|(lows, highs)| Cell {
                low: lows.iter().copied().fold(u8::MAX, u8::min),
                high: highs.iter().copied().fold(0, u8::max),
            }));
        }
        Self { area, scale, columns, rows, ranges }
    }

    /// The same area in cells of another scale, whose side is a multiple of this one's.
    fn joined(&self, scale: Scale) -> Self {
        let times = scale.side / self.scale.side;
        let (columns, rows) = (self.columns / times, self.rows / times);
        let joined = |at: usize| {
            let (x, y) = (at % columns * times, at / columns * times);
            let rows = (y..y + times).map(|row| &self.ranges[row * self.columns + x..][..times]);
            rows.flatten().copied().fold(Cell::NOTHING, Cell::with)
        };
        Self { area: self.area, scale, columns, rows, ranges: (0..columns * rows).map(joined).collect() }
    }

    /// The range of brightness of each cell's surroundings: first along the rows, then down the columns.
    fn surroundings(&self) -> Vec<Cell> {
        let columns = self.columns.max(1);
        let mut along = Vec::with_capacity(self.ranges.len());
        for row in self.ranges.chunks_exact(columns) {
            along.extend((0..row.len()).map(|x| {
                let near = &row[x.saturating_sub(REACH)..(x + REACH + 1).min(row.len())];
                near.iter().copied().fold(Cell::NOTHING, Cell::with)
            }));
        }
        let mut around = Vec::with_capacity(along.len());
        for y in 0..self.rows {
            let near = &along[y.saturating_sub(REACH) * columns..(y + REACH + 1).min(self.rows) * columns];
            let (first, rest) = near.split_at(columns);
            let start = around.len();
            around.extend_from_slice(first);
            for row in rest.chunks_exact(columns) {
                for (cell, &other) in around[start..].iter_mut().zip(row) {
                    *cell = cell.with(other);
                }
            }
        }
        around
    }

    /// Whether the window that begins at each cell is filled, row by row, and how many there are in a row.
    fn windows(&self) -> (Vec<bool>, usize) {
        if self.columns < WINDOW || self.rows < WINDOW {
            return (Vec::new(), 1);
        }
        let pairs = self.ranges.iter().zip(self.surroundings());
        let contrast: Vec<Option<u8>> = pairs.map(|(&cell, around)| self.contrast(cell, around)).collect();
        // Counting dark pixels costs most: only the cells of windows that are busy enough are counted, and each once.
        let mut ink = vec![None; self.ranges.len()];
        let (width, height) = (self.columns - WINDOW + 1, self.rows - WINDOW + 1);
        let filled = (0..width * height).map(|at| {
            let (x, y) = (at % width, at / width);
            let cells = (y..y + WINDOW).flat_map(|row| row * self.columns + x..row * self.columns + x + WINDOW);
            let busy = cells.clone().filter(|&index| contrast[index].is_some()).count();
            if busy < MIN_BUSY {
                return false;
            }
            let dark = |index: usize| Some((index, contrast[index]?));
            let sum: f32 = cells
                .filter_map(dark)
                .map(|(index, middle)| *ink[index].get_or_insert_with(|| self.ink(index, middle)))
                .sum();
            INK.contains(&(sum / busy as f32))
        });
        (filled.collect(), width)
    }

    /// Groups of windows that lie together: how many there are, and the box around them with its margin.
    fn parts(&self) -> Vec<(usize, Rect)> {
        let (mut filled, width) = self.windows();
        let height = filled.len() / width;
        let mut parts = Vec::new();
        for seed in 0..filled.len() {
            if !std::mem::take(&mut filled[seed]) {
                continue;
            }
            let (mut count, mut queue) = (0, vec![seed]);
            let (mut left, mut right, mut top, mut bottom) = (width, 0, height, 0);
            while let Some(at) = queue.pop() {
                let (x, y) = (at % width, at / width);
                count += 1;
                (left, right, top, bottom) = (left.min(x), right.max(x), top.min(y), bottom.max(y));
                for v in y.saturating_sub(STEP)..(y + STEP + 1).min(height) {
                    for u in x.saturating_sub(STEP)..(x + STEP + 1).min(width) {
                        if std::mem::take(&mut filled[v * width + u]) {
                            queue.push(v * width + u);
                        }
                    }
                }
            }
            let (across, down) = (right - left + 1, bottom - top + 1);
            let aspect = (across.max(down) + 2) as f32 / (across.min(down) + 2) as f32;
            if count as f32 >= MIN_FILL * (across * down) as f32 && aspect <= MAX_ASPECT {
                let cells = |windows: usize| (windows + WINDOW - 1) as f32 + 2.0 * MARGIN;
                let (x, y) = (left as f32 - MARGIN, top as f32 - MARGIN);
                let part = Rect::new(x, y, cells(across), cells(down));
                let side = self.scale.side as f32;
                parts.push((count, Rect::new(part.x * side, part.y * side, part.width * side, part.height * side)));
            }
        }
        parts
    }

    /// The level between dark and bright around a cell that has the contrast of its surroundings; `None` of a plainer one.
    fn contrast(&self, cell: Cell, around: Cell) -> Option<u8> {
        let range = around.range();
        let is_busy =
            range >= self.scale.min_range && f32::from(cell.range()) >= self.scale.busy_share * f32::from(range);
        is_busy.then_some(around.low + range / 2)
    }

    /// The share of a cell that is darker than a level.
    fn ink(&self, index: usize, middle: u8) -> f32 {
        let (x, y, side) = (index % self.columns, index / self.columns, self.scale.side);
        let rows = (0..side).map(|v| &self.area.row(y * side + v)[x * side..][..side]);
        let dark: usize = rows.map(|row| row.iter().filter(|&&value| value < middle).count()).sum();
        dark as f32 / (side * side) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::{Point, Similarity, warp};

    fn squares(module: usize) -> Gray {
        let random = |x: usize, y: usize| ((x * 7919 + y * 104_729 + x * y * 31) / 3).is_multiple_of(2);
        Gray::from_fn(300, 300, |x, y| {
            let inside = (100..200).contains(&x) && (100..200).contains(&y);
            [if inside && random(x / module, y / module) { 20 } else { 230 }]
        })
    }

    #[test]
    fn squares_are_filled_at_any_turn() {
        for (module, degrees) in [(2, 0.0), (3, 20.0), (5, 45.0), (12, 0.0)] {
            let middle = Point::new(150.0, 150.0);
            let turn = Similarity::about(middle, degrees, 1.0, middle);
            let parts = filled_parts(&warp(&squares(module), 300, 300, [230], |p| turn.apply(p)), 3);
            assert_eq!(parts.len(), 1, "{module} pixels at {degrees} degrees: {parts:?}");
            assert!(parts[0].centre().distance(middle) < 30.0 && parts[0].width < 290.0, "{parts:?}");
        }
    }

    #[test]
    fn thin_print_lines_and_blanks_are_not() {
        let print = Gray::from_fn(300, 300, |x, y| [if y % 16 < 8 && x % 5 == 0 { 20 } else { 230 }]);
        let line = Gray::from_fn(300, 300, |x, y| [if x.abs_diff(y) < 4 { 20 } else { 230 }]);
        for area in [print, line, Gray::filled(300, 300, [9]), Gray::filled(3, 3, [9]), Gray::filled(0, 0, [9])] {
            assert_eq!(filled_parts(&area, 3), []);
        }
    }
}
