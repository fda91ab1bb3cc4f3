//! A session in Stile's words.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::{CardedOutcome, Showing, is_live, reason};
use crate::api::backend::SessionSnapshot;
use crate::session::ReasonCode;

/// `verification_session`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StileSession {
    /// `vks_` and 24 characters.
    #[schema(pattern = "^vks_[0-9a-hjkmnp-tv-z]{24}$")]
    id: String,
    /// Always `verification_session`.
    object: &'static str,
    /// As it was given.
    client_reference_id: Option<String>,
    /// What a display needs to start, cancel and watch this session; only in the answer that makes it.
    client_secret: Option<String>,
    /// Seconds since 1970.
    created: i64,
    /// Seconds since 1970.
    expires_at: i64,
    /// By ISO 3166-2, such as `US-CA`.
    jurisdiction: String,
    /// Why the last attempt failed.
    last_error: Option<StileError>,
    /// Whether it was made with a live key before a pinned camera.
    livemode: bool,
    /// As it was given.
    metadata: BTreeMap<String, String>,
    /// Whether it was redacted.
    redacted: bool,
    /// `created`, `pending`, `processing`, `requires_input`, `verified`, `failed`, `cancelled` or `expired`.
    status: &'static str,
    /// `age` or `identity`.
    r#type: &'static str,
    /// Always null: the person stands in front of the device.
    url: Option<String>,
    /// What the person wants to do.
    use_case: &'static str,
    /// Always null: what was read of the person is purged before anybody is told.
    #[schema(value_type = Option<Object>)]
    verified_outputs: Option<()>,
    /// The signed outcome; only where one session is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    carded: Option<CardedOutcome>,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StileError {
    /// One of the reason codes.
    code: &'static str,
    /// For the person.
    message: &'static str,
}

impl StileSession {
    pub(super) fn of(snapshot: &SessionSnapshot, showing: Showing<'_>) -> Self {
        let SessionSnapshot { record, details, .. } = snapshot;
        let last_error = reason(snapshot).map(ReasonCode::entry);
        Self {
            id: record.id.stile(),
            object: "verification_session",
            client_reference_id: details.client_reference_id.clone(),
            client_secret: showing.client_secret.map(str::to_owned),
            created: record.created_at.as_second(),
            expires_at: record.expires_at.as_second(),
            jurisdiction: record.jurisdiction.as_str().to_owned(),
            last_error: last_error.map(|entry| StileError { code: entry.stile, message: entry.person }),
            livemode: is_live(snapshot, showing.camera_is_live),
            metadata: details.metadata.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            redacted: details.redacted_at.is_some(),
            status: record.state.stile_status(record.last_error.is_some()),
            r#type: if details.asks_identity { "identity" } else { "age" },
            url: None,
            use_case: record.use_case.as_str(),
            verified_outputs: None,
            carded: showing.with_outcome.then(|| CardedOutcome::of(snapshot)),
        }
    }
}
