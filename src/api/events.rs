//! The events that tell a shop's backend how a session ended: values in, the exact body out.
//!
//! Both dialects get Stripe's envelope, because Stile's public documentation asks only that the data carries the session;
//! Stile's has no `api_version`. Beside the standard fields of the session stands `carded`: the outcome, and its
//! attestation as a compact JWS (EdDSA), which the receiver can check without trusting whoever delivered it.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::view::{STRIPE_API_VERSION, session_view};
use crate::session::{Dialect, Outcome, SessionRecord, SessionState};

/// A session that has ended, and what proves how.
#[derive(Debug, Clone, Copy)]
pub struct FinishedSession<'s> {
    /// Stable identifier of the event, `evt_…`; each endpoint's event has its own.
    pub event_id: &'s str,
    /// The session.
    pub record: &'s SessionRecord,
    /// The decision; none when the session was cancelled or ran out.
    pub outcome: Option<&'s Outcome>,
    /// The outcome as a compact JWS.
    pub attestation: Option<&'s str>,
    /// Whether all of it came from the pinned camera.
    pub livemode: bool,
    /// When the event was made.
    pub at: Timestamp,
}

/// The event's name for a session that has ended; `None` while it goes on.
///
/// Stripe's view of a failed session is one that requires input again, and of one that ran out, a cancelled one.
#[must_use]
pub fn event_name(dialect: Dialect, state: SessionState) -> Option<&'static str> {
    match (dialect, state) {
        (Dialect::Stripe, SessionState::Verified) => Some("identity.verification_session.verified"),
        (Dialect::Stripe, SessionState::NotVerified) => Some("identity.verification_session.requires_input"),
        (Dialect::Stripe, SessionState::Canceled(_) | SessionState::Expired) => {
            Some("identity.verification_session.canceled")
        }
        (Dialect::Stile, SessionState::Verified) => Some("verification_session.verified"),
        (Dialect::Stile, SessionState::NotVerified) => Some("verification_session.failed"),
        (Dialect::Stile, SessionState::Canceled(_)) => Some("verification_session.cancelled"),
        (Dialect::Stile, SessionState::Expired) => Some("verification_session.expired"),
        (
            Dialect::Stripe | Dialect::Stile,
            SessionState::Created
            | SessionState::AwaitingConsent
            | SessionState::AwaitingDocument
            | SessionState::AwaitingFace
            | SessionState::Deciding
            | SessionState::AwaitingReview,
        ) => None,
    }
}

/// The exact body of the event for a session that has ended; `None` while it goes on. Rendered once and stored, so that
/// every attempt to deliver sends the same bytes.
#[must_use]
pub fn event_body(dialect: Dialect, finished: &FinishedSession<'_>) -> Option<String> {
    let name = event_name(dialect, finished.record.state)?;
    let mut session = session_view(dialect, finished.record, finished.livemode);
    session["carded"] = json!({ "outcome": finished.outcome, "attestation": finished.attestation });
    let api_version = match dialect {
        Dialect::Stripe => Value::from(STRIPE_API_VERSION),
        Dialect::Stile => Value::Null,
    };
    let event = json!({
        "id": finished.event_id,
        "object": "event",
        "api_version": api_version,
        "created": finished.at.as_second(),
        "data": { "object": session },
        "livemode": finished.livemode,
        "pending_webhooks": 1,
        "request": { "id": null, "idempotency_key": null },
        "type": name,
    });
    Some(event.to_string())
}

#[cfg(test)]
mod tests;
