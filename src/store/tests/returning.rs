//! People who come again: what finds their credentials, codes that are counted, and documents that are used often.

use std::time::Duration;

use jiff::ToSpan;

use super::*;
use crate::compliance::AgeTier;
use crate::document::Fields;
use crate::privacy::ContactKind;
use crate::session::{
    Credential, Dialect, OutcomeResult, Policy, ReturnProof, Returned, SessionDetails, Strength, Surroundings,
};
use crate::store::{
    Actor, CODE_WINDOW, CodeAttempt, CodeBudget, MOST_CODES_ENTERED, MOST_CODES_SENT, MOST_CODES_SENT_IN_ALL, Requested,
};

const SECOND: Duration = Duration::from_secs(1);
const EMAIL: &str = "ana.diaz@shop.example";

fn anchor(store: &Store, text: &str) -> String {
    store.api_secrets().contact(ContactKind::Email, text).unwrap()
}

/// A session that was asked for with an address, and verified at a moment, for a day.
pub(crate) fn verified_at(store: &mut Store, number: u8, email: Option<&str>, at: Timestamp) -> SessionRecord {
    let record =
        SessionRecord { id: SessionId::from_random(&[number; SessionId::CHARACTERS]), ..record(SessionState::Created) };
    let email = email.map(|text| anchor(store, text));
    let details = SessionDetails::new(Dialect::Stile, false);
    let requested =
        Requested { record: &record, details: &details, key: None, email: email.as_deref(), phone: None, event: None };
    store.create_requested(&requested).unwrap();
    let (rule, evidence) = (rule(), evidence());
    let decision = decision_on(&evidence);
    let expires_at = at.saturating_add(24.hours()).unwrap();
    let draft = OutcomeDraft { decision: &decision, evidence: &evidence, rule: &rule, decided_at: at, expires_at };
    let record = SessionRecord { state: SessionState::Verified, ..record };
    store.finish(&Finish { record: &record, ended_at: at, outcome: Some(draft), bodies: &no_bodies }).unwrap();
    record
}

fn verified_with(store: &mut Store, number: u8, email: Option<&str>) -> SessionRecord {
    verified_at(store, number, email, now())
}

fn found(store: &Store, email: &str) -> Vec<Credential> {
    store.credentials_of(ContactKind::Email, &anchor(store, email), now()).unwrap()
}

#[test]
fn a_person_is_found_by_the_address_that_was_given_and_by_one_that_they_leave() {
    let (folder, mut store) = fresh();
    let first = verified_with(&mut store, 1, Some(EMAIL));
    let found_first = found(&store, &EMAIL.to_uppercase());
    let [credential] = &found_first[..] else { panic!("{found_first:?}") };
    let rule = rule();
    assert_eq!((credential.tier, credential.strength), (AgeTier::Over21, Strength::DocumentFace));
    assert_eq!((&credential.method[..], credential.livemode), ("driving_license_barcode_face", false));
    assert_eq!((&credential.rule_version, credential.verified_at), (&rule.rule_version, now()));
    assert!(found(&store, "other@shop.example").is_empty());
    assert!(store.credentials_of(ContactKind::Phone, &anchor(&store, EMAIL), now()).unwrap().is_empty());
    // The second has given none, and leaves one.
    let second = verified_with(&mut store, 2, None);
    let other = anchor(&store, "bo@shop.example");
    for _ in 0..2 {
        store.leave_contact(&second.id, ContactKind::Email, &other).unwrap();
    }
    assert_eq!(found(&store, "bo@shop.example").len(), 1);
    // What is over finds nobody, and another address takes the place of the one before.
    let over = store.credentials_of(ContactKind::Email, &other, later(86_400)).unwrap();
    assert!(over.is_empty());
    store.leave_contact(&second.id, ContactKind::Email, &anchor(&store, "cy@shop.example")).unwrap();
    assert_eq!((found(&store, "bo@shop.example").len(), found(&store, "cy@shop.example").len()), (0, 1));
    drop(store);
    let mut store = Store::open(folder.path()).unwrap();
    assert_eq!(found(&store, EMAIL), found_first);
    // With what redaction erases goes what finds it.
    store.redact(&first.id, later(5), Actor::Till, None).unwrap();
    assert!(found(&store, EMAIL).is_empty());
    assert_eq!(count(&store, "contact"), 1);
    let nothing = store.leave_contact(&first.id, ContactKind::Email, &other);
    assert!(matches!(nothing, Err(StoreError::Missing)), "{nothing:?}");
}

#[test]
fn who_was_not_verified_leaves_nothing_by_which_they_are_found() {
    let (_folder, mut store) = fresh();
    let record = record(SessionState::Created);
    let details = SessionDetails::new(Dialect::Stile, false);
    let email = anchor(&store, EMAIL);
    let requested =
        Requested { record: &record, details: &details, key: None, email: Some(&email), phone: None, event: None };
    store.create_requested(&requested).unwrap();
    let refused = Evidence { liveness: None, ..evidence() };
    end(&mut store, &record, Some(&refused), &no_bodies).unwrap();
    assert!(found(&store, EMAIL).is_empty());
    assert!(matches!(store.leave_contact(&record.id, ContactKind::Email, &email), Err(StoreError::Missing)));
}

#[test]
fn to_come_again_earns_nothing_and_lasts_no_longer() {
    let (_folder, mut store) = fresh();
    verified_with(&mut store, 1, Some(EMAIL));
    let credential = found(&store, EMAIL).remove(0);
    let (until, outcome) = (credential.expires_at, credential.outcome.clone());
    let again =
        SessionRecord { id: SessionId::from_random(&[2; SessionId::CHARACTERS]), ..record(SessionState::Created) };
    store.create_session(&again).unwrap();
    let returned = Returned { credential, proof: ReturnProof::EmailCode };
    let (rule, later) = (rule(), later(3_600));
    let decision = returned.decide(&Policy::for_tier(rule.tier), false, later, Surroundings::default()).unwrap();
    let evidence = Evidence { returned: Some(returned), ..Evidence::default() };
    let draft = OutcomeDraft {
        decision: &decision,
        evidence: &evidence,
        rule: &rule,
        decided_at: later,
        expires_at: later.saturating_add(24.hours()).unwrap(),
    };
    let record = SessionRecord { state: SessionState::Verified, ..again };
    store.finish(&Finish { record: &record, ended_at: later, outcome: Some(draft), bodies: &no_bodies }).unwrap();
    let kept = store.kept_outcome(&record.id).unwrap().unwrap().outcome;
    assert_eq!((kept.method(), kept.strength()), (Some("returning_email_code"), Some(Strength::DocumentFace)));
    assert_eq!((kept.expires_at(), kept.livemode()), (until, false));
    let reused = kept.reuses().unwrap();
    assert_eq!((&reused.outcome, reused.verified_at), (&Some(outcome), now()));
    assert_eq!((count(&store, "credential"), found(&store, EMAIL).len()), (1, 1));
    // Staff see that it was somebody else: what was used goes with the outcome that they override.
    let staff = crate::privacy::StaffId::from_random(&[5; SessionId::CHARACTERS]);
    let wish = crate::store::Override {
        session: &record.id,
        result: OutcomeResult::NotVerified,
        staff: &staff,
        at: later,
        again: false,
        bodies: &|_| Vec::new(),
    };
    store.override_outcome(&wish).unwrap().unwrap();
    assert_eq!((count(&store, "credential"), found(&store, EMAIL).len()), (0, 0));
}

#[test]
fn after_five_codes_none_is_compared_for_that_address_until_the_first_is_a_quarter_of_an_hour_old() {
    let (folder, mut store) = fresh();
    let (mine, other) = (anchor(&store, EMAIL), anchor(&store, "bo@shop.example"));
    let enter =
        |store: &mut Store, contact: &str, uptime| store.charge_code(contact, CodeAttempt::Enter, uptime).unwrap();
    for left in (0..MOST_CODES_ENTERED).rev() {
        assert_eq!(enter(&mut store, &mine, SECOND), CodeBudget::Charged { left });
    }
    let spent = |after| CodeBudget::Spent { again_after: after };
    assert_eq!(enter(&mut store, &mine, SECOND * 2), spent(CODE_WINDOW.checked_sub(SECOND).unwrap()));
    assert_eq!(enter(&mut store, &other, SECOND * 2), CodeBudget::Charged { left: MOST_CODES_ENTERED - 1 });
    drop(store);
    let mut store = Store::open(folder.path()).unwrap();
    assert!(matches!(enter(&mut store, &mine, SECOND), CodeBudget::Spent { .. }), "also after a restart");
    assert!(matches!(enter(&mut store, &mine, CODE_WINDOW), CodeBudget::Charged { .. }));
    // What is kept of an address meets none of its anchors, and goes.
    let marks = "SELECT count(*) FROM code_attempt WHERE address IN (SELECT value FROM contact) OR address = ?1";
    let met: i64 = store.connection.query_row(marks, [&mine], |row| row.get(0)).unwrap();
    assert_eq!(met, 0);
    store.purge_attempts(CODE_WINDOW * 3).unwrap();
    assert_eq!(count(&store, "code_attempt"), 0);
}

#[test]
fn letters_are_counted_by_address_and_in_all() {
    let (_folder, mut store) = fresh();
    let mut send = |text: &str| {
        let contact = anchor(&store, text);
        store.charge_code(&contact, CodeAttempt::Send, SECOND).unwrap()
    };
    for left in (0..MOST_CODES_SENT).rev() {
        assert_eq!(send(EMAIL), CodeBudget::Charged { left });
    }
    assert!(matches!(send(EMAIL), CodeBudget::Spent { .. }));
    let sent = (0..100).take_while(|k| matches!(send(&format!("p{k}@shop.example")), CodeBudget::Charged { .. }));
    let sent = sent.count();
    assert_eq!(sent, usize::from(MOST_CODES_SENT_IN_ALL - MOST_CODES_SENT));
}

#[test]
fn the_uses_of_a_document_are_counted_since_a_moment_and_by_mode() {
    let (_folder, mut store) = fresh();
    let fields = evidence().document.unwrap().fields;
    let uses = |store: &Store, since| store.document_uses(&fields, since, false).unwrap();
    assert_eq!(uses(&store, now()), 0);
    for number in 1..=3 {
        verified_with(&mut store, number, None);
    }
    assert_eq!((uses(&store, now()), uses(&store, later(1))), (3, 0));
    assert_eq!(store.document_uses(&fields, now(), true).unwrap(), 0);
    let other = Fields { id_number: Some("X1".into()), document_number: None, ..fields.clone() };
    let unnumbered = Fields { id_number: None, document_number: None, ..fields.clone() };
    for fields in [other, unnumbered] {
        assert_eq!(store.document_uses(&fields, now(), false).unwrap(), 0);
    }
}
