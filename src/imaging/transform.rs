//! Plane-to-plane maps and how to fit them to points.

use nalgebra::{DMatrix, DVector, Matrix3, SMatrix, SVector, Vector3};

use super::geometry::{Point, Quad};

/// A projective map of the plane: what a camera does to anything flat.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Homography(Matrix3<f64>);

/// A map with rotation, scale, shear and shift: a flat thing far from the camera.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// `[a, b, tx]` of `x' = a x + b y + tx`.
    pub x: [f32; 3],
    /// `[c, d, ty]` of `y' = c x + d y + ty`.
    pub y: [f32; 3],
}

/// Rotation, one scale and a shift.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similarity {
    /// Scale times cosine of the angle.
    pub cos: f32,
    /// Scale times sine of the angle.
    pub sin: f32,
    /// Shift to the right.
    pub tx: f32,
    /// Shift downwards.
    pub ty: f32,
}

impl Homography {
    /// The one map that takes the corners of `from` to the corners of `to`; `None` when three corners lie on a line.
    #[must_use]
    pub fn between(from: Quad, to: Quad) -> Option<Self> {
        let mut system = SMatrix::<f64, 8, 8>::zeros();
        let mut right = SVector::<f64, 8>::zeros();
        for (k, (p, q)) in from.0.iter().zip(to.0).enumerate() {
            let (x, y, u, v) = (f64::from(p.x), f64::from(p.y), f64::from(q.x), f64::from(q.y));
            let rows = [[x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y], [0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y]];
            for (offset, row) in rows.into_iter().enumerate() {
                system.set_row(2 * k + offset, &SVector::<f64, 8>::from(row).transpose());
            }
            right[2 * k] = u;
            right[2 * k + 1] = v;
        }
        let h = system.lu().solve(&right)?;
        h.iter().all(|v| v.is_finite()).then(|| Self(Matrix3::new(h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7], 1.0)))
    }

    /// The map that fits pairs `(from, to)` best in the algebraic sense (normalised direct linear transform, Hartley
    /// 1997); `None` below four pairs or when they do not determine it.
    #[must_use]
    pub fn fit(pairs: &[(Point, Point)]) -> Option<Self> {
        if pairs.len() < 4 {
            return None;
        }
        let from = normalising(pairs.iter().map(|p| p.0))?;
        let to = normalising(pairs.iter().map(|p| p.1))?;
        let mut system = DMatrix::<f64>::zeros(2 * pairs.len(), 8);
        let mut right = DVector::<f64>::zeros(2 * pairs.len());
        for (k, &(p, q)) in pairs.iter().enumerate() {
            let (p, q) = (from.apply_f64(p), to.apply_f64(q));
            let rows = [
                [p.0, p.1, 1.0, 0.0, 0.0, 0.0, -q.0 * p.0, -q.0 * p.1],
                [0.0, 0.0, 0.0, p.0, p.1, 1.0, -q.1 * p.0, -q.1 * p.1],
            ];
            for (offset, row) in rows.into_iter().enumerate() {
                system.set_row(2 * k + offset, &SVector::<f64, 8>::from(row).transpose());
            }
            right[2 * k] = q.0;
            right[2 * k + 1] = q.1;
        }
        let normal = system.transpose() * &system;
        let h = normal.cholesky()?.solve(&(system.transpose() * right));
        let fitted = Matrix3::new(h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7], 1.0);
        let mapped = to.0.try_inverse()? * fitted * from.0;
        mapped.iter().all(|v| v.is_finite()).then_some(Self(mapped))
    }

    /// Where a point goes.
    #[must_use]
    pub fn apply(&self, point: Point) -> Point {
        let (x, y) = self.apply_f64(point);
        Point::new(x as f32, y as f32)
    }

    /// Where the corners of an outline go.
    #[must_use]
    pub fn apply_quad(&self, quad: Quad) -> Quad {
        Quad(quad.0.map(|p| self.apply(p)))
    }

    /// The way back; `None` when the map flattens the plane to a line.
    #[must_use]
    pub fn inverse(&self) -> Option<Self> {
        self.0.try_inverse().map(Self)
    }

    /// The matrix row by row: a point goes to `(m0 x + m1 y + m2, m3 x + m4 y + m5) / (m6 x + m7 y + m8)`.
    #[must_use]
    pub fn coefficients(&self) -> [f64; 9] {
        let m = &self.0;
        [m[(0, 0)], m[(0, 1)], m[(0, 2)], m[(1, 0)], m[(1, 1)], m[(1, 2)], m[(2, 0)], m[(2, 1)], m[(2, 2)]]
    }

    /// First this map, then `next`.
    #[must_use]
    pub fn then(&self, next: &Self) -> Self {
        Self(next.0 * self.0)
    }

    fn apply_f64(&self, point: Point) -> (f64, f64) {
        let v = self.0 * Vector3::new(f64::from(point.x), f64::from(point.y), 1.0);
        (v.x / v.z, v.y / v.z)
    }
}

/// Moves the centroid to the origin and the mean distance from it to √2 (Hartley's conditioning).
fn normalising(points: impl Iterator<Item = Point> + Clone) -> Option<Homography> {
    let count = points.clone().count() as f64;
    let (sx, sy) = points.clone().fold((0.0, 0.0), |(x, y), p| (x + f64::from(p.x), y + f64::from(p.y)));
    let (cx, cy) = (sx / count, sy / count);
    let mean = points.map(|p| (f64::from(p.x) - cx).hypot(f64::from(p.y) - cy)).sum::<f64>() / count;
    let scale = std::f64::consts::SQRT_2 / mean;
    let matrix = Matrix3::new(scale, 0.0, -scale * cx, 0.0, scale, -scale * cy, 0.0, 0.0, 1.0);
    scale.is_finite().then_some(Homography(matrix))
}

impl Affine {
    /// The least-squares fit to pairs `(from, to)`; `None` below three pairs or when they lie on a line.
    #[must_use]
    pub fn fit(pairs: &[(Point, Point)]) -> Option<Self> {
        let mut normal = Matrix3::<f64>::zeros();
        let (mut right_x, mut right_y) = (Vector3::<f64>::zeros(), Vector3::<f64>::zeros());
        for (p, q) in pairs {
            let row = Vector3::new(f64::from(p.x), f64::from(p.y), 1.0);
            normal += row * row.transpose();
            right_x += row * f64::from(q.x);
            right_y += row * f64::from(q.y);
        }
        let inverse = normal.cholesky()?;
        let (x, y) = (inverse.solve(&right_x), inverse.solve(&right_y));
        Some(Self { x: [x.x as f32, x.y as f32, x.z as f32], y: [y.x as f32, y.y as f32, y.z as f32] })
    }

    /// Where a point goes.
    #[must_use]
    pub fn apply(&self, p: Point) -> Point {
        Point::new(self.x[0] * p.x + self.x[1] * p.y + self.x[2], self.y[0] * p.x + self.y[1] * p.y + self.y[2])
    }
}

impl Similarity {
    /// The least-squares fit to pairs `(from, to)` (Umeyama 1991, in the plane); `None` when the sources coincide.
    #[must_use]
    pub fn fit(pairs: &[(Point, Point)]) -> Option<Self> {
        let count = pairs.len() as f32;
        let (from, to) = pairs.iter().fold((Point::default(), Point::default()), |(a, b), (p, q)| (a + *p, b + *q));
        let (from, to) = (from * (1.0 / count), to * (1.0 / count));
        let (mut cos, mut sin, mut norm) = (0.0, 0.0, 0.0);
        for (p, q) in pairs {
            let (p, q) = (*p - from, *q - to);
            cos += p.x * q.x + p.y * q.y;
            sin += p.x * q.y - p.y * q.x;
            norm += p.x * p.x + p.y * p.y;
        }
        let (cos, sin) = (cos / norm, sin / norm);
        let fitted = Self { cos, sin, tx: to.x - cos * from.x + sin * from.y, ty: to.y - sin * from.x - cos * from.y };
        (norm > 0.0 && fitted.tx.is_finite() && fitted.ty.is_finite()).then_some(fitted)
    }

    /// Turns by `degrees` clockwise in the picture and scales by `scale` about `centre`, which then lands on `target`.
    #[must_use]
    pub fn about(centre: Point, degrees: f32, scale: f32, target: Point) -> Self {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let (cos, sin) = (cos * scale, sin * scale);
        Self {
            cos,
            sin,
            tx: target.x - cos * centre.x + sin * centre.y,
            ty: target.y - sin * centre.x - cos * centre.y,
        }
    }

    /// Where a point goes.
    #[must_use]
    pub fn apply(&self, p: Point) -> Point {
        Point::new(self.cos * p.x - self.sin * p.y + self.tx, self.sin * p.x + self.cos * p.y + self.ty)
    }

    /// The way back; `None` at scale zero.
    #[must_use]
    pub fn inverse(&self) -> Option<Self> {
        let norm = self.cos * self.cos + self.sin * self.sin;
        (norm > 0.0).then(|| {
            let (cos, sin) = (self.cos / norm, -self.sin / norm);
            Self { cos, sin, tx: -(cos * self.tx - sin * self.ty), ty: -(sin * self.tx + cos * self.ty) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn near(a: Point, b: Point, tolerance: f32) -> bool {
        a.distance(b) < tolerance
    }

    prop_compose! {
        fn point()(x in -500.0f32..500.0, y in -500.0f32..500.0) -> Point { Point::new(x, y) }
    }

    proptest! {
        #[test]
        fn a_similarity_undone_is_where_it_began(p in point(), c in point(), t in point(), angle in -180.0f32..180.0, scale in 0.2f32..5.0) {
            let there = Similarity::about(c, angle, scale, t);
            prop_assert!(near(there.inverse().unwrap().apply(there.apply(p)), p, 0.1));
        }

        #[test]
        fn a_similarity_is_recovered_from_its_points(c in point(), t in point(), angle in -180.0f32..180.0, scale in 0.2f32..5.0, p in point()) {
            let truth = Similarity::about(c, angle, scale, t);
            let pairs: Vec<_> = [(0.0, 0.0), (90.0, 5.0), (30.0, 80.0)].map(|(x, y)| Point::new(x, y)).iter().map(|&p| (p, truth.apply(p))).collect();
            prop_assert!(near(Similarity::fit(&pairs).unwrap().apply(p), truth.apply(p), 0.5));
        }

        #[test]
        fn a_homography_is_recovered_from_many_points(dx in -20.0f32..20.0, dy in -20.0f32..20.0, p in point()) {
            let from = Quad([Point::new(0.0, 0.0), Point::new(100.0, 0.0), Point::new(100.0, 60.0), Point::new(0.0, 60.0)]);
            let to = Quad([Point::new(dx, 3.0), Point::new(140.0, dy), Point::new(120.0, 90.0), Point::new(-7.0, 80.0 + dy)]);
            let truth = Homography::between(from, to).unwrap();
            let pairs: Vec<_> = (0..20).map(|k| Point::new((k * 37 % 100) as f32, (k * 53 % 60) as f32)).map(|p| (p, truth.apply(p))).collect();
            let fitted = Homography::fit(&pairs).unwrap();
            let inside = Point::new(p.x.rem_euclid(100.0), p.y.rem_euclid(60.0));
            prop_assert!(near(fitted.apply(inside), truth.apply(inside), 0.05));
        }
    }

    #[test]
    fn corners_on_a_line_give_no_homography() {
        let line = Quad([Point::new(0.0, 0.0), Point::new(1.0, 0.0), Point::new(2.0, 0.0), Point::new(3.0, 0.0)]);
        assert!(
            Homography::between(
                line,
                Quad([Point::new(0.0, 0.0), Point::new(1.0, 0.0), Point::new(1.0, 1.0), Point::new(0.0, 1.0)])
            )
            .is_none()
        );
    }
}
