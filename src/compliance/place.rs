//! Where the device is, against where it is said to be: the regions around its position in, evidence out.
//!
//! Always holds: what leaves here names no place: neither a coordinate nor a region is in the evidence, because a
//! handheld's position is that of a person at their door; a position that may be on either side of a border agrees with
//! both. Does not know the borders, and does not ask a receiver: the shell passes in what it found.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::jurisdiction::Jurisdiction;

/// For how long a position counts after the receiver has lost the sky: a driver stands in a doorway.
pub const FIX_COUNTS_FOR: Duration = Duration::from_mins(5);
/// Coarsest estimate of its error with which a position counts, in metres.
pub const COARSEST_FIX_M: f64 = 5_000.0;
/// For how long a position is the current one.
const CURRENT_FOR: Duration = Duration::from_secs(30);
/// Metres of a degree of latitude.
const METRES_A_DEGREE: f64 = 111_195.0;
/// Points around a position, ring by ring from the outermost.
const RINGS: [(f64, usize); 3] = [(1.0, 24), (2.0 / 3.0, 16), (1.0 / 3.0, 8)];

/// A point on the earth, in degrees of WGS 84. It prints nothing and cannot be serialised.
#[derive(Clone, Copy, PartialEq)]
pub struct Position {
    latitude: f64,
    longitude: f64,
}

impl std::fmt::Debug for Position {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

impl Position {
    /// `None` for what is no point: a latitude beyond 90 degrees or a longitude beyond 180, or no number.
    #[must_use]
    pub fn new(latitude: f64, longitude: f64) -> Option<Self> {
        let is_point = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        is_point.then_some(Self { latitude, longitude })
    }

    /// Degrees north of the equator.
    #[must_use]
    pub fn latitude(&self) -> f64 {
        self.latitude
    }

    /// Degrees east of Greenwich.
    #[must_use]
    pub fn longitude(&self) -> f64 {
        self.longitude
    }

    /// Itself and points within `radius_m` metres around it, evenly over three rings.
    pub fn around(&self, radius_m: f64) -> impl Iterator<Item = Self> {
        let centre = *self;
        let on_ring = move |(share, points): (f64, usize)| {
            (0..points).map(move |k| {
                let angle = std::f64::consts::TAU * k as f64 / points as f64;
                centre.moved(radius_m * share * angle.cos(), radius_m * share * angle.sin())
            })
        };
        std::iter::once(centre).chain(RINGS.into_iter().flat_map(on_ring))
    }

    /// The point so many metres north and east of it, over poles and date line.
    #[must_use]
    pub fn moved(&self, north_m: f64, east_m: f64) -> Self {
        let latitude = (self.latitude + north_m / METRES_A_DEGREE).clamp(-90.0, 90.0);
        let shrunk = self.latitude.to_radians().cos().max(1e-6);
        let longitude = self.longitude + east_m / (METRES_A_DEGREE * shrunk);
        Self { latitude, longitude: (longitude + 180.0).rem_euclid(360.0) - 180.0 }
    }
}

/// Codes of every region (countries by ISO 3166-1, parts by ISO 3166-2) that a position may be in: those within `radius_m`
/// metres of it. `regions_at` knows the borders.
pub fn regions_near<'a, Found: IntoIterator<Item = &'a str>>(
    position: &Position,
    radius_m: f64,
    regions_at: impl Fn(&Position) -> Found,
) -> BTreeSet<String> {
    let mut near = BTreeSet::new();
    for point in position.around(radius_m) {
        for region in regions_at(&point) {
            if !near.contains(region) {
                near.insert(region.to_owned());
            }
        }
    }
    near
}

/// Who says where the device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceSource {
    /// A receiver of satellites.
    Gnss,
    /// The configuration.
    Site,
    /// Nobody.
    None,
}

/// Whether the device is where it is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceAgreement {
    /// It may well be.
    Yes,
    /// It is somewhere else.
    No,
    /// It cannot be told.
    Unknown,
}

/// How old a position is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FixAge {
    /// Half a minute at most.
    Current,
    /// [`FIX_COUNTS_FOR`] at most.
    Recent,
}

/// How exact a position is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FixAccuracy {
    /// 100 metres or better.
    Fine,
    /// [`COARSEST_FIX_M`] or better.
    Coarse,
}

impl FixAccuracy {
    /// Of an estimate of the error in metres; `None` where that is none, or too coarse for the position to count.
    #[must_use]
    pub fn of(error_m: f64) -> Option<Self> {
        let counts = (0.0..=COARSEST_FIX_M).contains(&error_m);
        counts.then_some(if error_m <= 100.0 { Self::Fine } else { Self::Coarse })
    }
}

/// What an outcome says of the device's place. It names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceEvidence {
    /// Who said where the device is.
    pub source: PlaceSource,
    /// Whether that is where the session is for.
    pub agrees: PlaceAgreement,
    /// Of a position by satellites: how old it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age: Option<FixAge>,
    /// And how exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<FixAccuracy>,
}

/// Regions that the device may be in, by the satellites. The position itself is not kept.
#[derive(Clone, PartialEq, Eq)]
pub struct FixRegions {
    /// Codes of countries and of their parts.
    pub regions: BTreeSet<String>,
    /// How exact the position was.
    pub accuracy: FixAccuracy,
    /// When it was taken, by the boot clock.
    pub taken_at: Duration,
}

/// Prints no region.
impl std::fmt::Debug for FixRegions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("FixRegions").field("accuracy", &self.accuracy).finish_non_exhaustive()
    }
}

/// Where a session is said to be, and what the borders know of that.
#[derive(Debug, Clone, Copy)]
pub struct ClaimedPlace<'a> {
    /// Where.
    pub jurisdiction: &'a Jurisdiction,
    /// Whether the rules know its country only as a whole.
    pub as_country: bool,
    /// Whether the borders of the part itself are known.
    pub has_borders: bool,
}

impl ClaimedPlace<'_> {
    /// Whether a device that may be in these regions may be there.
    #[must_use]
    pub fn agrees(&self, regions: &BTreeSet<String>) -> PlaceAgreement {
        let in_country = regions.contains(self.jurisdiction.country());
        let yes_if = |agrees| if agrees { PlaceAgreement::Yes } else { PlaceAgreement::No };
        match (self.as_country, self.has_borders) {
            // At sea, or where the borders say nothing.
            _ if regions.is_empty() => PlaceAgreement::Unknown,
            (true, _) => yes_if(in_country),
            (false, true) => yes_if(regions.contains(self.jurisdiction.as_str())),
            (false, false) => {
                if in_country {
                    PlaceAgreement::Unknown
                } else {
                    PlaceAgreement::No
                }
            }
        }
    }

    /// Judges: by the satellites where they have a position at `now` (by the boot clock), else by the site's.
    #[must_use]
    pub fn judge(&self, fix: Option<&FixRegions>, site: Option<&BTreeSet<String>>, now: Duration) -> PlaceEvidence {
        let age = |fix: &FixRegions| match now.saturating_sub(fix.taken_at) {
            age if age <= CURRENT_FOR => Some(FixAge::Current),
            age if age <= FIX_COUNTS_FOR => Some(FixAge::Recent),
            _ => None,
        };
        if let Some((fix, age)) = fix.and_then(|fix| Some((fix, age(fix)?))) {
            let (agrees, accuracy) = (self.agrees(&fix.regions), Some(fix.accuracy));
            return PlaceEvidence { source: PlaceSource::Gnss, agrees, age: Some(age), accuracy };
        }
        let (source, agrees) = match site {
            Some(regions) => (PlaceSource::Site, self.agrees(regions)),
            None => (PlaceSource::None, PlaceAgreement::Unknown),
        };
        PlaceEvidence { source, agrees, age: None, accuracy: None }
    }
}

/// The kind of a network interface that may carry a virtual private network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TunnelKind {
    /// `WireGuard`, of the kernel.
    Wireguard,
    /// A program's own interface (TUN or TAP), as `OpenVPN` makes.
    Tun,
    /// The point-to-point protocol: PPTP, L2TP and SSTP, but modems and some providers' lines too.
    Ppp,
    /// IP in IP, GRE, SIT and their like.
    IpTunnel,
}

#[cfg(test)]
mod tests;
