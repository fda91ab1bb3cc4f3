//! The session machine: `step(state, event, now) -> effects`, pure and total.
//!
//! Always holds: `Verified` follows only from a decision over the evidence of this very session; an end is shown only
//! after the shell has said that it is on disk; a terminal state never changes; every state has a deadline; an attempt is
//! charged when it begins; a fault of the device costs the person nothing. Does not look at a clock, a frame or a disk.

mod event;
mod passes;
mod step;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use event::{
    AgeSeen, CaptureId, CaptureTask, DocumentSeen, Effect, Ending, Event, FaceSeen, FlashAsked, Now, ReturnStep,
};

use jiff::Timestamp;

use super::hints::HintGate;
use super::pass::TrustedPass;
use super::policy::Policy;
use super::prompt::{DocumentSide, PassNote, Prompt, Screen};
use super::record::{CanceledBy, SessionRecord, SessionState};
use super::{DeviceFault, ReasonCode};
use crate::document::Fields;
use crate::liveness::Direction;
use crate::privacy::OneTimeCode;

/// Time to agree or not.
pub const CONSENT_WITHIN: Duration = Duration::from_mins(1);
/// Time to type an address on a screen.
pub const ADDRESS_WITHIN: Duration = Duration::from_mins(3);
/// Time to show that one was here before, from each letter: as long as its code is taken.
pub const RETURN_WITHIN: Duration = OneTimeCode::LIFETIME;
/// Time for one attempt at the document.
pub const DOCUMENT_WITHIN: Duration = Duration::from_mins(1);
/// Time for one attempt at the head turn, from the first prompt to its last frame: the challenge has its own, shorter one.
pub const FACE_WITHIN: Duration = Duration::from_secs(45);
/// What a screen flash after it adds: the notice, and eight colours at a slow device's pace.
pub const FLASH_WITHIN: Duration = Duration::from_secs(25);
/// Time for the staff to look at the document.
pub const REVIEW_WITHIN: Duration = Duration::from_mins(5);
/// Time that a session waits for a faulty device.
pub const FAULT_WITHIN: Duration = Duration::from_mins(2);
/// Faults of the device after which a session is given up: each gives the attempt back that it interrupted.
pub const MOST_FAULTS: u8 = 5;
/// Time between two tries to write an end.
pub const COMMIT_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// One session while the engine runs.
#[derive(Debug)]
pub struct Session {
    record: SessionRecord,
    policy: Policy,
    /// When the whole session ends by itself.
    ends_at: Duration,
    /// When the present phase does.
    phase_until: Duration,
    capture: CaptureId,
    document: Option<Box<DocumentSeen>>,
    sides: SidesRead,
    face: FaceProgress,
    /// Passes that may answer, if their documents come with them.
    passes: Vec<TrustedPass>,
    /// The one that does.
    pass: Option<TrustedPass>,
    pass_note: Option<PassNote>,
    /// Whether a face was found wanting: no pass stands in for it any more.
    face_failed: bool,
    hints: HintGate,
    fault: Option<DeviceFault>,
    /// Faults that it has lived through.
    faults: u8,
    ending: Option<Box<Ending>>,
    /// When the end was known; it may be written later.
    ended_at: Timestamp,
    reason: Option<ReasonCode>,
}

#[derive(Debug, Clone, Copy, Default)]
struct SidesRead {
    front: bool,
    back: bool,
}

/// How far the person is before the camera.
#[derive(Debug, Clone, Copy)]
enum FaceProgress {
    Turn { direction: Direction, done: u8, steps: u8 },
    Flash(FlashAsked),
}

impl FaceProgress {
    const START: Self = Self::Turn { direction: Direction::Centre, done: 0, steps: 0 };
}

impl Session {
    /// A session that was just made; its record has to be on disk already. Its captures are numbered after `after`, so
    /// that a late answer to an earlier session's capture is never taken for one of its own.
    #[must_use]
    pub fn new(record: SessionRecord, policy: Policy, after: CaptureId, now: Now) -> Self {
        let record_end = record.expires_at;
        let left = record.expires_at.duration_since(now.wall);
        let ends_at = now.uptime + Duration::try_from(left).unwrap_or_default();
        Self {
            record,
            policy,
            ends_at,
            phase_until: ends_at,
            capture: after,
            document: None,
            sides: SidesRead::default(),
            face: FaceProgress::START,
            passes: Vec::new(),
            pass: None,
            pass_note: None,
            face_failed: false,
            hints: HintGate::default(),
            fault: None,
            faults: 0,
            ending: None,
            ended_at: record_end,
            reason: None,
        }
    }

    /// Takes up a session that a restart interrupted. What was seen is gone, so that it starts over with the person's
    /// consent and with the attempts that are left; without any left the device gives up, which is nobody's failure.
    /// `None` for a session that had ended.
    #[must_use]
    pub fn resume(record: SessionRecord, policy: Policy, after: CaptureId, now: Now) -> Option<(Self, Vec<Effect>)> {
        if record.state.is_terminal() {
            return None;
        }
        let (expired, attempts) = (record.expires_at <= now.wall, record.attempts);
        let mut session = Self::new(record, policy, after, now);
        let effects = if expired {
            session.end(Ending::Expired, now)
        } else if attempts.document == 0 || attempts.face == 0 {
            session.end(Ending::Canceled(CanceledBy::Device), now)
        } else {
            session.record.consent = None;
            session.enter(SessionState::AwaitingConsent, CONSENT_WITHIN, now);
            vec![Effect::Rest, Effect::Save]
        };
        Some((session, effects))
    }

    /// Its latest capture.
    #[must_use]
    pub fn capture(&self) -> CaptureId {
        self.capture
    }

    /// What is written to disk.
    #[must_use]
    pub fn record(&self) -> &SessionRecord {
        &self.record
    }

    /// What its document says, once one was read.
    #[must_use]
    pub fn document_fields(&self) -> Option<&Fields> {
        self.document.as_ref().map(|seen| &seen.evidence.fields)
    }

    /// What it asks for.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// When [`Event::TimePassed`] is due, as time since the engine started; `None` once it has ended.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let open = !self.record.state.is_terminal();
        open.then(|| {
            if self.record.state == SessionState::Deciding {
                self.phase_until
            } else {
                self.phase_until.min(self.ends_at)
            }
        })
    }

    /// What the person is shown now.
    #[must_use]
    pub fn prompt(&self) -> Prompt {
        let awaiting = matches!(self.record.state, SessionState::AwaitingDocument | SessionState::AwaitingFace);
        Prompt {
            session: Some(self.record.id.clone()),
            screen: self.screen(),
            hint: self.hints.shown().filter(|_| awaiting && self.fault.is_none()),
            last_error: self.record.last_error.filter(|_| awaiting),
            estimates_age: self.record.state == SessionState::AwaitingConsent && self.policy.age_threshold().is_some(),
            // Whether a letter can be sent, the shell knows.
            offers_return: false,
            pass_note: self.pass_note.filter(|_| awaiting && self.fault.is_none()),
            // Who has the keys adds it.
            new_pass: None,
        }
    }

    fn screen(&self) -> Screen {
        if let Some(fault) = self.fault.filter(|_| !self.record.state.is_terminal()) {
            return Screen::Fault { fault };
        }
        match self.record.state {
            SessionState::Created => Screen::Idle,
            SessionState::AwaitingConsent => Screen::Consent,
            SessionState::AwaitingDocument => {
                let only_back_is_missing = self.sides.front && !self.sides.back;
                Screen::Document { side: if only_back_is_missing { DocumentSide::Back } else { DocumentSide::Front } }
            }
            SessionState::AwaitingFace => match self.face {
                FaceProgress::Turn { direction, done, steps } => Screen::Face { direction, done, steps },
                FaceProgress::Flash(FlashAsked::Notice) => Screen::FlashNotice,
                FaceProgress::Flash(FlashAsked::Colour { step, colour }) => Screen::Flash { colour, step },
            },
            SessionState::Deciding => Screen::Deciding,
            SessionState::AwaitingReview => Screen::Review,
            SessionState::Verified => Screen::Verified,
            SessionState::NotVerified => {
                // A decision against a person always has a reason; the most careful one stands in for none.
                Screen::NotVerified { reason: self.reason.unwrap_or(ReasonCode::CaptureUnknown) }
            }
            SessionState::Canceled(by) => Screen::Canceled { by },
            SessionState::Expired => Screen::Expired,
        }
    }
}
