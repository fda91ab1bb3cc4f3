//! The store on a thread of its own: it waits for the disk, and nothing else has to.
//!
//! Always holds: one request at a time, in order; a request that was taken is carried out, also when nobody waits for the
//! answer any more, so that stopping the engine never cuts a transaction.

use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::EngineError;
use crate::store::Store;

/// Requests that may wait.
const MOST_WAITING: usize = 64;

type Request = Box<dyn FnOnce(&mut Store) + Send>;

/// A way to the store; clones lead to the same one.
#[derive(Clone)]
pub(super) struct StoreKeeper(mpsc::SyncSender<Request>);

impl StoreKeeper {
    /// Puts the store on its thread. The thread ends, and the store closes, when the last clone is dropped.
    pub(super) fn start(mut store: Store) -> Result<(Self, JoinHandle<()>), EngineError> {
        let (sender, requests) = mpsc::sync_channel::<Request>(MOST_WAITING);
        let thread = std::thread::Builder::new().name("store".to_owned()).spawn(move || {
            while let Ok(request) = requests.recv() {
                request(&mut store);
            }
        });
        Ok((Self(sender), thread.map_err(EngineError::Thread)?))
    }

    /// Has the store do something and waits for the answer.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> T + Send + 'static,
    ) -> Result<T, EngineError> {
        let (answer, answered) = oneshot::channel();
        let request: Request = Box::new(move |store| {
            // Nobody may be waiting any more; what was done stays done.
            let _ = answer.send(work(store));
        });
        let sender = self.0.clone();
        // A full queue means a disk that hangs: waiting for it must not hold up the other tasks.
        let sent = tokio::task::spawn_blocking(move || sender.send(request).is_ok()).await.unwrap_or(false);
        if !sent {
            return Err(EngineError::Ended("store"));
        }
        answered.await.map_err(|_| EngineError::Ended("store"))
    }
}
