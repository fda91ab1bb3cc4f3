//! `inspect aamva`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use super::{Assets, Common, InputFault, run};
use crate::document::aamva::{AamvaDocument, Elements, MAX_PAYLOAD_BYTES, checks, parse};
use crate::document::{CheckResult, DocumentKind, Fields, Sex};
use crate::privacy::{Personal, PersonalDate};
use crate::tools::exit::{CommandError, Exit};

/// Parses AAMVA payloads (`-` reads standard input).
///
/// # Errors
/// [`CommandError`] when the output is closed.
pub fn aamva(files: &[PathBuf], common: &Common, _assets: &Assets) -> Result<Exit, CommandError> {
    let today = jiff::Zoned::now().date();
    run(
        files,
        common,
        |file| Label { file: file.display().to_string() },
        |_threads| Ok(()),
        |file| read(file),
        |(), bytes| {
            let document = parse(bytes.reveal()).map_err(|error| InputFault(error.to_string()))?;
            Ok(Body::of(&document, today))
        },
    )
}

#[derive(Debug, Serialize)]
struct Label {
    file: String,
}

/// Reads one payload, and not a byte more than a payload can have.
fn read(path: &Path) -> Result<Personal<Vec<u8>>, InputFault> {
    let limit = MAX_PAYLOAD_BYTES + 1;
    let read_from = |source: &mut dyn Read| -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(2 * limit);
        source.take(limit as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let result = if path == Path::new("-") {
        read_from(&mut io::stdin().lock())
    } else {
        File::open(path).and_then(|mut file| read_from(&mut file))
    };
    let bytes = result
        .map(Personal::new)
        .map_err(|error| InputFault(format!("cannot be read: {error}; check the path and its permissions")))?;
    if bytes.reveal().len() == limit {
        return Err(InputFault(format!(
            "is longer than the {MAX_PAYLOAD_BYTES} bytes that are read; give the bytes of one barcode"
        )));
    }
    Ok(bytes)
}

/// What a line holds beside the file.
#[derive(Debug, Serialize)]
struct Body {
    version: Option<u8>,
    iin: Option<String>,
    jurisdiction: Option<&'static str>,
    document_type: Option<&'static str>,
    #[serde(serialize_with = "as_map")]
    elements: Elements,
    parsed: Parsed,
    checks: Vec<CheckLine>,
}

#[derive(Debug, Serialize)]
struct Parsed {
    first_name: Option<String>,
    middle_name: Option<String>,
    last_name: Option<String>,
    suffix: Option<String>,
    date_of_birth: Option<String>,
    expiration_date: Option<String>,
    issue_date: Option<String>,
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

#[derive(Debug, Serialize)]
struct CheckLine {
    name: &'static str,
    result: CheckResult,
    detail: String,
}

impl Body {
    fn of(document: &AamvaDocument, today: jiff::civil::Date) -> Self {
        let checks = checks(document, today).into_iter();
        Self {
            version: document.version,
            iin: document.iin.clone(),
            jurisdiction: document.issuer.and_then(|issuer| issuer.code),
            document_type: document.kind.and_then(document_type),
            elements: document.elements.clone(),
            parsed: Parsed::of(&document.fields),
            checks: checks
                .map(|check| CheckLine {
                    name: check.name,
                    result: check.result,
                    detail: check.detail.reveal().clone(),
                })
                .collect(),
        }
    }
}

impl Parsed {
    fn of(fields: &Fields) -> Self {
        let text = |value: &Option<Personal<String>>| value.as_ref().map(|value| value.reveal().clone());
        let day = |value: &Option<PersonalDate>| value.as_ref().map(|value| value.reveal().to_string());
        Self {
            first_name: text(&fields.first_name),
            middle_name: text(&fields.middle_name),
            last_name: text(&fields.last_name),
            suffix: text(&fields.suffix),
            date_of_birth: day(&fields.date_of_birth),
            expiration_date: day(&fields.expiration_date),
            issue_date: day(&fields.issue_date),
            sex: fields.sex,
            height_cm: fields.height_cm,
            street: text(&fields.street),
            street_2: text(&fields.street_2),
            city: text(&fields.city),
            jurisdiction_code: fields.jurisdiction_code.clone(),
            postal_code: text(&fields.postal_code),
            country: fields.country.clone(),
            id_number: text(&fields.id_number),
        }
    }
}

fn document_type(kind: DocumentKind) -> Option<&'static str> {
    match kind {
        DocumentKind::DrivingLicense => Some("DL"),
        DocumentKind::IdCard => Some("ID"),
        DocumentKind::Passport | DocumentKind::Visa => None,
    }
}

/// The elements as an object, in the payload's order.
fn as_map<S: Serializer>(elements: &Elements, serializer: S) -> Result<S::Ok, S::Error> {
    // An identifier is three ASCII characters; it is copied because the serializer wants keys that outlive the closure.
    serializer.collect_map(elements.iter().map(|(id, value)| (id.as_str().to_owned(), value.reveal())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYLOAD: &[u8] = b"@\n\x1e\rANSI 636000100101DL00310040DLDAQT1\nDBB06061986\nDBCM\nDCSDOE\r";

    #[test]
    fn a_line_has_the_contracts_keys() {
        let body = Body::of(&parse(PAYLOAD).unwrap(), jiff::civil::date(2026, 1, 1));
        let line = serde_json::to_value(&body).unwrap();
        let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(keys(&line), "checks document_type elements iin jurisdiction parsed version");
        assert_eq!(
            keys(&line["parsed"]),
            "city country date_of_birth expiration_date first_name height_cm id_number issue_date jurisdiction_code \
             last_name middle_name postal_code sex street street_2 suffix"
        );
        assert_eq!(keys(&line["checks"][0]), "detail name result");
        assert_eq!((&line["parsed"]["date_of_birth"], &line["parsed"]["sex"]), (&"1986-06-06".into(), &"M".into()));
        assert_eq!((&line["elements"]["DAQ"], &line["parsed"]["city"]), (&"T1".into(), &serde_json::Value::Null));
        assert_eq!((&line["document_type"], &line["jurisdiction"]), (&"DL".into(), &"VA".into()));
    }

    #[test]
    fn an_input_longer_than_a_payload_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("long");
        std::fs::write(&file, vec![b'A'; MAX_PAYLOAD_BYTES + 1]).unwrap();
        assert!(read(&file).unwrap_err().to_string().contains("16384 bytes"));
        std::fs::write(&file, PAYLOAD).unwrap();
        assert_eq!(read(&file).unwrap().reveal(), PAYLOAD);
    }

    #[test]
    fn a_missing_file_is_an_input_fault() {
        assert!(read(Path::new("/nowhere/payload")).unwrap_err().to_string().contains("check the path"));
    }
}
