//! Which camera a device is, by what the kernel says of it.
//!
//! Always holds: the entry in sysfs is found by the number of the device that was opened, never by its name, so that a
//! camera that took another one's name meanwhile is seen as itself; what cannot be read counts as absent, and a device
//! without a place on a real bus counts as made of software. Texts from a device are bounded and hold no control
//! characters. Does not decide whether the camera is the right one: the [pin](super::pin) does.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Longest text that is read of one attribute, in bytes. A USB string has at most 126 characters.
const MAX_TEXT_BYTES: u64 = 512;
/// Drivers of cameras that are made of software.
const VIRTUAL_DRIVERS: [&str; 6] = ["vivid", "v4l2 loopback", "v4l2loopback", "vimc", "akvcam", "visl"];
/// Parts of a device's place in sysfs that no plugged-in camera has: no bus at all, an emulated one, one over a network.
const VIRTUAL_PLACES: [&str; 3] = ["virtual", "dummy_hcd", "vhci_hcd"];

/// A vendor or product number of USB: four hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UsbId(pub u16);

/// Not four hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no USB number; give four hexadecimal digits, such as 046d")]
pub struct UsbIdError(String);

impl TryFrom<String> for UsbId {
    type Error = UsbIdError;

    fn try_from(text: String) -> Result<Self, UsbIdError> {
        let digits = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = digits.then(|| u16::from_str_radix(&text, 16).ok()).flatten();
        number.map(Self).ok_or(UsbIdError(text))
    }
}

impl From<UsbId> for String {
    fn from(id: UsbId) -> Self {
        id.to_string()
    }
}

impl std::fmt::Display for UsbId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:04x}", self.0)
    }
}

/// Number of a device in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceNumber {
    major: u32,
    minor: u32,
}

impl DeviceNumber {
    /// From its parts.
    #[must_use]
    pub fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    /// Of the device that a path leads to now, or that an open file is (by `/proc/self/fd/…`).
    ///
    /// # Errors
    /// When nothing is there.
    pub fn of(path: &Path) -> std::io::Result<Self> {
        let number = std::fs::metadata(path)?.rdev();
        Ok(Self { major: rustix::fs::major(number), minor: rustix::fs::minor(number) })
    }
}

impl std::fmt::Display for DeviceNumber {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.major, self.minor)
    }
}

/// Which camera a device is. Two openings of one camera at one place are equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CameraIdentity {
    /// Its driver, by `VIDIOC_QUERYCAP`.
    pub driver: String,
    /// What it calls itself, by `VIDIOC_QUERYCAP`.
    pub card: String,
    /// Where its driver says that it hangs, by `VIDIOC_QUERYCAP`.
    pub bus_info: String,
    /// Where sysfs says that it hangs: controller and ports of a USB camera (`usb-0000:00:14.0-5.2`, which does not depend
    /// on the order of plugging), the place below `/sys/devices` of any other. None when sysfs does not say.
    pub bus_path: Option<String>,
    /// `idVendor` of a USB camera.
    pub vendor: Option<UsbId>,
    /// `idProduct` of a USB camera.
    pub product: Option<UsbId>,
    /// The serial number that a USB camera states, if it has one.
    pub serial: Option<String>,
    /// Whether it is made of software, or cannot be shown not to be.
    pub is_virtual: bool,
}

impl std::fmt::Display for CameraIdentity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:?} of driver {}", self.card, self.driver)?;
        let places = [("at", self.bus_path.clone()), ("vendor", self.vendor.map(String::from))];
        let names = [("product", self.product.map(String::from)), ("serial", self.serial.clone())];
        for (what, value) in places.into_iter().chain(names) {
            write!(formatter, ", {what} {}", value.as_deref().unwrap_or("unknown"))?;
        }
        Ok(())
    }
}

impl CameraIdentity {
    /// Reads what sysfs (mounted at `sysfs`) says of an open device, beside what its driver answered.
    #[must_use]
    pub fn read(sysfs: &Path, device: DeviceNumber, driver: &str, card: &str, bus_info: &str) -> Self {
        let place = place_of(sysfs, device);
        let usb = place.as_deref().and_then(usb_device_above);
        let attribute = |name: &str| usb.as_deref().and_then(|usb| text_of(&usb.join(name)));
        let number = |name| attribute(name).and_then(|text| UsbId::try_from(text).ok());
        Self {
            bus_path: place.as_deref().and_then(|place| match &usb {
                Some(usb) => usb_path(usb),
                None => other_path(sysfs, place),
            }),
            vendor: number("idVendor"),
            product: number("idProduct"),
            serial: attribute("serial").filter(|serial| !serial.is_empty()),
            is_virtual: is_virtual(driver, sysfs, place.as_deref()),
            driver: printable(driver),
            card: printable(card),
            bus_info: printable(bus_info),
        }
    }
}

/// Where a device hangs in sysfs; none when that is not what its own entry says.
fn place_of(sysfs: &Path, device: DeviceNumber) -> Option<PathBuf> {
    let place = std::fs::canonicalize(sysfs.join("dev/char").join(device.to_string())).ok()?;
    (text_of(&place.join("dev"))? == device.to_string()).then_some(place)
}

/// The USB device that an entry belongs to.
fn usb_device_above(place: &Path) -> Option<PathBuf> {
    place.ancestors().find(|above| above.join("idVendor").is_file()).map(Path::to_owned)
}

/// As the kernel's `usb_make_path` writes it: the controller, and the ports from its root hub on.
fn usb_path(usb: &Path) -> Option<String> {
    let (_, ports) = usb.file_name()?.to_str()?.split_once('-')?;
    let is_bus = |name: &str| name.strip_prefix("usb").is_some_and(|bus| bus.parse::<u16>().is_ok());
    let root_hub =
        usb.ancestors().find(|above| above.file_name().and_then(|name| name.to_str()).is_some_and(is_bus))?;
    let controller = root_hub.parent()?.file_name()?.to_str()?;
    Some(format!("usb-{controller}-{ports}"))
}

/// The place of the device that has the video node, below `/sys/devices`.
fn other_path(sysfs: &Path, place: &Path) -> Option<String> {
    let below = place.strip_prefix(std::fs::canonicalize(sysfs).ok()?.join("devices")).ok()?;
    let owner = below.parent()?.parent()?;
    owner.to_str().filter(|path| !path.is_empty()).map(printable)
}

/// Whether a device is made of software, or cannot be shown not to be.
fn is_virtual(driver: &str, sysfs: &Path, place: Option<&Path>) -> bool {
    let root = std::fs::canonicalize(sysfs).map(|root| root.join("devices"));
    let (Some(place), Ok(root)) = (place, root) else { return true };
    let emulated =
        |part: &std::ffi::OsStr| VIRTUAL_PLACES.iter().any(|name| part.as_encoded_bytes().starts_with(name.as_bytes()));
    let Ok(below) = place.strip_prefix(root) else { return true };
    VIRTUAL_DRIVERS.contains(&driver) || below.iter().any(emulated)
}

/// One attribute; none when it cannot be read.
fn text_of(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path).ok()?.take(MAX_TEXT_BYTES).read_to_end(&mut bytes).ok()?;
    Some(printable(String::from_utf8_lossy(&bytes).trim()))
}

/// The text as it may be put into a log or a configuration.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests;
