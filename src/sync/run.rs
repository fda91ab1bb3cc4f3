//! The loop of the sync role: leases events from the engine, hands each to its receiver, and says how it went.
//!
//! Always holds: one attempt at a time for each endpoint, and at most [`MAX_OF_ENDPOINT`] of its events in hand, so that a slow
//! receiver is not flooded and holds up nobody else; of a receiver that is left alone ([`Circuits`]) nothing is leased; a slot
//! is free again only when the engine has written the settlement; queues are bounded by [`MAX_IN_HAND`]; nothing is
//! settled as acknowledged that was not; letters go beside all that and hold up nothing. When this
//! ends, whatever is in hand goes back to the engine with the connection, but letters, which are gone. Does not open the
//! connection, and does not say hello: whoever made the link has.

mod carrier;
mod heartbeats;
#[cfg(test)]
mod model;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use self::carrier::Carrier;
use self::heartbeats::Heartbeats;
use super::delivery::Deliverer;
use super::mail::Mailer;
use super::post_office::PostOffice;
use super::schedule::{Answer, Change, CircuitBounds, Circuits, Flow, RetryBounds, Schedule};
use crate::session::protocol::{ClientMessage, Delivery, EndpointRoom, EngineMessage, LeaseWish, Settlement};

/// Most events in hand: waiting here, being sent, or settled and not yet confirmed.
pub const MAX_IN_HAND: usize = 64;
/// Most events of one endpoint in hand: as many endpoints as a configuration may have find room beside each other.
pub const MAX_OF_ENDPOINT: usize = 4;
/// Most receivers that are spoken to at once.
const MAX_AT_ONCE: usize = 16;
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

/// Delivers until it is told to stop. Without a `mailer` every letter is answered at once: it cannot be sent.
///
/// # Errors
/// [`SyncError`] when the engine is gone, refuses, fails or is silent.
pub async fn run(
    link: EngineLink,
    deliverer: Deliverer,
    mailer: Option<Mailer>,
    stop: watch::Receiver<bool>,
) -> Result<(), SyncError> {
    carry(link, Carrier::Receivers(Arc::new(deliverer)), mailer, stop).await
}

async fn carry(
    mut link: EngineLink,
    carrier: Carrier,
    mailer: Option<Mailer>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), SyncError> {
    let mut courier = Courier::new(carrier, mailer);
    courier.want_lease();
    loop {
        courier.send_off();
        tokio::select! {
            // A sender of the stop signal that is gone says stop too.
            _ = stop.wait_for(|stop| *stop) => break,
            permit = link.to_engine.reserve(), if !courier.outgoing.is_empty() => {
                let permit = permit.map_err(|_| SyncError::EngineGone)?;
                if let Some(message) = courier.next_message() {
                    permit.send(message);
                }
            }
            message = link.from_engine.recv() => courier.hear(message.ok_or(SyncError::EngineGone)?)?,
            Some(ended) = courier.attempts.join_next() => courier.end_attempt(ended)?,
            Some(step) = courier.letters.step() => courier.outgoing.extend(courier.letters.go_on(step)),
            () = courier.heartbeats.step() => {}
            () = sleep_until(courier.wake) => courier.wake_up()?,
        }
    }
    courier.finish(&mut link).await
}

type Ended = (Delivery, Answer);

/// What is in hand.
struct Courier {
    carrier: Carrier,
    schedule: Schedule,
    circuits: Circuits,
    started: Instant,
    /// Waiting, by endpoint, in the engine's order.
    waiting: HashMap<String, VecDeque<Delivery>>,
    /// Endpoints that are being spoken to.
    busy: HashSet<String>,
    attempts: JoinSet<Ended>,
    letters: PostOffice,
    heartbeats: Heartbeats,
    /// All that is in hand, by number, with its endpoint.
    in_hand: HashMap<i64, String>,
    /// Settled, not yet confirmed; and since when.
    unconfirmed: HashMap<i64, Instant>,
    outgoing: VecDeque<ClientMessage>,
    /// When the engine was asked for events that it has not given yet.
    asked: Option<Instant>,
    /// There was a reason to ask while an answer was on the way, or no room.
    announced: bool,
    /// When to look at the clock next.
    wake: Instant,
    /// When to ask again if nothing happens.
    ask_at: Instant,
}

impl Courier {
    fn new(carrier: Carrier, mailer: Option<Mailer>) -> Self {
        let now = Instant::now();
        Self {
            carrier,
            schedule: Schedule::new(RetryBounds::default()),
            circuits: Circuits::new(CircuitBounds::default()),
            started: now,
            waiting: HashMap::new(),
            busy: HashSet::new(),
            attempts: JoinSet::new(),
            letters: PostOffice::new(mailer),
            heartbeats: Heartbeats::default(),
            in_hand: HashMap::new(),
            unconfirmed: HashMap::new(),
            outgoing: VecDeque::new(),
            asked: None,
            announced: false,
            wake: now + LONGEST_WAIT,
            ask_at: now + LONGEST_WAIT,
        }
    }

    /// Asks for as many events as there is room for, unless that was asked already.
    fn want_lease(&mut self) {
        let room = MAX_IN_HAND - self.in_hand.len().min(MAX_IN_HAND);
        if self.asked.is_some() || room == 0 {
            self.announced = true;
            return;
        }
        self.announced = false;
        self.asked = Some(Instant::now());
        self.outgoing.push_back(ClientMessage::Lease(self.wish(room)));
        self.set_alarm();
    }

    /// What there is room for: of each endpoint what is not in hand yet, and of one in trouble one event or none.
    fn wish(&self, room: usize) -> LeaseWish {
        let mut in_hand: BTreeMap<&str, usize> = self.circuits.held_back().map(|endpoint| (endpoint, 0)).collect();
        for endpoint in self.in_hand.values() {
            *in_hand.entry(endpoint).or_default() += 1;
        }
        let narrow = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
        let room_of = |(endpoint, held): (&str, usize)| EndpointRoom {
            endpoint: endpoint.to_owned(),
            most: narrow(self.most_of(endpoint).saturating_sub(held)),
        };
        LeaseWish {
            most: narrow(room),
            each: narrow(MAX_OF_ENDPOINT),
            except: in_hand.into_iter().map(room_of).collect(),
        }
    }

    /// How many events of an endpoint may be in hand now.
    fn most_of(&self, endpoint: &str) -> usize {
        match self.circuits.flow(endpoint, self.started.elapsed()) {
            Flow::Free => MAX_OF_ENDPOINT,
            Flow::Probe => 1,
            Flow::Shut => 0,
        }
    }

    fn next_message(&mut self) -> Option<ClientMessage> {
        self.outgoing.pop_front()
    }

    /// Begins an attempt for every endpoint that has something and is free.
    fn send_off(&mut self) {
        let room = MAX_AT_ONCE - self.busy.len().min(MAX_AT_ONCE);
        let free = self.waiting.keys().filter(|endpoint| !self.busy.contains(*endpoint)).take(room);
        for endpoint in free.cloned().collect::<Vec<_>>() {
            let Some(queue) = self.waiting.get_mut(&endpoint) else { continue };
            let next = queue.pop_front();
            if queue.is_empty() {
                self.waiting.remove(&endpoint);
            }
            let Some(delivery) = next else { continue };
            self.busy.insert(endpoint);
            let carrier = self.carrier.clone();
            self.attempts.spawn(async move {
                let answer = carrier.attempt(&delivery).await;
                (delivery, answer)
            });
        }
    }

    fn hear(&mut self, message: EngineMessage) -> Result<(), SyncError> {
        match message {
            EngineMessage::Leased { deliveries, next_ms } => self.take(deliveries, next_ms)?,
            EngineMessage::Due => self.want_lease(),
            EngineMessage::Settled { delivery } => {
                let settled = self.unconfirmed.remove(&delivery).and_then(|_| self.in_hand.remove(&delivery));
                // More may wait at the engine than there was room for.
                if settled.is_some_and(|endpoint| self.runs_low(&endpoint)) {
                    self.want_lease();
                }
            }
            EngineMessage::Refused { why } => return Err(SyncError::Refused(why)),
            EngineMessage::Failed { why } => return Err(SyncError::EngineFailed(why)),
            EngineMessage::Letter { ticket, letter } => self.outgoing.extend(self.letters.take(ticket, letter)),
            EngineMessage::Heartbeats { heartbeats } => self.pass_on(heartbeats),
            EngineMessage::Welcome { .. }
            | EngineMessage::Prompt(_)
            | EngineMessage::Keys(_)
            | EngineMessage::Heeded { .. }
            | EngineMessage::Returning { .. }
            | EngineMessage::Staff(_)
            | EngineMessage::Clock(_)
            | EngineMessage::Outbox(_)
            | EngineMessage::Rules(_) => {}
        }
        self.set_alarm();
        Ok(())
    }

    /// Sends heartbeats on, but to receivers that are left alone.
    fn pass_on(&mut self, heartbeats: Vec<Delivery>) {
        let (circuits, uptime) = (&self.circuits, self.started.elapsed());
        let is_left_alone = |endpoint: &str| matches!(circuits.flow(endpoint, uptime), Flow::Shut);
        self.heartbeats.send(&self.carrier, heartbeats, is_left_alone);
    }

    /// Whether there is room for more of an endpoint's events, and it is worth asking for them.
    fn runs_low(&self, endpoint: &str) -> bool {
        let held = self.in_hand.values().filter(|other| *other == endpoint).count();
        held <= MAX_OF_ENDPOINT / 2 && held < self.most_of(endpoint)
    }

    fn take(&mut self, deliveries: Vec<Delivery>, next_ms: Option<u64>) -> Result<(), SyncError> {
        self.asked = None;
        if deliveries.len() + self.in_hand.len() > MAX_IN_HAND {
            return Err(SyncError::TooMany);
        }
        let some = !deliveries.is_empty();
        for delivery in deliveries {
            // What is in hand already is not sent twice.
            if self.in_hand.insert(delivery.delivery, delivery.endpoint.clone()).is_none() {
                self.waiting.entry(delivery.endpoint.clone()).or_default().push_back(delivery);
            }
        }
        let pause = next_ms.map_or(LONGEST_WAIT, Duration::from_millis).clamp(SHORTEST_WAIT, LONGEST_WAIT);
        let now = Instant::now();
        let ask_at = now + if some { LONGEST_WAIT } else { pause };
        // The engine may have answered before it heard of a retry, whose alarm must not be put off by that.
        self.ask_at = if self.ask_at > now { self.ask_at.min(ask_at) } else { ask_at };
        self.ask_when_a_probe_may_go();
        // What was announced meanwhile may not be among them.
        if self.announced {
            self.want_lease();
        }
        Ok(())
    }

    fn end_attempt(&mut self, ended: Result<Ended, JoinError>) -> Result<(), SyncError> {
        let (delivery, answer) = ended.map_err(|_| SyncError::Internal)?;
        self.busy.remove(&delivery.endpoint);
        self.settle(&delivery, &answer);
        self.note(&delivery, &answer);
        self.set_alarm();
        Ok(())
    }

    /// Opens or closes the circuit of a receiver.
    fn note(&mut self, delivery: &Delivery, answer: &Answer) {
        let (endpoint, uptime) = (&delivery.endpoint, self.started.elapsed());
        match self.circuits.note(endpoint, delivery.delivery, answer, uptime, fastrand::f64()) {
            Change::None => {}
            Change::Closed => tracing::info!("the receiver of {endpoint} is back"),
            Change::Opened(pause) => {
                tracing::warn!("the receiver of {endpoint} is left alone for {} s", pause.as_secs_f64().ceil());
                // The others would fail alike, one time limit after the other.
                for waiting in self.waiting.remove(endpoint).unwrap_or_default() {
                    self.say(waiting.delivery, Settlement::Untried);
                }
                self.ask_when_a_probe_may_go();
            }
        }
    }

    /// A circuit that was open lets something through at its time, which the engine knows nothing of.
    fn ask_when_a_probe_may_go(&mut self) {
        if let Some(at) = self.circuits.next_probe(self.started.elapsed()) {
            self.ask_at = self.ask_at.min(self.started + at);
        }
    }

    fn settle(&mut self, delivery: &Delivery, answer: &Answer) {
        let (number, uptime) = (delivery.delivery, self.started.elapsed());
        let outcome = self.schedule.settle(number, delivery.attempts, answer, uptime, fastrand::f64());
        #[cfg(test)]
        let outcome = match outcome {
            Settlement::Retry { why, .. } if !self.carrier.redelivers() => Settlement::Dead { why },
            outcome => outcome,
        };
        let (event, endpoint) = (&delivery.event, &delivery.endpoint);
        match &outcome {
            Settlement::Acknowledged => tracing::info!("{event} is acknowledged by {endpoint}"),
            Settlement::Retry { after_ms, why } => {
                tracing::warn!("{event} for {endpoint} is tried again in {} s: {why}", after_ms.div_ceil(1000));
                let due = Duration::from_millis(*after_ms).clamp(SHORTEST_WAIT, LONGEST_WAIT);
                self.ask_at = self.ask_at.min(Instant::now() + due);
            }
            Settlement::Dead { why } => tracing::error!("{event} for {endpoint} is a dead letter: {why}"),
            Settlement::Untried => {}
        }
        self.say(number, outcome);
    }

    /// Tells the engine what became of a delivery.
    fn say(&mut self, delivery: i64, outcome: Settlement) {
        self.unconfirmed.insert(delivery, Instant::now());
        self.outgoing.push_back(ClientMessage::Settle { delivery, outcome });
    }

    /// The earliest moment at which the engine may be late, or is to be asked again.
    fn set_alarm(&mut self) {
        let waited_for = self.unconfirmed.values().chain(&self.asked).min();
        let late = waited_for.map(|since| *since + ENGINE_LIMIT);
        self.wake = late.into_iter().chain([self.ask_at]).min().unwrap_or(self.ask_at);
    }

    fn wake_up(&mut self) -> Result<(), SyncError> {
        let now = Instant::now();
        let late = |since: &Instant| now.duration_since(*since) >= ENGINE_LIMIT;
        if self.unconfirmed.values().chain(&self.asked).any(late) {
            return Err(SyncError::EngineSilent);
        }
        if now >= self.ask_at {
            self.ask_at = now + LONGEST_WAIT;
            self.ask_when_a_probe_may_go();
            self.want_lease();
        }
        self.set_alarm();
        Ok(())
    }

    /// Settles what ends in time, and lets letters be handed over that are under way; the rest is the engine's again when the
    /// connection ends.
    async fn finish(mut self, link: &mut EngineLink) -> Result<(), SyncError> {
        let deadline = Instant::now() + STOP_LIMIT;
        self.outgoing.retain(|message| !matches!(message, ClientMessage::Lease { .. }));
        let idle = |courier: &Self| courier.attempts.is_empty() && courier.letters.is_empty();
        while !(idle(&self) && self.outgoing.is_empty() && self.unconfirmed.is_empty()) {
            tokio::select! {
                () = sleep_until(deadline) => break,
                permit = link.to_engine.reserve(), if !self.outgoing.is_empty() => {
                    let permit = permit.map_err(|_| SyncError::EngineGone)?;
                    if let Some(message) = self.outgoing.pop_front() {
                        permit.send(message);
                    }
                }
                message = link.from_engine.recv() => match message.ok_or(SyncError::EngineGone)? {
                    EngineMessage::Settled { delivery } => { self.unconfirmed.remove(&delivery); }
                    EngineMessage::Failed { why } => return Err(SyncError::EngineFailed(why)),
                    EngineMessage::Welcome { .. }
                    | EngineMessage::Keys(_)
                    | EngineMessage::Staff(_)
                    | EngineMessage::Rules(_)
                    | EngineMessage::Clock(_)
                    | EngineMessage::Outbox(_)
                    | EngineMessage::Heeded { .. }
                    | EngineMessage::Refused { .. }
                    | EngineMessage::Prompt(_)
                    | EngineMessage::Letter { .. }
                    | EngineMessage::Heartbeats { .. }
                    | EngineMessage::Returning { .. }
                    | EngineMessage::Leased { .. }
                    | EngineMessage::Due => {}
                },
                Some(ended) = self.attempts.join_next() => {
                    let (delivery, answer) = ended.map_err(|_| SyncError::Internal)?;
                    self.settle(&delivery, &answer);
                }
                Some(step) = self.letters.step() => self.outgoing.extend(self.letters.go_on(step)),
            }
        }
        Ok(())
    }
}
