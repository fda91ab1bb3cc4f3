//! The mail server of a test, and certificates for it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::certified::Certified;
use super::skip;

/// No test waits longer than this for anything.
pub const LIMIT: Duration = Duration::from_secs(20);
/// Debian's own Python, which has the server.
const PYTHON: &str = "/usr/bin/python3";

pub struct Server {
    process: Child,
    pub port: u16,
    said: Arc<Mutex<Vec<Value>>>,
}

/// A mail server that is configured so; `None`, said aloud, where none is installed.
pub fn server(settings: &Value) -> Option<Server> {
    let installed = Command::new(PYTHON).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
    if !installed.is_ok_and(|status| status.success()) {
        skip("no mail server is installed (python3-aiosmtpd): letters were not tried");
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail/server.py");
    let mut python = Command::new(PYTHON);
    python.arg(script).arg(settings.to_string()).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut process = python.spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    let port = u16::try_from(first["port"].as_u64().unwrap()).unwrap();
    let said = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&said);
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            heard.lock().unwrap().push(serde_json::from_str(&line).unwrap());
        }
    });
    Some(Server { process, port, said })
}

/// One that takes everything, from this machine, in the clear.
pub fn plain() -> Option<Server> {
    server(&json!({ "security": "none" }))
}

impl Server {
    /// What it was told so far.
    pub fn said(&self) -> Vec<Value> {
        self.said.lock().unwrap().clone()
    }

    /// The commands so far.
    pub fn commands(&self) -> Vec<String> {
        self.said().iter().map(|said| said["command"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until it was told so many times goodbye, so that all before has been said.
    pub async fn after_goodbyes(&self, count: usize) -> Vec<String> {
        self.until("goodbye", |said| {
            (said.iter().filter(|said| said["command"] == "QUIT").count() >= count).then_some(())
        })
        .await;
        self.commands()
    }

    /// Waits for a letter and gives back its recipients and its text.
    pub async fn letter(&self) -> (Value, String) {
        let found = |said: &[Value]| said.iter().find(|said| said["command"] == "LETTER").cloned();
        let letter = self.until("a letter", found).await;
        (letter["to"].clone(), letter["text"].as_str().unwrap().to_owned())
    }

    pub async fn until<T>(&self, what: &str, found: impl Fn(&[Value]) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(found) = found(&self.said()) {
                return found;
            }
            assert!(started.elapsed() < LIMIT, "waited in vain for {what}: {:?}", self.commands());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Settings of a server that shows a certificate.
pub fn certified_settings(certified: &Certified, security: &str) -> Value {
    json!({ "security": security, "certificate": certified.path("server.pem"), "key": certified.path("server.key") })
}
