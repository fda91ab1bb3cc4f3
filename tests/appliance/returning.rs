//! Somebody who comes again, over the roles as processes and a real mail server: verified by the camera, found by an address,
//! let in by the code of the letter.

use std::fs;
use std::process::Stdio;

use carded::session::protocol::{ClientMessage, EngineMessage, PrivateText, ReturnSaid};
use carded::session::{Screen, SessionId};
use serde_json::{Value, json};

use crate::api::Served;
use crate::site::{Client, Running, STOP_WITHIN, Site, alone};
use crate::support::mail_server::plain;

const ADDRESS: &str = "rosa.quill@mail.example";

/// A role whose whole log is kept.
fn logged(site: &Site, role: &str) -> Running {
    let mut command = site.command(role);
    let log = fs::File::create(site.path(&format!("{role}.log"))).unwrap();
    command.env("CARDED_LOG", "carded=trace").stderr(Stdio::from(log));
    Site::until_ready(&site.path(&format!("{role}.notify")), command)
}

fn said(till: &mut Client) -> ReturnSaid {
    loop {
        if let EngineMessage::Returning { said, .. } = till.hear() {
            return said;
        }
    }
}

fn entered(session: &SessionId, code: &str) -> ClientMessage {
    ClientMessage::EnterCode { session: session.clone(), code: PrivateText(code.to_owned()) }
}

/// The code in the text of a letter, which stands on a line of its own.
fn code_in(letter: &str) -> String {
    let is_code = |line: &&str| {
        let digits = line.bytes().filter(u8::is_ascii_digit).count();
        digits == 6 && line.trim().bytes().all(|byte| byte.is_ascii_digit() || byte == b' ')
    };
    letter.lines().find(is_code).unwrap_or_else(|| panic!("no code in {letter}")).trim().to_owned()
}

#[test]
fn somebody_verified_by_the_camera_comes_again_by_the_code_of_a_letter_through_every_role() {
    let _alone = alone();
    let Some(server) = plain() else { return };
    let mail = format!(
        "[mail]\nserver = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\nfrom = \"Corner Shop <codes@shop.example>\"\n\
         shop = \"Corner Shop\"",
        server.port
    );
    let served = Served::new(Site::simulated(), &mail);
    let (engine, sync) = (logged(&served.site, "engine"), logged(&served.site, "sync"));
    let (mut till, first) = served.site.agreed();
    till.prompt(|screen| *screen == Screen::Verified);
    let key = served.key(&[]);
    let contact = json!({ "session": format!("vks_{first}"), "email": ADDRESS });
    let left = served.ask(&key, "POST", "/v1/verified_person/contact", &contact.to_string()).ok();
    let lookup = json!({ "email": ADDRESS.to_uppercase() }).to_string();
    let found = served.ask(&key, "POST", "/v1/verified_person/lookup", &lookup).ok();
    assert_eq!(found["verified_person_id"], left["verified_person_id"], "{found}");

    // Whoever is next at the counter.
    till.prompt(|screen| *screen == Screen::Idle);
    till.say(&ClientMessage::Start);
    let prompt = till.prompt(|screen| *screen == Screen::Consent);
    let session = prompt.session.unwrap();
    assert!(prompt.offers_return, "the screen has the button");
    till.say(&ClientMessage::ComeAgain { session: session.clone() });
    let address = PrivateText(ADDRESS.to_owned());
    till.say(&ClientMessage::AskCode { session: session.clone(), address, language: "en".to_owned() });
    assert_eq!(said(&mut till), ReturnSaid::CodeSent);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (to, letter) = runtime.block_on(server.letter());
    assert_eq!(to, json!([ADDRESS]));
    let code = code_in(&letter);
    let wrong = if code.starts_with('1') { "222 222" } else { "111 111" };
    till.say(&entered(&session, wrong));
    assert_eq!(said(&mut till), ReturnSaid::WrongCode { left: 4 });
    till.say(&entered(&session, &code));
    till.prompt(|screen| *screen == Screen::Verified);
    let path = format!("/v1/verification_sessions/vks_{session}");
    let told = served.ask(&key, "GET", &path, "").ok();
    let outcome = &told["carded"]["outcome"];
    assert_eq!((&outcome["method"], &outcome["livemode"]), (&json!("returning_email_code"), &Value::Bool(false)));
    sync.stop(STOP_WITHIN);
    engine.stop(STOP_WITHIN);

    // Neither the address nor the code is in any file of the box but the mail server's.
    let plain_code = code.replace(' ', "");
    let canaries = [ADDRESS, "rosa.quill", code.as_str(), plain_code.as_str()];
    let mut looked_at = 0;
    let folders = [served.site.path("."), served.site.path("state")];
    for file in folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()).map(Result::unwrap) {
        let Ok(bytes) = fs::read(file.path()) else { continue };
        looked_at += 1;
        for canary in canaries {
            let holds = bytes.windows(canary.len()).any(|part| part.eq_ignore_ascii_case(canary.as_bytes()));
            assert!(!holds, "{canary} is in {:?}", file.path());
        }
    }
    assert!(looked_at >= 5, "database, logs and configuration were looked at");
}
