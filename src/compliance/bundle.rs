//! A whole rule table in one signed file, which takes the place of the built-in one.
//!
//! The form is an envelope of DSSE v1.0 (Dead Simple Signing Envelope): JSON with a payload in base64, the payload's type, and
//! an Ed25519 signature (RFC 8032) over `DSSEv1 LENGTH TYPE LENGTH PAYLOAD`. `docs/rules.md` describes it for other programs.
//! Always holds: nothing of the payload is looked at before its signature is good, and a bundle in which anything is wrong is
//! refused as a whole. Does not read files, and does not know which keys are trusted: they are passed in.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::rules::RuleBook;
use super::table::RuleBookError;
use super::use_case::UseCase;

/// Longest bundle in bytes: it has to fit into one message of the engine's socket.
pub const MAX_BUNDLE_BYTES: usize = 960 * 1024;
/// Length of a publisher's private and public key in bytes.
pub const PUBLISHER_KEY_BYTES: usize = 32;
/// Names what is signed, so that no signature over something else can stand in for one over a table.
const PAYLOAD_TYPE: &str = "application/vnd.carded.rules.v1+json";
/// What every place of a bundle has a rule for, as every place of the built-in table has.
const ALWAYS_KNOWN: [UseCase; 3] = [UseCase::AlcoholInPerson, UseCase::AlcoholDelivery, UseCase::TobaccoNicotine];

/// Why a bundle is refused.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// More than [`MAX_BUNDLE_BYTES`].
    #[error("the bundle has more than {MAX_BUNDLE_BYTES} bytes; ask its publisher for a shorter one")]
    TooLong,
    /// Not the JSON that was expected.
    #[error("the bundle is not of the form that docs/rules.md describes ({0}); fetch it from its publisher again")]
    Form(#[from] serde_json::Error),
    /// Not base64, or not as it is written.
    #[error("the bundle's {0} is not base64 of the right length; fetch it from its publisher again")]
    Base64(&'static str),
    /// Another kind of envelope.
    #[error("the bundle holds something else than rules of version 1; give the file of a rule bundle")]
    Type,
    /// Not one signature.
    #[error("the bundle does not have exactly one signature; fetch it from its publisher again")]
    Signatures,
    /// No key is trusted at all.
    #[error("no publisher is trusted, so no bundle is; add the publisher's key to trusted_keys under [rules]")]
    NoKeys,
    /// A key that is not trusted.
    #[error(
        "the bundle is signed by the key {0:?}, which is not trusted; if it is the publisher's, add it to trusted_keys under [rules]"
    )]
    UnknownKey(String),
    /// The signature is not by that key over these bytes.
    #[error(
        "the bundle's signature does not hold: it was changed after it was signed; fetch it from its publisher again"
    )]
    Signature,
    /// What it states is not what its table says.
    #[error("the bundle states another {0} than its table; ask its publisher for another")]
    Stated(&'static str),
    /// Two parts of one name, or one without.
    #[error("the bundle has a region without a name of its own; ask its publisher for another")]
    Regions,
    /// The table is wrong.
    #[error(transparent)]
    Table(#[from] RuleBookError),
    /// A place without a rule that every place has.
    #[error("the bundle has no rule for {use_case} in {place}, which every place needs; ask its publisher for another")]
    Incomplete {
        /// For what.
        use_case: UseCase,
        /// Where.
        place: String,
    },
    /// A text that this program does not have.
    #[error(
        "the bundle asks people by the consent text {0:?}, which this program does not show; install a program that does, or ask the publisher for another bundle"
    )]
    ConsentText(String),
}

/// Not a publisher's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a publisher's key is 43 characters of base64url, as 'carded rules key' prints it; copy it again")]
pub struct PublisherKeyError;

/// The public key of somebody who publishes tables.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PublisherKey {
    key: VerifyingKey,
    id: String,
}

impl PublisherKey {
    fn of(key: VerifyingKey) -> Self {
        let x = URL_SAFE_NO_PAD.encode(key.to_bytes());
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        Self { key, id: URL_SAFE_NO_PAD.encode(Sha256::digest(members)) }
    }

    /// Its JWK thumbprint (RFC 7638, of the members that RFC 8037 names): 43 characters.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl std::fmt::Display for PublisherKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&URL_SAFE_NO_PAD.encode(self.key.to_bytes()))
    }
}

impl std::str::FromStr for PublisherKey {
    type Err = PublisherKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes =
            URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| <[u8; PUBLISHER_KEY_BYTES]>::try_from(bytes).ok());
        let key = bytes.and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok()).filter(|key| !key.is_weak());
        key.map(Self::of).ok_or(PublisherKeyError)
    }
}

impl TryFrom<String> for PublisherKey {
    type Error = PublisherKeyError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// The private key of a publisher. Wiped on drop, never printed.
pub struct PublisherSecret(SigningKey);

impl PublisherSecret {
    /// The key of 32 random bytes (RFC 8032, the seed).
    #[must_use]
    pub fn from_bytes(seed: &[u8; PUBLISHER_KEY_BYTES]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The part that anybody may know.
    #[must_use]
    pub fn public(&self) -> PublisherKey {
        PublisherKey::of(self.0.verifying_key())
    }
}

impl std::fmt::Debug for PublisherSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// Which bundles a device takes.
#[derive(Debug, Clone, Copy)]
pub struct Accepts<'a> {
    /// The publishers that are trusted.
    pub keys: &'a [PublisherKey],
    /// Versions of the consent texts that the program shows.
    pub consent_texts: &'a [&'a str],
}

/// A table as it is written: TOML texts of the same form as the built-in ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableTexts {
    /// Places, version, day and terms.
    pub places: String,
    /// The rules, region by region.
    pub regions: Vec<RegionText>,
}

/// The rules of a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionText {
    /// Its name, such as `us`: nothing hangs on it.
    pub name: String,
    /// Sources and rules, as TOML.
    pub rules: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    #[serde(rename = "payloadType")]
    payload_type: String,
    payload: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvelopeSignature {
    keyid: String,
    sig: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    rule_version: String,
    made_on: Date,
    places: String,
    regions: Vec<RegionText>,
}

/// The bytes that are signed: `PAE(type, payload)` of DSSE v1.0.
fn signed_bytes(payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// Makes a bundle and signs it.
///
/// # Errors
/// [`BundleError`] when no device could take it: the table is wrong or not whole, or the bundle too long.
pub fn seal(texts: TableTexts, secret: &PublisherSecret) -> Result<String, BundleError> {
    let book = RuleBook::signed(&texts.places, &rules_of(&texts.regions), None)?;
    let (rule_version, made_on) = (book.version().to_owned(), book.made_on());
    let TableTexts { places, regions } = texts;
    let payload = serde_json::to_vec(&Payload { rule_version, made_on, places, regions })?;
    let key = secret.public();
    let sig = STANDARD.encode(secret.0.sign(&signed_bytes(&payload)).to_bytes());
    let envelope = Envelope {
        payload_type: PAYLOAD_TYPE.to_owned(),
        payload: STANDARD.encode(payload),
        signatures: vec![EnvelopeSignature { keyid: key.id().to_owned(), sig }],
    };
    let bundle = serde_json::to_string_pretty(&envelope)? + "\n";
    // Whoever gets it will read it like this.
    let consent = book.consent_text();
    open(bundle.as_bytes(), Accepts { keys: &[key], consent_texts: &[consent] })?;
    Ok(bundle)
}

/// Reads a bundle.
///
/// # Errors
/// [`BundleError`] when anything in it is wrong.
pub fn open(bundle: &[u8], accepts: Accepts<'_>) -> Result<RuleBook, BundleError> {
    if bundle.len() > MAX_BUNDLE_BYTES {
        return Err(BundleError::TooLong);
    }
    if accepts.keys.is_empty() {
        return Err(BundleError::NoKeys);
    }
    let envelope: Envelope = serde_json::from_slice(bundle)?;
    if envelope.payload_type != PAYLOAD_TYPE {
        return Err(BundleError::Type);
    }
    let [signature] = &envelope.signatures[..] else { return Err(BundleError::Signatures) };
    let unknown = || BundleError::UnknownKey(signature.keyid.chars().take(64).collect());
    let key = accepts.keys.iter().find(|key| key.id() == signature.keyid).ok_or_else(unknown)?;
    let sig = STANDARD.decode(&signature.sig).ok().and_then(|sig| Signature::from_slice(&sig).ok());
    let sig = sig.ok_or(BundleError::Base64("signature"))?;
    let payload = STANDARD.decode(&envelope.payload).map_err(|_| BundleError::Base64("payload"))?;
    key.key.verify_strict(&signed_bytes(&payload), &sig).map_err(|_| BundleError::Signature)?;
    read(&payload, key, accepts)
}

/// Reads what a trusted publisher has signed.
fn read(payload: &[u8], key: &PublisherKey, accepts: Accepts<'_>) -> Result<RuleBook, BundleError> {
    let payload: Payload = serde_json::from_slice(payload)?;
    let mut names: Vec<&str> = payload.regions.iter().map(|region| region.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() != payload.regions.len() || names.iter().any(|name| name.is_empty()) {
        return Err(BundleError::Regions);
    }
    let book = RuleBook::signed(&payload.places, &rules_of(&payload.regions), Some(key.id().to_owned()))?;
    if payload.rule_version != book.version() {
        return Err(BundleError::Stated("rule_version"));
    }
    if payload.made_on != book.made_on() {
        return Err(BundleError::Stated("made_on"));
    }
    if let Some((use_case, place)) = book.first_unknown(&ALWAYS_KNOWN) {
        return Err(BundleError::Incomplete { use_case, place: place.to_owned() });
    }
    if !accepts.consent_texts.contains(&book.consent_text()) {
        return Err(BundleError::ConsentText(book.consent_text().chars().take(64).collect()));
    }
    Ok(book)
}

fn rules_of(regions: &[RegionText]) -> Vec<&str> {
    regions.iter().map(|region| region.rules.as_str()).collect()
}

#[cfg(test)]
pub(super) mod tests;
