//! Hands letters with one-time codes to the shop's mail server: one try each, kept nowhere.
//!
//! Always holds: whether a letter could go is found out in the same way, with the same words to the server, whether there is one
//! or not ([`Mailer::open`]): only what follows names an address, so that neither the time nor the result up to there tells
//! whether an address is known. Server and certificate are checked; nothing is said in the clear beyond this machine; a letter
//! ends within its time limit, whatever the server does; at most [`MAX_LETTERS_AT_ONCE`] are under way. No address, code,
//! password or word of a server is in any error or log. Does not try again and does not store.

mod error;
mod letter;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

pub use error::MailError;
pub use settings::{
    MailLogin, MailSecurity, MailServer, MailSettings, MailSettingsError, Sender, ShopName, check_user,
};

use self::error::Step;
use super::delivery::choose_cryptography;
use crate::session::protocol::Letter;

/// Time for one letter, from the first packet to the server's last word; the engine waits a little longer.
pub const MAIL_LIMIT: Duration = Duration::from_secs(12);
/// Letters that are under way at once.
pub const MAX_LETTERS_AT_ONCE: usize = 4;
/// So many addresses of one server have time to be tried.
const ADDRESSES_TRIED: u32 = 3;

/// Sends letters by one mail server.
#[derive(Clone)]
pub struct Mailer(Arc<Office>);

struct Office {
    settings: MailSettings,
    tls: Option<TlsParameters>,
    credentials: Option<Credentials>,
    limit: Duration,
    slots: Arc<Semaphore>,
}

/// A mail server that waits for the recipient of a letter.
pub struct OpenMail {
    office: Arc<Office>,
    connection: Box<AsyncSmtpConnection>,
    until: Instant,
    /// Given back when the conversation ends.
    _slot: OwnedSemaphorePermit,
}

impl Mailer {
    /// Prepares to send. `authority` is PEM: certificates that the server's is checked by **instead of** the system's roots.
    /// One letter takes at most `limit`, such as [`MAIL_LIMIT`].
    ///
    /// # Errors
    /// [`MailSettingsError`] when the authority's certificates, or the system's, cannot be used.
    pub fn new(
        settings: MailSettings,
        login: Option<&MailLogin>,
        authority: Option<&[u8]>,
        limit: Duration,
    ) -> Result<Self, MailSettingsError> {
        let tls = match settings.server.security() {
            MailSecurity::None => None,
            MailSecurity::Tls | MailSecurity::StartTls => Some(tls(settings.server.host(), authority)?),
        };
        // The client keeps the password in a text of its own, which lives as long as this role and is not wiped.
        let credentials = login.map(|login| Credentials::new(login.user.clone(), login.password.to_string()));
        let slots = Arc::new(Semaphore::new(MAX_LETTERS_AT_ONCE));
        Ok(Self(Arc::new(Office { settings, tls, credentials, limit, slots })))
    }

    /// The server that letters go to.
    #[must_use]
    pub fn server(&self) -> &MailServer {
        &self.0.settings.server
    }

    /// Goes as far as one can without a recipient: connects, makes the connection safe, proves who this device is, and has the
    /// server accept the sender.
    ///
    /// # Errors
    /// [`MailError`] when no letter could be sent now.
    pub async fn open(&self) -> Result<OpenMail, MailError> {
        let until = Instant::now() + self.0.limit;
        let opening = async {
            let slot = Arc::clone(&self.0.slots).acquire_owned().await.map_err(|_| MailError::Internal)?;
            Ok((self.0.converse().await?, slot))
        };
        let (connection, slot) = timeout_at(until, opening).await.map_err(|_| MailError::Timeout)??;
        Ok(OpenMail { office: Arc::clone(&self.0), connection: Box::new(connection), until, _slot: slot })
    }

    /// Sends a letter.
    ///
    /// # Errors
    /// [`MailError`] when the server has not taken it, or not said so in time.
    pub async fn send(&self, letter: &Letter) -> Result<(), MailError> {
        self.open().await?.send(letter).await
    }

    /// Finds out whether a letter could be sent now, and sends none.
    ///
    /// # Errors
    /// [`MailError`] when it could not.
    pub async fn probe(&self) -> Result<(), MailError> {
        self.open().await?.leave().await;
        Ok(())
    }
}

impl Office {
    async fn converse(&self) -> Result<AsyncSmtpConnection, MailError> {
        let server = &self.settings.server;
        // An address literal of loopback: what the box is called is nobody's business.
        let hello = ClientId::default();
        let wrapped = match server.security() {
            MailSecurity::Tls => self.tls.clone(),
            MailSecurity::StartTls | MailSecurity::None => None,
        };
        let at = |step| move |error| MailError::at(step, &error);
        let each = Some(self.limit / ADDRESSES_TRIED);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1((server.host(), server.port()), each, &hello, wrapped, None)
                .await
                .map_err(at(Step::Connect))?;
        if server.security() == MailSecurity::StartTls
            && let Some(tls) = self.tls.clone()
        {
            connection.starttls(tls, &hello).await.map_err(at(Step::StartTls))?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await.map_err(at(Step::Login))?;
        }
        let sender = self.settings.from.0.email.clone();
        connection.command(Mail::new(Some(sender), Vec::new())).await.map_err(at(Step::Sender))?;
        Ok(connection)
    }
}

impl OpenMail {
    /// Hands over a letter, and ends the conversation.
    ///
    /// Its text is wiped here. What cannot be wiped are the copies that the client makes of the address and of the text while it
    /// writes them, and those of TLS and of the kernel: they are freed when this returns. The code is worth nothing soon after.
    ///
    /// # Errors
    /// [`MailError`] when the server has not taken it, or not said so in time.
    pub async fn send(mut self, letter: &Letter) -> Result<(), MailError> {
        let until = self.until;
        timeout_at(until, self.hand_over(letter)).await.map_err(|_| MailError::Timeout)??;
        self.leave().await;
        Ok(())
    }

    async fn hand_over(&mut self, letter: &Letter) -> Result<(), MailError> {
        let at = |step| move |error| MailError::at(step, &error);
        let (to, text) = letter::written(&self.office.settings, letter)?;
        self.connection.command(Rcpt::new(to, Vec::new())).await.map_err(at(Step::Recipient))?;
        self.connection.command(Data).await.map_err(at(Step::Letter))?;
        self.connection.message(&text).await.map_err(at(Step::Letter))?;
        Ok(())
    }

    /// Ends the conversation. Whether the server still answers says nothing of a letter that it has taken.
    pub async fn leave(mut self) {
        let _ = timeout_at(self.until, self.connection.quit()).await;
    }
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Mailer").field(&self.0.settings.server).finish()
    }
}

impl std::fmt::Debug for OpenMail {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("OpenMail").field(&self.office.settings.server).finish()
    }
}

fn tls(host: &str, authority: Option<&[u8]>) -> Result<TlsParameters, MailSettingsError> {
    choose_cryptography();
    let builder = TlsParameters::builder(host.to_owned());
    let Some(pem) = authority else { return builder.build().map_err(|_| MailSettingsError::Roots) };
    let unusable = MailSettingsError::Authority;
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| unusable)?;
    if found.is_empty() {
        return Err(unusable);
    }
    let mut builder = builder.certificate_store(CertificateStore::None);
    for certificate in found {
        builder = builder.add_root_certificate(Certificate::from_der(certificate.to_vec()).map_err(|_| unusable)?);
    }
    builder.build().map_err(|_| unusable)
}
