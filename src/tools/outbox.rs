//! `carded outbox`: what waits for receivers, and what they have refused for good.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::exit::{CommandError, Exit};
use super::operator::{OperatorArgs, moments};
use crate::run::{Config, OrderError, OutboxDesk, leave_no_core_dump, run_role};
use crate::session::protocol::{EndpointQueue, LetterState, OutboxAnswer, OutboxLetter, OutboxOrder, OutboxSummary};

/// Deliveries that are asked for at a time.
const AT_A_TIME: u16 = 100;

/// What `carded outbox` takes.
#[derive(Debug, Args)]
pub struct OutboxArgs {
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(subcommand)]
    verb: OutboxVerb,
}

#[derive(Debug, Subcommand)]
enum OutboxVerb {
    /// Says how much waits for whom, since when and why; exit status 1 when that is an alarm.
    List {
        #[command(flatten)]
        which: WhichArgs,
    },
    /// Shows an event, with its body as it is sent.
    Show {
        /// `evt_…`, or the number of a delivery.
        id: String,
    },
    /// Has dead letters sent again, under the same identifiers.
    #[command(group = clap::ArgGroup::new("dead letters").required(true))]
    Replay {
        /// Numbers of deliveries, as `carded outbox list --dead` has them.
        #[arg(group = "dead letters")]
        deliveries: Vec<i64>,
        /// All of one endpoint.
        #[arg(long, value_name = "NAME", group = "dead letters")]
        endpoint: Option<String>,
        /// All.
        #[arg(long, group = "dead letters")]
        all: bool,
    },
    /// Writes deliveries with their bodies as JSON, one a line; dead letters, where nothing else is said.
    Export {
        #[command(flatten)]
        which: WhichArgs,
        /// Where to; to standard output, where nothing is said.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
struct WhichArgs {
    /// Dead letters.
    #[arg(long)]
    dead: bool,
    /// What waits.
    #[arg(long)]
    waiting: bool,
    /// Of one endpoint only.
    #[arg(long, value_name = "NAME")]
    endpoint: Option<String>,
}

impl WhichArgs {
    fn states(&self) -> Vec<LetterState> {
        let wanted = [(self.waiting, LetterState::Waiting), (self.dead, LetterState::Dead)];
        wanted.into_iter().filter_map(|(wanted, state)| wanted.then_some(state)).collect()
    }
}

/// The outbox, and the deliveries that were asked for.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    summary: OutboxSummary,
    /// Whether somebody has to look.
    alarm: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    letters: Option<Vec<OutboxLetter>>,
}

/// What became of dead letters.
#[derive(Debug, Default, Serialize)]
struct ReplayedAll {
    replayed: u64,
    /// They are not sent again, because their bodies are gone.
    redacted: u64,
}

/// Carries out an order about the outbox.
///
/// # Errors
/// [`CommandError`] when it cannot be carried out.
pub fn outbox(args: &OutboxArgs) -> Result<Exit, CommandError> {
    leave_no_core_dump().map_err(CommandError::Process)?;
    let config = args.operator.config()?;
    run_role(|_| carry_out(args, &config)).map_err(CommandError::Process)?
}

async fn carry_out(args: &OutboxArgs, config: &Config) -> Result<Exit, CommandError> {
    let mut desk = OutboxDesk::open(config).await?;
    match &args.verb {
        OutboxVerb::List { which } => list(args, &mut desk, which).await,
        OutboxVerb::Show { id } => {
            let letters = match desk.order(OutboxOrder::Find { id: id.clone() }).await? {
                OutboxAnswer::Letters { letters, .. } => letters,
                OutboxAnswer::Summary(_) | OutboxAnswer::Noted | OutboxAnswer::Replayed { .. } => {
                    return Err(OrderError::Answer.into());
                }
            };
            args.operator.tell(&letters, |out| letters.iter().try_for_each(|letter| show(out, letter)))?;
            Ok(Exit::Success)
        }
        OutboxVerb::Replay { deliveries, endpoint, .. } => {
            let done = replay(&mut desk, deliveries, endpoint.as_deref()).await?;
            args.operator.tell(&done, |out| {
                writeln!(out, "{} are sent again", done.replayed)?;
                if done.redacted > 0 {
                    writeln!(
                        out,
                        "{} are not: their sessions were redacted, and their bodies are gone",
                        done.redacted
                    )?;
                }
                Ok(())
            })?;
            Ok(Exit::Success)
        }
        OutboxVerb::Export { which, out } => {
            let mut states = which.states();
            if states.is_empty() {
                states.push(LetterState::Dead);
            }
            match out {
                None => export(&mut desk, which, &states, &mut std::io::stdout().lock()).await?,
                Some(path) => {
                    let mut file = private(path)?;
                    export(&mut desk, which, &states, &mut file).await?;
                    file.sync_all()?;
                }
            }
            Ok(Exit::Success)
        }
    }
}

/// A file that was not there before and nobody else may read: bodies may hold what the integrator wrote.
fn private(path: &Path) -> Result<std::fs::File, CommandError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|error| CommandError::Usage(format!("{}: {error}; give another name", path.display())))
}

async fn list(args: &OutboxArgs, desk: &mut OutboxDesk<'_>, which: &WhichArgs) -> Result<Exit, CommandError> {
    let OutboxAnswer::Summary(mut summary) = desk.order(OutboxOrder::Summary).await? else {
        return Err(OrderError::Answer.into());
    };
    if let Some(name) = &which.endpoint {
        summary.endpoints.retain(|queue| queue.endpoint == *name);
    }
    let mut letters = None;
    for state in which.states() {
        let letters = letters.get_or_insert_with(Vec::new);
        each(desk, which.endpoint.as_deref(), state, false, |letter| {
            letters.push(letter);
            Ok(())
        })
        .await?;
    }
    let listed = Listed { alarm: !summary.alarms.is_empty(), summary, letters };
    args.operator.tell(&listed, |out| {
        for queue in &listed.summary.endpoints {
            writeln!(out, "{}", queue_line(queue))?;
        }
        if listed.summary.endpoints.is_empty() {
            writeln!(out, "Nothing waits, and there are no endpoints.")?;
        }
        for letter in listed.letters.iter().flatten() {
            writeln!(out, "{}", letter_line(letter))?;
        }
        listed.summary.alarms.iter().try_for_each(|alarm| writeln!(out, "ALARM: {}", alarm.why))
    })?;
    Ok(if listed.alarm { Exit::Negative } else { Exit::Success })
}

/// Goes through deliveries page by page, so that memory stays bounded however many there are.
async fn each(
    desk: &mut OutboxDesk<'_>,
    endpoint: Option<&str>,
    state: LetterState,
    bodies: bool,
    mut take: impl FnMut(OutboxLetter) -> std::io::Result<()>,
) -> Result<(), CommandError> {
    let mut after = 0;
    loop {
        let endpoint = endpoint.map(str::to_owned);
        let order = OutboxOrder::Letters { state, endpoint, after, most: AT_A_TIME, bodies };
        let OutboxAnswer::Letters { letters, more } = desk.order(order).await? else {
            return Err(OrderError::Answer.into());
        };
        for letter in letters {
            after = after.max(letter.delivery);
            take(letter)?;
        }
        if !more {
            return Ok(());
        }
    }
}

async fn export(
    desk: &mut OutboxDesk<'_>,
    which: &WhichArgs,
    states: &[LetterState],
    out: &mut impl Write,
) -> Result<(), CommandError> {
    for state in states {
        each(desk, which.endpoint.as_deref(), *state, true, |letter| {
            serde_json::to_writer(&mut *out, &letter)?;
            writeln!(out)
        })
        .await?;
    }
    Ok(out.flush()?)
}

async fn replay(
    desk: &mut OutboxDesk<'_>,
    deliveries: &[i64],
    endpoint: Option<&str>,
) -> Result<ReplayedAll, CommandError> {
    let mut all = ReplayedAll::default();
    // Without numbers one round of what is asked for, from the first to the last.
    let rounds: Vec<Option<i64>> =
        if deliveries.is_empty() { vec![None] } else { deliveries.iter().copied().map(Some).collect() };
    for delivery in rounds {
        let mut after = 0;
        loop {
            let order = OutboxOrder::Replay { delivery, endpoint: endpoint.map(str::to_owned), after };
            let OutboxAnswer::Replayed { replayed, redacted, last, more } = desk.order(order).await? else {
                return Err(OrderError::Answer.into());
            };
            all.replayed += replayed;
            all.redacted += redacted;
            // What dies again meanwhile is behind already.
            after = last;
            if !more {
                break;
            }
        }
    }
    Ok(all)
}

fn queue_line(queue: &EndpointQueue) -> String {
    let mut parts = vec![queue.endpoint.clone(), format!("{} waiting", queue.waiting), format!("{} dead", queue.dead)];
    if !queue.configured {
        parts.push("NOT CONFIGURED".to_owned());
    }
    if queue.disabled {
        parts.push("DISABLED".to_owned());
    }
    parts.extend(moments(&[("oldest", queue.oldest), ("next attempt", queue.next_attempt)]));
    parts.extend(queue.last_error.clone());
    parts.join("  ")
}

fn letter_line(letter: &OutboxLetter) -> String {
    let mut parts = vec![
        letter.delivery.to_string(),
        letter.event.clone(),
        letter.endpoint.clone(),
        letter.state.as_str().to_owned(),
        format!("{} attempts", letter.attempts),
    ];
    parts.extend(moments(&[
        ("written", Some(letter.created)),
        ("next attempt", letter.next_attempt),
        ("delivered", letter.delivered),
    ]));
    if letter.redacted {
        parts.push("its session was redacted: the body is gone".to_owned());
    }
    parts.extend(letter.last_error.clone());
    parts.join("  ")
}

fn show(out: &mut dyn Write, letter: &OutboxLetter) -> std::io::Result<()> {
    writeln!(out, "{}", letter_line(letter))?;
    letter.body.iter().try_for_each(|body| writeln!(out, "{body}"))
}
