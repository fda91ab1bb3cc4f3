//! What the checks of the camera's feed say about pictures that are not drawn for them: real videos.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::Path;
use std::time::Duration;

use carded::camera::FrameSequence;
use carded::imaging::{Frame, Provenance, Rgb};
use carded::liveness::{FeedMonitor, FeedReport, FeedSign};

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

#[test]
fn a_real_video_has_no_sign_that_refuses_and_played_twice_it_is_a_loop() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/head-motion");
    let Ok(videos) = std::fs::read_dir(&folder) else {
        support::skip("the videos of moving heads are not there");
        return;
    };
    let mut seen = 0;
    for video in videos.filter_map(Result::ok).map(|entry| entry.path()) {
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
