//! A week without a network: an outbox full of outcomes, drained through the roles as processes to a real receiver.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::Instant;

use carded::api::{EventKind, SessionEvent, SessionSnapshot, event_body};
use carded::compliance::{PlaceDays, RuleBook, UseCase};
use carded::privacy::Vocabulary;
use carded::session::{
    AttemptsLeft, Dialect, Evidence, KeptOutcome, Policy, SessionDetails, SessionId, SessionRecord, SessionState,
    decide,
};
use carded::store::{EventFacts, Finish, OutboxBody, OutcomeDraft, Store};
use carded::tools::receiver::{DeviceKey, TrustedKeys};
use jiff::{SignedDuration, Timestamp};

use crate::site::{PATIENCE, Running, Site, alone};
use crate::support::receiver::{Receiver, receiver_on};

/// Outcomes of the test that runs with the others.
const SHARE: usize = 2_000;
/// Outcomes of a week.
const WEEK: usize = 100_000;
/// Bytes that a role may need beyond what it needed before, however much waits.
const MOST_MEMORY: u64 = 96 << 20;

/// An engine's own outcomes, each with its event, over a week.
fn fill(state: &Path, count: usize) {
    let mut store = Store::open(state).unwrap();
    let end = Timestamp::now();
    let place = "US-CA".parse().unwrap();
    let days = PlaceDays::single(end.to_zoned(jiff::tz::TimeZone::UTC).date());
    let rule = RuleBook::built_in().unwrap().resolve(UseCase::AlcoholInPerson, &place, days).unwrap();
    let evidence = Evidence::default();
    let decision = decide(&evidence, &Policy::for_tier(rule.tier), days);
    for number in 0..count {
        let before = SignedDuration::from_secs(604_800 * (count - number) as i64 / count as i64);
        let at = end - before;
        let record = SessionRecord {
            id: SessionId::from_random(&std::array::from_fn(|_| fastrand::u8(..))),
            use_case: UseCase::AlcoholInPerson,
            jurisdiction: "US-CA".parse().unwrap(),
            state: SessionState::Created,
            attempts: AttemptsLeft { document: 0, face: 0 },
            consent: None,
            last_error: None,
            created_at: at,
            expires_at: at + SignedDuration::from_hours(24),
        };
        store.create_session(&record).unwrap();
        let ended = SessionRecord { state: SessionState::NotVerified, ..record };
        let draft = OutcomeDraft {
            decision: &decision,
            evidence: &evidence,
            rule: &rule,
            decided_at: at,
            expires_at: at + SignedDuration::from_hours(24),
        };
        store.finish(&Finish { record: &ended, ended_at: at, outcome: Some(draft), bodies: &bodies }).unwrap();
    }
}

/// The event as an engine renders it.
fn bodies(facts: &EventFacts<'_>) -> Vec<OutboxBody> {
    let kept = facts.outcome.zip(facts.attestation);
    let outcome = kept.map(|(outcome, jws)| KeptOutcome { outcome: outcome.clone(), attestation: jws.to_owned() });
    let details = SessionDetails::new(Dialect::Stile, false);
    let snapshot = SessionSnapshot { record: facts.record.clone(), details, outcome, overriding: None };
    let event = SessionEvent {
        id: facts.event,
        kind: EventKind::Ended,
        snapshot: &snapshot,
        camera_is_live: false,
        at: facts.ended_at,
    };
    let body = event_body(Dialect::Stile, Vocabulary::Real, &event).unwrap();
    vec![OutboxBody { endpoint: "shop".to_owned(), body }]
}

/// The most memory that a process has had, in bytes.
fn peak(process: &Running) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.0.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Waits until so many events have come, for as long as any come.
fn until(receiver: &Receiver, count: usize) {
    let seen = || receiver.seen.lock().unwrap().len();
    let (mut last, mut since) = (seen(), Instant::now());
    while last < count {
        std::thread::sleep(std::time::Duration::from_millis(50));
        if seen() > last {
            (last, since) = (seen(), Instant::now());
        }
        assert!(since.elapsed() < PATIENCE, "{last} of {count} have come, and no more do");
    }
}

fn drain(count: usize, killed: bool) {
    let _alone = alone();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let site = Site::reporting_to(listener.local_addr().unwrap());
    let filling = Instant::now();
    fill(&site.path("state"), count);
    let filled = filling.elapsed();
    let key: DeviceKey = fs::read_to_string(site.path("state/device.pub")).unwrap().parse().unwrap();
    let mut engine = site.ready("engine");
    // What waited for a week is an alarm.
    let (status, listed, words) = site.operate("outbox", &["list"]);
    assert_eq!((status, &listed["alarms"][0]["alarm"]), (Some(1), &"age".into()), "{words}");
    assert_eq!(listed["endpoints"][0]["waiting"], count);

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let receiver = runtime.block_on(async {
        receiver_on(tokio::net::TcpListener::from_std(listener).unwrap(), &site.path(""), Some(TrustedKeys::from(key)))
    });
    let before = peak(&engine);
    let mut sync = site.ready("sync");
    let began = Instant::now();
    if killed {
        until(&receiver, count / 3);
        sync.signal("-KILL");
        drop(sync);
        sync = site.ready("sync");
        until(&receiver, 2 * count / 3);
        engine.signal("-KILL");
        drop(engine);
        engine = site.ready("engine");
    }
    until(&receiver, count);
    let took = began.elapsed();
    let (of_engine, of_sync) = (peak(&engine).saturating_sub(before), peak(&sync));
    eprintln!(
        "{count} outcomes drained in {:.0} s ({:.0} a second); engine {} MiB more than {} MiB before, sync {} MiB in all; \
         written in {:.0} s",
        took.as_secs_f64(),
        count as f64 / took.as_secs_f64(),
        of_engine >> 20,
        before >> 20,
        of_sync >> 20,
        filled.as_secs_f64(),
    );
    assert!(of_engine < MOST_MEMORY || killed, "the engine needed {of_engine} bytes more");
    assert!(of_sync < MOST_MEMORY, "sync needed {of_sync} bytes");
    // Each once, attested by the device; and the engine knows.
    let ids = receiver.seen_ids().into_iter().collect::<std::collections::BTreeSet<_>>();
    assert_eq!((ids.len(), receiver.seen_ids().len()), (count, count));
    let drained = || site.operate("outbox", &["list"]);
    let waiting = crate::site::wait_for("the last acknowledgement", || {
        let (_, listed, _) = drained();
        (listed["endpoints"][0]["waiting"] == 0).then_some(listed)
    });
    assert_eq!((&waiting["alarm"], &waiting["endpoints"][0]["dead"]), (&false.into(), &0.into()));
}

#[test]
fn outcomes_of_a_week_offline_drain_without_loss_through_killed_roles_in_bounded_memory() {
    drain(SHARE, true);
}

/// `make drain` runs it: it takes minutes.
#[test]
#[ignore = "takes minutes; run it with make drain"]
fn a_hundred_thousand_outcomes_of_a_week_offline_drain_without_loss_in_bounded_memory() {
    let count = std::env::var("CARDED_DRAIN").ok().and_then(|count| count.parse().ok()).unwrap_or(WEEK);
    drain(count, false);
}
