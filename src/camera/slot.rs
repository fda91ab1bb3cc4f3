//! The place where the newest frame lies.
//!
//! Always holds: there is room for one frame; a newer one takes the place of the older one, which is wiped as soon as
//! nobody looks at it any more. Nothing queues up, whoever is slow sees fewer frames. Does not judge frames.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::imaging::Frame;

/// One frame, handed from the camera to any number of readers.
#[derive(Debug, Default)]
pub struct FrameSlot {
    place: Mutex<Place>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Place {
    newest: Option<Arc<Frame>>,
    looked_at: bool,
    dropped: u64,
    closed: bool,
}

impl FrameSlot {
    fn place(&self) -> MutexGuard<'_, Place> {
        // Nothing that holds the lock can leave the place half changed.
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lays a frame down and takes away the one that was there. Ignored once the slot is closed.
    pub fn put(&self, frame: Frame) {
        let mut place = self.place();
        if place.closed {
            return;
        }
        let older = place.newest.replace(Arc::new(frame));
        if older.is_some() && !place.looked_at {
            place.dropped = place.dropped.saturating_add(1);
        }
        place.looked_at = false;
        drop(place);
        self.changed.notify_all();
    }

    /// The newest frame, as soon as there is one with a sequence number above `after` (any, if `None`); waits for up to
    /// `wait`. `None` when none came, and at once when the slot is closed.
    #[must_use]
    pub fn take_newer(&self, after: Option<u64>, wait: Duration) -> Option<Arc<Frame>> {
        let until = Instant::now() + wait;
        let mut place = self.place();
        loop {
            if place.closed {
                return None;
            }
            let newest = place.newest.clone().filter(|frame| after.is_none_or(|after| frame.sequence > after));
            if newest.is_some() {
                place.looked_at = true;
                return newest;
            }
            let rest = until.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero())?;
            place = self.changed.wait_timeout(place, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Takes the frame away without another one.
    pub fn clear(&self) {
        let mut place = self.place();
        place.newest = None;
        place.looked_at = false;
    }

    /// Takes the frame away for good, and wakes everybody who waits for another one.
    pub fn close(&self) {
        let mut place = self.place();
        place.newest = None;
        place.closed = true;
        drop(place);
        self.changed.notify_all();
    }

    /// How many frames were replaced before anybody looked at them.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.place().dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::{Provenance, Rgb};

    fn frame(sequence: u64) -> Frame {
        let captured_at = Duration::from_millis(sequence * 33);
        Frame { image: Rgb::filled(2, 2, [9; 3]), captured_at, sequence, provenance: Provenance::Files }
    }

    #[test]
    fn the_newest_frame_wins_and_the_ones_nobody_saw_are_counted() {
        let slot = FrameSlot::default();
        for sequence in 0..4 {
            slot.put(frame(sequence));
        }
        assert_eq!(slot.take_newer(None, Duration::ZERO).unwrap().sequence, 3);
        assert_eq!(slot.dropped(), 3);
        slot.put(frame(4));
        assert_eq!(slot.dropped(), 3, "the fourth was looked at");
        assert_eq!(slot.take_newer(Some(3), Duration::ZERO).unwrap().sequence, 4);
    }

    #[test]
    fn a_frame_that_was_seen_is_not_new() {
        let slot = FrameSlot::default();
        slot.put(frame(7));
        assert!(slot.take_newer(Some(7), Duration::from_millis(5)).is_none());
        assert_eq!(slot.take_newer(None, Duration::ZERO).unwrap().sequence, 7, "it still lies there for others");
        slot.clear();
        assert!(slot.take_newer(None, Duration::ZERO).is_none());
    }

    #[test]
    fn a_reader_that_waits_is_woken_by_the_next_frame_and_by_the_end() {
        let slot = FrameSlot::default();
        let long = Duration::from_secs(20);
        std::thread::scope(|threads| {
            let reader = threads.spawn(|| slot.take_newer(None, long).map(|frame| frame.sequence));
            slot.put(frame(1));
            assert_eq!(reader.join().unwrap(), Some(1));
            let reader = threads.spawn(|| slot.take_newer(Some(1), long).is_none());
            slot.close();
            assert!(reader.join().unwrap());
        });
        slot.put(frame(2));
        assert!(slot.take_newer(None, Duration::ZERO).is_none());
    }
}
