//! The libraries of Standard Webhooks.

use carded::sync::{StandardSignature, sign_standard, verify_standard};

use super::*;

const ID: &str = "evt_decided_1";

fn check(program: &str, script: &Path, library: &Path) {
    let text = WebhookSecret::text_from_random(&[0x5a; 32]);
    let (ours, other) = ([secret(&text)], WebhookSecret::text_from_random(&[0x11; 32]));
    let outcome = events::not_verified(1, None);
    let body = events::decided(Dialect::Stripe, 1, &outcome, "e30.e30.AA").into_bytes();
    let mut cases = Cases::default();
    let mut add = |name: String, body: &[u8], id: &str, time: u64, signature: &str, expected| {
        cases.cases.push(json!({
            "name": name, "body": STANDARD.encode(body), "secret": text.as_str(),
            "headers": { "webhook-id": id, "webhook-timestamp": time.to_string(), "webhook-signature": signature },
        }));
        cases.expected.push((name, expected));
    };
    let signed = |time: u64| sign_standard(&ours, ID, time, &body).unwrap();
    let (time, good) = (now(), signed(now()));
    add("as sent".to_owned(), &body, ID, time, &good, "accepted");
    let rotated = sign_standard(&[secret(&other), secret(&text)], ID, time, &body).unwrap();
    add("rotation".to_owned(), &body, ID, time, &rotated, "accepted");
    let foreign = sign_standard(&[secret(&other)], ID, time, &body).unwrap();
    add("another secret".to_owned(), &body, ID, time, &foreign, REFUSED);
    add("old".to_owned(), &body, ID, time - 400, &signed(time - 400), REFUSED);
    add("future".to_owned(), &body, ID, time + 400, &signed(time + 400), REFUSED);
    add("another id".to_owned(), &body, "evt_decided_2", time, &good, REFUSED);
    add("another time".to_owned(), &body, ID, time + 1, &good, REFUSED);
    for at in (0..body.len()).step_by(7) {
        let mut flipped = body.clone();
        flipped[at] ^= 1 << (at / 7 % 7);
        add(format!("body bit {at}"), &flipped, ID, time, &good, REFUSED);
    }
    let made_for = events::canceled(3).1;
    let make = json!({ "id": "evt_3", "body": STANDARD.encode(&made_for), "secret": text.as_str() });
    let answer = ask(program, script, library, &json!({ "cases": cases.cases, "make": make }));
    for (name, expected) in &cases.expected {
        let expected = if *expected == REFUSED { "WebhookVerificationError" } else { expected };
        assert_eq!(answer["answers"][name], *expected, "{name}");
    }
    assert!(cases.expected.len() > 100);
    let said = |name: &str| answer["made"][name].as_str().unwrap().to_owned();
    let (timestamp, signature) = (said("timestamp"), said("signature"));
    let made = StandardSignature { id: "evt_3", timestamp: &timestamp, signature: &signature };
    let clock = i64::try_from(now()).unwrap();
    assert_eq!(verify_standard(&made, made_for.as_bytes(), &ours, clock), Ok(()), "{made:?}");
    assert_eq!(verify_standard(&made, made_for.as_bytes(), &ours, clock - 3600), Err(SignatureError::InFuture));
}

#[test]
fn the_node_library_of_standard_webhooks_accepts_what_we_sign_and_refuses_what_was_touched() {
    if let Some(library) = installed("node") {
        check("node", &script("node/standard.mjs"), &library);
    }
}

#[test]
fn the_python_library_of_standard_webhooks_accepts_what_we_sign_and_refuses_what_was_touched() {
    if let Some(library) = installed("python") {
        check("python3", &script("python/standard.py"), &library);
    }
}
