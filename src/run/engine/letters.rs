//! Letters on their way to the role that sends them: in memory only, one try each.
//!
//! Always holds: an address is held only while its letter is on the way, and this copy of it wiped then; a letter that nobody has taken in time
//! was not sent; a restart forgets it. Does not write letters and does not speak to mail servers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::session::protocol::{EngineMessage, Letter};

/// Time for a letter to be taken by a mail server.
const WITHIN: Duration = Duration::from_secs(15);
/// Letters that may be on the way at once.
const MOST_UNDER_WAY: usize = 8;

/// The way to whoever sends letters, if anybody is there.
#[derive(Clone, Default)]
pub(super) struct Letters(Arc<Mutex<Option<mpsc::Sender<Outgoing>>>>);

/// A letter, and who wants to know how it went.
pub(super) struct Outgoing {
    letter: Option<Letter>,
    answer: oneshot::Sender<bool>,
}

/// The end of that way: belongs to the one connection of the role that sends.
pub(super) struct Postbox {
    letters: Letters,
    incoming: mpsc::Receiver<Outgoing>,
    under_way: HashMap<u64, oneshot::Sender<bool>>,
    next: u64,
}

impl Letters {
    /// Has a letter sent; or, without one, finds out whether it could be. Whether a mail server is ready to take it.
    pub(super) async fn send(&self, letter: Option<Letter>) -> bool {
        self.send_within(letter, WITHIN).await
    }

    async fn send_within(&self, letter: Option<Letter>, within: Duration) -> bool {
        let Some(way) = self.way() else { return false };
        let (answer, answered) = oneshot::channel();
        let sent = async { way.send(Outgoing { letter, answer }).await.is_ok() && answered.await.unwrap_or(false) };
        tokio::time::timeout(within, sent).await.unwrap_or(false)
    }

    /// Takes the place of whoever sends.
    pub(super) fn open(&self) -> Postbox {
        let (way, incoming) = mpsc::channel(MOST_UNDER_WAY);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(way);
        Postbox { letters: self.clone(), incoming, under_way: HashMap::new(), next: 0 }
    }

    fn way(&self) -> Option<mpsc::Sender<Outgoing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Postbox {
    /// The next letter to be sent.
    pub(super) async fn next(&mut self) -> EngineMessage {
        let Some(Outgoing { letter, answer }) = self.incoming.recv().await else { return std::future::pending().await };
        // Whoever has given up waiting is forgotten, so that the list stays short.
        self.under_way.retain(|_, waiting| !waiting.is_closed());
        self.next += 1;
        self.under_way.insert(self.next, answer);
        EngineMessage::Letter { ticket: self.next, letter }
    }

    /// Tells whoever waits how it went.
    pub(super) fn settle(&mut self, ticket: u64, sent: bool) {
        if let Some(waiting) = self.under_way.remove(&ticket) {
            // They may have given up.
            let _ = waiting.send(sent);
        }
    }
}

impl Drop for Postbox {
    fn drop(&mut self) {
        *self.letters.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::protocol::PrivateText;

    fn letter() -> Letter {
        let text = |text: &str| PrivateText(text.to_owned());
        Letter { to: text("ana@shop.example"), code: text("123 456"), language: "en".to_owned(), minutes: 10 }
    }

    #[tokio::test]
    async fn a_letter_goes_to_whoever_sends_and_the_answer_comes_back() {
        let letters = Letters::default();
        let mut postbox = letters.open();
        for sent in [true, false] {
            let waiting = tokio::spawn({
                let letters = letters.clone();
                async move { letters.send(Some(letter())).await }
            });
            let EngineMessage::Letter { ticket, letter: Some(got) } = postbox.next().await else { panic!() };
            assert_eq!(got, letter());
            postbox.settle(ticket + 1, !sent);
            postbox.settle(ticket, sent);
            assert_eq!(waiting.await.unwrap(), sent);
        }
    }

    #[tokio::test]
    async fn without_anybody_who_sends_nothing_is_sent() {
        let letters = Letters::default();
        assert!(!letters.send(Some(letter())).await);
        let postbox = letters.open();
        let waiting = tokio::spawn({
            let letters = letters.clone();
            async move { letters.send(None).await }
        });
        tokio::task::yield_now().await;
        drop(postbox);
        assert!(!waiting.await.unwrap() && !letters.send(None).await);
    }

    #[tokio::test]
    async fn a_letter_that_is_not_settled_in_time_was_not_sent() {
        let letters = Letters::default();
        let _postbox = letters.open();
        assert!(!letters.send_within(Some(letter()), Duration::from_millis(20)).await);
    }
}
