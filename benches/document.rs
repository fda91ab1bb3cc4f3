//! The pure stages: taking a payload apart, checking it, deciding.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use carded::compliance::{AgeTier, PlaceDays};
use carded::document::aamva;
use carded::session::{Evidence, Policy, decide};
use criterion::{Criterion, criterion_group, criterion_main};
use jiff::civil::date;
use std::hint::black_box;

/// A payload of version 10 with every mandatory element; the person does not exist.
const PAYLOAD: &str = "@\n\u{1e}\rANSI 636014100001DL00310278DLDAQS1234567\nDCSSPECIMEN\nDDEN\nDACALEX\nDDFN\nDADQ\n\
    DDGN\nDCAC\nDCBNONE\nDCDNONE\nDBD05172022\nDBB05171990\nDBA05172030\nDBC1\nDAU069 IN\nDAYBRO\nDAG1 EXAMPLE STREET\n\
    DAISACRAMENTO\nDAJCA\nDAK958140000  \nDCF01/02/2022123AB/CDFD/30\nDCGUSA\nDAZBRO\nDCK22137S12345670401\nDDAF\n\
    DDB08292017\nDAW160\r";

fn stages(criterion: &mut Criterion) {
    let today = date(2026, 11, 22);
    let parsed = aamva::parse(PAYLOAD.as_bytes()).expect("the payload is a licence");
    criterion.bench_function("aamva_parse", |b| b.iter(|| aamva::parse(black_box(PAYLOAD.as_bytes()))));
    criterion.bench_function("aamva_checks", |b| b.iter(|| aamva::checks(black_box(&parsed), today)));
    let policy = Policy::for_tier(AgeTier::Over21);
    let evidence = Evidence::default();
    criterion.bench_function("decide_without_evidence", |b| {
        b.iter(|| decide(black_box(&evidence), &policy, PlaceDays::single(today)));
    });
}

criterion_group!(benches, stages);
criterion_main!(benches);
