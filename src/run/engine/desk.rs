//! The desk: the one task that owns the session, and carries out what each step asks for.
//!
//! Always holds: one session at a time; effects are carried out in order, each before the next, and what needs the disk
//! waits for it; a prompt goes out after the step that it shows. Does not look at frames or speak to sockets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};

use super::EngineError;
use super::asking::{Started, Wish, ask_for_review, too_many};
use super::eyes::{Eyes, EyesOrder, Shown};
use super::passes::NewPass;
use super::ruling::HeldRule;
use super::store_keeper::StoreKeeper;
use super::timekeeping::{ClockWish, sleep_until};
use crate::api::NewSession;
use crate::compliance::{Rule, RuleBook};
use crate::run::config::Config;
use crate::run::finishing::{Finishing, finish};
use crate::run::fleet::Fleet;
use crate::run::place::Around;
use crate::run::process::stopped;
use crate::run::timekeeper::Timekeeper;
use crate::session::machine::{CaptureId, CaptureTask, Effect, Ending, Event, Session};
use crate::session::{
    CanceledBy, ConsentText, DeviceFault, Policy, Prompt, Screen, SessionDetails, SessionId, SessionRecord,
    SessionState, ShownBy,
};
use crate::store::{AttemptKind, AttemptNumber, Begun, NewAttempt, Store, StoreError};

/// Time between two tries of a store that failed.
const STORE_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// Time between two purges of what no longer counts, and of sessions that nobody came for.
const PURGE_EVERY: Duration = Duration::from_mins(1);

/// Time between two looks at a clock that is wrong.
const CLOCK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// What reaches the desk.
pub(super) enum Order {
    /// Somebody wants a session.
    Start { by: &'static str, asked: Option<Box<NewSession>>, answer: oneshot::Sender<Started> },
    /// The API has a wish for a session.
    Wish(Wish),
    /// The person of a session answered.
    Consent {
        session: SessionId,
        given: bool,
        text: ConsentText,
        shown_by: ShownBy,
        answer: oneshot::Sender<Result<(), &'static str>>,
    },
    /// Somebody wants a session to end.
    Cancel { session: SessionId, by: CanceledBy },
    /// The eyes have seen something.
    Event(Event),
    /// The camera is well, or not.
    Camera(Option<DeviceFault>),
    /// The decoder is well, or not.
    Decoder(Option<DeviceFault>),
    /// Somebody asks about the clock.
    Clock(ClockWish),
}

/// What is wrong with the device now. A session goes on only when nothing is.
#[derive(Default)]
pub(super) struct Faults {
    camera: Option<DeviceFault>,
    decoder: Option<DeviceFault>,
    /// When a store that failed is tried again.
    store_again_at: Option<Duration>,
    /// When a clock that is wrong is looked at again.
    clock_again_at: Option<Duration>,
    /// What the session was told.
    told: Option<DeviceFault>,
}

impl Faults {
    /// The one that is shown.
    pub(super) fn first(&self) -> Option<DeviceFault> {
        let store = self.store_again_at.map(|_| DeviceFault::Store);
        let clock = self.clock_again_at.map(|_| DeviceFault::Clock);
        self.camera.or(store).or(clock).or(self.decoder)
    }
}

/// Everything that the desk needs.
pub(super) struct Desk {
    pub config: Arc<Config>,
    /// The rule table that new sessions are made by.
    pub rules: watch::Receiver<Arc<RuleBook>>,
    /// What the session before the camera goes by until its end, whatever is installed meanwhile.
    pub held: Option<HeldRule>,
    pub policy: Box<dyn Fn(&Rule) -> Policy + Send>,
    pub store: StoreKeeper,
    pub eyes: Eyes,
    pub shown: Arc<Shown>,
    pub prompts: watch::Sender<Prompt>,
    pub due: watch::Sender<u64>,
    /// The time that everything goes by.
    pub time: Timekeeper,
    /// Where the device is, as far as it is known.
    pub around: watch::Receiver<Around>,
    pub origin: Instant,
    pub session: Option<Session>,
    pub capture: CaptureId,
    pub result_until: Option<Duration>,
    pub fleet: Option<Arc<Fleet>>,
    pub new_pass: NewPass,
    pub faults: Faults,
    /// The attempt that is under way.
    pub attempt: Option<AttemptNumber>,
    /// The head turn of this session that has shown that a document is needed. It counts as failed unless the person is
    /// verified: nobody starts over until the face passes.
    pub triage: Option<AttemptNumber>,
    /// When attempts that no longer count are purged.
    pub purge_at: Duration,
}

/// Whether an attempt may be made.
enum Attempt {
    Charged,
    Spent,
    NotWritten,
}

impl Desk {
    /// Serves until the engine stops.
    pub(super) async fn run(
        mut self,
        mut orders: mpsc::Receiver<Order>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), EngineError> {
        self.resume_interrupted().await?;
        loop {
            self.reconcile().await?;
            self.publish();
            let due = self.next_due().map(|due| tokio::time::Instant::from_std(self.origin + due));
            let order = tokio::select! {
                biased;
                () = stopped(&mut stop) => return Ok(()),
                order = orders.recv() => order,
                () = sleep_until(due) => {
                    self.take_time().await?;
                    continue;
                }
            };
            match order {
                None => return Err(EngineError::Ended("eyes")),
                Some(order) => self.take(order).await?,
            }
        }
    }

    async fn take(&mut self, order: Order) -> Result<(), EngineError> {
        match order {
            Order::Start { by, asked, answer } => {
                let started = self.start(by, asked.map(|asked| *asked)).await?;
                // Who asked may have gone; the session is there all the same.
                let _ = answer.send(started);
                Ok(())
            }
            Order::Wish(wish) => self.grant(wish).await,
            Order::Consent { session, given, text, shown_by, answer } => {
                let event = Event::ConsentAnswered { given, text, shown_by };
                let taken = self.take_consent(&session, event).await?;
                // Who answered may have gone.
                let _ = answer.send(taken);
                Ok(())
            }
            Order::Cancel { session, by } if self.is_present(&session) => self.step(Event::Cancel { by }).await,
            Order::Cancel { .. } => Ok(()),
            Order::Event(mut event) => {
                self.reconcile().await?;
                if let Event::DocumentRead { seen, .. } = &mut event {
                    self.note_overuse(seen).await?;
                }
                self.step(event).await
            }
            Order::Clock(wish) => self.tell_clock(wish).await,
            Order::Camera(fault) => {
                self.faults.camera = fault;
                Ok(())
            }
            Order::Decoder(fault) => {
                self.faults.decoder = fault;
                Ok(())
            }
        }
    }

    /// The person's answer; one to a session that is over by now says nothing.
    async fn take_consent(&mut self, id: &SessionId, event: Event) -> Result<Result<(), &'static str>, EngineError> {
        let Some(session) = self.session.as_ref().filter(|session| session.record().id == *id) else {
            return Ok(Ok(()));
        };
        let own = ConsentText::own(session.policy().age_threshold().is_some());
        match &event {
            Event::ConsentAnswered { text, shown_by: ShownBy::Display, .. } if *text != own => {
                return Ok(Err("the screen shows another consent text than this engine has; install the same version"));
            }
            Event::ConsentAnswered { text, shown_by: ShownBy::Till, .. }
                if text.version() != own.version()
                    && !self.config.sessions.consent_texts.iter().any(|known| known == text.version()) =>
            {
                return Ok(Err(
                    "this consent text is not among sessions.consent_texts; add its version to the configuration",
                ));
            }
            _ => {}
        }
        // Between the last look at the clock and now it may have been set.
        self.reconcile().await?;
        self.step(event).await?;
        Ok(Ok(()))
    }

    pub(super) fn is_present(&self, id: &SessionId) -> bool {
        self.session.as_ref().is_some_and(|session| session.record().id == *id)
    }

    /// Looks at the clock, and tells the session when the device has become faulty or well.
    pub(super) async fn reconcile(&mut self) -> Result<(), EngineError> {
        self.look_at_clocks().await?;
        let is_wrong = self.time.fault().is_some();
        if !is_wrong {
            self.end_on_other_rule().await?;
        }
        self.faults.clock_again_at = is_wrong.then(|| self.origin.elapsed() + CLOCK_AGAIN_AFTER);
        let fault = self.faults.first();
        match (std::mem::replace(&mut self.faults.told, fault), fault) {
            (before, now) if before == now => Ok(()),
            (_, Some(fault)) => {
                self.give_back_interrupted().await?;
                self.step(Event::Faulted { fault }).await
            }
            (_, None) => self.step(Event::Recovered).await,
        }
    }

    /// Sessions that a restart interrupted: the newest goes on, the others end as the device's failure.
    async fn resume_interrupted(&mut self) -> Result<(), EngineError> {
        // What the API made and no screen has shown yet goes on waiting. Where it was to be shown at once, the newest is shown
        // if nobody else was interrupted.
        let waits = self.config.api.as_ref().is_none_or(|api| api.sessions_wait);
        let open = move |store: &mut Store| {
            let (mut interrupted, mut unshown) = (Vec::new(), None);
            for record in store.open_sessions()? {
                match store.details(&record.id)? {
                    Some(details) if record.state == SessionState::Created => {
                        unshown = Some(record).filter(|_| details.livemode && !waits).or(unshown);
                    }
                    Some(_) | None => interrupted.push(record),
                }
            }
            Ok::<_, StoreError>((interrupted, unshown))
        };
        let (mut interrupted, unshown) = self.store.call(open).await??;
        interrupted.sort_by_key(|record| record.created_at);
        let newest = interrupted.pop();
        for record in interrupted {
            self.give_up(record).await?;
        }
        let Some(record) = newest.or(unshown) else { return Ok(()) };
        let book = self.rules_in_use();
        let Ok(rule) = book.resolve_at(record.use_case, &record.jurisdiction, self.wall()) else {
            return self.give_up(record).await;
        };
        let id = record.id.clone();
        let details = self.store.call(move |store| store.details(&id)).await??;
        let policy = self.policy_of(details.as_ref(), &rule);
        self.held = Some(HeldRule { rule, book });
        let now = self.now();
        match Session::resume(record, policy, self.capture, now) {
            Some((session, effects)) => {
                tracing::info!(session = %session.record().id, "an interrupted session starts over");
                self.session = Some(session);
                self.carry_out(effects).await?;
            }
            None => self.held = None,
        }
        Ok(())
    }

    /// Ends an interrupted session that cannot go on. Where that cannot be written now, the next start tries again.
    async fn give_up(&mut self, record: SessionRecord) -> Result<(), EngineError> {
        tracing::warn!(session = %record.id, "an interrupted session is given up");
        let ending = Ending::Canceled(CanceledBy::Device);
        self.commit(record, ending, self.wall()).await.map(drop)
    }

    /// What a session asks for: the rule of its place, tightened by what the integrator asked.
    pub(super) fn policy_of(&self, details: Option<&SessionDetails>, rule: &Rule) -> Policy {
        let policy = (self.policy)(rule);
        match details {
            Some(details) => policy.narrowed_by(&details.options, details.asks_identity),
            None => policy,
        }
    }

    /// One step of the session, if there is one, and what follows from it.
    pub(super) async fn step(&mut self, event: Event) -> Result<(), EngineError> {
        let now = self.now();
        let Some(session) = &mut self.session else { return Ok(()) };
        let effects = session.step(event, now);
        self.carry_out(effects).await
    }

    async fn carry_out(&mut self, effects: Vec<Effect>) -> Result<(), EngineError> {
        let mut effects = std::collections::VecDeque::from(effects);
        while let Some(effect) = effects.pop_front() {
            let Some(session) = &mut self.session else { return Ok(()) };
            let record = session.record().clone();
            match effect {
                Effect::Save => {
                    let tells = record.state == SessionState::AwaitingReview;
                    let config = Arc::clone(&self.config);
                    let save = move |store: &mut Store| {
                        if tells { ask_for_review(store, &config, &record) } else { store.save_session(&record) }
                    };
                    if let Err(error) = self.store.call(save).await? {
                        // What was to follow must not: it would not be on disk. The session hears of it in its turn.
                        self.note_failed_store(&error);
                        effects.clear();
                    } else if tells {
                        self.due.send_modify(|changes| *changes += 1);
                    }
                }
                Effect::Capture { capture, task } => match self.begin_attempt(&task).await? {
                    Attempt::Charged => self.look(capture, task),
                    Attempt::Spent => {
                        let now = self.now();
                        let Some(session) = &mut self.session else { return Ok(()) };
                        effects.extend(session.step(Event::AttemptsSpent { capture }, now));
                    }
                    Attempt::NotWritten => effects.clear(),
                },
                Effect::Rest => self.eyes.order(EyesOrder::Rest),
                Effect::Commit { ending, at } => {
                    // Everybody may know by now that an end is being written, and not yet which.
                    self.publish();
                    let event = self.commit(record, *ending, at).await?;
                    let now = self.now();
                    let Some(session) = &mut self.session else { return Ok(()) };
                    effects.extend(session.step(event, now));
                }
            }
        }
        if let Some(session) = &self.session {
            self.capture = session.capture();
            if session.record().state.is_terminal() && self.result_until.is_none() {
                self.result_until = Some(self.origin.elapsed() + self.result_stands());
            }
        }
        Ok(())
    }

    fn look(&self, capture: CaptureId, task: CaptureTask) {
        let Some(session) = &self.session else { return };
        self.eyes.order(EyesOrder::Look { capture, task, look: Box::new(self.look_of(session)) });
    }

    /// Charges the attempt that a capture is for, over all sessions. A head turn begins when the document has passed.
    async fn begin_attempt(&mut self, task: &CaptureTask) -> Result<Attempt, EngineError> {
        let kind = match task {
            CaptureTask::Document => AttemptKind::Document,
            CaptureTask::Face { .. } => AttemptKind::Face,
        };
        let before = self.attempt.take();
        let follows = |first, then| before.filter(|before| before.kind() == first && kind == then);
        let passed = follows(AttemptKind::Document, AttemptKind::Face);
        let failed = self.session.as_ref().is_some_and(|session| session.record().last_error.is_some());
        self.triage = follows(AttemptKind::Face, AttemptKind::Document).filter(|_| !failed).or(self.triage);
        let said = self.session.as_ref().and_then(Session::document_fields).cloned();
        let (limits, uptime) = (self.config.sessions.limits(), self.origin.elapsed());
        let charge = move |store: &mut Store| {
            store.begin_attempt(&NewAttempt { kind, document: said.as_ref(), passed }, limits, uptime)
        };
        match self.store.call(charge).await? {
            Ok(Begun::Charged(number)) => {
                self.attempt = Some(number);
                Ok(Attempt::Charged)
            }
            Ok(Begun::Spent(spent)) => {
                tracing::warn!("{}", too_many(&spent));
                Ok(Attempt::Spent)
            }
            Err(error) => {
                self.note_failed_store(&error);
                Ok(Attempt::NotWritten)
            }
        }
    }

    /// The device breaks an attempt off: it is nobody's failure.
    async fn give_back_interrupted(&mut self) -> Result<(), EngineError> {
        let state = self.session.as_ref().map(|session| session.record().state);
        if matches!(state, Some(SessionState::AwaitingDocument | SessionState::AwaitingFace)) {
            return self.give_back().await;
        }
        Ok(())
    }

    /// The attempt under way has not failed. Where that cannot be written, it counts until its hour is over.
    async fn give_back(&mut self) -> Result<(), EngineError> {
        let Some(number) = self.attempt.take() else { return Ok(()) };
        if let Err(error) = self.store.call(move |store| store.give_back_attempt(number)).await? {
            tracing::warn!("an attempt stays charged: {error}");
        }
        Ok(())
    }

    pub(super) async fn commit(
        &mut self,
        record: SessionRecord,
        ending: Ending,
        at: Timestamp,
    ) -> Result<Event, EngineError> {
        // No restart may go back behind a decision.
        if matches!(ending, Ending::Decided { .. }) && !self.keep_time().await? {
            return Ok(Event::CommitFailed);
        }
        let rule = self.rule_of(&record, at);
        let record = SessionRecord { state: ending.state(), ..record };
        let (id, state) = (record.id.clone(), record.state);
        let (config, fleet) = (Arc::clone(&self.config), self.fleet.clone());
        let finishing = Finishing { record, ending, rule, config, decided_at: at, fleet };
        match self.store.call(move |store| finish(store, &finishing)).await? {
            Ok(pass) => {
                tracing::info!(session = %id, ?state, "session ended");
                self.due.send_modify(|ends| *ends += 1);
                // Another session that ends says nothing of the attempts of the one before the camera.
                if self.is_present(&id) {
                    self.new_pass = pass.map(|pass| (id, pass));
                    if matches!(state, SessionState::Verified | SessionState::Expired) {
                        self.give_back().await?;
                    }
                    self.attempt = self.triage.take().filter(|_| state == SessionState::Verified);
                    self.give_back().await?;
                }
                Ok(Event::Committed)
            }
            // Trying these again would give the same: the process ends with the reason, and starts over.
            Err(error @ (StoreError::Refused { .. } | StoreError::Terminal | StoreError::Missing)) => Err(error.into()),
            Err(error) => {
                self.note_failed_store(&error);
                Ok(Event::CommitFailed)
            }
        }
    }

    /// Something is due: a deadline of the session, the end of a result, or another try of the store.
    async fn take_time(&mut self) -> Result<(), EngineError> {
        let uptime = self.origin.elapsed();
        if self.result_until.is_some_and(|until| uptime >= until) {
            (self.session, self.held, self.result_until, self.new_pass) = (None, None, None, None);
        }
        if self.faults.store_again_at.is_some_and(|at| uptime >= at) {
            let well = self.store.call(Store::probe).await?.is_ok();
            self.faults.store_again_at = (!well).then_some(uptime + STORE_AGAIN_AFTER);
        }
        if uptime >= self.purge_at {
            self.purge_at = uptime + PURGE_EVERY;
            if let Err(error) = self.store.call(move |store| store.purge_attempts(uptime)).await? {
                self.note_failed_store(&error);
            }
            self.expire_waiting().await?;
        }
        self.step(Event::TimePassed).await
    }

    pub(super) fn note_failed_store(&mut self, error: &StoreError) {
        tracing::error!("{error}");
        self.faults.store_again_at = Some(self.origin.elapsed() + STORE_AGAIN_AFTER);
    }

    fn next_due(&self) -> Option<Duration> {
        let session = self.session.as_ref().and_then(Session::deadline);
        let faults = [self.faults.store_again_at, self.faults.clock_again_at];
        [session, self.result_until, Some(self.purge_at)].into_iter().chain(faults).flatten().min()
    }

    fn publish(&self) {
        let prompt = match (&self.session, self.faults.first()) {
            (Some(session), _) => self.prompt_of(session),
            (None, Some(fault)) => Prompt { screen: Screen::Fault { fault }, ..Prompt::idle() },
            (None, None) => Prompt::idle(),
        };
        let screen = prompt.screen;
        self.prompts.send_if_modified(|shown| std::mem::replace(shown, prompt.clone()) != prompt);
        self.shown.set(self.capture, screen, self.origin.elapsed());
    }
}
