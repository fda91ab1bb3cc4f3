//! Smooth curves through a few measured points.

/// The value at `x` of the monotone cubic through points with growing first coordinate (Fritsch and Carlson 1980); the
/// ends continue level.
pub fn curve(points: &[(f32, f32)], x: f32) -> f32 {
    let Some(k) = points.windows(2).position(|pair| x < pair[1].0) else {
        return points.last().map_or(0.0, |p| p.1);
    };
    let (a, b) = (points[k], points[k + 1]);
    if x <= a.0 {
        return a.1;
    }
    let slope = |k: usize| (points[k + 1].1 - points[k].1) / (points[k + 1].0 - points[k].0);
    let here = slope(k);
    let before = if k > 0 { slope(k - 1) } else { here };
    let after = if k + 2 < points.len() { slope(k + 1) } else { here };
    let (start, end) = (tangent(before, here), tangent(here, after));
    let span = b.0 - a.0;
    let t = (x - a.0) / span;
    let (t2, t3) = (t * t, t * t * t);
    (2.0 * t3 - 3.0 * t2 + 1.0) * a.1
        + (t3 - 2.0 * t2 + t) * span * start
        + (3.0 * t2 - 2.0 * t3) * b.1
        + (t3 - t2) * span * end
}

/// The harmonic mean of two slopes, level where they change sign: never overshoots.
fn tangent(a: f32, b: f32) -> f32 {
    if a * b <= 0.0 { 0.0 } else { 2.0 * a * b / (a + b) }
}

/// A bump of height one and a given width about a centre.
pub fn bump(x: f32, centre: f32, width: f32) -> f32 {
    (-0.5 * ((x - centre) / width).powi(2)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_passes_through_its_points_and_never_overshoots() {
        let points = [(0.0, 1.0), (1.0, 5.0), (2.0, 5.0), (4.0, 0.0)];
        assert!(points.iter().all(|p| (curve(&points, p.0) - p.1).abs() < 1e-5));
        assert!((0..=40).map(|k| curve(&points, k as f32 / 10.0)).all(|v| (0.0..=5.0).contains(&v)));
    }
}
