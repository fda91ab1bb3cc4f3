//! Codes of decimal digits: drawn without bias, and read back as people write them.

use zeroize::Zeroizing;

/// Random bytes for one code.
pub(super) const RANDOM_BYTES: usize = 4;

/// As many of the 2³² numbers as give every code of so many digits equally often; those from here on are drawn again.
pub(super) const fn fair_below(digits: u32) -> u32 {
    let codes = 10_u32.pow(digits);
    u32::MAX / codes * codes
}

/// As many digits, of at most nine, from uniform random bytes, which the caller wipes; `None` for bytes that would make
/// some codes likelier than others.
pub(super) fn drawn(random: [u8; RANDOM_BYTES], digits: usize) -> Option<Zeroizing<String>> {
    let random = Zeroizing::new(random);
    let mut number = Zeroizing::new(u32::from_be_bytes(*random));
    if *number >= fair_below(digits as u32) {
        return None;
    }
    let mut text = Zeroizing::new(String::with_capacity(digits));
    for _ in 0..digits {
        text.push(char::from(b'0' + (*number % 10) as u8));
        *number /= 10;
    }
    Some(text)
}

/// Reads so many digits, with spaces or hyphens between them or without; `None` when it is anything else.
pub(super) fn parsed(text: &str, digits: usize) -> Option<Zeroizing<String>> {
    let is_digit = |c: char| c.is_ascii_digit();
    let good = text.starts_with(is_digit)
        && text.ends_with(is_digit)
        && text.chars().all(|c| is_digit(c) || c == ' ' || c == '-')
        && text.chars().filter(|c| is_digit(*c)).count() == digits;
    good.then(|| {
        let mut plain = Zeroizing::new(String::with_capacity(digits));
        plain.extend(text.chars().filter(|c| is_digit(*c)));
        plain
    })
}

/// The digits as people read them, in two halves.
pub(super) fn halved(digits: &str) -> Zeroizing<String> {
    let (first, second) = digits.split_at(digits.len() / 2);
    let mut text = Zeroizing::new(String::with_capacity(digits.len() + 1));
    for part in [first, " ", second] {
        text.push_str(part);
    }
    text
}
