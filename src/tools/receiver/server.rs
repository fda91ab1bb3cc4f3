//! The receiver over HTTP: any path takes events and heartbeats by POST; `GET /events` lists events, `GET /heartbeat` shows what
//! the device said last, `GET /alarms` what is wrong with it, and `GET /health` says that this runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;

use super::alarms::Alarm;
use super::attestation::AttestationError;
use super::authentic::authentic;
use super::database::{Database, DatabaseError, Stored};
use super::event::{self, EventError, ReceivedEvent};
use super::heartbeat::{self, HeartbeatError};
use super::trusted::TrustedKeys;
use super::watch::Watching;
use crate::sync::{MAX_BODY_BYTES, WebhookSecret};

/// How long a body may take to arrive.
const BODY_LIMIT: Duration = Duration::from_secs(10);
/// Connections that are still at work after the word to stop get this long.
const STOP_LIMIT: Duration = Duration::from_secs(1);
/// Time between two looks at what is wrong.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What is told of an alarm, when it begins (`true`) and when it is over.
pub type OnAlarm = Box<dyn Fn(&Alarm, bool) + Send + Sync>;

/// What the receiver needs.
pub struct ReceiverOptions {
    /// The SQLite file; made if it is not there.
    pub database: PathBuf,
    /// The endpoint's secrets; several while one is being rotated.
    pub secrets: Vec<WebhookSecret>,
    /// The device's public keys. Without them attestations are not checked, and every event says so.
    pub trusted: Option<TrustedKeys>,
    /// Called once for every new event, after it is on disk.
    pub on_event: Box<dyn Fn(&ReceivedEvent) + Send + Sync>,
    /// How long an outcome may be behind a heartbeat that names it, and the first heartbeat behind the start.
    pub grace: Duration,
    /// Called for every alarm when it begins (`true`) and when it is over.
    pub on_alarm: OnAlarm,
}

impl std::fmt::Debug for ReceiverOptions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ReceiverOptions").field("database", &self.database).finish_non_exhaustive()
    }
}

/// Why the receiver ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ReceiverError {
    /// The database cannot be opened.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// There is no secret.
    #[error("a receiver needs the endpoint's secret to believe anything; give it one")]
    NoSecret,
    /// The listener failed.
    #[error("the receiver cannot take connections: {0}; check its address")]
    Listener(#[from] std::io::Error),
}

struct Shared {
    database: Mutex<Database>,
    watching: Watching,
    options: ReceiverOptions,
}

/// Somebody has seen what was found: it is no alarm any more. Returns how much that was.
pub(super) fn acknowledge(database: &Path) -> Result<usize, ReceiverError> {
    Ok(Database::open(database)?.acknowledge()?)
}

/// Receives until it is told to stop; then within two seconds.
///
/// # Errors
/// [`ReceiverError`] when the database cannot be opened or the listener fails.
pub async fn serve(
    listener: TcpListener,
    options: ReceiverOptions,
    stop: watch::Receiver<bool>,
) -> Result<(), ReceiverError> {
    if options.secrets.is_empty() {
        return Err(ReceiverError::NoSecret);
    }
    let database = Mutex::new(Database::open(&options.database)?);
    let watching = Watching { since_ms: Timestamp::now().as_millisecond(), grace: options.grace };
    let shared = Arc::new(Shared { database, watching, options });
    let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
    let stopped = |mut stop: watch::Receiver<bool>| async move {
        // A sender of the stop signal that is gone says stop too.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let serving = axum::serve(listener, router).with_graceful_shutdown(stopped(stop.clone()));
    tokio::select! {
        ended = serving.into_future() => Ok(ended?),
        () = watch_over(shared) => Ok(()),
        () = async { stopped(stop).await; tokio::time::sleep(STOP_LIMIT).await } => Ok(()),
    }
}

/// An answer with a JSON body.
fn reply(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn refuse(status: StatusCode, code: &str, message: impl std::fmt::Display) -> Response {
    tracing::warn!("refused a request: {message}");
    reply(status, &json!({ "error": { "code": code, "message": message.to_string() } }))
}

fn broken(error: &DatabaseError) -> Response {
    tracing::error!("{error}");
    reply(
        StatusCode::INTERNAL_SERVER_ERROR,
        &json!({ "error": { "code": "database", "message": "the event could not be stored; send it again later" } }),
    )
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let watching = shared.watching;
    match (request.method(), request.uri().path()) {
        (&Method::POST, _) => match receive(shared, request).await {
            Ok(body) => reply(StatusCode::OK, &body),
            Err(refusal) => refusal,
        },
        (&Method::GET, "/health") => reply(StatusCode::OK, &json!({ "status": "ok" })),
        (&Method::GET, "/events") => match in_database(shared, |database, _| database.list()).await {
            Ok(events) => reply(StatusCode::OK, &json!({ "object": "list", "data": events })),
            Err(error) => broken(&error),
        },
        (&Method::GET, "/alarms") => {
            match in_database(shared, move |database, _| database.alarms(watching, Timestamp::now())).await {
                Ok(alarms) => reply(StatusCode::OK, &json!({ "object": "list", "data": alarms })),
                Err(error) => broken(&error),
            }
        }
        (&Method::GET, "/heartbeat") => match in_database(shared, |database, _| database.last_heartbeat()).await {
            Ok(last) => {
                let last = last.map(|(said, received_at_ms)| json!({ "said": said, "received_at_ms": received_at_ms }));
                reply(StatusCode::OK, &json!({ "last": last }))
            }
            Err(error) => broken(&error),
        },
        _ => {
            let known = "send events by POST; GET knows /events, /heartbeat, /alarms and /health";
            refuse(StatusCode::NOT_FOUND, "not_found", known)
        }
    }
}

async fn receive(shared: Arc<Shared>, request: Request) -> Result<Value, Response> {
    let (head, body) = request.into_parts();
    let body = read_body(body).await?;
    authentic(&head.headers, &body, &shared.options.secrets, Timestamp::now().as_second())
        .map_err(|error| refuse(StatusCode::BAD_REQUEST, "signature_invalid", error))?;
    if let Some(attestation) = heartbeat::attestation_of(&body) {
        return beat(shared, attestation).await;
    }
    let now = Timestamp::now().as_millisecond();
    let read = event::read(&body, shared.options.trusted.as_ref(), now);
    let (mut event, attested) = read.map_err(|error| match error {
        EventError::Form => refuse(StatusCode::BAD_REQUEST, "event_invalid", error),
        EventError::Attestation(AttestationError::Revoked) => {
            refuse(StatusCode::BAD_REQUEST, "attestation_revoked", error)
        }
        EventError::Attestation(_) => refuse(StatusCode::BAD_REQUEST, "attestation_invalid", error),
    })?;
    let id = event.id.clone();
    let stored = in_database(shared, move |database, options| {
        let stored = database.store(&event, attested.as_ref(), &body)?;
        if let Stored::New(chain) = stored {
            event.chain = chain;
            (options.on_event)(&event);
        }
        Ok(stored)
    });
    match stored.await.map_err(|error| broken(&error))? {
        Stored::New(_) => Ok(json!({ "received": true, "id": id, "duplicate": false })),
        Stored::Duplicate => Ok(json!({ "received": true, "id": id, "duplicate": true })),
        Stored::Other => Err(refuse(
            StatusCode::BAD_REQUEST,
            "event_differs",
            "another event was stored under this identifier; look at what sends here",
        )),
    }
}

/// A heartbeat. It is no event: it has no effect, and the next one says more.
async fn beat(shared: Arc<Shared>, attestation: Result<String, HeartbeatError>) -> Result<Value, Response> {
    let Some(trusted) = &shared.options.trusted else { return Ok(json!({ "received": true, "checked": false })) };
    let now = Timestamp::now();
    let read = attestation.and_then(|jws| heartbeat::read(&jws, trusted, now));
    let beat = read.map_err(|error| {
        let code = match error {
            HeartbeatError::Form => "event_invalid",
            HeartbeatError::Attestation(AttestationError::Revoked) => "attestation_revoked",
            HeartbeatError::Attestation(_) => "attestation_invalid",
            HeartbeatError::Stale => "heartbeat_stale",
        };
        refuse(StatusCode::BAD_REQUEST, code, error)
    })?;
    let taken = in_database(shared, move |database, _| database.beat(&beat, now.as_millisecond())).await;
    taken.map_err(|error| broken(&error))?;
    Ok(json!({ "received": true, "checked": true }))
}

/// Tells of every alarm when it begins and when it is over.
async fn watch_over(shared: Arc<Shared>) {
    if shared.options.trusted.is_none() {
        return std::future::pending().await;
    }
    let mut told: Vec<Alarm> = Vec::new();
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    loop {
        ticks.tick().await;
        let watching = shared.watching;
        let alarms =
            in_database(Arc::clone(&shared), move |database, _| database.alarms(watching, Timestamp::now())).await;
        match alarms {
            Ok(alarms) => {
                // The words of one that lasts may change.
                let same = |one: &Alarm, other: &Alarm| (one.kind, one.since_ms) == (other.kind, other.since_ms);
                let new = |alarm: &&Alarm| !told.iter().any(|known| same(known, alarm));
                alarms.iter().filter(new).for_each(|alarm| (shared.options.on_alarm)(alarm, true));
                let over = |alarm: &&Alarm| !alarms.iter().any(|still| same(still, alarm));
                told.iter().filter(over).for_each(|alarm| (shared.options.on_alarm)(alarm, false));
                told = alarms;
            }
            Err(error) => tracing::error!("{error}"),
        }
    }
}

async fn read_body(body: Body) -> Result<Vec<u8>, Response> {
    match timeout(BODY_LIMIT, to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(body)) => Ok(body.into()),
        Ok(Err(_)) => Err(refuse(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_long",
            "the body is longer than any event, or ended early; check what sends it",
        )),
        Err(_) => Err(refuse(StatusCode::REQUEST_TIMEOUT, "body_too_slow", "the body did not arrive in time")),
    }
}

/// Does something with the database on a thread that may wait for the disk.
async fn in_database<T: Send + 'static>(
    shared: Arc<Shared>,
    act: impl FnOnce(&mut Database, &ReceiverOptions) -> Result<T, DatabaseError> + Send + 'static,
) -> Result<T, DatabaseError> {
    let acted = tokio::task::spawn_blocking(move || {
        // A thread that panicked has rolled its transaction back.
        let mut database = shared.database.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut database, &shared.options)
    });
    acted.await.unwrap_or(Err(DatabaseError::Statement(rusqlite::Error::InvalidQuery)))
}
