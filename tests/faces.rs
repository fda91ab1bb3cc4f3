//! Pose, detection and comparison of real faces. The data are the shared test data, never part of the project.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

mod support;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use carded::camera::load_image;
use carded::imaging::{Frame, Provenance, Rgb, resize};
use carded::liveness::{Pose, Similarity, Template};
use carded::tools::specimen::Portrait;
use carded::vision::{FaceEmbedder, FaceObserver, FaceReader};

/// Pitch, yaw and roll in degrees out of an AFLW2000 label: the `Pose_Para` array of a MATLAB level 5 file.
fn pose_label(path: &Path) -> [f32; 3] {
    let bytes = std::fs::read(path).unwrap();
    let word = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let mut at = 128;
    while at + 8 <= bytes.len() {
        let (kind, length) = (word(&bytes, at), word(&bytes, at + 4));
        at += 8 + length;
        assert_eq!(kind, 15, "the labels are compressed elements");
        let mut matrix = Vec::new();
        flate2::read::ZlibDecoder::new(&bytes[at - length..at]).read_to_end(&mut matrix).unwrap();
        if let Some(name) = matrix.windows(9).position(|w| w == b"Pose_Para") {
            // The name is padded to 16 bytes; after it come the type (7: single) and length of the numbers.
            let numbers = name + 16;
            assert_eq!(word(&matrix, numbers), 7);
            return std::array::from_fn(|k| f32::from_bits(word(&matrix, numbers + 8 + 4 * k) as u32).to_degrees());
        }
    }
    panic!("{} has no pose", path.display());
}

fn pictures(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|e| matches!(e.to_str(), Some("jpg" | "jpeg" | "png"))));
    files.sort();
    files
}

#[test]
fn pose_has_the_sign_and_about_the_size_of_the_label() {
    let Some(folder) = support::shared_data("head-pose") else { return };
    let mut reader = FaceReader::open(&support::runtime()).unwrap();
    let mut errors = Vec::new();
    for file in pictures(&folder).iter().filter(|file| file.with_extension("mat").exists()) {
        let readings = reader.read(&load_image(file).unwrap()).unwrap();
        let pose = readings.first().unwrap_or_else(|| panic!("no face in {}", file.display())).pose;
        let [pitch, yaw, roll] = pose_label(&file.with_extension("mat"));
        // Their yaw is positive to the other side; their pitch of zero looks a little up.
        println!(
            "{}: yaw {:.0} ({:.0}), pitch {:.0} ({pitch:.0}), roll {:.0} ({roll:.0})",
            file.display(),
            pose.yaw_degrees,
            -yaw,
            pose.pitch_degrees,
            pose.roll_degrees
        );
        assert!((pose.yaw_degrees + yaw).abs() < 20.0 && (pose.roll_degrees - roll).abs() < 12.0);
        assert!(yaw.abs() < 20.0 || pose.yaw_degrees.signum() == -yaw.signum());
        errors.push((pose.yaw_degrees + yaw).abs());
    }
    let mean = errors.iter().sum::<f32>() / errors.len() as f32;
    println!("mean error of yaw {mean:.1} degrees over {} photos", errors.len());
    assert!(errors.len() >= 10 && mean < 9.0);
}

#[test]
fn named_poses_have_their_signs() {
    let Some(folder) = support::shared_data("head-pose") else { return };
    let mut reader = FaceReader::open(&support::runtime()).unwrap();
    let mut pose = |name: &str| {
        let picture = load_image(&folder.join(name)).unwrap();
        reader.read(&picture).unwrap().first().unwrap_or_else(|| panic!("no face in {name}")).pose
    };
    // Their left and right are the picture's, as seen by who looks at it.
    assert!(pose("insightface_left_face.jpeg").yaw_degrees < -30.0);
    assert!(pose("insightface_right_face.png").yaw_degrees > 30.0);
    assert!(pose("insightface_rise_face.jpeg").pitch_degrees > 10.0);
    assert!(pose("insightface_lower_face.jpeg").pitch_degrees < -15.0);
    assert!(pose("insightface_left_wryneck.png").roll_degrees < -30.0);
    assert!(pose("insightface_right_wryneck.png").roll_degrees > 20.0);
}

/// Rows of a simple CSV after its header.
fn rows(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().skip(1).map(|line| line.split(',').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// The threshold with the fewest errors.
fn best_threshold(scored: &[(Similarity, bool)]) -> Similarity {
    let errors = |threshold: Similarity| scored.iter().filter(|(s, same)| (*s >= threshold) != *same).count();
    scored.iter().map(|(s, _)| *s).min_by_key(|s| errors(*s)).unwrap()
}

fn accuracy(scored: &[(Similarity, bool)], threshold: Similarity) -> f64 {
    scored.iter().filter(|(s, same)| (*s >= threshold) == *same).count() as f64 / scored.len() as f64
}

fn lfw_templates(folder: &Path, rows: &[Vec<String>]) -> BTreeMap<String, Template> {
    let mut embedder = FaceEmbedder::open(&support::runtime()).unwrap();
    let mut templates = BTreeMap::new();
    for name in rows.iter().flat_map(|row| &row[..2]) {
        templates
            .entry(name.clone())
            .or_insert_with(|| embedder.embed_aligned_probe(&load_image(&folder.join(name)).unwrap()).unwrap());
    }
    templates
}

#[test]
fn aligned_lfw_pairs_are_told_apart_with_the_threshold_of_the_other_fold() {
    let Some(folder) = support::shared_data("faces/lfw") else { return };
    let rows = rows(&folder.join("pairs.csv"));
    let templates = lfw_templates(&folder, &rows);
    let score = |row: &Vec<String>| (templates[&row[0]].similarity(&templates[&row[1]]), row[2] == "1");
    let scored: Vec<_> = rows.iter().map(score).collect();
    let (first, second) = scored.split_at(scored.len() / 2);
    let held_out = f64::midpoint(accuracy(first, best_threshold(second)), accuracy(second, best_threshold(first)));
    let impostors: Vec<_> = scored.iter().filter(|(_, same)| !same).map(|(s, _)| s.0).collect();
    let highest = impostors.iter().copied().fold(f32::MIN, f32::max);
    let genuine: Vec<_> = scored.iter().filter(|(_, same)| *same).map(|(s, _)| s.0).collect();
    let accepted = genuine.iter().filter(|s| **s > highest).count() as f64 / genuine.len() as f64;
    println!(
        "{} pairs: held-out accuracy {held_out:.4}; no impostor of {} at {highest:.3}, there TAR {accepted:.4}",
        scored.len(),
        impostors.len()
    );
    assert!(held_out >= 0.99 && accepted >= 0.97);
}

#[test]
fn few_strangers_match_at_the_shipped_threshold() {
    let Some(folder) = support::shared_data("faces/lfw") else { return };
    let rows = rows(&folder.join("pairs.csv"));
    let templates = lfw_templates(&folder, &rows);
    let person = |name: &str| name.split('/').nth(1).map(str::to_owned);
    let all: Vec<_> = templates.iter().map(|(name, template)| (person(name), template)).collect();
    let levels = [0.40, 0.45, 0.47, 0.50, 0.52, 0.54, 0.56];
    let (mut pairs, mut matched) = (0u32, [0u32; 7]);
    for (k, (who, template)) in all.iter().enumerate() {
        for (_, other) in all[k + 1..].iter().filter(|(other, _)| other != who) {
            let similarity = template.similarity(other).0;
            pairs += 1;
            for (count, level) in matched.iter_mut().zip(levels) {
                *count += u32::from(similarity >= level);
            }
        }
    }
    for (count, level) in matched.iter().zip(levels) {
        println!("FMR at {level}: {count} of {pairs} = {:.2e}", f64::from(*count) / f64::from(pairs));
    }
    let shipped = carded::liveness::MatchThreshold::SHIPPED.0.0;
    let at = levels.iter().position(|level| (level - shipped).abs() < 1e-6).expect("the shipped level is listed");
    assert!(f64::from(matched[at]) / f64::from(pairs) <= 1e-4);
}

#[test]
fn unaligned_photos_of_the_same_people_match() {
    let Some(folder) = support::shared_data("faces/deepface") else { return };
    let runtime = support::runtime();
    let (mut reader, mut embedder) = (FaceReader::open(&runtime).unwrap(), FaceEmbedder::open(&runtime).unwrap());
    let mut templates: BTreeMap<String, Template> = BTreeMap::new();
    let mut scored = Vec::new();
    for row in rows(&folder.join("master.csv")) {
        for name in &row[..2] {
            templates.entry(name.clone()).or_insert_with(|| {
                let picture = load_image(&folder.join(name)).unwrap();
                let readings = reader.read(&picture).unwrap();
                let face = readings.first().unwrap_or_else(|| panic!("no face in {name}"));
                embedder.embed_probe(&picture, &face.mesh).unwrap()
            });
        }
        scored.push((templates[&row[0]].similarity(&templates[&row[1]]), row[2] == "Yes"));
    }
    let accuracy = accuracy(&scored, carded::liveness::MatchThreshold::SHIPPED.0);
    println!("{} pairs: accuracy at the shipped threshold {accuracy:.4}", scored.len());
    assert!(accuracy >= 0.99);
}

#[test]
fn a_live_face_that_is_blurred_or_far_away_gives_no_probe() {
    let photo = Portrait::EileenCollins.picture().unwrap();
    let (width, height) = (photo.width(), photo.height());
    let blurred = resize(&resize(&photo, width / 12, height / 12), width, height);
    let mut far = Rgb::filled(width, height, [120; 3]);
    let small = resize(&photo, width / 8, height / 8);
    for (y, x) in (0..small.height()).flat_map(|y| (0..small.width()).map(move |x| (y, x))) {
        far.set_pixel(width / 3 + x, height / 3 + y, small.pixel(x, y));
    }
    let mut observer = FaceObserver::open(&support::runtime()).unwrap();
    let mut probe = |image: &Rgb| {
        let frame =
            Frame { image: image.clone(), captured_at: Duration::ZERO, sequence: 0, provenance: Provenance::Simulated };
        observer.reset();
        observer.observe_where(&frame, Pose::is_frontal).unwrap().face.map(|face| face.template.is_some())
    };
    assert_eq!(probe(&photo), Some(true));
    assert_ne!(probe(&blurred), Some(true));
    assert_ne!(probe(&far), Some(true));
}

#[test]
fn every_still_of_a_person_shows_a_face() {
    let Some(folder) = support::shared_data("faces/face-api") else { return };
    let mut reader = FaceReader::open(&support::runtime()).unwrap();
    let people = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> = people.filter(|path| path.is_dir()).flat_map(|person| pictures(&person)).collect();
    let missed = files.iter().filter(|file| reader.read(&load_image(file).unwrap()).unwrap().is_empty()).count();
    println!("{} stills, {missed} without a face", files.len());
    assert!(files.len() >= 30 && missed == 0);
}
