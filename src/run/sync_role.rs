//! `carded sync`: the socket on one side, the receivers on the other.
//!
//! Always holds: it opens the endpoints' secrets and the mail server's password, and no key, camera or database; a lost engine is
//! looked for until it is back, and what was in hand is leased again; one that refuses is asked ever more rarely. Endpoints that
//! change are taken up within seconds, without a new connection; one that cannot be used holds up no other ([`book`]).

mod book;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use zeroize::Zeroizing;

use self::book::Book;
use super::config::{Config, EndpointConfig};
use super::process::stopped;
use super::socket::{Connection, SocketError};
use crate::session::protocol::{Body, ClientMessage, ClientRole};
use crate::sync::{
    DelivererError, DeliveryLimits, Dispatch, Endpoint, EndpointError, EngineLink, MAIL_LIMIT, MailLogin,
    MailSettingsError, Mailer, Roster, SecretError, WebhookSecret,
};

/// Wait before the engine is looked for again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// The longest such wait, after connections that failed soon.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// A connection that lasted so long was a good one.
const LASTING: Duration = Duration::from_mins(1);
/// Time between two looks at the endpoints' files.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Messages that may wait in either direction.
const MOST_MESSAGES: usize = 16;
/// Most bytes of a secret's file.
const MAX_SECRET_FILE: u64 = 1024;
/// Most bytes of a file with an authority's certificates.
const MAX_CA_FILE: u64 = 1 << 20;

/// Why the role cannot run.
#[derive(Debug, thiserror::Error)]
pub enum SyncRoleError {
    /// An endpoint is configured wrongly.
    #[error("endpoint {name}: {source}")]
    Endpoint {
        /// Which one.
        name: String,
        /// Why.
        source: EndpointError,
    },
    /// A secret is of the wrong form.
    #[error("the secret in {path}: {source}", path = path.display())]
    Secret {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: SecretError,
    },
    /// A secret cannot be read.
    #[error("the file {path} cannot be read: {source}; check {key}", path = path.display())]
    File {
        /// Which key names it.
        key: &'static str,
        /// Its file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A secret lies open.
    #[error("the secret {path} can be read by other users; run: chmod 600 {path}", path = path.display())]
    SecretOpen {
        /// Its file.
        path: PathBuf,
    },
    /// Mail cannot be sent as it is configured.
    #[error(transparent)]
    Mail(#[from] MailSettingsError),
    /// The deliverer cannot be made.
    #[error(transparent)]
    Deliverer(#[from] DelivererError),
}

/// Makes the mailer, where mail is configured; reads its password.
///
/// # Errors
/// [`SyncRoleError`] when the password or the authority's certificates cannot be used.
pub fn mailer(config: &Config) -> Result<Option<Mailer>, SyncRoleError> {
    let Some(mail) = &config.mail else { return Ok(None) };
    let login = match &mail.login {
        Some((user, path)) => Some(MailLogin::new(user, secret_text("mail.password_file", path)?.trim_end())?),
        None => None,
    };
    let key = "mail.ca_file";
    let authority = mail.ca_file.as_deref().map(|path| short_file(key, path, MAX_CA_FILE)).transpose()?;
    let authority = authority.as_ref().map(|text| text.as_bytes());
    Ok(Some(Mailer::new(mail.settings.clone(), login.as_ref(), authority, MAIL_LIMIT)?))
}

/// Delivers until it is told to stop. `ready` is called when the engine has first taken it in.
///
/// # Errors
/// [`SyncRoleError`] when the mail server's password cannot be used, or no safe connection can be set up at all. An endpoint that
/// cannot be used is left out, and a lost engine is no error.
pub async fn sync(
    config: &Config,
    limits: DeliveryLimits,
    mut stop: watch::Receiver<bool>,
    ready: impl FnOnce(),
) -> Result<(), SyncRoleError> {
    let mut book = Book::default();
    book.look(config, limits, Timestamp::now());
    let (found, roster) = watch::channel(Roster::new(book.deliverer(limits)?));
    let mut dispatch = Dispatch::new(roster, mailer(config)?);
    tokio::select! {
        () = deliver(config, &mut dispatch, &mut stop, ready) => {}
        () = look_again_and_again(config, limits, book, found) => {}
    }
    Ok(())
}

/// Looks at the endpoints' files every few seconds. Never ends.
async fn look_again_and_again(config: &Config, limits: DeliveryLimits, mut book: Book, found: watch::Sender<Roster>) {
    let mut owed = false;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        owed |= book.look(config, limits, Timestamp::now());
        match owed.then(|| book.deliverer(limits)).transpose() {
            Ok(deliverer) => {
                owed = false;
                found.send_modify(|roster| roster.look_again(deliverer));
            }
            // Those of before are used, and this is tried again.
            Err(error) => tracing::error!("the endpoints stay as they were: {error}"),
        }
    }
}

/// Delivers over one connection after the other.
async fn deliver(config: &Config, dispatch: &mut Dispatch, stop: &mut watch::Receiver<bool>, ready: impl FnOnce()) {
    let mut ready = Some(ready);
    let mut said = None;
    let mut wait = AGAIN_AFTER;
    while !*stop.borrow() {
        let connection = tokio::select! {
            () = stopped(stop) => break,
            connection = Connection::open(&config.device.socket, ClientRole::Sync) => connection,
        };
        match connection {
            Ok(connection) => {
                said = None;
                let began = Instant::now();
                if let Some(ready) = ready.take() {
                    ready();
                }
                serve(connection, dispatch, stop.clone()).await;
                // An engine that takes us in and fails again and again, on a full disk say, would otherwise have its
                // events sent again twice a second.
                wait = if began.elapsed() >= LASTING { AGAIN_AFTER } else { (wait * 2).min(LONGEST_WAIT) };
            }
            Err(error) => {
                wait = error.wait(wait, AGAIN_AFTER, LONGEST_WAIT);
                // Once, and not twice a second.
                let words = error.to_string();
                if said.as_ref() != Some(&words) {
                    tracing::warn!("{words}");
                    said = Some(words);
                }
            }
        }
        tokio::select! {
            () = stopped(stop) => break,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

async fn serve(connection: Connection, dispatch: &mut Dispatch, stop: watch::Receiver<bool>) {
    let (mut reader, mut writer) = connection.split();
    let (to_engine, mut outgoing) = mpsc::channel::<ClientMessage>(MOST_MESSAGES);
    let (incoming, from_engine) = mpsc::channel(MOST_MESSAGES);
    let mut pumps = tokio::task::JoinSet::new();
    pumps.spawn(async move {
        while let Some(message) = outgoing.recv().await {
            writer.send(&message).await?;
        }
        Ok::<_, SocketError>(())
    });
    pumps.spawn(async move {
        loop {
            if let Body::Message(message) = reader.receive().await?
                && incoming.send(message).await.is_err()
            {
                return Ok(());
            }
        }
    });
    let link = EngineLink { to_engine, from_engine };
    match dispatch.run(link, stop).await {
        Ok(()) => {}
        Err(error) => tracing::warn!("{error}"),
    }
    // What the loop said last is still on its way out; the other direction has nobody to read it.
    let flushed = tokio::time::timeout(AGAIN_AFTER, pumps.join_next()).await;
    if let Ok(Some(Ok(Err(error)))) = flushed {
        tracing::info!("{error}");
    }
}

/// An endpoint with the secrets that are in force.
pub(super) fn endpoint(config: &EndpointConfig, now: Timestamp) -> Result<Endpoint, SyncRoleError> {
    let secrets = config.secrets_at(now).iter().map(|path| secret(path)).collect::<Result<_, _>>()?;
    endpoint_with(config, secrets)
}

/// The same with secrets that are in no file yet.
pub(super) fn endpoint_with(config: &EndpointConfig, secrets: Vec<WebhookSecret>) -> Result<Endpoint, SyncRoleError> {
    let wrong = |source| SyncRoleError::Endpoint { name: config.name.clone(), source };
    let endpoint =
        Endpoint::new(config.name.parse().map_err(wrong)?, &config.url, config.dialect, secrets).map_err(wrong)?;
    match &config.ca_file {
        None => Ok(endpoint),
        Some(path) => {
            let pem = short_file("endpoint.ca_file", path, MAX_CA_FILE)?;
            endpoint.with_authority(pem.as_bytes()).map_err(wrong)
        }
    }
}

fn secret(path: &Path) -> Result<WebhookSecret, SyncRoleError> {
    let text = secret_text("endpoint.secret_files", path)?;
    WebhookSecret::new(text.trim_end()).map_err(|source| SyncRoleError::Secret { path: path.to_owned(), source })
}

/// The text of a file that nobody else may read.
fn secret_text(key: &'static str, path: &Path) -> Result<Zeroizing<String>, SyncRoleError> {
    let unreadable = |source| SyncRoleError::File { key, path: path.to_owned(), source };
    let found = std::fs::metadata(path).map_err(unreadable)?;
    if found.permissions().mode() & 0o077 != 0 {
        return Err(SyncRoleError::SecretOpen { path: path.to_owned() });
    }
    short_file(key, path, MAX_SECRET_FILE)
}

fn short_file(key: &'static str, path: &Path, most: u64) -> Result<Zeroizing<String>, SyncRoleError> {
    let unreadable = |source| SyncRoleError::File { key, path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(unreadable)?.len() > most {
        return Err(unreadable(std::io::Error::other("it is too long")));
    }
    Ok(Zeroizing::new(std::fs::read_to_string(path).map_err(unreadable)?))
}
