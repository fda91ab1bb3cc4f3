//! Events over real HTTP: our deliverer against our receiver, and against receivers that do everything wrong.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;
#[path = "webhooks/tls.rs"]
mod tls;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use carded::session::Dialect;
use carded::session::protocol::{ClientMessage, Delivery, EngineMessage, LeaseWish, Settlement};
use carded::sync::{
    Answer, Deliverer, DeliveryLimits, Endpoint, EngineLink, MAX_BODY_BYTES, MAX_IN_HAND, MAX_OF_ENDPOINT, NoAnswer,
    RetryBounds, Schedule, SyncError, run,
};
use support::events;
use support::receiver::{LIMIT, at, now, receiver, receiver_on, secret};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

fn endpoint(name: &str, url: &str) -> Endpoint {
    Endpoint::new(name.parse().unwrap(), url, Dialect::Stile, vec![secret()]).unwrap()
}

/// Short enough that a receiver that hangs costs a test less than a second.
fn short() -> DeliveryLimits {
    DeliveryLimits { connect: Duration::from_millis(400), total: Duration::from_millis(600), answer_bytes: 4096 }
}

fn delivery(number: i64, endpoint: &str) -> Delivery {
    let (event, body) = events::canceled(number);
    Delivery { delivery: number, event, endpoint: endpoint.to_owned(), body, attempts: 0 }
}

fn settle(answer: &Answer) -> Settlement {
    Schedule::new(RetryBounds::default()).settle(1, 0, answer, Duration::ZERO, 0.0)
}

/// What a hostile receiver does after it has read a request.
#[derive(Clone)]
enum Then {
    Close,
    Hang,
    Repeat(&'static [u8], Duration),
}

struct Hostile {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

/// A receiver that answers every request with the same bytes, and then does something.
async fn hostile(reply: impl Into<Vec<u8>>, then: Then) -> Hostile {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(AtomicUsize::new(0));
    let (counted, reply) = (Arc::clone(&requests), reply.into());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let (reply, then) = (reply.clone(), then.clone());
            tokio::spawn(async move {
                read_request(&mut stream).await;
                let _ = stream.write_all(&reply).await;
                match then {
                    Then::Close => {}
                    Then::Hang => std::future::pending().await,
                    Then::Repeat(bytes, pause) => {
                        while stream.write_all(bytes).await.is_ok() {
                            tokio::time::sleep(pause).await;
                        }
                    }
                }
            });
        }
    });
    Hostile { address, requests }
}

/// Reads one request to the end of its body, as far as it is one, and gives it back.
async fn read_request(stream: &mut TcpStream) -> Vec<u8> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            if body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0) {
                return request;
            }
        } else if request.first().is_some_and(|first| !first.is_ascii()) || request.starts_with(&[22]) {
            // The beginning of a TLS handshake.
            return request;
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return request,
            Ok(read) => request.extend_from_slice(&buffer[..read]),
        }
    }
}

fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}", body.len())
}

async fn attempt(url: &str) -> Answer {
    let deliverer = Deliverer::new(vec![endpoint("till", url)], short()).unwrap();
    timeout(LIMIT, deliverer.attempt(&delivery(1, "till"))).await.unwrap()
}

/// An engine in memory: an outbox behind the two channels, which gives back at once what is to be tried again.
struct Engine {
    link: Option<EngineLink>,
    outbox: Arc<Mutex<Outbox>>,
    announce: mpsc::Sender<EngineMessage>,
}

#[derive(Default)]
struct Outbox {
    due: VecDeque<Delivery>,
    leased: BTreeMap<i64, Delivery>,
    settled: Vec<(i64, Settlement)>,
    /// What is retried waits here until the test says that its time has come.
    later: Vec<Delivery>,
    largest_lease: usize,
}

fn engine(deliveries: Vec<Delivery>) -> Engine {
    let (to_engine, mut asked) = mpsc::channel(4);
    let (say, from_engine) = mpsc::channel(4);
    let outbox = Arc::new(Mutex::new(Outbox { due: deliveries.into(), ..Outbox::default() }));
    let (shared, announce) = (Arc::clone(&outbox), say.clone());
    tokio::spawn(async move {
        while let Some(message) = asked.recv().await {
            let answer = match message {
                ClientMessage::Lease(wish) => shared.lock().unwrap().lease(&wish),
                ClientMessage::Settle { delivery, outcome } => shared.lock().unwrap().settle(delivery, outcome),
                other => panic!("sync asked {other:?}"),
            };
            if say.send(answer).await.is_err() {
                break;
            }
        }
    });
    Engine { link: Some(EngineLink { to_engine, from_engine }), outbox, announce }
}

impl Outbox {
    fn lease(&mut self, wish: &LeaseWish) -> EngineMessage {
        let mut given: BTreeMap<String, u16> = BTreeMap::new();
        let (mut deliveries, mut left) = (Vec::new(), VecDeque::new());
        for delivery in self.due.drain(..) {
            let count = given.entry(delivery.endpoint.clone()).or_default();
            if deliveries.len() < usize::from(wish.most) && *count < wish.room(&delivery.endpoint) {
                *count += 1;
                deliveries.push(delivery);
            } else {
                left.push_back(delivery);
            }
        }
        self.due = left;
        self.leased.extend(deliveries.iter().map(|delivery| (delivery.delivery, delivery.clone())));
        self.largest_lease = self.largest_lease.max(self.leased.len());
        EngineMessage::Leased { deliveries, next_ms: None }
    }

    fn settle(&mut self, number: i64, outcome: Settlement) -> EngineMessage {
        let mut delivery = self.leased.remove(&number).expect("only what is leased is settled, and once");
        match outcome {
            Settlement::Retry { .. } => {
                delivery.attempts += 1;
                self.later.push(delivery);
            }
            Settlement::Untried => self.due.push_back(delivery),
            Settlement::Acknowledged | Settlement::Dead { .. } => {}
        }
        self.settled.push((number, outcome));
        EngineMessage::Settled { delivery: number }
    }

    fn acknowledged(&self) -> BTreeSet<i64> {
        let of = self.settled.iter().filter(|(_, settlement)| *settlement == Settlement::Acknowledged);
        of.map(|(number, _)| *number).collect()
    }
}

impl Engine {
    /// Lets the time come of all that waits for another attempt.
    async fn later_is_now(&self) {
        {
            let mut outbox = self.outbox.lock().unwrap();
            let later = std::mem::take(&mut outbox.later);
            outbox.due.extend(later);
        }
        self.announce.send(EngineMessage::Due).await.unwrap();
    }

    async fn until(&self, what: &str, condition: impl Fn(&Outbox) -> bool) {
        let started = Instant::now();
        while !condition(&self.outbox.lock().unwrap()) {
            assert!(started.elapsed() < LIMIT, "{what}: {:?}", self.outbox.lock().unwrap().settled);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn nothing_is_acknowledged_without_2xx() {
    let elsewhere = hostile(http("200 OK", "", "ok"), Then::Close).await;
    let redirect = format!("location: {}\r\n", at(elsewhere.address));
    let page = "<!DOCTYPE html><html><body>please log in to the guest network</body></html>";
    for (name, reply, then, expected) in [
        ("hangs", String::new(), Then::Hang, Err(NoAnswer::Timeout)),
        ("drips", "HTTP/1.1 200".to_owned(), Then::Repeat(b" ", Duration::from_millis(20)), Err(NoAnswer::Timeout)),
        ("closes at once", String::new(), Then::Close, Err(NoAnswer::Interrupted)),
        ("closes mid-head", "HTTP/1.1 200 OK\r\ncont".to_owned(), Then::Close, Err(NoAnswer::Interrupted)),
        (
            "closes mid-answer",
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nok".to_owned(),
            Then::Close,
            Err(NoAnswer::Interrupted),
        ),
        (
            "hangs mid-answer",
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nok".to_owned(),
            Then::Hang,
            Err(NoAnswer::Timeout),
        ),
        ("speaks no HTTP", "220 mail.example ESMTP\r\n".to_owned(), Then::Close, Err(NoAnswer::Interrupted)),
        ("500", http("500 Oops", "", "trace"), Then::Close, Ok(500)),
        ("503", http("503 Busy", "", ""), Then::Close, Ok(503)),
        ("404", http("404 Not Found", "", "no"), Then::Close, Ok(404)),
        ("401", http("401 Unauthorized", "www-authenticate: Basic\r\n", ""), Then::Close, Ok(401)),
        ("302", http("302 Found", &redirect, ""), Then::Close, Ok(302)),
        ("307", http("307 Temporary Redirect", &redirect, ""), Then::Close, Ok(307)),
        ("308", http("308 Permanent Redirect", &redirect, ""), Then::Close, Ok(308)),
        ("portal", http("200 OK", "content-type: text/html\r\n", page), Then::Close, Ok(200)),
        ("endless 500", "HTTP/1.1 500 Oops\r\n\r\n".to_owned(), Then::Repeat(&[b'x'; 8192], Duration::ZERO), Ok(500)),
    ] {
        let receiver = hostile(reply, then).await;
        let answer = attempt(&at(receiver.address)).await;
        match (&answer, expected) {
            (Answer::Status { code, .. }, Ok(expected)) => assert_eq!(*code, expected, "{name}"),
            (Answer::Nothing(why), Err(expected)) => assert_eq!(*why, expected, "{name}"),
            _ => panic!("{name}: {answer:?}"),
        }
        assert!(matches!(settle(&answer), Settlement::Retry { .. }), "{name}: {answer:?}");
        assert_eq!(receiver.requests.load(Ordering::SeqCst), 1, "{name}: one attempt is one request");
    }
    assert_eq!(elsewhere.requests.load(Ordering::SeqCst), 0, "no redirect is followed");
}

#[tokio::test]
async fn what_cannot_be_reached_or_trusted_is_tried_again() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_eq!(attempt(&at(free)).await, Answer::Nothing(NoAnswer::Connect), "a dead port");
    let plain = hostile("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Then::Close).await;
    let portal = attempt(&format!("https://127.0.0.1:{}/", plain.address.port())).await;
    assert_eq!(portal, Answer::Nothing(NoAnswer::Tls), "a portal in front of an HTTPS receiver cannot speak for it");
    let nowhere = attempt("https://no-such-host.invalid/").await;
    assert!(matches!(nowhere, Answer::Nothing(NoAnswer::Connect | NoAnswer::Timeout)), "{nowhere:?}");
    let deliverer = Deliverer::new(vec![endpoint("till", &at(free))], short()).unwrap();
    assert_eq!(deliverer.attempt(&delivery(1, "other")).await, Answer::Nothing(NoAnswer::UnknownEndpoint));
    let mut long = delivery(1, "till");
    long.body = "x".repeat(MAX_BODY_BYTES + 1);
    assert!(matches!(settle(&deliverer.attempt(&long).await), Settlement::Dead { .. }));
}

#[tokio::test]
async fn an_endless_acknowledgement_is_let_go_and_counts() {
    let head = "HTTP/1.1 200 OK\r\n\r\n";
    let receiver = hostile(head, Then::Repeat(&[b'x'; 8192], Duration::ZERO)).await;
    assert_eq!(settle(&attempt(&at(receiver.address)).await), Settlement::Acknowledged);
}

#[tokio::test]
async fn retry_after_and_gone_are_obeyed() {
    let seconds = hostile(http("429 Slow Down", "retry-after: 120\r\n", ""), Then::Close).await;
    let answer = attempt(&at(seconds.address)).await;
    assert!(matches!(settle(&answer), Settlement::Retry { after_ms: 120_000, .. }), "{answer:?}");
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_mins(5));
    let dated = hostile(http("503 Later", &format!("retry-after: {date}\r\n"), ""), Then::Close).await;
    let Settlement::Retry { after_ms, .. } = settle(&attempt(&at(dated.address)).await) else { panic!("not retried") };
    assert!((290_000..=300_000).contains(&after_ms), "{after_ms}");
    let gone = hostile(http("410 Gone", "retry-after: 1\r\n", ""), Then::Close).await;
    assert!(matches!(settle(&attempt(&at(gone.address)).await), Settlement::Dead { .. }));
}

#[tokio::test]
async fn a_request_is_signed_when_sent_with_both_headers_over_the_exact_body() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = at(listener.local_addr().unwrap());
    let reading = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let request = read_request(&mut stream).await;
        stream.write_all(http("204 No Content", "", "").as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    });
    assert_eq!(settle(&attempt(&url).await), Settlement::Acknowledged);
    let request = reading.await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, delivery(1, "till").body);
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap();
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("user-agent"), concat!("carded/", env!("CARGO_PKG_VERSION")));
    assert_eq!(header("stile-signature"), header("stripe-signature"));
    let clock = i64::try_from(now()).unwrap();
    carded::sync::verify(header("stripe-signature"), body.as_bytes(), &[secret()], clock).unwrap();
    assert!(head.starts_with("POST /webhooks HTTP/1.1"));
}

#[tokio::test]
async fn deliveries_that_come_twice_have_one_effect() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = receiver(&folder, None).await;
    let deliverer = Deliverer::new(vec![endpoint("till", &at(receiver.address))], short()).unwrap();
    for _ in 0..3 {
        assert_eq!(settle(&deliverer.attempt(&delivery(1, "till")).await), Settlement::Acknowledged);
    }
    assert_eq!(receiver.seen_ids(), [delivery(1, "till").event]);
    assert_eq!(receiver.listed().await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_answer_that_is_lost_after_the_commit_is_sent_again_without_a_second_effect() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = receiver(&folder, None).await;
    let lossy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (through, behind) = (at(lossy.local_addr().unwrap()), receiver.address);
    tokio::spawn(async move {
        let (mut stream, _) = lossy.accept().await.unwrap();
        let request = read_request(&mut stream).await;
        let mut behind = TcpStream::connect(behind).await.unwrap();
        behind.write_all(&request).await.unwrap();
        let mut answer = [0; 12];
        behind.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
    });
    let lost = attempt(&through).await;
    assert!(matches!(settle(&lost), Settlement::Retry { .. }), "{lost:?}");
    assert_eq!(settle(&attempt(&at(receiver.address)).await), Settlement::Acknowledged);
    assert_eq!(receiver.seen_ids().len(), 1);
}

#[tokio::test]
async fn a_receiver_that_is_down_and_comes_back_gets_every_event_once() {
    let folder = tempfile::tempdir().unwrap();
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut engine = engine((1..=100).map(|number| delivery(number, "till")).collect());
    let deliverer = Deliverer::new(vec![endpoint("till", &at(address))], short()).unwrap();
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(run(engine.link.take().unwrap(), deliverer, None, stopped));
    engine.until("its circuit has opened", |outbox| outbox.later.len() == 3 && outbox.leased.is_empty()).await;
    assert_eq!(engine.outbox.lock().unwrap().acknowledged().len(), 0);
    assert_eq!(engine.outbox.lock().unwrap().due.len(), 97, "the others were not tried in vain");
    let receiver = receiver_on(TcpListener::bind(address).await.unwrap(), folder.path(), None);
    engine.later_is_now().await;
    engine.until("everything was acknowledged", |outbox| outbox.acknowledged().len() == 100).await;
    let unique: BTreeSet<String> = receiver.seen_ids().into_iter().collect();
    assert_eq!((receiver.seen_ids().len(), unique.len()), (100, 100));
    assert!(engine.outbox.lock().unwrap().largest_lease <= MAX_IN_HAND);
    stop.send(true).unwrap();
    assert_eq!(timeout(LIMIT, running).await.unwrap().unwrap(), Ok(()));
}

#[tokio::test]
async fn a_receiver_that_hangs_holds_up_nobody_else_and_stopping_takes_under_two_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let good = receiver(&folder, None).await;
    let hanging = hostile("", Then::Hang).await;
    let deliveries = (1..=10).flat_map(|n| [delivery(n, "hanging"), delivery(100 + n, "good")]).collect();
    let mut engine = engine(deliveries);
    let endpoints = vec![endpoint("hanging", &at(hanging.address)), endpoint("good", &at(good.address))];
    let deliverer = Deliverer::new(endpoints, DeliveryLimits::default()).unwrap();
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(run(engine.link.take().unwrap(), deliverer, None, stopped));
    engine.until("the good receiver has all of its own", |outbox| outbox.acknowledged().len() == 10).await;
    assert_eq!(engine.outbox.lock().unwrap().acknowledged(), (101..=110).collect());
    assert_eq!(hanging.requests.load(Ordering::SeqCst), 1, "one attempt at a time");
    let asked = Instant::now();
    stop.send(true).unwrap();
    assert_eq!(timeout(LIMIT, running).await.unwrap().unwrap(), Ok(()));
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    assert_eq!(engine.outbox.lock().unwrap().leased.len(), MAX_OF_ENDPOINT, "what hung is the engine's again");
}

#[tokio::test]
async fn a_new_event_is_sent_as_soon_as_it_is_announced() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = receiver(&folder, None).await;
    let mut engine = engine(Vec::new());
    let deliverer = Deliverer::new(vec![endpoint("till", &at(receiver.address))], short()).unwrap();
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(run(engine.link.take().unwrap(), deliverer, None, stopped));
    for number in 1..=5 {
        engine.outbox.lock().unwrap().later.push(delivery(number, "till"));
        engine.later_is_now().await;
        engine.until("it was acknowledged", |outbox| outbox.acknowledged().contains(&number)).await;
    }
    assert_eq!(receiver.seen_ids().len(), 5);
}

#[tokio::test]
async fn an_engine_that_is_gone_refuses_or_fails_ends_the_loop_with_its_reason() {
    let deliverer = || Deliverer::new(Vec::new(), short()).unwrap();
    for (message, expected) in [
        (None, SyncError::EngineGone),
        (Some(EngineMessage::Refused { why: "old".to_owned() }), SyncError::Refused("old".to_owned())),
        (Some(EngineMessage::Failed { why: "disk".to_owned() }), SyncError::EngineFailed("disk".to_owned())),
    ] {
        let (to_engine, _asked) = mpsc::channel(4);
        let (say, from_engine) = mpsc::channel(4);
        let (_stop, stopped) = watch::channel(false);
        if let Some(message) = message {
            say.send(message).await.unwrap();
        }
        drop(say);
        let ended = run(EngineLink { to_engine, from_engine }, deliverer(), None, stopped);
        assert_eq!(timeout(LIMIT, ended).await.unwrap(), Err(expected));
    }
}

#[tokio::test]
async fn an_empty_lease_that_crosses_a_failed_attempt_does_not_put_off_the_next_one() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (to_engine, mut asked) = mpsc::channel(16);
    let (say, from_engine) = mpsc::channel(16);
    let deliverer = Deliverer::new(vec![endpoint("shop", &format!("http://{nobody}/"))], short()).unwrap();
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(run(EngineLink { to_engine, from_engine }, deliverer, None, stopped));
    let mut lease = async || loop {
        match timeout(LIMIT, asked.recv()).await.expect("the engine is asked").unwrap() {
            ClientMessage::Lease { .. } => return None,
            ClientMessage::Settle { delivery, outcome } => return Some((delivery, outcome)),
            _ => {}
        }
    };
    assert!(lease().await.is_none());
    say.send(EngineMessage::Leased { deliveries: vec![delivery(1, "shop")], next_ms: None }).await.unwrap();
    // Something is announced, and it asks; the engine's answer crosses the news that the attempt failed.
    say.send(EngineMessage::Due).await.unwrap();
    let heard = [lease().await, lease().await];
    assert!(heard.iter().flatten().any(|(_, outcome)| matches!(outcome, Settlement::Retry { .. })), "{heard:?}");
    say.send(EngineMessage::Leased { deliveries: vec![], next_ms: None }).await.unwrap();
    say.send(EngineMessage::Settled { delivery: 1 }).await.unwrap();
    assert!(lease().await.is_none(), "it asks again when the retry is due");
    stop.send(true).unwrap();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_receiver_that_asks_for_a_pause_is_left_alone_and_the_others_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let good = receiver(&folder, None).await;
    let busy = hostile(http("429 Slow Down", "retry-after: 3600\r\n", ""), Then::Close).await;
    let deliveries = (1..=50).flat_map(|n| [delivery(n, "busy"), delivery(100 + n, "good")]).collect();
    let mut engine = engine(deliveries);
    let endpoints = vec![endpoint("busy", &at(busy.address)), endpoint("good", &at(good.address))];
    let (_stop, stopped) = watch::channel(false);
    let deliverer = Deliverer::new(endpoints, short()).unwrap();
    tokio::spawn(run(engine.link.take().unwrap(), deliverer, None, stopped));
    engine.until("the good receiver has all of its own", |outbox| outbox.acknowledged().len() == 50).await;
    engine.until("the others are the engine's again", |outbox| outbox.leased.is_empty()).await;
    assert_eq!(busy.requests.load(Ordering::SeqCst), 1, "nothing more is sent to who asked for a pause");
    assert_eq!(engine.outbox.lock().unwrap().due.len(), 49);
}

#[tokio::test]
async fn a_live_event_never_goes_over_plain_http_not_even_on_this_machine() {
    let receiver = hostile(http("200 OK", "", "ok"), Then::Close).await;
    let deliverer = Deliverer::new(vec![endpoint("till", &at(receiver.address))], short()).unwrap();
    for body in [events::verified(Dialect::Stile, 1, true).1, "{\"id\":\"evt_1\"}".to_owned(), "nonsense".to_owned()] {
        let answer = deliverer.attempt(&Delivery { body, ..delivery(1, "till") }).await;
        assert_eq!(answer, Answer::Nothing(NoAnswer::LiveOverHttp));
        assert!(matches!(settle(&answer), Settlement::Retry { .. }), "it waits for a better address");
    }
    assert_eq!(receiver.requests.load(Ordering::SeqCst), 0);
    assert_eq!(settle(&deliverer.attempt(&delivery(1, "till")).await), Settlement::Acknowledged);
}
