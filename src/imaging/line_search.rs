//! Straight lines in a small picture, by the Hough transform with the gradients' own directions.
//!
//! Always holds: work is linear in the number of pixels, and no more lines come back than asked for.

use super::geometry::Point;
use super::raster::Gray;

/// Directions that are told apart, in half a turn.
const DIRECTIONS: usize = 180;
/// Directions to either side of its own that an edge votes for.
const SPREAD: usize = 2;

/// A line as the points with `cos x + sin y = distance`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Cosine of the direction of its normal.
    pub cos: f32,
    /// Sine of the direction of its normal.
    pub sin: f32,
    /// Distance from the origin along the normal; may be negative.
    pub distance: f32,
    /// Sum of the strengths of its edges.
    pub votes: f32,
}

impl Line {
    /// Where two lines cross; `None` when they are (nearly) parallel.
    pub fn crossing(self, other: Self) -> Option<Point> {
        let determinant = self.cos * other.sin - self.sin * other.cos;
        (determinant.abs() > 1e-3).then(|| {
            Point::new(
                (self.distance * other.sin - other.distance * self.sin) / determinant,
                (other.distance * self.cos - self.distance * other.cos) / determinant,
            )
        })
    }

    /// Absolute cosine of the angle between two lines.
    pub fn alignment(self, other: Self) -> f32 {
        (self.cos * other.cos + self.sin * other.sin).abs()
    }
}

/// Gradients of a picture: strength and direction of every pixel but the outermost.
pub struct Gradients {
    width: usize,
    height: usize,
    vectors: Vec<(f32, f32)>,
    /// Strength from which a pixel counts as an edge.
    threshold: f32,
}

impl Gradients {
    /// Takes the gradients (Sobel) of a picture.
    pub fn of(picture: &Gray) -> Self {
        let (width, height) = (picture.width(), picture.height());
        let mut vectors = vec![(0.0, 0.0); width * height];
        for y in 1..height.saturating_sub(1) {
            let [a, b, c] = [y - 1, y, y + 1].map(|y| picture.row(y));
            for x in 1..width.saturating_sub(1) {
                let at = |row: &[u8], x: usize| f32::from(row[x]);
                let gx =
                    at(a, x + 1) + 2.0 * at(b, x + 1) + at(c, x + 1) - at(a, x - 1) - 2.0 * at(b, x - 1) - at(c, x - 1);
                let gy = at(c, x - 1) + 2.0 * at(c, x) + at(c, x + 1) - at(a, x - 1) - 2.0 * at(a, x) - at(a, x + 1);
                vectors[y * width + x] = (gx / 4.0, gy / 4.0);
            }
        }
        let mean = vectors.iter().map(|v| v.0.hypot(v.1)).sum::<f32>() / vectors.len().max(1) as f32;
        Self { width, height, vectors, threshold: (2.0 * mean).clamp(6.0, 40.0) }
    }

    /// Whether within a pixel and a half of `at` there is an edge with this normal.
    pub fn edge_at(&self, at: Point, normal: (f32, f32)) -> bool {
        [-1.5_f32, -0.75, 0.0, 0.75, 1.5].iter().any(|&step| {
            let place = Point::new(at.x + normal.0 * step, at.y + normal.1 * step);
            let Some((gx, gy)) = self.vector_at(place) else { return false };
            let strength = gx.hypot(gy);
            strength > self.threshold && (gx * normal.0 + gy * normal.1).abs() > 0.9 * strength
        })
    }

    /// The line through the strongest edges within three pixels of a side, fitted by least squares; `None` when there
    /// are few.
    pub fn fit_side(&self, from: Point, to: Point) -> Option<Line> {
        const PROBES: usize = 64;
        let length = from.distance(to).max(1.0);
        let normal = ((from.y - to.y) / length, (to.x - from.x) / length);
        let strongest = |probe: usize| {
            let at = from.lerp(to, 0.06 + 0.88 * probe as f32 / (PROBES - 1) as f32);
            let places = (-6..=6).map(|step| step as f32 / 2.0).filter_map(|step| {
                let place = Point::new(at.x + normal.0 * step, at.y + normal.1 * step);
                let (gx, gy) = self.vector_at(place)?;
                let along = (gx * normal.0 + gy * normal.1).abs();
                (along > self.threshold && along > 0.9 * gx.hypot(gy)).then_some((along, place))
            });
            places.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, place)| place)
        };
        let points: Vec<Point> = (0..PROBES).filter_map(strongest).collect();
        if points.len() < PROBES / 3 {
            return None;
        }
        let count = points.len() as f32;
        let middle = points.iter().fold(Point::default(), |sum, &p| sum + p) * (1.0 / count);
        let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
        for p in points.iter().map(|&p| p - middle) {
            xx += p.x * p.x;
            yy += p.y * p.y;
            xy += p.x * p.y;
        }
        // The direction of least spread is the normal.
        let (sin, cos) = (0.5 * (2.0 * xy).atan2(xx - yy) + std::f32::consts::FRAC_PI_2).sin_cos();
        Some(Line { cos, sin, distance: middle.x * cos + middle.y * sin, votes: count })
    }

    fn vector_at(&self, at: Point) -> Option<(f32, f32)> {
        let inside = at.x >= 0.0 && at.y >= 0.0 && at.x < self.width as f32 && at.y < self.height as f32;
        inside.then(|| self.vectors[at.y as usize * self.width + at.x as usize])
    }

    /// The lines with the most edges, at most `limit`, strongest first, no two nearly the same.
    pub fn lines(&self, limit: usize) -> Vec<Line> {
        let reach = (self.width as f32).hypot(self.height as f32).ceil() as usize + 1;
        let distances = 2 * reach + 1;
        let table: Vec<(f32, f32)> =
            (0..DIRECTIONS).map(|k| (k as f32 * std::f32::consts::PI / DIRECTIONS as f32).sin_cos()).collect();
        let mut votes = vec![0.0_f32; DIRECTIONS * distances];
        for (index, &(gx, gy)) in self.vectors.iter().enumerate() {
            let strength = gx.hypot(gy);
            if strength <= self.threshold {
                continue;
            }
            let (x, y) = ((index % self.width) as f32 + 0.5, (index / self.width) as f32 + 0.5);
            let turn = (gy.atan2(gx) / std::f32::consts::PI).rem_euclid(1.0);
            let own = (turn * DIRECTIONS as f32).round() as usize;
            for k in own + DIRECTIONS - SPREAD..=own + DIRECTIONS + SPREAD {
                let direction = k % DIRECTIONS;
                let (sin, cos) = table[direction];
                let distance = (x * cos + y * sin).round() + reach as f32;
                votes[direction * distances + distance as usize] += strength.min(60.0);
            }
        }
        strongest(&mut votes, distances, limit)
            .into_iter()
            .map(|(direction, distance, votes)| {
                let (sin, cos) = table[direction];
                Line { cos, sin, distance: distance as f32 - reach as f32, votes }
            })
            .collect()
    }
}

/// Peaks of the votes; each clears its surroundings.
fn strongest(votes: &mut [f32], distances: usize, limit: usize) -> Vec<(usize, usize, f32)> {
    const NEAR_DIRECTIONS: usize = 4;
    const NEAR_DISTANCES: usize = 4;
    let mut peaks = Vec::new();
    for _ in 0..limit {
        let best = votes.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|(index, &value)| (index, value));
        let Some((index, value)) = best.filter(|&(_, value)| value > 0.0) else { break };
        let (direction, distance) = (index / distances, index % distances);
        peaks.push((direction, distance, value));
        for k in direction + DIRECTIONS - NEAR_DIRECTIONS..=direction + DIRECTIONS + NEAR_DIRECTIONS {
            // Past half a turn the same line has the opposite normal.
            let middle = if (DIRECTIONS..2 * DIRECTIONS).contains(&k) { distance } else { distances - 1 - distance };
            let from = middle.saturating_sub(NEAR_DISTANCES);
            let to = (middle + NEAR_DISTANCES + 1).min(distances);
            let row = k % DIRECTIONS * distances;
            votes[row + from..row + to].fill(0.0);
        }
    }
    peaks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edge_of_two_halves_is_the_strongest_line() {
        let picture = Gray::from_fn(120, 80, |x, _| [if x < 50 { 40 } else { 200 }]);
        let best = Gradients::of(&picture).lines(3)[0];
        assert!(best.cos.abs() > 0.999 && (best.distance.abs() - 50.0).abs() <= 1.0, "{best:?}");
    }

    #[test]
    fn a_blank_picture_has_no_lines() {
        assert!(Gradients::of(&Gray::filled(60, 40, [90])).lines(5).is_empty());
        assert!(Gradients::of(&Gray::filled(0, 0, [90])).lines(5).is_empty());
    }
}
