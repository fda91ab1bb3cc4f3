//! What of a session outlives a restart: where it stands, never what was seen.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::consent::Consent;
use super::id::SessionId;
use super::reason::ReasonCode;
use crate::compliance::{Jurisdiction, UseCase};

/// Who ended a session before it was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CanceledBy {
    /// The person, on the screen.
    Person,
    /// The staff.
    Staff,
    /// The shop's till or backend.
    Till,
    /// The device, because it could not go on: never the person's failure.
    Device,
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// Made, and no screen shows it yet.
    Created,
    /// The person reads what is going to happen.
    AwaitingConsent,
    /// The document is being shown.
    AwaitingDocument,
    /// The head turn is being done.
    AwaitingFace,
    /// An end is known and is being written; nobody has been told.
    Deciding,
    /// Staff look at the physical document.
    AwaitingReview,
    /// Ended: the person is verified.
    Verified,
    /// Ended: the person is not.
    NotVerified,
    /// Ended before a decision, on somebody's wish.
    Canceled(CanceledBy),
    /// Ended before a decision, because nobody went on in time.
    Expired,
}

impl SessionState {
    /// Whether it never changes again.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Verified | Self::NotVerified | Self::Canceled(_) | Self::Expired => true,
            Self::Created
            | Self::AwaitingConsent
            | Self::AwaitingDocument
            | Self::AwaitingFace
            | Self::Deciding
            | Self::AwaitingReview => false,
        }
    }

    /// Whether it waits for somebody, and can be changed and canceled: `requires_input` before any end.
    #[must_use]
    pub fn waits_for_somebody(self) -> bool {
        match self {
            Self::Created | Self::AwaitingConsent | Self::AwaitingDocument | Self::AwaitingFace => true,
            Self::Deciding
            | Self::AwaitingReview
            | Self::Verified
            | Self::NotVerified
            | Self::Canceled(_)
            | Self::Expired => false,
        }
    }

    /// `status` in the Stripe dialect.
    #[must_use]
    pub fn stripe_status(self) -> &'static str {
        match self {
            Self::Created | Self::AwaitingConsent | Self::AwaitingDocument | Self::AwaitingFace | Self::NotVerified => {
                "requires_input"
            }
            Self::Deciding | Self::AwaitingReview => "processing",
            Self::Verified => "verified",
            Self::Canceled(_) | Self::Expired => "canceled",
        }
    }

    /// `status` in the Stile dialect. `failed_before` tells whether an attempt of this session has failed.
    #[must_use]
    pub fn stile_status(self, failed_before: bool) -> &'static str {
        match self {
            Self::Created => "created",
            Self::AwaitingDocument | Self::AwaitingFace if failed_before => "requires_input",
            Self::AwaitingConsent | Self::AwaitingDocument | Self::AwaitingFace => "pending",
            Self::Deciding | Self::AwaitingReview => "processing",
            Self::Verified => "verified",
            Self::NotVerified => "failed",
            Self::Canceled(_) => "cancelled",
            Self::Expired => "expired",
        }
    }
}

/// Attempts that may still be begun. Charged when an attempt begins and written before it does, so that pulling the plug
/// gives no new ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptsLeft {
    /// At the document.
    pub document: u8,
    /// At the head turn.
    pub face: u8,
}

/// The part of a session that is written to disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its identifier.
    pub id: SessionId,
    /// What the person wants to do.
    pub use_case: UseCase,
    /// Where.
    pub jurisdiction: Jurisdiction,
    /// Where it stands.
    pub state: SessionState,
    /// What may still be tried.
    pub attempts: AttemptsLeft,
    /// What the person answered when they were asked; none before that, and none again after a restart has asked anew.
    pub consent: Option<Consent>,
    /// Why the last attempt failed.
    pub last_error: Option<ReasonCode>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_dialects_see_each_state_as_the_design_s_table_says() {
        use SessionState as S;
        let by = CanceledBy::Till;
        for (state, stripe, stile, stile_after_failure) in [
            (S::Created, "requires_input", "created", "created"),
            (S::AwaitingConsent, "requires_input", "pending", "pending"),
            (S::AwaitingDocument, "requires_input", "pending", "requires_input"),
            (S::AwaitingFace, "requires_input", "pending", "requires_input"),
            (S::Deciding, "processing", "processing", "processing"),
            (S::AwaitingReview, "processing", "processing", "processing"),
            (S::Verified, "verified", "verified", "verified"),
            (S::NotVerified, "requires_input", "failed", "failed"),
            (S::Canceled(by), "canceled", "cancelled", "cancelled"),
            (S::Expired, "canceled", "expired", "expired"),
        ] {
            assert_eq!(state.stripe_status(), stripe, "{state:?}");
            assert_eq!(state.stile_status(false), stile, "{state:?}");
            assert_eq!(state.stile_status(true), stile_after_failure, "{state:?}");
        }
    }
}
