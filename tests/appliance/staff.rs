//! The staff at the command line and at the socket.

use std::fs;
use std::process::Stdio;

use carded::privacy::StaffCode;
use carded::session::protocol::{ClientMessage, ClientRole, EngineMessage, StaffOrder};
use serde_json::Value;

use crate::site::{STOP_WITHIN, Site, alone, words};

#[test]
fn staff_are_added_listed_and_removed_while_the_engine_runs_and_while_it_does_not() {
    let _alone = alone();
    let site = Site::simulated();
    let operate = |arguments: &[&str]| {
        let mut command = site.command("staff");
        let output = command.env("CARDED_LOG", "trace").arg("--json").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
        (serde_json::from_slice::<Value>(&output.stdout).unwrap(), words(&output))
    };
    let mut codes = Vec::new();
    let mut add = |label: &str| {
        let (added, log) = operate(&["add", "--label", label]);
        let code = StaffCode::parse(added["code"].as_str().unwrap()).unwrap();
        assert_eq!(added["staff"][0]["label"], label);
        assert!(!log.contains(code.reveal().as_str()), "{log}");
        codes.push(code);
        added["staff"][0]["id"].as_str().unwrap().to_owned()
    };
    let before = add("counter 1");
    let log = site.path("engine.log");
    let mut engine = site.command("engine");
    engine.env("CARDED_LOG", "carded=trace").stderr(Stdio::from(fs::File::create(&log).unwrap()));
    let engine = Site::until_ready(&site.path("engine.notify"), engine);
    let during = add("counter 2");
    let (listed, _) = operate(&["list"]);
    let of = |at: usize| (listed["staff"][at]["id"].as_str(), listed["staff"][at]["label"].as_str());
    assert_eq!(
        [of(0), of(1)],
        [(Some(before.as_str()), Some("counter 1")), (Some(during.as_str()), Some("counter 2"))]
    );
    assert!(listed["code"].is_null());
    let (removed, _) = operate(&["remove", &before]);
    assert!(removed["staff"][0]["removed"].is_number() && removed["staff"][1]["removed"].is_null(), "{removed}");

    for (arguments, told) in [
        (["remove", "stf_000000000000000000000000"].as_slice(), "carded staff list"),
        (&["remove", "counter 2"], "stf_"),
        (&["add", "--label", " "], "a label has 1 to 64 printable characters"),
    ] {
        let output = site.command("staff").args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", words(&output));
        assert!(words(&output).contains(told), "{}", words(&output));
    }
    // Who is at the till or delivers manages nobody.
    for role in [ClientRole::Till, ClientRole::Sync] {
        let mut client = site.client(role).unwrap();
        client.say(&ClientMessage::Staff(StaffOrder::List));
        let answer = loop {
            match client.hear() {
                EngineMessage::Prompt(_) | EngineMessage::Due | EngineMessage::Heartbeats { .. } => {}
                answer => break answer,
            }
        };
        assert!(matches!(&answer, EngineMessage::Failed { why } if why.contains("nothing else")), "{answer:?}");
    }
    engine.stop(STOP_WITHIN);

    let (after, _) = operate(&["list"]);
    assert_eq!(after, removed, "it is the same without the engine");
    let log = fs::read_to_string(log).unwrap();
    assert!(!log.contains("did not end"), "every part ends by itself: {log}");
    let store = rusqlite::Connection::open(site.path("state/store.db")).unwrap();
    let texts = |sql: &str| -> Vec<String> {
        let mut statement = store.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    for hash in texts("SELECT hash FROM staff") {
        assert!(!log.contains(&hash));
    }
    for code in codes {
        let code = code.reveal();
        assert!(!log.contains(code.as_str()) && !log.contains(&code.replace(' ', "")));
    }
    let managed = texts("SELECT action FROM audit WHERE action GLOB 'staff_*' ORDER BY sequence");
    assert_eq!(managed, ["staff_added", "staff_added", "staff_removed"]);
}
