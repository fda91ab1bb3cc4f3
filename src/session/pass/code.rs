//! How a pass is written: as bytes, and as the text of a QR code.
//!
//! The text is `CARDED1:` and the base45 (RFC 9285) of 42 bytes of what is said and 64 bytes of signature: 167 characters, all
//! of the set that a QR code packs densest, so that one of version 7 (45 modules a side) with error correction M holds it.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | 1 in live mode, 0 in test mode |
//! | 1 | the age tier, in years |
//! | 1 | kind of document and what was read of it, by number |
//! | 1 | strength, by number |
//! | 4 | when it was issued, in whole hours since 1970, big-endian |
//! | 2 | for how many hours, big-endian; not 0 |
//! | 8 | the first bytes of the JWK thumbprint (RFC 7638) of the device's key |
//! | 16 | the document's anchor under the fleet's key |
//! | 8 | the first bytes of the SHA-256 of the version of the rules |
//!
//! Always holds: each pass has exactly one text, and what is no such text is refused, whatever it is; what is signed begins
//! with a label of its own, so that a signature of anything else never is one of a pass. Does not check signatures or days.

/// First characters of the text, with the version of the form.
pub const PREFIX: &str = "CARDED1:";
/// Bytes of what is said.
pub const BODY_BYTES: usize = 42;
/// Bytes of the signature.
pub const SIGNATURE_BYTES: usize = 64;
/// Characters of the text: three for two bytes.
pub const TEXT_CHARACTERS: usize = PREFIX.len() + 3 * (BYTES / 2);
const BYTES: usize = BODY_BYTES + SIGNATURE_BYTES;

const LABEL: &[u8] = b"carded/pass/v1\0";
/// RFC 9285, table 1.
const ALPHABET: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/// What a pass says, as numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// Whether it was earned live.
    pub livemode: bool,
    /// Age tier in years.
    pub tier_years: u8,
    /// Kind of document and what was read of it.
    pub kind: u8,
    /// Strength.
    pub strength: u8,
    /// When it was issued, in hours since 1970.
    pub issued_hour: u32,
    /// For how many hours, not 0.
    pub hours: u16,
    /// Which device's key signed it.
    pub device: [u8; 8],
    /// The document's anchor.
    pub anchor: [u8; 16],
    /// Which version of the rules.
    pub rules: [u8; 8],
}

impl Body {
    /// Its one form.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; BODY_BYTES] {
        let mut bytes = [0; BODY_BYTES];
        bytes[0] = u8::from(self.livemode);
        bytes[1] = self.tier_years;
        bytes[2] = self.kind;
        bytes[3] = self.strength;
        bytes[4..8].copy_from_slice(&self.issued_hour.to_be_bytes());
        bytes[8..10].copy_from_slice(&self.hours.to_be_bytes());
        bytes[10..18].copy_from_slice(&self.device);
        bytes[18..34].copy_from_slice(&self.anchor);
        bytes[34..42].copy_from_slice(&self.rules);
        bytes
    }

    /// Reads that form; `None` when it is another.
    #[must_use]
    pub fn of_bytes(bytes: &[u8; BODY_BYTES]) -> Option<Self> {
        let [livemode, tier_years, kind, strength, rest @ ..] = bytes;
        let (issued_hour, rest) = rest.split_first_chunk()?;
        let (hours, rest) = rest.split_first_chunk()?;
        let (device, rest) = rest.split_first_chunk()?;
        let (anchor, rest) = rest.split_first_chunk()?;
        let body = Self {
            livemode: *livemode == 1,
            tier_years: *tier_years,
            kind: *kind,
            strength: *strength,
            issued_hour: u32::from_be_bytes(*issued_hour),
            hours: u16::from_be_bytes(*hours),
            device: *device,
            anchor: *anchor,
            rules: rest.try_into().ok()?,
        };
        (*livemode <= 1 && body.hours > 0).then_some(body)
    }

    /// What the device signs.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        [LABEL, &self.to_bytes()].concat()
    }
}

/// The text of a pass.
#[must_use]
pub fn text_of(body: &Body, signature: &[u8; SIGNATURE_BYTES]) -> String {
    let bytes = [&body.to_bytes()[..], signature].concat();
    let mut text = String::with_capacity(TEXT_CHARACTERS);
    text.push_str(PREFIX);
    for pair in bytes.chunks(2) {
        let (value, digits) = match pair {
            [high, low] => (usize::from(*high) << 8 | usize::from(*low), 3),
            rest => (rest.first().copied().map_or(0, usize::from), 2),
        };
        let places = [value % 45, value / 45 % 45, value / 2025];
        text.extend(places[..digits].iter().map(|&digit| char::from(ALPHABET[digit])));
    }
    text
}

/// Reads a text; `None` when it is no pass.
#[must_use]
pub fn parse(text: &str) -> Option<(Body, [u8; SIGNATURE_BYTES])> {
    let digits = text.strip_prefix(PREFIX).filter(|_| text.len() == TEXT_CHARACTERS)?;
    let mut bytes = [0; BYTES];
    for (place, digits) in bytes.chunks_exact_mut(2).zip(digits.as_bytes().chunks_exact(3)) {
        let mut value = 0;
        for digit in digits.iter().rev() {
            value = value * 45 + ALPHABET.iter().position(|known| known == digit)?;
        }
        place.copy_from_slice(&u16::try_from(value).ok()?.to_be_bytes());
    }
    let (body, signature) = bytes.split_first_chunk()?;
    Some((Body::of_bytes(body)?, signature.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body() -> impl Strategy<Value = Body> {
        let numbers = (any::<bool>(), any::<u8>(), any::<u8>(), any::<u8>(), any::<u32>(), 1..=u16::MAX);
        (numbers, any::<([u8; 8], [u8; 16], [u8; 8])>()).prop_map(|(numbers, (device, anchor, rules))| {
            let (livemode, tier_years, kind, strength, issued_hour, hours) = numbers;
            Body { livemode, tier_years, kind, strength, issued_hour, hours, device, anchor, rules }
        })
    }

    fn signature() -> impl Strategy<Value = [u8; SIGNATURE_BYTES]> {
        any::<[[u8; 32]; 2]>().prop_map(|halves| std::array::from_fn(|k| halves[k / 32][k % 32]))
    }

    #[test]
    fn bytes_are_written_as_in_the_examples_of_rfc_9285() {
        // The examples of section 4.3 are shorter than a pass: the first pairs of its bytes are theirs.
        let of = |bytes: [u8; 2]| {
            let body = Body { device: [0; 8], ..Body::of_bytes(&[1; BODY_BYTES]).unwrap() };
            let mut signature = [0; SIGNATURE_BYTES];
            signature[..2].copy_from_slice(&bytes);
            let at = PREFIX.len() + BODY_BYTES / 2 * 3;
            text_of(&body, &signature)[at..at + 3].to_owned()
        };
        assert_eq!([of(*b"AB"), of(*b"He"), of(*b"ie")], ["BB8", "%69", "QED"]);
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        let good = Body::of_bytes(&[1; BODY_BYTES]).unwrap();
        let text = |body: &Body| text_of(body, &[9; SIGNATURE_BYTES]);
        assert!(parse(&text(&good)).is_some());
        assert!(parse(&text(&Body { hours: 0, ..good.clone() })).is_none());
        let mut bytes = good.to_bytes();
        bytes[0] = 2;
        assert!(Body::of_bytes(&bytes).is_none());
        // Three digits can say more than two bytes hold, and letters have one case.
        let whole = text(&good);
        assert!(parse(&format!("{}:::", &whole[..whole.len() - 3])).is_none());
        assert!(parse(&whole.to_lowercase()).is_none() && parse(&format!("CARDED2:{}", &whole[8..])).is_none());
        assert!(parse("").is_none() && parse(PREFIX).is_none() && parse(&format!("{whole}00")).is_none());
    }

    proptest! {
        #[test]
        fn a_pass_comes_back_as_it_was_and_has_no_other_text(body in body(), signature in signature()) {
            let text = text_of(&body, &signature);
            prop_assert_eq!(text.len(), TEXT_CHARACTERS);
            prop_assert!(text.bytes().all(|byte| ALPHABET.contains(&byte)));
            prop_assert_eq!(parse(&text), Some((body, signature)));
        }

        #[test]
        fn another_text_of_the_same_form_is_another_pass(
            body in body(), signature in signature(), at in 0..TEXT_CHARACTERS, to in 0usize..45,
        ) {
            let text = text_of(&body, &signature);
            let mut bytes = text.clone().into_bytes();
            bytes[at] = ALPHABET[to];
            let other = String::from_utf8(bytes).unwrap();
            if let Some((read, signed)) = parse(&other) {
                prop_assert_eq!(text_of(&read, &signed), other.clone());
                prop_assert_eq!((read, signed) == (body, signature), other == text);
            }
        }

        #[test]
        fn whatever_is_read_is_a_pass_or_refused_and_a_part_of_one_is_none(
            body in body(), signature in signature(), cut in 0..TEXT_CHARACTERS, text in ".{0,200}",
        ) {
            prop_assert!(parse(&text_of(&body, &signature)[..cut]).is_none());
            let _ = (parse(&text), parse(&format!("{PREFIX}{text}")));
        }

        #[test]
        fn what_is_signed_differs_where_anything_that_is_said_does(one in body(), other in body()) {
            prop_assert_eq!(one.message() == other.message(), one == other);
        }
    }
}
