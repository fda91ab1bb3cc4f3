//! `inspect turn`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::{Assets, Common, InputFault, MeasureError, run};
use crate::camera::FrameSequence;
use crate::liveness::{Challenge, LeastYaw, Side, TurnReport, TurnTracker};
use crate::tools::exit::{CommandError, Exit};
use crate::vision::{FaceObserver, Runtime};

/// Scores recorded head turns.
#[derive(Debug, Clone, Args)]
pub struct TurnArgs {
    /// Folders of frames in name order, or video files if ffmpeg is installed.
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// Frames a second of the folders; a video states its own.
    #[arg(long, default_value_t = 30.0, value_parser = crate::tools::frames_a_second)]
    pub fps: f64,
    /// The turns that were asked for, in order, by the person's own sides [default: both, in either order].
    #[arg(long, value_delimiter = ',')]
    pub steps: Option<Vec<Side>>,
    /// Ask for a look ahead after the last turn, as sessions do; recordings may end in a turn.
    #[arg(long)]
    pub end_ahead: bool,
    /// Least reported yaw of a turn, in degrees.
    #[arg(long, default_value_t = LeastYaw::SHIPPED.0, value_parser = least_yaw)]
    pub min_yaw: f32,
}

#[derive(Debug, Serialize)]
struct PathLabel {
    path: PathBuf,
}

fn least_yaw(text: &str) -> Result<f32, String> {
    let yaw = text.parse().ok().filter(|yaw| (0.0..=90.0).contains(yaw));
    yaw.ok_or_else(|| "give degrees between 0 and 90; below 15 a photo passes".to_owned())
}

/// Scores recorded head turns.
///
/// # Errors
/// [`CommandError`] when the steps make no challenge, it cannot start or a model fails.
pub fn turn(args: &TurnArgs, common: &Common, assets: &Assets) -> Result<Exit, CommandError> {
    let challenge = crate::tools::asked_challenge(args.steps.as_deref())?;
    let challenge = if args.end_ahead { challenge.ending_ahead() } else { challenge };
    run(
        &args.paths,
        common,
        |path| PathLabel { path: path.clone() },
        |threads| FaceObserver::open(&Runtime::load(&assets.models, &assets.runtime, threads)?),
        |path| Ok(path.clone()),
        |observer, path| score(observer, path, args, challenge.clone()),
    )
}

/// Frames are decoded as they are scored, because a whole recording would not fit into memory: the time of a turn
/// includes decoding.
fn score(
    observer: &mut FaceObserver,
    path: &Path,
    args: &TurnArgs,
    challenge: Challenge,
) -> Result<TurnReport, MeasureError> {
    let unreadable = |error: crate::camera::SequenceError| InputFault(error.to_string());
    let total = challenge.total();
    let mut tracker = TurnTracker::new(challenge, LeastYaw(args.min_yaw));
    observer.reset();
    for frame in FrameSequence::open(path, args.fps).map_err(unreadable)? {
        let frame = frame.map_err(unreadable)?;
        let observation = observer.observe(&frame, &tracker)?;
        tracker.observe(&observation);
        // What comes after the deadline of the whole challenge cannot change the verdict.
        if frame.captured_at > total {
            break;
        }
    }
    Ok(tracker.finish())
}
