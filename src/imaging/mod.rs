//! Pixels in, values out: images, frames, geometry, warps, quality measures and localisers.
//!
//! Always holds: pixels are wiped when an image is dropped, and no type here that carries pixels can be serialised or
//! printed. Coordinates are pixels with the origin at the top-left corner of the top-left pixel, so that the centre of
//! that pixel is (0.5, 0.5). Does not decode files, keep frames or know what a document or a face is.

mod barcode_deskew;
mod barcode_guards;
mod barcode_localiser;
mod barcode_soft_guards;
mod bulls_eye;
mod card_localiser;
mod cubic;
mod edges;
mod frame;
mod geometry;
mod lattice_angle;
mod light;
mod line_search;
mod matrix_evidence;
mod quality;
mod raster;
mod recapture;
mod spectrum;
mod structure_tensor;
mod transform;
mod warp;

pub use barcode_deskew::{Deskewed, deskew};
pub use barcode_guards::{GuardLine, Guards, find_guards, module_width, shows_linear_stop, shows_start};
pub use barcode_localiser::{BarRegion, find_bars};
pub use barcode_soft_guards::find_soft_guards;
pub use bulls_eye::{BullsEye, count_corner_squares, count_rings, find_bulls_eyes};
pub use card_localiser::{CardOutline, ID1_ASPECT, TD3_ASPECT, lay_flat, locate_card};
pub use cubic::warp_smooth;
pub use frame::{Frame, Provenance};
pub use geometry::{Point, Point3, Quad, Rect};
pub use lattice_angle::{LatticeAngle, lattice_angle};
pub use light::linear_light;
pub use matrix_evidence::filled_parts;
pub use quality::{Exposure, Focus, Glare, exposure, focus, glare, motion};
pub use raster::{Gray, Image, ImageShapeError, Rgb};
pub use recapture::{RecaptureCues, RecaptureResult, RecaptureScore, recapture};
pub use spectrum::PowerSpectrum;
pub use transform::{Affine, Homography, Similarity};
pub use warp::{Letterbox, QuarterTurns};
pub use warp::{crop, letterbox, project, resize, rotate_quarter, warp};
