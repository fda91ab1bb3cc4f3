//! Identities out of a folder that looks like sysfs.

use super::*;
use std::os::unix::fs::symlink;

const WEBCAM: &str = "devices/pci0000:00/0000:00:14.0/usb1/1-5/1-5.2";

/// A folder with one device in it, and how the kernel numbers it.
fn sysfs(place: &str, number: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    plug_in(folder.path(), place, number);
    folder
}

fn plug_in(sysfs: &Path, place: &str, number: &str) {
    std::fs::create_dir_all(sysfs.join(place)).unwrap();
    std::fs::write(sysfs.join(place).join("dev"), format!("{number}\n")).unwrap();
    std::fs::create_dir_all(sysfs.join("dev/char")).unwrap();
    let entry = sysfs.join("dev/char").join(number);
    let _ = std::fs::remove_file(&entry);
    symlink(sysfs.join(place), entry).unwrap();
}

fn describe(sysfs: &Path, device: &str, values: &[(&str, &str)]) {
    for (name, value) in values {
        std::fs::write(sysfs.join(device).join(name), format!("{value}\n")).unwrap();
    }
}

fn read(sysfs: &Path, minor: u32) -> CameraIdentity {
    CameraIdentity::read(sysfs, DeviceNumber::new(81, minor), "uvcvideo", "Webcam", "usb-x-5")
}

fn webcam() -> tempfile::TempDir {
    let folder = sysfs(&format!("{WEBCAM}/1-5.2:1.0/video4linux/video0"), "81:0");
    describe(folder.path(), WEBCAM, &[("idVendor", "046d"), ("idProduct", "082d"), ("serial", "A1B2C3")]);
    // The root hub has numbers of its own.
    let hub = "devices/pci0000:00/0000:00:14.0/usb1";
    describe(folder.path(), hub, &[("idVendor", "1d6b"), ("idProduct", "0002"), ("serial", "0000:00:14.0")]);
    folder
}

#[test]
fn a_usb_camera_is_known_by_its_numbers_and_its_port_whatever_the_bus_is_numbered() {
    let folder = webcam();
    let camera = read(folder.path(), 0);
    assert_eq!(camera.bus_path.as_deref(), Some("usb-0000:00:14.0-5.2"));
    assert_eq!((camera.vendor, camera.product), (Some(UsbId(0x046d)), Some(UsbId(0x082d))));
    assert_eq!((camera.serial.as_deref(), camera.is_virtual), (Some("A1B2C3"), false));
    let again =
        sysfs(&format!("{}/3-5.2:1.0/video4linux/video4", WEBCAM.replace("usb1/1-5/1-", "usb3/3-5/3-")), "81:4");
    let device = WEBCAM.replace("usb1/1-5/1-", "usb3/3-5/3-");
    describe(again.path(), &device, &[("idVendor", "046d"), ("idProduct", "082d"), ("serial", "A1B2C3")]);
    assert_eq!(read(again.path(), 4), camera, "numbers that change with every plugging are no part of it");
}

#[test]
fn a_camera_on_another_bus_is_known_by_its_place() {
    let folder = sysfs("devices/platform/soc/fe801000.csi/video4linux/video0", "81:0");
    let camera = read(folder.path(), 0);
    assert_eq!(camera.bus_path.as_deref(), Some("platform/soc/fe801000.csi"));
    assert_eq!((camera.vendor, camera.product, camera.serial, camera.is_virtual), (None, None, None, false));
}

#[test]
fn another_camera_that_took_the_name_after_the_opening_is_seen_as_what_it_is() {
    let folder = webcam();
    // The device that was opened is 81:1; meanwhile the entry of that number tells of another one.
    plug_in(folder.path(), "devices/platform/soc/csi/video4linux/video1", "81:1");
    std::fs::write(folder.path().join("devices/platform/soc/csi/video4linux/video1/dev"), "81:7\n").unwrap();
    let swapped = read(folder.path(), 1);
    assert_eq!((swapped.bus_path, swapped.is_virtual), (None, true), "nothing shows what it is");
    let gone = read(folder.path(), 9);
    assert_eq!((gone.bus_path, gone.vendor, gone.is_virtual), (None, None, true));
}

#[test]
fn cameras_of_software_are_told_from_plugged_in_ones() {
    for place in [
        "devices/virtual/video4linux/video0",
        "devices/platform/vhci_hcd.0/usb3/3-1/3-1:1.0/video4linux/video0",
        "devices/platform/dummy_hcd.0/usb4/4-1/4-1:1.0/video4linux/video0",
        "elsewhere/video4linux/video0",
    ] {
        let folder = sysfs(place, "81:0");
        assert!(read(folder.path(), 0).is_virtual, "{place}");
    }
    let folder = webcam();
    for driver in VIRTUAL_DRIVERS {
        let camera = CameraIdentity::read(folder.path(), DeviceNumber::new(81, 0), driver, "Webcam", "");
        assert!(camera.is_virtual, "{driver}");
    }
    assert!(read(Path::new("/nowhere"), 0).is_virtual);
}

#[test]
fn what_a_device_says_is_bounded_and_holds_no_control_characters() {
    let folder = webcam();
    let odd = format!("\u{1b}[31m{}", "9".repeat(5000));
    describe(folder.path(), WEBCAM, &[("serial", &odd), ("idVendor", "zzzz")]);
    let camera = read(folder.path(), 0);
    let serial = camera.serial.unwrap();
    assert!(serial.len() <= MAX_TEXT_BYTES as usize + 4 && !serial.contains('\u{1b}'), "{serial:?}");
    assert_eq!(camera.vendor, None);
    describe(folder.path(), WEBCAM, &[("serial", "")]);
    assert_eq!(read(folder.path(), 0).serial, None);
}

#[test]
fn the_number_of_a_device_is_that_of_what_is_open() {
    let null = std::fs::File::open("/dev/null").unwrap();
    let open = PathBuf::from(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&null)));
    assert_eq!(DeviceNumber::of(&open).unwrap(), DeviceNumber::new(1, 3));
    assert_eq!(DeviceNumber::of(Path::new("/dev/null")).unwrap().to_string(), "1:3");
    assert!(DeviceNumber::of(Path::new("/dev/no-such-device")).is_err());
}
