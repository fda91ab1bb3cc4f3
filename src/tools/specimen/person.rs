//! Who the specimens are about, and the documents that are made out to them: plain data, so that tests make variants.
//!
//! Everything but the face is invented. No clock: the day 'today' is passed in.

use clap::ValueEnum;
use jiff::ToSpan;
use jiff::civil::Date;

use super::assets::Portrait;
use crate::document::Sex;

/// A person on a specimen. Text is in capitals, as documents print it, within what AAMVA and ICAO allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecimenPerson {
    /// Given name.
    pub first_name: String,
    /// Middle name; empty when there is none.
    pub middle_name: String,
    /// Family name.
    pub last_name: String,
    /// Sex.
    pub sex: Sex,
    /// Date of birth.
    pub date_of_birth: Date,
    /// Height in inches.
    pub height_inches: u16,
    /// Eye colour, AAMVA code of three letters.
    pub eyes: &'static str,
    /// Hair colour, AAMVA code of three letters.
    pub hair: &'static str,
    /// Weight in pounds.
    pub weight_pounds: u16,
    /// First line of the address.
    pub street: String,
    /// City.
    pub city: String,
    /// Nine digits of the postal code.
    pub postal_code: String,
    /// Place of birth, for the passport.
    pub place_of_birth: String,
}

/// The people that a command can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PersonName {
    /// The portrait of Eileen Collins, with invented particulars.
    Collins,
    /// The portrait of Grace Hopper, with invented particulars.
    Hopper,
}

impl PersonName {
    /// The other one of the two.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Collins => Self::Hopper,
            Self::Hopper => Self::Collins,
        }
    }

    /// Whose portrait it is.
    #[must_use]
    pub fn portrait(self) -> Portrait {
        match self {
            Self::Collins => Portrait::EileenCollins,
            Self::Hopper => Portrait::GraceHopper,
        }
    }

    /// The invented particulars, of an age that fits the face on `today`.
    #[must_use]
    pub fn person(self, today: Date) -> SpecimenPerson {
        match self {
            Self::Collins => SpecimenPerson {
                first_name: "EILEEN".to_owned(),
                middle_name: "MARIE".to_owned(),
                last_name: "SAMPLE".to_owned(),
                sex: Sex::F,
                date_of_birth: day(today.year() - 41, 3, 14),
                height_inches: 66,
                eyes: "BRO",
                hair: "BRO",
                weight_pounds: 132,
                street: "1280 EXAMPLE AVE".to_owned(),
                city: "SACRAMENTO".to_owned(),
                postal_code: "958140000".to_owned(),
                place_of_birth: "LAKESIDE".to_owned(),
            },
            Self::Hopper => SpecimenPerson {
                first_name: "GRACE".to_owned(),
                middle_name: "ANNE".to_owned(),
                last_name: "SPECIMAN".to_owned(),
                sex: Sex::F,
                date_of_birth: day(today.year() - 77, 11, 23),
                height_inches: 63,
                eyes: "BRO",
                hair: "GRY",
                weight_pounds: 112,
                street: "47 SAMPLE ST".to_owned(),
                city: "FRESNO".to_owned(),
                postal_code: "937210000".to_owned(),
                place_of_birth: "HARBOUR BAY".to_owned(),
            },
        }
    }
}

/// A field of the front that can be made to disagree with the barcode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AlteredField {
    /// Printed eleven years earlier, as someone under age would have it.
    DateOfBirth,
    /// Printed four years later.
    ExpirationDate,
    /// One digit printed differently.
    IdNumber,
    /// Another given name printed.
    FirstName,
    /// Another family name printed.
    LastName,
}

/// A driving licence: what the barcode encodes, and what the front prints differently, if anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecimenLicence {
    /// The holder.
    pub person: SpecimenPerson,
    /// The face on it.
    pub portrait: Portrait,
    /// Licence number: one letter and seven digits.
    pub id_number: String,
    /// First day of validity.
    pub issue_date: Date,
    /// Last day of validity.
    pub expiration_date: Date,
    /// Six digits that name the issuer (AAMVA issuer identification numbers; 636014 is California's).
    pub issuer: String,
    /// Two letters of the state in the address.
    pub state: String,
    /// The field that the front prints differently.
    pub altered: Option<AlteredField>,
}

impl SpecimenLicence {
    /// A licence that is good on `today`: issued two years before, good until the fifth birthday after that.
    #[must_use]
    pub fn genuine(name: PersonName, today: Date) -> Self {
        let person = name.person(today);
        let issue_date = plus_years(today, -2);
        let expiration_date = plus_years(person.date_of_birth, issue_date.year() + 5 - person.date_of_birth.year());
        let id_number = match name {
            PersonName::Collins => "E1234567",
            PersonName::Hopper => "H7654321",
        };
        Self {
            person,
            portrait: name.portrait(),
            id_number: id_number.to_owned(),
            issue_date,
            expiration_date,
            issuer: "636014".to_owned(),
            state: "CA".to_owned(),
            altered: None,
        }
    }

    /// The same licence, whose last day was the day before `today`.
    #[must_use]
    pub fn expired(self, today: Date) -> Self {
        let last = today.saturating_sub(1.day());
        self.expiring(last)
    }

    /// The same licence with another last day, issued five years before it at the latest.
    #[must_use]
    pub fn expiring(mut self, last: Date) -> Self {
        self.issue_date = self.issue_date.min(plus_years(last, -5));
        self.expiration_date = last;
        self
    }

    /// The same licence made out to someone who turns `years` on `today`, issued 90 days before.
    #[must_use]
    pub fn of_age(mut self, years: i16, today: Date) -> Self {
        self.person.date_of_birth = plus_years(today, -years);
        self.issue_date = today.saturating_sub(90.days());
        self.expiration_date = plus_years(today, 4);
        self
    }

    /// The same licence whose front prints one field differently from the barcode.
    #[must_use]
    pub fn altered(mut self, field: AlteredField) -> Self {
        self.altered = Some(field);
        self
    }

    /// The same licence with another person's face.
    #[must_use]
    pub fn with_portrait(mut self, portrait: Portrait) -> Self {
        self.portrait = portrait;
        self
    }

    /// What the front prints: this licence, but for the altered field.
    #[must_use]
    pub fn as_printed(&self) -> Self {
        let mut printed = self.clone();
        match self.altered {
            None => {}
            Some(AlteredField::DateOfBirth) => {
                printed.person.date_of_birth = plus_years(self.person.date_of_birth, -11);
            }
            Some(AlteredField::ExpirationDate) => printed.expiration_date = plus_years(self.expiration_date, 4),
            Some(AlteredField::IdNumber) => printed.id_number = another_digit(&self.id_number),
            Some(AlteredField::FirstName) => "ROBERTA".clone_into(&mut printed.person.first_name),
            Some(AlteredField::LastName) => "EXEMPLAR".clone_into(&mut printed.person.last_name),
        }
        printed
    }
}

/// A passport's data page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecimenPassport {
    /// The holder.
    pub person: SpecimenPerson,
    /// The face on it.
    pub portrait: Portrait,
    /// Passport number, up to nine letters and digits.
    pub document_number: String,
    /// Issuing state and nationality: three letters. `UTO` is the state of ICAO's own specimens.
    pub issuing_state: String,
    /// First day of validity.
    pub issue_date: Date,
    /// Last day of validity.
    pub expiration_date: Date,
}

impl SpecimenPassport {
    /// A passport that is good on `today`: issued three years before, good for ten years.
    #[must_use]
    pub fn genuine(name: PersonName, today: Date) -> Self {
        let issue_date = plus_years(today, -3);
        Self {
            person: name.person(today),
            portrait: name.portrait(),
            document_number: match name {
                PersonName::Collins => "X89S41C77",
                PersonName::Hopper => "X90G85H06",
            }
            .to_owned(),
            issuing_state: "UTO".to_owned(),
            issue_date,
            expiration_date: plus_years(issue_date, 10).saturating_sub(1.day()),
        }
    }

    /// The same passport with another last day, issued ten years before it.
    #[must_use]
    pub fn expiring(mut self, last: Date) -> Self {
        self.issue_date = plus_years(last, -10).saturating_add(1.day());
        self.expiration_date = last;
        self
    }
}

/// The same day some years later; 29 February becomes 28 February in other years.
#[must_use]
pub fn plus_years(date: Date, years: i16) -> Date {
    date.saturating_add(i64::from(years).years())
}

fn day(year: i16, month: i8, day: i8) -> Date {
    Date::new(year, month, day).unwrap_or(Date::ZERO)
}

/// The same number with its last digit replaced by the next one.
fn another_digit(number: &str) -> String {
    let mut characters: Vec<char> = number.chars().collect();
    if let Some(last) = characters.iter_mut().rev().find_map(|c| c.to_digit(10).map(|digit| (c, digit))) {
        *last.0 = char::from_digit((last.1 + 1) % 10, 10).unwrap_or('0');
    }
    characters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    const TODAY: Date = date(2026, 3, 1);

    #[test]
    fn a_genuine_licence_is_good_today_and_an_expired_one_ended_yesterday() {
        let licence = SpecimenLicence::genuine(PersonName::Collins, TODAY);
        assert!(licence.issue_date < TODAY && TODAY < licence.expiration_date);
        assert_eq!(licence.expired(TODAY).expiration_date, date(2026, 2, 28));
    }

    #[test]
    fn someone_who_turns_21_today_was_born_on_this_day() {
        let licence = SpecimenLicence::genuine(PersonName::Collins, TODAY).of_age(21, TODAY);
        assert_eq!(licence.person.date_of_birth, date(2005, 3, 1));
    }

    #[test]
    fn an_altered_front_differs_in_the_named_field_only() {
        let licence = SpecimenLicence::genuine(PersonName::Hopper, TODAY);
        for &field in AlteredField::value_variants() {
            let mut printed = licence.clone().altered(field).as_printed();
            assert_ne!(printed, licence, "{field:?}");
            printed.altered = None;
            match field {
                AlteredField::DateOfBirth => printed.person.date_of_birth = licence.person.date_of_birth,
                AlteredField::ExpirationDate => printed.expiration_date = licence.expiration_date,
                AlteredField::IdNumber => printed.id_number.clone_from(&licence.id_number),
                AlteredField::FirstName => printed.person.first_name.clone_from(&licence.person.first_name),
                AlteredField::LastName => printed.person.last_name.clone_from(&licence.person.last_name),
            }
            assert_eq!(printed, licence, "{field:?}");
        }
    }

    #[test]
    fn someone_born_on_a_leap_day_has_a_birthday_every_year() {
        assert_eq!(plus_years(date(2004, 2, 29), 21), date(2025, 2, 28));
        assert_eq!(plus_years(date(2004, 2, 29), 20), date(2024, 2, 29));
    }
}
