//! `inspect camera`: which camera a device is, what it really gives, and how it fails.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use crate::camera::{
    Camera, CameraIdentity, CameraLimits, CameraPin, CameraStatus, OpenSource, PixelFormat, SeenCamera, V4l2Settings,
    V4l2Source, identify,
};
use crate::imaging::{Frame, Provenance};
use crate::run::worker::{DecoderWorker, picture_decoder};
use crate::session::DeviceFault;
use crate::tools::exit::{CommandError, Exit};

/// How often the state is looked at while no frame comes.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Places along the middle row whose colour is printed.
const SAMPLES: usize = 8;

/// Says which camera it is and watches it for a while; one line for each change of its state, and one at the end.
#[derive(Debug, Clone, Args)]
pub struct CameraArgs {
    /// `/dev/v4l/by-id/…-video-index0` or `/dev/videoN`.
    pub device: PathBuf,
    /// Width and height in pixels, as 1280x720.
    #[arg(long, default_value = "1280x720", value_parser = size)]
    pub size: (u32, u32),
    /// Frames a second.
    #[arg(long, default_value_t = 30)]
    pub rate: u32,
    /// `mjpeg` or `yuyv`.
    #[arg(long, default_value = "mjpeg", value_parser = pixels)]
    pub pixels: PixelFormat,
    /// How long it is watched.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    /// Watch a device that is made of software, too.
    #[arg(long)]
    pub allow_virtual: bool,
    /// Print only what the configuration needs to pin this camera.
    #[arg(long)]
    pub pin: bool,
}

fn size(text: &str) -> Result<(u32, u32), String> {
    let sides = text.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    sides.ok_or_else(|| "give width and height in pixels, as 1280x720".to_owned())
}

fn pixels(text: &str) -> Result<PixelFormat, String> {
    match text {
        "mjpeg" => Ok(PixelFormat::Mjpeg),
        "yuyv" => Ok(PixelFormat::Yuyv),
        _ => Err("give mjpeg or yuyv".to_owned()),
    }
}

#[derive(Debug, Serialize)]
struct Found {
    camera: CameraIdentity,
    /// The part of the configuration that pins it; none for a camera that cannot be told from others.
    pin: Option<String>,
}

impl Found {
    fn of(camera: CameraIdentity) -> Self {
        Self { pin: CameraPin::of(&camera).map(|pin| pin.to_toml()), camera }
    }
}

#[derive(Debug, Serialize)]
struct Change {
    at_ms: u128,
    status: &'static str,
    fault: Option<DeviceFault>,
}

#[derive(Debug, Default, Serialize)]
struct Summary {
    frames: u64,
    not_looked_at: u64,
    faults: u64,
    frames_per_second: Option<f32>,
    width: usize,
    height: usize,
    provenance: Option<Provenance>,
    /// Red, green and blue of the last frame, evenly along its middle row.
    middle_row: Vec<[u8; 3]>,
}

impl Summary {
    fn see(&mut self, frame: &Frame) {
        let image = &frame.image;
        self.frames += 1;
        (self.width, self.height) = (image.width(), image.height());
        self.provenance = Some(self.provenance.map_or(frame.provenance, |seen| seen.least_trusted(frame.provenance)));
        let column = |n: usize| (2 * n + 1) * image.width() / (2 * SAMPLES);
        self.middle_row = (0..SAMPLES).map(|n| image.pixel(column(n), image.height() / 2)).collect();
    }
}

fn name(status: CameraStatus) -> &'static str {
    match status {
        CameraStatus::Starting => "starting",
        CameraStatus::Live { .. } => "live",
        CameraStatus::Faulted(_) => "faulted",
        CameraStatus::Dead => "dead",
    }
}

/// Prints what pins a camera; negative when it cannot be told from others.
fn print_pin(args: &CameraArgs) -> Result<Exit, CommandError> {
    let found = identify(&args.device).map(Found::of).map_err(|error| CommandError::System(error.to_string()))?;
    let mut output = std::io::stdout().lock();
    writeln!(output, "# {}", found.camera)?;
    match found.pin {
        Some(pin) => write!(output, "{pin}")?,
        None => writeln!(output, "# it is made of software or cannot be told from others: nothing pins it")?,
    }
    Ok(if found.camera.is_virtual { Exit::Negative } else { Exit::Success })
}

/// Watches one camera; negative when it is not live at the end.
///
/// # Errors
/// [`CommandError`] when the decoder cannot be started or the output is closed.
pub fn camera(args: &CameraArgs) -> Result<Exit, CommandError> {
    if args.pin {
        return print_pin(args);
    }
    let (width, height) = args.size;
    let settings = V4l2Settings {
        device: args.device.clone(),
        pin: None,
        width,
        height,
        rate: args.rate,
        pixels: args.pixels,
        allow_virtual: args.allow_virtual,
    };
    let program = std::env::current_exe().map_err(|error| CommandError::System(error.to_string()))?;
    let worker = DecoderWorker::spawn(&program).map_err(|error| CommandError::System(error.to_string()))?;
    let decoder = picture_decoder(Arc::new(worker));
    if let Ok(camera) = identify(&args.device) {
        write_line(&mut std::io::stdout().lock(), &Found::of(camera))?;
    }
    let seen = SeenCamera::default();
    let open: OpenSource = Arc::new(move || Ok(Box::new(V4l2Source::open(&settings, Arc::clone(&decoder), &seen)?)));
    let started = Instant::now();
    let camera = Camera::start(open, started, CameraLimits::default());
    camera.set_wanted(true);
    watch(&camera, started, Duration::from_secs(args.seconds))
}

fn watch(camera: &Camera, started: Instant, how_long: Duration) -> Result<Exit, CommandError> {
    let mut output = std::io::stdout().lock();
    let (mut after, mut shown) = (None, None);
    let mut summary = Summary::default();
    while started.elapsed() < how_long {
        if let Some(frame) = camera.newest(after, LOOK_EVERY) {
            summary.see(&frame);
            after = Some(frame.sequence);
        } else if camera.status() == CameraStatus::Dead {
            // A dead camera does not wait for frames.
            std::thread::sleep(LOOK_EVERY);
        }
        let status = camera.status();
        if let CameraStatus::Live { frames_per_second } = status {
            summary.frames_per_second = Some(frames_per_second);
        }
        if shown != Some((name(status), status.fault())) {
            shown = Some((name(status), status.fault()));
            summary.faults += u64::from(status.fault().is_some());
            let change = Change { at_ms: started.elapsed().as_millis(), status: name(status), fault: status.fault() };
            write_line(&mut output, &change)?;
        }
    }
    summary.not_looked_at = camera.dropped_frames();
    write_line(&mut output, &summary)?;
    Ok(if matches!(camera.status(), CameraStatus::Live { .. }) { Exit::Success } else { Exit::Negative })
}

fn write_line(output: &mut impl Write, line: &impl Serialize) -> Result<(), CommandError> {
    let text = serde_json::to_string(line).map_err(|error| CommandError::System(error.to_string()))?;
    Ok(writeln!(output, "{text}")?)
}
