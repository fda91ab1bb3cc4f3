//! Webhook endpoints over the API: shown, and neither made, changed nor deleted.
//!
//! Always holds: no secret is in an answer, and of an address only what holds no token; where outcomes go is the operator's to say,
//! at the device. Whoever holds a key of the API could otherwise have every outcome sent elsewhere.

use serde_json::{Value, json};

use super::backend::{Backend, EndpointFacts};
use super::call::Answer;
use super::error::{ApiError, ErrorCode};
use super::operations::Call;
use super::params::Params;
use super::view::STRIPE_API_VERSION;
use crate::session::Dialect;

/// Where they are listed.
pub(super) const PATH: &str = "/v1/webhook_endpoints";
/// What an identifier begins with; the endpoint's name follows.
const PREFIX: &str = "we_";
const DEFAULT_LIMIT: usize = 10;
const MAX_LIMIT: i64 = 100;

impl<B: Backend> Call<'_, B> {
    /// Every endpoint, by name.
    pub(super) fn list_endpoints(self, mut params: Params) -> Result<Answer, ApiError> {
        let limit = match params.integer("limit")? {
            None => DEFAULT_LIMIT,
            Some(limit @ 1..=MAX_LIMIT) => usize::try_from(limit).unwrap_or(DEFAULT_LIMIT),
            Some(_) => {
                let message = "A page has 1 to 100 entries";
                return Err(ApiError::of_param(ErrorCode::ParameterInvalid, "limit", message));
            }
        };
        let (after, before) = (params.text("starting_after")?, params.text("ending_before")?);
        params.finish()?;
        if after.is_some() && before.is_some() {
            let message = "Give starting_after or ending_before, not both";
            return Err(ApiError::of_param(ErrorCode::ParameterInvalid, "ending_before", message));
        }
        let mut all = self.backend.endpoints();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        let place = |id: &Option<String>, param: &str| {
            let Some(id) = id else { return Ok(None) };
            all.iter().position(|endpoint| endpoint.id() == *id).map(Some).ok_or_else(|| missing(param))
        };
        let (from, to) = match (place(&after, "starting_after")?, place(&before, "ending_before")?) {
            (Some(place), _) => (place + 1, all.len().min(place + 1 + limit)),
            (None, Some(place)) => (place.saturating_sub(limit), place),
            (None, None) => (0, all.len().min(limit)),
        };
        let has_more = if before.is_some() { from > 0 } else { to < all.len() };
        let data: Vec<Value> = all[from..to].iter().map(EndpointFacts::view).collect();
        Ok(Answer::ok(json!({ "object": "list", "url": PATH, "has_more": has_more, "data": data })))
    }

    /// One endpoint.
    pub(super) fn retrieve_endpoint(self, id: &str, params: Params) -> Result<Answer, ApiError> {
        params.finish()?;
        let all = self.backend.endpoints();
        let found = all.iter().find(|endpoint| endpoint.id() == id).ok_or_else(|| missing("id"))?;
        Ok(Answer::ok(found.view()))
    }
}

fn missing(param: &str) -> ApiError {
    let message = "No such webhook endpoint; GET /v1/webhook_endpoints lists those there are";
    ApiError::of_param(ErrorCode::ResourceMissing, param, message)
}

/// Why none is made, changed or deleted over the API, and what does it.
pub(super) fn refusal() -> ApiError {
    ApiError::new(
        ErrorCode::PermissionDenied,
        "Webhook endpoints are not made, changed or deleted over the API: whoever holds a key could otherwise have every outcome \
         sent elsewhere. On the device, run `carded endpoints add`, `rotate`, `test`, `disable` or `enable`",
    )
}

impl EndpointFacts {
    /// Its identifier.
    fn id(&self) -> String {
        format!("{PREFIX}{}", self.name)
    }

    /// As Stripe shows one, without a secret. The address is cut where a token may follow.
    fn view(&self) -> Value {
        let api_version = match self.dialect {
            Dialect::Stripe => Value::from(STRIPE_API_VERSION),
            Dialect::Stile => Value::Null,
        };
        json!({
            "id": self.id(),
            "object": "webhook_endpoint",
            "api_version": api_version,
            "application": null,
            "description": null,
            "enabled_events": ["*"],
            "livemode": self.takes_live,
            "metadata": {},
            "status": if self.enabled { "enabled" } else { "disabled" },
            "url": self.address,
            "carded": { "name": self.name, "dialect": self.dialect.as_str(), "vocabulary": self.vocabulary.as_str() },
        })
    }
}

/// What [`EndpointFacts::view`] shows, for the description of the API.
pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["id", "object", "enabled_events", "livemode", "metadata", "status", "url", "carded"],
        "properties": {
            "id": { "type": "string", "pattern": "^we_[A-Za-z0-9_-]{1,64}$" },
            "object": { "const": "webhook_endpoint" },
            "api_version": { "type": ["string", "null"] },
            "application": { "type": "null" },
            "description": { "type": "null" },
            "enabled_events": { "type": "array", "items": { "type": "string" } },
            "livemode": { "type": "boolean", "description": "Whether live events go to it, besides those of tests." },
            "metadata": { "type": "object" },
            "status": { "enum": ["enabled", "disabled"] },
            "url": { "type": "string", "description": "Scheme, host and port: what follows may be a token." },
            "carded": {
                "type": "object",
                "required": ["name", "dialect", "vocabulary"],
                "properties": {
                    "name": { "type": "string" },
                    "dialect": { "enum": ["stripe", "stile"] },
                    "vocabulary": { "type": "string" },
                },
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::privacy::Vocabulary;

    #[test]
    fn an_endpoint_is_shown_without_any_secret() {
        let endpoint = EndpointFacts {
            name: "shop".to_owned(),
            address: "https://shop.example/…".to_owned(),
            dialect: Dialect::Stripe,
            vocabulary: Vocabulary::Real,
            takes_live: true,
            enabled: false,
        };
        let view = endpoint.view();
        assert_eq!(
            (&view["id"], &view["status"], &view["livemode"]),
            (&"we_shop".into(), &"disabled".into(), &true.into())
        );
        assert!(view.get("secret").is_none());
        let described = schema();
        for name in view.as_object().unwrap().keys() {
            assert!(described["properties"].get(name).is_some(), "{name}");
        }
    }
}
