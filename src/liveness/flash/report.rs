//! What a screen flash comes out as.
//!
//! Always holds: `followed` is given only by [`super::FlashTracker::finish`], and only with no reason against it. The
//! codes of [`FlashReason`] are stable; the words for people are kept elsewhere.

use serde::{Deserialize, Serialize};

/// How well the skin followed the colours: the correlation of what was expected with what was measured, −1…1, with the
/// straight line in time taken out of both. Not a probability.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct FlashScore(pub f32);

impl FlashScore {
    /// Least score of a face that follows. See `docs/faces/flash.md` for what it was chosen on.
    pub const FOLLOWS: Self = Self(0.80);
}

/// How strongly something answers the screen: the rise of the logarithm of its light for all of the screen's light. On a
/// matt surface that faces the screen, the screen's light in shares of all other light.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct FlashGain(pub f32);

impl FlashGain {
    /// Least gain that is told from none: below it the room's light drowns the screen's.
    pub const LEAST: Self = Self(0.015);
}

/// Outcome of a flash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[must_use]
pub enum FlashVerdict {
    /// The skin followed the colours, in their order and in time.
    Followed,
    /// It was measured, and it did not.
    NotFollowed,
    /// It could not be measured. Never a pass.
    NotMeasurable,
}

/// Why a face did not follow, or could not be measured. Ordered by what the person should mend first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlashReason {
    /// No face, or not for long enough at a time: stay before the camera.
    FaceLost,
    /// Too few frames of a face that looks into the camera: look at the screen, or the device is too slow.
    TooFewFrames,
    /// The skin is too bright to become brighter: away from lamps and sun.
    TooBright,
    /// Nothing of the room is seen beside the face: a little further away.
    FillsPicture,
    /// The light on the face changed too much by itself: hold still.
    Unsteady,
    /// There was no template to tell that it is the person of the head turn.
    IdentityNotMeasured,
    /// It is not the person of the head turn.
    IdentityChanged,
    /// The whole picture followed as much as the face does, as when a screen or a filter is lit.
    NotOnFace,
    /// The colours came later than light and camera need, or before they were shown.
    OutOfTime,
    /// Colours were seen, in another order.
    OtherOrder,
    /// Nothing was seen: no light of the screen reaches the face, or what is there does not reflect it.
    NoResponse,
}

impl FlashReason {
    /// What follows from it.
    pub fn verdict(self) -> FlashVerdict {
        match self {
            Self::FaceLost
            | Self::TooFewFrames
            | Self::TooBright
            | Self::FillsPicture
            | Self::Unsteady
            | Self::IdentityNotMeasured => FlashVerdict::NotMeasurable,
            Self::IdentityChanged | Self::NotOnFace | Self::OutOfTime | Self::OtherOrder | Self::NoResponse => {
                FlashVerdict::NotFollowed
            }
        }
    }

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FaceLost => "face_lost",
            Self::TooFewFrames => "too_few_frames",
            Self::TooBright => "too_bright",
            Self::FillsPicture => "fills_picture",
            Self::Unsteady => "unsteady",
            Self::IdentityNotMeasured => "identity_not_measured",
            Self::IdentityChanged => "identity_changed",
            Self::NotOnFace => "not_on_face",
            Self::OutOfTime => "out_of_time",
            Self::OtherOrder => "other_order",
            Self::NoResponse => "no_response",
        }
    }
}

/// A whole flash as it went.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[must_use]
pub struct FlashReport {
    /// What follows.
    pub verdict: FlashVerdict,
    /// Why it is not followed; none when it is.
    pub reason: Option<FlashReason>,
    /// Correlation at the latency below; `None` without enough frames.
    pub score: Option<FlashScore>,
    /// Changes of colour that the skin followed by themselves.
    pub followed_changes: u8,
    /// Changes of colour that were shown.
    pub changes: u8,
    /// From a colour's being sent to its being seen, in milliseconds; where the correlation is best.
    #[serde(rename = "latency_ms")]
    pub latency: Option<Latency>,
    /// How strongly the skin answers beyond the room behind it.
    pub gain: Option<FlashGain>,
    /// How strongly the room behind it does.
    pub room_gain: Option<FlashGain>,
    /// What the sides of the face answer, in shares of what its middle does: a head's sides face away from the screen, a
    /// sheet's do not. Only noted.
    pub side_share: Option<f32>,
    /// Frames that were measured.
    pub frames: usize,
}

/// A time that may be before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Latency {
    /// In milliseconds; negative before the colour was sent.
    pub ms: i32,
}

impl Latency {
    /// Nothing is seen before it was sent.
    pub const LEAST: Self = Self { ms: 0 };
    /// Display, exposure and transfer together take no longer.
    pub const MOST: Self = Self { ms: 300 };
}
