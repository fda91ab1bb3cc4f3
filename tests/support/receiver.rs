//! The receiver inside a test, and requests to it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use carded::sync::{WebhookSecret, sign};
use carded::tools::receiver::{AlarmKind, DeviceKey, ReceivedEvent, ReceiverOptions, TrustedKeys, serve};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::events::SECRET;

/// No test waits longer than this for anything.
pub const LIMIT: Duration = Duration::from_secs(20);

pub fn secret() -> WebhookSecret {
    WebhookSecret::new(SECRET).unwrap()
}

pub fn at(address: SocketAddr) -> String {
    format!("http://{address}/webhooks")
}

/// The receiver, and what it saw.
pub struct Receiver {
    pub address: SocketAddr,
    pub seen: Arc<Mutex<Vec<ReceivedEvent>>>,
    /// The alarms that have begun.
    pub alarms: Arc<Mutex<Vec<AlarmKind>>>,
    pub stop: watch::Sender<bool>,
    pub ended: tokio::task::JoinHandle<()>,
}

pub fn receiver_on(listener: TcpListener, folder: &Path, trusted: Option<TrustedKeys>) -> Receiver {
    receiver_with(listener, folder, trusted, LIMIT)
}

/// One that waits so long for what a heartbeat names.
pub fn receiver_with(listener: TcpListener, folder: &Path, trusted: Option<TrustedKeys>, grace: Duration) -> Receiver {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (stop, stopped) = watch::channel(false);
    let address = listener.local_addr().unwrap();
    let noted = Arc::clone(&seen);
    let alarms = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&alarms);
    let options = ReceiverOptions {
        database: folder.join("receiver.db"),
        secrets: vec![secret()],
        trusted,
        on_event: Box::new(move |event| noted.lock().unwrap().push(event.clone())),
        grace,
        on_alarm: Box::new(move |alarm, begins| {
            if begins {
                told.lock().unwrap().push(alarm.kind);
            }
        }),
    };
    let ended = tokio::spawn(async move { serve(listener, options, stopped).await.unwrap() });
    Receiver { address, seen, alarms, stop, ended }
}

pub async fn receiver(folder: &TempDir, device_key: Option<DeviceKey>) -> Receiver {
    receiver_trusting(folder, device_key.map(TrustedKeys::from)).await
}

pub async fn receiver_trusting(folder: &TempDir, trusted: Option<TrustedKeys>) -> Receiver {
    receiver_on(TcpListener::bind("127.0.0.1:0").await.unwrap(), folder.path(), trusted)
}

impl Receiver {
    pub fn seen_ids(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|event| event.id.clone()).collect()
    }

    pub async fn listed(&self) -> Value {
        let answer = client().get(format!("http://{}/events", self.address)).send().await.unwrap();
        serde_json::from_str::<Value>(&answer.text().await.unwrap()).unwrap()["data"].take()
    }
}

pub fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

pub fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

/// Posts a body with a header and gives back status and error code.
pub async fn post(address: SocketAddr, headers: &[(&str, &str)], body: Vec<u8>) -> (u16, String) {
    let mut request = client().post(at(address)).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    (status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
}

pub async fn post_signed(address: SocketAddr, body: &str) -> (u16, String) {
    let header = sign(&[secret()], now(), body.as_bytes());
    post(address, &[("stripe-signature", &header)], body.into()).await
}
