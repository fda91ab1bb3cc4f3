//! Is the face inside a frame that cuts the body off? The bezel of a screen, the border of a print.
//!
//! Looked for are four straight edges: one to each side of the face, one above it, and one below the chin that runs all
//! the way between the sides. A door, a shelf or a picture on the wall has no such lower edge in front of the person, whose
//! shoulders hide it.
//!
//! Always holds: an edge counts by the share of its length that has a step of the same sign; noise and texture have none.
//! Does not see a screen that is held so near that its edges lie outside the picture, and takes a person behind the sill
//! of a window for a picture of one: what follows is never called an attack for this alone.

use crate::imaging::{Gray, Rect, resize};

/// Width that a picture is shrunk to, in pixels.
const WIDTH: usize = 320;
/// Least step of an edge, in grey levels between the second pixels to either side.
const STEP: i32 = 9;
/// Share of an edge that has to have a step.
const SHARE: f32 = 0.86;
/// Slants that are tried, in pixels a pixel.
const SLANTS: [f32; 9] = [-0.12, -0.09, -0.06, -0.03, 0.0, 0.03, 0.06, 0.09, 0.12];
/// Most edges to either side of the face that are followed up.
const CANDIDATES: usize = 3;

/// An edge: the place where it crosses the middle line of the face, and its slant.
#[derive(Debug, Clone, Copy)]
struct Edge {
    place: f32,
    slant: f32,
    share: f32,
}

/// Whether a frame encloses the face, whose box is from forehead to chin.
#[must_use]
pub fn framed(picture: &Gray, face: Rect) -> bool {
    if picture.width() < WIDTH / 2 || picture.height() < 16 || face.width < 1.0 {
        return false;
    }
    let scale = WIDTH as f32 / picture.width() as f32;
    let small = resize(picture, WIDTH, ((picture.height() as f32 * scale) as usize).max(8));
    let face = Rect::new(face.x * scale, face.y * scale, face.width * scale, face.height * scale);
    let view = View { picture: &small, middle: (face.centre().x, face.centre().y) };
    let (top, bottom) = (face.y - 0.1 * face.height, face.bottom() + 0.1 * face.height);
    let upright = |range: (f32, f32)| view.edges(true, range, |_| (top, bottom), CANDIDATES);
    let left = upright((2.0, face.x - 0.05 * face.width));
    let right = upright((face.right() + 0.05 * face.width, WIDTH as f32 - 3.0));
    left.iter().flat_map(|left| right.iter().map(move |right| (left, right))).any(|(left, right)| {
        // Between the two sides, at the height where the edge is.
        let span = |y: f32| {
            let along = y - view.middle.1;
            (left.place + left.slant * along + 3.0, right.place + right.slant * along - 3.0)
        };
        let level = |range| !view.edges(false, range, span, 1).is_empty();
        level((face.bottom() + 0.12 * face.height, small.height() as f32 - 3.0)) && level((2.0, face.y))
    })
}

struct View<'a> {
    picture: &'a Gray,
    middle: (f32, f32),
}

impl View<'_> {
    /// The best edges that cross the face's middle line within a range; `span` says from where to where one has to run.
    fn edges(&self, upright: bool, range: (f32, f32), span: impl Fn(f32) -> (f32, f32), most: usize) -> Vec<Edge> {
        let mut found: Vec<Edge> = Vec::new();
        let mut place = range.0.max(2.0);
        while place <= range.1 {
            let best = SLANTS
                .iter()
                .map(|&slant| Edge { place, slant, share: self.share(upright, place, slant, span(place)) })
                .max_by(|a, b| a.share.total_cmp(&b.share));
            found.extend(best.filter(|edge| edge.share >= SHARE));
            place += 1.0;
        }
        found.sort_by(|a, b| b.share.total_cmp(&a.share));
        let mut kept: Vec<Edge> = Vec::new();
        for edge in found {
            if kept.len() < most && kept.iter().all(|other| (other.place - edge.place).abs() > 4.0) {
                kept.push(edge);
            }
        }
        kept
    }

    /// The share of a line on which the grey level steps in the more frequent direction.
    fn share(&self, upright: bool, place: f32, slant: f32, (from, to): (f32, f32)) -> f32 {
        let (width, height) = (self.picture.width() as i32, self.picture.height() as i32);
        let centre = if upright { self.middle.1 } else { self.middle.0 };
        let (mut up, mut down, mut count) = (0, 0, 0);
        for along in from as i32..=to as i32 {
            let across = (place + slant * (along as f32 - centre)).round() as i32;
            let (x, y) = if upright { (across, along) } else { (along, across) };
            count += 1;
            if x < 2 || y < 2 || x >= width - 2 || y >= height - 2 {
                continue;
            }
            let at = |x: i32, y: i32| i32::from(self.picture.data()[(y * width + x) as usize]);
            let step = if upright { at(x + 2, y) - at(x - 2, y) } else { at(x, y + 2) - at(x, y - 2) };
            up += i32::from(step >= STEP);
            down += i32::from(step <= -STEP);
        }
        if count < 20 { 0.0 } else { up.max(down) as f32 / count as f32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACE: Rect = Rect { x: 260.0, y: 130.0, width: 120.0, height: 150.0 };

    /// A person before a wall with a door, or a screen that shows one.
    fn scene(screen: Option<Rect>) -> Gray {
        Gray::from_fn(640, 480, |x, y| {
            let (fx, fy) = (x as f32, y as f32);
            let grain = ((x * 31 + y * 57) ^ (x * y)) as u8 % 9;
            let head = ((fx - 320.0) / 62.0).powi(2) + ((fy - 205.0) / 85.0).powi(2) < 1.0;
            let body = fy > 290.0 && (fx - 320.0).abs() < 60.0 + (fy - 290.0) * 1.4;
            let door = (fx - 320.0).abs() < 190.0 && fy > 60.0 && fy < 440.0;
            let person = if head {
                170
            } else if body {
                90
            } else if door {
                200
            } else {
                140
            };
            let shade = match screen {
                None => person,
                Some(shown) => {
                    let beyond = (shown.x - fx).max(fx - shown.right()).max((shown.y - fy).max(fy - shown.bottom()));
                    if beyond < 0.0 {
                        person
                    } else if beyond < 22.0 {
                        20
                    } else {
                        150
                    }
                }
            };
            [shade + grain]
        })
    }

    #[test]
    fn the_bezel_of_a_screen_is_a_frame_and_a_door_behind_a_person_is_not() {
        assert!(framed(&scene(Some(Rect::new(150.0, 70.0, 340.0, 320.0))), FACE));
        assert!(!framed(&scene(None), FACE));
    }

    #[test]
    fn a_screen_that_fills_the_picture_shows_no_frame() {
        assert!(!framed(&scene(Some(Rect::new(-10.0, -10.0, 700.0, 520.0))), FACE));
    }
}
