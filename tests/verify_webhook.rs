//! `carded verify-webhook`, as somebody calls it who wonders why a receiver refuses.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use carded::session::Dialect;
use carded::sync::{WebhookSecret, sign, sign_standard};
use serde_json::Value;
use support::events;
use tempfile::TempDir;

/// A request of 12 o'clock, in a folder of files.
struct Request {
    folder: TempDir,
    body: String,
    secret: WebhookSecret,
}

const NOON: u64 = 1_795_435_200;
const AT: [&str; 2] = ["--at", "2026-11-23T12:04:00Z"];

impl Request {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = WebhookSecret::text_from_random(&[9; 32]);
        std::fs::write(folder.path().join("secret"), format!("{}\n", text.as_str())).unwrap();
        let body = events::decided(Dialect::Stripe, 1, &events::not_verified(1, None), "e30.e30.AA");
        std::fs::write(folder.path().join("body"), &body).unwrap();
        Self { folder, body, secret: WebhookSecret::new(&text).unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn stripe(&self) -> String {
        format!("Stripe-Signature: {}", sign(std::slice::from_ref(&self.secret), NOON, self.body.as_bytes()))
    }

    /// Status and standard output.
    fn asked(&self, arguments: &[&str], input: Option<&[u8]>) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carded"));
        command.arg("verify-webhook").arg("--secret-file").arg(self.path("secret")).args(arguments);
        if input.is_none() {
            command.arg(self.path("body"));
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.unwrap_or_default()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
        (output.status.code(), String::from_utf8(text).unwrap())
    }

    fn json(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let (status, text) = self.asked(&[&AT, arguments, &["--json"]].concat(), None);
        (status, serde_json::from_str(&text).unwrap())
    }
}

#[test]
fn a_request_is_believed_by_either_kind_of_header_and_told_with_what_it_says() {
    let request = Request::new();
    let (status, said) = request.json(&["--header", &request.stripe()]);
    assert_eq!((status, &said["verified"], &said["scheme"]), (Some(0), &true.into(), &"stripe".into()), "{said}");
    assert_eq!(
        (&said["event"]["result"], &said["event"]["attestation"]),
        (&"not_verified".into(), &"not_checked".into())
    );
    let body = request.body.as_bytes();
    let standard = sign_standard(std::slice::from_ref(&request.secret), "evt_decided_1", NOON, body).unwrap();
    let headers = format!(
        "POST /hook HTTP/1.1\r\nHost: shop.example\r\nWebhook-Id: evt_decided_1\r\nWebhook-Timestamp: {NOON}\r\n\
         Webhook-Signature: {standard}\r\nContent-Type: application/json\r\n\r\n"
    );
    std::fs::write(request.path("headers"), headers).unwrap();
    let (status, said) = request.json(&["--headers-file", request.path("headers").to_str().unwrap()]);
    assert_eq!((status, &said["scheme"]), (Some(0), &"standard_webhooks".into()), "{said}");
    let (status, text) = request.asked(&[&AT[..], &["--header", &request.stripe()]].concat(), Some(body));
    assert!(status == Some(0) && text.starts_with("verified by stripe: evt_decided_1 "), "{text}");
}

#[test]
fn a_request_that_is_not_believed_is_told_why_and_what_helps() {
    let request = Request::new();
    let stripe = request.stripe();
    let why = |arguments: &[&str], input: Option<&[u8]>| {
        let (status, text) = request.asked(arguments, input);
        assert_eq!(status, Some(1), "{text}");
        text
    };
    let at = |arguments: &[&'static str]| [&AT[..], arguments].concat();
    let signed = [&AT[..], &["--header", &stripe]].concat();
    let parsed_and_printed =
        serde_json::to_string_pretty(&serde_json::from_str::<Value>(&request.body).unwrap()).unwrap();
    assert!(why(&signed, Some(parsed_and_printed.as_bytes())).contains("the raw body is checked"));
    assert!(why(&at(&[]), None).contains("no v1 signature"));
    assert!(why(&["--header", &stripe, "--at", "2026-11-23T12:05:01Z"], None).contains("too old; check both clocks"));
    assert!(why(&["--header", &stripe, "--at", "2026-11-23T11:54:59Z"], None).contains("from the future"));
    assert!(why(&["--header", &stripe, "--at", "1969-12-31T00:00:00Z"], None).contains("from the future"));
    let key = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    assert!(why(&[&signed[..], &["--device-key", key]].concat(), None).contains("attestation"));
    // What is wrong with the question is the caller's to mend.
    let (status, text) = request.asked(&["--header", "no header at all"], None);
    assert!(status == Some(2) && text.contains("is no header"), "{text}");
}
