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

/// The light of a display where the camera is, in shares of all other light on a surface that faces it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScreenLight {
    /// Red, green and blue on the person, proportional to light and not to its code.
    pub person: [f32; 3],
    /// Share of it that still lights the wall of the room.
    pub room: f32,
}

/// A surface that faces nothing still gets so much of a large display's light.
const ALL_ROUND: f32 = 0.2;
/// Exponent from a ratio of lights to one of codes; near enough to sRGB's.
const CODED: f32 = 1.0 / 2.2;

impl ScreenLight {
    /// What the codes of a surface are multiplied by; `towards` is the cosine between its normal and the camera.
    fn change(&self, towards: f32) -> [f32; 3] {
        let share = ALL_ROUND + (1.0 - ALL_ROUND) * towards.max(0.0);
        self.person.map(|light| (1.0 + light * share).powf(CODED))
    }

    /// The room in this light.
    pub fn light_room(&self, picture: &mut Rgb) {
        let gains = self.person.map(|light| (1.0 + light * self.room).powf(CODED));
        let table = gains.map(|gain| std::array::from_fn(|v| (v as f32 * gain + 0.5).min(255.0) as u8));
        let table: [[u8; 256]; 3] = table;
        for pixel in picture.data_mut().chunks_exact_mut(3) {
            for (value, table) in pixel.iter_mut().zip(&table) {
                *value = table[usize::from(*value)];
            }
        }
    }
}

/// Light from one direction and from everywhere, relative to the light that is already in the portrait.
#[derive(Debug, Clone, Copy)]
pub struct Lamp {
    /// Towards the light.
    pub direction: Vector,
    /// Share of the light that comes from everywhere, 0…1.
    pub ambient: f32,
    /// A display's light.
    pub screen: Option<ScreenLight>,
}

impl Lamp {
    /// How much brighter a surface is after its normal turned, in red, green and blue.
    fn change(&self, before: Vector, after: Vector) -> [f32; 3] {
        let direction = unit(self.direction);
        let light = |normal| self.ambient + (1.0 - self.ambient) * dot(normal, direction).max(0.0);
        let turned = (light(after) / light(before).max(0.05)).clamp(0.45, 1.15);
        let screen = self.screen.map_or([1.0; 3], |screen| screen.change(after[2]));
        screen.map(|change| turned * change)
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
    light: [f32; 3],
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

    /// Keeps everything that is there in front of what comes next, whatever its depth.
    pub fn keep_in_front(&mut self) {
        for depth in self.depths.iter_mut().filter(|depth| depth.is_finite()) {
            *depth = 0.0;
        }
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
        // Weights of b and c change by a constant from column to column.
        let (step_b, step_c) = ((c.y - a.y) / area, (a.y - b.y) / area);
        let columns = range(a.x.min(b.x).min(c.x), a.x.max(b.x).max(c.x), self.width);
        for y in range(a.y.min(b.y).min(c.y), a.y.max(b.y).max(c.y), self.height) {
            let (px, py) = (columns.start as f32 + 0.5 - a.x, y as f32 + 0.5 - a.y);
            let mut weight_b = (px * (c.y - a.y) - (c.x - a.x) * py) / area;
            let mut weight_c = ((b.x - a.x) * py - px * (b.y - a.y)) / area;
            for x in columns.clone() {
                if weight_b >= -1e-4 && weight_c >= -1e-4 && weight_b + weight_c <= 1.0001 {
                    self.fragment(y * self.width + x, weight_b, weight_c, &corners, texture);
                }
                weight_b += step_b;
                weight_c += step_c;
            }
        }
    }

    #[inline]
    fn fragment(&mut self, index: usize, weight_b: f32, weight_c: f32, [a, b, c]: &[Corner; 3], texture: &Texture) {
        let mix = |a: f32, b: f32, c: f32| a + (b - a) * weight_b + (c - a) * weight_c;
        let depth = mix(a.depth, b.depth, c.depth);
        if depth >= self.depths[index] {
            return;
        }
        let texel = [0, 1].map(|k| mix(a.texel[k], b.texel[k], c.texel[k]));
        let [red, green, blue, cover] = texture.sample(texel[0], texel[1]);
        if cover < COVER {
            return;
        }
        let lit = |value: f32, k: usize| {
            let light = mix(a.light[k], b.light[k], c.light[k]);
            (value * light + 0.5).min(255.0) as u8
        };
        self.depths[index] = depth;
        self.colours[index] = [lit(red, 0), lit(green, 1), lit(blue, 2), 1];
    }

    /// Puts what was drawn over a picture of the camera's size: each pixel is the mean of its samples, with the picture
    /// where nothing was drawn.
    pub fn over(&self, picture: &mut Rgb) {
        for y in 0..self.camera.height.min(picture.height()) {
            for x in 0..self.camera.width.min(picture.width()) {
                let start = SAMPLES * (y * self.width + x);
                let [mut red, mut green, mut blue, mut covered] = [0u16; 4];
                for index in [start, start + 1, start + self.width, start + self.width + 1] {
                    // What was never drawn is zero throughout.
                    let [r, g, b, drawn] = self.colours[index].map(u16::from);
                    (red, green, blue, covered) = (red + r, green + g, blue + b, covered + drawn);
                }
                if covered > 0 {
                    let behind = picture.pixel(x, y).map(|value| u16::from(value) * (4 - covered) + 2);
                    let mean = |drawn: u16, behind: u16| ((drawn + behind) / 4) as u8;
                    picture.set_pixel(x, y, [mean(red, behind[0]), mean(green, behind[1]), mean(blue, behind[2])]);
                }
            }
        }
    }
}
