//! What requests may say, as it goes over the wire: forms flat with their brackets, and JSON.

use serde_json::{Value, json};

use crate::api::routes::{Operation, Route};
use crate::compliance::UseCase;
use crate::session::Dialect;

/// A code of ISO 3166-2.
const PLACE: &str = "^[A-Z]{2}-[A-Z0-9]{1,3}$";

fn flag() -> Value {
    json!({ "type": "string", "enum": ["true", "false"] })
}

fn reference() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[ -~]+$" })
}

fn allowed_type() -> Value {
    json!({ "type": "string", "enum": ["driving_license", "id_card", "passport"] })
}

fn use_case() -> Value {
    json!({ "type": "string", "enum": UseCase::ALL.map(UseCase::as_str) })
}

fn place() -> Value {
    json!({ "type": "string", "pattern": PLACE, "description": "By ISO 3166-2; there has to be a rule for it." })
}

fn form(properties: &Value, patterns: &Value) -> Value {
    let schema = json!({
        "type": "object",
        "properties": properties,
        "patternProperties": patterns,
        "additionalProperties": false,
    });
    json!({ "required": false, "content": { "application/x-www-form-urlencoded": { "schema": schema } } })
}

fn metadata_patterns() -> Value {
    json!({
        r"^metadata\[[A-Za-z0-9_.-]{1,40}\]$": { "type": "string", "maxLength": 500, "pattern": "^[ -~]*$" },
        r"^expand\[0\]$": { "type": "string", "const": "last_verification_report" },
    })
}

/// The body of a request; `None` where it has none.
pub(super) fn body(route: &Route) -> Option<Value> {
    use Operation as O;
    let own = json!({});
    match (route.operation, route.dialect) {
        (O::Create, Dialect::Stripe) => Some(form(
            &json!({
                "type": { "type": "string", "const": "document" },
                "client_reference_id": reference(),
                "return_url": { "type": "string", "const": "https://shop.example/done" },
                "options[document][require_live_capture]": flag(),
                "options[document][require_matching_selfie]": flag(),
                "options[document][require_id_number]": { "type": "string", "const": "false" },
                "options[document][allowed_types][0]": allowed_type(),
                "options[document][allowed_types][1]": allowed_type(),
                "options[document][allowed_types][2]": allowed_type(),
                "provided_details[email]": { "type": "string", "const": "name@shop.example" },
                "provided_details[phone]": { "type": "string", "pattern": r"^\+[1-9][0-9]{7,13}$" },
                "carded[use_case]": use_case(),
            }),
            &metadata_patterns(),
        )),
        (O::Update, Dialect::Stripe) => Some(form(
            &json!({
                "return_url": { "type": "string", "const": "https://shop.example/done" },
                "options[document][require_live_capture]": flag(),
                "options[document][require_matching_selfie]": flag(),
                "options[document][allowed_types][0]": allowed_type(),
            }),
            &metadata_patterns(),
        )),
        (O::Cancel | O::Redact, Dialect::Stripe) => {
            Some(form(&own, &json!({ r"^expand\[0\]$": { "type": "string", "const": "last_verification_report" } })))
        }
        (O::Start, Dialect::Stripe) => Some(form(&json!({ "client_secret": { "type": "string" } }), &own)),
        (O::Create, Dialect::Stile) => Some(json!({
            "required": false,
            "content": { "application/json": { "schema": {
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "type": { "type": "string", "enum": ["age", "identity"] },
                    "use_case": use_case(),
                    "jurisdiction": place(),
                    "delivery_jurisdiction": place(),
                    "client_reference_id": reference(),
                    "metadata": {
                        "type": "object",
                        "maxProperties": 50,
                        "propertyNames": { "pattern": "^[A-Za-z0-9_.-]{1,40}$" },
                        "additionalProperties": { "type": "string", "maxLength": 500, "pattern": "^[ -~]*$" },
                    },
                    "idempotency_key": { "type": "string", "minLength": 1, "maxLength": 255 },
                },
            } } },
        })),
        (O::Cancel | O::Redact | O::Start, Dialect::Stile) => Some(json!({
            "required": false,
            "content": { "application/json": { "schema": {
                "type": "object",
                "additionalProperties": false,
                "properties": { "client_secret": { "type": "string" } },
            } } },
        })),
        _ => None,
    }
}

/// The query of a request.
pub(super) fn query(route: &Route) -> Vec<Value> {
    use Operation as O;
    let one = |name: &str, schema: Value, description: &str| json!({ "name": name, "in": "query", "required": false, "schema": schema, "description": description });
    let second = || json!({ "type": "integer", "format": "int64" });
    let created = |list: &mut Vec<Value>| {
        for bound in ["gt", "gte", "lt", "lte"] {
            list.push(one(&format!("created[{bound}]"), second(), "Seconds since 1970."));
        }
    };
    let prefix = match (route.dialect, route.operation) {
        (_, O::ListReports) => "vr_",
        (Dialect::Stripe, _) => "vs_",
        (Dialect::Stile, _) => "vks_",
    };
    let cursors = |list: &mut Vec<Value>| {
        let limit = json!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 10 });
        list.push(one("limit", limit, "Entries on a page."));
        let cursor = || json!({ "type": "string", "pattern": format!("^{prefix}[0-9a-hjkmnp-tv-z]{{24}}$") });
        list.push(one("starting_after", cursor(), "Those after this one of the list."));
        list.push(one("ending_before", cursor(), "Those before this one of the list; not with the other."));
    };
    let mut list = Vec::new();
    match route.operation {
        O::List => {
            let statuses: &[&str] = match route.dialect {
                Dialect::Stripe => &["requires_input", "processing", "verified", "canceled"],
                Dialect::Stile => &[
                    "created",
                    "pending",
                    "processing",
                    "requires_input",
                    "verified",
                    "failed",
                    "cancelled",
                    "expired",
                ],
            };
            list.push(one("status", json!({ "type": "string", "enum": statuses }), "Those of this status."));
            list.push(one("client_reference_id", reference(), "Those of this reference."));
            created(&mut list);
            cursors(&mut list);
        }
        O::ListReports => {
            list.push(one("verification_session", json!({ "type": "string" }), "That of this session."));
            list.push(one("client_reference_id", reference(), "Those of this reference."));
            list.push(one(
                "type",
                json!({ "type": "string", "enum": ["document", "id_number"] }),
                "Those of this type.",
            ));
            created(&mut list);
            cursors(&mut list);
        }
        O::Retrieve => {
            let expand = json!({ "type": "string", "const": "last_verification_report" });
            list.push(one("expand[0]", expand, "The report instead of its identifier."));
        }
        O::Events => {
            let description = "Needed with a publishable key.";
            list.push(one("client_secret", json!({ "type": "string" }), description));
        }
        O::Create | O::Update | O::Cancel | O::Redact | O::Start | O::RetrieveReport => {}
    }
    list
}
