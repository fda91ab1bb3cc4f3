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
    let patterns = [START, STOP].map(|pattern| centred(&softened(&pattern)));
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
        for (kind, hits) in hits.iter_mut().enumerate() {
            if let Some((x, module, found)) = best_match(&sums, &patterns[kind % 2], Kind::of(kind)) {
                hits.push(Hit { x, y: top + depth / 2.0, module });
                likenesses[kind] += found;
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

/// Which pattern, and which way round.
#[derive(Debug, Clone, Copy)]
struct Kind {
    is_stop: bool,
    turned: bool,
}

impl Kind {
    fn of(number: usize) -> Self {
        Self { is_stop: number % 2 == 1, turned: number >= 2 }
    }
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

/// The place of a pattern's outer edge, its module and its likeness, where it is most like itself.
fn best_match(sums: &[f32], pattern: &[f32; WINDOW], kind: Kind) -> Option<(f32, f32, f32)> {
    let width = (sums.len() - 1) as f32;
    let mut best = (0.0, 0.0, 0.0);
    let mut module = MODULES.0;
    while module < MODULES.1 {
        let room = width - WINDOW as f32 * module;
        // The start is at the left end of an upright view, the stop at its right end.
        let (from, to) = if kind.is_stop == kind.turned {
            (0.0, room.min(width * END))
        } else {
            ((width * (1.0 - END)).min(room).max(0.0), room)
        };
        let mut at = from;
        while at < to {
            let found = likeness(sums, at, module, pattern, kind.turned);
            if found > best.0 {
                best = (found, at, module);
            }
            at += module * 0.5;
        }
        module *= MODULES.2;
    }
    for step in [0.04, 0.02, 0.01] {
        let (_, at, module) = best;
        for k in 0..15 {
            let wide = module * (1.0 + step * ((k / 5) as f32 - 1.0));
            // Wider about the middle of the window, and moved.
            let moved = at + (module - wide) * WINDOW as f32 / 2.0 + ((k % 5) as f32 - 2.0) * step * 4.0 * module;
            let found = likeness(sums, moved, wide, pattern, kind.turned);
            if found > best.0 {
                best = (found, moved, wide);
            }
        }
    }
    let (found, at, module) = best;
    let edge = if kind.is_stop { STOP_EDGE } else { START_EDGE };
    let edge = if kind.turned { WINDOW as f32 - edge } else { edge };
    (found >= LIKENESS).then_some((at + edge * module, module, found))
}

/// Correlation of a window with a centred pattern; darker is larger.
fn likeness(sums: &[f32], at: f32, module: f32, pattern: &[f32; WINDOW], turned: bool) -> f32 {
    let sum_to = |x: f32| {
        let x = x.clamp(0.0, (sums.len() - 1) as f32 - 1e-3);
        let left = x as usize;
        let share = x - left as f32;
        sums[left] + share * (sums[left + 1] - sums[left])
    };
    let mut before = sum_to(at);
    let (mut total, mut square, mut product) = (0.0, 0.0, 0.0);
    for k in 0..WINDOW {
        let next = sum_to(at + (k + 1) as f32 * module);
        let mean = (next - before) / module;
        before = next;
        total += mean;
        square += mean * mean;
        product -= mean * pattern[if turned { WINDOW - 1 - k } else { k }];
    }
    let deviation = (square / WINDOW as f32 - (total / WINDOW as f32).powi(2)).max(0.0).sqrt();
    if deviation < MIN_DEVIATION { 0.0 } else { product / (WINDOW as f32 * deviation) }
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
