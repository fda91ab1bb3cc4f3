//! Sessions and reports as each dialect shows them: values in, typed bodies out, and their schemas with them.
//!
//! Fields that the appliance never has are null rather than absent, because that is how both APIs show them:
//! `verified_outputs` (the person's data is purged before anybody is told), `url` (the person stands in front of the
//! device) and `provided_details` (kept as keyed hashes only).

mod stile;
mod stripe;
#[cfg(test)]
mod tests;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

pub use stile::StileSession;
pub use stripe::{StripeReport, StripeSession};

use super::backend::SessionSnapshot;
use crate::privacy::Vocabulary;
use crate::session::{Dialect, KeptOutcome, ReasonCode, SessionState};

/// Version of Stripe's API whose words are used.
pub const STRIPE_API_VERSION: &str = "2026-10-28.endive";

/// How a session is to be shown.
#[derive(Debug, Clone, Copy)]
pub struct Showing<'s> {
    /// In which dialect.
    pub dialect: Dialect,
    /// In which words.
    pub vocabulary: Vocabulary,
    /// Whether the device's pictures come from a pinned camera.
    pub camera_is_live: bool,
    /// The secret with which a display may start, cancel and watch it, where it is shown.
    pub client_secret: Option<&'s str>,
    /// Whether its report stands in it instead of the report's identifier.
    pub with_report: bool,
    /// Whether its outcome stands in it: where one session is shown, never in a list.
    pub with_outcome: bool,
}

impl Showing<'_> {
    /// As an event shows it.
    #[must_use]
    pub fn of_event(dialect: Dialect, camera_is_live: bool) -> Self {
        let vocabulary = Vocabulary::Real;
        Self { dialect, vocabulary, camera_is_live, client_secret: None, with_report: false, with_outcome: true }
    }
}

/// The outcome, and what proves it: the same in both dialects.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CardedOutcome {
    /// The decision, as it was signed; null until there is one.
    #[schema(value_type = Option<Object>)]
    pub outcome: Option<Value>,
    /// The same as a compact JWS (EdDSA, RFC 8037), which can be checked without trusting whoever delivered it.
    pub attestation: Option<String>,
    /// What one of the staff has set over it: that counts, while the session's status stays. Null where nobody has.
    pub overridden_by: Option<StaffOutcome>,
}

/// An outcome of one of the staff. It refers to the one that ended the session.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StaffOutcome {
    /// The decision, as it was signed.
    #[schema(value_type = Object)]
    pub outcome: Value,
    /// The same as a compact JWS.
    pub attestation: String,
}

impl CardedOutcome {
    fn of(snapshot: &SessionSnapshot) -> Self {
        let json = |kept: &KeptOutcome| serde_json::to_value(&kept.outcome).unwrap_or_default();
        let kept = snapshot.outcome.as_ref();
        let overriding = snapshot.overriding.as_ref();
        Self {
            outcome: kept.map(json),
            attestation: kept.map(|kept| kept.attestation.clone()),
            overridden_by: overriding
                .map(|kept| StaffOutcome { outcome: json(kept), attestation: kept.attestation.clone() }),
        }
    }
}

/// Whether a session is live: as its signed outcome says, and before there is one, made with a live key before a pinned camera.
pub(super) fn is_live(snapshot: &SessionSnapshot, camera_is_live: bool) -> bool {
    let decided = snapshot.outcome.as_ref().map(|kept| kept.outcome.livemode());
    decided.unwrap_or(snapshot.details.livemode && camera_is_live)
}

/// Why it was not verified, or why the last attempt failed; a verified one has no error any more.
fn reason(snapshot: &SessionSnapshot) -> Option<ReasonCode> {
    let last = snapshot.record.last_error;
    match snapshot.record.state {
        SessionState::Verified => None,
        // Not every reason is one of an attempt: whoever does not agree has made none.
        SessionState::NotVerified => snapshot.outcome.as_ref().and_then(|kept| kept.outcome.reason()).or(last),
        SessionState::Created
        | SessionState::AwaitingConsent
        | SessionState::AwaitingDocument
        | SessionState::AwaitingFace
        | SessionState::Deciding
        | SessionState::AwaitingReview
        | SessionState::Canceled(_)
        | SessionState::Expired => last,
    }
}

/// A session as one dialect shows it.
#[must_use]
pub fn session_view(snapshot: &SessionSnapshot, showing: Showing<'_>) -> Value {
    let view = match showing.dialect {
        Dialect::Stripe => serde_json::to_value(StripeSession::of(snapshot, showing)),
        Dialect::Stile => serde_json::to_value(StileSession::of(snapshot, showing)),
    };
    // Texts, numbers and maps with text keys: always JSON.
    view.unwrap_or_default()
}
