//! An encoded name, looked for on the front as a set of words.
//!
//! Barcodes and machine-readable zones cut long names off, write them without diacritics and in upper case; fronts glue
//! field numbers and neighbours to them. Each encoded word is therefore looked for by itself.

use std::cell::OnceCell;

use zeroize::Zeroizing;

use super::cross_reference::{Agreement, Found};
use super::fields::Fields;
use super::read_text::TextLine;
use super::similarity::{
    Distance, Glyphs, OneMore, capitals, distance, glyphs_of, one_more, prints_of_transliterated, said, spellings,
};
use super::visual::{LONGEST_VOCABULARY, VisualFields, is_vocabulary};
use crate::privacy::{Personal, characters_of, text_of};

/// Shorter words count only as whole words: inside others they are found by chance.
const MIN_INSIDE: usize = 4;
/// A word with at most one character in this many different is the same word, altered or misread.
const SIMILAR_SHARE: usize = 3;

/// Longest name, and most words of one, that is compared: AAMVA has room for 40 letters of each, a zone for 39.
const LONGEST_NAME: usize = 80;
const MOST_WORDS: usize = 12;
/// Longest run of letters that names may stand in: four of the 40 letters that AAMVA gives one, glued to each other.
const LONGEST_RUN: usize = 160;
/// Longest part of a name that may stand apart on the front though the code joins it to the next: O in O BRIEN, MAC.
const LONGEST_PARTICLE: usize = 3;
/// Single letters that names begin with behind which an apostrophe stands.
const PARTICLES: [&[char]; 3] = [&['O'], &['D'], &['L']];
/// From this mean confidence on, a word in a line of names is what is printed there.
const SURE: f32 = 0.85;

/// How one encoded word was found.
enum WordMatch {
    Same(Personal<String>),
    Similar(Personal<String>),
    Nowhere,
}

pub(super) fn compare_family_name(front: &VisualFields, encoded: &Fields) -> Option<Found> {
    let known = KnownNames::of(encoded, false);
    Some(compare_name(front, encoded.last_name.as_ref()?.reveal(), &known, front.family_name.as_ref()))
}

pub(super) fn compare_given_name(front: &VisualFields, encoded: &Fields) -> Option<Found> {
    let known = KnownNames::of(encoded, true);
    Some(compare_name(front, encoded.first_name.as_ref()?.reveal(), &known, front.given_names.as_ref()))
}

/// What of a run of letters is the holder's other names, an initial or words of the form, by where it ends or begins.
struct Explained {
    /// Whether everything ahead of a place is.
    ahead: Vec<bool>,
    /// Whether everything from a place on is.
    behind: Vec<bool>,
}

/// All of the holder's names, which a front or its reading may glue together.
struct KnownNames {
    words: Vec<Zeroizing<Vec<char>>>,
    /// First letters of the middle names, where a given name is looked for: fronts print them behind it.
    initials: Zeroizing<Vec<char>>,
    /// Whether a given name is looked for and the code has no middle name: what is printed behind may be the initial of one.
    may_have_initial: bool,
    /// Whether the code may have cut one of them off.
    cut_off: bool,
    /// Whether the code writes two letters for some.
    transliterated: bool,
}

impl KnownNames {
    fn of(encoded: &Fields, is_given_name: bool) -> Self {
        let names = [&encoded.last_name, &encoded.first_name, &encoded.middle_name, &encoded.suffix];
        let compared = if is_given_name { &encoded.first_name } else { &encoded.last_name };
        // A single letter is a particle of the name itself, as in D'ANGELO; of another it is an initial, which stands behind a
        // given name and nowhere else.
        let words = names
            .into_iter()
            .filter_map(|name| Some((name.as_ref()?, name == compared)))
            .filter(|(name, _)| is_comparable(name.reveal()))
            .flat_map(|(name, is_own)| {
                words_in(name.reveal()).filter(move |word| is_own || word.chars().nth(1).is_some())
            });
        let middle = encoded.middle_name.as_ref().filter(|_| is_given_name);
        let middle: Vec<&str> = middle.map(|name| words_in(name.reveal()).collect()).unwrap_or_default();
        let initials = middle.iter().flat_map(|word| spellings(word)).filter_map(|word| word.first().copied());
        let transliterated = encoded.names_are_transliterated;
        let mut words: Vec<_> = words.flat_map(|word| prints_of(word, transliterated)).collect();
        words.sort_unstable_by(|a, b| a.as_slice().cmp(b.as_slice()));
        words.dedup();
        Self {
            words,
            initials: characters_of(initials, 2 * middle.len()),
            may_have_initial: is_given_name && middle.is_empty(),
            cut_off: encoded.name_is_cut_off,
            transliterated,
        }
    }

    /// All that may be printed for a word of the code.
    fn prints_of(&self, word: &str) -> Vec<Zeroizing<Vec<char>>> {
        prints_of(word, self.transliterated)
    }

    /// What of a run of letters these names explain. Each place is looked at once: there may be as many ways to take a run
    /// apart as there are letters, and more.
    fn explain(&self, letters: &[char]) -> Explained {
        let count = letters.len();
        let is_form = |from: usize, to: usize| {
            to - from <= LONGEST_VOCABULARY
                && is_vocabulary(text_of(letters[from..to].iter().copied(), to - from).reveal())
        };
        let begin =
            |at: usize| self.words.iter().filter(move |word| letters[at..].starts_with(word)).map(|word| word.len());
        let mut reached = vec![false; count + 1];
        reached[0] = true;
        for at in 0..count {
            if reached[at] {
                begin(at).for_each(|length| reached[at + length] = true);
            }
        }
        let ends_with_form =
            |to: usize| (to.saturating_sub(LONGEST_VOCABULARY)..to).any(|at| reached[at] && is_form(at, to));
        let ahead = (0..=count).map(|to| reached[to] || ends_with_form(to)).collect();
        let mut behind = vec![self.cut_off; count + 1];
        behind[count] = true;
        for at in (0..count).rev() {
            let is_initial = at + 1 == count && self.initials.contains(&letters[at]);
            behind[at] |= is_initial || is_form(at, count) || begin(at).any(|length| behind[at + length]);
        }
        Explained { ahead, behind }
    }

    /// Whether a printed word is one of the holder's names.
    fn hold(&self, printed: &[char]) -> bool {
        self.words.iter().any(|word| **word == *printed)
    }
}

/// Whether a name is one that a document has room for.
fn is_comparable(name: &str) -> bool {
    name.chars().count() <= LONGEST_NAME && words_in(name).count() <= MOST_WORDS
}

/// All that may be printed for a word, as far as a recogniser can read it.
fn prints_of(word: &str, transliterated: bool) -> Vec<Zeroizing<Vec<char>>> {
    let mut prints: Vec<Zeroizing<Vec<char>>> = spellings(word);
    if transliterated {
        prints = prints.iter().flat_map(|spelling| prints_of_transliterated(spelling)).collect();
    }
    prints.retain(|print| !print.is_empty());
    prints
}

fn words_in(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| !c.is_alphabetic() && c != '\'' && c != '’').filter(|word| !word.is_empty())
}

/// Looks for the words of a name on the whole front, unless the front's own label names another in its place: that differs
/// even where the encoded name stands elsewhere, as a street may.
fn compare_name(front: &VisualFields, encoded: &str, known: &KnownNames, labelled: Option<&Personal<String>>) -> Found {
    if !is_comparable(encoded) {
        return Found::nothing();
    }
    let encoded: Vec<&str> = words_in(encoded).collect();
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
    if let Some(other) = labelled.filter(|other| !shares_a_word(other.reveal(), &encoded, known)) {
        return Found { printed: Some(other.clone()), result: Agreement::Differs };
    }
    let (mut printed, mut result) = (Vec::new(), Agreement::Agrees);
    for word in encoded {
        match altered(&own, word, known).map_or_else(|| find(&words, word, known), WordMatch::Similar) {
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

/// The word among the front's own names that is the encoded one but for a character or so, which may be one more or one
/// less; `None` when the names hold the encoded one itself. A front's names stand in its lines of names: that the encoded
/// word stands elsewhere as well, in a signature or a street, does not make up for another one there.
fn altered(own: &[PrintedWord], encoded: &str, known: &KnownNames) -> Option<Personal<String>> {
    let values = known.prints_of(encoded);
    let is_same = |value: &[char]| own.iter().filter_map(|word| distance(&word.glyphs, value)).any(Distance::is_same);
    // Whole words only: the encoded one inside a longer one is another name as well. That a barcode too writes two letters
    // for one is no alteration, if no agreement either.
    if prints_of(encoded, true).iter().any(|value| is_same(value)) {
        return None;
    }
    let alike = |value: &[char], word: &PrintedWord| {
        let printed = word.characters();
        // Particles and initials are like too much.
        if printed.len().min(value.len()) < SIMILAR_SHARE {
            return None;
        }
        let is_altered = match distance(&word.glyphs, value) {
            Some(distance) => distance.different > 0 && distance.different * SIMILAR_SHARE <= value.len(),
            // Another of the holder's names, and an initial that the code leaves out, are no alteration of this one.
            None if known.hold(&printed) || known.may_have_initial && printed.starts_with(value) => false,
            None => is_one_more(&printed, value) && !holds_beside_others(word, value, known),
        };
        is_altered.then(|| said(&word.glyphs))
    };
    values.iter().find_map(|value| own.iter().find_map(|word| alike(value, word)))
}

/// Whether a printed name has a letter more or less than the encoded one that no recogniser adds or loses by itself.
fn is_one_more(printed: &[char], value: &[char]) -> bool {
    let apart = value.strip_suffix(printed);
    match one_more(printed, value) {
        // The O of O'BRIEN, printed apart, may be a line of its own, and read as a digit.
        Some(_) if apart.is_some_and(|letter| PARTICLES.contains(&letter)) => false,
        Some(OneMore::Another) => true,
        // Narrow letters are lost, and never added.
        Some(OneMore::Narrow) => printed.len() > value.len(),
        Some(OneMore::Repeats) | None => false,
    }
}

/// Whether a printed word is the encoded one glued to others that are known, however short it is.
fn holds_beside_others(word: &PrintedWord, value: &[char], known: &KnownNames) -> bool {
    word.glyphs.windows(value.len().max(1)).enumerate().any(|(at, window)| {
        distance(window, value).is_some_and(Distance::is_same) && word.is_explained(known, at, value.len())
    })
}

/// Whether a labelled name holds any of the encoded words, be it misread.
fn shares_a_word(labelled: &str, encoded: &[&str], known: &KnownNames) -> bool {
    let words = words_of(labelled, 1.0);
    encoded.iter().any(|word| !matches!(find(&words, word, known), WordMatch::Nowhere))
}

/// A printed word in one of its spellings.
struct PrintedWord {
    glyphs: Glyphs,
    /// Whether half of its letters or more are small ones.
    is_small: bool,
    /// What of it the names explain that it is compared with.
    explained: OnceCell<Explained>,
}

impl PrintedWord {
    /// Whether what stands beside a stretch of it is explained by the holder's other names. Always asked about the same names.
    fn is_explained(&self, known: &KnownNames, at: usize, length: usize) -> bool {
        let explained = self.explained.get_or_init(|| known.explain(&self.characters()));
        explained.ahead[at] && explained.behind[at + length]
    }

    fn characters(&self) -> Zeroizing<Vec<char>> {
        characters_of(self.glyphs.iter().map(|glyph| glyph.character), self.glyphs.len())
    }
}

/// The stretches of a printed word that may be the encoded one, be it misread, and where they begin: nothing may stand beside
/// them that would make them part of another name. A name that was cut off may go on.
fn stretches(word: &PrintedWord, value: &[char], known: &KnownNames) -> impl Iterator<Item = (Distance, usize)> {
    let length = value.len();
    let windows = word.glyphs.windows(length.max(1)).enumerate();
    windows.filter_map(move |(at, window)| {
        let distance = distance(window, value)?;
        let is_close = (distance.different + distance.alike_but_certain) * SIMILAR_SHARE <= length;
        // What stands beside it is asked last, because that costs most.
        let stands_alone =
            || at == 0 && word.glyphs.len() == length || length >= MIN_INSIDE && word.is_explained(known, at, length);
        (is_close && stands_alone()).then_some((distance, at))
    })
}

/// Every run of letters on the front, without the words of the form itself.
fn printed_words<'a>(lines: impl Iterator<Item = &'a TextLine>) -> Vec<PrintedWord> {
    lines.flat_map(|line| words_of(line.text.reveal(), line.confidence)).collect()
}

/// A digit inside a run of letters may be a misread letter, so that runs of letters and digits count too. So does a particle
/// together with the run behind it, as an apostrophe may be read as a blank or printed as one.
fn words_of(text: &str, confidence: f32) -> Vec<PrintedWord> {
    let mut words = Vec::new();
    let runs = || text.split(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '’')).filter(|run| !run.is_empty());
    let is_particle = |run: &str| run.chars().count() <= LONGEST_PARTICLE && run.chars().all(char::is_alphabetic);
    let joined = runs().zip(runs().skip(1)).filter(|(first, _)| is_particle(first));
    let joined: Vec<Personal<String>> = joined.map(|(first, next)| Personal::new([first, next].concat())).collect();
    let joined = joined.iter().map(|run| run.reveal().as_str());
    for run in runs().chain(joined).filter(|run| run.chars().count() <= LONGEST_RUN) {
        let small = run.chars().filter(|c| c.is_lowercase()).count();
        let is_small = 2 * small >= run.chars().filter(|c| c.is_alphabetic()).count();
        let run = text_of(capitals(run).iter().copied(), run.len());
        let letters = run.reveal().trim_matches(|c: char| !c.is_alphabetic());
        let pieces = [letters].into_iter().chain(letters.split(|c: char| c.is_ascii_digit()).filter(|p| *p != letters));
        for piece in pieces.filter(|piece| piece.chars().any(char::is_alphabetic)) {
            for spelling in spellings(piece) {
                let word = text_of(spelling.iter().copied(), spelling.len());
                if !spelling.is_empty() && !is_vocabulary(word.reveal()) {
                    words.push(PrintedWord {
                        glyphs: glyphs_of(&spelling, confidence),
                        is_small,
                        explained: OnceCell::new(),
                    });
                }
            }
        }
    }
    words
}

fn find(words: &[PrintedWord], encoded: &str, known: &KnownNames) -> WordMatch {
    let mut similar: Option<(usize, Personal<String>)> = None;
    for value in known.prints_of(encoded) {
        for word in words {
            let Some((distance, at)) = stretches(word, &value, known).min() else { continue };
            let text = said(&word.glyphs[at..at + value.len()]);
            if distance.is_same() {
                return WordMatch::Same(text);
            }
            let changed = distance.different + distance.alike_but_certain;
            let close = distance.different > 0 && (word.glyphs.len() == value.len() || !known.hold(&word.characters()));
            if close && similar.as_ref().is_none_or(|(least, _)| changed < *least) {
                similar = Some((changed, text));
            }
        }
    }
    similar.map_or(WordMatch::Nowhere, |(_, text)| WordMatch::Similar(text))
}
