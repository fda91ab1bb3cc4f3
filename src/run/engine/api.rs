//! The engine as the API sees it: reads go to the store, wishes to the desk.
//!
//! Always holds: nothing here decides; every end is the desk's; what was answered is on disk.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{oneshot, watch};

use super::EngineError;
use super::asking::{StartRefusal, Wish, new_event};
use super::desk::Order;
use super::returning::{Asker, ReturnRefusal};
use super::staffing::{StaffRefusal, Ways};
use super::timekeeping::JudgedTime;
use crate::api::{
    Api, ApiError, Backend, DeviceFacts, EndpointFacts, ErrorCode, EventKind, ListenError, Listener, NewSession,
    PageOf, SessionSnapshot, TestOutcome, UpdateRequest, rule_refusal,
};
use crate::compliance::RuleBook;
use crate::privacy::{ApiKeyRecord, ApiSecrets, ContactKind, EmailAddress, KeyHash, OneTimeCode, StaffCode};
use crate::run::config::{ApiConfig, EndpointConfig};
use crate::run::process::stopped;
use crate::session::protocol::ReturnSaid;
use crate::session::{
    CanceledBy, Credential, Dialect, Idempotency, OutcomeResult, Page, Prompt, SessionDetails, SessionFilter,
    SessionId, SessionRecord,
};
use crate::store::{Actor, SessionPage, Store, StoreError};
use crate::sync::{shown_address, takes_live};

/// When a device that cannot go on is worth another try.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// Time between two clearings of kept answers.
const PURGE_EVERY: Duration = Duration::from_mins(30);

/// What the API needs of the engine.
pub(super) struct EngineBackend {
    pub ways: Ways,
    pub secrets: ApiSecrets,
    pub prompts: watch::Receiver<Prompt>,
    pub ends: watch::Receiver<u64>,
}

/// Takes the API's addresses: before the engine says that it is ready, so that a wrong one ends it.
pub(super) async fn listen(config: Option<&ApiConfig>) -> Result<Vec<Listener>, ListenError> {
    let mut listeners = Vec::new();
    for place in config.map(ApiConfig::places).unwrap_or_default() {
        listeners.push(Listener::bind(&place).await?);
    }
    Ok(listeners)
}

/// Serves the API until the engine stops.
pub(super) async fn serve(
    backend: EngineBackend,
    listeners: Vec<Listener>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), EngineError> {
    let store = backend.ways.store.clone();
    let router = Api::new(backend, stop.clone()).router();
    let mut served = tokio::task::JoinSet::new();
    for listener in listeners {
        if let Some(address) = listener.address() {
            tracing::info!("the API listens on {address}");
        }
        served.spawn(listener.serve(router.clone(), stop.clone()));
    }
    drop(router);
    let mut ticks = tokio::time::interval(PURGE_EVERY);
    loop {
        tokio::select! {
            () = stopped(&mut stop) => break,
            _ = ticks.tick() => {
                if let Err(error) = store.call(|store| store.idempotency_purge(Timestamp::now())).await? {
                    tracing::warn!("kept answers stay longer: {error}");
                }
            }
        }
    }
    while served.join_next().await.is_some() {}
    Ok(())
}

fn unavailable(why: impl std::fmt::Display) -> ApiError {
    ApiError::new(ErrorCode::DeviceUnavailable, why.to_string()).again_after(AGAIN_AFTER)
}

fn stopping() -> ApiError {
    unavailable("The engine is stopping; ask again in a moment")
}

/// What is shown of a session: with its details and outcome.
fn snapshot(store: &Store, record: SessionRecord, may_be_live: bool) -> Result<SessionSnapshot, StoreError> {
    let outcome = store.kept_outcome(&record.id)?;
    // What was started at the screen or the till's socket is of the site; that it was live stays so.
    let was_live = outcome.as_ref().is_some_and(|kept| kept.outcome.livemode());
    let of_site = || SessionDetails::new(Dialect::Stripe, was_live || may_be_live);
    let details = store.details(&record.id)?.unwrap_or_else(of_site);
    let overriding = store.overriding(&record.id)?;
    Ok(SessionSnapshot { record, details, outcome, overriding })
}

impl EngineBackend {
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let done = self.ways.store.call(work).await.map_err(|_| stopping())?;
        done.map_err(|error| {
            tracing::error!("{error}");
            unavailable("The device's store cannot be used now; its own log says why")
        })
    }

    async fn judged(&self) -> Result<JudgedTime, ApiError> {
        self.ways.judged_now().await.map_err(|_| stopping())?.map_err(unavailable)
    }

    async fn ask<T>(&self, wish: impl FnOnce(oneshot::Sender<T>) -> Wish) -> Result<T, ApiError> {
        let (answer, answered) = oneshot::channel();
        self.ways.desk.send(Order::Wish(wish(answer))).await.map_err(|_| stopping())?;
        answered.await.map_err(|_| stopping())
    }
}

fn refused(refusal: &StartRefusal) -> ApiError {
    let words = refusal.to_string();
    match refusal {
        StartRefusal::InProgress => ApiError::new(ErrorCode::SessionInProgress, words),
        StartRefusal::Fault(_) => unavailable(words),
        StartRefusal::Spent(_) => ApiError::new(ErrorCode::AttemptsSpent, words),
        StartRefusal::Rule(error) => rule_refusal(error),
        StartRefusal::NotWaiting => ApiError::new(ErrorCode::SessionNotOpen, words),
    }
}

fn not_heeded(refusal: StaffRefusal) -> ApiError {
    let words = refusal.to_string();
    match refusal {
        StaffRefusal::Unknown { .. } => ApiError::of_param(ErrorCode::StaffCodeInvalid, "staff_code", words),
        StaffRefusal::Locked { again_after } => {
            ApiError::of_param(ErrorCode::StaffCodesLocked, "staff_code", words).again_after(again_after)
        }
        StaffRefusal::Override(_) => ApiError::new(ErrorCode::SessionNotOpen, words),
        StaffRefusal::Missing => ApiError::new(ErrorCode::ResourceMissing, words),
        StaffRefusal::Session(refusal) => refused(&refusal),
        StaffRefusal::Store => unavailable(words),
        StaffRefusal::Engine(_) => stopping(),
    }
}

fn not_returned(refusal: ReturnRefusal) -> ApiError {
    let words = refusal.to_string();
    match refusal {
        ReturnRefusal::Said(said) => match said {
            ReturnSaid::Unavailable => unavailable(words),
            ReturnSaid::Offline => ApiError::new(ErrorCode::MailUnavailable, words).again_after(AGAIN_AFTER),
            ReturnSaid::TooOften { again_after_s } => {
                let wait = Duration::from_secs(again_after_s.into());
                ApiError::new(ErrorCode::RateLimitExceeded, words).again_after(wait)
            }
            ReturnSaid::NoAddress => ApiError::of_param(ErrorCode::ParameterInvalid, "email", words),
            ReturnSaid::WrongCode { .. } | ReturnSaid::NoCode => {
                ApiError::of_param(ErrorCode::CodeInvalid, "code", words)
            }
            ReturnSaid::NotEnough | ReturnSaid::CodeSent | ReturnSaid::Accepted => {
                ApiError::new(ErrorCode::CredentialMissing, words)
            }
        },
        ReturnRefusal::Unknown => ApiError::new(ErrorCode::CredentialMissing, words),
        ReturnRefusal::NotOpen => ApiError::new(ErrorCode::SessionNotOpen, words),
        ReturnRefusal::Session(refusal) => refused(&refusal),
        ReturnRefusal::Store => unavailable(words),
        ReturnRefusal::Engine(_) => stopping(),
    }
}

impl Backend for EngineBackend {
    fn rules(&self) -> Arc<RuleBook> {
        Arc::clone(&self.ways.rules.borrow())
    }

    fn secrets(&self) -> &ApiSecrets {
        &self.secrets
    }

    fn endpoints(&self) -> Vec<EndpointFacts> {
        let facts = |endpoint: &EndpointConfig| EndpointFacts {
            name: endpoint.name.clone(),
            address: shown_address(&endpoint.url),
            dialect: endpoint.dialect,
            vocabulary: endpoint.vocabulary,
            takes_live: takes_live(&endpoint.url),
            enabled: !endpoint.disabled,
        };
        self.ways.config.endpoints.current().iter().map(facts).collect()
    }

    fn facts(&self) -> DeviceFacts {
        let camera_is_live = self.ways.config.camera.may_be_live();
        DeviceFacts {
            camera_is_live,
            has_endpoint: self.endpoints().iter().any(|endpoint| endpoint.takes(camera_is_live)),
            sessions_wait: self.ways.config.api.as_ref().is_some_and(|api| api.sessions_wait),
        }
    }

    fn uptime(&self) -> Duration {
        self.ways.origin.elapsed()
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn judged_now(&self) -> Result<Timestamp, ApiError> {
        self.judged().await.map(|judged| judged.wall)
    }

    async fn judged_expiry(&self) -> Result<Timestamp, ApiError> {
        self.judged().await.map(|judged| judged.expiry)
    }

    fn prompts(&self) -> watch::Receiver<Prompt> {
        self.prompts.clone()
    }

    fn ends(&self) -> watch::Receiver<u64> {
        self.ends.clone()
    }

    async fn key(&self, hash: KeyHash) -> Result<Option<ApiKeyRecord>, ApiError> {
        self.read(move |store| {
            let (key, now) = (store.api_key(&hash)?, Timestamp::now());
            if let Some(key) = key.as_ref().filter(|key| key.is_valid_at(now))
                && let Err(error) = store.note_api_key_used(&key.id, now)
            {
                // A disk that takes no more still gives what is on it.
                tracing::warn!("the use of a key cannot be noted: {error}");
            }
            Ok(key)
        })
        .await
    }

    async fn create(&self, session: NewSession) -> Result<SessionSnapshot, ApiError> {
        let details = session.details.clone();
        let (answer, answered) = oneshot::channel();
        let order = Order::Start { by: "api", asked: Some(Box::new(session)), answer };
        self.ways.desk.send(order).await.map_err(|_| stopping())?;
        let record = answered.await.map_err(|_| stopping())?.map_err(|refusal| refused(&refusal))?;
        self.ways.due.send_modify(|changes| *changes += 1);
        Ok(SessionSnapshot { record, details, outcome: None, overriding: None })
    }

    async fn session(&self, id: SessionId) -> Result<Option<SessionSnapshot>, ApiError> {
        let may_be_live = self.ways.config.camera.may_be_live();
        self.read(move |store| match store.session(&id)? {
            Some(record) => snapshot(store, record, may_be_live).map(Some),
            None => Ok(None),
        })
        .await
    }

    async fn sessions(&self, filter: SessionFilter, page: Page) -> Result<Option<PageOf<SessionSnapshot>>, ApiError> {
        self.read(move |store| match store.sessions_page(&filter, &page) {
            Ok(SessionPage { sessions, has_more }) => {
                let shown = |(record, details, outcome): (SessionRecord, _, _)| {
                    let overriding = store.overriding(&record.id)?;
                    Ok(SessionSnapshot { record, details, outcome, overriding })
                };
                let entries = sessions.into_iter().map(shown).collect::<Result<_, StoreError>>()?;
                Ok(Some(PageOf { entries, has_more }))
            }
            Err(StoreError::Missing) => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    async fn update(&self, id: SessionId, request: UpdateRequest) -> Result<Option<SessionSnapshot>, ApiError> {
        let may_be_live = self.ways.config.camera.may_be_live();
        // Read, judged and written in one go: the store does nothing else in between.
        let changed = move |store: &mut Store| {
            let Some(record) = store.session(&id)? else { return Ok(Ok(None)) };
            if store.details(&id)?.is_none() {
                let message = "This session was started on the device itself; there is nothing of yours to change";
                return Ok(Err(ApiError::new(ErrorCode::NotSupported, message)));
            }
            let before = snapshot(store, record, may_be_live)?;
            match request.made_to(&before) {
                Ok(details) => {
                    store.update_details(&id, &details)?;
                    Ok(Ok(Some(SessionSnapshot { details, ..before })))
                }
                Err(refusal) => Ok(Err(refusal)),
            }
        };
        self.read(changed).await?
    }

    async fn start(&self, id: SessionId) -> Result<(), ApiError> {
        self.ask(|answer| Wish::Present { session: id, answer }).await?.map_err(|refusal| refused(&refusal))
    }

    async fn cancel(&self, id: SessionId, by: CanceledBy) -> Result<bool, ApiError> {
        self.ask(|answer| Wish::Cancel { session: id, by, answer }).await?.map_err(|refusal| refused(&refusal))
    }

    async fn cancel_by_staff(&self, id: SessionId, code: StaffCode) -> Result<bool, ApiError> {
        self.ways.cancel(id, code).await.map_err(not_heeded)
    }

    async fn conclude(&self, id: SessionId, outcome: TestOutcome) -> Result<(), ApiError> {
        let ended = self.ask(|answer| Wish::Conclude { session: id, outcome, answer }).await?;
        ended.map(drop).map_err(|refusal| refused(&refusal))
    }

    async fn review(&self, id: SessionId, accepted: bool, code: StaffCode) -> Result<bool, ApiError> {
        self.ways.review(id, accepted, code).await.map_err(not_heeded)
    }

    async fn override_outcome(
        &self,
        id: SessionId,
        result: OutcomeResult,
        code: StaffCode,
        again: bool,
    ) -> Result<(), ApiError> {
        self.ways.override_outcome(id, result, code, again).await.map_err(not_heeded)
    }

    async fn credentials(&self, kind: ContactKind, contact: String) -> Result<Vec<Credential>, ApiError> {
        self.ways.credentials(kind, contact).await.map_err(not_returned)
    }

    async fn leave_contact(&self, session: SessionId, kind: ContactKind, contact: String) -> Result<bool, ApiError> {
        let left = move |store: &mut Store| match store.leave_contact(&session, kind, &contact) {
            Ok(()) => Ok(true),
            Err(StoreError::Missing) => Ok(false),
            Err(error) => Err(error),
        };
        self.read(left).await
    }

    async fn send_code(&self, session: SessionId, address: EmailAddress, language: String) -> Result<(), ApiError> {
        self.ways.send_code(session, address, language, Asker::Backend).await.map_err(not_returned)
    }

    async fn enter_code(&self, session: SessionId, code: OneTimeCode) -> Result<(), ApiError> {
        self.ways.enter_code(session, code).await.map_err(not_returned)
    }

    async fn redact(&self, id: SessionId) -> Result<(), ApiError> {
        let config = Arc::clone(&self.ways.config);
        let redact = move |store: &mut Store| {
            let at = Timestamp::now();
            let Some(record) = store.session(&id)? else { return Err(StoreError::Missing) };
            let before = snapshot(store, record, config.camera.may_be_live())?;
            let after = SessionSnapshot { details: before.details.redacted(at), ..before };
            let event = new_event(&config, EventKind::Redacted, &after)?;
            store.redact(&id, at, Actor::Till, Some(&event)).map(drop)
        };
        self.read(redact).await?;
        self.ways.due.send_modify(|changes| *changes += 1);
        Ok(())
    }

    async fn idempotency_begin(
        &self,
        key: String,
        request: String,
        object: Option<SessionId>,
    ) -> Result<Idempotency, ApiError> {
        self.read(move |store| store.idempotency_begin(&key, &request, object.as_ref(), Timestamp::now())).await
    }

    async fn idempotency_answer(&self, key: String, status: u16, body: String) -> Result<(), ApiError> {
        self.read(move |store| store.idempotency_answer(&key, status, &body)).await
    }

    async fn idempotency_forget(&self, key: String) -> Result<(), ApiError> {
        self.read(move |store| store.idempotency_forget(&key)).await
    }
}
