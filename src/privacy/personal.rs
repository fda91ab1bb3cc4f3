//! The wrappers for personal text, numbers and dates.

use jiff::civil::Date;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A personal value. It has no `Display`, no `Serialize`, and its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Personal<T: Zeroize>(T);

impl<T: Zeroize> Personal<T> {
    /// Takes a value into keeping.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself; write this only where it is compared, decided on, hashed, or printed by `inspect`.
    pub const fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Personal<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> std::fmt::Debug for Personal<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

impl From<&str> for Personal<String> {
    fn from(text: &str) -> Self {
        Self::new(text.to_owned())
    }
}

/// Text that is put together character by character, of which there are at most `most`. Its buffer never moves: one that
/// grows leaves copies of itself behind that nobody wipes.
pub(crate) fn text_of(characters: impl IntoIterator<Item = char>, most: usize) -> Personal<String> {
    let mut text = String::with_capacity(most * char::MAX_LEN_UTF8);
    text.extend(characters.into_iter().take(most));
    Personal::new(text)
}

/// Characters that are wiped, in a buffer that never moves; `most` bounds them, as for [`text_of`].
pub(crate) fn characters_of(characters: impl IntoIterator<Item = char>, most: usize) -> Zeroizing<Vec<char>> {
    let mut kept = Zeroizing::new(Vec::with_capacity(most));
    kept.extend(characters.into_iter().take(most));
    kept
}

/// A personal calendar day, such as a date of birth.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct PersonalDate {
    year: i16,
    month: i8,
    day: i8,
}

impl PersonalDate {
    /// Takes a day into keeping.
    #[must_use]
    pub fn new(date: Date) -> Self {
        Self { year: date.year(), month: date.month(), day: date.day() }
    }

    /// The day itself; write this only where it is compared, decided on, or printed by `inspect`.
    #[must_use]
    pub fn reveal(&self) -> Date {
        // The parts came out of a valid date and never change until they are wiped on drop.
        Date::new(self.year, self.month, self.day).unwrap_or(Date::ZERO)
    }
}

impl std::fmt::Debug for PersonalDate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_values_print_as_redacted() {
        let name = Personal::from("Ada");
        let born = PersonalDate::new(jiff::civil::date(1815, 12, 10));
        assert_eq!(format!("{name:?} {born:?} {:?}", Some(&name)), "[redacted] [redacted] Some([redacted])");
    }

    #[test]
    fn text_is_put_together_in_a_buffer_that_never_moves() {
        let text = text_of("MÜLLER".chars().rev(), 6);
        assert!(text.reveal() == "RELLÜM" && text.reveal().capacity() >= 6 * char::MAX_LEN_UTF8);
        let characters = characters_of("MÜLLER".chars(), 6);
        assert!(*characters == ['M', 'Ü', 'L', 'L', 'E', 'R'] && characters.capacity() == 6);
    }

    #[test]
    fn a_personal_date_is_given_back_as_it_was() {
        let day = jiff::civil::date(2004, 2, 29);
        assert_eq!(PersonalDate::new(day).reveal(), day);
    }
}
