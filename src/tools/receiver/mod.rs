//! `carded receiver`: a small real backend, to try the appliance with and to copy from.
//!
//! Always holds: the signature is checked on the raw body before anything of it is looked at; an event is on disk before
//! it is acknowledged, and has its effect once, however often it comes; with the device's public key, nothing counts that
//! the device did not attest, and an attestation that was left out, altered or put elsewhere shows: by the chain, and by the
//! device's signed heartbeats, also at its end. What is stored and
//! printed holds no personal data, because no event does. Does not speak TLS: a shop puts its own web server in front.

mod alarms;
mod attestation;
mod authentic;
mod command;
mod database;
mod event;
mod heartbeat;
mod server;
mod trust_args;
mod trusted;
mod watch;

pub use alarms::{Alarm, AlarmKind};
pub use attestation::{AttestationError, DeviceKey, DeviceKeyError};
pub use authentic::{Scheme, authentic};
pub(super) use command::read_secrets;
pub use command::{ReceiverArgs, receiver};
pub use database::{Chain, DatabaseError};
pub(super) use event::read as read_event;
pub use event::{Attestation, EventError, ReceivedEvent};
pub use server::{OnAlarm, ReceiverError, ReceiverOptions, serve};
pub(super) use trust_args::TrustArgs;
pub use trusted::{KeyId, MAX_KEYS, TrustError, TrustedKeys};
