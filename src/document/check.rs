//! What one check of a document saw.

use serde::{Deserialize, Serialize};

use crate::privacy::Personal;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[must_use]
pub enum CheckResult {
    /// The document is as it has to be.
    Pass,
    /// The document is not as any genuine one is.
    Fail,
    /// Odd, but seen on genuine documents: advisory, never a refusal by itself.
    Flag,
    /// The document has nothing that this check looks at.
    NotApplicable,
}

/// How much a check's result says: of a flag or a failure, how seldom genuine documents have it; of a pass, how hard it is
/// for someone who makes up a document to get it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStrength {
    /// Genuine documents often have it: old cards, issuers' habits, what scanners change on the way.
    Weak,
    /// Few genuine documents have it: an issuer's mistake, or a table of ours that is out of date.
    Moderate,
    /// Issuers' systems do not produce it, short of a mistake in their records.
    Strong,
}

/// Name of the check of how good the portrait is.
pub const PORTRAIT_QUALITY: &str = "portrait_quality";

/// One named check and what it saw.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Check {
    /// Stable name in snake case, such as `date_order`.
    pub name: &'static str,
    /// How it ended.
    pub result: CheckResult,
    /// How much that says.
    pub strength: CheckStrength,
    /// What was seen, for `inspect` and staff. May quote the document, so it never leaves memory otherwise.
    pub detail: Personal<String>,
}

impl Check {
    /// A check with what it saw; a failure is strong, anything else moderate, unless [`Self::with_strength`] says otherwise.
    pub fn new(name: &'static str, result: CheckResult, detail: impl Into<String>) -> Self {
        let strength = if result == CheckResult::Fail { CheckStrength::Strong } else { CheckStrength::Moderate };
        Self { name, result, strength, detail: Personal::new(detail.into()) }
    }

    /// The same check with another strength.
    pub fn with_strength(self, strength: CheckStrength) -> Self {
        Self { strength, ..self }
    }
}
