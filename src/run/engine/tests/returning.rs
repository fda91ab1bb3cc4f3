//! Somebody who was verified before, at a till and over the API, with the letters read by the test.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use jiff::{SignedDuration, ToSpan as _};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::privacy::{ApiKeyKind, ApiKeyShape, Vocabulary};
use crate::run::clock::Clock;
use crate::run::clock::tests::TurnedClock;
use crate::session::protocol::{KeyOrder, Letter, NewKey, PrivateText, ReturnSaid};
use crate::store::tests::returning::verified_at;

const EMAIL: &str = "ana.diaz@shop.example";

/// An engine before a grey wall, in whose store somebody was verified a while ago who has left an address.
struct Device {
    bench: Bench,
    api: SocketAddr,
    running: Running,
}

impl Device {
    async fn start(verified_hours_ago: i64) -> Self {
        Self::with_clock(verified_hours_ago, Arc::new(SystemClock::new(None))).await
    }

    async fn with_clock(verified_hours_ago: i64, clock: Arc<dyn Clock>) -> Self {
        let api = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let mut bench = Bench::new(&format!("[api]\nlisten = \"{api}\"\n"));
        bench.clock = clock;
        let mut store = Store::open(&bench.config.device.state).unwrap();
        verified_at(&mut store, 1, Some(EMAIL), Timestamp::now() - verified_hours_ago.hours());
        drop(store);
        Self::over(bench, api).await
    }

    async fn over(bench: Bench, api: SocketAddr) -> Self {
        let running = bench.start().await;
        Self { bench, api, running }
    }

    async fn restarted(self) -> Self {
        self.running.stop().await;
        Self::over(self.bench, self.api).await
    }

    async fn stop(self) -> TempDir {
        self.running.stop().await;
        self.bench.folder
    }

    async fn connect(&self, role: ClientRole) -> Connection {
        self.bench.connect(role).await
    }

    /// A key of the API for tests.
    async fn key(&self) -> String {
        let mut operator = self.connect(ClientRole::Operator).await;
        let new = NewKey {
            kind: ApiKeyKind::Secret,
            livemode: false,
            shape: ApiKeyShape::Vk,
            label: "test".to_owned(),
            scopes: None,
            vocabulary: Vocabulary::Real,
            expires_at: None,
        };
        operator.send(&ClientMessage::Keys(KeyOrder::Make(new))).await.unwrap();
        let Body::Message(EngineMessage::Keys(made)) = operator.receive().await.unwrap() else { panic!() };
        made.text.unwrap()
    }

    /// Status and body of an answer.
    async fn post(&self, key: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: box\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len(),
        );
        let api = self.api;
        tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(api).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap())
        })
        .await
        .unwrap()
    }
}

/// Takes letters and says of each that it was sent, or that none could be.
fn postman(mut sync: Connection, sends: bool) -> mpsc::UnboundedReceiver<Option<Letter>> {
    let (taken, letters) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok(heard) = sync.receive().await {
            if let Body::Message(EngineMessage::Letter { ticket, letter }) = heard {
                let _ = taken.send(letter);
                sync.send(&ClientMessage::Posted { ticket, sent: sends }).await.unwrap();
            }
        }
    });
    letters
}

async fn said(till: &mut Connection) -> ReturnSaid {
    loop {
        let heard = timeout(PATIENCE, till.receive()).await.expect("the engine says something").unwrap();
        if let Body::Message(EngineMessage::Returning { said, .. }) = heard {
            return said;
        }
    }
}

async fn at_consent(till: &mut Connection) -> SessionId {
    till.send(&ClientMessage::Start).await.unwrap();
    prompt(till, |screen| *screen == Screen::Consent).await.session.unwrap()
}

fn ask(session: &SessionId, address: &str) -> ClientMessage {
    ClientMessage::AskCode {
        session: session.clone(),
        address: PrivateText(address.to_owned()),
        language: "en".to_owned(),
    }
}

fn enter(session: &SessionId, code: &str) -> ClientMessage {
    ClientMessage::EnterCode { session: session.clone(), code: PrivateText(code.to_owned()) }
}

/// A code of six digits that is not this one.
fn another(code: &str) -> &'static str {
    if code.starts_with('1') { "222 222" } else { "111 111" }
}

fn in_runtime(test: impl Future<Output = ()>) {
    if runtime().is_some() {
        tokio::runtime::Runtime::new().unwrap().block_on(test);
    }
}

#[test]
fn somebody_who_reads_the_code_that_was_sent_to_their_address_is_verified_by_what_they_have() {
    in_runtime(async {
        let device = Device::start(1).await;
        let mut letters = postman(device.connect(ClientRole::Sync).await, true);
        let mut till = device.connect(ClientRole::Till).await;
        let session = at_consent(&mut till).await;
        till.send(&ask(&session, "no address")).await.unwrap();
        assert_eq!(said(&mut till).await, ReturnSaid::NoAddress);
        till.send(&enter(&session, "123456")).await.unwrap();
        assert_eq!(said(&mut till).await, ReturnSaid::NoCode);
        // An address that nobody has left is answered alike, and gets no letter.
        till.send(&ask(&session, "bo@shop.example")).await.unwrap();
        assert_eq!((said(&mut till).await, letters.recv().await), (ReturnSaid::CodeSent, Some(None)));
        till.send(&enter(&session, "123456")).await.unwrap();
        assert_eq!(said(&mut till).await, ReturnSaid::WrongCode { left: 4 });
        till.send(&ask(&session, "Ana.Diaz@Shop.Example")).await.unwrap();
        assert_eq!(said(&mut till).await, ReturnSaid::CodeSent);
        let letter = letters.recv().await.unwrap().unwrap();
        assert_eq!((letter.to.0.as_str(), letter.minutes), (EMAIL, 10));
        till.send(&enter(&session, another(&letter.code.0))).await.unwrap();
        assert_eq!(said(&mut till).await, ReturnSaid::WrongCode { left: 4 });
        till.send(&enter(&session, &letter.code.0)).await.unwrap();
        // What is on the screen and what was said may come in either order.
        let (mut accepted, mut verified) = (false, false);
        while !(accepted && verified) {
            match timeout(PATIENCE, till.receive()).await.unwrap().unwrap() {
                Body::Message(EngineMessage::Returning { said, .. }) => accepted |= said == ReturnSaid::Accepted,
                Body::Message(EngineMessage::Prompt(prompt)) => verified |= prompt.screen == Screen::Verified,
                _ => {}
            }
        }
        let folder = device.stop().await;
        let store = Store::open(&folder.path().join("state")).unwrap();
        let outcome = store.kept_outcome(&session).unwrap().unwrap().outcome;
        assert_eq!((outcome.method(), outcome.livemode()), (Some("returning_email_code"), false));
        assert!(outcome.consent().is_none() && outcome.reuses().is_some());
        drop(store);
        // Nothing of the address or the code is anywhere in what was written.
        for file in ["store.db", "store.db-wal"].map(|name| folder.path().join("state").join(name)) {
            let bytes = std::fs::read(&file).unwrap_or_default();
            for canary in [EMAIL, "ana.diaz", &letter.code.0, &letter.code.0.replace(' ', "")] {
                assert!(!bytes.windows(canary.len()).any(|window| window == canary.as_bytes()), "{canary}");
            }
        }
    });
}

#[test]
fn without_a_connection_it_is_said_so_and_the_full_check_is_open() {
    in_runtime(async {
        let device = Device::start(1).await;
        let mut till = device.connect(ClientRole::Till).await;
        let session = at_consent(&mut till).await;
        till.send(&ask(&session, EMAIL)).await.unwrap();
        assert_eq!(said(&mut till).await, ReturnSaid::Offline, "nobody sends letters");
        let _letters = postman(device.connect(ClientRole::Sync).await, false);
        till.send(&ask(&session, EMAIL)).await.unwrap();
        assert_eq!(said(&mut till).await, ReturnSaid::Offline, "no server takes them");
        till.send(&agreed(session)).await.unwrap();
        prompt(&mut till, |screen| matches!(screen, Screen::Document { .. })).await;
        device.stop().await;
    });
}

#[test]
fn a_restart_asks_again_and_attempts_are_counted_across_it() {
    in_runtime(async {
        let device = Device::start(1).await;
        let mut letters = postman(device.connect(ClientRole::Sync).await, true);
        let mut till = device.connect(ClientRole::Till).await;
        let session = at_consent(&mut till).await;
        till.send(&ask(&session, EMAIL)).await.unwrap();
        assert_eq!(said(&mut till).await, ReturnSaid::CodeSent);
        let code = letters.recv().await.unwrap().unwrap().code.0.clone();
        for left in (2..=4).rev() {
            till.send(&enter(&session, another(&code))).await.unwrap();
            assert_eq!(said(&mut till).await, ReturnSaid::WrongCode { left });
        }
        drop(till);
        let device = device.restarted().await;
        let mut letters = postman(device.connect(ClientRole::Sync).await, true);
        let mut till = device.connect(ClientRole::Till).await;
        // The session starts over, with the same name.
        assert_eq!(prompt(&mut till, |screen| *screen == Screen::Consent).await.session.unwrap(), session);
        till.send(&enter(&session, &code)).await.unwrap();
        assert_eq!(said(&mut till).await, ReturnSaid::NoCode, "the code of before is forgotten");
        till.send(&ask(&session, EMAIL)).await.unwrap();
        assert_eq!(said(&mut till).await, ReturnSaid::CodeSent);
        let code = letters.recv().await.unwrap().unwrap().code.0.clone();
        for left in (0..=1).rev() {
            till.send(&enter(&session, another(&code))).await.unwrap();
            assert_eq!(said(&mut till).await, ReturnSaid::WrongCode { left });
        }
        till.send(&enter(&session, &code)).await.unwrap();
        assert!(matches!(said(&mut till).await, ReturnSaid::TooOften { .. }), "also the right one");
        device.stop().await;
    });
}

#[test]
fn the_api_finds_what_somebody_has_and_ends_a_session_by_it() {
    in_runtime(async {
        let device = Device::start(1).await;
        let mut letters = postman(device.connect(ClientRole::Sync).await, true);
        let key = device.key().await;
        let (status, found) = device.post(&key, "/v1/verified_person/lookup", &json!({ "email": EMAIL })).await;
        assert_eq!((status, &found["verified"], &found["livemode"]), (200, &true.into(), &false.into()), "{found}");
        assert!(found["verified_person_id"].as_str().unwrap().starts_with("vp_"));
        let credential = &found["credentials"][0];
        assert_eq!((&credential["strength"], &credential["age_tier"]), (&"document_face".into(), &"over_21".into()));
        for (asked, verified) in [
            (json!({ "email": "bo@shop.example" }), false),
            (json!({ "phone": "+14155550100" }), false),
            (json!({ "email": EMAIL, "min_age_tier": "over_18" }), true),
            (json!({ "email": EMAIL, "min_age_tier": "over_25" }), false),
            (json!({ "email": EMAIL, "max_age": 60 }), false),
        ] {
            let (_, found) = device.post(&key, "/v1/verified_person/lookup", &asked).await;
            assert_eq!(found["verified"], verified, "{asked}");
            assert_eq!(found["verified_person_id"].is_null(), !verified, "{asked}");
        }
        let (_, session) = device.post(&key, "/v1/verification_sessions", &json!({ "type": "age" })).await;
        let id = session["id"].as_str().unwrap();
        let unknown = json!({ "session": id, "email": "bo@shop.example" });
        let (status, error) = device.post(&key, "/v1/verified_person/code", &unknown).await;
        assert_eq!((status, &error["error"]["code"]), (400, &"credential_missing".into()), "{error}");
        let asked = json!({ "session": id, "email": EMAIL });
        let (status, sent) = device.post(&key, "/v1/verified_person/code", &asked).await;
        assert_eq!((status, &sent["expires_in"]), (200, &600.into()), "{sent}");
        let code = letters.recv().await.unwrap().unwrap().code.0.clone();
        let reuse = |code: &str| json!({ "session": id, "code": code });
        let wrong = device.post(&key, "/v1/verified_person/reuse", &reuse(another(&code))).await;
        assert_eq!((wrong.0, &wrong.1["error"]["code"]), (403, &"code_invalid".into()), "{wrong:?}");
        let (status, ended) = device.post(&key, "/v1/verified_person/reuse", &reuse(&code)).await;
        assert_eq!((status, &ended["status"]), (200, &"verified".into()), "{ended}");
        let (status, error) = device.post(&key, "/v1/verified_person/code", &asked).await;
        assert_eq!((status, &error["error"]["code"]), (400, &"session_not_open".into()), "{error}");
        // What was earned by coming again is nothing new, so that no address can be left with it.
        let left = json!({ "session": id, "phone": "+14155550100" });
        let (status, error) = device.post(&key, "/v1/verified_person/contact", &left).await;
        assert_eq!((status, &error["error"]["code"]), (400, &"credential_missing".into()), "{error}");
        let first = SessionId::from_random(&[1; SessionId::CHARACTERS]).stile();
        let left = json!({ "session": first, "phone": "+1 415 555 0100" });
        let (status, contact) = device.post(&key, "/v1/verified_person/contact", &left).await;
        assert_eq!(status, 200, "{contact}");
        let by_phone = json!({ "phone": "+14155550100" });
        let (_, found) = device.post(&key, "/v1/verified_person/lookup", &by_phone).await;
        assert_eq!(found["verified_person_id"], contact["verified_person_id"], "{found}");
        // Who is asked to say who they are cannot come again by an address.
        let (_, session) = device.post(&key, "/v1/verification_sessions", &json!({ "type": "identity" })).await;
        let asked = json!({ "session": session["id"], "email": EMAIL });
        let (_, error) = device.post(&key, "/v1/verified_person/code", &asked).await;
        assert_eq!(error["error"]["code"], "credential_missing", "{error}");
        device.stop().await;
    });
}

#[test]
fn what_is_over_finds_nobody_and_sends_nothing() {
    in_runtime(async {
        let device = Device::start(25).await;
        let mut letters = postman(device.connect(ClientRole::Sync).await, true);
        let key = device.key().await;
        let (_, found) = device.post(&key, "/v1/verified_person/lookup", &json!({ "email": EMAIL })).await;
        assert_eq!((&found["verified"], &found["credentials"]), (&false.into(), &json!([])), "{found}");
        let mut till = device.connect(ClientRole::Till).await;
        let session = at_consent(&mut till).await;
        till.send(&ask(&session, EMAIL)).await.unwrap();
        assert_eq!((said(&mut till).await, letters.recv().await), (ReturnSaid::CodeSent, Some(None)));
        device.stop().await;
    });
}

#[test]
fn what_is_over_stays_so_when_the_clock_is_set_back() {
    in_runtime(async {
        let clock = Arc::new(TurnedClock::default());
        let device = Device::with_clock(23, Arc::<TurnedClock>::clone(&clock)).await;
        let mut letters = postman(device.connect(ClientRole::Sync).await, true);
        let key = device.key().await;
        let by_email = json!({ "email": EMAIL });
        let (_, found) = device.post(&key, "/v1/verified_person/lookup", &by_email).await;
        assert_eq!(found["verified"], true, "an hour is left: {found}");
        clock.pass(Duration::from_hours(2));
        let (_, found) = device.post(&key, "/v1/verified_person/lookup", &by_email).await;
        assert_eq!(found["verified"], false, "{found}");
        clock.set(SignedDuration::from_hours(-3));
        let (status, found) = device.post(&key, "/v1/verified_person/lookup", &by_email).await;
        assert_eq!((status, &found["verified"]), (200, &false.into()), "{found}");
        let mut till = device.connect(ClientRole::Till).await;
        let session = at_consent(&mut till).await;
        till.send(&ask(&session, EMAIL)).await.unwrap();
        assert_eq!((said(&mut till).await, letters.recv().await), (ReturnSaid::CodeSent, Some(None)));
        device.stop().await;
    });
}
