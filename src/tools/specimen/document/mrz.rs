//! The machine-readable zones of a passport and an identity card: ICAO Doc 9303-4 (TD3) and 9303-5 (TD1), with the check
//! digits of Doc 9303-3, 4.9.

use jiff::civil::Date;

use super::super::person::SpecimenPassport;
use crate::document::Sex;

/// Characters in a line of a TD3 document.
const LINE: usize = 44;
/// Characters in a line of a TD1 document.
const CARD_LINE: usize = 30;

/// The two lines of 44 characters.
#[must_use]
pub fn td3_lines(passport: &SpecimenPassport) -> [String; 2] {
    let upper = format!("P<{}{}", passport.issuing_state, names(passport));
    let Dated { number, born, sex, expires } = dated(passport);
    let optional = "<".repeat(14);
    // An empty optional field may have the filler as its check digit; a zero is what most states print.
    let composite = check_digit(&format!("{number}{born}{expires}{optional}0"));
    let lower = format!("{number}{}{born}{sex}{expires}{optional}0{composite}", passport.issuing_state);
    [filled(&upper, LINE), lower]
}

/// The three lines of 30 characters of an identity card with the same data.
#[must_use]
pub fn td1_lines(card: &SpecimenPassport) -> [String; 3] {
    let Dated { number, born, sex, expires } = dated(card);
    let upper = filled(&format!("I<{}{number}", card.issuing_state), CARD_LINE);
    let middle = filled(&format!("{born}{sex}{expires}{}", card.issuing_state), CARD_LINE - 1);
    let composite = check_digit(&format!("{}{born}{expires}{}", &upper[5..], &middle[18..]));
    [upper, format!("{middle}{composite}"), filled(&names(card), CARD_LINE)]
}

/// What stands in every format: three of them with their check digits.
struct Dated {
    number: String,
    born: String,
    sex: char,
    expires: String,
}

fn dated(passport: &SpecimenPassport) -> Dated {
    Dated {
        number: checked(&filled(&transliterate(&passport.document_number), 9)),
        born: checked(&year_month_day(passport.person.date_of_birth)),
        sex: match passport.person.sex {
            Sex::M => 'M',
            Sex::F => 'F',
            Sex::X => '<',
        },
        expires: checked(&year_month_day(passport.expiration_date)),
    }
}

fn names(passport: &SpecimenPassport) -> String {
    let person = &passport.person;
    let given = [person.first_name.as_str(), person.middle_name.as_str()].join(" ");
    format!("{}<<{}", transliterate(&person.last_name), transliterate(given.trim()))
}

/// Capitals and digits stay, everything else becomes the filler.
fn transliterate(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '<' }).collect()
}

pub(super) fn filled(text: &str, length: usize) -> String {
    format!("{text:<<length$}").chars().take(length).collect()
}

fn year_month_day(date: Date) -> String {
    format!("{:02}{:02}{:02}", date.year().rem_euclid(100), date.month(), date.day())
}

fn checked(field: &str) -> String {
    format!("{field}{}", check_digit(field))
}

/// Weights 7, 3, 1; digits count as themselves, letters from A as 10 upwards, the filler as 0; modulo 10.
pub(super) fn check_digit(field: &str) -> u32 {
    let value = |c: char| c.to_digit(36).unwrap_or(0);
    field.chars().zip([7, 3, 1].into_iter().cycle()).map(|(c, weight)| value(c) * weight).sum::<u32>() % 10
}

#[cfg(test)]
mod tests {
    use super::super::super::person::PersonName;
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_specimen_of_doc_9303_part_4_comes_out_as_printed_there() {
        let mut passport = SpecimenPassport::genuine(PersonName::Collins, date(2010, 1, 1));
        "L898902C3".clone_into(&mut passport.document_number);
        "ERIKSSON".clone_into(&mut passport.person.last_name);
        "ANNA".clone_into(&mut passport.person.first_name);
        "MARIA".clone_into(&mut passport.person.middle_name);
        passport.person.date_of_birth = date(1974, 8, 12);
        passport.expiration_date = date(2012, 4, 15);
        let [upper, lower] = td3_lines(&passport);
        assert_eq!(upper, "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<");
        // The standard's specimen has an optional personal number; without it the composite digit is another.
        assert_eq!(&lower[..28], "L898902C36UTO7408122F1204159");
        assert_eq!((lower.len(), check_digit("ZE184226B<<<<<")), (44, 1));
    }

    #[test]
    fn the_specimen_of_doc_9303_part_5_comes_out_as_printed_there_but_for_its_optional_data() {
        let mut card = SpecimenPassport::genuine(PersonName::Collins, date(2010, 1, 1));
        "D23145890".clone_into(&mut card.document_number);
        "ERIKSSON".clone_into(&mut card.person.last_name);
        "ANNA".clone_into(&mut card.person.first_name);
        "MARIA".clone_into(&mut card.person.middle_name);
        card.person.date_of_birth = date(1974, 8, 12);
        card.expiration_date = date(2012, 4, 15);
        let [upper, middle, names] = td1_lines(&card);
        assert_eq!(
            (upper.as_str(), names.as_str()),
            ("I<UTOD231458907<<<<<<<<<<<<<<<", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")
        );
        assert_eq!(middle, "7408122F1204159UTO<<<<<<<<<<<6");
    }

    #[test]
    fn long_names_are_cut_at_the_end_of_the_line() {
        let mut passport = SpecimenPassport::genuine(PersonName::Hopper, date(2026, 3, 1));
        passport.person.last_name = "A".repeat(60);
        assert!(td3_lines(&passport).iter().all(|line| line.len() == LINE));
    }
}
