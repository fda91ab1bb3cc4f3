//! What stands above the fields: the title in the model's languages, and whose card it is.

use crate::privacy::{Personal, text_of};

/// "Driving licence" in the languages of Directive 2006/126/EC, annex I, and in Norwegian, as capital letters without
/// diacritics (with German's both ways). The Greek and Bulgarian titles are beyond the characters that are recognised.
const TITLES: [&str; 24] = [
    "DRIVINGLICENCE",
    "PERMISDECONDUIRE",
    "FUHRERSCHEIN",
    "FUEHRERSCHEIN",
    "PERMISODECONDUCCION",
    "RIDICSKYPRUKAZ",
    "KOREKORT",
    "JUHILUBA",
    "CEADUNASTIOMANA",
    "VOZACKADOZVOLA",
    "PATENTEDIGUIDA",
    "VADITAJAAPLIECIBA",
    "VAIRUOTOJOPAZYMEJIMAS",
    "VEZETOIENGEDELY",
    "LICENZJATASSEWQAN",
    "RIJBEWIJS",
    "PRAWOJAZDY",
    "CARTADECONDUCAO",
    "PERMISDECONDUCERE",
    "VODICSKYPREUKAZ",
    "VOZNISKODOVOLJENJE",
    "AJOKORTTI",
    "KORKORT",
    "FORERKORT",
];

/// Names of states as their own cards print them, in the same form.
const STATES: [(&str, &str); 18] = [
    ("DEUTSCHLAND", "D"),
    ("OSTERREICH", "AUT"),
    ("OESTERREICH", "AUT"),
    ("FRANCAISE", "FRA"),
    ("NEDERLANDEN", "NLD"),
    ("ESPANA", "ESP"),
    ("ITALIANA", "ITA"),
    ("POLSKA", "POL"),
    ("PORTUGUESA", "PRT"),
    ("SVERIGE", "SWE"),
    ("SUOMI", "FIN"),
    ("DANMARK", "DNK"),
    ("NORGE", "NOR"),
    ("EIRE", "IRL"),
    ("BELGIQUE", "BEL"),
    ("CESKAREPUBLIKA", "CZE"),
    ("SLOVENSKAREPUBLIKA", "SVK"),
    ("ROMANIA", "ROU"),
];

/// Authorities (field 4c) that are known by their letters: the United Kingdom's card names the state nowhere else.
const AUTHORITIES: [(&str, &str); 2] = [("DVLA", "GBR"), ("DVA", "GBR")];

/// Titles that only American fronts have. Those of Quebec are called "permis de conduire" too.
const AMERICAN_TITLES: [&str; 2] = ["DRIVERLICENSE", "DRIVERSLICENCE"];
/// Names that a front has of its own place where it is American: elsewhere they are where its holder was born or lives.
const AMERICAN_PLACES: [&str; 3] = ["USA", "CANADA", "QUEBEC"];

/// One character in so many may be misread in a title.
const LETTERS_A_MISTAKE: usize = 8;

/// Whether a heading has the title of the model.
pub(super) fn is_european(heading: &[&str]) -> bool {
    heading.iter().any(|line| {
        let line = plain(line);
        TITLES.iter().any(|title| holds(line.reveal(), title))
    })
}

/// Whether a card says that it is American: by a title anywhere, or a place in a line that is no field's.
pub(super) fn is_american(all: &[&str], outside_of_fields: &[&str]) -> bool {
    let has_title = |line: &&str| AMERICAN_TITLES.iter().any(|title| plain(line).reveal().contains(title));
    let names_place =
        |line: &&str| line.split_whitespace().map(plain).any(|word| AMERICAN_PLACES.contains(&word.reveal().as_str()));
    all.iter().any(has_title) || outside_of_fields.iter().any(names_place)
}

/// The issuing state by ICAO's letters (Doc 9303-3, section 5; Germany's is a single D), where the card tells.
pub(super) fn country(heading: &[&str], authority: Option<&str>) -> Option<&'static str> {
    let authority = plain(authority.unwrap_or_default());
    let known = AUTHORITIES.iter().find(|(name, _)| authority.reveal() == *name);
    let named = || {
        let lines: Vec<Personal<String>> = heading.iter().map(|line| plain(line)).collect();
        STATES.iter().find(|(name, _)| lines.iter().any(|line| line.reveal().contains(name)))
    };
    known.or_else(named).map(|(_, code)| *code)
}

/// Capital letters alone, without diacritics.
fn plain(text: &str) -> Personal<String> {
    let letter = |character: char| match character {
        'Á' | 'À' | 'Â' | 'Ã' | 'Ä' | 'Å' | 'Ā' | 'Ą' => 'A',
        'Ç' | 'Č' | 'Ć' | 'Ċ' => 'C',
        'É' | 'È' | 'Ê' | 'Ë' | 'Ē' | 'Ę' | 'Ė' | 'Ě' => 'E',
        'Í' | 'Ì' | 'Î' | 'Ï' | 'Ī' => 'I',
        'Ñ' | 'Ń' => 'N',
        'Ó' | 'Ò' | 'Ô' | 'Õ' | 'Ö' | 'Ø' | 'Ő' | '0' => 'O',
        'Ř' => 'R',
        'Š' | 'Ś' => 'S',
        'Ú' | 'Ù' | 'Û' | 'Ü' | 'Ů' | 'Ű' => 'U',
        'Ý' => 'Y',
        'Ž' | 'Ż' | 'Ź' => 'Z',
        other => other,
    };
    let upper = text.chars().flat_map(char::to_uppercase).map(letter);
    text_of(upper.filter(char::is_ascii_uppercase), 3 * text.len())
}

/// Whether a line holds a title, but for a misread letter or two.
fn holds(line: &str, title: &str) -> bool {
    let allowed = title.len() / LETTERS_A_MISTAKE;
    line.as_bytes().windows(title.len()).any(|window| {
        let mistakes = window.iter().zip(title.bytes()).filter(|(read, wanted)| **read != *wanted).count();
        mistakes <= allowed
    })
}
