//! `carded store`: whether the store holds, backups, and what to do when it does not.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;

use super::exit::{CommandError, Exit};
use super::operator::OperatorArgs;
use crate::store::{self, BackupManifest, Gap, OutboxReport, Rescued, Restored, Since, StoreError, StoreReport};

/// What `carded store` takes.
#[derive(Debug, Args)]
pub struct StoreArgs {
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(subcommand)]
    verb: StoreVerb,
}

#[derive(Debug, Subcommand)]
enum StoreVerb {
    /// Says whether the store holds: its pages, references, keys and both chains; also while the engine runs. Ends with
    /// status 1 when it does not.
    Check,
    /// Copies the database and the device's keys into a new folder; also while the engine runs.
    Backup {
        /// The folder. It is as secret as the keys that it holds.
        folder: PathBuf,
    },
    /// Goes on with a backup. What was decided after it is missing from the device for good, and receivers see the gap.
    Restore {
        /// The folder of the backup.
        folder: PathBuf,
        /// Set aside the store that is there.
        #[arg(long)]
        replace: bool,
    },
    /// Sets a damaged database aside and goes on with what can be read of it: outcomes, and the events that are owed.
    Rescue,
}

/// Carries out an order about the store.
///
/// # Errors
/// [`CommandError`] when it cannot be carried out; the store is as it was then.
pub fn store(args: &StoreArgs) -> Result<Exit, CommandError> {
    let config = args.operator.config()?;
    let (places, now) = (config.device.places(), Timestamp::now());
    match &args.verb {
        StoreVerb::Check => {
            let report = store::check(places)?;
            let told = Told::of(&report);
            args.operator.tell(&told, |out| say_checked(out, &told))?;
            return Ok(if report.faults.is_empty() { Exit::Success } else { Exit::Negative });
        }
        StoreVerb::Backup { folder } => {
            let manifest = store::backup(places, folder, now)?;
            args.operator.tell(&manifest, |out| say_backed_up(out, &manifest))?;
        }
        StoreVerb::Restore { folder, replace } => {
            let restored = store::restore(places, folder, *replace, now)?;
            args.operator.tell(&restored, |out| say_restored(out, &restored))?;
        }
        StoreVerb::Rescue => {
            let rescued = store::rescue(places, (config.site.use_case, &config.site.jurisdiction), now)?;
            args.operator.tell(&rescued, |out| say_rescued(out, &rescued))?;
        }
    }
    Ok(Exit::Success)
}

/// A report as it is told.
#[derive(Debug, Serialize)]
struct Told<'a> {
    sound: bool,
    /// Whether all of it was looked at; a database that is empty or of an older program cannot be.
    examined: bool,
    engine_runs: bool,
    schema: i64,
    device: Option<&'a str>,
    outcomes: Option<u64>,
    audit_entries: Option<u64>,
    gaps: &'a [Gap],
    outbox: Option<OutboxReport>,
    faults: Vec<String>,
}

impl<'a> Told<'a> {
    fn of(report: &'a StoreReport) -> Self {
        Self {
            sound: report.faults.is_empty(),
            examined: !report
                .faults
                .iter()
                .any(|fault| matches!(fault, StoreError::Empty(_) | StoreError::Older { .. })),
            engine_runs: report.engine_runs,
            schema: report.schema,
            device: report.device.as_deref(),
            outcomes: report.outcomes,
            audit_entries: report.audit_entries,
            gaps: &report.gaps,
            outbox: report.outbox,
            faults: report.faults.iter().map(ToString::to_string).collect(),
        }
    }
}

fn say_checked(out: &mut dyn Write, told: &Told<'_>) -> std::io::Result<()> {
    let engine = if told.engine_runs { "read beside the engine, which runs" } else { "no engine runs" };
    writeln!(out, "device         {}", told.device.unwrap_or("unknown"))?;
    writeln!(out, "schema         {} ({engine})", told.schema)?;
    for (name, links) in [("outcomes", told.outcomes), ("audit entries", told.audit_entries)] {
        let links = links.map_or_else(|| "not verified".to_owned(), |links| format!("{links}, and their chain holds"));
        writeln!(out, "{name:<14} {links}")?;
    }
    say_gaps(out, told.gaps)?;
    if let Some(outbox) = told.outbox {
        let oldest = outbox.oldest.map(|oldest| format!(" (the oldest of {oldest})")).unwrap_or_default();
        let OutboxReport { waiting, dead, delivered, .. } = outbox;
        writeln!(out, "outbox         {waiting} waiting{oldest}, {dead} refused for good, {delivered} delivered")?;
    }
    for fault in &told.faults {
        writeln!(out, "FAULT          {fault}")?;
    }
    let only_unexamined = !told.examined && told.faults.len() == 1;
    let verdict = match (told.sound, only_unexamined) {
        (true, _) => "The store holds.",
        (false, true) => "The store was NOT examined.",
        (false, false) => "The store does NOT hold.",
    };
    writeln!(out, "{verdict}")
}

fn say_gaps(out: &mut dyn Write, gaps: &[Gap]) -> std::io::Result<()> {
    for gap in gaps {
        let (first, last) = (gap.last_before + 1, gap.first_behind - 1);
        writeln!(out, "gap            {} {first} to {last} ({}, {})", gap.chain, gap.reason.as_str(), gap.at)?;
    }
    Ok(())
}

fn say_backed_up(out: &mut dyn Write, manifest: &BackupManifest) -> std::io::Result<()> {
    let bytes: u64 = manifest.files.values().map(|file| file.bytes).sum();
    writeln!(out, "{} outcomes of {}, {bytes} bytes.", manifest.outcomes, manifest.device)?;
    if manifest.files.contains_key("device.key") {
        writeln!(out, "The folder holds the device's keys: keep it as you keep those.")
    } else {
        writeln!(out, "The keys are credentials of this machine and not in the folder: it restores where they are.")
    }
}

fn say_restored(out: &mut dyn Write, restored: &Restored) -> std::io::Result<()> {
    let BackupManifest { outcomes, device, made_at, .. } = &restored.backup;
    writeln!(
        out,
        "{outcomes} outcomes of {device}, as of {made_at}; the next one has number {}.",
        restored.next_outcome
    )?;
    if let Some(aside) = &restored.set_aside {
        writeln!(out, "The store that was there is in {}.", aside.display())?;
    }
    if let Some(before) = &restored.key_before {
        writeln!(
            out,
            "The backup is older than a rotation: key {} signs again, and {before} no more. Receivers that have had the \
             handover refuse it: before the engine starts, run 'carded device-key rotate', give them the next key itself, and \
             run 'rotate --finish'.",
            restored.key_id
        )?;
    }
    writeln!(out, "{} deliveries are owed; receivers know the events that they have had already.", restored.waiting)?;
    writeln!(out, "{} sessions that were open then are cancelled; no event tells of it.", restored.canceled.len())?;
    let Since { known, redacted, keys, staff } = &restored.since;
    if *known {
        writeln!(
            out,
            "As the store that was there says, done again: {} sessions redacted, {} keys revoked or ended sooner, {} of the staff \
             removed. Keys and staff that were added after the backup are gone.",
            redacted.len(),
            keys.len(),
            staff.len()
        )
    } else {
        writeln!(
            out,
            "What was done after the backup is not known here and has to be done again: keys and staff that were removed since are \
             valid again, and sessions that were redacted since are not. See 'carded keys list' and 'carded staff list'."
        )
    }
}

fn say_rescued(out: &mut dyn Write, rescued: &Rescued) -> std::io::Result<()> {
    writeln!(out, "The damaged database is in {}, with this report.", rescued.set_aside.display())?;
    if rescued.tables.values().all(|of| of.rows == 0) {
        writeln!(out, "NOTHING could be read of it. If there is a backup, restore that instead.")?;
    }
    for (table, of) in &rescued.tables {
        if of.rows + of.refused + of.unreadable > 0 {
            writeln!(
                out,
                "{table:<14} {} rows kept, {} refused, {} places unreadable",
                of.rows, of.refused, of.unreadable
            )?;
        }
    }
    say_gaps(out, &rescued.gaps)?;
    writeln!(out, "{} deliveries are owed and will be made.", rescued.owed)?;
    if rescued.only_names > 0 {
        writeln!(
            out,
            "Of {} sessions only the name was left, in an outcome, a delivery or a request.",
            rescued.only_names
        )?;
    }
    if rescued.redacted_again > 0 {
        writeln!(out, "{} sessions are redacted again, as the audit chain says.", rescued.redacted_again)?;
    }
    if let Some(device) = &rescued.new_device {
        writeln!(out, "Nothing said any more what the device was called; it is {device} from now on.")?;
    }
    writeln!(out, "The next outcome has number {}.", rescued.next_outcome)?;
    writeln!(out, "Start the engine, and compare with a backup and with what receivers have.")
}
