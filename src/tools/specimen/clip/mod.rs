//! Clips of head turns and of attacks on them, each drawn from a seed: who, how, in what light, by what camera.
//!
//! Always holds: the same seed and photos give the same frames; a clip follows a challenge that the seed draws, as far as
//! its species could know it; light, camera, pace and room come from the same distributions for honest clips and attacks.
//! Everything is rendered (see [`super::head`]): a rate that is measured on clips is a rate on rendered clips. Limits: no
//! expression, no speech, no motion blur, no autofocus or exposure hunting; glasses are painted on.

mod command;
mod flash;
mod replay;
mod setting;
mod splice;

use clap::ValueEnum;
use serde::Serialize;

use super::SpecimenError;
use super::head::{Sitter, Stage, TurnFrames};
use super::random::Random;
use crate::imaging::Rgb;
use crate::liveness::{Challenge, Direction, Side};
use setting::{Plan, Setting};

pub use command::ClipArgs;
pub(in crate::tools) use command::Reader;
pub use flash::{FlashScene, FlashSpecies, FlashTruth};

/// What is presented (ISO/IEC 30107-3: bona fide, or a species of attack instrument).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Species {
    /// A person who follows the prompts.
    Honest,
    /// A flat print that is turned as the prompts ask.
    Flat,
    /// A print that is bent towards the camera, turned likewise.
    Bent,
    /// A print cut along the outline of the head, flat or bent, before a room or a body.
    CutOut,
    /// A screen that replays an honest turn; the replay cannot know what is asked.
    Screen,
    /// An honest clip in which one frame stands still for a second or more.
    Frozen,
    /// An honest clip in which an earlier turn is shown again in place of the last one.
    Looped,
    /// An honest clip in which another person's face takes over.
    Swapped,
}

/// What is true of a clip.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClipTruth {
    /// What is presented.
    pub species: Species,
    /// What it was drawn from.
    pub seed: u64,
    /// The turns that the drawn challenge asks for.
    pub steps: Vec<Side>,
    /// Frames a second.
    pub fps: f32,
    /// Always true: nothing of it was filmed.
    pub rendered: bool,
    /// Light, camera and manner.
    pub setting: Setting,
    /// What is particular to the species, in words and numbers.
    pub particulars: String,
}

/// A clip in memory.
#[derive(Debug)]
pub struct Clip {
    /// The frames in order, not mirrored.
    pub frames: Vec<Rgb>,
    /// What is true of it.
    pub truth: ClipTruth,
}

/// Renders a clip of somebody; `second` is whose face takes over, or whose body holds a cut-out.
///
/// # Errors
/// [`SpecimenError`] when a bundled file is damaged.
pub fn clip(species: Species, sitter: &Sitter, second: &Sitter, seed: u64) -> Result<Clip, SpecimenError> {
    let mut random = Random::new(seed, 80);
    let setting = Setting::drawn(&mut random);
    let steps = drawn_steps(&mut random, species == Species::Looped);
    let worn = |sitter: &Sitter, random: &mut Random| {
        if setting.glasses { sitter.clone().with_glasses(random) } else { sitter.clone() }
    };
    let sitter = worn(sitter, &mut random);
    let mut own = Random::new(seed, 81 + species as u64);
    let (frames, particulars) = match species {
        Species::Honest => {
            let plan = Plan::honest(&steps, &mut own);
            (setting.render(&plan, &[Stage::Head(&sitter)], |_| 0, seed)?, String::new())
        }
        Species::Flat | Species::Bent | Species::CutOut => {
            sheet(species, [&sitter, second], &setting, &steps, &mut own, seed)?
        }
        Species::Screen => replay::replayed(&sitter, &setting, &mut own, seed)?,
        Species::Frozen | Species::Looped | Species::Swapped => {
            splice::spliced(species, [&sitter, second], &setting, &steps, &mut own, seed)?
        }
    };
    let truth = ClipTruth { species, seed, steps, fps: setting.fps, rendered: true, setting, particulars };
    Ok(Clip { frames, truth })
}

/// The turns of a random challenge; `three` draws until there are three.
fn drawn_steps(random: &mut Random, three: bool) -> Vec<Side> {
    loop {
        let nonce: [u8; Challenge::NONCE_BYTES] = std::array::from_fn(|_| random.below(256) as u8);
        let challenge = Challenge::from_nonce(&nonce);
        let side = |direction| match direction {
            Direction::Centre => None,
            Direction::Left => Some(Side::Left),
            Direction::Right => Some(Side::Right),
        };
        let steps: Vec<Side> = challenge.steps().iter().filter_map(|step| side(step.direction)).collect();
        if steps.len() == 3 || !three {
            return steps;
        }
    }
}

type Rendered = (Vec<Rgb>, String);

/// A print that somebody turns by hand as the prompts ask, and further than a head would have to.
fn sheet(
    species: Species,
    [print, holder]: [&Sitter; 2],
    setting: &Setting,
    steps: &[Side],
    random: &mut Random,
    seed: u64,
) -> Result<Rendered, SpecimenError> {
    let cut_out = species == Species::CutOut;
    let bends = match species {
        Species::Bent => true,
        Species::CutOut => random.below(2) == 0,
        _ => false,
    };
    let radius_mm = bends.then(|| random.between(75.0, 220.0));
    let body = (cut_out && random.below(2) == 0).then_some(holder);
    let plan = Plan::by_hand(steps, random);
    let stage = Stage::Sheet { print, radius_mm, cut_out, body };
    let particulars = format!(
        "bent to {:.0} mm (0: flat), {}, turned by up to {:.0} degrees",
        radius_mm.unwrap_or(0.0),
        if body.is_some() { "before a body" } else { "before the room" },
        plan.widest(),
    );
    Ok((setting.render(&plan, &[stage], |_| 0, seed)?, particulars))
}

impl Setting {
    /// Renders a plan; of several subjects in the same place `which` chooses by the time in seconds.
    fn render(
        &self,
        plan: &Plan,
        stages: &[Stage<'_>],
        which: impl Fn(f32) -> usize,
        seed: u64,
    ) -> Result<Vec<Rgb>, SpecimenError> {
        let mut takes: Vec<TurnFrames> =
            stages.iter().map(|stage| TurnFrames::staged(*stage, self.options(seed))).collect::<Result<_, _>>()?;
        let mut sensor = self.sensor(seed);
        let last = takes.len().saturating_sub(1);
        let show = |time: f32| {
            let take = &mut takes[which(time).min(last)];
            let pose = self.leaning(take.pose_towards(plan.yaw_degrees(time), time));
            let mut picture = take.render(&pose, time);
            sensor.expose(&mut picture);
            picture
        };
        Ok(self.times(plan.duration_s(), seed).into_iter().map(show).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::assets::Portrait;
    use super::*;

    fn made(species: Species, seed: u64) -> Clip {
        let [first, second] =
            [Portrait::EileenCollins, Portrait::GraceHopper].map(|portrait| Sitter::bundled(portrait).unwrap());
        clip(species, &first, &second, seed).unwrap()
    }

    #[test]
    fn a_frozen_clip_repeats_one_frame_for_a_second_and_an_honest_one_repeats_none() {
        let longest = |clip: &Clip| {
            let (mut longest, mut run) = (0, 0);
            for pair in clip.frames.windows(2) {
                run = if pair[0] == pair[1] { run + 1 } else { 0 };
                longest = longest.max(run);
            }
            longest as f32 / clip.truth.fps
        };
        assert!(longest(&made(Species::Frozen, 3)) >= 0.9);
        assert!(longest(&made(Species::Honest, 3)) < 0.01);
    }

    #[test]
    fn every_seed_asks_for_both_sides_and_a_loop_replaces_the_third_turn() {
        for seed in 0..20 {
            let steps = drawn_steps(&mut Random::new(seed, 1), true);
            assert!(steps.len() == 3 && steps.contains(&Side::Left) && steps.contains(&Side::Right));
        }
    }
}
