//! The decoder in its own process: the same results as in this one, and no way to hold it up.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use carded::camera::{CameraError, decode_image, load_image};
use carded::imaging::{Gray, Rgb};
use carded::run::worker::{BARCODE_LIVE_LIMIT, DecoderWorker, PICTURE_LIMIT, Refusal, WorkerError, picture_decoder};
use carded::session::DeviceFault;
use carded::vision::{BarcodeOptions, Format, Symbol, read_barcodes};

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_carded"))
}

fn worker() -> DecoderWorker {
    DecoderWorker::spawn(program()).unwrap()
}

/// Something else in the worker's place.
fn instead(program: &str, arguments: &[&str]) -> DecoderWorker {
    let arguments: Vec<_> = arguments.iter().map(Into::into).collect();
    DecoderWorker::of(Path::new(program), &arguments).unwrap()
}

fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, (x ^ y) as u8]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

/// A photo with a barcode on it, drawn by the specimen's own maker.
fn back() -> Gray {
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new(program())
        .args(["specimen", "licence", "--drawn", "--today", "2026-03-01", "--out"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    load_image(&folder.path().join("back.jpg")).unwrap().to_gray()
}

fn exists(process: u32) -> bool {
    PathBuf::from(format!("/proc/{process}")).exists()
}

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn is_same(one: &[Symbol], other: &[Symbol]) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|(one, other)| {
            one.format == other.format
                && one.bytes == other.bytes
                && one.text == other.text
                && one.corners.0 == other.corners.0
        })
}

#[test]
fn a_picture_is_decoded_as_in_this_process() {
    let bytes = jpeg(321, 123);
    let worker = worker();
    assert!(worker.decode_picture(&bytes).unwrap() == decode_image(&bytes).unwrap());
    let process = worker.process_id().unwrap();
    assert!(worker.decode_picture(&bytes).is_ok());
    assert_eq!(worker.process_id(), Some(process), "one process serves many requests");
}

#[test]
fn barcodes_are_read_as_in_this_process() {
    let picture = back();
    let worker = worker();
    for options in [BarcodeOptions::live(), BarcodeOptions::thorough()] {
        let symbols = worker.read_barcodes(&picture, &options).unwrap();
        assert!(symbols.iter().any(|symbol| symbol.format == Format::Pdf417));
        assert!(is_same(&symbols, &read_barcodes(&picture, &options)));
    }
}

#[test]
fn bytes_that_are_no_picture_are_refused_by_a_worker_that_lives_on() {
    let worker = worker();
    let mut cut = jpeg(64, 64);
    cut.truncate(300);
    let gif = b"GIF89a\x01\x00\x01\x00".as_slice();
    let cases = [(b"".as_slice(), Refusal::Empty), (b"hello", Refusal::UnknownFormat), (gif, Refusal::Animated)];
    for (bytes, refusal) in cases.into_iter().chain([(cut.as_slice(), Refusal::Damaged)]) {
        let error = worker.decode_picture(bytes).unwrap_err();
        assert!(matches!(error, WorkerError::Refused(found) if found == refusal), "{error}");
        assert_eq!(error.fault(), None, "a picture is no fault of the device");
    }
    let process = worker.process_id();
    assert!(worker.decode_picture(&jpeg(8, 8)).is_ok());
    assert_eq!(worker.process_id(), process);
}

#[test]
fn what_is_larger_than_the_limits_is_refused_without_asking() {
    let worker = instead("/bin/false", &[]);
    let huge = vec![0; (carded::camera::MAX_FILE_BYTES + 1) as usize];
    assert!(matches!(worker.decode_picture(&huge), Err(WorkerError::Refused(Refusal::TooManyBytes))));
    let vast = Gray::filled(8000, 5000, [0]);
    let refused = worker.read_barcodes(&vast, &BarcodeOptions::live());
    assert!(matches!(refused, Err(WorkerError::Refused(Refusal::TooManyPixels))));
}

#[test]
fn a_worker_that_hangs_is_killed_and_reaped_within_the_limit() {
    let worker = Arc::new(instead("/bin/sleep", &["4321"]));
    let asked = Arc::clone(&worker);
    let started = Instant::now();
    let request = std::thread::spawn(move || asked.decode_picture(&jpeg(8, 8)));
    let process = processes_of(b"/bin/sleep\x004321\0", &mut || request.is_finished());
    let error = request.join().unwrap().unwrap_err();
    assert!(matches!(error, WorkerError::TimedOut(limit) if limit == PICTURE_LIMIT), "{error}");
    assert_eq!(error.fault(), Some(DeviceFault::Decoder));
    assert!(started.elapsed() < PICTURE_LIMIT + Duration::from_secs(2));
    assert!(!process.is_empty() && process.into_iter().all(|process| !exists(process)), "no zombie is left");
    assert_eq!(worker.process_id(), None);
}

/// The processes with this command line, as soon as there are any.
fn processes_of(command_line: &[u8], give_up: &mut dyn FnMut() -> bool) -> Vec<u32> {
    loop {
        let processes: Vec<u32> = std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|process| std::fs::read(format!("/proc/{process}/cmdline")).is_ok_and(|line| line == command_line))
            .collect();
        if !processes.is_empty() || give_up() {
            return processes;
        }
    }
}

#[test]
fn a_worker_that_reads_nothing_does_not_hold_up_a_large_request() {
    let worker = instead("/bin/sleep", &["1000"]);
    let started = Instant::now();
    let picture = Gray::filled(1920, 1080, [0]);
    let error = worker.read_barcodes(&picture, &BarcodeOptions::live()).unwrap_err();
    assert!(matches!(error, WorkerError::TimedOut(limit) if limit == BARCODE_LIVE_LIMIT), "{error}");
    assert!(started.elapsed() < BARCODE_LIVE_LIMIT + Duration::from_secs(2));
}

#[test]
fn a_worker_that_dies_is_told_and_started_again() {
    let worker = instead("/bin/false", &[]);
    for _ in 0..3 {
        let error = worker.decode_picture(&jpeg(8, 8)).unwrap_err();
        assert!(matches!(error, WorkerError::Died), "{error}");
    }
}

#[test]
fn endless_output_and_echoes_are_nonsense() {
    for (program, arguments) in [("/usr/bin/yes", ["cdAn"].as_slice()), ("/bin/cat", &[]), ("/bin/cat", &["/dev/zero"])]
    {
        let error = instead(program, arguments).decode_picture(&jpeg(8, 8)).unwrap_err();
        assert!(matches!(error, WorkerError::Nonsense | WorkerError::Died), "{program}: {error}");
    }
}

#[test]
fn a_program_that_is_not_there_cannot_be_started() {
    let error = instead("/nonexistent/carded", &["worker"]).decode_picture(&jpeg(8, 8)).unwrap_err();
    assert!(matches!(error, WorkerError::Start(_)), "{error}");
    assert!(matches!(CameraError::from(error), CameraError::Decoder(_)));
}

#[test]
fn a_worker_that_was_killed_while_idle_is_replaced_without_a_word() {
    let worker = worker();
    worker.decode_picture(&jpeg(8, 8)).unwrap();
    let first = worker.process_id().unwrap();
    kill(first);
    until("it is dead", || std::fs::read_to_string(format!("/proc/{first}/stat")).unwrap_or_default().contains(") Z"));
    worker.decode_picture(&jpeg(8, 8)).unwrap();
    assert_ne!(worker.process_id(), Some(first));
    assert!(!exists(first), "it was reaped");
}

fn kill(process: u32) {
    assert!(Command::new("kill").args(["-9", &process.to_string()]).status().unwrap().success());
}

#[test]
fn the_worker_is_confined_and_ends_with_its_client() {
    let worker = worker();
    worker.decode_picture(&jpeg(8, 8)).unwrap();
    let process = worker.process_id().unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
    let limit = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        let mut words = line[name.len()..].split_whitespace();
        (words.next().unwrap().to_owned(), words.next().unwrap().to_owned())
    };
    assert_eq!(limit("Max core file size"), ("0".to_owned(), "0".to_owned()));
    assert_eq!(limit("Max open files"), ("3".to_owned(), "3".to_owned()));
    assert_eq!(limit("Max address space").0, carded::run::worker::MAX_WORKER_MEMORY.to_string());
    let environment = std::fs::read(format!("/proc/{process}/environ")).unwrap();
    assert!(environment.is_empty(), "it inherits no secret");
    drop(worker);
    assert!(!exists(process));
}

#[test]
fn the_worker_ends_when_its_input_does_and_refuses_what_is_no_request() {
    let run = |input: Stdio| {
        Command::new(program()).arg("worker").stdin(input).stdout(Stdio::null()).stderr(Stdio::null()).status()
    };
    assert!(run(Stdio::null()).unwrap().success());
    assert!(!run(std::fs::File::open("/dev/zero").unwrap().into()).unwrap().success());
}

#[test]
fn a_worker_outlives_the_thread_that_asked_first() {
    let worker = worker();
    std::thread::scope(|threads| {
        threads.spawn(|| worker.decode_picture(&jpeg(8, 8)).unwrap()).join().unwrap();
    });
    let process = worker.process_id();
    worker.decode_picture(&jpeg(8, 8)).unwrap();
    assert_eq!(worker.process_id(), process);
}

#[test]
fn several_threads_ask_one_worker_and_each_gets_its_own_answer() {
    let worker = worker();
    std::thread::scope(|threads| {
        for width in 1..5_u32 {
            let worker = &worker;
            threads.spawn(move || {
                for height in 1..9 {
                    let picture = worker.decode_picture(&jpeg(width * 16, height * 8)).unwrap();
                    assert_eq!((picture.width() as u32, picture.height() as u32), (width * 16, height * 8));
                }
            });
        }
    });
}

#[test]
fn a_camera_s_pictures_are_decoded_in_the_worker() {
    let decode = picture_decoder(Arc::new(worker()));
    let picture: Rgb = decode(&jpeg(32, 16)).unwrap();
    assert_eq!((picture.width(), picture.height()), (32, 16));
    assert!(matches!(decode(b"noise"), Err(CameraError::Picture(_))), "one damaged picture passes");
}
