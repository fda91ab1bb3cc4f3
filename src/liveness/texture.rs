//! Depth from the face's own texture, without the landmark model.
//!
//! Small patches of skin, brows and nose are followed from frame to frame while the head turns away from the camera, by
//! matching grey levels alone. A homography maps them from the frontal frame to the turned one if they lie on a plane;
//! what it and a bent sheet (see `relief`) leave over is depth. The landmark model has a notion of what a face looks like and imagines it in a photo too;
//! grey levels have none. The landmarks only say which part of the picture to look at, how far the head turned, and how
//! large the face is.
//!
//! Always holds: patches that are no longer found are dropped, and too few of them give no score. Always wiped with the
//! pictures they are. Says nothing of masks or of a screen that replays a real turn.

use super::face::{MeshFace, Pose};
use super::parallax::foreshortening_degrees;
use super::relief::{ReliefScore, relief};
use crate::imaging::{Gray, Homography, Point};

/// Side of the levelled picture of a face, in pixels.
pub(crate) const SIDE: usize = 112;
/// Height of the face, from forehead to chin, in that picture.
pub(crate) const FACE_HEIGHT: f32 = 84.0;
/// Distance of the outer eye corners in that picture when the face looks ahead, about: the unit of a residual.
const EYES: f32 = 45.0;
/// Half the side of a patch.
const HALF: i32 = 5;
/// How far a patch is searched from where it was, in pixels.
const REACH: i32 = 5;
/// The same up and down: the levelled face hardly moves that way.
const RISE: i32 = 3;
/// Distance of the patches that are tried.
const STEP: usize = 7;
/// Part of the picture that patches are taken from, left, top, right, bottom: brows to the upper lip.
const REGION: [usize; 4] = [24, 22, 89, 78];
/// Least deviation of grey levels that can be followed.
const LEAST_CONTRAST: f32 = 3.0;
/// Least of the smaller eigenvalue of the structure tensor, in grey levels squared.
const LEAST_TEXTURE: f32 = 0.8;
/// Least correlation with the frame before.
const LEAST_CORRELATION: f32 = 0.72;
/// Fewest patches that say anything.
const LEAST_PATCHES: usize = 20;
/// The share of the patches with the largest residuals that is left out: some slid along an edge.
const TRIMMED: f32 = 0.1;
/// A face within this yaw of the frontal one starts afresh, in degrees.
const AHEAD: f32 = 6.0;
/// A smaller turn shows too little depth, in degrees.
const LEAST_ANGLE: f32 = 18.0;

/// The levelled picture of a face; shows nothing of it in logs.
#[derive(Clone)]
pub struct FaceTexture(pub(crate) Gray);

/// Shows nothing of the face.
impl std::fmt::Debug for FaceTexture {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

impl FaceTexture {
    /// The similarity that a levelled picture of `SIDE` pixels is taken by: forehead to chin upright and
    /// `FACE_HEIGHT` high; `None` when the landmarks do not span a face.
    pub(crate) fn frame(mesh: &MeshFace) -> Option<(Point, f32, f32)> {
        let [forehead, chin] = [10, 152].map(|k| mesh.landmarks[k].xy());
        let line = chin - forehead;
        let height = line.x.hypot(line.y);
        let degrees = (-line.x).atan2(line.y).to_degrees();
        (height > 20.0 && height.is_finite()).then(|| (forehead.lerp(chin, 0.5), degrees, FACE_HEIGHT / height))
    }
}

/// One patch: where it was in the frontal frame, and where it is.
#[derive(Debug, Clone, Copy)]
struct Patch {
    from: Point,
    at: Point,
}

/// Patches that are followed since the last frontal frame.
#[derive(Debug, Default)]
pub(super) struct TextureTrack {
    patches: Vec<Patch>,
    last: Option<FaceTexture>,
    yaw: f32,
}

impl TextureTrack {
    /// Follows the patches into the next frame; the depth that they show where the face is turned, and the angle that it
    /// was divided by. The pose is measured from where the person looks ahead.
    pub fn follow(&mut self, texture: Option<&FaceTexture>, pose: Pose) -> Option<ReliefScore> {
        let texture = texture.filter(|texture| texture.0.width() == SIDE && texture.0.height() == SIDE);
        let Some(texture) = texture else {
            *self = Self::default();
            return None;
        };
        if pose.yaw_degrees.abs() <= AHEAD {
            *self = Self { patches: chosen(&texture.0), last: Some(texture.clone()), yaw: pose.yaw_degrees };
            return None;
        }
        let last = self.last.replace(texture.clone())?;
        self.patches.retain_mut(|patch| match found(&last.0, &texture.0, patch.at) {
            Some(at) => {
                patch.at = at;
                true
            }
            None => false,
        });
        self.score((pose.yaw_degrees - self.yaw).abs())
    }

    fn score(&self, yaw_change: f32) -> Option<ReliefScore> {
        if self.patches.len() < LEAST_PATCHES {
            return None;
        }
        let pairs: Vec<(Point, Point)> = self.patches.iter().map(|patch| (patch.from, patch.at)).collect();
        let first = squares(&pairs)?;
        let kept = pairs.len() - (pairs.len() as f32 * TRIMMED) as usize;
        let mut order: Vec<usize> = (0..pairs.len()).collect();
        order.sort_by(|&a, &b| first[a].total_cmp(&first[b]));
        let pairs: Vec<(Point, Point)> = order[..kept].iter().map(|&k| pairs[k]).collect();
        let plane = Homography::fit(&pairs)?;
        let middle = Point::new(SIDE as f32 / 2.0, SIDE as f32 / 2.0);
        let moved: Vec<_> = pairs
            .iter()
            .map(|&(from, to)| ((from - middle) * (1.0 / EYES), (to - plane.apply(from)) * (1.0 / EYES)))
            .collect();
        let residual = relief(&moved)?;
        let angle = yaw_change.max(foreshortening_degrees(&pairs)?);
        (angle >= LEAST_ANGLE && residual.is_finite()).then(|| ReliefScore(residual / angle))
    }
}

fn squares(pairs: &[(Point, Point)]) -> Option<Vec<f32>> {
    let plane = Homography::fit(pairs)?;
    Some(pairs.iter().map(|&(from, to)| plane.apply(from).distance(to).powi(2)).collect())
}

/// Patches with texture in both directions, on a grid.
fn chosen(picture: &Gray) -> Vec<Patch> {
    let [left, top, right, bottom] = REGION;
    let mut patches = Vec::new();
    for y in (top..bottom).step_by(STEP) {
        for x in (left..right).step_by(STEP) {
            let centre = Point::new(x as f32, y as f32);
            if is_textured(picture, x as i32, y as i32) {
                patches.push(Patch { from: centre, at: centre });
            }
        }
    }
    patches
}

fn value(picture: &Gray, x: i32, y: i32) -> f32 {
    let clamp = |v: i32| v.clamp(0, SIDE as i32 - 1) as usize;
    f32::from(picture.data()[clamp(y) * SIDE + clamp(x)])
}

/// Whether neither a flat part nor a plain edge: the smaller eigenvalue of the structure tensor (Shi and Tomasi 1994).
fn is_textured(picture: &Gray, x: i32, y: i32) -> bool {
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for j in y - HALF..=y + HALF {
        for i in x - HALF..=x + HALF {
            let dx = (value(picture, i + 1, j) - value(picture, i - 1, j)) / 2.0;
            let dy = (value(picture, i, j + 1) - value(picture, i, j - 1)) / 2.0;
            (xx, xy, yy) = (xx + dx * dx, xy + dx * dy, yy + dy * dy);
        }
    }
    let count = ((2 * HALF + 1) * (2 * HALF + 1)) as f32;
    let smaller = f32::midpoint(xx, yy) - ((xx - yy) / 2.0).hypot(xy);
    smaller / count > LEAST_TEXTURE
}

/// The patch around a place of one picture in the next one, to a part of a pixel; `None` where it is not found.
fn found(last: &Gray, next: &Gray, at: Point) -> Option<Point> {
    let (left, top) = (at.x.floor(), at.y.floor());
    let (fx, fy) = (at.x - left, at.y - top);
    let (left, top) = (left as i32, top as i32);
    let mut patch = Vec::with_capacity(((2 * HALF + 1) * (2 * HALF + 1)) as usize);
    for j in top - HALF..=top + HALF {
        for i in left - HALF..=left + HALF {
            let row = |j: i32| value(last, i, j) * (1.0 - fx) + value(last, i + 1, j) * fx;
            patch.push(row(j) * (1.0 - fy) + row(j + 1) * fy);
        }
    }
    let deviation = centre_on_mean(&mut patch);
    if deviation < LEAST_CONTRAST {
        return None;
    }
    let (cx, cy) = (at.x.round() as i32, at.y.round() as i32);
    let correlation = |dx: i32, dy: i32| {
        let mut other = Vec::with_capacity(patch.len());
        for j in cy + dy - HALF..=cy + dy + HALF {
            for i in cx + dx - HALF..=cx + dx + HALF {
                other.push(value(next, i, j));
            }
        }
        let spread = centre_on_mean(&mut other);
        let product: f32 = patch.iter().zip(&other).map(|(a, b)| a * b).sum();
        product / (patch.len() as f32 * deviation * spread.max(1.0))
    };
    let mut best = (f32::NEG_INFINITY, 0, 0);
    for dy in -RISE..=RISE {
        for dx in -REACH..=REACH {
            let c = correlation(dx, dy);
            if c > best.0 {
                best = (c, dx, dy);
            }
        }
    }
    let (peak, dx, dy) = best;
    if peak < LEAST_CORRELATION || dx.abs() == REACH || dy.abs() == RISE {
        return None;
    }
    let vertex = |before: f32, after: f32| {
        let bend = before - 2.0 * peak + after;
        if bend < -1e-6 { (0.5 * (before - after) / bend).clamp(-0.5, 0.5) } else { 0.0 }
    };
    let x = vertex(correlation(dx - 1, dy), correlation(dx + 1, dy));
    let y = vertex(correlation(dx, dy - 1), correlation(dx, dy + 1));
    let margin = HALF as f32;
    let place = Point::new((cx + dx) as f32 + x, (cy + dy) as f32 + y);
    let inside = |v: f32| v > margin && v < SIDE as f32 - margin;
    (inside(place.x) && inside(place.y)).then_some(place)
}

/// Takes the mean off and gives the deviation.
fn centre_on_mean(values: &mut [f32]) -> f32 {
    let count = values.len().max(1) as f32;
    let mean = values.iter().sum::<f32>() / count;
    let mut squares = 0.0;
    for value in values.iter_mut() {
        *value -= mean;
        squares += *value * *value;
    }
    (squares / count).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something to follow: waves that never repeat.
    fn skin(x: f32, y: f32) -> f32 {
        let wave = |k: f32| ((x * (k * 2.4).cos() + y * (k * 2.4).sin()) * (0.2 + 0.09 * k) + k * k).sin();
        128.0 + (1..9).map(|k| wave(k as f32) * 14.0).sum::<f32>()
    }

    /// A surface of the given depth, in pixels towards the camera, turned by some degrees.
    fn seen(depth: impl Fn(f32, f32) -> f32, degrees: f32) -> FaceTexture {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let half = SIDE as f32 / 2.0;
        FaceTexture(Gray::from_fn(SIDE, SIDE, |x, y| {
            let (u, v) = (x as f32 - half, y as f32 - half);
            // The place on the surface that is seen here, by a few rounds.
            let mut s = u;
            for _ in 0..30 {
                s += 0.5 * (u - (s * cos + depth(s, v) * sin));
            }
            [skin(s, v).clamp(0.0, 255.0) as u8]
        }))
    }

    fn score(depth: impl Fn(f32, f32) -> f32 + Copy) -> ReliefScore {
        let mut track = TextureTrack::default();
        let mut last = None;
        for k in 0..=10 {
            let yaw = k as f32 * 3.0;
            let pose = Pose { yaw_degrees: yaw, ..Pose::default() };
            last = track.follow(Some(&seen(depth, yaw)), pose).or(last);
        }
        last.unwrap()
    }

    #[test]
    fn a_turned_sheet_leaves_little_over_and_a_turned_relief_much() {
        let sheet = score(|_, _| 0.0);
        let relief = score(|x, y| 16.0 * (-(x / 13.0).powi(2) - (y / 17.0).powi(2)).exp() - 0.006 * x * x);
        assert!(relief.0 > 1.5 * sheet.0, "{sheet:?} {relief:?}");
    }

    #[test]
    fn a_blank_face_or_a_missing_one_gives_no_score() {
        let mut track = TextureTrack::default();
        let blank = FaceTexture(Gray::filled(SIDE, SIDE, [90]));
        for yaw in [0.0, 10.0, 20.0, 30.0] {
            let pose = Pose { yaw_degrees: yaw, ..Pose::default() };
            assert!(track.follow(Some(&blank), pose).is_none());
            assert!(track.follow(None, pose).is_none());
        }
    }
}
