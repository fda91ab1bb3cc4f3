//! Barcodes are read wherever they lie, and nothing that is not one breaks the reader.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr)]

mod support;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use carded::camera::load_image;
use carded::imaging::{Gray, Homography, Point, Quad, QuarterTurns, Rect, Similarity, project, resize, rotate_quarter};
use carded::tools::specimen::barcodes::{BarcodeFrame, Sweep, SymbolKind, barcode_frame};
use carded::vision::{BarcodeOptions, Format, Symbol, SymbolVotes, read_barcodes, read_barcodes_of_stream};
use rxing::{BarcodeFormat, EncodeHints, MultiFormatWriter, Writer};

/// A symbol at `scale` pixels a module, with `quiet` modules around it that the encoder did not put there itself.
fn encode(text: &str, format: BarcodeFormat, scale: usize, quiet: usize) -> Gray {
    let hints = EncodeHints { Margin: Some("0".to_owned()), ..EncodeHints::default() };
    let matrix = MultiFormatWriter.encode_with_hints(text, &format, 0, 0, &hints).unwrap();
    let (width, rows) = (matrix.getWidth() as usize, matrix.getHeight() as usize);
    // Linear symbols come as a single row.
    let height = rows.max(16);
    Gray::from_fn((width + 2 * quiet) * scale, (height + 2 * quiet) * scale, |x, y| {
        let (x, y) = ((x / scale).wrapping_sub(quiet), (y / scale).wrapping_sub(quiet));
        let dark = x < width && y < height && matrix.get(x as u32, y.min(rows - 1) as u32);
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

/// Quiet modules around the symbols of [`turned_frame`].
const QUIET: usize = 10;

/// A symbol turned in the middle of a grey frame at `module` pixels a module, and where its corners then are.
fn turned_frame(text: &str, format: BarcodeFormat, module: f32, degrees: f32) -> (Gray, Quad) {
    const DRAWN: usize = 6;
    let drawn = encode(text, format, DRAWN, QUIET);
    // A camera averages over its pixels instead of picking some points.
    let shrink = (module / DRAWN as f32).min(1.0);
    let reduced = |length: usize| (length as f32 * shrink).round() as usize;
    let small = resize(&drawn, reduced(drawn.width()), reduced(drawn.height()));
    let (width, height) = (small.width() as f32, small.height() as f32);
    let plan = Quad::from_rect(Rect::new(0.0, 0.0, width, height));
    let scale = module / DRAWN as f32 / shrink;
    let place = Similarity::about(plan.bounds().centre(), degrees, scale, Point::new(805.0, 590.0));
    let in_frame = |quad: Quad| Quad(quad.0.map(|p| place.apply(p)));
    let to_symbol = Homography::between(in_frame(plan), plan).unwrap();
    let quiet = QUIET as f32 * DRAWN as f32 * shrink;
    let own = Quad::from_rect(Rect::new(quiet, quiet, width - 2.0 * quiet, height - 2.0 * quiet));
    (project(&small, 1600, 1200, [150], &to_symbol), in_frame(own))
}

fn says(symbols: &[Symbol], format: Format, text: &str) -> bool {
    symbols.iter().any(|symbol| symbol.format == format && symbol.bytes.reveal() == text.as_bytes())
}

fn farthest_corner(found: Quad, truth: Quad) -> f32 {
    found.0.iter().zip(truth.0).map(|(corner, own)| corner.distance(own)).fold(0.0, f32::max)
}

#[test]
fn a_symbol_is_read_at_any_turn_and_its_corners_are_its_own() {
    let text = payload();
    for degrees in (0..=90).step_by(5).chain([135, 180, 200, 270, 315]) {
        let (frame, corners) = turned_frame(&text, BarcodeFormat::PDF_417, 2.4, degrees as f32);
        let symbols = read_barcodes(&frame, &BarcodeOptions::live());
        assert!(says(&symbols, Format::Pdf417, &text), "not read at {degrees} degrees");
        let off = farthest_corner(symbols[0].corners, corners);
        assert!(off < 5.0, "a corner is {off} pixels off at {degrees} degrees");
    }
}

#[test]
fn small_modules_are_read() {
    let text = payload();
    for degrees in [0.0, 4.0, 33.0, 88.0] {
        let (frame, _) = turned_frame(&text, BarcodeFormat::PDF_417, 1.9, degrees);
        let symbols = read_barcodes(&frame, &BarcodeOptions::live());
        assert!(says(&symbols, Format::Pdf417, &text), "not read at {degrees} degrees");
    }
}

#[test]
fn matrix_symbols_are_read_in_a_large_frame_with_their_corners() {
    let text = "CARDED-0123456789";
    for (format, kind) in [
        (BarcodeFormat::QR_CODE, Format::QrCode),
        (BarcodeFormat::DATA_MATRIX, Format::DataMatrix),
        (BarcodeFormat::AZTEC, Format::Aztec),
    ] {
        for degrees in [0.0, 90.0, 180.0] {
            let (frame, corners) = turned_frame(text, format, 5.0, degrees);
            let symbols = read_barcodes(&frame, &BarcodeOptions::thorough());
            assert!(says(&symbols, kind, text), "{kind:?} is not read at {degrees} degrees: {symbols:?}");
            // rxing does not tell which corner of an Aztec symbol is its first.
            let found = symbols[0].corners.0;
            let turns = if kind == Format::Aztec { 4 } else { 1 };
            let off = (0..turns)
                .map(|turn| farthest_corner(Quad(std::array::from_fn(|k| found[(k + turn) % 4])), corners))
                .fold(f32::MAX, f32::min);
            assert!(off < 8.0, "{kind:?}, {degrees} degrees: a corner is {off} pixels off");
        }
    }
}

#[test]
fn matrix_symbols_are_read_at_any_turn() {
    let text = "CARDED-0123456789";
    for (format, kind) in [
        (BarcodeFormat::QR_CODE, Format::QrCode),
        (BarcodeFormat::DATA_MATRIX, Format::DataMatrix),
        (BarcodeFormat::AZTEC, Format::Aztec),
    ] {
        for degrees in [13.0, 31.0, 45.0, 58.0, 77.0, 104.0, 226.0, 341.0] {
            let (frame, _) = turned_frame(text, format, 4.0, degrees);
            let symbols = read_barcodes(&frame, &BarcodeOptions::thorough());
            assert!(says(&symbols, kind, text), "{kind:?} is not read at {degrees} degrees: {symbols:?}");
        }
    }
}

fn is_told(frame: &BarcodeFrame, symbols: &[Symbol]) -> bool {
    symbols.iter().any(|symbol| Some(symbol.bytes.reveal()) == frame.payload.as_ref())
}

/// A small share of what `make compare-barcodes` takes, of other seeds than its report.
#[test]
fn frames_as_a_camera_sees_them_are_read_and_never_wrongly() {
    let mut read = 0;
    for seed in 40_000..40_020 {
        let frame = barcode_frame(seed, 0, Sweep::Goal, SymbolKind::Pdf417).unwrap();
        let symbols = read_barcodes(&frame.image, &BarcodeOptions::live());
        assert!(symbols.is_empty() || is_told(&frame, &symbols), "seed {seed} is read wrongly");
        read += usize::from(is_told(&frame, &symbols));
    }
    assert!(read >= 19, "{read} of 20");
}

#[test]
fn frames_of_a_stream_are_read_together_where_none_is_alone() {
    let text = payload();
    // A third of the codewords is covered in each frame, another third each time: more than error correction can mend.
    let frames: Vec<Gray> = (0..4)
        .map(|frame| {
            let mut symbol = encode(&text, BarcodeFormat::PDF_417, 4, 8);
            let (width, height) = (symbol.width(), symbol.height());
            for y in 0..height {
                for x in (0..width).filter(|x| (x / 136 + y / 24 + frame) % 3 == 0 && (160..width - 160).contains(x)) {
                    symbol.set_pixel(x, y, [130]);
                }
            }
            symbol
        })
        .collect();
    for frame in &frames {
        assert!(
            read_barcodes(frame, &BarcodeOptions::live()).is_empty(),
            "one frame is enough, so that nothing is shown"
        );
    }
    let mut votes = SymbolVotes::default();
    let mut read = frames.iter().map(|frame| read_barcodes_of_stream(frame, &BarcodeOptions::live(), &mut votes));
    assert!(read.any(|symbols| says(&symbols, Format::Pdf417, &text)));
}

#[test]
fn a_linear_symbol_is_read_at_any_turn() {
    for degrees in [0.0, 20.0, 90.0, 180.0] {
        let (frame, _) = turned_frame("CARDED-0123456789", BarcodeFormat::CODE_128, 4.0, degrees);
        let symbols = read_barcodes(&frame, &BarcodeOptions::thorough());
        assert!(says(&symbols, Format::Code128, "CARDED-0123456789"), "not read at {degrees} degrees");
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
fn a_matrix_symbol_beside_a_pdf417_is_read_too() {
    let text = "CARDED-0123456789";
    for (format, kind) in [
        (BarcodeFormat::QR_CODE, Format::QrCode),
        (BarcodeFormat::DATA_MATRIX, Format::DataMatrix),
        (BarcodeFormat::AZTEC, Format::Aztec),
    ] {
        let (mut frame, _) = turned_frame(&payload(), BarcodeFormat::PDF_417, 2.4, 12.0);
        let small = encode(text, format, 4, 6);
        for y in 0..small.height() {
            for x in 0..small.width() {
                frame.set_pixel(1300 + x, 900 + y, small.pixel(x, y));
            }
        }
        let symbols = read_barcodes(&frame, &BarcodeOptions::thorough());
        assert!(says(&symbols, Format::Pdf417, &payload()) && says(&symbols, kind, text), "{kind:?}: {symbols:?}");
        assert_eq!(symbols.len(), 2);
    }
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
        // The most edges that a picture can have, in two shapes.
        Gray::from_fn(1920, 1080, |x, y| [if (x + y) % 2 == 0 { 0 } else { 255 }]),
        Gray::from_fn(1920, 1080, |x, y| [if (x / 5 * 7 + y / 5 * 5 + (x / 5) * (y / 5)) % 3 == 0 { 0 } else { 255 }]),
        // Hundreds of regions of bars, each in another direction.
        Gray::from_fn(1920, 1080, |x, y| {
            let (sin, cos) = ((x / 96 * 5 + y / 96 * 3) as f32 * 0.7).sin_cos();
            [if ((x as f32 * cos + y as f32 * sin) * 1.3).sin() > 0.0 { 20 } else { 230 }]
        }),
        // Thousands of start and stop patterns, every third line of bars cut short.
        Gray::from_fn(1920, 1080, |x, y| {
            let module = (x / 2 + y / 40 * 13) % 35;
            let bar = module < 8 || matches!(module, 9 | 11 | 13 | 17..=23 | 25 | 29 | 31 | 34);
            [if bar && y % 40 > 4 { 15 } else { 240 }]
        }),
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

#[test]
fn the_largest_symbol_is_read_and_what_is_left_of_it_is_not() {
    // 90 rows of 10 columns, most of them error correction.
    let text: String = (0..320_u32).map(|k| char::from(b'A' + (k * k % 26) as u8)).collect();
    let hints = EncodeHints {
        Margin: Some("0".to_owned()),
        ErrorCorrection: Some("8".to_owned()),
        Pdf417Dimensions: Some(rxing::pdf417::encoder::Dimensions::new(10, 10, 60, 90)),
        ..EncodeHints::default()
    };
    let matrix = MultiFormatWriter.encode_with_hints(&text, &BarcodeFormat::PDF_417, 0, 0, &hints).unwrap();
    let frame = |rows: usize| {
        Gray::from_fn(1100, 1100, |x, y| {
            let (u, v) = (x.wrapping_sub(100) / 3, y.wrapping_sub(100) / 3);
            let inside = x >= 100 && y >= 100 && u < matrix.getWidth() as usize && v < rows;
            [if inside && matrix.get(u as u32, v as u32) { 20 } else { 235 }]
        })
    };
    let whole = matrix.getHeight() as usize;
    assert!(says(&read_barcodes(&frame(whole), &BarcodeOptions::live()), Format::Pdf417, &text));
    assert!(read_barcodes(&frame(whole / 3), &BarcodeOptions::live()).is_empty());
}
