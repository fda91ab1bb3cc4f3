//! The loop between an engine and receivers that the test holds in its hands, on a clock that is stepped.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::*;
use crate::session::Dialect;
use crate::session::protocol::{Delivery, LeaseWish, Settlement};
use crate::sync::{DeliveryLimits, Endpoint, WebhookSecret};

/// No test waits longer than this for anything.
const LIMIT: Duration = Duration::from_secs(20);

/// A receiver that always answers the same, and how often it was asked.
struct Shop {
    url: String,
    asked: mpsc::UnboundedReceiver<()>,
}

impl Shop {
    async fn open(says: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (asking, asked) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 16 * 1024];
                let _ = stream.read(&mut request).await;
                let _ = asking.send(());
                let answer = format!("HTTP/1.1 {says}content-length: 0\r\nconnection: close\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { url, asked }
    }

    fn requests(&mut self) -> usize {
        std::iter::from_fn(|| self.asked.try_recv().ok()).count()
    }
}

const OK: &str = "200 OK\r\n";
const BUSY: &str = "429 Slow Down\r\nretry-after: 3600\r\n";

fn deliverer(endpoints: &[(&str, &str)], left_out: &[&str]) -> Deliverer {
    let endpoint = |(name, url): &(&str, &str)| {
        let secret = WebhookSecret::new("whsec_for_tests").unwrap();
        Endpoint::new(name.parse().unwrap(), url, Dialect::Stile, vec![secret]).unwrap()
    };
    let deliverer = Deliverer::new(endpoints.iter().map(endpoint).collect(), DeliveryLimits::default()).unwrap();
    deliverer.leaving_out(left_out.iter().map(|&name| name.to_owned()).collect())
}

fn event(delivery: i64, endpoint: &str, live: bool) -> Delivery {
    let body = format!("{{\"livemode\":{live}}}");
    Delivery { delivery, event: format!("evt_{delivery}"), endpoint: endpoint.to_owned(), body, attempts: 0 }
}

/// The engine's end of one connection.
struct Engine {
    asked: mpsc::Receiver<ClientMessage>,
    say: mpsc::Sender<EngineMessage>,
}

impl Engine {
    fn link() -> (Self, EngineLink) {
        let (to_engine, asked) = mpsc::channel(16);
        let (say, from_engine) = mpsc::channel(16);
        (Self { asked, say }, EngineLink { to_engine, from_engine })
    }

    async fn hear(&mut self) -> ClientMessage {
        timeout(LIMIT, self.asked.recv()).await.expect("the engine is asked").expect("the loop goes on")
    }

    async fn wish(&mut self) -> LeaseWish {
        loop {
            if let ClientMessage::Lease(wish) = self.hear().await {
                return wish;
            }
        }
    }

    async fn settlement(&mut self) -> (i64, Settlement) {
        loop {
            if let ClientMessage::Settle { delivery, outcome } = self.hear().await {
                self.say.send(EngineMessage::Settled { delivery }).await.unwrap();
                return (delivery, outcome);
            }
        }
    }

    async fn lease(&self, deliveries: Vec<Delivery>) {
        self.say.send(EngineMessage::Leased { deliveries, next_ms: None }).await.unwrap();
    }
}

/// A loop that runs beside the test, and what was found of the endpoints.
struct Loop {
    roster: watch::Sender<Roster>,
    dispatch: Option<Dispatch>,
    running: Option<tokio::task::JoinHandle<Dispatch>>,
    stop: watch::Sender<bool>,
}

impl Loop {
    fn new(deliverer: Deliverer) -> Self {
        let (roster, watching) = watch::channel(Roster::new(deliverer));
        let dispatch = Some(Dispatch::new(watching, None));
        Self { roster, dispatch, running: None, stop: watch::channel(false).0 }
    }

    fn connect(&mut self) -> Engine {
        let (engine, link) = Engine::link();
        let (mut dispatch, stopped) = (self.dispatch.take().unwrap(), self.stop.subscribe());
        self.running = Some(tokio::spawn(async move {
            let _lost = dispatch.run(link, stopped).await;
            dispatch
        }));
        engine
    }

    async fn disconnect(&mut self, engine: Engine) {
        drop(engine);
        self.dispatch = Some(timeout(LIMIT, self.running.take().unwrap()).await.unwrap().unwrap());
    }

    fn look(&self, changed: Option<Deliverer>) {
        self.roster.send_modify(|roster| roster.look_again(changed));
    }
}

#[tokio::test]
async fn a_pause_that_a_receiver_asked_for_outlasts_the_connection_and_a_change_of_other_endpoints() {
    let (mut shop, till) = (Shop::open(BUSY).await, Shop::open(OK).await);
    let endpoints = [("shop", shop.url.as_str())];
    let mut delivering = Loop::new(deliverer(&endpoints, &[]));
    let mut engine = delivering.connect();
    engine.wish().await;
    engine.lease(vec![event(1, "shop", false)]).await;
    assert!(matches!(engine.settlement().await, (1, Settlement::Retry { .. })));
    delivering.disconnect(engine).await;

    delivering.look(Some(deliverer(&[endpoints[0], ("till", till.url.as_str())], &[])));
    let mut engine = delivering.connect();
    let wish = engine.wish().await;
    assert_eq!((wish.room("shop"), wish.room("till")), (0, MAX_OF_ENDPOINT as u16), "it is left alone for an hour");
    // Where it goes elsewhere, the pause was another's.
    let elsewhere = Shop::open(OK).await;
    delivering.look(Some(deliverer(&[("shop", elsewhere.url.as_str())], &[])));
    engine.lease(vec![]).await;
    assert_eq!(engine.wish().await.room("shop"), MAX_OF_ENDPOINT as u16);
    engine.lease(vec![event(1, "shop", false)]).await;
    assert_eq!(engine.settlement().await, (1, Settlement::Acknowledged));
    assert_eq!(shop.requests(), 1);
}

#[tokio::test]
async fn refusals_in_a_row_are_counted_over_connections() {
    let shop = Shop::open("401 No\r\n").await;
    let mut delivering = Loop::new(deliverer(&[("shop", shop.url.as_str())], &[]));
    for number in 1..=5 {
        let mut engine = delivering.connect();
        assert_eq!(engine.wish().await.room("shop"), MAX_OF_ENDPOINT as u16, "{number}");
        engine.lease(vec![event(number, "shop", false)]).await;
        engine.settlement().await;
        delivering.disconnect(engine).await;
    }
    let mut engine = delivering.connect();
    assert_eq!(engine.wish().await.room("shop"), 0, "five different events were not taken");
}

#[tokio::test]
async fn what_was_leased_before_a_circuit_opened_is_given_back_untried() {
    let mut shop = Shop::open(BUSY).await;
    let mut delivering = Loop::new(deliverer(&[("shop", shop.url.as_str())], &[]));
    let mut engine = delivering.connect();
    engine.wish().await;
    engine.lease(vec![event(1, "shop", false)]).await;
    // Something is announced while the first is on its way, so that it asks for more.
    engine.say.send(EngineMessage::Due).await.unwrap();
    assert_eq!(engine.wish().await.room("shop"), MAX_OF_ENDPOINT as u16 - 1);
    assert!(matches!(engine.settlement().await, (1, Settlement::Retry { .. })));
    // The answer was on its way when the receiver asked to be left alone.
    engine.lease(vec![event(2, "shop", false), event(3, "shop", false)]).await;
    assert_eq!(engine.settlement().await, (2, Settlement::Untried));
    assert_eq!(engine.settlement().await, (3, Settlement::Untried));
    assert_eq!(shop.requests(), 1);
}

#[tokio::test]
async fn an_endpoint_that_the_engine_knows_first_costs_no_attempt_and_one_that_is_none_is_said_so_after_a_look() {
    let shop = Shop::open(OK).await;
    let mut delivering = Loop::new(deliverer(&[], &[]));
    let mut engine = delivering.connect();
    engine.wish().await;
    engine.lease(vec![event(1, "shop", false), event(2, "gone", false)]).await;
    let untried = [engine.settlement().await, engine.settlement().await];
    assert_eq!(BTreeSet::from(untried.clone().map(|(delivery, _)| delivery)), BTreeSet::from([1, 2]));
    assert!(untried.iter().all(|(_, how)| *how == Settlement::Untried), "{untried:?}");
    // A look that had begun before says nothing.
    delivering.look(None);
    engine.say.send(EngineMessage::Due).await.unwrap();
    let wish = engine.wish().await;
    assert_eq!((wish.room("shop"), wish.room("gone")), (0, 0));
    engine.lease(vec![]).await;
    delivering.look(Some(deliverer(&[("shop", shop.url.as_str())], &[])));
    let wish = engine.wish().await;
    assert!(wish.room("shop") > 0 && wish.room("gone") == 1, "{wish:?}");
    engine.lease(vec![event(1, "shop", false), event(2, "gone", false)]).await;
    let settled = [engine.settlement().await, engine.settlement().await];
    assert!(settled.contains(&(1, Settlement::Acknowledged)), "{settled:?}");
    let said =
        |how: &Settlement| matches!(how, Settlement::Retry { why, .. } if why.contains("no endpoint of this name"));
    assert!(settled.iter().any(|(delivery, how)| *delivery == 2 && said(how)), "{settled:?}");
    engine.say.send(EngineMessage::Due).await.unwrap();
    assert_eq!(engine.wish().await.room("gone"), 0, "and it is left alone then");
}

#[tokio::test]
async fn an_endpoint_that_is_left_out_gets_nothing_loses_nothing_and_is_served_when_it_is_back() {
    let shop = Shop::open(OK).await;
    let mut delivering = Loop::new(deliverer(&[], &["shop"]));
    let mut engine = delivering.connect();
    assert_eq!(engine.wish().await.room("shop"), 0);
    // An engine that gives it all the same.
    engine.lease(vec![event(1, "shop", false)]).await;
    assert_eq!(engine.settlement().await, (1, Settlement::Untried));
    delivering.look(Some(deliverer(&[("shop", shop.url.as_str())], &[])));
    // The confirmation of the first may still be on its way.
    assert!(engine.wish().await.room("shop") > 0);
    engine.lease(vec![event(1, "shop", false)]).await;
    assert_eq!(engine.settlement().await, (1, Settlement::Acknowledged));
}

#[tokio::test]
async fn live_events_wait_without_a_write_while_their_endpoint_is_plain_http() {
    let mut shop = Shop::open(OK).await;
    let mut delivering = Loop::new(deliverer(&[("shop", shop.url.as_str())], &[]));
    let mut engine = delivering.connect();
    engine.wish().await;
    engine.lease(vec![event(1, "shop", true), event(2, "shop", true)]).await;
    let settled = [engine.settlement().await, engine.settlement().await];
    assert!(settled.iter().all(|(_, how)| *how == Settlement::Untried), "nothing is written: {settled:?}");
    engine.say.send(EngineMessage::Due).await.unwrap();
    assert_eq!(engine.wish().await.room("shop"), 0, "and it is not asked for again");
    engine.lease(vec![]).await;
    assert_eq!(shop.requests(), 0);
    // Another address begins anew.
    let safe = shop.url.replace("http://", "https://");
    delivering.look(Some(deliverer(&[("shop", &safe)], &[])));
    assert!(engine.wish().await.room("shop") > 0);
}

#[tokio::test]
async fn what_a_receiver_said_before_its_endpoint_was_changed_says_nothing_of_the_next() {
    let (shop, elsewhere) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), Shop::open(OK).await);
    let slow = format!("http://{}/", shop.local_addr().unwrap());
    let mut delivering = Loop::new(deliverer(&[("shop", &slow)], &[]));
    let mut engine = delivering.connect();
    engine.wish().await;
    engine.lease(vec![event(1, "shop", false)]).await;
    let (mut stream, _) = timeout(LIMIT, shop.accept()).await.unwrap().unwrap();
    delivering.look(Some(deliverer(&[("shop", elsewhere.url.as_str())], &[])));
    engine.say.send(EngineMessage::Due).await.unwrap();
    engine.wish().await;
    stream.write_all(format!("HTTP/1.1 {BUSY}content-length: 0\r\n\r\n").as_bytes()).await.unwrap();
    assert!(matches!(engine.settlement().await, (1, Settlement::Retry { .. })), "what is under way ends as it began");
    engine.lease(vec![event(2, "shop", false)]).await;
    assert_eq!(engine.settlement().await, (2, Settlement::Acknowledged));
}
