//! Why no letter could be sent, sorted by what would help.
//!
//! Always holds: an error says a class and at most the number that the mail server answered with. The server's own words are
//! dropped, because they quote addresses, and so are those of the client.

use lettre::transport::smtp;

use crate::sync::delivery::tls_error;

/// Why a letter was not taken, or could not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// There is no connection.
    #[error("the mail server cannot be reached; check the network, mail.server and mail.port")]
    Connect,
    /// It does not prove that it is the one that was meant.
    #[error(
        "the mail server's certificate is not good: not of a known authority, for another name, or out of date; check \
         mail.server, mail.ca_file and the clock"
    )]
    Certificate,
    /// TLS fails otherwise.
    #[error("the mail server and this device find no safe connection; check that mail.security is that of mail.port")]
    Tls,
    /// What answers speaks something else, or nothing.
    #[error("what answers does not speak as a mail server does; check mail.port and mail.security")]
    NotSmtp,
    /// It does not offer `STARTTLS`.
    #[error("the mail server offers no STARTTLS; set mail.security to \"tls\" and mail.port to its port for that")]
    NoStartTls,
    /// It wants nobody, or not this device, or not now.
    #[error("the mail server turns this device away (code {0}); ask whoever runs it")]
    Refused(u16),
    /// No way of proving who one is that is known here.
    #[error("the mail server takes no user and password here; take mail.user out, or check mail.port")]
    NoLogin,
    /// Wrong user or password.
    #[error("the mail server does not accept mail.user with this password (code {0}); check both")]
    Login(u16),
    /// It takes no mail of this sender.
    #[error("the mail server takes no mail from mail.from (code {0}); check it, and whether mail.user is needed")]
    Sender(u16),
    /// It takes no mail to this address.
    #[error(
        "the mail server takes no mail for that address (code {0}); the address may be wrong, or relaying forbidden"
    )]
    Recipient(u16),
    /// It does not take the letter itself.
    #[error("the mail server did not take the letter (code {0}); ask whoever runs it")]
    Letter(u16),
    /// The address is none that mail can be sent to.
    #[error("that is no address that letters can be sent to: write one such as name@shop.example")]
    Address,
    /// The connection broke off.
    #[error("the connection to the mail server broke off; check the network, or ask whoever runs the server")]
    Interrupted,
    /// It took too long.
    #[error("the mail server did not answer in time; check the network, mail.server, mail.port and mail.security")]
    Timeout,
    /// A bug.
    #[error("a letter could not be written; report this")]
    Internal,
}

/// How far the conversation had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Connect,
    StartTls,
    Login,
    Sender,
    Recipient,
    Letter,
}

impl MailError {
    /// What an error of the client means at a step.
    pub(super) fn at(step: Step, error: &smtp::Error) -> Self {
        match tls_error(error) {
            Some(rustls::Error::InvalidCertificate(_)) => return Self::Certificate,
            Some(_) => return Self::Tls,
            None => {}
        }
        if let Some(code) = error.status() {
            let code = u16::from(code);
            return match step {
                Step::Connect | Step::StartTls => Self::Refused(code),
                Step::Login => Self::Login(code),
                Step::Sender => Self::Sender(code),
                Step::Recipient => Self::Recipient(code),
                Step::Letter => Self::Letter(code),
            };
        }
        match step {
            Step::Connect if error.is_response() => Self::NotSmtp,
            Step::Connect => Self::Connect,
            Step::StartTls if error.is_client() => Self::NoStartTls,
            Step::Login if error.is_client() => Self::NoLogin,
            Step::StartTls | Step::Login | Step::Sender | Step::Recipient | Step::Letter => Self::Interrupted,
        }
    }
}
