//! The engine: when it is ready, how it stops, whom it serves, and what a kill leaves behind.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::process::Command;

use carded::session::protocol::{self, ClientMessage, ClientRole, Hello, LeaseWish};
use carded::session::{Screen, SessionId};

use crate::site::{PATIENCE, STOP_WITHIN, Site, alone, words};
use crate::support::skip;

#[test]
fn the_engine_says_that_it_is_ready_when_a_session_can_start_and_stops_in_two_seconds() {
    let _alone = alone();
    let site = Site::simulated();
    let engine = site.ready("engine");
    let (mut till, _) = site.agreed();
    till.say(&ClientMessage::Start);
    assert!(till.refusal().contains("a session is under way"));
    till.prompt(|screen| matches!(screen, Screen::Document { .. }));
    let limits = fs::read_to_string(format!("/proc/{}/limits", engine.0.id())).unwrap();
    let cores = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(cores.split_whitespace().nth(4), Some("0"), "a crash leaves nothing behind");
    // In the middle of everything.
    engine.stop(STOP_WITHIN);
    assert!(!site.path("engine.sock").exists());
}

#[test]
fn a_second_engine_on_the_same_store_is_refused_and_harms_nothing() {
    let _alone = alone();
    let site = Site::simulated();
    let _engine = site.ready("engine");
    let second = site.command("engine").output().unwrap();
    assert_eq!(second.status.code(), Some(3), "{}", words(&second));
    assert!(words(&second).contains("another engine") || words(&second).contains("in use"), "{}", words(&second));
    let mut till = site.till();
    till.say(&ClientMessage::Start);
    till.prompt(|screen| *screen == Screen::Consent);
}

#[test]
fn who_speaks_another_protocol_or_none_is_refused_in_words_and_others_are_served() {
    let _alone = alone();
    let site = Site::simulated();
    let _engine = site.ready("engine");
    let hello = Hello { protocol: 99, ..Hello::of(ClientRole::Display) };
    let mut other = UnixStream::connect(site.path("engine.sock")).unwrap();
    other.set_read_timeout(Some(PATIENCE)).unwrap();
    other.write_all(&protocol::encode(&ClientMessage::Hello(hello)).unwrap()).unwrap();
    let mut answer = Vec::new();
    other.read_to_end(&mut answer).unwrap();
    let text = String::from_utf8_lossy(&answer);
    assert!(text.contains("protocol 99") && text.contains("update the program that runs as carded engine"), "{text}");

    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 64], &[0, 0, 0, 2, 1, b'{']] {
        let mut stranger = UnixStream::connect(site.path("engine.sock")).unwrap();
        stranger.set_read_timeout(Some(PATIENCE)).unwrap();
        // The engine may close before all of it is written.
        let _ = stranger.write_all(bytes);
        let _ = stranger.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stranger.read_to_end(&mut answer);
        assert!(!String::from_utf8_lossy(&answer).contains("welcome"));
    }
    let mut till = site.till();
    till.say(&ClientMessage::Lease(LeaseWish::up_to(4)));
    assert!(till.refusal().contains("nothing else"));
}

#[test]
fn a_killed_engine_asks_for_consent_again_and_verifies_nobody_by_itself() {
    let _alone = alone();
    let site = Site::simulated();
    let engine = site.ready("engine");
    let (mut till, _) = site.agreed();
    let session = till.prompt(|screen| matches!(screen, Screen::Face { .. })).session;
    engine.signal("-KILL");
    drop(engine);

    let _engine = site.ready("engine");
    let mut till = site.till();
    let resumed = till.prompt(|_| true);
    assert_eq!((resumed.screen, &resumed.session), (Screen::Consent, &session));
    // A press that was meant for another session changes nothing.
    let other = SessionId::from_random(&[1; SessionId::CHARACTERS]);
    till.say(&ClientMessage::Cancel { session: other });
    till.say(&ClientMessage::Cancel { session: session.unwrap() });
    till.prompt(|screen| matches!(screen, Screen::Canceled { .. }));
}

#[test]
fn another_user_is_refused_in_words_unless_named_and_then_may_be_that_role_alone() {
    const NOBODY: u32 = 65_534;
    if !rustix::process::geteuid().is_root() {
        skip("only root can become another user: who may connect was not tried");
        return;
    }
    let _alone = alone();
    let site = Site::simulated();
    fs::set_permissions(site.path(""), fs::Permissions::from_mode(0o711)).unwrap();
    // The engine may refuse and close before it was greeted: what it said is there to be read all the same.
    let heard_as = |role| {
        let hello = protocol::encode(&ClientMessage::Hello(Hello::of(role))).unwrap();
        let python = "import json, os, socket, sys\n\
                      os.setuid(int(sys.argv[1]))\n\
                      engine = socket.socket(socket.AF_UNIX)\n\
                      engine.connect(sys.argv[2])\n\
                      try: engine.sendall(bytes(json.loads(sys.argv[3])))\n\
                      except OSError: pass\n\
                      engine.settimeout(60)\n\
                      print(engine.recv(4096))";
        let mut client = Command::new("python3");
        client.args(["-c", python, &NOBODY.to_string()]).arg(site.path("engine.sock")).arg(format!("{:?}", *hello));
        String::from_utf8(client.output().unwrap().stdout).unwrap()
    };
    let engine = site.ready("engine");
    let heard = heard_as(ClientRole::Till);
    assert!(heard.contains("this user may not connect"), "{heard}");
    engine.stop(STOP_WITHIN);

    let config = fs::read_to_string(site.path("config.toml")).unwrap();
    let named = config.replace("[site]", &format!("till_users = [{NOBODY}]\n[site]"));
    fs::write(site.path("config.toml"), named).unwrap();
    let _engine = site.ready("engine");
    assert!(heard_as(ClientRole::Till).contains("welcome"));
    let heard = heard_as(ClientRole::Sync);
    assert!(heard.contains("may not be a Sync") && heard.contains("sync_users"), "{heard}");
}
