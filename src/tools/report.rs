//! How a verification is shown on a terminal: step by step, then as a table; or as one JSON object.

use std::io::Write;

use serde::Serialize;

use super::exit::CommandError;
use crate::document::{CheckResult, CheckStrength};
use crate::run::{StageReport, Verification};
use crate::session::{NamedCheck, Outcome, OutcomeResult, ReasonCode};

/// For whom it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For a person.
    Table,
    /// For a program.
    Json,
}

#[derive(Serialize)]
struct Document<'a> {
    outcome: &'a Outcome,
    stages: &'a [StageReport],
}

/// Shows one stage that has just ended.
pub fn stage(format: Format, stage: &StageReport) {
    if format == Format::Table {
        // The lines are only a sign of life; when nobody reads them any more, the table's own write says so.
        let _ = writeln!(std::io::stdout(), "  {:<16} {}", stage.stage, stage.seen);
    }
}

/// Shows how it ended, and by which rule table: its version, and where it is from. The outcome names the version itself.
///
/// # Errors
/// [`CommandError::Output`] when nobody reads standard output any more.
pub fn finish(format: Format, verified: &Verification, table_read: (&str, &str)) -> Result<(), CommandError> {
    let mut output = std::io::stdout().lock();
    match format {
        Format::Json => {
            let document = Document { outcome: &verified.outcome, stages: &verified.stages };
            serde_json::to_writer_pretty(&mut output, &document).map_err(std::io::Error::from)?;
            writeln!(output)?;
        }
        Format::Table => table(&mut output, verified, table_read)?,
    }
    Ok(output.flush()?)
}

fn table(output: &mut impl Write, verified: &Verification, (version, from): (&str, &str)) -> std::io::Result<()> {
    let outcome = &verified.outcome;
    writeln!(output, "\n  {:<38} {:<14} strength", "check", "result")?;
    writeln!(output, "  {:-<38} {:-<14} {:-<8}", "", "", "")?;
    for check in outcome.checks() {
        writeln!(output, "  {:<38} {:<14} {}", check.name, word(check.result), strength(check))?;
    }
    writeln!(output, "\n  {:<38} {:>9}", "stage", "time")?;
    writeln!(output, "  {:-<38} {:->9}", "", "")?;
    for stage in &verified.stages {
        writeln!(output, "  {:<38} {:>6.0} ms", stage.stage, stage.ms)?;
    }
    writeln!(output, "  {:<38} {:>6.0} ms\n", "total", verified.stages.iter().map(|stage| stage.ms).sum::<f64>())?;
    writeln!(output, "  by the rules {version}, {from}\n")?;
    match (outcome.result(), outcome.reason().map(ReasonCode::entry)) {
        (OutcomeResult::Verified, _) => writeln!(output, "  VERIFIED: {} years or older", outcome.tier().years()),
        (OutcomeResult::NotVerified, None) => writeln!(output, "  NOT VERIFIED"),
        (OutcomeResult::NotVerified, Some(entry)) => {
            let reasons: Vec<&str> = outcome.reasons().iter().map(|reason| reason.as_str()).collect();
            writeln!(output, "  NOT VERIFIED: {}", reasons.join(", "))?;
            writeln!(output, "  {}", entry.staff)?;
            writeln!(output, "  what helps: {}", entry.remedy)
        }
    }
}

/// How much a result says; nothing where there was nothing to look at.
fn strength(check: &NamedCheck) -> &'static str {
    match (check.result, check.strength) {
        (CheckResult::NotApplicable, _) => "",
        (_, CheckStrength::Weak) => "weak",
        (_, CheckStrength::Moderate) => "moderate",
        (_, CheckStrength::Strong) => "strong",
    }
}

fn word(result: CheckResult) -> &'static str {
    match result {
        CheckResult::Pass => "pass",
        CheckResult::Fail => "FAIL",
        CheckResult::Flag => "flag",
        CheckResult::NotApplicable => "not applicable",
    }
}
