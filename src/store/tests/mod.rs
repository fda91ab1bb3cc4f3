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
mod requests;
mod rescue;
pub(crate) mod returning;
mod rules;
mod space;
mod staff;
mod upgrade;

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{EventFacts, Finish, Finished, OutboxBody, OutcomeDraft, Store, StoreError};
use crate::compliance::{AgeTier, PlaceDays, Rule, RuleBook, UseCase};
use crate::document::{Agreement, Check, CheckResult, DocumentKind, FieldComparison, Fields};
use crate::imaging::Provenance;
use crate::liveness::{MatchDecision, MatchResult, MatchThreshold, Similarity, TurnVerdict};
use crate::privacy::PersonalDate;
use crate::session::{
    AttemptsLeft, CaptureEvidence, Decision, DocumentEvidence, EncodedSource, Evidence, LivenessEvidence, Policy,
    SessionId, SessionRecord, SessionState, Surroundings, Verdict, decide,
};

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
    SessionRecord {
        id: SessionId::from_random(&bytes),
        use_case: UseCase::AlcoholInPerson,
        jurisdiction: "US-CA".parse().unwrap(),
        state,
        attempts: AttemptsLeft { document: 3, face: 2 },
        consent: None,
        last_error: None,
        created_at: now(),
        expires_at: later(86_400),
    }
}

/// Evidence that verifies.
fn evidence() -> Evidence {
    let agrees = |field| FieldComparison {
        field,
        printed: Some("PRINTED CANARY".into()),
        encoded: Some("ENCODED CANARY".into()),
        result: Agreement::Agrees,
    };
    let day = |day: Date| Some(PersonalDate::new(day));
    Evidence {
        feed: None,
        capture: Some(CaptureEvidence { provenance: Provenance::Simulated }),
        document: Some(DocumentEvidence {
            encoded: Some(EncodedSource::Barcode),
            kind: Some(DocumentKind::DrivingLicense),
            fields: Fields {
                first_name: Some("Fizzwick".into()),
                middle_name: Some("Quillon".into()),
                last_name: Some("Brombeerstrauch".into()),
                suffix: Some("XIV".into()),
                date_of_birth: day(date(1987, 3, 29)),
                expiration_date: day(date(2031, 7, 19)),
                issue_date: day(date(2023, 9, 13)),
                street: Some("4711 Zyzzyva Alley".into()),
                street_2: Some("Loft Qwertz".into()),
                city: Some("Xanthippolis".into()),
                postal_code: Some("908172635".into()),
                jurisdiction_code: Some("CA".to_owned()),
                country: Some("USA".to_owned()),
                id_number: Some("D8675309Q".into()),
                document_number: Some("P99887766".into()),
                nationality: Some("ZQX".into()),
                ..Fields::default()
            },
            checks: vec![Check::new("date_order", CheckResult::Pass, "DETAIL CANARY 1987")],
            comparisons: ["id_number", "date_of_birth", "expiration_date", "last_name"].map(agrees).into(),
            portrait_found: true,
        }),
        liveness: Some(LivenessEvidence { verdict: TurnVerdict::Live }),
        flash: None,
        age: None,
        surroundings: Surroundings::default(),
        review: None,
        returned: None,
        pass: None,
        face_match: Some(MatchResult {
            decision: MatchDecision::Match,
            similarity: Some(Similarity(0.8)),
            threshold: MatchThreshold::SHIPPED,
            probes: 5,
        }),
        models: [("face".to_owned(), "ab".repeat(32))].into(),
    }
}

fn rule() -> Rule {
    RuleBook::built_in()
        .unwrap()
        .resolve(UseCase::AlcoholInPerson, &"US-CA".parse().unwrap(), PlaceDays::single(date(2026, 11, 23)))
        .unwrap()
}

fn decision_on(evidence: &Evidence) -> Decision {
    decide(evidence, &Policy::for_tier(AgeTier::Over21), PlaceDays::single(date(2026, 11, 22)))
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
