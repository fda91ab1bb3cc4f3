//! The text stages on a specimen's front and page: finding and reading lines, fields by content, the comparison.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::path::Path;

use carded::document::{Fields, cross_reference, read_visual_fields};
use carded::tools::specimen::document::passport_page;
use carded::tools::specimen::{PersonName, SpecimenLicence, SpecimenPassport, View, photograph, photographed};
use carded::vision::{Runtime, TextReader, Threads};
use criterion::{Criterion, criterion_group, criterion_main};
use jiff::civil::date;

fn stages(criterion: &mut Criterion) {
    let today = date(2026, 11, 22);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = root.join("target/runtime/libonnxruntime.so");
    let runtime = Runtime::load(&root.join("models"), &library, Threads(NonZeroUsize::MIN)).unwrap();
    let mut reader = TextReader::open(&runtime).unwrap();
    let licence = SpecimenLicence::genuine(PersonName::Collins, today);
    let (front, _) = photographed(&licence, 1).unwrap();
    let page = passport_page(&SpecimenPassport::genuine(PersonName::Collins, today)).unwrap();
    let page = photograph(&page, &View::default(), 1).unwrap().image;
    let lines = reader.read(&front).unwrap();
    let fields = Fields { id_number: Some(licence.id_number.as_str().into()), ..Fields::default() };
    let mut group = criterion.benchmark_group("text");
    group.sample_size(10);
    group.bench_function("front_1080p", |b| b.iter(|| reader.read(black_box(&front)).unwrap()));
    group.bench_function("mrz_1080p", |b| b.iter(|| reader.read_mrz(black_box(&page), today).unwrap()));
    group.bench_function("visual_fields", |b| b.iter(|| read_visual_fields(black_box(&lines), today)));
    let printed = read_visual_fields(&lines, today);
    group.bench_function("cross_reference", |b| b.iter(|| cross_reference(black_box(&printed), &fields)));
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
