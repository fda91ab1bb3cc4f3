//! `carded kiosk` and `carded handheld`: every role as a child process of its own.
//!
//! Always holds: a child that ends is started again, ever more slowly while it keeps failing; a child whose command line
//! or configuration is wrong is not, and ends the whole with its reason; when the supervisor is told to stop, or dies, its
//! children stop. Does not do a role's work, and shares no memory with one.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::process::stopped;

/// Wait before a child is started again, at first.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest such wait.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// A child that ran for so long had recovered.
const RECOVERED_AFTER: Duration = Duration::from_mins(1);
/// Time that children get to stop by themselves.
const STOP_WITHIN: Duration = Duration::from_millis(1900);
/// The exit status of a wrong command line or configuration: starting again cannot help.
const USAGE: i32 = 2;

/// One child.
#[derive(Debug, Clone)]
pub struct ChildSpec {
    /// Its name in the log.
    pub name: &'static str,
    /// Its command line after the program.
    pub arguments: Vec<String>,
    /// Whether all end when it ends well: the window that somebody closes.
    pub ends_all: bool,
}

/// Why the supervisor ended.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// A child cannot be started.
    #[error("cannot start {name}: {source}; check that the program is still where it was")]
    Spawn {
        /// Which child.
        name: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// A child says that it is configured wrongly.
    #[error("{0} cannot run with this configuration; its own message says what to change")]
    Configuration(&'static str),
    /// A task of the supervisor itself failed.
    #[error("the supervisor failed; report it with the log")]
    Internal,
}

/// Runs the children until `stop` says so, or one ends for good.
///
/// # Errors
/// [`SupervisorError`] when a child cannot be started or is configured wrongly.
pub async fn supervise(
    program: PathBuf,
    children: Vec<ChildSpec>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), SupervisorError> {
    let (halt, halted) = watch::channel(false);
    let mut tasks = JoinSet::new();
    for spec in children {
        tasks.spawn(keep_running(program.clone(), spec, halted.clone()));
    }
    let reason = tokio::select! {
        () = stopped(&mut stop) => Ok(()),
        Some(ended) = tasks.join_next() => ended.unwrap_or(Err(SupervisorError::Internal)),
    };
    let _ = halt.send(true);
    while tasks.join_next().await.is_some() {}
    reason
}

/// Keeps one child running. Ends well when it is told to stop, or when a child that `ends_all` has ended well.
async fn keep_running(
    program: PathBuf,
    spec: ChildSpec,
    mut stop: watch::Receiver<bool>,
) -> Result<(), SupervisorError> {
    let mut wait = FIRST_WAIT;
    loop {
        let mut child = start(&program, &spec)?;
        let started = Instant::now();
        tracing::info!(child = spec.name, "started");
        let status = tokio::select! {
            () = stopped(&mut stop) => return end(child, spec.name).await,
            status = child.wait() => status.map_err(|source| SupervisorError::Spawn { name: spec.name, source })?,
        };
        if status.code() == Some(USAGE) {
            return Err(SupervisorError::Configuration(spec.name));
        }
        if status.success() && spec.ends_all {
            return Ok(());
        }
        if started.elapsed() >= RECOVERED_AFTER {
            wait = FIRST_WAIT;
        }
        tracing::warn!("{} ended ({}); it is started again in {wait:.1?}", spec.name, said(status));
        tokio::select! {
            () = stopped(&mut stop) => return Ok(()),
            () = tokio::time::sleep(wait) => {}
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

fn start(program: &std::path::Path, spec: &ChildSpec) -> Result<Child, SupervisorError> {
    let spawned = Command::new(program).args(&spec.arguments).kill_on_drop(true).spawn();
    spawned.map_err(|source| SupervisorError::Spawn { name: spec.name, source })
}

/// Asks a child to stop, and stops it when it does not.
async fn end(mut child: Child, name: &'static str) -> Result<(), SupervisorError> {
    ask_to_stop(&child);
    if tokio::time::timeout(STOP_WITHIN, child.wait()).await.is_err() {
        tracing::warn!("{name} did not stop in {STOP_WITHIN:.1?} and is killed");
        let _ = child.kill().await;
    }
    Ok(())
}

/// Sends SIGTERM to a child that was not waited for yet.
pub fn ask_to_stop(child: &Child) {
    let number = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(number) = number {
        // It may have ended by itself in this moment.
        let _ = rustix::process::kill_process(number, rustix::process::Signal::TERM);
    }
}

fn said(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "for no stated reason".to_owned(),
    }
}
