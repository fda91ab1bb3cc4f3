//! The simulated person as a camera sees it.

use std::time::Duration;

use jiff::civil::Date;

use super::card::Card;
use super::conduct::{Conduct, Stance};
use super::light::Light;
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
    /// `None` for whom no light of the screen reaches.
    light: Option<Light>,
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
        let light = part.is_lit().then(|| Light::new(seed));
        Ok(Self { prompts, conduct, scene: Scene::of(part, seed)?, card, sensor: Sensor::new(seed), light })
    }

    /// The picture that a camera would take at a time since it started, [`super::WIDTH`] by [`super::HEIGHT`] pixels.
    /// Times rise from call to call.
    #[must_use]
    pub fn picture(&mut self, at: Duration) -> Rgb {
        let prompt = (self.prompts)();
        let stance = self.conduct.as_mut().map_or(Stance::default(), |conduct| conduct.follow(&prompt, at));
        self.scene.light_by(self.light.as_mut().and_then(|light| light.follow(&prompt, at)));
        let time_s = Duration::from_nanos((at.as_nanos() % PERIOD.as_nanos()) as u64).as_secs_f32();
        let mut picture =
            if stance.held > FOCUSED_FROM { self.scene.unfocused() } else { self.scene.picture(&stance, time_s) };
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

#[cfg(test)]
mod tests {
    use super::super::{HEIGHT, WIDTH};
    use super::*;
    use crate::liveness::Direction;
    use crate::session::{DocumentSide, Screen, SessionId};
    use jiff::civil::date;
    use std::sync::{Arc, Mutex};

    fn watching(part: Part, seed: u64) -> (SimulatedPerson, Arc<Mutex<Prompt>>) {
        let screen = Arc::new(Mutex::new(Prompt::idle()));
        let watched = Arc::clone(&screen);
        let prompts = Box::new(move || watched.lock().unwrap().clone());
        (SimulatedPerson::new(part, prompts, date(2026, 11, 22), seed).unwrap(), screen)
    }

    fn prompt(screen: Screen) -> Prompt {
        let session = Some(SessionId::from_random(&[3; SessionId::CHARACTERS]));
        Prompt { session, screen, ..Prompt::idle() }
    }

    /// A picture at rest for each of some prompts.
    fn pictures(part: Part, seed: u64) -> Vec<Rgb> {
        let (mut person, screen) = watching(part, seed);
        let mut clock = Duration::ZERO;
        let mut shown = |shown: Prompt| {
            *screen.lock().unwrap() = shown;
            let mut last = person.picture(clock);
            for _ in 0..2 {
                clock += Duration::from_millis(1200);
                last = person.picture(clock);
            }
            last
        };
        vec![
            shown(Prompt::idle()),
            shown(prompt(Screen::Document { side: DocumentSide::Front })),
            shown(prompt(Screen::Document { side: DocumentSide::Back })),
            shown(prompt(Screen::Face { direction: Direction::Left, done: 1, steps: 4 })),
        ]
    }

    fn red_pixels(picture: &Rgb) -> usize {
        picture.data().chunks_exact(3).filter(|p| p[0] > 140 && p[1] < 90 && p[2] < 90).count()
    }

    #[test]
    fn every_picture_has_the_cameras_size_and_says_specimen_in_red() {
        for part in [Part::Genuine, Part::BentPhoto] {
            for (number, picture) in pictures(part, 1).iter().enumerate() {
                assert_eq!((picture.width(), picture.height()), (WIDTH, HEIGHT));
                assert!(red_pixels(picture) > 150, "{part} {number}: {}", red_pixels(picture));
            }
        }
    }

    #[test]
    fn the_same_seed_prompts_and_times_give_the_same_pictures_and_another_seed_gives_others() {
        let first = pictures(Part::Genuine, 2);
        assert!(first == pictures(Part::Genuine, 2));
        for (one, other) in first.iter().zip(pictures(Part::Genuine, 3)) {
            assert!(*one != other);
        }
    }

    #[test]
    fn two_pictures_of_an_empty_room_differ_by_noise_alone() {
        let (mut nobody, _) = watching(Part::Absent, 4);
        let (first, second) = (nobody.picture(Duration::ZERO), nobody.picture(Duration::from_millis(67)));
        let differences = first.data().iter().zip(second.data()).map(|(a, b)| a.abs_diff(*b));
        let (most, sum) = differences.fold((0, 0u64), |(most, sum), d| (most.max(d), sum + u64::from(d)));
        assert!(sum > 0 && most < 24, "{most}");
    }

    #[test]
    fn a_person_can_be_moved_to_the_cameras_thread() {
        fn movable<T: Send>() {}
        movable::<SimulatedPerson>();
    }
}
