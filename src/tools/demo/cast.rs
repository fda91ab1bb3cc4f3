//! The roles of the demonstration as processes, and the folder in which they meet.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::scenes::SCENES;
use crate::run::{Connection, SocketError, ask_to_stop};
use crate::session::protocol::ClientRole;
use crate::sync::WebhookSecret;
use crate::tools::assets::Assets;
use crate::tools::exit::CommandError;
use crate::tools::roles::this_program;

/// Time that the engine gets to open its models.
const ENGINE_WITHIN: Duration = Duration::from_secs(30);
/// Time that a role gets to stop.
const STOP_WITHIN: Duration = Duration::from_secs(2);
/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The configuration in the folder.
const CONFIG: &str = "config.toml";
/// The engine's socket in the folder.
const SOCKET: &str = "engine.sock";

/// The running roles.
pub(super) struct Cast {
    program: PathBuf,
    folder: TempDir,
    receiver_at: SocketAddr,
    receiver: Option<Child>,
    others: Vec<Child>,
}

impl Cast {
    /// Writes the configuration, and starts engine, receiver, sync and, where there is a display, the window.
    pub(super) async fn start(assets: &Assets, window: bool) -> Result<Self, CommandError> {
        let folder = tempfile::Builder::new().prefix("carded-demo-").tempdir().map_err(CommandError::Process)?;
        // Only its owner may look into it: the device's keys and the endpoint's secret are there.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700))
            .map_err(CommandError::Process)?;
        let receiver_at = free_address().map_err(CommandError::Process)?;
        let mut cast = Self { program: this_program()?, folder, receiver_at, receiver: None, others: Vec::new() };
        cast.write_files()?;
        let assets =
            [("--models", assets.models.as_os_str().to_owned()), ("--runtime", assets.runtime.as_os_str().to_owned())];
        let mut engine = cast.role("engine");
        engine.args(assets.iter().flat_map(|(name, path)| [(*name).into(), path.clone()]));
        cast.others.push(engine.spawn().map_err(CommandError::Process)?);
        cast.wait_for_engine().await?;
        cast.start_receiver()?;
        let sync = cast.role("sync").spawn().map_err(CommandError::Process)?;
        cast.others.push(sync);
        if window {
            let window = cast.role("ui").spawn().map_err(CommandError::Process)?;
            cast.others.push(window);
        }
        Ok(cast)
    }

    /// The engine's socket.
    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join(SOCKET)
    }

    /// Where the receiver listens.
    pub(super) fn receiver_address(&self) -> String {
        format!("http://{}", self.receiver_at)
    }

    /// Starts the receiver; it keeps what it had.
    pub(super) fn start_receiver(&mut self) -> Result<(), CommandError> {
        let path = |name: &str| self.folder.path().join(name);
        let key = std::fs::read_to_string(path("state/device.pub")).map_err(CommandError::Process)?;
        let receiver = Command::new(&self.program)
            .args(["receiver", "--json", "--listen", &self.receiver_at.to_string(), "--device-key", key.trim()])
            .arg("--database")
            .arg(path("receiver.db"))
            .arg("--secret-file")
            .arg(path("secret"))
            .stdout(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn();
        self.receiver = Some(receiver.map_err(CommandError::Process)?);
        Ok(())
    }

    /// Stops the receiver.
    pub(super) async fn stop_receiver(&mut self) {
        if let Some(receiver) = self.receiver.take() {
            end(receiver).await;
        }
    }

    /// Stops everything.
    pub(super) async fn stop(mut self) {
        self.stop_receiver().await;
        for child in self.others.drain(..).rev() {
            end(child).await;
        }
    }

    fn write_files(&self) -> Result<(), CommandError> {
        let path = |name: &str| self.folder.path().join(name);
        let mut random = [0; WebhookSecret::RANDOM_BYTES];
        getrandom::fill(&mut random)
            .map_err(|error| CommandError::System(format!("the system gives no random numbers: {error}")))?;
        let mut secret = std::fs::OpenOptions::new();
        let secret = secret.write(true).create_new(true).mode(0o600).open(path("secret"));
        let text = WebhookSecret::text_from_random(&random);
        std::io::Write::write_all(&mut secret.map_err(CommandError::Process)?, text.as_bytes())
            .map_err(CommandError::Process)?;
        let parts: Vec<String> = SCENES.iter().map(|scene| format!("{:?}", scene.part.to_string())).collect();
        // Paths are written as TOML strings, whatever is in them.
        let quoted = |name: &str| toml::Value::from(path(name).to_string_lossy().into_owned()).to_string();
        let config = format!(
            "[device]\nstate = {state}\nsocket = {socket}\n\
             [site]\njurisdiction = \"US-CA\"\nuse_case = \"alcohol_in_person\"\n\
             [camera]\nsource = \"simulated\"\nparts = [{parts}]\n\
             [sessions]\ndocument_attempts = 2\nface_attempts = 2\n\
             [[endpoint]]\nname = \"shop\"\nurl = \"{url}/webhooks\"\ndialect = \"stile\"\nsecret_files = [{secret}]\n",
            state = quoted("state"),
            socket = quoted(SOCKET),
            parts = parts.join(", "),
            url = self.receiver_address(),
            secret = quoted("secret"),
        );
        std::fs::write(path(CONFIG), config).map_err(CommandError::Process)?;
        Ok(())
    }

    fn role(&self, name: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(name).arg("--supervised").arg("--config").arg(self.folder.path().join(CONFIG));
        command.kill_on_drop(true);
        command
    }

    async fn wait_for_engine(&mut self) -> Result<(), CommandError> {
        let until = Instant::now() + ENGINE_WITHIN;
        loop {
            match Connection::open(&self.socket(), ClientRole::Till).await {
                Ok(_) => return Ok(()),
                Err(SocketError::Connect { .. }) if Instant::now() < until => sleep(LOOK_EVERY).await,
                Err(error) => return Err(CommandError::System(error.to_string())),
            }
            if let Some(Ok(Some(_))) = self.others.first_mut().map(Child::try_wait) {
                return Err(CommandError::System("the engine did not start; its own message says why".to_owned()));
            }
        }
    }
}

async fn end(mut child: Child) {
    ask_to_stop(&child);
    if timeout(STOP_WITHIN, child.wait()).await.is_err() {
        tracing::warn!("a role did not stop in {STOP_WITHIN:?} and is killed");
        let _ = child.kill().await;
    }
}

/// An address that is free now; the receiver has to be found at the same one again after it was down. Below the ports that Linux
/// gives out by itself (32768 on), so that nobody is given it meanwhile.
fn free_address() -> std::io::Result<SocketAddr> {
    const PORTS: std::ops::Range<u16> = 20_000..32_000;
    const TRIES: usize = 64;
    let mut last = std::io::Error::from(std::io::ErrorKind::AddrInUse);
    for _ in 0..TRIES {
        let mut random = [0; 2];
        getrandom::fill(&mut random).map_err(std::io::Error::other)?;
        let port = PORTS.start + u16::from_be_bytes(random) % (PORTS.end - PORTS.start);
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => return listener.local_addr(),
            Err(error) => last = error,
        }
    }
    Err(last)
}
