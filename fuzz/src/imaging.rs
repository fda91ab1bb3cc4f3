//! Geometry that read text carries with it.

#[path = "../../src/imaging/geometry.rs"]
mod geometry;

pub use geometry::{Quad, Rect};
