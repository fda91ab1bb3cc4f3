//! How letters are sent: which server, how safely, in whose name. Checked values, whose messages name the configuration's keys.
//!
//! Always holds: without TLS only this machine is spoken to; what stands in a header holds no control character. Does not read
//! files, and asks no name server.

use std::net::{IpAddr, Ipv4Addr};

use lettre::message::Mailbox;
use rustls::pki_types::ServerName;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::letter::mail_address;

/// Most characters of the shop's name, of a user's and of a sender's.
const MAX_NAME: usize = 64;
/// Most bytes of user and password each: what every server takes.
const MAX_LOGIN: usize = 255;

/// How the connection to the mail server is made safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailSecurity {
    /// TLS from the first byte on.
    #[default]
    Tls,
    /// TLS after `STARTTLS`; a server that does not offer that is not used.
    StartTls,
    /// None: for a mail server on this machine only.
    None,
}

/// Why mail cannot be sent as it is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MailSettingsError {
    /// No name and no address.
    #[error("mail.server must be a host's name or its address, such as mail.shop.example")]
    Server,
    /// No port.
    #[error("mail.port must be 1 to 65535; leave it out for the usual one")]
    Port,
    /// Without TLS beyond this machine.
    #[error(
        "mail.security = \"none\" is for a mail server on this machine only (mail.server 127.0.0.1, ::1 or localhost); \
         use \"tls\" or \"starttls\": anybody on the way could read the codes otherwise"
    )]
    Plain,
    /// No mailbox.
    #[error(
        "mail.from must be a mailbox such as codes@shop.example or \"Shop <codes@shop.example>\", in ASCII letters"
    )]
    From,
    /// The same for where answers go.
    #[error(
        "mail.reply_to must be a mailbox such as codes@shop.example or \"Shop <codes@shop.example>\", in ASCII letters"
    )]
    ReplyTo,
    /// No name.
    #[error("mail.shop must have 1 to {MAX_NAME} characters, without control characters: it stands in the letter")]
    Shop,
    /// No user.
    #[error("mail.user must have 1 to {MAX_LOGIN} bytes, without control characters")]
    User,
    /// One without the other.
    #[error("mail.user and mail.password_file belong together; set both or none")]
    Login,
    /// No password.
    #[error("the file at mail.password_file must hold one line of 1 to {MAX_LOGIN} bytes: the password")]
    Password,
    /// No certificate.
    #[error("the file at mail.ca_file holds no certificate that can be used; put the authority's there, as PEM")]
    Authority,
    /// There are no roots.
    #[error("cannot set up safe connections; check that the system has its root certificates (ca-certificates)")]
    Roots,
}

/// A mail server and the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    host: String,
    port: u16,
    security: MailSecurity,
}

impl MailServer {
    /// Checks a server. Without a port it is the usual one: 465 with TLS, 587 with `STARTTLS`, 25 without either.
    ///
    /// # Errors
    /// [`MailSettingsError`] for what is no host, and for anything but this machine without TLS.
    pub fn new(host: &str, port: Option<u16>, security: MailSecurity) -> Result<Self, MailSettingsError> {
        let name = ServerName::try_from(host).map_err(|_| MailSettingsError::Server)?;
        let mut host = host.to_owned();
        let usual = match security {
            MailSecurity::Tls => 465,
            MailSecurity::StartTls => 587,
            MailSecurity::None => {
                let local = match name {
                    // No name server is asked what this means.
                    ServerName::DnsName(name) if name.as_ref() == "localhost" => IpAddr::from(Ipv4Addr::LOCALHOST),
                    ServerName::IpAddress(address) => IpAddr::from(address),
                    _ => return Err(MailSettingsError::Plain),
                };
                if !local.is_loopback() {
                    return Err(MailSettingsError::Plain);
                }
                host = local.to_string();
                25
            }
        };
        match port {
            Some(0) => Err(MailSettingsError::Port),
            port => Ok(Self { host, port: port.unwrap_or(usual), security }),
        }
    }

    /// Its name or address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How the connection is made safe.
    #[must_use]
    pub fn security(&self) -> MailSecurity {
        self.security
    }
}

/// Who a letter is from, or where answers go: an address, and a name before it or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender(pub(super) Mailbox);

impl Sender {
    /// Reads `name@host` or `Name <name@host>`; `None` when it is neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (name, address) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
            Some((name, address)) => (name.trim(), address),
            None => ("", text),
        };
        let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
        if name.contains(['<', '>', '"']) {
            return None;
        }
        let name = if name.is_empty() { None } else { Some(ShopName::parse(name)?.0) };
        let address = Some(address).filter(|address| address.is_ascii()).and_then(mail_address)?;
        Some(Self(Mailbox::new(name, address)))
    }
}

/// What the shop is called in a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShopName(pub(super) String);

impl ShopName {
    /// Reads a name of 1 to 64 characters; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let good = !text.trim().is_empty() && text.chars().count() <= MAX_NAME && !text.contains(char::is_control);
        good.then(|| Self(text.trim().to_owned()))
    }
}

/// How letters are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailSettings {
    /// By which server.
    pub server: MailServer,
    /// In whose name.
    pub from: Sender,
    /// Where answers go, if not there.
    pub reply_to: Option<Sender>,
    /// What the shop is called.
    pub shop: ShopName,
}

/// Whether a text can be a user at a mail server.
///
/// # Errors
/// [`MailSettingsError::User`] when it cannot.
pub fn check_user(user: &str) -> Result<(), MailSettingsError> {
    if is_login(user) { Ok(()) } else { Err(MailSettingsError::User) }
}

fn is_login(text: &str) -> bool {
    (1..=MAX_LOGIN).contains(&text.len()) && !text.contains(char::is_control)
}

/// Who the mail server takes this device for. Never printed.
pub struct MailLogin {
    pub(super) user: String,
    pub(super) password: Zeroizing<String>,
}

impl MailLogin {
    /// Checks user and password.
    ///
    /// # Errors
    /// [`MailSettingsError`] when one of both cannot be right.
    pub fn new(user: &str, password: &str) -> Result<Self, MailSettingsError> {
        check_user(user)?;
        if !is_login(password) {
            return Err(MailSettingsError::Password);
        }
        Ok(Self { user: user.to_owned(), password: Zeroizing::new(password.to_owned()) })
    }
}

impl std::fmt::Debug for MailLogin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tls_only_this_machine_is_spoken_to() {
        for (host, at) in [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("localhost", "127.0.0.1")] {
            let server = MailServer::new(host, None, MailSecurity::None).unwrap();
            assert_eq!((server.host(), server.port()), (at, 25));
        }
        for host in ["mail.shop.example", "10.0.0.7", "0.0.0.0", "localhost.shop.example", "::ffff:10.0.0.7"] {
            assert_eq!(MailServer::new(host, Some(25), MailSecurity::None), Err(MailSettingsError::Plain), "{host}");
        }
        for host in ["", "mail shop", "mail.shop.example:465", "https://shop.example", "a\nb", "-"] {
            for security in [MailSecurity::Tls, MailSecurity::StartTls, MailSecurity::None] {
                assert_eq!(MailServer::new(host, None, security), Err(MailSettingsError::Server), "{host}");
            }
        }
    }

    #[test]
    fn each_kind_of_security_has_its_usual_port() {
        let port = |security, port| MailServer::new("mail.shop.example", port, security).map(|server| server.port());
        assert_eq!(port(MailSecurity::Tls, None), Ok(465));
        assert_eq!(port(MailSecurity::StartTls, None), Ok(587));
        assert_eq!(port(MailSecurity::Tls, Some(2465)), Ok(2465));
        assert_eq!(port(MailSecurity::Tls, Some(0)), Err(MailSettingsError::Port));
    }

    #[test]
    fn a_sender_is_one_mailbox_and_nothing_besides() {
        for (text, written) in [
            ("codes@shop.example", "codes@shop.example"),
            (" Shop <codes@shop.example> ", "Shop <codes@shop.example>"),
            ("\"Shop, Inc.\" <codes@shop.example>", "\"Shop, Inc.\" <codes@shop.example>"),
        ] {
            assert_eq!(Sender::parse(text).unwrap().0.to_string(), written);
        }
        for text in [
            "",
            "shop",
            "a@b, c@d",
            "a@shop.example, b@shop.example",
            "Shop <codes@shop.example> more",
            "Shop\r\nBcc: x@y <codes@shop.example>",
            "codes@shop.example\r\nBcc: x@y.example",
            "ködes@shop.example",
            "codes@läden.example",
            "<<codes@shop.example>",
        ] {
            assert!(Sender::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn names_and_logins_have_a_length_and_no_control_characters() {
        let long = "x".repeat(MAX_NAME + 1);
        assert!(ShopName::parse("Käsehaus 24/7").is_some() && ShopName::parse(&long[1..]).is_some());
        for text in ["", " ", "a\r\nb", "a\u{7f}", &long] {
            assert!(ShopName::parse(text).is_none(), "{text}");
        }
        assert_eq!(format!("{:?}", MailLogin::new("shop", "open sesame").unwrap()), "[redacted]");
        assert_eq!(MailLogin::new("", "x").unwrap_err(), MailSettingsError::User);
        for bad in ["", "a\nb", &"x".repeat(256)] {
            assert_eq!(MailLogin::new("shop", bad).unwrap_err(), MailSettingsError::Password);
        }
    }
}
