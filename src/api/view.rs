//! A session as each dialect shows it: values in, JSON out.
//!
//! Fields that the appliance never has are null rather than absent, because that is how both APIs show them:
//! `verified_outputs` (the person's data is purged before anybody is told), `url` (the person stands in front of the device),
//! `provided_details` (kept as keyed hashes only) and `client_secret` (only in the answer that creates a session).

use serde_json::{Value, json};

use crate::session::{Dialect, ReasonCode, SessionRecord, SessionState};

/// Version of Stripe's API whose words are used.
pub const STRIPE_API_VERSION: &str = "2026-10-28.endive";

/// A session as one dialect shows it.
#[must_use]
pub fn session_view(dialect: Dialect, record: &SessionRecord, livemode: bool) -> Value {
    match dialect {
        Dialect::Stripe => stripe(record, livemode),
        Dialect::Stile => stile(record, livemode),
    }
}

fn stripe(record: &SessionRecord, livemode: bool) -> Value {
    json!({
        "id": record.id.stripe(),
        "object": "identity.verification_session",
        "client_reference_id": null,
        "client_secret": null,
        "created": record.created_at.as_second(),
        "last_error": stripe_error(record),
        "last_verification_report": null,
        "livemode": livemode,
        "metadata": {},
        // Always in force on a device that sees the person itself.
        "options": { "document": { "require_live_capture": true } },
        "provided_details": null,
        "redaction": null,
        "related_customer": null,
        "related_customer_account": null,
        "status": record.state.stripe_status(),
        "type": "document",
        "url": null,
        "verified_outputs": null,
    })
}

/// Stripe tells of a session that ran out as abandoned, and a verified one has no error any more.
fn stripe_error(record: &SessionRecord) -> Value {
    match record.state {
        SessionState::Verified => Value::Null,
        SessionState::Expired => json!({ "code": "abandoned", "reason": "Nobody went on with the check in time" }),
        SessionState::Created
        | SessionState::AwaitingConsent
        | SessionState::AwaitingDocument
        | SessionState::AwaitingFace
        | SessionState::Deciding
        | SessionState::AwaitingReview
        | SessionState::NotVerified
        | SessionState::Canceled(_) => record
            .last_error
            .map(ReasonCode::entry)
            .map_or(Value::Null, |entry| json!({ "code": entry.stripe, "reason": entry.person })),
    }
}

fn stile(record: &SessionRecord, livemode: bool) -> Value {
    let last_error = match record.state {
        SessionState::Verified => None,
        SessionState::Created
        | SessionState::AwaitingConsent
        | SessionState::AwaitingDocument
        | SessionState::AwaitingFace
        | SessionState::Deciding
        | SessionState::AwaitingReview
        | SessionState::NotVerified
        | SessionState::Canceled(_)
        | SessionState::Expired => record.last_error.map(ReasonCode::entry),
    };
    json!({
        "id": record.id.stile(),
        "object": "verification_session",
        "client_reference_id": null,
        "client_secret": null,
        "created": record.created_at.as_second(),
        "expires_at": record.expires_at.as_second(),
        "jurisdiction": record.jurisdiction.as_str(),
        "last_error": last_error.map(|entry| json!({ "code": entry.stile, "message": entry.person })),
        "livemode": livemode,
        "metadata": {},
        "status": record.state.stile_status(record.last_error.is_some()),
        // Every use case of the rule table asks for an age.
        "type": "age",
        "url": null,
        "use_case": record.use_case.as_str(),
        "verified_outputs": null,
    })
}

#[cfg(test)]
mod tests;
