//! Where things are in the bundled portraits: outlines and marks in millimetres, measured once on the pictures.
//!
//! The scale comes from the distance of the outer eye corners (88 mm, the mean of adult women), the roll from the line
//! between them. Depth is not measured here: it comes from [`super::shape`].

use std::borrow::Cow;

use super::super::assets::Portrait;

/// One portrait's measures.
#[derive(Debug, Clone)]
pub struct Fit {
    /// The middle between the outer eye corners, in pixels of the bundled picture.
    pub eyes: (f32, f32),
    /// Roll of the head, clockwise in the picture, in degrees.
    pub roll_degrees: f32,
    /// Millimetres that one pixel of the picture spans at the face.
    pub mm_per_pixel: f32,
    /// Outline of face and skull: height, left, right.
    pub face: Cow<'static, [(f32, f32, f32)]>,
    /// Outline of hair, hat and ears: height, left, right.
    pub hair: Cow<'static, [(f32, f32, f32)]>,
    /// Depth of the front of hair or hat in the middle, by height.
    pub hair_front: Cow<'static, [(f32, f32)]>,
    /// How far the brim of a hat droops to the sides, in millimetres at 70 mm from the middle, growing with the fourth
    /// power of the distance; and by height of the middle how much of that there is, 0…1.
    pub hair_droop: (f32, Cow<'static, [(f32, f32)]>),
    /// Depth at which hair or hat is widest.
    pub hair_middle: f32,
    /// Depth of the back of hair or hat, by height.
    pub hair_back: Cow<'static, [(f32, f32)]>,
    /// Skin that is not part of the hair: a polygon.
    pub skin: Cow<'static, [(f32, f32)]>,
    /// Neck, shoulders and clothes: a polygon.
    pub body: Cow<'static, [(f32, f32)]>,
    /// The head as it covers the body: a polygon.
    pub head: Cow<'static, [(f32, f32)]>,
    /// Angle from the front, in degrees, up to which the face takes its colours from the portrait itself.
    pub face_seen_degrees: f32,
    /// How many degrees of the last part are repeated behind it, by height: few where glasses end, to give them an arm.
    pub face_repeat_degrees: Cow<'static, [(f32, f32)]>,
    /// Angle from the front, in degrees, up to which hair and ears take their colours from the portrait itself; behind
    /// it they repeat the last part, because a portrait shows nothing of the sides.
    pub hair_seen_degrees: f32,
    /// A patch of plain hair, left, top, right, bottom, and the height below which the unseen sides take their colours
    /// from it instead, so that an ear is not repeated; `None` where the last part is hair already.
    pub plain_hair: Option<([f32; 4], f32)>,
}

impl Fit {
    /// The measures of a portrait.
    pub fn of(portrait: Portrait) -> &'static Self {
        match portrait {
            Portrait::EileenCollins => &COLLINS,
            Portrait::GraceHopper => &HOPPER,
        }
    }

    /// The pixel of the bundled picture that shows a place of the levelled face.
    pub fn pixel_of(&self, x: f32, y: f32) -> [f32; 2] {
        let (sin, cos) = self.roll_degrees.to_radians().sin_cos();
        [self.eyes.0 + (cos * x - sin * y) / self.mm_per_pixel, self.eyes.1 + (sin * x + cos * y) / self.mm_per_pixel]
    }

    /// The place of the levelled face that a pixel of the bundled picture shows.
    pub fn place_of(&self, x: f32, y: f32) -> (f32, f32) {
        let (sin, cos) = self.roll_degrees.to_radians().sin_cos();
        let (dx, dy) = ((x - self.eyes.0) * self.mm_per_pixel, (y - self.eyes.1) * self.mm_per_pixel);
        (cos * dx + sin * dy, cos * dy - sin * dx)
    }

    /// Whether a place lies well within the outline of hair or hat, where no background shines through.
    pub fn within_hair(&self, x: f32, y: f32) -> bool {
        const MARGIN_MM: f32 = 3.0;
        within(&self.hair, MARGIN_MM, x, y)
    }

    /// Whether a place is part of the head: face, skull, hair, hat or ears.
    pub fn shows_head(&self, x: f32, y: f32) -> bool {
        within(&self.hair, 0.0, x, y) || within(&self.face, 0.0, x, y)
    }
}

/// Whether a place lies within an outline of height, left and right, by a margin.
fn within(outline: &[(f32, f32, f32)], margin: f32, x: f32, y: f32) -> bool {
    outline.windows(2).any(|rows| {
        let (a, b) = (rows[0], rows[1]);
        let share = (y - a.0) / (b.0 - a.0);
        let (left, right) = (a.1 + (b.1 - a.1) * share, a.2 + (b.2 - a.2) * share);
        (0.0..1.0).contains(&share) && x > left + margin && x < right - margin
    })
}

#[rustfmt::skip]
static COLLINS: Fit = Fit {
    eyes: (201.2, 102.6),
    roll_degrees: 3.2,
    mm_per_pixel: 1.40,
    face: Cow::Borrowed(&[
        (-115.0, -4.0, 4.0), (-110.0, -30.0, 30.0), (-100.0, -47.0, 47.0), (-85.0, -61.0, 61.0), (-65.0, -70.0, 70.0),
        (-45.0, -72.0, 72.0), (-20.0, -68.0, 68.0), (0.0, -66.0, 67.0), (20.0, -63.5, 65.0), (40.0, -60.5, 62.0),
        (57.0, -57.0, 58.0), (70.0, -51.0, 52.0), (80.0, -44.0, 44.0), (90.0, -34.0, 33.0), (97.0, -25.0, 24.0),
        (102.0, -15.0, 14.0), (105.0, -3.0, 3.0),
    ]),
    hair: Cow::Borrowed(&[
        (-122.0, -5.0, 12.0), (-117.0, -25.0, 32.0), (-110.0, -39.0, 52.0), (-100.0, -55.0, 68.0), (-90.0, -67.0, 80.0),
        (-80.0, -82.0, 87.0), (-70.0, -93.0, 92.0), (-60.0, -99.0, 95.0), (-40.0, -104.0, 100.0), (-20.0, -101.0, 104.0),
        (0.0, -98.0, 99.0), (10.0, -90.0, 95.0), (20.0, -81.0, 88.0), (28.0, -77.0, 80.0), (36.0, -72.0, 76.0),
        (43.0, -62.0, 64.0),
    ]),
    hair_front: Cow::Borrowed(&[
        (-122.0, 12.0), (-117.0, 45.0), (-110.0, 66.0), (-100.0, 82.0), (-85.0, 93.0), (-65.0, 96.0), (-50.0, 96.0),
        (-42.0, 92.0), (-34.0, 80.0), (-24.0, 64.0), (-10.0, 48.0), (0.0, 40.0), (20.0, 32.0), (43.0, 18.0),
    ]),
    hair_droop: (0.0, Cow::Borrowed(&[])),
    hair_middle: -10.0,
    hair_back: Cow::Borrowed(&[(-122.0, -22.0), (-110.0, -75.0), (-90.0, -100.0), (-50.0, -112.0), (0.0, -105.0), (43.0, -75.0)]),
    skin: Cow::Borrowed(&[
        (-60.0, -36.0), (-40.0, -38.0), (0.0, -28.0), (30.0, -25.0), (58.0, -15.0), (61.0, 0.0), (62.0, 60.0),
        (-60.0, 60.0),
    ]),
    body: Cow::Borrowed(&[
        (-50.0, 70.0), (-75.0, 70.0), (-99.0, 77.0), (-118.0, 92.0), (-131.0, 110.0), (-138.0, 130.0), (-141.0, 151.0),
        (-152.0, 157.0), (-175.0, 183.0), (-204.0, 208.0), (-223.0, 233.0), (-240.0, 271.0), (-245.0, 300.0),
        (-248.0, 400.0), (212.0, 400.0), (200.0, 300.0), (190.0, 263.0), (180.0, 237.0), (166.0, 215.0), (147.0, 197.0),
        (118.0, 182.0), (110.0, 161.0), (98.0, 136.0), (78.0, 117.0), (59.0, 105.0), (46.0, 100.0), (43.0, 90.0),
        (43.0, 40.0), (-45.0, 40.0), (-45.0, 68.0),
    ]),
    head: Cow::Borrowed(&[
        (-112.0, -130.0), (112.0, -130.0), (112.0, 30.0), (66.0, 58.0), (52.0, 90.0), (34.0, 101.0), (15.0, 109.0),
        (-3.0, 110.0), (-18.0, 108.0), (-36.0, 97.0), (-51.0, 82.0), (-64.0, 58.0), (-112.0, 30.0),
    ]),
    face_seen_degrees: 66.0,
    face_repeat_degrees: Cow::Borrowed(&[(0.0, 14.0)]),
    hair_seen_degrees: 68.0,
    plain_hair: None,
};

#[rustfmt::skip]
static HOPPER: Fit = Fit {
    eyes: (264.6, 190.6),
    roll_degrees: -1.8,
    mm_per_pixel: 0.695,
    face: Cow::Borrowed(&[
        (-104.0, -4.0, 4.0), (-99.0, -30.0, 29.0), (-88.0, -52.0, 51.0), (-70.0, -64.0, 63.0), (-45.0, -68.0, 67.0),
        (-20.0, -66.0, 65.0), (0.0, -65.0, 64.0), (20.0, -64.0, 63.0), (40.0, -60.0, 59.5), (53.0, -54.5, 54.5),
        (64.0, -50.0, 50.0), (74.0, -45.5, 45.5), (82.0, -39.0, 39.0), (89.0, -31.0, 31.0), (95.0, -21.0, 21.0),
        (98.0, -12.0, 13.0), (99.5, -2.0, 4.0),
    ]),
    hair: Cow::Borrowed(&[
        (-116.0, -6.0, 4.0), (-112.0, -22.0, 18.0), (-106.0, -30.0, 28.0), (-101.0, -41.0, 36.0), (-95.0, -49.0, 48.0),
        (-85.0, -57.0, 58.0), (-76.0, -61.5, 63.0), (-71.0, -68.0, 67.0), (-65.0, -76.0, 72.0), (-50.0, -79.0, 74.5),
        (-30.0, -80.0, 75.0), (-5.0, -78.0, 74.0), (10.0, -77.0, 77.0), (25.0, -73.0, 73.0), (40.0, -73.0, 67.0),
        (55.0, -73.0, 66.0), (65.0, -67.0, 62.0), (75.0, -58.0, 56.0), (82.0, -48.0, 48.0),
    ]),
    hair_front: Cow::Borrowed(&[
        (-118.0, 30.0), (-112.0, 66.0), (-100.0, 82.0), (-80.0, 92.0), (-68.0, 98.0), (-60.0, 106.0), (-50.0, 111.0),
        (-42.0, 111.0), (-39.0, 60.0), (-36.0, 34.0), (0.0, 18.0), (40.0, 6.0), (60.0, -8.0), (82.0, -13.0),
    ]),
    hair_droop: (28.0, Cow::Borrowed(&[(-112.0, 0.0), (-64.0, 1.0), (-34.0, 1.0), (40.0, 0.0)])),
    hair_middle: -15.0,
    hair_back: Cow::Borrowed(&[(-116.0, -30.0), (-106.0, -70.0), (-85.0, -98.0), (-40.0, -108.0), (0.0, -102.0), (82.0, -70.0)]),
    skin: Cow::Borrowed(&[
        (-63.0, -15.0), (-56.0, -30.0), (-40.0, -38.0), (0.0, -40.5), (40.0, -38.0), (56.0, -30.0), (62.0, -15.0),
        (60.0, 52.0), (50.0, 60.0), (46.0, 75.0), (42.0, 90.0), (-50.0, 90.0), (-61.0, 58.0),
    ]),
    body: Cow::Borrowed(&[
        (-47.0, 88.0), (-60.0, 99.0), (-75.0, 107.0), (-110.0, 117.0), (-135.0, 124.0), (-148.0, 132.0), (-157.0, 148.0),
        (-166.0, 190.0), (-174.0, 230.0), (-180.0, 280.0), (-184.0, 400.0), (155.0, 400.0), (157.0, 290.0),
        (159.0, 230.0), (159.0, 178.0), (155.0, 162.0), (149.0, 146.0), (138.0, 139.0), (110.0, 130.0), (80.0, 117.0),
        (60.0, 106.0), (50.0, 97.0), (44.0, 92.0), (40.0, 80.0), (40.0, 40.0), (-40.0, 40.0), (-40.0, 80.0),
    ]),
    head: Cow::Borrowed(&[
        (-86.0, -125.0), (86.0, -125.0), (86.0, 60.0), (62.0, 84.0), (44.0, 88.0), (32.0, 99.0), (16.0, 106.0),
        (-2.0, 107.0), (-16.0, 106.0), (-32.0, 99.0), (-46.0, 88.0), (-66.0, 84.0), (-86.0, 60.0),
    ]),
    face_seen_degrees: 63.0,
    face_repeat_degrees: Cow::Borrowed(&[(14.0, 3.0), (34.0, 15.0)]),
    hair_seen_degrees: 76.0,
    plain_hair: Some(([51.0, 59.0, 57.0, 70.0], -8.0)),
};
