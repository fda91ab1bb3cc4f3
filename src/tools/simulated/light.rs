//! The display's light on whoever stands before it: prompts and times in, a light out.
//!
//! Always holds: the light is that of a colour that the screen showed a display's and a camera's delay ago, so that nobody
//! is lit before a colour is shown.

use std::time::Duration;

use crate::liveness::FlashColour;
use crate::session::{Prompt, Screen};
use crate::tools::specimen::head::ScreenLight;
use crate::tools::specimen::random::Random;

/// From a prompt to its light in a picture, in seconds: shortest and longest.
const DELAY_S: (f32, f32) = (0.06, 0.14);
/// The display's light on a face that looks at it, in shares of all other light.
const STRENGTH: (f32, f32) = (0.18, 0.3);
/// Share of it that lights the wall.
const ROOM: f32 = 0.08;
/// Changes that are remembered: more than can come within the delay.
const REMEMBERED: usize = 8;

/// What a display sends out.
#[derive(Debug)]
pub struct Light {
    delay: Duration,
    strength: f32,
    /// What was shown from which time on, the newest last.
    shown: Vec<(Duration, Option<FlashColour>)>,
    /// When the screen was looked at last: what is new has come since.
    looked: Duration,
}

impl Light {
    /// A display that `seed` determines.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed, 43);
        let delay = Duration::from_secs_f32(random.between(DELAY_S.0, DELAY_S.1));
        Self { delay, strength: random.between(STRENGTH.0, STRENGTH.1), shown: Vec::new(), looked: Duration::ZERO }
    }

    /// The light in a picture that is taken at a time at which the screen shows `prompt`. Times rise from call to call.
    pub fn follow(&mut self, prompt: &Prompt, at: Duration) -> Option<ScreenLight> {
        let colour = match prompt.screen {
            Screen::Flash { colour, .. } => Some(colour),
            _ => None,
        };
        if self.shown.last().is_none_or(|(_, last)| *last != colour) {
            self.shown.push((self.looked, colour));
            if self.shown.len() > REMEMBERED {
                self.shown.remove(0);
            }
        }
        self.looked = at;
        let seen = self.shown.iter().rev().find(|(since, _)| *since + self.delay <= at);
        let colour = seen.and_then(|(_, colour)| *colour)?;
        Some(ScreenLight { person: colour.light().map(|light| self.strength * light), room: ROOM })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_lights_the_face_after_its_delay_and_goes_with_the_prompt() {
        let mut light = Light::new(1);
        let lit = |colour| Prompt { screen: Screen::Flash { colour, step: 0 }, ..Prompt::idle() };
        let mut at = |ms, prompt: &Prompt| light.follow(prompt, Duration::from_millis(ms)).map(|light| light.person);
        assert_eq!(at(990, &Prompt::idle()), None);
        assert_eq!(at(1000, &lit(FlashColour::Blue)), None);
        let [red, _, blue] = at(1200, &lit(FlashColour::Blue)).unwrap();
        assert!(blue > 5.0 * red);
        assert!(at(1250, &lit(FlashColour::Amber)).is_some_and(|[red, _, blue]| blue > red), "still blue");
        assert!(at(1450, &lit(FlashColour::Amber)).is_some_and(|[red, _, blue]| red > 5.0 * blue));
        assert!(at(1500, &Prompt::idle()).is_some());
        assert_eq!(at(1700, &Prompt::idle()), None);
    }
}
