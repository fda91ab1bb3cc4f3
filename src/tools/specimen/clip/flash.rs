//! A person before a screen that flashes, and the ways to show a face that the screen does not light.
//!
//! Always holds: what the picture shows at a moment follows from the colours that were sent before it; light, camera and
//! manner come from the same distributions for honest people and attacks. The skin is matt and the same everywhere, the
//! display's light falls off with the angle alone, and the camera's exposure and white balance hunt as drawn: everything
//! is rendered, and no real screen lit a real face here.

use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

use super::super::SpecimenError;
use super::super::head::{ScreenLight, Sitter, Stage, TurnFrames};
use super::super::random::Random;
use super::super::recapture::{encoded, linear};
use super::setting::{Sensor, Setting};
use crate::imaging::{Rgb, linear_light};
use crate::liveness::{FlashChallenge, FlashColour};

/// Time over which a frame is exposed, in seconds.
const EXPOSURE_S: f32 = 0.03;
/// One pixel of so many each way sets exposure and white balance.
const METERED_EVERY: usize = 8;

/// What is before the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlashSpecies {
    /// A person.
    Honest,
    /// A flat print of a person: it reflects as a person does, and is the head turn's to catch.
    Print,
    /// A recording that the screen does not light: replayed in the dark of a good monitor, or injected.
    Unlit,
    /// A recording that is given the colours, later than the screen shows them.
    Late,
    /// A recording that is given other colours, at the same moments.
    OtherOrder,
    /// A recording on a screen whose glass reflects the colours, alike over all of the picture.
    Glass,
    /// A recording whose whole picture is given the colours, as by a filter.
    Filter,
}

/// What is true of a flash.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FlashTruth {
    /// What is before the screen.
    pub species: FlashSpecies,
    /// What it was drawn from.
    pub seed: u64,
    /// The display's light on a face that looks at it, in shares of all other light.
    pub strength: f32,
    /// Share of it that lights the wall.
    pub room: f32,
    /// From sending a colour to its being in a frame, in milliseconds.
    pub latency_ms: f32,
    /// How far exposure and white balance make up for the change, 0…1.
    pub exposure: f32,
    /// The same of white balance.
    pub white_balance: f32,
    /// Always true: nothing of it was filmed.
    pub rendered: bool,
    /// Light, camera and manner.
    pub setting: Setting,
}

/// Somebody before a screen.
#[derive(Debug)]
pub struct FlashScene {
    truth: FlashTruth,
    /// What red, green and blue of the display come to on this skin before this camera.
    tint: [f32; 3],
    /// Share of each colour that the camera sees in the others.
    crosstalk: f32,
    frames: TurnFrames,
    sensor: Sensor,
    camera: Hunting,
    /// Colours of another order.
    others: FlashChallenge,
    sent: Vec<(f32, FlashColour)>,
}

/// A camera that follows the light with exposure and white balance.
#[derive(Debug)]
struct Hunting {
    exposure: (f32, f32),
    white_balance: (f32, f32),
    usual: Option<[f32; 3]>,
    gains: [f32; 3],
    last_s: f32,
}

impl FlashScene {
    /// Somebody whom `seed` determines.
    ///
    /// # Errors
    /// [`SpecimenError`] when a bundled file is damaged.
    pub fn drawn(species: FlashSpecies, sitter: &Sitter, seed: u64) -> Result<Self, SpecimenError> {
        let mut random = Random::new(seed, 90);
        let setting = Setting::drawn(&mut random);
        let sitter = if setting.glasses { sitter.clone().with_glasses(&mut random) } else { sitter.clone() };
        // Evenly in its logarithm: a handheld's display in a lit shop, to a large one in a dim corner.
        let strength = (random.between(0.05f32.ln(), 0.4f32.ln())).exp();
        let honest_ms = random.between(40.0, 240.0);
        let latency_ms = if species == FlashSpecies::Late { random.between(420.0, 800.0) } else { honest_ms };
        let truth = FlashTruth {
            species,
            seed,
            strength,
            room: random.between(0.0, 0.25),
            latency_ms,
            exposure: random.between(0.0, 0.9),
            white_balance: random.between(0.0, 0.5),
            rendered: true,
            setting,
        };
        let stage = match species {
            FlashSpecies::Print => Stage::Sheet { print: &sitter, radius_mm: None, cut_out: false, body: None },
            _ => Stage::Head(&sitter),
        };
        let nonce = std::array::from_fn(|_| random.below(256) as u8);
        Ok(Self {
            tint: [random.between(0.7, 1.1), 1.0, random.between(1.0, 1.6)],
            crosstalk: random.between(0.0, 0.12),
            frames: TurnFrames::staged(stage, setting.options(seed))?,
            sensor: setting.sensor(seed),
            camera: Hunting {
                exposure: (truth.exposure, random.between(0.15, 0.6)),
                white_balance: (truth.white_balance, random.between(1.0, 4.0)),
                usual: None,
                gains: [0.0; 3],
                last_s: 0.0,
            },
            others: FlashChallenge::from_nonce(&nonce),
            sent: Vec::new(),
            truth,
        })
    }

    /// What is true of it.
    #[must_use]
    pub fn truth(&self) -> &FlashTruth {
        &self.truth
    }

    /// The same with a display of another strength.
    #[must_use]
    pub fn with_strength(mut self, strength: f32) -> Self {
        self.truth.strength = strength;
        self
    }

    /// Between two frames on average, and by how much of it one may be late, in seconds.
    #[must_use]
    pub fn pace_s(&self) -> (f32, f32) {
        (1.0 / self.truth.setting.fps, self.truth.setting.jitter / self.truth.setting.fps)
    }

    /// Sends a colour to the display.
    pub fn send(&mut self, colour: FlashColour, at: Duration) {
        self.sent.push((at.as_secs_f32(), colour));
    }

    /// The picture that reaches the engine at a time.
    #[must_use]
    pub fn picture(&mut self, at: Duration) -> Rgb {
        let time_s = at.as_secs_f32();
        let light = self.light(time_s - self.truth.latency_ms / 1e3);
        let lit = matches!(self.truth.species, FlashSpecies::Glass | FlashSpecies::Filter);
        let person = if lit || self.truth.species == FlashSpecies::Unlit { [0.0; 3] } else { light };
        self.frames.light_by(Some(ScreenLight { person, room: self.truth.room }));
        let pose = self.truth.setting.leaning(self.frames.pose_towards(0.0, time_s));
        let mut picture = self.frames.render(&pose, time_s);
        match self.truth.species {
            // Glass reflects a few hundredths, without regard to what is shown behind it.
            FlashSpecies::Glass => change(&mut picture, |k, value| value + 0.1 * light[k]),
            FlashSpecies::Filter => change(&mut picture, |k, value| value * (1.0 + light[k])),
            _ => {}
        }
        self.camera.expose(&mut picture, time_s);
        self.sensor.expose(&mut picture);
        picture
    }

    /// The display's light over an exposure that ends at a time.
    fn light(&self, end_s: f32) -> [f32; 3] {
        let mut light = [0.0; 3];
        for (k, (from, colour)) in self.sent.iter().enumerate() {
            let until = self.sent.get(k + 1).map_or(f32::INFINITY, |next| next.0);
            let overlap = (until.min(end_s) - from.max(end_s - EXPOSURE_S)).max(0.0) / EXPOSURE_S;
            let colour = match self.truth.species {
                FlashSpecies::OtherOrder => self.others.colours()[k % FlashChallenge::STEPS],
                _ => *colour,
            };
            for (sum, value) in light.iter_mut().zip(colour.light()) {
                *sum += overlap * value;
            }
        }
        let mean = light.iter().sum::<f32>() / 3.0;
        std::array::from_fn(|k| {
            self.truth.strength * self.tint[k] * (light[k] + 3.0 * self.crosstalk * (mean - light[k]))
        })
    }
}

impl Hunting {
    fn expose(&mut self, picture: &mut Rgb, time_s: f32) {
        let mut sums = [0.0; 3];
        for y in (0..picture.height()).step_by(METERED_EVERY) {
            for pixel in picture.row(y).chunks_exact(3).step_by(METERED_EVERY) {
                sums.iter_mut().zip(pixel).for_each(|(sum, &value)| *sum += linear_light(value));
            }
        }
        let seen = sums.map(|sum: f32| sum.max(1e-3).ln());
        let usual = *self.usual.get_or_insert(seen);
        let off: [f32; 3] = std::array::from_fn(|k| seen[k] - usual[k]);
        let level = off.iter().sum::<f32>() / 3.0;
        let passed = (time_s - self.last_s).max(0.0);
        self.last_s = time_s;
        let towards = |now: f32, wanted: f32, in_s: f32| now + (wanted - now) * (1.0 - (-passed / in_s).exp());
        let before = self.gains.iter().sum::<f32>() / 3.0;
        let exposure = towards(before, -self.exposure.0 * level, self.exposure.1);
        let gains = std::array::from_fn(|k| {
            let colour =
                towards(self.gains[k] - before, -self.white_balance.0 * (off[k] - level), self.white_balance.1);
            exposure + colour
        });
        self.gains = gains;
        change(picture, |k, value| value * gains[k].exp());
    }
}

/// Changes the light of every pixel, channel by channel.
fn change(picture: &mut Rgb, light: impl Fn(usize, f32) -> f32) {
    let table: [[u8; 256]; 3] = std::array::from_fn(|k| {
        std::array::from_fn(|value| (encoded(light(k, linear(value as f32 / 255.0))) * 255.0 + 0.5) as u8)
    });
    for pixel in picture.data_mut().chunks_exact_mut(3) {
        for (value, table) in pixel.iter_mut().zip(&table) {
            *value = table[usize::from(*value)];
        }
    }
}
