//! The staff: who may look at a document in the device's place, and how the device knows them.
//!
//! Always holds: the text of a code is shown once, wiped from memory, and never kept: what is kept is its keyed hash and a
//! [`StaffRecord`], which tells no code and no name. Does not count wrong codes: the store does.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::digits;
use crate::session::SessionId;

/// Names one of the staff without saying who: `stf_` and 24 characters. Who it is, the shop's own list says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StaffId(String);

/// Not the form of such a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("one of the staff is named by stf_ and {} characters", SessionId::CHARACTERS)]
pub struct StaffIdError;

impl StaffId {
    const PREFIX: &str = "stf_";

    /// Makes a name from random bytes.
    #[must_use]
    pub fn from_random(bytes: &[u8; SessionId::CHARACTERS]) -> Self {
        Self(format!("{}{}", Self::PREFIX, SessionId::from_random(bytes)))
    }

    /// The whole of it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for StaffId {
    type Error = StaffIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let good = text.strip_prefix(Self::PREFIX).is_some_and(|rest| SessionId::try_from(rest.to_owned()).is_ok());
        if good { Ok(Self(text)) } else { Err(StaffIdError) }
    }
}

impl From<StaffId> for String {
    fn from(id: StaffId) -> Self {
        id.0
    }
}

impl std::fmt::Display for StaffId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The code by which one of the staff is known: 8 decimal digits. Wiped on drop, and never printed or serialised.
#[derive(Clone)]
pub struct StaffCode(Zeroizing<String>);

impl StaffCode {
    /// Digits of a code.
    pub const DIGITS: usize = 8;
    /// Random bytes for one code.
    pub const RANDOM_BYTES: usize = digits::RANDOM_BYTES;
    /// Makes a code from uniform random bytes, which the caller wipes. Every code is as likely as any other.
    ///
    /// `None` for 1 in 45 of all bytes, which would make some codes likelier than others: draw again.
    #[must_use]
    pub fn draw(random: &[u8; Self::RANDOM_BYTES]) -> Option<Self> {
        digits::drawn(*random, Self::DIGITS).map(Self)
    }

    /// Reads a code, with spaces or hyphens between its digits or without; `None` when it is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        digits::parsed(text, Self::DIGITS).map(Self)
    }

    /// The code as people read it, `1234 5678`; write this only where it is shown once.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        digits::halved(&self.0)
    }

    /// The digits alone, to be hashed.
    pub(super) fn digits(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for StaffCode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// What is kept of one of the staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffRecord {
    /// Their name on this device.
    pub id: StaffId,
    /// What the operator calls them, such as `counter 2`: see [`ApiKeyRecord::is_label`](super::ApiKeyRecord::is_label).
    /// A person's name only where the shop wants it on the device.
    pub label: String,
    /// When they were added.
    pub created_at: Timestamp,
    /// From when on their code opens nothing.
    pub removed_at: Option<Timestamp>,
    /// When their code was last used.
    pub last_used_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CODES: u32 = 100_000_000;
    const FAIR_BELOW: u32 = digits::fair_below(StaffCode::DIGITS as u32);

    #[test]
    fn one_of_the_staff_is_named_by_a_prefix_and_24_characters() {
        let id = StaffId::from_random(&[9; SessionId::CHARACTERS]);
        assert_eq!((id.as_str().len(), StaffId::try_from(id.as_str().to_owned())), (28, Ok(id.clone())));
        for bad in ["", "stf_", "stf_1", &id.as_str().replace("stf_", "key_"), &format!("{id}9"), &id.as_str()[4..]] {
            assert_eq!(StaffId::try_from(bad.to_owned()), Err(StaffIdError), "{bad}");
        }
    }

    #[test]
    fn a_code_reads_back_however_its_digits_are_spaced_and_is_never_printed() {
        let code = StaffCode::draw(&87_654_321_u32.to_be_bytes()).unwrap();
        assert_eq!(code.reveal().as_str(), "1234 5678");
        assert_eq!((format!("{code:?}"), code.0.capacity()), ("[redacted]".to_owned(), 8));
        for text in ["12345678", "1234 5678", "1234-5678", "12 34 56 78", "1-2 3-4 5-6 7--8"] {
            assert_eq!(StaffCode::parse(text).unwrap().digits(), "12345678", "{text}");
        }
        assert_eq!(StaffCode::parse("0000 0007").unwrap().reveal().as_str(), "0000 0007");
    }

    #[test]
    fn what_is_not_eight_digits_is_no_code() {
        let long = "1".repeat(9);
        for bad in ["", " ", "1234567", &long, " 12345678", "12345678\n", "-12345678", "12345678-", "1234_5678"] {
            assert!(StaffCode::parse(bad).is_none(), "{bad:?}");
        }
        for bad in ["1234567a", "1234.5678", "1234\t5678", "+12345678", "١٢٣٤٥٦٧٨", "1234\u{a0}5678", "0x345678"]
        {
            assert!(StaffCode::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn what_would_make_some_codes_likelier_is_drawn_again() {
        const { assert!(FAIR_BELOW.is_multiple_of(CODES)) };
        const { assert!(u32::MAX - FAIR_BELOW < CODES, "no more than it takes is drawn again") };
        let last = StaffCode::draw(&(FAIR_BELOW - 1).to_be_bytes()).unwrap();
        assert_eq!(last.digits(), "99999999");
        for number in [FAIR_BELOW, u32::MAX] {
            assert!(StaffCode::draw(&number.to_be_bytes()).is_none(), "{number}");
        }
    }

    #[test]
    fn every_code_comes_of_equally_many_numbers() {
        let times = FAIR_BELOW / CODES;
        let first = StaffCode::draw(&7_u32.to_be_bytes()).unwrap();
        for turn in 0..times {
            let again = StaffCode::draw(&(turn * CODES + 7).to_be_bytes()).unwrap();
            assert_eq!(again.digits(), first.digits());
        }
        // Numbers that are spread evenly (multiples of the golden section) give every digit equally often at every place.
        let mut seen = [[0_u32; 10]; StaffCode::DIGITS];
        let spread = (0..100_000_u32).map(|step| step.wrapping_mul(2_654_435_769).to_be_bytes());
        for code in spread.filter_map(|random| StaffCode::draw(&random)) {
            for (place, digit) in code.digits().bytes().enumerate() {
                seen[place][usize::from(digit - b'0')] += 1;
            }
        }
        assert!(seen.iter().flatten().all(|times| (9_400..=10_200).contains(times)), "{seen:?}");
    }

    proptest! {
        #[test]
        fn a_code_that_is_drawn_reads_back_from_what_is_shown(random: [u8; StaffCode::RANDOM_BYTES]) {
            if let Some(code) = StaffCode::draw(&random) {
                let read = StaffCode::parse(&code.reveal()).unwrap();
                prop_assert_eq!(read.digits(), code.digits());
            }
        }

        #[test]
        fn only_texts_with_eight_digits_and_what_may_stand_between_are_read(text in "[0-9 -]{6,14}|.*") {
            if let Some(code) = StaffCode::parse(&text) {
                prop_assert_eq!(text.replace([' ', '-'], ""), code.digits());
                prop_assert_eq!(text.trim_matches([' ', '-']), &text);
            }
        }
    }
}
