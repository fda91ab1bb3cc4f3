//! Honest clips that were tampered with in time: frozen, looped, or with another person's face from some moment on.

use super::super::SpecimenError;
use super::super::draw::add_noise;
use super::super::head::{Sitter, Stage};
use super::super::random::Random;
use super::setting::{Plan, Setting};
use super::{Rendered, Species};
use crate::liveness::Side;

/// Renders a tampered clip of the first of two people.
pub fn spliced(
    species: Species,
    [sitter, second]: [&Sitter; 2],
    setting: &Setting,
    steps: &[Side],
    random: &mut Random,
    seed: u64,
) -> Result<Rendered, SpecimenError> {
    let plan = Plan::honest(steps, random);
    if species == Species::Swapped {
        let first = plan.turns.first().map_or(0.0, |turn| turn.start_s);
        let last = plan.turns.last().map_or(0.0, |turn| f32::midpoint(turn.start_s, turn.peak_s()));
        let from = random.between(first * 0.8, last);
        let stages = [Stage::Head(sitter), Stage::Head(second)];
        let frames = setting.render(&plan, &stages, |time| usize::from(time >= from), seed)?;
        return Ok((frames, format!("another face from {from:.2} s")));
    }
    let mut frames = setting.render(&plan, &[Stage::Head(sitter)], |_| 0, seed)?;
    let frame_at = |time_s: f32| (time_s * setting.fps) as usize;
    if species == Species::Frozen {
        let at = frame_at(random.between(0.1, 0.8) * plan.duration_s()).min(frames.len() - 1);
        let count = (random.between(1.0, 2.0) * setting.fps).ceil() as usize;
        let goes_on = random.below(2) == 0;
        let still = frames[at].clone();
        let skipped = if goes_on { 0 } else { count.min(frames.len() - at - 1) };
        frames.splice(at..at + skipped, std::iter::repeat_n(still, count));
        let after = if goes_on { "where it stopped" } else { "as if time had passed" };
        return Ok((frames, format!("{count} frames alike from {at}, then it goes on {after}")));
    }
    // Looped: of three turns two go to the same side, and the last of them shows the frames of the one before.
    let Some((last, turn)) = plan.turns.iter().enumerate().next_back() else {
        return Ok((frames, String::new()));
    };
    let Some(before) = plan.turns[..last].iter().rfind(|earlier| earlier.side == turn.side) else {
        return Ok((frames, String::new()));
    };
    let (from, until) = (frame_at(before.start_s), frame_at(before.end_s()).min(frames.len()));
    let mut again = frames[from..until].to_vec();
    let noise = if random.below(2) == 0 { 0.0 } else { random.between(1.0, 2.5) };
    let mut sensor = Random::new(seed, 34);
    for picture in &mut again {
        add_noise(picture, noise, &mut sensor);
    }
    frames.truncate(frame_at(turn.start_s));
    frames.extend(again);
    Ok((frames, format!("frames {from} to {until} again at the end, with {noise:.1} levels of new noise")))
}
