//! Words on the front that may be the holder's names.

use super::labels::{LabelKind, is_vocabulary, last_label};
use super::neighbours::above;
use crate::document::read_text::TextLine;
use crate::privacy::{Personal, text_of};

/// Lines above an address in which names are looked for when nothing is labelled.
const UNLABELLED_LINES: usize = 2;

/// A labelled name that was read with less certainty is no evidence of what stands there.
const LEAST_CONFIDENCE: f32 = 0.8;
/// Labels of the family name and of the given names, upper case.
const FAMILY_LABELS: [&str; 4] = ["LN", "SURNAME", "LAST NAME", "FAMILY NAME"];
const GIVEN_LABELS: [&str; 4] = ["FN", "GIVEN NAME", "GIVEN NAMES", "FIRST NAME"];

/// The family name and the given names, where a label says which is which.
pub(super) fn labelled(lines: &[TextLine]) -> (Option<Personal<String>>, Option<Personal<String>>) {
    let find = |labels: &[&str]| {
        let certain = lines.iter().filter(|line| line.confidence >= LEAST_CONFIDENCE);
        certain.filter_map(|line| value_of(lines, line, labels)).find(|name| is_name_like(name)).map(Personal::from)
    };
    (find(&FAMILY_LABELS), find(&GIVEN_LABELS))
}

/// What stands behind one of the labels, or below it.
fn value_of<'a>(lines: &[TextLine], line: &'a TextLine, labels: &[&str]) -> Option<&'a str> {
    let text = without_number(line.text.reveal());
    if let Some(value) = labels.iter().find_map(|label| after_label(text, label)) {
        return Some(value);
    }
    let label = above(lines, line.bounds)?.text.reveal();
    // A letter's capital may be three letters.
    let label = text_of(label.chars().flat_map(char::to_uppercase), 3 * label.len());
    labels.iter().any(|name| name.len() > 2 && label.reveal().contains(name)).then_some(text)
}

fn after_label<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(label.len())?;
    let value = rest.trim_start_matches([' ', ':', '.', '/']);
    (head.eq_ignore_ascii_case(label) && value.len() < rest.len() && !value.is_empty()).then_some(value)
}

/// The lines of names in reading order: those numbered 1 and 2, those below a name's label, and those above the address.
pub(super) fn find(lines: &[TextLine]) -> Vec<usize> {
    let above_address = lines_above_address(lines);
    let is_name = |index: &usize| above_address.contains(index) || is_labelled(lines, &lines[*index]);
    (0..lines.len()).filter(is_name).collect()
}

/// The words of a line of names.
pub(super) fn words_of(line: &TextLine) -> impl Iterator<Item = Personal<String>> {
    words(without_number(line.text.reveal())).map(Personal::from)
}

fn lines_above_address(lines: &[TextLine]) -> Vec<usize> {
    let Some(address) = lines.iter().position(|line| is_street(line.text.reveal())) else { return Vec::new() };
    let column = lines[address].bounds;
    let is_near = |index: &usize| {
        let bounds = lines[*index].bounds;
        (bounds.x - column.x).abs() < 2.5 * column.height && column.y - bounds.y < 5.0 * column.height
    };
    let name_like = |index: &usize| is_name_like(without_number(lines[*index].text.reveal()));
    (0..address).rev().filter(is_near).filter(name_like).take(UNLABELLED_LINES).collect()
}

fn is_labelled(lines: &[TextLine], line: &TextLine) -> bool {
    let text = line.text.reveal();
    let name = without_number(text);
    let is_name_label = |label: &TextLine| last_label(label.text.reveal()) == Some(LabelKind::Name);
    is_name_like(name)
        && (name.len() < text.len()
            || above(lines, line.bounds).is_some_and(is_name_label)
            || has_number_beside(lines, line))
}

/// Whether a 1 or 2 stands by itself right before the line.
fn has_number_beside(lines: &[TextLine], line: &TextLine) -> bool {
    lines.iter().any(|other| {
        let gap = line.bounds.x - other.bounds.right();
        matches!(other.text.reveal().trim(), "1" | "2" | "1." | "2.")
            && (-0.5 * line.bounds.height..line.bounds.height).contains(&gap)
            && (other.bounds.centre().y - line.bounds.centre().y).abs() < 0.5 * line.bounds.height
    })
}

/// A line without the field number 1 or 2 in front; `1.2` stands before whole names.
fn without_number(text: &str) -> &str {
    let separators = ['.', '-', ',', ':', ' '];
    let Some(rest) = text.strip_prefix(['1', '2']) else { return text };
    let rest = rest.trim_start_matches(separators);
    let rest = if text.starts_with("1.2") { rest.trim_start_matches('2').trim_start_matches(separators) } else { rest };
    if rest.starts_with(char::is_alphabetic) { rest } else { text }
}

/// Capital words only, none of which is a word of the form itself.
fn is_name_like(text: &str) -> bool {
    let plain = text.chars().all(|c| c.is_alphabetic() || matches!(c, ' ' | ',' | '.' | '-' | '\'' | '’'));
    let capital = text.chars().filter(|c| c.is_alphabetic()).all(char::is_uppercase);
    plain && capital && words(text).any(|word| word.chars().count() > 1) && !words(text).any(is_vocabulary)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(|c: char| !(c.is_alphabetic() || matches!(c, '-' | '\'' | '’')));
    parts.filter(|word| !word.is_empty())
}

/// A number, then words: `123 MAIN STREET`, `8123 MAINSTREET`.
fn is_street(text: &str) -> bool {
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let mut rest = text.chars().skip(digits).filter(|c| c.is_alphabetic());
    (1..=6).contains(&digits) && rest.clone().count() >= 5 && rest.all(char::is_uppercase)
}
