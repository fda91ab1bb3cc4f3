//! The engine with a clock that somebody turns.

use jiff::SignedDuration;

use super::*;
use crate::compliance::RuleBook;
use crate::run::clock::Clock;
use crate::run::clock::tests::TurnedClock;
use crate::run::order_clock;
use crate::session::protocol::{ClockAnswer, ClockOrder};

/// An engine before a still picture, with a clock of the test's.
struct Turned {
    config: Config,
    clock: Arc<TurnedClock>,
    folder: tempfile::TempDir,
}

/// One that runs.
struct Running {
    stop: watch::Sender<bool>,
    engine: tokio::task::JoinHandle<Result<(), EngineError>>,
}

impl Turned {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("frames")).unwrap();
        let picture = encode_jpeg(&Rgb::filled(640, 480, [90; 3]), 90).unwrap();
        std::fs::write(folder.path().join("frames/a.jpg"), picture).unwrap();
        let config = Config::parse(&format!(
            "[device]\nstate = \"{0}/state\"\nsocket = \"{0}/engine.sock\"\n[site]\njurisdiction = \"US-CA\"\n\
             use_case = \"alcohol_in_person\"\n[camera]\nsource = \"replay\"\npath = \"{0}/frames\"\n\
             [place]\ngpsd = \"\"\n",
            folder.path().display(),
        ));
        Self { config: config.unwrap(), clock: Arc::new(TurnedClock::default()), folder }
    }

    async fn start(&self) -> Running {
        let settings = ReplaySettings {
            path: self.folder.path().join("frames"),
            frames_per_second: 20.0,
            at_end: AtEnd::Loop,
            faults: ReplayFaults::default(),
        };
        let open: OpenSource = Arc::new(move || Ok(Box::new(Replay::open(&settings)?) as Box<dyn FrameSource>));
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let parts = EngineParts {
            config: self.config.clone(),
            models: root.join("models"),
            runtime: root.join("target/runtime/libonnxruntime.so"),
            decoder: Decoder::Inside,
            clock: Arc::<TurnedClock>::clone(&self.clock),
            camera: Box::new(|_| open),
            policy: Box::new(|rule| Policy::for_tier(rule.tier)),
        };
        let (stop, stopped) = watch::channel(false);
        let (ready, mut is_ready) = watch::channel(false);
        let engine = tokio::spawn(run(parts, stopped, move || {
            let _ = ready.send(true);
        }));
        timeout(PATIENCE, is_ready.wait_for(|ready| *ready)).await.unwrap().unwrap();
        Running { stop, engine }
    }

    async fn ask(&self, order: ClockOrder) -> ClockAnswer {
        let clock: Arc<dyn Clock> = Arc::<TurnedClock>::clone(&self.clock);
        order_clock(&self.config, clock, &RuleBook::built_in().unwrap(), order).await.unwrap()
    }

    async fn till(&self) -> Connection {
        Connection::open(&self.config.device.socket, ClientRole::Till).await.unwrap()
    }
}

impl Running {
    async fn stop(self) {
        self.stop.send(true).unwrap();
        timeout(PATIENCE, self.engine).await.unwrap().unwrap().unwrap();
    }
}

/// What the engine says to a till that wants a session.
async fn refusal(till: &mut Connection) -> String {
    till.send(&ClientMessage::Start).await.unwrap();
    loop {
        let heard = timeout(PATIENCE, till.receive()).await.expect("the engine says something").unwrap();
        if let Body::Message(EngineMessage::Failed { why }) = heard {
            return why;
        }
    }
}

#[test]
fn a_clock_that_is_set_back_in_a_session_is_the_device_s_fault_until_it_is_right_again() {
    if runtime().is_none() {
        return;
    }
    let turned = Turned::new();
    turned.clock.synchronize();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let running = turned.start().await;
        let mut till = turned.till().await;
        till.send(&ClientMessage::Start).await.unwrap();
        let session = prompt(&mut till, |screen| *screen == Screen::Consent).await.session.unwrap();
        turned.clock.set(SignedDuration::from_hours(-2));
        till.send(&agreed(session)).await.unwrap();
        let fault = prompt(&mut till, |screen| matches!(screen, Screen::Fault { .. })).await;
        assert_eq!(fault.screen, Screen::Fault { fault: DeviceFault::Clock });
        turned.clock.set(SignedDuration::from_hours(2));
        prompt(&mut till, |screen| matches!(screen, Screen::Consent | Screen::Document { .. })).await;
        running.stop().await;
    });
}

#[test]
fn an_engine_that_was_restarted_with_an_earlier_clock_decides_nothing_until_the_operator_says_so() {
    if runtime().is_none() {
        return;
    }
    let turned = Turned::new();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let running = turned.start().await;
        assert_eq!(turned.ask(ClockOrder::Show).await.state, "held_over");
        turned.clock.synchronize();
        let trusted = turned.ask(ClockOrder::Show).await;
        assert_eq!((trusted.state.as_str(), trusted.confirmed_by.as_deref()), ("trusted", Some("ntp")));
        running.stop().await;

        turned.clock.set(SignedDuration::from_hours(-2));
        let without_engine = turned.ask(ClockOrder::Show).await;
        assert_eq!((without_engine.state.as_str(), without_engine.why.is_some()), ("implausible", true));
        let running = turned.start().await;
        let shown = turned.ask(ClockOrder::Show).await;
        assert_eq!((shown.state.as_str(), shown.steps.len()), ("implausible", 1));
        assert!(shown.floor >= trusted.floor && shown.wall < shown.floor);
        let mut till = turned.till().await;
        assert!(refusal(&mut till).await.contains("clock"));
        let reset = turned.ask(ClockOrder::Reset).await;
        assert_eq!((reset.state.as_str(), reset.why), ("held_over", None));
        till.send(&ClientMessage::Start).await.unwrap();
        prompt(&mut till, |screen| *screen == Screen::Consent).await;
        running.stop().await;
    });
    let store = rusqlite::Connection::open(turned.config.device.state.join("store.db")).unwrap();
    let noted = |action: &str| -> i64 {
        store.query_row("SELECT count(*) FROM audit WHERE action = ?1", [action], |row| row.get(0)).unwrap()
    };
    assert_eq!((noted("clock_set_back"), noted("clock_reset")), (1, 1));
}
