//! A session and its report in Stripe's words.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::{CardedOutcome, Showing, is_live, reason};
use crate::api::backend::SessionSnapshot;
use crate::document::CheckResult;
use crate::privacy::Vocabulary;
use crate::session::{
    DocumentOptions, KeptOutcome, Phase, ReasonCode, ReasonEntry, SessionDetails, SessionId, SessionState,
};

/// `identity.verification_session`.
#[allow(clippy::option_option, reason = "absent and null are different answers")]
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StripeSession {
    /// `vs_` and 24 characters.
    #[schema(pattern = "^vs_[0-9a-hjkmnp-tv-z]{24}$")]
    id: String,
    /// Always `identity.verification_session`.
    object: &'static str,
    /// As it was given.
    client_reference_id: Option<String>,
    /// What a display needs to start, cancel and watch this session; null once it can no longer be used.
    client_secret: Option<String>,
    /// Seconds since 1970.
    created: i64,
    /// Why the last attempt failed.
    last_error: Option<StripeError>,
    /// The report's identifier, or the report itself with `expand[]=last_verification_report`; null until it is decided.
    last_verification_report: Option<ReportOrId>,
    /// Whether it was made with a live key before a pinned camera.
    livemode: bool,
    /// As it was given.
    metadata: BTreeMap<String, String>,
    /// What was asked for.
    options: StripeOptions,
    /// Always null: the details became keyed hashes when they came in.
    #[schema(value_type = Option<Object>)]
    provided_details: Option<()>,
    /// Whether it was redacted.
    redaction: Option<Redaction>,
    /// Always null.
    #[schema(value_type = Option<String>)]
    related_customer: Option<()>,
    /// Always null.
    #[schema(value_type = Option<String>)]
    related_customer_account: Option<()>,
    /// As it was given; absent where it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    return_url: Option<String>,
    /// `requires_input`, `processing`, `verified` or `canceled`.
    status: &'static str,
    /// Always `document`.
    r#type: &'static str,
    /// Always null: the person stands in front of the device.
    url: Option<String>,
    /// Always null: what was read of the person is purged before anybody is told.
    #[schema(value_type = Option<Object>)]
    verified_outputs: Option<()>,
    /// The signed outcome; only where one session is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    carded: Option<CardedOutcome>,
    /// `verified`, `not_verified` or null: a word of published guides, for keys that ask for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    verification_outcome: Option<Option<&'static str>>,
    /// Seconds since 1970: likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
    /// The same as `last_error`: likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<StripeError>)]
    last_verification_error: Option<Option<StripeError>>,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StripeError {
    /// One of Stripe's codes.
    code: &'static str,
    /// For the person.
    reason: &'static str,
}

/// A report's identifier, or the report.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ReportOrId {
    /// The identifier.
    Id(String),
    /// The report itself.
    Report(Box<StripeReport>),
}

/// Whether a session was redacted.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Redaction {
    /// Always `redacted`: it is done when the answer comes.
    status: &'static str,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StripeOptions {
    /// Of the document and the person.
    document: StripeDocumentOptions,
}

/// What was asked for of the document and the person. Options only tighten the rule of the place.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StripeDocumentOptions {
    /// Which documents are accepted; absent where all are.
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_types: Option<Vec<&'static str>>,
    /// Always in force on a device that sees the person itself; `false` is only echoed.
    require_live_capture: bool,
    /// As it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    require_id_number: Option<bool>,
    /// As it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    require_matching_selfie: Option<bool>,
}

/// `identity.verification_report`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StripeReport {
    /// `vr_` and the 24 characters of its session.
    #[schema(pattern = "^vr_[0-9a-hjkmnp-tv-z]{24}$")]
    id: String,
    /// Always `identity.verification_report`.
    object: &'static str,
    /// As it was given for the session.
    client_reference_id: Option<String>,
    /// Seconds since 1970.
    created: i64,
    /// How the document fared; absent where none was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<StripeDocumentCheck>,
    /// Whether it came from a pinned camera.
    livemode: bool,
    /// As the session's.
    options: StripeOptions,
    /// How the head turn and the comparison fared; absent where neither was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    selfie: Option<StripeSelfieCheck>,
    /// Always `document`.
    r#type: &'static str,
    /// Always null.
    #[schema(value_type = Option<String>)]
    verification_flow: Option<()>,
    /// Its session.
    verification_session: String,
    /// The signed outcome.
    carded: CardedOutcome,
}

/// How the document fared. What it says of the person was purged, so that those fields are null.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StripeDocumentCheck {
    /// `verified` or `unverified`.
    status: &'static str,
    /// Why not.
    error: Option<StripeError>,
    /// `driving_license`, `id_card` or `passport`.
    r#type: Option<&'static str>,
    /// Always null.
    #[schema(value_type = Option<Object>)]
    address: Option<()>,
    /// Always null.
    #[schema(value_type = Option<Object>)]
    dob: Option<()>,
    /// Always null.
    #[schema(value_type = Option<Object>)]
    expiration_date: Option<()>,
    /// Always null: no picture is kept.
    #[schema(value_type = Option<Vec<String>>)]
    files: Option<()>,
    /// Always null.
    #[schema(value_type = Option<String>)]
    first_name: Option<()>,
    /// Always null.
    #[schema(value_type = Option<Object>)]
    issued_date: Option<()>,
    /// Always null.
    #[schema(value_type = Option<String>)]
    issuing_country: Option<()>,
    /// Always null.
    #[schema(value_type = Option<String>)]
    last_name: Option<()>,
}

/// How the head turn and the comparison fared.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StripeSelfieCheck {
    /// `verified` or `unverified`.
    status: &'static str,
    /// Why not.
    error: Option<StripeError>,
    /// Always null: no picture is kept.
    #[schema(value_type = Option<String>)]
    document: Option<()>,
    /// Always null: no picture is kept.
    #[schema(value_type = Option<String>)]
    selfie: Option<()>,
}

/// The identifier of a session's report.
#[must_use]
pub fn report_id(session: &SessionId) -> String {
    format!("vr_{session}")
}

impl StripeSession {
    pub(super) fn of(snapshot: &SessionSnapshot, showing: Showing<'_>) -> Self {
        let SessionSnapshot { record, details, outcome, .. } = snapshot;
        let report =
            || StripeReport::of(snapshot, showing.camera_is_live).map(|report| ReportOrId::Report(report.into()));
        let report_id = || outcome.as_ref().map(|_| ReportOrId::Id(report_id(&record.id)));
        let last_error = last_error(snapshot);
        let guide = showing.vocabulary == Vocabulary::Guide;
        Self {
            id: record.id.stripe(),
            object: "identity.verification_session",
            client_reference_id: details.client_reference_id.clone(),
            client_secret: showing.client_secret.map(str::to_owned),
            created: record.created_at.as_second(),
            last_verification_report: if showing.with_report { report() } else { report_id() },
            livemode: is_live(snapshot, showing.camera_is_live),
            metadata: details.metadata.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            options: StripeOptions::of(&details.options),
            provided_details: None,
            redaction: details.redacted_at.map(|_| Redaction { status: "redacted" }),
            related_customer: None,
            related_customer_account: None,
            return_url: details.return_url.clone(),
            status: record.state.stripe_status(),
            r#type: "document",
            url: None,
            verified_outputs: None,
            carded: showing.with_outcome.then(|| CardedOutcome::of(snapshot)),
            verification_outcome: guide.then_some(match record.state {
                SessionState::Verified => Some("verified"),
                SessionState::NotVerified => Some("not_verified"),
                _ => None,
            }),
            expires_at: guide.then(|| record.expires_at.as_second()),
            last_verification_error: guide.then(|| last_error.clone()),
            last_error,
        }
    }
}

/// Stripe tells of a session that ran out as abandoned.
fn last_error(snapshot: &SessionSnapshot) -> Option<StripeError> {
    if snapshot.record.state == SessionState::Expired {
        return Some(StripeError { code: "abandoned", reason: "Nobody went on with the check in time" });
    }
    reason(snapshot).map(StripeError::of)
}

impl StripeError {
    fn of(reason: ReasonCode) -> Self {
        let ReasonEntry { stripe, person, .. } = *reason.entry();
        Self { code: stripe, reason: person }
    }
}

impl StripeOptions {
    fn of(options: &DocumentOptions) -> Self {
        let types: Vec<_> = options.allowed_types.iter().map(|kind| kind.as_str()).collect();
        Self {
            document: StripeDocumentOptions {
                allowed_types: (!types.is_empty()).then_some(types),
                require_live_capture: options.require_live_capture.unwrap_or(true),
                require_id_number: options.require_id_number,
                require_matching_selfie: options.require_matching_selfie,
            },
        }
    }
}

impl StripeReport {
    /// The report of a session; `None` until it is decided.
    #[must_use]
    pub fn of(snapshot: &SessionSnapshot, camera_is_live: bool) -> Option<Self> {
        let SessionSnapshot { record, details, outcome, .. } = snapshot;
        let kept = outcome.as_ref()?;
        let SessionDetails { client_reference_id, options, .. } = details;
        Some(Self {
            id: report_id(&record.id),
            object: "identity.verification_report",
            client_reference_id: client_reference_id.clone(),
            created: kept.outcome.decided_at().as_second(),
            document: document_check(kept),
            livemode: is_live(snapshot, camera_is_live),
            options: StripeOptions::of(options),
            selfie: selfie_check(kept),
            r#type: "document",
            verification_flow: None,
            verification_session: record.id.stripe(),
            carded: CardedOutcome::of(snapshot),
        })
    }
}

/// The reasons against one part, the most telling first.
fn reason_of(kept: &KeptOutcome, phase: Phase) -> Option<ReasonCode> {
    kept.outcome.reasons().iter().copied().find(|reason| reason.phase() == phase)
}

fn has_check(kept: &KeptOutcome, name: &str) -> bool {
    kept.outcome.checks().iter().any(|check| check.name == name && check.result != CheckResult::NotApplicable)
}

fn document_check(kept: &KeptOutcome) -> Option<StripeDocumentCheck> {
    let reason = reason_of(kept, Phase::Document);
    let kind = kept.outcome.method().and_then(|method| {
        ["driving_license", "id_card", "passport"].into_iter().find(|kind| method.starts_with(kind))
    });
    if kind.is_none() && reason.is_none() {
        return None;
    }
    Some(StripeDocumentCheck {
        status: status(reason),
        error: reason.map(StripeError::of),
        r#type: kind,
        address: None,
        dob: None,
        expiration_date: None,
        files: None,
        first_name: None,
        issued_date: None,
        issuing_country: None,
        last_name: None,
    })
}

fn selfie_check(kept: &KeptOutcome) -> Option<StripeSelfieCheck> {
    let reason = reason_of(kept, Phase::Face);
    if reason.is_none() && !has_check(kept, "liveness") {
        return None;
    }
    let error = reason.map(StripeError::of);
    Some(StripeSelfieCheck { status: status(reason), error, document: None, selfie: None })
}

fn status(reason: Option<ReasonCode>) -> &'static str {
    if reason.is_none() { "verified" } else { "unverified" }
}
