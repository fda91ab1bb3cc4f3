//! `inspect faces`.

use std::path::PathBuf;

use serde::Serialize;

use super::lines::{FileLabel, load_picture};
use super::{Assets, Common, run};
use crate::imaging::{Point, Rect};
use crate::liveness::{DetectionScore, QualityScore};
use crate::tools::exit::{CommandError, Exit};
use crate::vision::{FaceReader, FaceReading, Runtime, five_points};

#[derive(Debug, Serialize)]
struct Faces {
    faces: Vec<Face>,
}

#[derive(Debug, Serialize)]
struct Face {
    r#box: Rect,
    score: DetectionScore,
    landmarks5: [Point; 5],
    yaw_degrees: f32,
    pitch_degrees: f32,
    roll_degrees: f32,
    quality: QualityScore,
}

/// Finds faces and their pose.
///
/// # Errors
/// [`CommandError`] when it cannot start or a model fails.
pub fn faces(files: &[PathBuf], common: &Common, assets: &Assets) -> Result<Exit, CommandError> {
    run(
        files,
        common,
        |file| FileLabel::new(file),
        |threads| FaceReader::open(&Runtime::load(&assets.models, &assets.runtime, threads)?),
        |file| load_picture(file),
        |reader, picture| Ok(Faces { faces: reader.read(picture)?.iter().map(Face::from).collect() }),
    )
}

impl From<&FaceReading> for Face {
    fn from(reading: &FaceReading) -> Self {
        Self {
            r#box: reading.detection.bounds,
            score: reading.detection.score,
            landmarks5: five_points(&reading.mesh),
            yaw_degrees: reading.pose.yaw_degrees,
            pitch_degrees: reading.pose.pitch_degrees,
            roll_degrees: reading.pose.roll_degrees,
            quality: reading.quality.score(),
        }
    }
}
