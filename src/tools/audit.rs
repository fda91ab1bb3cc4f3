//! `carded audit`: who did what, when; whether the chain of that holds; and all of it as a file for an auditor.

use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::exit::{CommandError, Exit};
use super::operator::OperatorArgs;
use crate::store::{AuditHead, AuditLine, AuditReader, AuditVerified, Gap, GapReason, StoreError};

/// What `carded audit` takes.
#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(subcommand)]
    verb: AuditVerb,
}

#[derive(Debug, Subcommand)]
enum AuditVerb {
    /// Shows the newest entries, the oldest of them first.
    Show {
        /// How many.
        #[arg(long, default_value_t = 20)]
        last: u32,
    },
    /// Says whether the chain holds, and what its last entry is. Ends with status 1 when it does not, or when the entry that is
    /// asked for is not there any more.
    Verify {
        /// An entry that was there, as an earlier call printed it: only that shows whether the end was cut off since.
        #[arg(long, value_name = "NUMBER:HASH")]
        head: Option<AuditHead>,
    },
    /// Writes all entries with their hashes, one JSON object a line; into a new file, or to standard output.
    Export {
        /// Only those behind this number.
        #[arg(long, default_value_t = 0)]
        after: i64,
        /// The file, which must not be there.
        file: Option<PathBuf>,
    },
}

/// What was found.
#[derive(Serialize)]
struct Told {
    holds: bool,
    #[serde(flatten)]
    verified: Option<AuditVerified>,
    why: Option<String>,
}

/// Carries out what is asked about the audit chain; also while the engine runs.
///
/// # Errors
/// [`CommandError`] when it cannot be read or written.
pub fn audit(args: &AuditArgs) -> Result<Exit, CommandError> {
    let config = args.operator.config()?;
    let reader = AuditReader::open(&config.device.state)?;
    match &args.verb {
        AuditVerb::Show { last } => {
            let mut lines = Vec::new();
            let after = reader.before_newest(*last)?;
            reader.each_after(after, |line| {
                lines.push(line.clone());
                Ok::<(), StoreError>(())
            })?;
            args.operator.tell(&lines, |out| lines.iter().try_for_each(|line| say(out, line)))?;
        }
        AuditVerb::Verify { head } => return verify(args, &reader, head.as_ref()),
        AuditVerb::Export { after, file } => {
            let Some(file) = file else {
                export(&reader, *after, &mut BufWriter::new(std::io::stdout().lock()))?;
                return Ok(Exit::Success);
            };
            let taken = |error| CommandError::Usage(format!("{} cannot be made: {error}", file.display()));
            let made =
                std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(taken)?;
            let mut out = BufWriter::new(made);
            let count = export(&reader, *after, &mut out)?;
            out.into_inner().map_err(|error| CommandError::Output(error.into_error()))?.sync_all()?;
            args.operator.tell(&serde_json::json!({ "entries": count }), |out| writeln!(out, "{count} entries"))?;
        }
    }
    Ok(Exit::Success)
}

fn verify(args: &AuditArgs, reader: &AuditReader, head: Option<&AuditHead>) -> Result<Exit, CommandError> {
    let told = match reader.verify(head) {
        Ok(verified) => {
            let why = verified.left_out.map(|gap| left_out(&gap));
            Told { holds: why.is_none(), verified: Some(verified), why }
        }
        Err(StoreError::Chain(broken)) => Told { holds: false, verified: None, why: Some(broken.to_string()) },
        Err(error) => return Err(error.into()),
    };
    args.operator.tell(&told, |out| {
        let Some(AuditVerified { entries, head, gaps, .. }) = &told.verified else {
            return writeln!(out, "the chain does NOT hold: {}", told.why.as_deref().unwrap_or_default());
        };
        let Some(head) = head else { return writeln!(out, "there are no entries") };
        if let Some(why) = &told.why {
            writeln!(out, "the entry that you have kept is NOT there: {why}")?;
        }
        for Gap { last_before, first_behind, reason, at, .. } in gaps {
            let (first, last) = (last_before + 1, first_behind - 1);
            writeln!(out, "left out: numbers {first} to {last} ({}, {at})", reason.as_str())?;
        }
        writeln!(
            out,
            "the chain of {entries} entries holds; keep its last one elsewhere, to show later that none is missing:"
        )?;
        writeln!(out, "{head}")
    })?;
    Ok(if told.holds { Exit::Success } else { Exit::Negative })
}

/// Why an entry is not there that somebody has kept.
fn left_out(gap: &Gap) -> String {
    let (done, place) = match gap.reason {
        GapReason::Restored => ("a backup was restored", "replaced-…"),
        GapReason::Rescued => ("the database was rescued", "damaged-…"),
    };
    format!(
        "{done} at {}, and what was written before that and is not in it is left out; look for the entry in {place}, beside the \
         database. If nobody has done that, somebody changed the database: keep a copy of it",
        gap.at
    )
}

fn export(reader: &AuditReader, after: i64, out: &mut impl Write) -> Result<u64, CommandError> {
    let count = reader.each_after(after, |line| -> Result<(), CommandError> {
        serde_json::to_writer(&mut *out, line).map_err(std::io::Error::from)?;
        writeln!(out)?;
        Ok(())
    })?;
    out.flush()?;
    Ok(count)
}

fn say(out: &mut dyn Write, line: &AuditLine) -> std::io::Result<()> {
    let session = line.session.as_deref().unwrap_or_default();
    writeln!(out, "{:>16} {} {:<8} {} {session}", line.sequence, line.at, line.actor, line.action)
}
