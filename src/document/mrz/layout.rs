//! Where each format keeps its fields, as data.
//!
//! Sources: ICAO Doc 9303 part 5 (TD1), part 6 (TD2), part 4 (TD3) and part 7 (MRV-A, MRV-B), 8th edition, and, for the
//! French identity card of 1988–2021, the arrêté of 1987 as deployed readers implement it.

use std::ops::Range;

use serde::Serialize;

use super::MrzError;

/// The formats of machine-readable zones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum MrzFormat {
    /// Three lines of 30: cards.
    #[serde(rename = "TD1")]
    Td1,
    /// Two lines of 36: larger cards.
    #[serde(rename = "TD2")]
    Td2,
    /// Two lines of 44: passports.
    #[serde(rename = "TD3")]
    Td3,
    /// Two lines of 44: large visas.
    #[serde(rename = "MRVA")]
    MrvA,
    /// Two lines of 36: small visas.
    #[serde(rename = "MRVB")]
    MrvB,
    /// The French identity card of 1988–2021: two lines of 36 with fields of its own. Shown as TD2, whose size it has.
    #[serde(rename = "TD2")]
    FrenchId,
}

/// The name that `Serialize` gives.
impl std::fmt::Display for MrzFormat {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(formatter)
    }
}

/// One stretch of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub line: usize,
    pub columns: Range<usize>,
}

/// What characters a position may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// A–Z and the filler.
    Letters,
    /// 0–9 and the filler.
    Digits,
    /// 0–9.
    CheckDigit,
    /// M, F, X or the filler.
    Sex,
    /// All.
    Any,
}

impl Class {
    pub(super) fn admits(self, character: char) -> bool {
        match self {
            Self::Letters => character == '<' || character.is_ascii_uppercase(),
            Self::Digits => character == '<' || character.is_ascii_digit(),
            Self::CheckDigit => character.is_ascii_digit(),
            Self::Sex => matches!(character, 'M' | 'F' | 'X' | '<'),
            Self::Any => character == '<' || character.is_ascii_uppercase() || character.is_ascii_digit(),
        }
    }
}

/// A check digit and what it covers, in order.
#[derive(Debug, Clone)]
pub(super) struct CheckSpec {
    pub name: &'static str,
    pub covers: Vec<Span>,
    pub digit: (usize, usize),
    /// Whether a filler may stand for 0 when all it covers is filler (Doc 9303 part 4, 4.2.2.2, note j).
    pub filler_when_empty: bool,
}

/// Where the fields of a format are; `None` for what it does not have.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub issuer: Span,
    pub names: Vec<Span>,
    pub number: Span,
    /// Where a document number that is too long for its field goes on: a filler in place of its check digit says so.
    pub long_number: Option<Span>,
    pub birth: Span,
    pub expiry: Option<Span>,
    pub sex: (usize, usize),
    pub nationality: Option<Span>,
    pub checks: Vec<CheckSpec>,
}

pub(super) const fn span(line: usize, columns: Range<usize>) -> Span {
    Span { line, columns }
}

fn check(name: &'static str, covers: Vec<Span>, digit: (usize, usize)) -> CheckSpec {
    CheckSpec { name, covers, digit, filler_when_empty: false }
}

/// Name of the document number's check.
pub(super) const NUMBER_CHECK: &str = "document_number_check_digit";
const BIRTH_CHECK: &str = "birth_date_check_digit";
const EXPIRY_CHECK: &str = "expiry_date_check_digit";
const OPTIONAL_CHECK: &str = "optional_data_check_digit";
const COMPOSITE_CHECK: &str = "composite_check_digit";

impl MrzFormat {
    /// Number of lines and their length.
    #[must_use]
    pub fn shape(self) -> (usize, usize) {
        match self {
            Self::Td1 => (3, 30),
            Self::Td2 | Self::MrvB | Self::FrenchId => (2, 36),
            Self::Td3 | Self::MrvA => (2, 44),
        }
    }

    /// The format of some lines, by their number, length and document code.
    pub(super) fn of(lines: &[&str]) -> Result<Self, MrzError> {
        if !matches!(lines.len(), 2 | 3) {
            return Err(MrzError::LineCount(lines.len()));
        }
        for (index, line) in lines.iter().enumerate() {
            if let Some(column) = line.chars().position(|c| !Class::Any.admits(c)) {
                return Err(MrzError::Character { line: index + 1, column: column + 1 });
            }
        }
        let length = lines[0].len();
        let expected = [30, 36, 44].into_iter().find(|&l| l == length && (lines.len() == 3) == (l == 30));
        let odd = lines.iter().position(|line| Some(line.len()) != expected);
        if let Some(index) = odd {
            return Err(MrzError::LineLength { line: index + 1, length: lines[index].len(), count: lines.len() });
        }
        Self::for_lines_of(lines[0], length).ok_or(MrzError::DocumentCode)
    }

    /// The format that the length of the lines and the document code at the start of the first line name; `None` when no
    /// format has such lines or the code is no letter.
    #[must_use]
    pub fn for_lines_of(first: &str, length: usize) -> Option<Self> {
        let code = first.bytes().next().filter(u8::is_ascii_uppercase)?;
        match (length, code) {
            (30, _) => Some(Self::Td1),
            (36, b'V') => Some(Self::MrvB),
            // ICAO identity cards of France are TD1: a TD2-sized one is of the older kind.
            (36, _) if first.starts_with("IDFRA") => Some(Self::FrenchId),
            (36, _) => Some(Self::Td2),
            (44, b'V') => Some(Self::MrvA),
            (44, _) => Some(Self::Td3),
            _ => None,
        }
    }

    /// Whether the lines end without a check digit, so that nothing in them tells whether they were read to their end.
    #[must_use]
    pub fn ends_openly(self) -> bool {
        match self {
            Self::MrvA | Self::MrvB => true,
            Self::Td1 | Self::Td2 | Self::Td3 | Self::FrenchId => false,
        }
    }

    /// Whether documents of this format begin with a letter, and with no other that prints like it: passports with `P`,
    /// visas with `V`, cards with `A`, `C` or `I` (Doc 9303 parts 4 to 7, document code).
    pub(super) fn begins_with(self, letter: char) -> bool {
        match self {
            Self::Td1 | Self::Td2 | Self::FrenchId => matches!(letter, 'A' | 'C' | 'I'),
            Self::Td3 => letter == 'P',
            Self::MrvA | Self::MrvB => letter == 'V',
        }
    }

    pub(super) fn layout(self) -> Layout {
        match self {
            Self::Td1 => td1(),
            Self::Td2 => two_lines(36, 28..35, None, Some(35)),
            Self::Td3 => two_lines(44, 28..42, Some(42), Some(43)),
            Self::MrvA => two_lines(44, 28..44, None, None),
            Self::MrvB => two_lines(36, 28..36, None, None),
            Self::FrenchId => french_id(),
        }
    }

    /// What each position of a line may hold.
    pub(super) fn classes(self, line: usize) -> Vec<Class> {
        let layout = self.layout();
        let mut classes = vec![Class::Any; self.shape().1];
        let mut fill = |at: &Span, class: Class| {
            if at.line == line {
                classes[at.columns.clone()].fill(class);
            }
        };
        fill(&span(0, 0..2), Class::Letters);
        fill(&layout.issuer, Class::Letters);
        layout.names.iter().for_each(|names| fill(names, Class::Letters));
        layout.nationality.iter().for_each(|nationality| fill(nationality, Class::Letters));
        fill(&layout.birth, Class::Digits);
        layout.expiry.iter().for_each(|expiry| fill(expiry, Class::Digits));
        fill(&span(layout.sex.0, layout.sex.1..layout.sex.1 + 1), Class::Sex);
        for check in &layout.checks {
            let (at, column) = check.digit;
            let long = check.name == NUMBER_CHECK && layout.long_number.is_some();
            let class = if long || check.filler_when_empty { Class::Digits } else { Class::CheckDigit };
            fill(&span(at, column..column + 1), class);
        }
        classes
    }
}

fn td1() -> Layout {
    let (number, birth, expiry) = (span(0, 5..14), span(1, 0..6), span(1, 8..14));
    let composite = vec![span(0, 5..30), span(1, 0..7), span(1, 8..15), span(1, 18..29)];
    Layout {
        issuer: span(0, 2..5),
        names: vec![span(2, 0..30)],
        long_number: Some(span(0, 15..30)),
        sex: (1, 7),
        nationality: Some(span(1, 15..18)),
        checks: vec![
            check(NUMBER_CHECK, vec![number.clone()], (0, 14)),
            check(BIRTH_CHECK, vec![birth.clone()], (1, 6)),
            check(EXPIRY_CHECK, vec![expiry.clone()], (1, 14)),
            check(COMPOSITE_CHECK, composite, (1, 29)),
        ],
        number,
        birth,
        expiry: Some(expiry),
    }
}

/// TD2, TD3 and both visas share the places of all but the optional data.
fn two_lines(length: usize, optional: Range<usize>, optional_digit: Option<usize>, composite: Option<usize>) -> Layout {
    let (number, birth, expiry) = (span(1, 0..9), span(1, 13..19), span(1, 21..27));
    let mut checks = vec![
        check(NUMBER_CHECK, vec![number.clone()], (1, 9)),
        check(BIRTH_CHECK, vec![birth.clone()], (1, 19)),
        check(EXPIRY_CHECK, vec![expiry.clone()], (1, 27)),
    ];
    if let Some(digit) = optional_digit {
        let optional = check(OPTIONAL_CHECK, vec![span(1, optional.clone())], (1, digit));
        checks.push(CheckSpec { filler_when_empty: true, ..optional });
    }
    if let Some(digit) = composite {
        checks.push(check(COMPOSITE_CHECK, vec![span(1, 0..10), span(1, 13..20), span(1, 21..digit)], (1, digit)));
    }
    // Only TD2 states that long numbers go on in the optional data (part 6, 4.2.2.2, note j).
    let long_number = (composite.is_some() && optional_digit.is_none()).then(|| span(1, optional));
    Layout {
        issuer: span(0, 2..5),
        names: vec![span(0, 5..length)],
        number,
        long_number,
        birth,
        expiry: Some(expiry),
        sex: (1, 20),
        nationality: Some(span(1, 10..13)),
        checks,
    }
}

fn french_id() -> Layout {
    let (number, birth) = (span(1, 0..12), span(1, 27..33));
    Layout {
        issuer: span(0, 2..5),
        names: vec![span(0, 5..30), span(1, 13..27)],
        long_number: None,
        expiry: None,
        sex: (1, 34),
        nationality: None,
        checks: vec![
            check(NUMBER_CHECK, vec![number.clone()], (1, 12)),
            check(BIRTH_CHECK, vec![birth.clone()], (1, 33)),
            check(COMPOSITE_CHECK, vec![span(0, 0..36), span(1, 0..35)], (1, 35)),
        ],
        number,
        birth,
    }
}
