//! What breaks around the engine: its decoder, its camera, its disk.

use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use carded::session::protocol::{ClientMessage, EngineMessage};
use carded::session::{DeviceFault, Prompt, Screen};

use crate::site::{Running, STOP_WITHIN, Site, alone, children_of, wait_for};

#[test]
fn a_decoder_that_hangs_is_replaced_and_the_session_goes_on() {
    let _alone = alone();
    let site = Site::simulated();
    let engine = site.ready("engine");
    let (mut till, _) = site.agreed();
    till.prompt(|screen| matches!(screen, Screen::Document { .. }));
    let worker = wait_for("the decoder", || children_of(engine.0.id()).first().copied());
    assert!(Command::new("kill").args(["-STOP", &worker.to_string()]).status().unwrap().success());
    till.prompt(|screen| matches!(screen, Screen::Face { .. }));
    assert_ne!(children_of(engine.0.id()).first(), Some(&worker));
}

#[test]
fn a_camera_that_is_not_there_is_a_fault_of_the_device_in_words() {
    let _alone = alone();
    let site = Site::new("source = \"v4l2\"\ndevice = \"/dev/v4l/by-id/no-such-camera\"");
    let engine = Running(site.command("engine").spawn().unwrap());
    wait_for("the socket", || UnixStream::connect(site.path("engine.sock")).ok());
    let mut till = site.till();
    till.prompt(|screen| matches!(screen, Screen::Fault { .. }));
    till.say(&ClientMessage::Start);
    assert!(till.refusal().contains("camera"), "says what is wrong");
    engine.stop(STOP_WITHIN);
}

#[test]
fn a_full_disk_is_a_fault_of_the_device_and_nothing_is_shown_that_is_not_written() {
    let _alone = alone();
    let site = Site::simulated();
    drop(site.ready("engine"));
    // No file may grow beyond what the store has now, and a little.
    let _engine = Running(limited("ulimit -f 96; ", &site).spawn().unwrap());
    wait_for("the socket", || UnixStream::connect(site.path("engine.sock")).ok());
    let mut till = site.till();
    // What is heard is in the order of what happened: a session that ended is on disk, until one cannot start.
    for _ in 0..300 {
        till.say(&ClientMessage::Start);
        let started = loop {
            match till.hear() {
                EngineMessage::Failed { why } => break Err(why),
                EngineMessage::Prompt(Prompt { screen: Screen::Consent, session, .. }) => break Ok(session.unwrap()),
                EngineMessage::Prompt(Prompt { screen: Screen::Fault { fault }, .. }) => break Err(fault.to_string()),
                _ => {}
            }
        };
        match started {
            Err(why) => {
                assert!(why.contains("the store cannot be written"), "{why}");
                return;
            }
            Ok(session) => till.say(&ClientMessage::Cancel { session }),
        }
        let ended = till.prompt(|screen| matches!(screen, Screen::Canceled { .. } | Screen::Fault { .. }));
        if matches!(ended.screen, Screen::Fault { .. }) {
            return;
        }
    }
    panic!("the store never filled up");
}

#[test]
fn an_end_that_a_full_disk_held_back_is_shown_when_it_is_written_and_not_before() {
    let _alone = alone();
    // Nobody listens there: what is due stays due.
    let site = Site::reporting_to(([127, 0, 0, 1], 1).into());
    let engine = Site::until_ready(&site.path("engine.notify"), limited("", &site));
    let (mut till, session) = site.agreed();
    limit_files(&engine, "1:unlimited");
    till.say(&ClientMessage::Cancel { session: session.clone() });
    let held_back = till.prompt(|screen| matches!(screen, Screen::Canceled { .. } | Screen::Fault { .. }));
    assert_eq!(held_back.screen, Screen::Fault { fault: DeviceFault::Store });
    till.say(&ClientMessage::Start);
    assert!(till.refusal().contains("a session is under way"));
    limit_files(&engine, "unlimited:unlimited");
    let written = till.prompt(|screen| matches!(screen, Screen::Canceled { .. }));
    assert_eq!(written.session.as_ref(), Some(&session));
    // What was shown is on disk, with the event that tells the shop.
    engine.signal("-KILL");
    drop(engine);
    let _engine = site.ready("engine");
    assert_eq!(site.till().prompt(|_| true).screen, Screen::Idle);
    let due = site.due();
    assert!(due.len() == 1 && due[0].body.contains(session.as_str()), "{due:?}");
}

/// The engine, started by a shell that says something first. Writing too much is an error to it, and not the end of it.
fn limited(first: &str, site: &Site) -> Command {
    let mut engine = Command::new("bash");
    engine.args(["-c", &format!("{first}trap '' XFSZ; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_carded"), "engine"]);
    engine.arg("--config").arg(site.path("config.toml"));
    // A log in a file would be limited too.
    engine.stdin(Stdio::null()).stderr(Stdio::null());
    engine
}

/// Sets how large a process's files may grow from now on.
fn limit_files(process: &Running, limits: &str) {
    let mut prlimit = Command::new("prlimit");
    prlimit.args(["--pid", &process.0.id().to_string(), &format!("--fsize={limits}")]);
    assert!(prlimit.status().unwrap().success());
}
