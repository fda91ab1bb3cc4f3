//! Finds the start and stop patterns of a PDF417 symbol in a level view, and through them its exact frame.
//!
//! ISO/IEC 15438, 5.3: every row begins with bars and spaces of 8 1 1 1 1 1 1 3 modules and ends with
//! 7 1 1 3 1 1 1 2 1. Each scan line that shows them gives a point and a module width; a line through most of the points
//! gives the edge of the symbol.
//!
//! Always holds: the search is bounded by the view's size and a fixed number of trials, and it is deterministic. Does not
//! read codewords.

use super::edges::{Edge, EdgeFinder};
use super::geometry::{Point, Quad};
use super::raster::Gray;

/// Modules of the start pattern, beginning with a bar.
const START: [f32; 8] = [8.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 3.0];
/// Modules of the stop pattern, beginning and ending with a bar.
const STOP: [f32; 9] = [7.0, 1.0, 1.0, 3.0, 1.0, 1.0, 1.0, 2.0, 1.0];
/// Modules of the stop pattern of Code 128, which begins and ends with a bar.
const LINEAR_STOP: [f32; 7] = [2.0, 3.0, 3.0, 1.0, 1.0, 1.0, 2.0];
/// Lines of a view that are looked at for it, about.
const LINEAR_LINES: usize = 24;
/// Modules a bar or space may be off, and the mean of all.
const RUN_TOLERANCE: (f32, f32) = (0.75, 0.36);
/// A symbol of one data column has 86 modules; less than this between the guards is something else.
const MIN_MODULES: f32 = 80.0;
/// A symbol of 30 data columns has 579 modules.
const MAX_MODULES: f32 = 620.0;
/// Bars and spaces that an average scan line must cross: half of those of a symbol of one column, since a region has
/// margins.
const MIN_RUNS: usize = 20;
/// Points that a guard must have.
const MIN_HITS: usize = 4;
/// Trials of the search for a line; with half of the points astray it then fails once in 10¹².
const TRIALS: usize = 96;

/// One end of a symbol: a nearly upright line in the level view.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GuardLine {
    /// Pixels to the right for each pixel down.
    pub slope: f32,
    /// Where the line crosses the top of the view.
    pub offset: f32,
    /// Highest point at which the pattern was seen.
    pub top: f32,
    /// Lowest point at which the pattern was seen.
    pub bottom: f32,
    /// Width of a module here, in pixels of the view.
    pub module: f32,
    /// Scan lines that showed it.
    pub hits: usize,
}

impl GuardLine {
    /// The outer edge of the symbol at a height.
    #[must_use]
    pub fn x_at(&self, y: f32) -> f32 {
        self.offset + self.slope * y
    }

    /// The same line in the view turned by half.
    pub(super) fn turned(self, width: f32, height: f32) -> Self {
        Self {
            offset: width - self.offset - self.slope * height,
            top: height - self.bottom,
            bottom: height - self.top,
            ..self
        }
    }
}

/// Both ends of a symbol.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guards {
    /// The outer edge of the start pattern.
    pub start: GuardLine,
    /// The outer edge of the stop pattern.
    pub stop: GuardLine,
    /// Whether the symbol stands on its head: the lines then are those of the view turned by half.
    pub turned: bool,
}

impl Guards {
    /// The symbol's outline in the level view (turned by half when `turned`).
    #[must_use]
    pub fn outline(&self) -> Quad {
        let (top, bottom) = (self.start.top.min(self.stop.top), self.start.bottom.max(self.stop.bottom));
        let at = |line: &GuardLine, y: f32| Point::new(line.x_at(y), y);
        Quad([at(&self.start, top), at(&self.stop, top), at(&self.stop, bottom), at(&self.start, bottom)])
    }

    /// How far rows fall for each pixel to the right, by the middles of both guards.
    #[must_use]
    pub fn row_slope(&self) -> f32 {
        let middle = |line: &GuardLine| {
            let y = f32::midpoint(line.top, line.bottom);
            Point::new(line.x_at(y), y)
        };
        let (start, stop) = (middle(&self.start), middle(&self.stop));
        // Where one end was seen in parts only, its middle says little.
        let likely = (self.start.bottom - self.start.top) / (self.stop.bottom - self.stop.top).max(1.0);
        if (0.7..1.4).contains(&likely) { (stop.y - start.y) / (stop.x - start.x) } else { 0.0 }
    }

    /// Mean width of a module in pixels of the level view.
    #[must_use]
    pub fn module(&self) -> f32 {
        f32::midpoint(self.start.module, self.stop.module)
    }
}

/// Looks for both guards of one symbol, upright or on its head; with both, the one seen on more scan lines is returned.
#[must_use]
pub fn find_guards(view: &Gray) -> Option<Guards> {
    let hits = scan(view);
    let (width, height) = (view.width() as f32, view.height() as f32);
    let upright = pair(&hits.start, &hits.stop, false).map(|(start, stop)| Guards { start, stop, turned: false });
    let turned = pair(&hits.turned_stop, &hits.turned_start, true).map(|(left, right)| Guards {
        start: right.turned(width, height),
        stop: left.turned(width, height),
        turned: true,
    });
    [upright, turned].into_iter().flatten().max_by_key(|guards| guards.start.hits + guards.stop.hits)
}

/// Whether a view shows a start pattern, as compact symbols and those with a covered end do too.
#[must_use]
pub fn shows_start(view: &Gray) -> bool {
    let hits = scan(view);
    fit_line(&hits.start).is_some() || fit_line(&hits.turned_start).is_some()
}

/// Whether some lines of a view cross the stop pattern of Code 128 (ISO/IEC 15417, 4.3.2), either way round.
#[must_use]
pub fn shows_linear_stop(view: &Gray) -> bool {
    let turned: [f32; 7] = std::array::from_fn(|k| LINEAR_STOP[6 - k]);
    let mut finder = EdgeFinder::default();
    let step = (view.height() / LINEAR_LINES).max(1);
    let shown = (0..view.height().saturating_sub(1)).step_by(step).filter(|&y| {
        let edges = finder.find(&joined(view, y), 48, 12.0);
        let stop =
            |at: usize| [&LINEAR_STOP, &turned].iter().any(|pattern| matched(&edges[at..], *pattern, true).is_some());
        (0..edges.len()).any(|at| edges[at].falls && stop(at))
    });
    shown.take(2).count() == 2
}

/// A pattern on one scan line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub x: f32,
    pub y: f32,
    pub module: f32,
}

#[derive(Default)]
struct Hits {
    start: Vec<Hit>,
    stop: Vec<Hit>,
    turned_start: Vec<Hit>,
    turned_stop: Vec<Hit>,
}

fn scan(view: &Gray) -> Hits {
    let mut hits = Hits::default();
    let mut finder = EdgeFinder::default();
    let half_window = (module_width(view).unwrap_or(3.0) * 9.0).clamp(8.0, 400.0) as usize;
    for y in 0..view.height().saturating_sub(1) {
        let line = joined(view, y);
        let edges = finder.find(&line, half_window, 8.0);
        collect(edges, y as f32 + 1.0, &mut hits);
    }
    hits
}

/// The sum of two neighbouring rows: half the noise, and bars are the same in both.
fn joined(view: &Gray, y: usize) -> Vec<u16> {
    view.row(y).iter().zip(view.row(y + 1)).map(|(&a, &b)| u16::from(a) + u16::from(b)).collect()
}

/// A first guess at the width of a module in pixels, by the lengths of bars and spaces: a codeword has eight in 17
/// modules. `None` where too few are seen for a symbol.
#[must_use]
pub fn module_width(view: &Gray) -> Option<f32> {
    let mut finder = EdgeFinder::default();
    let mut runs = Vec::new();
    let step = (view.height() / 16).max(1);
    let mut lines = 0;
    for y in (0..view.height().saturating_sub(1)).step_by(step) {
        let line = joined(view, y);
        lines += 1;
        for pair in finder.find(&line, 48, 12.0).windows(2) {
            runs.push(pair[1].at - pair[0].at);
        }
    }
    if runs.len() < MIN_RUNS * lines || runs.is_empty() {
        return None;
    }
    runs.sort_by(f32::total_cmp);
    // The quiet zones and print beside the symbol make a few very long runs.
    let middle = &runs[runs.len() / 20..runs.len() - runs.len() / 10];
    let mean = middle.iter().sum::<f32>() / middle.len().max(1) as f32;
    Some((mean * 8.0 / 17.0).max(0.5))
}

fn collect(edges: &[Edge], y: f32, hits: &mut Hits) {
    let reversed_start: [f32; 8] = std::array::from_fn(|k| START[7 - k]);
    let reversed_stop: [f32; 9] = std::array::from_fn(|k| STOP[8 - k]);
    for at in 0..edges.len() {
        let rest = &edges[at..];
        if edges[at].falls {
            if let Some((left, _, module)) = matched(rest, &START, true) {
                hits.start.push(Hit { x: left, y, module });
            }
            if let Some((_, right, module)) = matched(rest, &STOP, true) {
                hits.stop.push(Hit { x: right, y, module });
            }
            if let Some((left, _, module)) = matched(rest, &reversed_stop, true) {
                hits.turned_stop.push(Hit { x: left, y, module });
            }
        } else if let Some((_, right, module)) = matched(rest, &reversed_start, false) {
            hits.turned_start.push(Hit { x: right, y, module });
        }
    }
}

/// Whether the first runs are those of a pattern; then its two ends and its module. Ink that spreads makes every bar
/// wider and every space narrower by the same amount, which is measured and taken off.
fn matched(edges: &[Edge], pattern: &[f32], begins_with_bar: bool) -> Option<(f32, f32, f32)> {
    let (first, last) = (edges.first()?.at, edges.get(pattern.len())?.at);
    let modules: f32 = pattern.iter().sum();
    let rough = (last - first) / modules;
    // The widest run alone rules out nearly everything.
    let widest = if pattern[0] > 6.0 { 0 } else { pattern.len() - 1 };
    if rough < 0.8 || ((edges[widest + 1].at - edges[widest].at) / rough - pattern[widest]).abs() > 1.6 {
        return None;
    }
    // A bar counts as 1, a space as -1.
    let runs = || {
        let lengths = edges.windows(2).map(|pair| pair[1].at - pair[0].at);
        let kinds = if begins_with_bar { [1.0, -1.0] } else { [-1.0, 1.0] };
        lengths.zip(pattern).zip(kinds.into_iter().cycle()).map(|((run, &modules), kind)| (run, modules, kind))
    };
    let spread: f32 = runs().map(|(run, modules, kind)| kind * (run - modules * rough)).sum();
    let spread = (spread / pattern.len() as f32).clamp(-0.45 * rough, 0.45 * rough);
    let surplus: f32 = runs().map(|(_, _, kind)| kind).sum();
    let module = (last - first - spread * surplus) / modules;
    let mut total = 0.0;
    for (run, modules, kind) in runs() {
        let off = (run - modules * module - kind * spread).abs() / module;
        if off > RUN_TOLERANCE.0 {
            return None;
        }
        total += off;
    }
    (total <= RUN_TOLERANCE.1 * pattern.len() as f32).then_some((first + spread / 2.0, last - spread / 2.0, module))
}

/// The best line through the left points, then the best through those right points that can belong to it.
pub(super) fn pair(left: &[Hit], right: &[Hit], start_is_right: bool) -> Option<(GuardLine, GuardLine)> {
    // The start pattern is the more distinct one.
    let anchor = fit_line(if start_is_right { right } else { left })?;
    let candidates: Vec<Hit> = if start_is_right { left } else { right }
        .iter()
        .filter(|hit| {
            let distance = (hit.x - anchor.x_at(hit.y)) * if start_is_right { -1.0 } else { 1.0 };
            let module = f32::midpoint(hit.module, anchor.module);
            (MIN_MODULES * module..MAX_MODULES * module).contains(&distance)
                && (0.6..1.7).contains(&(hit.module / anchor.module))
        })
        .copied()
        .collect();
    let other = fit_line(&candidates)?;
    Some(if start_is_right { (other, anchor) } else { (anchor, other) })
}

fn fit_line(hits: &[Hit]) -> Option<GuardLine> {
    if hits.len() < MIN_HITS {
        return None;
    }
    let mut random = 12_345_u32;
    let mut pick = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        hits[(random >> 8) as usize % hits.len()]
    };
    let near = |hit: &Hit, slope: f32, offset: f32, module: f32| {
        (hit.x - slope * hit.y - offset).abs() < 1.2 * module && (hit.module / module - 1.0).abs() < 0.3
    };
    let mut best = (0, 0.0, 0.0, 1.0);
    for _ in 0..TRIALS {
        let (a, b) = (pick(), pick());
        if (a.y - b.y).abs() < 3.0 || (a.module / b.module - 1.0).abs() > 0.3 {
            continue;
        }
        let slope = (a.x - b.x) / (a.y - b.y);
        let (offset, module) = (a.x - slope * a.y, f32::midpoint(a.module, b.module));
        let count = hits.iter().filter(|hit| near(hit, slope, offset, module)).count();
        if slope.abs() < 0.5 && count > best.0 {
            best = (count, slope, offset, module);
        }
    }
    let inliers: Vec<Hit> = hits.iter().filter(|hit| near(hit, best.1, best.2, best.3)).copied().collect();
    (best.0 >= MIN_HITS).then(|| least_squares(&inliers)).flatten()
}

fn least_squares(hits: &[Hit]) -> Option<GuardLine> {
    let count = hits.len() as f32;
    let (x, y) = hits.iter().fold((0.0, 0.0), |(x, y), hit| (x + hit.x / count, y + hit.y / count));
    let (mut across, mut down) = (0.0, 0.0);
    for hit in hits {
        across += (hit.y - y) * (hit.x - x);
        down += (hit.y - y) * (hit.y - y);
    }
    let mut modules: Vec<f32> = hits.iter().map(|hit| hit.module).collect();
    modules.sort_by(f32::total_cmp);
    let slope = across / down;
    (down > 1.0).then(|| GuardLine {
        slope,
        offset: x - slope * y,
        top: hits.iter().fold(f32::MAX, |top, hit| top.min(hit.y)),
        bottom: hits.iter().fold(f32::MIN, |bottom, hit| bottom.max(hit.y)),
        module: modules[modules.len() / 2],
        hits: hits.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::{QuarterTurns, rotate_quarter};

    /// Rows of start pattern, six codewords' worth of alternating bars and stop pattern at 3 pixels a module, in white.
    fn view(spread: usize) -> Gray {
        let filling = [3.0, 2.0, 4.0, 1.0, 2.0, 3.0, 1.0, 1.0].repeat(6);
        let runs: Vec<f32> = START.iter().copied().chain(filling).chain(STOP).collect();
        let modules = runs.iter().enumerate().flat_map(|(k, &run)| std::iter::repeat_n(k % 2 == 0, run as usize * 3));
        let bars: Vec<bool> = modules.collect();
        let dark =
            |x: usize| (0..=spread).any(|back| x.checked_sub(30 + back).is_some_and(|at| bars.get(at) == Some(&true)));
        Gray::from_fn(60 + bars.len(), 90, |x, y| [if (20..70).contains(&y) && dark(x) { 30 } else { 225 }])
    }

    #[test]
    fn both_guards_are_found_with_their_edges_and_modules() {
        let guards = find_guards(&view(0)).unwrap();
        let width = (17 + 6 * 17 + 18) as f32 * 3.0;
        assert!(!guards.turned);
        assert!((guards.start.x_at(40.0) - 30.0).abs() < 0.7, "{guards:?}");
        assert!((guards.stop.x_at(40.0) - 30.0 - width).abs() < 0.7, "{guards:?}");
        assert!((guards.module() - 3.0).abs() < 0.1);
        assert!((guards.start.top - 20.0).abs() < 3.0 && (guards.start.bottom - 70.0).abs() < 3.0);
    }

    #[test]
    fn guards_are_found_upside_down_in_the_turned_view() {
        let upright = find_guards(&view(0)).unwrap();
        let turned = find_guards(&rotate_quarter(&view(0), QuarterTurns::Two)).unwrap();
        assert!(turned.turned);
        assert!((turned.start.x_at(40.0) - upright.start.x_at(40.0)).abs() < 1.0);
        assert!((turned.stop.x_at(40.0) - upright.stop.x_at(40.0)).abs() < 1.0);
    }

    #[test]
    fn ink_that_spread_by_a_third_of_a_module_does_not_hide_the_guards() {
        assert!(find_guards(&view(1)).is_some());
    }

    #[test]
    fn a_start_is_seen_where_the_stop_is_cut_off() {
        let whole = view(0);
        let cut = Gray::from_fn(whole.width() - 60, whole.height(), |x, y| whole.pixel(x, y));
        assert!(find_guards(&cut).is_none() && shows_start(&cut));
        assert!(shows_start(&rotate_quarter(&cut, QuarterTurns::Two)));
        assert!(!shows_linear_stop(&cut));
    }

    #[test]
    fn the_stop_of_a_linear_symbol_is_seen_either_way_round() {
        let runs = [10, 2, 1, 1, 2, 3, 2, 2, 2, 1, 2, 2, 2, 2, 3, 3, 1, 1, 1, 2, 10];
        let modules: Vec<bool> = runs.iter().enumerate().flat_map(|(k, &run)| vec![k % 2 == 1; run * 4]).collect();
        let view = Gray::from_fn(modules.len(), 60, |x, _| [if modules[x] { 30 } else { 225 }]);
        assert!(shows_linear_stop(&view) && shows_linear_stop(&rotate_quarter(&view, QuarterTurns::Two)));
        assert!(!shows_start(&view));
    }

    #[test]
    fn bars_without_guards_have_none() {
        let bars = Gray::from_fn(400, 90, |x, _| [if x / 4 % 2 == 0 { 30 } else { 225 }]);
        assert_eq!(find_guards(&bars), None);
        assert!(!shows_start(&bars) && !shows_linear_stop(&bars));
        assert!(!shows_start(&Gray::filled(0, 0, [0])) && !shows_linear_stop(&Gray::filled(0, 0, [0])));
        assert_eq!(find_guards(&Gray::filled(300, 80, [255])), None);
        assert_eq!(find_guards(&Gray::filled(0, 0, [255])), None);
        assert_eq!(module_width(&Gray::filled(1, 1, [255])), None);
    }
}
