//! The code that is sent to an e-mail address, to find out whether whoever asks can read what is sent there.
//!
//! Always holds: the text of a code is wiped from memory and never kept: what is kept is its hash under the device's key, bound
//! to address and session ([`ApiSecrets::one_time_hash`](super::ApiSecrets::one_time_hash)). Proves the address and nothing
//! else. Does not count wrong codes: the store does.

use std::time::Duration;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::api_secrets::ContactKind;
use super::digits;

/// Six decimal digits. Wiped on drop, and never printed or serialised.
#[derive(Clone)]
pub struct OneTimeCode(Zeroizing<String>);

impl OneTimeCode {
    /// Digits of a code.
    pub const DIGITS: usize = 6;
    /// Random bytes for one code.
    pub const RANDOM_BYTES: usize = digits::RANDOM_BYTES;
    /// For how long it is taken, from when it was drawn.
    pub const LIFETIME: Duration = Duration::from_mins(10);

    /// Makes a code from uniform random bytes, which the caller wipes. Every code is as likely as any other.
    ///
    /// `None` for 1 in 4,400 of all bytes, which would make some codes likelier than others: draw again.
    #[must_use]
    pub fn draw(random: [u8; Self::RANDOM_BYTES]) -> Option<Self> {
        digits::drawn(random, Self::DIGITS).map(Self)
    }

    /// Reads a code, with spaces or hyphens between its digits or without; `None` when it is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        digits::parsed(text, Self::DIGITS).map(Self)
    }

    /// The code as people read it, `123 456`; write this only into the letter.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        digits::halved(&self.0)
    }

    /// The digits alone, to be hashed.
    pub(super) fn digits(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for OneTimeCode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
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
    use proptest::prelude::*;

    #[test]
    fn a_code_has_six_digits_and_is_never_printed() {
        let code = OneTimeCode::draw(654_321_u32.to_be_bytes()).unwrap();
        assert_eq!((code.reveal().as_str(), format!("{code:?}")), ("123 456", "[redacted]".to_owned()));
        assert_eq!(OneTimeCode::draw(7_u32.to_be_bytes()).unwrap().digits(), "700000");
        for bad in ["", "12345", "1234567", "12345a", " 123456", "+123456", "１２３４５６"] {
            assert!(OneTimeCode::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn what_would_make_some_codes_likelier_is_drawn_again() {
        let fair = digits::fair_below(OneTimeCode::DIGITS as u32);
        assert!(fair.is_multiple_of(1_000_000) && u32::MAX - fair < 1_000_000);
        assert_eq!(OneTimeCode::draw((fair - 1).to_be_bytes()).unwrap().digits(), "999999");
        assert!(OneTimeCode::draw(fair.to_be_bytes()).is_none() && OneTimeCode::draw([255; 4]).is_none());
    }

    #[test]
    fn an_address_is_in_lower_case_and_never_printed() {
        let address = EmailAddress::parse(" Ana.Diaz@Shop.Example ").unwrap();
        assert_eq!((address.reveal(), format!("{address:?}")), ("ana.diaz@shop.example", "[redacted]".to_owned()));
        for bad in ["", "ana", "@shop.example", "ana@", "a@b@c", "a b@c", "a@b\nbcc: x@y"] {
            assert!(EmailAddress::parse(bad).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_code_that_is_drawn_reads_back(random: [u8; OneTimeCode::RANDOM_BYTES]) {
            if let Some(code) = OneTimeCode::draw(random) {
                let read = OneTimeCode::parse(&code.reveal()).unwrap();
                prop_assert_eq!(read.digits(), code.digits());
            }
        }
    }
}
