//! The events that tell a shop's backend how a session goes: values in, the exact body out.
//!
//! Both dialects get Stripe's envelope, because Stile's public documentation asks only that the data carries the session;
//! Stile's has no `api_version`. Beside the standard fields of the session stands `carded`: the outcome, and its
//! attestation as a compact JWS (EdDSA), which the receiver can check without trusting whoever delivered it.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::backend::SessionSnapshot;
use super::view::{STRIPE_API_VERSION, Showing, is_live, session_view};
use crate::privacy::Vocabulary;
use crate::session::{Dialect, HEARTBEAT_EVENT, SessionState};

/// What an event tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A session was made.
    Created,
    /// Staff are asked to look at the document: it takes longer than anybody's moment.
    Processing,
    /// It has ended; how is in its state.
    Ended,
    /// One of the staff has set another outcome over that of its end; the session stays as it is.
    Overridden,
    /// What was said of it, and what would know the person again, was erased.
    Redacted,
}

/// Something that happened to a session.
#[derive(Debug, Clone, Copy)]
pub struct SessionEvent<'s> {
    /// Stable identifier, `evt_…`; the same at every endpoint.
    pub id: &'s str,
    /// What.
    pub kind: EventKind,
    /// The session as it was then.
    pub snapshot: &'s SessionSnapshot,
    /// Whether the device's pictures come from a pinned camera.
    pub camera_is_live: bool,
    /// When.
    pub at: Timestamp,
}

/// The event's name; `None` where the dialect has no such event, or the session has not ended.
///
/// Stripe's view of a failed session is one that requires input again, and of one that ran out, a cancelled one. Published
/// guides to it have a name of their own for the first.
#[must_use]
pub fn event_name(
    dialect: Dialect,
    vocabulary: Vocabulary,
    kind: EventKind,
    state: SessionState,
) -> Option<&'static str> {
    use SessionState as S;
    match (dialect, kind) {
        (Dialect::Stripe, EventKind::Created) => Some("identity.verification_session.created"),
        (Dialect::Stripe, EventKind::Redacted) => Some("identity.verification_session.redacted"),
        (Dialect::Stripe, EventKind::Processing) => Some("identity.verification_session.processing"),
        (_, EventKind::Overridden) => Some("carded.outcome.overridden"),
        (Dialect::Stile, EventKind::Created | EventKind::Processing | EventKind::Redacted) => None,
        (Dialect::Stripe, EventKind::Ended) => match state {
            S::Verified => Some("identity.verification_session.verified"),
            S::NotVerified if vocabulary == Vocabulary::Guide => Some("identity.verification_session.not_verified"),
            S::NotVerified => Some("identity.verification_session.requires_input"),
            S::Canceled(_) | S::Expired => Some("identity.verification_session.canceled"),
            S::Created
            | S::AwaitingConsent
            | S::AwaitingDocument
            | S::AwaitingFace
            | S::Deciding
            | S::AwaitingReview => None,
        },
        (Dialect::Stile, EventKind::Ended) => match state {
            S::Verified => Some("verification_session.verified"),
            S::NotVerified => Some("verification_session.failed"),
            S::Canceled(_) => Some("verification_session.cancelled"),
            S::Expired => Some("verification_session.expired"),
            S::Created
            | S::AwaitingConsent
            | S::AwaitingDocument
            | S::AwaitingFace
            | S::Deciding
            | S::AwaitingReview => None,
        },
    }
}

/// The exact body of an event; `None` where the dialect has no such event. Rendered once and stored, so that every attempt
/// to deliver sends the same bytes.
#[must_use]
pub fn event_body(dialect: Dialect, vocabulary: Vocabulary, event: &SessionEvent<'_>) -> Option<String> {
    let name = event_name(dialect, vocabulary, event.kind, event.snapshot.record.state)?;
    let showing = Showing { vocabulary, ..Showing::of_event(dialect, event.camera_is_live) };
    let session = session_view(event.snapshot, showing);
    // What an override grants is in its own outcome, which may be less live than the session.
    let livemode = match (event.kind, &event.snapshot.overriding) {
        (EventKind::Overridden, new) => new.as_ref().is_some_and(|kept| kept.outcome.livemode()).into(),
        _ => session["livemode"].clone(),
    };
    Some(envelope(dialect, (event.id, name), event.at, &livemode, &session))
}

/// The body of a heartbeat. All that it says is in its attestation: what is not signed is not there to be believed.
#[must_use]
pub fn heartbeat_body(
    dialect: Dialect,
    id: &str,
    device: &str,
    (at, livemode): (Timestamp, bool),
    attestation: &str,
) -> String {
    let heartbeat = json!({ "id": device, "object": HEARTBEAT_EVENT, "status": "alive", "attestation": attestation });
    envelope(dialect, (id, HEARTBEAT_EVENT), at, &livemode.into(), &heartbeat)
}

fn envelope(dialect: Dialect, (id, name): (&str, &str), at: Timestamp, livemode: &Value, object: &Value) -> String {
    let api_version = match dialect {
        Dialect::Stripe => Value::from(STRIPE_API_VERSION),
        Dialect::Stile => Value::Null,
    };
    let body = json!({
        "id": id,
        "object": "event",
        "api_version": api_version,
        "created": at.as_second(),
        "livemode": livemode,
        "data": { "object": object },
        "pending_webhooks": 1,
        "request": { "id": null, "idempotency_key": null },
        "type": name,
    });
    body.to_string()
}

/// Whether an event says anything live, of its session or of what was set over that: it goes over checked connections only.
#[must_use]
pub fn is_live_event(event: &SessionEvent<'_>) -> bool {
    let overriding = event.snapshot.overriding.as_ref().is_some_and(|kept| kept.outcome.livemode());
    overriding || is_live(event.snapshot, event.camera_is_live)
}

#[cfg(test)]
mod tests;
