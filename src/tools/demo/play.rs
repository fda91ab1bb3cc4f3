//! Plays one scene: starts a session as a till does, follows its prompts, and looks for the event at the receiver.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::scenes::Ended;
use crate::run::{Connection, EngineWriter, SocketError};
use crate::session::protocol::{Body, ClientMessage, ClientRole, EngineMessage};
use crate::session::{ConsentText, Prompt, Screen, SessionId, SessionState};
use crate::sync::choose_cryptography;

/// Longest time without any new prompt.
const PROMPT_WITHIN: Duration = Duration::from_secs(90);
/// Longest time from the end of a session, or the receiver's return, to the event's arrival.
const DELIVERED_WITHIN: Duration = Duration::from_secs(20);
/// Time between two looks at the receiver.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Messages that may wait.
const MOST_MESSAGES: usize = 64;

/// Why a scene could not be played: never how a scene ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlayError {
    /// The engine cannot be reached.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The engine does not start a session.
    #[error("the engine starts no session: {0}")]
    Refused(String),
    /// Nothing happens.
    #[error("nothing new was shown for {PROMPT_WITHIN:.0?}; look at the engine's messages above")]
    Silent,
    /// The receiver cannot be asked.
    #[error("the receiver cannot be asked for its events: {0}")]
    Receiver(String),
}

/// A till at the counter.
pub(super) struct Till {
    writer: EngineWriter,
    messages: mpsc::Receiver<EngineMessage>,
    last: Option<SessionId>,
    receiver: String,
    client: reqwest::Client,
}

impl Till {
    /// Connects to the engine. `receiver` is the receiver's address, `http://…`.
    pub(super) async fn connect(socket: &Path, receiver: String) -> Result<Self, PlayError> {
        let (mut reader, writer) = Connection::open(socket, ClientRole::Till).await?.split();
        let (sender, messages) = mpsc::channel(MOST_MESSAGES);
        tokio::spawn(async move {
            while let Ok(Body::Message(message)) = reader.receive().await {
                if sender.send(message).await.is_err() {
                    return;
                }
            }
        });
        choose_cryptography();
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build();
        let client = client.map_err(|error| PlayError::Receiver(error.to_string()))?;
        Ok(Self { writer, messages, last: None, receiver, client })
    }

    /// Starts a session, agrees for the person, and follows it to its end. `tell` hears of every new screen.
    pub(super) async fn session(&mut self, tell: &mut dyn FnMut(&Prompt)) -> Result<Ended, PlayError> {
        self.writer.send(&ClientMessage::Start).await?;
        loop {
            let message = timeout(PROMPT_WITHIN, self.messages.recv()).await.map_err(|_| PlayError::Silent)?;
            let prompt = match message.ok_or(SocketError::Closed)? {
                EngineMessage::Prompt(prompt) => prompt,
                EngineMessage::Failed { why } => return Err(PlayError::Refused(why)),
                _ => continue,
            };
            if prompt.session.is_none() || prompt.session == self.last {
                continue;
            }
            tell(&prompt);
            let (state, reason) = match prompt.screen {
                Screen::Consent => {
                    if let Some(session) = prompt.session {
                        let text = ConsentText::own(prompt.estimates_age);
                        self.writer.send(&ClientMessage::Consent { session, given: true, text }).await?;
                    }
                    continue;
                }
                Screen::Verified => (SessionState::Verified, None),
                Screen::NotVerified { reason } => (SessionState::NotVerified, Some(reason)),
                Screen::Canceled { by } => (SessionState::Canceled(by), None),
                Screen::Expired => (SessionState::Expired, None),
                Screen::Idle
                | Screen::Document { .. }
                | Screen::Face { .. }
                | Screen::FlashNotice
                | Screen::Flash { .. }
                | Screen::Deciding
                | Screen::Review
                | Screen::Fault { .. } => continue,
            };
            self.last = prompt.session;
            return Ok(Ended { state, reason, delivered: false });
        }
    }

    /// The last session's event, once the receiver has it; `None` when it does not come.
    pub(super) async fn delivered(&self) -> Result<Option<Value>, PlayError> {
        let Some(session) = self.last.as_ref().map(SessionId::stile) else { return Ok(None) };
        let until = Instant::now() + DELIVERED_WITHIN;
        while Instant::now() < until {
            if let Some(event) = self.event_of(&session).await? {
                return Ok(Some(event));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(None)
    }

    async fn event_of(&self, session: &str) -> Result<Option<Value>, PlayError> {
        // A receiver that was just started may not listen yet.
        let Ok(answer) = self.client.get(format!("{}/events", self.receiver)).send().await else { return Ok(None) };
        let text = answer.text().await.map_err(|error| PlayError::Receiver(error.to_string()))?;
        let events: Value = serde_json::from_str(&text).map_err(|error| PlayError::Receiver(error.to_string()))?;
        let listed = events.as_array().or_else(|| events["data"].as_array()).into_iter().flatten();
        Ok(listed.into_iter().find(|event| event["session"] == session).cloned())
    }
}
