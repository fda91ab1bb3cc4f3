//! Letters beside the deliveries: each gets one try, and an answer as soon as it is known whether a letter could go.
//!
//! Always holds: the answer is given before a recipient is named to the mail server, by what is the same with a letter and
//! without one, so that whoever measures it learns nothing of an address; what becomes of the letter then is in the log, as a
//! class and a number. A letter is in memory only, and gone when its try has ended. Does not open the connection to the engine.

use tokio::task::{JoinError, JoinSet};

use super::mail::{MailError, Mailer, OpenMail};
use crate::session::protocol::{ClientMessage, Letter};

/// Letters in hand at once; the engine has fewer under way.
const MAX_IN_HAND: usize = 16;

/// Takes letters from the engine.
pub(super) struct PostOffice {
    /// Missing where no mail is configured.
    mailer: Option<Mailer>,
    tries: JoinSet<Step>,
}

/// How far a try has come.
pub(super) enum Step {
    /// It is known whether a letter could go.
    Opened { ticket: u64, letter: Option<Letter>, opened: Result<OpenMail, MailError> },
    /// The try is over.
    Ended(Result<(), MailError>),
}

impl PostOffice {
    pub(super) fn new(mailer: Option<Mailer>) -> Self {
        Self { mailer, tries: JoinSet::new() }
    }

    /// Begins a try; the answer, where it is known at once.
    pub(super) fn take(&mut self, ticket: u64, letter: Option<Letter>) -> Option<ClientMessage> {
        let Some(mailer) = self.mailer.clone().filter(|_| self.tries.len() < MAX_IN_HAND) else {
            return Some(ClientMessage::Posted { ticket, sent: false });
        };
        self.tries.spawn(async move { Step::Opened { ticket, letter, opened: mailer.open().await } });
        None
    }

    /// Whether nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.tries.is_empty()
    }

    /// Waits for a try to come further; `None` when nothing is under way. May be dropped while it waits.
    pub(super) async fn step(&mut self) -> Option<Result<Step, JoinError>> {
        self.tries.join_next().await
    }

    /// Goes on with a try; the answer, when it is known now.
    pub(super) fn go_on(&mut self, step: Result<Step, JoinError>) -> Option<ClientMessage> {
        match step {
            Ok(Step::Opened { ticket, letter, opened }) => {
                let sent = opened.is_ok();
                match opened {
                    Ok(open) => {
                        self.tries.spawn(async move { Step::Ended(finish(open, letter).await) });
                    }
                    Err(error) => tracing::warn!("no letter can be sent now: {error}"),
                }
                Some(ClientMessage::Posted { ticket, sent })
            }
            Ok(Step::Ended(Ok(()))) => None,
            Ok(Step::Ended(Err(error))) => {
                tracing::warn!("a letter with a code was not sent: {error}");
                None
            }
            // Deliveries go on; the engine gives up on this letter by itself.
            Err(_) => {
                tracing::error!("sending a letter ended unexpectedly; report this");
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
