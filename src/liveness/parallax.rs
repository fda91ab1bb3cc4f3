//! Does a turning face move like a head or like a picture of one?
//!
//! The rigid landmarks of a frontal frame are mapped onto those of a turned frame by the best homography: what any flat
//! thing does in front of a camera. What is left over is depth. It is divided by the distance of the outer eye corners
//! and by the angle of the turn, so that faces of any size and turns of any width compare.
//!
//! The angle is the larger of two: how far the mesh says that the head turned, and how far a plane would have to turn
//! to look as narrow as the face now does. The mesh imagines a little depth in a photo too, in proportion to the little
//! yaw that it reports for one, so the residual over the *reported* yaw is about the same for heads and photos
//! (medians 0.0029 and 0.0027 at 16 to 20° reported); but a photo that is turned by 40° makes it report about 6°, and
//! the turn shows in the photo's width.
//!
//! One turn is judged by all of its frames at once: what is left over at each landmark is fitted, by least squares over
//! the frames, as a constant times the angle. Depth stays the same from frame to frame and adds up; noise of the landmarks
//! does not. Single landmarks that are far off count for no more than a limit.
//!
//! Always holds: a plane seen from anywhere leaves nothing over; landmarks that are not numbers give no sample. Mouth,
//! jaw and lids are left out, because expression moves them. Says nothing of masks, or of a screen that replays a real
//! turn: both have or show real depth.

use nalgebra::Matrix2;
use serde::Serialize;

use super::face::{MeshFace, Pose};
use crate::imaging::{Affine, Homography, Point};

/// Nose, eye corners, temples, cheekbones and forehead in the `MediaPipe` mesh: bone moves them, expression hardly.
const RIGID: [usize; 78] = [
    168, 6, 197, 195, 5, 4, 1, 45, 275, 44, 274, 220, 440, 48, 278, 115, 344, 131, 360, 198, 420, 51, 281, 3, 248, 122,
    351, 193, 417, // nose
    33, 133, 362, 263, // eye corners
    127, 356, 162, 389, 21, 251, 34, 264, 234, 454, 139, 368, 71, 301, 54, 284, // temples
    116, 345, 117, 346, 118, 347, 123, 352, 50, 280, 111, 340, 143, 372, 35, 265, // cheekbones
    10, 151, 9, 8, 108, 337, 69, 299, 104, 333, 67, 297, 338, // forehead
];
/// Outer eye corners.
const OUTER_EYES: [usize; 2] = [33, 263];
/// A smaller turn divides by this instead: noise over a small angle would look like depth.
const LEAST_ANGLE_DEGREES: f32 = 8.0;

/// Depth that a homography does not explain: residual in eye distances a degree of turn. 0 is a plane.
///
/// Measured frame by frame on 25 photos: rendered as heads and turned until the mesh reports 27° or more, median 0.0030,
/// first centile 0.0022; kept flat and turned by at least 18°, median 0.0006, last centile 0.0016; on a cylinder, 0.0008
/// and 0.0020. The heads are rendered from the mesh's own depth. Four talking heads beyond 12°: 0.0014 to 0.0030. All
/// frames of a turn fitted together, heads that were rendered without the mesh: 0.0020 to 0.0028 (`docs/faces/turns.md`).
/// A photo that is bent as strongly as a skull reaches 0.0024 when it passes for a turn: see [`super::ReliefScore`].
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct ParallaxScore(pub f32);

impl ParallaxScore {
    /// A turned face that scores at least this moved like a head.
    pub const HEAD_AT_LEAST: Self = Self(0.0015);
    /// A turned face that scores at most this moved like a sheet, flat or bent.
    pub const SHEET_AT_MOST: Self = Self(0.0013);
}

/// Most that one landmark of one frame counts for, in eye distances.
const MOST_LEFT_OVER: f32 = 0.2;

/// One turned frame against one frontal frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ParallaxSample {
    /// Change of the reported yaw, in degrees, either side.
    pub yaw_change_degrees: f32,
    /// The turn of a plane that looks as narrow as the face now does, in degrees.
    pub foreshortening_degrees: f32,
    /// Root-mean-square residual of the best homography in eye distances.
    pub residual: f32,
    /// What is left over at each landmark, in eye distances.
    left_over: [Point; RIGID.len()],
}

impl ParallaxSample {
    /// Compares a turned face with a frontal one; `None` when the landmarks do not span a face.
    #[must_use]
    pub fn between(frontal: (&MeshFace, Pose), turned: (&MeshFace, Pose)) -> Option<Self> {
        let pairs = RIGID.map(|k| (frontal.0.landmarks[k].xy(), turned.0.landmarks[k].xy()));
        let [right, left] = OUTER_EYES.map(|k| frontal.0.landmarks[k].xy());
        let (largest, _) = stretches(&Affine::fit(&pairs)?)?;
        // The larger stretch is the change of distance to the camera: turning only ever makes narrower.
        let unit = right.distance(left) * largest;
        let plane = Homography::fit(&pairs)?;
        let left_over = pairs.map(|(from, to)| (to - plane.apply(from)) * (1.0 / unit));
        let squares = left_over.iter().map(|d| d.x * d.x + d.y * d.y).sum::<f32>();
        let sample = Self {
            yaw_change_degrees: (turned.1.yaw_degrees - frontal.1.yaw_degrees).abs(),
            foreshortening_degrees: foreshortening_degrees(&pairs)?,
            residual: (squares / RIGID.len() as f32).sqrt(),
            left_over,
        };
        (sample.residual.is_finite() && sample.angle_degrees().is_finite()).then_some(sample)
    }

    /// How far the face turned, by whichever measure says more.
    #[must_use]
    pub fn angle_degrees(&self) -> f32 {
        self.yaw_change_degrees.max(self.foreshortening_degrees)
    }

    /// Residual a degree.
    #[must_use]
    pub fn score(&self) -> ParallaxScore {
        ParallaxScore(self.residual / self.angle_degrees().max(LEAST_ANGLE_DEGREES))
    }
}

/// All frames of one turn to a side, fitted together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TurnFit {
    sums: [Point; RIGID.len()],
    squares: f32,
    samples: usize,
}

impl Default for TurnFit {
    fn default() -> Self {
        Self { sums: [Point::default(); RIGID.len()], squares: 0.0, samples: 0 }
    }
}

impl TurnFit {
    /// Takes in a frame.
    pub fn add(&mut self, sample: &ParallaxSample) {
        let angle = sample.angle_degrees().max(LEAST_ANGLE_DEGREES);
        for (sum, left_over) in self.sums.iter_mut().zip(&sample.left_over) {
            let length = left_over.x.hypot(left_over.y);
            let share = if length > MOST_LEFT_OVER { MOST_LEFT_OVER / length } else { 1.0 };
            *sum = *sum + *left_over * (angle * share);
        }
        self.squares += angle * angle;
        self.samples += 1;
    }

    /// How many frames there are.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Depth a degree, as far as the frames agree on it; `None` without frames.
    pub fn score(&self) -> Option<ParallaxScore> {
        let depth = self.sums.iter().map(|sum| sum.x * sum.x + sum.y * sum.y).sum::<f32>();
        let score = (depth / RIGID.len() as f32).sqrt() / self.squares;
        (self.samples > 0 && score.is_finite()).then_some(ParallaxScore(score))
    }
}

/// One turned face against several frontal ones: the sample with the median score.
#[must_use]
pub fn median_sample<'a>(
    frontal: impl IntoIterator<Item = (&'a MeshFace, Pose)>,
    turned: (&MeshFace, Pose),
) -> Option<ParallaxSample> {
    let samples = frontal.into_iter().filter_map(|reference| ParallaxSample::between(reference, turned));
    let mut samples: Vec<ParallaxSample> = samples.collect();
    samples.sort_by(|a, b| a.score().0.total_cmp(&b.score().0));
    samples.get(samples.len().saturating_sub(1) / 2).copied()
}

/// Lower median of some scores; `None` without any.
#[must_use]
pub fn median_score(scores: impl IntoIterator<Item = ParallaxScore>) -> Option<ParallaxScore> {
    let mut scores: Vec<f32> = scores.into_iter().map(|score| score.0).collect();
    scores.sort_by(f32::total_cmp);
    scores.get(scores.len().saturating_sub(1) / 2).copied().map(ParallaxScore)
}

/// The largest and smallest stretch of an affine map (its singular values); `None` when it flattens to a line.
fn stretches(map: &Affine) -> Option<(f32, f32)> {
    let values = Matrix2::new(map.x[0], map.x[1], map.y[0], map.y[1]).singular_values();
    let (largest, smallest) = (values.max(), values.min());
    (smallest.is_finite() && largest > 1e-6).then_some((largest, smallest))
}

/// The turn of a plane that looks as narrow as the pairs' second points do, in degrees.
pub(super) fn foreshortening_degrees(pairs: &[(Point, Point)]) -> Option<f32> {
    let (largest, smallest) = stretches(&Affine::fit(pairs)?)?;
    Some((smallest / largest).clamp(0.0, 1.0).acos().to_degrees())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::{Point3, Quad};
    use crate::liveness::test_faces::{head, photographed, turned};
    use proptest::prelude::*;

    fn between(a: &MeshFace, b: &MeshFace) -> ParallaxSample {
        ParallaxSample::between((a, Pose::of(a).unwrap()), (b, Pose::of(b).unwrap())).unwrap()
    }

    #[test]
    fn a_turned_head_leaves_depth_over_and_a_turned_photo_does_not() {
        for yaw in [-40.0, -30.0, 30.0, 40.0] {
            assert!(between(&head(), &turned(&head(), yaw, 0.0)).score() >= ParallaxScore::HEAD_AT_LEAST);
            let photo = between(&head(), &photographed(&head(), yaw, yaw));
            assert!(photo.score() <= ParallaxScore::SHEET_AT_MOST, "{photo:?}");
        }
    }

    #[test]
    fn the_frames_of_a_turn_together_show_the_depth_and_no_noise() {
        let (mut head_fit, mut photo_fit) = (TurnFit::default(), TurnFit::default());
        for k in 0..12usize {
            let yaw = 26.0 + k as f32;
            head_fit.add(&between(&head(), &turned(&head(), yaw, 0.0)));
            let mut photo = photographed(&head(), yaw, yaw);
            for (p, landmark) in photo.landmarks.iter_mut().enumerate() {
                landmark.x += 2.0 * ((p * 31 + k * 17) as f32 * 1.3).sin();
            }
            photo_fit.add(&between(&head(), &photo));
        }
        assert!(head_fit.score().unwrap() >= ParallaxScore::HEAD_AT_LEAST);
        assert!(photo_fit.score().unwrap().0 < 0.5 * ParallaxScore::SHEET_AT_MOST.0, "{:?}", photo_fit.score());
    }

    #[test]
    fn coming_closer_is_no_depth() {
        let mut near = head();
        for p in near.landmarks.iter_mut() {
            *p = Point3 { x: p.x * 1.7, y: p.y * 1.7, z: p.z * 1.7 };
        }
        let sample = between(&head(), &near);
        assert!(sample.residual < 1e-3 && sample.foreshortening_degrees < 3.0);
    }

    proptest! {
        #[test]
        fn a_plane_moved_by_any_homography_leaves_nothing_over(
            jitter in proptest::collection::vec(-60.0f32..60.0, 8),
        ) {
            let base = [(100.0, 100.0), (300.0, 100.0), (300.0, 300.0), (100.0, 300.0)];
            let from = Quad(base.map(|(x, y)| Point::new(x, y)));
            let to = Quad(std::array::from_fn(|k| from.0[k] + Point::new(jitter[2 * k], jitter[2 * k + 1])));
            let plane = Homography::between(from, to).unwrap();
            let mut moved = head();
            for p in moved.landmarks.iter_mut() {
                let q = plane.apply(p.xy());
                *p = Point3 { x: q.x, y: q.y, z: p.z };
            }
            if let Some(sample) = ParallaxSample::between((&head(), Pose::default()), (&moved, Pose::default())) {
                prop_assert!(sample.residual < 2e-3, "{sample:?}");
            }
        }

        #[test]
        fn noise_never_panics(values in proptest::collection::vec(prop_oneof![
            -1e4f32..1e4, Just(f32::NAN), Just(f32::INFINITY), Just(0.0)], 1404)) {
            let mut noise = head();
            for (p, v) in noise.landmarks.iter_mut().zip(values.chunks(3)) {
                *p = Point3 { x: v[0], y: v[1], z: v[2] };
            }
            let pose = Pose::of(&noise).unwrap_or_default();
            let sample = ParallaxSample::between((&head(), Pose::default()), (&noise, pose));
            prop_assert!(sample.is_none_or(|s| s.score().0.is_finite()));
        }
    }
}
