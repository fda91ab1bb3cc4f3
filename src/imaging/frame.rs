//! One picture with the moment and the place it came from.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::raster::Rgb;

/// Where a frame came from. Anything but the pinned camera can never supply evidence for a live outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// The camera that the engine was set up with.
    PinnedCamera,
    /// Image or video files named on a command line.
    Files,
    /// Rendered by the program itself.
    Simulated,
}

impl Provenance {
    /// The one of two sources that is trusted less: one frame that is not from the pinned camera makes a whole capture so.
    #[must_use]
    pub fn least_trusted(self, other: Self) -> Self {
        if self.is_live() { other } else { self }
    }

    /// Whether an outcome from such frames may be live.
    #[must_use]
    pub fn is_live(self) -> bool {
        match self {
            Self::PinnedCamera => true,
            Self::Files | Self::Simulated => false,
        }
    }
}

/// A captured picture. Its pixels are wiped on drop and it cannot be serialised.
#[derive(Debug)]
pub struct Frame {
    /// The picture, upright, not mirrored.
    pub image: Rgb,
    /// Time since the capture began, by the capture's own clock.
    pub captured_at: Duration,
    /// Counts up by one a frame; a gap means dropped frames.
    pub sequence: u64,
    /// Where the picture came from.
    pub provenance: Provenance,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_frame_of_another_source_makes_a_capture_not_live() {
        for other in [Provenance::Files, Provenance::Simulated] {
            assert!(!Provenance::PinnedCamera.least_trusted(other).is_live());
            assert!(!other.least_trusted(Provenance::PinnedCamera).is_live());
        }
        assert!(Provenance::PinnedCamera.least_trusted(Provenance::PinnedCamera).is_live());
    }
}
