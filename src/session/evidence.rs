//! What was observed, before anybody judges it.

use std::collections::BTreeMap;

use super::decision::DOCUMENT_OVERUSE;
use super::pass::TrustedPass;
use super::returning::Returned;
use super::surroundings::Surroundings;
use crate::document::{Check, CheckResult, CheckStrength, DocumentKind, FieldComparison, Fields};
use crate::imaging::Provenance;
use crate::liveness::{AgeTriage, FeedReport, FlashReason, FlashReport, FlashVerdict, MatchResult, TurnVerdict};
use crate::privacy::StaffId;

/// Model name to the lower-case hexadecimal SHA-256 of its file.
pub type ModelDigests = BTreeMap<String, String>;

/// Everything that one verification observed. Absent means that it was not collected.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// How the pictures were taken.
    pub capture: Option<CaptureEvidence>,
    /// Whether they came as a camera's do. A live outcome needs it; pictures from files have no feed.
    pub feed: Option<FeedEvidence>,
    /// The document, both sides.
    pub document: Option<DocumentEvidence>,
    /// The head turn.
    pub liveness: Option<LivenessEvidence>,
    /// The screen flash; `None` where none was shown.
    pub flash: Option<FlashEvidence>,
    /// The person against the portrait.
    pub face_match: Option<MatchResult>,
    /// Whether the live face needs a document; only where none was shown, and never the estimate.
    pub age: Option<AgeTriage>,
    /// What the device knew about itself.
    pub surroundings: Surroundings,
    /// What the staff found, where they were asked to look.
    pub review: Option<Review>,
    /// What somebody has left who was verified before; then nothing else was collected.
    pub returned: Option<Returned>,
    /// A pass that was shown with its own document, in the place of a head turn; whoever puts it here has compared the two.
    pub pass: Option<TrustedPass>,
    /// Every model that made an observation.
    pub models: ModelDigests,
}

/// How the pictures were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaptureEvidence {
    /// The least trusted source among all frames.
    pub provenance: Provenance,
}

/// Whether the pictures came as a camera's do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedEvidence {
    /// While the document was read, if one was. What is odd here flags.
    pub document: Option<FeedReport>,
    /// During the head turn, if there was one. Signs that no working camera gives refuse the attempt.
    pub face: Option<FeedReport>,
}

/// Where the fields of a document were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EncodedSource {
    /// A PDF417 barcode with an AAMVA payload.
    Barcode,
    /// A machine-readable zone.
    Mrz,
    /// The print of a card that has neither: what is printed was compared with nothing.
    Front,
}

/// What was read from the document.
#[derive(Debug, Clone, PartialEq)]
pub struct DocumentEvidence {
    /// Where the fields come from: the machine-readable part, or the front of a card without one. None when neither was read.
    pub encoded: Option<EncodedSource>,
    /// What kind it is, as far as it could be told.
    pub kind: Option<DocumentKind>,
    /// What was read there; empty when nothing was.
    pub fields: Fields,
    /// Every structural check that was made.
    pub checks: Vec<Check>,
    /// The front against the machine-readable part.
    pub comparisons: Vec<FieldComparison>,
    /// Whether a portrait of usable quality was found.
    pub portrait_found: bool,
}

impl DocumentEvidence {
    /// Notes that the document was used for many verifications already. That is odd and refuses nobody: a family's grandmother
    /// shops often, too.
    pub fn note_overuse(&mut self) {
        if !self.checks.iter().any(|check| check.name == DOCUMENT_OVERUSE) {
            let check = Check::new(DOCUMENT_OVERUSE, CheckResult::Flag, "");
            self.checks.push(check.with_strength(CheckStrength::Weak));
        }
    }
}

/// How the head turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LivenessEvidence {
    /// The fused verdict over the whole turn.
    pub verdict: TurnVerdict,
}

/// What the staff found when they looked at the physical document, because a flag asked for it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Review {
    /// Whether they accepted it.
    pub accepted: bool,
    /// Which of them; none where nobody answered in time.
    pub staff: Option<StaffId>,
}

/// How the screen flash ended. It is part of the outcome, so that whoever relies on that sees what it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FlashEvidence {
    /// Whether the skin followed.
    pub verdict: FlashVerdict,
    /// Why not; none when it did.
    pub reason: Option<FlashReason>,
    /// The score in hundredths, −100…100; none when nothing could be compared.
    pub score_percent: Option<i8>,
    /// Changes of colour that were shown.
    pub changes: u8,
    /// Those that the skin followed by themselves.
    pub followed_changes: u8,
    /// From sending a colour to seeing it, in milliseconds.
    pub latency_ms: Option<i32>,
    /// What the sides of the face answered in hundredths of what its middle did; only noted. A sheet or a screen answers
    /// as much there.
    pub side_percent: Option<i16>,
    /// Whether the light was only simulated: the frames did not come from the pinned camera, so that nothing says that
    /// a display's light was before it.
    pub simulated: bool,
}

impl FlashEvidence {
    /// Puts a report into the form that an outcome holds. `provenance` is the least trusted source among its frames.
    #[must_use]
    pub fn of(report: &FlashReport, provenance: Option<Provenance>) -> Self {
        let percent = |share: f32| (share * 100.0).round();
        Self {
            verdict: report.verdict,
            reason: report.reason,
            score_percent: report.score.map(|score| percent(score.0) as i8),
            changes: report.changes,
            followed_changes: report.followed_changes,
            latency_ms: report.latency.map(|latency| latency.ms),
            side_percent: report.side_share.map(|share| percent(share) as i16),
            simulated: !provenance.is_some_and(Provenance::is_live),
        }
    }
}
