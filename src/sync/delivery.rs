//! One attempt to hand an event to its receiver.
//!
//! Always holds: signed at the moment of sending; no redirect is followed, no proxy of the environment is used, and a
//! receiver's certificate is checked; an attempt ends within its time limit, whatever the receiver does; of an answer only
//! its status, `Retry-After` and whether it is a web page are looked at. Does not decide when to try again.

use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Response};

use super::endpoint::Endpoint;
use super::schedule::{Answer, NoAnswer, retry_after};
use super::signature::{MAX_BODY_BYTES, SIGNATURE_HEADERS, STANDARD_HEADERS, sign, sign_standard};
use crate::session::protocol::Delivery;

/// Bytes at the beginning of an answer by which a web page is told.
const SNIFFED_BYTES: usize = 512;
/// How long an idle connection is kept for the next event.
const IDLE_CONNECTION: Duration = Duration::from_secs(20);

/// How much one attempt may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryLimits {
    /// Until there is a connection.
    pub connect: Duration,
    /// From the beginning to the end of the answer.
    pub total: Duration,
    /// Bytes of the answer that are read before the rest is let go.
    pub answer_bytes: usize,
    /// Whether a failed delivery is made again: a test leaves it out, to show what it alone is for.
    #[cfg(test)]
    pub redelivers: bool,
}

impl Default for DeliveryLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            total: Duration::from_secs(30),
            answer_bytes: 64 * 1024,
            #[cfg(test)]
            redelivers: true,
        }
    }
}

/// Names the cryptography that TLS uses, which every HTTP client of this process needs, also one that speaks plain HTTP.
pub fn choose_cryptography() {
    // Once for the process; that somebody has done it before is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Why nothing can be delivered at all.
#[derive(Debug, thiserror::Error)]
pub enum DelivererError {
    /// Two endpoints of one name.
    #[error("two endpoints are named {0}; give each its own name")]
    TwoOfAName(String),
    /// The client for HTTP and TLS cannot be set up.
    #[error("cannot set up safe connections: {0}; check that the system has its root certificates (ca-certificates)")]
    Client(reqwest::Error),
}

/// Why an event cannot be sent as its endpoint is configured now. Nothing was tried then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hindrance {
    /// No endpoint of this name is known.
    Unknown,
    /// It is known, and left out for now.
    LeftOut,
    /// A live event, and a plain address.
    LiveOverHttp,
}

/// Hands events to receivers.
#[derive(Debug)]
pub struct Deliverer {
    endpoints: HashMap<String, (Endpoint, Client)>,
    left_out: BTreeSet<String>,
    knows_all: bool,
    limits: DeliveryLimits,
}

impl Deliverer {
    /// Prepares to deliver to these endpoints.
    ///
    /// # Errors
    /// [`DelivererError`] when two endpoints have one name, or the system has no root certificates.
    pub fn new(endpoints: Vec<Endpoint>, limits: DeliveryLimits) -> Result<Self, DelivererError> {
        choose_cryptography();
        let shared = client(limits, &[])?;
        let mut by_name = HashMap::with_capacity(endpoints.len());
        for endpoint in endpoints {
            let own = match endpoint.authority() {
                [] => shared.clone(),
                authority => client(limits, authority)?,
            };
            if let Some((other, _)) = by_name.insert(endpoint.name().as_str().to_owned(), (endpoint, own)) {
                return Err(DelivererError::TwoOfAName(other.name().as_str().to_owned()));
            }
        }
        Ok(Self { endpoints: by_name, left_out: BTreeSet::new(), knows_all: true, limits })
    }

    /// Leaves endpoints out that are configured and disabled, or cannot be used now: what waits for them goes on waiting.
    #[must_use]
    pub fn leaving_out(self, left_out: BTreeSet<String>) -> Self {
        Self { left_out, ..self }
    }

    /// There may be more endpoints, because they could not be listed: one that is not known is no news.
    #[must_use]
    pub fn knowing_some(self) -> Self {
        Self { knows_all: false, ..self }
    }

    /// Whether safe connections to an endpoint can be set up.
    ///
    /// # Errors
    /// [`DelivererError::Client`] when its authority's certificates cannot be used.
    pub fn check(endpoint: &Endpoint, limits: DeliveryLimits) -> Result<(), DelivererError> {
        choose_cryptography();
        match endpoint.authority() {
            [] => Ok(()),
            authority => client(limits, authority).map(drop),
        }
    }

    /// Why an event cannot be sent at all, where it cannot.
    pub(super) fn hindrance(&self, delivery: &Delivery) -> Option<Hindrance> {
        match self.endpoints.get(&delivery.endpoint) {
            None if self.left_out.contains(&delivery.endpoint) => Some(Hindrance::LeftOut),
            None => Some(Hindrance::Unknown),
            // The engine makes none for such an endpoint; the address may have been changed since.
            Some((endpoint, _)) => {
                (!endpoint.takes_live() && is_live(&delivery.body)).then_some(Hindrance::LiveOverHttp)
            }
        }
    }

    /// Endpoints of which nothing is wanted.
    pub(super) fn left_out(&self) -> &BTreeSet<String> {
        &self.left_out
    }

    /// Whether an endpoint that is not known is none.
    pub(super) fn knows_all(&self) -> bool {
        self.knows_all
    }

    /// Where an endpoint's events go to.
    pub(super) fn address(&self, endpoint: &str) -> Option<&str> {
        self.endpoints.get(endpoint).map(|(endpoint, _)| endpoint.url().as_str())
    }

    #[cfg(test)]
    pub(super) fn redelivers(&self) -> bool {
        self.limits.redelivers
    }

    /// Sends one event once, signed now, and says what came back.
    pub async fn attempt(&self, delivery: &Delivery) -> Answer {
        self.exchange(delivery).await.unwrap_or_else(Answer::Nothing)
    }

    async fn exchange(&self, delivery: &Delivery) -> Result<Answer, NoAnswer> {
        let (endpoint, client) = self.endpoints.get(&delivery.endpoint).ok_or(NoAnswer::UnknownEndpoint)?;
        if delivery.body.len() > MAX_BODY_BYTES {
            return Err(NoAnswer::EventTooLong);
        }
        // Whoever calls may not have asked for a hindrance.
        if !endpoint.takes_live() && is_live(&delivery.body) {
            return Err(NoAnswer::LiveOverHttp);
        }
        let now = u64::try_from(Timestamp::now().as_second()).map_err(|_| NoAnswer::Clock)?;
        let signature = sign(endpoint.secrets(), now, delivery.body.as_bytes());
        let mut request = client.post(endpoint.url().clone()).header(CONTENT_TYPE, "application/json");
        for name in SIGNATURE_HEADERS {
            request = request.header(name, signature.as_str());
        }
        let body = delivery.body.as_bytes();
        if let Some(signature) = sign_standard(endpoint.secrets(), &delivery.event, now, body) {
            let values = [delivery.event.clone(), now.to_string(), signature];
            for (name, value) in STANDARD_HEADERS.into_iter().zip(values) {
                request = request.header(name, value);
            }
        }
        let response = request.body(delivery.body.clone()).send().await.map_err(|error| why(&error))?;
        self.read(response).await
    }

    async fn read(&self, mut response: Response) -> Result<Answer, NoAnswer> {
        let code = response.status().as_u16();
        let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = asked.and_then(|value| retry_after(value, SystemTime::now()));
        let mut beginning = Vec::new();
        let mut length = 0;
        while length < self.limits.answer_bytes {
            let Some(chunk) = response.chunk().await.map_err(|error| why(&error))? else { break };
            length += chunk.len();
            beginning.extend(chunk.iter().take(SNIFFED_BYTES - beginning.len().min(SNIFFED_BYTES)));
        }
        Ok(Answer::Status { code, retry_after, web_page: is_web_page(&beginning) })
    }
}

/// A client that checks certificates by an authority's, or by the system's roots where there are none.
fn client(limits: DeliveryLimits, authority: &[Certificate]) -> Result<Client, DelivererError> {
    let mut builder = Client::builder()
        .user_agent(concat!("carded/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .no_proxy()
        .http1_only()
        .connect_timeout(limits.connect)
        .timeout(limits.total)
        .pool_idle_timeout(IDLE_CONNECTION)
        .pool_max_idle_per_host(1)
        // Plain HTTP is allowed to this name, so no name server is asked what it means.
        .resolve("localhost", SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    if !authority.is_empty() {
        builder = builder.tls_certs_only(authority.iter().cloned());
    }
    builder.build().map_err(DelivererError::Client)
}

/// Whether an event is live. One that does not say so is not taken for a test.
#[must_use]
pub fn is_live(body: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Mode {
        livemode: bool,
    }
    serde_json::from_str::<Mode>(body).map_or(true, |event| event.livemode)
}

/// Whether a body begins as a page for people. The content type alone would not do: many frameworks call even an empty
/// answer `text/html`.
fn is_web_page(beginning: &[u8]) -> bool {
    let text = String::from_utf8_lossy(beginning).to_ascii_lowercase();
    let mut text = text.trim_start_matches('\u{feff}').trim_start();
    while let Some((_, after)) = text.strip_prefix("<!--").and_then(|comment| comment.split_once("-->")) {
        text = after.trim_start();
    }
    ["<!doctype html", "<html", "<head", "<body"].iter().any(|tag| text.starts_with(tag))
}

/// Sorts a failure by what would help. The client's own words are dropped, because they name the address.
fn why(error: &reqwest::Error) -> NoAnswer {
    if error.is_timeout() {
        return NoAnswer::Timeout;
    }
    if is_of_tls(error) {
        return NoAnswer::Tls;
    }
    if error.is_connect() { NoAnswer::Connect } else { NoAnswer::Interrupted }
}

/// Whether TLS is what failed.
fn is_of_tls(error: &(dyn Error + 'static)) -> bool {
    tls_error(error).is_some()
}

/// What failed in TLS. Looks through an error and its causes; I/O errors hold the one that they wrap beside the chain, also
/// several deep.
pub(super) fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(found) = error.downcast_ref::<rustls::Error>() {
        return Some(found);
    }
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    let wrapped = wrapped.and_then(|wrapped| tls_error(wrapped));
    wrapped.or_else(|| error.source().and_then(tls_error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_page_is_told_from_a_short_answer() {
        for page in [
            "<!DOCTYPE html><html><body>Please log in",
            "\u{feff}\r\n  <HTML lang=en>",
            "<!-- cached --><!-- by a proxy -->\n<!doctype html>",
            "<head><meta http-equiv=refresh",
        ] {
            assert!(is_web_page(page.as_bytes()), "{page}");
        }
        for answer in ["", "ok", "{\"received\":true}", "<p>thanks</p>", "<xml/>", "html", "<!-- html"] {
            assert!(!is_web_page(answer.as_bytes()), "{answer}");
        }
        assert!(!is_web_page(&[0xff, 0xfe, 0x00]));
    }
}
