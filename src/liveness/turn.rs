//! Following one person through a challenge.
//!
//! Frames come in one by one; each step has to be reached in its time, by the same face, without a cut, and a turn has
//! to move like a head. Two independent tests guard each turn: the yaw that the mesh reports, which a photo does not
//! reach, and the shape of the motion (see `parallax`), which a photo does not have.
//!
//! Always holds: what is missing is `incomplete`, never `live`; evidence of an attack outweighs everything else; a failed
//! challenge cannot be mended, only tried again. Does not detect faces or run models, and cannot tell a replay of a real
//! turn from one: the random challenge, the passive cue and the camera's own checks are for that.

use std::collections::BTreeSet;
use std::time::Duration;

use super::challenge::{Challenge, Direction, Step, TurnOrder};
use super::face::Pose;
use super::observation::{CameraMount, FaceObservation, ObservedFace};
use super::passive::{LiveScore, PassiveTrack};
use super::repeats::Repeats;
use super::template::Template;
use super::texture::TextureTrack;
use super::turn_evidence::{Evidence, TurnEvidence};
use super::turn_report::{StepReport, TurnReason, TurnReport, TurnVerdict, fused};
use crate::imaging::{Point, Rect};

/// Least reported yaw of a turn, in degrees to the asked side.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct LeastYaw(pub f32);

impl LeastYaw {
    /// Turned by up to 50°, flat photos made the mesh report at most 25°, photos bent a little 30°; of 16 sequences of
    /// photos bent strongly, two passed 28° to one side and none to both. A person reaches it at about 40° of true turn.
    pub const SHIPPED: Self = Self(28.0);
}

/// How far the challenge is; for prompts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TurnProgress {
    /// What is asked now; `None` when all steps are done.
    pub step: Option<Step>,
    /// Steps done.
    pub done: usize,
    /// Whether the challenge failed already, so that going on is in vain.
    pub failed: bool,
}

/// Frames in which a step's pose has to be seen.
const FRAMES_A_STEP: usize = 2;
/// The shape of a turn is judged by frames this close to the asked yaw, in degrees.
const SHAPE_MARGIN: f32 = 4.0;
/// Yaw between two frames that is a cut whatever the time between them, in degrees.
const JUMP_DEGREES: f32 = 22.0;
/// Yaw between two frames that is a cut when it comes faster than heads turn.
const FAST_JUMP_DEGREES: f32 = 15.0;
/// Faster than heads turn, in degrees a second.
const FAST_DEGREES_PER_SECOND: f32 = 300.0;
/// Shift of the face between two frames, in its own widths, that is a cut.
const JUMP_WIDTHS: f32 = 1.0;
/// Longest time without a face.
const LONGEST_LOSS: Duration = Duration::from_millis(700);
/// Frames with a second face that are more than a mistake of the detector.
const RIVAL_FRAMES: usize = 3;
/// No one reacts to a prompt faster than this.
const REACTION: Duration = Duration::from_millis(150);
/// Yaws of a turned face whose template still resembles the frontal one, in degrees.
const TEMPLATE_YAW: std::ops::Range<f32> = 18.0..42.0;

/// Furthest from the camera's axis that somebody is taken to look ahead, in degrees: a camera stands beside a screen, and a
/// face is not even. Both sides are measured from there, so that what one side gains the other loses.
const MOST_ASIDE: f32 = 8.0;

/// Where a face was in the last frame that had one.
#[derive(Debug, Clone, Copy)]
struct Last {
    at: Duration,
    yaw: f32,
    place: Rect,
}

/// State of a step that is asked or was.
#[derive(Debug, Default)]
struct StepState {
    asked: Option<Duration>,
    prompted: Option<Duration>,
    frames: usize,
    reached: Option<Duration>,
    yaw: Option<f32>,
    turn: TurnEvidence,
}

/// Scores one challenge. Made new for every attempt.
#[derive(Debug)]
pub struct TurnTracker {
    challenge: Challenge,
    least_yaw: LeastYaw,
    mirrored_order: bool,
    steps: Vec<StepState>,
    current: usize,
    evidence: Evidence,
    began: Option<Duration>,
    last_time: Option<Duration>,
    last: Option<Last>,
    yaw_range: Option<[f32; 2]>,
    faults: BTreeSet<TurnReason>,
    rivals: usize,
    faces: usize,
    repeats: Repeats,
    texture: TextureTrack,
    passive: PassiveTrack,
    mount: CameraMount,
    /// Whether any face came with its texture.
    textured: bool,
    /// Sum of the yaws of the first look ahead, and then the yaw that all others are measured from.
    looked_at: f32,
    ahead: f32,
}

impl TurnTracker {
    /// Starts a challenge.
    #[must_use]
    pub fn new(challenge: Challenge, least_yaw: LeastYaw) -> Self {
        let steps = challenge.steps().iter().map(|_| StepState::default()).collect();
        Self {
            challenge,
            least_yaw,
            mirrored_order: false,
            steps,
            current: 0,
            evidence: Evidence::default(),
            began: None,
            last_time: None,
            last: None,
            yaw_range: None,
            faults: BTreeSet::new(),
            rivals: 0,
            faces: 0,
            repeats: Repeats::default(),
            texture: TextureTrack::default(),
            passive: PassiveTrack::default(),
            mount: CameraMount::Mounted,
            textured: false,
            looked_at: 0.0,
            ahead: 0.0,
        }
    }

    /// The same before a camera that is held so; [`CameraMount::Mounted`] without this.
    #[must_use]
    pub fn before(self, mount: CameraMount) -> Self {
        Self { mount, ..self }
    }

    /// Notes that the prompt of the current step is on the screen. From the first such note on, a turn that comes before
    /// its prompt fails; recordings without prompts never call this.
    pub fn prompted(&mut self, at: Duration) {
        if let Some(state) = self.steps.get_mut(self.current) {
            state.prompted.get_or_insert(at);
        }
    }

    /// Whether a template of a face in this pose would help; making one costs more than everything else.
    #[must_use]
    pub fn wants_template(&self, pose: &Pose) -> bool {
        let pose = self.seen_from_ahead(*pose);
        let turned = self.turn_at(pose.yaw_degrees).is_some_and(|step| self.steps[step].turn.wants_template());
        turned || (pose.is_frontal() && self.look().is_some_and(|look| self.evidence.wants_template(look)))
    }

    /// Templates of the face that looks into the camera, for each look ahead: the probes of a match.
    pub fn frontal_templates(&self) -> impl Iterator<Item = Vec<Template>> + '_ {
        self.evidence.looks()
    }

    /// How far the challenge is.
    #[must_use]
    pub fn progress(&self) -> TurnProgress {
        let step = self.challenge.steps().get(self.current);
        let step = step.map(|step| Step { direction: self.direction(self.current), within: step.within });
        TurnProgress { step, done: self.current, failed: !self.faults.is_empty() }
    }

    /// Takes in one frame.
    pub fn observe(&mut self, observation: &FaceObservation) -> TurnProgress {
        let at = observation.at;
        if self.last_time.is_some_and(|last| at <= last) {
            self.faults.insert(TurnReason::TimeWentBack);
            return self.progress();
        }
        self.last_time = Some(at);
        let began = *self.began.get_or_insert(at);
        self.check_time(at, began);
        if observation.rival {
            self.rivals += 1;
            if self.rivals >= RIVAL_FRAMES && self.current < self.steps.len() {
                self.faults.insert(TurnReason::SeveralFaces);
            }
        }
        let repeated = observation.fingerprint.is_some_and(|fingerprint| self.repeats.picture(fingerprint, at));
        match &observation.face {
            // The same picture once more says nothing new.
            Some(_) if repeated && self.last.is_some() => self.last.iter_mut().for_each(|last| last.at = at),
            Some(face) if is_sound(face) => self.take_face(at, face),
            Some(_) | None => self.take_nothing(at),
        }
        self.progress()
    }

    /// The verdict on everything seen so far.
    pub fn finish(mut self) -> TurnReport {
        self.collect_missing();
        let reached = || self.turns().filter(|(_, state)| state.reached.is_some()).map(|(_, state)| &state.turn);
        let identity = if reached().next().is_some() { self.evidence.identity_fault(reached()) } else { None };
        let poorest = reached().filter_map(TurnEvidence::parallax).min_by(|a, b| a.0.total_cmp(&b.0));
        let identity_held = identity.is_none() && reached().next().is_some();
        let parallax_score = poorest.or_else(|| self.evidence.parallax());
        let (pattern, passive) = (self.evidence.passive(), self.passive.report());
        let mut reasons = std::mem::take(&mut self.faults);
        reasons.extend(identity);
        if pattern.is_some_and(|score| score <= LiveScore::ATTACK_AT_MOST) {
            reasons.insert(TurnReason::PatternOverFace);
        }
        if passive.is_refused(self.mount) {
            reasons.insert(TurnReason::PassiveSigns);
        }
        let verdict = if reasons.iter().any(|reason| reason.is_attack()) {
            TurnVerdict::Attack
        } else if reasons.is_empty() && self.current == self.steps.len() && identity_held {
            TurnVerdict::Live
        } else {
            TurnVerdict::Incomplete
        };
        TurnReport {
            verdict,
            steps: self.step_reports(),
            yaw_range_degrees: self.yaw_range,
            parallax_score,
            pad_score: fused(pattern, &passive, parallax_score),
            passive,
            identity_held,
            reasons: reasons.into_iter().collect(),
        }
    }

    fn direction(&self, step: usize) -> Direction {
        let direction = self.challenge.steps()[step].direction;
        if self.mirrored_order { direction.opposite() } else { direction }
    }

    /// Which look ahead a frontal face belongs to, counted from 0: each precedes a turn, or ends the challenge. None when all
    /// steps are done.
    fn look(&self) -> Option<usize> {
        (self.current < self.steps.len()).then_some(self.current / 2)
    }

    fn turns(&self) -> impl Iterator<Item = (usize, &StepState)> {
        self.steps.iter().enumerate().filter(|&(step, _)| self.direction(step) != Direction::Centre)
    }

    /// The turn that a face with this yaw belongs to: the one asked now, or the last one while the head comes back.
    fn turn_at(&self, yaw: f32) -> Option<usize> {
        self.asked_steps().into_iter().flatten().find(|&step| {
            let towards = yaw * self.direction(step).sign();
            let either = self.challenge.order() == TurnOrder::Either && step == 1 && self.current == 1;
            TEMPLATE_YAW.contains(&if either { towards.abs() } else { towards })
        })
    }

    /// The step that is asked now and the one before it, which the head is still coming back from.
    fn asked_steps(&self) -> [Option<usize>; 2] {
        [Some(self.current), self.current.checked_sub(1)].map(|step| step.filter(|&step| step < self.steps.len()))
    }

    fn check_time(&mut self, at: Duration, began: Duration) {
        let Some(state) = self.steps.get_mut(self.current) else { return };
        let asked = *state.asked.get_or_insert(at);
        let since = state.prompted.unwrap_or(asked);
        let within = self.challenge.steps()[self.current].within;
        if at.saturating_sub(since) > within || at.saturating_sub(began) > self.challenge.total() {
            self.faults.insert(TurnReason::TimedOut);
        }
    }

    fn take_nothing(&mut self, at: Duration) {
        // Before the first look ahead and after the last step a missing face means nothing.
        let during = self.current > 0 && self.current < self.steps.len();
        if during && self.last.as_ref().is_some_and(|last| at.saturating_sub(last.at) > LONGEST_LOSS) {
            self.faults.insert(TurnReason::FaceLost);
        }
    }

    fn take_face(&mut self, at: Duration, face: &ObservedFace) {
        self.faces += 1;
        let yaw = face.pose.yaw_degrees;
        let [low, high] = self.yaw_range.unwrap_or([yaw, yaw]);
        self.yaw_range = Some([low.min(yaw), high.max(yaw)]);
        let place = Rect::around(face.mesh.landmarks.iter().map(|p| p.xy()));
        let during = self.current > 0 && self.current < self.steps.len();
        if let Some(last) = &self.last {
            if during && at.saturating_sub(last.at) > LONGEST_LOSS {
                self.faults.insert(TurnReason::FaceLost);
            }
            if during && is_cut(last, at, yaw, place) {
                self.faults.insert(TurnReason::PoseJump);
            }
        }
        self.last = Some(Last { at, yaw, place });
        self.repeats.face(&face.mesh, at);
        let pose = self.seen_from_ahead(face.pose);
        self.collect(face, pose);
        self.advance(at, &pose, face);
    }

    /// A pose as seen from where the person looked ahead first.
    fn seen_from_ahead(&self, pose: Pose) -> Pose {
        Pose { yaw_degrees: pose.yaw_degrees - self.ahead, ..pose }
    }

    /// Keeps what the frame says about shape, identity and pattern.
    fn collect(&mut self, face: &ObservedFace, pose: Pose) {
        // A mesh that was followed without the detector is no evidence of a face that looks ahead.
        if pose.is_frontal() && face.found {
            self.evidence.add_frontal(&face.mesh, face.pose);
            if let (Some(look), Some(template)) = (self.look(), &face.template) {
                self.evidence.add_template(look, template.clone());
            }
            if let Some(score) = face.passive {
                self.evidence.add_passive(score);
            }
            self.evidence.add_framed(face.framed);
            face.pad.iter().for_each(|score| self.passive.add_pad(*score));
        }
        let sample = self.evidence.sample(&face.mesh, face.pose);
        face.scene.iter().for_each(|scene| self.passive.add(scene));
        self.textured |= face.texture.is_some();
        let texture = self.texture.follow(face.texture.as_ref(), pose);
        let yaw = pose.yaw_degrees;
        self.settle_order(yaw);
        for step in self.asked_steps().into_iter().flatten() {
            let towards = yaw * self.direction(step).sign();
            if towards < self.least_yaw.0 - SHAPE_MARGIN {
                continue;
            }
            if let Some(sample) = &sample {
                self.steps[step].turn.add_sample(sample);
            }
            if let Some(score) = texture {
                self.steps[step].turn.add_texture(score);
            }
        }
        if let (Some(step), Some(template)) = (self.turn_at(yaw), &face.template) {
            self.steps[step].turn.add_template(template.clone());
        }
    }

    /// Where either order is allowed, the side of the first turn that is made sets it.
    fn settle_order(&mut self, yaw: f32) {
        let open = self.challenge.order() == TurnOrder::Either && self.current == 1;
        if open && yaw * self.direction(1).sign() <= -(self.least_yaw.0 - SHAPE_MARGIN) {
            self.mirrored_order = !self.mirrored_order;
            let asked = self.steps[1].asked;
            self.steps[1] = StepState { asked, ..StepState::default() };
        }
    }

    fn advance(&mut self, at: Duration, pose: &Pose, face: &ObservedFace) {
        if self.current >= self.steps.len() {
            return;
        }
        let direction = self.direction(self.current);
        let towards = pose.yaw_degrees * direction.sign();
        let uses_prompts = self.steps.iter().any(|state| state.prompted.is_some());
        // Who is there at the end has to be compared with who was there at first: without a template that cannot be done.
        let ends = self.current > 0 && self.current + 1 == self.steps.len();
        let known = !ends || face.template.is_some();
        let state = &mut self.steps[self.current];
        let there = match direction {
            // A face that looks ahead is found by the detector; a mesh that lost a turned one may say that it does.
            Direction::Centre => pose.is_frontal() && face.found && known,
            Direction::Left | Direction::Right => towards >= self.least_yaw.0,
        };
        let yaw = pose.yaw_degrees;
        state.yaw = Some(match (direction, state.yaw) {
            (_, None) => yaw,
            (Direction::Centre, Some(best)) => {
                if yaw.abs() < best.abs() {
                    yaw
                } else {
                    best
                }
            }
            (Direction::Left | Direction::Right, Some(best)) => {
                if towards > best * direction.sign() {
                    yaw
                } else {
                    best
                }
            }
        });
        if direction != Direction::Centre {
            let ordered = self.challenge.order() == TurnOrder::AsListed;
            if ordered && towards <= -self.least_yaw.0 && state.reached.is_none() {
                self.faults.insert(TurnReason::WrongSide);
            }
            let early = uses_prompts && state.prompted.is_none_or(|prompted| at < prompted + REACTION);
            if there && early {
                self.faults.insert(TurnReason::TurnBeforePrompt);
            }
        }
        if there {
            state.frames += 1;
            if self.current == 0 {
                self.looked_at += yaw;
            }
            if state.frames >= FRAMES_A_STEP {
                state.reached = Some(at.saturating_sub(self.began.unwrap_or(at)));
                if self.current == 0 {
                    self.ahead = (self.looked_at / state.frames as f32).clamp(-MOST_ASIDE, MOST_ASIDE);
                }
                self.current += 1;
            }
        }
    }

    /// Adds a reason for everything that a live verdict needs and that is not there.
    fn collect_missing(&mut self) {
        if self.faces == 0 {
            self.faults.insert(TurnReason::NoFace);
        } else if self.current < self.steps.len() {
            let centre = self.direction(self.current) == Direction::Centre;
            self.faults.insert(if centre { TurnReason::NotFrontal } else { TurnReason::TurnTooSmall });
        }
        if self.repeats.stood_still() {
            self.faults.insert(TurnReason::FrozenFrames);
        }
        if self.repeats.shown_again() {
            self.faults.insert(TurnReason::ShownAgain);
        }
        let reached = self.turns().filter(|(_, state)| state.reached.is_some());
        let mut found: BTreeSet<TurnReason> = reached.filter_map(|(_, state)| state.turn.shape_fault()).collect();
        // A turn whose texture cannot be followed is judged by the landmarks alone, but not most of the turns.
        let followed = self.turns().filter(|(_, state)| state.turn.texture().is_some()).count();
        let made = self.turns().filter(|(_, state)| state.reached.is_some()).count();
        if self.textured && followed * 2 < made {
            found.insert(TurnReason::TooFewFrames);
        }
        if self.evidence.is_framed() {
            found.insert(TurnReason::FrameAroundFace);
        }
        if self.evidence.moves_like_a_sheet() {
            found.insert(TurnReason::MovesLikeASheet);
        }
        self.faults.extend(found);
    }

    fn step_reports(&self) -> Vec<StepReport> {
        let report = |(step, state): (usize, &StepState)| StepReport {
            direction: self.direction(step),
            reached: state.reached.is_some(),
            reached_at: state.reached,
            yaw_degrees: state.yaw,
            parallax_score: state.turn.parallax(),
            texture_score: state.turn.texture(),
            identity_similarity: match (self.direction(step), step / 2) {
                (Direction::Centre, 0) => None,
                (Direction::Centre, look) => self.evidence.look_similarity(look),
                (Direction::Left | Direction::Right, _) => self.evidence.turn_similarity(&state.turn),
            },
        };
        self.steps.iter().enumerate().map(report).collect()
    }
}

/// Whether every number of a face can be used.
fn is_sound(face: &ObservedFace) -> bool {
    let pose = [face.pose.yaw_degrees, face.pose.pitch_degrees, face.pose.roll_degrees];
    pose.iter().all(|v| v.is_finite())
        && face.mesh.landmarks.iter().all(|p| p.x.is_finite() && p.y.is_finite() && p.z.is_finite())
}

/// Whether a face cannot have come from where it was in the frame before.
fn is_cut(last: &Last, at: Duration, yaw: f32, place: Rect) -> bool {
    let change = (yaw - last.yaw).abs();
    let seconds = at.saturating_sub(last.at).as_secs_f32().max(1e-3);
    let shift: Point = place.centre() - last.place.centre();
    let widths = shift.x.hypot(shift.y) / last.place.width.max(1.0);
    change > JUMP_DEGREES
        || (change > FAST_JUMP_DEGREES && change / seconds > FAST_DEGREES_PER_SECOND)
        || widths > JUMP_WIDTHS
}
