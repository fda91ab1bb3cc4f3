//! What the device knows about itself when it decides: where it is, how it is connected, and how good its clock is.
//!
//! Always holds: it is advisory, so that none of it refuses anybody; it names no place, no address and no time. Does not
//! find any of it out.

use serde::{Deserialize, Serialize};

use crate::compliance::{ClockTrust, PlaceAgreement, PlaceEvidence, TunnelKind};

/// The flag of a device that is not where the session is said to be.
pub(super) const GEOLOCATION_MISMATCH: &str = "geolocation_mismatch";
/// The flag of a device whose public address is in another country.
pub(super) const IP_LOCATION_MISMATCH: &str = "ip_location_mismatch";
/// The flag of a device whose way to the network goes through a tunnel.
pub(super) const VPN_SUSPECTED: &str = "vpn_suspected";
/// The flag of a clock that no trusted source has confirmed for a while.
pub(super) const CLOCK_HOLDOVER: &str = "clock_holdover";

/// What the device knows about itself. Nothing, where nobody looked, as for files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Surroundings {
    /// Whether the device is where the session is said to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<PlaceEvidence>,
    /// Through what kind of tunnel its way to the network goes; none where it goes through none that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<TunnelKind>,
    /// Whether the device's own public addresses are in the session's country; none without such an address, or a file that
    /// knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<PlaceAgreement>,
    /// How far its clock can be relied on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockTrust>,
}

impl Surroundings {
    /// Whether nobody looked.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    /// What is odd about them, by the names that an outcome has.
    pub(super) fn flags(&self) -> impl Iterator<Item = &'static str> {
        let elsewhere = self.place.is_some_and(|place| place.agrees == PlaceAgreement::No);
        let odd = [
            (GEOLOCATION_MISMATCH, elsewhere),
            (IP_LOCATION_MISMATCH, self.address == Some(PlaceAgreement::No)),
            (VPN_SUSPECTED, self.tunnel.is_some()),
            (CLOCK_HOLDOVER, self.clock == Some(ClockTrust::HeldOver)),
        ];
        odd.into_iter().filter_map(|(flag, is_odd)| is_odd.then_some(flag))
    }
}
