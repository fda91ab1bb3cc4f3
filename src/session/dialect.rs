//! The two ways in which the shop's systems see a session.

use serde::{Deserialize, Serialize};

/// Which words an endpoint or a route uses. A webhook endpoint has one, which sets the names and the bodies of its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// Stripe Identity's.
    Stripe,
    /// Stile's.
    Stile,
}

impl Dialect {
    /// The name in configuration and on a command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Stile => "stile",
        }
    }

    /// What stands before a session's identifier.
    #[must_use]
    pub fn session_prefix(self) -> &'static str {
        match self {
            Self::Stripe => "vs_",
            Self::Stile => "vks_",
        }
    }
}
