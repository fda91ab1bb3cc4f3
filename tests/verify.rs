//! `carded verify` and `carded inspect` as a user calls them: the real program, real models, specimen files.
#![allow(missing_docs, clippy::unwrap_used)]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use carded::imaging::Rgb;
use carded::tools::specimen::document::{licence_back, licence_front, passport_page};
use carded::tools::specimen::head::{Attack, Subject, TurnFrames, TurnOptions, TurnSide};
use carded::tools::specimen::{
    AlteredField, PersonName, Portrait, SpecimenLicence, SpecimenPassport, View, encode_jpeg, photograph,
};
use jiff::civil::{Date, date};
use serde_json::Value;
use tempfile::TempDir;

const TODAY: Date = date(2026, 11, 22);
const FPS: f32 = 12.0;

/// The specimen files that all tests share, made once.
fn files() -> &'static Path {
    static FILES: OnceLock<TempDir> = OnceLock::new();
    FILES
        .get_or_init(|| {
            let folder = TempDir::new().unwrap();
            let licence = SpecimenLicence::genuine(PersonName::Collins, TODAY);
            shoot(folder.path(), "front", &licence_front(&licence).unwrap());
            shoot(folder.path(), "back", &licence_back(&licence).unwrap());
            let passport = SpecimenPassport::genuine(PersonName::Collins, TODAY);
            shoot(folder.path(), "passport", &passport_page(&passport).unwrap());
            record(folder.path(), "turn", Subject::Head(PersonName::Collins.portrait()));
            record(folder.path(), "flat", Subject::Print(PersonName::Collins.portrait(), Attack::Flat));
            record(folder.path(), "bent", Subject::Print(PersonName::Collins.portrait(), Attack::Bent));
            folder
        })
        .path()
}

fn shoot(folder: &Path, name: &str, document: &Rgb) {
    let picture = photograph(document, &View::default(), 7).unwrap().image;
    std::fs::write(folder.join(name).with_extension("jpg"), encode_jpeg(&picture, 92).unwrap()).unwrap();
}

fn record(folder: &Path, name: &str, subject: Subject) {
    std::fs::create_dir(folder.join(name)).unwrap();
    let options = TurnOptions { fps: FPS, ..TurnOptions::new(vec![TurnSide::Left, TurnSide::Right], 7) };
    for (index, frame) in TurnFrames::new(subject, options).unwrap().enumerate() {
        let file = folder.join(name).join(format!("{index:04}.jpg"));
        std::fs::write(file, encode_jpeg(&frame.image, 92).unwrap()).unwrap();
    }
}

/// A licence that is unlike the shared one, as files of its own.
fn licence_files(licence: &SpecimenLicence) -> TempDir {
    let folder = TempDir::new().unwrap();
    shoot(folder.path(), "front", &licence_front(licence).unwrap());
    shoot(folder.path(), "back", &licence_back(licence).unwrap());
    folder
}

fn carded<Argument: AsRef<OsStr>>(arguments: &[Argument]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carded"));
    command.args(arguments).env_remove("CARDED_MODELS").env_remove("CARDED_RUNTIME");
    command.output().unwrap()
}

/// Exit status and outcome of a verification of a card.
fn verify(card: &Path, face: &str, more: &[&str]) -> (i32, Value) {
    verify_on(&TODAY.to_string(), card, face, more)
}

fn verify_on(today: &str, card: &Path, face: &str, more: &[&str]) -> (i32, Value) {
    let (front, back, face) = (card.join("front.jpg"), card.join("back.jpg"), files().join(face));
    let paths = [&front, &back, &face].map(|path| path.to_str().unwrap());
    let fps = FPS.to_string();
    let mut arguments = vec!["verify", "--front", paths[0], "--back", paths[1], "--face", paths[2], "--fps", &fps];
    arguments.extend(["--today", today, "--json"]);
    arguments.extend(more);
    let output = carded(&arguments);
    let outcome = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code().unwrap(), outcome)
}

fn reasons(outcome: &Value) -> Vec<&str> {
    outcome["outcome"]["reasons"].as_array().unwrap().iter().map(|reason| reason.as_str().unwrap()).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_holder_of_a_genuine_licence_is_verified() {
    let (status, printed) = verify(files(), "turn", &["--steps", "left,right"]);
    let outcome = &printed["outcome"];
    assert_eq!((status, reasons(&printed)), (0, vec![]), "{outcome:#}");
    assert_eq!(outcome["livemode"], false);
    assert_eq!(outcome["provenance"], "files");
    assert_eq!((&outcome["tier"], &outcome["strength"]), (&"over_21".into(), &"document_face".into()));
    assert_eq!(outcome["method"], "driving_license_barcode_face");
    assert_eq!(outcome["model_digests"].as_object().unwrap().len(), 5);
    let stages: Vec<&str> =
        printed["stages"].as_array().unwrap().iter().map(|s| s["stage"].as_str().unwrap()).collect();
    let expected = "barcode aamva front_text cross_reference portrait recapture head_turn face_match decision";
    assert_eq!(stages.join(" "), expected);
    for personal in ["SAMPLE", "EILEEN", "E1234567", "1985"] {
        assert!(!outcome.to_string().contains(personal), "{personal} is in the outcome");
    }
}

#[test]
fn the_wrong_order_of_turns_is_not_live() {
    let (status, printed) = verify(files(), "turn", &["--steps", "right,left"]);
    assert_eq!((status, reasons(&printed)), (1, vec!["liveness_incomplete"]));
}

#[test]
fn an_altered_front_is_refused_for_the_field_that_differs() {
    for (field, name) in [
        (AlteredField::DateOfBirth, "cross_reference_date_of_birth"),
        (AlteredField::IdNumber, "cross_reference_id_number"),
        (AlteredField::LastName, "cross_reference_last_name"),
    ] {
        let card = licence_files(&SpecimenLicence::genuine(PersonName::Collins, TODAY).altered(field));
        let (status, printed) = verify(card.path(), "turn", &[]);
        assert_eq!((status, reasons(&printed)), (1, vec!["document_fields_differ"]), "{field:?}");
        let checks = printed["outcome"]["checks"].as_array().unwrap();
        let failed: Vec<&Value> = checks.iter().filter(|c| c["result"] == "fail").map(|c| &c["name"]).collect();
        assert_eq!(failed, [name]);
    }
}

#[test]
fn an_expired_licence_is_refused_on_the_day_after_and_not_before() {
    let card = licence_files(&SpecimenLicence::genuine(PersonName::Collins, TODAY).expired(TODAY));
    let (status, printed) = verify(card.path(), "turn", &[]);
    assert_eq!((status, reasons(&printed)), (1, vec!["document_expired"]));
    let (status, printed) = verify_on("2026-11-21", card.path(), "turn", &[]);
    assert_eq!((status, reasons(&printed)), (0, vec![]));
}

#[test]
fn a_person_is_of_age_on_the_birthday_and_not_the_day_before() {
    let licence = SpecimenLicence::genuine(PersonName::Collins, TODAY);
    let card = licence_files(&licence.clone().of_age(21, TODAY));
    let (status, printed) = verify(card.path(), "turn", &[]);
    assert_eq!((status, reasons(&printed)), (0, vec![]));
    let card = licence_files(&licence.of_age(21, date(2026, 11, 23)));
    let (status, printed) = verify(card.path(), "turn", &[]);
    assert_eq!((status, reasons(&printed)), (1, vec!["under_age"]));
}

#[test]
fn someone_else_s_licence_is_refused_for_the_face() {
    let card = licence_files(&SpecimenLicence::genuine(PersonName::Hopper, TODAY));
    let (status, printed) = verify(card.path(), "turn", &[]);
    assert_eq!((status, reasons(&printed)), (1, vec!["face_mismatch"]));
    let swapped = SpecimenLicence::genuine(PersonName::Collins, TODAY).with_portrait(Portrait::GraceHopper);
    let (status, printed) = verify(licence_files(&swapped).path(), "turn", &[]);
    assert_eq!((status, reasons(&printed)), (1, vec!["face_mismatch"]));
}

#[test]
fn flat_and_bent_photos_of_the_holder_are_refused() {
    for attack in ["flat", "bent"] {
        let (status, printed) = verify(files(), attack, &[]);
        let reasons = reasons(&printed);
        let refused = reasons.iter().any(|reason| reason.starts_with("liveness_"));
        assert!(status == 1 && refused, "{attack}: {reasons:?}");
    }
}

/// The holder's face for the first frames, then somebody else who does all that is asked.
#[test]
fn a_holder_who_lends_the_face_and_not_the_turn_is_refused() {
    let folder = TempDir::new().unwrap();
    let steps = || TurnOptions { fps: FPS, ..TurnOptions::new(vec![TurnSide::Left, TurnSide::Right], 7) };
    let frames = |name: PersonName| TurnFrames::new(Subject::Head(name.portrait()), steps()).unwrap();
    let shown = frames(PersonName::Collins).take(8).chain(frames(PersonName::Hopper));
    for (index, frame) in shown.enumerate() {
        let file = folder.path().join(format!("{index:04}.jpg"));
        std::fs::write(file, encode_jpeg(&frame.image, 92).unwrap()).unwrap();
    }
    let (status, printed) = verify(files(), folder.path().to_str().unwrap(), &[]);
    let reasons = reasons(&printed);
    assert!(status == 1 && reasons.iter().any(|r| r.starts_with("liveness_") || *r == "face_mismatch"), "{reasons:?}");
}

#[test]
fn a_challenge_to_one_side_only_is_bad_usage() {
    let (status, printed) = verify(files(), "turn", &["--steps", "left"]);
    assert_eq!((status, printed), (2, Value::Null));
}

#[test]
fn a_fault_of_the_device_is_status_3_and_not_a_person_s_failure() {
    let empty = TempDir::new().unwrap();
    let (status, printed) = verify(files(), "turn", &["--models", empty.path().to_str().unwrap()]);
    assert_eq!((status, printed), (3, Value::Null));
}

/// Lines of one inspect call.
fn inspect<Argument: AsRef<OsStr>>(arguments: &[Argument]) -> Vec<Value> {
    let mut all: Vec<&OsStr> = vec!["inspect".as_ref()];
    all.extend(arguments.iter().map(AsRef::as_ref));
    let output = carded(&all);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn keys(value: &Value) -> String {
    value.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_verb_has_the_keys_of_its_contract() {
    let path = |name: &str| files().join(name).to_str().unwrap().to_owned();
    let (front, back, page, turn) = (path("front.jpg"), path("back.jpg"), path("passport.jpg"), path("turn"));
    let line = |arguments: &[&str]| inspect(arguments).remove(0);
    let barcode = line(&["barcode", &back]);
    assert_eq!(keys(&barcode), "cpu_ms file ms symbols");
    assert_eq!(keys(&barcode["symbols"][0]), "bytes_hex corners format text");
    assert_eq!(
        (&barcode["symbols"][0]["format"], barcode["symbols"][0]["corners"].as_array().unwrap().len()),
        (&"pdf417".into(), 4)
    );
    let mrz = line(&["mrz", &page]);
    assert_eq!(keys(&mrz), "checks cpu_ms fields file format lines ms valid");
    assert_eq!(
        (&mrz["format"], &mrz["valid"], &mrz["fields"]["issuing_state"]),
        (&"TD3".into(), &true.into(), &"UTO".into())
    );
    let text = line(&["text", &front]);
    assert_eq!(
        (keys(&text).as_str(), keys(&text["fields"]).as_str()),
        ("cpu_ms fields file lines ms", "date_of_birth expiration_date id_number names")
    );
    assert_eq!(keys(&text["lines"][0]), "box confidence text");
    let faces = line(&["faces", &front]);
    assert_eq!(keys(&faces["faces"][0]), "box landmarks5 pitch_degrees quality roll_degrees score yaw_degrees");
    let pad = line(&["pad", &front]);
    assert_eq!(keys(&pad), "cpu_ms cues file live_score ms verdict");
    let document = line(&["document", "--passport", &page, "--today", "2026-11-22"]);
    assert_eq!(keys(&document), "checks cpu_ms cross_reference document ms passport reasons verdict");
    assert_eq!(keys(&document["cross_reference"][0]), "encoded field printed result");
    let turned = line(&["turn", &turn, "--fps", "12", "--steps", "left,right", "--min-yaw", "20"]);
    assert_eq!(
        keys(&turned),
        "cpu_ms identity_held ms pad_score parallax_score passive path reasons steps verdict yaw_range_degrees"
    );
    assert_eq!((&turned["verdict"], &turned["identity_held"]), (&"live".into(), &true.into()), "{turned}");
    let csv = files().join("pairs.csv");
    std::fs::write(&csv, "first,second\nfront.jpg,passport.jpg\nback.jpg,front.jpg\n").unwrap();
    let pairs = inspect(&["pairs", csv.to_str().unwrap(), "--root", files().to_str().unwrap()]);
    assert_eq!(
        (keys(&pairs[0]).as_str(), &pairs[0]["match"]),
        ("cpu_ms first match ms second similarity", &true.into())
    );
    assert_eq!(pairs[1]["failure"], "no_face");
}

#[test]
fn lines_come_in_the_order_of_the_inputs_whatever_the_threads_and_rounds() {
    let names = ["turn/0000.jpg", "back.jpg", "front.jpg", "turn/0010.jpg"].map(|name| files().join(name));
    let mut arguments: Vec<&OsStr> =
        vec!["faces".as_ref(), "--threads".as_ref(), "2".as_ref(), "--repeat".as_ref(), "2".as_ref()];
    arguments.extend(names.iter().map(|name| name.as_os_str()));
    let lines = inspect(&arguments);
    let printed: Vec<&str> = lines.iter().map(|line| line["file"].as_str().unwrap()).collect();
    assert_eq!(printed, names.each_ref().map(|name| name.to_str().unwrap()));
    let found: Vec<usize> = lines.iter().map(|line| line["faces"].as_array().unwrap().len()).collect();
    assert!(found[0] == 1 && found[1] == 0 && found[2] >= 1 && found[3] == 1, "{found:?}");
}

#[test]
fn the_holder_of_a_passport_is_verified() {
    let (page, turn, fps) = (files().join("passport.jpg"), files().join("turn"), FPS.to_string());
    let (page, turn) = (page.to_str().unwrap(), turn.to_str().unwrap());
    let output =
        carded(&["verify", "--passport", page, "--face", turn, "--fps", &fps, "--today", "2026-11-22", "--json"]);
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), reasons(&printed)), (Some(0), vec![]), "{printed:#}");
    assert_eq!(printed["outcome"]["method"], "passport_mrz_face");
}

#[test]
fn the_table_for_a_person_ends_with_the_verdict() {
    let paths = ["front.jpg", "back.jpg", "turn"].map(|name| files().join(name));
    let [front, back, turn] = paths.each_ref().map(|path| path.to_str().unwrap());
    let output =
        carded(&["verify", "--front", front, "--back", back, "--face", turn, "--fps", "12", "--today", "2026-11-22"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.trim_end().ends_with("VERIFIED: 21 years or older"), "{text}");
}

#[test]
fn a_place_without_a_rule_or_where_nobody_may_is_bad_usage() {
    let unknown = "jurisdiction_unresolvable";
    for (more, said_so) in [
        (&["--jurisdiction", "US-ZZ"][..], unknown),
        (&["--jurisdiction", "FR-PF"], unknown),
        (&["--use-case", "social_media"], unknown),
        (&["--use-case", "cannabis_delivery", "--jurisdiction", "US-ID"], "use_case_prohibited"),
    ] {
        let output = carded(&[&["verify", "--passport", "x.jpg", "--face", "y"][..], more].concat());
        assert_eq!(output.status.code(), Some(2), "{more:?}");
        assert!(said(&output).contains(said_so), "{}", said(&output));
    }
}

#[test]
fn bad_usage_is_status_2() {
    for arguments in [
        &["verify"][..],
        &["verify", "--front", "a.jpg", "--face", "b"],
        &["verify", "--passport", "a.jpg", "--face", "b", "--steps", "up"],
        &["verify", "--passport", "a.jpg", "--face", "b", "--today", "tomorrow"],
        &["verify", "--passport", "a.jpg", "--face", "b", "--jurisdiction", "California"],
        &["inspect", "faces"],
        &["nonsense"],
    ] {
        assert_eq!(carded(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

/// Files that are no usable picture, with a word that the error must hold.
fn bad_pictures(folder: &Path) -> Vec<(PathBuf, &'static str)> {
    let whole = std::fs::read(files().join("front.jpg")).unwrap();
    let mut huge = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_luma8(8000, 5000).write_to(&mut huge, image::ImageFormat::Png).unwrap();
    let cases: [(&str, &[u8], &str); 6] = [
        ("truncated.jpg", &whole[..whole.len() / 3], "cannot be decoded"),
        ("empty.jpg", &[], "empty"),
        ("huge.png", huge.get_ref(), "32 megapixels"),
        ("animated.gif", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", "animated"),
        ("text.jpg", b"this is no picture", "neither JPEG nor PNG"),
        ("header.png", b"\x89PNG\r\n\x1a\n", "cannot be decoded"),
    ];
    cases
        .map(|(name, bytes, word)| {
            std::fs::write(folder.join(name), bytes).unwrap();
            (folder.join(name), word)
        })
        .to_vec()
}

#[test]
fn a_bad_picture_is_bad_input_and_says_why() {
    let folder = TempDir::new().unwrap();
    let (back, turn) = (files().join("back.jpg"), files().join("turn"));
    for (picture, word) in bad_pictures(folder.path()) {
        let arguments =
            ["verify".as_ref(), "--front".as_ref(), picture.as_os_str(), "--back".as_ref(), back.as_os_str()];
        let output = carded(&[&arguments[..], &["--face".as_ref(), turn.as_os_str()]].concat());
        assert_eq!(output.status.code(), Some(2), "{}: {}", picture.display(), said(&output));
        assert!(said(&output).contains(word), "{}: {}", picture.display(), said(&output));
    }
}

#[test]
fn a_face_path_without_frames_is_bad_input() {
    let folder = TempDir::new().unwrap();
    let (front, back) = (files().join("front.jpg"), files().join("back.jpg"));
    for face in [folder.path().to_owned(), folder.path().join("missing")] {
        let paths = [&front, &back, &face].map(|path| path.to_str().unwrap());
        let output = carded(&["verify", "--front", paths[0], "--back", paths[1], "--face", paths[2]]);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    }
}

#[test]
fn inspect_goes_on_after_a_bad_picture_and_ends_with_1() {
    let folder = TempDir::new().unwrap();
    let bad = bad_pictures(folder.path());
    for verb in ["barcode", "mrz", "text", "faces", "pad"] {
        let mut arguments: Vec<&OsStr> = vec!["inspect".as_ref(), verb.as_ref()];
        arguments.extend(bad.iter().map(|(path, _)| path.as_os_str()));
        let good = files().join("front.jpg");
        arguments.push(good.as_os_str());
        let output = carded(&arguments);
        assert_eq!(output.status.code(), Some(1), "{verb}: {}", said(&output));
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), bad.len() + 1, "{verb}");
        for ((path, word), line) in bad.iter().zip(&lines) {
            assert_eq!(line["file"], path.to_str().unwrap(), "{verb}");
            assert!(line["error"].as_str().unwrap().contains(word), "{verb}: {line}");
        }
        assert!(lines[bad.len()]["error"].is_null() && lines[bad.len()]["ms"].is_f64(), "{verb}");
    }
}

#[test]
fn an_altered_or_missing_model_is_a_fault_of_the_device() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let folder = TempDir::new().unwrap();
    for file in std::fs::read_dir(&models).unwrap().map(|file| file.unwrap().path()).filter(|path| path.is_file()) {
        std::fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
    }
    let altered = folder.path().join("ppocrv4_det.onnx");
    let mut bytes = std::fs::read(&altered).unwrap();
    bytes[5000] ^= 1;
    std::fs::write(&altered, bytes).unwrap();
    let picture = files().join("front.jpg");
    let inspect = |models: &Path| {
        carded(&["inspect".as_ref(), "text".as_ref(), picture.as_os_str(), "--models".as_ref(), models.as_os_str()])
    };
    let output = inspect(folder.path());
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("was altered") && said(&output).contains("models/rebuild"), "{}", said(&output));
    let empty = TempDir::new().unwrap();
    assert_eq!(inspect(empty.path()).status.code(), Some(3));
}

#[test]
fn inspect_document_says_what_agrees() {
    let (front, back) = (files().join("front.jpg"), files().join("back.jpg"));
    let (front, back) = (front.to_str().unwrap(), back.to_str().unwrap());
    let output = carded(&["inspect", "document", "--front", front, "--back", back, "--today", "2026-11-22"]);
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&line["verdict"], &line["reasons"]), (&"verified".into(), &serde_json::json!([])), "{line:#}");
    assert_eq!(
        (&line["document"]["last_name"], &line["document"]["id_number"]),
        (&"SAMPLE".into(), &"E1234567".into())
    );
    assert!(line["cross_reference"].as_array().unwrap().iter().all(|field| field["result"] == "agrees"));
}

#[test]
fn hostile_lengths_in_a_payload_are_read_or_refused_without_a_panic() {
    const FAILED: [&str; 3] = ["subfile_table", "mandatory_elements", "stated_values"];
    let folder = TempDir::new().unwrap();
    let element = "DAQE1234567\nDCSSAMPLE\nDBB03141985\nDBA03142029\r";
    let payloads = [
        format!("@\n\x1e\rANSI 636014109999DL00419999{element}"),
        format!("@\n\x1e\rANSI 636014100199DL99990001ZC00000000{element}"),
        format!("@\n\x1e\rANSI 6360141000-1DL-001-001{element}"),
        "@\n\x1e\rANSI ".to_owned(),
        "@".repeat(16_000),
        "\u{0}".repeat(2_000),
    ];
    let mut arguments = vec!["inspect".to_owned(), "aamva".to_owned()];
    for (index, payload) in payloads.iter().enumerate() {
        let file = folder.path().join(index.to_string());
        std::fs::write(&file, payload).unwrap();
        arguments.push(file.display().to_string());
    }
    let output = carded(&arguments);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(!said(&output).contains("internal error"), "{}", said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), payloads.len());
    for line in &lines[..2] {
        assert_eq!(line["parsed"]["id_number"], "E1234567", "{line}");
    }
    // Lengths that are no numbers swallow the first element and the table's row, and that is found.
    let failed = lines[2]["checks"].as_array().unwrap().iter().filter(|check| check["result"] == "fail");
    assert_eq!(failed.map(|check| check["name"].as_str().unwrap()).collect::<Vec<_>>(), FAILED);
    assert!(lines[3..].iter().all(|line| line["error"].is_string()));
}

#[test]
fn the_demo_verifies_its_specimen() {
    let output = carded(&["demo"]);
    assert_eq!(output.status.code(), Some(0), "{}\n{}", String::from_utf8_lossy(&output.stdout), said(&output));
}
