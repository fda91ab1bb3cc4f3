//! `[outbox]`: from when on what waits for receivers is an alarm, and how often they hear that the device lives.

use std::time::Duration;

use serde::Deserialize;

/// From when on the outbox is an alarm, and how often heartbeats are signed. Nothing is ever dropped from the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutboxConfig {
    /// Hours for which an event may wait: 1 to 8760.
    pub alarm_hours: u32,
    /// Events that may wait: 1 to 10 000 000.
    pub alarm_waiting: u64,
    /// Seconds between two signed heartbeats: 1 to 86 400.
    pub heartbeat_s: u32,
}

impl Default for OutboxConfig {
    fn default() -> Self {
        Self { alarm_hours: 24, alarm_waiting: 10_000, heartbeat_s: 300 }
    }
}

impl OutboxConfig {
    /// For how long an event may wait.
    #[must_use]
    pub fn alarm_age(&self) -> Duration {
        Duration::from_hours(self.alarm_hours.into())
    }

    /// Time between two heartbeats.
    #[must_use]
    pub fn heartbeat_every(&self) -> Duration {
        Duration::from_secs(self.heartbeat_s.into())
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if !(1..=8760).contains(&self.alarm_hours) {
            return Err("outbox.alarm_hours must be 1 to 8760".to_owned());
        }
        if !(1..=10_000_000).contains(&self.alarm_waiting) {
            return Err("outbox.alarm_waiting must be 1 to 10000000".to_owned());
        }
        if !(1..=86_400).contains(&self.heartbeat_s) {
            return Err("outbox.heartbeat_s must be 1 to 86400".to_owned());
        }
        Ok(())
    }
}
