//! The simulated person before the real readers: what is honest passes, each way to cheat fails for its own reason.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use carded::compliance::{AgeTier, PlaceDays};
use carded::imaging::{Frame, Provenance, Rgb};
use carded::liveness::{
    Challenge, Direction, LeastYaw, MatchThreshold, Template, TurnReport, TurnTracker, TurnVerdict, compare_each,
};
use carded::run::{DocumentReading, DocumentSides, Stages, Verifier};
use carded::session::{DocumentSide, Policy, Prompt, ReasonCode, Screen, SessionId, document_findings};
use carded::tools::simulated::{HEIGHT, Part, SimulatedPerson, WIDTH};
use carded::vision::FaceObserver;
use jiff::civil::{Date, date};

const TODAY: Date = date(2026, 11, 22);
/// Between two frames: 13 a second.
const FRAME: Duration = Duration::from_millis(77);
/// A person has raised, turned or lowered a card and come to rest after this long.
const AT_REST: Duration = Duration::from_millis(2500);

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
        let screen = Arc::new(Mutex::new(Prompt { session, screen: Screen::Consent, hint: None, last_error: None }));
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

#[test]
fn explore() {
    let runtime = support::runtime();
    let mut verifier = Verifier::open(&runtime).unwrap();
    let mut observer = FaceObserver::open(&runtime).unwrap();
    if let Ok(out) = std::env::var("PEEK") {
        let mut stage = Stage::new(Part::Genuine, 1);
        let save = |name: &str, image: &Rgb| {
            std::fs::write(format!("{out}/{name}.jpg"), carded::tools::specimen::encode_jpeg(image, 90).unwrap()).unwrap()
        };
        save("consent", &stage.at_rest(Screen::Consent));
        save("front", &stage.at_rest(Screen::Document { side: DocumentSide::Front }));
        stage.show(Screen::Document { side: DocumentSide::Back });
        for k in 0..14 {
            let f = stage.frame();
            if k > 5 { save(&format!("turn{k}"), &f.image); }
        }
        save("back", &stage.at_rest(Screen::Document { side: DocumentSide::Back }));
        stage.show(Screen::Face { direction: Direction::Centre, done: 0, steps: 1 });
        for k in 0..10 {
            let f = stage.frame();
            if k > 3 { save(&format!("lower{k}"), &f.image); }
        }
        save("left", &stage.at_rest(Screen::Face { direction: Direction::Left, done: 0, steps: 1 }));
        let mut stage = Stage::new(Part::FlatPhoto, 1);
        save("flat", &stage.at_rest(Screen::Face { direction: Direction::Left, done: 0, steps: 1 }));
        let mut stage = Stage::new(Part::BentPhoto, 1);
        save("bent", &stage.at_rest(Screen::Face { direction: Direction::Left, done: 0, steps: 1 }));
    }
    let time = |what: &str, n: u32, f: &mut dyn FnMut()| {
        let start = std::time::Instant::now();
        for _ in 0..n { f(); }
        println!("{what}: {:.1} ms", start.elapsed().as_secs_f64() * 1e3 / f64::from(n));
    };
    let mut stage = Stage::new(Part::Genuine, 1);
    stage.at_rest(Screen::Consent);
    time("standing", 30, &mut || drop(stage.frame()));
    stage.at_rest(Screen::Document { side: DocumentSide::Front });
    time("card", 30, &mut || drop(stage.frame()));
    time("new", 3, &mut || drop(Stage::new(Part::Genuine, 1)));
    let seeds: u64 = std::env::var("SEEDS").map_or(2, |s| s.parse().unwrap());
    for seed in 1..=seeds {
        for part in [Part::Genuine, Part::SomeoneElse, Part::Altered, Part::Expired, Part::UnderAge, Part::FlatPhoto, Part::BentPhoto, Part::Absent] {
            let mut stage = Stage::new(part, seed);
            let sides = stage.card();
            let DocumentSides::Card { front, .. } = &sides else { unreachable!() };
            let located = carded::imaging::locate_card(&front.to_gray()).map(|c| (c.score, c.outline.bounds()));
            let reading = read(&mut verifier, &sides);
            let agree: Vec<_> = reading.evidence.comparisons.iter().map(|c| format!("{}:{:?}", c.field, c.result)).collect();
            println!("{seed} {part} doc {:?} {agree:?} {located:?}", findings(&reading));
            let is_face_part = matches!(part, Part::Genuine | Part::SomeoneElse | Part::FlatPhoto | Part::BentPhoto | Part::Absent);
            if is_face_part {
                let began = stage.clock;
                let (report, probes) = stage.challenge(&mut observer, sequence(seed as u8));
                let sim = reading.portrait.as_ref().map(|p| compare_each(&probes, p, MatchThreshold::SHIPPED));
                println!("   {:?} {:?} yaw {:?} par {:?} pad {:?} sim {:?} in {:?}", report.verdict, report.reasons, report.yaw_range_degrees, report.parallax_score, report.pad_score, sim.map(|s| (s.similarity, s.is_match())), stage.clock - began);
            }
        }
    }
}
