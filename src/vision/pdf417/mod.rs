//! PDF417 (ISO/IEC 15438) out of a level view in which both guards were found.
//!
//! Always holds: the bytes are those that the symbol encodes, checked by its error correction; time is bounded by the
//! size of the view and of the largest symbol (90 rows, 928 codewords). Does not look for symbols, and leaves compact
//! symbols, which have no stop pattern, to the whole-picture reader. Every buffer that a payload passes through is wiped, but
//! for those inside the decoder of named character sets.

mod codebook;
mod columns;
mod grid;
mod indicators;
mod message;
mod reed_solomon;
mod rows;
mod sampler;
mod votes;

use zeroize::Zeroizing;

use crate::imaging::{Deskewed, Gray, Guards, Quad};

pub use message::Message;
pub use votes::{Partial, SymbolVotes};

/// A symbol that was read.
pub struct Reading {
    /// What it says.
    pub message: Message,
    /// Clockwise in the picture from the symbol's own top-left.
    pub corners: Quad,
}

/// What there is between two guards.
pub enum Finding {
    /// A symbol that was read.
    Read(Reading),
    /// A symbol that has to be seen again; where it is as for a reading.
    Partly(Partial, Quad),
}

/// Reads the symbol between two guards; `None` when there is none. `view` must be the one that the guards refer to: turned
/// by half when they say so.
pub fn read(picture: &Gray, view: &Deskewed, guards: &Guards) -> Option<Finding> {
    let sampler = sampler::Sampler::new(picture, &view.to_picture);
    let lens = indicators::read_lens(&sampler, guards);
    let layout = indicators::read_layout(&sampler, guards, lens)?;
    let outline = view.to_picture.apply_quad(layout.corners(guards));
    let mut grid = grid::Grid::sample(picture, &layout, outline)?;
    let [a, b, c, d] = outline.0;
    // A mirrored symbol's own order is anticlockwise in the picture.
    let corners = if layout.start.pitch < 0.0 { Quad([a, d, c, b]) } else { outline };
    Some(match read_grid(&mut grid, layout.checks()) {
        Ok(message) => Finding::Read(Reading { message, corners }),
        Err(partial) => Finding::Partly(partial, corners),
    })
}

/// As it lies, and then with its rows followed.
fn read_grid(grid: &mut grid::Grid, checks: usize) -> Result<Message, Partial> {
    let lens = grid.lens();
    let straight = read_cells(grid, lens, checks);
    if straight.is_ok() || !grid.follow_rows(lens) {
        return straight;
    }
    read_cells(grid, grid.lens(), checks)
}

fn read_cells(grid: &grid::Grid, lens: &codebook::Lens, checks: usize) -> Result<Message, Partial> {
    let partial = Partial { plan: grid.plan(), checks, cells: grid.cells(lens) };
    let codewords = Zeroizing::new(partial.cells.iter().map(|cell| cell.codeword).collect::<Vec<_>>());
    let message = grid::correct(&codewords, checks).and_then(|data| message::decode(&data));
    message.ok_or(partial)
}
