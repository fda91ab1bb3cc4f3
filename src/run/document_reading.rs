//! Pictures of a document to evidence about it.

use jiff::civil::Date;

use super::portrait::read_portrait;
use super::stages::Stages;
use crate::document::aamva::{AamvaDocument, PayloadOrigin};
use crate::document::{
    Agreement, Check, CheckResult, DocumentKind, EuropeanLicence, Fields, RecaptureScores, TextLine, ZoneRows, aamva,
    cross_reference, read_european_licence, read_visual_fields,
};
use crate::imaging::{Provenance, Quad, Rect, Rgb, locate_card, recapture};
use crate::liveness::Template;
use crate::session::{DocumentEvidence, EncodedSource};
use crate::vision::{BarcodeOptions, FaceObserver, Format, FoundZone, ModelError, Symbol, TextReader, read_barcodes};

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

/// The machine-readable part of a document.
#[derive(Debug, Clone)]
pub(super) struct Encoded {
    pub(super) source: EncodedSource,
    kind: Option<DocumentKind>,
    fields: Fields,
    checks: Vec<Check>,
    /// The rows of a machine-readable zone.
    rows: ZoneRows,
    /// Whether nothing in it was read with doubt.
    sure: bool,
}

impl Encoded {
    /// What a zone says, if its check digits are right: wrong ones are a misread far more often than a forgery, and
    /// neither gives anything to rely on. Fields that they do not cover are missing where they were not read with certainty.
    pub(super) fn of_zone(zone: FoundZone) -> Option<Self> {
        zone.document.check_digits_right.then(|| from_zone(zone))
    }

    /// The same, read off another picture than the print.
    #[must_use]
    pub(super) fn of_another_picture(self) -> Self {
        Self { rows: self.rows.of_another_picture(), ..self }
    }

    /// Whether nothing in it was read with doubt: a barcode's error correction vouches for it, a zone's check digits for parts.
    pub(super) fn is_sure(&self) -> bool {
        self.sure
    }

    /// Whether another reading of the same part gave the same fields.
    pub(super) fn says_the_same_as(&self, other: &Self) -> bool {
        (self.source, self.kind, &self.fields) == (other.source, other.kind, &other.fields)
    }

    /// What the barcodes of one side say, if one of them is a licence's or identity card's.
    pub(super) fn of_symbols(symbols: &[Symbol], today: Date) -> Option<(Self, AamvaDocument)> {
        let mut payloads = symbols.iter().filter(|symbol| symbol.format == Format::Pdf417).filter_map(parse);
        let parsed = payloads.next()?;
        let mut checks = aamva::checks(&parsed, PayloadOrigin::Symbol, today);
        checks.push(single_payload(&parsed, payloads));
        let (kind, fields) = (parsed.kind, parsed.fields.clone());
        let rows = ZoneRows::default();
        Some((Self { source: EncodedSource::Barcode, kind, fields, checks, rows, sure: true }, parsed))
    }
}

/// The printed lines of a front: everything but the rows of the machine-readable zone.
pub(super) fn printed_lines(lines: Vec<TextLine>, encoded: Option<&Encoded>) -> Vec<TextLine> {
    let zone = encoded.map(|encoded| encoded.rows.clone()).unwrap_or_default();
    lines.into_iter().filter(|line| zone.admits(line)).collect()
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
    let of_front = encoded.as_ref().is_some_and(|encoded| encoded.source == EncodedSource::Front);
    let comparisons = if of_front {
        // Print compared with itself would always agree.
        Vec::new()
    } else {
        cross_reference(&read_visual_fields(printed, today), &fields)
    };
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
            Some(encoded) => Some(encoded),
            None => match read_zone(text, back, today, stages)? {
                Some(encoded) => Some(encoded.of_another_picture()),
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
        let seen = match zone.as_ref().map(|zone| &zone.document) {
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

fn read_barcode(back: &Rgb, today: Date, stages: &mut Stages<'_>) -> Result<Option<Encoded>, ModelError> {
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
        Ok((Some(encoded), seen))
    })
}

/// Whether all payloads on one side are the same person's: a card has one, or the same one twice.
fn single_payload(first: &AamvaDocument, others: impl Iterator<Item = AamvaDocument>) -> Check {
    let same = |other: &AamvaDocument| {
        other.fields.id_number == first.fields.id_number && other.fields.date_of_birth == first.fields.date_of_birth
    };
    let differing = others.filter(|other| !same(other)).count();
    let result = if differing == 0 { CheckResult::Pass } else { CheckResult::Fail };
    Check::new("single_payload", result, format!("{differing} payloads of somebody else beside the first"))
}

fn parse(symbol: &Symbol) -> Option<AamvaDocument> {
    aamva::parse(symbol.bytes.reveal()).ok()
}

fn from_zone(zone: FoundZone) -> Encoded {
    let FoundZone { document, rows } = zone;
    let (kind, sure) = (Some(document.kind()), document.valid);
    let rows = ZoneRows { lines: document.lines, outlines: rows };
    Encoded { source: EncodedSource::Mrz, kind, fields: document.fields, checks: document.checks, rows, sure }
}

fn from_front(licence: EuropeanLicence) -> Encoded {
    let EuropeanLicence { fields, checks } = licence;
    let kind = Some(DocumentKind::DrivingLicense);
    Encoded { source: EncodedSource::Front, kind, fields, checks, rows: ZoneRows::default(), sure: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::test_support::runtime;
    use crate::tools::specimen::document::{PAGE_MM, passport_page};
    use crate::tools::specimen::{PersonName, SpecimenPassport};

    fn payload(number: &str) -> AamvaDocument {
        let text = format!("@\n\x1e\rANSI 636014100001DL00310000DLDAQ{number}\nDBB03141985\nDBA03142029\nDCSSAMPLE\r");
        aamva::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn two_people_s_payloads_on_one_side_fail_and_the_same_one_twice_does_not() {
        let check = |others: Vec<AamvaDocument>| single_payload(&payload("E1234567"), others.into_iter()).result;
        assert_eq!(check(vec![]), CheckResult::Pass);
        assert_eq!(check(vec![payload("E1234567")]), CheckResult::Pass);
        assert_eq!(check(vec![payload("E7654321")]), CheckResult::Fail);
    }

    const TODAY: Date = jiff::civil::date(2026, 11, 22);

    /// A passport's page in a picture, of which nothing but portrait and zone is left.
    fn page_without_print() -> Rgb {
        let mut page = passport_page(&SpecimenPassport::genuine(PersonName::Collins, TODAY)).unwrap();
        let millimetre = page.width() as f32 / PAGE_MM.0;
        let (left, bottom) = ((42.0 * millimetre) as usize, (62.0 * millimetre) as usize);
        for (x, y) in (left..page.width()).flat_map(|x| (0..bottom).map(move |y| (x, y))) {
            page.set_pixel(x, y, [250; 3]);
        }
        page
    }

    fn agreeing(text: &mut TextReader, page: &Rgb) -> Vec<&'static str> {
        let encoded = Encoded::of_zone(text.read_mrz(page, TODAY).unwrap().unwrap());
        assert!(encoded.is_some(), "the zone is read");
        let printed = printed_lines(text.read(page).unwrap(), encoded.as_ref());
        let evidence = document_evidence(encoded, &printed, true, TODAY);
        evidence.comparisons.iter().filter(|c| c.result == Agreement::Agrees).map(|c| c.field).collect()
    }

    #[test]
    fn a_zone_agrees_neither_with_itself_nor_with_a_copy_of_itself_beside_it() {
        let Some(runtime) = runtime() else { return };
        let mut text = TextReader::open(&runtime).unwrap();
        let mut page = page_without_print();
        assert_eq!(agreeing(&mut text, &page), Vec::<&str>::new());
        let millimetre = page.width() as f32 / PAGE_MM.0;
        let (zone, copy) = ((68.0 * millimetre) as usize, (20.0 * millimetre) as usize);
        let height = page.height() - zone;
        for (x, y) in (0..page.width()).flat_map(|x| (0..height).map(move |y| (x, y))) {
            let pixel = page.pixel(x, zone + y);
            page.set_pixel(x, copy + y, pixel);
        }
        assert_eq!(agreeing(&mut text, &page), Vec::<&str>::new());
        let whole = passport_page(&SpecimenPassport::genuine(PersonName::Collins, TODAY)).unwrap();
        assert!(agreeing(&mut text, &whole).len() >= 4, "print agrees");
    }
}
