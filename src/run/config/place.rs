//! What is configured of the device's place and clock.
//!
//! Always holds: a position is whole or not there. Does not ask a receiver or a clock.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::{Config, listen_address};
use crate::compliance::Position;
use crate::run::clock::{SYNCHRONIZED, SystemClock};
use crate::run::place::Watched;

/// Widest margin in metres.
const WIDEST_MARGIN_M: u16 = 5_000;

/// How the device finds out where it is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlaceConfig {
    /// Where gpsd is on this box, which owns a receiver of satellites; an empty text for nowhere.
    #[serde(deserialize_with = "listen_address")]
    pub gpsd: Option<SocketAddr>,
    /// A file in the format of `MaxMind` that knows the countries of addresses, such as `GeoLite2-Country.mmdb`; the operator's own.
    pub ip_countries: Option<PathBuf>,
    /// Metres by which a border may be missed, besides a position's own error, 0 to 5000.
    pub border_margin_m: u16,
}

impl Default for PlaceConfig {
    fn default() -> Self {
        Self { gpsd: Some(SocketAddr::from(([127, 0, 0, 1], 2947))), ip_countries: None, border_margin_m: 250 }
    }
}

/// Who sets the device's clock.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClockConfig {
    /// A file that the time service touches at every synchronisation, in a folder that is empty after a boot; an empty path
    /// for none.
    pub synchronized: PathBuf,
}

impl Default for ClockConfig {
    fn default() -> Self {
        Self { synchronized: SYNCHRONIZED.into() }
    }
}

impl ClockConfig {
    /// The clocks of this machine.
    #[must_use]
    pub fn system(&self) -> SystemClock {
        SystemClock::new(Some(self.synchronized.clone()).filter(|path| !path.as_os_str().is_empty()))
    }
}

impl Config {
    pub(super) fn check_place(&self) -> Result<(), String> {
        if self.place.border_margin_m > WIDEST_MARGIN_M {
            return Err(format!("place.border_margin_m must be 0 to {WIDEST_MARGIN_M}"));
        }
        if self.place.gpsd.is_some_and(|address| !address.ip().is_loopback()) {
            let why = "place.gpsd must be on this box, such as 127.0.0.1:2947; a gpsd of its own brings a receiver elsewhere here";
            return Err(why.to_owned());
        }
        match (self.site.latitude, self.site.longitude) {
            (None, None) => Ok(()),
            (Some(latitude), Some(longitude)) if Position::new(latitude, longitude).is_some() => Ok(()),
            (Some(_), Some(_)) => Err("site.latitude must be -90 to 90, and site.longitude -180 to 180".to_owned()),
            _ => Err("site.latitude and site.longitude belong together; set both or none".to_owned()),
        }
    }

    /// What is watched of the device's place.
    pub(in crate::run) fn watched(&self) -> Watched {
        let site = self.site.latitude.zip(self.site.longitude);
        Watched {
            gpsd: self.place.gpsd,
            site: site.and_then(|(latitude, longitude)| Position::new(latitude, longitude)),
            border_margin_m: f64::from(self.place.border_margin_m),
            ip_countries: self.place.ip_countries.clone(),
        }
    }
}
