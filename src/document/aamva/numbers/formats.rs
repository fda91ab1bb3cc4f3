//! The forms of licence numbers by issuer.
//!
//! Sources, read on 22 November 2026: for the states and the District of Columbia the table 'State Driver's License
//! Formats' of the National Traffic Safety Institute, which many validators carry in turn; for Canada the definitions of
//! 'Canada driver's license number' in Microsoft's documentation of sensitive information types; Washington's numbers
//! since September 2018 in its Senate's bill report SB 5409 (2023); New Hampshire's since October 2017 in the Concord
//! Monitor of 5 December 2017; Massachusetts' two-letter form from its own specimen. None of them is the
//! issuer's rule, and issuers change forms, so a number of another form is never a failure.
//!
//! Always holds: an issuer without a source has no entry, and its numbers are not compared.

use super::super::Issuer;
use crate::document::CheckStrength;

/// The forms of one issuer's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct NumberFormat {
    /// Two-letter code of the issuer.
    code: &'static str,
    /// Alternatives between `|`: `A` is a letter, `9` a digit, `?` a digit that may be missing at the end, `W` a letter, a
    /// digit or an asterisk; small letters and other digits stand for themselves.
    patterns: &'static str,
    /// How much a number of another form says.
    pub strength: CheckStrength,
}

impl NumberFormat {
    /// The forms of an issuer's numbers, if a source has them.
    pub fn of(issuer: &Issuer) -> Option<&'static Self> {
        FORMATS.iter().find(|format| Some(format.code) == issuer.code)
    }

    /// Whether a number, without separators and in capitals, has one of the forms.
    pub fn admits(&self, number: &str) -> bool {
        self.patterns.split('|').any(|pattern| fits(pattern, number))
    }
}

fn fits(pattern: &str, number: &str) -> bool {
    let mut characters = number.bytes();
    let all = pattern.bytes().all(|wanted| {
        let Some(next) = characters.next() else { return wanted == b'?' };
        match wanted {
            b'A' => next.is_ascii_uppercase(),
            b'9' | b'?' => next.is_ascii_digit(),
            b'W' => next.is_ascii_uppercase() || next.is_ascii_digit() || next == b'*',
            literal => literal.to_ascii_uppercase() == next,
        }
    });
    all && characters.next().is_none()
}

/// Forms that the sources agree on and that have not changed in decades: the number is printed beside, so that a maker of
/// cards can know them, yet templates carry others.
const fn stable(code: &'static str, patterns: &'static str) -> NumberFormat {
    NumberFormat { code, patterns, strength: CheckStrength::Strong }
}

const fn usual(code: &'static str, patterns: &'static str) -> NumberFormat {
    NumberFormat { code, patterns, strength: CheckStrength::Moderate }
}

/// Forms that the sources disagree on or that the issuer is changing.
const fn unsure(code: &'static str, patterns: &'static str) -> NumberFormat {
    NumberFormat { code, patterns, strength: CheckStrength::Weak }
}

const FORMATS: &[NumberFormat] = &[
    usual("AL", "9???????"),
    usual("AK", "9??????"),
    usual("AZ", "A99999999|999999999"),
    usual("AR", "9999?????"),
    stable("CA", "A9999999"),
    usual("CO", "999999999|A999???|AA99???"),
    usual("CT", "999999999"),
    usual("DE", "9??????"),
    usual("DC", "9999999|999999999"),
    stable("FL", "A999999999999"),
    usual("GA", "9999999??"),
    usual("HI", "A99999999|999999999"),
    usual("ID", "AA999999A|999999999"),
    stable("IL", "A99999999999|A999999999999|99999999999A"),
    usual("IN", "A999999999|999999999?"),
    usual("IA", "999999999|999AA9999"),
    usual("KS", "A9A9A|A99999999|999999999"),
    usual("KY", "A99999999?|999999999"),
    usual("LA", "9????????"),
    usual("ME", "9999999?|9999999A"),
    unsure("MD", "A999999999999"),
    usual("MA", "A99999999|AA9999999|999999999"),
    usual("MI", "A999999999999|A9999999999"),
    stable("MN", "A999999999999"),
    usual("MS", "999999999"),
    usual("MO", "A99999????|A999999r|99999999AA|999999999A|999999999"),
    usual("MT", "A99999999|9999999999999?|999999999"),
    usual("NE", "A999999??"),
    usual("NV", "999999999?|999999999999|x99999999"),
    usual("NH", "99AAA99999|nhl99999999|nhn99999999|nhv99999999"),
    stable("NJ", "A99999999999999"),
    usual("NM", "99999999?"),
    usual("NY", "99999999?|9999999999999999|A9999999|A999999999999999999|AAAAAAAA"),
    usual("NC", "9???????????"),
    usual("ND", "AAA999999|999999999"),
    usual("OH", "AA999?????|A9999????|99999999"),
    usual("OK", "A999999999|999999999"),
    usual("OR", "9????????|A999999"),
    stable("PA", "99999999"),
    usual("RI", "9999999|A999999"),
    usual("SC", "99999??????"),
    usual("SD", "999999????|999999999999"),
    usual("TN", "9999999??"),
    stable("TX", "9999999?"),
    usual("UT", "9999??????"),
    usual("VT", "99999999|9999999A"),
    usual("VA", "A99999999???|999999999"),
    usual("WA", "AWWWWWWWWWWW"),
    usual("WV", "9999999|A99999?|AA99999?"),
    stable("WI", "A9999999999999"),
    usual("WY", "999999999?"),
    usual("AB", "99999????"),
    usual("BC", "9999999"),
    unsure("MB", "AWWWWWWWWWWW"),
    usual("NB", "99999??"),
    usual("NL", "A999999999"),
    usual("NS", "AAAAA999999999|AAAA999999999|AAA999999999|AA999999999|A999999999"),
    stable("ON", "A99999999999999"),
    usual("PE", "9?????"),
    stable("QC", "A999999999999"),
    usual("SK", "99999999"),
];

#[cfg(test)]
mod tests {
    use super::super::bare;
    use super::*;

    fn admits(code: &str, number: &str) -> bool {
        NumberFormat::of(Issuer::by_code(code).unwrap()).unwrap().admits(bare(number).reveal())
    }

    #[test]
    fn every_state_the_district_and_every_province_with_a_source_is_there_once() {
        let codes: std::collections::BTreeSet<&str> = FORMATS.iter().map(|format| format.code).collect();
        // 50 states, the District and ten provinces; nothing public describes the territories' numbers well enough.
        assert_eq!((codes.len(), FORMATS.len()), (61, 61));
        assert!(codes.iter().all(|code| Issuer::by_code(code).is_some()));
    }

    #[test]
    fn numbers_of_the_form_are_admitted_with_and_without_separators() {
        for (code, number) in [
            ("CA", "e1234567"),
            ("FL", "S123-456-78-901-0"),
            ("IL", "P142-4558-7924"),
            ("IN", "1234-56-7890"),
            ("MI", "P 800 000 224 322"),
            ("AL", "1"),
            ("KS", "K1A2B"),
            ("MO", "A123456R"),
            ("NH", "NHL12345678"),
            ("WA", "WDL*ABCD123X"),
            ("ON", "S1234-56789-01115"),
            ("NS", "FINCH--220867001"),
        ] {
            assert!(admits(code, number), "{code} {number}");
        }
    }

    #[test]
    fn numbers_of_another_form_are_not() {
        for (code, number) in [
            ("CA", "12345678"),
            ("CA", "A12345678"),
            ("CA", ""),
            ("AL", "123456789"),
            ("PA", "1234567"),
            ("MO", "A123456S"),
            ("NH", "NHX12345678"),
            ("WA", "SHORT"),
        ] {
            assert!(!admits(code, number), "{code} {number}");
        }
    }
}
