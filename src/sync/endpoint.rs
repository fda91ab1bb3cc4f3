//! Where events go: a checked address, the dialect it gets, and the secrets it shares.

use reqwest::{Certificate, Url};

use super::signature::{MAX_SECRETS, WebhookSecret};
use crate::session::Dialect;

/// Longest address in bytes.
const MAX_URL_BYTES: usize = 2048;

/// An endpoint's name in configuration, store and log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointName(String);

impl EndpointName {
    /// Most characters.
    pub const MAX_CHARACTERS: usize = 64;

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for EndpointName {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let good = (1..=Self::MAX_CHARACTERS).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if good { Ok(Self(text.to_owned())) } else { Err(EndpointError::Name) }
    }
}

/// Why an endpoint cannot be used. Says nothing of its address, which may hold a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not a name.
    #[error("an endpoint's name has 1 to {} letters, digits, - and _", EndpointName::MAX_CHARACTERS)]
    Name,
    /// Not an address.
    #[error("the endpoint's address is not a URL such as https://shop.example/webhooks")]
    Url,
    /// Plain HTTP beyond this machine, or another scheme.
    #[error(
        "an endpoint's address begins with https://; plain http:// is for a receiver on this machine only \
         (127.0.0.1, [::1] or localhost)"
    )]
    Scheme,
    /// User name or password in the address.
    #[error(
        "the endpoint's address holds a user name or password; the signature is what proves the sender, so leave them out"
    )]
    Credentials,
    /// The authority's certificates cannot be used.
    #[error("the endpoint's ca_file holds no certificates that can be used; give it PEM, with BEGIN CERTIFICATE")]
    Authority,
    /// No secret, or more than [`MAX_SECRETS`].
    #[error("an endpoint has one secret, and up to {MAX_SECRETS} while it is being rotated")]
    Secrets,
}

/// Where events go.
#[derive(Clone)]
pub struct Endpoint {
    name: EndpointName,
    url: Url,
    dialect: Dialect,
    secrets: Vec<WebhookSecret>,
    authority: Vec<Certificate>,
}

impl Endpoint {
    /// Checks an endpoint.
    ///
    /// # Errors
    /// [`EndpointError`] when the address is not HTTPS (or HTTP to this machine), holds credentials, or there is no secret.
    pub fn new(
        name: EndpointName,
        url: &str,
        dialect: Dialect,
        secrets: Vec<WebhookSecret>,
    ) -> Result<Self, EndpointError> {
        let url = Some(url).filter(|url| url.len() <= MAX_URL_BYTES).and_then(|url| Url::parse(url).ok());
        let url = url.ok_or(EndpointError::Url)?;
        if !url.has_host() {
            return Err(EndpointError::Url);
        }
        match url.scheme() {
            "https" => {}
            "http" if is_this_machine(&url) => {}
            _ => return Err(EndpointError::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::Credentials);
        }
        if !(1..=MAX_SECRETS).contains(&secrets.len()) {
            return Err(EndpointError::Secrets);
        }
        Ok(Self { name, url, dialect, secrets, authority: Vec::new() })
    }

    /// Has the receiver's certificate checked by these certificates (PEM) **instead of** the system's roots.
    ///
    /// # Errors
    /// [`EndpointError::Authority`] when they cannot be used.
    pub fn with_authority(self, pem: &[u8]) -> Result<Self, EndpointError> {
        let authority = Certificate::from_pem_bundle(pem).map_err(|_| EndpointError::Authority)?;
        if authority.is_empty() { Err(EndpointError::Authority) } else { Ok(Self { authority, ..self }) }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &EndpointName {
        &self.name
    }

    /// What its events look like; the engine renders them.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Whether live events may go to it: only over a checked connection, also on this machine.
    #[must_use]
    pub fn takes_live(&self) -> bool {
        takes_live(self.url.as_str())
    }

    /// The certificates that the receiver's is checked by instead of the system's roots; none for those.
    pub(super) fn authority(&self) -> &[Certificate] {
        &self.authority
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn secrets(&self) -> &[WebhookSecret] {
        &self.secrets
    }
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Path and query may hold a token.
        let host = self.url.host_str().unwrap_or_default();
        write!(formatter, "Endpoint({} at {}://{host}, {})", self.name.0, self.url.scheme(), self.dialect.as_str())
    }
}

/// Whether live events may go to an address: only over HTTPS.
#[must_use]
pub fn takes_live(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.scheme() == "https")
}

/// An address as it may be shown: scheme, host and port. Path and query may hold a token.
#[must_use]
pub fn shown_address(url: &str) -> String {
    let Ok(url) = Url::parse(url) else { return "?".to_owned() };
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    let rest = if url.path() == "/" && url.query().is_none() { "/" } else { "/…" };
    format!("{}://{host}{port}{rest}", url.scheme())
}

/// Whether an address can only mean this machine. `localhost` counts because the deliverer never asks a name server for it.
fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> Result<Endpoint, EndpointError> {
        let secret = WebhookSecret::new("whsec_for_tests").unwrap();
        Endpoint::new("till".parse().unwrap(), url, Dialect::Stripe, vec![secret])
    }

    #[test]
    fn plain_http_goes_to_this_machine_only() {
        for url in [
            "https://shop.example/webhooks",
            "https://10.0.0.7:8443/a?token=b",
            "http://127.0.0.1:8787/webhooks",
            "http://127.9.9.9/",
            "http://[::1]:8787/",
            "http://localhost:1/",
            "http://0x7f.1/", // another spelling of 127.0.0.1, as the URL standard reads it
        ] {
            assert!(endpoint(url).is_ok(), "{url}");
        }
        for url in [
            "http://shop.example/webhooks",
            "http://127.0.0.1.shop.example/",
            "http://localhost.shop.example/",
            "http://localhost./",
            "http://10.0.0.7/",
            "http://0.0.0.0:8787/",
            "http://[::ffff:10.0.0.7]/",
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
        ] {
            let refused = endpoint(url).unwrap_err();
            assert!(matches!(refused, EndpointError::Scheme | EndpointError::Url), "{url}: {refused}");
        }
    }

    #[test]
    fn addresses_that_are_none_or_hold_credentials_are_refused() {
        assert_eq!(endpoint("shop.example").unwrap_err(), EndpointError::Url);
        assert_eq!(endpoint("").unwrap_err(), EndpointError::Url);
        assert_eq!(endpoint(&format!("https://x/{}", "y".repeat(3000))).unwrap_err(), EndpointError::Url);
        assert_eq!(endpoint("https://user:pass@shop.example/").unwrap_err(), EndpointError::Credentials);
        assert_eq!(endpoint("http://127.0.0.1@shop.example/").unwrap_err(), EndpointError::Scheme);
    }

    #[test]
    fn an_endpoint_prints_neither_secrets_nor_tokens() {
        let printed = format!("{:?}", endpoint("https://shop.example/hook?token=abc").unwrap());
        assert_eq!(printed, "Endpoint(till at https://shop.example, stripe)");
    }

    #[test]
    fn an_address_is_shown_without_what_may_be_a_token_and_live_events_go_by_https_only() {
        for (url, shown, live) in [
            ("https://shop.example/hook/abc?token=def", "https://shop.example/…", true),
            ("https://shop.example:8443", "https://shop.example:8443/", true),
            ("https://user:pass@shop.example/?a", "https://shop.example/…", true),
            ("http://127.0.0.1:8787/webhooks", "http://127.0.0.1:8787/…", false),
            ("HTTPS://[::1]/", "https://[::1]/", true),
            ("nonsense", "?", false),
        ] {
            assert_eq!((shown_address(url).as_str(), takes_live(url)), (shown, live), "{url}");
        }
    }

    #[test]
    fn an_authority_without_certificates_is_refused() {
        let endpoint = || endpoint("https://shop.example/").unwrap();
        for nonsense in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAA"] {
            assert_eq!(endpoint().with_authority(nonsense.as_bytes()).unwrap_err(), EndpointError::Authority);
        }
    }

    #[test]
    fn an_endpoint_needs_a_name_and_a_secret() {
        assert_eq!("".parse::<EndpointName>(), Err(EndpointError::Name));
        assert_eq!("a b".parse::<EndpointName>(), Err(EndpointError::Name));
        let none = Endpoint::new("till".parse().unwrap(), "https://shop.example/", Dialect::Stile, Vec::new());
        assert_eq!(none.unwrap_err(), EndpointError::Secrets);
    }
}
