//! From the codewords of a PDF417 symbol to its bytes and text (ISO/IEC 15438, 5.4).
//!
//! Always holds: the bytes are exactly those that were encoded, whatever character set they are in. Does not join the
//! parts of a Macro PDF417 file: each symbol's own data is given.

use rxing::common::{CharacterSet, Eci};
use zeroize::Zeroizing;

use crate::privacy::Personal;

const TEXT_LATCH: u16 = 900;
const BYTE_LATCH: u16 = 901;
const NUMERIC_LATCH: u16 = 902;
const BYTE_SHIFT: u16 = 913;
const READER_INITIALISATION: u16 = 921;
const MACRO_TERMINATOR: u16 = 922;
const MACRO_OPTIONAL_FIELD: u16 = 923;
const BYTE_LATCH_SIXES: u16 = 924;
const ECI_USER_DEFINED: u16 = 925;
const ECI_GENERAL_PURPOSE: u16 = 926;
const ECI_CHARACTER_SET: u16 = 927;
const MACRO_BEGIN: u16 = 928;

const MIXED: &[u8; 25] = b"0123456789&\r\t,:#-.$/+%*=^";
const PUNCTUATION: &[u8; 29] = b";<>@[\\]_`~!\r\t,:\n-.$/\"|*()?{}'";

/// Most bytes that a codeword stands for: 44 digits are 15 codewords.
const MOST_BYTES: usize = 3;
/// Digits of the largest number of 15 codewords, with its leading 1.
const DIGITS: usize = 45;

/// What a symbol says.
pub struct Message {
    /// The bytes as they were encoded.
    pub bytes: Personal<Vec<u8>>,
    /// The bytes as text, by the character sets that the symbol names, else ISO/IEC 8859-1.
    pub text: Personal<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Set {
    Alpha,
    Lower,
    Mixed,
    Punctuation,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Text,
    Bytes { sixes: bool },
    Numeric,
}

/// Decodes the data codewords, the first of which states their number; `None` when they break the standard's grammar.
pub fn decode(codewords: &[u16]) -> Option<Message> {
    let stated = usize::from(*codewords.first()?);
    let data = codewords.get(1..stated)?;
    // Long enough, so that it never moves and leaves a copy behind.
    let bytes = Zeroizing::new(Vec::with_capacity(data.len() * MOST_BYTES));
    let mut decoder = Decoder { bytes, charsets: Vec::new(), set: Set::Alpha, shift: None };
    let mut mode = Mode::Text;
    let mut at = 0;
    while let Some(&codeword) = data.get(at) {
        at += 1;
        match codeword {
            0..TEXT_LATCH => {
                at -= 1;
                let run = data[at..].iter().take_while(|&&c| c < TEXT_LATCH).count();
                decoder.run(mode, &data[at..at + run])?;
                at += run;
            }
            TEXT_LATCH => (mode, decoder.set, decoder.shift) = (Mode::Text, Set::Alpha, None),
            BYTE_LATCH => mode = Mode::Bytes { sixes: false },
            BYTE_LATCH_SIXES => mode = Mode::Bytes { sixes: true },
            NUMERIC_LATCH => mode = Mode::Numeric,
            BYTE_SHIFT => {
                decoder.shift = None;
                decoder.bytes.push(u8::try_from(*data.get(at)?).ok()?);
                at += 1;
            }
            ECI_CHARACTER_SET => {
                decoder.charsets.push((decoder.bytes.len(), u32::from(*data.get(at)?)));
                at += 1;
            }
            // Neither names a character set.
            ECI_GENERAL_PURPOSE => at += 2,
            ECI_USER_DEFINED => at += 1,
            READER_INITIALISATION => {}
            MACRO_BEGIN | MACRO_OPTIONAL_FIELD | MACRO_TERMINATOR => break,
            _ => return None,
        }
    }
    let text = decoder.text();
    (!decoder.bytes.is_empty()).then(|| Message { bytes: Personal::new(std::mem::take(&mut *decoder.bytes)), text })
}

struct Decoder {
    bytes: Zeroizing<Vec<u8>>,
    /// Where a character set begins, and its ECI number.
    charsets: Vec<(usize, u32)>,
    set: Set,
    shift: Option<Set>,
}

impl Decoder {
    fn run(&mut self, mode: Mode, codewords: &[u16]) -> Option<()> {
        match mode {
            Mode::Text => codewords.iter().try_for_each(|&codeword| {
                self.text_value((codeword / 30) as u8)?;
                self.text_value((codeword % 30) as u8)
            }),
            Mode::Bytes { sixes } => self.byte_run(codewords, sixes),
            Mode::Numeric => codewords.chunks(15).try_for_each(|group| self.numeric_group(group)),
        }
    }

    /// One of the 30 values of the text sub-modes (5.4.1.5, table 5).
    fn text_value(&mut self, value: u8) -> Option<()> {
        let set = self.shift.take().unwrap_or(self.set);
        let letter = |first: u8| if value < 26 { first + value } else { b' ' };
        match (set, value) {
            (Set::Alpha, 0..=26) => self.bytes.push(letter(b'A')),
            (Set::Lower, 0..=26) => self.bytes.push(letter(b'a')),
            (Set::Mixed, 0..=24) => self.bytes.push(MIXED[usize::from(value)]),
            (Set::Mixed, 26) => self.bytes.push(b' '),
            (Set::Punctuation, 0..=28) => self.bytes.push(PUNCTUATION[usize::from(value)]),
            (Set::Mixed, 25) => self.set = Set::Punctuation,
            (Set::Alpha | Set::Mixed, 27) => self.set = Set::Lower,
            (Set::Lower, 27) => self.shift = Some(Set::Alpha),
            (Set::Alpha | Set::Lower, 28) => self.set = Set::Mixed,
            (Set::Mixed, 28) | (Set::Punctuation, 29) => self.set = Set::Alpha,
            (Set::Alpha | Set::Lower | Set::Mixed, 29) => self.shift = Some(Set::Punctuation),
            (Set::Alpha | Set::Lower | Set::Mixed | Set::Punctuation, _) => return None,
        }
        Some(())
    }

    /// Five codewords hold six bytes. After latch 901 the last group is one byte a codeword (5.4.3).
    fn byte_run(&mut self, codewords: &[u16], sixes: bool) -> Option<()> {
        let packed = |group: &[u16]| group.iter().fold(0_u64, |sum, &codeword| sum * 900 + u64::from(codeword));
        let mut rest = codewords;
        while let Some((group, after)) = rest.split_at_checked(5) {
            // Some encoders pack the last group of five after 901 too; then its values need not fit a byte.
            if !sixes && after.is_empty() && group.iter().all(|&codeword| codeword < 256) {
                break;
            }
            let value = packed(group);
            if value >> 48 != 0 {
                return None;
            }
            self.bytes.extend_from_slice(&value.to_be_bytes()[2..]);
            rest = after;
        }
        rest.iter().try_for_each(|&codeword| u8::try_from(codeword).ok().map(|byte| self.bytes.push(byte)))
    }

    /// Up to 15 codewords are a number to the base 900, whose first decimal digit is a 1 to be left out (5.4.4).
    fn numeric_group(&mut self, group: &[u16]) -> Option<()> {
        let mut digits = Zeroizing::new(Vec::with_capacity(DIGITS));
        digits.push(0_u32);
        for &codeword in group {
            let mut carry = u32::from(codeword);
            for digit in digits.iter_mut() {
                let value = *digit * 900 + carry;
                *digit = value % 10;
                carry = value / 10;
            }
            while carry > 0 {
                digits.push(carry % 10);
                carry /= 10;
            }
        }
        let first = digits.pop()?;
        self.bytes.extend(digits.iter().rev().map(|&digit| b'0' + digit as u8));
        (first == 1).then_some(())
    }

    fn text(&self) -> Personal<String> {
        let first = self.charsets.first().map_or(self.bytes.len(), |&(start, _)| start);
        // No character set that a symbol can name takes more bytes than UTF-8's three for one of its own.
        let mut text = Zeroizing::new(String::with_capacity(self.bytes.len() * 3));
        text.extend(self.bytes[..first].iter().copied().map(char::from));
        for (k, &(start, eci)) in self.charsets.iter().enumerate() {
            let end = self.charsets.get(k + 1).map_or(self.bytes.len(), |&(next, _)| next);
            let bytes = &self.bytes[start..end];
            match CharacterSet::from(Eci::from(eci)).decode(bytes).map(Zeroizing::new) {
                Ok(decoded) => text.push_str(&decoded),
                Err(_) => text.extend(bytes.iter().copied().map(char::from)),
            }
        }
        Personal::new(std::mem::take(&mut *text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(codewords: &[u16]) -> Option<Vec<u8>> {
        let all: Vec<u16> = std::iter::once(codewords.len() as u16 + 1).chain(codewords.iter().copied()).collect();
        decode(&all).map(|message| message.bytes.reveal().clone())
    }

    #[test]
    fn text_switches_between_its_sets() {
        // P, lower latch, d, f, mixed latch, 4, 1, 7.
        assert_eq!(bytes(&[15 * 30 + 27, 3 * 30 + 5, 28 * 30 + 4, 30 + 7]), Some(b"Pdf417".to_vec()));
    }

    #[test]
    fn a_shift_holds_for_one_value() {
        // A, punctuation shift, line feed, B.
        assert_eq!(bytes(&[29, 15 * 30 + 1]), Some(b"A\nB".to_vec()));
    }

    #[test]
    fn six_bytes_are_packed_in_five_codewords() {
        assert_eq!(bytes(&[924, 163, 238, 432, 766, 244]), Some(b"alcool".to_vec()));
        assert_eq!(bytes(&[901, 163, 238, 432, 766, 244, 105]), Some(b"alcooli".to_vec()));
    }

    #[test]
    fn numbers_lose_their_leading_one() {
        assert_eq!(bytes(&[902, 1, 624, 434, 632, 282, 200]), Some(b"000213298174000".to_vec()));
    }

    #[test]
    fn named_character_sets_make_text_and_leave_the_bytes() {
        let message = decode(&[7, 927, 26, 913, 0xC3, 913, 0xA9]).unwrap();
        assert_eq!((message.bytes.reveal().as_slice(), message.text.reveal().as_str()), ([0xC3, 0xA9].as_slice(), "é"));
    }

    #[test]
    fn a_broken_grammar_gives_nothing() {
        assert_eq!(bytes(&[913]), None);
        assert_eq!(bytes(&[902, 899]), None);
        assert_eq!(bytes(&[903, 1]), None);
        assert!(decode(&[]).is_none() && decode(&[9, 1]).is_none());
    }
}
