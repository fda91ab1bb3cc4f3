//! The clocks of the machine, and what has set them.
//!
//! Always holds: nothing here decides which clock is right; what cannot be read is told as absent. The system's clocks are
//! behind a trait, so that a test can turn them.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};

/// The kernel's name of this boot: random, and new at every boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// What systemd-timesyncd touches at every synchronisation, in a folder that is empty after a boot.
pub const SYNCHRONIZED: &str = "/run/systemd/timesync/synchronized";

/// The clocks of a machine.
pub trait Clock: Send + Sync {
    /// The clock on the wall.
    fn wall(&self) -> Timestamp;

    /// Time since the machine booted, with time asleep; nobody can set it.
    fn boot(&self) -> Duration;

    /// A name of this boot; `None` where there is none to be had.
    fn boot_id(&self) -> Option<String>;

    /// When a time service has last set or confirmed the clock on the wall; `None` where none says so.
    fn synchronized_at(&self) -> Option<Timestamp>;
}

/// The clocks of this machine.
#[derive(Debug, Clone)]
pub struct SystemClock {
    /// A file that the time service touches at every synchronisation.
    synchronized: Option<PathBuf>,
}

impl SystemClock {
    /// With the file that the time service touches at every synchronisation.
    #[must_use]
    pub fn new(synchronized: Option<PathBuf>) -> Self {
        Self { synchronized }
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> Timestamp {
        Timestamp::now()
    }

    fn boot(&self) -> Duration {
        let now = clock_gettime(ClockId::Boottime);
        Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or_default())
    }

    fn boot_id(&self) -> Option<String> {
        let id = std::fs::read_to_string(BOOT_ID).ok()?;
        let id = id.trim();
        let is_id = id.len() == 36 && id.bytes().all(|byte| byte.is_ascii_digit() || b"abcdef-".contains(&byte));
        is_id.then(|| id.to_owned())
    }

    fn synchronized_at(&self) -> Option<Timestamp> {
        let touched: SystemTime = std::fs::metadata(self.synchronized.as_ref()?).ok()?.modified().ok()?;
        Timestamp::try_from(touched).ok()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Mutex;

    use jiff::SignedDuration;

    use super::*;

    /// A clock that a test turns: it runs as the machine's, and can be set and synchronised.
    #[derive(Debug, Default)]
    pub(crate) struct TurnedClock(Mutex<Turned>);

    #[derive(Debug, Clone, Copy, Default)]
    struct Turned {
        off: SignedDuration,
        slept: Duration,
        synchronized_at: Option<Timestamp>,
    }

    impl TurnedClock {
        /// Somebody sets it.
        pub(crate) fn set(&self, by: SignedDuration) {
            self.0.lock().unwrap().off += by;
        }

        /// Time passes for all clocks of the machine.
        pub(crate) fn pass(&self, time: Duration) {
            let mut turned = self.0.lock().unwrap();
            turned.slept += time;
            turned.off += SignedDuration::try_from(time).unwrap();
        }

        /// A time service confirms what it says.
        pub(crate) fn synchronize(&self) {
            let wall = self.wall();
            self.0.lock().unwrap().synchronized_at = Some(wall);
        }
    }

    impl Clock for TurnedClock {
        fn wall(&self) -> Timestamp {
            Timestamp::now().saturating_add(self.0.lock().unwrap().off).unwrap()
        }

        fn boot(&self) -> Duration {
            SystemClock::new(None).boot() + self.0.lock().unwrap().slept
        }

        fn boot_id(&self) -> Option<String> {
            SystemClock::new(None).boot_id()
        }

        fn synchronized_at(&self) -> Option<Timestamp> {
            self.0.lock().unwrap().synchronized_at
        }
    }

    #[test]
    fn the_boot_clock_goes_on_and_has_a_name() {
        let clock = SystemClock::new(None);
        let before = clock.boot();
        assert!(before > Duration::ZERO && clock.boot() >= before);
        assert_eq!(clock.boot_id(), clock.boot_id());
        assert_eq!(clock.synchronized_at(), None);
    }

    #[test]
    fn the_time_service_is_heard_by_the_file_that_it_touches() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let clock = SystemClock::new(Some(file.path().to_owned()));
        let touched = clock.synchronized_at().unwrap();
        assert!(Timestamp::now().duration_since(touched).abs() < SignedDuration::from_mins(1));
        drop(file);
        assert_eq!(clock.synchronized_at(), None);
    }
}
