//! The languages of `docs/receivers/`, and a handler as a child process.

use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, mpsc};

use crate::support;
use crate::support::receiver::LIMIT;

/// How the handler and the client of a language are run.
pub struct Language {
    name: &'static str,
    /// What is there, and new enough, when it succeeds.
    probe: &'static [&'static str],
    handler: &'static [&'static str],
    client: &'static [&'static str],
    /// Whether events and outcomes are files.
    pub keeps_files: bool,
    /// Whether several processes may have one store.
    pub shares_its_store: bool,
}

const LANGUAGES: [Language; 5] = [
    Language {
        name: "node",
        probe: &["node", "-e", "process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)"],
        handler: &["node", "node/receiver.mjs"],
        client: &["node", "node/client.mjs"],
        keeps_files: true,
        shares_its_store: false,
    },
    Language {
        name: "python",
        probe: &["python3", "-c", "import sqlite3, sys; sys.exit(sys.version_info < (3, 11))"],
        handler: &["python3", "-B", "python/receiver.py"],
        client: &["python3", "-B", "python/client.py"],
        keeps_files: false,
        shares_its_store: true,
    },
    Language {
        name: "go",
        probe: &["go", "version"],
        handler: &["receiver"],
        client: &["client"],
        keeps_files: true,
        shares_its_store: false,
    },
    Language {
        name: "ruby",
        probe: &["ruby", "-e", "exit(RUBY_VERSION.to_i >= 3)"],
        handler: &["ruby", "ruby/receiver.rb"],
        client: &["ruby", "ruby/client.rb"],
        keeps_files: true,
        shares_its_store: true,
    },
    Language {
        name: "php",
        probe: &["php", "-r", "exit(PHP_VERSION_ID < 80100 ? 1 : 0);"],
        handler: &["php", "-S", "127.0.0.1:0", "php/receiver.php"],
        client: &["php", "php/client.php"],
        keeps_files: true,
        shares_its_store: true,
    },
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/receivers")
}

/// A language, or `None` with a clear line when this machine does not have it.
pub fn installed(name: &str) -> Option<&'static Language> {
    let language = LANGUAGES.iter().find(|language| language.name == name).unwrap();
    let (program, arguments) = language.probe.split_first().unwrap();
    let found = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        return Some(language);
    }
    support::skip(&format!("{program} is not on this machine, or too old: docs/receivers/{name} was not run"));
    None
}

impl Language {
    pub fn client(&self) -> Command {
        self.command(self.client)
    }

    fn command(&self, words: &[&str]) -> Command {
        let (program, arguments) = words.split_first().unwrap();
        let program = if self.name == "go" { built_by_go().join(program) } else { PathBuf::from(program) };
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder()).env("CARDED_LISTEN", "127.0.0.1:0");
        command
    }
}

/// Where Go has left its programs; they are built once.
fn built_by_go() -> PathBuf {
    static BUILDING: Mutex<bool> = Mutex::new(false);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go");
    let mut built = BUILDING.lock().unwrap();
    if !*built {
        std::fs::create_dir_all(target.join("bin")).unwrap();
        let status = Command::new("go")
            .args(["build", "-buildvcs=false", "-o"])
            .args([target.join("bin"), "./receiver".into(), "./client".into()])
            .current_dir(folder().join("go"))
            .env("GOCACHE", target.join("cache"))
            .env("GOTOOLCHAIN", "local")
            .env("GOPROXY", "off")
            .status();
        assert!(status.unwrap().success(), "the handler in Go does not compile");
        *built = true;
    }
    target.join("bin")
}

/// A running handler, until it is dropped.
pub struct Handler {
    pub address: SocketAddr,
    process: Ended,
    lines: mpsc::Receiver<String>,
}

impl Handler {
    /// Starts a handler with these secrets on a free port; its store stays in the folder.
    pub fn start(language: &Language, folder: &Path, secrets: &[&str]) -> Self {
        Self::try_start(language, folder, secrets).expect("the handler starts")
    }

    /// The same; `None` when it ends before it listens.
    pub fn try_start(language: &Language, folder: &Path, secrets: &[&str]) -> Option<Self> {
        let secret_file = folder.join("secrets");
        std::fs::write(&secret_file, secrets.join("\n") + "\n").unwrap();
        let mut command = language.command(language.handler);
        command.env("CARDED_WEBHOOK_SECRET_FILE", secret_file).env("CARDED_STORE", folder.join("store"));
        let mut process = Ended(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
        let (say, lines) = mpsc::channel();
        let streams: [Box<dyn Read + Send>; 2] =
            [Box::new(process.0.stdout.take().unwrap()), Box::new(process.0.stderr.take().unwrap())];
        for stream in streams {
            let say = say.clone();
            std::thread::spawn(move || {
                BufReader::new(stream).lines().map_while(Result::ok).try_for_each(|line| say.send(line))
            });
        }
        drop(say);
        let address = loop {
            match lines.recv_timeout(LIMIT) {
                Ok(line) => {
                    if let Some(address) = listening(&line) {
                        break address;
                    }
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return None,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("the handler neither listens nor ends"),
            }
        };
        Some(Self { address, process, lines })
    }

    /// What it has done, a line for each new event, each grant and each that was taken back; it is ended.
    pub fn stop(self) -> Vec<String> {
        const EFFECTS: [&str; 3] = ["event ", "grant ", "revoke "];
        drop(self.process);
        self.lines.iter().filter(|line| EFFECTS.iter().any(|effect| line.starts_with(effect))).collect()
    }
}

/// A child process that ends with whoever holds it.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The address in the line that says where a handler listens.
fn listening(line: &str) -> Option<SocketAddr> {
    let address = match line.strip_prefix("listening on ") {
        Some(address) => address,
        None => line.split_once("Development Server (http://")?.1.split_once(')')?.0,
    };
    address.parse().ok()
}
