//! A signed heartbeat: how far both chains go, at one moment.

use std::time::Duration;

use jiff::Timestamp;

use super::chain::Chain;
use super::error::StoreError;
use super::{Store, attestation, gaps};
use crate::compliance::ClockTrust;
use crate::session::{ChainHead, HEARTBEAT_TYPE, Heartbeat, LeftOut, MAX_HEARTBEAT_GAPS};

/// What a heartbeat says that the store does not know.
#[derive(Debug, Clone, Copy)]
pub struct HeartbeatSeed<'a> {
    /// Name of the endpoint that it is for.
    pub endpoint: &'a str,
    /// The time that the device decides by.
    pub at: Timestamp,
    /// How far that can be relied on.
    pub clock: ClockTrust,
    /// Time until the next one.
    pub every: Duration,
    /// Whether live outcomes are not sent there.
    pub withholds_live: bool,
}

impl Store {
    /// Signs a heartbeat: a compact JWS (EdDSA) of type [`HEARTBEAT_TYPE`] over a [`Heartbeat`].
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn heartbeat(&self, seed: &HeartbeatSeed<'_>) -> Result<String, StoreError> {
        // All of one moment; there is nothing to commit.
        let moment = self.connection.unchecked_transaction()?;
        let heads = "SELECT last_sequence, last_hash, last_audit_sequence, last_audit_hash FROM device";
        let (outcomes, audit) = moment.prepare_cached(heads)?.query_row([], |row| {
            let head = |sequence: i64, hash| ChainHead { sequence: sequence.unsigned_abs(), hash };
            Ok((head(row.get(0)?, row.get(1)?), head(row.get(2)?, row.get(3)?)))
        })?;
        let count = "SELECT count(*) FROM outbox WHERE state = ?1 AND endpoint = ?2";
        let count = |state: &str| -> Result<u64, StoreError> {
            let found: i64 = moment.prepare_cached(count)?.query_row((state, seed.endpoint), |row| row.get(0))?;
            Ok(found.unsigned_abs())
        };
        let gaps = gaps::of_chain(&moment, Chain::Outcomes)?;
        let newest = gaps.len().saturating_sub(MAX_HEARTBEAT_GAPS);
        let left_out = gaps[newest..].iter().map(|gap| LeftOut {
            last_before: gap.last_before.unsigned_abs(),
            first_behind: gap.first_behind.unsigned_abs(),
            reason: gap.reason.as_str().to_owned(),
        });
        let heartbeat = Heartbeat {
            device: self.device.clone(),
            endpoint: seed.endpoint.to_owned(),
            at: seed.at,
            every_s: u32::try_from(seed.every.as_secs()).unwrap_or(u32::MAX),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            clock: seed.clock,
            outcomes,
            audit,
            gaps: left_out.collect(),
            withholds_live: seed.withholds_live,
            waiting: count("waiting")?,
            dead: count("dead")?,
        };
        let signed = attestation::sign_as(&self.keys.device, HEARTBEAT_TYPE, &heartbeat);
        signed.ok_or(StoreError::Refused { what: "a heartbeat that cannot be signed" })
    }
}
