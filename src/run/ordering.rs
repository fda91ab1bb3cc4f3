//! How an operator's order reaches the store: through the engine where one runs, and directly where none does.
//!
//! Always holds: one of both carries it out, because a store belongs to one process at a time. Does not know what orders say.

use std::time::Duration;

use zeroize::Zeroizing;

use super::config::Config;
use super::socket::{Connection, SocketError};
use crate::privacy::ApiKeyRecord;
use crate::session::protocol::{Body, ClientMessage, ClientRole, EngineMessage};
use crate::store::{Store, StoreError};

/// Time for the engine's answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Why an operator's order was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// Something in it is not as it has to be.
    #[error("{0}")]
    Invalid(String),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine cannot be asked.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The system gives no randomness.
    #[error("the system gives no random numbers: {0}; check the kernel")]
    Random(getrandom::Error),
    /// The engine said something else.
    #[error("the engine did not answer what it was asked; install the same version of engine and command")]
    Answer,
}

/// Has an order carried out, and takes the answer out of what the engine says.
pub(super) async fn on_engine_or_store<T>(
    config: &Config,
    order: ClientMessage,
    of_engine: impl FnOnce(EngineMessage) -> Option<T>,
    on_store: impl FnOnce(&mut Store) -> Result<T, OrderError>,
) -> Result<T, OrderError> {
    match Connection::open(&config.device.socket, ClientRole::Operator).await {
        Ok(mut engine) => {
            engine.send(&order).await?;
            let heard =
                tokio::time::timeout(ANSWER_WITHIN, engine.receive()).await.map_err(|_| OrderError::Answer)??;
            match heard {
                Body::Message(EngineMessage::Failed { why }) => Err(OrderError::Invalid(why)),
                Body::Message(said) => of_engine(said).ok_or(OrderError::Answer),
                Body::Preview(_) => Err(OrderError::Answer),
            }
        }
        Err(SocketError::Connect { .. }) => on_store(&mut Store::open(config.device.places())?),
        Err(error) => Err(error.into()),
    }
}

/// Random bytes for something secret.
pub(super) fn random<const BYTES: usize>() -> Result<Zeroizing<[u8; BYTES]>, OrderError> {
    let mut bytes = Zeroizing::new([0; BYTES]);
    getrandom::fill(bytes.as_mut()).map_err(OrderError::Random)?;
    Ok(bytes)
}

/// Refuses what cannot be a label, and says what it should name.
pub(super) fn expect_label(label: &str, what: &str) -> Result<(), OrderError> {
    if ApiKeyRecord::is_label(label) {
        return Ok(());
    }
    let most = ApiKeyRecord::MAX_LABEL;
    Err(OrderError::Invalid(format!("a label has 1 to {most} printable characters; name {what}")))
}
