//! `carded ui`: the window on one side, the socket on the other.
//!
//! Always holds: the window shows what the engine last said, or that it is not there; what the person presses is sent
//! once, or not at all while the engine is away. Does not keep a picture or a prompt once the next has come.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::process::{stop_on_signals, stopped};
use super::socket::{Connection, EngineWriter, SocketError};
use crate::session::protocol::{Body, ClientMessage, ClientRole, EngineMessage};
use crate::session::{ConsentText, SessionId};
use crate::ui::{Ask, Command, UiError, UiHandle, Update, WindowOptions, show};

/// Wait before the engine is looked for again.
const AGAIN_AFTER: Duration = Duration::from_millis(300);
/// The longest such wait, where the engine refuses.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// Presses that may wait: nobody presses faster than the engine takes them.
const MOST_PRESSES: usize = 8;

/// Shows the window until it is closed or a signal comes. `ready` is called when the window is up and signals are heeded.
///
/// # Errors
/// [`UiError`] when there is no display.
pub fn run_ui(socket: &Path, options: &WindowOptions, ready: impl FnOnce() + Send + 'static) -> Result<(), UiError> {
    let (presses, pressed) = mpsc::channel(MOST_PRESSES);
    let socket = socket.to_owned();
    let started = move |window: UiHandle| {
        let talk = move || match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(talk(socket, window, pressed, ready)),
            Err(error) => {
                tracing::error!("the window cannot reach the engine: {error}; restart the device");
                window.update(Update::Quit);
            }
        };
        if let Err(error) = std::thread::Builder::new().name("socket".to_owned()).spawn(talk) {
            tracing::error!("the window cannot reach the engine: {error}; restart the device");
        }
    };
    // A press that finds eight waiting is dropped: the person sees that nothing happened and presses again.
    show(options, started, move |command| {
        let _ = presses.try_send(command);
    })
}

async fn talk(socket: PathBuf, window: UiHandle, mut pressed: mpsc::Receiver<Command>, ready: impl FnOnce()) {
    let mut stop = match stop_on_signals() {
        Ok(stop) => stop,
        Err(error) => {
            tracing::error!("signals cannot be caught: {error}; restart the device");
            window.update(Update::Quit);
            return;
        }
    };
    ready();
    let mut wait = AGAIN_AFTER;
    let mut said = None;
    while !*stop.borrow() {
        let error = tokio::select! {
            () = stopped(&mut stop) => break,
            ended = serve(&socket, &window, &mut pressed) => match ended {
                Ok(()) => break,
                Err(error) => error,
            },
        };
        wait = error.wait(wait, AGAIN_AFTER, LONGEST_WAIT);
        let why = error.to_string();
        match error {
            // Nothing that comes right by itself; once, and not at every try.
            SocketError::Refused(_) | SocketError::Protocol(_) if said.as_ref() != Some(&why) => {
                tracing::warn!("{why}");
                said = Some(why.clone());
            }
            _ => tracing::debug!("{why}"),
        }
        window.update(Update::Disconnected { why });
        if pause(&mut stop, wait).await {
            break;
        }
        while pressed.try_recv().is_ok() {}
    }
    window.update(Update::Quit);
}

/// Waits a moment; whether it is time to stop.
async fn pause(stop: &mut watch::Receiver<bool>, wait: Duration) -> bool {
    tokio::select! {
        () = stopped(stop) => true,
        () = tokio::time::sleep(wait) => false,
    }
}

/// One connection. Ends well when the window is gone.
async fn serve(socket: &Path, window: &UiHandle, pressed: &mut mpsc::Receiver<Command>) -> Result<(), SocketError> {
    let (mut reader, mut writer) = Connection::open(socket, ClientRole::Display).await?.split();
    window.update(Update::Connected);
    // What is pressed is meant for the session that was on the screen, and for the text that was.
    let (shown, on_screen) = watch::channel(None);
    let pass_on = async {
        loop {
            match reader.receive().await? {
                Body::Message(EngineMessage::Prompt(prompt)) => {
                    let session = prompt.session.clone();
                    shown.send_replace(session.map(|session| (session, prompt.estimates_age)));
                    window.update(Update::Prompt(prompt));
                }
                Body::Message(EngineMessage::Returning { session, said }) => {
                    window.update(Update::Returning(session, said));
                }
                Body::Message(EngineMessage::Failed { why }) => tracing::warn!("{why}"),
                Body::Message(_) => {}
                Body::Preview(picture) => window.update(Update::Preview(picture)),
            }
        }
    };
    tokio::select! {
        ended = pass_on => ended,
        ended = send_presses(&mut writer, pressed, &on_screen) => ended,
    }
}

async fn send_presses(
    writer: &mut EngineWriter,
    pressed: &mut mpsc::Receiver<Command>,
    on_screen: &watch::Receiver<Option<(SessionId, bool)>>,
) -> Result<(), SocketError> {
    while let Some(command) = pressed.recv().await {
        let message = match (command, on_screen.borrow().clone()) {
            (Command::Start, _) => ClientMessage::Start,
            (Command::Consent { given }, Some((session, estimates_age))) => {
                ClientMessage::Consent { session, given, text: ConsentText::own(estimates_age) }
            }
            (Command::Cancel, Some((session, _))) => ClientMessage::Cancel { session },
            (Command::ComeAgain, Some((session, _))) => ClientMessage::ComeAgain { session },
            (Command::Return(Ask::Code(address)), Some((session, _))) => {
                ClientMessage::AskCode { session, address, language: ConsentText::LANGUAGE.to_owned() }
            }
            (Command::Return(Ask::Compare(code)), Some((session, _))) => ClientMessage::EnterCode { session, code },
            (Command::Consent { .. } | Command::Cancel | Command::ComeAgain | Command::Return(_), None) => continue,
        };
        writer.send(&message).await?;
    }
    Ok(())
}
