//! One step of a session.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{
    COMMIT_AGAIN_AFTER, CONSENT_WITHIN, CaptureId, CaptureTask, DOCUMENT_WITHIN, DocumentSeen, Effect, Ending, Event,
    FACE_WITHIN, FAULT_WITHIN, FLASH_WITHIN, FaceProgress, FaceSeen, MOST_FAULTS, Now, REVIEW_WITHIN, Session,
    SidesRead,
};
use crate::imaging::Provenance;
use crate::session::consent::Consent;
use crate::session::decision::{Decision, Verdict, decide, face_finding, refuse};
use crate::session::document_findings::document_findings;
use crate::session::evidence::{CaptureEvidence, Evidence, FeedEvidence, Review};
use crate::session::fault::DeviceFault;
use crate::session::hints::HintGate;
use crate::session::pass::TrustedPass;
use crate::session::prompt::DocumentSide;
use crate::session::reason::{Phase, ReasonCode};
use crate::session::record::{CanceledBy, SessionState};
use crate::session::returning::Returned;

impl Session {
    /// Takes in what happened and says what the shell has to do. An event that does not fit the state changes nothing.
    #[must_use]
    pub fn step(&mut self, event: Event, now: Now) -> Vec<Effect> {
        use SessionState as S;
        let state = self.record.state;
        match event {
            _ if state.is_terminal() => Vec::new(),
            Event::Opened if state == S::Created => {
                self.enter(S::AwaitingConsent, CONSENT_WITHIN, now);
                vec![Effect::Save]
            }
            Event::ConsentAnswered { given, text, shown_by }
                if state == S::AwaitingConsent && (self.fault.is_none() || !given) =>
            {
                self.record.consent = Some(Consent { given, text, shown_by, at: now.wall });
                if !given {
                    return self.refuse(ReasonCode::ConsentDeclined, now);
                }
                if self.policy.age_threshold().is_some() { self.begin_face(now) } else { self.begin_document(now) }
            }
            Event::Returning { step } if state == S::AwaitingConsent && self.fault.is_none() => {
                self.phase_until = self.phase_until.max(now.uptime + step.within());
                Vec::new()
            }
            Event::Returned { returned, livemode } if state == S::AwaitingConsent && self.fault.is_none() => {
                self.end_returned(*returned, livemode, now)
            }
            Event::SideRead { capture, side } if self.awaits(S::AwaitingDocument, capture) => {
                match side {
                    DocumentSide::Front => self.sides.front = true,
                    DocumentSide::Back => self.sides.back = true,
                }
                Vec::new()
            }
            Event::DocumentRead { capture, seen } if self.awaits(S::AwaitingDocument, capture) => {
                self.judge_document(seen, now)
            }
            Event::PassShown { capture, pass }
                if self.is_capturing() && self.capture == capture && self.fault.is_none() =>
            {
                self.take_pass(pass.map(|pass| *pass), now)
            }
            Event::FaceProgress { capture, direction, done, steps } if self.awaits(S::AwaitingFace, capture) => {
                self.face = FaceProgress::Turn { direction, done, steps };
                Vec::new()
            }
            Event::FlashProgress { capture, asked }
                if self.awaits(S::AwaitingFace, capture) && self.policy.require_flash =>
            {
                self.face = FaceProgress::Flash(asked);
                Vec::new()
            }
            Event::FaceRead { capture, seen } if self.awaits(S::AwaitingFace, capture) => self.judge_face(&seen, now),
            Event::AttemptsSpent { capture } if self.is_capturing() && capture == self.capture => self.end_spent(now),
            Event::Hinted { capture, hint } if capture == self.capture => {
                self.hints.observe(hint, now.uptime);
                Vec::new()
            }
            Event::Cancel { by } if state != S::Deciding => self.end(Ending::Canceled(by), now),
            Event::ReviewAnswered { accepted, staff } if state == S::AwaitingReview && self.fault.is_none() => {
                self.end_review(Review { accepted, staff: Some(staff) }, now)
            }
            Event::Faulted { fault } => self.take_fault(fault, now),
            Event::Recovered if self.fault.is_some() => self.recover(now),
            Event::Committed if state == S::Deciding => self.settle(),
            Event::CommitFailed if state == S::Deciding => {
                self.fault = Some(DeviceFault::Store);
                self.phase_until = now.uptime + COMMIT_AGAIN_AFTER;
                Vec::new()
            }
            Event::TimePassed if self.deadline().is_some_and(|due| now.uptime >= due) => self.run_out(now),
            Event::Opened
            | Event::ConsentAnswered { .. }
            | Event::Returning { .. }
            | Event::Returned { .. }
            | Event::SideRead { .. }
            | Event::DocumentRead { .. }
            | Event::PassShown { .. }
            | Event::FaceProgress { .. }
            | Event::FlashProgress { .. }
            | Event::FaceRead { .. }
            | Event::AttemptsSpent { .. }
            | Event::Hinted { .. }
            | Event::Cancel { .. }
            | Event::ReviewAnswered { .. }
            | Event::Recovered
            | Event::Committed
            | Event::CommitFailed
            | Event::TimePassed => Vec::new(),
        }
    }

    /// Whether a capture's answer is wanted: it is the present one, and the device is well.
    fn awaits(&self, state: SessionState, capture: CaptureId) -> bool {
        self.record.state == state && self.capture == capture && self.fault.is_none()
    }

    fn is_capturing(&self) -> bool {
        matches!(self.record.state, SessionState::AwaitingDocument | SessionState::AwaitingFace)
    }

    pub(super) fn enter(&mut self, state: SessionState, within: Duration, now: Now) {
        self.record.state = state;
        self.phase_until = now.uptime + within;
        self.hints = HintGate::default();
    }

    fn next_capture(&mut self, task: CaptureTask) -> Effect {
        self.capture = CaptureId(self.capture.0 + 1);
        Effect::Capture { capture: self.capture, task }
    }

    /// Begins an attempt at the document; the caller has made sure that one is left.
    fn begin_document(&mut self, now: Now) -> Vec<Effect> {
        self.enter(SessionState::AwaitingDocument, DOCUMENT_WITHIN, now);
        self.record.attempts.document = self.record.attempts.document.saturating_sub(1);
        (self.document, self.sides) = (None, SidesRead::default());
        vec![Effect::Save, self.next_capture(CaptureTask::Document)]
    }

    /// Begins an attempt at the head turn; the caller has made sure that one is left. Without a document it is to find out
    /// whether one is needed.
    fn begin_face(&mut self, now: Now) -> Vec<Effect> {
        let flash = if self.policy.require_flash { FLASH_WITHIN } else { Duration::ZERO };
        self.enter(SessionState::AwaitingFace, FACE_WITHIN + flash, now);
        self.record.attempts.face = self.record.attempts.face.saturating_sub(1);
        self.face = FaceProgress::START;
        let portrait = self.document.as_ref().and_then(|seen| seen.portrait.clone()).map(Box::new);
        let age = self.policy.age_threshold().filter(|_| self.document.is_none());
        vec![Effect::Save, self.next_capture(CaptureTask::Face { portrait, age })]
    }

    fn judge_document(&mut self, seen: Box<DocumentSeen>, now: Now) -> Vec<Effect> {
        let findings = document_findings(&seen.evidence, &self.policy, now.days);
        let reason = findings.first().copied();
        self.document = Some(seen);
        match reason {
            None if self.asks_for_a_face() => {
                if let Some(decision) = self.decide_by_pass(now) {
                    return self.conclude(decision, None, now);
                }
                self.record.last_error = None;
                self.begin_face(now)
            }
            None => {
                let decision = decide(&self.evidence(None, now), &self.policy, now.days);
                self.conclude(decision, None, now)
            }
            Some(reason) => self.fail(reason, findings, now),
        }
    }

    fn asks_for_a_face(&self) -> bool {
        self.policy.require_liveness || self.policy.require_face_match || self.policy.require_flash
    }

    fn judge_face(&mut self, seen: &FaceSeen, now: Now) -> Vec<Effect> {
        let evidence = self.evidence(Some(seen), now);
        let decision = decide(&evidence, &self.policy, now.days);
        if self.document.is_some() || decision.verdict == Verdict::Verified {
            return self.conclude(decision, Some(seen), now);
        }
        if let Some(reason) = face_finding(&evidence, &self.policy) {
            return self.refuse(reason, now);
        }
        // The turn itself was well done. With the document it is done again: a match is charged to its document.
        self.record.attempts.face = self.record.attempts.face.saturating_add(1);
        self.record.last_error = None;
        self.begin_document(now)
    }

    /// What a decision leads to: the end, a review, or another attempt.
    pub(super) fn conclude(&mut self, decision: Decision, face: Option<&FaceSeen>, now: Now) -> Vec<Effect> {
        let retry = decision.reasons.first().copied().filter(|reason| self.may_retry(*reason));
        if let Some(reason) = retry {
            return self.retry(reason, now);
        }
        let evidence = Box::new(self.evidence(face, now));
        self.end_or_review(decision, evidence, now)
    }

    /// The end, or first a look by the staff where a flag asks for that.
    fn end_or_review(&mut self, decision: Decision, evidence: Box<Evidence>, now: Now) -> Vec<Effect> {
        let reviewed = decision.verdict == Verdict::Verified
            && decision.flags.iter().any(|flag| self.policy.review_flags.contains(&flag.as_ref()));
        let ending = Ending::Decided { decision, evidence };
        if reviewed {
            self.ending = Some(Box::new(ending));
            self.enter(SessionState::AwaitingReview, REVIEW_WITHIN, now);
            return vec![Effect::Rest, Effect::Save];
        }
        self.end(ending, now)
    }

    fn may_retry(&self, reason: ReasonCode) -> bool {
        let left = match reason.phase() {
            Phase::Document => self.record.attempts.document,
            Phase::Face => self.record.attempts.face,
            Phase::None => 0,
        };
        reason.entry().recoverable && left > 0
    }

    fn retry(&mut self, reason: ReasonCode, now: Now) -> Vec<Effect> {
        self.record.last_error = Some(reason);
        self.face_failed |= reason.phase() == Phase::Face;
        match reason.phase() {
            Phase::Face if self.document.is_some() => self.begin_face(now),
            Phase::Document | Phase::Face | Phase::None => self.begin_document(now),
        }
    }

    /// An attempt has failed for `findings`, of which `reason` is the most telling.
    fn fail(&mut self, reason: ReasonCode, findings: BTreeSet<ReasonCode>, now: Now) -> Vec<Effect> {
        if self.may_retry(reason) {
            return self.retry(reason, now);
        }
        self.end_against(findings, now)
    }

    /// No attempt is left on the device. Whoever has failed in this session hears why; for whoever has not, the document
    /// was tried too often before.
    fn end_spent(&mut self, now: Now) -> Vec<Effect> {
        let reason = self.record.last_error.unwrap_or(ReasonCode::TooManyAttempts);
        self.end_against(BTreeSet::from([reason]), now)
    }

    fn end_against(&mut self, findings: BTreeSet<ReasonCode>, now: Now) -> Vec<Effect> {
        let evidence = Box::new(self.evidence(None, now));
        let decision = refuse(&evidence, &self.policy, findings);
        self.end(Ending::Decided { decision, evidence }, now)
    }

    fn refuse(&mut self, reason: ReasonCode, now: Now) -> Vec<Effect> {
        self.fail(reason, BTreeSet::from([reason]), now)
    }

    /// Everything that this session has seen, and what the device knows about itself now.
    pub(super) fn evidence(&self, face: Option<&FaceSeen>, now: Now) -> Evidence {
        let document = self.document.as_ref();
        let of_pass = self.pass.as_ref().map(TrustedPass::provenance);
        let sources = [document.map(|seen| seen.provenance), face.and_then(|seen| seen.provenance), of_pass];
        let lacks_source = face.is_some_and(|seen| seen.provenance.is_none());
        let capture = sources.into_iter().flatten().reduce(Provenance::least_trusted);
        let mut models = document.map(|seen| seen.models.clone()).unwrap_or_default();
        models.extend(face.iter().flat_map(|seen| seen.models.clone()));
        let age = face.and_then(|seen| seen.age.as_ref()).filter(|_| document.is_none());
        models.extend(age.iter().flat_map(|age| age.models.clone()));
        Evidence {
            capture: capture.filter(|_| !lacks_source).map(|provenance| CaptureEvidence { provenance }),
            feed: self.feed(face),
            document: document.map(|seen| seen.evidence.clone()),
            liveness: face.map(|seen| seen.liveness),
            flash: face.and_then(|seen| seen.flash),
            face_match: face.and_then(|seen| seen.face_match),
            age: age.map(|age| age.triage),
            surroundings: now.surroundings,
            review: None,
            returned: None,
            pass: self.pass.clone(),
            models,
        }
    }

    /// How the pictures came: those of the document, if there is one, and those of the face.
    fn feed(&self, face: Option<&FaceSeen>) -> Option<FeedEvidence> {
        let face = face.and_then(|seen| seen.feed.clone());
        match &self.document {
            Some(seen) => seen.feed.clone().map(|document| FeedEvidence { document: Some(document), face }),
            None => face.map(|face| FeedEvidence { document: None, face: Some(face) }),
        }
    }

    /// Hands an end to the store; nobody hears of it before it is written.
    pub(super) fn end(&mut self, ending: Ending, now: Now) -> Vec<Effect> {
        self.enter(SessionState::Deciding, COMMIT_AGAIN_AFTER, now);
        self.capture = CaptureId(self.capture.0 + 1);
        self.fault = None;
        self.ended_at = now.wall;
        self.ending = Some(Box::new(ending.clone()));
        vec![Effect::Rest, Effect::Commit { ending: Box::new(ending), at: now.wall }]
    }

    /// The end is on disk. What was seen is wiped.
    fn settle(&mut self) -> Vec<Effect> {
        (self.fault, self.document) = (None, None);
        self.forget_passes();
        if let Some(ending) = self.ending.take() {
            if let Ending::Decided { decision, .. } = ending.as_ref() {
                self.reason = decision.reasons.first().copied();
                self.record.last_error = self.reason;
            }
            self.record.state = ending.state();
        }
        Vec::new()
    }

    /// Somebody who was verified before: what they have answers, or else nothing happens and the full check goes on.
    fn end_returned(&mut self, returned: Returned, livemode: bool, now: Now) -> Vec<Effect> {
        let surroundings = now.surroundings;
        let Ok(decision) = returned.decide(&self.policy, livemode, now.expiry, surroundings) else { return Vec::new() };
        let evidence = Evidence { returned: Some(returned), surroundings, ..Evidence::default() };
        self.end_or_review(decision, Box::new(evidence), now)
    }

    /// What the staff found stands in the outcome beside all that the device saw.
    fn end_review(&mut self, review: Review, now: Now) -> Vec<Effect> {
        let Some(Ending::Decided { mut decision, mut evidence }) = self.ending.take().map(|ending| *ending) else {
            return self.refuse(ReasonCode::ReviewRefused, now);
        };
        if !review.accepted {
            (decision.verdict, decision.reasons) = (Verdict::NotVerified, vec![ReasonCode::ReviewRefused]);
        }
        evidence.review = Some(review);
        self.end(Ending::Decided { decision, evidence }, now)
    }

    /// What another camera's predecessor has seen counts for nothing any more: the document is asked for again, and the
    /// attempt that it took is given back.
    fn void_evidence(&mut self) {
        if self.record.state == SessionState::AwaitingFace && self.document.take().is_some() {
            self.record.state = SessionState::AwaitingDocument;
            self.sides = SidesRead::default();
            self.record.attempts.document = self.record.attempts.document.saturating_add(1);
        }
    }

    /// The attempt that a fault interrupts is given back.
    fn take_fault(&mut self, fault: DeviceFault, now: Now) -> Vec<Effect> {
        let effects = self.interrupt(fault, now);
        if fault == DeviceFault::CameraOther {
            self.void_evidence();
            self.forget_passes();
        }
        effects
    }

    fn interrupt(&mut self, fault: DeviceFault, now: Now) -> Vec<Effect> {
        if self.fault.replace(fault).is_some() || self.record.state == SessionState::Deciding {
            return Vec::new();
        }
        let attempts = &mut self.record.attempts;
        match self.record.state {
            SessionState::AwaitingDocument => attempts.document = attempts.document.saturating_add(1),
            SessionState::AwaitingFace => attempts.face = attempts.face.saturating_add(1),
            _ => {}
        }
        self.faults = self.faults.saturating_add(1);
        if self.faults > MOST_FAULTS {
            return self.end(Ending::Canceled(CanceledBy::Device), now);
        }
        self.capture = CaptureId(self.capture.0 + 1);
        self.phase_until = now.uptime + FAULT_WITHIN;
        vec![Effect::Rest]
    }

    fn recover(&mut self, now: Now) -> Vec<Effect> {
        if self.record.state == SessionState::Deciding {
            return self.commit_again(now);
        }
        self.fault = None;
        match self.record.state {
            SessionState::AwaitingDocument => self.begin_document(now),
            SessionState::AwaitingFace => self.begin_face(now),
            SessionState::AwaitingConsent => {
                self.enter(SessionState::AwaitingConsent, CONSENT_WITHIN, now);
                // It may have been the disk that failed when this was to be written first.
                vec![Effect::Save]
            }
            SessionState::AwaitingReview => {
                // The staff begin anew: the fault was no time of theirs. It may have been the disk that failed first.
                self.enter(SessionState::AwaitingReview, REVIEW_WITHIN, now);
                vec![Effect::Save]
            }
            _ => {
                self.phase_until = self.ends_at;
                Vec::new()
            }
        }
    }

    fn commit_again(&mut self, now: Now) -> Vec<Effect> {
        self.phase_until = now.uptime + COMMIT_AGAIN_AFTER;
        let at = self.ended_at;
        self.ending.iter().map(|ending| Effect::Commit { ending: ending.clone(), at }).collect()
    }

    /// A deadline has passed.
    fn run_out(&mut self, now: Now) -> Vec<Effect> {
        match self.record.state {
            SessionState::Deciding => self.commit_again(now),
            _ if now.uptime >= self.ends_at => self.end(Ending::Expired, now),
            _ if self.fault.is_some() => self.end(Ending::Canceled(CanceledBy::Device), now),
            SessionState::AwaitingDocument => match (self.sides.front, self.sides.back) {
                (false, false) => self.end(Ending::Expired, now),
                (_, false) => self.refuse(ReasonCode::DocumentUnreadable, now),
                (false, true) => self.refuse(ReasonCode::DocumentFrontUnreadable, now),
                (true, true) => self.refuse(ReasonCode::DocumentMissing, now),
            },
            SessionState::AwaitingFace => self.refuse(
                match self.face {
                    FaceProgress::Turn { .. } => ReasonCode::LivenessIncomplete,
                    FaceProgress::Flash(_) => ReasonCode::FlashNotMeasured,
                },
                now,
            ),
            SessionState::AwaitingReview => self.end_review(Review { accepted: false, staff: None }, now),
            _ => self.end(Ending::Expired, now),
        }
    }
}
