//! What the worker gives up before it looks at the first byte.

use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};

use crate::run::process::leave_no_core_dump;

/// Address space of the worker, in bytes: the largest picture takes about 500 MB to decode and answer.
pub const MAX_WORKER_MEMORY: u64 = 2 << 30;
/// File descriptors: the three streams, and none besides.
const STREAMS: u64 = 3;

/// Leaves no core dump and no way to be looked into, bounds the memory, opens no file any more, and dies with
/// the thread that started it.
pub(super) fn confine() -> std::io::Result<()> {
    let at_most = |limit: u64| Rlimit { current: Some(limit), maximum: Some(limit) };
    set_parent_process_death_signal(Some(Signal::KILL))?;
    leave_no_core_dump()?;
    setrlimit(Resource::As, at_most(MAX_WORKER_MEMORY))?;
    setrlimit(Resource::Nofile, at_most(STREAMS))?;
    Ok(())
}
