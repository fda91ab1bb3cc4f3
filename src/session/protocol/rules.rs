//! What an operator and the engine say about the rule table.

use serde::{Deserialize, Serialize};

/// What is to be done about the rule table.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "order")]
pub enum RulesOrder {
    /// Say which table is in use, and which are installed.
    Status,
    /// Use a signed table from now on.
    Install {
        /// The bundle, as it is in its file.
        bundle: String,
    },
    /// Go back to the table before the one that was installed last.
    Rollback,
}

/// Shows no bundle: it is long, and says nothing that is not in its file.
impl std::fmt::Debug for RulesOrder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Status => "Status",
            Self::Install { .. } => "Install",
            Self::Rollback => "Rollback",
        })
    }
}

/// A rule table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSummary {
    /// Its version.
    pub rule_version: String,
    /// The day on which it was made.
    pub made_on: String,
    /// Which publisher's key signed it; none for the built-in table.
    pub signed_by: Option<String>,
}

/// A bundle that is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotSummary {
    /// Its table, where it is good.
    pub table: Option<TableSummary>,
    /// Why it is not used, where it is not good.
    pub passed_over: Option<String>,
}

/// Which table an engine uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableInUse {
    /// The bundle that was installed last.
    Current,
    /// The one before it, because something is wrong with the last.
    Previous,
    /// The one that the program was built with.
    BuiltIn,
}

/// An answer about the rule table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesAnswer {
    /// Where the table in use is.
    pub uses: TableInUse,
    /// The table in use.
    pub in_use: TableSummary,
    /// The bundle that was installed last.
    pub current: Option<SlotSummary>,
    /// The one before it.
    pub previous: Option<SlotSummary>,
    /// The table that the program was built with.
    pub built_in: TableSummary,
    /// Whether the order changed anything.
    pub changed: bool,
}
