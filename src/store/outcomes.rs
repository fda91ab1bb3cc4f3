//! Outcomes as they are chained, signed and written: the one that ends a session, and those that the staff set over it.
//!
//! Always holds: sequence and hash are allotted inside the transaction that writes the outcome; an outcome of the staff
//! edits nothing, refers to the one that ended its session, and grants nothing for longer; with a person who is verified no
//! more go the credential and everything that would know them again. Does not decide who is of the staff.

use jiff::Timestamp;
use rusqlite::{Transaction, named_params};

use super::audit::{self, Actor, AuditAction, AuditEntry};
use super::error::StoreError;
use super::finish::OutboxBody;
use super::keys::Keys;
use super::{Store, attestation, outbox, requests, rows, transact};
use crate::privacy::StaffId;
use crate::session::{
    Consent, KeptOutcome, Outcome, OutcomeResult, OutcomeSeed, ReasonCode, SessionDetails, SessionId, SessionRecord,
};

/// What is known when the bodies of an override's event are rendered. The transaction is under way: nobody may be told yet.
#[derive(Debug, Clone, Copy)]
pub struct OverrideFacts<'a> {
    /// Identifier of the event, `evt_…`.
    pub event: &'a str,
    /// The session, which stays as it ended.
    pub record: &'a SessionRecord,
    /// What was said of it, where it was asked for over the API.
    pub details: Option<&'a SessionDetails>,
    /// The outcome that ended it.
    pub first: &'a KeptOutcome,
    /// The one that is set over that.
    pub new: &'a KeptOutcome,
    /// When.
    pub at: Timestamp,
}

/// What one of the staff wants.
#[derive(Clone, Copy)]
pub struct Override<'a> {
    /// Of which session.
    pub session: &'a SessionId,
    /// What the outcome is to be.
    pub result: OutcomeResult,
    /// Which of them. The caller has made sure that they may.
    pub staff: &'a StaffId,
    /// When.
    pub at: Timestamp,
    /// Whether this is asked again, because the answer to a first try was lost: what that wrote then stays, whoever came after.
    pub again: bool,
    /// Renders the event for every endpoint that wants it.
    pub bodies: &'a dyn Fn(&OverrideFacts<'_>) -> Vec<OutboxBody>,
}

/// Why an outcome is not overridden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OverrideRefusal {
    /// There is nothing to override.
    #[error("this session was not decided, so that there is no outcome to override; check the person by hand")]
    Undecided,
    /// What it was about is erased.
    #[error("this session was redacted; start another one")]
    Redacted,
    /// It grants nothing any more, whatever it says.
    #[error("the outcome of this session grants nothing any more; start another one")]
    Over,
    /// It says that already.
    #[error("the outcome of this session says that already")]
    Same,
}

impl Store {
    /// Sets an outcome of the staff over the one that ended a session; the session itself stays as it is. Done twice by the
    /// same, it answers the same and writes nothing.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such session. The refusals are within.
    pub fn override_outcome(
        &mut self,
        wish: &Override<'_>,
    ) -> Result<Result<KeptOutcome, OverrideRefusal>, StoreError> {
        let record = self.session(wish.session)?.ok_or(StoreError::Missing)?;
        let details = self.details(wish.session)?;
        let Some(first) = self.kept_outcome(wish.session)? else { return Ok(Err(OverrideRefusal::Undecided)) };
        let standing = self.overriding(wish.session)?;
        let is_wished = |kept: &KeptOutcome| {
            kept.outcome.result() == wish.result && kept.outcome.overrides().is_some_and(|by| by.staff == *wish.staff)
        };
        let before = if wish.again { self.overrides(wish.session)? } else { standing.iter().cloned().collect() };
        if let Some(done) = before.into_iter().rfind(is_wished) {
            // The try before may have been cut off in between.
            self.empty_journal()?;
            return Ok(Ok(done));
        }
        if standing.as_ref().unwrap_or(&first).outcome.result() == wish.result {
            return Ok(Err(OverrideRefusal::Same));
        }
        if details.as_ref().is_some_and(|details| details.redacted_at.is_some()) {
            return Ok(Err(OverrideRefusal::Redacted));
        }
        if wish.at < first.outcome.decided_at() {
            return Err(StoreError::Clock);
        }
        if wish.at >= first.outcome.expires_at() {
            return Ok(Err(OverrideRefusal::Over));
        }
        let (device, keys) = (&self.device, &self.keys);
        let overridden = transact(&mut self.connection, &self.folder, |transaction| {
            let link = Link {
                session: wish.session,
                decided_at: wish.at,
                expires_at: first.outcome.expires_at(),
                consent: first.outcome.consent().cloned(),
                live_session: first.outcome.livemode(),
            };
            let (outcome, attestation) = append(transaction, (device, keys), link, |seed| {
                Outcome::overriding(&first.outcome, seed, wish.staff.clone(), wish.result)
            })?;
            if wish.result == OutcomeResult::NotVerified {
                transaction
                    .prepare_cached("DELETE FROM credential WHERE session = ?1")?
                    .execute([wish.session.as_str()])?;
                // What was used again was not theirs to use.
                if let Some(reused) = first.outcome.reuses().and_then(|reused| reused.outcome.as_deref()) {
                    transaction.prepare_cached("DELETE FROM credential WHERE outcome = ?1")?.execute([reused])?;
                }
            }
            let session = Some(wish.session.clone());
            let entry =
                AuditEntry { at: wish.at, actor: Actor::Staff, action: AuditAction::OutcomeOverridden, session };
            audit::append(transaction, &entry)?;
            let (new, event) = (KeptOutcome { outcome, attestation }, rows::new_id("evt")?);
            let details = requests::of_session(transaction, wish.session)?;
            let bodies = (wish.bodies)(&OverrideFacts {
                event: &event,
                record: &record,
                details: details.as_ref(),
                first: &first,
                new: &new,
                at: wish.at,
            });
            outbox::insert_bodies(transaction, (wish.session, &event, wish.at), &bodies)?;
            Ok(new)
        })?;
        if wish.result == OutcomeResult::NotVerified {
            self.empty_journal()?;
        }
        Ok(Ok(overridden))
    }
}

/// What a new outcome is about.
pub(super) struct Link<'a> {
    pub session: &'a SessionId,
    pub decided_at: Timestamp,
    pub expires_at: Timestamp,
    pub consent: Option<Consent>,
    pub live_session: bool,
}

/// Chains, signs and writes an outcome.
pub(super) fn append(
    transaction: &Transaction<'_>,
    (device, keys): (&str, &Keys),
    link: Link<'_>,
    outcome: impl FnOnce(OutcomeSeed) -> Outcome,
) -> Result<(Outcome, String), StoreError> {
    let (last, previous_hash): (i64, Option<String>) = transaction
        .prepare_cached("SELECT last_sequence, last_hash FROM device")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let outcome = outcome(OutcomeSeed {
        id: rows::new_id("out")?,
        session: link.session.as_str().to_owned(),
        device: device.to_owned(),
        sequence: last.unsigned_abs() + 1,
        previous_hash,
        decided_at: link.decided_at,
        expires_at: link.expires_at,
        consent: link.consent,
        live_session: link.live_session,
    });
    let unsigned = StoreError::Refused { what: "an outcome that cannot be signed" };
    let jws = attestation::sign(&keys.device, &outcome).ok_or(unsigned)?;
    transaction
        .prepare_cached(
            "INSERT INTO outcome (sequence, id, session, result, reason, livemode, jws, decided_at, overrides)
             VALUES (:sequence, :id, :session, :result, :reason, :livemode, :jws, :decided_at, :overrides)",
        )?
        .execute(named_params! {
            ":sequence": outcome.sequence().cast_signed(),
            ":id": outcome.id(),
            ":session": link.session.as_str(),
            ":result": rows::name(&outcome.result())?,
            ":reason": outcome.reason().map(ReasonCode::as_str),
            ":livemode": outcome.livemode(),
            ":jws": jws,
            ":decided_at": rows::millis(outcome.decided_at())?,
            ":overrides": outcome.overrides().map(|overrides| overrides.outcome.as_str()),
        })?;
    transaction
        .prepare_cached("UPDATE device SET last_sequence = ?1, last_hash = ?2")?
        .execute((outcome.sequence().cast_signed(), attestation::hash(&jws)))?;
    Ok((outcome, jws))
}
