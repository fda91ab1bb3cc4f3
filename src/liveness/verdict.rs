//! How a head turn ended, and the operating point of a match.

use serde::Serialize;

/// How a head turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[must_use]
pub enum TurnVerdict {
    /// A live person did what was asked.
    Live,
    /// Not a live person.
    Attack,
    /// Not enough was seen.
    Incomplete,
}
