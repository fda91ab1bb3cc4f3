//! Which characters rest on the print alone, and whether they were read with certainty.
//!
//! A check digit vouches for what it covers, though not against every confusion: it is a sum modulo 10 in which A–Z count
//! as 10–35 (Doc 9303 part 3, section 4.9), so that `6` and `G`, `8` and `S`, `1` and `L` or `5` and `Z` weigh the same.
//! For names, nationality, issuer, sex and the optional data of visas nothing vouches at all. Always holds: a place is
//! doubtful only if no check digit can tell its character from what else may have been printed there. Does not change a
//! character, and does not decide what a doubt means.

use super::check_digit::value;
use super::layout::{Class, MrzFormat, Span};
use super::repair::look_alikes;
use crate::document::read_text::{Candidate, Candidates};

/// Up to this probability a character that rests on the print alone is doubtful. Little of what is missing to 1 says
/// anything: a recogniser of all text gives it to blanks and to characters that no zone has.
const UNCERTAIN: f32 = 0.5;
/// From this share of its probability on, another character that fits makes a place doubtful. Chosen with the value above
/// on rendered zones (`tests/mrz_views.rs`, seeds below 100), so that no wrong zone was without a doubt.
const RIVAL: f32 = 0.25;
/// The second character of the document code is a filler unless the issuer has a use for it (Doc 9303 parts 4 to 7): a
/// letter there needs more than this.
const UNCERTAIN_CODE: f32 = 0.8;

/// A place in a zone: line and column, from 0.
pub type Place = (usize, usize);

/// The doubtful places of `lines`, given what was read for each place, in reading order.
#[must_use]
pub fn doubtful_places<Line: AsRef<str>>(format: MrzFormat, read: &[Vec<Candidates>], lines: &[Line]) -> Vec<Place> {
    let mut places = Vec::new();
    for (index, (candidates, line)) in read.iter().zip(lines).enumerate() {
        let (classes, covered) = (format.classes(index), covered(format, index));
        let line = line.as_ref().as_bytes();
        // Fillers that end a line are implied by its length.
        let end = line.iter().rposition(|&c| c != b'<').map_or(0, |last| last + 1);
        for (column, (&character, candidates)) in line.iter().zip(candidates).enumerate().take(end) {
            if (index, column) == (0, 1) && character != b'<' {
                let own = candidates.iter().find(|(c, _)| *c == char::from(character)).map_or(0.0, |(_, p)| *p);
                places.extend((own <= UNCERTAIN_CODE).then_some((index, column)));
                continue;
            }
            let doubtful = if (index, column) == (0, 0) {
                // No other letter is printed there that looks like it, and no document of the format begins otherwise.
                !format.begins_with(char::from(character))
            } else {
                is_doubtful(char::from(character), candidates, classes[column], covered[column])
            };
            places.extend(doubtful.then_some((index, column)));
        }
    }
    places
}

fn is_doubtful(chosen: char, candidates: &[Candidate], class: Class, covered: bool) -> bool {
    let stands_for_chosen =
        |read: char| read == chosen || !class.admits(read) && look_alikes(read).any(|character| character == chosen);
    let probability = |wanted: &dyn Fn(char) -> bool| {
        candidates.iter().filter(|(c, _)| wanted(*c)).map(|(_, probability)| *probability).fold(0.0, f32::max)
    };
    let rival = probability(&|read| {
        !stands_for_chosen(read) && class.admits(read) && (!covered || weighs_the_same(read, chosen))
    });
    let own = probability(&stands_for_chosen);
    rival >= RIVAL * own && rival > 0.0 || !covered && own <= UNCERTAIN
}

fn weighs_the_same(a: char, b: char) -> bool {
    let weight = |c: char| u8::try_from(c).ok().and_then(value).map(|value| value % 10);
    weight(a) == weight(b)
}

/// Which columns of a line a check digit covers, the digits themselves included.
fn covered(format: MrzFormat, line: usize) -> Vec<bool> {
    let mut covered = vec![false; format.shape().1];
    let layout = format.layout();
    let mut cover = |span: &Span| {
        if span.line == line {
            covered[span.columns.clone()].fill(true);
        }
    };
    for check in &layout.checks {
        check.covers.iter().for_each(&mut cover);
        cover(&Span { line: check.digit.0, columns: check.digit.1..check.digit.1 + 1 });
    }
    covered
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: [&str; 2] =
        ["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"];

    fn read() -> Vec<Vec<Candidates>> {
        LINES.iter().map(|line| line.chars().map(|c| vec![(c, 0.99)].into()).collect()).collect()
    }

    fn doubts(change: impl FnOnce(&mut Vec<Vec<Candidates>>)) -> Vec<Place> {
        let mut read = read();
        change(&mut read);
        doubtful_places(MrzFormat::Td3, &read, &LINES)
    }

    #[test]
    fn a_zone_that_was_read_with_certainty_has_no_doubtful_place() {
        assert_eq!(doubts(|_| {}), []);
    }

    #[test]
    fn a_weak_letter_of_a_name_or_a_rival_beside_it_is_a_doubt() {
        assert_eq!(doubts(|read| read[0][6] = vec![('R', 0.5)].into()), [(0, 6)]);
        assert_eq!(doubts(|read| read[0][6] = vec![('R', 0.7), ('A', 0.2)].into()), [(0, 6)]);
        assert_eq!(doubts(|read| read[1][20] = vec![('F', 0.45)].into()), [(1, 20)]);
    }

    #[test]
    fn a_weak_digit_under_a_check_digit_is_no_doubt_unless_the_rival_weighs_the_same() {
        assert_eq!(doubts(|read| read[1][1] = vec![('8', 0.5), ('B', 0.4)].into()), []);
        assert_eq!(doubts(|read| read[1][1] = vec![('8', 0.5), ('S', 0.4)].into()), [(1, 1)]);
    }

    #[test]
    fn a_digit_where_only_letters_stand_is_its_look_alike_and_no_rival() {
        assert_eq!(doubts(|read| read[0][4] = vec![('0', 0.9), ('O', 0.1)].into()), []);
    }

    #[test]
    fn a_letter_in_the_document_code_needs_more_certainty_than_the_filler() {
        let mut lines = LINES.map(str::to_owned);
        lines[0].replace_range(1..2, "D");
        let doubts = |code: Vec<Candidate>| {
            let mut read = read();
            read[0][1] = code.into();
            doubtful_places(MrzFormat::Td3, &read, &lines)
        };
        assert_eq!((doubts(vec![('D', 0.7)]), doubts(vec![('D', 0.9)])), (vec![(0, 1)], vec![]));
    }

    #[test]
    fn the_letter_that_every_document_of_a_format_begins_with_is_no_doubt_and_any_other_is() {
        assert_eq!(doubts(|read| read[0][0] = vec![('P', 0.6), ('F', 0.3)].into()), []);
        let card =
            ["H<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<"];
        let read = card.map(|line| line.chars().map(|c| vec![(c, 0.99)].into()).collect::<Vec<_>>());
        assert_eq!(doubtful_places(MrzFormat::Td1, &read, &card), [(0, 0)]);
    }

    #[test]
    fn fillers_that_end_a_line_are_no_doubt_and_those_inside_a_name_are() {
        assert_eq!(doubts(|read| read[0][43] = vec![('<', 0.4)].into()), []);
        assert_eq!(doubts(|read| read[0][19] = vec![('<', 0.5)].into()), [(0, 19)]);
    }
}
