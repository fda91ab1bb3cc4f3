//! From a request to an answer: the router, and the one way through which every request goes.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use serde_json::Value;
use tokio::sync::{Semaphore, watch};

use super::backend::Backend;
use super::call::{Access, Answer, Caller, Gate, Once, common_headers, respond};
use super::error::{ApiError, ErrorCode};
use super::operations::{Call, REPORT};
use super::params::Params;
use super::rate_limit::Admission;
use super::requests::{CancelRequest, CreateRequest, StaffRequest, UpdateRequest, read_expand};
use super::returning::{CodeRequest, ContactRequest, LookupRequest, ReuseRequest};
use super::routes::{Operation, Route, routes};
use super::{openapi, page, stream, webhook_endpoints};
use crate::privacy::ApiKeyRecord;
use crate::session::{Dialect, SessionId};

/// Longest body in bytes: fifty pairs of metadata take at most 110 kB when every byte is escaped.
pub const MAX_BODY_BYTES: usize = 128 * 1024;
/// Longest query in bytes.
const MAX_QUERY_BYTES: usize = 8 * 1024;
/// Time for a body to come.
const BODY_WITHIN: Duration = Duration::from_secs(10);
/// Time for one answer; streams have their own.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// Event streams at one time.
const MOST_STREAMS: usize = 16;

/// The API over an engine.
pub struct Api<B> {
    backend: B,
    gate: Gate,
    streams: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
}

impl<B: Backend> Api<B> {
    /// An API that streams until `stop` says so.
    #[must_use]
    pub fn new(backend: B, stop: watch::Receiver<bool>) -> Self {
        Self { backend, gate: Gate::default(), streams: Arc::new(Semaphore::new(MOST_STREAMS)), stop }
    }

    /// The engine.
    #[must_use]
    pub fn backend(&self) -> &B {
        &self.backend
    }

    /// Everything that is served.
    pub fn router(self) -> Router {
        let api = Arc::new(self);
        let mut router = Router::new();
        for route in routes() {
            let filter = match route.method {
                Method::GET => MethodFilter::GET,
                Method::DELETE => MethodFilter::DELETE,
                _ => MethodFilter::POST,
            };
            let (path, api) = (route.path, Arc::clone(&api));
            let handler: MethodRouter = if path.contains("{id}") {
                on(filter, move |id: Result<Path<String>, PathRejection>, request: Request| {
                    // What is no text names nothing.
                    api.serve(route, Some(id.map_or_else(|_| String::new(), |Path(id)| id)), request)
                })
            } else {
                on(filter, move |request: Request| api.serve(route, None, request))
            };
            router = router.route(path, handler);
        }
        router
            .route("/openapi.json", on(MethodFilter::GET, || async { described() }))
            .route("/", on(MethodFilter::GET, || async { page() }))
            .method_not_allowed_fallback(not_allowed)
            .fallback(no_route)
    }

    async fn serve(self: Arc<Self>, route: Route, id: Option<String>, request: Request) -> Response {
        let (request_id, dialect) = (new_request_id(), route.dialect);
        // A task of its own: a caller who hangs up, or whose time is over, leaves nothing half done.
        let mut answered = tokio::spawn(self.answer(route, id.unwrap_or_default(), request));
        let (admission, result) = match tokio::time::timeout(ANSWER_WITHIN, &mut answered).await {
            Ok(Ok(answered)) => answered,
            Ok(Err(_)) => (None, Err(ApiError::new(ErrorCode::Internal, "Report this request, with its identifier"))),
            Err(_) => {
                let message = "The device did not answer in time; ask again with the same idempotency key";
                (None, Err(ApiError::new(ErrorCode::Timeout, message).again_after(Duration::from_secs(2))))
            }
        };
        let answer = match result {
            Ok(Served::Answer(answer, replayed)) => Ok((answer, replayed)),
            Ok(Served::Stream(mut response)) => {
                response.headers_mut().extend(common_headers(&request_id, admission.as_ref()));
                return response;
            }
            Err(error) => Err(error),
        };
        respond(dialect, &request_id, admission.as_ref(), answer)
    }

    async fn answer(
        self: Arc<Self>,
        route: Route,
        id: String,
        request: Request,
    ) -> (Option<Admission>, Result<Served, ApiError>) {
        let (parts, body) = request.into_parts();
        let read = read_params(&route, &parts, body).await;
        // Who has no key learns nothing of the parameters either.
        let key = match self.gate.key(&self.backend, &parts.headers).await {
            Ok(key) => key,
            Err(error) => return (None, Err(error)),
        };
        let admission = self.gate.admit(&key, self.backend.uptime());
        if let Some(wait) = admission.retry_after {
            let message = "Too many requests with this key within a minute; wait as long as Retry-After says";
            let refused = ApiError::new(ErrorCode::RateLimitExceeded, message).again_after(wait);
            return (Some(admission), Err(refused));
        }
        (Some(admission), self.admitted(&route, &id, &parts, read, key).await)
    }

    /// Answers a request that counts.
    async fn admitted(
        self: Arc<Self>,
        route: &Route,
        id: &str,
        parts: &Parts,
        read: Result<(Params, Option<String>), ApiError>,
        key: ApiKeyRecord,
    ) -> Result<Served, ApiError> {
        let client_secret = read.as_ref().ok().and_then(|(_, secret)| secret.clone());
        let caller = Gate::caller(&self.backend, key, client_secret.as_deref(), route.operation.access())?;
        if route.operation == Operation::RefuseEndpoint {
            return Err(webhook_endpoints::refusal());
        }
        let (params, _) = read?;
        if route.operation == Operation::Events {
            return self.listen(route.dialect, &caller, id, params).await;
        }
        self.operate(route, &caller, id, parts, params).await
    }

    async fn operate(
        &self,
        route: &Route,
        caller: &Caller,
        id: &str,
        parts: &Parts,
        params: Params,
    ) -> Result<Served, ApiError> {
        let call = Call { backend: &self.backend, caller, dialect: route.dialect };
        let mut parameters = params.to_value();
        // Whoever repeats a request would otherwise learn from the answer whether a code is the one of before, uncounted.
        if let Some(parameters) = parameters.as_object_mut() {
            parameters.remove("staff_code");
            parameters.remove("code");
        }
        let header = idempotency_key(&parts.headers)?;
        let repeat = Repeat { caller, path: parts.uri.path(), parameters: &parameters };
        let kept = |(answer, replayed)| Served::Answer(answer, replayed);
        let done = |answer| Served::Answer(answer, false);
        match route.operation {
            Operation::List => call.list(params).await.map(done),
            Operation::Retrieve => call.retrieve(id, params).await.map(done),
            Operation::CheckCompliance => call.check_compliance(params).await.map(done),
            Operation::LookUp => call.look_up(LookupRequest::read(params)?).await.map(done),
            Operation::LeaveContact => call.leave_contact(ContactRequest::read(params)?).await.map(done),
            Operation::SendCode => call.send_code(CodeRequest::read(params)?).await.map(done),
            Operation::ListReports => call.list_reports(params).await.map(done),
            Operation::RetrieveReport => call.retrieve_report(id, params).await.map(done),
            Operation::ListEndpoints => call.list_endpoints(params).map(done),
            Operation::RetrieveEndpoint => call.retrieve_endpoint(id, params).map(done),
            Operation::RefuseEndpoint => Err(webhook_endpoints::refusal()),
            Operation::Events => Err(ApiError::new(ErrorCode::Internal, "Report this address")),
            Operation::Create => {
                let request = CreateRequest::read(params, route.dialect, caller.key.livemode)?;
                let key = header.or_else(|| request.idempotency_key.clone());
                let drawn = draw_session_id()?;
                let once = key.as_deref().map(|text| repeat.of(text, &drawn));
                let work = |object: Option<SessionId>, again| {
                    call.create(request, object.unwrap_or_else(|| drawn.clone()), again)
                };
                self.gate.once(&self.backend, once, work).await.map(kept)
            }
            Operation::Update => {
                let session = call.id(id)?;
                let request = UpdateRequest::read(params)?;
                let once = header.as_deref().map(|text| repeat.of(text, &session));
                self.gate.once(&self.backend, once, |_, again| call.update(&session, &request, again)).await.map(kept)
            }
            Operation::Cancel => {
                let session = call.id(id)?;
                let request = CancelRequest::read(params, REPORT)?;
                let once = header.as_deref().map(|text| repeat.of(text, &session));
                let work = |_, again| call.cancel(&session, again, request);
                self.gate.once(&self.backend, once, work).await.map(kept)
            }
            Operation::Redact => {
                let session = call.id(id)?;
                let expand = read_expand(params, Some(REPORT))?;
                let once = header.as_deref().map(|text| repeat.of(text, &session));
                self.gate.once(&self.backend, once, |_, _| call.redact(&session, expand)).await.map(kept)
            }
            Operation::Review => {
                let session = call.id(id)?;
                let request = StaffRequest::review(params)?;
                let once = header.as_deref().map(|text| repeat.of(text, &session));
                self.gate.once(&self.backend, once, |_, again| call.review(&session, request, again)).await.map(kept)
            }
            Operation::Override => {
                let session = call.id(id)?;
                let request = StaffRequest::overriding(params)?;
                let once = header.as_deref().map(|text| repeat.of(text, &session));
                self.gate
                    .once(&self.backend, once, |_, again| call.overriding(&session, request, again))
                    .await
                    .map(kept)
            }
            Operation::Reuse => {
                let request = ReuseRequest::read(params)?;
                let session = request.session.clone();
                let once = header.as_deref().map(|text| repeat.of(text, &session));
                self.gate.once(&self.backend, once, |_, again| call.reuse(request, again)).await.map(kept)
            }
            Operation::Start => {
                let session = call.id(id)?;
                params.finish()?;
                let once = header.as_deref().map(|text| repeat.of(text, &session));
                self.gate.once(&self.backend, once, |_, again| call.start(&session, again)).await.map(kept)
            }
        }
    }

    async fn listen(
        self: Arc<Self>,
        dialect: Dialect,
        caller: &Caller,
        id: &str,
        params: Params,
    ) -> Result<Served, ApiError> {
        params.finish()?;
        let call = Call { backend: &self.backend, caller, dialect };
        let session = call.id(id)?;
        call.snapshot(&session).await?;
        let Ok(place) = Arc::clone(&self.streams).try_acquire_owned() else {
            let message = "Too many event streams are open; close one, or ask for the session now and then";
            return Err(ApiError::new(ErrorCode::StreamsBusy, message).again_after(Duration::from_secs(5)));
        };
        let stop = self.stop.clone();
        Ok(Served::Stream(stream::stream(self, session, id.to_owned(), place, stop)))
    }
}

/// The description of all of it, written once.
fn described() -> Response {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| openapi::document().to_string());
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str()).into_response()
}

/// The page for people, written once.
fn page() -> Html<&'static str> {
    static PAGE: LazyLock<String> = LazyLock::new(page::page);
    Html(PAGE.as_str())
}

/// What a request has beside its idempotency key.
#[derive(Clone, Copy)]
struct Repeat<'r> {
    caller: &'r Caller,
    path: &'r str,
    parameters: &'r Value,
}

impl<'r> Repeat<'r> {
    fn of(self, text: &'r str, object: &'r SessionId) -> Once<'r> {
        let Self { caller, path, parameters } = self;
        Once { caller, text, method: "POST", path, parameters, object: Some(object) }
    }
}

/// What came of a request.
enum Served {
    Answer(Answer, bool),
    Stream(Response),
}

/// The parameters of a request, and the client secret among them.
async fn read_params(route: &Route, parts: &Parts, body: Body) -> Result<(Params, Option<String>), ApiError> {
    let query = parts.uri.query().unwrap_or_default();
    if query.len() > MAX_QUERY_BYTES {
        return Err(ApiError::new(ErrorCode::BodyTooLarge, "The query is too long; put less into one request"));
    }
    let from_query = Params::form(query.as_bytes())?;
    let mut params = if route.method == Method::GET {
        from_query
    } else {
        from_query.finish()?;
        let too_large = |_| {
            let message = format!("The body could not be read, or is longer than {MAX_BODY_BYTES} bytes; send less");
            ApiError::new(ErrorCode::BodyTooLarge, message)
        };
        let slow = |_| {
            let error = ApiError::new(ErrorCode::Timeout, "The body took too long to come; send it in one go");
            error.again_after(Duration::from_secs(1))
        };
        let body = tokio::time::timeout(BODY_WITHIN, to_bytes(body, MAX_BODY_BYTES)).await.map_err(slow)?;
        let body = body.map_err(too_large)?;
        match (route.dialect, body.is_empty()) {
            (_, true) => Params::form(b"")?,
            (Dialect::Stripe, false) => {
                expect_type(&parts.headers, "application/x-www-form-urlencoded")?;
                Params::form(&body)?
            }
            (Dialect::Stile, false) => {
                expect_type(&parts.headers, "application/json")?;
                Params::json(&body)?
            }
        }
    };
    let client_secret = match route.operation.access() {
        Access::SecretOrClient(_) => params.text("client_secret")?,
        Access::Secret(_) => None,
    };
    Ok((params, client_secret))
}

fn expect_type(headers: &HeaderMap, wanted: &str) -> Result<(), ApiError> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    let message = format!("This address takes a body of the type {wanted}; set Content-Type, and send that");
    Err(ApiError::new(ErrorCode::MediaTypeUnsupported, message))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let invalid = || {
        let message = "An idempotency key has printable ASCII characters only";
        ApiError::of_param(ErrorCode::ParameterInvalid, "Idempotency-Key", message)
    };
    let text = value.to_str().ok().filter(|text| text.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    text.map(|text| Some(text.to_owned())).ok_or_else(invalid)
}

/// Which dialect an address speaks that does not exist.
fn dialect_of(uri: &Uri) -> Dialect {
    let of_stile = ["/v1/verification_sessions", "/v1/verified_person", "/v1/compliance"];
    if of_stile.iter().any(|beginning| uri.path().starts_with(beginning)) { Dialect::Stile } else { Dialect::Stripe }
}

async fn no_route(uri: Uri) -> Response {
    let error =
        ApiError::new(ErrorCode::RouteMissing, "There is no such address; see /openapi.json for those there are");
    respond(dialect_of(&uri), &new_request_id(), None, Err(error))
}

async fn not_allowed(uri: Uri, method: Method) -> Response {
    let message = format!("This address does not take {method}; see /openapi.json for what it takes");
    let error = ApiError::new(ErrorCode::MethodNotAllowed, message);
    let allowed: Vec<_> = allowed_methods(uri.path());
    let mut response = respond(dialect_of(&uri), &new_request_id(), None, Err(error));
    if let Ok(value) = allowed.join(", ").parse() {
        response.headers_mut().insert(header::ALLOW, value);
    }
    response
}

/// What an address takes.
fn allowed_methods(path: &str) -> Vec<String> {
    let given: Vec<_> = path.split('/').collect();
    let matches = |route: &Route| {
        let pattern: Vec<_> = route.path.split('/').collect();
        pattern.len() == given.len() && pattern.iter().zip(&given).all(|(part, given)| *part == "{id}" || part == given)
    };
    let own = routes().into_iter().filter(matches).map(|route| route.method.to_string());
    let methods: Vec<_> = own.collect();
    if methods.is_empty() { vec!["GET".to_owned()] } else { methods }
}

fn random_characters() -> Option<SessionId> {
    let mut bytes = [0; SessionId::CHARACTERS];
    getrandom::fill(&mut bytes).ok()?;
    Some(SessionId::from_random(&bytes))
}

fn draw_session_id() -> Result<SessionId, ApiError> {
    random_characters().ok_or_else(|| ApiError::new(ErrorCode::Internal, "The system gives no random numbers"))
}

/// Names an answer, for the log of both sides.
fn new_request_id() -> String {
    random_characters().map_or_else(|| "req_unknown".to_owned(), |id| format!("req_{id}"))
}
