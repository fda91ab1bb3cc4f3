//! How a session goes on, as server-sent events (WHATWG HTML, section 9.2), so that a till need not poll.
//!
//! Always holds: events are unsigned hints; none says how a session ended, so that whoever listens with a client secret
//! learns no result; a stream ends with its session. Only a webhook, a retrieval with a secret key, or the attestation
//! grants anything.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use utoipa::ToSchema;

use super::backend::Backend;
use super::http::halted;
use crate::session::{DocumentSide, Hint, Prompt, Screen, SessionId, SessionState};

/// Time between two comments that keep a quiet stream open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Events that may wait for a slow listener; after that it misses some, and the newest stands.
const MOST_WAITING: usize = 8;

/// How far a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProgressPhase {
    /// No screen shows it yet.
    Waiting,
    /// The person reads what is going to happen.
    Consent,
    /// The document's front is asked for.
    DocumentFront,
    /// The document's back is asked for.
    DocumentBack,
    /// The head turn is being done.
    Face,
    /// The decision is being written.
    Deciding,
    /// Staff look at the document.
    Review,
    /// The device cannot go on for now: nobody's failure.
    DeviceFault,
}

/// What an event carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Progress {
    /// The session, with its dialect's prefix.
    session: String,
    /// How far it is; absent when it has finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<ProgressPhase>,
    /// What would help the person now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    hint: Option<Hint>,
}

/// What the stream tells last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Phase(ProgressPhase),
    Hint(Hint),
    Finished,
}

impl Told {
    fn event(self, session: &str) -> Event {
        let (name, phase, hint) = match self {
            Self::Phase(phase) => ("phase", Some(phase), None),
            Self::Hint(hint) => ("hint", None, Some(hint)),
            Self::Finished => ("finished", None, None),
        };
        let progress = Progress { session: session.to_owned(), phase, hint };
        let data = serde_json::to_string(&progress).unwrap_or_default();
        Event::default().event(name).data(data)
    }
}

/// What the screen says of a session; `None` when it shows another one, or an end.
fn phase_of(prompt: &Prompt, session: &SessionId) -> Option<ProgressPhase> {
    if prompt.session.as_ref() != Some(session) {
        return None;
    }
    Some(match prompt.screen {
        Screen::Consent => ProgressPhase::Consent,
        Screen::Document { side: DocumentSide::Front } => ProgressPhase::DocumentFront,
        Screen::Document { side: DocumentSide::Back } => ProgressPhase::DocumentBack,
        Screen::Face { .. } | Screen::FlashNotice | Screen::Flash { .. } => ProgressPhase::Face,
        Screen::Deciding => ProgressPhase::Deciding,
        Screen::Review => ProgressPhase::Review,
        Screen::Fault { .. } => ProgressPhase::DeviceFault,
        Screen::Idle | Screen::Verified | Screen::NotVerified { .. } | Screen::Canceled { .. } | Screen::Expired => {
            return None;
        }
    })
}

/// The same by what is on disk, where no screen shows it.
fn phase_by_state(state: SessionState) -> Option<ProgressPhase> {
    Some(match state {
        SessionState::Created => ProgressPhase::Waiting,
        SessionState::AwaitingConsent => ProgressPhase::Consent,
        SessionState::AwaitingDocument => ProgressPhase::DocumentFront,
        SessionState::AwaitingFace => ProgressPhase::Face,
        SessionState::Deciding => ProgressPhase::Deciding,
        SessionState::AwaitingReview => ProgressPhase::Review,
        SessionState::Verified | SessionState::NotVerified | SessionState::Canceled(_) | SessionState::Expired => {
            return None;
        }
    })
}

/// Streams a session until it ends, the listener goes, or the engine stops.
pub(super) fn stream<B: Backend>(
    backend: std::sync::Arc<super::Api<B>>,
    session: SessionId,
    shown_as: String,
    place: OwnedSemaphorePermit,
    stop: watch::Receiver<bool>,
) -> Response {
    let (events, listener) = mpsc::channel(MOST_WAITING);
    tokio::spawn(async move {
        tell(&backend, &session, &shown_as, &events, stop).await;
        drop(place);
    });
    let events = ReceiverStream::new(listener);
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

async fn tell<B: Backend>(
    api: &super::Api<B>,
    session: &SessionId,
    shown_as: &str,
    events: &mpsc::Sender<Result<Event, Infallible>>,
    mut stop: watch::Receiver<bool>,
) {
    let (mut prompts, mut ends) = (api.backend().prompts(), api.backend().ends());
    let (mut told_phase, mut told_hint) = (None, None);
    loop {
        prompts.mark_unchanged();
        ends.mark_unchanged();
        let prompt = prompts.borrow().clone();
        let on_screen = phase_of(&prompt, session);
        let phase = match on_screen {
            Some(phase) => Some(phase),
            // A disk that cannot be read ends the stream; the listener asks again.
            None => match api.backend().session(session.clone()).await {
                Ok(Some(found)) => phase_by_state(found.record.state),
                Ok(None) | Err(_) => return,
            },
        };
        let hint = prompt.hint.filter(|_| on_screen.is_some());
        let mut news = Vec::new();
        match phase {
            None => news.push(Told::Finished),
            Some(phase) if told_phase != Some(phase) => {
                told_phase = Some(phase);
                news.push(Told::Phase(phase));
            }
            Some(_) => {}
        }
        if let Some(hint) = hint.filter(|_| hint != told_hint) {
            news.push(Told::Hint(hint));
        }
        told_hint = hint;
        for told in news {
            if events.send(Ok(told.event(shown_as))).await.is_err() || told == Told::Finished {
                return;
            }
        }
        tokio::select! {
            changed = prompts.changed() => if changed.is_err() { return },
            changed = ends.changed() => if changed.is_err() { return },
            () = events.closed() => return,
            () = halted(&mut stop) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_screen_of_an_end_and_no_state_of_one_tells_how_it_ended() {
        let session = SessionId::from_random(&[3; SessionId::CHARACTERS]);
        for screen in [
            Screen::Verified,
            Screen::NotVerified { reason: crate::session::ReasonCode::UnderAge },
            Screen::Canceled { by: crate::session::CanceledBy::Till },
            Screen::Expired,
        ] {
            let prompt = Prompt { session: Some(session.clone()), screen, ..Prompt::idle() };
            assert_eq!(phase_of(&prompt, &session), None);
        }
        for state in [SessionState::Verified, SessionState::NotVerified, SessionState::Expired] {
            assert_eq!(phase_by_state(state), None);
        }
    }

    #[test]
    fn another_session_s_screen_says_nothing_of_this_one() {
        let [one, other] = [3, 4].map(|byte| SessionId::from_random(&[byte; SessionId::CHARACTERS]));
        let prompt = Prompt { session: Some(other), screen: Screen::Consent, ..Prompt::idle() };
        assert_eq!(phase_of(&prompt, &one), None);
    }
}
