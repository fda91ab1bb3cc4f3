//! `inspect pad`.

use std::path::PathBuf;

use serde::Serialize;

use super::lines::{FileLabel, load_picture};
use super::{Assets, Common, MeasureError, run};
use crate::imaging::Rgb;
use crate::liveness::{LiveScore, PassiveCues, PassiveVerdict, passive};
use crate::tools::exit::{CommandError, Exit};
use crate::vision::{FaceReader, Runtime};

#[derive(Debug, Serialize)]
struct Pad {
    live_score: Option<LiveScore>,
    cues: Cues,
    verdict: PassiveVerdict,
}

#[derive(Debug, Serialize)]
struct Cues {
    faces: usize,
    #[serde(flatten)]
    passive: Option<PassiveCues>,
}

/// Scores single pictures for signs of a presentation attack. Without a face, or with too small a one, there is no score
/// and the verdict is undecided.
///
/// # Errors
/// [`CommandError`] when it cannot start or a model fails.
pub fn pad(files: &[PathBuf], common: &Common, assets: &Assets) -> Result<Exit, CommandError> {
    run(
        files,
        common,
        |file| FileLabel::new(file),
        |threads| FaceReader::open(&Runtime::load(&assets.models, &assets.runtime, threads)?),
        |file| load_picture(file),
        score,
    )
}

fn score(reader: &mut FaceReader, picture: &Rgb) -> Result<Pad, MeasureError> {
    let readings = reader.read(picture)?;
    let result = readings.first().and_then(|reading| passive(picture, reading.detection.bounds));
    Ok(Pad {
        live_score: result.map(|result| result.live_score),
        cues: Cues { faces: readings.len(), passive: result.map(|result| result.cues) },
        verdict: result.map_or(PassiveVerdict::Undecided, |result| result.verdict),
    })
}
