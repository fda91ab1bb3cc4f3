//! Events as the engine renders them, for tests of what happens to them afterwards.

use carded::api::{EventKind, SessionEvent, SessionSnapshot, event_body};
use carded::compliance::{PlaceDays, RuleBook, UseCase};
use carded::privacy::{StaffId, Vocabulary};
use carded::session::{
    AttemptsLeft, CanceledBy, Dialect, Evidence, KeptOutcome, Outcome, OutcomeResult, OutcomeSeed, Policy,
    SessionDetails, SessionId, SessionRecord, SessionState, decide,
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

/// A session as it stands.
pub fn record(number: u64, state: SessionState) -> SessionRecord {
    SessionRecord {
        id: id(number),
        use_case: UseCase::AlcoholInPerson,
        jurisdiction: "US-CA".parse().unwrap(),
        state,
        attempts: AttemptsLeft { document: 0, face: 0 },
        consent: None,
        last_error: None,
        created_at: Timestamp::UNIX_EPOCH,
        expires_at: Timestamp::UNIX_EPOCH,
    }
}

fn rendered(dialect: Dialect, id: &str, kind: EventKind, snapshot: &SessionSnapshot) -> String {
    let (camera_is_live, at) = (snapshot.details.livemode, Timestamp::UNIX_EPOCH);
    event_body(dialect, Vocabulary::Real, &SessionEvent { id, kind, snapshot, camera_is_live, at }).unwrap()
}

fn ended(dialect: Dialect, id: &str, record: SessionRecord, outcome: Option<KeptOutcome>, livemode: bool) -> String {
    let details = SessionDetails::new(dialect, livemode);
    rendered(dialect, id, EventKind::Ended, &SessionSnapshot { record, details, outcome, overriding: None })
}

/// The bodies of a session that begins, and of one that waits for the staff, in Stripe's words.
pub fn undecided(number: u64) -> [String; 2] {
    [(EventKind::Created, SessionState::Created), (EventKind::Processing, SessionState::AwaitingReview)].map(
        |(kind, state)| {
            let (record, details) = (record(number, state), SessionDetails::new(Dialect::Stripe, false));
            let snapshot = SessionSnapshot { record, details, outcome: None, overriding: None };
            rendered(Dialect::Stripe, &format!("evt_{state:?}_{number}").to_lowercase(), kind, &snapshot)
        },
    )
}

/// The outcome that one of the staff sets over another.
pub fn overriding(first: &Outcome, sequence: u64, previous_hash: Option<String>, result: OutcomeResult) -> Outcome {
    let seed = OutcomeSeed {
        id: format!("out_{sequence}"),
        session: first.session().to_owned(),
        device: "dev_1".to_owned(),
        sequence,
        previous_hash,
        decided_at: Timestamp::UNIX_EPOCH,
        expires_at: Timestamp::UNIX_EPOCH,
        consent: None,
        live_session: false,
    };
    Outcome::overriding(first, seed, StaffId::from_random(&[3; SessionId::CHARACTERS]), result)
}

/// The body of the event of an outcome that one of the staff has set over the first, both with their attestations.
pub fn overridden(
    dialect: Dialect,
    number: u64,
    livemode: bool,
    first: (&Outcome, &str),
    new: (&Outcome, &str),
) -> String {
    // As a device with a pinned camera would have them: no test has one.
    let of_mode = |outcome: &Outcome| {
        let mut json = serde_json::to_value(outcome).unwrap();
        json["livemode"] = livemode.into();
        serde_json::from_value::<Outcome>(json).unwrap()
    };
    let kept =
        |(outcome, jws): (&Outcome, &str)| KeptOutcome { outcome: of_mode(outcome), attestation: jws.to_owned() };
    let snapshot = SessionSnapshot {
        record: record(number, SessionState::NotVerified),
        details: SessionDetails::new(dialect, livemode),
        outcome: Some(kept(first)),
        overriding: Some(kept(new)),
    };
    rendered(dialect, &format!("evt_overridden_{number}_{}", new.0.sequence()), EventKind::Overridden, &snapshot)
}

/// Identifier and body of the event of a cancelled session.
pub fn canceled(number: i64) -> (String, String) {
    let event_id = format!("evt_{number}");
    let record = record(number.unsigned_abs(), SessionState::Canceled(CanceledBy::Person));
    let body = ended(Dialect::Stile, &event_id, record, None, false);
    (event_id, body)
}

/// The outcome of a session in which nothing was shown.
pub fn not_verified(sequence: u64, previous_hash: Option<String>) -> Outcome {
    let rule = RuleBook::built_in()
        .unwrap()
        .resolve(UseCase::AlcoholInPerson, &"US-CA".parse().unwrap(), PlaceDays::single(date(2026, 11, 23)))
        .unwrap();
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
        consent: None,
        live_session: false,
    };
    Outcome::new(seed, &decision, &evidence, &rule)
}

/// The body of the event of a decided session.
pub fn decided(dialect: Dialect, number: u64, outcome: &Outcome, attestation: &str) -> String {
    let kept = KeptOutcome { outcome: outcome.clone(), attestation: attestation.to_owned() };
    ended(dialect, &format!("evt_decided_{number}"), record(number, SessionState::NotVerified), Some(kept), false)
}

/// Identifier and body of the event of a verified session, for receivers that look no further than the event.
pub fn verified(dialect: Dialect, number: u64, livemode: bool) -> (String, String) {
    let event_id = format!("evt_verified_{number}");
    let body = ended(dialect, &event_id, record(number, SessionState::Verified), None, livemode);
    (event_id, body)
}
