//! `inspect mrz`.

use std::path::PathBuf;

use serde::Serialize;

use super::lines::{CheckLine, FieldsLine, FileLabel, load_picture};
use super::{Assets, Common, run};
use crate::document::mrz::{MrzDocument, MrzFormat};
use crate::tools::exit::{CommandError, Exit};
use crate::vision::{Runtime, TextReader};

/// All of it is empty when the picture shows no zone.
#[derive(Debug, Default, Serialize)]
struct MrzBody {
    format: Option<MrzFormat>,
    lines: Vec<String>,
    valid: bool,
    fields: FieldsLine,
    checks: Vec<CheckLine>,
}

impl From<&MrzDocument> for MrzBody {
    fn from(document: &MrzDocument) -> Self {
        Self {
            format: Some(document.format),
            lines: document.lines.iter().map(|line| line.reveal().clone()).collect(),
            valid: document.valid,
            fields: FieldsLine::from(&document.fields),
            checks: document.checks.iter().map(CheckLine::from).collect(),
        }
    }
}

/// Reads machine-readable zones out of pictures.
///
/// # Errors
/// [`CommandError`] when it cannot start or a model fails.
pub fn mrz(files: &[PathBuf], common: &Common, assets: &Assets) -> Result<Exit, CommandError> {
    let today = crate::tools::today_utc();
    run(
        files,
        common,
        |file| FileLabel::new(file),
        |threads| TextReader::open(&Runtime::load(&assets.models, &assets.runtime, threads)?),
        |file| load_picture(file),
        |reader, image| {
            Ok(reader.read_mrz(image, today)?.map_or_else(MrzBody::default, |zone| MrzBody::from(&zone.document)))
        },
    )
}
