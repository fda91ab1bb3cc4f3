//! Codes of decimal digits: drawn without bias, read back as people write them, wiped, and never printed.

use zeroize::Zeroizing;

/// A code of so many decimal digits, at most nine. Wiped on drop, and never printed or serialised.
#[derive(Clone)]
pub struct DecimalCode<const DIGITS: usize>(Zeroizing<String>);

impl<const DIGITS: usize> DecimalCode<DIGITS> {
    /// Digits of a code.
    pub const DIGITS: usize = DIGITS;
    /// Random bytes for one code.
    pub const RANDOM_BYTES: usize = 4;
    /// As many of the 2³² numbers as give every code equally often; those from here on are drawn again.
    pub(super) const FAIR_BELOW: u32 = {
        let codes = 10_u32.pow(DIGITS as u32);
        u32::MAX / codes * codes
    };

    /// Makes a code from uniform random bytes, which the caller wipes. Every code is as likely as any other.
    ///
    /// `None` for the few bytes that would make some codes likelier than others (1 in 4,400 of all for six digits, 1 in 45 for
    /// eight): draw again.
    #[must_use]
    pub fn draw(random: [u8; 4]) -> Option<Self> {
        let mut number = Zeroizing::new(u32::from_be_bytes(random));
        if *number >= Self::FAIR_BELOW {
            return None;
        }
        let mut text = Zeroizing::new(String::with_capacity(DIGITS));
        for _ in 0..DIGITS {
            text.push(char::from(b'0' + (*number % 10) as u8));
            *number /= 10;
        }
        Some(Self(text))
    }

    /// Reads a code, with spaces or hyphens between its digits or without; `None` when it is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |c: char| c.is_ascii_digit();
        let good = text.starts_with(is_digit)
            && text.ends_with(is_digit)
            && text.chars().all(|c| is_digit(c) || c == ' ' || c == '-')
            && text.chars().filter(|c| is_digit(*c)).count() == DIGITS;
        good.then(|| {
            let mut plain = Zeroizing::new(String::with_capacity(DIGITS));
            plain.extend(text.chars().filter(|c| is_digit(*c)));
            Self(plain)
        })
    }

    /// The code as people read it, in two halves, such as `123 456`; write this only where it is meant to be read.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        let (first, second) = self.0.split_at(DIGITS / 2);
        let mut text = Zeroizing::new(String::with_capacity(DIGITS + 1));
        for part in [first, " ", second] {
            text.push_str(part);
        }
        text
    }

    /// The digits alone, to be hashed.
    pub(super) fn digits(&self) -> &str {
        &self.0
    }
}

impl<const DIGITS: usize> std::fmt::Debug for DecimalCode<DIGITS> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::super::{OneTimeCode, StaffCode};
    use proptest::prelude::*;

    const CODES: u32 = 100_000_000;
    const FAIR_BELOW: u32 = StaffCode::FAIR_BELOW;

    #[test]
    fn a_code_reads_back_however_its_digits_are_spaced_and_is_never_printed() {
        let code = StaffCode::draw(87_654_321_u32.to_be_bytes()).unwrap();
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
        let last = StaffCode::draw((FAIR_BELOW - 1).to_be_bytes()).unwrap();
        assert_eq!(last.digits(), "99999999");
        for number in [FAIR_BELOW, u32::MAX] {
            assert!(StaffCode::draw(number.to_be_bytes()).is_none(), "{number}");
        }
    }

    #[test]
    fn every_code_comes_of_equally_many_numbers() {
        let times = FAIR_BELOW / CODES;
        let first = StaffCode::draw(7_u32.to_be_bytes()).unwrap();
        for turn in 0..times {
            let again = StaffCode::draw((turn * CODES + 7).to_be_bytes()).unwrap();
            assert_eq!(again.digits(), first.digits());
        }
        // Numbers that are spread evenly (multiples of the golden section) give every digit equally often at every place.
        let mut seen = [[0_u32; 10]; StaffCode::DIGITS];
        let spread = (0..100_000_u32).map(|step| step.wrapping_mul(2_654_435_769).to_be_bytes());
        for code in spread.filter_map(StaffCode::draw) {
            for (place, digit) in code.digits().bytes().enumerate() {
                seen[place][usize::from(digit - b'0')] += 1;
            }
        }
        assert!(seen.iter().flatten().all(|times| (9_400..=10_200).contains(times)), "{seen:?}");
    }

    #[test]
    fn a_code_for_an_address_has_six_digits() {
        let code = OneTimeCode::draw(654_321_u32.to_be_bytes()).unwrap();
        assert_eq!((code.reveal().as_str(), format!("{code:?}")), ("123 456", "[redacted]".to_owned()));
        assert_eq!(OneTimeCode::draw(7_u32.to_be_bytes()).unwrap().digits(), "700000");
        for bad in ["", "12345", "1234567", "12345a", " 123456", "+123456", "１２３４５６"] {
            assert!(OneTimeCode::parse(bad).is_none(), "{bad}");
        }
        let fair = OneTimeCode::FAIR_BELOW;
        assert!(fair.is_multiple_of(1_000_000) && u32::MAX - fair < 1_000_000);
        assert_eq!(OneTimeCode::draw((fair - 1).to_be_bytes()).unwrap().digits(), "999999");
        assert!(OneTimeCode::draw(fair.to_be_bytes()).is_none() && OneTimeCode::draw([255; 4]).is_none());
    }

    proptest! {
        #[test]
        fn a_code_that_is_drawn_reads_back_from_what_is_shown(random: [u8; StaffCode::RANDOM_BYTES]) {
            if let Some(code) = StaffCode::draw(random) {
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
