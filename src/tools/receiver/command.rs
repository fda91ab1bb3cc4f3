//! The command line of `carded receiver`.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::alarms::Alarm;
use super::event::{Attestation, ReceivedEvent};
use super::server::{ReceiverError, ReceiverOptions, serve};
use super::trust_args::TrustArgs;
use crate::sync::{MAX_SECRETS, WebhookSecret};
use crate::tools::exit::{CommandError, Exit};

/// Longest secret file in bytes: a secret and its newline.
const MAX_SECRET_FILE_BYTES: u64 = WebhookSecret::MAX_BYTES as u64 + 2;

/// Receives events: checks their signatures, stores each once, and prints it.
#[derive(Debug, Clone, Args)]
pub struct ReceiverArgs {
    /// Where to listen; port 0 takes any free one.
    #[arg(long, default_value = "127.0.0.1:8787")]
    listen: SocketAddr,
    /// The SQLite file that events are stored in; it is made if it is not there.
    #[arg(long, value_name = "FILE")]
    database: PathBuf,
    /// File with the endpoint's secret; give it twice while the secret is being rotated.
    #[arg(long = "secret-file", value_name = "FILE", required = true)]
    secret_files: Vec<PathBuf>,
    #[command(flatten)]
    trust: TrustArgs,
    /// Seconds for which an outcome may be behind a heartbeat that names it, before it counts as missing.
    #[arg(long, value_name = "SECONDS", default_value_t = 900, value_parser = clap::value_parser!(u32).range(1..))]
    grace: u32,
    /// Somebody has seen the alarms that do not pass by themselves: they are not told again.
    #[arg(long)]
    acknowledge: bool,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

impl From<ReceiverError> for CommandError {
    fn from(error: ReceiverError) -> Self {
        match error {
            ReceiverError::NoSecret => Self::Usage(error.to_string()),
            ReceiverError::Database(_) | ReceiverError::Listener(_) => Self::System(error.to_string()),
        }
    }
}

/// Receives until SIGTERM or SIGINT.
///
/// # Errors
/// [`CommandError`] when a secret cannot be read, the address is taken or the database cannot be opened.
pub fn receiver(args: ReceiverArgs) -> Result<Exit, CommandError> {
    let secrets = read_secrets(&args.secret_files)?;
    let trusted = args.trust.keys()?;
    if trusted.is_none() {
        tracing::warn!("attestations are not checked; give the device's public key with --device-key");
    }
    if args.acknowledge {
        let seen = super::server::acknowledge(&args.database)?;
        print_line(&format!("{seen} alarms are acknowledged"));
    }
    let as_json = args.json;
    let options = ReceiverOptions {
        database: args.database,
        secrets,
        trusted,
        on_event: Box::new(move |event| print_event(event, as_json)),
        grace: Duration::from_secs(args.grace.into()),
        on_alarm: Box::new(move |alarm, begins| print_alarm(alarm, begins, as_json)),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| CommandError::System(format!("cannot start threads: {error}; try again")))?;
    let ended = runtime.block_on(listen_until_signal(args.listen, options, as_json));
    // What a hanging connection still does is not waited for.
    runtime.shutdown_background();
    ended.map(|()| Exit::Success)
}

async fn listen_until_signal(address: SocketAddr, options: ReceiverOptions, as_json: bool) -> Result<(), CommandError> {
    let cannot = |error: io::Error| {
        CommandError::System(format!("cannot listen on {address}: {error}; choose another address with --listen"))
    };
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let listener = TcpListener::bind(address).await.map_err(cannot)?;
    let bound = listener.local_addr().map_err(cannot)?;
    let (stop, stopped) = watch::channel(false);
    let serving = tokio::spawn(serve(listener, options, stopped));
    print_line(&if as_json {
        json!({ "listening": bound.to_string() }).to_string()
    } else {
        format!("listening on http://{bound}; stop with Ctrl-C")
    });
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = &mut serving => ended,
        () = async { tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} } } => {
            // Nobody listens only when it has ended by itself.
            let _ = stop.send(true);
            serving.await
        }
    };
    ended
        .map_err(|error| CommandError::System(format!("the receiver ended unexpectedly: {error}; start it again")))??;
    Ok(())
}

/// The secrets of an endpoint, each in a file of its own.
pub(in crate::tools) fn read_secrets(files: &[PathBuf]) -> Result<Vec<WebhookSecret>, CommandError> {
    if files.len() > MAX_SECRETS {
        return Err(CommandError::Usage(format!("give at most {MAX_SECRETS} secret files")));
    }
    files.iter().map(|path| read_secret(path)).collect()
}

fn read_secret(path: &Path) -> Result<WebhookSecret, CommandError> {
    let usage = |why: &dyn std::fmt::Display| CommandError::Usage(format!("secret file {}: {why}", path.display()));
    let mut text = Zeroizing::new(String::with_capacity(MAX_SECRET_FILE_BYTES as usize + 1));
    let file = std::fs::File::open(path).map_err(|error| usage(&error))?;
    file.take(MAX_SECRET_FILE_BYTES + 1).read_to_string(&mut text).map_err(|error| usage(&error))?;
    WebhookSecret::new(text.trim_end_matches(['\r', '\n'])).map_err(|error| usage(&error))
}

fn print_event(event: &ReceivedEvent, as_json: bool) {
    print_line(&if as_json {
        json!(event).to_string()
    } else {
        let reason = event.reason.as_deref().unwrap_or("-");
        let attestation = match (event.attestation, event.chain) {
            (Attestation::None, _) => "nothing to attest".to_owned(),
            (Attestation::NotChecked, _) => "attestation NOT CHECKED".to_owned(),
            (Attestation::Verified, Some(chain)) => format!("attested, chain {chain:?}").to_lowercase(),
            (Attestation::Verified, None) => "attested".to_owned(),
        };
        let mode = if event.livemode { "live" } else { "test" };
        format!("{} {} {} {} {reason} {mode} ({attestation})", event.id, event.name, event.session, event.result)
    });
}

fn print_alarm(alarm: &Alarm, begins: bool, as_json: bool) {
    print_line(&if as_json {
        json!({ "alarm": alarm, "begins": begins }).to_string()
    } else {
        let mark = if begins { "ALARM" } else { "over:" };
        format!("{mark} {}: {}", alarm.kind.as_str(), alarm.what)
    });
}

/// That nobody reads the output any more is no reason to stop receiving.
fn print_line(line: &str) {
    let mut output = io::stdout().lock();
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}
