use std::time::Duration;

use jiff::civil::date;

use super::*;
use crate::compliance::AgeTier;
use crate::imaging::{Frame, Provenance, Rgb};
use crate::run::test_support::runtime;
use crate::run::vision::{Decoder, Vision};
use crate::session::{DocumentSide, Hint, ReasonCode, document_findings};
use crate::tools::specimen::{AlteredField, PersonName, SpecimenLicence, photographed};

fn look() -> Look {
    Look { policy: Policy::for_tier(AgeTier::Over21), days: PlaceDays::single(date(2026, 11, 22)) }
}

/// Holds up pictures for some frames each, and gives the sides in the order in which they were read, and the reasons.
fn read(pictures: &[&Rgb], vision: &mut Vision) -> (Vec<DocumentSide>, Option<Vec<ReasonCode>>, Vec<Hint>) {
    let mut capture = DocumentCapture::new();
    let (mut sides, mut hints) = (Vec::new(), Vec::new());
    for sequence in 0..pictures.len() as u64 * 5 {
        let image = pictures[sequence as usize / 5].clone();
        let captured_at = Duration::from_millis(66 * sequence);
        let frame = Frame { image, captured_at, sequence, provenance: Provenance::Simulated };
        let step = capture.observe(&frame, vision, &look()).unwrap();
        sides.extend(step.side);
        hints.extend(step.hint);
        if let Some(seen) = step.seen {
            let found = document_findings(&seen.evidence, &look().policy, look().days);
            return (sides, Some(found.into_iter().collect()), hints);
        }
    }
    (sides, None, hints)
}

#[test]
fn a_card_is_read_whichever_side_comes_first_and_a_verdict_against_it_rests_on_two_readings() {
    let Some(runtime) = runtime() else { return };
    let mut vision = Vision::open(&runtime, Decoder::Inside).unwrap();
    let today = date(2026, 11, 22);
    let genuine = SpecimenLicence::genuine(PersonName::Collins, today);
    let (front, back) = photographed(&genuine, 4).unwrap();
    let (sides, reasons, hints) = read(&[&front, &back], &mut vision);
    assert_eq!((sides, reasons), (vec![DocumentSide::Front, DocumentSide::Back], Some(vec![])), "{hints:?}");
    assert!(hints.contains(&Hint::HoldStill) && hints.contains(&Hint::TurnOver), "{hints:?}");
    let (sides, reasons, hints) = read(&[&back, &front], &mut vision);
    assert_eq!((sides, reasons), (vec![DocumentSide::Back, DocumentSide::Front], Some(vec![])), "{hints:?}");

    let (front, back) = photographed(&genuine.clone().altered(AlteredField::DateOfBirth), 5).unwrap();
    let (_, reasons, _) = read(&[&back, &front], &mut vision);
    assert_eq!(reasons, Some(vec![ReasonCode::DocumentFieldsDiffer]));

    // What is encoded needs no front to be refused.
    let (_, back) = photographed(&genuine.expired(today), 6).unwrap();
    let (sides, reasons, _) = read(&[&back], &mut vision);
    assert_eq!(sides, [DocumentSide::Back]);
    assert!(reasons.unwrap().contains(&ReasonCode::DocumentExpired));

    let empty = Rgb::filled(1920, 1080, [120, 118, 110]);
    let (sides, reasons, hints) = read(&[&empty], &mut vision);
    assert_eq!((sides, reasons), (vec![], None));
    assert!(hints.iter().all(|hint| *hint == Hint::ShowDocument), "{hints:?}");
}
