//! Pictures of a document to evidence about it.

use jiff::civil::Date;

use super::portrait::read_portrait;
use super::stages::Stages;
use crate::document::aamva::{AamvaDocument, Issuer, PayloadOrigin};
use crate::document::mrz::MrzDocument;
use crate::document::{
    Agreement, Check, CheckResult, DocumentKind, EuropeanLicence, FieldComparison, Fields, RecaptureScores, TextLine,
    aamva, compare_issuer, cross_reference, may_have_zone, read_european_licence, read_visual_fields, single_payload,
    zone_beside_barcode,
};
use crate::imaging::{Provenance, Quad, Rect, Rgb, locate_card, recapture};
use crate::liveness::Template;
use crate::privacy::Personal;
use crate::session::{DocumentEvidence, EncodedSource};
use crate::vision::{BarcodeOptions, FaceObserver, Format, ModelError, Symbol, TextReader, read_barcodes};

/// The pictures that were taken of a document, and where they came from.
#[derive(Debug, Clone)]
pub struct DocumentPictures {
    /// The pictures.
    pub sides: DocumentSides,
    /// The least trusted source among them.
    pub provenance: Provenance,
}

/// What of a document is in its pictures.
#[derive(Debug, Clone)]
pub enum DocumentSides {
    /// Both sides of a card.
    Card {
        /// The side with the portrait.
        front: Rgb,
        /// The side with the barcode or machine-readable zone.
        back: Rgb,
    },
    /// The front of a card that says everything there.
    Front {
        /// The side with the portrait.
        front: Rgb,
    },
    /// The data page of a passport.
    Passport {
        /// The whole page, with its machine-readable zone.
        page: Rgb,
    },
}

impl DocumentSides {
    /// The picture with the printed fields and the portrait.
    fn front(&self) -> &Rgb {
        match self {
            Self::Card { front, .. } | Self::Front { front } => front,
            Self::Passport { page } => page,
        }
    }
}

/// What was read from a document.
#[derive(Debug)]
pub struct DocumentReading {
    /// For the decision.
    pub evidence: DocumentEvidence,
    /// The portrait, to be compared with a live face.
    pub portrait: Option<Template>,
}

/// Shortest stretch of a zone that no printed field has: numbers have up to 14 characters.
const LEAST_ZONE_STRETCH: usize = 15;
/// Share of such a stretch that has to be the same: four of five.
const ZONE_LIKENESS: (usize, usize) = (4, 5);

/// The machine-readable part of a document.
#[derive(Debug, Clone)]
pub(super) struct Encoded {
    pub(super) source: EncodedSource,
    kind: Option<DocumentKind>,
    fields: Fields,
    checks: Vec<Check>,
    /// The rows of a machine-readable zone.
    rows: Vec<Personal<String>>,
    /// Who has issued it, by a barcode.
    issuer: Option<&'static Issuer>,
    /// Whether the code is so short that the front has to name its issuer.
    is_stripe: bool,
}

impl Encoded {
    /// What a zone says, if its check digits are right: wrong ones are a misread far more often than a forgery, and
    /// neither gives anything to rely on. Fields that they do not cover are missing where they were not read with certainty.
    pub(super) fn of_zone(zone: MrzDocument) -> Option<Self> {
        zone.check_digits_right.then(|| from_zone(zone))
    }

    /// What the barcodes of one side say, if one of them is a licence's or identity card's.
    pub(super) fn of_symbols(symbols: &[Symbol], today: Date) -> Option<(Self, AamvaDocument)> {
        let mut payloads = symbols.iter().filter(|symbol| symbol.format == Format::Pdf417).filter_map(parse);
        let parsed = payloads.next()?;
        let others: Vec<AamvaDocument> = payloads.collect();
        let mut checks = aamva::checks(&parsed, PayloadOrigin::Symbol, today);
        checks.push(single_payload(&parsed.fields, others.iter().map(|other| &other.fields)));
        let encoded = Self {
            source: EncodedSource::Barcode,
            kind: parsed.kind,
            fields: parsed.fields.clone(),
            checks,
            rows: Vec::new(),
            issuer: parsed.issuer,
            is_stripe: parsed.format == aamva::Format::MagneticStripe,
        };
        Some((encoded, parsed))
    }

    /// Holds a zone on the same side against the barcode. Its rows are no print, whatever they say.
    fn with_zone(mut self, zone: Option<Self>) -> Self {
        self.checks.push(zone_beside_barcode(&self.fields, zone.as_ref().map(|zone| &zone.fields)));
        self.rows.extend(zone.map(|zone| zone.rows).unwrap_or_default());
        self
    }

    /// The front against what is encoded.
    fn compared_with(&self, printed: &[TextLine], today: Date) -> Vec<FieldComparison> {
        let mut comparisons = match self.source {
            // Print compared with itself would always agree.
            EncodedSource::Front => Vec::new(),
            EncodedSource::Barcode | EncodedSource::Mrz => {
                cross_reference(&read_visual_fields(printed, today), &self.fields)
            }
        };
        let issuer = self.issuer.map(|issuer| compare_issuer(printed, issuer, &self.fields));
        if self.is_stripe && issuer.as_ref().is_none_or(|issuer| issuer.result != Agreement::Agrees) {
            // Few checks apply to the text of a stripe: print that does not name its issuer is not taken for its front.
            let agreeing = comparisons.iter_mut().filter(|comparison| comparison.result == Agreement::Agrees);
            agreeing.for_each(|comparison| comparison.result = Agreement::NotCompared);
        }
        // That a front names the issuer says nothing about its holder, and is not counted among what agrees.
        comparisons.extend(issuer.filter(|issuer| issuer.result == Agreement::Differs));
        comparisons
    }
}

/// The printed lines of a front: everything but the rows of the machine-readable zone.
pub(super) fn printed_lines(lines: Vec<TextLine>, encoded: Option<&Encoded>) -> Vec<TextLine> {
    let zone = encoded.map(|encoded| encoded.rows.as_slice()).unwrap_or_default();
    lines.into_iter().filter(|line| is_print(line, zone)).collect()
}

/// Puts together what was read of a document.
pub(super) fn document_evidence(
    encoded: Option<Encoded>,
    printed: &[TextLine],
    portrait_found: bool,
    today: Date,
) -> DocumentEvidence {
    // What neither has a code nor is of the model without one was not read.
    let encoded = encoded.or_else(|| read_european_licence(printed, today).map(from_front));
    let fields = encoded.as_ref().map(|encoded| encoded.fields.clone()).unwrap_or_default();
    let comparisons = encoded.as_ref().map(|encoded| encoded.compared_with(printed, today)).unwrap_or_default();
    DocumentEvidence {
        comparisons,
        encoded: encoded.as_ref().map(|encoded| encoded.source),
        kind: encoded.as_ref().and_then(|encoded| encoded.kind),
        fields,
        checks: encoded.map(|encoded| encoded.checks).unwrap_or_default(),
        portrait_found,
    }
}

/// Reads the machine-readable part, the print and the portrait. `today` settles two-digit years.
pub(super) fn read_document(
    text: &mut TextReader,
    faces: &mut FaceObserver,
    sides: &DocumentSides,
    today: Date,
    stages: &mut Stages<'_>,
) -> Result<DocumentReading, ModelError> {
    let encoded = match sides {
        DocumentSides::Card { front, back } => match read_barcode(back, today, stages)? {
            Some((encoded, parsed)) if may_have_zone(&parsed) => {
                Some(encoded.with_zone(read_zone(text, back, today, stages)?))
            }
            Some((encoded, _)) => Some(encoded),
            None => match read_zone(text, back, today, stages)? {
                Some(encoded) => Some(encoded),
                None => read_zone(text, front, today, stages)?,
            },
        },
        DocumentSides::Front { front: page } | DocumentSides::Passport { page } => {
            read_zone(text, page, today, stages)?
        }
    };
    let front = sides.front();
    let lines = stages.run("front_text", || {
        let lines = printed_lines(text.read(front)?, encoded.as_ref());
        let seen = format!("{} lines of print", lines.len());
        Ok::<_, ModelError>((lines, seen))
    })?;
    let mut evidence = stages.run("cross_reference", || {
        let evidence = document_evidence(encoded, &lines, false, today);
        let names = |result| {
            let named = evidence.comparisons.iter().filter(|c| c.result == result).map(|c| c.field);
            named.collect::<Vec<_>>().join(", ")
        };
        let (agree, differ) = (names(Agreement::Agrees), names(Agreement::Differs));
        let differ = if differ.is_empty() { String::new() } else { format!("; DIFFER: {differ}") };
        let seen = format!("agree: {agree}{differ}");
        Ok::<_, ModelError>((evidence, seen))
    })?;
    let portrait = stages.run("portrait", || read_portrait(faces, front))?;
    evidence.portrait_found = portrait.is_some();
    evidence.checks.extend(portrait.as_ref().map(|portrait| portrait.check(1.0)));
    evidence.checks.push(stages.run("recapture", || {
        let check = read_recapture(sides);
        let seen = check.detail.reveal().clone();
        Ok::<_, ModelError>((check, seen))
    })?);
    Ok(DocumentReading { evidence, portrait: portrait.map(|portrait| portrait.template) })
}

fn read_zone(
    text: &mut TextReader,
    picture: &Rgb,
    today: Date,
    stages: &mut Stages<'_>,
) -> Result<Option<Encoded>, ModelError> {
    stages.run("mrz", || {
        let zone = text.read_mrz(picture, today)?;
        let seen = match &zone {
            None => "no machine-readable zone".to_owned(),
            Some(zone) if zone.valid => format!("{} with all check digits right", zone.format),
            Some(zone) if zone.check_digits_right => {
                format!("{} with all check digits right, some letters that none covers uncertain", zone.format)
            }
            Some(zone) => format!("{} with wrong check digits: not read", zone.format),
        };
        Ok((zone.and_then(Encoded::of_zone), seen))
    })
}

/// Signs of a recapture on every side that was pictured: inside the outline of a card, or over the whole picture.
fn read_recapture(sides: &DocumentSides) -> Check {
    let mut scores = RecaptureScores::default();
    let score = |picture: &Rgb| {
        let whole = || Quad::from_rect(Rect::new(0.0, 0.0, picture.width() as f32, picture.height() as f32));
        let outline = locate_card(&picture.to_gray()).map_or_else(whole, |card| card.outline);
        recapture(picture, outline).map(|seen| seen.score)
    };
    match sides {
        DocumentSides::Card { front, back } => {
            scores.note_front(score(front));
            scores.note_back(score(back));
        }
        DocumentSides::Front { front: page } | DocumentSides::Passport { page } => scores.note_front(score(page)),
    }
    scores.check()
}

/// Rows of a machine-readable zone are no print: compared with themselves they would always agree. A row is told by its
/// fillers, or by being a long stretch of the zone that was read, but for a few characters that were read otherwise.
fn is_print(line: &TextLine, zone: &[Personal<String>]) -> bool {
    let text = Personal::new(line.text.reveal().replace(' ', ""));
    let (text, least) = (text.reveal().as_bytes(), LEAST_ZONE_STRETCH);
    let is_like = |stretch: &[u8]| {
        let same = stretch.iter().zip(text).filter(|(a, b)| a == b).count();
        same * ZONE_LIKENESS.1 >= text.len() * ZONE_LIKENESS.0
    };
    let is_stretch = |row: &Personal<String>| row.reveal().as_bytes().windows(text.len().max(1)).any(is_like);
    !text.contains(&b'<') && (text.len() < least || !zone.iter().any(is_stretch))
}

fn read_barcode(
    back: &Rgb,
    today: Date,
    stages: &mut Stages<'_>,
) -> Result<Option<(Encoded, AamvaDocument)>, ModelError> {
    let symbols = stages.run("barcode", || {
        let symbols = read_barcodes(&back.to_gray(), &BarcodeOptions::thorough());
        let seen = match symbols.iter().find(|symbol| symbol.format == Format::Pdf417) {
            Some(symbol) => format!("PDF417, {} bytes", symbol.bytes.reveal().len()),
            None => "no PDF417".to_owned(),
        };
        Ok::<_, ModelError>((symbols, seen))
    })?;
    stages.run("aamva", || {
        let Some((encoded, parsed)) = Encoded::of_symbols(&symbols, today) else {
            return Ok((None, "no licence or identity card".to_owned()));
        };
        let count = |result| encoded.checks.iter().filter(|check| check.result == result).count();
        let (failed, flagged) = (count(CheckResult::Fail), count(CheckResult::Flag));
        let version = parsed.version.map_or("unknown".to_owned(), |version| version.to_string());
        let issuer = parsed.issuer.map_or("unknown issuer", |issuer| issuer.name);
        let total = encoded.checks.len();
        let seen = format!("version {version}, {issuer}, {total} checks: {failed} failed, {flagged} flagged");
        Ok((Some((encoded, parsed)), seen))
    })
}

fn parse(symbol: &Symbol) -> Option<AamvaDocument> {
    aamva::parse(symbol.bytes.reveal()).ok()
}

fn from_zone(zone: MrzDocument) -> Encoded {
    let kind = Some(zone.kind());
    let MrzDocument { fields, checks, lines: rows, .. } = zone;
    Encoded { source: EncodedSource::Mrz, kind, fields, checks, rows, issuer: None, is_stripe: false }
}

fn from_front(licence: EuropeanLicence) -> Encoded {
    let EuropeanLicence { fields, checks } = licence;
    let kind = Some(DocumentKind::DrivingLicense);
    Encoded { source: EncodedSource::Front, kind, fields, checks, rows: Vec::new(), issuer: None, is_stripe: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compliance::{AgeTier, PlaceDays};
    use crate::session::{Policy, ReasonCode, document_findings};

    const TODAY: Date = jiff::civil::date(2026, 11, 22);
    const STRIPE: &str = "%BCVICTORIA^EXEMPLAR,$ADA^18 SPECIMEN WAY$VICTORIA BC  V8V 1V1^?;6360281234567=310619810131=?\
                          _%0AV8V1V1                     F165 62BRNBLU9876543210                E$''C(R2S6L?";

    fn symbol(payload: &str) -> Symbol {
        let quad = Quad::from_rect(Rect::new(0.0, 0.0, 10.0, 10.0));
        let bytes = Personal::new(payload.as_bytes().to_vec());
        Symbol { format: Format::Pdf417, text: payload.into(), bytes, corners: quad }
    }

    fn payload(number: &str, family: &str) -> String {
        let elements = format!("DAQ{number}\nDBB03141985\nDBA03142029\nDCS{family}");
        format!("@\n\x1e\rANSI 636014100001DL00310000DL{elements}\r")
    }

    /// Evidence of a card with this symbol on its back and these lines on its front.
    fn evidence(payload: &str, front: &[&str]) -> DocumentEvidence {
        let line = |text: &&str| {
            let (text, bounds) = ((*text).into(), Rect::default());
            TextLine { text, confidence: 0.98, character_confidences: Vec::new(), bounds }
        };
        let (encoded, _) = Encoded::of_symbols(&[symbol(payload)], TODAY).unwrap();
        document_evidence(Some(encoded), &front.iter().map(line).collect::<Vec<_>>(), true, TODAY)
    }

    fn reasons(evidence: &DocumentEvidence) -> Vec<ReasonCode> {
        let policy = Policy::for_tier(AgeTier::Over16);
        document_findings(evidence, &policy, PlaceDays::single(TODAY)).into_iter().collect()
    }

    /// A front whose print agrees with the stripe in everything that it says of its holder.
    const PRINT: [&str; 5] = ["4d 1234567", "EXEMPLAR", "ADA", "DOB 1981-01-31", "EXP 2031-06-30"];

    #[test]
    fn the_text_of_a_stripe_stands_only_beside_a_front_that_names_british_columbia() {
        let beside = |issuer: &str| reasons(&evidence(STRIPE, &[&[issuer], &PRINT[..]].concat()));
        assert_eq!(beside("BRITISH COLUMBIA"), []);
        assert_eq!(beside("DRIVER LICENCE"), [ReasonCode::DocumentFrontUnreadable]);
        assert!(beside("CALIFORNIA").contains(&ReasonCode::DocumentFieldsDiffer));
        let line = evidence("%BCX^SAMPLE,$EILEEN^?;636028X=299919850314?", &["BRITISH COLUMBIA"]);
        assert!(reasons(&line).contains(&ReasonCode::DocumentCheckFailed));
    }

    #[test]
    fn a_barcode_of_another_state_than_the_front_names_differs() {
        let issuer = |front: &str| {
            let evidence = evidence(&payload("E1234567", "SAMPLE"), &[front, "4d E1234567"]);
            evidence.comparisons.iter().find(|comparison| comparison.field == "issuer").map(|issuer| issuer.result)
        };
        assert_eq!(issuer("NEW YORK STATE"), Some(Agreement::Differs));
        assert_eq!((issuer("CALIFORNIA"), issuer("DRIVER LICENSE")), (None, None));
    }

    #[test]
    fn two_people_s_payloads_on_one_side_fail_and_the_same_one_twice_does_not() {
        let first = payload("E1234567", "SAMPLE");
        let result = |second: &str| {
            let (encoded, _) = Encoded::of_symbols(&[symbol(&first), symbol(second)], TODAY).unwrap();
            encoded.checks.iter().find(|check| check.name == "single_payload").unwrap().result
        };
        assert_eq!(result(&first), CheckResult::Pass);
        assert_eq!(result(&payload("E7654321", "SAMPLE")), CheckResult::Fail);
        assert_eq!(result(&payload("E1234567", "EXEMPLAR")), CheckResult::Fail);
        assert_eq!(result(&first.replace("03142029", "03142033")), CheckResult::Fail);
    }

    #[test]
    fn a_zone_of_somebody_else_beside_a_barcode_fails() {
        // The numbers and names are those of Doc 9303's example of a TD1 card.
        let zone =
            ["I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<"];
        let zone = || Encoded::of_zone(MrzDocument::parse(&zone, TODAY).unwrap());
        let result = |payload: &str| {
            let (encoded, _) = Encoded::of_symbols(&[symbol(payload)], TODAY).unwrap();
            let encoded = encoded.with_zone(zone());
            assert_eq!(encoded.rows.len(), 3);
            encoded.checks.last().map(|check| (check.name, check.result)).unwrap()
        };
        let own = payload("E1234567", "ERIKSSON").replace("03141985", "08121974").replace("03142029", "04152012");
        assert_eq!(result(&own), ("zone_beside_barcode", CheckResult::Pass));
        assert_eq!(result(&own.replace("08121974", "08121964")), ("zone_beside_barcode", CheckResult::Fail));
        assert_eq!(result(&own.replace("ERIKSSON", "SPECIMEN")), ("zone_beside_barcode", CheckResult::Fail));
    }

    #[test]
    fn rows_of_a_zone_are_no_print_and_the_printed_number_is() {
        let zone: [Personal<String>; 2] = [
            "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<".into(),
            "L898902C36UTO7408122F1204159ZE184226B12345610".into(),
        ];
        let print = |text: &str| {
            let (text, bounds) = (text.into(), Rect::default());
            is_print(&TextLine { text, confidence: 0.9, character_confidences: Vec::new(), bounds }, &zone)
        };
        assert!(!print("P<UTOERIKSSON<<ANNA"));
        assert!(!print("L898902C36UTO7408122F12"));
        assert!(!print("L8989O2C36UT07408122F1204159ZE184226B12345610"), "two letters were read otherwise");
        assert!(print("L898902C3") && print("ERIKSSON"));
    }
}
