//! A pass that one box issues and another takes, with rendered people before simulated cameras.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::store::DevicePublicKey;

/// A fleet's key in a folder, and the configuration that names it.
fn fleet(folder: &Path, rest: &str) -> String {
    let file = folder.join("fleet.key");
    std::fs::write(&file, [9; 32]).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    format!("face_attempts = 1\n[fleet]\nkey_file = \"{}\"\n{rest}", file.display())
}

/// A QR code as a telephone shows it.
fn telephone(pass: &PassText) -> Rgb {
    use rxing::Writer as _;
    const MODULE: usize = 8;
    let made = rxing::qrcode::QRCodeWriter.encode(pass.as_str(), &rxing::BarcodeFormat::QR_CODE, 0, 0).unwrap();
    let side = made.getWidth() as usize * MODULE;
    Rgb::from_fn(side, side, |x, y| {
        let dark = made.get((x / MODULE) as u32, (y / MODULE) as u32);
        if dark { [18, 18, 20] } else { [236, 238, 240] }
    })
}

fn saw_face(visited: &Visited) -> bool {
    visited.screens.iter().any(|screen| matches!(screen, Screen::Face { .. }))
}

#[test]
fn a_pass_of_one_box_stands_in_for_the_face_at_another_with_its_own_document_and_not_with_another() {
    if runtime().is_none() {
        return;
    }
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = visit_in(one.path(), Part::Genuine, false, &fleet(one.path(), "issue_passes = true"), None);
    assert_eq!(first.end(), Screen::Verified, "{}", first.event);
    let pass = first.pass.as_ref().expect("a pass on the person's screen");
    assert!(!first.till_saw_pass && saw_face(&first) && first.credentials == 1);
    assert!(!first.event.to_string().contains(&pass.as_str()[8..40]), "it is told to nobody else");
    for file in std::fs::read_dir(one.path().join("state")).unwrap().map(Result::unwrap) {
        let bytes = std::fs::read(file.path()).unwrap();
        assert!(!bytes.windows(32).any(|part| part == &pass.as_str().as_bytes()[8..40]), "{:?}", file.path());
    }

    let public = std::fs::read_to_string(one.path().join("state/device.pub")).unwrap();
    let trusting = fleet(other.path(), &format!("devices = [\"{public}\"]\naccept_passes = true\nissue_passes = true"));
    let second = visit_in(other.path(), Part::Genuine, false, &trusting, Some(telephone(pass)));
    assert_eq!(second.end(), Screen::Verified, "{}", second.event);
    assert!(!saw_face(&second), "{:?}", second.screens);
    assert!(second.pass.is_none() && second.credentials == 0, "a pass earns nothing new");
    assert_eq!(second.charged, 0);
    let outcome = &second.event["data"]["object"]["carded"]["outcome"];
    assert_eq!((&outcome["method"], &outcome["strength"]), (&"returning_pass".into(), &"document_face".into()));
    assert_eq!((&outcome["reuses"]["proof"], &outcome["livemode"]), (&"pass".into(), &false.into()));
    let key = DevicePublicKey::parse(&public).unwrap();
    assert_eq!(outcome["reuses"]["device_key"], key.key_id());

    let third = visit_in(other.path(), Part::SomeoneElse, false, &trusting, Some(telephone(pass)));
    assert_eq!(third.end(), Screen::NotVerified { reason: ReasonCode::FaceMismatch }, "{}", third.event);
}
