//! A busy process is killed again and again, at points that are spread over all that it does.
//!
//! `CARDED_KILLS` says how often: 180 times in CI, 900 in `make test-kill`. The kills of engine and sync as processes of
//! their own are in `tests/appliance/kills.rs`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::time::{Duration, Instant};

use crate::workload::{Answered, STAGES, child};

/// A fresh store after so many kills: the first start is among the stages.
const KILLS_OF_A_STORE: usize = 30;
/// Longest time from the beginning of a stage to the kill.
const MOMENT: Duration = Duration::from_micros(1500);

fn kills() -> usize {
    std::env::var("CARDED_KILLS").map_or(180, |kills| kills.parse().unwrap())
}

#[test]
fn nothing_that_was_answered_is_lost_and_every_event_arrives_after_kills_in_every_stage() {
    let program = std::env::current_exe().unwrap();
    let mut histogram: BTreeMap<&str, usize> = STAGES.map(|stage| (stage, 0)).into();
    let (mut killed, mut outcomes, mut deliveries) = (0, 0, 0);
    while killed < kills() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("store");
        let mut answered = Answered::default();
        for _ in 0..KILLS_OF_A_STORE.min(kills() - killed) {
            let mut child = child(&program, &folder).spawn().unwrap();
            let mut output = BufReader::new(child.stdout.take().unwrap());
            let mut heard = String::new();
            // Killed a moment after a stage has begun for the first, second … time.
            let aim = format!("at {}", STAGES[killed % STAGES.len()]);
            let rounds = if aim == "at opening" { 1 } else { fastrand::usize(1..6) };
            while heard.lines().filter(|line| *line == aim).count() < rounds {
                assert!(output.read_line(&mut heard).unwrap() > 0, "the child ended by itself: {heard}");
            }
            // Opening takes longer than any other stage.
            let most = if aim == "at opening" { MOMENT * 20 } else { MOMENT };
            let (began, moment) = (Instant::now(), most.mul_f64(fastrand::f64()));
            while began.elapsed() < moment {
                std::hint::spin_loop();
            }
            child.kill().unwrap();
            child.wait().unwrap();
            output.read_to_string(&mut heard).unwrap();
            let stage = answered.hear(&heard).expect("it had begun something");
            *histogram.get_mut(stage).unwrap() += 1;
            killed += 1;
        }
        assert_eq!(answered.refused, Vec::<String>::new());
        answered.hold(&folder);
        outcomes += answered.ended.len();
        deliveries += answered.sent.len();
    }
    println!("{killed} kills, by what was under way:");
    for (stage, kills) in &histogram {
        println!("{stage:<11}{kills:>4} {}", "#".repeat(*kills / 2));
    }
    println!("0 of {outcomes} answered outcomes and 0 of {deliveries} deliveries were lost");
    if killed >= 10 * STAGES.len() {
        assert!(histogram.values().all(|kills| *kills > 0), "{histogram:?}");
    }
}
