//! What a device signs of itself now and then: how far its two chains go, so that whoever holds their links elsewhere can see
//! that the newest are kept from them.
//!
//! Always holds: it says nothing of any person or session; it is of one moment, and for one endpoint. Does not sign, and does
//! not judge what somebody makes of it: a receiver does.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::compliance::ClockTrust;

/// The `typ` of a heartbeat's JWS: no outcome is ever taken for one, nor one for an outcome.
pub const HEARTBEAT_TYPE: &str = "carded-heartbeat+jws";
/// The name of the event that carries one.
pub const HEARTBEAT_EVENT: &str = "carded.heartbeat";
/// Most gaps that one names: the newest.
pub const MAX_HEARTBEAT_GAPS: usize = 32;

/// A sign of life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The device's identifier, as its outcomes carry it.
    pub device: String,
    /// Name of the endpoint that it is for, as the device's configuration has it.
    pub endpoint: String,
    /// When it was signed, by the time that the device decides by.
    pub at: Timestamp,
    /// Seconds until the next one.
    pub every_s: u32,
    /// The device's version of the program.
    pub program: String,
    /// How far the time can be relied on.
    pub clock: ClockTrust,
    /// The last signed outcome.
    pub outcomes: ChainHead,
    /// The last audit entry.
    pub audit: ChainHead,
    /// Numbers that no outcome has, or that one had before a backup was restored; the newest [`MAX_HEARTBEAT_GAPS`].
    pub gaps: Vec<LeftOut>,
    /// Whether live outcomes are not sent to this endpoint, because its connection is not checked: their numbers are missing there.
    pub withholds_live: bool,
    /// Events that wait for this endpoint.
    pub waiting: u64,
    /// Events that it has refused for good.
    pub dead: u64,
}

/// The end of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainHead {
    /// Number of the last link; 0 before the first.
    pub sequence: u64,
    /// Its hash, SHA-256 in hexadecimal: of an outcome, of its whole JWS. None before the first.
    pub hash: Option<String>,
}

/// Numbers that are left out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LeftOut {
    /// The last number before them.
    pub last_before: u64,
    /// The first number behind them.
    pub first_behind: u64,
    /// Why: `restored` or `rescued`.
    pub reason: String,
}
