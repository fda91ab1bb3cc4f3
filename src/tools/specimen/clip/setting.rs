//! How a clip is made: light, camera, the person's manner, and the plan of the turns.
//!
//! Honest people are asked to turn until the prompt changes, and stop soon after. Here they turn by a drawn angle between 37 and 48 degrees at
//! a drawn pace, which is assumed and not measured on people.

use std::f32::consts::FRAC_PI_6;

use serde::Serialize;

use super::super::draw::{add_noise, blur};
use super::super::head::{Pose, TurnOptions, eased};
use super::super::random::Random;
use crate::imaging::Rgb;
use crate::liveness::{Direction, Side};

/// Width of a face in millimetres.
const FACE_MM: f32 = 140.0;

/// Light, camera and manner of a clip.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Setting {
    /// Width of the frames in pixels; they are three quarters as high.
    pub width: usize,
    /// Width of the face when it looks into the camera, in pixels, about.
    pub face_pixels: f32,
    /// Frames a second on average.
    pub fps: f32,
    /// Most that a frame comes early or late, in frames.
    pub jitter: f32,
    /// Towards the light: image-right, down, to the camera.
    pub light: [f32; 3],
    /// Share of the light that comes from everywhere.
    pub ambient: f32,
    /// Level and colour of the light: what red, green and blue are multiplied by.
    pub gains: [f32; 3],
    /// Deviation of the lens's blur in pixels.
    pub blur: f32,
    /// Deviation of the sensor's noise in grey levels.
    pub noise: f32,
    /// Whether glasses are worn, or printed.
    pub glasses: bool,
    /// How the head is held before the camera when it looks ahead: yaw, pitch and roll in degrees.
    pub manner: [f32; 3],
    /// How much the camera sways, in millimetres.
    pub camera_sway_mm: f32,
}

/// What the lens and the sensor do to every frame.
#[derive(Debug)]
pub struct Sensor {
    blur: f32,
    noise: f32,
    levels: [[u8; 256]; 3],
    random: Random,
}

impl Setting {
    /// A setting from everything that varies.
    pub fn drawn(random: &mut Random) -> Self {
        let width = [480, 480, 640][random.below(3) as usize];
        let level = random.between(0.6, 1.12);
        let tint = [random.between(0.88, 1.1), 1.0, random.between(0.85, 1.1)];
        Self {
            width,
            face_pixels: random.between(100.0, 150.0) * (width as f32 / 640.0).sqrt(),
            fps: random.between(9.0, 12.0),
            jitter: random.between(0.0, 0.25),
            light: [random.between(-0.8, 0.8), random.between(-0.9, 0.1), random.between(0.6, 1.0)],
            ambient: random.between(0.4, 0.8),
            gains: tint.map(|share| level * share),
            blur: if random.below(2) == 0 { 0.0 } else { random.between(0.4, 0.9) },
            noise: random.between(1.0, 5.0),
            glasses: random.below(3) == 0,
            manner: [random.between(-5.0, 5.0), random.between(-6.0, 6.0), random.between(-4.0, 4.0)],
            camera_sway_mm: if random.below(4) == 0 { 3.0 } else { 0.0 },
        }
    }

    /// The renderer's options; its own noise is off.
    pub fn options(&self, seed: u64) -> TurnOptions {
        let focal = self.width as f32 / (2.0 * FRAC_PI_6.tan());
        TurnOptions {
            width: self.width,
            height: self.width * 3 / 4,
            distance_mm: (focal * FACE_MM / self.face_pixels).clamp(380.0, 900.0),
            light: self.light,
            ambient: self.ambient,
            noise: 0.0,
            camera_sway_mm: self.camera_sway_mm,
            ..TurnOptions::new(Vec::new(), seed)
        }
    }

    /// The sensor of a clip.
    pub fn sensor(&self, seed: u64) -> Sensor {
        let level = |gain: f32| std::array::from_fn(|v| (v as f32 * gain + 0.5).clamp(0.0, 255.0) as u8);
        Sensor { blur: self.blur, noise: self.noise, levels: self.gains.map(level), random: Random::new(seed, 31) }
    }

    /// The pose of somebody who holds the head in their own way.
    pub fn leaning(&self, pose: Pose) -> Pose {
        let [yaw, pitch, roll] = self.manner;
        Pose {
            yaw_degrees: pose.yaw_degrees + yaw,
            pitch_degrees: pose.pitch_degrees + pitch,
            roll_degrees: pose.roll_degrees + roll,
            ..pose
        }
    }

    /// When the frames are taken, in seconds.
    pub fn times(&self, duration_s: f32, seed: u64) -> Vec<f32> {
        let mut random = Random::new(seed, 33);
        let count = (duration_s * self.fps).ceil() as usize;
        (0..count).map(|k| (k as f32 + random.between(0.0, self.jitter.max(1e-6))) / self.fps).collect()
    }
}

impl Sensor {
    /// Blurs, exposes and adds noise that is new in every frame.
    pub fn expose(&mut self, picture: &mut Rgb) {
        blur(picture, self.blur);
        for pixel in picture.data_mut().chunks_exact_mut(3) {
            for (value, levels) in pixel.iter_mut().zip(&self.levels) {
                *value = levels[usize::from(*value)];
            }
        }
        add_noise(picture, self.noise, &mut self.random);
    }
}

/// One turn of a plan.
#[derive(Debug, Clone, Copy)]
pub struct PlannedTurn {
    /// To which side.
    pub side: Side,
    /// When it begins, in seconds.
    pub start_s: f32,
    /// How far, in degrees.
    degrees: f32,
    out_s: f32,
    hold_s: f32,
    back_s: f32,
}

impl PlannedTurn {
    /// When the head is back, in seconds.
    pub fn end_s(&self) -> f32 {
        self.start_s + self.out_s + self.hold_s + self.back_s
    }

    /// When the head is furthest to the side, in seconds.
    pub fn peak_s(&self) -> f32 {
        self.start_s + self.out_s
    }

    fn yaw_degrees(&self, time_s: f32) -> f32 {
        let since = time_s - self.start_s;
        let out = eased(since / self.out_s) - eased((since - self.out_s - self.hold_s) / self.back_s);
        out * self.degrees * Direction::from(self.side).sign()
    }
}

/// Turns over time.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The turns in order.
    pub turns: Vec<PlannedTurn>,
    rest_s: f32,
}

impl Plan {
    /// As people turn their heads.
    pub fn honest(steps: &[Side], random: &mut Random) -> Self {
        Self::drawn(steps, (37.0, 48.0), random)
    }

    /// As people turn a print, who want it to look like a head.
    pub fn by_hand(steps: &[Side], random: &mut Random) -> Self {
        Self::drawn(steps, (38.0, 62.0), random)
    }

    fn drawn(steps: &[Side], (least, most): (f32, f32), random: &mut Random) -> Self {
        let usual = random.between(least, most);
        let pace = random.between(0.65, 1.0);
        let mut clock = random.between(0.5, 0.9);
        let mut turns = Vec::new();
        for &side in steps {
            let turn = PlannedTurn {
                side,
                start_s: clock,
                degrees: (usual + random.between(-4.0, 4.0)).clamp(least, most),
                out_s: pace * random.between(0.9, 1.15),
                hold_s: random.between(0.2, 0.45),
                back_s: pace * random.between(0.8, 1.05),
            };
            clock = turn.end_s() + random.between(0.25, 0.45);
            turns.push(turn);
        }
        Self { turns, rest_s: 0.3 }
    }

    /// How long it takes in seconds.
    pub fn duration_s(&self) -> f32 {
        self.turns.last().map_or(0.0, PlannedTurn::end_s) + self.rest_s
    }

    /// The yaw that is meant at a time, in degrees.
    pub fn yaw_degrees(&self, time_s: f32) -> f32 {
        self.turns.iter().map(|turn| turn.yaw_degrees(time_s)).sum()
    }

    /// The furthest turn in degrees.
    pub fn widest(&self) -> f32 {
        self.turns.iter().map(|turn| turn.degrees).fold(0.0, f32::max)
    }
}
