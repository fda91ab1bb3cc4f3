//! The words by which fronts label their fields, tolerant of look-alike characters.

use zeroize::Zeroizing;

use crate::privacy::characters_of;

/// What follows a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LabelKind {
    Birth,
    Expiry,
    /// Day of issue, or any other that is neither birth nor expiry.
    Issue,
    Number,
    /// Document discriminator: a long number that identifies the card and not the licence.
    Discriminator,
    Name,
}

/// A line that a bare field number labels holds no more characters than this.
const MAX_BARE: usize = 6;

/// Keywords, without blanks and punctuation; look-alikes are folded before they are compared. Longer ones come first where
/// one holds another.
const KEYWORDS: [(&str, LabelKind); 45] = [
    ("DOB", LabelKind::Birth),
    ("OOB", LabelKind::Birth),
    ("BIRT", LabelKind::Birth),
    ("NAISS", LabelKind::Birth),
    ("GEBURT", LabelKind::Birth),
    ("NACIMI", LabelKind::Birth),
    ("EXP", LabelKind::Expiry),
    ("XP", LabelKind::Expiry),
    ("4B", LabelKind::Expiry),
    ("VALIDUNTIL", LabelKind::Expiry),
    ("VALIDTHRU", LabelKind::Expiry),
    ("GULTIGBIS", LabelKind::Expiry),
    ("ISSUED", LabelKind::Issue),
    ("ISSUE", LabelKind::Issue),
    ("ISS", LabelKind::Issue),
    ("4A", LabelKind::Issue),
    ("REV", LabelKind::Issue),
    ("DELIVR", LabelKind::Issue),
    // "Under 21 until": the day on which the holder comes of age.
    ("UNTIL", LabelKind::Issue),
    ("UNDER", LabelKind::Issue),
    ("TURNS", LabelKind::Issue),
    ("5DD", LabelKind::Discriminator),
    ("AUDIT", LabelKind::Discriminator),
    ("INVENTORY", LabelKind::Discriminator),
    ("4D", LabelKind::Number),
    ("DLNO", LabelKind::Number),
    ("DLN", LabelKind::Number),
    ("DL#", LabelKind::Number),
    ("IDNO", LabelKind::Number),
    ("IDN", LabelKind::Number),
    ("IDNUMBER", LabelKind::Number),
    ("LICENSENO", LabelKind::Number),
    ("LICENCENO", LabelKind::Number),
    ("LICENSEID", LabelKind::Number),
    ("LICNO", LabelKind::Number),
    ("LIC#", LabelKind::Number),
    ("NUMBER", LabelKind::Number),
    ("IDENTIFIER", LabelKind::Number),
    ("CARDNO", LabelKind::Number),
    ("DOCUMENTNO", LabelKind::Number),
    ("PASSPORTNO", LabelKind::Number),
    ("SURNAME", LabelKind::Name),
    ("FAMILYNAME", LabelKind::Name),
    ("LASTNAME", LabelKind::Name),
    ("GIVENNA", LabelKind::Name),
];

/// Upper case, with characters that print alike made the same.
pub(super) fn fold(character: char) -> char {
    match character.to_ascii_uppercase() {
        '0' | 'Q' => 'O',
        '1' | 'L' | '|' => 'I',
        '2' => 'Z',
        '5' => 'S',
        '8' => 'B',
        'Ü' | 'ü' => 'U',
        'É' | 'é' | 'È' | 'è' => 'E',
        other => other,
    }
}

/// Letters, digits and `#` of a text, folded, and which of them were read as letters.
struct Folded {
    characters: Zeroizing<Vec<char>>,
    is_letter: Vec<bool>,
}

impl Folded {
    fn new(text: &str) -> Self {
        let kept = || text.chars().filter(|c| c.is_alphanumeric() || *c == '#');
        Self {
            characters: characters_of(kept().map(fold), text.len()),
            is_letter: kept().map(char::is_alphabetic).collect(),
        }
    }
}

/// The label that ends last in a text: the one that a value after the text belongs to.
pub(super) fn last_label(text: &str) -> Option<LabelKind> {
    let folded = Folded::new(text);
    if matches!(folded.characters.as_slice(), ['3']) {
        return Some(LabelKind::Birth);
    }
    let ends =
        KEYWORDS.iter().filter_map(|&(keyword, kind)| Some((end_of_last(&folded, keyword)?, keyword.len(), kind)));
    ends.max_by_key(|&(end, length, _)| (end, length)).map(|(.., kind)| kind)
}

/// Whether a text is or holds a label of some kind.
pub(super) fn has_label(text: &str, wanted: LabelKind) -> bool {
    let folded = Folded::new(text);
    KEYWORDS.iter().any(|&(keyword, kind)| kind == wanted && end_of_last(&folded, keyword).is_some())
}

fn end_of_last(text: &Folded, keyword: &str) -> Option<usize> {
    let keyword: Vec<char> = keyword.chars().map(fold).collect();
    let Folded { characters: text, is_letter } = text;
    let start = text.windows(keyword.len()).rposition(|window| window == keyword)?;
    // Digits alone are a number, however much they look like a word.
    if !is_letter[start..start + keyword.len()].contains(&true) {
        return None;
    }
    // "COMMISSIONER" and "MISSOURI" are no dates of issue.
    let inside_word = start > 0 && text[start - 1] == 'M' && keyword.starts_with(&['I', 'S', 'S']);
    // A bare field number stands alone: "4b", and not inside a number or before a street.
    let bare = keyword[0].is_ascii_digit();
    let stands_alone = start == 0 && text.len() <= MAX_BARE && is_letter.contains(&true);
    (!inside_word && (!bare || stands_alone)).then_some(start + keyword.len())
}

/// How many characters of a token are a label that is glued to the value behind it.
pub(in crate::document) fn glued_number_label(token: &[char]) -> usize {
    const PREFIXES: [&str; 16] = [
        "LICENSENO",
        "LICENCENO",
        "LICENSE#",
        "LICNO",
        "LIC#",
        "LIC",
        "DLNO",
        "DLN",
        "DL#",
        "DNO",
        "ONO",
        "IDNO",
        "IDN",
        "4D",
        "DL",
        "ID",
    ];
    let matches = |prefix: &str| {
        prefix.chars().count() < token.len() && prefix.chars().zip(token).all(|(a, b)| fold(a) == fold(*b))
    };
    // A prefix of letters must show at least one letter: "00123" does not begin with "DL".
    let shown = |prefix: &str| token[..prefix.chars().count()].iter().any(char::is_ascii_alphabetic);
    PREFIXES
        .iter()
        .filter(|prefix| matches(prefix) && shown(prefix))
        .map(|prefix| prefix.chars().count())
        .max()
        .unwrap_or(0)
}

/// Words that are printed on fronts and are nobody's name.
const VOCABULARY: &str = "\
    DOB FN LN EXP EXPIRES EXPIRATION ISS ISSUED ISSUE DATE BIRTH SEX HGT HT WGT WT EYES EYE HAIR CLASS END ENDL \
    ENDORSEMENTS REST RESTR RES RESTRICTIONS NONE DL DLN DLNO ID IDN LIC LICENSE LICENCE DRIVER DRIVERS \
    DRIVERLICENSE DRIVERSLICENSE IDENTIFICATION CARD NUMBER NO USA STATE VETERAN DONOR ORGAN ORGANDONOR DD REV \
    NAME NAMES FIRST LAST FAMILY GIVEN ADDRESS GOVERNOR COMMISSIONER SECRETARY OF THE NOT FOR FEDERAL LIMITS \
    APPLY LIMITED TERM PURPOSES ONLY HEIGHT WEIGHT CUSTOMER IDENTIFIER CLASSIFICATIONS PARISH OFFICE AUDIT \
    RACE TYPE DUPS OPERATOR OPERATORLICENSE BRO BLU GRN HAZ BLK BRN GRY LB LBS FT IN CM KG SURNAME PASSPORT \
    COUNTRY";

/// Letters of its longest word, at most.
pub(in crate::document) const LONGEST_VOCABULARY: usize = 16;

/// Whether an upper-case word belongs to the form and not to the holder.
pub(in crate::document) fn is_vocabulary(word: &str) -> bool {
    VOCABULARY.split_ascii_whitespace().any(|known| known == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_of_the_form_is_longer_than_is_looked_for() {
        assert!(VOCABULARY.split_ascii_whitespace().all(|word| word.len() <= LONGEST_VOCABULARY));
    }

    #[test]
    fn the_last_label_of_a_text_counts() {
        assert_eq!(last_label("Date of expiry/Date d'expiration"), Some(LabelKind::Expiry));
        assert_eq!(last_label("Date of birth/Date de naissance"), Some(LabelKind::Birth));
        assert_eq!(last_label("3 D0B 01/02/1980 4b EXP"), Some(LabelKind::Expiry));
        assert_eq!(last_label("COMMISSIONER"), None);
    }
}
