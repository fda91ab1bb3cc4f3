//! The official SDKs and the libraries of Standard Webhooks check our signatures, and we check theirs; libraries of JOSE check
//! the device's attestations. `tests/sdk/install` puts them into `target/sdk/`.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "sdk/attestation.rs"]
mod attestation;
#[path = "sdk/standard.rs"]
mod standard;
mod support;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carded::session::Dialect;
use carded::sync::{SignatureError, WebhookSecret, sign, verify};
use serde_json::{Value, json};
use support::events::{self, SECRET};

const REFUSED: &str = "refused";

/// A request to an SDK, and what it has to answer to each case.
#[derive(Default)]
struct Cases {
    cases: Vec<Value>,
    expected: Vec<(String, &'static str)>,
}

impl Cases {
    fn add(&mut self, name: String, body: &[u8], header: &str, secret: &str, expected: &'static str) {
        self.cases.push(json!({ "name": name, "body": STANDARD.encode(body), "header": header, "secret": secret }));
        self.expected.push((name, expected));
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

fn secret(text: &str) -> WebhookSecret {
    WebhookSecret::new(text).unwrap()
}

fn cases() -> Cases {
    let outcome = events::not_verified(1, None);
    let stripe = events::decided(Dialect::Stripe, 1, &outcome, "e30.e30.AA");
    let stile = events::decided(Dialect::Stile, 1, &outcome, "e30.e30.AA");
    let (_, canceled) = events::canceled(2);
    let mut cases = Cases::default();
    for (name, body) in [("stripe", &stripe), ("stile", &stile), ("canceled", &canceled)] {
        let header = sign(&[secret(SECRET)], now(), body.as_bytes());
        cases.add(format!("{name} as sent"), body.as_bytes(), &header, SECRET, "accepted");
    }
    let body = stripe.as_bytes();
    let signed = |seconds| sign(&[secret(SECRET)], seconds, body);
    let header = signed(now());
    let rotated = sign(&[secret("whsec_the_new_one"), secret(SECRET)], now(), body);
    cases.add("rotation, new secret".to_owned(), body, &rotated, "whsec_the_new_one", "accepted");
    cases.add("rotation, old secret".to_owned(), body, &rotated, SECRET, "accepted");
    cases.add("another secret".to_owned(), body, &header, "whsec_of_somebody_else", REFUSED);
    cases.add("old".to_owned(), body, &signed(now() - 310), SECRET, REFUSED);
    // The SDKs take any time to come, which is why ours checks both directions.
    cases.add("future".to_owned(), body, &signed(now() + 3600), SECRET, "accepted");
    // One bit in each of many places; the highest of a byte would make it something else than text.
    for at in (0..body.len()).step_by(7) {
        let mut flipped = body.to_vec();
        flipped[at] ^= 1 << (at / 7 % 7);
        cases.add(format!("body bit {at}"), &flipped, &header, SECRET, REFUSED);
    }
    let from = header.find("v1=").unwrap() + 3;
    for at in from..header.len() {
        let mut flipped = header.clone().into_bytes();
        flipped[at] ^= 1 << (at % 4);
        cases.add(format!("signature bit {at}"), body, &String::from_utf8(flipped).unwrap(), SECRET, REFUSED);
    }
    cases
}

/// What a script says that is given the folder of its libraries.
fn ask(program: &str, script: &Path, sdk: &Path, request: &Value) -> Value {
    let mut child =
        Command::new(program).arg(script).arg(sdk).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(request.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program} ends with {}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Asks an SDK, and compares each answer. `signature_error` is what it calls a signature that does not hold.
fn check(program: &str, script: &Path, sdk: &Path, signature_error: &str) {
    let made_for = events::canceled(3).1;
    let cases = cases();
    let request = json!({ "cases": cases.cases, "make": { "body": STANDARD.encode(&made_for), "secret": SECRET } });
    let answer = ask(program, script, sdk, &request);
    for (name, expected) in &cases.expected {
        let expected = if *expected == REFUSED { signature_error } else { expected };
        assert_eq!(answer["answers"][name], *expected, "{name}");
    }
    assert!(cases.expected.len() > 150);
    let made = answer["made"].as_str().unwrap();
    let clock = i64::try_from(now()).unwrap();
    assert_eq!(verify(made, made_for.as_bytes(), &[secret(SECRET)], clock), Ok(()), "{made}");
    let ours = |clock| verify(made, made_for.as_bytes(), &[secret(SECRET)], clock);
    assert_eq!(ours(clock - 3600), Err(SignatureError::InFuture));
    assert_eq!(ours(clock + 3600), Err(SignatureError::TooOld));
}

/// Where an SDK was installed, or `None` with a clear line.
fn installed(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/sdk").join(name);
    if folder.join(".installed").exists() {
        return Some(folder);
    }
    support::skip(&format!("the official SDK for {name} is not installed; run tests/sdk/install"));
    None
}

fn script(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk").join(path)
}

#[test]
fn the_official_node_sdk_accepts_what_we_sign_and_refuses_what_was_touched() {
    if let Some(sdk) = installed("node") {
        check("node", &script("node/verify.mjs"), &sdk, "StripeSignatureVerificationError");
    }
}

#[test]
fn the_official_python_sdk_accepts_what_we_sign_and_refuses_what_was_touched() {
    if let Some(sdk) = installed("python") {
        check("python3", &script("python/verify.py"), &sdk, "SignatureVerificationError");
    }
}
