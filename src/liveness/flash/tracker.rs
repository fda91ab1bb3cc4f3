//! Following one person through a flash: when to ask for the next colour, and the verdict at the end.

use std::time::Duration;

use super::challenge::{FlashChallenge, FlashColour};
use super::light::FlashLight;
use super::report::{FlashGain, FlashReason, FlashReport, FlashScore, FlashVerdict};
use super::response::{Response, Sample, Shown, respond};
use crate::liveness::matching::{MatchThreshold, median_similarity};
use crate::liveness::template::Template;

/// Frames of a colour that have settled before the next one is asked for.
const FRAMES_A_STEP: usize = 3;
/// Time after which the light of a colour has settled whatever the latency: [`Latency::MOST`](super::Latency::MOST).
const SETTLED_AFTER: Duration = Duration::from_millis(300);
/// A colour does not stand longer than this, however few frames come.
const LONGEST_HOLD: Duration = Duration::from_millis(1800);
/// Time for all of it, from the first frame.
const TOTAL: Duration = Duration::from_secs(18);
/// Longest time without a face.
const LONGEST_LOSS: Duration = Duration::from_millis(900);
/// Most frames that are kept.
const MAX_SAMPLES: usize = 1200;
/// Colours that may have fewer than two settled frames with a face that looks into the camera.
const MOST_EMPTY_STEPS: usize = 1;
/// Clipped share of the skin, in the middle of the frames, from which it is too bright.
const MOST_CLIPPED: f32 = 0.25;
/// Most frames without room behind the face, as a share.
const MOST_WITHOUT_ROOM: f32 = 0.4;
/// Deviations of noise that a gain has to exceed.
const CLEAR_OF_NOISE: f32 = 3.0;
/// The room may answer with so much of what the skin does: a wall that is near does so.
const MOST_OF_ROOM: f32 = 0.55;
/// By how much another latency has to fit better before the answer is called out of time.
const OUT_OF_TIME_BY: f32 = 0.03;
/// Correlation, frame by frame, from which colours that were not followed in time were followed at another.
const CLEARLY_OUT_OF_TIME: f32 = 0.5;
/// Changes of colour that may be missed.
const MOST_MISSED_CHANGES: u8 = 1;
/// Unevenness of the colours' means from which something other than noise changed with them.
const UNEVEN: f32 = 8.0;
/// Templates that are taken: at the beginning, and with every second colour.
const MAX_TEMPLATES: usize = FlashChallenge::STEPS / 2;

/// What one frame shows.
#[derive(Debug, Clone)]
pub struct FlashObservation {
    /// Time of the frame since the capture began.
    pub at: Duration,
    /// The followed face; `None` when there is none.
    pub face: Option<FlashFace>,
}

/// One frame's face.
#[derive(Debug, Clone)]
pub struct FlashFace {
    /// Whether it looks into the camera.
    pub frontal: bool,
    /// Its light, where the skin lies within the picture.
    pub light: Option<FlashLight>,
    /// Its template, where [`FlashTracker::wants_template`] asked for one.
    pub template: Option<Template>,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlashStage {
    /// This colour has to be on the screen, from now on or still.
    Show {
        /// Its number, from 0.
        step: u8,
        /// The colour.
        colour: FlashColour,
    },
    /// All were shown, or time is up.
    Over,
}

/// Scores one flash. Made new for every attempt.
#[derive(Debug)]
pub struct FlashTracker {
    challenge: FlashChallenge,
    /// The person of the head turn.
    reference: Option<Template>,
    /// When each colour was sent.
    shown: Vec<Duration>,
    /// Number of the colour that is asked for.
    asked: usize,
    over: bool,
    settled: usize,
    began: Option<Duration>,
    last_face: Option<Duration>,
    faults: Faults,
    samples: Vec<(Duration, FlashLight)>,
    templates: Vec<Template>,
}

#[derive(Debug, Default)]
struct Faults {
    lost: bool,
    without_room: usize,
}

impl FlashTracker {
    /// Least time that a colour stands. Two changes a second at most: a flash is two of them, and three flashes a second
    /// are allowed (WCAG 2.2, success criterion 2.3.1).
    pub const HOLD: Duration = Duration::from_millis(600);

    /// Starts a flash; `reference` are templates of the person who turned the head.
    #[must_use]
    pub fn new(challenge: FlashChallenge, reference: &[Template]) -> Self {
        Self {
            challenge,
            reference: Template::mean(reference),
            shown: Vec::new(),
            asked: 0,
            over: false,
            settled: 0,
            began: None,
            last_face: None,
            faults: Faults::default(),
            samples: Vec::new(),
            templates: Vec::new(),
        }
    }

    /// Notes that a colour was sent to the display at a time of the camera's clock. Only the one that is asked for counts,
    /// and only the first time.
    pub fn shown(&mut self, step: u8, at: Duration) {
        if usize::from(step) == self.asked && self.shown.len() == self.asked {
            self.shown.push(at);
            self.settled = 0;
        }
    }

    /// Whether a template of a face that looks into the camera would help.
    #[must_use]
    pub fn wants_template(&self) -> bool {
        self.templates.len() < MAX_TEMPLATES && self.templates.len() <= self.asked / 2
    }

    /// Takes in one frame.
    pub fn observe(&mut self, observation: FlashObservation) -> FlashStage {
        let at = observation.at;
        let began = *self.began.get_or_insert(at);
        let seen = *self.last_face.get_or_insert(at);
        match observation.face {
            Some(face) => {
                self.last_face = Some(at);
                self.take(at, face);
            }
            None => self.faults.lost |= at.saturating_sub(seen) > LONGEST_LOSS,
        }
        self.over |= at.saturating_sub(began) > TOTAL || self.faults.lost;
        self.go_on(at);
        self.stage()
    }

    /// What has to be on the screen.
    #[must_use]
    pub fn stage(&self) -> FlashStage {
        match (self.over, self.challenge.colours().get(self.asked)) {
            (false, Some(&colour)) => FlashStage::Show { step: u8::try_from(self.asked).unwrap_or(u8::MAX), colour },
            (true, _) | (_, None) => FlashStage::Over,
        }
    }

    fn take(&mut self, at: Duration, face: FlashFace) {
        if !face.frontal {
            return;
        }
        self.templates.extend(face.template.filter(|_| self.wants_template()));
        let (Some(light), Some(&since)) = (face.light, self.shown.last()) else { return };
        if light.room.is_none() {
            self.faults.without_room += 1;
        }
        if self.samples.len() < MAX_SAMPLES {
            self.samples.push((at, light));
        }
        self.settled += usize::from(at.saturating_sub(since) >= SETTLED_AFTER);
    }

    /// Asks for the next colour when the present one has stood and was seen for long enough.
    fn go_on(&mut self, at: Duration) {
        let Some(&since) = self.shown.get(self.asked) else { return };
        let stood = at.saturating_sub(since);
        if stood >= LONGEST_HOLD || (stood >= Self::HOLD && self.settled >= FRAMES_A_STEP) {
            self.asked += 1;
        }
    }

    /// The verdict on everything seen so far.
    pub fn finish(self) -> FlashReport {
        let lights = || self.shown.iter().zip(self.challenge.colours());
        let shown: Vec<Shown> =
            lights().map(|(at, colour)| Shown { at: at.as_secs_f32(), light: colour.light() }).collect();
        let samples: Vec<Sample> = self.samples.iter().filter_map(|(at, light)| sample(*at, light)).collect();
        let response = respond(&samples, &shown);
        let reason = self.reason(response.as_ref());
        FlashReport {
            verdict: reason.map_or(FlashVerdict::Followed, FlashReason::verdict),
            reason,
            score: response.map(|found| FlashScore(found.score)),
            followed_changes: response.map_or(0, |found| found.followed_changes),
            changes: u8::try_from(self.shown.len().saturating_sub(1)).unwrap_or(u8::MAX),
            latency: response.map(|found| found.latency),
            gain: response.map(|found| FlashGain(found.gain)),
            room_gain: response.map(|found| FlashGain(found.room_gain)),
            side_share: response.and_then(|found| found.side_share),
            frames: self.samples.len(),
        }
    }

    /// What stands against it, the most fundamental first.
    fn reason(&self, response: Option<&Response>) -> Option<FlashReason> {
        self.not_measurable().or_else(|| self.another_person()).or_else(|| match response.map(not_followed) {
            None => Some(FlashReason::TooFewFrames),
            // What is clipped cannot become brighter, which is no reason where it followed all the same.
            Some(Some(FlashReason::OtherOrder | FlashReason::NoResponse | FlashReason::Unsteady))
                if self.is_too_bright() =>
            {
                Some(FlashReason::TooBright)
            }
            Some(reason) => reason,
        })
    }

    fn not_measurable(&self) -> Option<FlashReason> {
        if self.faults.lost || self.last_face == self.began && self.samples.is_empty() {
            return Some(FlashReason::FaceLost);
        }
        let empty = (0..FlashChallenge::STEPS).filter(|&step| self.frames_of(step) < 2).count();
        if empty > MOST_EMPTY_STEPS {
            return Some(FlashReason::TooFewFrames);
        }
        let without_room = self.faults.without_room as f32;
        (without_room > MOST_WITHOUT_ROOM * self.samples.len() as f32).then_some(FlashReason::FillsPicture)
    }

    fn is_too_bright(&self) -> bool {
        let mut clipped: Vec<f32> = self.samples.iter().map(|(_, light)| light.clipped).collect();
        clipped.sort_by(f32::total_cmp);
        clipped.get(clipped.len() / 2).is_some_and(|&share| share > MOST_CLIPPED)
    }

    /// Frames of a colour, but for those in which it may not have been seen yet.
    fn frames_of(&self, step: usize) -> usize {
        let Some(from) = self.shown.get(step).map(|&at| at + SETTLED_AFTER) else { return 0 };
        let until = self.shown.get(step + 1).copied().unwrap_or(Duration::MAX);
        self.samples.iter().filter(|(at, _)| (from..until).contains(at)).count()
    }

    fn another_person(&self) -> Option<FlashReason> {
        let Some(similarity) =
            self.reference.as_ref().and_then(|reference| median_similarity(&self.templates, reference))
        else {
            return Some(FlashReason::IdentityNotMeasured);
        };
        (similarity < MatchThreshold::HELD_THROUGH_TURN.0).then_some(FlashReason::IdentityChanged)
    }
}

/// What keeps an answer from being that of a face before this screen; `None` when nothing does.
fn not_followed(found: &Response) -> Option<FlashReason> {
    let follows = found.score >= FlashScore::FOLLOWS.0;
    let clear = found.gain >= FlashGain::LEAST.0 && found.gain >= CLEAR_OF_NOISE * found.gain_noise;
    let room_follows = found.room_score >= 0.5 && found.room_gain >= FlashGain::LEAST.0;
    if room_follows && found.room_gain > MOST_OF_ROOM * found.skin_gain {
        return Some(FlashReason::NotOnFace);
    }
    let out_of_time = found.out_of_time > found.in_time + OUT_OF_TIME_BY;
    if out_of_time && (follows || found.out_of_time >= CLEARLY_OUT_OF_TIME) {
        return Some(FlashReason::OutOfTime);
    }
    let last_change = u8::try_from(FlashChallenge::STEPS - 1).unwrap_or(u8::MAX);
    if follows && clear && found.followed_changes + MOST_MISSED_CHANGES >= last_change {
        return None;
    }
    // A light that would have been seen was not there, or it would not have been seen.
    if CLEAR_OF_NOISE * found.gain_noise > FlashGain::LEAST.0 {
        return Some(FlashReason::Unsteady);
    }
    Some(if found.unevenness >= UNEVEN { FlashReason::OtherOrder } else { FlashReason::NoResponse })
}

/// The logarithms of a frame's light; `None` without a room to compare with.
fn sample(at: Duration, light: &FlashLight) -> Option<Sample> {
    // What is black has no logarithm; a camera's black is about this bright.
    let logarithm = |light: [f32; 3]| light.map(|value| value.max(1e-3).ln());
    Some(Sample {
        at: at.as_secs_f32(),
        skin: logarithm(light.skin),
        sides: light.sides.map(logarithm),
        room: logarithm(light.room?),
    })
}
