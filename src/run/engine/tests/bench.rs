//! An engine of a test's own: a folder, a configuration, and a camera before it.

use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::*;
use crate::run::clock::Clock;

/// An engine's folder and what it runs with, over restarts.
pub(super) struct Bench {
    pub config: Config,
    pub clock: Arc<dyn Clock>,
    pub folder: TempDir,
}

/// One that runs.
pub(super) struct Running {
    stop: watch::Sender<bool>,
    engine: JoinHandle<Result<(), EngineError>>,
}

/// The configuration of an engine in a folder; `rest` begins with what is said of the camera.
pub(super) fn config_in(folder: &Path, rest: &str) -> Config {
    let config = Config::parse(&format!(
        "[device]\nstate = \"{0}/state\"\nsocket = \"{0}/engine.sock\"\n[site]\njurisdiction = \"US-CA\"\n\
         use_case = \"alcohol_in_person\"\n[place]\ngpsd = \"\"\n[camera]\n{rest}",
        folder.display(),
    ));
    config.unwrap()
}

/// What an engine runs with.
pub(super) fn parts(
    config: Config,
    clock: Arc<dyn Clock>,
    camera: impl FnOnce(watch::Receiver<Prompt>) -> OpenSource + Send + 'static,
) -> EngineParts {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sessions = config.sessions.clone();
    EngineParts {
        config,
        models: root.join("models"),
        runtime: root.join("target/runtime/libonnxruntime.so"),
        decoder: Decoder::Inside,
        clock,
        camera: Box::new(camera),
        policy: Box::new(move |rule| sessions.policy(rule)),
    }
}

impl Running {
    /// Starts an engine, and waits until it is ready.
    pub async fn start(parts: EngineParts) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (ready, mut is_ready) = watch::channel(false);
        let engine = tokio::spawn(run(parts, stopped, move || {
            let _ = ready.send(true);
        }));
        timeout(PATIENCE, is_ready.wait_for(|ready| *ready)).await.unwrap().unwrap();
        Self { stop, engine }
    }

    pub async fn stop(self) {
        self.stop.send(true).unwrap();
        timeout(PATIENCE, self.engine).await.unwrap().unwrap().unwrap();
    }
}

impl Bench {
    /// With a camera before a grey wall.
    pub fn new(rest: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        still_pictures(folder.path(), &[90]);
        let config = config_in(folder.path(), &format!("source = \"replay\"\npath = \"frames\"\n{rest}"));
        Self { config, clock: Arc::new(SystemClock::new(None)), folder }
    }

    pub async fn start(&self) -> Running {
        let camera = still_camera(self.folder.path(), ReplayFaults::default());
        Running::start(parts(self.config.clone(), Arc::clone(&self.clock), |_| camera)).await
    }

    pub async fn connect(&self, role: ClientRole) -> Connection {
        Connection::open(&self.config.device.socket, role).await.unwrap()
    }
}

/// Pictures of a wall in several shades.
pub(super) fn still_pictures(folder: &Path, shades: &[u8]) {
    let frames = folder.join("frames");
    std::fs::create_dir(&frames).unwrap();
    for shade in shades {
        let picture = encode_jpeg(&Rgb::filled(640, 480, [*shade; 3]), 90).unwrap();
        std::fs::write(frames.join(format!("{shade:03}.jpg")), picture).unwrap();
    }
}

/// A camera that shows them again and again.
pub(super) fn still_camera(folder: &Path, faults: ReplayFaults) -> OpenSource {
    let (path, frames_per_second) = (folder.join("frames"), 20.0);
    let settings = ReplaySettings { path, frames_per_second, at_end: AtEnd::Loop, faults };
    Arc::new(move || Ok(Box::new(Replay::open(&settings)?) as Box<dyn FrameSource>))
}
