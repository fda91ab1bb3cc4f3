//! Pages of sessions, and their outcomes.

use proptest::prelude::*;

use super::requests::{ask, details};
use super::*;
use crate::session::{
    CanceledBy, CreatedRange, Dialect, Page, ReasonCode, SessionDetails, SessionFilter, SessionStates,
};
use crate::store::SessionPage;

fn ids(page: &SessionPage) -> Vec<SessionId> {
    page.sessions.iter().map(|(record, ..)| record.id.clone()).collect()
}

fn listed(store: &Store, filter: &SessionFilter) -> Vec<SessionId> {
    let page = store.sessions_page(filter, &Page::first(100)).unwrap();
    assert!(!page.has_more);
    ids(&page)
}

/// Makes a session at a second, as if it was asked for.
fn ask_at(store: &mut Store, second: i64, details: &SessionDetails) -> SessionRecord {
    let made = SessionRecord { created_at: later(second), ..record(SessionState::Created) };
    let asked = crate::store::Requested { record: &made, details, key: None, email: None, phone: None, event: None };
    store.create_requested(&asked).unwrap();
    made
}

/// All ids in the order of a listing.
fn newest_first(mut sessions: Vec<SessionRecord>) -> Vec<SessionId> {
    sessions.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
    sessions.into_iter().map(|session| session.id).collect()
}

#[test]
fn paging_neither_repeats_nor_misses_while_sessions_are_added() {
    let plain = SessionDetails::new(Dialect::Stripe, false);
    proptest!(ProptestConfig::with_cases(40), |(
        ages in prop::collection::vec(0i64..6, 0..24), limit in 1u8..6,
        added in prop::collection::vec(prop::collection::vec(0i64..9, 0..3), 0..8), backwards: bool,
    )| {
        let (_folder, mut store) = fresh();
        let before = ages.iter().map(|age| ask_at(&mut store, -age, &plain)).collect::<Vec<_>>();
        let expected = newest_first(before.clone());
        let filter = SessionFilter::new(false);
        let mut added = added.into_iter();
        let (mut seen, mut page) = (Vec::new(), Page::first(limit));
        if backwards {
            let Some(last) = expected.last() else { return Ok(()) };
            seen.push(last.clone());
            page.ending_before = Some(last.clone());
        }
        loop {
            let found = store.sessions_page(&filter, &page).unwrap();
            let found_ids = ids(&found);
            prop_assert!(found_ids.len() <= usize::from(limit));
            prop_assert!(!found.has_more || found_ids.len() == usize::from(limit));
            if backwards {
                seen.splice(0..0, found_ids);
                page.ending_before = seen.first().cloned();
            } else {
                seen.extend(found_ids);
                page.starting_after = seen.last().cloned();
            }
            if !found.has_more {
                break;
            }
            // With clocks that may be wrong, a new one may also come in between.
            for second in added.next().unwrap_or_default() {
                ask_at(&mut store, second - 6, &plain);
            }
        }
        let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
        prop_assert_eq!(distinct.len(), seen.len(), "repeated");
        let of_before: Vec<_> = seen.into_iter().filter(|id| expected.contains(id)).collect();
        prop_assert_eq!(of_before, expected, "missed or out of order");
    });
}

#[test]
fn a_page_between_two_cursors_is_what_is_between_them() {
    let (_folder, mut store) = fresh();
    let plain = SessionDetails::new(Dialect::Stripe, false);
    let made: Vec<_> = (0..5).map(|second| ask_at(&mut store, second, &plain)).collect();
    let page = Page { limit: 9, starting_after: Some(made[4].id.clone()), ending_before: Some(made[1].id.clone()) };
    let found = store.sessions_page(&SessionFilter::new(false), &page).unwrap();
    assert_eq!(ids(&found), [made[3].id.clone(), made[2].id.clone()]);
    let none = Page { starting_after: Some(made[0].id.clone()), ..Page::first(9) };
    let found = store.sessions_page(&SessionFilter::new(false), &none).unwrap();
    assert!(found.sessions.is_empty() && !found.has_more);
    // A limit of none is one, and one of too many is a hundred.
    let few = store.sessions_page(&SessionFilter::new(false), &Page::first(0)).unwrap();
    assert_eq!((few.sessions.len(), few.has_more), (1, true));
    assert_eq!(ids(&store.sessions_page(&SessionFilter::new(false), &Page::first(255)).unwrap()).len(), 5);
}

#[test]
fn a_cursor_that_is_no_session_of_that_mode_is_missing() {
    let (_folder, mut store) = fresh();
    let live = ask(&mut store, &SessionDetails::new(Dialect::Stripe, true));
    let unknown = record(SessionState::Created);
    for (cursor, livemode) in [(&unknown, false), (&live, false), (&unknown, true)] {
        for backwards in [false, true] {
            let mut page = Page::first(1);
            *(if backwards { &mut page.ending_before } else { &mut page.starting_after }) = Some(cursor.id.clone());
            let found = store.sessions_page(&SessionFilter::new(livemode), &page);
            assert!(matches!(found, Err(StoreError::Missing)));
        }
    }
    let page = Page { starting_after: Some(live.id.clone()), ..Page::first(1) };
    store.sessions_page(&SessionFilter::new(true), &page).unwrap();
}

#[test]
fn sessions_come_with_what_was_said_in_the_mode_that_they_are_of() {
    let (_folder, mut store) = fresh();
    let test = ask(&mut store, &details("mark"));
    let live = ask(&mut store, &SessionDetails { livemode: true, ..details("live") });
    let at_the_screen = record(SessionState::AwaitingFace);
    store.create_session(&at_the_screen).unwrap();
    let of_mode = |store: &Store, livemode| {
        let filter = SessionFilter::new(livemode);
        let page = store.sessions_page(&filter, &Page::first(9)).unwrap();
        page.sessions.into_iter().map(|(record, details, _)| (record, details)).collect::<Vec<_>>()
    };
    let mut expected =
        vec![(test, details("mark")), (at_the_screen.clone(), SessionDetails::new(Dialect::Stripe, false))];
    expected.sort_by(|a, b| b.0.id.cmp(&a.0.id));
    assert_eq!(of_mode(&store, false), expected);
    let of_live = SessionDetails { livemode: true, ..details("live") };
    assert_eq!(of_mode(&store, true), [(live.clone(), of_live.clone())]);
    // On a device whose camera may be live, what is started on it is.
    store.set_site_mode(true);
    let sessions = of_mode(&store, true);
    assert_eq!((sessions.len(), of_mode(&store, false).len()), (2, 1));
    let own = sessions.iter().find(|(record, _)| record.id == at_the_screen.id).unwrap();
    assert_eq!(own.1, SessionDetails::new(Dialect::Stripe, true));
}

/// Sessions in every state, with and without a failed attempt.
fn in_every_state(store: &mut Store) -> Vec<SessionRecord> {
    use SessionState as S;
    let open = [S::Created, S::AwaitingConsent, S::AwaitingDocument, S::AwaitingFace, S::Deciding, S::AwaitingReview];
    let mut all = Vec::new();
    for last_error in [None, Some(ReasonCode::DocumentExpired)] {
        for state in open.into_iter().chain([S::Verified, S::NotVerified, S::Canceled(CanceledBy::Staff), S::Expired]) {
            let mut session = ask(store, &SessionDetails::new(Dialect::Stripe, false));
            session.last_error = last_error;
            session.state = S::AwaitingFace;
            store.save_session(&session).unwrap();
            let refused = Evidence { face_match: None, ..evidence() };
            match state {
                S::Verified => drop(end(store, &session, Some(&evidence()), &no_bodies).unwrap()),
                S::NotVerified => drop(end(store, &session, Some(&refused), &no_bodies).unwrap()),
                ended if ended.is_terminal() => {
                    let ended = SessionRecord { state, ..session.clone() };
                    end(store, &ended, None, &no_bodies).unwrap();
                }
                open => store.save_session(&SessionRecord { state: open, ..session.clone() }).unwrap(),
            }
            all.push(store.session(&session.id).unwrap().unwrap());
        }
    }
    all
}

fn states(dialect: Dialect, status: &str) -> Option<SessionStates> {
    match dialect {
        Dialect::Stripe => SessionStates::of_stripe(status),
        Dialect::Stile => SessionStates::of_stile(status),
    }
}

#[test]
fn a_status_finds_the_sessions_that_show_it() {
    let (_folder, mut store) = fresh();
    let all = in_every_state(&mut store);
    let words = [
        (Dialect::Stripe, &["requires_input", "processing", "verified", "canceled"][..]),
        (
            Dialect::Stile,
            &["created", "pending", "processing", "requires_input", "verified", "failed", "cancelled", "expired"][..],
        ),
    ];
    for (dialect, words) in words {
        let mut found = 0;
        for word in words {
            let states = states(dialect, word);
            assert!(states.is_some(), "{word}");
            let shown = |session: &SessionRecord| match dialect {
                Dialect::Stripe => session.state.stripe_status(),
                Dialect::Stile => session.state.stile_status(session.last_error.is_some()),
            };
            let expected = newest_first(all.iter().filter(|session| shown(session) == *word).cloned().collect());
            let listed = listed(&store, &SessionFilter { states, ..SessionFilter::new(false) });
            assert_eq!(listed, expected, "{word}");
            found += listed.len();
        }
        assert_eq!(found, all.len(), "every session has a status");
    }
    assert_eq!(states(Dialect::Stripe, "pending"), None);
    assert_eq!(states(Dialect::Stile, "canceled"), None);
}

#[test]
fn a_reference_and_a_time_find_what_was_made_with_them() {
    let (_folder, mut store) = fresh();
    let marks = ["a", "b", "a"];
    let made: Vec<_> =
        marks.iter().zip(-1i64..).map(|(mark, second)| ask_at(&mut store, second, &details(mark))).collect();
    let with = |mark: &str| SessionFilter {
        client_reference_id: Some(format!("reference {mark}")),
        ..SessionFilter::new(false)
    };
    assert_eq!(listed(&store, &with("a")), [made[2].id.clone(), made[0].id.clone()]);
    assert_eq!(listed(&store, &with("c")), []);
    // They were made a quarter second after -1, 0 and 1.
    let second = now().as_second();
    for (range, expected) in [
        (CreatedRange { gt: Some(second), ..CreatedRange::default() }, vec![2]),
        (CreatedRange { gte: Some(second), ..CreatedRange::default() }, vec![2, 1]),
        (CreatedRange { lt: Some(second), ..CreatedRange::default() }, vec![0]),
        (CreatedRange { lte: Some(second), ..CreatedRange::default() }, vec![1, 0]),
        (CreatedRange { gte: Some(second), lt: Some(second + 1), ..CreatedRange::default() }, vec![1]),
        (CreatedRange { gt: Some(i64::MAX), ..CreatedRange::default() }, vec![]),
        (CreatedRange { gte: Some(i64::MIN), lte: Some(i64::MAX - 1), ..CreatedRange::default() }, vec![2, 1, 0]),
    ] {
        let expected: Vec<_> = expected.into_iter().map(|at: usize| made[at].id.clone()).collect();
        assert_eq!(
            listed(&store, &SessionFilter { created: range, ..SessionFilter::new(false) }),
            expected,
            "{range:?}"
        );
    }
}

#[test]
fn an_outcome_is_read_back_as_it_was_signed() {
    let (_folder, mut store) = fresh();
    let session = ask(&mut store, &details("mark"));
    assert_eq!(store.kept_outcome(&session.id).unwrap(), None);
    let seen = std::cell::RefCell::new(None);
    let watch = |facts: &EventFacts<'_>| {
        seen.replace(facts.outcome.cloned());
        Vec::new()
    };
    let finished = end(&mut store, &session, Some(&evidence()), &watch).unwrap().outcome.unwrap();
    let kept = store.kept_outcome(&session.id).unwrap().unwrap();
    assert_eq!(kept.attestation, finished.attestation);
    assert_eq!(Some(&kept.outcome), seen.borrow().as_ref());
    let page = store.sessions_page(&SessionFilter::new(false), &Page::first(1)).unwrap();
    assert_eq!(page.sessions[0].2, Some(kept));
}

#[test]
fn an_outcome_that_was_altered_or_moved_is_not_shown() {
    let (_folder, mut store) = fresh();
    let ((first, _), (second, _)) = (verify_one(&mut store), verify_one(&mut store));
    store.connection.execute_batch("DROP TRIGGER outcome_stays").unwrap();
    let swap = "UPDATE outcome SET jws = (SELECT jws FROM outcome WHERE session = ?1) WHERE session = ?2";
    store.connection.execute(swap, [first.id.as_str(), second.id.as_str()]).unwrap();
    assert!(matches!(store.kept_outcome(&second.id), Err(StoreError::Corrupt { .. })));
    store.connection.execute("UPDATE outcome SET jws = replace(jws, '.', '.A')", []).unwrap();
    assert!(matches!(store.kept_outcome(&first.id), Err(StoreError::Corrupt { .. })));
}

#[test]
fn what_was_decided_is_listed_by_session_and_reference() {
    let (_folder, mut store) = fresh();
    let made = ["a", "b", "a"].map(|mark| {
        let session = ask(&mut store, &details(mark));
        end(&mut store, &session, Some(&evidence()), &no_bodies).unwrap();
        session
    });
    ask(&mut store, &details("a"));
    let decided = SessionFilter { decided: true, ..SessionFilter::new(false) };
    assert_eq!(listed(&store, &decided), newest_first(made.to_vec()));
    let of_session = SessionFilter { session: Some(made[1].id.clone()), ..decided.clone() };
    assert_eq!(listed(&store, &of_session), [made[1].id.clone()]);
    let of_reference = SessionFilter { client_reference_id: Some("reference a".to_owned()), ..decided.clone() };
    assert_eq!(listed(&store, &of_reference), newest_first(vec![made[0].clone(), made[2].clone()]));
    assert_eq!(listed(&store, &SessionFilter { nothing: true, ..decided }), []);
}
