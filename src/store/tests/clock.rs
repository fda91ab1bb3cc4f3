//! What is known of the time, over restarts and operators' orders.

use std::time::Duration;

use super::*;
use crate::compliance::{ClockMark, ClockStep, Confirmed, TimeSource};
use crate::store::KeptClock;

fn kept(floor: i64, confirmed: Option<TimeSource>) -> KeptClock {
    let confirmed = confirmed.map(|by| Confirmed { at: later(floor), by });
    let mark = ClockMark {
        floor: later(floor),
        confirmed,
        decided: later(floor + 2),
        wall: later(floor + 1),
        boot: Duration::from_millis(61_250),
    };
    KeptClock { mark, boot_id: Some("0f0e0d0c-0b0a-0908-0706-050403020100".to_owned()) }
}

fn actions(store: &Store) -> Vec<String> {
    let mut statement = store.connection.prepare("SELECT action FROM audit ORDER BY sequence").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn what_is_known_of_the_time_is_there_after_a_restart() {
    let (folder, mut store) = fresh();
    assert_eq!(store.clock().unwrap(), None);
    for confirmed in [Some(TimeSource::Ntp), Some(TimeSource::Gnss), None] {
        store.keep_clock(&kept(60, confirmed), None).unwrap();
        drop(store);
        store = Store::open(folder.path()).unwrap();
        assert_eq!(store.clock().unwrap(), Some(kept(60, confirmed)));
    }
}

#[test]
fn the_floor_falls_by_an_operator_s_order_alone_which_the_audit_chain_shows() {
    let (_folder, mut store) = fresh();
    store.keep_clock(&kept(3600, None), None).unwrap();
    store.keep_clock(&kept(60, None), None).unwrap();
    assert_eq!(store.clock().unwrap().unwrap().mark.floor, later(3600));
    store.reset_clock(now()).unwrap();
    assert_eq!(store.clock().unwrap(), None);
    store.keep_clock(&kept(60, None), None).unwrap();
    assert_eq!(store.clock().unwrap().unwrap().mark.floor, later(60));
    assert_eq!(actions(&store), ["device_made", "clock_reset"]);
}

#[test]
fn a_step_is_kept_and_a_step_back_is_in_the_audit_chain() {
    let (_folder, mut store) = fresh();
    let ahead = ClockStep { from: now(), to: later(7200) };
    let back = ClockStep { from: later(7260), to: later(60) };
    store.keep_clock(&kept(0, None), Some(ahead)).unwrap();
    store.keep_clock(&kept(0, None), Some(back)).unwrap();
    assert_eq!(store.clock_steps(10).unwrap(), [back, ahead]);
    assert_eq!(actions(&store), ["device_made", "clock_set_back"]);
}

#[test]
fn a_clock_that_is_set_again_and_again_fills_no_disk() {
    let (_folder, mut store) = fresh();
    for second in 0..130 {
        let step = ClockStep { from: later(second), to: later(second + 3600) };
        store.keep_clock(&kept(0, None), Some(step)).unwrap();
    }
    let steps = store.clock_steps(1000).unwrap();
    assert_eq!((steps.len(), steps[0].from), (100, later(129)));
}
