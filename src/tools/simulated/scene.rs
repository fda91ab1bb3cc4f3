//! What is before the camera apart from the card: the room, and the head or the print in it.
//!
//! Rendered at a lower resolution than the camera's and enlarged, because rendering is what costs.

use super::conduct::Stance;
use super::part::Part;
use super::{FIELD_DEGREES, HEIGHT, WIDTH};
use crate::imaging::{Rgb, resize};
use crate::tools::specimen::SpecimenError;
use crate::tools::specimen::head::{Pose, ScreenLight, Subject, TurnFrames, TurnOptions};

/// Size at which head and print are rendered, in pixels.
const RENDERED: (usize, usize) = (480, 270);
/// How far to the side somebody stands who is not there, in millimetres.
const AWAY_MM: f32 = 700.0;
/// How far below its place a lowered print is, in millimetres.
const LOWERED_MM: f32 = 360.0;
/// How much darker everything else is while the camera exposes for a bright card that is near.
const DIMMED: f32 = 0.6;
/// How many times smaller a picture is made and enlarged again to look out of focus.
const UNFOCUSED: usize = 10;

/// The scene.
#[derive(Debug)]
pub struct Scene {
    frames: TurnFrames,
    is_print: bool,
    empty: Rgb,
    unfocused: Rgb,
}

impl Scene {
    /// The scene of a part.
    ///
    /// # Errors
    /// [`SpecimenError`] when a bundled file is damaged.
    pub fn of(part: Part, seed: u64) -> Result<Self, SpecimenError> {
        let subject = part.subject();
        let options = TurnOptions {
            width: RENDERED.0,
            height: RENDERED.1,
            field_degrees: FIELD_DEGREES,
            // The camera stands on a counter, and its noise is added at its own resolution.
            camera_sway_mm: 0.0,
            noise: 0.0,
            ..TurnOptions::new(Vec::new(), seed)
        };
        let frames = TurnFrames::new(subject, options)?;
        let empty = enlarged(&frames.empty_room(0.0));
        let is_print = match subject {
            Subject::Head(_) => false,
            Subject::Print(..) => true,
        };
        let mut scene = Self { frames, is_print, empty, unfocused: Rgb::filled(WIDTH, HEIGHT, [0; 3]) };
        let standing = Stance { presence: 1.0, ..Stance::default() };
        let mut behind = scene.picture(&standing, 0.0);
        for value in behind.data_mut() {
            *value = (f32::from(*value) * DIMMED) as u8;
        }
        scene.unfocused = resize(&resize(&behind, WIDTH / UNFOCUSED, HEIGHT / UNFOCUSED), WIDTH, HEIGHT);
        Ok(scene)
    }

    /// Lights who stands there by the screen from now on, or no longer.
    pub fn light_by(&mut self, light: Option<ScreenLight>) {
        self.frames.light_by(light);
    }

    /// The scene at a time in seconds, in focus.
    pub fn picture(&mut self, stance: &Stance, time_s: f32) -> Rgb {
        let mut pose = self.frames.pose_towards(stance.yaw_degrees, time_s);
        if self.is_print {
            pose.shift_mm[1] += LOWERED_MM * (1.0 - stance.facing);
        } else {
            pose.shift_mm[0] -= AWAY_MM * (1.0 - stance.presence);
        }
        let is_there = if self.is_print { stance.facing > 0.0 } else { stance.presence > 0.0 };
        if is_there { self.rendered(&pose, time_s) } else { self.empty.clone() }
    }

    /// The scene behind a card that the camera is focused on.
    pub fn unfocused(&self) -> Rgb {
        self.unfocused.clone()
    }

    fn rendered(&mut self, pose: &Pose, time_s: f32) -> Rgb {
        enlarged(&self.frames.render(pose, time_s))
    }
}

fn enlarged(picture: &Rgb) -> Rgb {
    resize(picture, WIDTH, HEIGHT)
}
