//! Made-up meshes for the tests of this room: a head-shaped cloud with the mesh's named points where a face has them.

use super::face::MeshFace;
use crate::imaging::Point3;

/// Distance of the camera from the head's middle, in pixels.
const CAMERA: f32 = 1200.0;
/// Middle of the head in the picture.
const MIDDLE: f32 = 200.0;

/// A head that looks into the camera: 468 points on an ellipsoid with a nose.
pub fn head() -> MeshFace {
    let mut face = MeshFace { landmarks: Box::new([Point3::default(); 468]), presence: 0.99 };
    for (k, landmark) in face.landmarks.iter_mut().enumerate() {
        // A sunflower of points over the visible side.
        let radius = ((k as f32 + 0.5) / 468.0).sqrt();
        let angle = k as f32 * 2.399_963;
        *landmark = on_face(radius * angle.cos() * 0.95, radius * angle.sin() * 0.95);
    }
    let named: &[(usize, f32, f32)] = &[
        (1, 0.0, 0.15),
        (4, 0.0, 0.12),
        (5, 0.0, 0.05),
        (195, 0.0, -0.05),
        (197, 0.0, -0.12),
        (6, 0.0, -0.2),
        (168, 0.0, -0.28),
        (33, -0.55, -0.22),
        (133, -0.22, -0.2),
        (362, 0.22, -0.2),
        (263, 0.55, -0.22),
        (234, -0.97, 0.0),
        (454, 0.97, 0.0),
        (127, -0.95, -0.2),
        (356, 0.95, -0.2),
        (10, 0.0, -0.95),
        (152, 0.0, 0.95),
        (61, -0.3, 0.5),
        (291, 0.3, 0.5),
        (116, -0.75, 0.05),
        (345, 0.75, 0.05),
    ];
    for &(k, x, y) in named {
        face.landmarks[k] = on_face(x, y);
    }
    face
}

/// A point of the face from its place in the unit disc.
fn on_face(x: f32, y: f32) -> Point3 {
    let bulge = (1.0 - (x * x + y * y).min(1.0)).sqrt();
    let nose = (-(x / 0.14).powi(2) - ((y - 0.12) / 0.22).powi(2)).exp();
    Point3 { x: MIDDLE + 75.0 * x, y: MIDDLE + 100.0 * y, z: -65.0 * bulge - 32.0 * nose }
}

/// The head turned and nodded about its middle, seen in perspective.
pub fn turned(face: &MeshFace, yaw_degrees: f32, pitch_degrees: f32) -> MeshFace {
    let (sin, cos) = yaw_degrees.to_radians().sin_cos();
    let (up, level) = pitch_degrees.to_radians().sin_cos();
    let mut result = face.clone();
    for p in result.landmarks.iter_mut() {
        let (x, y, z) = (p.x - MIDDLE, p.y - MIDDLE, p.z);
        let (y, z) = (y * level + z * up, z * level - y * up);
        let (x, z) = (x * cos - z * sin, x * sin + z * cos);
        let near = CAMERA / (CAMERA + z);
        *p = Point3 { x: MIDDLE + x * near, y: MIDDLE + y * near, z: z * near };
    }
    result
}

/// The same face on a sheet of paper that is turned: it moves like a plane, while its depths claim the angle `claimed`.
pub fn photographed(face: &MeshFace, yaw_degrees: f32, claimed: f32) -> MeshFace {
    let mut flat = face.clone();
    for p in flat.landmarks.iter_mut() {
        p.z = 0.0;
    }
    let mut result = turned(&flat, yaw_degrees, 0.0);
    let claim = turned(face, claimed, 0.0);
    for (p, c) in result.landmarks.iter_mut().zip(claim.landmarks.iter()) {
        p.z = c.z;
    }
    result
}
