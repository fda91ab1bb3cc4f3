//! A card as it lies in the picture: its shape, and whether it can be read there.
//!
//! Always holds: nothing here looks at what a card says.

use crate::imaging::{CardOutline, Gray, ID1_ASPECT, Quad, Rgb, TD3_ASPECT, lay_flat};

/// Width to which a card is laid flat, in pixels: about what a 1080p camera gives of a card that fills two thirds.
pub(super) const FLAT_WIDTH: usize = 1280;
/// How close to the border of the picture a corner may come, in pixels.
const BORDER: f32 = 4.0;
/// Share of the picture's width or height from which a card cannot come closer.
const FILLS: f32 = 0.86;

/// The shape that a card or page most likely has, by how it is seen.
pub(super) fn likely_aspect(card: &CardOutline) -> f32 {
    let seen = card.outline.mean_width() / card.outline.mean_height().max(1.0);
    if (seen - TD3_ASPECT).abs() < (seen - ID1_ASPECT).abs() { TD3_ASPECT } else { ID1_ASPECT }
}

/// The card as if it were scanned: level, and of that shape.
pub(super) fn card_laid_flat(picture: &Rgb, card: &CardOutline, aspect: f32) -> Option<Rgb> {
    let height = (FLAT_WIDTH as f32 / aspect).round();
    lay_flat(picture, card.outline, FLAT_WIDTH, height as usize)
}

/// Whether a corner lies at the border of the picture, so that more of the card may lie outside.
pub(super) fn reaches_border(outline: Quad, picture: &Gray) -> bool {
    let (right, bottom) = (picture.width() as f32 - BORDER, picture.height() as f32 - BORDER);
    outline.0.iter().any(|corner| corner.x < BORDER || corner.y < BORDER || corner.x > right || corner.y > bottom)
}

/// How much longer one side of the card looks than the opposite one; 1 when it faces the camera.
pub(super) fn tilt(outline: Quad) -> f32 {
    let [a, b, c, d] = outline.0;
    let ratio = |one: f32, other: f32| one.max(other) / one.min(other).max(1.0);
    ratio(a.distance(b), d.distance(c)).max(ratio(a.distance(d), b.distance(c)))
}

/// Whether the card cannot come closer without leaving the picture.
pub(super) fn fills(outline: Quad, picture: &Rgb) -> bool {
    let bounds = outline.bounds();
    bounds.width >= FILLS * picture.width() as f32 || bounds.height >= FILLS * picture.height() as f32
}
