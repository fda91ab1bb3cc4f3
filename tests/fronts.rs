//! Fronts of many issuers: named fields found by content, and the comparison with what is encoded.
//!
//! Every front is read once with the shipped models. Then the comparison is asked about the true values, and about every
//! value that differs from them in one character. `cargo test --release --test fronts -- --nocapture` prints the figures
//! of `docs/documents/fronts.md`.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;

use carded::camera::load_image;
use carded::document::{Agreement, Fields, VisualFields, cross_reference, read_visual_fields};
use carded::imaging::{ID1_ASPECT, lay_flat, locate_card};
use carded::privacy::PersonalDate;
use carded::tools::specimen::{View, photograph};
use carded::vision::TextReader;
use jiff::civil::{Date, date};
use serde_json::Value;

/// Specimens are old: centuries are settled as of this day.
const TODAY: Date = date(2026, 1, 1);
const FIELDS: [&str; 5] = ["id_number", "date_of_birth", "expiration_date", "last_name", "first_name"];
/// Pairs of characters whose change is listed apart.
const CONFUSIONS: [(char, char); 4] = [('0', 'O'), ('1', 'I'), ('5', 'S'), ('8', 'B')];

/// A front as it was read, and what is really on it.
struct Front {
    name: String,
    printed: VisualFields,
    truth: BTreeMap<&'static str, String>,
    /// Middle names, which are not compared, but may be glued to the first one.
    middle_name: Option<String>,
}

fn truth_of(file: &str, own: &Value, shared: &Value) -> BTreeMap<&'static str, String> {
    let value = |key: &str| {
        let found = own[file][key].as_str().or_else(|| shared[file.split('/').next_back().unwrap()][key].as_str());
        found.unwrap_or_else(|| panic!("{file} has no {key}")).to_owned()
    };
    FIELDS.map(|field| (field, value(if field == "id_number" { "license_number" } else { field }))).into()
}

/// Every front of the shared data, read; `None` when it is not on this machine.
fn fronts() -> Option<Vec<Front>> {
    let folder = support::shared_data("id-fronts")?;
    let json = |path: PathBuf| serde_json::from_str::<Value>(&std::fs::read_to_string(path).unwrap()).unwrap();
    let own = json(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/truth/fronts.json"));
    let shared = json(folder.join("us/truth.json"));
    let mut reader = TextReader::open(&support::runtime()).unwrap();
    let files = own.as_object().unwrap().keys();
    let read = |file: &String| {
        let lines = reader.read(&load_image(&folder.join(file)).unwrap()).unwrap();
        let middle_name = own[file]["middle_name"].as_str().map(str::to_owned);
        let printed = read_visual_fields(&lines, TODAY);
        Front { name: file.clone(), printed, truth: truth_of(file, &own, &shared), middle_name }
    };
    Some(files.map(read).collect())
}

/// Whether what is encoded of such a card stands in a machine-readable zone.
fn has_zone(file: &str) -> bool {
    !file.starts_with("us/")
}

/// The country that a front's folder stands for, where its order of dates is known.
fn country(file: &str) -> Option<String> {
    file.starts_with("us/").then(|| "USA".to_owned())
}

/// Letters and digits in upper case: what a comparison looks at.
fn plain(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

/// All that the front's truth says, with another value in one field; `None` where that is none of the field's values.
fn encoded(front: &Front, field: &str, value: &str) -> Option<Fields> {
    let text = |name: &str| if name == field { value } else { &front.truth[name] };
    let day = |name: &str| Some(PersonalDate::new(text(name).parse().ok()?));
    Some(Fields {
        id_number: Some(text("id_number").into()),
        date_of_birth: Some(day("date_of_birth")?),
        expiration_date: Some(day("expiration_date")?),
        last_name: Some(text("last_name").into()),
        first_name: Some(text("first_name").into()),
        middle_name: front.middle_name.as_deref().map(Into::into),
        country: country(&front.name),
        names_are_transliterated: has_zone(&front.name),
        ..Fields::default()
    })
}

/// How one field compares, and whether what was read for it is the value itself.
fn compare(front: &Front, field: &str, value: &str) -> Option<(Agreement, bool)> {
    let comparisons = cross_reference(&front.printed, &encoded(front, field, value)?);
    let comparison = comparisons.into_iter().find(|one| one.field == field)?;
    let exact = comparison.printed.is_some_and(|printed| plain(printed.reveal()) == plain(value));
    Some((comparison.result, exact))
}

/// Every value that is a character shorter, and every one that has a digit or letter more, but for those that repeat a
/// neighbour: a recogniser loses and doubles such, so that they are no difference.
fn longer_and_shorter(field: &str, value: &str) -> Vec<String> {
    let characters: Vec<char> = value.to_ascii_uppercase().chars().collect();
    let alike = |a: char, b: char| a == b || CONFUSIONS.contains(&(a, b)) || CONFUSIONS.contains(&(b, a));
    let mut all = Vec::new();
    if field.contains("date") {
        return all;
    }
    for at in 0..=characters.len() {
        let beside: Vec<char> = characters[at.saturating_sub(1)..(at + 1).min(characters.len())].to_vec();
        for new in if field == "id_number" { ['7', 'K', '2'] } else { ['A', 'E', 'T'] } {
            if beside.iter().all(|&near| near.is_ascii_alphanumeric() && !alike(near, new)) {
                let mut longer = characters.clone();
                longer.insert(at, new);
                all.push(longer.into_iter().collect());
            }
        }
        let around = [at.checked_sub(1), Some(at + 1)].into_iter().flatten().filter_map(|near| characters.get(near));
        if characters
            .get(at)
            .is_some_and(|&own| own.is_ascii_alphanumeric() && !around.copied().any(|near| alike(near, own)))
        {
            let mut shorter = characters.clone();
            shorter.remove(at);
            all.push(shorter.into_iter().collect());
        }
    }
    all
}

/// Every value that differs in one character, and whether the change stays inside one class of look-alikes.
fn altered(front: &Front, field: &str) -> Vec<(String, bool)> {
    let value = &front.truth[field];
    let alphabet: Vec<char> = match field {
        "id_number" => ('0'..='9').chain('A'..='Z').collect(),
        "date_of_birth" | "expiration_date" => ('0'..='9').collect(),
        _ => ('A'..='Z').collect(),
    };
    let characters: Vec<char> = value.to_ascii_uppercase().chars().collect();
    let mut all = Vec::new();
    for at in (0..characters.len()).filter(|&at| characters[at].is_ascii_alphanumeric()) {
        for &other in alphabet.iter().filter(|&&other| other != characters[at]) {
            let pair = |&(a, b): &(char, char)| (a, b) == (characters[at], other) || (b, a) == (characters[at], other);
            let mut changed = characters.clone();
            changed[at] = other;
            let changed: String = changed.into_iter().collect();
            if encoded(front, field, &changed).is_some() {
                all.push((changed, CONFUSIONS.iter().any(pair)));
            }
        }
    }
    all
}

/// What the comparison did with one field over all fronts.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    fronts: usize,
    agrees: usize,
    exact: usize,
    differs: usize,
    changes: usize,
    caught: usize,
    confusions: usize,
    confusions_caught: usize,
    lengths: usize,
    lengths_differ: usize,
    lengths_agree: usize,
    /// Of names in a zone, which writes two letters for one that has a diacritic.
    zone_lengths_agree: usize,
}

fn tally(fronts: &[Front], field: &str) -> Tally {
    let mut tally = Tally::default();
    for front in fronts {
        let value = &front.truth[field];
        let (result, exact) = compare(front, field, value).unwrap();
        tally.fronts += 1;
        tally.agrees += usize::from(result == Agreement::Agrees);
        tally.differs += usize::from(result == Agreement::Differs);
        if result != Agreement::Agrees {
            println!("{} {field}: {result:?}", front.name);
        }
        if result != Agreement::Agrees || !exact {
            continue;
        }
        tally.exact += 1;
        for changed in longer_and_shorter(field, value) {
            let (after, _) = compare(front, field, &changed).unwrap();
            tally.lengths += 1;
            tally.lengths_differ += usize::from(after == Agreement::Differs);
            if after == Agreement::Agrees && has_zone(&front.name) && field.contains("name") {
                tally.zone_lengths_agree += 1;
                println!("agrees, as a zone's two letters for one: {value} encoded as {changed}");
            } else if after == Agreement::Agrees {
                tally.lengths_agree += 1;
                println!("AGREES {} {field}: {value} encoded as {changed}", front.name);
            }
        }
        for (changed, inside_class) in altered(front, field) {
            let (after, _) = compare(front, field, &changed).unwrap();
            let caught = usize::from(after == Agreement::Differs);
            if inside_class {
                tally.confusions += 1;
                tally.confusions_caught += caught;
            } else {
                tally.changes += 1;
                tally.caught += caught;
                if caught == 0 {
                    println!("MISSED {} {field}: {value} encoded as {changed}: {after:?}", front.name);
                }
            }
        }
    }
    tally
}

/// The fronts laid on a table and photographed askew: found, laid flat, and read about as well. One front in four; all of
/// them with `FRONTS=all`.
#[test]
fn a_front_that_lies_askew_on_a_table_is_found_laid_flat_and_read() {
    let Some(folder) = support::shared_data("id-fronts/us") else { return };
    let truth: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("truth.json")).unwrap()).unwrap();
    let mut reader = TextReader::open(&support::runtime()).unwrap();
    let every = if std::env::var("FRONTS").is_ok_and(|wanted| wanted == "all") { 1 } else { 4 };
    let views = [
        View { turn_degrees: 12.0, tilt_degrees: 10.0, yaw_degrees: -8.0, ..View::default() },
        View { turn_degrees: -20.0, tilt_degrees: -15.0, yaw_degrees: 12.0, ..View::default() },
    ];
    let (mut fronts, mut found, mut births, mut numbers) = (0, 0, 0, 0);
    for (index, (file, expected)) in truth.as_object().unwrap().iter().step_by(every).enumerate() {
        fronts += 1;
        let picture = load_image(&folder.join(file)).unwrap();
        let taken = photograph(&picture, &views[index % 2], 50 + index as u64).unwrap().image;
        let Some(card) = locate_card(&taken.to_gray()) else {
            println!("{file}: not found");
            continue;
        };
        found += 1;
        let height = (1280.0 / ID1_ASPECT).round() as usize;
        let flat = lay_flat(&taken, card.outline, 1280, height).unwrap();
        let fields = read_visual_fields(&reader.read(&flat).unwrap(), TODAY);
        let birth = fields.date_of_birth.map(|date| date.reveal().to_string());
        let number = fields.id_number.map(|number| plain(number.reveal()));
        let right = [
            birth.as_deref() == expected["date_of_birth"].as_str(),
            number == expected["license_number"].as_str().map(plain),
        ];
        births += usize::from(right[0]);
        numbers += usize::from(right[1]);
        if right != [true, true] {
            println!("{file}: birth and number right: {right:?}");
        }
    }
    println!("askew: {found} of {fronts} found, birth {births}, number {numbers}");
    assert!(found * 100 >= fronts * 80, "{found} of {fronts}");
    assert!(births * 100 >= found * 80 && numbers * 100 >= found * 80, "{births} and {numbers} of {found}");
}

#[test]
fn fields_are_found_by_content_and_every_changed_character_is_a_difference() {
    let Some(fronts) = fronts() else { return };
    let (mut births, mut numbers) = (0, 0);
    for front in &fronts {
        let birth = front.printed.date_of_birth.as_ref().map(|date| date.reveal().to_string());
        let number = front.printed.id_number.as_ref().map(|number| plain(number.reveal()));
        let right =
            [birth.as_deref() == Some(&front.truth["date_of_birth"]), number == Some(plain(&front.truth["id_number"]))];
        births += usize::from(right[0]);
        numbers += usize::from(right[1]);
        if right != [true, true] {
            println!("{}: birth and number right: {right:?}", front.name);
        }
    }
    println!("named fields: birth {births} of {0}, number {numbers} of {0}", fronts.len());
    let tallies = FIELDS.map(|field| (field, tally(&fronts, field)));
    println!(
        "| field | fronts | agrees | differs | read exactly | changes | caught | inside a class | caught | longer or shorter | differ | agree |"
    );
    for (field, t) in tallies {
        println!(
            "| {field} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            t.fronts,
            t.agrees,
            t.differs,
            t.exact,
            t.changes,
            t.caught,
            t.confusions,
            t.confusions_caught,
            t.lengths,
            t.lengths_differ,
            t.lengths_agree
        );
    }
    let sum = |of: fn(&Tally) -> usize| tallies.iter().map(|(_, tally)| of(tally)).sum::<usize>();
    let (total, differs, compared) = (sum(|t| t.fronts), sum(|t| t.differs), sum(|t| t.agrees + t.differs));
    println!("compared: {compared} of {total}; false mismatches: {differs}");
    println!("names of zones a letter longer that agree: {}", sum(|t| t.zone_lengths_agree));
    assert!(births * 100 >= fronts.len() * 96, "{births} of {}", fronts.len());
    assert!(numbers * 100 >= fronts.len() * 92, "{numbers} of {}", fronts.len());
    assert!(differs * 100 <= 2 * compared, "{differs} false mismatches of {compared}");
    let (changes, caught) = (sum(|t| t.changes), sum(|t| t.caught));
    assert!(compared * 100 >= 95 * total, "{compared} of {total} fields compared");
    assert_eq!(caught, changes, "a change of one character was missed");
    assert_eq!(sum(|t| t.lengths_agree), 0, "a value with a character more or less agrees");
}
