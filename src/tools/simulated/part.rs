//! What a simulated person plays: somebody honest, or one known way to fail.

use clap::ValueEnum;
use jiff::ToSpan;
use jiff::civil::Date;

use crate::tools::specimen::head::{Attack, Subject};
use crate::tools::specimen::{AlteredField, PersonName, SpecimenLicence};

/// Who stands before the camera.
const PERSON: PersonName = PersonName::Collins;
/// How long ago an expired card ended, in days: long enough to have ended in every time zone.
const EXPIRED_DAYS: i64 = 30;
/// How old the holder of an under-age card is, in years.
const UNDER_AGE_YEARS: i16 = 17;

/// What the person plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub enum Part {
    /// The holder of a good card.
    Genuine,
    /// The holder of a card whose front prints another date of birth than its barcode holds.
    Altered,
    /// The holder of a card that has expired.
    Expired,
    /// Somebody with the good card of another person.
    SomeoneElse,
    /// A good card, and a flat print of its portrait that is held up and turned.
    FlatPhoto,
    /// The same with a print that is bent towards the camera.
    BentPhoto,
    /// A good card and a face that turns as it is asked and that the screen's light does not reach: what a recording or
    /// an injected video looks like that follows the prompts.
    Unlit,
    /// Nobody: the empty room.
    Absent,
    /// The holder of a good card who is 17 years old.
    UnderAge,
}

/// Not the name of a part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such part; give one of {}", names().join(", "))]
pub struct PartError;

fn names() -> Vec<String> {
    Part::value_variants().iter().map(ToString::to_string).collect()
}

impl Part {
    /// The card that is shown; nobody shows none.
    pub(super) fn licence(self, today: Date) -> Option<SpecimenLicence> {
        let genuine = || SpecimenLicence::genuine(PERSON, today);
        Some(match self {
            Self::Genuine | Self::Unlit | Self::FlatPhoto | Self::BentPhoto => genuine(),
            Self::Altered => genuine().altered(AlteredField::DateOfBirth),
            Self::Expired => genuine().expiring(today.saturating_sub(EXPIRED_DAYS.days())),
            Self::SomeoneElse => SpecimenLicence::genuine(PERSON.other(), today),
            Self::UnderAge => genuine().of_age(UNDER_AGE_YEARS, today),
            Self::Absent => return None,
        })
    }

    /// What the camera sees where a face is asked for. For nobody: who is not there.
    pub(super) fn subject(self) -> Subject {
        let portrait = PERSON.portrait();
        match self {
            Self::FlatPhoto => Subject::Print(portrait, Attack::Flat),
            Self::BentPhoto => Subject::Print(portrait, Attack::Bent),
            Self::Genuine
            | Self::Altered
            | Self::Expired
            | Self::SomeoneElse
            | Self::Unlit
            | Self::Absent
            | Self::UnderAge => Subject::Head(portrait),
        }
    }

    /// Whether the screen's light reaches the face.
    pub(super) fn is_lit(self) -> bool {
        self != Self::Unlit
    }
}

/// The name on a command line.
impl std::fmt::Display for Part {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.to_possible_value().map_or(Ok(()), |value| formatter.write_str(value.get_name()))
    }
}

impl std::str::FromStr for Part {
    type Err = PartError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        <Self as ValueEnum>::from_str(text, false).map_err(|_| PartError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_read_back_by_its_name() {
        for part in Part::value_variants() {
            assert_eq!(part.to_string().parse(), Ok(*part));
        }
        assert_eq!(Part::SomeoneElse.to_string(), "someone-else");
    }

    #[test]
    fn what_is_no_part_is_refused_with_the_names() {
        let refused = "twin".parse::<Part>().unwrap_err().to_string();
        assert!(refused.contains("flat-photo") && refused.contains("under-age"), "{refused}");
    }
}
