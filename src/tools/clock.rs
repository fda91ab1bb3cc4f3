//! `carded clock`: how the device's clock is, and the operator's way out when a wrong time was trusted.

use std::io::Write;
use std::sync::Arc;

use clap::{Args, Subcommand};

use super::exit::{CommandError, Exit};
use super::operator::{OperatorArgs, moments};
use crate::compliance::RuleBook;
use crate::run::{order_clock, run_role};
use crate::session::protocol::{ClockAnswer, ClockOrder};

/// What `carded clock` takes.
#[derive(Debug, Args)]
pub struct ClockArgs {
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(subcommand)]
    verb: ClockVerb,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum ClockVerb {
    /// Says what the clock says, how far that is trusted, and when it was set.
    Show,
    /// Forgets the latest time that was trusted: for a device whose time service has said a wrong one.
    Reset,
}

/// Carries out an order about the clock.
///
/// # Errors
/// [`CommandError`] when it cannot be carried out; nothing was changed then.
pub fn clock(args: &ClockArgs) -> Result<Exit, CommandError> {
    let config = args.operator.config()?;
    let rules = RuleBook::built_in().map_err(|error| CommandError::System(error.to_string()))?;
    let order = match args.verb {
        ClockVerb::Show => ClockOrder::Show,
        ClockVerb::Reset => ClockOrder::Reset,
    };
    let clock = Arc::new(config.clock.system());
    let answer = run_role(|_| order_clock(&config, clock, &rules, order)).map_err(CommandError::Process)??;
    args.operator.tell(&answer, |out| print(out, &answer))?;
    Ok(if answer.why.is_some() { Exit::Negative } else { Exit::Success })
}

fn print(out: &mut dyn Write, answer: &ClockAnswer) -> std::io::Result<()> {
    let by = answer.confirmed_by.as_deref().unwrap_or_default();
    let times = [
        ("clock", Some(answer.wall)),
        ("nothing is decided before", Some(answer.floor)),
        (&format!("confirmed by {by}"), answer.confirmed),
    ];
    for line in moments(&times) {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "{}", answer.state)?;
    if let Some(why) = &answer.why {
        writeln!(out, "{why}")?;
    }
    for step in &answer.steps {
        writeln!(out, "{}", moments(&[("set from", Some(step.from)), ("to", Some(step.to))]).join(" "))?;
    }
    Ok(())
}
