//! Requests that may come twice, and the answers that the second gets.
//!
//! Always holds: a key belongs to one request; its first answer is the one that is repeated, for 24 hours at least; a
//! session's secret is never in what is stored: a place is kept for it, and it is put there again when it is read. Does
//! not compare requests: their digests come in.

use jiff::{SignedDuration, Timestamp};
use rusqlite::OptionalExtension;

use super::error::StoreError;
use super::{Store, rows};
use crate::privacy::ApiSecrets;
use crate::session::{Dialect, Idempotency, SessionId};

/// For how long an answer is repeated at least.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);
/// Stands before and after the name of a session in the place of its secret. JSON has no such character.
const MARK: char = '\u{1}';

impl Store {
    /// Begins a request, unless it began before. `key` and `request` come from
    /// [`ApiSecrets::idempotency`] and [`ApiSecrets::request_digest`]; `object` is the session that it is going to make or
    /// to change, of which an answer that quotes its texts must name one.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written; it must not be carried out then.
    pub fn idempotency_begin(
        &mut self,
        key: &str,
        request: &str,
        object: Option<&SessionId>,
        now: Timestamp,
    ) -> Result<Idempotency, StoreError> {
        let secrets = self.api_secrets();
        self.transact(|transaction| {
            let known = transaction
                .prepare_cached("SELECT request, object, status, body FROM idempotency WHERE key = ?1")?
                .query_row([key], |row| {
                    let columns: (String, Option<String>) = (row.get(0)?, row.get(1)?);
                    let answer: (Option<u16>, Option<String>) = (row.get(2)?, row.get(3)?);
                    Ok((columns, answer))
                })
                .optional()?;
            match known {
                Some(((known, _), _)) if known != request => Ok(Idempotency::Other),
                Some((_, (Some(status), Some(body)))) => {
                    Ok(Idempotency::Answered { status, body: with_secrets(&secrets, &body) })
                }
                Some(((_, object), _)) => {
                    let object = object.map(SessionId::try_from).transpose().map_err(|_| rows::UNKNOWN)?;
                    Ok(Idempotency::Unfinished { object })
                }
                None => {
                    transaction
                        .prepare_cached(
                            "INSERT INTO idempotency (key, request, object, created_at) VALUES (?1, ?2, ?3, ?4)",
                        )?
                        .execute((key, request, object.map(SessionId::as_str), rows::millis(now)?))?;
                    Ok(Idempotency::New)
                }
            }
        })
    }

    /// Writes the answer of a request that has begun: a status of 200 to 599 and a body of JSON, at most 65,536 bytes.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when it has not begun, [`StoreError::Refused`] when it was answered before, or the body is no
    /// JSON or too long; what was stored stays.
    pub fn idempotency_answer(&mut self, key: &str, status: u16, body: &str) -> Result<(), StoreError> {
        if body.contains(MARK) {
            return Err(StoreError::Refused { what: "an answer that is no JSON" });
        }
        let body = without_secrets(&self.api_secrets(), body);
        self.transact(|transaction| {
            // What was redacted meanwhile does not come back in an answer: the request counts as unfinished.
            let answer = "UPDATE idempotency SET status = ?2, body = ?3 WHERE key = ?1 AND NOT EXISTS (
                SELECT 1 FROM request WHERE request.session = object AND redacted_at IS NOT NULL)";
            let answered = transaction.prepare_cached(answer)?.execute((key, status, body))?;
            let begun = "SELECT EXISTS (SELECT 1 FROM idempotency WHERE key = ?1)";
            if answered > 0 || transaction.prepare_cached(begun)?.query_row([key], |row| row.get(0))? {
                Ok(())
            } else {
                Err(StoreError::Missing)
            }
        })
    }

    /// Forgets a request that was not carried out, so that it may come again with other parameters.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub fn idempotency_forget(&mut self, key: &str) -> Result<(), StoreError> {
        self.connection.prepare_cached("DELETE FROM idempotency WHERE key = ?1")?.execute([key])?;
        Ok(())
    }

    /// Deletes what is older than 24 hours by the clock. What was written before the clock was set back stays until the
    /// clock is 24 hours past its own time again.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub fn idempotency_purge(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let oldest = now.as_millisecond().saturating_sub(KEPT_FOR.as_millis() as i64);
        self.connection.prepare_cached("DELETE FROM idempotency WHERE created_at <= ?1")?.execute([oldest])?;
        Ok(())
    }
}

/// A body with a place instead of every secret of a session of this device.
fn without_secrets(secrets: &ApiSecrets, body: &str) -> String {
    let mut stored = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.find(ApiSecrets::SECRET_MARK) {
        let end = at + ApiSecrets::SECRET_MARK.len() + ApiSecrets::SECRET_DIGITS;
        let named = [Dialect::Stripe, Dialect::Stile].into_iter().find_map(|dialect| {
            let begin = at.checked_sub(dialect.session_prefix().len() + SessionId::CHARACTERS)?;
            secrets.session_of_client_secret(rest.get(begin..end)?).map(|_| begin)
        });
        // What is no secret is looked through from its next character on.
        let (kept, taken, next) = match named {
            Some(begin) => (begin, Some(&rest[begin..at]), end),
            None => (at + 1, None, at + 1),
        };
        stored.push_str(&rest[..kept]);
        if let Some(name) = taken {
            stored.push(MARK);
            stored.push_str(name);
            stored.push(MARK);
        }
        rest = &rest[next..];
    }
    stored.push_str(rest);
    stored
}

/// The body with every secret in its place again.
fn with_secrets(secrets: &ApiSecrets, stored: &str) -> String {
    let secret = |name: &str| {
        [Dialect::Stripe, Dialect::Stile]
            .into_iter()
            .find_map(|dialect| SessionId::of_dialect(dialect, name).map(|id| secrets.client_secret(&id, dialect)))
    };
    let parts = stored.split(MARK).enumerate();
    // Every second part stands between two marks.
    parts.map(|(at, part)| if at % 2 == 1 { secret(part) } else { None }.unwrap_or_else(|| part.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::privacy::AnchorKey;
    use proptest::prelude::*;

    fn secrets() -> ApiSecrets {
        AnchorKey::from_bytes(&[7; AnchorKey::BYTES]).api_secrets()
    }

    proptest! {
        #[test]
        fn a_stored_body_has_no_secret_and_comes_back_as_it_was(
            parts in prop::collection::vec(prop_oneof![
                Just("_secret_".to_owned()), "vk?s_", "[a-z0-9]{24}", "[^\u{1}]{0,60}",
                (any::<u8>(), any::<bool>()).prop_map(|(byte, stripe)| {
                    let id = SessionId::from_random(&[byte; SessionId::CHARACTERS]);
                    secrets().client_secret(&id, if stripe { Dialect::Stripe } else { Dialect::Stile })
                }),
            ], 0..12)
        ) {
            let body = parts.concat();
            let stored = without_secrets(&secrets(), &body);
            for secret in parts.iter().filter(|part| secrets().session_of_client_secret(part).is_some()) {
                prop_assert!(!stored.contains(secret.as_str()));
            }
            prop_assert_eq!(with_secrets(&secrets(), &stored), body);
        }
    }
}
