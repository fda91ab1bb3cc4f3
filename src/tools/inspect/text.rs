//! `inspect text`.

use std::path::PathBuf;

use jiff::civil::Date;
use serde::Serialize;

use super::lines::{FileLabel, load_picture};
use super::{Assets, Common, run};
use crate::document::{TextLine, VisualFields, read_visual_fields};
use crate::imaging::Rect;
use crate::tools::exit::{CommandError, Exit};
use crate::vision::{Runtime, TextReader};

#[derive(Debug, Serialize)]
struct TextBody {
    lines: Vec<Line>,
    fields: Fields,
}

#[derive(Debug, Serialize)]
struct Line {
    text: String,
    confidence: f32,
    #[serde(rename = "box")]
    bounds: Rect,
}

#[derive(Debug, Serialize)]
struct Fields {
    date_of_birth: Option<String>,
    expiration_date: Option<String>,
    id_number: Option<String>,
    names: Option<Vec<String>>,
}

impl TextBody {
    fn new(lines: &[TextLine], today: Date) -> Self {
        let found = read_visual_fields(lines, today);
        let line = |line: &TextLine| Line {
            text: line.text.reveal().clone(),
            confidence: line.confidence,
            bounds: line.bounds,
        };
        Self { lines: lines.iter().map(line).collect(), fields: Fields::new(&found) }
    }
}

impl Fields {
    fn new(found: &VisualFields) -> Self {
        let names: Vec<String> = found.names.iter().map(|name| name.reveal().clone()).collect();
        Self {
            date_of_birth: found.date_of_birth.as_ref().map(|date| date.reveal().to_string()),
            expiration_date: found.expiration_date.as_ref().map(|date| date.reveal().to_string()),
            id_number: found.id_number.as_ref().map(|number| number.reveal().clone()),
            names: (!names.is_empty()).then_some(names),
        }
    }
}

/// Reads printed text and named fields out of pictures.
///
/// # Errors
/// [`CommandError`] when it cannot start or a model fails.
pub fn text(files: &[PathBuf], common: &Common, assets: &Assets) -> Result<Exit, CommandError> {
    let today = crate::tools::today_utc();
    run(
        files,
        common,
        |file| FileLabel::new(file),
        |threads| TextReader::open(&Runtime::load(&assets.models, &assets.runtime, threads)?),
        |file| load_picture(file),
        |reader, image| Ok(TextBody::new(&reader.read(image)?, today)),
    )
}
