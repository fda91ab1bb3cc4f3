//! A disk without space: nothing half-written, a clear error, and all well once there is space again.

use super::*;

fn allow_pages(store: &Store, pages: i64) {
    store.connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
}

#[test]
fn a_full_disk_is_said_so_leaves_nothing_half_written_and_recovers_with_space() {
    let (folder, mut store) = fresh();
    let pages: i64 = store.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    allow_pages(&store, pages + 12);
    let mut sessions = Vec::new();
    let stopped = loop {
        let session = record(SessionState::Created);
        let written = store
            .create_session(&session)
            .and_then(|()| end(&mut store, &session, Some(&evidence()), &two_bodies).map(drop));
        match written {
            Ok(()) => sessions.push(session),
            Err(error) => break (session, error),
        }
        assert!(sessions.len() < 1000, "the disk never fills");
    };
    let (session, error) = stopped;
    assert!(matches!(error, StoreError::Full), "{error}");
    let ended = sessions.len() as u64;
    assert!(ended > 0, "some fit");
    for _ in 0..3 {
        assert_eq!((store.verify_outcomes().unwrap(), store.verify_audit().unwrap()), (ended, ended + 1));
        assert!(store.open_sessions().unwrap().len() <= 1);
        let _ = end(&mut store, &session, Some(&evidence()), &two_bodies).unwrap_err();
    }
    allow_pages(&store, 1_000_000);
    if store.session(&session.id).unwrap().is_none() {
        store.create_session(&session).unwrap();
    }
    let finished = end(&mut store, &session, Some(&evidence()), &two_bodies).unwrap();
    assert_eq!(finished.outcome.unwrap().sequence, ended + 1);
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.verify_outcomes().unwrap(), ended + 1);
    assert_eq!(store.outbox_counts().unwrap().waiting, 2 * (ended + 1));
}

#[test]
fn a_full_disk_keeps_deliveries_where_they_were() {
    let (_folder, mut store) = fresh();
    verify_one(&mut store);
    let holder = crate::store::LeaseHolder(1);
    let leased = store.lease(holder, 1, now()).unwrap().remove(0);
    // Leaves no room for a note that does not fit into its page.
    let pages: i64 = store.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    allow_pages(&store, pages);
    let why = "x".repeat(200);
    let dead = crate::session::protocol::Settlement::Dead { why };
    let settled = (0..200).find_map(|_| {
        let entry = crate::store::AuditEntry {
            at: now(),
            actor: crate::store::Actor::Engine,
            action: crate::store::AuditAction::EngineStarted,
            session: None,
        };
        store.audit(&entry).err()
    });
    assert!(matches!(settled, Some(StoreError::Full)), "{settled:?}");
    let failed = store.settle(holder, leased.delivery, &dead, now());
    assert!(matches!(failed, Err(StoreError::Full)), "{failed:?}");
    assert_eq!(store.outbox_counts().unwrap().dead, 0);
    allow_pages(&store, 1_000_000);
    store.settle(holder, leased.delivery, &dead, now()).unwrap();
    assert_eq!(store.outbox_counts().unwrap().dead, 1);
    store.verify_audit().unwrap();
}
