//! The local HTTP API: one session service, two dialects.
//!
//! [`routes`] is the table of addresses; [`Api`] takes a request through its one way (key, limit, parameters, idempotency) to
//! the operation; `operations` does it over a [`Backend`], which is the engine; `view` shows sessions in either dialect's
//! words; [`Listener`] bounds what comes in. Always holds: what is rendered comes from a session's record, details and
//! outcome, none of which has a field for personal data; no request carries evidence.

mod backend;
mod call;
mod compliance;
mod error;
mod events;
mod http;
mod openapi;
mod operations;
mod page;
mod params;
mod rate_limit;
mod requests;
mod returning;
mod routes;
mod service;
mod stream;
mod view;
mod webhook_endpoints;

pub use backend::{Backend, DeviceFacts, EndpointFacts, NewSession, PageOf, SessionSnapshot, TestOutcome};
pub use compliance::refusal as rule_refusal;
pub use error::{ApiError, ErrorCode};
pub use events::{EventKind, SessionEvent, event_body, event_name, heartbeat_body, is_live_event};
pub use http::{Certificate, CertificateError, Listen, ListenError, Listener};
pub use openapi::document as openapi_document;
pub use params::{Pairs, ParamError, Params};
pub use requests::{TEST_OUTCOME, UpdateRequest};
pub use routes::{Operation, Route, routes};
pub use service::{Api, MAX_BODY_BYTES};
pub use view::{STRIPE_API_VERSION, Showing, session_view};
