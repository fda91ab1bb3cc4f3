//! The description of the API (`OpenAPI` 3.1) at `/openapi.json`, made of what the program uses itself: the table of
//! addresses, and the schemas that the bodies' own types derive. What requests may say is in `openapi/requests.rs`, in the
//! form in which it goes over the wire; a test holds it against the readers.

mod requests;

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Map, Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema as _, ToSchema};

use super::compliance::ComplianceCheck;
use super::error::ErrorCode;
use super::returning::{VerifiedPersonCode, VerifiedPersonContact, VerifiedPersonLookup};
use super::routes::{Operation, Route, routes};
use super::stream::{Progress, ProgressPhase};
use super::view::{StileSession, StripeReport, StripeSession};
use super::webhook_endpoints;
use crate::session::Dialect;

/// The whole description.
#[must_use]
pub fn document() -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in routes() {
        let method = route.method.as_str().to_lowercase();
        paths.entry(route.path).or_default().insert(method, operation(&route));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "carded",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "bearer": [] }, { "basic": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "headers": headers(),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer" },
                "basic": { "type": "http", "scheme": "basic", "description": "The key as the user's name." },
            },
        },
    })
}

const DESCRIPTION: &str = "Checks ages and identities on this device. Sessions are made, shown and ended in Stripe \
    Identity's words or in Stile's; both see the same sessions. Event streams are unsigned hints: only a webhook with a good \
    signature, a retrieval with a secret key, or the attestation in an outcome grants anything.";

/// The schemas of the bodies' own types, each under its name.
fn schemas() -> Map<String, Value> {
    let mut named: Vec<(String, RefOr<Schema>)> = Vec::new();
    macro_rules! add {
        ($($body:ty),*) => {$(
            named.push((<$body as ToSchema>::name().into_owned(), <$body>::schema()));
            <$body as ToSchema>::schemas(&mut named);
        )*};
    }
    add!(StripeSession, StripeReport, StileSession, ComplianceCheck, Progress, ProgressPhase);
    add!(VerifiedPersonLookup, VerifiedPersonContact, VerifiedPersonCode);
    let mut all: Map<String, Value> =
        named.into_iter().filter_map(|(name, schema)| Some((name, serde_json::to_value(schema).ok()?))).collect();
    let list = |of: &str| {
        json!({
            "type": "object",
            "required": ["object", "url", "has_more", "data"],
            "properties": {
                "object": { "const": "list" },
                "url": { "type": "string" },
                "has_more": { "type": "boolean", "description": "Whether there is more in this direction." },
                "data": { "type": "array", "items": reference(of) },
            },
        })
    };
    all.insert("StripeSessionList".to_owned(), list("StripeSession"));
    all.insert("StripeReportList".to_owned(), list("StripeReport"));
    all.insert("StileSessionList".to_owned(), list("StileSession"));
    all.insert("WebhookEndpoint".to_owned(), webhook_endpoints::schema());
    all.insert("WebhookEndpointList".to_owned(), list("WebhookEndpoint"));
    all.insert("SessionProgress".to_owned(), progress());
    all.insert("StripeErrorBody".to_owned(), error_body(&["type", "code", "message"], "doc_url"));
    all.insert("StileErrorBody".to_owned(), error_body(&["type", "code", "message", "request_id"], "request_id"));
    all
}

/// What a display with a client secret gets to see.
fn progress() -> Value {
    json!({
        "type": "object",
        "required": ["id", "object", "phase", "expires_at"],
        "properties": {
            "id": { "type": "string" },
            "object": { "const": "carded.session_progress" },
            "phase": { "enum": ["waiting", "consent", "document", "face", "deciding", "finished"] },
            "expires_at": { "type": "integer" },
        },
    })
}

fn error_body(required: &[&str], last: &str) -> Value {
    let codes: Vec<_> = ErrorCode::ALL.into_iter().map(ErrorCode::as_str).collect();
    json!({
        "type": "object",
        "required": ["error"],
        "properties": { "error": {
            "type": "object",
            "required": required,
            "properties": {
                "type": { "type": "string" },
                "code": { "enum": codes },
                "message": { "type": "string", "description": "What went wrong, and what to do." },
                "param": { "type": ["string", "null"], "description": "The parameter, as a form writes it." },
                last: { "type": "string" },
            },
        } },
    })
}

fn headers() -> Value {
    let of = |description: &str, kind: &str| json!({ "description": description, "schema": { "type": kind } });
    json!({
        "Request-Id": of("Names this answer in the logs of both sides.", "string"),
        "X-RateLimit-Limit": of("Requests within a minute with this key.", "integer"),
        "X-RateLimit-Remaining": of("Requests that are left now.", "integer"),
        "X-RateLimit-Reset": of("Seconds until the oldest request no longer counts.", "integer"),
        "Retry-After": of("Seconds after which it makes sense to ask again.", "integer"),
        "Idempotent-Replayed": of("`true` when this is a kept answer.", "string"),
    })
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

fn operation(route: &Route) -> Value {
    let Words { id, summary, description } = words(route);
    let mut parameters = Vec::new();
    if route.path.contains("{id}") {
        let prefix = match (route.dialect, route.operation) {
            (_, Operation::RetrieveReport) => "vr_",
            (_, Operation::RetrieveEndpoint | Operation::RefuseEndpoint) => "we_",
            (Dialect::Stripe, _) => "vs_",
            (Dialect::Stile, _) => "vks_",
        };
        let rest = if prefix == "we_" { "[A-Za-z0-9_-]{1,64}" } else { "[0-9a-hjkmnp-tv-z]{24}" };
        let schema = json!({ "type": "string", "pattern": format!("^{prefix}{rest}$") });
        parameters.push(json!({ "name": "id", "in": "path", "required": true, "schema": schema }));
    }
    parameters.extend(requests::query(route));
    if route.operation.is_kept() {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "The same key with the same parameters gets the first answer again, for 24 hours.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$" },
        }));
    }
    let mut operation = json!({
        "operationId": id,
        "summary": summary,
        "description": description,
        "tags": [match route.dialect { Dialect::Stripe => "Stripe Identity", Dialect::Stile => "Stile" }],
        "parameters": parameters,
        "responses": { "200": success(route), "default": failure(route.dialect) },
    });
    if route.operation == Operation::RefuseEndpoint {
        // Nothing that is sent is taken.
        operation["responses"] = json!({ "default": failure(route.dialect) });
    }
    if let Some(body) = requests::body(route) {
        operation["requestBody"] = body;
    }
    operation
}

fn success(route: &Route) -> Value {
    use Operation as O;
    let of = |dialect| match dialect {
        Dialect::Stripe => "StripeSession",
        Dialect::Stile => "StileSession",
    };
    let schema = match (route.operation, route.dialect) {
        (O::Create | O::Retrieve | O::Update | O::Redact | O::Review | O::Override, dialect) => reference(of(dialect)),
        (O::Cancel | O::Start, dialect) => json!({ "anyOf": [reference(of(dialect)), reference("SessionProgress")] }),
        (O::List, Dialect::Stripe) => reference("StripeSessionList"),
        (O::List, Dialect::Stile) => reference("StileSessionList"),
        (O::ListReports, _) => reference("StripeReportList"),
        (O::RetrieveReport, _) => reference("StripeReport"),
        (O::CheckCompliance, _) => reference("ComplianceCheck"),
        (O::LookUp, _) => reference("VerifiedPersonLookup"),
        (O::LeaveContact, _) => reference("VerifiedPersonContact"),
        (O::SendCode, _) => reference("VerifiedPersonCode"),
        (O::Reuse, _) => reference("StileSession"),
        (O::ListEndpoints, _) => reference("WebhookEndpointList"),
        (O::RetrieveEndpoint | O::RefuseEndpoint, _) => reference("WebhookEndpoint"),
        (O::Events, _) => {
            return json!({
                "description": "Events `phase`, `hint` and `finished`, each with a Progress as its data.",
                "content": { "text/event-stream": { "schema": { "type": "string" } } },
            });
        }
    };
    json!({
        "description": "As asked.",
        "headers": answer_headers(),
        "content": { "application/json": { "schema": schema } },
    })
}

fn failure(dialect: Dialect) -> Value {
    let schema = match dialect {
        Dialect::Stripe => "StripeErrorBody",
        Dialect::Stile => "StileErrorBody",
    };
    json!({
        "description": "What went wrong, and what to do; see the codes.",
        "headers": answer_headers(),
        "content": { "application/json": { "schema": reference(schema) } },
    })
}

fn answer_headers() -> Value {
    let named = |name: &str| (name.to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }));
    [
        "Request-Id",
        "X-RateLimit-Limit",
        "X-RateLimit-Remaining",
        "X-RateLimit-Reset",
        "Retry-After",
        "Idempotent-Replayed",
    ]
    .into_iter()
    .map(named)
    .collect::<Map<_, _>>()
    .into()
}

struct Words {
    id: String,
    summary: &'static str,
    description: &'static str,
}

fn words(route: &Route) -> Words {
    use Operation as O;
    let (name, summary, description) = match route.operation {
        O::Create => (
            "createSession",
            "Make a session",
            "With a live key the screen asks the person for consent at once; a second session is refused with \
             `session_in_progress` while one is under way. With a test key there is no camera: \
             `metadata[carded_test_outcome]` chooses how it ends, and without it the session stays open.",
        ),
        O::List => ("listSessions", "List sessions", "Newest first, of the key's own mode."),
        O::Retrieve => ("retrieveSession", "Show a session", "With its signed outcome once it is decided."),
        O::Update => (
            "updateSession",
            "Change a session",
            "Metadata and return URL while it waits for somebody; options only before a screen shows it.",
        ),
        O::Cancel => {
            ("cancelSession", "End a session", "While it waits for somebody; the screen says that it was canceled.")
        }
        O::Redact => (
            "redactSession",
            "Erase a session's data",
            "Erases metadata, reference and return URL, and what would know the person again. The signed outcome stays: it \
             has no personal data. A session that still waits is canceled first. There is no way back.",
        ),
        O::Start => (
            "startSession",
            "Show a waiting session on the screen",
            "For devices on which sessions wait for their display; also with a publishable key and the client secret.",
        ),
        O::Events => (
            "watchSession",
            "Watch a session",
            "Server-sent events, unsigned hints: they say how far it is, and never how it ended. Only a webhook, a retrieval \
             with a secret key, or the attestation grants anything.",
        ),
        O::Review => (
            "reviewSession",
            "Say what the staff found",
            "While a session waits for the staff to look at the physical document, because of a flag that the device is \
             configured to ask about. Nobody answering for five minutes ends it as not verified.",
        ),
        O::Override => (
            "overrideOutcome",
            "Override an outcome",
            "One of the staff has checked the person by hand. The session and its outcome stay; a new signed outcome refers to \
             the first, and is sent as `carded.outcome.overridden`. Possible as long as the first grants anything.",
        ),
        O::CheckCompliance => (
            "checkCompliance",
            "Ask what the law of a place asks for",
            "Of several use cases the most restrictive of every part. What the device's table does not say is refused with \
             `jurisdiction_unresolvable`, and never guessed. Verify with counsel.",
        ),
        O::LookUp => (
            "lookUpVerifiedPerson",
            "Find what a person has who was verified before",
            "By the e-mail address or telephone number that was given with a session or left afterwards, of which the device \
             has a keyed hash only. To find it grants nothing: it is used again in a session, by a code to the address.",
        ),
        O::LeaveContact => (
            "leaveVerifiedPersonContact",
            "Keep by what a verified person can be found again",
            "For a person who wants that, after they were verified; `provided_details` of a session says it before. The device keeps a \
             keyed hash, as long as what they have earned. `credential_missing` where they have earned nothing.",
        ),
        O::SendCode => (
            "sendVerifiedPersonCode",
            "Send a code to somebody who comes again",
            "For a session that nobody was looked at in yet, if whoever has the address has something that answers what it asks. \
             Three letters to an address within a quarter of an hour; `mail_unavailable` while the device has no connection.",
        ),
        O::Reuse => (
            "reuseVerifiedPerson",
            "End a session by what a person has",
            "With the code that they have received: six digits, for ten minutes, five tries an address within a quarter of an hour. \
             The code proves the address and nothing else; the outcome says so, lasts no longer than the first, and earns \
             nothing new.",
        ),
        O::ListEndpoints | O::RetrieveEndpoint | O::RefuseEndpoint => words_of_endpoints(route),
        O::ListReports => ("listReports", "List verification reports", "One for each decided session, newest first."),
        O::RetrieveReport => {
            ("retrieveReport", "Show a verification report", "With the signed outcome that it rests on.")
        }
    };
    let prefix = match route.dialect {
        Dialect::Stripe => "stripe",
        Dialect::Stile => "stile",
    };
    Words { id: format!("{prefix}_{name}"), summary, description }
}

fn words_of_endpoints(route: &Route) -> (&'static str, &'static str, &'static str) {
    match route.operation {
        Operation::ListEndpoints => (
            "listWebhookEndpoints",
            "List webhook endpoints",
            "Where outcomes go, by name and without secrets. Keys of both modes see all of them.",
        ),
        Operation::RetrieveEndpoint => ("retrieveWebhookEndpoint", "Show a webhook endpoint", "Without its secret."),
        _ => (
            match (route.method == Method::DELETE, route.path.contains("{id}")) {
                (true, _) => "deleteWebhookEndpoint",
                (false, true) => "updateWebhookEndpoint",
                (false, false) => "createWebhookEndpoint",
            },
            "Refused: the operator does that at the device",
            "Always answers `permission_denied`. Whoever holds a key could otherwise have every outcome sent elsewhere; \
             `carded endpoints` on the device makes, rotates, tests and disables endpoints.",
        ),
    }
}

#[cfg(test)]
mod tests;
