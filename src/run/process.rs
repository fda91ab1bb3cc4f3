//! What every long-running role does as a process: stop on a signal, say that it is ready, end with its parent.

use std::future::Future;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Time that threads in the middle of something get when the role has ended.
const LINGER: Duration = Duration::from_millis(100);

/// Runs a role to its end. Its `stop` turns true on SIGTERM and SIGINT.
///
/// # Errors
/// When the system gives no runtime or no signals; what the role itself ends with is inside.
pub fn run_role<T, F: Future<Output = T>>(role: impl FnOnce(watch::Receiver<bool>) -> F) -> Result<T, std::io::Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let ended = runtime.block_on(async {
        let stop = stop_on_signals()?;
        Ok(role(stop).await)
    });
    runtime.shutdown_timeout(LINGER);
    ended
}

/// Turns true on SIGTERM and SIGINT.
///
/// # Errors
/// When the system gives no signals.
pub fn stop_on_signals() -> Result<watch::Receiver<bool>, std::io::Error> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        let _ = stop.send(true);
        // The sender stays, so that nobody takes its end for a signal.
        std::future::pending::<()>().await;
    });
    Ok(stopped)
}

/// Waits until it is time to stop. A signal's sender that is gone says so too.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Tells the service manager, if there is one, that the role can do its work.
pub fn tell_ready() {
    if let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Ready]) {
        tracing::warn!("cannot tell the service manager that this role is ready: {error}");
    }
}

/// Has a crash leave nothing of the memory behind, and keeps other processes of the same user from looking into it.
///
/// # Errors
/// When the kernel refuses.
pub fn leave_no_core_dump() -> std::io::Result<()> {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(())
}

/// Has the kernel end this process when its parent does, so that no role outlives its supervisor.
pub fn end_with_parent() {
    use rustix::process::{Signal, set_parent_process_death_signal};
    if let Err(error) = set_parent_process_death_signal(Some(Signal::TERM)) {
        tracing::warn!("this role may outlive its supervisor: {error}");
    }
}
