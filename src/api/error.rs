//! What the API answers when it cannot do what was asked: one table for both dialects.
//!
//! Always holds: an error says what to do next; a fault of the device is no error of the caller (5xx, with `Retry-After`);
//! no text quotes a secret, a request's body, or anything of a person.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::params::ParamError;
use crate::session::Dialect;

/// Where the codes are explained: on the page that the device itself serves.
const DOCUMENTATION: &str = "/#errors";

/// What went wrong, by its stable name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// A parameter has a value that is not allowed.
    ParameterInvalid,
    /// There is no such parameter.
    ParameterUnknown,
    /// There is no such object, or not in this mode.
    ResourceMissing,
    /// There is no such address.
    RouteMissing,
    /// The address does not take this method.
    MethodNotAllowed,
    /// The body is of another kind than this dialect takes.
    MediaTypeUnsupported,
    /// The body is too long.
    BodyTooLarge,
    /// No key was given.
    ApiKeyMissing,
    /// The key is not known, was revoked, or has expired.
    ApiKeyInvalid,
    /// The key may not do this.
    PermissionDenied,
    /// A live key needs a webhook endpoint, because a live outcome has to reach the shop's backend.
    LiveEndpointMissing,
    /// Too many requests within a minute.
    RateLimitExceeded,
    /// The idempotency key came with other parameters before.
    IdempotencyMismatch,
    /// A request with this idempotency key is under way.
    IdempotencyInUse,
    /// The session has gone too far, or ended, for this.
    SessionNotOpen,
    /// The staff code is none of this device's.
    StaffCodeInvalid,
    /// Too many wrong staff codes were given.
    StaffCodesLocked,
    /// Nobody with that address has anything that answers.
    CredentialMissing,
    /// The code is not the one that was sent.
    CodeInvalid,
    /// No letter can be sent now.
    MailUnavailable,
    /// Another session is under way on the device.
    SessionInProgress,
    /// Too many attempts have failed on the device within an hour.
    AttemptsSpent,
    /// The place is not one that a rule is known for.
    JurisdictionUnresolvable,
    /// What is asked for is allowed to nobody there.
    UseCaseProhibited,
    /// What the whole session asks for does not exist on the device.
    NotSupported,
    /// The device cannot go on: nobody's failure.
    DeviceUnavailable,
    /// It took too long.
    Timeout,
    /// Too many event streams are open.
    StreamsBusy,
    /// A fault of the program.
    Internal,
}

/// How a code is answered.
struct Entry {
    name: &'static str,
    status: StatusCode,
    kind: &'static str,
}

const INVALID: &str = "invalid_request_error";

impl ErrorCode {
    /// Every code, for the documentation.
    pub const ALL: [Self; 29] = [
        Self::ParameterInvalid,
        Self::ParameterUnknown,
        Self::ResourceMissing,
        Self::RouteMissing,
        Self::MethodNotAllowed,
        Self::MediaTypeUnsupported,
        Self::BodyTooLarge,
        Self::ApiKeyMissing,
        Self::ApiKeyInvalid,
        Self::PermissionDenied,
        Self::LiveEndpointMissing,
        Self::RateLimitExceeded,
        Self::IdempotencyMismatch,
        Self::IdempotencyInUse,
        Self::SessionNotOpen,
        Self::StaffCodeInvalid,
        Self::StaffCodesLocked,
        Self::CredentialMissing,
        Self::CodeInvalid,
        Self::MailUnavailable,
        Self::SessionInProgress,
        Self::AttemptsSpent,
        Self::JurisdictionUnresolvable,
        Self::UseCaseProhibited,
        Self::NotSupported,
        Self::DeviceUnavailable,
        Self::Timeout,
        Self::StreamsBusy,
        Self::Internal,
    ];

    /// Stripe's clients turn 400 and 404 into an invalid request, 401, 403 and 429 into errors of their own, and repeat
    /// 409 and 5xx by themselves.
    fn entry(self) -> Entry {
        let entry = |name, status, kind| Entry { name, status, kind };
        match self {
            Self::ParameterInvalid => entry("parameter_invalid", StatusCode::BAD_REQUEST, INVALID),
            Self::ParameterUnknown => entry("parameter_unknown", StatusCode::BAD_REQUEST, INVALID),
            Self::ResourceMissing => entry("resource_missing", StatusCode::NOT_FOUND, INVALID),
            Self::RouteMissing => entry("route_missing", StatusCode::NOT_FOUND, INVALID),
            Self::MethodNotAllowed => entry("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED, INVALID),
            Self::MediaTypeUnsupported => entry("media_type_unsupported", StatusCode::UNSUPPORTED_MEDIA_TYPE, INVALID),
            Self::BodyTooLarge => entry("body_too_large", StatusCode::PAYLOAD_TOO_LARGE, INVALID),
            Self::ApiKeyMissing => entry("api_key_missing", StatusCode::UNAUTHORIZED, "authentication_error"),
            Self::ApiKeyInvalid => entry("api_key_invalid", StatusCode::UNAUTHORIZED, "authentication_error"),
            Self::PermissionDenied => entry("permission_denied", StatusCode::FORBIDDEN, "permission_error"),
            Self::LiveEndpointMissing => entry("live_endpoint_missing", StatusCode::FORBIDDEN, "permission_error"),
            Self::RateLimitExceeded => entry("rate_limit_exceeded", StatusCode::TOO_MANY_REQUESTS, "rate_limit_error"),
            Self::IdempotencyMismatch => entry("idempotency_mismatch", StatusCode::BAD_REQUEST, "idempotency_error"),
            Self::IdempotencyInUse => entry("idempotency_key_in_use", StatusCode::CONFLICT, "idempotency_error"),
            Self::SessionNotOpen => entry("session_not_open", StatusCode::BAD_REQUEST, INVALID),
            Self::StaffCodeInvalid => entry("staff_code_invalid", StatusCode::FORBIDDEN, "permission_error"),
            Self::StaffCodesLocked => entry("staff_codes_locked", StatusCode::FORBIDDEN, "permission_error"),
            Self::CredentialMissing => entry("credential_missing", StatusCode::BAD_REQUEST, INVALID),
            Self::CodeInvalid => entry("code_invalid", StatusCode::FORBIDDEN, "permission_error"),
            Self::MailUnavailable => entry("mail_unavailable", StatusCode::SERVICE_UNAVAILABLE, "api_error"),
            Self::SessionInProgress => entry("session_in_progress", StatusCode::BAD_REQUEST, INVALID),
            Self::AttemptsSpent => entry("attempts_spent", StatusCode::BAD_REQUEST, INVALID),
            Self::JurisdictionUnresolvable => entry("jurisdiction_unresolvable", StatusCode::BAD_REQUEST, INVALID),
            Self::UseCaseProhibited => entry("use_case_prohibited", StatusCode::BAD_REQUEST, INVALID),
            Self::NotSupported => entry("not_supported", StatusCode::BAD_REQUEST, INVALID),
            Self::DeviceUnavailable => entry("device_unavailable", StatusCode::SERVICE_UNAVAILABLE, "api_error"),
            Self::Timeout => entry("timeout", StatusCode::SERVICE_UNAVAILABLE, "api_error"),
            Self::StreamsBusy => entry("streams_busy", StatusCode::SERVICE_UNAVAILABLE, "api_error"),
            Self::Internal => entry("internal_error", StatusCode::INTERNAL_SERVER_ERROR, "api_error"),
        }
    }

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.entry().name
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(self) -> StatusCode {
        self.entry().status
    }
}

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// What went wrong.
    pub code: ErrorCode,
    /// The same in words, with what to do next.
    pub message: String,
    /// The parameter that it is about, in brackets as a form writes it.
    pub param: Option<String>,
    /// When it makes sense to ask again.
    pub retry_after: Option<Duration>,
}

impl ApiError {
    /// An error in words.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), param: None, retry_after: None }
    }

    /// An error about one parameter.
    pub fn of_param(code: ErrorCode, param: impl Into<String>, message: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..Self::new(code, message) }
    }

    /// An object that is not there. The other mode's objects are not there either.
    #[must_use]
    pub fn missing(kind: &str, id: &str, livemode: bool) -> Self {
        let (mode, other) = if livemode { ("live", "test") } else { ("test", "live") };
        // What is quoted was sent in the address; a longer one is no identifier.
        let id: String = id.chars().filter(char::is_ascii_graphic).take(64).collect();
        Self::of_param(
            ErrorCode::ResourceMissing,
            "id",
            format!("No such {kind}: '{id}'. This is a {mode} key; look whether it was made with a {other} one"),
        )
    }

    /// With the time after which it makes sense to ask again.
    #[must_use]
    pub fn again_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// The body of the answer.
    #[must_use]
    pub fn body(&self, dialect: Dialect, request_id: &str) -> Value {
        let Entry { name, kind, .. } = self.code.entry();
        match dialect {
            Dialect::Stripe => {
                let mut error =
                    json!({ "type": kind, "code": name, "message": self.message, "doc_url": DOCUMENTATION });
                if let Some(param) = &self.param {
                    error["param"] = json!(param);
                }
                json!({ "error": error })
            }
            Dialect::Stile => json!({
                "error": {
                    "type": kind, "code": name, "message": self.message, "param": self.param, "request_id": request_id,
                }
            }),
        }
    }
}

impl From<ParamError> for ApiError {
    fn from(error: ParamError) -> Self {
        let code = if error.unknown { ErrorCode::ParameterUnknown } else { ErrorCode::ParameterInvalid };
        Self { param: error.param, ..Self::new(code, error.message) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_name_of_its_own_and_a_status_of_an_error() {
        let names: std::collections::BTreeSet<_> = ErrorCode::ALL.into_iter().map(ErrorCode::as_str).collect();
        assert_eq!(names.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            assert!(code.status().is_client_error() || code.status().is_server_error(), "{code:?}");
            // A client of Stripe's makes a nameless error of it.
            assert_ne!(code.status(), StatusCode::UNPROCESSABLE_ENTITY, "{code:?}");
        }
    }

    #[test]
    fn both_dialects_name_the_same_error_in_their_own_form() {
        let error =
            ApiError::of_param(ErrorCode::ParameterInvalid, "options[document]", "No such option; leave it out");
        let stripe = error.body(Dialect::Stripe, "req_1");
        assert_eq!(stripe["error"]["type"], "invalid_request_error");
        assert_eq!(stripe["error"]["param"], "options[document]");
        let stile = error.body(Dialect::Stile, "req_1");
        assert_eq!(
            (&stile["error"]["request_id"], &stile["error"]["code"]),
            (&json!("req_1"), &stripe["error"]["code"])
        );
        let plain = ApiError::new(ErrorCode::Internal, "Report it").body(Dialect::Stripe, "req_1");
        assert!(plain["error"].get("param").is_none());
    }

    #[test]
    fn what_is_quoted_of_an_address_is_short_and_plain() {
        let error = ApiError::missing("verification session", &format!("vs_\u{1b}[31m{}", "x".repeat(500)), false);
        assert!(error.message.len() < 200 && !error.message.contains('\u{1b}'), "{}", error.message);
    }
}
