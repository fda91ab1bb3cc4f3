//! Command line, configuration, dispatch.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use carded::run::worker::serve_standard_streams;
use carded::tools::inspect;
use carded::tools::receiver::{ReceiverArgs, receiver};
use carded::tools::specimen::{self, SpecimenArgs};
use carded::tools::{
    Assets, AuditArgs, ClockArgs, CommandError, DemoArgs, DeviceKeyArgs, EndpointsArgs, EngineArgs, Exit, KeysArgs,
    LayoutArg, MailArgs, OutboxArgs, RoleArgs, RulesArgs, ScreenArgs, StaffArgs, StoreArgs, UiArgs, VerifyArgs,
    VerifyWebhookArgs, audit, clock, demo, device_key, endpoints, keys, mail, outbox, roles, rules, staff, store,
    verify, verify_webhook,
};
use clap::{Parser, Subcommand};

/// Checks ages and identities on the device, with no network.
#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = true)]
struct Cli {
    /// Folder with manifest.toml and the model files.
    #[arg(long, global = true, env = "CARDED_MODELS")]
    models: Option<PathBuf>,
    /// The ONNX Runtime library.
    #[arg(long, global = true, env = "CARDED_RUNTIME")]
    runtime: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays visits to a counter, with rendered people, documents and attacks.
    Demo(DemoArgs),
    /// The whole appliance on a counter: engine, sync and window.
    Kiosk(ScreenArgs),
    /// The whole appliance in a hand: engine, sync and window.
    Handheld(ScreenArgs),
    /// Camera, models, sessions and database; a till or a window talks to it over a Unix socket.
    Engine(EngineArgs),
    /// Delivers signed events to the shop's receivers.
    Sync(RoleArgs),
    /// The window alone.
    Ui(UiArgs),
    /// Adds, lists, rotates, tests and disables the receivers of events.
    Endpoints(EndpointsArgs),
    /// Makes, lists, rotates and revokes keys of the API.
    Keys(KeysArgs),
    /// Tries whether letters with codes can be sent.
    Mail(MailArgs),
    /// Lists, shows, replays and exports what waits for receivers or was refused by them.
    Outbox(OutboxArgs),
    /// Adds, lists and removes the staff, who have codes.
    Staff(StaffArgs),
    /// Checks, backs up, restores and rescues the database.
    Store(StoreArgs),
    /// Shows, seals and rotates the key that signs outcomes.
    DeviceKey(DeviceKeyArgs),
    /// Shows, verifies and exports who did what, when.
    Audit(AuditArgs),
    /// Says how the clock is, and forgets a wrong time that was trusted.
    Clock(ClockArgs),
    /// Says what the rule table says, and how much of it is known.
    Rules(RulesArgs),
    /// Verifies one person from files and prints the outcome.
    Verify(VerifyArgs),
    /// Says whether a webhook request is to be believed, for whoever writes a receiver.
    VerifyWebhook(VerifyWebhookArgs),
    /// Measures one stage at a time; one JSON object a line.
    Inspect {
        #[command(flatten)]
        common: inspect::Common,
        #[command(subcommand)]
        verb: inspect::Verb,
    },
    /// Makes specimen documents, head turns and attacks.
    Specimen(SpecimenArgs),
    /// Receives events: checks their signatures, stores each once, and prints it.
    Receiver(ReceiverArgs),
    /// Decodes pictures for the engine, which starts it.
    #[command(hide = true)]
    Worker,
}

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(report_panic));
    let cli = Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("CARDED_LOG").unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .init();
    // A panic is a fault of the program, and so of the device; the hook has said where it was.
    let ended = std::panic::catch_unwind(AssertUnwindSafe(|| dispatch(cli))).unwrap_or(Ok(Exit::Fault));
    let exit = ended.unwrap_or_else(|error| {
        tracing::error!("{error}");
        error.exit()
    });
    exit.into()
}

/// Says where a panic was and not what it said: a message may quote what was being decoded.
fn report_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(String::new, |location| format!(" at {location}"));
    tracing::error!("internal error{place}; report this place, and run the command again");
}

fn dispatch(cli: Cli) -> Result<Exit, CommandError> {
    let assets = locate_assets(cli.models, cli.runtime);
    match cli.command {
        Command::Demo(args) => demo(&args, &assets),
        Command::Kiosk(args) => roles::appliance(&args, LayoutArg::Kiosk),
        Command::Handheld(args) => roles::appliance(&args, LayoutArg::Handheld),
        Command::Engine(args) => roles::engine(&args, &assets),
        Command::Sync(args) => roles::sync(&args),
        Command::Ui(args) => roles::ui(&args),
        Command::Endpoints(args) => endpoints(&args),
        Command::Keys(args) => keys(&args),
        Command::Mail(args) => mail(&args),
        Command::Outbox(args) => outbox(&args),
        Command::Staff(args) => staff(&args),
        Command::Store(args) => store(&args),
        Command::DeviceKey(args) => device_key(&args),
        Command::Audit(args) => audit(&args),
        Command::Clock(args) => clock(&args),
        Command::Rules(args) => rules(&args),
        Command::Verify(args) => verify(&args, &assets),
        Command::VerifyWebhook(args) => verify_webhook(&args),
        Command::Inspect { common, verb } => inspect::dispatch(&verb, &common, &assets),
        Command::Specimen(args) => specimen::specimen(&args, &assets),
        Command::Receiver(args) => receiver(args),
        Command::Worker => {
            serve_standard_streams().map(|()| Exit::Success).map_err(|error| CommandError::System(error.to_string()))
        }
    }
}

/// Finds the models and the runtime beside the program: in the repository that it was built in, or where the package
/// puts them. The working directory is never searched, because a library is loaded from what is found.
fn locate_assets(models: Option<PathBuf>, runtime: Option<PathBuf>) -> Assets {
    let program = std::env::current_exe().unwrap_or_default();
    let beside = |relative: &str| program.ancestors().skip(1).map(|dir| dir.join(relative)).find(|path| path.exists());
    let installed = Path::new("/usr/lib/carded");
    Assets {
        models: models
            .or_else(|| beside("models/manifest.toml").and_then(|file| Some(file.parent()?.to_owned())))
            .unwrap_or_else(|| installed.join("models")),
        runtime: runtime
            .or_else(|| beside("target/runtime/libonnxruntime.so"))
            .unwrap_or_else(|| installed.join("libonnxruntime.so")),
    }
}
