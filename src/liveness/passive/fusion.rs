//! The passive cues of a sequence, named and put together.
//!
//! Each cue is brought to 0 (nothing) … 1 (clear) by a ramp and weighed. The weights are chosen so that a background that
//! clearly moves, or edges along two sides, suffice alone, and what a scene can have by nature does not: one straight
//! edge needs a soft face beside it, which never suffices alone. Ramps and weights were set on rendered clips of the tuning
//! half (`docs/faces/passive.md`). The range of tones is measured and not weighed: it told displays from people
//! of one half and not from those of the other.
//!
//! Always holds: a cue that could not be measured is none; the score falls by what speaks against a live capture and never
//! rises by what speaks for one. What follows from it is a lack of evidence for a person, never an attack.

use serde::Serialize;

use super::pattern::LiveScore;
use super::scene::WIDTH;
use crate::liveness::observation::CameraMount;

/// A cue that speaks against a live capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PassiveSign {
    /// The background moves, as where a display or a print that shows it is held in a hand; a camera in a hand that is
    /// turned moves it as well.
    BackgroundMoves,
    /// The edge of a display runs along a side of the picture; two sides suffice.
    EdgeAlongSide,
    /// The face is softer than what surrounds it, by more than lenses usually do it.
    SoftFace,
    /// The model that an operator put there says so; it suffices.
    PadModel,
}

/// What an operator's model says of one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PadScore {
    /// Share of the live class, 0…1; comparable only with scores of the same model.
    pub live: f32,
    /// The operator's threshold: least median over the frames that look ahead, 0…1.
    pub least: f32,
}

/// What was seen of a sequence.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    pub frames: usize,
    pub followed: usize,
    pub agreed: usize,
    /// Median way of the background from its median place, in pixels of the scene.
    pub sway: Option<f32>,
    pub looked: usize,
    pub sides: [usize; 4],
    pub softness: Option<f32>,
    pub tones: Option<(f32, f32)>,
    /// Median of what an operator's model says.
    pub pad: Option<PadScore>,
}

/// The passive cues of a sequence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PassiveReport {
    /// 0…1, 1 is live; not a probability.
    pub score: LiveScore,
    /// What speaks against a live capture; one alone may be innocent.
    pub signs: Vec<PassiveSign>,
    /// Frames that were looked at.
    pub frames: usize,
    /// Median way of the background from its median place, in thousandths of the picture's width; `None` where too
    /// little of it can be followed.
    pub sway: Option<f32>,
    /// Share of the followed frames in which most of the background had moved, 0…1.
    pub moved: Option<f32>,
    /// Share of the frames in which the left, right, upper and lower side showed an edge, 0…1.
    pub sides: [f32; 4],
    /// Softness of the face less that of what surrounds it, −3…3, above 0 when the face is softer.
    pub softness: Option<f32>,
    /// 2nd and 98th centile of luma, 0…255; not weighed.
    pub tones: Option<(f32, f32)>,
    /// Median share of the live class by an operator's model, 0…1; `None` without such a model.
    pub pad_model: Option<f32>,
}

/// Fewest frames that say anything of a sequence.
const LEAST_FRAMES: usize = 12;
/// Sway of the background, in thousandths of the width, at which it begins to speak and at which it is clear. Cameras in
/// a steady hand moved it by 0.9 to 1.1 in the tuning half, displays in a hand by 4.5 to 10.
const SWAY: (f32, f32) = (1.8, 4.2);
/// Share of the frames in which the background has to have moved.
const LEAST_MOVED: f32 = 0.5;
/// Share of the frames in which a side has to show its edge.
const LEAST_SIDE: f32 = 0.4;
/// Softness of the face beyond its surroundings: up to 0.6 in honest clips.
const SOFTNESS: (f32, f32) = (0.7, 1.2);
/// What a single edge and a soft face weigh; a clear sway and a second edge weigh 1.
const ONE_SIDE: f32 = 0.45;
const SOFTNESS_WEIGHT: f32 = 0.19;

impl PassiveReport {
    /// At or below this score a challenge is not passed: the operating point.
    pub const REFUSED_AT_MOST: LiveScore = LiveScore(0.5);

    pub(super) fn of(seen: &Seen) -> Self {
        let share = |count: usize, of: usize| count as f32 / of.max(1) as f32;
        let sway = seen.sway.map(|sway| sway * 1e3 / WIDTH as f32);
        let moved = (seen.followed >= LEAST_FRAMES).then(|| share(seen.agreed, seen.followed));
        let sides = seen.sides.map(|count| share(count, seen.looked));
        let edges = sides.iter().filter(|&&side| side >= LEAST_SIDE).count();
        let ramp = |value: Option<f32>, (from, to): (f32, f32)| {
            value.map_or(0.0, |value| ((value - from) / (to - from)).clamp(0.0, 1.0))
        };
        let swaying = if moved.is_some_and(|moved| moved >= LEAST_MOVED) { ramp(sway, SWAY) } else { 0.0 };
        let against = [
            (PassiveSign::BackgroundMoves, swaying),
            (PassiveSign::EdgeAlongSide, [0.0, ONE_SIDE, 1.0][edges.min(2)]),
            (PassiveSign::SoftFace, SOFTNESS_WEIGHT * ramp(seen.softness, SOFTNESS)),
        ];
        // Few frames say nothing of a sequence; the model judges pictures, and says something of each.
        let enough = seen.frames >= LEAST_FRAMES;
        let spoofed = seen.pad.is_some_and(|pad| pad.live < pad.least);
        let against: Vec<_> = against
            .into_iter()
            .filter(|_| enough)
            .chain([(PassiveSign::PadModel, f32::from(u8::from(spoofed)))])
            .filter(|(_, weight)| *weight > 0.0)
            .collect();
        let weight: f32 = against.iter().map(|(_, weight)| weight).sum();
        Self {
            score: LiveScore((1.0 - weight).max(0.0)),
            signs: against.iter().map(|(sign, _)| *sign).collect(),
            frames: seen.frames,
            sway,
            moved,
            sides,
            softness: seen.softness,
            tones: seen.tones,
            pad_model: seen.pad.map(|pad| pad.live),
        }
    }

    /// Whether the cues together keep a challenge from being passed. Before a camera in a hand those of a sequence count
    /// for nothing, and what an operator's model says of single pictures does.
    #[must_use]
    pub fn is_refused(&self, mount: CameraMount) -> bool {
        match mount {
            CameraMount::Mounted => self.score <= Self::REFUSED_AT_MOST,
            CameraMount::InHand => self.signs.contains(&PassiveSign::PadModel),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A minute of somebody before a camera that stands.
    fn person() -> Seen {
        Seen {
            frames: 60,
            followed: 59,
            agreed: 0,
            sway: Some(0.01),
            looked: 20,
            sides: [0; 4],
            softness: Some(0.3),
            tones: Some((6.0, 180.0)),
            pad: None,
        }
    }

    const STANDS: CameraMount = CameraMount::Mounted;

    #[test]
    fn nothing_speaks_against_a_person_before_a_camera_that_stands() {
        let report = PassiveReport::of(&person());
        assert_eq!((report.score, report.signs.len(), report.is_refused(STANDS)), (LiveScore(1.0), 0, false));
    }

    #[test]
    fn a_background_that_moves_or_two_edges_suffice_and_one_innocent_cue_does_not() {
        let refused = |seen: Seen| PassiveReport::of(&seen).is_refused(STANDS);
        assert!(refused(Seen { agreed: 50, sway: Some(2.0), ..person() }));
        assert!(refused(Seen { sides: [20, 0, 15, 0], ..person() }));
        assert!(!refused(Seen { agreed: 50, sway: Some(0.35), ..person() }), "a camera in a steady hand");
        assert!(!refused(Seen { agreed: 5, sway: Some(2.0), ..person() }), "somebody walks behind");
        assert!(!refused(Seen { sides: [20, 0, 0, 0], ..person() }), "a door");
        assert!(!refused(Seen { tones: Some((60.0, 180.0)), softness: Some(2.0), ..person() }), "fog");
    }

    #[test]
    fn an_edge_and_a_soft_face_are_refused_together() {
        let seen = Seen { sides: [20, 0, 0, 0], softness: Some(1.1), ..person() };
        let report = PassiveReport::of(&seen);
        assert_eq!(report.signs, [PassiveSign::EdgeAlongSide, PassiveSign::SoftFace]);
        assert!(report.is_refused(STANDS));
    }

    #[test]
    fn what_was_not_measured_speaks_neither_for_nor_against() {
        assert_eq!(PassiveReport::of(&Seen::default()).score, LiveScore(1.0));
        let few = Seen { frames: 3, followed: 2, agreed: 2, sway: Some(9.0), ..person() };
        assert!(!PassiveReport::of(&few).is_refused(STANDS));
        let blank = Seen { sway: None, followed: 0, softness: None, tones: None, ..person() };
        assert!(PassiveReport::of(&blank).signs.is_empty());
    }

    #[test]
    fn an_operators_model_suffices_to_refuse_even_in_few_frames_and_before_a_camera_in_a_hand() {
        let says = |live: f32| Some(PadScore { live, least: 0.5 });
        for seen in [Seen { pad: says(0.49), ..person() }, Seen { pad: says(0.0), ..Seen::default() }] {
            let report = PassiveReport::of(&seen);
            assert_eq!((report.score, report.signs.as_slice()), (LiveScore(0.0), [PassiveSign::PadModel].as_slice()));
            assert!(report.is_refused(STANDS) && report.is_refused(CameraMount::InHand));
        }
    }

    #[test]
    fn an_operators_model_makes_nothing_pass_that_would_not_pass_without() {
        for seen in
            [person(), Seen { agreed: 50, sway: Some(2.0), ..person() }, Seen { sides: [20, 0, 15, 0], ..person() }]
        {
            let without = PassiveReport::of(&seen);
            let with = PassiveReport::of(&Seen { pad: Some(PadScore { live: 1.0, least: 0.5 }), ..seen });
            assert_eq!(with, PassiveReport { pad_model: Some(1.0), ..without });
        }
        let observed = PassiveReport::of(&Seen { pad: Some(PadScore { live: 0.0, least: 0.0 }), ..person() });
        assert!(!observed.is_refused(STANDS), "a threshold of 0 only measures");
    }
}
