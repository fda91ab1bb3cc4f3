//! The keys of the API.

use super::*;
use crate::privacy::{ApiKeyKind, ApiKeyRecord, ApiKeyShape, ApiKeyText, KeyHash, Scopes, Vocabulary};

/// A key of the store's device, with its hash.
pub(super) fn key(store: &Store, byte: u8) -> (ApiKeyText, ApiKeyRecord, KeyHash) {
    let kind = ApiKeyKind::Secret;
    let text = ApiKeyText::draw(kind, false, ApiKeyShape::Sk, &[byte; 32]);
    let record = ApiKeyRecord {
        id: Store::api_key_id().unwrap(),
        kind,
        livemode: false,
        label: "till 2".to_owned(),
        scopes: Scopes::all_of(kind),
        vocabulary: Vocabulary::Guide,
        created_at: later(byte.into()),
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
        replaced_by: None,
    };
    let hash = store.api_secrets().key_hash(&text);
    (text, record, hash)
}

#[test]
fn a_key_is_found_by_its_hash_alone_also_after_a_restart() {
    let (folder, mut store) = fresh();
    let (text, first, hash) = key(&store, 1);
    let second = ApiKeyRecord {
        kind: ApiKeyKind::Publishable,
        livemode: true,
        scopes: Scopes::all_of(ApiKeyKind::Publishable),
        vocabulary: Vocabulary::Real,
        expires_at: Some(later(99)),
        ..key(&store, 2).1
    };
    let (_, _, second_hash) = key(&store, 2);
    store.add_api_key(&second, &second_hash).unwrap();
    store.add_api_key(&first, &hash).unwrap();
    drop(store);
    let mut store = Store::open(folder.path()).unwrap();
    let read = ApiKeyText::parse(text.reveal()).unwrap();
    assert_eq!(store.api_key(&store.api_secrets().key_hash(&read)).unwrap(), Some(first.clone()));
    assert_eq!(store.api_key(&key(&store, 3).2).unwrap(), None);
    assert_eq!(store.api_keys().unwrap(), [first.clone(), second]);
    assert!(matches!(store.add_api_key(&first, &hash), Err(StoreError::Refused { .. })));
    let (_, same_hash, _) = key(&store, 1);
    assert!(matches!(store.add_api_key(&same_hash, &hash), Err(StoreError::Refused { .. })));
    let (_, blank, other) = key(&store, 4);
    assert!(store.add_api_key(&ApiKeyRecord { label: " ".to_owned(), ..blank }, &other).is_err());
    assert_eq!(store.verify_audit().unwrap(), 3);
}

#[test]
fn a_key_in_the_place_of_another_ends_it_and_never_later_than_it_would_have() {
    let (_folder, mut store) = fresh();
    let (_, first, first_hash) = key(&store, 1);
    let (_, second, second_hash) = key(&store, 2);
    let (_, third, third_hash) = key(&store, 3);
    store.add_api_key(&first, &first_hash).unwrap();
    store.rotate_api_key(&first.id, &second, &second_hash, later(100)).unwrap();
    let old = store.api_key(&first_hash).unwrap().unwrap();
    assert_eq!((old.replaced_by.as_ref(), old.expires_at), (Some(&second.id), Some(later(100))));
    assert!(old.is_valid_at(later(99)) && !old.is_valid_at(later(100)));
    assert_eq!(store.api_key(&second_hash).unwrap(), Some(second.clone()));
    let again = store.rotate_api_key(&first.id, &third, &third_hash, later(1));
    assert!(matches!(again, Err(StoreError::KeySpent)));
    let live = ApiKeyRecord { livemode: true, ..third.clone() };
    let other_mode = store.rotate_api_key(&second.id, &live, &third_hash, later(1));
    assert!(matches!(other_mode, Err(StoreError::Refused { .. })));
    assert!(matches!(store.rotate_api_key("key_none", &third, &third_hash, later(1)), Err(StoreError::Missing)));
    assert_eq!(store.api_keys().unwrap().len(), 2, "nothing is half done");
    // A key with an end of its own keeps the sooner one.
    let (_, fourth, fourth_hash) = key(&store, 4);
    let ending = ApiKeyRecord { expires_at: Some(later(50)), ..fourth };
    store.add_api_key(&ending, &fourth_hash).unwrap();
    store.rotate_api_key(&ending.id, &third, &third_hash, later(100)).unwrap();
    assert_eq!(store.api_key(&fourth_hash).unwrap().unwrap().expires_at, Some(later(50)));
    assert_eq!(store.verify_audit().unwrap(), 5);
}

#[test]
fn a_revoked_key_stays_revoked_since_the_first_time() {
    let (_folder, mut store) = fresh();
    let (_, made, hash) = key(&store, 1);
    store.add_api_key(&made, &hash).unwrap();
    store.revoke_api_key(&made.id, later(5)).unwrap();
    store.revoke_api_key(&made.id, later(9)).unwrap();
    let revoked = store.api_key(&hash).unwrap().unwrap();
    assert_eq!(revoked.revoked_at, Some(later(5)));
    assert!(!revoked.is_valid_at(later(0)));
    let (_, next, next_hash) = key(&store, 2);
    assert!(matches!(store.rotate_api_key(&made.id, &next, &next_hash, later(9)), Err(StoreError::KeySpent)));
    assert!(matches!(store.revoke_api_key("key_none", later(5)), Err(StoreError::Missing)));
    assert_eq!(store.verify_audit().unwrap(), 3, "it is noted once");
}

#[test]
fn the_use_of_a_key_is_noted_once_a_minute_and_again_when_the_clock_was_set_back() {
    let (_folder, mut store) = fresh();
    let (_, made, hash) = key(&store, 1);
    store.add_api_key(&made, &hash).unwrap();
    let mut noted = |at: i64| {
        store.note_api_key_used(&made.id, later(at)).unwrap();
        store.api_key(&hash).unwrap().unwrap().last_used_at.unwrap()
    };
    for (at, expected) in [(100, 100), (101, 100), (159, 100), (160, 160), (500, 500), (20, 20), (79, 20), (80, 80)] {
        assert_eq!(noted(at), later(expected), "{at}");
    }
}

#[test]
fn the_schema_keeps_keys_as_they_are() {
    let (_folder, mut store) = fresh();
    let (_, made, hash) = key(&store, 1);
    store.add_api_key(&ApiKeyRecord { expires_at: Some(later(9)), ..made.clone() }, &hash).unwrap();
    store.revoke_api_key(&made.id, now()).unwrap();
    for change in [
        "UPDATE api_key SET scopes = 'everything'",
        "UPDATE api_key SET livemode = 1",
        "UPDATE api_key SET hash = 'sk_test_00000000000000000000000000000000'",
        "UPDATE api_key SET revoked_at = NULL",
        "UPDATE api_key SET expires_at = NULL",
        "UPDATE api_key SET expires_at = expires_at + 1",
        "UPDATE api_key SET replaced_by = 'key_nobody'",
    ] {
        assert!(store.connection.execute(change, []).is_err(), "{change}");
    }
}
