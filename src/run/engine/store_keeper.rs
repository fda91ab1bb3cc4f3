//! The store on a thread of its own: it waits for the disk, and nothing else has to.
//!
//! Always holds: one request at a time, in order; a request that was taken is carried out, also when nobody waits for the
//! answer any more, so that stopping the engine never cuts a transaction. Where somebody who reads the file kept the journal
//! from being emptied, that is tried again every second.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::EngineError;
use crate::store::Store;

/// Requests that may wait.
const MOST_WAITING: usize = 64;

/// How often the journal is tried to be emptied while that is owed.
const EMPTY_AGAIN_EVERY: Duration = Duration::from_secs(1);

type Request = Box<dyn FnOnce(&mut Store) + Send>;

/// A way to the store; clones lead to the same one.
#[derive(Clone)]
pub(super) struct StoreKeeper(mpsc::SyncSender<Request>);

impl StoreKeeper {
    /// Puts the store on its thread. The thread ends, and the store closes, when the last clone is dropped.
    pub(super) fn start(mut store: Store) -> Result<(Self, JoinHandle<()>), EngineError> {
        let (sender, requests) = mpsc::sync_channel::<Request>(MOST_WAITING);
        let thread = std::thread::Builder::new().name("store".to_owned()).spawn(move || {
            let mut tried = Instant::now();
            loop {
                let heard = if store.owes_emptying() {
                    requests.recv_timeout(EMPTY_AGAIN_EVERY.saturating_sub(tried.elapsed()))
                } else {
                    requests.recv().map_err(RecvTimeoutError::from)
                };
                match heard {
                    Ok(request) => request(&mut store),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
                if store.owes_emptying() && tried.elapsed() >= EMPTY_AGAIN_EVERY {
                    store.empty_journal_if_owed();
                    tried = Instant::now();
                }
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use jiff::Timestamp;

    use super::*;
    use crate::session::{SessionId, SessionState};
    use crate::store::Actor;
    use crate::verified;

    #[tokio::test]
    async fn a_journal_that_a_reader_has_held_up_is_emptied_when_it_has_gone_without_another_redaction() {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("store.db-wal");
        let (keeper, thread) = StoreKeeper::start(Store::open(folder.path()).unwrap()).unwrap();
        let session = verified::record(SessionId::from_random(&[3; 24]), SessionState::Created, Timestamp::now());
        let id = session.id.clone();
        keeper.call(move |store| store.create_session(&session)).await.unwrap().unwrap();
        let ended = crate::session::SessionRecord {
            state: SessionState::Expired,
            ..keeper.call(|store| store.open_sessions()).await.unwrap().unwrap().remove(0)
        };
        let end = move |store: &mut Store| {
            let (ended_at, bodies) = (Timestamp::now(), &|_: &crate::store::EventFacts<'_>| Vec::new());
            store.finish(&crate::store::Finish { record: &ended, ended_at, outcome: None, bodies }).map(drop)
        };
        keeper.call(end).await.unwrap().unwrap();
        let reader = rusqlite::Connection::open(folder.path().join("store.db")).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM session").unwrap();
        let redact = move |store: &mut Store| store.redact(&id, Timestamp::now(), Actor::Till, None);
        assert!(keeper.call(redact).await.unwrap().unwrap());
        assert!(journal.metadata().unwrap().len() > 0, "the control: the reader holds it up");
        drop(reader);
        let began = Instant::now();
        while journal.metadata().unwrap().len() > 0 {
            assert!(began.elapsed() < Duration::from_mins(1), "it was never emptied");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        drop(keeper);
        thread.join().unwrap();
    }
}
