//! The simulated person as a camera sees it.

use std::time::Duration;

use jiff::civil::Date;

use super::card::Card;
use super::conduct::{Conduct, Stance};
use super::part::Part;
use super::scene::Scene;
use super::sensor::Sensor;
use crate::imaging::Rgb;
use crate::session::Prompt;
use crate::tools::specimen::SpecimenError;

/// Sway and tremor repeat after this long, so that they stay smooth however long the camera runs.
const PERIOD: Duration = Duration::from_hours(1);
/// A card above this share of its height is what the camera focuses on.
const FOCUSED_FROM: f32 = 0.5;

/// Somebody before a camera who does what the screen asks.
pub struct SimulatedPerson {
    prompts: Box<dyn Fn() -> Prompt + Send>,
    conduct: Option<Conduct>,
    scene: Scene,
    card: Option<Card>,
    sensor: Sensor,
}

impl SimulatedPerson {
    /// A person who plays `part`. `prompts` gives what the screen shows now; it is asked once a picture. `today` is the
    /// day that the card is good, expired or under age on; `seed` gives room, light, sway, reaction times and noise.
    ///
    /// # Errors
    /// [`SpecimenError`] when a bundled file is damaged.
    pub fn new(
        part: Part,
        prompts: Box<dyn Fn() -> Prompt + Send>,
        today: Date,
        seed: u64,
    ) -> Result<Self, SpecimenError> {
        let card = Card::of(part, today, seed)?;
        // Nobody follows no prompt.
        let conduct = card.is_some().then(|| Conduct::new(seed));
        Ok(Self { prompts, conduct, scene: Scene::of(part, seed)?, card, sensor: Sensor::new(seed) })
    }

    /// The picture that a camera would take at a time since it started, [`super::WIDTH`] by [`super::HEIGHT`] pixels.
    /// Times rise from call to call.
    #[must_use]
    pub fn picture(&mut self, at: Duration) -> Rgb {
        let prompt = (self.prompts)();
        let stance = self.conduct.as_mut().map_or(Stance::default(), |conduct| conduct.follow(&prompt, at));
        let time_s = Duration::from_nanos((at.as_nanos() % PERIOD.as_nanos()) as u64).as_secs_f32();
        let mut picture = if stance.held > FOCUSED_FROM {
            self.scene.unfocused()
        } else {
            self.scene.picture(&stance, time_s)
        };
        if let Some(card) = &self.card {
            card.draw(&mut picture, &stance, time_s);
        }
        self.sensor.expose(&mut picture);
        picture
    }
}

/// Says what it is and shows no prompt.
impl std::fmt::Debug for SimulatedPerson {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SimulatedPerson").field("scene", &self.scene).finish_non_exhaustive()
    }
}
