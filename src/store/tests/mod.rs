//! The store against real SQLite in real folders.

mod api_keys;
mod attempts;
mod backup;
mod chains;
mod clock;
mod ends;
mod idempotency;
mod listing;
mod opening;
mod outbox;
mod outcomes;
mod passes;
mod power;
mod privacy;
mod recovery;
mod requests;
mod rescue;
pub(crate) mod returning;
mod rotation;
mod rules;
mod space;
mod staff;
mod upgrade;

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{EventFacts, Finish, Finished, OutboxBody, OutcomeDraft, Store, StoreError};
use crate::session::{Evidence, SessionId, SessionRecord, SessionState, Verdict};
use crate::verified::{self, decision_on, rule};

fn now() -> Timestamp {
    "2026-11-22T12:00:00.250Z".parse().unwrap()
}

fn later(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

/// A new session in a state.
fn record(state: SessionState) -> SessionRecord {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let mut bytes = [0; SessionId::CHARACTERS];
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    bytes.iter_mut().enumerate().for_each(|(at, byte)| *byte = (number >> (at * 5).min(63)) as u8 & 31);
    verified::record(SessionId::from_random(&bytes), state, now())
}

/// Evidence that verifies.
fn evidence() -> Evidence {
    verified::evidence(verified::person(), "CANARY 1987")
}

/// What two endpoints get.
fn two_bodies(facts: &EventFacts<'_>) -> Vec<OutboxBody> {
    let body = serde_json::json!({
        "id": facts.event,
        "session": facts.record.id.stripe(),
        "outcome": facts.outcome,
        "attestation": facts.attestation,
    });
    ["shop", "till"].map(|endpoint| OutboxBody { endpoint: endpoint.to_owned(), body: body.to_string() }).into()
}

fn no_bodies(_: &EventFacts<'_>) -> Vec<OutboxBody> {
    Vec::new()
}

/// Renders the bodies of an event.
type Bodies<'a> = &'a dyn Fn(&EventFacts<'_>) -> Vec<OutboxBody>;

/// Ends a session by the evidence, or without a decision.
fn end(
    store: &mut Store,
    record: &SessionRecord,
    evidence: Option<&Evidence>,
    bodies: Bodies<'_>,
) -> Result<Finished, StoreError> {
    let (rule, decision) = (rule(), evidence.map(decision_on));
    let draft = evidence.zip(decision.as_ref()).map(|(evidence, decision)| OutcomeDraft {
        decision,
        evidence,
        rule: &rule,
        decided_at: now(),
        expires_at: later(86_400),
    });
    let state = match (decision.as_ref().map(|decision| decision.verdict), record.state) {
        (Some(Verdict::Verified), _) => SessionState::Verified,
        (Some(Verdict::NotVerified), _) => SessionState::NotVerified,
        (None, state) if state.is_terminal() => state,
        (None, _) => SessionState::Expired,
    };
    let record = SessionRecord { state, ..record.clone() };
    store.finish(&Finish { record: &record, ended_at: now(), outcome: draft, bodies })
}

/// Makes a session and verifies it.
fn verify_one(store: &mut Store) -> (SessionRecord, Finished) {
    let record = record(SessionState::Created);
    store.create_session(&record).unwrap();
    let finished = end(store, &record, Some(&evidence()), &two_bodies).unwrap();
    (SessionRecord { state: SessionState::Verified, ..record }, finished)
}

fn fresh() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    (folder, store)
}

/// Another connection to the file, as somebody with the disk in hands would have.
fn tamperer(folder: &TempDir) -> Connection {
    Connection::open(folder.path().join("store.db")).unwrap()
}

fn count(store: &Store, table: &str) -> i64 {
    store.connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

/// Rows of every table that a session's end writes to.
fn counts(store: &Store) -> Vec<i64> {
    ["outcome", "credential", "anchor", "outbox", "audit"].iter().map(|table| count(store, table)).collect()
}
