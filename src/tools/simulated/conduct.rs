//! What a person does about what the screen shows: prompts and times in, a stance out.
//!
//! Always holds: nothing happens before a human reaction time after its prompt; of several prompts within that time only
//! the last counts; what was begun is carried on from where it stands, so that no prompt, in whatever order, makes a jump;
//! a new session begins with somebody who is not there yet. Draws nothing and knows no part.

use std::time::Duration;

use crate::liveness::Direction;
use crate::session::{DocumentSide, Prompt, Screen, SessionId};
use crate::tools::specimen::head::eased;
use crate::tools::specimen::random::Random;

/// From seeing a prompt to doing something about it, in seconds: shortest and longest.
const REACTION_S: (f32, f32) = (0.25, 0.40);
/// How far a head turns when it is asked to, in degrees.
const TURN_DEGREES: f32 = 38.0;
/// From the middle to a side; a shorter way takes less, but never below the share.
const TURN: Duration = Duration::from_millis(900);
const LEAST_TURN_SHARE: f32 = 0.4;
/// To come before the camera, or to go.
const WALK: Duration = Duration::from_secs(1);
/// To raise a card or a print, or to lower it.
const RAISE: Duration = Duration::from_millis(600);
/// To turn a card over.
const TURN_OVER: Duration = Duration::from_millis(900);
/// Below this share of its height a card is out of sight and is turned there.
const OUT_OF_SIGHT: f32 = 0.05;
/// Up to this share of a motion a card is too fast to be sharp.
const BLURRED_UNTIL: f32 = 0.85;

/// What the screen asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Leave,
    Stand,
    Show(DocumentSide),
    Look(Direction),
}

impl Wish {
    fn of(prompt: &Prompt) -> Self {
        match &prompt.screen {
            _ if prompt.session.is_none() => Self::Leave,
            Screen::Idle => Self::Leave,
            Screen::Document { side } => Self::Show(*side),
            Screen::Face { direction, .. } => Self::Look(*direction),
            Screen::FlashNotice | Screen::Flash { .. } => Self::Look(Direction::Centre),
            Screen::Consent
            | Screen::Deciding
            | Screen::Review
            | Screen::Verified
            | Screen::NotVerified { .. }
            | Screen::Canceled { .. }
            | Screen::Expired
            | Screen::Fault { .. } => Self::Stand,
        }
    }
}

/// One quantity that moves from where it was to where it is wanted with the least jerk.
#[derive(Debug, Clone, Copy, Default)]
struct Track {
    from: f32,
    to: f32,
    began: Duration,
    lasts: Duration,
}

impl Track {
    fn still(value: f32) -> Self {
        Self { from: value, to: value, ..Self::default() }
    }

    /// Share of the motion that is over, 0…1.
    fn share(&self, at: Duration) -> f32 {
        let lasts = self.lasts.as_secs_f32();
        if lasts > 0.0 { (at.saturating_sub(self.began).as_secs_f32() / lasts).min(1.0) } else { 1.0 }
    }

    fn at(&self, at: Duration) -> f32 {
        self.from + (self.to - self.from) * eased(self.share(at))
    }

    fn is_fast(&self, at: Duration) -> bool {
        (self.to - self.from).abs() > f32::EPSILON && self.share(at) < BLURRED_UNTIL
    }

    /// Wants another value from a time on.
    fn head_for(&mut self, to: f32, began: Duration, lasts: Duration) {
        if (to - self.to).abs() > f32::EPSILON {
            *self = Self { from: self.at(began), to, began, lasts };
        }
    }
}

/// Where everything is at one moment. Shares are 0…1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Stance {
    /// How far the person has come before the camera.
    pub presence: f32,
    /// How far a face is shown on purpose: the height of a print.
    pub facing: f32,
    /// How far the head means to be turned, in degrees; positive to the person's own left.
    pub yaw_degrees: f32,
    /// How high the card is held.
    pub held: f32,
    /// How far the card is turned over: 0 front, 1 back.
    pub turned: f32,
    /// Whether the card moves too fast to be sharp.
    pub card_is_fast: bool,
}

/// A person who follows prompts.
#[derive(Debug)]
pub struct Conduct {
    random: Random,
    session: Option<SessionId>,
    wish: Wish,
    pending: Option<(Wish, Duration)>,
    presence: Track,
    facing: Track,
    yaw: Track,
    held: Track,
    turned: Track,
}

impl Conduct {
    /// Somebody who is not there yet; `seed` gives the reaction times.
    pub fn new(seed: u64) -> Self {
        let rest = Track::default();
        Self {
            random: Random::new(seed, 40),
            session: None,
            wish: Wish::Leave,
            pending: None,
            presence: rest,
            facing: rest,
            yaw: rest,
            held: rest,
            turned: rest,
        }
    }

    /// Where everything is at a time at which the screen shows `prompt`. Times rise from call to call.
    pub fn follow(&mut self, prompt: &Prompt, at: Duration) -> Stance {
        if prompt.session.is_some() && prompt.session != self.session {
            self.session.clone_from(&prompt.session);
            (self.wish, self.pending) = (Wish::Leave, None);
            let rest = Track::default();
            (self.presence, self.facing, self.yaw, self.held, self.turned) = (rest, rest, rest, rest, rest);
        }
        let wish = Wish::of(prompt);
        if wish != self.pending.map_or(self.wish, |(pending, _)| pending) {
            let reaction = Duration::from_secs_f32(self.random.between(REACTION_S.0, REACTION_S.1));
            self.pending = (wish != self.wish).then_some((wish, at + reaction));
        }
        if let Some((wish, due)) = self.pending.filter(|(_, due)| at >= *due) {
            self.pending = None;
            self.begin(wish, due);
        }
        Stance {
            presence: self.presence.at(at),
            facing: self.facing.at(at),
            yaw_degrees: self.yaw.at(at),
            held: self.held.at(at),
            turned: self.turned.at(at),
            card_is_fast: self.held.is_fast(at) || self.turned.is_fast(at),
        }
    }

    fn begin(&mut self, wish: Wish, at: Duration) {
        self.wish = wish;
        let chosen = |yes: bool| f32::from(u8::from(yes));
        self.presence.head_for(chosen(wish != Wish::Leave), at, WALK);
        self.facing.head_for(chosen(matches!(wish, Wish::Look(_))), at, RAISE);
        if let Wish::Show(side) = wish {
            let turned = chosen(side == DocumentSide::Back);
            if self.held.at(at) < OUT_OF_SIGHT {
                self.turned = Track::still(turned);
            } else {
                self.turned.head_for(turned, at, TURN_OVER);
            }
        }
        self.held.head_for(chosen(matches!(wish, Wish::Show(_))), at, RAISE);
        let yaw = match wish {
            Wish::Look(direction) => TURN_DEGREES * direction.sign(),
            Wish::Leave | Wish::Stand | Wish::Show(_) => 0.0,
        };
        let way = (yaw - self.yaw.at(at)).abs() / TURN_DEGREES;
        self.yaw.head_for(yaw, at, TURN.mul_f32(way.max(LEAST_TURN_SHARE)));
    }
}

#[cfg(test)]
mod tests;
