//! The Unix socket on which the roles meet: framing, the handshake, and who may connect.
//!
//! Always holds: a message is bounded and has a time limit once it began; a peer is known by its user (`SO_PEERCRED`)
//! and speaks the same protocol, or is refused in words. Does not know what messages mean.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use crate::session::protocol::{
    self, Body, ClientMessage, ClientRole, EngineMessage, Greeting, HEADER_BYTES, Hello, ProtocolError,
};

/// Time for the handshake, and for the rest of a message whose first byte has come.
const MESSAGE_WITHIN: Duration = Duration::from_secs(5);
/// Time to take a message off our hands: a display that does not read is dropped.
const WRITE_WITHIN: Duration = Duration::from_secs(5);

/// Why two roles cannot talk.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Nobody listens, or the path is wrong.
    #[error("cannot reach the engine at {path}: {source}; start 'carded engine', or check device.socket", path = path.display())]
    Connect {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another engine listens there.
    #[error("another engine listens at {path}; stop it, or name another device.socket", path = path.display())]
    InUse {
        /// Where.
        path: PathBuf,
    },
    /// The socket cannot be made.
    #[error("cannot listen at {path}: {source}; check that the folder exists and can be written", path = path.display())]
    Bind {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The engine does not want this client.
    #[error("the engine refused the connection: {0}")]
    Refused(String),
    /// The connection ended.
    #[error("the connection ended; it is made again when the engine is back")]
    Closed,
    /// The connection failed, or the other side was too slow.
    #[error("the connection failed: {0}")]
    Broken(#[from] std::io::Error),
    /// What came is no message.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
}

impl SocketError {
    /// How long to wait before the engine is asked again, after a wait that was in vain: soon where it is not there yet, ever longer
    /// where it refuses, because somebody has to change something first.
    pub(super) fn wait(&self, before: Duration, first: Duration, longest: Duration) -> Duration {
        match self {
            Self::Refused(_) | Self::Protocol(_) => (before * 2).clamp(first, longest),
            Self::Connect { .. } | Self::InUse { .. } | Self::Bind { .. } | Self::Closed | Self::Broken(_) => first,
        }
    }
}

/// Makes the socket, in the place of one that nobody listens at any more.
///
/// # Errors
/// [`SocketError::InUse`] when another engine listens there, [`SocketError::Bind`] when it cannot be made.
pub(super) async fn bind(path: &Path) -> Result<UnixListener, SocketError> {
    use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
    let failed = |source| SocketError::Bind { path: path.to_owned(), source };
    if UnixStream::connect(path).await.is_ok() {
        return Err(SocketError::InUse { path: path.to_owned() });
    }
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path).map_err(failed)?,
        Ok(_) => return Err(failed(std::io::Error::other("something that is no socket is there"))),
        Err(_) => {}
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    // Who may connect is decided by their user; the mode only lets the users of other roles try.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666)).map_err(failed)?;
    Ok(listener)
}

/// Reads one message; `None` when the other side has closed between messages.
pub(super) async fn read<T: DeserializeOwned>(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Option<Body<T>>, SocketError> {
    let mut header = [0; HEADER_BYTES];
    if stream.read(&mut header[..1]).await? == 0 {
        return Ok(None);
    }
    let slow = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
    timeout(MESSAGE_WITHIN, stream.read_exact(&mut header[1..])).await.map_err(slow)??;
    let (kind, length) = protocol::decode_header(header)?;
    let mut body = zeroize::Zeroizing::new(vec![0; length]);
    timeout(MESSAGE_WITHIN, stream.read_exact(&mut body)).await.map_err(slow)??;
    Ok(Some(protocol::decode_body(kind, &body)?))
}

/// Writes the bytes of one message.
pub(super) async fn write_bytes(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<(), SocketError> {
    let slow = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
    timeout(WRITE_WITHIN, stream.write_all(bytes)).await.map_err(slow)??;
    Ok(())
}

/// Writes one message.
pub(super) async fn write(stream: &mut (impl AsyncWrite + Unpin), message: &impl Serialize) -> Result<(), SocketError> {
    write_bytes(stream, &protocol::encode(message)?).await
}

/// Takes in a client: checks its protocol, has `admit` judge its role and user, and answers. What `admit` gave is the
/// client's for as long as it is connected.
pub(super) async fn welcome<T>(
    mut stream: UnixStream,
    admit: impl FnOnce(ClientRole, u32) -> Result<T, String>,
) -> Result<(ClientRole, T, OwnedReadHalf, OwnedWriteHalf), SocketError> {
    let user = stream.peer_cred()?.uid();
    let slow = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
    let first = timeout(MESSAGE_WITHIN, read::<Greeting>(&mut stream)).await.map_err(slow)??;
    let role = match first {
        Some(Body::Message(greeting)) => {
            // Both ends say so: whoever looks after the device may read either log.
            greeting.understood().inspect_err(|why| tracing::warn!("a client was turned away: {why}"))
        }
        Some(Body::Preview(_)) | None => Err("a client says hello first".to_owned()),
    };
    let admitted = role.and_then(|role| admit(role, user).map(|given| (role, given)));
    match admitted {
        Ok((role, given)) => {
            write(&mut stream, &EngineMessage::Welcome { program: env!("CARGO_PKG_VERSION").to_owned() }).await?;
            let (reading, writing) = stream.into_split();
            Ok((role, given, reading, writing))
        }
        Err(why) => {
            write(&mut stream, &EngineMessage::Refused { why: why.clone() }).await?;
            Err(SocketError::Refused(why))
        }
    }
}

/// A client's connection to the engine.
#[derive(Debug)]
pub struct Connection {
    reading: OwnedReadHalf,
    writing: OwnedWriteHalf,
}

impl Connection {
    /// Connects and says hello.
    ///
    /// # Errors
    /// [`SocketError`] when nobody listens or the engine refuses.
    pub async fn open(path: &Path, role: ClientRole) -> Result<Self, SocketError> {
        let failed = |source| SocketError::Connect { path: path.to_owned(), source };
        let stream = UnixStream::connect(path).await.map_err(failed)?;
        let (reading, writing) = stream.into_split();
        let mut connection = Self { reading, writing };
        let greeted = connection.send(&ClientMessage::Hello(Hello::of(role))).await;
        let slow = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
        let answer = timeout(MESSAGE_WITHIN, connection.receive()).await.map_err(slow)?;
        // Whoever may not connect is refused before greeting: the engine's words say more than the broken pipe.
        if answer.is_err() {
            greeted?;
        }
        match answer? {
            Body::Message(EngineMessage::Welcome { .. }) => Ok(connection),
            Body::Message(EngineMessage::Refused { why }) => Err(SocketError::Refused(why)),
            Body::Message(_) | Body::Preview(_) => Err(ProtocolError::Form.into()),
        }
    }

    /// Sends one message.
    ///
    /// # Errors
    /// [`SocketError`] when the connection is gone.
    pub async fn send(&mut self, message: &ClientMessage) -> Result<(), SocketError> {
        write(&mut self.writing, message).await
    }

    /// Waits for the next message. Cut off in the middle of one, the connection is of no more use.
    ///
    /// # Errors
    /// [`SocketError::Closed`] when the engine has gone.
    pub async fn receive(&mut self) -> Result<Body<EngineMessage>, SocketError> {
        read(&mut self.reading).await?.ok_or(SocketError::Closed)
    }

    /// The two directions, for two tasks.
    #[must_use]
    pub fn split(self) -> (EngineReader, EngineWriter) {
        (EngineReader(self.reading), EngineWriter(self.writing))
    }
}

/// What comes from the engine.
#[derive(Debug)]
pub struct EngineReader(OwnedReadHalf);

impl EngineReader {
    /// As [`Connection::receive`].
    ///
    /// # Errors
    /// [`SocketError::Closed`] when the engine has gone.
    pub async fn receive(&mut self) -> Result<Body<EngineMessage>, SocketError> {
        read(&mut self.0).await?.ok_or(SocketError::Closed)
    }
}

/// What goes to the engine.
#[derive(Debug)]
pub struct EngineWriter(OwnedWriteHalf);

impl EngineWriter {
    /// As [`Connection::send`].
    ///
    /// # Errors
    /// [`SocketError`] when the connection is gone.
    pub async fn send(&mut self, message: &ClientMessage) -> Result<(), SocketError> {
        write(&mut self.0, message).await
    }
}
