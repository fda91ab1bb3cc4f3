//! The other roles as processes of their own, and all of them under a supervisor.

use std::fs;
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use carded::run::SocketError;
use carded::session::Screen;
use carded::session::protocol::{ClientMessage, ClientRole};

use crate::site::{ALL_STOP_WITHIN, Running, STOP_WITHIN, Site, alone, children_of, wait_for, words};
use crate::support::display::Xvfb;
use crate::support::receiver::receiver_on;
use crate::support::skip;

#[test]
fn a_wrong_configuration_is_told_once_and_with_the_name_of_what_is_wrong() {
    let site = Site::new("source = \"simulated\"\nparts = [\"nobody\"]");
    for role in ["engine", "kiosk"] {
        let output = site.command(role).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{role}: {}", words(&output));
        assert!(words(&output).contains("nobody"), "{role}: {}", words(&output));
    }
    let output = site.command("sync").arg("--config").arg(site.path("none.toml")).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", words(&output));
}

#[test]
fn what_sync_had_on_its_way_when_it_was_stopped_is_delivered_by_the_next() {
    let _alone = alone();
    // The kernel takes connections, and nobody answers.
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    deaf.set_nonblocking(true).unwrap();
    let site = Site::reporting_to(deaf.local_addr().unwrap());
    let _engine = site.ready("engine");
    let sync = site.ready("sync");
    let second = site.client(ClientRole::Sync).err();
    assert!(matches!(&second, Some(SocketError::Refused(why)) if why.contains("another sync")), "{second:?}");
    let (mut till, session) = site.agreed();
    till.say(&ClientMessage::Cancel { session: session.clone() });
    let on_its_way = wait_for("a delivery", || deaf.accept().ok());
    sync.stop(STOP_WITHIN);
    drop(on_its_way);

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let receiver =
        runtime.block_on(async { receiver_on(tokio::net::TcpListener::from_std(deaf).unwrap(), &site.path(""), None) });
    let sync = site.ready("sync");
    wait_for("the delivery", || (!receiver.seen_ids().is_empty()).then_some(()));
    let listed = runtime.block_on(receiver.listed());
    assert!(listed.to_string().contains(session.as_str()), "{listed}");
    // With nothing to do it stops as soon.
    sync.stop(STOP_WITHIN);
    assert!(site.due().is_empty(), "it was acknowledged once and for all");
}

#[test]
fn the_window_is_ready_when_it_is_up_and_stops_in_two_seconds() {
    let _alone = alone();
    let Some(server) = display() else { return };
    let site = Site::simulated();
    let window = || {
        let mut window = site.command("ui");
        window.env("DISPLAY", &server.display).env("LIBGL_ALWAYS_SOFTWARE", "1");
        Site::until_ready(&site.path("ui.notify"), window)
    };
    // Without an engine it says so, and stops as well.
    window().stop(STOP_WITHIN);

    let _engine = site.ready("engine");
    let (mut till, session) = site.agreed();
    let window = window();
    till.prompt(|screen| matches!(screen, Screen::Face { .. }));
    window.stop(STOP_WITHIN);
    // A display is nothing that a session needs.
    till.say(&ClientMessage::Cancel { session: session.clone() });
    assert_eq!(till.prompt(|screen| matches!(screen, Screen::Canceled { .. })).session, Some(session));
}

#[test]
fn a_handheld_shows_its_own_layout_and_its_roles_end_with_it_when_it_is_killed() {
    let _alone = alone();
    let Some(server) = display() else { return };
    let site = Site::simulated();
    let start = || {
        let mut handheld = site.command("handheld");
        handheld.env("DISPLAY", &server.display).env("LIBGL_ALWAYS_SOFTWARE", "1").stderr(Stdio::null());
        let handheld = Running(handheld.spawn().unwrap());
        wait_for("the engine", || UnixStream::connect(site.path("engine.sock")).ok());
        let roles: Vec<u32> =
            wait_for("three roles", || Some(children_of(handheld.0.id())).filter(|all| all.len() == 3));
        for role in ["engine", "sync", "ui"] {
            assert!(roles.iter().any(|child| command_line(*child).contains(&format!("\0{role}\0"))), "{role}");
        }
        assert!(roles.iter().any(|child| command_line(*child).contains("\0--layout\0handheld\0")));
        assert!(roles.iter().any(|child| command_line(*child).contains("\0--in-hand\0")), "the engine is told");
        (handheld, roles)
    };
    let (handheld, roles) = start();
    handheld.signal("-KILL");
    wait_for("the end of its roles", || roles.iter().all(|role| has_ended(*role)).then_some(()));

    let (handheld, roles) = start();
    handheld.stop(ALL_STOP_WITHIN);
    wait_for("the end of its roles", || roles.iter().all(|role| has_ended(*role)).then_some(()));
}

#[test]
fn a_kiosk_runs_its_roles_restarts_one_that_dies_and_stops_all_in_two_seconds() {
    let _alone = alone();
    let site = Site::simulated();
    let kiosk = Running(site.command("kiosk").stderr(Stdio::null()).spawn().unwrap());
    let number = kiosk.0.id();
    wait_for("the engine", || UnixStream::connect(site.path("engine.sock")).ok());
    let engine = || children_of(number).into_iter().find(|child| command_line(*child).contains("\0engine\0"));
    let first = engine().expect("the engine is a child");
    assert!(!command_line(first).contains("--in-hand"), "its camera stands");
    assert!(Command::new("kill").args(["-KILL", &first.to_string()]).status().unwrap().success());
    let second = wait_for("another engine", || engine().filter(|child| *child != first));
    wait_for("its socket", || Path::new(&site.path("engine.sock")).exists().then_some(()));
    wait_for("its service", || UnixStream::connect(site.path("engine.sock")).ok());
    kiosk.stop(ALL_STOP_WITHIN);
    wait_for("its end", || has_ended(second).then_some(()));
}

fn command_line(process: u32) -> String {
    fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default()
}

/// Whether a process is gone, or only waits for somebody to hear of its end.
fn has_ended(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status.is_empty() || status.contains("State:\tZ")
}

/// A display, or `None` with a clear line where there is no Xvfb.
fn display() -> Option<Xvfb> {
    match Xvfb::start("800x600x24", &[]) {
        Ok(server) => Some(server),
        Err(error) => {
            skip(&format!("the window was not started: Xvfb does not start ({error})"));
            None
        }
    }
}
