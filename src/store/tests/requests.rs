//! Sessions that were asked for, further events, and redaction.

use super::*;
use crate::privacy::ContactKind;
use crate::session::Idempotency;
use crate::session::protocol::Settlement;
use crate::session::{AllowedType, CanceledBy, Dialect, SessionDetails};
use crate::store::{Actor, LeaseHolder, NewEvent, Requested};

const SYNC: LeaseHolder = LeaseHolder(1);

/// Details with a text in every place, of which `mark` is a part.
pub(super) fn details(mark: &str) -> SessionDetails {
    let mut details = SessionDetails::new(Dialect::Stripe, false);
    details.set_client_reference_id(Some(&format!("reference {mark}"))).unwrap();
    details.set_return_url(Some(&format!("https://shop.example/{mark}"))).unwrap();
    let changes = [("note".to_owned(), Some(format!("note {mark}"))), ("till".to_owned(), Some("3".to_owned()))];
    details.metadata = details.metadata.updated(&changes, false).unwrap();
    details.options.allowed_types = vec![AllowedType::Passport, AllowedType::IdCard];
    details.options.require_matching_selfie = Some(true);
    details
}

/// Makes a session that was asked for.
pub(super) fn ask(store: &mut Store, details: &SessionDetails) -> SessionRecord {
    let record = record(SessionState::Created);
    let asked = Requested { record: &record, details, key: None, email: None, phone: None, event: None };
    store.create_requested(&asked).unwrap();
    record
}

/// An event for endpoints, whose body says what it is of.
fn event(endpoints: &[&str], text: &str) -> NewEvent {
    let body = |endpoint: &&str| OutboxBody { endpoint: (*endpoint).to_owned(), body: format!("{{\"{text}\":1}}") };
    NewEvent { event: Store::event_id().unwrap(), bodies: endpoints.iter().map(body).collect(), at: now() }
}

fn bodies(store: &Store, session: &SessionRecord) -> Vec<String> {
    let mut statement =
        store.connection.prepare("SELECT body FROM outbox WHERE session = ?1 ORDER BY delivery").unwrap();
    statement.query_map([session.id.as_str()], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn cancel(store: &mut Store, session: &SessionRecord) -> SessionRecord {
    let ended = SessionRecord { state: SessionState::Canceled(CanceledBy::Till), ..session.clone() };
    end(store, &ended, None, &no_bodies).unwrap();
    ended
}

#[test]
fn a_session_comes_back_with_all_that_was_said_of_it_and_with_its_event() {
    let (folder, mut store) = fresh();
    let (session, said) = (record(SessionState::Created), SessionDetails { asks_identity: true, ..details("mark") });
    let secrets = store.api_secrets();
    let email = secrets.contact(ContactKind::Email, "ada@example.org");
    let key = Store::api_key_id().unwrap();
    let created = event(&["shop", "till"], "created");
    let asked = Requested {
        record: &session,
        details: &said,
        key: Some(&key),
        email: email.as_deref(),
        phone: None,
        event: Some(&created),
    };
    store.create_requested(&asked).unwrap();
    drop(store);
    let mut store = Store::open(folder.path()).unwrap();
    assert_eq!(store.session(&session.id).unwrap(), Some(session.clone()));
    assert_eq!(store.details(&session.id).unwrap(), Some(said));
    let leased = store.lease(SYNC, 9, now()).unwrap();
    assert_eq!(
        leased.iter().map(|d| (d.event.as_str(), d.body.as_str())).collect::<Vec<_>>(),
        [(created.event.as_str(), "{\"created\":1}"), (created.event.as_str(), "{\"created\":1}")]
    );
    let kept: (Option<String>, Option<String>, Option<String>) = store
        .connection
        .query_row("SELECT key, email_anchor, phone_anchor FROM request", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!(kept, (Some(key), email, None));
    let at_the_screen = record(SessionState::Created);
    store.create_session(&at_the_screen).unwrap();
    assert_eq!(store.details(&at_the_screen.id).unwrap(), None);
}

#[test]
fn a_session_whose_request_cannot_be_written_is_not_made() {
    let (_folder, mut store) = fresh();
    let (session, said) = (record(SessionState::Created), details("mark"));
    let asked = Requested { record: &session, details: &said, key: None, email: None, phone: None, event: None };
    let (twice, many) = (event(&["shop", "shop"], "created"), event(&["shop"; 17], "created"));
    let redacted = said.redacted(now());
    for asked in [
        Requested { key: Some("the key itself"), ..asked },
        Requested { email: Some("ada@example.org"), ..asked },
        Requested { phone: Some("+14155550123"), ..asked },
        Requested { event: Some(&twice), ..asked },
        Requested { event: Some(&many), ..asked },
        Requested { details: &redacted, ..asked },
    ] {
        assert!(matches!(store.create_requested(&asked), Err(StoreError::Refused { .. })), "{asked:?}");
        assert_eq!(["session", "request", "outbox"].map(|table| count(&store, table)), [0, 0, 0]);
    }
    store.create_requested(&asked).unwrap();
    assert!(matches!(store.create_requested(&asked), Err(StoreError::Refused { .. })));
}

#[test]
fn what_was_said_may_change_but_not_who_asked_for_what() {
    let (_folder, mut store) = fresh();
    let session = ask(&mut store, &details("first"));
    let mut said = details("second");
    said.options.allowed_types.clear();
    store.update_details(&session.id, &said).unwrap();
    assert_eq!(store.details(&session.id).unwrap(), Some(said.clone()));
    for other in [
        SessionDetails { livemode: true, ..said.clone() },
        SessionDetails { dialect: Dialect::Stile, ..said.clone() },
        SessionDetails { asks_identity: true, ..said.clone() },
        said.redacted(now()),
    ] {
        assert!(matches!(store.update_details(&session.id, &other), Err(StoreError::Refused { .. })));
    }
    let unknown = record(SessionState::Created);
    assert!(matches!(store.update_details(&unknown.id, &said), Err(StoreError::Missing)));
    // Notes may be changed after the end too.
    cancel(&mut store, &session);
    store.update_details(&session.id, &details("third")).unwrap();
    assert_eq!(store.details(&session.id).unwrap(), Some(details("third")));
}

#[test]
fn the_event_of_an_end_is_rendered_with_what_was_said() {
    let (_folder, mut store) = fresh();
    let session = ask(&mut store, &details("mark"));
    let seen = std::cell::RefCell::new(Vec::new());
    let watch = |facts: &EventFacts<'_>| {
        seen.borrow_mut().push(facts.details.cloned());
        Vec::new()
    };
    end(&mut store, &session, Some(&evidence()), &watch).unwrap();
    let at_the_screen = record(SessionState::Created);
    store.create_session(&at_the_screen).unwrap();
    end(&mut store, &at_the_screen, None, &watch).unwrap();
    assert_eq!(seen.into_inner(), [Some(details("mark")), None]);
}

#[test]
fn an_event_is_delivered_beside_that_of_the_end() {
    let (_folder, mut store) = fresh();
    let session = ask(&mut store, &details("mark"));
    let processing = event(&["shop"], "processing");
    store.save_and_tell(&session, Some(&processing)).unwrap();
    assert!(
        matches!(store.save_and_tell(&session, Some(&processing)), Err(StoreError::Refused { .. })),
        "events are unique"
    );
    end(&mut store, &session, Some(&evidence()), &two_bodies).unwrap();
    assert_eq!(store.lease(SYNC, 9, now()).unwrap().len(), 3);
    let unknown = record(SessionState::Created);
    assert!(matches!(store.save_and_tell(&unknown, Some(&event(&["shop"], "x"))), Err(StoreError::Missing)));
}

#[test]
fn redaction_erases_texts_credential_and_anchors_once_and_leaves_the_outcome() {
    let (_folder, mut store) = fresh();
    let session = ask(&mut store, &details("mark"));
    end(&mut store, &session, Some(&evidence()), &no_bodies).unwrap();
    assert_eq!(counts(&store), [1, 1, 2, 0, 2]);
    let redacted = event(&["shop"], "redacted");
    assert!(store.redact(&session.id, later(5), Actor::Till, Some(&redacted)).unwrap());
    assert_eq!(store.details(&session.id).unwrap(), Some(details("mark").redacted(later(5))));
    assert_eq!(counts(&store), [1, 0, 0, 1, 3]);
    let again = event(&["shop"], "redacted again");
    assert!(!store.redact(&session.id, later(9), Actor::Staff, Some(&again)).unwrap());
    assert_eq!(counts(&store), [1, 0, 0, 1, 3]);
    assert_eq!(store.details(&session.id).unwrap().unwrap().redacted_at, Some(later(5)));
    assert!(matches!(store.update_details(&session.id, &details("new")), Err(StoreError::Terminal)));
    assert_eq!((store.verify_outcomes().unwrap(), store.verify_audit().unwrap()), (1, 3));
    let last = "SELECT actor, action FROM audit ORDER BY sequence DESC LIMIT 1";
    let last = store.connection.query_row(last, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
    assert_eq!(last.unwrap(), ("till".to_owned(), "session_redacted".to_owned()));
}

#[test]
fn only_what_has_ended_is_redacted_also_where_nobody_asked_over_the_api() {
    let (_folder, mut store) = fresh();
    let open = ask(&mut store, &details("mark"));
    assert!(matches!(store.redact(&open.id, now(), Actor::Till, None), Err(StoreError::Open)));
    let unknown = record(SessionState::Created);
    assert!(matches!(store.redact(&unknown.id, now(), Actor::Till, None), Err(StoreError::Missing)));
    assert_eq!(store.details(&open.id).unwrap(), Some(details("mark")));
    let (at_the_screen, _) = verify_one(&mut store);
    assert!(store.redact(&at_the_screen.id, now(), Actor::Operator, None).unwrap());
    let expected = SessionDetails::new(Dialect::Stripe, false).redacted(now());
    assert_eq!(store.details(&at_the_screen.id).unwrap(), Some(expected));
    assert_eq!((count(&store, "credential"), count(&store, "anchor")), (0, 0));
    assert!(!store.redact(&at_the_screen.id, now(), Actor::Operator, None).unwrap());
}

#[test]
fn a_redaction_that_fails_halfway_erases_nothing() {
    let (_folder, mut store) = fresh();
    let session = ask(&mut store, &details("mark"));
    end(&mut store, &session, Some(&evidence()), &two_bodies).unwrap();
    let before = (counts(&store), bodies(&store, &session));
    let twice = event(&["shop", "shop"], "redacted");
    assert!(store.redact(&session.id, now(), Actor::Till, Some(&twice)).is_err());
    assert_eq!((counts(&store), bodies(&store, &session)), before);
    assert_eq!(store.details(&session.id).unwrap(), Some(details("mark")));
}

#[test]
fn an_event_of_a_redacted_session_keeps_its_body_until_it_is_owed_to_nobody() {
    let (_folder, mut store) = fresh();
    let session = ask(&mut store, &details("mark"));
    store.save_and_tell(&session, Some(&event(&["a", "b", "c", "d"], "made"))).unwrap();
    cancel(&mut store, &session);
    let settle = |store: &mut Store, endpoint: &str, how: &Settlement| {
        let leased = store.lease(SYNC, 9, now()).unwrap();
        let delivery = leased.iter().find(|delivery| delivery.endpoint == endpoint).unwrap();
        store.settle(SYNC, delivery.delivery, how, now()).unwrap();
        store.release(SYNC);
    };
    let dead = Settlement::Dead { why: "410".to_owned() };
    settle(&mut store, "a", &Settlement::Acknowledged);
    settle(&mut store, "b", &dead);
    store.redact(&session.id, now(), Actor::Till, None).unwrap();
    let (owed, erased) = ("{\"made\":1}", "{}");
    assert_eq!(bodies(&store, &session), [erased, erased, owed, owed]);
    settle(&mut store, "c", &Settlement::Retry { after_ms: 0, why: "503".to_owned() });
    assert_eq!(bodies(&store, &session), [erased, erased, owed, owed]);
    settle(&mut store, "c", &Settlement::Acknowledged);
    assert_eq!(bodies(&store, &session), [erased, erased, erased, owed]);
    settle(&mut store, "d", &dead);
    assert_eq!(bodies(&store, &session), [erased; 4]);
    assert_eq!((store.outbox_counts().unwrap().waiting, store.outbox_counts().unwrap().dead), (0, 2));
}

#[test]
fn an_answer_that_quotes_a_redacted_session_is_given_no_more() {
    let (_folder, mut store) = fresh();
    let (session, other) = (ask(&mut store, &details("mark")), ask(&mut store, &details("other")));
    for (key, object) in [("a", &session), ("b", &other)] {
        let begun = store.idempotency_begin(&key.repeat(64), &"0".repeat(64), Some(&object.id), now());
        assert_eq!(begun.unwrap(), Idempotency::New);
        store.idempotency_answer(&key.repeat(64), 200, "{}").unwrap();
    }
    cancel(&mut store, &session);
    store.redact(&session.id, now(), Actor::Till, None).unwrap();
    let mut again = |key: &str| store.idempotency_begin(&key.repeat(64), &"0".repeat(64), None, now()).unwrap();
    assert_eq!(again("a"), Idempotency::Unfinished { object: Some(session.id.clone()) });
    assert_eq!(again("b"), Idempotency::Answered { status: 200, body: "{}".to_owned() });
}

#[test]
fn sessions_that_nobody_took_up_in_time_are_named_the_oldest_first() {
    let (_folder, mut store) = fresh();
    let mut made = Vec::new();
    for (age, state, expires_at) in [
        (3, SessionState::Created, later(10)),
        (5, SessionState::Created, later(20)),
        (4, SessionState::AwaitingConsent, later(10)),
        (9, SessionState::Created, later(21)),
    ] {
        let session = SessionRecord { state, created_at: later(-age), expires_at, ..record(state) };
        store.create_session(&session).unwrap();
        made.push(session);
    }
    cancel(&mut store, &made[2]);
    assert_eq!(store.expire_waiting(later(9)).unwrap(), []);
    assert_eq!(store.expire_waiting(later(10)).unwrap(), [made[0].clone()]);
    assert_eq!(store.expire_waiting(later(20)).unwrap(), [made[1].clone(), made[0].clone()]);
}

#[test]
fn the_schema_keeps_requests_and_what_is_redacted() {
    let (_folder, mut store) = fresh();
    let session = ask(&mut store, &details("mark"));
    store.save_and_tell(&session, Some(&event(&["shop"], "made"))).unwrap();
    cancel(&mut store, &session);
    let refused = |store: &Store, change: &str| {
        let refused = StoreError::from(store.connection.execute(change, []).unwrap_err());
        assert!(matches!(refused, StoreError::Refused { .. }), "{change}: {refused}");
    };
    for change in [
        "DELETE FROM request",
        "UPDATE request SET livemode = 1",
        "UPDATE request SET dialect = 'stile'",
        "UPDATE request SET redacted_at = 1",
        "UPDATE request SET email_anchor = 'ada@example.org'",
        "UPDATE outbox SET body = '{}'",
    ] {
        refused(&store, change);
    }
    store.redact(&session.id, now(), Actor::Till, None).unwrap();
    for change in [
        "UPDATE request SET metadata = '{\"a\":\"b\"}'",
        "UPDATE request SET redacted_at = NULL",
        "UPDATE outbox SET body = '{}' WHERE state = 'waiting'",
        "UPDATE outbox SET body = 'x'",
    ] {
        refused(&store, change);
    }
}
