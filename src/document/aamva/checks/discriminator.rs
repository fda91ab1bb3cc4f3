//! Document discriminator (DCF) and inventory control number (DCK): unique to one card, so that a value which repeats
//! itself was never given to one.
//!
//! Source: annex D, DCF and DCK: at most 25 characters. How issuers make them up is not public.

use super::super::{AamvaDocument, Format};
use super::{Oddities, not_applicable};
use crate::document::Check;
use crate::document::CheckStrength::{Moderate, Strong, Weak};

/// Values of the standard's own examples (annex D of the editions since 2009), which generators keep.
const EXAMPLES: [&str; 4] = ["2424244747474786102204", "123456789", "NONENONENONE", "0000000000"];

/// Most characters that the standard allows.
const LONGEST: usize = 25;
/// Digits that follow each other, up or down, before they are a filler rather than chance.
const LONG_RUN: usize = 8;

/// Form of both, and values that no card was given.
pub(super) fn discriminator(document: &AamvaDocument) -> Check {
    const NAME: &str = "discriminator";
    if document.format == Format::MagneticStripe {
        return not_applicable(NAME, "a magnetic stripe has none");
    }
    let stated = ["DCF", "DCK"].map(|id| (id, document.elements.stated(id)));
    if stated.iter().all(|(_, value)| value.is_none()) {
        return not_applicable(NAME, "none is stated");
    }
    let mut odd = Oddities::default();
    for (id, value) in stated {
        let Some(value) = value else { continue };
        if value.chars().count() > LONGEST {
            odd.add(Weak, format!("{id} is longer than {LONGEST} characters"));
        }
        if EXAMPLES.contains(&value) && id == "DCF" {
            odd.add(Strong, "DCF is that of the standard's example");
        } else if EXAMPLES.contains(&value) || is_filler(value) {
            odd.add(Moderate, format!("{id} is a filler, not a value that was given out"));
        }
        if Some(value) == document.elements.stated("DAQ") {
            odd.add(Moderate, format!("{id} is the licence number itself"));
        }
    }
    if stated[0].1.is_some() && stated[0].1 == stated[1].1 {
        odd.add(Moderate, "DCF and DCK are the same");
    }
    odd.into_check(NAME, Weak, "of their form, and no filler")
}

/// One character again and again, or a long run of digits that follow each other.
fn is_filler(value: &str) -> bool {
    let bytes = value.as_bytes();
    let is_repetition = bytes.len() >= LONG_RUN && bytes.windows(2).all(|pair| pair[0] == pair[1]);
    let follows = |step: u8| {
        let mut run = 1;
        bytes.windows(2).any(|pair| {
            let (before, after) = (pair[0], pair[1]);
            let is_next =
                before.is_ascii_digit() && after.is_ascii_digit() && after == b'0' + (before - b'0' + step) % 10;
            run = if is_next { run + 1 } else { 1 };
            run >= LONG_RUN
        })
    };
    is_repetition || follows(1) || follows(9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fillers_are_told_from_values() {
        for value in ["XXXXXXXX", "00000000000", "12345678", "A0123456789", "98765432", "890123456"] {
            assert!(is_filler(value), "{value}");
        }
        for value in ["", "1234567", "0123456", "16455534969", "OTLYFZ01394110433219K0", "11112222"] {
            assert!(!is_filler(value), "{value}");
        }
    }
}
