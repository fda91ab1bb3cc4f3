//! The error rates of the recapture detector on rendered presentations, in the terms of ISO/IEC 30107-3.
//!
//! The threshold was set on the portrait of Collins and seeds 1000 to 1049; the report is of the portrait of Hopper and other
//! seeds, so that no card, value or camera is in both.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{CardSide, Medium, present, varied_card, varied_licence};
use crate::camera::decode_image;
use crate::imaging::{RecaptureScore, locate_card, recapture};
use crate::tools::specimen::PersonName;
use clap::ValueEnum;
use jiff::civil::date;

/// First seed and number of presentations of each medium in the report.
const REPORT: (u64, u64) = (5000, 80);

/// The score of one presentation as the program sees it; `None` when it finds no card, or too small a one.
fn score(medium: Medium, seed: u64) -> Option<RecaptureScore> {
    let side = if seed.is_multiple_of(2) { CardSide::Front } else { CardSide::Back };
    let card = varied_card(&varied_licence(PersonName::Hopper, date(2026, 11, 22), seed), side, seed).unwrap();
    let picture = decode_image(&present(&card, medium, seed).unwrap().jpeg).unwrap();
    let outline = locate_card(&picture.to_gray())?.outline;
    recapture(&picture, outline).map(|seen| seen.score)
}

#[test]
fn a_photocopy_is_told_from_the_card_that_it_shows() {
    let is_attack = |medium, seed| score(medium, seed).map(|score| score >= RecaptureScore::ATTACK_AT_LEAST);
    assert_eq!(is_attack(Medium::Photocopy, 5000), Some(true));
    assert_eq!(is_attack(Medium::Genuine, 5000), Some(false));
}

#[test]
#[ignore = "renders 320 presentations, which takes minutes: make measure-recapture"]
#[allow(clippy::print_stdout, reason = "the report is what this is for")]
fn recapture_report() {
    let jobs: Vec<(Medium, u64)> = Medium::value_variants()
        .iter()
        .flat_map(|&medium| (REPORT.0..REPORT.0 + REPORT.1).map(move |seed| (medium, seed)))
        .collect();
    let (next, seen) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(&(medium, seed)) = jobs.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    let score = score(medium, seed);
                    seen.lock().unwrap().push((medium, seed, score));
                }
            });
        }
    });
    let seen = seen.into_inner().unwrap();
    println!("threshold {}, seeds from {}", RecaptureScore::ATTACK_AT_LEAST.0, REPORT.0);
    for &medium in Medium::value_variants() {
        for (side, odd) in [("fronts", 0), ("backs", 1)] {
            let of: Vec<_> = seen.iter().filter(|(kind, seed, _)| *kind == medium && seed % 2 == odd).collect();
            let silent = of.iter().filter(|(_, _, score)| score.is_none()).count();
            let attacks = of.iter().filter_map(|(_, _, score)| *score);
            let attacks = attacks.filter(|score| *score >= RecaptureScore::ATTACK_AT_LEAST).count();
            // No response is an error of either kind only where nothing refuses it: it is listed by itself.
            let (rate, wrong) = match medium {
                Medium::Genuine => ("BPCER", attacks),
                Medium::Screen | Medium::Photocopy | Medium::Print => ("APCER", of.len() - silent - attacks),
            };
            println!("{medium:?} {side}: {rate} {wrong} of {}, no response {silent}", of.len() - silent);
        }
    }
}
