//! Identifiers of sessions.

use serde::{Deserialize, Serialize};

use super::dialect::Dialect;

/// The part of a session's identifier that both dialects share; each puts its own prefix before it. Unguessable: the
/// shell draws it from the system's randomness.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId(String);

/// Not the form of a session's identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a session's identifier has {} characters of {}", SessionId::CHARACTERS, "0-9 and a-z without i, l, o and u")]
pub struct SessionIdError;

impl SessionId {
    /// Characters of the shared part, 5 bits each.
    pub const CHARACTERS: usize = 24;
    /// Crockford's, in lower case: nothing in it is taken for anything else when it is read out.
    pub(crate) const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

    /// Makes an identifier from random bytes.
    #[must_use]
    pub fn from_random(bytes: &[u8; Self::CHARACTERS]) -> Self {
        Self(bytes.iter().map(|byte| char::from(Self::ALPHABET[usize::from(byte & 31)])).collect())
    }

    /// The shared part.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The identifier in a dialect.
    #[must_use]
    pub fn in_dialect(&self, dialect: Dialect) -> String {
        format!("{}{}", dialect.session_prefix(), self.0)
    }

    /// The session that a text names in a dialect; `None` when it does not have the form.
    #[must_use]
    pub fn of_dialect(dialect: Dialect, text: &str) -> Option<Self> {
        text.strip_prefix(dialect.session_prefix()).and_then(|shared| Self::try_from(shared.to_owned()).ok())
    }

    /// The identifier in the Stripe dialect, `vs_…`.
    #[must_use]
    pub fn stripe(&self) -> String {
        self.in_dialect(Dialect::Stripe)
    }

    /// The identifier in the Stile dialect, `vks_…`.
    #[must_use]
    pub fn stile(&self) -> String {
        self.in_dialect(Dialect::Stile)
    }
}

impl TryFrom<String> for SessionId {
    type Error = SessionIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let good = text.len() == Self::CHARACTERS && text.bytes().all(|byte| Self::ALPHABET.contains(&byte));
        if good { Ok(Self(text)) } else { Err(SessionIdError) }
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.0
    }
}

impl std::fmt::Display for SessionId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}
