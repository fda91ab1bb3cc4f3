//! The passive cues of one person over a challenge, and what an operator's model says, if there is one.
//!
//! Always holds: what is kept is bounded, one small picture and a few numbers a frame; a frame without a scene adds
//! nothing.

use super::background::{Background, Motion};
use super::fusion::{PadScore, PassiveReport, Seen};
use super::scene::Scene;
use super::sides::sides;

/// Most frames whose cues are kept.
const MOST_FRAMES: usize = 400;
/// The sides of the picture are looked at in one of so many frames.
const SIDES_EVERY: usize = 3;

/// What is followed.
#[derive(Debug, Default)]
pub(in crate::liveness) struct PassiveTrack {
    background: Option<Background>,
    frames: usize,
    motions: Vec<Motion>,
    /// Frames in which the sides were looked at, and each of them showed an edge.
    looked: usize,
    sides: [usize; 4],
    softness: Vec<f32>,
    tones: Vec<[u8; 2]>,
    pad: Vec<PadScore>,
}

impl PassiveTrack {
    /// Takes in one frame.
    pub fn add(&mut self, scene: &Scene) {
        if self.frames >= MOST_FRAMES {
            return;
        }
        match &mut self.background {
            None => self.background = Background::of(scene),
            Some(background) => self.motions.extend(background.find(scene)),
        }
        if self.frames.is_multiple_of(SIDES_EVERY) {
            self.looked += 1;
            self.sides.iter_mut().zip(sides(scene)).for_each(|(count, seen)| *count += usize::from(seen));
        }
        self.softness.extend(scene.softness.map(|softness| softness.face - softness.around));
        self.tones.push(scene.tones);
        self.frames += 1;
    }

    /// Takes in what an operator's model says of a frame that looks ahead.
    pub fn add_pad(&mut self, score: PadScore) {
        if self.pad.len() < MOST_FRAMES {
            self.pad.push(score);
        }
    }

    /// What all frames together show.
    pub fn report(&self) -> PassiveReport {
        let middle = |part: fn(&Motion) -> f32| median(self.motions.iter().map(part));
        let rest = Motion {
            x: middle(|m| m.x).unwrap_or(0.0),
            y: middle(|m| m.y).unwrap_or(0.0),
            scale: middle(|m| m.scale).unwrap_or(0.0),
            roll: middle(|m| m.roll).unwrap_or(0.0),
            agreed: false,
        };
        let tone = |k: usize| median(self.tones.iter().map(move |tones| f32::from(tones[k])));
        PassiveReport::of(&Seen {
            frames: self.frames,
            followed: self.motions.len(),
            agreed: self.motions.iter().filter(|motion| motion.agreed).count(),
            sway: median(self.motions.iter().map(|motion| motion.distance(&rest))),
            looked: self.looked,
            sides: self.sides,
            softness: median(self.softness.iter().copied()),
            tones: tone(0).zip(tone(1)),
            pad: median(self.pad.iter().map(|score| score.live))
                .zip(self.pad.first())
                .map(|(live, first)| PadScore { live, ..*first }),
        })
    }
}

fn median(values: impl Iterator<Item = f32>) -> Option<f32> {
    let mut values: Vec<f32> = values.collect();
    values.sort_by(f32::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied()
}
