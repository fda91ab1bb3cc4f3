//! Head pose out of the mesh's own depth.
//!
//! Always holds: the signs of the room's page. The mesh understates large turns: a reported angle is what thresholds
//! are written in, not the angle of the skull. Nothing was measured beyond about 50 degrees.

use nalgebra::Vector3;

use super::face::{MeshFace, Pose};

/// Outer eye corners, sides of the face at ear height, forehead and chin in the `MediaPipe` mesh.
const RIGHT_EYE_OUTER: usize = 33;
const LEFT_EYE_OUTER: usize = 263;
const RIGHT_SIDE: usize = 234;
const LEFT_SIDE: usize = 454;
const FOREHEAD: usize = 10;
const CHIN: usize = 152;

/// Largest yaw of a face that looks into the camera, in degrees either side.
const CENTRE_YAW: f32 = 12.0;
/// Largest pitch of a face that looks into the camera, in degrees up or down.
const CENTRE_PITCH: f32 = 30.0;

impl Pose {
    /// Whether the face looks into the camera.
    #[must_use]
    pub fn is_frontal(&self) -> bool {
        self.yaw_degrees.abs() <= CENTRE_YAW && self.pitch_degrees.abs() <= CENTRE_PITCH
    }

    /// Pose of a mesh: the face's own x axis through eye corners and sides, its y axis from forehead to chin.
    ///
    /// `None` when the landmarks do not span a face, as with a mesh of a crop without one.
    #[must_use]
    pub fn of(face: &MeshFace) -> Option<Self> {
        let at = |k: usize| {
            let p = face.landmarks[k];
            Vector3::new(f64::from(p.x), f64::from(p.y), f64::from(p.z))
        };
        let between = |a: usize, b: usize| (at(b) - at(a)).try_normalize(1e-6);
        let across =
            (between(RIGHT_EYE_OUTER, LEFT_EYE_OUTER)? + between(RIGHT_SIDE, LEFT_SIDE)?).try_normalize(1e-6)?;
        let down = at(CHIN) - at(FOREHEAD);
        let down = (down - across * across.dot(&down)).try_normalize(1e-6)?;
        let away = across.cross(&down);
        let degrees = |sine: f64, cosine: f64| sine.atan2(cosine).to_degrees() as f32;
        let pose = Self {
            yaw_degrees: degrees(across.z, across.x.hypot(across.y)),
            pitch_degrees: degrees(away.y, away.z),
            roll_degrees: degrees(across.y, across.x),
        };
        [pose.yaw_degrees, pose.pitch_degrees, pose.roll_degrees].iter().all(|v| v.is_finite()).then_some(pose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::liveness::test_faces::{head, turned};

    #[test]
    fn a_face_to_the_camera_has_no_pose_to_speak_of() {
        let pose = Pose::of(&head()).unwrap();
        assert!(pose.yaw_degrees.abs() < 1.0 && pose.pitch_degrees.abs() < 1.0 && pose.roll_degrees.abs() < 1.0);
    }

    #[test]
    fn a_nose_to_the_right_edge_is_positive_yaw() {
        let face = turned(&head(), 30.0, 0.0);
        assert!(face.landmarks[1].x > face.landmarks[33].x.midpoint(face.landmarks[263].x));
        assert!((Pose::of(&face).unwrap().yaw_degrees - 30.0).abs() < 3.0);
        assert!((Pose::of(&turned(&head(), -30.0, 0.0)).unwrap().yaw_degrees + 30.0).abs() < 3.0);
    }

    #[test]
    fn looking_up_is_positive_pitch() {
        let face = turned(&head(), 0.0, 20.0);
        assert!(face.landmarks[1].y < head().landmarks[1].y);
        assert!((Pose::of(&face).unwrap().pitch_degrees - 20.0).abs() < 3.0);
    }

    #[test]
    fn landmarks_on_one_spot_have_no_pose() {
        let mut face = head();
        face.landmarks.fill(crate::imaging::Point3::default());
        assert!(Pose::of(&face).is_none());
    }
}
