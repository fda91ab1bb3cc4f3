//! Where the device is and how it is connected, watched beside the sessions and never in their way.
//!
//! Always holds: a position becomes the regions around it here and is dropped; no coordinate and no region reaches a log,
//! a disk or an outcome, because a handheld's position is that of a person at their door; whatever fails here leaves the
//! place unknown and the sessions alone. Does not judge.

mod addresses;
mod borders;
mod gpsd;
mod network;
mod report;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

use self::addresses::Countries;
use self::report::Report;
use super::clock::Clock;
use super::process::stopped;
pub use borders::{Borders, BordersError};

use crate::compliance::{
    CLOCK_TOLERANCE, ClaimedPlace, ClockTrust, FixAccuracy, FixRegions, Jurisdiction, Position, RuleBook, TunnelKind,
};
use crate::session::Surroundings;

/// Reports that may wait.
const MOST_REPORTS: usize = 8;
/// Time between two looks at interfaces and routes.
const NETWORK_EVERY: Duration = Duration::from_secs(10);
/// Time between two positions that are looked up.
const LOOK_UP_EVERY: Duration = Duration::from_millis(900);
/// For how long the satellites' time counts after its report.
const TIME_COUNTS_FOR: Duration = Duration::from_secs(10);
/// Reports in a row whose time goes on as the machine's does, before it counts.
const STEADY: u32 = 3;
/// What their time and the machine's may differ by from one report to the next.
const UNSTEADY: SignedDuration = SignedDuration::from_secs(2);

/// What is watched.
pub(super) struct Watched {
    /// Where gpsd is; `None` where the device has none.
    pub gpsd: Option<SocketAddr>,
    /// Where the configuration says that the device stands.
    pub site: Option<Position>,
    /// Metres by which a border may be missed, besides a position's own error.
    pub border_margin_m: f64,
    /// A file that knows countries of addresses.
    pub ip_countries: Option<PathBuf>,
}

/// A time by satellites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct GnssTime {
    time: Timestamp,
    /// When it was heard, by the boot clock.
    heard_at: Duration,
}

/// What is known of the device's place and network now.
#[derive(Clone, Default)]
pub(super) struct Around {
    fix: Option<FixRegions>,
    site: Option<BTreeSet<String>>,
    gnss: Option<GnssTime>,
    tunnel: Option<TunnelKind>,
    /// Countries of the device's own public addresses.
    address_in: BTreeSet<String>,
    /// Codes of everything whose borders are known.
    bordered: Arc<BTreeSet<String>>,
}

impl Around {
    /// What it means for a session of a place, at a moment of the boot clock.
    pub(super) fn surroundings(
        &self,
        rules: &RuleBook,
        jurisdiction: &Jurisdiction,
        clock: Option<ClockTrust>,
        now: Duration,
    ) -> Surroundings {
        let claimed = ClaimedPlace {
            jurisdiction,
            as_country: rules.is_part_of_whole(jurisdiction),
            has_borders: self.bordered.contains(jurisdiction.as_str()),
        };
        let place = claimed.judge(self.fix.as_ref(), self.site.as_ref(), now);
        // What such files say of more than the country is often wrong.
        let in_country = ClaimedPlace { as_country: true, ..claimed };
        let address = (!self.address_in.is_empty()).then(|| in_country.agrees(&self.address_in));
        Surroundings { place: Some(place), tunnel: self.tunnel, address, clock }
    }

    /// The satellites' time at a moment of the boot clock; `None` where none is steady and recent.
    pub(super) fn gnss_at(&self, now: Duration) -> Option<Timestamp> {
        let gnss = self.gnss?;
        let since = now.checked_sub(gnss.heard_at).filter(|since| *since <= TIME_COUNTS_FOR)?;
        gnss.time.checked_add(since).ok()
    }
}

/// Watches until the engine stops. `told` hears of everything that changes.
pub(super) async fn watch(
    watched: Watched,
    clock: Arc<dyn Clock>,
    told: watch::Sender<Around>,
    mut stop: watch::Receiver<bool>,
) {
    let borders = match tokio::task::spawn_blocking(Borders::built_in).await {
        Ok(Ok(borders)) => borders,
        Ok(Err(error)) => {
            tracing::error!("{error}");
            return stopped(&mut stop).await;
        }
        Err(_) => return stopped(&mut stop).await,
    };
    told.send_modify(|around| {
        around.bordered = Arc::new(borders.codes());
        around.site = watched.site.map(|site| borders.regions_near(&site, watched.border_margin_m));
    });
    let countries = Arc::new(open_countries(watched.ip_countries).await);
    let (sender, mut reports) = mpsc::channel(MOST_REPORTS);
    let listening = watched.gpsd.map(|address| tokio::spawn(gpsd::listen(address, sender)));
    let mut ticks = interval(NETWORK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (mut gate, mut looked_up) = (Gate::default(), None::<Duration>);
    loop {
        tokio::select! {
            () = stopped(&mut stop) => break,
            Some(report) = reports.recv() => {
                let heard_at = clock.boot();
                let passed = gate.pass(&report, heard_at, clock.wall());
                // A receiver may report ten times a second, and nobody walks over a border and back within one.
                let is_due = looked_up.is_none_or(|at| heard_at.saturating_sub(at) >= LOOK_UP_EVERY);
                let fix = passed.fix.filter(|_| is_due).and_then(|(position, error_m)| {
                    looked_up = Some(heard_at);
                    let regions = borders.regions_near(&position, error_m + watched.border_margin_m);
                    Some(FixRegions { regions, accuracy: FixAccuracy::of(error_m)?, taken_at: heard_at })
                });
                told.send_modify(|around| {
                    around.fix = fix.or(around.fix.take());
                    around.gnss = passed.time.then_some(GnssTime { time: report.time, heard_at }).or(around.gnss);
                });
            }
            _ = ticks.tick() => {
                let countries = Arc::clone(&countries);
                let look = move || {
                    let root = Path::new("/");
                    let address_in = countries.as_ref().as_ref().map(|countries| countries.of_device(root));
                    (network::tunnel(root), address_in.unwrap_or_default())
                };
                let (tunnel, address_in) = tokio::task::spawn_blocking(look).await.unwrap_or_default();
                told.send_modify(|around| (around.tunnel, around.address_in) = (tunnel, address_in));
            }
        }
    }
    drop(reports);
    if let Some(listening) = listening {
        listening.abort();
    }
}

/// A device goes on without the file: this is a hint and no measure.
async fn open_countries(file: Option<PathBuf>) -> Option<Countries> {
    let file = file?;
    let opened = tokio::task::spawn_blocking(move || Countries::open(&file)).await.ok()?;
    opened
        .inspect_err(|error| tracing::error!("place.ip_countries cannot be used: {error}; mend it, or take it out"))
        .ok()
}

/// What of a report counts.
struct Passed {
    fix: Option<(Position, f64)>,
    time: bool,
}

/// Lets pass what is plausible: a receiver may repeat itself, and a recording may be played to it.
#[derive(Default)]
struct Gate {
    last: Option<(Timestamp, Duration)>,
    steady: u32,
}

impl Gate {
    fn pass(&mut self, report: &Report, heard_at: Duration, wall: Timestamp) -> Passed {
        let last = self.last;
        // gpsd may tell of one fix several times.
        let is_new = last.is_none_or(|(time, _)| report.time != time);
        if is_new {
            let is_steady = last.is_some_and(|(time, at)| {
                let machine = SignedDuration::try_from(heard_at.saturating_sub(at)).unwrap_or_default();
                report.time > time && (report.time.duration_since(time) - machine).abs() <= UNSTEADY
            });
            self.steady = if is_steady { self.steady.saturating_add(1) } else { 1 };
            self.last = Some((report.time, heard_at));
        }
        let goes_on = last.is_none_or(|(time, _)| report.time > time);
        let is_now = report.time.duration_since(wall).abs() <= CLOCK_TOLERANCE;
        Passed { fix: report.fix.filter(|_| goes_on && is_now), time: is_new && self.steady >= STEADY }
    }
}
