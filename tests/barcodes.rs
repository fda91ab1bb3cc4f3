//! Barcodes are read wherever they lie, and nothing that is not one breaks the reader.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr)]

mod support;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use carded::camera::load_image;
use carded::imaging::{Gray, Homography, Point, Quad, QuarterTurns, Rect, Similarity, project, resize, rotate_quarter};
use carded::vision::{BarcodeOptions, Format, Symbol, read_barcodes};
use rxing::{BarcodeFormat, MultiFormatWriter, Writer};

fn encode(text: &str, format: BarcodeFormat, scale: usize, quiet: usize) -> Gray {
    let matrix = MultiFormatWriter.encode(text, &format, 0, 0).unwrap();
    let (width, height) = (matrix.getWidth() as usize, (matrix.getHeight() as usize).max(12));
    Gray::from_fn((width + 2 * quiet) * scale, (height + 2 * quiet) * scale, |x, y| {
        let (x, y) = ((x / scale).wrapping_sub(quiet), (y / scale).wrapping_sub(quiet));
        let y = y.min(matrix.getHeight() as usize - 1);
        let dark = x < width && y / scale < height && matrix.get(x as u32, y as u32);
        [if dark { 20 } else { 235 }]
    })
}

/// A licence-like payload.
fn payload() -> String {
    let mut text = String::from("@\n\u{1e}\rANSI 636014080002DL00410278ZC03190008DLDAQX0000000\n");
    for k in 0..220_u32 {
        text.push(char::from(b'0' + (k * k * 7 % 43) as u8));
    }
    text + "\rZCZCAX\r"
}

/// `symbol` (at `drawn` pixels a module) turned in the middle of a grey frame, at `module` pixels a module; and where its
/// corners then are.
fn turned_frame(symbol: &Gray, drawn: f32, module: f32, degrees: f32) -> (Gray, Quad) {
    let (width, height) = (1600, 1200);
    // A picture is reduced by its pixels' area, not by picking some of them.
    let shrink = (module / drawn).min(1.0);
    let reduced = |length: usize| (length as f32 * shrink).round() as usize;
    let small = resize(symbol, reduced(symbol.width()), reduced(symbol.height()));
    let plan = Quad::from_rect(Rect::new(0.0, 0.0, small.width() as f32, small.height() as f32));
    let place = Similarity::about(plan.bounds().centre(), degrees, module / drawn / shrink, Point::new(805.0, 590.0));
    let corners = Quad(plan.0.map(|p| place.apply(p)));
    let to_symbol = Homography::between(corners, plan).unwrap();
    (project(&small, width, height, [150], &to_symbol), corners)
}

fn says(symbols: &[Symbol], format: Format, text: &str) -> bool {
    symbols.iter().any(|symbol| symbol.format == format && symbol.bytes.reveal() == text.as_bytes())
}

#[test]
fn a_symbol_is_read_at_any_turn_and_its_corners_are_its_own() {
    let text = payload();
    let quiet = 4;
    let symbol = encode(&text, BarcodeFormat::PDF_417, 6, 0);
    let framed = Gray::from_fn(symbol.width() + 12 * quiet, symbol.height() + 12 * quiet, |x, y| {
        let (x, y) = (x.wrapping_sub(6 * quiet), y.wrapping_sub(6 * quiet));
        if x < symbol.width() && y < symbol.height() { symbol.pixel(x, y) } else { [235] }
    });
    for degrees in (0..=90).step_by(5).chain([135, 180, 200, 270, 315]) {
        let (frame, corners) = turned_frame(&framed, 6.0, 2.4, degrees as f32);
        let symbols = read_barcodes(&frame, &BarcodeOptions::live());
        assert!(says(&symbols, Format::Pdf417, &text), "not read at {degrees} degrees");
        // The quiet zone lies between the drawn outline and the symbol's.
        let found = symbols[0].corners;
        for (corner, outer) in found.0.iter().zip(corners.0) {
            let distance = corner.distance(outer);
            assert!((4.0..60.0).contains(&distance), "a corner is {distance} pixels off at {degrees} degrees");
        }
    }
}

#[test]
fn small_modules_are_read() {
    let text = payload();
    let symbol = encode(&text, BarcodeFormat::PDF_417, 8, 6);
    for degrees in [0.0, 4.0, 33.0, 88.0] {
        let (frame, _) = turned_frame(&symbol, 8.0, 1.9, degrees);
        let symbols = read_barcodes(&frame, &BarcodeOptions::live());
        assert!(says(&symbols, Format::Pdf417, &text), "not read at {degrees} degrees");
    }
}

#[test]
fn the_other_kinds_are_read_in_a_large_frame() {
    for (format, kind) in [
        (BarcodeFormat::QR_CODE, Format::QrCode),
        (BarcodeFormat::DATA_MATRIX, Format::DataMatrix),
        (BarcodeFormat::AZTEC, Format::Aztec),
        (BarcodeFormat::CODE_128, Format::Code128),
    ] {
        let symbol = encode("CARDED-0123456789", format, 6, 6);
        let (frame, _) = turned_frame(&symbol, 6.0, 5.0, 0.0);
        let symbols = read_barcodes(&frame, &BarcodeOptions::thorough());
        assert!(says(&symbols, kind, "CARDED-0123456789"), "{kind:?} is not read: {symbols:?}");
    }
}

#[test]
fn two_symbols_in_one_picture_are_both_read_once() {
    let (first, second) = (payload(), payload().replace("DLDAQX", "DLDAQY"));
    let [a, b] = [&first, &second].map(|text| encode(text, BarcodeFormat::PDF_417, 3, 6));
    let frame = Gray::from_fn(1600, 1200, |x, y| {
        let (u, v) = (x.wrapping_sub(100), y.wrapping_sub(60));
        let (s, t) = (x.wrapping_sub(300), y.wrapping_sub(640));
        if u < a.width() && v < a.height() {
            a.pixel(u, v)
        } else if s < b.width() && t < b.height() {
            b.pixel(s, t)
        } else {
            [170]
        }
    });
    let symbols = read_barcodes(&frame, &BarcodeOptions::thorough());
    assert_eq!(symbols.len(), 2);
    assert!(says(&symbols, Format::Pdf417, &first) && says(&symbols, Format::Pdf417, &second));
}

#[test]
fn bytes_that_are_no_text_come_back_exactly() {
    let text: String = (0..=255_u8).map(char::from).collect();
    let symbols = read_barcodes(&encode(&text, BarcodeFormat::PDF_417, 4, 6), &BarcodeOptions::live());
    let bytes: Vec<u8> = (0..=255).collect();
    assert_eq!(symbols.iter().map(|symbol| symbol.bytes.reveal().clone()).collect::<Vec<_>>(), [bytes]);
}

#[test]
fn a_picture_cut_or_covered_in_the_middle_is_read_by_its_error_correction() {
    let text = payload();
    let mut symbol = encode(&text, BarcodeFormat::PDF_417, 4, 6);
    let (width, height) = (symbol.width(), symbol.height());
    for y in height / 2 - 8..height / 2 + 8 {
        for x in width / 2 - 12..width / 2 + 12 {
            symbol.set_pixel(x, y, [128]);
        }
    }
    assert!(says(&read_barcodes(&symbol, &BarcodeOptions::live()), Format::Pdf417, &text));
}

fn noise(width: usize, height: usize) -> Gray {
    let mut state = 7_u32;
    Gray::from_fn(width, height, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        [(state >> 24) as u8]
    })
}

#[test]
fn pictures_without_a_symbol_give_none_in_bounded_time() {
    let pictures = [
        Gray::filled(0, 0, [0]),
        Gray::filled(1, 1, [0]),
        Gray::filled(1, 10_000, [255]),
        Gray::filled(10_000, 1, [255]),
        Gray::filled(1920, 1080, [255]),
        noise(1280, 720),
        noise(40, 2000),
        Gray::from_fn(3000, 2000, |x, _| [if x % 4 < 2 { 0 } else { 255 }]),
        Gray::from_fn(2000, 3000, |x, y| [if (x + y) % 7 < 3 { 0 } else { 255 }]),
        // Start patterns without end.
        Gray::from_fn(2000, 1500, |x, _| {
            let module = x / 3 % 17;
            [if module < 8 || matches!(module, 9 | 11 | 13) { 0 } else { 255 }]
        }),
    ];
    for picture in &pictures {
        let start = Instant::now();
        assert!(read_barcodes(picture, &BarcodeOptions::thorough()).is_empty(), "{picture:?}");
        // Far above what any of them takes, so that a busy machine does not fail it.
        assert!(start.elapsed() < Duration::from_secs(30), "{picture:?} took {:?}", start.elapsed());
    }
}

/// Pictures below a folder that have a truth beside them, and whether each was read.
fn read_folder(folder: &Path) -> (usize, Vec<String>) {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "png"));
    files.sort();
    let count = files.len();
    let missed = files.into_iter().filter(|file| !is_read(file)).map(|file| file.display().to_string()).collect();
    (count, missed)
}

/// Without a truth beside it, that a picture is read at all.
fn is_read(file: &Path) -> bool {
    let symbols = read_barcodes(&load_image(file).unwrap().to_gray(), &BarcodeOptions::thorough());
    if let Ok(bytes) = std::fs::read(file.with_extension("bin")) {
        return symbols.iter().any(|symbol| *symbol.bytes.reveal() == bytes);
    }
    match std::fs::read_to_string(file.with_extension("txt")) {
        Ok(text) => symbols.iter().any(|symbol| symbol.text.reveal().trim() == text.trim()),
        Err(_) => !symbols.is_empty(),
    }
}

fn assert_floor(folder: &str, floor: usize) {
    let Some(path) = support::shared_data("pdf417").map(|path| path.join(folder)) else { return };
    let (count, missed) = read_folder(&path);
    let read = count - missed.len();
    eprintln!("{folder}: {read}/{count} read; missed: {missed:?}");
    assert!(read >= floor, "{folder}: {read}/{count} read, the floor is {floor}; missed: {missed:?}");
}

#[test]
fn clean_licence_symbols_are_all_read_exactly() {
    assert_floor("encoded", 38);
}

#[test]
fn the_black_box_photos_of_zxing_are_read() {
    assert_floor("zxing/pdf417-1", 14);
    assert_floor("zxing/pdf417-2", 24);
}

#[test]
fn the_black_box_photos_of_zxing_cpp_are_read() {
    assert_floor("zxing-cpp/pdf417-1", 16);
    assert_floor("zxing-cpp/pdf417-2", 2);
}

#[test]
fn photos_of_other_readers_are_read() {
    assert_floor("other", 8);
}

#[test]
fn a_quarter_turn_of_a_photo_changes_nothing() {
    let Some(folder) = support::shared_data("pdf417/encoded") else { return };
    let picture = load_image(&folder.join("WI.png")).unwrap().to_gray();
    let bytes = std::fs::read(folder.join("WI.bin")).unwrap();
    for turns in QuarterTurns::ALL {
        let symbols = read_barcodes(&rotate_quarter(&picture, turns), &BarcodeOptions::live());
        assert!(symbols.iter().any(|symbol| *symbol.bytes.reveal() == bytes), "{turns:?}");
    }
}
