//! An encoded name, looked for on the front as a set of words.
//!
//! Barcodes and machine-readable zones cut long names off, write them without diacritics and in upper case; fronts glue
//! field numbers and neighbours to them. Each encoded word is therefore looked for by itself.

use super::cross_reference::{Agreement, Found};
use super::read_text::TextLine;
use super::similarity::{Glyphs, capitals, distance, glyphs_of, nearest, said, spellings};
use super::visual::{VisualFields, is_vocabulary};
use crate::privacy::{Personal, text_of};

/// Shorter words count only as whole words: inside others they are found by chance.
const MIN_INSIDE: usize = 4;
/// A word with at most one character in this many different is the same word, altered or misread.
const SIMILAR_SHARE: usize = 3;

/// From this mean confidence on, a word in a line of names is what is printed there.
const SURE: f32 = 0.85;

/// How one encoded word was found.
enum WordMatch {
    Same(Personal<String>),
    Similar(Personal<String>),
    Nowhere,
}

pub(super) fn compare_family_name(front: &VisualFields, encoded: &str) -> Found {
    compare_name(front, encoded, front.family_name.as_ref())
}

pub(super) fn compare_given_name(front: &VisualFields, encoded: &str) -> Found {
    compare_name(front, encoded, front.given_names.as_ref())
}

/// Looks for the words of a name on the whole front, unless the front's own label names another in its place: that differs
/// even where the encoded name stands elsewhere, as a street may.
fn compare_name(front: &VisualFields, encoded: &str, labelled: Option<&Personal<String>>) -> Found {
    let encoded: Vec<&str> =
        encoded.split(|c: char| !c.is_alphabetic() && c != '\'' && c != '’').filter(|word| !word.is_empty()).collect();
    let mut words = printed_words(front.lines.iter());
    // Where the names are printed in capitals, small letters are the signature's: that is no print.
    if !front.name_lines.is_empty() {
        words.retain(|word| !word.is_small);
    }
    let own_lines = front.name_lines.iter().filter_map(|&index| front.lines.get(index));
    let own = printed_words(own_lines.filter(|line| line.confidence >= SURE));
    if encoded.is_empty() || words.is_empty() {
        return Found::nothing();
    }
    if let Some(other) = labelled.filter(|other| !shares_a_word(other.reveal(), &encoded)) {
        return Found { printed: Some(other.clone()), result: Agreement::Differs };
    }
    let (mut printed, mut result) = (Vec::new(), Agreement::Agrees);
    for word in encoded {
        match altered(&own, word).map_or_else(|| find(&words, word), WordMatch::Similar) {
            WordMatch::Same(text) => printed.push(text),
            WordMatch::Similar(text) => {
                printed.push(text);
                result = Agreement::Differs;
            }
            WordMatch::Nowhere if result == Agreement::Agrees => result = Agreement::NotCompared,
            WordMatch::Nowhere => {}
        }
    }
    // Joined at once, in a buffer of the right length.
    let words: Vec<&str> = printed.iter().map(|word: &Personal<String>| word.reveal().as_str()).collect();
    Found { printed: (!words.is_empty()).then(|| Personal::new(words.join(" "))), result }
}

/// The word among the front's own names that is the encoded one but for a character or so; `None` when the names hold the
/// encoded one itself. A front's names stand in its lines of names: that the encoded word stands elsewhere as well, in a
/// signature or a street, does not make up for another one there.
fn altered(own: &[PrintedWord], encoded: &str) -> Option<Personal<String>> {
    let values = spellings(encoded);
    let is_same = |value: &[char]| {
        own.iter().filter_map(|word| distance(&word.glyphs, value)).any(super::similarity::Distance::is_same)
    };
    // Whole words only: the encoded one inside a longer one is another name as well.
    if values.iter().any(|value| is_same(value)) {
        return None;
    }
    let alike = |value: &[char], word: &PrintedWord| {
        let distance = distance(&word.glyphs, value)?;
        (distance.different > 0 && distance.different * SIMILAR_SHARE <= value.len().max(SIMILAR_SHARE))
            .then(|| said(&word.glyphs))
    };
    values.iter().find_map(|value| own.iter().find_map(|word| alike(value, word)))
}

/// Whether a labelled name holds any of the encoded words, be it misread.
fn shares_a_word(labelled: &str, encoded: &[&str]) -> bool {
    let words = words_of(labelled, 1.0);
    encoded.iter().any(|word| !matches!(find(&words, word), WordMatch::Nowhere))
}

/// A printed word in one of its spellings.
struct PrintedWord {
    glyphs: Glyphs,
    /// Whether most of its letters are small ones.
    is_small: bool,
}

/// Every run of letters on the front, without the words of the form itself.
fn printed_words<'a>(lines: impl Iterator<Item = &'a TextLine>) -> Vec<PrintedWord> {
    lines.flat_map(|line| words_of(line.text.reveal(), line.confidence)).collect()
}

/// A digit inside a run of letters may be a misread letter, so that runs of letters and digits count too.
fn words_of(text: &str, confidence: f32) -> Vec<PrintedWord> {
    let mut words = Vec::new();
    for run in text.split(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '’')) {
        let small = run.chars().filter(|c| c.is_lowercase()).count();
        let is_small = 2 * small > run.chars().filter(|c| c.is_alphabetic()).count();
        let run = text_of(capitals(run).iter().copied(), run.len());
        let letters = run.reveal().trim_matches(|c: char| !c.is_alphabetic());
        let pieces = [letters].into_iter().chain(letters.split(|c: char| c.is_ascii_digit()).filter(|p| *p != letters));
        for piece in pieces.filter(|piece| piece.chars().any(char::is_alphabetic)) {
            for spelling in spellings(piece) {
                let word = text_of(spelling.iter().copied(), spelling.len());
                if !spelling.is_empty() && !is_vocabulary(word.reveal()) {
                    words.push(PrintedWord { glyphs: glyphs_of(&spelling, confidence), is_small });
                }
            }
        }
    }
    words
}

fn find(words: &[PrintedWord], encoded: &str) -> WordMatch {
    let mut similar: Option<(usize, Personal<String>)> = None;
    for value in spellings(encoded).into_iter().filter(|value| !value.is_empty()) {
        for word in words {
            let inside = value.len() >= MIN_INSIDE || word.glyphs.len() == value.len();
            let Some((distance, at)) = nearest(&word.glyphs, &value).filter(|_| inside) else { continue };
            let text = said(&word.glyphs[at..at + value.len()]);
            if distance.is_same() {
                return WordMatch::Same(text);
            }
            let changed = distance.different + distance.alike_but_certain;
            let close = changed * SIMILAR_SHARE <= value.len().max(SIMILAR_SHARE) && distance.different > 0;
            if close && similar.as_ref().is_none_or(|(least, _)| changed < *least) {
                similar = Some((changed, text));
            }
        }
    }
    similar.map_or(WordMatch::Nowhere, |(_, text)| WordMatch::Similar(text))
}
