//! Head turns of real recordings and of photos in front of the camera. None of them may ever be live.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use carded::camera::{FrameSequence, SequenceError, load_image};
use carded::imaging::{Frame, Homography, Point, Provenance, Quad, Rgb, Similarity, warp};
use carded::liveness::{Challenge, LeastYaw, TurnReport, TurnTracker, TurnVerdict};
use carded::vision::{FaceObserver, FaceReader};

/// Side of a prepared photo in pixels.
const SIDE: usize = 480;
/// Frames of each recording that are scored.
const MOST_FRAMES: usize = 150;

fn score(observer: &mut FaceObserver, frames: impl Iterator<Item = Frame>) -> TurnReport {
    let mut tracker = TurnTracker::new(Challenge::both_sides(), LeastYaw::SHIPPED);
    observer.reset();
    for frame in frames {
        let observation = observer.observe(&frame, &tracker).unwrap();
        tracker.observe(&observation);
    }
    tracker.finish()
}

fn told(name: &str, report: &TurnReport) {
    let [low, high] = report.yaw_range_degrees.unwrap_or_default();
    let shape = report.parallax_score.map_or(0.0, |score| score.0 * 1e3);
    println!("{name}: {:?}, yaw {low:.0} to {high:.0}, parallax {shape:.2}e-3, {:?}", report.verdict, report.reasons);
}

#[test]
fn talking_heads_that_never_turn_far_are_incomplete() {
    let Some(folder) = support::shared_data("head-motion") else { return };
    let mut observer = FaceObserver::open(&support::runtime()).unwrap();
    let mut videos: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    videos.sort();
    for video in &videos {
        let frames = match FrameSequence::open(video, 30.0) {
            Err(SequenceError::NoFfmpeg { .. }) => return support::skip("ffmpeg is not installed"),
            opened => opened.unwrap().map(Result::unwrap).take(MOST_FRAMES),
        };
        let report = score(&mut observer, frames);
        told(&video.file_name().unwrap().to_string_lossy(), &report);
        assert_eq!(report.verdict, TurnVerdict::Incomplete, "an honest person who turns too little is no attacker");
    }
    assert!(videos.len() >= 5);
}

#[test]
fn a_recording_in_which_other_faces_are_held_up_is_not_live() {
    let Some(folder) = support::shared_data("presentation-attacks") else { return };
    let mut observer = FaceObserver::open(&support::runtime()).unwrap();
    match FrameSequence::open(&folder.join("demo.gif"), 30.0) {
        Err(SequenceError::NoFfmpeg { .. }) => support::skip("ffmpeg is not installed"),
        opened => {
            let report = score(&mut observer, opened.unwrap().map(Result::unwrap));
            told("demo.gif", &report);
            assert!(!report.is_live());
        }
    }
}

#[test]
fn what_is_no_video_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.mp4");
    std::fs::write(&file, "not a video").unwrap();
    let refused = FrameSequence::open(&file, 30.0).unwrap_err();
    assert!(matches!(refused, SequenceError::Video { .. } | SequenceError::NoFfmpeg { .. }), "{refused}");
    assert!(matches!(FrameSequence::open(&folder.path().join("none.mp4"), 30.0), Err(SequenceError::Read { .. })));
    assert!(matches!(FrameSequence::open(folder.path(), 30.0), Err(SequenceError::NoFrames { .. })));
}

/// A photo with its frontal face in the middle, 40 % of the width; `None` when it shows no such face.
fn prepared(reader: &mut FaceReader, file: &Path) -> Option<Rgb> {
    let photo = load_image(file).unwrap();
    let readings = reader.read(&photo).unwrap();
    let face = readings.first().filter(|face| face.pose.yaw_degrees.abs() < 10.0)?.detection.bounds;
    let middle = Point::new(SIDE as f32 / 2.0, SIDE as f32 / 2.0);
    let scale = SIDE as f32 / (2.4 * face.width.max(face.height));
    let back = Similarity::about(face.centre(), 0.0, scale, middle).inverse()?;
    (face.width > 90.0).then(|| warp(&photo, SIDE, SIDE, [90; 3], |p| back.apply(p)))
}

/// Distance of the camera from a photo, and its focal length, in pixels.
const CAMERA: f32 = SIDE as f32 * 1.34;
const FOCAL: f32 = SIDE as f32 * 1.07;

/// A flat photo turned by some degrees about its upright middle line.
fn flat(photo: &Rgb, degrees: f32) -> Rgb {
    let (half, (sin, cos)) = (SIDE as f32 / 2.0, degrees.to_radians().sin_cos());
    let corners = [(-half, -half), (half, -half), (half, half), (-half, half)];
    let seen = |(x, y): (f32, f32)| {
        let near = FOCAL / (CAMERA + x * sin);
        Point::new(x * cos * near + half, y * near + half)
    };
    let photo_corners = Quad(corners.map(|(x, y)| Point::new(x + half, y + half)));
    let back = Homography::between(Quad(corners.map(seen)), photo_corners).unwrap();
    warp(photo, SIDE, SIDE, [90; 3], |p| back.apply(p))
}

/// A photo bent to a cylinder with `bend` as the angle of its half width, turned by some degrees.
fn bent(photo: &Rgb, degrees: f32, bend: f32) -> Rgb {
    let (half, (sin, cos)) = (SIDE as f32 / 2.0, degrees.to_radians().sin_cos());
    let radius = half / bend;
    let columns: Vec<(f32, f32, f32)> = (-600i16..=600)
        .map(|k| {
            let u = f32::from(k) / 600.0 * half;
            let (x, z) = (radius * (u / radius).sin(), radius * (1.0 - (u / radius).cos()));
            let depth = CAMERA + x * sin + z * cos;
            ((x * cos - z * sin) * FOCAL / depth, u, depth)
        })
        .collect();
    let seen_at: Vec<Option<(f32, f32)>> = (0..SIDE)
        .map(|x| {
            let nearest = columns.iter().filter(|column| (column.0 + half - x as f32 - 0.5).abs() < 1.0);
            nearest.min_by(|a, b| a.2.total_cmp(&b.2)).map(|&(_, u, depth)| (u, depth))
        })
        .collect();
    warp(photo, SIDE, SIDE, [90; 3], |p| match seen_at[p.x as usize] {
        Some((u, depth)) => Point::new(u + half, (p.y - half) * depth / FOCAL + half),
        None => Point::new(-1.0, -1.0),
    })
}

/// From the front to one side, to the other and back, 15 frames a second.
fn turning(show: impl Fn(f32) -> Rgb) -> impl Iterator<Item = Frame> {
    let there = (0..=10u8).map(|k| f32::from(k) * 5.0);
    let across = (1..=20u8).map(|k| 50.0 - f32::from(k) * 5.0);
    let back = (1..=10u8).map(|k| f32::from(k) * 5.0 - 50.0);
    there.chain(across).chain(back).enumerate().map(move |(k, degrees)| Frame {
        image: show(degrees),
        captured_at: Duration::from_millis(67) * k as u32,
        sequence: k as u64,
        provenance: Provenance::Files,
    })
}

#[test]
fn flat_and_bent_photos_that_are_turned_are_never_live() {
    let Some(folder) = support::shared_data("faces/deepface") else { return };
    let runtime = support::runtime();
    let (mut reader, mut observer) = (FaceReader::open(&runtime).unwrap(), FaceObserver::open(&runtime).unwrap());
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jpg"));
    files.sort();
    let photos: Vec<Rgb> = files.iter().step_by(7).filter_map(|file| prepared(&mut reader, file)).take(6).collect();
    assert!(photos.len() >= 5);
    let (mut attacks, mut attempts) = (0, 0);
    for (k, photo) in photos.iter().enumerate() {
        for bend in [0.0, 0.6, 0.9] {
            let show = |degrees| if bend > 0.0 { bent(photo, degrees, bend) } else { flat(photo, degrees) };
            let report = score(&mut observer, turning(show));
            told(&format!("photo {k} bent by {bend}"), &report);
            assert!(!report.is_live());
            attempts += 1;
            attacks += u32::from(report.verdict == TurnVerdict::Attack);
        }
    }
    println!("{attacks} of {attempts} called an attack, the rest incomplete");
    assert!(attacks * 10 >= attempts * 7);
}
