//! The pure stages: taking a payload apart, checking it, deciding.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "../src/document/aamva/hostile_payloads.rs"]
mod hostile_payloads;

use carded::compliance::{AgeTier, PlaceDays};
use carded::document::aamva::{self, PayloadOrigin};
use carded::imaging::{Frame, Provenance, Rgb};
use carded::liveness::FeedMonitor;
use carded::session::{Evidence, Policy, decide};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hostile_payloads::hostile_payloads;
use jiff::civil::date;
use std::hint::black_box;
use std::time::Duration;

/// A payload of version 10 with every mandatory element; the person does not exist.
const PAYLOAD: &str = "@\n\u{1e}\rANSI 636014100001DL00310278DLDAQS1234567\nDCSSPECIMEN\nDDEN\nDACALEX\nDDFN\nDADQ\n\
    DDGN\nDCAC\nDCBNONE\nDCDNONE\nDBD05172022\nDBB05171990\nDBA05172030\nDBC1\nDAU069 IN\nDAYBRO\nDAG1 EXAMPLE STREET\n\
    DAISACRAMENTO\nDAJCA\nDAK958140000  \nDCF01/02/2022123AB/CDFD/30\nDCGUSA\nDAZBRO\nDCK22137S12345670401\nDDAF\n\
    DDB08292017\nDAW160\r";

/// Lengths that double; the longest is the longest payload that is read.
const LENGTHS: [usize; 4] = [2_048, 4_096, 8_192, 16_384];

fn growth(criterion: &mut Criterion) {
    let today = date(2026, 11, 22);
    let mut group = criterion.benchmark_group("aamva_hostile");
    group.sample_size(20).warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_millis(400));
    for length in LENGTHS {
        for (name, payload) in hostile_payloads(length) {
            group.throughput(Throughput::Bytes(payload.len() as u64));
            group.bench_function(BenchmarkId::new(name, length), |b| {
                b.iter(|| {
                    aamva::parse(black_box(payload.as_bytes()))
                        .map(|document| aamva::checks(&document, PayloadOrigin::Symbol, today))
                });
            });
        }
    }
    group.finish();
}

fn stages(criterion: &mut Criterion) {
    let today = date(2026, 11, 22);
    let parsed = aamva::parse(PAYLOAD.as_bytes()).expect("the payload is a licence");
    criterion.bench_function("aamva_parse", |b| b.iter(|| aamva::parse(black_box(PAYLOAD.as_bytes()))));
    criterion
        .bench_function("aamva_checks", |b| b.iter(|| aamva::checks(black_box(&parsed), PayloadOrigin::Symbol, today)));
    let policy = Policy::for_tier(AgeTier::Over21);
    let evidence = Evidence::default();
    criterion.bench_function("decide_without_evidence", |b| {
        b.iter(|| decide(black_box(&evidence), &policy, PlaceDays::single(today)));
    });
}

/// What the checks of the camera's feed cost: frames of 1080p, none of which comes again.
fn feed(criterion: &mut Criterion) {
    let mut frames: Vec<Frame> = (0..8)
        .map(|n| {
            let mut seed = 7_u32 + n;
            let image = Rgb::from_fn(1920, 1080, |x, y| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                [60 + (x / 20) as u8 + (seed >> 29) as u8, 60 + (y / 16) as u8, 90]
            });
            Frame { image, captured_at: Duration::ZERO, sequence: 0, provenance: Provenance::Simulated }
        })
        .collect();
    let (mut monitor, mut taken) = (FeedMonitor::new(Some(30.0)), 0_u64);
    criterion.bench_function("feed_1080p", |b| {
        b.iter(|| {
            taken += 1;
            let frame = &mut frames[(taken % 8) as usize];
            (frame.sequence, frame.captured_at) = (taken, Duration::from_micros(33_333 * taken + taken * 7919 % 3000));
            // A pixel that is looked at is another one, so that the picture is.
            frame.image.set_pixel(0, 0, [taken as u8, (taken >> 8) as u8, (taken >> 16) as u8]);
            monitor.observe(black_box(frame));
        });
    });
}

criterion_group!(benches, stages, growth, feed);
criterion_main!(benches);
