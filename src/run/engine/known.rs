//! What the device knows already: somebody who was verified before, and a document that was.
//!
//! Always holds: what somebody has ends only a session in which nobody was looked at yet; that a document was used often is a
//! flag and refuses nobody. Does not find anybody: whoever asks has shown whose address it is.

use jiff::{SignedDuration, Timestamp};

use super::EngineError;
use super::asking::StartRefusal;
use super::desk::Desk;
use crate::session::machine::{DocumentSeen, Ending, Event, ReturnStep, Session};
use crate::session::{Credential, DeviceFault, Evidence, ReturnProof, Returned, SessionId, SessionState};

/// Within which verifications with one document count together.
const OVERUSE_WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// Whether what somebody has answers what a session asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answered {
    /// It does; with a proof, the session has ended by it.
    Yes,
    /// It does not; nothing has happened.
    No,
    /// The session waits for nobody to begin any more.
    NotOpen,
}

impl Desk {
    /// Whether somebody who was here before may show that instead: letters can be sent, and it is not asked who they are.
    pub(super) fn offers_return(&self, session: &Session) -> bool {
        let asked = session.record().state == SessionState::AwaitingConsent;
        // Only an integrator's program leaves addresses, so that without one nobody can be found by theirs.
        asked && self.config.mail.is_some() && self.config.api.is_some() && !session.policy().asks_identity
    }

    /// Notes on a document that it was used more often than is usual: an anchor of a document says that, and no face does.
    pub(super) async fn note_overuse(&mut self, seen: &mut DocumentSeen) -> Result<(), EngineError> {
        let (fields, livemode) = (seen.evidence.fields.clone(), self.config.camera.may_be_live());
        let since = self.wall().saturating_sub(OVERUSE_WINDOW).unwrap_or(Timestamp::UNIX_EPOCH);
        match self.store.call(move |store| store.document_uses(&fields, since, livemode)).await? {
            Ok(uses) if uses >= u32::from(self.config.sessions.document_uses_per_day) => seen.evidence.note_overuse(),
            Ok(_) => {}
            Err(error) => self.note_failed_store(&error),
        }
        Ok(())
    }

    /// Ends a session that nobody was looked at in yet by the best that somebody has, if anything of that answers.
    pub(super) async fn end_returned(
        &mut self,
        id: &SessionId,
        credentials: Vec<Credential>,
        proof: Option<ReturnProof>,
    ) -> Result<Result<Answered, StartRefusal>, EngineError> {
        // Nothing is decided by a wrong clock.
        self.reconcile().await?;
        if let Some(fault) = self.faults.first() {
            return Ok(Err(fault.into()));
        }
        let present = self.session.as_ref().map(Session::record).filter(|record| record.id == *id).cloned();
        let waiting = match present {
            Some(record) => Some(record).filter(|record| record.state == SessionState::AwaitingConsent),
            None => match self.waiting(id).await? {
                Ok(waiting) => waiting.filter(|record| record.expires_at > self.wall()),
                Err(error) => return Ok(Err(self.failed_store(&error))),
            },
        };
        let Some(record) = waiting else { return Ok(Ok(Answered::NotOpen)) };
        let rule = match self.rules_in_use().resolve_at(record.use_case, &record.jurisdiction, self.wall()) {
            Ok(rule) => rule,
            Err(error) => return Ok(Err(error.into())),
        };
        let of_session = id.clone();
        let details = match self.store.call(move |store| store.details(&of_session)).await? {
            Ok(details) => details,
            Err(error) => return Ok(Err(self.failed_store(&error))),
        };
        let policy = self.policy_of(details.as_ref(), &rule);
        let site_is_live = self.config.camera.may_be_live();
        let livemode = site_is_live && details.is_none_or(|details| details.livemode);
        let (now, expiry) = (self.wall(), self.expiry());
        let best = credentials
            .into_iter()
            .filter(|credential| credential.answers(&policy, livemode, expiry).is_ok())
            .max_by_key(|credential| credential.expires_at);
        let Some(credential) = best else { return Ok(Ok(Answered::No)) };
        let Some(proof) = proof else { return Ok(Ok(Answered::Yes)) };
        // Between the code and now it may have been erased or overridden.
        let outcome = credential.outcome.clone();
        match self.store.call(move |store| store.has_credential(&outcome)).await? {
            Ok(true) => {}
            Ok(false) => return Ok(Ok(Answered::No)),
            Err(error) => return Ok(Err(self.failed_store(&error))),
        }
        let returned = Returned { credential, proof };
        if self.is_present(id) {
            self.step(Event::Returned { returned: Box::new(returned), livemode }).await?;
            return Ok(match self.session.as_ref().map(|session| session.record().state) {
                // Staff may have to look first, because of a flag.
                Some(SessionState::Verified | SessionState::AwaitingReview) => Ok(Answered::Yes),
                // Its end is known and not yet on disk.
                Some(SessionState::Deciding) => Err(DeviceFault::Store.into()),
                _ => Ok(Answered::No),
            });
        }
        let surroundings = self.now().surroundings;
        let Ok(decision) = returned.decide(&policy, livemode, expiry, surroundings) else {
            return Ok(Ok(Answered::No));
        };
        // Nobody can be asked to look at somebody whom no screen has seen yet.
        if decision.flags.iter().any(|flag| policy.review_flags.contains(&flag.as_ref())) {
            return Ok(Ok(Answered::No));
        }
        let evidence = Box::new(Evidence { returned: Some(returned), surroundings, ..Evidence::default() });
        Ok(match self.commit(record, Ending::Decided { decision, evidence }, now).await? {
            Event::Committed => Ok(Answered::Yes),
            _ => Err(DeviceFault::Store.into()),
        })
    }

    /// Gives somebody at the screen time for what they are asked to show.
    pub(super) async fn await_returning(&mut self, id: &SessionId, step: ReturnStep) -> Result<(), EngineError> {
        if self.is_present(id) { self.step(Event::Returning { step }).await } else { Ok(()) }
    }
}
