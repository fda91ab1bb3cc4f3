//! How a face answered the colours: what was shown and what was measured in, correlation, strength and delay out.
//!
//! Everything is in logarithms of light, skin against room: a camera that changes its exposure or its white balance adds
//! the same to both. Colour counts more than brightness, which a moving head changes, too. Always holds: it is a function
//! of the times and lights alone; a straight line in time is taken out of both sides before they are compared.

use super::report::Latency;

/// Weights of the two axes of colour, and of brightness.
const AXES: [f32; 3] = [1.0, 1.0, 0.5];
/// The same where brightness says nothing, because a camera's exposure sets it.
const COLOUR_AXES: [f32; 3] = [1.0, 1.0, 0.0];
/// Time in which the light of one colour gives way to the next: display and exposure together, in seconds.
const RAMP: f32 = 0.06;
/// Latencies that are tried, in milliseconds: from before a colour was sent to long after anything honest.
const TRIED: std::ops::RangeInclusive<i32> = -400..=900;
const TRIED_EVERY: usize = 20;
/// Least frames by which anything is said.
const LEAST_FRAMES: usize = 16;
/// Cosine between the measured and the expected change of colour from which a change was followed.
const FOLLOWED_COSINE: f32 = 0.6;

/// Logarithms of the light of one frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// In seconds.
    pub at: f32,
    pub skin: [f32; 3],
    pub sides: Option<[f32; 3]>,
    pub room: [f32; 3],
}

/// A colour as it was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    /// In seconds.
    pub at: f32,
    pub light: [f32; 3],
}

/// What was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Response {
    /// Correlation of the colours' means.
    pub score: f32,
    /// Correlation frame by frame at the best latency that is allowed, and at the best one that is not.
    pub in_time: f32,
    pub out_of_time: f32,
    pub latency: Latency,
    /// Gain of skin against room, and the gain that noise alone may show (one deviation).
    pub gain: f32,
    pub gain_noise: f32,
    /// Gain of colour of the skin and of the room by themselves, and the room's correlation.
    pub skin_gain: f32,
    pub room_gain: f32,
    pub room_score: f32,
    pub side_share: Option<f32>,
    pub followed_changes: u8,
    /// How much more the colours' means differ than noise lets them: the F of an analysis of variance.
    pub unevenness: f32,
}

/// Compares what was measured with what was shown; `None` with too few frames.
pub(super) fn respond(samples: &[Sample], shown: &[Shown]) -> Option<Response> {
    let facing = |sample: &Sample| Some(minus(sample.skin, sample.room));
    let at = |latency: i32| fit(samples, shown, latency, facing, AXES);
    let (mut within, mut outside): (Option<(i32, Fit)>, f32) = (None, -1.0);
    for latency in TRIED.step_by(TRIED_EVERY) {
        let Some(found) = at(latency) else { continue };
        if !(Latency::LEAST.ms..=Latency::MOST.ms).contains(&latency) {
            outside = outside.max(found.score);
        } else if within.as_ref().is_none_or(|(_, best)| found.score > best.score) {
            within = Some((latency, found));
        }
    }
    let (latency, best) = within?;
    let alone = |of: fn(&Sample) -> [f32; 3]| fit(samples, shown, latency, |sample| Some(of(sample)), COLOUR_AXES);
    let (skin, room) = (alone(|sample| sample.skin)?, alone(|sample| sample.room)?);
    let sides = fit(samples, shown, latency, |sample| Some(minus(sample.sides?, sample.room)), AXES);
    // At no latency that is allowed another colour lights these frames than the one that was sent last.
    let steps = at(0)?.steps();
    Some(Response {
        score: steps.score,
        in_time: best.score,
        out_of_time: outside,
        latency: Latency { ms: latency },
        gain: best.gain,
        gain_noise: (steps.noise / best.power).sqrt(),
        skin_gain: skin.gain,
        room_gain: room.gain,
        room_score: room.score,
        side_share: sides.map(|sides| sides.gain / best.gain).filter(|share| share.is_finite()),
        followed_changes: steps.followed,
        unevenness: steps.unevenness,
    })
}

/// One frame at one latency, with the straight lines taken out.
#[derive(Debug, Clone, Copy)]
struct Pair {
    time: f32,
    step: usize,
    /// Whether the colour has stood for the longest latency that is allowed.
    settled: bool,
    measured: [f32; 3],
    expected: [f32; 3],
}

/// What a latency gives.
#[derive(Debug)]
struct Fit {
    pairs: Vec<Pair>,
    score: f32,
    gain: f32,
    /// Sum of squares of what is expected.
    power: f32,
}

/// The frames of one step in which its colour has settled.
#[derive(Debug, Clone, Copy)]
struct StepMean {
    count: f32,
    seen: [f32; 3],
    wanted: [f32; 3],
}

/// What the steps give, each as a whole.
struct Steps {
    score: f32,
    followed: u8,
    /// Variance of a frame about its step's mean, an axis.
    noise: f32,
    unevenness: f32,
}

fn fit(
    samples: &[Sample],
    shown: &[Shown],
    latency: i32,
    light: impl Fn(&Sample) -> Option<[f32; 3]>,
    weights: [f32; 3],
) -> Option<Fit> {
    let paired = samples.iter().filter_map(|sample| {
        let time = sample.at - latency as f32 / 1e3;
        let step = shown.iter().rposition(|shown| shown.at <= time)?;
        let since = time - shown[step].at;
        let before = shown[step.saturating_sub(1)].light;
        let (share, now) = ((since / RAMP).min(1.0), shown[step].light);
        let expected = std::array::from_fn(|k| before[k] + (now[k] - before[k]) * share);
        let measured = axes(light(sample)?, weights);
        Some(Pair {
            time,
            step,
            settled: since * 1e3 >= Latency::MOST.ms as f32,
            measured,
            expected: axes(expected, weights),
        })
    });
    let mut pairs: Vec<Pair> = paired.collect();
    if pairs.len() < LEAST_FRAMES {
        return None;
    }
    straighten(&mut pairs);
    let sum = |of: fn(&Pair) -> f32| pairs.iter().map(of).sum::<f32>();
    let (both, power) = (sum(|p| dot(p.measured, p.expected)), sum(|p| dot(p.expected, p.expected)));
    let seen = sum(|p| dot(p.measured, p.measured));
    if !(power > 0.0 && seen.is_finite()) {
        return None;
    }
    let score = both / (power * seen).sqrt().max(f32::MIN_POSITIVE);
    Some(Fit { score, gain: both / power, power, pairs })
}

/// Takes the best straight line in time out of each axis of both sides.
fn straighten(pairs: &mut [Pair]) {
    let count = pairs.len() as f32;
    let middle = pairs.iter().map(|p| p.time).sum::<f32>() / count;
    let spread = pairs.iter().map(|p| (p.time - middle).powi(2)).sum::<f32>().max(f32::MIN_POSITIVE);
    let sides: [fn(&mut Pair) -> &mut [f32; 3]; 2] = [|p| &mut p.measured, |p| &mut p.expected];
    for side in sides {
        for axis in 0..3 {
            let mean = pairs.iter_mut().map(|p| side(p)[axis]).sum::<f32>() / count;
            let slope = pairs.iter_mut().map(|p| (p.time - middle) * side(p)[axis]).sum::<f32>() / spread;
            for pair in pairs.iter_mut() {
                let line = mean + slope * (pair.time - middle);
                side(pair)[axis] -= line;
            }
        }
    }
}

impl Fit {
    fn steps(&self) -> Steps {
        let steps = self.pairs.iter().map(|p| p.step + 1).max().unwrap_or(0);
        let means: Vec<Option<StepMean>> = (0..steps)
            .map(|step| {
                let settled = || self.pairs.iter().filter(move |p| p.step == step && p.settled);
                let count = settled().count() as f32;
                let mean = |of: fn(&Pair) -> [f32; 3]| {
                    [0, 1, 2].map(|axis| settled().map(|p| of(p)[axis]).sum::<f32>() / count)
                };
                let [seen, wanted] = [mean(|p| p.measured), mean(|p| p.expected)];
                (count > 0.0).then_some(StepMean { count, seen, wanted })
            })
            .collect();
        let followed = means.windows(2).filter(|pair| {
            let [Some(before), Some(after)] = pair else { return false };
            let (seen, wanted) = (minus(after.seen, before.seen), minus(after.wanted, before.wanted));
            let lengths = (dot(seen, seen) * dot(wanted, wanted)).sqrt();
            lengths > 0.0 && dot(seen, wanted) / lengths >= FOLLOWED_COSINE
        });
        let followed = u8::try_from(followed.count()).unwrap_or(u8::MAX);
        let settled = self.pairs.iter().filter(|p| p.settled);
        let within = settled.filter_map(|p| {
            let off = minus(p.measured, means[p.step]?.seen);
            Some(dot(off, off))
        });
        let (within, frames) = within.fold((0.0, 0.0), |(sum, count), square| (sum + square, count + 1.0));
        let known: Vec<&StepMean> = means.iter().flatten().collect();
        let between: f32 = known.iter().map(|mean| mean.count * dot(mean.seen, mean.seen)).sum();
        let sum = |of: fn(&StepMean) -> f32| known.iter().map(|&mean| mean.count * of(mean)).sum::<f32>();
        let both = sum(|mean| dot(mean.seen, mean.wanted));
        let alone = sum(|mean| dot(mean.seen, mean.seen)) * sum(|mean| dot(mean.wanted, mean.wanted));
        let score = both / alone.sqrt().max(f32::MIN_POSITIVE);
        let noise = within / (3.0 * (frames - known.len() as f32).max(1.0));
        let spread = between / (3.0 * (known.len() as f32 - 1.0).max(1.0));
        Steps { score, followed, noise, unevenness: spread / noise.max(f32::MIN_POSITIVE) }
    }
}

/// Red against green, both against blue, and all together, each of length 1 before its weight.
fn axes([red, green, blue]: [f32; 3], weights: [f32; 3]) -> [f32; 3] {
    let axes =
        [(red - green) / 2f32.sqrt(), (red + green - 2.0 * blue) / 6f32.sqrt(), (red + green + blue) / 3f32.sqrt()];
    std::array::from_fn(|k| weights[k] * axes[k])
}

fn minus(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    std::array::from_fn(|k| a[k] - b[k])
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
