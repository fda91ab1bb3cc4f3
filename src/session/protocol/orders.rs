//! What an operator orders, and what is answered: keys of the API, the staff, the clock.

use serde::{Deserialize, Serialize};

use crate::privacy::{ApiKeyKind, ApiKeyShape, Scope, StaffId, Vocabulary};

/// A key of the API to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewKey {
    /// Who may hold it.
    pub kind: ApiKeyKind,
    /// Whether it is a live key.
    pub livemode: bool,
    /// Which prefix it has.
    pub shape: ApiKeyShape,
    /// What the operator calls it: 1 to 64 characters.
    pub label: String,
    /// What it opens; everything that its kind may, where nothing is said.
    pub scopes: Option<Vec<Scope>>,
    /// The words of its answers.
    pub vocabulary: Vocabulary,
    /// From when on it opens nothing any more, in seconds since 1970.
    pub expires_at: Option<i64>,
}

/// What is to be done about keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "order")]
pub enum KeyOrder {
    /// Say which there are.
    List,
    /// Make one.
    Make(NewKey),
    /// Make one in the place of another, which goes on working for a while.
    Rotate {
        /// Of which.
        id: String,
        /// Which prefix the new one has.
        shape: ApiKeyShape,
        /// For how many seconds both work.
        grace_s: u64,
    },
    /// Have one open nothing any more, at once.
    Revoke {
        /// Which.
        id: String,
    },
}

/// What is known of a key. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySummary {
    /// Its identifier, `key_…`.
    pub id: String,
    /// `secret` or `publishable`.
    pub kind: String,
    /// Whether it is a live key.
    pub livemode: bool,
    /// What the operator calls it.
    pub label: String,
    /// What it opens.
    pub scopes: Vec<String>,
    /// The words of its answers.
    pub vocabulary: String,
    /// When it was made.
    pub created: i64,
    /// From when on it opens nothing.
    pub expires: Option<i64>,
    /// When it was revoked.
    pub revoked: Option<i64>,
    /// When it was last used, to the minute.
    pub last_used: Option<i64>,
    /// Which key took its place.
    pub replaced_by: Option<String>,
    /// Whether it opens anything now.
    pub usable: bool,
}

/// An answer about keys.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyAnswer {
    /// Which there are, or the one that was made.
    pub keys: Vec<KeySummary>,
    /// The text of the one that was made: shown once, kept nowhere.
    pub text: Option<String>,
}

/// Shows no key's text.
impl std::fmt::Debug for KeyAnswer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("KeyAnswer").field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// What is to be done about the staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "order")]
pub enum StaffOrder {
    /// Say who there is.
    List,
    /// Give somebody a code.
    Add {
        /// What the operator calls them: 1 to 64 characters.
        label: String,
    },
    /// Have somebody's code open nothing any more, at once.
    Remove {
        /// Whose.
        id: StaffId,
    },
}

/// What is known of one of the staff. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffSummary {
    /// Their name on this device, `stf_…`.
    pub id: StaffId,
    /// What the operator calls them.
    pub label: String,
    /// When they were added.
    pub created: i64,
    /// When they were removed.
    pub removed: Option<i64>,
    /// When their code was last used.
    pub last_used: Option<i64>,
}

/// An answer about the staff.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffAnswer {
    /// Who there is, or who was added.
    pub staff: Vec<StaffSummary>,
    /// The code of the one who was added: shown once, kept nowhere.
    pub code: Option<String>,
}

/// Shows no code.
impl std::fmt::Debug for StaffAnswer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("StaffAnswer").field("staff", &self.staff).finish_non_exhaustive()
    }
}

/// What is to be done about the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "order")]
pub enum ClockOrder {
    /// Say how it is.
    Show,
    /// Forget the latest time that was trusted, and every confirmation.
    Reset,
}

/// How the clock is. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockAnswer {
    /// What the clock on the wall says.
    pub wall: i64,
    /// `trusted`, `held_over` or `implausible`.
    pub state: String,
    /// Why it is implausible, and what to do.
    pub why: Option<String>,
    /// The time before which nothing is decided.
    pub floor: i64,
    /// When a source has last confirmed it,
    pub confirmed: Option<i64>,
    /// and which: `ntp` or `gnss`.
    pub confirmed_by: Option<String>,
    /// When it was set, the newest first.
    pub steps: Vec<ClockStepSummary>,
}

/// A step of the clock. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockStepSummary {
    /// What it would have said.
    pub from: i64,
    /// What it said.
    pub to: i64,
}
