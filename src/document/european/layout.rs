//! The numbered fields of the model and where they stand (Directive 2006/126/EC, annex I, point 3).

use std::collections::BTreeMap;

use crate::document::read_text::TextLine;
use crate::imaging::Rect;
use crate::privacy::{Personal, characters_of, text_of};

/// A field by its number on the card, in the order in which they stand below each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FieldNumber {
    /// 1
    Surname,
    /// 2
    GivenNames,
    /// 3: date and place of birth.
    Birth,
    /// 4a
    Issue,
    /// 4b
    Expiry,
    /// 4c: who issued it.
    Authority,
    /// 4d: a number of the holder, where the state prints one.
    Other,
    /// 5: the number of the licence.
    Number,
}

/// Every field that is looked for.
const ALL: [FieldNumber; 8] = [
    FieldNumber::Surname,
    FieldNumber::GivenNames,
    FieldNumber::Birth,
    FieldNumber::Issue,
    FieldNumber::Expiry,
    FieldNumber::Authority,
    FieldNumber::Other,
    FieldNumber::Number,
];
/// Fields without which nothing on the card says who may do what until when.
const ESSENTIAL: [FieldNumber; 3] = [FieldNumber::Birth, FieldNumber::Expiry, FieldNumber::Number];
/// How many of surname, given names and issue have to be there besides.
const LEAST_OTHERS: usize = 2;
/// Fields of the left column begin within so many line heights of each other.
const COLUMN_REACH: f32 = 2.5;
/// A value stands at most so many line heights to the right of its number.
const VALUE_REACH: f32 = 6.0;
/// A value behind a number has more characters than this; what is shorter is a speck, and the value stands apart.
const SPECK: usize = 2;
/// Names stand at most so many line heights above the field below them.
const ROW_REACH: f32 = 3.0;
/// Lines that were read with less certainty say nothing.
const LEAST_CONFIDENCE: f32 = 0.8;

/// A number and what stands behind it.
struct Found {
    number: FieldNumber,
    text: Personal<String>,
    place: Rect,
}

/// The fields of one front.
pub(super) struct Layout {
    values: BTreeMap<FieldNumber, Personal<String>>,
    /// Top of the first field, in pixels: the heading is above.
    top: f32,
    /// The row of field 3, which says where the holder was born.
    birth: Option<Rect>,
}

impl Layout {
    /// The fields in their order; `None` when too few are there for a front of the model.
    pub(super) fn of(lines: &[TextLine]) -> Option<Self> {
        let found: Vec<Found> = lines.iter().flat_map(|line| fields_of(line, lines)).collect();
        let mut values = BTreeMap::new();
        let (mut column, mut below, mut birth) = (None, f32::MIN, None);
        for number in ALL {
            let in_order = |field: &&Found| {
                let reach = COLUMN_REACH * field.place.height;
                field.number == number
                    && field.place.y > below - 0.5 * field.place.height
                    // 4b to 4d may stand beside 4a.
                    && (is_beside(number) || column.is_none_or(|column: f32| (field.place.x - column).abs() < reach))
            };
            let Some(field) = found.iter().filter(in_order).min_by(|a, b| a.place.y.total_cmp(&b.place.y)) else {
                continue;
            };
            if column.is_none() {
                column = Some(field.place.x);
            }
            if !is_beside(number) {
                below = below.max(field.place.y);
            }
            if number == FieldNumber::Birth {
                birth = Some(field.place);
            }
            values.insert(number, (field.text.clone(), field.place.y));
        }
        if let (Some(column), Some((_, birth))) = (column, values.get(&FieldNumber::Birth)) {
            let [given, surname] = names_above(lines, column, *birth);
            for (number, name) in [(FieldNumber::GivenNames, given), (FieldNumber::Surname, surname)] {
                if let Some(name) = name {
                    values.entry(number).or_insert(name);
                }
            }
        }
        let top = values.values().map(|(_, y)| *y).fold(f32::MAX, f32::min);
        let values: BTreeMap<FieldNumber, Personal<String>> =
            values.into_iter().map(|(number, (text, _))| (number, text)).collect();
        let has = |number: &FieldNumber| values.contains_key(number);
        let others = [FieldNumber::Surname, FieldNumber::GivenNames, FieldNumber::Issue].iter().filter(|n| has(n));
        (ESSENTIAL.iter().all(has) && others.count() >= LEAST_OTHERS).then_some(Self { values, top, birth })
    }

    /// What stands behind a number.
    pub(super) fn text(&self, number: FieldNumber) -> Option<&str> {
        self.values.get(&number).map(|text| text.reveal().as_str())
    }

    /// The lines that say nothing about the holder: neither on the row of field 3, nor with digits, as addresses have.
    pub(super) fn outside_of_fields<'a>(&self, lines: &'a [TextLine]) -> Vec<&'a str> {
        let is_on_row = |line: &TextLine, row: Rect| (line.bounds.centre().y - row.centre().y).abs() < row.height;
        let outside = lines.iter().filter(|line| {
            let has_digits = line.text.reveal().chars().any(|c| c.is_ascii_digit());
            !has_digits && !self.birth.is_some_and(|row| is_on_row(line, row))
        });
        outside.map(|line| line.text.reveal().as_str()).collect()
    }

    /// The text above the first field: title and name of the state.
    pub(super) fn heading<'a>(&self, lines: &'a [TextLine]) -> Vec<&'a str> {
        let above = lines.iter().filter(|line| line.bounds.centre().y < self.top);
        above.map(|line| line.text.reveal().as_str()).collect()
    }
}

fn is_beside(number: FieldNumber) -> bool {
    matches!(number, FieldNumber::Expiry | FieldNumber::Authority | FieldNumber::Other)
}

/// The numbered fields of one line; the value of a number that stands alone is the next line on its row.
fn fields_of(line: &TextLine, lines: &[TextLine]) -> Vec<Found> {
    if line.confidence < LEAST_CONFIDENCE {
        return Vec::new();
    }
    let text = characters_of(line.text.reveal().chars(), line.text.reveal().len());
    let labels: Vec<(usize, usize, FieldNumber)> =
        (0..text.len()).filter_map(|at| label_at(&text, at).map(|(end, number)| (at, end, number))).collect();
    let step = line.bounds.width / text.len().max(1) as f32;
    let ends = labels.iter().skip(1).map(|label| label.0).chain([text.len()]);
    let fields = labels.iter().zip(ends).filter_map(|(&(start, value, number), end)| {
        let place =
            Rect::new(line.bounds.x + step * start as f32, line.bounds.y, line.bounds.width, line.bounds.height);
        let own = text_of(text.get(value..end)?.iter().copied(), text.len());
        let own = own.reveal().trim_matches(is_trimmed);
        let apart = if own.chars().count() <= SPECK { beside(line, lines) } else { None };
        let text = match apart {
            Some(apart) => Personal::from(apart.text.reveal().trim_matches(is_trimmed)),
            None if own.is_empty() => return None,
            None => Personal::from(own),
        };
        Some(Found { number, text, place })
    });
    fields.collect()
}

/// The two lines of capital letters right above field 3: given names, and surname above them. Their small numbers are
/// what is lost first.
fn names_above(lines: &[TextLine], column: f32, birth: f32) -> [Option<(Personal<String>, f32)>; 2] {
    let is_name = |line: &&TextLine| {
        let (text, height) = (name_alone(line.text.reveal()), line.bounds.height);
        line.confidence >= LEAST_CONFIDENCE
            && (-height..VALUE_REACH * height).contains(&(line.bounds.x - column))
            && text.chars().filter(|c| c.is_alphabetic()).count() > SPECK
            && text.chars().all(|c| c.is_uppercase() || matches!(c, ' ' | '-' | '\'' | '’'))
    };
    let mut below = birth;
    [(); 2].map(|()| {
        let above = |line: &&TextLine| {
            let gap = below - line.bounds.y;
            gap > 0.5 * line.bounds.height && gap < ROW_REACH * line.bounds.height
        };
        let name = lines.iter().filter(is_name).filter(above).max_by(|a, b| a.bounds.y.total_cmp(&b.bounds.y))?;
        below = name.bounds.y;
        Some((Personal::from(name_alone(name.text.reveal())), name.bounds.y))
    })
}

/// A line without its number, however that was read: at most two characters and a dot.
fn name_alone(text: &str) -> &str {
    match text.split_once('.') {
        Some((number, name)) if number.chars().count() <= SPECK => name.trim_matches(is_trimmed),
        _ => text.trim_matches(is_trimmed),
    }
}

fn is_trimmed(character: char) -> bool {
    matches!(character, ' ' | '.' | ',' | ':')
}

/// The nearest line to the right of a number that stands alone.
fn beside<'a>(number: &TextLine, lines: &'a [TextLine]) -> Option<&'a TextLine> {
    let height = number.bounds.height;
    let gap = |line: &TextLine| line.bounds.x - number.bounds.right();
    let on_row = |line: &&TextLine| {
        let taller = height.max(line.bounds.height);
        (line.bounds.centre().y - number.bounds.centre().y).abs() < 0.6 * taller
            && line.bounds.x > number.bounds.x
            && (-taller..VALUE_REACH * height).contains(&gap(line))
            && line.confidence >= LEAST_CONFIDENCE
    };
    let nearest = lines.iter().filter(on_row).min_by(|a, b| gap(a).total_cmp(&gap(b)))?;
    let text = characters_of(nearest.text.reveal().chars(), nearest.text.reveal().len());
    label_at(&text, 0).is_none().then_some(nearest)
}

/// The number of a field that begins at a character, and where its value begins.
fn label_at(text: &[char], at: usize) -> Option<(usize, FieldNumber)> {
    // A line may be empty: a picture of nothing but specks is read as such.
    let first = *text.get(at)?;
    if at > 0 && text[at - 1] != ' ' {
        return None;
    }
    let is_dot = |at: usize| matches!(text.get(at), Some('.' | ',' | ':'));
    let is_gap = |at: usize| matches!(text.get(at), None | Some(' '));
    if first == '4' {
        let number = match text.get(at + 1)? {
            'a' | 'A' => FieldNumber::Issue,
            'b' | 'B' => FieldNumber::Expiry,
            'c' | 'C' => FieldNumber::Authority,
            'd' | 'D' => FieldNumber::Other,
            _ => return None,
        };
        let end = at + 2;
        return if is_dot(end) { Some((end + 1, number)) } else { is_gap(end).then_some((end, number)) };
    }
    let number = match first {
        '1' | 'I' | 'l' | '|' => FieldNumber::Surname,
        '2' => FieldNumber::GivenNames,
        '3' => FieldNumber::Birth,
        '5' | 'S' => FieldNumber::Number,
        _ => return None,
    };
    let end = at + 1;
    if is_dot(end) {
        // Within a line only what stands apart is a number; "3.5 t" is none.
        return (at == 0 || is_gap(end + 1)).then_some((end + 1, number));
    }
    // Without its dot, only a digit, at the beginning.
    (at == 0 && first.is_ascii_digit() && is_gap(end)).then_some((end, number))
}
