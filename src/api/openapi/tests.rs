use std::collections::BTreeSet;

use super::*;
use crate::api::compliance::ComplianceRequest;
use crate::api::params::Params;
use crate::api::requests::{CancelRequest, CreateRequest, ListRequest, StaffRequest, UpdateRequest};
use crate::api::returning::{CodeRequest, ContactRequest, LookupRequest, ReuseRequest};

/// Every `$ref` of a document.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get("$ref") {
                found.insert(target.clone());
            }
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_address_is_described_and_every_reference_leads_somewhere() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    for route in routes() {
        let operation = &document["paths"][route.path][route.method.as_str().to_lowercase()];
        assert!(operation.is_object(), "{} {}", route.method, route.path);
        assert!(ids.insert(operation["operationId"].to_string()), "{}", operation["operationId"]);
    }
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 10);
    for target in found {
        let pointer = target.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{target}");
    }
}

/// A value that a schema of `openapi/requests.rs` allows.
fn example(name: &str, schema: &Value) -> String {
    if let Some(fixed) = schema.get("const") {
        return fixed.as_str().unwrap().to_owned();
    }
    if let Some(first) = schema.get("enum").and_then(|all| all.get(0)) {
        return first.as_str().unwrap().to_owned();
    }
    match (name, schema["type"].as_str()) {
        ("provided_details[phone]", _) => "+14155550100".to_owned(),
        ("use_cases", _) => "alcohol_in_person,firearms".to_owned(),
        ("staff_code", _) => "12345678".to_owned(),
        ("return_url", _) => "https://shop.example/done".to_owned(),
        ("carded[jurisdiction]" | "jurisdiction", _) => "US-CA".to_owned(),
        (_, Some("integer")) => "5".to_owned(),
        // A pattern of identifiers begins with their prefix.
        ("starting_after", _) => {
            let pattern = schema["pattern"].as_str().unwrap();
            format!("{}{}", &pattern[1..pattern.find('[').unwrap()], "0".repeat(24))
        }
        ("verification_session", _) => format!("vs_{}", "1".repeat(24)),
        _ => "order-1".to_owned(),
    }
}

fn body_of(dialect: Dialect, operation: Operation) -> Value {
    let all = routes();
    let route = all.iter().find(|route| route.dialect == dialect && route.operation == operation).unwrap();
    requests::body(route).unwrap()
}

#[test]
fn whatever_a_form_is_described_to_take_is_taken() {
    for operation in [Operation::Create, Operation::Update] {
        let body = body_of(Dialect::Stripe, operation);
        let schema = &body["content"]["application/x-www-form-urlencoded"]["schema"];
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, schema) in schema["properties"].as_object().unwrap() {
            form.append_pair(name, &example(name, schema));
        }
        form.append_pair("metadata[order]", "17").append_pair("expand[0]", "last_verification_report");
        let params = Params::form(form.finish().as_bytes()).unwrap();
        if operation == Operation::Create {
            CreateRequest::read(params, Dialect::Stripe, true).unwrap();
        } else {
            UpdateRequest::read(params).unwrap();
        }
    }
}

#[test]
fn whatever_a_json_body_is_described_to_take_is_taken() {
    let body = body_of(Dialect::Stile, Operation::Create);
    let schema = &body["content"]["application/json"]["schema"];
    let mut sent = Map::new();
    for (name, schema) in schema["properties"].as_object().unwrap() {
        let value = match name.as_str() {
            "jurisdiction" | "delivery_jurisdiction" => json!("US-CA"),
            "metadata" => json!({ "order": "17" }),
            "provided_details" => json!({ "email": "ana@shop.example" }),
            _ => json!(example(name, schema)),
        };
        sent.insert(name.clone(), value);
    }
    let params = Params::json(Value::Object(sent).to_string().as_bytes()).unwrap();
    CreateRequest::read(params, Dialect::Stile, true).unwrap();
}

#[test]
fn whatever_is_described_of_people_who_come_again_is_taken() {
    for operation in [Operation::LookUp, Operation::LeaveContact, Operation::SendCode, Operation::Reuse] {
        let body = body_of(Dialect::Stile, operation);
        let schema = &body["content"]["application/json"]["schema"];
        let mut sent = Map::new();
        for (name, schema) in schema["properties"].as_object().unwrap() {
            let value = match name.as_str() {
                // One of the two is what is looked up by.
                "phone" => continue,
                "email" => json!("ana@shop.example"),
                "methods" => json!(["passport_mrz_face"]),
                "max_age" => json!(60),
                "language" => json!("en"),
                "code" => json!("123456"),
                "session" => json!(format!("vks_{}", "1".repeat(24))),
                _ => json!(example(name, schema)),
            };
            sent.insert(name.clone(), value);
        }
        let params = Params::json(Value::Object(sent).to_string().as_bytes()).unwrap();
        match operation {
            Operation::LookUp => drop(LookupRequest::read(params).unwrap()),
            Operation::LeaveContact => drop(ContactRequest::read(params).unwrap()),
            Operation::SendCode => drop(CodeRequest::read(params).unwrap()),
            _ => drop(ReuseRequest::read(params).unwrap()),
        }
    }
}

#[test]
fn whatever_the_staff_are_described_to_say_is_taken_in_either_form() {
    let read = |operation, params| match operation {
        Operation::Review => drop(StaffRequest::review(params).unwrap()),
        Operation::Override => drop(StaffRequest::overriding(params).unwrap()),
        _ => drop(CancelRequest::read(params, "last_verification_report").unwrap()),
    };
    for operation in [Operation::Review, Operation::Override, Operation::Cancel] {
        let said = |dialect, kind: &str| {
            let body = body_of(dialect, operation);
            let schema = body["content"][kind]["schema"]["properties"].as_object().unwrap().clone();
            // A client secret is taken off before.
            let own = schema.into_iter().filter(|(name, _)| name != "client_secret");
            own.map(|(name, schema)| (name.clone(), example(&name, &schema))).collect::<Vec<_>>()
        };
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(said(Dialect::Stripe, "application/x-www-form-urlencoded"));
        read(operation, Params::form(form.finish().as_bytes()).unwrap());
        let json: Map<_, _> =
            said(Dialect::Stile, "application/json").into_iter().map(|(name, value)| (name, value.into())).collect();
        read(operation, Params::json(Value::Object(json).to_string().as_bytes()).unwrap());
    }
}

#[test]
fn whatever_a_list_is_described_to_take_is_taken() {
    for route in routes() {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for parameter in requests::query(&route) {
            let name = parameter["name"].as_str().unwrap();
            if name != "ending_before" {
                query.append_pair(name, &example(name, &parameter["schema"]));
            }
        }
        let params = Params::form(query.finish().as_bytes()).unwrap();
        match route.operation {
            Operation::List => drop(ListRequest::sessions(params, route.dialect, true).unwrap()),
            Operation::CheckCompliance => drop(ComplianceRequest::read(params).unwrap()),
            Operation::ListReports => drop(ListRequest::reports(params, true).unwrap()),
            _ => {}
        }
    }
}
