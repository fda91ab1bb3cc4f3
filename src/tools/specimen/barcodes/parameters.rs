//! How a frame is made: drawn from a seed, one thing varied at a time or all of them.

use clap::ValueEnum;
use serde::Serialize;

use super::super::SpecimenError;
use super::super::random::Random;
use super::FRAME;
use super::card::{DrawnCard, SymbolKind, SymbolPlan};

/// What varies among the frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sweep {
    /// All that the reader has to stand at once: 1.9 to 4 pixels a module, any turn, up to 18 degrees of perspective,
    /// blur, motion, noise, light and compression; half of the cards are bent gently.
    Goal,
    /// As the goal, with glare, damage, more bending, more blur and modules from 1.5 pixels.
    Hard,
    /// Pixels a module, 1.3 to 4.
    Module,
    /// Turn in the picture, 0 to 360 degrees.
    Turn,
    /// Tilt of the card, 0 to 36 degrees.
    Perspective,
    /// Deviation of the blur, 0 to 2 pixels.
    Blur,
    /// Length of the motion, 0 to 6 pixels.
    Motion,
    /// Deviation of the noise, 0 to 32 grey levels.
    Noise,
    /// Arc that the card spans, 0 to 60 degrees.
    Bending,
    /// Share of the symbol that is covered, 0 to 24 %.
    Damage,
    /// A reflection on the symbol, of a radius of 1 to 6 % of the frame's width; it wanders from one photograph of a card to
    /// the next, as that of a lamp on a card in a hand.
    Reflection,
    /// Clutter and a card without a symbol.
    Empty,
}

/// One frame's parameters.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FrameParameters {
    /// What it is drawn from.
    pub seed: u64,
    /// Which photograph of this card.
    pub take: u32,
    /// What varied.
    pub sweep: Sweep,
    /// The symbol.
    pub symbol: Option<SymbolPlan>,
    /// Pixels of a module in the middle of the symbol, as if it faced the camera.
    pub module_px: f32,
    /// Turn in the picture's plane, clockwise.
    pub turn_degrees: f32,
    /// Angle between the card and the picture's plane.
    pub tilt_degrees: f32,
    /// Direction in the picture of the axis that the card is tilted about.
    pub tilt_axis_degrees: f32,
    /// Arc that the card's longer side spans; positive bulges towards the camera.
    pub bend_degrees: f32,
    /// Direction on the card of the axis that it is bent about: 90 is its shorter side.
    pub bend_axis_degrees: f32,
    /// Deviation of a Gaussian blur in pixels.
    pub blur_px: f32,
    /// Length of a straight motion in pixels.
    pub motion_px: f32,
    /// Direction of that motion.
    pub motion_degrees: f32,
    /// Deviation of the noise at mid grey.
    pub noise: f32,
    /// Brightness of the paper.
    pub paper: f32,
    /// Brightness of the ink.
    pub ink: f32,
    /// Change of the light across the frame, as a share.
    pub light_slope: f32,
    /// Radius of a reflection as a share of the frame's width; 0 for none.
    pub glare: f32,
    /// Where on the symbol it is, as shares of its width and height; `None` beside the symbol's middle.
    pub glare_at: Option<[f32; 2]>,
    /// Share of the symbol that is covered by a scratch or a stain.
    pub damage: f32,
    /// JPEG quality; `None` leaves the frame uncompressed.
    pub jpeg_quality: Option<u8>,
    /// Offset of the symbol's middle from that of the frame as a share of the room there is, -1 to 1.
    pub offset: [f32; 2],
}

/// Draws for a symbol that fits the frame, at most.
const MAX_DRAWS: usize = 60;
/// Part of the frame's height that a symbol may span, since it may be turned.
const LARGEST: f32 = 0.94;

/// Draws the parameters of a seed, and the card that they ask for.
///
/// # Errors
/// [`SpecimenError`] when the symbol cannot be made.
pub fn draw(seed: u64, sweep: Sweep, kind: SymbolKind) -> Result<(Option<DrawnCard>, FrameParameters), SpecimenError> {
    let mut random = Random::new(seed, 30);
    let mut parameters = FrameParameters::calm(seed, sweep, &mut random);
    parameters.vary(&mut random);
    let (mut last, mut card) = (parameters.module_px, None);
    if sweep != Sweep::Empty {
        for draw in 0..MAX_DRAWS {
            let plan = SymbolPlan::draw(kind, &mut random);
            // When nothing fits for long, the symbol is brought a little further away.
            last = parameters.module_px * if draw > MAX_DRAWS / 2 { 0.98f32.powi(draw as i32 - 30) } else { 1.0 };
            let drawn = DrawnCard::new(plan, &parameters, &mut random)?;
            if drawn.symbol_modules.0 * last < LARGEST * FRAME.1 as f32 {
                card = Some(drawn);
                break;
            }
        }
    }
    parameters.module_px = last;
    parameters.symbol = card.as_ref().map(|card| card.plan);
    Ok((card, parameters))
}

impl FrameParameters {
    /// A calm frame of a card: what sweeps start from.
    fn calm(seed: u64, sweep: Sweep, random: &mut Random) -> Self {
        Self {
            seed,
            take: 0,
            sweep,
            symbol: None,
            module_px: 2.4,
            turn_degrees: random.between(0.0, 360.0),
            tilt_degrees: random.between(0.0, 10.0),
            tilt_axis_degrees: random.between(0.0, 180.0),
            bend_degrees: 0.0,
            bend_axis_degrees: if random.below(3) > 0 { 90.0 } else { random.between(45.0, 135.0) },
            blur_px: 0.6,
            motion_px: 0.0,
            motion_degrees: random.between(0.0, 180.0),
            noise: 4.0,
            paper: random.between(170.0, 235.0),
            ink: random.between(15.0, 60.0),
            light_slope: random.between(0.0, 0.4),
            glare: 0.0,
            glare_at: None,
            damage: 0.0,
            jpeg_quality: (random.below(2) == 0).then(|| random.between(75.0, 95.0) as u8),
            offset: [random.between(-1.0, 1.0), random.between(-1.0, 1.0)],
        }
    }

    fn vary(&mut self, random: &mut Random) {
        match self.sweep {
            Sweep::Goal => self.vary_all(random, (1.9, 4.0), 1.0, 24.0),
            Sweep::Hard => {
                self.vary_all(random, (1.5, 4.0), 1.4, 45.0);
                match random.below(3) {
                    0 => self.glare = random.between(0.005, 0.04),
                    1 => self.damage = random.between(0.01, 0.08),
                    _ => {}
                }
            }
            Sweep::Module => self.module_px = random.between(1.3, 4.0),
            Sweep::Turn => {}
            Sweep::Perspective => self.tilt_degrees = random.between(0.0, 36.0),
            Sweep::Blur => self.blur_px = random.between(0.0, 2.0),
            Sweep::Motion => self.motion_px = random.between(0.0, 6.0),
            Sweep::Noise => self.noise = random.between(0.0, 32.0),
            Sweep::Bending => self.bend_degrees = random.between(0.0, 60.0) * sign(random),
            Sweep::Damage => self.damage = random.between(0.0, 0.24),
            Sweep::Reflection => {
                self.glare = random.between(0.01, 0.06);
                self.glare_at = Some([random.between(0.0, 1.0), random.between(0.0, 1.0)]);
            }
            Sweep::Empty => self.vary_all(random, (1.9, 4.0), 1.0, 0.0),
        }
    }

    fn vary_all(&mut self, random: &mut Random, (low, high): (f32, f32), most_blur: f32, most_bend: f32) {
        self.module_px = random.between(low, high);
        self.tilt_degrees = random.between(0.0, 18.0);
        self.blur_px = random.between(0.3, most_blur);
        self.motion_px = random.between(0.0, most_blur);
        self.noise = random.between(1.0, 8.0);
        if random.below(2) == 0 {
            self.bend_degrees = random.between(0.0, most_bend) * sign(random);
        }
    }

    /// Another photograph of the same card: the hand has moved a little.
    #[must_use]
    pub fn shaken(mut self, seed: u64, take: u32) -> Self {
        self.take = take;
        if take > 0 {
            let mut random = Random::new(seed, 1000 + u64::from(take));
            self.turn_degrees += random.gaussian();
            self.tilt_degrees = (self.tilt_degrees + random.gaussian()).abs();
            self.offset = self.offset.map(|at| (at + 0.05 * random.gaussian()).clamp(-1.0, 1.0));
            self.blur_px = (self.blur_px * (1.0 + 0.1 * random.gaussian())).max(0.0);
            self.motion_degrees = random.between(0.0, 180.0);
            self.glare_at = self.glare_at.map(|_| [random.between(0.0, 1.0), random.between(0.0, 1.0)]);
        }
        self
    }
}

fn sign(random: &mut Random) -> f32 {
    if random.below(2) == 0 { 1.0 } else { -1.0 }
}
