//! The model test: the real loop on a clock that is stepped, between an outbox and receivers in memory that do everything wrong.
//!
//! Each case draws events, senders, faults of the receivers, lost connections, killed senders and engines that start again from
//! its number alone. When the faults are over, everything that was issued has to have arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::carrier::Carrier;
use super::{Dispatch, EngineLink, MAX_OF_ENDPOINT, Roster};
use crate::session::protocol::{ClientMessage, Delivery, EngineMessage, LeaseWish, Settlement};
use crate::sync::schedule::{Answer, NoAnswer};

/// Cases of the test.
const CASES: u64 = 10_000;
/// Longest `Retry-After` of a receiver.
const LONGEST_ASKED: u64 = 7_200;
/// When the faults are over, everything arrives within the longest pause that was asked for, that of our own, and some.
const PROGRESS_WITHIN: Duration = Duration::from_secs(LONGEST_ASKED + 3_600 + 1_800);
/// Longest wait that the engine takes from a settlement.
const LONGEST_RETRY_MS: u64 = 24 * 3_600_000;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is made wrong on purpose, to see that the checks see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sabotage {
    None,
    /// A receiver acknowledges what it has not kept.
    EmptyAcknowledgement,
    /// A body is not what was issued.
    AlteredBody,
    /// What fails is never tried again.
    NoSecondTry,
}

/// The receivers of a case.
pub(super) struct Receivers {
    sabotage: Sabotage,
    rng: Mutex<Rng>,
    /// What was issued: the body, by endpoint and event.
    issued: Mutex<BTreeMap<(String, String), String>>,
    /// How often each was committed; an effect is had once, by its identifier.
    committed: Mutex<BTreeMap<(String, String), u32>>,
    /// In the order in which they came first.
    order: Mutex<Vec<(String, String)>>,
    faulty: Mutex<bool>,
    wrong: Mutex<Vec<String>>,
    /// Requests that are under way, by endpoint.
    under_way: Mutex<BTreeMap<String, usize>>,
    senders: usize,
    attempts: AtomicUsize,
}

/// A request under way.
struct UnderWay<'r>(&'r Receivers, String);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        *lock(&self.0.under_way).entry(self.1.clone()).or_default() -= 1;
    }
}

impl Receivers {
    fn commit(&self, delivery: &Delivery) {
        let key = (delivery.endpoint.clone(), delivery.event.clone());
        match lock(&self.issued).get(&key) {
            None => lock(&self.wrong).push(format!("{key:?} was never issued")),
            Some(body) if *body != delivery.body => lock(&self.wrong).push(format!("{key:?} came with another body")),
            Some(_) => {}
        }
        let mut committed = lock(&self.committed);
        let times = committed.entry(key.clone()).or_default();
        *times += 1;
        if *times == 1 {
            lock(&self.order).push(key);
        }
    }

    fn begin(&self, endpoint: &str) -> UnderWay<'_> {
        let mut under_way = lock(&self.under_way);
        let count = under_way.entry(endpoint.to_owned()).or_default();
        *count += 1;
        if *count > self.senders {
            lock(&self.wrong).push(format!("{count} requests at once to {endpoint}"));
        }
        UnderWay(self, endpoint.to_owned())
    }

    /// What a receiver does with one request.
    pub(super) async fn attempt(&self, delivery: &Delivery) -> Answer {
        let _under_way = self.begin(&delivery.endpoint);
        self.attempts.fetch_add(1, Ordering::Relaxed);
        let status = |code| Answer::Status { code, retry_after: None, web_page: false };
        let (fault, wait, asked) = {
            let mut rng = lock(&self.rng);
            let fault = if *lock(&self.faulty) { rng.u8(..20) } else { 0 };
            (fault, Duration::from_millis(rng.u64(1..3_000)), Duration::from_secs(rng.u64(..=LONGEST_ASKED)))
        };
        let nothing = Answer::Nothing;
        match (self.sabotage, fault) {
            (Sabotage::EmptyAcknowledgement, 18) => return status(200),
            (Sabotage::AlteredBody, 18) => {
                self.commit(&Delivery { body: delivery.body.replace(':', ": "), ..delivery.clone() });
                return status(200);
            }
            (Sabotage::NoSecondTry, 1..) if delivery.attempts > 0 => return std::future::pending().await,
            _ => {}
        }
        match fault {
            // The answer is lost after the commit, in three ways.
            1 | 2 => {
                self.commit(delivery);
                nothing(NoAnswer::Interrupted)
            }
            3 => {
                self.commit(delivery);
                sleep(Duration::from_secs(30)).await;
                nothing(NoAnswer::Timeout)
            }
            4 => {
                self.commit(delivery);
                status(500)
            }
            // The network hands it over twice.
            5 => {
                self.commit(delivery);
                self.commit(delivery);
                status(200)
            }
            6 => {
                sleep(Duration::from_secs(30)).await;
                nothing(NoAnswer::Timeout)
            }
            7 => nothing(NoAnswer::Connect),
            8 => nothing(NoAnswer::Tls),
            9 => status(500),
            10 => status(502),
            11 => status(302),
            12 => status(401),
            13 => status(410),
            14 => Answer::Status { code: 429, retry_after: Some(asked), web_page: false },
            15 => Answer::Status { code: 503, retry_after: Some(asked), web_page: false },
            // A captive portal.
            16 => Answer::Status { code: 200, retry_after: None, web_page: true },
            17 => {
                sleep(wait).await;
                self.commit(delivery);
                status(200)
            }
            _ => {
                self.commit(delivery);
                status(204)
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Delivered,
    Dead,
}

struct Row {
    delivery: Delivery,
    due_ms: u64,
    state: State,
}

/// The engine's outbox, as `store::outbox` keeps it.
#[derive(Default)]
struct Outbox {
    rows: BTreeMap<i64, Row>,
    held: BTreeMap<i64, u64>,
    /// Most deliveries of one endpoint that one holder ever had.
    most_held: usize,
    /// What connected senders are told by.
    listening: BTreeMap<u64, mpsc::Sender<EngineMessage>>,
}

impl Outbox {
    fn lease(&mut self, holder: u64, wish: &LeaseWish, now_ms: u64) -> EngineMessage {
        let mut chosen: Vec<i64> = Vec::new();
        let mut of_endpoint: BTreeMap<&str, u16> = BTreeMap::new();
        let mut next: Option<u64> = None;
        for (number, row) in &self.rows {
            let endpoint = row.delivery.endpoint.as_str();
            if row.state != State::Waiting || self.held.contains_key(number) || wish.room(endpoint) == 0 {
                continue;
            }
            let wait = row.due_ms.saturating_sub(now_ms);
            next = Some(next.map_or(wait, |known| known.min(wait)));
            let count = of_endpoint.entry(endpoint).or_default();
            if wait == 0 && *count < wish.room(endpoint) && chosen.len() < usize::from(wish.most) {
                *count += 1;
                chosen.push(*number);
            }
        }
        self.held.extend(chosen.iter().map(|number| (*number, holder)));
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (number, by) in &self.held {
            if *by == holder {
                *counts.entry(&self.rows[number].delivery.endpoint).or_default() += 1;
            }
        }
        self.most_held = self.most_held.max(counts.into_values().max().unwrap_or_default());
        let deliveries: Vec<Delivery> = chosen.iter().map(|number| self.rows[number].delivery.clone()).collect();
        let next_ms = next.filter(|_| deliveries.is_empty());
        EngineMessage::Leased { deliveries, next_ms }
    }

    fn settle(&mut self, holder: u64, number: i64, how: &Settlement, now_ms: u64) -> EngineMessage {
        if self.held.get(&number) != Some(&holder) {
            return EngineMessage::Failed { why: format!("{number} is not leased to {holder}") };
        }
        self.held.remove(&number);
        let row = self.rows.get_mut(&number).expect("a row is never deleted");
        match how {
            Settlement::Acknowledged => row.state = State::Delivered,
            Settlement::Dead { .. } => row.state = State::Dead,
            Settlement::Retry { after_ms, .. } => {
                row.due_ms = now_ms + (*after_ms).min(LONGEST_RETRY_MS);
                row.delivery.attempts += 1;
            }
            Settlement::Untried => {}
        }
        EngineMessage::Settled { delivery: number }
    }

    fn count(&self, state: State) -> usize {
        self.rows.values().filter(|row| row.state == state).count()
    }

    fn announce(&self) {
        for listener in self.listening.values() {
            // One that is not listening asks by itself.
            let _ = listener.try_send(EngineMessage::Due);
        }
    }
}

/// One case's world.
struct Case {
    outbox: Mutex<Outbox>,
    receivers: Arc<Receivers>,
    began: Instant,
    /// Ends every connection, or the sender of the number.
    cut: Notify,
    over: watch::Sender<bool>,
}

impl Case {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn issue(&self, number: i64, endpoints: usize) {
        let event = format!("evt_{number}");
        let mut outbox = lock(&self.outbox);
        for endpoint in 0..endpoints {
            let endpoint = format!("endpoint{endpoint}");
            let body = format!("{{\"id\":\"{event}\",\"for\":\"{endpoint}\"}}");
            lock(&self.receivers.issued).insert((endpoint.clone(), event.clone()), body.clone());
            let number = outbox.rows.len() as i64 + 1;
            let delivery = Delivery { delivery: number, event: event.clone(), endpoint, body, attempts: 0 };
            let row = Row { delivery, due_ms: self.now_ms(), state: State::Waiting };
            outbox.rows.insert(number, row);
        }
        outbox.announce();
    }

    /// The engine's side of one connection. Now and then it ends after it has written and before it has answered.
    fn connect(self: &Arc<Self>, holder: u64, cuts: bool) -> (EngineLink, JoinHandle<()>) {
        let (to_engine, mut asked) = mpsc::channel(16);
        let (say, from_engine) = mpsc::channel(16);
        lock(&self.outbox).listening.insert(holder, say.clone());
        let case = Arc::clone(self);
        let serving = tokio::spawn(async move {
            while let Some(message) = asked.recv().await {
                let answer = match message {
                    ClientMessage::Lease(wish) => lock(&case.outbox).lease(holder, &wish, case.now_ms()),
                    ClientMessage::Settle { delivery, outcome } => {
                        lock(&case.outbox).settle(holder, delivery, &outcome, case.now_ms())
                    }
                    other => panic!("sync asked {other:?}"),
                };
                if let EngineMessage::Failed { why } = &answer {
                    lock(&case.receivers.wrong).push(why.clone());
                }
                let lost = cuts && *lock(&case.receivers.faulty) && lock(&case.receivers.rng).u8(..40) == 0;
                if lost || say.send(answer).await.is_err() {
                    return;
                }
            }
        });
        (EngineLink { to_engine, from_engine }, serving)
    }

    /// A sender that connects again whenever it has lost its engine, and starts again whenever it was killed.
    async fn send(self: Arc<Self>, sender: u64, cuts: bool) {
        let mut over = self.over.subscribe();
        let mut holder = sender;
        let roster = Roster { carrier: Carrier::Model(Arc::clone(&self.receivers)), looks: 0 };
        let (_looking, roster) = watch::channel(roster);
        let mut dispatch = Dispatch::new(roster.clone(), None);
        while !*over.borrow() {
            let (link, serving) = self.connect(holder, cuts);
            let killed = tokio::select! {
                // In order, or because the engine is gone: it remembers what it knew of the receivers.
                _ended = dispatch.run(link, over.clone()) => false,
                // Killed in the middle of whatever it did.
                () = self.cut.notified() => true,
            };
            if killed {
                dispatch = Dispatch::new(roster.clone(), None);
            }
            serving.abort();
            {
                let mut outbox = lock(&self.outbox);
                outbox.held.retain(|_, by| *by != holder);
                outbox.listening.remove(&holder);
            }
            holder += 10;
            tokio::select! {
                _ = over.wait_for(|over| *over) => {}
                () = sleep(Duration::from_millis(500)) => {}
            }
        }
    }

    async fn until_nothing_waits(&self) -> Result<(), String> {
        let began = Instant::now();
        while lock(&self.outbox).count(State::Waiting) > 0 {
            if began.elapsed() > PROGRESS_WITHIN {
                return Err(format!(
                    "{} still wait after {PROGRESS_WITHIN:?}",
                    lock(&self.outbox).count(State::Waiting)
                ));
            }
            sleep(Duration::from_secs(20)).await;
        }
        Ok(())
    }

    /// What has to hold when everything has gone its way.
    fn check(&self) -> Result<(), String> {
        let (outbox, committed) = (lock(&self.outbox), lock(&self.receivers.committed));
        for Row { delivery, state, .. } in outbox.rows.values() {
            let key = (delivery.endpoint.clone(), delivery.event.clone());
            if *state != State::Delivered || !committed.contains_key(&key) {
                return Err(format!("{key:?} is {state:?} and was committed {:?} times", committed.get(&key)));
            }
        }
        let issued: BTreeSet<_> = lock(&self.receivers.issued).keys().cloned().collect();
        if !committed.keys().all(|key| issued.contains(key)) {
            return Err("something came that was never issued".to_owned());
        }
        if outbox.most_held > MAX_OF_ENDPOINT {
            return Err(format!("{} of one endpoint were in one sender's hand", outbox.most_held));
        }
        lock(&self.receivers.wrong).first().cloned().map_or(Ok(()), Err)
    }
}

/// What a case has seen, to know that the cases see something.
#[derive(Debug, Default)]
struct Seen {
    attempts: usize,
    twice: usize,
    reordered: usize,
    dead: usize,
}

async fn play(number: u64, sabotage: Sabotage) -> Result<Seen, String> {
    fastrand::seed(number);
    let mut rng = Rng::with_seed(number);
    let (endpoints, senders) = (rng.usize(1..4), rng.usize(1..3));
    let (events, cuts) = (rng.i64(1..12), rng.bool());
    let receivers = Arc::new(Receivers {
        sabotage,
        rng: Mutex::new(rng.fork()),
        issued: Mutex::default(),
        committed: Mutex::default(),
        order: Mutex::default(),
        faulty: Mutex::new(true),
        wrong: Mutex::default(),
        under_way: Mutex::default(),
        senders,
        attempts: AtomicUsize::new(0),
    });
    let case = Arc::new(Case {
        outbox: Mutex::default(),
        receivers,
        began: Instant::now(),
        cut: Notify::new(),
        over: watch::channel(false).0,
    });
    let sending: Vec<_> =
        (0..senders).map(|sender| tokio::spawn(Arc::clone(&case).send(sender as u64, cuts))).collect();
    // Events come while everything goes wrong.
    for event in 0..events {
        case.issue(event, endpoints);
        sleep(Duration::from_millis(rng.u64(..60_000))).await;
        if cuts && rng.u8(..4) == 0 {
            case.cut.notify_waiters();
        }
    }
    sleep(Duration::from_secs(rng.u64(..1_200))).await;
    *lock(&case.receivers.faulty) = false;
    case.until_nothing_waits().await?;
    // The operator has what was refused sent again.
    let dead = lock(&case.outbox).count(State::Dead);
    {
        let (now_ms, mut outbox) = (case.now_ms(), lock(&case.outbox));
        for row in outbox.rows.values_mut().filter(|row| row.state == State::Dead) {
            (row.state, row.due_ms, row.delivery.attempts) = (State::Waiting, now_ms, 0);
        }
        outbox.announce();
    }
    case.until_nothing_waits().await?;
    case.over.send_replace(true);
    for sender in sending {
        sender.await.map_err(|error| error.to_string())?;
    }
    case.check()?;
    let order = lock(&case.receivers.order);
    let number = |event: &str| event.trim_start_matches("evt_").parse().unwrap_or(0);
    let first = |endpoint: &str| {
        order.iter().filter(|(of, _)| of == endpoint).map(|(_, event)| number(event)).collect::<Vec<u32>>()
    };
    let orders: Vec<Vec<u32>> = (0..endpoints).map(|number| first(&format!("endpoint{number}"))).collect();
    let seen = Seen {
        attempts: case.receivers.attempts.load(Ordering::Relaxed),
        twice: lock(&case.receivers.committed).values().filter(|times| **times > 1).count(),
        reordered: orders.iter().filter(|order| !order.is_sorted()).count(),
        dead,
    };
    Ok(seen)
}

fn play_one(number: u64, sabotage: Sabotage) -> Result<Seen, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(play(number, sabotage))
}

/// Plays a range of cases, one after the other.
fn play_all(numbers: impl Iterator<Item = u64>) -> Seen {
    let mut all = Seen::default();
    for number in numbers {
        let seen = play_one(number, Sabotage::None).unwrap_or_else(|why| panic!("case {number}: {why}"));
        all.attempts += seen.attempts;
        all.twice += seen.twice;
        all.reordered += seen.reordered;
        all.dead += seen.dead;
    }
    all
}

#[test]
fn whatever_goes_wrong_every_event_arrives_as_it_was_issued_and_has_its_effect_once() {
    let cases = std::env::var("CARDED_MODEL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get) as u64;
    let seen: Vec<Seen> = std::thread::scope(|scope| {
        let play = |thread: u64| move || play_all((thread..cases).step_by(threads as usize));
        let playing: Vec<_> = (0..threads).map(|thread| scope.spawn(play(thread))).collect();
        playing.into_iter().map(|playing| playing.join().unwrap()).collect()
    });
    let sum = |of: fn(&Seen) -> usize| seen.iter().map(of).sum::<usize>();
    // The cases do see what they are for.
    let seen = [sum(|seen| seen.attempts), sum(|seen| seen.twice), sum(|seen| seen.reordered), sum(|seen| seen.dead)];
    assert!(seen.iter().all(|count| *count as u64 > cases / 20), "{seen:?}");
}

#[test]
fn the_model_sees_what_is_lost_altered_or_left_lying() {
    for sabotage in [Sabotage::EmptyAcknowledgement, Sabotage::AlteredBody, Sabotage::NoSecondTry] {
        let found = (0..200).any(|number| play_one(number, sabotage).is_err());
        assert!(found, "{sabotage:?}");
    }
}
