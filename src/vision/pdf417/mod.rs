//! PDF417 (ISO/IEC 15438) out of a level view in which both guards were found.
//!
//! Always holds: the bytes are those that the symbol encodes, checked by its error correction; time is bounded by the
//! size of the view and of the largest symbol (90 rows, 928 codewords). Does not look for symbols, and leaves compact
//! symbols, which have no stop pattern, to the whole-picture reader.

mod codebook;
mod columns;
mod grid;
mod indicators;
mod message;
mod reed_solomon;
mod rows;
mod sampler;

use crate::imaging::{Deskewed, Gray, Guards, Quad};

pub use message::Message;

/// A symbol that was read.
pub struct Reading {
    /// What it says.
    pub message: Message,
    /// Clockwise in the picture from the symbol's own top-left.
    pub corners: Quad,
}

/// Reads the symbol between two guards. `view` must be the one that the guards refer to: turned by half when they say so.
pub fn read(picture: &Gray, view: &Deskewed, guards: &Guards) -> Option<Reading> {
    let sampler = sampler::Sampler::new(picture, &view.to_picture);
    let lens = indicators::read_lens(&sampler, guards);
    let layout = indicators::read_layout(&sampler, guards, lens)?;
    let corners = view.to_picture.apply_quad(layout.corners(guards));
    let mut grid = grid::Grid::sample(picture, &layout, corners)?;
    let message = read_grid(&mut grid, layout.checks())?;
    let [a, b, c, d] = corners.0;
    // A mirrored symbol's own order is anticlockwise in the picture.
    let mirrored = layout.start.pitch < 0.0;
    Some(Reading { message, corners: if mirrored { Quad([a, d, c, b]) } else { corners } })
}

/// As it lies, and then with its rows followed.
fn read_grid(grid: &mut grid::Grid, checks: usize) -> Option<Message> {
    let lens = grid.lens();
    let read = |grid: &grid::Grid, lens| {
        let cells: Vec<(u16, f32)> = grid.cells(lens).iter().map(|cell| (cell.codeword, cell.margin)).collect();
        message::decode(&grid::correct(&cells, checks)?)
    };
    read(grid, lens).or_else(|| if grid.follow_rows(lens) { read(grid, grid.lens()) } else { None })
}
