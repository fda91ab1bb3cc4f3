//! What the checks of the camera's feed say about pictures that are not drawn for them: the simulated person, as a raw
//! camera and as one that compresses, and real videos.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod support;

use std::time::Duration;

use carded::camera::{FrameSequence, decode_image};
use carded::imaging::{Frame, Provenance, Rgb};
use carded::liveness::{Direction, FeedMonitor, FeedReport, FeedSign};
use carded::session::{Prompt, Screen, SessionId};
use carded::tools::simulated::{Part, SimulatedPerson};
use carded::tools::specimen::encode_jpeg;
use jiff::civil::date;

const RATE: f64 = 15.0;

/// Moments as an operating system has them: never twice the same distance apart.
fn uneven(k: u32) -> Duration {
    let late = Duration::from_micros(u64::from(k.wrapping_mul(2_654_435_761) >> 16) % 9_000);
    Duration::from_micros(66_667) * k + late
}

fn judge(pictures: impl Iterator<Item = Rgb>) -> FeedReport {
    let mut monitor = FeedMonitor::new(Some(RATE));
    for (k, image) in (0..).zip(pictures) {
        let frame = Frame { image, captured_at: uneven(k), sequence: u64::from(k), provenance: Provenance::Simulated };
        monitor.observe(&frame);
    }
    monitor.report()
}

/// A genuine visitor who turns the head to one side.
fn visitor(frames: u32) -> impl Iterator<Item = Rgb> {
    let session = Some(SessionId::from_random(&[7; SessionId::CHARACTERS]));
    let screen = Screen::Face { direction: Direction::Left, done: 1, steps: 3 };
    let prompt = Prompt { session, screen, ..Prompt::idle() };
    let mut person =
        SimulatedPerson::new(Part::Genuine, Box::new(move || prompt.clone()), date(2026, 11, 22), 3).unwrap();
    (0..frames).map(move |k| person.picture(uneven(k)))
}

#[test]
fn the_simulated_person_has_no_sign_as_a_raw_camera_and_none_that_refuses_as_one_that_compresses() {
    let report = judge(visitor(45));
    assert!(report.is_clean(), "{report:?}");
    for quality in [92, 70, 40] {
        let compressed = visitor(45).map(|picture| {
            let bytes = encode_jpeg(&picture, quality).unwrap();
            decode_image(&bytes).unwrap()
        });
        let report = judge(compressed);
        assert!(!report.refuses(), "quality {quality}: {report:?}");
        println!("quality {quality}: {report:?}");
    }
}

#[test]
fn a_real_video_has_no_sign_that_refuses_and_played_twice_it_is_a_loop() {
    let Some(folder) = support::shared_data("head-motion") else { return };
    let mut seen = 0;
    for video in std::fs::read_dir(&folder).unwrap().filter_map(Result::ok).map(|entry| entry.path()) {
        let Ok(frames) = FrameSequence::open(&video, 25.0) else {
            support::skip("ffmpeg is not installed");
            return;
        };
        let pictures: Vec<Rgb> = frames.take(120).map(|frame| frame.unwrap().image.clone()).collect();
        let once = judge(pictures.iter().cloned());
        println!("{}: {once:?}", video.file_name().unwrap().to_string_lossy());
        assert!(!once.refuses(), "{}: {once:?}", video.display());
        let twice = judge(pictures.iter().chain(&pictures).cloned());
        assert!(twice.signs().any(|sign| sign == FeedSign::Looped), "{}: {twice:?}", video.display());
        seen += 1;
    }
    assert!(seen > 0, "the folder holds videos");
}
