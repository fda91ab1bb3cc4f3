//! A rule: what holds for one use case in one place, or for several at once.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::jurisdiction::Jurisdiction;
use super::use_case::{AgeTier, UseCase};

/// How it may be shown that a person is old enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AllowedMethod {
    /// A document with a machine-readable part, and a live person who matches its portrait.
    DocumentFace,
    /// A document of which only the print is read, with the same.
    DocumentFrontOnly,
    /// A live face that looks clearly old enough.
    AgeEstimate,
}

/// A text that was read, and what it supports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its name in the table.
    #[serde(skip_serializing)]
    pub id: String,
    /// Statute and clause, or the title of what was read.
    pub title: String,
    /// Where.
    pub url: String,
    /// When.
    pub read_on: Date,
    /// What it says, in one sentence.
    pub says: String,
}

/// What the device keeps and asks for whatever the place, but where a rule says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// How it may be shown that a person is old enough.
    pub allowed_methods: Vec<AllowedMethod>,
    /// Whether the person is asked first.
    pub consent_required: bool,
    /// Version of the text that they are asked by.
    pub consent_text: String,
    /// Days for which a template or picture of a face is kept: 0, because no device keeps any.
    pub biometric_retention_days: u16,
    /// Days of 24 hours for which a verified outcome grants anything, 1 to 366.
    pub credential_validity_days: u16,
}

/// What holds for one use case in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// For what.
    pub use_case: UseCase,
    /// Where.
    pub jurisdiction: Jurisdiction,
    /// How old the person has to be.
    pub tier: AgeTier,
    /// Who watches over it, where that is known.
    pub regulator: Option<String>,
    /// Where it is written.
    pub sources: Vec<Source>,
    /// What has to be known besides.
    pub note: Option<String>,
    /// What the device keeps and asks for.
    pub terms: Terms,
    /// Whether the rule itself says which methods are allowed, so that they bind. Otherwise they are the table's default, and
    /// the operator may accept more.
    pub binds_methods: bool,
    /// Version of the table that it comes from.
    pub rule_version: String,
}

impl Rule {
    /// Whether an operator may accept a method: unless the rule itself says which are allowed, and this one is not among them.
    #[must_use]
    pub fn leaves_open(&self, method: AllowedMethod) -> bool {
        !self.binds_methods || self.terms.allowed_methods.contains(&method)
    }

    /// When an outcome of `decided_at` stops granting anything.
    #[must_use]
    pub fn outcome_expires_at(&self, decided_at: Timestamp) -> Timestamp {
        decided_at.saturating_add(self.outcomes_count_for()).unwrap_or(Timestamp::MAX)
    }

    /// For how long an outcome grants anything.
    #[must_use]
    pub fn outcomes_count_for(&self) -> SignedDuration {
        SignedDuration::from_hours(24 * i64::from(self.terms.credential_validity_days))
    }
}

/// Why nobody can be verified for that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The table does not say; nothing is guessed.
    #[error(
        "jurisdiction_unresolvable: no rule is known for {use_case} in {jurisdiction}; choose another place or update the rules"
    )]
    Unresolvable {
        /// For what.
        use_case: UseCase,
        /// Where.
        jurisdiction: Jurisdiction,
    },
    /// It is allowed to nobody there.
    #[error("use_case_prohibited: {use_case} is allowed to nobody in {jurisdiction}, by {by}; do not sell it there")]
    Prohibited {
        /// For what.
        use_case: UseCase,
        /// Where.
        jurisdiction: Jurisdiction,
        /// The title of the first source that says so.
        by: String,
    },
}

/// What holds for several use cases in one place together: of every part the most restrictive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// Those that are allowed to nobody; where there is one, so is the whole.
    pub prohibited: Vec<UseCase>,
    /// How old the person has to be; none where all of it is prohibited.
    pub tier: Option<AgeTier>,
    /// What the device keeps and asks for.
    pub terms: Terms,
    /// Who watches over it, each once.
    pub regulators: Vec<String>,
    /// Where it is written, each once.
    pub sources: Vec<Source>,
    /// Whether any of the rules says itself which methods are allowed.
    pub binds_methods: bool,
    /// Version of the table.
    pub rule_version: String,
}

impl Terms {
    /// Of two sets the more restrictive of each part. Two texts of consent cannot be merged: the first that is asked for
    /// stands.
    pub(super) fn and(mut self, other: &Self) -> Self {
        self.allowed_methods.retain(|method| other.allowed_methods.contains(method));
        if !self.consent_required && other.consent_required {
            self.consent_text.clone_from(&other.consent_text);
        }
        self.consent_required |= other.consent_required;
        self.biometric_retention_days = self.biometric_retention_days.min(other.biometric_retention_days);
        self.credential_validity_days = self.credential_validity_days.min(other.credential_validity_days);
        self
    }
}
