//! The command line of `carded specimen`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;

use super::barcodes::{Sweep, SymbolKind, write_frames};
use super::case;
use super::clip::ClipArgs;
use super::document::{
    SpecimenEuropeanLicence, SpecimenZone, ZoneFormat, european_front, identity_card_back, identity_card_front,
    licence_back, licence_front, passport_page, zone_page,
};
use super::files::Folder;
use super::head::{Attack, Subject, TurnFrames, TurnOptions, TurnSide};
use super::person::{AlteredField, PersonName, SpecimenLicence, SpecimenPassport};
use super::photograph::{View, photograph};
use super::recapture::{CardSide, Medium, present, varied_card, varied_licence};
use crate::imaging::Rgb;
use crate::tools::assets::Assets;
use crate::tools::exit::{CommandError, Exit};

/// Makes specimen documents, head turns and attacks.
#[derive(Debug, Clone, Args)]
pub struct SpecimenArgs {
    #[command(subcommand)]
    what: What,
    /// Folder to write to; it is made if it is not there.
    #[arg(long, global = true, default_value = "specimen")]
    out: PathBuf,
    /// Overwrite files that are there already.
    #[arg(long, global = true)]
    force: bool,
    /// Whose portrait.
    #[arg(long, global = true, value_enum, default_value = "collins")]
    person: PersonName,
    /// The same number gives the same pictures.
    #[arg(long, global = true, default_value = "1")]
    seed: u64,
    /// The day that the documents are made for, YYYY-MM-DD [default: today, UTC].
    #[arg(long, global = true)]
    today: Option<Date>,
}

#[derive(Debug, Clone, Subcommand)]
enum What {
    /// A driving licence: front.jpg and back.jpg.
    #[command(visible_alias = "license")]
    Licence(LicenceArgs),
    /// A driving licence of the European model, without barcode and machine-readable zone: front.jpg.
    EuropeanLicence(ViewArgs),
    /// A passport's data page: passport.jpg.
    Passport(PassportArgs),
    /// Both sides of an identity card with a machine-readable zone (TD1): front.jpg, back.jpg.
    IdentityCard(PassportArgs),
    /// A machine-readable zone of random content on a plain card or page: zone.jpg, and its lines in zone.txt.
    Zone(ZoneArgs),
    /// A head that turns: rendered-0000.jpg and so on.
    Turn(TurnArgs),
    /// A printed portrait that is turned like a head.
    Attack {
        /// What is done with the print.
        #[arg(long, value_enum, default_value = "flat")]
        kind: Attack,
        #[command(flatten)]
        turn: TurnArgs,
    },
    /// Clips of honest turns or of one species of attack, varied: species-seed/rendered-0000.jpg and so on, and clip.json.
    Clip(ClipArgs),
    /// Frames with a barcode as a camera sees it: a PNG each, what it says beside it, and a line each in frames.jsonl.
    Barcodes(BarcodesArgs),
    /// Photos of a card, or of a screen, photocopy or print of it, by varied cameras: kind-seed-side.jpg.
    Recapture(RecaptureArgs),
    /// All of them, with the variants and attacks that have to be refused, each in a folder of its own.
    Set,
}

/// What is wrong with a licence, if anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Variant {
    /// Nothing.
    Genuine,
    /// Its last day was yesterday.
    Expired,
    /// Made out to someone who turned 17 today, or what --age says.
    UnderAge,
    /// The front prints one field differently from the barcode.
    Altered,
    /// It shows another person's face.
    OtherPerson,
}

#[derive(Debug, Clone, Args)]
struct LicenceArgs {
    /// What is wrong with it.
    #[arg(long, value_enum, default_value = "genuine")]
    variant: Variant,
    /// Last day of validity, YYYY-MM-DD.
    #[arg(long)]
    expires: Option<Date>,
    /// The birthday in years that falls on today.
    #[arg(long, value_parser = clap::value_parser!(i16).range(0..120))]
    age: Option<i16>,
    /// Which field an altered front prints differently.
    #[arg(long, value_enum, default_value = "date-of-birth")]
    field: AlteredField,
    #[command(flatten)]
    view: ViewArgs,
}

#[derive(Debug, Clone, Args)]
struct PassportArgs {
    /// Last day of validity, YYYY-MM-DD.
    #[arg(long)]
    expires: Option<Date>,
    #[command(flatten)]
    view: ViewArgs,
}

#[derive(Debug, Clone, Args)]
struct ZoneArgs {
    /// Which of the formats of ICAO Doc 9303.
    #[arg(long, value_enum, default_value = "td3")]
    format: ZoneFormat,
    #[command(flatten)]
    view: ViewArgs,
}

#[derive(Debug, Clone, Args)]
struct ViewArgs {
    /// As drawn, instead of photographed on a table.
    #[arg(long)]
    drawn: bool,
    /// Turn in the picture's plane in degrees.
    #[arg(long, default_value = "4", allow_negative_numbers = true, value_parser = degrees)]
    turn: f32,
    /// Tilt of the top edge away from the camera in degrees.
    #[arg(long, default_value = "8", allow_negative_numbers = true, value_parser = degrees)]
    tilt: f32,
    /// Share of the picture's width that the document spans, 0.1 to 0.95.
    #[arg(long, default_value = "0.66", value_parser = share)]
    fill: f32,
    /// Blur in pixels, 0 to 20.
    #[arg(long, default_value = "0.6", value_parser = blur)]
    blur: f32,
}

#[derive(Debug, Clone, Args)]
struct BarcodesArgs {
    /// How many cards, from the seed on.
    #[arg(long, default_value = "10", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
    /// Photographs of each card from a hand that is not quite still.
    #[arg(long, default_value = "1", value_parser = clap::value_parser!(u32).range(1..=100))]
    takes: u32,
    /// What varies among them.
    #[arg(long, value_enum, default_value = "goal")]
    sweep: Sweep,
    /// Kind of symbol.
    #[arg(long, value_enum, default_value = "pdf417")]
    format: SymbolKind,
}

#[derive(Debug, Clone, Args)]
struct TurnArgs {
    /// The person's own sides in order.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "left,right")]
    steps: Vec<TurnSide>,
    /// How far each turn goes in degrees, up to 60.
    #[arg(long, default_value = "38", value_parser = turn_angle)]
    angle: f32,
    /// Frames a second, 1 to 60.
    #[arg(long, default_value = "15", value_parser = clap::value_parser!(u8).range(1..=60))]
    fps: u8,
    /// Width of the frames in pixels.
    #[arg(long, default_value = "640", value_parser = clap::value_parser!(u16).range(160..=1920))]
    width: u16,
    /// Height of the frames in pixels.
    #[arg(long, default_value = "480", value_parser = clap::value_parser!(u16).range(120..=1920))]
    height: u16,
    /// The camera is in a hand rather than on a counter.
    #[arg(long)]
    handheld: bool,
}

#[derive(Debug, Clone, Args)]
struct RecaptureArgs {
    /// What is held before the camera.
    #[arg(long, value_enum, default_value = "screen")]
    kind: Medium,
    /// How many cards, with the seeds from --seed on; fronts and backs take turns.
    #[arg(long, default_value = "1", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    count: u64,
}

/// Makes what the command line asks for.
///
/// # Errors
/// [`CommandError::Usage`] when a file is there already or cannot be written; another when the face models, which only
/// photos of other people need, do not work.
pub fn specimen(args: &SpecimenArgs, assets: &Assets) -> Result<Exit, CommandError> {
    let today = args.today.unwrap_or_else(|| jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date());
    if !(1970..=2150).contains(&today.year()) {
        return Err(CommandError::Usage("--today must lie between 1970 and 2150".to_owned()));
    }
    let folder = Folder::open(args.out.clone(), args.force)?;
    match &args.what {
        What::Licence(licence) => {
            write_licence(&folder, &licence.made_out(args.person, today), &licence.view, args.seed)?;
        }
        What::EuropeanLicence(view) => {
            let drawn = european_front(&SpecimenEuropeanLicence::genuine(args.person, today))?;
            folder.picture("front.jpg", &view.take(&drawn, args.seed)?)?;
        }
        What::Passport(passport) => {
            let made = passport.made_out(args.person, today);
            folder.picture("passport.jpg", &passport.view.take(&passport_page(&made)?, args.seed)?)?;
        }
        What::IdentityCard(card) => {
            let made = card.made_out(args.person, today);
            folder.picture("front.jpg", &card.view.take(&identity_card_front(&made)?, args.seed)?)?;
            folder.picture("back.jpg", &card.view.take(&identity_card_back(&made)?, args.seed.wrapping_add(1))?)?;
        }
        What::Zone(asked) => {
            let zone = SpecimenZone::random(asked.format, args.seed);
            folder.text("zone.txt", &format!("{}\n", zone.lines.join("\n")))?;
            folder.picture("zone.jpg", &asked.view.take(&zone_page(&zone)?, args.seed)?)?;
        }
        What::Turn(turn) => folder.frames(turn.frames(Subject::Head(args.person.portrait()), args.seed)?)?,
        What::Attack { kind, turn } => {
            folder.frames(turn.frames(Subject::Print(args.person.portrait(), *kind), args.seed)?)?;
        }
        What::Clip(clips) => return clips.write(&folder, args.person, args.seed, assets),
        What::Barcodes(frames) => {
            write_frames(&folder, (args.seed, frames.count, frames.takes), frames.sweep, frames.format)?;
        }
        What::Recapture(recapture) => recapture.write(&folder, args.person, today, args.seed)?,
        What::Set => case::write_set(&folder, args.person, today, args.seed)?,
    }
    Ok(Exit::Success)
}

impl PassportArgs {
    fn made_out(&self, person: PersonName, today: Date) -> SpecimenPassport {
        let made = SpecimenPassport::genuine(person, today);
        self.expires.map_or(made.clone(), |last| made.expiring(last))
    }
}

impl LicenceArgs {
    fn made_out(&self, name: PersonName, today: Date) -> SpecimenLicence {
        let genuine = SpecimenLicence::genuine(name, today);
        let made = match self.variant {
            Variant::Genuine => genuine,
            Variant::Expired => genuine.expired(today),
            Variant::UnderAge => genuine.of_age(self.age.unwrap_or(17), today),
            Variant::Altered => genuine.altered(self.field),
            Variant::OtherPerson => genuine.with_portrait(name.other().portrait()),
        };
        let made = match (self.variant, self.age) {
            (Variant::UnderAge, _) | (_, None) => made,
            (_, Some(age)) => made.of_age(age, today),
        };
        self.expires.map_or(made.clone(), |last| made.expiring(last))
    }
}

fn write_licence(folder: &Folder, licence: &SpecimenLicence, view: &ViewArgs, seed: u64) -> Result<(), CommandError> {
    folder.picture("front.jpg", &view.take(&licence_front(licence)?, seed)?)?;
    folder.picture("back.jpg", &view.take(&licence_back(licence)?, seed + 1)?)
}

impl ViewArgs {
    fn take(&self, document: &Rgb, seed: u64) -> Result<Rgb, CommandError> {
        if self.drawn {
            return Ok(document.clone());
        }
        let view = View {
            turn_degrees: self.turn,
            tilt_degrees: self.tilt,
            fill: self.fill,
            blur: self.blur,
            ..View::default()
        };
        Ok(photograph(document, &view, seed)?.image)
    }
}

impl TurnArgs {
    fn frames(&self, subject: Subject, seed: u64) -> Result<TurnFrames, CommandError> {
        let mut options = TurnOptions::new(self.steps.clone(), seed);
        options.script.angle_degrees = self.angle;
        options.fps = f32::from(self.fps);
        (options.width, options.height) = (self.width.into(), self.height.into());
        if self.handheld {
            options.camera_sway_mm = 4.0;
        }
        Ok(TurnFrames::new(subject, options)?)
    }
}

impl RecaptureArgs {
    fn write(&self, folder: &Folder, name: PersonName, today: Date, first: u64) -> Result<(), CommandError> {
        let kind = self.kind.to_possible_value().map_or_else(String::new, |kind| kind.get_name().to_owned());
        for seed in first..first.saturating_add(self.count) {
            let (side, named) =
                if seed.is_multiple_of(2) { (CardSide::Front, "front") } else { (CardSide::Back, "back") };
            let card = varied_card(&varied_licence(name, today, seed), side, seed)?;
            folder.jpeg(&format!("{kind}-{seed:05}-{named}.jpg"), &present(&card, self.kind, seed)?.jpeg)?;
        }
        Ok(())
    }
}

fn within(text: &str, low: f32, high: f32) -> Result<f32, String> {
    let value: f32 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (low..=high).contains(&value) { Ok(value) } else { Err(format!("give a number from {low} to {high}")) }
}

fn degrees(text: &str) -> Result<f32, String> {
    within(text, -180.0, 180.0)
}

fn share(text: &str) -> Result<f32, String> {
    within(text, 0.1, 0.95)
}

fn blur(text: &str) -> Result<f32, String> {
    within(text, 0.0, 20.0)
}

fn turn_angle(text: &str) -> Result<f32, String> {
    within(text, 1.0, 60.0)
}
