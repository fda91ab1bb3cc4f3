//! Whether a request is by whoever holds the endpoint's secret: by the signature headers that it came with.

use axum::http::HeaderMap;

use crate::sync::{
    SIGNATURE_HEADERS, STANDARD_HEADERS, SignatureError, StandardSignature, WebhookSecret, verify, verify_standard,
};

/// By which headers a request was believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `stile-signature` or `stripe-signature`.
    Dialects,
    /// The three of Standard Webhooks.
    Standard,
}

impl Scheme {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dialects => "stripe",
            Self::Standard => "standard_webhooks",
        }
    }
}

/// Whether a body is what was signed, at `now_unix_seconds`. A header may be there once. Each header of the dialects that is there
/// has to hold; where there is none, those of Standard Webhooks do.
///
/// # Errors
/// [`SignatureError`] when it is not.
pub fn authentic(
    headers: &HeaderMap,
    body: &[u8],
    secrets: &[WebhookSecret],
    now_unix_seconds: i64,
) -> Result<Scheme, SignatureError> {
    let mut found = false;
    for name in SIGNATURE_HEADERS {
        let Some(value) = only(headers, name)? else { continue };
        verify(value, body, secrets, now_unix_seconds)?;
        found = true;
    }
    if found {
        return Ok(Scheme::Dialects);
    }
    let [id, timestamp, signature] = STANDARD_HEADERS.map(|name| only(headers, name));
    let Some(signature) = signature? else { return Err(SignatureError::NoSignature) };
    let (Some(id), Some(timestamp)) = (id?, timestamp?) else { return Err(SignatureError::Malformed) };
    verify_standard(&StandardSignature { id, timestamp, signature }, body, secrets, now_unix_seconds)?;
    Ok(Scheme::Standard)
}

/// The one value of a header, where it is there.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, SignatureError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    match (value.to_str(), values.next()) {
        (Ok(value), None) => Ok(Some(value)),
        _ => Err(SignatureError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::{sign, sign_standard};

    const NOW: i64 = 1_795_000_000;
    const BODY: &[u8] = b"{}";

    fn secrets() -> [WebhookSecret; 1] {
        [WebhookSecret::new(&WebhookSecret::text_from_random(&[7; 32])).unwrap()]
    }

    fn headers(named: &[(&'static str, &str)]) -> HeaderMap {
        named.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn either_kind_of_header_is_enough_and_none_may_be_there_twice() {
        let (secrets, other) = (secrets(), [WebhookSecret::new("whsec_another").unwrap()]);
        let stripe = sign(&secrets, 1_795_000_000, BODY);
        let standard = sign_standard(&secrets, "evt_1", 1_795_000_000, BODY).unwrap();
        let told = |named: &[(&'static str, &str)]| authentic(&headers(named), BODY, &secrets, NOW);
        let three =
            [("webhook-id", "evt_1"), ("webhook-timestamp", "1795000000"), ("webhook-signature", standard.as_str())];
        assert_eq!(told(&[("stripe-signature", &stripe)]), Ok(Scheme::Dialects));
        assert_eq!(told(&three), Ok(Scheme::Standard));
        assert_eq!(told(&three[1..]), Err(SignatureError::Malformed), "all three or none");
        assert_eq!(told(&three[..2]), Err(SignatureError::NoSignature));
        assert_eq!(told(&[]), Err(SignatureError::NoSignature));
        let two = [("stripe-signature", stripe.as_str()), ("stripe-signature", &stripe)];
        let mut twice = HeaderMap::new();
        for (name, value) in two {
            twice.append(name, value.parse().unwrap());
        }
        assert_eq!(authentic(&twice, BODY, &secrets, NOW), Err(SignatureError::Malformed));
        let forged = sign(&other, 1_795_000_000, BODY);
        let both = [three.as_slice(), &[("stile-signature", forged.as_str())]].concat();
        assert_eq!(told(&both), Err(SignatureError::Mismatch), "a wrong one is not outweighed");
    }
}
