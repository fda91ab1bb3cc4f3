//! The engine with a clock that somebody turns.

use jiff::SignedDuration;

use super::*;
use crate::compliance::RuleBook;
use crate::run::clock::tests::TurnedClock;
use crate::run::{order_clock, order_rules};
use crate::session::protocol::{ClockAnswer, ClockOrder, RulesOrder};

/// An engine before a still picture, with a clock of the test's.
struct Turned {
    bench: Bench,
    clock: Arc<TurnedClock>,
}

impl Turned {
    fn new() -> Self {
        let clock = Arc::new(TurnedClock::default());
        let mut bench = Bench::new("");
        bench.clock = Arc::<TurnedClock>::clone(&clock);
        Self { bench, clock }
    }

    async fn start(&self) -> Running {
        self.bench.start().await
    }

    async fn ask(&self, order: ClockOrder) -> ClockAnswer {
        let (clock, rules) = (Arc::clone(&self.bench.clock), RuleBook::built_in().unwrap());
        order_clock(&self.bench.config, clock, &rules, order).await.unwrap()
    }

    /// Why a file is not installed that is no bundle at all.
    async fn install(&self) -> String {
        let order = RulesOrder::Install { bundle: "{}".to_owned() };
        order_rules(&self.bench.config, Arc::clone(&self.bench.clock), order).await.unwrap_err().to_string()
    }

    async fn till(&self) -> Connection {
        self.bench.connect(ClientRole::Till).await
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
        assert!(turned.install().await.contains("clock"));
        let running = turned.start().await;
        assert!(turned.install().await.contains("clock"));
        let shown = turned.ask(ClockOrder::Show).await;
        assert_eq!((shown.state.as_str(), shown.steps.len()), ("implausible", 1));
        assert!(shown.floor >= trusted.floor && shown.wall < shown.floor);
        let mut till = turned.till().await;
        assert!(refusal(&mut till).await.contains("clock"));
        let reset = turned.ask(ClockOrder::Reset).await;
        assert_eq!((reset.state.as_str(), reset.why), ("held_over", None));
        assert!(turned.install().await.contains("bundle"), "now it is looked at");
        till.send(&ClientMessage::Start).await.unwrap();
        prompt(&mut till, |screen| *screen == Screen::Consent).await;
        running.stop().await;
    });
    let store = rusqlite::Connection::open(turned.bench.config.device.state.join("store.db")).unwrap();
    let noted = |action: &str| -> i64 {
        store.query_row("SELECT count(*) FROM audit WHERE action = ?1", [action], |row| row.get(0)).unwrap()
    };
    assert_eq!((noted("clock_set_back"), noted("clock_reset")), (1, 1));
}
