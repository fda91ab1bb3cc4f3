//! The API's keys, as an operator makes, lists, rotates and revokes them: the same whether the engine runs or not.
//!
//! Always holds: a key's text leaves here once, in the answer that made it; what is kept is its keyed hash.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::config::Config;
use super::ordering::{OrderError, expect_label, on_engine_or_store, random};
use crate::privacy::{ApiKeyRecord, ApiKeyText, Scopes};
use crate::session::protocol::{ClientMessage, EngineMessage, KeyAnswer, KeyOrder, KeySummary, NewKey};
use crate::store::Store;

/// Longest time for which a rotated key goes on working.
pub const MAX_GRACE: Duration = Duration::from_hours(24 * 30);

/// Has an order carried out: by the engine where one runs, on the store itself where none does.
///
/// # Errors
/// [`OrderError`], which says what to do.
pub async fn order_keys(config: &Config, order: KeyOrder) -> Result<KeyAnswer, OrderError> {
    let of_engine = |said| match said {
        EngineMessage::Keys(answer) => Some(answer),
        _ => None,
    };
    on_engine_or_store(config, ClientMessage::Keys(order.clone()), of_engine, |store| carry_out(store, &order)).await
}

/// Carries an order out.
pub(super) fn carry_out(store: &mut Store, order: &KeyOrder) -> Result<KeyAnswer, OrderError> {
    let now = Timestamp::now();
    match order {
        KeyOrder::List => {}
        KeyOrder::Make(new) => {
            let (record, text) = draw(new, now)?;
            store.add_api_key(&record, &store.api_secrets().key_hash(&text))?;
            return Ok(KeyAnswer { keys: vec![summary(&record)], text: Some(text.reveal().to_owned()) });
        }
        KeyOrder::Rotate { id, shape, grace_s } => {
            let old = find(store, id)?;
            if !old.is_valid_at(now) {
                return Err(OrderError::Invalid(format!("{id} has expired or was revoked; make a new key")));
            }
            let grace = Duration::from_secs(*grace_s);
            if grace > MAX_GRACE {
                return Err(OrderError::Invalid("both keys work for 30 days at most; shorten --grace".to_owned()));
            }
            let new = NewKey {
                kind: old.kind,
                livemode: old.livemode,
                shape: *shape,
                label: old.label.clone(),
                scopes: Some(old.scopes.iter().collect()),
                vocabulary: old.vocabulary,
                // A key that was to end is not made endless by another in its place.
                expires_at: old.expires_at.map(Timestamp::as_second),
            };
            let (record, text) = draw(&new, now)?;
            let until = now.saturating_add(SignedDuration::try_from(grace).unwrap_or_default()).unwrap_or(now);
            store.rotate_api_key(id, &record, &store.api_secrets().key_hash(&text), until)?;
            return Ok(KeyAnswer { keys: vec![summary(&record)], text: Some(text.reveal().to_owned()) });
        }
        KeyOrder::Revoke { id } => {
            find(store, id)?;
            store.revoke_api_key(id, now)?;
        }
    }
    Ok(KeyAnswer { keys: store.api_keys()?.iter().map(summary).collect(), text: None })
}

fn find(store: &Store, id: &str) -> Result<ApiKeyRecord, OrderError> {
    let unknown = || OrderError::Invalid(format!("there is no key {id}; see 'carded keys list'"));
    store.api_keys()?.into_iter().find(|key| key.id == id).ok_or_else(unknown)
}

fn draw(new: &NewKey, now: Timestamp) -> Result<(ApiKeyRecord, ApiKeyText), OrderError> {
    expect_label(&new.label, "the till or server")?;
    let random = random()?;
    let scopes = match &new.scopes {
        None => Some(Scopes::all_of(new.kind)),
        Some(scopes) => Scopes::of(new.kind, scopes.iter().copied()),
    };
    let misplaced = || {
        let why = "a key has one scope at least, and a publishable key display alone; mend --scope, or leave it out";
        OrderError::Invalid(why.to_owned())
    };
    let unreal = || OrderError::Invalid("the day on which the key expires is none; choose another".to_owned());
    let record = ApiKeyRecord {
        id: Store::api_key_id()?,
        kind: new.kind,
        livemode: new.livemode,
        label: new.label.clone(),
        scopes: scopes.ok_or_else(misplaced)?,
        vocabulary: new.vocabulary,
        created_at: now,
        expires_at: new.expires_at.map(Timestamp::from_second).transpose().map_err(|_| unreal())?,
        revoked_at: None,
        last_used_at: None,
        replaced_by: None,
    };
    Ok((record, ApiKeyText::draw(new.kind, new.livemode, new.shape, &random)))
}

fn summary(key: &ApiKeyRecord) -> KeySummary {
    let seconds = |at: Timestamp| at.as_second();
    KeySummary {
        id: key.id.clone(),
        kind: key.kind.as_str().to_owned(),
        livemode: key.livemode,
        label: key.label.clone(),
        scopes: key.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
        vocabulary: key.vocabulary.as_str().to_owned(),
        created: seconds(key.created_at),
        expires: key.expires_at.map(seconds),
        revoked: key.revoked_at.map(seconds),
        last_used: key.last_used_at.map(seconds),
        replaced_by: key.replaced_by.clone(),
        usable: key.is_valid_at(Timestamp::now()),
    }
}
