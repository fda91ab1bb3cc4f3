//! The operator's view of the outbox, with and without an engine.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use carded::privacy::ContactKind;
use carded::session::protocol::{ClientMessage, ClientRole, EngineMessage, LeaseWish, Settlement};
use carded::session::{Dialect, SessionDetails, SessionId, SessionRecord, SessionState};
use carded::store::{Actor, EventFacts, Finish, LeaseHolder, OutboxBody, OutcomeDraft, Requested, Store};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::site::{STOP_WITHIN, Site, alone, wait_for};
use crate::support::verified;

/// Ends a session, whose event is then refused for good.
fn refuse_one(site: &Site) -> Value {
    let (mut till, session) = site.agreed();
    till.say(&ClientMessage::Cancel { session: session.clone() });
    let mut sync = wait_for("a place", || site.client(ClientRole::Sync).ok());
    let delivery = wait_for("the event", || {
        sync.say(&ClientMessage::Lease(LeaseWish::up_to(4)));
        loop {
            if let EngineMessage::Leased { mut deliveries, .. } = sync.hear() {
                return deliveries.pop();
            }
        }
    });
    let outcome = Settlement::Dead { why: "the receiver says that it is gone (410)".to_owned() };
    sync.say(&ClientMessage::Settle { delivery: delivery.delivery, outcome });
    while !matches!(sync.hear(), EngineMessage::Settled { .. }) {}
    json!({ "delivery": delivery.delivery, "event": delivery.event, "body": delivery.body })
}

fn lists_replays_and_exports(site: &Site, letter: &Value, export: &str) {
    let number = letter["delivery"].to_string();
    let (status, listed, words) = site.operate("outbox", &["list", "--dead"]);
    assert_eq!((status, &listed["alarm"]), (Some(1), &json!(true)), "{words}");
    assert_eq!(listed["alarms"][0]["alarm"], "dead_letters");
    let queue = &listed["endpoints"][0];
    assert_eq!((&queue["endpoint"], &queue["dead"], &queue["waiting"]), (&json!("shop"), &json!(1), &json!(0)));
    assert!(queue["last_error"].as_str().unwrap().contains("410"));
    assert_eq!((&listed["letters"][0]["event"], &listed["letters"][0]["body"]), (&letter["event"], &Value::Null));
    // An event by its identifier or its number, with its exact body.
    for id in [letter["event"].as_str().unwrap(), &number] {
        assert_eq!(site.told("outbox", &["show", id])[0]["body"], letter["body"]);
    }
    assert!(site.refused("outbox", &["show", "evt_nothing"]).contains("carded outbox list"));
    // One line of JSON for each, in a file of nobody else's.
    let file = site.path(export);
    site.command("outbox").args(["export", "--out"]).arg(&file).status().unwrap();
    let written = fs::read_to_string(&file).unwrap();
    let line: Value = serde_json::from_str(written.lines().next().unwrap()).unwrap();
    assert_eq!((written.lines().count(), &line["body"], &line["redacted"]), (1, &letter["body"], &json!(false)));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    // Sent again, under its own identifier.
    assert!(site.refused("outbox", &["replay", "999999"]).contains("no dead letter"));
    assert_eq!(site.told("outbox", &["replay", "--endpoint", "nobody"])["replayed"], 0);
    assert_eq!(site.told("outbox", &["replay", &number])["replayed"], 1);
    let after = site.told("outbox", &["list"]);
    let queue = &after["endpoints"][0];
    assert_eq!((&queue["dead"], &queue["waiting"], &after["alarm"]), (&json!(0), &json!(1), &json!(false)));
}

#[test]
fn dead_letters_are_listed_exported_and_replayed_through_the_engine_and_without_it() {
    let _alone = alone();
    // Nobody listens there.
    let site = Site::reporting_to(([127, 0, 0, 1], 1).into());
    let engine = site.ready("engine");
    let letter = refuse_one(&site);
    lists_replays_and_exports(&site, &letter, "with.jsonl");
    let due = site.due();
    assert!(due.len() == 1 && due[0].event == letter["event"] && due[0].body == letter["body"], "{due:?}");
    // And once more, with the engine stopped.
    let mut sync = wait_for("the place of the one before", || site.client(ClientRole::Sync).ok());
    sync.say(&ClientMessage::Lease(LeaseWish::up_to(4)));
    let delivery = due[0].delivery;
    while !matches!(sync.hear(), EngineMessage::Leased { .. }) {}
    let outcome = Settlement::Dead { why: "the receiver says that it is gone (410)".to_owned() };
    sync.say(&ClientMessage::Settle { delivery, outcome });
    while !matches!(sync.hear(), EngineMessage::Settled { .. }) {}
    engine.stop(STOP_WITHIN);
    lists_replays_and_exports(&site, &letter, "without.jsonl");
    let store = Store::open(&site.path("state")).unwrap();
    assert_eq!(store.outbox_counts().unwrap().waiting, 1);
    store.verify_audit().unwrap();
    drop(store);
    let rows = rusqlite::Connection::open(site.path("state/store.db")).unwrap();
    let audited = "SELECT count(*) FROM audit WHERE action = 'delivery_replayed'";
    assert_eq!(rows.query_row(audited, [], |row| row.get::<_, i64>(0)).unwrap(), 2);
}

#[test]
fn the_export_of_a_redacted_outcome_holds_nothing_of_a_person_or_of_the_integrator() {
    let site = Site::simulated();
    let mut store = Store::open(&site.path("state")).unwrap();
    let now = Timestamp::now();
    let session = verified::record(SessionId::from_random(&[7; SessionId::CHARACTERS]), SessionState::Created, now);
    let mut said = SessionDetails::new(Dialect::Stripe, false);
    said.set_client_reference_id(Some("reference of fizzwick")).unwrap();
    let secrets = store.api_secrets();
    let email = secrets.contact(ContactKind::Email, "fizzwick@xanthippolis.example").unwrap();
    let requested =
        Requested { record: &session, details: &said, key: None, email: Some(&email), phone: None, event: None };
    store.create_requested(&requested).unwrap();
    let evidence = verified::evidence(verified::person(), "CANARY 1987");
    let (decision, rule) = (verified::decision_on(&evidence), verified::rule());
    let expires_at = now + SignedDuration::from_hours(24);
    let draft = OutcomeDraft { decision: &decision, evidence: &evidence, rule: &rule, decided_at: now, expires_at };
    let bodies = |facts: &EventFacts<'_>| {
        let said = facts.details.and_then(|details| details.client_reference_id.clone());
        let body = json!({ "outcome": facts.outcome, "attestation": facts.attestation, "said": said, "email": email });
        vec![OutboxBody { endpoint: "shop".to_owned(), body: body.to_string() }]
    };
    let record = SessionRecord { state: SessionState::Verified, ..session.clone() };
    store.finish(&Finish { record: &record, ended_at: now, outcome: Some(draft), bodies: &bodies }).unwrap();
    let holder = LeaseHolder(1);
    let delivery = store.lease(holder, 1, now).unwrap().remove(0);
    let gone = Settlement::Dead { why: "the receiver says that it is gone (410)".to_owned() };
    store.settle(holder, delivery.delivery, &gone, now).unwrap();
    drop(store);
    let export = || {
        let output = site.command("outbox").arg("export").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    // Of the person nothing is in it at any time; what the integrator said is, until it is redacted.
    let of_person = ["canary", "quillon", "brombeerstrauch", "zyzzyva", "908172635", "d8675309q", "1987", "2031-07-19"];
    let holds = |text: &str, what: &str| text.to_lowercase().contains(what);
    let before = export();
    assert!(holds(&before, "fizzwick") && holds(&before, &email) && holds(&before, "attestation"), "{before}");
    assert!(!of_person.iter().any(|what| holds(&before, what)), "{before}");
    Store::open(&site.path("state")).unwrap().redact(&session.id, now, Actor::Till, None).unwrap();
    let after = export();
    let line: Value = serde_json::from_str(&after).unwrap();
    assert_eq!((&line["redacted"], &line["body"]), (&json!(true), &Value::Null));
    for what in of_person.into_iter().chain(["fizzwick", "attestation", &email]) {
        assert!(!holds(&after, what), "{what} in {after}");
    }
}
