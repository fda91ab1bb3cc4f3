//! The shape of the head: sections that are ellipses, cut to the portrait's outlines, with the face's features on them.
//!
//! Depths forward of the ear canal are an adult's typical proportions, set by hand and checked by eye (sellion about
//! 90 mm, tip of the nose 110, below the nose 97, chin 92, outer eye corner 70, back of the head −95); they quote no
//! survey. They come from no landmark model either, so that a scorer's own idea of a face is not what
//! it is tested with. The shape is one adult's for every portrait.

use super::curve::{bump, curve};
use super::fit::Fit;
use super::mesh::{Mesh, Vector};

/// Depth of the midline without its features, by height.
#[rustfmt::skip]
const MIDLINE: [(f32, f32); 14] = [
    (-116.0, 4.0), (-112.0, 30.0), (-105.0, 48.0), (-90.0, 69.0), (-70.0, 82.0), (-50.0, 89.0), (-30.0, 93.0),
    (-14.0, 92.5), (0.0, 88.0), (36.0, 88.0), (50.0, 94.0), (62.0, 97.0), (92.0, 96.0), (107.0, 84.0),
];
/// Depth at which a section is widest: the ears, then along the jaw to the chin.
#[rustfmt::skip]
const WIDEST: [(f32, f32); 8] = [
    (-116.0, -8.0), (30.0, 0.0), (45.0, 3.0), (60.0, 9.0), (75.0, 20.0), (90.0, 44.0), (100.0, 58.0), (107.0, 70.0),
];
/// Depth of the back, by height: skull, nape, and nothing behind the chin.
#[rustfmt::skip]
const BACK: [(f32, f32); 8] = [
    (-116.0, -20.0), (-108.0, -55.0), (-90.0, -80.0), (-50.0, -95.0), (0.0, -93.0), (45.0, -70.0), (75.0, -20.0),
    (107.0, 60.0),
];
/// How far the ridge of the nose stands out of [`MIDLINE`], by height.
#[rustfmt::skip]
const NOSE: [(f32, f32); 11] = [
    (-10.0, 0.0), (-3.0, 1.5), (4.0, 4.0), (12.0, 9.0), (24.0, 15.5), (33.0, 20.5), (38.0, 22.0), (41.0, 20.5),
    (45.0, 11.0), (50.0, 3.0), (55.0, 0.0),
];
/// Half width of that ridge, by height.
const NOSE_WIDTH: [(f32, f32); 4] = [(-5.0, 6.5), (15.0, 7.5), (30.0, 9.5), (40.0, 11.5)];

/// Face and skull.
pub fn face(fit: &Fit) -> Mesh {
    let (top, bottom) = ends(&fit.face);
    let left: Vec<_> = fit.face.iter().map(|row| (row.0, row.1)).collect();
    let right: Vec<_> = fit.face.iter().map(|row| (row.0, row.2)).collect();
    // Chin and crown of the portrait lie where the outline ends; the depths are stretched to them.
    let stretch = |y: f32| if y > 0.0 { y * 105.0 / bottom } else { y * 115.0 / -top };
    solid(
        fit,
        (top, bottom),
        (150, 130),
        |y| (fit.face_seen_degrees, curve(&fit.face_repeat_degrees, y)),
        |y, angle| {
            let (low, high, level) = (curve(&left, y), curve(&right, y), stretch(y));
            let (middle, half) = (f32::midpoint(low, high), (high - low) / 2.0);
            let x = middle + half * angle.sin();
            let widest = curve(&WIDEST, level);
            let end = if angle.cos() > 0.0 { curve(&MIDLINE, level) } else { curve(&BACK, level).min(widest) };
            let features = if angle.cos() > 0.0 { features(x - middle, level) * angle.cos().sqrt() } else { 0.0 };
            [x, y, widest + (end - widest).abs() * angle.cos() + features]
        },
    )
}

/// Hair or hat, with the ears.
pub fn hair(fit: &Fit) -> Mesh {
    let left: Vec<_> = fit.hair.iter().map(|row| (row.0, row.1)).collect();
    let right: Vec<_> = fit.hair.iter().map(|row| (row.0, row.2)).collect();
    let mut mesh = solid(
        fit,
        ends(&fit.hair),
        (120, 110),
        |_| (fit.hair_seen_degrees, 24.0),
        |level, angle| {
            let (mut x, mut y) = (0.0, level);
            // Where the brim droops depends on how far out it is there, and the other way round: a few rounds settle it.
            for _ in 0..4 {
                let (low, high) = (curve(&left, y), curve(&right, y));
                x = f32::midpoint(low, high) + (high - low) / 2.0 * angle.sin();
                y = level + fit.hair_droop.0 * (x / 70.0).powi(4) * curve(&fit.hair_droop.1, level);
            }
            let end = if angle.cos() > 0.0 { curve(&fit.hair_front, level) } else { curve(&fit.hair_back, level) };
            [x, y, fit.hair_middle + (end - fit.hair_middle).abs() * angle.cos()]
        },
    );
    if let Some((patch, below)) = fit.plain_hair {
        let columns = mesh.columns;
        for (k, vertex) in mesh.vertices.iter_mut().enumerate() {
            let degrees = (k % columns) as f32 / (columns - 1) as f32 * 360.0 - 180.0;
            let beyond = degrees.abs() - fit.hair_seen_degrees;
            let y = vertex.position[1];
            if beyond > 0.0 && y > below {
                vertex.texel = fit.pixel_of(to_and_fro(beyond, patch[0], patch[2]), to_and_fro(y, patch[1], patch[3]));
            }
        }
    }
    mesh
}

/// Walks back and forth between two values.
fn to_and_fro(along: f32, low: f32, high: f32) -> f32 {
    let span = high - low;
    let phase = along.rem_euclid(2.0 * span);
    low + if phase < span { phase } else { 2.0 * span - phase }
}

/// What stands out of or sinks into the plain face, in millimetres, at a distance from the midline and a height.
fn features(x: f32, y: f32) -> f32 {
    let side = x.abs();
    let nose = curve(&NOSE, y) * (-(side / curve(&NOSE_WIDTH, y)).powf(2.4)).exp();
    let wings = 6.5 * bump(side, 13.0, 3.8) * bump(y, 40.0, 4.5);
    let sockets = -8.0 * bump(side, 17.0, 6.5) * bump(y, 1.0, 7.5) - 2.5 * bump(side, 33.0, 9.0) * bump(y, 9.0, 6.0);
    let eyes = 2.5 * bump(side, 31.0, 8.0) * bump(y, 0.0, 6.0);
    let brows = 4.0 * bump(side, 28.0, 14.0) * bump(y, -16.0, 6.0);
    let cheeks = 6.0 * bump(side, 40.0, 13.0) * bump(y, 27.0, 13.0);
    let folds = -3.0 * bump(side, 24.0 + 0.35 * (y - 40.0), 4.0) * bump(y, 46.0, 9.0);
    let lips = 3.5 * bump(side, 0.0, 17.0) * (bump(y, 57.0, 4.0) + bump(y, 68.0, 4.0))
        - 1.5 * bump(side, 0.0, 20.0) * bump(y, 78.0, 4.0);
    let chin = 3.5 * bump(side, 0.0, 14.0) * bump(y, 91.0, 7.0);
    nose + wings + sockets + eyes + brows + cheeks + folds + lips + chin
}

/// A closed surface of sections between two heights; `place` gives the place at a height and an angle from the front,
/// `seen` how far from the front the portrait shows a height and how many degrees are repeated behind that.
fn solid(
    fit: &Fit,
    (top, bottom): (f32, f32),
    (columns, rows): (usize, usize),
    seen: impl Fn(f32) -> (f32, f32),
    place: impl Fn(f32, f32) -> Vector,
) -> Mesh {
    Mesh::new(columns + 1, rows, true, |column, row| {
        let y = top + (bottom - top) * row as f32 / (rows - 1) as f32;
        let degrees = column as f32 / columns as f32 * 360.0 - 180.0;
        let shown = repeating(degrees, seen(y));
        let colour = place(y, shown.to_radians());
        let here = place(y, degrees.to_radians());
        (here, fit.pixel_of(colour[0], here[1]))
    })
}

/// The angle whose colour an angle takes: its own up to `seen`, and behind that back and forth over the last `repeat`.
fn repeating(degrees: f32, (seen, repeat): (f32, f32)) -> f32 {
    let beyond = degrees.abs() - seen;
    let shown = if beyond <= 0.0 { degrees.abs() } else { seen - to_and_fro(beyond, 0.0, repeat) };
    shown.copysign(degrees)
}

fn ends(outline: &[(f32, f32, f32)]) -> (f32, f32) {
    (outline.first().map_or(0.0, |row| row.0), outline.last().map_or(1.0, |row| row.0))
}

#[cfg(test)]
mod tests {
    use super::super::super::assets::Portrait;
    use super::*;

    #[test]
    fn the_nose_is_the_foremost_part_and_the_eyes_lie_behind_its_root() {
        let mesh = face(Fit::of(Portrait::EileenCollins));
        let front = mesh.vertices.iter().max_by(|a, b| a.position[2].total_cmp(&b.position[2])).unwrap().position;
        assert!(
            front[0].abs() < 3.0 && (34.0..44.0).contains(&front[1]) && (105.0..115.0).contains(&front[2]),
            "{front:?}"
        );
        let depth_at = |x: f32, y: f32| {
            let distance = |p: Vector| (p[0] - x).hypot(p[1] - y);
            let ahead = mesh.vertices.iter().filter(|v| v.position[2] > 0.0);
            ahead.min_by(|a, b| distance(a.position).total_cmp(&distance(b.position))).unwrap().position[2]
        };
        let (root, corner) = (depth_at(0.0, -2.0), depth_at(44.0, 0.0));
        assert!(root - corner > 12.0 && root - corner < 30.0, "{root} {corner}");
    }
}
