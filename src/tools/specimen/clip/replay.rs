//! A screen that replays a rendered honest turn.
//!
//! The screen has its own subpixels, backlight, bezel and reflections, and is held by a hand or stands. What it shows was
//! recorded before, in an order of its own: it cannot know what will be asked. The pattern of the subpixels is weakened by
//! lens and sensor as in [`super::super::recapture`]; a camera of few pixels sees little of it.

use super::super::SpecimenError;
use super::super::head::{Sitter, Stage, Sway, TurnFrames, TurnOptions};
use super::super::random::{Random, smooth_noise};
use super::super::recapture::{PixelGrid, Sheet, encoded, linear};
use super::setting::{Plan, Setting};
use super::{Rendered, drawn_steps};
use crate::imaging::{Homography, Point, Quad, Rgb};

/// Size of what is replayed, in pixels.
const SHOWN: (usize, usize) = (480, 360);
/// Steps of the table from light to sRGB.
const LIGHT_STEPS: usize = 2048;

/// A screen and how it is held.
struct Screen {
    grid: PixelGrid,
    /// Its pixels across the shown picture.
    across: f32,
    /// Width of the bezel in shares of the shown picture's width.
    bezel: f32,
    /// Width of the shown picture in shares of the frame's.
    share: f32,
    turned: [f32; 2],
    brightness: f32,
    ambient: f32,
    blur: f32,
    seed: u32,
    sways: [Sway; 4],
}

/// Renders a replay, with the order that it was recorded in.
pub fn replayed(sitter: &Sitter, setting: &Setting, random: &mut Random, seed: u64) -> Result<Rendered, SpecimenError> {
    let steps = drawn_steps(random, false);
    let plan = Plan::honest(&steps, random);
    let recorded = TurnOptions {
        width: SHOWN.0,
        height: SHOWN.1,
        distance_mm: random.between(520.0, 640.0),
        field_degrees: random.between(36.0, 44.0),
        noise: 1.5,
        ..setting.options(seed ^ 0x5C)
    };
    let mut shown = TurnFrames::staged(Stage::Head(sitter), recorded)?;
    let room = TurnFrames::staged(Stage::Head(sitter), setting.options(seed))?;
    let screen = Screen::drawn(random);
    let mut sensor = setting.sensor(seed);
    let mut show = |time: f32| {
        let pose = setting.leaning(shown.pose_towards(plan.yaw_degrees(time), time));
        let content = shown.render(&pose, time);
        let mut picture = screen.over(&room.empty_room(time), &content, time);
        sensor.expose(&mut picture);
        picture
    };
    let frames = setting.times(plan.duration_s(), seed).into_iter().map(&mut show).collect();
    let pitch = setting.width as f32 * screen.share / screen.across;
    let particulars = format!(
        "recorded as {steps:?}, {pitch:.2} pixels of the camera a pixel of the screen, share {:.2}",
        screen.share
    );
    Ok((frames, particulars))
}

impl Screen {
    fn drawn(random: &mut Random) -> Self {
        let device = random.below(3);
        let across = [(700.0, 1100.0), (900.0, 1600.0), (500.0, 1200.0)][device as usize];
        // A phone is held, a monitor stands.
        let steady = if device == 2 { 0.1 } else { 1.0 };
        Self {
            across: random.between(across.0, across.1),
            bezel: random.between(0.02, 0.09),
            share: random.between(0.5, 1.15),
            turned: [random.between(-7.0, 7.0), random.between(-4.0, 4.0)],
            brightness: random.between(0.6, 1.0),
            ambient: random.between(0.004, 0.05),
            blur: random.between(0.3, 0.6),
            seed: random.below(u32::MAX),
            grid: PixelGrid::drawn(device, random),
            sways: [6.0, 6.0, 0.8, 0.012].map(|size: f32| Sway::new(size * steady, random)),
        }
    }

    /// The screen before the room.
    fn over(&self, room: &Rgb, content: &Rgb, time_s: f32) -> Rgb {
        let (width, height) = (room.width(), room.height());
        // The sheet is the screen with its bezel, in the screen's own pixels.
        let scale = self.across / content.width() as f32;
        let border = self.bezel * self.across;
        let (sheet_width, sheet_height) = (self.across + 2.0 * border, content.height() as f32 * scale + 2.0 * border);
        let corners = self.corners((width as f32, height as f32), sheet_height / sheet_width, time_s);
        let flat = [(0.0, 0.0), (sheet_width, 0.0), (sheet_width, sheet_height), (0.0, sheet_height)];
        let Some(to_sheet) = Homography::between(corners, Quad(flat.map(|(x, y)| Point::new(x, y)))) else {
            return room.clone();
        };
        let light_of: [f32; 256] = std::array::from_fn(|value| linear(value as f32 / 255.0));
        let mut light = Sheet::filled(width, height, [0.0; 3]);
        let source = Sheet::of(content);
        let m = to_sheet.coefficients().map(|value| value as f32);
        for y in 0..height {
            for x in 0..width {
                let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
                let near = 1.0 / (m[6] * px + m[7] * py + m[8]);
                let (u, v) = ((m[0] * px + m[1] * py + m[2]) * near, (m[3] * px + m[4] * py + m[5]) * near);
                let at = y * width + x;
                if u < 0.0 || v < 0.0 || u > sheet_width || v > sheet_height {
                    let behind = room.pixel(x, y);
                    for k in 0..3 {
                        light.planes[k][at] = light_of[usize::from(behind[k])];
                    }
                    continue;
                }
                let glass = self.ambient * (1.0 + 0.7 * smooth_noise(u / 250.0, v / 250.0, self.seed));
                let inside = u > border && v > border && u < sheet_width - border && v < sheet_height - border;
                let shown = if inside { source.at((u - border) / scale, (v - border) / scale) } else { [0.004; 3] };
                for (plane, value) in light.planes.iter_mut().zip(shown) {
                    plane[at] = value * self.brightness + glass;
                }
            }
        }
        self.grid.cover(&mut light, &to_sheet, (sheet_width, sheet_height), self.blur);
        let tone: Vec<u8> =
            (0..=LIGHT_STEPS).map(|k| (encoded(k as f32 / LIGHT_STEPS as f32) * 255.0 + 0.5) as u8).collect();
        let value = |light: f32| tone[(light.clamp(0.0, 1.0) * LIGHT_STEPS as f32) as usize];
        Rgb::from_fn(width, height, |x, y| [0, 1, 2].map(|k| value(light.planes[k][y * width + x])))
    }

    /// Where the corners of the screen are in the frame.
    fn corners(&self, (width, height): (f32, f32), aspect: f32, time_s: f32) -> Quad {
        let [x, y, roll, nearness] = [0, 1, 2, 3].map(|k| self.sways[k].at(time_s));
        let half = self.share * width / 2.0 * (1.0 + nearness) * (1.0 + 2.0 * self.bezel);
        let (sin, cos) = roll.to_radians().sin_cos();
        let [yaw, pitch] = self.turned.map(f32::to_radians);
        let corner = |(sx, sy): (f32, f32)| {
            let (u, v) = (sx * half * yaw.cos(), sy * half * aspect * pitch.cos());
            // Half a metre away, in a field of 60 degrees.
            let depth = 1.0 + (sx * half * yaw.sin() + sy * half * aspect * pitch.sin()) / (width * 0.87);
            let (u, v) = (u / depth, v / depth);
            Point::new(width / 2.0 + x + cos * u - sin * v, height / 2.0 + y + sin * u + cos * v)
        };
        Quad([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)].map(corner))
    }
}
