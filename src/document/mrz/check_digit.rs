//! The check digit of ICAO Doc 9303 part 3, section 4.9: weights 7, 3, 1, modulo 10.

/// The value of a character: digits count as themselves, A–Z as 10–35, the filler as 0; `None` for anything else.
pub(super) fn value(character: u8) -> Option<u32> {
    match character {
        b'0'..=b'9' => Some(u32::from(character - b'0')),
        b'A'..=b'Z' => Some(u32::from(character - b'A') + 10),
        b'<' => Some(0),
        _ => None,
    }
}

/// The check digit of some characters of A–Z, 0–9 and `<`; `None` when there is any other.
#[must_use]
pub fn check_digit(characters: impl IntoIterator<Item = u8>) -> Option<u8> {
    let weighted =
        characters.into_iter().zip([7, 3, 1].into_iter().cycle()).map(|(c, weight)| Some(value(c)? * weight));
    // Reducing as it goes keeps any length within range.
    let sum = weighted.into_iter().try_fold(0, |sum: u32, term| Some((sum + term?) % 10))?;
    Some(b'0' + sum as u8)
}

#[cfg(test)]
mod tests {
    use super::check_digit;

    #[test]
    fn the_examples_of_doc_9303_have_their_check_digits() {
        // Part 3, section 4.9, examples 1 and 2; part 4, appendix B.
        for (characters, digit) in [("520727", '3'), ("AB2134<<<", '5'), ("L898902C3", '6'), ("ZE184226B<<<<<", '1')] {
            assert_eq!(check_digit(characters.bytes()), Some(digit as u8), "{characters}");
        }
    }

    #[test]
    fn a_foreign_character_has_no_check_digit() {
        assert_eq!(check_digit(*b"12 4"), None);
    }
}
