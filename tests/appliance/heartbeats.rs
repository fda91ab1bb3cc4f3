//! Heartbeats, from the engine's key to the receiver's alarms; and a sync that somebody has taken over.

use std::fs;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carded::session::Screen;
use carded::session::protocol::{ClientMessage, ClientRole, Delivery, EngineMessage, LeaseWish, Settlement};
use carded::tools::receiver::{AlarmKind, DeviceKey, TrustedKeys};
use serde_json::Value;

use crate::site::{Client, STOP_WITHIN, Site, alone, wait_for};
use crate::support::receiver::{Receiver, client, post_signed, receiver_with};

/// How long the receiver waits for what a heartbeat names.
const GRACE: Duration = Duration::from_secs(2);

/// An appliance and its shop, which knows the device's key.
struct Watched {
    site: Site,
    receiver: Receiver,
    runtime: tokio::runtime::Runtime,
}

impl Watched {
    fn post(&self, body: &str) -> (u16, String) {
        self.runtime.block_on(post_signed(self.receiver.address, body))
    }

    /// What the device has said last, as the receiver tells.
    fn heard(&self) -> Value {
        let address = format!("http://{}/heartbeat", self.receiver.address);
        let text = self.runtime.block_on(async { client().get(address).send().await.unwrap().text().await.unwrap() });
        serde_json::from_str::<Value>(&text).unwrap()["last"]["said"].take()
    }

    fn alarms(&self) -> Vec<AlarmKind> {
        self.receiver.alarms.lock().unwrap().clone()
    }
}

/// The next heartbeat that an engine hands to whoever delivers.
fn heartbeat(sync: &mut Client) -> Delivery {
    loop {
        if let EngineMessage::Heartbeats { mut heartbeats } = sync.hear() {
            assert_eq!(heartbeats.len(), 1, "one endpoint");
            return heartbeats.remove(0);
        }
    }
}

/// A body with another payload in its attestation.
fn altered(body: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut event: Value = serde_json::from_str(body).unwrap();
    let jws = event["data"]["object"]["attestation"].as_str().unwrap().to_owned();
    let parts: Vec<&str> = jws.split('.').collect();
    let mut payload: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    change(&mut payload);
    let forged = format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(payload.to_string()), parts[2]);
    event["data"]["object"]["attestation"] = forged.into();
    event.to_string()
}

#[test]
fn a_sync_that_keeps_outcomes_or_heartbeats_back_or_alters_them_is_found_by_the_receiver() {
    let _alone = alone();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let site = Site::reporting_to(listener.local_addr().unwrap());
    let config = fs::read_to_string(site.path("config.toml")).unwrap();
    fs::write(site.path("config.toml"), config + "[outbox]\nheartbeat_s = 1\n").unwrap();
    let engine = site.ready("engine");
    let key: DeviceKey = fs::read_to_string(site.path("state/device.pub")).unwrap().parse().unwrap();
    let receiver = {
        let _inside = runtime.enter();
        receiver_with(listener, &site.path(""), Some(TrustedKeys::from(key)), GRACE)
    };
    let shop = Watched { site, receiver, runtime };

    // The real sync passes on what the engine signs.
    let sync = shop.site.ready("sync");
    let first = wait_for("a heartbeat", || Some(shop.heard()).filter(|said| !said.is_null()));
    assert_eq!((&first["endpoint"], &first["outcomes"]["sequence"]), (&"shop".into(), &0.into()), "{first}");
    assert!(first["audit"]["sequence"].as_u64().unwrap() >= 1 && first["clock"] == "trusted", "{first}");
    sync.stop(STOP_WITHIN);

    // One that was taken over says that an outcome was delivered, and keeps it.
    let mut thief = wait_for("the place of the one before", || shop.site.client(ClientRole::Sync).ok());
    let (mut till, _) = shop.site.agreed();
    till.prompt(|screen| *screen == Screen::Verified);
    let kept = wait_for("the outcome", || {
        thief.say(&ClientMessage::Lease(LeaseWish::up_to(4)));
        loop {
            match thief.hear() {
                EngineMessage::Leased { mut deliveries, .. } => return deliveries.pop(),
                EngineMessage::Heartbeats { heartbeats } => assert_eq!(shop.post(&heartbeats[0].body).0, 200),
                _ => {}
            }
        }
    });
    thief.say(&ClientMessage::Settle { delivery: kept.delivery, outcome: Settlement::Acknowledged });
    let before = shop.alarms();
    assert!(!before.contains(&AlarmKind::OutcomesMissing), "{before:?}");
    let honest = heartbeat(&mut thief);
    // It cannot say that there is none, nor make an outcome's attestation a heartbeat's.
    let hidden = altered(&honest.body, |payload| payload["outcomes"]["sequence"] = 0.into());
    assert_eq!(shop.post(&hidden), (400, "attestation_invalid".to_owned()));
    let mut exchanged: Value = serde_json::from_str(&honest.body).unwrap();
    let outcome: Value = serde_json::from_str(&kept.body).unwrap();
    exchanged["data"]["object"]["attestation"] = outcome["data"]["object"]["carded"]["attestation"].clone();
    assert_eq!(shop.post(&exchanged.to_string()), (400, "attestation_invalid".to_owned()));
    wait_for("the alarm about what was kept back", || {
        assert_eq!(shop.post(&heartbeat(&mut thief).body).0, 200);
        shop.alarms().contains(&AlarmKind::OutcomesMissing).then_some(())
    });
    assert_eq!(shop.heard()["outcomes"]["sequence"], 1);
    // What it passes on late is over.
    assert_eq!(shop.post(&kept.body).0, 200);
    // One that passes on nothing at all.
    wait_for("the alarm about silence", || shop.alarms().contains(&AlarmKind::HeartbeatMissing).then_some(()));
    // Heartbeats that it has kept for later are of another time.
    let stale = altered(&honest.body, |payload| payload["at"] = "2020-01-01T00:00:00Z".into());
    assert_eq!(shop.post(&stale).0, 400);
    engine.stop(STOP_WITHIN);
}
