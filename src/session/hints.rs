//! One hint at a time, and none that flickers.

use std::time::Duration;

use super::prompt::Hint;

/// A hint has to be right for so long before it is shown: one bad frame is no reason to speak.
const STEADY_FOR: Duration = Duration::from_millis(400);
/// A shown hint stays for so long, so that it can be read.
const SHOWN_FOR: Duration = Duration::from_millis(1200);

/// Decides which hint is on the screen.
#[derive(Debug, Default)]
pub struct HintGate {
    shown: Option<(Hint, Duration)>,
    candidate: Option<(Option<Hint>, Duration)>,
}

impl HintGate {
    /// Takes in what the newest frame asks for.
    pub fn observe(&mut self, hint: Option<Hint>, now: Duration) {
        let since = match self.candidate {
            Some((same, since)) if same == hint => since,
            _ => now,
        };
        self.candidate = Some((hint, since));
        // No correction but what the device does now: it would come too late, and the one before would be wrong.
        if hint == Some(Hint::Reading) {
            self.shown = hint.map(|hint| (hint, now));
            return;
        }
        let steady = now.saturating_sub(since) >= STEADY_FOR;
        let was_read = self.shown.is_none_or(|(_, since)| now.saturating_sub(since) >= SHOWN_FOR);
        if steady && was_read && self.shown() != hint {
            self.shown = hint.map(|hint| (hint, now));
        }
    }

    /// The hint that is shown.
    #[must_use]
    pub fn shown(&self) -> Option<Hint> {
        self.shown.map(|(hint, _)| hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_shown_when_it_stays_and_changes_only_after_it_could_be_read() {
        let mut gate = HintGate::default();
        let mut at = |ms: u64, hint| {
            gate.observe(hint, Duration::from_millis(ms));
            gate.shown()
        };
        let (glare, still) = (Some(Hint::AvoidGlare), Some(Hint::HoldStill));
        assert_eq!(at(0, glare), None);
        assert_eq!(at(100, still), None);
        assert_eq!(at(200, glare), None);
        assert_eq!(at(600, glare), glare);
        assert_eq!(at(700, still), glare);
        assert_eq!(at(1200, still), glare);
        assert_eq!(at(1800, still), still);
        assert_eq!(at(1900, None), still);
        assert_eq!(at(3100, None), None);
    }

    #[test]
    fn that_something_is_read_now_is_shown_at_once_in_the_place_of_a_correction() {
        let mut gate = HintGate::default();
        for ms in [0, 500, 1000] {
            gate.observe(Some(Hint::DocumentCloser), Duration::from_millis(ms));
        }
        gate.observe(Some(Hint::Reading), Duration::from_millis(1010));
        assert_eq!(gate.shown(), Some(Hint::Reading));
        gate.observe(None, Duration::from_secs(2));
        gate.observe(None, Duration::from_millis(2500));
        assert_eq!(gate.shown(), None);
    }
}
