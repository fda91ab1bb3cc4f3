//! Whether a stream of frames can come from a camera: signs of a feed that was frozen, looped, paced or drawn by a program.
//!
//! Two sensor readings never carry the same noise: a picture that comes again to the last bit was not taken again. Always
//! holds: memory is bounded ([`MOST_HASHES`], [`MOST_SAMPLED`]); a frame costs a fixed number of samples, whatever its size;
//! pixels are kept as [`SAMPLES`] samples a frame at most, wiped by [`FeedMonitor::forget`] and on drop. Pictures without
//! texture (a covered lens, a dark room) say nothing, because a camera's own processing may make them equal. Does not judge
//! what a picture shows, and cannot tell a camera from a device that films a screen or adds noise of its own.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::imaging::{Frame, Rgb};

/// Columns and rows of the samples that are kept of a frame.
const GRID: (usize, usize) = (32, 18);
/// Samples that are kept of a frame.
pub const SAMPLES: usize = GRID.0 * GRID.1;
/// Columns and rows of the pixels that are hashed, at most: one in eight of a 1080p picture each way.
const HASHED: (usize, usize) = (240, 135);
/// Frames whose hash is remembered: more than four minutes at 15 frames a second.
pub const MOST_HASHES: usize = 4096;
/// Frames whose samples are remembered: half a minute at 15 frames a second.
pub const MOST_SAMPLED: usize = 512;
/// One picture that stands for this long is frozen. Drivers repeat a picture or two when light is short.
const FROZEN_AFTER: Duration = Duration::from_millis(800);
/// Least frames of a frozen picture.
const FROZEN_FRAMES: u32 = 4;
/// Pictures that come again to the last bit, at least: one or two may be a buffer that a driver hands out twice.
const LOOPED_FRAMES: u32 = 3;
/// Pictures that come again but for less than noise, at least.
const REPEATED_FRAMES: u32 = 8;
/// Frames that are compared but for noise are at least this far apart.
const REPEATED_APART: Duration = Duration::from_secs(1);
/// Frames between which the scene has moved, at least, before two pictures can be the same again.
const MOVED_FRAMES: u64 = 3;
/// Differences of consecutive frames out of which the noise is estimated.
const NOISE_PAIRS: usize = 64;
/// Noise (mean absolute difference of two frames, in grey levels) below and above which nothing is compared but for noise:
/// below, the compression of a camera makes pictures equal; above, the estimate is motion.
const NOISE: std::ops::Range<f32> = 0.3..3.0;
/// Change of a sample, in grey levels, from which it has moved.
const MOVED: u8 = 12;
/// Share of the samples that changes when something in the scene moves.
const MOVING_SHARE: f32 = 0.01;
/// Columns and rows of samples in a block.
const BLOCK: (usize, usize) = (4, 3);
/// Share of the blocks in which not one sample changes by one grey level, when a feed is free of noise. Where a raw sensor
/// leaves half of the samples as they were, it leaves one block in four thousand so.
const NOISE_FREE_SHARE: f32 = 0.33;
/// Pairs of frames that have to be free of noise, and their share among those in which something moved.
const NOISE_FREE_PAIRS: (u32, f32) = (12, 0.6);
/// Luma outside is clipped, and says nothing about noise.
const UNCLIPPED: std::ops::RangeInclusive<u8> = 16..=239;
/// Least share of unclipped samples, and least spread of grey levels, of a picture with texture.
const TEXTURE: (usize, u8) = (SAMPLES / 10, 24);
/// Frames whose times are compared.
const TIMED: usize = 64;
/// Most that a camera may be faster than agreed, and frames that may wait in its driver and be taken at once.
const PACE: (f64, f64) = (1.6, 8.0);
/// Intervals in a row that are never equal within [`JITTER`] when a camera sends them.
const INTERVALS: usize = 32;
/// As [`INTERVALS`].
const JITTER: Duration = Duration::from_micros(2);

/// Something that a camera does not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FeedSign {
    /// One picture stands.
    Frozen,
    /// Pictures come again to the last bit.
    Looped,
    /// Frames come faster than the camera can, all equally apart, or their time goes backwards.
    ImpossibleTiming,
    /// The size of the pictures has changed since the first one.
    FormatChanged,
    /// Pictures come again but for less than the noise of the feed.
    Repeated,
    /// What stands still does not change by one grey level while other parts move.
    NoiseFree,
}

impl FeedSign {
    /// Every sign.
    pub const ALL: [Self; 6] =
        [Self::Frozen, Self::Looped, Self::ImpossibleTiming, Self::FormatChanged, Self::Repeated, Self::NoiseFree];

    /// Whether no camera that works gives it. The others are sound on the raw pictures of a sensor only: a camera that
    /// compresses or smooths its pictures may give them, so that they flag.
    #[must_use]
    pub fn refuses(self) -> bool {
        match self {
            Self::Frozen | Self::Looped | Self::ImpossibleTiming | Self::FormatChanged => true,
            Self::Repeated | Self::NoiseFree => false,
        }
    }
}

/// The signs that were seen; none in an honest feed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct FeedReport(BTreeSet<FeedSign>);

impl FeedReport {
    /// Each sign once.
    pub fn signs(&self) -> impl Iterator<Item = FeedSign> {
        self.0.iter().copied()
    }

    /// Whether one of them [refuses](FeedSign::refuses).
    #[must_use]
    pub fn refuses(&self) -> bool {
        self.signs().any(FeedSign::refuses)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<FeedSign> for FeedReport {
    fn from_iter<I: IntoIterator<Item = FeedSign>>(signs: I) -> Self {
        Self(signs.into_iter().collect())
    }
}

/// One frame that is remembered.
#[derive(Debug)]
struct Sampled {
    at: Duration,
    /// Frames up to this one in which the scene moved.
    moved: u64,
    luma: Zeroizing<Vec<u8>>,
}

/// Watches the frames of one camera.
#[derive(Debug)]
pub struct FeedMonitor {
    /// Agreed frames a second, if they are known.
    rate: Option<f64>,
    size: Option<(usize, usize)>,
    hashes: VecDeque<u64>,
    sampled: VecDeque<Sampled>,
    noise: VecDeque<f32>,
    times: VecDeque<(Duration, u64)>,
    moved: u64,
    judged: Judged,
}

/// What was counted since the judging began.
#[derive(Debug, Default)]
struct Judged {
    standing: Option<(Duration, u32)>,
    looped: u32,
    repeated: u32,
    moving_pairs: u32,
    noise_free_pairs: u32,
    signs: BTreeSet<FeedSign>,
}

impl FeedMonitor {
    /// A monitor of a camera that gives `rate` frames a second at most, if that is known.
    #[must_use]
    pub fn new(rate: Option<f64>) -> Self {
        Self {
            rate,
            size: None,
            hashes: VecDeque::new(),
            sampled: VecDeque::new(),
            noise: VecDeque::new(),
            times: VecDeque::new(),
            moved: 0,
            judged: Judged::default(),
        }
    }

    /// Begins to judge: what was seen before is compared with, and not held against, what follows.
    pub fn begin(&mut self) {
        self.judged = Judged::default();
        self.times.clear();
    }

    /// Wipes what was kept of the pixels. Hashes, from which nobody gets a picture back, stay: a feed that is played again
    /// in a later session is known by them.
    pub fn forget(&mut self) {
        self.begin();
        self.sampled.clear();
        self.noise.clear();
    }

    /// The signs since the judging began.
    pub fn report(&self) -> FeedReport {
        FeedReport(self.judged.signs.clone())
    }

    /// Takes in the next frame.
    pub fn observe(&mut self, frame: &Frame) {
        self.note_time(frame);
        let size = (frame.image.width(), frame.image.height());
        if size.0 == 0 || size.1 == 0 {
            return;
        }
        if *self.size.get_or_insert(size) != size {
            self.judged.signs.insert(FeedSign::FormatChanged);
        }
        let luma = samples(&frame.image);
        if !is_textured(&luma) {
            self.judged.standing = None;
            return;
        }
        let hash = hash(&frame.image);
        if self.hashes.back() == Some(&hash) {
            return self.note_standing(frame.captured_at);
        }
        self.judged.standing = Some((frame.captured_at, 1));
        self.note_return(hash);
        self.note_samples(frame.captured_at, luma);
    }

    fn note_time(&mut self, frame: &Frame) {
        let (at, sequence) = (frame.captured_at, frame.sequence);
        if self.times.back().is_some_and(|&(before, number)| at <= before || sequence <= number) {
            self.judged.signs.insert(FeedSign::ImpossibleTiming);
            self.times.clear();
        }
        push(&mut self.times, (at, sequence), TIMED);
        let too_fast = |&(before, number): &(Duration, u64)| {
            let (passed, frames) = (at.saturating_sub(before).as_secs_f64(), (sequence - number) as f64);
            self.rate.is_some_and(|rate| frames > PACE.0 * rate * passed + PACE.1)
        };
        if self.times.iter().any(too_fast) || self.is_without_jitter() {
            self.judged.signs.insert(FeedSign::ImpossibleTiming);
        }
    }

    /// Whether the last intervals are all equal, which no clock of a camera, a bus and a system together manages.
    fn is_without_jitter(&self) -> bool {
        let Some(first) = self.times.len().checked_sub(INTERVALS + 1) else { return false };
        let (mut least, mut most) = (Duration::MAX, Duration::ZERO);
        for k in first..self.times.len() - 1 {
            let ((before, number), (at, sequence)) = (self.times[k], self.times[k + 1]);
            let interval = at.saturating_sub(before) / u32::try_from(sequence - number).unwrap_or(u32::MAX).max(1);
            (least, most) = (least.min(interval), most.max(interval));
        }
        most.saturating_sub(least) < JITTER
    }

    /// The picture is the one before.
    fn note_standing(&mut self, at: Duration) {
        let (since, frames) = self.judged.standing.get_or_insert((at, 0));
        *frames += 1;
        if *frames >= FROZEN_FRAMES && at.saturating_sub(*since) >= FROZEN_AFTER {
            self.judged.signs.insert(FeedSign::Frozen);
        }
    }

    /// Whether the picture was there before, with others since.
    fn note_return(&mut self, hash: u64) {
        if self.hashes.contains(&hash) {
            self.judged.looped += 1;
            if self.judged.looped >= LOOPED_FRAMES {
                self.judged.signs.insert(FeedSign::Looped);
            }
        }
        push(&mut self.hashes, hash, MOST_HASHES);
    }

    fn note_samples(&mut self, at: Duration, luma: Zeroizing<Vec<u8>>) {
        if let Some(before) = self.sampled.back() {
            let change = difference(&before.luma, &luma);
            let noise = self.noise_level();
            let pair = Pair::of(&before.luma, &luma);
            push(&mut self.noise, change, NOISE_PAIRS);
            if pair.is_moving() {
                self.moved += 1;
                self.note_noise(&pair);
            }
            if let Some(noise) = noise.filter(|noise| NOISE.contains(noise)) {
                self.note_repeat(at, &luma, noise);
            }
        }
        push(&mut self.sampled, Sampled { at, moved: self.moved, luma }, MOST_SAMPLED);
    }

    /// The mean difference of two frames in a scene at rest: the lower end of what was seen.
    fn noise_level(&self) -> Option<f32> {
        if self.noise.len() < NOISE_PAIRS / 4 {
            return None;
        }
        let mut sorted: Vec<f32> = self.noise.iter().copied().collect();
        sorted.sort_unstable_by(f32::total_cmp);
        sorted.get(sorted.len() / 10).copied()
    }

    /// Two frames of their own differ by the noise of both at least. Less means that the noise came again, too.
    fn note_repeat(&mut self, at: Duration, luma: &[u8], noise: f32) {
        let moved = self.moved;
        let apart = |before: &&Sampled| at.saturating_sub(before.at) >= REPEATED_APART;
        let candidates = self.sampled.iter().take_while(apart).filter(|before| moved - before.moved >= MOVED_FRAMES);
        if candidates.map(|before| difference(&before.luma, luma)).any(|change| 2.0 * change < noise) {
            self.judged.repeated += 1;
            if self.judged.repeated >= REPEATED_FRAMES {
                self.judged.signs.insert(FeedSign::Repeated);
            }
        }
    }

    /// Something has moved between two frames; what stood still shows the noise.
    fn note_noise(&mut self, pair: &Pair) {
        let judged = &mut self.judged;
        judged.moving_pairs += 1;
        judged.noise_free_pairs += u32::from(pair.is_noise_free());
        let (least, share) = NOISE_FREE_PAIRS;
        if judged.noise_free_pairs >= least && judged.noise_free_pairs as f32 >= share * judged.moving_pairs as f32 {
            judged.signs.insert(FeedSign::NoiseFree);
        }
    }
}

/// How the unclipped samples of two frames differ.
#[derive(Default)]
struct Pair {
    samples: usize,
    moved: usize,
    blocks: usize,
    /// Blocks that are equal to the last grey level.
    unchanged: usize,
}

impl Pair {
    fn of(before: &[u8], after: &[u8]) -> Self {
        let mut pair = Self::default();
        for top in (0..GRID.1).step_by(BLOCK.1) {
            for left in (0..GRID.0).step_by(BLOCK.0) {
                let rows = (top..top + BLOCK.1).map(|y| y * GRID.0 + left).map(|start| start..start + BLOCK.0);
                pair.note_block(rows.flatten().map(|at| (before[at], after[at])));
            }
        }
        pair
    }

    fn note_block(&mut self, samples: impl Iterator<Item = (u8, u8)>) {
        let (mut unclipped, mut most) = (0, 0);
        for (before, after) in samples.filter(|(before, _)| UNCLIPPED.contains(before)) {
            let change = before.abs_diff(after);
            (unclipped, most) = (unclipped + 1, change.max(most));
            self.moved += usize::from(change >= MOVED);
        }
        self.samples += unclipped;
        if 2 * unclipped > BLOCK.0 * BLOCK.1 {
            self.blocks += 1;
            self.unchanged += usize::from(most == 0);
        }
    }

    fn is_moving(&self) -> bool {
        self.moved as f32 >= MOVING_SHARE * self.samples.max(1) as f32
    }

    fn is_noise_free(&self) -> bool {
        self.unchanged as f32 >= NOISE_FREE_SHARE * self.blocks.max(1) as f32
    }
}

/// Puts one in at the end and takes the oldest out when there are too many.
fn push<T>(queue: &mut VecDeque<T>, item: T, most: usize) {
    if queue.len() == most {
        queue.pop_front();
    }
    queue.push_back(item);
}

/// Luma at the middle of each cell of the grid.
fn samples(image: &Rgb) -> Zeroizing<Vec<u8>> {
    let (width, height) = (image.width(), image.height());
    let at = |column: usize, row: usize| {
        let [red, green, blue] =
            image.pixel((2 * column + 1) * width / (2 * GRID.0), (2 * row + 1) * height / (2 * GRID.1)).map(u32::from);
        ((77 * red + 150 * green + 29 * blue) >> 8) as u8
    };
    Zeroizing::new((0..GRID.1).flat_map(|row| (0..GRID.0).map(move |column| at(column, row))).collect())
}

/// Whether a picture has anything in it that a camera would take anew each time.
fn is_textured(luma: &[u8]) -> bool {
    let unclipped = luma.iter().filter(|value| UNCLIPPED.contains(value));
    let (least, most) = unclipped.clone().fold((u8::MAX, 0), |(least, most), &v| (v.min(least), v.max(most)));
    unclipped.count() >= TEXTURE.0 && most.saturating_sub(least) >= TEXTURE.1
}

/// Mean absolute difference in grey levels.
fn difference(one: &[u8], other: &[u8]) -> f32 {
    let sum: u32 = one.iter().zip(other).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
    sum as f32 / one.len().max(1) as f32
}

/// A hash of evenly spaced pixels: equal for equal pictures, and (as good as) never for two exposures. FNV-1a, a pixel at
/// a time.
fn hash(image: &Rgb) -> u64 {
    let (across, down) = (image.width().div_ceil(HASHED.0).max(1), image.height().div_ceil(HASHED.1).max(1));
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for y in (0..image.height()).step_by(down) {
        for pixel in image.row(y).chunks_exact(3).step_by(across) {
            let value = u64::from(pixel[0]) | u64::from(pixel[1]) << 8 | u64::from(pixel[2]) << 16;
            hash = (hash ^ value).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}

#[cfg(test)]
mod tests;
