//! The staff: who may look at a document in the device's place, and how the device knows them.
//!
//! Always holds: the text of a code is shown once, wiped from memory, and never kept: what is kept is its keyed hash and a
//! [`StaffRecord`], which tells no code and no name. Does not count wrong codes: the store does.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::digits::DecimalCode;
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

/// The code by which one of the staff is known: 8 decimal digits, as people read it `1234 5678`.
pub type StaffCode = DecimalCode<8>;

/// What is kept of one of the staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffRecord {
    /// Their name on this device.
    pub id: StaffId,
    /// What the operator calls them, such as `counter 2`: see [`ApiKeyRecord::is_label`](super::ApiKeyRecord::is_label).
    /// A person's name only where the shop wants it on the device.
    pub label: String,
    /// When they were added.
    pub created_at: Timestamp,
    /// From when on their code opens nothing.
    pub removed_at: Option<Timestamp>,
    /// When their code was last used.
    pub last_used_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_the_staff_is_named_by_a_prefix_and_24_characters() {
        let id = StaffId::from_random(&[9; SessionId::CHARACTERS]);
        assert_eq!((id.as_str().len(), StaffId::try_from(id.as_str().to_owned())), (28, Ok(id.clone())));
        for bad in ["", "stf_", "stf_1", &id.as_str().replace("stf_", "key_"), &format!("{id}9"), &id.as_str()[4..]] {
            assert_eq!(StaffId::try_from(bad.to_owned()), Err(StaffIdError), "{bad}");
        }
    }
}
