//! An encoded document number, looked for on the front.

use zeroize::Zeroizing;

use super::cross_reference::{Agreement, Found};
use super::read_text::TextLine;
use super::similarity::{Distance, Glyph, Glyphs, capitals, distance, glyphs_of, nearest, said};
use super::visual::VisualFields;
use crate::privacy::{Personal, characters_of, text_of};

/// Shorter numbers are found by chance among other print.
const MIN_LENGTH: usize = 4;
/// A number with at most one character in this many different is the same number, altered or misread.
const SIMILAR_SHARE: usize = 4;
/// Below this mean confidence print was not read well enough to say anything.
const MIN_CONFIDENCE: f32 = 0.5;
/// From this mean confidence on, a labelled number that is another one is a difference.
const SURE: f32 = 0.85;

/// A stretch of print that may be the number.
struct Match {
    distance: Distance,
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
    let best = front.lines.iter().filter_map(|line| best_match(line, &value)).min_by_key(|found| found.distance);
    match (labelled, best) {
        // The front's own number is another one: the same characters elsewhere do not make up for it.
        (_, Some(found))
            if found.distance.different == 0 && own.as_ref().is_some_and(|own| contradicts(front, own, &value)) =>
        {
            Found { printed: own.map(|own| text_of(own.iter().copied(), own.len())), result: Agreement::Differs }
        }
        (_, Some(found)) if found.distance.is_same() => Found { printed: Some(found.text), result: Agreement::Agrees },
        (_, Some(found)) if found.distance.different == 0 => {
            Found { printed: Some(found.text), result: Agreement::NotCompared }
        }
        (_, Some(found)) if found.distance.different * SIMILAR_SHARE <= value.len() => {
            Found { printed: Some(found.text), result: Agreement::Differs }
        }
        (Some(own), _) => {
            // A number of another length may have lost a repeated character on the way.
            let same_length = own.len() == value.len();
            let result = if same_length && is_sure(front, &own) { Agreement::Differs } else { Agreement::NotCompared };
            Found { printed: Some(text_of(own.iter().copied(), own.len())), result }
        }
        (None, _) => Found::nothing(),
    }
}

/// Whether two numbers are so alike that the one is the other, altered or misread.
fn is_like(own: &[char], value: &[char]) -> bool {
    let glyphs = glyphs_of(own, 0.0);
    distance(&glyphs, value).is_some_and(|distance| distance.different * SIMILAR_SHARE <= value.len())
}

/// Whether the front's own number was read with certainty, is as long, and has another character that is no look-alike.
fn contradicts(front: &VisualFields, own: &[char], value: &[char]) -> bool {
    let glyphs = glyphs_of(own, 0.0);
    is_sure(front, own) && distance(&glyphs, value).is_some_and(|distance| distance.different > 0)
}

/// Whether a line that holds this number was read with certainty.
fn is_sure(front: &VisualFields, number: &[char]) -> bool {
    front.lines.iter().any(|line| {
        let glyphs = glyphs(line);
        nearest(&glyphs, number).is_some_and(|(distance, at)| {
            distance.is_same() && distance.alike == 0 && mean_confidence(&glyphs[at..at + number.len()]) >= SURE
        })
    })
}

fn best_match(line: &TextLine, value: &[char]) -> Option<Match> {
    let glyphs = glyphs(line);
    let (distance, at) = nearest(&glyphs, value)?;
    let window = &glyphs[at..at + value.len()];
    let text = said(window);
    (mean_confidence(window) >= MIN_CONFIDENCE).then_some(Match { distance, text })
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
