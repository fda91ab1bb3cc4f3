//! Pictures of a document to evidence about it.

use jiff::civil::Date;

use super::portrait::read_portrait;
use super::stages::Stages;
use crate::document::aamva::{AamvaDocument, Issuer, PayloadOrigin};
use crate::document::{
    Agreement, Check, CheckResult, DocumentKind, EuropeanLicence, FieldComparison, Fields, RecaptureScores, TextLine,
    ZoneRows, aamva, compare_issuer, cross_reference, may_have_zone, none_contradicts, read_european_licence,
    read_visual_fields, single_payload, zone_beside_barcode,
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
    /// Who has issued it, by a barcode.
    issuer: Option<&'static Issuer>,
    /// Whether the code is so short that the front has to name its issuer.
    is_stripe: bool,
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

    /// Whether another reading of the same part says the same: both state the dates, and no field is stated otherwise. One
    /// that a reading left out because it was in doubt says nothing.
    pub(super) fn says_the_same_as(&self, other: &Self) -> bool {
        let (one, two) = (&self.fields, &other.fields);
        let dates = |fields: &Fields| (fields.date_of_birth.clone(), fields.expiration_date.clone());
        let texts = |fields: &'_ Fields| {
            [&fields.id_number, &fields.last_name, &fields.first_name, &fields.middle_name].map(Option::clone)
        };
        (self.source, self.kind) == (other.source, other.kind)
            && dates(one) == dates(two)
            && texts(one).iter().zip(&texts(two)).all(|(a, b)| none_contradicts(a.as_ref(), b.as_ref()))
            && none_contradicts(one.issuing_state.as_ref(), two.issuing_state.as_ref())
    }

    /// Whether it is the zone of a page, which stands beside the portrait, and not on another side.
    pub(super) fn is_of_page(&self) -> bool {
        matches!(self.kind, Some(DocumentKind::Passport | DocumentKind::Visa))
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
            rows: ZoneRows::default(),
            sure: true,
            issuer: parsed.issuer,
            is_stripe: parsed.format == aamva::Format::MagneticStripe,
        };
        Some((encoded, parsed))
    }

    /// Holds a zone on the same side against the barcode. Its rows are no print, whatever they say.
    pub(super) fn with_zone(mut self, zone: Option<Self>) -> Self {
        self.checks.push(zone_beside_barcode(&self.fields, zone.as_ref().map(|zone| &zone.fields)));
        self.rows = zone.map(|zone| zone.of_another_picture().rows).unwrap_or_default();
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
        comparisons.extend(issuer);
        comparisons
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
    evidence.checks.extend(portrait.as_ref().map(|found| found.portrait.check(1.0)));
    evidence.checks.push(stages.run("recapture", || {
        let check = read_recapture(sides);
        let seen = check.detail.reveal().clone();
        Ok::<_, ModelError>((check, seen))
    })?);
    Ok(DocumentReading { evidence, portrait: portrait.map(|found| found.template) })
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

fn from_zone(zone: FoundZone) -> Encoded {
    let FoundZone { document, rows } = zone;
    let (kind, sure) = (document.kind(), document.valid);
    let rows = ZoneRows { lines: document.lines, outlines: rows };
    let (fields, checks) = (document.fields, document.checks);
    Encoded { source: EncodedSource::Mrz, kind, fields, checks, rows, sure, issuer: None, is_stripe: false }
}

fn from_front(licence: EuropeanLicence) -> Encoded {
    let EuropeanLicence { fields, checks } = licence;
    let kind = Some(DocumentKind::DrivingLicense);
    let rows = ZoneRows::default();
    Encoded { source: EncodedSource::Front, kind, fields, checks, rows, sure: false, issuer: None, is_stripe: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compliance::{AgeTier, PlaceDays};
    use crate::document::ISSUER;
    use crate::document::mrz::MrzDocument;
    use crate::privacy::Personal;
    use crate::run::test_support::runtime;
    use crate::session::{Policy, ReasonCode, document_findings};
    use crate::tools::specimen::document::{PAGE_MM, passport_page};
    use crate::tools::specimen::{PersonName, SpecimenPassport};

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
        let line = |text: &&str| TextLine::level(text, 0.98, Rect::default());
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
            evidence.comparisons.iter().find(|comparison| comparison.field == ISSUER).map(|issuer| issuer.result)
        };
        assert_eq!(issuer("NEW YORK STATE"), Some(Agreement::Differs));
        assert_eq!(issuer("CALIFORNIA"), Some(Agreement::Agrees));
        assert_eq!(issuer("DRIVER LICENSE"), Some(Agreement::NotCompared));
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
        let document = || MrzDocument::parse(&zone, TODAY).unwrap();
        let zone = || Encoded::of_zone(FoundZone { document: document(), rows: Vec::new() });
        let result = |payload: &str| {
            let (encoded, _) = Encoded::of_symbols(&[symbol(payload)], TODAY).unwrap();
            let encoded = encoded.with_zone(zone());
            assert_eq!(encoded.rows.lines.len(), 3);
            encoded.checks.last().map(|check| (check.name, check.result)).unwrap()
        };
        let own = payload("E1234567", "ERIKSSON").replace("03141985", "08121974").replace("03142029", "04152012");
        assert_eq!(result(&own), ("zone_beside_barcode", CheckResult::Pass));
        assert_eq!(result(&own.replace("08121974", "08121964")), ("zone_beside_barcode", CheckResult::Fail));
        assert_eq!(result(&own.replace("ERIKSSON", "SPECIMEN")), ("zone_beside_barcode", CheckResult::Fail));
    }

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
