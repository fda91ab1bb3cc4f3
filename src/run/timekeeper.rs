//! The time that the engine goes by: the machine's clocks, what was kept of them, and what is to be kept.
//!
//! Always holds: between two looks the time goes on by the boot clock, so that a clock which is set in between changes
//! nothing before it was judged. The judgement itself is `compliance::ClockKeeper`'s.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::clock::Clock;
use super::config::Config;
use super::ordering::{OrderError, on_engine_or_store};
use crate::compliance::{
    ClockFault, ClockKeeper, ClockLook, ClockReading, ClockStep, ClockTrust, RuleBook, TimeSource,
};
use crate::session::protocol::{ClientMessage, ClockAnswer, ClockOrder, ClockStepSummary, EngineMessage};
use crate::store::{KeptClock, Store};

/// Time between two writes of what is known of the time.
const KEEP_EVERY: Duration = Duration::from_mins(2);
/// Steps that an operator is shown.
const STEPS_SHOWN: u32 = 10;

/// Keeps the time.
pub(super) struct Timekeeper {
    clock: Arc<dyn Clock>,
    keeper: ClockKeeper,
    boot_id: Option<String>,
    last: ClockLook,
    /// When that was, by the boot clock.
    looked_at: Duration,
    /// What was written last, and when.
    kept: Option<(Option<ClockTrust>, Duration)>,
    /// A step that is not written yet.
    step: Option<ClockStep>,
}

impl Timekeeper {
    /// Takes up what was kept, and looks for the first time.
    pub(super) fn new(clock: Arc<dyn Clock>, rules: &RuleBook, kept: Option<&KeptClock>) -> Self {
        let boot_id = clock.boot_id();
        let same_boot = boot_id.is_some() && kept.is_some_and(|kept| kept.boot_id == boot_id);
        let mut keeper = ClockKeeper::new(rules.earliest_time(), kept.map(|kept| &kept.mark), same_boot);
        let reading = read(clock.as_ref(), |_| None);
        let last = keeper.look(&reading);
        Self { clock, keeper, boot_id, last, looked_at: reading.boot, kept: None, step: last.step }
    }

    /// Looks at the clocks; `gnss` is the satellites' time now.
    pub(super) fn look(&mut self, gnss: impl FnOnce(Duration) -> Option<Timestamp>) {
        let reading = read(self.clock.as_ref(), gnss);
        let before = self.fault();
        self.last = self.keeper.look(&reading);
        self.looked_at = reading.boot;
        if let Some(step) = self.last.step {
            tracing::warn!("the clock was set {}", if step.is_back() { "back" } else { "ahead" });
            self.step = Some(step);
        }
        if let Some(fault) = self.fault().filter(|fault| before != Some(*fault)) {
            tracing::error!("{fault}");
        }
    }

    /// The time, by the last look and what has passed since. Never before the floor.
    pub(super) fn time(&self) -> Timestamp {
        self.last.time.saturating_add(self.boot().saturating_sub(self.looked_at)).unwrap_or(Timestamp::MAX)
    }

    /// The time that an expiry is judged by, which is never before one that was decided by.
    pub(super) fn expiry_time(&self) -> Timestamp {
        let passed = self.boot().saturating_sub(self.looked_at);
        self.last.expiry.saturating_add(passed).unwrap_or(Timestamp::MAX)
    }

    /// Time since the machine booted.
    pub(super) fn boot(&self) -> Duration {
        self.clock.boot()
    }

    /// Why nothing is decided now.
    pub(super) fn fault(&self) -> Option<ClockFault> {
        self.last.judged.err()
    }

    /// How far the time can be relied on; `None` where nothing is decided by it.
    pub(super) fn trust(&self) -> Option<ClockTrust> {
        self.last.judged.ok()
    }

    /// Whether it is time to write: now and then, when a step was seen, and when trust came or went.
    pub(super) fn is_due(&self) -> bool {
        let fresh = |(trust, at): (Option<ClockTrust>, Duration)| {
            trust == self.trust() && self.looked_at.saturating_sub(at) < KEEP_EVERY
        };
        self.step.is_some() || !self.kept.is_some_and(fresh)
    }

    /// What is to be written.
    pub(super) fn to_keep(&self) -> (KeptClock, Option<ClockStep>) {
        (KeptClock { mark: self.keeper.mark(), boot_id: self.boot_id.clone() }, self.step)
    }

    /// It is on disk.
    pub(super) fn note_kept(&mut self) {
        (self.kept, self.step) = (Some((self.trust(), self.looked_at)), None);
    }

    /// Forgets the floor and every confirmation, and looks anew.
    pub(super) fn reset(&mut self) {
        self.keeper.reset();
        (self.kept, self.step) = (None, None);
        self.look(|_| None);
    }

    /// What an operator is told.
    pub(super) fn summary(&self, steps: &[ClockStep]) -> ClockAnswer {
        let mark = self.keeper.mark();
        let seconds = |at: Timestamp| at.as_second();
        ClockAnswer {
            wall: seconds(self.clock.wall()),
            state: match self.last.judged {
                Ok(ClockTrust::Trusted) => "trusted",
                Ok(ClockTrust::HeldOver) => "held_over",
                Err(_) => "implausible",
            }
            .to_owned(),
            why: self.fault().map(|fault| fault.to_string()),
            floor: seconds(mark.floor),
            confirmed: mark.confirmed.map(|confirmed| seconds(confirmed.at)),
            confirmed_by: mark.confirmed.map(|confirmed| TimeSource::as_str(confirmed.by).to_owned()),
            steps: steps
                .iter()
                .map(|step| ClockStepSummary { from: seconds(step.from), to: seconds(step.to) })
                .collect(),
        }
    }
}

fn read(clock: &dyn Clock, gnss: impl FnOnce(Duration) -> Option<Timestamp>) -> ClockReading {
    let synchronized_at = clock.synchronized_at();
    let (wall, boot) = (clock.wall(), clock.boot());
    ClockReading { wall, boot, synchronized_at, gnss: gnss(boot) }
}

/// Has an operator's order about the clock carried out: by the engine where one runs, on the store itself where none does.
///
/// # Errors
/// [`OrderError`], which says what to do.
pub async fn order_clock(
    config: &Config,
    clock: Arc<dyn Clock>,
    rules: &RuleBook,
    order: ClockOrder,
) -> Result<ClockAnswer, OrderError> {
    let of_engine = |said| match said {
        EngineMessage::Clock(answer) => Some(answer),
        _ => None,
    };
    let on_store = |store: &mut Store| {
        // What is to be forgotten need not be readable.
        let kept = match (store.clock(), order) {
            (Err(_), ClockOrder::Reset) => None,
            (kept, _) => kept?,
        };
        let mut keeper = Timekeeper::new(clock, rules, kept.as_ref());
        if order == ClockOrder::Reset {
            keeper.reset();
            store.reset_clock(keeper.time())?;
        }
        Ok(keeper.summary(&store.clock_steps(STEPS_SHOWN)?))
    };
    on_engine_or_store(config, ClientMessage::Clock(order), of_engine, on_store).await
}

/// The steps that an operator is shown.
pub(super) fn steps_shown(store: &Store) -> Result<Vec<ClockStep>, crate::store::StoreError> {
    store.clock_steps(STEPS_SHOWN)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::super::clock::tests::TurnedClock;
    use super::*;

    fn keeper(clock: &Arc<TurnedClock>, kept: Option<&KeptClock>) -> Timekeeper {
        Timekeeper::new(Arc::<TurnedClock>::clone(clock), &RuleBook::built_in().unwrap(), kept)
    }

    #[test]
    fn what_is_kept_holds_the_next_engine_to_the_time_that_was_trusted() {
        let clock = Arc::new(TurnedClock::default());
        clock.synchronize();
        let first = keeper(&clock, None);
        assert_eq!((first.trust(), first.is_due()), (Some(ClockTrust::Trusted), true));
        let (kept, _) = first.to_keep();
        clock.set(SignedDuration::from_hours(-1));
        let second = keeper(&clock, Some(&kept));
        assert_eq!((second.fault(), second.step.map(ClockStep::is_back)), (Some(ClockFault::BeforeFloor), Some(true)));
        assert!(second.time() >= kept.mark.floor);
        let mut third = keeper(&clock, Some(&kept));
        third.reset();
        assert_eq!(third.trust(), Some(ClockTrust::HeldOver));
        assert!(third.time() < kept.mark.floor);
    }

    #[test]
    fn a_clock_that_is_set_between_two_looks_changes_nothing_before_it_is_judged() {
        let clock = Arc::new(TurnedClock::default());
        let mut keeper = keeper(&clock, None);
        let before = keeper.time();
        clock.set(SignedDuration::from_hours(24 * 365 * 20));
        assert!(keeper.time().duration_since(before) < SignedDuration::from_mins(1));
        keeper.look(|_| None);
        assert!(keeper.time().duration_since(before) > SignedDuration::from_hours(24));
    }

    #[test]
    fn it_is_written_now_and_then_and_at_every_change() {
        let clock = Arc::new(TurnedClock::default());
        let mut keeper = keeper(&clock, None);
        let mut due_after = |change: &dyn Fn()| {
            keeper.look(|_| None);
            keeper.note_kept();
            change();
            keeper.look(|_| None);
            keeper.is_due()
        };
        assert!(!due_after(&|| {}));
        assert!(due_after(&|| clock.pass(KEEP_EVERY)));
        assert!(due_after(&|| clock.set(SignedDuration::from_hours(2))));
        assert!(due_after(&|| clock.synchronize()));
    }
}
