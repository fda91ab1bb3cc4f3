//! The engine's side of the socket: one task a client, each with what its role may do and nothing more.
//!
//! Always holds: no message of a client reaches a decision but what one of the staff says by their code, through a till, and the
//! code that somebody has received who was verified before; a
//! client that is slow or silent holds up nobody else; what a lost `sync` had leased is free again at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::{MissedTickBehavior, interval};
use zeroize::Zeroizing;

use super::EngineError;
use super::asking::Wish;
use super::desk::Order;
use super::staffing::Ways;
use super::timekeeping::ClockWish;
use crate::camera::Camera;
use crate::imaging::{Frame, Rgb, resize};
use crate::privacy::StaffCode;
use crate::run::config::DeviceConfig;
use crate::run::heartbeats::heartbeats;
use crate::run::ordering::OrderError;
use crate::run::process::stopped;
use crate::run::socket::{SocketError, read, welcome, write, write_bytes};
use crate::run::{keys, outbox, rules, staff};
use crate::session::machine::ReturnStep;
use crate::session::protocol::{
    Body, ClientMessage, ClientRole, ClockAnswer, ClockOrder, Delivery, EngineMessage, LeaseWish, OutboxAnswer,
    PrivateText, ReturnSaid, Settlement, encode, encode_preview,
};
use crate::session::{CanceledBy, Prompt, Screen, ShownBy};
use crate::store::{LeaseHolder, Store};

/// Clients at one time.
const MOST_CLIENTS: usize = 16;
/// Messages of a client that may wait.
const MOST_MESSAGES: usize = 16;
/// Events that one lease gives at most.
const MOST_LEASED: u16 = 64;
/// Answers to one client that are still being found.
const MOST_SAID: usize = 2;
/// Time between two previews.
const PREVIEW_EVERY: Duration = Duration::from_millis(80);
/// Longer side of a preview in pixels.
const PREVIEW_SIDE: usize = 640;

/// Which users may be what; the engine's own and root may be anything.
pub(super) struct Users {
    pub own: u32,
    pub display: Vec<u32>,
    pub till: Vec<u32>,
    pub sync: Vec<u32>,
}

impl Users {
    /// Those that are configured.
    pub(super) fn of(device: &DeviceConfig) -> Self {
        Self {
            own: rustix::process::getuid().as_raw(),
            display: device.display_users.clone(),
            till: device.till_users.clone(),
            sync: device.sync_users.clone(),
        }
    }

    fn knows(&self, user: u32) -> bool {
        [ClientRole::Display, ClientRole::Till, ClientRole::Sync].into_iter().any(|role| self.may(role, user))
    }

    fn may(&self, role: ClientRole, user: u32) -> bool {
        let named = match role {
            ClientRole::Display => &self.display,
            ClientRole::Till => &self.till,
            ClientRole::Sync => &self.sync,
            ClientRole::Operator => &Vec::new(),
        };
        user == 0 || user == self.own || named.contains(&user)
    }
}

/// What every client's task shares.
#[derive(Clone)]
pub(super) struct Server {
    pub ways: Ways,
    pub camera: Arc<Camera>,
    pub prompts: watch::Receiver<Prompt>,
    pub due: watch::Receiver<u64>,
    pub users: Arc<Users>,
    pub sync_place: Arc<Semaphore>,
}

impl Server {
    /// Takes clients in until the engine stops.
    pub(super) async fn run(self, listener: UnixListener, mut stop: watch::Receiver<bool>) -> Result<(), EngineError> {
        static HOLDERS: AtomicU64 = AtomicU64::new(1);
        let places = Arc::new(Semaphore::new(MOST_CLIENTS));
        loop {
            let accepted = tokio::select! {
                () = stopped(&mut stop) => return Ok(()),
                accepted = listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of descriptors, most likely: others may close some.
                    tracing::warn!("cannot take in a client: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            // Before a place is taken: nobody unknown can fill them by being silent.
            let known = stream.peer_cred().is_ok_and(|peer| self.users.knows(peer.uid()));
            if !known {
                tracing::warn!("a client of an unknown user was turned away; see device.display_users and its like");
                let refusal = "this user may not connect; add it to device.display_users, till_users or sync_users";
                if let Ok(bytes) = encode(&EngineMessage::Refused { why: refusal.to_owned() }) {
                    // It may not be listening; the connection ends either way.
                    let _ = stream.try_write(&bytes);
                }
                continue;
            }
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                tracing::warn!("a client was turned away: {MOST_CLIENTS} are connected");
                continue;
            };
            let (server, mut stop) = (self.clone(), stop.clone());
            let holder = HOLDERS.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                tokio::select! {
                    () = stopped(&mut stop) => {}
                    served = server.serve(stream, holder) => match served {
                        Ok(()) | Err(SocketError::Closed) => {}
                        Err(error) => tracing::info!("a client's connection ended: {error}"),
                    },
                }
                drop(place);
            });
        }
    }

    /// Whether a user's program may be what it says; of syncs there is one at a time, which keeps the place.
    fn admit(&self, role: ClientRole, user: u32) -> Result<Option<OwnedSemaphorePermit>, String> {
        if !self.users.may(role, user) {
            return Err(format!(
                "user {user} may not be a {role:?}; see device.display_users, till_users and sync_users"
            ));
        }
        match role {
            ClientRole::Display | ClientRole::Till | ClientRole::Operator => Ok(None),
            ClientRole::Sync => match Arc::clone(&self.sync_place).try_acquire_owned() {
                Ok(place) => Ok(Some(place)),
                Err(_) => Err("another sync delivers already; stop it first".to_owned()),
            },
        }
    }

    async fn serve(&self, stream: UnixStream, holder: u64) -> Result<(), SocketError> {
        let (role, _place, reading, mut writing) = welcome(stream, |role, user| self.admit(role, user)).await?;
        let (sender, messages) = mpsc::channel(MOST_MESSAGES);
        let reader = tokio::spawn(read_all(reading, sender));
        let served = match role {
            ClientRole::Display => self.show(messages, &mut writing, true).await,
            ClientRole::Till => self.show(messages, &mut writing, false).await,
            ClientRole::Operator => self.manage(messages, &mut writing).await,
            ClientRole::Sync => {
                let served = self.hand_out(messages, &mut writing, holder).await;
                // A store that is gone frees every lease with it.
                let _ = self.ways.store.call(move |store| store.release(LeaseHolder(holder))).await;
                served
            }
        };
        reader.abort();
        served
    }

    /// Carries out an operator's orders.
    async fn manage(
        &self,
        mut messages: mpsc::Receiver<ClientMessage>,
        writing: &mut OwnedWriteHalf,
    ) -> Result<(), SocketError> {
        loop {
            let answer =
                match messages.recv().await.ok_or(SocketError::Closed)? {
                    ClientMessage::Keys(order) => {
                        self.ordered(move |store| keys::carry_out(store, &order)).await.map(EngineMessage::Keys)
                    }
                    ClientMessage::Staff(order) => {
                        self.ordered(move |store| staff::carry_out(store, &order)).await.map(EngineMessage::Staff)
                    }
                    ClientMessage::Rules(order) => {
                        let (config, in_use) = (Arc::clone(&self.ways.config), self.ways.rules.clone());
                        let at = self.ways.judged_now().await.ok().and_then(Result::ok).map(|judged| judged.wall);
                        // Both on the store's thread, so that of two orders the later one's table is used.
                        let install = move |store: &mut Store| {
                            let (answer, table) = rules::carry_out(store, &config, &order, at)?;
                            if answer.changed {
                                tracing::info!("the rules are {} from now on", table.version());
                                in_use.send_replace(Arc::new(table));
                            }
                            Ok(answer)
                        };
                        self.ordered(install).await.map(|answer| EngineMessage::Rules(Box::new(answer)))
                    }
                    ClientMessage::Clock(order) => self.tell_clock(order).await.map(EngineMessage::Clock),
                    ClientMessage::Outbox(order) => {
                        let config = Arc::clone(&self.ways.config);
                        let answer = self.ordered(move |store| outbox::carry_out(store, &config, &order)).await;
                        if let Ok(OutboxAnswer::Replayed { replayed: 1.., .. }) = &answer {
                            self.ways.due.send_modify(|changes| *changes += 1);
                        }
                        answer.map(|answer| EngineMessage::Outbox(Box::new(answer)))
                    }
                    _ => Err("this client may manage keys, staff, rules, the clock and the outbox, and nothing else"
                        .to_owned()),
                };
            write(writing, &answer.unwrap_or_else(|why| EngineMessage::Failed { why })).await?;
        }
    }

    /// The clock is the desk's.
    async fn tell_clock(&self, order: ClockOrder) -> Result<ClockAnswer, String> {
        let gone = || "the engine is stopping; connect again".to_owned();
        let (answer, answered) = oneshot::channel();
        let order = Order::Clock(ClockWish::Order(order, answer));
        self.ways.desk.send(order).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    async fn ordered<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T, OrderError> + Send + 'static,
    ) -> Result<T, String> {
        self.ways.store.call(work).await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }

    /// Serves a display, with pictures, or a till, without.
    async fn show(
        &self,
        mut messages: mpsc::Receiver<ClientMessage>,
        writing: &mut OwnedWriteHalf,
        pictures: bool,
    ) -> Result<(), SocketError> {
        let mut prompts = self.prompts.clone();
        let mut ticks = interval(PREVIEW_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        // What takes longer than a prompt may wait is done beside.
        let (saying, mut said) = mpsc::channel(MOST_SAID);
        let mut last_frame = None;
        prompts.mark_changed();
        loop {
            tokio::select! {
                biased;
                changed = prompts.changed() => {
                    changed.map_err(|_| SocketError::Closed)?;
                    let mut prompt = prompts.borrow_and_update().clone();
                    // What a person has earned is shown to them alone.
                    prompt.new_pass = prompt.new_pass.filter(|_| pictures);
                    write(writing, &EngineMessage::Prompt(prompt)).await?;
                }
                Some(said) = said.recv() => write(writing, &said).await?,
                message = messages.recv() => {
                    let message = message.ok_or(SocketError::Closed)?;
                    let answer = match message {
                        ClientMessage::AskCode { .. } | ClientMessage::EnterCode { .. } => {
                            Ok(self.hear_returning(message, &saying))
                        }
                        ClientMessage::Review { .. } | ClientMessage::Override { .. } if !pictures => {
                            self.heed(message).await.map(Some)
                        }
                        message => self.carry_out(message, pictures).await.map(|()| None),
                    };
                    if let Some(said) = answer.unwrap_or_else(|why| Some(EngineMessage::Failed { why })) {
                        write(writing, &said).await?;
                    }
                }
                _ = ticks.tick(), if pictures => {
                    let looking =
                        matches!(prompts.borrow().screen, Screen::Document { .. } | Screen::Face { .. });
                    if looking && let Some(frame) = self.camera.newest(last_frame, Duration::ZERO) {
                        last_frame = Some(frame.sequence);
                        if let Some(bytes) = preview(frame).await {
                            write_bytes(writing, &bytes).await?;
                        }
                    }
                }
            }
        }
    }

    /// Hears somebody who was verified before, and answers when that is done; at once where too much is under way.
    fn hear_returning(&self, message: ClientMessage, saying: &mpsc::Sender<EngineMessage>) -> Option<EngineMessage> {
        let (ways, Ok(place)) = (self.ways.clone(), saying.clone().try_reserve_owned()) else {
            let (ClientMessage::AskCode { session, .. } | ClientMessage::EnterCode { session, .. }) = message else {
                return None;
            };
            return Some(EngineMessage::Returning { session, said: ReturnSaid::Unavailable });
        };
        tokio::spawn(async move {
            if let Some(said) = ways.returning(message).await {
                place.send(said);
            }
        });
        None
    }

    /// What a till says in the name of one of the staff.
    async fn heed(&self, message: ClientMessage) -> Result<EngineMessage, String> {
        let unformed = || "a staff code has eight digits; make one with 'carded staff add'".to_owned();
        let parsed = |code: &PrivateText| StaffCode::parse(&code.0).ok_or_else(unformed);
        let (session, heeded) = match message {
            ClientMessage::Review { session, accepted, code } => {
                let waited = self.ways.review(session.clone(), accepted, parsed(&code)?).await;
                let over = || "this session does not wait for the staff to look at the document".to_owned();
                (session, waited.map_err(|why| why.to_string())?.then_some(()).ok_or_else(over))
            }
            ClientMessage::Override { session, result, code } => {
                let set = self.ways.override_outcome(session.clone(), result, parsed(&code)?, false).await;
                (session, set.map_err(|why| why.to_string()))
            }
            _ => return Err("this is nothing that the staff say".to_owned()),
        };
        heeded.map(|()| EngineMessage::Heeded { session })
    }

    async fn carry_out(&self, message: ClientMessage, display: bool) -> Result<(), String> {
        let gone = || "the engine is stopping; connect again".to_owned();
        let by = if display { CanceledBy::Person } else { CanceledBy::Till };
        match message {
            ClientMessage::Start => {
                let (answer, answered) = oneshot::channel();
                let by = if display { "display" } else { "till" };
                self.ways.desk.send(Order::Start { by, asked: None, answer }).await.map_err(|_| gone())?;
                answered.await.map_err(|_| gone())?.map(drop).map_err(|refusal| refusal.to_string())
            }
            ClientMessage::Consent { session, given, text } => {
                let shown_by = if display { ShownBy::Display } else { ShownBy::Till };
                let (answer, answered) = oneshot::channel();
                let order = Order::Consent { session, given, text, shown_by, answer };
                self.ways.desk.send(order).await.map_err(|_| gone())?;
                answered.await.map_err(|_| gone())?.map_err(str::to_owned)
            }
            ClientMessage::ComeAgain { session } => {
                let order = Order::Wish(Wish::Await { session, step: ReturnStep::Address });
                self.ways.desk.send(order).await.map_err(|_| gone())
            }
            ClientMessage::Cancel { session } => {
                self.ways.desk.send(Order::Cancel { session, by }).await.map_err(|_| gone())
            }
            ClientMessage::Hello(_)
            | ClientMessage::Review { .. }
            | ClientMessage::Override { .. }
            | ClientMessage::AskCode { .. }
            | ClientMessage::EnterCode { .. }
            | ClientMessage::Posted { .. }
            | ClientMessage::Lease(_)
            | ClientMessage::Settle { .. }
            | ClientMessage::Keys(_)
            | ClientMessage::Staff(_)
            | ClientMessage::Clock(_)
            | ClientMessage::Outbox(_)
            | ClientMessage::Rules(_) => {
                Err("this client may start, answer and cancel a session, and nothing else".to_owned())
            }
        }
    }

    /// Serves the role that delivers.
    async fn hand_out(
        &self,
        mut messages: mpsc::Receiver<ClientMessage>,
        writing: &mut OwnedWriteHalf,
        holder: u64,
    ) -> Result<(), SocketError> {
        // Counts ends: one that comes while something is written is not missed.
        let mut due = self.due.clone();
        let mut postbox = self.ways.letters.open();
        let mut beats = interval(self.ways.config.outbox.heartbeat_every());
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let message = tokio::select! {
                message = messages.recv() => message.ok_or(SocketError::Closed)?,
                letter = postbox.next() => {
                    write(writing, &letter).await?;
                    continue;
                }
                _ = beats.tick() => {
                    if let Some(heartbeats) = self.heartbeats().await {
                        write(writing, &EngineMessage::Heartbeats { heartbeats }).await?;
                    }
                    continue;
                }
                changed = due.changed() => {
                    changed.map_err(|_| SocketError::Closed)?;
                    write(writing, &EngineMessage::Due).await?;
                    continue;
                }
            };
            let answer = match message {
                ClientMessage::Lease(wish) => self.lease(wish, holder).await,
                ClientMessage::Settle { delivery, outcome } => self.settle(delivery, outcome, holder).await,
                ClientMessage::Posted { ticket, sent } => {
                    postbox.settle(ticket, sent);
                    continue;
                }
                ClientMessage::Hello(_)
                | ClientMessage::Start
                | ClientMessage::Consent { .. }
                | ClientMessage::Review { .. }
                | ClientMessage::Override { .. }
                | ClientMessage::ComeAgain { .. }
                | ClientMessage::AskCode { .. }
                | ClientMessage::EnterCode { .. }
                | ClientMessage::Cancel { .. }
                | ClientMessage::Keys(_)
                | ClientMessage::Staff(_)
                | ClientMessage::Clock(_)
                | ClientMessage::Outbox(_)
                | ClientMessage::Rules(_) => {
                    Err("this client may lease and settle events, and nothing else".to_owned())
                }
            };
            write(writing, &answer.unwrap_or_else(|why| EngineMessage::Failed { why })).await?;
        }
    }

    /// The heartbeats of this moment; none while nothing is decided by the clock.
    async fn heartbeats(&self) -> Option<Vec<Delivery>> {
        let judged = self.ways.judged_now().await.ok()?.ok()?;
        let config = Arc::clone(&self.ways.config);
        let signed =
            self.ways.store.call(move |store| heartbeats(store, &config, judged.wall, judged.trust)).await.ok()?;
        signed.inspect_err(|error| tracing::warn!("no heartbeat is signed: {error}")).ok()
    }

    async fn lease(&self, wish: LeaseWish, holder: u64) -> Result<EngineMessage, String> {
        let wish = LeaseWish { most: wish.most.min(MOST_LEASED), ..wish };
        let now = Timestamp::now();
        let disabled = self.ways.config.endpoints.disabled();
        let leased = self.ways.store.call(move |store| {
            store.withhold(disabled);
            let deliveries = store.lease_as_wished(LeaseHolder(holder), &wish, now)?;
            let next = if deliveries.is_empty() { store.next_due_as_wished(&wish, now)? } else { None };
            Ok::<_, crate::store::StoreError>((deliveries, next))
        });
        let (deliveries, next) = leased.await.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
        let next_ms = next.map(|at: Duration| u64::try_from(at.as_millis()).unwrap_or(u64::MAX));
        Ok(EngineMessage::Leased { deliveries, next_ms })
    }

    async fn settle(&self, delivery: i64, outcome: Settlement, holder: u64) -> Result<EngineMessage, String> {
        let settled =
            self.ways.store.call(move |store| store.settle(LeaseHolder(holder), delivery, &outcome, Timestamp::now()));
        settled.await.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
        Ok(EngineMessage::Settled { delivery })
    }
}

/// Reads a client's messages; a task of its own, because a message must not be given up half-read.
async fn read_all(mut reading: OwnedReadHalf, messages: mpsc::Sender<ClientMessage>) {
    loop {
        match read::<ClientMessage>(&mut reading).await {
            Ok(Some(Body::Message(message))) => {
                if messages.send(message).await.is_err() {
                    return;
                }
            }
            Ok(Some(Body::Preview(_)) | None) => return,
            Err(error) => {
                tracing::info!("a client's message cannot be read: {error}");
                return;
            }
        }
    }
}

/// A small picture of a frame, laid out for a display.
async fn preview(frame: Arc<Frame>) -> Option<Zeroizing<Vec<u8>>> {
    let small = tokio::task::spawn_blocking(move || {
        let (width, height) = (frame.image.width(), frame.image.height());
        let scale = (PREVIEW_SIDE as f32 / width.max(height).max(1) as f32).min(1.0);
        let side = |length: usize| ((length as f32 * scale) as usize).max(1);
        let picture: Rgb = resize(&frame.image, side(width), side(height));
        encode_preview(&picture)
    });
    small.await.ok()?.ok()
}
