//! Whole cases: everything that one verification needs, and the set of them that the command writes.

use jiff::civil::Date;

use super::SpecimenError;
use super::document::{licence_back, licence_front, passport_page};
use super::files::Folder;
use super::head::{Attack, Subject, TurnFrames, TurnOptions, TurnSide};
use super::person::{AlteredField, PersonName, SpecimenLicence, SpecimenPassport};
use super::photograph::{View, photograph};
use crate::imaging::Rgb;
use crate::tools::exit::CommandError;

/// What one verification sees.
#[derive(Debug)]
pub struct DemoCase {
    /// The licence's front as photographed, 1920 by 1080.
    pub front: Rgb,
    /// Its back, likewise.
    pub back: Rgb,
    /// The head turn, rendered frame by frame as it is asked for.
    pub frames: TurnFrames,
}

/// The pictures of one verification that has to succeed: a licence that is good on `today` and its holder, who turns as
/// `steps` ask.
///
/// # Errors
/// [`SpecimenError`] when a bundled file is damaged.
pub fn demo_case(name: PersonName, steps: Vec<TurnSide>, today: Date, seed: u64) -> Result<DemoCase, SpecimenError> {
    let (front, back) = photographed(&SpecimenLicence::genuine(name, today), seed)?;
    let frames = TurnFrames::new(Subject::Head(name.portrait()), TurnOptions::new(steps, seed))?;
    Ok(DemoCase { front, back, frames })
}

/// Both sides of a licence, photographed.
///
/// # Errors
/// [`SpecimenError`] when a bundled file is damaged or a field has a character that the fonts lack.
pub fn photographed(licence: &SpecimenLicence, seed: u64) -> Result<(Rgb, Rgb), SpecimenError> {
    let take = |side: &Rgb, seed| Ok(photograph(side, &View::default(), seed)?.image);
    Ok((take(&licence_front(licence)?, seed)?, take(&licence_back(licence)?, seed.wrapping_add(1))?))
}

/// Writes the genuine documents and the turn, and each variant and attack into a folder of its own.
pub(super) fn write_set(folder: &Folder, name: PersonName, today: Date, seed: u64) -> Result<(), CommandError> {
    let genuine = SpecimenLicence::genuine(name, today);
    write_sides(folder, &genuine, seed)?;
    let page = passport_page(&SpecimenPassport::genuine(name, today))?;
    folder.picture("passport.jpg", &photograph(&page, &View::default(), seed)?.image)?;
    for (kind, variant) in [
        ("expired", genuine.clone().expired(today)),
        ("under-age", genuine.clone().of_age(17, today)),
        ("altered", genuine.clone().altered(AlteredField::DateOfBirth)),
        ("other-person", genuine.clone().with_portrait(name.other().portrait())),
    ] {
        write_sides(&folder.inside(kind)?, &variant, seed)?;
    }
    for (kind, subject) in [
        ("turn", Subject::Head(name.portrait())),
        ("flat", Subject::Print(name.portrait(), Attack::Flat)),
        ("bent", Subject::Print(name.portrait(), Attack::Bent)),
    ] {
        let options = TurnOptions::new(vec![TurnSide::Left, TurnSide::Right], seed);
        folder.inside(kind)?.frames(TurnFrames::new(subject, options)?)?;
    }
    Ok(())
}

fn write_sides(folder: &Folder, licence: &SpecimenLicence, seed: u64) -> Result<(), CommandError> {
    let (front, back) = photographed(licence, seed)?;
    folder.picture("front.jpg", &front)?;
    folder.picture("back.jpg", &back)
}
