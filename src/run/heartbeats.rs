//! The heartbeats of the endpoints: signed by the engine at its own pace, and carried by `carded sync` as they come.
//!
//! Always holds: none is kept or sent again, because the next says more; none is signed by a clock that nothing is decided by,
//! so that its absence shows.

use super::config::{Config, EndpointConfig};
use crate::api::heartbeat_body;
use crate::compliance::ClockTrust;
use crate::session::protocol::Delivery;
use crate::store::{HeartbeatSeed, Store, StoreError};
use crate::sync::takes_live;
use jiff::Timestamp;

/// One for each endpoint that gets anything; none for those that want none.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub(super) fn heartbeats(
    store: &Store,
    config: &Config,
    at: Timestamp,
    clock: ClockTrust,
) -> Result<Vec<Delivery>, StoreError> {
    let endpoints = config.endpoints.current();
    let wanted = endpoints.iter().filter(|endpoint| endpoint.heartbeats && !endpoint.disabled);
    wanted.map(|endpoint| heartbeat(store, config, endpoint, (at, clock))).collect()
}

fn heartbeat(
    store: &Store,
    config: &Config,
    endpoint: &EndpointConfig,
    (at, clock): (Timestamp, ClockTrust),
) -> Result<Delivery, StoreError> {
    let takes_live = takes_live(&endpoint.url);
    let camera_is_live = config.camera.may_be_live();
    let seed = HeartbeatSeed {
        endpoint: &endpoint.name,
        at,
        clock,
        every: config.outbox.heartbeat_every(),
        withholds_live: camera_is_live && !takes_live,
    };
    let attestation = store.heartbeat(&seed)?;
    let event = Store::event_id()?;
    let livemode = camera_is_live && takes_live;
    let body = heartbeat_body(endpoint.dialect, &event, store.device(), (at, livemode), &attestation);
    Ok(Delivery { delivery: 0, event, endpoint: endpoint.name.clone(), body, attempts: 0 })
}
