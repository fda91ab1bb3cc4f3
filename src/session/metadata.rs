//! What an integrator notes on a session: up to 50 pairs of text, theirs and not the device's.
//!
//! Always holds: a [`Metadata`] is within the limits of both APIs and of an event's body, so that no note keeps a session's
//! end from being written. Does not look at what the texts say: an integrator may put anything there, which is why printing
//! shows only their number, and why redaction erases them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Notes that break a limit. The keys are the integrator's own words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// More than [`Metadata::MAX_PAIRS`].
    #[error("metadata has at most {} keys; unset some with an empty value", Metadata::MAX_PAIRS)]
    TooMany,
    /// More than [`Metadata::MAX_BYTES`] in all.
    #[error("metadata has at most {} bytes as JSON; shorten its values", Metadata::MAX_BYTES)]
    TooLarge,
    /// An empty or long key.
    #[error("a metadata key has 1 to {} characters; shorten {}", Metadata::MAX_KEY, quoted(key))]
    KeyLength {
        /// The key.
        key: String,
    },
    /// A key with a character that keys do not have.
    #[error("a metadata key has no square brackets and no control characters; rename {}", quoted(key))]
    KeyForm {
        /// The key.
        key: String,
    },
    /// A long value.
    #[error("a metadata value has at most {} characters; shorten that of {}", Metadata::MAX_VALUE, quoted(key))]
    ValueLength {
        /// The key of the value.
        key: String,
    },
}

impl MetadataError {
    /// The key that is at fault, if one is.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::TooMany | Self::TooLarge => None,
            Self::KeyLength { key } | Self::KeyForm { key } | Self::ValueLength { key } => Some(key),
        }
    }
}

/// A key as a message shows it: on one line and not longer than one may be.
fn quoted(key: &str) -> String {
    format!("{:?}", key.chars().take(Metadata::MAX_KEY).collect::<String>())
}

/// Pairs of text by key. No value is empty: an empty one unsets its key.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct Metadata(BTreeMap<String, String>);

impl Metadata {
    /// Most pairs.
    pub const MAX_PAIRS: usize = 50;
    /// Longest key in characters.
    pub const MAX_KEY: usize = 40;
    /// Longest value in characters.
    pub const MAX_VALUE: usize = 500;
    /// Most bytes of all pairs as JSON. Takes 50 values of 500 ASCII letters, and leaves half of an event's body
    /// to the session and its attestation.
    pub const MAX_BYTES: usize = 32 << 10;

    /// What stands after changes: a text sets its key, none or an empty one unsets it. `unset_all` forgets what stood before.
    ///
    /// # Errors
    /// [`MetadataError`] for the first limit that is broken; nothing is changed then.
    pub fn updated(&self, changes: &[(String, Option<String>)], unset_all: bool) -> Result<Self, MetadataError> {
        let mut pairs = if unset_all { BTreeMap::new() } else { self.0.clone() };
        for (key, value) in changes {
            check_key(key)?;
            match value.as_deref() {
                None | Some("") => drop(pairs.remove(key)),
                Some(value) => {
                    check_value(key, value)?;
                    pairs.insert(key.clone(), value.to_owned());
                }
            }
        }
        Self::within_limits(pairs)
    }

    /// Pairs by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// How many pairs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn within_limits(pairs: BTreeMap<String, String>) -> Result<Self, MetadataError> {
        if pairs.len() > Self::MAX_PAIRS {
            return Err(MetadataError::TooMany);
        }
        let bytes = serde_json::to_vec(&pairs).map_or(usize::MAX, |json| json.len());
        if bytes > Self::MAX_BYTES { Err(MetadataError::TooLarge) } else { Ok(Self(pairs)) }
    }
}

fn check_key(key: &str) -> Result<(), MetadataError> {
    if !(1..=Metadata::MAX_KEY).contains(&key.chars().count()) {
        return Err(MetadataError::KeyLength { key: key.to_owned() });
    }
    if key.contains(|c: char| c == '[' || c == ']' || c.is_control()) {
        return Err(MetadataError::KeyForm { key: key.to_owned() });
    }
    Ok(())
}

fn check_value(key: &str, value: &str) -> Result<(), MetadataError> {
    if value.chars().count() > Metadata::MAX_VALUE {
        return Err(MetadataError::ValueLength { key: key.to_owned() });
    }
    Ok(())
}

impl TryFrom<BTreeMap<String, String>> for Metadata {
    type Error = MetadataError;

    fn try_from(pairs: BTreeMap<String, String>) -> Result<Self, Self::Error> {
        let changes: Vec<_> = pairs.into_iter().map(|(key, value)| (key, Some(value))).collect();
        Self::default().updated(&changes, true)
    }
}

/// Shows how many pairs there are, and none of them.
impl std::fmt::Debug for Metadata {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "[{} pairs]", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(pairs: &[(&str, &str)]) -> Result<Metadata, MetadataError> {
        let changes: Vec<_> = pairs.iter().map(|(key, value)| ((*key).to_owned(), Some((*value).to_owned()))).collect();
        Metadata::default().updated(&changes, false)
    }

    #[test]
    fn a_text_sets_its_key_and_an_empty_one_unsets_it() {
        let first = set(&[("order", "17"), ("till", "3")]).unwrap();
        assert_eq!(first.iter().collect::<Vec<_>>(), [("order", "17"), ("till", "3")]);
        let changes = [("till".to_owned(), Some(String::new())), ("lane".to_owned(), Some("2".to_owned()))];
        let second = first.updated(&changes, false).unwrap();
        assert_eq!(second.iter().collect::<Vec<_>>(), [("lane", "2"), ("order", "17")]);
        assert_eq!((second.get("order"), second.get("till"), second.len()), (Some("17"), None, 2));
        let third = second.updated(&[("order".to_owned(), None)], false).unwrap();
        assert_eq!(third.iter().collect::<Vec<_>>(), [("lane", "2")]);
        assert!(third.updated(&[], true).unwrap().is_empty());
        assert_eq!(
            third.updated(&[("new".to_owned(), Some("1".to_owned()))], true).unwrap(),
            set(&[("new", "1")]).unwrap()
        );
    }

    #[test]
    fn every_limit_is_kept_to_the_character() {
        let (key, value) = ("k".repeat(40), "ü".repeat(500));
        assert!(set(&[(&key, &value)]).is_ok());
        let key_length = |key: &str| Err(MetadataError::KeyLength { key: key.to_owned() });
        assert_eq!(set(&[(&"k".repeat(41), "1")]), key_length(&"k".repeat(41)));
        assert_eq!(set(&[("", "1")]), key_length(""));
        assert_eq!(set(&[("k", &"v".repeat(501))]), Err(MetadataError::ValueLength { key: "k".to_owned() }));
        for key in ["a[b", "a]", "a\nb", "\u{7f}"] {
            assert_eq!(set(&[(key, "1")]), Err(MetadataError::KeyForm { key: key.to_owned() }));
        }
        let many = |count: usize, value: &str| {
            let pairs: Vec<_> = (0..count).map(|number| (format!("{number:0>40}"), Some(value.to_owned()))).collect();
            Metadata::default().updated(&pairs, false)
        };
        assert_eq!(many(50, &"v".repeat(500)).unwrap().len(), 50);
        assert_eq!(many(51, "v"), Err(MetadataError::TooMany));
        assert_eq!(many(50, &"ü".repeat(500)), Err(MetadataError::TooLarge));
    }

    #[test]
    fn as_json_it_is_an_object_whose_limits_are_checked_again() {
        let metadata = set(&[("a", "1"), ("b", "ü\"")]).unwrap();
        let json = serde_json::to_string(&metadata).unwrap();
        assert_eq!(json, r#"{"a":"1","b":"ü\""}"#);
        assert_eq!(serde_json::from_str::<Metadata>(&json).unwrap(), metadata);
        assert!(serde_json::from_str::<Metadata>(r#"{"a[0]":"1"}"#).is_err());
        assert!(serde_json::from_str::<Metadata>(r#"{"a":1}"#).is_err());
    }

    #[test]
    fn printed_it_shows_none_of_its_texts() {
        assert_eq!(format!("{:?}", set(&[("name", "Ada")]).unwrap()), "[1 pairs]");
    }

    proptest! {
        #[test]
        fn whatever_is_changed_the_limits_hold(
            changes in prop::collection::vec((".{0,42}", prop::option::of(".{0,510}")), 0..70), unset_all: bool
        ) {
            let before = set(&[("order", "17")]).unwrap();
            if let Ok(after) = before.updated(&changes, unset_all) {
                prop_assert!(after.len() <= 50);
                prop_assert!(serde_json::to_vec(&after).unwrap().len() <= Metadata::MAX_BYTES);
                prop_assert!(after.iter().all(|(key, value)| !value.is_empty()
                    && (1..=40).contains(&key.chars().count()) && value.chars().count() <= 500));
            }
        }
    }
}
