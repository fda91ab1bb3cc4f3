//! Cameras on the kernel's V4L2 interface: one device, named by its owner, at one agreed format.
//!
//! `nokhwa` names the cameras that are there; the format is agreed on and the buffers are taken through `v4l`, the layer
//! beneath it. `nokhwa` itself hides how many bytes of a buffer are new and whether the driver calls them damaged (a cut
//! frame would be completed by the pixels of an earlier one, possibly of another person), waits without a limit, refuses
//! intervals such as 1001/30000, and gives a handle that a hanging thread still holds to whoever opens the device next.
//!
//! Always holds: a device is never guessed by its number; what the driver answered is compared with what was asked
//! before the first frame; only bytes that the driver calls new and whole are looked at; every wait for a buffer ends.
//! The driver code may panic on odd answers: the thread that runs it is expected to survive that. Does not decode JPEG:
//! those bytes are hostile and go to the decoder that is handed in.

use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use v4l::buffer::{Flags as BufferFlags, Type};
use v4l::capability::Flags;
use v4l::io::traits::{CaptureStream, Stream};
use v4l::prelude::MmapStream;
use v4l::video::Capture as _;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC, Fraction};

use super::files::MAX_PIXELS;
use super::source::{CameraError, Capture, FrameSource, PictureDecoder};
use super::yuyv::yuyv_to_rgb;
use crate::imaging::Provenance;

/// Buffers that the driver fills in turn.
const BUFFERS: u32 = 4;
/// Wait for the first buffer: some cameras need seconds to start.
const FIRST_BUFFER: Duration = Duration::from_secs(8);
/// Wait for each further one; below the watchdog's patience, so that the thread comes back by itself.
const NEXT_BUFFER: Duration = Duration::from_secs(2);
/// Most frames a second that are asked for or believed.
const MAX_RATE: u32 = 240;
/// `ENODEV`: the device is gone.
const NO_DEVICE: i32 = 19;
/// Where a camera has a name that stays its own.
const STABLE_NAMES: &str = "/dev/v4l";
/// Drivers of cameras that are made of software.
const VIRTUAL_DRIVERS: [&str; 6] = ["vivid", "v4l2 loopback", "v4l2loopback", "vimc", "akvcam", "visl"];
/// Parts of a device's place in sysfs that no plugged-in camera has: no bus at all, an emulated one, one over a network.
const VIRTUAL_PLACES: [&str; 3] = ["virtual", "dummy_hcd", "vhci_hcd"];

/// How a camera codes its pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PixelFormat {
    /// One JPEG a picture: what webcams need above 640x480.
    Mjpeg,
    /// Uncompressed 4:2:2.
    Yuyv,
}

impl PixelFormat {
    fn code(self) -> FourCC {
        FourCC::new(match self {
            Self::Mjpeg => b"MJPG",
            Self::Yuyv => b"YUYV",
        })
    }
}

/// Which camera, and what it is asked for.
#[derive(Debug, Clone)]
pub struct V4l2Settings {
    /// `/dev/v4l/by-id/…-video-index0`, which stays the same camera wherever it is plugged in. `/dev/videoN` is opened too, and
    /// nothing live can come of it, because another camera may have that number tomorrow.
    pub device: PathBuf,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frames a second.
    pub rate: u32,
    /// How pictures are coded.
    pub pixels: PixelFormat,
    /// Whether a device made of software (vivid, v4l2loopback) is opened at all. Its frames count as
    /// [`Provenance::Simulated`], so that nothing live can come of them; without this it is refused.
    pub allow_virtual: bool,
}

impl V4l2Settings {
    fn wanted(&self) -> String {
        format!("{}x{} {} at {} frames a second", self.width, self.height, self.pixels.code(), self.rate)
    }

    fn missing(&self, reason: impl std::fmt::Display) -> CameraError {
        CameraError::Missing { device: self.device.clone(), reason: reason.to_string() }
    }
}

/// An open camera.
///
/// Its frames are [`Provenance::PinnedCamera`] only if the device has a real driver on a real bus. Whatever pretends to
/// be a USB camera in hardware is not told apart from one.
pub struct V4l2Source {
    settings: V4l2Settings,
    decoder: PictureDecoder,
    provenance: Provenance,
    stride: usize,
    /// There until it is dropped.
    stream: Option<MmapStream<'static>>,
    started: bool,
}

impl V4l2Source {
    /// Opens the device, agrees on the format and prepares the buffers.
    ///
    /// # Errors
    /// [`CameraError::Missing`], [`CameraError::Virtual`] or [`CameraError::Format`].
    pub fn open(settings: &V4l2Settings, decoder: PictureDecoder) -> Result<Self, CameraError> {
        let node = resolve(settings)?;
        let device = Device::with_path(&node).map_err(|error| settings.missing(error))?;
        let capabilities = device.query_caps().map_err(|error| settings.missing(error))?;
        if !capabilities.capabilities.contains(Flags::VIDEO_CAPTURE | Flags::STREAMING) {
            return Err(settings.missing("it gives no pictures; the first node of a camera ends in -video-index0"));
        }
        let provenance = if is_virtual(&capabilities.driver, &place_in_sysfs(&node)) {
            if !settings.allow_virtual {
                return Err(CameraError::Virtual { device: settings.device.clone(), driver: capabilities.driver });
            }
            Provenance::Simulated
        } else if settings.device.starts_with(STABLE_NAMES) {
            Provenance::PinnedCamera
        } else {
            tracing::warn!(
                "a camera named by its number may be another one tomorrow: nothing live comes of it; name it by {STABLE_NAMES}/by-id/…"
            );
            Provenance::Simulated
        };
        let stride = agree(&device, settings)?;
        let prepared = MmapStream::with_buffers(&device, Type::VideoCapture, BUFFERS);
        let mut stream = prepared.map_err(|error| settings.missing(format!("it is in use: {error}")))?;
        stream.set_timeout(FIRST_BUFFER);
        let settings = settings.clone();
        Ok(Self { settings, decoder, provenance, stride, stream: Some(stream), started: false })
    }

    /// Takes the next buffer and looks at its new bytes.
    fn with_buffer<T>(&mut self, look: impl FnOnce(&Self, &[u8]) -> Result<T, CameraError>) -> Result<T, CameraError> {
        let Some(mut stream) = self.stream.take() else { return Err(CameraError::Crashed) };
        if self.started {
            stream.set_timeout(NEXT_BUFFER);
        }
        let result = match CaptureStream::next(&mut stream) {
            Ok((_, about)) if about.flags.contains(BufferFlags::ERROR) => {
                Err(CameraError::Picture("the driver calls it damaged".to_owned()))
            }
            Ok((buffer, about)) => match buffer.get(..about.bytesused as usize) {
                Some(bytes) if !bytes.is_empty() => look(self, bytes),
                Some(_) | None => Err(CameraError::Picture("it is empty".to_owned())),
            },
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                Err(CameraError::Silent(if self.started { NEXT_BUFFER } else { FIRST_BUFFER }))
            }
            Err(error) => Err(CameraError::Disconnected(error.to_string())),
        };
        self.started = true;
        self.stream = Some(stream);
        result
    }

    fn picture(&self, bytes: &[u8]) -> Result<Capture, CameraError> {
        let (width, height) = (self.settings.width as usize, self.settings.height as usize);
        let image = match self.settings.pixels {
            PixelFormat::Yuyv => yuyv_to_rgb(bytes, width, height, self.stride)
                .map_err(|error| CameraError::Picture(error.to_string()))?,
            PixelFormat::Mjpeg => (self.decoder)(bytes)?,
        };
        if (image.width(), image.height()) != (width, height) {
            let given = format!("{}x{} pixels", image.width(), image.height());
            return Err(CameraError::Format { wanted: self.settings.wanted(), given });
        }
        Ok(Capture { image, provenance: self.provenance })
    }
}

impl FrameSource for V4l2Source {
    fn next(&mut self) -> Result<Capture, CameraError> {
        self.with_buffer(Self::picture)
    }

    fn skip(&mut self) -> Result<(), CameraError> {
        self.with_buffer(|_, _| Ok(()))
    }
}

impl Drop for V4l2Source {
    fn drop(&mut self) {
        let Some(mut stream) = self.stream.take() else { return };
        match stream.stop() {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(NO_DEVICE) => {}
            Err(error) => {
                // Dropping it would panic twice over the same error, which ends the process.
                tracing::warn!("the camera does not stop: {error}; it stays open until this process ends");
                std::mem::forget(stream);
            }
        }
    }
}

/// The node that the configured path leads to now.
fn resolve(settings: &V4l2Settings) -> Result<PathBuf, CameraError> {
    let node = std::fs::canonicalize(&settings.device)
        .map_err(|error| settings.missing(format!("{error}; cameras that are there: {}", cameras_that_are_there())))?;
    let named_as_video = node.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"video"));
    let kind = std::fs::metadata(&node).map_err(|error| settings.missing(error))?;
    if named_as_video && kind.file_type().is_char_device() {
        return Ok(node);
    }
    Err(settings.missing("it is no video device"))
}

/// For the eyes of whoever mends the configuration.
fn cameras_that_are_there() -> String {
    let cameras = nokhwa::query(nokhwa::utils::ApiBackend::Video4Linux).unwrap_or_default();
    if cameras.is_empty() {
        return "none".to_owned();
    }
    let names = cameras.iter().map(|camera| format!("{} at /dev/video{}", camera.human_name(), camera.index()));
    names.collect::<Vec<_>>().join(", ")
}

/// Where the device hangs; empty when the system does not say.
fn place_in_sysfs(node: &Path) -> PathBuf {
    let class = Path::new("/sys/class/video4linux").join(node.file_name().unwrap_or_default());
    std::fs::canonicalize(class).unwrap_or_default()
}

/// Whether a device is made of software, or cannot be shown not to be.
fn is_virtual(driver: &str, place: &Path) -> bool {
    let emulated =
        |part: &std::ffi::OsStr| VIRTUAL_PLACES.iter().any(|name| part.as_encoded_bytes().starts_with(name.as_bytes()));
    VIRTUAL_DRIVERS.contains(&driver) || !place.starts_with("/sys/devices") || place.iter().any(emulated)
}

/// Asks for the format and the rate, and compares the driver's answers. Gives the bytes from one row to the next.
fn agree(device: &Device, settings: &V4l2Settings) -> Result<usize, CameraError> {
    let refused = |what: &str, error: std::io::Error| CameraError::Format {
        wanted: settings.wanted(),
        given: format!("an error when asked for its {what}: {error}"),
    };
    let pixels = u64::from(settings.width) * u64::from(settings.height);
    if pixels == 0 || pixels > MAX_PIXELS || !(1..=MAX_RATE).contains(&settings.rate) {
        let given = format!("at most {MAX_PIXELS} pixels and {MAX_RATE} frames a second, and at least one");
        return Err(CameraError::Format { wanted: settings.wanted(), given });
    }
    // Zero stride and size let the driver choose them.
    let asked = Format::new(settings.width, settings.height, settings.pixels.code());
    device.set_format(&asked).map_err(|error| refused("format", error))?;
    // Some drivers run slowly until they are asked for a rate, so it is always set.
    device.set_params(&Parameters::with_fps(settings.rate)).map_err(|error| refused("rate", error))?;
    let format = device.format().map_err(|error| refused("format", error))?;
    let interval = device.params().map_err(|error| refused("rate", error))?.interval;
    check_answer(settings, &format, interval)
}

fn check_answer(settings: &V4l2Settings, format: &Format, interval: Fraction) -> Result<usize, CameraError> {
    let given = |what: String| CameraError::Format { wanted: settings.wanted(), given: what };
    let same = format.width == settings.width && format.height == settings.height;
    if !same || format.fourcc != settings.pixels.code() {
        return Err(given(format!("{}x{} {}", format.width, format.height, format.fourcc)));
    }
    let (parts, seconds) = (u64::from(interval.denominator), u64::from(interval.numerator));
    if parts == 0 || seconds == 0 || parts > seconds * u64::from(MAX_RATE) {
        return Err(given(format!("a frame interval of {seconds}/{parts} s")));
    }
    if parts < seconds * u64::from(settings.rate) {
        tracing::info!("the camera gives {:.1} frames a second, not {}", parts as f64 / seconds as f64, settings.rate);
    }
    match settings.pixels {
        PixelFormat::Mjpeg => Ok(0),
        PixelFormat::Yuyv => {
            let row = settings.width * 2;
            let stride = if format.stride == 0 { row } else { format.stride };
            let needed = u64::from(stride) * u64::from(settings.height);
            if stride < row || u64::from(format.size) < needed {
                return Err(given(format!("{stride} bytes a row and {} in all", format.size)));
            }
            Ok(stride as usize)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn settings() -> V4l2Settings {
        V4l2Settings {
            device: PathBuf::from("/dev/video0"),
            width: 640,
            height: 480,
            rate: 30,
            pixels: PixelFormat::Yuyv,
            allow_virtual: false,
        }
    }

    fn answer() -> Format {
        Format { stride: 1280, size: 614_400, ..Format::new(640, 480, FourCC::new(b"YUYV")) }
    }

    #[test]
    fn an_honest_answer_is_agreed_to_also_with_an_uneven_rate() {
        for (seconds, parts) in [(1, 30), (1001, 30_000), (2, 25), (1, 5)] {
            assert_eq!(check_answer(&settings(), &answer(), Fraction::new(seconds, parts)).unwrap(), 1280);
        }
        let unstated = Format { stride: 0, ..answer() };
        assert_eq!(check_answer(&settings(), &unstated, Fraction::new(1, 30)).unwrap(), 1280);
    }

    #[test]
    fn a_driver_that_answers_with_another_format_size_or_rate_is_refused() {
        let second = Fraction::new(1, 30);
        let lies = [
            (Format { width: 320, ..answer() }, second),
            (Format { height: 360, ..answer() }, second),
            (Format { fourcc: FourCC::new(b"MJPG"), ..answer() }, second),
            (Format { stride: 640, ..answer() }, second),
            (Format { size: 0, ..answer() }, second),
            (answer(), Fraction::new(0, 30)),
            (answer(), Fraction::new(1, 0)),
            (answer(), Fraction::new(1, 100_000)),
        ];
        for (format, interval) in lies {
            let refused = check_answer(&settings(), &format, interval);
            assert!(matches!(refused, Err(CameraError::Format { .. })), "{format} {interval}");
        }
    }

    #[test]
    fn devices_of_software_are_told_from_plugged_in_ones() {
        let usb = Path::new("/sys/devices/pci0000:00/0000:00:14.0/usb1/1-5/1-5:1.0/video4linux/video0");
        assert!(!is_virtual("uvcvideo", usb));
        assert!(!is_virtual("bm2835 mmal", Path::new("/sys/devices/platform/soc/bcm2835-camera/video4linux/video0")));
        assert!(is_virtual("vivid", Path::new("/sys/devices/platform/vivid.0/video4linux/video0")));
        assert!(is_virtual("v4l2 loopback", usb), "its driver tells");
        assert!(is_virtual("anything", Path::new("/sys/devices/virtual/video4linux/video3")));
        assert!(is_virtual("uvcvideo", Path::new("/sys/devices/platform/vhci_hcd.0/usb3/3-1/video4linux/video0")));
        assert!(is_virtual("uvcvideo", Path::new("")), "nothing shows that it is real");
    }

    #[test]
    fn a_camera_that_is_not_there_is_missing_and_a_file_is_no_camera() {
        let decoder: PictureDecoder = Arc::new(|_| Err(CameraError::Crashed));
        for device in ["/dev/v4l/by-id/usb-none-video-index0", "/dev/null", "/proc/self/status"] {
            let opened = V4l2Source::open(&V4l2Settings { device: device.into(), ..settings() }, Arc::clone(&decoder));
            assert!(matches!(opened, Err(CameraError::Missing { .. })), "{device}");
        }
    }
}
