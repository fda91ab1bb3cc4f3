//! Time of one rendered frame of 640 by 480 pixels.
#![allow(missing_docs, clippy::unwrap_used)]

use carded::tools::specimen::Portrait;
use carded::tools::specimen::head::{Pose, Subject, TurnFrames, TurnOptions, TurnSide};
use criterion::{Criterion, criterion_group, criterion_main};

fn frame(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("specimen");
    group.sample_size(20);
    for portrait in [Portrait::EileenCollins, Portrait::GraceHopper] {
        let options = TurnOptions::new(vec![TurnSide::Left], 1);
        let mut frames = TurnFrames::new(Subject::Head(portrait), options).unwrap();
        let pose = Pose { yaw_degrees: 25.0, ..Pose::default() };
        group.bench_function(format!("frame of {portrait:?}"), |bencher| bencher.iter(|| frames.render(&pose, 0.0)));
    }
    group.finish();
}

criterion_group!(benches, frame);
criterion_main!(benches);
