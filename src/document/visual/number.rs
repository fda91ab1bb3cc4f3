//! The number of the document among everything that looks like a number.

use super::dates::FoundDate;
use super::labels::{LabelKind, glued_number_label, has_label, last_label};
use super::neighbours::{above, left_of, part_of};
use crate::document::read_text::TextLine;
use crate::privacy::{Personal, characters_of, text_of};

/// Digits that a number of a document has at least.
const MIN_DIGITS: usize = 4;
/// Longer ones are document discriminators.
const USUAL_DIGITS: usize = 13;
/// Characters that any of them has at most.
const MAX_LENGTH: usize = 24;
/// Below this it is more likely something else.
const MIN_SCORE: f32 = -0.9;

/// A number and whether a label says what it is.
pub(super) struct FoundNumber {
    pub text: Personal<String>,
    pub labelled: bool,
}

struct Scored {
    number: FoundNumber,
    score: f32,
}

/// The likeliest number; on a tie, the upper one.
pub(super) fn find(lines: &[TextLine], dates: &[FoundDate]) -> Option<FoundNumber> {
    let mut heights: Vec<f32> = lines.iter().map(|line| line.bounds.height).collect();
    heights.sort_by(f32::total_cmp);
    let usual_height = heights.get(heights.len() / 2).copied().unwrap_or(1.0);
    let mut best: Option<Scored> = None;
    for (index, line) in lines.iter().enumerate() {
        let text = characters_of(line.text.reveal().chars(), line.text.reveal().len());
        for token in tokens(&text) {
            let dated = |date: &&FoundDate| {
                date.line == index && date.characters.start < token.end && token.start < date.characters.end
            };
            if dates.iter().any(|date| dated(&date)) {
                continue;
            }
            if let Some(mut scored) = judge(lines, index, &text, token) {
                scored.score += if line.bounds.height > 1.15 * usual_height { 0.6 } else { 0.0 };
                if scored.score >= MIN_SCORE && best.as_ref().is_none_or(|best| scored.score > best.score) {
                    best = Some(scored);
                }
            }
        }
    }
    best.map(|best| best.number)
}

/// Runs of letters, digits and hyphens, joined over single blanks where both sides are groups of digits.
fn tokens(text: &[char]) -> Vec<std::ops::Range<usize>> {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '*';
    let mut tokens: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, &character) in text.iter().enumerate() {
        if !inside(character) {
            continue;
        }
        let group = |c: Option<&char>| c.is_some_and(char::is_ascii_digit);
        match tokens.last_mut() {
            Some(last) if last.end == at => last.end += 1,
            Some(last)
                if last.end + 1 == at
                    && text[last.end] == ' '
                    && character.is_ascii_digit()
                    && (group(text.get(last.end - 1)) || last.len() == 1) =>
            {
                last.end = at + 1;
            }
            _ => tokens.push(at..at + 1),
        }
    }
    tokens.into_iter().map(|token| without_field_number(text, token)).collect()
}

/// A group of one or two digits between a number and a word is the number of the next field, as in `H7654321 9 CLASS C`.
fn without_field_number(text: &[char], token: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let Some(blank) = text[token.clone()].iter().rposition(|c| *c == ' ') else { return token };
    let is_short = token.len() - blank - 1 <= 2;
    let precedes_word = text.get(token.end) == Some(&' ') && text.get(token.end + 1).is_some_and(|c| c.is_alphabetic());
    if is_short && precedes_word { token.start..token.start + blank } else { token }
}

fn judge(lines: &[TextLine], index: usize, text: &[char], token: std::ops::Range<usize>) -> Option<Scored> {
    let mut start = token.start;
    loop {
        let glued = glued_number_label(&text[start..token.end]);
        if glued == 0
            || !is_number(&text[start + glued..token.end]) && !has_glued_number(&text[start + glued..token.end])
        {
            break;
        }
        start += glued;
    }
    let value = &text[start..token.end];
    if !is_number(value) {
        return None;
    }
    let line = &lines[index];
    let before = text_of(text[..token.start].iter().copied(), token.start);
    let before = before.reveal().as_str();
    let place = part_of(line, start..token.end);
    let beside = left_of(lines, place).filter(|_| token.start < 3).map(|line| line.text.reveal().as_str());
    let over = above(lines, place).map(|line| line.text.reveal().as_str());
    let is = |text: Option<&str>, kind| text.is_some_and(|text| last_label(text) == Some(kind));
    let within = has_label(before, LabelKind::Number)
        || before.trim_end().ends_with("No.")
        || before.trim_end().ends_with("NO.");
    let close = start > token.start || within || is(beside, LabelKind::Number);
    let labelled = close || over.is_some_and(|over| has_label(over, LabelKind::Number));
    let digits = value.iter().filter(|c| c.is_ascii_digit()).count();
    let mut score = match (close, labelled) {
        (true, _) => 5.0,
        (false, true) => 4.0,
        (false, false) => 0.0,
    };
    let discriminator = starts_with_discriminator(&text[token.start..token.end])
        || is(Some(before), LabelKind::Discriminator)
        || matches!(before.trim(), "5." | "5" | "S.")
        || is(beside, LabelKind::Discriminator)
        || (!close && is(over, LabelKind::Discriminator));
    score -= if discriminator { 6.0 } else { 0.0 };
    score -= if digits > USUAL_DIGITS { 2.0 } else { 0.0 };
    score -= if digits < 6 { 1.0 } else { 0.0 };
    // Among other words it is part of an address.
    let others = text[..token.start].iter().chain(&text[token.end..]).filter(|c| c.is_alphabetic()).count();
    score -= if others > 2 && !close { 4.0 } else { 0.0 };
    score += if value[0].is_ascii_alphabetic() { 0.3 } else { 0.0 };
    Some(Scored { number: FoundNumber { text: text_of(value.iter().copied(), value.len()), labelled }, score })
}

/// Mostly digits, with a few letters in front or behind, and hyphens between groups.
fn is_number(value: &[char]) -> bool {
    let digits = value.iter().filter(|c| c.is_ascii_digit()).count();
    let letters = value.iter().filter(|c| c.is_ascii_alphabetic()).count();
    let ends =
        value.first().zip(value.last()).is_some_and(|(a, b)| a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric());
    digits >= MIN_DIGITS
        && digits >= 2 * letters
        && value.len() <= MAX_LENGTH
        && ends
        && !value.iter().any(char::is_ascii_lowercase)
}

/// Whether a label is followed by another label and then by a number: `4dDLN` and the like.
fn has_glued_number(value: &[char]) -> bool {
    let glued = glued_number_label(value);
    glued > 0 && is_number(&value[glued..])
}

fn starts_with_discriminator(token: &[char]) -> bool {
    matches!(token, ['D', 'D', ..] | ['5' | 'S', 'D', 'D' | '0' | 'O', ..] | ['5', '0' | 'O', 'D', ..])
}
