//! What one check of a document saw.

use serde::Serialize;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
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
    /// What was seen, for `inspect` and staff. May quote the document, so it never leaves memory otherwise.
    pub detail: crate::privacy::Personal<String>,
}

impl Check {
    /// A check with what it saw.
    pub fn new(name: &'static str, result: CheckResult, detail: impl Into<String>) -> Self {
        Self { name, result, detail: crate::privacy::Personal::new(detail.into()) }
    }
}
