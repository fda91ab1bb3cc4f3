//! Engine and sync as processes are killed while people come, go on and go: what was shown is on disk, and the shop hears of
//! each end once.
//!
//! `CARDED_APPLIANCE_KILLS` says how often: 20 times in CI, 100 in `make test-kill`. Most kills are those of the store alone,
//! in `tests/durability/kill.rs`, because an engine takes seconds to start.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use carded::session::protocol::{ClientMessage, EngineMessage};
use carded::session::{ConsentText, Screen, SessionId};

use crate::site::{Client, Running, Site, alone, answer, wait_for};
use crate::support::receiver::{Receiver, receiver_on};

/// What is under way when somebody is killed.
const STAGES: [&str; 8] = ["created", "consent", "document", "face", "committing", "leased", "sent", "settled"];
/// Longest time from the beginning of a stage to the kill.
const MOMENT: Duration = Duration::from_millis(25);

fn kills() -> usize {
    std::env::var("CARDED_APPLIANCE_KILLS").map_or(20, |kills| kills.parse().unwrap())
}

/// A till that keeps in mind which ends were shown.
struct Counter {
    till: Client,
    shown: BTreeSet<SessionId>,
}

impl Counter {
    /// Hears until a session is at a screen, or has ended before. Answers the session, and whether it is at that screen.
    fn until(&mut self, wanted: impl Fn(&Screen) -> bool) -> (SessionId, bool) {
        loop {
            let EngineMessage::Prompt(prompt) = self.till.hear() else { continue };
            let Some(session) = prompt.session else { continue };
            if wanted(&prompt.screen) {
                return (session, true);
            }
            if has_ended(prompt.screen) {
                self.shown.insert(session.clone());
                return (session, false);
            }
        }
    }

    /// Takes up the session that a kill has left, or begins one.
    fn at_consent(&mut self) -> SessionId {
        loop {
            self.till.say(&ClientMessage::Start);
            let (session, there) = self.until(|screen| *screen == Screen::Consent);
            if there {
                return session;
            }
        }
    }

    fn cancel(&mut self, session: &SessionId) {
        self.till.say(&ClientMessage::Cancel { session: session.clone() });
    }

    /// Cancels it, and keeps in mind that its end was shown.
    fn see_off(&mut self, session: &SessionId) {
        self.cancel(session);
        while self.until(|screen| has_ended(*screen)).0 != *session {}
        self.shown.insert(session.clone());
    }

    /// Brings the appliance to a stage.
    fn reach(&mut self, stage: &str, receiver: &Receiver) {
        if stage == "created" {
            // Whatever a kill has left is finished first.
            let session = self.at_consent();
            self.see_off(&session);
            return self.till.say(&ClientMessage::Start);
        }
        let session = self.at_consent();
        if stage == "consent" {
            return self.agree(&session);
        }
        if matches!(stage, "document" | "face") {
            self.agree(&session);
            let of_face = stage == "face";
            self.until(|screen| match screen {
                Screen::Face { .. } => of_face,
                Screen::Document { .. } => !of_face,
                _ => false,
            });
            return;
        }
        if stage == "committing" {
            return self.cancel(&session);
        }
        let before = receiver.seen_ids().len();
        self.see_off(&session);
        if stage != "leased" {
            wait_for("the event", || (receiver.seen_ids().len() > before).then_some(()));
        }
        if stage == "settled" {
            // The answer is on its way from sync to the engine.
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn agree(&mut self, session: &SessionId) {
        self.till.say(&answer(session, true, (ConsentText::OF_CHECK, "en")));
    }
}

fn has_ended(screen: Screen) -> bool {
    matches!(screen, Screen::Verified | Screen::NotVerified { .. } | Screen::Canceled { .. } | Screen::Expired)
}

fn kill(role: &mut Option<Running>) {
    let killed = role.take().unwrap();
    killed.signal("-KILL");
    drop(killed);
}

#[test]
fn what_was_shown_is_kept_and_told_once_over_kills_of_engine_and_sync_in_every_stage() {
    let _alone = alone();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let receiver = runtime.block_on(async {
        receiver_on(tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap(), folder.path(), None)
    });
    let site = Site::reporting_to(receiver.address);
    let mut histogram: BTreeMap<&str, usize> = STAGES.map(|stage| (stage, 0)).into();
    let (mut shown, mut engine, mut sync) = (BTreeSet::new(), None, None);
    for number in 0..kills() {
        engine.get_or_insert_with(|| site.ready("engine"));
        sync.get_or_insert_with(|| site.ready("sync"));
        let mut counter = Counter { till: site.till(), shown: std::mem::take(&mut shown) };
        let stage = STAGES[number % STAGES.len()];
        counter.reach(stage, &receiver);
        std::thread::sleep(MOMENT.mul_f64(fastrand::f64()));
        // The delivery belongs to both.
        let of_sync = matches!(stage, "leased" | "sent" | "settled") && (number / STAGES.len()).is_multiple_of(2);
        kill(if of_sync { &mut sync } else { &mut engine });
        // A sync whose engine is lost again and again waits ever longer; a fresh one does not.
        if !of_sync && !number.is_multiple_of(5) {
            kill(&mut sync);
        }
        *histogram.get_mut(stage).unwrap() += 1;
        shown = counter.shown;
    }
    let _engine = engine.take().unwrap_or_else(|| site.ready("engine"));
    let _sync = sync.take().unwrap_or_else(|| site.ready("sync"));
    let mut counter = Counter { till: site.till(), shown };
    let session = counter.at_consent();
    counter.see_off(&session);
    let shown = counter.shown;
    let heard = || -> BTreeMap<String, usize> {
        let mut ends = BTreeMap::new();
        let seen = receiver.seen.lock().unwrap();
        let is_end =
            |name: &str| [".verified", ".failed", ".cancelled", ".expired"].iter().any(|end| name.ends_with(end));
        for event in seen.iter().filter(|event| is_end(&event.name)) {
            *ends.entry(event.session.clone()).or_default() += 1;
        }
        ends
    };
    let is_told = |session: &SessionId| heard().keys().any(|told| told.contains(session.as_str()));
    wait_for("every event", || shown.iter().all(is_told).then_some(()));
    wait_for("an empty outbox", || {
        let report = carded::store::check(&site.path("state")).unwrap();
        assert!(report.faults.is_empty(), "{:?}", report.faults);
        report.outbox.is_some_and(|outbox| outbox.waiting == 0 && outbox.dead == 0).then_some(())
    });
    assert!(heard().values().all(|ends| *ends == 1), "an end was told under two names: {:?}", heard());
    println!("{} kills of engine and sync, by what was under way:", kills());
    for (stage, kills) in &histogram {
        println!("{stage:<11}{kills:>4}");
    }
    println!("0 of {} ends that were shown were lost", shown.len());
}
