//! HTTPS: whose certificate is believed, and whose is not.

use std::net::SocketAddr;
use std::sync::Arc;

use carded::session::Dialect;
use carded::session::protocol::{Delivery, Settlement};
use carded::sync::{Answer, Deliverer, Endpoint, EndpointError, NoAnswer};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::support::certified::Certified;
use super::support::events;
use super::{delivery, endpoint, http, settle, short};

/// A receiver that acknowledges whatever it is sent, behind a certificate.
async fn safe(certified: &Certified) -> SocketAddr {
    carded::sync::choose_cryptography();
    let chain = CertificateDer::pem_file_iter(certified.path("server.pem")).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(certified.path("server.key")).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut request = vec![0; 64 * 1024];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(http("200 OK", "", "ok").as_bytes()).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    address
}

async fn attempt(endpoint: Endpoint, delivery: &Delivery) -> Answer {
    Deliverer::new(vec![endpoint], short()).unwrap().attempt(delivery).await
}

#[tokio::test]
async fn only_a_receiver_whose_certificate_is_of_the_authority_and_of_its_host_is_believed() {
    let Some(right) = Certified::of("IP:127.0.0.1") else { return };
    let Some(other) = Certified::of("DNS:other.shop.example") else { return };
    let url = |address: SocketAddr| format!("https://{address}/webhooks");
    let receiver = safe(&right).await;
    let believed = endpoint("till", &url(receiver)).with_authority(&right.authority()).unwrap();
    // Also what is live.
    let (event, body) = events::verified(Dialect::Stile, 1, true);
    let live = Delivery { event, body, ..delivery(1, "till") };
    assert_eq!(settle(&attempt(believed.clone(), &live).await), Settlement::Acknowledged);
    // The system's roots do not know it, another authority neither; and another host's is another host's.
    let by_system = endpoint("till", &url(receiver));
    let by_another = endpoint("till", &url(receiver)).with_authority(&other.authority()).unwrap();
    let of_another = endpoint("till", &url(safe(&other).await)).with_authority(&other.authority()).unwrap();
    for refused in [by_system, by_another, of_another] {
        let answer = attempt(refused, &live).await;
        assert_eq!(answer, Answer::Nothing(NoAnswer::Tls));
        assert!(matches!(settle(&answer), Settlement::Retry { .. }), "it is tried again without end");
    }
    let nonsense = endpoint("till", &url(receiver)).with_authority(b"nonsense");
    assert_eq!(nonsense.unwrap_err(), EndpointError::Authority);
}

#[tokio::test]
async fn a_receiver_whose_certificate_has_run_out_gets_nothing_until_it_has_another() {
    let Some(good) = Certified::of("IP:127.0.0.1") else { return };
    let Some(expired) = Certified::of("IP:127.0.0.1").map(Certified::expired) else { return };
    for (certified, believed) in [(good, true), (expired, false)] {
        let url = format!("https://{}/webhooks", safe(&certified).await);
        let endpoint = endpoint("till", &url).with_authority(&certified.authority()).unwrap();
        let answer = attempt(endpoint, &delivery(1, "till")).await;
        assert_eq!(answer == Answer::Nothing(NoAnswer::Tls), !believed, "{answer:?}");
        assert_eq!(settle(&answer) == Settlement::Acknowledged, believed, "it is tried again without end");
    }
}
