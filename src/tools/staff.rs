//! `carded staff`: who may look at a document in the device's place.

use std::io::Write;

use clap::{Args, Subcommand};

use super::exit::{CommandError, Exit};
use super::operator::{OperatorArgs, moments};
use crate::privacy::{StaffId, StaffIdError};
use crate::run::{order_staff, run_role};
use crate::session::protocol::{StaffAnswer, StaffOrder, StaffSummary};

/// What `carded staff` takes.
#[derive(Debug, Args)]
pub struct StaffArgs {
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(subcommand)]
    verb: StaffVerb,
}

#[derive(Debug, Subcommand)]
enum StaffVerb {
    /// Adds somebody and prints their code: the only time that it is shown.
    Add {
        /// What they are called, such as "counter 2"; it is kept, so put no name here that you do not want on the device.
        #[arg(long)]
        label: String,
    },
    /// Lists everybody who was ever added, without their codes.
    List,
    /// Has somebody's code open nothing any more, at once and for good.
    Remove {
        /// Their name on the device, `stf_…`.
        #[arg(value_parser = staff_id)]
        id: StaffId,
    },
}

fn staff_id(text: &str) -> Result<StaffId, StaffIdError> {
    StaffId::try_from(text.to_owned())
}

impl StaffVerb {
    fn order(&self) -> StaffOrder {
        match self {
            Self::Add { label } => StaffOrder::Add { label: label.clone() },
            Self::List => StaffOrder::List,
            Self::Remove { id } => StaffOrder::Remove { id: id.clone() },
        }
    }
}

/// Carries out an order about the staff.
///
/// # Errors
/// [`CommandError`] when it cannot be carried out; nothing was changed then.
pub fn staff(args: &StaffArgs) -> Result<Exit, CommandError> {
    let config = args.operator.config()?;
    let answer = run_role(|_| order_staff(&config, args.verb.order())).map_err(CommandError::Process)??;
    args.operator.tell(&answer, |out| print(out, &answer))?;
    Ok(Exit::Success)
}

fn print(out: &mut dyn Write, answer: &StaffAnswer) -> std::io::Result<()> {
    for member in &answer.staff {
        writeln!(out, "{}", line(member))?;
    }
    if let Some(code) = &answer.code {
        writeln!(
            out,
            "\n{code}\n\nHand it over now: it is not shown again, and the device keeps only a keyed hash of it."
        )?;
    }
    if answer.staff.is_empty() {
        writeln!(out, "There are no staff; add somebody with 'carded staff add --label \"counter 1\"'.")?;
    }
    Ok(())
}

fn line(member: &StaffSummary) -> String {
    let mut parts = vec![member.id.to_string(), format!("{:?}", member.label)];
    parts.extend(moments(&[
        ("added", Some(member.created)),
        ("last used", member.last_used),
        ("REMOVED", member.removed),
    ]));
    parts.join("  ")
}
