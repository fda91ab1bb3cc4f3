use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::*;
use crate::camera::{AtEnd, FrameSource, Replay, ReplayFault, ReplayFaults, ReplaySettings};
use crate::imaging::Rgb;
use crate::run::socket::Connection;
use crate::run::test_support::runtime;
use crate::session::protocol::{Body, ClientMessage, ClientRole, EngineMessage};
use crate::session::{DeviceFault, Screen};
use crate::tools::specimen::encode_jpeg;

/// Nothing here takes that long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

async fn prompt(till: &mut Connection, wanted: impl Fn(&Screen) -> bool) -> Prompt {
    loop {
        let heard = timeout(PATIENCE, till.receive()).await.expect("the engine says something").unwrap();
        if let Body::Message(EngineMessage::Prompt(prompt)) = heard
            && wanted(&prompt.screen)
        {
            return prompt;
        }
    }
}

#[test]
fn a_camera_that_is_unplugged_in_a_session_is_the_device_s_fault_and_the_session_goes_on() {
    if runtime().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let frames = folder.path().join("frames");
    std::fs::create_dir(&frames).unwrap();
    for (name, shade) in [("a.jpg", 90), ("b.jpg", 110)] {
        let picture = Rgb::filled(640, 480, [shade; 3]);
        std::fs::write(frames.join(name), encode_jpeg(&picture, 90).unwrap()).unwrap();
    }
    let socket = folder.path().join("engine.sock");
    let config = Config::parse(&format!(
        "[device]\nstate = \"{}\"\nsocket = \"{}\"\n[site]\njurisdiction = \"US-CA\"\nuse_case = \"alcohol_in_person\"\n\
         [camera]\nsource = \"replay\"\npath = \"frames\"\n[sessions]\ndocument_attempts = 1\nface_attempts = 1\n",
        folder.path().join("state").display(),
        socket.display(),
    ));
    let settings = ReplaySettings {
        path: frames,
        frames_per_second: 20.0,
        at_end: AtEnd::Loop,
        faults: ReplayFaults::default().at(30, ReplayFault::Disconnect),
    };
    let open: OpenSource = Arc::new(move || Ok(Box::new(Replay::open(&settings)?) as Box<dyn FrameSource>));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let parts = EngineParts {
        config: config.unwrap(),
        models: root.join("models"),
        runtime: root.join("target/runtime/libonnxruntime.so"),
        decoder: Decoder::Inside,
        camera: Box::new(|_| open),
        policy: Box::new(|rule| Policy::for_tier(rule.tier)),
    };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let (stop, stopped) = watch::channel(false);
        let (ready, mut is_ready) = watch::channel(false);
        let engine = tokio::spawn(run(parts, stopped, move || {
            let _ = ready.send(true);
        }));
        timeout(PATIENCE, is_ready.wait_for(|ready| *ready)).await.unwrap().unwrap();
        let mut till = Connection::open(&socket, ClientRole::Till).await.unwrap();
        till.send(&ClientMessage::Start).await.unwrap();
        let session = prompt(&mut till, |screen| *screen == Screen::Consent).await.session.unwrap();
        till.send(&ClientMessage::Consent { session, given: true }).await.unwrap();
        prompt(&mut till, |screen| matches!(screen, Screen::Document { .. })).await;
        let fault = prompt(&mut till, |screen| matches!(screen, Screen::Fault { .. })).await;
        assert_eq!(fault.screen, Screen::Fault { fault: DeviceFault::CameraMissing });
        // The only attempt was given back: nothing is held against the person.
        let again = prompt(&mut till, |screen| matches!(screen, Screen::Document { .. })).await;
        assert_eq!(again.last_error, None);
        stop.send(true).unwrap();
        timeout(PATIENCE, engine).await.unwrap().unwrap().unwrap();
    });
}
