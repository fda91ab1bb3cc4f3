//! A device's attestations before libraries of JOSE, which know nothing of this program.

use carded::compliance::{ClockTrust, PlaceDays, RuleBook};
use carded::session::{Evidence, Policy, SessionState, decide};
use carded::store::{Finish, HeartbeatSeed, OutcomeDraft, Store, attestation_hash};
use jiff::Timestamp;
use jiff::civil::date;

use super::*;

/// The attestations of sessions that a real store has ended, a heartbeat after them, and the device's public key as it
/// publishes it.
fn attested(sessions: u64) -> (Vec<String>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    let day = PlaceDays::single(date(2026, 11, 23));
    let attest = |number: u64| {
        let created = events::record(number, SessionState::Created);
        let rule = RuleBook::built_in().unwrap().resolve(created.use_case, &created.jurisdiction, day).unwrap();
        let (evidence, now) = (Evidence::default(), Timestamp::UNIX_EPOCH);
        let decision = decide(&evidence, &Policy::for_tier(rule.tier), day);
        store.create_session(&created).unwrap();
        let draft =
            OutcomeDraft { decision: &decision, evidence: &evidence, rule: &rule, decided_at: now, expires_at: now };
        let record = events::record(number, SessionState::NotVerified);
        let ended = Finish { record: &record, ended_at: now, outcome: Some(draft), bodies: &|_| Vec::new() };
        store.finish(&ended).unwrap().outcome.unwrap().attestation
    };
    let all = (1..=sessions).map(attest).collect();
    let seed = HeartbeatSeed {
        endpoint: "shop",
        at: Timestamp::UNIX_EPOCH,
        clock: ClockTrust::Trusted,
        every: std::time::Duration::from_mins(5),
        withholds_live: false,
    };
    let heartbeat = store.heartbeat(&seed).unwrap();
    (all, heartbeat, std::fs::read_to_string(folder.path().join("device.pub")).unwrap())
}

fn check(program: &str, script: &Path, library: &Path) {
    let (all, heartbeat, key) = attested(3);
    let (_, _, other) = attested(0);
    let known = all.iter().chain([&heartbeat]);
    let mut cases: Vec<Value> = known.map(|jws| json!({ "name": jws, "jws": jws, "key": key })).collect();
    cases.push(json!({ "name": "another device", "jws": all[0], "key": other }));
    let parts: Vec<&str> = all[0].split('.').collect();
    let moved = format!("{}.{}.{}", parts[0], all[1].split('.').nth(1).unwrap(), parts[2]);
    cases.push(json!({ "name": "another payload", "jws": moved, "key": key }));
    for at in (0..all[0].len()).step_by(5) {
        let mut flipped = all[0].clone().into_bytes();
        flipped[at] ^= 1 << (at % 4);
        let flipped = String::from_utf8(flipped).unwrap();
        cases.push(json!({ "name": format!("bit {at}"), "jws": flipped, "key": key }));
    }
    let answer = ask(program, script, library, &json!({ "cases": cases }));
    let mut previous = Value::Null;
    for (jws, sequence) in all.iter().zip(1..) {
        let payload = &answer["answers"][jws];
        assert_eq!((&payload["sequence"], &payload["previous_hash"]), (&json!(sequence), &previous), "{payload}");
        assert_eq!(payload["result"], "not_verified");
        previous = json!(attestation_hash(jws));
    }
    let signed = &answer["answers"][&heartbeat];
    assert_eq!((&signed["outcomes"]["sequence"], &signed["outcomes"]["hash"]), (&json!(3), &previous), "{signed}");
    for case in &cases[all.len() + 1..] {
        assert_eq!(answer["answers"][case["name"].as_str().unwrap()], REFUSED, "{}", case["name"]);
    }
    assert!(cases.len() > 100);
}

#[test]
fn jose_for_node_verifies_what_the_device_attests_and_nothing_that_was_touched() {
    if let Some(library) = installed("node") {
        check("node", &script("node/attestation.mjs"), &library);
    }
}

#[test]
fn pyjwt_verifies_what_the_device_attests_and_nothing_that_was_touched() {
    if let Some(library) = installed("pyjwt") {
        check("python3", &script("pyjwt/attestation.py"), &library);
    }
}
