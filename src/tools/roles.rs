//! The long-running roles as commands: `engine`, `sync`, `ui`, and `kiosk` and `handheld`, which run all three.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::assets::Assets;
use super::cameras::{self, MakeSource};
use super::exit::{CommandError, Exit};
use crate::camera::{
    AtEnd, FrameSource, OpenSource, Replay, ReplayFaults, ReplaySettings, SeenCamera, V4l2Settings, V4l2Source,
};
use crate::liveness::CameraMount;
use crate::run::worker::{DecoderWorker, picture_decoder};
use crate::run::{
    CameraConfig, ChildSpec, Config, Decoder, EngineParts, end_with_parent, leave_no_core_dump, run_engine, run_role,
    run_sync, run_ui, supervise, tell_ready,
};
use crate::sync::DeliveryLimits;
use crate::ui::{Layout, WindowOptions};

/// What every role takes.
#[derive(Debug, Args)]
pub struct RoleArgs {
    /// The configuration file.
    #[arg(long, env = "CARDED_CONFIG", default_value = "/etc/carded/config.toml")]
    config: PathBuf,
    /// End when the process that started this one ends.
    #[arg(long, hide = true)]
    supervised: bool,
}

/// What the engine takes.
#[derive(Debug, Args)]
pub struct EngineArgs {
    #[command(flatten)]
    role: RoleArgs,
    /// Somebody holds the device, and its camera with it, unless `camera_mount` under `[sessions]` says what it is;
    /// `carded handheld` gives this.
    #[arg(long)]
    in_hand: bool,
}

/// What the roles with a screen take.
#[derive(Debug, Args)]
pub struct ScreenArgs {
    #[command(flatten)]
    role: RoleArgs,
    /// Fill the whole display.
    #[arg(long)]
    fullscreen: bool,
}

/// What the window alone takes.
#[derive(Debug, Args)]
pub struct UiArgs {
    #[command(flatten)]
    screen: ScreenArgs,
    /// How the screens are laid out.
    #[arg(long, value_enum, default_value = "kiosk")]
    layout: LayoutArg,
}

/// How the screens are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LayoutArg {
    /// Landscape, on a counter.
    Kiosk,
    /// Portrait, in a hand.
    Handheld,
}

impl LayoutArg {
    fn layout(self) -> Layout {
        match self {
            Self::Kiosk => Layout::Kiosk,
            Self::Handheld => Layout::Handheld,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Kiosk => "kiosk",
            Self::Handheld => "handheld",
        }
    }
}

impl RoleArgs {
    pub(super) fn begin(&self) -> Result<Config, CommandError> {
        leave_no_core_dump().map_err(CommandError::Process)?;
        if self.supervised {
            end_with_parent();
        }
        Ok(Config::load(&self.config)?)
    }
}

/// Runs the engine until it is told to stop.
///
/// # Errors
/// [`CommandError`] with the reason why it could not start or go on.
pub fn engine(args: &EngineArgs, assets: &Assets) -> Result<Exit, CommandError> {
    let mut config = args.role.begin()?;
    if args.in_hand {
        if config.sessions.camera_mount == Some(CameraMount::Mounted) {
            tracing::warn!(
                "this is a handheld, but sessions.camera_mount says mounted, and that counts: if somebody holds it after \
                 all, honest people are turned away; take camera_mount out of the configuration then"
            );
        }
        config.sessions = config.sessions.in_hand();
    }
    let program = this_program()?;
    let camera = camera(&config.camera, &program)?;
    let decoder = DecoderWorker::spawn(&program).map_err(|error| CommandError::System(error.to_string()))?;
    let sessions = config.sessions.clone();
    let clock = config.clock.system();
    let parts = EngineParts {
        config,
        models: assets.models.clone(),
        runtime: assets.runtime.clone(),
        decoder: Decoder::Outside(decoder),
        clock: Arc::new(clock),
        camera,
        policy: Box::new(move |rule| sessions.policy(rule)),
    };
    run_role(|stop| run_engine(parts, stop, tell_ready)).map_err(CommandError::Process)??;
    Ok(Exit::Success)
}

/// Delivers events until it is told to stop.
///
/// # Errors
/// [`CommandError`] when an endpoint or a secret cannot be used.
pub fn sync(args: &RoleArgs) -> Result<Exit, CommandError> {
    let config = args.begin()?;
    run_role(|stop| async move { run_sync(&config, DeliveryLimits::default(), stop, tell_ready).await })
        .map_err(CommandError::Process)??;
    Ok(Exit::Success)
}

/// Shows the window until it is closed or told to stop.
///
/// # Errors
/// [`CommandError`] when there is no display.
pub fn ui(args: &UiArgs) -> Result<Exit, CommandError> {
    let config = args.screen.role.begin()?;
    let options = WindowOptions { layout: args.layout.layout(), fullscreen: args.screen.fullscreen };
    run_ui(&config.device.socket, &options, tell_ready)?;
    Ok(Exit::Success)
}

/// Runs engine, sync and window, each as a process of its own.
///
/// # Errors
/// [`CommandError`] when one is configured wrongly or cannot be started.
pub fn appliance(args: &ScreenArgs, layout: LayoutArg) -> Result<Exit, CommandError> {
    // What is wrong in the file is told here once, and not by every child.
    let _ = camera(&args.role.begin()?.camera, &this_program()?)?;
    let path = std::path::absolute(&args.role.config).map_err(CommandError::Process)?;
    let with_config = |role: &str| {
        let path = path.to_string_lossy().into_owned();
        vec![role.to_owned(), "--supervised".to_owned(), "--config".to_owned(), path]
    };
    let mut window = with_config("ui");
    window.extend(["--layout".to_owned(), layout.name().to_owned()]);
    if args.fullscreen {
        window.push("--fullscreen".to_owned());
    }
    let mut engine = with_config("engine");
    match layout {
        LayoutArg::Kiosk => {}
        LayoutArg::Handheld => engine.push("--in-hand".to_owned()),
    }
    let children = vec![
        ChildSpec { name: "engine", arguments: engine, ends_all: false },
        ChildSpec { name: "sync", arguments: with_config("sync"), ends_all: false },
        ChildSpec { name: "ui", arguments: window, ends_all: true },
    ];
    let program = this_program()?;
    run_role(|stop| supervise(program, children, stop)).map_err(CommandError::Process)??;
    Ok(Exit::Success)
}

/// The program that runs now: it is started again for roles and workers.
pub(super) fn this_program() -> Result<PathBuf, CommandError> {
    std::env::current_exe().map_err(CommandError::Process)
}

fn camera(config: &CameraConfig, program: &Path) -> Result<MakeSource, CommandError> {
    let open: OpenSource = match config {
        CameraConfig::Simulated { parts } => return cameras::simulated(parts),
        CameraConfig::Replay { path, fps } => {
            let settings = ReplaySettings {
                path: path.clone(),
                frames_per_second: *fps,
                at_end: AtEnd::Loop,
                faults: ReplayFaults::default(),
            };
            Arc::new(move || Ok(Box::new(Replay::open(&settings)?) as Box<dyn FrameSource>))
        }
        CameraConfig::V4l2 { device, pin, width, height, fps, pixels } => {
            let settings = V4l2Settings {
                device: device.clone(),
                pin: pin.clone(),
                width: *width,
                height: *height,
                rate: *fps,
                pixels: *pixels,
                allow_virtual: false,
            };
            let worker = DecoderWorker::spawn(program).map_err(|error| CommandError::System(error.to_string()))?;
            let decode = picture_decoder(Arc::new(worker));
            let seen = SeenCamera::default();
            Arc::new(move || {
                let source = V4l2Source::open(&settings, Arc::clone(&decode), &seen)?;
                Ok(Box::new(source) as Box<dyn FrameSource>)
            })
        }
    };
    Ok(Box::new(|_| open))
}
