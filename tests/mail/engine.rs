//! Letters from an engine to the mail server: through the loop, and through the role as a process at a real socket.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use carded::session::protocol::{
    Body, ClientMessage, EngineMessage, HEADER_BYTES, Letter, decode_body, decode_header, encode,
};
use carded::sync::{Deliverer, DeliveryLimits, EngineLink, Mailer, run};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::log::{log, says_nothing_of};
use super::support::mail_server::{LIMIT, Server, certified_settings, plain, server};
use super::{SHORT, letter, mailer, settings};
use crate::support::certified::Certified;
use carded::sync::MailSecurity;

/// The loop, with an engine that has nothing to deliver.
struct Looping {
    asked: mpsc::Receiver<ClientMessage>,
    say: mpsc::Sender<EngineMessage>,
    stop: watch::Sender<bool>,
    running: tokio::task::JoinHandle<Result<(), carded::sync::SyncError>>,
}

fn looping(mailer: Option<Mailer>) -> Looping {
    let (to_engine, asked) = mpsc::channel(16);
    let (say, from_engine) = mpsc::channel(16);
    let (stop, stopped) = watch::channel(false);
    let deliverer = Deliverer::new(Vec::new(), DeliveryLimits::default()).unwrap();
    let running = tokio::spawn(run(EngineLink { to_engine, from_engine }, deliverer, mailer, stopped));
    Looping { asked, say, stop, running }
}

impl Looping {
    async fn hand(&self, ticket: u64, letter: Option<Letter>) {
        self.say.send(EngineMessage::Letter { ticket, letter }).await.unwrap();
    }

    /// The next message that is no request for deliveries.
    async fn posted(&mut self) -> (u64, bool) {
        loop {
            match timeout(LIMIT, self.asked.recv()).await.unwrap().unwrap() {
                ClientMessage::Posted { ticket, sent } => return (ticket, sent),
                ClientMessage::Lease { .. } => {}
                other => panic!("sync asked {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn without_a_mail_server_every_letter_is_answered_at_once() {
    let mut looping = looping(None);
    looping.hand(7, Some(letter("nowhere", "731 101"))).await;
    looping.hand(8, None).await;
    assert_eq!((looping.posted().await, looping.posted().await), ((7, false), (8, false)));
}

#[tokio::test]
async fn the_answer_is_the_same_with_a_letter_and_without_one_whatever_becomes_of_it() {
    for (command, sent) in [("MAIL", false), ("RCPT", true), ("DATA", true)] {
        let refuse = json!({ command: "550" });
        let Some(server) = server(&json!({ "security": "none", "refuse": refuse })) else { return };
        let mut looping = looping(Some(mailer(server.port)));
        let letter = letter("alike", "731 102");
        looping.hand(1, Some(letter.clone())).await;
        assert_eq!(looping.posted().await, (1, sent), "{command}");
        looping.hand(2, None).await;
        assert_eq!(looping.posted().await, (2, sent), "{command}");
        if sent {
            server.until(command, |said| said.iter().any(|said| said["command"] == "RCPT").then_some(())).await;
        }
        says_nothing_of(&log(), &letter);
    }
}

#[tokio::test]
async fn a_mail_server_that_hangs_holds_up_neither_other_answers_nor_the_end() {
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = hanging.local_addr().unwrap().port();
    let mailer = Mailer::new(settings("127.0.0.1", port, MailSecurity::None), None, None, SHORT).unwrap();
    let mut looping = looping(Some(mailer));
    looping.hand(1, Some(letter("hangs", "731 103"))).await;
    // The loop goes on meanwhile: it asks again when it is told that something is due.
    assert!(matches!(looping.asked.recv().await, Some(ClientMessage::Lease { .. })));
    looping.say.send(EngineMessage::Leased { deliveries: Vec::new(), next_ms: None }).await.unwrap();
    looping.say.send(EngineMessage::Due).await.unwrap();
    assert!(matches!(looping.asked.recv().await, Some(ClientMessage::Lease { .. })));
    assert_eq!(looping.posted().await, (1, false));
    looping.hand(2, None).await;
    looping.stop.send(true).unwrap();
    assert_eq!(timeout(LIMIT, looping.running).await.unwrap().unwrap(), Ok(()));
}

#[tokio::test]
async fn a_letter_that_is_under_way_when_the_role_is_told_to_stop_still_goes() {
    let Some(server) = plain() else { return };
    let mut looping = looping(Some(mailer(server.port)));
    looping.hand(1, Some(letter("stopping", "731 104"))).await;
    assert_eq!(looping.posted().await, (1, true));
    looping.stop.send(true).unwrap();
    assert_eq!(timeout(LIMIT, looping.running).await.unwrap().unwrap(), Ok(()));
    assert!(server.letter().await.1.contains("731 104"));
}

/// A folder with a configuration of a mail server that wants TLS, a user and a password.
fn configured(certified: &Certified, port: u16, password: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("password"), format!("{password}\n")).unwrap();
    std::fs::set_permissions(path("password"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let text = format!(
        "[device]\nstate = \"{0}/state\"\nsocket = \"{0}/engine.sock\"\n[site]\njurisdiction = \"US-CA\"\n\
         use_case = \"alcohol_in_person\"\n[camera]\nsource = \"simulated\"\nparts = [\"genuine\"]\n[mail]\n\
         server = \"127.0.0.1\"\nport = {port}\nsecurity = \"starttls\"\nfrom = \"codes@shop.example\"\n\
         shop = \"Corner Shop\"\nuser = \"shop\"\npassword_file = \"{0}/password\"\nca_file = \"{1}\"\n",
        folder.path().display(),
        certified.path("authority.pem").display(),
    );
    std::fs::write(path("config.toml"), text).unwrap();
    folder
}

/// A mail server that wants user and password, and its certificates.
fn guarded() -> Option<(Certified, Server)> {
    let certified = Certified::of("IP:127.0.0.1")?;
    let mut settings = certified_settings(&certified, "starttls");
    settings["user"] = json!("shop");
    settings["password"] = json!("open sesame");
    let server = server(&settings)?;
    Some((certified, server))
}

fn carded(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carded"));
    command.args(arguments).arg("--config").arg(folder.path().join("config.toml"));
    command.env("CARDED_LOG", "trace").env_remove("NOTIFY_SOCKET").stdin(Stdio::null()).stderr(Stdio::piped());
    command
}

async fn say(stream: &mut UnixStream, message: &EngineMessage) {
    stream.write_all(&encode(message).unwrap()).await.unwrap();
}

async fn hear(stream: &mut UnixStream) -> ClientMessage {
    let mut header = [0; HEADER_BYTES];
    timeout(LIMIT, stream.read_exact(&mut header)).await.unwrap().unwrap();
    let (kind, length) = decode_header(header).unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let Body::Message(message) = decode_body(kind, &body).unwrap() else { panic!("a client sends no pictures") };
    message
}

#[tokio::test]
async fn a_letter_goes_from_the_engines_socket_through_the_role_to_the_reader() {
    let Some((certified, server)) = guarded() else { return };
    let folder = configured(&certified, server.port, "open sesame");
    let listener = UnixListener::bind(folder.path().join("engine.sock")).unwrap();
    let role = carded(&folder, &["sync"]).spawn().unwrap();
    let (mut stream, _) = timeout(LIMIT, listener.accept()).await.unwrap().unwrap();
    assert!(matches!(hear(&mut stream).await, ClientMessage::Hello(_)));
    say(&mut stream, &EngineMessage::Welcome { program: "test".to_owned() }).await;
    let letter = letter("whole", "731 105");
    say(&mut stream, &EngineMessage::Letter { ticket: 42, letter: Some(letter.clone()) }).await;
    loop {
        match hear(&mut stream).await {
            ClientMessage::Lease { .. } => {}
            other => {
                assert_eq!(other, ClientMessage::Posted { ticket: 42, sent: true });
                break;
            }
        }
    }
    let (to, text) = server.letter().await;
    assert!(to == json!(["whole.diaz@mail.example"]) && text.contains("731 105"), "{text}");
    let stopped = Command::new("kill").args(["-TERM", &role.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    let ended = tokio::task::spawn_blocking(move || role.wait_with_output().unwrap()).await.unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.success(), "{said}");
    says_nothing_of(&said, &letter);
    assert!(!said.contains("sesame"), "{said}");
}

#[tokio::test]
async fn the_operator_hears_what_works_and_what_to_mend() {
    let Some((certified, server)) = guarded() else { return };
    let tried = |password: &str, arguments: &[&str]| {
        let folder = configured(&certified, server.port, password);
        let output = carded(&folder, &[&["mail", "test"], arguments].concat()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    let (status, out, _) = tried("open sesame", &["--probe", "--json"]);
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((status, &found["logged_in"], &found["sent"]), (0, &json!(true), &json!(false)), "{out}");
    assert!(!server.after_goodbyes(1).await.iter().any(|command| command == "LETTER"));
    let (status, out, log) = tried("open sesame", &["--to", "operator.diaz@mail.example"]);
    assert!(status == 0 && out.contains("operator.diaz@mail.example") && out.contains("000 000"), "{out}");
    assert!(!log.contains("operator.diaz"), "{log}");
    assert!(server.letter().await.1.contains("000 000"));
    let (status, out, log) = tried("open barley", &["--to", "operator.diaz@mail.example"]);
    assert!(status == 3 && out.is_empty() && log.contains("mail.user") && log.contains("535"), "{log}");
    assert!(!log.contains("operator.diaz") && !log.contains("barley"), "{log}");
    let (status, _, log) = tried("open sesame", &["--to", "operator.diaz"]);
    assert!(status == 2 && log.contains("no e-mail address"), "{log}");
    assert_eq!(tried("open sesame", &[]).0, 2);
}

#[test]
fn a_password_that_others_can_read_and_a_missing_section_are_refused_by_name() {
    let Some(certified) = Certified::of("IP:127.0.0.1") else { return };
    let folder = configured(&certified, 1, "open sesame");
    let probe = || {
        let output = carded(&folder, &["mail", "test", "--probe"]).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    std::fs::set_permissions(folder.path().join("password"), std::fs::Permissions::from_mode(0o640)).unwrap();
    let (status, log) = probe();
    assert!(status == 2 && log.contains("chmod 600"), "{log}");
    std::fs::remove_file(folder.path().join("password")).unwrap();
    let (status, log) = probe();
    assert!(status == 2 && log.contains("mail.password_file"), "{log}");
    let text = std::fs::read_to_string(folder.path().join("config.toml")).unwrap();
    std::fs::write(folder.path().join("config.toml"), &text[..text.find("[mail]").unwrap()]).unwrap();
    let (status, log) = probe();
    assert!(status == 2 && log.contains("[mail]"), "{log}");
}
