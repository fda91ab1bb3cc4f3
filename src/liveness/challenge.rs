//! What the person is asked to do: look ahead, turn, look ahead, turn, … look ahead, in an order that nobody can know before.
//!
//! Always holds: each turn is preceded by a look ahead, and in a random challenge the last one is followed by one, too, so
//! that who made it is seen from the front; every step and the whole have a deadline, and the steps of a random challenge
//! follow from the nonce alone and ask for both sides. Does not draw the nonce: the shell does, from the system's CSPRNG, and
//! uses each once.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Where the person is asked to look; sides are the person's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Into the camera.
    Centre,
    /// To the person's own left: the nose to the right edge of the unmirrored picture, yaw positive.
    Left,
    /// To the person's own right: yaw negative.
    Right,
}

impl Direction {
    /// The other side; the centre is its own.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Centre => Self::Centre,
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }

    /// The sign of yaw: 1, −1, or 0 for the centre.
    #[must_use]
    pub fn sign(self) -> f32 {
        match self {
            Self::Centre => 0.0,
            Self::Left => 1.0,
            Self::Right => -1.0,
        }
    }
}

/// A turn to one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The person's own left.
    Left,
    /// The person's own right.
    Right,
}

/// Not the name of a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a side is left or right, by the person's own sides")]
pub struct SideError;

impl std::str::FromStr for Side {
    type Err = SideError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "left" => Ok(Self::Left),
            "right" => Ok(Self::Right),
            _ => Err(SideError),
        }
    }
}

impl From<Side> for Direction {
    fn from(side: Side) -> Self {
        match side {
            Side::Left => Self::Left,
            Side::Right => Self::Right,
        }
    }
}

/// One thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Where to look.
    pub direction: Direction,
    /// Time for it, from when it is asked.
    pub within: Duration,
}

/// Whether the turns have to come in the listed order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnOrder {
    /// As listed; a turn to the other side fails.
    AsListed,
    /// The first turn may go to either side, the second has to go to the other. Only for measuring recordings.
    Either,
}

/// A whole challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Challenge {
    steps: Vec<Step>,
    total: Duration,
    order: TurnOrder,
}

/// The listed steps are no challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a challenge needs 1 to {} turns; list sides like left,right", Challenge::MAX_TURNS)]
pub struct ChallengeError;

impl Challenge {
    /// Most turns in one challenge.
    pub const MAX_TURNS: usize = 8;
    /// Bytes of randomness that a challenge is made from.
    pub const NONCE_BYTES: usize = 16;
    /// Time to look into the camera.
    const CENTRE_WITHIN: Duration = Duration::from_secs(6);
    /// Time to turn to a side.
    const TURN_WITHIN: Duration = Duration::from_secs(6);
    /// Time for all steps of a random challenge.
    const TOTAL: Duration = Duration::from_secs(25);
    /// Time for each step, and for all, in a recording that nobody prompted.
    const RECORDED: Duration = Duration::from_mins(2);

    /// Steps from random bytes: two or three turns, the first side, and the side of the third are random, and both sides
    /// occur. Uniform over the six sequences to within one in 2⁶⁴.
    #[must_use]
    pub fn from_nonce(nonce: &[u8; Self::NONCE_BYTES]) -> Self {
        use Side::{Left, Right};
        const SEQUENCES: [&[Side]; 6] = [
            &[Left, Right],
            &[Right, Left],
            &[Left, Right, Left],
            &[Right, Left, Right],
            &[Left, Right, Right],
            &[Right, Left, Left],
        ];
        let drawn = u128::from_le_bytes(*nonce) % SEQUENCES.len() as u128;
        let steps = with_centres(SEQUENCES[drawn as usize], Self::CENTRE_WITHIN, Self::TURN_WITHIN);
        Self { steps, total: Self::TOTAL, order: TurnOrder::AsListed }.looking_ahead_last(Self::CENTRE_WITHIN)
    }

    /// The same with a look ahead after the last turn, as sessions ask for it; recordings may end in a turn.
    #[must_use]
    pub fn ending_ahead(self) -> Self {
        self.looking_ahead_last(Self::RECORDED)
    }

    fn looking_ahead_last(mut self, within: Duration) -> Self {
        if !self.looks_ahead_last() {
            self.steps.push(Step { direction: Direction::Centre, within });
        }
        self
    }

    /// Whether it ends with a look ahead.
    #[must_use]
    pub fn looks_ahead_last(&self) -> bool {
        self.steps.last().is_some_and(|step| step.direction == Direction::Centre)
    }

    /// Turns in a given order, each preceded by a look ahead, with deadlines for a recording.
    ///
    /// # Errors
    /// [`ChallengeError`] without turns or with more than [`Self::MAX_TURNS`].
    pub fn fixed(turns: &[Side]) -> Result<Self, ChallengeError> {
        if turns.is_empty() || turns.len() > Self::MAX_TURNS {
            return Err(ChallengeError);
        }
        let steps = with_centres(turns, Self::RECORDED, Self::RECORDED);
        Ok(Self { steps, total: Self::RECORDED, order: TurnOrder::AsListed })
    }

    /// Both sides in either order, with deadlines for a recording.
    #[must_use]
    pub fn both_sides() -> Self {
        let steps = with_centres(&[Side::Left, Side::Right], Self::RECORDED, Self::RECORDED);
        Self { steps, total: Self::RECORDED, order: TurnOrder::Either }
    }

    /// Whether it asks for both sides. A photo that is bent enough can pass for a turn to one.
    #[must_use]
    pub fn asks_for_both_sides(&self) -> bool {
        [Direction::Left, Direction::Right].iter().all(|side| self.steps.iter().any(|step| step.direction == *side))
    }

    /// The steps in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Time for all steps together.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.total
    }

    /// Whether the order of the turns counts.
    #[must_use]
    pub fn order(&self) -> TurnOrder {
        self.order
    }
}

fn with_centres(turns: &[Side], centre_within: Duration, turn_within: Duration) -> Vec<Step> {
    let centre = Step { direction: Direction::Centre, within: centre_within };
    turns.iter().flat_map(|&side| [centre, Step { direction: side.into(), within: turn_within }]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_nonce_gives_both_sides_each_between_looks_ahead(nonce: [u8; 16]) {
            let challenge = Challenge::from_nonce(&nonce);
            prop_assert_eq!(&challenge, &Challenge::from_nonce(&nonce));
            let steps = challenge.steps();
            prop_assert!(matches!(steps.len(), 5 | 7));
            for (k, step) in steps.iter().enumerate() {
                prop_assert_eq!(step.direction == Direction::Centre, k % 2 == 0);
                prop_assert!(step.within > Duration::ZERO && step.within <= challenge.total());
            }
            for side in [Direction::Left, Direction::Right] {
                prop_assert!(steps.iter().any(|step| step.direction == side));
            }
        }
    }

    #[test]
    fn different_nonces_ask_different_things() {
        let asked: std::collections::HashSet<Vec<Direction>> = (0..=255u8)
            .map(|k| Challenge::from_nonce(&[k; 16]).steps().iter().map(|step| step.direction).collect())
            .collect();
        assert_eq!(asked.len(), 6);
    }

    #[test]
    fn a_challenge_without_a_turn_is_refused() {
        assert_eq!(Challenge::fixed(&[]), Err(ChallengeError));
        assert_eq!(Challenge::fixed(&[Side::Left; 9]), Err(ChallengeError));
    }
}
