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
use v4l::capability::{Capabilities, Flags};
use v4l::io::traits::{CaptureStream, Stream};
use v4l::prelude::MmapStream;
use v4l::video::Capture as _;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC, Fraction};

use super::files::MAX_PIXELS;
use super::identity::{CameraIdentity, DeviceNumber};
use super::pin::{CameraPin, SeenCamera, name_pins};
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
/// Where the kernel describes its devices.
const SYSFS: &str = "/sys";

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
    /// `/dev/v4l/by-id/…-video-index0` or another path of the device. Without a pin, nothing live can come of it unless
    /// the name itself [pins](super::pin::name_pins).
    pub device: PathBuf,
    /// Which camera it has to be.
    pub pin: Option<CameraPin>,
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
/// Its frames are [`Provenance::PinnedCamera`] only if the device has a real driver on a real bus and is the camera that
/// is pinned. Whatever states the same numbers at the same port in hardware is not told apart from it.
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
    /// Opens the device, makes sure that it is the right one, agrees on the format and prepares the buffers.
    ///
    /// # Errors
    /// [`CameraError::Missing`], [`CameraError::Virtual`], [`CameraError::Other`] or [`CameraError::Format`].
    pub fn open(settings: &V4l2Settings, decoder: PictureDecoder, seen: &SeenCamera) -> Result<Self, CameraError> {
        let (device, number, identity) = open_device(settings)?;
        let provenance = provenance(settings, number, &identity)?;
        seen.admit(&identity)?;
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

/// Which camera a path leads to.
///
/// # Errors
/// [`CameraError::Missing`].
pub fn identify(device: &Path) -> Result<CameraIdentity, CameraError> {
    let settings = V4l2Settings {
        device: device.to_owned(),
        pin: None,
        width: 0,
        height: 0,
        rate: 0,
        pixels: PixelFormat::Mjpeg,
        allow_virtual: true,
    };
    open_device(&settings).map(|(_, _, identity)| identity)
}

/// Opens the device and reads which camera it is: that of the open file, whatever its name leads to by now.
fn open_device(settings: &V4l2Settings) -> Result<(Device, DeviceNumber, CameraIdentity), CameraError> {
    let node = resolve(settings)?;
    let device = Device::with_path(&node).map_err(|error| settings.missing(error))?;
    let open = PathBuf::from(format!("/proc/self/fd/{}", device.handle().fd()));
    let number = DeviceNumber::of(&open).map_err(|error| settings.missing(error))?;
    let Capabilities { driver, card, bus, capabilities, .. } =
        device.query_caps().map_err(|error| settings.missing(error))?;
    if !capabilities.contains(Flags::VIDEO_CAPTURE | Flags::STREAMING) {
        return Err(settings.missing("it gives no pictures; the first node of a camera ends in -video-index0"));
    }
    Ok((device, number, CameraIdentity::read(Path::new(SYSFS), number, &driver, &card, &bus)))
}

/// How far the frames of a device are trusted.
fn provenance(
    settings: &V4l2Settings,
    opened: DeviceNumber,
    camera: &CameraIdentity,
) -> Result<Provenance, CameraError> {
    if camera.is_virtual {
        if !settings.allow_virtual {
            return Err(CameraError::Virtual { device: settings.device.clone(), driver: camera.driver.clone() });
        }
        return Ok(Provenance::Simulated);
    }
    if let Some(pin) = &settings.pin {
        return pin.check(camera).map(|()| Provenance::PinnedCamera);
    }
    // Between the look-up and the opening the name may have gone to another camera.
    let still_named = DeviceNumber::of(&settings.device).is_ok_and(|named| named == opened);
    if still_named && name_pins(&settings.device, camera) {
        return Ok(Provenance::PinnedCamera);
    }
    tracing::warn!(
        "another camera may have this name tomorrow, so nothing live comes of it; pin it: `carded inspect camera --pin {}` prints what the configuration needs",
        settings.device.display()
    );
    Ok(Provenance::Simulated)
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
    // A camera that is faster than asked would look like a feed that is played too fast.
    let too_fast = 2 * parts > 3 * seconds * u64::from(settings.rate);
    if parts == 0 || seconds == 0 || too_fast || parts > seconds * u64::from(MAX_RATE) {
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
    use crate::camera::identity::UsbId;
    use std::sync::Arc;

    fn settings() -> V4l2Settings {
        V4l2Settings {
            device: PathBuf::from("/dev/video0"),
            pin: None,
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
            (answer(), Fraction::new(1, 60)),
        ];
        for (format, interval) in lies {
            let refused = check_answer(&settings(), &format, interval);
            assert!(matches!(refused, Err(CameraError::Format { .. })), "{format} {interval}");
        }
    }

    #[test]
    fn only_the_pinned_camera_is_live_and_another_one_is_a_fault_that_says_what_was_found() {
        let camera = |serial: &str| CameraIdentity {
            driver: "uvcvideo".to_owned(),
            card: "Webcam".to_owned(),
            bus_info: "usb-0000:00:14.0-5".to_owned(),
            bus_path: Some("usb-0000:00:14.0-5".to_owned()),
            vendor: Some(UsbId(0x046d)),
            product: Some(UsbId(0x082d)),
            serial: Some(serial.to_owned()),
            is_virtual: false,
        };
        let number = DeviceNumber::new(81, 0);
        let pinned = V4l2Settings { pin: CameraPin::of(&camera("A1")), ..settings() };
        assert_eq!(provenance(&pinned, number, &camera("A1")).unwrap(), Provenance::PinnedCamera);
        let other = provenance(&pinned, number, &camera("B2")).unwrap_err();
        assert!(other.to_string().contains("serial B2") && other.to_string().contains("serial A1"), "{other}");
        assert_eq!(provenance(&settings(), number, &camera("A1")).unwrap(), Provenance::Simulated, "no pin");
        // A name that pins has to lead to the very device that is open.
        let named = PathBuf::from("/dev/v4l/by-id/usb-046d_Webcam_A1-video-index0");
        let named = V4l2Settings { device: named, ..settings() };
        assert_eq!(provenance(&named, number, &camera("A1")).unwrap(), Provenance::Simulated);
        // Software is refused, whatever it states; where it is allowed, it is never live.
        let software = CameraIdentity { is_virtual: true, ..camera("A1") };
        assert!(matches!(provenance(&pinned, number, &software), Err(CameraError::Virtual { .. })));
        let allowed = V4l2Settings { allow_virtual: true, ..pinned };
        assert_eq!(provenance(&allowed, number, &software).unwrap(), Provenance::Simulated);
    }

    #[test]
    fn a_camera_that_is_not_there_is_missing_and_a_file_is_no_camera() {
        let decoder: PictureDecoder = Arc::new(|_| Err(CameraError::Crashed));
        for device in ["/dev/v4l/by-id/usb-none-video-index0", "/dev/null", "/proc/self/status"] {
            let settings = V4l2Settings { device: device.into(), ..settings() };
            let opened = V4l2Source::open(&settings, Arc::clone(&decoder), &SeenCamera::default());
            assert!(matches!(opened, Err(CameraError::Missing { .. })), "{device}");
        }
    }
}
