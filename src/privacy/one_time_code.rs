//! The code that is sent to an e-mail address, to find out whether whoever asks can read what is sent there.
//!
//! Always holds: the text of a code is wiped from memory and never kept: what is kept is its hash under the device's key, bound
//! to address and session ([`ApiSecrets::one_time_hash`](super::ApiSecrets::one_time_hash)). Proves the address and nothing
//! else. Does not count wrong codes: the store does.

use std::time::Duration;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::api_secrets::ContactKind;
use super::digits::DecimalCode;

/// The code that is sent to an address: six decimal digits, as people read it `123 456`.
pub type OneTimeCode = DecimalCode<6>;

impl OneTimeCode {
    /// For how long it is taken, from when it was drawn.
    pub const LIFETIME: Duration = Duration::from_mins(10);
}

/// An e-mail address on its way to whoever sends the letter. Wiped on drop, and never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Reads an address and puts it into the form that is hashed, too: trimmed, in lower case. `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        ContactKind::Email.normalised(text).map(|address| Self(address.as_str().to_owned()))
    }

    /// The text of it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for EmailAddress {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_in_lower_case_and_never_printed() {
        let address = EmailAddress::parse(" Ana.Diaz@Shop.Example ").unwrap();
        assert_eq!((address.reveal(), format!("{address:?}")), ("ana.diaz@shop.example", "[redacted]".to_owned()));
        for bad in ["", "ana", "@shop.example", "ana@", "a@b@c", "a b@c", "a@b\nbcc: x@y"] {
            assert!(EmailAddress::parse(bad).is_none(), "{bad}");
        }
    }
}
