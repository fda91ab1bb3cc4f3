use std::time::Duration;

use jiff::civil::date;

use super::*;
use crate::compliance::AgeTier;
use crate::document::DocumentKind;
use crate::imaging::{Frame, Provenance, Rgb, resize};
use crate::liveness::Challenge;
use crate::privacy::PersonalDate;
use crate::run::test_support::runtime;
use crate::run::vision::{Decoder, Vision};
use crate::session::machine::DocumentSeen;
use crate::session::{DocumentSide, EncodedSource, Hint, ReasonCode, document_findings};
use crate::tools::specimen::document::{
    PAGE_MM, SpecimenEuropeanLicence, european_front, identity_card_back, identity_card_front, licence_front,
    passport_page,
};
use crate::tools::specimen::{
    AlteredField, PersonName, Portrait, SpecimenLicence, SpecimenPassport, View, photograph, photographed, plus_years,
};

fn look() -> Look {
    // The specimens with a zone are Utopia's.
    Look {
        policy: Policy { admit_specimens: true, ..Policy::for_tier(AgeTier::Over21) },
        days: PlaceDays::single(date(2026, 11, 22)),
        accepts_passes: false,
    }
}

fn frame(image: Rgb, sequence: u64) -> Frame {
    Frame { image, captured_at: Duration::from_millis(66 * sequence), sequence, provenance: Provenance::Simulated }
}

/// Frames for which each picture is held up.
const HELD: u64 = 10;

/// Holds up pictures for some frames each, and gives the sides in the order in which they were read, and the reasons.
fn read(pictures: &[&Rgb], vision: &mut Vision) -> (Vec<DocumentSide>, Option<Vec<ReasonCode>>, Vec<Hint>) {
    let (sides, reasons, hints, _) = read_counted(pictures, vision);
    (sides, reasons, hints)
}

/// The same, and how many readings of print or of a zone it took.
fn read_counted(
    pictures: &[&Rgb],
    vision: &mut Vision,
) -> (Vec<DocumentSide>, Option<Vec<ReasonCode>>, Vec<Hint>, usize) {
    let mut readings = 0;
    let mut capture = DocumentCapture::new();
    let (mut sides, mut hints) = (Vec::new(), Vec::new());
    for sequence in 0..pictures.len() as u64 * HELD {
        let frame = frame(pictures[(sequence / HELD) as usize].clone(), sequence);
        let mut said = false;
        let step = capture.observe(&frame, vision, &look(), || said = true).unwrap();
        readings += usize::from(said);
        assert!(said || step.side != Some(DocumentSide::Front), "the reading of a front is announced");
        sides.extend(step.side);
        hints.extend(step.hint);
        if let Some(seen) = step.seen {
            let found = document_findings(&seen.evidence, &look().policy, look().days);
            return (sides, Some(found.into_iter().collect()), hints, readings);
        }
    }
    (sides, None, hints, readings)
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
    let (_, reasons, _, readings) = read_counted(&[&back, &front], &mut vision);
    assert_eq!((reasons, readings), (Some(vec![ReasonCode::DocumentFieldsDiffer]), 2));

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

fn taken(drawn: &Rgb, seed: u64) -> Rgb {
    photograph(drawn, &View::default(), seed).unwrap().image
}

/// The same document with its holder born some years later.
fn younger(document: &SpecimenPassport, years: i16) -> SpecimenPassport {
    let mut other = document.clone();
    other.person.date_of_birth = plus_years(other.person.date_of_birth, years);
    other
}

#[test]
fn an_identity_card_with_a_zone_is_read_whichever_side_comes_first() {
    let Some(runtime) = runtime() else { return };
    let mut vision = Vision::open(&runtime, Decoder::Inside).unwrap();
    let card = SpecimenPassport::genuine(PersonName::Collins, date(2026, 11, 22));
    let front = taken(&identity_card_front(&card).unwrap(), 4);
    let back = taken(&identity_card_back(&card).unwrap(), 5);
    let (sides, reasons, hints) = read(&[&front, &back], &mut vision);
    assert_eq!((sides, reasons), (vec![DocumentSide::Front, DocumentSide::Back], Some(vec![])), "{hints:?}");
    let (sides, reasons, hints) = read(&[&back, &front], &mut vision);
    assert_eq!((sides, reasons), (vec![DocumentSide::Back, DocumentSide::Front], Some(vec![])), "{hints:?}");

    let altered = taken(&identity_card_back(&younger(&card, -1)).unwrap(), 5);
    let (_, reasons, hints) = read(&[&altered, &front], &mut vision);
    assert_eq!(reasons, Some(vec![ReasonCode::DocumentFieldsDiffer]), "{hints:?}");
    // A zone speaks against a person only when two readings of it say the same.
    let child = taken(&identity_card_back(&younger(&card, 25)).unwrap(), 6);
    let (sides, reasons, hints, readings) = read_counted(&[&child], &mut vision);
    assert_eq!((sides.as_slice(), readings), ([DocumentSide::Back].as_slice(), 2));
    assert!(reasons.is_some_and(|reasons| reasons.contains(&ReasonCode::UnderAge)), "{hints:?}");
}

#[test]
fn a_passports_page_is_read_and_one_with_another_zone_is_refused() {
    let Some(runtime) = runtime() else { return };
    let mut vision = Vision::open(&runtime, Decoder::Inside).unwrap();
    let passport = SpecimenPassport::genuine(PersonName::Hopper, date(2026, 11, 22));
    let page = passport_page(&passport).unwrap();
    let (sides, reasons, hints) = read(&[&taken(&page, 7)], &mut vision);
    assert_eq!((sides, reasons), (vec![DocumentSide::Front], Some(vec![])), "{hints:?}");
    // A page whose portrait is covered for a while is no back, and is read when it is shown whole.
    let covered = Rgb::from_fn(page.width(), page.height(), |x, y| {
        let over = x * 3 < page.width() && y * 3 < page.height() * 2;
        if over { [96, 74, 60] } else { page.pixel(x, y) }
    });
    let (sides, reasons, hints) = read(&[&taken(&covered, 7), &taken(&page, 7)], &mut vision);
    assert_eq!((sides, reasons), (vec![DocumentSide::Front], Some(vec![])), "{hints:?}");
    let other = passport_page(&younger(&passport, 3)).unwrap();
    let zone = ((PAGE_MM.1 - 23.2) / PAGE_MM.1 * page.height() as f32) as usize;
    let pasted = Rgb::from_fn(page.width(), page.height(), |x, y| if y < zone { &page } else { &other }.pixel(x, y));
    let (_, reasons, hints) = read(&[&taken(&pasted, 8)], &mut vision);
    assert_eq!(reasons, Some(vec![ReasonCode::DocumentFieldsDiffer]), "{hints:?}");
}

#[test]
fn a_card_that_only_its_print_speaks_for_is_read_twice_and_left_to_the_policy() {
    let Some(runtime) = runtime() else { return };
    let mut vision = Vision::open(&runtime, Decoder::Inside).unwrap();
    let licence = SpecimenEuropeanLicence::genuine(PersonName::Collins, date(2026, 11, 22));
    let drawn = european_front(&licence).unwrap();
    let front = photograph(&drawn, &View::default(), 4).unwrap().image;
    let mut capture = DocumentCapture::new();
    let (mut readings, mut sides, mut seen) = (0, 0, None);
    for sequence in 0..8 {
        let frame = frame(front.clone(), sequence);
        let step = capture.observe(&frame, &mut vision, &look(), || readings += 1).unwrap();
        sides += usize::from(step.side.is_some());
        seen = step.seen;
        if seen.is_some() {
            break;
        }
    }
    // Nobody is asked to turn over a card whose back says nothing.
    assert_eq!((readings, sides), (2, 0));
    let DocumentSeen { evidence, portrait, .. } = *seen.expect("the front is read");
    assert!(portrait.is_some() && evidence.comparisons.is_empty());
    assert_eq!((evidence.encoded, evidence.kind), (Some(EncodedSource::Front), Some(DocumentKind::DrivingLicense)));
    let fields = &evidence.fields;
    assert_eq!(fields.id_number.as_ref().map(|number| number.reveal().as_str()), Some(licence.number.as_str()));
    let dates = [&fields.date_of_birth, &fields.expiration_date].map(|date| date.as_ref().map(PersonalDate::reveal));
    assert_eq!(dates, [Some(licence.person.date_of_birth), Some(licence.expiration_date)]);
    let refused = document_findings(&evidence, &look().policy, look().days);
    assert_eq!(refused.into_iter().collect::<Vec<_>>(), [ReasonCode::DocumentFrontOnly]);
    let accepting = Policy { accept_front_only: true, ..look().policy };
    assert!(document_findings(&evidence, &accepting, look().days).is_empty());
}

#[test]
fn the_face_of_who_holds_the_card_is_not_its_portrait_and_a_card_held_up_begins_no_challenge() {
    let Some(runtime) = runtime() else { return };
    let mut vision = Vision::open(&runtime, Decoder::Inside).unwrap();
    let licence = SpecimenLicence::genuine(PersonName::Collins, date(2026, 11, 22));
    let (_, back) = photographed(&licence, 4).unwrap();
    let view = View { fill: 0.5, turn_degrees: 1.0, ..View::default() };
    let mut front = photograph(&licence_front(&licence).unwrap(), &view, 4).unwrap().image;
    // Somebody else's face, larger than the portrait, right beside the card.
    let holder = Portrait::GraceHopper.picture().unwrap();
    let holder = resize(&holder, 440, 440 * holder.height() / holder.width());
    for (y, x) in (0..holder.height()).flat_map(|y| (0..holder.width()).map(move |x| (y, x))) {
        front.set_pixel(x + 10, y + 200, holder.pixel(x, y));
    }
    let faces = vision.template_of(&front);
    let mut capture = DocumentCapture::new();
    let seen = (0..2 * HELD).find_map(|sequence| {
        let shown = if sequence < HELD { &back } else { &front };
        capture.observe(&frame(shown.clone(), sequence), &mut vision, &look(), || {}).unwrap().seen
    });
    let portrait = seen.expect("the document is read").portrait.expect("its portrait is found");
    let own = vision.template_of(&licence_front(&licence).unwrap());
    assert!(portrait.similarity(&own).0 > 0.6 && portrait.similarity(&faces).0 < 0.4);

    let mut turn = FaceCapture::new(Challenge::from_nonce(&[7; 16]), Some(own), None, &mut vision);
    let (card, _) = photographed(&licence, 9).unwrap();
    for sequence in 0..6 {
        let step = turn.observe(&frame(card.clone(), sequence), &mut vision, None).unwrap();
        assert_eq!((step.hint, step.asked.1, step.ended), (Some(Hint::PutCardAway), 0, false));
    }
    assert_eq!(turn.finish(&vision).provenance, None);
}
