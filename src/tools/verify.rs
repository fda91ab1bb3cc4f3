//! `carded verify`: one verification from files.

use std::path::PathBuf;

use clap::Args;
use jiff::civil::Date;

use super::assets::Assets;
use super::document_files::DocumentFiles;
use super::exit::{CommandError, Exit};
use super::report::{self, Format};
use super::rules::TableArgs;
use crate::camera::FrameSequence;
use crate::compliance::{Jurisdiction, UseCase};
use crate::imaging::Provenance;
use crate::liveness::Side;
use crate::run::{DocumentPictures, Request, Verifier};
use crate::session::OutcomeResult;
use crate::vision::{Runtime, Threads};

/// What to verify.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    document: DocumentFiles,
    /// The person turning the head: a folder of frames in name order, or a video if ffmpeg is installed.
    #[arg(long)]
    face: PathBuf,
    /// Frames a second of a folder; a video states its own.
    #[arg(long, default_value_t = 30.0, value_parser = super::frames_a_second)]
    fps: f64,
    /// The turns that were asked for, by the person's own sides, such as `left,right` [default: both, in either order].
    #[arg(long, value_delimiter = ',')]
    steps: Option<Vec<Side>>,
    /// What the person wants to do.
    #[arg(long, default_value = "alcohol_in_person")]
    use_case: UseCase,
    /// Where, by ISO 3166-2.
    #[arg(long, default_value = "US-CA")]
    jurisdiction: Jurisdiction,
    /// The day to decide for [default: today in the jurisdiction].
    #[arg(long)]
    today: Option<Date>,
    #[command(flatten)]
    table: TableArgs,
    /// The configuration file, for --bundle and --installed.
    #[arg(long, env = "CARDED_CONFIG", default_value = "/etc/carded/config.toml")]
    config: PathBuf,
    /// Print the outcome as it would be signed, and each stage's time, as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs one verification and says how it ended: verified, not verified, bad input, or a fault of the device.
///
/// # Errors
/// [`CommandError`] when an input cannot be read, no rule is known, or a model fails.
pub fn verify(args: &VerifyArgs, assets: &Assets) -> Result<Exit, CommandError> {
    let challenge = super::asked_challenge(args.steps.as_deref())?;
    let table = args.table.open(&args.config)?;
    let request = Request::new(&table.book, args.use_case, &args.jurisdiction, args.today, challenge)?;
    let sides = args.document.load().map_err(CommandError::Usage)?;
    let pictures = DocumentPictures { sides, provenance: Provenance::Files };
    let frames = FrameSequence::open(&args.face, args.fps)?;
    let format = if args.json { Format::Json } else { Format::Table };
    let runtime = Runtime::load(&assets.models, &assets.runtime, Threads::all())?;
    let mut verifier = Verifier::open(&runtime)?;
    let verified = verifier.verify(&pictures, frames, &request, &mut |stage| report::stage(format, stage))?;
    report::finish(format, &verified, (table.book.version(), &table.from))?;
    Ok(match verified.outcome.result() {
        OutcomeResult::Verified => Exit::Success,
        OutcomeResult::NotVerified => Exit::Negative,
    })
}
