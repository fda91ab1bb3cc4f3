//! The device's key, as its operator and a shop see it: rotated beside a busy appliance, handed over, revoked, and sealed.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use carded::session::Screen;
use carded::tools::receiver::{DeviceKey, TrustedKeys};
use serde_json::Value;

use crate::site::{STOP_WITHIN, Site, alone, wait_for, words};
use crate::support::receiver::{Receiver, client, receiver_on};

/// A shop that can be closed and opened again with other keys.
struct Shop {
    address: SocketAddr,
    receiver: Receiver,
    runtime: tokio::runtime::Runtime,
}

impl Shop {
    fn open(address: SocketAddr, folder: &Path, trusted: TrustedKeys) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let bind = || runtime.block_on(tokio::net::TcpListener::bind(address)).ok();
        let listener = wait_for("the address of the shop", bind);
        let address = listener.local_addr().unwrap();
        let receiver = {
            let _inside = runtime.enter();
            receiver_on(listener, folder, Some(trusted))
        };
        Self { address, receiver, runtime }
    }

    fn close(self) {
        self.receiver.stop.send(true).unwrap();
        self.runtime.block_on(self.receiver.ended).unwrap();
    }

    /// The outcomes that have come: the key that signed each, and how it hangs together with the others.
    fn told(&self) -> Vec<(String, String)> {
        let listed = self.runtime.block_on(self.receiver.listed());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        listed.as_array().unwrap().iter().map(|event| (text(&event["key_id"]), text(&event["chain"]))).collect()
    }

    /// The last number that a heartbeat which was believed has named.
    fn heard(&self) -> Value {
        let address = format!("http://{}/heartbeat", self.address);
        let text = self.runtime.block_on(async { client().get(address).send().await.unwrap().text().await.unwrap() });
        serde_json::from_str::<Value>(&text).unwrap()["last"]["said"]["outcomes"]["sequence"].take()
    }
}

fn decide(site: &Site) {
    let (mut till, _) = site.agreed();
    till.prompt(|screen| *screen == Screen::Verified);
}

fn key(told: &Value) -> DeviceKey {
    told["public_key"].as_str().unwrap().parse().unwrap()
}

#[test]
fn a_key_is_rotated_beside_the_engine_and_receivers_take_each_for_its_own_time_and_a_revoked_one_never() {
    let _alone = alone();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let site = Site::reporting_to(free);
    let config = fs::read_to_string(site.path("config.toml")).unwrap();
    fs::write(site.path("config.toml"), config + "[outbox]\nheartbeat_s = 1\n").unwrap();
    let engine = site.ready("engine");
    // An outcome that waits over the whole rotation.
    decide(&site);
    let begun = site.told("device-key", &["rotate"]);
    let (old, new) = (key(&begun["key"]), key(&begun["next"]));
    let published = fs::read_to_string(site.path("state/device.next.pub")).unwrap();
    assert_eq!(published.parse::<DeviceKey>().unwrap(), new);
    let (status, _, words) = site.operate("device-key", &["rotate", "--finish"]);
    assert!(status != Some(0) && words.contains("engine"), "{words}");
    engine.stop(STOP_WITHIN);
    let finished = site.told("device-key", &["rotate", "--finish"]);
    assert_eq!((key(&finished["keys"]["key"]), &finished["handover"]["first_sequence"]), (new.clone(), &2.into()));
    let engine = site.ready("engine");
    decide(&site);

    // A shop that knows both.
    let both = TrustedKeys::new(vec![old.clone(), new.clone()], Vec::new(), &[]).unwrap();
    let shop = Shop::open(free, &site.path(""), both);
    let sync = site.ready("sync");
    let mut expected: Vec<(String, String)> = [&old, &new].map(|key| (key.id(), "linked".to_owned())).into();
    wait_for("an outcome by each key", || (shop.told().len() == 2).then_some(()));
    let mut told = shop.told();
    told.sort_by_key(|(id, _)| *id != old.id());
    assert_eq!(told, expected);
    wait_for("a heartbeat by the new key", || (shop.heard() == 2).then_some(()));
    shop.close();

    // One that knows the old key and what it handed over.
    let handover = fs::read_to_string(site.path("state/device.handover")).unwrap();
    let handed = TrustedKeys::new(vec![old.clone()], Vec::new(), std::slice::from_ref(&handover)).unwrap();
    let shop = Shop::open(free, &site.path(""), handed);
    decide(&site);
    wait_for("an outcome by the new key", || (shop.told().len() == 3).then_some(()));
    wait_for("a heartbeat by the new key", || (shop.heard() == 3).then_some(()));
    expected.push((new.id(), "linked".to_owned()));
    assert_eq!(shop.told().pop(), expected.pop());
    shop.close();

    // One to which the new key is in wrong hands: what it signs is not taken, and stays with the box.
    let without = TrustedKeys::new(vec![old, new.clone()], vec![new.id().parse().unwrap()], &[]).unwrap();
    let shop = Shop::open(free, &site.path(""), without);
    decide(&site);
    let waiting = || site.operate("outbox", &["list", "--waiting"]).1["letters"].as_array().unwrap().clone();
    let is_refused = |letter: &Value| letter["last_error"].as_str().is_some_and(|error| error.contains("400"));
    let refused = wait_for("the refusal", || waiting().into_iter().find(is_refused));
    assert_eq!(shop.told().len(), 3, "{refused}");
    assert_eq!(shop.heard(), 3, "nor its heartbeats");
    shop.close();
    sync.stop(STOP_WITHIN);
    engine.stop(STOP_WITHIN);
    assert_eq!(site.told("store", &["check"])["outcomes"], 4);
}

#[test]
fn an_engine_whose_keys_were_sealed_goes_on_with_what_systemd_opens_and_not_without() {
    let _alone = alone();
    let site = Site::simulated();
    let engine = site.ready("engine");
    decide(&site);
    let id = site.told("device-key", &["show"])["key"]["key_id"].clone();
    engine.stop(STOP_WITHIN);
    let sealed = site.path("sealed");
    let seal = ["seal", "--remove-files", "--into", sealed.to_str().unwrap()];
    let (status, told, said) = site.operate("device-key", &seal);
    if status != Some(0) && said.contains("systemd-creds") {
        eprintln!("skipped: {said}");
        return;
    }
    assert_eq!(status, Some(0), "{said}");
    let lent = site.path("lent");
    fs::create_dir(&lent).unwrap();
    for (file, name) in
        told.as_array().unwrap().iter().map(|sealed| (&sealed["file"], sealed["name"].as_str().unwrap()))
    {
        assert!(!site.path("state").join(name).exists(), "{name}");
        // As systemd does it for a service.
        let open = Command::new("systemd-creds")
            .args(["decrypt", &format!("--name={name}"), file.as_str().unwrap()])
            .arg(lent.join(name))
            .output()
            .unwrap();
        assert!(open.status.success(), "{}", words(&open));
        fs::set_permissions(lent.join(name), fs::Permissions::from_mode(0o400)).unwrap();
    }
    let without = site.command("engine").output().unwrap();
    assert!(!without.status.success() && words(&without).contains("credentials"), "{}", words(&without));
    let mut with = site.command("engine");
    with.env("CREDENTIALS_DIRECTORY", &lent);
    let engine = Site::until_ready(&site.path("engine.notify"), with);
    decide(&site);
    engine.stop(STOP_WITHIN);
    let mut show = site.command_of("device-key", &["--json", "show"]);
    let shown = show.env("CREDENTIALS_DIRECTORY", &lent).output().unwrap();
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!((&shown["key"]["key_id"], &shown["key"]["is_credential"]), (&id, &true.into()), "{shown}");
    let plain = fs::read_dir(site.path("state")).unwrap().map(|file| file.unwrap().file_name());
    assert_eq!(plain.filter(|name| name.to_string_lossy().ends_with(".key")).count(), 0, "no key is left in plain");
}
