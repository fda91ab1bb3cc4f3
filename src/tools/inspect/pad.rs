//! `inspect pad`.

use std::path::PathBuf;

use serde::Serialize;

use super::lines::{FileLabel, load_picture};
use super::{Assets, Common, MeasureError, run};
use crate::imaging::{RecaptureResult, Rgb, locate_card, recapture};
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
    /// The same picture as one of a document.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<RecaptureResult>,
}

/// Scores single pictures for signs of a presentation attack. Without a face, or with too small a one, there is no score
/// and the verdict is undecided. Where the outline of a card is found, `cues.document` has the signs of a recapture of it;
/// the score and the verdict are about the face alone.
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
    let document = locate_card(&picture.to_gray()).and_then(|card| recapture(picture, card.outline));
    Ok(Pad {
        live_score: result.map(|result| result.live_score),
        cues: Cues { faces: readings.len(), passive: result.map(|result| result.cues), document },
        verdict: result.map_or(PassiveVerdict::Undecided, |result| result.verdict),
    })
}
