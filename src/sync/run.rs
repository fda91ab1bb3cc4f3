//! The loop of the sync role: leases events from the engine, hands each to its receiver, and says how it went.
//!
//! Always holds: one attempt at a time for each endpoint, and at most [`MAX_OF_ENDPOINT`] of its events in hand, so that a slow
//! receiver is not flooded and holds up nobody else; of a receiver that is left alone ([`Circuits`]) nothing is leased; a slot
//! is free again only when the engine has written the settlement; queues are bounded by [`MAX_IN_HAND`]; nothing is
//! settled as acknowledged that was not; letters go beside all that and hold up nothing. When a connection ends, what is in hand
//! goes back to the engine with it; circuits, refusals and letters under way outlast it ([`Dispatch`]), and a change of the
//! endpoints ends none. Does not open the connection, and does not say hello: whoever made the link has.

mod carrier;
mod courier;
mod heartbeats;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use self::carrier::Carrier;
use self::courier::Courier;
use super::delivery::Deliverer;
use super::mail::Mailer;
use super::post_office::PostOffice;
use super::schedule::{CircuitBounds, Circuits, Schedule};
use crate::session::protocol::{ClientMessage, EngineMessage};

/// Most events in hand: waiting here, being sent, or settled and not yet confirmed.
pub const MAX_IN_HAND: usize = 64;
/// Most events of one endpoint in hand: as many endpoints as a configuration may have find room beside each other.
pub const MAX_OF_ENDPOINT: usize = 4;
/// Most receivers that are spoken to at once.
const MAX_AT_ONCE: usize = 16;
/// After so many looks at the endpoints one that is unknown is none: the first may have begun before the engine knew it.
const LOOKS: u64 = 2;
/// The engine is asked again after so long, even if it said nothing.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// The engine is asked again no sooner, so that a wrong answer of it never makes a busy loop.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);
/// The engine answers within this, or the connection counts as broken.
const ENGINE_LIMIT: Duration = Duration::from_secs(30);
/// After the word to stop, answers on the way are waited for no longer than this; the role has two seconds in all.
pub const STOP_LIMIT: Duration = Duration::from_secs(1);

/// The connection to the engine, after hello and welcome.
#[derive(Debug)]
pub struct EngineLink {
    /// What is asked of it.
    pub to_engine: mpsc::Sender<ClientMessage>,
    /// What it says.
    pub from_engine: mpsc::Receiver<EngineMessage>,
}

/// Why the loop ended by itself. The remedy is to connect again; nothing is lost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyncError {
    /// The connection ended.
    #[error("the engine has closed the connection; see its log if it does not come back")]
    EngineGone,
    /// The engine does not want this client.
    #[error("the engine refused the connection: {0}")]
    Refused(String),
    /// The engine could not do what was asked.
    #[error("the engine could not write or lease a delivery: {0}")]
    EngineFailed(String),
    /// The engine does not answer.
    #[error("the engine did not answer for {} seconds; see its log", ENGINE_LIMIT.as_secs())]
    EngineSilent,
    /// The engine gave more than was asked for.
    #[error("the engine leased more deliveries than were asked for; engine and sync must be of the same version")]
    TooMany,
    /// A bug.
    #[error("an attempt to deliver ended unexpectedly; report this, and restart the device")]
    Internal,
}

/// Where events go, as somebody found it who looks again and again.
#[derive(Clone)]
pub struct Roster {
    carrier: Carrier,
    looks: u64,
}

impl Roster {
    /// As it is found first.
    #[must_use]
    pub fn new(deliverer: Deliverer) -> Self {
        Self { carrier: Carrier::Receivers(Arc::new(deliverer)), looks: 0 }
    }

    /// As it is found by another look: nothing, where that is what it was before.
    pub fn look_again(&mut self, changed: Option<Deliverer>) {
        self.looks += 1;
        if let Some(deliverer) = changed {
            self.carrier = Carrier::Receivers(Arc::new(deliverer));
        }
    }
}

/// What outlasts a connection to the engine: where events go, which receivers are left alone, what they have refused, and the
/// letters under way.
pub struct Dispatch {
    roster: watch::Receiver<Roster>,
    carrier: Carrier,
    looks: u64,
    /// By endpoint, so that another receiver under the same name begins anew.
    schedules: HashMap<String, Schedule>,
    circuits: Circuits,
    /// Endpoints that the engine knows and this does not, and after how many looks that was found.
    unknown: HashMap<String, u64>,
    letters: PostOffice,
    started: Instant,
}

impl Dispatch {
    /// Without any history. Without a `mailer` every letter is answered at once: it cannot be sent.
    #[must_use]
    pub fn new(roster: watch::Receiver<Roster>, mailer: Option<Mailer>) -> Self {
        let Roster { carrier, looks } = roster.borrow().clone();
        Self {
            roster,
            carrier,
            looks,
            schedules: HashMap::new(),
            circuits: Circuits::new(CircuitBounds::default()),
            unknown: HashMap::new(),
            letters: PostOffice::new(mailer),
            started: Instant::now(),
        }
    }

    /// Delivers over one connection until it is told to stop.
    ///
    /// # Errors
    /// [`SyncError`] when the engine is gone, refuses, fails or is silent.
    pub async fn run(&mut self, mut link: EngineLink, mut stop: watch::Receiver<bool>) -> Result<(), SyncError> {
        self.letters.connect();
        self.take_up();
        let mut courier = Courier::new(self);
        courier.want_lease();
        loop {
            courier.send_off();
            tokio::select! {
                // A sender of the stop signal that is gone says stop too.
                _ = stop.wait_for(|stop| *stop) => break,
                permit = link.to_engine.reserve(), if courier.has_messages() => {
                    let permit = permit.map_err(|_| SyncError::EngineGone)?;
                    if let Some(message) = courier.next_message() {
                        permit.send(message);
                    }
                }
                message = link.from_engine.recv() => courier.hear(message.ok_or(SyncError::EngineGone)?)?,
                Some(ended) = courier.attempts.join_next() => courier.end_attempt(ended)?,
                () = courier.heartbeats.step() => {}
                message = courier.lasting.letters.step() => courier.post(message),
                // Whoever looks may have ended, as in a test; then nothing changes any more.
                Ok(()) = courier.lasting.roster.changed() => courier.take_up(),
                () = sleep_until(courier.wake) => courier.wake_up()?,
            }
        }
        courier.finish(&mut link).await
    }

    /// Takes up what was found last; whether there is anything to ask the engine for. What is under way goes on.
    fn take_up(&mut self) -> bool {
        let Roster { carrier, looks } = self.roster.borrow_and_update().clone();
        let looks_before = std::mem::replace(&mut self.looks, looks);
        let before = std::mem::replace(&mut self.carrier, carrier);
        let mut changed = before.left_out() != self.carrier.left_out();
        let held_back = self.circuits.troubled().map(str::to_owned);
        let remembered: BTreeSet<String> = self.schedules.keys().cloned().chain(held_back).collect();
        for endpoint in remembered {
            if before.address(&endpoint) != self.carrier.address(&endpoint) {
                self.schedules.remove(&endpoint);
                self.circuits.forget(&endpoint);
                changed = true;
            }
        }
        let carrier = &self.carrier;
        let count = self.unknown.len();
        self.unknown.retain(|endpoint, _| carrier.address(endpoint).is_none());
        let mut found_now = self.unknown.values().map(|found| found + LOOKS);
        changed || count != self.unknown.len() || found_now.any(|enough| (looks_before + 1..=looks).contains(&enough))
    }

    /// Whether an endpoint is none, and not one that was added a moment ago.
    fn is_nowhere(&self, endpoint: &str) -> bool {
        self.carrier.knows_all() && self.unknown.get(endpoint).is_some_and(|found| self.looks >= found + LOOKS)
    }
}

/// Delivers until it is told to stop, with endpoints that never change. Without a `mailer` every letter is answered at once: it
/// cannot be sent.
///
/// # Errors
/// [`SyncError`] when the engine is gone, refuses, fails or is silent.
pub async fn run(
    link: EngineLink,
    deliverer: Deliverer,
    mailer: Option<Mailer>,
    stop: watch::Receiver<bool>,
) -> Result<(), SyncError> {
    let (_looking, roster) = watch::channel(Roster::new(deliverer));
    Dispatch::new(roster, mailer).run(link, stop).await
}
