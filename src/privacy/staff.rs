//! The staff: who may look at a document in the device's place, and how the device knows them.

use serde::{Deserialize, Serialize};

use crate::session::SessionId;

/// Names one of the staff without saying who: `stf_` and 24 characters. Who it is, the shop's own list says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StaffId(String);

/// Not the form of such a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("one of the staff is named by stf_ and {} characters", SessionId::CHARACTERS)]
pub struct StaffIdError;

impl StaffId {
    const PREFIX: &str = "stf_";

    /// Makes a name from random bytes.
    #[must_use]
    pub fn from_random(bytes: &[u8; SessionId::CHARACTERS]) -> Self {
        Self(format!("{}{}", Self::PREFIX, SessionId::from_random(bytes)))
    }

    /// The whole of it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for StaffId {
    type Error = StaffIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let good = text.strip_prefix(Self::PREFIX).is_some_and(|rest| SessionId::try_from(rest.to_owned()).is_ok());
        if good { Ok(Self(text)) } else { Err(StaffIdError) }
    }
}

impl From<StaffId> for String {
    fn from(id: StaffId) -> Self {
        id.0
    }
}

impl std::fmt::Display for StaffId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}
