//! What time it is, and how far that can be relied on: the clock's readings in, a judgement out.
//!
//! Always holds: a time that is decided by is never before the floor, the latest time that was ever trusted; the floor goes
//! on with the device's running time and never falls but by an operator's order; only a trusted time raises it, so that a
//! clock that was set years ahead by mistake locks nothing. Does not read a clock: what the clocks said is passed in.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// So far an unconfirmed clock may be set back behind a time that was decided by. Within it an expiry is judged by the later time.
pub const MOST_BACK: SignedDuration = SignedDuration::from_hours(24);
/// For how long a time stays trusted after a source has confirmed it. A week without a network is normal, and a clock of a
/// usual crystal (50 to 100 parts in a million) is off by a minute at most after it.
pub const TRUSTED_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);
/// What two readings may differ by without anybody having set a clock.
pub const TOLERANCE: SignedDuration = SignedDuration::from_mins(1);
/// How old a synchronisation may be when the engine starts: time services look again every 34 minutes at least.
const FRESH_AT_START: SignedDuration = SignedDuration::from_hours(1);
/// Most that the boot clock may be wrong by, in parts in a million.
const MOST_DRIFT_PPM: u32 = 200;

/// Who has confirmed a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeSource {
    /// A time service on the network.
    Ntp,
    /// Satellites.
    Gnss,
}

impl TimeSource {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ntp, Self::Gnss];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ntp => "ntp",
            Self::Gnss => "gnss",
        }
    }
}

/// A time that was confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmed {
    /// The clock on the wall then.
    pub at: Timestamp,
    /// By whom.
    pub by: TimeSource,
}

/// What the clocks said at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// The clock on the wall.
    pub wall: Timestamp,
    /// Time since the machine booted, with time asleep. Nobody can set it.
    pub boot: Duration,
    /// When a time service has last set or confirmed the clock on the wall, by that clock.
    pub synchronized_at: Option<Timestamp>,
    /// The time of the satellites, where a receiver has a steady one now.
    pub gnss: Option<Timestamp>,
}

/// What is kept over restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockMark {
    /// The latest time that was trusted.
    pub floor: Timestamp,
    /// When a source has last confirmed the time.
    pub confirmed: Option<Confirmed>,
    /// The latest time that was decided by, confirmed or not, since a source last confirmed one.
    pub decided: Timestamp,
    /// The clock on the wall when this was written,
    pub wall: Timestamp,
    /// and the time since boot.
    pub boot: Duration,
}

/// How far a plausible time can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockTrust {
    /// A source has confirmed it within [`TRUSTED_FOR`].
    Trusted,
    /// None has, or somebody has set the clock since.
    HeldOver,
}

/// Why nothing is decided by a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClockFault {
    /// The program did not exist then.
    #[error("the clock says a time before this program's rules were made; set it")]
    BeforeRules,
    /// It is before a time that was trusted.
    #[error(
        "the clock says a time before one that was known to be right; set it, or see 'carded clock show' if it is right"
    )]
    BeforeFloor,
    /// It was set back by more than [`MOST_BACK`] behind a time that was decided by, and no source confirms that.
    #[error(
        "the clock was set back by more than a day; have a time service or a receiver confirm it, or see 'carded clock show' if it is right"
    )]
    SetBack,
    /// The satellites say another.
    #[error("the clock and the satellites differ by more than a minute; set the clock, or look after the receiver")]
    AgainstGnss,
}

/// The clock on the wall was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockStep {
    /// What it would have said.
    pub from: Timestamp,
    /// What it says.
    pub to: Timestamp,
}

impl ClockStep {
    /// Whether it was set back.
    #[must_use]
    pub fn is_back(self) -> bool {
        self.to < self.from
    }
}

/// What one look has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct ClockLook {
    /// The time to decide by, where it is plausible: never before the floor.
    pub time: Timestamp,
    /// The time that an expiry is judged by: never before one that was decided by, confirmed or not.
    pub expiry: Timestamp,
    /// How far it can be relied on.
    pub judged: Result<ClockTrust, ClockFault>,
    /// Whether the clock was set since the look before.
    pub step: Option<ClockStep>,
}

/// Keeps the clocks in view.
#[derive(Debug, Clone)]
pub struct ClockKeeper {
    /// The time before which no clock can be right.
    earliest: Timestamp,
    floor: Timestamp,
    /// When the floor was known, by the boot clock; `None` before the first look of a device that knew none.
    floor_boot: Option<Duration>,
    confirmed: Option<Confirmed>,
    /// From which pair of readings a step is told; `None` before the first look after a boot.
    anchor: Option<(Timestamp, Duration)>,
    last_look: Option<Duration>,
    synchronized_at: Option<Timestamp>,
    /// Whether the satellites have said another time, and nobody has set or confirmed the clock since.
    is_against_gnss: bool,
    /// Whether a source confirms a time before the floor: then the floor waits for it.
    is_contradicted: bool,
    decided: Timestamp,
    wall: Timestamp,
}

impl ClockKeeper {
    /// Begins with what was kept. `same_boot` tells whether the machine has not been restarted since.
    #[must_use]
    pub fn new(earliest: Timestamp, mark: Option<&ClockMark>, same_boot: bool) -> Self {
        let of_boot = mark.filter(|_| same_boot);
        Self {
            earliest,
            floor: mark.map_or(earliest, |mark| mark.floor),
            // After a restart all of the time since boot has passed since the floor was known.
            floor_boot: mark.map(|mark| if same_boot { mark.boot } else { Duration::ZERO }),
            confirmed: mark.and_then(|mark| mark.confirmed),
            anchor: of_boot.map(|mark| (mark.wall, mark.boot)),
            last_look: None,
            synchronized_at: None,
            is_against_gnss: false,
            is_contradicted: false,
            decided: mark.map_or(earliest, |mark| mark.decided),
            wall: mark.map_or(earliest, |mark| mark.wall),
        }
    }

    /// Judges what the clocks say now.
    pub fn look(&mut self, reading: &ClockReading) -> ClockLook {
        let ClockReading { wall, boot, .. } = *reading;
        self.raise_floor_by_running_time(boot);
        let step = self.step_of(reading);
        let gnss = reading.gnss.filter(|time| *time >= self.earliest);
        let against_gnss = gnss.is_some_and(|time| differ(time, wall) > TOLERANCE);
        let by_ntp = self.is_synchronized_anew(reading).then_some(TimeSource::Ntp);
        let confirmed = by_ntp.or(gnss.map(|_| TimeSource::Gnss)).filter(|_| !against_gnss);
        if step.is_some() || confirmed.is_some() || self.anchor.is_none() {
            self.anchor = Some((wall, boot));
        }
        if against_gnss || step.is_some() && confirmed.is_none() {
            self.confirmed = None;
        }
        // What they said counts on when the sky is lost.
        self.is_against_gnss = against_gnss || self.is_against_gnss && step.is_none() && confirmed.is_none();
        let judged = if wall < self.earliest {
            Err(ClockFault::BeforeRules)
        } else if self.is_against_gnss {
            Err(ClockFault::AgainstGnss)
        } else if later(wall, TOLERANCE) < self.floor {
            Err(ClockFault::BeforeFloor)
        } else if confirmed.is_none() && later(wall, MOST_BACK) < self.decided {
            Err(ClockFault::SetBack)
        } else {
            self.decided = if confirmed.is_some() { wall } else { self.decided.max(wall) };
            self.confirmed = confirmed.map(|by| Confirmed { at: wall, by }).or(self.confirmed);
            Ok(self.trust(wall))
        };
        self.is_contradicted = judged == Err(ClockFault::BeforeFloor) && (self.is_contradicted || confirmed.is_some());
        (self.wall, self.last_look) = (wall, Some(boot));
        let time = wall.max(self.floor);
        ClockLook { time, expiry: time.max(self.decided), judged, step }
    }

    fn trust(&mut self, wall: Timestamp) -> ClockTrust {
        let is_trusted = self.confirmed.is_some_and(|confirmed| wall.duration_since(confirmed.at) <= TRUSTED_FOR);
        if !is_trusted {
            return ClockTrust::HeldOver;
        }
        self.floor = self.floor.max(wall);
        ClockTrust::Trusted
    }

    /// It is at least as much later as the device has run, whatever anybody sets.
    fn raise_floor_by_running_time(&mut self, boot: Duration) {
        let known = self.floor_boot.unwrap_or(boot);
        let passed = boot.saturating_sub(known);
        self.floor_boot = Some(known.max(boot));
        if !self.is_contradicted {
            self.floor = later(self.floor, signed(passed.saturating_sub(drift(passed))));
        }
        // Newer rules say that it is later, and nothing of when.
        self.floor = self.floor.max(self.earliest);
    }

    fn step_of(&self, reading: &ClockReading) -> Option<ClockStep> {
        let (wall, boot) = self.anchor?;
        let passed = reading.boot.saturating_sub(boot);
        let expected = later(wall, signed(passed));
        let allowed = TOLERANCE.saturating_add(signed(drift(passed)));
        (differ(reading.wall, expected) > allowed).then_some(ClockStep { from: expected, to: reading.wall })
    }

    /// Whether a time service has set or confirmed the clock since the last look, and nobody has set it after that.
    fn is_synchronized_anew(&mut self, reading: &ClockReading) -> bool {
        let Some(at) = reading.synchronized_at else { return false };
        let is_new = self.synchronized_at.replace(at) != Some(at);
        let within = match self.last_look {
            None => FRESH_AT_START,
            Some(last) => TOLERANCE.saturating_add(signed(reading.boot.saturating_sub(last))),
        };
        let age = reading.wall.duration_since(at);
        is_new && age <= within && age >= -TOLERANCE
    }

    /// What is to be kept over a restart.
    #[must_use]
    pub fn mark(&self) -> ClockMark {
        let boot = self.floor_boot.unwrap_or_default();
        ClockMark { floor: self.floor, confirmed: self.confirmed, decided: self.decided, wall: self.wall, boot }
    }

    /// Forgets the floor and every confirmation, on an operator's order.
    pub fn reset(&mut self) {
        *self = Self::new(self.earliest, None, false);
    }
}

fn differ(one: Timestamp, other: Timestamp) -> SignedDuration {
    one.duration_since(other).abs()
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.saturating_add(by).unwrap_or(Timestamp::MAX)
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

fn drift(passed: Duration) -> Duration {
    passed / 1_000_000 * MOST_DRIFT_PPM
}

#[cfg(test)]
mod tests;
