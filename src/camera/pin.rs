//! The one camera that may supply live evidence: compared at every opening, after the device was opened.
//!
//! Always holds: a pin names one camera (a USB camera by vendor, product and its serial number or port; any other by its
//! place), so that what matches it is not merely of the same model; a camera that comes back in a run is the one that was
//! there before, pinned or not. Does not tell a camera from another device that states the same numbers at the same port.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::identity::{CameraIdentity, UsbId};
use super::source::CameraError;

/// Where udev names cameras by vendor, model and serial number.
const NAMES_BY_ID: &str = "/dev/v4l/by-id";
/// How the bus path of a USB camera begins.
const USB: &str = "usb-";

/// What the pinned camera is known by; what is absent is not compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct CameraPin {
    #[serde(skip_serializing_if = "Option::is_none")]
    bus_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor: Option<UsbId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product: Option<UsbId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<String>,
}

/// A pin as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    bus_path: Option<String>,
    vendor: Option<UsbId>,
    product: Option<UsbId>,
    serial: Option<String>,
}

/// A pin that more than one camera would match.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "camera.pin does not name one camera; give vendor and product with serial or bus_path, or the bus_path alone of a camera that is not on USB: `carded inspect camera --pin DEVICE` prints it"
)]
pub struct PinError;

impl TryFrom<Parts> for CameraPin {
    type Error = PinError;

    fn try_from(parts: Parts) -> Result<Self, PinError> {
        let Parts { bus_path, vendor, product, serial } = parts;
        if [&bus_path, &serial].into_iter().flatten().any(|text| text.trim().is_empty()) {
            return Err(PinError);
        }
        let of_usb = vendor.is_some() && product.is_some() && (serial.is_some() || bus_path.is_some());
        let of_other = bus_path.as_ref().is_some_and(|path| !path.starts_with(USB))
            && (vendor.is_none() && product.is_none() && serial.is_none());
        if of_usb || of_other { Ok(Self { bus_path, vendor, product, serial }) } else { Err(PinError) }
    }
}

impl CameraPin {
    /// The pin of a camera that is there; none for one that cannot be told from others.
    #[must_use]
    pub fn of(camera: &CameraIdentity) -> Option<Self> {
        let CameraIdentity { bus_path, vendor, product, serial, .. } = camera.clone();
        Self::try_from(Parts { bus_path, vendor, product, serial }).ok().filter(|_| !camera.is_virtual)
    }

    /// As the configuration has it.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let values = toml::to_string(self).unwrap_or_default();
        format!("[camera.pin]\n{values}")
    }

    /// Compares a camera that was opened.
    ///
    /// # Errors
    /// [`CameraError::Other`] with what was found and what was expected.
    pub fn check(&self, found: &CameraIdentity) -> Result<(), CameraError> {
        let same = self.bus_path.as_ref().is_none_or(|path| found.bus_path.as_ref() == Some(path))
            && self.vendor.is_none_or(|vendor| found.vendor == Some(vendor))
            && self.product.is_none_or(|product| found.product == Some(product))
            && self.serial.as_ref().is_none_or(|serial| found.serial.as_ref() == Some(serial));
        if same {
            return Ok(());
        }
        Err(CameraError::Other { expected: format!("the pinned one ({self})"), found: found.to_string() })
    }
}

impl std::fmt::Display for CameraPin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let values = [
            ("bus_path", self.bus_path.clone()),
            ("vendor", self.vendor.map(String::from)),
            ("product", self.product.map(String::from)),
            ("serial", self.serial.clone()),
        ];
        let named = values.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", value?)));
        formatter.write_str(&named.collect::<Vec<_>>().join(", "))
    }
}

/// Whether a configured path alone pins a camera: a name of udev's that ends in the serial number which the camera itself
/// states. Vendor and model are part of such a name; without a serial number it fits any camera of the model, and a name
/// by path fits any camera at the port.
#[must_use]
pub fn name_pins(device: &Path, camera: &CameraIdentity) -> bool {
    let Some(serial) = &camera.serial else { return false };
    // What udev leaves of a serial number in a name.
    let kept = |c: char| c.is_ascii_alphanumeric() || "#+-.:=@_".contains(c);
    let serial: String = serial.chars().map(|c| if kept(c) { c } else { '_' }).collect();
    let name = device.strip_prefix(NAMES_BY_ID).ok().and_then(Path::to_str);
    name.and_then(|name| name.rsplit_once("-video-index"))
        .is_some_and(|(camera, _)| camera.strip_suffix(&serial).is_some_and(|rest| rest.ends_with('_')))
}

/// The camera that was there first in this run. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct SeenCamera(Arc<Mutex<Option<CameraIdentity>>>);

impl SeenCamera {
    /// Takes the first camera of a run, and from then on only that one.
    ///
    /// # Errors
    /// [`CameraError::Other`] with what was found and what was there before.
    pub fn admit(&self, found: &CameraIdentity) -> Result<(), CameraError> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = seen.get_or_insert_with(|| found.clone());
        if before == found {
            return Ok(());
        }
        Err(CameraError::Other { expected: format!("the one before ({before})"), found: found.to_string() })
    }

    /// The camera of this run, once one was opened.
    #[must_use]
    pub fn identity(&self) -> Option<CameraIdentity> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webcam() -> CameraIdentity {
        CameraIdentity {
            driver: "uvcvideo".to_owned(),
            card: "Webcam".to_owned(),
            bus_info: "usb-0000:00:14.0-5".to_owned(),
            bus_path: Some("usb-0000:00:14.0-5".to_owned()),
            vendor: Some(UsbId(0x046d)),
            product: Some(UsbId(0x082d)),
            serial: Some("A1B2 C3".to_owned()),
            is_virtual: false,
        }
    }

    fn pin(text: &str) -> Result<CameraPin, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| error.to_string())
    }

    #[test]
    fn a_pin_names_one_camera_or_is_refused() {
        for good in [
            "vendor = \"046d\"\nproduct = \"082D\"\nserial = \"A1B2 C3\"",
            "vendor = \"046d\"\nproduct = \"082d\"\nbus_path = \"usb-0000:00:14.0-5\"",
            "bus_path = \"platform/soc/csi\"",
        ] {
            pin(good).unwrap();
        }
        for (weak, why) in [
            ("", "does not name one camera"),
            ("vendor = \"046d\"\nproduct = \"082d\"", "does not name one camera"),
            ("serial = \"0001\"", "does not name one camera"),
            ("bus_path = \"usb-0000:00:14.0-5\"", "does not name one camera"),
            ("vendor = \"046d\"\nproduct = \"082d\"\nserial = \" \"", "does not name one camera"),
            ("vendor = \"46d\"\nproduct = \"082d\"\nserial = \"1\"", "four hexadecimal digits"),
            ("vendor = \"0x46\"\nproduct = \"082d\"\nserial = \"1\"", "four hexadecimal digits"),
            ("colour = \"red\"", "colour"),
        ] {
            let refused = pin(weak).unwrap_err();
            assert!(refused.contains(why), "{weak}: {refused}");
        }
    }

    #[test]
    fn the_pin_of_a_camera_is_printed_so_that_it_is_read_back_and_matches_it_alone() {
        let camera = webcam();
        let printed = CameraPin::of(&camera).unwrap().to_toml();
        let read = pin(printed.strip_prefix("[camera.pin]\n").unwrap()).unwrap();
        read.check(&camera).unwrap();
        let others = [
            CameraIdentity { bus_path: Some("usb-0000:00:14.0-6".to_owned()), ..webcam() },
            CameraIdentity { bus_path: None, ..webcam() },
            CameraIdentity { vendor: Some(UsbId(1)), ..webcam() },
            CameraIdentity { product: None, ..webcam() },
            CameraIdentity { serial: Some("A1B2 C4".to_owned()), ..webcam() },
            CameraIdentity { serial: None, ..webcam() },
        ];
        for other in others {
            let refused = read.check(&other).unwrap_err();
            let words = refused.to_string();
            assert!(words.contains(&other.to_string()) && words.contains("serial A1B2 C3"), "{words}");
            assert_eq!(refused.fault(), crate::session::DeviceFault::CameraOther);
        }
        assert_eq!(CameraPin::of(&CameraIdentity { is_virtual: true, ..webcam() }), None);
        assert_eq!(CameraPin::of(&CameraIdentity { vendor: None, product: None, ..webcam() }), None);
    }

    #[test]
    fn a_name_pins_only_when_it_ends_in_the_serial_number_that_the_camera_states() {
        let by_id = Path::new("/dev/v4l/by-id/usb-046d_HD_Pro_Webcam_A1B2_C3-video-index0");
        assert!(name_pins(by_id, &webcam()));
        assert!(!name_pins(by_id, &CameraIdentity { serial: None, ..webcam() }), "the model only");
        assert!(!name_pins(by_id, &CameraIdentity { serial: Some("2_C3".to_owned()), ..webcam() }), "a part of it");
        for path in [
            "/dev/v4l/by-id/usb-046d_HD_Pro_Webcam-video-index0",
            "/dev/v4l/by-path/pci-0000:00:14.0-usb-0:5:1.0_A1B2_C3-video-index0",
            "/tmp/usb-046d_HD_Pro_Webcam_A1B2_C3-video-index0",
            "/dev/video0",
        ] {
            assert!(!name_pins(Path::new(path), &webcam()), "{path}");
        }
    }

    #[test]
    fn what_comes_back_in_a_run_is_the_camera_that_was_there_before() {
        let seen = SeenCamera::default();
        assert_eq!(seen.identity(), None);
        seen.admit(&webcam()).unwrap();
        seen.clone().admit(&webcam()).unwrap();
        let other = CameraIdentity { serial: Some("Z9".to_owned()), ..webcam() };
        assert!(matches!(seen.admit(&other), Err(CameraError::Other { .. })));
        seen.admit(&webcam()).unwrap();
        assert_eq!(seen.identity(), Some(webcam()));
    }
}
