//! Letters beside the deliveries: each gets one try, and an answer as soon as it is known whether a letter could go.
//!
//! Always holds: the answer is given before a recipient is named to the mail server, by what is the same with a letter and
//! without one, so that whoever measures it learns nothing of an address; what becomes of the letter then is in the log, as a
//! class and a number. A letter is in memory only, and gone when its try has ended; a try outlasts the connection to the engine
//! that it came by, and nobody else's hears of it. Does not open the connection to the engine.

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::mail::{MailError, Mailer, OpenMail};
use crate::session::protocol::{ClientMessage, Letter};

/// Letters in hand at once; the engine has fewer under way.
const MAX_IN_HAND: usize = 16;

/// Takes letters from the engine.
#[derive(Debug)]
pub(super) struct PostOffice {
    /// Missing where no mail is configured.
    mailer: Option<Mailer>,
    tries: JoinSet<()>,
    /// Which connection to the engine this is: a ticket of another one means another letter.
    connection: u64,
    answer: mpsc::Sender<(u64, ClientMessage)>,
    answers: mpsc::Receiver<(u64, ClientMessage)>,
}

impl PostOffice {
    pub(super) fn new(mailer: Option<Mailer>) -> Self {
        let (answer, answers) = mpsc::channel(MAX_IN_HAND);
        Self { mailer, tries: JoinSet::new(), connection: 0, answer, answers }
    }

    /// From now on another engine asks, or the same one anew.
    pub(super) fn connect(&mut self) {
        self.connection += 1;
    }

    /// Begins a try; the answer, where it is known at once.
    pub(super) fn take(&mut self, ticket: u64, letter: Option<Letter>) -> Option<ClientMessage> {
        let Some(mailer) = self.mailer.clone().filter(|_| self.tries.len() < MAX_IN_HAND) else {
            return Some(ClientMessage::Posted { ticket, sent: false });
        };
        let (answer, connection) = (self.answer.clone(), self.connection);
        self.tries.spawn(async move {
            let opened = mailer.open().await;
            // Every try has a place for its one answer. Nobody waits for it where the role has ended.
            let _ = answer.send((connection, ClientMessage::Posted { ticket, sent: opened.is_ok() })).await;
            match opened {
                Err(error) => tracing::warn!("no letter can be sent now: {error}"),
                Ok(open) => {
                    if let Err(error) = finish(open, letter).await {
                        tracing::warn!("a letter with a code was not sent: {error}");
                    }
                }
            }
        });
        None
    }

    /// Whether nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.tries.is_empty()
    }

    /// Waits for a try to come further: an answer, or nothing when one has ended. May be dropped while it waits.
    pub(super) async fn step(&mut self) -> Option<ClientMessage> {
        tokio::select! {
            biased;
            Some((connection, message)) = self.answers.recv() => (connection == self.connection).then_some(message),
            Some(ended) = self.tries.join_next() => {
                // Deliveries go on; the engine gives up on this letter by itself.
                if ended.is_err() {
                    tracing::error!("sending a letter ended unexpectedly; report this");
                }
                None
            }
        }
    }
}

async fn finish(open: OpenMail, letter: Option<Letter>) -> Result<(), MailError> {
    let Some(letter) = letter else {
        open.leave().await;
        return Ok(());
    };
    open.send(&letter).await
}
