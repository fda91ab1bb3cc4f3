//! Endpoints that come, change and go while the appliance runs.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use carded::sync::WebhookSecret;
use carded::tools::receiver::{ReceiverOptions, serve};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::api::Served;
use crate::site::{Site, alone, wait_for};

/// A receiver with its own secrets, and the names of the events that it saw.
struct Shop {
    seen: Arc<Mutex<Vec<String>>>,
    stop: watch::Sender<bool>,
    running: Option<std::thread::JoinHandle<()>>,
}

impl Shop {
    fn open(listener: TcpListener, folder: &Path, secrets: &[&str]) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        let (stop, stopped) = watch::channel(false);
        let options = ReceiverOptions {
            database: folder.join("shop.db"),
            secrets: secrets.iter().map(|secret| WebhookSecret::new(secret).unwrap()).collect(),
            trusted: None,
            on_event: Box::new(move |event| noted.lock().unwrap().push(event.name.clone())),
            grace: std::time::Duration::from_mins(15),
            on_alarm: Box::new(|_, _| {}),
        };
        listener.set_nonblocking(true).unwrap();
        let running = std::thread::spawn(move || {
            tokio::runtime::Runtime::new().unwrap().block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                serve(listener, options, stopped).await.unwrap();
            });
        });
        Self { seen, stop, running: Some(running) }
    }

    fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        let _ = self.running.take().map(std::thread::JoinHandle::join);
    }
}

/// Ends a session of a test key, which makes one event.
fn end_one(served: &Served, key: &str) {
    let made = "metadata[carded_test_outcome]=canceled&type=document";
    served.ask(key, "POST", "/v1/identity/verification_sessions", made).ok();
}

fn add(site: &Site, name: &str, url: &str) -> Value {
    site.told("endpoints", &["add", name, "--url", url, "--dialect", "stile"])
}

#[test]
fn an_endpoint_is_added_tested_rotated_disabled_and_enabled_while_engine_and_sync_run() {
    let _alone = alone();
    let served = Served::new(Site::simulated(), "");
    let site = &served.site;
    let _engine = site.ready("engine");
    let _sync = site.ready("sync");
    let key = served.key(&[]);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/webhooks?token=hidden", listener.local_addr().unwrap());

    let added = add(site, "shop", &url);
    let first = added["secret"].as_str().unwrap().to_owned();
    assert!(first.starts_with("whsec_"));
    let shop = Shop::open(listener.try_clone().unwrap(), &site.path(""), &[&first]);
    let tested = site.told("endpoints", &["test", "shop"]);
    assert_eq!(
        (&tested["acknowledged"], shop.seen.lock().unwrap()[0].as_str()),
        (&json!(true), "carded.endpoint.test")
    );
    end_one(&served, &key);
    wait_for("the event of the new endpoint", || (shop.count() == 2).then_some(()));

    // Nothing that is shown holds a secret, or what may be one.
    let listed = site.told("endpoints", &["list"]);
    let shown = served.ask(&key, "GET", "/v1/webhook_endpoints", "").ok();
    let one = served.ask(&key, "GET", "/v1/webhook_endpoints/we_shop", "").ok();
    assert_eq!((&shown["data"][0], &one["status"]), (&one, &json!("enabled")));
    for told in [&listed, &shown, &one] {
        let told = told.to_string();
        assert!(told.contains("http://127.0.0.1:") && !told.contains("hidden") && !told.contains("whsec_"), "{told}");
    }
    let folder = site.path("endpoints.d");
    for file in fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().unwrap() == "secret" {
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    // A new secret: both are used, so that a receiver with either one goes on.
    let rotated = site.told("endpoints", &["rotate", "shop"]);
    let second = rotated["secret"].as_str().unwrap().to_owned();
    assert_eq!((&rotated["endpoints"][0]["secrets"], first == second), (&json!(2), false));
    assert!(site.refused("endpoints", &["rotate", "shop"]).contains("--finish"));
    end_one(&served, &key);
    wait_for("an event that the old secret still signs", || (shop.count() == 3).then_some(()));
    drop(shop);
    let shop = Shop::open(listener.try_clone().unwrap(), &site.path(""), &[&second]);
    end_one(&served, &key);
    wait_for("an event that the new secret signs", || (shop.count() == 1).then_some(()));
    assert_eq!(site.told("endpoints", &["rotate", "shop", "--finish"])["endpoints"][0]["secrets"], 1);
    let secrets = fs::read_dir(&folder)
        .unwrap()
        .filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "secret"));
    assert_eq!(secrets.count(), 1, "the old one is gone");
    assert_eq!(site.told("endpoints", &["test", "shop"])["acknowledged"], true);

    // Disabled: no new events; enabled: those that come then.
    site.told("endpoints", &["disable", "shop"]);
    assert_eq!(served.ask(&key, "GET", "/v1/webhook_endpoints/we_shop", "").ok()["status"], "disabled");
    let before = shop.count();
    end_one(&served, &key);
    assert_eq!(site.told("outbox", &["list"])["endpoints"][0]["waiting"], 0, "nothing is written for it");
    site.told("endpoints", &["enable", "shop"]);
    end_one(&served, &key);
    wait_for("the event after it was enabled", || (shop.count() == before + 1).then_some(()));

    // Who changed where outcomes go can be told afterwards.
    let rows = rusqlite::Connection::open(site.path("state/store.db")).unwrap();
    let mut audited = rows
        .prepare("SELECT action FROM audit WHERE action GLOB 'endpoint_*' AND actor = 'operator' ORDER BY sequence")
        .unwrap();
    let audited: Vec<String> = audited.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(
        audited,
        ["endpoint_added", "endpoint_rotated", "endpoint_rotated", "endpoint_disabled", "endpoint_enabled"]
    );
}

#[test]
fn what_waits_for_a_disabled_endpoint_is_kept_and_sent_when_it_is_enabled() {
    let _alone = alone();
    let served = Served::new(Site::simulated(), "");
    let site = &served.site;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/webhooks", listener.local_addr().unwrap());
    let secret = add(site, "shop", &url)["secret"].as_str().unwrap().to_owned();
    let _engine = site.ready("engine");
    let key = served.key(&[]);
    end_one(&served, &key);
    site.told("endpoints", &["disable", "shop"]);
    assert!(site.due().is_empty(), "it is not leased");
    let queue = site.told("outbox", &["list"])["endpoints"][0].clone();
    assert_eq!((&queue["waiting"], &queue["disabled"]), (&json!(1), &json!(true)));
    let _sync = site.ready("sync");
    site.told("endpoints", &["enable", "shop"]);
    let shop = Shop::open(listener, &site.path(""), &[&secret]);
    wait_for("what had waited", || (shop.count() == 1).then_some(()));
}

#[test]
fn the_api_says_why_it_makes_no_endpoint_and_what_does() {
    let _alone = alone();
    let served = Served::new(Site::simulated(), "");
    add(&served.site, "b", "https://shop.example/b");
    add(&served.site, "a", "https://shop.example/a");
    let _engine = served.site.ready("engine");
    let key = served.key(&[]);
    for (method, path, body) in [
        ("POST", "/v1/webhook_endpoints", "url=https://elsewhere.example&enabled_events[0]=*"),
        ("POST", "/v1/webhook_endpoints/we_a", "disabled=true"),
        ("DELETE", "/v1/webhook_endpoints/we_a", ""),
    ] {
        let refused = served.ask(&key, method, path, body).refused(403, "permission_denied");
        assert!(refused["error"]["message"].as_str().unwrap().contains("carded endpoints add"), "{refused}");
    }
    let first = served.ask(&key, "GET", "/v1/webhook_endpoints?limit=1", "").ok();
    assert_eq!((&first["data"][0]["id"], &first["has_more"]), (&json!("we_a"), &json!(true)));
    let next = served.ask(&key, "GET", "/v1/webhook_endpoints?starting_after=we_a", "").ok();
    assert_eq!((&next["data"][0]["id"], &next["has_more"]), (&json!("we_b"), &json!(false)));
    served.ask(&key, "GET", "/v1/webhook_endpoints/we_none", "").refused(404, "resource_missing");
    served.ask(&key, "GET", "/v1/webhook_endpoints?limit=0", "").refused(400, "parameter_invalid");
}

#[test]
fn an_endpoint_that_cannot_be_used_is_refused_and_nothing_is_left_behind() {
    let site = Site::reporting_to(([127, 0, 0, 1], 1).into());
    for (arguments, why) in [
        (vec!["add", "a b", "--url", "https://shop.example", "--dialect", "stile"], "letters, digits"),
        (vec!["add", "till", "--url", "http://shop.example", "--dialect", "stile"], "https://"),
        (vec!["add", "till", "--url", "nonsense", "--dialect", "stile"], "URL"),
        (vec!["add", "shop", "--url", "https://shop.example", "--dialect", "stile"], "already"),
        (
            vec!["add", "till", "--url", "https://shop.example", "--dialect", "stile", "--ca-file", "/nothing"],
            "ca_file",
        ),
        (
            vec!["add", "till", "--url", "https://shop.example", "--dialect", "stile", "--secret-file", "/nothing"],
            "/nothing",
        ),
        (vec!["rotate", "till"], "carded endpoints list"),
        (vec!["test", "till"], "carded endpoints list"),
        // The configuration's own file is the operator's alone.
        (vec!["disable", "shop"], "[[endpoint]]"),
    ] {
        let refused = site.refused("endpoints", &arguments);
        assert!(refused.contains(why), "{arguments:?}: {refused}");
    }
    let left = fs::read_dir(site.path("endpoints.d")).map_or(0, Iterator::count);
    assert_eq!(left, 0);
    // A receiver that is not there is told in words that help, and in the exit status.
    let (status, answer, _) = site.operate("endpoints", &["test", "shop"]);
    assert_eq!((status, &answer["acknowledged"]), (Some(1), &json!(false)));
    assert!(answer["why"].as_str().unwrap().contains("cannot be reached"), "{answer}");
}

#[test]
fn one_endpoint_that_cannot_be_used_stops_nobody_and_what_waits_for_it_is_sent_when_it_is_mended() {
    let _alone = alone();
    let served = Served::new(Site::simulated(), "");
    let site = &served.site;
    let listeners = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    let urls = listeners.each_ref().map(|listener| format!("http://{}/", listener.local_addr().unwrap()));
    let [good, poor] = ["good", "poor"].map(|name| {
        let url = &urls[usize::from(name == "poor")];
        add(site, name, url)["secret"].as_str().unwrap().to_owned()
    });
    let secret = fs::read_dir(site.path("endpoints.d")).unwrap().map(|file| file.unwrap().path());
    let secret = secret
        .into_iter()
        .find(|path| path.to_string_lossy().contains("/poor.") && path.extension().unwrap() == "secret");
    let secret = secret.unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(site.path("endpoints.d/wrong.toml"), "nonsense").unwrap();
    let listed = site.told("endpoints", &["list"]);
    let unusable: Vec<&str> =
        listed["unusable"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(unusable, ["wrong", "poor"]);
    assert!(listed["unusable"][1]["why"].as_str().unwrap().contains("chmod 600"), "{listed}");
    assert!(
        site.refused("endpoints", &["add", "wrong", "--url", "https://shop.example", "--dialect", "stile"])
            .contains("mend it")
    );

    let _engine = site.ready("engine");
    let _sync = site.ready("sync");
    let key = served.key(&[]);
    let [to_good, to_poor] = listeners;
    for folder in ["good", "poor"] {
        fs::create_dir(site.path(folder)).unwrap();
    }
    let good = Shop::open(to_good, &site.path("good"), &[&good]);
    let poor = Shop::open(to_poor, &site.path("poor"), &[&poor]);
    end_one(&served, &key);
    wait_for("the event of the good one", || (good.count() == 1).then_some(()));
    let (_, listed, _) = site.operate("outbox", &["list"]);
    let queue =
        listed["endpoints"].as_array().unwrap().iter().find(|queue| queue["endpoint"] == "poor").unwrap().clone();
    assert_eq!((&queue["waiting"], &queue["last_error"], poor.count()), (&json!(1), &Value::Null, 0));
    assert!(listed["alarms"].to_string().contains("wrong.toml"), "{listed}");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    wait_for("what had waited", || (poor.count() == 1).then_some(()));
}

#[test]
fn a_file_keeps_its_mode_and_the_old_secret_goes_also_where_the_configuration_is_named_from_here() {
    let site = Site::simulated();
    add(&site, "shop", "https://shop.example/");
    let (folder, file) = (site.path("endpoints.d"), site.path("endpoints.d/shop.toml"));
    let mode = || fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o644, "as the configuration");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let from_here = |arguments: &[&str]| {
        let mut carded = std::process::Command::new(env!("CARGO_BIN_EXE_carded"));
        carded.current_dir(site.path("")).args(["endpoints", "--config", "config.toml"]).args(arguments);
        assert!(carded.output().unwrap().status.success(), "{arguments:?}");
    };
    from_here(&["rotate", "shop"]);
    from_here(&["rotate", "shop", "--finish"]);
    let secrets = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
    assert_eq!(secrets.filter(|path| path.extension().unwrap() == "secret").count(), 1, "the old one is gone");
    assert_eq!(mode(), 0o600);
    // Whoever may not read the configuration may not read a new one.
    fs::set_permissions(site.path("config.toml"), fs::Permissions::from_mode(0o640)).unwrap();
    add(&site, "till", "https://till.example/");
    assert_eq!(fs::metadata(site.path("endpoints.d/till.toml")).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn commands_at_the_same_time_lose_no_change_of_each_other() {
    let site = Site::simulated();
    add(&site, "shop", "https://shop.example/");
    for _ in 0..4 {
        let commands = [vec!["rotate", "shop", "--grace-hours", "1"], vec!["disable", "shop"]];
        let running = commands
            .map(|arguments| site.command_of("endpoints", &arguments).stdout(std::process::Stdio::null()).spawn());
        for command in running {
            assert!(command.unwrap().wait().unwrap().success());
        }
        let shop = site.told("endpoints", &["list"])["endpoints"][0].clone();
        assert_eq!((&shop["enabled"], &shop["secrets"]), (&json!(false), &json!(2)));
        site.told("endpoints", &["enable", "shop"]);
        site.told("endpoints", &["rotate", "shop", "--finish"]);
    }
}
