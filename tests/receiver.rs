//! `carded receiver`: what it believes, stores, prints and refuses.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carded::session::{Dialect, Outcome, OutcomeResult};
use carded::sync::{MAX_BODY_BYTES, WebhookSecret, sign};
use carded::tools::receiver::{Attestation, Chain, DeviceKey, TrustedKeys};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use support::events::{self, SECRET};
use support::receiver::{LIMIT, now, post, post_signed, receiver, receiver_trusting, secret};
use tokio::net::TcpStream;
use tokio::time::timeout;

#[tokio::test]
async fn the_receiver_refuses_what_is_not_rightly_signed() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = receiver(&folder, None).await;
    let (_, body) = events::canceled(1);
    let good = sign(&[secret()], now(), body.as_bytes());
    let signed_at = |seconds| sign(&[secret()], seconds, body.as_bytes());
    let other = sign(&[WebhookSecret::new("whsec_of_somebody_else").unwrap()], now(), body.as_bytes());
    let (old, future) = (signed_at(now() - 400), signed_at(now() + 400));
    for (name, headers) in [
        ("none", vec![]),
        ("empty", vec![("stripe-signature", "")]),
        ("another secret", vec![("stripe-signature", other.as_str())]),
        ("old", vec![("stripe-signature", old.as_str())]),
        ("future", vec![("stripe-signature", future.as_str())]),
        ("twice", vec![("stripe-signature", good.as_str()), ("stripe-signature", good.as_str())]),
        ("two that differ", vec![("stile-signature", good.as_str()), ("stripe-signature", other.as_str())]),
    ] {
        let refused = post(receiver.address, &headers, body.clone().into()).await;
        assert_eq!(refused, (400, "signature_invalid".to_owned()), "{name}");
    }
    let altered = body.replace("vks_", "vkz_");
    assert_eq!(post(receiver.address, &[("stile-signature", &good)], altered.into()).await.0, 400);
    assert_eq!(post_signed(receiver.address, &"x".repeat(MAX_BODY_BYTES + 1)).await.0, 413);
    for nonsense in
        ["", "[]", "{}", "{\"id\":\"evt_1\"}", &body.replace("evt_", "etv_"), &body.replace("\"event\"", "\"ev\"")]
    {
        assert_eq!(post_signed(receiver.address, nonsense).await, (400, "event_invalid".to_owned()), "{nonsense}");
    }
    assert!(receiver.seen_ids().is_empty());
    assert_eq!(post(receiver.address, &[("stile-signature", &good)], body.clone().into()).await.0, 200);
    let same_id = body.replace("US-CA", "US-NY");
    assert_eq!(post_signed(receiver.address, &same_id).await, (400, "event_differs".to_owned()));
    assert_eq!(receiver.seen_ids().len(), 1);
    let asked = Instant::now();
    receiver.stop.send(true).unwrap();
    timeout(LIMIT, receiver.ended).await.unwrap().unwrap();
    assert!(asked.elapsed() < Duration::from_secs(2));
}

/// A device that attests outcomes as the engine does.
struct Device {
    key: SigningKey,
    sequence: u64,
    previous: Option<String>,
}

impl Device {
    fn new() -> Self {
        Self { key: SigningKey::from_bytes(&[9; 32]), sequence: 0, previous: None }
    }

    fn public(&self) -> DeviceKey {
        URL_SAFE_NO_PAD.encode(self.key.verifying_key().as_bytes()).parse().unwrap()
    }

    /// The body of the next decided session's event.
    fn decide(&mut self, dialect: Dialect) -> String {
        self.sequence += 1;
        let outcome = events::not_verified(self.sequence, self.previous.clone());
        let jws = self.attest(&outcome);
        events::decided(dialect, self.sequence, &outcome, &jws)
    }

    /// The same session's, when one of the staff has verified its person.
    fn override_last(&mut self, dialect: Dialect, body: &str) -> String {
        let event: Value = serde_json::from_str(body).unwrap();
        let carded = &event["data"]["object"]["carded"];
        let first: Outcome = serde_json::from_value(carded["outcome"].clone()).unwrap();
        self.sequence += 1;
        let new = events::overriding(&first, self.sequence, self.previous.clone(), OutcomeResult::Verified);
        let jws = self.attest(&new);
        let first_jws = carded["attestation"].as_str().unwrap();
        events::overridden(dialect, first.sequence(), false, (&first, first_jws), (&new, &jws))
    }

    /// Signs and chains an outcome.
    fn attest(&mut self, outcome: &Outcome) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let payload = serde_json::to_string(&outcome).unwrap();
        let signed = format!("{}.{}", encode(r#"{"alg":"EdDSA","typ":"carded-outcome+jws"}"#), encode(&payload));
        let jws = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes()).to_bytes()));
        let hash = Sha256::digest(jws.as_bytes());
        self.previous = Some(hash.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}")));
        jws
    }
}

#[tokio::test]
async fn with_the_device_s_key_only_what_it_attested_counts_and_gaps_show() {
    let folder = tempfile::tempdir().unwrap();
    let mut device = Device::new();
    let receiver = receiver(&folder, Some(device.public())).await;
    let bodies: Vec<String> = (0..4).map(|_| device.decide(Dialect::Stripe)).collect();
    for body in [&bodies[0], &bodies[1], &bodies[3]] {
        assert_eq!(post_signed(receiver.address, body).await.0, 200);
    }
    let chains: Vec<_> = receiver.seen.lock().unwrap().iter().map(|event| (event.attestation, event.chain)).collect();
    let verified = |chain| (Attestation::Verified, Some(chain));
    assert_eq!(chains, [verified(Chain::Linked), verified(Chain::Linked), verified(Chain::Waiting)]);
    // A thief of the endpoint's secret, such as a compromised sync, cannot make or change an outcome.
    let event = |body: &str| serde_json::from_str::<Value>(body).unwrap();
    let mut claimed = event(&bodies[2]);
    claimed["type"] = "identity.verification_session.verified".into();
    let mut changed = event(&bodies[2]);
    changed["data"]["object"]["carded"]["outcome"]["result"] = "verified".into();
    let mut moved = event(&bodies[2]);
    moved["data"]["object"]["id"] = "vs_000000000000000000000000".into();
    let mut live = event(&bodies[2]);
    live["livemode"] = true.into();
    let mut bare = event(&bodies[2]);
    bare["data"]["object"]["carded"] = json!({ "outcome": null, "attestation": null });
    let mut swapped = event(&bodies[2]);
    swapped["data"]["object"]["carded"]["attestation"] =
        event(&bodies[1])["data"]["object"]["carded"]["attestation"].clone();
    for forged in [claimed, changed, moved, live, bare, swapped] {
        let refused = post_signed(receiver.address, &forged.to_string()).await;
        assert_eq!(refused, (400, "attestation_invalid".to_owned()), "{forged}");
    }
    assert_eq!(post_signed(receiver.address, &bodies[2]).await.0, 200);
    let listed = receiver.listed().await;
    assert!(listed.as_array().unwrap().iter().all(|event| event["chain"] == "linked"), "{listed}");
    assert_eq!(
        post_signed(receiver.address, &events::canceled(77).1).await.0,
        200,
        "nothing decided, nothing to attest"
    );
}

#[tokio::test]
async fn an_outcome_of_the_staff_counts_by_its_own_attestation_and_what_is_undecided_needs_none() {
    let folder = tempfile::tempdir().unwrap();
    let mut device = Device::new();
    let receiver = receiver(&folder, Some(device.public())).await;
    for body in events::undecided(8) {
        assert_eq!(post_signed(receiver.address, &body).await.0, 200, "{body}");
    }
    let decided = device.decide(Dialect::Stile);
    let overridden = device.override_last(Dialect::Stile, &decided);
    // Whoever holds the endpoint's secret alone makes no override: not of nothing, and not of the first outcome's attestation.
    let event = || serde_json::from_str::<Value>(&overridden).unwrap();
    let (mut bare, mut swapped, mut changed) = (event(), event(), event());
    bare["data"]["object"]["carded"]["overridden_by"] = Value::Null;
    swapped["data"]["object"]["carded"]["overridden_by"]["attestation"] =
        swapped["data"]["object"]["carded"]["attestation"].clone();
    changed["data"]["object"]["carded"]["overridden_by"]["outcome"]["result"] = "not_verified".into();
    let mut first_again = event();
    let carded = &mut first_again["data"]["object"]["carded"];
    carded["overridden_by"] = json!({ "outcome": carded["outcome"], "attestation": carded["attestation"] });
    for forged in [bare, swapped, changed, first_again] {
        let refused = post_signed(receiver.address, &forged.to_string()).await;
        assert_eq!(refused, (400, "attestation_invalid".to_owned()), "{forged}");
    }
    for body in [&decided, &overridden] {
        assert_eq!(post_signed(receiver.address, body).await.0, 200);
    }
    let seen = receiver.seen.lock().unwrap().clone();
    let told: Vec<_> = seen.iter().map(|event| (event.result.as_str(), event.attestation, event.chain)).collect();
    let verified = |result| (result, Attestation::Verified, Some(Chain::Linked));
    let undecided = |result| (result, Attestation::None, None);
    let expected =
        [undecided("requires_input"), undecided("processing"), verified("not_verified"), verified("verified")];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn in_an_overlap_both_keys_count_and_a_revoked_one_is_refused_by_a_code_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (mut old, mut new) = (Device::new(), Device::new());
    new.key = SigningKey::from_bytes(&[10; 32]);
    let both = TrustedKeys::new(vec![old.public(), new.public()], Vec::new(), &[]).unwrap();
    let receiver = receiver_trusting(&folder, Some(both)).await;
    let first = old.decide(Dialect::Stile);
    (new.sequence, new.previous) = (old.sequence, old.previous.clone());
    let second = new.decide(Dialect::Stile);
    for body in [&first, &second] {
        assert_eq!(post_signed(receiver.address, body).await.0, 200);
    }
    let listed = receiver.listed().await;
    assert_eq!((&listed[0]["key_id"], &listed[1]["key_id"]), (&json!(old.public().id()), &json!(new.public().id())));
    assert_eq!((&listed[0]["chain"], &listed[1]["chain"]), (&json!("linked"), &json!("linked")));
    receiver.stop.send(true).unwrap();
    receiver.ended.await.unwrap();
    let revoked = vec![old.public().id().parse().unwrap()];
    let without = TrustedKeys::new(vec![old.public(), new.public()], revoked, &[]).unwrap();
    let receiver = receiver_trusting(&folder, Some(without)).await;
    (old.sequence, old.previous) = (new.sequence, new.previous.clone());
    let refused = post_signed(receiver.address, &old.decide(Dialect::Stile)).await;
    assert_eq!(refused, (400, "attestation_revoked".to_owned()));
    assert_eq!(post_signed(receiver.address, &new.decide(Dialect::Stile)).await.0, 200);
}

#[tokio::test]
async fn without_the_device_s_key_every_event_says_that_nothing_was_checked() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = receiver(&folder, None).await;
    assert_eq!(post_signed(receiver.address, &Device::new().decide(Dialect::Stile)).await.0, 200);
    let listed = receiver.listed().await;
    assert_eq!((&listed[0]["attestation"], &listed[0]["chain"]), (&json!("not_checked"), &Value::Null));
    assert_eq!((&listed[0]["result"], &listed[0]["reason"]), (&json!("not_verified"), &json!("capture_unknown")));
}

#[tokio::test]
async fn the_command_prints_a_line_an_event_and_stops_on_sigterm() {
    use std::io::{BufRead as _, BufReader};
    use std::process::{Command, Stdio};

    let folder = tempfile::tempdir().unwrap();
    let secret_file = folder.path().join("secret");
    std::fs::write(&secret_file, format!("{SECRET}\n")).unwrap();
    let mut receiver = Command::new(env!("CARGO_BIN_EXE_carded"))
        .args(["receiver", "--listen", "127.0.0.1:0", "--json", "--database"])
        .arg(folder.path().join("receiver.db"))
        .arg("--secret-file")
        .arg(&secret_file)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(receiver.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    let address: SocketAddr = next()["listening"].as_str().unwrap().parse().unwrap();
    let (id, body) = events::canceled(1);
    assert_eq!(post_signed(address, &body).await.0, 200);
    assert_eq!(post_signed(address, &body).await.0, 200);
    let printed = next();
    assert_eq!((&printed["id"], &printed["result"]), (&json!(id), &json!("cancelled")));
    // A connection that hangs does not keep it from stopping.
    let _hanging = TcpStream::connect(address).await.unwrap();
    let asked = Instant::now();
    let pid = rustix::process::Pid::from_child(&receiver);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let status = tokio::task::spawn_blocking(move || receiver.wait().unwrap()).await.unwrap();
    assert!(status.success() && asked.elapsed() < Duration::from_secs(2), "{status} {:?}", asked.elapsed());
    assert!(lines.next().is_none(), "the duplicate printed nothing");
}

#[test]
fn the_command_says_what_is_wrong_with_a_secret_file() {
    let folder = tempfile::tempdir().unwrap();
    let secret_file = folder.path().join("secret");
    std::fs::write(&secret_file, "two words\n").unwrap();
    let refused = std::process::Command::new(env!("CARGO_BIN_EXE_carded"))
        .args(["receiver", "--database", "unused.db", "--secret-file"])
        .arg(&secret_file)
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(words.contains("white space") && !words.contains("two words"), "{words}");
}
