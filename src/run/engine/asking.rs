//! How sessions begin and end on somebody's wish: at the screen, over the till's socket, or over the API.
//!
//! Always holds: one session at a time is before the camera, and a second is refused with the reason; a session of a test
//! key never comes before the camera; every end is written by the desk, so that two wishes never write two.

use std::borrow::Cow;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;

use super::EngineError;
use super::desk::Desk;
use super::known::Answered;
use super::ruling::HeldRule;
use crate::api::{EventKind, NewSession, SessionSnapshot, TestOutcome};
use crate::compliance::RuleError;
use crate::privacy::StaffId;
use crate::run::config::Config;
use crate::run::finishing::{bodies, details_or_site};
use crate::session::machine::{Ending, Event, ReturnStep, Session};
use crate::session::{
    CanceledBy, Credential, Decision, DeviceFault, Evidence, ReturnProof, SessionId, SessionRecord, SessionState,
    Verdict,
};
use crate::store::{Budget, NewEvent, Requested, Spent, Store, StoreError};

/// How long a session may take altogether, as in both APIs.
const SESSION_LIFETIME: SignedDuration = SignedDuration::from_hours(24);
/// Time between two lots of sessions that nobody came for.
const MORE_EXPIRED_AFTER: Duration = Duration::from_millis(200);
/// The flag of an outcome that a test key chose: nothing was shown to anybody.
const TEST_OUTCOME_FLAG: &str = "test_outcome";

/// Why no session begins.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartRefusal {
    /// Another is under way.
    #[error("a session is under way; cancel it, or wait for its end")]
    InProgress,
    /// The device cannot go on.
    #[error(transparent)]
    Fault(#[from] DeviceFault),
    /// Too many attempts have failed.
    #[error("{0}")]
    Spent(String),
    /// There is no rule.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// The session is not one that waits for its screen.
    #[error("this session does not wait for its screen: it was started already, or has ended")]
    NotWaiting,
}

/// Whether a session ended as was wished.
pub(super) type Ended = Result<bool, StartRefusal>;

pub(super) type Started = Result<SessionRecord, StartRefusal>;

/// A wish of the API, or of one of the staff at a till.
pub(super) enum Wish {
    /// Shows a session that waits.
    Present { session: SessionId, answer: oneshot::Sender<Result<(), StartRefusal>> },
    /// Ends a session; whether that was still possible.
    Cancel { session: SessionId, by: CanceledBy, answer: oneshot::Sender<Ended> },
    /// Tells what one of the staff found at the document; whether the session waited for that.
    Review { session: SessionId, accepted: bool, staff: StaffId, answer: oneshot::Sender<Ended> },
    /// Ends a session by what somebody has who was verified before; without a proof it is only asked whether that would do.
    Return {
        session: SessionId,
        credentials: Vec<Credential>,
        proof: Option<ReturnProof>,
        answer: oneshot::Sender<Result<Answered, StartRefusal>>,
    },
    /// Whoever is before the screen says that they were here before, and is asked to show it.
    Await { session: SessionId, step: ReturnStep },
    /// Ends a test session as it was chosen.
    Conclude { session: SessionId, outcome: TestOutcome, answer: oneshot::Sender<Ended> },
}

impl Desk {
    /// Makes a session, and shows it unless it is a test key's or sessions wait for their display.
    pub(super) async fn start(&mut self, by: &'static str, asked: Option<NewSession>) -> Result<Started, EngineError> {
        if let Some(asked) = &asked {
            let id = asked.id.clone();
            match self.store.call(move |store| store.session(&id)).await? {
                Ok(None) => {}
                // A request that was cut off has come again: what it made is there.
                Ok(Some(made)) => return Ok(Ok(made)),
                Err(error) => return Ok(Err(self.failed_store(&error))),
            }
        }
        let is_test = asked.as_ref().is_some_and(|asked| !asked.details.livemode);
        let waits = is_test || asked.is_some() && self.config.api.as_ref().is_some_and(|api| api.sessions_wait);
        if !waits && let Err(refusal) = self.may_start().await? {
            return Ok(Err(refusal));
        }
        let site = &self.config.site;
        let use_case = asked.as_ref().and_then(|asked| asked.use_case).unwrap_or(site.use_case);
        let place = asked.as_ref().and_then(|asked| asked.jurisdiction.clone());
        let jurisdiction = place.unwrap_or_else(|| site.jurisdiction.clone());
        let now = self.wall();
        if let Err(error) = self.rules_in_use().resolve_at(use_case, &jurisdiction, now) {
            return Ok(Err(error.into()));
        }
        let id = match &asked {
            Some(asked) => asked.id.clone(),
            None => draw_id()?,
        };
        let record = SessionRecord {
            id,
            use_case,
            jurisdiction,
            state: SessionState::Created,
            attempts: self.config.sessions.budget(),
            consent: None,
            last_error: None,
            created_at: now,
            expires_at: now.saturating_add(SESSION_LIFETIME).unwrap_or(Timestamp::MAX),
        };
        if let Err(error) = self.write_new(&record, asked).await? {
            return Ok(Err(self.failed_store(&error)));
        }
        tracing::info!(session = %record.id, by, "session made");
        if waits { Ok(Ok(record)) } else { self.show(record).await }
    }

    /// Whether a session may come before the camera now.
    async fn may_start(&mut self) -> Result<Result<(), StartRefusal>, EngineError> {
        if self.session.as_ref().is_some_and(|session| !session.record().state.is_terminal()) {
            return Ok(Err(StartRefusal::InProgress));
        }
        self.reconcile().await?;
        if let Some(fault) = self.faults.first() {
            return Ok(Err(fault.into()));
        }
        let (limits, uptime) = (self.config.sessions.limits(), self.origin.elapsed());
        Ok(match self.store.call(move |store| store.attempts_spent(limits, uptime)).await? {
            Ok(None) => Ok(()),
            Ok(Some(spent)) => Err(StartRefusal::Spent(too_many(&spent))),
            Err(error) => Err(self.failed_store(&error)),
        })
    }

    /// What is said when the store fails. Only a disk that fails is a fault of the device, and not what it refuses to write.
    pub(super) fn failed_store(&mut self, error: &StoreError) -> StartRefusal {
        if let StoreError::Refused { .. } | StoreError::Terminal | StoreError::Missing = error {
            tracing::error!("{error}");
        } else {
            self.note_failed_store(error);
        }
        DeviceFault::Store.into()
    }

    async fn write_new(
        &mut self,
        record: &SessionRecord,
        asked: Option<NewSession>,
    ) -> Result<Result<(), StoreError>, EngineError> {
        let (record, config) = (record.clone(), std::sync::Arc::clone(&self.config));
        self.store
            .call(move |store| {
                let Some(asked) = asked else { return store.create_session(&record) };
                let snapshot = SessionSnapshot { record, details: asked.details, outcome: None, overriding: None };
                let event = new_event(&config, EventKind::Created, &snapshot)?;
                store.create_requested(&Requested {
                    record: &snapshot.record,
                    details: &snapshot.details,
                    key: Some(&asked.key),
                    email: asked.email.as_deref(),
                    phone: asked.phone.as_deref(),
                    event: Some(&event),
                })
            })
            .await
    }

    /// Puts a session that is on disk before the camera.
    async fn show(&mut self, record: SessionRecord) -> Result<Started, EngineError> {
        let book = self.rules_in_use();
        let rule = match book.resolve_at(record.use_case, &record.jurisdiction, self.wall()) {
            Ok(rule) => rule,
            Err(error) => return Ok(Err(error.into())),
        };
        // Options can be changed until here: they are read, and the session is closed to changes, in one go.
        let opened = SessionRecord { state: SessionState::AwaitingConsent, ..record.clone() };
        let read_and_close = move |store: &mut Store| {
            let details = store.details(&opened.id)?;
            store.save_session(&opened).map(|()| details)
        };
        let details = match self.store.call(read_and_close).await? {
            Ok(details) => details,
            Err(error) => return Ok(Err(self.failed_store(&error))),
        };
        let policy = self.policy_of(details.as_ref(), &rule);
        // The days from here on are those of this session's place.
        (self.session, self.held) = (None, Some(HeldRule { rule, book }));
        let now = self.now();
        let mut session = Session::new(record, policy, self.capture, now);
        // What this asks for is done: it is written.
        let _ = session.step(Event::Opened, now);
        self.session = Some(session);
        (self.result_until, self.new_pass) = (None, None);
        let shown = self.session.as_ref().map(|session| session.record().clone());
        Ok(shown.ok_or(StartRefusal::NotWaiting))
    }

    /// Carries out a wish of the API.
    pub(super) async fn grant(&mut self, wish: Wish) -> Result<(), EngineError> {
        // Whoever asked may have gone; what was done stays done.
        match wish {
            Wish::Present { session, answer } => {
                let shown = self.present(&session).await?;
                let _ = answer.send(shown);
            }
            Wish::Cancel { session, by, answer } => {
                let done = self.end_on_wish(&session, Ending::Canceled(by)).await?;
                let _ = answer.send(done);
            }
            Wish::Review { session, accepted, staff, answer } => {
                let done = self.end_review(&session, Event::ReviewAnswered { accepted, staff }).await?;
                let _ = answer.send(done);
            }
            Wish::Return { session, credentials, proof, answer } => {
                let done = self.end_returned(&session, credentials, proof).await?;
                let _ = answer.send(done);
            }
            Wish::Await { session, step } => self.await_returning(&session, step).await?,
            Wish::Conclude { session, outcome, answer } => {
                let done = self.end_on_wish(&session, chosen(outcome)).await?;
                let _ = answer.send(done);
            }
        }
        Ok(())
    }

    async fn present(&mut self, id: &SessionId) -> Result<Result<(), StartRefusal>, EngineError> {
        if let Err(refusal) = self.may_start().await? {
            return Ok(Err(refusal));
        }
        Ok(match self.waiting(id).await? {
            Ok(Some(record)) if record.expires_at > self.wall() => self.show(record).await?.map(drop),
            Ok(_) => Err(StartRefusal::NotWaiting),
            Err(error) => Err(self.failed_store(&error)),
        })
    }

    /// A session that no screen shows yet.
    pub(super) async fn waiting(
        &mut self,
        id: &SessionId,
    ) -> Result<Result<Option<SessionRecord>, StoreError>, EngineError> {
        let id = id.clone();
        let found = self.store.call(move |store| store.session(&id)).await?;
        Ok(found.map(|record| record.filter(|record| record.state == SessionState::Created)))
    }

    /// Ends a session, before the camera or waiting; whether it ended so, now or with an earlier try of the same.
    async fn end_on_wish(&mut self, id: &SessionId, ending: Ending) -> Result<Ended, EngineError> {
        if self.is_present(id) {
            let Ending::Canceled(by) = ending else { return Ok(Ok(false)) };
            self.step(Event::Cancel { by }).await?;
            return Ok(match self.session.as_ref().map(|session| session.record().state) {
                // Its end is known and not yet on disk: whoever asks again finds it.
                Some(SessionState::Deciding) => Err(DeviceFault::Store.into()),
                state => Ok(state == Some(SessionState::Canceled(by))),
            });
        }
        match self.waiting(id).await? {
            Ok(Some(mut record)) => {
                if let Ending::Decided { decision, .. } = &ending {
                    // The rules may be others than when it was made.
                    let now = self.wall();
                    if let Err(error) = self.rules_in_use().resolve_at(record.use_case, &record.jurisdiction, now) {
                        return Ok(Err(error.into()));
                    }
                    record.last_error = decision.reasons.first().copied();
                }
                match self.commit(record, ending, self.wall()).await? {
                    Event::Committed => Ok(Ok(true)),
                    _ => Ok(Err(DeviceFault::Store.into())),
                }
            }
            Ok(None) => Ok(Ok(false)),
            Err(error) => Ok(Err(self.failed_store(&error))),
        }
    }

    async fn end_review(&mut self, id: &SessionId, answer: Event) -> Result<Ended, EngineError> {
        // Between the last look at the clock and now it may have been set.
        self.reconcile().await?;
        match self.session.as_ref().filter(|session| session.record().id == *id).map(|session| session.record().state) {
            Some(SessionState::AwaitingReview) => {}
            // Its end is known and not yet on disk: whoever asks again finds it.
            Some(SessionState::Deciding) => return Ok(Err(DeviceFault::Store.into())),
            _ => return Ok(Ok(false)),
        }
        if let Some(fault) = self.faults.first() {
            return Ok(Err(fault.into()));
        }
        self.step(answer).await?;
        let ended = self.session.as_ref().is_some_and(|session| session.record().state.is_terminal());
        // The answer is known; where the disk did not take it, it is written later.
        Ok(if ended { Ok(true) } else { Err(DeviceFault::Store.into()) })
    }

    /// Ends the sessions that waited for their screen until they ran out.
    pub(super) async fn expire_waiting(&mut self) -> Result<(), EngineError> {
        let now = self.wall();
        match self.store.call(move |store| store.expire_waiting(now)).await? {
            Ok(expired) => {
                let may_be_more = expired.len() == Store::MOST_EXPIRED;
                for record in expired {
                    if self.is_present(&record.id) {
                        continue;
                    }
                    if !matches!(self.commit(record, Ending::Expired, now).await?, Event::Committed) {
                        // A disk that takes nothing is not asked again before its time.
                        return Ok(());
                    }
                }
                if may_be_more {
                    // The person before the camera comes first.
                    self.purge_at = self.origin.elapsed() + MORE_EXPIRED_AFTER;
                }
            }
            Err(error) => self.note_failed_store(&error),
        }
        Ok(())
    }
}

/// Writes that a session waits for the staff, and tells whoever wants to know that it takes longer: once.
pub(super) fn ask_for_review(store: &mut Store, config: &Config, record: &SessionRecord) -> Result<(), StoreError> {
    if store.session(&record.id)?.is_some_and(|kept| kept.state == record.state) {
        return store.save_session(record);
    }
    let details = details_or_site(store.details(&record.id)?.as_ref(), config);
    let snapshot = SessionSnapshot { record: record.clone(), details, outcome: None, overriding: None };
    let event = new_event(config, EventKind::Processing, &snapshot)?;
    store.save_and_tell(record, Some(&event))
}

/// What the staff are told when too many attempts have failed.
pub(super) fn too_many(spent: &Spent) -> String {
    let minutes = spent.again_after.as_secs().div_ceil(60).max(1);
    match spent.budget {
        Budget::Device => format!(
            "too many attempts have failed on this device within an hour; look who is at it, and check people by hand: it goes on in {minutes} min"
        ),
        Budget::Document => format!(
            "too many head turns have failed with this document within an hour; compare person and card by hand: the device takes it again in {minutes} min"
        ),
    }
}

/// An event of a session, as every endpoint that wants it gets it.
pub(super) fn new_event(config: &Config, kind: EventKind, snapshot: &SessionSnapshot) -> Result<NewEvent, StoreError> {
    let at = Timestamp::now();
    let event = Store::event_id()?;
    Ok(NewEvent { bodies: bodies(config, &event, kind, snapshot, at), event, at })
}

fn draw_id() -> Result<SessionId, EngineError> {
    let mut random = [0; SessionId::CHARACTERS];
    getrandom::fill(&mut random).map_err(EngineError::Random)?;
    Ok(SessionId::from_random(&random))
}

/// How a test session ends: without evidence, and its outcome says so.
fn chosen(outcome: TestOutcome) -> Ending {
    let (verdict, reasons) = match outcome {
        TestOutcome::Canceled(by) => return Ending::Canceled(by),
        TestOutcome::Expired => return Ending::Expired,
        TestOutcome::Verified => (Verdict::Verified, Vec::new()),
        TestOutcome::NotVerified(reason) => (Verdict::NotVerified, vec![reason]),
    };
    let flags = vec![Cow::Borrowed(TEST_OUTCOME_FLAG)];
    let decision = Decision { verdict, reasons, checks: Vec::new(), flags };
    Ending::Decided { decision, evidence: Box::new(Evidence::default()) }
}
