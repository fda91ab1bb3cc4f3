//! Each measure, left out by itself: exactly its own scene has to end wrongly.
//!
//! The roles run in this process, because the switch exists in test builds only. The whole table takes minutes:
//! `make switches` plays it, and the test that always runs plays each measure's own scene.

use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::play::Till;
use super::scenes::{Ended, SCENES, Scene};
use crate::run::{Config, Connection, Decoder, EngineParts, SystemClock, run_engine, run_sync};
use crate::session::protocol::ClientRole;
use crate::session::{Measure, Policy, SessionState};
use crate::store::Store;
use crate::sync::{DeliveryLimits, WebhookSecret};
use crate::tools::cameras;
use crate::tools::receiver::{DeviceKey, ReceiverOptions, serve};

const SECRET: &str = "whsec_of_the_switch_tests_only";

/// What is left out: a measure of the decision, or that a failed delivery is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Switch {
    Measure(Measure),
    Redelivery,
}

/// Every switch, and the number of the scene that has to end wrongly without it.
const SWITCHES: [(Switch, usize); 5] = [
    (Switch::Measure(Measure::CrossReference), 1),
    (Switch::Measure(Measure::Expiry), 2),
    (Switch::Measure(Measure::FaceMatch), 3),
    (Switch::Measure(Measure::Liveness), 4),
    (Switch::Redelivery, 5),
];

/// How the scene ends without its measure: who must not be is verified, and what has to be is not delivered.
fn without(switch: Switch) -> Ended {
    let delivered = switch != Switch::Redelivery;
    Ended { state: SessionState::Verified, reason: None, delivered }
}

struct Receiver {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

fn receive(listener: TcpListener, folder: &Path, key: &str) -> Receiver {
    let options = ReceiverOptions {
        database: folder.join("receiver.db"),
        secrets: vec![WebhookSecret::new(SECRET).unwrap()],
        trusted: Some(key.parse::<DeviceKey>().unwrap().into()),
        on_event: Box::new(|_| {}),
        grace: std::time::Duration::from_mins(15),
        on_alarm: Box::new(|_, _| {}),
    };
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(async move { serve(listener, options, stopped).await.unwrap() });
    Receiver { stop, task }
}

fn config(folder: &Path, scenes: &[&Scene], url: &str) -> Config {
    use std::os::unix::fs::PermissionsExt as _;
    let secret = folder.join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let parts: Vec<String> = scenes.iter().map(|scene| format!("{:?}", scene.part.to_string())).collect();
    Config::parse(&format!(
        "[device]\nstate = {:?}\nsocket = {:?}\n[site]\njurisdiction = \"US-CA\"\nuse_case = \"alcohol_in_person\"\n\
         [camera]\nsource = \"simulated\"\nparts = [{}]\n[sessions]\ndocument_attempts = 1\nface_attempts = 1\n\
         [[endpoint]]\nname = \"shop\"\nurl = \"{url}/webhooks\"\ndialect = \"stile\"\nsecret_files = [{secret:?}]\n",
        folder.join("state"),
        folder.join("engine.sock"),
        parts.join(", "),
    ))
    .unwrap()
}

/// Plays scenes with something left out, and gives the numbers of those that ended wrongly.
async fn wrong_without(left_out: Option<Switch>, numbers: &[usize]) -> Vec<(usize, Ended)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let scenes: Vec<&Scene> = numbers.iter().map(|number| &SCENES[*number]).collect();
    let mut listener = Some(TcpListener::bind("127.0.0.1:0").await.unwrap());
    let address = listener.as_ref().unwrap().local_addr().unwrap();
    let config = config(folder.path(), &scenes, &format!("http://{address}"));
    // The store is made before the engine opens it, so that the receiver knows the device's key.
    drop(Store::open(&config.device.state).unwrap());
    let key = std::fs::read_to_string(config.device.state.join("device.pub")).unwrap().trim().to_owned();

    let measure = match left_out {
        Some(Switch::Measure(measure)) => Some(measure),
        Some(Switch::Redelivery) | None => None,
    };
    let parts: Vec<String> = scenes.iter().map(|scene| scene.part.to_string()).collect();
    let parts = EngineParts {
        config: config.clone(),
        models: root.join("models"),
        runtime: root.join("target/runtime/libonnxruntime.so"),
        decoder: Decoder::Inside,
        clock: Arc::new(SystemClock::new(None)),
        camera: cameras::simulated(&parts).unwrap(),
        policy: Box::new(move |rule| Policy { left_out: measure, ..Policy::for_tier(rule.tier) }),
    };
    let (stop, stopped) = watch::channel(false);
    let engine = tokio::spawn(run_engine(parts, stopped.clone(), || {}));
    let limits = DeliveryLimits { redelivers: left_out != Some(Switch::Redelivery), ..DeliveryLimits::default() };
    let for_sync = config.clone();
    let sync = tokio::spawn(async move { run_sync(&for_sync, limits, stopped, || {}).await });
    while Connection::open(&config.device.socket, ClientRole::Till).await.is_err() {
        assert!(!engine.is_finished(), "{:?}", engine.await.unwrap().map(|()| "stopped"));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let mut till = Till::connect(&config.device.socket, format!("http://{address}")).await.unwrap();
    let mut wrong = Vec::new();
    let mut receiver = None;
    for (number, scene) in numbers.iter().zip(scenes) {
        if scene.receiver_down {
            if let Some(Receiver { stop, task }) = receiver.take() {
                stop.send(true).unwrap();
                task.await.unwrap();
            }
            listener = None;
        } else if receiver.is_none() {
            receiver = Some(receive(listener.take().unwrap(), folder.path(), &key));
        }
        let mut ended = till.session(&mut |_| {}).await.unwrap();
        if scene.receiver_down {
            // The first attempt has failed by the time that the receiver is back.
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            let again = TcpListener::bind(address).await.unwrap();
            receiver = Some(receive(again, folder.path(), &key));
        }
        ended.delivered = till.delivered().await.unwrap().is_some_and(|event| event["attestation"] == "verified");
        if !scene.is_right(ended) {
            wrong.push((*number, ended));
        }
    }
    stop.send(true).unwrap();
    engine.await.unwrap().unwrap();
    sync.await.unwrap().unwrap();
    if let Some(Receiver { stop, task }) = receiver {
        stop.send(true).unwrap();
        task.await.unwrap();
    }
    wrong
}

fn runtime() -> Option<Arc<tokio::runtime::Runtime>> {
    crate::run::test_support::runtime()?;
    Some(Arc::new(tokio::runtime::Runtime::new().unwrap()))
}

#[test]
fn without_its_measure_a_scene_ends_wrongly() {
    let Some(runtime) = runtime() else { return };
    for (switch, scene) in SWITCHES {
        let wrong = runtime.block_on(wrong_without(Some(switch), &[scene]));
        assert_eq!(wrong, [(scene, without(switch))], "{switch:?}");
    }
}

#[test]
#[ignore = "plays 36 scenes, which takes minutes: make switches"]
fn without_a_measure_exactly_its_own_scene_ends_wrongly() {
    let Some(runtime) = runtime() else { return };
    let all: Vec<usize> = (0..SCENES.len()).collect();
    let wrong = runtime.block_on(wrong_without(None, &all));
    assert!(wrong.is_empty(), "with every measure: {wrong:?}");
    for (switch, scene) in SWITCHES {
        let wrong = runtime.block_on(wrong_without(Some(switch), &all));
        assert_eq!(wrong, [(scene, without(switch))], "{switch:?}");
        println!("without {switch:?}: scene {} alone ends wrongly, as {}", scene + 1, wrong[0].1);
    }
}
