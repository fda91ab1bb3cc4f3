//! Time of each stage of a face on one frame: `cargo bench --bench faces`.
//!
//! The picture is drawn here, so that anyone can run it. It is a crude face that the detector finds; the cost of a stage
//! does not depend on what the picture shows.
#![allow(missing_docs, clippy::expect_used)]

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use carded::imaging::{Frame, Point3, Provenance, Rect, Rgb};
use carded::liveness::{Challenge, FaceObservation, LeastYaw, MeshFace, ObservedFace, Pose, TurnTracker, passive};
use carded::vision::{FaceDetector, FaceEmbedder, FaceMesher, FaceObserver, Runtime, Threads};
use criterion::{Criterion, criterion_group, criterion_main};

/// A drawn face on 640 by 480 pixels.
fn picture() -> Rgb {
    let inside =
        |x: f32, y: f32, cx: f32, cy: f32, rx: f32, ry: f32| ((x - cx) / rx).powi(2) + ((y - cy) / ry).powi(2) < 1.0;
    Rgb::from_fn(640, 480, |x, y| {
        let (x, y) = (x as f32, y as f32);
        let eyes = inside(x, y, 275.0, 210.0, 22.0, 10.0) || inside(x, y, 365.0, 210.0, 22.0, 10.0);
        let brows = inside(x, y, 275.0, 185.0, 30.0, 6.0) || inside(x, y, 365.0, 185.0, 30.0, 6.0);
        let mouth = inside(x, y, 320.0, 310.0, 40.0, 12.0);
        if eyes || brows {
            [50, 35, 30]
        } else if mouth {
            [150, 60, 60]
        } else if inside(x, y, 320.0, 240.0, 105.0, 140.0) {
            [220, 175, 150]
        } else {
            [90, 100, 110]
        }
    })
}

/// A mesh that is not all on one spot, turned by shifting its depths sideways.
fn mesh(yaw_degrees: f32) -> MeshFace {
    let shift = yaw_degrees.to_radians().sin();
    let mut mesh = MeshFace { landmarks: Box::new([Point3::default(); 468]), presence: 1.0 };
    for (k, p) in mesh.landmarks.iter_mut().enumerate() {
        let (radius, angle) = ((k as f32 / 468.0).sqrt(), k as f32 * 2.4);
        let depth = -80.0 * (1.0 - radius * radius);
        *p = Point3 {
            x: 320.0 + 100.0 * radius * angle.cos() - depth * shift,
            y: 240.0 + 130.0 * radius * angle.sin(),
            z: depth,
        };
    }
    mesh
}

fn observation(frame: u32, yaw_degrees: f32) -> FaceObservation {
    let pose = Pose { yaw_degrees, ..Pose::default() };
    let face = ObservedFace {
        mesh: mesh(yaw_degrees),
        pose,
        template: None,
        passive: None,
        texture: None,
        framed: None,
        scene: None,
    };
    FaceObservation { at: Duration::from_millis(33) * frame, face: Some(face), rival: false, fingerprint: None }
}

fn stages(criterion: &mut Criterion) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = root.join("target/runtime/libonnxruntime.so");
    let runtime = Runtime::load(&root.join("models"), &library, Threads(NonZeroUsize::MIN));
    let runtime = runtime.expect("the runtime and the models have to be in place: run `make runtime`");
    let picture = picture();
    let mut detector = FaceDetector::open(&runtime).expect("the detector opens");
    let found = detector.detect(&picture).expect("the detector runs");
    criterion.bench_function("detector_640x480", |b| b.iter(|| detector.detect(black_box(&picture))));
    let bounds = found.first().map_or(Rect::new(215.0, 140.0, 210.0, 210.0), |face| face.bounds);
    criterion.bench_function("passive_cue", |b| b.iter(|| passive(black_box(&picture), bounds)));
    if let Some(face) = found.first() {
        let mut mesher = FaceMesher::open(&runtime).expect("the mesh opens");
        let meshed = mesher.mesh(&picture, face).expect("the mesh runs");
        criterion.bench_function("mesh_two_rounds", |b| b.iter(|| mesher.mesh(black_box(&picture), face)));
        let mut embedder = FaceEmbedder::open(&runtime).expect("the embedder opens");
        criterion.bench_function("embedding", |b| b.iter(|| embedder.embed(black_box(&picture), &meshed)));
    }
    let mut observer = FaceObserver::open(&runtime).expect("the observer opens");
    let tracker = TurnTracker::new(Challenge::both_sides(), LeastYaw::SHIPPED);
    let frame = Frame { image: picture, captured_at: Duration::ZERO, sequence: 0, provenance: Provenance::Files };
    criterion.bench_function("observe_one_frame", |b| b.iter(|| observer.observe(black_box(&frame), &tracker)));
}

fn turn(criterion: &mut Criterion) {
    let frames: Vec<_> = (0..100).map(|k| observation(k, (k as f32 * 0.12).sin() * 35.0)).collect();
    criterion.bench_function("turn_scoring_100_frames", |b| {
        b.iter(|| {
            let mut tracker = TurnTracker::new(Challenge::both_sides(), LeastYaw::SHIPPED);
            for frame in &frames {
                tracker.observe(black_box(frame));
            }
            tracker.finish()
        });
    });
}

criterion_group!(benches, stages, turn);
criterion_main!(benches);
