//! The running appliance, through the program: roles as processes, real sockets, a simulated camera.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use carded::run::Connection;
use carded::session::protocol::{self, Body, ClientMessage, ClientRole, EngineMessage, Hello};
use carded::session::{Prompt, Screen, SessionId};
use tempfile::TempDir;

/// Long enough for a slow machine; what a test waits for comes much earlier.
const PATIENCE: Duration = Duration::from_mins(1);
/// What every role promises.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// The models want all cores: one appliance at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Site {
    folder: TempDir,
}

impl Site {
    fn new(camera: &str) -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap() };
        let text = format!(
            "[device]\nstate = \"{}\"\nsocket = \"{}\"\n[site]\njurisdiction = \"US-CA\"\nuse_case = \"alcohol_in_person\"\n[camera]\n{camera}\n",
            site.path("state").display(),
            site.path("engine.sock").display(),
        );
        fs::write(site.path("config.toml"), text).unwrap();
        site
    }

    fn simulated() -> Self {
        Self::new("source = \"simulated\"\nparts = [\"genuine\"]")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, role: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carded"));
        command.args([role, "--config"]).arg(self.path("config.toml"));
        command.env_remove("NOTIFY_SOCKET").env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        command.stdin(Stdio::null());
        command
    }

    /// Starts the engine and waits until it says that it is ready.
    fn engine(&self) -> Running {
        let notices = UnixDatagram::bind(self.path("notify")).unwrap();
        notices.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut command = self.command("engine");
        let engine = Running(command.env("NOTIFY_SOCKET", self.path("notify")).spawn().unwrap());
        let mut notice = [0; 256];
        let length = notices.recv(&mut notice).expect("the engine says that it is ready");
        assert_eq!(&notice[..length], b"READY=1\n");
        fs::remove_file(self.path("notify")).unwrap();
        engine
    }

    fn till(&self) -> Till {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let connection = runtime.block_on(Connection::open(&self.path("engine.sock"), ClientRole::Till)).unwrap();
        Till { runtime, connection }
    }
}

/// A process that does not outlive its test.
struct Running(Child);

impl Running {
    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Asks it to stop and gives how long that took, and its status.
    fn stop(mut self) -> (Duration, Option<i32>) {
        let asked = Instant::now();
        self.signal("-TERM");
        let status = wait_for("the end of a role", || self.0.try_wait().unwrap());
        (asked.elapsed(), status.code())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Till {
    runtime: tokio::runtime::Runtime,
    connection: Connection,
}

impl Till {
    fn say(&mut self, message: &ClientMessage) {
        self.runtime.block_on(self.connection.send(message)).unwrap();
    }

    fn hear(&mut self) -> EngineMessage {
        let heard = async { tokio::time::timeout(PATIENCE, self.connection.receive()).await };
        match self.runtime.block_on(heard).expect("the engine says something").unwrap() {
            Body::Message(message) => message,
            Body::Preview(_) => panic!("a till gets no pictures"),
        }
    }

    fn prompt(&mut self, wanted: impl Fn(&Screen) -> bool) -> Prompt {
        loop {
            if let EngineMessage::Prompt(prompt) = self.hear()
                && wanted(&prompt.screen)
            {
                return prompt;
            }
        }
    }

    /// Agrees for the person whose session is on the screen.
    fn agree(&mut self) -> SessionId {
        let session = self.prompt(|screen| *screen == Screen::Consent).session.unwrap();
        self.say(&ClientMessage::Consent { session: session.clone(), given: true });
        session
    }

    fn refusal(&mut self) -> String {
        loop {
            if let EngineMessage::Failed { why } = self.hear() {
                return why;
            }
        }
    }
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The processes that a process has started.
fn children_of(parent: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{parent}/task")).unwrap();
    let of_task = |task: std::io::Result<fs::DirEntry>| fs::read_to_string(task.ok()?.path().join("children")).ok();
    let listed: String = tasks.filter_map(of_task).collect();
    listed.split_whitespace().map(|number| number.parse().unwrap()).collect()
}

#[test]
fn the_engine_says_that_it_is_ready_when_a_session_can_start_and_stops_in_two_seconds() {
    let _alone = alone();
    let site = Site::simulated();
    let engine = site.engine();
    let mut till = site.till();
    till.say(&ClientMessage::Start);
    till.agree();
    till.say(&ClientMessage::Start);
    assert!(till.refusal().contains("a session is under way"));
    till.prompt(|screen| matches!(screen, Screen::Document { .. }));
    let limits = fs::read_to_string(format!("/proc/{}/limits", engine.0.id())).unwrap();
    let cores = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(cores.split_whitespace().nth(4), Some("0"), "a crash leaves nothing behind");
    // In the middle of everything.
    let (took, status) = engine.stop();
    assert!(took < STOP_WITHIN && status == Some(0), "{took:?} {status:?}");
    assert!(!site.path("engine.sock").exists());
}

#[test]
fn a_second_engine_on_the_same_store_is_refused_and_harms_nothing() {
    let _alone = alone();
    let site = Site::simulated();
    let _engine = site.engine();
    let second = site.command("engine").output().unwrap();
    assert_eq!(second.status.code(), Some(3), "{}", words(&second));
    assert!(words(&second).contains("another engine") || words(&second).contains("in use"), "{}", words(&second));
    let mut till = site.till();
    till.say(&ClientMessage::Start);
    till.prompt(|screen| *screen == Screen::Consent);
}

#[test]
fn who_speaks_another_protocol_or_none_is_refused_in_words_and_others_are_served() {
    let _alone = alone();
    let site = Site::simulated();
    let _engine = site.engine();
    let hello = Hello { protocol: 99, ..Hello::of(ClientRole::Display) };
    let mut other = UnixStream::connect(site.path("engine.sock")).unwrap();
    other.set_read_timeout(Some(PATIENCE)).unwrap();
    other.write_all(&protocol::encode(&ClientMessage::Hello(hello)).unwrap()).unwrap();
    let mut answer = Vec::new();
    other.read_to_end(&mut answer).unwrap();
    let text = String::from_utf8_lossy(&answer);
    assert!(text.contains("protocol 99") && text.contains("install the same version"), "{text}");

    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 64], &[0, 0, 0, 2, 1, b'{']] {
        let mut stranger = UnixStream::connect(site.path("engine.sock")).unwrap();
        stranger.set_read_timeout(Some(PATIENCE)).unwrap();
        // The engine may close before all of it is written.
        let _ = stranger.write_all(bytes);
        let _ = stranger.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stranger.read_to_end(&mut answer);
        assert!(!String::from_utf8_lossy(&answer).contains("welcome"));
    }
    let mut till = site.till();
    till.say(&ClientMessage::Lease { most: 4 });
    assert!(till.refusal().contains("nothing else"));
}

#[test]
fn a_killed_engine_asks_for_consent_again_and_verifies_nobody_by_itself() {
    let _alone = alone();
    let site = Site::simulated();
    let engine = site.engine();
    let mut till = site.till();
    till.say(&ClientMessage::Start);
    till.agree();
    let session = till.prompt(|screen| matches!(screen, Screen::Face { .. })).session;
    engine.signal("-KILL");
    drop(engine);

    let _engine = site.engine();
    let mut till = site.till();
    let resumed = till.prompt(|_| true);
    assert_eq!((resumed.screen, &resumed.session), (Screen::Consent, &session));
    // A press that was meant for another session changes nothing.
    let other = SessionId::from_random(&[1; SessionId::CHARACTERS]);
    till.say(&ClientMessage::Cancel { session: other });
    till.say(&ClientMessage::Cancel { session: session.unwrap() });
    till.prompt(|screen| matches!(screen, Screen::Canceled { .. }));
}

#[test]
fn a_decoder_that_hangs_is_replaced_and_the_session_goes_on() {
    let _alone = alone();
    let site = Site::simulated();
    let engine = site.engine();
    let mut till = site.till();
    till.say(&ClientMessage::Start);
    till.agree();
    till.prompt(|screen| matches!(screen, Screen::Document { .. }));
    let worker = wait_for("the decoder", || children_of(engine.0.id()).first().copied());
    assert!(Command::new("kill").args(["-STOP", &worker.to_string()]).status().unwrap().success());
    till.prompt(|screen| matches!(screen, Screen::Face { .. }));
    assert_ne!(children_of(engine.0.id()).first(), Some(&worker));
}

#[test]
fn a_camera_that_is_not_there_is_a_fault_of_the_device_in_words() {
    let _alone = alone();
    let site = Site::new("source = \"v4l2\"\ndevice = \"/dev/v4l/by-id/no-such-camera\"");
    let engine = Running(site.command("engine").spawn().unwrap());
    wait_for("the socket", || UnixStream::connect(site.path("engine.sock")).ok());
    let mut till = site.till();
    till.prompt(|screen| matches!(screen, Screen::Fault { .. }));
    till.say(&ClientMessage::Start);
    assert!(till.refusal().contains("camera"), "says what is wrong");
    let (took, status) = engine.stop();
    assert!(took < STOP_WITHIN && status == Some(0), "{took:?} {status:?}");
}

#[test]
fn a_full_disk_is_a_fault_of_the_device_and_nothing_is_shown_that_is_not_written() {
    let _alone = alone();
    let site = Site::simulated();
    drop(site.engine());
    // No file may grow beyond what the store has now, and a little.
    let limited = "ulimit -f 96; trap '' XFSZ; exec \"$0\" \"$@\"";
    let mut engine = Command::new("bash");
    engine.args(["-c", limited, env!("CARGO_BIN_EXE_carded"), "engine", "--config"]).arg(site.path("config.toml"));
    let _engine = Running(engine.stdin(Stdio::null()).spawn().unwrap());
    wait_for("the socket", || UnixStream::connect(site.path("engine.sock")).ok());
    let mut till = site.till();
    // What is heard is in the order of what happened: a session that ended is on disk, until one cannot start.
    for _ in 0..300 {
        till.say(&ClientMessage::Start);
        let started = loop {
            match till.hear() {
                EngineMessage::Failed { why } => break Err(why),
                EngineMessage::Prompt(Prompt { screen: Screen::Consent, session, .. }) => break Ok(session.unwrap()),
                EngineMessage::Prompt(Prompt { screen: Screen::Fault { fault }, .. }) => break Err(fault.to_string()),
                _ => {}
            }
        };
        match started {
            Err(why) => {
                assert!(why.contains("the store cannot be written"), "{why}");
                return;
            }
            Ok(session) => till.say(&ClientMessage::Cancel { session }),
        }
        let ended = till.prompt(|screen| matches!(screen, Screen::Canceled { .. } | Screen::Fault { .. }));
        if matches!(ended.screen, Screen::Fault { .. }) {
            return;
        }
    }
    panic!("the store never filled up");
}

#[test]
fn a_wrong_configuration_is_told_once_and_with_the_name_of_what_is_wrong() {
    let site = Site::new("source = \"simulated\"\nparts = [\"nobody\"]");
    for role in ["engine", "kiosk"] {
        let output = site.command(role).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{role}: {}", words(&output));
        assert!(words(&output).contains("nobody"), "{role}: {}", words(&output));
    }
    let output = site.command("sync").arg("--config").arg(site.path("none.toml")).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", words(&output));
}

#[test]
fn a_kiosk_runs_its_roles_restarts_one_that_dies_and_stops_all_in_two_seconds() {
    let _alone = alone();
    let site = Site::simulated();
    let kiosk = Running(site.command("kiosk").stderr(Stdio::null()).spawn().unwrap());
    let number = kiosk.0.id();
    wait_for("the engine", || UnixStream::connect(site.path("engine.sock")).ok());
    let role_of = |child: u32| fs::read_to_string(format!("/proc/{child}/cmdline")).unwrap_or_default();
    let engine = || children_of(number).into_iter().find(|child| role_of(*child).contains("\0engine\0"));
    let first = engine().expect("the engine is a child");
    assert!(Command::new("kill").args(["-KILL", &first.to_string()]).status().unwrap().success());
    let second = wait_for("another engine", || engine().filter(|child| *child != first));
    wait_for("its socket", || Path::new(&site.path("engine.sock")).exists().then_some(()));
    wait_for("its service", || UnixStream::connect(site.path("engine.sock")).ok());
    let (took, status) = kiosk.stop();
    assert!(took < STOP_WITHIN + Duration::from_millis(200) && status == Some(0), "{took:?} {status:?}");
    wait_for("its end", || (!Path::new(&format!("/proc/{second}/exe")).exists()).then_some(()));
}

#[test]
fn the_demonstration_ends_every_visit_as_its_table_says() {
    let _alone = alone();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_carded"));
    let output = demo.args(["demo", "--no-window"]).stdin(Stdio::null()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", words(&output));
    assert!(told.contains("every visit ended as it has to"), "{told}");
    for reason in ["document_fields_differ", "document_expired", "face_mismatch", "liveness_attack"] {
        assert!(told.contains(&format!("refused: {reason}")), "{reason}: {told}");
    }
    assert_eq!(told.matches("attestation verified").count(), 6, "{told}");
}
