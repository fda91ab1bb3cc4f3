//! What requests may say, as it goes over the wire: forms flat with their brackets, and JSON.

use serde_json::{Value, json};

use crate::api::routes::{Operation, Route};
use crate::compliance::UseCase;
use crate::session::Dialect;

/// A text without control characters.
const NO_CONTROLS: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";
/// The key of a pair of metadata.
const METADATA_KEY: &str = r"^[^\[\]\u0000-\u001f\u007f-\u009f]{1,40}$";
/// The same in a form.
const METADATA: &str = r"^metadata\[[^\[\]\u0000-\u001f\u007f-\u009f]{1,40}\]$";
/// A code of ISO 3166-2.
const PLACE: &str = "^[A-Z]{2}-[A-Z0-9]{1,3}$";

fn flag() -> Value {
    json!({ "type": "string", "enum": ["true", "false", "1", "0"] })
}

/// What can stand in the place of its identifier; `verified_outputs` is null all the same.
fn expandable() -> Value {
    json!({ "type": "string", "enum": ["last_verification_report", "verified_outputs", "verified_outputs.dob"] })
}

fn reference() -> Value {
    json!({ "type": "string", "maxLength": 200, "pattern": NO_CONTROLS })
}

fn allowed_type() -> Value {
    let words = ["driving_license", "id_card", "passport", "drivers_license", "national_id_card"];
    json!({ "type": "string", "enum": words })
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
        METADATA: { "type": "string", "maxLength": 500 },
        r"^expand\[0\]$": expandable(),
    })
}

/// What one of the staff says: who, and what.
fn of_staff(operation: Operation) -> Value {
    let code = json!({ "type": "string", "pattern": "^[0-9]{8}$", "description": "Of `carded staff add`." });
    if operation == Operation::Review {
        json!({ "staff_code": code, "decision": { "type": "string", "enum": ["accepted", "refused"] } })
    } else {
        json!({ "staff_code": code, "result": { "type": "string", "enum": ["verified", "not_verified"] } })
    }
}

fn of_cancel() -> Value {
    json!({
        "client_secret": { "type": "string" },
        "staff_code": { "type": "string", "pattern": "^[0-9]{8}$", "description": "Where one of the staff ends it." },
    })
}

fn required_of_staff(operation: Operation) -> Value {
    json!(["staff_code", if operation == Operation::Review { "decision" } else { "result" }])
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
                "return_url": { "type": "string", "maxLength": 2048, "description": "With its scheme; only echoed." },
                "options[document][require_live_capture]": flag(),
                "options[document][require_matching_selfie]": flag(),
                "options[document][require_id_number]": { "type": "string", "enum": ["false", "0"] },
                "options[document][allowed_types][0]": allowed_type(),
                "options[document][allowed_types][1]": allowed_type(),
                "options[document][allowed_types][2]": allowed_type(),
                "provided_details[email]": email(),
                "provided_details[phone]": phone(),
                "carded[use_case]": use_case(),
                "carded[jurisdiction]": place(),
            }),
            &metadata_patterns(),
        )),
        (O::Update, Dialect::Stripe) => Some(form(
            &json!({
                "return_url": { "type": "string", "maxLength": 2048, "description": "With its scheme; only echoed." },
                "options[document][require_live_capture]": flag(),
                "options[document][require_matching_selfie]": flag(),
                "options[document][allowed_types][0]": allowed_type(),
            }),
            &metadata_patterns(),
        )),
        (O::Cancel | O::Redact, Dialect::Stripe) => {
            let properties = if route.operation == O::Cancel { of_cancel() } else { own };
            Some(form(&properties, &json!({ r"^expand\[0\]$": expandable() })))
        }
        (O::Start, Dialect::Stripe) => Some(form(&json!({ "client_secret": { "type": "string" } }), &own)),
        (O::Review | O::Override, Dialect::Stripe) => {
            let mut body = form(&of_staff(route.operation), &own);
            body["required"] = true.into();
            body["content"]["application/x-www-form-urlencoded"]["schema"]["required"] =
                required_of_staff(route.operation);
            Some(body)
        }
        (O::Review | O::Override, Dialect::Stile) => {
            let schema = json!({
                "type": "object",
                "additionalProperties": false,
                "required": required_of_staff(route.operation),
                "properties": of_staff(route.operation),
            });
            Some(json!({ "required": true, "content": { "application/json": { "schema": schema } } }))
        }
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
                        "propertyNames": { "pattern": METADATA_KEY },
                        "additionalProperties": { "type": ["string", "null"], "maxLength": 500 },
                    },
                    "idempotency_key": { "type": "string", "minLength": 1, "maxLength": 255 },
                    "provided_details": {
                        "type": "object",
                        "additionalProperties": false,
                        "properties": { "email": email(), "phone": phone() },
                    },
                },
            } } },
        })),
        (O::Cancel | O::Redact | O::Start, Dialect::Stile) => {
            let properties = match route.operation {
                O::Redact => own,
                O::Cancel => of_cancel(),
                _ => json!({ "client_secret": { "type": "string" } }),
            };
            let schema = json!({ "type": "object", "additionalProperties": false, "properties": properties });
            Some(json!({ "required": false, "content": { "application/json": { "schema": schema } } }))
        }
        (O::LookUp | O::LeaveContact | O::SendCode | O::Reuse, _) => {
            let (required, properties) = of_returning(route.operation);
            let schema = json!({
                "type": "object", "additionalProperties": false, "required": required, "properties": properties,
            });
            Some(json!({ "required": true, "content": { "application/json": { "schema": schema } } }))
        }
        _ => None,
    }
}

fn email() -> Value {
    json!({ "type": "string", "maxLength": 254 })
}

fn phone() -> Value {
    json!({ "type": "string", "description": "With its country: +14155550100." })
}

/// What is said of somebody who comes again: what is needed, and what may be.
fn of_returning(operation: Operation) -> (Value, Value) {
    let session = json!({ "type": "string", "pattern": "^vks_[0-9a-hjkmnp-tv-z]{24}$" });
    match operation {
        Operation::LookUp => (
            json!([]),
            json!({
                "email": email(),
                "phone": phone(),
                "methods": { "type": "array", "maxItems": 16, "items": { "type": "string", "maxLength": 64 } },
                "min_strength": { "type": "string", "enum": ["age_estimate", "front_only", "document", "document_face"] },
                "min_age_tier": {
                    "type": "string", "enum": ["over_16", "over_18", "over_19", "over_20", "over_21", "over_25"],
                },
                "max_age": { "type": "integer", "minimum": 0, "description": "In seconds." },
            }),
        ),
        Operation::LeaveContact => {
            (json!(["session"]), json!({ "session": session, "email": email(), "phone": phone() }))
        }
        Operation::SendCode => (
            json!(["session", "email"]),
            json!({
                "session": session,
                "email": email(),
                "language": { "type": "string", "pattern": "^[0-9A-Za-z-]{2,35}$", "description": "Of the letter." },
            }),
        ),
        _ => (
            json!(["session", "code"]),
            json!({ "session": session, "code": { "type": "string", "pattern": "^[0-9]{6}$" } }),
        ),
    }
}

/// The query of a request.
pub(super) fn query(route: &Route) -> Vec<Value> {
    use Operation as O;
    let one = |name: &str, schema: Value, about: &str| json!({ "name": name, "in": "query", "required": false, "schema": schema, "description": about });
    let needed = |name: &str, schema: Value, about: &str| json!({ "name": name, "in": "query", "required": true, "schema": schema, "description": about });
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
            list.push(one("client_reference_id", json!({ "type": "string" }), "Those of this reference."));
            created(&mut list);
            cursors(&mut list);
        }
        O::ListReports => {
            list.push(one("verification_session", json!({ "type": "string" }), "That of this session."));
            list.push(one("client_reference_id", json!({ "type": "string" }), "Those of this reference."));
            list.push(one(
                "type",
                json!({ "type": "string", "enum": ["document", "id_number"] }),
                "Those of this type.",
            ));
            created(&mut list);
            cursors(&mut list);
        }
        O::Retrieve => {
            list.push(one("expand[0]", expandable(), "The report instead of its identifier."));
        }
        O::CheckCompliance => {
            let names = UseCase::ALL.map(UseCase::as_str).join("|");
            let cases = json!({ "type": "string", "pattern": format!("^({names})(,({names}))*$"), "maxLength": 200 });
            list.push(needed("use_cases", cases, "One or several with a comma between two."));
            list.push(needed("jurisdiction", json!({ "type": "string", "pattern": PLACE }), "By ISO 3166-2."));
        }
        O::Events => {
            let description = "Needed with a publishable key.";
            list.push(one("client_secret", json!({ "type": "string" }), description));
        }
        O::Create
        | O::Update
        | O::Cancel
        | O::Redact
        | O::Start
        | O::Review
        | O::Override
        | O::LookUp
        | O::LeaveContact
        | O::SendCode
        | O::Reuse
        | O::RetrieveEndpoint
        | O::RefuseEndpoint
        | O::RetrieveReport => {}
        O::ListEndpoints => {
            let limit = json!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 10 });
            list.push(one("limit", limit, "Entries on a page."));
            let cursor = || json!({ "type": "string", "pattern": "^we_[A-Za-z0-9_-]{1,64}$" });
            list.push(one("starting_after", cursor(), "Those after this one of the list."));
            list.push(one("ending_before", cursor(), "Those before this one of the list; not with the other."));
        }
    }
    list
}
