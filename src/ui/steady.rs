//! Keeps the light of the window from changing faster than anybody may be shown.
//!
//! The engine paces the colours; this holds whatever the engine says, and however late a frame was drawn: three changes of
//! the whole screen a second are one and a half flashes, where WCAG 2.2, success criterion 2.3.1, allows three.

use std::time::{Duration, Instant};

use crate::liveness::FlashColour;

/// Least time that a colour stands.
pub(super) const STANDS: Duration = Duration::from_millis(334);

/// The colour that the window is in.
#[derive(Debug, Default)]
pub(super) struct SteadyLight(Option<(FlashColour, Instant)>);

impl SteadyLight {
    /// The colour to draw now where `wanted` is asked for. Whoever leaves the flash leaves it at once.
    pub fn take(&mut self, wanted: Option<FlashColour>, now: Instant) -> Option<FlashColour> {
        self.0 = match (self.0, wanted) {
            (_, None) => None,
            (Some((shown, since)), Some(colour))
                if shown == colour || now.saturating_duration_since(since) < STANDS =>
            {
                Some((shown, since))
            }
            (_, Some(colour)) => Some((colour, now)),
        };
        self.0.map(|(colour, _)| colour)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_that_come_too_fast_are_held_back_and_the_way_out_is_not() {
        let start = Instant::now();
        let mut light = SteadyLight::default();
        let mut changes = Vec::new();
        let mut last = None;
        for ms in (0..3000).step_by(10) {
            let colour = FlashColour::ALL[ms / 20 % 6];
            let shown = light.take(Some(colour), start + Duration::from_millis(ms as u64));
            if shown != last {
                changes.push(ms);
            }
            last = shown;
        }
        assert!(changes.windows(2).all(|pair| pair[1] - pair[0] >= 334), "{changes:?}");
        assert_eq!(light.take(None, start + Duration::from_millis(3001)), None);
    }

    #[test]
    fn a_colour_at_the_engine_s_pace_is_shown_at_once() {
        let start = Instant::now();
        let mut light = SteadyLight::default();
        for (k, colour) in FlashColour::ALL.into_iter().enumerate() {
            let at = start + Duration::from_millis(600 * k as u64);
            assert_eq!(light.take(Some(colour), at), Some(colour));
        }
    }
}
