//! The webhook signatures: the one that both dialects share, and that of Standard Webhooks; bytes and times in, values out.
//!
//! The header is `t=<unix seconds>,v1=<lower-case hex>`, one `v1` for each secret that is in force; each is HMAC-SHA256
//! under the whole secret string as UTF-8 (`whsec_…` is not decoded) over the decimal seconds, a full stop and the raw
//! body. It is made when a request is sent, never when the event is queued, because receivers refuse old ones.
//!
//! Always holds: [`verify()`] compares in constant time, and takes no spelling but the one that [`sign`] writes, so that no
//! single changed bit of header or body passes. Does not read a clock.

mod standard;

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

pub use standard::{STANDARD_HEADERS, StandardSignature, sign_standard, verify_standard};

/// The headers that carry the signature, both with the same value.
pub const SIGNATURE_HEADERS: [&str; 2] = ["stile-signature", "stripe-signature"];
/// Seconds that a signature may be older or newer than the receiver's clock.
pub const TOLERANCE_SECONDS: u64 = 300;
/// Longest header in bytes: a time and more signatures than a rotation ever needs.
pub const MAX_HEADER_BYTES: usize = 1024;
/// Longest body in bytes.
pub const MAX_BODY_BYTES: usize = 256 * 1024;
/// Most secrets that are in force at once for one endpoint.
pub const MAX_SECRETS: usize = 4;
/// Most `v1` signatures that are compared.
const MAX_SIGNATURES: usize = 8;
/// Digits of a time; more than enough for thirty thousand years.
const MAX_TIME_DIGITS: usize = 12;
/// Bytes of a signature.
const SIGNATURE_BYTES: usize = 32;

/// A secret that an endpoint shares with its receiver. Wiped when dropped; prints `[redacted]`.
#[derive(Clone)]
pub struct WebhookSecret {
    /// Keyed with the whole text.
    of_text: Hmac<Sha256>,
    /// Keyed with what the text encodes, where it is a secret of Standard Webhooks.
    of_bytes: Option<Hmac<Sha256>>,
}

/// Not a usable secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Too short to withstand guessing, or too long to be one.
    #[error(
        "a webhook secret has {} to {} characters; copy it whole, or make a new one",
        WebhookSecret::MIN_BYTES,
        WebhookSecret::MAX_BYTES
    )]
    Length,
    /// White space or control characters, which are mostly left over from copying.
    #[error("a webhook secret holds white space or control characters; copy it without them")]
    Character,
}

impl WebhookSecret {
    /// Fewest bytes.
    pub const MIN_BYTES: usize = 8;
    /// Most bytes.
    pub const MAX_BYTES: usize = 256;
    /// Random bytes of a new secret.
    pub const RANDOM_BYTES: usize = 32;

    /// Takes a secret into keeping.
    ///
    /// # Errors
    /// [`SecretError`] when the text cannot be one.
    pub fn new(text: &str) -> Result<Self, SecretError> {
        if !(Self::MIN_BYTES..=Self::MAX_BYTES).contains(&text.len()) {
            return Err(SecretError::Length);
        }
        if text.chars().any(|character| character.is_whitespace() || character.is_control()) {
            return Err(SecretError::Character);
        }
        let of_text = Hmac::new_from_slice(text.as_bytes()).map_err(|_| SecretError::Length)?;
        Ok(Self { of_text, of_bytes: standard::key_of(text) })
    }

    /// The text of a new secret from random bytes, `whsec_…`, for both ends.
    #[must_use]
    pub fn text_from_random(bytes: &[u8; Self::RANDOM_BYTES]) -> Zeroizing<String> {
        // Reserved whole, so that growing leaves no copy behind.
        let mut text = Zeroizing::new(String::with_capacity(6 + 2 * Self::RANDOM_BYTES));
        text.push_str("whsec_");
        push_hex(&mut text, bytes);
        text
    }

    /// The keyed hash over time and body, not yet finished.
    fn over(&self, time: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.of_text.clone();
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(body);
        mac
    }
}

impl std::fmt::Debug for WebhookSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
}

/// The header's value for a body that is sent at `unix_seconds`.
#[must_use]
pub fn sign(secrets: &[WebhookSecret], unix_seconds: u64, body: &[u8]) -> String {
    let time = unix_seconds.to_string();
    let mut header = format!("t={time}");
    for secret in secrets {
        header.push_str(",v1=");
        push_hex(&mut header, &secret.over(&time, body).finalize().into_bytes());
    }
    header
}

/// Why a request is not to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The header is longer than [`MAX_HEADER_BYTES`], or has more signatures than anybody needs.
    #[error("the signature header is too long; check what sends it")]
    HeaderTooLong,
    /// The body is longer than [`MAX_BODY_BYTES`].
    #[error("the body is longer than any event; check what sends it")]
    BodyTooLong,
    /// Not of the form `t=…,v1=…`, or with more than one time.
    #[error("the signature header is not of the form t=…,v1=…; check what sends it")]
    Malformed,
    /// There is no `v1`.
    #[error("the signature header has no v1 signature; check what sends it")]
    NoSignature,
    /// No signature is that of the body under any secret.
    #[error("no signature matches; check that both ends have the same secret and that the raw body is checked")]
    Mismatch,
    /// Rightly signed, but too long ago.
    #[error("the signature is too old; check both clocks")]
    TooOld,
    /// Rightly signed, but at a time that has not come yet.
    #[error("the signature is from the future; check both clocks")]
    InFuture,
}

/// Whether a body was signed with one of the secrets within [`TOLERANCE_SECONDS`] of `now_unix_seconds`, which may lie
/// before 1970 where a clock was never set.
///
/// Schemes other than `v1` are passed over, as the convention asks, so that a sender can add one.
///
/// # Errors
/// [`SignatureError`] when it was not.
pub fn verify(
    header: &str,
    body: &[u8],
    secrets: &[WebhookSecret],
    now_unix_seconds: i64,
) -> Result<(), SignatureError> {
    expect_short(header, body)?;
    let parts = Parts::parse(header)?;
    expect_match(secrets.iter().map(|secret| secret.over(parts.time, body)), &parts.signatures)?;
    expect_recent(parts.unix_seconds, now_unix_seconds)
}

/// Whether a header and a body have lengths that anybody sends: before anything of them is looked at.
fn expect_short(header: &str, body: &[u8]) -> Result<(), SignatureError> {
    match () {
        () if body.len() > MAX_BODY_BYTES => Err(SignatureError::BodyTooLong),
        () if header.len() > MAX_HEADER_BYTES => Err(SignatureError::HeaderTooLong),
        () => Ok(()),
    }
}

/// Whether there are as many signatures of the scheme as anybody sends.
fn expect_some(signatures: usize) -> Result<(), SignatureError> {
    match signatures {
        0 => Err(SignatureError::NoSignature),
        1..=MAX_SIGNATURES => Ok(()),
        _ => Err(SignatureError::HeaderTooLong),
    }
}

/// Whether one of the signatures is one of the secrets'.
fn expect_match(
    macs: impl Iterator<Item = Hmac<Sha256>>,
    signatures: &[[u8; SIGNATURE_BYTES]],
) -> Result<(), SignatureError> {
    let mut matched = false;
    // Nothing ends the loops early, so that the time taken says nothing of which secret matched.
    for mac in macs {
        for signature in signatures {
            matched |= mac.clone().verify_slice(signature).is_ok();
        }
    }
    if matched { Ok(()) } else { Err(SignatureError::Mismatch) }
}

/// Whether a time that was signed is near enough.
fn expect_recent(signed_at: u64, now_unix_seconds: i64) -> Result<(), SignatureError> {
    match i128::from(now_unix_seconds) - i128::from(signed_at) {
        age if age > i128::from(TOLERANCE_SECONDS) => Err(SignatureError::TooOld),
        age if age < -i128::from(TOLERANCE_SECONDS) => Err(SignatureError::InFuture),
        _ => Ok(()),
    }
}

/// A time in the one spelling that is signed: digits without a sign or leading zero.
fn time_of(text: &str) -> Option<u64> {
    let plain = (1..=MAX_TIME_DIGITS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

/// A header taken apart.
struct Parts<'h> {
    /// The digits that were signed.
    time: &'h str,
    unix_seconds: u64,
    signatures: Vec<[u8; SIGNATURE_BYTES]>,
}

impl<'h> Parts<'h> {
    fn parse(header: &'h str) -> Result<Self, SignatureError> {
        let mut time = None;
        let mut of_this_scheme = 0;
        let mut signatures = Vec::new();
        for item in header.split(',') {
            match item.split_once('=').ok_or(SignatureError::Malformed)? {
                ("t", digits) if time.is_none() => time = Some(digits),
                ("t", _) => return Err(SignatureError::Malformed),
                ("v1", hex) => {
                    of_this_scheme += 1;
                    signatures.extend(from_lower_hex(hex));
                }
                (_other_scheme, _) => {}
            }
        }
        let time = time.ok_or(SignatureError::Malformed)?;
        let unix_seconds = time_of(time).ok_or(SignatureError::Malformed)?;
        expect_some(of_this_scheme)?;
        Ok(Self { time, unix_seconds, signatures })
    }
}

/// A signature's bytes. Upper-case digits are refused: they differ from lower-case ones in a single bit.
fn from_lower_hex(text: &str) -> Option<[u8; SIGNATURE_BYTES]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let text: &[u8; 2 * SIGNATURE_BYTES] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; SIGNATURE_BYTES];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
