//! The handlers of `docs/receivers/`, each run by its own interpreter or compiler: what they believe, keep and grant, and
//! how their clients try again. A language that is not on this machine is skipped.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "receivers/client.rs"]
mod client;
#[path = "receivers/language.rs"]
mod language;
#[path = "receivers/overrides.rs"]
mod overrides;
mod support;

use carded::api::heartbeat_body;
use carded::session::Dialect;
use carded::session::protocol::Delivery;
use carded::sync::{Answer, Deliverer, DeliveryLimits, Endpoint, MAX_BODY_BYTES, WebhookSecret, sign};
use jiff::Timestamp;
use language::{Handler, Language};
use serde_json::{Value, json};
use support::events::{self, SECRET};
use support::receiver::{at, client as http, now, post, post_signed, secret};
use tokio::task::JoinSet;

/// Half of a rotation: the second secret that every handler is given.
const NEXT_SECRET: &str = "whsec_the_next_one_in_tests";
/// The SDK's own vector: HMAC-SHA256 under this secret over nothing at all, without a time.
const EMPTY_VECTOR: (&str, &str) = ("test_secret", "f7f9bd47fb987337b5796fdc1fdb9ba221d0d5396814bfcaf9521f43fd8927fd");

fn session_of(body: &str) -> String {
    serde_json::from_str::<Value>(body).unwrap()["data"]["object"]["id"].as_str().unwrap().to_owned()
}

/// Only rightly signed events get through, under either header, during a rotation too.
async fn believes_only_what_is_rightly_signed(language: &Language) {
    let folder = tempfile::tempdir().unwrap();
    let handler = Handler::start(language, folder.path(), &[SECRET, NEXT_SECRET, EMPTY_VECTOR.0]);
    let (_, body) = events::canceled(1);
    let secrets = |texts: &[&str]| texts.iter().map(|text| WebhookSecret::new(text).unwrap()).collect::<Vec<_>>();
    let signed = |texts: &[&str], seconds| sign(&secrets(texts), seconds, body.as_bytes());
    let good = signed(&[SECRET], now());
    let time = good.split(',').next().unwrap();
    let cases = [
        ("nothing", String::new()),
        ("another secret", signed(&["whsec_of_somebody_else"], now())),
        ("old", signed(&[SECRET], now() - 400)),
        ("future", signed(&[SECRET], now() + 400)),
        ("two times", format!("t=1,{good}")),
        ("two times, the right one first", format!("{good},t=1")),
        ("no time", good.split_once(',').unwrap().1.to_owned()),
        ("no signature", time.to_owned()),
        ("an empty signature", format!("{time},v1=")),
        ("another scheme", good.replace("v1=", "v0=")),
        ("a time with a sign", good.replace("t=", "t=+")),
        ("upper-case digits", good.to_ascii_uppercase().replace("T=", "t=").replace("V1=", "v1=")),
        ("no ASCII", format!("{time},v1=\u{e9}")),
        ("a long header", format!("{good}{}", ",v1=0".repeat(1000))),
    ];
    let refused = (400, "signature_invalid".to_owned());
    for (name, header) in &cases {
        for key in ["stile-signature", "stripe-signature"] {
            assert_eq!(post(handler.address, &[(key, header)], body.clone().into()).await, refused, "{name}, {key}");
        }
    }
    assert_eq!(post(handler.address, &[], body.clone().into()).await, refused, "no header");
    let altered = body.replace("US-CA", "US-NY");
    assert_eq!(post(handler.address, &[("stile-signature", &good)], altered.into()).await, refused, "altered body");
    // Two bodies of nothing: the SDK's vector leaves out the time, which is a forgery here; with it, only the event lacks.
    let timeless = format!("t={},v1={}", now(), EMPTY_VECTOR.1);
    assert_eq!(post(handler.address, &[("stripe-signature", &timeless)], Vec::new()).await, refused);
    let empty = sign(&secrets(&[EMPTY_VECTOR.0]), now(), b"");
    let event_invalid = (400, "event_invalid".to_owned());
    assert_eq!(post(handler.address, &[("stripe-signature", &empty)], Vec::new()).await, event_invalid);
    let climbing = body.replace("\"evt_1\"", "\"../../evt_1\"");
    for nonsense in ["[]", "{}", "7", "null", "\"evt\"", "{\"id\":\"evt_1\",\"object\":\"event\"}", "{", &climbing] {
        assert_eq!(post_signed(handler.address, nonsense).await, event_invalid, "{nonsense}");
    }
    let too_long = http().post(at(handler.address)).body("x".repeat(MAX_BODY_BYTES + 1)).send().await;
    assert!(too_long.is_err() || too_long.is_ok_and(|answer| answer.status() == 413), "refused or hung up on");
    assert_eq!(handler.stop(), [""; 0], "nothing of all this did anything");

    let handler = Handler::start(language, folder.path(), &[SECRET, NEXT_SECRET]);
    let longest = body.clone() + &" ".repeat(MAX_BODY_BYTES - body.len());
    for (number, (key, header, body)) in [
        ("stile-signature", good.clone(), &body),
        ("stripe-signature", signed(&[NEXT_SECRET], now()), &body),
        ("stile-signature", signed(&["whsec_of_somebody_else", SECRET], now()), &body),
        ("stripe-signature", signed(&[SECRET, NEXT_SECRET], now() - 250), &body),
        ("stripe-signature", format!("{},v2=later", signed(&[SECRET], now() + 250)), &body),
        ("stile-signature", sign(&[secret()], now(), longest.as_bytes()), &longest),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = post(handler.address, &[(key, &header)], body.clone().into()).await;
        assert_eq!(answer, (200, String::new()), "{number}");
    }
    assert_eq!(handler.stop(), ["event evt_1 verification_session.cancelled"]);
}

/// What grants is verified, live and signed; it grants once, in whatever order and however often events come.
async fn grants_only_what_was_verified_and_once(language: &Language) {
    let folder = tempfile::tempdir().unwrap();
    let handler = Handler::start(language, folder.path(), &[SECRET]);
    let (_, stripe) = events::verified(Dialect::Stripe, 1, true);
    let (_, stile) = events::verified(Dialect::Stile, 2, true);
    let (_, rehearsed) = events::verified(Dialect::Stile, 3, false);
    let failed = events::decided(Dialect::Stripe, 4, &events::not_verified(4, None), "e30.e30.AA");
    let late = failed.replace(&session_of(&failed), &session_of(&stripe)).replace("evt_", "evt_late_");
    let again = stripe.replace("evt_", "evt_again_");
    let mut unknown: Value = serde_json::from_str(&stile).unwrap();
    unknown["type"] = json!("verification_session.not_verified");
    unknown["id"] = json!("evt_unknown");
    let alive = heartbeat_body(Dialect::Stripe, "evt_alive", "dev_1", (Timestamp::UNIX_EPOCH, true), "e30.e30.AA");
    for body in [&alive, &rehearsed, &failed, &late, &unknown.to_string(), &stripe, &again, &stile] {
        assert_eq!(post_signed(handler.address, body).await, (200, String::new()), "{body}");
    }
    let mut together = JoinSet::new();
    let (_, once) = events::verified(Dialect::Stile, 5, true);
    for _ in 0..8 {
        let (address, body) = (handler.address, once.clone());
        together.spawn(async move { post_signed(address, &body).await.0 });
    }
    assert_eq!(together.join_all().await, [200; 8]);
    let effects = handler.stop();
    let grants: Vec<_> = effects.iter().filter_map(|line| line.strip_prefix("grant ")).collect();
    assert_eq!(grants, [&stripe, &stile, &once].map(|body| session_of(body)), "{effects:?}");
    assert_eq!(effects.iter().filter(|line| line.starts_with("event ")).count(), 8, "{effects:?}");
}

/// The appliance's own deliverer, twice, and once more after the handler was started again.
async fn processes_a_delivery_that_comes_twice_once(language: &Language) {
    let folder = tempfile::tempdir().unwrap();
    // The deliverer hands no live event to an address without TLS, which the handlers leave to a web server.
    let (event, body) = events::verified(Dialect::Stripe, 6, false);
    let delivery = Delivery { delivery: 1, event, endpoint: "till".to_owned(), body, attempts: 0 };
    let (_, live) = events::verified(Dialect::Stripe, 7, true);
    let session = session_of(&live);
    let deliver = async |handler: &Handler| {
        let url = at(handler.address);
        let endpoint = Endpoint::new("till".parse().unwrap(), &url, Dialect::Stripe, vec![secret()]).unwrap();
        let deliverer = Deliverer::new(vec![endpoint], DeliveryLimits::default()).unwrap();
        let answer = deliverer.attempt(&delivery).await;
        assert!(matches!(answer, Answer::Status { code: 200, .. }), "{answer:?}");
        assert_eq!(post_signed(handler.address, &live).await.0, 200);
    };
    let handler = Handler::start(language, folder.path(), &[SECRET]);
    deliver(&handler).await;
    deliver(&handler).await;
    let effects = [
        "event evt_verified_6 identity.verification_session.verified".to_owned(),
        "event evt_verified_7 identity.verification_session.verified".to_owned(),
        format!("grant {session}"),
    ];
    assert_eq!(handler.stop(), effects);
    let handler = Handler::start(language, folder.path(), &[SECRET]);
    deliver(&handler).await;
    assert_eq!(handler.stop(), [""; 0], "it remembers");
    if language.keeps_files {
        std::fs::remove_file(folder.path().join("store/outcomes").join(&session)).unwrap();
        let handler = Handler::start(language, folder.path(), &[SECRET]);
        deliver(&handler).await;
        assert_eq!(handler.stop(), effects[2..], "what a crash between the two files left undone is done");
    }
}

/// An empty secret would let anybody sign.
async fn does_not_accept_without_a_secret(language: &Language) {
    let folder = tempfile::tempdir().unwrap();
    let Some(handler) = Handler::try_start(language, folder.path(), &["", "short"]) else { return };
    let (_, body) = events::canceled(1);
    assert_eq!(post_signed(handler.address, &body).await.0, 500, "one that starts refuses everything");
    assert_eq!(handler.stop(), [""; 0]);
}

/// The tests of each language, under its name.
macro_rules! in_each_language {
    ($($name:ident: $($test:path => $behaviour:ident),+;)+) => {$(
        mod $name {
            $(#[tokio::test]
            async fn $behaviour() {
                if let Some(language) = crate::language::installed(stringify!($name)) {
                    $test(language).await;
                }
            })+
        }
    )+};
    ($($name:ident),+) => {
        in_each_language! {$(
            $name:
                crate::believes_only_what_is_rightly_signed => the_handler_believes_only_what_is_rightly_signed,
                crate::grants_only_what_was_verified_and_once => the_handler_grants_only_what_was_verified_and_once,
                crate::processes_a_delivery_that_comes_twice_once => a_delivery_that_comes_twice_is_processed_once,
                crate::overrides::end_the_same_in_any_order => overrides_end_the_same_in_whatever_order_they_come,
                crate::overrides::are_remembered_before_there_is_a_grant => what_the_staff_set_outlasts_restarts_and_kills,
                crate::overrides::count_only_where_they_are_live_and_whole => overrides_count_only_where_they_are_live,
                crate::overrides::come_together => overrides_that_come_together_are_settled_one_by_one,
                crate::does_not_accept_without_a_secret => the_handler_accepts_nothing_without_a_secret,
                crate::client::tries_again => the_client_tries_again_under_the_same_key,
                crate::client::gives_up => the_client_gives_up_where_trying_again_is_in_vain;
        )+}
    };
}

in_each_language!(node, python, go, ruby, php);
