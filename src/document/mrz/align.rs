//! Puts the characters that were read off one line into the places that its format has.
//!
//! A recogniser drops or doubles characters in long runs of fillers. The print is monospaced (OCR-B at ten a 25.4 mm, ICAO
//! Doc 9303 part 3, section 4.2), so that the distance between characters tells how many places lie between them.
//!
//! Always holds: the result has the format's length; only fillers are added or taken away. Does not change a character.

use super::layout::MrzFormat;
use crate::document::read_text::{Candidates, ReadCharacter};

/// Probability that is given to a filler which was not read but must be there.
const IMPLIED_FILLER: f32 = 0.5;
/// Places that may be added to or taken from a line that ends in a check digit: more, and it is another line.
const MAX_SHIFT: usize = 4;
/// Fillers that may be taken from the end of a line that ends in them: a few are read twice, eight are another format's.
const MAX_SURPLUS: usize = 3;
/// Fewer characters than this cannot tell their own distance.
const MIN_CHARACTERS: usize = 8;

/// Spreads what was read over the places of one line; `None` when it does not fit the format.
#[must_use]
pub fn align_line(format: MrzFormat, line: usize, read: &[ReadCharacter]) -> Option<Vec<Candidates>> {
    let length = format.shape().1;
    let exact: Vec<Candidates> = read.iter().map(|character| character.candidates.clone()).collect();
    if exact.len() == length {
        return Some(exact);
    }
    let spaced = spread(read)?;
    let closed = format.layout().checks.iter().any(|check| check.digit == (line, length - 1));
    if closed { fit_between(spaced, length) } else { fit_left(spaced, length) }
}

fn filler() -> Candidates {
    vec![('<', IMPLIED_FILLER)].into()
}

fn is_filler(place: &Candidates) -> bool {
    place.first().is_some_and(|best| best.0 == '<')
}

/// Opens a place for every whole distance between neighbours, and drops the weaker of two on one place.
fn spread(read: &[ReadCharacter]) -> Option<Vec<Candidates>> {
    let mut steps: Vec<f32> = read.windows(2).map(|pair| pair[1].position - pair[0].position).collect();
    if read.len() < MIN_CHARACTERS {
        return None;
    }
    steps.sort_by(f32::total_cmp);
    let pitch = steps[steps.len() / 2];
    if pitch <= 0.0 {
        return None;
    }
    let mut places: Vec<Candidates> = Vec::new();
    let mut previous: Option<&ReadCharacter> = None;
    for character in read {
        let distance = previous.map_or(1.0, |last| (character.position - last.position) / pitch);
        match (distance.round() as usize, previous) {
            (0, Some(last)) if last.best().1 >= character.best().1 => continue,
            (0, _) => drop(places.pop()),
            // A gap that is wider than any line is no gap between characters.
            (places_on, _) => places.extend((1..places_on.min(44)).map(|_| filler())),
        }
        places.push(character.candidates.clone());
        previous = Some(character);
    }
    Some(places)
}

/// For lines that end in a check digit: makes the longest run of fillers longer or shorter.
fn fit_between(mut places: Vec<Candidates>, length: usize) -> Option<Vec<Candidates>> {
    if places.len() == length {
        return Some(places);
    }
    if places.len().abs_diff(length) > MAX_SHIFT {
        return None;
    }
    let (start, run) = longest_filler_run(&places)?;
    if places.len() < length {
        let missing = length - places.len();
        places.splice(start..start, (0..missing).map(|_| filler()));
    } else {
        let surplus = places.len() - length;
        if surplus >= run {
            return None;
        }
        places.drain(start..start + surplus);
    }
    Some(places)
}

/// For lines that may end in fillers: adds or drops fillers at the right end.
fn fit_left(mut places: Vec<Candidates>, length: usize) -> Option<Vec<Candidates>> {
    let most = length + MAX_SURPLUS;
    while (length + 1..=most).contains(&places.len()) && places.last().is_some_and(is_filler) {
        places.pop();
    }
    if places.len() > length {
        return None;
    }
    places.resize_with(length, filler);
    Some(places)
}

fn longest_filler_run(places: &[Candidates]) -> Option<(usize, usize)> {
    let mut best: Option<(usize, usize)> = None;
    let mut run = 0;
    for (index, place) in places.iter().enumerate() {
        run = if is_filler(place) { run + 1 } else { 0 };
        if run > best.map_or(0, |(_, longest)| longest) {
            best = Some((index + 1 - run, run));
        }
    }
    best.filter(|&(_, run)| run >= 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, dropped: &[usize]) -> Vec<ReadCharacter> {
        let characters = text.chars().enumerate().filter(|(index, _)| !dropped.contains(index));
        let place = |(index, c)| ReadCharacter {
            candidates: vec![(c, 0.9)].into(),
            position: index as f32 / text.len() as f32,
        };
        characters.map(place).collect()
    }

    fn text(places: Option<Vec<Candidates>>) -> Option<String> {
        places.map(|places| places.iter().map(|place| place[0].0).collect())
    }

    const DATA: &str = "L898902C36UTO7408122F1204159ZE184226B<<<<<10";
    const NAMES: &str = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<";

    #[test]
    fn dropped_fillers_come_back_where_the_gap_is() {
        assert_eq!(text(align_line(MrzFormat::Td3, 1, &read(DATA, &[38, 40]))).as_deref(), Some(DATA));
        assert_eq!(text(align_line(MrzFormat::Td3, 0, &read(NAMES, &[1, 14, 30, 42, 43]))).as_deref(), Some(NAMES));
    }

    #[test]
    fn a_surplus_of_fillers_is_taken_away() {
        assert_eq!(text(align_line(MrzFormat::Td3, 0, &read(&format!("{NAMES}<<"), &[]))).as_deref(), Some(NAMES));
        let long = DATA.replace("<<<<<", "<<<<<<<");
        assert_eq!(text(align_line(MrzFormat::Td3, 1, &read(&long, &[]))).as_deref(), Some(DATA));
    }

    #[test]
    fn a_large_visa_s_line_is_no_small_one_s() {
        let line = "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<";
        assert_eq!(text(align_line(MrzFormat::MrvA, 0, &read(line, &[]))).as_deref(), Some(line));
        assert_eq!(align_line(MrzFormat::MrvB, 0, &read(line, &[])), None);
    }

    #[test]
    fn a_line_of_another_length_does_not_fit() {
        assert_eq!(align_line(MrzFormat::Td3, 1, &read(&DATA[..30], &[])), None);
        assert_eq!(align_line(MrzFormat::Td1, 0, &read(&DATA[..36], &[])), None);
    }
}
