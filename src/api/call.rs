//! One request, from its headers to its answer: who asks, how often, and whether it was asked before.
//!
//! Always holds: nothing is done for a request without a valid key; every answer has a request identifier and says how many
//! requests are left; what a request did is done once, however often it is repeated under its idempotency key, also when
//! a crash came between doing and answering; no key, secret or body is logged.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use zeroize::Zeroizing;

use super::backend::Backend;
use super::error::{ApiError, ErrorCode};
use super::rate_limit::{Admission, RateLimits};
use crate::privacy::{ApiKeyKind, ApiKeyRecord, ApiKeyText, Scope};
use crate::session::{Dialect, Idempotency, SessionId};

/// Longest idempotency key in characters.
const MAX_IDEMPOTENCY_KEY: usize = 255;

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// A secret key with this scope.
    Secret(Scope),
    /// The same, or a publishable key with the session's client secret.
    SecretOrClient(Scope),
}

/// Who calls.
#[derive(Debug, Clone)]
pub struct Caller {
    /// With which key.
    pub key: ApiKeyRecord,
    /// For which session, where it is a display with that session's client secret.
    pub session: Option<SessionId>,
}

impl Caller {
    /// Whether it may see how a session ended: who watches a session with its client secret may not.
    #[must_use]
    pub fn sees_results(&self) -> bool {
        self.key.kind == ApiKeyKind::Secret
    }
}

/// What an operation answers.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: Value,
}

impl Answer {
    /// 200 with a body.
    #[must_use]
    pub fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body }
    }
}

/// What all requests share.
#[derive(Debug, Default)]
pub struct Gate {
    limits: Mutex<RateLimits>,
    running: Arc<Mutex<HashSet<String>>>,
}

/// A request that holds its idempotency key, until it is dropped.
#[derive(Debug)]
struct Running {
    key: String,
    all: Arc<Mutex<HashSet<String>>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl Gate {
    /// Finds out whose key a request has.
    ///
    /// # Errors
    /// [`ApiError`] when no valid key was given.
    pub async fn key<B: Backend>(&self, backend: &B, headers: &HeaderMap) -> Result<ApiKeyRecord, ApiError> {
        let text = key_text(headers)?;
        let unknown = || {
            ApiError::new(
                ErrorCode::ApiKeyInvalid,
                "This key is not known on this device, was revoked, or has expired; make one with `carded keys create`",
            )
        };
        let key = ApiKeyText::parse(&text).ok_or_else(unknown)?;
        let record = backend.key(backend.secrets().key_hash(&key)).await?;
        record.filter(|record| record.is_valid_at(backend.now())).ok_or_else(unknown)
    }

    /// Finds out whether a key may do this.
    ///
    /// # Errors
    /// [`ApiError`] when it may not.
    pub fn caller<B: Backend>(
        backend: &B,
        key: ApiKeyRecord,
        client_secret: Option<&str>,
        access: Access,
    ) -> Result<Caller, ApiError> {
        let (scope, client) = match access {
            Access::Secret(scope) => (scope, false),
            Access::SecretOrClient(scope) => (scope, true),
        };
        if key.livemode && !backend.facts().has_endpoint {
            return Err(ApiError::new(
                ErrorCode::LiveEndpointMissing,
                "Live keys need a webhook endpoint: run `carded endpoints add` on the device, or use a test key",
            ));
        }
        match key.kind {
            ApiKeyKind::Secret if key.scopes.contains(scope) => Ok(Caller { key, session: None }),
            ApiKeyKind::Secret => {
                let message = format!("This key may not do this: it lacks the scope {}", scope.as_str());
                Err(ApiError::new(ErrorCode::PermissionDenied, message))
            }
            ApiKeyKind::Publishable if client && key.scopes.contains(Scope::Display) => {
                let session = client_secret.and_then(|text| backend.secrets().session_of_client_secret(text));
                let message = "A publishable key needs the client_secret of this very session";
                let session = session.ok_or_else(|| ApiError::new(ErrorCode::PermissionDenied, message))?;
                Ok(Caller { key, session: Some(session) })
            }
            ApiKeyKind::Publishable => {
                let message =
                    "A publishable key may only start, cancel and watch a session; use a secret key on a server";
                Err(ApiError::new(ErrorCode::PermissionDenied, message))
            }
        }
    }

    /// Counts a request.
    pub fn admit(&self, key: &ApiKeyRecord, now: Duration) -> Admission {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner).admit(&key.id, key.livemode, now)
    }

    fn run(&self, key: &str) -> Option<Running> {
        let free = self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned());
        free.then(|| Running { key: key.to_owned(), all: Arc::clone(&self.running) })
    }

    /// Does something that may be asked for again: once, with the first answer for every repetition.
    ///
    /// `work` gets the identifier that an interrupted first try had drawn, if there was one, and whether there was one. A
    /// refusal is not kept, so that the same key can be used once the request is mended.
    ///
    /// # Errors
    /// [`ApiError`] of the work, or when the key came with other parameters or is in use.
    pub async fn once<B: Backend, W>(
        &self,
        backend: &B,
        once: Option<Once<'_>>,
        work: impl FnOnce(Option<SessionId>, bool) -> W,
    ) -> Result<(Answer, bool), ApiError>
    where
        W: Future<Output = Result<Answer, ApiError>>,
    {
        let Some(once) = once else { return Ok((work(None, false).await?, false)) };
        if once.text.is_empty() || once.text.chars().count() > MAX_IDEMPOTENCY_KEY {
            let message = format!("An idempotency key has 1 to {MAX_IDEMPOTENCY_KEY} characters");
            return Err(ApiError::of_param(ErrorCode::ParameterInvalid, "Idempotency-Key", message));
        }
        let secrets = backend.secrets();
        let key = secrets.idempotency(&once.caller.key.id, once.text);
        let request = secrets.request_digest(once.method, once.path, once.parameters);
        let Some(_running) = self.run(&key) else {
            let message = "A request with this idempotency key is still under way; ask again in a moment";
            return Err(ApiError::new(ErrorCode::IdempotencyInUse, message).again_after(Duration::from_secs(1)));
        };
        let (object, again) = match backend.idempotency_begin(key.clone(), request, once.object.cloned()).await? {
            Idempotency::New => (once.object.cloned(), false),
            Idempotency::Unfinished { object } => (object, true),
            Idempotency::Answered { status, body } => return Ok((kept(status, &body)?, true)),
            Idempotency::Other => {
                let message = "This idempotency key came with other parameters before; use a new key for a new request";
                return Err(ApiError::of_param(ErrorCode::IdempotencyMismatch, "Idempotency-Key", message));
            }
        };
        match work(object, again).await {
            Ok(answer) => {
                backend.idempotency_answer(key, answer.status.as_u16(), answer.body.to_string()).await?;
                Ok((answer, false))
            }
            Err(error) => {
                // What failed for the device's sake may have been done all the same: the repetition finds out.
                if error.code.status().is_client_error() {
                    backend.idempotency_forget(key).await?;
                }
                Err(error)
            }
        }
    }
}

/// What makes a request the same as another.
#[derive(Debug, Clone, Copy)]
pub struct Once<'r> {
    /// Who asks.
    pub caller: &'r Caller,
    /// The idempotency key.
    pub text: &'r str,
    /// The method.
    pub method: &'r str,
    /// The path.
    pub path: &'r str,
    /// The parameters.
    pub parameters: &'r Value,
    /// The session that is made or changed.
    pub object: Option<&'r SessionId>,
}

/// An answer that was kept.
fn kept(status: u16, body: &str) -> Result<Answer, ApiError> {
    let internal = || ApiError::new(ErrorCode::Internal, "A kept answer cannot be read; use a new idempotency key");
    let body = serde_json::from_str(body).map_err(|_| internal())?;
    Ok(Answer { status: StatusCode::from_u16(status).map_err(|_| internal())?, body })
}

/// The key of a request: `Authorization: Bearer`, or Basic with the key as the user's name.
fn key_text(headers: &HeaderMap) -> Result<Zeroizing<String>, ApiError> {
    let missing = || {
        ApiError::new(
            ErrorCode::ApiKeyMissing,
            "No API key was given; send it as `Authorization: Bearer <key>`, or as the user's name of basic authentication",
        )
    };
    let header = headers.get(header::AUTHORIZATION).ok_or_else(missing)?;
    let text = header.to_str().map_err(|_| missing())?;
    let (scheme, rest) = text.split_once(' ').ok_or_else(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Zeroizing::new(rest.trim().to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(missing());
    }
    let decoded = Zeroizing::new(BASE64_STANDARD.decode(rest.trim()).map_err(|_| missing())?);
    let pair = std::str::from_utf8(&decoded).map_err(|_| missing())?;
    Ok(Zeroizing::new(pair.split(':').next().unwrap_or_default().to_owned()))
}

/// The headers that every answer under a key has.
pub(super) fn common_headers(request_id: &str, admission: Option<&Admission>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    set(&mut headers, "request-id", request_id);
    // What is said here is about people's sessions and holds for now.
    set(&mut headers, "cache-control", "no-store");
    if let Some(admission) = admission {
        set(&mut headers, "x-ratelimit-limit", &admission.limit.to_string());
        set(&mut headers, "x-ratelimit-remaining", &admission.remaining.to_string());
        set(&mut headers, "x-ratelimit-reset", &admission.reset_after.as_secs_f64().ceil().to_string());
    }
    headers
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// An answer with its headers.
pub(super) fn respond(
    dialect: Dialect,
    request_id: &str,
    admission: Option<&Admission>,
    result: Result<(Answer, bool), ApiError>,
) -> Response {
    let mut headers = common_headers(request_id, admission);
    let (status, body) = match result {
        Ok((answer, replayed)) => {
            if replayed {
                set(&mut headers, "idempotent-replayed", "true");
            }
            (answer.status, answer.body)
        }
        Err(error) => {
            if let Some(wait) = error.retry_after {
                set(&mut headers, "retry-after", &wait.as_secs_f64().ceil().max(1.0).to_string());
            }
            // Stripe's clients repeat a refused request only where they are told to.
            if matches!(error.code, ErrorCode::RateLimitExceeded | ErrorCode::IdempotencyInUse) {
                set(&mut headers, "stripe-should-retry", "true");
            }
            match error.code.status() {
                StatusCode::UNAUTHORIZED => set(&mut headers, "www-authenticate", "Bearer"),
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::INTERNAL_SERVER_ERROR => {
                    tracing::warn!(request = request_id, code = error.code.as_str(), "a request failed");
                }
                _ => {}
            }
            (error.code.status(), error.body(dialect, request_id))
        }
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    (status, headers, body.to_string()).into_response()
}
