//! `carded sync`: the socket on one side, the receivers on the other.
//!
//! Always holds: it opens the endpoints' secrets and the mail server's password, and no key, camera or database; a lost engine is looked for until it is
//! back, and what was in hand is leased again. Endpoints that change are taken up within seconds; while what has changed cannot
//! be used, those of before are.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use zeroize::Zeroizing;

use super::config::{Config, EndpointConfig};
use super::process::stopped;
use super::socket::{Connection, SocketError};
use crate::session::protocol::{Body, ClientMessage, ClientRole};
use crate::sync::{
    Deliverer, DelivererError, DeliveryLimits, Endpoint, EndpointError, EngineLink, MAIL_LIMIT, MailLogin,
    MailSettingsError, Mailer, SecretError, WebhookSecret,
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
/// [`SyncRoleError`] when an endpoint or a secret cannot be used. A lost engine is no error.
pub async fn sync(
    config: &Config,
    limits: DeliveryLimits,
    mut stop: watch::Receiver<bool>,
    ready: impl FnOnce(),
) -> Result<(), SyncRoleError> {
    let mut known = Known::now(config);
    let mut endpoints = known.endpoints()?;
    let mailer = mailer(config)?;
    let mut ready = Some(ready);
    let mut said = false;
    let mut wait = AGAIN_AFTER;
    while !*stop.borrow() {
        if let Some((changed, usable)) = known.reread(config) {
            (known, endpoints) = (changed, usable.unwrap_or(endpoints));
        }
        let connection = tokio::select! {
            () = stopped(&mut stop) => break,
            connection = Connection::open(&config.device.socket, ClientRole::Sync) => connection,
        };
        match connection {
            Ok(connection) => {
                said = false;
                let began = Instant::now();
                if let Some(ready) = ready.take() {
                    ready();
                }
                let deliverer = Deliverer::new(endpoints.clone(), limits)?;
                let (end, told_to_end) = watch::channel(false);
                let serving = serve(connection, deliverer, mailer.clone(), told_to_end);
                tokio::pin!(serving);
                let (ended, changed) = tokio::select! {
                    () = &mut serving => (true, None),
                    () = stopped(&mut stop) => (false, None),
                    changed = known.changed(config) => (false, Some(changed)),
                };
                if !ended {
                    // What is under way ends in order.
                    let _ = end.send(true);
                    serving.await;
                }
                if let Some((changed, usable)) = changed {
                    (known, endpoints) = (changed, usable.unwrap_or(endpoints));
                }
                // An engine that takes us in and fails again and again, on a full disk say, would otherwise have its
                // events sent again twice a second.
                let lasted = began.elapsed() >= LASTING || !ended;
                wait = if lasted { AGAIN_AFTER } else { (wait * 2).min(LONGEST_WAIT) };
            }
            Err(error) => {
                // Once, and not twice a second.
                if !std::mem::replace(&mut said, true) {
                    tracing::warn!("{error}");
                }
                wait = AGAIN_AFTER;
            }
        }
        tokio::select! {
            () = stopped(&mut stop) => break,
            () = tokio::time::sleep(wait) => {}
        }
    }
    Ok(())
}

async fn serve(connection: Connection, deliverer: Deliverer, mailer: Option<Mailer>, stop: watch::Receiver<bool>) {
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
    match crate::sync::run(link, deliverer, mailer, stop).await {
        Ok(()) => {}
        Err(error) => tracing::warn!("{error}"),
    }
    // What the loop said last is still on its way out; the other direction has nobody to read it.
    let flushed = tokio::time::timeout(AGAIN_AFTER, pumps.join_next()).await;
    if let Ok(Some(Ok(Err(error)))) = flushed {
        tracing::info!("{error}");
    }
}

/// The endpoints as they stood when somebody looked.
struct Known {
    all: Arc<[EndpointConfig]>,
    at: Timestamp,
    /// Whether they could be used.
    usable: bool,
}

/// What has changed, and what can be used of it; nothing where something is wrong.
type Changed = (Known, Option<Vec<Endpoint>>);

impl Known {
    fn now(config: &Config) -> Self {
        Self { all: config.endpoints.current(), at: Timestamp::now(), usable: true }
    }

    /// Those that get something, with the secrets that were in force then.
    fn endpoints(&self) -> Result<Vec<Endpoint>, SyncRoleError> {
        self.all.iter().filter(|endpoint| !endpoint.disabled).map(|one| endpoint(one, self.at)).collect()
    }

    /// Whether anything is otherwise now: a file, a secret whose time is over, or what could not be used before.
    fn reread(&self, config: &Config) -> Option<Changed> {
        let mut now = Self::now(config);
        let secrets = |known: &Self| -> usize { known.all.iter().map(|one| one.secrets_at(known.at).len()).sum() };
        let same = now.all == self.all && secrets(&now) == secrets(self);
        if same && self.usable {
            return None;
        }
        match now.endpoints() {
            Ok(usable) => {
                tracing::info!("the endpoints have changed; what is under way goes on with them");
                Some((now, Some(usable)))
            }
            // Said already.
            Err(_) if same => None,
            Err(error) => {
                tracing::error!("{error}; the endpoints stay as they were until that is mended");
                now.usable = false;
                Some((now, None))
            }
        }
    }

    /// Waits until something has.
    async fn changed(&self, config: &Config) -> Changed {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if let Some(changed) = self.reread(config) {
                return changed;
            }
        }
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
