//! Finds where a picture may hold bars, by the strength and direction of its gradients.
//!
//! The bars of stacked and linear symbols have many strong edges that all point one way, which text and pictures do not.
//! Neighbouring blocks that are alike become one region.
//!
//! Always holds: time and memory are linear in the number of pixels, the same picture gives the same regions, best
//! first, and no picture makes it panic. Does not know what a symbol says, nor which of its two ends is the start.

use std::collections::VecDeque;

use super::geometry::{Point, Quad};
use super::raster::Gray;
use super::structure_tensor::{BLOCK, Tensor, TensorGrid};

/// Blocks a region of bars must have: a symbol smaller than this has no room for three rows.
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

/// Regions of parallel bars in a picture, at most `limit`, best first.
#[must_use]
pub fn find_bars(picture: &Gray, limit: usize) -> Vec<BarRegion> {
    let blocks = Blocks { grid: TensorGrid::of(picture) };
    let clusters = blocks.clusters();
    let mut regions: Vec<_> = clusters.iter().filter_map(|cluster| blocks.region(cluster)).collect();
    regions.sort_by(|a, b| b.score.total_cmp(&a.score));
    regions.truncate(limit);
    regions
}

/// The gradients of one picture, block by block.
struct Blocks {
    grid: TensorGrid,
}

impl Blocks {
    /// Groups of blocks of bars that touch, or nearly touch, and agree in direction and strength.
    fn clusters(&self) -> Vec<Vec<usize>> {
        let energy = |block: usize| self.grid.smooth[block].energy();
        let mut order: Vec<usize> = (0..self.grid.raw.len()).collect();
        let strong = order.len() / 50;
        if order.is_empty() {
            return Vec::new();
        }
        let (_, &mut strong, _) = order.select_nth_unstable_by(strong, |&a, &b| energy(b).total_cmp(&energy(a)));
        let seed_energy = MIN_ENERGY.max(energy(strong) * SEED_SHARE);
        // Only what may begin a region has to be in order; of equals, the upper left comes first.
        order.retain(|&block| energy(block) >= seed_energy && self.is_bars(block));
        order.sort_unstable_by(|&a, &b| energy(b).total_cmp(&energy(a)).then(a.cmp(&b)));
        let mut taken = vec![false; self.grid.raw.len()];
        let mut clusters = Vec::new();
        for block in order {
            if taken[block] {
                continue;
            }
            let cluster = self.grow(block, &mut taken);
            if cluster.len() >= MIN_BLOCKS {
                clusters.push(cluster);
            }
        }
        clusters
    }

    fn is_bars(&self, block: usize) -> bool {
        self.grid.smooth[block].coherence() >= MIN_COHERENCE
    }

    fn grow(&self, seed: usize, taken: &mut [bool]) -> Vec<usize> {
        let grid = &self.grid;
        let alike = |here: usize, there: usize| {
            self.is_bars(there) && grid.smooth[here].agreement(grid.smooth[there]) > SAME_DIRECTION
        };
        let seed_energy = grid.smooth[seed].energy();
        let (mut cluster, mut queue) = (Vec::new(), VecDeque::from([seed]));
        taken[seed] = true;
        while let Some(index) = queue.pop_front() {
            cluster.push(index);
            for near in grid.neighbours(index) {
                let energy = grid.raw[near].energy().max(grid.smooth[near].energy() * 0.5);
                if !taken[near] && energy > seed_energy * JOIN_SHARE && alike(index, near) {
                    taken[near] = true;
                    queue.push_back(near);
                }
            }
        }
        cluster
    }

    /// The box around a cluster, turned to the direction that its blocks have together.
    fn region(&self, cluster: &[usize]) -> Option<BarRegion> {
        let mut sum = Tensor::default();
        let mut strength = 0.0;
        for &index in cluster {
            sum.add(self.grid.raw[index]);
            strength += self.grid.raw[index].energy() * self.grid.smooth[index].coherence();
        }
        let (sin, cos) = sum.angle().sin_cos();
        let (mut low, mut high) = (Point::new(f32::MAX, f32::MAX), Point::new(f32::MIN, f32::MIN));
        for &index in cluster {
            let x = ((index % self.grid.columns) as f32 + 0.5) * BLOCK as f32;
            let y = ((index / self.grid.columns) as f32 + 0.5) * BLOCK as f32;
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
            let found = find_bars(&bars(degrees as f32), 4);
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
    fn a_chequered_square_holds_no_bars() {
        let square = Gray::from_fn(800, 600, |x, y| {
            let inside = (300..420).contains(&x) && (200..320).contains(&y);
            [if inside && (x / 4 * 7 + y / 4 * 5 + (x / 4) * (y / 4)) % 3 == 0 { 20 } else { 230 }]
        });
        assert_eq!(find_bars(&square, 4), []);
    }

    #[test]
    fn blank_pictures_and_those_of_odd_shapes_have_no_bars() {
        for (width, height) in [(640, 480), (0, 0), (1, 1), (1, 10_000), (10_000, 1), (15, 15), (17, 400)] {
            assert_eq!(find_bars(&Gray::filled(width, height, [7]), 4), []);
        }
    }

    #[test]
    fn no_more_regions_than_asked_for_come_back() {
        let lines = Gray::from_fn(2000, 1500, |x, y| [if (x / 2 + (y / 100) * (x / 300)) % 2 == 0 { 0 } else { 255 }]);
        assert!(find_bars(&lines, 3).len() <= 3);
    }
}
