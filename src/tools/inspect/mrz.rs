//! `inspect mrz`.

use std::path::PathBuf;

use jiff::civil::Date;
use serde::Serialize;
use serde_json::json;

use super::{Assets, Common, InputFault, run};
use crate::camera::load_image;
use crate::document::mrz::{MrzDocument, MrzFormat};
use crate::document::{CheckResult, Fields, Sex};
use crate::privacy::{Personal, PersonalDate};
use crate::tools::exit::{CommandError, Exit};
use crate::vision::{Runtime, TextReader};

/// All of it is empty when the picture shows no zone.
#[derive(Debug, Default, Serialize)]
struct MrzBody {
    format: Option<MrzFormat>,
    lines: Vec<String>,
    valid: bool,
    fields: MrzFields,
    checks: Vec<MrzCheck>,
}

#[derive(Debug, Default, Serialize)]
struct MrzFields {
    first_name: Option<String>,
    middle_name: Option<String>,
    last_name: Option<String>,
    date_of_birth: Option<Date>,
    expiration_date: Option<Date>,
    sex: Option<Sex>,
    country: Option<String>,
    id_number: Option<String>,
    nationality: Option<String>,
    issuing_state: Option<String>,
    document_number: Option<String>,
}

#[derive(Debug, Serialize)]
struct MrzCheck {
    name: &'static str,
    result: CheckResult,
    detail: String,
}

fn shown(text: Option<&Personal<String>>) -> Option<String> {
    text.map(|text| text.reveal().clone())
}

impl From<&Fields> for MrzFields {
    fn from(fields: &Fields) -> Self {
        Self {
            first_name: shown(fields.first_name.as_ref()),
            middle_name: shown(fields.middle_name.as_ref()),
            last_name: shown(fields.last_name.as_ref()),
            date_of_birth: fields.date_of_birth.as_ref().map(PersonalDate::reveal),
            expiration_date: fields.expiration_date.as_ref().map(PersonalDate::reveal),
            sex: fields.sex,
            country: fields.country.clone(),
            id_number: shown(fields.id_number.as_ref()),
            nationality: shown(fields.nationality.as_ref()),
            issuing_state: fields.issuing_state.clone(),
            document_number: shown(fields.document_number.as_ref()),
        }
    }
}

impl From<&MrzDocument> for MrzBody {
    fn from(document: &MrzDocument) -> Self {
        let check = |check: &crate::document::Check| MrzCheck {
            name: check.name,
            result: check.result,
            detail: check.detail.reveal().clone(),
        };
        Self {
            format: Some(document.format),
            lines: document.lines.iter().map(|line| line.reveal().clone()).collect(),
            valid: document.valid,
            fields: MrzFields::from(&document.fields),
            checks: document.checks.iter().map(check).collect(),
        }
    }
}

/// Reads machine-readable zones out of pictures.
///
/// # Errors
/// [`CommandError`] when it cannot start or a model fails.
pub fn mrz(files: &[PathBuf], common: &Common, assets: &Assets) -> Result<Exit, CommandError> {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    run(
        files,
        common,
        |file| json!({ "file": file.display().to_string() }),
        |threads| TextReader::open(&Runtime::load(&assets.models, &assets.runtime, threads)?),
        |file| load_image(file).map_err(|error| InputFault(error.to_string())),
        |reader, image| Ok(reader.read_mrz(image, today)?.as_ref().map_or_else(MrzBody::default, MrzBody::from)),
    )
}
