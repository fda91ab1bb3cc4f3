//! The simulated person before the real readers: what is honest passes, each way to cheat fails for its own reason.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use carded::compliance::{AgeTier, PlaceDays};
use carded::imaging::{Frame, Provenance, Rgb, locate_card};
use carded::liveness::{
    Challenge, LeastYaw, MatchThreshold, Template, TurnReport, TurnTracker, TurnVerdict, compare_each,
};
use carded::run::{DocumentReading, DocumentSides, Stages, Verifier};
use carded::session::{DocumentSide, Policy, Prompt, ReasonCode, Screen, SessionId, document_findings};
use carded::tools::simulated::{Part, SimulatedPerson};
use carded::vision::FaceObserver;
use jiff::civil::{Date, date};

const TODAY: Date = date(2026, 11, 22);
/// Between two frames: 13 a second.
const FRAME: Duration = Duration::from_millis(77);
/// A person has raised, turned or lowered a card and come to rest after this long.
const AT_REST: Duration = Duration::from_millis(2500);

/// Frames that are still taken in after the last step is done.
const FRAMES_AFTER: usize = 4;

/// A person, the screen that they watch, and virtual time.
struct Stage {
    person: SimulatedPerson,
    screen: Arc<Mutex<Prompt>>,
    clock: Duration,
    taken: u64,
}

impl Stage {
    fn new(part: Part, seed: u64) -> Self {
        let session = Some(SessionId::from_random(&[7; SessionId::CHARACTERS]));
        let screen = Arc::new(Mutex::new(Prompt { session, screen: Screen::Consent, ..Prompt::idle() }));
        let watched = Arc::clone(&screen);
        let prompts = Box::new(move || watched.lock().unwrap().clone());
        let person = SimulatedPerson::new(part, prompts, TODAY, seed).unwrap();
        Self { person, screen, clock: Duration::ZERO, taken: 0 }
    }

    fn show(&self, screen: Screen) {
        self.screen.lock().unwrap().screen = screen;
    }

    fn frame(&mut self) -> Frame {
        self.clock += FRAME;
        self.taken += 1;
        let image = self.person.picture(self.clock);
        Frame { image, captured_at: self.clock, sequence: self.taken, provenance: Provenance::Simulated }
    }

    /// The picture once whatever the screen asks for is done. Few pictures are needed on the way there.
    fn at_rest(&mut self, screen: Screen) -> Rgb {
        self.show(screen);
        self.frame();
        self.clock += AT_REST / 2;
        self.frame();
        self.clock += AT_REST / 2;
        self.frame().image
    }

    fn card(&mut self) -> DocumentSides {
        let front = self.at_rest(Screen::Document { side: DocumentSide::Front });
        let back = self.at_rest(Screen::Document { side: DocumentSide::Back });
        DocumentSides::Card { front, back }
    }

    /// A challenge as an engine leads it: the tracker's progress is the prompt, and each frame is taken under it.
    fn challenge(&mut self, observer: &mut FaceObserver, challenge: Challenge) -> (TurnReport, Vec<Vec<Template>>) {
        let (steps, total) = (challenge.steps().len(), challenge.total());
        let mut tracker = TurnTracker::new(challenge, LeastYaw::SHIPPED);
        observer.reset();
        let began = self.clock;
        let mut progress = tracker.progress();
        while let Some(step) = progress.step.filter(|_| !progress.failed && self.clock < began + total) {
            self.show(Screen::Face { direction: step.direction, done: progress.done as u8, steps: steps as u8 });
            tracker.prompted(self.clock);
            let frame = self.frame();
            let observation = observer.observe(&frame, &tracker).unwrap();
            progress = tracker.observe(&observation);
        }
        // The last turn is still being made when its step is done: what comes after shows its shape better.
        for _ in 0..FRAMES_AFTER {
            let frame = self.frame();
            let observation = observer.observe(&frame, &tracker).unwrap();
            tracker.observe(&observation);
        }
        let probes = tracker.frontal_templates().collect();
        (tracker.finish(), probes)
    }
}

fn read(verifier: &mut Verifier, sides: &DocumentSides) -> DocumentReading {
    let mut quiet = |_: &_| ();
    verifier.read_document(sides, TODAY, &mut Stages::new(&mut quiet)).unwrap()
}

fn findings(reading: &DocumentReading) -> BTreeSet<ReasonCode> {
    document_findings(&reading.evidence, &Policy::for_tier(AgeTier::Over21), PlaceDays::single(TODAY))
}

/// The sequence of turns with a number below six.
fn sequence(number: u8) -> Challenge {
    let mut nonce = [0; Challenge::NONCE_BYTES];
    nonce[0] = number;
    Challenge::from_nonce(&nonce)
}

/// Shows the card of an honest person, then leads through some sequences of turns, one after the other.
fn honest_person_passes(seed: u64, sequences: [u8; 3]) {
    let runtime = support::runtime();
    let (mut verifier, mut observer) = (Verifier::open(&runtime).unwrap(), FaceObserver::open(&runtime).unwrap());
    let mut stage = Stage::new(Part::Genuine, seed);
    let reading = read(&mut verifier, &stage.card());
    assert_eq!(findings(&reading), BTreeSet::new());
    let portrait = reading.portrait.unwrap();
    for number in sequences {
        let (report, probes) = stage.challenge(&mut observer, sequence(number));
        assert_eq!(report.verdict, TurnVerdict::Live, "sequence {number}: {report:?}");
        assert!(compare_each(&probes, &portrait, MatchThreshold::SHIPPED).is_match(), "sequence {number}");
        stage.at_rest(Screen::Deciding);
    }
}

#[test]
fn an_honest_person_passes_the_document_and_the_first_three_sequences_of_turns() {
    honest_person_passes(1, [0, 1, 2]);
}

#[test]
fn an_honest_person_passes_the_document_and_the_last_three_sequences_of_turns() {
    honest_person_passes(6, [3, 4, 5]);
}

#[test]
fn somebody_elses_card_is_good_and_its_holder_alive_but_not_the_one_in_the_portrait() {
    let runtime = support::runtime();
    let (mut verifier, mut observer) = (Verifier::open(&runtime).unwrap(), FaceObserver::open(&runtime).unwrap());
    let mut stage = Stage::new(Part::SomeoneElse, 2);
    let reading = read(&mut verifier, &stage.card());
    assert_eq!(findings(&reading), BTreeSet::new());
    let (report, probes) = stage.challenge(&mut observer, sequence(0));
    assert_eq!(report.verdict, TurnVerdict::Live, "{report:?}");
    assert!(!compare_each(&probes, &reading.portrait.unwrap(), MatchThreshold::SHIPPED).is_match());
}

#[test]
fn each_bad_card_is_refused_for_its_own_reason_only() {
    let mut verifier = Verifier::open(&support::runtime()).unwrap();
    for (part, reason) in [
        (Part::Altered, ReasonCode::DocumentFieldsDiffer),
        (Part::Expired, ReasonCode::DocumentExpired),
        (Part::UnderAge, ReasonCode::UnderAge),
    ] {
        let reading = read(&mut verifier, &Stage::new(part, 3).card());
        assert_eq!(findings(&reading), BTreeSet::from([reason]), "{part}");
    }
}

#[test]
fn flat_and_bent_photos_that_are_held_up_and_turned_are_attacks() {
    let mut observer = FaceObserver::open(&support::runtime()).unwrap();
    for (part, number) in [(Part::FlatPhoto, 0), (Part::BentPhoto, 5)] {
        let (report, _) = Stage::new(part, 4).challenge(&mut observer, sequence(number));
        assert_eq!(report.verdict, TurnVerdict::Attack, "{part}: {report:?}");
    }
}

#[test]
fn an_empty_room_shows_no_document_and_no_face() {
    let runtime = support::runtime();
    let (mut verifier, mut observer) = (Verifier::open(&runtime).unwrap(), FaceObserver::open(&runtime).unwrap());
    let mut stage = Stage::new(Part::Absent, 5);
    assert!(findings(&read(&mut verifier, &stage.card())).contains(&ReasonCode::DocumentUnreadable));
    let (report, probes) = stage.challenge(&mut observer, sequence(0));
    assert_eq!((report.verdict, probes.len()), (TurnVerdict::Incomplete, 0), "{report:?}");
}

#[test]
fn a_card_that_is_held_is_found_by_its_outline_on_both_sides() {
    for seed in 0..4 {
        let DocumentSides::Card { front, back } = Stage::new(Part::Genuine, seed).card() else { unreachable!() };
        for side in [front, back] {
            let outline = locate_card(&side.to_gray()).expect("a card").outline.bounds();
            assert!((900.0..1060.0).contains(&outline.width), "seed {seed}: {outline:?}");
        }
    }
}
