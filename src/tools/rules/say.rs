//! How a rule table is put into words.

use std::io::Write;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::json;

use super::super::exit::{CommandError, Exit};
use super::table::OpenTable;
use crate::compliance::{Coverage, Jurisdiction, Merged, PlaceDays, RuleBook, RuleError, UseCase};
use crate::session::protocol::{RulesAnswer, SlotSummary, TableInUse, TableSummary};

/// A pair without a rule is bad input; that nobody may is an answer.
pub fn explain(
    out: &mut impl Write,
    table: &OpenTable,
    (use_case, jurisdiction, on): (UseCase, &Jurisdiction, Option<Date>),
    json: bool,
) -> Result<Exit, CommandError> {
    let book = &table.book;
    let unknown = |error: RuleError| CommandError::Usage(error.to_string());
    let days = on.map(PlaceDays::single).or_else(|| book.days_at(jurisdiction, Timestamp::now()));
    let unresolvable = || RuleError::Unresolvable { use_case, jurisdiction: jurisdiction.clone() };
    let days = days.ok_or_else(|| unknown(unresolvable()))?;
    let merged = book.merge(&[use_case], jurisdiction, days).map_err(unknown)?;
    let note = match book.resolve(use_case, jurisdiction, days) {
        Ok(rule) => rule.note,
        Err(RuleError::Prohibited { .. }) => Some("Nobody may; the device makes no session for it.".to_owned()),
        Err(error) => return Err(unknown(error)),
    };
    let changes: Vec<(Date, String)> = book
        .changes_after(use_case, jurisdiction, days.latest)
        .into_iter()
        .map(|day| (day, answer(book, use_case, jurisdiction, day)))
        .collect();
    if json {
        let changes: Vec<_> = changes.iter().map(|(from, answer)| json!({ "from": from, "answer": answer })).collect();
        let said = json!({
            "use_case": use_case,
            "jurisdiction": jurisdiction,
            "prohibited": !merged.prohibited.is_empty(),
            "tier": merged.tier,
            "regulators": merged.regulators,
            "note": note,
            "sources": merged.sources,
            "terms": merged.terms,
            "methods_are_binding": merged.binds_methods,
            "changes": changes,
            "rule_version": merged.rule_version,
            "table": { "made_on": book.made_on(), "signed_by": book.signed_by(), "from": table.from },
        });
        writeln!(out, "{said}")?;
        return Ok(Exit::Success);
    }
    writeln!(out, "{use_case} in {jurisdiction}: {}", in_words(&merged))?;
    for (day, answer) in changes {
        writeln!(out, "  from {day}: {answer}")?;
    }
    for regulator in &merged.regulators {
        writeln!(out, "  regulator  {regulator}")?;
    }
    if let Some(note) = note {
        writeln!(out, "  note       {note}")?;
    }
    if merged.prohibited.is_empty() {
        let names = serde_json::to_value(&merged.terms.allowed_methods).map_err(std::io::Error::from)?;
        let names: Vec<&str> = names.as_array().into_iter().flatten().filter_map(|name| name.as_str()).collect();
        let whose = if merged.binds_methods { "by the rule" } else { "by default; the operator may accept more" };
        writeln!(out, "  methods    {} ({whose})", names.join(", "))?;
    }
    for source in &merged.sources {
        writeln!(out, "  read       {} ({}, {})", source.title, source.url, source.read_on)?;
        writeln!(out, "             {}", source.says)?;
    }
    writeln!(out, "  table      {}, {}. Verify with counsel.", merged.rule_version, table.from)?;
    Ok(Exit::Success)
}

fn answer(book: &RuleBook, use_case: UseCase, jurisdiction: &Jurisdiction, day: Date) -> String {
    match book.merge(&[use_case], jurisdiction, PlaceDays::single(day)) {
        Ok(merged) => in_words(&merged),
        Err(_) => "unknown".to_owned(),
    }
}

fn in_words(merged: &Merged) -> String {
    match (merged.tier, merged.prohibited.is_empty()) {
        (Some(tier), true) => format!("the person has to be {} years old", tier.years()),
        _ => "prohibited".to_owned(),
    }
}

/// Counts what is known.
pub fn coverage(out: &mut impl Write, table: &OpenTable, json: bool) -> Result<Exit, CommandError> {
    let book = &table.book;
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
            let counted = json!({
                "use_case": use_case,
                "known": known,
                "prohibited": prohibited,
                "unknown": unknown,
                "rule_version": book.version(),
                "signed_by": book.signed_by(),
            });
            writeln!(out, "{counted}")?;
        }
        return Ok(Exit::Success);
    }
    writeln!(out, "{:<20} {:>6} {:>11} {:>8}", "use case", "known", "prohibited", "unknown")?;
    for (use_case, Coverage { known, prohibited, unknown }) in &by_use_case {
        writeln!(out, "{:<20} {known:>6} {prohibited:>11} {unknown:>8}", use_case.as_str())?;
    }
    let unknown: usize = by_use_case.iter().map(|(_, cells)| cells.unknown).sum();
    let known: usize = by_use_case.iter().map(|(_, cells)| cells.known).sum();
    let all = known + unknown;
    writeln!(out, "{unknown} of {all} cells are unknown; table {}, {}", book.version(), table.from)?;
    Ok(Exit::Success)
}

/// Which table the device uses.
pub fn status(out: &mut impl Write, answer: &RulesAnswer) -> std::io::Result<()> {
    let place = match answer.uses {
        TableInUse::Current => "installed last",
        TableInUse::Previous => "installed before the last, which is no good",
        TableInUse::BuiltIn => "built in",
    };
    writeln!(out, "in use     {} ({place})", table(&answer.in_use))?;
    for (name, slot) in [("installed", &answer.current), ("before it", &answer.previous)] {
        match slot {
            None => writeln!(out, "{name}  none")?,
            Some(SlotSummary { table: Some(good), .. }) => writeln!(out, "{name}  {}", table(good))?,
            Some(SlotSummary { passed_over, .. }) => {
                writeln!(out, "{name}  NOT USED: {}", passed_over.as_deref().unwrap_or("its reason is not known"))?;
            }
        }
    }
    writeln!(out, "built in   {}", table(&answer.built_in))
}

fn table(summary: &TableSummary) -> String {
    let TableSummary { rule_version, made_on, signed_by } = summary;
    let signed = signed_by.as_ref().map(|key| format!(", signed by {key}")).unwrap_or_default();
    format!("{rule_version}, made on {made_on}{signed}")
}
