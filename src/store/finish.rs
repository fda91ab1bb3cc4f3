//! The end of a session, in one transaction: state, signed outcome, credential, anchors, audit entry, outbox rows.
//!
//! Always holds: a session has one end and one outcome at most, however often the end is written; sequence and hash are
//! allotted inside the transaction, so that the chain has neither gaps nor forks; evidence is read and never written.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, named_params};

use super::audit::{self, AuditEntry};
use super::error::StoreError;
use super::keys::Keys;
use super::outcomes::{self, Link};
use super::{Store, outbox, requests, returning, rows, transact};
use crate::compliance::Rule;
use crate::privacy::{Anchor, anchors};
use crate::session::{
    Decision, Evidence, Outcome, OutcomeResult, ReasonCode, SessionDetails, SessionRecord, SessionState, Verdict,
};

/// Most endpoints that one event may go to.
pub const MAX_ENDPOINTS: usize = 16;

/// What an outcome is made of.
#[derive(Debug, Clone, Copy)]
pub struct OutcomeDraft<'a> {
    /// The decision.
    pub decision: &'a Decision,
    /// What it rests on.
    pub evidence: &'a Evidence,
    /// The rule that it was made by.
    pub rule: &'a Rule,
    /// The moment of the decision.
    pub decided_at: Timestamp,
    /// When a verified outcome stops granting anything.
    pub expires_at: Timestamp,
}

/// What is known when the bodies of an event are rendered. The transaction is under way: nobody may be told yet.
#[derive(Debug, Clone, Copy)]
pub struct EventFacts<'a> {
    /// Identifier of the event, `evt_…`.
    pub event: &'a str,
    /// The session in its terminal state.
    pub record: &'a SessionRecord,
    /// What was said of it, where it was asked for over the API.
    pub details: Option<&'a SessionDetails>,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Its outcome, if it was decided.
    pub outcome: Option<&'a Outcome>,
    /// The same, signed: a compact JWS.
    pub attestation: Option<&'a str>,
}

/// One event as one endpoint gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxBody {
    /// Name of the endpoint, as in the configuration: 1 to 64 characters.
    pub endpoint: String,
    /// The exact body, 1 to 65,536 bytes.
    pub body: String,
}

/// An end to be written.
#[derive(Clone, Copy)]
pub struct Finish<'a> {
    /// The session, already in its terminal state.
    pub record: &'a SessionRecord,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Its outcome; present exactly when it was decided.
    pub outcome: Option<OutcomeDraft<'a>>,
    /// Renders the event for every endpoint that wants it.
    pub bodies: &'a dyn Fn(&EventFacts<'_>) -> Vec<OutboxBody>,
}

/// An end that is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Identifier of the event, `evt_…`.
    pub event: String,
    /// When the session ended, to the millisecond.
    pub ended_at: Timestamp,
    /// Its outcome, if it was decided.
    pub outcome: Option<FinishedOutcome>,
}

/// An outcome that is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishedOutcome {
    /// Its identifier, `out_…`.
    pub id: String,
    /// Its number among this device's outcomes.
    pub sequence: u64,
    /// The whole of it, signed: a compact JWS.
    pub attestation: String,
}

impl Store {
    /// Writes a session's end. Done twice, it answers the same: a commit whose answer was lost is asked for again.
    ///
    /// # Errors
    /// [`StoreError::Terminal`] when the session has already ended otherwise, [`StoreError::Missing`] when it was never
    /// made, [`StoreError::Refused`] when record and outcome contradict each other; nothing is written then. After
    /// [`StoreError::Io`] do it again: it may or may not be on disk.
    pub fn finish(&mut self, finish: &Finish<'_>) -> Result<Finished, StoreError> {
        if !is_consistent(finish) {
            return Err(StoreError::Refused { what: "an end that is not the one of its decision" });
        }
        let anchors = anchors_of(finish, &self.keys);
        let (device, keys, site_is_live) = (&self.device, &self.keys, self.site_is_live);
        transact(&mut self.connection, &self.folder, |transaction| match earlier_end(transaction, finish.record)? {
            Some(earlier) => Ok(earlier),
            None => End { transaction, device, keys, site_is_live, finish }.write(&anchors),
        })
    }
}

/// Whether the terminal state is the one that the decision leads to.
fn is_consistent(finish: &Finish<'_>) -> bool {
    let verdict = finish.outcome.map(|draft| draft.decision.verdict);
    match finish.record.state {
        SessionState::Verified => verdict == Some(Verdict::Verified),
        SessionState::NotVerified => verdict == Some(Verdict::NotVerified),
        SessionState::Canceled(_) | SessionState::Expired => verdict.is_none(),
        SessionState::Created
        | SessionState::AwaitingConsent
        | SessionState::AwaitingDocument
        | SessionState::AwaitingFace
        | SessionState::Deciding
        | SessionState::AwaitingReview => false,
    }
}

/// Only who is verified leaves anchors.
fn anchors_of(finish: &Finish<'_>, keys: &Keys) -> Vec<Anchor> {
    let verified = finish.outcome.filter(|draft| draft.decision.verdict == Verdict::Verified);
    let document = verified.and_then(|draft| draft.evidence.document.as_ref());
    document.map(|document| anchors(&keys.anchor, &document.fields)).unwrap_or_default()
}

/// The end that a session already has.
fn earlier_end(transaction: &Transaction<'_>, record: &SessionRecord) -> Result<Option<Finished>, StoreError> {
    let (state, by, ended_at, event): (String, Option<String>, Option<i64>, Option<String>) = transaction
        .prepare_cached("SELECT state, canceled_by, ended_at, event FROM session WHERE id = ?1")?
        .query_row([record.id.as_str()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    let (Some(ended_at), Some(event)) = (ended_at, event) else { return Ok(None) };
    if rows::state(&state, by.as_deref())? != record.state {
        return Err(StoreError::Terminal);
    }
    let outcome = transaction
        .prepare_cached("SELECT id, sequence, jws FROM outcome WHERE session = ?1 AND overrides IS NULL")?
        .query_row([record.id.as_str()], |row| {
            let sequence = row.get::<_, i64>(1)?.unsigned_abs();
            Ok(FinishedOutcome { id: row.get(0)?, sequence, attestation: row.get(2)? })
        })
        .optional()?;
    Ok(Some(Finished { event, ended_at: rows::timestamp(ended_at)?, outcome }))
}

/// An end while it is being written.
struct End<'a> {
    transaction: &'a Transaction<'a>,
    device: &'a str,
    keys: &'a Keys,
    site_is_live: bool,
    finish: &'a Finish<'a>,
}

impl End<'_> {
    fn write(&self, anchors: &[Anchor]) -> Result<Finished, StoreError> {
        let Finish { record, ended_at, .. } = *self.finish;
        let event = rows::new_id("evt")?;
        let signed = self.finish.outcome.map(|draft| self.outcome(&draft)).transpose()?;
        // A test key's chosen outcome rests on nothing, and earns nothing.
        if let Some((outcome, _)) = &signed
            && outcome.result() == OutcomeResult::Verified
            && outcome.strength().is_some()
            // What somebody had already is not earned anew.
            && outcome.reuses().is_none()
        {
            self.credential(outcome, anchors)?;
        }
        self.session(&event)?;
        let entry = AuditEntry::of_end(&record.id, record.state, ended_at);
        entry.map(|entry| audit::append(self.transaction, &entry)).transpose()?;
        let details = requests::of_session(self.transaction, &record.id)?;
        let facts = EventFacts {
            event: &event,
            record,
            details: details.as_ref(),
            ended_at,
            outcome: signed.as_ref().map(|(outcome, _)| outcome),
            attestation: signed.as_ref().map(|(_, jws)| jws.as_str()),
        };
        let bodies = (self.finish.bodies)(&facts);
        outbox::insert_bodies(self.transaction, (&record.id, &event, ended_at), &bodies)?;
        let outcome = signed.map(|(outcome, attestation)| FinishedOutcome {
            id: outcome.id().to_owned(),
            sequence: outcome.sequence(),
            attestation,
        });
        Ok(Finished { event, ended_at: rows::timestamp(rows::millis(ended_at)?)?, outcome })
    }

    fn outcome(&self, draft: &OutcomeDraft<'_>) -> Result<(Outcome, String), StoreError> {
        let link = Link {
            session: &self.finish.record.id,
            decided_at: draft.decided_at,
            expires_at: draft.expires_at,
            consent: self.finish.record.consent.clone(),
            live_session: self.is_live_session()?,
        };
        outcomes::append(self.transaction, (self.device, self.keys), link, |seed| {
            Outcome::new(seed, draft.decision, draft.evidence, draft.rule)
        })
    }

    /// Whether the session was made with a live key, or at the screen, on a device with a pinned camera.
    fn is_live_session(&self) -> Result<bool, StoreError> {
        let details = requests::of_session(self.transaction, &self.finish.record.id)?;
        Ok(self.site_is_live && details.is_none_or(|details| details.livemode))
    }

    fn credential(&self, outcome: &Outcome, anchors: &[Anchor]) -> Result<(), StoreError> {
        let id = rows::new_id("cred")?;
        self.transaction
            .prepare_cached(
                "INSERT INTO credential (id, session, outcome, tier, method, strength, rule_version, verified_at, expires_at,
                    livemode)
                 VALUES (:id, :session, :outcome, :tier, :method, :strength, :rule_version, :verified_at, :expires_at,
                    :livemode)",
            )?
            .execute(named_params! {
                ":id": id,
                ":session": self.finish.record.id.as_str(),
                ":outcome": outcome.id(),
                ":tier": rows::name(&outcome.tier())?,
                ":method": outcome.method(),
                ":strength": outcome.strength().map(|strength| rows::name(&strength)).transpose()?,
                ":rule_version": outcome.rule_version(),
                ":verified_at": rows::millis(outcome.decided_at())?,
                ":expires_at": rows::millis(outcome.expires_at())?,
                ":livemode": outcome.livemode(),
            })?;
        let mut insert =
            self.transaction.prepare_cached("INSERT INTO anchor (value, kind, credential) VALUES (?1, ?2, ?3)")?;
        for anchor in anchors {
            insert.execute((anchor.as_str(), anchor.kind().as_str(), &id))?;
        }
        returning::keep_given(self.transaction, &self.finish.record.id, &id)
    }

    fn session(&self, event: &str) -> Result<(), StoreError> {
        let record = self.finish.record;
        // First, because a session that has ended never changes.
        rows::write_consent(self.transaction, record)?;
        let (state, canceled_by) = rows::state_columns(record.state);
        self.transaction
            .prepare_cached(
                "UPDATE session SET state = :state, canceled_by = :by, document_attempts = :document,
                    face_attempts = :face, last_error = :last_error, ended_at = :ended_at, event = :event
                 WHERE id = :id",
            )?
            .execute(named_params! {
                ":id": record.id.as_str(),
                ":state": state,
                ":by": canceled_by,
                ":document": record.attempts.document,
                ":face": record.attempts.face,
                ":last_error": record.last_error.map(ReasonCode::as_str),
                ":ended_at": rows::millis(self.finish.ended_at)?,
                ":event": event,
            })?;
        Ok(())
    }
}
