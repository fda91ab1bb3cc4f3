//! Whether an area holds anything filled as a matrix symbol is, and where.
//!
//! About half of a matrix symbol is dark, everywhere in it, and no part of it is plain: lines of print leave gaps, portraits
//! have no contrast in small parts, lines and frames fill little. Small cells are looked at for contrast and ink, and square
//! windows of cells that all have both are taken as filled. Always holds: time is linear in the number of pixels. Does not
//! tell a symbol from a chequered cloth: whoever searches the part then does.

use super::geometry::{Point, Rect};
use super::raster::Gray;

/// Sides of cells in pixels: for modules of up to about 5 pixels, and for larger ones.
const CELLS: [usize; 2] = [8, 24];
/// Cells along the side of a window: a symbol of 40 pixels, turned by 45 degrees, holds one.
const WINDOW: usize = 4;
/// Cells to either side whose range of brightness a cell is compared with.
const REACH: usize = 1;
/// Range in grey levels that a cell's surroundings must have.
const MIN_RANGE: u8 = 45;
/// Share of that range that the cell itself must have.
const BUSY_SHARE: f32 = 0.4;
/// Cells of a window that must be busy, of 16: finder patterns and bars are plain inside.
const MIN_BUSY: usize = 14;
/// Share of a window that is dark.
const INK: std::ops::Range<f32> = 0.33..0.67;
/// Cells around the windows that belong to the part: a window leaves out the corners of a turned symbol and its quiet zone.
const MARGIN: f32 = 3.0;

/// The box around all that is filled as a matrix symbol is; `None` where nothing is.
#[must_use]
pub fn filled_part(area: &Gray) -> Option<Rect> {
    let corners: Vec<Point> = CELLS.iter().flat_map(|&side| Cells::of(area, side).filled()).collect();
    let whole = Rect::new(0.0, 0.0, area.width() as f32, area.height() as f32);
    (!corners.is_empty()).then(|| Rect::around(corners).intersection(whole))
}

/// One cell of an area.
#[derive(Debug, Clone, Copy)]
struct Cell {
    low: u8,
    high: u8,
}

/// An area cut into square cells; a rest narrower than one at the right and bottom is left out.
struct Cells<'a> {
    area: &'a Gray,
    side: usize,
    columns: usize,
    rows: usize,
    cells: Vec<Cell>,
}

impl<'a> Cells<'a> {
    fn of(area: &'a Gray, side: usize) -> Self {
        let (columns, rows) = (area.width() / side, area.height() / side);
        let mut cells = vec![Cell { low: u8::MAX, high: 0 }; columns * rows];
        for y in 0..rows * side {
            let line = &mut cells[y / side * columns..][..columns];
            for (cell, pixels) in line.iter_mut().zip(area.row(y).chunks_exact(side)) {
                let (low, high) =
                    pixels.iter().fold((cell.low, cell.high), |(low, high), &v| (low.min(v), high.max(v)));
                *cell = Cell { low, high };
            }
        }
        Self { area, side, columns, rows, cells }
    }

    /// Opposite corners of the windows that are filled, with their margins.
    fn filled(&self) -> Vec<Point> {
        if self.columns < WINDOW || self.rows < WINDOW {
            return Vec::new();
        }
        let ink: Vec<Option<f32>> = (0..self.cells.len()).map(|index| self.ink(index)).collect();
        let mut corners = Vec::new();
        for y in 0..=self.rows - WINDOW {
            for x in 0..=self.columns - WINDOW {
                let window = (0..WINDOW).flat_map(|v| ink[(y + v) * self.columns + x..][..WINDOW].iter().flatten());
                let (busy, sum) = window.fold((0, 0.0), |(busy, sum), ink| (busy + 1, sum + ink));
                if busy >= MIN_BUSY && INK.contains(&(sum / busy as f32)) {
                    let side = self.side as f32;
                    let corner = Point::new((x as f32 - MARGIN) * side, (y as f32 - MARGIN) * side);
                    let across = (WINDOW as f32 + 2.0 * MARGIN) * side;
                    corners.extend([corner, corner + Point::new(across, across)]);
                }
            }
        }
        corners
    }

    /// The dark share of a cell that has the contrast of its surroundings; `None` of a plainer one.
    fn ink(&self, index: usize) -> Option<f32> {
        let (x, y) = (index % self.columns, index / self.columns);
        let (mut low, mut high) = (u8::MAX, 0);
        for v in y.saturating_sub(REACH)..(y + REACH + 1).min(self.rows) {
            for cell in &self.cells
                [v * self.columns + x.saturating_sub(REACH)..v * self.columns + (x + REACH + 1).min(self.columns)]
            {
                (low, high) = (low.min(cell.low), high.max(cell.high));
            }
        }
        let (range, own) = (high.saturating_sub(low), self.cells[index]);
        if range < MIN_RANGE || f32::from(own.high.saturating_sub(own.low)) < BUSY_SHARE * f32::from(range) {
            return None;
        }
        let middle = low + range / 2;
        let rows = (0..self.side).map(|v| &self.area.row(y * self.side + v)[x * self.side..][..self.side]);
        let dark: usize = rows.map(|row| row.iter().filter(|&&value| value < middle).count()).sum();
        Some(dark as f32 / (self.side * self.side) as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::{Point, Similarity, warp};

    fn squares(module: usize) -> Gray {
        let random = |x: usize, y: usize| (x * 7919 + y * 104_729 + x * y * 31) / 3 % 2 == 0;
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
            let part = filled_part(&warp(&squares(module), 300, 300, [230], |p| turn.apply(p)));
            let part = part.unwrap_or_else(|| panic!("nothing of {module} pixels at {degrees} degrees"));
            assert!(part.centre().distance(middle) < 30.0 && part.width < 250.0, "{part:?}");
        }
    }

    #[test]
    fn thin_print_lines_and_blanks_are_not() {
        let print = Gray::from_fn(300, 300, |x, y| [if y % 16 < 8 && x % 5 == 0 { 20 } else { 230 }]);
        let line = Gray::from_fn(300, 300, |x, y| [if x.abs_diff(y) < 4 { 20 } else { 230 }]);
        for area in [print, line, Gray::filled(300, 300, [9]), Gray::filled(3, 3, [9]), Gray::filled(0, 0, [9])] {
            assert_eq!(filled_part(&area), None);
        }
    }
}
