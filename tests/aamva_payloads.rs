//! Payloads of real issuers, read field by field against what is known of them.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::collections::BTreeMap;

use carded::camera::load_image;
use carded::document::aamva::{AamvaDocument, Edition, ElementId, ISSUERS, PayloadOrigin, checks, parse};
use carded::document::{Agreement, Check, Fields, Standing, compare_issuer, points, standing};
use carded::privacy::{Personal, PersonalDate};
use carded::vision::TextReader;
use serde_json::Value;

/// Share of known facts that have to be read right, so that a later change cannot lose what is reached now.
const FLOOR: f64 = 0.985;

/// How many known facts were read right, and which were not.
#[derive(Default)]
struct Tally {
    right: usize,
    wrong: Vec<String>,
    unmapped: BTreeMap<String, usize>,
}

impl Tally {
    fn compare(&mut self, card: &str, fact: &str, expected: Option<&str>, found: Option<&str>) {
        if expected == found {
            self.right += 1;
        } else {
            self.wrong.push(format!("{card} {fact}: expected {expected:?}, found {found:?}"));
        }
    }

    fn finish(&self, name: &str) {
        let all = self.right + self.wrong.len();
        let share = self.right as f64 / all as f64;
        println!("{name}: {} of {all} facts right ({:.2} %)", self.right, 100.0 * share);
        for wrong in &self.wrong {
            println!("  {wrong}");
        }
        for (fact, count) in &self.unmapped {
            println!("  not compared: {fact} ({count})");
        }
        assert!(share >= FLOOR, "{name}: {share} is below {FLOOR}");
    }
}

#[test]
fn payloads_of_issuers_are_read_field_by_field() {
    let Some(cards) = load("idparser_payloads.json") else { return };
    let mut tally = Tally::default();
    for card in cards.as_array().unwrap() {
        let name = card["id"].as_str().unwrap();
        let document = parse(&bytes_of_hex(card["raw_hex"].as_str().unwrap())).unwrap();
        tally.compare(name, "iin", card["iin"].as_str(), document.iin.as_deref());
        tally.compare(name, "kind", card["kind"].as_str(), kind(&document));
        for (fact, value) in card["expected"].as_object().unwrap() {
            match found(&document, fact) {
                Fact::Read(found) => tally.compare(name, fact, expected(fact, value).as_deref(), found.as_deref()),
                Fact::NotCompared => *tally.unmapped.entry(fact.clone()).or_default() += 1,
            }
        }
    }
    tally.finish("issuers' payloads");
}

#[test]
fn odd_layouts_are_read_as_their_authors_assert() {
    let Some(data) = load("pyaamva_payloads.json") else { return };
    let mut tally = Tally::default();
    for card in data["raw"].as_array().unwrap() {
        let name = card["name"].as_str().unwrap();
        let document = parse(card["raw"].as_str().unwrap().as_bytes()).unwrap();
        let test = if name == "indiana" { "test_in".to_owned() } else { format!("test_{name}") };
        for assertion in data["asserts"][&test].as_array().into_iter().flatten() {
            let (fact, value) = assertion_parts(assertion.as_str().unwrap());
            match found_for_assertion(&document, fact) {
                Fact::Read(found) => tally.compare(name, fact, asserted(value).as_deref(), found.as_deref()),
                Fact::NotCompared => *tally.unmapped.entry(fact.to_owned()).or_default() += 1,
            }
        }
    }
    tally.finish("odd layouts");
}

/// Checks of what a card says of its holder, not of its form: whoever published the payloads changed names, births, dates
/// and numbers.
const OF_CONTENT: [&str; 5] = ["date_order", "date_of_birth", "issue_date", "stated_values", "number_holder"];

/// What the judging of many payloads came to.
#[derive(Default)]
struct Judged {
    all: usize,
    flagged: usize,
    refused: Vec<String>,
    refused_for_form: Vec<String>,
}

impl Judged {
    fn add(&mut self, name: &str, bytes: &[u8], origin: PayloadOrigin) {
        let checks = checks(&parse(bytes).unwrap(), origin, jiff::civil::date(2026, 11, 22));
        let counted: Vec<&Check> =
            checks.iter().filter(|check| points(check) > 0 && check.name != "flags_together").collect();
        for check in &counted {
            let (result, strength) = (check.result, check.strength);
            println!("{name} | {} | {result:?} | {strength:?} | {}", check.name, check.detail.reveal());
        }
        let is_refused = standing(counted.iter().copied()) == Standing::Refused;
        let form = counted.iter().copied().filter(|check| !OF_CONTENT.contains(&check.name));
        let is_refused_for_form = standing(form) == Standing::Refused;
        self.all += 1;
        self.flagged += usize::from(!counted.is_empty());
        self.refused.extend(is_refused.then(|| name.to_owned()));
        self.refused_for_form.extend(is_refused_for_form.then(|| name.to_owned()));
    }

    /// Prints the row of `docs/documents/aamva.md`. None may be refused for its form, and for what it says of its holder
    /// those only whose publishers made that impossible.
    fn finish(&self, what: &str, impossible: &[&str]) {
        let (all, flagged, form) = (self.all, self.flagged, self.refused_for_form.len());
        let refused = self.refused.join(", ");
        println!(
            "{what}: {all} payloads, {flagged} with flags that count, {form} refused for their form; refused: {refused}"
        );
        assert_eq!(self.refused_for_form, [""; 0], "{what}");
        assert_eq!(self.refused, impossible, "{what}");
    }
}

/// Every payload of the collections with its name; `None` when they are not on this machine.
fn collections() -> Option<Vec<(String, Vec<u8>)>> {
    let (cards, odd) = (load("idparser_payloads.json")?, load("pyaamva_payloads.json")?);
    let cards = cards.as_array().unwrap().iter();
    let odd = odd["raw"].as_array().unwrap().iter();
    let hex = cards.map(|card| (text(&card["id"]).unwrap(), bytes_of_hex(card["raw_hex"].as_str().unwrap())));
    let raw = odd.map(|card| (text(&card["name"]).unwrap(), card["raw"].as_str().unwrap().into()));
    Some(hex.chain(raw).collect())
}

/// A payload as its symbol has it. Whoever published the collections passed them through editors and typing scanners,
/// which replaced what stands before the file type and the carriage returns that end subfiles: both are put back. Nothing
/// else is. `None` for the tracks of a stripe, which no symbol of these issuers holds; with it, whether anything was done.
fn as_in_its_symbol(bytes: &[u8]) -> Option<(Vec<u8>, bool)> {
    let whole = String::from_utf8(bytes.to_vec()).unwrap();
    let start = ["ANSI ", "AAMVA6"].iter().find_map(|name| whole.find(name))?;
    let (before, body) = whole.split_at(start);
    let prelude = if before.contains('\u{1c}') { "@\n\u{1c}\r" } else { "@\n\u{1e}\r" };
    let header = body.find("DL").or_else(|| body.find("ID")).unwrap();
    // The rows of the table: ten characters each, of which the first two name the subfile.
    let rows = (0..).map(|row| header + 10 * row).take_while(|at| {
        let row = body.get(*at..at + 10).unwrap_or_default();
        row.get(6..).is_some_and(|length| length.len() == 4 && length.bytes().all(|byte| byte.is_ascii_digit()))
    });
    let names: Vec<&str> = rows.map(|at| &body[at..at + 2]).collect();
    let mut restored = body.strip_suffix("\r\n").unwrap_or(body).to_owned();
    // Some decoders write the symbol's own control codewords behind the payload.
    restored.truncate(restored.find("\r\\").map_or(restored.len(), |at| at + 1));
    for name in names.iter().skip(1) {
        let own = |last: &str| format!("{last}{name}{name}");
        // A typing scanner gives the letter of the key for a control character: M for a carriage return.
        for last in ["\n", "M"] {
            restored = restored.replace(&own(last), &own("\r"));
        }
    }
    if !restored.ends_with('\r') {
        restored.truncate(restored.trim_end_matches(['\n', 'M']).len());
        restored.push('\r');
    }
    let restored = format!("{prelude}{restored}");
    let published = whole.trim_start().strip_suffix("\r\n").unwrap_or(whole.trim_start());
    let is_whole = restored == published;
    Some((restored.into_bytes(), is_whole))
}

/// The payloads are specimens and cards that were altered before they were published: their dates may be impossible, and
/// their numbers may not fit their names, but their form is genuine.
#[test]
fn no_genuine_layout_is_refused_for_its_form() {
    let Some(payloads) = collections() else { return };
    let mut judged = Judged::default();
    for (name, bytes) in payloads {
        judged.add(&name, &bytes, PayloadOrigin::Elsewhere);
    }
    // New York's specimen is born, issued and expired on one day and has no number; Missouri's is issued before birth.
    judged.finish("from elsewhere, as published", &["TestNYLicense", "TestMOLicense", "ny"]);
}

/// The same with the origin that the appliance states, for which everything odd about the form is the maker's.
#[test]
fn no_genuine_layout_is_refused_when_it_is_read_out_of_its_symbol() {
    let Some(payloads) = collections() else { return };
    let (mut whole, mut restored, mut stripes) = (Judged::default(), Judged::default(), 0);
    for (name, bytes) in payloads {
        match as_in_its_symbol(&bytes) {
            Some((bytes, true)) => whole.add(&name, &bytes, PayloadOrigin::Symbol),
            Some((bytes, false)) => restored.add(&name, &bytes, PayloadOrigin::Symbol),
            None => {
                let checks = checks(&parse(&bytes).unwrap(), PayloadOrigin::Symbol, jiff::civil::date(2026, 11, 22));
                assert_eq!(standing(&checks), Standing::Refused, "{name}");
                stripes += 1;
            }
        }
    }
    whole.finish("out of the symbol, whole as published", &["TestNYLicense", "ny"]);
    // New Jersey's number is that of another birth, and the length of its elements that of another name.
    let impossible = ["TestMOLicense", "TestNJLicense"];
    restored.finish("out of the symbol, prelude and line ends put back", &impossible);
    println!("{stripes} texts of stripes of other issuers than British Columbia: refused in a symbol");
}

/// Specimen fronts of 27 states, read with the shipped models, against every issuer that a barcode may state. Nothing is said
/// of the holder, so that a name or town that is called as a state is would contradict as well.
#[test]
fn no_specimen_fronts_contradict_their_own_issuers() {
    let Some(folder) = support::shared_data("id-fronts/us") else { return };
    let mut reader = TextReader::open(&support::runtime()).unwrap();
    let nobody = Fields::default();
    let (mut fronts, mut named, mut contradicted, mut pairs) = (0, 0, 0, 0);
    for own in ISSUERS {
        let picture = folder.join(format!("{}.jpg", own.name.replace(' ', "_")));
        if !picture.exists() {
            continue;
        }
        let lines = reader.read(&load_image(&picture).unwrap()).unwrap();
        let result = compare_issuer(&lines, own, &nobody).result;
        assert_ne!(result, Agreement::Differs, "{}", own.name);
        let others = ISSUERS.iter().filter(|other| other.iin != own.iin);
        let differing =
            others.filter(|other| compare_issuer(&lines, other, &nobody).result == Agreement::Differs).count();
        println!("{}: {result:?}, contradicts {differing} of {} others", own.name, ISSUERS.len() - 1);
        (fronts, pairs) = (fronts + 1, pairs + ISSUERS.len() - 1);
        named += usize::from(result == Agreement::Agrees);
        contradicted += differing;
    }
    println!(
        "{fronts} fronts: {named} name their issuer, none another; {contradicted} of {pairs} other issuers contradicted"
    );
    assert_eq!(fronts, 27);
}

/// The share of the search for panics that every run of the tests has; `make fuzz` goes on from the same seeds.
#[test]
fn the_seeds_of_the_search_are_read_without_a_panic_and_so_is_every_beginning_of_them() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let seeds = |target: &str| {
        let files = std::fs::read_dir(folder.join(target)).unwrap();
        files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect::<Vec<_>>()
    };
    let today = jiff::civil::date(2026, 11, 22);
    let (payloads, zones) = (seeds("aamva"), seeds("mrz"));
    assert!(payloads.len() >= 10 && zones.len() >= 10);
    for seed in payloads {
        assert!(parse(&seed).is_ok());
        for end in 0..seed.len() {
            let _ = parse(&seed[..end]).map(|document| checks(&document, PayloadOrigin::Symbol, today));
        }
    }
    for seed in zones {
        let text = String::from_utf8(seed).unwrap();
        for end in 0..text.len() {
            let lines: Vec<&str> = text[..end].lines().collect();
            let _ = carded::document::mrz::MrzDocument::parse(&lines, today);
        }
    }
}

fn load(file: &str) -> Option<Value> {
    let folder = support::shared_data("aamva")?;
    Some(serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap())
}

fn bytes_of_hex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn shown(value: Option<&Personal<String>>) -> Option<String> {
    value.map(|value| value.reveal().clone())
}

fn day(value: Option<&PersonalDate>) -> Option<String> {
    value.map(|value| value.reveal().to_string())
}

fn kind(document: &AamvaDocument) -> Option<&'static str> {
    use carded::document::DocumentKind::{DrivingLicense, IdCard};
    match document.kind {
        Some(DrivingLicense) => Some("DL"),
        Some(IdCard) => Some("ID"),
        _ => None,
    }
}

fn element(document: &AamvaDocument, id: &'static str) -> Option<String> {
    shown(document.elements.get(ElementId::known(id))).filter(|value| !value.is_empty())
}

/// What was read for a fact.
enum Fact {
    Read(Option<String>),
    /// Nothing of ours corresponds.
    NotCompared,
}

/// The first element of several that an edition may have for the same thing.
fn either(document: &AamvaDocument, ids: [&'static str; 2]) -> Option<String> {
    ids.into_iter().find_map(|id| element(document, id))
}

fn iso(document: &AamvaDocument, id: &'static str) -> Option<String> {
    let value = element(document, id)?;
    let (month, day, year) = (value.get(0..2)?, value.get(2..4)?, value.get(4..8)?);
    Some(format!("{year}-{month}-{day}"))
}

/// What was read for a fact of the first collection.
fn found(document: &AamvaDocument, fact: &str) -> Fact {
    let fields = &document.fields;
    Fact::Read(match fact {
        "FirstName" => shown(fields.first_name.as_ref()),
        "MiddleName" => shown(fields.middle_name.as_ref()),
        "LastName" => shown(fields.last_name.as_ref()),
        "Suffix" => shown(fields.suffix.as_ref()),
        "City" => shown(fields.city.as_ref()),
        "StreetLine1" => shown(fields.street.as_ref()),
        "StreetLine2" => shown(fields.street_2.as_ref()),
        "PostalCode" => shown(fields.postal_code.as_ref()),
        "IdNumber" => shown(fields.id_number.as_ref()),
        "JurisdictionCode" => fields.jurisdiction_code.clone(),
        "Country" => fields.country.clone(),
        "DateOfBirth" => day(fields.date_of_birth.as_ref()),
        "ExpirationDate" => day(fields.expiration_date.as_ref()),
        "IssueDate" => day(fields.issue_date.as_ref()),
        "Sex" => fields.sex.map(|sex| format!("{sex:?}")),
        "Height" => fields.height_cm.map(|height| height.to_string()),
        "AAMVAVersionNumber" => {
            let edition = document.version.and_then(Edition::of_version);
            edition.map(|edition| format!("AAMVA{}", edition.year))
        }
        "WasLastNameTruncated" => element(document, "DDE"),
        "WasFirstNameTruncated" => element(document, "DDF"),
        "WasMiddleNameTruncated" => element(document, "DDG"),
        "ComplianceType" => element(document, "DDA"),
        "RevisionDate" => iso(document, "DDB"),
        "Under21Until" => iso(document, "DDJ"),
        "DocumentDiscriminator" => element(document, "DCF"),
        "InventoryControlNumber" => element(document, "DCK"),
        "AuditInformation" => element(document, "DCJ"),
        "PlaceOfBirth" => element(document, "DCI"),
        "VehicleClass" => either(document, ["DCA", "DAR"]),
        "RestrictionCodes" => either(document, ["DCB", "DAS"]),
        "EndorsementCodes" => either(document, ["DCD", "DAT"]),
        "Weight" => element(document, "DAW"),
        "EyeColor" => element(document, "DAY").map(|code| code[..2].to_owned()),
        "HairColor" => element(document, "DAZ").map(|code| code[..2].to_owned()),
        "HasTemporaryLawfulStatus" => Some(yes_or_no(element(document, "DDD").as_deref() == Some("1"))),
        "IsVeteran" => Some(yes_or_no(element(document, "DDL").as_deref() == Some("1"))),
        _ => return Fact::NotCompared,
    })
}

fn yes_or_no(said: bool) -> String {
    if said { "yes" } else { "no" }.to_owned()
}

/// The value of a fact in our words.
fn expected(fact: &str, value: &Value) -> Option<String> {
    let inches = |inches: u64| ((inches * 254 + 50) / 100).to_string();
    match (fact, value) {
        ("Height", Value::Number(number)) => Some(inches(number.as_u64().unwrap())),
        ("Height" | "Weight", Value::String(words)) => Some(words.chars().filter(char::is_ascii_digit).collect()),
        ("Sex", Value::String(word)) => Some(match word.as_str() {
            "Male" => "M".to_owned(),
            "Female" => "F".to_owned(),
            other => panic!("unknown sex {other}"),
        }),
        ("Country", Value::String(word)) if word == "Canada" => Some("CAN".to_owned()),
        ("ComplianceType", Value::String(word)) => Some(word[..1].to_owned()),
        ("EyeColor" | "HairColor", Value::String(word)) => Some(word[..2].to_ascii_uppercase()),
        ("HasTemporaryLawfulStatus" | "IsVeteran", Value::Bool(said)) => Some(yes_or_no(*said)),
        (_, Value::Bool(truncated)) => Some(if *truncated { "T" } else { "N" }.to_owned()),
        (_, value) => text(value),
    }
}

/// `self.assertEqual(data['first'], 'JOHN')` as name and value.
fn assertion_parts(assertion: &str) -> (&str, &str) {
    let rest = assertion.split_once("data['").unwrap().1;
    let (fact, value) = rest.split_once("'], ").unwrap();
    (fact, value.strip_suffix(')').unwrap())
}

/// A Python value in our words; a word that stands for 'no value' is no value here.
fn asserted(value: &str) -> Option<String> {
    if let Some(parts) = value.strip_prefix("datetime.date(") {
        let parts: Vec<i32> = parts.trim_end_matches(')').split(", ").map(|part| part.parse().unwrap()).collect();
        return Some(format!("{:04}-{:02}-{:02}", parts[0], parts[1], parts[2]));
    }
    if let Some(parts) = value.strip_prefix("aamva.Height(") {
        let inches: u32 = parts.split(',').next().unwrap().parse().unwrap();
        return Some(((inches * 254 + 50) / 100).to_string());
    }
    if value.starts_with("aamva.Weight(") {
        return Some(value.chars().filter(char::is_ascii_digit).collect());
    }
    match value.trim_matches('\'') {
        "None" | "" | "NONE" => None,
        text => Some(text.to_owned()),
    }
}

/// What was read for a fact of the second collection.
fn found_for_assertion(document: &AamvaDocument, fact: &str) -> Fact {
    let of_first_collection = match fact {
        "first" => "FirstName",
        "middle" => "MiddleName",
        "last" => "LastName",
        "suffix" => "Suffix",
        "city" => "City",
        "address" => "StreetLine1",
        "state" => "JurisdictionCode",
        "dob" => "DateOfBirth",
        "expiry" => "ExpirationDate",
        "issued" => "IssueDate",
        "sex" => "Sex",
        "height" => "Height",
        "license_number" => "IdNumber",
        "document" => "DocumentDiscriminator",
        "IIN" => return Fact::Read(document.iin.clone()),
        "hair" => return Fact::Read(element(document, "DAZ")),
        "eyes" => return Fact::Read(element(document, "DAY")),
        "prefix" => return Fact::Read(element(document, "DAF")),
        "weight" => return Fact::Read(element(document, "DAW")),
        "class" => return Fact::Read(either(document, ["DCA", "DAR"]).filter(|value| value != "NONE")),
        "restrictions" => return Fact::Read(either(document, ["DCB", "DAS"]).filter(|value| value != "NONE")),
        "endorsements" => return Fact::Read(either(document, ["DCD", "DAT"]).filter(|value| value != "NONE")),
        _ => return Fact::NotCompared,
    };
    found(document, of_first_collection)
}
