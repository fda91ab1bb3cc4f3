//! Sub-pixel edges along one line of pixels.
//!
//! Always holds: edges alternate between falling and rising, and their places grow. Does not know what they belong to.

/// A change between bright and dark on a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge {
    /// Where it is, in pixels from the left edge of the line's first pixel.
    pub at: f32,
    /// Whether it goes from bright to dark.
    pub falls: bool,
}

/// Finds edges on lines of pixels and keeps its memory from one line to the next.
#[derive(Debug, Default)]
pub struct EdgeFinder {
    sums: Vec<u32>,
    levels: Vec<f32>,
    edges: Vec<Edge>,
}

impl EdgeFinder {
    /// The edges of a line against the mean of `half_window` pixels to either side of each pixel. A side must differ from
    /// that mean by more than `contrast` levels to count.
    pub fn find(&mut self, line: &[u16], half_window: usize, contrast: f32) -> &[Edge] {
        self.edges.clear();
        self.load_levels(line, half_window);
        let Some(&(mut before)) = self.levels.first() else { return &self.edges };
        let mut bright = before > 0.0;
        let mut crossing = 0.5;
        for (at, &now) in self.levels.iter().enumerate().skip(1) {
            if (before > 0.0) != (now > 0.0) {
                // Centres of pixels lie half a pixel to the right of their index.
                crossing = at as f32 - 0.5 + before / (before - now);
            }
            if (now > 0.0) != bright && now.abs() > contrast {
                self.edges.push(Edge { at: crossing, falls: bright });
                bright = !bright;
            }
            before = now;
        }
        &self.edges
    }

    /// By how much each pixel of a line is brighter than the mean around it.
    fn load_levels(&mut self, line: &[u16], half_window: usize) {
        self.sums.clear();
        self.sums.push(0);
        let mut sum = 0_u32;
        for &value in line {
            // A line of 65,536 of the brightest pixels would be the first to leave this type.
            sum = sum.wrapping_add(u32::from(value));
            self.sums.push(sum);
        }
        let sums = &self.sums;
        let mean = |from: usize, to: usize| sums[to].wrapping_sub(sums[from]) as f32 / (to - from) as f32;
        let at_an_end = |at: usize| {
            f32::from(line[at]) - mean(at.saturating_sub(half_window), (at + half_window + 1).min(line.len()))
        };
        let window = 2 * half_window + 1;
        // Where the whole window lies on the line, which is nearly everywhere, the loop has nothing to decide.
        let inside = if line.len() >= window { half_window..line.len() - half_window } else { 0..0 };
        self.levels.clear();
        self.levels.extend((0..inside.start).map(at_an_end));
        let share = 1.0 / window as f32;
        let ends = sums.iter().zip(sums.get(window..).unwrap_or_default());
        let means = ends.map(|(from, to)| to.wrapping_sub(*from) as f32 * share);
        self.levels.extend(line[inside.clone()].iter().zip(means).map(|(&value, mean)| f32::from(value) - mean));
        self.levels.extend((inside.end..line.len()).map(at_an_end));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_lies_between_the_pixels_that_it_divides() {
        let line = [200, 200, 200, 200, 0, 0, 0, 0, 200, 200, 200, 200];
        let mut finder = EdgeFinder::default();
        let edges = finder.find(&line, 20, 5.0);
        assert_eq!(edges.iter().map(|edge| edge.falls).collect::<Vec<_>>(), [true, false]);
        assert!((edges[0].at - 4.0).abs() < 0.2 && (edges[1].at - 8.0).abs() < 0.2, "{edges:?}");
    }

    #[test]
    fn a_line_narrower_than_the_window_is_compared_with_its_own_mean() {
        let mut finder = EdgeFinder::default();
        for half_window in [4, 5, 6, 7, 50] {
            let edges = finder.find(&[200, 200, 200, 200, 0, 0, 0, 0, 200, 200, 200, 200], half_window, 5.0);
            assert_eq!(edges.len(), 2, "{half_window}: {edges:?}");
        }
    }

    #[test]
    fn a_flat_or_empty_line_has_no_edges() {
        assert!(EdgeFinder::default().find(&[9; 50], 10, 3.0).is_empty());
        assert!(EdgeFinder::default().find(&[], 10, 3.0).is_empty());
    }

    #[test]
    fn noise_below_the_contrast_makes_no_edges() {
        let line: Vec<u16> = (0..60).map(|x| 100 + x % 2 * 4).collect();
        assert!(EdgeFinder::default().find(&line, 10, 3.0).is_empty());
    }
}
