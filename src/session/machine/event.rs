//! What can happen to a session, and what a session asks of the shell.

use std::time::Duration;

use jiff::Timestamp;

use super::{ADDRESS_WITHIN, RETURN_WITHIN};
use crate::compliance::PlaceDays;
use crate::imaging::Provenance;
use crate::liveness::{AgeThreshold, AgeTriage, Direction, FeedReport, FlashColour, MatchResult, Template};
use crate::privacy::{PassAnchor, StaffId};
use crate::session::consent::{ConsentText, ShownBy};
use crate::session::decision::Decision;
use crate::session::evidence::{DocumentEvidence, Evidence, FlashEvidence, LivenessEvidence, ModelDigests};
use crate::session::fault::DeviceFault;
use crate::session::pass::TrustedPass;
use crate::session::prompt::{DocumentSide, Hint};
use crate::session::record::{CanceledBy, SessionState};
use crate::session::returning::Returned;
use crate::session::surroundings::Surroundings;

/// The moment at which something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Time since the engine started; it never goes backwards, so that deadlines are measured by it.
    pub uptime: Duration,
    /// The clock on the wall.
    pub wall: Timestamp,
    /// The time that a pass or a credential is judged over by: `wall`, or the latest that was decided by where the clock was set
    /// back since.
    pub expiry: Timestamp,
    /// The calendar days of the session's place.
    pub days: PlaceDays,
    /// What the device knows about itself.
    pub surroundings: Surroundings,
}

/// What somebody is asked for who says that they were here before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnStep {
    /// The address that they had left.
    Address,
    /// The code that was sent to it.
    Code,
}

impl ReturnStep {
    /// How long that may take.
    pub(super) fn within(self) -> Duration {
        match self {
            Self::Address => ADDRESS_WITHIN,
            Self::Code => RETURN_WITHIN,
        }
    }
}

/// Numbers the captures of a session, so that a late answer of an earlier one is told from the present one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct CaptureId(pub u64);

/// What was read from a document in front of the camera.
#[derive(Debug, Clone)]
pub struct DocumentSeen {
    /// For the decision.
    pub evidence: DocumentEvidence,
    /// The portrait, to be compared with the live face.
    pub portrait: Option<Template>,
    /// The least trusted source among its pictures.
    pub provenance: Provenance,
    /// Whether the frames came as a camera's do; `None` when nobody watched them.
    pub feed: Option<FeedReport>,
    /// The models that read it.
    pub models: ModelDigests,
    /// What the fleet knows it by; `None` where there is no fleet, or it says too little.
    pub pass_anchor: Option<PassAnchor>,
}

/// Whether a face needs a document. The estimate itself stays with the frames that it was made of, and is wiped with them.
#[derive(Debug, Clone)]
pub struct AgeSeen {
    /// What follows.
    pub triage: AgeTriage,
    /// The model that estimated.
    pub models: ModelDigests,
}

/// What was seen of a person in front of the camera.
#[derive(Debug, Clone)]
pub struct FaceSeen {
    /// The judged head turn.
    pub liveness: LivenessEvidence,
    /// The screen flash; `None` where none was shown.
    pub flash: Option<FlashEvidence>,
    /// The live face against the portrait.
    pub face_match: Option<MatchResult>,
    /// Whether a document is needed; `None` where that was not asked.
    pub age: Option<AgeSeen>,
    /// The least trusted source among the frames; `None` without frames.
    pub provenance: Option<Provenance>,
    /// Whether they came as a camera's do; `None` when nobody watched them.
    pub feed: Option<FeedReport>,
    /// The models that looked.
    pub models: ModelDigests,
}

/// What a flash asks the screen for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlashAsked {
    /// The notice that it is going to flash.
    Notice,
    /// One colour.
    Colour {
        /// Its number, from 0.
        step: u8,
        /// The colour.
        colour: FlashColour,
    },
}

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A screen shows the session.
    Opened,
    /// The person agreed, or did not.
    ConsentAnswered {
        /// Whether.
        given: bool,
        /// What was before them.
        text: ConsentText,
        /// Who showed it.
        shown_by: ShownBy,
    },
    /// The person says that they have been here before, and has been asked to show it: that takes longer than to agree.
    Returning {
        /// What they are asked for now.
        step: ReturnStep,
    },
    /// They have shown it, before they were looked at. The shell has made sure of that.
    Returned {
        /// What they have.
        returned: Box<Returned>,
        /// Whether the session is live.
        livemode: bool,
    },
    /// One side of the document was read; for the prompt only.
    SideRead {
        /// By which capture.
        capture: CaptureId,
        /// Which side.
        side: DocumentSide,
    },
    /// The document was read.
    DocumentRead {
        /// By which capture.
        capture: CaptureId,
        /// What was read.
        seen: Box<DocumentSeen>,
    },
    /// A QR code was shown that says it is a pass.
    PassShown {
        /// In which capture.
        capture: CaptureId,
        /// What it is; `None` where no box that is trusted here has signed it.
        pass: Option<Box<TrustedPass>>,
    },
    /// The head turn went on; for the prompt only.
    FaceProgress {
        /// In which capture.
        capture: CaptureId,
        /// Where the person is asked to look.
        direction: Direction,
        /// Steps that are done.
        done: u8,
        /// Steps in all.
        steps: u8,
    },
    /// The screen flash follows the head turn; for the prompt only.
    FlashProgress {
        /// In which capture.
        capture: CaptureId,
        /// What has to be on the screen.
        asked: FlashAsked,
    },
    /// The head turn, and the flash where there is one, have ended, well or not.
    FaceRead {
        /// By which capture.
        capture: CaptureId,
        /// What was seen.
        seen: FaceSeen,
    },
    /// The attempt that a capture was asked for may not begin: too many have failed within an hour.
    AttemptsSpent {
        /// Which capture.
        capture: CaptureId,
    },
    /// What would help, as the last frame shows it; `None` when nothing would.
    Hinted {
        /// In which capture.
        capture: CaptureId,
        /// The hint.
        hint: Option<Hint>,
    },
    /// Somebody wants it to end.
    Cancel {
        /// Who.
        by: CanceledBy,
    },
    /// Staff have looked at the physical document. The shell has made sure that they may.
    ReviewAnswered {
        /// Whether it is good.
        accepted: bool,
        /// Which of them.
        staff: StaffId,
    },
    /// The device cannot go on.
    Faulted {
        /// Why.
        fault: DeviceFault,
    },
    /// The device can go on.
    Recovered,
    /// The end is on disk.
    Committed,
    /// The end could not be written.
    CommitFailed,
    /// Time went by; sent at [`super::Session::deadline`] or later.
    TimePassed,
}

/// What the camera is to be used for.
#[derive(Debug, Clone)]
pub enum CaptureTask {
    /// Read a document.
    Document,
    /// Have the person do a fresh random challenge, and compare with the portrait. The shell draws the nonce and uses it
    /// once.
    Face {
        /// The document's portrait.
        portrait: Option<Box<Template>>,
        /// Before any document was asked for: from which estimate on none is needed.
        age: Option<AgeThreshold>,
    },
}

/// How a session ends.
#[derive(Debug, Clone)]
pub enum Ending {
    /// With a decision.
    Decided {
        /// The decision.
        decision: Decision,
        /// What it is based on.
        evidence: Box<Evidence>,
    },
    /// On somebody's wish.
    Canceled(CanceledBy),
    /// Because nobody went on in time.
    Expired,
}

impl Ending {
    /// The terminal state that it leads to.
    #[must_use]
    pub fn state(&self) -> SessionState {
        match self {
            Self::Decided { decision, .. } => match decision.verdict {
                crate::session::Verdict::Verified => SessionState::Verified,
                crate::session::Verdict::NotVerified => SessionState::NotVerified,
            },
            Self::Canceled(by) => SessionState::Canceled(*by),
            Self::Expired => SessionState::Expired,
        }
    }
}

/// What the shell has to do, in this order, each before the next.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Write the record. When that fails, what follows is not done and the session hears of a fault.
    Save,
    /// Use the camera; ends every earlier capture.
    Capture {
        /// The number of this capture.
        capture: CaptureId,
        /// For what.
        task: CaptureTask,
    },
    /// Leave the camera alone.
    Rest,
    /// Write the end in one transaction, then say [`Event::Committed`] or [`Event::CommitFailed`].
    Commit {
        /// The end.
        ending: Box<Ending>,
        /// When it was known; the same however often it is tried.
        at: Timestamp,
    },
}
