//! Was a part of the sequence shown before?
//!
//! No head passes through the same places twice, to a part of a pixel, frame after frame, and no sensor gives the same
//! picture twice. Two signs: pictures that are equal to the last bit for as long as nobody holds still, and a run of
//! frames in which the face moves exactly as it did some time before, as when a segment is spliced in again with new noise.
//!
//! Always holds: what is kept is bounded; a single doubled frame, which cameras give when they change their rate, says
//! nothing. Says nothing of a recording that is shown once.

use std::time::Duration;

use super::face::MeshFace;
use crate::imaging::{Point, Rect};

/// Landmarks that are compared: corners of the eyes, nose, temples, forehead, chin.
const TRACED: [usize; 10] = [1, 6, 33, 133, 362, 263, 127, 356, 10, 152];
/// Most frames that are remembered: over a minute at camera rate.
const MAX_FRAMES: usize = 2000;
/// Fewest frames of a run that is called a repetition.
const RUN: usize = 4;
/// How far, in widths of the face, the nose has to travel over such a run: faces at rest resemble each other.
const TRAVEL: f32 = 0.12;
/// Landmarks that differ by no more than this, in widths of the face (root mean square), are in the same place.
const SAME_PLACE: f32 = 0.009;
/// A segment is compared with what was at least this long before.
const LEAST_AGO: Duration = Duration::from_millis(700);
/// Equal pictures for so long are no hiccup of a camera.
const STILL_FOR: Duration = Duration::from_millis(600);

/// Where a face was in one frame.
#[derive(Debug, Clone, Copy)]
struct Trace {
    at: Duration,
    width: f32,
    points: [Point; TRACED.len()],
}

/// Everything seen so far, for comparison.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    traces: Vec<Trace>,
    /// For each earlier frame, how many frames up to it matched as many up to the latest.
    runs: Vec<usize>,
    shown_again: bool,
    picture: Option<(u64, Duration)>,
    stood_still: bool,
}

impl Repeats {
    /// Notes a picture by a number that equal pictures share; whether it is the very picture of the frame before.
    pub fn picture(&mut self, fingerprint: u64, at: Duration) -> bool {
        match self.picture {
            Some((last, since)) if last == fingerprint => {
                self.stood_still |= at.saturating_sub(since) >= STILL_FOR;
                true
            }
            Some(_) | None => {
                self.picture = Some((fingerprint, at));
                false
            }
        }
    }

    /// Notes where the face is.
    pub fn face(&mut self, mesh: &MeshFace, at: Duration) {
        if self.traces.len() >= MAX_FRAMES {
            return;
        }
        let bounds = Rect::around(mesh.landmarks.iter().map(|p| p.xy()));
        let now = Trace { at, width: bounds.width.max(1.0), points: TRACED.map(|k| mesh.landmarks[k].xy()) };
        let before = std::mem::take(&mut self.runs);
        self.runs = self
            .traces
            .iter()
            .enumerate()
            .map(|(k, then)| {
                let follows = k.checked_sub(1).and_then(|k| before.get(k)).copied().unwrap_or(0);
                let long_ago = at.saturating_sub(then.at) >= LEAST_AGO;
                if long_ago && now.is_where(then) { follows + 1 } else { 0 }
            })
            .collect();
        let moved = |end: usize, run: usize| {
            let part = &self.traces[end + 1 - run..=end];
            let travel = |pair: &[Trace]| pair[0].points[0].distance(pair[1].points[0]);
            part.windows(2).map(travel).sum::<f32>() >= TRAVEL * now.width
        };
        self.shown_again |= self.runs.iter().enumerate().any(|(end, &run)| run >= RUN && moved(end, run));
        self.traces.push(now);
    }

    /// Whether one picture stood for longer than a camera's hiccup.
    pub fn stood_still(&self) -> bool {
        self.stood_still
    }

    /// Whether a part of the motion was shown before.
    pub fn shown_again(&self) -> bool {
        self.shown_again
    }
}

impl Trace {
    fn is_where(&self, then: &Self) -> bool {
        let limit = SAME_PLACE * self.width;
        // Most frames are told apart by the first landmark.
        if self.points[0].distance(then.points[0]) > 3.0 * limit {
            return false;
        }
        let squares = self.points.iter().zip(&then.points).map(|(a, b)| a.distance(*b).powi(2)).sum::<f32>();
        (squares / TRACED.len() as f32).sqrt() <= limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::liveness::test_faces::{head, turned};

    const FRAME: Duration = Duration::from_millis(80);

    fn seen(yaws: impl IntoIterator<Item = f32>, sway: f32) -> Repeats {
        let mut repeats = Repeats::default();
        for (k, yaw) in yaws.into_iter().enumerate() {
            let mut face = turned(&head(), yaw, 0.0);
            for p in face.landmarks.iter_mut() {
                p.x += sway * (k as f32 * 0.13).sin();
                p.y += sway * (k as f32 * 0.07).cos();
            }
            repeats.face(&face, FRAME * k as u32);
        }
        repeats
    }

    fn turn() -> impl Iterator<Item = f32> {
        (0..10).chain((0..10).rev()).map(|k| k as f32 * 4.0)
    }

    #[test]
    fn a_turn_that_is_shown_twice_is_noticed_and_two_turns_of_one_person_are_not() {
        assert!(seen(turn().chain(turn()), 0.0).shown_again());
        assert!(!seen(turn().chain(turn().map(|yaw| yaw * 1.08)), 6.0).shown_again());
    }

    #[test]
    fn a_face_at_rest_resembles_itself_and_that_is_no_repetition() {
        assert!(!seen(std::iter::repeat_n(0.0, 60), 0.2).shown_again());
    }

    #[test]
    fn one_doubled_picture_is_a_hiccup_and_a_picture_that_stays_is_not() {
        let mut repeats = Repeats::default();
        assert!(!repeats.picture(1, FRAME));
        assert!(repeats.picture(1, FRAME * 2) && !repeats.stood_still());
        assert!(!repeats.picture(2, FRAME * 3));
        for k in 4..12 {
            assert!(repeats.picture(2, FRAME * k));
        }
        assert!(repeats.stood_still());
    }
}
