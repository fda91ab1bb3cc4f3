mod bench;
mod clock;
mod passes;
mod returning;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use self::bench::{Bench, Running, config_in, parts, still_camera, still_pictures};
use super::*;
use crate::camera::{AtEnd, CameraError, Capture, FrameSource, Replay, ReplayFault, ReplayFaults, ReplaySettings};
use crate::imaging::{Provenance, Rgb};
use crate::run::SystemClock;
use crate::run::socket::Connection;
use crate::run::test_support::runtime;
use crate::session::protocol::{Body, ClientMessage, ClientRole, EngineMessage, LeaseWish};
use crate::session::{ConsentText, DeviceFault, PassText, ReasonCode, Screen, SessionId};
use crate::tools::simulated::{Part, SimulatedPerson};
use crate::tools::specimen::encode_jpeg;
use crate::tools::today_utc;

/// Nothing here takes that long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

fn agreed(session: SessionId) -> ClientMessage {
    ClientMessage::Consent { session, given: true, text: ConsentText::own(false) }
}

async fn prompt(till: &mut Connection, wanted: impl Fn(&Screen) -> bool) -> Prompt {
    loop {
        let heard = timeout(PATIENCE, till.receive()).await.expect("the engine says something").unwrap();
        if let Body::Message(EngineMessage::Prompt(prompt)) = heard
            && wanted(&prompt.screen)
        {
            return prompt;
        }
    }
}

#[test]
fn a_camera_that_is_unplugged_in_a_session_is_the_device_s_fault_and_the_session_goes_on() {
    if runtime().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    still_pictures(folder.path(), &[90, 110]);
    let once = "source = \"replay\"\npath = \"frames\"\n[sessions]\ndocument_attempts = 1\nface_attempts = 1\n";
    let config = config_in(folder.path(), once);
    let socket = config.device.socket.clone();
    let camera = still_camera(folder.path(), ReplayFaults::default().at(30, ReplayFault::Disconnect));
    let parts = parts(config, Arc::new(SystemClock::new(None)), |_| camera);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let running = Running::start(parts).await;
        let mut till = Connection::open(&socket, ClientRole::Till).await.unwrap();
        till.send(&ClientMessage::Start).await.unwrap();
        let session = prompt(&mut till, |screen| *screen == Screen::Consent).await.session.unwrap();
        till.send(&agreed(session)).await.unwrap();
        prompt(&mut till, |screen| matches!(screen, Screen::Document { .. })).await;
        let fault = prompt(&mut till, |screen| matches!(screen, Screen::Fault { .. })).await;
        assert_eq!(fault.screen, Screen::Fault { fault: DeviceFault::CameraMissing });
        // The only attempt was given back: nothing is held against the person.
        let again = prompt(&mut till, |screen| matches!(screen, Screen::Document { .. })).await;
        assert_eq!(again.last_error, None);
        running.stop().await;
    });
}

/// Pictures a second of the simulated camera.
const RATE: u32 = 15;

/// A visitor before a camera whose picture may stop, though frames go on, when the head turn is under way.
struct Visit {
    person: SimulatedPerson,
    prompts: watch::Receiver<Prompt>,
    freezes: bool,
    began: Instant,
    taken: u32,
    stopped: Option<Rgb>,
    /// What is held before the camera when the document is asked for, and until when.
    code: Option<Rgb>,
    code_until: Option<Duration>,
}

impl FrameSource for Visit {
    fn next(&mut self) -> Result<Capture, CameraError> {
        self.taken += 1;
        let due = Duration::from_secs(1) * self.taken / RATE;
        match due.checked_sub(self.began.elapsed()) {
            Some(early) => std::thread::sleep(early),
            None => self.taken = (self.began.elapsed().as_secs_f64() * f64::from(RATE)) as u32,
        }
        let freezing = self.freezes && matches!(self.prompts.borrow().screen, Screen::Face { done: 1.., .. });
        let image = match self.stopped.take().filter(|_| freezing) {
            Some(stopped) => stopped,
            None => self.person.picture(self.began.elapsed()),
        };
        self.stopped = freezing.then(|| image.clone());
        let image = self.with_code(image);
        Ok(Capture { image, provenance: Provenance::Simulated })
    }
}

impl Visit {
    fn with_code(&mut self, mut image: Rgb) -> Rgb {
        let Some(code) = self.code.as_ref().filter(|_| matches!(self.prompts.borrow().screen, Screen::Document { .. }))
        else {
            return image;
        };
        let until = *self.code_until.get_or_insert(self.began.elapsed() + Duration::from_secs(2));
        if self.began.elapsed() < until {
            let (left, top) = ((image.width() - code.width()) / 2, (image.height() - code.height()) / 2);
            for (y, x) in (0..code.height()).flat_map(|y| (0..code.width()).map(move |x| (y, x))) {
                image.set_pixel(left + x, top + y, code.pixel(x, y));
            }
        }
        image
    }
}

/// What a visit led to.
struct Visited {
    /// Every screen, one after the other.
    screens: Vec<Screen>,
    /// The event that tells the shop.
    event: serde_json::Value,
    /// Attempts that still count against the device's budget.
    charged: i64,
    /// The pass that the person's screen showed, and whether a till saw one.
    pass: Option<PassText>,
    till_saw_pass: bool,
    /// Credentials that the store holds.
    credentials: i64,
}

impl Visited {
    fn end(&self) -> Screen {
        *self.screens.last().unwrap()
    }
}

/// One session of somebody who plays a part, from its start to its event.
fn visit(part: Part, freezes: bool, sessions: &str) -> Visited {
    let folder = tempfile::tempdir().unwrap();
    visit_in(folder.path(), part, freezes, sessions, None)
}

/// The same on a box with a folder that stays, with something that is held before the camera first.
fn visit_in(folder: &Path, part: Part, freezes: bool, sessions: &str, code: Option<Rgb>) -> Visited {
    let config = config_in(
        folder,
        &format!(
            "source = \"simulated\"\nparts = [\"{part}\"]\n[sessions]\n{sessions}\n\
             [[endpoint]]\nname = \"shop\"\nurl = \"https://shop.example\"\ndialect = \"stile\"\nsecret_files = [\"none\"]\n",
        ),
    );
    let socket = config.device.socket.clone();
    let camera = move |prompts: watch::Receiver<Prompt>| -> OpenSource {
        Arc::new(move || {
            let shown = prompts.clone();
            let person = SimulatedPerson::new(part, Box::new(move || shown.borrow().clone()), today_utc(), 1);
            let person = person.map_err(|_| CameraError::Crashed)?;
            let prompts = prompts.clone();
            let (began, code) = (Instant::now(), code.clone());
            let visit = Visit { person, prompts, freezes, began, taken: 0, stopped: None, code, code_until: None };
            Ok(Box::new(visit))
        })
    };
    let parts = parts(config, Arc::new(SystemClock::new(None)), camera);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let running = Running::start(parts).await;
        let mut till = Connection::open(&socket, ClientRole::Till).await.unwrap();
        let mut display = Connection::open(&socket, ClientRole::Display).await.unwrap();
        till.send(&ClientMessage::Start).await.unwrap();
        let session: SessionId = prompt(&mut till, |screen| *screen == Screen::Consent).await.session.unwrap();
        till.send(&agreed(session)).await.unwrap();
        let (mut screens, mut pass) = (Vec::new(), None);
        let ended = |screen: &Screen| matches!(screen, Screen::NotVerified { .. } | Screen::Verified | Screen::Expired);
        while !screens.last().is_some_and(ended) {
            let shown = prompt(&mut display, |_| true).await;
            pass = shown.new_pass;
            screens.push(shown.screen);
        }
        let till_saw_pass = prompt(&mut till, ended).await.new_pass.is_some();
        let mut sync = Connection::open(&socket, ClientRole::Sync).await.unwrap();
        sync.send(&ClientMessage::Lease(LeaseWish::up_to(1))).await.unwrap();
        let deliveries = loop {
            let heard = timeout(PATIENCE, sync.receive()).await.unwrap().unwrap();
            // That something is due may be said before.
            if let Body::Message(EngineMessage::Leased { deliveries, .. }) = heard {
                break deliveries;
            }
        };
        let event = serde_json::from_str(&deliveries[0].body).unwrap();
        running.stop().await;
        let store = rusqlite::Connection::open(folder.join("state/store.db")).unwrap();
        let charged = store.query_row("SELECT count(*) FROM attempt", [], |row| row.get(0)).unwrap();
        let credentials = store.query_row("SELECT count(*) FROM credential", [], |row| row.get(0)).unwrap();
        Visited { screens, event, charged, pass, till_saw_pass, credentials }
    })
}

#[test]
fn a_feed_that_freezes_in_the_head_turn_refuses_the_attempt_for_that_reason() {
    if runtime().is_none() {
        return;
    }
    let visited = visit(Part::Genuine, true, "document_attempts = 3\nface_attempts = 1");
    assert_eq!(visited.end(), Screen::NotVerified { reason: ReasonCode::CameraFeedSuspect });
}

/// The numbers of the colours that were shown, in order.
fn colours(visited: &Visited) -> Vec<u8> {
    let mut steps: Vec<u8> = visited
        .screens
        .iter()
        .filter_map(|screen| match screen {
            Screen::Flash { step, .. } => Some(*step),
            _ => None,
        })
        .collect();
    steps.dedup();
    steps
}

const FLASHING: &str = "screen_flash = \"require\"\nface_attempts = 1";

#[test]
fn a_person_whose_skin_follows_the_screen_is_verified_and_the_outcome_says_that_the_light_was_simulated() {
    if runtime().is_none() {
        return;
    }
    let visited = visit(Part::Genuine, false, FLASHING);
    assert_eq!(visited.end(), Screen::Verified, "{}", visited.event);
    let notice = visited.screens.iter().position(|screen| *screen == Screen::FlashNotice).expect("a notice");
    let first = visited.screens.iter().position(|screen| matches!(screen, Screen::Flash { .. })).expect("a colour");
    assert!(notice < first);
    assert_eq!(colours(&visited), (0..8).collect::<Vec<u8>>());
    let outcome = &visited.event["data"]["object"]["carded"]["outcome"];
    assert_eq!(outcome["flash"]["verdict"], "followed", "{outcome}");
    assert_eq!((&outcome["flash"]["simulated"], &outcome["livemode"]), (&true.into(), &false.into()));
    assert!(outcome["flash"]["score_percent"].as_i64().unwrap() >= 80, "{outcome}");
    assert!(outcome["flags"].as_array().unwrap().contains(&"screen_flash_simulated".into()), "{outcome}");
    assert!(outcome["flags"].as_array().unwrap().contains(&"clock_holdover".into()), "nobody confirms this clock");
    let surroundings = serde_json::json!({"place": {"source": "none", "agrees": "unknown"}, "clock": "held_over"});
    assert_eq!(outcome["surroundings"], surroundings, "{outcome}");
}

#[test]
fn a_face_that_turns_as_it_is_asked_and_does_not_follow_the_screen_is_refused_for_that_reason() {
    if runtime().is_none() {
        return;
    }
    let visited = visit(Part::Unlit, false, FLASHING);
    let refused = Screen::NotVerified { reason: ReasonCode::FlashNotFollowed };
    assert_eq!(visited.end(), refused, "{}", visited.event);
    let outcome = &visited.event["data"]["object"]["carded"]["outcome"];
    assert_eq!(outcome["flash"]["verdict"], "not_followed", "{outcome}");
    assert_eq!(outcome["reasons"], serde_json::json!(["flash_not_followed"]), "{outcome}");
}

/// Whether the optional model is there, told with a clear line when it is not.
fn estimates_ages() -> bool {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/faceres_age_224.onnx");
    if !model.exists() {
        eprintln!("SKIPPED: the optional model age_estimation is not installed; run `models/rebuild --with-optional`");
    }
    model.exists() && runtime().is_some()
}

fn triaging(buffer_years: u8) -> String {
    format!(
        "face_attempts = 1\n[sessions.age_triage]\nbuffer_years = {buffer_years}\njurisdictions = [\"US-CA\"]\n\
         use_cases = [\"alcohol_in_person\"]"
    )
}

#[test]
fn a_person_who_looks_clearly_old_enough_is_verified_by_the_head_turn_alone() {
    if !estimates_ages() {
        return;
    }
    let visited = visit(Part::Genuine, false, &triaging(5));
    assert_eq!(visited.end(), Screen::Verified, "{}", visited.event);
    assert!(!visited.screens.iter().any(|screen| matches!(screen, Screen::Document { .. })));
    let outcome = &visited.event["data"]["object"]["carded"]["outcome"];
    assert_eq!((&outcome["method"], &outcome["strength"]), (&"age_estimate".into(), &"age_estimate".into()));
    assert_eq!(outcome["livemode"], false, "{outcome}");
    assert_eq!(visited.charged, 0, "the head turn has passed");
    let models = outcome["model_digests"].as_object().unwrap();
    assert!(models.contains_key("age_estimation") && !models.contains_key("text_detection"), "{outcome}");
    let numbers = outcome.as_object().unwrap().iter().filter(|(_, value)| value.is_number());
    assert_eq!(numbers.map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["sequence"], "no estimate: {outcome}");
}

#[test]
fn the_same_person_under_a_wide_buffer_shows_the_document_and_nothing_says_that_the_face_was_looked_at_for_its_age() {
    if !estimates_ages() {
        return;
    }
    let visited = visit(Part::Genuine, false, &triaging(20));
    assert_eq!(visited.end(), Screen::Verified, "{}", visited.event);
    let first = |wanted: fn(&Screen) -> bool| visited.screens.iter().position(wanted).expect("such a screen");
    let (face, card) = (first(|s| matches!(s, Screen::Face { .. })), first(|s| matches!(s, Screen::Document { .. })));
    assert!(face < card, "the face comes first");
    assert_eq!(visited.charged, 0, "nobody is charged for looking young who is old enough");
    assert_eq!(visited.event["data"]["object"]["carded"]["outcome"]["strength"], "document_face");
    assert!(!visited.event.to_string().contains("age_estimat"), "{}", visited.event);
}

#[test]
fn an_engine_that_is_to_estimate_ages_does_not_start_without_the_model() {
    if runtime().is_none() {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models");
    std::fs::create_dir(&models).unwrap();
    for file in std::fs::read_dir(root.join("models")).unwrap().map(Result::unwrap) {
        if file.path().is_file() && file.file_name() != "faceres_age_224.onnx" {
            std::fs::copy(file.path(), models.join(file.file_name())).unwrap();
        }
    }
    let config = Config::parse(&format!(
        "[device]\nstate = \"{0}/state\"\nsocket = \"{0}/engine.sock\"\n[site]\njurisdiction = \"US-CA\"\n\
         use_case = \"alcohol_in_person\"\n[camera]\nsource = \"replay\"\npath = \"none\"\n[sessions]\n{1}\n",
        folder.path().display(),
        triaging(5),
    ))
    .unwrap();
    let configured = config.sessions.clone();
    let parts = EngineParts {
        config,
        models,
        runtime: root.join("target/runtime/libonnxruntime.so"),
        decoder: Decoder::Inside,
        clock: Arc::new(SystemClock::new(None)),
        camera: Box::new(|_| Arc::new(|| Err(CameraError::Crashed))),
        policy: Box::new(move |rule| configured.policy(rule)),
    };
    let refused = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let (_stop, stopped) = watch::channel(false);
        timeout(PATIENCE, run(parts, stopped, || {})).await.unwrap().unwrap_err()
    });
    assert!(refused.to_string().contains("models/rebuild --with-optional"), "{refused}");
}
