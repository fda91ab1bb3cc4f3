//! `[mail]`: how letters with one-time codes are sent.
//!
//! Always holds: what is read is checked, so that a value of [`MailConfig`] can be used but for its files; without TLS only a
//! mail server on this machine is named. Does not read the files: `carded sync` does.

use std::path::PathBuf;

use serde::Deserialize;

use crate::sync::{MailSecurity, MailServer, MailSettings, MailSettingsError, Sender, ShopName, check_user};

/// How letters are sent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Keys")]
pub struct MailConfig {
    /// Server, sender and the shop's name.
    pub settings: MailSettings,
    /// The user at the mail server, and the file with the password, which only `carded sync` and `carded mail` open; none where
    /// the server asks for neither.
    pub login: Option<(String, PathBuf)>,
    /// Certificates (PEM) that the mail server's is checked by, instead of the system's roots.
    pub ca_file: Option<PathBuf>,
}

/// The section as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    server: String,
    port: Option<u16>,
    #[serde(default)]
    security: MailSecurity,
    from: String,
    reply_to: Option<String>,
    user: Option<String>,
    password_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    shop: String,
}

impl TryFrom<Keys> for MailConfig {
    type Error = MailSettingsError;

    fn try_from(keys: Keys) -> Result<Self, MailSettingsError> {
        let reply_to = keys.reply_to.map(|text| Sender::parse(&text).ok_or(MailSettingsError::ReplyTo)).transpose()?;
        let login = match (keys.user, keys.password_file) {
            (None, None) => None,
            (Some(user), Some(file)) => {
                check_user(&user)?;
                Some((user, file))
            }
            (Some(_), None) | (None, Some(_)) => return Err(MailSettingsError::Login),
        };
        let settings = MailSettings {
            server: MailServer::new(&keys.server, keys.port, keys.security)?,
            from: Sender::parse(&keys.from).ok_or(MailSettingsError::From)?,
            reply_to,
            shop: ShopName::parse(&keys.shop).ok_or(MailSettingsError::Shop)?,
        };
        Ok(Self { settings, login, ca_file: keys.ca_file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        server = "mail.shop.example"
        from = "Shop <codes@shop.example>"
        shop = "Corner Shop"
    "#;

    fn parse(text: &str) -> Result<MailConfig, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn three_keys_are_enough_and_tls_is_the_default() {
        let config = parse(GOOD).unwrap();
        let server = &config.settings.server;
        assert_eq!((server.port(), server.security(), config.login), (465, MailSecurity::Tls, None));
        let more = "security = \"starttls\"\nreply_to = \"help@shop.example\"\nca_file = \"ca.pem\"\n\
                    user = \"codes\"\npassword_file = \"password\"\nport = 2587";
        let config = parse(&format!("{GOOD}{more}")).unwrap();
        assert_eq!(config.settings.server.port(), 2587);
        assert_eq!(config.login, Some(("codes".to_owned(), "password".into())));
        assert!(config.settings.reply_to.is_some() && config.ca_file.is_some());
    }

    #[test]
    fn what_is_unknown_or_out_of_range_is_refused_by_name() {
        for (from, to, named) in [
            ("mail.shop.example", "mail shop", "mail.server"),
            ("shop = \"Corner Shop\"", "", "shop"),
            ("Corner Shop", "", "mail.shop"),
            ("Corner Shop", "a\\nb", "mail.shop"),
            ("Shop <codes@shop.example>", "Shop", "mail.from"),
            ("Shop <codes@shop.example>", "a@b.example\\r\\nBcc: c@d.example", "mail.from"),
            ("shop =", "reply_to = \"nobody\"\nshop =", "mail.reply_to"),
            ("shop =", "port = 0\nshop =", "mail.port"),
            ("shop =", "port = 65536\nshop =", "port"),
            ("shop =", "user = \"codes\"\nshop =", "mail.password_file"),
            ("shop =", "password_file = \"p\"\nshop =", "mail.user"),
            ("shop =", "user = \"\"\npassword_file = \"p\"\nshop =", "mail.user"),
            ("shop =", "security = \"none\"\nshop =", "this machine only"),
            ("shop =", "security = \"ssl\"\nshop =", "ssl"),
            ("shop =", "password = \"x\"\nshop =", "password"),
        ] {
            let error = parse(&GOOD.replace(from, to)).unwrap_err();
            assert!(error.contains(named), "{named}: {error}");
        }
        let local = GOOD.replace("mail.shop.example", "127.0.0.1").replace("shop =", "security = \"none\"\nshop =");
        assert_eq!(parse(&local).unwrap().settings.server.port(), 25);
    }
}
