//! Any text as a machine-readable zone, and any reading of one put right by its check digits: nothing panics, and what a
//! valid zone is put right to has the shape of a zone. It need not be valid: of a place that its class does not allow, such as
//! an X in a date that is not wholly known, the next candidate is taken.
#![no_main]

use carded_fuzz::document::mrz::{MrzDocument, MrzFormat, align_line, repair};
use carded_fuzz::document::{Candidates, ReadCharacter};
use jiff::civil::{Date, date};
use libfuzzer_sys::fuzz_target;

const TODAY: Date = date(2026, 11, 22);

const FORMATS: [MrzFormat; 6] =
    [MrzFormat::Td1, MrzFormat::Td2, MrzFormat::Td3, MrzFormat::MrvA, MrzFormat::MrvB, MrzFormat::FrenchId];

/// What a recogniser may propose for a character, drawn from the bytes of the input itself.
fn candidates(character: char, seed: u8) -> Candidates {
    let other = char::from(b"0O1I5S8B2Z<A"[usize::from(seed) % 12]);
    vec![(character, 0.5 + f32::from(seed) / 600.0), (other, f32::from(seed % 64) / 128.0)].into()
}

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.lines().take(4).collect();
    let parsed = MrzDocument::parse(&lines, TODAY);
    let read: Vec<Vec<Candidates>> = lines
        .iter()
        .map(|line| line.chars().zip(bytes.iter().rev().cycle()).map(|(c, seed)| candidates(c, *seed)).collect())
        .collect();
    for format in FORMATS {
        if let Some(repaired) = repair(format, &read) {
            let lines: Vec<String> = repaired.lines.iter().map(|line| line.reveal().clone()).collect();
            let again = MrzDocument::parse(&lines, TODAY);
            // Where nothing was proposed that a check digit prefers, what was read stands.
            let was_valid = parsed.as_ref().is_ok_and(|document| document.valid && document.format == format);
            if was_valid && repaired.substitutions == 0 {
                assert!(again.is_ok(), "a valid zone became none");
            }
        }
        for (line, places) in read.iter().enumerate().take(format.shape().0) {
            let spread = places.iter().zip(bytes.iter().cycle()).enumerate().map(|(index, (candidates, seed))| {
                let position = (index as f32 + f32::from(*seed) / 300.0) / places.len() as f32;
                ReadCharacter { candidates: candidates.clone(), position }
            });
            let spread: Vec<ReadCharacter> = spread.collect();
            let aligned = align_line(format, line, &spread);
            assert!(aligned.is_none_or(|places| places.len() == format.shape().1));
        }
    }
});
