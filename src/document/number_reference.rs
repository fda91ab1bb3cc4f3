//! An encoded document number, looked for on the front.

use zeroize::Zeroizing;

use super::cross_reference::{Agreement, Found};
use super::read_text::TextLine;
use super::similarity::{Distance, Glyph, Glyphs, OneMore, capitals, distance, glyphs_of, nearest, one_more, said};
use super::visual::{VisualFields, glued_number_label, is_vocabulary};
use crate::privacy::{Personal, characters_of, text_of};

/// Shorter numbers are found by chance among other print.
const MIN_LENGTH: usize = 4;
/// A number with at most one character in this many different is the same number, altered or misread.
const SIMILAR_SHARE: usize = 4;
/// Below this mean confidence print was not read well enough to say anything.
const MIN_CONFIDENCE: f32 = 0.5;
/// From this mean confidence on, a labelled number that is another one is a difference.
const SURE: f32 = 0.85;

/// From this confidence on, a character that the encoded number does not have is there.
const CERTAIN: f32 = 0.9;

/// A stretch of print that may be the number.
struct Match {
    distance: Distance,
    /// Whether more letters or digits, which are no label, stand right before or behind it: then it is part of another number.
    inside: bool,
    text: Personal<String>,
}

pub(super) fn compare_number(front: &VisualFields, encoded: &str) -> Found {
    let value = plain(encoded);
    if value.len() < MIN_LENGTH {
        return Found::nothing();
    }
    let own = front.id_number.as_ref().map(|number| plain(number.reveal()));
    let labelled = own.clone().filter(|_| front.id_number_is_labelled);
    // Nobody prints two numbers that differ in a character or two: what is so like the encoded one is meant to be it.
    let own = own.filter(|own| front.id_number_is_labelled || is_like(own, &value));
    let is_printed = own.as_ref().is_some_and(|own| **own == *value);
    let best = front
        .lines
        .iter()
        .filter_map(|line| best_match(line, &value))
        .min_by_key(|found| (found.distance, found.inside));
    match (labelled, best) {
        // The front's own number is another one: the same characters elsewhere do not make up for it.
        (_, Some(found))
            if found.distance.different == 0 && own.as_ref().is_some_and(|own| contradicts(front, own, &value)) =>
        {
            let is_longer = own.as_ref().is_some_and(|own| own.len() > value.len());
            if !found.inside && is_longer {
                // It stands there by itself: what follows it behind a blank may be of another field.
                return Found { printed: Some(found.text), result: Agreement::NotCompared };
            }
            Found { printed: own.map(|own| shown(&own)), result: Agreement::Differs }
        }
        (_, Some(found)) if found.distance.is_same() && (!found.inside || is_printed) => {
            Found { printed: Some(found.text), result: Agreement::Agrees }
        }
        (_, Some(found)) if found.distance.different == 0 => {
            Found { printed: Some(found.text), result: Agreement::NotCompared }
        }
        (Some(own), _) if contradicts(front, &own, &value) => {
            Found { printed: Some(shown(&own)), result: Agreement::Differs }
        }
        // A repeated or narrow character may have been lost on the way.
        (Some(own), _) if matches!(one_more(&own, &value), Some(OneMore::Repeats | OneMore::Narrow)) => {
            Found { printed: Some(shown(&own)), result: Agreement::NotCompared }
        }
        (_, Some(found)) if found.distance.different * SIMILAR_SHARE <= value.len() => {
            Found { printed: Some(found.text), result: Agreement::Differs }
        }
        // A number of quite another length was not read as a whole.
        (Some(own), _) => Found { printed: Some(shown(&own)), result: Agreement::NotCompared },
        (None, _) => Found::nothing(),
    }
}

fn shown(number: &[char]) -> Personal<String> {
    text_of(number.iter().copied(), number.len())
}

/// Whether two numbers are so alike that the one is the other, altered or misread.
fn is_like(own: &[char], value: &[char]) -> bool {
    let glyphs = glyphs_of(own, 0.0);
    distance(&glyphs, value).is_some_and(|distance| distance.different * SIMILAR_SHARE <= value.len())
}

/// Whether the front's own number was read with certainty and is another one: as long, with a character that is no
/// look-alike, or with one character more or less, or with the encoded one as a part of it. Zeros ahead of a number are none
/// of it: some write them and some do not.
fn contradicts(front: &VisualFields, own: &[char], value: &[char]) -> bool {
    if let Some(distance) = distance(&glyphs_of(own, 0.0), value) {
        return distance.different > 0 && is_sure(front, own, 0.0);
    }
    let (own_digits, value_digits) = (without_leading_zeros(own), without_leading_zeros(value));
    let is_another = match one_more(own_digits, value_digits) {
        Some(OneMore::Another) => true,
        // Narrow characters are lost, and never added.
        Some(OneMore::Narrow) => own_digits.len() > value_digits.len(),
        Some(OneMore::Repeats) => false,
        None => {
            own_digits.len() > value_digits.len() + 1
                && own_digits.windows(value_digits.len().max(1)).any(|part| part == value_digits)
        }
    };
    // A character too many may be one that the recogniser was not sure of.
    is_another && is_sure(front, own, CERTAIN)
}

fn without_leading_zeros(number: &[char]) -> &[char] {
    let zeros = number.iter().take_while(|c| **c == '0').count();
    &number[zeros..]
}

/// Whether a line that holds this number was read with certainty, and each of its characters at least with `each`.
fn is_sure(front: &VisualFields, number: &[char], each: f32) -> bool {
    front.lines.iter().any(|line| {
        let glyphs = glyphs(line);
        nearest(&glyphs, number).is_some_and(|(distance, at)| {
            let read = &glyphs[at..at + number.len()];
            distance.is_same()
                && distance.alike == 0
                && mean_confidence(read) >= SURE
                && read.iter().all(|glyph| glyph.confidence >= each)
        })
    })
}

fn best_match(line: &TextLine, value: &[char]) -> Option<Match> {
    let glyphs = glyphs(line);
    let windows = glyphs.windows(value.len()).enumerate();
    let found = windows.filter_map(|(at, window)| {
        Some(((distance(window, value)?, is_inside(line.text.reveal(), at, value.len())), at))
    });
    let ((distance, inside), at) = found.min()?;
    let window = &glyphs[at..at + value.len()];
    let text = said(window);
    (mean_confidence(window) >= MIN_CONFIDENCE).then_some(Match { distance, inside, text })
}

/// Whether a stretch of so many letters and digits, from the one of that index on, has more of them right beside it, or
/// behind a hyphen, that are no label.
fn is_inside(text: &str, at: usize, length: usize) -> bool {
    let all = capitals(text);
    let places: Vec<usize> = (0..all.len()).filter(|&place| all[place].is_ascii_alphanumeric()).collect();
    let (Some(&first), Some(&last)) = (places.get(at), places.get(at + length - 1)) else { return false };
    let is_joined = |c: &&char| c.is_ascii_alphanumeric() || **c == '-';
    let start = first - all[..first].iter().rev().take_while(is_joined).count();
    let end = last + 1 + all[last + 1..].iter().take_while(is_joined).count();
    let is_glued_label = glued_number_label(&all[start..=last]) == first - start;
    !(is_glued_label || is_label(&all[start..first])) || !is_label(&all[last + 1..end])
}

/// Whether what stands beside a number is one of the form's own words, or the number of its field, as in `4d`.
fn is_label(beside: &[char]) -> bool {
    let text = text_of(beside.iter().copied().filter(char::is_ascii_alphanumeric), beside.len());
    let text = text.reveal().as_str();
    let words = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = text.len() - words.len();
    text.is_empty()
        || is_vocabulary(text)
        || digits > 0 && (matches!(words, "A" | "B" | "C" | "D") || is_vocabulary(words))
}

fn plain(text: &str) -> Zeroizing<Vec<char>> {
    let all = capitals(text);
    characters_of(all.iter().copied().filter(char::is_ascii_alphanumeric), all.len())
}

/// Letters and digits of a line in upper case.
fn glyphs(line: &TextLine) -> Glyphs {
    let confidence = |index: usize| line.character_confidences.get(index).copied().unwrap_or(line.confidence);
    let all = capitals(line.text.reveal());
    let mut glyphs = Zeroizing::new(Vec::with_capacity(all.len()));
    let kept = all.iter().enumerate().filter(|(_, c)| c.is_ascii_alphanumeric());
    glyphs.extend(kept.map(|(index, &character)| Glyph { character, confidence: confidence(index) }));
    glyphs
}

fn mean_confidence(glyphs: &[Glyph]) -> f32 {
    glyphs.iter().map(|glyph| glyph.confidence).sum::<f32>() / glyphs.len().max(1) as f32
}
