//! An appliance in a folder of its own: its configuration, its roles as processes, and a till at its socket.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use carded::run::{Connection, SocketError};
use carded::session::protocol::{Body, ClientMessage, ClientRole, Delivery, EngineMessage, LeaseWish};
use carded::session::{ConsentText, Prompt, Screen, SessionId};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::events::SECRET;

/// Long enough for a slow machine; what a test waits for comes much earlier.
pub const PATIENCE: Duration = Duration::from_mins(1);
/// What every role promises.
pub const STOP_WITHIN: Duration = Duration::from_secs(2);
/// And a supervisor, whose roles have to be gone before it.
pub const ALL_STOP_WITHIN: Duration = Duration::from_millis(2200);

/// The models want all cores: one appliance at a time.
pub fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

pub struct Site {
    folder: TempDir,
}

impl Site {
    pub fn new(camera: &str) -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap() };
        let text = format!(
            "[device]\nstate = \"{}\"\nsocket = \"{}\"\n[site]\njurisdiction = \"US-CA\"\nuse_case = \"alcohol_in_person\"\n[clock]\nsynchronized = \"{}\"\n[place]\ngpsd = \"\"\n[camera]\n{camera}\n",
            site.path("state").display(),
            site.path("engine.sock").display(),
            site.path("synchronized").display(),
        );
        // The time service has just set the clock.
        fs::write(site.path("synchronized"), "").unwrap();
        fs::write(site.path("config.toml"), text).unwrap();
        site
    }

    pub fn simulated() -> Self {
        Self::new("source = \"simulated\"\nparts = [\"genuine\"]")
    }

    /// With a shop that wants to hear of every end.
    pub fn reporting_to(shop: SocketAddr) -> Self {
        let site = Self::simulated();
        let secret = site.path("secret");
        fs::write(&secret, SECRET).unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        let endpoint = format!(
            "[[endpoint]]\nname = \"shop\"\nurl = \"{}\"\ndialect = \"stile\"\nsecret_files = [\"{}\"]\n",
            crate::support::receiver::at(shop),
            secret.display()
        );
        let config = fs::read_to_string(site.path("config.toml")).unwrap();
        fs::write(site.path("config.toml"), config + &endpoint).unwrap();
        site
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn command(&self, role: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carded"));
        command.args([role, "--config"]).arg(self.path("config.toml"));
        command.env_remove("NOTIFY_SOCKET").env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        command.stdin(Stdio::null());
        command
    }

    /// An operator's command, with what it takes behind the configuration.
    pub fn command_of(&self, command: &str, arguments: &[&str]) -> Command {
        let mut command = self.command(command);
        command.args(arguments);
        command
    }

    /// What an operator's command answers as JSON, with its exit status.
    pub fn operate(&self, command: &str, arguments: &[&str]) -> (Option<i32>, Value, String) {
        let output = self.command(command).arg("--json").args(arguments).output().unwrap();
        (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or(Value::Null), words(&output))
    }

    /// The answer of a command that is carried out.
    pub fn told(&self, command: &str, arguments: &[&str]) -> Value {
        let (status, answer, words) = self.operate(command, arguments);
        assert_eq!(status, Some(0), "{command} {arguments:?}: {words}");
        answer
    }

    /// The words of one that is refused.
    pub fn refused(&self, command: &str, arguments: &[&str]) -> String {
        let (status, _, words) = self.operate(command, arguments);
        assert_eq!(status, Some(2), "{command} {arguments:?}: {words}");
        words
    }

    /// Starts a role and waits until it says that it is ready.
    pub fn ready(&self, role: &str) -> Running {
        Self::until_ready(&self.path(&format!("{role}.notify")), self.command(role))
    }

    /// The same for any way of starting one.
    pub fn until_ready(notify: &Path, mut command: Command) -> Running {
        let notices = UnixDatagram::bind(notify).unwrap();
        notices.set_read_timeout(Some(PATIENCE)).unwrap();
        let role = Running(command.env("NOTIFY_SOCKET", notify).spawn().unwrap());
        let mut notice = [0; 256];
        let length = loop {
            match notices.recv(&mut notice) {
                // A machine that was paused: the wait goes on.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                heard => break heard.expect("the role says that it is ready"),
            }
        };
        assert_eq!(&notice[..length], b"READY=1\n");
        fs::remove_file(notify).unwrap();
        role
    }

    pub fn till(&self) -> Client {
        self.client(ClientRole::Till).unwrap()
    }

    /// A till that has started a session, and agreed to it for the person.
    pub fn agreed(&self) -> (Client, SessionId) {
        let mut till = self.till();
        till.say(&ClientMessage::Start);
        let session = till.prompt(|screen| *screen == Screen::Consent).session.unwrap();
        till.say(&answer(&session, true, (ConsentText::OF_CHECK, "en")));
        (till, session)
    }

    pub fn client(&self, role: ClientRole) -> Result<Client, SocketError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let connection = runtime.block_on(Connection::open(&self.path("engine.sock"), role))?;
        Ok(Client { runtime, connection })
    }

    /// The deliveries that a sync would be given now.
    pub fn due(&self) -> Vec<Delivery> {
        // The place of a sync that has just gone may not be free yet.
        wait_for("the place of a sync", || self.due_if_free())
    }

    fn due_if_free(&self) -> Option<Vec<Delivery>> {
        let mut sync = self.client(ClientRole::Sync).ok()?;
        sync.say(&ClientMessage::Lease(LeaseWish::up_to(16)));
        loop {
            if let EngineMessage::Leased { deliveries, .. } = sync.hear() {
                return Some(deliveries);
            }
        }
    }
}

/// A process that does not outlive its test.
pub struct Running(pub Child);

impl Running {
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Asks it to stop, which it does in time and well.
    pub fn stop(mut self, within: Duration) {
        let asked = Instant::now();
        self.signal("-TERM");
        let status = wait_for("the end of a role", || self.0.try_wait().unwrap());
        let took = asked.elapsed();
        assert!(took < within && status.success(), "{took:?} {status:?}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Somebody at the engine's socket.
pub struct Client {
    runtime: tokio::runtime::Runtime,
    connection: Connection,
}

impl Client {
    pub fn say(&mut self, message: &ClientMessage) {
        self.runtime.block_on(self.connection.send(message)).unwrap();
    }

    pub fn hear(&mut self) -> EngineMessage {
        let heard = async { tokio::time::timeout(PATIENCE, self.connection.receive()).await };
        match self.runtime.block_on(heard).expect("the engine says something").unwrap() {
            Body::Message(message) => message,
            Body::Preview(_) => panic!("only a display gets pictures"),
        }
    }

    pub fn prompt(&mut self, wanted: impl Fn(&Screen) -> bool) -> Prompt {
        loop {
            if let EngineMessage::Prompt(prompt) = self.hear()
                && wanted(&prompt.screen)
            {
                return prompt;
            }
        }
    }

    pub fn refusal(&mut self) -> String {
        loop {
            if let EngineMessage::Failed { why } = self.hear() {
                return why;
            }
        }
    }
}

pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The processes that a process has started.
pub fn children_of(parent: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{parent}/task")).unwrap();
    let of_task = |task: std::io::Result<fs::DirEntry>| fs::read_to_string(task.ok()?.path().join("children")).ok();
    let listed: String = tasks.filter_map(of_task).collect();
    listed.split_whitespace().map(|number| number.parse().unwrap()).collect()
}

/// A person's answer to a text at a till.
pub fn answer(session: &SessionId, given: bool, (version, language): (&str, &str)) -> ClientMessage {
    let text = ConsentText::new(version, language).unwrap();
    ClientMessage::Consent { session: session.clone(), given, text }
}
