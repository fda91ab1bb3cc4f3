//! Requests that come twice.

use super::*;
use crate::session::Dialect;
use crate::session::Idempotency;

fn name(digit: &str) -> String {
    digit.repeat(64)
}

/// Begins the request `request` under the key `key`.
fn begin(store: &mut Store, key: &str, request: &str, at: Timestamp) -> Idempotency {
    store.idempotency_begin(&name(key), &name(request), None, at).unwrap()
}

fn answered(status: u16, body: &str) -> Idempotency {
    Idempotency::Answered { status, body: body.to_owned() }
}

#[test]
fn the_first_answer_is_repeated_and_another_request_under_its_key_is_told() {
    let (folder, mut store) = fresh();
    let session = record(SessionState::Created).id;
    let first = store.idempotency_begin(&name("a"), &name("1"), Some(&session), now()).unwrap();
    assert_eq!(first, Idempotency::New);
    assert_eq!(begin(&mut store, "a", "1", now()), Idempotency::Unfinished { object: Some(session) });
    assert_eq!(begin(&mut store, "a", "2", now()), Idempotency::Other);
    assert_eq!(begin(&mut store, "b", "1", now()), Idempotency::New);
    store.idempotency_answer(&name("a"), 200, "{\"x\":\"ü\"}").unwrap();
    store.idempotency_answer(&name("b"), 500, "{}").unwrap();
    drop(store);
    let mut store = Store::open(folder.path()).unwrap();
    assert_eq!(begin(&mut store, "a", "1", now()), answered(200, "{\"x\":\"ü\"}"));
    assert_eq!(begin(&mut store, "a", "2", now()), Idempotency::Other);
    assert_eq!(begin(&mut store, "b", "1", now()), answered(500, "{}"));
    // An answer is the first one for good.
    assert!(matches!(store.idempotency_answer(&name("a"), 400, "{}"), Err(StoreError::Refused { .. })));
    assert!(matches!(store.idempotency_answer(&name("c"), 200, "{}"), Err(StoreError::Missing)));
    assert_eq!(begin(&mut store, "a", "1", now()), answered(200, "{\"x\":\"ü\"}"));
}

#[test]
fn what_cannot_be_an_answer_is_refused_and_leaves_the_request_unfinished() {
    let (_folder, mut store) = fresh();
    assert_eq!(begin(&mut store, "a", "1", now()), Idempotency::New);
    for (status, body) in [(199, "{}"), (600, "{}"), (200, "\u{1}"), (200, &*"x".repeat(65_537))] {
        let refused = store.idempotency_answer(&name("a"), status, body);
        assert!(matches!(refused, Err(StoreError::Refused { .. })), "{status}");
    }
    assert_eq!(begin(&mut store, "a", "1", now()), Idempotency::Unfinished { object: None });
    assert!(store.idempotency_begin("the key itself", &name("1"), None, now()).is_err());
}

#[test]
fn a_secret_is_in_the_answer_and_not_in_what_is_stored() {
    let (_folder, mut store) = fresh();
    let id = record(SessionState::Created).id;
    let secrets = store.api_secrets();
    let [stripe, stile] = [Dialect::Stripe, Dialect::Stile].map(|dialect| secrets.client_secret(&id, dialect));
    // What only looks like a secret is a text like any other.
    let other = stripe.replace("_secret_", "_secret_0");
    let body =
        format!(r#"{{"client_secret":"{stripe}","other":"{stile}","metadata":{{"a":"{other}","b":"_secret_"}}}}"#);
    assert_eq!(begin(&mut store, "a", "1", now()), Idempotency::New);
    store.idempotency_answer(&name("a"), 200, &body).unwrap();
    let stored: String = store.connection.query_row("SELECT body FROM idempotency", [], |row| row.get(0)).unwrap();
    assert!(!stored.contains(&stripe) && !stored.contains(&stile) && stored.contains(&other), "{stored:?}");
    assert_eq!(begin(&mut store, "a", "1", now()), answered(200, &body));
}

#[test]
fn what_is_forgotten_may_come_again_with_other_parameters() {
    let (_folder, mut store) = fresh();
    assert_eq!(begin(&mut store, "a", "1", now()), Idempotency::New);
    store.idempotency_forget(&name("a")).unwrap();
    store.idempotency_forget(&name("a")).unwrap();
    assert_eq!(begin(&mut store, "a", "2", now()), Idempotency::New);
}

#[test]
fn answers_are_kept_for_a_day_and_for_longer_when_the_clock_was_set_back() {
    let (_folder, mut store) = fresh();
    let day = 86_400;
    assert_eq!(begin(&mut store, "a", "1", now()), Idempotency::New);
    assert_eq!(begin(&mut store, "b", "1", later(10 * day)), Idempotency::New);
    let mut left = |at: Timestamp| {
        store.idempotency_purge(at).unwrap();
        count(&store, "idempotency")
    };
    assert_eq!(left(now()), 2);
    assert_eq!(left(later(day) - SignedDuration::from_millis(1)), 2);
    assert_eq!(left(later(day)), 1);
    assert_eq!(left(later(11 * day - 1)), 1);
    assert_eq!(left(later(11 * day)), 0);
}
