//! Faces in a picture: `MediaPipe` BlazeFace, back-camera model at 256 pixels.
//!
//! Always holds: boxes and key points are in pixels of the picture that was given, whatever its size and shape; a face
//! is reported once. Does not say whose face it is, nor whether it is a face of flesh.

use super::face_model::{FaceModel, Scaling, sigmoid};
use super::runtime::{Digest, ModelError, Runtime};
use crate::imaging::{Letterbox, Point, Rect, Rgb, letterbox};
use crate::liveness::{DetectedFace, DetectionScore};

/// Side of the model's input in pixels.
const SIDE: usize = 256;
/// 16×16 cells with two anchors each and 8×8 cells with six (BlazeFace model card; `SsdAnchorsCalculator`).
const ANCHORS: usize = 16 * 16 * 2 + 8 * 8 * 6;
/// Box centre, box size and six key points.
const REGRESSORS: usize = 16;
/// Least score of a face, as the model card sets it.
const LEAST_SCORE: f32 = 0.5;
/// Boxes that overlap more than this are the same face.
const SAME_FACE_IOU: f32 = 0.3;

/// Finds faces. One input at a time; every thread opens its own.
pub struct FaceDetector {
    model: FaceModel,
    anchors: Vec<Point>,
}

/// How much of the model's input the picture takes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Zoom {
    /// All of it.
    Full,
    /// The middle half: a face that fills the picture becomes one that the model knows.
    Out,
}

impl FaceDetector {
    /// Opens the model `face_detection`.
    ///
    /// # Errors
    /// Any [`ModelError`].
    pub fn open(runtime: &Runtime) -> Result<Self, ModelError> {
        let scaling = Scaling { mean: [127.5; 3], deviation: 127.5 };
        Ok(Self { model: FaceModel::open(runtime, "face_detection", scaling)?, anchors: anchors() })
    }

    /// SHA-256 of the model file.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        self.model.digest()
    }

    /// All faces, largest first. A picture in which none is found is looked at once more from further away.
    ///
    /// # Errors
    /// [`ModelError`] when the model fails; a picture without faces gives an empty list.
    pub fn detect(&mut self, picture: &Rgb) -> Result<Vec<DetectedFace>, ModelError> {
        let found = self.detect_at(picture, Zoom::Full)?;
        if found.is_empty() { self.detect_close_up(picture) } else { Ok(found) }
    }

    /// Looks only for faces that fill the picture or reach beyond it.
    ///
    /// # Errors
    /// [`ModelError`] when the model fails.
    pub fn detect_close_up(&mut self, picture: &Rgb) -> Result<Vec<DetectedFace>, ModelError> {
        self.detect_at(picture, Zoom::Out)
    }

    fn detect_at(&mut self, picture: &Rgb, zoom: Zoom) -> Result<Vec<DetectedFace>, ModelError> {
        if picture.data().is_empty() {
            return Ok(Vec::new());
        }
        let (input, fit) = fit_input(picture, zoom);
        let [regressors, scores] = self.model.run(&input, [ANCHORS * REGRESSORS, ANCHORS])?;
        let candidates = scores.iter().zip(regressors.chunks_exact(REGRESSORS)).zip(&self.anchors);
        let candidates = candidates.filter_map(|((&raw, values), &anchor)| decode(sigmoid(raw), values, anchor));
        let mut faces = merge(candidates.collect());
        for face in &mut faces {
            to_picture(face, fit);
        }
        faces.sort_by(|a, b| b.bounds.area().total_cmp(&a.bounds.area()));
        Ok(faces)
    }
}

fn anchors() -> Vec<Point> {
    let mut anchors = Vec::with_capacity(ANCHORS);
    for (cells, per_cell) in [(16, 2), (8, 6)] {
        let step = SIDE as f32 / cells as f32;
        for cell in 0..cells * cells {
            let centre = Point::new(((cell % cells) as f32 + 0.5) * step, ((cell / cells) as f32 + 0.5) * step);
            anchors.extend(std::iter::repeat_n(centre, per_cell));
        }
    }
    anchors
}

fn fit_input(picture: &Rgb, zoom: Zoom) -> (Rgb, Letterbox) {
    match zoom {
        Zoom::Full => letterbox(picture, SIDE, SIDE, [0; 3]),
        Zoom::Out => {
            let (small, inner) = letterbox(picture, SIDE / 2, SIDE / 2, [0; 3]);
            // An odd remainder would shift the picture by half a pixel; there is none between 128 and 256.
            let (input, outer) = centre_in(&small);
            (input, Letterbox { scale: inner.scale, offset: inner.offset + outer })
        }
    }
}

fn centre_in(small: &Rgb) -> (Rgb, Point) {
    let (left, top) = ((SIDE - small.width()) / 2, (SIDE - small.height()) / 2);
    let mut input = Rgb::filled(SIDE, SIDE, [0; 3]);
    for y in 0..small.height() {
        let start = ((top + y) * SIDE + left) * 3;
        input.data_mut()[start..start + small.width() * 3].copy_from_slice(small.row(y));
    }
    (input, Point::new(left as f32, top as f32))
}

/// One anchor's numbers as a face in pixels of the model's input; `None` below the least score.
fn decode(score: f32, values: &[f32], anchor: Point) -> Option<DetectedFace> {
    if score < LEAST_SCORE || !values.iter().all(|v| v.is_finite()) {
        return None;
    }
    let point = |k: usize| Point::new(values[k] + anchor.x, values[k + 1] + anchor.y);
    let (centre, width, height) = (point(0), values[2].max(0.0), values[3].max(0.0));
    let bounds = Rect::new(centre.x - width / 2.0, centre.y - height / 2.0, width, height);
    Some(DetectedFace { bounds, score: DetectionScore(score), keypoints: std::array::from_fn(|k| point(4 + 2 * k)) })
}

/// Weighted non-maximum suppression: overlapping candidates become one face, the mean of all by their scores, with the
/// best score (BlazeFace, section 3.3).
fn merge(mut candidates: Vec<DetectedFace>) -> Vec<DetectedFace> {
    candidates.sort_by(|a, b| b.score.0.total_cmp(&a.score.0));
    let mut faces = Vec::new();
    while let Some(best) = candidates.first().cloned() {
        let (same, rest): (Vec<_>, Vec<_>) =
            candidates.into_iter().partition(|face| face.bounds.iou(best.bounds) > SAME_FACE_IOU);
        // A box without area overlaps nothing, not even itself; it is no face.
        if same.is_empty() {
            candidates = rest.into_iter().skip(1).collect();
            continue;
        }
        faces.push(weighted_mean(&same, best.score));
        candidates = rest;
    }
    faces
}

fn weighted_mean(faces: &[DetectedFace], score: DetectionScore) -> DetectedFace {
    let total: f32 = faces.iter().map(|face| face.score.0).sum();
    let mean =
        |value: &dyn Fn(&DetectedFace) -> f32| faces.iter().map(|face| value(face) * face.score.0).sum::<f32>() / total;
    let bounds = Rect::new(
        mean(&|face| face.bounds.x),
        mean(&|face| face.bounds.y),
        mean(&|face| face.bounds.width),
        mean(&|face| face.bounds.height),
    );
    let keypoint = |k: usize| Point::new(mean(&|face| face.keypoints[k].x), mean(&|face| face.keypoints[k].y));
    DetectedFace { bounds, score, keypoints: std::array::from_fn(keypoint) }
}

fn to_picture(face: &mut DetectedFace, fit: Letterbox) {
    let corner = fit.to_original(Point::new(face.bounds.x, face.bounds.y));
    face.bounds = Rect::new(corner.x, corner.y, face.bounds.width / fit.scale, face.bounds.height / fit.scale);
    face.keypoints = face.keypoints.map(|p| fit.to_original(p));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(x: f32, score: f32) -> DetectedFace {
        DetectedFace {
            bounds: Rect::new(x, 0.0, 100.0, 100.0),
            score: DetectionScore(score),
            keypoints: [Point::default(); 6],
        }
    }

    #[test]
    fn there_is_one_anchor_a_score() {
        assert_eq!(anchors().len(), ANCHORS);
        assert_eq!(anchors()[0], Point::new(8.0, 8.0));
        assert_eq!(anchors()[ANCHORS - 1], Point::new(240.0, 240.0));
    }

    #[test]
    fn overlapping_candidates_become_their_weighted_mean() {
        let merged = merge(vec![face(10.0, 0.6), face(0.0, 0.9), face(500.0, 0.7)]);
        assert_eq!(merged.len(), 2);
        assert!((merged[0].bounds.x - 4.0).abs() < 1e-3);
        assert_eq!(merged[0].score, DetectionScore(0.9));
    }

    #[test]
    fn boxes_without_area_are_no_faces() {
        let mut flat = face(0.0, 0.9);
        flat.bounds.width = 0.0;
        assert_eq!(merge(vec![flat, face(0.0, 0.8)]).len(), 1);
    }
}
