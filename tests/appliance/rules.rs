//! Signed rule tables: made by a publisher, installed and rolled back by an operator, and used by the engine.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Output, Stdio};

use carded::compliance::RuleBook;
use carded::session::Screen;
use carded::session::protocol::{ClientMessage, ClientRole, EngineMessage, RulesOrder};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;

use crate::api::Served;
use crate::site::{STOP_WITHIN, Site, alone, words};

/// A day on which bundles can be made: today, but never before the built-in table.
fn day() -> Date {
    let today = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    today.max(RuleBook::built_in().unwrap().made_on())
}

fn rules(site: &Site, arguments: &[&str]) -> Output {
    site.command("rules").arg("--json").args(arguments).output().unwrap()
}

fn said(site: &Site, arguments: &[&str]) -> Value {
    let output = rules(site, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", words(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refused(site: &Site, arguments: &[&str]) -> String {
    let output = rules(site, arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", words(&output));
    words(&output)
}

/// A publisher whom the device trusts.
fn trusted_publisher(site: &Site) -> String {
    let key = site.path("publisher.key");
    let public = said(site, &["key", "--out", key.to_str().unwrap()])["public_key"].as_str().unwrap().to_owned();
    let config = fs::read_to_string(site.path("config.toml")).unwrap();
    let trusting = format!("[rules]\ntrusted_keys = [\"{public}\"]\n[site]");
    fs::write(site.path("config.toml"), config.replace("[site]", &trusting)).unwrap();
    public
}

/// A bundle in which alcohol and tobacco are for people of some age; its path.
fn bundle(site: &Site, version: &str, made_on: Date, tier: &str) -> String {
    let folder = site.path(version);
    fs::create_dir(&folder).unwrap();
    let places = format!(
        "rule_version = \"{version}\"\nmade_on = \"{made_on}\"\n[terms]\nallowed_methods = [\"document_face\"]\n\
         consent_required = true\nconsent_text = \"check-1\"\nbiometric_retention_days = 0\n\
         credential_validity_days = 3\n[[jurisdiction]]\ncode = \"US-CA\"\nname = \"California\"\n\
         time_zones = [\"America/Los_Angeles\"]\n"
    );
    let region = format!(
        "[[source]]\nid = \"a\"\ntitle = \"Act A\"\nurl = \"https://law.example/a\"\nread_on = \"2026-11-01\"\nsays = \"So.\"\n\
         [[rule]]\nuse_cases = [\"alcohol_in_person\", \"alcohol_delivery\", \"tobacco_nicotine\"]\nplaces = [\"US-CA\"]\n\
         tier = \"{tier}\"\nsources = [\"a\"]\n"
    );
    fs::write(folder.join("places.toml"), places).unwrap();
    fs::write(folder.join("us.toml"), region).unwrap();
    let (from, key, out) = (folder, site.path("publisher.key"), site.path(&format!("{version}.json")));
    let [from, key, out] = [from, key, out].map(|path| path.to_str().unwrap().to_owned());
    said(site, &["bundle", "--from", &from, "--key", &key, "--out", &out]);
    out
}

const CELL: [&str; 5] = ["explain", "--use-case", "alcohol_in_person", "--jurisdiction", "US-CA"];

#[test]
fn a_publisher_makes_a_key_once_and_bundles_that_say_what_is_in_them() {
    let site = Site::simulated();
    let public = trusted_publisher(&site);
    let key = site.path("publisher.key");
    let again = refused(&site, &["key", "--out", key.to_str().unwrap()]);
    assert!(again.contains("is there already"), "{again}");
    let file = bundle(&site, "t1", day(), "over_25");
    let looked = said(&site, &[&CELL[..], &["--bundle", &file, "--key", &public]].concat());
    assert_eq!((&looked["tier"], &looked["rule_version"]), (&"over_25".into(), &"t1".into()));
    assert!(looked["table"]["from"].as_str().unwrap().contains("t1.json"), "{looked}");
    // With the keys of the configuration, and with another one.
    assert_eq!(said(&site, &[&CELL[..], &["--bundle", &file]].concat()), looked);
    let stranger = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let unknown = refused(&site, &[&CELL[..], &["--bundle", &file, "--key", stranger]].concat());
    assert!(unknown.contains("not trusted"), "{unknown}");
    // Another program reads the payload with nothing but JSON and base64.
    let script = "import base64, json, sys\n\
                  e = json.load(open(sys.argv[1]))\n\
                  print(json.loads(base64.b64decode(e['payload']))['rule_version'], e['payloadType'])";
    let read = std::process::Command::new("python3").args(["-c", script, &file]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&read.stdout).trim(), "t1 application/vnd.carded.rules.v1+json");
    let mode = fs::metadata(&key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_device_without_its_engine_installs_newer_tables_alone_and_rolls_back_one_by_one() {
    let site = Site::simulated();
    let first = site.path("t1.json");
    let early = refused(&site, &["install", site.path("config.toml").to_str().unwrap()]);
    assert!(early.contains("no publisher is trusted"), "{early}");
    trusted_publisher(&site);
    for (version, tier) in [("t1", "over_18"), ("t2", "over_25"), ("t3", "over_20")] {
        bundle(&site, version, day(), tier);
    }
    let file = |version: &str| site.path(&format!("{version}.json")).to_str().unwrap().to_owned();
    assert_eq!(said(&site, &["status"])["uses"], "built_in");
    let nothing = refused(&site, &["rollback"]);
    assert!(nothing.contains("no table is installed"), "{nothing}");

    let installed = said(&site, &["install", &file("t1")]);
    assert_eq!((&installed["uses"], &installed["changed"]), (&"current".into(), &true.into()), "{installed}");
    assert_eq!(said(&site, &["install", &file("t1")])["changed"], false, "it is there already");
    let installed = said(&site, &["install", &file("t2")]);
    assert_eq!(installed["in_use"]["rule_version"], "t2");
    assert_eq!(installed["previous"]["table"]["rule_version"], "t1");
    let older = refused(&site, &["install", first.to_str().unwrap()]);
    assert!(older.contains("not newer") && older.contains("carded rules rollback"), "{older}");
    let looked = said(&site, &[&CELL[..], &["--installed"]].concat());
    assert_eq!((&looked["tier"], &looked["terms"]["credential_validity_days"]), (&"over_25".into(), &3.into()));
    assert_eq!(said(&site, &CELL)["tier"], "over_21", "without being asked for, the built-in table is read");

    // One changed letter is enough.
    let text = fs::read_to_string(file("t3")).unwrap();
    let changed = site.path("changed.json");
    fs::write(&changed, text.replacen("\"payload\": \"ey", "\"payload\": \"ez", 1)).unwrap();
    let refusal = refused(&site, &["install", changed.to_str().unwrap()]);
    assert!(refusal.contains("signature does not hold"), "{refusal}");
    assert_eq!(said(&site, &["status"])["in_use"]["rule_version"], "t2");

    for expected in ["t1", RuleBook::built_in().unwrap().version()] {
        assert_eq!(said(&site, &["rollback"])["in_use"]["rule_version"], expected);
    }
    refused(&site, &["rollback"]);
    // What was rolled back is newer than what is in use, and may come again.
    assert_eq!(said(&site, &["install", &file("t2")])["in_use"]["rule_version"], "t2");
    let store = rusqlite::Connection::open(site.path("state/store.db")).unwrap();
    let mut noted = store.prepare("SELECT action FROM audit WHERE action GLOB 'rules_*' ORDER BY sequence").unwrap();
    let noted: Vec<String> = noted.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let (on, back) = ("rules_installed", "rules_rolled_back");
    assert_eq!(noted, [on, on, back, back, on]);
}

#[test]
fn a_table_for_other_places_or_of_a_day_to_come_is_not_installed() {
    let site = Site::simulated();
    trusted_publisher(&site);
    let later = bundle(&site, "later", day().checked_add(jiff::Span::new().days(400)).unwrap(), "over_25");
    let refusal = refused(&site, &["install", &later]);
    assert!(refusal.contains("set the clock, or wait"), "{refusal}");
    let elsewhere = bundle(&site, "t1", day(), "over_25");
    let config = fs::read_to_string(site.path("config.toml")).unwrap();
    fs::write(site.path("config.toml"), config.replace("US-CA", "US-NV")).unwrap();
    let refusal = refused(&site, &["install", &elsewhere]);
    assert!(refusal.contains("not for this device's site"), "{refusal}");
    assert_eq!(said(&site, &["status"])["uses"], "built_in");
}

#[test]
fn a_running_engine_takes_a_table_at_once_and_a_session_under_way_keeps_its_rule() {
    let _alone = alone();
    let shop = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let served = Served::new(Site::reporting_to(shop.local_addr().unwrap()), "");
    let site = &served.site;
    trusted_publisher(site);
    let (first, second) = (bundle(site, "t1", day(), "over_18"), bundle(site, "t2", day(), "over_25"));
    let engine = site.ready("engine");
    let key = served.key(&["--live"]);
    let checked = || {
        let path = "/v1/compliance/check?use_cases=alcohol_in_person&jurisdiction=US-CA";
        let answer = served.ask(&key, "GET", path, "").ok();
        (answer["required_age_tier"].clone(), answer["rule_version"].clone())
    };
    assert_eq!(checked(), ("over_21".into(), RuleBook::built_in().unwrap().version().into()));
    said(site, &["install", &first]);
    assert_eq!(checked(), ("over_18".into(), "t1".into()));
    let nowhere = "/v1/compliance/check?use_cases=alcohol_in_person&jurisdiction=US-NV";
    served.ask(&key, "GET", nowhere, "").refused(400, "jurisdiction_unresolvable");
    // Neither who is at the till nor who delivers installs anything.
    for role in [ClientRole::Till, ClientRole::Sync, ClientRole::Display] {
        let mut client = site.client(role).unwrap();
        client.say(&ClientMessage::Rules(RulesOrder::Rollback));
        let answer = loop {
            match client.hear() {
                EngineMessage::Prompt(_) | EngineMessage::Due | EngineMessage::Heartbeats { .. } => {}
                answer => break answer,
            }
        };
        assert!(matches!(&answer, EngineMessage::Failed { why } if why.contains("nothing else")), "{answer:?}");
    }

    let (mut till, _) = site.agreed();
    said(site, &["install", &second]);
    assert_eq!(checked(), ("over_25".into(), "t2".into()));
    till.prompt(|screen| *screen == Screen::Verified);
    let bodies: Vec<Value> = site.due().iter().map(|event| serde_json::from_str(&event.body).unwrap()).collect();
    let mut outcomes = bodies.iter().map(|body| &body["data"]["object"]["carded"]["outcome"]);
    let outcome = outcomes.next_back().unwrap();
    assert_eq!((&outcome["rule_version"], &outcome["tier"]), (&"t1".into(), &"over_18".into()), "{outcome}");
    let at = |name: &str| outcome[name].as_str().unwrap().parse::<Timestamp>().unwrap();
    // Three days, as the table says.
    assert_eq!(at("expires_at"), at("decided_at") + jiff::SignedDuration::from_hours(72));
    said(site, &["rollback"]);
    assert_eq!(checked(), ("over_18".into(), "t1".into()));
    engine.stop(STOP_WITHIN);
}

#[test]
fn an_engine_whose_table_is_damaged_uses_the_one_before_it_and_its_log_says_what_to_do() {
    let _alone = alone();
    let served = Served::new(Site::simulated(), "");
    let site = &served.site;
    trusted_publisher(site);
    for (version, tier) in [("t1", "over_18"), ("t2", "over_25")] {
        said(site, &["install", &bundle(site, version, day(), tier)]);
    }
    let current = site.path("state/rules/current.json");
    let text = fs::read_to_string(&current).unwrap();
    fs::write(&current, &text[..text.len() / 2]).unwrap();
    let log = site.path("engine.log");
    let mut engine = site.command("engine");
    engine.stderr(Stdio::from(fs::File::create(&log).unwrap()));
    let engine = Site::until_ready(&site.path("engine.notify"), engine);
    let key = served.key(&[]);
    let path = "/v1/compliance/check?use_cases=alcohol_in_person&jurisdiction=US-CA";
    assert_eq!(served.ask(&key, "GET", path, "").ok()["rule_version"], "t1");
    let status = said(site, &["status"]);
    assert_eq!((&status["uses"], &status["current"]["table"]), (&"previous".into(), &Value::Null), "{status}");
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("installed last is not used") && log.contains("carded rules install"), "{log}");
    // The same bundle once more mends it, and the good one before it stays where it was.
    let mended = said(site, &["install", site.path("t2.json").to_str().unwrap()]);
    assert_eq!((&mended["in_use"]["rule_version"], &mended["uses"]), (&"t2".into(), &"current".into()));
    assert_eq!(mended["previous"]["table"]["rule_version"], "t1");
    engine.stop(STOP_WITHIN);
}
