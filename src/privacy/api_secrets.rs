//! The keyed hashes of the API: of its keys, of sessions' secrets, of what was asked before, and of contacts; and of the
//! codes of the staff.
//!
//! Always holds: all are HMAC-SHA256 under one key that is derived from the anchor key, each under a label of its own, so
//! that none of them meets another or an anchor; a session's secret follows from its identifier and is never stored; texts
//! are compared in constant time. Does not know who may do what.

use serde_json::Value;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::anchor::{hexadecimal, keyed_hash};
use super::api_key::ApiKeyText;
use super::one_time_code::OneTimeCode;
use super::staff::StaffCode;
use crate::session::{Dialect, SessionId};

/// How a person can be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContactKind {
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
}

impl ContactKind {
    /// Longest address in characters (RFC 5321, section 4.5.3.1.3, without the angle brackets).
    const MAX_EMAIL: usize = 254;

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Email => "carded/api/email/v1",
            Self::Phone => "carded/api/phone/v1",
        }
    }

    /// The one form of a contact; `None` when it is none.
    pub(super) fn normalised(self, text: &str) -> Option<Zeroizing<String>> {
        match self {
            Self::Email => {
                let text = text.trim();
                if text.chars().count() > Self::MAX_EMAIL {
                    return None;
                }
                // Lower case may need more bytes than the text; a buffer that has to grow leaves a copy behind.
                let mut address = Zeroizing::new(String::with_capacity(text.len() * 3));
                address.extend(text.chars().flat_map(char::to_lowercase));
                let (name, host) = address.rsplit_once('@')?;
                let good = !name.is_empty() && !host.is_empty() && !name.contains('@');
                let clean = !address.contains(|c: char| c.is_whitespace() || c.is_control());
                (good && clean).then_some(address)
            }
            Self::Phone => {
                let digits = text.trim().strip_prefix('+')?;
                let mut number = Zeroizing::new(String::with_capacity(digits.len() + 1));
                number.push('+');
                number.extend(digits.chars().filter(|c| !" -./()".contains(*c)));
                let digits = &number[1..];
                let good = (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
                (good && !digits.starts_with('0')).then_some(number)
            }
        }
    }
}

/// The keyed hash of an API key, of a code of the staff or of one that was sent: 64 lower-case hexadecimal digits.
#[derive(Clone)]
pub struct KeyHash(String);

impl KeyHash {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// In constant time.
impl PartialEq for KeyHash {
    fn eq(&self, other: &Self) -> bool {
        is_same(&self.0, &other.0)
    }
}

impl Eq for KeyHash {}

impl std::fmt::Debug for KeyHash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// Makes the keyed hashes of the API. Wiped on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ApiSecrets([u8; 32]);

impl ApiSecrets {
    /// Under which the key is derived.
    pub(super) const LABEL: &'static str = "carded/api/v1";
    /// Digits of a session's secret, 4 bits each.
    pub const SECRET_DIGITS: usize = 48;
    /// Stands between a session's identifier and those digits.
    pub(crate) const SECRET_MARK: &'static str = "_secret_";

    /// Takes a derived key into keeping. The caller wipes its own copy.
    pub(super) fn under(key: &[u8; 32]) -> Self {
        Self(*key)
    }

    /// The hash by which a key is known again.
    #[must_use]
    pub fn key_hash(&self, key: &ApiKeyText) -> KeyHash {
        KeyHash(self.hash("carded/api/key/v1", &[key.reveal()]))
    }

    /// The hash by which a code of the staff is known again.
    ///
    /// There are few enough codes to try them all, so that a hash is only as safe as the file of the key. Who has that file
    /// has the device's other key beside it and could have signed an outcome anyway.
    #[must_use]
    pub fn staff_hash(&self, code: &StaffCode) -> KeyHash {
        KeyHash(self.hash("carded/staff/v1", &[code.digits()]))
    }

    /// The hash by which a code that was sent to an address for a session is known again; `contact` is the address's anchor. For
    /// another session or address the same digits have another hash.
    #[must_use]
    pub fn one_time_hash(&self, contact: &str, session: &SessionId, code: &OneTimeCode) -> KeyHash {
        KeyHash(self.hash("carded/one-time-code/v1", &[contact, session.as_str(), code.digits()]))
    }

    /// The mark by which an address is known again among attempts at its codes: 64 lower-case hexadecimal digits that meet no
    /// anchor.
    #[must_use]
    pub fn address_mark(&self, contact: &str) -> String {
        self.hash("carded/one-time-code/address/v1", &[contact])
    }

    /// The name of whoever has a contact, `vp_` and 24 characters: the same whenever they come, and of no use without the key.
    #[must_use]
    pub fn verified_person_id(&self, contact: &str) -> String {
        let bytes = keyed_hash(&self.0, "carded/api/verified-person/v1", &[contact]);
        let random = std::array::from_fn(|k| bytes[k]);
        format!("vp_{}", SessionId::from_random(&random))
    }

    /// The secret of a session in a dialect: its identifier, `_secret_`, and 48 hexadecimal digits.
    #[must_use]
    pub fn client_secret(&self, id: &SessionId, dialect: Dialect) -> String {
        let name = id.in_dialect(dialect);
        let digits = self.hash("carded/api/client-secret/v1", &[&name]);
        format!("{name}{}{}", Self::SECRET_MARK, &digits[..Self::SECRET_DIGITS])
    }

    /// The session whose secret a text is; `None` when it is none of this device's.
    #[must_use]
    pub fn session_of_client_secret(&self, text: &str) -> Option<SessionId> {
        let (name, _) = text.split_once(Self::SECRET_MARK)?;
        let of_dialect = |dialect| SessionId::of_dialect(dialect, name).map(|id| (id, dialect));
        let (id, dialect) = [Dialect::Stripe, Dialect::Stile].into_iter().find_map(of_dialect)?;
        is_same(&self.client_secret(&id, dialect), text).then_some(id)
    }

    /// The name of an idempotency key of an API key: 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn idempotency(&self, api_key_id: &str, idempotency_key: &str) -> String {
        self.hash("carded/api/idempotency/v1", &[api_key_id, idempotency_key])
    }

    /// The digest of a request: 64 lower-case hexadecimal digits, the same for parameters in any order.
    #[must_use]
    pub fn request_digest(&self, method: &str, path: &str, parameters: &Value) -> String {
        let mut parameters = parameters.clone();
        parameters.sort_all_objects();
        let parameters = Zeroizing::new(parameters.to_string());
        self.hash("carded/api/request/v1", &[method, path, &parameters])
    }

    /// The anchor of a contact: 64 lower-case hexadecimal digits. `None` when the text is no such contact.
    ///
    /// An e-mail address is trimmed and in lower case; a number is `+` and 7 to 15 digits (ITU-T E.164), whatever
    /// stands between them.
    #[must_use]
    pub fn contact(&self, kind: ContactKind, text: &str) -> Option<String> {
        Some(self.hash(kind.label(), &[&kind.normalised(text)?]))
    }

    fn hash(&self, label: &str, parts: &[&str]) -> String {
        hexadecimal(&*keyed_hash(&self.0, label, parts))
    }
}

impl std::fmt::Debug for ApiSecrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// Whether two texts are the same, in a time that depends on their lengths alone.
fn is_same(one: &str, other: &str) -> bool {
    let differing = one.bytes().zip(other.bytes()).fold(0, |all, (a, b)| std::hint::black_box(all | (a ^ b)));
    one.len() == other.len() && differing == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::privacy::{AnchorKey, ApiKeyKind, ApiKeyShape};
    use proptest::prelude::*;
    use serde_json::json;

    fn secrets() -> ApiSecrets {
        AnchorKey::from_bytes(&[7; 32]).api_secrets()
    }

    fn id(byte: u8) -> SessionId {
        SessionId::from_random(&[byte; SessionId::CHARACTERS])
    }

    fn key(byte: u8) -> ApiKeyText {
        ApiKeyText::draw(ApiKeyKind::Secret, false, ApiKeyShape::Sk, &[byte; 32])
    }

    #[test]
    fn a_hash_is_the_hmac_of_its_framed_parts_under_the_derived_key() {
        // d=$(printf '\0\0\0\0\0\0\0\x0dcarded/api/v1' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0707…07 -r | cut -c1-64)
        // printf '\0\0\0\0\0\0\0\x13carded/api/phone/v1\0\0\0\0\0\0\0\x0c+14155550123' | … -macopt hexkey:$d
        let anchor = secrets().contact(ContactKind::Phone, "+1 (415) 555-0123").unwrap();
        assert_eq!(anchor, "b863c37d6c86666ac012cc3ff9e1582c330e3df4ee0eb9bf7e900749f25b1426");
    }

    #[test]
    fn a_session_is_known_by_its_own_secret_alone() {
        let secrets = secrets();
        for (dialect, prefix) in [(Dialect::Stripe, "vs_"), (Dialect::Stile, "vks_")] {
            let secret = secrets.client_secret(&id(1), dialect);
            assert!(secret.starts_with(&format!("{prefix}{}_secret_", id(1))));
            assert_eq!(secret.rsplit('_').next().map(str::len), Some(48));
            assert_eq!(secrets.session_of_client_secret(&secret), Some(id(1)));
            let other = AnchorKey::from_bytes(&[8; 32]).api_secrets();
            assert_eq!(other.session_of_client_secret(&secret), None);
            let moved = secret.replace(id(1).as_str(), id(2).as_str());
            assert_eq!(secrets.session_of_client_secret(&moved), None);
            assert_eq!(secrets.session_of_client_secret(&secret[..secret.len() - 1]), None);
            assert_eq!(secrets.session_of_client_secret(&format!("{secret}0")), None);
            assert_eq!(secrets.session_of_client_secret(&secret.to_uppercase()), None);
        }
        let stripe = secrets.client_secret(&id(1), Dialect::Stripe);
        let digits = stripe.rsplit('_').next().unwrap();
        assert_eq!(secrets.session_of_client_secret(&format!("{}_secret_{digits}", id(1).stile())), None);
        for text in ["", "_secret_", "vs__secret_", "vs_1_secret_", &id(1).stripe()] {
            assert_eq!(secrets.session_of_client_secret(text), None, "{text}");
        }
    }

    #[test]
    fn a_key_is_known_again_and_no_other_is() {
        let (secrets, other) = (secrets(), AnchorKey::from_bytes(&[8; 32]).api_secrets());
        assert_eq!(secrets.key_hash(&key(1)), secrets.key_hash(&ApiKeyText::parse(key(1).reveal()).unwrap()));
        assert_ne!(secrets.key_hash(&key(1)), secrets.key_hash(&key(2)));
        assert_ne!(secrets.key_hash(&key(1)), other.key_hash(&key(1)));
        assert_eq!(secrets.key_hash(&key(1)).as_str().len(), 64);
        assert_eq!(format!("{:?} {secrets:?}", secrets.key_hash(&key(1))), "[redacted] [redacted]");
    }

    #[test]
    fn a_code_of_the_staff_is_known_again_however_it_is_written_and_on_no_other_device() {
        let (secrets, other) = (secrets(), AnchorKey::from_bytes(&[8; 32]).api_secrets());
        let code = |text: &str| StaffCode::parse(text).unwrap();
        let hash = secrets.staff_hash(&code("1234 5678"));
        assert_eq!(secrets.staff_hash(&code("12-34-56-78")), hash);
        assert_ne!(secrets.staff_hash(&code("1234 5679")), hash);
        assert_ne!(other.staff_hash(&code("1234 5678")), hash);
        // The same text under another label is another value.
        assert_ne!(secrets.hash("carded/api/key/v1", &["12345678"]), hash.as_str());
    }

    #[test]
    fn a_request_is_the_same_in_any_order_and_another_by_any_word() {
        let secrets = secrets();
        let first = secrets.request_digest("POST", "/v1/a", &json!({"a": {"b": 1, "c": [1, 2]}, "d": "x"}));
        let again = serde_json::from_str::<Value>(r#"{"d": "x", "a": {"c": [1, 2], "b": 1}}"#).unwrap();
        assert_eq!(secrets.request_digest("POST", "/v1/a", &again), first);
        for (method, path, parameters) in [
            ("GET", "/v1/a", again.clone()),
            ("POST", "/v1/b", again.clone()),
            ("POST", "/v1/a", json!({"a": {"b": 1, "c": [2, 1]}, "d": "x"})),
            ("POST", "/v1/a", json!({"a": {"b": "1", "c": [1, 2]}, "d": "x"})),
            ("POST", "/v1/a", json!({})),
        ] {
            assert_ne!(secrets.request_digest(method, path, &parameters), first, "{method} {path} {parameters}");
        }
        assert_ne!(secrets.idempotency("key_1", "a"), secrets.idempotency("key_2", "a"));
        assert_ne!(secrets.idempotency("key_1", "a"), secrets.idempotency("key_", "1a"));
    }

    #[test]
    fn one_contact_has_one_anchor_however_it_is_written() {
        let of = |kind, text: &str| secrets().contact(kind, text);
        assert!(of(ContactKind::Email, "ada@example.org").is_some());
        assert_eq!(of(ContactKind::Email, " Ada@Example.ORG\n"), of(ContactKind::Email, "ada@example.org"));
        assert_ne!(of(ContactKind::Email, "bob@example.org"), of(ContactKind::Email, "ada@example.org"));
        assert_eq!(of(ContactKind::Phone, "+1 (415) 555-0123"), of(ContactKind::Phone, "+14155550123"));
        for text in ["", "ada", "@example.org", "ada@", "a@b@c", "a b@c", &format!("{}@c", "a".repeat(253))] {
            assert_eq!(of(ContactKind::Email, text), None, "{text}");
        }
        for text in
            ["", "+", "4155550123", "+123456", "+1234567890123456", "+1415555O123", "+04155550123", "+1+4155550123"]
        {
            assert_eq!(of(ContactKind::Phone, text), None, "{text}");
        }
        // The same text under two labels is two values.
        let odd = "+1234567@1";
        assert!(of(ContactKind::Email, odd).is_some() && of(ContactKind::Phone, odd).is_none());
    }

    proptest! {
        #[test]
        fn no_altered_secret_opens_a_session(byte: u8, at in 0usize..83, to in "[0-9a-f]") {
            let secrets = secrets();
            let secret = secrets.client_secret(&id(byte), Dialect::Stripe);
            let mut altered = secret.clone();
            altered.replace_range(at..=at, &to);
            let found = secrets.session_of_client_secret(&altered);
            prop_assert_eq!(found.is_some(), altered == secret);
        }

        #[test]
        fn any_text_is_a_contact_or_none(text: String) {
            for kind in [ContactKind::Email, ContactKind::Phone] {
                prop_assert!(secrets().contact(kind, &text).is_none_or(|anchor| anchor.len() == 64));
            }
            let _ = secrets().session_of_client_secret(&text);
        }
    }
}
