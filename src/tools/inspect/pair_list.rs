//! Lists of pairs of pictures: CSV (RFC 4180) with a header.

use std::path::Path;

use serde::Serialize;

use crate::tools::exit::CommandError;

/// Two pictures, and whether the list says that they show the same person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Pair {
    pub first: String,
    pub second: String,
    #[serde(skip)]
    pub same: Option<bool>,
}

impl Pair {
    /// Reads a list. The columns `first` and `second`, or else the first two, name the pictures; `same` is 1 or 0.
    ///
    /// # Errors
    /// [`CommandError::Usage`] when it cannot be read.
    pub fn read_list(csv: &Path) -> Result<Vec<Self>, CommandError> {
        let text = std::fs::read_to_string(csv)
            .map_err(|error| CommandError::Usage(format!("cannot read {}: {error}; check the path", csv.display())))?;
        parse(&text).map_err(|fault| CommandError::Usage(format!("{}: {fault}", csv.display())))
    }
}

fn parse(text: &str) -> Result<Vec<Pair>, String> {
    let mut rows = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(cells);
    let header = rows.next().ok_or("the list is empty; give a header and one pair a line")?;
    let named = |name: &str| header.iter().position(|cell| cell == name);
    let (first, second, same) = (named("first").unwrap_or(0), named("second").unwrap_or(1), named("same"));
    rows.enumerate()
        .map(|(k, row)| match (row.get(first), row.get(second)) {
            (Some(first), Some(second)) => {
                let same = same.and_then(|column| row.get(column)).map(|cell| cell == "1");
                Ok(Pair { first: first.clone(), second: second.clone(), same })
            }
            _ => Err(format!("line {} has no two names; give first,second", k + 2)),
        })
        .collect()
}

/// Cells of one line; a cell in quotes may hold commas and doubled quotes.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let (mut quoted, mut characters) = (false, line.chars().peekable());
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                push(&mut cells, '"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            other => push(&mut cells, other),
        }
    }
    cells.into_iter().map(|cell| cell.trim().to_owned()).collect()
}

fn push(cells: &mut [String], character: char) {
    if let Some(cell) = cells.last_mut() {
        cell.push(character);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name_or_by_place() {
        let pair =
            |first: &str, second: &str, same| vec![Pair { first: first.to_owned(), second: second.to_owned(), same }];
        assert_eq!(parse("same,second,first\n1,b.jpg,a.jpg\n").unwrap(), pair("a.jpg", "b.jpg", Some(true)));
        assert_eq!(parse("x,y\r\n\"a,1.jpg\", b.jpg\r\n").unwrap(), pair("a,1.jpg", "b.jpg", None));
        assert!(parse("").is_err());
        assert!(parse("first,second\nlonely.jpg\n").unwrap_err().contains("line 2"));
    }
}
