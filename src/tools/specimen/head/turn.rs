//! The frames of one head turn, honest or not.

use std::time::Duration;

use clap::ValueEnum;

use super::super::SpecimenError;
use super::super::assets::Portrait;
use super::super::draw::add_noise;
use super::super::random::Random;
use super::mesh::{Mesh, unit};
use super::motion::{Pose, Sway, TurnScript, TurnSide};
use super::raster::{Camera, Lamp, Placement, Raster, ScreenLight};
use super::room::Room;
use super::sitter::Sitter;
use super::texture::{Texture, depth_inside, fill_unknown, inside};
use super::{shape, sheet};
use crate::imaging::Rgb;

/// Depth of the axis about which a head turns on its neck, behind the ears, in millimetres.
const NECK_MM: f32 = -15.0;
/// Height of the middle of the face below the eyes, in millimetres: it is what the person holds in the middle.
const FACE_MIDDLE_MM: f32 = 18.0;
/// Radius of the cylinder that the bent photo is bent to, in millimetres.
const BENT_RADIUS_MM: f32 = 150.0;

/// A known way to cheat with a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Attack {
    /// A flat print, held up and turned.
    Flat,
    /// The same print, bent to a cylinder towards the camera.
    Bent,
}

/// What is in front of the camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A person's head and shoulders.
    Head(Portrait),
    /// A printed portrait.
    Print(Portrait, Attack),
}

/// What is in front of the camera, of anybody.
#[derive(Debug, Clone, Copy)]
pub(in crate::tools) enum Stage<'a> {
    /// A person's head and shoulders.
    Head(&'a Sitter),
    /// A printed portrait.
    Sheet {
        /// Who is printed.
        print: &'a Sitter,
        /// Radius of the cylinder that it is bent to, in millimetres; `None` when it is flat.
        radius_mm: Option<f32>,
        /// Whether it is cut along the outline of the head.
        cut_out: bool,
        /// Whose body holds it before its own face.
        body: Option<&'a Sitter>,
    },
}

/// How a turn is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnOptions {
    /// The choreography.
    pub script: TurnScript,
    /// Width of the frames in pixels.
    pub width: usize,
    /// Height of the frames in pixels.
    pub height: usize,
    /// Frames a second.
    pub fps: f32,
    /// Horizontal field of view in degrees.
    pub field_degrees: f32,
    /// Distance from the camera to the ears, in millimetres; a print is held where the face would be.
    pub distance_mm: f32,
    /// How much the camera itself sways, in millimetres: near 0 on a counter, about 4 in a hand.
    pub camera_sway_mm: f32,
    /// Towards the light: image-right, down, to the camera.
    pub light: [f32; 3],
    /// Share of the light that comes from everywhere, 0…1.
    pub ambient: f32,
    /// Deviation of the sensor noise at mid grey, in grey levels.
    pub noise: f32,
    /// Gives the room, the sway and the noise.
    pub seed: u64,
}

impl TurnOptions {
    /// A kiosk's camera: 640 by 480 pixels, 15 frames a second, 60 degrees wide, half a metre away.
    #[must_use]
    pub fn new(steps: Vec<TurnSide>, seed: u64) -> Self {
        Self {
            script: TurnScript::new(steps),
            width: 640,
            height: 480,
            fps: 15.0,
            field_degrees: 60.0,
            distance_mm: 560.0,
            camera_sway_mm: 0.3,
            light: [-0.35, -0.5, 1.0],
            ambient: 0.62,
            noise: 2.5,
            seed,
        }
    }
}

/// One frame of a turn, with the truth about it.
#[derive(Debug)]
pub struct TurnFrame {
    /// The picture, not mirrored.
    pub image: Rgb,
    /// Time since the first frame.
    pub time: Duration,
    /// The pose that was rendered.
    pub pose: Pose,
}

/// Renders a turn frame by frame.
#[derive(Debug)]
pub struct TurnFrames {
    options: TurnOptions,
    room: Room,
    /// The room as it was last seen, and from where.
    seen: Option<((f32, f32), Rgb)>,
    scene: Scene,
    raster: Raster,
    sways: [Sway; 8],
    noise: Random,
    screen: Option<ScreenLight>,
    next: u32,
}

/// A surface with its colours.
type Surface = (Mesh, Texture);

#[derive(Debug)]
enum Scene {
    Person { body: Surface, face: Surface, hair: Option<Surface> },
    Sheet { sheet: Surface, body: Option<Surface> },
}

impl TurnFrames {
    /// Prepares a turn.
    ///
    /// # Errors
    /// [`SpecimenError`] when a bundled file is damaged.
    pub fn new(subject: Subject, options: TurnOptions) -> Result<Self, SpecimenError> {
        let sitter = |portrait| Sitter::bundled(portrait);
        match subject {
            Subject::Head(portrait) => Self::staged(Stage::Head(&sitter(portrait)?), options),
            Subject::Print(portrait, attack) => {
                let radius_mm = match attack {
                    Attack::Flat => None,
                    Attack::Bent => Some(BENT_RADIUS_MM),
                };
                let print = &sitter(portrait)?;
                Self::staged(Stage::Sheet { print, radius_mm, cut_out: false, body: None }, options)
            }
        }
    }

    /// Prepares a turn of anybody.
    ///
    /// # Errors
    /// [`SpecimenError`] when a bundled file is damaged.
    pub(in crate::tools) fn staged(stage: Stage<'_>, options: TurnOptions) -> Result<Self, SpecimenError> {
        let mut random = Random::new(options.seed, 30);
        // A hand holds a print less steadily than a neck holds a head.
        let (scene, steadiness) = match stage {
            Stage::Head(sitter) => (person(sitter), 1.0),
            Stage::Sheet { print, radius_mm, cut_out, body } => {
                let sheet = (sheet::sheet(radius_mm), sheet::print(print, cut_out)?);
                (Scene::Sheet { sheet, body: body.map(body_of) }, 1.6)
            }
        };
        let [yaw, pitch, roll, x, y, z] =
            [1.2, 1.5, 1.0, 5.0, 3.0, 7.0].map(|size: f32| Sway::new(size * steadiness, &mut random));
        let [camera_x, camera_y] = [options.camera_sway_mm; 2].map(|size| Sway::new(size, &mut random));
        Ok(Self {
            room: Room::new(options.seed)?,
            seen: None,
            raster: Raster::new(camera(&options)),
            sways: [yaw, pitch, roll, x, y, z, camera_x, camera_y],
            noise: Random::new(options.seed, 31),
            screen: None,
            scene,
            options,
            next: 0,
        })
    }

    /// How many frames there are in all.
    #[must_use]
    pub fn total(&self) -> u32 {
        (self.options.script.duration_s() * self.options.fps).ceil() as u32
    }

    /// The pose at a time: what the script asks for, and what a body does unasked.
    #[must_use]
    pub fn pose_at(&self, time_s: f32) -> Pose {
        self.pose_towards(self.options.script.yaw_degrees(time_s), time_s)
    }

    /// The pose of somebody who means to turn by `asked` degrees, at a time: with what a body does unasked.
    #[must_use]
    pub fn pose_towards(&self, asked: f32, time_s: f32) -> Pose {
        let [yaw, pitch, roll, x, y, z, ..] = &self.sways;
        Pose {
            yaw_degrees: asked + yaw.at(time_s),
            pitch_degrees: pitch.at(time_s) - 0.03 * asked.abs(),
            roll_degrees: roll.at(time_s) + 0.05 * asked,
            shift_mm: [x.at(time_s) + 0.12 * asked, y.at(time_s), z.at(time_s)],
        }
    }

    /// Lights what is rendered from now on by a display, or by none.
    pub fn light_by(&mut self, screen: Option<ScreenLight>) {
        self.screen = screen;
    }

    /// The room with nobody in it, as the camera sees it at a time, without noise.
    #[must_use]
    pub fn empty_room(&self, time_s: f32) -> Rgb {
        self.room.picture(&camera(&self.options), self.camera_shift(time_s))
    }

    fn camera_shift(&self, time_s: f32) -> (f32, f32) {
        (self.sways[6].at(time_s), self.sways[7].at(time_s))
    }

    /// The room behind the subject; a camera that stands still sees the same one again.
    fn behind(&mut self, camera_shift: (f32, f32)) -> Rgb {
        match &self.seen {
            Some((from, room)) if *from == camera_shift => room.clone(),
            Some(_) | None => {
                let room = self.room.picture(&camera(&self.options), camera_shift);
                self.seen = Some((camera_shift, room.clone()));
                room
            }
        }
    }

    /// Renders one pose; the camera stands as it does at `time_s`. The noise goes on from frame to frame.
    #[must_use]
    pub fn render(&mut self, pose: &Pose, time_s: f32) -> Rgb {
        let camera_shift = self.camera_shift(time_s);
        let mut image = self.behind(camera_shift);
        if let Some(screen) = &self.screen {
            screen.light_room(&mut image);
        }
        let options = &self.options;
        let lamp = Lamp { direction: unit(options.light), ambient: options.ambient, screen: self.screen };
        let at_rest = [pose.shift_mm[0] - camera_shift.0, pose.shift_mm[1] - camera_shift.1, pose.shift_mm[2]];
        self.raster.clear();
        match &self.scene {
            Scene::Person { body, face, hair } => {
                let raised = [at_rest[0], at_rest[1] - FACE_MIDDLE_MM, at_rest[2]];
                let rotation = pose.rotation();
                // The head turns about the neck, not about the ears.
                let moved = [-rotation[0][2] * NECK_MM, -rotation[1][2] * NECK_MM, NECK_MM - rotation[2][2] * NECK_MM];
                let shift = std::array::from_fn(|k| raised[k] + moved[k]);
                let head = Placement { rotation, shift, distance: options.distance_mm };
                for surface in [Some(face), hair.as_ref()].into_iter().flatten() {
                    self.raster.draw(&surface.0, &surface.1, &head, &lamp);
                }
                self.raster.keep_in_front();
                self.raster.draw(&body.0, &body.1, &upright(raised, options), &lamp);
            }
            Scene::Sheet { sheet, body } => {
                let distance = options.distance_mm - 80.0;
                let placement = Placement { rotation: pose.rotation(), shift: at_rest, distance };
                self.raster.draw(&sheet.0, &sheet.1, &placement, &lamp);
                if let Some(body) = body {
                    let shift = [-camera_shift.0, -camera_shift.1 - FACE_MIDDLE_MM, 0.0];
                    self.raster.draw(&body.0, &body.1, &upright(shift, options), &lamp);
                }
            }
        }
        self.raster.over(&mut image);
        add_noise(&mut image, options.noise, &mut self.noise);
        image
    }
}

impl Iterator for TurnFrames {
    type Item = TurnFrame;

    fn next(&mut self) -> Option<TurnFrame> {
        if self.next >= self.total() {
            return None;
        }
        let time_s = self.next as f32 / self.options.fps;
        self.next += 1;
        let pose = self.pose_at(time_s);
        let image = self.render(&pose, time_s);
        Some(TurnFrame { image, time: Duration::from_secs_f32(time_s), pose })
    }
}

fn camera(options: &TurnOptions) -> Camera {
    let focal = options.width as f32 / (2.0 * (options.field_degrees / 2.0).to_radians().tan());
    Camera { focal, width: options.width, height: options.height }
}

/// What stands upright whatever the head does.
fn upright(shift: [f32; 3], options: &TurnOptions) -> Placement {
    Placement { rotation: Pose::default().rotation(), shift, distance: options.distance_mm }
}

fn person(sitter: &Sitter) -> Scene {
    let fit = &sitter.fit;
    let is_hair = |x: usize, y: usize| {
        let (x, y) = fit.place_of(x as f32 + 0.5, y as f32 + 0.5);
        fit.within_hair(x, y) && !inside(&fit.skin, x, y)
    };
    let hair =
        (!fit.hair.is_empty()).then(|| (shape::hair(fit), Texture::opaque(&fill_unknown(&sitter.picture, is_hair))));
    Scene::Person { body: body_of(sitter), face: (shape::face(fit), Texture::opaque(&sitter.picture)), hair }
}

fn body_of(sitter: &Sitter) -> Surface {
    let fit = &sitter.fit;
    let place = |x: usize, y: usize| fit.place_of(x as f32 + 0.5, y as f32 + 0.5);
    let cover = |x, y| {
        let (x, y) = place(x, y);
        0.5 + depth_inside(&fit.body, x, y) / (2.0 * fit.mm_per_pixel)
    };
    let is_bare = |x, y| {
        let (x, y) = place(x, y);
        inside(&fit.body, x, y) && !inside(&fit.head, x, y)
    };
    let texture = match &sitter.clothes {
        Some(clothes) => Texture::new(clothes, cover),
        None => Texture::new(&fill_unknown(&sitter.picture, is_bare), cover),
    };
    (cut_out(fit), texture)
}

/// The plane that carries neck and shoulders, through the ears.
fn cut_out(fit: &super::fit::Fit) -> Mesh {
    let (columns, rows) = (16, 16);
    Mesh::new(columns + 1, rows + 1, false, |column, row| {
        let (x, y) = (column as f32 / columns as f32 * 520.0 - 260.0, row as f32 / rows as f32 * 360.0 + 20.0);
        ([x, y, -10.0], fit.pixel_of(x, y))
    })
}

#[cfg(test)]
mod tests {
    use super::super::fit::Fit;
    use super::*;

    fn frames(subject: Subject) -> TurnFrames {
        let options = TurnOptions { noise: 0.0, ..TurnOptions::new(vec![TurnSide::Left, TurnSide::Right], 1) };
        TurnFrames::new(subject, options).unwrap()
    }

    /// Which pixels differ from the empty room.
    fn extent(frames: &mut TurnFrames, pose: &Pose) -> Vec<bool> {
        let empty = frames.room.picture(&camera(&frames.options), (frames.sways[6].at(0.0), frames.sways[7].at(0.0)));
        let drawn = frames.render(pose, 0.0);
        let pairs = drawn.data().chunks_exact(3).zip(empty.data().chunks_exact(3));
        pairs.map(|(a, b)| a.iter().zip(b).any(|(a, b)| a.abs_diff(*b) > 12)).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_frames_and_another_gives_others() {
        let first = |seed| {
            let options = TurnOptions::new(vec![TurnSide::Left], seed);
            TurnFrames::new(Subject::Head(Portrait::GraceHopper), options).unwrap().next().unwrap().image
        };
        assert_eq!(first(4), first(4));
        assert_ne!(first(4), first(5));
    }

    #[test]
    fn turning_left_takes_the_face_to_image_right_and_turning_right_mirrors_that() {
        let mut frames = frames(Subject::Head(Portrait::EileenCollins));
        let mut skin_centre = |yaw_degrees| {
            let image = frames.render(&Pose { yaw_degrees, ..Pose::default() }, 0.0);
            let is_skin = |p: [u8; 3]| p[0] > 190 && p[1] > 130 && p[2] > 100 && p[0] - p[2].min(p[0]) > 25;
            let columns = (200..290).flat_map(|y| (200..440).map(move |x| (x, y)));
            let skin: Vec<usize> = columns.filter(|&(x, y)| is_skin(image.pixel(x, y))).map(|(x, _)| x).collect();
            skin.iter().sum::<usize>() as f32 / skin.len() as f32
        };
        let (left, ahead, right) = (skin_centre(35.0), skin_centre(0.0), skin_centre(-35.0));
        assert!(left > ahead + 15.0 && right < ahead - 15.0, "{left} {ahead} {right}");
    }

    #[test]
    fn the_far_eye_is_hidden_when_the_head_turns_away() {
        let mesh = shape::face(Fit::of(Portrait::EileenCollins));
        let pose = Pose { yaw_degrees: 75.0, ..Pose::default() };
        let facing = |x: f32| {
            let distance = |v: &&super::super::mesh::Vertex| (v.position[0] - x).hypot(v.position[1]);
            let front = mesh.vertices.iter().filter(|v| v.position[2] > 0.0);
            let eye = front.min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap();
            super::super::mesh::dot(pose.rotation()[2], eye.normal)
        };
        assert!(facing(-44.0) > 0.2 && facing(44.0) < 0.0, "{} {}", facing(-44.0), facing(44.0));
    }

    #[test]
    fn a_turned_sheet_gets_narrower_and_a_bent_one_less_so() {
        let width = |attack, yaw_degrees| {
            let mut frames = frames(Subject::Print(Portrait::EileenCollins, attack));
            let covered = extent(&mut frames, &Pose { yaw_degrees, ..Pose::default() });
            let row = &covered[240 * 640..241 * 640];
            let (first, last) = (row.iter().position(|c| *c).unwrap(), row.iter().rposition(|c| *c).unwrap());
            (last - first) as f32
        };
        let shrunk = |attack| width(attack, 38.0) / width(attack, 0.0);
        assert!((shrunk(Attack::Flat) - 38.0f32.to_radians().cos()).abs() < 0.06, "{}", shrunk(Attack::Flat));
        assert!(shrunk(Attack::Bent) > shrunk(Attack::Flat) + 0.03, "{}", shrunk(Attack::Bent));
    }

    #[test]
    fn every_frame_shows_the_sign_that_says_rendered() {
        let mut frames = frames(Subject::Print(Portrait::GraceHopper, Attack::Bent));
        let image = frames.next().unwrap().image;
        let is_red = |p: [u8; 3]| p[0] > 150 && p[1] < 100 && p[2] < 100;
        let red = (0..160).flat_map(|y| (60..240).map(move |x| (x, y))).filter(|&(x, y)| is_red(image.pixel(x, y)));
        assert!(red.count() > 60);
    }
}
