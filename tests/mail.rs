//! Letters with codes over real SMTP: our mailer against a real mail server, and against servers that do everything wrong.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "mail/engine.rs"]
mod engine;
#[path = "mail/log.rs"]
mod log;
mod support;

use std::time::Duration;

use carded::privacy::EmailAddress;
use carded::session::protocol::{Letter, PrivateText};
use carded::sync::{
    MAX_LETTERS_AT_ONCE, MailError, MailLogin, MailSecurity, MailServer, MailSettings, MailSettingsError, Mailer,
    Sender, ShopName,
};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use log::{listen, log, says_nothing_of};
use support::certified::Certified;
use support::mail_server::{LIMIT, certified_settings, plain, server};

/// Short enough that a server that hangs costs a test less than a second.
const SHORT: Duration = Duration::from_millis(600);

/// The error that a code becomes.
type Refusal = fn(u16) -> MailError;

/// A letter to somebody whose name is in no other test.
fn letter(name: &str, code: &str) -> Letter {
    listen();
    let text = |text: &str| PrivateText(text.to_owned());
    let to = text(&format!("{name}.diaz@mail.example"));
    Letter { to, code: text(code), language: "en".to_owned(), minutes: 10 }
}

fn settings(host: &str, port: u16, security: MailSecurity) -> MailSettings {
    MailSettings {
        server: MailServer::new(host, Some(port), security).unwrap(),
        from: Sender::parse("Corner Shop <codes@shop.example>").unwrap(),
        reply_to: None,
        shop: ShopName::parse("Corner Shop").unwrap(),
    }
}

fn mailer(port: u16) -> Mailer {
    Mailer::new(settings("127.0.0.1", port, MailSecurity::None), None, None, LIMIT).unwrap()
}

fn safe_mailer(port: u16, security: MailSecurity, login: Option<&MailLogin>, authority: Option<&[u8]>) -> Mailer {
    Mailer::new(settings("127.0.0.1", port, security), login, authority, LIMIT).unwrap()
}

#[tokio::test]
async fn a_letter_arrives_once_with_its_code_and_nothing_of_the_box() {
    let Some(server) = plain() else { return };
    let letter = letter("arrives", "731 001");
    mailer(server.port).send(&letter).await.unwrap();
    let (to, text) = server.letter().await;
    assert_eq!(to, json!(["arrives.diaz@mail.example"]));
    let (headers, body) = text.split_once("\r\n\r\n").or_else(|| text.split_once("\n\n")).unwrap();
    assert!(body.contains("    731 001") && !headers.contains("731") && body.contains("10 minutes"), "{text}");
    for header in [
        "From: \"Corner Shop\" <codes@shop.example>",
        "To: arrives.diaz@mail.example",
        "Subject: Your code for Corner Shop",
        "Auto-Submitted: auto-generated",
        "@shop.example>",
        "Date: ",
    ] {
        assert!(headers.contains(header), "{header}: {headers}");
    }
    assert_eq!(server.after_goodbyes(1).await, ["EHLO", "MAIL", "RCPT", "LETTER", "QUIT"]);
    assert_eq!(server.said()[0]["name"], "[127.0.0.1]", "the box has no name");
    says_nothing_of(&log(), &letter);
}

#[tokio::test]
async fn a_letter_goes_by_tls_or_starttls_to_a_server_of_the_authority_that_is_named() {
    let Some(certified) = Certified::of("IP:127.0.0.1") else { return };
    for (security, way) in [("tls", MailSecurity::Tls), ("starttls", MailSecurity::StartTls)] {
        let Some(server) = server(&certified_settings(&certified, security)) else { return };
        let letter = letter(security, "731 002");
        safe_mailer(server.port, way, None, Some(&certified.authority())).send(&letter).await.unwrap();
        assert!(server.letter().await.1.contains("731 002"));
        let said = server.said();
        assert!(said.iter().any(|said| said["command"] == "MAIL" && said["tls"] == true), "{said:?}");
        says_nothing_of(&log(), &letter);
    }
}

#[tokio::test]
async fn a_server_that_cannot_prove_who_it_is_hears_of_no_letter() {
    let certified = [Certified::of("IP:127.0.0.1"), Certified::of("DNS:mail.other.example")];
    let [Some(right), Some(other)] = certified else { return };
    for (security, way) in [("tls", MailSecurity::Tls), ("starttls", MailSecurity::StartTls)] {
        let letter = letter("proof", "731 003");
        let Some(server) = server(&certified_settings(&right, security)) else { return };
        // The system's authorities do not know it, and neither does another one that is named instead of them.
        for authority in [None, Some(other.authority())] {
            let mailer = safe_mailer(server.port, way, None, authority.as_deref());
            assert_eq!(mailer.send(&letter).await, Err(MailError::Certificate));
        }
        assert!(!server.commands().iter().any(|command| command == "MAIL"));
        // The right authority, and another server's certificate.
        let Some(server) = support::mail_server::server(&certified_settings(&other, security)) else { return };
        let mailer = safe_mailer(server.port, way, None, Some(&other.authority()));
        assert_eq!(mailer.probe().await, Err(MailError::Certificate));
        assert!(!server.commands().iter().any(|command| command == "MAIL"));
        says_nothing_of(&log(), &letter);
    }
    for nothing in [&b""[..], b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let made = Mailer::new(settings("127.0.0.1", 1, MailSecurity::Tls), None, Some(nothing), LIMIT);
        assert_eq!(made.unwrap_err(), MailSettingsError::Authority);
    }
}

#[tokio::test]
async fn nothing_is_said_in_the_clear_to_a_server_without_tls() {
    let Some(server) = plain() else { return };
    let letter = letter("clear", "731 004");
    let starttls = safe_mailer(server.port, MailSecurity::StartTls, None, None);
    assert_eq!(starttls.send(&letter).await, Err(MailError::NoStartTls));
    let tls = safe_mailer(server.port, MailSecurity::Tls, None, None);
    assert_eq!(tls.send(&letter).await, Err(MailError::Tls));
    assert!(!server.commands().iter().any(|command| command == "MAIL"));
    says_nothing_of(&log(), &letter);
}

#[tokio::test]
async fn user_and_password_are_proved_and_wrong_ones_are_named() {
    let Some(certified) = Certified::of("IP:127.0.0.1") else { return };
    let mut settings = certified_settings(&certified, "starttls");
    settings["user"] = json!("shop");
    settings["password"] = json!("open sesame");
    let Some(server) = server(&settings) else { return };
    let authority = certified.authority();
    let with = |login: Option<&MailLogin>| safe_mailer(server.port, MailSecurity::StartTls, login, Some(&authority));
    let letter = letter("login", "731 005");
    let right = MailLogin::new("shop", "open sesame").unwrap();
    with(Some(&right)).send(&letter).await.unwrap();
    assert!(server.letter().await.1.contains("731 005"));
    let wrong = MailLogin::new("shop", "open barley").unwrap();
    assert_eq!(with(Some(&wrong)).send(&letter).await, Err(MailError::Login(535)));
    assert_eq!(with(None).send(&letter).await, Err(MailError::Sender(530)));
    let Some(open) = plain() else { return };
    let asks = Mailer::new(self::settings("127.0.0.1", open.port, MailSecurity::None), Some(&right), None, LIMIT);
    assert_eq!(asks.unwrap().send(&letter).await, Err(MailError::NoLogin));
    says_nothing_of(&log(), &letter);
    assert!(!log().contains("sesame") && !log().contains("barley"));
}

#[tokio::test]
async fn a_server_that_is_down_hangs_or_speaks_something_else_costs_its_time_limit_at_most() {
    let letter = letter("down", "731 006");
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    assert_eq!(mailer(free).send(&letter).await, Err(MailError::Connect));
    for (greeting, expected) in [
        ("", MailError::Timeout),
        ("220 mail.example\r\n", MailError::Timeout),
        ("220-mail.example\r\n", MailError::Timeout),
        ("220 mail.example\r\n250 hello\r\n", MailError::Timeout),
        ("220 mail.example\r\n250 hello\r\n250 go on\r\n250 go on\r\n354 go on\r\n", MailError::Timeout),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", MailError::NotSmtp),
        ("421 too busy for down.diaz@mail.example\r\n", MailError::Refused(421)),
        ("554 not you\r\n", MailError::Refused(554)),
        ("220 mail.example\r\n502 what\r\n221 bye\r\n", MailError::Refused(502)),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                stream.write_all(greeting.as_bytes()).await.unwrap();
                kept.push(stream);
            }
        });
        let mailer = Mailer::new(settings("127.0.0.1", port, MailSecurity::None), None, None, SHORT).unwrap();
        assert_eq!(mailer.send(&letter).await, Err(expected), "{greeting:?}");
    }
    says_nothing_of(&log(), &letter);
}

#[tokio::test]
async fn a_refusal_is_a_class_and_a_number_and_nothing_that_the_server_said() {
    let letter = letter("refused", "731 007");
    let steps: [(&str, Refusal); 3] =
        [("MAIL", MailError::Sender), ("RCPT", MailError::Recipient), ("DATA", MailError::Letter)];
    for (command, error) in steps {
        for code in [450, 451, 550, 554] {
            let refuse = json!({ command: code.to_string() });
            let Some(server) = server(&json!({ "security": "none", "refuse": refuse })) else { return };
            let refused = mailer(server.port).send(&letter).await.unwrap_err();
            assert_eq!(refused, error(code), "{command}");
            assert!(refused.to_string().contains(&code.to_string()));
            says_nothing_of(&format!("{refused} {refused:?}"), &letter);
            assert!(!server.commands().iter().any(|command| command == "LETTER"));
            // Whether a letter could go does not depend on who it is for.
            assert_eq!(mailer(server.port).probe().await.is_ok(), command != "MAIL");
        }
    }
    says_nothing_of(&log(), &letter);
}

#[tokio::test]
async fn an_address_cannot_bring_headers_commands_or_other_recipients() {
    let Some(server) = plain() else { return };
    let hostile =
        ["a@b\nbcc:", "a@b.example\r\nbcc: x@y.example", "a@b.example>\r\nRCPT TO:<x@y.example", "a b@c.example"];
    assert!(hostile.iter().all(|address| EmailAddress::parse(address).is_none()));
    let odd = ["a>@b.example", "\"a\"@b.example", "a,x@b.example", "änne@b.example", "a@b.example>", "a@[b"];
    for address in hostile.iter().chain(&odd) {
        let letter = Letter { to: PrivateText((*address).to_owned()), ..letter("hostile", "731 008") };
        assert_eq!(mailer(server.port).send(&letter).await, Err(MailError::Address), "{address}");
    }
    assert!(!server.commands().iter().any(|command| command == "RCPT"));
    says_nothing_of(&log(), &letter("hostile", "731 008"));
}

#[tokio::test]
async fn finding_out_whether_a_letter_could_go_is_the_same_conversation_and_sends_none() {
    let Some(server) = plain() else { return };
    mailer(server.port).probe().await.unwrap();
    assert_eq!(server.after_goodbyes(1).await, ["EHLO", "MAIL", "QUIT"]);
    mailer(server.port).send(&letter("probe", "731 009")).await.unwrap();
    assert_eq!(server.after_goodbyes(2).await[3..5], ["EHLO", "MAIL"]);
}

#[tokio::test]
async fn so_many_letters_go_at_once_and_no_more() {
    let Some(server) = plain() else { return };
    let settings = settings("127.0.0.1", server.port, MailSecurity::None);
    let mailer = Mailer::new(settings, None, None, SHORT).unwrap();
    let mut open = Vec::new();
    for _ in 0..MAX_LETTERS_AT_ONCE {
        open.push(mailer.open().await.unwrap());
    }
    assert_eq!(mailer.probe().await, Err(MailError::Timeout));
    open.pop();
    mailer.probe().await.unwrap();
}
