//! Leases, settlements, order and fairness.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::session::protocol::{Delivery, EndpointRoom, LeaseWish, LetterState, Settlement};
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
    let sorted = {
        let mut sorted = of_a.clone();
        sorted.sort_unstable();
        sorted
    };
    let [a, b, c, d, e] = sorted[..] else { panic!("five of them") };
    assert!(of_a == [a, e, b, d, c] || of_a == [e, a, d, b, c], "the oldest and the newest in turns: {of_a:?}");
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

#[test]
fn what_is_new_is_leased_beside_a_backlog_and_the_backlog_beside_what_is_new() {
    let (_folder, mut store) = fresh();
    for second in 0..40 {
        event_at(&mut store, later(second), &[("shop", 0)]);
    }
    let mut seen = Vec::new();
    for round in 0..20 {
        // One comes for each that goes: without turns either the old ones or the new ones would wait for ever.
        event_at(&mut store, later(100 + round), &[("shop", 0)]);
        let leased = store.lease(SYNC, 1, later(200)).unwrap().remove(0);
        store.settle(SYNC, leased.delivery, &Settlement::Acknowledged, later(200)).unwrap();
        seen.push(leased.delivery);
    }
    let (old, new): (Vec<i64>, Vec<i64>) = seen.iter().partition(|delivery| **delivery <= 40);
    assert_eq!((old.len(), new.len()), (10, 10), "{seen:?}");
    assert_eq!(old, (1..=10).collect::<Vec<i64>>());
}

#[test]
fn a_lease_keeps_to_what_is_wished_of_each_endpoint_and_gives_none_of_one_that_is_withheld() {
    let (_folder, mut store) = fresh();
    for second in 0..5 {
        event_at(&mut store, later(second), &[("down", 0), ("probed", 0), ("shop", 0), ("off", 0)]);
    }
    let room = |endpoint: &str, most| EndpointRoom { endpoint: endpoint.to_owned(), most };
    let wish = LeaseWish { most: 64, each: 3, except: vec![room("down", 0), room("probed", 1)] };
    store.withhold(BTreeSet::from(["off".to_owned()]));
    let leased = store.lease_as_wished(SYNC, &wish, later(9)).unwrap();
    assert_eq!(endpoints(&leased), ["probed", "shop", "shop", "shop"]);
    // What could be leased decides when it is worth asking again.
    let none = LeaseWish { most: 64, each: 0, except: Vec::new() };
    assert_eq!(store.next_due_as_wished(&none, later(9)).unwrap(), None);
    assert_eq!(store.next_due_as_wished(&LeaseWish::up_to(1), later(9)).unwrap(), Some(Duration::ZERO));
    // One that was not tried is due as before.
    let before = outbox_row(&store, leased[0].delivery);
    store.settle(SYNC, leased[0].delivery, &Settlement::Untried, later(9)).unwrap();
    store.settle(SYNC, leased[0].delivery, &Settlement::Untried, later(9)).unwrap();
    assert_eq!(outbox_row(&store, leased[0].delivery), before);
    store.withhold(BTreeSet::new());
    store.release(SYNC);
    assert_eq!(store.lease(SYNC, 64, later(9)).unwrap().len(), 20);
}

/// Attempts and time of the next one.
fn outbox_row(store: &Store, delivery: i64) -> (i64, i64) {
    let row = "SELECT attempts, next_attempt_at FROM outbox WHERE delivery = ?1";
    store.connection.query_row(row, [delivery], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

fn kill(store: &mut Store, delivery: &Delivery) {
    let dead = Settlement::Dead { why: "the receiver says that it is gone (410)".to_owned() };
    store.settle(SYNC, delivery.delivery, &dead, later(50)).unwrap();
}

#[test]
fn dead_letters_are_counted_shown_and_sent_again_under_their_identifiers() {
    let (_folder, mut store) = fresh();
    for second in 0..3 {
        event_at(&mut store, later(second), &[("shop", 0), ("till", 0)]);
    }
    let leased = store.lease(SYNC, 64, later(9)).unwrap();
    for delivery in leased.iter().filter(|delivery| delivery.endpoint == "shop") {
        kill(&mut store, delivery);
    }
    let queues = store.outbox_queues().unwrap();
    let counts: Vec<_> = queues.iter().map(|queue| (queue.endpoint.as_str(), queue.waiting, queue.dead)).collect();
    assert_eq!(counts, [("shop", 0, 3), ("till", 3, 0)]);
    assert_eq!((queues[1].oldest, queues[0].oldest), (Some(now()), None));
    assert!(queues[0].last_error.as_ref().unwrap().contains("410") && queues[1].last_error.is_none());

    // In pages, with and without bodies.
    let page = store.letters((LetterState::Dead, Some("shop")), 0, 2, false).unwrap();
    assert_eq!((page.letters.len(), page.more), (2, true));
    assert!(page.letters.iter().all(|letter| letter.body.is_none() && !letter.redacted && letter.attempts == 1));
    let rest = store.letters((LetterState::Dead, None), page.letters[1].delivery, 200, true).unwrap();
    assert_eq!((rest.letters.len(), rest.more), (1, false));
    let last = &rest.letters[0];
    assert!(last.body.as_ref().unwrap().contains(&last.event));
    let found = store.find_letters(&last.event).unwrap();
    assert_eq!(found.iter().map(|letter| letter.endpoint.as_str()).collect::<Vec<_>>(), ["shop", "till"]);
    assert_eq!(store.find_letters(&last.delivery.to_string()).unwrap(), found[..1]);

    // One, then the others; a second time there is nothing left.
    let first = page.letters[0].delivery;
    assert_eq!(store.replay(Some(first), None, 0, later(60)).unwrap().replayed, 1);
    assert!(matches!(store.replay(Some(first), None, 0, later(60)), Err(StoreError::Missing)));
    assert_eq!(store.replay(None, Some("till"), 0, later(60)).unwrap().replayed, 0);
    assert_eq!(store.replay(None, Some("shop"), 0, later(60)).unwrap().replayed, 2);
    let again = store.lease(SYNC, 64, later(60)).unwrap();
    assert_eq!(endpoints(&again), ["shop"; 3]);
    assert!(
        again.iter().all(|delivery| delivery.attempts == 0 && leased.iter().any(|old| old.event == delivery.event))
    );
    let audited = "SELECT count(*) FROM audit WHERE action = 'delivery_replayed' AND actor = 'operator'";
    assert_eq!(store.connection.query_row(audited, [], |row| row.get::<_, i64>(0)).unwrap(), 3);
    store.verify_audit().unwrap();
}

#[test]
fn very_many_dead_letters_are_sent_again_in_turns_that_end_also_when_they_die_again() {
    let (_folder, mut store) = fresh();
    for _ in 0..450 {
        event_at(&mut store, now(), &[("shop", 0)]);
    }
    let all = |store: &mut Store| {
        loop {
            let leased = store.lease(SYNC, 64, later(70)).unwrap();
            if leased.is_empty() {
                break;
            }
            for delivery in &leased {
                kill(store, delivery);
            }
        }
    };
    all(&mut store);
    let (mut after, mut replayed, mut rounds) = (0, 0, 0);
    loop {
        let done = store.replay(None, None, after, later(60)).unwrap();
        (after, replayed, rounds) = (done.last, replayed + done.replayed, rounds + 1);
        // The receiver refuses them at once.
        all(&mut store);
        if !done.more {
            break;
        }
    }
    assert_eq!((replayed, rounds), (450, 3));
}

/// What happens to an outbox.
#[derive(Debug, Clone)]
enum Happens {
    Event { endpoints: u8 },
    Lease { holder: u64, most: u16, shut: bool },
    Settle { which: usize, how: u8 },
    Lost { holder: u64 },
    Restart,
    Time { seconds: i64 },
    Replay,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => (1_u8..4).prop_map(|endpoints| Happens::Event { endpoints }),
        4 => (1_u64..3, 0_u16..6, any::<bool>()).prop_map(|(holder, most, shut)| Happens::Lease { holder, most, shut }),
        6 => (0_usize..64, 0_u8..4).prop_map(|(which, how)| Happens::Settle { which, how }),
        1 => (1_u64..3).prop_map(|holder| Happens::Lost { holder }),
        1 => Just(Happens::Restart),
        2 => (0_i64..7_200).prop_map(|seconds| Happens::Time { seconds }),
        1 => Just(Happens::Replay),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_happens_each_delivery_has_one_holder_its_own_body_and_an_end(
        course in proptest::collection::vec(happens(), 1..40),
    ) {
        let (folder, store) = fresh();
        let (mut store, mut clock) = (Some(store), 0);
        let (mut held, mut known, mut written) = (Vec::<(u64, Delivery)>::new(), BTreeMap::new(), 0);
        for step in course {
            let open = store.as_mut().unwrap();
            match step {
                Happens::Event { endpoints } => {
                    let all = [("a", 0), ("b", 1), ("c", 2)];
                    event_at(open, later(clock), &all[..usize::from(endpoints)]);
                    written += usize::from(endpoints);
                }
                Happens::Lease { holder, most, shut } => {
                    let except = if shut { vec![EndpointRoom { endpoint: "a".to_owned(), most: 0 }] } else { Vec::new() };
                    let wish = LeaseWish { most, each: 2, except };
                    let leased = open.lease_as_wished(LeaseHolder(holder), &wish, later(clock)).unwrap();
                    prop_assert!(leased.len() <= usize::from(most));
                    for delivery in leased {
                        prop_assert!(!(shut && delivery.endpoint == "a"));
                        prop_assert!(held.iter().all(|(_, other)| other.delivery != delivery.delivery), "held twice");
                        let body = known.entry(delivery.delivery).or_insert_with(|| delivery.body.clone());
                        prop_assert_eq!(&*body, &delivery.body);
                        held.push((holder, delivery));
                    }
                }
                Happens::Settle { which, how } if !held.is_empty() => {
                    let (holder, delivery) = held.swap_remove(which % held.len());
                    let how = match how {
                        0 => Settlement::Acknowledged,
                        1 => retry(60_000),
                        2 => Settlement::Dead { why: "410".to_owned() },
                        _ => Settlement::Untried,
                    };
                    let other = LeaseHolder(holder + 10);
                    prop_assert!(open.settle(other, delivery.delivery, &retry(1), later(clock)).is_err());
                    open.settle(LeaseHolder(holder), delivery.delivery, &how, later(clock)).unwrap();
                }
                Happens::Settle { .. } => {}
                Happens::Lost { holder } => {
                    open.release(LeaseHolder(holder));
                    held.retain(|(by, _)| *by != holder);
                }
                Happens::Restart => {
                    drop(store.take());
                    store = Some(Store::open(folder.path()).unwrap());
                    held.clear();
                }
                Happens::Time { seconds } => clock += seconds,
                Happens::Replay => drop(open.replay(None, None, 0, later(clock)).unwrap()),
            }
        }
        // Everything can be delivered in the end, whatever was before.
        let mut store = store.unwrap();
        store.release(LeaseHolder(1));
        store.release(LeaseHolder(2));
        store.replay(None, None, 0, later(clock)).unwrap();
        clock += 86_400;
        loop {
            let leased = store.lease(SYNC, 64, later(clock)).unwrap();
            if leased.is_empty() {
                break;
            }
            for delivery in leased {
                prop_assert!(known.get(&delivery.delivery).is_none_or(|body| *body == delivery.body));
                store.settle(SYNC, delivery.delivery, &Settlement::Acknowledged, later(clock)).unwrap();
            }
        }
        let delivered = "SELECT count(*) FROM outbox WHERE state = 'delivered'";
        let delivered: i64 = store.connection.query_row(delivered, [], |row| row.get(0)).unwrap();
        prop_assert_eq!(delivered, written as i64);
    }
}
