//! What the person is shown: a pure view of a session, the same for the screen, a till's display and the simulated person.
//!
//! Always holds: an end is shown only after it was written; no prompt holds personal data.

use serde::{Deserialize, Serialize};

use super::fault::DeviceFault;
use super::id::SessionId;
use super::pass::PassText;
use super::reason::ReasonCode;
use super::record::CanceledBy;
use crate::liveness::{Direction, FlashColour};

/// One thing that would help now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hint {
    /// Nothing like a document is in the picture.
    ShowDocument,
    /// The document is too small to read.
    DocumentCloser,
    /// The document is not wholly in the picture.
    DocumentInFrame,
    /// The document is tilted too much to read.
    DocumentFlat,
    /// It moves.
    HoldStill,
    /// A reflection covers part of it.
    AvoidGlare,
    /// It is out of focus.
    OutOfFocus,
    /// The picture is too dark.
    MoreLight,
    /// The picture is too bright.
    LessLight,
    /// What is shown is being read now: nothing is wrong with it.
    Reading,
    /// The side that is shown was read already.
    TurnOver,
    /// Nobody is in front of the camera.
    ShowFace,
    /// A card with a portrait is still held up.
    PutCardAway,
    /// The face is turned away before the challenge began.
    FaceCamera,
    /// The face is too far away.
    FaceCloser,
    /// More than one person is in the picture.
    OnePerson,
    /// The head did not turn far enough yet.
    TurnFurther,
}

/// Which part of a document is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentSide {
    /// The side with the portrait, or a passport's page. Whichever side is shown first is taken.
    Front,
    /// The side with the barcode or machine-readable zone.
    Back,
}

/// Which screen stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "screen")]
pub enum Screen {
    /// No session: ready for one.
    Idle,
    /// What is going to happen, and whether the person agrees.
    Consent,
    /// Show a side of the document.
    Document {
        /// Which side is missing.
        side: DocumentSide,
    },
    /// Turn the head.
    Face {
        /// Where to look now.
        direction: Direction,
        /// Steps that are done.
        done: u8,
        /// Steps in all.
        steps: u8,
    },
    /// The screen is going to flash: whoever must not see that can leave.
    FlashNotice,
    /// The whole screen in one colour. Nothing is said of those to come.
    Flash {
        /// The colour.
        colour: FlashColour,
        /// Its number, from 0.
        step: u8,
    },
    /// An end is being written.
    Deciding,
    /// Staff look at the physical document.
    Review,
    /// Ended: verified.
    Verified,
    /// Ended: not verified.
    NotVerified {
        /// The most telling reason.
        reason: ReasonCode,
    },
    /// Ended on somebody's wish.
    Canceled {
        /// Whose.
        by: CanceledBy,
    },
    /// Ended because nobody went on.
    Expired,
    /// The device cannot go on at the moment: nobody's failure.
    Fault {
        /// What is wrong with it.
        fault: DeviceFault,
    },
}

/// What is said of a pass that somebody has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassNote {
    /// It was read: with its document the face is not needed.
    Seen,
    /// It is of no use here, or not with this document: the full check goes on.
    NotUsed,
}

/// What is shown now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// Whose session; none while idle.
    pub session: Option<SessionId>,
    /// Which screen.
    #[serde(flatten)]
    pub screen: Screen,
    /// The one hint that is shown.
    pub hint: Option<Hint>,
    /// Why the last attempt failed, while another one is under way.
    pub last_error: Option<ReasonCode>,
    /// Where the person is asked to agree: whether the age of the face is going to be estimated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub estimates_age: bool,
    /// In the same place: whether somebody who was here before can show that instead.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub offers_return: bool,
    /// What became of a pass that was shown, while document or face are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass_note: Option<PassNote>,
    /// The pass that the person has earned, for their own screen while the result stands; no till and no stream gets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_pass: Option<PassText>,
}

impl Prompt {
    /// Nothing is going on.
    #[must_use]
    pub fn idle() -> Self {
        Self {
            session: None,
            screen: Screen::Idle,
            hint: None,
            last_error: None,
            estimates_age: false,
            offers_return: false,
            pass_note: None,
            new_pass: None,
        }
    }
}
