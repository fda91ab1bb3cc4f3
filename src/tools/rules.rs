//! `carded rules`: what a rule table says, which one the device uses, and the publisher's tools.

mod publish;
mod say;
mod table;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use jiff::civil::Date;

use self::publish::{BundleArgs, KeyArgs};
pub(super) use self::table::TableArgs;
use super::exit::{CommandError, Exit};
use crate::compliance::{Jurisdiction, MAX_BUNDLE_BYTES, UseCase};
use crate::run::{Config, order_rules, run_role};
use crate::session::protocol::RulesOrder;

/// What `carded rules` takes.
#[derive(Debug, Args)]
pub struct RulesArgs {
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    json: bool,
    /// The configuration file: of the device whose table is meant, and whose keys are trusted.
    #[arg(long, global = true, env = "CARDED_CONFIG", default_value = "/etc/carded/config.toml")]
    config: PathBuf,
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
        /// On which day [default: today in the place].
        #[arg(long)]
        on: Option<Date>,
        #[command(flatten)]
        table: TableArgs,
    },
    /// Counts what is known and unknown of each country and use case.
    Coverage {
        #[command(flatten)]
        table: TableArgs,
    },
    /// Says which table the device uses, and which are installed.
    Status,
    /// Has the device use a signed table from now on; sessions that are under way keep their rule.
    Install {
        /// The bundle.
        file: PathBuf,
    },
    /// Takes away the table that was installed last: the one before it is used, or the built-in one.
    Rollback,
    /// Makes a publisher's key.
    Key(KeyArgs),
    /// Makes a bundle of a folder of TOML files, and signs it.
    Bundle(BundleArgs),
}

/// Carries out what is asked about rule tables.
///
/// # Errors
/// [`CommandError`] when it cannot be carried out; nothing was changed then.
pub fn rules(args: &RulesArgs) -> Result<Exit, CommandError> {
    let mut out = std::io::stdout().lock();
    match &args.verb {
        RulesVerb::Explain { use_case, jurisdiction, on, table } => {
            let table = table.open(&args.config)?;
            say::explain(&mut out, &table, (*use_case, jurisdiction, *on), args.json)
        }
        RulesVerb::Coverage { table } => say::coverage(&mut out, &table.open(&args.config)?, args.json),
        RulesVerb::Status => order(args, &mut out, RulesOrder::Status),
        RulesVerb::Install { file } => {
            let bytes = table::read(file, MAX_BUNDLE_BYTES)?;
            let not_text = |_| CommandError::Usage(format!("{} is no text; give the file of a bundle", file.display()));
            order(args, &mut out, RulesOrder::Install { bundle: String::from_utf8(bytes).map_err(not_text)? })
        }
        RulesVerb::Rollback => order(args, &mut out, RulesOrder::Rollback),
        RulesVerb::Key(key) => publish::key(&mut out, key, args.json),
        RulesVerb::Bundle(bundle) => publish::bundle(&mut out, bundle, args.json),
    }
}

fn order(args: &RulesArgs, out: &mut impl Write, order: RulesOrder) -> Result<Exit, CommandError> {
    let config = Config::load(&args.config)?;
    let clock = Arc::new(config.clock.system());
    let answer = run_role(|_| order_rules(&config, clock, order)).map_err(CommandError::Process)??;
    if args.json {
        serde_json::to_writer(&mut *out, &answer).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        say::status(out, &answer)?;
    }
    Ok(Exit::Success)
}
