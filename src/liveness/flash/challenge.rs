//! Which colours the screen shows, in an order that nobody can know before.
//!
//! Always holds: the order follows from the nonce alone, no colour follows itself, and none is a saturated red, so that at
//! the pace of [`super::FlashTracker::HOLD`] neither limit of WCAG 2.2, success criterion 2.3.1, is reached whatever is
//! drawn. Does not draw the nonce, and cannot be serialised: the display learns one colour at a time.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::imaging::linear_light;
use crate::liveness::Challenge;

/// What the whole screen shows.
///
/// Bright, so that even the darkest lights a face, and without a saturated red: nothing has four fifths of its light in
/// red (WCAG's red flash).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlashColour {
    /// All of the display's light.
    White,
    /// Red and half of the green.
    Amber,
    /// Red and blue.
    Magenta,
    /// Blue, with a little of the others.
    Blue,
    /// Green and blue.
    Cyan,
    /// Green, with a little of the others.
    Green,
}

impl FlashColour {
    /// Every colour.
    pub const ALL: [Self; 6] = [Self::White, Self::Amber, Self::Magenta, Self::Blue, Self::Cyan, Self::Green];

    /// In sRGB.
    #[must_use]
    pub fn rgb(self) -> [u8; 3] {
        match self {
            Self::White => [255, 255, 255],
            Self::Amber => [255, 176, 64],
            Self::Magenta => [255, 72, 224],
            Self::Blue => [64, 96, 255],
            Self::Cyan => [48, 224, 255],
            Self::Green => [80, 255, 96],
        }
    }

    /// The light of red, green and blue, 1 for all that the display has.
    #[must_use]
    pub fn light(self) -> [f32; 3] {
        self.rgb().map(linear_light)
    }
}

/// The colours of one attempt.
#[derive(Clone, PartialEq, Eq)]
pub struct FlashChallenge {
    colours: [FlashColour; Self::STEPS],
}

/// Keeps the order to itself.
impl std::fmt::Debug for FlashChallenge {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("FlashChallenge")
    }
}

impl FlashChallenge {
    /// Colours of a challenge.
    pub const STEPS: usize = 8;
    /// Keeps what follows here from the nonce apart from what the head turn takes of it.
    const DOMAIN: &[u8] = b"carded/flash/v1";

    /// Colours from the random bytes that the head turn was drawn from, too: the turn that was asked for says nothing
    /// about them. Each of the 6 · 5⁷ = 468 750 orders is as likely as the others to within one in 2¹⁰⁹.
    #[must_use]
    pub fn from_nonce(nonce: &[u8; Challenge::NONCE_BYTES]) -> Self {
        let hash = Sha256::new().chain_update(Self::DOMAIN).chain_update(nonce).finalize();
        let mut drawn = hash.iter().take(16).fold(0u128, |number, byte| number << 8 | u128::from(*byte));
        let mut below = |limit: usize| {
            let digit = drawn % limit as u128;
            drawn /= limit as u128;
            digit as usize
        };
        let count = FlashColour::ALL.len();
        let mut last = below(count);
        let mut colours = [FlashColour::ALL[last]; Self::STEPS];
        for colour in &mut colours[1..] {
            // One of the others, each as likely.
            last = (last + 1 + below(count - 1)) % count;
            *colour = FlashColour::ALL[last];
        }
        Self { colours }
    }

    /// The colours in order. Only for who measures; the display is told one at a time.
    #[must_use]
    pub fn colours(&self) -> &[FlashColour; Self::STEPS] {
        &self.colours
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::liveness::FlashTracker;

    /// Relative luminance as WCAG 2.2 defines it.
    fn luminance(colour: FlashColour) -> f32 {
        let [red, green, blue] = colour.light();
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// General flashes of WCAG 2.2 that begin and end within `window`: pairs of opposing changes of at least a tenth of
    /// the largest luminance, whose darker image is below 0.8.
    fn flashes(shown: &[(Duration, FlashColour)], window: std::ops::RangeInclusive<Duration>) -> usize {
        let mut directions = Vec::new();
        for pair in shown.windows(2) {
            let (before, after) = (luminance(pair[0].1), luminance(pair[1].1));
            let counts = (after - before).abs() >= 0.1 && before.min(after) < 0.8;
            if counts && window.contains(&pair[1].0) {
                directions.push(after > before);
            }
        }
        directions.dedup();
        directions.len() / 2
    }

    proptest! {
        #[test]
        fn no_nonce_flashes_more_than_three_times_in_any_second(nonce: [u8; 16]) {
            let challenge = FlashChallenge::from_nonce(&nonce);
            let steps = challenge.colours().iter().enumerate();
            let shown: Vec<_> = steps.map(|(k, &colour)| (FlashTracker::HOLD * k as u32, colour)).collect();
            for (from, _) in &shown {
                let second = *from..=*from + Duration::from_secs(1);
                prop_assert!(flashes(&shown, second.clone()) <= 3);
                // With room to spare: not even three changes of any kind.
                prop_assert!(shown.iter().filter(|(at, _)| second.contains(at)).count() <= 2);
            }
        }

        #[test]
        fn no_colour_follows_itself_and_the_order_is_the_nonce_s(nonce: [u8; 16]) {
            let challenge = FlashChallenge::from_nonce(&nonce);
            prop_assert!(challenge.colours().windows(2).all(|pair| pair[0] != pair[1]));
            prop_assert!(challenge == FlashChallenge::from_nonce(&nonce));
        }
    }

    #[test]
    fn no_colour_is_a_saturated_red() {
        for colour in FlashColour::ALL {
            let [red, green, blue] = colour.light();
            assert!(red / (red + green + blue) < 0.8, "{colour:?}");
        }
    }

    #[test]
    fn the_turn_that_was_asked_for_says_nothing_about_the_colours() {
        // Nonces that ask for the same turns.
        let nonce = |k: u8| -> [u8; 16] { std::array::from_fn(|place| if place == 0 { 6 * (k % 40) } else { 0 }) };
        let turns = |nonce: &[u8; 16]| Challenge::from_nonce(nonce);
        assert!((0..40).all(|k| turns(&nonce(k)) == turns(&nonce(0))));
        let orders: HashSet<_> = (0..40).map(|k| *FlashChallenge::from_nonce(&nonce(k)).colours()).collect();
        assert_eq!(orders.len(), 40);
    }

    #[test]
    fn every_colour_is_as_likely_in_every_place() {
        let mut counts = BTreeMap::<(usize, u8), u32>::new();
        for k in 0..6000u32 {
            let mut nonce = [0; 16];
            nonce[..4].copy_from_slice(&k.to_le_bytes());
            for (place, colour) in FlashChallenge::from_nonce(&nonce).colours().iter().enumerate() {
                *counts.entry((place, *colour as u8)).or_default() += 1;
            }
        }
        assert_eq!(counts.len(), 6 * FlashChallenge::STEPS);
        // 1000 are expected of each; five deviations are 145.
        assert!(counts.values().all(|count| (855..1145).contains(count)), "{counts:?}");
    }
}
