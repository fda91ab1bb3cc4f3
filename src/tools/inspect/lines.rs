//! What the lines of several verbs have in common. These types exist to print personal data: nothing else may.

use std::path::Path;

use jiff::civil::Date;
use serde::Serialize;

use super::InputFault;
use crate::camera::load_image;
use crate::document::{Agreement, Check, CheckResult, CheckStrength, FieldComparison, Fields, Sex};
use crate::imaging::Rgb;
use crate::privacy::{Personal, PersonalDate};

/// How a line names its file.
#[derive(Debug, Serialize)]
pub(super) struct FileLabel {
    file: String,
}

impl FileLabel {
    pub fn new(file: &Path) -> Self {
        Self { file: file.display().to_string() }
    }
}

/// Reads a picture outside the timing.
pub(super) fn load_picture(file: &Path) -> Result<Rgb, InputFault> {
    load_image(file).map_err(|error| InputFault(error.to_string()))
}

/// The fields that every kind of document may have, under the names of `aamva.parsed`.
#[derive(Debug, Default, Serialize)]
pub(super) struct ParsedLine {
    first_name: Option<String>,
    middle_name: Option<String>,
    last_name: Option<String>,
    suffix: Option<String>,
    date_of_birth: Option<Date>,
    expiration_date: Option<Date>,
    issue_date: Option<Date>,
    sex: Option<Sex>,
    height_cm: Option<u16>,
    street: Option<String>,
    street_2: Option<String>,
    city: Option<String>,
    jurisdiction_code: Option<String>,
    postal_code: Option<String>,
    country: Option<String>,
    id_number: Option<String>,
}

/// The same with what only machine-readable zones have.
#[derive(Debug, Default, Serialize)]
pub(super) struct FieldsLine {
    #[serde(flatten)]
    parsed: ParsedLine,
    nationality: Option<String>,
    issuing_state: Option<String>,
    document_number: Option<String>,
}

/// One check with what it saw.
#[derive(Debug, Serialize)]
pub(super) struct CheckLine {
    name: &'static str,
    result: CheckResult,
    strength: CheckStrength,
    detail: String,
}

/// One field of the front against the machine-readable part.
#[derive(Debug, Serialize)]
pub(super) struct ComparisonLine {
    field: &'static str,
    printed: Option<String>,
    encoded: Option<String>,
    result: Agreement,
}

fn shown(value: Option<&Personal<String>>) -> Option<String> {
    value.map(|value| value.reveal().clone())
}

impl From<&Fields> for ParsedLine {
    fn from(fields: &Fields) -> Self {
        let day = |value: Option<&PersonalDate>| value.map(PersonalDate::reveal);
        Self {
            first_name: shown(fields.first_name.as_ref()),
            middle_name: shown(fields.middle_name.as_ref()),
            last_name: shown(fields.last_name.as_ref()),
            suffix: shown(fields.suffix.as_ref()),
            date_of_birth: day(fields.date_of_birth.as_ref()),
            expiration_date: day(fields.expiration_date.as_ref()),
            issue_date: day(fields.issue_date.as_ref()),
            sex: fields.sex,
            height_cm: fields.height_cm,
            street: shown(fields.street.as_ref()),
            street_2: shown(fields.street_2.as_ref()),
            city: shown(fields.city.as_ref()),
            jurisdiction_code: fields.jurisdiction_code.clone(),
            postal_code: shown(fields.postal_code.as_ref()),
            country: fields.country.clone(),
            id_number: shown(fields.id_number.as_ref()),
        }
    }
}

impl From<&Fields> for FieldsLine {
    fn from(fields: &Fields) -> Self {
        Self {
            parsed: ParsedLine::from(fields),
            nationality: shown(fields.nationality.as_ref()),
            issuing_state: fields.issuing_state.clone(),
            document_number: shown(fields.document_number.as_ref()),
        }
    }
}

impl From<&Check> for CheckLine {
    fn from(check: &Check) -> Self {
        Self { name: check.name, result: check.result, strength: check.strength, detail: check.detail.reveal().clone() }
    }
}

impl From<&FieldComparison> for ComparisonLine {
    fn from(comparison: &FieldComparison) -> Self {
        Self {
            field: comparison.field,
            printed: shown(comparison.printed.as_ref()),
            encoded: shown(comparison.encoded.as_ref()),
            result: comparison.result,
        }
    }
}
