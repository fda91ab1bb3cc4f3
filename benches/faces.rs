//! Time of each stage of a face on one frame: `cargo bench --bench faces`. What the passive cues take is CPU time, which
//! other work on the machine does not stretch: `cargo bench --bench faces -- passive_720p`.
//!
//! The picture is drawn here, so that anyone can run it. It is a crude face that the detector finds; the cost of a stage
//! does not depend on what the picture shows.
#![allow(missing_docs, clippy::expect_used)]

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use carded::imaging::{Frame, Gray, Point3, Provenance, Rect, Rgb};
use carded::liveness::{
    Challenge, FaceObservation, LeastYaw, MeshFace, ObservedFace, Pose, Scene, TurnTracker, framed, passive,
};
use carded::vision::{FaceDetector, FaceEmbedder, FaceMesher, FaceObserver, Runtime, Threads};
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, criterion_group, criterion_main};
use rustix::time::{ClockId, clock_gettime};

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
        found: true,
        template: None,
        passive: None,
        texture: None,
        framed: None,
        pad: None,
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

/// Time that the CPU spent on this thread.
struct CpuTime;

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).expect("below a second"))
    }

    fn end(&self, start: Duration) -> Duration {
        self.start().saturating_sub(start)
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        const WALL: &WallTime = &WallTime;
        WALL.formatter()
    }
}

/// A person of 260 by 330 pixels before a room full of edges, at 1280 by 720, everything shifted by some pixels.
fn room(shift: f32) -> Rgb {
    Rgb::from_fn(1280, 720, |x, y| {
        let (u, v) = (x as f32 - shift, y as f32 + 0.6 * shift);
        let wave = |a: f32, b: f32| (u * a + v * b).sin();
        let person = (x as f32 - 640.0).abs() < 180.0 && y > 130;
        let shade = if person { 90.0 } else { 120.0 } + 50.0 * wave(0.043, 0.012) * wave(-0.01, 0.052);
        [shade as u8, (shade * 0.9) as u8, (shade * 0.8) as u8]
    })
}

/// The parts of the passive cues of a sequence, a frame of 1280 by 720 pixels each: grey once, the scene, a frame around the
/// face and the pattern where it looks ahead, and what follows the scenes: the tracker with them less the same without.
fn passive_cues(criterion: &mut Criterion<CpuTime>) {
    const FRAMES: u32 = 60;
    let face = Rect::new(510.0, 180.0, 260.0, 330.0);
    let picture = room(0.0);
    let grey: Gray = picture.to_gray();
    let mut group = criterion.benchmark_group("passive_720p");
    group.bench_function("grey", |b| b.iter(|| black_box(&picture).to_gray()));
    group.bench_function("scene", |b| b.iter(|| Scene::of(black_box(&grey), face)));
    group.bench_function("pattern", |b| b.iter(|| passive(black_box(&picture), face)));
    group.bench_function("framed", |b| b.iter(|| framed(black_box(&grey), face)));
    let scene = |k: u32| Scene::of(&room(8.0 * (k as f32 * 0.3).sin()).to_gray(), face);
    let mut frames: Vec<_> = (0..FRAMES).map(|k| observation(k, (k as f32 * 0.12).sin() * 35.0)).collect();
    let mut bench = |name: &str, frames: &[FaceObservation]| {
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut tracker = TurnTracker::new(Challenge::both_sides(), LeastYaw::SHIPPED);
                for frame in frames {
                    tracker.observe(black_box(frame));
                }
                tracker.finish()
            });
        });
    };
    bench("60_frames_without_scenes", &frames);
    frames.iter_mut().zip(0..).for_each(|(frame, k)| {
        frame.face.iter_mut().for_each(|face| face.scene = scene(k));
    });
    bench("60_frames_with_scenes", &frames);
}

criterion_group!(benches, stages, turn);
criterion_group! {
    name = in_cpu_time;
    config = Criterion::default().with_measurement(CpuTime);
    targets = passive_cues
}
criterion_main!(benches, in_cpu_time);
