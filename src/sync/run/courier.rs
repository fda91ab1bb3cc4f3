//! What one connection to the engine has in hand: events that wait, are being sent, or were settled and not yet confirmed.
//!
//! Always holds: as [`super`] says. What is given back untried costs no attempt, and the engine writes nothing of it. Does not
//! know the connection: it gives messages and hears them.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::carrier::Carrier;
use super::heartbeats::Heartbeats;
use super::{
    Dispatch, ENGINE_LIMIT, EngineLink, LONGEST_WAIT, MAX_AT_ONCE, MAX_IN_HAND, MAX_OF_ENDPOINT, SHORTEST_WAIT,
    STOP_LIMIT, SyncError,
};
use crate::session::protocol::{ClientMessage, Delivery, EndpointRoom, EngineMessage, LeaseWish, Settlement};
use crate::sync::delivery::Hindrance;
use crate::sync::schedule::{Answer, Change, Flow, NoAnswer, RetryBounds, Schedule};

/// An event, what came back, and who carried it.
type Ended = (Delivery, Answer, Carrier);

/// What is in hand.
pub(super) struct Courier<'d> {
    pub(super) lasting: &'d mut Dispatch,
    /// Waiting, by endpoint, in the engine's order.
    waiting: HashMap<String, VecDeque<Delivery>>,
    /// Endpoints that are being spoken to.
    busy: HashSet<String>,
    pub(super) attempts: JoinSet<Ended>,
    pub(super) heartbeats: Heartbeats,
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
    pub(super) wake: Instant,
    /// When to ask again if nothing happens.
    ask_at: Instant,
}

impl<'d> Courier<'d> {
    pub(super) fn new(lasting: &'d mut Dispatch) -> Self {
        let now = Instant::now();
        Self {
            lasting,
            waiting: HashMap::new(),
            busy: HashSet::new(),
            attempts: JoinSet::new(),
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
    pub(super) fn want_lease(&mut self) {
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
        let Dispatch { circuits, carrier, unknown, .. } = &*self.lasting;
        let left_out = carrier.left_out().iter().chain(unknown.keys()).map(String::as_str);
        let mut in_hand: BTreeMap<&str, usize> =
            circuits.held_back().chain(left_out).map(|endpoint| (endpoint, 0)).collect();
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
        let lasting = &*self.lasting;
        let unknown = lasting.unknown.contains_key(endpoint);
        if lasting.carrier.left_out().contains(endpoint) || unknown && !lasting.is_nowhere(endpoint) {
            return 0;
        }
        match lasting.circuits.flow(endpoint, lasting.started.elapsed()) {
            Flow::Free if unknown => 1,
            Flow::Free => MAX_OF_ENDPOINT,
            Flow::Probe => 1,
            Flow::Shut => 0,
        }
    }

    pub(super) fn has_messages(&self) -> bool {
        !self.outgoing.is_empty()
    }

    pub(super) fn next_message(&mut self) -> Option<ClientMessage> {
        self.outgoing.pop_front()
    }

    /// Answers the engine about a letter, where there is an answer.
    pub(super) fn post(&mut self, message: Option<ClientMessage>) {
        self.outgoing.extend(message);
    }

    /// Begins an attempt for every endpoint that has something and is free.
    pub(super) fn send_off(&mut self) {
        let room = MAX_AT_ONCE - self.busy.len().min(MAX_AT_ONCE);
        let free = self.waiting.keys().filter(|endpoint| !self.busy.contains(*endpoint)).take(room);
        for endpoint in free.cloned().collect::<Vec<_>>() {
            let Some(queue) = self.waiting.get_mut(&endpoint) else { continue };
            let next = queue.pop_front();
            if queue.is_empty() {
                self.waiting.remove(&endpoint);
            }
            let Some(delivery) = next else { continue };
            if let Some(hindrance) = self.lasting.carrier.hindrance(&delivery) {
                self.hold_back(&delivery, hindrance);
                continue;
            }
            self.busy.insert(endpoint);
            let carrier = self.lasting.carrier.clone();
            self.attempts.spawn(async move {
                let answer = carrier.attempt(&delivery).await;
                (delivery, answer, carrier)
            });
        }
    }

    /// Does not send what cannot be sent as its endpoint is configured: it waits, and nothing is written, until that is another.
    fn hold_back(&mut self, delivery: &Delivery, hindrance: Hindrance) {
        let endpoint = &delivery.endpoint;
        let uptime = self.lasting.started.elapsed();
        match hindrance {
            Hindrance::LeftOut => self.say(delivery.delivery, Settlement::Untried),
            Hindrance::LiveOverHttp => {
                let pause = self.lasting.circuits.shut(endpoint, uptime);
                tracing::warn!(
                    "{}; what waits for {endpoint} goes on waiting, and is looked at again in {} s",
                    NoAnswer::LiveOverHttp,
                    pause.as_secs()
                );
                self.say(delivery.delivery, Settlement::Untried);
            }
            Hindrance::Unknown if self.lasting.is_nowhere(endpoint) => {
                self.settle(delivery, &Answer::Nothing(NoAnswer::UnknownEndpoint));
                self.lasting.circuits.shut(endpoint, uptime);
            }
            // The engine may know it already, and whoever looks here not yet.
            Hindrance::Unknown => {
                tracing::info!("endpoint {endpoint} is not known here yet");
                self.lasting.unknown.insert(endpoint.clone(), self.lasting.looks);
                self.say(delivery.delivery, Settlement::Untried);
            }
        }
        self.give_back(endpoint);
        self.ask_when_a_probe_may_go();
        self.set_alarm();
    }

    /// Gives back what waits for an endpoint, untried.
    fn give_back(&mut self, endpoint: &str) {
        for waiting in self.waiting.remove(endpoint).unwrap_or_default() {
            self.say(waiting.delivery, Settlement::Untried);
        }
    }

    /// Goes on with the endpoints as they were found now.
    pub(super) fn take_up(&mut self) {
        let ask = self.lasting.take_up();
        let no_more: Vec<String> = self.waiting.keys().filter(|name| self.most_of(name) == 0).cloned().collect();
        for endpoint in no_more {
            self.give_back(&endpoint);
        }
        if ask {
            self.want_lease();
        }
        self.set_alarm();
    }

    pub(super) fn hear(&mut self, message: EngineMessage) -> Result<(), SyncError> {
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
            EngineMessage::Letter { ticket, letter } => self.outgoing.extend(self.lasting.letters.take(ticket, letter)),
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
        let may_go = |heartbeat: &Delivery| self.most_of(&heartbeat.endpoint) > 0;
        let heartbeats = heartbeats.into_iter().filter(may_go).collect();
        self.heartbeats.send(&self.lasting.carrier, heartbeats);
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
            if self.in_hand.insert(delivery.delivery, delivery.endpoint.clone()).is_some() {
                continue;
            }
            let held = self.in_hand.values().filter(|endpoint| **endpoint == delivery.endpoint).count();
            // Its receiver was left alone after this was asked for.
            if held > self.most_of(&delivery.endpoint) {
                self.say(delivery.delivery, Settlement::Untried);
            } else {
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

    pub(super) fn end_attempt(&mut self, ended: Result<Ended, JoinError>) -> Result<(), SyncError> {
        let (delivery, answer, by) = ended.map_err(|_| SyncError::Internal)?;
        self.busy.remove(&delivery.endpoint);
        self.settle(&delivery, &answer);
        // What another receiver said before the endpoint was changed says nothing of this one.
        if by.address(&delivery.endpoint) == self.lasting.carrier.address(&delivery.endpoint) {
            self.note(&delivery, &answer);
        }
        self.set_alarm();
        Ok(())
    }

    /// Opens or closes the circuit of a receiver.
    fn note(&mut self, delivery: &Delivery, answer: &Answer) {
        let (endpoint, uptime) = (&delivery.endpoint, self.lasting.started.elapsed());
        match self.lasting.circuits.note(endpoint, delivery.delivery, answer, uptime, fastrand::f64()) {
            Change::None => {}
            Change::Closed => tracing::info!("the receiver of {endpoint} is back"),
            Change::Opened(pause) => {
                tracing::warn!("the receiver of {endpoint} is left alone for {} s", pause.as_secs_f64().ceil());
                // The others would fail alike, one time limit after the other.
                self.give_back(endpoint);
                self.ask_when_a_probe_may_go();
            }
        }
    }

    /// A circuit that was open lets something through at its time, which the engine knows nothing of.
    fn ask_when_a_probe_may_go(&mut self) {
        let Dispatch { circuits, started, .. } = &*self.lasting;
        if let Some(at) = circuits.next_probe(started.elapsed()) {
            self.ask_at = self.ask_at.min(*started + at);
        }
    }

    fn settle(&mut self, delivery: &Delivery, answer: &Answer) {
        let (number, uptime) = (delivery.delivery, self.lasting.started.elapsed());
        let schedules = &mut self.lasting.schedules;
        let schedule =
            schedules.entry(delivery.endpoint.clone()).or_insert_with(|| Schedule::new(RetryBounds::default()));
        let outcome = schedule.settle(number, delivery.attempts, answer, uptime, fastrand::f64());
        #[cfg(test)]
        let outcome = match outcome {
            Settlement::Retry { why, .. } if !self.lasting.carrier.redelivers() => Settlement::Dead { why },
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

    pub(super) fn wake_up(&mut self) -> Result<(), SyncError> {
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
    pub(super) async fn finish(mut self, link: &mut EngineLink) -> Result<(), SyncError> {
        let deadline = Instant::now() + STOP_LIMIT;
        self.outgoing.retain(|message| !matches!(message, ClientMessage::Lease { .. }));
        let idle = |courier: &Self| courier.attempts.is_empty() && courier.lasting.letters.is_empty();
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
                    let (delivery, answer, _) = ended.map_err(|_| SyncError::Internal)?;
                    self.settle(&delivery, &answer);
                }
                message = self.lasting.letters.step() => self.outgoing.extend(message),
            }
        }
        Ok(())
    }
}
