use super::*;
use crate::compliance::PlaceDays;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use proptest::prelude::*;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

fn earliest() -> Timestamp {
    "2026-11-22T00:00:00Z".parse().unwrap()
}

/// A device and the world around it: the true time goes on, and everybody can set the clock on the wall.
struct World {
    now: Timestamp,
    /// What the clock on the wall is ahead.
    off: SignedDuration,
    boot: Duration,
    synchronized_at: Option<Timestamp>,
    gnss_off: Option<SignedDuration>,
    keeper: ClockKeeper,
}

impl World {
    fn new() -> Self {
        let now = later(earliest(), signed(40 * DAY));
        let keeper = ClockKeeper::new(earliest(), None, false);
        Self { now, off: SignedDuration::ZERO, boot: MINUTE, synchronized_at: None, gnss_off: None, keeper }
    }

    fn wall(&self) -> Timestamp {
        later(self.now, self.off)
    }

    fn pass(&mut self, time: Duration) -> &mut Self {
        self.now = later(self.now, signed(time));
        self.boot += time;
        self
    }

    /// A time service sets the clock right.
    fn synchronize(&mut self) -> &mut Self {
        self.off = SignedDuration::ZERO;
        self.synchronized_at = Some(self.now);
        self
    }

    fn set(&mut self, by: SignedDuration) -> &mut Self {
        self.off = self.off.saturating_add(by);
        self
    }

    fn restart_engine(&mut self) -> &mut Self {
        self.keeper = ClockKeeper::new(earliest(), Some(&self.keeper.mark()), true);
        self
    }

    /// The machine was off for a time, in which its clock on the wall went on.
    fn restart_machine(&mut self, off_for: Duration) -> &mut Self {
        self.now = later(self.now, signed(off_for));
        (self.boot, self.synchronized_at) = (MINUTE, None);
        self.keeper = ClockKeeper::new(earliest(), Some(&self.keeper.mark()), false);
        self
    }

    fn look(&mut self) -> ClockLook {
        let gnss = self.gnss_off.map(|off| later(self.now, off));
        let reading = ClockReading { wall: self.wall(), boot: self.boot, synchronized_at: self.synchronized_at, gnss };
        self.keeper.look(&reading)
    }

    fn judged(&mut self) -> Result<ClockTrust, ClockFault> {
        self.look().judged
    }
}

#[test]
fn a_clock_that_nobody_has_confirmed_is_held_over_and_one_that_a_time_service_has_set_is_trusted_for_a_week() {
    let mut world = World::new();
    assert_eq!(world.judged(), Ok(ClockTrust::HeldOver));
    assert_eq!(world.pass(HOUR).synchronize().pass(MINUTE).judged(), Ok(ClockTrust::Trusted));
    assert_eq!(world.pass(7 * DAY).judged(), Ok(ClockTrust::Trusted));
    assert_eq!(world.pass(HOUR).judged(), Ok(ClockTrust::HeldOver));
    assert_eq!(world.synchronize().judged(), Ok(ClockTrust::Trusted));
}

#[test]
fn trust_outlives_a_restart_of_the_engine_and_of_the_machine() {
    let mut world = World::new();
    let _ = world.synchronize().look();
    assert_eq!(world.pass(HOUR).restart_engine().judged(), Ok(ClockTrust::Trusted));
    assert_eq!(world.restart_machine(2 * DAY).judged(), Ok(ClockTrust::Trusted));
    assert_eq!(world.restart_machine(6 * DAY).judged(), Ok(ClockTrust::HeldOver));
}

#[test]
fn satellites_confirm_a_clock_and_contradict_one_that_is_more_than_a_minute_off() {
    let mut world = World::new();
    world.gnss_off = Some(SignedDuration::from_secs(30));
    assert_eq!(world.judged(), Ok(ClockTrust::Trusted));
    world.gnss_off = Some(SignedDuration::from_secs(-61));
    assert_eq!(world.pass(MINUTE).judged(), Err(ClockFault::AgainstGnss));
    world.gnss_off = None;
    assert_eq!(world.pass(HOUR).judged(), Err(ClockFault::AgainstGnss), "what they said counts on without them");
    assert_eq!(world.synchronize().pass(MINUTE).judged(), Ok(ClockTrust::Trusted));
    world.gnss_off = Some(SignedDuration::from_hours(2));
    assert_eq!(world.pass(MINUTE).judged(), Err(ClockFault::AgainstGnss));
    assert_eq!(world.set(SignedDuration::from_hours(2)).judged(), Ok(ClockTrust::Trusted), "set as they say");
}

#[test]
fn a_receiver_that_has_lost_count_of_its_weeks_says_nothing() {
    let mut world = World::new();
    world.gnss_off = Some(SignedDuration::from_hours(-1024 * 7 * 24));
    assert_eq!(world.judged(), Ok(ClockTrust::HeldOver));
}

#[test]
fn a_clock_that_is_set_back_behind_what_was_trusted_decides_nothing_until_it_is_right_again() {
    let mut world = World::new();
    let _ = world.synchronize().look();
    let look = world.pass(HOUR).set(SignedDuration::from_hours(-2)).look();
    assert_eq!(look.judged, Err(ClockFault::BeforeFloor));
    assert!(look.step.is_some_and(ClockStep::is_back));
    assert_eq!(world.pass(HOUR).look().step, None, "a step is told once");
    assert_eq!(world.restart_engine().judged(), Err(ClockFault::BeforeFloor));
    assert_eq!(world.restart_machine(HOUR).judged(), Err(ClockFault::BeforeFloor));
    assert_eq!(world.set(SignedDuration::from_hours(2)).judged(), Ok(ClockTrust::HeldOver), "nobody has confirmed it");
    assert_eq!(world.pass(MINUTE).synchronize().judged(), Ok(ClockTrust::Trusted));
}

#[test]
fn a_clock_before_the_rules_were_made_decides_nothing() {
    let mut world = World::new();
    assert_eq!(world.set(SignedDuration::from_hours(-50 * 24)).judged(), Err(ClockFault::BeforeRules));
}

#[test]
fn a_clock_that_was_set_years_ahead_by_mistake_is_right_again_once_a_source_or_an_operator_says_so() {
    let ahead = SignedDuration::from_hours(10 * 365 * 24);
    let mut world = World::new();
    let _ = world.synchronize().look();
    let look = world.pass(HOUR).set(ahead).look();
    assert_eq!((look.judged, look.step.map(ClockStep::is_back)), (Ok(ClockTrust::HeldOver), Some(false)));
    assert_eq!(world.restart_machine(HOUR).judged(), Ok(ClockTrust::HeldOver));
    // Whoever sets it back may be right, or may have an expired document in hand.
    assert_eq!(world.set(-ahead).pass(HOUR).judged(), Err(ClockFault::SetBack));
    assert_eq!(world.restart_engine().judged(), Err(ClockFault::SetBack));
    let mut asked = World { keeper: world.keeper.clone(), ..world };
    asked.keeper.reset();
    assert_eq!(asked.judged(), Ok(ClockTrust::HeldOver), "an operator says so");
    assert_eq!(world.synchronize().judged(), Ok(ClockTrust::Trusted));
}

#[test]
fn a_clock_that_nobody_confirms_makes_no_document_valid_again_by_being_set_back() {
    let mut world = World::new();
    let decided = world.look().time;
    for back in [1, 12, 23] {
        let mut world = World { keeper: world.keeper.clone(), ..world };
        let look = world.set(SignedDuration::from_hours(-back)).look();
        assert_eq!(look.judged, Ok(ClockTrust::HeldOver), "{back} h");
        assert!(look.expiry >= decided && look.time < decided, "{back} h: {look:?}");
        let after = world.restart_machine(HOUR).look();
        assert!(after.expiry >= decided, "also after a restart: {after:?}");
    }
    let look = world.set(SignedDuration::from_hours(-25)).look();
    assert_eq!((look.judged, look.expiry >= decided), (Err(ClockFault::SetBack), true));
}

#[test]
fn a_new_device_on_a_machine_that_has_run_for_weeks_is_not_ahead_of_its_time() {
    let mut world = World::new();
    world.boot = 40 * DAY;
    assert_eq!(world.judged(), Ok(ClockTrust::HeldOver));
    assert!(world.keeper.mark().floor <= world.wall());
    world.keeper.reset();
    assert_eq!(world.pass(HOUR).judged(), Ok(ClockTrust::HeldOver));
    // Newer rules raise the floor to their day, and the running time before that counts no second time.
    world.keeper = ClockKeeper::new(world.wall(), Some(&world.keeper.mark()), false);
    assert_eq!(world.judged(), Ok(ClockTrust::HeldOver));
}

#[test]
fn a_floor_that_a_wrong_time_service_has_raised_is_an_operators_to_reset() {
    let mut world = World::new();
    let _ = world.look();
    world.off = SignedDuration::from_hours(24 * 365);
    world.synchronized_at = Some(world.wall());
    assert_eq!(world.judged(), Ok(ClockTrust::Trusted));
    assert_eq!(world.pass(HOUR).synchronize().judged(), Err(ClockFault::BeforeFloor));
    world.keeper.reset();
    assert_eq!(world.pass(MINUTE).synchronize().judged(), Ok(ClockTrust::Trusted));
}

#[test]
fn a_floor_that_was_raised_too_far_waits_for_the_time_that_a_source_confirms() {
    let mut world = World::new();
    let _ = world.synchronize().look();
    // A clock that goes wrong while the machine is off is believed for what is left of the week, and no further.
    let _ = world.restart_machine(HOUR).set(SignedDuration::from_hours(5 * 24)).look();
    assert_eq!(world.pass(MINUTE).synchronize().judged(), Err(ClockFault::BeforeFloor));
    for _ in 0..5 * 24 {
        let _ = world.pass(HOUR).synchronize().look();
    }
    assert_eq!(world.pass(HOUR).synchronize().judged(), Ok(ClockTrust::Trusted));
}

#[test]
fn the_time_service_s_word_counts_once_and_not_for_a_clock_that_was_set_after_it() {
    let mut world = World::new();
    let _ = world.look();
    // Set after the service's look, and before ours.
    let _ = world.pass(MINUTE).synchronize().set(SignedDuration::from_hours(30)).look();
    assert_eq!(world.pass(MINUTE).judged(), Ok(ClockTrust::HeldOver));
}

/// What may happen to a device.
#[derive(Debug, Clone)]
enum Happening {
    Pass(u64),
    Set(i64),
    Synchronize,
    Satellites(Option<i64>),
    RestartEngine,
    RestartMachine(u64),
}

fn happening() -> impl Strategy<Value = Happening> {
    let years = 3 * 365 * 86_400_i64;
    prop_oneof![
        4 => (0..200_000_u64).prop_map(Happening::Pass),
        3 => (-years..years).prop_map(Happening::Set),
        2 => (-200_000..200_000_i64).prop_map(Happening::Set),
        2 => Just(Happening::Synchronize),
        1 => proptest::option::of(-300..300_i64).prop_map(Happening::Satellites),
        2 => Just(Happening::RestartEngine),
        2 => (0..900_000_u64).prop_map(Happening::RestartMachine),
    ]
}

impl World {
    fn undergo(&mut self, happening: &Happening) {
        match *happening {
            Happening::Pass(seconds) => drop(self.pass(Duration::from_secs(seconds)).wall()),
            Happening::Set(seconds) => drop(self.set(SignedDuration::from_secs(seconds)).wall()),
            Happening::Synchronize => drop(self.synchronize().wall()),
            Happening::Satellites(off) => self.gnss_off = off.map(SignedDuration::from_secs),
            Happening::RestartEngine => drop(self.restart_engine().wall()),
            Happening::RestartMachine(seconds) => drop(self.restart_machine(Duration::from_secs(seconds)).wall()),
        }
    }
}

fn day_of(time: Timestamp) -> Date {
    PlaceDays::at(time, &[TimeZone::UTC]).unwrap().latest
}

proptest! {
    /// Whatever is set, restarted and confirmed, in whatever order.
    #[test]
    fn nothing_is_ever_decided_by_a_time_before_one_that_was_trusted(all in prop::collection::vec(happening(), 1..60)) {
        let mut world = World::new();
        let mut trusted = earliest();
        for happening in &all {
            world.undergo(happening);
            let before = world.keeper.mark().floor;
            let look = world.look();
            prop_assert!(world.keeper.mark().floor >= before, "the floor fell");
            if let Ok(trust) = look.judged {
                prop_assert!(look.time >= trusted, "{} before {trusted}", look.time);
                prop_assert!(look.time >= world.wall());
                trusted = if trust == ClockTrust::Trusted { look.time } else { trusted };
            }
        }
    }

    #[test]
    fn a_document_that_has_expired_on_a_trusted_day_never_becomes_valid_again(
        all in prop::collection::vec(happening(), 1..60),
        expires in 0..120i32,
    ) {
        let mut world = World::new();
        let last_day = day_of(earliest()).saturating_add(expires.days());
        let mut has_expired = false;
        for happening in &all {
            world.undergo(happening);
            let look = world.look();
            if let Ok(trust) = look.judged {
                let expired = day_of(look.time) > last_day;
                prop_assert!(expired || !has_expired, "valid again at {}", look.time);
                has_expired |= expired && trust == ClockTrust::Trusted;
            }
        }
    }

    #[test]
    fn while_the_device_runs_no_setting_of_its_clock_turns_the_day_back(
        sets in prop::collection::vec((-300_000_000..300_000_000i64, 1..400_000u64), 1..40),
    ) {
        let mut world = World::new();
        let began = world.now;
        let _ = world.synchronize().look();
        for (by, seconds) in sets {
            let look = world.set(SignedDuration::from_secs(by)).pass(Duration::from_secs(seconds)).look();
            let passed = world.now.duration_since(began);
            let least = later(began, passed - passed / 1_000);
            prop_assert!(look.judged.is_err() || look.time >= least, "{} before {least}", look.time);
        }
    }

    #[test]
    fn a_clock_that_was_only_ever_set_ahead_without_a_source_is_trusted_again_as_soon_as_one_confirms_it(
        ahead in 0..400_000_000i64,
        runs in 0..3_000_000u64,
    ) {
        let mut world = World::new();
        let _ = world.synchronize().look();
        let _ = world.pass(HOUR).set(SignedDuration::from_secs(ahead)).look();
        let judged = world.pass(Duration::from_secs(runs)).synchronize().judged();
        // What is no step is believed.
        prop_assert!(judged == Ok(ClockTrust::Trusted), "{judged:?}");
    }
}
