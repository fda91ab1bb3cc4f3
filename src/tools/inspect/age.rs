//! `inspect age`.

use std::path::PathBuf;

use serde::Serialize;

use super::lines::{FileLabel, load_picture};
use super::{Assets, Common, MeasureError, run};
use crate::imaging::Rgb;
use crate::liveness::{EstimatedAge, QualityFault, QualityGate};
use crate::tools::exit::{CommandError, Exit};
use crate::vision::{AgeEstimator, FaceReader, ModelError, Runtime, Threads};

#[derive(Debug, Serialize)]
struct Age {
    faces: usize,
    /// Of the largest face; none without one, or where the model gives no age.
    estimated_years: Option<f32>,
    /// What would keep the picture from counting in a session.
    quality_fault: Option<QualityFault>,
}

/// What one thread needs.
struct Worker {
    reader: FaceReader,
    estimator: AgeEstimator,
}

/// Estimates the age of the largest face of each picture. A session takes the median of several frames instead, and tells
/// nobody.
///
/// # Errors
/// [`CommandError`] when the optional model is not installed, it cannot start or a model fails.
pub fn age(files: &[PathBuf], common: &Common, assets: &Assets) -> Result<Exit, CommandError> {
    run(
        files,
        common,
        |file| FileLabel::new(file),
        |threads| Worker::open(assets, threads),
        |file| load_picture(file),
        Worker::estimate,
    )
}

impl Worker {
    fn open(assets: &Assets, threads: Threads) -> Result<Self, ModelError> {
        let runtime = Runtime::load(&assets.models, &assets.runtime, threads)?;
        Ok(Self { reader: FaceReader::open(&runtime)?, estimator: AgeEstimator::open(&runtime)? })
    }

    fn estimate(&mut self, picture: &Rgb) -> Result<Age, MeasureError> {
        let readings = self.reader.read(picture)?;
        let estimate = match readings.first() {
            Some(reading) => self.estimator.estimate(picture, &reading.mesh)?,
            None => None,
        };
        Ok(Age {
            faces: readings.len(),
            estimated_years: estimate.as_ref().map(EstimatedAge::reveal),
            quality_fault: readings.first().and_then(|reading| reading.quality.fault(&QualityGate::PROBE)),
        })
    }
}
