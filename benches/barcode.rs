//! How long barcodes take: on an empty frame, on a clean symbol, and on a turned symbol in a 1080p frame. All pictures are
//! made here. `cargo bench --bench barcode`
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use carded::imaging::{Gray, Homography, Point, Quad, Rect, Similarity, find_bars, project};
use carded::vision::{BarcodeOptions, read_barcodes};
use criterion::{Criterion, criterion_group, criterion_main};
use rxing::{BarcodeFormat, MultiFormatWriter, Writer};

const FRAME: (usize, usize) = (1920, 1080);

/// A symbol of some 300 bytes at 4 pixels a module, with its quiet zone.
fn symbol() -> Gray {
    let payload: String = (0..300_u32).map(|k| char::from(b'A' + (k * k % 26) as u8)).collect();
    let matrix = MultiFormatWriter.encode(&payload, &BarcodeFormat::PDF_417, 0, 0).unwrap();
    let (width, height) = (matrix.getWidth() as usize, matrix.getHeight() as usize);
    Gray::from_fn(width * 4, height * 4, |x, y| {
        let dark = matrix.get((x / 4) as u32, (y / 4) as u32);
        [if dark { 25 } else { 230 }]
    })
}

/// A soft, uneven background.
fn background(x: f32, y: f32) -> u8 {
    (110.0 + 50.0 * (x / 170.0).sin() + 30.0 * (y / 90.0 + x / 400.0).cos()) as u8
}

fn empty_frame() -> Gray {
    Gray::from_fn(FRAME.0, FRAME.1, |x, y| [background(x as f32, y as f32)])
}

/// The symbol in the middle of a frame, turned, at 2.5 pixels a module.
fn frame_with(symbol: &Gray, degrees: f32) -> Gray {
    let (width, height) = (symbol.width() as f32, symbol.height() as f32);
    let place = Similarity::about(
        Point::new(width / 2.0, height / 2.0),
        degrees,
        2.5 / 4.0,
        Point::new(FRAME.0 as f32 / 2.0, FRAME.1 as f32 / 2.0),
    );
    let plan = Quad::from_rect(Rect::new(0.0, 0.0, width, height));
    let to_symbol = Homography::between(Quad(plan.0.map(|p| place.apply(p))), plan).unwrap();
    let laid = project(symbol, FRAME.0, FRAME.1, [0], &to_symbol);
    let empty = empty_frame();
    Gray::from_fn(FRAME.0, FRAME.1, |x, y| if laid.pixel(x, y)[0] > 0 { laid.pixel(x, y) } else { empty.pixel(x, y) })
}

fn barcode(criterion: &mut Criterion) {
    let (clean, empty) = (symbol(), empty_frame());
    let turned = frame_with(&clean, 17.0);
    assert_eq!(read_barcodes(&turned, &BarcodeOptions::live()).len(), 1);
    criterion.bench_function("barcode: localiser, empty 1080p frame", |bench| {
        bench.iter(|| find_bars(black_box(&empty), 6));
    });
    criterion.bench_function("barcode: whole reader, empty 1080p frame", |bench| {
        bench.iter(|| read_barcodes(black_box(&empty), &BarcodeOptions::thorough()));
    });
    criterion.bench_function("barcode: clean symbol", |bench| {
        bench.iter(|| read_barcodes(black_box(&clean), &BarcodeOptions::live()));
    });
    criterion.bench_function("barcode: symbol turned by 17 degrees in a 1080p frame", |bench| {
        bench.iter(|| read_barcodes(black_box(&turned), &BarcodeOptions::live()));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = barcode
}
criterion_main!(benches);
