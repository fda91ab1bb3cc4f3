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
    let layout = indicators::read_layout(&sampler, guards)?;
    let corners = grid::corners(&layout, |y| guards.start.x_at(y), |y| guards.stop.x_at(y));
    let corners = view.to_picture.apply_quad(corners);
    let grid = grid::Grid::sample(picture, layout, corners)?;
    let message = grid::EFFORTS
        .into_iter()
        .filter_map(|effort| grid.codewords(effort))
        .find_map(|codewords| message::decode(&codewords))?;
    let [a, b, c, d] = corners.0;
    // A mirrored symbol's own order is anticlockwise in the picture.
    let mirrored = layout.start.pitch < 0.0;
    Some(Reading { message, corners: if mirrored { Quad([a, d, c, b]) } else { corners } })
}
