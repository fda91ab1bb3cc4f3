//! What is left of depth when everything is taken away that a sheet can be bent to.
//!
//! A photo can be bent like a head: about the vertical, to the radius of a skull. Then it has depth, and a homography
//! leaves some of it over. But what a bent sheet adds is the same at every height, and smooth from side to side; a face has
//! a nose. So a low polynomial in the place on the face is fitted to the displacements that the homography left over, and
//! only what it does not explain counts.
//!
//! It is measured on texture alone: the landmark model sees the nose of a bent photo where a nose would be, and gives
//! photo and head the same relief.
//!
//! Always holds: a plane and a sheet bent about the vertical leave nothing over but noise. Says nothing of a sheet that
//! is pressed or folded into the shape of a face.

use nalgebra::{SMatrix, SVector};
use serde::Serialize;

use crate::imaging::Point;

/// Depth that no bent sheet has: residual in eye distances a degree of turn. 0 is a plane or a cylinder.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct ReliefScore(pub f32);

impl ReliefScore {
    /// Less than this is not clearly a head's. Set on rendered clips of the tuning half (`docs/faces/turns.md`): turns
    /// of heads scored 0.0007 to 0.0013, a photo bent to the radius of a skull 0.0005.
    pub const HEAD_AT_LEAST: Self = Self(0.000_58);
}

/// Terms of the polynomial, in places that are about −1…1.
const TERMS: usize = 9;

fn terms(place: Point) -> SVector<f64, TERMS> {
    let (x, y) = (f64::from(place.x), f64::from(place.y));
    SVector::from([1.0, x, y, x * x, x * y, y * y, x * x * x, x * x * y, x * x * x * x])
}

/// Root mean square of what a smooth sheet does not explain of some displacements, in their unit and corrected for the
/// terms that were fitted; `None` with too few of them. Places are in eye distances from the middle of the face.
pub(super) fn relief(displacements: &[(Point, Point)]) -> Option<f32> {
    if displacements.len() < TERMS + 6 {
        return None;
    }
    let mut normal = SMatrix::<f64, TERMS, TERMS>::zeros();
    let mut right = SMatrix::<f64, TERMS, 2>::zeros();
    for (place, moved) in displacements {
        let row = terms(*place);
        normal += row * row.transpose();
        right += row * SMatrix::<f64, 1, 2>::new(f64::from(moved.x), f64::from(moved.y));
    }
    for k in 0..TERMS {
        normal[(k, k)] += 1e-9;
    }
    let fitted = normal.cholesky()?.solve(&right);
    let squares: f64 = displacements
        .iter()
        .map(|(place, moved)| {
            let explained = fitted.transpose() * terms(*place);
            (f64::from(moved.x) - explained[0]).powi(2) + (f64::from(moved.y) - explained[1]).powi(2)
        })
        .sum();
    let root = (squares / (displacements.len() - TERMS) as f64).sqrt() as f32;
    root.is_finite().then_some(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_over(displacement: impl Fn(f32, f32) -> f32) -> f32 {
        let places = (0..100).map(|k| Point::new((k % 10) as f32 * 0.2 - 0.9, (k / 10) as f32 * 0.2 - 0.9));
        let moved: Vec<_> = places.map(|p| (p, Point::new(displacement(p.x, p.y), 0.0))).collect();
        relief(&moved).unwrap()
    }

    #[test]
    fn a_bent_sheet_leaves_nothing_over_and_a_nose_does() {
        // A cylinder of the radius of a head, turned by 30 degrees.
        let sheet = |x: f32, _| (x * 0.9 + 0.52).sin() - x * 0.5;
        assert!(left_over(sheet) < 0.002, "{}", left_over(sheet));
        let nose = |x: f32, y: f32| sheet(x, y) + 0.15 * (-(x / 0.15).powi(2) - (y / 0.4).powi(2)).exp();
        assert!(left_over(nose) > 0.015, "{}", left_over(nose));
    }

    #[test]
    fn a_handful_of_places_says_nothing() {
        assert!(relief(&[(Point::default(), Point::default()); 8]).is_none());
    }
}
