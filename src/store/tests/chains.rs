//! Anything altered, dropped, reordered or cut off is found.

use super::*;
use crate::store::{AuditHead, AuditHeadError, AuditReader, Chain, ChainBreak};

/// A store with three verified sessions, changed by somebody who took the triggers out of the way.
fn changed(sql: &str) -> (Result<u64, StoreError>, Result<u64, StoreError>) {
    let (folder, mut store) = fresh();
    for _ in 0..3 {
        verify_one(&mut store);
    }
    drop(store);
    let tamperer = tamperer(&folder);
    let triggers = "DROP TRIGGER outcome_stays; DROP TRIGGER outcome_is_kept; DROP TRIGGER audit_stays; DROP TRIGGER audit_is_kept;";
    tamperer.execute_batch(&format!("PRAGMA foreign_keys = OFF; {triggers} {sql}")).unwrap();
    drop(tamperer);
    let store = Store::open(folder.path()).unwrap();
    (store.verify_outcomes(), store.verify_audit())
}

fn broken(found: Result<u64, StoreError>) -> ChainBreak {
    match found {
        Err(StoreError::Chain(broken)) => broken,
        other => panic!("{other:?}"),
    }
}

#[test]
fn untouched_chains_hold_and_are_counted() {
    let (outcomes, audit) = changed("");
    assert_eq!((outcomes.unwrap(), audit.unwrap()), (3, 4));
}

#[test]
fn an_outcome_that_was_altered_moved_dropped_or_cut_off_is_found() {
    let chain = Chain::Outcomes;
    let altered = ChainBreak::Altered { chain, sequence: 2 };
    for sql in [
        "UPDATE outcome SET result = 'not_verified', reason = 'under_age' WHERE sequence = 2",
        "UPDATE outcome SET livemode = 1 WHERE sequence = 2",
        "UPDATE outcome SET decided_at = decided_at + 1 WHERE sequence = 2",
        "UPDATE outcome SET jws = replace(jws, 'a', 'b') WHERE sequence = 2",
        "UPDATE outcome SET jws = (SELECT jws FROM outcome WHERE sequence = 3) WHERE sequence = 2",
        "UPDATE outcome SET sequence = 9 WHERE sequence = 2; UPDATE outcome SET sequence = 2 WHERE sequence = 3; \
         UPDATE outcome SET sequence = 3 WHERE sequence = 9",
    ] {
        assert_eq!(broken(changed(sql).0), altered, "{sql}");
    }
    let gap = |expected| ChainBreak::Gap { chain, expected };
    assert_eq!(broken(changed("DELETE FROM outcome WHERE sequence = 1").0), gap(1));
    assert_eq!(broken(changed("DELETE FROM outcome WHERE sequence = 2").0), gap(2));
    assert_eq!(
        broken(changed("DELETE FROM outcome WHERE sequence = 3").0),
        ChainBreak::Cut { chain, expected: 3, found: 2 }
    );
    assert_eq!(
        broken(changed("UPDATE device SET last_hash = substr(last_hash, 2) || substr(last_hash, 1, 1)").0),
        ChainBreak::Altered { chain, sequence: 3 }
    );
}

#[test]
fn an_audit_entry_that_was_altered_dropped_or_cut_off_is_found() {
    let chain = Chain::Audit;
    for sql in [
        "UPDATE audit SET actor = 'staff' WHERE sequence = 3",
        "UPDATE audit SET action = 'session_expired' WHERE sequence = 3",
        "UPDATE audit SET at = at + 1 WHERE sequence = 3",
        "UPDATE audit SET session = NULL WHERE sequence = 3",
        "UPDATE audit SET hash = (SELECT hash FROM audit WHERE sequence = 2) WHERE sequence = 3",
        "UPDATE audit SET previous_hash = hash WHERE sequence = 3",
    ] {
        assert_eq!(broken(changed(sql).1), ChainBreak::Altered { chain, sequence: 3 }, "{sql}");
    }
    assert_eq!(broken(changed("DELETE FROM audit WHERE sequence = 3").1), ChainBreak::Gap { chain, expected: 3 });
    assert_eq!(
        broken(changed("DELETE FROM audit WHERE sequence > 2").1),
        ChainBreak::Cut { chain, expected: 4, found: 2 }
    );
}

#[test]
fn an_auditor_reads_the_chain_beside_the_engine_and_sees_an_end_that_was_cut_off_with_its_head() {
    let (folder, mut store) = fresh();
    for _ in 0..3 {
        verify_one(&mut store);
    }
    let reader = AuditReader::open(folder.path()).unwrap();
    let verified = reader.verify(None).unwrap();
    let kept = verified.head.clone().unwrap();
    assert_eq!((verified.entries, kept.sequence, kept.to_string().parse()), (4, 4, Ok(kept.clone())));
    verify_one(&mut store);
    let verified = reader.verify(Some(&kept)).unwrap();
    assert_eq!((verified.entries, verified.gaps, verified.left_out), (5, vec![], None));
    let mut lines = Vec::new();
    let after = reader.before_newest(2).unwrap();
    let count = reader.each_after(after, |line| -> Result<(), StoreError> {
        lines.push(line.clone());
        Ok(())
    });
    assert_eq!(
        (count.unwrap(), lines[0].hash.as_str(), lines[1].previous_hash.as_deref()),
        (2, kept.hash.as_str(), Some(kept.hash.as_str()))
    );
    drop((reader, store));
    // Somebody cuts off the end, and mends the head so that nothing else shows it.
    let cut = "DROP TRIGGER audit_is_kept; DELETE FROM audit WHERE sequence > 3; UPDATE device SET last_audit_sequence = 3, \
               last_audit_hash = (SELECT hash FROM audit WHERE sequence = 3)";
    tamperer(&folder).execute_batch(cut).unwrap();
    let reader = AuditReader::open(folder.path()).unwrap();
    assert_eq!(reader.verify(None).unwrap().entries, 3);
    let cut = ChainBreak::Cut { chain: Chain::Audit, expected: 4, found: 3 };
    assert!(matches!(reader.verify(Some(&kept)), Err(StoreError::Chain(found)) if found == cut));
    let other = AuditHead { sequence: 2, hash: kept.hash };
    let altered = ChainBreak::Altered { chain: Chain::Audit, sequence: 2 };
    assert!(matches!(reader.verify(Some(&other)), Err(StoreError::Chain(found)) if found == altered));
    for bad in ["", "4", "4:", "0:aa", ":", &format!("x:{}", "a".repeat(64)), &format!("4:{}", "A".repeat(64))] {
        assert_eq!(bad.parse::<AuditHead>(), Err(AuditHeadError), "{bad}");
    }
}
