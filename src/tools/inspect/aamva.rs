//! `inspect aamva`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Serialize, Serializer};

use super::lines::{CheckLine, FileLabel, ParsedLine};
use super::{Common, InputFault, run};
use crate::document::DocumentKind;
use crate::document::aamva::{AamvaDocument, Elements, MAX_PAYLOAD_BYTES, PayloadOrigin, checks, parse};
use crate::privacy::Personal;
use crate::tools::exit::{CommandError, Exit};

/// What to parse.
#[derive(Debug, Clone, Args)]
pub struct AamvaArgs {
    /// Files with one payload each; `-` reads standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The payloads are as a symbol held them, byte for byte: what is odd about their form is the maker's, and not a
    /// scanner's.
    #[arg(long)]
    from_symbol: bool,
}

/// Parses AAMVA payloads (`-` reads standard input).
///
/// # Errors
/// [`CommandError`] when the output is closed.
pub fn aamva(args: &AamvaArgs, common: &Common) -> Result<Exit, CommandError> {
    let today = crate::tools::today_utc();
    let origin = if args.from_symbol { PayloadOrigin::Symbol } else { PayloadOrigin::Elsewhere };
    run(
        &args.files,
        common,
        |file| FileLabel::new(file),
        |_threads| Ok(()),
        |file| read(file),
        |(), bytes| {
            let document = parse(bytes.reveal()).map_err(|error| InputFault(error.to_string()))?;
            Ok(Body::of(&document, origin, today))
        },
    )
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
    parsed: ParsedLine,
    checks: Vec<CheckLine>,
}

impl Body {
    fn of(document: &AamvaDocument, origin: PayloadOrigin, today: jiff::civil::Date) -> Self {
        Self {
            version: document.version,
            iin: document.iin.clone(),
            jurisdiction: document.issuer.and_then(|issuer| issuer.code),
            document_type: document.kind.and_then(document_type),
            elements: document.elements.clone(),
            parsed: ParsedLine::from(&document.fields),
            checks: checks(document, origin, today).iter().map(CheckLine::from).collect(),
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
        let body = Body::of(&parse(PAYLOAD).unwrap(), PayloadOrigin::Elsewhere, jiff::civil::date(2026, 1, 1));
        let line = serde_json::to_value(&body).unwrap();
        let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(keys(&line), "checks document_type elements iin jurisdiction parsed version");
        assert_eq!(
            keys(&line["parsed"]),
            "city country date_of_birth expiration_date first_name height_cm id_number issue_date jurisdiction_code \
             last_name middle_name postal_code sex street street_2 suffix"
        );
        assert_eq!(keys(&line["checks"][0]), "detail name result strength");
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
