//! What a turn leaves behind: how it moved and whether it stayed the same person.
//!
//! Always holds: everything is bounded, so that an endless sequence takes no more memory than a short one; templates
//! are wiped on drop. Does not know steps or deadlines: `turn` does.

use super::face::{MeshFace, Pose};
use super::matching::{MatchThreshold, median_similarity};
use super::parallax::{ParallaxSample, ParallaxScore, TurnFit, median_sample, median_score};
use super::passive::LiveScore;
use super::relief::ReliefScore;
use super::template::{Similarity, Template};
use super::turn_report::TurnReason;

/// Most frontal frames that turned ones are compared with.
const MAX_FRONTAL: usize = 5;
/// Most samples kept a turn.
const MAX_SAMPLES: usize = 400;
/// Most templates kept of each look ahead and of each turn.
const MAX_TEMPLATES: usize = 5;
/// Fewest frames of one turn that its shape is judged by.
const LEAST_SAMPLES: usize = 3;
/// Fewest frames by which motion is called that of a sheet.
const LEAST_SHEET_SAMPLES: usize = 5;
/// A face that seems to have turned less than this, in degrees, does not show how it moves.
const LEAST_SHEET_ANGLE: f32 = 25.0;
/// Below this a turned face is another person for certain: the median of strangers is below 0.1.
const ANOTHER_PERSON: Similarity = Similarity(0.15);
/// Two frames of a turn below this are of a stranger, even if the others are not: the face was exchanged on the way.
const STRANGER: Similarity = Similarity(0.10);

/// Evidence of one turn to a side.
#[derive(Debug, Default)]
pub(super) struct TurnEvidence {
    shape: TurnFit,
    texture: Vec<f32>,
    templates: Vec<Template>,
}

impl TurnEvidence {
    pub fn parallax(&self) -> Option<ParallaxScore> {
        self.shape.score()
    }

    /// What keeps the turn from being a head's; `None` when nothing does.
    pub fn shape_fault(&self) -> Option<TurnReason> {
        let Some(parallax) = self.parallax().filter(|_| self.has_enough_frames()) else {
            return Some(TurnReason::TooFewFrames);
        };
        if parallax <= ParallaxScore::SHEET_AT_MOST {
            return Some(TurnReason::MovesLikeASheet);
        }
        let smooth = self.texture().is_some_and(|score| score < ReliefScore::HEAD_AT_LEAST);
        (parallax < ParallaxScore::HEAD_AT_LEAST || smooth).then_some(TurnReason::ShapeUnclear)
    }

    /// Median of the depth that the texture shows; `None` where too little of it could be followed.
    pub fn texture(&self) -> Option<ReliefScore> {
        let mut scores = self.texture.clone();
        scores.sort_by(f32::total_cmp);
        scores
            .get(scores.len().saturating_sub(1) / 2)
            .copied()
            .map(ReliefScore)
            .filter(|_| scores.len() >= LEAST_SAMPLES)
    }

    pub fn has_enough_frames(&self) -> bool {
        self.shape.samples() >= LEAST_SAMPLES
    }

    pub fn add_sample(&mut self, sample: &ParallaxSample) {
        if self.shape.samples() < MAX_SAMPLES {
            self.shape.add(sample);
        }
    }

    pub fn add_texture(&mut self, score: ReliefScore) {
        if self.texture.len() < MAX_SAMPLES {
            self.texture.push(score.0);
        }
    }

    pub fn wants_template(&self) -> bool {
        self.templates.len() < MAX_TEMPLATES
    }

    pub fn add_template(&mut self, template: Template) {
        if self.wants_template() {
            self.templates.push(template);
        }
    }
}

/// Evidence of the whole challenge.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    frontal: Vec<(MeshFace, Pose)>,
    /// With the look ahead, counted from 0, that each was taken in.
    templates: Vec<(usize, Template)>,
    moving: Vec<ParallaxScore>,
    passive: Vec<f32>,
    /// Frames in which a frame around the face was looked for, and found.
    looked_around: usize,
    framed: usize,
}

impl Evidence {
    /// Keeps the most frontal frames.
    pub fn add_frontal(&mut self, mesh: &MeshFace, pose: Pose) {
        let yaw = |entry: &(MeshFace, Pose)| entry.1.yaw_degrees.abs();
        if self.frontal.len() == MAX_FRONTAL {
            let worst = (0..MAX_FRONTAL).max_by(|&a, &b| yaw(&self.frontal[a]).total_cmp(&yaw(&self.frontal[b])));
            match worst {
                Some(worst) if yaw(&self.frontal[worst]) > pose.yaw_degrees.abs() => self.frontal.swap_remove(worst),
                _ => return,
            };
        }
        self.frontal.push((mesh.clone(), pose));
    }

    /// The templates of each look ahead that gave any, in order.
    pub fn looks(&self) -> impl Iterator<Item = Vec<Template>> + '_ {
        let last = self.templates.iter().map(|(look, _)| *look).max();
        (0..last.map_or(0, |last| last + 1)).map(|look| self.look(look).cloned().collect())
    }

    fn look(&self, wanted: usize) -> impl Iterator<Item = &Template> {
        self.templates.iter().filter(move |(look, _)| *look == wanted).map(|(_, template)| template)
    }

    pub fn wants_template(&self, look: usize) -> bool {
        self.look(look).count() < MAX_TEMPLATES
    }

    pub fn add_template(&mut self, look: usize, template: Template) {
        if self.wants_template(look) {
            self.templates.push((look, template));
        }
    }

    pub fn add_passive(&mut self, score: LiveScore) {
        if self.passive.len() < MAX_SAMPLES {
            self.passive.push(score.0);
        }
    }

    /// Compares a face with the frontal ones and remembers how it moved.
    pub fn sample(&mut self, mesh: &MeshFace, pose: Pose) -> Option<ParallaxSample> {
        let frontal = self.frontal.iter().map(|(mesh, pose)| (mesh, *pose));
        let sample = median_sample(frontal, (mesh, pose))?;
        if sample.angle_degrees() >= LEAST_SHEET_ANGLE && self.moving.len() < MAX_SAMPLES {
            self.moving.push(sample.score());
        }
        Some(sample)
    }

    /// Median score of all frames that turned or seem to have turned.
    pub fn parallax(&self) -> Option<ParallaxScore> {
        median_score(self.moving.iter().copied()).filter(|_| self.moving.len() >= LEAST_SHEET_SAMPLES)
    }

    pub fn moves_like_a_sheet(&self) -> bool {
        self.parallax().is_some_and(|score| score <= ParallaxScore::SHEET_AT_MOST)
    }

    pub fn add_framed(&mut self, framed: Option<bool>) {
        self.looked_around += usize::from(framed.is_some());
        self.framed += usize::from(framed == Some(true));
    }

    /// Whether most frames show a frame around the face.
    pub fn is_framed(&self) -> bool {
        self.framed >= LEAST_SAMPLES && self.framed * 2 > self.looked_around
    }

    /// Median of the passive scores.
    pub fn passive(&self) -> Option<LiveScore> {
        let mut scores = self.passive.clone();
        scores.sort_by(f32::total_cmp);
        scores.get(scores.len().saturating_sub(1) / 2).copied().map(LiveScore)
    }

    /// How much a later look ahead, counted from 0, resembles the first; `None` where either gave no template.
    pub fn look_similarity(&self, look: usize) -> Option<Similarity> {
        let looked: Vec<Template> = self.look(look).cloned().collect();
        median_similarity(&looked, self.look(0).next()?)
    }

    /// How much a turned face resembles the one that looked ahead first; `None` where either gave no template.
    pub fn turn_similarity(&self, turn: &TurnEvidence) -> Option<Similarity> {
        let frontal: Vec<Template> = self.look(0).cloned().collect();
        let mut each: Vec<Similarity> =
            turn.templates.iter().filter_map(|template| median_similarity(&frontal, template)).collect();
        each.sort_by(|a, b| a.0.total_cmp(&b.0));
        // One odd frame is no other person; two are, whatever the rest of the turn looks like.
        match each.get(1).filter(|second| second.0 < STRANGER.0) {
            Some(second) => Some(*second),
            None => Some(Template::mean(&turn.templates)?.similarity(&Template::mean(&frontal)?)),
        }
    }

    /// `None` when every turn was made by the person who looked into the camera.
    pub fn identity_fault<'a>(&self, turns: impl IntoIterator<Item = &'a TurnEvidence>) -> Option<TurnReason> {
        if self.look(0).next().is_none() {
            return Some(TurnReason::IdentityNotMeasured);
        }
        // Who looks ahead later has to be who looked ahead first; a look ahead without a template says nothing.
        let looks = self.templates.iter().map(|(look, _)| *look).max().map_or(0, |last| last + 1);
        let later = (1..looks).filter_map(|look| self.look_similarity(look)).map(Some);
        let steady = [self.look_similarity(0)].into_iter().chain(later);
        let steady = steady.map(|similarity| (similarity, MatchThreshold::HELD_BETWEEN_LOOKS));
        let turned = turns.into_iter().map(|turn| self.turn_similarity(turn));
        let turned = turned.map(|similarity| (similarity, MatchThreshold::HELD_THROUGH_TURN));
        let faults = turned.chain(steady).filter_map(|(similarity, least)| match similarity {
            None => Some(TurnReason::IdentityNotMeasured),
            Some(similarity) if similarity < ANOTHER_PERSON => Some(TurnReason::IdentityChanged),
            Some(similarity) if similarity < least.0 => Some(TurnReason::IdentityUnclear),
            Some(_) => None,
        });
        faults.max()
    }
}
