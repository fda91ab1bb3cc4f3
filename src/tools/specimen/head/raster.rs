//! A z-buffer rasteriser with four samples a pixel.

use super::mesh::{Mesh, Vector, Vertex, dot, unit};
use super::texture::Texture;
use crate::imaging::Rgb;

/// Samples a pixel along each axis.
const SAMPLES: usize = 2;
/// Nothing nearer to the camera than this many millimetres is drawn.
const NEAREST_MM: f32 = 60.0;
/// Cover, of 255, from which a texel hides what is behind it.
const COVER: f32 = 128.0;

/// A pinhole camera at the origin that looks along its own depth.
#[derive(Debug, Clone, Copy)]
pub struct Camera {
    /// Focal length in pixels.
    pub focal: f32,
    /// Width of the picture in pixels.
    pub width: usize,
    /// Height of the picture in pixels.
    pub height: usize,
}

/// Where a surface is: turned about the origin of its frame, then moved; its z becomes nearness to the camera.
#[derive(Debug, Clone, Copy)]
pub struct Placement {
    /// Rows of the rotation.
    pub rotation: [Vector; 3],
    /// Shift after the turn.
    pub shift: Vector,
    /// Distance of the frame's origin from the camera.
    pub distance: f32,
}

impl Placement {
    fn turned(&self, v: Vector) -> Vector {
        [dot(self.rotation[0], v), dot(self.rotation[1], v), dot(self.rotation[2], v)]
    }
}

/// Light from one direction and from everywhere, relative to the light that is already in the portrait.
#[derive(Debug, Clone, Copy)]
pub struct Lamp {
    /// Towards the light.
    pub direction: Vector,
    /// Share of the light that comes from everywhere, 0…1.
    pub ambient: f32,
}

impl Lamp {
    /// How much brighter a surface is after its normal turned.
    fn change(&self, before: Vector, after: Vector) -> f32 {
        let direction = unit(self.direction);
        let light = |normal| self.ambient + (1.0 - self.ambient) * dot(normal, direction).max(0.0);
        (light(after) / light(before).max(0.05)).clamp(0.45, 1.35)
    }
}

/// What has been drawn so far, at sample resolution.
#[derive(Debug)]
pub struct Raster {
    camera: Camera,
    width: usize,
    height: usize,
    colours: Vec<[u8; 4]>,
    depths: Vec<f32>,
    projected: Vec<Corner>,
}

/// A vertex as the camera sees it: sample coordinates, depth, light.
#[derive(Debug, Clone, Copy, Default)]
struct Corner {
    x: f32,
    y: f32,
    depth: f32,
    light: f32,
    texel: [f32; 2],
}

impl Raster {
    /// An empty drawing.
    pub fn new(camera: Camera) -> Self {
        let (width, height) = (camera.width * SAMPLES, camera.height * SAMPLES);
        let (colours, depths) = (vec![[0; 4]; width * height], vec![f32::INFINITY; width * height]);
        Self { camera, width, height, colours, depths, projected: Vec::new() }
    }

    /// Starts anew.
    pub fn clear(&mut self) {
        self.colours.fill([0; 4]);
        self.depths.fill(f32::INFINITY);
    }

    /// Lets what comes next cover everything that is there, whatever its depth.
    pub fn forget_depth(&mut self) {
        self.depths.fill(f32::INFINITY);
    }

    /// Draws the side of a surface that faces the camera.
    pub fn draw(&mut self, mesh: &Mesh, texture: &Texture, placement: &Placement, lamp: &Lamp) {
        let mut projected = std::mem::take(&mut self.projected);
        projected.clear();
        projected.extend(mesh.vertices.iter().map(|vertex| self.project(vertex, placement, lamp)));
        let columns = mesh.columns;
        for row in projected.windows(columns + 1).enumerate().filter(|(k, _)| k % columns + 1 < columns).map(|(k, _)| k)
        {
            if row + columns + 1 >= projected.len() {
                break;
            }
            let [a, b] = [projected[row], projected[row + 1]];
            let [c, d] = [projected[row + columns], projected[row + columns + 1]];
            self.triangle([a, b, d], texture);
            self.triangle([a, d, c], texture);
        }
        self.projected = projected;
    }

    fn project(&self, vertex: &Vertex, placement: &Placement, lamp: &Lamp) -> Corner {
        let turned = placement.turned(vertex.position);
        let depth = placement.distance - (turned[2] + placement.shift[2]);
        let scale = SAMPLES as f32 * self.camera.focal / depth.max(NEAREST_MM);
        Corner {
            x: self.width as f32 / 2.0 + (turned[0] + placement.shift[0]) * scale,
            y: self.height as f32 / 2.0 + (turned[1] + placement.shift[1]) * scale,
            depth,
            light: lamp.change(vertex.normal, placement.turned(vertex.normal)),
            texel: vertex.texel,
        }
    }

    fn triangle(&mut self, corners: [Corner; 3], texture: &Texture) {
        let [a, b, c] = corners;
        let area = (b.x - a.x) * (c.y - a.y) - (c.x - a.x) * (b.y - a.y);
        // Corners run clockwise in the picture when the surface faces the camera.
        if area <= 1e-6 || corners.iter().any(|corner| corner.depth <= NEAREST_MM) {
            return;
        }
        let range = |low: f32, high: f32, limit: usize| {
            let from = (low - 0.5).ceil().max(0.0) as usize;
            from..((high - 0.5).floor() + 1.0).clamp(0.0, limit as f32) as usize
        };
        let (left, right) = (a.x.min(b.x).min(c.x), a.x.max(b.x).max(c.x));
        for y in range(a.y.min(b.y).min(c.y), a.y.max(b.y).max(c.y), self.height) {
            for x in range(left, right, self.width) {
                let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
                let wb = ((px - a.x) * (c.y - a.y) - (c.x - a.x) * (py - a.y)) / area;
                let wc = ((b.x - a.x) * (py - a.y) - (px - a.x) * (b.y - a.y)) / area;
                let wa = 1.0 - wb - wc;
                if wa >= -1e-4 && wb >= -1e-4 && wc >= -1e-4 {
                    self.fragment(y * self.width + x, [wa, wb, wc], &corners, texture);
                }
            }
        }
    }

    fn fragment(&mut self, index: usize, weights: [f32; 3], corners: &[Corner; 3], texture: &Texture) {
        let mixed = |value: fn(&Corner) -> f32| (0..3).map(|k| weights[k] * value(&corners[k])).sum::<f32>();
        let depth = mixed(|corner| corner.depth);
        if depth >= self.depths[index] {
            return;
        }
        let [r, g, b, cover] = texture.sample(mixed(|corner| corner.texel[0]), mixed(|corner| corner.texel[1]));
        if cover < COVER {
            return;
        }
        let light = mixed(|corner| corner.light);
        let [r, g, b] = [r, g, b].map(|v| (v * light + 0.5).min(255.0) as u8);
        self.depths[index] = depth;
        self.colours[index] = [r, g, b, 1];
    }

    /// The finished picture: the mean of each pixel's samples, with `background` where nothing was drawn.
    pub fn resolve(&self, background: impl Fn(usize, usize) -> [u8; 3]) -> Rgb {
        Rgb::from_fn(self.camera.width, self.camera.height, |x, y| {
            let start = SAMPLES * (y * self.width + x);
            let samples = [start, start + 1, start + self.width, start + self.width + 1].map(|k| self.colours[k]);
            let covered = samples.iter().filter(|sample| sample[3] > 0).count() as u16;
            let behind = if covered < 4 { background(x, y) } else { [0; 3] };
            [0, 1, 2].map(|k| {
                let drawn: u16 = samples.iter().filter(|sample| sample[3] > 0).map(|sample| u16::from(sample[k])).sum();
                ((drawn + u16::from(behind[k]) * (4 - covered) + 2) / 4) as u8
            })
        })
    }
}
