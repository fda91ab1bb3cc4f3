//! A person who is verified, and the session of it: for tests of the library and of the program alike, so that it names the
//! library as others do.

use carded::compliance::{AgeTier, PlaceDays, Rule, RuleBook, UseCase};
use carded::document::{Agreement, Check, CheckResult, DocumentKind, FieldComparison, Fields};
use carded::imaging::Provenance;
use carded::liveness::{MatchDecision, MatchResult, MatchThreshold, Similarity, TurnVerdict};
use carded::privacy::PersonalDate;
use carded::session::{
    AttemptsLeft, CaptureEvidence, Decision, DocumentEvidence, EncodedSource, Evidence, LivenessEvidence, Policy,
    SessionId, SessionRecord, SessionState, Surroundings, decide,
};
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};

/// The session of somebody who wants a drink in California, made at a moment and good for a day.
pub fn record(id: SessionId, state: SessionState, created_at: Timestamp) -> SessionRecord {
    SessionRecord {
        id,
        use_case: UseCase::AlcoholInPerson,
        jurisdiction: "US-CA".parse().unwrap(),
        state,
        attempts: AttemptsLeft { document: 3, face: 2 },
        consent: None,
        last_error: None,
        created_at,
        expires_at: created_at + SignedDuration::from_hours(24),
    }
}

/// What the document of a person of 39 says, in words that stand nowhere else.
pub fn person() -> Fields {
    let day = |day: Date| Some(PersonalDate::new(day));
    Fields {
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
    }
}

/// Evidence that verifies whom a document says. Wherever else a text of theirs may stand, `mark` does.
pub fn evidence(fields: Fields, mark: &str) -> Evidence {
    let agrees = |field| FieldComparison {
        field,
        printed: Some(mark.into()),
        encoded: Some(mark.into()),
        result: Agreement::Agrees,
    };
    Evidence {
        feed: None,
        capture: Some(CaptureEvidence { provenance: Provenance::Simulated }),
        document: Some(DocumentEvidence {
            encoded: Some(EncodedSource::Barcode),
            kind: Some(DocumentKind::DrivingLicense),
            fields,
            checks: vec![Check::new("date_order", CheckResult::Pass, mark)],
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

/// The rule of such a session.
pub fn rule() -> Rule {
    RuleBook::built_in()
        .unwrap()
        .resolve(UseCase::AlcoholInPerson, &"US-CA".parse().unwrap(), PlaceDays::single(date(2026, 11, 23)))
        .unwrap()
}

/// What is decided on evidence on 22 November 2026.
pub fn decision_on(evidence: &Evidence) -> Decision {
    decide(evidence, &Policy::for_tier(AgeTier::Over21), PlaceDays::single(date(2026, 11, 22)))
}
