//! Each sign by a feed that has it and by one that looks like it and is honest. Noise is drawn from seeds: no picture of a
//! real camera is needed to say what its last bit does.

use proptest::prelude::*;

use super::*;
use crate::imaging::Provenance;

const WIDTH: usize = 160;
const HEIGHT: usize = 90;

/// Seeded numbers (splitmix64).
struct Seeded(u64);

impl Seeded {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to 1.
    fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1_u32 << 24) as f32
    }

    /// Of deviation 1, near enough.
    fn noise(&mut self) -> f32 {
        ((0..6).map(|_| self.unit()).sum::<f32>() - 3.0) * 2.0_f32.sqrt()
    }
}

/// A still room in which a ball swings from side to side: back at its place every two seconds.
fn scene(seconds: f32) -> Vec<f32> {
    let centre = (0.5 + 0.25 * (std::f32::consts::PI * seconds).sin()) * WIDTH as f32;
    let shade = |x: usize, y: usize| {
        let (dx, dy) = (x as f32 - centre, y as f32 - HEIGHT as f32 / 2.0);
        let room = 70.0 + 0.4 * x as f32 + 0.5 * y as f32;
        if dx.hypot(dy) < 25.0 { 200.0 + 0.5 * dx } else { room }
    };
    (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| shade(x, y))).collect()
}

/// What a sensor of that noise makes of it.
fn exposed(scene: &[f32], deviation: f32, seeded: &mut Seeded) -> Rgb {
    let mut level = |value: f32| (value + deviation * seeded.noise()).round().clamp(0.0, 255.0) as u8;
    let data = scene.iter().flat_map(|&value| [level(value), level(value), level(value)]).collect();
    Rgb::from_raw(WIDTH, HEIGHT, data).unwrap()
}

/// Shows pictures at uneven moments, 30 a second.
struct Feed {
    monitor: FeedMonitor,
    seeded: Seeded,
    at: Duration,
    sequence: u64,
}

impl Feed {
    fn new(seed: u64) -> Self {
        let at = Duration::from_secs(3);
        Self { monitor: FeedMonitor::new(Some(30.0)), seeded: Seeded(seed), at, sequence: 0 }
    }

    fn show(&mut self, image: &Rgb) {
        self.at += Duration::from_micros(31_000 + self.seeded.bits() % 4_600);
        self.sequence += 1;
        self.show_at(image, self.at, self.sequence);
    }

    fn show_at(&mut self, image: &Rgb, captured_at: Duration, sequence: u64) {
        let image = image.clone();
        self.monitor.observe(&Frame { image, captured_at, sequence, provenance: Provenance::Simulated });
    }

    fn film(&mut self, frames: usize, deviation: f32) -> Vec<Rgb> {
        let mut shots = Vec::new();
        for k in 0..frames {
            let shot = exposed(&scene(k as f32 / 30.0), deviation, &mut self.seeded);
            self.show(&shot);
            shots.push(shot);
        }
        shots
    }

    fn signs(&self) -> Vec<FeedSign> {
        self.monitor.report().signs().collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn an_honest_feed_has_no_sign_also_when_the_same_scene_comes_again(seed: u64, deviation in 0.7_f32..5.0) {
        let mut feed = Feed::new(seed);
        feed.film(140, deviation);
        prop_assert_eq!(feed.signs(), []);
    }

    #[test]
    fn any_pictures_at_any_times_are_taken_in_without_a_panic(
        frames in prop::collection::vec((1_usize..40, 1_usize..40, 0_u64..5_000_000, 0_u64..9, any::<u8>()), 0..80),
    ) {
        let mut monitor = FeedMonitor::new(Some(30.0));
        for (width, height, micros, sequence, shade) in frames {
            let image = Rgb::from_fn(width, height, |x, y| [shade.wrapping_mul(x as u8), y as u8, shade]);
            let captured_at = Duration::from_micros(micros);
            monitor.observe(&Frame { image, captured_at, sequence, provenance: Provenance::Files });
        }
        prop_assert!(monitor.sampled.len() <= MOST_SAMPLED && monitor.times.len() <= TIMED);
    }
}

#[test]
fn a_picture_that_stands_for_a_second_is_frozen_and_one_that_a_driver_repeats_is_not() {
    let mut feed = Feed::new(1);
    let last = feed.film(40, 1.5).pop().unwrap();
    for _ in 0..4 {
        feed.show(&last);
    }
    assert_eq!(feed.signs(), []);
    for _ in 0..30 {
        feed.show(&last);
    }
    assert_eq!(feed.signs(), [FeedSign::Frozen]);
}

#[test]
fn pictures_that_come_again_to_the_last_bit_are_a_loop_and_one_late_buffer_is_none() {
    let mut feed = Feed::new(2);
    let shots = feed.film(60, 1.5);
    feed.show(&shots[58]);
    feed.film(10, 1.5);
    assert_eq!(feed.signs(), []);
    for shot in &shots {
        feed.show(shot);
    }
    assert!(feed.signs().contains(&FeedSign::Looped) && feed.monitor.report().refuses(), "{:?}", feed.signs());
}

#[test]
fn a_feed_that_is_played_again_in_a_later_session_is_known_though_its_pixels_were_wiped() {
    let mut feed = Feed::new(3);
    let shots = feed.film(60, 1.5);
    feed.monitor.forget();
    assert!(feed.monitor.sampled.is_empty());
    feed.monitor.begin();
    for shot in &shots[10..20] {
        feed.show(shot);
    }
    assert_eq!(feed.signs(), [FeedSign::Looped]);
}

#[test]
fn pictures_that_come_again_with_a_little_noise_added_are_flagged_and_refuse_nothing() {
    let mut feed = Feed::new(4);
    let shots = feed.film(90, 1.5);
    assert_eq!(feed.signs(), []);
    for shot in &shots[20..60] {
        let mut touched = shot.clone();
        for value in touched.data_mut() {
            *value = (f32::from(*value) + 0.4 * feed.seeded.noise()).round().clamp(0.0, 255.0) as u8;
        }
        feed.show(&touched);
    }
    assert_eq!(feed.signs(), [FeedSign::Repeated]);
    assert!(!feed.monitor.report().refuses());
}

#[test]
fn a_drawn_feed_without_noise_is_flagged_and_a_compressed_one_that_flickers_a_little_is_not() {
    let mut feed = Feed::new(5);
    for k in 0..40 {
        // Uneven steps: no picture comes again.
        let drawn = exposed(&scene(k as f32 * 0.0371), 0.0, &mut feed.seeded);
        feed.show(&drawn);
    }
    assert_eq!(feed.signs(), [FeedSign::NoiseFree]);
    assert!(!feed.monitor.report().refuses());
    let mut feed = Feed::new(6);
    feed.film(60, 0.5);
    assert_eq!(feed.signs(), []);
}

#[test]
fn frames_faster_than_the_camera_are_impossible_and_a_few_that_waited_in_the_driver_are_not() {
    let mut feed = Feed::new(7);
    let shots = feed.film(20, 1.5);
    // The system was busy for a while; what waited in the driver comes at once.
    feed.at += Duration::from_millis(150);
    for (k, shot) in (0_u32..).zip(&exposures(&mut feed, 5)) {
        feed.sequence += 1;
        feed.show_at(shot, feed.at + Duration::from_micros(900) * k, feed.sequence);
    }
    assert_eq!(feed.signs(), []);
    let mut fast = Feed::new(8);
    for (k, shot) in (0_u32..).zip(&shots) {
        let uneven = Duration::from_micros(fast.seeded.bits() % 3000);
        fast.show_at(shot, Duration::from_millis(5) * k + uneven, u64::from(k));
    }
    assert_eq!(fast.signs(), [FeedSign::ImpossibleTiming]);
}

fn exposures(feed: &mut Feed, frames: u32) -> Vec<Rgb> {
    (0..frames).map(|k| exposed(&scene(0.0171 * k as f32), 1.5, &mut feed.seeded)).collect()
}

#[test]
fn frames_that_nobody_looked_at_count_for_the_rate_and_a_slow_reader_sees_no_sign() {
    let mut feed = Feed::new(9);
    let shots = exposures(&mut feed, 40);
    for (k, shot) in (0_u64..).zip(&shots) {
        let uneven = Duration::from_micros(feed.seeded.bits() % 3000);
        feed.show_at(shot, Duration::from_millis(133) * (k as u32) + uneven, 4 * k);
    }
    assert_eq!(feed.signs(), []);
    // The same moments, and eight times as many frames as the camera takes in them.
    let mut fast = Feed::new(9);
    for (k, shot) in (0_u64..).zip(&shots) {
        let uneven = Duration::from_micros(fast.seeded.bits() % 3000);
        fast.show_at(shot, Duration::from_millis(133) * (k as u32) + uneven, 32 * k);
    }
    assert_eq!(fast.signs(), [FeedSign::ImpossibleTiming]);
}

#[test]
fn time_that_goes_backwards_or_ticks_without_jitter_is_impossible() {
    let mut feed = Feed::new(10);
    let shots = exposures(&mut feed, 50);
    feed.show_at(&shots[0], Duration::from_millis(900), 1);
    feed.show_at(&shots[1], Duration::from_millis(899), 2);
    assert_eq!(feed.signs(), [FeedSign::ImpossibleTiming]);
    let mut feed = Feed::new(11);
    for (k, shot) in (0_u32..).zip(&shots[..INTERVALS]) {
        feed.show_at(shot, Duration::from_micros(33_333) * k, u64::from(k));
    }
    assert_eq!(feed.signs(), [], "too few to tell");
    feed.show_at(&shots[40], Duration::from_micros(33_333) * INTERVALS as u32, INTERVALS as u64);
    assert_eq!(feed.signs(), [FeedSign::ImpossibleTiming]);
}

#[test]
fn a_size_that_changes_is_seen_also_after_the_feed_began_anew() {
    let mut feed = Feed::new(12);
    feed.film(3, 1.5);
    feed.monitor.forget();
    feed.show(&Rgb::from_fn(WIDTH / 2, HEIGHT, |x, y| [x as u8, y as u8, 9]));
    assert_eq!(feed.signs(), [FeedSign::FormatChanged]);
}

#[test]
fn a_covered_lens_says_nothing_and_what_was_seen_before_the_beginning_is_not_held_against_the_feed() {
    let mut feed = Feed::new(13);
    let dark = Rgb::filled(WIDTH, HEIGHT, [3; 3]);
    for _ in 0..60 {
        feed.show(&dark);
    }
    assert_eq!(feed.signs(), []);
    let last = feed.film(5, 1.5).pop().unwrap();
    for _ in 0..40 {
        feed.show(&last);
    }
    assert_eq!(feed.signs(), [FeedSign::Frozen]);
    feed.monitor.begin();
    feed.film(40, 1.5);
    assert_eq!(feed.signs(), []);
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut monitor = FeedMonitor::new(None);
    let mut seeded = Seeded(14);
    for k in 0..MOST_HASHES as u64 + 50 {
        let image = Rgb::from_fn(8, 6, |_, _| [seeded.bits() as u8; 3]);
        let captured_at = Duration::from_micros(33_000 * k + seeded.bits() % 900);
        monitor.observe(&Frame { image, captured_at, sequence: k, provenance: Provenance::Simulated });
    }
    let kept = (monitor.hashes.len(), monitor.sampled.len(), monitor.noise.len(), monitor.times.len());
    assert_eq!(kept, (MOST_HASHES, MOST_SAMPLED, NOISE_PAIRS, TIMED));
}
