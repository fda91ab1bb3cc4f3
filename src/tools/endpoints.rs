//! `carded endpoints`: where outcomes go.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::exit::{CommandError, Exit};
use super::operator::{OperatorArgs, moments};
use crate::privacy::Vocabulary;
use crate::run::{
    Config, EndpointAnswer, EndpointChange, EndpointStanding, NewEndpoint, TestAnswer, change_endpoint,
    leave_no_core_dump, list_endpoints, note_change, run_role, test_endpoint,
};
use crate::session::Dialect;
use crate::sync::DeliveryLimits;

/// What `carded endpoints` takes.
#[derive(Debug, Args)]
pub struct EndpointsArgs {
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(subcommand)]
    verb: EndpointsVerb,
}

#[derive(Debug, Subcommand)]
enum EndpointsVerb {
    /// Has events go to a receiver, and prints the new secret: the only time that it is shown.
    Add(AddArgs),
    /// Lists the endpoints, without secrets.
    List,
    /// Makes a new secret; requests are signed with both until the grace is over.
    Rotate {
        /// Which endpoint.
        name: String,
        /// Hours for which the old secret goes on being used, 0 to 720.
        #[arg(long, default_value_t = 24, conflicts_with = "finish")]
        grace_hours: u64,
        /// End the grace now: the new secret alone is used from now on.
        #[arg(long)]
        finish: bool,
    },
    /// Sends one signed event of a test, never an outcome, and says what came back.
    Test {
        /// Which endpoint.
        name: String,
    },
    /// Writes no new events for an endpoint, and keeps what waits for it without sending it.
    Disable {
        /// Which endpoint.
        name: String,
    },
    /// Ends that: new events are written again, and what waits is sent.
    Enable {
        /// Which endpoint.
        name: String,
    },
}

#[derive(Debug, Args)]
struct AddArgs {
    /// Its name: 1 to 64 letters, digits, - and _.
    name: String,
    /// Where to: https://…, or plain http:// to this machine for events of tests.
    #[arg(long)]
    url: String,
    /// Which event names and bodies it gets.
    #[arg(long, value_enum)]
    dialect: DialectArg,
    /// Write in the words of published guides too.
    #[arg(long)]
    guide_words: bool,
    /// Certificates (PEM) that the receiver's is checked by, instead of the system's roots.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// A file with the secret that the receiver has already; without it a new one is made.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DialectArg {
    Stripe,
    Stile,
}

impl AddArgs {
    fn endpoint(&self) -> NewEndpoint {
        NewEndpoint {
            name: self.name.clone(),
            url: self.url.clone(),
            dialect: match self.dialect {
                DialectArg::Stripe => Dialect::Stripe,
                DialectArg::Stile => Dialect::Stile,
            },
            vocabulary: if self.guide_words { Vocabulary::Guide } else { Vocabulary::Real },
            ca_file: self.ca_file.clone(),
            secret_file: self.secret_file.clone(),
        }
    }
}

/// Carries out an order about endpoints.
///
/// # Errors
/// [`CommandError`] when it cannot be carried out; nothing was changed then.
pub fn endpoints(args: &EndpointsArgs) -> Result<Exit, CommandError> {
    // Secrets pass through here.
    leave_no_core_dump().map_err(CommandError::Process)?;
    let config = args.operator.config()?;
    let change = match &args.verb {
        EndpointsVerb::List => {
            let answer = list_endpoints(&config);
            args.operator.tell(&answer, |out| print(out, &config, &answer, None))?;
            return Ok(Exit::Success);
        }
        EndpointsVerb::Test { name } => return test(args, &config, name),
        EndpointsVerb::Add(new) => EndpointChange::Add(new.endpoint()),
        EndpointsVerb::Rotate { name, finish: true, .. } => EndpointChange::FinishRotation { name: name.clone() },
        EndpointsVerb::Rotate { name, grace_hours, finish: false } => {
            let grace = Duration::from_secs(grace_hours.saturating_mul(3_600));
            EndpointChange::Rotate { name: name.clone(), grace }
        }
        EndpointsVerb::Disable { name } => EndpointChange::Disable { name: name.clone() },
        EndpointsVerb::Enable { name } => EndpointChange::Enable { name: name.clone() },
    };
    let answer = change_endpoint(&config, &change)?;
    args.operator.tell(&answer, |out| print(out, &config, &answer, Some(&change)))?;
    // What was done stands, and its secret is shown once: it is told first.
    if let Err(error) = run_role(|_| note_change(&config, &change)).map_err(CommandError::Process)? {
        tracing::warn!("the change stands and is not in the audit chain: {error}");
    }
    Ok(Exit::Success)
}

fn test(args: &EndpointsArgs, config: &Config, name: &str) -> Result<Exit, CommandError> {
    let tested = run_role(|_| test_endpoint(config, name, DeliveryLimits::default()));
    let answer: TestAnswer = tested.map_err(CommandError::Process)??;
    args.operator.tell(&answer, |out| {
        let TestAnswer { name, event, why, .. } = &answer;
        match why {
            None => writeln!(out, "{name} has acknowledged {event}"),
            Some(why) => writeln!(out, "{name} has not acknowledged {event}: {why}"),
        }
    })?;
    Ok(if answer.acknowledged { Exit::Success } else { Exit::Negative })
}

fn print(
    out: &mut dyn Write,
    config: &Config,
    answer: &EndpointAnswer,
    change: Option<&EndpointChange>,
) -> std::io::Result<()> {
    for endpoint in &answer.endpoints {
        writeln!(out, "{}", line(config, endpoint))?;
    }
    for unusable in &answer.unusable {
        writeln!(out, "{}  UNUSABLE, and its events wait: {}", unusable.name, unusable.why)?;
    }
    if let Some(secret) = &answer.secret {
        writeln!(out, "\n{secret}\n\nGive it to the receiver now: it is not shown again.")?;
    }
    match change {
        None if answer.endpoints.is_empty() => {
            writeln!(out, "There are no endpoints; make one with 'carded endpoints add NAME --url … --dialect …'.")
        }
        None => Ok(()),
        Some(EndpointChange::Disable { .. }) => {
            writeln!(
                out,
                "A running engine and sync take this up within seconds. What waits for it is kept; see 'carded outbox list'."
            )
        }
        Some(_) => writeln!(out, "A running engine and sync take this up within seconds."),
    }
}

fn line(config: &Config, endpoint: &EndpointStanding) -> String {
    let words = match endpoint.vocabulary {
        Vocabulary::Real => "",
        Vocabulary::Guide => " (guide words)",
    };
    let mut parts = vec![
        endpoint.name.clone(),
        endpoint.address.clone(),
        format!("{}{words}", endpoint.dialect.as_str()),
        if endpoint.takes_live { "live and test events".to_owned() } else { "test events only".to_owned() },
    ];
    if !endpoint.enabled {
        parts.push("DISABLED".to_owned());
    }
    if !endpoint.takes_live && config.camera.may_be_live() {
        parts.push("gets nothing of the camera: give it an https:// address".to_owned());
    }
    if endpoint.secrets > 1 {
        parts.push("two secrets".to_owned());
    }
    parts.extend(moments(&[("the older until", endpoint.old_secret_until)]));
    if let Some(path) = &endpoint.ca_file {
        parts.push(format!("checked by {}", path.display()));
    }
    if !endpoint.own_file {
        parts.push("in the configuration's own file".to_owned());
    }
    parts.join("  ")
}
