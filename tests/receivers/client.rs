//! The clients of `docs/receivers/` against a box that is busy, restarts and hangs up.

use std::process::Output;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::net::TcpListener;

use crate::language::Language;

const KEY: &str = "vk_test_known_to_tests";
const SESSION: &str = "vs_000000000000000000000001";

/// A request as it came.
#[derive(Debug, Clone, PartialEq)]
struct Asked {
    line: String,
    idempotency_key: Option<String>,
    authorization: Option<String>,
    body: String,
}

/// An answer without a session: status and `Retry-After`.
type Refusal = (u16, Option<&'static str>);

/// A box that has other things to do first.
#[derive(Clone, Default)]
struct Busy {
    /// Refusals that are still to come, the next one last.
    refusals: Arc<Mutex<Vec<Refusal>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

async fn answer(State(state): State<Busy>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 4096).await.unwrap();
    let header = |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    state.asked.lock().unwrap().push(Asked {
        line: format!("{} {}", head.method, head.uri),
        idempotency_key: header("idempotency-key"),
        authorization: header("authorization"),
        body: String::from_utf8(body.into()).unwrap(),
    });
    let Some((status, retry_after)) = state.refusals.lock().unwrap().pop() else {
        return json!({ "id": SESSION, "object": "identity.verification_session", "status": "requires_input" })
            .to_string()
            .into_response();
    };
    let headers = [("retry-after", retry_after), ("location", Some("/elsewhere"))].into_iter();
    let headers = headers.filter_map(|(name, value)| Some((name.parse().unwrap(), value?.parse().unwrap())));
    let status = StatusCode::from_u16(status).unwrap();
    (status, headers.collect::<HeaderMap>(), "<html>not now</html>").into_response()
}

/// Runs a client against a box that hangs up on the first `hang_ups` connections and then answers with these refusals.
async fn run(language: &Language, hang_ups: usize, refusals: &[Refusal]) -> (Output, Vec<Asked>) {
    let folder = tempfile::tempdir().unwrap();
    let key_file = folder.path().join("key");
    std::fs::write(&key_file, format!("{KEY}\n")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let state = Busy::default();
    *state.refusals.lock().unwrap() = refusals.iter().rev().copied().collect();
    let router = Router::new().fallback(answer).with_state(state.clone());
    let serving = tokio::spawn(async move {
        for _ in 0..hang_ups {
            drop(listener.accept().await.unwrap());
        }
        axum::serve(listener, router).await.unwrap();
    });
    let mut client = language.client();
    client.arg("order-7").env("CARDED_URL", url).env("CARDED_KEY_FILE", key_file);
    // A proxy of the environment must not be asked.
    client.env("http_proxy", "http://127.0.0.1:9").env("HTTP_PROXY", "http://127.0.0.1:9");
    let output = tokio::task::spawn_blocking(move || client.output().unwrap()).await.unwrap();
    serving.abort();
    let asked = state.asked.lock().unwrap().clone();
    (output, asked)
}

pub async fn tries_again(language: &Language) {
    let refusals = [(503, None), (429, Some("0")), (409, None), (429, Some("1"))];
    let (output, asked) = run(language, 1, &refusals).await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), format!("{SESSION} requires_input"));
    let (created, retrieved) = asked.split_at(refusals.len() + 1);
    let authorization = Some(format!("Bearer {KEY}"));
    for asked in created {
        assert_eq!(asked.line, "POST /v1/identity/verification_sessions");
        assert_eq!((asked.idempotency_key.as_deref(), &asked.authorization), (Some("verify-order-7"), &authorization));
        let mut fields: Vec<_> =
            asked.body.split('&').map(|field| field.replace("%5B", "[").replace("%5D", "]")).collect();
        fields.sort();
        assert_eq!(fields, ["client_reference_id=order-7", "metadata[till]=3", "type=document"]);
    }
    let line = format!("GET /v1/identity/verification_sessions/{SESSION}");
    assert_eq!(retrieved, [Asked { line, idempotency_key: None, authorization, body: String::new() }]);
}

pub async fn gives_up(language: &Language) {
    // What is wrong stays wrong; and a till does not wait for an hour.
    for refusal in [(400, None), (401, None), (302, None), (429, Some("3600"))] {
        let (output, asked) = run(language, 0, &[refusal]).await;
        assert!(!output.status.success(), "{refusal:?}");
        assert_eq!(asked.len(), 1, "{refusal:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(said.contains(&refusal.0.to_string()) && !said.contains(KEY), "{said}");
    }
}
