//! Cards that were never looked at: written at random by the standard's own rules, read, and compared field by field.
//!
//! The writer shares nothing with the reader: layouts, issuers and forms of values are written down here once more, from
//! DL/ID-2000 and annex D of the later editions. `cargo test --release --test aamva_written -- --nocapture` prints the
//! figures of `docs/documents/aamva.md`.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

#[path = "aamva_written/card.rs"]
mod card;
#[path = "aamva_written/writer.rs"]
mod writer;

use std::cell::RefCell;
use std::collections::BTreeMap;

use carded::document::aamva::{self, AamvaDocument, ElementId};
use carded::document::{DocumentKind, Fields};
use carded::privacy::{Personal, PersonalDate};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use card::Card;
use writer::Written;

/// Cards of one run.
const CARDS: u32 = 20_000;
/// What the reader was mended on; the figures are of the other.
const TUNING_SEEDS: [u8; 2] = [1, 2];
const REPORTED_SEED: u8 = 3;

/// Fields read right and fields written, by what they are.
type Tally = BTreeMap<String, (u64, u64)>;

fn shown(value: Option<&Personal<String>>) -> Option<String> {
    value.map(|value| value.reveal().clone())
}

fn day(value: Option<&PersonalDate>) -> Option<String> {
    value.map(|date| date.reveal().to_string())
}

/// What was read, by the names that the writer gives its fields.
fn read_fields(document: &AamvaDocument) -> BTreeMap<&'static str, Option<String>> {
    let fields: &Fields = &document.fields;
    let kind = document.kind.map(|kind| match kind {
        DocumentKind::DrivingLicense => "DL".to_owned(),
        _ => "ID".to_owned(),
    });
    BTreeMap::from([
        ("kind", kind),
        ("version", document.version.map(|version| version.to_string())),
        ("iin", document.iin.clone()),
        ("last_name", shown(fields.last_name.as_ref())),
        ("first_name", shown(fields.first_name.as_ref())),
        ("middle_name", shown(fields.middle_name.as_ref())),
        ("suffix", shown(fields.suffix.as_ref())),
        ("date_of_birth", day(fields.date_of_birth.as_ref())),
        ("issue_date", day(fields.issue_date.as_ref())),
        ("expiration_date", day(fields.expiration_date.as_ref())),
        ("sex", fields.sex.map(|sex| format!("{sex:?}"))),
        ("height_cm", fields.height_cm.map(|height| height.to_string())),
        ("street", shown(fields.street.as_ref())),
        ("street_2", shown(fields.street_2.as_ref())),
        ("city", shown(fields.city.as_ref())),
        ("jurisdiction_code", fields.jurisdiction_code.clone()),
        ("postal_code", shown(fields.postal_code.as_ref())),
        ("country", fields.country.clone()),
        ("id_number", shown(fields.id_number.as_ref())),
    ])
}

/// Compares one card, counting every field and element; the differences come back.
fn compare(written: &Written, tally: &RefCell<Tally>) -> Vec<String> {
    let read = match aamva::parse(&written.bytes) {
        Ok(document) => document,
        Err(error) => return vec![format!("not read: {error}")],
    };
    let fields = read_fields(&read);
    let mut wrong = Vec::new();
    let mut count = |name: String, expected: Option<&str>, found: Option<&str>| {
        let mut tally = tally.borrow_mut();
        let entry = tally.entry(name.clone()).or_default();
        entry.1 += 1;
        entry.0 += u64::from(expected == found);
        if expected != found {
            wrong.push(format!("{name}: wrote {expected:?}, read {found:?}"));
        }
    };
    for (name, expected) in &written.fields {
        count((*name).to_owned(), expected.as_deref(), fields[name].as_deref());
    }
    for (id, expected) in &written.elements {
        let found = ElementId::leading(id).and_then(|id| read.elements.get(id)).map(|value| value.reveal().as_str());
        count("elements".to_owned(), Some(expected.trim()), found);
    }
    wrong
}

fn run(seed: u8, cards: u32) -> Tally {
    let tally = RefCell::new(Tally::new());
    let config = Config { cases: cards, failure_persistence: None, max_shrink_iters: 4096, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]));
    let found = runner.run(&Card::any(), |card| {
        let written = writer::write(&card);
        let wrong = compare(&written, &tally);
        let bytes = String::from_utf8_lossy(&written.bytes).into_owned();
        prop_assert!(wrong.is_empty(), "{}\n{bytes:?}", wrong.join("\n"));
        Ok(())
    });
    assert!(found.is_ok(), "{}", found.unwrap_err());
    tally.into_inner()
}

#[test]
fn every_field_that_was_written_is_read_back() {
    let tally = run(REPORTED_SEED, CARDS);
    for (name, (read, written)) in &tally {
        println!("{name:20} {read} of {written}");
    }
    let sum = |wanted: &dyn Fn(&str) -> bool| {
        let chosen = tally.iter().filter(|(name, _)| wanted(name));
        chosen.fold((0, 0), |sum, (_, count)| (sum.0 + count.0, sum.1 + count.1))
    };
    let (fields, elements) = (sum(&|name| name != "elements"), sum(&|name| name == "elements"));
    println!("{CARDS} cards: {} of {} fields, {} of {} elements", fields.0, fields.1, elements.0, elements.1);
    assert_eq!((fields.0, elements.0), (fields.1, elements.1));
}

#[test]
fn the_cards_that_the_reader_was_mended_on_are_read_as_well() {
    for seed in TUNING_SEEDS {
        run(seed, CARDS / 10);
    }
}
