//! `inspect faces`.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Assets, Common, InputFault, run};
use crate::camera::load_image;
use crate::imaging::{Point, Rect, Rgb};
use crate::liveness::{DetectionScore, QualityScore};
use crate::tools::exit::{CommandError, Exit};
use crate::vision::{FaceReader, FaceReading, Runtime, five_points};

/// How a line names its file.
#[derive(Debug, Serialize)]
pub(super) struct FileLabel {
    file: PathBuf,
}

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
        |file| label(file),
        |threads| FaceReader::open(&Runtime::load(&assets.models, &assets.runtime, threads)?),
        |file| load(file),
        |reader, picture| Ok(Faces { faces: reader.read(picture)?.iter().map(Face::from).collect() }),
    )
}

pub(super) fn label(file: &Path) -> FileLabel {
    FileLabel { file: file.to_owned() }
}

pub(super) fn load(file: &Path) -> Result<Rgb, InputFault> {
    load_image(file).map_err(|error| InputFault(error.to_string()))
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
