//! Finds where a picture may hold a stacked or linear barcode, by the direction of its gradients.
//!
//! Bars have many strong edges that all point one way, which text and pictures do not. The structure tensor (Bigün and
//! Granlund 1987) of blocks of [`BLOCK`] pixels gives strength and direction; neighbouring blocks that agree become one
//! region, and each region one rotated box.
//!
//! Always holds: time and memory are linear in the number of pixels, the same picture gives the same regions, best
//! first, and no picture makes it panic. Does not know what a symbol says, nor which of its two ends is the start.

use std::collections::VecDeque;

use super::geometry::{Point, Quad};
use super::raster::Gray;

/// Side of a block in pixels: wide enough to hold edges of a symbol of up to 8 pixels a module.
pub const BLOCK: usize = 16;
/// Blocks a region must have: a symbol smaller than this has no room for three rows.
const MIN_BLOCKS: usize = 8;
/// Mean squared gradient (grey levels per pixel) below which a block is taken for noise.
const MIN_ENERGY: f32 = 30.0;
/// Share of the picture's strong blocks (98th percentile) that a block's energy must reach to begin a region.
const SEED_SHARE: f32 = 0.25;
/// Share of its neighbour's energy that a block must have to join it.
const JOIN_SHARE: f32 = 0.2;
/// Coherence (0…1) of the smoothed tensor from which a block counts as bars.
const MIN_COHERENCE: f32 = 0.25;
/// Cosine of twice the angle by which neighbouring blocks may differ: about 18 degrees.
const SAME_DIRECTION: f32 = 0.8;

/// A part of the picture that looks like bars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BarRegion {
    /// A box around the bars with some margin. Its top edge runs across the bars, in the reading direction or against
    /// it. May reach beyond the picture.
    pub outline: Quad,
    /// How much of bars it is; only the order among the regions of one picture has a meaning.
    pub score: f32,
}

/// Looks for regions of parallel bars and returns at most `limit` of them, best first.
#[must_use]
pub fn locate_bars(picture: &Gray, limit: usize) -> Vec<BarRegion> {
    let grid = TensorGrid::of(picture);
    let mut regions: Vec<_> = grid.clusters().iter().filter_map(|cluster| grid.region(cluster)).collect();
    regions.sort_by(|a, b| b.score.total_cmp(&a.score));
    regions.truncate(limit);
    regions
}

/// Sums of gradient products over one block.
#[derive(Debug, Clone, Copy, Default)]
struct Tensor {
    xx: f32,
    yy: f32,
    xy: f32,
}

impl Tensor {
    fn energy(self) -> f32 {
        self.xx + self.yy
    }

    /// 1 when all gradients lie on one axis, 0 when they have none in common.
    fn coherence(self) -> f32 {
        (self.xx - self.yy).hypot(2.0 * self.xy) / (self.energy() + 1.0)
    }

    /// Direction of the gradients in radians, from -π/2 to π/2.
    fn angle(self) -> f32 {
        0.5 * (2.0 * self.xy).atan2(self.xx - self.yy)
    }

    /// Cosine of twice the angle between two directions.
    fn agreement(self, other: Self) -> f32 {
        let (a, b) = ((self.xx - self.yy, 2.0 * self.xy), (other.xx - other.yy, 2.0 * other.xy));
        (a.0 * b.0 + a.1 * b.1) / (a.0.hypot(a.1) * b.0.hypot(b.1) + f32::EPSILON)
    }

    fn add(&mut self, other: Self) {
        self.xx += other.xx;
        self.yy += other.yy;
        self.xy += other.xy;
    }

    fn scaled(self, factor: f32) -> Self {
        Self { xx: self.xx * factor, yy: self.yy * factor, xy: self.xy * factor }
    }
}

/// The tensors of a picture, block by block; a rest narrower than a block at the right and bottom is left out.
struct TensorGrid {
    columns: usize,
    rows: usize,
    raw: Vec<Tensor>,
    smooth: Vec<Tensor>,
}

impl TensorGrid {
    fn of(picture: &Gray) -> Self {
        let (columns, rows) = (picture.width() / BLOCK, picture.height() / BLOCK);
        let mut raw = vec![Tensor::default(); columns * rows];
        let mut lines = GradientLines::new(picture.width());
        for (row, tensors) in raw.chunks_exact_mut(columns.max(1)).enumerate() {
            // Every second row is enough to know a direction, and halves the time.
            for y in (row * BLOCK + 1..(row + 1) * BLOCK).step_by(2).filter(|&y| y + 1 < picture.height()) {
                lines.load(picture.row(y - 1), picture.row(y), picture.row(y + 1));
                lines.accumulate(tensors);
            }
        }
        let mut grid = Self { columns, rows, raw, smooth: Vec::new() };
        grid.smooth = (0..grid.raw.len()).map(|index| grid.smoothed(index)).collect();
        grid
    }

    /// The mean over a block and its neighbours.
    fn smoothed(&self, index: usize) -> Tensor {
        let (x, y) = (index % self.columns, index / self.columns);
        let mut sum = Tensor::default();
        let mut count = 0.0;
        for v in y.saturating_sub(1)..(y + 2).min(self.rows) {
            for u in x.saturating_sub(1)..(x + 2).min(self.columns) {
                sum.add(self.raw[v * self.columns + u]);
                count += 1.0;
            }
        }
        sum.scaled(1.0 / count)
    }

    /// Groups of blocks that touch, or nearly touch, and agree in direction and strength.
    fn clusters(&self) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..self.raw.len()).collect();
        order.sort_by(|&a, &b| self.smooth[b].energy().total_cmp(&self.smooth[a].energy()));
        let Some(&strong) = order.get(order.len() / 50) else { return Vec::new() };
        let seed_energy = MIN_ENERGY.max(self.smooth[strong].energy() * SEED_SHARE);
        let mut taken = vec![false; self.raw.len()];
        let mut clusters = Vec::new();
        for seed in order {
            if self.smooth[seed].energy() < seed_energy {
                break;
            }
            if taken[seed] || self.smooth[seed].coherence() < MIN_COHERENCE {
                continue;
            }
            let cluster = self.grow(seed, &mut taken);
            if cluster.len() >= MIN_BLOCKS {
                clusters.push(cluster);
            }
        }
        clusters
    }

    fn grow(&self, seed: usize, taken: &mut [bool]) -> Vec<usize> {
        let seed_energy = self.smooth[seed].energy();
        let (mut cluster, mut queue) = (Vec::new(), VecDeque::from([seed]));
        taken[seed] = true;
        while let Some(index) = queue.pop_front() {
            cluster.push(index);
            let here = self.smooth[index];
            for near in self.neighbours(index) {
                let there = self.smooth[near];
                let strong = self.raw[near].energy().max(there.energy() * 0.5) > seed_energy * JOIN_SHARE;
                let alike = there.coherence() >= MIN_COHERENCE && here.agreement(there) > SAME_DIRECTION;
                if !taken[near] && strong && alike {
                    taken[near] = true;
                    queue.push_back(near);
                }
            }
        }
        cluster
    }

    /// The blocks around one, and those two steps away, so that a scratch does not cut a symbol in two.
    fn neighbours(&self, index: usize) -> impl Iterator<Item = usize> + use<> {
        const STEPS: [(isize, isize); 12] =
            [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (1, -1), (-1, 1), (2, 0), (-2, 0), (0, 2), (0, -2)];
        let (columns, rows) = (self.columns, self.rows);
        let (x, y) = (index % columns, index / columns);
        STEPS.into_iter().filter_map(move |(dx, dy)| {
            let (u, v) = (x.checked_add_signed(dx)?, y.checked_add_signed(dy)?);
            (u < columns && v < rows).then_some(v * columns + u)
        })
    }

    /// The box around a cluster, turned to the direction that its blocks have together.
    fn region(&self, cluster: &[usize]) -> Option<BarRegion> {
        let mut sum = Tensor::default();
        let mut strength = 0.0;
        for &index in cluster {
            sum.add(self.raw[index]);
            strength += self.raw[index].energy() * self.smooth[index].coherence();
        }
        let (sin, cos) = sum.angle().sin_cos();
        let (mut low, mut high) = (Point::new(f32::MAX, f32::MAX), Point::new(f32::MIN, f32::MIN));
        for &index in cluster {
            let x = ((index % self.columns) as f32 + 0.5) * BLOCK as f32;
            let y = ((index / self.columns) as f32 + 0.5) * BLOCK as f32;
            let along = Point::new(x * cos + y * sin, y * cos - x * sin);
            low = Point::new(low.x.min(along.x), low.y.min(along.y));
            high = Point::new(high.x.max(along.x), high.y.max(along.y));
        }
        let (width, height) = (high.x - low.x, high.y - low.y);
        let block = BLOCK as f32;
        let fill = cluster.len() as f32 * block * block / ((width + block) * (height + block));
        // The outermost block centres lie up to one block inside the symbol, and the start needs its quiet zone.
        let (side, end) = (block * 1.25 + width * 0.04, block * 1.1);
        let corner = |u: f32, v: f32| Point::new(u * cos - v * sin, u * sin + v * cos);
        let outline = Quad([
            corner(low.x - side, low.y - end),
            corner(high.x + side, low.y - end),
            corner(high.x + side, high.y + end),
            corner(low.x - side, high.y + end),
        ]);
        (fill > 0.2).then_some(BarRegion { outline, score: strength * fill.min(1.0) })
    }
}

/// Gradients of one row of pixels by the Sobel operator, a quarter of its usual scale.
struct GradientLines {
    smooth: Vec<i16>,
    slope: Vec<i16>,
}

impl GradientLines {
    fn new(width: usize) -> Self {
        Self { smooth: vec![0; width], slope: vec![0; width] }
    }

    fn load(&mut self, above: &[u8], centre: &[u8], below: &[u8]) {
        let rows = above.iter().zip(centre).zip(below);
        for (((&a, &c), &b), (smooth, slope)) in rows.zip(self.smooth.iter_mut().zip(&mut self.slope)) {
            *smooth = i16::from(a) + 2 * i16::from(c) + i16::from(b);
            *slope = i16::from(b) - i16::from(a);
        }
    }

    /// Adds this row's gradient products, per pixel of the block, to the tensors of its blocks.
    fn accumulate(&self, tensors: &mut [Tensor]) {
        // Half of the block's rows are looked at.
        const PER_PIXEL: f32 = 2.0 / (BLOCK * BLOCK) as f32;
        for (block, tensor) in tensors.iter_mut().enumerate() {
            let start = (block * BLOCK).max(1);
            let end = ((block + 1) * BLOCK).min(self.smooth.len() - 1);
            let (smooth, slope) = (&self.smooth[start - 1..=end], &self.slope[start - 1..=end]);
            let (mut xx, mut yy, mut xy) = (0i32, 0i32, 0i32);
            for (s, d) in smooth.windows(3).zip(slope.windows(3)) {
                let gx = i32::from((s[2] - s[0]) >> 2);
                let gy = i32::from((d[0] + 2 * d[1] + d[2]) >> 2);
                xx += gx * gx;
                yy += gy * gy;
                xy += gx * gy;
            }
            tensor.add(Tensor { xx: xx as f32, yy: yy as f32, xy: xy as f32 }.scaled(PER_PIXEL));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::{Similarity, warp};

    /// Bars of 3 and 6 pixels in a box of 420×120 on grey, turned about the middle of a 960×720 picture.
    fn bars(degrees: f32) -> Gray {
        let flat = Gray::from_fn(960, 720, |x, y| {
            let inside = (270..690).contains(&x) && (300..420).contains(&y);
            [if !inside {
                200
            } else if (x / 3) % 3 == 0 || (x / 6) % 5 == 1 {
                30
            } else {
                220
            }]
        });
        let middle = Point::new(480.0, 360.0);
        let back = Similarity::about(middle, -degrees, 1.0, middle);
        warp(&flat, 960, 720, [200], |p| back.apply(p))
    }

    #[test]
    fn bars_are_found_with_their_direction_at_any_turn() {
        for degrees in (-90..90).step_by(15) {
            let found = locate_bars(&bars(degrees as f32), 4);
            let Some(best) = found.first() else { panic!("nothing at {degrees} degrees") };
            let [a, b, ..] = best.outline.0;
            let angle = (b.y - a.y).atan2(b.x - a.x).to_degrees();
            let apart = (angle - degrees as f32).rem_euclid(180.0);
            assert!(apart.min(180.0 - apart) < 3.0, "{angle} instead of {degrees}");
            assert!(best.outline.bounds().centre().distance(Point::new(480.0, 360.0)) < 20.0);
            assert!((440.0..560.0).contains(&best.outline.mean_width()), "{}", best.outline.mean_width());
        }
    }

    #[test]
    fn a_blank_picture_has_no_bars() {
        assert!(locate_bars(&Gray::filled(640, 480, [255]), 4).is_empty());
    }

    #[test]
    fn pictures_of_odd_shapes_have_no_bars() {
        for (width, height) in [(0, 0), (1, 1), (1, 10_000), (10_000, 1), (15, 15), (17, 400)] {
            assert!(locate_bars(&Gray::filled(width, height, [7]), 4).is_empty());
        }
    }

    #[test]
    fn no_more_regions_than_asked_for_come_back() {
        let lines = Gray::from_fn(2000, 1500, |x, y| [if (x / 2 + (y / 100) * (x / 300)) % 2 == 0 { 0 } else { 255 }]);
        assert!(locate_bars(&lines, 3).len() <= 3);
    }
}
