//! Direction and strength of the gradients of a picture, block by block (the structure tensor of Bigün and Granlund 1987).
//!
//! Always holds: time and memory are linear in the number of pixels. Does not judge what makes the gradients.

use super::raster::Gray;

/// Side of a block in pixels: wide enough to hold edges of a symbol of up to 8 pixels a module.
pub const BLOCK: usize = 16;

/// Sums of gradient products over one block.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tensor {
    /// Sum of squared gradients to the right.
    pub xx: f32,
    /// Sum of squared gradients downwards.
    pub yy: f32,
    /// Sum of their products.
    pub xy: f32,
}

impl Tensor {
    /// Mean squared gradient, in grey levels a pixel.
    pub fn energy(self) -> f32 {
        self.xx + self.yy
    }

    /// 1 when all gradients lie on one axis, 0 when they have none in common.
    pub fn coherence(self) -> f32 {
        (self.xx - self.yy).hypot(2.0 * self.xy) / (self.energy() + 1.0)
    }

    /// Direction of the gradients in radians, from -π/2 to π/2.
    pub fn angle(self) -> f32 {
        0.5 * (2.0 * self.xy).atan2(self.xx - self.yy)
    }

    /// Cosine of twice the angle between two directions.
    pub fn agreement(self, other: Self) -> f32 {
        let (a, b) = ((self.xx - self.yy, 2.0 * self.xy), (other.xx - other.yy, 2.0 * other.xy));
        (a.0 * b.0 + a.1 * b.1) / (a.0.hypot(a.1) * b.0.hypot(b.1) + f32::EPSILON)
    }

    /// Adds another block's sums.
    pub fn add(&mut self, other: Self) {
        self.xx += other.xx;
        self.yy += other.yy;
        self.xy += other.xy;
    }

    fn scaled(self, factor: f32) -> Self {
        Self { xx: self.xx * factor, yy: self.yy * factor, xy: self.xy * factor }
    }
}

/// The tensors of a picture, block by block; a rest narrower than a block at the right and bottom is left out.
pub struct TensorGrid {
    /// Blocks in a row.
    pub columns: usize,
    /// Rows of blocks.
    pub rows: usize,
    /// Each block's own.
    pub raw: Vec<Tensor>,
    /// The mean of each block and its neighbours.
    pub smooth: Vec<Tensor>,
}

impl TensorGrid {
    /// The tensors of a picture.
    pub fn of(picture: &Gray) -> Self {
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

    /// The blocks around one, and those two steps away, so that a scratch does not cut a symbol in two.
    pub fn neighbours(&self, index: usize) -> impl Iterator<Item = usize> + use<> {
        const STEPS: [(isize, isize); 12] =
            [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (1, -1), (-1, 1), (2, 0), (-2, 0), (0, 2), (0, -2)];
        let (columns, rows) = (self.columns, self.rows);
        let (x, y) = (index % columns, index / columns);
        STEPS.into_iter().filter_map(move |(dx, dy)| {
            let (u, v) = (x.checked_add_signed(dx)?, y.checked_add_signed(dy)?);
            (u < columns && v < rows).then_some(v * columns + u)
        })
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

    // No sum here leaves its type: slopes reach 255 and smooth values 1020, a block's row of 16 squares about a million.
    // Saying so lets the loops work on many pixels at once, which checked sums do not.
    fn load(&mut self, above: &[u8], centre: &[u8], below: &[u8]) {
        let rows = above.iter().zip(centre).zip(below);
        for (((&a, &c), &b), (smooth, slope)) in rows.zip(self.smooth.iter_mut().zip(&mut self.slope)) {
            *smooth = i16::from(a).wrapping_add(i16::from(c).wrapping_mul(2)).wrapping_add(i16::from(b));
            *slope = i16::from(b).wrapping_sub(i16::from(a));
        }
    }

    /// Adds this row's gradient products, per pixel of the block, to the tensors of its blocks.
    fn accumulate(&self, tensors: &mut [Tensor]) {
        // Half of the block's rows are looked at.
        const PER_PIXEL: f32 = 2.0 / (BLOCK * BLOCK) as f32;
        for (block, tensor) in tensors.iter_mut().enumerate() {
            let start = (block * BLOCK).max(1);
            let end = ((block + 1) * BLOCK).min(self.smooth.len() - 1);
            let [left, middle, right] = [start - 1..end - 1, start..end, start + 1..end + 1];
            let across = self.smooth[left.clone()].iter().zip(&self.smooth[right.clone()]);
            let down = self.slope[left].iter().zip(&self.slope[middle]).zip(&self.slope[right]);
            let (mut xx, mut yy, mut xy) = (0i32, 0i32, 0i32);
            for ((before, after), ((a, b), c)) in across.zip(down) {
                let gx = i32::from(after.wrapping_sub(*before) >> 2);
                let gy = i32::from(a.wrapping_add(b.wrapping_mul(2)).wrapping_add(*c) >> 2);
                xx = xx.wrapping_add(gx.wrapping_mul(gx));
                yy = yy.wrapping_add(gy.wrapping_mul(gy));
                xy = xy.wrapping_add(gx.wrapping_mul(gy));
            }
            tensor.add(Tensor { xx: xx as f32, yy: yy as f32, xy: xy as f32 }.scaled(PER_PIXEL));
        }
    }
}
