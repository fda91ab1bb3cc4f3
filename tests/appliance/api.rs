//! The HTTP API over a running engine: the official SDKs, whole flows, keys, limits, streams and crashes.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use carded::session::protocol::{ClientMessage, ClientRole, EngineMessage, PrivateText};
use carded::session::{OutcomeResult, Screen};
use serde_json::{Value, json};

use crate::site::{PATIENCE, STOP_WITHIN, Site, alone, answer, wait_for, words};
use crate::support::skip;

/// An appliance with its API on a free port.
pub struct Served {
    pub site: Site,
    address: SocketAddr,
}

impl Served {
    pub fn new(site: Site, more: &str) -> Self {
        // Somebody else might take it in between; nobody does on a machine for tests.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let config = fs::read_to_string(site.path("config.toml")).unwrap();
        fs::write(site.path("config.toml"), format!("{config}\n[api]\nlisten = \"{address}\"\n{more}\n")).unwrap();
        Self { site, address }
    }

    fn simulated() -> Self {
        Self::new(Site::simulated(), "")
    }

    /// A key, made by the operator's own command.
    pub fn key(&self, more: &[&str]) -> String {
        let mut command = self.site.command("keys");
        let output = command.args(["--json", "create", "--label", "test"]).args(more).output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
        let made: Value = serde_json::from_slice(&output.stdout).unwrap();
        made["text"].as_str().unwrap().to_owned()
    }

    pub fn ask(&self, key: &str, method: &str, path: &str, body: &str) -> Heard {
        self.ask_with(&format!("Authorization: Bearer {key}\r\n"), method, path, body)
    }

    fn ask_with(&self, headers: &str, method: &str, path: &str, body: &str) -> Heard {
        let kind = if body.starts_with('{') { "application/json" } else { "application/x-www-form-urlencoded" };
        let kind = if body.is_empty() { String::new() } else { format!("Content-Type: {kind}\r\n") };
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: box\r\n{headers}{kind}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        Heard::of(&text)
    }
}

/// An answer.
#[derive(Debug)]
pub struct Heard {
    status: u16,
    head: String,
    body: Value,
}

impl Heard {
    fn of(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head: head.to_lowercase(), body: serde_json::from_str(body).unwrap_or(Value::Null) }
    }

    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.body
    }

    pub fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, &self.body["error"]["code"]), (status, &json!(code)), "{self:?}");
        self.body
    }
}

fn sdk(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/sdk").join(name);
    if folder.join(".installed").exists() {
        return Some(folder);
    }
    skip(&format!("the official SDK for {name} is not installed; run tests/sdk/install"));
    None
}

fn drive(program: &str, script: &str, arguments: &[&str], keys: &Value) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk").join(script);
    let mut command = Command::new(program);
    command.arg(script).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(keys.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stdout), words(&output));
}

#[test]
fn the_official_sdks_drive_whole_flows() {
    let _alone = alone();
    let served = Served::simulated();
    let _engine = served.site.ready("engine");
    let address = served.address;
    if let Some(folder) = sdk("python") {
        let keys = json!({
            "test": served.key(&["--shape", "sk"]),
            "limited": served.key(&["--shape", "sk"]),
            "read_only": served.key(&["--shape", "sk", "--scope", "sessions_read"]),
        });
        drive("python3", "python/flow.py", &[folder.to_str().unwrap(), &format!("http://{address}")], &keys);
    }
    if let Some(folder) = sdk("node") {
        let keys = json!({ "test": served.key(&["--shape", "sk"]), "limited": served.key(&["--shape", "sk"]) });
        let port = address.port().to_string();
        drive("node", "node/flow.mjs", &[folder.to_str().unwrap(), "127.0.0.1", &port], &keys);
    }
}

const STRIPE: &str = "/v1/identity/verification_sessions";
const STILE: &str = "/v1/verification_sessions";

#[test]
fn a_live_session_is_shown_at_once_and_a_second_one_is_told_to_wait() {
    let _alone = alone();
    let shop = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let texts = "[sessions]\nconsent_texts = [\"counter-2026.1\"]";
    let served = Served::new(Site::reporting_to(shop.local_addr().unwrap()), texts);
    let _engine = served.site.ready("engine");
    let key = served.key(&["--live"]);
    let made = served.ask(&key, "POST", STILE, r#"{"use_case":"alcohol_in_person","metadata":{"till":"2"}}"#).ok();
    assert_eq!((&made["status"], &made["metadata"]["till"]), (&json!("pending"), &json!("2")));
    // What no pinned camera sees is never live.
    assert_eq!(made["livemode"], false);
    let mut till = served.site.till();
    let shown = till.prompt(|screen| *screen == Screen::Consent).session.unwrap();
    assert_eq!(made["id"], shown.stile());
    let second = served.ask(&key, "POST", STRIPE, "type=document").refused(400, "session_in_progress");
    assert!(second["error"]["message"].as_str().unwrap().contains("cancel it"));

    // Either dialect finds it, and a test key does not.
    let stripe = served.ask(&key, "GET", &format!("{STRIPE}/{}", shown.stripe()), "").ok();
    assert_eq!((&stripe["status"], &stripe["id"]), (&json!("requires_input"), &json!(shown.stripe())));
    let test = served.key(&[]);
    served.ask(&test, "GET", &format!("{STRIPE}/{}", shown.stripe()), "").refused(404, "resource_missing");

    // The person does not agree: the session ends, with the reason in either's words.
    till.say(&answer(&shown, true, ("counter-2025.9", "de-CH")));
    assert!(till.refusal().contains("consent_texts"));
    till.say(&answer(&shown, false, ("counter-2026.1", "de-CH")));
    till.prompt(|screen| matches!(screen, Screen::NotVerified { .. }));
    let ended = served.ask(&key, "GET", &format!("{STILE}/{}", shown.stile()), "").ok();
    assert_eq!((&ended["status"], &ended["last_error"]["code"]), (&json!("failed"), &json!("consent_declined")));
    let consent = &ended["carded"]["outcome"]["consent"];
    assert_eq!((&consent["given"], &consent["shown_by"]), (&json!(false), &json!("till")));
    assert_eq!((&consent["version"], &consent["language"]), (&json!("counter-2026.1"), &json!("de-CH")));
    assert!(ended["carded"]["attestation"].as_str().unwrap().split('.').count() == 3);
    let third = served.ask(&key, "POST", STRIPE, "type=document&carded[use_case]=tobacco_nicotine").ok();
    let cancel = format!("{STRIPE}/{}/cancel", third["id"].as_str().unwrap());
    assert_eq!(served.ask(&key, "POST", &cancel, "").ok()["status"], "canceled");
    till.prompt(|screen| matches!(screen, Screen::Canceled { .. }));
}

#[test]
fn a_display_with_a_client_secret_starts_watches_and_cancels_its_session_and_sees_no_result() {
    let _alone = alone();
    let shop = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let served = Served::new(Site::reporting_to(shop.local_addr().unwrap()), "sessions_wait = true");
    let _engine = served.site.ready("engine");
    let (key, display) = (served.key(&["--live"]), served.key(&["--live", "--publishable"]));
    let made = served.ask(&key, "POST", STRIPE, "type=document").ok();
    assert_eq!(made["status"], "requires_input");
    let (id, secret) = (made["id"].as_str().unwrap(), made["client_secret"].as_str().unwrap());
    let with_secret = format!("client_secret={secret}");
    let mut stream = TcpStream::connect(served.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let watch = format!(
        "GET {STRIPE}/{id}/events?{with_secret} HTTP/1.1\r\nHost: box\r\nAuthorization: Bearer {display}\r\n\r\n"
    );
    stream.write_all(watch.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let mut heard = |wanted: &str| {
        let line = lines.find(|line| line.contains(wanted));
        line.unwrap_or_else(|| panic!("{wanted} was not heard"))
    };
    heard("text/event-stream");
    assert!(heard("data:").contains(r#""phase":"waiting""#));
    let started = served.ask(&display, "POST", &format!("{STRIPE}/{id}/start"), &with_secret).ok();
    assert_eq!(started["object"], "carded.session_progress");
    heard(r#""phase":"consent""#);

    // Nothing else is open to it: not the session itself, not another's, not without the secret.
    served.ask(&display, "GET", &format!("{STRIPE}/{id}"), "").refused(403, "permission_denied");
    served.ask(&display, "POST", STRIPE, "type=document").refused(403, "permission_denied");
    served.ask(&display, "POST", &format!("{STRIPE}/{id}/cancel"), "").refused(403, "permission_denied");
    let touched = format!("{}x", &with_secret[..with_secret.len() - 1]);
    served.ask(&display, "POST", &format!("{STRIPE}/{id}/cancel"), &touched).refused(403, "permission_denied");
    let other = format!("{STRIPE}/vs_{}/cancel", "0".repeat(24));
    served.ask(&display, "POST", &other, &with_secret).refused(403, "permission_denied");

    let canceled = served.ask(&display, "POST", &format!("{STRIPE}/{id}/cancel"), &with_secret).ok();
    assert_eq!((&canceled["phase"], canceled.get("status")), (&json!("finished"), None));
    assert!(heard("event: finished").contains("finished"));
    let data = heard("data:");
    assert!(!data.contains("cancel") && !data.contains("status"), "{data}");
}

#[test]
fn a_request_that_a_crash_cut_off_is_done_once_and_answered_again() {
    let _alone = alone();
    let served = Served::simulated();
    let engine = served.site.ready("engine");
    let key = served.key(&[]);
    let repeated = format!("Authorization: Bearer {key}\r\nIdempotency-Key: order-9\r\n");
    let form = "type=document&client_reference_id=once&provided_details[email]=jenny%40shop.example";
    let first = served.ask_with(&repeated, "POST", STRIPE, form).ok();
    engine.signal("-KILL");
    drop(engine);
    let _engine = served.site.ready("engine");
    let again = served.ask_with(&repeated, "POST", STRIPE, form);
    assert!(again.head.contains("idempotent-replayed: true"), "{}", again.head);
    assert_eq!(again.ok(), first);
    let all = served.ask(&key, "GET", &format!("{STRIPE}?client_reference_id=once"), "").ok();
    assert_eq!(all["data"].as_array().unwrap().len(), 1);
    served.ask_with(&repeated, "POST", STRIPE, "type=document").refused(400, "idempotency_mismatch");

    // Neither secrets nor what was said of the person are in the file.
    let secret = first["client_secret"].as_str().unwrap().rsplit('_').next().unwrap().to_owned();
    let key_text = key.rsplit('_').next().unwrap().to_owned();
    for file in ["store.db", "store.db-wal"] {
        let bytes = fs::read(served.site.path("state").join(file)).unwrap_or_default();
        for text in [secret.as_str(), key_text.as_str(), "jenny", "order-9"] {
            let found = bytes.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!found, "{text} is in {file}");
        }
    }
}

#[test]
fn keys_are_made_rotated_and_revoked_while_the_engine_runs_and_while_it_does_not() {
    let _alone = alone();
    let served = Served::simulated();
    let before = served.key(&[]);
    let engine = served.site.ready("engine");
    let list = |key: &str| served.ask(key, "GET", STRIPE, "");
    list(&before).ok();
    let operate = |arguments: &[&str]| {
        let output = served.site.command("keys").arg("--json").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let id = operate(&["list"])["keys"][0]["id"].as_str().unwrap().to_owned();
    let rotated = operate(&["rotate", &id])["text"].as_str().unwrap().to_owned();
    list(&before).ok();
    list(&rotated).ok();
    let all = operate(&["list"]);
    let old = all["keys"].as_array().unwrap().iter().find(|key| key["id"] == id.as_str()).unwrap();
    assert!(old["replaced_by"].is_string() && old["expires"].is_number() && old["last_used"].is_number(), "{old}");
    assert!(!all.to_string().contains(rotated.rsplit('_').next().unwrap()));
    operate(&["revoke", &id]);
    list(&before).refused(401, "api_key_invalid");
    list(&rotated).ok();
    served.ask_with("", "GET", STRIPE, "").refused(401, "api_key_missing");
    served.ask(&served.key(&["--live"]), "GET", STRIPE, "").refused(403, "live_endpoint_missing");
    engine.stop(STOP_WITHIN);
}

#[test]
fn what_is_huge_slow_or_malformed_is_refused_in_words_and_others_are_served() {
    let _alone = alone();
    let served = Served::simulated();
    let _engine = served.site.ready("engine");
    let key = served.key(&[]);
    // Held open and silent while the others are served.
    let _silent: Vec<_> = (0..16).map(|_| TcpStream::connect(served.address).unwrap()).collect();
    let long = format!("client_reference_id={}", "x".repeat(200_000));
    served.ask(&key, "POST", STRIPE, &long).refused(413, "body_too_large");
    served.ask(&key, "POST", STRIPE, r#"{"type":"document"}"#).refused(415, "media_type_unsupported");
    served.ask(&key, "POST", STILE, "type=age").refused(415, "media_type_unsupported");
    served.ask(&key, "DELETE", STRIPE, "").refused(405, "method_not_allowed");
    served.ask(&key, "GET", "/v1/customers", "").refused(404, "route_missing");
    served.ask(&key, "POST", STILE, r#"{"use_case":"parachuting"}"#).refused(400, "parameter_invalid");
    served.ask(&key, "POST", STILE, r#"{"jurisdiction":"XX-YY"}"#).refused(400, "jurisdiction_unresolvable");
    served.ask(&key, "POST", STILE, r#"{"type":"age","#).refused(400, "parameter_invalid");
    let headers = format!("X-Long: {}\r\n", "y".repeat(90)).repeat(200);
    assert!(matches!(served.ask_with(&headers, "GET", STRIPE, "").status, 400..=499));
    let page = served.ask_with("", "GET", "/", "");
    assert_eq!((page.status, page.head.contains("text/html")), (200, true));
    let described = served.ask_with("", "GET", "/openapi.json", "").ok();
    assert_eq!(described["openapi"], "3.1.0");
}

#[test]
fn beyond_loopback_there_is_nothing_without_a_certificate_and_with_one_it_is_spoken() {
    let _alone = alone();
    let site = Site::simulated();
    let config = fs::read_to_string(site.path("config.toml")).unwrap();
    let with = |api: &str| fs::write(site.path("config.toml"), format!("{config}\n[api]\n{api}\n")).unwrap();
    with("listen = \"0.0.0.0:0\"");
    let open = site.command("engine").output().unwrap();
    assert_eq!(open.status.code(), Some(2), "{}", words(&open));
    assert!(words(&open).contains("tls_certificate"), "{}", words(&open));

    let (chain, private) = (site.path("box.crt"), site.path("box.key"));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]);
    openssl.args(["-subj", "/CN=carded", "-addext", "subjectAltName=IP:127.0.0.1"]);
    openssl.arg("-keyout").arg(&private).arg("-out").arg(&chain).stderr(Stdio::null());
    if !openssl.status().is_ok_and(|status| status.success()) {
        skip("openssl is not installed: the API over TLS was not tried");
        return;
    }
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let pair = format!("tls_certificate = \"{}\"\ntls_key = \"{}\"", chain.display(), private.display());
    with(&format!("listen = \"{address}\"\n{pair}"));
    let _engine = site.ready("engine");
    let fetch = format!("https://{address}/openapi.json");
    let python = "import ssl, sys, urllib.request\n\
                  pinned = ssl.create_default_context(cafile=sys.argv[2])\n\
                  print(urllib.request.urlopen(sys.argv[1], context=pinned).status)";
    let heard = Command::new("python3").args(["-c", python, &fetch]).arg(&chain).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&heard.stdout).trim(), "200", "{}", words(&heard));
    // Without TLS nothing is said.
    let mut plain = TcpStream::connect(address).unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: box\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"));
}

#[test]
fn sessions_that_wait_survive_a_restart() {
    let _alone = alone();
    let served = Served::simulated();
    let engine = served.site.ready("engine");
    let key = served.key(&[]);
    let made = served.ask(&key, "POST", STRIPE, "type=document").ok();
    engine.stop(STOP_WITHIN);
    let _engine = served.site.ready("engine");
    let path = format!("{STRIPE}/{}", made["id"].as_str().unwrap());
    let found =
        wait_for("the session", || Some(served.ask(&key, "GET", &path, "")).filter(|heard| heard.status == 200));
    assert_eq!(found.ok()["status"], "requires_input");
}

#[test]
fn a_test_session_that_ends_leaves_the_attempts_of_the_person_before_the_camera_alone() {
    let _alone = alone();
    let served = Served::new(Site::simulated(), "[sessions]\nfailed_attempts_per_hour = 1");
    let _engine = served.site.ready("engine");
    let key = served.key(&[]);
    let (mut till, session) = served.site.agreed();
    till.prompt(|screen| matches!(screen, Screen::Document { .. }));
    for outcome in ["verified", "expired", "canceled"] {
        served.ask(&key, "POST", STRIPE, &format!("type=document&metadata[carded_test_outcome]={outcome}")).ok();
    }
    // The attempt was broken off by the till, and counts.
    till.say(&ClientMessage::Cancel { session });
    till.prompt(|screen| matches!(screen, Screen::Canceled { .. }));
    till.say(&ClientMessage::Start);
    assert!(till.refusal().contains("too many attempts"));
}

/// Examples of each address; the documentation has the figure of a longer run.
const EXAMPLES: &str = "12";

#[test]
fn schemathesis_finds_nothing() {
    let Some(folder) = sdk("schemathesis") else { return };
    let _alone = alone();
    let shop = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    // Sessions that wait end by themselves only after a day, and a live key may ask a thousand times a minute.
    let served = Served::new(Site::reporting_to(shop.local_addr().unwrap()), "sessions_wait = true");
    let _engine = served.site.ready("engine");
    let key = served.key(&["--live"]);
    let examples = std::env::var("CARDED_SCHEMATHESIS_EXAMPLES").unwrap_or_else(|_| EXAMPLES.to_owned());
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", folder).args(["-m", "schemathesis.cli", "run", "--no-color", "--checks", "all"]);
    // Whether a well-formed request is carried out hangs on what stands before it: a session that has ended cannot be
    // canceled, and Stripe's clients want a 400 for that.
    command.args(["--exclude-checks", "positive_data_acceptance"]);
    // A stream has no end; it has a test of its own.
    command.args(["--exclude-operation-id", "stripe_watchSession", "--exclude-operation-id", "stile_watchSession"]);
    command.args(["--rate-limit", "900/m", "--max-examples", &examples, "--generation-database", "none"]);
    command.args(["--header", &format!("Authorization: Bearer {key}")]);
    command.arg(format!("http://{}/openapi.json", served.address)).current_dir(served.site.path(""));
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", words(&output));
}

impl Served {
    /// A staff code, made by the operator's own command.
    fn staff_code(&self) -> String {
        let mut command = self.site.command("staff");
        let output = command.args(["--json", "add", "--label", "counter"]).output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
        let made: Value = serde_json::from_slice(&output.stdout).unwrap();
        made["code"].as_str().unwrap().to_owned()
    }

    /// An appliance whose shop hears everything in Stripe's words.
    fn in_stripe_s_words(more: &str) -> (Self, TcpListener) {
        let shop = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let served = Self::new(Site::reporting_to(shop.local_addr().unwrap()), more);
        let config = fs::read_to_string(served.site.path("config.toml")).unwrap();
        fs::write(served.site.path("config.toml"), config.replace("\"stile\"", "\"stripe\"")).unwrap();
        (served, shop)
    }

    fn due_types(&self) -> Vec<String> {
        let body = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        self.site.due().iter().map(|due| body(&due.body)["type"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn the_staff_override_an_outcome_by_their_code_and_it_stays_beside_the_new_one() {
    let _alone = alone();
    let (served, _shop) = Served::in_stripe_s_words("");
    let _engine = served.site.ready("engine");
    let (key, code) = (served.key(&[]), served.staff_code());
    let chosen = "type=document&metadata[carded_test_outcome]=selfie_face_mismatch";
    let id = served.ask(&key, "POST", STRIPE, chosen).ok()["id"].as_str().unwrap().to_owned();
    let address = format!("{STRIPE}/{id}/override");
    let wish = format!("staff_code={}&result=verified", code.replace(' ', "%20"));
    // A display's key may not, and without a code of this device nobody may.
    let display = served.key(&["--publishable"]);
    served.ask(&display, "POST", &address, &wish).refused(403, "permission_denied");
    served.ask(&key, "POST", &address, "staff_code=0000&result=verified").refused(400, "parameter_invalid");
    served.ask(&key, "POST", &address, &format!("{wish}x")).refused(400, "parameter_invalid");
    let wrong = if code == "0000 0000" { "11111111" } else { "00000000" };
    let wrong = format!("staff_code={wrong}&result=verified");
    let refused = served.ask(&key, "POST", &address, &wrong).refused(403, "staff_code_invalid");
    assert_eq!(refused["error"]["param"], "staff_code");

    let before = served.ask(&key, "GET", &format!("{STRIPE}/{id}"), "").ok();
    assert_eq!(before["carded"]["overridden_by"], Value::Null);
    let after = served.ask(&key, "POST", &address, &wish).ok();
    assert_eq!((&after["status"], &after["last_error"]), (&before["status"], &before["last_error"]));
    assert_eq!(after["carded"]["outcome"], before["carded"]["outcome"]);
    let new = &after["carded"]["overridden_by"]["outcome"];
    assert_eq!((&new["result"], &new["livemode"]), (&json!("verified"), &json!(false)));
    assert_eq!(new["overrides"]["outcome"], before["carded"]["outcome"]["id"]);
    assert!(new["overrides"]["staff"].as_str().unwrap().starts_with("stf_"));
    // Asked again it is the same, and another way round a new one.
    assert_eq!(served.ask(&key, "POST", &address, &wish).ok()["carded"], after["carded"]);
    let back = served.ask(&key, "POST", &address, &wish.replace("=verified", "=not_verified")).ok();
    assert_eq!(back["carded"]["overridden_by"]["outcome"]["reason"], "staff_refused");
    let types = served.due_types();
    assert_eq!(types.iter().filter(|name| *name == "carded.outcome.overridden").count(), 2, "{types:?}");

    // Wrong codes lock all of them, and nothing of it is in any file but as a keyed hash.
    for _ in 1..10 {
        served.ask(&key, "POST", &address, &wrong).refused(403, "staff_code_invalid");
    }
    let locked = served.ask(&key, "POST", &address, &wish);
    assert!(locked.head.contains("retry-after:"), "{locked:?}");
    locked.refused(403, "staff_codes_locked");
    let digits = code.replace(' ', "");
    for file in fs::read_dir(served.site.path("state")).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(digits.len()).any(|window| window == digits.as_bytes()));
    }
}

#[test]
fn a_flag_that_is_configured_waits_for_the_staff_and_ends_as_they_say() {
    let _alone = alone();
    let (served, _shop) = Served::in_stripe_s_words(
        "[sessions]\nscreen_flash = \"require\"\nreview_flags = [\"screen_flash_simulated\"]",
    );
    let _engine = served.site.ready("engine");
    // What a device with a simulated camera starts by itself is of test mode.
    let (key, code) = (served.key(&[]), served.staff_code());
    let (mut till, session) = served.site.agreed();
    till.prompt(|screen| *screen == Screen::Review);
    let address = format!("{STRIPE}/{}", session.stripe());
    assert_eq!(served.ask(&key, "GET", &address, "").ok()["status"], "processing");
    assert_eq!(served.due_types(), ["identity.verification_session.processing"]);
    // Over the API only the staff end what waits for them.
    served.ask(&key, "POST", &format!("{address}/cancel"), "staff_code=12").refused(400, "parameter_invalid");
    // Neither a display, which is no authority, nor a till without a code decides.
    let review = |accepted, code: &str| ClientMessage::Review {
        session: session.clone(),
        accepted,
        code: PrivateText(code.to_owned()),
    };
    let mut display = served.site.client(ClientRole::Display).unwrap();
    display.say(&review(true, &code));
    assert!(display.refusal().contains("and nothing else"));
    till.say(&review(true, "12"));
    assert!(till.refusal().contains("eight digits"));
    served.ask(&key, "POST", &format!("{address}/cancel"), "").refused(400, "session_not_open");
    assert_eq!(served.ask(&key, "GET", &address, "").ok()["status"], "processing");

    // The till's backend answers, and loses the answer: asked again it gets the same, whatever code it gives then.
    let accepted = format!("staff_code={}&decision=accepted", code.replace(' ', ""));
    let headers = format!("Authorization: Bearer {key}\r\nIdempotency-Key: review-1\r\n");
    let review_at = format!("{address}/review");
    let first = served.ask_with(&headers, "POST", &review_at, &accepted).ok();
    till.prompt(|screen| *screen == Screen::Verified);
    let again = served.ask_with(&headers, "POST", &review_at, "staff_code=00000000&decision=accepted");
    assert!(again.head.contains("idempotent-replayed: true"));
    assert_eq!(again.ok(), first);
    let ended = served.ask(&key, "GET", &address, "").ok();
    let outcome = &ended["carded"]["outcome"];
    assert_eq!((&ended["status"], &outcome["review"]["accepted"]), (&json!("verified"), &json!(true)));
    assert!(outcome["review"]["staff"].as_str().unwrap().starts_with("stf_"));
    assert_eq!(outcome["flags"], json!(["screen_flash_simulated"]));
    assert_eq!(outcome["consent"]["given"], true);
    // One of the staff has second thoughts, at the till.
    let result = OutcomeResult::NotVerified;
    till.say(&ClientMessage::Override { session: session.clone(), result, code: PrivateText(code.clone()) });
    while till.hear() != (EngineMessage::Heeded { session: session.clone() }) {}
    let overridden = served.ask(&key, "GET", &address, "").ok();
    assert_eq!(overridden["status"], "verified");
    assert_eq!(overridden["carded"]["overridden_by"]["outcome"]["result"], "not_verified");
    // A second answer comes too late, and so does an end.
    let cancel = format!("staff_code={}", code.replace(' ', ""));
    served.ask(&key, "POST", &format!("{address}/cancel"), &cancel).refused(400, "session_not_open");
    let again = format!("staff_code={}&decision=refused", code.replace(' ', ""));
    served.ask(&key, "POST", &format!("{address}/review"), &again).refused(400, "session_not_open");
}

#[test]
fn what_the_law_of_a_place_asks_for_is_told_and_what_it_forbids_is_refused() {
    let _alone = alone();
    let served = Served::simulated();
    let _engine = served.site.ready("engine");
    let key = served.key(&[]);
    let check = "/v1/compliance/check?use_cases=alcohol_in_person,tobacco_nicotine&jurisdiction=";
    let said = served.ask(&key, "GET", &format!("{check}US-CA"), "").ok();
    assert_eq!((&said["required_age_tier"], &said["prohibited"]), (&json!("over_21"), &json!(false)));
    assert!(said["sources"][0]["url"].as_str().unwrap().starts_with("http"));
    let part = served.ask(&key, "GET", &format!("{check}DE-BE"), "").ok();
    assert_eq!(part["required_age_tier"], "over_18");
    served.ask(&key, "GET", &format!("{check}CH-ZH"), "").refused(400, "jurisdiction_unresolvable");
    served.ask(&key, "GET", "/v1/compliance/check?jurisdiction=US-CA", "").refused(400, "parameter_invalid");
    let narrow = served.key(&["--scope", "sessions_read"]);
    served.ask(&narrow, "GET", &format!("{check}US-CA"), "").refused(403, "permission_denied");
    // Nobody may: no session is made for it.
    let cannabis = r#"{"use_case":"cannabis_dispensary","jurisdiction":"US-ID"}"#;
    let refused = served.ask(&key, "POST", STILE, cannabis).refused(400, "use_case_prohibited");
    assert_eq!(refused["error"]["param"], "use_case");
    assert_eq!(served.ask(&key, "GET", STILE, "").ok()["data"], json!([]));
}
