//! How a person follows 'turn your head to the left, then to the right'.

use clap::ValueEnum;

use super::super::random::Random;
use super::mesh::Vector;

/// To which side, as the person has it: `left` is the person's own left, the nose to image-right, yaw above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TurnSide {
    /// The person's own left.
    Left,
    /// The person's own right.
    Right,
}

/// The attitude of a head, and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pose {
    /// About the vertical, nose to image-right above zero, in degrees.
    pub yaw_degrees: f32,
    /// Nose up above zero, in degrees.
    pub pitch_degrees: f32,
    /// Clockwise in the picture above zero, in degrees.
    pub roll_degrees: f32,
    /// Shift to image-right, downwards and towards the camera, in millimetres.
    pub shift_mm: [f32; 3],
}

impl Pose {
    /// Rows of the rotation: first roll, then pitch, then yaw.
    pub(super) fn rotation(&self) -> [Vector; 3] {
        let [(sy, cy), (sp, cp), (sr, cr)] =
            [self.yaw_degrees, self.pitch_degrees, self.roll_degrees].map(|d| d.to_radians().sin_cos());
        let pitched = [[cr, -sr, 0.0], [cp * sr, cp * cr, -sp], [sp * sr, sp * cr, cp]];
        let row = |a: f32, b: f32| std::array::from_fn(|k| a * pitched[0][k] + b * pitched[2][k]);
        [row(cy, sy), pitched[1], row(-sy, cy)]
    }
}

/// A choreography: look ahead, then to each side in turn and back.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnScript {
    /// The sides in order.
    pub steps: Vec<TurnSide>,
    /// How far each turn goes, in degrees.
    pub angle_degrees: f32,
    /// Seconds that the person looks ahead before the first turn.
    pub start_s: f32,
    /// Seconds from the middle to a side, and back.
    pub turn_s: f32,
    /// Seconds that the person stays at a side.
    pub hold_s: f32,
    /// Seconds that the person looks ahead after each turn.
    pub rest_s: f32,
}

impl TurnScript {
    /// A comfortable pace: 38 degrees in 0.9 s.
    #[must_use]
    pub fn new(steps: Vec<TurnSide>) -> Self {
        Self { steps, angle_degrees: 38.0, start_s: 1.0, turn_s: 0.9, hold_s: 0.6, rest_s: 0.4 }
    }

    /// How long it takes in seconds.
    #[must_use]
    pub fn duration_s(&self) -> f32 {
        self.start_s + self.steps.len() as f32 * self.step_s()
    }

    fn step_s(&self) -> f32 {
        2.0 * self.turn_s + self.hold_s + self.rest_s
    }

    /// The yaw that the script asks for at a time, in degrees.
    #[must_use]
    pub fn yaw_degrees(&self, time_s: f32) -> f32 {
        let since = time_s - self.start_s;
        if since < 0.0 {
            return 0.0;
        }
        let Some(side) = self.steps.get((since / self.step_s()) as usize) else { return 0.0 };
        let within = since % self.step_s();
        let out = eased(within / self.turn_s) - eased((within - self.turn_s - self.hold_s) / self.turn_s);
        match side {
            TurnSide::Left => out * self.angle_degrees,
            TurnSide::Right => -out * self.angle_degrees,
        }
    }
}

/// From 0 to 1 with the least jerk, as limbs and heads move (Flash and Hogan 1985).
pub fn eased(share: f32) -> f32 {
    let t = share.clamp(0.0, 1.0);
    t * t * t * (10.0 + t * (6.0 * t - 15.0))
}

/// Slow sway and fine tremor, smooth in time.
#[derive(Debug, Clone)]
pub struct Sway {
    /// Amplitude, angular frequency and phase of each part.
    parts: [(f32, f32, f32); 4],
}

impl Sway {
    /// A sway whose slow part is about `amplitude` wide.
    pub fn new(amplitude: f32, random: &mut Random) -> Self {
        let mut part = |share: f32, low: f32, high: f32| {
            (
                amplitude * share,
                std::f32::consts::TAU * random.between(low, high),
                random.between(0.0, std::f32::consts::TAU),
            )
        };
        Self { parts: [part(0.7, 0.13, 0.25), part(0.35, 0.4, 0.7), part(0.08, 1.6, 2.6), part(0.03, 6.0, 9.0)] }
    }

    /// The deviation at a time in seconds.
    pub fn at(&self, time_s: f32) -> f32 {
        self.parts.iter().map(|(amplitude, frequency, phase)| amplitude * (frequency * time_s + phase).sin()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn left_is_yaw_above_zero_and_every_turn_comes_back() {
        let script = TurnScript::new(vec![TurnSide::Left, TurnSide::Right]);
        let at = |t: f32| script.yaw_degrees(t);
        assert!(at(0.5).abs() < 1e-6 && (at(2.2) - 38.0).abs() < 0.01);
        assert!(at(3.7).abs() < 0.01 && (at(5.0) + 38.0).abs() < 0.01 && at(script.duration_s()).abs() < 0.01);
    }

    #[test]
    fn a_positive_yaw_takes_the_nose_to_image_right_and_a_positive_pitch_takes_it_up() {
        let nose = |pose: Pose| pose.rotation().map(|row| row[2]);
        assert!(nose(Pose { yaw_degrees: 30.0, ..Pose::default() })[0] > 0.4);
        assert!(nose(Pose { pitch_degrees: 30.0, ..Pose::default() })[1] < -0.4);
    }
}
