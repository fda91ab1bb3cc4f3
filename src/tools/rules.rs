//! `carded rules`: what the rule table says, and how much of it is known.

use std::io::Write;

use clap::{Args, Subcommand};
use serde_json::json;

use super::exit::{CommandError, Exit};
use crate::compliance::{Coverage, Jurisdiction, RuleBook, RuleError, UseCase};

/// What `carded rules` takes.
#[derive(Debug, Args)]
pub struct RulesArgs {
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: RulesVerb,
}

#[derive(Debug, Subcommand)]
enum RulesVerb {
    /// Says what holds for a use case in a place, and what was read for that.
    Explain {
        /// What the person wants to do, such as `alcohol_in_person`.
        #[arg(long)]
        use_case: UseCase,
        /// Where: a code of ISO 3166-2, such as US-CA.
        #[arg(long)]
        jurisdiction: Jurisdiction,
    },
    /// Counts what is known and unknown of each country and use case.
    Coverage,
}

/// Says what the table says.
///
/// # Errors
/// [`CommandError`] when nothing can be written, or the table that the program was built with is wrong.
pub fn rules(args: &RulesArgs) -> Result<Exit, CommandError> {
    let book = RuleBook::built_in()?;
    let mut out = std::io::stdout().lock();
    match &args.verb {
        RulesVerb::Explain { use_case, jurisdiction } => explain(&mut out, &book, *use_case, jurisdiction, args.json),
        RulesVerb::Coverage => coverage(&mut out, &book, args.json),
    }
}

/// A pair without a rule is bad input; that nobody may is an answer.
fn explain(
    out: &mut impl Write,
    book: &RuleBook,
    use_case: UseCase,
    jurisdiction: &Jurisdiction,
    json: bool,
) -> Result<Exit, CommandError> {
    let merged = book.merge(&[use_case], jurisdiction).map_err(|error| CommandError::Usage(error.to_string()))?;
    let note = match book.resolve(use_case, jurisdiction) {
        Ok(rule) => rule.note,
        Err(RuleError::Prohibited { .. }) => Some("Nobody may; the device makes no session for it.".to_owned()),
        Err(error) => return Err(CommandError::Usage(error.to_string())),
    };
    if json {
        let said = json!({
            "use_case": use_case,
            "jurisdiction": jurisdiction,
            "prohibited": !merged.prohibited.is_empty(),
            "tier": merged.tier,
            "regulators": merged.regulators,
            "note": note,
            "sources": merged.sources,
            "terms": merged.terms,
            "rule_version": merged.rule_version,
        });
        writeln!(out, "{said}")?;
        return Ok(Exit::Success);
    }
    let answer = match (merged.tier, merged.prohibited.is_empty()) {
        (Some(tier), true) => format!("the person has to be {} years old", tier.years()),
        _ => "prohibited".to_owned(),
    };
    writeln!(out, "{use_case} in {jurisdiction}: {answer}")?;
    for regulator in &merged.regulators {
        writeln!(out, "  regulator  {regulator}")?;
    }
    if let Some(note) = note {
        writeln!(out, "  note       {note}")?;
    }
    for source in &merged.sources {
        writeln!(out, "  read       {} ({}, {})", source.title, source.url, source.read_on)?;
        writeln!(out, "             {}", source.says)?;
    }
    writeln!(out, "  table      {}. Verify with counsel.", merged.rule_version)?;
    Ok(Exit::Success)
}

fn coverage(out: &mut impl Write, book: &RuleBook, json: bool) -> Result<Exit, CommandError> {
    let mut by_use_case = UseCase::ALL.map(|use_case| (use_case, Coverage::default()));
    let all = book.coverage();
    for cells in all.values() {
        for (use_case, sum) in &mut by_use_case {
            let Some(of_country) = cells.get(use_case) else { continue };
            sum.known += of_country.known;
            sum.prohibited += of_country.prohibited;
            sum.unknown += of_country.unknown;
        }
    }
    if json {
        for (use_case, sum) in by_use_case {
            let Coverage { known, prohibited, unknown } = sum;
            writeln!(
                out,
                "{}",
                json!({ "use_case": use_case, "known": known, "prohibited": prohibited, "unknown": unknown })
            )?;
        }
        return Ok(Exit::Success);
    }
    writeln!(out, "{:<20} {:>6} {:>11} {:>8}", "use case", "known", "prohibited", "unknown")?;
    for (use_case, Coverage { known, prohibited, unknown }) in &by_use_case {
        writeln!(out, "{:<20} {known:>6} {prohibited:>11} {unknown:>8}", use_case.as_str())?;
    }
    let unknown: usize = by_use_case.iter().map(|(_, cells)| cells.unknown).sum();
    let known: usize = by_use_case.iter().map(|(_, cells)| cells.known).sum();
    writeln!(out, "{unknown} of {} cells are unknown; table {}", known + unknown, book.version())?;
    Ok(Exit::Success)
}
