//! How alike two readings are, given what a recogniser confuses and how documents transliterate.
//!
//! Always holds: letters and digits only take part, in upper case. Sources: ICAO Doc 9303 part 3, section 6.A, for the
//! transliteration of Latin letters. Does not decide what a difference means.

use zeroize::{Zeroize, Zeroizing};

use crate::privacy::{Personal, characters_of, text_of};

/// Whether two characters print so alike that a recogniser takes one for the other. Every class that is added here hides
/// an alteration: only those are in it of which the one cannot be told from the other in most print.
pub(super) fn is_confusable(a: char, b: char) -> bool {
    const CLASSES: [[char; 2]; 4] = [['0', 'O'], ['1', 'I'], ['5', 'S'], ['8', 'B']];
    CLASSES.iter().any(|class| class.contains(&a) && class.contains(&b))
}

/// The characters of a text in upper case. A small `l` or a bar among capitals and digits is a capital I: in most fonts of
/// documents nothing tells them apart but what stands beside them.
pub(super) fn capitals(text: &str) -> Zeroizing<Vec<char>> {
    let is_upright = |c: char| matches!(c, 'l' | '|');
    let word_ends = |c: &char| !c.is_alphanumeric() && !is_upright(*c);
    let mut all = characters_of(text.chars(), text.len());
    for word in all.split_mut(word_ends) {
        let capital = word.iter().any(|c| !is_upright(*c)) && !word.iter().any(|c| c.is_lowercase() && !is_upright(*c));
        for c in word {
            *c = if capital && is_upright(*c) { 'I' } else { c.to_ascii_uppercase() };
        }
    }
    all
}

/// A character that was read, in upper case, with its confidence.
#[derive(Clone, Copy, Zeroize)]
pub(super) struct Glyph {
    pub character: char,
    pub confidence: f32,
}

/// A stretch of print.
pub(super) type Glyphs = Zeroizing<Vec<Glyph>>;

/// A stretch of print whose characters were read with the same confidence.
pub(super) fn glyphs_of(characters: &[char], confidence: f32) -> Glyphs {
    // Of known length, so that the buffer never moves.
    Zeroizing::new(characters.iter().map(|&character| Glyph { character, confidence }).collect())
}

/// What a stretch of print says.
pub(super) fn said(glyphs: &[Glyph]) -> Personal<String> {
    text_of(glyphs.iter().map(|glyph| glyph.character), glyphs.len())
}

/// How a stretch of a text compares with a value of the same length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Distance {
    /// Characters that differ and cannot be taken for each other.
    pub different: usize,
    /// Characters that differ within one class of look-alikes, though they were read with certainty.
    pub alike_but_certain: usize,
    /// Characters that differ within one class of look-alikes and were not certain.
    pub alike: usize,
}

/// Below this a character was not read with certainty.
const CERTAIN: f32 = 0.95;

impl Distance {
    pub fn is_same(self) -> bool {
        self.different == 0 && self.alike_but_certain == 0
    }
}

/// Compares characters one by one; `None` when the lengths differ.
pub(super) fn distance(read: &[Glyph], value: &[char]) -> Option<Distance> {
    if read.len() != value.len() {
        return None;
    }
    let mut distance = Distance { different: 0, alike_but_certain: 0, alike: 0 };
    for (glyph, &character) in read.iter().zip(value).filter(|(glyph, character)| glyph.character != **character) {
        match (is_confusable(glyph.character, character), glyph.confidence < CERTAIN) {
            (false, _) => distance.different += 1,
            (true, false) => distance.alike_but_certain += 1,
            (true, true) => distance.alike += 1,
        }
    }
    Some(distance)
}

/// The nearest stretch of `read` that is as long as `value`, and where it begins.
pub(super) fn nearest(read: &[Glyph], value: &[char]) -> Option<(Distance, usize)> {
    let windows = read.windows(value.len().max(1)).enumerate();
    windows.filter_map(|(at, window)| Some((distance(window, value)?, at))).min()
}

/// What one character more amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OneMore {
    /// It is like one of its neighbours: a recogniser loses one of two like characters, and doubles them.
    Repeats,
    /// It is an upright stroke, which a recogniser may lose between wide characters.
    Narrow,
    /// It is another one: a recogniser seldom loses or adds such.
    Another,
}

/// Whether one of two texts is the other with one character more, and which.
pub(super) fn one_more(a: &[char], b: &[char]) -> Option<OneMore> {
    let (longer, shorter) = if a.len() > b.len() { (a, b) } else { (b, a) };
    if longer.len() != shorter.len() + 1 {
        return None;
    }
    let alike = |a: char, b: char| a == b || is_confusable(a, b);
    let all_alike = |a: &[char], b: &[char]| a.iter().zip(b).all(|(&a, &b)| alike(a, b));
    let added = (0..longer.len())
        .find(|&at| all_alike(&longer[..at], shorter) && all_alike(&longer[at + 1..], &shorter[at..]))?;
    let mut beside = [added.checked_sub(1), Some(added + 1)].into_iter().flatten().filter_map(|near| longer.get(near));
    let repeats = beside.any(|&near| alike(near, longer[added]));
    Some(match longer[added] {
        _ if repeats => OneMore::Repeats,
        '1' | 'I' => OneMore::Narrow,
        _ => OneMore::Another,
    })
}

/// The spellings of one upper-case word without diacritics: as the machine-readable zone writes it, and plain.
pub(super) fn spellings(word: &str) -> Vec<Zeroizing<Vec<char>>> {
    // Long enough for every transliteration, so that no spelling ever moves.
    let longest = 2 * word.len();
    let mut spellings = vec![characters_of([], longest)];
    for character in word.chars() {
        let options = transliterations(character);
        // The official spelling and the plain one: not every mixture of the two.
        if options.len() > 1 && spellings.len() == 1 {
            spellings.push(characters_of(spellings[0].iter().copied(), longest));
        }
        let last = options.len() - 1;
        for (index, spelling) in spellings.iter_mut().enumerate() {
            spelling.extend(options[index.min(last)].chars());
        }
    }
    spellings.dedup();
    spellings
}

/// What a machine-readable zone writes for one printed letter (Doc 9303 part 3, section 6.A), and the plain letter for which
/// a recogniser takes the printed one.
const WRITTEN_FOR_ONE: [(&str, char); 9] = [
    ("AE", 'A'),
    ("AA", 'A'),
    ("OE", 'O'),
    ("UE", 'U'),
    ("UXX", 'U'),
    ("NXX", 'N'),
    ("SS", 'B'),
    ("IJ", 'Y'),
    ("TH", 'P'),
];
/// Places of a word where such a letter may have been, at most: every choice among them is one spelling.
const MOST_PLACES: usize = 4;

/// What may be printed, as far as a recogniser can read it, for a word of a machine-readable zone: itself, and with plain
/// letters where the zone may have written two or three for one with a diacritic. `MUELLER` is printed `MÜLLER` and read
/// `MULLER`.
pub(super) fn prints_of_transliterated(word: &[char]) -> Vec<Zeroizing<Vec<char>>> {
    // Each with the place up to which nothing of it was shortened.
    let mut prints = vec![(characters_of(word.iter().copied(), word.len()), word.len())];
    let mut places = 0;
    // From the end, so that a place that was shortened does not move those yet to come.
    for at in (0..word.len()).rev() {
        let written = |(letters, _): &&(&str, char)| {
            word[at..].iter().copied().zip(letters.chars()).filter(|(a, b)| a == b).count() == letters.len()
        };
        let Some((letters, plain)) = WRITTEN_FOR_ONE.iter().find(written) else { continue };
        if places == MOST_PLACES {
            break;
        }
        places += 1;
        let shortened: Vec<_> = prints
            .iter()
            .filter(|(_, whole)| at + letters.len() <= *whole)
            .map(|(print, _)| {
                let behind = print[at + letters.len()..].iter().copied();
                let ahead = print[..at].iter().copied();
                (characters_of(ahead.chain([*plain]).chain(behind), print.len()), at)
            })
            .collect();
        prints.extend(shortened);
    }
    prints.into_iter().map(|(print, _)| print).collect()
}

/// Letters and digits of a text as a machine-readable zone writes them: upper case, A–Z and 0–9, nothing between them.
/// Letters that Doc 9303 does not transliterate from Latin ones are left out.
pub(crate) fn transliterated(text: &str) -> Zeroizing<String> {
    // Long enough for every transliteration, so that the text never moves and leaves a copy behind.
    let mut plain = Zeroizing::new(String::with_capacity(text.len() * 2));
    for character in text.chars() {
        match transliterations(character).first() {
            Some(official) if official.bytes().all(|byte| byte.is_ascii_alphanumeric()) => plain.push_str(official),
            Some(_) | None => {}
        }
    }
    plain
}

/// What stands for a letter in A–Z and 0–9: first by Doc 9303, then without its diacritic. Anything else stands for nothing.
fn transliterations(character: char) -> Vec<String> {
    let upper: String = character.to_uppercase().collect();
    let of = |options: &[&str]| options.iter().map(|&option| option.to_owned()).collect();
    match upper.as_str() {
        "Ä" | "Æ" => of(&["AE", "A"]),
        "Å" => of(&["AA", "A"]),
        "Ö" | "Ø" | "Œ" => of(&["OE", "O"]),
        "Ü" => of(&["UE", "U"]),
        "Ñ" | "Ń" | "Ň" => of(&["N"]),
        "ẞ" => of(&["SS"]),
        "Þ" => of(&["TH"]),
        "Á" | "À" | "Â" | "Ã" | "Ā" | "Ă" | "Ą" => of(&["A"]),
        "Ç" | "Ć" | "Č" => of(&["C"]),
        "Ď" | "Đ" | "Ð" => of(&["D"]),
        "É" | "È" | "Ê" | "Ë" | "Ē" | "Ė" | "Ę" | "Ě" => of(&["E"]),
        "Ğ" => of(&["G"]),
        "Í" | "Ì" | "Î" | "Ï" | "Ī" | "İ" => of(&["I"]),
        "Ł" => of(&["L"]),
        "Ó" | "Ò" | "Ô" | "Õ" | "Ō" => of(&["O"]),
        "Ř" => of(&["R"]),
        "Ś" | "Š" | "Ş" | "Ș" => of(&["S"]),
        "Ţ" | "Ț" | "Ť" => of(&["T"]),
        "Ú" | "Ù" | "Û" | "Ū" | "Ů" => of(&["U"]),
        "Ý" => of(&["Y"]),
        "Ź" | "Ż" | "Ž" => of(&["Z"]),
        _ => vec![upper.chars().filter(char::is_ascii_alphanumeric).collect()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glyphs(text: &str, confidence: f32) -> Glyphs {
        glyphs_of(&text.chars().collect::<Vec<_>>(), confidence)
    }

    #[test]
    fn a_look_alike_counts_by_how_certain_it_was() {
        let value: Vec<char> = "A100".chars().collect();
        assert!(distance(&glyphs("A1O0", 0.7), &value).unwrap().is_same());
        assert!(!distance(&glyphs("A1O0", 0.99), &value).unwrap().is_same());
        assert!(!distance(&glyphs("A170", 0.3), &value).unwrap().is_same());
    }

    #[test]
    fn a_small_l_among_capitals_is_a_capital_i() {
        let read = |text: &str| capitals(text).iter().collect::<String>();
        assert_eq!(
            (read("MlLLER"), read("Miller"), read("JOHN l")),
            ("MILLER".into(), "MILLER".into(), "JOHN L".into())
        );
        assert_eq!((read("l23"), read("Hall, Paul")), ("I23".into(), "HALL, PAUL".into()));
    }

    #[test]
    fn a_character_more_counts_unless_it_repeats_its_neighbour() {
        let more = |a: &str, b: &str| one_more(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>());
        for (a, b) in [("E1234567", "E123456"), ("1234567", "E1234567"), ("E1234", "E134"), ("A", "")] {
            assert_eq!(more(a, b), Some(OneMore::Another), "{a} {b}");
        }
        assert_eq!((more("E213", "E23"), more("JULA", "JULIA")), (Some(OneMore::Narrow), Some(OneMore::Narrow)));
        assert_eq!((more("E1123", "E123"), more("E012", "E0O12")), (Some(OneMore::Repeats), Some(OneMore::Repeats)));
        for (a, b) in [("E123", "E123"), ("E1234567", "E12345"), ("E1234567", "E123457X")] {
            assert_eq!(more(a, b), None, "{a} {b}");
        }
    }

    #[test]
    fn both_spellings_of_a_letter_with_a_diacritic_are_known() {
        let spelled =
            |word: &str| spellings(word).iter().map(|word| word.iter().collect::<String>()).collect::<Vec<_>>();
        assert_eq!(spelled("Müller"), ["MUELLER", "MULLER"]);
        assert_eq!(spelled("GARCÍA"), ["GARCIA"]);
        assert_eq!(spelled("O'BRIEN"), ["OBRIEN"]);
    }
}
