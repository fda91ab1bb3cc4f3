//! The camera behind its watchdog, with recordings and sources that fail in every way a camera does.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use carded::camera::{
    AtEnd, Camera, CameraError, CameraIdentity, CameraLimits, CameraStatus, Capture, DeviceNumber, FrameSource,
    OpenSource, Replay, ReplayFault, ReplayFaults, ReplaySettings, SeenCamera,
};
use carded::imaging::{Provenance, Rgb};
use carded::liveness::{FeedMonitor, FeedSign};
use carded::session::DeviceFault;
use tempfile::TempDir;

/// Nothing here takes that long unless it hangs.
const LIMIT: Duration = Duration::from_secs(20);

/// A hasty watchdog.
fn limits() -> CameraLimits {
    CameraLimits {
        opening: Duration::from_millis(400),
        silent_after: Duration::from_millis(300),
        retry_first: Duration::from_millis(20),
        retry_most: Duration::from_millis(100),
        left_behind: 2,
    }
}

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < LIMIT, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn is_live(camera: &Camera) -> bool {
    matches!(camera.status(), CameraStatus::Live { .. })
}

/// Eight frames, each of its own grey.
fn recording() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for n in 0_u8..8 {
        let picture = image::RgbImage::from_pixel(64, 48, image::Rgb([n * 20; 3]));
        picture.save(folder.path().join(format!("{n}.png"))).unwrap();
    }
    folder
}

fn settings(folder: &TempDir, faults: ReplayFaults) -> ReplaySettings {
    ReplaySettings { path: folder.path().to_owned(), frames_per_second: 100.0, at_end: AtEnd::Loop, faults }
}

fn play(settings: ReplaySettings) -> Camera {
    start(replay(settings))
}

fn replay(settings: ReplaySettings) -> OpenSource {
    Arc::new(move || Ok(Box::new(Replay::open(&settings)?)))
}

/// A source whose second opening waits for a word, so that nobody misses the fault before it.
struct Gated {
    camera: Camera,
    gate: Arc<AtomicBool>,
}

impl Gated {
    fn start(open: OpenSource) -> Self {
        let gate = Arc::new(AtomicBool::new(true));
        let shut = Arc::clone(&gate);
        let gated: OpenSource = Arc::new(move || {
            until("the gate opens", || shut.load(Ordering::SeqCst));
            shut.store(false, Ordering::SeqCst);
            open()
        });
        let camera = Camera::start(gated, Instant::now(), CameraLimits { opening: LIMIT, ..limits() });
        camera.set_wanted(true);
        Self { camera, gate }
    }

    fn open(&self) {
        self.gate.store(true, Ordering::SeqCst);
    }

    /// The status goes to `fault` and, once it can be opened again, to live.
    fn fault_then_recovery(&self, fault: DeviceFault) {
        let camera = &self.camera;
        until("the fault is told", || camera.status() == CameraStatus::Faulted(fault));
        assert_eq!(camera.status().fault(), Some(fault));
        assert!(camera.newest(None, Duration::ZERO).is_none(), "the frame from before the fault is gone");
        self.open();
        until("it recovers", || is_live(camera));
        assert!(camera.newest(None, LIMIT).is_some());
    }
}

fn start(open: OpenSource) -> Camera {
    let camera = Camera::start(open, Instant::now(), limits());
    camera.set_wanted(true);
    camera
}

/// A source that does what a closure says.
struct Scripted<F>(F);

impl<F: FnMut() -> Result<Capture, CameraError> + Send> FrameSource for Scripted<F> {
    fn next(&mut self) -> Result<Capture, CameraError> {
        (self.0)()
    }
}

fn picture(shade: u8) -> Capture {
    Capture { image: Rgb::filled(8, 6, [shade; 3]), provenance: Provenance::Simulated }
}

#[test]
fn frames_of_a_recording_come_in_order_with_rising_times_and_say_that_they_are_files() {
    let folder = recording();
    let camera = play(settings(&folder, ReplayFaults::default()));
    let (mut after, mut at) = (None, None);
    for _ in 0..20 {
        let frame = camera.newest(after, LIMIT).unwrap();
        assert!(after < Some(frame.sequence) && at < Some(frame.captured_at));
        assert_eq!(frame.provenance, Provenance::Files);
        assert_eq!(frame.image.pixel(0, 0)[0] % 20, 0);
        (after, at) = (Some(frame.sequence), Some(frame.captured_at));
    }
    assert!(is_live(&camera));
}

#[test]
fn a_recording_is_played_in_its_own_time() {
    let folder = recording();
    let faults = ReplayFaults::default().at(5, ReplayFault::Spike(Duration::from_millis(50)));
    let mut replay = Replay::open(&ReplaySettings { at_end: AtEnd::End, ..settings(&folder, faults) }).unwrap();
    let started = Instant::now();
    for _ in 0..8 {
        replay.next().unwrap();
    }
    assert!(started.elapsed() >= Duration::from_millis(110), "{:?}", started.elapsed());
    assert!(matches!(replay.next(), Err(CameraError::Ended)));
}

#[test]
fn a_recording_stands_still_while_nobody_looks() {
    let folder = recording();
    let mut replay = Replay::open(&settings(&folder, ReplayFaults::default())).unwrap();
    for _ in 0..3 {
        replay.skip().unwrap();
    }
    assert_eq!(replay.next().unwrap().image.pixel(0, 0), [0; 3]);
    assert_eq!(replay.next().unwrap().image.pixel(0, 0), [20; 3]);
}

#[test]
fn a_recording_loops_without_an_end() {
    let folder = recording();
    let mut replay =
        Replay::open(&ReplaySettings { frames_per_second: 1000.0, ..settings(&folder, ReplayFaults::default()) })
            .unwrap();
    let shades: Vec<u8> = (0..20).map(|_| replay.next().unwrap().image.pixel(0, 0)[0] / 20).collect();
    assert_eq!(shades, (0..20).map(|n| n % 8).collect::<Vec<u8>>());
}

#[test]
fn a_video_is_played_as_a_camera() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mkv");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=25:duration=0.4", "-c:v", "mjpeg"])
        .arg(&path)
        .status();
    if !made.is_ok_and(|status| status.success()) {
        support::skip("ffmpeg is not installed");
        return;
    }
    let camera = play(ReplaySettings { path, ..settings(&folder, ReplayFaults::default()) });
    let first = camera.newest(None, LIMIT).unwrap();
    assert_eq!((first.image.width(), first.image.height()), (64, 48));
    assert!(camera.newest(Some(first.sequence + 12), LIMIT).is_some(), "it loops");
}

#[test]
fn a_stall_is_a_silent_camera_and_the_next_opening_recovers() {
    let folder = recording();
    let gated = Gated::start(replay(settings(&folder, ReplayFaults::default().at(5, ReplayFault::Stall))));
    gated.fault_then_recovery(DeviceFault::CameraSilent);
    assert!(gated.camera.newest(None, LIMIT).unwrap().sequence >= 5, "numbers go on where they were");
}

#[test]
fn a_pulled_cable_is_a_missing_camera_until_it_is_opened_again() {
    let folder = recording();
    let gated = Gated::start(replay(settings(&folder, ReplayFaults::default().at(5, ReplayFault::Disconnect))));
    gated.fault_then_recovery(DeviceFault::CameraMissing);
}

#[test]
fn another_size_in_mid_stream_is_a_fault_of_the_format() {
    let folder = recording();
    let change = ReplayFault::Resize { width: 32, height: 24 };
    let gated = Gated::start(replay(settings(&folder, ReplayFaults::default().at(5, change))));
    gated.fault_then_recovery(DeviceFault::CameraFormat);
    assert_eq!(gated.camera.newest(None, LIMIT).unwrap().image.width(), 64);
}

#[test]
fn a_short_delay_is_no_fault() {
    let folder = recording();
    let spike = ReplayFault::Spike(limits().silent_after / 3);
    let camera = play(settings(&folder, ReplayFaults::default().at(5, spike)));
    let mut changes = camera.status_changes();
    assert!(camera.newest(Some(12), LIMIT).is_some());
    assert!(is_live(&camera) && changes.borrow_and_update().fault().is_none());
}

#[test]
fn a_recording_that_ended_is_a_missing_camera_and_starts_anew() {
    let folder = recording();
    let ending = ReplaySettings { at_end: AtEnd::End, ..settings(&folder, ReplayFaults::default()) };
    Gated::start(replay(ending)).fault_then_recovery(DeviceFault::CameraMissing);
}

#[test]
fn a_camera_that_is_not_there_is_missing_until_it_is_plugged_in() {
    let there = Arc::new(AtomicUsize::new(0));
    let plugged = Arc::clone(&there);
    let camera = start(Arc::new(move || {
        if plugged.load(Ordering::SeqCst) == 0 {
            return Err(CameraError::Missing { device: "/dev/video0".into(), reason: "no such file".to_owned() });
        }
        Ok(Box::new(Scripted(|| Ok(picture(1)))))
    }));
    until("missing", || camera.status() == CameraStatus::Faulted(DeviceFault::CameraMissing));
    there.store(1, Ordering::SeqCst);
    until("live", || is_live(&camera));
}

#[test]
fn a_slow_reader_sees_the_newest_frame_and_nothing_queues_up() {
    let (give, wait_for) = mpsc::channel::<u8>();
    let wait_for = Arc::new(Mutex::new(wait_for));
    let camera = start(Arc::new(move || {
        let wait_for = Arc::clone(&wait_for);
        Ok(Box::new(Scripted(move || Ok(picture(wait_for.lock().unwrap().recv().map_err(|_| CameraError::Ended)?)))))
    }));
    for shade in 0..50 {
        give.send(shade).unwrap();
    }
    let newest = camera.newest(Some(48), LIMIT).unwrap();
    assert_eq!((newest.sequence, newest.image.pixel(0, 0)[0]), (49, 49));
    assert_eq!(camera.dropped_frames(), 49);
    assert!(camera.newest(Some(49), Duration::from_millis(1)).is_none());
}

#[test]
fn a_source_that_blocks_for_ever_is_left_behind_and_a_stop_does_not_wait_for_it() {
    let mut camera = start(Arc::new(|| {
        Ok(Box::new(Scripted(|| {
            loop {
                std::thread::park();
            }
        })))
    }));
    until("silent", || camera.status() == CameraStatus::Faulted(DeviceFault::CameraSilent));
    let started = Instant::now();
    camera.stop();
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert!(camera.newest(None, LIMIT).is_none(), "a stopped camera answers at once");
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn too_many_hanging_threads_make_the_camera_dead() {
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    let camera = start(Arc::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
        loop {
            std::thread::park();
        }
    }));
    until("dead", || camera.status() == CameraStatus::Dead);
    assert_eq!(opened.load(Ordering::SeqCst), limits().left_behind + 1);
    assert_eq!(camera.status().fault(), Some(DeviceFault::CameraSilent));
}

#[test]
fn what_a_left_behind_source_gives_late_is_ignored() {
    let (wake, sleeping) = mpsc::channel::<()>();
    let sleeping = Arc::new(Mutex::new(Some(sleeping)));
    let (gave, given) = mpsc::channel();
    let camera = start(Arc::new(move || {
        let mut sleeping = sleeping.lock().unwrap().take();
        let gave = gave.clone();
        Ok(Box::new(Scripted(move || match sleeping.take() {
            Some(sleeping) => {
                sleeping.recv().unwrap();
                gave.send(()).unwrap();
                Ok(picture(250))
            }
            None => Ok(picture(1)),
        })))
    }));
    until("it is opened again", || is_live(&camera));
    wake.send(()).unwrap();
    given.recv_timeout(LIMIT).unwrap();
    let mut after = None;
    for _ in 0..30 {
        let frame = camera.newest(after, LIMIT).unwrap();
        assert_eq!(frame.image.pixel(0, 0), [1; 3]);
        after = Some(frame.sequence);
    }
}

#[test]
fn one_damaged_picture_is_left_out_and_many_are_a_fault() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let gated = Gated::start(Arc::new(move || {
        let count = Arc::clone(&count);
        Ok(Box::new(Scripted(move || match count.fetch_add(1, Ordering::SeqCst) {
            3 => Err(CameraError::Picture("cut short".to_owned())),
            20..60 => Err(CameraError::Decoder("it hangs".to_owned())),
            _ => Ok(picture(1)),
        })))
    }));
    until("the fault is told", || gated.camera.status() == CameraStatus::Faulted(DeviceFault::Decoder));
    assert_eq!(asked.load(Ordering::SeqCst), 50, "the third picture was no reason to open it again");
}

#[test]
fn a_source_that_panics_is_opened_again() {
    let opened = Arc::new(AtomicUsize::new(0));
    let gated = Gated::start(Arc::new(move || {
        assert!(opened.fetch_add(1, Ordering::SeqCst) > 0, "as a driver crate might");
        Ok(Box::new(Scripted(|| Ok(picture(1)))))
    }));
    gated.fault_then_recovery(DeviceFault::CameraSilent);
}

/// Counts what is decoded and what is not.
struct Counting {
    decoded: Arc<AtomicUsize>,
    skipped: Arc<AtomicUsize>,
}

impl FrameSource for Counting {
    fn next(&mut self) -> Result<Capture, CameraError> {
        self.decoded.fetch_add(1, Ordering::SeqCst);
        Ok(picture(1))
    }

    fn skip(&mut self) -> Result<(), CameraError> {
        self.skipped.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[test]
fn a_camera_at_rest_is_watched_and_decodes_nothing_and_keeps_no_frame() {
    let (decoded, skipped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counts = (Arc::clone(&decoded), Arc::clone(&skipped));
    let open: OpenSource =
        Arc::new(move || Ok(Box::new(Counting { decoded: Arc::clone(&counts.0), skipped: Arc::clone(&counts.1) })));
    let camera = Camera::start(open, Instant::now(), limits());
    until("it is live at rest", || is_live(&camera) && skipped.load(Ordering::SeqCst) > 3);
    assert_eq!(decoded.load(Ordering::SeqCst), 0);
    assert!(camera.newest(None, Duration::from_millis(5)).is_none());
    camera.set_wanted(true);
    assert!(camera.newest(None, LIMIT).is_some());
    camera.set_wanted(false);
    assert!(camera.newest(None, Duration::from_millis(5)).is_none(), "the last frame is gone");
}

#[test]
fn the_frame_rate_is_measured() {
    let folder = recording();
    let camera = play(ReplaySettings { frames_per_second: 40.0, ..settings(&folder, ReplayFaults::default()) });
    until("a rate", || match camera.status() {
        CameraStatus::Live { frames_per_second } => (5.0..45.0).contains(&frames_per_second),
        _ => false,
    });
}

#[tokio::test]
async fn every_change_of_the_status_is_told() {
    let folder = recording();
    let gated = Gated::start(replay(settings(&folder, ReplayFaults::default().at(5, ReplayFault::Disconnect))));
    let mut changes = gated.camera.status_changes();
    let faulted = |status: &CameraStatus| status.fault() == Some(DeviceFault::CameraMissing);
    tokio::time::timeout(LIMIT, changes.wait_for(faulted)).await.unwrap().unwrap();
    gated.open();
    tokio::time::timeout(LIMIT, changes.wait_for(|status| status.fault().is_none())).await.unwrap().unwrap();
    drop(gated);
    assert!(tokio::time::timeout(LIMIT, changes.wait_for(|_| false)).await.unwrap().is_err(), "it closes");
}

/// Plugs a USB camera into a folder that looks like sysfs.
fn plug_in(sysfs: &std::path::Path, serial: &str) {
    let usb = sysfs.join("devices/pci0000:00/0000:00:14.0/usb1/1-5");
    let node = usb.join("1-5:1.0/video4linux/video0");
    std::fs::create_dir_all(&node).unwrap();
    std::fs::create_dir_all(sysfs.join("dev/char")).unwrap();
    for (file, text) in [("idVendor", "046d"), ("idProduct", "082d"), ("serial", serial)] {
        std::fs::write(usb.join(file), text).unwrap();
    }
    std::fs::write(node.join("dev"), "81:0\n").unwrap();
    let entry = sysfs.join("dev/char/81:0");
    let _ = std::fs::remove_file(&entry);
    std::os::unix::fs::symlink(&node, entry).unwrap();
}

#[test]
fn another_camera_at_the_same_port_is_a_fault_until_the_first_one_is_back() {
    let sysfs = tempfile::tempdir().unwrap();
    plug_in(sysfs.path(), "A1");
    let (seen, root) = (SeenCamera::default(), sysfs.path().to_owned());
    let pulled = Arc::new(AtomicBool::new(false));
    let cable = Arc::clone(&pulled);
    let camera = start(Arc::new(move || {
        let number = DeviceNumber::new(81, 0);
        seen.admit(&CameraIdentity::read(&root, number, "uvcvideo", "Webcam", "usb-0000:00:14.0-5"))?;
        let cable = Arc::clone(&cable);
        Ok(Box::new(Scripted(move || {
            if cable.swap(false, Ordering::SeqCst) {
                return Err(CameraError::Disconnected("pulled".to_owned()));
            }
            Ok(picture(1))
        })))
    }));
    until("live", || is_live(&camera));
    plug_in(sysfs.path(), "B2");
    pulled.store(true, Ordering::SeqCst);
    until("the other camera is seen", || camera.status() == CameraStatus::Faulted(DeviceFault::CameraOther));
    assert!(camera.newest(None, Duration::ZERO).is_none(), "it gives nothing");
    plug_in(sysfs.path(), "A1");
    until("the first camera is back", || is_live(&camera));
}

/// So many exposures of a slope over which a bright block moves, each with noise of its own; or drawn without any.
fn exposures(frames: u32, noisy: bool) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut seed = 7_u32;
    for n in 0..frames {
        let picture = image::RgbImage::from_fn(96, 54, |x, y| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = if noisy { (seed >> 24) % 7 } else { 3 };
            let in_block = (x + 96 - (5 * n) % 96) % 96 < 20 && (15..40).contains(&y);
            image::Rgb([(if in_block { 190 } else { 60 + x / 2 } + noise) as u8; 3])
        });
        picture.save(folder.path().join(format!("{n:03}.png"))).unwrap();
    }
    folder
}

/// The signs of a source's feed, looked at behind the watchdog until there is `wanted`, or for so many frames.
fn signs(open: OpenSource, rate: Option<f64>, wanted: Option<FeedSign>, frames: usize) -> Vec<FeedSign> {
    let camera = start(open);
    let (mut monitor, mut after) = (FeedMonitor::new(rate), None);
    for _ in 0..frames {
        let frame = camera.newest(after, LIMIT).expect("a frame comes");
        after = Some(frame.sequence);
        monitor.observe(&frame);
        if monitor.report().signs().any(|sign| Some(sign) == wanted) {
            break;
        }
    }
    monitor.report().signs().collect()
}

#[test]
fn a_feed_that_is_honest_has_no_sign_behind_the_watchdog() {
    let folder = exposures(60, true);
    let playing = ReplaySettings { at_end: AtEnd::End, ..settings(&folder, ReplayFaults::default()) };
    assert_eq!(signs(replay(playing), Some(100.0), None, 40), []);
}

#[test]
fn a_recording_that_starts_over_is_a_loop() {
    let folder = exposures(25, true);
    let found = signs(replay(settings(&folder, ReplayFaults::default())), None, Some(FeedSign::Looped), 200);
    assert!(found.contains(&FeedSign::Looped), "{found:?}");
}

#[test]
fn a_picture_that_stands_is_frozen_though_frames_go_on() {
    let folder = exposures(40, true);
    let faults = ReplayFaults::default().at(10, ReplayFault::Freeze(400));
    let found = signs(replay(settings(&folder, faults)), None, Some(FeedSign::Frozen), 400);
    assert_eq!(found, [FeedSign::Frozen]);
}

#[test]
fn frames_as_fast_as_they_can_be_copied_are_no_camera_s() {
    let shade = Arc::new(AtomicUsize::new(0));
    let open: OpenSource = Arc::new(move || {
        let shade = Arc::clone(&shade);
        Ok(Box::new(Scripted(move || Ok(picture(shade.fetch_add(1, Ordering::SeqCst) as u8)))))
    });
    assert_eq!(signs(open, Some(30.0), Some(FeedSign::ImpossibleTiming), 200), [FeedSign::ImpossibleTiming]);
}

#[test]
fn pictures_that_a_program_drew_are_free_of_noise() {
    let folder = exposures(90, false);
    let playing = ReplaySettings { frames_per_second: 40.0, ..settings(&folder, ReplayFaults::default()) };
    let found = signs(replay(playing), None, Some(FeedSign::NoiseFree), 80);
    assert!(found.contains(&FeedSign::NoiseFree), "{found:?}");
}

#[test]
fn a_camera_that_comes_back_with_another_size_is_seen_by_the_feed() {
    let (opened, pulled) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let cable = Arc::clone(&pulled);
    let open: OpenSource = Arc::new(move || {
        let width = if opened.fetch_add(1, Ordering::SeqCst) == 0 { 8 } else { 16 };
        let pulled = Arc::clone(&cable);
        Ok(Box::new(Scripted(move || {
            if width == 8 && pulled.load(Ordering::SeqCst) {
                return Err(CameraError::Disconnected("pulled".to_owned()));
            }
            Ok(Capture { image: Rgb::filled(width, 6, [9; 3]), provenance: Provenance::Simulated })
        })))
    });
    let seen_first = start(Arc::clone(&open));
    let first = seen_first.newest(None, LIMIT).unwrap();
    let mut monitor = FeedMonitor::new(None);
    monitor.observe(&first);
    pulled.store(true, Ordering::SeqCst);
    until("it comes back", || {
        let newest = seen_first.newest(None, Duration::ZERO);
        newest.is_some_and(|frame| {
            monitor.observe(&frame);
            monitor.report().signs().any(|sign| sign == FeedSign::FormatChanged)
        })
    });
}
