//! Events as the engine renders them, for tests of what happens to them afterwards.

use carded::api::{FinishedSession, event_body};
use carded::compliance::{PlaceDays, RuleBook, UseCase};
use carded::session::{
    AttemptsLeft, CanceledBy, Dialect, Evidence, Outcome, OutcomeSeed, Policy, SessionId, SessionRecord, SessionState,
    decide,
};
use jiff::Timestamp;
use jiff::civil::date;

/// The secret that sender and receiver share in tests.
pub const SECRET: &str = "whsec_shared_in_tests";

fn id(number: u64) -> SessionId {
    let mut bytes = [0; SessionId::CHARACTERS];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    for (at, byte) in bytes[8..].iter_mut().enumerate() {
        *byte = (number >> at) as u8 & 1;
    }
    SessionId::from_random(&bytes)
}

fn record(number: u64, state: SessionState) -> SessionRecord {
    SessionRecord {
        id: id(number),
        use_case: UseCase::AlcoholInPerson,
        jurisdiction: "US-CA".parse().unwrap(),
        state,
        attempts: AttemptsLeft { document: 0, face: 0 },
        last_error: None,
        created_at: Timestamp::UNIX_EPOCH,
        expires_at: Timestamp::UNIX_EPOCH,
    }
}

/// Identifier and body of the event of a cancelled session.
pub fn canceled(number: i64) -> (String, String) {
    let event_id = format!("evt_{number}");
    let record = record(number.unsigned_abs(), SessionState::Canceled(CanceledBy::Person));
    let finished = FinishedSession {
        event_id: &event_id,
        record: &record,
        outcome: None,
        attestation: None,
        livemode: false,
        at: Timestamp::UNIX_EPOCH,
    };
    let body = event_body(Dialect::Stile, &finished).unwrap();
    (event_id, body)
}

/// The outcome of a session in which nothing was shown.
pub fn not_verified(sequence: u64, previous_hash: Option<String>) -> Outcome {
    let rule = RuleBook::built_in().unwrap().resolve(UseCase::AlcoholInPerson, &"US-CA".parse().unwrap()).unwrap();
    let evidence = Evidence::default();
    let decision = decide(&evidence, &Policy::for_tier(rule.tier), PlaceDays::single(date(2026, 11, 22)));
    let seed = OutcomeSeed {
        id: format!("out_{sequence}"),
        session: id(sequence).as_str().to_owned(),
        device: "dev_1".to_owned(),
        sequence,
        previous_hash,
        decided_at: Timestamp::UNIX_EPOCH,
        expires_at: Timestamp::UNIX_EPOCH,
    };
    Outcome::new(seed, &decision, &evidence, &rule)
}

/// The body of the event of a decided session.
pub fn decided(dialect: Dialect, number: u64, outcome: &Outcome, attestation: &str) -> String {
    let record = record(number, SessionState::NotVerified);
    let finished = FinishedSession {
        event_id: &format!("evt_decided_{number}"),
        record: &record,
        outcome: Some(outcome),
        attestation: Some(attestation),
        livemode: false,
        at: Timestamp::UNIX_EPOCH,
    };
    event_body(dialect, &finished).unwrap()
}
