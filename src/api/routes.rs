//! Every address of the API in one table: what serves it, who may use it, and what the documentation says of it.

use axum::http::Method;

use super::call::Access;
use crate::privacy::Scope;
use crate::session::Dialect;

/// What an address does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Makes a session.
    Create,
    /// Lists sessions.
    List,
    /// Shows a session.
    Retrieve,
    /// Changes a session that is still open.
    Update,
    /// Ends a session.
    Cancel,
    /// Erases what was said of a session, and what would know its person again.
    Redact,
    /// Shows a session that waits on the screen.
    Start,
    /// Tells what one of the staff found at the document.
    Review,
    /// Sets an outcome of one of the staff over that of a session.
    Override,
    /// Streams how a session goes on.
    Events,
    /// Says what the law of a place asks for.
    CheckCompliance,
    /// Finds what a person has who was verified before.
    LookUp,
    /// Keeps by what a person can be found again who was verified.
    LeaveContact,
    /// Sends a code to the address of somebody who comes again.
    SendCode,
    /// Ends a session by what somebody has who has entered their code.
    Reuse,
    /// Lists verification reports.
    ListReports,
    /// Shows a verification report.
    RetrieveReport,
    /// Lists where outcomes go.
    ListEndpoints,
    /// Shows where outcomes go.
    RetrieveEndpoint,
    /// Says why no endpoint is made, changed or deleted here.
    RefuseEndpoint,
}

/// One address.
#[derive(Debug, Clone)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with `{id}` for an identifier.
    pub path: &'static str,
    /// In whose words.
    pub dialect: Dialect,
    /// What it does.
    pub operation: Operation,
}

impl Operation {
    /// Who may.
    #[must_use]
    pub fn access(self) -> Access {
        match self {
            Self::List
            | Self::Retrieve
            | Self::ListReports
            | Self::RetrieveReport
            | Self::LookUp
            | Self::ListEndpoints
            | Self::RetrieveEndpoint
            | Self::RefuseEndpoint => Access::Secret(Scope::SessionsRead),
            Self::CheckCompliance => Access::Secret(Scope::Compliance),
            Self::Create
            | Self::Update
            | Self::Review
            | Self::Override
            | Self::LeaveContact
            | Self::SendCode
            | Self::Reuse => Access::Secret(Scope::SessionsWrite),
            Self::Redact => Access::Secret(Scope::SessionsRedact),
            Self::Cancel | Self::Start => Access::SecretOrClient(Scope::SessionsWrite),
            Self::Events => Access::SecretOrClient(Scope::SessionsRead),
        }
    }

    /// Whether a request under an idempotency key is done once.
    #[must_use]
    pub fn is_kept(self) -> bool {
        use Operation as O;
        matches!(self, O::Create | O::Update | O::Cancel | O::Redact | O::Start | O::Review | O::Override | O::Reuse)
    }
}

/// All of them.
#[must_use]
pub fn routes() -> Vec<Route> {
    use Operation as O;
    let stripe = |method, path, operation| Route { method, path, dialect: Dialect::Stripe, operation };
    let stile = |method, path, operation| Route { method, path, dialect: Dialect::Stile, operation };
    vec![
        stripe(Method::POST, "/v1/identity/verification_sessions", O::Create),
        stripe(Method::GET, "/v1/identity/verification_sessions", O::List),
        stripe(Method::GET, "/v1/identity/verification_sessions/{id}", O::Retrieve),
        stripe(Method::POST, "/v1/identity/verification_sessions/{id}", O::Update),
        stripe(Method::POST, "/v1/identity/verification_sessions/{id}/cancel", O::Cancel),
        stripe(Method::POST, "/v1/identity/verification_sessions/{id}/redact", O::Redact),
        stripe(Method::POST, "/v1/identity/verification_sessions/{id}/start", O::Start),
        stripe(Method::POST, "/v1/identity/verification_sessions/{id}/review", O::Review),
        stripe(Method::POST, "/v1/identity/verification_sessions/{id}/override", O::Override),
        stripe(Method::GET, "/v1/identity/verification_sessions/{id}/events", O::Events),
        stripe(Method::GET, "/v1/identity/verification_reports", O::ListReports),
        stripe(Method::GET, "/v1/identity/verification_reports/{id}", O::RetrieveReport),
        stripe(Method::GET, "/v1/webhook_endpoints", O::ListEndpoints),
        stripe(Method::POST, "/v1/webhook_endpoints", O::RefuseEndpoint),
        stripe(Method::GET, "/v1/webhook_endpoints/{id}", O::RetrieveEndpoint),
        stripe(Method::POST, "/v1/webhook_endpoints/{id}", O::RefuseEndpoint),
        stripe(Method::DELETE, "/v1/webhook_endpoints/{id}", O::RefuseEndpoint),
        stile(Method::GET, "/v1/compliance/check", O::CheckCompliance),
        stile(Method::POST, "/v1/verified_person/lookup", O::LookUp),
        stile(Method::POST, "/v1/verified_person/contact", O::LeaveContact),
        stile(Method::POST, "/v1/verified_person/code", O::SendCode),
        stile(Method::POST, "/v1/verified_person/reuse", O::Reuse),
        stile(Method::POST, "/v1/verification_sessions", O::Create),
        stile(Method::GET, "/v1/verification_sessions", O::List),
        stile(Method::GET, "/v1/verification_sessions/{id}", O::Retrieve),
        stile(Method::POST, "/v1/verification_sessions/{id}/cancel", O::Cancel),
        stile(Method::POST, "/v1/verification_sessions/{id}/redact", O::Redact),
        stile(Method::POST, "/v1/verification_sessions/{id}/start", O::Start),
        stile(Method::POST, "/v1/verification_sessions/{id}/review", O::Review),
        stile(Method::POST, "/v1/verification_sessions/{id}/override", O::Override),
        stile(Method::GET, "/v1/verification_sessions/{id}/events", O::Events),
    ]
}
