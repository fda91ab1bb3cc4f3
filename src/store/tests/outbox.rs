//! Leases, settlements, order and fairness.

use std::time::Duration;

use super::*;
use crate::session::protocol::{Delivery, Settlement};
use crate::store::{Actor, AuditAction, LeaseHolder, MAX_LEASED, OutboxCounts};

const SYNC: LeaseHolder = LeaseHolder(1);
const OTHER: LeaseHolder = LeaseHolder(2);

fn retry(after_ms: u64) -> Settlement {
    Settlement::Retry { after_ms, why: "503".to_owned() }
}

/// Ends a session at a moment with one event for each endpoint.
fn event_at(store: &mut Store, at: Timestamp, endpoints: &[(&str, usize)]) {
    let session = record(SessionState::Created);
    store.create_session(&session).unwrap();
    let ended = SessionRecord { state: SessionState::Expired, ..session };
    let bodies = |facts: &EventFacts<'_>| {
        let body = |&(endpoint, bytes): &(&str, usize)| OutboxBody {
            endpoint: endpoint.to_owned(),
            body: format!("{}{}", facts.event, "\u{1}".repeat(bytes)),
        };
        endpoints.iter().map(body).collect()
    };
    store.finish(&Finish { record: &ended, ended_at: at, outcome: None, bodies: &bodies }).unwrap();
}

fn endpoints(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|delivery| delivery.endpoint.as_str()).collect()
}

#[test]
fn a_delivery_is_leased_once_settled_and_gone() {
    let (folder, mut store) = fresh();
    let (_, finished) = verify_one(&mut store);
    let leased = store.lease(SYNC, 10, now()).unwrap();
    assert_eq!(endpoints(&leased), ["shop", "till"]);
    assert!(leased.iter().all(|d| d.event == finished.event && d.attempts == 0 && d.body.contains(&finished.event)));
    assert_eq!(store.lease(OTHER, 10, now()).unwrap(), []);
    assert_eq!(store.next_due(now()).unwrap(), None);
    store.settle(SYNC, leased[0].delivery, &Settlement::Acknowledged, now()).unwrap();
    assert_eq!(store.outbox_counts().unwrap(), OutboxCounts { waiting: 1, dead: 0, oldest: Some(now()) });
    // The answer was lost: the same settlement again is answered the same, another one is not.
    store.settle(SYNC, leased[0].delivery, &Settlement::Acknowledged, now()).unwrap();
    assert!(matches!(store.settle(SYNC, leased[0].delivery, &retry(1), now()), Err(StoreError::NotLeased)));
    drop(store);
    let mut store = Store::open(folder.path()).unwrap();
    assert_eq!(endpoints(&store.lease(SYNC, 10, now()).unwrap()), ["till"], "a restart frees what was leased");
}

#[test]
fn only_the_holder_settles_and_a_lost_connection_frees_its_leases() {
    let (_folder, mut store) = fresh();
    verify_one(&mut store);
    let leased = store.lease(SYNC, 1, now()).unwrap();
    let taken = store.settle(OTHER, leased[0].delivery, &Settlement::Acknowledged, now());
    assert!(matches!(taken, Err(StoreError::NotLeased)));
    assert!(matches!(store.settle(SYNC, 999, &Settlement::Acknowledged, now()), Err(StoreError::Missing)));
    store.release(OTHER);
    assert_eq!(endpoints(&store.lease(OTHER, 10, now()).unwrap()), ["till"]);
    store.release(SYNC);
    assert_eq!(store.lease(OTHER, 10, now()).unwrap(), leased);
}

#[test]
fn a_delivery_that_failed_waits_counts_and_comes_behind_what_was_due_before() {
    let (_folder, mut store) = fresh();
    event_at(&mut store, now(), &[("shop", 0)]);
    event_at(&mut store, later(1), &[("shop", 0)]);
    let first = store.lease(SYNC, 1, later(1)).unwrap().remove(0);
    store.settle(SYNC, first.delivery, &retry(5_000), later(2)).unwrap();
    let second = store.lease(SYNC, 9, later(2)).unwrap().remove(0);
    assert_ne!(second.delivery, first.delivery);
    assert_eq!(store.next_due(later(3)).unwrap(), Some(Duration::from_secs(4)));
    assert_eq!(store.lease(SYNC, 9, later(6)).unwrap(), []);
    store.release(SYNC);
    let both = store.lease(SYNC, 9, later(7)).unwrap();
    assert_eq!(both, [second, Delivery { attempts: 1, ..first.clone() }]);
    // However long the wait that is asked for, it has an end.
    store.settle(SYNC, first.delivery, &retry(u64::MAX), later(7)).unwrap();
    store.settle(SYNC, both[0].delivery, &Settlement::Acknowledged, later(7)).unwrap();
    assert_eq!(store.next_due(later(7)).unwrap(), Some(crate::store::MAX_RETRY));
    assert_eq!(store.lease(SYNC, 9, later(7 + 86_400)).unwrap()[0].attempts, 2);
}

#[test]
fn what_is_refused_for_good_becomes_a_dead_letter_that_the_audit_names() {
    let (_folder, mut store) = fresh();
    let (session, _) = verify_one(&mut store);
    let leased = store.lease(SYNC, 1, now()).unwrap().remove(0);
    let dead = Settlement::Dead { why: format!("410\n{}", "é".repeat(500)) };
    store.settle(SYNC, leased.delivery, &dead, now()).unwrap();
    store.settle(SYNC, leased.delivery, &dead, now()).unwrap();
    let counts = store.outbox_counts().unwrap();
    assert_eq!((counts.waiting, counts.dead), (1, 1));
    let why = "SELECT last_error FROM outbox WHERE state = 'dead'";
    let why: String = store.connection.query_row(why, [], |row| row.get(0)).unwrap();
    assert_eq!(why, format!("410 {}", "é".repeat(196)));
    let last = "SELECT actor, action, session FROM audit ORDER BY sequence DESC LIMIT 1";
    let last: (String, String, String) =
        store.connection.query_row(last, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    let (actor, action) = (Actor::Sync.as_str().to_owned(), AuditAction::DeliveryDead.as_str().to_owned());
    assert_eq!(last, (actor, action, session.id.as_str().to_owned()));
    assert_eq!(endpoints(&store.lease(SYNC, 9, later(1_000_000)).unwrap()), ["till"]);
    store.verify_audit().unwrap();
}

#[test]
fn endpoints_take_turns_whatever_their_backlog() {
    let (_folder, mut store) = fresh();
    for second in 0..5 {
        event_at(&mut store, later(second), &[("a", 0)]);
    }
    event_at(&mut store, later(9), &[("b", 0), ("c", 0)]);
    let mut turns = Vec::new();
    for _ in 0..7 {
        turns.extend(store.lease(SYNC, 1, later(10)).unwrap().into_iter().map(|delivery| delivery.endpoint));
    }
    assert_eq!(turns, ["a", "b", "c", "a", "a", "a", "a"]);
    store.release(SYNC);
    let all = store.lease(SYNC, 9, later(10)).unwrap();
    assert_eq!(endpoints(&all), ["b", "c", "a", "a", "a", "a", "a"]);
    let of_a: Vec<i64> = all[2..].iter().map(|delivery| delivery.delivery).collect();
    assert!(of_a.is_sorted(), "the oldest first");
}

#[test]
fn an_endpoint_holds_a_bounded_number_of_leases_and_a_message_of_bodies() {
    let (_folder, mut store) = fresh();
    for _ in 0..MAX_LEASED + 5 {
        event_at(&mut store, now(), &[("slow", 0)]);
    }
    assert_eq!(store.lease(SYNC, 1000, now()).unwrap().len(), MAX_LEASED);
    assert_eq!(store.lease(OTHER, 1000, now()).unwrap(), []);
    event_at(&mut store, now(), &[("quick", 0)]);
    assert_eq!(endpoints(&store.lease(OTHER, 1000, now()).unwrap()), ["quick"]);
    store.release(SYNC);
    // Every control character takes six bytes in JSON, so that this is the longest body of all.
    let (_folder, mut store) = fresh();
    for _ in 0..5 {
        event_at(&mut store, now(), &[("shop", 65_000)]);
    }
    let leased = store.lease(SYNC, 5, now()).unwrap();
    assert!(!leased.is_empty() && leased.len() < 5);
    let message = crate::session::protocol::EngineMessage::Leased { deliveries: leased, next_ms: None };
    crate::session::protocol::encode(&message).unwrap();
    assert_eq!(store.lease(SYNC, 0, now()).unwrap(), []);
}

#[test]
fn a_clock_that_was_set_back_keeps_nothing_waiting_for_longer_than_a_retry() {
    let (_folder, mut store) = fresh();
    event_at(&mut store, later(400 * 86_400), &[("shop", 0)]);
    assert_eq!(store.next_due(now()).unwrap(), Some(Duration::ZERO));
    assert_eq!(store.lease(SYNC, 1, now()).unwrap().len(), 1);
}
