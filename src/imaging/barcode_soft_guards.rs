//! Finds the start and stop patterns of a PDF417 symbol where blur and noise hide their narrow bars from an edge finder.
//!
//! Both patterns run the whole height of a symbol. A band of scan lines is summed, which leaves the patterns and takes away
//! the noise and the codewords' differences, and the sum is compared with both patterns at a ladder of module widths, by
//! the correlation coefficient.
//!
//! Always holds: the search is bounded by the view's size and fixed numbers of bands and widths. Costs some milliseconds,
//! so that it is for views in which the edges showed nothing. May take stripes for a pattern: what stands beside it then tells.

use super::barcode_guards::{Guards, Hit, pair};
use super::raster::Gray;

/// Bands of a view, which overlap by half.
const BANDS: usize = 15;
/// Bands, of all, that are looked at first: a symbol shows in one of them.
const FIRST_BANDS: [usize; 3] = [7, 3, 11];
/// Narrowest and widest module in pixels of the view, and the factor from one width to the next.
const MODULES: (f32, f32, f32) = (2.2, 6.6, 1.07);
/// Modules of a window: a pattern with its quiet zone.
const WINDOW: usize = 20;
/// Part of the view's width at each end in which a guard may lie.
const END: f32 = 0.42;
/// Correlation from which a window shows a pattern.
const LIKENESS: f32 = 0.8;
/// Correlation from which a match is worth finer steps.
const COARSE_LIKENESS: f32 = 0.5;
/// Deviation in grey levels of a window that shows anything.
const MIN_DEVIATION: f32 = 5.0;

/// Quiet zone and start pattern, then the first bar of the indicator.
const START: [f32; WINDOW] = [-1., -1., 1., 1., 1., 1., 1., 1., 1., 1., -1., 1., -1., 1., -1., 1., -1., -1., -1., 1.];
/// Last space of the indicator, stop pattern and one module of the quiet zone.
const STOP: [f32; WINDOW] = [-1., 1., 1., 1., 1., 1., 1., 1., -1., 1., -1., -1., -1., 1., -1., 1., -1., -1., 1., -1.];
/// Modules ahead of the start pattern's outer edge in its window.
const START_EDGE: f32 = 2.0;
/// Modules up to the stop pattern's outer edge in its window.
const STOP_EDGE: f32 = 19.0;

/// Looks for both guards of one symbol, upright or on its head.
#[must_use]
pub fn find_soft_guards(view: &Gray) -> Option<Guards> {
    if view.width() < WINDOW {
        return None;
    }
    let (width, height) = (view.width() as f32, view.height() as f32);
    let patterns = Patterns::new();
    let mut hits = [const { Vec::new() }; 4];
    let mut likenesses = [0.0; 4];
    let order = FIRST_BANDS.into_iter().chain((0..BANDS).filter(|band| !FIRST_BANDS.contains(band)));
    for (count, band) in order.enumerate() {
        if count == FIRST_BANDS.len() && hits.iter().all(Vec::is_empty) {
            return None;
        }
        let depth = 2.0 * height / (BANDS + 1) as f32;
        let top = band as f32 * depth / 2.0;
        let sums = column_sums(view, top as usize, ((top + depth) as usize).min(view.height()));
        let coarse = best_matches(&sums, &patterns).into_iter().enumerate();
        for (kind, coarse) in coarse.filter(|(_, coarse)| coarse.likeness > COARSE_LIKENESS) {
            let Match { likeness, at, module } = refined(coarse, &sums, &patterns.0[kind]);
            if likeness >= LIKENESS {
                hits[kind].push(Hit { x: at + Patterns::edge(kind) * module, y: top + depth / 2.0, module });
                likenesses[kind] += likeness;
            }
        }
    }
    let [start, stop, turned_start, turned_stop] = hits;
    let upright = pair(&start, &stop, false).map(|(start, stop)| Guards { start, stop, turned: false });
    let turned = pair(&turned_stop, &turned_start, true).map(|(left, right)| Guards {
        start: right.turned(width, height),
        stop: left.turned(width, height),
        turned: true,
    });
    // Bars may be like a pattern the wrong way round, but less so.
    if likenesses[0] + likenesses[1] < likenesses[2] + likenesses[3] { turned.or(upright) } else { upright.or(turned) }
}

/// The patterns as they stand in a view: start and stop upright, then both on their heads.
struct Patterns([[f32; WINDOW]; 4]);

impl Patterns {
    fn new() -> Self {
        let [start, stop] = [START, STOP].map(|pattern| centred(&softened(&pattern)));
        let reversed = |pattern: [f32; WINDOW]| std::array::from_fn(|k| pattern[WINDOW - 1 - k]);
        Self([start, stop, reversed(start), reversed(stop)])
    }

    /// Modules from the left of a pattern's window to its outer edge.
    fn edge(kind: usize) -> f32 {
        let edge = if kind % 2 == 1 { STOP_EDGE } else { START_EDGE };
        if kind >= 2 { WINDOW as f32 - edge } else { edge }
    }
}

/// Patterns at the left end of a view: the upright start, and the stop on its head.
const AT_THE_LEFT: [usize; 2] = [0, 3];
/// Patterns at the right end.
const AT_THE_RIGHT: [usize; 2] = [1, 2];

/// Where a pattern is most like itself.
#[derive(Debug, Clone, Copy, Default)]
struct Match {
    likeness: f32,
    /// Left end of the window.
    at: f32,
    module: f32,
}

/// Sums of all columns from the left, of the mean over some rows.
fn column_sums(view: &Gray, top: usize, bottom: usize) -> Vec<f32> {
    let mut columns = vec![0_u32; view.width()];
    for y in top..bottom {
        for (sum, &value) in columns.iter_mut().zip(view.row(y)) {
            *sum += u32::from(value);
        }
    }
    let rows = (bottom - top).max(1) as f32;
    let mut sum = 0.0;
    std::iter::once(0.0)
        .chain(columns.into_iter().map(|column| {
            sum += column as f32 / rows;
            sum
        }))
        .collect()
}

/// Where each pattern is most like itself, on a ladder of modules and in steps of half a module.
fn best_matches(sums: &[f32], patterns: &Patterns) -> [Match; 4] {
    let width = (sums.len() - 1) as f32;
    let mut best = [Match::default(); 4];
    let mut means = Vec::new();
    let mut module = MODULES.0;
    while module < MODULES.1 {
        for phase in [0.0, 0.5] {
            let from = phase * module;
            let mut before = sum_to(sums, from);
            means.clear();
            means.extend((1..=((width - from) / module) as usize).map(|k| {
                let next = sum_to(sums, from + k as f32 * module);
                (next - std::mem::replace(&mut before, next)) / module
            }));
            for (step, window) in means.windows(WINDOW).enumerate() {
                let at = from + step as f32 * module;
                let spread = deviation(window);
                if spread < MIN_DEVIATION {
                    continue;
                }
                let ends = [(at < width * END, AT_THE_LEFT), (at >= width * (1.0 - END), AT_THE_RIGHT)];
                for kind in ends.into_iter().filter(|(reached, _)| *reached).flat_map(|(_, kinds)| kinds) {
                    let likeness = correlation(window, spread, &patterns.0[kind]);
                    if likeness > best[kind].likeness {
                        best[kind] = Match { likeness, at, module };
                    }
                }
            }
        }
        module *= MODULES.2;
    }
    best
}

/// A match in ever finer steps of place and module.
fn refined(mut best: Match, sums: &[f32], pattern: &[f32; WINDOW]) -> Match {
    for step in [0.04, 0.02, 0.01] {
        let Match { at, module, .. } = best;
        for k in 0..15 {
            let wide = module * (1.0 + step * ((k / 5) as f32 - 1.0));
            // Wider about the middle of the window, and moved.
            let moved = at + (module - wide) * WINDOW as f32 / 2.0 + ((k % 5) as f32 - 2.0) * step * 4.0 * module;
            let ends: [f32; WINDOW + 1] = std::array::from_fn(|k| sum_to(sums, moved + k as f32 * wide));
            let window: [f32; WINDOW] = std::array::from_fn(|k| (ends[k + 1] - ends[k]) / wide);
            let likeness = correlation(&window, deviation(&window), pattern);
            if likeness > best.likeness {
                best = Match { likeness, at: moved, module: wide };
            }
        }
    }
    best
}

/// The sum of all that lies left of a place.
fn sum_to(sums: &[f32], x: f32) -> f32 {
    let x = x.clamp(0.0, (sums.len() - 1) as f32 - 1e-3);
    let left = x as usize;
    sums[left] + (x - left as f32) * (sums[left + 1] - sums[left])
}

/// Standard deviation of the means of a window's modules, in grey levels.
fn deviation(window: &[f32]) -> f32 {
    let (total, square) = window.iter().fold((0.0, 0.0), |(total, square), mean| (total + mean, square + mean * mean));
    (square / WINDOW as f32 - (total / WINDOW as f32).powi(2)).max(0.0).sqrt()
}

/// Correlation of a window of that deviation with a centred pattern; darker is larger.
fn correlation(window: &[f32], deviation: f32, pattern: &[f32; WINDOW]) -> f32 {
    let product: f32 = window.iter().zip(pattern).map(|(mean, weight)| mean * weight).sum();
    -product / (WINDOW as f32 * deviation)
}

/// A pattern behind some blur.
fn softened(pattern: &[f32; WINDOW]) -> [f32; WINDOW] {
    std::array::from_fn(|k| {
        let at = |k: usize| pattern[k.min(WINDOW - 1)];
        0.2 * at(k.saturating_sub(1)) + 0.6 * at(k) + 0.2 * at(k + 1)
    })
}

/// Mean 0 and deviation 1.
fn centred(pattern: &[f32; WINDOW]) -> [f32; WINDOW] {
    let mean = pattern.iter().sum::<f32>() / WINDOW as f32;
    let deviation = (pattern.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / WINDOW as f32).sqrt();
    pattern.map(|value| (value - mean) / deviation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::{QuarterTurns, rotate_quarter};

    /// Start and stop with wide bars between them, 4 pixels a module, smeared over three modules.
    fn view() -> Gray {
        let runs = [10, 8, 1, 1, 1, 1, 1, 1, 3]
            .into_iter()
            .chain([4, 5, 3, 5].repeat(5))
            .chain([7, 1, 1, 3, 1, 1, 1, 2, 1, 10]);
        let modules: Vec<f32> =
            runs.enumerate().flat_map(|(k, run)| vec![if k % 2 == 1 { 60.0 } else { 180.0 }; run]).collect();
        let at = |x: isize| modules[(x.max(0) as usize / 4).min(modules.len() - 1)];
        let smeared = |x: usize| (-4..=4).map(|step| at(x as isize + step)).sum::<f32>() / 9.0;
        Gray::from_fn(modules.len() * 4, 140, |x, y| [if (10..130).contains(&y) { smeared(x) as u8 } else { 180 }])
    }

    #[test]
    fn smeared_guards_are_found_either_way_up() {
        let guards = find_soft_guards(&view()).unwrap();
        let stop = view().width() as f32 - 40.0;
        assert!(!guards.turned && (guards.module() - 4.0).abs() < 0.15, "{guards:?}");
        assert!(
            (guards.start.x_at(70.0) - 40.0).abs() < 2.5 && (guards.stop.x_at(70.0) - stop).abs() < 2.5,
            "{guards:?}"
        );
        let turned = find_soft_guards(&rotate_quarter(&view(), QuarterTurns::Two)).unwrap();
        assert!(turned.turned && (turned.start.x_at(70.0) - 40.0).abs() < 2.5, "{turned:?}");
    }

    #[test]
    fn blank_views_have_none() {
        for (width, height) in [(0, 0), (1, 1), (300, 1), (1, 300), (640, 140)] {
            assert_eq!(find_soft_guards(&Gray::filled(width, height, [99])), None);
        }
    }
}
