//! The keys by which a shop's systems speak to the device: how they read, and what is kept of them.
//!
//! Always holds: the text of a key is shown once, wiped from memory, and never kept: what is kept is its keyed hash and an
//! [`ApiKeyRecord`], which tells no key. A publishable key, which ends up in shop windows and pages, opens displays alone.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::session::SessionId;

/// Who may hold a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiKeyKind {
    /// The shop's own systems.
    Secret,
    /// Anybody.
    Publishable,
}

impl ApiKeyKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Secret, Self::Publishable];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Publishable => "publishable",
        }
    }
}

/// The words of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vocabulary {
    /// Those of the API itself.
    #[default]
    Real,
    /// Those, and beside them the ones of published guides that the API does not have.
    Guide,
}

impl Vocabulary {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Real, Self::Guide];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Guide => "guide",
        }
    }
}

/// What a key opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Sessions and their reports, to look at.
    SessionsRead,
    /// Sessions, to make, change and end.
    SessionsWrite,
    /// Sessions, to erase for good.
    SessionsRedact,
    /// The rules of the places.
    Compliance,
    /// Whether somebody was verified before.
    Lookup,
    /// What a display needs: hints, and where one session stands whose secret it has.
    Display,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 6] =
        [Self::SessionsRead, Self::SessionsWrite, Self::SessionsRedact, Self::Compliance, Self::Lookup, Self::Display];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SessionsRead => "sessions_read",
            Self::SessionsWrite => "sessions_write",
            Self::SessionsRedact => "sessions_redact",
            Self::Compliance => "compliance",
            Self::Lookup => "lookup",
            Self::Display => "display",
        }
    }

    /// Whether a key of that kind may have it.
    #[must_use]
    pub fn is_for(self, kind: ApiKeyKind) -> bool {
        match kind {
            ApiKeyKind::Secret => true,
            ApiKeyKind::Publishable => self == Self::Display,
        }
    }
}

/// What a key opens in all. As text, the names in one row with a space between them; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// All that a key of that kind may have.
    #[must_use]
    pub fn all_of(kind: ApiKeyKind) -> Self {
        Self(Scope::ALL.into_iter().filter(|scope| scope.is_for(kind)).collect())
    }

    /// These; `None` when there are none, or a key of that kind may not have one of them.
    #[must_use]
    pub fn of(kind: ApiKeyKind, scopes: impl IntoIterator<Item = Scope>) -> Option<Self> {
        let scopes: BTreeSet<Scope> = scopes.into_iter().collect();
        let good = !scopes.is_empty() && scopes.iter().all(|scope| scope.is_for(kind));
        good.then_some(Self(scopes))
    }

    /// Those that a text names; `None` when it names none, an unknown one, or one that a key of that kind may not have.
    #[must_use]
    pub fn parse(kind: ApiKeyKind, text: &str) -> Option<Self> {
        let of_name = |name: &str| Scope::ALL.into_iter().find(|scope| scope.as_str() == name);
        let scopes: Option<Vec<Scope>> = text.split_whitespace().map(of_name).collect();
        Self::of(kind, scopes?)
    }

    /// Whether it is among them.
    #[must_use]
    pub fn contains(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().copied()
    }
}

impl std::fmt::Display for Scopes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|scope| scope.as_str()).collect();
        formatter.write_str(&names.join(" "))
    }
}

/// How a secret key begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiKeyShape {
    /// `vk_`, as Stile's do.
    Vk,
    /// `sk_`, as Stripe's do.
    Sk,
}

/// A key as it is shown once. Wiped on drop, and never printed or serialised.
#[derive(Clone)]
pub struct ApiKeyText {
    text: Zeroizing<String>,
    kind: ApiKeyKind,
    livemode: bool,
}

impl ApiKeyText {
    /// Characters after the prefix, 5 bits each.
    pub const CHARACTERS: usize = 32;
    const PREFIXES: [(&'static str, ApiKeyKind, bool); 6] = [
        ("vk_test_", ApiKeyKind::Secret, false),
        ("vk_live_", ApiKeyKind::Secret, true),
        ("sk_test_", ApiKeyKind::Secret, false),
        ("sk_live_", ApiKeyKind::Secret, true),
        ("pk_test_", ApiKeyKind::Publishable, false),
        ("pk_live_", ApiKeyKind::Publishable, true),
    ];

    /// Makes a key from random bytes, which the caller wipes. A publishable key has one shape only.
    #[must_use]
    pub fn draw(kind: ApiKeyKind, livemode: bool, shape: ApiKeyShape, random: &[u8; Self::CHARACTERS]) -> Self {
        let prefix = match (kind, shape) {
            (ApiKeyKind::Secret, ApiKeyShape::Vk) => "vk_",
            (ApiKeyKind::Secret, ApiKeyShape::Sk) => "sk_",
            (ApiKeyKind::Publishable, _) => "pk_",
        };
        let mode = if livemode { "live_" } else { "test_" };
        let mut text = Zeroizing::new(String::with_capacity(prefix.len() + mode.len() + Self::CHARACTERS));
        text.push_str(prefix);
        text.push_str(mode);
        text.extend(random.iter().map(|byte| char::from(SessionId::ALPHABET[usize::from(byte & 31)])));
        Self { text, kind, livemode }
    }

    /// Reads a key; `None` when it does not have the form of one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let of_prefix = |(prefix, kind, livemode)| text.strip_prefix(prefix).map(|rest| (rest, kind, livemode));
        let (rest, kind, livemode) = Self::PREFIXES.into_iter().find_map(of_prefix)?;
        let good = rest.len() == Self::CHARACTERS && rest.bytes().all(|byte| SessionId::ALPHABET.contains(&byte));
        good.then(|| Self { text: Zeroizing::new(text.to_owned()), kind, livemode })
    }

    /// Who may hold it, by its prefix.
    #[must_use]
    pub fn kind(&self) -> ApiKeyKind {
        self.kind
    }

    /// Whether it is a live key, by its prefix.
    #[must_use]
    pub fn livemode(&self) -> bool {
        self.livemode
    }

    /// The text; write this only where it is shown once, or hashed.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Debug for ApiKeyText {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// What is kept of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyRecord {
    /// Its identifier, `key_` and 24 characters: tells nothing of the key.
    pub id: String,
    /// Who may hold it.
    pub kind: ApiKeyKind,
    /// Whether it is a live key.
    pub livemode: bool,
    /// What the operator calls it, such as `till 2`: see [`Self::is_label`]. No personal data.
    pub label: String,
    /// What it opens.
    pub scopes: Scopes,
    /// The words of its answers.
    pub vocabulary: Vocabulary,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it opens nothing.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// Identifier of the key that took its place.
    pub replaced_by: Option<String>,
}

impl ApiKeyRecord {
    /// Longest label in characters.
    pub const MAX_LABEL: usize = 64;

    /// Whether a text can be a label: 1 to 64 characters, printable, and not blank.
    #[must_use]
    pub fn is_label(text: &str) -> bool {
        (1..=Self::MAX_LABEL).contains(&text.chars().count())
            && !text.contains(char::is_control)
            && !text.trim().is_empty()
    }

    /// Whether it opens anything at that moment. A revoked key never does again, whatever the clock says.
    #[must_use]
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record() -> ApiKeyRecord {
        ApiKeyRecord {
            id: "key_000000000000000000000000".to_owned(),
            kind: ApiKeyKind::Secret,
            livemode: false,
            label: "till 2".to_owned(),
            scopes: Scopes::all_of(ApiKeyKind::Secret),
            vocabulary: Vocabulary::Real,
            created_at: Timestamp::UNIX_EPOCH,
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
            replaced_by: None,
        }
    }

    #[test]
    fn a_key_reads_back_as_what_it_was_made_as() {
        let random = std::array::from_fn(|at| (at * 37) as u8);
        for (kind, shape, livemode, prefix) in [
            (ApiKeyKind::Secret, ApiKeyShape::Vk, false, "vk_test_"),
            (ApiKeyKind::Secret, ApiKeyShape::Vk, true, "vk_live_"),
            (ApiKeyKind::Secret, ApiKeyShape::Sk, false, "sk_test_"),
            (ApiKeyKind::Secret, ApiKeyShape::Sk, true, "sk_live_"),
            (ApiKeyKind::Publishable, ApiKeyShape::Vk, false, "pk_test_"),
            (ApiKeyKind::Publishable, ApiKeyShape::Sk, true, "pk_live_"),
        ] {
            let key = ApiKeyText::draw(kind, livemode, shape, &random);
            assert!(key.reveal().starts_with(prefix) && key.reveal().len() == 40, "{prefix}");
            assert_eq!((key.text.capacity(), format!("{key:?}")), (40, "[redacted]".to_owned()));
            let read = ApiKeyText::parse(key.reveal()).unwrap();
            assert_eq!((read.reveal(), read.kind(), read.livemode()), (key.reveal(), kind, livemode));
        }
    }

    #[test]
    fn what_does_not_have_the_form_of_a_key_is_none() {
        let good = format!("sk_test_{}", "0".repeat(32));
        assert!(ApiKeyText::parse(&good).is_some());
        for bad in ["", "sk_test_", &good[..39], &format!("{good}0"), &good.to_uppercase(), &good.replace("sk", "rk")] {
            assert!(ApiKeyText::parse(bad).is_none(), "{bad}");
        }
        for letter in ["i", "l", "o", "u", "-", "ü"] {
            assert!(ApiKeyText::parse(&format!("sk_test_{}{letter}", "0".repeat(31))).is_none(), "{letter}");
        }
    }

    #[test]
    fn a_publishable_key_opens_displays_alone() {
        let all = Scopes::all_of(ApiKeyKind::Publishable);
        assert_eq!(all.iter().collect::<Vec<_>>(), [Scope::Display]);
        assert_eq!(Scopes::parse(ApiKeyKind::Publishable, "sessions_read display"), None);
        assert_eq!(Scopes::parse(ApiKeyKind::Publishable, "display"), Some(all));
    }

    #[test]
    fn scopes_read_back_from_their_names_and_unknown_ones_are_refused() {
        let all = Scopes::all_of(ApiKeyKind::Secret);
        assert_eq!(all.to_string(), "sessions_read sessions_write sessions_redact compliance lookup display");
        assert_eq!(Scopes::parse(ApiKeyKind::Secret, &all.to_string()), Some(all));
        let few = Scopes::parse(ApiKeyKind::Secret, "compliance sessions_read").unwrap();
        assert!(few.contains(Scope::Compliance) && !few.contains(Scope::SessionsWrite));
        for bad in ["", " ", "everything", "sessions_read,lookup"] {
            assert_eq!(Scopes::parse(ApiKeyKind::Secret, bad), None, "{bad}");
        }
        for scope in Scope::ALL {
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
        }
    }

    #[test]
    fn a_key_is_valid_until_the_moment_it_expires_and_never_once_revoked() {
        let at = |second| Timestamp::from_second(second).unwrap();
        assert!(record().is_valid_at(at(i64::from(u32::MAX))));
        let expiring = ApiKeyRecord { expires_at: Some(at(100)), ..record() };
        assert!(expiring.is_valid_at(at(99)) && !expiring.is_valid_at(at(100)));
        let revoked = ApiKeyRecord { revoked_at: Some(at(100)), ..record() };
        assert!(!revoked.is_valid_at(at(99)) && !revoked.is_valid_at(at(100)));
    }

    #[test]
    fn a_label_is_short_and_printable() {
        assert!(ApiKeyRecord::is_label("till 2") && ApiKeyRecord::is_label(&"ü".repeat(64)));
        for bad in ["", " ", "a\nb", &"x".repeat(65)] {
            assert!(!ApiKeyRecord::is_label(bad), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn only_texts_that_a_key_can_have_are_read(text in "(vk|sk|pk|rk)_(test|live|dev)_[0-9a-z_]{30,34}|.*") {
            if let Some(key) = ApiKeyText::parse(&text) {
                prop_assert_eq!(key.reveal(), &text);
                prop_assert_eq!(key.kind() == ApiKeyKind::Publishable, text.starts_with("pk_"));
                prop_assert_eq!(key.livemode(), text[3..].starts_with("live_"));
            }
        }
    }
}
